/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast lane to a subscriber: IP for a session of this worker's, out to the LAC over IPv4 in the clear, or to the
 * tunnel's SAs.
 */
#include "classify.h"
#include "esp_output.h"
#include "handoff.h"
#include "ip_check.h"
#include "l2tp_output.h"
#include "lane.h"
#include "mss.h"
#include "policy.h"

#include <rte_ip.h>

/* A burst between the passes: entry k is the packet that stood at place[k]. */
struct lane_down {
	uint8_t place[BURST];
	uint8_t *ip[BURST];
	uint32_t length[BURST]; /* of the IP packet */
	struct session *session[BURST];
	const struct fib_tree *tree[BURST];
	uint32_t address[BURST], target[BURST]; /* IPv4: host order */
	/* of IPv6, the lookups that are made together */
	unsigned int n6;
	uint8_t entry6[BURST];
	uint8_t address6[BURST][16];
};

enum down_verdict { DOWN_TAKE, DOWN_APART, DOWN_END };

/* iface: whose addresses it must not be for; NULL: it is not. */
static __rte_always_inline enum down_verdict down_ip4(
	const struct iface *iface, const struct rte_mbuf *m, const uint8_t *ip, uint32_t *length)
{
	uint64_t checked = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
	uint32_t total = load_be16(ip + 2);

	if (unlikely(ip[0] != 0x45))
		return DOWN_END; /* options, or dropped */
	if (unlikely(total < 20 || total > *length))
		return DOWN_APART;
	if (checked != RTE_MBUF_F_RX_IP_CKSUM_GOOD &&
		unlikely(checked == RTE_MBUF_F_RX_IP_CKSUM_BAD || lane_ip4_sum(ip) != 0xffff))
		return DOWN_APART;
	if (unlikely(ip4_is_martian(ip + 16) || ip4_is_multicast(ip + 16) ||
		    ip4_is_link_local(ip + 16) || ip4_is_link_local(ip + 12) ||
		    ip4_is_martian(ip + 12) || ip4_is_multicast(ip + 12) || ip[8] <= 1))
		return DOWN_APART;
	if (iface != NULL && unlikely(iface_owns4(iface, load32(ip + 16))))
		return DOWN_APART;
	*length = total;
	return DOWN_TAKE;
}

static __rte_always_inline enum down_verdict down_ip6(
	const struct iface *iface, const uint8_t *ip, uint32_t *length)
{
	uint32_t total;

	if (unlikely(*length < sizeof(struct rte_ipv6_hdr) || ip[0] >> 4 != 6 || ip[7] <= 1))
		return DOWN_APART;
	total = (uint32_t)sizeof(struct rte_ipv6_hdr) + load_be16(ip + 4);
	if (unlikely(total > *length || ip[24] == 0xff || ip[8] == 0xff ||
		    ip6_is_link_local(ip + 24) || ip6_is_link_local(ip + 8) ||
		    ip6_is_martian(ip + 24) || ip6_is_martian(ip + 8) ||
		    (iface != NULL && iface_owns6(iface, ip + 24))))
		return DOWN_APART;
	*length = total;
	return DOWN_TAKE;
}

/* The first step of entry k's lookup, or its place among those made together. */
static __rte_always_inline void down_begin(
	const struct fib *fib, struct lane_down *down, unsigned int k, const uint8_t *ip, bool v4)
{
	if (likely(v4)) {
		uint32_t address = rte_be_to_cpu_32(load32(ip + 16));
		uint32_t entry = fib_tree_root(&fib->tree4, address >> 16);

		if (entry & FIB_TREE_PAGE)
			rte_prefetch0(fib_tree_slot(&fib->tree4, entry, (uint8_t)(address >> 8)));
		down->tree[k] = &fib->tree4;
		down->address[k] = address;
		down->target[k] = entry;
		return;
	}
	down->tree[k] = &fib->tree6;
	down->target[k] = 0; /* of no page: the IPv4 steps pass it by */
	down->entry6[down->n6] = (uint8_t)k;
	memcpy(down->address6[down->n6++], ip + 24, 16);
}

/* Headers; lookups begun. */
static __rte_always_inline unsigned int down_headers(struct worker *w, struct lane_down *down,
	struct rte_mbuf **pkts, uint16_t n, const struct lane_l2 *l2, struct lane_rest *rest)
{
	const uint64_t mac = w->rx_port->mac_word, tags = l2->tags, mask = l2->mask;
	const struct iface *iface = l2->iface;
	const struct fib *fib = w->fibs[iface->vrf];
	unsigned int k = 0;

