/* SPDX-License-Identifier: BSD-3-Clause */
/* The AAA's part of the configuration: what follows from other values, checks, look-ups. */
#include "draft.h"

#include <string.h>

void draft_resolve_radius(struct config_draft *draft)
{
	struct config *config = draft->config;
	unsigned int i;

	if (!*config->radius.nas_identifier)
		strcpy(config->radius.nas_identifier, config->lns.host_name);
	if (!draft_given(draft, place_key("aaa", "order"))) {
		config->aaa.n_order = 1;
		config->aaa.order[0] = CONFIG_AAA_LOCAL;
		for (i = 0; i < config->n_radius_servers; i++)
			if (config->radius_servers[i].auth_port)
				config->aaa.order[0] = CONFIG_AAA_RADIUS;
	}
	for (i = 0; i < config->n_radius_servers; i++)
		config->radius_servers[i].line = draft->radius_servers[i]->line;
	for (i = 0; i < config->n_radius_clients; i++)
		config->radius_clients[i].line = draft->radius_clients[i]->line;
	for (i = 0; i < config->n_policies; i++)
		config->policies[i].line = draft->policies[i]->line;
}

static void check_secret(struct config_draft *draft, const char *section,
	const struct yaml_node **nodes, unsigned int index)
{
	bool inline_ = draft_given(draft, place_item(section, nodes, index, "secret"));
	bool file = draft_given(draft, place_item(section, nodes, index, "secret-file"));

	if (nodes[index]->kind != YAML_MAPPING)
		return; /* reported by the reader */
	if (!inline_ && !file)
		draft_error(draft, place_item(section, nodes, index, "secret"),
			"not given, expected secret or secret-file");
	if (inline_ && file)
		draft_error(draft, place_item(section, nodes, index, "secret-file"),
			"given beside secret, expected one of the two");
}

static void check_servers(struct config_draft *draft, unsigned int *auth, unsigned int *acct)
{
	const struct config *config = draft->config;
	const struct yaml_node **nodes = draft->radius_servers;
	unsigned int i;

	for (i = 0; i < config->n_radius_servers; i++) {
		const struct config_radius_server *server = &config->radius_servers[i];

		check_secret(draft, "radius-servers", nodes, i);
		*auth += server->auth_port != 0;
		*acct += server->acct_port != 0;
		if (!server->auth_port && !server->acct_port)
			draft_error(draft, place_item("radius-servers", nodes, i, "auth-port"),
				"0 as acct-port is, expected a port for one of the two");
		if (server->dead_after <= server->timeout)
			draft_error(draft, place_item("radius-servers", nodes, i, "dead-after"),
				"%u ms, expected more than timeout (%u ms)", server->dead_after,
				server->timeout);
		if (config->radius.source_address.family &&
			server->address.family != config->radius.source_address.family)
			draft_error(draft, place_item("radius-servers", nodes, i, "address"),
				"of another family than radius.source-address, expected the same");
	}
}

void draft_check_radius(struct config_draft *draft)
{
	const struct config *config = draft->config;
	unsigned int i, auth = 0, acct = 0;

	check_servers(draft, &auth, &acct);
	for (i = 0; i < config->n_radius_clients; i++)
		check_secret(draft, "radius-clients", draft->radius_clients, i);
	if (auth > CONFIG_RADIUS_SERVERS_MAX || acct > CONFIG_RADIUS_SERVERS_MAX)
		draft_error(draft, place_key("radius-servers", NULL),
			"%u with an auth-port and %u with an acct-port, expected at most %u each",
			auth, acct, CONFIG_RADIUS_SERVERS_MAX);
	for (i = 0; i < config->aaa.n_order; i++)
		if (config->aaa.order[i] == CONFIG_AAA_RADIUS && !auth)
			draft_error(draft, place_key("aaa", "order"),
				"radius without radius-servers that have an auth-port, expected at "
				"least one");
	if (config->radius.max_in_flight >= config->radius.max_sockets * 256u)
		draft_error(draft, place_key("radius", "max-in-flight"),
			"%u, expected less than 256 for each of max-sockets (%u)",
			config->radius.max_in_flight, config->radius.max_sockets);
}

const struct config_policy *config_policy_find(const struct config *config, const char *name)
{
	unsigned int i;

	for (i = 0; i < config->n_policies; i++)
		if (!strcmp(config->policies[i].name, name))
			return &config->policies[i];
	return NULL;
}

const struct config_radius_client *config_radius_client_find(
	const struct config *config, const struct ip_addr *addr)
{
	unsigned int i, j;

	for (i = 0; i < config->n_radius_clients; i++)
		for (j = 0; j < config->radius_clients[i].n_sources; j++)
			if (ip_prefix_holds(&config->radius_clients[i].sources[j], addr))
				return &config->radius_clients[i];
	return NULL;
}
