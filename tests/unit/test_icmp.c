/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors: what they look like, what is never answered, how many there are. */
#include "path_fixture.h"

TestSuite(icmp, .init = path_start, .fini = path_finish);

Test(icmp, time_exceeded_goes_back_to_the_subscriber_from_the_address_that_was_set)
{
	struct iface_addr source = {.family = 4, .addr = {10, 255, 255, 1}};

	inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 60);
	inner.data[8] = 1;
	ip4_header_set_checksum(inner.data, 20);
	for (unsigned int set = 0; set < 2; set++) {
		uint32_t from = set ? RIG_IP(10, 255, 255, 1) : RIG_LNS,
			 to = rig_subscriber(SESSION);

		if (set)
			cr_assert_eq(dataplane_icmp_source(rig.dp, 0, &source), 0);
		send_up();
		cr_assert(rig_receive(&rig, RIG_ACCESS, &out));

		const uint8_t *ip = out.data + 14 + 38;

		cr_expect(packet_checksums_right(ip));
		cr_expect_eq(load_be16(ip + 2), 28 + 60);
		cr_expect_eq(ip[1], 0xc0);
		cr_expect_eq(ip[8], 64, "it is made here, not forwarded");
		cr_expect_arr_eq(ip + 12, &from, 4);
		cr_expect_arr_eq(ip + 16, &to, 4);
		cr_expect_eq(ip[20], 11);
		cr_expect_eq(ip[21], 0);
		cr_expect_eq(load32(ip + 24), 0);
		cr_expect_arr_eq(ip + 28, inner.data, 60);
	}
	cr_expect_eq(rig.dp->workers[0]->stats.icmp_sent, 2);
	cr_expect_eq(rig_drops(&rig, DROP_IP_TTL), 2);
}

Test(icmp, hop_limit_exceeded_goes_back_to_the_subscriber)
{
	struct iface_addr source = {.family = 6, .addr = {0x20, 1, 0xd, 0xb8, 0xaa, [15] = 1}};
	uint8_t from[16];

	rig_subscriber6(SESSION, from);
	inner_udp6(&inner, from, rig_server6, 100);
	inner.data[7] = 1;
	cr_assert_eq(dataplane_icmp_source(rig.dp, 0, &source), 0);
	send_up();
	cr_assert(rig_receive(&rig, RIG_ACCESS, &out));

	const uint8_t *ip = out.data + 14 + 38;

	cr_expect_eq(load_be16(ip - 2), 0x57);
	cr_expect(packet_checksums_right(ip));
	cr_expect_arr_eq(ip + 8, source.addr, 16);
	cr_expect_arr_eq(ip + 24, from, 16);
	cr_expect_eq(ip[40], 3);
	cr_expect_arr_eq(ip + 48, inner.data, 100);
}

/* Packets with a spent TTL that RFC 1812, 4.3.2.7, forbids to answer. */
Test(icmp, errors_fragments_and_groups_are_never_answered)
{
	static const struct {
		const char *name;
		uint8_t protocol, type;
		uint16_t fragment;
		bool answered;
	} packets[] = {
		{"UDP", 17, 0, 0, true},
		{"echo request", 1, 8, 0, true},
		{"echo reply", 1, 0, 0, true},
		{"timestamp", 1, 13, 0, true},
		{"unreachable", 1, 3, 0, false},
		{"source quench", 1, 4, 0, false},
		{"redirect", 1, 5, 0, false},
		{"time exceeded", 1, 11, 0, false},
		{"parameter problem", 1, 12, 0, false},
		{"first fragment", 17, 0, 0x2000, true},
		{"second fragment", 17, 0, 0x2003, false},
		{"last fragment", 17, 0, 0x0003, false},
	};

	for (size_t i = 0; i < RTE_DIM(packets); i++) {
		inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 60);
		inner.data[8] = 1;
		inner.data[9] = packets[i].protocol;
		store_be16(inner.data + 6, packets[i].fragment);
		ip4_header_set_checksum(inner.data, 20);
		inner.data[20] = packets[i].type;
		send_up();
		cr_expect_eq(rig_receive(&rig, RIG_ACCESS, &out), packets[i].answered, "%s",
			packets[i].name);
	}
}

