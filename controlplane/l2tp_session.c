/* SPDX-License-Identifier: BSD-3-Clause */
/* The LNS incoming call automaton of RFC 2661 section 7.4.2. */
#include "l2tp_engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPENED_UNIT 64 /* ms: a call may wait so much less for its ICCN */

const char *l2tp_session_state_name(unsigned state)
{
	static const char *const names[] = {"wait-connect", "established"};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

/* Result Code, the id the peer should look for, and why. */
static void cdn_send(struct l2tp_tunnel *t, uint64_t now, uint16_t peer_id, uint16_t local_id,
	uint16_t result, uint16_t error, const char *text, const struct l2tp_cause *cause)
{
	uint8_t bytes[L2TP_SEND_MAX];
	struct l2tp_writer w;

	l2tp_writer_init(&w, bytes, sizeof(bytes), peer_id, L2TP_CDN);
	l2tp_write_result(&w, result, error, text);
	l2tp_write_u16(&w, true, L2TP_AVP_ASSIGNED_SESSION_ID, local_id);
	if (cause != NULL && (cause->code != 0 || cause->protocol != 0))
		l2tp_write_cause(&w, cause);
	tunnel_queue(t, now, &w);
}

/* An id to show in the CDN of a call that never got one: nobody's, but not 0 either. */
static uint16_t id_unused(struct l2tp_tunnel *t)
{
	for (int i = 0; i < 16; i++) {
		uint16_t id = lns_random(t->lns) & 0xffff;

		if (id != 0 && l2tp_tunnel_session(t, id) == NULL)
			return id;
	}
	return 0;
}

static void call_refuse(struct l2tp_tunnel *t, uint64_t now, uint16_t peer_id,
	enum l2tp_counter reason, uint16_t result, uint16_t error, const char *text)
{
	lns_count(t->lns, reason);
	cdn_send(t, now, peer_id, id_unused(t), result, error, text, NULL);
}

static void wait_unlink(struct l2tp_session *s)
{
	struct l2tp_tunnel *t = s->tunnel;
	struct l2tp_session *prev = l2tp_tunnel_session(t, s->wait_prev);
	struct l2tp_session *next = l2tp_tunnel_session(t, s->wait_next);

	if (prev != NULL)
		prev->wait_next = s->wait_next;
	else if (t->wait_head == s)
		t->wait_head = next;
	if (next != NULL)
		next->wait_prev = s->wait_prev;
	else if (t->wait_tail == s)
		t->wait_tail = prev;
	s->wait_prev = s->wait_next = 0;
}

static void wait_link(struct l2tp_session *s)
{
	struct l2tp_tunnel *t = s->tunnel;

	if (t->wait_tail != NULL) {
		s->wait_prev = t->wait_tail->local_id;
		t->wait_tail->wait_next = s->local_id;
	} else {
		t->wait_head = s;
	}
	t->wait_tail = s;
}

/* Grow both tables to the slots of the id space. */
static int tables_grow(struct l2tp_tunnel *t)
{
	uint32_t slots = l2tp_tunnel_slots(t);
	struct l2tp_session **sessions;
	uint16_t *by_peer;

	if (slots == t->slots)
		return 0;
	sessions = calloc(slots, sizeof(*sessions));
	by_peer = calloc(slots, sizeof(*by_peer));
	if (sessions == NULL || by_peer == NULL) {
		free(sessions);
		free(by_peer);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < t->slots; i++) {
		struct l2tp_session *s = t->sessions[i];

		if (s == NULL)
			continue;
		sessions[s->local_id & (slots - 1)] = s;
		s->peer_next = by_peer[s->peer_id & (slots - 1)];
		by_peer[s->peer_id & (slots - 1)] = s->local_id;
	}
	free(t->sessions);
	free(t->by_peer);
	t->sessions = sessions;
	t->by_peer = by_peer;
	t->slots = slots;
	return 0;
}

static void session_link(struct l2tp_session *s)
{
	struct l2tp_tunnel *t = s->tunnel;
	uint16_t *bucket = &t->by_peer[s->peer_id & (t->slots - 1)];

	t->sessions[s->local_id & (t->slots - 1)] = s;
	s->peer_next = *bucket;
	*bucket = s->local_id;
	t->session_count++;
	t->lns->sessions++;
	wait_link(s);
}

static void session_unlink(struct l2tp_session *s)
{
	struct l2tp_tunnel *t = s->tunnel;
	uint16_t *p = &t->by_peer[s->peer_id & (t->slots - 1)];

	while (*p != s->local_id)
		p = &l2tp_tunnel_session(t, *p)->peer_next;
	*p = s->peer_next;
	t->sessions[s->local_id & (t->slots - 1)] = NULL;
	t->session_count--;
	t->lns->sessions--;
	wait_unlink(s);
}

static void session_free(struct l2tp_session *s)
{
	free(s->reports);
	call_free(s->call);
	free(s);
}

void session_end(struct l2tp_session *s, uint64_t now, const struct l2tp_session_end *end)
{
	struct l2tp_tunnel *t = s->tunnel;
	struct l2tp_lns *lns = t->lns;

	s->closing = true;
	session_unlink(s);
	id_space_release(&t->session_ids, now, s->local_id, true);
	lns->ops->session_down(lns->user, s, end);
	session_free(s);
}

void l2tp_session_close(struct l2tp_session *s, uint64_t now, uint16_t result, uint16_t error,
	const char *message, const struct l2tp_cause *cause)
{
	struct l2tp_tunnel *t = s->tunnel;
	struct l2tp_session_end end = {.result = result, .error = error};

	if (s->closing)
		return;
	lns_count(t->lns, L2TP_COUNTER_SESSION_CLOSED);
	if (message != NULL)
		end.message = (struct l2tp_bytes){
			(const uint8_t *)message, (uint16_t)strnlen(message, UINT16_MAX)};
	if (cause != NULL)
		end.cause = *cause;
	if (t->state == L2TP_TUNNEL_ESTABLISHED)
		cdn_send(t, now, s->peer_id, s->local_id, result, error, message, cause);
	else
		end.with_tunnel = true;
	session_end(s, now, &end);
	tunnel_settle(t, now);
}

/* RFC 2661 has no FSM error for a CDN: the session id is not valid in this context. */
static void session_fsm_error(struct l2tp_session *s, uint64_t now, unsigned type)
{
	char text[64];

	lns_count(s->tunnel->lns, L2TP_COUNTER_SESSION_FSM_ERROR);
	snprintf(text, sizeof(text), "%s in state %s", l2tp_message_name(type),
		l2tp_session_state_name(s->state));
	l2tp_session_close(s, now, L2TP_CDN_ERROR, L2TP_ERROR_SESSION_ID, text, NULL);
}

static void session_fault(struct l2tp_session *s, uint64_t now, const struct l2tp_fault *fault)
{
	char text[96];

	lns_fault_text(fault, text, sizeof(text));
	l2tp_session_close(s, now, L2TP_CDN_ERROR, fault->error, text, NULL);
}

static struct l2tp_session *session_new(
	struct l2tp_tunnel *t, uint64_t now, uint16_t local_id, const struct l2tp_message *msg)
{
	struct l2tp_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->tunnel = t;
	s->local_id = local_id;
	s->peer_id = msg->assigned_session_id;
	s->opened = (uint32_t)(now / OPENED_UNIT);
	s->state = L2TP_SESSION_WAIT_CONNECT;
	s->call = call_merge(NULL, msg);
	if (s->call == NULL || tables_grow(t) < 0) {
		session_free(s);
		return NULL;
	}
	return s;
}

/* An acceptable ICRQ: ask the caller, answer with ICRP. */
static void session_open(struct l2tp_tunnel *t, uint64_t now, const struct l2tp_message *msg)
{
	struct l2tp_lns *lns = t->lns;
	struct l2tp_session *s;
	uint16_t peer_id = msg->assigned_session_id, error = 0;
	uint8_t bytes[64];
	struct l2tp_writer w;
	int result, id;

	id = id_space_take(&t->session_ids, now, lns_random(lns));
	if (id < 0) {
		call_refuse(t, now, peer_id, L2TP_COUNTER_SESSION_NO_ID, L2TP_CDN_NO_FACILITIES,
			L2TP_ERROR_RESOURCES, "no session id left in this tunnel");
		return;
	}
	s = session_new(t, now, (uint16_t)id, msg);
	if (s == NULL) {
		id_space_release(&t->session_ids, now, (uint16_t)id, false);
		call_refuse(t, now, peer_id, L2TP_COUNTER_NO_MEMORY, L2TP_CDN_NO_FACILITIES,
			L2TP_ERROR_RESOURCES, "out of memory");
		return;
	}
	session_link(s);
	/* the return value alone refuses: a close from inside the callback does nothing */
	s->closing = true;
	result = lns->ops->session_open(lns->user, s, &error);
	s->closing = false;
	if (result != 0) {
		lns_count(lns, L2TP_COUNTER_SESSION_REFUSED);
		session_unlink(s);
		cdn_send(t, now, peer_id, s->local_id, (uint16_t)result, error, NULL, NULL);
		id_space_release(&t->session_ids, now, s->local_id, false);
		session_free(s);
		return;
	}
	lns_count(lns, L2TP_COUNTER_SESSION_OPENED);
	t->sessions_total++;
	l2tp_writer_init(&w, bytes, sizeof(bytes), peer_id, L2TP_ICRP);
	l2tp_write_u16(&w, true, L2TP_AVP_ASSIGNED_SESSION_ID, s->local_id);
	tunnel_queue(t, now, &w);
}

static void receive_icrq(struct l2tp_tunnel *t, uint64_t now, const struct l2tp_message *msg)
{
	bool has_id = l2tp_message_has(msg, L2TP_AVP_ASSIGNED_SESSION_ID) &&
		msg->assigned_session_id != 0;
	uint16_t peer_id = has_id ? msg->assigned_session_id : 0;
	struct l2tp_session *old;
	char text[96];

	if (msg->fault.reason != L2TP_COUNTER_MAX) {
		lns_fault_text(&msg->fault, text, sizeof(text));
		call_refuse(t, now, peer_id, L2TP_COUNTER_SESSION_REFUSED, L2TP_CDN_ERROR,
			msg->fault.error, text);
		return;
	}
	if (!has_id) {
		call_refuse(t, now, 0, L2TP_COUNTER_SESSION_BAD_PEER_ID, L2TP_CDN_ERROR,
			L2TP_ERROR_VALUE, "Assigned Session ID missing or 0");
		return;
	}
	old = l2tp_tunnel_session_by_peer(t, peer_id);
	if (old != NULL)
		session_fsm_error(old, now, msg->type);
	else
		session_open(t, now, msg);
}

/* In idle there is no session: tell the LAC, unless it is about to hear of the session's end. */
static void session_missing(struct l2tp_tunnel *t, uint64_t now, const struct l2tp_header *header,
	const struct l2tp_message *msg)
{
	lns_count(t->lns, L2TP_COUNTER_SESSION_UNKNOWN);
	if (msg->type != L2TP_ICCN || header->session_id == 0 ||
		id_space_resting(&t->session_ids, header->session_id))
		return;
	cdn_send(t, now, 0, header->session_id, L2TP_CDN_ERROR, L2TP_ERROR_SESSION_ID,
		"no such session", NULL);
}

/* What the LAC did before it gave the call to us has been read, by who is up, if it is still. */
static void proxy_forget(struct l2tp_tunnel *t, uint16_t local_id)
{
	struct l2tp_session *s = l2tp_tunnel_session(t, local_id);
	struct l2tp_call *call;

	if (s == NULL || !s->call->proxied)
		return;
	call = call_unproxied(s->call);
	if (call == NULL)
		return;
	call_free(s->call);
	s->call = call;
}

static void receive_iccn(struct l2tp_session *s, uint64_t now, const struct l2tp_message *msg)
{
	struct l2tp_tunnel *t = s->tunnel;
	struct l2tp_lns *lns = t->lns;
	uint16_t local_id = s->local_id;
	struct l2tp_call *call;

	if (s->state != L2TP_SESSION_WAIT_CONNECT) {
		session_fsm_error(s, now, msg->type);
		return;
	}
	call = call_merge(s->call, msg);
	if (call == NULL) {
		lns_count(lns, L2TP_COUNTER_NO_MEMORY);
		l2tp_session_close(s, now, L2TP_CDN_NO_FACILITIES, L2TP_ERROR_RESOURCES,
			"out of memory", NULL);
		return;
	}
	call_free(s->call);
	s->call = call;
	wait_unlink(s);
	s->state = L2TP_SESSION_ESTABLISHED;
	lns_count(lns, L2TP_COUNTER_SESSION_UP);
	lns->ops->session_up(lns->user, s);
	proxy_forget(t, local_id);
}

static void receive_cdn(struct l2tp_session *s, uint64_t now, const struct l2tp_message *msg)
{
	struct l2tp_session_end end = {.by_peer = true,
		.result = msg->result,
		.error = msg->error,
		.message = msg->error_message,
		.cause = msg->cause,
		.q931_cause = msg->q931_cause};

	lns_count(s->tunnel->lns, L2TP_COUNTER_SESSION_CLOSED_BY_PEER);
	session_end(s, now, &end);
}

/* Connect Speed Update Notification, RFC 5515 section 4.1: any number of sessions. */
static void receive_csun(struct l2tp_tunnel *t, const struct l2tp_message *msg)
{
	struct l2tp_lns *lns = t->lns;

	for (unsigned i = 0; i < msg->speed_count && t->state == L2TP_TUNNEL_ESTABLISHED; i++) {
		struct l2tp_session *s = l2tp_tunnel_session(t, msg->speed[i].session_id);

		if (s == NULL) {
			lns_count(lns, L2TP_COUNTER_SESSION_UNKNOWN);
			continue;
		}
		s->call->tx_speed = msg->speed[i].tx;
		s->call->rx_speed = msg->speed[i].rx;
		if (lns->ops->session_speed != NULL)
			lns->ops->session_speed(lns->user, s);
	}
}

/* NULL without memory: what is reported is then only counted. */
static struct l2tp_reports *reports_of(struct l2tp_session *s)
{
	if (!s->reports)
		s->reports = calloc(1, sizeof(*s->reports));
	return s->reports;
}

static void receive_wen(struct l2tp_session *s, const struct l2tp_message *msg)
{
	struct l2tp_lns *lns = s->tunnel->lns;

	if (l2tp_message_has(msg, L2TP_AVP_CALL_ERRORS) && reports_of(s))
		memcpy(s->reports->call_errors, msg->call_errors, sizeof(s->reports->call_errors));
	s->wen_count++;
	if (lns->ops->session_wen != NULL)
		lns->ops->session_wen(lns->user, s);
}

static void receive_sli(struct l2tp_session *s, const struct l2tp_message *msg)
{
	struct l2tp_lns *lns = s->tunnel->lns;

	if (l2tp_message_has(msg, L2TP_AVP_ACCM) && reports_of(s)) {
		s->reports->accm_send = msg->accm_send;
		s->reports->accm_receive = msg->accm_receive;
	}
	s->sli_count++;
	if (lns->ops->session_sli != NULL)
		lns->ops->session_sli(lns->user, s);
}

void session_message(struct l2tp_tunnel *t, uint64_t now, const struct l2tp_header *header,
	const struct l2tp_message *msg)
{
	struct l2tp_session *s = l2tp_tunnel_session(t, header->session_id);

	switch (msg->type) {
	case L2TP_ICRQ:
		receive_icrq(t, now, msg);
		return;
	case L2TP_OCRQ:
		/* an LNS has no lines to call out on */
		call_refuse(t, now, msg->assigned_session_id, L2TP_COUNTER_SESSION_OUTGOING_CALL,
			L2TP_CDN_NO_FACILITIES_EVER, L2TP_ERROR_NONE,
			"outgoing calls are not supported");
		return;
	case L2TP_CSUN:
		receive_csun(t, msg);
		return;
	case L2TP_CSURQ:
		/* asks a LAC */
		return;
	default:
		break;
	}
	/* a CDN sent before the ICRP came knows only the LAC's own id */
	if (s == NULL && msg->type == L2TP_CDN && header->session_id == 0 &&
		l2tp_message_has(msg, L2TP_AVP_ASSIGNED_SESSION_ID))
		s = l2tp_tunnel_session_by_peer(t, msg->assigned_session_id);
	if (s == NULL) {
		session_missing(t, now, header, msg);
		return;
	}
	if (msg->type == L2TP_CDN) {
		receive_cdn(s, now, msg);
	} else if (msg->fault.reason != L2TP_COUNTER_MAX) {
		session_fault(s, now, &msg->fault);
	} else if (msg->type == L2TP_ICCN) {
		receive_iccn(s, now, msg);
	} else if (msg->type == L2TP_WEN) {
		receive_wen(s, msg);
	} else if (msg->type == L2TP_SLI) {
		receive_sli(s, msg);
	} else {
		session_fsm_error(s, now, msg->type);
	}
}

void session_clear(struct l2tp_tunnel *t, uint64_t now, uint32_t max)
{
	struct l2tp_session_end end = {
		.with_tunnel = true,
		.by_peer = t->end.cause != L2TP_TUNNEL_BY_US,
		.result = t->end.cause == L2TP_TUNNEL_BY_US ? L2TP_CDN_ADMINISTRATIVE
							    : L2TP_CDN_CARRIER_LOST,
		.message = {(const uint8_t *)t->end.message, (uint16_t)strlen(t->end.message)},
	};

	while (max > 0 && t->session_count > 0 && t->clear_slot < t->slots) {
		struct l2tp_session *s = t->sessions[t->clear_slot++];

		if (s == NULL)
			continue;
		session_end(s, now, &end);
		max--;
	}
}

void session_expire(struct l2tp_tunnel *t, uint64_t now)
{
	while (t->wait_head != NULL && t->state == L2TP_TUNNEL_ESTABLISHED &&
		session_deadline(t) <= now) {
		lns_count(t->lns, L2TP_COUNTER_SESSION_CONNECT_TIMEOUT);
		l2tp_session_close(t->wait_head, now, L2TP_CDN_TIMEOUT, L2TP_ERROR_NONE,
			"no ICCN in time", NULL);
	}
}

uint64_t session_deadline(const struct l2tp_tunnel *t)
{
	return t->wait_head != NULL
		? (uint64_t)t->wait_head->opened * OPENED_UNIT + t->lns->set.connect_ms
		: L2TP_NEVER;
}
