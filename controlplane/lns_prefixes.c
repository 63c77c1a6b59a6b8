/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration's prefix pools, and what becomes of them at a reload. */
#include "lns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void prefix_pools_destroy(struct prefix_pool **pools, unsigned int n)
{
	for (unsigned int i = 0; pools && i < n; i++)
		prefix_pool_destroy(pools[i]);
	free(pools);
}

/* In the pools of one VRF: the first that has the prefix answers. */
static int pools_exact(struct prefix_pool **pools, const struct config *config, unsigned int vrf,
	uint64_t user, const uint8_t prefix[16], uint8_t length)
{
	for (unsigned int i = 0; i < config->n_prefix_pools; i++) {
		int rc = config->prefix_pools[i].vrf == vrf
			? prefix_pool_take_exact(pools[i], user, prefix, length)
			: -ERANGE;

		if (rc != -ERANGE)
			return rc;
	}
	return -ERANGE;
}

static void pools_reserve_one(struct prefix_pool **pools, const struct config *config,
	unsigned int vrf, const struct ip_addr *addr, uint8_t length)
{
	if (addr->family != 6)
		return;
	for (unsigned int i = 0; i < config->n_prefix_pools; i++)
		if (config->prefix_pools[i].vrf == vrf &&
			!prefix_pool_reserve(pools[i], addr->bytes, length))
			return;
}

static void pools_reserve(struct prefix_pool **pools, const struct config *config)
{
	for (unsigned int i = 0; i < config->n_users; i++) {
		const struct config_user *user = &config->users[i];

		pools_reserve_one(pools, config, user->vrf, &user->ipv6_prefix.addr,
			user->ipv6_prefix.length);
		pools_reserve_one(pools, config, user->vrf, &user->ipv6_delegated.addr,
			user->ipv6_delegated.length);
		pools_reserve_one(pools, config, user->vrf, &user->ipv6_address, 128);
	}
}

static bool held_holds(const struct held_prefix *outer, const struct held_prefix *inner)
{
	struct ip_prefix prefix = {.addr.family = 6, .length = outer->length};
	struct ip_addr addr = {.family = 6};

	memcpy(prefix.addr.bytes, outer->addr, 16);
	memcpy(addr.bytes, inner->addr, 16);
	return outer != inner && outer->held && outer->length < inner->length &&
		ip_prefix_holds(&prefix, &addr);
}

/* An address of the session's own link goes with the link's prefix. */
static bool part_is_within(const struct subscriber_ipv6 *ipv6, const struct held_prefix *held)
{
	bool within = false;

	for (unsigned int part = 0; part < IPV6_PARTS; part++)
		within |= held_holds(&ipv6->parts[part], held);
	return within;
}

/*
 * What live sessions hold stays theirs. Where pools have another length now, nobody gets a prefix that has a part of
 * it, until a later reload finds it given back.
 */
void prefix_pools_carry(struct prefix_pool **pools, const struct config *config,
	const struct subscriber *subscriber)
{
	for (unsigned int part = 0; subscriber->ipv6 && part < IPV6_PARTS; part++) {
		const struct held_prefix *held = &subscriber->ipv6->parts[part];

		if (!held->held ||
			pools_exact(pools, config, held->vrf, subscriber->user_hash, held->addr,
				held->length) != -ERANGE ||
			part_is_within(subscriber->ipv6, held))
			continue;
		for (unsigned int i = 0; i < config->n_prefix_pools; i++)
			if (config->prefix_pools[i].vrf == held->vrf)
				prefix_pool_reserve_range(pools[i], held->addr, held->length);
	}
}

struct prefix_pool **prefix_pools_create(const struct config *config)
{
	struct prefix_pool **pools = calloc(config->n_prefix_pools + 1, sizeof(*pools));

	if (!pools)
		return NULL;
	for (unsigned int i = 0; i < config->n_prefix_pools; i++) {
		pools[i] = prefix_pool_create(&config->prefix_pools[i]);
		if (!pools[i]) {
			prefix_pools_destroy(pools, i);
			return NULL;
		}
	}
	pools_reserve(pools, config);
	return pools;
}

void prefix_pools_aggregates(
	struct lns *lns, const struct config *config, enum lns_aggregate_step step)
{
	for (unsigned int i = 0; i < config->n_prefix_pools; i++) {
		const struct config_prefix_pool *pool = &config->prefix_pools[i];

		for (unsigned int j = 0; j < pool->n_prefixes; j++)
			lns_aggregate(lns, pool->name, pool->vrf, &pool->prefixes[j], step);
	}
}

int lns_prefix_take(struct lns *lns, int pool, uint64_t user, uint8_t prefix[16])
{
	if (pool < 0 || (unsigned int)pool >= lns->n_prefix_pools)
		return -ENOENT;
	return prefix_pool_take(lns->prefix_pools[pool], user, prefix);
}

uint8_t lns_prefix_length(const struct lns *lns, int pool)
{
	if (pool < 0 || (unsigned int)pool >= lns->n_prefix_pools)
		return 0;
	return prefix_pool_length(lns->prefix_pools[pool]);
}

int lns_prefix_pool(
	const struct lns *lns, unsigned int vrf, const uint8_t prefix[16], uint8_t length)
{
	const struct config *config = lns_config(lns);

	for (unsigned int i = 0; i < config->n_prefix_pools; i++)
		if (config->prefix_pools[i].vrf == vrf &&
			prefix_pool_has(lns->prefix_pools[i], prefix, length))
			return (int)i;
	return -1;
}

bool lns_prefix_overlaps(
	const struct lns *lns, unsigned int vrf, const uint8_t prefix[16], uint8_t length)
{
	const struct config *config = lns_config(lns);

	for (unsigned int i = 0; i < config->n_prefix_pools; i++)
		if (config->prefix_pools[i].vrf == vrf &&
			prefix_pool_overlaps(lns->prefix_pools[i], prefix, length))
			return true;
	return false;
}

int lns_prefix_take_exact(
	struct lns *lns, unsigned int vrf, uint64_t user, const uint8_t prefix[16], uint8_t length)
{
	return pools_exact(lns->prefix_pools, lns_config(lns), vrf, user, prefix, length);
}

static void pools_release(struct prefix_pool **pools, const struct config *config, unsigned int vrf,
	const uint8_t prefix[16], uint8_t length)
{
	for (unsigned int i = 0; i < config->n_prefix_pools; i++)
		if (config->prefix_pools[i].vrf == vrf &&
			prefix_pool_release(pools[i], prefix, length) != -ERANGE)
			return;
}

void lns_prefix_release(struct lns *lns, unsigned int vrf, const uint8_t prefix[16], uint8_t length)
{
	const struct config *config;
	struct prefix_pool **to_come = lns_pools_to_come(lns, &config);

	pools_release(lns->prefix_pools, lns_config(lns), vrf, prefix, length);
	if (to_come)
		pools_release(to_come, config, vrf, prefix, length);
}
