/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ESP inbound for AES-GCM in transport mode on the CPU itself: packet by packet, IPv4 without options.
 *
 * At 64 bytes the cipher itself takes hardly more instructions than ESP around it, so this is written for few
 * of them: what is checked before decryption is still in registers after it, packets that arrive in order are
 * marked in the replay window when their run ends, and whatever is rare is left to inbound_any.
 */
#include "esp_gcm.h"

/* The rest is told by the protocol. */
static inline bool inbound_usual(const struct rte_mbuf *m)
{
	return m->nb_segs == 1 && m->data_len >= GCM_FRONT + ESP_TRAILER + GCM_ICV + UDP_HEADER &&
		m->data_off + (uint32_t)m->data_len + GCM_OVERREACH <= m->buf_len &&
		*rte_pktmbuf_mtod(m, const uint8_t *) == 0x45;
}

static uint16_t unusual_run(struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t run = 1;

	while (run < n && !inbound_usual(pkts[run]))
		run++;
	return run;
}

static __rte_noinline void inbound_reject(
	struct sa *sa, struct esp_result *result, enum esp_reject reject)
{
	*result = (struct esp_result){.reject = (uint8_t)reject};
	sa->state.rejects[reject]++;
}

/* What is wrong with the trailer, if not that this SA carries anything. */
static __rte_noinline enum esp_reject trailer_reject(
	const struct sa *sa, int64_t length, uint8_t next_header)
{
	if (length < 0)
		return ESP_REJECT_PADDING;
	if (next_header == IPPROTO_NONE)
		return ESP_REJECT_DUMMY;
	return sa->next_header != 0 ? ESP_REJECT_NEXT_HEADER : ESP_ACCEPTED;
}

/* In one store: next header, and the source port of the UDP around ESP, if there is one. */
static inline void result_write(
	struct esp_result *result, const uint8_t *ip, const uint8_t *text, uint32_t next_header)
{
	uint16_t port;
	uint32_t word;

	static_assert(offsetof(struct esp_result, next_header) == 1 &&
			offsetof(struct esp_result, peer_port) == 2 && ESP_ACCEPTED == 0,
		"as it is put together here");
	memcpy(&port, ip + IP_HEADER, sizeof(port));
	word = (text - ip != GCM_FRONT ? (uint32_t)port << 16 : 0) | next_header << 8;
	memcpy(result, &word, sizeof(word));
}