Test(icmp, icmpv6_errors_are_never_answered_behind_extension_headers_either)
{
	static const struct {
		uint8_t next, extension[8], type;
		bool answered;
	} packets[] = {
		{58, {58, 0, 1, 4}, 128, true},
		{58, {0}, 1, false},
		{58, {0}, 2, false},
		{58, {0}, 137, false},
		{60, {58, 0, 1, 4}, 1, false},
		{60, {58, 0, 1, 4}, 128, true},
		{44, {58, 0, 0, 8}, 128, false},
		{44, {17, 0, 0, 1}, 0, true},
	};
	uint8_t from[16];

	rig_subscriber6(SESSION, from);
	for (size_t i = 0; i < RTE_DIM(packets); i++) {
		inner.n = 0;
		frame_ip6(&inner, from, rig_server6, packets[i].next,
			packets[i].next == 58 ? 40 : 48)[7] = 1;
		if (packets[i].next != 58)
			frame_add(&inner, packets[i].extension, 8);
		*frame_add(&inner, NULL, 40) = packets[i].type;
		send_up();
		cr_expect_eq(rig_receive(&rig, RIG_ACCESS, &out), packets[i].answered, "%zu", i);
	}
}

Test(icmp, rate_is_bounded_and_what_it_suppresses_counted)
{
	unsigned int answers = 0;

	inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 60);
	inner.data[8] = 1;
	ip4_header_set_checksum(inner.data, 20);
	for (unsigned int i = 0; i < 500; i++) {
		send_up();
		while (rig_receive(&rig, RIG_ACCESS, &out))
			answers++;
	}
	cr_expect_geq(answers, 50);
	cr_expect_lt(answers, 500);
	cr_expect_eq(rig_drops(&rig, DROP_ICMP_RATE), 500 - answers);
	cr_expect_eq(rig_drops(&rig, DROP_IP_TTL), 500);

	/* path MTU discovery has a rate of its own */
	inner_udp4(&inner, RIG_SERVER, rig_subscriber(SESSION), 1500);
	inner.data[6] = 0x40;
	ip4_header_set_checksum(inner.data, 20);
	frame_core4(&rig, &in, &inner);
	rig_send(&rig, RIG_CORE0, &in);
	rig_turn(&rig);
	cr_assert(rig_receive(&rig, RIG_CORE0, &out));
	cr_expect_eq(out.data[14 + 20], 3);
	cr_expect_eq(out.data[14 + 21], 4);
}

Test(icmp, long_packets_are_quoted_up_to_what_the_rfcs_allow)
{
	uint8_t from[16];

	inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 1400);
	inner.data[8] = 1;
	ip4_header_set_checksum(inner.data, 20);
	send_up();
	cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
	cr_expect_eq(out.n, 14 + 38 + 576);
	cr_expect(packet_checksums_right(out.data + 14 + 38));
	rig_subscriber6(SESSION, from);
	inner_udp6(&inner, from, rig_server6, 1400);
	inner.data[7] = 1;
	send_up();
	cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
	cr_expect_eq(out.n, 14 + 38 + 1280);
	cr_expect(packet_checksums_right(out.data + 14 + 38));
}

Test(icmp, core_interfaces_smaller_mtu_answers_or_fragments)
{
	struct adjacency_table *table = dataplane_adjacencies(rig.dp);
	uint8_t l2[14] = {2, 0, 0, 0, 0, 0x33};

	cr_assert_eq(adjacency_resolve(table, rig.adjacency[RIG_CORE0], l2, 14, 1000), 0);
	inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 1200);
	inner.data[6] = 0x40;
	ip4_header_set_checksum(inner.data, 20);
	send_up();
	cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
	cr_expect_eq(load_be16(out.data + 14 + 38 + 26), 1000);
	cr_expect_eq(rig_drops(&rig, DROP_IP_TOO_BIG), 1);
	inner.data[6] = 0;
	ip4_header_set_checksum(inner.data, 20);
	send_up();
	for (unsigned int i = 0; i < 2; i++) {
		cr_assert(rig_receive(&rig, RIG_CORE0, &out));
		cr_expect_leq(out.n, 1014);
		cr_expect_eq(ip4_header_sum(out.data + 14, 20), 0xffff);
	}
}
