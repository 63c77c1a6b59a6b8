/* SPDX-License-Identifier: BSD-3-Clause */
/* L2TP inside ESP on its way from the LAC: who gets in, by which SA, in which order. */
#include "esp_path_fixture.h"

static struct meta meta;

TestSuite(esp_input, .init = esp_path_start, .fini = esp_path_finish);

Test(esp_input, data_gets_in_by_every_way_and_algorithm)
{
	uint16_t id = 0;

	for (int algorithm = 0; algorithm < LAC_ALGORITHMS; algorithm++) {
		for (size_t i = 0; i < RTE_DIM(ways); i++, id++) {
			struct lac_settings settings = ways[i];

			settings.algorithm = algorithm;
			lac_tunnel(&rig, &lac, &settings, TUNNEL + id, SESSION + id, 0);
			for (unsigned int burst = 0; burst < 3; burst++) {
				send_data(&lac, TUNNEL + id, SESSION + id);
				cr_expect(arrived(), "%s, way %zu", lac_algorithms[algorithm].name,
					i);
			}
			cr_expect_eq(rig_drops_all(&rig), 0);
			cr_expect_eq(rig_session_at(&rig, id)->counters.up_packets4, 3);
			cr_expect_eq(lac.in->state.packets, 3);
		}
	}
}

