/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions, a spool in a folder of its own, a client, and a server that answers as it is told; time is run(). */
#pragma once

#include "radius_acct.h"

#include <crypto/digest.h>

#include <criterion/criterion.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static inline uint32_t number_of(const struct radius_packet *packet, uint8_t type)
{
	struct radius_attribute attribute;
	uint32_t value = 0;

	if (radius_find(packet, type, &attribute))
		cr_assert_eq(radius_get_u32(&attribute, &value), 0);
	return value;
}

static inline void on_send(
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

static inline int on_open(void *user, unsigned int server, unsigned int socket)
{
	return 0;
}

static inline void on_close(void *user, unsigned int server, unsigned int socket)
{
}

static inline void on_random(void *user, void *out, size_t length)
{
	memset(out, 7, length);
}

static inline void on_state(void *user, unsigned int server, bool dead)
{
}

static inline void on_dropped(void *user, unsigned int server, enum radius_drop drop)
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

static inline uint64_t wall(void)
{
	return WALL + world.now / 1000;
}

static inline bool on_ask(void *user)
{
	world.asked++;
	return true;
}

/* The disk's clock is another one: it is given the time that it takes. */
static inline void disk_wait(void)
{
	struct radius_spool_status status;

	for (unsigned int i = 0; i < 500; i++) {
		radius_spool_status(world.spool, &status);
		if (!status.waiting)
			return;
		usleep(1000);
	}
}

static inline void run(uint64_t ms)
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

static inline void begin(uint64_t memory_max)
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
static inline void end(void)
{
	radius_acct_destroy(world.acct);
	radius_client_destroy(world.client);
	radius_spool_close(world.spool);
	world.n_replies = 0;
	cr_assert_eq(world.wheel.count, 0, "timers are left");
}

static inline void setup(void)
{
	cr_assert_eq(digest_init(), 0);
	memset(&world, 0, sizeof(world));
	world.now = 1000000;
	timer_wheel_init(&world.wheel, world.now);
	strcpy(world.folder, "/tmp/test_radius_acct.XXXXXX");
	cr_assert_not_null(mkdtemp(world.folder));
}

static inline void teardown(void)
{
	DIR *dir = opendir(world.folder);
	struct dirent *file;

	while ((file = readdir(dir)))
		unlinkat(dirfd(dir), file->d_name, 0);
	closedir(dir);
	rmdir(world.folder);
	digest_fini();
}

static inline struct radius_acct_session *start(unsigned int number, uint32_t interim)
{
	uint8_t base[64];
	char id[17];

	snprintf(id, sizeof(id), "%016X", number);
	base[0] = RADIUS_ACCT_SESSION_ID;
	base[1] = 18;
	memcpy(base + 2, id, 16);
	return radius_acct_start(world.acct, id, base, 18, interim, NULL);
}

static inline void stop(struct radius_acct_session *session, uint64_t octets)
{
	const struct radius_acct_counters counters = {.input_octets = octets};

	radius_acct_stop(session, &counters, RADIUS_CAUSE_USER_REQUEST);
}

static inline uint64_t waiting(void)
{
	struct radius_acct_status status;

	radius_acct_status(world.acct, &status);
	return status.waiting;
}

static inline unsigned int count(uint8_t type)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < world.n_received; i++)
		n += world.received[i].type == type;
	return n;
}

static inline unsigned int position(uint8_t type, char session)
{
	for (unsigned int i = 0; i < world.n_received; i++)
		if (world.received[i].type == type &&
			(!session || world.received[i].session[15] == session))
			return i;
	cr_assert_fail("no record of type %u of %c", type, session ? session : '-');
	return 0;
}
