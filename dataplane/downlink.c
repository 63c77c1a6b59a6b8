/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way of a packet to a subscriber: the order of the stages and nothing else.
 */
#include "downlink.h"
#include "forward.h"
#include "handoff.h"
#include "ip_input.h"
#include "l2tp_output.h"
#include "lane.h"
#include "session_stage.h"

void downlink_burst(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	if (n > 0)
		n = lane_downlink_inner(w, pkts, n);
	if (n == 0)
		return;
	n = ip_input_downlink(w, pkts, n);
	forward(w, pkts, n); /* comes back by downlink_sessions */
}

/* The owner's part. */
static void downlink_owned(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	n = session_admit(w, pkts, n); /* NCP, policy, MSS */
	n = session_fit(
		w, pkts, n); /* what is larger than the link: ICMP, or fragments by itself */
	n = l2tp_output(w, pkts, n);
	outer_send(w, pkts, n); /* by way of esp_output for a tunnel inside ESP */
}

void downlink_sessions(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	n = session_target(w, pkts, n); /* generation, hairpin allowed; other owners' handed off */
	downlink_owned(w, pkts, n);
}

void downlink_handed(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	n = lane_downlink_handed(w, pkts, n);
	if (n == 0)
		return;
	n = session_recheck(w, pkts, n, HANDOFF_DOWNLINK);
	downlink_owned(w, pkts, n);
}
