/* SPDX-License-Identifier: BSD-3-Clause */
/* A world for the L2TP engine: fake clock, timers, recorded callbacks, and a LAC typed by hand. */
#pragma once

#include "l2tp_avp.h"
#include "l2tp_hidden.h"
#include "l2tp_lns.h"

#include <crypto/digest.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "s3cret"

struct world_sent {
	struct l2tp_path path;
	struct l2tp_header header;
	struct l2tp_message msg; /* byte fields point into bytes */
	uint8_t bytes[L2TP_SEND_MAX];
	bool zlb;
};

struct world {
	struct l2tp_lns *lns;
	uint64_t now;
	uint32_t seed;
	struct l2tp_peer peer;
	bool peer_known;
	uint64_t data_seen;
	int refuse_tunnel, refuse_session; /* what the open callbacks return */
	uint16_t refuse_error;
	bool close_in_up;                         /* session_up closes the session at once */
	void (*up)(const struct l2tp_call *call); /* in session_up; may be NULL */
	uint32_t follows; /* the SA group that another one's tunnels may go on in */
	uint32_t missed;  /* messages from there that were not the peer's */

	uint64_t deadlines[65536];  /* by local tunnel id */
	struct world_sent sent[64]; /* the last ones */
	unsigned sent_count;
	int tunnel_open, tunnel_up, tunnel_moved, tunnel_down, tunnel_free;
	int session_open, session_up, session_down, session_wen, session_sli, session_speed;
	struct l2tp_session_end end; /* of the last session_down */
	char end_message[128];
	struct l2tp_session *session; /* of the last session_open */
	struct l2tp_tunnel *tunnel;   /* of the last tunnel_open */
	struct l2tp_tunnel_end tunnel_end;
	void (*deliver)(
		struct world *w, const struct l2tp_path *path, const uint8_t *bytes, size_t len);
};

static inline uint32_t world_random(struct world *w)
{
	w->seed = w->seed * 1664525u + 1013904223u;
	return w->seed >> 8 ^ w->seed << 13;
}

static void world_send(void *user, const struct l2tp_path *path, const uint8_t *bytes, size_t len,
	struct l2tp_tunnel *t)
{
	static uint8_t scratch[L2TP_MESSAGE_MAX];
	struct world *w = user;
	struct world_sent *s = &w->sent[w->sent_count++ % 64];
	enum l2tp_counter reason;

	cr_assert_leq(len, L2TP_SEND_MAX);
	s->path = *path;
	memcpy(s->bytes, bytes, len);
	cr_assert_eq(l2tp_header_decode(&s->header, s->bytes, len, &reason), 0);
	cr_assert_eq(s->header.length, len);
	s->zlb = len == L2TP_CONTROL_HEADER;
	if (!s->zlb) {
		l2tp_message_decode(&s->msg, s->bytes, len, NULL, 0, scratch);
		cr_assert_eq(s->msg.fault.reason, L2TP_COUNTER_MAX, "what is sent is well-formed");
		cr_assert_eq(s->msg.ignored, 0);
	}
	if (w->deliver != NULL)
		w->deliver(w, path, bytes, len);
}

static const struct l2tp_peer *world_peer_find(
	void *user, const struct l2tp_path *path, const uint8_t *host_name, size_t len)
{
	struct world *w = user;

	return w->peer_known ? &w->peer : NULL;
}

static void world_random_bytes(void *user, uint8_t *bytes, size_t len)
{
	while (len-- > 0)
		*bytes++ = (uint8_t)world_random(user);
}

static void world_arm(void *user, struct l2tp_tunnel *t, uint64_t deadline)
{
	((struct world *)user)->deadlines[t->local_id] = deadline;
}

static uint64_t world_data_seen(void *user, struct l2tp_tunnel *t)
{
	return ((struct world *)user)->data_seen;
}

static int world_tunnel_open(void *user, struct l2tp_tunnel *t)
{
	struct world *w = user;

	if (w->refuse_tunnel != 0)
		return w->refuse_tunnel;
	w->deadlines[t->local_id] = L2TP_NEVER;
	w->tunnel = t;
	w->tunnel_open++;
	return 0;
}

