/* SPDX-License-Identifier: BSD-3-Clause */
/* ESP inbound: what passes, what is refused under which name, and that a bad packet harms no other. */
#include "esp_rig.h"
#include "engine.h"

#include <rte_ip.h>

#define BURST 32

TestSuite(esp_inbound, .init = rig_init, .fini = rig_fini);

/* A pair of SAs of algorithm i; out may be used to seal anything. */
struct pair {
	struct sa *in, *out;
};

static struct pair pair_create(size_t i, bool esn, enum sa_mode mode, uint64_t sequence)
{
	struct sa_params params = rig_params(i, SA_INBOUND);
	struct pair pair;

	params.esn = esn;
	params.mode = mode;
	params.sequence = sequence;
	pair.in = rig_sa(&params);
	params.direction = SA_OUTBOUND;
	params.mode = SA_TRANSPORT;
	pair.out = rig_sa(&params);
	return pair;
}

static void pair_destroy(const struct pair *pair)
{
	sa_destroy(rig_store, pair->in);
	sa_destroy(rig_store, pair->out);
}

/* An authentic packet with this number whose text is as given, trailer included, however foolish. */
static struct rte_mbuf *forge(
	const struct sa *sa, uint64_t sequence, const uint8_t *text, uint32_t n)
{
	uint32_t iv = sa->algorithm.iv, low = rte_cpu_to_be_32((uint32_t)sequence);
	struct rte_mbuf *m = rig_packet(4, IPPROTO_ESP, 8 + iv + n + sa->algorithm.icv);
	uint8_t *esp = rte_pktmbuf_mtod_offset(m, uint8_t *, 20);
	struct engine_op op = {
		.text = esp + 8 + iv, .packet = m, .length = n, .sequence = sequence};

	memcpy(esp, &sa->spi, 4);
	memcpy(esp + 4, &low, 4);
	memcpy(op.text, text, n);
	if (sa->algorithm.aead)
		engine_op_aead(&op, sa, esp);
	engine_seal(rig_engine, sa, &op, 1);
	return m;
}

static enum esp_reject forge_in(
	const struct pair *pair, uint64_t sequence, const uint8_t *text, uint32_t n)
{
	struct rte_mbuf *m = forge(pair->out, sequence, text, n);
	enum esp_reject reject = rig_in(pair->in, m);

	rte_pktmbuf_free(m);
	return reject;
}

/* Number sequence through the pair, payload of 40 bytes. */
static enum esp_reject pass(const struct pair *pair, uint64_t sequence)
{
	static const uint8_t text[48] = {[44] = 1, 2, 2, IPPROTO_UDP};

	return forge_in(pair, sequence, text, sizeof(text));
}

static void bad_packets_leave_their_neighbours_alone(void)
{
	for (size_t i = 0; i < RIG_ALGORITHMS; i++) {
		if (rig_lacks(rig_algorithms[i].cipher))
			continue;

		struct pair pair = pair_create(i, i & 1, SA_TRANSPORT, 0);
		static uint8_t original[BURST][2048], got[2048];
		struct rte_mbuf *pkts[BURST];
		struct esp_result results[BURST];
		uint32_t lengths[BURST];

		for (int k = 0; k < BURST; k++) {
			pkts[k] = rig_packet(4, IPPROTO_UDP, (uint32_t)(rig_random() >> 40) % 1400);
			lengths[k] = rig_bytes(pkts[k], original[k]);
			rig_expect(rig_out(pair.out, pkts[k]), ESP_ACCEPTED);
		}
		/* one of each kind, between good ones */
		rte_pktmbuf_mtod(pkts[3], uint8_t *)[pkts[3]->data_len - 1] ^= 1; /* ICV */
		rte_pktmbuf_trim(pkts[7], (uint16_t)(pkts[7]->data_len - 24));
		rte_pktmbuf_mtod(pkts[11], uint8_t *)[9] = IPPROTO_TCP;
		rte_pktmbuf_mtod(pkts[16], uint8_t *)[40] ^= 0x80;
		rte_pktmbuf_mtod(pkts[31], uint8_t *)[21] ^= 1; /* SPI */

		uint16_t n = esp_inbound_burst(rig_engine, pair.in, pkts, BURST, results);

		cr_assert_eq(n, BURST - 5, "%s: %u", rig_algorithms[i].name, n);
		for (int k = 0; k < BURST; k++) {
			enum esp_reject expected = k == 3 || k == 16 || k == 31 ? ESP_REJECT_ICV
				: k == 7  ? ESP_REJECT_TRUNCATED
				: k == 11 ? ESP_REJECT_ENCAPSULATION
					  : ESP_ACCEPTED;

			rig_expect((enum esp_reject)results[k].reject, expected);
			if (expected == ESP_ACCEPTED) {
				cr_assert_eq(rig_bytes(pkts[k], got), lengths[k]);
				cr_assert_eq(memcmp(got, original[k], lengths[k]), 0,
					"%s, packet %d", rig_algorithms[i].name, k);
			}
			rte_pktmbuf_free(pkts[k]);
		}
		cr_assert_eq(pair.in->state.packets, BURST - 5);
		cr_assert_eq(pair.in->state.rejects[ESP_REJECT_ICV], 3);
		cr_assert_eq(pair.in->state.rejects[ESP_REJECT_TRUNCATED], 1);
		cr_assert_eq(pair.in->state.rejects[ESP_REJECT_ENCAPSULATION], 1);
		pair_destroy(&pair);
	}
}

