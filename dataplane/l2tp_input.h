/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The L2TP header of what LACs send (RFC 2661, 3.1), up to the owner of the session.
 */
#pragma once

#include "worker.h"

/*
 * Packets with data at the outer IP header and meta.l2tp_offset. Survivors: data packets of sessions
 * that this worker owns, data at the PPP frame, meta.session and generation set. Control messages have
 * been punted, packets of other workers' sessions handed off.
 */
uint16_t l2tp_input(struct worker *w, struct rte_mbuf **pkts, uint16_t n);

/* What stands in a header. */
struct l2tp_header {
	uint16_t flags, tunnel_id, session_id, ns;
	uint16_t length;  /* of the header with its padding */
	uint32_t payload; /* bytes behind it */
};
#define L2TP_FLAG_CONTROL  0x8000
#define L2TP_FLAG_LENGTH   0x4000
#define L2TP_FLAG_SEQUENCE 0x0800
#define L2TP_FLAG_OFFSET   0x0200
#define L2TP_VERSION_MASK  0x000f
/* Reads the header from room bytes. DROP_NONE, or why it is dropped. */
int l2tp_header_parse(const uint8_t *p, uint32_t room, struct l2tp_header *header);

/* The owner, for sessions with SESSION_EXPECT_SEQ: true if ns has passed (RFC 2661, 5.4). */
static inline bool l2tp_is_late(struct session *session, uint16_t ns)
{
	if ((int16_t)(uint16_t)(ns - session->state.nr) < 0)
		return true;
	session->state.nr = (uint16_t)(ns + 1);
	return false;
}

/* Where the tunnel keeps the index of this session. */
static inline const uint32_t *l2tp_slot(const struct tunnel *tunnel, uint16_t session_id)
{
	uintptr_t slots = __atomic_load_n(&tunnel->slots, __ATOMIC_RELAXED);

	return (const uint32_t *)(slots & ~TUNNEL_SLOTS_BITS) +
		(session_id & ((1u << (slots & TUNNEL_SLOTS_BITS)) - 1));
}

/* The sender's address and port are the tunnel's peer. */
static inline bool l2tp_is_peer(
	const struct tunnel *tunnel, const struct meta *meta, const uint8_t *ip)
{
	const struct tunnel_path *path = &tunnel->path;
	uint32_t differs = (uint32_t)load16(ip + meta->l3_length) ^ path->peer_port;

	differs |= (uint32_t)path->vrf ^ meta->vrf;
	if (likely(ip[0] >> 4 == 4)) {
		differs |= path->family ^ 4u;
		differs |= load32(ip + 12) ^ load32(path->peer);
		return differs == 0;
	}
	differs |= path->family ^ 6u;
	return differs == 0 && memcmp(ip + 8, path->peer, 16) == 0;
}