static void world_tunnel_up(void *user, struct l2tp_tunnel *t)
{
	((struct world *)user)->tunnel_up++;
}

static bool world_path_follows(
	void *user, const struct l2tp_path *old, const struct l2tp_path *path)
{
	cr_assert_neq(old->sa_group, path->sa_group);
	return path->sa_group == ((struct world *)user)->follows;
}

static void world_path_missed(void *user, const struct l2tp_path *path)
{
	struct world *w = user;

	cr_assert_eq(path->sa_group, w->follows);
	w->missed++;
}

static void world_tunnel_moved(void *user, struct l2tp_tunnel *t, const struct l2tp_path *old)
{
	cr_assert_not(l2tp_path_equal(old, &t->path));
	((struct world *)user)->tunnel_moved++;
}

static void world_tunnel_down(void *user, struct l2tp_tunnel *t)
{
	struct world *w = user;

	cr_assert_eq(t->session_count, 0, "every session was reported before");
	cr_assert(t->down);
	w->tunnel_end = t->end;
	w->tunnel_down++;
}

static void world_tunnel_free(void *user, struct l2tp_tunnel *t)
{
	struct world *w = user;

	w->deadlines[t->local_id] = L2TP_NEVER;
	w->tunnel_free++;
}

static int world_session_open(void *user, struct l2tp_session *s, uint16_t *error)
{
	struct world *w = user;

	if (w->refuse_session != 0) {
		*error = w->refuse_error;
		return w->refuse_session;
	}
	w->session = s;
	w->session_open++;
	return 0;
}

static void world_session_up(void *user, struct l2tp_session *s)
{
	struct world *w = user;

	cr_assert_not_null(s->call);
	s->user = w;
	w->session_up++;
	if (w->up != NULL)
		w->up(s->call);
	if (w->close_in_up)
		l2tp_session_close(s, w->now, L2TP_CDN_ADMINISTRATIVE, 0, "refused", NULL);
}

static void world_session_wen(void *user, struct l2tp_session *s)
{
	((struct world *)user)->session_wen++;
}

static void world_session_sli(void *user, struct l2tp_session *s)
{
	((struct world *)user)->session_sli++;
}

static void world_session_speed(void *user, struct l2tp_session *s)
{
	((struct world *)user)->session_speed++;
}

static void world_session_down(
	void *user, struct l2tp_session *s, const struct l2tp_session_end *end)
{
	struct world *w = user;

	w->session_down++;
	w->end = *end;
	snprintf(w->end_message, sizeof(w->end_message), "%.*s", (int)end->message.len,
		end->message.at != NULL ? (const char *)end->message.at : "");
	/* a second close from inside the callback must do no harm */
	l2tp_session_close(s, w->now, L2TP_CDN_ADMINISTRATIVE, 0, NULL, NULL);
}

static const struct l2tp_ops world_ops = {
	.send = world_send,
	.peer_find = world_peer_find,
	.random_bytes = world_random_bytes,
	.arm = world_arm,
	.data_seen = world_data_seen,
	.tunnel_open = world_tunnel_open,
	.tunnel_up = world_tunnel_up,
	.path_follows = world_path_follows,
	.path_missed = world_path_missed,
	.tunnel_moved = world_tunnel_moved,
	.tunnel_down = world_tunnel_down,
	.tunnel_free = world_tunnel_free,
	.session_open = world_session_open,
	.session_up = world_session_up,
	.session_wen = world_session_wen,
	.session_sli = world_session_sli,
	.session_speed = world_session_speed,
	.session_down = world_session_down,
};

static void world_init(struct world *w, const struct l2tp_settings *extra)
{
	struct l2tp_settings set = {0};

	if (extra != NULL)
		set = *extra;
	set.host_name = "lns.example";
	set.vendor_name = "lnsd";
	cr_assert_eq(digest_init(), 0, "%s", digest_init_error());
	memset(w, 0, sizeof(*w));
	memset(w->deadlines, 0xff, sizeof(w->deadlines));
	w->now = 1000000;
	w->seed = 42;
	w->peer_known = true;
	w->peer = (struct l2tp_peer){.name = "lac",
		.secret = (const uint8_t *)SECRET,
		.secret_len = strlen(SECRET),
		.challenge = true,
		.receive_window = 64,
		.max_retries = 5,
		.hello_ms = 60000};
	w->lns = l2tp_lns_create(&world_ops, w, &set);
	cr_assert_not_null(w->lns);
}

