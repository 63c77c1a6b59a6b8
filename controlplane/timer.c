/* SPDX-License-Identifier: BSD-3-Clause */
/* The timer wheel. */
#include "timer.h"

#include <stddef.h>

#define SLOT_BITS 8
#define SLOT_MASK (TIMER_SLOTS - 1)

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now)
{
	*wheel = (struct timer_wheel){.tick = now / TIMER_TICK_MS};
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
	while (level < TIMER_LEVELS - 1 && (tick ^ wheel->tick) >> SLOT_BITS * (level + 1))
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

/* Spreads one slot of a higher level over the levels below. */
static void timer_cascade(struct timer_wheel *wheel, unsigned int level)
{
	struct timer **head = &wheel->slots[level][wheel->tick >> SLOT_BITS * level & SLOT_MASK];
	struct timer *timer = *head;

	*head = NULL;
	while (timer) {
		struct timer *next = timer->next;

		timer_place(wheel, timer);
		timer = next;
	}
}

static void timer_collect(struct timer_wheel *wheel)
{
	struct timer **head = &wheel->slots[0][wheel->tick & SLOT_MASK];

	for (unsigned int level = 1; level < TIMER_LEVELS; level++) {
		if (wheel->tick & ((1ull << SLOT_BITS * level) - 1))
			break;
		timer_cascade(wheel, level);
	}
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
	unsigned int fired = 0;

	while (fired < max) {
		struct timer *timer = wheel->due;

		if (!timer) {
			if (wheel->tick > last)
				break;
			timer_collect(wheel);
			wheel->tick++;
			continue;
		}
		timer_cancel(wheel, timer);
		timer->fire(timer, now);
		fired++;
	}
	return fired;
}
