/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls wait as long as servers answer in time, and no more of them. */
#include "admission.h"

#include <criterion/criterion.h>

static const struct admission_limits limits = {.max_waiting = 10000, .deadline = 20000};

/* So many half seconds of servers that give so many answers a second while more is asked. */
static void busy(struct admission *admission, uint64_t *now, struct admission_load *load,
	unsigned int halves, uint32_t per_second)
{
	load->queued = 5000;
	for (unsigned int i = 0; i < halves; i++) {
		*now += 500;
		load->answers += per_second / 2;
		admission_sample(admission, *now, load);
	}
}

static uint32_t room(struct admission *admission)
{
	for (admission->waiting = 0; admission_ask(admission, &limits);)
		admission->waiting++;
	return admission->waiting;
}

Test(admission, nothing_is_known_at_first_and_the_limit_holds)
{
	struct admission admission;

	admission_init(&admission, 1000);
	cr_assert_eq(room(&admission), 10000);
	cr_assert_eq(admission.refused, 1);
}

Test(admission, a_slow_server_has_as_many_wait_as_it_answers)
{
	struct admission_load load = {0};
	struct admission admission;
	uint64_t now = 1000;

	admission_init(&admission, now);
	busy(&admission, &now, &load, 20, 100);
	cr_assert(admission.rate >= 100 && admission.rate <= 105, "%u", admission.rate);
	cr_assert(room(&admission) >= 1000 && room(&admission) <= 1050, "%u", room(&admission));
	/* and a fast one at once as many as it can */
	busy(&admission, &now, &load, 1, 4000);
	cr_assert_eq(room(&admission), 10000);
}

Test(admission, idle_and_dead_servers_say_nothing_of_what_they_can_do)
{
	struct admission_load load = {0};
	struct admission admission;
	uint64_t now = 1000;
	uint32_t before;

	admission_init(&admission, now);
	busy(&admission, &now, &load, 20, 300);
	before = admission.rate;
	load.queued = 0;
	for (unsigned int i = 0; i < 20; i++)
		admission_sample(&admission, now += 500, &load);
	cr_assert_eq(admission.rate, before);
	load.queued = 5000;
	load.all_dead = true;
	for (unsigned int i = 0; i < 20; i++)
		admission_sample(&admission, now += 500, &load);
	cr_assert_eq(admission.rate, before);
	/* the loop stood still for an hour: no measurement */
	load.all_dead = false;
	admission_sample(&admission, now += 500, &load);
	admission_sample(&admission, now += 3600000, &load);
	cr_assert_eq(admission.rate, before);
}

Test(admission, a_few_may_wait_whatever_happens)
{
	struct admission_load load = {0};
	struct admission admission;
	uint64_t now = 1000;

	admission_init(&admission, now);
	busy(&admission, &now, &load, 60, 0);
	cr_assert_eq(room(&admission), 64);
}
