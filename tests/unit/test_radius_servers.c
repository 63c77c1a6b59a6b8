/* SPDX-License-Identifier: BSD-3-Clause */
/* RADIUS servers that die, come back, answer but a part, or cannot be reached, and who is asked instead. */
#include "radius_world.h"

TestSuite(radius_servers, .init = setup, .fini = teardown);

Test(radius_servers, a_server_that_dies_loses_no_request_and_gets_new_ones_when_it_is_back)
{
	static struct asked asked[500], later;
	struct radius_server_status status;

	world_open(&(struct radius_client_settings){.n_servers = 2});
	world.models[0].per_second = 500;
	for (unsigned int i = 0; i < 500; i++)
		cr_assert_eq(ask(&asked[i], "right", 20000), 0);
	run(300);
	world.models[0].down = true;
	run(12000);
	cr_assert_eq(count_done(asked, 500, 0), 500, "%u of 500", count_done(asked, 500, 0));
	cr_assert_gt(count_done(asked, 500, 1), 0);
	cr_assert_gt(count_done(asked, 500, 2), 0);
	radius_client_status(world.client, 0, &status);
	cr_assert(status.dead);
	cr_assert_eq(status.in_flight, status.probes ? status.in_flight : 0);
	cr_assert_eq(world.deaths, 1);
	/* dead: nobody waits for it */
	ask(&later, "right", 20000);
	run(20);
	cr_assert_eq(later.server, 2);
	world.models[0].down = false;
	world.models[0].per_second = 0;
	run(7000);
	cr_assert_eq(world.revivals, 1);
	ask(&later, "right", 20000);
	run(20);
	cr_assert_eq(later.server, 1, "no fail-back");
}

Test(radius_servers, a_server_without_status_server_is_tried_by_a_request_now_and_then)
{
	struct asked asked[40];
	unsigned int first = 0;

	server_settings[0].status_server = false;
	world.models[0].no_status = true;
	world_open(&(struct radius_client_settings){.n_servers = 2});
	world.models[0].down = true;
	ask(&asked[0], "right", 20000);
	run(8000);
	cr_assert_eq(asked[0].server, 2);
	cr_assert_eq(world.deaths, 1);
	world.models[0].down = false;
	for (unsigned int i = 1; i < 40; i++) {
		ask(&asked[i], "right", 20000);
		run(200);
		first += asked[i].server == 1;
		cr_assert_eq(asked[i].done, 1);
	}
	cr_assert_eq(world.revivals, 1);
	cr_assert_eq(world.models[0].probes, 0);
	cr_assert_gt(first, 5);
}

Test(radius_servers, one_request_that_is_never_answered_does_not_keep_its_server_dead)
{
	struct asked asked, other;

	server_settings[0].tries = 5;
	world_open(&(struct radius_client_settings){.n_servers = 1});
	/* its user is one whom the server ignores */
	world.loss = 100;
	ask(&asked, "right", 30000);
	run(3500);
	cr_assert_eq(world.deaths, 1);
	world.loss = 0;
	run(2500);
	cr_assert_eq(world.revivals, 1);
	ask(&other, "right", 10000);
	run(100);
	cr_assert_eq(other.done, 1);
	run(10000);
	cr_assert_eq(asked.done, 1);
}

/* How many of them were answered within so many ms. */
static unsigned int count_within(const struct asked *asked, unsigned int n, uint64_t ms)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < n; i++)
		found += asked[i].done && asked[i].outcome == RADIUS_ANSWERED &&
			asked[i].after <= ms;
	return found;
}

Test(radius_servers, requests_that_no_server_answers_do_not_keep_the_others_from_being_asked)
{
	static struct asked ignored[60], asked[1000], later[100];

	for (unsigned int servers = 1; servers <= 2; servers++) {
		world_open(&(struct radius_client_settings){.n_servers = servers});
		for (unsigned int i = 0; i < 60; i++)
			cr_assert_eq(ask(&ignored[i], "ignored", 0), 0);
		for (unsigned int i = 0; i < 1000; i++)
			cr_assert_eq(ask(&asked[i], "right", 0), 0);
		run(60000);
		cr_assert_eq(
			count_done(asked, 1000, 0), 1000, "%u of 1000", count_done(asked, 1000, 0));
		for (unsigned int i = 0; i < 100; i++) {
			ask(&later[i], "right", 0);
			run(1000);
		}
		cr_assert_geq(count_within(later, 100, 1000), 90, "%u of 100 in time",
			count_within(later, 100, 1000));
		cr_assert_eq(count_done(ignored, 60, 0), 0);
		for (unsigned int i = 0; i < 60; i++)
			radius_client_cancel(ignored[i].request, world.now);
		radius_client_destroy(world.client);
		world.client = NULL;
		while (world.n_flights)
			free(world.flights[--world.n_flights].bytes);
	}
}

