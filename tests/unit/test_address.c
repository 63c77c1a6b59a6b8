/* SPDX-License-Identifier: BSD-3-Clause */
/* Shows the texts of addresses and the arithmetic of prefixes and ranges. */
#include "address.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N(array) (sizeof(array) / sizeof(*(array)))

Test(address, texts_are_strict_and_come_back_the_same)
{
	static const struct {
		const char *text, *back; /* NULL: refused */
	} rows[] = {
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"2001:DB8::0:1", "2001:db8::1"},
		{"::", "::"},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
		{"256.0.0.1", NULL},
		{"1.2.3", NULL},
		{"01.2.3.4", NULL},
		{" 1.2.3.4", NULL},
		{"1.2.3.4 ", NULL},
		{"1::2::3", NULL},
		{"fe80::1%eth0", NULL},
		{"", NULL},
	};
	struct ip_addr addr;
	char text[46];
	unsigned int i;

	for (i = 0; i < N(rows); i++) {
		cr_expect_eq(ip_addr_parse(rows[i].text, &addr), rows[i].back ? 0 : -EINVAL,
			"row %u", i);
		if (rows[i].back)
			cr_expect_str_eq(ip_addr_text(&addr, text), rows[i].back, "row %u", i);
	}
}

Test(address, prefixes_and_ranges_of_both_families)
{
	static const struct {
		const char *text, *network, *first, *last; /* NULL: refused */
	} rows[] = {
		{"10.1.2.3/0", "0.0.0.0/0", "0.0.0.0", "255.255.255.255"},
		{"10.1.2.3/8", "10.0.0.0/8", "10.0.0.0", "10.255.255.255"},
		{"10.1.2.3/23", "10.1.2.0/23", "10.1.2.0", "10.1.3.255"},
		{"10.1.2.3/31", "10.1.2.2/31", "10.1.2.2", "10.1.2.3"},
		{"10.1.2.3/32", "10.1.2.3/32", "10.1.2.3", "10.1.2.3"},
		{"2001:db8::1/0", "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"2001:db8:1:2::3/33", "2001:db8::/33",
			"2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"},
		{"2001:db8::7/128", "2001:db8::7/128", "2001:db8::7", "2001:db8::7"},
		{"10.0.0.0/33", NULL, NULL, NULL},
		{"::/129", NULL, NULL, NULL},
		{"10.0.0.0/", NULL, NULL, NULL},
		{"10.0.0.0/08", NULL, NULL, NULL},
		{"10.0.0.0/-1", NULL, NULL, NULL},
		{"10.0.0.0/4294967300", NULL, NULL, NULL},
		{"10.0.0.0", NULL, NULL, NULL},
		{"/8", NULL, NULL, NULL},
	};
	struct ip_prefix prefix, network;
	struct ip_range range;
	char text[50];
	unsigned int i;

	for (i = 0; i < N(rows); i++) {
		cr_expect_eq(ip_prefix_parse(rows[i].text, &prefix), rows[i].network ? 0 : -EINVAL,
			"row %u", i);
		if (!rows[i].network)
			continue;
		network = ip_prefix_network(&prefix);
		range = ip_prefix_range(&prefix);
		cr_expect_str_eq(ip_prefix_text(&network, text), rows[i].network, "row %u", i);
		cr_expect_str_eq(ip_addr_text(&range.first, text), rows[i].first, "row %u", i);
		cr_expect_str_eq(ip_addr_text(&range.last, text), rows[i].last, "row %u", i);
		cr_expect(ip_prefix_holds(&prefix, &range.first));
		cr_expect(ip_prefix_holds(&prefix, &range.last));
	}
}

Test(address, a_prefix_holds_what_shares_its_bits_and_its_family)
{
	static const struct {
		const char *prefix, *addr;
		bool holds;
	} rows[] = {
		{"10.0.0.0/8", "10.255.0.1", true},
		{"10.0.0.0/8", "11.0.0.0", false},
		{"10.0.0.0/8", "9.255.255.255", false},
		{"10.0.0.77/24", "10.0.0.1", true}, /* host bits do not count */
		{"0.0.0.0/0", "::", false},
		{"::/0", "0.0.0.0", false},
		{"::/0", "2001:db8::1", true},
		{"2001:db8::/63", "2001:db8:0:1::5", true},
		{"2001:db8::/63", "2001:db8:0:2::5", false},
		{"a00::/8", "10.0.0.0", false},
	};
	struct ip_prefix prefix;
	struct ip_addr addr, none = {0};
	unsigned int i;

	for (i = 0; i < N(rows); i++) {
		cr_assert_eq(ip_prefix_parse(rows[i].prefix, &prefix), 0);
		cr_assert_eq(ip_addr_parse(rows[i].addr, &addr), 0);
		cr_expect_eq(ip_prefix_holds(&prefix, &addr), rows[i].holds, "row %u", i);
		cr_expect_not(ip_prefix_holds(&prefix, &none));
	}
}

