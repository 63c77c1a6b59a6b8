/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The L2TP header of what LACs send (RFC 2661, 3.1), up to the owner of the session.
 */
#include "l2tp_input.h"
#include "esp_notice.h"
#include "handoff.h"
#include "punt.h"

#include <rte_ip.h>

#include <netinet/in.h>

int l2tp_header_parse(const uint8_t *p, uint32_t room, struct l2tp_header *header)
{
	if (unlikely(room < 6))
		return DROP_L2TP_TRUNCATED;

	uint16_t flags = load_be16(p);
	uint32_t length = 6 + (flags & L2TP_FLAG_LENGTH ? 2 : 0) +
		(flags & L2TP_FLAG_SEQUENCE ? 4 : 0) + (flags & L2TP_FLAG_OFFSET ? 2 : 0);
	uint32_t total = room;

	if (unlikely((flags & L2TP_VERSION_MASK) != 2))
		return DROP_L2TP_VERSION;
	if (unlikely(length > room))
		return DROP_L2TP_TRUNCATED;
	p += 2;
	if (flags & L2TP_FLAG_LENGTH) {
		/* shorter than the datagram: the rest is padding; longer: something was cut off */
		total = load_be16(p);
		p += 2;
	}
	header->flags = flags;
	header->tunnel_id = load_be16(p);
	header->session_id = load_be16(p + 2);
	p += 4;
	if (flags & L2TP_FLAG_SEQUENCE) {
		header->ns = load_be16(p);
		p += 4;
	}
	if (flags & L2TP_FLAG_OFFSET)
		length += load_be16(p);
	if (unlikely(total > room || length > total))
		return DROP_L2TP_TRUNCATED;
	header->length = (uint16_t)length;
	header->payload = total - length;
	return DROP_NONE;
}

/* RFC 1071 over the pseudo-header and the datagram; zero means that the sender made none. */
static bool l2tp_udp_checksum_valid(const struct rte_mbuf *m, const struct meta *meta)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t length = m->pkt_len - meta->l3_length;
	uint64_t sum = rte_cpu_to_be_16((uint16_t)length) + rte_cpu_to_be_16(IPPROTO_UDP);
	uint16_t payload;

	if (load16(ip + meta->l3_length + 6) == 0)
		return true;
	for (unsigned int i = ip[0] >> 4 == 4 ? 12 : 8; i < (ip[0] >> 4 == 4 ? 20 : 40); i += 2)
		sum += load16(ip + i);
	if (rte_raw_cksum_mbuf(m, meta->l3_length, length, &payload) != 0)
		return false;
	return checksum_fold(sum + payload) == 0xffff;
}

static void l2tp_control(struct worker *w, struct rte_mbuf *m, const struct meta *meta)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct tunnel *tunnel = tunnel_lookup(w->sessions, meta->tunnel_id);

	/* in transport mode behind a NAT the checksum is wrong by design: RFC 3948, 3.1.2 */
	if (meta->sa_group == 0 && !l2tp_udp_checksum_valid(m, meta)) {
		worker_drop(w, m, DROP_OUTER_UDP_CHECKSUM);
		return;
	}
	if (meta->tunnel_id != 0 && tunnel != NULL && l2tp_is_peer(tunnel, meta, ip) &&
		tunnel->path.sa_group == meta->sa_group)
		punt(w, m, PUNT_L2TP_KNOWN);
	else
		punt(w, m, PUNT_L2TP_UNKNOWN);
}

/* Any header but the plain one of six bytes. False: m is gone, punted or dropped. */
static __rte_noinline bool l2tp_header_other(
	struct worker *w, struct rte_mbuf *m, struct meta *meta, const uint8_t *p, uint32_t room)
{
	struct l2tp_header header;
	int reason = l2tp_header_parse(p, room, &header);

	if (unlikely(reason != DROP_NONE)) {
		worker_drop(w, m, (enum drop_reason)reason);
		return false;
	}
	meta->tunnel_id = header.tunnel_id;
	meta->session_id = header.session_id;
	if (header.flags & L2TP_FLAG_CONTROL) {
		l2tp_control(w, m, meta);
		return false;
	}

	uint32_t offset = meta->l2tp_offset + header.length;

	if (unlikely(m->nb_segs > 1 && offset + PACKET_HEAD_INNER > m->data_len)) {
		worker_drop(w, m, DROP_L2TP_TRUNCATED);
		return false;
	}
	meta->has_ns = (header.flags & L2TP_FLAG_SEQUENCE) != 0;
	if (meta->has_ns)
		meta->ns = header.ns;
	meta->l2tp_offset = (uint16_t)offset;
	if (offset + header.payload != m->pkt_len)
		packet_trim(m, offset + header.payload);
	return true;
}

