/* SPDX-License-Identifier: BSD-3-Clause */
/* The PPP engine's side of a subscriber. */
#include "subscriber_ppp.h"

#include "lns.h"
#include "log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* IPv4 and TCP headers without options. */
#define TCP4_HEADERS 40

#define FORWARD_FLAGS ((uint32_t)(SESSION_FORWARD4 | SESSION_FORWARD6))

static void on_send(void *user, const uint8_t *frame, size_t length)
{
	struct subscriber *subscriber = user;
	struct lns *lns = subscriber->lns;
	struct rte_mbuf *packet = dataplane_mbuf(lns->dp);
	struct meta *meta;
	char *room;

	if (!packet) {
		lns->drops[LNS_DROP_INJECT_NO_MBUF]++;
		return;
	}
	room = rte_pktmbuf_append(packet, (uint16_t)length);
	if (!room) {
		lns->drops[LNS_DROP_SEND_TOO_LONG]++;
		rte_pktmbuf_free(packet);
		return;
	}
	memcpy(room, frame, length);
	meta = meta_of(packet);
	meta->kind = INJECT_SESSION;
	meta->session = subscriber->record.index;
	meta->generation = subscriber->record.generation;
	dataplane_inject(lns->dp, subscriber->record.owner, packet);
}

static void on_random_bytes(void *user, void *out, size_t length)
{
	entropy_fill(out, length);
}

static void on_arm(void *user, uint64_t deadline)
{
	subscriber_deadline_set(user, deadline);
}

static void on_link_up(void *user, const struct ppp_link *link)
{
	struct subscriber *subscriber = user;
	struct subscriber_record *record = &subscriber->record;
	const struct config *config = subscriber->profile->config;
	uint32_t flags = record->flags & ~(uint32_t)(SESSION_SEND_ACFC | SESSION_SEND_PFC);

	if (!link->address_control)
		flags |= SESSION_SEND_ACFC;
	if (link->pfc)
		flags |= SESSION_SEND_PFC;
	subscriber->peer_mru = link->peer_mru;
	record->mtu = link->peer_mru < config->subscribers.mru ? link->peer_mru
							       : config->subscribers.mru;
	record->mss = 0;
	if (config->subscribers.mss_clamp) {
		record->mss = config->subscribers.mss ? config->subscribers.mss
						      : (uint16_t)(record->mtu - TCP4_HEADERS);
		flags |= SESSION_MSS_CLAMP;
	}
	if (!config->subscribers.subscriber_to_subscriber)
		flags |= SESSION_NO_HAIRPIN;
	if (flags != record->flags) {
		record->flags = flags;
		install_session_framing(subscriber->lns->install, record);
	}
	subscriber->state = SUBSCRIBER_AUTH;
}

/* flags: of one family or of both. The session is up as long as one of them is. */
static void forwarding_stop(struct subscriber *subscriber, uint32_t flags)
{
	struct lns *lns = subscriber->lns;
	struct subscriber_record *record = &subscriber->record;

	if (!(record->flags & flags))
		return;
	if (flags & SESSION_FORWARD4)
		subscriber_routes_announce(subscriber, 4, false);
	if (flags & SESSION_FORWARD6) {
		subscriber_routes_announce(subscriber, 6, false);
		subscriber_ipv6_down(subscriber);
	}
	record->flags &= ~flags;
	install_session_update(lns->install, record);
	if (subscriber->state != SUBSCRIBER_UP || (record->flags & FORWARD_FLAGS))
		return;
	/* a peer that begins anew has no more time for it than at first, nor more of its session's */
	if (subscriber->profile->config->subscribers.setup_timeout)
		subscriber_limit_set(subscriber,
			RTE_MIN(lns->now + subscriber->profile->config->subscribers.setup_timeout,
				subscriber_session_end(subscriber)));
	lns->subscribers.n_up--;
	subscriber->state = SUBSCRIBER_NETWORK;
}

static void on_link_down(void *user)
{
	struct subscriber *subscriber = user;

	if (subscriber->aaa_id)
		aaa_cancel(subscriber->lns->aaa, subscriber->aaa_id);
	subscriber->aaa_id = 0;
	forwarding_stop(subscriber, FORWARD_FLAGS);
	subscriber->state = SUBSCRIBER_LINK;
}

