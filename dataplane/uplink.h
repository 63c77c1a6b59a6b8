/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way of a packet from a subscriber: the order of the stages and nothing else.
 */
#pragma once

#include "worker.h"

/* L2TP as classify found it. */
void uplink_burst(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/* ESP as classify found it. */
void uplink_esp_burst(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/* From another worker: ESP, data at the outer IP header, meta.sa and sa_generation. */
void uplink_esp_handed(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/* From another worker: data at the PPP frame, meta.session and generation. */
void uplink_handed(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/* Outer fragments that this worker puts together, data at Ethernet. */
void uplink_fragments(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
