/* SPDX-License-Identifier: BSD-3-Clause */
/* RADIUS as one that the AAA asks. */
#include "aaa_radius.h"

#include "log.h"
#include "radius_io.h"

#include <crypto/digest.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MSCHAP_RESPONSE 49 /* as struct aaa_request has it */

/* Servers of a configuration; old ones stay until they have answered. */
struct generation {
	struct generation *next;
	struct radius_io *io;
};

struct question {
	struct question *next, **link;
	struct aaa_radius *radius;
	/* what an Access-Accept is checked against: method, CHAP id, user */
	struct aaa_request request;
	aaa_radius_done *done;
	void *user;
	struct radius_request *handle;
	uint8_t name[]; /* the user's */
};

struct aaa_radius {
	const struct config *config;
	struct timer_wheel *wheel;
	const uint64_t *now;
	int epoll;
	struct generation *current, *old; /* current NULL: RADIUS is not asked */
	bool outdated; /* current is not what config says: it could not be opened */
	struct question *questions;
	uint64_t counters[AAA_RADIUS_COUNTER_MAX];
};

static const char *const counter_names[] = {
#define X(name, text) text,
	AAA_RADIUS_COUNTERS(X)
#undef X
};

const char *aaa_radius_counter_name(enum aaa_radius_counter counter)
{
	return counter < AAA_RADIUS_COUNTER_MAX ? counter_names[counter] : "?";
}

/* ---- servers of a configuration ---- */

static bool is_asked(const struct config *config)
{
	for (unsigned int i = 0; i < config->aaa.n_order; i++)
		if (config->aaa.order[i] == CONFIG_AAA_RADIUS)
			return radius_io_servers(config, RADIUS_AUTHENTICATION) != 0;
	return false;
}

static int generation_open(struct aaa_radius *radius, const struct config *config,
	struct generation **out, char *error, size_t error_size)
{
	struct generation *generation;
	struct epoll_event event = {.events = EPOLLIN};

	*out = NULL;
	if (!is_asked(config))
		return 0;
	generation = calloc(1, sizeof(*generation));
	if (!generation) {
		snprintf(error, error_size, "out of memory for the RADIUS servers");
		return -ENOMEM;
	}
	generation->io = radius_io_create(
		config, RADIUS_AUTHENTICATION, radius->wheel, *radius->now, error, error_size);
	if (!generation->io) {
		free(generation);
		return -EIO;
	}
	event.data.ptr = generation;
	if (epoll_ctl(radius->epoll, EPOLL_CTL_ADD, radius_io_fd(generation->io), &event)) {
		snprintf(error, error_size, "RADIUS: epoll: %s", strerror(errno));
		radius_io_destroy(generation->io);
		free(generation);
		return -EIO;
	}
	*out = generation;
	return 0;
}

static void generation_close(struct aaa_radius *radius, struct generation *generation)
{
	if (!generation)
		return;
	epoll_ctl(radius->epoll, EPOLL_CTL_DEL, radius_io_fd(generation->io), NULL);
	radius_io_destroy(generation->io);
	free(generation);
}

/* Old servers that owe nothing any more. */
static void generations_sweep(struct aaa_radius *radius)
{
	struct generation **link = &radius->old;

	while (*link) {
		struct generation *generation = *link;
		struct radius_client *client = radius_io_client(generation->io);

		if (radius_client_in_flight(client) || radius_client_queued(client)) {
			link = &generation->next;
			continue;
		}
		*link = generation->next;
		generation_close(radius, generation);
	}
}

struct aaa_radius *aaa_radius_create(const struct config *config, struct timer_wheel *wheel,
	const uint64_t *now, char *error, size_t error_size)
{
	struct aaa_radius *radius = calloc(1, sizeof(*radius));

	if (!radius) {
		snprintf(error, error_size, "out of memory for the RADIUS servers");
		return NULL;
	}
	radius->config = config;
	radius->wheel = wheel;
	radius->now = now;
	radius->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (radius->epoll < 0) {
		snprintf(error, error_size, "RADIUS: epoll: %s", strerror(errno));
		free(radius);
		return NULL;
	}
	if (generation_open(radius, config, &radius->current, error, error_size)) {
		aaa_radius_destroy(radius);
		return NULL;
	}
	return radius;
}

