/* SPDX-License-Identifier: BSD-3-Clause */
/* L2TP on its way to a LAC that wants it inside ESP: by which SA, whole or in fragments, or why not. */
#include "esp_path_fixture.h"

static struct meta meta;

TestSuite(esp_output, .init = esp_path_start, .fini = esp_path_finish);

static void send_down(uint16_t session_id, uint32_t length)
{
	inner_udp4(&inner, RIG_SERVER, rig_subscriber(session_id), length);
	inner.data[1] = 0xb8;
	ip4_header_set_checksum(inner.data, 20);
	frame_core4(&rig, &in, &inner);
	rig_send(&rig, RIG_CORE0, &in);
}

/* What is in out, which the LAC has opened, is the session's and carries inner. */
static void expect_data(const struct lac *peer, uint16_t tunnel_id, uint16_t session_id)
{
	const uint8_t *ip = out.data + 14;
	uint32_t l3 = peer->settings.family == 4 ? 20 : 40;
	const uint8_t *l2tp = ip + l3 + 8;

	cr_expect_eq(load_be16(ip + l3), 1701);
	cr_expect_eq(load_be16(ip + l3 + 2), 1701);
	cr_expect_eq(load_be16(ip + l3 + 4), out.n - 14 - l3);
	if (peer->settings.family == 6)
		cr_expect(packet_checksums_right(ip), "RFC 8200, 8.1");
	else
		cr_expect_eq(load16(ip + l3 + 6), 0);
	cr_expect_eq(load_be16(l2tp + 2), tunnel_id + 1000);
	cr_expect_eq(load_be16(l2tp + 4), session_id + 5000);
	cr_expect_arr_eq(l2tp + 10 + 20, inner.data + 20, inner.n - 20);
	cr_expect_eq(out.n, 14 + l3 + 8 + 10 + inner.n);
}

static void expect_outer(const struct lac *peer)
{
	const struct lac_settings *s = &peer->settings;
	const uint8_t *ip = out.data + 14;
	uint32_t l3 = s->family == 4 ? 20 : 40;

	cr_expect_arr_eq(out.data, rig_lac_mac, 6);
	if (s->family == 4) {
		cr_expect_eq(ip4_header_sum(ip, 20), 0xffff);
		cr_expect_eq(load32(ip + 12), RIG_LNS);
		cr_expect_eq(load32(ip + 16), RIG_LAC);
		cr_expect_eq(ip[1], 0xb8, "DSCP goes outward");
		cr_expect_eq(load_be16(ip + 6), 0, "DF is clear");
	} else {
		cr_expect_arr_eq(ip + 8, rig_lns6, 16);
		cr_expect_arr_eq(ip + 24, rig_lac6, 16);
		cr_expect_eq((ip[0] << 4 | ip[1] >> 4) & 0xff, 0xb8);
	}
	cr_expect_eq(ip[s->family == 4 ? 9 : 6], s->port ? IPPROTO_UDP : IPPROTO_ESP);
	if (s->port != 0) {
		cr_expect_eq(load_be16(ip + l3), 4500);
		cr_expect_eq(load_be16(ip + l3 + 2), s->port);
		if (s->family == 6)
			cr_expect(packet_checksums_right(ip));
	}
	cr_expect_eq(load32(ip + l3 + (s->port ? 8 : 0)), peer->out->spi);
}

