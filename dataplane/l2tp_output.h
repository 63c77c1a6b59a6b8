/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Encapsulation from a session's template, and the way to the LAC.
 */
#pragma once

#include "worker.h"

/*
 * The session's owner: inner IP packets into L2TP. Survivors have data at the outer IP header, META_OUTER,
 * meta.tunnel_id; the UDP checksum is still zero. Counted for the session.
 */
uint16_t l2tp_output(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/* The same for one PPP frame of the control plane (its own address, control and protocol), CS6. */
bool l2tp_output_frame(struct worker *w, struct rte_mbuf *m, struct session *session);
/*
 * The next hop of each outer packet, looked up once per tunnel and turn; the UDP checksum where wanted.
 * Survivors have meta.adjacency.
 */
uint16_t outer_route(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/* Fills in the UDP checksum that a device was to make, for a packet that goes elsewhere. */
void outer_checksum_finish(struct rte_mbuf *m);
