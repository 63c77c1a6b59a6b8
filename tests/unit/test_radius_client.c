/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests, how many are let out at a time, lost and forged answers. */
#include "radius_world.h"

TestSuite(radius_client, .init = setup, .fini = teardown);

Test(radius_client, accept_and_reject_come_back_to_who_asked)
{
	struct asked right, wrong;

	world_open(&(struct radius_client_settings){.n_servers = 1});
	cr_assert_eq(ask(&right, "right", 10000), 0);
	cr_assert_eq(ask(&wrong, "wrong", 10000), 0);
	cr_assert_eq(right.done + wrong.done, 0, "answered from within the question");
	run(50);
	cr_assert_eq(right.done, 1);
	cr_assert_eq(right.code, RADIUS_ACCESS_ACCEPT);
	cr_assert_eq(wrong.done, 1);
	cr_assert_eq(wrong.code, RADIUS_ACCESS_REJECT);
	cr_assert_eq(radius_client_in_flight(world.client), 0);
}

Test(radius_client, silence_is_answered_by_resends_with_longer_pauses_and_the_same_packet)
{
	struct asked asked;
	uint8_t first[RADIUS_PACKET_MAX];
	uint64_t sent_at[4] = {0};
	unsigned int n = 0;

	server_settings[0].dead_ms = 60000;
	world_open(&(struct radius_client_settings){.n_servers = 1});
	world.models[0].down = true;
	ask(&asked, "right", 0);
	for (unsigned int ms = 0; ms < 6000; ms++) {
		for (unsigned int i = 0; i < world.n_flights; i++) {
			if (world.flights[i].at != world.now + 1)
				continue;
			if (!n)
				memcpy(first, world.flights[i].bytes, world.flights[i].length);
			if (n < 3)
				cr_assert_arr_eq(
					world.flights[i].bytes, first, world.flights[i].length);
			if (n < 4)
				sent_at[n++] = world.now;
		}
		step();
	}
	cr_assert_geq(n, 3);
	cr_assert_geq(sent_at[1] - sent_at[0], 900);
	cr_assert_leq(sent_at[1] - sent_at[0], 1120);
	cr_assert_geq(sent_at[2] - sent_at[1], 1800);
	cr_assert_leq(sent_at[2] - sent_at[1], 2240);
	radius_client_cancel(asked.request, world.now);
}

Test(radius_client, a_deadline_ends_a_request_wherever_it_is)
{
	struct asked asked[300];
	unsigned int n = 0;

	server_settings[0].dead_ms = 60000;
	world_open(&(struct radius_client_settings){.n_servers = 1, .in_flight_max = 8});
	world.models[0].down = true;
	for (unsigned int i = 0; i < 300; i++)
		ask(&asked[i], "right", 5000);
	run(5100);
	for (unsigned int i = 0; i < 300; i++) {
		n += asked[i].done;
		cr_assert_eq(asked[i].outcome, RADIUS_NO_ANSWER);
		cr_assert_leq(asked[i].after, 5020);
	}
	cr_assert_eq(n, 300);
	cr_assert_eq(radius_client_in_flight(world.client) + radius_client_queued(world.client), 0);
}

Test(radius_client, a_storm_is_admitted_at_the_rate_of_the_answers)
{
	static struct asked asked[5000];
	struct radius_server_status status;

	world_open(&(struct radius_client_settings){.n_servers = 1, .in_flight_max = 128});
	world.models[0].per_second = 500;
	for (unsigned int i = 0; i < 5000; i++)
		cr_assert_eq(ask(&asked[i], "right", 60000), 0);
	run(10500);
	cr_assert_eq(count_done(asked, 5000, 0), 5000, "%u", count_done(asked, 5000, 0));
	radius_client_status(world.client, 0, &status);
	cr_assert_leq(world.in_flight_most, 128);
	cr_assert_eq(
		status.resent, 0, "%lu resends to a server that was merely busy", status.resent);
	cr_assert_eq(world.deaths, 0);
}

