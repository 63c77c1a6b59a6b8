/* SPDX-License-Identifier: BSD-3-Clause */
/* One PPP session on a bench: fake clock, seeded randomness, a queue of what it sent, a log of what
 * it told. Frames are written by hand here, so that the engine's codec does not check itself. */
#pragma once

#include "ppp.h"

#include <criterion/criterion.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BENCH_FRAMES 256

struct bench {
	struct ppp ppp;
	struct ppp_config config;
	struct ppp_counters counters;
	uint64_t now;
	uint64_t deadline;
	uint32_t seed;
	struct {
		uint8_t bytes[PPP_FRAME_MAX + 8];
		size_t len;
	} frames[BENCH_FRAMES];
	unsigned sent, taken;
	char events[4096];
	struct ppp_link link;
	int closed;
	enum ppp_close_cause cause;
	/* the last request to AAA */
	struct ppp_auth_request request;
	uint8_t user[256], password[256], challenge[256], response[64];
	int requests;
	uint8_t peer_id[8];
	/* what callbacks do at once */
	bool accept_at_once, open_at_once, close_in_link_up, close_in_ipv4_up;
};

#define OUR_MAGIC(b) ((b)->ppp.lcp.magic)

static inline void bench_event(struct bench *b, const char *name)
{
	size_t n = strlen(b->events);

	if (n + strlen(name) + 2 < sizeof(b->events))
		sprintf(b->events + n, "%s%s", n > 0 ? " " : "", name);
}

static inline void bench_send(void *user, const uint8_t *frame, size_t len)
{
	struct bench *b = user;

	cr_assert_leq(len, PPP_FRAME_MAX);
	cr_assert_lt(b->sent, BENCH_FRAMES, "too many frames for the bench");
	memcpy(b->frames[b->sent].bytes, frame, len);
	b->frames[b->sent++].len = len;
}

static inline void bench_random(void *user, void *out, size_t len)
{
	struct bench *b = user;

	for (size_t i = 0; i < len; i++) {
		b->seed = b->seed * 1103515245 + 12345;
		((uint8_t *)out)[i] = (uint8_t)(b->seed >> 16);
	}
}

static inline void bench_arm(void *user, uint64_t deadline)
{
	((struct bench *)user)->deadline = deadline;
}

static inline void bench_link_up(void *user, const struct ppp_link *link)
{
	struct bench *b = user;

	b->link = *link;
	bench_event(b, "link_up");
	if (b->close_in_link_up)
		ppp_close(&b->ppp, b->now, PPP_CLOSE_ADMIN);
}

static inline void bench_link_down(void *user)
{
	bench_event(user, "link_down");
}

static inline void bench_answer(struct bench *b, bool accept, const char *message)
{
	ppp_auth_result(&b->ppp, b->now,
		&(struct ppp_auth_result){
			.serial = b->request.serial,
			.accept = accept,
			.message = message,
			.message_len = message != NULL ? strlen(message) : 0,
			.authenticator = "S=0123456789ABCDEF0123456789ABCDEF01234567",
		});
}

static inline void bench_auth_request(void *user, const struct ppp_auth_request *request)
{
	struct bench *b = user;

	bench_event(b, "auth_request");
	b->requests++;
	b->request = *request;
	memcpy(b->user, request->user, request->user_len);
	b->user[request->user_len] = '\0';
	if (request->password != NULL) {
		memcpy(b->password, request->password, request->password_len);
		b->password[request->password_len] = '\0';
	}
	if (request->challenge != NULL)
		memcpy(b->challenge, request->challenge, request->challenge_len);
	if (request->response != NULL)
		memcpy(b->response, request->response, request->response_len);
	if (b->accept_at_once)
		bench_answer(b, true, NULL);
}

static const struct ppp_ipv4 bench_ipv4 = {
	/* 192.0.2.1, 198.51.100.7, 192.0.2.53, 192.0.2.54 in network byte order */
	.our_address = __builtin_bswap32(0xc0000201),
	.peer_address = __builtin_bswap32(0xc6336407),
	.dns = {__builtin_bswap32(0xc0000235), __builtin_bswap32(0xc0000236)},
};

