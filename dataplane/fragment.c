/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cutting IP packets to an MTU, by rte_ip_frag.
 */
#include "fragment.h"

#include <rte_ip_frag.h>

/*
 * The library's fragments are a header of their own and references into the packet. They are copied
 * into one segment each at once: encapsulation wants contiguous headers with room in front, and
 * devices that free transmitted buffers the fast way want neither references nor a second pool.
 */
static bool fragment_finish(
	struct rte_mbuf *part, const struct rte_mbuf *whole, bool v4, uint32_t id)
{
	if (rte_pktmbuf_linearize(part) != 0)
		return false;
	*meta_of(part) = *meta_of((struct rte_mbuf *)(uintptr_t)whole);
	part->ol_flags = 0;
	part->port = whole->port;
	if (v4) {
		uint8_t *ip = rte_pktmbuf_mtod(part, uint8_t *);

		ip4_header_set_checksum(ip, (ip[0] & 0x0f) * 4u);
	} else {
		/* the library leaves the identification to us: RFC 8200, 4.5 */
		store32(rte_pktmbuf_mtod_offset(part, uint8_t *, 44), id);
	}
	return true;
}

uint16_t fragment_packet(
	struct worker *w, struct rte_mbuf *m, uint16_t mtu, struct rte_mbuf *parts[FRAGMENTS_MAX])
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	bool v4 = ip[0] >> 4 == 4;
	int32_t n;

	/* the offset of a part of a fragment must not wrap and land at the front of the datagram */
	if (v4 && (load_be16(ip + 6) & 0x1fff) * 8u + load_be16(ip + 2) > UINT16_MAX) {
		worker_drop(w, m, DROP_FRAGMENT_FAILED);
		return 0;
	}
	n = v4 ? rte_ipv4_fragment_packet(m, parts, FRAGMENTS_MAX, mtu, w->pool, w->indirect)
	       : rte_ipv6_fragment_packet(m, parts, FRAGMENTS_MAX, mtu, w->pool, w->indirect);
	bool finished = n > 0;
	/* unique over the workers, as ip_id is */
	uint32_t id = rte_cpu_to_be_32(w->fragment_id += w->n_workers);

	for (int32_t i = 0; i < n; i++)
		finished &= fragment_finish(parts[i], m, v4, id);
	if (!finished) {
		for (int32_t i = 0; i < n; i++)
			rte_pktmbuf_free(parts[i]);
		worker_drop(w, m, DROP_FRAGMENT_FAILED);
		return 0;
	}
	rte_pktmbuf_free(m);
	w->stats.fragmented++;
	return (uint16_t)n;
}
