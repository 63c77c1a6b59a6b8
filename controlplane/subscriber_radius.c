/* SPDX-License-Identifier: BSD-3-Clause */
/* What RADIUS is told of a subscriber, and what it gives beyond addresses. */
#include "subscriber.h"

#include "lns.h"
#include "log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RATES_AGAIN_MS 50
#define DSL_CIRCUIT_ID 1 /* RFC 5515 AVPs carry TR-101's numbers */
#define DSL_REMOTE_ID  2

void subscriber_name(struct subscriber *subscriber)
{
	subscriber->serial = subscriber->lns->acct_serial++;
}

const char *subscriber_acct_id(
	const struct subscriber *subscriber, char text[RADIUS_SESSION_ID_MAX])
{
	snprintf(text, RADIUS_SESSION_ID_MAX, "%08X%08X", subscriber->lns->acct_epoch,
		subscriber->serial);
	return text;
}

static void endpoint_text(const struct l2tp_endpoint *endpoint, char text[46])
{
	inet_ntop(endpoint->family == 6 ? AF_INET6 : AF_INET, endpoint->address, text, 46);
}

static struct radius_bytes bytes_of(const uint8_t *bytes, size_t length)
{
	return (struct radius_bytes){bytes, bytes ? length : 0};
}

static struct radius_bytes field_of(const struct l2tp_call *call, struct l2tp_field field)
{
	size_t length;
	const uint8_t *bytes = l2tp_call_bytes(call, field, &length);

	return bytes_of(bytes, length);
}

static struct radius_bytes line_of(const struct l2tp_call *call, unsigned int attribute)
{
	size_t length;
	const uint8_t *bytes = l2tp_call_access_line(call, attribute, &length);

	return bytes_of(bytes, length);
}

void subscriber_tell(const struct subscriber *subscriber, struct subscriber_told *told)
{
	const struct config *config = subscriber->profile->config;
	size_t peer = (size_t)(subscriber->ppp.config - subscriber->profile->ppp);
	const struct l2tp_session *l2tp = subscriber->l2tp;
	struct radius_session *session = &told->session;

	*session = (struct radius_session){
		.id = subscriber_acct_id(subscriber, told->id),
		.user = bytes_of((const uint8_t *)subscriber->user,
			subscriber->user ? strlen(subscriber->user) : 0),
		.tunnel_id = subscriber->record.tunnel_id,
		.session_id = subscriber->record.session_id,
		.lns_name = config->peers[peer].local_name,
		.mtu = subscriber->record.mtu,
	};
	if (!l2tp)
		return;
	endpoint_text(&l2tp->tunnel->path.peer, told->lac_address);
	endpoint_text(&l2tp->tunnel->path.local, told->lns_address);
	session->lac_tunnel_id = l2tp->tunnel->peer_id;
	session->lac_name = l2tp->tunnel->host_name;
	session->lac_address = told->lac_address;
	session->lns_address = told->lns_address;
	session->ipv6_transport = l2tp->tunnel->path.peer.family == 6;
	session->calling = field_of(l2tp->call, l2tp->call->calling_number);
	session->called = field_of(l2tp->call, l2tp->call->called_number);
	session->circuit_id = line_of(l2tp->call, DSL_CIRCUIT_ID);
	session->remote_id = line_of(l2tp->call, DSL_REMOTE_ID);
	session->has_port = l2tp->call->has_physical_channel;
	session->port = l2tp->call->physical_channel;
	session->serial = l2tp->call->serial_number;
	session->tx_speed = l2tp->call->tx_speed;
	session->rx_speed = l2tp->call->rx_speed;
}

int subscriber_keep_extra(struct subscriber *subscriber, const struct aaa_answer *answer)
{
	struct aaa_extra *extra = NULL;

	if (answer->extra) {
		extra = malloc(answer->extra->size);
		if (!extra)
			return -ENOMEM;
		memcpy(extra, answer->extra, answer->extra->size);
	}
	free(subscriber->extra);
	subscriber->extra = extra;
	subscriber->mtu = answer->mtu;
	if (answer->mtu && answer->mtu < subscriber->record.mtu) {
		subscriber->record.mtu = answer->mtu;
		/* IPv4 and TCP headers without options */
		if (subscriber->record.flags & SESSION_MSS_CLAMP &&
			subscriber->record.mss > answer->mtu - 40)
			subscriber->record.mss = (uint16_t)(answer->mtu - 40);
	}
	return 0;
}

static int rates_send(struct subscriber *subscriber)
{
	const struct aaa_extra *extra = subscriber->extra;
	struct message message = {
		.type = MESSAGE_SESSION_POLICER,
		.index = subscriber->record.index,
		.generation = subscriber->record.generation,
	};

	if (extra) {
		message.policer.up_rate = extra->up_rate / 8;
		message.policer.down_rate = extra->down_rate / 8;
		message.policer.up_burst = extra->up_burst;
		message.policer.down_burst = extra->down_burst;
		message.policer.overhead =
			(int16_t)lns_config(subscriber->lns)->subscribers.line_overhead;
	}
	return dataplane_message(subscriber->lns->dp, subscriber->record.owner, &message);
}

/* A subscriber whose owner had no room for its rates. */
struct rates_again {
	struct timer timer;
	struct subscriber *subscriber;
};

static void rates_again(struct timer *timer, uint64_t now)
{
	struct rates_again *again = RTE_PTR_SUB(timer, offsetof(struct rates_again, timer));

	if (rates_send(again->subscriber))
		timer_set(&again->subscriber->lns->wheel, timer, now + RATES_AGAIN_MS);
	else
		subscriber_rates_end(again->subscriber);
}

void subscriber_rates_end(struct subscriber *subscriber)
{
	if (!subscriber->rates)
		return;
	timer_cancel(&subscriber->lns->wheel, &subscriber->rates->timer);
	free(subscriber->rates);
	subscriber->rates = NULL;
}

void subscriber_rates_set(struct subscriber *subscriber)
{
	const struct aaa_extra *extra = subscriber->extra;
	bool limited = extra && (extra->up_rate || extra->down_rate);
	struct lns *lns = subscriber->lns;

	if ((limited || subscriber->rated) && rates_send(subscriber) && !subscriber->rates) {
		subscriber->rates = malloc(sizeof(*subscriber->rates));
		if (subscriber->rates) {
			subscriber->rates->subscriber = subscriber;
			timer_init(&subscriber->rates->timer, rates_again);
			timer_set(
				&lns->wheel, &subscriber->rates->timer, lns->now + RATES_AGAIN_MS);
		} else {
			struct log_context context = subscriber_log(subscriber);

			log_warning(&context, "rate limits not set: out of memory");
		}
	}
	subscriber->rated = limited;
}