static inline void bench_network(void *user)
{
	struct bench *b = user;

	bench_event(b, "network");
	if (b->open_at_once) {
		ppp_ipv4_open(&b->ppp, b->now, &bench_ipv4);
		ppp_ipv6_refuse(&b->ppp, b->now);
	}
}

static inline void bench_ipv4_up(void *user)
{
	struct bench *b = user;

	bench_event(b, "ipv4_up");
	if (b->close_in_ipv4_up)
		ppp_close(&b->ppp, b->now, PPP_CLOSE_ADMIN);
}

static inline void bench_ipv4_down(void *user)
{
	bench_event(user, "ipv4_down");
}

static inline void bench_ipv6_up(void *user, const uint8_t peer_id[8])
{
	memcpy(((struct bench *)user)->peer_id, peer_id, 8);
	bench_event(user, "ipv6_up");
}

static inline void bench_ipv6_down(void *user)
{
	bench_event(user, "ipv6_down");
}

static inline void bench_closed(void *user, enum ppp_close_cause cause)
{
	struct bench *b = user;

	b->closed++;
	b->cause = cause;
	bench_event(b, "closed");
	/* It may be freed in here: whatever the engine still reads after this is garbage. */
	memset(&b->ppp, 0xa5, sizeof(b->ppp));
	b->ppp.started = false;
}

/* The pool of the bench has 198.51.100.7, which was given, and .9. */
static inline uint32_t bench_ipv4_wish(void *user, uint32_t address)
{
	static const uint8_t free_one[4] = {198, 51, 100, 9}, given[4] = {198, 51, 100, 7};
	uint32_t answer;

	bench_event(user, "ipv4_wish");
	memcpy(&answer, memcmp(&address, free_one, 4) ? given : free_one, sizeof(answer));
	return answer;
}

static const struct ppp_ops bench_ops = {
	.send = bench_send,
	.random_bytes = bench_random,
	.arm = bench_arm,
	.link_up = bench_link_up,
	.link_down = bench_link_down,
	.auth_request = bench_auth_request,
	.network = bench_network,
	.ipv4_wish = bench_ipv4_wish,
	.ipv4_up = bench_ipv4_up,
	.ipv4_down = bench_ipv4_down,
	.ipv6_up = bench_ipv6_up,
	.ipv6_down = bench_ipv6_down,
	.closed = bench_closed,
};

/* Methods: PPP_AUTH_NONE ends the list. Echoes are off, MRU 1492. */
static inline struct bench *bench_new(
	enum ppp_auth_method a1, enum ppp_auth_method a2, enum ppp_auth_method a3)
{
	enum ppp_auth_method methods[] = {a1, a2, a3};
	struct bench *b = calloc(1, sizeof(*b));

	ppp_config_defaults(&b->config);
	b->config.name = "lns";
	b->config.mru = 1492;
	b->config.echo_interval = 0;
	b->config.counters = &b->counters;
	for (int i = 0; i < 3 && methods[i] != PPP_AUTH_NONE; i++)
		b->config.auth[b->config.auth_count++] = methods[i];
	b->now = 1000;
	b->deadline = PPP_NO_DEADLINE;
	b->seed = 1;
	ppp_init(&b->ppp, &b->config, &bench_ops, b);
	return b;
}

static inline void bench_free(struct bench *b)
{
	if (!b->closed)
		ppp_free(&b->ppp);
	free(b);
}

/* A packet from the peer: two-byte protocol field, ff 03 in front. */
static inline void feed(
	struct bench *b, uint16_t protocol, uint8_t code, uint8_t id, const void *body, size_t len)
{
	uint8_t frame[9000] = {0xff, 0x03, (uint8_t)(protocol >> 8), (uint8_t)protocol, code, id,
		(uint8_t)((len + 4) >> 8), (uint8_t)(len + 4)};

	if (len > 0)
		memcpy(frame + 8, body, len);
	ppp_receive(&b->ppp, b->now, frame, len + 8);
}

#define FEED(b, protocol, code, id, ...)                            \
	feed(b, protocol, code, id, (const uint8_t[]){__VA_ARGS__}, \
		sizeof((const uint8_t[]){__VA_ARGS__}))