static __rte_always_inline uint16_t inbound_run(struct esp_engine *engine, struct sa *sa,
	struct rte_mbuf **pkts, uint16_t n, struct esp_result *results, const unsigned int rounds,
	const bool esn)
{
	struct gcm_cipher cipher;
	struct replay *replay = &sa->state.replay;
	uint64_t next = replay->top + 1, bytes = 0;
	unsigned int refused = 0, others = 0, elsewhere = 0;
	uint32_t select = sa->next_header;
	__m128i salt = _mm_loadu_si32(sa->keys->salt);
	__m128i aad = _mm_setzero_si128();

	gcm_cipher_load(&cipher, engine, sa, rounds);
	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *), *text = ip + GCM_FRONT;
		uint64_t length = m->data_len - (uint64_t)(GCM_FRONT + GCM_ICV), sequence;
		uint32_t low, udp;

		if (unlikely(!inbound_usual(m))) {
			uint16_t run = unusual_run(pkts + i, (uint16_t)(n - i));

			replay_mark(replay, next - 1);
			others += inbound_any(engine, sa, pkts + i, run, results + i);
			next = replay->top + 1;
			elsewhere += run;
			i += run - 1u;
			continue;
		}
		/* native or in UDP, without a branch: either is common */
		udp = ip[9] == IPPROTO_UDP ? UDP_HEADER : 0;
		if (unlikely(ip[9] != IPPROTO_ESP && udp == 0)) {
			inbound_reject(sa, &results[i], ESP_REJECT_ENCAPSULATION);
			refused++;
			continue;
		}
		text += udp;
		length -= udp;
		memcpy(&low, text - GCM_IV - 4, sizeof(low));
		low = rte_be_to_cpu_32(low);
		sequence = esn ? (next & ~(uint64_t)UINT32_MAX) | low : low;
		if (unlikely(sequence != next || (esn && next == 0))) {
			enum replay_verdict verdict;

			replay_mark(replay, next - 1);
			sequence = replay_infer(replay, esn, low);
			verdict = replay_check(replay, sequence);
			if (verdict != REPLAY_FRESH) {
				inbound_reject(
					sa, &results[i], (enum esp_reject)replay_rejects[verdict]);
				refused++;
				continue;
			}
		}
		if (esn)
			aad = _mm_insert_epi32(
				_mm_insert_epi32(_mm_loadu_si32(text - GCM_IV - ESP_HEADER),
					(int)rte_cpu_to_be_32((uint32_t)(sequence >> 32)), 1),
				(int)rte_cpu_to_be_32(low), 2);

		/* read before anything is written around it */
		__m128i icv = _mm_loadu_si128((const __m128i *)(text + length));
		__m128i iv = _mm_loadl_epi64((const __m128i *)(text - GCM_IV));

		icv = _mm_xor_si128(icv,
			gcm_crypt(&cipher, rounds, text, length,
				_mm_or_si128(salt, _mm_slli_si128(iv, ESP_SALT_LEN)), aad, esn,
				false));
		/* constant in time: all bytes at once */
		if (unlikely(!_mm_testz_si128(icv, icv))) {
			inbound_reject(sa, &results[i], ESP_REJECT_ICV);
			refused++;
			continue;
		}
		if (likely(sequence == next)) {
			next++;
		} else {
			replay_accept(replay, sequence);
			next = replay->top + 1;
		}

		uint16_t trailer; /* pad length, next header */

		memcpy(&trailer, text + length - ESP_TRAILER, sizeof(trailer));
		length -= ESP_TRAILER + (trailer & 0xffu);
		if (unlikely((int64_t)length < 0 || trailer >> 8 != select)) {
			enum esp_reject reject =
				trailer_reject(sa, (int64_t)length, (uint8_t)(trailer >> 8));

			if (reject != ESP_ACCEPTED) {
				inbound_reject(sa, &results[i], reject);
				refused++;
				continue;
			}
		}
		m = pkts[i];
		ip = rte_pktmbuf_mtod(m, uint8_t *);
		result_write(&results[i], ip, text, trailer >> 8);
		length += IP_HEADER;
		ip4_header_move(text - IP_HEADER, ip, (uint8_t)(trailer >> 8), (uint32_t)length);
		m->data_off = (uint16_t)(text - IP_HEADER - (uint8_t *)m->buf_addr);
		m->data_len = (uint16_t)length;
		m->pkt_len = (uint32_t)length;
		bytes += length;
	}
	replay_mark(replay, next - 1);
	refused = n - elsewhere - refused;
	sa->state.packets += refused;
	sa->state.bytes += bytes - (uint64_t)refused * IP_HEADER;
	return (uint16_t)(refused + others);
}

static __rte_always_inline uint16_t inbound_rounds(struct esp_engine *engine, struct sa *sa,
	struct rte_mbuf **pkts, uint16_t n, struct esp_result *results, const unsigned int rounds)
{
	return sa->esn ? inbound_run(engine, sa, pkts, n, results, rounds, true)
		       : inbound_run(engine, sa, pkts, n, results, rounds, false);
}

uint16_t inbound_gcm(struct esp_engine *engine, struct sa *sa, struct rte_mbuf **pkts, uint16_t n,
	struct esp_result *results)
{
	switch (sa->key_class) {
	case 0:
		return inbound_rounds(engine, sa, pkts, n, results, GCM_ROUNDS_128);
	case 1:
		return inbound_rounds(engine, sa, pkts, n, results, GCM_ROUNDS_192);
	default:
		return inbound_rounds(engine, sa, pkts, n, results, GCM_ROUNDS_256);
	}
}
