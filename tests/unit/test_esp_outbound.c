/* SPDX-License-Identifier: BSD-3-Clause */
/* ESP outbound: headers, IVs, modes, and what is refused under which name. */
#include "esp_rig.h"

#include <rte_ip.h>
#include <rte_udp.h>

TestSuite(esp_outbound, .init = rig_init, .fini = rig_fini);

static struct sa_params encap_params(size_t i)
{
	struct sa_params params = rig_params(i, SA_OUTBOUND);

	params.encap = true;
	params.encap_source = 4500;
	params.encap_destination = 31337;
	return params;
}

Test(esp_outbound, native_ipv4_header)
{
	struct sa_params params = rig_params(0, SA_OUTBOUND);
	struct sa *sa = rig_sa(&params);
	struct rte_mbuf *m = rig_packet(4, IPPROTO_UDP, 99);

	rig_expect(rig_out(sa, m), ESP_ACCEPTED);

	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);

	cr_assert_eq(ip->next_proto_id, IPPROTO_ESP);
	cr_assert_eq(rte_be_to_cpu_16(ip->total_length), m->pkt_len);
	cr_assert_eq(m->pkt_len, 20 + 8 + 8 + 99 + 3 + 2 + 16);
	cr_assert_eq(rte_raw_cksum(ip, 20), 0xffff);
	cr_assert_eq(ip->type_of_service, 0xb8);
	cr_assert_eq(ip->time_to_live, 63);

	const uint32_t *esp = (const uint32_t *)(ip + 1);

	cr_assert_eq(rte_be_to_cpu_32(esp[0]), RIG_SPI);
	cr_assert_eq(rte_be_to_cpu_32(esp[1]), 1);
	cr_assert_eq(m->data_len, m->pkt_len);
	rte_pktmbuf_free(m);
	sa_destroy(rig_store, sa);
}

Test(esp_outbound, encapsulated_in_udp)
{
	for (int family = 4; family <= 6; family += 2) {
		struct sa_params params = encap_params(0);
		struct sa *sa = rig_sa(&params);

		for (int turn = 0; turn < 2; turn++) {
			struct rte_mbuf *m = rig_packet(family, IPPROTO_UDP, 50);

			rig_expect(rig_out(sa, m), ESP_ACCEPTED);

			uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
			struct rte_udp_hdr *udp =
				(struct rte_udp_hdr *)(ip + (family == 4 ? 20 : 40));

			cr_assert_eq(ip[family == 4 ? 9 : 6], IPPROTO_UDP);
			cr_assert_eq(rte_be_to_cpu_16(udp->src_port), turn == 0 ? 4500 : 4501);
			cr_assert_eq(rte_be_to_cpu_16(udp->dst_port), turn == 0 ? 31337 : 999);
			cr_assert_eq(rte_be_to_cpu_16(udp->dgram_len),
				m->pkt_len - (family == 4 ? 20 : 40));
			if (family == 4)
				cr_assert_eq(udp->dgram_cksum, 0);
			else
				cr_assert_eq(rte_ipv6_udptcp_cksum_verify(
						     (struct rte_ipv6_hdr *)ip, udp),
					0);
			rte_pktmbuf_free(m);
			sa_set_encap(sa, 4501, 999); /* the NAT has another port now */
		}
		sa_destroy(rig_store, sa);
	}
}

