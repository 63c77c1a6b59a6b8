/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Small arithmetic that every stage shares: one's complement sums, unaligned reads, trimming.
 *
 * A packet of several segments (only reassembly makes them) always has its headers in the first one:
 * classify refuses others. A packet of one segment, the rule, never reads a second one's line.
 */
#pragma once

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* What the first of several segments must hold at least, at classify and after decapsulation. */
#define PACKET_HEAD_OUTER 256
#define PACKET_HEAD_INNER 128

static inline uint16_t load16(const void *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t load32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t load64(const void *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint16_t load_be16(const void *p)
{
	return __builtin_bswap16(load16(p)); /* DPDK's is an xchg in assembler */
}

static inline void store16(void *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void store32(void *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void store_be16(void *p, uint16_t v)
{
	store16(p, __builtin_bswap16(v));
}

/* Sums are taken over words as they stand in memory: RFC 1071, 2 (B), byte order independence. */
static inline uint16_t checksum_fold(uint64_t sum)
{
	uint32_t half;

	/* each half of a sum with its own other half: the carry comes round by itself */
	sum += sum << 32 | sum >> 32;
	half = (uint32_t)(sum >> 32);
	half += half << 16 | half >> 16;
	return (uint16_t)(half >> 16);
}

/* The folded sum of an IPv4 header with its checksum in place: 0xffff if it is right. */
static inline uint16_t ip4_header_sum(const uint8_t *ip, uint32_t header_length)
{
	uint64_t sum = (uint64_t)load32(ip) + load32(ip + 4) + load32(ip + 8) + load32(ip + 12) +
		load32(ip + 16);

	if (unlikely(header_length > 20))
		for (uint32_t i = 20; i < header_length; i += 4)
			sum += load32(ip + i);
	return checksum_fold(sum);
}

static inline void ip4_header_set_checksum(uint8_t *ip, uint32_t header_length)
{
	store16(ip + 10, 0);
	store16(ip + 10, (uint16_t)~ip4_header_sum(ip, header_length));
}

/* RFC 1624, equation 3: a checksum after one word of what it covers changed. All as in memory. */
static inline uint16_t checksum_update(uint16_t checksum, uint16_t from, uint16_t to)
{
	uint32_t sum = (uint16_t)~checksum + (uint32_t)(uint16_t)~from + to;

	return (uint16_t)~checksum_fold(sum);
}

/* RFC 1141: the checksum of an IPv4 header whose TTL became one less. */
static inline void ip4_decrement_ttl(uint8_t *ip)
{
	uint32_t sum = load16(ip + 10) + (uint32_t)rte_cpu_to_be_16(0x0100);

	store16(ip + 10, (uint16_t)(sum + (sum >= 0xffff)));
	ip[8]--;
}

/* Takes length bytes from the front; the caller knows that the first segment has them. */
static inline void packet_adj(struct rte_mbuf *m, uint16_t length)
{
	m->data_off += length;
	m->data_len -= length;
	m->pkt_len -= length;
}

/* Puts length bytes in front; the headroom is there by the layout of the pool. */
static inline uint8_t *packet_prepend(struct rte_mbuf *m, uint16_t length)
{
	m->data_off -= length;
	m->data_len += length;
	m->pkt_len += length;
	return rte_pktmbuf_mtod(m, uint8_t *);
}

/* Cuts the packet to length (which it has) bytes; segments behind the end are freed. */
static inline void packet_trim(struct rte_mbuf *m, uint32_t length)
{
	if (likely(m->nb_segs == 1)) {
		m->data_len = (uint16_t)length;
		m->pkt_len = length;
		return;
	}
	struct rte_mbuf *segment = m;
	uint32_t left = length;
	uint16_t segments = 1;

	while (left > segment->data_len && segment->next != NULL) {
		left -= segment->data_len;
		segment = segment->next;
		segments++;
	}
	segment->data_len = (uint16_t)left;
	if (segment->next != NULL) {
		rte_pktmbuf_free(segment->next);
		segment->next = NULL;
	}
	m->nb_segs = segments;
	m->pkt_len = length;
}
