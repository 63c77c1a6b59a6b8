/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets from the control core: frames, IP packets and PPP frames of sessions.
 */
#pragma once

#include "worker.h"

/* Takes what the control core gave this worker; false if there was nothing. */
bool inject_poll(struct worker *w);
/* PPP frames that the control core gave to the worker that had the session before. */
void inject_handed(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
