/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions, kernel routes of several metrics, aggregates and neighbours: what of them stands in the fib.
 */
#include "install_rig.h"

TestSuite(install_route, .init = setup, .fini = teardown);

Test(install_route, every_kind_of_kernel_route_has_its_target)
{
	static const struct {
		const char *prefix, *hops, *target;
	} table[] = {
		{"0.0.0.0/0", "192.0.2.1@0", "192.0.2.1@0 unresolved"},
		{"10.0.0.0/24", "@1", "glean 1"},
		{"10.0.0.1/32", "local", "local"},
		{"10.2.0.0/16", "blackhole", "blackhole"},
		{"10.3.0.0/16", "unreachable", "unreachable"},
		{"10.4.0.0/16", "prohibit", "prohibit"},
		{"10.5.0.0/16", "192.0.2.9@-", "drop"}, /* a device that is not ours */
		{"10.6.0.0/16", "fe80::1@1", "fe80::1@1 unresolved"}, /* RFC 8950 */
		{"::/0", "2001:db8::1@0", "2001:db8::1@0 unresolved"},
		{"2001:db8::/64", "@0", "glean 0"},
		{"2001:db8::5/128", "local", "local"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		set(table[i].prefix, 0, table[i].hops);
		cr_assert_str_eq(shown(table[i].prefix), table[i].target, "row %zu: %s", i,
			shown(table[i].prefix));
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		cr_assert_eq(delete (table[i].prefix, 0, table[i].hops), 0);
		expect(table[i].prefix, "drop");
	}
	cr_assert_eq(settings.adjacencies->n, 0, "an adjacency without a route is given back");
}

Test(install_route, the_lowest_metric_wins_and_the_next_one_follows)
{
	set("10.0.0.0/8", 200, "192.0.2.2@0");
	expect("10.0.0.0/8", "192.0.2.2@0 unresolved");
	set("10.0.0.0/8", 100, "192.0.2.1@0");
	expect("10.0.0.0/8", "192.0.2.1@0 unresolved");
	set("10.0.0.0/8", 300, "blackhole");
	expect("10.0.0.0/8", "192.0.2.1@0 unresolved");
	cr_assert_eq(delete ("10.0.0.0/8", 100, "192.0.2.1@0"), 0);
	expect("10.0.0.0/8", "192.0.2.2@0 unresolved");
	cr_assert_eq(delete ("10.0.0.0/8", 200, "192.0.2.2@0"), 0);
	expect("10.0.0.0/8", "blackhole");
	cr_assert_eq(delete ("10.0.0.0/8", 300, "blackhole"), 0);
	expect("10.0.0.0/8", "drop");
}

Test(install_route, replace_takes_the_place_and_append_does_not)
{
	set("10.0.0.0/8", 0, "192.0.2.1@0");
	set("10.0.0.0/8", 0, "192.0.2.2@0"); /* ip route append */
	expect("10.0.0.0/8", "192.0.2.1@0 unresolved");
	cr_assert_eq(delete ("10.0.0.0/8", 0, "192.0.2.1@0"), 0);
	expect("10.0.0.0/8", "192.0.2.2@0 unresolved");
	cr_assert_eq(replace("10.0.0.0/8", 0, "192.0.2.3@1"), 0);
	expect("10.0.0.0/8", "192.0.2.3@1 unresolved");
	cr_assert_eq(delete ("10.0.0.0/8", 0, "192.0.2.2@0"), -ENOENT, "replaced: unknown now");
	cr_assert_eq(delete ("10.0.0.0/8", 0, "192.0.2.3@1"), 0);
	expect("10.0.0.0/8", "drop");
	cr_assert_eq(
		delete ("10.0.0.0/8", 0, "192.0.2.3@1"), 0, "nothing there: nothing to repair");
}

Test(install_route, ipv6_siblings_come_and_go_one_by_one)
{
	set("2001:db8:1::/48", 1024, "2001:db8::1@0");
	/* the second one: the kernel tells all of them */
	set("2001:db8:1::/48", 1024, "2001:db8::1@0 2001:db8::2@0");
	expect("2001:db8:1::/48", "64 2001:db8::2@0 unresolved, 64 2001:db8::1@0 unresolved");
	cr_assert_eq(delete ("2001:db8:1::/48", 1024, "2001:db8::1@0"), 0);
	expect("2001:db8:1::/48", "2001:db8::2@0 unresolved");
	cr_assert_eq(delete ("2001:db8:1::/48", 1024, "2001:db8::2@0"), 0);
	expect("2001:db8:1::/48", "drop");
}

Test(install_route, a_session_wins_over_the_kernel_and_gives_its_prefix_back)
{
	struct session_prefix prefix = {.family = 4, .length = 32, .addr = {100, 64, 0, 7}};

	set("100.64.0.7/32", 0, "192.0.2.1@0");
	cr_assert_eq(install_route_session_set(routes, 0, &prefix, 7), 0);
	expect("100.64.0.7/32", "session 7");
	cr_assert_eq(replace("100.64.0.7/32", 0, "192.0.2.2@0"), 0);
	expect("100.64.0.7/32", "session 7");
	/* take-over: the new session first, then the old one goes */
	cr_assert_eq(install_route_session_set(routes, 0, &prefix, 8), 0);
	cr_assert_eq(install_route_session_delete(routes, 0, &prefix, 7), -ENOENT);
	expect("100.64.0.7/32", "session 8");
	cr_assert_eq(install_route_session_delete(routes, 0, &prefix, 8), 0);
	expect("100.64.0.7/32", "192.0.2.2@0 unresolved");
	cr_assert_eq(install_route_session_set(routes, 0, &prefix, 9), 0);
	cr_assert_eq(delete ("100.64.0.7/32", 0, "192.0.2.2@0"), 0);
	expect("100.64.0.7/32", "session 9");
	cr_assert_eq(install_route_session_delete(routes, 0, &prefix, 9), 0);
	expect("100.64.0.7/32", "drop");
}

Test(install_route, of_sessions_with_one_prefix_the_later_has_it_and_the_earlier_gets_it_back)
{
	struct session_prefix prefix = {.family = 4, .length = 24, .addr = {198, 51, 100}};
	struct session_prefix six = {.family = 6, .length = 56, .addr = {0x20, 1, 0xd, 0xb8}};
	struct install_route_counts counts;

	set("198.51.100.0/24", 0, "blackhole");
	for (uint32_t session = 1; session <= 3; session++) {
		cr_assert_eq(install_route_session_set(routes, 0, &prefix, session), 0);
		cr_assert_eq(install_route_session_set(routes, 0, &six, session), 0);
	}
	expect("198.51.100.0/24", "session 3");
	/* an update of the first one changes nothing */
	cr_assert_eq(install_route_session_set(routes, 0, &prefix, 1), 0);
	expect("198.51.100.0/24", "session 3");
	install_route_counts(routes, &counts);
	cr_assert_eq(counts.displaced, 4);
	/* one from the middle goes without a trace */
	cr_assert_eq(install_route_session_delete(routes, 0, &prefix, 2), -ENOENT);
	expect("198.51.100.0/24", "session 3");
	cr_assert_eq(install_route_session_delete(routes, 0, &prefix, 3), 0);
	expect("198.51.100.0/24", "session 1");
	cr_assert_eq(install_route_session_delete(routes, 0, &prefix, 3), -ENOENT);
	cr_assert_eq(install_route_session_delete(routes, 0, &prefix, 1), 0);
	expect("198.51.100.0/24", "blackhole");
	for (uint32_t session = 3; session; session--) {
		char text[16];

		snprintf(text, sizeof(text), "session %u", session);
		expect("2001:db8::/56", text);
		cr_assert_eq(install_route_session_delete(routes, 0, &six, session), 0);
	}
	expect("2001:db8::/56", "drop");
	install_route_counts(routes, &counts);
	cr_assert_eq(counts.displaced, 0);
}

Test(install_route, addresses_of_a_pool_that_nobody_has_are_unreachable)
{
	struct ip_prefix pool = {.addr = {.family = 4, .bytes = {100, 64, 0, 0}}, .length = 16};

	cr_assert_eq(install_route_aggregate_set(routes, 0, &pool), 0);
	cr_assert_eq(install_route_aggregate_set(routes, 0, &pool), 0); /* a reload's new pools */
	expect("100.64.0.0/16", "unreachable");
	set("100.64.0.0/16", 5, "192.0.2.1@0"); /* the administrator knows better */
	expect("100.64.0.0/16", "192.0.2.1@0 unresolved");
	cr_assert_eq(delete ("100.64.0.0/16", 5, "192.0.2.1@0"), 0);
	cr_assert_eq(install_route_aggregate_delete(routes, 0, &pool), 0);
	expect("100.64.0.0/16", "unreachable");
	cr_assert_eq(install_route_aggregate_delete(routes, 0, &pool), 0);
	expect("100.64.0.0/16", "drop");
	cr_assert_eq(install_route_aggregate_delete(routes, 0, &pool), -ENOENT);
}

Test(install_route, an_aggregate_covers_what_lies_in_it)
{
	static const struct {
		const char *prefix;
		bool covered;
	} table[] = {
		{"100.64.0.0/16", true},
		{"100.64.3.4/32", true},
		{"100.64.128.0/17", true},
		{"100.64.0.0/15", false},
		{"100.65.0.0/32", false},
		{"2001:db8:1::/48", false},
		{"2001:db8::/48", true},
	};
	static const char *const aggregates[] = {"100.64.0.0/16", "2001:db8::/48"};
	struct ip_prefix prefix;

	/* a kernel route of this prefix is no aggregate */
	set("100.64.0.0/15", 0, "blackhole");
	for (unsigned int round = 0; round < 2; round++) {
		for (size_t i = 0; i < 2; i++) {
			memset(&prefix, 0, sizeof(prefix));
			prefix_of(aggregates[i], &prefix.addr.family, prefix.addr.bytes,
				&prefix.length);
			cr_assert_eq(round ? install_route_aggregate_delete(routes, 0, &prefix)
					   : install_route_aggregate_set(routes, 0, &prefix),
				0);
		}
		for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
			memset(&prefix, 0, sizeof(prefix));
			prefix_of(table[i].prefix, &prefix.addr.family, prefix.addr.bytes,
				&prefix.length);
			cr_assert_eq(install_route_aggregate_covers(routes, 0, &prefix),
				table[i].covered && round == 0, "%s", table[i].prefix);
		}
	}
}

