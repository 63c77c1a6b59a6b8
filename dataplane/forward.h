/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The forwarding decision, one for both directions: destination to target, target to its next stage.
 */
#pragma once

#include "worker.h"

#include <rte_hash_crc.h>

/* One packet of a flow always takes the same way: addresses, not ports, which fragments lack. */
static inline uint32_t ip_flow_hash(const uint8_t *ip, bool v4)
{
	return v4 ? rte_hash_crc(ip + 12, 8, 0) : rte_hash_crc(ip + 8, 32, 0);
}

/*
 * Packets with data at a checked IP header, meta.vrf, inner_family, and META_UPLINK with meta.session
 * where they come from a subscriber. Takes them all: to the session of a subscriber (hairpin included),
 * out of an interface, to the kernel, or dropped with the ICMP error that RFC 1812 wants. Their TTL is
 * one less afterwards, unless META_LOCAL says that they were made here.
 */
void forward(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/* Packets that this worker made (ICMP errors) are routed; within one turn of the loop. */
void forward_local_out(struct worker *w);
