/* SPDX-License-Identifier: BSD-3-Clause */
/* A subscriber's life from ICRQ to its final counters. */
#include "subscriber.h"

#include "lns.h"
#include "log.h"
#include "subscriber_ppp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define EARLY_MAX 1024 /* packets that wait for their ICCN, of all sessions */

static const char *const state_names[SUBSCRIBER_STATES] = {
	[SUBSCRIBER_OPENING] = "opening",
	[SUBSCRIBER_LINK] = "link",
	[SUBSCRIBER_AUTH] = "auth",
	[SUBSCRIBER_NETWORK] = "network",
	[SUBSCRIBER_UP] = "up",
	[SUBSCRIBER_ENDING] = "ending",
};

const char *subscriber_state_name(enum subscriber_state state)
{
	return state < SUBSCRIBER_STATES ? state_names[state] : "?";
}

const char *subscriber_address_text(const struct subscriber *subscriber, char buffer[16])
{
	const uint32_t *address = subscriber->address ? &subscriber->address
						      : &subscriber->given_up;

	return inet_ntop(AF_INET, address, buffer, 16);
}

struct log_context subscriber_log(const struct subscriber *subscriber)
{
	return (struct log_context){
		.tunnel = subscriber->record.tunnel_id,
		.session = subscriber->record.session_id,
		.user = subscriber->user,
	};
}

/* Of the LAC, in the subscriber's profile. */
static size_t peer_index(const struct subscriber *subscriber)
{
	return (size_t)(subscriber->ppp.config - subscriber->profile->ppp);
}

uint64_t subscriber_session_end(const struct subscriber *subscriber)
{
	return subscriber->session_timeout
		? subscriber->up_at + subscriber->session_timeout * 1000ull
		: UINT64_MAX;
}

void subscriber_deadline_set(struct subscriber *subscriber, uint64_t deadline)
{
	uint64_t next = RTE_MIN(deadline, subscriber->limit);

	if (next == PPP_NO_DEADLINE)
		timer_cancel(&subscriber->lns->wheel, &subscriber->timer);
	else
		timer_set(&subscriber->lns->wheel, &subscriber->timer, next);
}

void subscriber_limit_set(struct subscriber *subscriber, uint64_t limit)
{
	struct timer *timer = &subscriber->timer;

	subscriber->limit = limit;
	/* PPP may be about to change its deadline: a timer that is too early sees for itself what it is for */
	if (limit != UINT64_MAX && (!timer_is_set(timer) || limit < timer->expires))
		timer_set(&subscriber->lns->wheel, timer, limit);
}

static void limit_reached(struct subscriber *subscriber, uint64_t now)
{
	struct log_context context = subscriber_log(subscriber);

	if (subscriber->forwarded && now >= subscriber_session_end(subscriber)) {
		subscriber_close(subscriber, PPP_CLOSE_SESSION_TIMEOUT);
		return;
	}
	log_ratelimited(LOG_LEVEL_WARNING, &context,
		"session not up after %u s (state %s, phase %s): closed",
		lns_config(subscriber->lns)->subscribers.setup_timeout / 1000,
		subscriber_state_name(subscriber->state),
		ppp_phase_name(ppp_phase(&subscriber->ppp)));
	subscriber_kill(subscriber,
		subscriber->state == SUBSCRIBER_AUTH ? PPP_CLOSE_AUTH_TIMEOUT
						     : PPP_CLOSE_LCP_TIMEOUT);
}

static void time_reached(struct timer *timer, uint64_t now)
{
	struct subscriber *subscriber = RTE_PTR_SUB(timer, offsetof(struct subscriber, timer));
	uint64_t deadline = ppp_deadline(&subscriber->ppp);

	if (now >= subscriber->limit) {
		subscriber->limit = UINT64_MAX;
		subscriber_deadline_set(subscriber, deadline);
		limit_reached(subscriber, now);
	} else if (now >= deadline) {
		/* PPP tells its next deadline, if it has one */
		subscriber_deadline_set(subscriber, PPP_NO_DEADLINE);
		ppp_timeout(&subscriber->ppp, now);
	} else {
		subscriber_deadline_set(subscriber, deadline);
	}
}

