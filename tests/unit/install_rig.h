/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For the tests of install_route and its parts: tables, routes from text, and the fib's answers as text.
 */
#pragma once

#include "install_route.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS 8

static struct rcu *rcu;
static struct install_route_settings settings;
static struct install_route *routes;

static void setup(void)
{
	struct fib_settings fib = {.name = "default", .max_routes4 = 100000, .max_routes6 = 100000};

	rcu = rcu_create(1);
	memset(&settings, 0, sizeof(settings));
	settings.n_vrfs = 1;
	settings.fibs[0] = fib_create(&fib, rcu);
	settings.adjacencies = adjacency_table_create(1024, rcu);
	settings.groups = group_table_create(GROUPS, rcu);
	settings.n_ifaces = 2;
	settings.ifaces[0] = (struct install_iface){.mac = {2, 0, 0, 0, 0, 1}, .mtu = 1500};
	settings.ifaces[1] = (struct install_iface){
		.mac = {2, 0, 0, 0, 0, 2}, .mtu = 9000, .vlan = 100, .outer_vlan = 200};
	cr_assert(settings.fibs[0] && settings.adjacencies && settings.groups);
	routes = install_route_create(&settings);
	cr_assert_not_null(routes);
}

static void teardown(void)
{
	install_route_destroy(routes);
	group_table_destroy(settings.groups);
	adjacency_table_destroy(settings.adjacencies);
	fib_destroy(settings.fibs[0]);
	rcu_destroy(rcu);
}

static uint8_t addr_of(const char *text, uint8_t addr[16])
{
	bool v6 = strchr(text, ':') != NULL;

	memset(addr, 0, 16);
	cr_assert_eq(inet_pton(v6 ? AF_INET6 : AF_INET, text, addr), 1, "%s", text);
	return v6 ? 6 : 4;
}

static void prefix_of(const char *text, uint8_t *family, uint8_t addr[16], uint8_t *length)
{
	char part[64];
	const char *slash = strchr(text, '/');

	snprintf(part, sizeof(part), "%.*s", (int)(slash - text), text);
	*family = addr_of(part, addr);
	*length = (uint8_t)atoi(slash + 1);
}

/* "10.0.0.0/8", 20, "10.1.1.1@0 10.1.1.2@1*3" (gateway@interface*weight), "@1" (on link) or a kind. */
static struct install_kernel_route route_of(const char *prefix, uint32_t metric, const char *hops)
{
	struct install_kernel_route route = {.metric = metric, .protocol = 4};
	char text[256], *save, *word;

	prefix_of(prefix, &route.family, route.addr, &route.length);
	snprintf(text, sizeof(text), "%s", hops);
	if (strcmp(hops, "local") == 0)
		route.kind = INSTALL_LOCAL;
	else if (strcmp(hops, "blackhole") == 0)
		route.kind = INSTALL_BLACKHOLE;
	else if (strcmp(hops, "unreachable") == 0)
		route.kind = INSTALL_UNREACHABLE;
	else if (strcmp(hops, "prohibit") == 0)
		route.kind = INSTALL_PROHIBIT;
	else
		for (word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
			struct install_hop *hop = &route.hops[route.n_hops++];
			char *at = strchr(word, '@');

			hop->iface = at[1] == '-' ? INSTALL_IFACE_NONE : (uint8_t)atoi(at + 1);
			hop->weight = strchr(at, '*') ? (uint8_t)(atoi(strchr(at, '*') + 1) - 1)
						      : 0;
			*at = '\0';
			if (*word)
				hop->family = addr_of(word, hop->gateway);
		}
	return route;
}

__attribute__((unused)) static void set(const char *prefix, uint32_t metric, const char *hops)
{
	struct install_kernel_route route = route_of(prefix, metric, hops);

	cr_assert_eq(install_route_kernel_set(routes, &route, false), 0);
}

__attribute__((unused)) static int replace(const char *prefix, uint32_t metric, const char *hops)
{
	struct install_kernel_route route = route_of(prefix, metric, hops);

	return install_route_kernel_set(routes, &route, true);
}

__attribute__((unused)) static int delete (const char *prefix, uint32_t metric, const char *hops)
{
	struct install_kernel_route route = route_of(prefix, metric, hops);

	return install_route_kernel_delete(routes, &route);
}

__attribute__((unused)) static void neighbour(const char *addr, uint8_t iface, bool resolved)
{
	static const uint8_t lladdr[6] = {2, 9, 9, 9, 9, 9};
	uint8_t bytes[16];
	uint8_t family = addr_of(addr, bytes);

	install_route_neighbour_set(routes, iface, family, bytes, resolved ? lladdr : NULL, false);
	install_route_poll(routes, 1000000);
}

static uint32_t in_fib(const char *prefix)
{
	uint8_t family, length, addr[16];
	uint32_t addr4;

	install_route_poll(routes, 1000000);
	prefix_of(prefix, &family, addr, &length);
	memcpy(&addr4, addr, 4);
	return family == 4 ? fib_get4(settings.fibs[0], addr4, length)
			   : fib_get6(settings.fibs[0], addr, length);
}

static const char *target_text(uint32_t target, char text[80])
{
	static const char *const refusals[] = {"blackhole", "unreachable", "prohibit"};
	uint32_t index = fib_target_index(target);
	const struct adjacency *adjacency;
	char addr[INET6_ADDRSTRLEN];

	switch (fib_target_type(target)) {
	case FIB_DROP:
		return "drop";
	case FIB_LOCAL:
		return "local";
	case FIB_UNREACHABLE:
		return refusals[index];
	case FIB_GLEAN:
		snprintf(text, 80, "glean %u", index);
		return text;
	case FIB_SESSION:
		snprintf(text, 80, "session %u", index);
		return text;
	case FIB_ADJACENCY:
		adjacency = adjacency_at(settings.adjacencies, index);
		inet_ntop(adjacency->family == 4 ? AF_INET : AF_INET6, adjacency->next_hop, addr,
			sizeof(addr));
		snprintf(text, 80, "%s@%u%s", addr, adjacency->iface,
			adjacency_l2(adjacency) ? "" : " unresolved");
		return text;
	default:
		return "?";
	}
}

/*
 * "drop", "local", "glean 1", "session 7", "10.0.0.1@0" ... as the fib answers for the prefix; of a group the
 * members in the order of their first slots: "64 10.0.0.1@0, 64 10.0.0.2@1".
 */
static const char *shown(const char *prefix)
{
	static char text[1024];
	uint32_t target = in_fib(prefix), seen[GROUP_SLOTS], n_seen = 0;
	const struct group *group;
	size_t at = 0;

	if (fib_target_type(target) != FIB_GROUP)
		return target_text(target, text);
	group = settings.groups->groups[fib_target_index(target)];
	cr_assert_not_null(group);
	for (unsigned int s = 0; s < group->n; s++) {
		char member[80];
		unsigned int n = 0;

		for (unsigned int i = 0; i < n_seen; i++)
			n += seen[i] == group->targets[s];
		if (n)
			continue;
		seen[n_seen++] = group->targets[s];
		for (unsigned int i = s; i < group->n; i++)
			n += group->targets[i] == group->targets[s];
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u %s", at ? ", " : "", n,
			target_text(group->targets[s], member));
	}
	return text;
}

#define expect(prefix, text) cr_assert_str_eq(shown(prefix), text)
