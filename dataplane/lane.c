/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast lane's ways out: next hops, looked up once per burst.
 */
#include "lane.h"

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