/* What a call may still get: 0, or the CDN result code with the reason for the log. */
static int call_admit(struct lns *lns, const struct profile *profile, int peer, const char **why)
{
	const struct config *config = profile->config;

	if (lns->stopping) {
		*why = "shutting down";
		return L2TP_CDN_ADMINISTRATIVE;
	}
	if (peer < 0) {
		*why = "the LAC is not a configured peer any more";
		return L2TP_CDN_ADMINISTRATIVE;
	}
	if (lns->subscribers.n >= config->subscribers.max_sessions) {
		*why = "subscribers.max-sessions reached";
		return L2TP_CDN_NO_FACILITIES;
	}
	if (config->peers[peer].max_sessions &&
		profile->usage[peer]->sessions >= config->peers[peer].max_sessions) {
		*why = "the peer's max-sessions reached";
		return L2TP_CDN_NO_FACILITIES;
	}
	if (!lns_may_wait(lns)) {
		*why = "more calls wait than the RADIUS servers answer in time";
		return L2TP_CDN_NO_FACILITIES;
	}
	return 0;
}

void subscriber_decided(struct subscriber *subscriber)
{
	subscriber->lns->admission.waiting -= !subscriber->decided;
	subscriber->decided = true;
}

int subscriber_open(struct lns *lns, struct l2tp_session *session, uint16_t *error)
{
	const struct l2tp_tunnel *tunnel = session->tunnel;
	struct profile *profile = lns->profile;
	int peer = profile_peer(profile, &tunnel->path, (const uint8_t *)tunnel->host_name,
		strlen(tunnel->host_name));
	struct log_context context = {.tunnel = tunnel->local_id, .session = session->local_id};
	const char *why = NULL;
	struct subscriber *subscriber = NULL;
	int rc, result = call_admit(lns, profile, peer, &why);

	if (result)
		goto refuse;
	result = L2TP_CDN_NO_FACILITIES;
	subscriber = calloc(1, sizeof(*subscriber));
	if (!subscriber) {
		why = "out of memory";
		goto refuse;
	}
	subscriber->record = (struct subscriber_record){
		.tunnel_id = tunnel->local_id,
		.session_id = session->local_id,
		.peer_session_id = session->peer_id,
		.mtu = profile->ppp[peer].mru,
	};
	rc = install_session_open(lns->install, &subscriber->record);
	if (rc) {
		why = rc == -ENOSPC ? "dpdk.max-sessions reached" : strerror(-rc);
		goto refuse;
	}
	subscriber->lns = lns;
	subscriber->profile = profile_hold(profile);
	subscriber->l2tp = session;
	subscriber->pool = -1;
	subscriber->limit = UINT64_MAX;
	timer_init(&subscriber->timer, time_reached);
	subscriber_name(subscriber);
	ppp_init(&subscriber->ppp, &profile->ppp[peer], &subscriber_ppp_ops, subscriber);
	subscribers_add(&lns->subscribers, subscriber);
	profile->usage[peer]->sessions++;
	lns->subscribers.n++;
	lns->subscribers.opened++;
	lns->admission.waiting++;
	session->user = subscriber;
	return 0;
refuse:
	log_ratelimited(LOG_LEVEL_WARNING, &context, "call refused: %s", why);
	lns->subscribers.refused++;
	free(subscriber);
	*error = L2TP_ERROR_NONE; /* the result codes used here speak for themselves */
	return result;
}

