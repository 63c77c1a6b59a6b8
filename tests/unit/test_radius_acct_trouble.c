/* SPDX-License-Identifier: BSD-3-Clause */
/* Accounting with records that nobody answers or can carry, disks that are full, and spools that were left so. */
#include "radius_acct_world.h"

#include <signal.h>
#include <sys/resource.h>

TestSuite(radius_acct_trouble, .init = setup, .fini = teardown);

Test(radius_acct_trouble, a_record_that_nobody_answers_does_not_hold_up_what_follows_a_restart)
{
	struct radius_acct_session *session, *poison;

	begin(0);
	run(50);
	poison = start(1, 600);
	run(50);
	world.ignored = '1';
	stop(poison, 8);
	run(100);
	end();
	begin(0);
	session = start(2, 600);
	stop(session, 5);
	run(600000);
	cr_assert_eq(count(RADIUS_ACCT_ON), 2);
	cr_assert_eq(position(RADIUS_ACCT_STOP, '2'), world.n_received - 1);
	cr_assert_eq(waiting(), 1);
	/* it is not forgotten, and asked about seldom */
	world.n_ignored = 0;
	run(600000);
	cr_assert_geq(world.n_ignored, 4);
	cr_assert_leq(world.n_ignored, 100, "%u", world.n_ignored);
	world.ignored = 0;
	run(240000);
	cr_assert_eq(waiting(), 0);
	cr_assert_eq(world.received[position(RADIUS_ACCT_STOP, '1')].input, 8);
	end();
}

Test(radius_acct_trouble, many_that_nobody_answers_leave_room_for_the_others)
{
	struct radius_acct_session *session;

	begin(0);
	run(50);
	world.ignored = '1';
	for (unsigned int i = 0; i < 100; i++)
		start(16 * i + 1, 0);
	run(1200000);
	world.n_received = 0;
	for (unsigned int i = 0; i < 20; i++) {
		session = start(16 * i + 2, 0);
		stop(session, 1);
	}
	run(60000);
	cr_assert_eq(count(RADIUS_ACCT_STOP), 20, "%u", count(RADIUS_ACCT_STOP));
	world.ignored = 0;
	/* as they are answered more and more of them are tried */
	run(240000);
	cr_assert_eq(count(RADIUS_ACCT_START), 120, "%u", count(RADIUS_ACCT_START));
	cr_assert_eq(waiting(), 0);
	end();
}

Test(radius_acct_trouble, an_accounting_on_that_nobody_answers_is_passed_while_the_server_lives)
{
	struct radius_acct_session *session;

	world.ignored_type = RADIUS_ACCT_ON;
	begin(0);
	session = start(1, 600);
	stop(session, 1);
	run(100000);
	cr_assert_eq(world.n_received, 0, "not at once");
	run(500000);
	cr_assert_eq(count(RADIUS_ACCT_STOP), 1);
	cr_assert_eq(waiting(), 1);
	world.ignored_type = 0;
	run(240000);
	cr_assert_eq(waiting(), 0);
	end();
}

Test(radius_acct_trouble, off_follows_the_last_stop_also_with_a_record_that_nobody_answers)
{
	struct radius_acct_session *sessions[5];

	begin(0);
	run(50);
	world.ignored = '9';
	start(9, 0);
	for (unsigned int i = 0; i < 5; i++)
		sessions[i] = start(i + 1, 0);
	run(1200000);
	world.hold = 400;
	for (unsigned int i = 0; i < 5; i++)
		stop(sessions[i], i);
	radius_acct_off(world.acct);
	run(60000);
	cr_assert_eq(count(RADIUS_ACCT_OFF), 1);
	for (unsigned int i = 0; i < 5; i++)
		cr_assert_lt(
			position(RADIUS_ACCT_STOP, (char)('1' + i)), position(RADIUS_ACCT_OFF, 0));
	cr_assert_eq(waiting(), 1);
	end();
}

Test(radius_acct_trouble, a_long_outage_changes_no_order)
{
	struct radius_acct_session *sessions[5];

	begin(0);
	run(50);
	for (unsigned int i = 0; i < 5; i++)
		sessions[i] = start(i + 1, 0);
	run(100);
	world.down = true;
	for (unsigned int i = 0; i < 5; i++)
		stop(sessions[i], i);
	run(1000);
	end();
	world.n_received = 0;
	begin(0);
	start(9, 0);
	run(3600000);
	world.down = false;
	run(60000);
	cr_assert_eq(waiting(), 0);
	cr_assert_eq(position(RADIUS_ACCT_ON, 0), world.n_received - 2);
	cr_assert_eq(position(RADIUS_ACCT_START, '9'), world.n_received - 1);
	end();
}

