/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets on their way to a subscriber, from the internet, another subscriber or the control plane. */
#include "path_fixture.h"

#include "policy.h"

#define HEADERS (20 + 8 + 6 + 4) /* IPv4, UDP, L2TP, ff 03 00 21 */

static struct meta meta;

static void start(void)
{
	path_start_with(1400);
}

TestSuite(downlink, .init = start, .fini = path_finish);

static void send_core(void)
{
	frame_core4(&rig, &in, &inner);
	rig_send(&rig, RIG_CORE0, &in);
	rig_turn(&rig);
}

/* The outer headers of an IPv4 packet to the LAC; returns the L2TP header. */
static const uint8_t *expect_outer4(const struct frame *f, uint32_t payload)
{
	const uint8_t *ip = f->data + 14;
	uint32_t from = RIG_LNS, to = RIG_LAC;

	cr_expect_arr_eq(f->data, rig_lac_mac, 6);
	cr_expect_eq(load_be16(f->data + 12), RTE_ETHER_TYPE_IPV4);
	cr_expect_eq(f->n, 14 + 28 + payload);
	cr_expect_eq(ip[0], 0x45);
	cr_expect_eq(load_be16(ip + 2), 28 + payload);
	cr_expect_eq(load_be16(ip + 6), 0);
	cr_expect_eq(ip[9], IPPROTO_UDP);
	cr_expect_eq(ip4_header_sum(ip, 20), 0xffff);
	cr_expect_arr_eq(ip + 12, &from, 4);
	cr_expect_arr_eq(ip + 16, &to, 4);
	cr_expect_eq(load_be16(ip + 20), 1701);
	cr_expect_eq(load_be16(ip + 22), 1701);
	cr_expect_eq(load_be16(ip + 24), 8 + payload);
	return ip + 28;
}

Test(downlink, ipv4_is_encapsulated_for_its_session_with_its_ttl_one_less_and_its_dscp)
{
	static const uint8_t head[10] = {0x00, 0x02, RIG_PEER_TUNNEL >> 8, RIG_PEER_TUNNEL & 0xff,
		(SESSION + 5000) >> 8, (SESSION + 5000) & 0xff, 0xff, 3, 0, 0x21};

	inner_udp4(&inner, RIG_SERVER, rig_subscriber(SESSION), 100);
	inner.data[1] = 0xb8 | 1; /* EF, ECT(1) */
	ip4_header_set_checksum(inner.data, 20);
	send_core();
	rig_show(&rig);
	cr_assert_eq(rig_drops_all(&rig), 0);
	cr_assert(rig_receive(&rig, RIG_ACCESS, &out));

	const uint8_t *l2tp = expect_outer4(&out, 10 + 100);

	cr_expect_arr_eq(l2tp, head, sizeof(head));
	cr_expect_eq(out.data[14 + 1], 0xb8, "DSCP goes outward, ECN does not");
	cr_expect_eq(load16(l2tp - 2), 0, "no UDP checksum on IPv4");
	cr_expect_eq(l2tp[10 + 8], 63);
	cr_expect_eq(ip4_header_sum(l2tp + 10, 20), 0xffff);
	cr_expect_arr_eq(l2tp + 30, inner.data + 20, 80);
	cr_expect_eq(rig_session_at(&rig, 0)->counters.down_packets4, 1);
	cr_expect_eq(rig_session_at(&rig, 0)->counters.down_bytes4, 100);

	/* outer packets may be fragmented on their way: each has an id of its own */
	uint16_t id = load16(out.data + 14 + 4);

	send_core();
	cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
	cr_expect_neq(load16(out.data + 14 + 4), id);
}

Test(downlink, ipv6_is_encapsulated_with_its_own_ppp_protocol)
{
	uint8_t to[16];

	rig_subscriber6(SESSION, to);
	to[15] = 99; /* anywhere in its prefix */
	inner_udp6(&inner, rig_server6, to, 100);
	inner.data[0] = 0x6b;
	inner.data[1] = 0x90; /* traffic class 0xb9 */
	send_core();
	cr_assert(rig_receive(&rig, RIG_ACCESS, &out));

	const uint8_t *l2tp = expect_outer4(&out, 10 + 100);

	cr_expect_eq(load_be16(l2tp + 8), 0x0057);
	cr_expect_eq(out.data[14 + 1], 0xb8);
	cr_expect_eq(l2tp[10 + 7], 63);
	cr_expect_eq(rig_session_at(&rig, 0)->counters.down_bytes6, 100);
}

