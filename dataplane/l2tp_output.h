/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Encapsulation from a session's template, and the way to the LAC.
 */
#pragma once

#include "l2tp_input.h"
#include "worker.h"

/* What must be free in front of a packet: the template, an Ethernet header with two tags. */
#define OUTER_HEADROOM (SESSION_TEMPLATE_MAX + 24)

/*
 * length is 35..64, so that two blocks of 32 that may overlap cover it: no loop, no call. dst has room for
 * length bytes only.
 */
static inline void template_copy(uint8_t *dst, const uint8_t *src, uint32_t length)
{
	memcpy(dst, src, 32);
	memcpy(dst + length - 32, src + length - 32, 32);
}

/*
 * Of an IPv4 header from a template: total length, DSCP, identification, checksum. What was just copied there is not
 * read again, the words come from the template.
 */
static inline void template_finish4(const struct session *session, uint8_t *p, uint32_t total,
	uint8_t traffic_class, uint16_t id)
{
	uint64_t head = load64(session->template);
	uint32_t tail = load32(session->template + 8), sum = session->template_sum;
	uint32_t tos = (uint32_t)(traffic_class & 0xfc) << 8;
	uint16_t length = __builtin_bswap16((uint16_t)total);

	id = __builtin_bswap16(id);
	sum += tos + length + id;
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	head |= tos | (uint64_t)length << 16 | (uint64_t)id << 32;
	tail |= (uint32_t)(uint16_t)~sum << 16;
	memcpy(p, &head, sizeof(head));
	memcpy(p + 8, &tail, sizeof(tail));
}

/*
 * What differs from packet to packet in the headers at p, of a packet of total bytes. DSCP goes outward,
 * ECN does not: the far end of a tunnel cannot be trusted to bring congestion marks back in (RFC 6040, 4.1,
 * compatibility mode).
 */
static inline void outer_finish(struct worker *w, struct session *session, uint8_t *p,
	uint32_t total, uint8_t traffic_class)
{
	uint32_t l3 = session->template_l3;
	uint8_t bits = session->template[session->template_l2tp]; /* the first octet of flags */

	if (likely(l3 == 20)) {
		/* may be fragmented on its way: unique for a while (RFC 6864) over all workers */
		template_finish4(session, p, total, traffic_class, worker_ip_id(w));
	} else {
		p[0] = 0x60 | traffic_class >> 4;
		p[1] = (uint8_t)((traffic_class & 0x0c) << 4);
		store_be16(p + 4, (uint16_t)(total - l3));
	}
	store_be16(p + l3 + 4, (uint16_t)(total - l3));
	if (unlikely(bits & (L2TP_FLAG_LENGTH | L2TP_FLAG_SEQUENCE) >> 8)) {
		uint8_t *ids = p + session->template_l2tp + 2;

		if (bits & L2TP_FLAG_LENGTH >> 8) {
			store_be16(ids, (uint16_t)(total - session->template_l2tp));
			ids += 2;
		}
		if (bits & L2TP_FLAG_SEQUENCE >> 8) {
			store_be16(ids + 4, session->state.ns++);
			store_be16(ids + 6, session->state.nr);
		}
	}
}

/*
 * The session's owner: inner IP packets into L2TP. Survivors have data at the outer IP header, META_OUTER,
 * meta.tunnel_id; the UDP checksum is still zero. Counted for the session.
 */
uint16_t l2tp_output(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/* The same for one PPP frame of the control plane (its own address, control and protocol), CS6. */
bool l2tp_output_frame(struct worker *w, struct rte_mbuf *m, struct session *session);
/*
 * Takes them all: the UDP checksum where wanted, then to the tunnel's SAs, or out by the next hop, which is
 * looked up once per tunnel and turn.
 */
void outer_send(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/* Where a tunnel's packets go, for the rest of this turn. */
void outer_resolve(struct worker *w, struct outer_memo *memo, uint16_t tunnel_id);
static inline const struct outer_memo *outer_memo(struct worker *w, uint16_t tunnel_id)
{
	struct outer_memo *memo = &w->outer[tunnel_id % OUTER_MEMOS];

	if (unlikely(memo->turn != w->turn || memo->tunnel_id != tunnel_id))
		outer_resolve(w, memo, tunnel_id);
	return memo;
}
/* What the FIB says of a peer, one member of a group for all of a flow. */
uint32_t outer_target(
	const struct worker *w, uint16_t vrf, uint8_t family, const uint8_t *peer, uint32_t flow);
/* Fills in the UDP checksum that a device was to make, for a packet that goes elsewhere. */
void outer_checksum_finish(struct rte_mbuf *m);
