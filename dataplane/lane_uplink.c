/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast lane of plain L2TP from a subscriber: IPv4 from the LAC, a data header without options, an IP packet inside
 * that leaves by an interface.
 */
#include "classify.h"
#include "l2tp_input.h"
#include "lane_pattern.h"
#include "lane_up.h"

#include <netinet/in.h>

#define L2TP_PORT 1701

enum { FRAME_L2TP = FRAME_UDP + 8, FRAME_PPP = FRAME_L2TP + 6 };
/* The least that is looked at: header with length, PPP, half of an inner IPv4 header. */
#define FRAME_LEAST (FRAME_PPP + 2 + 4 + 20)

#define INNER_LEAST (FRAME_LEAST - FRAME_L2TP)

/* All that is before PPP but MAC addresses and ids. */
static void pattern_make(
	struct lane_pattern *pattern, const struct lane_l2 *l2, uint32_t our_address)
{
	uint8_t *value = (uint8_t *)pattern->value, *mask = (uint8_t *)pattern->mask;

	lane_pattern_ip4(pattern, l2, our_address, IPPROTO_UDP);
	lane_pattern_port(pattern, L2TP_PORT);
	store_be16(value + FRAME_L2TP, 2);
	store_be16(mask + FRAME_L2TP, 0xffff & ~L2TP_FLAG_LENGTH);
}

/*
 * A frame that the lane does not take: may those behind it overtake it? Not if it may be of a session whose other
 * packets the lane takes, and be forwarded.
 */
static __rte_noinline bool frame_is_apart(
	const struct worker *w, const struct lane_l2 *l2, const struct rte_mbuf *m)
{
	uint32_t tags = l2->length - RTE_ETHER_HDR_LEN;
	const uint8_t *frame = rte_pktmbuf_mtod_offset(m, const uint8_t *, tags);

	if (lane_l2_is_other(w, l2, m) || m->data_len < LANE_LEAST)
		return true;
	/* other tags that mean the same */
	if (((load64(frame + 12 - tags) ^ l2->tags) & l2->mask) != 0)
		return false;
	if (m->data_len < FRAME_L2TP + 2 + tags)
		return true;
	if (load16(frame + 12) != RTE_BE16(RTE_ETHER_TYPE_IPV4))
		return !frame_is_tag(load_be16(frame + 12));
	if (frame[FRAME_IP] != 0x45)
		return false;
	return frame[FRAME_IP + 9] != IPPROTO_UDP ||
		(load_be16(frame + FRAME_IP + 6) & 0x3fff) != 0 ||
		load_be16(frame + FRAME_UDP + 2) != L2TP_PORT ||
		(frame[FRAME_L2TP] & L2TP_FLAG_CONTROL >> 8) != 0;
}