Test(esp_outbound, tunnel_mode_both_families_in_both)
{
	for (int mix = 0; mix < 8; mix++) {
		int outer = mix & 1 ? 6 : 4, inner = mix & 2 ? 6 : 4;
		struct sa_params params = mix & 4 ? encap_params(0) : rig_params(0, SA_OUTBOUND);
		uint32_t header = outer == 4 ? 20 : 40;
		uint8_t before[256], after[256];

		params.mode = SA_TUNNEL;
		params.outer_family = (uint8_t)outer;
		rig_fill(params.outer_source, 16);
		rig_fill(params.outer_destination, 16);

		struct sa *out = rig_sa(&params);

		params.direction = SA_INBOUND;

		struct sa *in = rig_sa(&params);
		struct rte_mbuf *m = rig_packet(inner, IPPROTO_UDP, 41);
		uint32_t n = rig_bytes(m, before);

		rig_expect(rig_out(out, m), ESP_ACCEPTED);

		const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);

		cr_assert_eq(ip[0] >> 4, outer);
		cr_assert_eq(memcmp(ip + (outer == 4 ? 12 : 8), params.outer_source,
				     outer == 4 ? 4 : 16),
			0);
		cr_assert_eq(memcmp(ip + (outer == 4 ? 16 : 24), params.outer_destination,
				     outer == 4 ? 4 : 16),
			0);
		cr_assert_eq(outer == 4 ? ip[1] : (ip[0] << 4 & 0xf0) | ip[1] >> 4, 0xb8, "DSCP");
		if (outer == 4) {
			cr_assert_eq(rte_raw_cksum(ip, header), 0xffff);
			cr_assert_eq((uint32_t)ip[2] << 8 | ip[3], m->pkt_len);
		} else {
			cr_assert_eq((uint32_t)ip[4] << 8 | ip[5], m->pkt_len - 40);
		}
		rig_expect(rig_in(in, m), ESP_ACCEPTED);
		cr_assert_eq(rig_bytes(m, after), n);
		cr_assert_eq(memcmp(before, after, n), 0, "mix %d", mix);
		rte_pktmbuf_free(m);
		sa_destroy(rig_store, in);
		sa_destroy(rig_store, out);
	}
}

Test(esp_outbound, combined_modes_count_their_iv)
{
	struct sa_params params = rig_params(0, SA_OUTBOUND);

	params.iv_base = 0x1122334400000000u;
	params.sequence = 7;

	struct sa *sa = rig_sa(&params);

	for (uint64_t k = 0; k < 3; k++) {
		struct rte_mbuf *m = rig_packet(4, IPPROTO_UDP, 10);
		uint64_t iv;

		rig_expect(rig_out(sa, m), ESP_ACCEPTED);
		memcpy(&iv, rte_pktmbuf_mtod_offset(m, uint8_t *, 28), 8);
		cr_assert_eq(rte_be_to_cpu_64(iv), 0x1122334400000008u + k);
		rte_pktmbuf_free(m);
	}
	sa_destroy(rig_store, sa);
}

/* Not a proof of unpredictability, but a counter, a last block or a fixed key would be found. */
Test(esp_outbound, cbc_ivs_are_random_and_differ_between_sas_of_one_key)
{
	enum { IVS = 400 };
	static uint8_t ivs[2 * IVS][16];
	struct sa_params params = rig_params(4, SA_OUTBOUND);
	unsigned int ones = 0;

	for (int s = 0; s < 2; s++) {
		struct sa *sa = rig_sa(&params);

		for (int k = 0; k < IVS; k++) {
			struct rte_mbuf *m = rig_packet(4, IPPROTO_UDP, 30);

			rig_expect(rig_out(sa, m), ESP_ACCEPTED);
			memcpy(ivs[s * IVS + k], rte_pktmbuf_mtod_offset(m, uint8_t *, 28), 16);
			cr_assert_neq(
				memcmp(ivs[s * IVS + k],
					rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len - 28),
					16),
				0, "the last block");
			rte_pktmbuf_free(m);
		}
		sa_destroy(rig_store, sa);
	}
	for (int a = 0; a < 2 * IVS; a++) {
		for (int b = 0; b < a; b++)
			cr_assert_neq(memcmp(ivs[a], ivs[b], 16), 0, "%d and %d", a, b);
		for (int at = 0; at < 16; at++)
			ones += (unsigned int)__builtin_popcount(ivs[a][at]);
	}
	/* 102400 fair coins: six standard deviations are 960 */
	cr_assert(ones > 51200 - 960 && ones < 51200 + 960, "%u ones", ones);
}

