/* SPDX-License-Identifier: BSD-3-Clause */
/* Accounting records from sessions to a server that answers, is slow, is dead, and through restarts. */
#include "radius_acct_world.h"

TestSuite(radius_acct, .init = setup, .fini = teardown);

Test(radius_acct, a_session_is_told_in_order_with_its_counters)
{
	struct radius_acct_session *session;

	begin(0);
	session = start(1, 600);
	run(61000);
	stop(session, UINT64_C(0x123456789a));
	radius_acct_off(world.acct);
	run(100);
	cr_assert_eq(waiting(), 0);
	cr_assert_eq(world.n_received, 4);
	cr_assert_eq(world.received[0].type, RADIUS_ACCT_ON);
	cr_assert_eq(world.received[1].type, RADIUS_ACCT_START);
	cr_assert_eq(world.received[2].type, RADIUS_ACCT_STOP);
	cr_assert_eq(world.received[2].input, 0x3456789a);
	cr_assert_eq(world.received[2].gigawords, 0x12);
	cr_assert_eq(world.received[2].cause, RADIUS_CAUSE_USER_REQUEST);
	cr_assert_eq(world.received[2].seconds, 61);
	cr_assert_eq(world.received[2].event, WALL + 1061);
	cr_assert_eq(world.received[3].type, RADIUS_ACCT_OFF);
	end();
}

Test(radius_acct, interims_are_spread_around_their_interval)
{
	const struct radius_acct_counters counters = {.input_octets = 5};
	struct radius_acct_session *session;

	begin(0);
	session = start(1, 60);
	run(53000);
	cr_assert_eq(world.asked, 0);
	run(14000);
	cr_assert_eq(world.asked, 1);
	radius_acct_update(session, &counters);
	radius_acct_update(session, &counters); /* not asked for */
	run(100);
	cr_assert_eq(count(RADIUS_ACCT_INTERIM), 1);
	for (unsigned int i = 0; i < 10; i++) {
		run(60000);
		radius_acct_update(session, &counters);
	}
	cr_assert_geq(world.asked, 9);
	cr_assert_leq(world.asked, 13);
	stop(session, 6);
	run(100);
	end();
}

Test(radius_acct, records_of_one_session_never_overtake_each_other)
{
	struct radius_acct_session *sessions[50];

	begin(0);
	world.hold = 30;
	run(100);
	for (unsigned int i = 0; i < 50; i++) {
		sessions[i] = start(i + 1, 600);
		stop(sessions[i], i);
	}
	for (unsigned int ms = 0; ms < 500 && count(RADIUS_ACCT_START) < 50; ms++)
		run(1);
	cr_assert_eq(count(RADIUS_ACCT_START), 50);
	cr_assert_lt(count(RADIUS_ACCT_STOP), 50);
	run(500);
	cr_assert_eq(count(RADIUS_ACCT_STOP), 50);
	for (unsigned int i = 0; i < 50; i++) {
		unsigned int at = 0;
		char id[17];

		snprintf(id, sizeof(id), "%016X", i + 1);
		while (strcmp(world.received[at].session, id))
			at++;
		cr_assert_eq(world.received[at].type, RADIUS_ACCT_START);
	}
	cr_assert_eq(waiting(), 0);
	end();
}

Test(radius_acct, an_outage_loses_nothing_and_says_how_long_it_took)
{
	struct radius_acct_session *sessions[200];

	begin(0);
	run(50);
	for (unsigned int i = 0; i < 200; i++)
		sessions[i] = start(i + 1, 600);
	run(200);
	world.down = true;
	for (unsigned int i = 0; i < 200; i++)
		stop(sessions[i], i);
	run(30000);
	cr_assert_eq(waiting(), 200);
	world.down = false;
	run(5000);
	cr_assert_eq(waiting(), 0);
	cr_assert_eq(count(RADIUS_ACCT_STOP), 200);
	for (unsigned int i = 0; i < world.n_received; i++)
		if (world.received[i].type == RADIUS_ACCT_STOP)
			cr_assert_geq(world.received[i].delay, 30u);
	end();
}

