/* SPDX-License-Identifier: BSD-3-Clause */
/* ESP inbound: replay check, decrypt and verify, replay check again and update, decapsulate. */
#include "engine.h"
#include "esp_burst.h"
#include "esp_wire.h"

#include <rte_prefetch.h>

const uint8_t replay_rejects[] = {
	[REPLAY_FRESH] = ESP_ACCEPTED,
	[REPLAY_SEEN] = ESP_REJECT_REPLAYED,
	[REPLAY_OLD] = ESP_REJECT_OLD,
	[REPLAY_INVALID] = ESP_REJECT_SEQUENCE,
};

/* Everything that can be said of a packet before it is authenticated. */
static inline enum esp_reject inbound_parse(
	const struct sa *sa, struct rte_mbuf *m, struct esp_result *result, struct engine_op *op)
{
	const struct esp_algorithm *algorithm = &sa->algorithm;
	const uint8_t *ip, *esp;
	uint32_t header, length, offset, rest, low;

	if (unlikely(m->nb_segs != 1) && rte_pktmbuf_linearize(m) < 0)
		return ESP_REJECT_SEGMENTS;
	ip = rte_pktmbuf_mtod(m, const uint8_t *);
	length = m->data_len;
	header = ip_header_length(ip, length);
	if (unlikely(header == 0))
		return ESP_REJECT_TRUNCATED;
	offset = header;
	result->peer_port = 0;
	if (ip_protocol(ip) == IPPROTO_UDP) {
		if (unlikely(length < header + UDP_HEADER))
			return ESP_REJECT_TRUNCATED;
		memcpy(&result->peer_port, ip + header, sizeof(result->peer_port));
		offset += UDP_HEADER;
	} else if (unlikely(ip_protocol(ip) != IPPROTO_ESP)) {
		return ESP_REJECT_ENCAPSULATION;
	}
	rest = ESP_HEADER + algorithm->iv + algorithm->icv;
	if (unlikely(length < offset + rest + ESP_TRAILER))
		return ESP_REJECT_TRUNCATED;
	esp = ip + offset;
	op->text = (uint8_t *)(uintptr_t)esp + ESP_HEADER + algorithm->iv;
	op->packet = m;
	op->length = length - offset - rest;
	if (unlikely((op->length & (algorithm->block - 1u)) != 0))
		return ESP_REJECT_BLOCK;
	memcpy(&low, esp + 4, sizeof(low));
	op->sequence = replay_infer(&sa->state.replay, sa->esn, rte_be_to_cpu_32(low));

	enum replay_verdict verdict = replay_check(&sa->state.replay, op->sequence);

	if (unlikely(verdict != REPLAY_FRESH))
		return replay_rejects[verdict];
	if (likely(algorithm->aead))
		engine_op_aead(op, sa, esp);
	return ESP_ACCEPTED;
}

/* What tunnel mode carries, without the padding against traffic analysis behind it (RFC 4303, 2.7). */
static enum esp_reject inbound_tunnel(struct rte_mbuf *m, const uint8_t *inner, uint32_t length,
	uint8_t next_header, uint32_t *total)
{
	uint32_t header = ip_header_length(inner, length);

	if (header == 0 || (inner[0] >> 4) != (next_header == IPPROTO_IPIP ? 4 : 6))
		return ESP_REJECT_INNER;
	*total = next_header == IPPROTO_IPIP ? load_be16(inner + 2) : 40 + load_be16(inner + 4);
	if (*total < header || *total > length)
		return ESP_REJECT_INNER;
	m->data_off = (uint16_t)(inner - (const uint8_t *)m->buf_addr);
	return ESP_ACCEPTED;
}

/* The packet is authentic; what it says of itself may still be nonsense. */
static inline enum esp_reject inbound_finish(
	struct sa *sa, struct rte_mbuf *m, struct esp_result *result, const struct engine_op *op)
{
	const uint8_t *trailer = op->text + op->length - ESP_TRAILER;
	uint32_t pad = trailer[0], length, total;
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
	enum replay_verdict verdict = replay_accept(&sa->state.replay, op->sequence);