RIG_PER_ENGINE(esp_inbound, bad_packets_leave_their_neighbours_alone)

static void packets_cut_at_every_length_are_refused(void)
{
	uint8_t wire[512];

	for (size_t i = 0; i < RIG_ALGORITHMS; i++) {
		if (rig_lacks(rig_algorithms[i].cipher))
			continue;

		for (int encap = 0; encap < 2; encap++) {
			struct sa_params params = rig_params(i, SA_OUTBOUND);

			params.encap = encap;
			params.encap_source = params.encap_destination = 4500;

			struct sa *out = rig_sa(&params);

			params.direction = SA_INBOUND;

			struct sa *in = rig_sa(&params);
			struct rte_mbuf *m = rig_packet(4, IPPROTO_UDP, 61);
			uint64_t refused = 0;

			rig_expect(rig_out(out, m), ESP_ACCEPTED);

			uint32_t n = rig_bytes(m, wire);

			rte_pktmbuf_free(m);
			for (uint32_t cut = 0; cut < n; cut++) {
				m = rig_copy(wire, cut, 0);
				cr_assert_neq(rig_in(in, m), ESP_ACCEPTED, "%s at %u",
					rig_algorithms[i].name, cut);
				rte_pktmbuf_free(m);
			}
			for (int reject = 0; reject < ESP_REJECTS; reject++)
				refused += in->state.rejects[reject];
			cr_assert_eq(refused, n, "not all are counted");
			m = rig_copy(wire, n, 0);
			rig_expect(rig_in(in, m), ESP_ACCEPTED);
			rte_pktmbuf_free(m);
			sa_destroy(rig_store, in);
			sa_destroy(rig_store, out);
		}
	}
}

RIG_PER_ENGINE(esp_inbound, packets_cut_at_every_length_are_refused)

/* Text of 48 bytes; what its trailer says, and what comes of it. */
static const struct {
	int row;
	uint8_t pad, next_header;
	enum esp_reject reject;
	uint32_t payload;
} trailers[] = {
	{1, 0, IPPROTO_UDP, ESP_ACCEPTED, 46},
	{2, 14, IPPROTO_UDP, ESP_ACCEPTED, 32},
	{3, 45, IPPROTO_UDP, ESP_ACCEPTED, 1},       /* more than a block: allowed */
	{4, 46, IPPROTO_UDP, ESP_ACCEPTED, 0},       /* nothing but padding */
	{5, 47, IPPROTO_UDP, ESP_REJECT_PADDING, 0}, /* one byte of the IV */
	{6, 48, IPPROTO_UDP, ESP_REJECT_PADDING, 0},
	{7, 255, IPPROTO_UDP, ESP_REJECT_PADDING, 0},
	{8, 0, IPPROTO_NONE, ESP_REJECT_DUMMY, 0},
	{9, 46, IPPROTO_NONE, ESP_REJECT_DUMMY, 0},
	{10, 255, IPPROTO_NONE, ESP_REJECT_PADDING, 0},
	{11, 2, IPPROTO_TCP, ESP_REJECT_NEXT_HEADER, 0},
	{12, 2, IPPROTO_IPIP, ESP_REJECT_NEXT_HEADER, 0},
	{13, 2, 0, ESP_REJECT_NEXT_HEADER, 0},
};

