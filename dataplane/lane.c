/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast lane's ways in and out: interfaces by tags, and next hops, looked up once per burst.
 */
#include "lane.h"
#include "classify.h"

bool lane_l2_is_other(const struct worker *w, const struct lane_l2 *l2, const struct rte_mbuf *m)
{
	struct frame_l2 other;

	return m->data_len < RTE_ETHER_HDR_LEN ||
		frame_l2_of(w, w->rx_port, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len,
			&other) != DROP_NONE ||
		other.iface != l2->iface->index;
}

bool lane_l2_tagged(
	const struct worker *w, struct lane_l2 *l2, const struct rte_mbuf *m, uint8_t role)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct frame_l2 first;
	uint8_t tags[8] = {0}, mask[8] = {0};

	if (m->data_len < RTE_ETHER_HDR_LEN ||
		frame_l2_of(w, w->rx_port, frame, m->data_len, &first) != DROP_NONE)
		return false;
	l2->iface = &w->ifaces[first.iface];
	l2->length = first.length;
	for (uint32_t i = 0; i < 8 && i + RTE_ETHER_HDR_LEN < first.length; i++) {
		mask[i] = i % 4 == 2 ? 0x0f : 0xff;
		tags[i] = frame[2 * RTE_ETHER_ADDR_LEN + i] & mask[i];
	}
	l2->tags = load64(tags);
	l2->mask = load64(mask);
	return (l2->iface->role & role) && __atomic_load_n(&l2->iface->up, __ATOMIC_RELAXED);
}

void lane_way_count(struct worker *w, struct lane_way *way)
{
	w->stats.iface[way->iface].tx_packets += way->packets;
	w->stats.iface[way->iface].tx_bytes += way->bytes;
	way->packets = 0;
}

void lane_way_fill(struct worker *w, struct lane_way *way, uint32_t index)
{
	const struct adjacency *adjacency = adjacency_at(w->adjacencies, index);
	const struct adjacency_l2 *l2 = adjacency_l2(adjacency);
	const struct iface *iface = &w->ifaces[adjacency->iface];
	struct tx_buffer *tx = &w->tx[iface->port];
	uint8_t bytes[ADJACENCY_L2_MAX];

	if (way->packets != 0)
		lane_way_count(w, way);
	way->adjacency = index;
	way->open = l2 != NULL && __atomic_load_n(&iface->up, __ATOMIC_RELAXED) &&
		tx->owner == w->id && port_make_room(tx, BURST);
	if (!way->open)
		return;
	way->iface = adjacency->iface;
	way->mtu = __atomic_load_n(&adjacency->mtu, __ATOMIC_RELAXED);
	way->tx = tx;
	way->bytes = 0;
	way->l2_length = l2->length;
	way->l2_middle = RTE_MIN(8u, l2->length - 8u);
	memcpy(bytes, l2->bytes, sizeof(bytes));
	memcpy(&way->l2_first, bytes, 8);
	memcpy(&way->l2_second, bytes + way->l2_middle, 8);
	store_be16(bytes + l2->length - 2, RTE_ETHER_TYPE_IPV6);
	memcpy(&way->l2_last6, bytes + l2->length - 8, 8);
	store_be16(bytes + l2->length - 2, RTE_ETHER_TYPE_IPV4);
	memcpy(&way->l2_last4, bytes + l2->length - 8, 8);
}