	down->n6 = 0;
	for (unsigned int i = 0; i < n; i++) {
		const struct rte_mbuf *m = pkts[i];
		uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *ip = frame + l2->length;
		uint32_t length = m->data_len - l2->length;
		enum down_verdict verdict = DOWN_APART;
		uint16_t type = 0;

		if (unlikely(m->nb_segs != 1)) {
			/* the stages may send it on */
			verdict = DOWN_END;
		} else if (unlikely(m->data_len < l2->length + 20 ||
				   ((load64(frame + 12) ^ tags) & mask) != 0)) {
			if (m->data_len >= LANE_LEAST && !lane_l2_is_other(w, l2, m))
				verdict = DOWN_END;
		} else if (likely((load64(frame) & MAC_WORD_MASK) == mac)) {
			type = load16(ip - 2);
			if (likely(type == RTE_BE16(RTE_ETHER_TYPE_IPV4)))
				verdict = down_ip4(iface, m, ip, &length);
			else if (likely(type == RTE_BE16(RTE_ETHER_TYPE_IPV6)))
				verdict = down_ip6(iface, ip, &length);
			else if (frame_is_tag(rte_be_to_cpu_16(type)) &&
				!lane_l2_is_other(w, l2, m))
				verdict = DOWN_END;
		}
		if (unlikely(verdict != DOWN_TAKE)) {
			if (verdict == DOWN_END) {
				rest->end = i;
				break;
			}
			rest->apart |= 1ull << i;
			continue;
		}
		down_begin(fib, down, k, ip, type == RTE_BE16(RTE_ETHER_TYPE_IPV4));
		down->place[k] = (uint8_t)i;
		down->ip[k] = ip;
		down->length[k++] = length;
	}
	return k;
}

/* The same of what has come through classify, to a VRF's own packets: data at the IP header, which is not ours. */
static __rte_always_inline unsigned int down_headers_inner(struct worker *w, struct lane_down *down,
	struct rte_mbuf **pkts, uint16_t n, uint16_t vrf, struct lane_rest *rest)
{
	const struct fib *fib = w->fibs[vrf];
	unsigned int k = 0;

	down->n6 = 0;
	for (unsigned int i = 0; i < n; i++) {
		const struct rte_mbuf *m = pkts[i];
		const struct meta *meta = meta_of(pkts[i]);
		uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
		uint32_t length = m->data_len;
		enum down_verdict verdict = DOWN_END;

		if (likely(m->nb_segs == 1 && meta->vrf == vrf && length >= 20))
			verdict = meta->inner_family == 4 ? down_ip4(NULL, m, ip, &length)
							  : down_ip6(NULL, ip, &length);
		if (unlikely(verdict != DOWN_TAKE)) {
			if (verdict == DOWN_END) {
				rest->end = i;
				break;
			}
			rest->apart |= 1ull << i;
			continue;
		}
		down_begin(fib, down, k, ip, meta->inner_family == 4);
		down->place[k] = (uint8_t)i;
		down->ip[k] = ip;
		down->length[k++] = length;
	}
	return k;
}

static __rte_noinline void down_lookup6(const struct fib *fib, struct lane_down *down)
{
	uint32_t targets[BURST];

	fib_lookup6_bulk(fib, (const uint8_t(*)[16])down->address6, targets, down->n6);
	for (unsigned int i = 0; i < down->n6; i++)
		down->target[down->entry6[i]] = targets[i];
}

/* Answers into sessions, fetched. */
static __rte_always_inline unsigned int down_sessions(
	struct worker *w, struct lane_down *down, unsigned int n, struct lane_rest *rest)
{
	unsigned int k = 0;

	for (unsigned int i = 0; i < n; i++) {
		uint32_t target = fib_tree_answer(down->tree[i], down->target[i]);

		if (unlikely(fib_target_type(target) != FIB_SESSION)) {
			rest->apart |= 1ull << down->place[i];
			continue;
		}

		struct session *session = session_at(w->sessions, fib_target_index(target));

		rte_prefetch0(session);
		rte_prefetch0(session->template);
		rte_prefetch0(&session->counters);
		down->session[k] = session;
		down->place[k] = down->place[i];
		down->ip[k] = down->ip[i];
		down->length[k++] = down->length[i];
	}
	return k;
}

/* What goes on into ESP has metadata. */
static __rte_always_inline void down_protect(struct rte_mbuf *m, const struct iface *iface,
	const struct session *session, uint32_t generation, uint32_t group, bool v4, uint8_t *p,
	uint32_t length)
{
	struct meta *meta = meta_of(m);

	if (iface != NULL)
		*meta = iface->blank;
	meta->inner_family = v4 ? 4 : 6;
	meta->session = session->index;
	meta->generation = generation;
	meta->tunnel_id = session->tunnel_id;
	meta->sa_group = group;
	/* META_PRIORITY stays */
	meta->flags = (meta->flags & META_PRIORITY) | META_OUTER;
	m->data_off = (uint16_t)(p - (uint8_t *)m->buf_addr);
	m->data_len = (uint16_t)length;
	m->pkt_len = length;
}