static void trailers_that_lie(void)
{
	for (size_t i = 0; i < RIG_ALGORITHMS; i++) {
		if (rig_lacks(rig_algorithms[i].cipher))
			continue;

		struct pair pair = pair_create(i, false, SA_TRANSPORT, 0);

		pair.in->next_header = IPPROTO_UDP;
		for (size_t k = 0; k < sizeof(trailers) / sizeof(trailers[0]); k++) {
			uint8_t text[48];

			rig_fill(text, sizeof(text)); /* padding of any content */
			text[46] = trailers[k].pad;
			text[47] = trailers[k].next_header;

			struct rte_mbuf *m = forge(pair.out, k + 1, text, sizeof(text));

			rig_expect(rig_in(pair.in, m), trailers[k].reject);
			if (trailers[k].reject == ESP_ACCEPTED) {
				cr_assert_eq(m->data_len, 20 + trailers[k].payload, "row %d",
					trailers[k].row);
				cr_assert_eq(memcmp(rte_pktmbuf_mtod_offset(m, uint8_t *, 20), text,
						     trailers[k].payload),
					0);
			}
			rte_pktmbuf_free(m);
		}
		/* authentic all of them: the window moved on */
		cr_assert_eq(pair.in->state.replay.top, sizeof(trailers) / sizeof(trailers[0]));
		pair_destroy(&pair);
	}
}

RIG_PER_ENGINE(esp_inbound, trailers_that_lie)

Test(esp_inbound, replays_are_refused_across_and_inside_a_burst)
{
	struct pair pair = pair_create(0, false, SA_TRANSPORT, 0);
	static const uint8_t text[4] = {1, 2, 0, IPPROTO_UDP};
	struct esp_result results[4];
	struct rte_mbuf *pkts[4];

	for (uint64_t k = 0; k < 4; k++)
		pkts[k] = forge(pair.out, k / 2 + 1, text, sizeof(text));
	cr_assert_eq(esp_inbound_burst(rig_engine, pair.in, pkts, 4, results), 2);
	for (int k = 0; k < 4; k++) {
		rig_expect((enum esp_reject)results[k].reject,
			k % 2 == 0 ? ESP_ACCEPTED : ESP_REJECT_REPLAYED);
		rte_pktmbuf_free(pkts[k]);
	}
	rig_expect(pass(&pair, 2), ESP_REJECT_REPLAYED);
	rig_expect(pass(&pair, 0), ESP_REJECT_SEQUENCE);
	rig_expect(pass(&pair, 200), ESP_ACCEPTED);
	rig_expect(pass(&pair, 137), ESP_ACCEPTED);
	rig_expect(pass(&pair, 136), ESP_REJECT_OLD);
	cr_assert_eq(pair.in->state.rejects[ESP_REJECT_REPLAYED], 3);
	pair_destroy(&pair);
}

Test(esp_inbound, a_forged_number_moves_no_window)
{
	struct pair pair = pair_create(0, false, SA_TRANSPORT, 0);
	static const uint8_t text[4] = {1, 2, 0, IPPROTO_UDP};
	struct rte_mbuf *m = forge(pair.out, 5, text, sizeof(text));

	rte_pktmbuf_mtod(m, uint8_t *)[20 + 4] = 0x7f;
	rig_expect(rig_in(pair.in, m), ESP_REJECT_ICV);
	rte_pktmbuf_free(m);
	rig_expect(pass(&pair, 5), ESP_ACCEPTED);
	pair_destroy(&pair);
}

