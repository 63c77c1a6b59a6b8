/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests, servers that die and come back, lost and forged answers, on a clock of the test's own. */
#include "radius_client.h"

#include <crypto/digest.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVERS    3
#define FLIGHT_MAX 65536

/* A server as the test wants it. */
struct model {
	bool down;
	bool no_status;                /* ignores Status-Server */
	bool only_status;              /* ignores all else */
	bool no_message_authenticator; /* of its answers */
	uint32_t delay_ms;
	uint32_t per_second; /* answers; 0 = any number */
	uint64_t busy_until_us;
	unsigned int received, probes, ignored;
};

/* A datagram on its way, either way. */
struct flight {
	uint64_t at;
	bool reply, used;
	unsigned int server, socket;
	size_t length;
	uint8_t *bytes;
};

static struct {
	uint64_t now;
	struct timer_wheel wheel;
	struct radius_client *client;
	struct model models[SERVERS];
	struct flight *flights;
	unsigned int n_flights;
	unsigned int sockets_open, sockets_most;
	bool no_socket[SERVERS];
	unsigned int loss, duplicate, reorder; /* percent */
	uint32_t seed;
	unsigned int deaths, revivals;
	uint64_t held_ms; /* at the latest revival */
	unsigned int in_flight_most;
} world;

static const char *const names[SERVERS] = {"one", "two", "three"};
static const char *const secrets[SERVERS] = {"secret-one", "secret-two", "secret-three"};

static struct radius_secret secret_of(unsigned int server)
{
	return (struct radius_secret){(const uint8_t *)secrets[server], strlen(secrets[server])};
}

static struct radius_endpoint endpoint_of(unsigned int server)
{
	return (struct radius_endpoint){
		.family = 4, .address = {192, 0, 2, (uint8_t)(1 + server)}, .port = 1812};
}

static uint32_t random_next(void)
{
	world.seed = world.seed * 1664525 + 1013904223;
	return world.seed >> 8;
}

static bool chance(unsigned int percent)
{
	return random_next() % 100 < percent;
}

static void flight_add(bool reply, unsigned int server, unsigned int socket, const uint8_t *bytes,
	size_t length, uint64_t at)
{
	unsigned int copies = chance(world.duplicate) ? 2 : 1;

	if (chance(world.loss))
		return;
	while (copies--) {
		struct flight *flight;

		cr_assert_lt(world.n_flights, FLIGHT_MAX);
		flight = &world.flights[world.n_flights++];
		*flight = (struct flight){
			.at = at + (chance(world.reorder) ? random_next() % 50 : 0),
			.reply = reply,
			.server = server,
			.socket = socket,
			.length = length,
			.bytes = malloc(length),
		};
		memcpy(flight->bytes, bytes, length);
	}
}

static int on_socket_open(void *user, unsigned int server, unsigned int socket)
{
	if (world.no_socket[server])
		return -EADDRNOTAVAIL;
	world.sockets_open++;
	if (world.sockets_open > world.sockets_most)
		world.sockets_most = world.sockets_open;
	return 0;
}

static void on_socket_close(void *user, unsigned int server, unsigned int socket)
{
	world.sockets_open--;
}

static void on_send(
	void *user, unsigned int server, unsigned int socket, const uint8_t *packet, size_t length)
{
	struct radius_server_status status;

	flight_add(false, server, socket, packet, length, world.now + 1);
	if (!world.client)
		return;
	radius_client_status(world.client, server, &status);
	if (status.in_flight > world.in_flight_most)
		world.in_flight_most = status.in_flight;
}

static void on_random(void *user, void *out, size_t length)
{
	uint8_t *bytes = out;

	while (length--)
		*bytes++ = (uint8_t)random_next();
}

static void on_state(void *user, unsigned int server, bool dead)
{
	struct radius_server_status status;

	radius_client_status(world.client, server, &status);
	cr_assert_eq(status.dead, dead);
	cr_assert_eq(status.changed_at, world.now);
	world.deaths += dead;
	world.revivals += !dead;
	world.held_ms = status.held_until ? status.held_until - world.now : 0;
}

static void on_dropped(void *user, unsigned int server, enum radius_drop drop)
{
}

static const struct radius_client_ops ops = {
	.socket_open = on_socket_open,
	.socket_close = on_socket_close,
	.send = on_send,
	.random_bytes = on_random,
	.state_changed = on_state,
	.dropped = on_dropped,
};

