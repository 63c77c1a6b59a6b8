/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks values against each other: names, references, cores, memory, limits. */
#include "draft.h"
#include "value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WILDCARDS_SLOW_MAX 1024 /* wildcards that do not begin with '*' are searched one by one */

struct named {
	const char *name;
	unsigned int index;
};

static int named_order(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : x->index < y->index ? -1 : 1;
}

/* Names stand at the start of each element. */
static int check_names(struct config_draft *draft, const char *section,
	const struct yaml_node **nodes, const void *elements, size_t size, unsigned int n,
	const char *what)
{
	struct named *names = calloc(n + 1, sizeof(*names));
	unsigned int i, count = 0;

	if (!names)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		const char *name = (const char *)elements + i * size;

		if (*name && nodes[i])
			names[count++] = (struct named){name, i};
	}
	qsort(names, count, sizeof(*names), named_order);
	for (i = 1; i < count; i++) {
		char excerpt[VALUE_TEXT_MAX];

		if (strcmp(names[i].name, names[i - 1].name))
			continue;
		draft_error(draft, place_item(section, nodes, names[i].index, "name"),
			"%s, expected a name that no other %s has (line %u has it)",
			value_excerpt(names[i].name, strlen(names[i].name), excerpt), what,
			nodes[names[i - 1].index]->line);
	}
	free(names);
	return 0;
}

static bool device_is(const char *device, const char *name)
{
	size_t n = strlen(name);

	return device && !strncmp(device, name, n) && (!device[n] || device[n] == ',');
}

static void check_device_names(struct config_draft *draft)
{
	const struct config_dpdk *dpdk = &draft->config->dpdk;
	unsigned int n = dpdk->n_devices + dpdk->n_vdevs, i, j;

	for (i = 0; i < n; i++) {
		bool vdev = i >= dpdk->n_devices;
		const char *device = vdev ? dpdk->vdevs[i - dpdk->n_devices] : dpdk->devices[i];
		struct draft_place place = place_key("dpdk", vdev ? "vdevs" : "devices");
		char name[CONFIG_NAME_MAX] = "";

		if (device)
			memccpy(name, device, ',', sizeof(name) - 1);
		name[strcspn(name, ",")] = '\0';
		for (j = 0; *name && j < i; j++) {
			if (!device_is(j >= dpdk->n_devices ? dpdk->vdevs[j - dpdk->n_devices]
							    : dpdk->devices[j],
				    name))
				continue;
			place.element = (int)(vdev ? i - dpdk->n_devices : i);
			draft_error(draft, place, "%s, expected each device only once", name);
			break;
		}
	}
}

static void check_interface_device(struct config_draft *draft, unsigned int index)
{
	const struct config_dpdk *dpdk = &draft->config->dpdk;
	const struct config_interface *interfaces = draft->config->interfaces;
	const struct config_interface *interface = &interfaces[index];
	struct draft_place place = place_item("interfaces", draft->interfaces, index, "device");
	unsigned int i;
	bool found = false;

	for (i = 0; i < dpdk->n_devices; i++)
		found |= device_is(dpdk->devices[i], interface->device);
	for (i = 0; i < dpdk->n_vdevs; i++)
		found |= device_is(dpdk->vdevs[i], interface->device);
	if (!found)
		draft_error(draft, place, "%s, expected a device of dpdk.devices or dpdk.vdevs",
			interface->device);
	for (i = 0; i < index; i++) {
		if (strcmp(interfaces[i].device, interface->device) ||
			interfaces[i].vlan != interface->vlan ||
			interfaces[i].outer_vlan != interface->outer_vlan)
			continue;
		draft_error(draft, place,
			"%s, expected a device and VLAN that no other interface has (line %u has "
			"it)",
			interface->device, draft->interfaces[i]->line);
		break;
	}
}

