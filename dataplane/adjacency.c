/* SPDX-License-Identifier: BSD-3-Clause */
/* Next hops by index: references, resolution, and headers that change under the workers' eyes. */
#include <dataplane/adjacency.h>

#include "slot_ring.h"

#include <dataplane/reserve.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MAX (1u << 20)
#define INDEX_NONE   UINT32_MAX

/* The control core's note on an entry. */
struct adjacency_note {
	uint32_t references;
	uint32_t next; /* in its bucket */
	/* By copy of the header: a worker may still read it, though it is not the valid one. */
	bool busy[2];
	bool pending; /* l2 waits for a copy that is not busy */
	struct adjacency_l2 l2;
};

struct adjacency_table_private {
	struct rcu *rcu;
	struct adjacency_note *notes;
	uint32_t *buckets, mask;
	struct slot_ring indices;
};

struct adjacency_table *adjacency_table_create(uint32_t capacity, struct rcu *rcu)
{
	struct adjacency_table *table;
	struct adjacency_table_private *private;

	if (capacity == 0 || capacity > CAPACITY_MAX) {
		errno = EINVAL;
		return NULL;
	}
	table = calloc(1, sizeof(*table));
	private = calloc(1, sizeof(*private));
	if (table == NULL || private == NULL) {
		free(table);
		free(private);
		return NULL;
	}
	table->capacity = capacity;
	table->private = private;
	private->rcu = rcu;
	private->mask = rte_align32pow2(capacity) - 1;
	table->entries = reserve_memory(capacity * sizeof(*table->entries), RESERVE_HOT, -1);
	private->notes = reserve_memory(capacity * sizeof(*private->notes), RESERVE_COLD, -1);
	private->buckets = malloc((private->mask + 1) * sizeof(*private->buckets));
	if (!slot_ring_create(&private->indices, 0, capacity) || table->entries == NULL ||
		private->notes == NULL || private->buckets == NULL) {
		adjacency_table_destroy(table);
		errno = ENOMEM;
		return NULL;
	}
	memset(private->buckets, 0xff, (private->mask + 1) * sizeof(*private->buckets));
	return table;
}

void adjacency_table_destroy(struct adjacency_table *table)
{
	struct adjacency_table_private *private;

	if (table == NULL)
		return;
	private = table->private;
	rcu_drain(private->rcu);
	free(private->buckets);
	slot_ring_destroy(&private->indices);
	reserve_free(private->notes, table->capacity * sizeof(*private->notes));
	reserve_free(table->entries, table->capacity * sizeof(*table->entries));
	free(private);
	free(table);
}

/*
 * Neighbours of one subnet differ in a few bits only, and how many there are is bounded by the kernel's
 * table: a plain hash is enough.
 */
static uint32_t *bucket_of(const struct adjacency_table *table, uint8_t iface, uint8_t family,
	const uint8_t next_hop[16])
{
	uint64_t words[2] = {0}, hash;

	memcpy(words, next_hop, family == 4 ? 4 : 16);
	hash = (words[0] ^ (uint64_t)iface << 32) * 0x9e3779b97f4a7c15u;
	hash = (hash ^ hash >> 32 ^ words[1]) * 0x9e3779b97f4a7c15u;
	return &table->private->buckets[hash >> 40 & table->private->mask];
}

static bool adjacency_equal(const struct adjacency *adjacency, uint8_t iface, uint8_t family,
	const uint8_t next_hop[16])
{
	return adjacency->iface == iface && adjacency->family == family &&
		memcmp(adjacency->next_hop, next_hop, family == 4 ? 4 : 16) == 0;
}

int64_t adjacency_find(const struct adjacency_table *table, uint8_t iface, uint8_t family,
	const uint8_t next_hop[16])
{
	uint32_t index = *bucket_of(table, iface, family, next_hop);

	for (; index != INDEX_NONE; index = table->private->notes[index].next)
		if (adjacency_equal(&table->entries[index], iface, family, next_hop))
			return index;
	return -ENOENT;
}

int64_t adjacency_get(struct adjacency_table *table, uint8_t iface, uint16_t vrf, uint8_t family,
	const uint8_t next_hop[16])
{
	struct adjacency_table_private *private = table->private;
	struct adjacency *adjacency;
	int64_t index;

	if (family != 4 && family != 6)
		return -EINVAL;
	index = adjacency_find(table, iface, family, next_hop);
	if (index >= 0) {
		if (table->entries[index].vrf != vrf)
			return -EINVAL;
		private->notes[index].references++;
		return index;
	}
	if (!slot_ring_left(&private->indices))
		return -ENOSPC;
	index = slot_ring_take(&private->indices);

	/* Nobody reads it yet: the caller publishes the index, in a route, with a release store. */
	adjacency = &table->entries[index];
	memset(adjacency, 0, sizeof(*adjacency));
	adjacency->iface = iface;
	adjacency->family = family;
	adjacency->vrf = vrf;
	memcpy(adjacency->next_hop, next_hop, family == 4 ? 4 : 16);
	uint32_t *bucket = bucket_of(table, iface, family, next_hop);

	private->notes[index] = (struct adjacency_note){.references = 1, .next = *bucket};
	*bucket = (uint32_t)index;
	table->n++;
	return index;
}