/* Headers into metadata; tunnels fetched. The data stays at the outer IP header. */
static uint16_t l2tp_headers(
	struct worker *w, struct rte_mbuf **pkts, uint16_t n, const struct tunnel **tunnels)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct meta *meta = meta_of(m);
		const uint8_t *p = rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l2tp_offset);
		uint32_t room = m->pkt_len - meta->l2tp_offset;

		if (likely(room >= 6 && load16(p) == RTE_BE16(0x0002) && m->nb_segs == 1)) {
			meta->tunnel_id = load_be16(p + 2);
			meta->session_id = load_be16(p + 4);
			meta->l2tp_offset += 6; /* from here on: where the PPP frame begins */
		} else if (!l2tp_header_other(w, m, meta, p, room)) {
			continue;
		}

		const struct tunnel *tunnel = tunnel_lookup(w->sessions, meta->tunnel_id);

		if (unlikely(tunnel == NULL)) {
			worker_drop(w, m, DROP_L2TP_UNKNOWN_TUNNEL);
			continue;
		}
		rte_prefetch0(tunnel);
		tunnels[kept] = tunnel;
		pkts[kept++] = m;
	}
	return kept;
}

/* By whatever its peer sends, it is not by the tunnel's SAs: the log says whose it should have been. */
static __rte_noinline void l2tp_wrong_sa(
	struct worker *w, struct rte_mbuf *m, const struct tunnel *tunnel)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t sa = tunnel->path.sa_group ? sa_group_outbound(w->sas, tunnel->path.sa_group)
					    : SA_NONE;

	if (sa != SA_NONE && sa_at(w->sas, sa)->family == ip[0] >> 4 && esp_notice_take(w))
		esp_notice_peer(w, sa, ip + (ip[0] >> 4 == 4 ? 12 : 8),
			load16(ip + meta_of(m)->l3_length), DROP_L2TP_WRONG_SA);
	worker_drop(w, m, DROP_L2TP_WRONG_SA);
}

/* The sender is the tunnel's peer; slots fetched. */
static uint16_t l2tp_peers(
	struct worker *w, struct rte_mbuf **pkts, uint16_t n, const struct tunnel **tunnels)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const struct meta *meta = meta_of(m);
		const struct tunnel *tunnel = tunnels[i];

		if (unlikely(!l2tp_is_peer(tunnel, meta, rte_pktmbuf_mtod(m, const uint8_t *)))) {
			worker_drop(w, m, DROP_L2TP_WRONG_PEER);
			continue;
		}
		if (unlikely(tunnel->path.sa_group != meta->sa_group)) {
			l2tp_wrong_sa(w, m, tunnel);
			continue;
		}
		rte_prefetch0(l2tp_slot(tunnel, meta->session_id));
		tunnels[kept] = tunnel;
		pkts[kept++] = m;
	}
	return kept;
}

/* Slots into indices; sessions fetched. */
static uint16_t l2tp_slots(
	struct worker *w, struct rte_mbuf **pkts, uint16_t n, const struct tunnel **tunnels)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct meta *meta = meta_of(pkts[i]);

		meta->session = session_lookup(tunnels[i], meta->session_id);
		if (unlikely(meta->session == SESSION_NONE)) {
			worker_drop(w, pkts[i], DROP_L2TP_UNKNOWN_SESSION);
			continue;
		}

		const struct session *session = session_at(w->sessions, meta->session);

		rte_prefetch0(session);
		rte_prefetch0(&session->counters);
		pkts[kept++] = pkts[i];
	}
	return kept;
}

uint16_t l2tp_input(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	const struct tunnel *tunnels[BURST];
	uint16_t kept = 0;

	n = l2tp_headers(w, pkts, n, tunnels);
	n = l2tp_peers(w, pkts, n, tunnels);
	n = l2tp_slots(w, pkts, n, tunnels);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct meta *meta = meta_of(m);
		const struct session *session = session_at(w->sessions, meta->session);
		uint32_t generation = __atomic_load_n(&session->generation, __ATOMIC_ACQUIRE);
		uint8_t owner = session_owner(session);

		/* the slot is shared by ids equal under the mask: the whole id decides */
		if (unlikely(generation == 0 || session->session_id != meta->session_id ||
			    session->tunnel_id != meta->tunnel_id)) {
			worker_drop(w, m, DROP_L2TP_UNKNOWN_SESSION);
			continue;
		}
		meta->generation = generation;
		meta->flags |= META_UPLINK;
		packet_adj(m, meta->l2tp_offset);
		if (likely(owner == w->id))
			pkts[kept++] = m;
		else
			handoff(w, m, owner, HANDOFF_UPLINK);
	}
	return kept;
}
