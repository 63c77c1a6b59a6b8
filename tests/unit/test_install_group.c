/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Multipath routes: who shares the traffic, how much each gets, and which flows move when that changes.
 */
#include "install_rig.h"

#include <pthread.h>
#include <sched.h>

TestSuite(install_group, .init = setup, .fini = teardown);

static const struct group *group_of(const char *prefix)
{
	uint32_t target = in_fib(prefix);

	cr_assert_eq(fib_target_type(target), FIB_GROUP, "%s: %s", prefix, shown(prefix));
	return settings.groups->groups[fib_target_index(target)];
}

/* The adjacency's gateway, as its last byte. */
static uint8_t slot_hop(const struct group *group, unsigned int slot)
{
	uint32_t target = group->targets[slot];

	if (fib_target_type(target) != FIB_ADJACENCY)
		return 0;
	return adjacency_at(settings.adjacencies, fib_target_index(target))->next_hop[3];
}

static unsigned int slots_of(const struct group *group, uint8_t hop)
{
	unsigned int n = 0;

	for (unsigned int s = 0; s < group->n; s++)
		n += slot_hop(group, s) == hop;
	return n;
}

/* The slots as they are now; how many of hop's differ from those before. */
static void slots_copy(const char *prefix, uint8_t slots[GROUP_SLOTS])
{
	const struct group *group = group_of(prefix);

	cr_assert_eq(group->n, GROUP_SLOTS);
	for (unsigned int s = 0; s < GROUP_SLOTS; s++)
		slots[s] = slot_hop(group, s);
}

static unsigned int slots_moved(
	const uint8_t before[GROUP_SLOTS], const uint8_t after[GROUP_SLOTS], uint8_t hop)
{
	unsigned int n = 0;

	for (unsigned int s = 0; s < GROUP_SLOTS; s++)
		n += before[s] == hop && after[s] != hop;
	return n;
}

Test(install_group, members_share_by_weight)
{
	static const struct {
		const char *hops;
		unsigned int slots[4]; /* of gateways .1, .2, .3, .4 */
	} table[] = {
		{"192.0.2.1@0 192.0.2.2@0", {64, 64}},
		{"192.0.2.1@0 192.0.2.2@0 192.0.2.3@1", {43, 43, 42}},
		{"192.0.2.1@0*3 192.0.2.2@0", {96, 32}},
		{"192.0.2.1@0*256 192.0.2.2@0", {127, 1}},
		{"192.0.2.1@0*255 192.0.2.2@0 192.0.2.3@0 192.0.2.4@1", {125, 1, 1, 1}},
		{"192.0.2.1@0 192.0.2.2@- 192.0.2.3@1", {64, 0, 64}},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct group *group;

		set("10.0.0.0/8", 0, table[i].hops);
		group = group_of("10.0.0.0/8");
		for (uint8_t hop = 1; hop <= 4; hop++)
			cr_expect_eq(slots_of(group, hop), table[i].slots[hop - 1],
				"row %zu, gateway %u: %u", i, hop, slots_of(group, hop));
		cr_assert_eq(delete ("10.0.0.0/8", 0, table[i].hops), 0);
		rcu_drain(rcu);
	}
	set("10.0.0.0/8", 0, "@0 @1");
	expect("10.0.0.0/8", "64 glean 1, 64 glean 0");
	set("10.1.0.0/16", 0, "192.0.2.1@0 192.0.2.2@-");
	expect("10.1.0.0/16", "192.0.2.1@0 unresolved"); /* one of ours alone needs no group */
	set("10.2.0.0/16", 0, "fe80::1@0 192.0.2.1@1");  /* RFC 8950 beside the classic */
	cr_assert_str_eq(
		shown("10.2.0.0/16"), "64 192.0.2.1@1 unresolved, 64 fe80::1@0 unresolved");
}

Test(install_group, hashes_of_flows_spread_evenly_and_stay)
{
	unsigned int n[4] = {0};
	const struct group *group;
	uint32_t index;

	set("0.0.0.0/0", 0, "192.0.2.1@0 192.0.2.2@0 192.0.2.3@1");
	index = fib_target_index(in_fib("0.0.0.0/0"));
	group = group_of("0.0.0.0/0");
	srandom(7);
	for (unsigned int i = 0; i < 30000; i++) {
		uint32_t hash = (uint32_t)random() << 1 ^ (uint32_t)random();
		uint32_t target = group_target(settings.groups, index, hash);

		cr_assert_eq(target, group_target(settings.groups, index, hash));
		cr_assert_eq(fib_target_type(target), FIB_ADJACENCY);
		n[adjacency_at(settings.adjacencies, fib_target_index(target))->next_hop[3]]++;
	}
	for (uint8_t hop = 1; hop <= 3; hop++) {
		unsigned int wanted = 30000 * slots_of(group, hop) / GROUP_SLOTS;

		cr_expect(n[hop] > wanted * 96 / 100 && n[hop] < wanted * 104 / 100,
			"gateway %u: %u of 30000", hop, n[hop]);
	}
}

