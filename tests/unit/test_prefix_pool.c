/* SPDX-License-Identifier: BSD-3-Clause */
/* Prefix pools: every prefix once, of the right length, and the old one back where possible. */
#include "prefix_pool.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct bytes16 {
	uint8_t b[16];
};

static struct bytes16 v6(const char *text)
{
	struct bytes16 out;

	cr_assert_eq(inet_pton(AF_INET6, text, out.b), 1, "%s", text);
	return out;
}

static struct prefix_pool *pool_of(
	uint8_t length, const char *net1, uint8_t l1, const char *net2, uint8_t l2)
{
	struct ip_prefix prefixes[2] = {
		{.addr.family = 6, .length = l1}, {.addr.family = 6, .length = l2}};
	struct config_prefix_pool config = {
		.name = "p", .length = length, .n_prefixes = net2 ? 2 : 1, .prefixes = prefixes};

	inet_pton(AF_INET6, net1, prefixes[0].addr.bytes);
	if (net2)
		inet_pton(AF_INET6, net2, prefixes[1].addr.bytes);
	return prefix_pool_create(&config);
}

static void must_take(struct prefix_pool *pool, uint64_t user, const char *expected)
{
	struct bytes16 got, want = v6(expected);
	char text[46];

	cr_assert_eq(prefix_pool_take(pool, user, got.b), 0);
	cr_assert(!memcmp(&got, &want, 16), "%s, not %s", inet_ntop(AF_INET6, got.b, text, 46),
		expected);
}

/* 1 length of the pool; 2 its networks; 3 what comes in order */
Test(prefix_pool, gives_every_prefix_of_every_network_once_and_then_says_exhausted)
{
	static const struct {
		uint8_t length;
		const char *net1, *net2;
		uint8_t l1, l2;
		const char *order[7];
	} rows[] = {
		{64, "2001:db8::", NULL, 62, 0,
			{"2001:db8::", "2001:db8:0:1::", "2001:db8:0:2::", "2001:db8:0:3::"}},
		{56, "2001:db8:0:ff00::", "2001:db8:ffff::", 56, 55,
			{"2001:db8:0:ff00::", "2001:db8:ffff::", "2001:db8:ffff:100::"}},
		{48, "2001:db8:fffe::", NULL, 47, 0, {"2001:db8:fffe::", "2001:db8:ffff::"}},
		{60, "2001:db8::", NULL, 59, 0, {"2001:db8::", "2001:db8:0:10::"}},
		{128, "2001:db8::fffc", "2001:db8:1::", 126, 127,
			{"2001:db8::fffc", "2001:db8::fffd", "2001:db8::fffe", "2001:db8::ffff",
				"2001:db8:1::", "2001:db8:1::1"}},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct prefix_pool *pool =
			pool_of(rows[i].length, rows[i].net1, rows[i].l1, rows[i].net2, rows[i].l2);
		struct slot_pool_usage usage;
		struct bytes16 got;
		unsigned int n = 0;

		cr_assert_not_null(pool);
		for (; rows[i].order[n]; n++)
			must_take(pool, n + 1, rows[i].order[n]);
		cr_assert_eq(prefix_pool_take(pool, 99, got.b), -ENOSPC, "row %u", i);
		prefix_pool_usage(pool, &usage);
		cr_assert_eq(usage.used, n, "row %u", i);
		cr_assert_eq(usage.size, n);
		cr_assert_eq(usage.free, 0u);
		cr_assert_eq(usage.exhausted, 1u);
		while (n-- > 0) {
			got = v6(rows[i].order[n]);
			cr_assert_eq(prefix_pool_release(pool, got.b, rows[i].length), 0);
			cr_assert_eq(prefix_pool_release(pool, got.b, rows[i].length), -ENOENT);
		}
		prefix_pool_destroy(pool);
	}
}

Test(prefix_pool, a_user_gets_its_last_prefix_back)
{
	struct prefix_pool *pool = pool_of(56, "2001:db8::", 48, NULL, 0);
	struct bytes16 mine = v6("2001:db8::");

	must_take(pool, 7, "2001:db8::");
	prefix_pool_release(pool, mine.b, 56);
	must_take(pool, 8, "2001:db8:0:100::");
	must_take(pool, 7, "2001:db8::");
	prefix_pool_destroy(pool);
}