/* Keeps what the AAA gave; -ENOMEM. */
static int answer_keep(struct subscriber *subscriber, const struct aaa_answer *answer)
{
	struct config_route *routes = NULL;

	if (answer->n_routes) {
		routes = malloc(answer->n_routes * sizeof(*routes));
		if (!routes)
			return -ENOMEM;
		memcpy(routes, answer->routes, answer->n_routes * sizeof(*routes));
	}
	if (subscriber_keep_extra(subscriber, answer)) {
		free(routes);
		return -ENOMEM;
	}
	free(subscriber->routes);
	subscriber->routes = routes;
	subscriber->n_routes = (uint8_t)answer->n_routes;
	if (answer->vrf != subscriber->record.vrf) {
		subscriber_address_drop(subscriber);
		subscriber->record.vrf = (uint16_t)answer->vrf;
	}
	subscriber->pool = answer->pool;
	subscriber->session_timeout = answer->session_timeout;
	subscriber->idle_timeout = answer->idle_timeout;
	subscriber->dns[0] = subscriber->dns[1] = subscriber->fixed = 0;
	for (unsigned int i = 0; i < 2; i++)
		if (answer->dns[i].family == 4)
			memcpy(&subscriber->dns[i], answer->dns[i].bytes, sizeof(uint32_t));
	subscriber->address_choice = answer->address_choice;
	if (answer->address.family == 4)
		memcpy(&subscriber->fixed, answer->address.bytes, sizeof(uint32_t));
	return subscriber_ipv6_keep(subscriber, &answer->ipv6);
}

static void answer_apply(struct subscriber *subscriber, const struct aaa_answer *answer)
{
	struct lns *lns = subscriber->lns;
	struct log_context context = subscriber_log(subscriber);
	struct ppp_auth_result result = {
		.serial = subscriber->auth_serial,
		.accept = answer->accept,
		.message = answer->message,
		.message_len = strlen(answer->message),
		.authenticator = answer->has_authenticator ? answer->authenticator : NULL,
	};

	subscriber->aaa_id = 0;
	subscriber_decided(subscriber);
	/* a refusal would tell the peer that its password is wrong, and some never call again then */
	if (answer->unavailable) {
		log_ratelimited(LOG_LEVEL_WARNING, &context, "nobody can authenticate: %s",
			answer->refusal ? answer->refusal : "no reason given");
		subscriber_kill(subscriber, PPP_CLOSE_AUTH_TIMEOUT);
		return;
	}
	if (answer->accept && answer_keep(subscriber, answer)) {
		subscriber_close(subscriber, PPP_CLOSE_NO_MEMORY);
		return;
	}
	if (answer->accept) {
		subscribers_user_remove(&lns->subscribers, subscriber);
		subscribers_user_add(&lns->subscribers, subscriber);
	} else {
		lns->subscribers.auth_failed++;
		log_ratelimited(LOG_LEVEL_INFO, &context, "authentication refused: %s",
			answer->refusal ? answer->refusal : "no reason given");
	}
	ppp_auth_result(&subscriber->ppp, lns->now, &result);
}

static void on_aaa_done(void *user, uint32_t id, const struct aaa_answer *answer)
{
	struct subscriber *subscriber = user;
	struct aaa_answer existing;

	if (answer->unavailable && subscriber_existing(subscriber, &existing))
		answer = &existing;
	answer_apply(subscriber, answer);
}

static bool user_is(const struct subscriber *subscriber, const struct ppp_auth_request *request)
{
	return strlen(subscriber->user) == request->user_len &&
		!memcmp(subscriber->user, request->user, request->user_len);
}

static void on_auth_request(void *user, const struct ppp_auth_request *request)
{
	static const enum aaa_method methods[] = {
		[PPP_AUTH_NONE] = AAA_NONE,
		[PPP_AUTH_PAP] = AAA_PAP,
		[PPP_AUTH_CHAP_MD5] = AAA_CHAP_MD5,
		[PPP_AUTH_MSCHAP_V2] = AAA_MSCHAP_V2,
	};
	struct subscriber *subscriber = user;
	struct lns *lns = subscriber->lns;
	struct aaa_request question = {
		.method = methods[request->method],
		.user = request->user,
		.user_length = request->user_len,
		.password = request->password,
		.password_length = request->password_len,
		.chap_id = request->chap_id,
		.challenge = request->challenge,
		.challenge_length = request->challenge_len,
		.response = request->response,
		.response_length = request->response_len,
	};
	struct subscriber_told told;
	char *name;
	int64_t id;

	if (subscriber->user && !user_is(subscriber, request) && subscriber->forwarded) {
		struct log_context context = subscriber_log(subscriber);

		/* its accounting is in the old name, to the last byte: the new one calls anew */
		log_ratelimited(LOG_LEVEL_WARNING, &context,
			"session closed: its peer authenticates as another user, \"%.*s\"",
			(int)RTE_MIN(request->user_len, (size_t)AAA_USER_MAX),
			(const char *)request->user);
		subscriber_close(subscriber, PPP_CLOSE_AUTH_FAILED);
		return;
	}
	/* the index hangs on the name: out of it before the name changes */
	subscribers_user_remove(&lns->subscribers, subscriber);
	if (subscriber->user && !user_is(subscriber, request))
		subscriber_address_drop(subscriber);
	name = request->user_len <= AAA_USER_MAX ? malloc(request->user_len + 1) : NULL;
	if (name) {
		if (request->user_len)
			memcpy(name, request->user, request->user_len);
		name[request->user_len] = '\0';
		free(subscriber->user);
		subscriber->user = name;
		subscriber->user_hash = subscribers_hash(&lns->subscribers, name, strlen(name));
	}
	subscriber->auth_method = (uint8_t)request->method;
	subscriber->auth_serial = request->serial;
	if (subscriber->aaa_id)
		aaa_cancel(lns->aaa, subscriber->aaa_id);
	subscriber->aaa_id = 0;
	subscriber_tell(subscriber, &told);
	question.session = &told.session;
	id = name ? aaa_submit(lns->aaa, &question, on_aaa_done, subscriber) : -ENOMEM;
	if (id > 0)
		subscriber->aaa_id = (uint32_t)id;
	else
		subscriber_close(subscriber, PPP_CLOSE_AUTH_TIMEOUT);
}

