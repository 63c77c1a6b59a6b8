/* SPDX-License-Identifier: BSD-3-Clause */
/* What a flood to the control core may take of its rings, and what it may not. */
#include "path_rig.h"

#include "punt.h"

#define HOSTILE 3
#define OTHER   4

static struct rig rig;
static struct frame in, out, inner;
static struct meta meta;

static void start(void)
{
	rig_start(&rig, 1);
	rig_tunnel(&rig);
	rig_session(&rig, RIG_TUNNEL, HOSTILE, 0, 1492, RIG_FLAGS);
	rig_session(&rig, RIG_TUNNEL, OTHER, 0, 1492, RIG_FLAGS);
}

static void finish(void)
{
	rig_destroy(&rig);
}

TestSuite(punt, .init = start, .fini = finish);

static void send_ppp(uint16_t session_id)
{
	static const uint8_t echo[8] = {9, 1, 0, 8};

	frame_data(&rig, &in, RIG_TUNNEL, session_id, 0xc021, echo, sizeof(echo));
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
}

static void send_local(uint16_t session_id)
{
	inner_udp4(&inner, rig_subscriber(session_id), RIG_LNS, 60);
	frame_data(&rig, &in, RIG_TUNNEL, session_id, 0x21, inner.data, inner.n);
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
}

static unsigned int punted(enum punt_ring ring, uint16_t session_id)
{
	unsigned int n = 0;

	while (rig_punted(&rig, ring, &out, &meta) >= 0)
		n += meta.session_id == session_id;
	return n;
}

Test(punt, flood_of_one_subscriber_is_bounded_and_leaves_room_for_the_others)
{
	static const struct {
		void (*send)(uint16_t session_id);
		enum punt_ring ring;
		unsigned int burst;
	} kinds[] = {
		{send_ppp, PUNT_RING_KNOWN, PUNT_PPP_BURST},
		{send_local, PUNT_RING_EXCEPTION, PUNT_LOCAL_BURST},
	};

	for (size_t i = 0; i < RTE_DIM(kinds); i++) {
		uint64_t before = rig_drops(&rig, DROP_PUNT_SESSION_RATE);
		unsigned int n = 0;

		for (unsigned int sent = 0; sent < 1500; sent++)
			kinds[i].send(HOSTILE);
		n = punted(kinds[i].ring, HOSTILE);
		cr_expect_geq(n, kinds[i].burst);
		cr_expect_lt(n, 1500);
		cr_expect_eq(rig_drops(&rig, DROP_PUNT_SESSION_RATE) - before, 1500 - n);
		kinds[i].send(OTHER);
		cr_expect_eq(punted(kinds[i].ring, OTHER), 1);
	}
	cr_expect_eq(rig_session_at(&rig, 0)->state.up_drops,
		rig_drops(&rig, DROP_PUNT_SESSION_RATE), "the subscriber's own");
}

Test(punt, known_ring_keeps_room_for_l2tp_whatever_ppp_sends)
{
	struct worker *w = rig.dp->workers[0];
	static const uint8_t hello[] = {
		0xc8, 2, 0, 20, 0, RIG_TUNNEL, 0, 0, 0, 1, 0, 1, 0x80, 8, 0, 0, 0, 0, 0, 6};

	w->punt_ppp_price = 1; /* many subscribers together */
	for (unsigned int sent = 0; sent < 4500; sent++)
		send_ppp(HOSTILE);
	cr_expect_eq(rig_drops(&rig, DROP_PUNT_KNOWN_FULL), 4500 - 4096 / 8 * 6);
	frame_lac(&rig, &in, hello, sizeof(hello));
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_expect_eq(w->stats.punts[PUNT_L2TP_KNOWN], 1);
	cr_expect_eq(rig_drops(&rig, DROP_PUNT_KNOWN_FULL), 4500 - 4096 / 8 * 6);
}

Test(punt, exception_ring_keeps_room_for_arp_and_neighbour_discovery)
{
	struct worker *w = rig.dp->workers[0];
	static const uint8_t link_local[16] = {0xfe, 0x80, [15] = 1}, all[16] = {0xff, 2, [15] = 1};
	uint64_t dropped;

	for (unsigned int sent = 0; sent < 1200; sent++) {
		frame_eth(&in, rig.mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_IPV4);
		frame_ip4(&in, RIG_LAC, RIG_LNS, IPPROTO_ICMP, 8);
		frame_add(&in, NULL, 8);
		rig_send(&rig, RIG_ACCESS, &in);
		rig_turn(&rig);
	}
	dropped = rig_drops(&rig, DROP_PUNT_EXCEPTION_FULL);
	cr_expect_eq(dropped, 1200 - 1024 / 8 * 6);
	frame_eth(&in, rig.mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_ARP);
	frame_add(&in, NULL, 28);
	rig_send(&rig, RIG_ACCESS, &in);
	for (uint8_t hops = 254; hops >= 254; hops++) {
		frame_eth(&in, rig.mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_IPV6);
		frame_ip6(&in, link_local, all, IPPROTO_ICMPV6, 24)[7] = hops;
		frame_add(&in, NULL, 24)[0] = 135;
		rig_send(&rig, RIG_ACCESS, &in);
	}
	rig_turn(&rig);
	cr_expect_eq(w->stats.punts[PUNT_FRAME], 1024 / 8 * 6 + 2, "ARP, and ND of this link");
	cr_expect_eq(rig_drops(&rig, DROP_PUNT_EXCEPTION_FULL), dropped + 1);
}

