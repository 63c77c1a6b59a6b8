/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv4 address pools. */
#include "ip_pool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#define NONE UINT32_MAX

struct ip_pool {
	unsigned int n_ranges;
	struct {
		uint32_t first, last; /* host order */
		uint32_t base;        /* slot of first */
	} * ranges;
	struct slot_pool *slots;
};

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
	pool->slots = slot_pool_create((uint32_t)size);
	if (pool->slots)
		return pool;
fail:
	ip_pool_destroy(pool);
	return NULL;
}

void ip_pool_destroy(struct ip_pool *pool)
{
	if (!pool)
		return;
	slot_pool_destroy(pool->slots);
	free(pool->ranges);
	free(pool);
}

static uint32_t pool_slot(const struct ip_pool *pool, uint32_t addr)
{
	uint32_t host = ntohl(addr);

	for (unsigned int i = 0; i < pool->n_ranges; i++)
		if (host >= pool->ranges[i].first && host <= pool->ranges[i].last)
			return pool->ranges[i].base + (host - pool->ranges[i].first);
	return NONE;
}

static uint32_t pool_address(const struct ip_pool *pool, uint32_t slot)
{
	unsigned int i = pool->n_ranges - 1;

	while (i > 0 && slot < pool->ranges[i].base)
		i--;
	return htonl(pool->ranges[i].first + (slot - pool->ranges[i].base));
}

int ip_pool_take(struct ip_pool *pool, uint64_t user, uint32_t *addr)
{
	uint32_t slot;
	int rc = slot_pool_take(pool->slots, user, &slot);

	if (!rc)
		*addr = pool_address(pool, slot);
	return rc;
}

int ip_pool_take_exact(struct ip_pool *pool, uint64_t user, uint32_t addr)
{
	uint32_t slot = pool_slot(pool, addr);

	return slot == NONE ? -ERANGE : slot_pool_take_exact(pool->slots, user, slot);
}

int ip_pool_reserve(struct ip_pool *pool, uint32_t addr)
{
	uint32_t slot = pool_slot(pool, addr);

	if (slot == NONE)
		return -ERANGE;
	slot_pool_reserve(pool->slots, slot);
	return 0;
}

int ip_pool_release(struct ip_pool *pool, uint32_t addr)
{
	uint32_t slot = pool_slot(pool, addr);

	return slot == NONE ? -ERANGE : slot_pool_release(pool->slots, slot);
}

void ip_pool_usage(const struct ip_pool *pool, struct slot_pool_usage *usage)
{
	slot_pool_usage(pool->slots, usage);
}