/* What the LAC did of LCP and authentication (RFC 2661 4.4.5). */
static bool proxy_fill(const struct l2tp_call *call, struct ppp_proxy *proxy)
{
	const struct l2tp_call_proxy *of = l2tp_call_proxy(call);

	*proxy = (struct ppp_proxy){
		.auth_type = of->type,
		.auth_id = of->id,
	};
	proxy->initial_received =
		l2tp_call_bytes(call, of->initial_confreq, &proxy->initial_received_len);
	proxy->last_sent = l2tp_call_bytes(call, of->last_sent_confreq, &proxy->last_sent_len);
	proxy->last_received =
		l2tp_call_bytes(call, of->last_received_confreq, &proxy->last_received_len);
	proxy->auth_name = l2tp_call_bytes(call, of->name, &proxy->auth_name_len);
	proxy->auth_challenge = l2tp_call_bytes(call, of->challenge, &proxy->auth_challenge_len);
	proxy->auth_response = l2tp_call_bytes(call, of->response, &proxy->auth_response_len);
	return proxy->last_sent || proxy->last_received || proxy->auth_type;
}

static void frame_take(struct subscriber *subscriber, struct rte_mbuf *packet)
{
	if (rte_pktmbuf_linearize(packet)) {
		subscriber->lns->drops[LNS_DROP_PUNT_MALFORMED]++;
		return;
	}
	ppp_receive(&subscriber->ppp, subscriber->lns->now,
		rte_pktmbuf_mtod(packet, const uint8_t *), packet->data_len);
}

void subscriber_call_up(struct subscriber *subscriber)
{
	const struct config *config = subscriber->profile->config;
	const struct l2tp_call *call = subscriber->l2tp->call;
	struct lns *lns = subscriber->lns;
	struct ppp_proxy proxy;
	bool proxied = proxy_fill(call, &proxy);
	size_t peer = peer_index(subscriber);

	subscriber->state = SUBSCRIBER_LINK;
	subscriber->ppp_started = true;
	if (call->sequencing_required || config->peers[peer].sequencing) {
		subscriber->record.flags |= SESSION_SEND_SEQ;
		if (call->sequencing_required)
			subscriber->record.flags |= SESSION_EXPECT_SEQ;
	}
	if (subscriber->record.flags)
		install_session_framing(lns->install, &subscriber->record);
	if (config->subscribers.setup_timeout)
		subscriber_limit_set(subscriber, lns->now + config->subscribers.setup_timeout);
	ppp_start(&subscriber->ppp, lns->now, proxied ? &proxy : NULL);
	if (subscriber->early) {
		struct rte_mbuf *early = subscriber->early;

		subscriber->early = NULL;
		lns->n_early--;
		frame_take(subscriber, early);
		rte_pktmbuf_free(early);
	}
}

bool subscriber_frame(struct subscriber *subscriber, struct rte_mbuf *packet)
{
	struct lns *lns = subscriber->lns;
	const struct meta *meta = meta_of(packet);

	/* where one worker receives all, all arrive there: that says nothing */
	if (!subscriber->record.settled && subscriber->state != SUBSCRIBER_ENDING &&
		dataplane_iface_receivers(lns->dp, meta->iface) > 1)
		install_session_arrived(lns->install, &subscriber->record, meta->arrival);
	switch (subscriber->state) {
	case SUBSCRIBER_OPENING:
		/* the frame and the ICCN came through different workers: one is kept */
		/* and not too many: a LAC that never sends ICCNs shall not have all packet buffers */
		if (subscriber->early || lns->n_early == EARLY_MAX) {
			lns->drops[LNS_DROP_PPP_EARLY]++;
			return false;
		}
		subscriber->early = packet;
		lns->n_early++;
		return true;
	case SUBSCRIBER_ENDING:
		lns->drops[LNS_DROP_PPP_STALE]++;
		return false;
	default:
		frame_take(subscriber, packet);
		return false;
	}
}

/* Session and PPP are both gone: nothing may find the subscriber but its final counters. */
static void subscriber_end(struct subscriber *subscriber);

void subscriber_call_down(struct subscriber *subscriber, const struct l2tp_session_end *end)
{
	subscriber->l2tp = NULL;
	/* PPP may have ended it already, and the LAC's CDN is its answer to that */
	if (!subscriber->close_cause && subscriber->ppp_started)
		subscriber->close_cause = subscriber->ppp.cause;
	if (!subscriber->close_cause) {
		subscriber->close_cause = PPP_CLOSE_LOWER_DOWN;
		subscriber->cdn_result = end->result;
		subscriber->cdn_error = end->error;
		subscriber->peer_cause = end->cause.code;
		subscriber->with_tunnel = end->with_tunnel;
	}
	if (!subscriber->ppp_started || subscriber->ppp_closed)
		subscriber_end(subscriber);
	else
		ppp_lower_down(&subscriber->ppp, subscriber->lns->now);
}

