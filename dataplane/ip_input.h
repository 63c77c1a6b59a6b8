/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The checks on an IP packet that is to be forwarded (RFC 1812, 5.2.2; RFC 8200; BCP 38).
 */
#pragma once

#include "worker.h"

/*
 * Packets of this worker's sessions, data at the IP header, meta.inner_family set. Survivors are sane,
 * not longer than they say, sent from an address of the session, admitted by its policy and counted;
 * meta.vrf is the subscriber's. A SYN's MSS is clamped. Link-local IPv6 to us has been punted.
 */
uint16_t ip_input_uplink(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/* The same for packets from the core side: no session, so martian sources are refused instead. */
uint16_t ip_input_downlink(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