	/* the same number a second time in this burst */
	if (unlikely(verdict != REPLAY_FRESH))
		return replay_rejects[verdict];
	if (unlikely(pad + ESP_TRAILER > op->length))
		return ESP_REJECT_PADDING;
	length = op->length - ESP_TRAILER - pad;
	result->next_header = trailer[1];
	if (unlikely(result->next_header == IPPROTO_NONE))
		return ESP_REJECT_DUMMY;
	if (likely(sa->mode == SA_TRANSPORT)) {
		uint32_t header = ip_header_length(ip, m->data_len);

		if (unlikely(sa->next_header != 0 && sa->next_header != result->next_header))
			return ESP_REJECT_NEXT_HEADER;
		total = header + length;
		ip = ip_header_move(ip, header, (int32_t)(op->text - ip) - (int32_t)header,
			result->next_header, total);
		m->data_off = (uint16_t)(ip - (uint8_t *)m->buf_addr);
	} else {
		if (result->next_header != IPPROTO_IPIP && result->next_header != IPPROTO_IPV6)
			return ESP_REJECT_NEXT_HEADER;

		enum esp_reject reject =
			inbound_tunnel(m, op->text, length, result->next_header, &total);

		if (reject != ESP_ACCEPTED)
			return reject;
	}
	m->data_len = (uint16_t)total;
	m->pkt_len = total;
	sa->state.packets++;
	sa->state.bytes += length;
	return ESP_ACCEPTED;
}

uint16_t inbound_begin(struct sa *sa, struct rte_mbuf **pkts, uint16_t n,
	struct esp_result *results, struct engine_op *ops)
{
	uint16_t n_ops = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (i + 2 < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + 2], void *));

		enum esp_reject reject = inbound_parse(sa, pkts[i], &results[i], &ops[n_ops]);

		results[i].reject = (uint8_t)reject;
		if (unlikely(reject != ESP_ACCEPTED)) {
			sa->state.rejects[reject]++;
			continue;
		}
		ops[n_ops++].index = i;
	}
	return n_ops;
}

uint16_t inbound_end(struct sa *sa, struct rte_mbuf **pkts, struct esp_result *results,
	const struct engine_op *ops, uint16_t n_ops)
{
	uint16_t accepted = 0;

	for (uint16_t i = 0; i < n_ops; i++) {
		const struct engine_op *op = &ops[i];
		enum esp_reject reject = (enum esp_reject)op->reject;

		if (likely(reject == ESP_ACCEPTED))
			reject = inbound_finish(sa, pkts[op->index], &results[op->index], op);
		results[op->index].reject = (uint8_t)reject;
		if (unlikely(reject != ESP_ACCEPTED))
			sa->state.rejects[reject]++;
		else
			accepted++;
	}
	return accepted;
}

static uint16_t inbound_chunk(struct esp_engine *engine, struct sa *sa, struct rte_mbuf **pkts,
	uint16_t n, struct esp_result *results)
{
	uint16_t n_ops;

	if (unlikely(!engine_ready(engine, sa, n)))
		return engine_refuse(sa, results, n);
	n_ops = inbound_begin(sa, pkts, n, results, engine->ops);
	engine_open(engine, sa, engine->ops, n_ops);
	return inbound_end(sa, pkts, results, engine->ops, n_ops);
}

uint16_t inbound_any(struct esp_engine *engine, struct sa *sa, struct rte_mbuf **pkts, uint16_t n,
	struct esp_result *results)
{
	uint16_t accepted = 0;

	for (uint16_t first = 0; first < n; first += ENGINE_BURST)
		accepted += inbound_chunk(engine, sa, pkts + first,
			RTE_MIN(n - first, ENGINE_BURST), results + first);
	return accepted;
}

uint16_t esp_inbound_burst(struct esp_engine *engine, struct sa *sa, struct rte_mbuf **pkts,
	uint16_t n, struct esp_result *results)
{
	if (likely(sa->cipher == ESP_CIPHER_AES_GCM_16 && sa->mode == SA_TRANSPORT &&
		    sa->engine == ENGINE_IPSEC_MB && engine->inbound_gcm != NULL))
		return engine->inbound_gcm(engine, sa, pkts, n, results);
	return inbound_any(engine, sa, pkts, n, results);
}

void esp_prefetch(const struct sa *sa)
{
	const uint8_t *keys = (const uint8_t *)sa->keys, *powers;

	/* round keys; of the powers of GHASH's key those that short packets take */
	for (unsigned int i = 0; i < 3; i++)
		rte_prefetch0(keys + (size_t)i * 64);
	if (sa->cipher != ESP_CIPHER_AES_GCM_16) {
		rte_prefetch0(&sa->keys->hmac.inner);
		return;
	}
	rte_prefetch0(sa->keys->salt);
	powers = sa->keys->gcm.ghash_keys.vaes_avx512.shifted_hkey +
		sizeof(sa->keys->gcm.ghash_keys.vaes_avx512.shifted_hkey);
	for (unsigned int i = 1; i <= 3; i++)
		rte_prefetch0(powers - (size_t)i * 64);
}
