/* SPDX-License-Identifier: BSD-3-Clause */
/* Outer fragments: whole datagrams, overlaps, floods, time, and the worker that does it. */
#include "path_rig.h"

#include <unistd.h>

#define SESSION 3

static struct rig rig;
static struct frame in, out, inner, whole;

static void finish(void)
{
	rig_destroy(&rig);
}

static void start_workers(unsigned int n, uint16_t timeout_ms)
{
	struct dataplane_settings settings = rig_settings(n);
	struct tunnel_path path6 = rig_path6();

	settings.fragment_timeout_ms = timeout_ms;
	rig_eal_init("0@0,1@0,2@0,3@0,4@0");
	rig_create(&rig, &settings);
	rig_tunnel(&rig);
	rig_session(&rig, RIG_TUNNEL, SESSION, 0, 1492, RIG_FLAGS);
	rig_tunnel_to(&rig, 9, &path6, 0);
	rig_session(&rig, 9, 30, (uint8_t)(n - 1), 1492, RIG_FLAGS);
}

static void start(void)
{
	start_workers(1, 1000);
}

TestSuite(reassembly, .init = start, .fini = finish);
TestSuite(reassembly_bare, .fini = finish);

/* One piece [from, to) of what stands behind the IPv4 header in whole. */
static void send_piece4(uint16_t id, uint32_t from, uint32_t to, bool more)
{
	frame_eth(&in, rig.mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_IPV4);
	uint8_t *ip = frame_ip4(&in, RIG_LAC, RIG_LNS, IPPROTO_UDP, to - from);
	store_be16(ip + 4, id);
	store_be16(ip + 6, (uint16_t)(from / 8 | (more ? 0x2000 : 0)));
	ip4_header_set_checksum(ip, 20);
	frame_add(&in, whole.data + 34 + from, to - from);
	if (in.n < 60)
		frame_add(&in, NULL, 60 - in.n); /* as Ethernet pads */
	rig_send(&rig, RIG_ACCESS, &in);
}

static void send_piece6(uint32_t id, uint32_t from, uint32_t to, bool more)
{
	uint8_t *fragment;

	frame_eth(&in, rig.mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_IPV6);
	frame_ip6(&in, rig_lac6, rig_lns6, IPPROTO_FRAGMENT, 8 + to - from);
	fragment = frame_add(&in, NULL, 8);
	fragment[0] = IPPROTO_UDP;
	store_be16(fragment + 2, (uint16_t)(from | more));
	store32(fragment + 4, id);
	frame_add(&in, whole.data + 34 + from, to - from);
	rig_send(&rig, RIG_ACCESS, &in);
}

static uint32_t make_whole(uint16_t tunnel, uint16_t session, uint32_t inner_length)
{
	inner_udp4(&inner, rig_subscriber(session), RIG_SERVER, inner_length);
	frame_data(&rig, &whole, tunnel, session, 0x21, inner.data, inner.n);
	return whole.n - 34;
}

static bool arrived(void)
{
	rig_turn(&rig);
	if (!rig_receive(&rig, RIG_CORE0, &out))
		return false;
	cr_expect_eq(out.n, 14 + inner.n);
	cr_expect_arr_eq(out.data + 14 + 20, inner.data + 20, inner.n - 20);
	return true;
}

