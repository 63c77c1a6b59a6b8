/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables behind install_route.h: prefixes with their candidates, sets of next hops, neighbours.
 *
 * Private to install_*.c. All of it belongs to the control core.
 */
#pragma once

#include "install_route.h"

#include <sys/queue.h>

/* An address on an interface: a gateway that routes use, or what the kernel knows, or both. */
struct neighbour {
	struct neighbour *next;     /* in its bucket */
	TAILQ_ENTRY(neighbour) ask; /* on routes->asking while wanted and not fresh */
	uint8_t iface, family;
	uint8_t addr[16], lladdr[6];
	bool known; /* the kernel has an entry */
	bool resolved, stale;
	bool host; /* has its /32 or /128 in the table of prefixes */
	bool asking;
	uint32_t gateways; /* sets of next hops that use it */
	uint32_t mark;
	int64_t adjacency; /* one reference of ours while gateways or host; -1 */
	uint64_t next_ask;
};

/* Routes share their next hops: a full table has a million routes and a handful of these. */
struct next_hops {
	struct next_hops *next;        /* in its bucket */
	LIST_ENTRY(next_hops) grouped; /* on routes->groups while slots */
	uint64_t hash;
	uint8_t *slots; /* several of ours: which member has each slot; NULL */
	int64_t group;  /* of the dataplane; -1: the first usable member takes all */
	uint32_t references;
	uint8_t kind, n;
	struct {
		struct install_hop hop;
		struct neighbour *gateway; /* NULL: on link or not ours */
	} hops[];
};

struct candidate {
	struct candidate *next; /* higher metric */
	struct next_hops *hops; /* NULL: the embedded first one is empty */
	uint32_t metric, mark;
	uint32_t nexthop;
	uint8_t protocol;
};

struct prefix {
	struct prefix *next;    /* in its bucket */
	struct candidate first; /* lowest metric; most prefixes have no other */
	struct neighbour *host;
	uint32_t target; /* what should be in the fib if no session is: 0 = nothing */
	uint16_t vrf;
	uint8_t family, length;
	uint8_t addr[16];
	uint8_t aggregate; /* references */
};

/* Connected subnets: prefixes whose target is FIB_GLEAN. */
struct glean {
	uint16_t vrf;
	uint8_t family, length;
	uint8_t addr[16];
};

enum scan_work {
	SCAN_UPDATE = 1 << 0, /* look at every prefix's choice again */
	SCAN_SWEEP4 = 1 << 1, /* drop candidates that the last dump did not bring */
	SCAN_SWEEP6 = 1 << 2,
};

#define NEIGHBOUR_BUCKETS 4096
#define HOPS_BUCKETS      1024
#define DISPLACED_BUCKETS 4096

struct install_route {
	struct install_route_settings settings;
	bool up[IFACES_MAX];

	struct prefix **
		prefixes; /* bucket = the hash's upper bits, so that growing splits buckets in order */
	unsigned int prefix_bits;
	/* growing, a few buckets with each new prefix: those from `moved` on are still here; NULL = done */
	struct prefix **small;
	unsigned int small_bits;
	uint64_t moved;
	uint64_t seed;
	struct neighbour *neighbours[NEIGHBOUR_BUCKETS];
	struct next_hops *hops[HOPS_BUCKETS];
	LIST_HEAD(, next_hops) groups;
	TAILQ_HEAD(asking_list, neighbour) asking;

	struct displaced *displaced[DISPLACED_BUCKETS]; /* install_session.c */

	uint32_t n_aggregates[129]; /* prefixes of each length that are one */

	struct glean *gleans;
	unsigned int n_gleans, gleans_size;
	bool recheck_hosts;
	bool refused; /* a fib had no room for a route */

	uint32_t mark;
	unsigned int scan;               /* enum scan_work */
	uint64_t scan_bucket, scan_left; /* the next one, and how many there are still to walk */
	bool scanning; /* buckets are walked: no prefix but the current one may come or go */