/* Without authentication nobody was asked: the defaults apply. -ENOMEM. */
static int defaults_keep(struct subscriber *subscriber)
{
	const struct config_subscribers *config = &subscriber->profile->config->subscribers;
	const struct config *now = lns_config(subscriber->lns);
	struct aaa_ipv6 ipv6;

	/* an index into the pools of now, not of the profile */
	subscriber->pool = now->subscribers.pool;
	subscriber->session_timeout = config->session_timeout;
	subscriber->idle_timeout = config->idle_timeout;
	for (unsigned int i = 0; i < 2; i++)
		if (config->dns[i].family == 4)
			memcpy(&subscriber->dns[i], config->dns[i].bytes, 4);
	aaa_ipv6_defaults(now, subscriber->record.vrf, &ipv6);
	return subscriber_ipv6_keep(subscriber, &ipv6);
}

static void address_missing(struct subscriber *subscriber, int rc)
{
	struct lns *lns = subscriber->lns;
	struct log_context context = subscriber_log(subscriber);

	lns->subscribers.no_address++;
	if (rc == -ENOSPC)
		log_ratelimited(LOG_LEVEL_WARNING, &context, "no address: pool %s is exhausted",
			lns_config(lns)->pools[subscriber->pool].name);
	else
		log_ratelimited(LOG_LEVEL_WARNING, &context, "no address: %s",
			rc == -ENOENT          ? "neither a fixed address nor a pool is configured"
				: rc == -EBUSY ? "the fixed address is in use by another user"
					       : strerror(-rc));
	subscriber_close(subscriber, PPP_CLOSE_NO_ADDRESS);
}

static void on_network(void *user)
{
	struct subscriber *subscriber = user;
	struct lns *lns = subscriber->lns;
	const struct config_subscribers *config = &subscriber->profile->config->subscribers;
	struct ppp_ipv4 ipv4;
	struct ppp_ipv6 ids;
	int rc4, rc6;

	subscriber->state = SUBSCRIBER_NETWORK;
	subscriber_decided(subscriber);
	if (subscriber->ppp.config->auth_count == 0 && defaults_keep(subscriber)) {
		subscriber_close(subscriber, PPP_CLOSE_NO_MEMORY);
		return;
	}
	rc4 = subscriber_address_get(subscriber);
	rc6 = subscriber_ipv6_get(subscriber, &ids);
	/* without IPv6 goes; without IPv4 only who was never to have it */
	if (rc4 && (rc4 != -ENOENT || rc6)) {
		address_missing(subscriber, rc4);
		return;
	}
	if (rc6)
		ppp_ipv6_refuse(&subscriber->ppp, lns->now);
	if (rc4) {
		ppp_ipv4_refuse(&subscriber->ppp, lns->now);
	} else {
		ipv4 = (struct ppp_ipv4){
			.peer_address = subscriber->address,
			.dns = {subscriber->dns[0], subscriber->dns[1]},
			.peer_chooses = subscriber->address_choice,
		};
		memcpy(&ipv4.our_address, config->local_address.bytes, sizeof(uint32_t));
		subscriber->fixed = subscriber->address;
		ppp_ipv4_open(&subscriber->ppp, lns->now, &ipv4);
	}
	if (!rc6)
		ppp_ipv6_open(&subscriber->ppp, lns->now, &ids);
}

