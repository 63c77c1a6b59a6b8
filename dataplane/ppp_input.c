/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The PPP frame inside: optional address and control, one- or two-byte protocol (RFC 1661, 1662).
 */
#include "ppp_input.h"
#include "l2tp_input.h"
#include "punt.h"

#define PPP_IP   0x0021
#define PPP_IPV6 0x0057

/* Length of what stands in front of the packet, 0 if there is no protocol field. */
static inline uint32_t ppp_header(const uint8_t *p, uint32_t room, uint16_t *protocol)
{
	uint32_t offset = 0;

	if (likely(room >= 4 && load32(p) == rte_cpu_to_be_32(0xff030021))) {
		*protocol = PPP_IP;
		return 4;
	}
	/* both compressions are the sender's choice per packet, whatever was negotiated */
	if (room >= 2 && p[0] == 0xff && p[1] == 0x03)
		offset = 2;
	/* 0xff is reserved (RFC 1661, 2): half an address and control, not a protocol */
	if (room >= offset + 1 && (p[offset] & 1) && p[offset] != 0xff) {
		*protocol = p[offset];
		return offset + 1;
	}
	if (room < offset + 2)
		return 0;
	*protocol = load_be16(p + offset);
	return offset + 2;
}

uint16_t ppp_input(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct meta *meta = meta_of(m);
		struct session *session = session_at(w->sessions, meta->session);
		uint32_t flags = __atomic_load_n(&session->flags, __ATOMIC_ACQUIRE);
		uint32_t length = ppp_header(
			rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &meta->ppp_protocol);

		if (unlikely(flags & SESSION_EXPECT_SEQ) && meta->has_ns &&
			l2tp_is_late(session, meta->ns)) {
			session->state.up_drops++;
			worker_drop(w, m, DROP_L2TP_LATE);
			continue;
		}
		if (unlikely(length == 0)) {
			worker_drop(w, m, DROP_PPP_TRUNCATED);
			continue;
		}
		if (likely(meta->ppp_protocol == PPP_IP && (flags & SESSION_FORWARD4))) {
			meta->inner_family = 4;
		} else if (meta->ppp_protocol == PPP_IPV6 && (flags & SESSION_FORWARD6)) {
			meta->inner_family = 6;
		} else {
			/* RFC 1661, 3.5: network data before the NCP is open is discarded silently */
			if (meta->ppp_protocol == PPP_IP || meta->ppp_protocol == PPP_IPV6) {
				session->state.up_drops++;
				worker_drop(w, m, DROP_PPP_NOT_OPEN);
			} else {
				punt_of_session(w, m, session, PUNT_PPP);
			}
			continue;
		}
		packet_adj(m, (uint16_t)length);
		pkts[kept++] = m;
	}
	return kept;
}
