/* SPDX-License-Identifier: BSD-3-Clause */
/* Accounting records from sessions to a server that answers, is slow, is dead, and through restarts. */
#include "radius_acct.h"

#include <crypto/digest.h>

#include <criterion/criterion.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define RECEIVED_MAX 4096
#define WALL         1700000000

/* What the server got, in order. */
struct received {
	uint8_t type;
	char session[17];
	uint32_t event, input, gigawords, cause, delay, seconds;
};

static struct {
	uint64_t now;
	struct timer_wheel wheel;
	struct radius_client *client;
	struct radius_acct *acct;
	struct radius_spool *spool;
	char folder[64];
	bool down;         /* the server */
	unsigned int hold; /* answers wait for so many ms */
	struct {
		uint64_t at;
		uint8_t bytes[64];
		size_t length;
		unsigned int socket;
	} replies[1024];
	unsigned int n_replies;
	struct received received[RECEIVED_MAX];
	unsigned int n_received, n_ignored;
	uint8_t last[4096]; /* record, as it came */
	size_t last_length;
	unsigned int asked;
	bool erx;
	char ignored;         /* sessions whose name ends so are never answered */
	uint8_t ignored_type; /* these records neither */
	bool disk_full;
} world;

static const struct radius_secret secret = {(const uint8_t *)"s", 1};
static const struct radius_endpoint endpoint = {4, {127, 0, 0, 1}, 1813};

static uint32_t number_of(const struct radius_packet *packet, uint8_t type)
{
	struct radius_attribute attribute;
	uint32_t value = 0;

	if (radius_find(packet, type, &attribute))
		cr_assert_eq(radius_get_u32(&attribute, &value), 0);
	return value;
}

static void on_send(
	void *user, unsigned int server, unsigned int socket, const uint8_t *bytes, size_t length)
{
	struct received *received = &world.received[world.n_received];
	struct radius_attribute attribute;
	struct radius_packet packet;
	struct radius_writer writer;

	if (world.down)
		return;
	cr_assert_eq(radius_packet_parse(&packet, bytes, length), RADIUS_WIRE_OK);
	if (packet.code == RADIUS_ACCOUNTING_REQUEST) {
		cr_assert(radius_request_check(&packet, secret));
		cr_assert_lt(world.n_received++, RECEIVED_MAX);
		cr_assert_lt(length, sizeof(world.last));
		memcpy(world.last, bytes, length);
		world.last_length = length;
		*received = (struct received){
			.type = (uint8_t)number_of(&packet, RADIUS_ACCT_STATUS_TYPE),
			.event = number_of(&packet, RADIUS_EVENT_TIMESTAMP),
			.input = number_of(&packet, RADIUS_ACCT_INPUT_OCTETS),
			.gigawords = number_of(&packet, RADIUS_ACCT_INPUT_GIGAWORDS),
			.cause = number_of(&packet, RADIUS_ACCT_TERMINATE_CAUSE),
			.delay = number_of(&packet, RADIUS_ACCT_DELAY_TIME),
			.seconds = number_of(&packet, RADIUS_ACCT_SESSION_TIME),
		};
		if (radius_find(&packet, RADIUS_ACCT_SESSION_ID, &attribute))
			memcpy(received->session, attribute.value, attribute.length);
		if ((world.ignored && received->session[15] == world.ignored) ||
			(world.ignored_type && received->type == world.ignored_type)) {
			world.n_ignored++;
			world.n_received--;
			return;
		}
	}
	cr_assert_lt(world.n_replies, 1024);
	radius_writer_init(&writer, world.replies[world.n_replies].bytes, 64,
		RADIUS_ACCOUNTING_RESPONSE, packet.id, NULL);
	world.replies[world.n_replies].length =
		radius_reply_sign(&writer, radius_authenticator(&packet), secret);
	world.replies[world.n_replies].socket = socket;
	world.replies[world.n_replies++].at = world.now + 1 + world.hold;
}

static int on_open(void *user, unsigned int server, unsigned int socket)
{
	return 0;
}

static void on_close(void *user, unsigned int server, unsigned int socket)
{
}

static void on_random(void *user, void *out, size_t length)
{
	memset(out, 7, length);
}

static void on_state(void *user, unsigned int server, bool dead)
{
}

static void on_dropped(void *user, unsigned int server, enum radius_drop drop)
{
}

static const struct radius_client_ops ops = {
	.socket_open = on_open,
	.socket_close = on_close,
	.send = on_send,
	.random_bytes = on_random,
	.state_changed = on_state,
	.dropped = on_dropped,
};

static uint64_t wall(void)
{
	return WALL + world.now / 1000;
}

static bool on_ask(void *user)
{
	world.asked++;
	return true;
}

/* The disk's clock is another one: it is given the time that it takes. */
static void disk_wait(void)
{
	struct radius_spool_status status;

	for (unsigned int i = 0; i < 500; i++) {
		radius_spool_status(world.spool, &status);
		if (!status.waiting)
			return;
		usleep(1000);
	}
}