Test(radius_acct, after_a_kill_records_come_first_then_stops_then_accounting_on)
{
	const struct radius_acct_counters counters = {.input_octets = 77};
	struct radius_acct_session *gone, *counted, *fresh;
	struct radius_acct_status status;

	begin(0);
	run(50);
	gone = start(1, 600);
	counted = start(2, 60);
	run(100);
	world.down = true;
	stop(gone, 11);
	run(70000);
	radius_acct_update(counted, &counters);
	fresh = start(3, 0);
	cr_assert_not_null(fresh);
	run(50);
	end();
	world.n_received = 0;
	world.down = false;
	begin(0);
	run(200);
	radius_acct_status(world.acct, &status);
	cr_assert_eq(status.recovered, 3, "%lu", status.recovered);
	cr_assert_eq(status.recovered_stops, 2);
	cr_assert_eq(waiting(), 0);
	cr_assert_eq(count(RADIUS_ACCT_STOP), 3);
	cr_assert_eq(world.received[world.n_received - 1].type, RADIUS_ACCT_ON);
	for (unsigned int i = 0; i < world.n_received; i++) {
		const struct received *received = &world.received[i];

		if (received->type != RADIUS_ACCT_STOP)
			continue;
		switch (received->session[15]) {
		case '1':
			cr_assert_eq(received->input, 11);
			cr_assert_eq(received->cause, RADIUS_CAUSE_USER_REQUEST);
			break;
		case '2':
			cr_assert_eq(received->input, 77);
			cr_assert_eq(received->cause, RADIUS_CAUSE_NAS_REBOOT);
			break;
		default:
			cr_assert_eq(received->input, 0);
			cr_assert_eq(received->cause, RADIUS_CAUSE_NAS_REBOOT);
		}
	}
	end();
	/* and no second time */
	world.n_received = 0;
	begin(0);
	run(200);
	cr_assert_eq(world.n_received, 1, "%u", world.n_received);
	end();
}

Test(radius_acct, what_begins_while_accounting_on_waits_comes_after_it)
{
	struct radius_acct_session *session;

	world.down = true;
	begin(0);
	session = start(1, 600);
	stop(session, 1);
	run(5000);
	world.down = false;
	run(3000);
	cr_assert_eq(waiting(), 0);
	cr_assert_eq(world.received[0].type, RADIUS_ACCT_ON);
	cr_assert_eq(count(RADIUS_ACCT_STOP), 1);
	end();
}

Test(radius_acct, without_interims_the_journal_has_the_counters)
{
	const struct radius_acct_counters counters = {.input_octets = 99};
	struct radius_acct_session *session;

	begin(0);
	session = start(1, 0);
	run(700000);
	cr_assert_geq(world.asked, 1);
	radius_acct_update(session, &counters);
	run(100);
	cr_assert_eq(count(RADIUS_ACCT_INTERIM), 0);
	end();
	world.n_received = 0;
	begin(0);
	run(100);
	cr_assert_eq(count(RADIUS_ACCT_STOP), 1);
	cr_assert_eq(world.received[0].input, 99);
	end();
}

Test(radius_acct, a_full_spool_drops_interims_then_starts_and_never_a_stop)
{
	const struct radius_acct_counters counters = {.input_octets = 1};
	struct radius_acct_session *sessions[100];
	struct radius_acct_status status;

	world.down = true;
	begin(60000);
	for (unsigned int i = 0; i < 100; i++)
		sessions[i] = start(i + 1, 60);
	for (unsigned int round = 0; round < 5; round++) {
		run(67000);
		for (unsigned int i = 0; i < 100; i++)
			radius_acct_update(sessions[i], &counters);
	}
	radius_acct_status(world.acct, &status);
	cr_assert_gt(status.dropped_interims, 100);
	cr_assert_eq(status.dropped_starts, 0, "Starts were dropped before Interims");
	cr_assert_leq(status.waiting_bytes, 60000);
	for (unsigned int i = 0; i < 100; i++)
		stop(sessions[i], 2);
	world.down = false;
	for (unsigned int s = 0; s < 20 && waiting(); s++)
		run(1000);
	cr_assert_eq(waiting(), 0);
	cr_assert_eq(count(RADIUS_ACCT_STOP), 100);
	radius_acct_status(world.acct, &status);
	cr_assert_eq(status.sessions, 0);
	end();
}