static void extended_numbers_go_over_the_wrap_in_disorder(void)
{
	for (size_t i = 0; i < RIG_ALGORITHMS; i++) {
		if (rig_lacks(rig_algorithms[i].cipher))
			continue;

		struct pair pair = pair_create(i, true, SA_TRANSPORT, 0xfffffff0u);

		rig_expect(pass(&pair, 0xfffffffeu), ESP_ACCEPTED);
		rig_expect(pass(&pair, 0x100000002u), ESP_ACCEPTED);
		rig_expect(pass(&pair, 0xffffffffu), ESP_ACCEPTED);
		rig_expect(pass(&pair, 0x100000000u), ESP_ACCEPTED);
		rig_expect(pass(&pair, 0xffffffffu), ESP_REJECT_REPLAYED);
		rig_expect(pass(&pair, 0x100000000u), ESP_REJECT_REPLAYED);
		rig_expect(pass(&pair, 0xfffffffdu), ESP_ACCEPTED);
		/* the same lower half, a cycle off: another packet, and not what was signed */
		rig_expect(pass(&pair, 0x200000001u), ESP_REJECT_ICV);
		rig_expect(pass(&pair, 0x100000001u), ESP_ACCEPTED);
		cr_assert_eq(pair.in->state.replay.top, 0x100000002u);
		pair_destroy(&pair);
	}
}

RIG_PER_ENGINE(esp_inbound, extended_numbers_go_over_the_wrap_in_disorder)

static enum esp_reject tunnel_in(const struct pair *pair, uint64_t sequence, int family,
	uint32_t length, uint32_t extra, uint8_t next_header, uint32_t claimed)
{
	struct rte_mbuf *inner = rig_packet(family, IPPROTO_UDP, length);
	uint8_t text[512], *ip = rte_pktmbuf_mtod(inner, uint8_t *), got[512];
	uint32_t n, header = family == 4 ? 20 : 40;

	if (claimed != 0 && family == 4)
		memcpy(ip + 2, &(uint16_t){rte_cpu_to_be_16((uint16_t)claimed)}, 2);
	else if (claimed != 0)
		memcpy(ip + 4, &(uint16_t){rte_cpu_to_be_16((uint16_t)(claimed - 40))}, 2);
	n = rig_bytes(inner, text);
	rte_pktmbuf_free(inner);
	memset(text + n, 0x5a, extra); /* padding behind the packet (RFC 4303, 2.7) */
	n += extra;
	text[n++] = 0;
	text[n++] = next_header;

	struct rte_mbuf *m = forge(pair->out, sequence, text, n);
	enum esp_reject reject = rig_in(pair->in, m);

	if (reject == ESP_ACCEPTED) {
		cr_assert_eq(rig_bytes(m, got), header + length);
		cr_assert_eq(memcmp(got, text, header + length), 0);
	}
	rte_pktmbuf_free(m);
	return reject;
}

Test(esp_inbound, tunnel_mode_gives_the_inner_packet)
{
	struct pair pair = pair_create(0, false, SA_TUNNEL, 0);

	rig_expect(tunnel_in(&pair, 1, 4, 33, 0, IPPROTO_IPIP, 0), ESP_ACCEPTED);
	rig_expect(tunnel_in(&pair, 2, 6, 33, 0, IPPROTO_IPV6, 0), ESP_ACCEPTED);
	rig_expect(tunnel_in(&pair, 3, 4, 33, 100, IPPROTO_IPIP, 0), ESP_ACCEPTED);
	rig_expect(tunnel_in(&pair, 4, 6, 0, 7, IPPROTO_IPV6, 0), ESP_ACCEPTED);
	rig_expect(tunnel_in(&pair, 5, 4, 33, 0, IPPROTO_IPV6, 0), ESP_REJECT_INNER);
	rig_expect(tunnel_in(&pair, 6, 6, 33, 0, IPPROTO_IPIP, 0), ESP_REJECT_INNER);
	rig_expect(tunnel_in(&pair, 7, 4, 33, 0, IPPROTO_UDP, 0), ESP_REJECT_NEXT_HEADER);
	rig_expect(tunnel_in(&pair, 8, 4, 33, 0, IPPROTO_IPIP, 54), ESP_REJECT_INNER);
	rig_expect(tunnel_in(&pair, 9, 4, 33, 0, IPPROTO_IPIP, 19), ESP_REJECT_INNER);
	rig_expect(tunnel_in(&pair, 10, 6, 33, 0, IPPROTO_IPV6, 74), ESP_REJECT_INNER);
	cr_assert_eq(pair.in->state.packets, 4);
	pair_destroy(&pair);
}

