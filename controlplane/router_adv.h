/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The router's side of neighbour discovery on every session (RFC 4861, 4862, 8106): advertisements, asked
 * for and from time to time, and answers for our link-local address. No I/O.
 *
 * There is no timer per session: a clock of four bytes for each is swept once a second.
 */
#pragma once

#include "nd_wire.h"

#include <config/config.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What came and what was done with it (lnsctl show control). X(name, text) */
#define ROUTER_ADV_COUNTERS(X)                                                         \
	X(rs, "router solicitations")                                                  \
	X(ra_sent, "router advertisements sent")                                       \
	X(ns, "neighbour solicitations for our address")                               \
	X(ns_other, "neighbour solicitations for other addresses: not ours to answer") \
	X(na_sent, "neighbour advertisements sent")                                    \
	X(echo, "echo requests to our link-local address, answered")                   \
	X(ignored, "other ICMPv6 of link scope (listener reports, advertisements)")    \
	X(ra_from_subscriber, "router advertisements of a subscriber: ignored")        \
	X(short, "shorter than its type: dropped")                                     \
	X(checksum, "wrong checksum: dropped")                                         \
	X(hop_limit, "hop limit is not 255: dropped")                                  \
	X(code, "code is not 0: dropped")                                              \
	X(options, "options that do not add up: dropped")                              \
	X(addresses, "source, destination or target that RFC 4861 forbids: dropped")   \
	X(not_sent, "an answer larger than the link's MTU: not sent")

enum router_adv_counter {
#define X(name, text) ROUTER_ADV_##name,
	ROUTER_ADV_COUNTERS(X)
#undef X
		ROUTER_ADV_COUNTERS_N
};

const char *router_adv_counter_name(enum router_adv_counter counter);
const char *router_adv_counter_text(enum router_adv_counter counter);

/* One session's link. */
struct router_adv_link {
	uint8_t our_id[8]; /* interface identifier */
	uint16_t mtu;
	bool has_prefix, managed;
	uint8_t prefix[16];
	struct ip_addr dns[CONFIG_DNS6_MAX]; /* of this subscriber; family 0 = none */
	const struct nd_former *former;      /* NULL: never renumbered */
};

/*
 * An advertisement to destination, NULL: to all nodes of the link. Returns its length; 0: it does not fit
 * into the link's MTU or into room, counted.
 */
size_t router_adv_make(const struct config_ipv6 *config, const struct router_adv_link *link,
	const uint8_t *destination, uint8_t *out, size_t room,
	uint64_t counters[ROUTER_ADV_COUNTERS_N]);
/* An ICMPv6 packet of link scope from the subscriber: the answer's length, 0 if there is none. */
size_t router_adv_input(const struct config_ipv6 *config, const struct router_adv_link *link,
	const struct ip6_packet *packet, uint8_t *out, size_t room,
	uint64_t counters[ROUTER_ADV_COUNTERS_N]);

/* When each session's next advertisement is due, by its index. */
struct router_adv_clock {
	uint32_t capacity;
	uint32_t *due; /* seconds of the loop's clock, 0 = none; reserved memory, backed as used */
	uint32_t high; /* indices below it were in use */
	uint32_t next; /* to be looked at in the sweep of second */
	uint32_t second;
};

int router_adv_clock_init(struct router_adv_clock *clock, uint32_t capacity);
void router_adv_clock_fini(struct router_adv_clock *clock);
/* In some time between a third of interval (seconds) and interval; random: any 32 bits. now in ms. */
void router_adv_clock_set(struct router_adv_clock *clock, uint32_t index, uint64_t now,
	uint32_t interval, uint32_t random);
void router_adv_clock_clear(struct router_adv_clock *clock, uint32_t index);

typedef void router_adv_due(void *user, uint32_t index);
/*
 * Goes on with the sweep: due() for at most max sessions, each cleared before. Looks at a bounded number of
 * them. Returns how many were due.
 */
unsigned int router_adv_clock_run(struct router_adv_clock *clock, uint64_t now, unsigned int max,
	router_adv_due *due, void *user);
