/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbered things to hand out. */
#include "slot_pool.h"

#include <dataplane/reserve.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define NONE         UINT32_MAX
#define AFFINITY_MAX 32 /* slots looked at for a user's last one */
#define BUCKETS_MIN  1024
#define BUCKETS_MAX  (1u << 22)
#define USER_BITS    61 /* of the hash of a name */

enum slot_state { SLOT_FRESH, SLOT_FREE, SLOT_USED };

struct slot {
	uint32_t next, previous;   /* in the list of free ones, oldest first; index + 1, 0 = none */
	uint32_t chain, before;    /* next and previous in the affinity bucket; index + 1 */
	uint64_t user : USER_BITS; /* who has or had it; 0 = nobody that we remember */
	uint64_t state : 2;
	uint64_t reserved : 1;
};
_Static_assert(sizeof(struct slot) == 24, "one for each session, of each of its pools");

struct slot_pool {
	uint32_t size, fresh;    /* slots below fresh were used, reserved or skipped */
	uint32_t oldest, newest; /* list of free ones; index + 1 */
	/*
	 * Affinity buckets: index + 1. About as many as users are remembered, so that a large pool takes no
	 * more memory than is used: a user more splits one bucket (linear hashing), and no turn has to split
	 * all of them. low: the power of two at or below n_buckets. A user's slots that follow each other
	 * in a bucket count once: thousands of lines of one name would not be parted by splitting.
	 */
	uint32_t *buckets;
	uint32_t n_buckets, low, max_buckets;
	uint32_t n_users;
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
	pool->n_buckets = pool->low = BUCKETS_MIN;
	pool->max_buckets = size < BUCKETS_MIN ? BUCKETS_MIN
		: size > BUCKETS_MAX           ? BUCKETS_MAX
					       : size;
	pool->buckets =
		reserve_memory(pool->max_buckets * sizeof(*pool->buckets), RESERVE_COLD, -1);
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
	reserve_free(pool->buckets, pool->max_buckets * sizeof(*pool->buckets));
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

static uint32_t *bucket_of(const struct slot_pool *pool, uint64_t user)
{
	uint32_t hash = (uint32_t)(user * 0x9e3779b97f4a7c15 >> 32);
	uint32_t at = hash & (2 * pool->low - 1);

	return &pool->buckets[at < pool->n_buckets ? at : at - pool->low];
}

/* At the front of its user's bucket. */
static void bucket_add(struct slot_pool *pool, uint32_t index)
{
	struct slot *slot = &pool->slots[index];
	uint32_t *bucket = bucket_of(pool, slot->user);

	slot->before = 0;
	slot->chain = *bucket;
	if (slot->chain)
		pool->slots[slot->chain - 1].before = index + 1;
	*bucket = index + 1;
}

static bool is_users(const struct slot_pool *pool, uint32_t link, uint64_t user)
{
	return link && pool->slots[link - 1].user == user;
}

/* One bucket more: some of those of one bucket below go there. */
static void bucket_split(struct slot_pool *pool)
{
	uint32_t *from = &pool->buckets[pool->n_buckets - pool->low], at = *from, newest = 0;

	pool->n_buckets++;
	*from = 0;
	/* from the last one to the first, so that their order stays */
	for (; at; at = pool->slots[at - 1].chain)
		newest = at;
	while (newest) {
		at = newest;
		newest = pool->slots[at - 1].before;
		bucket_add(pool, at - 1);
	}
	if (pool->n_buckets == 2 * pool->low)
		pool->low = pool->n_buckets;
}

static void affinity_forget(struct slot_pool *pool, uint32_t index)
{
	struct slot *slot = &pool->slots[index];

	if (!slot->user)
		return;
	if (!is_users(pool, slot->before, slot->user) && !is_users(pool, slot->chain, slot->user))
		pool->n_users--;
	if (slot->before)
		pool->slots[slot->before - 1].chain = slot->chain;
	else
		*bucket_of(pool, slot->user) = slot->chain;
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
	bucket_add(pool, index);
	if (is_users(pool, slot->chain, user))
		return;
	if (++pool->n_users > pool->n_buckets && pool->n_buckets < pool->max_buckets)
		bucket_split(pool);
}

/* The user's last slot, if it is free. */
static uint32_t affinity_find(const struct slot_pool *pool, uint64_t user)
{
	uint32_t at = user ? *bucket_of(pool, user) : 0;

	/* a name that thousands of lines share has no last slot worth a long search */
	for (unsigned int n = 0; at && n < AFFINITY_MAX; at = pool->slots[at - 1].chain, n++) {
		const struct slot *slot = &pool->slots[at - 1];

		if (slot->user == user && slot->state == SLOT_FREE && !slot->reserved)
			return at - 1;
	}
	return NONE;
}

/* What is kept of a hash. */
static uint64_t user_kept(uint64_t user)
{
	return user & ((UINT64_C(1) << USER_BITS) - 1);
}

static void slot_take(struct slot_pool *pool, uint32_t index, uint64_t user)
{
	struct slot *slot = &pool->slots[index];

	if (slot->state == SLOT_FREE && !slot->reserved)
		free_list_remove(pool, index);
	if (slot->reserved)
		pool->reserved_unused--;
	slot->state = SLOT_USED;
	affinity_remember(pool, index, user_kept(user));
	pool->usage.used++;
}

int slot_pool_take(struct slot_pool *pool, uint64_t user, uint32_t *slot)
{
	uint32_t index = affinity_find(pool, user_kept(user));

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