/* The session's own address and prefixes, then what is routed to it. */
static int prefixes_set(struct subscriber *subscriber)
{
	struct session_prefix prefixes[1 + IPV6_PARTS + AAA_ROUTES_MAX] = {0};
	unsigned int n = 0;

	if (subscriber->address) {
		prefixes[n] = (struct session_prefix){.family = 4, .length = 32};
		memcpy(prefixes[n++].addr, &subscriber->address, sizeof(subscriber->address));
	}
	n += subscriber_ipv6_prefixes(subscriber, &prefixes[n]);
	for (unsigned int i = 0; i < subscriber->n_routes; i++, n++) {
		const struct ip_prefix *route = &subscriber->routes[i].prefix;

		prefixes[n].family = route->addr.family;
		prefixes[n].length = route->length;
		memcpy(prefixes[n].addr, route->addr.bytes, sizeof(prefixes[n].addr));
	}
	return subscriber_record_set_prefixes(&subscriber->record, prefixes, n);
}

/* The first network protocol is up. */
static void session_up(struct subscriber *subscriber)
{
	struct lns *lns = subscriber->lns;

	subscriber->state = SUBSCRIBER_UP;
	lns->subscribers.n_up++;
	if (!subscriber->forwarded) {
		subscriber->forwarded = true;
		subscriber->up_at = lns->now;
		lns->subscribers.came_up++;
	}
	subscriber_limit_set(subscriber, subscriber_session_end(subscriber));
	subscriber->active_at = lns->now;
	subscriber_acct_start(subscriber);
	subscriber_takeover(subscriber);
}

bool subscriber_forwarding_install(struct subscriber *subscriber)
{
	struct log_context context = subscriber_log(subscriber);
	int rc = prefixes_set(subscriber);

	if (!rc)
		rc = install_session_update(subscriber->lns->install, &subscriber->record);
	if (!rc)
		return true;
	/* an update that fails leaves neither family */
	subscriber_routes_announce(subscriber, 4, false);
	subscriber_routes_announce(subscriber, 6, false);
	subscriber->record.flags &= ~FORWARD_FLAGS;
	log_error(&context, "session cannot forward: %s", strerror(-rc));
	subscriber_close(subscriber, PPP_CLOSE_NO_MEMORY);
	return false;
}

/* A network protocol is up: its family forwards. False: the session ends. */
static bool forwarding_start(struct subscriber *subscriber, uint8_t family)
{
	if (subscriber->state != SUBSCRIBER_UP)
		subscriber_rates_set(subscriber);
	subscriber->record.flags |= family == 4 ? SESSION_FORWARD4 : SESSION_FORWARD6;
	if (!subscriber_forwarding_install(subscriber))
		return false;
	if (subscriber->state != SUBSCRIBER_UP)
		session_up(subscriber);
	subscriber_routes_announce(subscriber, family, true);
	return true;
}

static uint32_t on_ipv4_wish(void *user, uint32_t address)
{
	struct subscriber *subscriber = user;

	subscriber->fixed = subscriber_address_wish(subscriber, address);
	return subscriber->fixed;
}

static void on_ipv4_up(void *user)
{
	struct subscriber *subscriber = user;
	struct log_context context = subscriber_log(subscriber);
	char address[16];

	if (!forwarding_start(subscriber, 4))
		return;
	log_info(&context, "session up: address %s, MTU %u, %s",
		subscriber_address_text(subscriber, address), subscriber->record.mtu,
		ppp_auth_method_name(subscriber->auth_method));
}

static void on_ipv4_down(void *user)
{
	forwarding_stop(user, SESSION_FORWARD4);
}

static void on_ipv6_up(void *user, const uint8_t peer_id[8])
{
	struct subscriber *subscriber = user;

	if (!forwarding_start(subscriber, 6))
		return;
	subscriber_ipv6_up(subscriber);
	if (subscriber->acct)
		subscriber_acct_start(subscriber);
}

static void on_ipv6_down(void *user)
{
	forwarding_stop(user, SESSION_FORWARD6);
}

static void on_closed(void *user, enum ppp_close_cause cause)
{
	subscriber_closed(user, cause);
}

const struct ppp_ops subscriber_ppp_ops = {
	.send = on_send,
	.random_bytes = on_random_bytes,
	.arm = on_arm,
	.link_up = on_link_up,
	.link_down = on_link_down,
	.auth_request = on_auth_request,
	.network = on_network,
	.ipv4_wish = on_ipv4_wish,
	.ipv4_up = on_ipv4_up,
	.ipv4_down = on_ipv4_down,
	.ipv6_up = on_ipv6_up,
	.ipv6_down = on_ipv6_down,
	.closed = on_closed,
};
