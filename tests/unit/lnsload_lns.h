/* SPDX-License-Identifier: BSD-3-Clause */
/* A small LNS that lnsload's own tests run against: one thread, bytes and time in, bytes out. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "channel.h"
#include "ppp.h"

#define LNS_TUNNELS  16u
#define LNS_SESSIONS 2048u

struct lns;

struct lns_tunnel {
	struct lns *lns;
	bool used, authenticated, stopped;
	uint16_t peer_id;
	struct sockaddr_storage peer;
	struct channel channel;
	uint8_t challenge[16];
};

struct lns_session {
	bool used, connected, local_acked, remote_acked, authenticated, ip_local, ip_remote;
	uint32_t tunnel;
	uint16_t peer_id;
	uint32_t number; /* of lnsload, from the Call Serial Number */
	uint8_t tries;
	uint8_t challenge[16];
	uint64_t resend_ms;
	uint32_t address;
};

struct lns {
	void (*send)(void *ctx, const struct sockaddr_storage *to, const uint8_t *p, size_t len);
	void (*ip)(void *ctx, struct lns_session *s, const uint8_t *p, size_t len);
	void *ctx;
	const char *secret;       /* NULL: no tunnel authentication */
	bool wrong_response;      /* answers the LAC's challenge wrongly */
	enum auth_method first;   /* asked for first; a Nak is followed */
	const char *password;     /* what users have, with %d */
	bool wrong_authenticator; /* MS-CHAPv2: proves nothing */
	bool same_address;        /* everybody gets the first address */
	uint16_t cdn_icrq;        /* refuses calls with this result, 0: none */
	bool offer_ccp;
	uint32_t base_address;
	uint64_t now_ms;
	struct buffer_pool pool;
	struct channel_stats stats;
	struct lns_tunnel tunnels[LNS_TUNNELS];
	struct lns_session sessions[LNS_SESSIONS];
	uint32_t opened, echo_replies, term_requests, cdns, stopccns, protocol_rejects;
};

void lns_input(struct lns *lns, uint64_t now_ms, const struct sockaddr_storage *from,
	const uint8_t *packet, size_t len);
void lns_expire(struct lns *lns, uint64_t now_ms);
void lns_send_ppp(struct lns *lns, struct lns_session *s, uint16_t protocol, const uint8_t *frame,
	size_t len);
/* The LNS ends the call. */
void lns_clear(struct lns *lns, struct lns_session *s);
void lns_free(struct lns *lns);