Test(install_route, neighbours_get_host_entries_only_where_they_are_on_link)
{
	set("10.0.0.0/24", 0, "@1");
	neighbour("10.0.0.9", 1, true);
	expect("10.0.0.9/32", "10.0.0.9@1");
	neighbour("10.0.0.10", 1, false);
	expect("10.0.0.10/32", "drop");
	neighbour("10.0.0.11", 0, true); /* the subnet is on another interface */
	expect("10.0.0.11/32", "drop");
	neighbour("10.9.9.9", 1, true); /* no connected subnet holds it */
	expect("10.9.9.9/32", "drop");
	/* a more specific route in between leads elsewhere, as in the kernel */
	set("10.0.0.8/30", 0, "192.0.2.1@0");
	expect("10.0.0.9/32", "drop");
	cr_assert_eq(delete ("10.0.0.8/30", 0, "192.0.2.1@0"), 0);
	expect("10.0.0.9/32", "10.0.0.9@1");
	/* it stops answering: back to the subnet's glean */
	neighbour("10.0.0.9", 1, false);
	expect("10.0.0.9/32", "drop");
	neighbour("10.0.0.9", 1, true);
	expect("10.0.0.9/32", "10.0.0.9@1");
	cr_assert_eq(delete ("10.0.0.0/24", 0, "@1"), 0);
	expect("10.0.0.9/32", "drop");
	/* the subnet comes later than the neighbour */
	set("10.0.0.0/24", 0, "@1");
	expect("10.0.0.9/32", "10.0.0.9@1");
	/* link-local ones are next hops, never destinations */
	set("fe80::/64", 0, "@0");
	neighbour("fe80::1", 0, true);
	expect("fe80::1/128", "drop");
}

