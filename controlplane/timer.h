/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The timer wheel: every timer of the control core, O(1) to set and to cancel.
 *
 * Ticks of 10 ms: a timer fires in the tick after its time, never before. Times are milliseconds of the loop's clock. A
 * timer belongs to the object that it is embedded in; cancel it before the object is freed.
 *
 * Four levels, a slot of each as long as 256 of the level below. Each level has the slots of two windows of 256: of the
 * one in force, and of the next, so that a slot of the level above can be spread over the next window a few timers at a
 * time, long before it begins.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define TIMER_TICK_MS 10
#define TIMER_LEVELS  4
#define TIMER_SLOTS   512
#define TIMER_AHEAD   512 /* timers that a run takes to a lower level before it must */

struct timer;
typedef void timer_fire(struct timer *timer, uint64_t now);

struct timer {
	struct timer *next;
	struct timer **link; /* what points to us; NULL = not set */
	uint64_t expires;    /* ms */
	timer_fire *fire;
};

struct timer_wheel {
	uint64_t tick;     /* the next tick to be run */
	uint64_t window;   /* of level 0: of the last tick that was run, in 256 ticks */
	struct timer *due; /* taken from the wheel, not yet fired */
	struct timer **due_tail;
	struct timer *slots[TIMER_LEVELS][TIMER_SLOTS];
	uint64_t count; /* timers that are set */
	uint64_t moved; /* times that a timer was taken to a lower level, ever */
};

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now);
void timer_init(struct timer *timer, timer_fire *fire);
/* Sets or moves. A time that has passed fires in the next run. */
void timer_set(struct timer_wheel *wheel, struct timer *timer, uint64_t expires);
void timer_cancel(struct timer_wheel *wheel, struct timer *timer);
static inline bool timer_is_set(const struct timer *timer)
{
	return timer->link != 0;
}
/*
 * Fires what is due at now, at most max timers, so that a storm of them leaves time for the packets; the rest stays due
 * for the next call. Beyond that it takes TIMER_AHEAD timers to a lower level at the most. What this leaves of a slot
 * whose time has come is moved first, and counts as if it fired. Returns how many counted. A timer may set or cancel
 * any timer.
 */
unsigned int timer_wheel_run(struct timer_wheel *wheel, uint64_t now, unsigned int max);
