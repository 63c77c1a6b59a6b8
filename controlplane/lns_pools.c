/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration's address pools, and what becomes of them at a reload. */
#include "log.h"
#include "lns.h"

#include <errno.h>
#include <limits.h>
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

/* Of each pool of the running configuration the index in the new one; NULL: no memory. */
static int *pools_map(const struct config *before, const struct config *config)
{
	int *map = malloc((before->n_pools + 1) * sizeof(*map));

	for (unsigned int i = 0; map && i < before->n_pools; i++)
		map[i] = aaa_pool_follow(before, config, (int)i);
	return map;
}

/* ---- from one configuration's pools to another's ---- */

struct lns_pools_change {
	const struct config *before, *config;
	struct ip_pool **pools; /* the new ones until they are in force, then NULL */
	struct prefix_pool **prefix_pools;
	int *map;
	uint32_t
		at; /* sessions below this index have what they hold in the new pools, or the routes they shall have */
};

static struct ip_pool **pools_create(const struct config *config)
{
	struct ip_pool **pools = calloc(config->n_pools + 1, sizeof(*pools));

	for (unsigned int i = 0; pools && i < config->n_pools; i++) {
		pools[i] = ip_pool_create(&config->pools[i]);
		if (!pools[i]) {
			pools_destroy(pools, i);
			return NULL;
		}
	}
	if (pools)
		pools_reserve(pools, config);
	return pools;
}

int lns_pools_begin(struct lns *lns, const struct config *config)
{
	struct lns_pools_change *change = calloc(1, sizeof(*change));

	if (!change)
		return -ENOMEM;
	change->before = lns_config(lns);
	change->config = config;
	change->pools = pools_create(config);
	change->prefix_pools = prefix_pools_create(config);
	change->map = pools_map(change->before, config);
	lns->pools_change = change;
	if (change->pools && change->prefix_pools && change->map)
		return 0;
	lns_pools_cancel(lns);
	return -ENOMEM;
}

void lns_pools_cancel(struct lns *lns)
{
	struct lns_pools_change *change = lns->pools_change;

	if (!change)
		return;
	if (change->pools)
		pools_destroy(change->pools, change->config->n_pools);
	if (change->prefix_pools)
		prefix_pools_destroy(change->prefix_pools, change->config->n_prefix_pools);
	free(change->map);
	free(change);
	lns->pools_change = NULL;
}

static void change_carry(const struct lns_pools_change *change, const struct subscriber *subscriber)
{
	if (subscriber->address)
		pools_each(change->pools, change->config, subscriber->record.vrf,
			ip_pool_take_exact, subscriber->user_hash, subscriber->address);
	prefix_pools_carry(change->prefix_pools, change->config, subscriber);
}

void lns_pools_note(struct lns *lns, const struct subscriber *subscriber)
{
	const struct lns_pools_change *change = lns->pools_change;

	if (change && change->pools && subscriber->record.index < change->at)
		change_carry(change, subscriber);
}

/* The next sessions, at most max: false if there are no more. */
static bool change_walk(struct lns *lns, unsigned int max,
	void (*each)(const struct lns_pools_change *change, struct subscriber *subscriber))
{
	struct lns_pools_change *change = lns->pools_change;

	for (; max; max--) {
		struct subscriber *subscriber = subscribers_next(&lns->subscribers, &change->at);

		if (!subscriber)
			return false;
		each(change, subscriber);
	}
	return true;
}

static void each_carry(const struct lns_pools_change *change, struct subscriber *subscriber)
{
	change_carry(change, subscriber);
}

bool lns_pools_carry(struct lns *lns, unsigned int max)
{
	return change_walk(lns, max, each_carry);
}

/* What sessions were given of pools names the same ones. */
static void pools_follow(struct lns *lns, const struct lns_pools_change *change)
{
	struct subscriber *subscriber;
	uint32_t index = 0;

	lns->ipv6.reloads++;
	while ((subscriber = subscribers_next(&lns->subscribers, &index))) {
		if (subscriber->pool >= 0)
			subscriber->pool = change->map[subscriber->pool];
		subscriber_ipv6_follow(subscriber, change->before, change->config);
	}
}

/* The new aggregates first: one that both have is never gone, and no session is ever without any route. */
void lns_pools_switch(struct lns *lns)
{
	struct lns_pools_change *change = lns->pools_change;
	bool first = !lns->pools;

	aggregates_step(lns, change->config, AGGREGATE_ANNOUNCE);
	if (!first) {
		aggregates_step(lns, change->before, AGGREGATE_UNCOVER);
		lns_pools_free(lns);
		if (!aaa_pools_stay(change->before, change->config))
			pools_follow(lns, change);
	}
	lns->pools = change->pools;
	lns->n_pools = change->config->n_pools;
	lns->prefix_pools = change->prefix_pools;
	lns->n_prefix_pools = change->config->n_prefix_pools;
	change->pools = NULL;
	change->prefix_pools = NULL;
	change->at = 0;
	if (first)
		lns_pools_cancel(lns);
}

static void each_review(const struct lns_pools_change *change, struct subscriber *subscriber)
{
	subscriber_routes_review(subscriber, &change->config->subscribers);
}

bool lns_pools_settle(struct lns *lns, unsigned int max)
{
	if (!lns->pools_change)
		return false;
	if (change_walk(lns, max, each_review))
		return true;
	aggregates_step(lns, lns->pools_change->before, AGGREGATE_WITHDRAW);
	lns_pools_cancel(lns);
	return false;
}

int lns_pools_set(struct lns *lns, const struct config *config)
{
	int rc = lns_pools_begin(lns, config);

	if (rc)
		return rc;
	while (lns_pools_carry(lns, UINT_MAX))
		;
	lns_pools_switch(lns);
	while (lns_pools_settle(lns, UINT_MAX))
		;
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
	const struct lns_pools_change *change = lns->pools_change;

	pools_each(lns->pools, lns_config(lns), vrf, call_release, 0, address);
	if (change && change->pools)
		pools_each(change->pools, change->config, vrf, call_release, 0, address);
}

struct prefix_pool **lns_pools_to_come(const struct lns *lns, const struct config **config)
{
	const struct lns_pools_change *change = lns->pools_change;

	if (!change || !change->prefix_pools)
		return NULL;
	*config = change->config;
	return change->prefix_pools;
}
