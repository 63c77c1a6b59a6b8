/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a frame is: Ethernet, tags and outer IP header into metadata and a class.
 */
#pragma once

#include "worker.h"

enum packet_class {
	CLASS_L2TP, /* UDP 1701 to us: data at the outer IP header, tail cut off by the UDP length */
	CLASS_ESP, /* native or in UDP 4500, to us: data at the outer IP header; IPv6: no extensions */
	CLASS_IP,       /* to be forwarded: data at the IP header, unchecked; meta.inner_family */
	CLASS_FRAGMENT, /* of a UDP datagram or ESP packet to us: data at Ethernet */
	CLASS_MAX
};

/*
 * Survivors have meta.iface, vrf, cls, l2_length, l3_length and, for L2TP and ESP, l2tp_offset. What is for the
 * kernel has been punted, the rest dropped. The burst is one device's (w->rx_port); w->rx_classes says which classes
 * are among the survivors.
 *
 * The UDP checksum of L2TP is not looked at here. Zero or set, both are accepted; what the device
 * verified and found wrong is dropped; in software it is verified for control messages only
 * (l2tp_input): on data it would touch every byte for what the inner checksums tell anyway.
 */
uint16_t classify(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/* The same for what reassembly made whole; its frames have been counted as received. */
uint16_t classify_reassembled(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
