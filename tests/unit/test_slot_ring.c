/* SPDX-License-Identifier: BSD-3-Clause */
/* Which slot comes next: the one given back longest ago, before any that was never used. */
#include "slot_ring.h"

#include <criterion/criterion.h>

Test(slot_ring, new_ones_come_only_while_none_was_given_back)
{
	struct slot_ring ring = {0};

	slot_ring_destroy(&ring);
	cr_assert(slot_ring_create(&ring, 1, 4));
	cr_expect_eq(slot_ring_take(&ring), 1u);
	cr_expect_eq(slot_ring_take(&ring), 2u);
	cr_expect(slot_ring_known(&ring, 2) && !slot_ring_known(&ring, 3));
	slot_ring_give(&ring, 1);
	cr_expect(slot_ring_known(&ring, 1));
	cr_expect_eq(slot_ring_take(&ring), 1u);
	cr_expect(slot_ring_left(&ring));
	cr_expect_eq(slot_ring_take(&ring), 3u);
	cr_expect_not(slot_ring_left(&ring));
	slot_ring_give(&ring, 2);
	cr_expect(slot_ring_left(&ring));
	slot_ring_destroy(&ring);
}

Test(slot_ring, slots_come_back_in_the_order_in_which_they_were_given)
{
	enum { SIZE = 7 };
	uint32_t order[SIZE], n = 0, turn = 0;
	struct slot_ring ring;

	cr_assert(slot_ring_create(&ring, 0, SIZE));
	while (slot_ring_left(&ring))
		order[n++] = slot_ring_take(&ring);
	cr_assert_eq(n, (uint32_t)SIZE);
	/* the ring's end is passed at every number of free ones */
	for (uint32_t give = 1; give <= SIZE; give++) {
		for (unsigned int round = 0; round < 3 * SIZE; round++) {
			for (uint32_t i = 0; i < give; i++)
				slot_ring_give(&ring, order[(turn + i) % SIZE]);
			for (uint32_t i = 0; i < give; i++)
				cr_assert_eq(slot_ring_take(&ring), order[(turn + i) % SIZE]);
			cr_assert_not(slot_ring_left(&ring));
			turn += give;
		}
	}
	slot_ring_destroy(&ring);
}