static void check_interfaces(struct config_draft *draft)
{
	const struct config *config = draft->config;
	unsigned int i, j, roles = 0;

	for (i = 0; i < config->n_interfaces; i++) {
		const struct config_interface *interface = &config->interfaces[i];
		const struct yaml_node **nodes = draft->interfaces;

		roles |= interface->role;
		if (*interface->device)
			check_interface_device(draft, i);
		if (interface->outer_vlan && !interface->vlan)
			draft_error(draft, place_item("interfaces", nodes, i, "outer-vlan"),
				"%u without vlan, expected both tags of a QinQ interface",
				interface->outer_vlan);
		if (interface->role & CONFIG_ROLE_ACCESS && nodes[i]->kind == YAML_MAPPING &&
			!draft_given(draft, place_item("interfaces", nodes, i, "addresses")))
			draft_error(draft, place_item("interfaces", nodes, i, "addresses"),
				"not given, expected an address that LACs connect to");
		for (j = 0; j < interface->n_addresses; j++) {
			if (interface->addresses[j].addr.family != 6 || interface->mtu >= 1280)
				continue;
			draft_error(draft, place_item("interfaces", nodes, i, "mtu"),
				"%u with an IPv6 address, expected 1280 or more", interface->mtu);
			break;
		}
		for (j = 0; j < config->n_vrfs; j++)
			if (*interface->name && !strcmp(config->vrfs[j].tun, interface->name))
				draft_error(draft, place_item("interfaces", nodes, i, "name"),
					"%s, expected a name other than the TUN's of VRF %s",
					interface->name, config->vrfs[j].name);
	}
	if (config->n_interfaces && !(roles & CONFIG_ROLE_ACCESS))
		draft_error(draft, place_key("interfaces", NULL),
			"no interface with role access or both, expected one for the LACs");
	if (config->n_interfaces && !(roles & CONFIG_ROLE_CORE))
		draft_error(draft, place_key("interfaces", NULL),
			"no interface with role core or both, expected one towards the internet");
}

static void check_cores(struct config_draft *draft)
{
	const struct config_dpdk *dpdk = &draft->config->dpdk;
	unsigned int i, j;

	for (i = 0; i < dpdk->n_workers && !dpdk->share_cores; i++) {
		if (dpdk->worker_cores[i] == dpdk->main_core)
			draft_error(draft, place_key("dpdk", "worker-cores"),
				"CPU %d is main-core too, expected a CPU of its own for each "
				"(labs: share-cores: true)",
				dpdk->main_core);
		for (j = 0; j < i; j++)
			if (dpdk->worker_cores[j] == dpdk->worker_cores[i])
				break;
		if (j < i)
			draft_error(draft, place_key("dpdk", "worker-cores"),
				"CPU %d stands twice, expected a CPU of its own for each "
				"(labs: share-cores: true)",
				dpdk->worker_cores[i]);
	}
}

static unsigned int device_count(const struct config *config)
{
	unsigned int i, j, n = 0;

	for (i = 0; i < config->n_interfaces; i++) {
		for (j = 0; j < i; j++)
			if (!strcmp(config->interfaces[i].device, config->interfaces[j].device))
				break;
		n += j == i;
	}
	return n;
}

static void check_memory(struct config_draft *draft)
{
	const struct config_dpdk *dpdk = &draft->config->dpdk;
	unsigned int ports = device_count(draft->config);
	uint64_t rings =
		(uint64_t)ports * dpdk->n_workers * (dpdk->rx_descriptors + dpdk->tx_descriptors);
	uint64_t mb = ((uint64_t)dpdk->mbufs * CONFIG_MBUF_BYTES >> 20) + 1;

	if (ports > CONFIG_PORTS_MAX)
		draft_error(draft, place_key("interfaces", NULL),
			"interfaces on %u devices, expected at most %u devices", ports,
			CONFIG_PORTS_MAX);
	if (!dpdk->hugepages && !dpdk->memory_mb)
		draft_error(draft, place_key("dpdk", "memory"),
			"0 without hugepages, expected a number of megabytes from 64 to 1048576");
	if (dpdk->rx_descriptors & (dpdk->rx_descriptors - 1))
		draft_error(draft, place_key("dpdk", "rx-descriptors"),
			"%u, expected a power of two", dpdk->rx_descriptors);
	if (dpdk->tx_descriptors & (dpdk->tx_descriptors - 1))
		draft_error(draft, place_key("dpdk", "tx-descriptors"),
			"%u, expected a power of two", dpdk->tx_descriptors);
	if (dpdk->mbufs < rings)
		draft_error(draft, place_key("dpdk", "mbufs"),
			"%u, expected at least %llu (%u ports x %u workers x %u descriptors)",
			dpdk->mbufs, (unsigned long long)rings, ports, dpdk->n_workers,
			dpdk->rx_descriptors + dpdk->tx_descriptors);
	if (dpdk->memory_mb && mb > dpdk->memory_mb)
		draft_error(draft, place_key("dpdk", "memory"),
			"%u MB, expected at least %llu MB for %u packet buffers", dpdk->memory_mb,
			(unsigned long long)mb, dpdk->mbufs);
}

static void check_peers(struct config_draft *draft)
{
	const struct config *config = draft->config;
	const struct yaml_node **nodes = draft->peers;
	unsigned int i;

	for (i = 0; i < config->n_peers; i++) {
		const struct config_peer *peer = &config->peers[i];
		bool inline_ = draft_given(draft, place_item("peers", nodes, i, "secret"));
		bool file = draft_given(draft, place_item("peers", nodes, i, "secret-file"));

		if (inline_ && file)
			draft_error(draft, place_item("peers", nodes, i, "secret-file"),
				"given beside secret, expected one of the two");
		if (peer->challenge && !inline_ && !file)
			draft_error(draft, place_item("peers", nodes, i, "challenge"),
				"true without a secret, expected secret or secret-file too");
		if (peer->retry_cap && peer->retry_interval > peer->retry_cap)
			draft_error(draft, place_item("peers", nodes, i, "retry-interval"),
				"%u ms, expected no more than retry-cap (%u ms)",
				peer->retry_interval, peer->retry_cap);
	}
}