/* Class up to so many bytes of attributes, then NAS-Port-Ids of 255 bytes as long as there is room. */
static struct radius_acct_session *start_long(unsigned int number, size_t class, size_t length)
{
	uint8_t base[8192];
	size_t n = 18;

	memset(base, 'x', sizeof(base));
	base[0] = RADIUS_ACCT_SESSION_ID;
	base[1] = 18;
	snprintf((char *)base + 2, 17, "%016X", number);
	base[18] = 'x';
	while (n + 255 <= class) {
		base[n] = RADIUS_CLASS;
		base[n + 1] = 255;
		n += 255;
	}
	while (n + 255 <= length) {
		base[n] = RADIUS_NAS_PORT_ID;
		base[n + 1] = 255;
		n += 255;
	}
	snprintf((char *)base + 2, 17, "%016X", number);
	base[18] = n > 18 ? (class ? RADIUS_CLASS : RADIUS_NAS_PORT_ID) : 'x';
	return radius_acct_start(
		world.acct, (const char[]){'0' + (char)number, 0}, base, n, 600, NULL);
}

Test(radius_acct_trouble, what_is_too_long_goes_without_class_or_not_at_all_and_blocks_nothing)
{
	const struct radius_acct_counters counters = {.input_octets = 3};
	struct radius_acct_session *sessions[3];
	struct radius_attribute attribute;
	struct radius_packet packet;

	begin(0);
	run(50);
	sessions[0] = start_long(1, 4100, 0);
	sessions[1] = start_long(2, 0, 4100);
	sessions[2] = start_long(3, 0, 0);
	run(100);
	cr_assert_eq(count(RADIUS_ACCT_START), 2);
	radius_acct_stop(sessions[1], &counters, RADIUS_CAUSE_USER_REQUEST);
	radius_acct_stop(sessions[2], &counters, RADIUS_CAUSE_USER_REQUEST);
	radius_acct_stop(sessions[0], &counters, RADIUS_CAUSE_USER_REQUEST);
	run(100);
	cr_assert_eq(count(RADIUS_ACCT_STOP), 2);
	cr_assert_eq(waiting(), 0);
	cr_assert_eq(radius_packet_parse(&packet, world.last, world.last_length), RADIUS_WIRE_OK);
	cr_assert_not(radius_find(&packet, RADIUS_CLASS, &attribute));
	cr_assert_eq(number_of(&packet, RADIUS_ACCT_INPUT_OCTETS), 3);
	cr_assert_eq(number_of(&packet, RADIUS_ACCT_TERMINATE_CAUSE), RADIUS_CAUSE_USER_REQUEST);
	end();
}

static struct radius_spool *spool_alone(void)
{
	char error[256] = "";
	unsigned int damaged;
	struct radius_acct *acct = NULL;
	struct radius_spool *spool = radius_spool_open(
		world.folder, radius_acct_found, acct, &damaged, error, sizeof(error));

	cr_assert_not_null(spool, "%s", error);
	return spool;
}

static void spool_put(struct radius_spool *spool, uint8_t kind, uint8_t type, uint64_t number,
	const char *session, const uint8_t *attributes, size_t length)
{
	struct radius_spool_entry entry = {
		.kind = kind,
		.type = type,
		.number = number,
		.event = WALL + 900 + number,
		.attributes = attributes,
		.length = (uint16_t)length,
	};

	strcpy(entry.session, session);
	cr_assert_gt(radius_spool_append(spool, &entry), 0);
}

Test(radius_acct_trouble, what_an_older_spool_has_that_no_request_can_carry_is_given_up)
{
	static uint8_t attributes[16 * 255];
	struct radius_spool *spool = spool_alone();
	struct radius_acct_status status;

	for (unsigned int i = 0; i < 16; i++) {
		attributes[255 * i] = RADIUS_NAS_PORT_ID;
		attributes[255 * i + 1] = 255;
	}
	spool_put(spool, RADIUS_SPOOL_RECORD, RADIUS_ACCT_STOP, 1, "gone", attributes, 16 * 255);
	spool_put(spool, RADIUS_SPOOL_RECORD, RADIUS_ACCT_START, 2, "up", attributes, 16 * 255);
	radius_spool_close(spool);
	begin(0);
	start(3, 0);
	run(1000);
	radius_acct_status(world.acct, &status);
	cr_assert_eq(status.recovered, 2);
	cr_assert_eq(waiting(), 0);
	cr_assert_eq(world.n_received, 2);
	cr_assert_eq(world.received[0].type, RADIUS_ACCT_ON);
	cr_assert_eq(world.received[1].type, RADIUS_ACCT_START);
	end();
}