Test(radius_servers, a_request_that_is_never_answered_is_sent_more_and_more_rarely)
{
	struct asked ignored, asked;
	unsigned int before;

	world_open(&(struct radius_client_settings){.n_servers = 1});
	ask(&ignored, "ignored", 0);
	for (unsigned int s = 0; s < 600; s++) {
		ask(&asked, "right", 2000);
		run(1000);
		cr_assert_eq(asked.outcome, RADIUS_ANSWERED);
		cr_assert_eq(asked.done, 1, "second %u", s);
	}
	cr_assert_lt(world.models[0].ignored, 60, "%u", world.models[0].ignored);
	cr_assert_eq(radius_client_queued(world.client) + radius_client_in_flight(world.client), 1);
	/* but it is */
	before = world.models[0].ignored;
	run(80000);
	cr_assert_gt(world.models[0].ignored, before);
	radius_client_cancel(ignored.request, world.now);
}

Test(radius_servers, a_request_at_rest_ends_at_its_deadline)
{
	struct asked ignored;

	server_settings[0].tries = 1;
	world_open(&(struct radius_client_settings){.n_servers = 1});
	ask(&ignored, "ignored", 1500);
	run(1300);
	cr_assert_eq(radius_client_in_flight(world.client), 0);
	cr_assert_eq(radius_client_queued(world.client), 1);
	run(250);
	cr_assert_eq(ignored.outcome, RADIUS_NO_ANSWER);
	cr_assert_eq(ignored.done, 1);
	cr_assert_leq(ignored.after, 1510);
}

Test(radius_servers, a_window_stays_open_when_a_server_ignores_a_request_but_answers_later_ones)
{
	static struct asked ignored[4], asked[4000];
	struct radius_server_status status;
	uint32_t least = UINT32_MAX;

	world_open(&(struct radius_client_settings){.n_servers = 1, .in_flight_max = 1024});
	world.models[0].delay_ms = 200;
	for (unsigned int i = 0; i < 4000; i++)
		cr_assert_eq(ask(&asked[i], "right", 60000), 0);
	run(1500);
	for (unsigned int i = 0; i < 4; i++)
		ask(&ignored[i], "ignored", 60000);
	for (unsigned int i = 0; i < 4000 && !asked[3999].done; i++)
		step();
	radius_client_status(world.client, 0, &status);
	cr_assert_gt(status.window, 256, "%u", status.window);
	for (unsigned int i = 0; i < 9000; i++) {
		struct asked *again = &asked[i % 4000];

		cr_assert_eq(ask(again, "right", 60000), 0);
		step();
		radius_client_status(world.client, 0, &status);
		least = status.window < least ? status.window : least;
	}
	cr_assert_gt(least, 256, "%u", least);
	cr_assert_gt(status.timeouts, 8);
	run(500);
}

Test(radius_servers, a_server_that_answers_status_server_alone_leaves_the_work_to_another)
{
	static struct asked asked[4000];
	struct radius_server_status status;
	unsigned int received;

	world_open(&(struct radius_client_settings){.n_servers = 2});
	world.models[0].only_status = true;
	for (unsigned int i = 0; i < 4000; i++) {
		cr_assert_eq(ask(&asked[i], "right", 20000), 0);
		run(30);
	}
	run(10000);
	cr_assert_eq(count_done(asked, 4000, 2), 4000);
	/* once for all it had; then it is given one at a time, with longer and longer pauses */
	cr_assert_geq(count_within(asked, 4000, 100), 3880, "%u of 4000 at once",
		count_within(asked, 4000, 100));
	cr_assert_geq(count_within(asked + 200, 3800, 100), 3790, "%u of 3800 at once",
		count_within(asked + 200, 3800, 100));
	cr_assert_leq(world.deaths, 6, "%u", world.deaths);
	radius_client_status(world.client, 0, &status);
	cr_assert_gt(status.held_until, world.now);
	cr_assert_geq(world.held_ms, 20000, "%lu", world.held_ms);
	/* alone it is asked nevertheless */
	world.models[1].down = true;
	received = world.models[0].received;
	for (unsigned int i = 0; i < 200; i++) {
		ask(&asked[i], "right", 20000);
		run(30);
	}
	run(3000);
	cr_assert_gt(world.models[0].received, received + 5);
	world.models[1].down = false;
	run(20000);
	/* and healed it has its place again */
	world.models[0].only_status = false;
	for (unsigned int i = 0; i < 3000; i++) {
		cr_assert_eq(ask(&asked[i], "right", 20000), 0);
		run(110);
	}
	cr_assert_eq(count_within(asked, 3000, 100), 3000);
	cr_assert_eq(asked[2999].server, 1);
	radius_client_status(world.client, 0, &status);
	cr_assert_eq(status.held_until, 0);
}

