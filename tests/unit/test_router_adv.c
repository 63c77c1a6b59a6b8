/* SPDX-License-Identifier: BSD-3-Clause */
/* The router of a link: whom it answers, and when it speaks unasked. */
#include "router_adv.h"
#include "nd_packets.h"

#include <stdlib.h>

#define US   "fe80::ff:fe00:1"
#define NODE "ff02::1:ff00:1"

static const struct config_ipv6 config = {.hop_limit = 64,
	.ra_interval = 600,
	.ra_lifetime = 1800,
	.valid_lifetime = 7200,
	.preferred_lifetime = 3600,
	.other = true};
static const struct router_adv_link link6 = {.our_id = {0, 0, 0, 0xff, 0xfe, 0, 0, 1},
	.mtu = 1492,
	.has_prefix = true,
	.prefix = {0x20, 1, 0xd, 0xb8}};

#define TARGET_US    0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0, 0, 1
#define TARGET_OTHER 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9

/* 1 message; 2 type of the answer, 0 = none; 3 where to; 4 what is counted */
Test(router_adv, answers_truth_table)
{
	static const struct {
		const char *source, *destination;
		uint8_t len, icmp[32], answer;
		const char *to;
		enum router_adv_counter counter;
	} rows[] = {
		{"fe80::2", "ff02::2", 8, {133}, 134, "fe80::2", ROUTER_ADV_rs},
		{"::", "ff02::2", 8, {133}, 134, "ff02::1", ROUTER_ADV_rs},
		{"fe80::2", NODE, 24, {135, [8] = TARGET_US}, 136, "fe80::2", ROUTER_ADV_ns},
		{"fe80::2", US, 24, {135, [8] = TARGET_US}, 136, "fe80::2", ROUTER_ADV_ns},
		{"::", NODE, 24, {135, [8] = TARGET_US}, 136, "ff02::1", ROUTER_ADV_ns},
		{"fe80::2", NODE, 24, {135, [8] = TARGET_OTHER}, 0, NULL, ROUTER_ADV_ns_other},
		{"fe80::2", US, 12, {128}, 129, "fe80::2", ROUTER_ADV_echo},
		{"fe80::2", "fe80::9", 12, {128}, 0, NULL, ROUTER_ADV_ignored},
		{"fe80::2", "ff02::1", 12, {128}, 0, NULL, ROUTER_ADV_ignored},
		{"fe80::2", "ff02::1", 16, {134}, 0, NULL, ROUTER_ADV_ra_from_subscriber},
		{"fe80::2", "ff02::1", 24, {136, [8] = TARGET_OTHER}, 0, NULL, ROUTER_ADV_ignored},
		{"fe80::2", "ff02::16", 8, {143}, 0, NULL, ROUTER_ADV_ignored},
		{"fe80::2", "ff02::2", 8, {133, 1}, 0, NULL, ROUTER_ADV_code},
		{"fe80::2", "ff02::2", 9, {133, [8] = 1}, 0, NULL, ROUTER_ADV_options},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint64_t counters[ROUTER_ADV_COUNTERS_N] = {0};
		uint8_t bytes[128], out[2048];
		size_t len = icmp6_make(
			bytes, rows[i].source, rows[i].destination, 255, rows[i].icmp, rows[i].len);
		struct ip6_packet packet;
		struct nd_message message;

		cr_assert(ip6_parse(bytes, len, &packet));
		len = router_adv_input(&config, &link6, &packet, out, sizeof(out), counters);
		cr_expect_eq(counters[rows[i].counter], 1u, "row %u", i);
		cr_expect_eq(len != 0, rows[i].answer != 0, "row %u", i);
		if (!len)
			continue;
		cr_assert(ip6_parse(out, len, &packet));
		cr_assert_eq(nd_parse(&packet, &message), ND_OK, "row %u", i);
		cr_expect_eq(message.type, rows[i].answer, "row %u", i);
		cr_expect_arr_eq(message.destination, in6_of(rows[i].to).b, 16, "row %u", i);
		cr_expect_arr_eq(message.source, in6_of(US).b, 16, "row %u", i);
	}
}

Test(router_adv, nothing_longer_than_the_link_takes_is_sent)
{
	static char name[250], *names[] = {name, name, name, name, name, name, name, name};
	struct config_ipv6 wide = config;
	struct router_adv_link narrow = link6;
	uint64_t counters[ROUTER_ADV_COUNTERS_N] = {0};
	uint8_t out[4096];
	size_t len;

	for (unsigned int i = 0; i < 249; i++)
		name[i] = i % 50 == 49 ? '.' : 'x';
	wide.domains = names;
	wide.n_domains = 8;
	narrow.mtu = 1280;
	len = router_adv_make(&wide, &narrow, NULL, out, sizeof(out), counters);
	cr_assert_gt(len, 0u);
	cr_assert_leq(len, 1280u, "%zu: the search list is left out", len);
	cr_assert_eq(router_adv_make(&wide, &narrow, NULL, out, 40, counters), 0u);
	cr_assert_eq(counters[ROUTER_ADV_not_sent], 1u);
	cr_assert_eq(counters[ROUTER_ADV_ra_sent], 1u);
}

