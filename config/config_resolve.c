/* SPDX-License-Identifier: BSD-3-Clause */
/* Turns names into indices, and fills in what the file leaves out and other values decide. */
#include "draft.h"
#include "address.h"
#include "value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MBUFS_DEFAULT     65536
#define MEMORY_DEFAULT_MB 512 /* without hugepages, where EAL would take 64 MB */

/* The nodes of a list, as many as were read; NULL: no memory. */
static const struct yaml_node **list_nodes(
	const struct yaml_node *root, const char *section, unsigned int n)
{
	const struct yaml_node **nodes = calloc(n + 1, sizeof(struct yaml_node *));
	const struct yaml_node *list = yaml_node_find(root, section), *child;
	unsigned int i = 0;

	if (!nodes || !n)
		return nodes;
	for (child = list->first; child && i < n; child = child->next)
		nodes[i++] = child;
	return nodes;
}

/* The default VRF comes first, whether the file names it or not. */
static int vrfs_resolve(struct config_draft *draft)
{
	struct config *config = draft->config;
	unsigned int i, n = config->n_vrfs, named = n;
	struct config_vrf *vrfs, *old = config->vrfs;
	const struct yaml_node **nodes = draft->vrfs;

	for (i = n; i-- > 0;)
		if (!strcmp(old[i].name, "default"))
			named = i;
	vrfs = calloc(n + 1, sizeof(*vrfs));
	draft->vrfs = calloc(n + 1, sizeof(*draft->vrfs));
	if (!vrfs || !draft->vrfs) {
		free(vrfs);
		free(nodes);
		return -ENOMEM;
	}
	config->vrfs = vrfs;
	config->n_vrfs = 1;
	strcpy(vrfs[0].name, "default");
	for (i = 0; i < n; i++) {
		unsigned int to = i == named ? 0 : config->n_vrfs++;

		vrfs[to] = old[i];
		draft->vrfs[to] = nodes[i];
		vrfs[to].line = nodes[i]->line;
	}
	if (!vrfs[0].table)
		vrfs[0].table = 254;
	for (i = 0; i < config->n_vrfs; i++)
		if (!*vrfs[i].tun)
			snprintf(vrfs[i].tun, sizeof(vrfs[i].tun), "lns%u", i);
	free(old);
	free(nodes);
	return 0;
}

/*
 * The index of the element with the name that the file gives at place: names stand at the start of
 * each element. -1: not given; -2: reported.
 */
int draft_reference(struct config_draft *draft, struct draft_place place, const void *elements,
	size_t size, unsigned int n, const char *what)
{
	const struct yaml_node *node = draft_node(draft, place);
	const char *names[CONFIG_VRFS_MAX + 2], *nearest;
	const char *element = elements;
	char excerpt[VALUE_TEXT_MAX];
	unsigned int i;

	if (!draft_given(draft, place))
		return -1;
	if (node->kind != YAML_SCALAR || node->refused || yaml_node_null(node))
		return DRAFT_POOL_UNKNOWN; /* the reader has reported it */
	for (i = 0; i < n; i++, element += size)
		if (!strcmp(element, node->text) && strlen(element) == node->length)
			return (int)i;
	for (i = 0, element = elements; i < n && i <= CONFIG_VRFS_MAX; i++, element += size)
		names[i] = element;
	names[i] = NULL;
	nearest = value_nearest(node->text, names);
	draft_error(draft, place, "%s, expected the name of a %s%s%s%s",
		value_excerpt(node->text, node->length, excerpt), what,
		nearest ? " (did you mean " : "", nearest ? nearest : "", nearest ? "?)" : "");
	return DRAFT_POOL_UNKNOWN;
}

static unsigned int vrf_reference(struct config_draft *draft, struct draft_place place)
{
	const struct config *config = draft->config;
	int index = draft_reference(
		draft, place, config->vrfs, sizeof(*config->vrfs), config->n_vrfs, "VRF");

	return index == -1 ? 0 : index < 0 ? DRAFT_VRF_UNKNOWN : (unsigned int)index;
}

static int pool_reference(struct config_draft *draft, struct draft_place place)
{
	const struct config *config = draft->config;

	return draft_reference(
		draft, place, config->pools, sizeof(*config->pools), config->n_pools, "pool");
}