Test(radius_client, what_waits_does_so_here_and_not_in_the_socket_of_the_server)
{
	static struct asked asked[5000];
	struct radius_server_status status;

	world_open(&(struct radius_client_settings){.n_servers = 1, .in_flight_max = 1024});
	world.models[0].per_second = 2000;
	for (unsigned int i = 0; i < 5000; i++)
		cr_assert_eq(ask(&asked[i], "right", 60000), 0);
	run(2700);
	/* as fast as the server can */
	cr_assert_eq(count_done(asked, 5000, 0), 5000, "%u", count_done(asked, 5000, 0));
	cr_assert_lt(world.in_flight_most, 100, "%u", world.in_flight_most);
	radius_client_status(world.client, 0, &status);
	cr_assert_eq(status.resent, 0);
}

Test(radius_client, what_cannot_be_answered_in_time_is_told_at_once)
{
	static struct asked asked[1000];
	unsigned int n;

	world_open(&(struct radius_client_settings){.n_servers = 1, .in_flight_max = 16});
	world.models[0].down = true;
	for (unsigned int i = 0; i < 1000; i++)
		cr_assert_eq(ask(&asked[i], "right", 5000), 0);
	/* 16 are with the server */
	cr_assert_eq(radius_client_queued(world.client), 984);
	cr_assert_eq(radius_client_shed(world.client, world.now, 1000, 64), 0);
	n = radius_client_shed(world.client, world.now, 100, 64);
	cr_assert_eq(n, 984 - 500);
	cr_assert_eq(radius_client_queued(world.client), 500);
	for (unsigned int i = 0; i < 1000; i++)
		cr_assert_eq(asked[i].done, i >= 516, "request %u", i);
	cr_assert_eq(radius_client_shed(world.client, world.now, 0, 64), 436);
	cr_assert_eq(radius_client_shed(world.client, world.now, 0, 64), 0);
}

Test(radius_client, a_distant_server_gets_as_much_as_the_distance_takes)
{
	static struct asked asked[5000];

	world_open(&(struct radius_client_settings){.n_servers = 1, .in_flight_max = 1024});
	world.models[0].delay_ms = 100;
	for (unsigned int i = 0; i < 5000; i++)
		cr_assert_eq(ask(&asked[i], "right", 60000), 0);
	run(3000);
	cr_assert_eq(count_done(asked, 5000, 0), 5000, "%u", count_done(asked, 5000, 0));
	cr_assert_gt(world.in_flight_most, 300, "%u", world.in_flight_most);
}

Test(radius_client, a_slow_server_makes_its_window_small)
{
	static struct asked asked[600];
	struct radius_server_status status;

	world_open(&(struct radius_client_settings){.n_servers = 1, .in_flight_max = 1024});
	world.models[0].per_second = 20;
	for (unsigned int i = 0; i < 600; i++)
		cr_assert_eq(ask(&asked[i], "right", 120000), 0);
	run(60000);
	radius_client_status(world.client, 0, &status);
	cr_assert_lt(status.window, 64, "%u", status.window);
	cr_assert_lt(status.resent, 200, "%lu resends", status.resent);
	cr_assert_eq(count_done(asked, 600, 0), 600, "%u", count_done(asked, 600, 0));
}

Test(radius_client, loss_duplicates_and_reordering_lose_nothing)
{
	static struct asked asked[3000];

	for (unsigned int seed = 1; seed <= 5; seed++) {
		world.seed = seed;
		world.loss = 20;
		world.duplicate = 10;
		world.reorder = 30;
		server_settings[0].weight = server_settings[1].weight = 1;
		server_settings[1].priority = server_settings[0].priority;
		world_open(&(struct radius_client_settings){.n_servers = 2});
		for (unsigned int i = 0; i < 3000; i++)
			cr_assert_eq(ask(&asked[i], i % 3 ? "right" : "wrong", 0), 0);
		for (unsigned int s = 0; s < 300 && count_done(asked, 3000, 0) < 3000; s++)
			run(1000);
		cr_assert_eq(count_done(asked, 3000, 0), 3000, "seed %u", seed);
		for (unsigned int i = 0; i < 3000; i++)
			cr_assert_eq(
				asked[i].code, i % 3 ? RADIUS_ACCESS_ACCEPT : RADIUS_ACCESS_REJECT);
		cr_assert_eq(radius_client_queued(world.client), 0);
		radius_client_destroy(world.client);
		for (unsigned int i = 0; i < world.n_flights; i++)
			free(world.flights[i].bytes);
		world.n_flights = 0;
		world.client = NULL;
	}
}

