/* SPDX-License-Identifier: BSD-3-Clause */
/* RADIUS requests from question to answer. */
#include "radius_client_core.h"

#include <crypto/digest.h>

#include <rte_common.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MAX_MS 16000

static const char *const drop_names[] = {
#define X(name, text) text,
	RADIUS_DROPS(X)
#undef X
};

const char *radius_drop_name(enum radius_drop drop)
{
	return drop < RADIUS_DROP_MAX ? drop_names[drop] : "?";
}

/* ---- a request's life ---- */

void radius_request_free(struct radius_request *request)
{
	timer_cancel(request->client->wheel, &request->timer);
	/* what was sent holds the password too, if hidden */
	if (request->packet)
		digest_wipe(request->packet, request->packet_length);
	free(request->packet);
	digest_wipe(request->bytes, request->attributes_length + request->password_length);
	free(request);
}

static void request_finish(struct radius_request *request, enum radius_outcome outcome,
	const struct radius_answer *answer)
{
	struct radius_client *client = request->client;

	if (outcome == RADIUS_ANSWERED)
		client->counters.answered++;
	else if (outcome == RADIUS_NO_ANSWER)
		client->counters.no_answer++;
	else
		client->counters.no_server++;
	request->done(request->user, outcome, answer);
	radius_request_free(request);
}

void radius_request_leave(
	struct radius_request *request, enum radius_slot_state state, uint64_t now)
{
	radius_ids_release(&request->server->ids, request->socket, request->id, state, now);
	request->server->doubtful -= request->rests != 0;
	request->server = NULL;
	if (request->packet)
		digest_wipe(request->packet, request->packet_length);
	free(request->packet);
	request->packet = NULL;
}

/* -ENOMEM. */
static int packet_build(struct radius_request *request, uint64_t now)
{
	const struct radius_server *server = request->server;
	struct radius_secret secret = server->settings.secret;
	struct radius_client *client = request->client;
	bool access = request->code != RADIUS_ACCOUNTING_REQUEST;
	uint8_t buffer[RADIUS_PACKET_MAX], hidden[RADIUS_PASSWORD_MAX];
	struct radius_writer writer;

	if (access)
		client->ops->random_bytes(
			client->user, request->authenticator, sizeof(request->authenticator));
	radius_writer_init(&writer, buffer, sizeof(buffer), request->code, request->id,
		access ? request->authenticator : NULL);
	if (access)
		radius_add_message_authenticator(&writer);
	radius_add_encoded(&writer, request->bytes, request->attributes_length);
	if (request->has_password) {
		int n = radius_password_hide(request->bytes + request->attributes_length,
			request->password_length, request->authenticator, secret, hidden);

		radius_add(&writer, RADIUS_USER_PASSWORD, hidden, (size_t)n);
	}
	if (!access) {
		int64_t delay = ((int64_t)now - request->happened_at) / 1000;

		radius_add_u32(&writer, RADIUS_ACCT_DELAY_TIME, delay > 0 ? (uint32_t)delay : 0);
	}
	request->packet_length = radius_request_sign(&writer, secret);
	request->packet = request->packet_length ? malloc(request->packet_length) : NULL;
	if (!request->packet)
		return -ENOMEM;
	memcpy(request->packet, buffer, request->packet_length);
	if (!access)
		memcpy(request->authenticator, buffer + 4, sizeof(request->authenticator));
	return 0;
}

static void packet_send(struct radius_request *request, uint64_t now)
{
	struct radius_client *client = request->client;
	struct radius_server *server = request->server;
	uint8_t random[2];
	uint32_t wait;

	/* whoever does not answer a doubtful one need not be dead */
	if (!request->rests)
		radius_server_asked(server, now);
	server->sent++;
	request->sends++;
	client->ops->send(client->user, server->index, request->socket, request->packet,
		request->packet_length);
	/* a tenth more or less, so that what was lost together does not come back together */
	client->ops->random_bytes(client->user, random, sizeof(random));
	wait = request->wait_ms - request->wait_ms / 10 +
		request->wait_ms / 5 * (random[0] << 8 | random[1]) / 65536;
	request->wait_ms = RTE_MIN(request->wait_ms * 2, (uint32_t)WAIT_MAX_MS);
	timer_set(client->wheel, &request->timer, RTE_MIN(now + wait, request->deadline));
}

