/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbour discovery as bytes (RFC 4861, RFC 8106), for links without link-layer addresses; no state.
 * Packets begin at their IPv6 header.
 */
#pragma once

#include "ip6_wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nd_type {
	ND_ECHO_REQUEST = 128, /* RFC 4443 */
	ND_ECHO_REPLY = 129,
	ND_ROUTER_SOLICITATION = 133,
	ND_ROUTER_ADVERTISEMENT = 134,
	ND_NEIGHBOUR_SOLICITATION = 135,
	ND_NEIGHBOUR_ADVERTISEMENT = 136,
	ND_REDIRECT = 137,
};

enum nd_error {
	ND_OK,
	ND_NOT_ICMPV6, /* another next header */
	ND_SHORT,      /* too short for its type */
	ND_CHECKSUM,   /* wrong */
	ND_HOP_LIMIT,  /* not 255: it came through a router */
	ND_CODE,       /* not 0 */
	ND_OPTIONS,    /* lengths that do not add up */
	ND_ADDRESSES,  /* source, destination or target that RFC 4861 6.1, 7.1 forbid */
	ND_ERRORS,
};

/* Views into the packet that was parsed. */
struct nd_message {
	uint8_t type; /* enum nd_type or another of ICMPv6 */
	const uint8_t *source, *destination;
	const uint8_t *target; /* neighbour solicitation and advertisement; else NULL */
	const uint8_t *icmp;   /* the ICMPv6 message */
	size_t len;
};

/*
 * Checks what RFC 4861 6.1 and 7.1 want checked; of ICMPv6 other than neighbour discovery only length and
 * checksum.
 */
enum nd_error nd_parse(const struct ip6_packet *packet, struct nd_message *message);

#define ND_DNS_MAX    3
#define ND_FORMER_MAX 2

/* What the link had before: said with lifetimes of 0. */
struct nd_former {
	uint8_t n_prefixes, n_dns;
	uint8_t prefixes[ND_FORMER_MAX][16]; /* /64s */
	uint8_t dns[ND_DNS_MAX][16];
};

struct nd_router_advertisement {
	uint8_t source[16], destination[16];
	uint8_t hop_limit;
	bool managed, other;
	uint16_t lifetime; /* s, as default router */
	uint32_t mtu;      /* 0: no option */
	bool has_prefix;   /* a /64, on-link and autonomous */
	uint8_t prefix[16];
	uint32_t valid, preferred; /* s, of the prefix */
	unsigned int n_dns;
	uint8_t dns[ND_DNS_MAX][16];
	const uint8_t *domains; /* as dns_names_put() writes them */
	size_t domains_len;
	uint32_t dns_lifetime;          /* s */
	const struct nd_former *former; /* NULL: nothing */
};

/* Each writes a whole packet and returns its length, or 0 if it does not fit into room. */
size_t nd_router_advertisement_put(
	uint8_t *out, size_t room, const struct nd_router_advertisement *advertisement);
/* Router flag and override set. */
size_t nd_neighbour_advertisement_put(uint8_t *out, size_t room, const uint8_t source[16],
	const uint8_t destination[16], const uint8_t target[16], bool solicited);
/* The answer to an echo request, its data repeated. */
size_t nd_echo_reply_put(
	uint8_t *out, size_t room, const uint8_t source[16], const struct nd_message *request);