/* The device's word on the outer checksums, as classify takes it. False: one is wrong. */
static __rte_always_inline bool frame_checksums(
	const struct port *port, const struct rte_mbuf *m, const uint8_t *ip)
{
	if (port->rx_udp_checksum &&
		unlikely((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_BAD))
		return false;
	return lane_ip4_checked(port, m, ip);
}

/* Outer headers; tunnels' slots fetched. */
static __rte_always_inline unsigned int up_headers(struct worker *w, struct lane_up *up,
	struct rte_mbuf **pkts, uint16_t n, const struct lane_l2 *l2, uint32_t our_address,
	struct lane_rest *rest)
{
	const struct port *port = w->rx_port;
	const uint64_t mac = port->mac_word;
	const uint32_t tags = l2->length - RTE_ETHER_HDR_LEN;
	const union {
		struct tunnel_path path;
		uint64_t word;
	} plain = {{.family = 4, .vrf = l2->iface->vrf, .sa_group = 0}};
	const uint64_t plain_mask =
		~UINT64_C(0xff00); /* the byte between family and VRF is nothing */
	struct lane_pattern pattern;
	unsigned int k = 0;

	pattern_make(&pattern, l2, our_address);
	for (unsigned int i = 0; i < n; i++) {
		const struct rte_mbuf *m = pkts[i];
		uint8_t *frame = rte_pktmbuf_mtod_offset(m, uint8_t *, tags);

		if (unlikely(m->data_len < FRAME_LEAST + tags || m->nb_segs != 1 ||
			    (load64(frame - tags) & MAC_WORD_MASK) != mac ||
			    !lane_pattern_matches(&pattern, frame) ||
			    !frame_checksums(port, m, frame + FRAME_IP))) {
			/* the burst is of another kind, likely: what does not fit costs one look */
			if (i > 0 && frame_is_apart(w, l2, m)) {
				rest->apart |= 1ull << i;
				continue;
			}
			rest->end = i;
			break;
		}

		uint32_t total = load_be16(frame + FRAME_IP + 2),
			 udp = load_be16(frame + FRAME_UDP + 4);
		/* with a length field, which then is UDP's, the rest of the header stands two bytes later */
		uint32_t shift = (frame[FRAME_L2TP] & L2TP_FLAG_LENGTH >> 8) >> 5;
		const uint8_t *l2tp = frame + FRAME_L2TP + shift;

		if (unlikely(total + FRAME_IP + tags > m->data_len || udp + 20 != total ||
			    total + FRAME_IP < FRAME_LEAST ||
			    (shift != 0 && load_be16(l2tp) + 8u != udp))) {
			rest->end = i;
			break;
		}

		uint32_t tunnel_id = load_be16(l2tp + 2), session_id = load_be16(l2tp + 4);
		const struct tunnel *tunnel = tunnel_lookup(w->sessions, (uint16_t)tunnel_id);
		uint64_t differs;

		if (unlikely(tunnel == NULL)) {
			rest->apart |= 1ull << i;
			continue;
		}
		differs = (load64(&tunnel->path) ^ plain.word) & plain_mask;
		differs |= load32(tunnel->path.peer) ^ load32(frame + FRAME_IP + 12);
		differs |= (uint64_t)tunnel->path.peer_port ^ load16(frame + FRAME_UDP);
		if (unlikely(differs != 0)) {
			rest->apart |= 1ull << i;
			continue;
		}
		up->place[k] = (uint8_t)i;
		up->ppp[k] = frame + FRAME_PPP + shift;
		up->length[k] = total - (FRAME_PPP - FRAME_IP) - shift;
		up->ids[k] = tunnel_id | session_id << 16;
		up->slot[k] = l2tp_slot(tunnel, (uint16_t)session_id);
		rte_prefetch0(up->slot[k]);
		k++;
	}
	return k;
}

/*
 * The same of what has come through classify, or out of ESP: data at the outer IP header, which is checked, behind
 * which UDP's is, and nothing behind UDP's end.
 */
static __rte_always_inline unsigned int up_headers_inner(struct worker *w, struct lane_up *up,
	struct rte_mbuf **pkts, uint16_t n, struct lane_rest *rest)
{
	unsigned int k = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const struct meta *meta = meta_of(m);
		uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *), *l2tp = ip + meta->l2tp_offset;
		uint32_t room = m->data_len - (uint32_t)meta->l2tp_offset;
		uint32_t shift;

		if (unlikely(m->nb_segs != 1 || m->data_len < meta->l2tp_offset + INNER_LEAST ||
			    (load16(l2tp) & RTE_BE16(0xffff & ~L2TP_FLAG_LENGTH)) != RTE_BE16(2))) {
			if (i > 0 && m->data_len > meta->l2tp_offset &&
				(l2tp[0] & L2TP_FLAG_CONTROL >> 8) != 0) {
				rest->apart |= 1ull << i;
				continue;
			}
			rest->end = i;
			break;
		}
		shift = (l2tp[0] & L2TP_FLAG_LENGTH >> 8) >> 5;
		if (unlikely(shift != 0 && load_be16(l2tp + 2) != room)) {
			rest->end = i;
			break;
		}
		l2tp += shift;

		uint32_t tunnel_id = load_be16(l2tp + 2), session_id = load_be16(l2tp + 4);
		const struct tunnel *tunnel = tunnel_lookup(w->sessions, (uint16_t)tunnel_id);

		if (unlikely(tunnel == NULL || !l2tp_is_peer(tunnel, meta, ip) ||
			    tunnel->path.sa_group != meta->sa_group)) {
			rest->apart |= 1ull << i;
			continue;
		}
		up->place[k] = (uint8_t)i;
		up->ppp[k] = l2tp + 6;
		up->length[k] = room - 6 - shift;
		up->ids[k] = tunnel_id | session_id << 16;
		up->slot[k] = l2tp_slot(tunnel, (uint16_t)session_id);
		rte_prefetch0(up->slot[k]);
		k++;
	}
	return k;
}

