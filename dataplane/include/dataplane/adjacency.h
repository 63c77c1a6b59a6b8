/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Next hops: the Ethernet header that a packet leaves with, by index.
 *
 * Type-stable memory, 128 bytes an entry of which workers read the first line. The control core writes; a
 * header in use is never overwritten: the new one goes into the other copy, one byte says which is valid,
 * and a copy is written again only after a grace period.
 */
#pragma once

#include <dataplane/rcu.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADJACENCY_L2_MAX 23 /* Ethernet and two tags: 22 */

/* Complete but for the EtherType's last word, which is the packet's. */
struct adjacency_l2 {
	uint8_t bytes[ADJACENCY_L2_MAX];
	uint8_t length; /* up to the EtherType's end: 14, 18 or 22 */
};

struct adjacency {
	struct adjacency_l2 header[2]; /* read through adjacency_l2() */
	uint8_t resolved; /* 0: no; else header[resolved - 1] is valid; release-stored */
	uint8_t iface;
	uint8_t family; /* of the next hop: 4, 6; 0 = free entry */
	uint8_t spare;
	uint16_t mtu; /* the interface's; may be read without the header */
	uint16_t vrf;
	uint32_t used; /* control core's note: a worker met it unresolved */
	uint8_t next_hop
		[16] __rte_cache_aligned; /* an IPv4 address stands in the first four bytes */
} __rte_cache_aligned;
static_assert(offsetof(struct adjacency, next_hop) == 64, "what workers read is one cache line");

struct adjacency_table {
	struct adjacency *entries;
	uint32_t capacity, n;
	struct adjacency_table_private *private;
};

/* capacity 1..1,048,576. NULL and errno on failure. */
struct adjacency_table *adjacency_table_create(uint32_t capacity, struct rcu *rcu);
/* Drains the RCU queue first: no worker may be running. */
void adjacency_table_destroy(struct adjacency_table *table);
/*
 * The index for (iface, family, next hop), made unresolved if new, with one reference more. -ENOSPC (what
 * waits for its grace period counts), -EINVAL: family or vrf is not the entry's.
 */
int64_t adjacency_get(struct adjacency_table *table, uint8_t iface, uint16_t vrf, uint8_t family,
	const uint8_t next_hop[16]);
/* Gives a reference back. At zero the entry can be found no more and is freed by RCU. */
void adjacency_put(struct adjacency_table *table, uint32_t index);
/* Looks up without a reference; -ENOENT. */
int64_t adjacency_find(const struct adjacency_table *table, uint8_t iface, uint8_t family,
	const uint8_t next_hop[16]);
/*
 * l2 = NULL: no longer resolved. Workers see the old or the new header, never a mix; a second change within
 * one grace period is applied at its end. -EINVAL: no such entry or length; -ENOMEM: nothing was changed.
 */
int adjacency_resolve(struct adjacency_table *table, uint32_t index, const uint8_t *l2,
	uint8_t l2_length, uint16_t mtu);

/* Workers. Any index below capacity. */
static inline const struct adjacency *adjacency_at(
	const struct adjacency_table *table, uint32_t index)
{
	return &table->entries[index];
}

/* Workers: the header to send with, valid until the next quiescent state; NULL: not resolved. */
static inline const struct adjacency_l2 *adjacency_l2(const struct adjacency *adjacency)
{
	uint8_t resolved = __atomic_load_n(&adjacency->resolved, __ATOMIC_ACQUIRE);

	return likely(resolved != 0) ? &adjacency->header[resolved - 1] : NULL;
}
