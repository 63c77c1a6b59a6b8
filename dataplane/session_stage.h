/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stages between the forwarding decision and a session's encapsulation.
 */
#pragma once

#include "worker.h"

/*
 * After the FIB: meta.session is the target's index. Survivors: sessions of this worker, generation
 * noted; others were handed off, forbidden ones dropped.
 */
uint16_t session_target(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/* After a handoff: the session still lives, and it is still this worker's. */
uint16_t session_recheck(
	struct worker *w, struct rte_mbuf **pkts, uint16_t n, enum handoff_point point);
/* The owner: the family's NCP is open, policy admits the packet; a SYN's MSS is clamped. */
uint16_t session_admit(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/*
 * The owner: survivors fit the session's MTU. Too large and not to be fragmented: ICMP; to be
 * fragmented: the fragments leave from here, behind the survivors before them.
 */
uint16_t session_fit(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