Test(esp_outbound, refused_packets_use_no_number)
{
	struct sa_params params = rig_params(0, SA_OUTBOUND);
	struct sa *sa = rig_sa(&params);
	struct rte_mbuf *pkts[6];
	struct esp_result results[6];
	static const enum esp_reject expected[] = {ESP_ACCEPTED, ESP_REJECT_IP, ESP_REJECT_ROOM,
		ESP_REJECT_ROOM, ESP_REJECT_SEGMENTS, ESP_ACCEPTED};

	for (int k = 0; k < 6; k++)
		pkts[k] = rig_packet(4, IPPROTO_UDP, 100);
	rte_pktmbuf_mtod(pkts[1], uint8_t *)[0] = 0x55;
	/* no room in front, then none behind */
	memmove(pkts[2]->buf_addr, rte_pktmbuf_mtod(pkts[2], void *), 120);
	pkts[2]->data_off = 0;
	rte_pktmbuf_free(pkts[3]);
	pkts[3] = rig_packet(4, IPPROTO_UDP, RIG_ROOM - 20);
	rte_pktmbuf_free(pkts[4]);
	pkts[4] = rig_packet(4, IPPROTO_UDP, RIG_ROOM - 20);
	cr_assert_eq(rte_pktmbuf_chain(pkts[4], rig_packet(4, 0, 1)), 0);

	cr_assert_eq(esp_outbound_burst(rig_engine, sa, pkts, 6, results), 2);
	for (int k = 0; k < 6; k++)
		rig_expect((enum esp_reject)results[k].reject, expected[k]);

	uint32_t low;

	memcpy(&low, rte_pktmbuf_mtod_offset(pkts[5], uint8_t *, 24), 4);
	cr_assert_eq(rte_be_to_cpu_32(low), 2);
	cr_assert_eq(sa->state.sequence, 2);
	cr_assert_eq(sa->state.rejects[ESP_REJECT_ROOM], 2);
	rte_pktmbuf_free_bulk(pkts, 6);
	sa_destroy(rig_store, sa);
}

Test(esp_outbound, fits_into_the_room_that_the_header_names)
{
	for (size_t i = 0; i < RIG_ALGORITHMS; i++) {
		struct sa_params params = encap_params(i);

		params.mode = SA_TUNNEL;
		params.outer_family = 6;

		struct sa *sa = rig_sa(&params);

		for (uint32_t length = 0; length < 40; length++) {
			struct rte_mbuf *m = rig_packet(4, IPPROTO_UDP, length);
			uint32_t n = m->data_len;
			uint16_t front = m->data_off;

			rig_expect(rig_out(sa, m), ESP_ACCEPTED);
			front = (uint16_t)(front - m->data_off);
			cr_assert_leq(front, ESP_HEADROOM_MAX);
			cr_assert_leq(m->data_len - n - front, ESP_TAILROOM_MAX);
			rte_pktmbuf_free(m);
		}
		sa_destroy(rig_store, sa);
	}
}

Test(esp_outbound, a_datagram_longer_than_ip_allows_is_refused)
{
	struct rte_mempool *big =
		rte_pktmbuf_pool_create("big", 3, 0, 0, UINT16_MAX, SOCKET_ID_ANY);
	struct sa_params params = rig_params(0, SA_OUTBOUND);
	struct sa *sa = rig_sa(&params);

	for (uint32_t over = 0; over < 2; over++) {
		/* 20 + 8 + 8 + text + 16, the text a multiple of four: 65532 in all, or 65536 */
		struct rte_mbuf *m = rte_pktmbuf_alloc(big);

		/* no buffer is so long that headroom is left: the shorter one fails for that only */
		m->data_off = 0;

		uint32_t payload = 65532 - 52 - 2 + over;
		uint8_t *ip = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(20 + payload));

		cr_assert_not_null(ip);
		memset(ip, 0, 20);
		ip[0] = 0x45;
		rig_expect(rig_out(sa, m), over ? ESP_REJECT_TOO_LONG : ESP_REJECT_ROOM);
		rte_pktmbuf_free(m);
	}
	sa_destroy(rig_store, sa);
	rte_mempool_free(big);
}
