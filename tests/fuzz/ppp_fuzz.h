/* SPDX-License-Identifier: BSD-3-Clause */
/* A PPP session for the fuzzers: every frame that it sends is checked, callbacks must pair up. */
#pragma once

#include "ppp.h"
#include "ppp_wire.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

struct fuzz_session {
	struct ppp ppp;
	struct ppp_config config;
	struct ppp_counters counters;
	uint64_t now, deadline;
	uint32_t seed;
	uint16_t peer_mru;
	bool link, ipv4, ipv6, closed, pending;
	uint8_t serial;
	/* our last Configure-Request, to be acknowledged */
	uint16_t protocol;
	uint8_t id;
	uint8_t options[PPP_INFO_MAX];
	size_t options_len;
};

static void fuzz_send(void *user, const uint8_t *bytes, size_t len)
{
	struct fuzz_session *s = user;
	struct ppp_packet packet;
	struct ppp_frame frame;

	assert(!s->closed);
	assert(len <= PPP_FRAME_MAX);
	assert(ppp_frame_parse(bytes, len, &frame) == PPP_WIRE_OK);
	assert(frame.len <= (s->link && s->peer_mru < PPP_INFO_MAX ? s->peer_mru : PPP_INFO_MAX));
	assert(ppp_packet_parse(frame.info, frame.len, &packet) == PPP_WIRE_OK);
	assert(packet.len + PPP_HEADER_LEN == frame.len);
	assert(!s->link || frame.protocol == PPP_LCP || frame.protocol == PPP_PAP ||
		frame.protocol == PPP_CHAP || frame.protocol == PPP_IPCP ||
		frame.protocol == PPP_IPV6CP);
	if (frame.protocol == PPP_PAP || frame.protocol == PPP_CHAP)
		return;
	if (packet.code <= PPP_CONFIGURE_REJECT)
		assert(ppp_options_check(packet.body, packet.len) == PPP_WIRE_OK);
	if (packet.code == PPP_CONFIGURE_REQUEST) {
		s->protocol = frame.protocol;
		s->id = packet.id;
		s->options_len = packet.len;
		memcpy(s->options, packet.body, packet.len);
	}
}

static void fuzz_random(void *user, void *out, size_t len)
{
	struct fuzz_session *s = user;

	for (size_t i = 0; i < len; i++) {
		s->seed = s->seed * 1664525 + 1013904223;
		((uint8_t *)out)[i] = (uint8_t)(s->seed >> 24);
	}
}

static void fuzz_arm(void *user, uint64_t deadline)
{
	((struct fuzz_session *)user)->deadline = deadline;
}

static void fuzz_link_up(void *user, const struct ppp_link *link)
{
	struct fuzz_session *s = user;

	assert(!s->link && !s->closed);
	s->link = true;
	s->peer_mru = link->peer_mru;
}

static void fuzz_link_down(void *user)
{
	struct fuzz_session *s = user;

	assert(s->link && !s->ipv4 && !s->ipv6);
	s->link = false;
}

static void fuzz_auth_request(void *user, const struct ppp_auth_request *request)
{
	struct fuzz_session *s = user;
	uint8_t sum = 0;

	assert(s->link);
	assert(request->user_len <= 253 && request->password_len <= 128);
	/* every byte that is promised can be read */
	for (size_t i = 0; i < request->user_len; i++)
		sum ^= request->user[i];
	for (size_t i = 0; i < request->password_len; i++)
		sum ^= request->password[i];
	for (size_t i = 0; i < request->challenge_len; i++)
		sum ^= request->challenge[i];
	for (size_t i = 0; i < request->response_len; i++)
		sum ^= request->response[i];
	if (request->method == PPP_AUTH_MSCHAP_V2)
		sum ^= request->peer_challenge[15] ^ request->nt_response[23];
	s->pending = true;
	s->serial = request->serial;
	if (sum % 3 == 0)
		ppp_auth_result(&s->ppp, s->now,
			&(struct ppp_auth_result){.serial = request->serial,
				.accept = true,
				.authenticator = "S=0123456789ABCDEF0123456789ABCDEF01234567"});
}

static void fuzz_network(void *user)
{
	assert(((struct fuzz_session *)user)->link);
}

static void fuzz_ipv4_up(void *user)
{
	struct fuzz_session *s = user;

	assert(s->link && !s->ipv4);
	s->ipv4 = true;
}

static void fuzz_ipv4_down(void *user)
{
	struct fuzz_session *s = user;

	assert(s->ipv4);
	s->ipv4 = false;
}

static void fuzz_ipv6_up(void *user, const uint8_t peer_id[8])
{
	struct fuzz_session *s = user;

	assert(s->link && !s->ipv6);
	s->ipv6 = true;
}

static void fuzz_ipv6_down(void *user)
{
	struct fuzz_session *s = user;

	assert(s->ipv6);
	s->ipv6 = false;
}

static void fuzz_closed(void *user, enum ppp_close_cause cause)
{
	struct fuzz_session *s = user;

	assert(!s->closed && !s->link && !s->ipv4 && !s->ipv6);
	assert(cause > PPP_CLOSE_NONE && cause < PPP_CLOSE_CAUSES);
	s->closed = true;
}

