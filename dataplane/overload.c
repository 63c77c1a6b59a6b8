/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * More than a worker can do: control traffic is kept, data is dropped early.
 */
#include "overload.h"
#include "l2tp_input.h"

#include <rte_ethdev.h>

#include <netinet/in.h>

#define L2TP_PORT     1701
#define NATT_PORT     4500
#define TPID_8021Q    0x8100
#define TPID_8021AD   0x88a8
#define PRECEDENCE_IC 6 /* internetwork control: CS6 */

/* ---- what a frame is ---- */

/* The outer IP packet: bytes that are there for sure, and what its header says. */
struct outer {
	const uint8_t *ip, *end;
	const struct iface *iface;
	uint32_t length;
	uint8_t family, protocol, precedence;
};

/* Network protocols are 0x00xx, compressed ones odd; LCP, authentication and NCPs begin at 0x8000. */
static bool ppp_is_control(const uint8_t *p, const uint8_t *end)
{
	if (end - p >= 2 && p[0] == 0xff && p[1] == 0x03)
		p += 2;
	return end - p >= 2 && (p[0] & 0x81) == 0x80;
}

static bool esp_may_be_control(uint8_t precedence, uint8_t family, uint32_t length)
{
	return precedence >= PRECEDENCE_IC ||
		length <= OVERLOAD_ESP_SMALL + (family == 4 ? 0u : 20u);
}

/* As l2tp_input has it of what comes in the clear. */
static bool tunnel_is_from(
	const struct tunnel *tunnel, const struct outer *outer, const uint8_t *udp)
{
	const struct tunnel_path *path = &tunnel->path;

	if (path->family != outer->family || path->vrf != outer->iface->vrf ||
		path->sa_group != 0 || path->peer_port != load16(udp))
		return false;
	return outer->family == 4 ? load32(outer->ip + 12) == load32(path->peer)
				  : memcmp(outer->ip + 8, path->peer, 16) == 0;
}

static enum overload_verdict classify_l2tp(
	const struct worker *w, const struct outer *outer, const uint8_t *udp)
{
	const uint8_t *p = udp + 8;
	struct l2tp_header header;
	const struct tunnel *tunnel;

	if (l2tp_header_parse(p, (uint32_t)(outer->end - p), &header) != DROP_NONE)
		return OVERLOAD_DATA;
	tunnel = tunnel_lookup(w->sessions, header.tunnel_id);
	if (tunnel == NULL || header.tunnel_id == 0 || !tunnel_is_from(tunnel, outer, udp))
		return header.flags & L2TP_FLAG_CONTROL ? OVERLOAD_STRANGER : OVERLOAD_DATA;
	if (header.flags & L2TP_FLAG_CONTROL)
		return OVERLOAD_CONTROL;
	return ppp_is_control(p + header.length, outer->end) ? OVERLOAD_CONTROL : OVERLOAD_DATA;
}

/* Only of an SA that there is: anybody can mark what he sends, or keep it short. */
static enum overload_verdict classify_esp(
	const struct worker *w, const struct outer *outer, const uint8_t *esp)
{
	const uint8_t *destination = outer->ip + (outer->family == 4 ? 16 : 24);

	if (outer->end - esp < 4 ||
		!esp_may_be_control(outer->precedence, outer->family, outer->length))
		return OVERLOAD_DATA;
	return sa_lookup(w->sas, outer->iface->vrf, outer->family, destination, load32(esp)) ==
			SA_NONE
		? OVERLOAD_DATA
		: OVERLOAD_CONTROL;
}

static enum overload_verdict classify_udp(
	const struct worker *w, const struct outer *outer, const uint8_t *udp)
{
	uint16_t port;

	if (outer->end - udp < 12 || !(outer->iface->role & IFACE_ACCESS))
		return OVERLOAD_STRANGER;
	port = load_be16(udp + 2);
	if (port == L2TP_PORT)
		return classify_l2tp(w, outer, udp);
	if (port != NATT_PORT || load32(udp + 8) == 0)
		return OVERLOAD_STRANGER;
	return classify_esp(w, outer, udp + 8);
}

static enum overload_verdict classify_ours(
	const struct worker *w, const struct outer *outer, uint32_t header)
{
	const uint8_t *payload = outer->ip + header;

	if (payload > outer->end)
		return OVERLOAD_DATA;
	if (outer->protocol == IPPROTO_UDP)
		return classify_udp(w, outer, payload);
	if (outer->protocol == IPPROTO_ESP && (outer->iface->role & IFACE_ACCESS))
		return classify_esp(w, outer, payload);
	/* RFC 4861, 11.2: a hop limit of 255 is what nobody beyond the link can send */
	if (outer->family == 6 && outer->protocol == IPPROTO_ICMPV6 && outer->ip[7] == 255)
		return OVERLOAD_CONTROL;
	return OVERLOAD_STRANGER;
}

static enum overload_verdict classify_ip(const struct worker *w, struct outer *outer)
{
	const uint8_t *ip = outer->ip;
	uint32_t header;