/* What a server answers: accept, reject where the password is "wrong", nothing where it is "ignored". */
static void model_receive(
	unsigned int index, unsigned int socket, const uint8_t *bytes, size_t length)
{
	struct model *model = &world.models[index];
	struct radius_attribute attribute;
	struct radius_packet packet;
	struct radius_writer writer;
	uint8_t reply[RADIUS_PACKET_MAX], password[RADIUS_PASSWORD_MAX];
	enum radius_code code = RADIUS_ACCESS_ACCEPT;
	uint64_t start = world.now * 1000;

	if (model->down)
		return;
	cr_assert_eq(radius_packet_parse(&packet, bytes, length), RADIUS_WIRE_OK);
	if (packet.code == RADIUS_STATUS_SERVER) {
		model->probes++;
		if (model->no_status)
			return;
	} else if (packet.code == RADIUS_ACCOUNTING_REQUEST) {
		cr_assert(radius_request_check(&packet, secret_of(index)));
		code = RADIUS_ACCOUNTING_RESPONSE;
	} else {
		cr_assert_eq(packet.attributes[0], RADIUS_MESSAGE_AUTHENTICATOR,
			"Message-Authenticator is not the first attribute");
	}
	if (packet.code != RADIUS_ACCOUNTING_REQUEST)
		cr_assert_eq(radius_message_check(
				     &packet, radius_authenticator(&packet), secret_of(index)),
			RADIUS_SIGNATURE_RIGHT);
	model->received++;
	if (model->only_status && packet.code != RADIUS_STATUS_SERVER)
		return;
	if (radius_find(&packet, RADIUS_USER_PASSWORD, &attribute)) {
		cr_assert_gt(radius_password_reveal(attribute.value, attribute.length,
				     radius_authenticator(&packet), secret_of(index), password),
			0);
		if (!strcmp((const char *)password, "ignored")) {
			model->ignored++;
			return;
		}
		if (!strcmp((const char *)password, "wrong"))
			code = RADIUS_ACCESS_REJECT;
		else
			cr_assert_str_eq((const char *)password, "right");
	}
	radius_writer_init(&writer, reply, sizeof(reply), code, packet.id, NULL);
	if (code != RADIUS_ACCOUNTING_RESPONSE && !model->no_message_authenticator)
		radius_add_message_authenticator(&writer);
	if (radius_find(&packet, RADIUS_USER_NAME, &attribute))
		radius_add(&writer, RADIUS_CLASS, attribute.value, attribute.length);
	radius_add_u32(&writer, RADIUS_SESSION_TIMEOUT, index + 1);
	length = radius_reply_sign(&writer, radius_authenticator(&packet), secret_of(index));
	if (model->per_second) {
		if (model->busy_until_us > start)
			start = model->busy_until_us;
		model->busy_until_us = start + 1000000 / model->per_second;
		start = model->busy_until_us;
	}
	flight_add(true, index, socket, reply, length, start / 1000 + 1 + model->delay_ms);
}

static void step(void)
{
	unsigned int kept = 0, n = world.n_flights;

	world.now++;
	for (unsigned int i = 0; i < n; i++) {
		struct flight flight = world.flights[i];

		if (flight.at > world.now || world.flights[i].used)
			continue;
		world.flights[i].used = true;
		if (flight.reply) {
			struct radius_endpoint source = endpoint_of(flight.server);

			radius_client_receive(world.client, world.now, flight.server, flight.socket,
				&source, flight.bytes, flight.length);
		} else {
			model_receive(flight.server, flight.socket, flight.bytes, flight.length);
		}
		free(flight.bytes);
	}
	for (unsigned int i = 0; i < world.n_flights; i++)
		if (!world.flights[i].used)
			world.flights[kept++] = world.flights[i];
	world.n_flights = kept;
	timer_wheel_run(&world.wheel, world.now, UINT32_MAX);
}

static void run(uint64_t ms)
{
	while (ms--)
		step();
}

static struct radius_server_settings server_settings[SERVERS];

static void world_open(const struct radius_client_settings *settings)
{
	struct radius_client_settings own = *settings;

	own.servers = server_settings;
	if (!own.in_flight_max)
		own.in_flight_max = 256;
	if (!own.sockets_max)
		own.sockets_max = 8;
	if (!own.queue_max)
		own.queue_max = 100000;
	own.nas_identifier = "lns";
	world.client = radius_client_create(&own, &ops, NULL, &world.wheel, world.now);
	cr_assert_not_null(world.client);
}

static void setup(void)
{
	cr_assert_eq(digest_init(), 0, "%s", digest_init_error());
	memset(&world, 0, sizeof(world));
	world.now = 1000000;
	world.seed = 42;
	world.flights = calloc(FLIGHT_MAX, sizeof(*world.flights));
	timer_wheel_init(&world.wheel, world.now);
	for (unsigned int i = 0; i < SERVERS; i++) {
		server_settings[i] = (struct radius_server_settings){
			.name = names[i],
			.endpoint = endpoint_of(i),
			.secret = secret_of(i),
			.priority = 10 * (i + 1),
			.weight = 1,
			.timeout_ms = 1000,
			.tries = 3,
			.dead_ms = 3000,
			.probe_ms = 5000,
			.status_server = true,
			.require_message_authenticator = true,
		};
		world.models[i].delay_ms = 5;
	}
}

