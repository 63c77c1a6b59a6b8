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
#define DHCP6_SECRET_LEN      16

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
	X(reconfigure_sent, "clients told to renew, retransmissions too")               \
	X(reconfigure_answered, "clients that did")                                     \
	X(reconfigure_unanswered, "clients that did not, after the last one")           \
	X(use_multicast, "sent to our unicast address: told not to")                    \
	X(unicast, "for any server, sent to our unicast address: dropped")              \
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
	uint8_t secret[DHCP6_SECRET_LEN]; /* what reconfigure keys are made from */
	uint64_t replay; /* RFC 8415, 20.3: of the last message with an authentication option */
	uint64_t counters[DHCP6_COUNTERS_N];
};

/*
 * The DUID (RFC 6355: DUID-UUID) follows from text, so that a restart has it again. replay: above any that an
 * earlier daemon can have come to: the time in the upper half.
 */
void dhcp6_server_init(struct dhcp6_server *server, const char *text,
	const uint8_t secret[DHCP6_SECRET_LEN], uint64_t replay);

/* What the session may have; const for its life but for a reload and a renumbering. */
struct dhcp6_lease {
	uint64_t session; /* never the same for two sessions of one daemon */
	bool reconfigure; /* clients that accept Reconfigure messages are given a key */
	bool has_prefix, has_address, has_link;
	uint8_t prefix[16], prefix_length;
	uint8_t address[16];
	uint8_t link[16];          /* the /64 of router advertisements, for Confirm */
	uint32_t preferred, valid; /* s */
	struct ip_addr dns[CONFIG_DNS6_MAX];
	const uint8_t *domains; /* as dns_names_put() writes them */
	size_t domains_len;
};

/* Who accepts Reconfigure messages. */
struct dhcp6_client {
	uint8_t len;
	uint8_t duid[];
};

/* Of a session; all zero at its start, given back by dhcp6_binding_clear(). */
struct dhcp6_binding {
	struct dhcp6_client *client; /* allocated; NULL: none */
	uint32_t prefix_iaid, address_iaid;
	bool prefix_bound, address_bound;
	bool address_declined;
	bool reconfiguring; /* a Reconfigure was sent and is not answered yet */
};

void dhcp6_binding_clear(struct dhcp6_binding *binding);

/*
 * A message from the client (UDP payload); multicast: it was sent to a multicast address. The answer's
 * length, 0 if there is none. Never more than room.
 */
size_t dhcp6_server_input(struct dhcp6_server *server, const struct dhcp6_lease *lease,
	struct dhcp6_binding *binding, bool multicast, const uint8_t *bytes, size_t len,
	uint8_t *out, size_t room);

/* ---- dhcp6_reconfigure.c: RFC 8415, 18.3.11 and 20.4 ---- */
/*
 * A Reconfigure for the binding's client, which is to renew, or to ask for information where it has nothing bound.
 * Its length; 0: there is no such client, or no room.
 */
size_t dhcp6_reconfigure(struct dhcp6_server *server, const struct dhcp6_lease *lease,
	struct dhcp6_binding *binding, uint8_t *out, size_t room);
/* Keeps the client, which said that it accepts them. False without memory. */
bool dhcp6_client_keep(struct dhcp6_binding *binding, const struct dhcp6_option *client_id);
bool dhcp6_client_is(const struct dhcp6_binding *binding, const struct dhcp6_option *client_id);
/* The authentication option of a Reply, with the client's key. */
void dhcp6_put_key(struct dhcp6_writer *writer, struct dhcp6_server *server,
	const struct dhcp6_lease *lease, const struct dhcp6_client *client);