Test(esp_input, control_messages_reach_the_control_core_with_their_group)
{
	static const struct lac_settings settings = {.family = 4, .port = 4500};
	uint8_t hello[12] = {0xc8, 0x02, 0, 12, 0, TUNNEL, 0, 0, 0, 1, 0, 1};
	struct lac stranger;

	lac_tunnel(&rig, &lac, &settings, TUNNEL, SESSION, 0);
	lac_open(&rig, &stranger, &settings);
	for (unsigned int i = 0; i < 3; i++) {
		struct lac *from = i == 1 ? &stranger : &lac;

		hello[5] = i == 2 ? 0 : TUNNEL;
		lac_clear(&rig, from, &in, hello, sizeof(hello));
		/* behind a NAT it is wrong by design, and ESP has vouched for it: RFC 3948, 3.1.2 */
		store_be16(in.data + 14 + 26, 0x1234);
		lac_wrap(from, &in);
		rig_send(&rig, RIG_ACCESS, &in);
		rig_turn(&rig);
		/* known only from the tunnel's own group */
		if (i == 0)
			cr_expect_eq(
				rig_punted(&rig, PUNT_RING_KNOWN, &out, &meta), PUNT_L2TP_KNOWN);
		else
			cr_expect_eq(rig_punted(&rig, PUNT_RING_UNKNOWN, &out, &meta),
				PUNT_L2TP_UNKNOWN);
		cr_expect_eq(meta.sa_group, from->group);
		cr_expect_eq(meta.l2tp_offset, 28);
		cr_expect_eq(ip4_header_sum(out.data, 20), 0xffff);
		cr_expect_arr_eq(out.data + 28, hello, sizeof(hello));
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
}

Test(esp_input, clients_behind_one_nat_are_told_apart_by_their_sas)
{
	static const struct lac_settings settings[2] = {
		{.family = 4, .port = 4500}, {.family = 4, .port = 1024}};
	struct lac clients[2];

	/* one address, the same port 1701 inside */
	for (uint16_t i = 0; i < 2; i++)
		lac_tunnel(&rig, &clients[i], &settings[i], TUNNEL + i, SESSION + i, 0);
	for (unsigned int round = 0; round < 4; round++) {
		for (uint16_t i = 0; i < 2; i++) {
			send_data(&clients[i], TUNNEL + i, SESSION + i);
			cr_expect(arrived());
		}
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
	/* neither may speak for the other */
	send_data(&clients[0], TUNNEL + 1, SESSION + 1);
	cr_expect_not(arrived());
	cr_expect_eq(rig_drops(&rig, DROP_L2TP_WRONG_SA), 1);
}

static void corrupt_spi(void)
{
	lac_esp(&lac, &in)[0] ^= 1;
}

static void corrupt_icv(void)
{
	in.data[in.n - 1] ^= 1;
}

static void corrupt_sequence(void)
{
	lac_esp(&lac, &in)[7] ^= 1;
}

static void set_total(uint32_t total)
{
	in.n = 14 + total;
	store_be16(in.data + 16, (uint16_t)total);
	ip4_header_set_checksum(in.data + 14, 20);
	if (lac.settings.port != 0)
		store_be16(in.data + 38, (uint16_t)(total - 20));
}

static void corrupt_length(void)
{
	set_total((uint32_t)(lac_esp(&lac, &in) - in.data) - 14 + 20);
}

static void corrupt_to_header(void)
{
	set_total((uint32_t)(lac_esp(&lac, &in) - in.data) - 14 + 8);
}

static void corrupt_to_half_header(void)
{
	set_total((uint32_t)(lac_esp(&lac, &in) - in.data) - 14 + 7);
}

static void corrupt_block(void)
{
	set_total(in.n - 14 - 1);
}

static void corrupt_source(void)
{
	in.data[14 + 15] ^= 1;
	ip4_header_set_checksum(in.data + 14, 20);
}

static void inner_port(void)
{
	lac_clear(&rig, &lac, &in, "not L2TP, says the port", 24);
	store_be16(in.data + 36, 1702);
	lac_wrap(&lac, &in);
}

static void inner_udp_length(void)
{
	lac_clear(&rig, &lac, &in, "longer than there is", 20);
	store_be16(in.data + 38, 29);
	lac_wrap(&lac, &in);
}

static void inner_short(void)
{
	frame_eth(&in, rig.mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_IPV4);
	frame_ip4(&in, RIG_LAC, RIG_LNS, IPPROTO_UDP, 7);
	frame_add(&in, NULL, 7);
	lac_wrap(&lac, &in);
}

static void inner_protocol(uint8_t protocol)
{
	frame_eth(&in, rig.mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_IPV4);
	frame_ip4(&in, RIG_LAC, RIG_LNS, protocol, 40);
	frame_udp(&in, 1701, 1701, 32);
	frame_add(&in, NULL, 32);
	lac_wrap(&lac, &in);
}

static void inner_tcp(void)
{
	inner_protocol(IPPROTO_TCP);
}

static void inner_dummy(void)
{
	inner_protocol(IPPROTO_NONE);
}

static const struct {
	const char *name;
	void (*change)(void);
	enum drop_reason reason;
	bool cbc;
} refusals[] = {
	{"SPI", corrupt_spi, DROP_ESP_UNKNOWN_SPI, false},
	{"ICV", corrupt_icv, DROP_ESP_ICV, false},
	{"ICV with CBC", corrupt_icv, DROP_ESP_ICV, true},
	{"sequence number", corrupt_sequence, DROP_ESP_ICV, false},
	{"no room for the ICV", corrupt_length, DROP_ESP_TRUNCATED, false},
	{"nothing behind the header", corrupt_to_header, DROP_ESP_TRUNCATED, false},
	{"block", corrupt_block, DROP_ESP_BLOCK, true},
	{"source address", corrupt_source, DROP_ESP_WRONG_PEER, false},
	{"inner port", inner_port, DROP_ESP_INNER, false},
	{"inner UDP length", inner_udp_length, DROP_ESP_INNER, false},
	{"inner UDP shorter than its header", inner_short, DROP_ESP_INNER, false},
	{"inner protocol", inner_tcp, DROP_ESP_NEXT_HEADER, false},
	{"dummy", inner_dummy, DROP_ESP_DUMMY, false},
};

Test(esp_input, what_is_refused_has_a_name_and_harms_nobody)
{
	struct lac cbc, gcm;
	uint64_t good = 0;

	for (unsigned int nat = 0; nat < 2; nat++) {
		struct lac_settings settings = {
			.family = 4, .port = nat ? 4500 : 0, .algorithm = LAC_CBC_SHA1};
		uint16_t id = (uint16_t)(10 * nat);

		lac_tunnel(&rig, &cbc, &settings, TUNNEL + id + 1, SESSION + id + 1, 0);
		settings.algorithm = LAC_GCM;
		lac_tunnel(&rig, &gcm, &settings, TUNNEL + id, SESSION + id, 0);
		for (size_t i = 0; i < RTE_DIM(refusals); i++) {
			uint64_t before = rig_drops(&rig, refusals[i].reason),
				 all = rig_drops_all(&rig);
			uint16_t at = id + refusals[i].cbc;

			/* a good packet, the bad one, a good packet: one burst */
			for (unsigned int k = 0; k < 3; k++) {
				lac = refusals[i].cbc ? cbc : gcm;
				make_data(&lac, TUNNEL + at, SESSION + at, 100);
				if (k == 1)
					refusals[i].change();
				rig_send(&rig, RIG_ACCESS, &in);
			}
			cr_expect(arrived() && arrived(), "%s", refusals[i].name);
			cr_expect_not(arrived());
			good += 2;
			cr_expect_eq(rig_drops(&rig, refusals[i].reason) - before, 1, "%s",
				refusals[i].name);
			cr_expect_eq(rig_drops_all(&rig) - all, 1, "%s", refusals[i].name);
		}
		cr_expect_eq(rig_session_at(&rig, 2 * nat)->counters.up_packets4 +
				rig_session_at(&rig, 2 * nat + 1)->counters.up_packets4,
			good);
		good = 0;
	}
}

Test(esp_input, in_tunnel_mode_packets_come_from_where_the_selector_says)
{
	static const struct {
		struct sa_selector inner;
		uint8_t family;
		bool allowed;
	} rows[] = {
		{{.family = 4, .length = 32, .source = {10, 9, 9, 9}}, 4, true},
		{{.family = 4, .length = 31, .source = {10, 9, 9, 8}}, 4, true},
		{{.family = 4, .length = 8, .source = {10}}, 4, true},
		{{.family = 4, .length = 0}, 4, true},
		{{.family = 0}, 4, true},
		{{.family = 4, .length = 32, .source = {10, 9, 9, 8}}, 4, false},
		{{.family = 4, .length = 31, .source = {10, 9, 9, 10}}, 4, false},
		{{.family = 4, .length = 9, .source = {10, 128}}, 4, false},
		{{.family = 6, .length = 0}, 4, false},
		{{.family = 6, .length = 64, .source = {0x20, 1, 0xd, 0xb8, 0, 9}}, 6, true},
		{{.family = 6, .length = 47, .source = {0x20, 1, 0xd, 0xb8, 0, 8}}, 6, true},
		{{.family = 6, .length = 48, .source = {0x20, 1, 0xd, 0xb8, 0, 8}}, 6, false},
		{{.family = 4, .length = 0}, 6, false},
	};
	uint64_t refused = 0;

	for (uint16_t i = 0; i < RTE_DIM(rows); i++) {
		struct lac_settings settings = {
			.family = rows[i].family, .tunnel = true, .inner = rows[i].inner};

		lac_tunnel(&rig, &lac, &settings, TUNNEL + i, SESSION + i, 0);
		send_data(&lac, TUNNEL + i, SESSION + i);
		cr_expect_eq(arrived(), rows[i].allowed, "row %u", i);
		refused += !rows[i].allowed;
		cr_expect_eq(rig_drops(&rig, DROP_ESP_SELECTOR), refused, "row %u", i);
	}
	cr_expect_eq(rig_drops_all(&rig), refused);
}

Test(esp_input, a_header_cut_short_is_named_before_any_sa_is_sought)
{
	static const struct lac_settings settings[2] = {{.family = 4}, {.family = 4, .port = 4500}};

	for (uint16_t i = 0; i < 2; i++) {
		lac_tunnel(&rig, &lac, &settings[i], TUNNEL + i, SESSION + i, 0);
		make_data(&lac, TUNNEL + i, SESSION + i, 100);
		corrupt_to_half_header();
		rig_send(&rig, RIG_ACCESS, &in);
		rig_turn(&rig);
		cr_expect_eq(rig_drops(&rig, i == 0 ? DROP_ESP_TRUNCATED : DROP_NATT_SHORT), 1);
	}
	cr_expect_eq(rig_drops_all(&rig), 2);
}

Test(esp_input, replayed_packets_are_refused_in_the_same_burst_and_later)
{
	static const struct lac_settings settings = {.family = 4};

	lac_tunnel(&rig, &lac, &settings, TUNNEL, SESSION, 0);
	make_data(&lac, TUNNEL, SESSION, 100);
	for (unsigned int i = 0; i < 3; i++) {
		rig_send(&rig, RIG_ACCESS, &in);
		rig_send(&rig, RIG_ACCESS, &in);
		cr_expect_eq(arrived(), i == 0);
		cr_expect_not(arrived());
	}
	cr_expect_eq(rig_drops(&rig, DROP_ESP_REPLAYED), 5);

	/* left of the window */
	struct frame *old = malloc(sizeof(*old));

	make_data(&lac, TUNNEL, SESSION, 100);
	memcpy(old, &in, sizeof(in));
	for (unsigned int i = 0; i < REPLAY_WINDOW_DEFAULT; i++) {
		send_data(&lac, TUNNEL, SESSION);
		cr_assert(arrived());
	}
	rig_send(&rig, RIG_ACCESS, old);
	cr_expect_not(arrived());
	cr_expect_eq(rig_drops(&rig, DROP_ESP_OLD), 1);
	free(old);
}

/* What came of the burst is what was sent, each peer's in its order; others' may come between. */
static void burst_arrived(const uint8_t *sent, const uint32_t *numbers, uint64_t lost)
{
	uint64_t waiting = ~lost;

	while (waiting != 0) {
		unsigned int i;

		cr_assert(rig_receive(&rig, RIG_CORE0, &out));
		for (i = 0; i < BURST; i++)
			if (waiting >> i & 1 &&
				load32(out.data + 14 + 12) == rig_subscriber(SESSION + sent[i]))
				break;
		cr_assert_lt(i, BURST);
		cr_expect_eq(load32(out.data + 14 + 28), numbers[i]);
		waiting &= ~(1ull << i);
	}
}

Test(esp_input, a_burst_of_many_sas_comes_out_in_its_order)
{
	enum { PEERS = 7, BURSTS = 20 };
	static struct lac peers[PEERS];
	uint32_t next[PEERS] = {0}, random = 12345;

	for (uint16_t i = 0; i < PEERS; i++) {
		struct lac_settings settings = ways[i];

		settings.algorithm = i % LAC_ALGORITHMS;
		lac_tunnel(&rig, &peers[i], &settings, TUNNEL + i, SESSION + i, 0);
	}
	for (unsigned int burst = 0; burst < BURSTS; burst++) {
		uint8_t sent[BURST];
		uint32_t numbers[BURST];

		for (unsigned int i = 0; i < BURST; i++) {
			random = random * 1103515245 + 12345;
			sent[i] = (uint8_t)((random >> 16) % PEERS);
			inner_udp4(&inner, rig_subscriber(SESSION + sent[i]), RIG_SERVER, 100);
			numbers[i] = next[sent[i]]++;
			store32(inner.data + 28, numbers[i]);
			lac_data(&rig, &peers[sent[i]], &in, TUNNEL + sent[i], SESSION + sent[i],
				&inner);
			/* in the middle of it all an SPI that nobody has, and a forgery */
			if (i == 30)
				memset(lac_esp(&peers[sent[i]], &in), 0x77, 4);
			if (i == 45)
				in.data[in.n - 1] ^= 1;
			rig_send(&rig, RIG_ACCESS, &in);
		}
		worker_turn(rig.dp->workers[0]);
		burst_arrived(sent, numbers, 1ull << 30 | 1ull << 45);
	}
	cr_expect_eq(rig_drops(&rig, DROP_ESP_UNKNOWN_SPI), BURSTS);
	cr_expect_eq(rig_drops(&rig, DROP_ESP_ICV), BURSTS);
	cr_expect_eq(rig_drops_all(&rig), 2 * BURSTS);
}

Test(esp_input, old_and_new_inbound_overlap_while_a_peer_rekeys)
{
	struct lac_settings settings = {.family = 4};
	struct lac successor;

	lac_tunnel(&rig, &lac, &settings, TUNNEL, SESSION, 0);
	settings.group = lac.group;
	lac_open(&rig, &successor, &settings);
	for (unsigned int i = 0; i < 4; i++) {
		send_data(i % 2 ? &successor : &lac, TUNNEL, SESSION);
		send_data(i % 2 ? &lac : &successor, TUNNEL, SESSION);
		cr_expect(arrived() && arrived());
	}
	lac_unpublish(&rig, lac.in_index);
	send_data(&successor, TUNNEL, SESSION);
	cr_expect(arrived());
	cr_expect_eq(rig_drops_all(&rig), 0);
	send_data(&lac, TUNNEL, SESSION);
	cr_expect_not(arrived());
	cr_expect_eq(rig_drops(&rig, DROP_ESP_UNKNOWN_SPI), 1);
}

Test(esp_input, nothing_in_the_clear_gets_into_a_tunnel_inside_esp)
{
	static const struct lac_settings settings = {.family = 4};

	lac_tunnel(&rig, &lac, &settings, TUNNEL, SESSION, 0);
	inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 60);
	frame_data(&rig, &in, TUNNEL, SESSION, 0x21, inner.data, inner.n);
	rig_send(&rig, RIG_ACCESS, &in);
	cr_expect_not(arrived());
	cr_expect_eq(rig_drops(&rig, DROP_L2TP_WRONG_SA), 1);

	/* and nothing inside ESP into a tunnel in the clear */
	rig_tunnel(&rig);
	rig_session(&rig, RIG_TUNNEL, 40, 0, 1492, RIG_FLAGS);
	send_data(&lac, RIG_TUNNEL, 40);
	cr_expect_not(arrived());
	cr_expect_eq(rig_drops(&rig, DROP_L2TP_WRONG_SA), 2);
}

Test(esp_input, full_size_packets_in_outer_fragments_are_put_together_first)
{
	uint16_t id = 0;

	for (int algorithm = 0; algorithm < LAC_ALGORITHMS; algorithm++) {
		for (size_t i = 0; i < RTE_DIM(ways); i++, id++) {
			struct lac_settings settings = ways[i];

			settings.algorithm = algorithm;
			lac_tunnel(&rig, &lac, &settings, TUNNEL + id, SESSION + id, 0);
			/* 1800: more than a frame of 1,500 bytes has, and one buffer still takes */
			for (uint32_t length = 1400; length <= 1800; length += 100) {
				make_data(&lac, TUNNEL + id, SESSION + id, length);

				uint32_t cuts[3] = {
					0, 1400, in.n - 14 - (settings.family == 4 ? 20 : 40)};

				lac_send_pieces(&rig, &in, cuts, 3);
				rig_turn(&rig);
				/* what does not fit the core's MTU is fragmented again there */
				cr_expect(rig_receive(&rig, RIG_CORE0, &out),
					"%s, way %zu, %u bytes", lac_algorithms[algorithm].name, i,
					length);
				if (length > 1500)
					cr_expect(rig_receive(&rig, RIG_CORE0, &out));
			}
		}
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
}

/* A datagram of this many bytes inside ESP, in pieces as large as they get; 8 at the most. */
static void send_large(const struct lac_settings *settings, uint16_t id, uint32_t length)
{
	uint32_t cuts[9] = {0}, n = 0, end;

	make_data(&lac, TUNNEL + id, SESSION + id, length);
	end = in.n - 14 - (settings->family == 4 ? 20 : 40);
	while (cuts[n] + 1448 < end) {
		cuts[n + 1] = cuts[n] + 1448;
		n++;
	}
	cuts[++n] = end;
	lac_send_pieces(&rig, &in, cuts, n + 1);
	rig_turn(&rig);
}

/* What left to the core in fragments is what was sent. */
static void expect_joined(uint32_t length)
{
	static uint8_t joined[12000];
	uint32_t total = 0;

	while (rig_receive(&rig, RIG_CORE0, &out)) {
		uint32_t offset = (load_be16(out.data + 14 + 6) & 0x1fffu) * 8;

		cr_assert_leq(offset + out.n - 34, sizeof(joined));
		memcpy(joined + offset, out.data + 34, out.n - 34);
		total += out.n - 34;
	}
	cr_expect_eq(total, length - 20, "%u of %u bytes", total, length);
	cr_expect_arr_eq(joined, inner.data + 20, length - 20);
}

Test(esp_input, packets_larger_than_a_buffer_are_put_together_in_a_larger_one)
{
	static const uint32_t lengths[] = {2000, 2100, 6000, 9000, 10000};
	uint16_t id = 0;

	for (int algorithm = 0; algorithm < LAC_ALGORITHMS; algorithm++) {
		for (size_t i = 0; i < RTE_DIM(ways); i++, id++) {
			struct lac_settings settings = ways[i];

			settings.algorithm = algorithm;
			lac_tunnel(&rig, &lac, &settings, TUNNEL + id, SESSION + id, 0);
			for (size_t k = 0; k < RTE_DIM(lengths); k++) {
				send_large(&settings, id, lengths[k]);
				expect_joined(lengths[k]);
			}
		}
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
	cr_expect_eq(rte_mempool_in_use_count(rig.dp->large), 0);
}

Test(esp_input, a_packet_for_which_no_larger_buffer_is_left_is_named)
{
	static const struct lac_settings settings = {.family = 4, .port = 4500};
	struct rte_mbuf *taken[64];
	unsigned int n = rte_mempool_avail_count(rig.dp->large);

	lac_tunnel(&rig, &lac, &settings, TUNNEL, SESSION, 0);
	cr_assert_leq(n, RTE_DIM(taken));
	cr_assert_eq(rte_pktmbuf_alloc_bulk(rig.dp->large, taken, n), 0);
	send_large(&settings, 0, 6000);
	cr_expect_eq(rig_drops(&rig, DROP_ESP_SEGMENTS), 1);
	rte_pktmbuf_free_bulk(taken, n);
	send_large(&settings, 0, 6000);
	expect_joined(6000);
	cr_expect_eq(rig_drops_all(&rig), 1);
}

Test(esp_input, options_of_the_outer_header_do_no_harm)
{
	static const uint8_t options[4] = {1, 1, 1, 1};
	static struct frame longer;

	for (uint16_t i = 0; i < 2; i++) {
		lac_tunnel(&rig, &lac, &ways[i], TUNNEL + i, SESSION + i, 0);
		make_data(&lac, TUNNEL + i, SESSION + i, 100);
		longer.n = 0;
		frame_add(&longer, in.data, 34);
		frame_add(&longer, options, sizeof(options));
		frame_add(&longer, in.data + 34, in.n - 34);
		longer.data[14] = 0x46;
		store_be16(longer.data + 16, (uint16_t)(longer.n - 14));
		ip4_header_set_checksum(longer.data + 14, 24);
		rig_send(&rig, RIG_ACCESS, &longer);
		cr_expect(arrived());
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
}

Test(esp_input, without_an_engine_esp_is_dropped_by_name_and_plain_l2tp_goes_on)
{
	struct worker *w = rig.dp->workers[0];
	struct esp_engine *engine = w->esp;

	w->esp = NULL;
	lac_tunnel(&rig, &lac, &ways[0], TUNNEL, SESSION, 0);
	rig_tunnel(&rig);
	rig_session(&rig, RIG_TUNNEL, 40, 0, 1492, RIG_FLAGS);
	send_data(&lac, TUNNEL, SESSION);
	cr_expect_not(arrived());
	cr_expect_eq(rig_drops(&rig, DROP_ESP_ENGINE), 1);
	inner_udp4(&inner, rig_subscriber(40), RIG_SERVER, 60);
	frame_data(&rig, &in, RIG_TUNNEL, 40, 0x21, inner.data, inner.n);
	rig_send(&rig, RIG_ACCESS, &in);
	cr_expect(arrived());
	cr_expect_eq(rig_drops_all(&rig), 1);
	w->esp = engine;
}