static void lists_resolve(struct config_draft *draft)
{
	struct config *config = draft->config;
	unsigned int i;

	for (i = 0; i < config->n_interfaces; i++) {
		config->interfaces[i].vrf =
			vrf_reference(draft, place_item("interfaces", draft->interfaces, i, "vrf"));
		config->interfaces[i].line = draft->interfaces[i]->line;
	}
	for (i = 0; i < config->n_pools; i++) {
		config->pools[i].vrf =
			vrf_reference(draft, place_item("pools", draft->pools, i, "vrf"));
		config->pools[i].line = draft->pools[i]->line;
	}
	for (i = 0; i < config->n_users; i++) {
		struct config_user *user = &config->users[i];

		user->vrf = vrf_reference(draft, place_item("users", draft->users, i, "vrf"));
		user->pool = pool_reference(draft, place_item("users", draft->users, i, "pool"));
		user->wildcard = strchr(user->name, '*') != NULL;
		user->line = draft->users[i]->line;
	}
	for (i = 0; i < config->n_sas; i++) {
		struct config_sa *sa = &config->sas[i];

		sa->vrf = vrf_reference(
			draft, place_item("security-associations", draft->sas, i, "vrf"));
		if (!draft_given(draft,
			    place_item("security-associations", draft->sas, i, "replay-window")))
			sa->replay_window = config->ipsec.replay_window;
		sa->line = draft->sas[i]->line;
	}
	for (i = 0; i < config->n_peers; i++) {
		struct config_peer *peer = &config->peers[i];

		if (!*peer->local_name)
			strcpy(peer->local_name, config->lns.host_name);
		if (!draft_given(draft, place_item("peers", draft->peers, i, "challenge")))
			peer->challenge = *peer->secret != '\0';
		peer->line = draft->peers[i]->line;
	}
}

static void dpdk_resolve(struct config_draft *draft)
{
	struct config_dpdk *dpdk = &draft->config->dpdk;
	unsigned int i;
	uint64_t most;

	if (!draft_given(draft, place_key("dpdk", "worker-cores"))) {
		dpdk->n_workers = 1;
		dpdk->worker_cores[0] = 1;
	}
	for (i = dpdk->n_workers; i < CONFIG_WORKERS_MAX; i++)
		dpdk->worker_cores[i] = -1;
	/* Workers that poll on one CPU starve each other. */
	if (dpdk->share_cores && !draft_given(draft, place_key("dpdk", "idle")))
		dpdk->idle = CONFIG_IDLE_SLEEP;
	if (!draft_given(draft, place_key("dpdk", "iova-mode")))
		dpdk->iova_va = !dpdk->hugepages || !dpdk->n_devices;
	if (!dpdk->hugepages && !draft_given(draft, place_key("dpdk", "memory")))
		dpdk->memory_mb = MEMORY_DEFAULT_MB;
	if (!draft_given(draft, place_key("dpdk", "mbufs"))) {
		/* Twice what fills every ring, half of the memory at most. */
		uint64_t rings = (uint64_t)draft->config->n_interfaces * dpdk->n_workers *
			(dpdk->rx_descriptors + dpdk->tx_descriptors);
		uint64_t mbufs = 2 * rings > MBUFS_DEFAULT ? 2 * rings : MBUFS_DEFAULT;

		most = ((uint64_t)dpdk->memory_mb << 20) / 2 / CONFIG_MBUF_BYTES;
		if (most && mbufs > most)
			mbufs = most;
		dpdk->mbufs = (uint32_t)mbufs;
	}
}

static void subscribers_resolve(struct config_draft *draft)
{
	struct config *config = draft->config;
	struct config_subscribers *subscribers = &config->subscribers;
	unsigned int i, j, pass;

	if (!draft_given(draft, place_key("subscribers", "auth"))) {
		static const uint8_t order[] = {
			CONFIG_AUTH_CHAP, CONFIG_AUTH_MSCHAPV2, CONFIG_AUTH_PAP};

		memcpy(subscribers->auth, order, sizeof(order));
		subscribers->n_auth = sizeof(order);
	}
	if (!draft_given(draft, place_key("subscribers", "max-sessions")))
		subscribers->max_sessions = config->dpdk.max_sessions;
	subscribers->pool = pool_reference(draft, place_key("subscribers", "pool"));
	if (subscribers->pool == -1 && config->n_pools == 1)
		subscribers->pool = 0;
	if (draft_given(draft, place_key("subscribers", "local-address")))
		return;
	/* Unnumbered, as a router would: an address towards the core, else towards the LACs. */
	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < config->n_interfaces; i++) {
			const struct config_interface *interface = &config->interfaces[i];

			if (!pass && !(interface->role & CONFIG_ROLE_CORE))
				continue;
			for (j = 0; j < interface->n_addresses; j++) {
				if (interface->addresses[j].addr.family == 4) {
					subscribers->local_address = interface->addresses[j].addr;
					return;
				}
			}
		}
	}
}

