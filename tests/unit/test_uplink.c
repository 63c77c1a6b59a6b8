/* SPDX-License-Identifier: BSD-3-Clause */
/* A subscriber's packets on their way from the LAC to the internet. */
#include "path_fixture.h"

static struct meta meta;

TestSuite(uplink, .init = path_start, .fini = path_finish);

Test(uplink, ipv4_leaves_by_the_core_with_its_ttl_one_less)
{
	inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 100);
	frame_data(&rig, &in, RIG_TUNNEL, SESSION, 0x0021, inner.data, inner.n);
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_assert_eq(rig_drops_all(&rig), 0);
	cr_assert(rig_receive(&rig, RIG_CORE0, &out));
	cr_expect_eq(out.n, 14 + 100);
	cr_expect_arr_eq(out.data, rig_router_mac, 6);
	cr_expect_arr_eq(out.data + 6, rig.mac[RIG_CORE0], 6);
	cr_expect_eq(load_be16(out.data + 12), RTE_ETHER_TYPE_IPV4);
	cr_expect_eq(out.data[14 + 8], 63);
	cr_expect_eq(ip4_header_sum(out.data + 14, 20), 0xffff);
	cr_expect_arr_eq(out.data + 14 + 20, inner.data + 20, 80);

	const struct session *session = rig_session_at(&rig, 0);

	cr_expect_eq(session->counters.up_packets4, 1);
	cr_expect_eq(session->counters.up_bytes4, 100);
	cr_expect_eq(rig.dp->workers[0]->stats.iface[RIG_ACCESS].rx_packets, 1);
	cr_expect_eq(rig.dp->workers[0]->stats.iface[RIG_CORE0].tx_bytes, 114);
}

Test(uplink, ipv6_leaves_by_the_core_with_its_hop_limit_one_less)
{
	uint8_t from[16];

	rig_subscriber6(SESSION, from);
	inner_udp6(&inner, from, rig_server6, 120);
	frame_data(&rig, &in, RIG_TUNNEL, SESSION, 0x0057, inner.data, inner.n);
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_assert_eq(rig_drops_all(&rig), 0);
	cr_assert(rig_receive(&rig, RIG_CORE0, &out));
	cr_expect_eq(out.n, 14 + 120);
	cr_expect_eq(load_be16(out.data + 12), RTE_ETHER_TYPE_IPV6);
	cr_expect_eq(out.data[14 + 7], 63);
	cr_expect_eq(rig_session_at(&rig, 0)->counters.up_bytes6, 120);
}