static struct {
	unsigned int n;
	char last[INET6_ADDRSTRLEN + 4];
} asked, resolved;

static void note(void *user, uint8_t iface, uint8_t family, const uint8_t addr[16])
{
	char text[INET6_ADDRSTRLEN];

	__typeof__(asked) *notes = user;

	notes->n++;
	inet_ntop(family == 4 ? AF_INET : AF_INET6, addr, text, sizeof(text));
	snprintf(notes->last, sizeof(notes->last), "%s@%u", text, iface);
}

Test(install_route, gateways_are_asked_for_until_they_answer_and_again_when_stale)
{
	static const uint8_t lladdr[6] = {2, 9, 9, 9, 9, 9};
	uint8_t addr[16];

	addr_of("192.0.2.1", addr);
	install_route_on_resolved(routes, note, &resolved);
	set("0.0.0.0/0", 0, "192.0.2.1@0");
	install_route_unresolved(routes, 1000, 10, note, &asked);
	cr_assert_eq(asked.n, 1);
	cr_assert_str_eq(asked.last, "192.0.2.1@0");
	install_route_unresolved(routes, 1200, 10, note, &asked);
	cr_assert_eq(asked.n, 1, "not more often than the kernel needs");
	install_route_unresolved(routes, 10000, 10, note, &asked);
	cr_assert_eq(asked.n, 2);
	install_route_neighbour_set(routes, 0, 4, addr, lladdr, false);
	cr_assert_eq(resolved.n, 1);
	cr_assert_str_eq(resolved.last, "192.0.2.1@0");
	expect("0.0.0.0/0", "192.0.2.1@0");
	install_route_unresolved(routes, 99000, 10, note, &asked);
	cr_assert_eq(asked.n, 2);
	install_route_neighbour_set(routes, 0, 4, addr, lladdr, true);
	install_route_unresolved(routes, 100000, 10, note, &asked);
	cr_assert_eq(asked.n, 3, "the kernel sees no traffic: we keep the gateway fresh");
	/* a down interface's neighbours are left alone */
	install_route_neighbour_delete(routes, 0, 4, addr);
	install_route_iface_set(routes, 0, false, 0, NULL);
	install_route_unresolved(routes, 300000, 10, note, &asked);
	cr_assert_eq(asked.n, 3);
}