static void index_release(void *object, uintptr_t index)
{
	struct adjacency_table *table = object;

	table->entries[index].family = 0;
	slot_ring_give(&table->private->indices, (uint32_t)index);
}

void adjacency_put(struct adjacency_table *table, uint32_t index)
{
	struct adjacency_table_private *private = table->private;
	struct adjacency *adjacency = &table->entries[index];
	struct adjacency_note *note = &private->notes[index];
	uint32_t *link;

	if (!slot_ring_known(&private->indices, index) || note->references == 0)
		return;
	/* Without memory for the deferral the entry stays, with a reference that nobody holds. */
	if (note->references == 1 && rcu_reserve(private->rcu, 1) != 0)
		return;
	if (--note->references > 0)
		return;
	link = bucket_of(table, adjacency->iface, adjacency->family, adjacency->next_hop);
	while (*link != index)
		link = &private->notes[*link].next;
	*link = note->next;
	note->pending = false;
	__atomic_store_n(&adjacency->resolved, 0, __ATOMIC_RELEASE);
	table->n--;
	/* After the deferrals that its headers may still wait for: the queue keeps its order. */
	rcu_defer(private->rcu, index_release, table, index);
}

static void header_switch(struct adjacency_table *table, uint32_t index);

/* After the grace period: nobody reads this copy any more. argument: index and copy. */
static void header_release(void *object, uintptr_t argument)
{
	struct adjacency_table *table = object;
	uint32_t index = (uint32_t)(argument / 2);
	struct adjacency_note *note = &table->private->notes[index];

	note->busy[argument % 2] = false;
	/* Its own deferral, for the copy that goes out of use, takes the place of this one. */
	if (note->pending && rcu_reserve(table->private->rcu, 1) == 0)
		header_switch(table, index);
}

/* Takes the valid copy, if there is one, out of use: it is free after a grace period. */
static void header_retire(struct adjacency_table *table, uint32_t index, uint8_t resolved)
{
	if (resolved == 0)
		return;
	table->private->notes[index].busy[resolved - 1] = true;
	rcu_defer(
		table->private->rcu, header_release, table, (uintptr_t)index * 2 + (resolved - 1u));
}

/* Makes the pending header the valid one if a copy is free for it. One deferral is reserved. */
static void header_switch(struct adjacency_table *table, uint32_t index)
{
	struct adjacency_note *note = &table->private->notes[index];
	struct adjacency *adjacency = &table->entries[index];
	uint8_t before = adjacency->resolved;

	for (uint8_t copy = 0; copy < 2; copy++) {
		if (note->busy[copy] || before == copy + 1)
			continue;
		adjacency->header[copy] = note->l2;
		__atomic_store_n(&adjacency->resolved, copy + 1, __ATOMIC_RELEASE);
		note->pending = false;
		header_retire(table, index, before);
		return;
	}
}

int adjacency_resolve(struct adjacency_table *table, uint32_t index, const uint8_t *l2,
	uint8_t l2_length, uint16_t mtu)
{
	struct adjacency_table_private *private = table->private;
	struct adjacency_note *note = &private->notes[index];
	struct adjacency *adjacency = &table->entries[index];
	struct adjacency_l2 header = {.length = l2_length};

	if (!slot_ring_known(&private->indices, index) || note->references == 0)
		return -EINVAL;
	if (l2 != NULL && (l2_length < 14 || l2_length >= ADJACENCY_L2_MAX))
		return -EINVAL;
	if (rcu_reserve(private->rcu, 1) != 0)
		return -ENOMEM;
	__atomic_store_n(&adjacency->mtu, mtu, __ATOMIC_RELAXED);
	if (l2 == NULL) {
		uint8_t before = adjacency->resolved;

		note->pending = false;
		__atomic_store_n(&adjacency->resolved, 0, __ATOMIC_RELEASE);
		header_retire(table, index, before);
		return 0;
	}
	memcpy(header.bytes, l2, l2_length);
	/* The kernel confirms a neighbour far more often than it changes. */
	if (adjacency->resolved != 0 &&
		memcmp(&adjacency->header[adjacency->resolved - 1], &header, sizeof(header)) == 0) {
		note->pending = false;
		return 0;
	}
	note->l2 = header;
	note->pending = true;
	header_switch(table, index);
	return 0;
}