/* What stands between UDP and the IP packet, and whether it arrives. */
static const struct {
	const char *name;
	uint8_t bytes[24];
	uint8_t n;
	uint32_t session_flags;
	int drop; /* DROP_NONE: forwarded */
	int punt; /* PPP protocol punted */
} heads[] = {
	{"plain", {0x00, 0x02, 0, 7, 0, 3, 0xff, 3, 0, 0x21}, 10, RIG_FLAGS, DROP_NONE, 0},
	{"no ff 03", {0x00, 0x02, 0, 7, 0, 3, 0, 0x21}, 8, RIG_FLAGS, DROP_NONE, 0},
	{"protocol of one byte", {0x00, 0x02, 0, 7, 0, 3, 0xff, 3, 0x21}, 9, RIG_FLAGS, DROP_NONE,
		0},
	{"neither", {0x00, 0x02, 0, 7, 0, 3, 0x21}, 7, RIG_FLAGS, DROP_NONE, 0},
	{"P bit", {0x01, 0x02, 0, 7, 0, 3, 0xff, 3, 0, 0x21}, 10, RIG_FLAGS, DROP_NONE, 0},
	{"reserved bits are ignored", {0x34, 0xf2, 0, 7, 0, 3, 0xff, 3, 0, 0x21}, 10, RIG_FLAGS,
		DROP_NONE, 0},
	{"S", {0x08, 0x02, 0, 7, 0, 3, 0, 9, 0, 0, 0xff, 3, 0, 0x21}, 14, RIG_FLAGS, DROP_NONE, 0},
	{"O, pad 0", {0x02, 0x02, 0, 7, 0, 3, 0, 0, 0xff, 3, 0, 0x21}, 12, RIG_FLAGS, DROP_NONE, 0},
	{"O, pad 5", {0x02, 0x02, 0, 7, 0, 3, 0, 5, 1, 2, 3, 4, 5, 0xff, 3, 0, 0x21}, 17, RIG_FLAGS,
		DROP_NONE, 0},
	{"S and O", {0x0a, 0x02, 0, 7, 0, 3, 0, 9, 0, 0, 0, 1, 0xaa, 0xff, 3, 0, 0x21}, 17,
		RIG_FLAGS, DROP_NONE, 0},
	{"O beyond the packet", {0x02, 0x02, 0, 7, 0, 3, 0xff, 0xf0, 0xff, 3, 0, 0x21}, 12,
		RIG_FLAGS, DROP_L2TP_TRUNCATED, 0},
	{"version 1", {0x00, 0x01, 0, 7, 0, 3, 0xff, 3, 0, 0x21}, 10, RIG_FLAGS, DROP_L2TP_VERSION,
		0},
	{"version 3", {0x00, 0x03, 0, 7, 0, 3, 0xff, 3, 0, 0x21}, 10, RIG_FLAGS, DROP_L2TP_VERSION,
		0},
	{"unknown tunnel", {0x00, 0x02, 0, 8, 0, 3, 0xff, 3, 0, 0x21}, 10, RIG_FLAGS,
		DROP_L2TP_UNKNOWN_TUNNEL, 0},
	{"tunnel 0", {0x00, 0x02, 0, 0, 0, 3, 0xff, 3, 0, 0x21}, 10, RIG_FLAGS,
		DROP_L2TP_UNKNOWN_TUNNEL, 0},
	{"unknown session", {0x00, 0x02, 0, 7, 0, 4, 0xff, 3, 0, 0x21}, 10, RIG_FLAGS,
		DROP_L2TP_UNKNOWN_SESSION, 0},
	{"a session of the same slot", {0x00, 0x02, 0, 7, 0x10, 3, 0xff, 3, 0, 0x21}, 10, RIG_FLAGS,
		DROP_L2TP_UNKNOWN_SESSION, 0},
	{"LCP", {0x00, 0x02, 0, 7, 0, 3, 0xff, 3, 0xc0, 0x21}, 10, RIG_FLAGS, DROP_NONE, 0xc021},
	{"LCP without ff 03", {0x00, 0x02, 0, 7, 0, 3, 0xc0, 0x21}, 8, RIG_FLAGS, DROP_NONE,
		0xc021},
	{"IPCP", {0x00, 0x02, 0, 7, 0, 3, 0xff, 3, 0x80, 0x21}, 10, 0, DROP_NONE, 0x8021},
	{"MPLS, an unknown protocol", {0x00, 0x02, 0, 7, 0, 3, 0xff, 3, 0x02, 0x81}, 10, RIG_FLAGS,
		DROP_NONE, 0x0281},
	{"before IPCP is open", {0x00, 0x02, 0, 7, 0, 3, 0xff, 3, 0, 0x21}, 10, SESSION_FORWARD6,
		DROP_PPP_NOT_OPEN, 0},
	{"before IPv6CP is open", {0x00, 0x02, 0, 7, 0, 3, 0xff, 3, 0, 0x57}, 10, SESSION_FORWARD4,
		DROP_PPP_NOT_OPEN, 0},
	{"IPv4 said to be IPv6", {0x00, 0x02, 0, 7, 0, 3, 0xff, 3, 0, 0x57}, 10, RIG_FLAGS,
		DROP_IP_HEADER, 0},
};