Test(prefix_pool, exact_and_reserved_prefixes_are_never_given_to_others)
{
	struct prefix_pool *pool = pool_of(64, "2001:db8::", 63, NULL, 0);
	struct bytes16 first = v6("2001:db8::"), second = v6("2001:db8:0:1::"),
		       host = v6("2001:db8::1"), other = v6("2001:db8:1::"), got;

	cr_assert_eq(prefix_pool_reserve(pool, first.b, 64), 0);
	cr_assert_eq(prefix_pool_reserve(pool, first.b, 56), -ERANGE, "another length");
	cr_assert_eq(prefix_pool_reserve(pool, host.b, 64), -ERANGE, "host bits");
	cr_assert_eq(prefix_pool_reserve(pool, other.b, 64), -ERANGE);
	must_take(pool, 1, "2001:db8:0:1::");
	cr_assert_eq(prefix_pool_take(pool, 2, got.b), -ENOSPC);
	cr_assert_eq(prefix_pool_take_exact(pool, 2, second.b, 64), -EBUSY);
	cr_assert_eq(prefix_pool_take_exact(pool, 2, first.b, 64), 0);
	cr_assert_eq(prefix_pool_release(pool, first.b, 64), 0);
	cr_assert_eq(prefix_pool_take(pool, 2, got.b), -ENOSPC, "reserved for good");
	cr_assert_eq(prefix_pool_release(pool, other.b, 64), -ERANGE);
	prefix_pool_destroy(pool);
}

/* 1 length of the pool; 2 the prefix that is somebody's; 3 how many of the pool's have a part of it */
Test(prefix_pool, what_overlaps_a_prefix_of_another_length_is_kept)
{
	static const struct {
		uint8_t pool, length;
		const char *prefix;
		uint64_t kept;
	} rows[] = {
		{64, 56, "2001:db8:0:100::", 256},
		{64, 62, "2001:db8:0:104::", 4},
		{64, 128, "2001:db8:0:104::7", 1},
		{64, 48, "2001:db8::", 512},
		{64, 32, "2001:db8::", 1024}, /* both networks */
		{64, 0, "::", 1024},
		{64, 64, "2001:db8:0:1ff::", 1},
		{64, 64, "2001:db8:0:200::", 0},
		{64, 64, "2001:db7:ffff:ffff::", 0},
		{64, 56, "2001:db8:ffff:fe00::", 256}, /* the last network's first half */
		{60, 64, "2001:db8:0:10f::", 1},
		{60, 56, "2001:db8:0:100::", 16},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct prefix_pool *pool =
			pool_of(rows[i].pool, "2001:db8::", 55, "2001:db8:ffff:fe00::", 55);
		struct bytes16 prefix = v6(rows[i].prefix), got;
		struct slot_pool_usage usage;

		cr_assert_eq(prefix_pool_overlaps(pool, prefix.b, rows[i].length), rows[i].kept > 0,
			"row %u", i);
		prefix_pool_reserve_range(pool, prefix.b, rows[i].length);
		prefix_pool_usage(pool, &usage);
		cr_assert_eq(usage.reserved, rows[i].kept, "row %u: %lu", i, usage.reserved);
		while (!prefix_pool_take(pool, 0, got.b)) {
			unsigned int bits = rows[i].length < rows[i].pool ? rows[i].length
									  : rows[i].pool;
			struct ip_prefix network = {.addr.family = 6, .length = (uint8_t)bits};
			struct ip_addr addr = {.family = 6};

			memcpy(network.addr.bytes, prefix.b, 16);
			memcpy(addr.bytes, got.b, 16);
			cr_assert_not(ip_prefix_holds(&network, &addr), "row %u", i);
		}
		prefix_pool_destroy(pool);
	}
}

Test(prefix_pool, sixteen_million_prefixes_cost_what_is_used)
{
	struct prefix_pool *pool = pool_of(64, "2001:db8::", 40, NULL, 0);
	struct bytes16 last = v6("2001:db8:ff:ffff::");

	cr_assert_not_null(pool);
	cr_assert_eq(prefix_pool_take_exact(pool, 1, last.b, 64), 0);
	for (unsigned int i = 0; i < 100000; i++) {
		struct bytes16 got;

		cr_assert_eq(prefix_pool_take(pool, 0, got.b), 0);
		cr_assert_eq((unsigned int)got.b[5] << 16 | got.b[6] << 8 | got.b[7], i);
	}
	prefix_pool_destroy(pool);
}