/* Every combination of what a header may have, over both transports. */
Test(downlink, template_variants)
{
	for (unsigned int v = 0; v < 64; v++) {
		struct tunnel_path path = v & 1 ? rig_path6() : rig_path4();
		uint8_t tunnel_flags = (v & 2 ? TUNNEL_LENGTH_BIT : 0) |
			(v & 4 ? TUNNEL_UDP_CHECKSUM : 0);
		uint32_t flags = RIG_FLAGS | (v & 8 ? SESSION_SEND_SEQ : 0) |
			(v & 16 ? SESSION_SEND_ACFC : 0) | (v & 32 ? SESSION_SEND_PFC : 0);
		uint16_t id = (uint16_t)(100 + v);
		uint32_t l3 = v & 1 ? 40 : 20, expected[2];

		rig_tunnel_to(&rig, id, &path, tunnel_flags);
		rig_session(&rig, id, id, 0, 1400, flags);
		inner_udp4(&inner, RIG_SERVER, rig_subscriber(id), 101);
		for (unsigned int i = 0; i < 2; i++) {
			send_core();
			cr_assert(rig_receive(&rig, RIG_ACCESS, &out));

			const uint8_t *ip = out.data + 14, *p = ip + l3 + 8;

			if (v & 5)
				cr_expect(packet_checksums_right(ip), "variant %u: checksum", v);
			else
				cr_expect_eq(load16(ip + l3 + 6), 0);
			cr_expect_eq(load_be16(ip + l3 + 4), out.n - 14 - l3);
			cr_expect_eq(
				load_be16(v & 1 ? ip + 4 : ip + 2), out.n - 14 - (v & 1 ? 40 : 0));
			cr_expect_eq(p[0], (v & 2 ? 0x40 : 0) | (v & 8 ? 0x08 : 0));
			cr_expect_eq(p[1], 2);
			p += 2;
			if (v & 2) {
				cr_expect_eq(load_be16(p), out.n - 14 - l3 - 8);
				p += 2;
			}
			cr_expect_eq(load_be16(p), id + 1000);
			cr_expect_eq(load_be16(p + 2), id + 5000);
			p += 4;
			if (v & 8) {
				cr_expect_eq(load_be16(p), i, "variant %u: Ns", v);
				p += 4;
			}
			if (!(v & 16)) {
				cr_expect_eq(load_be16(p), 0xff03);
				p += 2;
			}
			if (!(v & 32))
				cr_expect_eq(*p++, 0);
			cr_expect_eq(*p++, 0x21);
			expected[0] = (uint32_t)(p - out.data);
			cr_expect_eq(out.n, expected[0] + 101);
			cr_expect_arr_eq(p + 20, inner.data + 20, 81);
		}
	}
}

Test(downlink, a_fragment_that_ends_beyond_65535_is_not_cut_again)
{
	inner_udp4(&inner, RIG_SERVER, rig_subscriber(SESSION), 1420);
	inner.data[6] = 0x1f; /* offset 8190 * 8 */
	inner.data[7] = 0xfe;
	ip4_header_set_checksum(inner.data, 20);
	send_core();
	cr_expect_eq(rig_drops(&rig, DROP_FRAGMENT_FAILED), 1);
	cr_expect_not(rig_receive(&rig, RIG_ACCESS, &out));
}