static void question_free(struct question *question)
{
	*question->link = question->next;
	if (question->next)
		question->next->link = question->link;
	free(question);
}

void aaa_radius_destroy(struct aaa_radius *radius)
{
	if (!radius)
		return;
	while (radius->questions)
		question_free(radius->questions);
	generation_close(radius, radius->current);
	while (radius->old) {
		struct generation *next = radius->old->next;

		generation_close(radius, radius->old);
		radius->old = next;
	}
	close(radius->epoll);
	free(radius);
}

int aaa_radius_set_config(struct aaa_radius *radius, const struct config *config)
{
	struct generation *generation;
	char error[256] = "";
	int rc;

	if (!radius->outdated && radius_io_same(radius->config, config)) {
		radius->config = config;
		return 0;
	}
	rc = generation_open(radius, config, &generation, error, sizeof(error));
	/* who is asked and by which names is the new configuration's in any case */
	radius->config = config;
	radius->outdated = rc != 0;
	if (rc) {
		log_error(NULL, "reload: the RADIUS servers stay as they were: %s", error);
		return rc;
	}
	if (radius->current) {
		radius->current->next = radius->old;
		radius->old = radius->current;
	}
	radius->current = generation;
	generations_sweep(radius);
	return 0;
}

/* ---- questions ---- */

static void on_done(void *user, enum radius_outcome outcome, const struct radius_answer *reply)
{
	static struct aaa_accept accept; /* control core only */
	struct question *question = user;
	struct aaa_radius *radius = question->radius;
	enum aaa_radius_verdict verdict = AAA_RADIUS_REJECT;
	aaa_radius_done *done = question->done;
	void *done_user = question->user;

	memset(&accept.answer, 0, sizeof(accept.answer));
	accept.answer.pool = -1;
	if (outcome != RADIUS_ANSWERED) {
		radius->counters[AAA_RADIUS_NO_ANSWER]++;
		verdict = AAA_RADIUS_SILENCE;
	} else if (reply->packet.code == RADIUS_ACCESS_REJECT) {
		radius->counters[AAA_RADIUS_REJECTED]++;
		accept.answer.refusal = "rejected by RADIUS";
		aaa_radius_message(&reply->packet, accept.answer.message);
	} else if (reply->packet.code == RADIUS_ACCESS_CHALLENGE) {
		radius->counters[AAA_RADIUS_CHALLENGED]++;
		accept.answer.refusal =
			"RADIUS answers with a challenge, which PAP and CHAP cannot "
			"pass on";
	} else if (aaa_radius_accept(
			   &accept, radius->config, &question->request, reply, radius->counters)) {
		radius->counters[AAA_RADIUS_ACCEPTED]++;
		verdict = AAA_RADIUS_ACCEPT;
	} else {
		radius->counters[AAA_RADIUS_REFUSED]++;
	}
	question_free(question);
	done(done_user, verdict, verdict == AAA_RADIUS_SILENCE ? NULL : &accept.answer);
	digest_wipe(accept.answer.authenticator, sizeof(accept.answer.authenticator));
}

/* The credentials; a password is hidden by the client. */
static int credentials_write(struct radius_writer *writer, const struct aaa_request *request,
	struct radius_question *question)
{
	uint8_t value[RADIUS_VENDOR_VALUE_MAX];

