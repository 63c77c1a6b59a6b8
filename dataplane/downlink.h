/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way of a packet to a subscriber: the order of the stages and nothing else.
 */
#pragma once

#include "worker.h"

/* From the core side, data at an unchecked IP header. */
void downlink_burst(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/* The FIB's answer was a session: fetches it. Before downlink_sessions, once for each packet. */
void downlink_target(struct worker *w, struct rte_mbuf *m, uint32_t index);
/* Packets whose target is a session of some worker, meta.session its index. */
void downlink_sessions(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/* From another worker: meta.session and generation, this worker should be the owner. */
void downlink_handed(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