Test(radius_client, sockets_grow_with_what_is_under_way_and_shrink_again)
{
	static struct asked asked[3000];
	struct radius_server_status status;

	world_open(&(struct radius_client_settings){
		.n_servers = 1, .in_flight_max = 2000, .sockets_max = 8});
	world.models[0].delay_ms = 800;
	for (unsigned int i = 0; i < 3000; i++)
		cr_assert_eq(ask(&asked[i], "right", 60000), 0);
	for (unsigned int s = 0; s < 20 && count_done(asked, 3000, 0) < 3000; s++)
		run(1000);
	cr_assert_eq(count_done(asked, 3000, 0), 3000);
	cr_assert_gt(world.sockets_most, 1);
	cr_assert_leq(world.sockets_most, 8);
	run(70000);
	radius_client_status(world.client, 0, &status);
	cr_assert_eq(status.sockets, 1, "%u sockets", status.sockets);
	cr_assert_eq(world.sockets_open, 1);
	cr_assert_eq(status.in_flight, 0);
}

Test(radius_client, weights_share_the_requests_of_one_priority)
{
	static struct asked asked[400];

	server_settings[0].priority = server_settings[1].priority = 5;
	server_settings[0].weight = 3;
	world_open(&(struct radius_client_settings){.n_servers = 3});
	for (unsigned int i = 0; i < 400; i++) {
		ask(&asked[i], "right", 10000);
		run(1);
	}
	run(50);
	cr_assert_eq(count_done(asked, 400, 1), 300);
	cr_assert_eq(count_done(asked, 400, 2), 100);
}

Test(radius_client, a_queue_that_is_full_says_so)
{
	struct asked asked[20];
	unsigned int refused = 0;

	world_open(&(struct radius_client_settings){
		.n_servers = 1, .in_flight_max = 4, .queue_max = 10});
	for (unsigned int i = 0; i < 20; i++)
		refused += ask(&asked[i], "right", 10000) == -ENOBUFS;
	cr_assert_eq(refused, 6);
}

Test(radius_client, what_is_cancelled_is_never_answered)
{
	static struct asked asked[100];

	world_open(&(struct radius_client_settings){.n_servers = 1, .in_flight_max = 16});
	for (unsigned int i = 0; i < 100; i++)
		ask(&asked[i], "right", 10000);
	for (unsigned int i = 0; i < 100; i += 2)
		radius_client_cancel(asked[i].request, world.now);
	run(3000);
	for (unsigned int i = 0; i < 100; i++)
		cr_assert_eq(asked[i].done, i % 2);
}

/* Takes the answer to a fresh request off the wire. */
static struct flight answer_take(struct asked *asked)
{
	ask(asked, "right", 10000);
	for (unsigned int ms = 0; ms < 100; ms++) {
		for (unsigned int i = 0; i < world.n_flights; i++)
			if (world.flights[i].reply) {
				struct flight flight = world.flights[i];

				world.flights[i].used = true;
				world.flights[i].bytes = NULL;
				return flight;
			}
		step();
	}
	cr_assert_fail("no answer");
	return (struct flight){0};
}

static uint64_t dropped(enum radius_drop drop)
{
	struct radius_server_status status;

	radius_client_status(world.client, 0, &status);
	return status.drops[drop];
}