	if (outer->end - ip < (outer->family == 4 ? 20 : 40))
		return OVERLOAD_DATA;
	if (outer->family == 4) {
		header = (ip[0] & 0x0f) * 4u;
		outer->length = load_be16(ip + 2);
		outer->protocol = ip[9];
		outer->precedence = ip[1] >> 5;
		if ((ip[16] & 0xf0) == 0xe0)
			return OVERLOAD_STRANGER;
		/* pieces of a datagram: a control message is not that long */
		if (header < 20 || (load_be16(ip + 6) & 0x3fff) != 0 ||
			!iface_owns4(outer->iface, load32(ip + 16)))
			return OVERLOAD_DATA;
	} else {
		header = 40;
		outer->length = 40u + load_be16(ip + 4);
		outer->protocol = ip[6];
		outer->precedence = (uint8_t)(load_be16(ip) >> 9 & 7);
		if (ip[24] == 0xff || (ip[24] == 0xfe && (ip[25] & 0xc0) == 0x80))
			return ip[6] == IPPROTO_ICMPV6 && ip[7] == 255 ? OVERLOAD_CONTROL
								       : OVERLOAD_STRANGER;
		if (!iface_owns6(outer->iface, ip + 24))
			return OVERLOAD_DATA;
	}
	return classify_ours(w, outer, header);
}

enum overload_verdict overload_classify(
	const struct worker *w, const struct port *port, struct rte_mbuf *m, uint8_t *iface)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *p = frame + 12;
	struct outer outer = {.end = frame + m->data_len};
	uint16_t type, inner = 0, vlan = 0;

	*iface = INTERFACE_NONE;
	if (outer.end - p < 2)
		return OVERLOAD_DATA;
	type = load_be16(p);
	for (unsigned int tags = 0; type == TPID_8021Q || type == TPID_8021AD; tags++) {
		if (tags == 2 || outer.end - p < 6)
			return OVERLOAD_DATA;
		vlan = inner;
		inner = load_be16(p + 2) & 0x0fff;
		type = load_be16(p + 4);
		p += 4;
	}
	if (inner == 0 && vlan == 0)
		*iface = port->untagged;
	for (unsigned int i = 0; i < port->n_tagged && *iface == INTERFACE_NONE; i++) {
		const struct iface *tagged = &w->ifaces[port->tagged[i]];

		if (tagged->vlan == inner && tagged->outer_vlan == vlan)
			*iface = tagged->index;
	}
	if (*iface == INTERFACE_NONE)
		return OVERLOAD_DATA;
	if (type == RTE_ETHER_TYPE_ARP)
		return OVERLOAD_CONTROL;
	if (type != RTE_ETHER_TYPE_IPV4 && type != RTE_ETHER_TYPE_IPV6)
		return OVERLOAD_DATA;
	outer.iface = &w->ifaces[*iface];
	outer.ip = p + 2;
	outer.family = type == RTE_ETHER_TYPE_IPV4 ? 4 : 6;
	return classify_ip(w, &outer);
}

bool overload_is_control(struct rte_mbuf *m, enum handoff_point point)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *), *end = p + m->data_len;
	const struct meta *meta = meta_of(m);

	if (meta->flags & META_PRIORITY)
		return true;
	if (point == HANDOFF_UPLINK)
		return ppp_is_control(p, end);
	if (point != HANDOFF_SA || (meta->flags & META_OUTER))
		return false;
	/* ESP behind an IP header that classify has seen */
	return p[0] >> 4 == 4 ? esp_may_be_control(p[1] >> 5, 4, m->pkt_len)
			      : esp_may_be_control((uint8_t)(load_be16(p) >> 9 & 7), 6, m->pkt_len);
}

/* ---- a queue ---- */

void overload_prepare(struct dataplane *dp, struct port *port)
{
	static const char *const unseen[] = {"net_pcap", "net_null", "net_ring"};
	enum overload_signal signal = OVERLOAD_BURSTS;

	for (unsigned int i = 0; i < RTE_DIM(unseen); i++)
		if (strcmp(port->driver, unseen[i]) == 0)
			signal = OVERLOAD_UNSEEN;
	if (rte_eth_rx_descriptor_status(port->ethdev, 0, 0) >= 0)
		signal = OVERLOAD_BACKLOG;
	port->overload = (uint8_t)signal;
	for (unsigned int i = 0; i < dp->n_workers; i++) {
		struct worker *w = dp->workers[i];

		for (uint8_t k = 0; k < w->n_rx; k++) {
			if (w->rx[k].ethdev != port->ethdev)
				continue;
			w->rx[k].size = port->rx_descriptors;
			w->rx[k].signal = (uint8_t)signal;
			w->rx[k].fill = signal == OVERLOAD_BACKLOG ? OVERLOAD_FILL : BURST;
		}
	}
}

static inline bool overload_is_beyond(const struct rx_queue *rx, unsigned int quarters)
{
	return rte_eth_rx_descriptor_status(rx->ethdev, rx->queue,
		       (uint16_t)(rx->size / 4u * quarters)) == RTE_ETH_RX_DESC_DONE;
}

