/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a frame is: Ethernet, tags and outer IP header into metadata and a class.
 */
#include "classify.h"
#include "punt.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include <netinet/in.h>

#define L2TP_PORT      1701
#define NATT_PORT      4500
#define ESP_HEADER_MIN 8 /* SPI and sequence number */
#define EXTENSIONS_MAX 8 /* IPv6 extension headers looked through; a real sender has none */

enum verdict { VERDICT_KEEP = -1, VERDICT_PUNT = -2 }; /* or a drop reason */

int frame_l2_of(const struct worker *w, const struct port *port, const uint8_t *frame,
	uint32_t room, struct frame_l2 *l2)
{
	uint16_t type = load_be16(frame + 12), outer = 0, inner = 0;

	l2->length = RTE_ETHER_HDR_LEN;
	l2->iface = port->untagged;
	for (unsigned int tags = 0; frame_is_tag(type); tags++) {
		if (tags == 2)
			return DROP_RX_VLAN_UNKNOWN;
		if (room < l2->length + 4u)
			return DROP_RX_TRUNCATED;
		outer = inner;
		inner = load_be16(frame + l2->length) & 0x0fff;
		type = load_be16(frame + l2->length + 2);
		l2->length += 4;
	}
	l2->type = type;
	/* a lone priority tag (802.1Q, VLAN 0) is no VLAN */
	if (inner == 0 && outer == 0)
		return l2->iface == INTERFACE_NONE ? DROP_RX_VLAN_UNKNOWN : DROP_NONE;
	for (unsigned int i = 0; i < port->n_tagged; i++) {
		const struct iface *iface = &w->ifaces[port->tagged[i]];

		if (iface->vlan == inner && iface->outer_vlan == outer) {
			l2->iface = iface->index;
			return DROP_NONE;
		}
	}
	return DROP_RX_VLAN_UNKNOWN;
}

/* ESP to us, its header length bytes behind the IP header, whose length is in meta. */
static int classify_esp(
	struct rte_mbuf *m, struct meta *meta, uint32_t udp, uint32_t length, uint8_t protocol)
{
	uint32_t l3 = meta->l3_length;
	uint8_t *ip;

	meta->cls = CLASS_ESP;
	packet_adj(m, meta->l2_length);
	packet_trim(m, l3 + udp + length);
	ip = rte_pktmbuf_mtod(m, uint8_t *);
	/* what stands between an IPv6 header and ESP has done its work: decryption wants none of it */
	if (unlikely(ip[0] >> 4 == 6 && l3 > sizeof(struct rte_ipv6_hdr))) {
		uint16_t extensions = (uint16_t)(l3 - sizeof(struct rte_ipv6_hdr));

		memmove(ip + extensions, ip, sizeof(struct rte_ipv6_hdr));
		packet_adj(m, extensions);
		ip += extensions;
		l3 = sizeof(struct rte_ipv6_hdr);
		ip[6] = protocol;
		store_be16(ip + 4, (uint16_t)(udp + length));
		meta->l3_length = (uint16_t)l3;
	}
	meta->l2tp_offset = (uint16_t)(l3 + udp);
	return VERDICT_KEEP;
}

/* RFC 3948, 2: four zero bytes are the kernel's IKE, a lone 0xff keeps a NAT's mapping, the rest is ESP. */
static __rte_noinline int classify_natt(
	struct rte_mbuf *m, struct meta *meta, const uint8_t *udp, uint32_t room)
{
	const uint8_t *payload = udp + sizeof(struct rte_udp_hdr);
	uint32_t length = load_be16(udp + 4);

	if (length < sizeof(struct rte_udp_hdr) || length > room)
		return DROP_OUTER_UDP_LENGTH;
	length -= sizeof(struct rte_udp_hdr);
	if (length == 1 && payload[0] == 0xff)
		return DROP_NATT_KEEPALIVE;
	if (length < 4)
		return DROP_NATT_SHORT;
	if (load32(payload) == 0)
		return VERDICT_PUNT;
	if (length < ESP_HEADER_MIN)
		return DROP_NATT_SHORT;
	/* whatever the UDP checksum says: a NAT may have left it wrong, and ESP knows better */
	return classify_esp(m, meta, sizeof(struct rte_udp_hdr), length, IPPROTO_UDP);
}

