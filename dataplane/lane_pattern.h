/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a lane from a device asks of a frame from a LAC, in a few loads.
 */
#pragma once

#include "ip_check.h"
#include "lane.h"

#include <netinet/in.h>

/*
 * From the frame's start, without tags and without IP options. Of a frame with tags, what these count from begins so much
 * later that they are right from the EtherType on.
 */
enum { FRAME_IP = RTE_ETHER_HDR_LEN, FRAME_UDP = FRAME_IP + 20 };

/* What 48 bytes of a frame must be where the mask has ones. */
struct lane_pattern {
	__m128i value[3], mask[3];
};

/* Tags, an IPv4 header without options, whole, of that protocol, to our address. */
static inline void lane_pattern_ip4(struct lane_pattern *pattern, const struct lane_l2 *l2,
	uint32_t our_address, uint8_t protocol)
{
	uint8_t *value = (uint8_t *)pattern->value, *mask = (uint8_t *)pattern->mask;
	uint32_t tags = l2->length - RTE_ETHER_HDR_LEN;

	memset(pattern, 0, sizeof(*pattern));
	memcpy(value + 12 - tags, &l2->tags, tags);
	memcpy(mask + 12 - tags, &l2->mask, tags);
	store_be16(value + 12, RTE_ETHER_TYPE_IPV4);
	value[FRAME_IP] = 0x45;
	memset(mask + 12, 0xff, 3);
	store_be16(mask + FRAME_IP + 6, 0x3fff); /* no fragment */
	value[FRAME_IP + 9] = protocol;
	mask[FRAME_IP + 9] = 0xff;
	store32(value + FRAME_IP + 16, our_address);
	memset(mask + FRAME_IP + 16, 0xff, 4);
}

/* To that UDP port, too. */
static inline void lane_pattern_port(struct lane_pattern *pattern, uint16_t port)
{
	store_be16((uint8_t *)pattern->value + FRAME_UDP + 2, port);
	memset((uint8_t *)pattern->mask + FRAME_UDP + 2, 0xff, 2);
}

/* frame: see above. */
static __rte_always_inline bool lane_pattern_matches(
	const struct lane_pattern *pattern, const uint8_t *frame)
{
	__m128i differs = _mm_setzero_si128();

	for (unsigned int i = 0; i < 3; i++) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(frame + 16 * i));

		differs = _mm_or_si128(differs,
			_mm_and_si128(_mm_xor_si128(bytes, pattern->value[i]), pattern->mask[i]));
	}
	return _mm_testz_si128(differs, differs);
}

/* The IPv4 header's sum, by the device's word as classify takes it, or by ours. */
static __rte_always_inline bool lane_ip4_checked(
	const struct port *port, const struct rte_mbuf *m, const uint8_t *ip)
{
	if (port->rx_ip_checksum) {
		uint64_t flags = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;

		if (likely(flags == RTE_MBUF_F_RX_IP_CKSUM_GOOD))
			return true;
		if (flags == RTE_MBUF_F_RX_IP_CKSUM_BAD)
			return false;
	}
	return likely(lane_ip4_sum(ip) == 0xffff);
}

/* Which of our addresses LACs use is told by the burst's first frame. */
static inline uint32_t lane_our_address(const struct iface *iface,
	const struct iface_addresses *own, const struct lane_l2 *l2, const struct rte_mbuf *first)
{
	uint32_t to;

	if (own->n4 > 1 && first->data_len >= l2->length + 20) {
		to = load32(rte_pktmbuf_mtod_offset(first, const uint8_t *, l2->length + 16));
		if (iface_owns4(iface, to))
			return to;
	}
	return own->v4[0];
}

static inline void lane_fetch(struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *frame = rte_pktmbuf_mtod(pkts[i], const uint8_t *);

		rte_prefetch0(frame);
		rte_prefetch0(frame + 64);
	}
}

/* Is this ESP over IPv4, in UDP or not? It is only asked which loop the burst is for. */
static inline bool lane_esp_begins(const struct lane_l2 *l2, const struct rte_mbuf *first)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(first, const uint8_t *, l2->length);

	return first->data_len >= l2->length + 20 + 8 &&
		(ip[9] == IPPROTO_ESP ||
			(ip[9] == IPPROTO_UDP && load16(ip + 22) == RTE_BE16(4500)));
}

/* As lane_uplink, of a burst that begins with ESP: decrypted, and on to where they go. */
uint16_t lane_esp(struct worker *w, struct rte_mbuf **pkts, uint16_t n, const struct lane_l2 *l2);