Test(downlink, larger_than_the_link_with_df_is_answered_with_the_links_mtu)
{
	inner_udp4(&inner, RIG_SERVER, rig_subscriber(SESSION), 1401);
	inner.data[6] = 0x40;
	ip4_header_set_checksum(inner.data, 20);
	send_core();
	cr_expect_eq(rig_drops(&rig, DROP_IP_TOO_BIG), 1);
	cr_expect_not(rig_receive(&rig, RIG_ACCESS, &out));
	cr_assert(rig_receive(&rig, RIG_CORE0, &out));

	const uint8_t *ip = out.data + 14;
	uint32_t from = RIG_CORE, to = RIG_SERVER; /* the interface it came in on */

	cr_expect(packet_checksums_right(ip));
	cr_expect_arr_eq(ip + 12, &from, 4);
	cr_expect_arr_eq(ip + 16, &to, 4);
	cr_expect_eq(ip[20], 3);
	cr_expect_eq(ip[21], 4);
	cr_expect_eq(load_be16(ip + 26), 1400);
	cr_expect_eq(load_be16(ip + 2), 576);
	cr_expect_arr_eq(ip + 28 + 12, inner.data + 12, 500);
	/* one that just fits passes */
	inner_udp4(&inner, RIG_SERVER, rig_subscriber(SESSION), 1400);
	inner.data[6] = 0x40;
	ip4_header_set_checksum(inner.data, 20);
	send_core();
	cr_expect(rig_receive(&rig, RIG_ACCESS, &out));
	cr_expect_eq(rig_session_at(&rig, 0)->state.down_drops, 1);
}

Test(downlink, ipv6_larger_than_the_link_is_answered_packet_too_big)
{
	uint8_t to[16];

	rig_subscriber6(SESSION, to);
	inner_udp6(&inner, rig_server6, to, 1401);
	send_core();
	cr_expect_eq(rig_drops(&rig, DROP_IP_TOO_BIG), 1);
	cr_assert(rig_receive(&rig, RIG_CORE0, &out));

	const uint8_t *ip = out.data + 14;

	cr_expect(packet_checksums_right(ip));
	cr_expect_arr_eq(ip + 8, rig_lns6, 16);
	cr_expect_arr_eq(ip + 24, rig_server6, 16);
	cr_expect_eq(ip[40], 2);
	cr_expect_eq(load_be16(ip + 46), 1400);
	cr_expect_eq(out.n - 14, 1280);
}

/* Puts the fragments of one datagram together, in the order they came. */
static uint32_t join4(const uint8_t *ip, uint8_t *whole, bool *last)
{
	uint32_t offset = (load_be16(ip + 6) & 0x1fffu) * 8, length = load_be16(ip + 2) - 20u;

	*last = !(load_be16(ip + 6) & 0x2000);
	memcpy(whole + offset, ip + 20, length);
	return offset + length;
}

Test(downlink, larger_than_the_link_without_df_is_fragmented_in_order)
{
	static uint8_t whole[4000];
	uint32_t total = 0, parts = 0;
	bool last = false;

	inner_udp4(&inner, RIG_SERVER, rig_subscriber(SESSION), 1900);
	send_core();
	while (rig_receive(&rig, RIG_ACCESS, &out)) {
		const uint8_t *l2tp = expect_outer4(&out, out.n - 42), *ip = l2tp + 10;

		cr_expect_leq(load_be16(ip + 2), 1400);
		cr_expect_eq(ip4_header_sum(ip, 20), 0xffff);
		cr_expect_eq(ip[8], 63);
		cr_expect_not(last);
		total = join4(ip, whole, &last);
		parts++;
	}
	cr_expect(last);
	cr_expect_eq(parts, 2);
	cr_expect_eq(total, 1880);
	cr_expect_arr_eq(whole, inner.data + 20, 1880);
	cr_expect_eq(rig.dp->workers[0]->stats.fragmented, 1);
	cr_expect_eq(rig_session_at(&rig, 0)->counters.down_packets4, 2);
	cr_expect_eq(rig_drops_all(&rig), 0);
}