static void world_fini(struct world *w)
{
	w->deliver = NULL;
	l2tp_lns_destroy(w->lns, w->now);
	cr_assert_eq(w->tunnel_open, w->tunnel_down, "tunnels opened and ended");
	cr_assert_eq(w->tunnel_open, w->tunnel_free);
	cr_assert_eq(w->session_open, w->session_down, "sessions opened and ended");
	digest_fini();
}

static inline uint64_t world_count(const struct world *w, enum l2tp_counter counter)
{
	return l2tp_lns_counters(w->lns)[counter];
}

/* Fire every timer up to a moment, in order. */
static inline void world_run(struct world *w, uint64_t until)
{
	for (;;) {
		uint64_t first = L2TP_NEVER;
		struct l2tp_tunnel *t, *next = NULL;
		uint32_t id = 0;

		while ((t = l2tp_lns_tunnel_next(w->lns, &id)) != NULL) {
			if (w->deadlines[t->local_id] < first) {
				first = w->deadlines[t->local_id];
				next = t;
			}
		}
		if (next == NULL || first > until)
			break;
		if (first > w->now)
			w->now = first;
		w->deadlines[next->local_id] = L2TP_NEVER;
		l2tp_tunnel_timeout(next, w->now);
	}
	w->now = until;
}

static inline struct world_sent *world_last(struct world *w)
{
	cr_assert_gt(w->sent_count, 0, "something was sent");
	return &w->sent[(w->sent_count - 1) % 64];
}

/* The last one of a type; NULL. */
static inline struct world_sent *world_last_of(struct world *w, unsigned type)
{
	for (unsigned i = 0; i < 64 && i < w->sent_count; i++) {
		struct world_sent *s = &w->sent[(w->sent_count - 1 - i) % 64];

		if (!s->zlb && s->msg.type == type)
			return s;
	}
	return NULL;
}

/* A LAC's end of one tunnel, without any machinery: every message is written by the test. */
struct client {
	struct world *w;
	struct l2tp_path path;
	uint16_t id, lns_id, ns, nr;
	bool challenge; /* the LNS must answer ours */
	uint8_t lns_challenge[16];
	uint8_t bytes[L2TP_MESSAGE_MAX];
	struct l2tp_writer out;
};

static inline void client_init(struct client *c, struct world *w, uint8_t host, uint16_t id)
{
	*c = (struct client){.w = w, .id = id};
	c->path.peer =
		(struct l2tp_endpoint){.address = {192, 0, 2, host}, .port = 1701, .family = 4};
	c->path.local =
		(struct l2tp_endpoint){.address = {198, 51, 100, 1}, .port = 1701, .family = 4};
}

static inline struct l2tp_writer *client_begin(struct client *c, uint16_t session_id, unsigned type)
{
	l2tp_writer_init(&c->out, c->bytes, sizeof(c->bytes), session_id, type);
	return &c->out;
}

/* Send what was begun, with these numbers and from this path. */
static inline void client_send_as(struct client *c, const struct l2tp_path *path,
	uint16_t tunnel_id, uint16_t ns, uint16_t nr)
{
	size_t len = l2tp_writer_finish(&c->out);
	struct l2tp_header h = {
		.length = (uint16_t)len, .tunnel_id = tunnel_id, .ns = ns, .nr = nr};

	cr_assert_gt(len, 0);
	h.session_id = (uint16_t)(c->bytes[6] << 8 | c->bytes[7]);
	l2tp_header_encode(&h, c->bytes);
	l2tp_lns_input(c->w->lns, c->w->now, path, c->bytes, len);
}

/* Everything the LNS sent so far is acknowledged by the next message. */
static inline void client_catch_up(struct client *c)
{
	for (unsigned i = 0; i < 64 && i < c->w->sent_count; i++) {
		struct world_sent *s = &c->w->sent[i];

		if (!s->zlb && s->header.tunnel_id == c->id && s->header.ns == c->nr) {
			c->nr++;
			i = (unsigned)-1;
		}
	}
}

