/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker does while there is nothing to do (enum dataplane_idle), and for how long at once.
 *
 * No wait is longer than idle_us, nor, on a device that says how fast it is, than a half of its receive ring
 * takes to fill with the smallest frames: what arrives meanwhile waits in the ring. Waits begin short and double,
 * from the IDLE_TURNS-th empty turn on; one packet ends them.
 */
#pragma once

#include "worker.h"

#define IDLE_TURNS 256 /* empty turns before a worker backs off */

/* After the ports were started: the mode that CPU and devices have, and the longest wait. */
void idle_prepare(struct dataplane *dp);
/* On the worker's own thread, before its loop. */
void idle_begin(struct worker *w);
/* The worker has had so many empty turns in a row, more than IDLE_TURNS. */
void idle_wait(struct worker *w, unsigned int turns);
/* The time in ns in which a half of so many descriptors fills at Mb/s with frames of 64 bytes. */
uint64_t idle_fill_ns(uint32_t descriptors, uint32_t mbps);
