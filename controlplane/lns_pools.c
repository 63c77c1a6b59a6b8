/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration's address pools, and what becomes of them at a reload. */
#include "log.h"
#include "lns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void pools_destroy(struct ip_pool **pools, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		ip_pool_destroy(pools[i]);
	free(pools);
}

static uint32_t addr_of(const struct ip_addr *addr)
{
	uint32_t address;

	memcpy(&address, addr->bytes, sizeof(address));
	return address;
}

/* In the pools of one VRF: the first that has the address answers. */
static int pools_each(struct ip_pool **pools, const struct config *config, unsigned int vrf,
	int (*call)(struct ip_pool *pool, uint64_t user, uint32_t address), uint64_t user,
	uint32_t address)
{
	for (unsigned int i = 0; i < config->n_pools; i++) {
		int rc = config->pools[i].vrf == vrf ? call(pools[i], user, address) : -ERANGE;

		if (rc != -ERANGE)
			return rc;
	}
	return -ERANGE;
}

static int call_reserve(struct ip_pool *pool, uint64_t user, uint32_t address)
{
	return ip_pool_reserve(pool, address);
}

static int call_release(struct ip_pool *pool, uint64_t user, uint32_t address)
{
	return ip_pool_release(pool, address);
}

/* Addresses that nobody may be given: our own, and those that a user's entry names. */
static void pools_reserve(struct ip_pool **pools, const struct config *config)
{
	if (config->subscribers.local_address.family == 4)
		for (unsigned int vrf = 0; vrf < config->n_vrfs; vrf++)
			pools_each(pools, config, vrf, call_reserve, 0,
				addr_of(&config->subscribers.local_address));
	for (unsigned int i = 0; i < config->n_users; i++)
		if (config->users[i].address.family == 4)
			pools_each(pools, config, config->users[i].vrf, call_reserve, 0,
				addr_of(&config->users[i].address));
}

void lns_aggregate(struct lns *lns, const char *pool, unsigned int vrf,
	const struct ip_prefix *prefix, enum lns_aggregate_step step)
{
	struct kernel_route *kernel = lns->kernel_route;
	int rc;

	if (step == AGGREGATE_ANNOUNCE)
		rc = kernel_route_announce(kernel, (uint16_t)vrf, prefix, true);
	else if (step == AGGREGATE_UNCOVER)
		rc = kernel_route_uncover(kernel, (uint16_t)vrf, prefix);
	else
		rc = kernel_route_withdraw(kernel, (uint16_t)vrf, prefix, false);
	if (rc)
		log_error(NULL, "pool %s: its route cannot be %s: %s", pool,
			step == AGGREGATE_ANNOUNCE ? "announced" : "withdrawn", strerror(-rc));
}

static void aggregates_step(
	struct lns *lns, const struct config *config, enum lns_aggregate_step step)
{
	for (unsigned int i = 0; i < config->n_pools; i++) {
		const struct config_pool *pool = &config->pools[i];

		for (unsigned int j = 0; j < pool->n_aggregates; j++)
			lns_aggregate(lns, pool->name, pool->vrf, &pool->aggregates[j], step);
	}
	prefix_pools_aggregates(lns, config, step);
}

/* The new aggregates first: one that both have is never gone, and no session is ever without any route. */
static void aggregates_change(struct lns *lns, const struct config *config)
{
	struct subscriber *subscriber;
	uint32_t index = 0;

	aggregates_step(lns, config, AGGREGATE_ANNOUNCE);
	if (!lns->pools)
		return;
	aggregates_step(lns, lns_config(lns), AGGREGATE_UNCOVER);
	while ((subscriber = subscribers_next(&lns->subscribers, &index)))
		subscriber_routes_review(subscriber, &config->subscribers);
	aggregates_step(lns, lns_config(lns), AGGREGATE_WITHDRAW);
}

/* Of each pool of the running configuration the index in the new one; NULL: no memory. */
static int *pools_map(const struct config *before, const struct config *config)
{
	int *map = malloc((before->n_pools + 1) * sizeof(*map));

	for (unsigned int i = 0; map && i < before->n_pools; i++)
		map[i] = aaa_pool_follow(before, config, (int)i);
	return map;
}

/* What sessions were given of pools names the same ones. */
static void pools_follow(struct lns *lns, const struct config *config, const int *map)
{
	struct subscriber *subscriber;
	uint32_t index = 0;

	lns->ipv6.reloads++;
	while ((subscriber = subscribers_next(&lns->subscribers, &index))) {
		if (subscriber->pool >= 0)
			subscriber->pool = map[subscriber->pool];
		subscriber_ipv6_follow(subscriber, lns_config(lns), config);
	}
}

int lns_pools_set(struct lns *lns, const struct config *config)
{
	struct ip_pool **pools = calloc(config->n_pools + 1, sizeof(*pools));
	struct prefix_pool **prefix_pools;
	struct subscriber *subscriber;
	uint32_t index = 0;
	int *map;

	if (!pools)
		return -ENOMEM;
	for (unsigned int i = 0; i < config->n_pools; i++) {
		pools[i] = ip_pool_create(&config->pools[i]);
		if (!pools[i]) {
			pools_destroy(pools, i);
			return -ENOMEM;
		}
	}
	prefix_pools = prefix_pools_create(lns, config);
	map = pools_map(lns_config(lns), config);
	if (!prefix_pools || !map) {
		pools_destroy(pools, config->n_pools);
		if (prefix_pools)
			prefix_pools_destroy(prefix_pools, config->n_prefix_pools);
		free(map);
		return -ENOMEM;
	}
	pools_reserve(pools, config);
	while ((subscriber = subscribers_next(&lns->subscribers, &index)))
		if (subscriber->address)
			pools_each(pools, config, subscriber->record.vrf, ip_pool_take_exact,
				subscriber->user_hash, subscriber->address);
	aggregates_change(lns, config);
	if (lns->pools) {
		lns_pools_free(lns);
		pools_follow(lns, config, map);
	}
	lns->pools = pools;
	lns->n_pools = config->n_pools;
	lns->prefix_pools = prefix_pools;
	lns->n_prefix_pools = config->n_prefix_pools;
	free(map);
	return 0;
}

void lns_pools_free(struct lns *lns)
{
	pools_destroy(lns->pools, lns->n_pools);
	prefix_pools_destroy(lns->prefix_pools, lns->n_prefix_pools);
	lns->pools = NULL;
	lns->prefix_pools = NULL;
	lns->n_pools = lns->n_prefix_pools = 0;
}

int lns_pool_take(struct lns *lns, int pool, uint64_t user, uint32_t *address)
{
	if (pool < 0 || (unsigned int)pool >= lns->n_pools)
		return -ENOENT;
	return ip_pool_take(lns->pools[pool], user, address);
}

int lns_pool_take_exact(struct lns *lns, unsigned int vrf, uint64_t user, uint32_t address)
{
	return pools_each(lns->pools, lns_config(lns), vrf, ip_pool_take_exact, user, address);
}

int lns_pool_take_from(struct lns *lns, int pool, uint64_t user, uint32_t address)
{
	if (pool < 0 || (unsigned int)pool >= lns->n_pools)
		return -ENOENT;
	return ip_pool_take_exact(lns->pools[pool], user, address);
}

void lns_pool_release(struct lns *lns, unsigned int vrf, uint32_t address)
{
	pools_each(lns->pools, lns_config(lns), vrf, call_release, 0, address);
}