static int socket_add(struct radius_server *server, uint64_t now)
{
	struct radius_client *client = server->client;
	int socket = radius_ids_open(&server->ids, client->sockets_max, now), rc;

	if (socket < 0)
		return socket;
	rc = client->ops->socket_open(client->user, server->index, (unsigned int)socket);
	if (rc)
		radius_ids_close(&server->ids, (unsigned int)socket);
	return rc;
}

int radius_request_send(struct radius_request *request, struct radius_server *server, uint64_t now)
{
	int rc = radius_ids_take(&server->ids, request, &request->socket, &request->id);

	if (rc) {
		rc = socket_add(server, now);
		if (!rc)
			rc = radius_ids_take(&server->ids, request, &request->socket, &request->id);
		if (rc) {
			request->client->counters.no_socket++;
			return rc;
		}
	}
	request->server = server;
	server->doubtful += request->rests != 0;
	request->sends = 0;
	request->sent_at = now;
	request->wait_ms = server->settings.timeout_ms;
	rc = packet_build(request, now);
	if (rc)
		radius_request_leave(request, RADIUS_SLOT_ABANDONED, now);
	else
		packet_send(request, now);
	return rc;
}

static void request_timer(struct timer *timer, uint64_t now)
{
	struct radius_request *request = RTE_PTR_SUB(timer, offsetof(struct radius_request, timer));
	struct radius_client *client = request->client;
	struct radius_server *server = request->server;

	if (!server) {
		if (radius_request_wake(request, now)) {
			radius_client_pump(client, now);
			return;
		}
		radius_queue_remove(request);
		request_finish(request,
			now >= request->deadline ? RADIUS_NO_ANSWER : RADIUS_NO_SERVER, NULL);
		radius_client_pump(client, now);
		return;
	}
	if (request->probe) {
		server->timeouts++;
		radius_server_probe_failed(server, now);
		return;
	}
	radius_server_timed_out(server, request, now);
	if (now >= request->deadline) {
		radius_request_leave(request, RADIUS_SLOT_ABANDONED, now);
		request_finish(request, RADIUS_NO_ANSWER, NULL);
	} else if (request->sends < server->settings.tries) {
		server->resent++;
		packet_send(request, now);
		return;
	} else {
		radius_request_leave(request, RADIUS_SLOT_ABANDONED, now);
		request->tried |= UINT32_C(1) << server->index;
		client->counters.failed_over++;
		radius_request_requeue(request, now);
	}
	radius_client_pump(client, now);
}

struct radius_request *radius_request_create(
	struct radius_client *client, const struct radius_question *question)
{
	size_t size = question->attributes_length + question->password_length;
	struct radius_request *request = malloc(sizeof(*request) + size);

	if (!request)
		return NULL;
	*request = (struct radius_request){
		.client = client,
		.code = (uint8_t)question->code,
		.deadline = UINT64_MAX,
		.happened_at = question->happened_at,
		.done = question->done,
		.user = question->user,
		.attributes_length = question->attributes_length,
		.password_length = question->password_length,
		.has_password = question->password != NULL,
	};
	if (question->attributes_length)
		memcpy(request->bytes, question->attributes, question->attributes_length);
	if (question->password_length)
		memcpy(request->bytes + question->attributes_length, question->password,
			question->password_length);
	timer_init(&request->timer, request_timer);
	return request;
}

static size_t attributes_max(enum radius_code code)
{
	/* with Message-Authenticator in front and a hidden password behind */
	return code == RADIUS_ACCOUNTING_REQUEST ? RADIUS_ACCOUNTING_ATTRIBUTES_MAX
						 : RADIUS_PACKET_MAX - RADIUS_HEADER -
			(2 + RADIUS_AUTHENTICATOR) - (2 + RADIUS_PASSWORD_MAX);
}

