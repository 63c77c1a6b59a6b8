/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions onto workers: evenly, without a handoff where one is not needed, and away from a worker that is full. */
#include "worker_load.h"

#include <criterion/criterion.h>

#define N 10000

static struct worker_load load;
static unsigned int owned[WORKER_LOAD_MAX];

static void dial(unsigned int n, uint8_t esp)
{
	for (unsigned int i = 0; i < n; i++)
		owned[worker_load_take(&load, esp)]++;
}

static void expect_even(uint32_t slack)
{
	for (unsigned int i = 1; i < load.n; i++) {
		uint32_t a = load.load[0], b = load.load[i];

		cr_expect_leq(a > b ? a - b : b - a, slack, "%u and %u", a, b);
	}
}

Test(worker_load, plain_sessions_take_turns)
{
	load.n = 3;
	for (unsigned int i = 0; i < 9; i++)
		cr_expect_eq(worker_load_take(&load, WORKER_LOAD_CLEAR), i % 3);
	/* who lost some gets the next ones */
	worker_load_give(&load, 1, WORKER_LOAD_CLEAR);
	worker_load_give(&load, 1, WORKER_LOAD_CLEAR);
	cr_expect_eq(worker_load_take(&load, WORKER_LOAD_CLEAR), 1);
	cr_expect_eq(worker_load_take(&load, WORKER_LOAD_CLEAR), 1);
	expect_even(0);
}

Test(worker_load, who_has_much_more_than_others_has_no_room)
{
	load.n = 3;
	cr_expect(worker_load_room(&load, 2));
	cr_expect_not(worker_load_room(&load, 3), "there is no such worker");
	for (unsigned int i = 0; i < WORKER_LOAD_SLACK; i++)
		load.load[2] += WORKER_LOAD_SESSION;
	cr_expect_not(worker_load_room(&load, 2));
	cr_expect(worker_load_room(&load, 0));
	load.load[0] = load.load[1] = 1;
	cr_expect(worker_load_room(&load, 2));
}

Test(worker_load, many_peers_sessions_stay_with_their_sas)
{
	load.n = 4;
	for (unsigned int i = 0; i < N; i++)
		cr_assert_eq(worker_load_take(&load, (uint8_t)(i % 4)), i % 4);
	expect_even(0);
}

/* Two workers: the one decrypts, the other does the rest, which still is less. */
Test(worker_load, one_peers_sessions_go_to_the_other_of_two_workers)
{
	load.n = 2;
	dial(N, 0);
	cr_expect_lt(owned[0], N / 100);
	cr_expect_eq(owned[0] + owned[1], N);
}

Test(worker_load, one_peers_sessions_spread_over_the_others_and_plain_ones_fill_up)
{
	load.n = 4;
	dial(N, 2);
	for (unsigned int i = 0; i < 4; i++)
		if (i != 2)
			cr_expect_geq(owned[i], N / 3 - 40, "worker %u: %u", i, owned[i]);
	/* plain sessions go where there is room until all have the same */
	dial(9 * N, WORKER_LOAD_CLEAR);
	expect_even(1);
}

/* Queues that bring a part of the sessions each: every session is where its packets come. */
Test(worker_load, sessions_are_where_their_packets_arrive)
{
	load.n = 4;
	for (unsigned int i = 0; i < N; i++) {
		uint8_t owner = worker_load_take(&load, WORKER_LOAD_CLEAR);
		uint8_t arrival = (uint8_t)(i * 2654435761u >> 16) % 4;

		cr_assert_eq(worker_load_move(&load, owner, arrival), owner != arrival);
		owned[arrival]++;
	}
	for (unsigned int i = 0; i < 4; i++)
		cr_expect_eq(load.load[i], owned[i]);
}

/* All by one queue: its worker has no more than its share and the slack, and the others have the rest. */
Test(worker_load, one_queue_does_not_fill_its_worker)
{
	unsigned int moved = 0;

	load.n = 3;
	for (unsigned int i = 0; i < N; i++)
		moved += worker_load_move(&load, worker_load_take(&load, WORKER_LOAD_CLEAR), 2);
	cr_expect_gt(moved, 0);
	cr_expect_leq(load.load[2], load.load[0] + WORKER_LOAD_SLACK + 1);
	cr_expect_leq(load.load[2], load.load[1] + WORKER_LOAD_SLACK + 1);
	cr_expect_eq(load.load[0] + load.load[1] + load.load[2], N);
	/* to itself, and to nobody */
	cr_expect_not(worker_load_move(&load, 1, 1));
	cr_expect_not(worker_load_move(&load, 1, 3));
}

Test(worker_load, what_was_taken_is_given_back)
{
	static uint8_t owner[N];

	load.n = 3;
	for (unsigned int i = 0; i < N; i++)
		owner[i] = worker_load_take(&load, i % 3 ? WORKER_LOAD_CLEAR : 1);
	for (unsigned int i = 0; i < N; i++)
		worker_load_give(&load, owner[i], i % 3 ? WORKER_LOAD_CLEAR : 1);
	for (unsigned int i = 0; i < 3; i++)
		cr_expect_eq(load.load[i], 0);
}

Test(worker_load, one_worker_has_all)
{
	load.n = 1;
	dial(100, 0);
	dial(100, WORKER_LOAD_CLEAR);
	cr_expect_eq(owned[0], 200);
}