Test(install_group, only_the_flows_of_a_member_that_goes_move)
{
	static const char hops[] = "192.0.2.1@0 192.0.2.2@0 192.0.2.3@1 192.0.2.4@0";
	uint8_t before[GROUP_SLOTS], after[GROUP_SLOTS], back[GROUP_SLOTS];
	uint32_t target;

	set("10.0.0.0/8", 0, hops);
	target = in_fib("10.0.0.0/8");
	slots_copy("10.0.0.0/8", before);
	/* the first one that answers has everything: the others cannot be known to be there */
	neighbour("192.0.2.1", 0, true);
	cr_assert_str_eq(shown("10.0.0.0/8"), "128 192.0.2.1@0");
	neighbour("192.0.2.2", 0, true);
	neighbour("192.0.2.3", 1, true);
	neighbour("192.0.2.4", 0, true);
	slots_copy("10.0.0.0/8", before);
	for (uint8_t hop = 1; hop <= 4; hop++)
		cr_assert_eq(slots_of(group_of("10.0.0.0/8"), hop), 32);

	neighbour("192.0.2.2", 0, false);
	slots_copy("10.0.0.0/8", after);
	cr_assert_eq(slots_of(group_of("10.0.0.0/8"), 2), 0);
	cr_assert_eq(slots_moved(before, after, 1), 0);
	cr_assert_eq(slots_moved(before, after, 3), 0);
	cr_assert_eq(slots_moved(before, after, 4), 0);
	for (uint8_t hop = 1; hop <= 4; hop++)
		cr_assert(hop == 2 || slots_of(group_of("10.0.0.0/8"), hop) >= 42);

	/* when it is back it has its share, and no more than that moves */
	neighbour("192.0.2.2", 0, true);
	slots_copy("10.0.0.0/8", back);
	cr_assert_eq(slots_of(group_of("10.0.0.0/8"), 2), 32);
	cr_assert_eq(slots_moved(after, back, 1) + slots_moved(after, back, 3) +
			slots_moved(after, back, 4),
		32);

	install_route_iface_set(routes, 1, false, 0, NULL);
	slots_copy("10.0.0.0/8", after);
	cr_assert_eq(slots_of(group_of("10.0.0.0/8"), 3), 0);
	cr_assert_eq(slots_moved(back, after, 1) + slots_moved(back, after, 2) +
			slots_moved(back, after, 4),
		0);
	install_route_iface_set(routes, 1, true, 0, NULL);
	cr_assert_eq(slots_of(group_of("10.0.0.0/8"), 3), 32);
	cr_assert_eq(in_fib("10.0.0.0/8"), target, "the routes themselves are never written again");
}

Test(install_group, without_any_member_the_next_metric_has_the_route)
{
	set("10.0.0.0/8", 0, "192.0.2.1@0 192.0.2.2@0");
	set("10.0.0.0/8", 9, "192.0.3.1@1");
	install_route_iface_set(routes, 0, false, 0, NULL);
	expect("10.0.0.0/8", "192.0.3.1@1 unresolved");
	/* made while its interface is down */
	set("10.1.0.0/16", 0, "192.0.2.1@0 192.0.2.3@0");
	expect("10.1.0.0/16", "drop");
	install_route_iface_set(routes, 0, true, 0, NULL);
	cr_assert_eq(slots_of(group_of("10.0.0.0/8"), 1), 64);
	cr_assert_eq(slots_of(group_of("10.1.0.0/16"), 3), 64);
}

Test(install_group, a_route_that_is_replaced_keeps_the_flows_of_what_stays)
{
	uint8_t before[GROUP_SLOTS], after[GROUP_SLOTS];

	set("10.0.0.0/8", 0, "192.0.2.1@0 192.0.2.2@0 192.0.2.3@0");
	slots_copy("10.0.0.0/8", before);
	cr_assert_eq(replace("10.0.0.0/8", 0, "192.0.2.3@0 192.0.2.1@0"), 0);
	slots_copy("10.0.0.0/8", after);
	cr_assert_eq(slots_moved(before, after, 1), 0);
	cr_assert_eq(slots_moved(before, after, 3), 0);
	memcpy(before, after, sizeof(before));
	cr_assert_eq(
		replace("10.0.0.0/8", 0, "192.0.2.4@0 192.0.2.3@0 192.0.2.1@0 192.0.2.5@1"), 0);
	slots_copy("10.0.0.0/8", after);
	cr_assert_eq(slots_moved(before, after, 1) + slots_moved(before, after, 3), 64);
	cr_assert_eq(slots_of(group_of("10.0.0.0/8"), 1), 32);
}