	install_route_resolved *resolved;
	void *resolved_user;
	struct install_route_counts counts;
};

/*
 * Work for all prefixes, done in slices. What is walked already goes on from where it is, all the way round: changes
 * that keep coming, by a port that flaps, do not keep the walk from the table's end.
 */
static inline void scan_add(struct install_route *routes, enum scan_work work)
{
	routes->scan |= work;
	routes->scan_left = UINT64_C(1) << routes->prefix_bits;
}

/* install_prefix.c */
uint64_t prefix_hash(const struct install_route *routes, uint16_t vrf, uint8_t family,
	uint8_t length, const uint8_t *addr);
/* The bucket that holds a hash now, and (bits may be NULL) of how many upper bits it is. */
struct prefix **prefix_bucket(
	const struct install_route *routes, uint64_t hash, unsigned int *bits);
struct prefix *prefix_find(const struct install_route *routes, uint16_t vrf, uint8_t family,
	uint8_t length, const uint8_t *addr);
struct prefix *prefix_get(struct install_route *routes, uint16_t vrf, uint8_t family,
	uint8_t length, const uint8_t *addr); /* made if new; NULL: no memory */
/* Chooses again, writes the fib, frees the prefix if nothing is left of it. */
int prefix_update(struct install_route *routes, struct prefix *prefix);
/* The longest prefix with a target that holds addr, at most max_length bits long; NULL. */
struct prefix *prefix_longest(const struct install_route *routes, uint16_t vrf, uint8_t family,
	const uint8_t *addr, int max_length);

void prefixes_free(struct install_route *routes);

/* install_hops.c */
struct next_hops *hops_get(struct install_route *routes, const struct install_kernel_route *route);
void hops_put(struct install_route *routes, struct next_hops *hops);
bool hops_equal(const struct next_hops *hops, const struct install_kernel_route *route);
/* The same way, whatever its weight and state. */
bool hop_same(const struct install_hop *a, const struct install_hop *b);
/* 0: none of them can be used now. */
uint32_t hops_target(const struct install_route *routes, const struct next_hops *hops);

/* install_group.c */
/* The first member that can be used; 0: none. */
uint32_t hops_first(const struct install_route *routes, const struct next_hops *hops);
void group_open(struct install_route *routes, struct next_hops *hops);
void group_close(struct install_route *routes, struct next_hops *hops);
/* hops, which no route uses yet, will replace before: members that both have keep their flows. */
void group_follow(
	struct install_route *routes, struct next_hops *hops, const struct next_hops *before);
/* A gateway came or went, or (gateway = NULL) an interface did. */
void groups_refresh(
	struct install_route *routes, const struct neighbour *gateway, unsigned int iface);

/* install_neighbour.c */
struct neighbour *neighbour_get(
	struct install_route *routes, uint8_t iface, uint8_t family, const uint8_t *addr);
/* Brings adjacency and host entry into line with the flags; frees what nobody needs. */
void neighbour_update(struct install_route *routes, struct neighbour *neighbour);
void neighbour_header(struct install_route *routes, struct neighbour *neighbour);
void neighbours_recheck(struct install_route *routes);
void neighbours_free(struct install_route *routes);

/* install_session.c */
void displaced_free(struct install_route *routes);

/* Clears what lies behind the first length bits. */
static inline void addr_mask(uint8_t *addr, unsigned int length)
{
	for (unsigned int i = 0; i < 16; i++) {
		if (length >= 8 * (i + 1))
			continue;
		addr[i] &= length > 8 * i ? (uint8_t)(0xff00 >> (length - 8 * i)) : 0;
	}
}

static inline uint64_t install_mix(uint64_t h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdull;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ull;
	h ^= h >> 33;
	return h;
}

static inline uint64_t install_hash(uint64_t seed, uint32_t key, const uint8_t addr[16])
{
	uint64_t high, low;

	__builtin_memcpy(&high, addr, 8);
	__builtin_memcpy(&low, addr + 8, 8);
	return install_mix(install_mix(install_mix(seed ^ key) ^ high) + low);
}