/* A port that the kernel also sees (any vdev) wants the TAPs out of its sight. */
static void kernel_resolve(struct config_draft *draft)
{
	struct config_kernel *kernel = &draft->config->kernel;
	unsigned int i;

	if (kernel->netns_mode != CONFIG_NETNS_AUTO)
		return;
	kernel->netns_mode = CONFIG_NETNS_ROOT;
	for (i = 0; i < draft->config->n_interfaces; i++) {
		const char *device = draft->config->interfaces[i].device, *end;
		char pci[VALUE_PCI_MAX];

		if (*device && value_pci(device, pci, &end)) {
			kernel->netns_mode = CONFIG_NETNS_NAMED;
			strcpy(kernel->netns, "lnsd");
		}
	}
}

int draft_resolve(struct config_draft *draft)
{
	struct config *config = draft->config;

	draft->interfaces = list_nodes(draft->root, "interfaces", config->n_interfaces);
	draft->peers = list_nodes(draft->root, "peers", config->n_peers);
	draft->users = list_nodes(draft->root, "users", config->n_users);
	draft->pools = list_nodes(draft->root, "pools", config->n_pools);
	draft->prefix_pools = list_nodes(draft->root, "prefix-pools", config->n_prefix_pools);
	draft->vrfs = list_nodes(draft->root, "vrfs", config->n_vrfs);
	draft->sas = list_nodes(draft->root, "security-associations", config->n_sas);
	draft->radius_servers = list_nodes(draft->root, "radius-servers", config->n_radius_servers);
	draft->radius_clients = list_nodes(draft->root, "radius-clients", config->n_radius_clients);
	draft->policies = list_nodes(draft->root, "policies", config->n_policies);
	if (!draft->interfaces || !draft->peers || !draft->users || !draft->pools ||
		!draft->prefix_pools || !draft->vrfs || !draft->sas || !draft->radius_servers ||
		!draft->policies || !draft->radius_clients)
		return -ENOMEM;
	if (vrfs_resolve(draft))
		return -ENOMEM;
	if (!draft_given(draft, place_key("lns", "host-name")) &&
		(gethostname(config->lns.host_name, sizeof(config->lns.host_name) - 1) ||
			!*config->lns.host_name))
		strcpy(config->lns.host_name, "lnsd");
	lists_resolve(draft);
	draft_ipv6_resolve(draft);
	draft_vrf_resolve(draft);
	dpdk_resolve(draft);
	subscribers_resolve(draft);
	kernel_resolve(draft);
	draft_resolve_radius(draft);
	return 0;
}

int draft_finish(struct config_draft *draft)
{
	struct config *config = draft->config;
	unsigned int i;

	for (i = 0; i < config->n_pools; i++) {
		struct config_pool *pool = &config->pools[i];
		/* One more: the local address may cut a range in two. */
		struct ip_range *ranges =
			realloc(pool->ranges, (pool->n_ranges + 1) * sizeof(*ranges));

		if (!ranges)
			return -ENOMEM;
		pool->ranges = ranges;
		pool->n_ranges = ip_ranges_join(ranges, pool->n_ranges);
		pool->n_aggregates = ip_ranges_aggregate(ranges, pool->n_ranges, NULL);
		pool->aggregates = calloc(pool->n_aggregates + 1, sizeof(*pool->aggregates));
		if (!pool->aggregates)
			return -ENOMEM;
		ip_ranges_aggregate(ranges, pool->n_ranges, pool->aggregates);
		pool->n_ranges = ip_ranges_exclude(
			ranges, pool->n_ranges, &config->subscribers.local_address);
	}
	return config_users_index(config);
}

void draft_free(struct config_draft *draft)
{
	free(draft->interfaces);
	free(draft->peers);
	free(draft->users);
	free(draft->pools);
	free(draft->prefix_pools);
	free(draft->vrfs);
	free(draft->sas);
	free(draft->radius_servers);
	free(draft->policies);
	free(draft->radius_clients);
}