static void teardown(void)
{
	radius_client_destroy(world.client);
	cr_assert_eq(world.sockets_open, 0, "%u sockets are left", world.sockets_open);
	cr_assert_eq(world.wheel.count, 0, "timers are left");
	for (unsigned int i = 0; i < world.n_flights; i++)
		free(world.flights[i].bytes);
	free(world.flights);
	digest_fini();
}

TestSuite(radius_client, .init = setup, .fini = teardown);

/* Who asked, and what came of it. */
struct asked {
	struct radius_request *request;
	unsigned int done;
	enum radius_outcome outcome;
	uint8_t code;
	uint32_t server; /* 1 and up, as the answer says */
	uint64_t after;  /* ms */
	char name[16];
};

static void on_done(void *user, enum radius_outcome outcome, const struct radius_answer *answer)
{
	struct asked *asked = user;
	struct radius_attribute attribute;

	asked->done++;
	asked->outcome = outcome;
	asked->after = world.now - asked->after;
	asked->request = NULL;
	cr_assert_eq(outcome == RADIUS_ANSWERED, answer != NULL);
	if (!answer)
		return;
	asked->code = answer->packet.code;
	cr_assert(radius_find(&answer->packet, RADIUS_SESSION_TIMEOUT, &attribute));
	cr_assert_eq(radius_get_u32(&attribute, &asked->server), 0);
	cr_assert_eq(asked->server, answer->server + 1);
	if (asked->code == RADIUS_ACCOUNTING_RESPONSE)
		return;
	cr_assert(radius_find(&answer->packet, RADIUS_CLASS, &attribute));
	cr_assert_eq(attribute.length, strlen(asked->name));
	cr_assert_arr_eq(
		attribute.value, asked->name, attribute.length, "the answer to another request");
}

static int ask(struct asked *asked, const char *password, uint32_t deadline_ms)
{
	static unsigned int n;
	uint8_t buffer[64];
	struct radius_writer writer;
	struct radius_question question = {
		.code = RADIUS_ACCESS_REQUEST,
		.attributes = buffer + RADIUS_HEADER,
		.password = (const uint8_t *)password,
		.password_length = strlen(password),
		.deadline_ms = deadline_ms,
		.done = on_done,
		.user = asked,
	};

	*asked = (struct asked){.after = world.now};
	snprintf(asked->name, sizeof(asked->name), "user-%u", n++);
	radius_writer_init(&writer, buffer, sizeof(buffer), RADIUS_ACCESS_REQUEST, 0, NULL);
	radius_add_text(&writer, RADIUS_USER_NAME, asked->name);
	question.attributes_length = (size_t)(writer.at - question.attributes);
	return radius_client_submit(world.client, world.now, &question, &asked->request);
}

static unsigned int count_done(const struct asked *asked, unsigned int n, uint32_t server)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < n; i++) {
		cr_assert_leq(asked[i].done, 1);
		found += asked[i].done && asked[i].outcome == RADIUS_ANSWERED &&
			(!server || asked[i].server == server);
	}
	return found;
}

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

Test(radius_client, a_server_that_dies_loses_no_request_and_gets_new_ones_when_it_is_back)
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

Test(radius_client, a_server_without_status_server_is_tried_by_a_request_now_and_then)
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

Test(radius_client, one_request_that_is_never_answered_does_not_keep_its_server_dead)
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

Test(radius_client, requests_that_no_server_answers_do_not_keep_the_others_from_being_asked)
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

Test(radius_client, a_request_that_is_never_answered_is_sent_more_and_more_rarely)
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

Test(radius_client, a_request_at_rest_ends_at_its_deadline)
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

Test(radius_client, a_window_stays_open_when_a_server_ignores_a_request_but_answers_later_ones)
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

Test(radius_client, a_server_that_answers_status_server_alone_leaves_the_work_to_another)
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

Test(radius_client, what_finds_no_room_for_long_goes_to_the_next_priority)
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

Test(radius_client, a_storm_that_the_first_priority_can_take_stays_there)
{
	static struct asked asked[400];

	world_open(&(struct radius_client_settings){.n_servers = 2});
	world.models[0].per_second = 500;
	for (unsigned int i = 0; i < 400; i++)
		cr_assert_eq(ask(&asked[i], "right", 5000), 0);
	run(1500);
	cr_assert_eq(count_done(asked, 400, 1), 400, "%u of 400", count_done(asked, 400, 1));
}

Test(radius_client, a_socket_that_cannot_be_opened_is_tried_again)
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

Test(radius_client, a_server_without_a_socket_leaves_the_work_to_another)
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

Test(radius_client, a_dead_server_is_probed_by_one_packet_at_a_time)
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

Test(radius_client, with_all_servers_dead_requests_wait_and_survive)
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

Test(radius_client, with_fail_fast_they_are_told_at_once)
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
