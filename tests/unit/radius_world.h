/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A RADIUS client and the servers that it asks, in one process on a clock of the test's own: packets take a millisecond,
 * are lost, doubled and reordered by a seeded chance, and the servers do as their models say.
 */
#pragma once

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