Test(uplink, header_variants)
{
	for (size_t i = 0; i < RTE_DIM(heads); i++) {
		uint64_t drops = rig_drops_all(&rig);

		__atomic_store_n(
			&rig_session_at(&rig, 0)->flags, heads[i].session_flags, __ATOMIC_RELEASE);
		inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 100);
		frame_lac(&rig, &in, NULL, heads[i].n + inner.n);
		memcpy(in.data + in.n - heads[i].n - inner.n, heads[i].bytes, heads[i].n);
		memcpy(in.data + in.n - inner.n, inner.data, inner.n);
		rig_send(&rig, RIG_ACCESS, &in);
		rig_turn(&rig);
		if (heads[i].drop != DROP_NONE) {
			cr_expect_eq(rig_drops(&rig, (enum drop_reason)heads[i].drop) > 0 &&
					rig_drops_all(&rig) == drops + 1,
				true, "%s: not dropped", heads[i].name);
			cr_expect_not(
				rig_receive(&rig, RIG_CORE0, &out), "%s: forwarded", heads[i].name);
			rig.dp->workers[0]->stats.drops[heads[i].drop] = 0;
			continue;
		}
		cr_expect_eq(rig_drops_all(&rig), drops, "%s: dropped", heads[i].name);
		if (heads[i].punt != 0) {
			cr_expect_eq(rig_punted(&rig, PUNT_RING_KNOWN, &out, &meta), PUNT_PPP, "%s",
				heads[i].name);
			cr_expect_eq(meta.ppp_protocol, heads[i].punt, "%s", heads[i].name);
			cr_expect_eq(meta.session, 0);
			cr_expect_eq(meta.generation, rig_session_at(&rig, 0)->generation);
			cr_expect_eq(out.n, inner.n + heads[i].n - 6, "%s", heads[i].name);
			cr_expect_arr_eq(out.data, heads[i].bytes + 6, heads[i].n - 6);
			continue;
		}
		cr_expect(rig_receive(&rig, RIG_CORE0, &out), "%s: lost", heads[i].name);
		cr_expect_eq(out.n, 114, "%s: %u bytes", heads[i].name, out.n);
		cr_expect_arr_eq(out.data + 14 + 20, inner.data + 20, 80, "%s", heads[i].name);
	}
}

Test(uplink, length_field_shorter_than_the_datagram_cuts_the_tail_longer_drops)
{
	for (int extra = -3; extra <= 3; extra++) {
		uint8_t head[12] = {0x40, 0x02, 0, 0, 0, RIG_TUNNEL, 0, SESSION, 0xff, 3, 0, 0x21};

		inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 60);
		store_be16(head + 2, (uint16_t)(sizeof(head) + 60 + extra));
		frame_lac(&rig, &in, NULL, sizeof(head) + 60);
		in.n -= sizeof(head) + 60;
		frame_add(&in, head, sizeof(head));
		frame_add(&in, inner.data, 60);
		rig_send(&rig, RIG_ACCESS, &in);
		rig_turn(&rig);
		cr_expect_eq(rig_receive(&rig, RIG_CORE0, &out), extra == 0, "extra %d", extra);
	}
	cr_expect_eq(rig_drops(&rig, DROP_L2TP_TRUNCATED), 3); /* longer than what came */
	cr_expect_eq(rig_drops(&rig, DROP_IP_LENGTH), 3);      /* the inner packet was cut */
}

Test(uplink, tail_behind_the_l2tp_length_and_behind_the_inner_packet_is_cut_off)
{
	uint8_t head[12] = {
		0x40, 0x02, 0, 12 + 60 + 7, 0, RIG_TUNNEL, 0, SESSION, 0xff, 3, 0, 0x21};

	inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 60);
	frame_lac(&rig, &in, NULL, sizeof(head) + 60 + 20);
	in.n -= sizeof(head) + 60 + 20;
	frame_add(&in, head, sizeof(head));
	frame_add(&in, inner.data, 60);
	frame_add(&in, NULL, 20);
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_assert(rig_receive(&rig, RIG_CORE0, &out));
	cr_expect_eq(out.n, 14 + 60);
	cr_expect_eq(rig_session_at(&rig, 0)->counters.up_bytes4, 60);
}

