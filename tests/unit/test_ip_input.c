/* SPDX-License-Identifier: BSD-3-Clause */
/* The checks on what subscribers and the core side send. */
#include "path_fixture.h"

static struct meta meta;

TestSuite(ip_input, .init = path_start, .fini = path_finish);

static void send_down(void)
{
	frame_core4(&rig, &in, &inner);
	rig_send(&rig, RIG_CORE0, &in);
	rig_turn(&rig);
}

static void expect(const char *name, int reason)
{
	bool sent = rig_receive(&rig, RIG_CORE0, &out) || rig_receive(&rig, RIG_ACCESS, &out);

	cr_expect_eq(sent, reason == DROP_NONE, "%s: %s", name, sent ? "sent" : "not sent");
	if (reason != DROP_NONE) {
		cr_expect_eq(rig_drops(&rig, (enum drop_reason)reason), 1, "%s", name);
		cr_expect_eq(rig_drops_all(&rig), 1, "%s", name);
	} else {
		cr_expect_eq(rig_drops_all(&rig), 0, "%s", name);
	}
	while (rig_receive(&rig, RIG_CORE0, &out))
		;
	memset(rig.dp->workers[0]->stats.drops, 0, sizeof(rig.dp->workers[0]->stats.drops));
}

static const struct {
	const char *name;
	uint32_t from, to;
	int up, down; /* DROP_NONE or why it is dropped */
} addresses4[] = {
	{"the subscriber's", RIG_IP(10, 0, 0, 3), RIG_SERVER, DROP_NONE, DROP_NONE},
	{"its neighbour's", RIG_IP(10, 0, 0, 4), RIG_SERVER, DROP_IP_SPOOFED, DROP_NONE},
	{"ours", RIG_LNS, RIG_SERVER, DROP_IP_SPOOFED, DROP_NONE},
	{"none", 0, RIG_SERVER, DROP_IP_SPOOFED, DROP_IP_MARTIAN},
	{"loopback", RIG_IP(127, 0, 0, 1), RIG_SERVER, DROP_IP_SPOOFED, DROP_IP_MARTIAN},
	{"multicast", RIG_IP(224, 0, 0, 1), RIG_SERVER, DROP_IP_SPOOFED, DROP_IP_MARTIAN},
	{"class E", RIG_IP(240, 0, 0, 1), RIG_SERVER, DROP_IP_SPOOFED, DROP_IP_MARTIAN},
	{"to loopback", RIG_IP(10, 0, 0, 3), RIG_IP(127, 0, 0, 1), DROP_IP_MARTIAN,
		DROP_IP_MARTIAN},
	{"to 0/8", RIG_IP(10, 0, 0, 3), RIG_IP(0, 1, 2, 3), DROP_IP_MARTIAN, DROP_IP_MARTIAN},
	{"to class E", RIG_IP(10, 0, 0, 3), RIG_IP(255, 255, 255, 254), DROP_IP_MARTIAN,
		DROP_IP_MARTIAN},
	{"to link-local", RIG_IP(10, 0, 0, 3), RIG_IP(169, 254, 169, 254), DROP_IP_LINK_LOCAL,
		DROP_IP_LINK_LOCAL},
	{"link-local", RIG_IP(169, 254, 1, 1), RIG_SERVER, DROP_IP_LINK_LOCAL, DROP_IP_LINK_LOCAL},
	{"the routed prefix, first", RIG_IP(198, 18, 5, 0), RIG_SERVER, DROP_NONE, DROP_NONE},
	{"the routed prefix, last", RIG_IP(198, 18, 5, 255), RIG_SERVER, DROP_NONE, DROP_NONE},
	{"beside the routed prefix", RIG_IP(198, 18, 6, 0), RIG_SERVER, DROP_IP_SPOOFED, DROP_NONE},
};

Test(ip_input, ipv4_sources_and_destinations)
{
	uint32_t address = rig_subscriber(SESSION);
	struct session_prefix prefixes[] = {
		{.family = 4, .length = 32}, {.family = 4, .length = 24, .addr = {198, 18, 5}}};

	memcpy(prefixes[0].addr, &address, 4);
	cr_assert_eq(
		session_update(dataplane_sessions(rig.dp), 0, 1492, 0, 0, RIG_FLAGS, prefixes, 2),
		0);
	for (size_t i = 0; i < RTE_DIM(addresses4); i++) {
		inner_udp4(&inner, addresses4[i].from, addresses4[i].to, 60);
		send_up();
		expect(addresses4[i].name, addresses4[i].up);
		send_down();
		expect(addresses4[i].name, addresses4[i].down);
	}
}

