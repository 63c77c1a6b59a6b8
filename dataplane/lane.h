/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast lane: the packets that nearly all are, from device to device in a few passes over the burst.
 *
 * A lane looks, and only when it knows that nothing about a packet is out of the ordinary does it change anything:
 * whatever it does not take leaves it as it came, and goes the way through the stages, which know all cases. What it
 * takes comes out the same, byte for byte and counter for counter, as the stages would have made it.
 *
 * Order: a packet that is left over may be overtaken by those behind it in the burst only if that cannot be seen,
 * since it is dropped, punted, or belongs to a session of which the lane takes nothing. Any other ends the lane: the
 * rest of the burst takes the stages too.
 *
 * The lane does not write the packets' metadata, but for those that go on into ESP, or to the session's owner.
 */
#pragma once

#include "port.h"
#include "worker.h"

#include <immintrin.h>

/*
 * Frames of w->rx_port as the device gave them. Takes what is ordinary, of one interface, that of the first frame; the
 * rest is left in front, in its order, its number returned. n is not 0.
 */
uint16_t lane_uplink(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
uint16_t lane_downlink(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/*
 * The same behind classify or ESP, for what the above do not look into. Data at the outer
 * IP header with meta.l2tp_offset; at the IP header to be forwarded. n is not 0.
 */
uint16_t lane_uplink_inner(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
uint16_t lane_downlink_inner(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/* What another worker handed over to the session's owner: data at the PPP frame, meta.session and generation. */
uint16_t lane_uplink_handed(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/* Likewise, data at the IP header, TTL spent. */
uint16_t lane_downlink_handed(struct worker *w, struct rte_mbuf **pkts, uint16_t n);

/* So many interfaces of a burst's may have their frames taken by the lanes; those of the others take the stages. */
#define LANE_PASSES 4

/* Which packets of a burst are left over. */
struct lane_rest {
	uint64_t apart;   /* bit by place in the burst: left over alone */
	unsigned int end; /* from here on, all */
};

static inline uint16_t lane_rest_pack(
	const struct lane_rest *rest, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t kept = 0;

	if (likely(rest->apart == 0 && rest->end >= n))
		return 0;
	for (uint16_t i = 0; i < n; i++)
		if (i >= rest->end || rest->apart >> i & 1)
			pkts[kept++] = pkts[i];
	return kept;
}

/* Of less, nothing is forwarded: Ethernet and an IPv4 header. */
#define LANE_LEAST (RTE_ETHER_HDR_LEN + 20)

/* How the frames that a lane takes begin: with those of the burst's first. */
struct lane_l2 {
	const struct iface *iface;
	uint32_t length; /* of the Ethernet header with its tags */
	uint64_t tags,
		mask; /* as they stand in memory behind the addresses; priorities are not looked at */
};

/* What has another interface by its tags may be overtaken; not so another spelling of the same (two TPIDs, VLAN 0). */
bool lane_l2_is_other(const struct worker *w, const struct lane_l2 *l2, const struct rte_mbuf *m);
/* A first frame with tags. False: of no interface of that role (IFACE_*) that is up. */
bool lane_l2_tagged(
	const struct worker *w, struct lane_l2 *l2, const struct rte_mbuf *m, uint8_t role);

/* By the burst's first frame. False: the lane takes nothing. */
static inline bool lane_l2_init(
	const struct worker *w, struct lane_l2 *l2, const struct rte_mbuf *m, uint8_t role)
{
	const struct port *port = w->rx_port;

	if (port->n_tagged > 0 || unlikely(port->untagged == INTERFACE_NONE))
		return lane_l2_tagged(w, l2, m, role);
	l2->iface = &w->ifaces[port->untagged];
	l2->length = RTE_ETHER_HDR_LEN;
	l2->tags = l2->mask = 0;
	return (l2->iface->role & role) && __atomic_load_n(&l2->iface->up, __ATOMIC_RELAXED);
}

/* A next hop of this burst's packets; what they add to its interface's counters is noted at the end. */
struct lane_way {
	uint32_t adjacency; /* ADJACENCY_NONE: not looked up */
	bool open;          /* resolved, up, with room for a burst in a queue of our own */
	uint8_t iface;
	uint16_t mtu;
	uint32_t l2_length, l2_middle;
	/* the Ethernet header: from 0, from l2_middle, and its last eight bytes with either EtherType */
	uint64_t l2_first, l2_second, l2_last4, l2_last6;
	struct tx_buffer *tx;
	uint64_t packets, bytes;
};

/* Few packets of a burst have another next hop than the one before; power of two. */
#define LANE_WAYS 8

struct lane_ways {
	struct lane_way ways[LANE_WAYS];
};

static inline void lane_ways_init(struct lane_ways *ways)
{
	for (unsigned int i = 0; i < LANE_WAYS; i++) {
		ways->ways[i].adjacency = ADJACENCY_NONE;
		ways->ways[i].packets = 0;
	}
}

void lane_way_fill(struct worker *w, struct lane_way *way, uint32_t adjacency);
void lane_way_count(struct worker *w, struct lane_way *way);

static inline struct lane_way *lane_way(
	struct worker *w, struct lane_ways *ways, uint32_t adjacency)
{
	struct lane_way *way = &ways->ways[adjacency % LANE_WAYS];

	if (unlikely(way->adjacency != adjacency))
		lane_way_fill(w, way, adjacency);
	return way;
}

static inline void lane_ways_count(struct worker *w, struct lane_ways *ways)
{
	for (unsigned int i = 0; i < LANE_WAYS; i++)
		if (ways->ways[i].packets != 0)
			lane_way_count(w, &ways->ways[i]);
}

/* The packet of length bytes at ip, in m's one segment, leaves. The way is open and has room. */
static __rte_always_inline void lane_send(
	struct lane_way *way, struct rte_mbuf *m, uint8_t *ip, uint32_t length, uint64_t l2_last)
{
	uint8_t *frame = ip - way->l2_length;
	uint32_t bytes = length + way->l2_length;

	memcpy(frame, &way->l2_first, 8);
	memcpy(frame + way->l2_middle, &way->l2_second, 8);
	memcpy(ip - 8, &l2_last, 8);
	m->data_off = (uint16_t)(frame - (uint8_t *)m->buf_addr);
	m->data_len = (uint16_t)bytes;
	m->pkt_len = bytes;
	way->packets++;
	way->bytes += bytes;
	way->tx->pkts[way->tx->n++] = m;
}

/* RFC 1071 over the twenty bytes of an IPv4 header without options: 0xffff if it is right. */
static __rte_always_inline uint16_t lane_ip4_sum(const uint8_t *ip)
{
	unsigned long long sum;
	unsigned char carry;

	carry = _addcarry_u64(0, load64(ip), load64(ip + 8), &sum);
	carry = _addcarry_u64(carry, sum, load32(ip + 16), &sum);
	/* 2^64 is 1 modulo 65535; the sum that a carry came out of has room for it */
	return checksum_fold(sum + carry);
}

/* The steps of a lookup after the first, for addresses of any table; answers into targets. */
static __rte_always_inline void lane_fib4_steps(const struct fib_tree *const *trees,
	const uint32_t *addrs, uint32_t *targets, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (!(targets[i] & FIB_TREE_PAGE))
			continue;
		targets[i] = fib_tree_step(trees[i], targets[i], (uint8_t)(addrs[i] >> 8));
		if (targets[i] & FIB_TREE_PAGE)
			rte_prefetch0(fib_tree_slot(trees[i], targets[i], (uint8_t)addrs[i]));
	}
	for (unsigned int i = 0; i < n; i++)
		if (targets[i] & FIB_TREE_PAGE)
			targets[i] = fib_tree_step(trees[i], targets[i], (uint8_t)addrs[i]);
}