/* Slots into sessions, fetched. */
static __rte_always_inline unsigned int up_sessions(
	struct worker *w, struct lane_up *up, unsigned int n, struct lane_rest *rest)
{
	unsigned int k = 0;

	for (unsigned int i = 0; i < n; i++) {
		uint32_t index = __atomic_load_n(up->slot[i], __ATOMIC_ACQUIRE);

		if (unlikely(index == SESSION_NONE)) {
			rest->apart |= 1ull << up->place[i];
			continue;
		}

		struct session *session = session_at(w->sessions, index);

		rte_prefetch0(session);
		rte_prefetch0(&session->counters);
		up->session[k] = session;
		up->place[k] = up->place[i];
		up->ppp[k] = up->ppp[i];
		up->length[k] = up->length[i];
		up->ids[k] = up->ids[i];
		k++;
	}
	return k;
}

/* From the slots on. */
static __rte_always_inline void up_rest(struct worker *w, struct lane_up *up,
	struct rte_mbuf **pkts, unsigned int k, const struct iface *iface, struct lane_rest *rest)
{
	k = up_sessions(w, up, k, rest);
	up_owned(w, up, pkts, k, iface, false, rest);
	if (up->n_foreign > 0)
		lane_hand_over(w, up, pkts, iface, rest);
}

static __rte_always_inline uint16_t up_burst(
	struct worker *w, struct rte_mbuf **pkts, uint16_t n, const struct lane_l2 *l2)
{
	const struct iface *iface = l2->iface;
	const struct iface_addresses *own = __atomic_load_n(&iface->addresses, __ATOMIC_ACQUIRE);
	struct lane_rest rest = {.end = n};
	struct lane_up up;
	uint32_t our_address;
	unsigned int k;

	/* to another address of ours: the stages */
	if (own->n4 == 0)
		return n;
	lane_fetch(pkts, n);
	our_address = lane_our_address(iface, own, l2, pkts[0]);
	up.l2_length = l2->length;
	k = up_headers(w, &up, pkts, n, l2, our_address, &rest);
	up_rest(w, &up, pkts, k, iface, &rest);
	return lane_rest_pack(&rest, pkts, n);
}

uint16_t lane_uplink(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct lane_l2 l2;

	if (!w->lanes || !lane_l2_init(w, &l2, pkts[0], IFACE_ACCESS))
		return n;
	if (lane_esp_begins(&l2, pkts[0]))
		return lane_esp(w, pkts, n, &l2);
	if (likely(l2.mask == 0)) { /* a loop of its own, in which the offsets are constants */
		l2.length = RTE_ETHER_HDR_LEN;
		return up_burst(w, pkts, n, &l2);
	}
	return up_burst(w, pkts, n, &l2);
}

uint16_t lane_uplink_inner(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct lane_rest rest = {.end = n};
	struct lane_up up;
	unsigned int k;

	if (unlikely(!w->lanes))
		return n;
	k = up_headers_inner(w, &up, pkts, n, &rest);
	up_rest(w, &up, pkts, k, NULL, &rest);
	return lane_rest_pack(&rest, pkts, n);
}