/* "option ..." of an advertisement: prefix=address/preferred/valid, dns=address,.../lifetime */
static const char *options_seen(const uint8_t *packet, size_t len)
{
	static char text[512];
	char address[INET6_ADDRSTRLEN];
	size_t n = 0;

	text[0] = '\0';
	for (const uint8_t *p = packet + 40 + 16; p < packet + len; p += 8 * p[1]) {
		if (p[0] == 3)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "prefix=%s/%u/%u ",
				inet_ntop(AF_INET6, p + 16, address, sizeof(address)),
				p[10] << 8 | p[11], p[6] << 8 | p[7]);
		if (p[0] != 25)
			continue;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "dns");
		for (unsigned int i = 0; i < (p[1] - 1u) / 2; i++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "=%s",
				inet_ntop(AF_INET6, p + 8 + 16 * i, address, sizeof(address)));
		n += (size_t)snprintf(text + n, sizeof(text) - n, "/%u ", p[6] << 8 | p[7]);
	}
	return text;
}

Test(router_adv, what_the_link_had_before_is_said_with_lifetimes_of_zero)
{
	struct nd_former former = {.n_prefixes = 2, .n_dns = 1};
	struct router_adv_link renumbered = link6;
	uint64_t counters[ROUTER_ADV_COUNTERS_N] = {0};
	uint8_t out[2048];
	size_t len;

	memcpy(former.prefixes[0], in6_of("2001:db8:1::").b, 16);
	memcpy(former.prefixes[1], in6_of("2001:db8:2::").b, 16);
	memcpy(former.dns[0], in6_of("2001:db8::9").b, 16);
	renumbered.former = &former;
	renumbered.dns[0].family = 6;
	memcpy(renumbered.dns[0].bytes, in6_of("2001:db8::53").b, 16);
	len = router_adv_make(&config, &renumbered, NULL, out, sizeof(out), counters);
	cr_expect_str_eq(options_seen(out, len),
		"prefix=2001:db8::/3600/7200 prefix=2001:db8:1::/0/0 prefix=2001:db8:2::/0/0 "
		"dns=2001:db8::53/1800 dns=2001:db8::9/0 ");
	renumbered.has_prefix = false;
	former.n_dns = 0;
	len = router_adv_make(&config, &renumbered, NULL, out, sizeof(out), counters);
	cr_expect_str_eq(options_seen(out, len),
		"prefix=2001:db8:1::/0/0 prefix=2001:db8:2::/0/0 dns=2001:db8::53/1800 ");
}

struct fired {
	unsigned int n;
	uint32_t index[64];
};

static void fire(void *user, uint32_t index)
{
	struct fired *fired = user;

	fired->index[fired->n++ % 64] = index;
}

Test(router_adv, pauses_lie_between_a_third_and_the_whole)
{
	static const uint32_t intervals[] = {4, 5, 9, 600, 1800};
	static const uint32_t randoms[] = {0, 1, 0x7fffffff, 0xffffffff};
	struct router_adv_clock clock;
	uint32_t last = 0;

	cr_assert_eq(router_adv_clock_init(&clock, 10), 0);
	for (unsigned int i = 0; i < 5; i++) {
		for (unsigned int j = 0; j < 4; j++) {
			uint32_t shortest = intervals[i] / 3 < 3 ? 3 : intervals[i] / 3;

			router_adv_clock_set(&clock, 3, 10500, intervals[i], randoms[j]);
			/* from 10.5 s on */
			cr_expect_geq(clock.due[3], 11 + shortest, "%u %u", i, j);
			cr_expect_leq(clock.due[3], 11 + intervals[i], "%u %u", i, j);
			cr_expect(j == 0 || clock.due[3] >= last);
			last = clock.due[3];
		}
	}
	router_adv_clock_fini(&clock);
}

Test(router_adv, each_session_is_due_once_and_cleared_ones_are_not)
{
	struct router_adv_clock clock;
	struct fired fired = {0};

	cr_assert_eq(router_adv_clock_init(&clock, 1000), 0);
	for (uint32_t index = 0; index < 40; index++)
		router_adv_clock_set(&clock, index * 25, 1000, 4, 0);
	router_adv_clock_clear(&clock, 75);
	router_adv_clock_clear(&clock, 999);
	cr_assert_eq(router_adv_clock_run(&clock, 2000, 64, fire, &fired), 0u);
	for (uint64_t now = 3000; now < 9000; now += 10)
		router_adv_clock_run(&clock, now, 7, fire, &fired);
	cr_assert_eq(fired.n, 39u);
	for (unsigned int i = 0; i < 39; i++)
		cr_assert_eq(fired.index[i], 25 * (i < 3 ? i : i + 1));
	router_adv_clock_fini(&clock);
}

Test(router_adv, a_million_sessions_are_swept_in_bounded_steps)
{
	struct router_adv_clock clock;
	struct fired fired = {0};
	unsigned int turns = 0, due = 0;

	cr_assert_eq(router_adv_clock_init(&clock, 1u << 20), 0);
	for (uint32_t index = 0; index < 1u << 20; index++)
		router_adv_clock_set(&clock, index, 0, 600, index * 4093u);
	for (uint64_t now = 0; now < 620000; now += 1000) {
		/* a thousand turns in a second: what is due has to be done in them */
		for (unsigned int turn = 0; turn < 1000; turn++, turns++) {
			unsigned int n = router_adv_clock_run(&clock, now, 64, fire, &fired);

			cr_assert_leq(n, 64u);
			due += n;
			if (clock.next >= clock.high)
				break;
		}
	}
	cr_assert_eq(due, 1u << 20);
	router_adv_clock_fini(&clock);
}
