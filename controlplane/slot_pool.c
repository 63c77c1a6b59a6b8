/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbered things to hand out. */
#include "slot_pool.h"

#include <dataplane/reserve.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define NONE         UINT32_MAX
#define AFFINITY_MAX 32 /* slots looked at for a user's last one */

enum slot_state { SLOT_FRESH, SLOT_FREE, SLOT_USED };

struct slot {
	uint32_t next, previous; /* in the list of free ones, oldest first; index + 1, 0 = none */
	uint32_t chain, before;  /* next and previous in the affinity bucket; index + 1 */
	uint8_t state;
	bool reserved;
	uint64_t user; /* who has or had it; 0 = nobody that we remember */
};

struct slot_pool {
	uint32_t size, fresh;    /* slots below fresh were used, reserved or skipped */
	uint32_t oldest, newest; /* list of free ones; index + 1 */
	uint32_t mask;           /* affinity buckets - 1 */
	uint32_t *buckets;       /* index + 1 */
	struct slot *slots;
	uint32_t reserved_unused;
	struct slot_pool_usage usage;
};

struct slot_pool *slot_pool_create(uint32_t size)
{
	struct slot_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->size = size;
	pool->usage.size = size;
	pool->mask = 1023;
	while (pool->mask < pool->size && pool->mask < (1u << 22) - 1)
		pool->mask = pool->mask * 2 + 1;
	pool->buckets =
		reserve_memory((pool->mask + 1ul) * sizeof(*pool->buckets), RESERVE_COLD, -1);
	pool->slots = reserve_memory((pool->size + 1ul) * sizeof(*pool->slots), RESERVE_COLD, -1);
	if (pool->buckets && pool->slots)
		return pool;
	slot_pool_destroy(pool);
	return NULL;
}

void slot_pool_destroy(struct slot_pool *pool)
{
	if (!pool)
		return;
	reserve_free(pool->buckets, (pool->mask + 1ul) * sizeof(*pool->buckets));
	reserve_free(pool->slots, (pool->size + 1ul) * sizeof(*pool->slots));
	free(pool);
}

static void free_list_add(struct slot_pool *pool, uint32_t index)
{
	struct slot *slot = &pool->slots[index];

	slot->next = 0;
	slot->previous = pool->newest;
	if (pool->newest)
		pool->slots[pool->newest - 1].next = index + 1;
	else
		pool->oldest = index + 1;
	pool->newest = index + 1;
}

static void free_list_remove(struct slot_pool *pool, uint32_t index)
{
	struct slot *slot = &pool->slots[index];

	if (slot->previous)
		pool->slots[slot->previous - 1].next = slot->next;
	else
		pool->oldest = slot->next;
	if (slot->next)
		pool->slots[slot->next - 1].previous = slot->previous;
	else
		pool->newest = slot->previous;
	slot->next = slot->previous = 0;
}

static void affinity_forget(struct slot_pool *pool, uint32_t index)
{
	struct slot *slot = &pool->slots[index];

	if (!slot->user)
		return;
	if (slot->before)
		pool->slots[slot->before - 1].chain = slot->chain;
	else
		pool->buckets[slot->user & pool->mask] = slot->chain;
	if (slot->chain)
		pool->slots[slot->chain - 1].before = slot->before;
	slot->chain = slot->before = 0;
	slot->user = 0;
}

static void affinity_remember(struct slot_pool *pool, uint32_t index, uint64_t user)
{
	struct slot *slot = &pool->slots[index];

	if (slot->user == user)
		return;
	affinity_forget(pool, index);
	if (!user)
		return;
	slot->user = user;
	slot->chain = pool->buckets[user & pool->mask];
	if (slot->chain)
		pool->slots[slot->chain - 1].before = index + 1;
	pool->buckets[user & pool->mask] = index + 1;
}

/* The user's last slot, if it is free. */
static uint32_t affinity_find(const struct slot_pool *pool, uint64_t user)
{
	uint32_t at = user ? pool->buckets[user & pool->mask] : 0;

	/* a name that thousands of lines share has no last slot worth a long search */
	for (unsigned int n = 0; at && n < AFFINITY_MAX; at = pool->slots[at - 1].chain, n++) {
		const struct slot *slot = &pool->slots[at - 1];

		if (slot->user == user && slot->state == SLOT_FREE && !slot->reserved)
			return at - 1;
	}
	return NONE;
}

static void slot_take(struct slot_pool *pool, uint32_t index, uint64_t user)
{
	struct slot *slot = &pool->slots[index];

	if (slot->state == SLOT_FREE && !slot->reserved)
		free_list_remove(pool, index);
	if (slot->reserved)
		pool->reserved_unused--;
	slot->state = SLOT_USED;
	affinity_remember(pool, index, user);
	pool->usage.used++;
}

int slot_pool_take(struct slot_pool *pool, uint64_t user, uint32_t *slot)
{
	uint32_t index = affinity_find(pool, user);

	if (index == NONE) {
		while (pool->fresh < pool->size &&
			(pool->slots[pool->fresh].state != SLOT_FRESH ||
				pool->slots[pool->fresh].reserved))
			pool->fresh++;
		if (pool->fresh < pool->size) {
			index = pool->fresh++;
		} else if (pool->oldest) {
			index = pool->oldest - 1;
		} else {
			pool->usage.exhausted++;
			return -ENOSPC;
		}
	}
	slot_take(pool, index, user);
	*slot = index;
	return 0;
}

int slot_pool_take_exact(struct slot_pool *pool, uint64_t user, uint32_t slot)
{
	if (pool->slots[slot].state == SLOT_USED)
		return -EBUSY;
	slot_take(pool, slot, user);
	return 0;
}

void slot_pool_reserve(struct slot_pool *pool, uint32_t index)
{
	struct slot *slot = &pool->slots[index];

	if (slot->reserved)
		return;
	if (slot->state == SLOT_FREE)
		free_list_remove(pool, index);
	slot->reserved = true;
	pool->usage.reserved++;
	if (slot->state != SLOT_USED)
		pool->reserved_unused++;
}

int slot_pool_release(struct slot_pool *pool, uint32_t index)
{
	struct slot *slot = &pool->slots[index];

	if (slot->state != SLOT_USED)
		return -ENOENT;
	slot->state = SLOT_FREE;
	if (slot->reserved)
		pool->reserved_unused++;
	else
		free_list_add(pool, index);
	pool->usage.used--;
	return 0;
}

void slot_pool_usage(const struct slot_pool *pool, struct slot_pool_usage *usage)
{
	*usage = pool->usage;
	usage->free = usage->size - usage->used - pool->reserved_unused;
}