Test(ip_input, session_without_an_address_sends_nothing)
{
	cr_assert_eq(
		session_update(dataplane_sessions(rig.dp), 0, 1492, 0, 0, RIG_FLAGS, NULL, 0), 0);
	for (unsigned int v6 = 0; v6 < 2; v6++) {
		uint8_t from[16];

		rig_subscriber6(SESSION, from);
		if (v6)
			inner_udp6(&inner, from, rig_server6, 60);
		else
			inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 60);
		send_up();
		expect("no prefix", DROP_IP_SPOOFED);
	}
}

Test(ip_input, ipv6_sources_and_destinations)
{
	static const struct {
		const char *name;
		uint8_t from[16], to[16];
		int reason; /* -2: to the control plane */
	} packets[] = {
		{"the subscriber's", {0x20, 1, 0xd, 0xb8, 0, 1, 0, 3, [15] = 9},
			{0x20, 1, 0xd, 0xb8, 0xff}, DROP_NONE},
		{"its neighbour's", {0x20, 1, 0xd, 0xb8, 0, 1, 0, 4, [15] = 9},
			{0x20, 1, 0xd, 0xb8, 0xff}, DROP_IP_SPOOFED},
		{"link-local onward", {0xfe, 0x80, [15] = 9}, {0x20, 1, 0xd, 0xb8, 0xff},
			DROP_IP_LINK_LOCAL},
		{"router solicitation", {0xfe, 0x80, [15] = 9}, {0xff, 2, [15] = 2}, -2},
		{"duplicate address detection", {0}, {0xff, 2, [11] = 1, 0xff, 1, 2, 3}, -2},
		{"DHCPv6", {0xfe, 0x80, [15] = 9}, {0xff, 2, [13] = 1, 0, 2}, -2},
		{"link-local to us", {0xfe, 0x80, [15] = 9}, {0xfe, 0x80, [15] = 1}, -2},
		{"global to a link-local group", {0x20, 1, 0xd, 0xb8, 0, 1, 0, 3, [15] = 9},
			{0xff, 2, [15] = 2}, DROP_IP_LINK_LOCAL},
		{"wider multicast", {0x20, 1, 0xd, 0xb8, 0, 1, 0, 3, [15] = 9},
			{0xff, 0xe, [15] = 2}, DROP_IP_LINK_LOCAL},
		{"to loopback", {0x20, 1, 0xd, 0xb8, 0, 1, 0, 3, [15] = 9}, {[15] = 1},
			DROP_IP_MARTIAN},
		{"to a mapped address", {0x20, 1, 0xd, 0xb8, 0, 1, 0, 3, [15] = 9},
			{[10] = 0xff, 0xff, 1, 2, 3, 4}, DROP_IP_MARTIAN},
		{"from nowhere", {0}, {0x20, 1, 0xd, 0xb8, 0xff}, DROP_IP_SPOOFED},
	};

	for (size_t i = 0; i < RTE_DIM(packets); i++) {
		inner_udp6(&inner, packets[i].from, packets[i].to, 60);
		send_up();
		if (packets[i].reason != -2) {
			expect(packets[i].name, packets[i].reason);
			continue;
		}
		cr_expect_eq(rig_punted(&rig, PUNT_RING_EXCEPTION, &out, &meta), PUNT_LOCAL, "%s",
			packets[i].name);
		cr_expect_eq(meta.session, 0, "%s", packets[i].name);
		cr_expect_eq(meta.generation, rig_session_at(&rig, 0)->generation);
		cr_expect_eq(out.n, 60);
	}
}

