/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices: their queues, offloads and transmit buffers.
 */
#pragma once

#include "worker.h"

/* Opens the device of each interface (several VLANs may share one). The error names what was wrong. */
int ports_open(
	struct dataplane *dp, const struct dataplane_settings *settings, char *error, size_t size);
int ports_start(struct dataplane *dp, char *error, size_t size);
void ports_stop(struct dataplane *dp);
/* Bytes of packet data that one segment must hold so that every device receives into one. */
uint16_t ports_data_room(const struct dataplane_settings *settings);
/* Which queues are this worker's, and where its frames for the other devices go. */
void ports_assign(struct dataplane *dp, struct worker *w);

/* Appends a frame (data at Ethernet) for an interface; it leaves with the turn's end at the latest. */
static inline void port_send(struct worker *w, uint8_t iface, struct rte_mbuf *m);
/* Offers the buffers to the devices; what they do not take waits, oldest first. */
void port_flush(struct worker *w);

/* Offers one buffer to its device if it has room for less than n frames of data; true if it then has. */
bool port_make_room(struct tx_buffer *tx, uint16_t n);

void port_send_slow(struct worker *w, uint8_t iface, struct rte_mbuf *m);

static inline void port_send(struct worker *w, uint8_t iface_index, struct rte_mbuf *m)
{
	const struct iface *iface = &w->ifaces[iface_index];
	struct tx_buffer *tx = &w->tx[iface->port];

	if (unlikely(!__atomic_load_n(&iface->up, __ATOMIC_RELAXED) || tx->owner != w->id ||
		    m->nb_segs > 1 || tx->n >= TX_DATA)) {
		port_send_slow(w, iface_index, m);
		return;
	}
	w->stats.iface[iface_index].tx_packets++;
	w->stats.iface[iface_index].tx_bytes += m->pkt_len;
	tx->pkts[tx->n++] = m;
}
