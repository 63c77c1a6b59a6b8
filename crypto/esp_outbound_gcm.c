/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ESP outbound for AES-GCM in transport mode on the CPU itself: IPv4 without options.
 *
 * In two passes, since the cipher would wait for what was just written piece by piece: trailers, headers and
 * nonces of all packets first, then encryption. Whatever is rare is left to outbound_any.
 */
#include "esp_gcm.h"

/* The most that may come behind the payload. */
#define TAIL (3 + ESP_TRAILER + GCM_ICV)

/* RFC 4303, 2.4: padding that counts up from one, and its length; as they stand in the packet. */
static const uint32_t paddings[] = {0x00, 0x0101, 0x020201, 0x03030201};

/* What is the same for all packets of a run. */
struct outbound {
	uint64_t iv_base;
	uint32_t spi;   /* as in the packet, as the ports are */
	uint32_t ports; /* of the UDP around ESP */
	__m128i salt;
};

/* With room for what is added; so it is not too long either, since a buffer's length has 16 bits. */
static inline bool outbound_usual(const struct rte_mbuf *m, uint32_t front)
{
	uint32_t length = m->data_len, begin = m->data_off;

	return m->nb_segs == 1 && length >= IP_HEADER && begin >= front &&
		begin + length + TAIL + GCM_OVERREACH <= m->buf_len &&
		*rte_pktmbuf_mtod(m, const uint8_t *) == 0x45;
}

/* Everything but the cipher's work. */
static __rte_always_inline void packet_build(const struct outbound *o, struct rte_mbuf *m,
	struct engine_op *op, uint64_t sequence, const uint32_t front, const bool esn)
{
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *), *text = ip + IP_HEADER;
	uint32_t payload = m->data_len - (uint32_t)IP_HEADER, pad = (2 - payload) & 3;
	uint32_t total = IP_HEADER + front + payload + pad + ESP_TRAILER + GCM_ICV;
	uint64_t header = o->spi | (uint64_t)rte_cpu_to_be_32((uint32_t)sequence) << 32;
	__m128i iv = _mm_cvtsi64_si128((long long)rte_cpu_to_be_64(o->iv_base + sequence));
	uint64_t trailer = paddings[pad] | (uint64_t)ip[9] << (8 * pad + 8);

	memcpy(text + payload, &trailer, 8); /* the ICV comes over what is too much */
	if (front > ESP_HEADER + GCM_IV) {
		/* RFC 3948, 2.2: no checksum on IPv4 */
		uint64_t udp = o->ports |
			(uint64_t)rte_cpu_to_be_16((uint16_t)(total - IP_HEADER)) << 32;

		ip4_header_move(ip - front, ip, IPPROTO_UDP, total);
		memcpy(ip - front + IP_HEADER, &udp, 8);
	} else {
		ip4_header_move(ip - front, ip, IPPROTO_ESP, total);
	}
	_mm_storeu_si128((__m128i *)(text - GCM_IV - ESP_HEADER),
		_mm_unpacklo_epi64(_mm_cvtsi64_si128((long long)header), iv));
	_mm_store_si128((__m128i *)op->nonce, _mm_or_si128(o->salt, _mm_slli_si128(iv, 4)));
	if (esn)
		_mm_store_si128((__m128i *)op->aad,
			_mm_set_epi32(0, (int)(header >> 32),
				(int)rte_cpu_to_be_32((uint32_t)(sequence >> 32)), (int)o->spi));
	m->data_off = (uint16_t)(m->data_off - front);
	m->data_len = (uint16_t)total;
	m->pkt_len = total;
}