int radius_client_submit(struct radius_client *client, uint64_t now,
	const struct radius_question *question, struct radius_request **out)
{
	struct radius_request *request;

	if (question->password_length > RADIUS_PASSWORD_MAX ||
		question->attributes_length > attributes_max(question->code))
		return -EMSGSIZE;
	if (radius_client_queued(client) >= client->queue_max) {
		client->counters.queue_full++;
		return -ENOBUFS;
	}
	request = radius_request_create(client, question);
	if (!request)
		return -ENOMEM;
	if (question->deadline_ms)
		request->deadline = now + question->deadline_ms;
	client->counters.submitted++;
	radius_request_wait(request, now);
	radius_client_pump(client, now);
	*out = request;
	return 0;
}

void *radius_request_user(const struct radius_request *request)
{
	return request->user;
}

void radius_client_cancel(struct radius_request *request, uint64_t now)
{
	struct radius_client *client = request->client;

	client->counters.cancelled++;
	if (request->server)
		radius_request_leave(request, RADIUS_SLOT_ABANDONED, now);
	else
		radius_queue_remove(request);
	radius_request_free(request);
	radius_client_pump(client, now);
}

/* ---- answers ---- */

static bool code_fits(const struct radius_request *request, uint8_t code)
{
	if (request->client->accounting)
		return code == RADIUS_ACCOUNTING_RESPONSE;
	return code == RADIUS_ACCESS_ACCEPT || code == RADIUS_ACCESS_REJECT ||
		code == RADIUS_ACCESS_CHALLENGE;
}

/* The request that an authentic packet answers, or why it is dropped. */
static struct radius_request *reply_check(struct radius_server *server, unsigned int socket,
	const struct radius_endpoint *source, const struct radius_packet *reply,
	enum radius_drop *drop)
{
	static const enum radius_drop unused[] = {
		[RADIUS_SLOT_UNUSED] = RADIUS_DROP_ID,
		[RADIUS_SLOT_ANSWERED] = RADIUS_DROP_DUPLICATE,
		[RADIUS_SLOT_ABANDONED] = RADIUS_DROP_LATE,
	};
	struct radius_slot *slot = radius_ids_slot(&server->ids, socket, reply->id);
	struct radius_request *request;
	enum radius_signature signature;

	*drop = RADIUS_DROP_ADDRESS;
	if (!radius_endpoint_same(source, &server->settings.endpoint))
		return NULL;
	*drop = RADIUS_DROP_ID;
	if (!slot)
		return NULL;
	*drop = unused[slot->state == RADIUS_SLOT_BUSY ? RADIUS_SLOT_UNUSED : slot->state];
	if (slot->state != RADIUS_SLOT_BUSY)
		return NULL;
	request = slot->request;
	*drop = RADIUS_DROP_CODE;
	if (!code_fits(request, reply->code))
		return NULL;
	*drop = RADIUS_DROP_AUTHENTICATOR;
	if (!radius_reply_check(reply, request->authenticator, server->settings.secret))
		return NULL;
	signature = radius_message_check(reply, request->authenticator, server->settings.secret);
	*drop = RADIUS_DROP_MESSAGE_AUTHENTICATOR;
	if (signature == RADIUS_SIGNATURE_WRONG)
		return NULL;
	/* that a server lives may be believed without it */
	*drop = RADIUS_DROP_NO_MESSAGE_AUTHENTICATOR;
	if (signature == RADIUS_SIGNATURE_ABSENT && request->code == RADIUS_ACCESS_REQUEST &&
		server->settings.require_message_authenticator)
		return NULL;
	return request;
}

static void answer_count(struct radius_server *server, uint8_t code)
{
	server->accepts += code == RADIUS_ACCESS_ACCEPT;
	server->rejects += code == RADIUS_ACCESS_REJECT;
	server->challenges += code == RADIUS_ACCESS_CHALLENGE;
}

