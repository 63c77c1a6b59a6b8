/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rtnetlink messages through the mirror into the forwarding table: whatever comes in whatever order, nothing is
 * left when a dump brings nothing of it again.
 */
#include "kernel_mirror.h"
#include "log.h"
#include "rtnl_wire.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(condition)          \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

#define VRFS   2
#define IFACES 3

static struct kernel_mirror mirror;
static struct install_route_settings settings;
static struct rcu *rcu;

static void setup(void)
{
	static struct config_vrf vrfs[VRFS] = {
		{.name = "default", .table = RT_TABLE_MAIN}, {.name = "blue", .table = 100}};
	static struct config_interface interfaces[IFACES] = {
		{.name = "a"}, {.name = "b"}, {.name = "c", .vrf = 1}};
	static struct config config = {.n_vrfs = VRFS, .vrfs = vrfs, .n_interfaces = IFACES};

	log_set_level(LOG_LEVEL_ERROR);
	config.interfaces = interfaces;
	config.kernel.route_protocol = 108;
	rcu = rcu_create(1);
	settings.n_vrfs = VRFS;
	for (unsigned int v = 0; v < VRFS; v++)
		settings.fibs[v] = fib_create(&(struct fib_settings){.name = vrfs[v].name,
						      .max_routes4 = 1000,
						      .max_routes6 = 1000,
						      .socket = -1},
			rcu);
	settings.adjacencies = adjacency_table_create(64, rcu);
	settings.groups = group_table_create(4, rcu); /* soon full */
	settings.n_ifaces = IFACES;
	settings.ifaces[2].vrf = 1;
	mirror = (struct kernel_mirror){.config = &config,
		.nexthops = kernel_nexthops_create(),
		.n_ifaces = IFACES,
		.n_vrfs = VRFS,
		.ifaces = {1, 2, 3},
		.tuns = {4, 5},
		.by_rules = {[1] = true}};
	check(settings.fibs[0] && settings.fibs[1] && settings.adjacencies && settings.groups &&
		mirror.nexthops);
}

static void feed(const uint8_t *p, const uint8_t *end, bool reverse)
{
	struct rtnl_event event;

	while (p < end) {
		if (rtnl_parse(&p, end, &event) < 0)
			continue;
		/* a few devices, so that something comes together */
		if (event.type == RTNL_ROUTE)
			for (unsigned int i = 0; i < event.route.n_hops; i++)
				event.route.hops[i].ifindex &= 7;
		if (event.type == RTNL_NEIGHBOUR)
			event.neighbour.ifindex &= 7;
		if (event.type == RTNL_LINK)
			event.link.ifindex &= 7;
		if (event.type == RTNL_NEXTHOP)
			event.nexthop.hop.ifindex &= 7;
		event.deleted ^= reverse;
		mirror_event(&mirror, &event);
		install_route_poll(mirror.routes, 4);
	}
}

/* Every route that is in use leads where the fib says. */
static void check_rows(void)
{
	struct install_route_cursor cursor = {0};
	struct install_route_row row;

	while (install_route_next(mirror.routes, &cursor, &row)) {
		uint32_t index = fib_target_index(row.target);

		if (fib_target_type(row.target) == FIB_GROUP) {
			const struct group *group = settings.groups->groups[index];

			check(group && group->n == GROUP_SLOTS);
			for (uint32_t i = 0; i < group->n; i++)
				check(fib_target_type(group->targets[i]) == FIB_ADJACENCY ||
					fib_target_type(group->targets[i]) == FIB_GLEAN);
		} else if (fib_target_type(row.target) == FIB_ADJACENCY) {
			check(adjacency_at(settings.adjacencies, index)->family);
		}
		check(!row.best || row.target);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct install_route_counts counts;
	struct fib_usage usage;

	if (!rcu)
		setup();
	mirror.routes = install_route_create(&settings);
	check(mirror.routes);
	memset(mirror.state, 0, sizeof(mirror.state));
	mirror.n_shared = mirror.n_addresses = 0;
	feed(data, data + size, false);
	while (install_route_poll(mirror.routes, 1000))
		;
	check_rows();
	feed(data, data + size, true);
	feed(data, data + size, false);
	/* a dump that brings nothing */
	mirror_mark(&mirror);
	kernel_nexthops_sweep(mirror.nexthops);
	mirror_sweep_addresses(&mirror);
	install_route_sweep_neighbours(mirror.routes);
	install_route_sweep_routes(mirror.routes, 4);
	install_route_sweep_routes(mirror.routes, 6);
	while (install_route_poll(mirror.routes, 1000))
		;
	install_route_counts(mirror.routes, &counts);
	check(!counts.candidates && !counts.routes4 && !counts.routes6);
	check(!counts.next_hops && !counts.groups && !counts.neighbours && !mirror.n_addresses);
	install_route_destroy(mirror.routes);
	rcu_drain(rcu);
	for (unsigned int v = 0; v < VRFS; v++) {
		fib_usage(settings.fibs[v], &usage);
		check(!usage.hosts4 && !usage.routes4 && !usage.hosts6 && !usage.routes6 &&
			!usage.pages);
	}
	check(settings.adjacencies->n == 0);
	return 0;
}