Test(esp_inbound, transport_mode_makes_the_ip_header_right)
{
	for (int family = 4; family <= 6; family += 2) {
		struct pair pair = pair_create(0, false, SA_TRANSPORT, 0);
		struct rte_mbuf *m = rig_packet(family, IPPROTO_UDP, 77);
		uint8_t before[256], after[256];
		uint32_t n = rig_bytes(m, before);

		rig_expect(rig_out(pair.out, m), ESP_ACCEPTED);
		cr_assert_gt(m->pkt_len, n + 24);
		rig_expect(rig_in(pair.in, m), ESP_ACCEPTED);
		cr_assert_eq(rig_bytes(m, after), n);
		cr_assert_eq(memcmp(before, after, n), 0, "family %d", family);
		rte_pktmbuf_free(m);
		pair_destroy(&pair);
	}
}

Test(esp_inbound, ipv4_options_stay)
{
	struct pair pair = pair_create(0, false, SA_TRANSPORT, 0);
	struct rte_mbuf *m = rig_packet(4, IPPROTO_UDP, 77);
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *), before[256], after[256];

	ip[0] = 0x47; /* eight bytes of the payload are options now */
	memset(ip + 20, 1, 8);
	memset(ip + 10, 0, 2);
	memcpy(ip + 10, &(uint16_t){(uint16_t)~rte_raw_cksum(ip, 28)}, 2);

	uint32_t n = rig_bytes(m, before);

	rig_expect(rig_out(pair.out, m), ESP_ACCEPTED);
	ip = rte_pktmbuf_mtod(m, uint8_t *);
	cr_assert_eq(rte_raw_cksum(ip, 28), 0xffff);
	rig_expect(rig_in(pair.in, m), ESP_ACCEPTED);
	cr_assert_eq(rig_bytes(m, after), n);
	cr_assert_eq(memcmp(before, after, n), 0);
	rte_pktmbuf_free(m);
	pair_destroy(&pair);
}

Test(esp_inbound, a_chain_that_does_not_fit_is_refused)
{
	struct pair pair = pair_create(0, false, SA_TRANSPORT, 0);
	struct rte_mbuf *m = rig_packet(4, IPPROTO_UDP, 600);
	uint8_t wire[1024];

	rig_expect(rig_out(pair.out, m), ESP_ACCEPTED);

	uint32_t n = rig_bytes(m, wire);

	rte_pktmbuf_free(m);
	/* the first segment ends where its buffer does */
	m = rig_copy(wire, 100, RIG_ROOM - 100);
	cr_assert_eq(rte_pktmbuf_tailroom(m), 0);
	cr_assert_eq(rte_pktmbuf_chain(m, rig_copy(wire + 100, n - 100, 0)), 0);
	rig_expect(rig_in(pair.in, m), ESP_REJECT_SEGMENTS);
	cr_assert_eq(m->nb_segs, 2);
	rte_pktmbuf_free(m);
	m = rig_copy(wire, n, 0);
	rig_expect(rig_in(pair.in, m), ESP_ACCEPTED);
	rte_pktmbuf_free(m);
	pair_destroy(&pair);
}

Test(esp_inbound, more_than_a_burst_at_once)
{
	enum { MANY = 150 };
	struct pair pair = pair_create(0, false, SA_TRANSPORT, 0);
	struct esp_result results[MANY];
	struct rte_mbuf *pkts[MANY];

	for (int k = 0; k < MANY; k++) {
		pkts[k] = rig_packet(4, IPPROTO_UDP, 20);
	}
	cr_assert_eq(esp_outbound_burst(rig_engine, pair.out, pkts, MANY, results), MANY);
	cr_assert_eq(esp_inbound_burst(rig_engine, pair.in, pkts, MANY, results), MANY);
	cr_assert_eq(pair.in->state.replay.top, MANY);
	cr_assert_eq(pair.in->state.bytes, 20 * MANY);
	cr_assert_eq(esp_inbound_burst(rig_engine, pair.in, pkts, 0, results), 0);
	rte_pktmbuf_free_bulk(pkts, MANY);
	pair_destroy(&pair);
}

Test(esp_inbound, every_reason_has_a_name)
{
	for (int i = 0; i < ESP_REJECTS; i++) {
		cr_assert_not_null(esp_reject_name((enum esp_reject)i), "%d", i);
		for (int k = 0; k < i; k++)
			cr_assert_str_neq(esp_reject_name((enum esp_reject)i),
				esp_reject_name((enum esp_reject)k));
	}
	cr_assert_str_eq(esp_reject_name(ESP_REJECTS), "unknown");
}