static void run(uint64_t ms)
{
	while (ms--) {
		unsigned int kept = 0, n = world.n_replies;

		world.now++;
		if (!(world.now % 5000) && !world.disk_full)
			disk_wait();
		for (unsigned int i = 0; i < n; i++)
			if (world.replies[i].at <= world.now)
				radius_client_receive(world.client, world.now, 0,
					world.replies[i].socket, &endpoint, world.replies[i].bytes,
					world.replies[i].length);
		for (unsigned int i = 0; i < world.n_replies; i++)
			if (i >= n || world.replies[i].at > world.now)
				world.replies[kept++] = world.replies[i];
		world.n_replies = kept;
		timer_wheel_run(&world.wheel, world.now, UINT32_MAX);
	}
}

static void begin(uint64_t memory_max)
{
	const struct radius_server_settings server = {
		.name = "s",
		.endpoint = endpoint,
		.secret = secret,
		.weight = 1,
		.timeout_ms = 500,
		.tries = 3,
		.dead_ms = 2000,
		.probe_ms = 1000,
		.status_server = true,
	};
	const struct radius_client_settings client = {.accounting = true,
		.n_servers = 1,
		.servers = &server,
		.in_flight_max = 64,
		.sockets_max = 1,
		.queue_max = 100000};
	const struct radius_acct_settings settings = {.wheel = &world.wheel,
		.now = &world.now,
		.wall = wall,
		.window = 64,
		.memory_max = memory_max ? memory_max : 1 << 30,
		.nas = (const uint8_t *)"\x20\x05lns",
		.nas_length = 5,
		.erx_ipv6 = world.erx,
		.ask = on_ask};
	unsigned int damaged;
	char error[256] = "";

	world.client = radius_client_create(&client, &ops, NULL, &world.wheel, world.now);
	world.acct = radius_acct_create(&settings);
	world.spool = radius_spool_open(
		world.folder, radius_acct_found, world.acct, &damaged, error, sizeof(error));
	cr_assert_not_null(world.spool, "%s", error);
	cr_assert_eq(radius_acct_begin(world.acct, world.spool, world.client), 0);
}

/* As kill -9 a moment after everything was written. */
static void end(void)
{
	radius_acct_destroy(world.acct);
	radius_client_destroy(world.client);
	radius_spool_close(world.spool);
	world.n_replies = 0;
	cr_assert_eq(world.wheel.count, 0, "timers are left");
}

static void setup(void)
{
	cr_assert_eq(digest_init(), 0);
	memset(&world, 0, sizeof(world));
	world.now = 1000000;
	timer_wheel_init(&world.wheel, world.now);
	strcpy(world.folder, "/tmp/test_radius_acct.XXXXXX");
	cr_assert_not_null(mkdtemp(world.folder));
}

static void teardown(void)
{
	DIR *dir = opendir(world.folder);
	struct dirent *file;

	while ((file = readdir(dir)))
		unlinkat(dirfd(dir), file->d_name, 0);
	closedir(dir);
	rmdir(world.folder);
	digest_fini();
}

TestSuite(radius_acct, .init = setup, .fini = teardown);

static struct radius_acct_session *start(unsigned int number, uint32_t interim)
{
	uint8_t base[64];
	char id[17];

	snprintf(id, sizeof(id), "%016X", number);
	base[0] = RADIUS_ACCT_SESSION_ID;
	base[1] = 18;
	memcpy(base + 2, id, 16);
	return radius_acct_start(world.acct, id, base, 18, interim, NULL);
}

static void stop(struct radius_acct_session *session, uint64_t octets)
{
	const struct radius_acct_counters counters = {.input_octets = octets};

	radius_acct_stop(session, &counters, RADIUS_CAUSE_USER_REQUEST);
}

static uint64_t waiting(void)
{
	struct radius_acct_status status;

	radius_acct_status(world.acct, &status);
	return status.waiting;
}

static unsigned int count(uint8_t type)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < world.n_received; i++)
		n += world.received[i].type == type;
	return n;
}

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

static unsigned int position(uint8_t type, char session)
{
	for (unsigned int i = 0; i < world.n_received; i++)
		if (world.received[i].type == type &&
			(!session || world.received[i].session[15] == session))
			return i;
	cr_assert_fail("no record of type %u of %c", type, session ? session : '-');
	return 0;
}

Test(radius_acct, a_record_that_nobody_answers_does_not_hold_up_what_follows_a_restart)
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

Test(radius_acct, many_that_nobody_answers_leave_room_for_the_others)
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

Test(radius_acct, an_accounting_on_that_nobody_answers_is_passed_while_the_server_lives)
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

Test(radius_acct, off_follows_the_last_stop_also_with_a_record_that_nobody_answers)
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

Test(radius_acct, a_long_outage_changes_no_order)
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

Test(radius_acct, what_is_too_long_goes_without_class_or_not_at_all_and_blocks_nothing)
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

Test(radius_acct, what_an_older_spool_has_that_no_request_can_carry_is_given_up)
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

Test(radius_acct, what_was_written_anew_is_taken_once_and_in_the_order_of_its_making)
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

Test(radius_acct, a_full_disk_at_the_start_costs_nothing)
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

Test(radius_acct, one_old_record_does_not_keep_the_files_of_all_that_came_later)
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