/* Every truncation of a good frame is dropped under some name, and none of them reads beyond its end. */
Test(uplink, truncations_of_every_length_are_counted)
{
	inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 60);
	frame_data(&rig, &in, RIG_TUNNEL, SESSION, 0x0021, inner.data, inner.n);

	uint32_t whole = in.n;

	for (uint32_t n = 1; n < whole; n++) {
		struct frame cut = {.n = n};

		memcpy(cut.data, in.data, n);
		/* the outer headers say what came: otherwise the first check would catch them all */
		if (n >= 34) {
			store_be16(cut.data + 16, (uint16_t)(n - 14));
			ip4_header_set_checksum(cut.data + 14, 20);
		}
		if (n >= 42)
			store_be16(cut.data + 38, (uint16_t)(n - 34));
		rig_send(&rig, RIG_ACCESS, &cut);
		rig_turn(&rig);
		/* less than a UDP header: it may be anything, the kernel decides */
		if (n >= 34 && n < 42)
			cr_expect_eq(
				rig_punted(&rig, PUNT_RING_EXCEPTION, &out, &meta), PUNT_FRAME);
	}
	cr_expect_not(rig_receive(&rig, RIG_CORE0, &out));
	cr_expect_eq(rig_drops_all(&rig), whole - 1 - 8);
	cr_expect_eq(rig_drops(&rig, DROP_RX_TRUNCATED), 33);
	cr_expect_eq(rig_drops(&rig, DROP_L2TP_TRUNCATED), 6);
	cr_expect_eq(rig_drops(&rig, DROP_PPP_TRUNCATED), 4);
	cr_expect_eq(rig_drops(&rig, DROP_IP_HEADER), 20);
	cr_expect_eq(rig_drops(&rig, DROP_IP_LENGTH), 40);
}

Test(uplink, data_and_control_count_as_the_peers_only_from_its_address_and_port)
{
	static const struct {
		uint32_t from;
		uint16_t port;
		bool peer;
	} senders[] = {
		{RIG_IP(192, 0, 2, 2), 1701, true},
		{RIG_IP(192, 0, 2, 3), 1701, false},
		{RIG_IP(192, 0, 2, 2), 1702, false},
	};

	for (size_t i = 0; i < RTE_DIM(senders); i++) {
		uint8_t hello[12] = {0xc8, 0x02, 0, 12, 0, RIG_TUNNEL, 0, 0, 0, 1, 0, 1};

		inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 60);
		for (unsigned int control = 0; control < 2; control++) {
			if (control)
				frame_lac(&rig, &in, hello, sizeof(hello));
			else
				frame_data(
					&rig, &in, RIG_TUNNEL, SESSION, 0x21, inner.data, inner.n);
			memcpy(in.data + 14 + 12, &senders[i].from, 4);
			ip4_header_set_checksum(in.data + 14, 20);
			store_be16(in.data + 34, senders[i].port);
			rig_send(&rig, RIG_ACCESS, &in);
		}
		rig_turn(&rig);
		cr_expect_eq(rig_receive(&rig, RIG_CORE0, &out), senders[i].peer);
		if (senders[i].peer) {
			cr_expect_eq(
				rig_punted(&rig, PUNT_RING_KNOWN, &out, &meta), PUNT_L2TP_KNOWN);
		} else {
			cr_expect_eq(rig_punted(&rig, PUNT_RING_UNKNOWN, &out, &meta),
				PUNT_L2TP_UNKNOWN);
		}
		cr_expect_eq(meta.tunnel_id, RIG_TUNNEL);
		cr_expect_eq(meta.l2tp_offset, 28);
		cr_expect_arr_eq(out.data + 28, hello, sizeof(hello));
		cr_expect_eq(out.data[0], 0x45);
	}
	cr_expect_eq(rig_drops(&rig, DROP_L2TP_WRONG_PEER), 2);
}