	switch (request->method) {
	case AAA_PAP:
		question->password = request->password;
		question->password_length = request->password_length;
		return request->password_length > RADIUS_PASSWORD_MAX ? -EMSGSIZE : 0;
	case AAA_CHAP_MD5:
		if (request->response_length != 16)
			return -EMSGSIZE;
		value[0] = request->chap_id;
		memcpy(value + 1, request->response, 16);
		radius_add(writer, RADIUS_CHAP_PASSWORD, value, 17);
		radius_add(writer, RADIUS_CHAP_CHALLENGE, request->challenge,
			request->challenge_length);
		return 0;
	case AAA_MSCHAP_V2:
		if (request->response_length != MSCHAP_RESPONSE || request->challenge_length != 16)
			return -EMSGSIZE;
		/* RFC 2548 2.3.2: the flags go in front */
		value[0] = request->chap_id;
		value[1] = request->response[MSCHAP_RESPONSE - 1];
		memcpy(value + 2, request->response, MSCHAP_RESPONSE - 1);
		radius_add_vendor(writer, RADIUS_VENDOR_MICROSOFT, 11, request->challenge, 16);
		radius_add_vendor(writer, RADIUS_VENDOR_MICROSOFT, 25, value, MSCHAP_RESPONSE + 1);
		return 0;
	case AAA_NONE:
		break;
	}
	return -EINVAL;
}

int aaa_radius_ask(struct aaa_radius *radius, const struct aaa_request *request,
	const uint8_t *attributes, size_t attributes_length, aaa_radius_done *done, void *user,
	struct radius_request **handle)
{
	uint8_t buffer[RADIUS_PACKET_MAX];
	struct radius_question asked = {
		.code = RADIUS_ACCESS_REQUEST,
		.attributes = buffer + RADIUS_HEADER,
		.deadline_ms = radius->config->radius.deadline,
		.done = on_done,
	};
	struct radius_writer writer;
	struct question *question;
	int rc;

	if (!radius->current)
		return -ENOENT;
	radius_writer_init(&writer, buffer, sizeof(buffer), RADIUS_ACCESS_REQUEST, 0, NULL);
	radius_add_encoded(&writer, attributes, attributes_length);
	rc = credentials_write(&writer, request, &asked);
	if (rc || writer.failed)
		return rc ? rc : -EMSGSIZE;
	asked.attributes_length = (size_t)(writer.at - asked.attributes);
	question = malloc(sizeof(*question) + request->user_length);
	if (!question)
		return -ENOMEM;
	*question = (struct question){
		.radius = radius,
		.request = {.method = request->method, .chap_id = request->chap_id},
		.done = done,
		.user = user,
		.next = radius->questions,
		.link = &radius->questions,
	};
	if (request->user_length)
		memcpy(question->name, request->user, request->user_length);
	question->request.user = question->name;
	question->request.user_length = request->user_length;
	asked.user = question;
	rc = radius_client_submit(
		radius_io_client(radius->current->io), *radius->now, &asked, &question->handle);
	if (rc) {
		free(question);
		return rc;
	}
	if (question->next)
		question->next->link = &question->next;
	radius->questions = question;
	*handle = question->handle;
	return 0;
}

void aaa_radius_cancel(struct aaa_radius *radius, struct radius_request *handle)
{
	struct question *question = radius_request_user(handle);

	radius_client_cancel(handle, *radius->now);
	question_free(question);
}

/* ---- answers ---- */

int aaa_radius_fd(const struct aaa_radius *radius)
{
	return radius->epoll;
}

unsigned int aaa_radius_read(struct aaa_radius *radius, unsigned int max)
{
	struct epoll_event events[4];
	int n = epoll_wait(radius->epoll, events, 4, 0);
	unsigned int taken = 0;

	for (int i = 0; i < n; i++) {
		struct generation *generation = events[i].data.ptr;

		taken += radius_io_read(generation->io, *radius->now, max);
	}
	if (radius->old)
		generations_sweep(radius);
	return taken;
}

unsigned int aaa_radius_shed(struct aaa_radius *radius, uint32_t rate, uint32_t least)
{
	struct radius_client *client = radius->current ? radius_io_client(radius->current->io)
						       : NULL;
	unsigned int n = client ? radius_client_shed(client, *radius->now, rate, least) : 0;

	radius->counters[AAA_RADIUS_SHED] += n;
	return n;
}

const struct radius_client *aaa_radius_client(const struct aaa_radius *radius)
{
	return radius->current ? radius_io_client(radius->current->io) : NULL;
}

const uint64_t *aaa_radius_counters(const struct aaa_radius *radius)
{
	return radius->counters;
}