/* A UDP datagram to us: L2TP and ESP stay, the rest is the kernel's. */
static __rte_always_inline int classify_udp(const struct port *port, struct rte_mbuf *m,
	struct meta *meta, const struct iface *iface, const uint8_t *udp, uint32_t room)
{
	if (!(iface->role & IFACE_ACCESS) || room < sizeof(struct rte_udp_hdr))
		return VERDICT_PUNT;
	if (load_be16(udp + 2) != L2TP_PORT)
		return load_be16(udp + 2) == NATT_PORT ? classify_natt(m, meta, udp, room)
						       : VERDICT_PUNT;

	uint32_t length = load_be16(udp + 4);

	if (length < sizeof(struct rte_udp_hdr) || length > room)
		return DROP_OUTER_UDP_LENGTH;
	if (port->rx_udp_checksum &&
		unlikely((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) ==
			RTE_MBUF_F_RX_L4_CKSUM_BAD) &&
		load16(udp + 6) != 0)
		return DROP_OUTER_UDP_CHECKSUM;
	meta->cls = CLASS_L2TP;
	meta->l2tp_offset = meta->l3_length + sizeof(struct rte_udp_hdr);
	packet_adj(m, meta->l2_length);
	packet_trim(m, meta->l3_length + length);
	return VERDICT_KEEP;
}

static __rte_always_inline int classify_ip4(struct worker *w, const struct port *port,
	struct rte_mbuf *m, struct meta *meta, const uint8_t *ip, uint32_t room)
{
	const struct iface *iface = &w->ifaces[meta->iface];

	if (unlikely(room < sizeof(struct rte_ipv4_hdr)))
		return DROP_RX_TRUNCATED;

	uint32_t destination = load32(ip + 16);

	if (!iface_owns4(iface, destination)) {
		/* multicast and broadcast: routing protocols and the like */
		if (unlikely((ip[16] & 0xf0) == 0xe0 || destination == UINT32_MAX))
			return VERDICT_PUNT;
		if (unlikely(!(iface->role & IFACE_CORE)))
			return DROP_RX_ROLE;
		meta->cls = CLASS_IP;
		meta->inner_family = 4;
		packet_adj(m, meta->l2_length);
		return VERDICT_KEEP;
	}

	uint32_t header = (ip[0] & 0x0f) * 4u, total = load_be16(ip + 2);

	if (unlikely(ip[0] >> 4 != 4 || header < 20 || total < header || total > room))
		return DROP_OUTER_IP_HEADER;
	if (port->rx_ip_checksum &&
		(m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) != RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN) {
		if (unlikely((m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) ==
			    RTE_MBUF_F_RX_IP_CKSUM_BAD))
			return DROP_OUTER_IP_CHECKSUM;
	} else if (unlikely(ip4_header_sum(ip, header) != 0xffff)) {
		return DROP_OUTER_IP_CHECKSUM;
	}
	meta->l3_length = (uint16_t)header;
	if (unlikely((load_be16(ip + 6) & 0x3fff) != 0)) { /* MF or an offset */
		if (!w->reassembly || !(iface->role & IFACE_ACCESS) ||
			(ip[9] != IPPROTO_UDP && ip[9] != IPPROTO_ESP))
			return VERDICT_PUNT;
		meta->cls = CLASS_FRAGMENT;
		packet_trim(m, meta->l2_length + total);
		return VERDICT_KEEP;
	}
	if (likely(ip[9] == IPPROTO_UDP))
		return classify_udp(port, m, meta, iface, ip + header, total - header);
	if (ip[9] == IPPROTO_ESP && (iface->role & IFACE_ACCESS))
		return total - header < ESP_HEADER_MIN
			? DROP_ESP_TRUNCATED
			: classify_esp(m, meta, 0, total - header, IPPROTO_ESP);
	return VERDICT_PUNT;
}

static int classify_ip6(struct worker *w, const struct port *port, struct rte_mbuf *m,
	struct meta *meta, const uint8_t *ip, uint32_t room)
{
	const struct iface *iface = &w->ifaces[meta->iface];
	const uint8_t *destination = ip + 24;