static inline void client_send(struct client *c)
{
	client_catch_up(c);
	client_send_as(c, &c->path, c->lns_id, c->ns++, c->nr);
}

static inline void client_zlb(struct client *c)
{
	uint8_t bytes[L2TP_CONTROL_HEADER];
	struct l2tp_header h = {.length = sizeof(bytes), .tunnel_id = c->lns_id, .ns = c->ns};

	client_catch_up(c);
	h.nr = c->nr;
	l2tp_header_encode(&h, bytes);
	l2tp_lns_input(c->w->lns, c->w->now, &c->path, bytes, sizeof(bytes));
}

static inline void client_sccrq_write(struct client *c)
{
	struct l2tp_writer *out = client_begin(c, 0, L2TP_SCCRQ);

	l2tp_write_u16(out, true, L2TP_AVP_PROTOCOL_VERSION, 0x0100);
	l2tp_write_u32(out, true, L2TP_AVP_FRAMING_CAPABILITIES, 3);
	l2tp_write_bytes(out, true, L2TP_AVP_HOST_NAME, "lac", 3);
	l2tp_write_u16(out, true, L2TP_AVP_ASSIGNED_TUNNEL_ID, c->id);
	if (c->challenge)
		l2tp_write_bytes(out, true, L2TP_AVP_CHALLENGE, "challenge me", 12);
}

static inline void client_sccrq(struct client *c)
{
	client_sccrq_write(c);
	client_send_as(c, &c->path, 0, c->ns++, 0);
}

/* Learn from the SCCRP that was sent. */
static inline struct world_sent *client_sccrp(struct client *c)
{
	struct world_sent *s = world_last_of(c->w, L2TP_SCCRP);

	cr_assert_not_null(s);
	cr_assert_eq(s->header.tunnel_id, c->id);
	c->lns_id = s->msg.assigned_tunnel_id;
	if (s->msg.challenge.at != NULL)
		memcpy(c->lns_challenge, s->msg.challenge.at, sizeof(c->lns_challenge));
	return s;
}

static inline void client_scccn_write(struct client *c, const char *secret)
{
	uint8_t response[L2TP_RESPONSE_LEN];

	client_begin(c, 0, L2TP_SCCCN);
	if (secret == NULL)
		return;
	l2tp_response(L2TP_SCCCN, (const uint8_t *)secret, strlen(secret), c->lns_challenge, 16,
		response);
	l2tp_write_bytes(&c->out, true, L2TP_AVP_CHALLENGE_RESPONSE, response, sizeof(response));
}

/* A whole tunnel set-up. */
static inline void client_connect(struct client *c)
{
	client_sccrq(c);
	client_sccrp(c);
	client_scccn_write(c, SECRET);
	client_send(c);
	cr_assert_eq(l2tp_lns_tunnel(c->w->lns, c->lns_id)->state, L2TP_TUNNEL_ESTABLISHED);
	client_zlb(c);
}

static inline void client_icrq(struct client *c, uint16_t session_id)
{
	struct l2tp_writer *out = client_begin(c, 0, L2TP_ICRQ);

	l2tp_write_u16(out, true, L2TP_AVP_ASSIGNED_SESSION_ID, session_id);
	l2tp_write_u32(out, true, L2TP_AVP_CALL_SERIAL_NUMBER, 1000u + session_id);
	client_send(c);
}

static inline void client_iccn(struct client *c, uint16_t lns_session_id)
{
	struct l2tp_writer *out = client_begin(c, lns_session_id, L2TP_ICCN);

	l2tp_write_u32(out, true, L2TP_AVP_TX_CONNECT_SPEED, 50000000);
	l2tp_write_u32(out, true, L2TP_AVP_FRAMING_TYPE, 1);
	client_send(c);
}

/* A session up; returns the LNS's id. */
static inline uint16_t client_call(struct client *c, uint16_t session_id)
{
	uint16_t id;

	client_icrq(c, session_id);
	id = l2tp_tunnel_session_by_peer(l2tp_lns_tunnel(c->w->lns, c->lns_id), session_id)
		     ->local_id;
	client_iccn(c, id);
	return id;
}
