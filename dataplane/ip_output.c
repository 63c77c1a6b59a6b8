/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Out of an interface: its MTU, the Ethernet header of the next hop, the transmit buffer.
 */
#include "ip_output.h"
#include "fragment.h"
#include "icmp.h"
#include "l2tp_output.h"
#include "path_table.h"
#include "port.h"
#include "punt.h"

static inline void ip_output_frame(struct worker *w, struct rte_mbuf *m,
	const struct adjacency *adjacency, const struct adjacency_l2 *l2)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint16_t ether_type = likely(ip[0] >> 4 == 4) ? RTE_BE16(RTE_ETHER_TYPE_IPV4)
						      : RTE_BE16(RTE_ETHER_TYPE_IPV6);

	if (unlikely(m->data_off < l2->length)) {
		worker_drop(w, m, DROP_NO_MBUF);
		return;
	}

	uint8_t *frame = packet_prepend(m, l2->length);

	memcpy(frame, l2->bytes, 12); /* both addresses */
	if (unlikely(l2->length > RTE_ETHER_HDR_LEN))
		memcpy(frame + 12, l2->bytes + 12, l2->length - RTE_ETHER_HDR_LEN);
	store16(frame + l2->length - 2, ether_type);
	if (unlikely(m->ol_flags & RTE_MBUF_F_TX_L4_MASK))
		m->l2_len = l2->length;
	port_send(w, adjacency->iface, m);
}

/* Longer than the port or some path takes: not all are this one's. */
static void ip_output_long(struct worker *w, struct rte_mbuf *m, const struct meta *meta,
	const struct adjacency *adjacency, const struct adjacency_l2 *l2,
	const struct path_table *paths)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	struct rte_mbuf *parts[FRAGMENTS_MAX];
	uint16_t mtu = adjacency->mtu;

	if (paths != NULL && (meta->flags & META_OUTER) && ip[0] >> 4 == 6)
		mtu = path_table_mtu(paths, w->ifaces[adjacency->iface].vrf, ip + 24, mtu);
	if (m->pkt_len <= mtu) {
		ip_output_frame(w, m, adjacency, l2);
		return;
	}
	if (!(meta->flags & META_OUTER) && !fragment_is_allowed(m, meta)) {
		icmp_error(w, m, ICMP_ERROR_TOO_BIG, adjacency->mtu);
		worker_drop(w, m, DROP_IP_TOO_BIG);
		return;
	}

	uint16_t n = fragment_packet(w, m, mtu, parts);

	for (uint16_t i = 0; i < n; i++)
		ip_output_frame(w, parts[i], adjacency, l2);
}

void ip_output(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	const struct adjacency *adjacency = NULL;
	const struct adjacency_l2 *l2 = NULL;
	const struct path_table *paths = path_table(w->dp);
	uint16_t least = paths == NULL ? UINT16_MAX : paths->least, limit = 0;
	uint32_t index = ADJACENCY_NONE;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const struct meta *meta = meta_of(m);

		/* most bursts have one next hop */
		if (unlikely(meta->adjacency != index)) {
			index = meta->adjacency;
			adjacency = adjacency_at(w->adjacencies, index);
			l2 = adjacency_l2(adjacency);
			limit = RTE_MIN(adjacency->mtu, least);
		}
		if (unlikely(l2 == NULL)) {
			outer_checksum_finish(m);
			punt_unresolved(w, m);
		} else if (unlikely(m->pkt_len > limit)) {
			ip_output_long(w, m, meta, adjacency, l2, paths);
		} else {
			ip_output_frame(w, m, adjacency, l2);
		}
	}
}