Test(downlink, fragmented_packet_keeps_its_place_among_the_sessions_packets)
{
	for (unsigned int i = 0; i < 5; i++) {
		inner_udp4(&inner, RIG_SERVER, rig_subscriber(SESSION), i == 2 ? 1800 : 100);
		store_be16(inner.data + 4, (uint16_t)i);
		ip4_header_set_checksum(inner.data, 20);
		frame_core4(&rig, &in, &inner);
		rig_send(&rig, RIG_CORE0, &in);
	}
	rig_turn(&rig);

	static const uint16_t expected[] = {0, 1, 2, 2, 3, 4};

	for (size_t i = 0; i < RTE_DIM(expected); i++) {
		cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
		cr_expect_eq(load_be16(out.data + 14 + HEADERS + 4), expected[i], "place %zu", i);
	}
}

Test(downlink, outer_packet_larger_than_the_interface_is_fragmented_on_both_transports)
{
	struct tunnel_path path6 = rig_path6();

	rig_tunnel_to(&rig, 9, &path6, 0);
	rig_session(&rig, RIG_TUNNEL, 50, 0, 1500, RIG_FLAGS);
	rig_session(&rig, 9, 51, 0, 1500, RIG_FLAGS);
	for (unsigned int v6 = 0; v6 < 2; v6++) {
		static uint8_t whole[4000];
		uint32_t total = 0, parts = 0, id[2] = {0};
		bool last = false;

		inner_udp4(&inner, RIG_SERVER, rig_subscriber(v6 ? 51 : 50), 1500);
		inner.data[6] = 0x40;
		ip4_header_set_checksum(inner.data, 20);
		send_core();
		while (rig_receive(&rig, RIG_ACCESS, &out)) {
			const uint8_t *ip = out.data + 14;

			cr_expect_leq(out.n, 1514);
			if (v6) {
				uint16_t field = load_be16(ip + 42);

				cr_assert_eq(ip[6], IPPROTO_FRAGMENT);
				cr_expect_eq(ip[40], IPPROTO_UDP);
				cr_expect_eq(load_be16(ip + 4), out.n - 54);
				last = !(field & 1);
				memcpy(whole + (field & 0xfff8), ip + 48, out.n - 14 - 48);
				total = (field & 0xfff8) + out.n - 14 - 48;
				id[parts & 1] = load32(ip + 44);
			} else {
				cr_expect_eq(ip4_header_sum(ip, 20), 0xffff);
				total = join4(ip, whole, &last);
			}
			parts++;
		}
		cr_expect(last);
		cr_expect_eq(parts, 2);
		cr_expect_eq(total, 8 + 10 + 1500);
		cr_expect_eq(id[0], id[1]);
		cr_expect_arr_eq(whole + 18 + 20, inner.data + 20, 1480);
		if (v6) {
			cr_expect_neq(id[0], 0);
			/* the checksum was made before the packet was cut */
			static struct frame joined;
			joined.n = 0;
			frame_ip6(&joined, rig_lns6, rig_lac6, IPPROTO_UDP, total);
			frame_add(&joined, whole, total);
			cr_expect(packet_checksums_right(joined.data));
		}
	}
}

Test(downlink, subscriber_to_subscriber_traffic_is_turned_round_inside)
{
	rig_session(&rig, RIG_TUNNEL, 4, 0, 1400, RIG_FLAGS);
	inner_udp4(&inner, rig_subscriber(SESSION), rig_subscriber(4), 100);
	frame_data(&rig, &in, RIG_TUNNEL, SESSION, 0x21, inner.data, inner.n);
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_assert(rig_receive(&rig, RIG_ACCESS, &out));

	const uint8_t *l2tp = expect_outer4(&out, 110);

	cr_expect_eq(load_be16(l2tp + 4), 5004);
	cr_expect_eq(l2tp[10 + 8], 63, "one hop");
	cr_expect_eq(rig.dp->workers[0]->stats.hairpin_packets, 1);
	cr_expect_eq(rig_session_at(&rig, 0)->counters.up_packets4, 1);
	cr_expect_eq(rig_session_at(&rig, 1)->counters.down_packets4, 1);

	/* either side may refuse it */
	for (uint32_t side = 0; side < 2; side++) {
		__atomic_or_fetch(
			&rig_session_at(&rig, side)->flags, SESSION_NO_HAIRPIN, __ATOMIC_RELEASE);
		rig_send(&rig, RIG_ACCESS, &in);
		rig_turn(&rig);
		cr_expect_not(rig_receive(&rig, RIG_ACCESS, &out));
		cr_expect_eq(rig_drops(&rig, DROP_HAIRPIN_DENIED), side + 1);
		__atomic_and_fetch(
			&rig_session_at(&rig, side)->flags, ~SESSION_NO_HAIRPIN, __ATOMIC_RELEASE);
	}
}