Test(uplink, tunnel_inside_ipsec_takes_nothing_in_the_clear)
{
	struct tunnel_path path = rig_path4();
	uint8_t hello[12] = {0xc8, 0x02, 0, 12, 0, 9, 0, 0, 0, 1, 0, 1};

	path.sa_group = 5;
	rig_tunnel_to(&rig, 9, &path, 0);
	rig_session(&rig, 9, 20, 0, 1492, RIG_FLAGS);
	inner_udp4(&inner, rig_subscriber(20), RIG_SERVER, 60);
	frame_data(&rig, &in, 9, 20, 0x21, inner.data, inner.n);
	rig_send(&rig, RIG_ACCESS, &in);
	frame_lac(&rig, &in, hello, sizeof(hello));
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_expect_eq(rig_drops(&rig, DROP_L2TP_WRONG_SA), 1);
	cr_expect_eq(rig_punted(&rig, PUNT_RING_UNKNOWN, &out, &meta), PUNT_L2TP_UNKNOWN);
}

Test(uplink, control_message_with_a_wrong_udp_checksum_is_dropped_data_is_not_looked_at)
{
	uint8_t hello[12] = {0xc8, 0x02, 0, 12, 0, RIG_TUNNEL, 0, 0, 0, 1, 0, 1};

	for (unsigned int i = 0; i < 3; i++) {
		uint64_t sum = 0;

		frame_lac(&rig, &in, hello, sizeof(hello));
		for (uint32_t j = 26; j < 34; j++)
			sum += (uint64_t)in.data[j] << (j % 2 ? 0 : 8);
		for (uint32_t j = 34; j < in.n; j++)
			sum += (uint64_t)in.data[j] << (j % 2 ? 0 : 8);
		sum += 17 + in.n - 34;
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		/* none, right, wrong */
		store_be16(in.data + 40, i == 0 ? 0 : (uint16_t)(~sum + (i == 2)));
		rig_send(&rig, RIG_ACCESS, &in);
		rig_turn(&rig);
		cr_expect_eq(rig_punted(&rig, PUNT_RING_KNOWN, &out, &meta),
			i == 2 ? -1 : PUNT_L2TP_KNOWN, "%u", i);
	}
	cr_expect_eq(rig_drops(&rig, DROP_OUTER_UDP_CHECKSUM), 1);
	inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 60);
	frame_data(&rig, &in, RIG_TUNNEL, SESSION, 0x21, inner.data, inner.n);
	store_be16(in.data + 40, 0x1111);
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_expect(rig_receive(&rig, RIG_CORE0, &out));
}

Test(uplink, ipv6_carries_l2tp_as_well)
{
	struct tunnel_path path = rig_path6();
	uint8_t head[10] = {0, 2, 0, 9, 0, 21, 0xff, 3, 0, 0x21};

	rig_tunnel_to(&rig, 9, &path, 0);
	rig_session(&rig, 9, 21, 0, 1492, RIG_FLAGS);
	inner_udp4(&inner, rig_subscriber(21), RIG_SERVER, 80);
	/* bare, behind a destination options header, as an atomic fragment (RFC 6946) */
	for (unsigned int i = 0; i < 3; i++) {
		uint8_t extension[8] = {IPPROTO_UDP, 0, 1, 4};
		uint32_t extra = i == 0 ? 0 : 8;

		frame_eth(&in, rig.mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_IPV6);
		frame_ip6(&in, rig_lac6, rig_lns6,
			i == 0 ? IPPROTO_UDP : (i == 1 ? IPPROTO_DSTOPTS : IPPROTO_FRAGMENT),
			extra + 8 + sizeof(head) + inner.n);
		if (i == 2)
			memset(extension + 1, 0, 7);
		frame_add(&in, extension, extra);
		frame_udp(&in, 1701, 1701, sizeof(head) + inner.n);
		frame_add(&in, head, sizeof(head));
		frame_add(&in, inner.data, inner.n);
		rig_send(&rig, RIG_ACCESS, &in);
		rig_turn(&rig);
		cr_expect(rig_receive(&rig, RIG_CORE0, &out), "%u", i);
		cr_expect_eq(out.n, 14 + 80);
	}
	/* the IPv4 tunnel's packets do not come from there */
	in.data[14 + 40 + 8 + 8 + 3] = RIG_TUNNEL;
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_expect_eq(rig_drops(&rig, DROP_L2TP_WRONG_PEER), 1);
}

