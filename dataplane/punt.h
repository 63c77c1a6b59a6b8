/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets for the control core: three rings by priority, each bounded.
 */
#pragma once

#include "worker.h"

#define PUNT_UNRESOLVED_RATE \
	1000 /* per second and worker: a scan of a subnet asks no more than that */

/*
 * Per second and session, and how many at once: far more than any subscriber's PPP, or ping of the gateway,
 * needs, and so little that nobody alone fills a ring that others wait for.
 */
#define PUNT_PPP_RATE    50
#define PUNT_PPP_BURST   200
#define PUNT_LOCAL_RATE  200
#define PUNT_LOCAL_BURST 400

/*
 * Hands m over (it is queued, or dropped where the ring is full); what meta must say of it stands in
 * meta.h. Nothing is copied: the control core frees the packet. Each ring keeps room that a flood does not
 * get: the known one for L2TP's own messages, the exceptions' for ARP and ND.
 */
void punt(struct worker *w, struct rte_mbuf *m, enum punt_kind kind);
/* PUNT_PPP or PUNT_LOCAL of a subscriber, within the rate of its session, which is this worker's. */
void punt_of_session(
	struct worker *w, struct rte_mbuf *m, struct session *session, enum punt_kind kind);
/* The same for PUNT_UNRESOLVED, within the worker's rate. */
void punt_unresolved(struct worker *w, struct rte_mbuf *m);
void punt_flush(struct worker *w);

unsigned int punt_ring_size(enum punt_ring ring);
