/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an overloaded worker keeps of each kind of frame, and of each sender.
 */
#include "overload_budget.h"

#include <criterion/criterion.h>

#include <string.h>

#define BURST  64
#define SECOND 1000000000ull

static struct overload_budget budget;

/* Bursts that hold as many frames of each class as there are in a burst, from `senders`. */
static void flood(unsigned int bursts, uint32_t senders, uint64_t kept[OVERLOAD_CLASSES])
{
	uint32_t key = 0;

	for (unsigned int i = 0; i < bursts; i++) {
		overload_budget_look(&budget, BURST, SECOND + i);
		for (unsigned int class = OVERLOAD_L2TP; class < OVERLOAD_CLASSES; class ++)
			for (unsigned int k = 0; k < BURST; k++)
				kept[class] += overload_budget_take(
					&budget, (enum overload_class) class, key++ % senders);
	}
}

Test(overload_budget, kind_gets_its_part_of_what_comes_whatever_the_others_do)
{
	static const unsigned int of_64[OVERLOAD_CLASSES] = {
		[OVERLOAD_L2TP] = 16,
		[OVERLOAD_PPP] = 8,
		[OVERLOAD_MARKED] = 8,
		[OVERLOAD_SMALL] = 8,
		[OVERLOAD_LINK] = 4,
		[OVERLOAD_STRANGER] = 4,
	};
	uint64_t kept[OVERLOAD_CLASSES] = {0};

	overload_budget_init(&budget, SECOND);
	flood(1000, 10000000, kept);
	for (unsigned int i = OVERLOAD_L2TP; i < OVERLOAD_CLASSES; i++) {
		uint64_t whole = of_64[i] * (OVERLOAD_DEPTH / BURST + 1000);

		cr_expect_leq(kept[i], whole, "class %u: %lu", i, kept[i]);
		cr_expect_geq(kept[i], whole * 3 / 4, "class %u: %lu", i, kept[i]);
	}
}

Test(overload_budget, sender_of_little_is_kept_beside_a_flood)
{
	overload_budget_init(&budget, SECOND);
	for (unsigned int class = OVERLOAD_L2TP; class < OVERLOAD_CLASSES; class ++) {
		uint64_t now = SECOND, kept = 0, of_flood = 0;

		/* 15 of a window's 100 bursts have one of each of four others */
		for (unsigned int i = 0; i < 2000; i++, now += SECOND / 1600) {
			overload_budget_look(&budget, BURST, now);
			for (unsigned int k = 0; k < BURST - 4; k++)
				of_flood += overload_budget_take(
					&budget, (enum overload_class) class, 7);
			for (uint32_t k = 0; k < 4 && i % 100 < 15; k++)
				kept += overload_budget_take(
					&budget, (enum overload_class) class, 1000 + k);
		}
		/* one window in 4,096 would have one of them in the flood's slot */
		cr_expect_geq(kept, 20 * 15 * 4 - 2 * 15, "class %u: %lu", class, kept);
		cr_expect_gt(of_flood, 0);
	}
}

Test(overload_budget, session_gets_its_number_in_each_window_and_then_is_known_at_a_glance)
{
	uint64_t now = SECOND;

	overload_budget_init(&budget, SECOND);
	for (unsigned int window = 0; window < 10; window++, now += SECOND / 8) {
		unsigned int kept = 0;

		for (unsigned int i = 0; i < 16; i++)
			overload_budget_look(&budget, BURST, now);
		for (unsigned int i = 0; i < 100; i++) {
			cr_expect_eq(overload_budget_refuses(&budget, OVERLOAD_PPP, 5),
				i >= OVERLOAD_FAIR);
			kept += overload_budget_take(&budget, OVERLOAD_PPP, 5);
		}
		cr_expect_eq(kept, OVERLOAD_FAIR);
		cr_expect_not(overload_budget_refuses(&budget, OVERLOAD_PPP, 6) &&
			overload_budget_refuses(&budget, OVERLOAD_PPP, 7));
	}
}

Test(overload_budget, nobody_shares_a_slot_with_a_flood_for_long)
{
	uint64_t now = SECOND;
	uint32_t other = 0;
	unsigned int met = 0;

	overload_budget_init(&budget, SECOND);
	for (unsigned int window = 0; window < 200; window++, now += SECOND / 8) {
		for (unsigned int i = 0; i < 16; i++)
			overload_budget_look(&budget, BURST, now);
		for (unsigned int i = 0; i < OVERLOAD_FAIR; i++)
			overload_budget_take(&budget, OVERLOAD_PPP, 0xabcd0001);
		/* one that is where the flood is */
		while (window == 0 && !overload_budget_refuses(&budget, OVERLOAD_PPP, other))
			other++;
		met += overload_budget_refuses(&budget, OVERLOAD_PPP, other);
	}
	cr_expect_geq(met, 1);
	cr_expect_leq(met, 4, "%u of 200 windows", met);
}

Test(overload_budget, every_kind_is_dropped_under_a_name_of_overload)
{
	cr_expect_eq(overload_reason(OVERLOAD_DATA), DROP_OVERLOAD);
	for (unsigned int i = 0; i < OVERLOAD_CLASSES; i++)
		cr_expect_eq(
			strncmp(drop_name(overload_reason((enum overload_class)i)), "overload", 8),
			0);
}
