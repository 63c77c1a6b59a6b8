/* SPDX-License-Identifier: BSD-3-Clause */
/* Authentication requests between question and answer. */
#include "aaa.h"
#include "aaa_local.h"
#include "aaa_radius.h"
#include "radius_session.h"

#include <crypto/digest.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_MAX 255

struct aaa_pending {
	struct aaa_pending *next; /* of those that aaa_poll() has to look at */
	struct aaa *aaa;
	uint32_t id;
	aaa_done *done; /* NULL: cancelled */
	void *user;
	struct radius_request *radius; /* under way */
	struct aaa_answer *answer;     /* RADIUS has given it; one block with its extra */
	unsigned int asked;            /* sources of aaa.order that did not know */
	const char *why;               /* why the last one did not */
	struct aaa_request request;    /* its pointers are into bytes; no session */
	const uint8_t *attributes;     /* for RADIUS */
	size_t attributes_length, size;
	uint8_t bytes[];
};

struct aaa {
	const struct config *config;
	struct aaa_radius *radius;
	struct aaa_pending *first, **last; /* those to look at */
	struct aaa_pending **slots;        /* by id % max_pending */
	uint32_t max_pending, n_pending, next_id;
	struct aaa_counters counters;
};

struct aaa *aaa_create(const struct config *config, uint32_t max_pending)
{
	struct aaa *aaa = calloc(1, sizeof(*aaa));

	if (!aaa)
		return NULL;
	aaa->slots = calloc(max_pending, sizeof(*aaa->slots));
	if (!aaa->slots) {
		free(aaa);
		return NULL;
	}
	aaa->config = config;
	aaa->max_pending = max_pending;
	aaa->last = &aaa->first;
	return aaa;
}

/* Its id means nothing any more. */
static void pending_forget(struct aaa_pending *pending)
{
	struct aaa *aaa = pending->aaa;

	aaa->slots[pending->id % aaa->max_pending] = NULL;
	aaa->n_pending--;
}

/* It may hold a password. */
static void pending_free(struct aaa_pending *pending)
{
	digest_wipe(pending->bytes, pending->size);
	free(pending->answer);
	free(pending);
}

void aaa_destroy(struct aaa *aaa)
{
	if (!aaa)
		return;
	for (uint32_t i = 0; i < aaa->max_pending; i++) {
		struct aaa_pending *pending = aaa->slots[i];

		if (!pending)
			continue;
		if (pending->radius)
			aaa_radius_cancel(aaa->radius, pending->radius);
		pending_forget(pending);
		pending_free(pending);
	}
	free(aaa->slots);
	free(aaa);
}

void aaa_set_config(struct aaa *aaa, const struct config *config)
{
	for (uint32_t i = 0; i < aaa->max_pending; i++) {
		struct aaa_answer *answer = aaa->slots[i] ? aaa->slots[i]->answer : NULL;

		if (!answer)
			continue;
		answer->pool = aaa_pool_follow(aaa->config, config, answer->pool);
		aaa_ipv6_follow(aaa->config, config, &answer->ipv6);
	}
	aaa->config = config;
}

void aaa_set_radius(struct aaa *aaa, struct aaa_radius *radius)
{
	aaa->radius = radius;
}

static void todo_add(struct aaa_pending *pending)
{
	struct aaa *aaa = pending->aaa;

	pending->next = NULL;
	*aaa->last = pending;
	aaa->last = &pending->next;
}

static const uint8_t *field_copy(uint8_t **at, const uint8_t *field, size_t length)
{
	uint8_t *copy = *at;

	if (length)
		memcpy(copy, field, length);
	*at += length;
	return copy;
}

/* What RADIUS is told; encoded now, while the session is there to be looked at. */
static size_t attributes_write(
	const struct aaa *aaa, const struct aaa_request *request, uint8_t *buffer, size_t size)
{
	struct radius_writer writer;

	if (!aaa->radius || !request->session)
		return 0;
	radius_writer_init(&writer, buffer, size, RADIUS_ACCESS_REQUEST, 0, NULL);
	radius_session_write(&writer, aaa->config, request->session);
	return writer.failed ? 0 : (size_t)(writer.at - writer.start) - RADIUS_HEADER;
}

int64_t aaa_submit(struct aaa *aaa, const struct aaa_request *request, aaa_done *done, void *user)
{
	uint8_t buffer[RADIUS_PACKET_MAX], *at;
	size_t attributes, size;
	struct aaa_pending *pending;

	if (request->user_length > AAA_USER_MAX || request->password_length > FIELD_MAX ||
		request->challenge_length > FIELD_MAX || request->response_length > FIELD_MAX)
		return -EMSGSIZE;
	if (aaa->n_pending == aaa->max_pending) {
		aaa->counters.overflow++;
		return -ENOBUFS;
	}
	attributes = attributes_write(aaa, request, buffer, sizeof(buffer));
	size = request->user_length + request->password_length + request->challenge_length +
		request->response_length + attributes;
	pending = malloc(sizeof(*pending) + size);
	if (!pending)
		return -ENOMEM;
	do
		aaa->next_id++;
	while (aaa->next_id == 0 || aaa->slots[aaa->next_id % aaa->max_pending]);
	*pending = (struct aaa_pending){
		.aaa = aaa,
		.id = aaa->next_id,
		.done = done,
		.user = user,
		.request = *request,
		.attributes_length = attributes,
		.size = size,
	};
	at = pending->bytes;
	pending->request.session = NULL;
	pending->request.user = field_copy(&at, request->user, request->user_length);
	pending->request.password = field_copy(&at, request->password, request->password_length);
	pending->request.challenge = field_copy(&at, request->challenge, request->challenge_length);
	pending->request.response = field_copy(&at, request->response, request->response_length);
	pending->attributes = field_copy(&at, buffer + RADIUS_HEADER, attributes);
	aaa->slots[pending->id % aaa->max_pending] = pending;
	todo_add(pending);
	aaa->n_pending++;
	aaa->counters.requests++;
	return pending->id;
}