Test(install_group, groups_are_shared_bounded_and_given_back)
{
	struct install_route_counts counts;
	uint32_t first;

	set("10.0.0.0/16", 0, "192.0.2.1@0 192.0.2.2@0");
	set("10.1.0.0/16", 5, "192.0.2.1@0 192.0.2.2@0");
	first = in_fib("10.0.0.0/16");
	cr_assert_eq(in_fib("10.1.0.0/16"), first, "one set of next hops, one group");
	for (unsigned int i = 3; i < 3 + GROUPS; i++) {
		char prefix[32], hops[64];

		snprintf(prefix, sizeof(prefix), "10.%u.0.0/16", i);
		snprintf(hops, sizeof(hops), "192.0.2.1@0 192.0.2.%u@0", i);
		set(prefix, 0, hops);
	}
	/* one too many: the route works all the same */
	cr_assert_eq(fib_target_type(in_fib("10.9.0.0/16")), FIB_GROUP);
	expect("10.10.0.0/16", "192.0.2.1@0 unresolved");
	install_route_counts(routes, &counts);
	cr_assert_eq(counts.failures, 1);
	cr_assert_eq(delete ("10.0.0.0/16", 0, "192.0.2.1@0 192.0.2.2@0"), 0);
	cr_assert_eq(in_fib("10.1.0.0/16"), first);
	cr_assert_eq(delete ("10.1.0.0/16", 5, "192.0.2.1@0 192.0.2.2@0"), 0);
	rcu_drain(rcu);
	/* with the next change of one of its members it gets the group that is free now */
	neighbour("192.0.2.10", 0, true);
	cr_assert_eq(in_fib("10.10.0.0/16"), first);
	cr_assert_eq(delete ("10.4.0.0/16", 0, "192.0.2.1@0 192.0.2.4@0"), 0);
	rcu_drain(rcu);
	for (unsigned int round = 0; round < 1000; round++) {
		char hops[64];

		snprintf(hops, sizeof(hops), "192.0.2.1@0 192.0.3.%u@1", round % 200);
		cr_assert_eq(replace("10.3.0.0/16", 0, hops), 0);
		rcu_drain(rcu);
		cr_assert_eq(fib_target_type(in_fib("10.3.0.0/16")), FIB_GROUP, "round %u", round);
		cr_assert_eq(replace("10.3.0.0/16", 0, "192.0.2.1@0"), 0);
		rcu_drain(rcu);
	}
}

/* ---- readers meanwhile ---- */

static bool stop;
static unsigned int turns;

static void *reader(void *argument)
{
	uint32_t destination = htonl(10u << 24 | 1), hash = 0;
	struct rte_rcu_qsbr *qsbr = rcu_qsbr(rcu);
	uintptr_t bad = 0;

	rcu_worker_online(rcu, 0);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		for (unsigned int i = 0; i < 64; i++) {
			uint32_t target = fib_lookup4(settings.fibs[0], destination);

			hash = hash * 1664525 + 1013904223;
			if (fib_target_type(target) == FIB_GROUP)
				target = group_target(
					settings.groups, fib_target_index(target), hash);
			/* never nowhere: there always is a member, or another metric's route */
			bad += fib_target_type(target) != FIB_ADJACENCY;
		}
		rcu_worker_quiescent(qsbr, 0);
		__atomic_add_fetch(&turns, 1, __ATOMIC_RELAXED);
	}
	rcu_worker_offline(rcu, 0);
	return (void *)bad;
}

Test(install_group, readers_always_find_a_member_while_routes_and_members_change, .timeout = 60)
{
	unsigned int changes = 0;
	pthread_t thread;
	void *bad;

	set("10.0.0.0/8", 9, "192.0.2.9@0");
	set("10.0.0.0/8", 0, "192.0.2.1@0 192.0.3.1@1");
	srandom(3);
	cr_assert_eq(pthread_create(&thread, NULL, reader, NULL), 0);
	while (__atomic_load_n(&turns, __ATOMIC_RELAXED) < 2)
		sched_yield();
	while (changes < 20000 || __atomic_load_n(&turns, __ATOMIC_RELAXED) < 2000) {
		char hops[96], gateway[32];

		snprintf(gateway, sizeof(gateway), "192.0.2.%u", (unsigned int)random() % 6 + 1);
		switch (random() % 4) {
		case 0:
			snprintf(hops, sizeof(hops), "%s@0*%u 192.0.3.1@1", gateway,
				(unsigned int)random() % 5 + 1);
			cr_assert_eq(replace("10.0.0.0/8", 0, hops), 0);
			break;
		case 1:
			neighbour(gateway, 0, random() % 2);
			break;
		case 2:
			install_route_iface_set(routes, 1, random() % 2, 0, NULL);
			break;
		case 3:
			cr_assert_eq(replace("10.0.0.0/8", 0, "192.0.2.1@0"), 0);
			break;
		}
		install_route_poll(routes, 100);
		if (rcu_poll(rcu, 8) == 0 && rcu_waiting(rcu) > 100)
			sched_yield();
		changes++;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, &bad);
	cr_assert_null(bad, "%zu lookups led nowhere", (size_t)bad);
}