/* To the session's owner, as session_target hands it over. iface: that it came in on, if it has no metadata; or NULL. */
static __rte_noinline void down_hand_over(struct worker *w, struct rte_mbuf *m,
	const struct iface *iface, const struct session *session, uint32_t generation,
	uint8_t owner, uint8_t *ip, uint32_t length)
{
	struct meta *meta = meta_of(m);
	bool v4 = ip[0] == 0x45;

	if (iface != NULL) {
		*meta = iface->blank;
		meta->cls = CLASS_IP;
		meta->arrival = w->id;
		m->port = w->rx_port->ethdev;
	}
	meta->inner_family = v4 ? 4 : 6;
	meta->session = session->index;
	meta->generation = generation;
	m->data_off = (uint16_t)(ip - (uint8_t *)m->buf_addr);
	m->data_len = (uint16_t)length;
	m->pkt_len = length;
	if (v4)
		ip4_decrement_ttl(ip);
	else
		ip[7]--;
	handoff(w, m, owner, HANDOFF_DOWNLINK);
}

/*
 * Everything is known: policy, headers, out. iface: that they came in on, if nobody has counted them and they have no
 * metadata; or NULL. handed: by another worker, which has spent their TTL; what is not ours is not handed on from here.
 */
static __rte_always_inline void down_send(struct worker *w, struct lane_down *down,
	struct rte_mbuf **pkts, unsigned int n, const struct iface *iface, bool handed,
	struct lane_rest *rest)
{
	struct rte_mbuf *protect[BURST];
	struct lane_ways ways;
	uint64_t taken = 0, bytes = 0, sent = 0;
	uint16_t n_protect = 0;

	lane_ways_init(&ways);
	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[down->place[i]];
		struct session *session = down->session[i];
		uint8_t *ip = down->ip[i];
		bool v4 = ip[0] == 0x45;
		uint32_t generation = __atomic_load_n(&session->generation, __ATOMIC_ACQUIRE);
		uint32_t flags = __atomic_load_n(&session->flags, __ATOMIC_ACQUIRE);
		uint32_t length = down->length[i], head = session->template_length;
		uint8_t owner = session_owner(session);

		if (unlikely(owner != w->id && generation != 0 && !handed)) {
			taken++;
			bytes += m->pkt_len;
			down_hand_over(w, m, iface, session, generation, owner, ip, length);
			continue;
		}
		if (unlikely(generation == 0 || owner != w->id ||
			    !(flags & (v4 ? SESSION_FORWARD4 : SESSION_FORWARD6)) ||
			    session->template_l3 != 20)) {
			rest->apart |= 1ull << down->place[i];
			continue;
		}

		const struct outer_memo *memo = outer_memo(w, session->tunnel_id);
		struct lane_way *way = NULL;

		if (unlikely(memo->udp_checksum)) {
			rest->apart |= 1ull << down->place[i];
			continue;
		}
		if (likely(memo->sa_group == 0)) {
			if (unlikely(memo->adjacency == ADJACENCY_NONE)) {
				rest->apart |= 1ull << down->place[i];
				continue;
			}
			way = lane_way(w, &ways, memo->adjacency);
			if (unlikely(!way->open || length + head > way->mtu)) {
				rest->end = down->place[i];
				break;
			}
		}
		if (unlikely(length > session->mtu ||
			    (size_t)(ip - (uint8_t *)m->buf_addr) < OUTER_HEADROOM)) {
			rest->end = down->place[i];
			break;
		}
		taken++;
		bytes += m->pkt_len;
		if (unlikely(flags & SESSION_POLICY)) {
			int reason = policy_downlink(w, session, length);

			if (unlikely(reason != DROP_NONE)) {
				session->state.down_drops++;
				worker_drop(w, m, (enum drop_reason)reason);
				continue;
			}
		}
		if (likely(flags & SESSION_MSS_CLAMP) &&
			unlikely(mss_clamp(session, ip, length, v4)))
			w->stats.mss_clamped++;

		uint8_t *p = ip - head;
		uint8_t traffic_class;