Test(uplink, late_sequence_numbers_are_dropped_where_sequencing_is_required)
{
	static const struct {
		uint16_t ns;
		bool passes;
	} packets[] = {{0, true}, {1, true}, {1, false}, {0, false}, {5, true}, {4, false},
		{6, true}, {0x8005, true}, {0x8004, false}, {0xffff, true}, {0, true},
		{0xffff, false}};

	__atomic_or_fetch(&rig_session_at(&rig, 0)->flags, SESSION_EXPECT_SEQ, __ATOMIC_RELEASE);
	for (size_t i = 0; i < RTE_DIM(packets); i++) {
		uint8_t head[14] = {
			0x08, 2, 0, RIG_TUNNEL, 0, SESSION, 0, 0, 0, 0, 0xff, 3, 0, 0x21};

		store_be16(head + 6, packets[i].ns);
		inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 60);
		frame_lac(&rig, &in, head, sizeof(head));
		store_be16(in.data + 16, 20 + 8 + 14 + 60);
		ip4_header_set_checksum(in.data + 14, 20);
		store_be16(in.data + 38, 8 + 14 + 60);
		frame_add(&in, inner.data, inner.n);
		rig_send(&rig, RIG_ACCESS, &in);
		rig_turn(&rig);
		cr_expect_eq(
			rig_receive(&rig, RIG_CORE0, &out), packets[i].passes, "packet %zu", i);
	}
	cr_expect_eq(rig_drops(&rig, DROP_L2TP_LATE), 5);
	cr_expect_eq(rig_session_at(&rig, 0)->state.up_drops, 5);
}

Test(uplink, packet_for_our_own_address_is_punted_and_never_decapsulated_again)
{
	uint8_t head[10] = {0, 2, 0, RIG_TUNNEL, 0, SESSION, 0xff, 3, 0, 0x21};

	inner.n = 0;
	frame_ip4(&inner, rig_subscriber(SESSION), RIG_LNS, IPPROTO_UDP, 8 + sizeof(head) + 60);
	frame_udp(&inner, 1701, 1701, sizeof(head) + 60);
	frame_add(&inner, head, sizeof(head));
	frame_add(&inner, NULL, 60);
	frame_data(&rig, &in, RIG_TUNNEL, SESSION, 0x21, inner.data, inner.n);
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_expect_eq(rig_punted(&rig, PUNT_RING_EXCEPTION, &out, &meta), PUNT_LOCAL);
	cr_expect_eq(out.n, inner.n);
	cr_expect_eq(out.data[8], 64); /* it has arrived: nobody forwarded it */
	cr_expect_eq(rig_drops_all(&rig), 0);
}

Test(uplink, ended_session_takes_nothing)
{
	cr_assert_eq(session_unpublish(dataplane_sessions(rig.dp), 0, NULL, NULL), 0);
	inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 60);
	frame_data(&rig, &in, RIG_TUNNEL, SESSION, 0x21, inner.data, inner.n);
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_expect_eq(rig_drops(&rig, DROP_L2TP_UNKNOWN_SESSION), 1);
}