#define FEED_EMPTY(b, protocol, code, id) feed(b, protocol, code, id, NULL, 0)

/* A packet that the session sent. */
struct taken {
	bool address_control;
	uint16_t protocol;
	uint8_t code, id;
	const uint8_t *body;
	size_t len;
};

static inline struct taken take_any(struct bench *b)
{
	const uint8_t *p;
	struct taken t = {0};
	size_t len;

	cr_assert_lt(b->taken, b->sent, "nothing was sent; events: %s", b->events);
	p = b->frames[b->taken].bytes;
	len = b->frames[b->taken++].len;
	t.address_control = p[0] == 0xff;
	if (t.address_control) {
		cr_assert_eq(p[1], 3);
		p += 2;
		len -= 2;
	}
	cr_assert_geq(len, 6);
	t.protocol = (uint16_t)(p[0] << 8 | p[1]);
	t.code = p[2];
	t.id = p[3];
	cr_assert_eq((size_t)(p[4] << 8 | p[5]), len - 2, "Length field");
	t.body = p + 6;
	t.len = len - 6;
	return t;
}

static inline struct taken take(struct bench *b, uint16_t protocol, uint8_t code)
{
	struct taken t = take_any(b);

	cr_assert(t.protocol == protocol && t.code == code,
		"sent %04x code %u instead of %04x code %u; events: %s", t.protocol, t.code,
		protocol, code, b->events);
	return t;
}

static inline void take_nothing(struct bench *b)
{
	if (b->taken < b->sent) {
		struct taken t = take_any(b);

		cr_assert_fail("sent %04x code %u", t.protocol, t.code);
	}
}

static inline void body_is(struct taken t, const uint8_t *bytes, size_t len)
{
	cr_assert_eq(t.len, len, "length %zu instead of %zu", t.len, len);
	cr_assert_arr_eq(t.body, bytes, len);
}

#define BODY(t, ...) \
	body_is(t, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* Acknowledges the request that was just taken. */
static inline void acknowledge(struct bench *b, struct taken t)
{
	feed(b, t.protocol, 2, t.id, t.body, t.len);
}

/* Lets the clock run to the armed deadline, as the timer wheel does. */
static inline void run_timer(struct bench *b)
{
	cr_assert_neq(b->deadline, PPP_NO_DEADLINE, "no timer is armed");
	b->now = b->deadline;
	b->deadline = PPP_NO_DEADLINE;
	ppp_timeout(&b->ppp, b->now);
}

static inline uint64_t counted(const struct bench *b, enum ppp_reject reject)
{
	return b->counters.rejects[reject];
}

#define PEER_MAGIC 0xde, 0xad, 0xbe, 0xef

/* Both sides agree at once; the peer asks for MRU 1492 and a magic number. */
static inline void lcp_negotiate(struct bench *b)
{
	acknowledge(b, take(b, 0xc021, 1));
	FEED(b, 0xc021, 1, 1, 1, 4, 0x05, 0xd4, 5, 6, PEER_MAGIC);
	take(b, 0xc021, 2);
}

static inline void lcp_open(struct bench *b)
{
	ppp_start(&b->ppp, b->now, NULL);
	lcp_negotiate(b);
	cr_assert_eq(b->ppp.lcp.fsm.state, PPP_OPENED);
}

#define PAP_JOE 3, 'j', 'o', 'e', 2, 'p', 'w'

/* Up to the network phase with PAP. */
static inline void pap_open(struct bench *b)
{
	lcp_open(b);
	FEED(b, 0xc023, 1, 9, PAP_JOE);
	bench_answer(b, true, NULL);
	take(b, 0xc023, 2);
	cr_assert_eq(ppp_phase(&b->ppp), PPP_PHASE_NETWORK);
}

/* Up to open IPCP. */
static inline void ipv4_open(struct bench *b)
{
	pap_open(b);
	ppp_ipv4_open(&b->ppp, b->now, &bench_ipv4);
	acknowledge(b, take(b, 0x8021, 1));
	FEED(b, 0x8021, 1, 1, 3, 6, 198, 51, 100, 7);
	take(b, 0x8021, 2);
	cr_assert(b->ppp.ipcp.up);
}