		if (likely(v4)) {
			traffic_class = ip[1];
			session->counters.down_packets4++;
			session->counters.down_bytes4 += length;
			if (!handed)
				ip4_decrement_ttl(ip);
		} else {
			traffic_class = (uint8_t)(ip[0] << 4 | ip[1] >> 4);
			session->counters.down_packets6++;
			session->counters.down_bytes6 += length;
			if (!handed)
				ip[7]--;
		}
		template_copy(p, session->template, head);
		p[head - 1] = v4 ? 0x21 : 0x57;
		outer_finish(w, session, p, length + head, traffic_class);
		/* set by a device on reception: none of it is about the outer packet but whose the memory is */
		m->ol_flags &= RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT;
		sent++;
		if (likely(way != NULL)) {
			lane_send(way, m, p, length + head, way->l2_last4);
			continue;
		}
		down_protect(m, iface, session, generation, memo->sa_group, v4, p, length + head);
		protect[n_protect++] = m;
	}
	lane_ways_count(w, &ways);
	if (iface != NULL) {
		w->stats.iface[iface->index].rx_packets += taken;
		w->stats.iface[iface->index].rx_bytes += bytes;
	}
	w->stats.downlink_packets += sent;
	if (n_protect > 0)
		esp_output(w, protect, n_protect);
}

/* From the FIB on. */
static __rte_always_inline void down_rest(struct worker *w, struct lane_down *down,
	struct rte_mbuf **pkts, unsigned int k, const struct fib *fib, const struct iface *iface,
	struct lane_rest *rest)
{
	lane_fib4_steps(down->tree, down->address, down->target, k);
	if (unlikely(down->n6 > 0))
		down_lookup6(fib, down);
	k = down_sessions(w, down, k, rest);
	down_send(w, down, pkts, k, iface, false, rest);
}

static __rte_always_inline uint16_t down_burst(
	struct worker *w, struct rte_mbuf **pkts, uint16_t n, const struct lane_l2 *l2)
{
	struct lane_rest rest = {.end = n};
	struct lane_down down;
	unsigned int k;

	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], const uint8_t *));
	k = down_headers(w, &down, pkts, n, l2, &rest);
	down_rest(w, &down, pkts, k, w->fibs[l2->iface->vrf], l2->iface, &rest);
	return lane_rest_pack(&rest, pkts, n);
}

uint16_t lane_downlink(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct lane_l2 l2;

	if (!w->lanes || !lane_l2_init(w, &l2, pkts[0], IFACE_CORE))
		return n;
	if (likely(l2.mask == 0)) { /* a loop of its own, in which the offsets are constants */
		l2.length = RTE_ETHER_HDR_LEN;
		l2.tags = l2.mask = 0;
		return down_burst(w, pkts, n, &l2);
	}
	return down_burst(w, pkts, n, &l2);
}

uint16_t lane_downlink_inner(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct lane_rest rest = {.end = n};
	uint16_t vrf = meta_of(pkts[0])->vrf;
	struct lane_down down;
	unsigned int k;

	if (unlikely(!w->lanes))
		return n;
	k = down_headers_inner(w, &down, pkts, n, vrf, &rest);
	down_rest(w, &down, pkts, k, w->fibs[vrf], NULL, &rest);
	return lane_rest_pack(&rest, pkts, n);
}

/* Handed over by others: they are still what they were. */
static __rte_always_inline unsigned int down_handed(struct worker *w, struct lane_down *down,
	struct rte_mbuf **pkts, uint16_t n, struct lane_rest *rest)
{
	unsigned int k = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct session *session = session_at(w->sessions, meta_of(pkts[i])->session);

		rte_prefetch0(session);
		rte_prefetch0(session->template);
		rte_prefetch0(&session->counters);
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], uint8_t *));
	}
	for (unsigned int i = 0; i < n; i++) {
		const struct rte_mbuf *m = pkts[i];
		const struct meta *meta = meta_of(pkts[i]);
		struct session *session = session_at(w->sessions, meta->session);
		uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

		if (unlikely(!session_is(session, meta->generation))) {
			rest->apart |= 1ull << i;
			continue;
		}
		/* IPv4 with options is what the lane never takes */
		if (unlikely(m->nb_segs != 1 || (meta->inner_family == 4) != (ip[0] == 0x45))) {
			rest->end = i;
			break;
		}
		down->place[k] = (uint8_t)i;
		down->ip[k] = ip;
		down->length[k] = m->data_len;
		down->session[k++] = session;
	}
	return k;
}

uint16_t lane_downlink_handed(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct lane_rest rest = {.end = n};
	struct lane_down down;
	unsigned int k;

	if (unlikely(!w->lanes))
		return n;
	k = down_handed(w, &down, pkts, n, &rest);
	down_send(w, &down, pkts, k, NULL, true, &rest);
	return lane_rest_pack(&rest, pkts, n);
}