Test(downlink, nothing_goes_to_a_session_whose_ncp_is_closed_or_that_has_ended)
{
	struct session *session = rig_session_at(&rig, 0);

	inner_udp4(&inner, RIG_SERVER, rig_subscriber(SESSION), 100);
	session->flags = SESSION_FORWARD6;
	send_core();
	cr_expect_eq(rig_drops(&rig, DROP_PPP_NOT_OPEN), 1);
	session->flags = RIG_FLAGS;
	cr_assert_eq(session_unpublish(dataplane_sessions(rig.dp), 0, NULL, NULL), 0);
	send_core();
	cr_expect_eq(rig_drops(&rig, DROP_SESSION_STALE), 1);
	cr_expect_not(rig_receive(&rig, RIG_ACCESS, &out));
}

Test(downlink, way_to_the_lac_unresolved_or_missing)
{
	struct adjacency_table *table = dataplane_adjacencies(rig.dp);

	inner_udp4(&inner, RIG_SERVER, rig_subscriber(SESSION), 100);
	cr_assert_eq(adjacency_resolve(table, rig.adjacency[RIG_ACCESS], NULL, 0, 1500), 0);
	send_core();
	cr_expect_eq(rig_punted(&rig, PUNT_RING_EXCEPTION, &out, &meta), PUNT_UNRESOLVED);
	cr_expect_eq(meta.adjacency, rig.adjacency[RIG_ACCESS]);
	cr_expect_eq(out.n, HEADERS + 100);
	cr_expect_eq(out.data[0], 0x45);

	uint32_t lac = RIG_LAC;

	cr_assert_eq(
		fib_set4(dataplane_fib(rig.dp, 0), lac, 32, fib_target(FIB_GLEAN, RIG_ACCESS)), 0);
	send_core();
	cr_expect_eq(rig_punted(&rig, PUNT_RING_EXCEPTION, &out, &meta), PUNT_UNRESOLVED);
	cr_expect_eq(meta.adjacency, ADJACENCY_NONE);
	cr_expect_eq(meta.iface, RIG_ACCESS);

	cr_assert_eq(fib_set4(dataplane_fib(rig.dp, 0), lac, 32,
			     fib_target(FIB_UNREACHABLE, FIB_UNREACH)),
		0);
	send_core();
	cr_expect_eq(rig_drops(&rig, DROP_IP_NO_ROUTE), 1);
}

Test(downlink, members_of_a_group_share_the_flows_and_a_flow_keeps_its_member)
{
	struct fib *fib = dataplane_fib(rig.dp, 0);
	uint8_t hop[16] = {198, 51, 100, 3}, mac[6] = {2, 0, 0, 0, 0, 0x44};
	uint32_t members[2] = {
		fib_target(FIB_ADJACENCY, rig.adjacency[RIG_CORE0]),
		fib_target(FIB_ADJACENCY, rig_adjacency(&rig, RIG_CORE0, 4, hop, mac, 1500)),
	};
	int64_t group = group_create(dataplane_groups(rig.dp), members, 2);
	unsigned int to[2] = {0};

	cr_assert_geq(group, 0);
	cr_assert_eq(fib_set4(fib, 0, 0, fib_target(FIB_GROUP, (uint32_t)group)), 0);
	for (unsigned int i = 0; i < 64; i++) {
		uint8_t way[2];

		inner_udp4(&inner, rig_subscriber(SESSION), RIG_IP(203, 0, 113, i), 100);
		frame_data(&rig, &in, RIG_TUNNEL, SESSION, 0x21, inner.data, inner.n);
		for (unsigned int again = 0; again < 2; again++) {
			rig_send(&rig, RIG_ACCESS, &in);
			rig_turn(&rig);
			cr_assert(rig_receive(&rig, RIG_CORE0, &out));
			way[again] = out.data[5];
		}
		cr_expect_eq(way[0], way[1]);
		to[way[0] == 0x44]++;
	}
	cr_expect_gt(to[0], 10);
	cr_expect_gt(to[1], 10);
	cr_expect_eq(group_create(dataplane_groups(rig.dp), members, GROUP_SLOTS + 1), -EINVAL);
	cr_expect_eq(group_remove(dataplane_groups(rig.dp), (uint32_t)group), 0);
}

