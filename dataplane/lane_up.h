/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast lane from a subscriber from where its session is known: PPP, inner header and sender, FIB, out. What comes
 * from a device and what comes from another worker end here.
 */
#pragma once

#include "forward.h"
#include "ip_check.h"
#include "lane.h"
#include "mss.h"
#include "policy.h"

#include <rte_ip.h>

/* PPP in front of a packet as four bytes in memory show it. */
#define PPP_HDLC_IP   RTE_BE32(0xff030021)
#define PPP_HDLC_IPV6 RTE_BE32(0xff030057)
#define PPP_HDLC      RTE_BE16(0xff03)
#define PPP_BARE_IP   RTE_BE16(0x0021)
#define PPP_BARE_IPV6 RTE_BE16(0x0057)

/* A burst between the passes: entry k is the packet that stood at place[k]. */
struct lane_up {
	uint8_t place[BURST];
	uint8_t *ppp[BURST];    /* later: the inner IP header */
	uint32_t length[BURST]; /* from there on; later: of the inner packet */
	uint32_t ids[BURST];    /* tunnel's, session's */
	const uint32_t *slot[BURST];
	struct session *session[BURST];
	const struct fib_tree *tree[BURST];
	uint32_t address[BURST], target[BURST]; /* IPv4: host order */
	/* of IPv6, the lookups that are made together */
	unsigned int n6;
	uint8_t entry6[BURST];
	uint8_t address6[BURST][16];
	/* other workers' */
	uint32_t l2_length; /* of the frames' Ethernet headers, where they are frames still */
	unsigned int n_foreign;
	struct lane_foreign {
		uint8_t place, owner;
		uint32_t generation, length;
		const struct session *session;
		uint8_t *ppp;
	} foreign[BURST];
};

/*
 * Other workers' packets, as l2tp_input hands them over: all up to where the lane ends. iface: that they came in on, if
 * they have no metadata and nobody has counted them; or NULL.
 */
void lane_hand_over(struct worker *w, const struct lane_up *up, struct rte_mbuf **pkts,
	const struct iface *iface, const struct lane_rest *rest);

enum up_verdict { UP_TAKE4, UP_TAKE6, UP_APART, UP_END };

/* The inner IPv4 packet of at most *length bytes; it becomes the packet's own. */
static __rte_always_inline enum up_verdict up_ip4(
	const struct session *session, const uint8_t *ip, uint32_t *length)
{
	uint32_t total = load_be16(ip + 2);

	if (unlikely(ip[0] != 0x45))
		return UP_END; /* options, or dropped */
	if (unlikely(total < 20 || total > *length || lane_ip4_sum(ip) != 0xffff))
		return UP_APART;
	if (unlikely(ip4_is_martian(ip + 16) || ip4_is_multicast(ip + 16) ||
		    ip4_is_link_local(ip + 16) || ip4_is_link_local(ip + 12) || ip[8] <= 1))
		return UP_APART;
	if (unlikely(!session_is_source4(session, load32(ip + 12))))
		return UP_APART;
	*length = total;
	return UP_TAKE4;
}

static __rte_always_inline enum up_verdict up_ip6(
	const struct session *session, const uint8_t *ip, uint32_t *length)
{
	uint32_t total;

	if (unlikely(*length < sizeof(struct rte_ipv6_hdr) || ip[0] >> 4 != 6 || ip[7] <= 1))
		return UP_APART;
	total = (uint32_t)sizeof(struct rte_ipv6_hdr) + load_be16(ip + 4);
	if (unlikely(total > *length || ip[24] == 0xff || ip6_is_link_local(ip + 24) ||
		    ip6_is_link_local(ip + 8) || ip6_is_martian(ip + 24)))
		return UP_APART;
	if (unlikely(!session_is_source6(session, ip + 8)))
		return UP_APART;
	*length = total;
	return UP_TAKE6;
}