Test(esp_output, data_leaves_by_every_way_and_algorithm)
{
	uint16_t id = 0;

	for (int algorithm = 0; algorithm < LAC_ALGORITHMS; algorithm++) {
		for (size_t i = 0; i < RTE_DIM(ways); i++, id++) {
			struct lac_settings settings = ways[i];

			settings.algorithm = algorithm;
			lac_tunnel(&rig, &lac, &settings, TUNNEL + id, SESSION + id, 0);
			for (uint32_t length = 100; length < 103; length++)
				send_down(SESSION + id, length);
			rig_turn(&rig);
			for (uint32_t length = 100; length < 103; length++) {
				inner_udp4(
					&inner, RIG_SERVER, rig_subscriber(SESSION + id), length);
				cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
				expect_outer(&lac);
				cr_assert_eq(lac_unwrap(&lac, &out), ESP_ACCEPTED, "%s, way %zu",
					lac_algorithms[algorithm].name, i);
				expect_data(&lac, TUNNEL + id, SESSION + id);
			}
			cr_expect_eq(lac.out->state.packets, 3);
		}
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
}

/* A router on the way may fragment them, and who puts them together knows them by addresses and id (RFC 6864). */
Test(esp_output, tunnel_mode_packets_of_two_sas_to_one_address_have_ids_of_their_own)
{
	static const struct lac_settings settings = {.family = 4, .tunnel = true, .port = 4500};
	struct lac lacs[2];
	uint16_t ids[20];
	unsigned int n = 0;

	for (uint16_t i = 0; i < 2; i++) {
		lac_tunnel(&rig, &lacs[i], &settings, TUNNEL + i, SESSION + i, 0);
		for (unsigned int packet = 0; packet < 10; packet++)
			send_down(SESSION + i, 100);
		rig_turn(&rig);
		for (; rig_receive(&rig, RIG_ACCESS, &out); n++) {
			cr_assert_lt(n, RTE_DIM(ids));
			ids[n] = load_be16(out.data + 14 + 4);
			cr_expect_eq(ip4_header_sum(out.data + 14, 20), 0xffff);
			for (unsigned int other = 0; other < n; other++)
				cr_expect_neq(ids[n], ids[other], "%u and %u", n, other);
		}
	}
	cr_assert_eq(n, RTE_DIM(ids));
}

Test(esp_output, checksum_wanted_for_ipv4_is_left_to_esp)
{
	struct tunnel_path path;

	lac_open(&rig, &lac, &ways[1]);
	path = lac_path(&lac);
	rig_tunnel_to(&rig, TUNNEL, &path, TUNNEL_UDP_CHECKSUM | TUNNEL_LENGTH_BIT);
	rig_session(&rig, TUNNEL, SESSION, 0, 1492, RIG_FLAGS);
	send_down(SESSION, 100);
	rig_turn(&rig);
	cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
	cr_assert_eq(lac_unwrap(&lac, &out), ESP_ACCEPTED);
	cr_expect_eq(load16(out.data + 14 + 26), 0);
}

/* The longest headers there are: IPv6 twice, L and S bits; what the device left in front is too little. */
Test(esp_output, packet_without_the_room_is_moved_in_its_buffer)
{
	static const struct lac_settings settings = {
		.family = 6, .tunnel = true, .port = 4500, .algorithm = LAC_CBC_SHA256};
	struct tunnel_path path;

	lac_open(&rig, &lac, &settings);
	path = lac_path(&lac);
	rig_tunnel_to(&rig, TUNNEL, &path, TUNNEL_LENGTH_BIT);
	rig_session(&rig, TUNNEL, SESSION, 0, 1400, RIG_FLAGS | SESSION_SEND_SEQ);
	/* also as fragments, in buffers of their own */
	for (uint32_t length = 100; length <= 1500; length += 700) {
		send_down(SESSION, length);
		rig_turn(&rig);
		cr_assert(rig_receive(&rig, RIG_ACCESS, &out), "%u bytes", length);
		if (length < 1400) {
			cr_assert_eq(lac_unwrap(&lac, &out), ESP_ACCEPTED);
			cr_expect_arr_eq(
				out.data + out.n - length + 20, inner.data + 20, length - 20);
		}
		while (rig_receive(&rig, RIG_ACCESS, &out))
			;
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
}

static struct rte_mbuf *inject_packet(const void *bytes, uint32_t n, enum inject_kind kind)
{
	struct rte_mbuf *m = dataplane_mbuf(rig.dp);

	memcpy(rte_pktmbuf_append(m, (uint16_t)n), bytes, n);
	meta_of(m)->kind = (uint8_t)kind;
	return m;
}

Test(esp_output, control_messages_are_protected_too)
{
	uint8_t hello[12] = {0xc8, 0x02, 0, 12, 0, TUNNEL, 0, 0, 0, 1, 0, 1};

	for (uint16_t i = 0; i < RTE_DIM(ways); i++) {
		struct rte_mbuf *m;

		lac_tunnel(&rig, &lac, &ways[i], TUNNEL + i, SESSION + i, 0);
		/* no tunnel is needed: an SCCRP goes to a peer that has none yet */
		lac_clear(&rig, &lac, &in, hello, sizeof(hello));
		if (ways[i].family == 4) {
			uint8_t addresses[8];

			memcpy(addresses, in.data + 26, 8);
			memcpy(in.data + 26, addresses + 4, 4);
			memcpy(in.data + 30, addresses, 4);
		} else {
			uint8_t address[16];

			memcpy(address, in.data + 22, 16);
			memcpy(in.data + 22, in.data + 38, 16);
			memcpy(in.data + 38, address, 16);
		}
		m = inject_packet(in.data + 14, in.n - 14, INJECT_IP);
		meta_of(m)->sa_group = lac.group;
		cr_assert_eq(dataplane_inject(rig.dp, 0, m), 0);
		rig_turn(&rig);
		cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
		cr_expect_arr_eq(out.data, rig_lac_mac, 6);
		cr_assert_eq(lac_unwrap(&lac, &out), ESP_ACCEPTED);
		cr_expect_eq(out.n, in.n);
		cr_expect_arr_eq(out.data + 14, in.data + 14, in.n - 14);
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
}

Test(esp_output, ppp_frames_of_the_control_core_are_protected_too)
{
	uint8_t echo[12] = {0xff, 0x03, 0xc0, 0x21, 9, 1, 0, 8, 1, 2, 3, 4};
	struct rte_mbuf *m;

	lac_tunnel(&rig, &lac, &ways[1], TUNNEL, SESSION, 0);
	m = inject_packet(echo, sizeof(echo), INJECT_SESSION);
	meta_of(m)->session = 0;
	meta_of(m)->generation = rig_session_at(&rig, 0)->generation;
	cr_assert_eq(dataplane_inject(rig.dp, 0, m), 0);
	rig_turn(&rig);
	cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
	cr_expect_eq(out.data[15], 0xc0, "CS6");
	cr_assert_eq(lac_unwrap(&lac, &out), ESP_ACCEPTED);
	cr_expect_eq(load_be16(out.data + 14 + 28 + 4), SESSION + 5000);
	cr_expect_arr_eq(out.data + 14 + 28 + 6, echo, sizeof(echo));
}

Test(esp_output, clients_behind_one_nat_each_get_their_own)
{
	static struct lac clients[2];

	lac_tunnel(&rig, &clients[0], &ways[1], TUNNEL, SESSION, 0);
	lac_tunnel(&rig, &clients[1], &ways[2], TUNNEL + 1, SESSION + 1, 0);
	for (unsigned int round = 0; round < 3; round++)
		for (uint16_t i = 0; i < 2; i++)
			send_down(SESSION + i, 100);
	rig_turn(&rig);
	for (unsigned int got = 0; got < 6; got++) {
		cr_assert(rig_receive(&rig, RIG_ACCESS, &out));

		uint16_t i = load_be16(out.data + 36) != 4500;

		expect_outer(&clients[i]);
		cr_assert_eq(lac_unwrap(&clients[i], &out), ESP_ACCEPTED);
		cr_expect_eq(load_be16(out.data + 14 + 28 + 2), TUNNEL + i + 1000);
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
}

static void expect_dropped(enum drop_reason reason, uint32_t index, const char *what)
{
	uint64_t before = rig_drops(&rig, reason), all = rig_drops_all(&rig);
	struct message_reply reply;

	send_down(SESSION, 100);
	rig_turn(&rig);
	cr_expect_not(rig_receive(&rig, RIG_ACCESS, &out), "%s", what);
	cr_expect_eq(rig_drops(&rig, reason) - before, 1, "%s", what);
	cr_expect_eq(rig_drops_all(&rig) - all, 1, "%s", what);
	cr_assert(lac_notice(&rig, &reply), "%s", what);
	cr_expect_eq(reply.esp.reason, reason, "%s", what);
	cr_expect_eq(reply.index, index, "%s", what);
	cr_expect_eq(load32(reply.esp.local), RIG_LNS);
	cr_expect_eq(load32(reply.esp.peer), RIG_LAC);
	cr_expect_not(lac_notice(&rig, &reply));
}

Test(esp_output, without_an_sa_nothing_leaves)
{
	struct tunnel_path path;

	lac_tunnel(&rig, &lac, &ways[0], TUNNEL, SESSION, 0);
	cr_assert_eq(sa_group_set_outbound(dataplane_sas(rig.dp), lac.group, SA_NONE), 0);
	expect_dropped(DROP_ESP_NO_SA, SA_NONE, "none set");
	lac_unpublish(&rig, lac.in_index);
	lac_unpublish(&rig, lac.out_index);
	expect_dropped(DROP_ESP_NO_SA, SA_NONE, "none left");
	cr_assert_eq(sa_group_remove(dataplane_sas(rig.dp), lac.group), 0);
	rcu_poll(dataplane_rcu(rig.dp), 100);
	expect_dropped(DROP_ESP_NO_SA, SA_NONE, "the group is gone");

	/* an SA in transport mode is for its own peer only */
	lac_open(&rig, &lac, &ways[0]);
	path = lac_path(&lac);
	path.local[3]++;
	cr_assert_eq(tunnel_move(dataplane_sessions(rig.dp), TUNNEL, &path), 0);
	session_template_build(
		rig_session_at(&rig, 0), tunnel_lookup(dataplane_sessions(rig.dp), TUNNEL));
	send_down(SESSION, 100);
	rig_turn(&rig);
	cr_expect_not(rig_receive(&rig, RIG_ACCESS, &out));
	cr_expect_eq(rig_drops(&rig, DROP_ESP_NO_SA), 4);
}

Test(esp_output, numbers_end_by_name)
{
	struct lac_settings settings = ways[0];

	settings.limit = 2;
	lac_tunnel(&rig, &lac, &settings, TUNNEL, SESSION, 0);
	for (unsigned int i = 0; i < 2; i++) {
		send_down(SESSION, 100);
		rig_turn(&rig);
		cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
	}
	expect_dropped(DROP_ESP_LIMIT, lac.out_index, "not reserved");
	sa_raise_limit(lac.out, 10);
	send_down(SESSION, 100);
	rig_turn(&rig);
	cr_assert(rig_receive(&rig, RIG_ACCESS, &out));

	/* a successor that is used up already */
	settings.limit = 0;
	settings.sequence = UINT32_MAX;
	settings.group = lac.group;
	lac_open(&rig, &lac, &settings);
	expect_dropped(DROP_ESP_EXHAUSTED, lac.out_index, "used up");
}

Test(esp_output, the_newest_outbound_sa_is_used)
{
	struct lac_settings settings = ways[1];
	struct lac successor;

	lac_tunnel(&rig, &lac, &settings, TUNNEL, SESSION, 0);
	settings.group = lac.group;
	send_down(SESSION, 100);
	rig_turn(&rig);
	cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
	cr_expect_eq(lac_unwrap(&lac, &out), ESP_ACCEPTED);
	lac_open(&rig, &successor, &settings);
	send_down(SESSION, 100);
	rig_turn(&rig);
	lac_unpublish(&rig, lac.out_index);
	send_down(SESSION, 100);
	rig_turn(&rig);
	for (unsigned int i = 0; i < 2; i++) {
		cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
		cr_expect_eq(load32(lac_esp(&lac, &out)), successor.out->spi);
		cr_expect_eq(lac_unwrap(&successor, &out), ESP_ACCEPTED);
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
}

/* Fragments of one packet in the transmit ring, put together in out, which has no fragment header then. */
static unsigned int receive_fragments(void)
{
	static struct frame piece, whole;
	unsigned int n = 0;
	bool more = true;

	while (more) {
		cr_assert(rig_receive(&rig, RIG_ACCESS, &piece));
		cr_expect_leq(piece.n, 14 + 1500);

		const uint8_t *ip = piece.data + 14;
		bool v4 = ip[0] >> 4 == 4;
		uint32_t l3 = v4 ? 20 : 40, skip = v4 ? 20 : 48, at;

		if (v4) {
			cr_expect_eq(ip4_header_sum(ip, 20), 0xffff);
			at = (load_be16(ip + 6) & 0x1fffu) * 8;
			more = load_be16(ip + 6) & 0x2000;
		} else {
			at = load_be16(ip + 42) & 0xfff8u;
			more = load_be16(ip + 42) & 1;
		}
		if (n == 0) {
			memcpy(whole.data, piece.data, 14 + l3);
			if (!v4)
				whole.data[14 + 6] = ip[40];
		}
		memcpy(whole.data + 14 + l3 + at, ip + skip, piece.n - 14 - skip);
		whole.n = 14 + l3 + at + piece.n - 14 - skip;
		n++;
	}
	if (whole.data[14] >> 4 == 4) {
		store_be16(whole.data + 16, (uint16_t)(whole.n - 14));
		store_be16(whole.data + 20, 0);
		ip4_header_set_checksum(whole.data + 14, 20);
	} else {
		store_be16(whole.data + 18, (uint16_t)(whole.n - 54));
	}
	memcpy(&out, &whole, sizeof(out));
	return n;
}

Test(esp_output, what_exceeds_the_ports_mtu_is_protected_first_and_fragmented_then)
{
	for (uint16_t i = 0; i < RTE_DIM(ways); i++) {
		struct lac_settings settings = ways[i];

		settings.algorithm = i % LAC_ALGORITHMS;
		lac_tunnel(&rig, &lac, &settings, TUNNEL + i, SESSION + i, 0);
		rig_session_at(&rig, i)->mtu = 1500;
		send_down(SESSION + i, 1500);
		rig_turn(&rig);
		cr_expect_eq(receive_fragments(), 2, "way %u", i);
		cr_assert_eq(lac_unwrap(&lac, &out), ESP_ACCEPTED, "way %u", i);
		expect_data(&lac, TUNNEL + i, SESSION + i);
		cr_expect_not(rig_receive(&rig, RIG_ACCESS, &out));
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
}

/* The control core holds a packet until its next hop has an address, and sends it as it is. */
Test(esp_output, packet_that_waited_for_its_next_hop_is_not_protected_twice)
{
	struct adjacency_table *table = dataplane_adjacencies(rig.dp);
	uint8_t l2[14] = {2, 0, 0, 0, 0, 0x22};

	lac_tunnel(&rig, &lac, &ways[0], TUNNEL, SESSION, 0);
	for (unsigned int up = 0; up < 2; up++) {
		uint32_t adjacency = rig.adjacency[up ? RIG_CORE0 : RIG_ACCESS];
		struct rte_mbuf *m;

		cr_assert_eq(adjacency_resolve(table, adjacency, NULL, 0, 1500), 0);
		if (up) {
			inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 100);
			lac_data(&rig, &lac, &in, TUNNEL, SESSION, &inner);
			rig_send(&rig, RIG_ACCESS, &in);
		} else {
			send_down(SESSION, 100);
		}
		rig_turn(&rig);
		cr_assert_eq(dataplane_punt_poll(rig.dp, PUNT_RING_EXCEPTION, &m, 1), 1);
		cr_assert_eq(meta_of(m)->kind, PUNT_UNRESOLVED);
		meta_of(m)->kind = INJECT_IP;
		meta_of(m)->adjacency = ADJACENCY_NONE;
		rcu_poll(dataplane_rcu(rig.dp), 100);
		cr_assert_eq(adjacency_resolve(table, adjacency, l2, 14, 1500), 0);
		rcu_poll(dataplane_rcu(rig.dp), 100);
		cr_assert_eq(dataplane_inject(rig.dp, 0, m), 0);
		rig_turn(&rig);
		if (up) {
			cr_assert(rig_receive(&rig, RIG_CORE0, &out));
			cr_expect_arr_eq(out.data + 34, inner.data + 20, 80);
		} else {
			cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
			cr_assert_eq(lac_unwrap(&lac, &out), ESP_ACCEPTED);
			expect_data(&lac, TUNNEL, SESSION);
		}
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
}

Test(esp_output, no_way_to_the_peer_is_said)
{
	uint32_t address = RIG_LAC;

	lac_tunnel(&rig, &lac, &ways[1], TUNNEL, SESSION, 0);
	cr_assert_eq(fib_set4(dataplane_fib(rig.dp, 0), address, 32,
			     fib_target(FIB_UNREACHABLE, FIB_UNREACH)),
		0);
	send_down(SESSION, 100);
	rig_turn(&rig);
	cr_expect_eq(rig_drops(&rig, DROP_IP_NO_ROUTE), 1);
	cr_assert_eq(
		fib_set4(dataplane_fib(rig.dp, 0), address, 32, fib_target(FIB_GLEAN, RIG_ACCESS)),
		0);
	send_down(SESSION, 100);
	rig_turn(&rig);
	cr_expect_eq(rig_punted(&rig, PUNT_RING_EXCEPTION, &out, &meta), PUNT_UNRESOLVED);
	cr_expect_eq(meta.iface, RIG_ACCESS);
	cr_expect_eq(meta.sa_group, 0);
}