Test(install_route, the_header_has_both_addresses_the_tags_and_the_families_ethertype)
{
	static const uint8_t v4[] = {
		2, 9, 9, 9, 9, 9, 2, 0, 0, 0, 0, 2, 0x88, 0xa8, 0, 200, 0x81, 0, 0, 100, 8, 0};
	static const uint8_t v6[] = {2, 9, 9, 9, 9, 9, 2, 0, 0, 0, 0, 1, 0x86, 0xdd};
	const struct adjacency_l2 *l2;

	set("0.0.0.0/0", 0, "192.0.2.1@1");
	set("::/0", 0, "fe80::1@0");
	neighbour("192.0.2.1", 1, true);
	neighbour("fe80::1", 0, true);
	l2 = adjacency_l2(
		adjacency_at(settings.adjacencies, fib_target_index(in_fib("0.0.0.0/0"))));
	cr_assert(l2 && l2->length == sizeof(v4));
	cr_assert_arr_eq(l2->bytes, v4, sizeof(v4));
	l2 = adjacency_l2(adjacency_at(settings.adjacencies, fib_target_index(in_fib("::/0"))));
	cr_assert(l2 && l2->length == sizeof(v6));
	cr_assert_arr_eq(l2->bytes, v6, sizeof(v6));
}

Test(install_route, an_interface_that_goes_down_gives_way_to_the_next_metric)
{
	set("10.1.0.0/16", 0, "192.0.2.1@0");
	set("10.1.0.0/16", 50, "192.0.3.9@1");
	set("10.2.0.0/16", 0, "192.0.2.1@0");
	install_route_iface_set(routes, 0, false, 0, NULL);
	expect("10.1.0.0/16", "192.0.3.9@1 unresolved");
	expect("10.2.0.0/16", "drop");
	install_route_iface_set(routes, 0, true, 0, NULL);
	expect("10.1.0.0/16", "192.0.2.1@0 unresolved");
	expect("10.2.0.0/16", "192.0.2.1@0 unresolved");
}

