/* SPDX-License-Identifier: BSD-3-Clause */
/* ESP outbound: number, encapsulate, encrypt and authenticate. */
#include "engine.h"
#include "esp_burst.h"
#include "esp_wire.h"

#include <rte_prefetch.h>

/* RFC 4303, 2.4: the padding counts up from one. */
static const uint8_t padding[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

/* The outer header of tunnel mode, complete but for what ip_header_move sets. */
static uint32_t outbound_outer(const struct sa *sa, const uint8_t *inner, uint8_t *outer)
{
	uint8_t traffic_class = inner[0] >> 4 == 4 ? inner[1]
						   : (uint8_t)(inner[0] << 4 | inner[1] >> 4);

	uint16_t checksum;

	traffic_class &= 0xfc;
	if (sa->outer_family == 4) {
		memset(outer, 0, 20);
		outer[0] = 0x45;
		outer[1] = traffic_class;
		/* unique among the packets of this SA for a while; who has several to one peer sets another */
		store_be16(outer + 4, (uint16_t)sa->state.sequence);
		outer[8] = 64;
		memcpy(outer + 12, sa->outer_source, 4);
		memcpy(outer + 16, sa->outer_destination, 4);
		checksum = ip4_checksum(outer, 20);
		memcpy(outer + 10, &checksum, sizeof(checksum));
		return 20;
	}
	memset(outer, 0, 8);
	outer[0] = 0x60 | traffic_class >> 4;
	outer[1] = (uint8_t)(traffic_class << 4);
	outer[7] = 64;
	memcpy(outer + 8, sa->outer_source, 16);
	memcpy(outer + 24, sa->outer_destination, 16);
	return 40;
}

static inline void outbound_header(
	struct esp_engine *engine, struct sa *sa, uint8_t *p, struct engine_op *op)
{
	uint64_t sequence = ++sa->state.sequence;
	uint32_t low = rte_cpu_to_be_32((uint32_t)sequence);

	memcpy(p, &sa->spi, 4);
	memcpy(p + 4, &low, 4);
	op->sequence = sequence;
	if (likely(sa->algorithm.aead)) {
		uint64_t iv = rte_cpu_to_be_64(sa->iv_base + sequence);

		memcpy(p + ESP_HEADER, &iv, sizeof(iv));
		engine_op_aead(op, sa, p);
	} else if (sa->algorithm.iv != 0) {
		engine_iv_make(engine, sa, p + ESP_HEADER, sa->algorithm.iv);
	}
}

static inline enum esp_reject outbound_build(struct esp_engine *engine, struct sa *sa,
	uint64_t limit, struct rte_mbuf *m, struct engine_op *op)
{
	const struct esp_algorithm *algorithm = &sa->algorithm;
	bool tunnel = sa->mode == SA_TUNNEL;
	uint32_t header, payload, pad, front, tail, total;
	uint8_t *ip, *p, next_header;

	if (unlikely(m->nb_segs != 1) && rte_pktmbuf_linearize(m) < 0)
		return ESP_REJECT_SEGMENTS;
	ip = rte_pktmbuf_mtod(m, uint8_t *);
	header = ip_header_length(ip, m->data_len);
	if (unlikely(header == 0))
		return ESP_REJECT_IP;
	if (likely(!tunnel)) {
		payload = m->data_len - header;
		next_header = ip_protocol(ip);
		front = sa->overhead;
		total = header + front;
	} else {
		payload = m->data_len;
		next_header = ip[0] >> 4 == 4 ? IPPROTO_IPIP : IPPROTO_IPV6;
		front = sa->overhead + (sa->outer_family == 4 ? 20u : 40u);
		total = front;
	}
	pad = -(payload + ESP_TRAILER) & (algorithm->align - 1u);
	tail = pad + ESP_TRAILER + algorithm->icv;
	total += payload + tail;
	if (unlikely(total > UINT16_MAX))
		return ESP_REJECT_TOO_LONG;
	if (unlikely(front > m->data_off || tail > rte_pktmbuf_tailroom(m)))
		return ESP_REJECT_ROOM;
	if (unlikely(sa->state.sequence >= limit))
		return sa->state.sequence >= sa->sequence_max ? ESP_REJECT_EXHAUSTED
							      : ESP_REJECT_LIMIT;

	/* the trailer: ICVs have 12 bytes at least, so 8 and 16 bytes are there to be written */
	op->length = payload + pad + ESP_TRAILER;
	p = ip + m->data_len;
	op->text = p - payload;
	op->packet = m;
	memcpy(p, padding, 8);
	if (pad > 8)
		memcpy(p + 8, padding + 8, 8);
	p[pad] = (uint8_t)pad;
	p[pad + 1] = next_header;

	if (likely(!tunnel)) {
		ip = ip_header_move(
			ip, header, -(int32_t)front, sa->encap ? IPPROTO_UDP : IPPROTO_ESP, total);
	} else {
		uint8_t outer[40];

		header = outbound_outer(sa, ip, outer);
		memcpy(ip - front, outer, header);
		ip = ip_header_move(
			ip - front, header, 0, sa->encap ? IPPROTO_UDP : IPPROTO_ESP, total);
	}
	p = ip + header;
	if (sa->encap) {
		uint32_t ports = __atomic_load_n(&sa->encap_ports, __ATOMIC_RELAXED);

		memcpy(p, &ports, 4);
		store_be16(p + 4, total - header);
		memset(p + 6, 0, 2); /* RFC 3948, 2.2: no checksum on IPv4 */
		p += UDP_HEADER;
	}
	outbound_header(engine, sa, p, op);
	m->data_off = (uint16_t)(m->data_off - front);
	m->data_len = (uint16_t)total;
	m->pkt_len = total;
	sa->state.packets++;
	sa->state.bytes += payload;
	return ESP_ACCEPTED;
}

/* RFC 8200, 8.1: IPv6 does not know a UDP without checksum, and many receivers insist. */
static void outbound_udp6_checksum(struct rte_mbuf *m)
{
	struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod(m, struct rte_ipv6_hdr *);
	uint8_t *udp = (uint8_t *)(ip + 1);
	uint16_t checksum = rte_ipv6_udptcp_cksum(ip, udp);

	memcpy(udp + 6, &checksum, 2);
}

uint16_t outbound_begin(struct esp_engine *engine, struct sa *sa, struct rte_mbuf **pkts,
	uint16_t n, struct esp_result *results, struct engine_op *ops)
{
	uint64_t limit = __atomic_load_n(&sa->sequence_limit, __ATOMIC_ACQUIRE);
	uint16_t n_ops = 0;

	if (limit > sa->sequence_max)
		limit = sa->sequence_max;
	for (uint16_t i = 0; i < n; i++) {
		if (i + 2 < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + 2], void *));

		enum esp_reject reject = outbound_build(engine, sa, limit, pkts[i], &ops[n_ops]);

		results[i].reject = (uint8_t)reject;
		if (unlikely(reject != ESP_ACCEPTED)) {
			sa->state.rejects[reject]++;
			continue;
		}
		ops[n_ops++].index = i;
	}
	return n_ops;
}

