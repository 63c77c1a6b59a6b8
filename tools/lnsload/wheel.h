/* SPDX-License-Identifier: BSD-3-Clause */
/* A hashed timer wheel: arm, cancel and expire in O(1) for any number of sessions and tunnels. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define WHEEL_SLOTS   4096u
#define WHEEL_TICK_MS 4u
/* wheel_wait's answer when nothing is armed */
#define WHEEL_NEVER UINT64_MAX

struct wheel_timer {
	struct wheel_timer *next;
	struct wheel_timer **link; /* what points to us; NULL: not armed */
	uint64_t deadline;         /* ms */
	uint8_t kind;              /* the owner's, to tell its timers apart */
};

struct wheel {
	struct wheel_timer *slots[WHEEL_SLOTS];
	uint64_t tick; /* the next tick to look at */
	uint32_t armed;
};

typedef void wheel_fn(void *ctx, struct wheel_timer *t);

void wheel_init(struct wheel *w, uint64_t now_ms);
/* Arms or re-arms; a deadline in the past fires at the next wheel_expire. */
void wheel_arm(struct wheel *w, struct wheel_timer *t, uint64_t deadline_ms);
void wheel_cancel(struct wheel *w, struct wheel_timer *t);
/* Fires everything due, each timer disarmed before fn is called; fn may arm and cancel any timer. */
void wheel_expire(struct wheel *w, uint64_t now_ms, wheel_fn *fn, void *ctx);
/* Milliseconds to the next armed slot (never later than the first deadline), WHEEL_NEVER if none. */
uint64_t wheel_wait(const struct wheel *w, uint64_t now_ms);