/* How many of the /24s of 10.0.0.0/8 lead somewhere, without any of the work that is done in slices. */
static unsigned int leading_somewhere(unsigned int n)
{
	unsigned int there = 0;

	for (unsigned int i = 0; i < n; i++)
		there += fib_target_type(fib_get4(
				 settings.fibs[0], htonl(10u << 24 | i << 8), 24)) == FIB_ADJACENCY;
	return there;
}

Test(install_route, a_port_that_flaps_does_not_keep_the_routes_of_another_one)
{
	enum { N = 3000, SLICE = 100 };
	unsigned int turns = 0, before = N, left;

	for (unsigned int i = 0; i < N; i++) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "10.%u.%u.0/24", i / 256, i % 256);
		set(prefix, 0, "192.0.3.1@1");
	}
	cr_assert_eq(leading_somewhere(N), N);
	install_route_iface_set(routes, 1, false, 0, NULL);
	for (; (left = leading_somewhere(N)); turns++) {
		cr_assert_lt(turns, 1000u, "%u routes are never looked at", left);
		cr_assert_leq(left, before);
		before = left;
		install_route_iface_set(routes, 0, turns % 2, 0, NULL);
		cr_assert(install_route_poll(routes, SLICE), "all round since the last change");
	}
	cr_expect_gt(turns, N / SLICE / 2, "in slices");
	while (install_route_poll(routes, SLICE))
		cr_assert_lt(turns++, 2000u);
	/* whatever it is at the end holds for all */
	set("10.200.0.0/16", 0, "192.0.2.1@0");
	install_route_iface_set(routes, 1, true, 0, NULL);
	install_route_iface_set(routes, 0, true, 0, NULL);
	expect("10.200.0.0/16", "192.0.2.1@0 unresolved");
	cr_expect_eq(leading_somewhere(N), N);
}

Test(install_route, a_dump_sweeps_what_it_did_not_bring_again)
{
	for (unsigned int i = 0; i < 1000; i++) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "10.%u.%u.0/24", i / 256, i % 256);
		set(prefix, 0, "192.0.2.1@0");
		set(prefix, 7, "192.0.2.2@0");
	}
	set("2001:db8::/32", 0, "fe80::1@0");
	neighbour("192.0.2.1", 0, true);
	neighbour("192.0.2.2", 0, true);
	install_route_mark(routes);
	neighbour("192.0.2.1", 0, true);
	install_route_sweep_neighbours(routes);
	for (unsigned int i = 0; i < 1000; i += 2) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "10.%u.%u.0/24", i / 256, i % 256);
		set(prefix, 0, "192.0.2.1@0");
	}
	install_route_sweep_routes(routes, 4);
	/* in slices, with events in between */
	for (unsigned int i = 0; install_route_poll(routes, 50); i++)
		if (i == 3)
			set("10.77.0.0/16", 0, "192.0.2.1@0");
	expect("10.0.0.0/24", "192.0.2.1@0");
	expect("10.0.1.0/24", "drop");
	expect("10.77.0.0/16", "192.0.2.1@0");
	expect("2001:db8::/32", "fe80::1@0 unresolved"); /* the other family's sweep is its own */

	struct install_route_counts counts;

	install_route_counts(routes, &counts);
	cr_assert_eq(counts.candidates, 502);
	cr_assert_eq(counts.routes4, 501);
	cr_assert_eq(counts.neighbours, 1);
	cr_assert_eq(counts.next_hops, 2);
}

