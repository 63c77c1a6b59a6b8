/* SPDX-License-Identifier: BSD-3-Clause */
/* Authentication requests between question and answer. */
#include "aaa.h"
#include "aaa_local.h"

#include <crypto/digest.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_MAX 255

struct aaa_pending {
	struct aaa_pending *next;
	uint32_t id;
	aaa_done *done; /* NULL: cancelled */
	void *user;
	struct aaa_request request; /* its pointers are into bytes */
	size_t size;
	uint8_t bytes[];
};

struct aaa {
	const struct config *config;
	struct aaa_pending *first, **last;
	struct aaa_pending **slots; /* by id % max_pending */
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

/* Takes the oldest from the queue; it may hold a password. */
static void pending_drop(struct aaa *aaa)
{
	struct aaa_pending *pending = aaa->first;

	aaa->first = pending->next;
	if (!aaa->first)
		aaa->last = &aaa->first;
	aaa->slots[pending->id % aaa->max_pending] = NULL;
	aaa->n_pending--;
	digest_wipe(pending->bytes, pending->size);
	free(pending);
}

void aaa_destroy(struct aaa *aaa)
{
	if (!aaa)
		return;
	while (aaa->first)
		pending_drop(aaa);
	free(aaa->slots);
	free(aaa);
}

void aaa_set_config(struct aaa *aaa, const struct config *config)
{
	aaa->config = config;
}

static const uint8_t *field_copy(uint8_t **at, const uint8_t *field, size_t length)
{
	uint8_t *copy = *at;

	if (length)
		memcpy(copy, field, length);
	*at += length;
	return copy;
}

int64_t aaa_submit(struct aaa *aaa, const struct aaa_request *request, aaa_done *done, void *user)
{
	size_t size = request->user_length + request->password_length + request->challenge_length +
		request->response_length;
	struct aaa_pending *pending;
	uint8_t *at;

	if (request->user_length > AAA_USER_MAX || request->password_length > FIELD_MAX ||
		request->challenge_length > FIELD_MAX || request->response_length > FIELD_MAX)
		return -EMSGSIZE;
	/* the queue is served in order, so that a full one is full in every slot from the next id on */
	if (aaa->n_pending == aaa->max_pending) {
		aaa->counters.overflow++;
		return -ENOBUFS;
	}
	pending = malloc(sizeof(*pending) + size);
	if (!pending)
		return -ENOMEM;
	do
		aaa->next_id++;
	while (aaa->next_id == 0 || aaa->slots[aaa->next_id % aaa->max_pending]);
	*pending = (struct aaa_pending){
		.id = aaa->next_id,
		.done = done,
		.user = user,
		.request = *request,
		.size = size,
	};
	at = pending->bytes;
	pending->request.user = field_copy(&at, request->user, request->user_length);
	pending->request.password = field_copy(&at, request->password, request->password_length);
	pending->request.challenge = field_copy(&at, request->challenge, request->challenge_length);
	pending->request.response = field_copy(&at, request->response, request->response_length);
	aaa->slots[pending->id % aaa->max_pending] = pending;
	*aaa->last = pending;
	aaa->last = &pending->next;
	aaa->n_pending++;
	aaa->counters.requests++;
	return pending->id;
}

void aaa_cancel(struct aaa *aaa, uint32_t id)
{
	struct aaa_pending *pending = aaa->slots[id % aaa->max_pending];

	if (pending && pending->id == id && pending->done) {
		pending->done = NULL;
		aaa->counters.cancelled++;
	}
}

unsigned int aaa_poll(struct aaa *aaa, unsigned int max)
{
	unsigned int n = 0;

	while (aaa->first && n < max) {
		struct aaa_pending *pending = aaa->first;
		aaa_done *done = pending->done;
		void *user = pending->user;
		uint32_t id = pending->id;
		struct aaa_answer answer;

		if (done)
			aaa_local_check(aaa->config, &pending->request, &answer, &aaa->counters);
		pending_drop(aaa);
		if (!done)
			continue;
		done(user, id, &answer);
		n++;
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
