/* SPDX-License-Identifier: BSD-3-Clause */
/* Address pools: nobody gets an address that another has, and everybody gets the old one back if possible. */
#include "ip_pool.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

static struct ip_pool *pool_of(
	const char *first1, const char *last1, const char *first2, const char *last2)
{
	struct ip_range ranges[2] = {
		{.first = {.family = 4}, .last = {.family = 4}},
		{.first = {.family = 4}, .last = {.family = 4}},
	};
	struct config_pool config = {.name = "p", .n_ranges = first2 ? 2 : 1, .ranges = ranges};

	inet_pton(AF_INET, first1, ranges[0].first.bytes);
	inet_pton(AF_INET, last1, ranges[0].last.bytes);
	if (first2) {
		inet_pton(AF_INET, first2, ranges[1].first.bytes);
		inet_pton(AF_INET, last2, ranges[1].last.bytes);
	}
	return ip_pool_create(&config);
}

static uint32_t be(const char *text)
{
	return inet_addr(text);
}

Test(ip_pool, gives_every_address_of_every_range_once_and_then_says_exhausted)
{
	struct ip_pool *pool = pool_of("10.0.0.250", "10.0.1.5", "192.0.2.1", "192.0.2.3");
	struct slot_pool_usage usage;
	uint32_t seen[15], addr;

	for (unsigned int i = 0; i < 15; i++) {
		cr_assert_eq(ip_pool_take(pool, i + 1, &seen[i]), 0);
		for (unsigned int j = 0; j < i; j++)
			cr_assert_neq(seen[i], seen[j]);
	}
	cr_assert_eq(seen[14], be("192.0.2.3"));
	cr_assert_eq(ip_pool_take(pool, 99, &addr), -ENOSPC);
	ip_pool_usage(pool, &usage);
	cr_assert_eq(usage.size, 15);
	cr_assert_eq(usage.used, 15);
	cr_assert_eq(usage.exhausted, 1);
	cr_assert_eq(ip_pool_release(pool, be("10.0.1.0")), 0);
	cr_assert_eq(ip_pool_release(pool, be("10.0.1.0")), -ENOENT);
	cr_assert_eq(ip_pool_release(pool, be("10.0.2.0")), -ERANGE);
	cr_assert_eq(ip_pool_take(pool, 99, &addr), 0);
	cr_assert_eq(addr, be("10.0.1.0"));
	ip_pool_destroy(pool);
}

Test(ip_pool, a_user_gets_its_last_address_back_until_another_had_it)
{
	struct ip_pool *pool = pool_of("10.0.0.1", "10.0.0.4", NULL, NULL);
	uint32_t mine, other, again;

	ip_pool_take(pool, 7, &mine);
	ip_pool_release(pool, mine);
	ip_pool_take(pool, 8, &other);
	cr_assert_neq(other, mine, "a fresh address comes before one that was given back");
	ip_pool_take(pool, 7, &again);
	cr_assert_eq(again, mine);
	ip_pool_release(pool, mine);
	for (unsigned int i = 0; i < 3; i++)
		cr_assert_eq(ip_pool_take(pool, 100 + i, &other), 0);
	cr_assert_eq(ip_pool_take(pool, 7, &again), -ENOSPC, "another needed it");
	ip_pool_destroy(pool);
}

Test(ip_pool, a_hundred_thousand_users_get_their_last_addresses_back_in_any_order)
{
	enum { N = 100000, STEP = 7919 }; /* a prime that does not divide N: every one once */
	struct ip_pool *pool = pool_of("10.0.0.0", "10.7.255.255", NULL, NULL);
	static uint32_t last[N];
	uint32_t addr;

	for (uint64_t round = 0; round < 3; round++) {
		for (uint32_t i = 0, user = 0; i < N; i++, user = (user + STEP) % N) {
			/* half of them are others in the second round, and those again in the third */
			uint64_t name = user % 2 ? user : user + (round > 0 ? N : 0);

			cr_assert_eq(ip_pool_take(pool, 1 + name, &addr), 0);
			if (round == 2 || (round == 1 && user % 2))
				cr_assert_eq(
					addr, last[user], "user %u, round %d", user, (int)round);
			last[user] = addr;
		}
		for (uint32_t user = 0; user < N; user++)
			cr_assert_eq(ip_pool_release(pool, last[user]), 0);
	}
	ip_pool_destroy(pool);
}

Test(ip_pool, exact_and_reserved_addresses_are_never_given_to_others)
{
	struct ip_pool *pool = pool_of("10.0.0.1", "10.0.0.4", NULL, NULL);
	uint32_t addr;

	cr_assert_eq(ip_pool_reserve(pool, be("10.0.0.2")), 0);
	cr_assert_eq(ip_pool_reserve(pool, be("10.0.0.9")), -ERANGE);
	cr_assert_eq(ip_pool_take_exact(pool, 1, be("10.0.0.4")), 0);
	cr_assert_eq(ip_pool_take_exact(pool, 2, be("10.0.0.4")), -EBUSY);
	ip_pool_take(pool, 3, &addr);
	cr_assert_eq(addr, be("10.0.0.1"));
	ip_pool_take(pool, 4, &addr);
	cr_assert_eq(addr, be("10.0.0.3"));
	cr_assert_eq(ip_pool_take(pool, 5, &addr), -ENOSPC);
	cr_assert_eq(ip_pool_take_exact(pool, 6, be("10.0.0.2")), 0);
	cr_assert_eq(ip_pool_release(pool, be("10.0.0.2")), 0);
	cr_assert_eq(
		ip_pool_take(pool, 6, &addr), -ENOSPC, "it stays reserved after it was given back");
	ip_pool_destroy(pool);
}

Test(ip_pool, random_use_agrees_with_a_plain_table)
{
	struct ip_pool *pool = pool_of("10.1.0.0", "10.1.3.255", "10.9.0.0", "10.9.0.255");
	enum { N = 1280 };
	static uint32_t held[N];
	unsigned int n_held = 0;

	srandom(3);
	for (unsigned int step = 0; step < 200000; step++) {
		if (random() % 2) {
			uint32_t addr;
			int rc = ip_pool_take(pool, random() % 3000, &addr);

			cr_assert_eq(rc, n_held == N ? -ENOSPC : 0);
			if (rc)
				continue;
			for (unsigned int i = 0; step < 20000 && i < n_held; i++)
				cr_assert_neq(held[i], addr);
			held[n_held++] = addr;
		} else if (n_held) {
			unsigned int at = random() % n_held;

			cr_assert_eq(ip_pool_release(pool, held[at]), 0);
			held[at] = held[--n_held];
		}
	}
	ip_pool_destroy(pool);
}

Test(ip_pool, thousands_of_lines_of_one_name_do_not_slow_each_other_down, .timeout = 10)
{
	struct ip_pool *pool = pool_of("10.0.0.0", "10.3.255.255", NULL, NULL);
	uint32_t addr, first = 0;

	for (unsigned int i = 0; i < 262144; i++) {
		cr_assert_eq(ip_pool_take(pool, 7, &addr), 0);
		first = i ? first : addr;
	}
	/* each is forgotten for the one name and remembered for another */
	for (unsigned int i = 0; i < 262144; i++) {
		addr = htonl(ntohl(first) + i);
		cr_assert_eq(ip_pool_release(pool, addr), 0);
		cr_assert_eq(ip_pool_take(pool, 1000 + i, &addr), 0);
		cr_assert_eq(ntohl(addr), ntohl(first) + i);
	}
	ip_pool_destroy(pool);
}