/* PPP, inner header and its sender; up->ppp and length become the inner packet's. */
static __rte_always_inline enum up_verdict up_inner(
	const struct session *session, uint8_t **ppp, uint32_t *length)
{
	uint32_t flags = __atomic_load_n(&session->flags, __ATOMIC_ACQUIRE);
	uint32_t head = load32(*ppp), header = 4;
	bool v4 = head == PPP_HDLC_IP, v6 = false;

	if (unlikely(!v4)) {
		v6 = head == PPP_HDLC_IPV6;
		if (!v6) {
			header = 2;
			v4 = (uint16_t)head == PPP_BARE_IP;
			v6 = (uint16_t)head == PPP_BARE_IPV6;
		}
	}
	/* compressed protocol fields may hide either; others are the control plane's */
	if (unlikely(!v4 && !v6))
		return (*ppp)[(uint16_t)head == PPP_HDLC ? 2 : 0] & 1 ? UP_END : UP_APART;
	if (unlikely(!(flags & (v4 ? SESSION_FORWARD4 : SESSION_FORWARD6))))
		return UP_APART;
	*ppp += header;
	*length -= header;
	return likely(v4) ? up_ip4(session, *ppp, length) : up_ip6(session, *ppp, length);
}

/* The session is another worker's, whatever its PPP frame is: by one word of the session's. */
static __rte_noinline void up_foreign(
	struct lane_up *up, unsigned int i, uint64_t who, uint32_t generation)
{
	up->foreign[up->n_foreign++] = (struct lane_foreign){
		.place = up->place[i],
		.owner = (uint8_t)(who >> 48),
		.generation = generation, /* which is a session's: it may be none any more */
		.length = up->length[i],
		.session = up->session[i],
		.ppp = up->ppp[i],
	};
}

/*
 * The sessions are those, this worker's, and so are the senders; lookups begun. handed: by another worker; what is not
 * ours is not handed on from here.
 */
static __rte_always_inline unsigned int up_packets(
	struct worker *w, struct lane_up *up, unsigned int n, bool handed, struct lane_rest *rest)
{
	/* tunnel_id, session_id, peer_session_id, owner: one word */
	const uint64_t who_mask = UINT64_C(0x00ff0000ffffffff), owner = (uint64_t)w->id << 48;
	unsigned int k = 0;

	up->n6 = 0;
	up->n_foreign = 0;
	for (unsigned int i = 0; i < n; i++) {
		struct session *session = up->session[i];
		uint32_t generation = __atomic_load_n(&session->generation, __ATOMIC_ACQUIRE);
		uint64_t who = __atomic_load_n(
			(const uint64_t *)(const void *)&session->tunnel_id, __ATOMIC_ACQUIRE);
		uint64_t differs = (who ^ (up->ids[i] | owner)) & who_mask;
		enum up_verdict verdict = UP_APART;
		uint8_t *ip = up->ppp[i];
		uint32_t length = up->length[i];

		if (likely(generation != 0 && differs == 0)) {
			verdict = up_inner(session, &ip, &length);
		} else if (!handed && generation != 0 && (uint32_t)differs == 0) {
			up_foreign(up, i, who, generation);
			continue;
		}
		if (unlikely(verdict >= UP_APART)) {
			if (verdict == UP_END) {
				rest->end = up->place[i];
				break;
			}
			rest->apart |= 1ull << up->place[i];
			continue;
		}

		const struct fib *fib = w->fibs[session->vrf];

		if (likely(verdict == UP_TAKE4)) {
			uint32_t address = rte_be_to_cpu_32(load32(ip + 16));
			uint32_t entry = fib_tree_root(&fib->tree4, address >> 16);

			if (entry & FIB_TREE_PAGE)
				rte_prefetch0(
					fib_tree_slot(&fib->tree4, entry, (uint8_t)(address >> 8)));
			up->tree[k] = &fib->tree4;
			up->address[k] = address;
			up->target[k] = entry;
		} else {
			up->tree[k] = &fib->tree6;
			up->target[k] = 0; /* of no page: the IPv4 steps pass it by */
			up->entry6[up->n6] = (uint8_t)k;
			memcpy(up->address6[up->n6++], ip + 24, 16);
		}
		up->session[k] = session;
		up->place[k] = up->place[i];
		up->ppp[k] = ip;
		up->length[k++] = length;
	}
	return k;
}

