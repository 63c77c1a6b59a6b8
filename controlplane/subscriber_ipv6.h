/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A subscriber's IPv6: its prefixes and address, from IPv6CP to the last one given back, and what is said
 * on its link. Like its IPv4 address, prefixes pass from an old session to the new one of the same user
 * (subscriber_address.c decides when).
 */
#pragma once

#include "aaa.h"
#include "dhcp6_server.h"
#include "ppp.h"
#include "prefix_table.h"
#include "radius_wire.h"
#include "router_adv.h"

#include <dataplane/session.h>

#include <jansson.h>
#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

struct subscriber;
struct subscribers;
struct lns;

enum ipv6_part {
	IPV6_LINK,      /* the /64 of the link */
	IPV6_DELEGATED, /* IA_PD */
	IPV6_ADDRESS,   /* IA_NA, a /128 */
	IPV6_PARTS
};

/* What the AAA gave, shared by sessions that were given the same. */
struct shared_ipv6 {
	uint32_t references;
	uint32_t reloads; /* its pools are indices after so many */
	struct aaa_ipv6 wanted;
};

/* Allocated for sessions that may have IPv6. */
struct subscriber_ipv6 {
	struct shared_ipv6 *shared;
	struct renumbering *renumbering;      /* NULL: not lately */
	struct held_prefix parts[IPV6_PARTS]; /* length set, but not held: still the donor's */
	struct dhcp6_binding binding;
	bool up; /* IPv6CP; the identifiers are PPP's */
};

/* All sessions' IPv6 counters, with those of ND and DHCPv6. */
struct ipv6_state {
	struct prefix_table holders;
	uint32_t reloads;
	struct shared_ipv6 *latest; /* what was given last, as long as a session has it */
	struct router_adv_clock clock;
	struct dhcp6_server dhcp6;
	uint64_t router_adv[ROUTER_ADV_COUNTERS_N];
	uint64_t no_prefix, refused_mtu, came_up, other_protocol;
};

/* 0, or -ENOMEM. */
int ipv6_state_init(
	struct ipv6_state *state, const struct subscribers *subscribers, const char *host_name);
void ipv6_state_fini(struct ipv6_state *state);

/* Other values for a session that has IPv6; nothing else changes. -ENOMEM. */
int subscriber_ipv6_share(struct subscriber *subscriber, const struct aaa_ipv6 *wanted);
static inline const struct aaa_ipv6 *subscriber_ipv6_wanted(const struct subscriber_ipv6 *ipv6)
{
	return &ipv6->shared->wanted;
}

/* At a reload, after ipv6_state.reloads was counted: what the AAA gave names the same pools. */
void subscriber_ipv6_follow(
	struct subscriber *subscriber, const struct config *before, const struct config *now);

/* What the AAA gave; what is not wanted any more goes back. -ENOMEM. */
int subscriber_ipv6_keep(struct subscriber *subscriber, const struct aaa_ipv6 *wanted);
/*
 * The prefixes that the session shall have, after subscriber_address_get(): 0 with *ids to negotiate; -ENOENT:
 * it has no IPv6; -ENOSPC: its pools are empty; -EBUSY: another user has what is fixed for it; -EINVAL: that has a
 * part of a pool; -EMSGSIZE: its link takes less than IPv6 needs. Those that there are not are counted and logged.
 */
int subscriber_ipv6_get(struct subscriber *subscriber, struct ppp_ipv6 *ids);
/* What the AAA gave, with the pools by today's configuration: those that have what it holds; without, that is fixed. */
void subscriber_ipv6_as_held(const struct subscriber *subscriber, struct aaa_ipv6 *wanted);
/* Gives back what is its own; an heir's goes to the heir. */
void subscriber_ipv6_drop(struct subscriber *subscriber);
/* What donor and heir share becomes the heir's own. */
void subscriber_ipv6_pass(struct subscriber *donor, struct subscriber *heir);
void subscriber_ipv6_free(struct subscriber *subscriber);
/* Appends its prefixes; returns how many: at most IPV6_PARTS. The delegated one comes first. */
unsigned int subscriber_ipv6_prefixes(
	const struct subscriber *subscriber, struct session_prefix *prefixes);
/*
 * For a session that is up: what wanted says of a part, taken for it (fresh->length 0: it has that already).
 * -EBUSY: somebody has it; -ENOSPC; -EINVAL: not a pool for it, or a fixed one with a part of a pool. What is taken is then the session's, or given back.
 */
int subscriber_ipv6_reserve(struct subscriber *subscriber, enum ipv6_part part,
	const struct aaa_ipv6 *wanted, struct held_prefix *fresh);
void subscriber_ipv6_replace(
	struct subscriber *subscriber, enum ipv6_part part, const struct held_prefix *fresh);
void subscriber_ipv6_unreserve(struct subscriber *subscriber, const struct held_prefix *fresh);
/* IPv6CP is up, its routes are installed; down. */
void subscriber_ipv6_up(struct subscriber *subscriber);
void subscriber_ipv6_down(struct subscriber *subscriber);

/* ---- subscriber_ipv6_show.c ---- */
/* What accounting says of it; nothing without it. */
void subscriber_ipv6_tell(const struct subscriber *subscriber, struct radius_writer *writer);
/* A part as text, "" if there is none; buffer of 50 bytes. */
const char *subscriber_ipv6_text(
	const struct subscriber *subscriber, enum ipv6_part part, char *buffer);
/* Adds what lnsctl shows of it. */
void subscriber_ipv6_show(const struct subscriber *subscriber, json_t *row);

/* ---- subscriber_link6.c ---- */
/* A punted packet of the session that is for its link (RS, NS, DHCPv6 ...)? Others are the kernel's. */
bool subscriber_link6_takes(const struct rte_mbuf *packet);
/* Such a packet; it stays the caller's. */
void subscriber_link6_input(struct subscriber *subscriber, struct rte_mbuf *packet);
/* An unasked router advertisement; the next one is due in a while. */
void subscriber_link6_advertise(struct subscriber *subscriber);
/* Each turn of the loop: advertisements that are due. Returns how many. */
unsigned int subscriber_link6_poll(struct lns *lns);
/* A DHCPv6 Reconfigure; false: its client does not accept it, or cannot be told now. */
bool subscriber_link6_reconfigure(struct subscriber *subscriber);

/* ---- subscriber_renumber.c ---- */
/*
 * Other prefixes or DNS servers for a session that is up, all of it or nothing: its routes change, the link is told by
 * router advertisements that end what was before, DHCPv6 clients that accept it by Reconfigure. -ENOENT: it has no
 * IPv6; -EAGAIN: its user is just dialling in again; else as subscriber_ipv6_reserve(), -ENOMEM.
 */
int subscriber_renumber(struct subscriber *subscriber, const struct aaa_ipv6_change *change);
/* What its link had before; NULL: nothing. */
const struct nd_former *subscriber_renumber_former(const struct subscriber *subscriber);
/* IPv6 is over. */
void subscriber_renumber_end(struct subscriber *subscriber);