static void spool_put_type(struct radius_spool *spool, enum radius_acct_type type, uint64_t number,
	const char *session)
{
	const uint8_t attributes[] = {RADIUS_ACCT_STATUS_TYPE, 6, 0, 0, 0, (uint8_t)type};

	spool_put(spool, RADIUS_SPOOL_RECORD, (uint8_t)type, number, session, attributes,
		sizeof(attributes));
}

Test(radius_acct_trouble, what_was_written_anew_is_taken_once_and_in_the_order_of_its_making)
{
	struct radius_spool *spool = spool_alone();
	struct radius_acct_status status;

	for (uint64_t i = 1; i <= 150000; i++)
		spool_put_type(spool, i & 1 ? RADIUS_ACCT_START : RADIUS_ACCT_INTERIM, i, "one");
	spool_put_type(spool, RADIUS_ACCT_STOP, 150001, "one");
	for (uint64_t i = 1; i <= 150001; i++)
		spool_put(spool, RADIUS_SPOOL_ACK, 0, i, "", NULL, 0);
	/* the Start moved behind the Stop, and once more */
	spool_put_type(spool, RADIUS_ACCT_STOP, 150003, "two");
	spool_put_type(spool, RADIUS_ACCT_START, 150002, "two");
	spool_put_type(spool, RADIUS_ACCT_START, 150002, "two");
	radius_spool_close(spool);
	begin(0);
	radius_acct_status(world.acct, &status);
	cr_assert_eq(status.recovered, 2);
	cr_assert_eq(status.recovered_stops, 0);
	run(1000);
	cr_assert_eq(waiting(), 0);
	cr_assert_eq(world.n_received, 3);
	cr_assert_eq(world.received[0].type, RADIUS_ACCT_START);
	cr_assert_eq(world.received[1].type, RADIUS_ACCT_STOP);
	cr_assert_eq(world.received[2].type, RADIUS_ACCT_ON);
	end();
}

static void disk_size(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	world.disk_full = bytes != RLIM_INFINITY;
}

Test(radius_acct_trouble, a_full_disk_at_the_start_costs_nothing)
{
	struct radius_acct_session *session;

	begin(0);
	run(50);
	session = start(1, 0);
	start(2, 0);
	run(50);
	world.down = true;
	stop(session, 7);
	run(50);
	end();
	disk_size(10);
	begin(0);
	run(50);
	end(); /* once more, and with room at last */
	begin(0);
	run(50);
	end();
	disk_size(RLIM_INFINITY);
	world.down = false;
	world.n_received = 0;
	begin(0);
	run(1000);
	cr_assert_eq(count(RADIUS_ACCT_STOP), 2);
	cr_assert_eq(world.received[position(RADIUS_ACCT_STOP, '1')].input, 7);
	cr_assert_eq(
		world.received[position(RADIUS_ACCT_STOP, '2')].cause, RADIUS_CAUSE_NAS_REBOOT);
	end();
}

Test(radius_acct_trouble, one_old_record_does_not_keep_the_files_of_all_that_came_later)
{
	struct radius_acct_counters counters = {0};
	struct radius_acct_session *old, *long_one;
	struct radius_spool_status status;

	begin(1 << 20);
	run(50);
	old = start(1, 0);
	start(4, 0);
	long_one = start_long(3, 0, 3000);
	run(50);
	radius_acct_set_client(world.acct, NULL);
	stop(old, 7);
	for (unsigned int i = 1; i <= 15000; i++) {
		counters.input_octets = i;
		radius_acct_changed(long_one, 0);
		radius_acct_update(long_one, &counters);
	}
	radius_spool_status(world.spool, &status);
	cr_assert_gt(status.segments, 4);
	disk_wait();
	/* what the other session has counted is asked for, too */
	world.asked = 0;
	run(15000);
	cr_assert_eq(world.asked, 1);
	end();
	world.n_received = 0;
	begin(1 << 20);
	run(1000);
	cr_assert_eq(world.received[position(RADIUS_ACCT_STOP, '1')].input, 7);
	cr_assert_eq(count(RADIUS_ACCT_STOP), 3);
	end();
}
