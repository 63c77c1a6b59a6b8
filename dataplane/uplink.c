/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way of a packet from a subscriber: the order of the stages and nothing else.
 */
#include "uplink.h"
#include "classify.h"
#include "forward.h"
#include "handoff.h"
#include "ip_input.h"
#include "l2tp_input.h"
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
	n = l2tp_input(w, pkts, n);
	uplink_owned(w, pkts, n);
}

void uplink_handed(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	n = session_recheck(w, pkts, n, HANDOFF_UPLINK);
	uplink_owned(w, pkts, n);
}

void uplink_fragments(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t kept = 0;

	n = reassembly_input(w, pkts, n);
	n = classify_reassembled(w, pkts, n);
	/* nothing but L2TP is left of it, unless the address ceased to be ours while the rest came in */
	for (uint16_t i = 0; i < n; i++) {
		if (likely(meta_of(pkts[i])->cls == CLASS_L2TP))
			pkts[kept++] = pkts[i];
		else
			worker_drop(w, pkts[i], DROP_FRAGMENT_INVALID);
	}
	uplink_burst(w, pkts, kept);
}
