/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The timer wheel: every timer of the control core, O(1) to set and to cancel.
 *
 * Four levels of 256 slots, ticks of 10 ms: a timer fires in the tick after its time, never before. Times
 * are milliseconds of the loop's clock. A timer belongs to the object that it is embedded in; cancel it
 * before the object is freed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define TIMER_TICK_MS 10
#define TIMER_LEVELS  4
#define TIMER_SLOTS   256

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
	struct timer *due; /* taken from the wheel, not yet fired */
	struct timer **due_tail;
	struct timer *slots[TIMER_LEVELS][TIMER_SLOTS];
	uint64_t count; /* timers that are set */
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
 * Fires what is due at now, at most max timers, so that a storm of them leaves time for the packets; the
 * rest stays due for the next call. Returns how many fired. A timer may set or cancel any timer.
 */
unsigned int timer_wheel_run(struct timer_wheel *wheel, uint64_t now, unsigned int max);