/* ---- from the control plane ---- */

static int inject(
	enum inject_kind kind, const void *p, uint16_t n, uint32_t session, uint32_t generation)
{
	struct rte_mbuf *m = dataplane_mbuf(rig.dp);

	memcpy(rte_pktmbuf_append(m, n), p, n);
	meta_of(m)->kind = (uint8_t)kind;
	meta_of(m)->session = session;
	meta_of(m)->generation = generation;
	meta_of(m)->iface = RIG_ACCESS;

	int code = dataplane_inject(rig.dp, 0, m);

	rig_turn(&rig);
	return code;
}

Test(downlink, injected_ppp_frame_goes_as_it_is_marked_cs6)
{
	static const uint8_t lcp[] = {0xff, 3, 0xc0, 0x21, 9, 1, 0, 8, 1, 2, 3, 4};
	uint32_t generation = rig_session_at(&rig, 0)->generation;

	__atomic_and_fetch(
		&rig_session_at(&rig, 0)->flags, ~(uint32_t)SESSION_FORWARD4, __ATOMIC_RELEASE);
	cr_assert_eq(inject(INJECT_SESSION, lcp, sizeof(lcp), 0, generation), 0);
	cr_assert(rig_receive(&rig, RIG_ACCESS, &out));

	const uint8_t *l2tp = expect_outer4(&out, 6 + sizeof(lcp));

	cr_expect_eq(out.data[14 + 1], 0xc0);
	cr_expect_eq(load_be16(l2tp + 4), SESSION + 5000);
	cr_expect_arr_eq(l2tp + 6, lcp, sizeof(lcp));
	/* of a former life, of no session at all, of no kind */
	inject(INJECT_SESSION, lcp, sizeof(lcp), 0, generation + 1);
	inject(INJECT_SESSION, lcp, sizeof(lcp), SESSION_NONE, generation);
	inject(INJECT_SESSION, lcp, sizeof(lcp), 5, 0);
	inject(INJECT_KINDS, lcp, sizeof(lcp), 0, generation);
	cr_expect_eq(rig_drops(&rig, DROP_INJECT_INVALID), 4);
	cr_expect_not(rig_receive(&rig, RIG_ACCESS, &out));
}

Test(downlink, injected_ip_is_routed_with_its_ttl_as_it_is)
{
	inner_udp4(&inner, RIG_LNS, RIG_LAC, 100);
	inject(INJECT_IP, inner.data, (uint16_t)inner.n, 0, 0);
	cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
	cr_expect_arr_eq(out.data + 14, inner.data, 100);
	/* to a subscriber: the kernel's ping through lns0 */
	inner_udp4(&inner, RIG_LNS, rig_subscriber(SESSION), 100);
	inject(INJECT_IP, inner.data, (uint16_t)inner.n, 0, 0);
	cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
	cr_expect_arr_eq(out.data + 14 + HEADERS, inner.data, 100);
	/* to ourselves: it would only come back */
	inner_udp4(&inner, RIG_LNS, RIG_LNS, 100);
	inject(INJECT_IP, inner.data, (uint16_t)inner.n, 0, 0);
	cr_expect_eq(rig_drops(&rig, DROP_INJECT_INVALID), 1);
	cr_expect_eq(rig_punted(&rig, PUNT_RING_EXCEPTION, &out, &meta), -1);
}