/* The LAC in the default VRF, the subscriber and its internet in another one. */
static void start_vrfs(void)
{
	static const char *const vrfs[] = {"default", "blue"};
	static struct iface_settings ifaces[RIG_IFACES];
	struct dataplane_settings settings = rig_settings(1);

	memcpy(ifaces, settings.ifaces, sizeof(ifaces));
	ifaces[RIG_CORE0].vrf = 1;
	settings.n_vrfs = 2;
	settings.vrf_names = vrfs;
	settings.ifaces = ifaces;
	rig_eal_init("0@0,1@0,2@0,3@0,4@0");
	rig_create(&rig, &settings);
}

TestSuite(punt_vrfs, .init = start_vrfs, .fini = finish);

static void subscriber_of_blue(uint16_t tunnel_id, uint16_t id)
{
	uint32_t index = rig_session(&rig, tunnel_id, id, 0, 1500, RIG_FLAGS);

	cr_assert_eq(fib_set4(dataplane_fib(rig.dp, 1), rig_subscriber(id), 32,
			     fib_target(FIB_SESSION, index)),
		0);
}

/* Back to a worker as the control core does it once the neighbour is there. */
static void inject_punted(void)
{
	struct rte_mbuf *m = dataplane_mbuf(rig.dp);

	memcpy(rte_pktmbuf_append(m, (uint16_t)out.n), out.data, out.n);
	*meta_of(m) = meta;
	meta_of(m)->kind = INJECT_IP;
	meta_of(m)->adjacency = ADJACENCY_NONE;
	cr_assert_eq(dataplane_inject(rig.dp, 0, m), 0);
	rig_turn(&rig);
}

/* 1 transport; 2 a next hop without an answer, or none yet */
Test(punt_vrfs, what_waited_for_the_lacs_next_hop_goes_by_the_lacs_vrf_in_fragments)
{
	struct fib *fib = dataplane_fib(rig.dp, 0);
	struct tunnel_path path6 = rig_path6();

	rig_tunnel(&rig);
	rig_tunnel_to(&rig, 9, &path6, 0);
	subscriber_of_blue(RIG_TUNNEL, HOSTILE);
	subscriber_of_blue(9, OTHER);
	for (unsigned int row = 0; row < 4; row++) {
		bool v6 = row & 1, glean = row & 2;
		uint32_t lac = RIG_LAC, parts = 0, adjacency = rig.adjacency[RIG_ACCESS];
		uint32_t target;
		uint8_t l2[14] = {0};

		if (v6)
			adjacency = rig.adjacency6;
		target = glean ? fib_target(FIB_GLEAN, RIG_ACCESS)
			       : fib_target(FIB_ADJACENCY, adjacency);
		if (!glean)
			cr_assert_eq(adjacency_resolve(dataplane_adjacencies(rig.dp), adjacency,
					     NULL, 0, 1500),
				0);
		cr_assert_eq(
			v6 ? fib_set6(fib, rig_lac6, 128, target) : fib_set4(fib, lac, 32, target),
			0);
		inner_udp4(&inner, RIG_SERVER, rig_subscriber(v6 ? OTHER : HOSTILE), 1500);
		inner.data[6] = 0x40;
		ip4_header_set_checksum(inner.data, 20);
		frame_core4(&rig, &in, &inner);
		rig_send(&rig, RIG_CORE0, &in);
		rig_turn(&rig);
		cr_assert_eq(rig_punted(&rig, PUNT_RING_EXCEPTION, &out, &meta), PUNT_UNRESOLVED,
			"row %u", row);
		cr_expect_eq(meta.vrf, 0, "row %u: VRF %u", row, meta.vrf);
		memcpy(l2, rig_lac_mac, 6);
		cr_assert_eq(adjacency_resolve(dataplane_adjacencies(rig.dp), adjacency, l2,
				     sizeof(l2), 1500),
			0);
		cr_assert_eq(v6 ? fib_set6(fib, rig_lac6, 128, fib_target(FIB_ADJACENCY, adjacency))
				: fib_set4(fib, lac, 32, fib_target(FIB_ADJACENCY, adjacency)),
			0);
		inject_punted();
		cr_expect_eq(rig_punted(&rig, PUNT_RING_EXCEPTION, &out, &meta), -1,
			"row %u: an error to ourselves", row);
		while (rig_receive(&rig, RIG_ACCESS, &out))
			parts++;
		cr_expect_eq(parts, 2, "row %u: %u parts", row, parts);
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
}
