/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ESP from a LAC (RFC 4303, RFC 3948), up to the L2TP header inside it (RFC 3193).
 */
#pragma once

#include "worker.h"

/*
 * Packets as classify left them, data at the outer IP header, meta.l2tp_offset at the ESP header. Survivors
 * are authentic, from the SA's peer, and UDP for port 1701 as l2tp_input takes it: data at an IP header in
 * one segment, meta.l3_length and l2tp_offset of it, meta.sa and sa_group. They are in the order in which
 * they came, whatever their SAs. Packets of other workers' SAs are handed off.
 */
uint16_t esp_input(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/* The same for packets from another worker: meta.sa and sa_generation, this worker should be the owner. */
uint16_t esp_input_handed(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
