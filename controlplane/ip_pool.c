/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv4 address pools. */
#include "ip_pool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#define NONE         UINT32_MAX
#define AFFINITY_MAX 32 /* addresses looked at for a user's last one */

enum address_state { ADDRESS_FRESH, ADDRESS_FREE, ADDRESS_USED };

struct address {
	uint32_t next, previous; /* in the list of free ones, oldest first; index + 1, 0 = none */
	uint32_t chain, before;  /* next and previous in the affinity bucket; index + 1 */
	uint8_t state;
	bool reserved;
	uint64_t user; /* who has or had it; 0 = nobody that we remember */
};

struct ip_pool {
	unsigned int n_ranges;
	struct {
		uint32_t first, last; /* host order */
		uint32_t base;        /* index of first */
	} * ranges;
	uint32_t size, fresh;    /* addresses below fresh were used, reserved or skipped */
	uint32_t oldest, newest; /* list of free ones; index + 1 */
	uint32_t mask;           /* affinity buckets - 1 */
	uint32_t *buckets;       /* index + 1 */
	struct address *addresses;
	uint32_t reserved_unused;
	struct ip_pool_usage usage;
};

static void *reserve_memory(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static uint32_t host_order(const struct ip_addr *addr)
{
	return (uint32_t)addr->bytes[0] << 24 | (uint32_t)addr->bytes[1] << 16 |
		(uint32_t)addr->bytes[2] << 8 | addr->bytes[3];
}

struct ip_pool *ip_pool_create(const struct config_pool *config)
{
	struct ip_pool *pool = calloc(1, sizeof(*pool));
	uint64_t size = 0;

	if (!pool)
		return NULL;
	pool->ranges = calloc(config->n_ranges, sizeof(*pool->ranges));
	if (!pool->ranges)
		goto fail;
	for (unsigned int i = 0; i < config->n_ranges; i++) {
		uint32_t first = host_order(&config->ranges[i].first);
		uint32_t last = host_order(&config->ranges[i].last);

		pool->ranges[i].first = first;
		pool->ranges[i].last = last;
		pool->ranges[i].base = (uint32_t)size;
		size += (uint64_t)last - first + 1;
	}
	pool->n_ranges = config->n_ranges;
	if (size >= NONE) {
		errno = ERANGE;
		goto fail;
	}
	pool->size = (uint32_t)size;
	pool->usage.size = size;
	pool->mask = 1023;
	while (pool->mask < pool->size && pool->mask < (1u << 22) - 1)
		pool->mask = pool->mask * 2 + 1;
	pool->buckets = reserve_memory((pool->mask + 1) * sizeof(*pool->buckets));
	pool->addresses = reserve_memory((pool->size + 1) * sizeof(*pool->addresses));
	if (!pool->buckets || !pool->addresses)
		goto fail;
	return pool;
fail:
	ip_pool_destroy(pool);
	return NULL;
}

void ip_pool_destroy(struct ip_pool *pool)
{
	if (!pool)
		return;
	if (pool->buckets)
		munmap(pool->buckets, (pool->mask + 1) * sizeof(*pool->buckets));
	if (pool->addresses)
		munmap(pool->addresses, (pool->size + 1) * sizeof(*pool->addresses));
	free(pool->ranges);
	free(pool);
}

static uint32_t pool_index(const struct ip_pool *pool, uint32_t addr)
{
	uint32_t host = ntohl(addr);

	for (unsigned int i = 0; i < pool->n_ranges; i++)
		if (host >= pool->ranges[i].first && host <= pool->ranges[i].last)
			return pool->ranges[i].base + (host - pool->ranges[i].first);
	return NONE;
}

static uint32_t pool_address(const struct ip_pool *pool, uint32_t index)
{
	unsigned int i = pool->n_ranges - 1;

	while (i > 0 && index < pool->ranges[i].base)
		i--;
	return htonl(pool->ranges[i].first + (index - pool->ranges[i].base));
}

static void free_list_add(struct ip_pool *pool, uint32_t index)
{
	struct address *address = &pool->addresses[index];

	address->next = 0;
	address->previous = pool->newest;
	if (pool->newest)
		pool->addresses[pool->newest - 1].next = index + 1;
	else
		pool->oldest = index + 1;
	pool->newest = index + 1;
}

static void free_list_remove(struct ip_pool *pool, uint32_t index)
{
	struct address *address = &pool->addresses[index];

	if (address->previous)
		pool->addresses[address->previous - 1].next = address->next;
	else
		pool->oldest = address->next;
	if (address->next)
		pool->addresses[address->next - 1].previous = address->previous;
	else
		pool->newest = address->previous;
	address->next = address->previous = 0;
}

static void affinity_forget(struct ip_pool *pool, uint32_t index)
{
	struct address *address = &pool->addresses[index];

	if (!address->user)
		return;
	if (address->before)
		pool->addresses[address->before - 1].chain = address->chain;
	else
		pool->buckets[address->user & pool->mask] = address->chain;
	if (address->chain)
		pool->addresses[address->chain - 1].before = address->before;
	address->chain = address->before = 0;
	address->user = 0;
}

static void affinity_remember(struct ip_pool *pool, uint32_t index, uint64_t user)
{
	struct address *address = &pool->addresses[index];

	if (address->user == user)
		return;
	affinity_forget(pool, index);
	if (!user)
		return;
	address->user = user;
	address->chain = pool->buckets[user & pool->mask];
	if (address->chain)
		pool->addresses[address->chain - 1].before = index + 1;
	pool->buckets[user & pool->mask] = index + 1;
}

/* The user's last address, if it is free. */
static uint32_t affinity_find(const struct ip_pool *pool, uint64_t user)
{
	uint32_t at = user ? pool->buckets[user & pool->mask] : 0;

	/* a name that thousands of lines share has no last address worth a long search */
	for (unsigned int n = 0; at && n < AFFINITY_MAX; at = pool->addresses[at - 1].chain, n++) {
		const struct address *address = &pool->addresses[at - 1];

		if (address->user == user && address->state == ADDRESS_FREE && !address->reserved)
			return at - 1;
	}
	return NONE;
}

static void address_take(struct ip_pool *pool, uint32_t index, uint64_t user)
{
	struct address *address = &pool->addresses[index];

	if (address->state == ADDRESS_FREE && !address->reserved)
		free_list_remove(pool, index);
	if (address->reserved)
		pool->reserved_unused--;
	address->state = ADDRESS_USED;
	affinity_remember(pool, index, user);
	pool->usage.used++;
}

int ip_pool_take(struct ip_pool *pool, uint64_t user, uint32_t *addr)
{
	uint32_t index = affinity_find(pool, user);

	if (index == NONE) {
		while (pool->fresh < pool->size &&
			(pool->addresses[pool->fresh].state != ADDRESS_FRESH ||
				pool->addresses[pool->fresh].reserved))
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
	address_take(pool, index, user);
	*addr = pool_address(pool, index);
	return 0;
}

int ip_pool_take_exact(struct ip_pool *pool, uint64_t user, uint32_t addr)
{
	uint32_t index = pool_index(pool, addr);

	if (index == NONE)
		return -ERANGE;
	if (pool->addresses[index].state == ADDRESS_USED)
		return -EBUSY;
	address_take(pool, index, user);
	return 0;
}

int ip_pool_reserve(struct ip_pool *pool, uint32_t addr)
{
	uint32_t index = pool_index(pool, addr);
	struct address *address;

	if (index == NONE)
		return -ERANGE;
	address = &pool->addresses[index];
	if (address->reserved)
		return 0;
	if (address->state == ADDRESS_FREE)
		free_list_remove(pool, index);
	address->reserved = true;
	pool->usage.reserved++;
	if (address->state != ADDRESS_USED)
		pool->reserved_unused++;
	return 0;
}

int ip_pool_release(struct ip_pool *pool, uint32_t addr)
{
	uint32_t index = pool_index(pool, addr);
	struct address *address;

	if (index == NONE)
		return -ERANGE;
	address = &pool->addresses[index];
	if (address->state != ADDRESS_USED)
		return -ENOENT;
	address->state = ADDRESS_FREE;
	if (address->reserved)
		pool->reserved_unused++;
	else
		free_list_add(pool, index);
	pool->usage.used--;
	return 0;
}

void ip_pool_usage(const struct ip_pool *pool, struct ip_pool_usage *usage)
{
	*usage = pool->usage;
	usage->free = usage->size - usage->used - pool->reserved_unused;
}
