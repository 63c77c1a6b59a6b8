/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What servers answer, from the datagram to the subscriber: any bytes, and what one that knows the secret signs. Each
 * request is told once or not at all.
 *
 * Input: steps of one byte (bits 0-1 the kind, 2-3 the server, 4-5 the request, 7 another source), one of length, and
 * so many bytes: a datagram; a signed answer (code, attributes) with Message-Authenticator, or without; time that passes.
 */
#include "../unit/config_minimal.h"
#include "aaa_radius.h"

#include <crypto/digest.h>

#include <stdlib.h>
#include <string.h>

#define SERVERS  2
#define REQUESTS 4

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char yaml[] = MINIMAL_LNS "pools: [{name: main, ranges: [10.0.0.0/24]}]\n"
				       "subscribers: {pool: main, local-address: 10.255.0.1}\n";

static const struct radius_secret secret = {(const uint8_t *)"secret", 6};

static struct {
	struct config *config;
	uint8_t random;
	struct {
		uint8_t bytes[RADIUS_PACKET_MAX];
		unsigned int server, socket;
	} sent[REQUESTS]; /* the latest packets */
	unsigned int n_sent;
	unsigned int told[REQUESTS];
} world;

static int on_open(void *user, unsigned int server, unsigned int socket)
{
	return 0;
}

static void on_close(void *user, unsigned int server, unsigned int socket)
{
}

static void on_send(
	void *user, unsigned int server, unsigned int socket, const uint8_t *packet, size_t length)
{
	unsigned int at = world.n_sent++ % REQUESTS;

	memcpy(world.sent[at].bytes, packet, length);
	world.sent[at].server = server;
	world.sent[at].socket = socket;
}

static void on_random(void *user, void *out, size_t length)
{
	uint8_t *bytes = out;

	while (length--)
		*bytes++ = world.random++;
}

static void on_state(void *user, unsigned int server, bool dead)
{
}

static void on_dropped(void *user, unsigned int server, enum radius_drop drop)
{
	if (drop >= RADIUS_DROP_MAX)
		abort();
}

static const struct radius_client_ops ops = {
	.socket_open = on_open,
	.socket_close = on_close,
	.send = on_send,
	.random_bytes = on_random,
	.state_changed = on_state,
	.dropped = on_dropped,
};

static void on_done(void *user, enum radius_outcome outcome, const struct radius_answer *answer)
{
	static struct aaa_accept accept;
	const struct aaa_request request = {.method = AAA_PAP};
	uint64_t counters[AAA_RADIUS_COUNTER_MAX] = {0};

	if (++*(unsigned int *)user > 1)
		abort();
	if (outcome != RADIUS_ANSWERED)
		return;
	if (answer->packet.code == RADIUS_ACCESS_ACCEPT)
		aaa_radius_accept(&accept, world.config, &request, answer, counters);
	else
		aaa_radius_message(&answer->packet, accept.answer.message);
}

static struct radius_endpoint endpoint_of(unsigned int server)
{
	return (struct radius_endpoint){
		.family = 4, .address = {192, 0, 2, (uint8_t)(2 + server)}, .port = 1812};
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct config_errors errors;

	if (digest_init() < 0 ||
		config_parse("fuzz.yaml", yaml, sizeof(yaml) - 1, &world.config, &errors))
		abort();
	return 0;
}

static size_t answer_make(uint8_t *packet, const uint8_t *request, bool signed_message,
	const uint8_t *bytes, size_t length)
{
	struct radius_writer writer;

	if (!length)
		return 0;
	radius_writer_init(
		&writer, packet, RADIUS_PACKET_MAX, (enum radius_code)bytes[0], request[1], NULL);
	if (signed_message)
		radius_add_message_authenticator(&writer);
	radius_add_encoded(&writer, bytes + 1, length - 1);
	return radius_reply_sign(&writer, request + 4, secret);
}

static uint64_t step(struct radius_client *client, struct timer_wheel *wheel, uint64_t now,
	uint8_t control, const uint8_t *bytes, size_t length)
{
	unsigned int server = control >> 2 & 1, request = control >> 4 & 3;
	unsigned int socket = world.sent[request].socket;
	struct radius_endpoint source;
	uint8_t *packet;
	size_t n = length;

	if ((control & 3) == 3) {
		for (unsigned int i = 0; i < length; i++)
			for (unsigned int ms = 0; ms < bytes[i]; ms++)
				timer_wheel_run(wheel, ++now, UINT32_MAX);
		return now;
	}
	packet = malloc(RADIUS_PACKET_MAX);
	if (!packet)
		return now;
	if (control & 3) {
		server = world.sent[request].server;
		n = answer_make(
			packet, world.sent[request].bytes, (control & 3) == 1, bytes, length);
	} else {
		memcpy(packet, bytes, length);
	}
	source = endpoint_of(server ^ control >> 7);
	radius_client_receive(client, now, server, socket, &source, packet, n);
	free(packet);
	return now;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct radius_server_settings servers[SERVERS];
	const struct radius_client_settings settings = {
		.n_servers = SERVERS,
		.servers = servers,
		.in_flight_max = 8,
		.sockets_max = 2,
		.queue_max = 100,
		.nas_identifier = "lns",
	};
	const uint8_t *at = data, *end = data + size;
	struct radius_request *requests[REQUESTS];
	static struct timer_wheel wheel;
	struct radius_client *client;
	uint64_t now = 1000;

	world.n_sent = 0;
	world.random = 0;
	memset(world.sent, 0, sizeof(world.sent));
	memset(world.told, 0, sizeof(world.told));
	for (unsigned int i = 0; i < SERVERS; i++)
		servers[i] = (struct radius_server_settings){
			.name = "s",
			.endpoint = endpoint_of(i),
			.secret = secret,
			.weight = 1,
			.timeout_ms = 100,
			.tries = 2,
			.dead_ms = 500,
			.probe_ms = 1000,
			.status_server = i == 0,
			.require_message_authenticator = i == 0,
		};
	timer_wheel_init(&wheel, now);
	client = radius_client_create(&settings, &ops, NULL, &wheel, now);
	if (!client)
		return 0;
	for (unsigned int i = 0; i < REQUESTS; i++) {
		const struct radius_question question = {
			.code = RADIUS_ACCESS_REQUEST,
			.password = (const uint8_t *)"password",
			.password_length = 8,
			.deadline_ms = 5000,
			.done = on_done,
			.user = &world.told[i],
		};

		if (radius_client_submit(client, now, &question, &requests[i]))
			abort();
	}
	while (end - at >= 2) {
		size_t length = at[1];

		if (length > (size_t)(end - at) - 2)
			length = (size_t)(end - at) - 2;
		now = step(client, &wheel, now, at[0], at + 2, length);
		at += 2 + length;
	}
	/* the deadline ends what is left */
	for (unsigned int ms = 0; ms < 6000; ms += 10)
		timer_wheel_run(&wheel, now += 10, UINT32_MAX);
	for (unsigned int i = 0; i < REQUESTS; i++)
		if (world.told[i] != 1)
			abort();
	if (radius_client_queued(client))
		abort();
	radius_client_destroy(client);
	if (wheel.count)
		abort();
	return 0;
}
