/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a frame is to a worker that cannot do everything, by its first bytes.
 */
#include "classify.h"
#include "l2tp_input.h"
#include "overload.h"

#include <netinet/in.h>

#define L2TP_PORT     1701
#define NATT_PORT     4500
#define PRECEDENCE_IC 6 /* internetwork control: CS6 */

/* The outer IP packet: bytes that are there for sure, and what its header says. */
struct outer {
	const uint8_t *ip, *end;
	const struct iface *iface;
	uint32_t length, key;
	uint8_t family, protocol, precedence;
};

/* Network protocols are 0x00xx, compressed ones odd; LCP, authentication and NCPs begin at 0x8000. */
static bool ppp_is_control(const uint8_t *p, const uint8_t *end)
{
	if (end - p >= 2 && p[0] == 0xff && p[1] == 0x03)
		p += 2;
	return end - p >= 2 && (p[0] & 0x81) == 0x80;
}

/* Of an SA that there is: MARKED, SMALL or DATA. */
static enum overload_class esp_class(uint8_t precedence, uint8_t family, uint32_t length)
{
	if (precedence >= PRECEDENCE_IC)
		return OVERLOAD_MARKED;
	return length <= OVERLOAD_ESP_SMALL + (family == 4 ? 0u : 20u) ? OVERLOAD_SMALL
								       : OVERLOAD_DATA;
}

static uint32_t source_key(const struct outer *outer)
{
	if (outer->family == 4)
		return load32(outer->ip + 12);
	return load32(outer->ip + 8) ^ load32(outer->ip + 12) * 0x9e3779b1u;
}

static enum overload_class classify_stranger(struct outer *outer)
{
	outer->key = source_key(outer);
	return OVERLOAD_STRANGER;
}

static enum overload_class classify_link(struct outer *outer)
{
	outer->key = outer->iface->index;
	return OVERLOAD_LINK;
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

static bool session_is_there(
	const struct worker *w, const struct tunnel *tunnel, const struct l2tp_header *header)
{
	uint32_t index = session_lookup(tunnel, header->session_id);
	const struct session *session;

	if (index == SESSION_NONE)
		return false;
	session = session_at(w->sessions, index);
	return __atomic_load_n(&session->generation, __ATOMIC_ACQUIRE) != 0 &&
		session->session_id == header->session_id &&
		session->tunnel_id == header->tunnel_id;
}

static enum overload_class classify_l2tp(
	const struct worker *w, struct outer *outer, const uint8_t *udp)
{
	const uint8_t *p = udp + 8;
	struct l2tp_header header;
	const struct tunnel *tunnel;
	bool control;

	if (l2tp_header_parse(p, (uint32_t)(outer->end - p), &header) != DROP_NONE)
		return OVERLOAD_DATA;
	control = header.flags & L2TP_FLAG_CONTROL;
	if (!control && !ppp_is_control(p + header.length, outer->end))
		return OVERLOAD_DATA;
	tunnel = tunnel_lookup(w->sessions, header.tunnel_id);
	if (tunnel == NULL || header.tunnel_id == 0 || !tunnel_is_from(tunnel, outer, udp))
		return control ? classify_stranger(outer) : OVERLOAD_DATA;
	outer->key = header.tunnel_id;
	if (control)
		return OVERLOAD_L2TP;
	outer->key = overload_session_key(header.tunnel_id, header.session_id);
	return session_is_there(w, tunnel, &header) ? OVERLOAD_PPP : OVERLOAD_DATA;
}

/* Only of an SA that there is: anybody can mark what he sends, or keep it short. */
static enum overload_class classify_esp(
	const struct worker *w, struct outer *outer, const uint8_t *esp)
{
	const uint8_t *destination = outer->ip + (outer->family == 4 ? 16 : 24);
	enum overload_class class = esp_class(outer->precedence, outer->family, outer->length);

	if (class == OVERLOAD_DATA || outer->end - esp < 4)
		return OVERLOAD_DATA;
	outer->key = load32(esp);
	return sa_lookup(w->sas, outer->iface->vrf, outer->family, destination, outer->key) ==
			SA_NONE
		? OVERLOAD_DATA
		: class;
}

static enum overload_class classify_udp(
	const struct worker *w, struct outer *outer, const uint8_t *udp)
{
	uint16_t port;

	if (outer->end - udp < 12 || !(outer->iface->role & IFACE_ACCESS))
		return classify_stranger(outer);
	port = load_be16(udp + 2);
	if (port == L2TP_PORT)
		return classify_l2tp(w, outer, udp);
	if (port != NATT_PORT || load32(udp + 8) == 0)
		return classify_stranger(outer);
	return classify_esp(w, outer, udp + 8);
}

static enum overload_class classify_ours(
	const struct worker *w, struct outer *outer, uint32_t header)
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
		return classify_link(outer);
	return classify_stranger(outer);
}

static enum overload_class classify_ip(const struct worker *w, struct outer *outer)
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
			return classify_stranger(outer);
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
			return ip[6] == IPPROTO_ICMPV6 && ip[7] == 255 ? classify_link(outer)
								       : classify_stranger(outer);
		if (!iface_owns6(outer->iface, ip + 24))
			return OVERLOAD_DATA;
	}
	return classify_ours(w, outer, header);
}

enum overload_class overload_classify(const struct worker *w, const struct port *port,
	struct rte_mbuf *m, uint8_t *iface, uint32_t *key)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct outer outer = {.end = frame + m->data_len};
	enum overload_class class = OVERLOAD_DATA;
	struct frame_l2 l2;

	*iface = INTERFACE_NONE;
	*key = 0;
	if (m->data_len < RTE_ETHER_HDR_LEN ||
		frame_l2_of(w, port, frame, m->data_len, &l2) != DROP_NONE)
		return OVERLOAD_DATA;
	*iface = l2.iface;
	outer.iface = &w->ifaces[l2.iface];
	outer.ip = frame + l2.length;
	outer.family = l2.type == RTE_ETHER_TYPE_IPV4 ? 4 : 6;
	if (l2.type == RTE_ETHER_TYPE_IPV4 || l2.type == RTE_ETHER_TYPE_IPV6)
		class = classify_ip(w, &outer);
	else if (l2.type == RTE_ETHER_TYPE_ARP)
		class = classify_link(&outer);
	*key = outer.key;
	return class;
}

enum overload_class overload_classify_handed(
	struct rte_mbuf *m, enum handoff_point point, uint32_t *key)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *), *end = p + m->data_len;
	const struct meta *meta = meta_of(m);

	*key = 0;
	if (meta->flags & META_PRIORITY)
		return OVERLOAD_CLASSES;
	if (point == HANDOFF_UPLINK) {
		*key = overload_session_key(meta->tunnel_id, meta->session_id);
		return ppp_is_control(p, end) ? OVERLOAD_PPP : OVERLOAD_DATA;
	}
	if (point != HANDOFF_SA || (meta->flags & META_OUTER))
		return OVERLOAD_DATA;
	/* ESP behind an IP header that classify has seen */
	*key = load32(p + meta->l2tp_offset);
	return p[0] >> 4 == 4 ? esp_class(p[1] >> 5, 4, m->pkt_len)
			      : esp_class((uint8_t)(load_be16(p) >> 9 & 7), 6, m->pkt_len);
}