/* As many as are usual, one after the other; at most ENGINE_BURST, and each has its number. */
static __rte_always_inline uint16_t outbound_run(struct esp_engine *engine, struct sa *sa,
	struct rte_mbuf **pkts, uint16_t n, struct esp_result *results, const uint32_t front,
	const unsigned int rounds, const bool esn)
{
	const struct outbound o = {
		.iv_base = sa->iv_base,
		.spi = sa->spi,
		.ports = __atomic_load_n(&sa->encap_ports, __ATOMIC_RELAXED),
		.salt = _mm_loadu_si32(sa->keys->salt),
	};
	struct engine_op *ops = engine->ops;
	uint64_t sequence = sa->state.sequence, bytes = 0;
	struct gcm_cipher cipher;
	unsigned int built;

	for (built = 0; built < n; built++) {
		struct rte_mbuf *m = pkts[built];

		if (unlikely(!outbound_usual(m, front)))
			break;
		bytes += m->data_len;
		packet_build(&o, m, &ops[built], ++sequence, front, esn);
		results[built] = (struct esp_result){.reject = ESP_ACCEPTED};
	}
	gcm_cipher_load(&cipher, engine, sa, rounds);
	for (unsigned int i = 0; i < built; i++) {
		uint32_t before = IP_HEADER + front, length;
		uint8_t *text = rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, before);
		__m128i nonce = _mm_load_si128((const __m128i *)ops[i].nonce);
		__m128i aad = esn ? _mm_load_si128((const __m128i *)ops[i].aad) : nonce;

		length = pkts[i]->data_len - before - GCM_ICV;
		_mm_storeu_si128((__m128i *)(text + length),
			gcm_crypt(&cipher, rounds, text, length, nonce, aad, esn, true));
	}
	sa->state.sequence = sequence;
	sa->state.packets += built;
	sa->state.bytes += bytes - (uint64_t)built * IP_HEADER;
	return (uint16_t)built;
}

static __rte_always_inline uint16_t outbound_rounds(struct esp_engine *engine, struct sa *sa,
	struct rte_mbuf **pkts, uint16_t n, struct esp_result *results, const unsigned int rounds)
{
	const uint32_t native = ESP_HEADER + GCM_IV, encap = native + UDP_HEADER;

	if (sa->encap)
		return sa->esn ? outbound_run(engine, sa, pkts, n, results, encap, rounds, true)
			       : outbound_run(engine, sa, pkts, n, results, encap, rounds, false);
	return sa->esn ? outbound_run(engine, sa, pkts, n, results, native, rounds, true)
		       : outbound_run(engine, sa, pkts, n, results, native, rounds, false);
}

static uint16_t outbound_some(struct esp_engine *engine, struct sa *sa, struct rte_mbuf **pkts,
	uint16_t n, struct esp_result *results)
{
	switch (sa->key_class) {
	case 0:
		return outbound_rounds(engine, sa, pkts, n, results, GCM_ROUNDS_128);
	case 1:
		return outbound_rounds(engine, sa, pkts, n, results, GCM_ROUNDS_192);
	default:
		return outbound_rounds(engine, sa, pkts, n, results, GCM_ROUNDS_256);
	}
}

uint16_t outbound_gcm(struct esp_engine *engine, struct sa *sa, struct rte_mbuf **pkts, uint16_t n,
	struct esp_result *results)
{
	uint64_t limit = __atomic_load_n(&sa->sequence_limit, __ATOMIC_ACQUIRE);
	uint16_t accepted = 0;

	if (limit > sa->sequence_max)
		limit = sa->sequence_max;
	for (uint16_t i = 0; i < n;) {
		uint64_t numbers = limit > sa->state.sequence ? limit - sa->state.sequence : 0;
		uint16_t most = (uint16_t)RTE_MIN(n - i, ENGINE_BURST), built;

		built = outbound_some(
			engine, sa, pkts + i, (uint16_t)RTE_MIN(most, numbers), results + i);
		i = (uint16_t)(i + built);
		accepted = (uint16_t)(accepted + built);
		if (likely(built == most))
			continue;
		/* one that is not usual, or has no number */
		accepted =
			(uint16_t)(accepted + outbound_any(engine, sa, pkts + i, 1, results + i));
		i++;
	}
	return accepted;
}