Test(downlink, too_large_a_packet_of_the_kernel_is_answered_to_the_kernel)
{
	inner_udp4(&inner, RIG_LNS, rig_subscriber(SESSION), 1450);
	inner.data[6] = 0x40;
	ip4_header_set_checksum(inner.data, 20);
	inject(INJECT_IP, inner.data, (uint16_t)inner.n, 0, 0);
	cr_expect_eq(rig_punted(&rig, PUNT_RING_EXCEPTION, &out, &meta), PUNT_LOCAL);
	cr_expect_eq(out.data[20], 3);
	cr_expect_eq(out.data[21], 4);
	cr_expect_eq(load_be16(out.data + 26), 1400);
}

Test(downlink, injected_frame_leaves_as_it_is_unless_the_interface_is_down)
{
	uint8_t arp[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6};

	inject(INJECT_FRAME, arp, sizeof(arp), 0, 0);
	cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
	cr_expect_eq(out.n, 60);
	cr_expect_arr_eq(out.data, arp, 60);
	dataplane_iface_set(rig.dp, RIG_ACCESS, false, 1500);
	inject(INJECT_FRAME, arp, sizeof(arp), 0, 0);
	cr_expect_not(rig_receive(&rig, RIG_ACCESS, &out));
	cr_expect_eq(rig_drops(&rig, DROP_TX_IFACE_DOWN), 1);
}

Test(downlink, full_transmit_queue_keeps_what_fits_and_drops_the_rest_by_name)
{
	unsigned int room = rte_ring_get_capacity(rig.tx[RIG_ACCESS]), sent = 0;
	uint8_t arp[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6};
	unsigned int total = room + TX_BUFFER + 10;

	for (unsigned int i = 0; i < total; i++)
		inject(INJECT_FRAME, arp, sizeof(arp), 0, 0);
	cr_expect_eq(rig_drops(&rig, DROP_TX_FULL), 10);
	for (unsigned int turn = 0; turn < 2; turn++) {
		while (rig_receive(&rig, RIG_ACCESS, &out))
			sent++;
		rig_turn(&rig); /* what waited in the buffer */
	}
	cr_expect_eq(sent, room + TX_BUFFER);
}

/* ---- messages ---- */

static int16_t ask(struct message *message, struct message_reply *reply)
{
	message->cookie = 0x1122334455667788;
	cr_assert_eq(dataplane_message(rig.dp, 0, message), 0);
	rig_turn(&rig);
	cr_assert_eq(dataplane_replies(rig.dp, reply, 1), 1);
	cr_expect_eq(reply->cookie, message->cookie);
	cr_expect_eq(reply->type, message->type);
	return reply->status;
}

Test(downlink, messages_are_answered_and_stale_ones_refused)
{
	struct session *session = rig_session_at(&rig, 0);
	struct message_reply reply;
	struct message message = {
		.type = MESSAGE_SESSION_COUNTERS, .generation = session->generation};

	inner_udp4(&inner, RIG_SERVER, rig_subscriber(SESSION), 100);
	send_core();
	cr_expect_eq(ask(&message, &reply), 0);
	cr_expect_eq(reply.counters.down_packets4, 1);
	cr_expect_eq(reply.counters.down_bytes4, 100);
	message.type = MESSAGE_SESSION_SEQUENCE;
	message.sequence.ns = 77;
	message.sequence.nr = 88;
	cr_expect_eq(ask(&message, &reply), 0);
	cr_expect_eq(session->state.ns, 77);
	cr_expect_eq(session->state.nr, 88);
	message.generation++;
	cr_expect_eq(ask(&message, &reply), -ESTALE);
	message.index = 4096;
	cr_expect_eq(ask(&message, &reply), -EINVAL);
	message = (struct message){.type = MESSAGE_TYPES, .generation = session->generation};
	cr_expect_eq(ask(&message, &reply), -EINVAL);
	message = (struct message){.type = MESSAGE_WORKER_STATS};
	cr_expect_eq(ask(&message, &reply), 0);
	cr_expect_eq(dataplane_worker_stats(rig.dp, 0)->downlink_packets, 1);
	cr_expect_eq(dataplane_worker_stats(rig.dp, 0)->messages_stale, 1);
}