Test(radius_client, replies_that_are_not_right_are_dropped_and_counted)
{
	static const struct {
		enum radius_drop drop;
		int offset;
		uint8_t flip;
	} rows[] = {
		{RADIUS_DROP_CODE, 0, 4 ^ 2}, /* Accounting-Response */
		{RADIUS_DROP_ID, 1, 0x80},
		{RADIUS_DROP_LENGTH, 2, 0x80},
		{RADIUS_DROP_SHORT, 3, 0x40},
		{RADIUS_DROP_AUTHENTICATOR, 4, 1},
		{RADIUS_DROP_AUTHENTICATOR, 30, 1},
		{RADIUS_DROP_ATTRIBUTE, 21, 0x13},
	};
	struct radius_endpoint source = endpoint_of(0);
	struct flight flight;
	struct asked asked;

	world_open(&(struct radius_client_settings){.n_servers = 1});
	flight = answer_take(&asked);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint64_t before = dropped(rows[i].drop);

		flight.bytes[rows[i].offset] ^= rows[i].flip;
		radius_client_receive(world.client, world.now, 0, flight.socket, &source,
			flight.bytes, flight.length);
		flight.bytes[rows[i].offset] ^= rows[i].flip;
		cr_assert_eq(dropped(rows[i].drop), before + 1, "row %u", i);
		cr_assert_eq(asked.done, 0);
	}
	for (unsigned int i = 0; i < 3; i++) {
		source = endpoint_of(0);
		if (i == 0)
			source.port++;
		else if (i == 1)
			source.address[3]++;
		else
			source.family = 6;
		radius_client_receive(world.client, world.now, 0, flight.socket, &source,
			flight.bytes, flight.length);
		cr_assert_eq(dropped(RADIUS_DROP_ADDRESS), i + 1);
	}
	source = endpoint_of(0);
	radius_client_receive(world.client, world.now, 0, flight.socket + 1, &source, flight.bytes,
		flight.length);
	cr_assert_eq(dropped(RADIUS_DROP_ID), 2);
	cr_assert_eq(asked.done, 0);
	radius_client_receive(
		world.client, world.now, 0, flight.socket, &source, flight.bytes, flight.length);
	cr_assert_eq(asked.done, 1);
	radius_client_receive(
		world.client, world.now, 0, flight.socket, &source, flight.bytes, flight.length);
	cr_assert_eq(dropped(RADIUS_DROP_DUPLICATE), 1);
	cr_assert_eq(asked.done, 1);
	free(flight.bytes);
}

Test(radius_client, an_answer_after_the_deadline_is_late)
{
	struct radius_endpoint source = endpoint_of(0);
	struct flight flight;
	struct asked asked;

	world_open(&(struct radius_client_settings){.n_servers = 1});
	flight = answer_take(&asked);
	radius_client_cancel(asked.request, world.now);
	radius_client_receive(
		world.client, world.now, 0, flight.socket, &source, flight.bytes, flight.length);
	cr_assert_eq(dropped(RADIUS_DROP_LATE), 1);
	free(flight.bytes);
}

Test(radius_client, message_authenticator_is_required_unless_the_server_is_excused)
{
	struct asked asked;

	world.models[0].no_message_authenticator = true;
	world_open(&(struct radius_client_settings){.n_servers = 1});
	ask(&asked, "right", 2500);
	run(2600);
	cr_assert_eq(asked.outcome, RADIUS_NO_ANSWER);
	cr_assert_geq(dropped(RADIUS_DROP_NO_MESSAGE_AUTHENTICATOR), 2);
	radius_client_destroy(world.client);
	server_settings[0].require_message_authenticator = false;
	world_open(&(struct radius_client_settings){.n_servers = 1});
	ask(&asked, "right", 2500);
	run(100);
	cr_assert_eq(asked.code, RADIUS_ACCESS_ACCEPT);
}

Test(radius_client, a_wrong_message_authenticator_is_never_excused)
{
	struct radius_endpoint source = endpoint_of(0);
	struct radius_packet packet;
	struct radius_writer writer;
	struct flight flight;
	struct asked asked;
	uint8_t forged[RADIUS_PACKET_MAX], authenticator[16], value[16] = {1};
	size_t length;

	server_settings[0].require_message_authenticator = false;
	world_open(&(struct radius_client_settings){.n_servers = 1});
	ask(&asked, "right", 10000);
	cr_assert_eq(world.n_flights, 1);
	memcpy(authenticator, world.flights[0].bytes + 4, sizeof(authenticator));
	flight = world.flights[0];
	cr_assert_eq(radius_packet_parse(&packet, flight.bytes, flight.length), RADIUS_WIRE_OK);
	radius_writer_init(
		&writer, forged, sizeof(forged), RADIUS_ACCESS_ACCEPT, flight.bytes[1], NULL);
	radius_add(&writer, RADIUS_MESSAGE_AUTHENTICATOR, value, sizeof(value));
	length = radius_reply_sign(&writer, authenticator, secret_of(0));
	radius_client_receive(world.client, world.now, 0, flight.socket, &source, forged, length);
	cr_assert_eq(dropped(RADIUS_DROP_MESSAGE_AUTHENTICATOR), 1);
	cr_assert_eq(asked.done, 0);
}