	if (unlikely(room < sizeof(struct rte_ipv6_hdr)))
		return DROP_RX_TRUNCATED;
	if (!iface_owns6(iface, destination)) {
		/* multicast (ND, routing protocols) and link-local: the kernel knows */
		if (unlikely(destination[0] == 0xff ||
			    (destination[0] == 0xfe && (destination[1] & 0xc0) == 0x80)))
			return VERDICT_PUNT;
		if (unlikely(!(iface->role & IFACE_CORE)))
			return DROP_RX_ROLE;
		meta->cls = CLASS_IP;
		meta->inner_family = 6;
		packet_adj(m, meta->l2_length);
		return VERDICT_KEEP;
	}

	uint32_t total = sizeof(struct rte_ipv6_hdr) + load_be16(ip + 4);
	uint32_t offset = sizeof(struct rte_ipv6_hdr);
	uint8_t next = ip[6];

	if (unlikely(ip[0] >> 4 != 6 || total > room || total == offset))
		return DROP_OUTER_IP_HEADER;
	for (unsigned int i = 0; i < EXTENSIONS_MAX; i++) {
		if (likely(next == IPPROTO_UDP)) {
			meta->l3_length = (uint16_t)offset;
			return classify_udp(port, m, meta, iface, ip + offset, total - offset);
		}
		if (next == IPPROTO_ESP && (iface->role & IFACE_ACCESS)) {
			meta->l3_length = (uint16_t)offset;
			return total - offset < ESP_HEADER_MIN
				? DROP_ESP_TRUNCATED
				: classify_esp(m, meta, 0, total - offset, IPPROTO_ESP);
		}
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_DSTOPTS && next != IPPROTO_ROUTING &&
			next != IPPROTO_FRAGMENT)
			return VERDICT_PUNT;
		if (offset + 8 > total)
			return DROP_OUTER_IP_HEADER;
		if (next == IPPROTO_FRAGMENT && (load_be16(ip + offset + 2) & 0xfff9) != 0) {
			if (!w->reassembly || !(iface->role & IFACE_ACCESS) ||
				(ip[offset] != IPPROTO_UDP && ip[offset] != IPPROTO_ESP))
				return VERDICT_PUNT;
			meta->l3_length = (uint16_t)(offset + 8);
			meta->cls = CLASS_FRAGMENT;
			packet_trim(m, meta->l2_length + total);
			return VERDICT_KEEP;
		}
		/* an atomic fragment (RFC 6946) is a whole packet: its header is stepped over */
		uint32_t length = next == IPPROTO_FRAGMENT ? 8 : 8u + 8u * ip[offset + 1];

		next = ip[offset];
		offset += length;
		if (offset > total || offset > PACKET_HEAD_OUTER - 64)
			return DROP_OUTER_IP_HEADER;
	}
	return VERDICT_PUNT;
}

/* Any frame: tags, other EtherTypes, addresses that are not ours. */
static __rte_noinline int classify_frame(
	struct worker *w, struct rte_mbuf *m, struct meta *meta, bool received)
{
	const struct port *port = &w->ports[w->dp->port_of_ethdev[m->port]];
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct frame_l2 l2;

	if (unlikely(m->data_len < RTE_ETHER_HDR_LEN))
		return DROP_RX_TRUNCATED;
	if (unlikely(m->nb_segs > 1 && m->data_len < RTE_MIN(m->pkt_len, PACKET_HEAD_OUTER)))
		return DROP_RX_TRUNCATED;

	int reason = frame_l2_of(w, port, frame, m->data_len, &l2);

	if (unlikely(reason != DROP_NONE))
		return reason;

	const struct iface *iface = &w->ifaces[l2.iface];
	uint8_t arrival = received ? w->id : meta->arrival;

