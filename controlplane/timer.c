/* SPDX-License-Identifier: BSD-3-Clause */
/* The timer wheel. */
#include "timer.h"

#include <stddef.h>

#define SLOT_BITS 8 /* of a window */
#define SLOT_MASK (TIMER_SLOTS - 1)

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now)
{
	uint64_t tick = now / TIMER_TICK_MS;

	*wheel = (struct timer_wheel){.tick = tick, .window = tick >> SLOT_BITS};
	wheel->due_tail = &wheel->due;
}

void timer_init(struct timer *timer, timer_fire *fire)
{
	*timer = (struct timer){.fire = fire};
}

static void timer_link(struct timer **head, struct timer *timer)
{
	timer->next = *head;
	if (timer->next)
		timer->next->link = &timer->next;
	timer->link = head;
	*head = timer;
}

/* The first tick that begins at or after the timer's time. */
static uint64_t timer_tick(const struct timer *timer)
{
	return timer->expires / TIMER_TICK_MS + (timer->expires % TIMER_TICK_MS != 0);
}

/* Into the lowest level of whose windows, the one in force and the next, it is. */
static void timer_place(struct timer_wheel *wheel, struct timer *timer)
{
	uint64_t tick = timer_tick(timer);
	uint64_t farthest = wheel->tick + (1ull << SLOT_BITS * TIMER_LEVELS) - 1;
	unsigned int level = 0;

	if (tick < wheel->tick)
		tick = wheel->tick;
	/* beyond the wheel (497 days): parked in the last slot, placed again when that comes round */
	if (tick > farthest)
		tick = farthest;
	while (level < TIMER_LEVELS - 1 &&
		(tick >> SLOT_BITS * (level + 1)) - (wheel->window >> SLOT_BITS * level) > 1)
		level++;
	timer_link(&wheel->slots[level][tick >> SLOT_BITS * level & SLOT_MASK], timer);
}

void timer_set(struct timer_wheel *wheel, struct timer *timer, uint64_t expires)
{
	timer_cancel(wheel, timer);
	timer->expires = expires;
	wheel->count++;
	timer_place(wheel, timer);
}

void timer_cancel(struct timer_wheel *wheel, struct timer *timer)
{
	if (!timer->link)
		return;
	if (wheel->due_tail == &timer->next)
		wheel->due_tail = timer->link;
	*timer->link = timer->next;
	if (timer->next)
		timer->next->link = timer->link;
	timer->link = NULL;
	timer->next = NULL;
	wheel->count--;
}

/*
 * Spreads up to max timers of a level's next slot over the next window below, where new timers of that time already go.
 * Returns how many; less than max: the slot is empty.
 */
static unsigned int timer_spread(struct timer_wheel *wheel, unsigned int level, unsigned int max)
{
	uint64_t next = (wheel->window >> SLOT_BITS * (level - 1)) + 1;
	struct timer **head = &wheel->slots[level][next & SLOT_MASK];
	unsigned int moved;

	for (moved = 0; moved < max && *head; moved++) {
		struct timer *timer = *head;

		*head = timer->next;
		if (timer->next)
			timer->next->link = head;
		timer_place(wheel, timer);
	}
	wheel->moved += moved;
	return moved;
}

/* The nearest slot is needed first. */
static void timer_spread_ahead(struct timer_wheel *wheel)
{
	unsigned int moved = 0;

	for (unsigned int level = 1; level < TIMER_LEVELS; level++)
		moved += timer_spread(wheel, level, TIMER_AHEAD - moved);
}

/* The window of the tick to be run is not in force yet: what of its slots is not spread, is now. True when it is. */
static bool timer_turn_window(struct timer_wheel *wheel, unsigned int max, unsigned int *done)
{
	uint64_t window = wheel->window + 1;

	for (unsigned int level = TIMER_LEVELS - 1; level > 0; level--) {
		if (window & ((1ull << SLOT_BITS * (level - 1)) - 1))
			continue;
		*done += timer_spread(wheel, level, max - *done);
		if (*done == max)
			return false;
	}
	wheel->window = window;
	return true;
}

static void timer_collect(struct timer_wheel *wheel)
{
	struct timer **head = &wheel->slots[0][wheel->tick & SLOT_MASK];

	wheel->tick++;
	if (!*head)
		return;
	*wheel->due_tail = *head;
	(*head)->link = wheel->due_tail;
	while (*wheel->due_tail)
		wheel->due_tail = &(*wheel->due_tail)->next;
	*head = NULL;
}

unsigned int timer_wheel_run(struct timer_wheel *wheel, uint64_t now, unsigned int max)
{
	uint64_t last = now / TIMER_TICK_MS;
	unsigned int done = 0;

	while (done < max) {
		struct timer *timer = wheel->due;

		if (timer) {
			timer_cancel(wheel, timer);
			timer->fire(timer, now);
			done++;
			continue;
		}
		if (wheel->tick > last)
			break;
		if (wheel->tick >> SLOT_BITS == wheel->window ||
			timer_turn_window(wheel, max, &done))
			timer_collect(wheel);
	}
	timer_spread_ahead(wheel);
	return done;
}