Test(radius_client, accounting_says_how_long_ago_it_was_and_is_sent_the_same_again)
{
	struct radius_question question = {
		.code = RADIUS_ACCOUNTING_REQUEST,
		.attributes = (const uint8_t *)"\x2c\x05"
					       "abc",
		.attributes_length = 5,
		.done = on_done,
	};
	struct asked asked = {0};
	struct radius_attribute attribute;
	struct radius_packet packet;
	uint32_t delay, seen[2] = {0};
	uint64_t changes = 0;

	for (unsigned int i = 0; i < 2; i++)
		server_settings[i].dead_ms = 60000;
	world_open(&(struct radius_client_settings){.n_servers = 2, .accounting = true});
	world.models[0].down = true;
	question.user = &asked;
	question.happened_at = (int64_t)world.now - 90500;
	cr_assert_eq(radius_client_submit(world.client, world.now, &question, &asked.request), 0);
	for (unsigned int ms = 0; ms < 9000 && !asked.done; ms++) {
		for (unsigned int i = 0; i < world.n_flights; i++) {
			struct flight *flight = &world.flights[i];

			if (flight->reply)
				continue;
			cr_assert_eq(radius_packet_parse(&packet, flight->bytes, flight->length),
				RADIUS_WIRE_OK);
			cr_assert(radius_find(&packet, RADIUS_ACCT_DELAY_TIME, &attribute));
			cr_assert_eq(radius_get_u32(&attribute, &delay), 0);
			changes += seen[flight->server] && seen[flight->server] != delay;
			seen[flight->server] = delay;
		}
		step();
	}
	cr_assert_eq(asked.done, 1);
	cr_assert_eq(asked.code, RADIUS_ACCOUNTING_RESPONSE);
	cr_assert_eq(seen[0], 90);
	cr_assert_geq(seen[1], 95);
	cr_assert_eq(changes, 0, "a resend is another packet");
}

Test(radius_client, a_question_that_fits_no_packet_is_refused)
{
	static uint8_t attributes[RADIUS_PACKET_MAX];
	struct radius_question question = {
		.code = RADIUS_ACCESS_REQUEST,
		.attributes = attributes,
		.attributes_length = RADIUS_PACKET_MAX - 100,
		.done = on_done,
	};
	struct radius_request *request;

	world_open(&(struct radius_client_settings){.n_servers = 1});
	cr_assert_eq(radius_client_submit(world.client, world.now, &question, &request), -EMSGSIZE);
	question.attributes_length = 0;
	question.password = attributes;
	question.password_length = 129;
	cr_assert_eq(radius_client_submit(world.client, world.now, &question, &request), -EMSGSIZE);
}

Test(radius_client, a_question_may_fill_its_packet_to_the_last_byte)
{
	static uint8_t attributes[RADIUS_PACKET_MAX];
	struct asked asked = {0};
	struct radius_question question = {
		.code = RADIUS_ACCOUNTING_REQUEST,
		.attributes = attributes,
		.attributes_length = RADIUS_ACCOUNTING_ATTRIBUTES_MAX,
		.done = on_done,
		.user = &asked,
	};

	for (size_t at = 0; at < RADIUS_ACCOUNTING_ATTRIBUTES_MAX;) {
		size_t left = RADIUS_ACCOUNTING_ATTRIBUTES_MAX - at;

		attributes[at] = RADIUS_CLASS;
		attributes[at + 1] = (uint8_t)(left > 200 ? 200 : left);
		at += attributes[at + 1];
	}
	world_open(&(struct radius_client_settings){.n_servers = 1, .accounting = true});
	cr_assert_eq(radius_client_submit(world.client, world.now, &question, &asked.request), 0);
	cr_assert_eq(world.flights[0].length, RADIUS_PACKET_MAX);
	run(50);
	cr_assert_eq(asked.code, RADIUS_ACCOUNTING_RESPONSE);
	question.attributes_length++;
	cr_assert_eq(radius_client_submit(world.client, world.now, &question, &asked.request),
		-EMSGSIZE);
}
