/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets for the control core: three rings by priority, each bounded.
 */
#include "punt.h"

#include <netinet/in.h>

static const uint8_t punt_rings[PUNT_KINDS] = {
	[PUNT_L2TP_KNOWN] = PUNT_RING_KNOWN,
	[PUNT_PPP] = PUNT_RING_KNOWN,
	[PUNT_L2TP_UNKNOWN] = PUNT_RING_UNKNOWN,
	[PUNT_FRAME] = PUNT_RING_EXCEPTION,
	[PUNT_LOCAL] = PUNT_RING_EXCEPTION,
	[PUNT_UNRESOLVED] = PUNT_RING_EXCEPTION,
};

static const struct {
	unsigned int size;
	enum drop_reason full;
} punt_limits[PUNT_RINGS] = {
	[PUNT_RING_KNOWN] = {4096, DROP_PUNT_KNOWN_FULL},
	[PUNT_RING_UNKNOWN] = {512, DROP_PUNT_UNKNOWN_FULL},
	[PUNT_RING_EXCEPTION] = {1024, DROP_PUNT_EXCEPTION_FULL},
};

unsigned int punt_ring_size(enum punt_ring ring)
{
	return punt_limits[ring].size;
}

static void punt_flush_ring(struct worker *w, enum punt_ring ring)
{
	struct ring_buffer *buffer = &w->punt[ring];
	uint16_t sent = (uint16_t)rte_ring_sp_enqueue_burst(
		buffer->ring, (void **)buffer->pkts, buffer->n, NULL);

	worker_drop_all(w, buffer->pkts + sent, buffer->n - sent, punt_limits[ring].full);
	buffer->n = 0;
}

/*
 * ARP and neighbour discovery: without them the next hops are lost, and with them everything. A hop limit
 * of 255 (RFC 4861, 11.2) is what nobody beyond the link can send.
 */
static bool punt_is_neighbour(const struct rte_mbuf *m)
{
	uint32_t l2 = meta_of((struct rte_mbuf *)(uintptr_t)m)->l2_length;
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

	if (load_be16(frame + l2 - 2) == RTE_ETHER_TYPE_ARP)
		return true;
	return load_be16(frame + l2 - 2) == RTE_ETHER_TYPE_IPV6 && m->data_len > l2 + 40 &&
		frame[l2 + 6] == IPPROTO_ICMPV6 && frame[l2 + 7] == 255 && frame[l2 + 40] >= 133 &&
		frame[l2 + 40] <= 137;
}

/* How full its ring may be for this packet to be taken, in eighths. */
static unsigned int punt_share(const struct rte_mbuf *m, enum punt_kind kind)
{
	switch (kind) {
	case PUNT_PPP:
		return 6;
	case PUNT_LOCAL:
	case PUNT_UNRESOLVED:
		return 4;
	case PUNT_FRAME:
		return punt_is_neighbour(m) ? 8 : 6;
	default:
		return 8;
	}
}

/* The kernel sees the interface, not its VLAN: a TAP carries no tags. */
static void punt_untag(struct rte_mbuf *m)
{
	struct meta *meta = meta_of(m);
	uint16_t tags = meta->l2_length - RTE_ETHER_HDR_LEN;
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

	if (likely(tags == 0))
		return;
	memmove(frame + tags, frame, RTE_ETHER_HDR_LEN - sizeof(uint16_t));
	packet_adj(m, tags);
	meta->l2_length = RTE_ETHER_HDR_LEN;
}

void punt(struct worker *w, struct rte_mbuf *m, enum punt_kind kind)
{
	enum punt_ring ring = (enum punt_ring)punt_rings[kind];
	struct ring_buffer *buffer = &w->punt[ring];

	unsigned int share = punt_share(m, kind);

	if (share < 8 &&
		unlikely(rte_ring_count(buffer->ring) + buffer->n >=
			punt_limits[ring].size / 8 * share)) {
		worker_drop(w, m, punt_limits[ring].full);
		return;
	}
	if (kind == PUNT_FRAME)
		punt_untag(m);
	meta_of(m)->kind = (uint8_t)kind;
	w->stats.punts[kind]++;
	buffer->pkts[buffer->n++] = m;
	if (buffer->n == BURST)
		punt_flush_ring(w, ring);
}

void punt_of_session(
	struct worker *w, struct rte_mbuf *m, struct session *session, enum punt_kind kind)
{
	bool ppp = kind == PUNT_PPP;
	struct session_punt_bucket *bucket = ppp ? &session->state.punt_ppp
						 : &session->state.punt_local;
	uint64_t price = ppp ? w->punt_ppp_price : w->punt_local_price;

	/* a new session's bucket, all zero, is full: the clock is far from zero */
	if (token_take(&bucket->last, &bucket->tokens, price,
		    price * (ppp ? PUNT_PPP_BURST : PUNT_LOCAL_BURST), w->now)) {
		punt(w, m, kind);
		return;
	}
	session->state.up_drops++;
	worker_drop(w, m, DROP_PUNT_SESSION_RATE);
}

/* Where it leaves: what we encapsulated may be of a subscriber of another VRF than its LAC's. */
static uint16_t punt_outer_vrf(const struct worker *w, const struct meta *meta)
{
	if (meta->adjacency == ADJACENCY_NONE)
		return w->ifaces[meta->iface].vrf;
	return w->ifaces[adjacency_at(w->adjacencies, meta->adjacency)->iface].vrf;
}

void punt_unresolved(struct worker *w, struct rte_mbuf *m)
{
	struct meta *meta = meta_of(m);

	/* it comes back as INJECT_IP, as it is: whatever ESP there is to do has been done */
	meta->sa_group = 0;
	if (meta->flags & META_OUTER)
		meta->vrf = punt_outer_vrf(w, meta);
	if (token_bucket_take(&w->unresolved_tokens, w->now))
		punt(w, m, PUNT_UNRESOLVED);
	else
		worker_drop(w, m, DROP_NEIGHBOUR_UNRESOLVED);
}

void punt_flush(struct worker *w)
{
	for (unsigned int ring = 0; ring < PUNT_RINGS; ring++)
		if (w->punt[ring].n > 0)
			punt_flush_ring(w, (enum punt_ring)ring);
}
