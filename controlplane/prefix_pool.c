/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools of IPv6 prefixes of one length. */
#include "prefix_pool.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct network {
	unsigned __int128 value; /* host order */
	uint32_t base, n;        /* first slot, how many prefixes */
};

struct prefix_pool {
	unsigned int n_networks;
	struct network *networks;
	uint8_t length;
	struct slot_pool *slots;
};

static unsigned __int128 value_of(const uint8_t prefix[16])
{
	unsigned __int128 value = 0;

	for (unsigned int i = 0; i < 16; i++)
		value = value << 8 | prefix[i];
	return value;
}

struct prefix_pool *prefix_pool_create(const struct config_prefix_pool *config)
{
	struct prefix_pool *pool = calloc(1, sizeof(*pool));
	uint64_t size = 0;

	if (!pool)
		return NULL;
	pool->length = config->length;
	pool->networks = calloc(config->n_prefixes, sizeof(*pool->networks));
	if (!pool->networks)
		goto fail;
	for (unsigned int i = 0; i < config->n_prefixes; i++) {
		struct network *network = &pool->networks[i];
		unsigned int bits = config->length - config->prefixes[i].length;

		if (bits >= 32 || size + (1ull << bits) >= NONE) {
			errno = ERANGE;
			goto fail;
		}
		network->value = value_of(config->prefixes[i].addr.bytes);
		network->base = (uint32_t)size;
		network->n = 1u << bits;
		size += network->n;
	}
	pool->n_networks = config->n_prefixes;
	pool->slots = slot_pool_create((uint32_t)size);
	if (pool->slots)
		return pool;
fail:
	prefix_pool_destroy(pool);
	return NULL;
}

void prefix_pool_destroy(struct prefix_pool *pool)
{
	if (!pool)
		return;
	slot_pool_destroy(pool->slots);
	free(pool->networks);
	free(pool);
}

uint8_t prefix_pool_length(const struct prefix_pool *pool)
{
	return pool->length;
}

static uint32_t pool_slot(const struct prefix_pool *pool, const uint8_t prefix[16], uint8_t length)
{
	unsigned __int128 value = value_of(prefix);
	unsigned int shift = 128u - pool->length;

	if (length != pool->length)
		return NONE;
	for (unsigned int i = 0; i < pool->n_networks; i++) {
		const struct network *network = &pool->networks[i];

		if (value < network->value ||
			value - network->value >= (unsigned __int128)network->n << shift)
			continue;
		value -= network->value;
		/* no pool has half a prefix */
		if (shift && value & (((unsigned __int128)1 << shift) - 1))
			return NONE;
		return network->base + (uint32_t)(value >> shift);
	}
	return NONE;
}

static void pool_prefix(const struct prefix_pool *pool, uint32_t slot, uint8_t prefix[16])
{
	unsigned int i = pool->n_networks - 1;
	unsigned __int128 value;

	while (i > 0 && slot < pool->networks[i].base)
		i--;
	value = pool->networks[i].value +
		((unsigned __int128)(slot - pool->networks[i].base) << (128u - pool->length));
	for (unsigned int byte = 16; byte-- > 0; value >>= 8)
		prefix[byte] = (uint8_t)value;
}

int prefix_pool_take(struct prefix_pool *pool, uint64_t user, uint8_t prefix[16])
{
	uint32_t slot;
	int rc = slot_pool_take(pool->slots, user, &slot);

	if (!rc)
		pool_prefix(pool, slot, prefix);
	return rc;
}

int prefix_pool_take_exact(
	struct prefix_pool *pool, uint64_t user, const uint8_t prefix[16], uint8_t length)
{
	uint32_t slot = pool_slot(pool, prefix, length);

	return slot == NONE ? -ERANGE : slot_pool_take_exact(pool->slots, user, slot);
}

int prefix_pool_reserve(struct prefix_pool *pool, const uint8_t prefix[16], uint8_t length)
{
	uint32_t slot = pool_slot(pool, prefix, length);

	if (slot == NONE)
		return -ERANGE;
	slot_pool_reserve(pool->slots, slot);
	return 0;
}

/* The slots of a network that a prefix of any length has a part of; false: none. */
static bool network_slots(const struct prefix_pool *pool, const struct network *network,
	const uint8_t prefix[16], uint8_t length, uint32_t *first, uint32_t *last)
{
	unsigned __int128 low = value_of(prefix), high = low, end = network->value;
	unsigned int shift = 128u - pool->length;

	high |= length ? ((unsigned __int128)1 << (128u - length)) - 1 : ~(unsigned __int128)0;
	end += ((unsigned __int128)network->n << shift) - 1;
	if (high < network->value || low > end)
		return false;
	*first = low > network->value ? (uint32_t)((low - network->value) >> shift) : 0;
	*last = high < end ? (uint32_t)((high - network->value) >> shift) : network->n - 1;
	return true;
}

bool prefix_pool_overlaps(const struct prefix_pool *pool, const uint8_t prefix[16], uint8_t length)
{
	uint32_t first, last;

	for (unsigned int i = 0; i < pool->n_networks; i++)
		if (network_slots(pool, &pool->networks[i], prefix, length, &first, &last))
			return true;
	return false;
}

void prefix_pool_reserve_range(struct prefix_pool *pool, const uint8_t prefix[16], uint8_t length)
{
	for (unsigned int i = 0; i < pool->n_networks; i++) {
		const struct network *network = &pool->networks[i];
		uint32_t first, last;

		if (!network_slots(pool, network, prefix, length, &first, &last))
			continue;
		for (uint32_t slot = first; slot <= last; slot++)
			slot_pool_reserve(pool->slots, network->base + slot);
	}
}

bool prefix_pool_has(const struct prefix_pool *pool, const uint8_t prefix[16], uint8_t length)
{
	return pool_slot(pool, prefix, length) != NONE;
}

int prefix_pool_release(struct prefix_pool *pool, const uint8_t prefix[16], uint8_t length)
{
	uint32_t slot = pool_slot(pool, prefix, length);

	return slot == NONE ? -ERANGE : slot_pool_release(pool->slots, slot);
}

void prefix_pool_usage(const struct prefix_pool *pool, struct slot_pool_usage *usage)
{
	slot_pool_usage(pool->slots, usage);
}