/*
 * The rule under load: data of a session in an untagged IPv4 frame, whoever it is for. A few loads of one line decide
 * about it, since what is not dropped faster than a worker works need not be dropped.
 */
static inline bool overload_is_plain_data(const uint8_t *frame, uint16_t length)
{
	const uint8_t *ppp;
	uint16_t flags;

	/* EtherType, version 4 and no options; no fragment, UDP; port 1701 */
	if (length < 56 || (load32(frame + 12) & RTE_BE32(0xffffff00)) != RTE_BE32(0x08004500) ||
		(load32(frame + 20) & RTE_BE32(0x3fff00ff)) != RTE_BE32(IPPROTO_UDP) ||
		load16(frame + 36) != RTE_BE16(L2TP_PORT))
		return false;
	flags = load_be16(frame + 42);
	if ((flags & ~L2TP_FLAG_LENGTH) != 2)
		return false;
	ppp = frame + 48 + (flags & L2TP_FLAG_LENGTH ? 2 : 0);
	if (load16(ppp) == RTE_BE16(0xff03))
		ppp += 2;
	return (ppp[0] & 0x81) != 0x80;
}

/* What a look at the burst leaves. Of the dropped ones most are in one segment of their own. */
struct overload_burst {
	struct rte_mbuf *kept[2 * BURST], *data[BURST];
	uint16_t n_kept, n_data;
};

/* Goes back into the pool by its bulk function: one segment, its data in it. */
static inline bool overload_is_own(const struct worker *w, const struct rte_mbuf *m)
{
	return m->nb_segs == 1 && m->pool == w->pool &&
		(m->ol_flags & (RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT)) == 0;
}

static void overload_look(struct worker *w, const struct port *port, struct rte_mbuf **pkts,
	uint16_t n, struct overload_burst *burst)
{
	uint64_t plain = 0, plain_bytes = 0;
	uint16_t strangers = 0;
	bool untagged = port->untagged != INTERFACE_NONE;

	burst->n_data = 0;
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], const uint8_t *));
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint8_t iface;

		if (likely(untagged && overload_is_own(w, m) &&
			    overload_is_plain_data(
				    rte_pktmbuf_mtod(m, const uint8_t *), m->data_len))) {
			plain++;
			plain_bytes += m->data_len;
			burst->data[burst->n_data++] = m;
			continue;
		}

		enum overload_verdict verdict = overload_classify(w, port, m, &iface);

		if (verdict == OVERLOAD_CONTROL ||
			(verdict == OVERLOAD_STRANGER && strangers++ < OVERLOAD_STRANGERS)) {
			burst->kept[burst->n_kept++] = m;
			continue;
		}
		if (iface != INTERFACE_NONE) {
			w->stats.iface[iface].rx_packets++;
			w->stats.iface[iface].rx_bytes += m->pkt_len;
		}
		if (likely(overload_is_own(w, m))) {
			burst->data[burst->n_data++] = m;
			continue;
		}
		worker_drop(w, m, DROP_OVERLOAD);
	}
	w->stats.drops[DROP_OVERLOAD] += burst->n_data;
	/* fresh from the device: one segment, nobody else's */
	if (burst->n_data > 0)
		rte_mempool_put_bulk(w->pool, (void **)burst->data, burst->n_data);
	if (plain > 0) {
		w->stats.iface[port->untagged].rx_packets += plain;
		w->stats.iface[port->untagged].rx_bytes += plain_bytes;
	}
}

static void overload_shed(struct worker *w, struct rx_queue *rx)
{
	const struct port *port = &w->ports[w->dp->port_of_ethdev[rx->ethdev]];
	struct overload_burst burst = {.n_kept = 0};
	struct rte_mbuf *pkts[BURST];
	uint32_t seen = 0;
	uint16_t n;

	w->stats.overloads++;
	do {
		n = rte_eth_rx_burst(rx->ethdev, rx->queue, pkts, BURST);
		seen += n;
		overload_look(w, port, pkts, n, &burst);
		/* a few of each burst make one burst in the end */
		if (burst.n_kept >= BURST) {
			worker_receive(w, rx->ethdev, burst.kept, BURST);
			burst.n_kept -= BURST;
			memcpy(burst.kept, burst.kept + BURST, burst.n_kept * sizeof(pkts[0]));
		}
	} while (n >= rx->fill && seen < rx->size &&
		(rx->signal == OVERLOAD_BURSTS || overload_is_beyond(rx, OVERLOAD_LOW)));
	if (burst.n_kept > 0)
		worker_receive(w, rx->ethdev, burst.kept, burst.n_kept);
	rx->full = 0;
}

void overload_poll(struct worker *w, struct rx_queue *rx)
{
	switch (rx->signal) {
	case OVERLOAD_BACKLOG:
		if (overload_is_beyond(rx, OVERLOAD_HIGH))
			overload_shed(w, rx);
		return;
	case OVERLOAD_BURSTS:
		if (rx->full * (uint32_t)BURST > OVERLOAD_ROW * rx->size)
			overload_shed(w, rx);
		return;
	default:
		rx->full = 0;
	}
}