/* CDN result code (RFC 2661 4.4.2) for a cause of ours. */
static uint16_t cdn_result(enum ppp_close_cause cause)
{
	switch (cause) {
	case PPP_CLOSE_NO_ADDRESS:
	case PPP_CLOSE_SESSION_LIMIT:
	case PPP_CLOSE_NO_MEMORY:
	case PPP_CLOSE_AUTH_TIMEOUT:
		return L2TP_CDN_NO_FACILITIES;
	default:
		return L2TP_CDN_ADMINISTRATIVE;
	}
}

static void call_close(struct subscriber *subscriber, enum ppp_close_cause cause)
{
	struct ppp_disconnect disconnect = ppp_close_disconnect(cause);
	struct l2tp_cause rfc3145 = {
		.code = disconnect.code,
		.protocol = disconnect.protocol,
		.direction = disconnect.direction,
	};

	l2tp_session_close(subscriber->l2tp, subscriber->lns->now, cdn_result(cause), 0,
		ppp_close_cause_name(cause), &rfc3145);
}

void subscriber_closed(struct subscriber *subscriber, enum ppp_close_cause cause)
{
	subscriber->ppp_closed = true;
	/* the first reason counts: a CDN that follows our own decision changes nothing */
	if (!subscriber->close_cause || subscriber->close_cause == PPP_CLOSE_LOWER_DOWN)
		subscriber->close_cause = cause;
	if (subscriber->l2tp)
		call_close(subscriber, cause);
	else
		subscriber_end(subscriber);
}

void subscriber_close(struct subscriber *subscriber, enum ppp_close_cause cause)
{
	if (subscriber->state == SUBSCRIBER_ENDING)
		return;
	if (!subscriber->ppp_started) {
		subscriber_kill(subscriber, cause);
		return;
	}
	ppp_close(&subscriber->ppp, subscriber->lns->now, cause);
}

void subscriber_kill(struct subscriber *subscriber, enum ppp_close_cause cause)
{
	if (subscriber->state == SUBSCRIBER_ENDING || !subscriber->l2tp)
		return;
	if (!subscriber->close_cause)
		subscriber->close_cause = cause;
	call_close(subscriber, cause);
}

static void subscriber_free(struct subscriber *subscriber)
{
	subscriber_record_free(&subscriber->record);
	subscriber_ipv6_free(subscriber);
	profile_release(subscriber->profile);
	free(subscriber->routes);
	free(subscriber->extra);
	free(subscriber->user);
	free(subscriber);
}

static const char *end_reason(const struct subscriber *subscriber, char text[64])
{
	if (subscriber->close_cause != PPP_CLOSE_LOWER_DOWN)
		return ppp_close_cause_name(subscriber->close_cause);
	if (subscriber->with_tunnel)
		return "its tunnel went down";
	snprintf(text, 64, "CDN from the LAC, result %u error %u", subscriber->cdn_result,
		subscriber->cdn_error);
	return text;
}

static void log_end(const struct subscriber *subscriber)
{
	const struct session_counters *counters = &subscriber->counters;
	struct log_context context = subscriber_log(subscriber);
	char address[16], reason[64];

	if (!subscriber->forwarded) {
		log_info(&context, "session ended before it was up: %s",
			end_reason(subscriber, reason));
		return;
	}
	log_info(&context,
		"session ended: %s, address %s, %" PRIu64 " s, up %" PRIu64 " packets %" PRIu64
		" bytes, down %" PRIu64 " packets %" PRIu64 " bytes",
		end_reason(subscriber, reason), subscriber_address_text(subscriber, address),
		(subscriber->lns->now - subscriber->up_at) / 1000,
		counters->up_packets4 + counters->up_packets6,
		counters->up_bytes4 + counters->up_bytes6,
		counters->down_packets4 + counters->down_packets6,
		counters->down_bytes4 + counters->down_bytes6);
}

