/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Out of an interface: its MTU, the Ethernet header of the next hop, the transmit buffer.
 */
#pragma once

#include "worker.h"

/*
 * Packets with data at an IP header and meta.adjacency; takes them all. Too large: an outer packet
 * (META_OUTER) is always fragmented, we are its source; others by the rules for routers.
 */
void ip_output(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
