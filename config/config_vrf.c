/* SPDX-License-Identifier: BSD-3-Clause */
/* Who comes into which VRF, and what subscribers get there. */
#include "draft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct draft_place vrf_place(
	const struct config_draft *draft, unsigned int vrf, const char *key)
{
	return place_item("vrfs", draft->vrfs, vrf, key);
}

void draft_vrf_resolve(struct config_draft *draft)
{
	struct config *config = draft->config;

	for (unsigned int i = 0; i < config->n_vrfs; i++) {
		struct config_vrf *vrf = &config->vrfs[i];

		vrf->pool = vrf->ipv6_pool = vrf->ipv6_delegated_pool = vrf->ipv6_address_pool = -1;
		if (!draft->vrfs[i])
			continue; /* the default one, which the file leaves out */
		vrf->pool = draft_reference(draft, vrf_place(draft, i, "pool"), config->pools,
			sizeof(*config->pools), config->n_pools, "pool");
		vrf->ipv6_pool = draft_prefix_pool(draft, vrf_place(draft, i, "ipv6-pool"));
		vrf->ipv6_delegated_pool =
			draft_prefix_pool(draft, vrf_place(draft, i, "ipv6-delegated-pool"));
		vrf->ipv6_address_pool =
			draft_prefix_pool(draft, vrf_place(draft, i, "ipv6-address-pool"));
	}
	for (unsigned int i = 0; i < config->n_policies; i++)
		config->policies[i].vrf = draft_reference(draft,
			place_item("policies", draft->policies, i, "vrf"), config->vrfs,
			sizeof(*config->vrfs), config->n_vrfs, "VRF");
}

static void check_pool_vrf(struct config_draft *draft, unsigned int vrf, const char *key,
	const char *name, unsigned int pool_vrf)
{
	const struct config *config = draft->config;

	if (pool_vrf != vrf && pool_vrf != DRAFT_VRF_UNKNOWN)
		draft_error(draft, vrf_place(draft, vrf, key),
			"pool %s is in VRF %s, expected one in VRF %s", name,
			config->vrfs[pool_vrf].name, config->vrfs[vrf].name);
}

static void check_pools(struct config_draft *draft, unsigned int index)
{
	const struct config *config = draft->config;
	const struct config_vrf *vrf = &config->vrfs[index];
	const struct {
		const char *key;
		int pool;
		unsigned int low, high;
	} uses[] = {
		{"ipv6-pool", vrf->ipv6_pool, 64, 64},
		{"ipv6-delegated-pool", vrf->ipv6_delegated_pool, 48, 64},
		{"ipv6-address-pool", vrf->ipv6_address_pool, 128, 128},
	};

	if (vrf->pool >= 0)
		check_pool_vrf(draft, index, "pool", config->pools[vrf->pool].name,
			config->pools[vrf->pool].vrf);
	for (unsigned int i = 0; i < sizeof(uses) / sizeof(*uses); i++) {
		if (uses[i].pool < 0)
			continue;
		check_pool_vrf(draft, index, uses[i].key, config->prefix_pools[uses[i].pool].name,
			config->prefix_pools[uses[i].pool].vrf);
		draft_prefix_pool_check(draft, vrf_place(draft, index, uses[i].key), uses[i].pool,
			uses[i].low, uses[i].high);
	}
}

struct realm {
	const char *name;
	unsigned int vrf, at;
};

static int realm_compare(const void *a, const void *b)
{
	const struct realm *x = a, *y = b;
	int order = strcasecmp(x->name, y->name);

	return order               ? order
		: x->vrf != y->vrf ? (x->vrf < y->vrf ? -1 : 1)
				   : (int)x->at - (int)y->at;
}

/* A realm leads into one VRF. */
static int check_realms(struct config_draft *draft)
{
	const struct config *config = draft->config;
	struct realm *realms;
	unsigned int n = 0;

	for (unsigned int i = 0; i < config->n_vrfs; i++)
		n += config->vrfs[i].n_realms;
	realms = calloc(n + 1, sizeof(*realms));
	if (!realms)
		return -ENOMEM;
	n = 0;
	for (unsigned int i = 0; i < config->n_vrfs; i++)
		for (unsigned int j = 0; j < config->vrfs[i].n_realms; j++)
			if (config->vrfs[i].realms[j])
				realms[n++] = (struct realm){config->vrfs[i].realms[j], i, j};
	qsort(realms, n, sizeof(*realms), realm_compare);
	for (unsigned int i = 1; i < n; i++)
		if (!strcasecmp(realms[i].name, realms[i - 1].name))
			draft_error(draft,
				place_element(
					"vrfs", draft->vrfs, realms[i].vrf, "realms", realms[i].at),
				"%s, expected a realm of its own (VRF %s has it)", realms[i].name,
				config->vrfs[realms[i - 1].vrf].name);
	free(realms);
	return 0;
}

int draft_vrf_check(struct config_draft *draft)
{
	for (unsigned int i = 0; i < draft->config->n_vrfs; i++)
		check_pools(draft, i);
	return check_realms(draft);
}

int config_vrf_of_user(const struct config *config, const uint8_t *user, size_t length)
{
	const uint8_t *at = length ? memrchr(user, '@', length) : NULL;
	size_t realm_length = at ? length - (size_t)(at + 1 - user) : 0;

	for (unsigned int i = 0; realm_length && i < config->n_vrfs; i++)
		for (unsigned int j = 0; j < config->vrfs[i].n_realms; j++)
			if (strlen(config->vrfs[i].realms[j]) == realm_length &&
				!strncasecmp(config->vrfs[i].realms[j], (const char *)at + 1,
					realm_length))
				return (int)i;
	return -1;
}

int config_pool_of_vrf(const struct config *config, unsigned int vrf)
{
	int pool = config->vrfs[vrf].pool;

	if (pool >= 0)
		return pool;
	pool = config->subscribers.pool;
	return pool >= 0 && config->pools[pool].vrf == vrf ? pool : -1;
}