void aaa_cancel(struct aaa *aaa, uint32_t id)
{
	struct aaa_pending *pending = aaa->slots[id % aaa->max_pending];

	if (!pending || pending->id != id || !pending->done)
		return;
	pending->done = NULL;
	aaa->counters.cancelled++;
	/* what is not with RADIUS is in the list of aaa_poll(), which drops it */
	if (pending->radius) {
		aaa_radius_cancel(aaa->radius, pending->radius);
		pending_forget(pending);
		pending_free(pending);
	}
}

/* ---- who decides ---- */

/* Called by RADIUS: the answer waits for aaa_poll(). */
static void on_radius(void *user, enum aaa_radius_verdict verdict, const struct aaa_answer *answer)
{
	struct aaa_pending *pending = user;
	size_t extra = answer && answer->extra ? answer->extra->size : 0;

	pending->radius = NULL;
	todo_add(pending);
	if (verdict == AAA_RADIUS_SILENCE) {
		pending->asked++;
		pending->why = "no RADIUS server answers";
		pending->aaa->counters.no_answer++;
		return;
	}
	pending->answer = malloc(sizeof(*answer) + extra);
	if (!pending->answer) {
		pending->asked = CONFIG_AAA_SOURCES;
		pending->why = "out of memory";
		return;
	}
	*pending->answer = *answer;
	if (extra) {
		memcpy(pending->answer + 1, answer->extra, extra);
		pending->answer->extra = (struct aaa_extra *)(pending->answer + 1);
	}
}

static const char *radius_reason(int rc)
{
	switch (rc) {
	case -ENOENT:
		return "no RADIUS server is configured";
	case -EMSGSIZE:
		return "the credentials are longer than RADIUS can carry";
	default:
		return "too many requests wait for RADIUS, or no memory for one";
	}
}

/* The next source is asked: true if it has decided, answer is complete then. */
static bool source_ask(struct aaa *aaa, struct aaa_pending *pending, struct aaa_answer *answer)
{
	const struct config_aaa *order = &aaa->config->aaa;
	bool last = pending->asked + 1 >= order->n_order;
	int rc;

	if (order->order[pending->asked] == CONFIG_AAA_LOCAL) {
		if (!last && !aaa_local_knows(aaa->config, &pending->request)) {
			pending->asked++;
			return false;
		}
		aaa_local_check(aaa->config, &pending->request, answer, &aaa->counters);
		return true;
	}
	rc = aaa->radius ? aaa_radius_ask(aaa->radius, &pending->request, pending->attributes,
				   pending->attributes_length, on_radius, pending, &pending->radius)
			 : -ENOENT;
	if (rc) {
		pending->asked++;
		pending->why = radius_reason(rc);
	}
	return false;
}

/* true: answer is complete; false: RADIUS has been asked. */
static bool pending_decide(struct aaa *aaa, struct aaa_pending *pending, struct aaa_answer *answer)
{
	if (pending->answer) {
		*answer = *pending->answer;
		return true;
	}
	while (pending->asked < aaa->config->aaa.n_order) {
		if (source_ask(aaa, pending, answer))
			return true;
		if (pending->radius)
			return false;
	}
	*answer = (struct aaa_answer){.pool = -1, .refusal = pending->why, .unavailable = true};
	return true;
}

static void answer_count(struct aaa_counters *counters, const struct aaa_pending *pending)
{
	if (!pending->answer)
		return; /* counted by who gave it */
	if (pending->answer->accept)
		counters->accepts++;
	else
		counters->rejects_radius++;
}

unsigned int aaa_poll(struct aaa *aaa, unsigned int max)
{
	unsigned int n = 0;

	while (aaa->first && n < max) {
		struct aaa_pending *pending = aaa->first;
		struct aaa_answer answer;

		aaa->first = pending->next;
		if (!aaa->first)
			aaa->last = &aaa->first;
		n += pending->done != NULL;
		if (pending->done && !pending_decide(aaa, pending, &answer))
			continue;
		/* whoever is told may ask anew, or cancel, from within: this request is nobody's by then */
		pending_forget(pending);
		if (pending->done) {
			answer_count(&aaa->counters, pending);
			pending->done(pending->user, pending->id, &answer);
		}
		pending_free(pending);
	}
	return n;
}

uint32_t aaa_pending(const struct aaa *aaa)
{
	return aaa->n_pending;
}

const struct aaa_counters *aaa_counters(const struct aaa *aaa)
{
	return &aaa->counters;
}