Test(reassembly, pieces_in_any_order_become_the_datagram)
{
	uint32_t n = make_whole(RIG_TUNNEL, SESSION, 1480);
	static const uint8_t orders[6][3] = {
		{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	for (uint16_t order = 0; order < 6; order++) {
		uint32_t cuts[4] = {
			0, 8, 1000, n}; /* the first holds no more than the UDP header */

		for (unsigned int i = 0; i < 3; i++) {
			unsigned int piece = orders[order][i];

			cr_expect_not(arrived());
			send_piece4(order, cuts[piece], cuts[piece + 1], piece < 2);
		}
		cr_expect(arrived(), "order %u", order);
		for (unsigned int i = 0; i < 3; i++)
			send_piece6(order, cuts[i], cuts[i + 1], i < 2);
		whole.data[0] = 0;
		/* over IPv6 the IPv4 tunnel's data is nobody's */
		rig_turn(&rig);
	}
	cr_expect_eq(rig.dp->workers[0]->stats.reassembled, 12);
	cr_expect_eq(rig_drops(&rig, DROP_L2TP_WRONG_PEER), 6);
	cr_expect_eq(rig_session_at(&rig, 0)->counters.up_packets4, 6);
}

Test(reassembly, ipv6_datagrams_too)
{
	uint32_t n = make_whole(9, 30, 1480);

	send_piece6(1, 1000, n, false);
	send_piece6(1, 0, 1000, true);
	cr_expect(arrived());
}

Test(reassembly, datagram_larger_than_a_segment_goes_through_in_several)
{
	uint32_t n = make_whole(RIG_TUNNEL, SESSION, 5000);

	for (uint32_t from = 0; from < n; from += 1400)
		send_piece4(1, from, RTE_MIN(from + 1400, n), from + 1400 < n);
	rig_turn(&rig);

	/* larger than the core's MTU: it leaves in fragments again */
	static uint8_t joined[6000];
	uint32_t total = 0;

	while (rig_receive(&rig, RIG_CORE0, &out)) {
		uint32_t offset = (load_be16(out.data + 14 + 6) & 0x1fffu) * 8;

		cr_expect_leq(out.n, 1514);
		cr_expect_eq(ip4_header_sum(out.data + 14, 20), 0xffff);
		memcpy(joined + offset, out.data + 34, out.n - 34);
		total += out.n - 34;
	}
	cr_expect_eq(total, 4980);
	cr_expect_arr_eq(joined, inner.data + 20, 4980);
	cr_expect_eq(rig_drops_all(&rig), 0);
}

/* The few large buffers are for ESP, of which IKE shares the port: RFC 3948, 2.2. */
Test(reassembly, only_esp_takes_a_large_buffer)
{
	static const uint16_t cuts[] = {0, 8, 1400, 2800, 4200, 5000};
	struct worker_stats *stats = &rig.dp->workers[0]->stats;
	unsigned int before = rte_mempool_avail_count(rig.dp->large);
	struct meta meta;

	whole.n = 0;
	frame_add(&whole, NULL, 34);
	frame_udp(&whole, 4500, 4500, 5000 - 8);
	frame_add(&whole, NULL, 5000 - 8);
	for (unsigned int i = 0; i + 1 < RTE_DIM(cuts); i++)
		send_piece4(1, cuts[i], cuts[i + 1], cuts[i + 1] < 5000);
	rig_turn(&rig);
	cr_expect_eq(stats->reassembled, 1);
	cr_expect_eq(rte_mempool_avail_count(rig.dp->large), before, "while IKE is on its way");
	cr_expect_eq(rig_punted(&rig, PUNT_RING_EXCEPTION, &out, &meta), PUNT_FRAME);
	cr_expect_eq(out.n, 14 + 20 + 5000);

	whole.data[34 + 8] = 1;
	for (unsigned int i = 0; i + 1 < RTE_DIM(cuts); i++)
		send_piece4(2, cuts[i], cuts[i + 1], cuts[i + 1] < 5000);
	rig_turn(&rig);
	cr_expect_eq(stats->reassembled, 2);
	cr_expect_eq(rig_drops(&rig, DROP_ESP_UNKNOWN_SPI), 1);
}

Test(reassembly, overlaps_and_malformed_pieces_make_nothing)
{
	uint32_t n = make_whole(RIG_TUNNEL, SESSION, 1480);

	/* overlapping: the sum of the pieces is enough, the datagram is not */
	send_piece4(1, 0, 800, true);
	send_piece4(1, 400, 1200, true);
	send_piece4(1, 800, n, false);
	send_piece4(1, 1200, n, false);
	cr_expect_not(arrived());
	/* not a multiple of eight but the last; no payload; beyond 65,535 */
	send_piece4(2, 0, 801, true);
	send_piece4(3, 800, 800, false);
	frame_eth(&in, rig.mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_IPV4);
	uint8_t *ip = frame_ip4(&in, RIG_LAC, RIG_LNS, IPPROTO_UDP, 100);
	store_be16(ip + 6, 0x1fff);
	ip4_header_set_checksum(ip, 20);
	frame_add(&in, NULL, 100);
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_expect_geq(rig_drops(&rig, DROP_FRAGMENT_INVALID), 3 + 3);
	cr_expect_eq(rig_drops(&rig, DROP_FRAGMENT_TABLE_FULL), 0);
	cr_expect_not(arrived());
	/* more pieces than a real sender makes */
	for (uint32_t from = 0; from < 160; from += 16)
		send_piece4(5, from, from + 16, true);
	rig_turn(&rig);
	cr_expect_geq(rig_drops(&rig, DROP_FRAGMENT_INVALID), 3 + 3 + 8);
	worker_drain(rig.dp->workers[0]); /* the rest waits in the table */
}

static void flood(uint16_t first_id, uint16_t n)
{
	for (uint16_t id = first_id; id < first_id + n; id++) {
		send_piece4(id, 0, 800, true);
		rig_turn(&rig);
	}
}

Test(reassembly, flood_of_first_pieces_is_bounded)
{
	make_whole(RIG_TUNNEL, SESSION, 1480);
	/* faster than anything gets old, or not: 32 at most stand in the table */
	flood(1000, 200);
	cr_expect_geq(rig_drops(&rig, DROP_FRAGMENT_TABLE_FULL), 200 - 32);
	cr_expect_lt(rig_drops(&rig, DROP_FRAGMENT_TABLE_FULL), 200);
	cr_expect_eq(rig_drops_all(&rig), rig_drops(&rig, DROP_FRAGMENT_TABLE_FULL));
	/* what stands in the table at the end is freed with it: rig_destroy() counts */
	worker_drain(rig.dp->workers[0]);
}

Test(reassembly, a_datagram_gets_through_a_flood_of_first_pieces)
{
	uint32_t n = make_whole(RIG_TUNNEL, SESSION, 1480);

	for (uint16_t round = 0; round < 4; round++) {
		flood((uint16_t)(1000 + 200 * round), 200);
		usleep(1000u << 2 *
				round); /* the flood's own speed: its pieces are 1 to 64 ms old */
		send_piece4(round, 0, 800, true);
		rig_turn(&rig);
		send_piece4(round, 800, n, false);
		cr_expect(arrived(), "round %u", round);
	}
	cr_expect_eq(rig.dp->workers[0]->stats.reassembled, 4);
	cr_expect_eq(rig_drops_all(&rig), rig_drops(&rig, DROP_FRAGMENT_TABLE_FULL));
	worker_drain(rig.dp->workers[0]);
}

Test(reassembly_bare, pieces_whose_rest_never_comes_time_out)
{
	start_workers(1, 20);

	uint32_t n = make_whole(RIG_TUNNEL, SESSION, 1480);

	send_piece4(1, 0, 800, true);
	send_piece4(2, 800, n, false);
	rig_turn(&rig);
	cr_expect_eq(rig_drops_all(&rig), 0);
	usleep(60000);
	rig_turn(&rig);
	cr_expect_eq(rig_drops(&rig, DROP_FRAGMENT_TIMEOUT), 2);
	/* too late */
	send_piece4(1, 800, n, false);
	cr_expect_not(arrived());
	usleep(60000);
	rig_turn(&rig);
	cr_expect_eq(rig_drops(&rig, DROP_FRAGMENT_TIMEOUT), 3);
}

Test(reassembly_bare, all_pieces_of_a_datagram_meet_on_one_worker_and_the_datagrams_spread)
{
	unsigned int used = 0;

	start_workers(4, 1000);
	for (uint16_t id = 0; id < 64; id++) {
		bool v6 = id % 2;
		uint32_t n = make_whole(v6 ? 9 : RIG_TUNNEL, v6 ? 30 : SESSION, 1480);

		if (v6) {
			send_piece6(id, 800, n, false);
			send_piece6(id, 0, 800, true);
		} else {
			send_piece4(id, 0, 800, true);
			send_piece4(id, 800, n, false);
		}
		cr_expect(arrived(), "datagram %u", id);
	}
	for (unsigned int i = 0; i < 4; i++)
		used += rig.dp->workers[i]->stats.reassembled > 0;
	cr_expect_eq(used, 4);
	cr_expect_eq(rig_drops_all(&rig), 0);
}

Test(reassembly_bare, off_it_leaves_the_pieces_to_the_kernel)
{
	struct dataplane_settings settings = rig_settings(1);
	struct meta meta;

	settings.reassembly = false;
	rig_eal_init("0@0,1@0");
	rig_create(&rig, &settings);
	make_whole(RIG_TUNNEL, SESSION, 1480);
	send_piece4(1, 0, 800, true);
	rig_turn(&rig);
	cr_expect_eq(rig_punted(&rig, PUNT_RING_EXCEPTION, &out, &meta), PUNT_FRAME);
}

/* As send_piece4, from the LAC of the same address that the other VRF has. */
static void send_piece4_elsewhere(uint16_t id, uint32_t from, uint32_t to, bool more)
{
	static const uint8_t tag[4] = {0x81, 0x00, 0x00, 0x07};
	static struct frame plain;

	frame_eth(&plain, rig.mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_IPV4);
	uint8_t *ip = frame_ip4(&plain, RIG_LAC, RIG_LNS, IPPROTO_UDP, to - from);
	store_be16(ip + 4, id);
	store_be16(ip + 6, (uint16_t)(from / 8 | (more ? 0x2000 : 0)));
	ip4_header_set_checksum(ip, 20);
	in.n = 0;
	frame_add(&in, plain.data, 12);
	frame_add(&in, tag, sizeof(tag));
	frame_add(&in, plain.data + 12, plain.n - 12);
	frame_add(&in, whole.data + 34 + from, to - from);
	rig_send(&rig, RIG_ACCESS, &in);
}

Test(reassembly_bare, pieces_of_one_vrf_are_not_those_of_another)
{
	static const char *const vrfs[] = {"default", "other"};
	struct dataplane_settings settings = rig_settings(1);
	const struct iface_settings ifaces[] = {settings.ifaces[0], settings.ifaces[1],
		{.name = "access1",
			.device = "net_ring_access",
			.role = IFACE_ACCESS,
			.vrf = 1,
			.mtu = 1500,
			.vlan = 7}};
	struct iface_addr address = {.family = 4};
	uint32_t lns = RIG_LNS, n;

	memcpy(address.addr, &lns, 4);
	settings.n_vrfs = 2;
	settings.vrf_names = vrfs;
	settings.n_ifaces = 3;
	settings.ifaces = ifaces;
	rig_eal_init("0@0,1@0");
	rig_create(&rig, &settings);
	cr_assert_eq(dataplane_iface_addresses(rig.dp, 2, &address, 1), 0);
	rig_tunnel(&rig);
	rig_session(&rig, RIG_TUNNEL, SESSION, 0, 1492, RIG_FLAGS);

	n = make_whole(RIG_TUNNEL, SESSION, 1480);
	send_piece4(1, 0, 800, true);
	send_piece4_elsewhere(1, 800, n, false);
	cr_expect_not(arrived());
	cr_expect_eq(rig.dp->workers[0]->stats.reassembled, 0);
	send_piece4(1, 800, n, false);
	cr_expect(arrived());
	send_piece4_elsewhere(1, 0, 800, true);
	/* whole as well, but the tunnel is not of that VRF */
	cr_expect_not(arrived());
	cr_expect_eq(rig.dp->workers[0]->stats.reassembled, 2);
	cr_expect_eq(rig_drops(&rig, DROP_L2TP_WRONG_PEER), 1);
	cr_expect_eq(rig_drops_all(&rig), 1);
}