uint16_t outbound_end(struct sa *sa, struct rte_mbuf **pkts, struct esp_result *results,
	const struct engine_op *ops, uint16_t n_ops)
{
	uint16_t accepted = 0;

	for (uint16_t i = 0; i < n_ops; i++) {
		struct rte_mbuf *m = pkts[ops[i].index];

		if (unlikely(ops[i].reject != ESP_ACCEPTED)) {
			results[ops[i].index].reject = ops[i].reject;
			sa->state.rejects[ops[i].reject]++;
			continue;
		}
		if (unlikely(sa->encap) && *rte_pktmbuf_mtod(m, uint8_t *) >> 4 == 6)
			outbound_udp6_checksum(m);
		accepted++;
	}
	return accepted;
}

static uint16_t outbound_chunk(struct esp_engine *engine, struct sa *sa, struct rte_mbuf **pkts,
	uint16_t n, struct esp_result *results)
{
	uint16_t n_ops;

	if (unlikely(!engine_ready(engine, sa, n)))
		return engine_refuse(sa, results, n);
	n_ops = outbound_begin(engine, sa, pkts, n, results, engine->ops);
	engine_seal(engine, sa, engine->ops, n_ops);
	return outbound_end(sa, pkts, results, engine->ops, n_ops);
}

uint16_t outbound_any(struct esp_engine *engine, struct sa *sa, struct rte_mbuf **pkts, uint16_t n,
	struct esp_result *results)
{
	uint16_t accepted = 0;

	for (uint16_t first = 0; first < n; first += ENGINE_BURST)
		accepted += outbound_chunk(engine, sa, pkts + first,
			RTE_MIN(n - first, ENGINE_BURST), results + first);
	return accepted;
}

uint16_t esp_outbound_burst(struct esp_engine *engine, struct sa *sa, struct rte_mbuf **pkts,
	uint16_t n, struct esp_result *results)
{
	if (likely(sa->cipher == ESP_CIPHER_AES_GCM_16 && sa->mode == SA_TRANSPORT &&
		    sa->engine == ENGINE_IPSEC_MB && engine->outbound_gcm != NULL))
		return engine->outbound_gcm(engine, sa, pkts, n, results);
	return outbound_any(engine, sa, pkts, n, results);
}
