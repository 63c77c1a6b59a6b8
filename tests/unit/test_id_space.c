/* SPDX-License-Identifier: BSD-3-Clause */
/* Ids are never 0, never collide in a slot, rest when freed, and run out cleanly. */
#include "id_space.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t seed;

static uint32_t rnd(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed ^ seed >> 15;
}

TestSuite(id_space);

Test(id_space, all_65535_ids_are_given_once_and_the_next_is_refused)
{
	struct id_space space;
	static bool seen[65536];

	seed = 1;
	cr_assert_eq(id_space_init(&space, 4, 1000), 0);
	for (int i = 0; i < 65535; i++) {
		int id = id_space_take(&space, 0, rnd());

		cr_assert_gt(id, 0, "the %dth", i);
		cr_assert_leq(id, 65535);
		cr_assert_not(seen[id], "id %d given twice", id);
		seen[id] = true;
	}
	cr_assert_eq(id_space_take(&space, 0, rnd()), -ENOSPC);
	cr_assert_eq(space.used, 65535);
	id_space_destroy(&space);
}

Test(id_space, ids_in_use_never_share_a_slot_while_the_space_grows)
{
	struct id_space space;
	uint16_t ids[3000];

	seed = 7;
	cr_assert_eq(id_space_init(&space, 4, 1000), 0);
	for (int n = 0; n < 3000; n++) {
		static bool slot[65536];
		int id = id_space_take(&space, 0, rnd());

		cr_assert_gt(id, 0);
		ids[n] = (uint16_t)id;
		if (n % 97 != 0)
			continue;
		memset(slot, 0, sizeof(slot));
		for (int i = 0; i <= n; i++) {
			uint32_t s = ids[i] & (id_space_slots(&space) - 1);

			cr_assert_not(
				slot[s], "two ids in slot %u of %u", s, id_space_slots(&space));
			slot[s] = true;
		}
	}
	cr_assert_eq(id_space_slots(&space), 4096, "grown no further than needed");
	id_space_destroy(&space);
}

Test(id_space, all_zero_randomness_never_gives_id_0)
{
	for (unsigned bits = 1; bits <= 16; bits++) {
		struct id_space space;

		cr_assert_eq(id_space_init(&space, bits, 0), 0);
		for (int i = 0; i < 100; i++)
			cr_assert_gt(id_space_take(&space, 0, 0), 0);
		id_space_destroy(&space);
	}
}

Test(id_space, a_freed_id_rests_and_comes_back_only_afterwards)
{
	struct id_space space;
	int id;

	cr_assert_eq(id_space_init(&space, 16, 1000), 0);
	for (int i = 0; i < 65535; i++)
		cr_assert_gt(id_space_take(&space, 0, rnd()), 0);
	id_space_release(&space, 5000, 77, true);
	id_space_release(&space, 5100, 78, true);
	cr_assert(id_space_resting(&space, 77));
	cr_assert_eq(id_space_take(&space, 5999, rnd()), -ENOSPC, "77 still rests");
	id = id_space_take(&space, 6000, rnd());
	cr_assert_eq(id, 77, "oldest first");
	cr_assert_not(id_space_resting(&space, 77));
	cr_assert_eq(id_space_take(&space, 6000, rnd()), -ENOSPC);
	cr_assert_eq(id_space_take(&space, 6100, rnd()), 78);
	id_space_destroy(&space);
}

Test(id_space, an_id_the_peer_never_learnt_is_free_at_once_and_a_foreign_one_is_not_taken_back)
{
	struct id_space space;
	int id;

	cr_assert_eq(id_space_init(&space, 4, 1000), 0);
	id = id_space_take(&space, 0, 0xabcd1234);
	id_space_release(&space, 0, (uint16_t)(id ^ 0x8000), true);
	cr_assert_eq(space.used, 1, "another id in the same slot is not this one");
	id_space_release(&space, 0, (uint16_t)id, false);
	id_space_release(&space, 0, (uint16_t)id, false);
	cr_assert_eq(space.used, 0);
	cr_assert_eq(space.free_count, 16, "a double release frees once");
	id_space_destroy(&space);
}

Test(id_space, the_order_of_ids_tells_nothing_about_the_next)
{
	struct id_space space;
	int sequential = 0, last = 0;

	seed = 99;
	cr_assert_eq(id_space_init(&space, 4, 0), 0);
	for (int i = 0; i < 4000; i++) {
		int id = id_space_take(&space, 0, rnd());

		sequential += id == last + 1;
		last = id;
	}
	cr_assert_lt(sequential, 10, "%d of 4000 ids followed their predecessor", sequential);
	id_space_destroy(&space);
}