void radius_client_receive(struct radius_client *client, uint64_t now, unsigned int index,
	unsigned int socket, const struct radius_endpoint *source, const uint8_t *bytes,
	size_t length)
{
	static const enum radius_drop malformed[] = {
		[RADIUS_WIRE_SHORT] = RADIUS_DROP_SHORT,
		[RADIUS_WIRE_LENGTH] = RADIUS_DROP_LENGTH,
		[RADIUS_WIRE_ATTRIBUTE] = RADIUS_DROP_ATTRIBUTE,
		[RADIUS_WIRE_TOO_MANY] = RADIUS_DROP_TOO_MANY,
	};
	struct radius_server *server = &client->servers[index];
	struct radius_answer answer = {.server = index, .secret = server->settings.secret};
	enum radius_wire_error error = radius_packet_parse(&answer.packet, bytes, length);
	struct radius_request *request = NULL;
	enum radius_drop drop;

	if (error)
		drop = malformed[error];
	else
		request = reply_check(server, socket, source, &answer.packet, &drop);
	if (!request) {
		server->drops[drop]++;
		client->ops->dropped(client->user, index, drop);
		return;
	}
	radius_request_leave(request, RADIUS_SLOT_ANSWERED, now);
	radius_server_answered(server, request, now);
	if (request->probe) {
		server->probe = NULL;
		radius_request_free(request);
	} else {
		answer_count(server, answer.packet.code);
		answer.request_authenticator = request->authenticator;
		request_finish(request, RADIUS_ANSWERED, &answer);
	}
	radius_client_pump(client, now);
}

/* ---- the client ---- */

struct radius_client *radius_client_create(const struct radius_client_settings *settings,
	const struct radius_client_ops *ops, void *user, struct timer_wheel *wheel, uint64_t now)
{
	struct radius_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->ops = ops;
	client->user = user;
	client->wheel = wheel;
	client->accounting = settings->accounting;
	client->fail_fast = settings->fail_fast;
	client->sockets_max = RTE_MIN(settings->sockets_max, (unsigned int)RADIUS_SOCKETS_MAX);
	/* one id of each server is for its probe */
	client->in_flight_max =
		RTE_MIN(settings->in_flight_max, client->sockets_max * RADIUS_IDS_PER_SOCKET - 1);
	client->queue_max = settings->queue_max;
	timer_init(&client->retry, radius_client_retry);
	if (settings->nas_identifier)
		strncpy(client->nas_identifier, settings->nas_identifier,
			sizeof(client->nas_identifier) - 1);
	for (unsigned int i = 0; i < settings->n_servers && i < RADIUS_SERVERS_MAX; i++) {
		if (radius_server_init(
			    &client->servers[i], client, i, &settings->servers[i], now)) {
			radius_client_destroy(client);
			return NULL;
		}
		client->n_servers++;
	}
	return client;
}

static void queue_free(struct radius_queue *queue)
{
	while (queue->first) {
		struct radius_request *request = queue->first;

		radius_queue_remove(request);
		radius_request_free(request);
	}
}

void radius_client_destroy(struct radius_client *client)
{
	if (!client)
		return;
	queue_free(&client->again);
	queue_free(&client->fresh);
	queue_free(&client->resting);
	timer_cancel(client->wheel, &client->retry);
	for (unsigned int i = 0; i < client->n_servers; i++)
		radius_server_fini(&client->servers[i]);
	free(client);
}

unsigned int radius_client_servers(const struct radius_client *client)
{
	return client->n_servers;
}

const struct radius_client_counters *radius_client_counters(const struct radius_client *client)
{
	return &client->counters;
}

static bool is_hopeless(const struct radius_request *last, uint64_t now, uint32_t rate)
{
	uint64_t left = last->deadline - RTE_MIN(now, last->deadline);

	return last->deadline != UINT64_MAX &&
		radius_client_ready(last->client) * UINT64_C(1000) > left * rate;
}

unsigned int radius_client_shed(
	struct radius_client *client, uint64_t now, uint32_t rate, uint32_t least)
{
	unsigned int n = 0;

	/* whoever is told may ask anew: not without end */
	for (uint32_t most = radius_client_ready(client); most > least; most--) {
		struct radius_request *request = client->fresh.last;

		if (!request || radius_client_ready(client) <= least ||
			!is_hopeless(request, now, rate))
			break;
		radius_queue_remove(request);
		request_finish(request, RADIUS_NO_ANSWER, NULL);
		n++;
	}
	return n;
}

uint32_t radius_client_in_flight(const struct radius_client *client)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < client->n_servers; i++)
		n += client->servers[i].ids.busy;
	return n;
}