Test(address, unicast_is_what_a_host_may_have)
{
	static const struct {
		const char *text;
		bool unicast;
	} rows[] = {
		{"0.0.0.0", false},
		{"0.1.2.3", false},
		{"1.0.0.0", true},
		{"126.255.255.255", true},
		{"127.0.0.1", false},
		{"128.0.0.1", true},
		{"223.255.255.255", true},
		{"224.0.0.1", false},
		{"240.0.0.1", false},
		{"255.255.255.255", false},
		{"::", false},
		{"::1", false},
		{"::2", true},
		{"fe80::1", true},
		{"ff02::1", false},
		{"2001:db8::1", true},
	};
	struct ip_addr addr;
	unsigned int i;

	for (i = 0; i < N(rows); i++) {
		cr_assert_eq(ip_addr_parse(rows[i].text, &addr), 0);
		cr_expect_eq(ip_addr_unicast(&addr), rows[i].unicast, "row %u", i);
	}
}

/* "first-last first-last", which must come out of a join; NULL-terminated input. */
static char *ranges_text(const struct ip_range *ranges, unsigned int n, char *text)
{
	char first[46], last[46], *p = text;
	unsigned int i;

	*p = '\0';
	for (i = 0; i < n; i++)
		p += sprintf(p, "%s%s-%s", i ? " " : "", ip_addr_text(&ranges[i].first, first),
			ip_addr_text(&ranges[i].last, last));
	return text;
}

static char *prefixes_text(const struct ip_prefix *prefixes, unsigned int n, char *text)
{
	char one[50], *p = text;
	unsigned int i;

	*p = '\0';
	for (i = 0; i < n; i++)
		p += sprintf(p, "%s%s", i ? " " : "", ip_prefix_text(&prefixes[i], one));
	return text;
}

Test(address, ranges_join_to_the_fewest_ranges_and_prefixes)
{
	static const struct {
		const char *in[5];
		const char *joined, *aggregates;
	} rows[] = {
		{{"10.0.0.0/24"}, "10.0.0.0-10.0.0.255", "10.0.0.0/24"},
		{{"10.0.0.7"}, "10.0.0.7-10.0.0.7", "10.0.0.7/32"},
		{{"10.0.1.0/24", "10.0.0.0/24"}, "10.0.0.0-10.0.1.255", "10.0.0.0/23"},
		{{"10.0.1.0/24", "10.0.2.0/24"}, "10.0.1.0-10.0.2.255", "10.0.1.0/24 10.0.2.0/24"},
		{{"10.0.0.0/24", "10.0.0.64/26"}, "10.0.0.0-10.0.0.255", "10.0.0.0/24"},
		{{"10.0.0.1-10.0.0.254"}, "10.0.0.1-10.0.0.254",
			"10.0.0.1/32 10.0.0.2/31 10.0.0.4/30 10.0.0.8/29 10.0.0.16/28 10.0.0.32/27 "
			"10.0.0.64/26 10.0.0.128/26 10.0.0.192/27 10.0.0.224/28 10.0.0.240/29 "
			"10.0.0.248/30 10.0.0.252/31 10.0.0.254/32"},
		{{"10.0.0.5", "10.0.0.4", "10.0.0.7", "10.0.0.6"}, "10.0.0.4-10.0.0.7",
			"10.0.0.4/30"},
		{{"10.0.0.2", "10.0.0.0"}, "10.0.0.0-10.0.0.0 10.0.0.2-10.0.0.2",
			"10.0.0.0/32 10.0.0.2/32"},
		{{"0.0.0.0/0"}, "0.0.0.0-255.255.255.255", "0.0.0.0/0"},
		{{"255.255.255.254-255.255.255.255", "0.0.0.0"},
			"0.0.0.0-0.0.0.0 255.255.255.254-255.255.255.255",
			"0.0.0.0/32 255.255.255.254/31"},
		{{"::/0"}, "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0"},
		{{"2001:db8:0:1::/64", "2001:db8::/64"},
			"2001:db8::-2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8::/63"},
		{{"2001:db8::/64", "10.0.0.0/8"},
			"10.0.0.0-10.255.255.255 2001:db8::-2001:db8::ffff:ffff:ffff:ffff",
			"10.0.0.0/8 2001:db8::/64"},
	};
	struct ip_range ranges[5];
	struct ip_prefix prefixes[256];
	char text[1024];
	unsigned int i, n;

	for (i = 0; i < N(rows); i++) {
		for (n = 0; n < 5 && rows[i].in[n]; n++)
			cr_assert_eq(ip_range_parse(rows[i].in[n], &ranges[n]), 0, "row %u", i);
		n = ip_ranges_join(ranges, n);
		cr_expect_str_eq(
			ranges_text(ranges, n, text), rows[i].joined, "row %u: %s", i, text);
		cr_expect_eq(ip_ranges_aggregate(ranges, n, NULL),
			ip_ranges_aggregate(ranges, n, prefixes));
		n = ip_ranges_aggregate(ranges, n, prefixes);
		cr_expect_str_eq(prefixes_text(prefixes, n, text), rows[i].aggregates, "row %u: %s",
			i, text);
	}
	cr_expect_eq(ip_ranges_join(ranges, 0), 0);
}