Test(install_route, what_a_full_table_refused_comes_in_when_there_is_room)
{
	struct fib_settings small = {.name = "small", .max_routes4 = 16, .max_routes6 = 16};
	struct install_route_settings full = settings;
	struct install_kernel_route route;
	struct install_route *own;
	unsigned int there = 0;

	full.fibs[0] = fib_create(&small, rcu);
	own = install_route_create(&full);
	for (unsigned int i = 0; i < 20; i++) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "10.%u.0.0/16", i);
		route = route_of(prefix, 0, "192.0.2.1@0");
		cr_assert_eq(install_route_kernel_set(own, &route, false), i < 16 ? 0 : -ENOSPC);
	}
	for (unsigned int i = 0; i < 8; i++) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "10.%u.0.0/16", i);
		route = route_of(prefix, 0, "192.0.2.1@0");
		cr_assert_eq(install_route_kernel_delete(own, &route), 0);
	}
	install_route_retry(own);
	while (install_route_poll(own, 100))
		;
	for (unsigned int i = 0; i < 20; i++)
		there += fib_get4(full.fibs[0], htonl(10u << 24 | i << 16), 16) != 0;
	cr_assert_eq(there, 12);
	install_route_destroy(own);
	fib_destroy(full.fibs[0]);
}

Test(install_route, rows_come_once_each_while_the_table_grows)
{
	struct install_route_cursor cursor = {0};
	struct install_route_row row;
	unsigned int seen[4000] = {0}, n = 0;

	for (unsigned int i = 0; i < 4000; i++) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "10.%u.%u.0/24", i / 256, i % 256);
		set(prefix, 0, "192.0.2.1@0");
	}
	while (install_route_next(routes, &cursor, &row)) {
		if (row.route.addr[0] == 10)
			seen[row.route.addr[1] * 256 + row.route.addr[2]]++;
		/* as BIRD would in the middle of a `show routes` */
		if (++n <= 30)
			for (unsigned int i = 0; i < 1000; i++) {
				char prefix[32];

				snprintf(prefix, sizeof(prefix), "11.%u.%u.0/24", n * 4 + i / 256,
					i % 256);
				set(prefix, 0, "192.0.2.1@0");
			}
	}
	for (unsigned int i = 0; i < 4000; i++)
		cr_assert_eq(seen[i], 1, "10.%u.%u.0/24: %u times", i / 256, i % 256, seen[i]);
	cr_assert_not(install_route_next(routes, &cursor, &row), "the end stays the end");
}

/* ---- against a model that is too slow to be wrong ---- */

#define MODEL_PREFIXES 6
#define MODEL_METRICS  3
#define MODEL_HOPS     5
#define MODEL_SESSIONS 6

static bool model_has(const uint32_t *sessions, unsigned int n, uint32_t id)
{
	for (unsigned int i = 0; i < n; i++)
		if (sessions[i] == id)
			return true;
	return false;
}

static void model_remove(uint32_t *sessions, unsigned int *n, uint32_t id)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < *n; i++)
		if (sessions[i] != id)
			sessions[kept++] = sessions[i];
	*n = kept;
}