Test(downlink, new_path_of_a_tunnel_reaches_the_template_by_message)
{
	struct session *session = rig_session_at(&rig, 0);
	struct message message = {.type = MESSAGE_SESSION_PATH, .generation = session->generation};
	struct message_reply reply;
	struct tunnel_path path = rig_path4();

	path.peer_port = rte_cpu_to_be_16(40000);
	cr_assert_eq(tunnel_move(dataplane_sessions(rig.dp), RIG_TUNNEL, &path), 0);
	inner_udp4(&inner, RIG_SERVER, rig_subscriber(SESSION), 100);
	cr_expect_eq(ask(&message, &reply), 0);
	send_core();
	cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
	cr_expect_eq(load_be16(out.data + 14 + 22), 40000);
}

Test(downlink, policer_passes_its_burst_and_drops_the_rest_both_ways)
{
	struct session *session = rig_session_at(&rig, 0);
	struct message message = {
		.type = MESSAGE_SESSION_POLICER, .generation = session->generation};
	struct message_reply reply;
	unsigned int passed = 0;

	message.policer.up_rate = message.policer.down_rate =
		1; /* nothing comes back within a test */
	message.policer.up_burst = 500;
	message.policer.down_burst = 1000;
	message.policer.overhead = 24;
	cr_expect_eq(ask(&message, &reply), 0);
	__atomic_or_fetch(&session->flags, SESSION_POLICY, __ATOMIC_RELEASE);
	inner_udp4(&inner, RIG_SERVER, rig_subscriber(SESSION), 100);
	for (unsigned int i = 0; i < 20; i++) {
		send_core();
		passed += rig_receive(&rig, RIG_ACCESS, &out);
	}
	cr_expect_eq(passed, 8, "8 times 124 bytes in 1000, not %u", passed);
	inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 100);
	frame_data(&rig, &in, RIG_TUNNEL, SESSION, 0x21, inner.data, inner.n);
	for (unsigned int i = passed = 0; i < 20; i++) {
		rig_send(&rig, RIG_ACCESS, &in);
		rig_turn(&rig);
		passed += rig_receive(&rig, RIG_CORE0, &out);
	}
	cr_expect_eq(passed, 4);
	cr_expect_eq(rig_drops(&rig, DROP_POLICY_POLICED), 12 + 16);
	cr_expect_eq(
		session->counters.up_packets4, 4, "what was policed is not counted as carried");

	message.policer.up_rate = message.policer.down_rate = 0;
	cr_expect_eq(ask(&message, &reply), 0);
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_expect(rig_receive(&rig, RIG_CORE0, &out));
	message.policer.up_rate = 1000;
	message.policer.up_burst = 0;
	cr_expect_eq(ask(&message, &reply), -EINVAL);
}

Test(downlink, suspended_subscriber_keeps_its_ppp_and_nothing_else)
{
	static const uint8_t lcp[] = {0xff, 3, 0xc0, 0x21, 9, 1, 0, 8, 1, 2, 3, 4};
	struct session *session = rig_session_at(&rig, 0);
	struct message message = {
		.type = MESSAGE_SESSION_FILTER, .generation = session->generation};
	struct message_reply reply;

	message.filter.block_up = message.filter.block_down = true;
	cr_expect_eq(ask(&message, &reply), 0);
	__atomic_or_fetch(&session->flags, SESSION_POLICY, __ATOMIC_RELEASE);
	inner_udp4(&inner, RIG_SERVER, rig_subscriber(SESSION), 100);
	send_core();
	inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 100);
	frame_data(&rig, &in, RIG_TUNNEL, SESSION, 0x21, inner.data, inner.n);
	rig_send(&rig, RIG_ACCESS, &in);
	frame_data(&rig, &in, RIG_TUNNEL, SESSION, 0xc021, lcp + 4, 8);
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_expect_eq(rig_drops(&rig, DROP_POLICY_FILTERED), 2);
	cr_expect_eq(rig_punted(&rig, PUNT_RING_KNOWN, &out, &meta), PUNT_PPP);
	inject(INJECT_SESSION, lcp, sizeof(lcp), 0, session->generation);
	cr_expect(rig_receive(&rig, RIG_ACCESS, &out));
}