Test(radius_servers, what_finds_no_room_for_long_goes_to_the_next_priority)
{
	static struct asked asked[300];

	world_open(&(struct radius_client_settings){.n_servers = 2});
	world.models[0].per_second = 10;
	for (unsigned int i = 0; i < 300; i++)
		cr_assert_eq(ask(&asked[i], "right", 5000), 0);
	run(5100);
	cr_assert_eq(count_done(asked, 300, 0), 300, "%u of 300", count_done(asked, 300, 0));
	cr_assert_gt(count_done(asked, 300, 2), 200);
	cr_assert_gt(count_done(asked, 300, 1), 5);
}

Test(radius_servers, a_storm_that_the_first_priority_can_take_stays_there)
{
	static struct asked asked[400];

	world_open(&(struct radius_client_settings){.n_servers = 2});
	world.models[0].per_second = 500;
	for (unsigned int i = 0; i < 400; i++)
		cr_assert_eq(ask(&asked[i], "right", 5000), 0);
	run(1500);
	cr_assert_eq(count_done(asked, 400, 1), 400, "%u of 400", count_done(asked, 400, 1));
}

Test(radius_servers, a_socket_that_cannot_be_opened_is_tried_again)
{
	struct asked asked;

	world_open(&(struct radius_client_settings){.n_servers = 1});
	world.no_socket[0] = true;
	ask(&asked, "right", 0);
	run(5000);
	cr_assert_eq(asked.done, 0);
	cr_assert_geq(radius_client_counters(world.client)->no_socket, 4);
	cr_assert_leq(radius_client_counters(world.client)->no_socket, 6);
	world.no_socket[0] = false;
	run(1100);
	cr_assert_eq(asked.done, 1);
	cr_assert_eq(asked.outcome, RADIUS_ANSWERED);
}

Test(radius_servers, a_server_without_a_socket_leaves_the_work_to_another)
{
	static struct asked asked[100];

	world_open(&(struct radius_client_settings){.n_servers = 2});
	world.no_socket[0] = true;
	for (unsigned int i = 0; i < 100; i++)
		ask(&asked[i], "right", 0);
	run(100);
	cr_assert_eq(count_done(asked, 100, 2), 100);
	cr_assert_eq(radius_client_counters(world.client)->no_socket, 1);
	world.no_socket[0] = false;
	run(1000);
	ask(&asked[0], "right", 0);
	run(20);
	cr_assert_eq(asked[0].server, 1);
}

Test(radius_servers, a_dead_server_is_probed_by_one_packet_at_a_time)
{
	struct asked asked;

	server_settings[0].probe_ms = 60000;
	world_open(&(struct radius_client_settings){.n_servers = 2});
	/* as it dies, what its timer was set for while it lived comes due */
	run(26500);
	world.models[0].down = true;
	ask(&asked, "right", 0);
	run(3200);
	cr_assert_eq(world.deaths, 1);
	for (unsigned int ms = 0; ms < 5000; ms++) {
		step();
		cr_assert_leq(radius_client_in_flight(world.client), 1);
	}
	cr_assert_eq(asked.done, 1);
	cr_assert_eq(radius_client_in_flight(world.client), 0);
}

Test(radius_servers, with_all_servers_dead_requests_wait_and_survive)
{
	struct asked asked[20];

	world_open(&(struct radius_client_settings){.n_servers = 2});
	world.models[0].down = world.models[1].down = true;
	for (unsigned int i = 0; i < 20; i++)
		ask(&asked[i], "right", 20000);
	run(12000);
	cr_assert_eq(world.deaths, 2);
	cr_assert_eq(count_done(asked, 20, 0), 0);
	world.models[1].down = false;
	run(2500);
	cr_assert_eq(count_done(asked, 20, 2), 20);
}

Test(radius_servers, with_fail_fast_they_are_told_at_once)
{
	struct asked asked, later;

	world_open(&(struct radius_client_settings){.n_servers = 1, .fail_fast = true});
	world.models[0].down = true;
	ask(&asked, "right", 20000);
	run(6000);
	cr_assert_eq(asked.done, 1);
	cr_assert_eq(asked.outcome, RADIUS_NO_SERVER);
	ask(&later, "right", 20000);
	cr_assert_eq(later.done, 0, "answered from within the question");
	run(20);
	cr_assert_eq(later.outcome, RADIUS_NO_SERVER);
	cr_assert_eq(later.done, 1);
}
