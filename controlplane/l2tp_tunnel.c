/* SPDX-License-Identifier: BSD-3-Clause */
/* The control connection automaton of RFC 2661 section 7.2.1, on the responder's side. */
#include "l2tp_engine.h"

#include <openssl/crypto.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *l2tp_tunnel_state_name(unsigned state)
{
	static const char *const names[] = {
		"wait-ctl-conn", "established", "stopping", "stopped", "linger"};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

struct l2tp_session *l2tp_tunnel_session(const struct l2tp_tunnel *t, uint16_t local_id)
{
	struct l2tp_session *s;

	if (local_id == 0 || t->slots == 0)
		return NULL;
	s = t->sessions[local_id & (t->slots - 1)];
	return s != NULL && s->local_id == local_id ? s : NULL;
}

struct l2tp_session *l2tp_tunnel_session_by_peer(const struct l2tp_tunnel *t, uint16_t peer_id)
{
	struct l2tp_session *s;

	if (peer_id == 0 || t->slots == 0)
		return NULL;
	s = l2tp_tunnel_session(t, t->by_peer[peer_id & (t->slots - 1)]);
	while (s != NULL && s->peer_id != peer_id)
		s = l2tp_tunnel_session(t, s->peer_next);
	return s;
}

struct l2tp_session *l2tp_tunnel_session_next(const struct l2tp_tunnel *t, uint32_t *slot)
{
	while (*slot < t->slots) {
		struct l2tp_session *s = t->sessions[(*slot)++];

		if (s != NULL)
			return s;
	}
	return NULL;
}

/* The channel's way out; on trial of a new address everything goes to both. */
void tunnel_send(void *user, const uint8_t *bytes, size_t len)
{
	struct l2tp_tunnel *t = user;
	struct l2tp_lns *lns = t->lns;

	if (t->silent)
		return;
	t->tx_messages++;
	lns->ops->send(lns->user, &t->path, bytes, len, t);
	if (t->probing)
		lns->ops->send(lns->user, &t->probe, bytes, len, t);
}

static uint64_t hello_due(const struct l2tp_tunnel *t)
{
	if (t->peer.hello_ms == 0 || !l2tp_channel_idle(&t->channel))
		return L2TP_NEVER;
	return t->heard_at + t->peer.hello_ms;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t tunnel_deadline(const struct l2tp_tunnel *t)
{
	uint64_t at = l2tp_channel_deadline(&t->channel);

	switch (t->state) {
	case L2TP_TUNNEL_WAIT_CTL_CONN:
		return earlier(at, t->setup_by);
	case L2TP_TUNNEL_ESTABLISHED:
		at = earlier(at, earlier(hello_due(t), session_deadline(t)));
		return t->probing ? earlier(at, t->probe_until) : at;
	case L2TP_TUNNEL_LINGER:
		return earlier(at, t->linger_until);
	default:
		return 0; /* sessions to close: as soon as others had their turn */
	}
}

void tunnel_settle(struct l2tp_tunnel *t, uint64_t now)
{
	uint64_t deadline;

	if (!t->silent)
		l2tp_channel_flush(&t->channel, now);
	deadline = tunnel_deadline(t);
	if (deadline == t->armed)
		return;
	t->armed = deadline;
	t->lns->ops->arm(t->lns->user, t, deadline);
}

void tunnel_queue(struct l2tp_tunnel *t, uint64_t now, struct l2tp_writer *w)
{
	size_t len = l2tp_writer_finish(w);

	if (t->state > L2TP_TUNNEL_ESTABLISHED)
		return;
	if (len > 0 && l2tp_channel_queue(&t->channel, w->begin, len) == 0)
		return;
	lns_count(t->lns, L2TP_COUNTER_NO_MEMORY);
	tunnel_stop(t, now, L2TP_TUNNEL_BY_US, L2TP_STOPCCN_ERROR, L2TP_ERROR_RESOURCES,
		"out of memory");
}

void tunnel_hello(struct l2tp_tunnel *t, uint64_t now)
{
	uint8_t bytes[L2TP_CONTROL_HEADER + 8];
	struct l2tp_writer w;

	if (t->state != L2TP_TUNNEL_ESTABLISHED || !l2tp_channel_idle(&t->channel))
		return;
	lns_count(t->lns, L2TP_COUNTER_TUNNEL_HELLO_SENT);
	l2tp_writer_init(&w, bytes, sizeof(bytes), 0, L2TP_HELLO);
	tunnel_queue(t, now, &w);
}

void tunnel_half_open_leave(struct l2tp_tunnel *t)
{
	if (t->state != L2TP_TUNNEL_WAIT_CTL_CONN)
		return;
	t->lns->half_open--;
	t->one->half_open--;
}

static void stopccn_queue(struct l2tp_tunnel *t)
{
	uint8_t bytes[L2TP_SEND_MAX];
	struct l2tp_writer w;
	size_t len;

	l2tp_writer_init(&w, bytes, sizeof(bytes), 0, L2TP_STOPCCN);
	l2tp_write_u16(&w, true, L2TP_AVP_ASSIGNED_TUNNEL_ID, t->local_id);
	l2tp_write_result(&w, t->end.result, t->end.error, t->end.message);
	len = l2tp_writer_finish(&w);
	/* without memory the peer finds out by itself */
	if (len == 0 || l2tp_channel_queue(&t->channel, bytes, len) < 0)
		lns_count(t->lns, L2TP_COUNTER_NO_MEMORY);
}

void tunnel_stop(struct l2tp_tunnel *t, uint64_t now, enum l2tp_tunnel_cause cause, uint16_t result,
	uint16_t error, const char *message)
{
	static const enum l2tp_counter counters[] = {
		[L2TP_TUNNEL_BY_PEER] = L2TP_COUNTER_TUNNEL_STOPPED_BY_PEER,
		[L2TP_TUNNEL_BY_US] = L2TP_COUNTER_TUNNEL_CLOSED,
		[L2TP_TUNNEL_DEAD] = L2TP_COUNTER_TUNNEL_PEER_DEAD,
		[L2TP_TUNNEL_REPLACED] = L2TP_COUNTER_TUNNEL_REPLACED,
	};

	if (t->state > L2TP_TUNNEL_ESTABLISHED)
		return;
	lns_count(t->lns, counters[cause]);
	tunnel_half_open_leave(t);
	t->probing = false;
	t->clear_slot = 0;
	t->end = (struct l2tp_tunnel_end){.cause = cause, .result = result, .error = error};
	snprintf(t->end.message, sizeof(t->end.message), "%s", message != NULL ? message : "");
	t->linger_until = now + t->lns->set.linger_ms;
	l2tp_channel_discard_unsent(&t->channel);
	if (t->opened && t->lns->ops->tunnel_ending != NULL)
		t->lns->ops->tunnel_ending(t->lns->user, t);
	switch (cause) {
	case L2TP_TUNNEL_BY_US:
		t->state = L2TP_TUNNEL_STOPPING;
		stopccn_queue(t);
		l2tp_channel_hurry(&t->channel);
		break;
	case L2TP_TUNNEL_BY_PEER:
		t->state = L2TP_TUNNEL_STOPPED;
		l2tp_channel_destroy(&t->channel);
		l2tp_channel_ack(&t->channel);
		break;
	default:
		/* nobody listens, and a LAC that came back would take it for its new tunnel */
		t->state = L2TP_TUNNEL_STOPPING;
		t->silent = true;
		l2tp_channel_destroy(&t->channel);
		t->linger_until = now;
		break;
	}
	tunnel_settle(t, now);
}

void l2tp_tunnel_close(
	struct l2tp_tunnel *t, uint64_t now, uint16_t result, uint16_t error, const char *message)
{
	tunnel_stop(t, now, L2TP_TUNNEL_BY_US, result, error, message);
}

void tunnel_free(struct l2tp_tunnel *t)
{
	l2tp_channel_destroy(&t->channel);
	id_space_destroy(&t->session_ids);
	free(t->sessions);
	free(t->by_peer);
	free(t->host_name);
	free(t->vendor_name);
	free((void *)(uintptr_t)t->peer.name);
	if (t->peer.secret != NULL) {
		OPENSSL_cleanse((void *)(uintptr_t)t->peer.secret, t->peer.secret_len);
		free((void *)(uintptr_t)t->peer.secret);
	}
	free(t);
}

/* The last session is reported: so is the tunnel. */
static void tunnel_down(struct l2tp_tunnel *t)
{
	struct l2tp_lns *lns = t->lns;

	t->down = true;
	t->state = L2TP_TUNNEL_LINGER;
	lns->ops->tunnel_down(lns->user, t);
}

void tunnel_destroy(struct l2tp_tunnel *t, uint64_t now)
{
	struct l2tp_lns *lns = t->lns;

	if (!t->down) {
		t->silent = true;
		tunnel_stop(
			t, now, L2TP_TUNNEL_BY_US, L2TP_STOPCCN_SHUTDOWN, 0, "endpoint removed");
		t->clear_slot = 0;
		session_clear(t, now, UINT32_MAX);
		tunnel_down(t);
	}
	table_remove(lns, t);
	id_space_release(&lns->tunnel_ids, now, t->local_id, true);
	lns->ops->tunnel_free(lns->user, t);
	tunnel_free(t);
}

static void fsm_error(struct l2tp_tunnel *t, uint64_t now, unsigned type)
{
	char text[64];

	lns_count(t->lns, L2TP_COUNTER_TUNNEL_FSM_ERROR);
	snprintf(text, sizeof(text), "%s in state %s", l2tp_message_name(type),
		l2tp_tunnel_state_name(t->state));
	tunnel_stop(t, now, L2TP_TUNNEL_BY_US, L2TP_STOPCCN_FSM, L2TP_ERROR_NONE, text);
}

static void receive_stopccn(struct l2tp_tunnel *t, uint64_t now, const struct l2tp_message *msg)
{
	char text[sizeof(t->end.message)];
	unsigned len = msg->error_message.len < sizeof(text) - 1 ? msg->error_message.len
								 : sizeof(text) - 1;

	for (unsigned i = 0; i < len; i++) {
		uint8_t c = msg->error_message.at[i];

		text[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	text[len] = '\0';
	tunnel_stop(t, now, L2TP_TUNNEL_BY_PEER, msg->result, msg->error, text);
}

static bool is_session_message(unsigned type)
{
	switch (type) {
	case L2TP_OCRQ:
	case L2TP_OCRP:
	case L2TP_OCCN:
	case L2TP_ICRQ:
	case L2TP_ICRP:
	case L2TP_ICCN:
	case L2TP_CDN:
	case L2TP_WEN:
	case L2TP_SLI:
	case L2TP_CSUN:
	case L2TP_CSURQ:
		return true;
	default:
		return false;
	}
}

static void receive_fault(struct l2tp_tunnel *t, uint64_t now, const struct l2tp_fault *fault)
{
	char text[96];

	lns_fault_text(fault, text, sizeof(text));
	tunnel_stop(t, now, L2TP_TUNNEL_BY_US, L2TP_STOPCCN_ERROR, fault->error, text);
}

/* One message, in order. path is where it came from: during set-up maybe another port. */
static void tunnel_message(struct l2tp_tunnel *t, uint64_t now, const struct l2tp_path *path,
	const struct l2tp_header *header, const uint8_t *bytes)
{
	struct l2tp_lns *lns = t->lns;
	struct l2tp_message *msg = &lns->message;

	t->rx_messages++;
	/* after the end a message is acknowledged and that is all */
	if (t->state > L2TP_TUNNEL_ESTABLISHED)
		return;
	l2tp_message_decode(
		msg, bytes, header->length, t->peer.secret, t->peer.secret_len, lns->scratch);
	lns->counters[L2TP_COUNTER_AVP_IGNORED] += msg->ignored;
	lns->counters[L2TP_COUNTER_AVP_REPEATED] += msg->repeated;
	if (msg->fault.reason != L2TP_COUNTER_MAX)
		lns_count(lns, msg->fault.reason);

	switch (msg->type) {
	case L2TP_STOPCCN:
		/* however malformed the rest, it is over */
		receive_stopccn(t, now, msg);
		return;
	case L2TP_SCCRQ:
	case L2TP_SCCRP:
		fsm_error(t, now, msg->type);
		return;
	case L2TP_SCCCN:
		if (t->state != L2TP_TUNNEL_WAIT_CTL_CONN)
			fsm_error(t, now, msg->type);
		else if (msg->fault.reason != L2TP_COUNTER_MAX)
			receive_fault(t, now, &msg->fault);
		else
			setup_scccn(t, now, path, msg);
		return;
	case L2TP_HELLO:
		if (msg->fault.reason != L2TP_COUNTER_MAX)
			receive_fault(t, now, &msg->fault);
		return;
	default:
		break;
	}
	if (is_session_message(msg->type)) {
		if (t->state == L2TP_TUNNEL_ESTABLISHED)
			session_message(t, now, header, msg);
		else
			fsm_error(t, now, msg->type);
		return;
	}
	if (msg->type == 0 && msg->fault.reason != L2TP_COUNTER_MAX) {
		receive_fault(t, now, &msg->fault);
	} else if (msg->type_mandatory) {
		char text[64];

		lns_count(lns, L2TP_COUNTER_MESSAGE_TYPE_UNKNOWN);
		snprintf(text, sizeof(text), "unknown mandatory message type %u", msg->type);
		tunnel_stop(t, now, L2TP_TUNNEL_BY_US, L2TP_STOPCCN_ERROR, L2TP_ERROR_UNKNOWN_AVP,
			text);
	} else {
		lns_count(lns, L2TP_COUNTER_MESSAGE_TYPE_IGNORED);
	}
}

void tunnel_input(struct l2tp_tunnel *t, uint64_t now, const struct l2tp_path *path,
	const struct l2tp_header *header, const uint8_t *bytes)
{
	enum l2tp_channel_verdict verdict;
	uint64_t head = t->channel.head;
	struct l2tp_path from = *path; /* may be t->path, which can move */
	struct l2tp_header held;
	enum l2tp_counter reason;
	uint8_t *next;
	size_t len;

	if (t->silent) {
		lns_count(t->lns, L2TP_COUNTER_TUNNEL_UNKNOWN);
		return;
	}
	if (!path_admit(t, now, &from, header))
		return;
	t->heard_at = now;
	verdict = l2tp_channel_receive(&t->channel, now, header, bytes);
	if (t->channel.head > head || verdict == L2TP_CHANNEL_DELIVER)
		path_confirm(t);
	if (verdict == L2TP_CHANNEL_DELIVER) {
		tunnel_message(t, now, &from, header, bytes);
		while ((next = l2tp_channel_next(&t->channel, &len)) != NULL) {
			/* it was checked when it came */
			if (l2tp_header_decode(&held, next, len, &reason) == 0)
				tunnel_message(t, now, &t->path, &held, next);
			/* it may have had a subscriber's password in it */
			explicit_bzero(next, len);
			free(next);
		}
	}
	tunnel_settle(t, now);
}

/* Life is also data; the caller is asked only when a HELLO would be due. */
static void tunnel_keepalive(struct l2tp_tunnel *t, uint64_t now)
{
	struct l2tp_lns *lns = t->lns;
	uint64_t seen;

	if (hello_due(t) > now)
		return;
	seen = lns->ops->data_seen != NULL ? lns->ops->data_seen(lns->user, t) : 0;
	if (seen > t->heard_at && seen <= now)
		t->heard_at = seen;
	if (hello_due(t) <= now)
		tunnel_hello(t, now);
}

void l2tp_tunnel_timeout(struct l2tp_tunnel *t, uint64_t now)
{
	struct l2tp_lns *lns = t->lns;

	/* whatever comes out below, the caller's timer has fired */
	t->armed = L2TP_NEVER;
	if (!t->silent && l2tp_channel_timeout(&t->channel, now) < 0) {
		if (t->state == L2TP_TUNNEL_WAIT_CTL_CONN)
			lns_count(lns, L2TP_COUNTER_TUNNEL_SETUP_TIMEOUT);
		if (t->state <= L2TP_TUNNEL_ESTABLISHED)
			tunnel_stop(t, now, L2TP_TUNNEL_DEAD, 0, 0, "peer does not answer");
		else
			l2tp_channel_destroy(&t->channel);
	}
	switch (t->state) {
	case L2TP_TUNNEL_WAIT_CTL_CONN:
		if (t->setup_by > now)
			break;
		lns_count(lns, L2TP_COUNTER_TUNNEL_SETUP_TIMEOUT);
		tunnel_stop(t, now, L2TP_TUNNEL_BY_US, L2TP_STOPCCN_CLEAR, L2TP_ERROR_NONE,
			"no SCCCN in time");
		break;
	case L2TP_TUNNEL_ESTABLISHED:
		if (t->probing && t->probe_until <= now)
			path_confirm(t);
		session_expire(t, now);
		tunnel_keepalive(t, now);
		break;
	case L2TP_TUNNEL_STOPPING:
	case L2TP_TUNNEL_STOPPED:
		session_clear(t, now, lns->set.teardown_batch);
		if (t->session_count == 0)
			tunnel_down(t);
		break;
	default:
		if (t->linger_until <= now) {
			tunnel_destroy(t, now);
			return;
		}
		break;
	}
	tunnel_settle(t, now);
}