Test(install_route, agrees_with_a_model_through_random_changes)
{
	static const char *const prefixes[MODEL_PREFIXES] = {"0.0.0.0/0", "10.0.0.0/8",
		"10.0.0.0/24", "10.0.0.5/32", "100.64.0.0/16", "100.64.0.5/32"};
	static const char *const hops[MODEL_HOPS] = {
		"192.0.2.1@0", "192.0.3.1@1", "blackhole", "local", "192.0.2.1@0 192.0.3.1@1"};
	static const char *const targets[2][2][MODEL_HOPS] = {
		/* [interface 0 up][1 up] */
		{{NULL, NULL, "blackhole", "local", NULL},
			{NULL, "192.0.3.1@1 unresolved", "blackhole", "local",
				"128 192.0.3.1@1 unresolved"}},
		{{"192.0.2.1@0 unresolved", NULL, "blackhole", "local",
			 "128 192.0.2.1@0 unresolved"},
			{"192.0.2.1@0 unresolved", "192.0.3.1@1 unresolved", "blackhole", "local",
				"64 both"}},
	};
	int model[MODEL_PREFIXES][MODEL_METRICS];
	uint32_t sessions[MODEL_PREFIXES][MODEL_SESSIONS];
	unsigned int n_sessions[MODEL_PREFIXES] = {0};
	bool aggregate[MODEL_PREFIXES] = {0};
	bool up[2] = {true, true};

	memset(model, -1, sizeof(model));
	srandom(4711);
	for (unsigned int step = 0; step < 20000; step++) {
		unsigned int p = (unsigned int)random() % MODEL_PREFIXES;
		unsigned int m = (unsigned int)random() % MODEL_METRICS;
		int h = (int)(random() % MODEL_HOPS);
		uint32_t id = (uint32_t)random() % MODEL_SESSIONS;
		struct session_prefix own = {0};
		struct ip_prefix pool = {0};

		prefix_of(prefixes[p], &own.family, own.addr, &own.length);
		pool.addr.family = own.family;
		memcpy(pool.addr.bytes, own.addr, 16);
		pool.length = own.length;
		switch (random() % 8) {
		case 0:
		case 1:
			cr_assert_eq(replace(prefixes[p], m, hops[h]), 0);
			model[p][m] = h;
			break;
		case 2:
		case 3:
			if (model[p][m] >= 0)
				cr_assert_eq(delete (prefixes[p], m, hops[model[p][m]]), 0);
			model[p][m] = -1;
			break;
		case 4:
			cr_assert_eq(install_route_session_set(routes, 0, &own, id), 0);
			if (!model_has(sessions[p], n_sessions[p], id))
				sessions[p][n_sessions[p]++] = id;
			break;
		case 5:
			cr_assert_eq(install_route_session_delete(routes, 0, &own, id),
				n_sessions[p] && sessions[p][n_sessions[p] - 1] == id ? 0
										      : -ENOENT);
			model_remove(sessions[p], &n_sessions[p], id);
			break;
		case 6:
			if (aggregate[p])
				cr_assert_eq(install_route_aggregate_delete(routes, 0, &pool), 0);
			else
				cr_assert_eq(install_route_aggregate_set(routes, 0, &pool), 0);
			aggregate[p] = !aggregate[p];
			break;
		case 7:
			up[m % 2] = !up[m % 2];
			install_route_iface_set(routes, m % 2, up[m % 2], 0, NULL);
			break;
		}
		rcu_drain(rcu);
		for (p = 0; p < MODEL_PREFIXES; p++) {
			const char *wanted = NULL;
			char text[32];

			if (n_sessions[p]) {
				snprintf(text, sizeof(text), "session %u",
					sessions[p][n_sessions[p] - 1]);
				wanted = text;
			}
			for (m = 0; m < MODEL_METRICS && !wanted; m++)
				if (model[p][m] >= 0)
					wanted = targets[up[0]][up[1]][model[p][m]];
			if (!wanted)
				wanted = aggregate[p] ? "unreachable" : "drop";
			const char *got = shown(prefixes[p]);

			/* whichever of the two has the first slot */
			if (strcmp(wanted, "64 both") == 0 && strchr(got, ','))
				wanted = got[3 + strlen("192.0.")] == '2'
					? "64 192.0.2.1@0 unresolved, 64 192.0.3.1@1 unresolved"
					: "64 192.0.3.1@1 unresolved, 64 192.0.2.1@0 unresolved";
			cr_assert_str_eq(shown(prefixes[p]), wanted, "step %u, %s: %s, not %s",
				step, prefixes[p], shown(prefixes[p]), wanted);
		}
	}
}