/* One byte of a good IPv4 packet of 60 bytes changed; its checksum made right again or not. */
static const struct {
	const char *name;
	uint8_t offset, value, checksum;
	int reason;
} headers4[] = {
	{"good", 0, 0x45, 1, DROP_NONE},
	{"version", 0, 0x55, 1, DROP_IP_HEADER},
	{"header of 16 bytes", 0, 0x44, 0, DROP_IP_HEADER},
	{"header longer than the packet says", 3, 19, 1, DROP_IP_LENGTH},
	{"one byte more than there is", 3, 61, 1, DROP_IP_LENGTH},
	{"far more than there is", 2, 0xff, 1, DROP_IP_LENGTH},
	{"fewer than there are", 3, 59, 1, DROP_NONE},
	{"checksum", 11, 0x99, 0, DROP_IP_CHECKSUM},
	{"TTL 2", 8, 2, 1, DROP_NONE},
	{"TTL 1", 8, 1, 1, DROP_IP_TTL},
	{"TTL 0", 8, 0, 1, DROP_IP_TTL},
};

Test(ip_input, ipv4_headers_both_ways)
{
	for (size_t i = 0; i < RTE_DIM(headers4); i++) {
		for (unsigned int down = 0; down < 2; down++) {
			inner_udp4(&inner, down ? RIG_SERVER : rig_subscriber(SESSION),
				down ? rig_subscriber(SESSION) : RIG_SERVER, 60);
			inner.data[headers4[i].offset] = headers4[i].value;
			if (headers4[i].checksum)
				ip4_header_set_checksum(inner.data, 20);
			if (down)
				send_down();
			else
				send_up();
			while (headers4[i].reason == DROP_IP_TTL &&
				rig_receive(&rig, RIG_CORE0, &out))
				; /* the ICMP error */
			while (headers4[i].reason == DROP_IP_TTL &&
				rig_receive(&rig, RIG_ACCESS, &out))
				;
			expect(headers4[i].name, headers4[i].reason);
		}
	}
}

Test(ip_input, ipv6_lengths_and_hop_limit)
{
	static const struct {
		uint8_t offset, value;
		int reason;
	} packets[] = {{5, 20, DROP_NONE}, {5, 21, DROP_IP_LENGTH}, {5, 10, DROP_NONE},
		{0, 0x50, DROP_IP_HEADER}, {7, 2, DROP_NONE}, {7, 1, DROP_IP_TTL}};
	uint8_t to[16];

	rig_subscriber6(SESSION, to);
	for (size_t i = 0; i < RTE_DIM(packets); i++) {
		char name[8];

		snprintf(name, sizeof(name), "%zu", i);
		inner_udp6(&inner, rig_server6, to, 60);
		inner.data[packets[i].offset] = packets[i].value;
		frame_core4(&rig, &in, &inner);
		store_be16(in.data + 12, RTE_ETHER_TYPE_IPV6);
		rig_send(&rig, RIG_CORE0, &in);
		rig_turn(&rig);
		if (packets[i].reason == DROP_IP_TTL)
			cr_expect(rig_receive(&rig, RIG_CORE0, &out), "the ICMP error");
		expect(name, packets[i].reason);
	}
}

Test(ip_input, ethernet_padding_does_not_reach_the_subscriber)
{
	inner_udp4(&inner, RIG_SERVER, rig_subscriber(SESSION), 30);
	frame_core4(&rig, &in, &inner);
	frame_add(&in, NULL, 16);
	rig_send(&rig, RIG_CORE0, &in);
	rig_turn(&rig);
	cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
	cr_expect_eq(out.n, 14 + 38 + 30);
	cr_expect_eq(rig_session_at(&rig, 0)->counters.down_bytes4, 30);
}