static bool user_has_ipv6(const struct config *config, const struct config_user *user)
{
	return user->ipv6_prefix.addr.family || user->ipv6_delegated.addr.family ||
		user->ipv6_address.family || user->ipv6_pool != -1 ||
		user->ipv6_delegated_pool != -1 || config->ipv6.pool != -1 ||
		config->ipv6.delegated_pool != -1 ||
		(user->vrf != DRAFT_VRF_UNKNOWN &&
			(config->vrfs[user->vrf].ipv6_pool != -1 ||
				config->vrfs[user->vrf].ipv6_delegated_pool != -1));
}

static void check_user_limits(struct config_draft *draft, unsigned int index)
{
	const struct config *config = draft->config;
	const struct config_user *user = &config->users[index];
	const struct yaml_node **nodes = draft->users;
	int pool = user->pool;

	if (user->wildcard && user->address.family)
		draft_error(draft, place_item("users", nodes, index, "address"),
			"a fixed address for a wildcard, expected a pool");
	if (user->wildcard && user->n_routes)
		draft_error(draft, place_item("users", nodes, index, "routes"),
			"routes for a wildcard, expected them at users of one name");
	if (pool == -1 && user->vrf != DRAFT_VRF_UNKNOWN)
		pool = config->vrfs[user->vrf].pool;
	if (pool == -1)
		pool = config->subscribers.pool;
	if (draft_given(draft, place_item("users", nodes, index, "address"))) {
		if (user->pool >= 0)
			draft_error(draft, place_item("users", nodes, index, "pool"),
				"given beside address, expected one of the two");
		return;
	}
	if (pool == -1 && !user_has_ipv6(config, user))
		draft_error(draft, place_item("users", nodes, index, NULL),
			"no address and no pool, expected address, pool or subscribers.pool");
	else if (pool >= 0 && user->vrf != DRAFT_VRF_UNKNOWN &&
		config->pools[pool].vrf != DRAFT_VRF_UNKNOWN &&
		config->pools[pool].vrf != user->vrf)
		draft_error(draft, place_item("users", nodes, index, "pool"),
			"pool %s is in VRF %s, expected a pool in the user's VRF %s",
			config->pools[pool].name, config->vrfs[config->pools[pool].vrf].name,
			config->vrfs[user->vrf].name);
}

static void check_users(struct config_draft *draft)
{
	const struct config *config = draft->config;
	const struct yaml_node **nodes = draft->users;
	unsigned int i, slow = 0;

	for (i = 0; i < config->n_users; i++) {
		const struct config_user *user = &config->users[i];
		bool inline_, file;

		if (nodes[i]->kind != YAML_MAPPING)
			continue; /* reported by the reader */
		inline_ = draft_given(draft, place_item("users", nodes, i, "password"));
		file = draft_given(draft, place_item("users", nodes, i, "password-file"));
		if (!inline_ && !file)
			draft_error(draft, place_item("users", nodes, i, "password"),
				"not given, expected password or password-file");
		if (inline_ && file)
			draft_error(draft, place_item("users", nodes, i, "password-file"),
				"given beside password, expected one of the two");
		check_user_limits(draft, i);
		if (user->wildcard && *user->name != '*' && ++slow == WILDCARDS_SLOW_MAX + 1)
			draft_error(draft, place_item("users", nodes, i, "name"),
				"more than %u wildcards that do not begin with *, expected fewer",
				WILDCARDS_SLOW_MAX);
	}
}

