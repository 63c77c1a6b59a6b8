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

enum { MANY = 1000000, INTERVAL = 1800000, BUDGET = 512 };

static struct probe *many;
static uint64_t many_fired, many_worst;

static void many_fire(struct timer *timer, uint64_t now)
{
	struct probe *probe = (struct probe *)timer;

	cr_assert_geq(now, probe->set_for, "early");
	if (now - probe->set_for > many_worst)
		many_worst = now - probe->set_for;
	many_fired++;
	probe->set_for += INTERVAL;
	timer_set(&wheel, timer, probe->set_for);
}

/* A run's work: timers that fired, and timers that were taken to a lower level. */
static uint64_t many_run(uint64_t now)
{
	uint64_t before = wheel.moved + many_fired;

	timer_wheel_run(&wheel, now, BUDGET);
	return wheel.moved + many_fired - before;
}

static void many_start(uint64_t now)
{
	many = calloc(MANY, sizeof(*many));
	cr_assert_not_null(many);
	timer_wheel_init(&wheel, now);
	for (unsigned int i = 0; i < MANY; i++)
		timer_init(&many[i].timer, many_fire);
}

Test(timer, a_million_half_hours_are_spread_without_a_turn_that_moves_many_of_them, .timeout = 120)
{
	uint64_t start = 987654320, now = start, most = 0;

	srandom(11);
	many_start(start);
	for (unsigned int i = 0; i < MANY; i++) {
		many[i].set_for = start + 1 + (uint64_t)random() % INTERVAL;
		timer_set(&wheel, &many[i].timer, many[i].set_for);
	}
	for (now = start; now < start + 2 * INTERVAL; now += TIMER_TICK_MS) {
		uint64_t work = many_run(now);
		struct probe *probe = &many[random() % MANY];

		if (work > most)
			most = work;
		/* whatever level it is on, and however much of its slot has been moved */
		if (random() % 2) {
			timer_cancel(&wheel, &probe->timer);
			probe = &many[random() % MANY];
		}
		probe->set_for = now + (uint64_t)random() % INTERVAL;
		timer_set(&wheel, &probe->timer, probe->set_for);
	}
	cr_expect_leq(most, BUDGET + TIMER_AHEAD);
	cr_expect_lt(many_worst, 2 * TIMER_TICK_MS);
	cr_expect_gt(many_fired, 3 * MANY / 2);
	/* none is lost: each that is set fires in its next half hour */
	for (unsigned int i = 0; i < MANY; i++) {
		many[i].fired = 0;
		many[i].timer.fire = probe_fire;
	}
	for (uint64_t end = now + INTERVAL; now <= end + TIMER_TICK_MS; now += TIMER_TICK_MS)
		timer_wheel_run(&wheel, now, UINT32_MAX);
	cr_expect_eq(wheel.count, 0);
	for (unsigned int i = 0; i < MANY; i++)
		cr_assert(many[i].fired == 0 ||
			(many[i].fired_at >= many[i].set_for &&
				many[i].fired_at < many[i].set_for + 2 * TIMER_TICK_MS));
	free(many);
}

Test(timer, what_a_slot_spread_in_part_still_holds_may_be_cancelled)
{
	enum { N = 3 * TIMER_AHEAD };
	static struct probe probes[N];

	timer_wheel_init(&wheel, 0);
	/* on level 2 until the first run, which moves what was set last */
	for (unsigned int i = 0; i < N; i++) {
		timer_init(&probes[i].timer, probe_fire);
		timer_set(&wheel, &probes[i].timer, 2 * 655360 + i);
	}
	timer_wheel_run(&wheel, 655360, BUDGET);
	cr_assert_eq(wheel.moved, TIMER_AHEAD);
	for (unsigned int i = 2 * TIMER_AHEAD; i-- > TIMER_AHEAD;)
		timer_cancel(&wheel, &probes[i].timer);
	cr_expect_eq(wheel.count, 2 * TIMER_AHEAD);
	run_until(655360, 2 * 655360 + 2 * N, TIMER_TICK_MS);
	for (unsigned int i = 0; i < N; i++)
		cr_expect_eq(probes[i].fired, i / TIMER_AHEAD != 1, "timer %u", i);
	cr_expect_eq(wheel.count, 0);
}

/* More than a run may move until they are due: those in front of them are late, no run does more. */
Test(timer, a_million_for_one_moment_take_many_turns_and_none_is_lost, .timeout = 60)
{
	uint64_t start = 655360ull * 7 - 30000, at = start + 700000, most = 0;

	many_start(start);
	for (unsigned int i = 0; i < MANY; i++) {
		many[i].timer.fire = probe_fire;
		timer_set(&wheel, &many[i].timer, at + i % 3);
	}
	for (uint64_t now = start; wheel.count > 0; now += TIMER_TICK_MS) {
		uint64_t moved = wheel.moved, set = wheel.count, work;

		timer_wheel_run(&wheel, now, BUDGET);
		work = wheel.moved - moved + set - wheel.count;
		if (work > most)
			most = work;
		cr_assert_lt(now, at + (2ull * MANY / BUDGET + 10) * TIMER_TICK_MS);
	}
	cr_expect_leq(most, BUDGET + TIMER_AHEAD);
	for (unsigned int i = 0; i < MANY; i++)
		cr_assert(many[i].fired == 1 && many[i].fired_at >= at + i % 3);
	free(many);
}
