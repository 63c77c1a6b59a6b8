/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stages between the forwarding decision and a session's encapsulation.
 */
#include "session_stage.h"
#include "downlink.h"
#include "fragment.h"
#include "handoff.h"
#include "icmp.h"
#include "l2tp_output.h"
#include "mss.h"
#include "policy.h"

void downlink_target(struct worker *w, struct rte_mbuf *m, uint32_t index)
{
	struct meta *meta = meta_of(m);
	const struct session *session = session_at(w->sessions, index);

	rte_prefetch0(session);
	rte_prefetch0(session->template);
	rte_prefetch0(&session->counters);
	/* the sender's word on subscriber to subscriber traffic, while this worker has it at hand */
	if (meta->flags & META_UPLINK) {
		if (session_at(w->sessions, meta->session)->flags & SESSION_NO_HAIRPIN)
			meta->flags |= META_NO_HAIRPIN;
		meta->hops = 0;
	}
	meta->session = index;
}

uint16_t session_target(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct meta *meta = meta_of(m);
		const struct session *session = session_at(w->sessions, meta->session);
		uint32_t generation = __atomic_load_n(&session->generation, __ATOMIC_ACQUIRE);
		uint8_t owner = session_owner(session);

		if (unlikely(generation == 0)) {
			worker_drop(w, m, DROP_SESSION_STALE);
			continue;
		}
		meta->generation = generation;
		if (meta->flags & META_UPLINK) {
			if ((meta->flags & META_NO_HAIRPIN) ||
				(session->flags & SESSION_NO_HAIRPIN)) {
				worker_drop(w, m, DROP_HAIRPIN_DENIED);
				continue;
			}
			w->stats.hairpin_packets++;
		}
		if (likely(owner == w->id))
			pkts[kept++] = m;
		else
			handoff(w, m, owner, HANDOFF_DOWNLINK);
	}
	return kept;
}

uint16_t session_recheck(
	struct worker *w, struct rte_mbuf **pkts, uint16_t n, enum handoff_point point)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		const struct session *session = session_at(w->sessions, meta_of(pkts[i])->session);

		rte_prefetch0(session);
		rte_prefetch0(&session->counters);
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], uint8_t *));
	}
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const struct meta *meta = meta_of(m);
		const struct session *session = session_at(w->sessions, meta->session);
		uint8_t owner = session_owner(session);

		if (unlikely(!session_is(session, meta->generation)))
			worker_drop(w, m, DROP_SESSION_STALE);
		else if (unlikely(owner != w->id))
			handoff(w, m, owner, point);
		else
			pkts[kept++] = m;
	}
	return kept;
}

uint16_t session_admit(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const struct meta *meta = meta_of(m);
		struct session *session = session_at(w->sessions, meta->session);
		uint32_t flags = __atomic_load_n(&session->flags, __ATOMIC_ACQUIRE);
		bool v4 = meta->inner_family == 4;
		int reason = DROP_NONE;

		if (unlikely(!(flags & (v4 ? SESSION_FORWARD4 : SESSION_FORWARD6))))
			reason = DROP_PPP_NOT_OPEN;
		else if (unlikely(flags & SESSION_POLICY))
			reason = policy_downlink(w, session, m->pkt_len);
		if (unlikely(reason != DROP_NONE)) {
			session->state.down_drops++;
			worker_drop(w, m, (enum drop_reason)reason);
			continue;
		}
		if (likely(flags & SESSION_MSS_CLAMP) &&
			unlikely(mss_clamp(
				session, rte_pktmbuf_mtod(m, uint8_t *), m->data_len, v4)))
			w->stats.mss_clamped++;
		pkts[kept++] = m;
	}
	return kept;
}

/* Fragments of one packet, on their way in order with the packets around it. */
static void session_send_fragments(struct worker *w, struct rte_mbuf *m, uint16_t mtu)
{
	struct rte_mbuf *parts[FRAGMENTS_MAX];
	uint16_t n = fragment_packet(w, m, mtu, parts);

	for (uint16_t done = 0; done < n; done += BURST) {
		uint16_t part = RTE_MIN(n - done, BURST);

		part = l2tp_output(w, parts + done, part);
		outer_send(w, parts + done, part);
	}
}

/* Survivors so far leave before the fragments do: packets of a session keep their order. */
static void session_send_before(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	n = l2tp_output(w, pkts, n);
	outer_send(w, pkts, n);
}

uint16_t session_fit(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const struct meta *meta = meta_of(m);
		struct session *session = session_at(w->sessions, meta->session);

		if (likely(m->pkt_len <= session->mtu)) {
			pkts[kept++] = m;
			continue;
		}
		if (fragment_is_allowed(m, meta)) {
			session_send_before(w, pkts, kept);
			kept = 0;
			session_send_fragments(w, m, session->mtu);
			continue;
		}
		session->state.down_drops++;
		icmp_error(w, m, ICMP_ERROR_TOO_BIG, session->mtu);
		worker_drop(w, m, DROP_IP_TOO_BIG);
	}
	return kept;
}