Test(radius_acct, another_client_gets_what_the_first_one_had)
{
	struct radius_client *old;
	struct radius_acct_session *session;

	begin(0);
	run(50);
	world.down = true;
	session = start(1, 600);
	stop(session, 3);
	run(500);
	old = world.client;
	radius_acct_set_client(world.acct, NULL);
	cr_assert_eq(radius_client_in_flight(old) + radius_client_queued(old), 0);
	world.down = false;
	run(1000);
	cr_assert_eq(count(RADIUS_ACCT_STOP), 0);
	radius_acct_set_client(world.acct, old);
	run(3000);
	cr_assert_eq(count(RADIUS_ACCT_START), 1);
	cr_assert_eq(count(RADIUS_ACCT_STOP), 1);
	end();
}

Test(radius_acct, ipv6s_share_is_told_in_the_vendors_form_and_new_prefixes_from_then_on)
{
	/* Framed-IPv6-Prefix */
	static const uint8_t base[] = {97, 12, 0, 64, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 1};
	const struct radius_acct_counters counters = {
		.input_octets = 9, .input_octets6 = 0x300000007, .output_packets6 = 5};
	struct radius_acct_session *session;
	struct radius_attribute attribute;
	struct radius_packet stopped;
	const uint8_t *at;
	unsigned int erx = 0;

	world.erx = true;
	begin(0);
	session = start(1, 600);
	run(100);
	cr_assert_eq(radius_acct_rebase(session, base, sizeof(base)), 0);
	radius_acct_stop(session, &counters, RADIUS_CAUSE_USER_REQUEST);
	run(100);
	cr_assert_eq(radius_packet_parse(&stopped, world.last, world.last_length), RADIUS_WIRE_OK);
	cr_assert(radius_find(&stopped, RADIUS_FRAMED_IPV6_PREFIX, &attribute));
	at = stopped.attributes;
	while (radius_next(&at, stopped.end, &attribute)) {
		if (attribute.type != RADIUS_VENDOR_SPECIFIC)
			continue;
		cr_assert_arr_eq(attribute.value, "\x00\x00\x13\x0a", 4);
		erx += attribute.value[9];
		cr_assert_eq(attribute.value[5], 6);
		if (attribute.value[4] == 151)
			cr_assert_eq(attribute.value[9], 7);
		if (attribute.value[4] == 155)
			cr_assert_eq(attribute.value[9], 3);
	}
	cr_assert_eq(erx, 7 + 3 + 5);
	end();
}

Test(radius_acct, a_change_is_told_once_where_no_interims_are)
{
	const struct radius_acct_counters counters = {.input_octets = 4};
	struct radius_acct_session *session;

	begin(0);
	session = start(1, 0);
	run(100);
	radius_acct_changed(session, 0);
	radius_acct_update(session, &counters);
	run(100);
	cr_assert_eq(count(RADIUS_ACCT_INTERIM), 1);
	run(700000);
	cr_assert_geq(world.asked, 2);
	radius_acct_update(session, &counters);
	run(100);
	cr_assert_eq(count(RADIUS_ACCT_INTERIM), 1);
	stop(session, 4);
	run(100);
	end();
}

Test(radius_acct, without_a_client_nothing_but_stops_gathers)
{
	const struct radius_acct_counters counters = {.input_octets = 4};
	struct radius_acct_session *session;

	begin(0);
	session = start(1, 60);
	run(100);
	radius_acct_set_client(world.acct, NULL);
	for (unsigned int i = 0; i < 10; i++) {
		run(67000);
		radius_acct_update(session, &counters);
	}
	cr_assert_eq(waiting(), 0);
	stop(session, 9);
	cr_assert_eq(waiting(), 1);
	radius_acct_set_client(world.acct, world.client);
	run(100);
	cr_assert_eq(count(RADIUS_ACCT_INTERIM), 0);
	cr_assert_eq(count(RADIUS_ACCT_STOP), 1);
	cr_assert_eq(world.received[world.n_received - 1].input, 9);
	end();
}

Test(radius_acct, off_has_the_name_that_a_reload_gave)
{
	struct radius_attribute attribute;
	struct radius_packet off;

	begin(0);
	run(100);
	cr_assert_eq(radius_acct_set_nas(world.acct, (const uint8_t *)"\x20\x07other", 7), 0);
	radius_acct_off(world.acct);
	run(100);
	cr_assert_eq(radius_packet_parse(&off, world.last, world.last_length), RADIUS_WIRE_OK);
	cr_assert(radius_find(&off, RADIUS_NAS_IDENTIFIER, &attribute));
	cr_assert_arr_eq(attribute.value, "other", 5);
	end();
}
