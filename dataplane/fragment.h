/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cutting IP packets to an MTU, by rte_ip_frag.
 */
#pragma once

#include "worker.h"

#define FRAGMENTS_MAX \
	128 /* of one packet: 65,535 bytes at the least MTU that an interface may have */

/* IPv4 without DF: RFC 791. A router fragments no IPv6 (RFC 8200, 5). */
static inline bool fragment_is_allowed(const struct rte_mbuf *m, const struct meta *meta)
{
	return meta->inner_family == 4 &&
		!(load_be16(rte_pktmbuf_mtod_offset(m, const uint8_t *, 6)) & 0x4000);
}

/*
 * Cuts m, which is consumed, into parts of at most mtu bytes, each with m's metadata, in one segment
 * and with its checksum set; data at the IP header. An outer IPv6 packet, of which this box is the
 * source, is cut too. 0: could not be done, m dropped and counted.
 */
uint16_t fragment_packet(
	struct worker *w, struct rte_mbuf *m, uint16_t mtu, struct rte_mbuf *parts[FRAGMENTS_MAX]);
