/* SPDX-License-Identifier: BSD-3-Clause */
/* Feeds texts to the YAML tree and the configuration above it, and checks what they promise. */
#include <config/config.h>
#include <config/yaml.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(condition)                                                                 \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

/* Returns how many nodes there are. */
static unsigned int node_check(const struct yaml_node *node, unsigned int depth)
{
	const struct yaml_node *child;
	unsigned int n = 0, nodes = 1;

	MUST(depth <= YAML_DEPTH_MAX);
	MUST(node->line && node->column);
	if (node->kind == YAML_SCALAR) {
		MUST(!node->first && node->text);
		MUST(node->length <= YAML_SCALAR_MAX && node->text[node->length] == '\0');
		return 1;
	}
	for (child = node->first; child; child = child->next, n++) {
		if (node->kind == YAML_MAPPING) {
			MUST(child->key && child->key[child->key_length] == '\0');
			MUST(child->key_line && child->key_column);
			MUST(child->key_first <= child->key_line);
		}
		nodes += node_check(child, depth + 1);
	}
	MUST(n == node->n);
	MUST(node->kind == YAML_SEQUENCE || n <= YAML_KEYS_MAX);
	return nodes;
}

static void tree_check(const uint8_t *data, size_t size)
{
	struct yaml_error error;
	struct yaml_tree tree;
	int ret = yaml_tree_parse(&tree, data, size, &error);

	if (ret) {
		MUST(!tree.root && !tree.chunks);
		MUST(error.line && error.column && *error.text);
		return;
	}
	MUST(node_check(tree.root, 0) == tree.n_nodes);
	yaml_tree_free(&tree);
}

/* What config.h promises of every tree that loads. */
static void config_check(const struct config *config)
{
	unsigned int i, j;

	MUST(*config->lns.host_name && *config->lns.control_socket == '/');
	MUST(config->dpdk.n_workers >= 1 && config->dpdk.n_workers <= CONFIG_WORKERS_MAX);
	MUST(config->n_interfaces >= 1 && config->n_interfaces <= CONFIG_INTERFACES_MAX);
	MUST(config->n_vrfs >= 1 && config->n_vrfs <= CONFIG_VRFS_MAX);
	MUST(!strcmp(config->vrfs[0].name, "default"));
	MUST(config->kernel.netns_mode != CONFIG_NETNS_AUTO);
	MUST(config->subscribers.local_address.family == 4);
	MUST(config->subscribers.pool >= -1);
	MUST(config->subscribers.pool < (int)config->n_pools);
	for (i = 0; i < config->n_interfaces; i++) {
		const struct config_interface *interface = &config->interfaces[i];

		MUST(*interface->name && *interface->device && interface->vrf < config->n_vrfs);
		for (j = 0; j < interface->n_addresses; j++)
			MUST(interface->addresses[j].addr.family);
	}
	for (i = 0; i < config->n_peers; i++) {
		const struct config_peer *peer = &config->peers[i];

		MUST(*peer->name && peer->n_sources && peer->retry_cap >= 8000);
		MUST(!peer->challenge || *peer->secret);
	}
	for (i = 0; i < config->n_users; i++) {
		const struct config_user *user = &config->users[i];

		MUST(*user->password && user->vrf < config->n_vrfs);
		MUST(user->pool >= -1 && user->pool < (int)config->n_pools);
		if (!user->wildcard)
			MUST(config_user_find(config, user->name) == user);
		else
			MUST(config_user_find(config, user->name)->line <= user->line);
		if (user->address.family)
			MUST(config_address_reserved(config, user->vrf, &user->address));
	}
	for (i = 0; i < config->n_pools; i++) {
		const struct config_pool *pool = &config->pools[i];

		MUST(pool->n_aggregates && pool->vrf < config->n_vrfs);
		for (j = 0; j < pool->n_ranges; j++)
			MUST(memcmp(pool->ranges[j].first.bytes, pool->ranges[j].last.bytes, 4) <=
				0);
		for (j = 1; j < pool->n_ranges; j++)
			MUST(memcmp(pool->ranges[j - 1].last.bytes, pool->ranges[j].first.bytes,
				     4) < 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_errors errors;
	struct config *config, *again;
	unsigned int i;

	tree_check(data, size);
	if (config_parse("fuzz", data, size, &config, &errors)) {
		MUST(!config && errors.n);
		for (i = 0; i < errors.n; i++) {
			MUST(strstr(errors.text[i], ": "));
		}
		config_errors_free(&errors);
		return 0;
	}
	MUST(!errors.n);
	config_check(config);
	MUST(!config_parse("fuzz", data, size, &again, &errors));
	MUST(!config_restart_needed(config, again, NULL));
	config_free(again);
	config_free(config);
	return 0;
}
