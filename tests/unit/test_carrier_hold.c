/* SPDX-License-Identifier: BSD-3-Clause */
/* Which carrier is believed, and when. */
#include "carrier_hold.h"

#include <criterion/criterion.h>

#define STEADY CARRIER_STEADY_MS

Test(carrier_hold, what_was_steady_comes_and_goes_at_once)
{
	struct carrier_hold hold = {0};
	uint64_t now = 100;

	cr_expect(!carrier_hold_sample(&hold, false, now));
	cr_expect(carrier_hold_sample(&hold, true, now += 100), "the first time");
	for (unsigned int i = 0; i < 3; i++) {
		cr_expect(carrier_hold_sample(&hold, true, now += STEADY));
		cr_expect(!carrier_hold_sample(&hold, false, now += 1), "down");
		cr_expect(!carrier_hold_sample(&hold, false, now += 10));
		cr_expect(carrier_hold_sample(&hold, true, now += 10), "and up at once");
	}
}

Test(carrier_hold, one_that_flaps_is_down_until_it_has_been_up_for_long_enough)
{
	struct carrier_hold hold = {0};
	unsigned int changes = 0;
	bool used = true, is;
	uint64_t now = 1000;

	cr_expect(carrier_hold_sample(&hold, true, now));
	/* as often as it is looked at */
	for (unsigned int i = 0; i < 1000; i++, used = is) {
		is = carrier_hold_sample(&hold, i % 2, now += 100);
		changes += is != used;
	}
	cr_expect_eq(changes, 1u, "%u", changes);
	cr_assert_not(used);
	/* up since the last turn */
	cr_expect_not(carrier_hold_sample(&hold, true, now + STEADY - 1));
	cr_expect(carrier_hold_sample(&hold, true, now += STEADY));
	cr_expect(carrier_hold_sample(&hold, true, now += 1));
	/* forgiven */
	cr_expect(!carrier_hold_sample(&hold, false, now += 1));
	cr_expect(carrier_hold_sample(&hold, true, now += 1));
}

Test(carrier_hold, up_for_a_moment_between_long_losses_is_flapping_too)
{
	struct carrier_hold hold = {0};
	uint64_t now = 1000;

	carrier_hold_sample(&hold, true, now);
	carrier_hold_sample(&hold, false, now += STEADY - 1);
	for (unsigned int i = 0; i < 3; i++) {
		cr_expect_not(carrier_hold_sample(&hold, true, now += 10 * STEADY));
		cr_expect_not(carrier_hold_sample(&hold, false, now += 500));
	}
	cr_expect_not(carrier_hold_sample(&hold, true, now += 10 * STEADY));
	cr_expect(carrier_hold_sample(&hold, true, now += STEADY));
}
