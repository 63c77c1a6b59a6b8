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

/* Where a frame belongs by its tags. */
struct frame_l2 {
	uint8_t iface;  /* index */
	uint8_t length; /* of the Ethernet header with its tags */
	uint16_t type;  /* EtherType behind them, host order */
};

/* IEEE 802.1Q or 802.1ad; host order. */
static inline bool frame_is_tag(uint16_t type)
{
	return type == 0x8100 || type == 0x88a8;
}

/*
 * room: bytes at frame, at least an Ethernet header. DROP_NONE and *l2, or why the frame is dropped. Whether the
 * interface is up is not looked at.
 */
int frame_l2_of(const struct worker *w, const struct port *port, const uint8_t *frame,
	uint32_t room, struct frame_l2 *l2);

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
