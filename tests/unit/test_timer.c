/* SPDX-License-Identifier: BSD-3-Clause */
/* The timer wheel against what a sorted list would do. */
#include "timer.h"

#include <criterion/criterion.h>

#include <stdlib.h>

static struct timer_wheel wheel;

struct probe {
	struct timer timer;
	uint64_t fired_at, set_for;
	unsigned int fired;
};

static void probe_fire(struct timer *timer, uint64_t now)
{
	struct probe *probe = (struct probe *)timer;

	probe->fired++;
	probe->fired_at = now;
}

static void run_until(uint64_t from, uint64_t to, uint64_t step)
{
	for (uint64_t now = from; now <= to; now += step)
		timer_wheel_run(&wheel, now, UINT32_MAX);
}

Test(timer, fires_once_within_a_tick_after_its_time_and_never_before)
{
	static const uint64_t after[] = {0, 1, 9, 10, 11, 2559, 2560, 2561, 655359, 655360, 655370,
		5000000, 167772160, 167772170};

	for (unsigned int i = 0; i < sizeof(after) / sizeof(*after); i++) {
		uint64_t start = 123456789;
		struct probe probe;

		timer_wheel_init(&wheel, start);
		timer_init(&probe.timer, probe_fire);
		probe.fired = 0;
		timer_set(&wheel, &probe.timer, start + after[i]);
		if (after[i] > 0)
			timer_wheel_run(&wheel, start + after[i] - 1, UINT32_MAX);
		cr_assert_eq(probe.fired, 0, "row %u: early", i);
		timer_wheel_run(&wheel, start + after[i] + TIMER_TICK_MS, UINT32_MAX);
		cr_assert_eq(probe.fired, 1, "row %u: %lu ms", i, (unsigned long)after[i]);
		cr_assert_eq(wheel.count, 0);
		timer_wheel_run(&wheel, start + 2 * after[i] + 100000, UINT32_MAX);
		cr_assert_eq(probe.fired, 1, "row %u: fired again", i);
	}
}

Test(timer, thousands_of_random_timers_fire_in_their_tick_while_others_are_moved_and_cancelled)
{
	enum { N = 20000 };
	struct probe *probes = calloc(N, sizeof(*probes));
	uint64_t now = 1000;

	srandom(7);
	timer_wheel_init(&wheel, now);
	for (unsigned int i = 0; i < N; i++) {
		timer_init(&probes[i].timer, probe_fire);
		probes[i].set_for = now + random() % (i % 3 ? 3000 : 900000);
		timer_set(&wheel, &probes[i].timer, probes[i].set_for);
	}
	for (unsigned int i = 0; i < N; i += 5) {
		if (i % 2) {
			timer_cancel(&wheel, &probes[i].timer);
			probes[i].set_for = 0;
		} else {
			probes[i].set_for = now + random() % 500000;
			timer_set(&wheel, &probes[i].timer, probes[i].set_for);
		}
	}
	run_until(now, 910000 + now, 10);
	for (unsigned int i = 0; i < N; i++) {
		cr_assert_eq(probes[i].fired, probes[i].set_for != 0, "timer %u", i);
		if (probes[i].set_for)
			cr_assert(probes[i].fired_at >= probes[i].set_for &&
					probes[i].fired_at < probes[i].set_for + 2 * TIMER_TICK_MS,
				"timer %u set for %lu fired at %lu", i,
				(unsigned long)probes[i].set_for,
				(unsigned long)probes[i].fired_at);
	}
	cr_assert_eq(wheel.count, 0);
	free(probes);
}

static struct probe victim;

static void cancel_victim(struct timer *timer, uint64_t now)
{
	timer_cancel(&wheel, &victim.timer);
	timer_set(&wheel, timer, now + 1000);
}

Test(timer, a_timer_may_cancel_one_that_is_due_with_it_and_set_itself_again)
{
	struct timer killer;

	timer_wheel_init(&wheel, 0);
	timer_init(&victim.timer, probe_fire);
	timer_init(&killer, cancel_victim);
	timer_set(&wheel, &victim.timer, 50);
	timer_set(&wheel, &killer, 50);
	timer_wheel_run(&wheel, 100, UINT32_MAX);
	cr_assert_eq(victim.fired, 0);
	cr_assert(timer_is_set(&killer));
	cr_assert_eq(wheel.count, 1);
}

Test(timer, a_budget_leaves_the_rest_for_the_next_run)
{
	struct probe probes[100];

	timer_wheel_init(&wheel, 0);
	for (unsigned int i = 0; i < 100; i++) {
		timer_init(&probes[i].timer, probe_fire);
		probes[i].fired = 0;
		timer_set(&wheel, &probes[i].timer, 20);
	}
	cr_assert_eq(timer_wheel_run(&wheel, 500, 30), 30);
	timer_cancel(&wheel, &probes[0].timer);
	timer_cancel(&wheel, &probes[99].timer);
	cr_assert_eq(timer_wheel_run(&wheel, 500, 1000), wheel.count + 69);
	cr_assert_eq(wheel.count, 0);
}
