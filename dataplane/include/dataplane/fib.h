/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The forwarding table of one VRF: one lookup for both directions, answering a typed target.
 *
 * IPv4 routes of every length stand in one table of 16-8-8 bits, IPv6 ones in one of 16 and then 8 bits a
 * step (fib_tree.h), IPv6 hosts in a hash (fib_hosts6.h). The longest match wins. Writer: the control core.
 * Readers: workers between two quiescent states; at each instant a lookup finds the route from before or
 * after a change, never a foreign one, and none only if there was or will be none.
 */
#pragma once

#include <dataplane/fib_hosts6.h>
#include <dataplane/fib_tree.h>
#include <dataplane/rcu.h>

#include <rte_common.h>

#include <stdbool.h>
#include <stdint.h>

/* A target: type in bits 28-30, index below; bit 31 is the table's own. 0 = drop. */
enum fib_type {
	FIB_DROP,      /* no route */
	FIB_SESSION,   /* index of a session */
	FIB_ADJACENCY, /* index of an adjacency */
	FIB_GLEAN, /* a connected subnet of interface index: the destination needs a neighbour */
	FIB_LOCAL, /* our own address */
	FIB_UNREACHABLE, /* index = enum fib_refusal: dropped with the ICMP that says so */
	FIB_GROUP,       /* several next hops (multipath): index of a group */
	FIB_TYPES
};
enum fib_refusal { FIB_BLACKHOLE, FIB_UNREACH, FIB_PROHIBIT };

#define FIB_INDEX_BITS 28
static inline uint32_t fib_target(enum fib_type type, uint32_t index)
{
	return (uint32_t)type << FIB_INDEX_BITS | index;
}
static inline enum fib_type fib_target_type(uint32_t target)
{
	return (enum fib_type)(target >> FIB_INDEX_BITS);
}
static inline uint32_t fib_target_index(uint32_t target)
{
	return target & ((1u << FIB_INDEX_BITS) - 1);
}

struct fib {
	struct fib_tree tree4, tree6;
	struct fib_hosts6 hosts6;
	struct fib_private *private;
} __rte_cache_aligned;

struct fib_settings {
	const char *name; /* VRF's name: unique */
	/*
	 * Most prefixes other than hosts (/32, /128), each 1..16,777,216. Address space is reserved for so
	 * many, memory is taken as they come.
	 */
	uint32_t max_routes4, max_routes6;
	uint32_t
		more_routes6; /* and of sessions: the map of prefixes doubles for them when it has to */
	int socket;           /* NUMA node whose memory is preferred; negative: any */
};
struct fib *fib_create(const struct fib_settings *settings, struct rcu *rcu); /* NULL and errno */
/* Drains the RCU queue first: no worker may be running. */
void fib_destroy(struct fib *fib);

/*
 * Sets (replacing without a gap) or deletes one route. Addresses in network byte order; host bits must be
 * zero and the target neither FIB_DROP nor of no type (-EINVAL). -ENOSPC table full, -ENOMEM, -ENOENT
 * (delete); nothing is changed then. A session's /32 replaced by another session's is one release store: no
 * packet finds neither.
 */
int fib_set4(struct fib *fib, uint32_t addr, uint8_t length, uint32_t target);
int fib_delete4(struct fib *fib, uint32_t addr, uint8_t length);
int fib_set6(struct fib *fib, const uint8_t addr[16], uint8_t length, uint32_t target);
int fib_delete6(struct fib *fib, const uint8_t addr[16], uint8_t length);
/* Exactly this prefix, FIB_DROP if it is not there. Control core. */
uint32_t fib_get4(const struct fib *fib, uint32_t addr, uint8_t length);
uint32_t fib_get6(const struct fib *fib, const uint8_t addr[16], uint8_t length);

struct fib_usage {
	uint32_t hosts4, routes4, hosts6, routes6;
	uint32_t pages;   /* in use, 1.25 KiB each */
	uint32_t waiting; /* pages and hosts between deletion and grace period */
};
void fib_usage(const struct fib *fib, struct fib_usage *usage);

/* Workers. Addresses in network byte order. */
static inline uint32_t fib_lookup4(const struct fib *fib, uint32_t addr)
{
	return fib_tree_lookup4(&fib->tree4, addr);
}

static inline uint32_t fib_lookup6(const struct fib *fib, const uint8_t addr[16])
{
	uint32_t target = fib_hosts6_lookup(&fib->hosts6, addr);

	return target != 0 ? target : fib_tree_lookup6(&fib->tree6, addr);
}

/* Many at once: the loads of different addresses overlap. */
void fib_lookup4_bulk(
	const struct fib *fib, const uint32_t *addrs, uint32_t *targets, unsigned int n);
void fib_lookup6_bulk(
	const struct fib *fib, const uint8_t (*addrs)[16], uint32_t *targets, unsigned int n);
