/* SPDX-License-Identifier: BSD-3-Clause */
/* Shows which peer, user and pool range a configuration answers with. */
#include "config_fixture.h"

#include <time.h>

static struct ip_addr addr(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct ip_addr){4, {a, b, c, d}};
}

Test(config_find, pools_are_aggregated_and_spare_the_local_address)
{
	struct config *config = must_parse(
		MINIMAL "subscribers: {local-address: 100.64.0.1}\n"
			"users: [{name: u, password: x, address: 100.64.0.5}]\n"
			"pools: [{name: g, ranges: [100.64.1.0/24, 100.64.0.0-100.64.0.255]}]\n");
	const struct config_pool *pool = &config->pools[0];
	struct ip_addr local = addr(100, 64, 0, 1), fixed = addr(100, 64, 0, 5),
		       other = addr(100, 64, 0, 6);
	char text[50];

	cr_assert_eq(pool->n_ranges, 2);
	cr_expect_str_eq(ip_addr_text(&pool->ranges[0].first, text), "100.64.0.0");
	cr_expect_str_eq(ip_addr_text(&pool->ranges[0].last, text), "100.64.0.0");
	cr_expect_str_eq(ip_addr_text(&pool->ranges[1].first, text), "100.64.0.2");
	cr_expect_str_eq(ip_addr_text(&pool->ranges[1].last, text), "100.64.1.255");
	cr_assert_eq(pool->n_aggregates, 1);
	cr_expect_str_eq(ip_prefix_text(&pool->aggregates[0], text), "100.64.0.0/23");
	cr_expect(config_address_reserved(config, 0, &local));
	cr_expect(config_address_reserved(config, 0, &fixed));
	cr_expect_not(config_address_reserved(config, 1, &fixed));
	cr_expect_not(config_address_reserved(config, 0, &other));
	config_free(config);
}

Test(config_find, the_first_peer_that_fits_is_taken)
{
	struct config *config = must_parse(MINIMAL
		"peers:\n"
		"- {name: one, sources: [192.0.2.0/24, '2001:db8::/32'], host-name: 'lac-?.a.*'}\n"
		"- {name: two, sources: [192.0.2.7]}\n"
		"- {name: rest, sources: [0.0.0.0/0], host-name: '*x*'}\n");
	struct ip_addr seven = addr(192, 0, 2, 7), nine = addr(192, 0, 2, 9),
		       far = addr(198, 51, 100, 1);
	struct ip_addr six = {6, {0x20, 0x01, 0x0d, 0xb8}};

	cr_expect_str_eq(config_peer_find(config, &seven, "lac-1.a.example")->name, "one");
	cr_expect_str_eq(config_peer_find(config, &seven, "lac-12.a.example")->name, "two");
	cr_expect_str_eq(config_peer_find(config, &seven, NULL)->name, "one");
	cr_expect_str_eq(config_peer_find(config, &nine, "axb")->name, "rest");
	cr_expect_null(config_peer_find(config, &nine, "ab"));
	cr_expect_str_eq(config_peer_find(config, &far, "x")->name, "rest");
	cr_expect_null(config_peer_find(config, &far, ""));
	cr_expect_str_eq(config_peer_find(config, &six, "lac-1.a.")->name, "one");
	cr_expect_null(config_peer_find(config, &six, "x"));
	config_free(config);
}

Test(config_find, a_pattern_full_of_stars_takes_no_time)
{
	struct config *config = must_parse(MINIMAL
		"peers: [{name: p, sources: [0.0.0.0/0], host-name: '*a*a*a*a*a*a*a*a*a*a*b'}]\n");
	struct ip_addr any = addr(1, 2, 3, 4);
	char name[1024];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	cr_expect_null(config_peer_find(config, &any, name));
	config_free(config);
}

Test(config_find, users_are_found_exactly_first_then_by_wildcard_in_order)
{
	struct config *config = must_parse(
		MINIMAL "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
			"users:\n"
			"- {name: 'vip-*', password: x}\n"
			"- {name: zoe@isp, password: x}\n"
			"- {name: '*@isp', password: x}\n"
			"- {name: '*', password: x}\n"
			"- {name: '*isp', password: x}\n" /* never: '*' comes first */
			"- {name: 'a*@never', password: x}\n"
			"- {name: adam@isp, password: x}\n");
	static const struct {
		const char *name, *found;
	} rows[] = {
		{"zoe@isp", "zoe@isp"},
		{"adam@isp", "adam@isp"},
		{"Adam@isp", "*@isp"},
		{"@isp", "*@isp"},
		{"vip-1@isp", "vip-*"},
		{"vip-", "vip-*"},
		{"vip", "*"},
		{"x@wisp", "*"},
		{"ab@never", "*"},
		{"", "*"},
		{"*@isp", "*@isp"},
	};
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		cr_expect_str_eq(config_user_find(config, rows[i].name)->name, rows[i].found,
			"row %u: %s", i, config_user_find(config, rows[i].name)->name);
	/* Sorted exact names, then wildcards in the order of the file. */
	cr_expect_str_eq(config->users[0].name, "adam@isp");
	cr_expect_str_eq(config->users[1].name, "zoe@isp");
	cr_expect_str_eq(config->users[2].name, "vip-*");
	cr_expect_eq(config->users[2].line, 5);
	cr_expect_str_eq(config->users[6].name, "a*@never");
	config_free(config);
}

Test(config_find, a_hundred_thousand_users_and_wildcards_load_and_are_found_at_once)
{
	enum { USERS = 100000, REALMS = 20000 };
	char *text = malloc((USERS + REALMS) * 80), *p = text, name[64];
	struct config *config;
	struct timespec t0, t1;
	unsigned int i;

	p += sprintf(p, MINIMAL "pools: [{name: g, ranges: [100.64.0.0/10]}]\nusers:\n");
	for (i = 0; i < USERS; i++)
		p += sprintf(p, "- {name: 'user%u@isp', password: 'secret of %u'}\n",
			i * 7919 % USERS, i);
	for (i = 0; i < REALMS; i++)
		p += sprintf(p, "- {name: '*@realm%u', password: 'x%u'}\n", i, i);
	config = must_parse(text);
	cr_assert_eq(config->n_users, USERS + REALMS);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (i = 0; i < USERS; i++) {
		sprintf(name, "user%u@isp", i);
		cr_assert_str_eq(config_user_find(config, name)->name, name);
		sprintf(name, "any@realm%u", i % REALMS);
		cr_assert_str_eq(config_user_find(config, name)->name + 1, name + 3);
		cr_assert_null(config_user_find(config, "nobody@nowhere"));
	}
	clock_gettime(CLOCK_MONOTONIC, &t1);
	/* A linear search would take minutes. */
	cr_expect_lt((t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000, 5000);
	config_free(config);
	free(text);
}
