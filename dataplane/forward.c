/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The forwarding decision, one for both directions: destination to target, target to its next stage.
 */
#include "forward.h"
#include "downlink.h"
#include "icmp.h"
#include "ip_output.h"
#include "punt.h"

/* Targets of packets [0, n), all in one VRF and of one family. */
static void forward_lookup_run(
	struct worker *w, struct rte_mbuf **pkts, uint16_t n, bool v4, uint32_t *targets)
{
	const struct fib *fib = w->fibs[meta_of(pkts[0])->vrf];

	if (likely(v4)) {
		uint32_t addrs[BURST];

		for (uint16_t i = 0; i < n; i++)
			addrs[i] = load32(rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, 16));
		fib_lookup4_bulk(fib, addrs, targets, n);
	} else {
		uint8_t addrs[BURST][16];

		for (uint16_t i = 0; i < n; i++)
			memcpy(addrs[i], rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, 24), 16);
		fib_lookup6_bulk(fib, (const uint8_t(*)[16])addrs, targets, n);
	}
}

static void forward_lookup(struct worker *w, struct rte_mbuf **pkts, uint16_t n, uint32_t *targets)
{
	for (uint16_t start = 0, end; start < n; start = end) {
		const struct meta *first = meta_of(pkts[start]);

		for (end = start + 1; end < n; end++) {
			const struct meta *meta = meta_of(pkts[end]);

			if (meta->vrf != first->vrf || meta->inner_family != first->inner_family)
				break;
		}
		forward_lookup_run(
			w, pkts + start, end - start, first->inner_family == 4, targets + start);
	}
}

/* True: the TTL is spent on this hop, or there was none to spend. */
static inline bool forward_ttl(struct rte_mbuf *m, const struct meta *meta)
{
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

	if (unlikely(meta->flags & (META_LOCAL | META_KERNEL)))
		return true;
	if (likely(meta->inner_family == 4)) {
		if (unlikely(ip[8] <= 1))
			return false;
		ip4_decrement_ttl(ip);
		return true;
	}
	if (unlikely(ip[7] <= 1))
		return false;
	ip[7]--;
	return true;
}

/* What neither goes to a session nor out of an interface. */
static void forward_other(struct worker *w, struct rte_mbuf *m, uint32_t target)
{
	const struct meta *meta = meta_of(m);

	switch (fib_target_type(target)) {
	case FIB_LOCAL:
		/* the kernel's own packet would only come back to it */
		if (meta->flags & META_KERNEL)
			worker_drop(w, m, DROP_INJECT_INVALID);
		else if (meta->flags & META_UPLINK)
			punt_of_session(w, m, session_at(w->sessions, meta->session), PUNT_LOCAL);
		else
			punt(w, m, PUNT_LOCAL);
		return;
	case FIB_UNREACHABLE:
		if (fib_target_index(target) == FIB_UNREACH)
			icmp_error(w, m, ICMP_ERROR_HOST, 0);
		else if (fib_target_index(target) == FIB_PROHIBIT)
			icmp_error(w, m, ICMP_ERROR_PROHIBITED, 0);
		worker_drop(w, m, DROP_IP_REFUSED);
		return;
	default:
		icmp_error(w, m, ICMP_ERROR_NET, 0);
		worker_drop(w, m, DROP_IP_NO_ROUTE);
	}
}

void forward(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint32_t targets[BURST];
	struct rte_mbuf *to_session[BURST], *to_iface[BURST];
	uint16_t n_session = 0, n_iface = 0;

	forward_lookup(w, pkts, n, targets);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct meta *meta = meta_of(m);
		uint32_t target = targets[i];
		enum fib_type type = fib_target_type(target);

		if (unlikely(type == FIB_GROUP)) {
			target = group_target(w->groups, fib_target_index(target),
				ip_flow_hash(rte_pktmbuf_mtod(m, const uint8_t *),
					meta->inner_family == 4));
			type = fib_target_type(target);
		}
		if (unlikely(type != FIB_SESSION && type != FIB_ADJACENCY && type != FIB_GLEAN)) {
			forward_other(w, m, target);
			continue;
		}
		if (unlikely(!forward_ttl(m, meta))) {
			icmp_error(w, m, ICMP_ERROR_TTL, 0);
			worker_drop(w, m, DROP_IP_TTL);
			continue;
		}
		if (type == FIB_SESSION) {
			downlink_target(w, m, fib_target_index(target));
			to_session[n_session++] = m;
		} else if (likely(type == FIB_ADJACENCY)) {
			meta->adjacency = fib_target_index(target);
			to_iface[n_iface++] = m;
		} else {
			meta->iface = (uint8_t)fib_target_index(target);
			meta->adjacency = ADJACENCY_NONE;
			punt_unresolved(w, m);
		}
	}
	if (n_iface > 0)
		ip_output(w, to_iface, n_iface);
	if (n_session > 0)
		downlink_sessions(w, to_session, n_session);
}

void forward_local_out(struct worker *w)
{
	uint16_t n = w->n_local_out;

	/* none of these makes another: errors are not answered */
	w->n_local_out = 0;
	if (n > 0)
		forward(w, w->local_out, n);
}
