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
 * Takes them all: the UDP checksum where wanted, then to the tunnel's SAs, or out by the next hop, which is
 * looked up once per tunnel and turn.
 */
void outer_send(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/* What the FIB says of a peer, one member of a group for all of a flow. */
uint32_t outer_target(
	const struct worker *w, uint16_t vrf, uint8_t family, const uint8_t *peer, uint32_t flow);
/* Fills in the UDP checksum that a device was to make, for a packet that goes elsewhere. */
void outer_checksum_finish(struct rte_mbuf *m);
