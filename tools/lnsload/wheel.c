/* SPDX-License-Identifier: BSD-3-Clause */
/* A hashed timer wheel: slots of WHEEL_TICK_MS, entries of later rounds stay in their slot. */
#include "wheel.h"

#include <string.h>

void wheel_init(struct wheel *w, uint64_t now_ms)
{
	memset(w, 0, sizeof(*w));
	w->tick = now_ms / WHEEL_TICK_MS;
}

static void wheel_insert(struct wheel_timer **head, struct wheel_timer *t)
{
	t->next = *head;
	if (t->next != NULL)
		t->next->link = &t->next;
	t->link = head;
	*head = t;
}

static void wheel_unlink(struct wheel_timer *t)
{
	*t->link = t->next;
	if (t->next != NULL)
		t->next->link = t->link;
	t->link = NULL;
}

void wheel_cancel(struct wheel *w, struct wheel_timer *t)
{
	if (t->link == NULL)
		return;
	wheel_unlink(t);
	w->armed--;
}

void wheel_arm(struct wheel *w, struct wheel_timer *t, uint64_t deadline_ms)
{
	/* rounded up, so that a timer never fires early */
	uint64_t tick = (deadline_ms + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS;

	wheel_cancel(w, t);
	if (tick < w->tick)
		tick = w->tick;
	t->deadline = deadline_ms;
	wheel_insert(&w->slots[tick % WHEEL_SLOTS], t);
	w->armed++;
}

static void wheel_expire_slot(
	struct wheel *w, struct wheel_timer **slot, uint64_t now_ms, wheel_fn *fn, void *ctx)
{
	struct wheel_timer *due = *slot;
	struct wheel_timer *t;

	if (due == NULL)
		return;
	*slot = NULL;
	due->link = &due;
	while ((t = due) != NULL) {
		wheel_unlink(t);
		if (t->deadline > now_ms) {
			wheel_insert(slot, t);
			continue;
		}
		w->armed--;
		fn(ctx, t);
	}
}

void wheel_expire(struct wheel *w, uint64_t now_ms, wheel_fn *fn, void *ctx)
{
	uint64_t last = now_ms / WHEEL_TICK_MS;

	/* after a long pause each slot is looked at once */
	if (last > w->tick + WHEEL_SLOTS)
		w->tick = last - WHEEL_SLOTS + 1;
	while (w->tick <= last) {
		struct wheel_timer **slot = &w->slots[w->tick % WHEEL_SLOTS];

		/* advanced first: what fn arms for now goes into a slot still to come */
		w->tick++;
		wheel_expire_slot(w, slot, now_ms, fn, ctx);
	}
}

uint64_t wheel_wait(const struct wheel *w, uint64_t now_ms)
{
	if (w->armed == 0)
		return WHEEL_NEVER;
	for (uint64_t i = 0; i < WHEEL_SLOTS; i++) {
		uint64_t at = (w->tick + i) * WHEEL_TICK_MS;

		if (w->slots[(w->tick + i) % WHEEL_SLOTS] != NULL)
			return at > now_ms ? at - now_ms : 0;
	}
	return WHEEL_NEVER;
}
