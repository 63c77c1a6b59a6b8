/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools are known by their index in the configuration: what becomes of one at a reload. */
#include "aaa.h"

#include <string.h>

int aaa_pool_follow(const struct config *before, const struct config *now, int pool)
{
	const struct config_pool *old;

	if (pool < 0 || (unsigned int)pool >= before->n_pools)
		return -1;
	old = &before->pools[pool];
	for (unsigned int i = 0; i < now->n_pools; i++)
		if (now->pools[i].vrf == old->vrf && !strcmp(now->pools[i].name, old->name))
			return (int)i;
	return -1;
}

static int prefix_pool_follow(const struct config *before, const struct config *now, int pool)
{
	const struct config_prefix_pool *old;

	if (pool < 0 || (unsigned int)pool >= before->n_prefix_pools)
		return -1;
	old = &before->prefix_pools[pool];
	for (unsigned int i = 0; i < now->n_prefix_pools; i++)
		if (now->prefix_pools[i].vrf == old->vrf &&
			!strcmp(now->prefix_pools[i].name, old->name))
			return (int)i;
	return -1;
}

void aaa_ipv6_follow(const struct config *before, const struct config *now, struct aaa_ipv6 *ipv6)
{
	ipv6->pool = prefix_pool_follow(before, now, ipv6->pool);
	ipv6->delegated_pool = prefix_pool_follow(before, now, ipv6->delegated_pool);
	ipv6->address_pool = prefix_pool_follow(before, now, ipv6->address_pool);
}

bool aaa_pools_stay(const struct config *before, const struct config *now)
{
	for (unsigned int i = 0; i < before->n_pools; i++)
		if (aaa_pool_follow(before, now, (int)i) != (int)i)
			return false;
	for (unsigned int i = 0; i < before->n_prefix_pools; i++)
		if (prefix_pool_follow(before, now, (int)i) != (int)i)
			return false;
	return true;
}