static const struct ppp_ops fuzz_ops = {
	.send = fuzz_send,
	.random_bytes = fuzz_random,
	.arm = fuzz_arm,
	.link_up = fuzz_link_up,
	.link_down = fuzz_link_down,
	.auth_request = fuzz_auth_request,
	.network = fuzz_network,
	.ipv4_up = fuzz_ipv4_up,
	.ipv4_down = fuzz_ipv4_down,
	.ipv6_up = fuzz_ipv6_up,
	.ipv6_down = fuzz_ipv6_down,
	.closed = fuzz_closed,
};

static inline void fuzz_init(struct fuzz_session *s, enum ppp_auth_method method)
{
	memset(s, 0, sizeof(*s));
	ppp_config_defaults(&s->config);
	s->config.auth[0] = method;
	s->config.auth_count = method != PPP_AUTH_NONE;
	s->config.mru = 1492;
	s->config.counters = &s->counters;
	s->now = 1000;
	s->seed = 1;
	s->deadline = PPP_NO_DEADLINE;
	ppp_init(&s->ppp, &s->config, &fuzz_ops, s);
}

static inline void fuzz_packet(
	struct fuzz_session *s, uint16_t protocol, const uint8_t *packet, size_t len)
{
	uint8_t frame[2 + 65535];

	ppp_put16(frame, protocol);
	memcpy(frame + 2, packet, len);
	if (!s->closed)
		ppp_receive(&s->ppp, s->now, frame, len + 2);
}

static inline void fuzz_acknowledge(struct fuzz_session *s)
{
	uint8_t packet[PPP_HEADER_LEN + PPP_INFO_MAX] = {PPP_CONFIGURE_ACK, s->id};

	if (s->protocol == 0)
		return;
	ppp_put16(packet + 2, (uint16_t)(s->options_len + PPP_HEADER_LEN));
	memcpy(packet + PPP_HEADER_LEN, s->options, s->options_len);
	fuzz_packet(s, s->protocol, packet, s->options_len + PPP_HEADER_LEN);
}

static inline void fuzz_timer(struct fuzz_session *s)
{
	if (s->closed || s->deadline == PPP_NO_DEADLINE)
		return;
	s->now = s->deadline;
	s->deadline = PPP_NO_DEADLINE;
	ppp_timeout(&s->ppp, s->now);
	/* a timer that is not set again after it ran would hang the session in these states */
	assert(s->closed || s->ppp.lcp.fsm.state == PPP_OPENED || s->deadline != PPP_NO_DEADLINE);
}

static inline void fuzz_answer(struct fuzz_session *s, bool accept)
{
	if (s->closed || !s->pending)
		return;
	s->pending = false;
	ppp_auth_result(&s->ppp, s->now,
		&(struct ppp_auth_result){.serial = s->serial,
			.accept = accept,
			.message = "message",
			.message_len = 7,
			.authenticator = "S=0123456789ABCDEF0123456789ABCDEF01234567"});
}

static inline void fuzz_open_ipv4(struct fuzz_session *s)
{
	if (!s->closed)
		ppp_ipv4_open(&s->ppp, s->now,
			&(struct ppp_ipv4){0x010200c0, 0x076433c6, {0x350200c0, 0}});
}

static inline void fuzz_open_ipv6(struct fuzz_session *s)
{
	if (!s->closed)
		ppp_ipv6_open(&s->ppp, s->now, &(struct ppp_ipv6){{2, 1}, {2, 2}, false});
}

/* LCP up, without a packet from the fuzzer. */
static inline void fuzz_lcp_open(struct fuzz_session *s)
{
	static const uint8_t request[] = {1, 1, 0, 8, 1, 4, 0x05, 0xd4};

	ppp_start(&s->ppp, s->now, NULL);
	fuzz_acknowledge(s);
	fuzz_packet(s, PPP_LCP, request, sizeof(request));
	assert(s->link);
}

/* The input is a list of records: one byte of length, the packet. The lengths from 250 on are
 * events instead. */
static inline void fuzz_run(
	struct fuzz_session *s, uint16_t protocol, const uint8_t *data, size_t size)
{
	const uint8_t *p = data, *end = data + size;

	while (p < end && !s->closed) {
		size_t len = *p++;

		if (len == 255) {
			fuzz_acknowledge(s);
		} else if (len == 254) {
			fuzz_timer(s);
		} else if (len == 253 || len == 252) {
			fuzz_answer(s, len == 253);
		} else if (len == 251) {
			fuzz_open_ipv4(s);
		} else if (len == 250) {
			/* all that is left, as one packet */
			fuzz_packet(s, protocol, p, (size_t)(end - p) < 65535 ? end - p : 65535);
			p = end;
		} else {
			if (len > (size_t)(end - p))
				len = (size_t)(end - p);
			fuzz_packet(s, protocol, p, len);
			p += len;
		}
	}
}

/* Whatever happened: it ends, once, in bounded time. */
static inline void fuzz_finish(struct fuzz_session *s)
{
	if (!s->closed)
		ppp_close(&s->ppp, s->now, PPP_CLOSE_ADMIN);
	for (int i = 0; i < 10 && !s->closed; i++)
		fuzz_timer(s);
	assert(s->closed);
}
