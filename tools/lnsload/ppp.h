/* SPDX-License-Identifier: BSD-3-Clause */
/* The subscriber's PPP: LCP, authentication and IPCP as a CPE does them; no I/O, no clock. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth.h"

#define PPP_IP        0x0021u
#define PPP_IPV6      0x0057u
#define PPP_IPCP      0x8021u
#define PPP_LCP       0xc021u
#define PPP_PAP       0xc023u
#define PPP_CHAP      0xc223u
#define PPP_MAX_TRIES 100u /* the set-up timeout comes first, unless it is long */

enum ppp_phase {
	PPP_DEAD,
	PPP_ESTABLISH,
	PPP_AUTHENTICATE,
	PPP_NETWORK,
	PPP_UP, /* IPCP opened: packets may flow */
	PPP_TERMINATE,
};

enum ppp_code {
	PPP_CONF_REQ = 1,
	PPP_CONF_ACK,
	PPP_CONF_NAK,
	PPP_CONF_REJ,
	PPP_TERM_REQ,
	PPP_TERM_ACK,
	PPP_CODE_REJ,
	PPP_PROTO_REJ,
	PPP_ECHO_REQ,
	PPP_ECHO_REPLY,
	PPP_DISCARD_REQ,
	PPP_IDENTIFICATION,
};

/* why PPP ended or never came up */
enum ppp_failure {
	PPP_FAIL_AUTH_REFUSED, /* PAP Nak or CHAP Failure */
	PPP_FAIL_AUTH_METHOD,  /* the LNS insists on a method we were told not to use */
	PPP_FAIL_AUTH_PEER,    /* MS-CHAPv2: the LNS did not prove that it knows the password */
	PPP_FAIL_NO_ADDRESS,   /* IPCP rejected or ended without an address */
	PPP_FAIL_NEGOTIATION,  /* no end of Configure-Requests */
	PPP_FAIL_TERMINATED,   /* the LNS sent Terminate-Request */
};

struct ppp_stats {
	uint64_t echo_requests, renegotiations, protocol_rejects_sent, malformed, resent;
	uint64_t dropped_in_phase, implicit_auth;
};

struct ppp;

struct ppp_ops {
	/* one frame, protocol number apart */
	void (*send)(void *ctx, uint16_t protocol, const uint8_t *frame, size_t len);
	void (*up)(void *ctx);
	void (*failed)(void *ctx, enum ppp_failure why, const uint8_t *text, size_t len);
	/* our Terminate-Request was acknowledged */
	void (*terminated)(void *ctx);
	void (*arm)(void *ctx, uint32_t delay_ms);
	uint64_t (*random)(void *ctx);
	/* name and password of this subscriber, NUL-terminated, valid during the call */
	void (*credentials)(void *ctx, const char **name, const char **password);
};

/* one side of a Configure conversation: LCP or IPCP */
struct ppp_half {
	uint8_t id; /* of the Configure-Request that is out */
	bool local_acked, remote_acked;
	uint8_t naks; /* sent so far: bounded */
	uint8_t tries;
};

struct ppp_settings {
	uint16_t mru;
	uint32_t restart_ms;
	bool compress; /* ask for and use PFC and ACFC */
};

struct ppp {
	uint32_t magic, peer_magic;
	uint32_t address, peer_address, dns[2]; /* host byte order */
	uint16_t mru, peer_mru;
	uint8_t phase;
	uint8_t wanted;    /* enum auth_method this subscriber can do, AUTH_ANY: all */
	uint8_t method;    /* enum auth_method agreed on */
	uint8_t rejected;  /* our LCP options that the peer rejected, by bit */
	uint8_t reject_id; /* identifier of the last Code- or Protocol-Reject */
	uint8_t dns_rejected;
	bool pfc, acfc; /* the peer asked for them: we may compress */
	bool passive;
	struct ppp_half lcp, ipcp;
	struct auth auth;
};

/* everything that a session's PPP needs from around it */
struct ppp_context {
	const struct ppp_ops *ops;
	void *ctx;
	struct ppp_stats *stats;
	const struct ppp_settings *settings;
};

/* Starts LCP; a passive one speaks when the peer has spoken or the restart timer fires. */
void ppp_start(const struct ppp_context *c, struct ppp *p, enum auth_method wanted, bool passive);
/* Continues where a LAC's proxied negotiation ended: LCP is open with this method. */
void ppp_start_proxied(const struct ppp_context *c, struct ppp *p, enum auth_method method,
	bool authenticated_by_proxy);
/* A frame that is not a network-layer packet. */
void ppp_input(const struct ppp_context *c, struct ppp *p, uint16_t protocol, const uint8_t *frame,
	size_t len);
/* The timer asked for by ops->arm fired. */
void ppp_expire(const struct ppp_context *c, struct ppp *p);
void ppp_terminate(const struct ppp_context *c, struct ppp *p);

/* For ppp.c's neighbours. */
void ppp_send(const struct ppp_context *c, uint16_t protocol, uint8_t code, uint8_t id,
	const uint8_t *data, size_t len);
void ppp_network_phase(const struct ppp_context *c, struct ppp *p);
void ppp_fail(const struct ppp_context *c, struct ppp *p, enum ppp_failure why, const uint8_t *text,
	size_t len);
void ipcp_start(const struct ppp_context *c, struct ppp *p);
void ipcp_input(const struct ppp_context *c, struct ppp *p, const uint8_t *frame, size_t len);
void ipcp_expire(const struct ppp_context *c, struct ppp *p);