static __rte_noinline void up_lookup6(struct worker *w, struct lane_up *up)
{
	uint32_t targets[BURST];
	const struct fib *fib = w->fibs[up->session[up->entry6[0]]->vrf];

	fib_lookup6_bulk(fib, (const uint8_t(*)[16])up->address6, targets, up->n6);
	for (unsigned int i = 0; i < up->n6; i++) {
		unsigned int k = up->entry6[i];

		if (unlikely(up->tree[k] != &fib->tree6)) /* of another VRF */
			targets[i] = fib_lookup6(w->fibs[up->session[k]->vrf], up->address6[i]);
		up->target[k] = targets[i];
	}
}

/* Sends one. True: it is gone, or dropped by its session's policy. */
static __rte_always_inline bool up_commit(struct worker *w, struct lane_way *way,
	struct rte_mbuf *m, struct session *session, uint8_t *ip, uint32_t length, bool v4)
{
	uint32_t flags = session->flags;

	if (unlikely(flags & SESSION_POLICY)) {
		int reason = policy_uplink(w, session, length);

		if (unlikely(reason != DROP_NONE)) {
			session->state.up_drops++;
			worker_drop(w, m, (enum drop_reason)reason);
			return false;
		}
	}
	if (likely(flags & SESSION_MSS_CLAMP) && unlikely(mss_clamp(session, ip, length, v4)))
		w->stats.mss_clamped++;
	if (likely(v4)) {
		session->counters.up_packets4++;
		session->counters.up_bytes4 += length;
		ip4_decrement_ttl(ip);
	} else {
		session->counters.up_packets6++;
		session->counters.up_bytes6 += length;
		ip[7]--;
	}
	lane_send(way, m, ip, length, v4 ? way->l2_last4 : way->l2_last6);
	return true;
}

/* Everything is known: out. iface: that they came in on, if nobody has counted them; or NULL. */
static __rte_always_inline void up_send(struct worker *w, struct lane_up *up,
	struct rte_mbuf **pkts, unsigned int n, const struct iface *iface, struct lane_rest *rest)
{
	struct lane_ways ways;
	uint64_t taken = 0, bytes = 0, sent = 0;

	lane_ways_init(&ways);
	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[up->place[i]];
		uint8_t *ip = up->ppp[i];
		bool v4 = ip[0] == 0x45;
		uint32_t target = fib_tree_answer(up->tree[i], up->target[i]);

		if (unlikely(fib_target_type(target) == FIB_GROUP))
			target = group_target(
				w->groups, fib_target_index(target), ip_flow_hash(ip, v4));
		if (unlikely(fib_target_type(target) != FIB_ADJACENCY)) {
			rest->apart |= 1ull << up->place[i];
			continue;
		}

		struct lane_way *way = lane_way(w, &ways, fib_target_index(target));

		if (unlikely(!way->open || up->length[i] > way->mtu)) {
			rest->end = up->place[i];
			break;
		}
		taken++;
		bytes += m->pkt_len;
		sent += up_commit(w, way, m, up->session[i], ip, up->length[i], v4);
	}
	lane_ways_count(w, &ways);
	if (iface != NULL) {
		w->stats.iface[iface->index].rx_packets += taken;
		w->stats.iface[iface->index].rx_bytes += bytes;
	}
	w->stats.uplink_packets += sent;
}

/* Of this worker's sessions. */
static __rte_always_inline void up_owned(struct worker *w, struct lane_up *up,
	struct rte_mbuf **pkts, unsigned int k, const struct iface *iface, bool handed,
	struct lane_rest *rest)
{
	k = up_packets(w, up, k, handed, rest);
	lane_fib4_steps(up->tree, up->address, up->target, k);
	if (unlikely(up->n6 > 0))
		up_lookup6(w, up);
	up_send(w, up, pkts, k, iface, rest);
}
