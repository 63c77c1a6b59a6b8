/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way of a packet from a subscriber: the order of the stages and nothing else.
 */
#include "uplink.h"
#include "classify.h"
#include "esp_input.h"
#include "forward.h"
#include "handoff.h"
#include "ip_input.h"
#include "l2tp_input.h"
#include "lane.h"
#include "ppp_input.h"
#include "reassembly.h"
#include "session_stage.h"

/* The owner's part. */
static void uplink_owned(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	n = ppp_input(w, pkts, n);
	n = ip_input_uplink(w, pkts, n);
	forward(w, pkts, n);
}

void uplink_burst(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	if (n > 0)
		n = lane_uplink_inner(w, pkts, n);
	if (n == 0)
		return;
	n = l2tp_input(w, pkts, n);
	uplink_owned(w, pkts, n);
}

void uplink_esp_burst(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	n = esp_input(w, pkts, n); /* ESP of other owners' SAs is handed off */
	uplink_burst(w, pkts, n);
}

void uplink_esp_handed(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	n = esp_input_handed(w, pkts, n);
	uplink_burst(w, pkts, n);
}

void uplink_handed(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	n = lane_uplink_handed(w, pkts, n);
	if (n == 0)
		return;
	n = session_recheck(w, pkts, n, HANDOFF_UPLINK);
	uplink_owned(w, pkts, n);
}

void uplink_fragments(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *esp[BURST];
	uint16_t kept = 0, n_esp = 0;

	n = reassembly_input(w, pkts, n);
	n = classify_reassembled(w, pkts, n); /* IKE and what else is the kernel's has gone there */
	for (uint16_t i = 0; i < n; i++) {
		uint8_t cls = meta_of(pkts[i])->cls;

		if (cls == CLASS_ESP)
			esp[n_esp++] = pkts[i];
		else if (likely(cls == CLASS_L2TP))
			pkts[kept++] = pkts[i];
		else /* the address ceased to be ours while the rest came in */
			worker_drop(w, pkts[i], DROP_FRAGMENT_INVALID);
	}
	if (n_esp > 0)
		uplink_esp_burst(w, esp, n_esp);
	if (kept > 0)
		uplink_burst(w, pkts, kept);
}
