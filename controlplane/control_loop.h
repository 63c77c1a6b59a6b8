/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control core's loop: rings, timers, sockets, in order of what may wait least.
 *
 * The only reader of the clock. Each source has a budget for one turn, so that none starves another: a
 * flood of SCCRQs leaves room for HELLOs, a dump of routes for both.
 */
#pragma once

#include "lns.h"

#include <signal.h>

/* The signals that the loop takes; they are blocked before the first thread starts, in all of them. */
void control_loop_signals(sigset_t *signals);
/* Runs until a shutdown is complete (SIGTERM, SIGINT, lnsctl shutdown). 0, or -errno if it cannot start. */
int control_loop_run(struct lns *lns);
/* Begins the end: no new tunnels, StopCCN to all, then control_loop_run() returns. */
void control_loop_stop(struct lns *lns, const char *why);
