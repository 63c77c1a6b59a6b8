/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast lane between workers: from who received a packet to its session's owner, and on from there.
 */
#include "classify.h"
#include "handoff.h"
#include "lane_up.h"

/* PPP, and half of an inner IPv4 header. */
#define HANDED_LEAST (4 + 20)

void lane_hand_over(struct worker *w, const struct lane_up *up, struct rte_mbuf **pkts,
	const struct iface *iface, const struct lane_rest *rest)
{
	uint64_t taken = 0, bytes = 0;

	for (unsigned int i = 0; i < up->n_foreign; i++) {
		const struct lane_foreign *foreign = &up->foreign[i];
		struct rte_mbuf *m = pkts[foreign->place];
		struct meta *meta = meta_of(m);
		uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

		if (foreign->place >= rest->end)
			break;
		taken++;
		bytes += m->pkt_len;
		if (iface != NULL) {
			*meta = iface->blank;
			meta->cls = CLASS_L2TP;
			meta->l3_length = 20;
			meta->arrival = w->id;
			m->port = w->rx_port->ethdev;
			data += up->l2_length;
		}
		meta->l2tp_offset = (uint16_t)(foreign->ppp - data);
		meta->tunnel_id = foreign->session->tunnel_id;
		meta->session_id = foreign->session->session_id;
		meta->session = foreign->session->index;
		meta->generation = foreign->generation;
		meta->has_ns = 0;
		meta->flags |= META_UPLINK;
		m->data_off = (uint16_t)(foreign->ppp - (uint8_t *)m->buf_addr);
		m->data_len = (uint16_t)foreign->length;
		m->pkt_len = foreign->length;
		handoff(w, m, foreign->owner, HANDOFF_UPLINK);
	}
	if (iface != NULL) {
		w->stats.iface[iface->index].rx_packets += taken;
		w->stats.iface[iface->index].rx_bytes += bytes;
	}
}

/* Handed over by others: they are still what they were. */
static __rte_always_inline unsigned int up_handed(struct worker *w, struct lane_up *up,
	struct rte_mbuf **pkts, uint16_t n, struct lane_rest *rest)
{
	unsigned int k = 0;

	for (unsigned int i = 0; i < n; i++) {
		const struct meta *meta = meta_of(pkts[i]);

		up->session[i] = session_at(w->sessions, meta->session);
		up->ppp[i] = rte_pktmbuf_mtod(pkts[i], uint8_t *);
		rte_prefetch0(up->session[i]);
		rte_prefetch0(&up->session[i]->counters);
		rte_prefetch0(up->ppp[i]);
	}
	for (unsigned int i = 0; i < n; i++) {
		const struct rte_mbuf *m = pkts[i];
		const struct meta *meta = meta_of(pkts[i]);
		struct session *session = up->session[i];

		if (unlikely(!session_is(session, meta->generation))) {
			rest->apart |= 1ull << i;
			continue;
		}
		if (unlikely(m->nb_segs != 1 || m->data_len < HANDED_LEAST || meta->has_ns)) {
			rest->end = i;
			break;
		}
		up->place[k] = (uint8_t)i;
		up->ppp[k] = up->ppp[i];
		up->length[k] = m->data_len;
		up->ids[k] = meta->tunnel_id | (uint32_t)meta->session_id << 16;
		up->session[k++] = session;
	}
	return k;
}

uint16_t lane_uplink_handed(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct lane_rest rest = {.end = n};
	struct lane_up up;
	unsigned int k;

	if (unlikely(!w->lanes))
		return n;
	k = up_handed(w, &up, pkts, n, &rest);
	up_owned(w, &up, pkts, k, NULL, true, &rest);
	return lane_rest_pack(&rest, pkts, n);
}
