/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The subscriber's IPv6: IPv6CP (RFC 5072), a router solicitation (RFC 4861), a prefix by DHCPv6 (RFC 8415);
 * one after the other, after IPCP; no I/O, no clock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ppp.h"

#define PPP_IPV6CP 0x8057u

enum link6_state {
	LINK6_IDLE,
	LINK6_IPV6CP, /* Configure-Request sent */
	LINK6_ROUTER, /* Router Solicitation sent */
	LINK6_DHCP,   /* Solicit sent, with Rapid Commit */
	LINK6_UP,
};

struct link6 {
	uint8_t state;
	struct ppp_half cp;
	bool has_prefix;
	uint8_t id[8], peer_id[8]; /* interface identifiers */
	uint8_t prefix[8];         /* the link's /64 */
	uint8_t delegated[16], delegated_length;
	uint8_t transaction[3];
	uint32_t number;
};

/* Before PPP starts; number: of the subscriber, unique. */
void link6_init(struct link6 *l, uint32_t number);
/* IPCP is up. */
void link6_start(const struct ppp_context *c, struct link6 *l);
/* An IPv6CP frame, also before link6_start. */
void link6_cp_input(const struct ppp_context *c, struct link6 *l, const uint8_t *frame, size_t len);
/* An IPv6 packet; false: it is not for the link. Calls ops->up when the prefix is there. */
bool link6_input(const struct ppp_context *c, struct link6 *l, const uint8_t *packet, size_t len);
/* The timer fired before LINK6_UP. */
void link6_expire(const struct ppp_context *c, struct link6 *l);
/* The subscriber's address: odd ones use the link's prefix, even ones what was delegated to them. */
void link6_address(const struct link6 *l, uint8_t out[16]);
