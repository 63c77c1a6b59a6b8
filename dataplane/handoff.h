/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets from worker to worker: one bounded SP/SC ring for each pair and direction, used in bursts.
 *
 * What is handed on names its session or SA by index and generation; the receiver checks both again.
 * meta.hops counts moves to an owner (of the SA, of the session): at most two on the way in, and two on
 * the way out for a packet turned round to another subscriber, and on each way one more if an owner changes meanwhile.
 * A fragment on its way to the worker that
 * puts its datagram together, and a frame on its way to the worker with the queue, are not moves to an
 * owner: neither can come back.
 */
#pragma once

#include "worker.h"

#define HANDOFF_HOPS_MAX 3
#define HANDOFF_BURSTS   4 /* taken from each worker in a turn, at the most */
#define HANDOFF_RESERVE  8 /* of a ring: this part is for control alone */

void handoff(struct worker *w, struct rte_mbuf *m, uint8_t target, enum handoff_point point);
void handoff_flush(struct worker *w);
/* Takes what the others sent and goes on with it; false if there was nothing. */
bool handoff_poll(struct worker *w);
