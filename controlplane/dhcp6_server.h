/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The DHCPv6 server of a session (RFC 8415): delegates its prefix (IA_PD), gives its address (IA_NA), names
 * servers. No I/O, no clock: a binding lasts as long as its session, whose prefix and address are nobody
 * else's meanwhile.
 *
 * A session has one prefix and one address at most: the first IA that asks gets it, others are told that
 * there is none. What a client has from an earlier session is taken back with lifetimes of zero.
 */
#pragma once

#include "dhcp6_wire.h"

#include <config/config.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DHCP6_IAS_MAX         8 /* in one message */
#define DHCP6_SERVER_DUID_LEN 18

/* X(name, text) */
#define DHCP6_COUNTERS(X)                                                               \
	X(solicit, "")                                                                  \
	X(request, "")                                                                  \
	X(confirm, "")                                                                  \
	X(renew, "")                                                                    \
	X(rebind, "")                                                                   \
	X(release, "")                                                                  \
	X(decline, "a client says that its address is somebody's: not given again")     \
	X(information_request, "")                                                      \
	X(advertise_sent, "")                                                           \
	X(reply_sent, "")                                                               \
	X(bound_prefix, "prefixes bound")                                               \
	X(bound_address, "addresses bound")                                             \
	X(no_prefix, "IAs that were told that there is no prefix")                      \
	X(no_address, "IAs that were told that there is no address")                    \
	X(no_binding, "releases of what was not bound")                                 \
	X(taken_back, "prefixes and addresses of other sessions, lifetimes set to 0")   \
	X(use_multicast, "sent to our unicast address: told not to")                    \
	X(malformed, "lengths that do not add up, too many options: dropped")           \
	X(too_many_ias, "more IAs than any client has: dropped")                        \
	X(client_id, "without a client's DUID, or with a bad one: dropped")             \
	X(server_id, "for another server, or for any where one must be named: dropped") \
	X(not_allowed, "options that the message must not have: dropped")               \
	X(relay, "relay messages: a subscriber is no relay, ignored")                   \
	X(type, "messages that a server does not get: dropped")                         \
	X(too_big, "answers that did not fit: not sent")

enum dhcp6_counter {
#define X(name, text) DHCP6_COUNT_##name,
	DHCP6_COUNTERS(X)
#undef X
		DHCP6_COUNTERS_N
};

const char *dhcp6_counter_name(enum dhcp6_counter counter);
const char *dhcp6_counter_text(enum dhcp6_counter counter);

/* One of a daemon. */
struct dhcp6_server {
	uint8_t duid[DHCP6_SERVER_DUID_LEN];
	uint64_t counters[DHCP6_COUNTERS_N];
};

/* The DUID (RFC 6355: DUID-UUID) follows from text, so that a restart has it again. */
void dhcp6_server_init(struct dhcp6_server *server, const char *text);

/* What the session may have; const for its life but for a reload. */
struct dhcp6_lease {
	bool has_prefix, has_address, has_link;
	uint8_t prefix[16], prefix_length;
	uint8_t address[16];
	uint8_t link[16];          /* the /64 of router advertisements, for Confirm */
	uint32_t preferred, valid; /* s */
	struct ip_addr dns[CONFIG_DNS6_MAX];
	const uint8_t *domains; /* as dns_names_put() writes them */
	size_t domains_len;
};

/* Of a session; all zero at its start. */
struct dhcp6_binding {
	bool prefix_bound, address_bound;
	bool address_declined;
	uint32_t prefix_iaid, address_iaid;
};

/*
 * A message from the client (UDP payload); multicast: it was sent to a multicast address. The answer's
 * length, 0 if there is none. Never more than room.
 */
size_t dhcp6_server_input(struct dhcp6_server *server, const struct dhcp6_lease *lease,
	struct dhcp6_binding *binding, bool multicast, const uint8_t *bytes, size_t len,
	uint8_t *out, size_t room);