Test(ip_input, options_pass_but_for_source_routes_and_lists_that_do_not_add_up)
{
	static const struct {
		const char *name;
		uint8_t options[8];
		int reason;
	} packets[] = {
		{"no operation", {1, 1, 1, 1, 1, 1, 1, 0}, DROP_NONE},
		{"record route", {7, 7, 4, 0, 0, 0, 0, 0}, DROP_NONE},
		{"router alert", {148, 4, 0, 0, 0, 0, 0, 0}, DROP_NONE},
		{"loose source route", {131, 7, 4, 1, 2, 3, 4, 0}, DROP_IP_OPTIONS},
		{"strict source route", {137, 7, 4, 1, 2, 3, 4, 0}, DROP_IP_OPTIONS},
		{"behind others", {1, 1, 131, 3, 4, 0, 0, 0}, DROP_IP_OPTIONS},
		{"length 0", {7, 0, 0, 0, 0, 0, 0, 0}, DROP_IP_HEADER},
		{"length 1", {7, 1, 0, 0, 0, 0, 0, 0}, DROP_IP_HEADER},
		{"beyond the header", {7, 9, 4, 0, 0, 0, 0, 0}, DROP_IP_HEADER},
		{"no length", {1, 1, 1, 1, 1, 1, 1, 7}, DROP_IP_HEADER},
	};

	for (size_t i = 0; i < RTE_DIM(packets); i++) {
		inner.n = 0;
		uint8_t *ip =
			frame_ip4(&inner, rig_subscriber(SESSION), RIG_SERVER, 17, 8 + 8 + 20);
		frame_add(&inner, packets[i].options, 8);
		ip[0] = 0x47;
		ip4_header_set_checksum(ip, 28);
		frame_udp(&inner, 1, 2, 20);
		frame_add(&inner, NULL, 20);
		send_up();
		expect(packets[i].name, packets[i].reason);
	}
}

Test(ip_input, multicast_and_broadcast_of_a_subscriber_stay_where_they_are)
{
	inner_udp4(&inner, rig_subscriber(SESSION), RIG_IP(224, 0, 0, 22), 60);
	send_up();
	expect("IGMP", DROP_IP_LINK_LOCAL);
	inner_udp4(&inner, rig_subscriber(SESSION), UINT32_MAX, 60);
	send_up();
	expect("DHCPINFORM", DROP_IP_MARTIAN);
}

Test(ip_input, what_the_routes_refuse)
{
	static const struct {
		const char *name;
		uint32_t target;
		int reason, code; /* ICMP code, -1: silent */
	} routes[] = {
		{"blackhole", 5u << FIB_INDEX_BITS | FIB_BLACKHOLE, DROP_IP_REFUSED, -1},
		{"unreachable", 5u << FIB_INDEX_BITS | FIB_UNREACH, DROP_IP_REFUSED, 1},
		{"prohibit", 5u << FIB_INDEX_BITS | FIB_PROHIBIT, DROP_IP_REFUSED, 13},
		{"no route", 0, DROP_IP_NO_ROUTE, 0},
	};
	struct fib *fib = dataplane_fib(rig.dp, 0);

	cr_assert_eq(fib_target(FIB_UNREACHABLE, 0), 5u << FIB_INDEX_BITS);
	for (size_t i = 0; i < RTE_DIM(routes); i++) {
		if (routes[i].target != 0)
			cr_assert_eq(fib_set4(fib, 0, 0, routes[i].target), 0);
		else
			cr_assert_eq(fib_delete4(fib, 0, 0), 0);
		inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 60);
		send_up();
		cr_expect_eq(rig_receive(&rig, RIG_ACCESS, &out), routes[i].code >= 0, "%s",
			routes[i].name);
		if (routes[i].code >= 0) {
			const uint8_t *ip = out.data + 14 + 38;

			cr_expect(packet_checksums_right(ip), "%s", routes[i].name);
			cr_expect_eq(ip[20], 3);
			cr_expect_eq(ip[21], routes[i].code, "%s: code %d", routes[i].name, ip[21]);
		}
		expect(routes[i].name, routes[i].reason);
	}
}

Test(ip_input, neighbour_to_be_resolved_is_asked_for_at_a_bounded_rate)
{
	unsigned int punted = 0;

	cr_assert_eq(fib_set4(dataplane_fib(rig.dp, 0), RIG_IP(203, 0, 113, 0), 24,
			     fib_target(FIB_GLEAN, RIG_CORE0)),
		0);
	for (unsigned int i = 0; i < 2000; i++) {
		inner_udp4(&inner, rig_subscriber(SESSION), RIG_IP(203, 0, 113, i & 0xff), 60);
		send_up();
		while (rig_punted(&rig, PUNT_RING_EXCEPTION, &out, &meta) == PUNT_UNRESOLVED) {
			cr_expect_eq(meta.iface, RIG_CORE0);
			cr_expect_eq(out.data[0], 0x45);
			punted++;
		}
	}
	cr_expect_geq(punted, 64);
	cr_expect_lt(punted, 2000);
	cr_expect_eq(rig_drops(&rig, DROP_NEIGHBOUR_UNRESOLVED), 2000 - punted);
}