/* No worker can touch the session any more: the counters are final. */
static void subscriber_final_counters(struct subscriber_record *record,
	const struct session_counters *counters, uint32_t up_drops, uint32_t down_drops)
{
	struct subscriber *subscriber = RTE_PTR_SUB(record, offsetof(struct subscriber, record));
	struct lns *lns = subscriber->lns;

	subscriber->counters = *counters;
	subscriber->up_drops = up_drops;
	subscriber->down_drops = down_drops;
	log_end(subscriber);
	subscriber_acct_stop(subscriber);
	subscribers_remove(&lns->subscribers, subscriber);
	lns->subscribers.n_ending--;
	lns->subscribers.closed[subscriber->close_cause]++;
	subscriber_free(subscriber);
}

static void end_again(struct timer *timer, uint64_t now)
{
	struct subscriber *subscriber = RTE_PTR_SUB(timer, offsetof(struct subscriber, timer));

	if (install_session_close(
		    subscriber->lns->install, &subscriber->record, subscriber_final_counters))
		timer_set(&subscriber->lns->wheel, timer, now + 100);
}

static void subscriber_end(struct subscriber *subscriber)
{
	struct lns *lns = subscriber->lns;
	struct subscribers *subscribers = &lns->subscribers;

	if (subscriber->state == SUBSCRIBER_UP)
		subscribers->n_up--;
	subscriber->state = SUBSCRIBER_ENDING;
	subscriber_decided(subscriber);
	subscribers->n--;
	subscriber->profile->usage[peer_index(subscriber)]->sessions--;
	subscribers->n_ending++;
	timer_cancel(&lns->wheel, &subscriber->timer);
	subscriber_rates_end(subscriber);
	if (subscriber->aaa_id)
		aaa_cancel(lns->aaa, subscriber->aaa_id);
	if (subscriber->early) {
		rte_pktmbuf_free(subscriber->early);
		subscriber->early = NULL;
		lns->n_early--;
	}
	subscribers_user_remove(subscribers, subscriber);
	subscriber_ipv6_down(subscriber);
	subscriber_routes_announce(subscriber, 4, false);
	subscriber_routes_announce(subscriber, 6, false);
	subscriber_address_drop(subscriber);
	ppp_free(&subscriber->ppp);
	/* without memory for it the session goes on being closed a little later */
	timer_init(&subscriber->timer, end_again);
	end_again(&subscriber->timer, lns->now);
}

int subscriber_counters_ask(struct subscriber *subscriber)
{
	struct message message = {
		.type = MESSAGE_SESSION_COUNTERS,
		.index = subscriber->record.index,
		.generation = subscriber->record.generation,
	};

	int rc = dataplane_message(subscriber->lns->dp, subscriber->record.owner, &message);

	if (!rc)
		subscriber->counters_asked++;
	return rc;
}

void subscriber_counted(struct subscriber *subscriber, const struct message_reply *reply)
{
	const struct session_counters *old = &subscriber->counters, *new = &reply->counters;
	struct lns *lns = subscriber->lns;
	bool up = new->up_packets4 + new->up_packets6 > old->up_packets4 + old->up_packets6;
	bool down = new->down_packets4 + new->down_packets6 >
		old->down_packets4 + old->down_packets6;

	subscriber->counters = *new;
	subscriber->up_drops = reply->up_drops;
	subscriber->down_drops = reply->down_drops;
	subscriber_acct_update(subscriber);
	if (up) {
		ppp_traffic_seen(&subscriber->ppp);
		lns_l2tp_data_seen(lns, subscriber->record.tunnel_id);
	}
	if (up || down)
		subscriber->active_at = lns->now;
	else if (subscriber->state == SUBSCRIBER_UP && subscriber->idle_timeout &&
		lns->now - subscriber->active_at >= subscriber->idle_timeout * 1000ull)
		subscriber_close(subscriber, PPP_CLOSE_IDLE_TIMEOUT);
}