static void check_vrfs(struct config_draft *draft)
{
	const struct config *config = draft->config;
	unsigned int i, j;

	if (config->n_vrfs > CONFIG_VRFS_MAX)
		draft_error(draft, place_key("vrfs", NULL),
			"%u with the default one, expected at most %u", config->n_vrfs,
			CONFIG_VRFS_MAX);
	for (i = 0; i < config->n_vrfs; i++) {
		const struct config_vrf *vrf = &config->vrfs[i];

		if (!draft->vrfs[i])
			continue;
		if (!draft_given(draft, place_item("vrfs", draft->vrfs, i, "table")) && i)
			draft_error(draft, place_item("vrfs", draft->vrfs, i, "table"),
				"not given, expected the number of a kernel routing table");
		if (vrf->table == 253 || vrf->table == 255 || (i && vrf->table == 254))
			draft_error(draft, place_item("vrfs", draft->vrfs, i, "table"),
				"%u, expected a table that the kernel does not use itself (253 to "
				"255)",
				vrf->table);
		for (j = 0; j < i; j++) {
			if (vrf->table && vrf->table == config->vrfs[j].table && vrf->table != 254)
				draft_error(draft, place_item("vrfs", draft->vrfs, i, "table"),
					"%u, expected a table of its own (VRF %s has it)",
					vrf->table, config->vrfs[j].name);
			if (!strcmp(vrf->tun, config->vrfs[j].tun))
				draft_error(draft, place_item("vrfs", draft->vrfs, i, "tun"),
					"%s, expected a name of its own (VRF %s has it)", vrf->tun,
					config->vrfs[j].name);
		}
	}
}

/* Numbers of /etc/iproute2/rt_protos: another daemon would take our routes for its own. */
static void check_kernel(struct config_draft *draft)
{
	static const struct {
		uint8_t protocol;
		const char *owner;
	} known[] = {{8, "mrouted's"}, {9, "router advertisements'"}, {10, "mrtd's"},
		{11, "zebra's"}, {12, "BIRD's"}, {14, "XORP's"}, {15, "Netsukuku's"},
		{16, "DHCP's"}, {17, "mrouted's"}, {18, "keepalived's"}, {42, "Babel's"},
		{99, "Open/R's"}, {186, "BGP's"}, {187, "IS-IS's"}, {188, "OSPF's"}, {189, "RIP's"},
		{192, "EIGRP's"}};
	unsigned int protocol = draft->config->kernel.route_protocol, i;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (protocol == known[i].protocol)
			draft_error(draft, place_key("kernel", "route-protocol"),
				"%u is %s, expected a number that is free on this host", protocol,
				known[i].owner);
}

static void check_sessions(struct config_draft *draft)
{
	const struct config *config = draft->config;
	const struct config_lns *lns = &config->lns;
	unsigned int i;

	if (config->subscribers.max_sessions > config->dpdk.max_sessions)
		draft_error(draft, place_key("subscribers", "max-sessions"),
			"%u, expected no more than dpdk.max-sessions (%u)",
			config->subscribers.max_sessions, config->dpdk.max_sessions);
	for (i = 0; i < config->n_peers; i++)
		if (config->peers[i].max_sessions > config->dpdk.max_sessions)
			draft_error(draft, place_item("peers", draft->peers, i, "max-sessions"),
				"%u, expected no more than dpdk.max-sessions (%u)",
				config->peers[i].max_sessions, config->dpdk.max_sessions);
	if (lns->half_open_per_source > lns->half_open_max)
		draft_error(draft, place_key("lns", "half-open-per-source"),
			"%u, expected no more than half-open-max (%u)", lns->half_open_per_source,
			lns->half_open_max);
}

int draft_check(struct config_draft *draft)
{
	const struct config *config = draft->config;

	if (check_names(draft, "interfaces", draft->interfaces, config->interfaces,
		    sizeof(*config->interfaces), config->n_interfaces, "interface") ||
		check_names(draft, "peers", draft->peers, config->peers, sizeof(*config->peers),
			config->n_peers, "peer") ||
		check_names(draft, "users", draft->users, config->users, sizeof(*config->users),
			config->n_users, "user") ||
		check_names(draft, "pools", draft->pools, config->pools, sizeof(*config->pools),
			config->n_pools, "pool") ||
		check_names(draft, "vrfs", draft->vrfs, config->vrfs, sizeof(*config->vrfs),
			config->n_vrfs, "VRF") ||
		check_names(draft, "security-associations", draft->sas, config->sas,
			sizeof(*config->sas), config->n_sas, "security association") ||
		draft_check_sas(draft) ||
		check_names(draft, "radius-servers", draft->radius_servers, config->radius_servers,
			sizeof(*config->radius_servers), config->n_radius_servers,
			"RADIUS server") ||
		check_names(draft, "radius-clients", draft->radius_clients, config->radius_clients,
			sizeof(*config->radius_clients), config->n_radius_clients,
			"RADIUS client") ||
		check_names(draft, "policies", draft->policies, config->policies,
			sizeof(*config->policies), config->n_policies, "policy"))
		return -ENOMEM;
	check_device_names(draft);
	check_interfaces(draft);
	check_cores(draft);
	check_memory(draft);
	check_peers(draft);
	check_users(draft);
	check_vrfs(draft);
	check_kernel(draft);
	check_sessions(draft);
	draft_check_radius(draft);
	if (draft_ipv6_check(draft) || draft_vrf_check(draft))
		return -ENOMEM;
	return draft_check_addresses(draft);
}