Test(address, aggregates_cover_each_range_exactly_and_cannot_be_merged)
{
	struct ip_range range = {.first.family = 4, .last.family = 4};
	struct ip_prefix prefixes[64];
	unsigned int first, last, i;

	/* All ranges within a /26. */
	for (first = 0; first < 64; first++) {
		for (last = first; last < 64; last++) {
			unsigned int n, next = first;

			range.first.bytes[3] = first;
			range.last.bytes[3] = last;
			n = ip_ranges_aggregate(&range, 1, prefixes);
			for (i = 0; i < n; i++) {
				unsigned int size = 1u << (32 - prefixes[i].length);

				cr_assert_eq(prefixes[i].addr.bytes[3], next);
				cr_assert_eq(next % size, 0);
				cr_assert_not(i && prefixes[i].length == prefixes[i - 1].length &&
					(next - size) % (2 * size) == 0);
				next += size;
			}
			cr_assert_eq(next, last + 1);
		}
	}
}

Test(address, a_text_that_is_no_range_is_refused)
{
	static const char *const bad[] = {"10.0.0.1/24", "10.0.0.2-10.0.0.1", "10.0.0.1-::1",
		"10.0.0.1-", "-10.0.0.1", "10.0.0.1--10.0.0.2", "10.0.0.1 - 10.0.0.2", "",
		"10.0.0.0/24-10.0.1.0/24"};
	struct ip_range range;
	unsigned int i;

	for (i = 0; i < N(bad); i++)
		cr_expect_eq(ip_range_parse(bad[i], &range), -EINVAL, "%s", bad[i]);
}

Test(address, one_address_is_cut_out_of_the_ranges)
{
	static const struct {
		const char *in, *out, *left;
	} rows[] = {
		{"10.0.0.0/30", "10.0.0.1", "10.0.0.0-10.0.0.0 10.0.0.2-10.0.0.3"},
		{"10.0.0.0/30", "10.0.0.0", "10.0.0.1-10.0.0.3"},
		{"10.0.0.0/30", "10.0.0.3", "10.0.0.0-10.0.0.2"},
		{"10.0.0.0/30", "10.0.0.4", "10.0.0.0-10.0.0.3"},
		{"10.0.0.9", "10.0.0.9", ""},
		{"10.0.0.0/30", "::1", "10.0.0.0-10.0.0.3"},
		{"2001:db8::/127", "2001:db8::1", "2001:db8::-2001:db8::"},
	};
	struct ip_range ranges[2];
	struct ip_addr addr;
	char text[200];
	unsigned int i, n;

	for (i = 0; i < N(rows); i++) {
		cr_assert_eq(ip_range_parse(rows[i].in, &ranges[0]), 0);
		cr_assert_eq(ip_addr_parse(rows[i].out, &addr), 0);
		n = ip_ranges_exclude(ranges, 1, &addr);
		cr_expect_str_eq(ranges_text(ranges, n, text), rows[i].left, "row %u: %s", i, text);
	}
}
