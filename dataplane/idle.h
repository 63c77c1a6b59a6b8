/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker does while there is nothing to do (enum dataplane_idle), and for how long at once.
 *
 * No wait is longer than idle_us, nor than a half of the first of its rings takes to fill with the smallest frames:
 * what arrives meanwhile waits there. Its rings are the receive queues, at the highest speed of their device, and those
 * of packets from other workers, at that of all devices together. A sleep that cannot be as short as that becomes a pause.
 * Waits begin short and double, from the IDLE_TURNS-th empty turn on; one packet ends them.
 */
#pragma once

#include "worker.h"

#define IDLE_TURNS 256 /* empty turns before a worker backs off */

/*
 * nanosleep takes longer than it is told, and a worker without real-time priority is not woken at once: measured, with
 * PR_SET_TIMERSLACK at 1 ns, 26 us in the median and 75 us once in a thousand (with the kernel's default of 50 us of
 * slack: 73 and more than 130).
 */
#define IDLE_OVERSHOOT_NS 75000
#define IDLE_SLEEP_MIN_NS 100000 /* on rings that are half full before that nobody sleeps */

#define IDLE_MBPS_UNKNOWN 10000 /* of a device that names no speed */
#define IDLE_RING_UNKNOWN 256   /* descriptors of one that does not tell: what QEMU gives virtio */

struct idle_facts {
	enum dataplane_idle asked;
	uint64_t asked_ns; /* idle_us */
	uint64_t fill_ns;  /* as in struct idle_info; UINT64_MAX: nothing can fill */
	bool tpause;       /* the CPU has TPAUSE */
	bool watchable;    /* and UMWAIT, and all receive queues can be watched at once */
	bool lenient; /* its CPU is shared, or all devices are software: sleeps whatever fills */
};

struct idle_info idle_choose(const struct idle_facts *facts);
/* The time in ns in which a half of so many descriptors fills at Mb/s with frames of 64 bytes. */
uint64_t idle_fill_ns(uint32_t descriptors, uint32_t mbps);

/* After the ports were started and the rings made: each worker's mode and longest wait. */
void idle_prepare(struct dataplane *dp);
/* On the worker's own thread, before its loop. */
void idle_begin(struct worker *w);
/* The worker has had so many empty turns in a row, more than IDLE_TURNS. */
void idle_wait(struct worker *w, unsigned int turns);