	*meta = iface->blank;
	meta->l2_length = l2.length;
	meta->arrival = arrival;
	if (received) {
		w->stats.iface[meta->iface].rx_packets++;
		w->stats.iface[meta->iface].rx_bytes += m->pkt_len;
	}
	if (unlikely(!__atomic_load_n(&iface->up, __ATOMIC_RELAXED)))
		return DROP_TX_IFACE_DOWN;
	/* af_packet, replayed captures and promiscuous devices show frames of others */
	if (unlikely(memcmp(frame, port->mac.addr_bytes, RTE_ETHER_ADDR_LEN) != 0)) {
		if (!(frame[0] & 1))
			return DROP_RX_NOT_FOR_US;
		/* RFC 1812, 5.3.4: what came as a link-layer broadcast is never forwarded */
		return l2.type == RTE_ETHER_TYPE_IPV4 || l2.type == RTE_ETHER_TYPE_IPV6 ||
				l2.type == RTE_ETHER_TYPE_ARP
			? VERDICT_PUNT
			: DROP_RX_ETHERTYPE;
	}

	const uint8_t *ip = frame + l2.length;
	uint32_t room = m->pkt_len - l2.length;

	switch (l2.type) {
	case RTE_ETHER_TYPE_IPV4:
		return classify_ip4(w, port, m, meta, ip, room);
	case RTE_ETHER_TYPE_IPV6:
		return classify_ip6(w, port, m, meta, ip, room);
	case RTE_ETHER_TYPE_ARP:
		return VERDICT_PUNT;
	default:
		return DROP_RX_ETHERTYPE;
	}
}

/* The rule: an untagged IP packet in one segment, to our MAC address. */
static inline bool classify_is_plain(const struct rte_mbuf *m, const struct port *port)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	uint16_t ether_type;

	if (unlikely(m->data_len < RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr)))
		return false;
	ether_type = load16(frame + 12);
	return m->nb_segs == 1 && (load64(frame) & MAC_WORD_MASK) == port->mac_word &&
		(likely(ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4)) ||
			ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV6));
}

static inline uint16_t classify_finish(struct worker *w, struct rte_mbuf **pkts, uint16_t kept,
	struct rte_mbuf *m, const struct meta *meta, int verdict)
{
	if (likely(verdict == VERDICT_KEEP)) {
		w->rx_classes |= 1u << meta->cls;
		pkts[kept++] = m;
	} else if (verdict == VERDICT_PUNT) {
		punt(w, m, PUNT_FRAME);
	} else {
		worker_drop(w, m, (enum drop_reason)verdict);
	}
	return kept;
}

uint16_t classify(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	const struct port *port = w->rx_port;
	/* a device without an untagged interface, or with one that is down, has no plain frames */
	const struct iface *iface = port->untagged == INTERFACE_NONE ? NULL
								     : &w->ifaces[port->untagged];
	uint64_t plain = 0, plain_bytes = 0;
	uint16_t kept = 0;

	if (iface != NULL && !__atomic_load_n(&iface->up, __ATOMIC_RELAXED))
		iface = NULL;
	w->rx_classes = 0;
	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *frame = rte_pktmbuf_mtod(pkts[i], const uint8_t *);

		rte_prefetch0(meta_of(pkts[i]));
		rte_prefetch0(frame);
		rte_prefetch0(frame + 64);
	}
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct meta *meta = meta_of(m);
		int verdict;

		m->port = port->ethdev; /* not every driver writes it */
		if (likely(iface != NULL && classify_is_plain(m, port))) {
			const uint8_t *ip =
				rte_pktmbuf_mtod_offset(m, const uint8_t *, RTE_ETHER_HDR_LEN);
			uint32_t room = m->data_len - (uint32_t)RTE_ETHER_HDR_LEN;

			*meta = iface->blank;
			meta->arrival = w->id;
			plain++;
			plain_bytes += m->pkt_len;
			if (likely(load16(ip - 2) == RTE_BE16(RTE_ETHER_TYPE_IPV4)))
				verdict = classify_ip4(w, port, m, meta, ip, room);
			else
				verdict = classify_ip6(w, port, m, meta, ip, room);
		} else {
			verdict = classify_frame(w, m, meta, true);
		}
		kept = classify_finish(w, pkts, kept, m, meta, verdict);
	}
	if (plain > 0) {
		w->stats.iface[port->untagged].rx_packets += plain;
		w->stats.iface[port->untagged].rx_bytes += plain_bytes;
	}
	return kept;
}

uint16_t classify_reassembled(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct meta *meta = meta_of(pkts[i]);

		kept = classify_finish(
			w, pkts, kept, pkts[i], meta, classify_frame(w, pkts[i], meta, false));
	}
	return kept;
}
