/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets from the control core: frames, IP packets and PPP frames of sessions.
 */
#include "inject.h"
#include "esp_output.h"
#include "forward.h"
#include "handoff.h"
#include "l2tp_output.h"
#include "port.h"

#define INJECT_BURSTS 4 /* taken in a turn, at the most */

/* The kernel's packets were routed there: their TTL stays as it is. */
static bool inject_ip_prepare(struct worker *w, struct rte_mbuf *m, struct meta *meta)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);

	if (m->data_len < 20 || meta->vrf >= w->dp->n_vrfs)
		return false;
	meta->inner_family = ip[0] >> 4;
	/* ours that waited for its next hop: we are its source, and fragment it */
	meta->flags = (meta->flags & META_OUTER) | META_KERNEL | META_PRIORITY;
	meta->hops = 0;
	meta->session = SESSION_NONE;
	return meta->inner_family == 4 || (meta->inner_family == 6 && m->data_len >= 40);
}

/* A TAP's frame, out of its interface with the interface's tags (802.1Q inside of 802.1ad). */
static bool inject_frame(struct worker *w, struct rte_mbuf *m, uint8_t index)
{
	const struct iface *iface = &w->ifaces[index];
	uint16_t tags = (iface->outer_vlan != 0 ? 4 : 0) + (iface->vlan != 0 ? 4 : 0);
	uint16_t addresses = RTE_ETHER_HDR_LEN - sizeof(uint16_t);

	if (unlikely(m->data_len < RTE_ETHER_HDR_LEN || m->data_off < tags))
		return false;
	if (unlikely(tags != 0)) {
		uint8_t *frame = packet_prepend(m, tags);

		memmove(frame, frame + tags, addresses);
		frame += addresses;
		if (iface->outer_vlan != 0) {
			store_be16(frame, RTE_ETHER_TYPE_QINQ);
			store_be16(frame + 2, iface->outer_vlan);
			frame += 4;
		}
		store_be16(frame, RTE_ETHER_TYPE_VLAN);
		store_be16(frame + 2, iface->vlan);
	}
	port_send(w, index, m);
	return true;
}

/*
 * A PPP frame leaves by its session's owner, who has the sequence numbers. The control core may have chosen another
 * one since it gave us the frame. False: m is gone.
 */
static bool inject_session_prepare(struct worker *w, struct rte_mbuf *m, const struct meta *meta)
{
	struct session *session;
	uint8_t owner;

	if (meta->session >= w->sessions->capacity)
		goto invalid;
	session = session_at(w->sessions, meta->session);
	if (meta->generation == 0 || !session_is(session, meta->generation))
		goto invalid;
	owner = session_owner(session);
	if (unlikely(owner != w->id)) {
		handoff(w, m, owner, HANDOFF_INJECT);
		return false;
	}
	if (likely(l2tp_output_frame(w, m, session)))
		return true;
invalid:
	worker_drop(w, m, DROP_INJECT_INVALID);
	return false;
}

void inject_handed(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++)
		if (inject_session_prepare(w, pkts[i], meta_of(pkts[i])))
			pkts[kept++] = pkts[i];
	if (kept > 0)
		outer_send(w, pkts, kept);
}

static void inject_take(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *ip[BURST], *outer[BURST], *protect[BURST];
	uint16_t n_ip = 0, n_outer = 0, n_protect = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct meta *meta = meta_of(m);

		if (meta->kind < INJECT_KINDS)
			w->stats.injects[meta->kind]++;
		meta->flags |= META_PRIORITY;
		if (meta->kind == INJECT_FRAME && meta->iface < w->dp->n_ifaces) {
			if (unlikely(!inject_frame(w, m, meta->iface)))
				worker_drop(w, m, DROP_INJECT_INVALID);
		} else if (meta->kind == INJECT_SESSION) {
			if (inject_session_prepare(w, m, meta))
				outer[n_outer++] = m;
		} else if (meta->kind == INJECT_IP && inject_ip_prepare(w, m, meta)) {
			if (unlikely(meta->sa_group != 0))
				protect[n_protect++] = m;
			else
				ip[n_ip++] = m;
		} else {
			worker_drop(w, m, DROP_INJECT_INVALID);
		}
	}
	if (n_ip > 0)
		forward(w, ip, n_ip);
	if (n_outer > 0)
		outer_send(w, outer, n_outer);
	if (n_protect > 0)
		esp_output(w, protect, n_protect);
}

bool inject_poll(struct worker *w)
{
	struct rte_mbuf *pkts[BURST];
	unsigned int bursts = 0;
	uint16_t n;

	/* the control core answers many at once: after an outage, all */
	do {
		n = (uint16_t)rte_ring_sc_dequeue_burst(w->inject, (void **)pkts, BURST, NULL);
		if (n > 0)
			inject_take(w, pkts, n);
	} while (n == BURST && ++bursts < INJECT_BURSTS);
	return n > 0 || bursts > 0;
}
