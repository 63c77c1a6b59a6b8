/* SPDX-License-Identifier: BSD-3-Clause */
/* CoA- and Disconnect-Requests: checked, handled once, answered. */
#include "radius_server.h"

#include "log.h"

#include <stdlib.h>
#include <string.h>

#define CACHED      256
#define CACHE_S     30  /* a resend comes within that */
#define CACHED_SIZE 512 /* longer answers are not kept: Proxy-States of many proxies */

struct cached {
	struct radius_endpoint source;
	uint8_t id, authenticator[RADIUS_AUTHENTICATOR];
	uint64_t wall;
	uint16_t length; /* 0: nothing here */
	uint8_t reply[CACHED_SIZE];
};

struct radius_server_cache {
	radius_server_handle *handle;
	void *user;
	uint64_t counters[RADIUS_SERVER_COUNTER_MAX];
	unsigned int next;
	struct cached cached[CACHED];
};

static const char *const counter_names[] = {
#define X(name, text) text,
	RADIUS_SERVER_COUNTERS(X)
#undef X
};

const char *radius_server_counter_name(enum radius_server_counter counter)
{
	return counter < RADIUS_SERVER_COUNTER_MAX ? counter_names[counter] : "?";
}

struct radius_server_cache *radius_server_create(radius_server_handle *handle, void *user)
{
	struct radius_server_cache *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	server->handle = handle;
	server->user = user;
	return server;
}

void radius_server_destroy(struct radius_server_cache *server)
{
	free(server);
}

const uint64_t *radius_server_counters(const struct radius_server_cache *server)
{
	return server->counters;
}

static struct cached *cache_find(struct radius_server_cache *server, uint64_t wall,
	const struct radius_endpoint *source, const struct radius_packet *request)
{
	for (unsigned int i = 0; i < CACHED; i++) {
		struct cached *at = &server->cached[i];

		if (at->length && at->id == request->id && at->wall + CACHE_S >= wall &&
			radius_endpoint_same(&at->source, source) &&
			!memcmp(at->authenticator, radius_authenticator(request),
				RADIUS_AUTHENTICATOR))
			return at;
	}
	return NULL;
}

static void cache_add(struct radius_server_cache *server, uint64_t wall,
	const struct radius_endpoint *source, const struct radius_packet *request,
	const uint8_t *reply, size_t length)
{
	struct cached *at = &server->cached[server->next++ % CACHED];

	if (length > sizeof(at->reply))
		return;
	at->source = *source;
	at->id = request->id;
	memcpy(at->authenticator, radius_authenticator(request), RADIUS_AUTHENTICATOR);
	at->wall = wall;
	memcpy(at->reply, reply, length);
	at->length = (uint16_t)length;
}

/* Why an authentic request is not heard, or RADIUS_SERVER_ACK. */
static enum radius_server_counter request_check(
	const struct config_radius_client *client, const struct radius_packet *request)
{
	struct radius_secret secret = {(const uint8_t *)client->secret, strlen(client->secret)};

	if (request->code != RADIUS_COA_REQUEST && request->code != RADIUS_DISCONNECT_REQUEST)
		return RADIUS_SERVER_CODE;
	if (!radius_request_check(request, secret))
		return RADIUS_SERVER_AUTHENTICATOR;
	switch (radius_message_check(request, radius_zero_authenticator, secret)) {
	case RADIUS_SIGNATURE_WRONG:
		return RADIUS_SERVER_MESSAGE_AUTHENTICATOR;
	case RADIUS_SIGNATURE_ABSENT:
		if (client->require_message_authenticator)
			return RADIUS_SERVER_NO_MESSAGE_AUTHENTICATOR;
		break;
	case RADIUS_SIGNATURE_RIGHT:
		break;
	}
	return RADIUS_SERVER_ACK;
}

/* RFC 5176 6.3: a recorded request is worth nothing after the window. false: it is outside. */
static bool window_check(const struct config *config, uint64_t wall,
	const struct radius_packet *request, enum radius_error_cause *cause)
{
	struct radius_attribute attribute;
	uint32_t stamp, window = config->radius.coa_window;

	*cause = RADIUS_ERROR_NONE;
	if (!window)
		return true;
	if (!radius_find(request, RADIUS_EVENT_TIMESTAMP, &attribute)) {
		*cause = RADIUS_ERROR_MISSING_ATTRIBUTE;
		return true;
	}
	if (radius_get_u32(&attribute, &stamp)) {
		*cause = RADIUS_ERROR_INVALID_VALUE;
		return true;
	}
	return stamp + (uint64_t)window >= wall && stamp <= wall + window;
}

static size_t reply_write(const struct config_radius_client *client,
	const struct radius_packet *request, enum radius_error_cause cause, uint8_t *reply)
{
	const uint8_t *at = request->attributes;
	struct radius_attribute attribute;
	struct radius_writer writer;
	uint8_t ack = request->code == RADIUS_COA_REQUEST ? RADIUS_COA_ACK : RADIUS_DISCONNECT_ACK;

	/* a NAK's code is its ACK's and one */
	radius_writer_init(&writer, reply, RADIUS_PACKET_MAX,
		(enum radius_code)(ack + (cause != RADIUS_ERROR_NONE)), request->id, NULL);
	radius_add_message_authenticator(&writer);
	if (cause)
		radius_add_u32(&writer, RADIUS_ERROR_CAUSE, cause);
	while (radius_next(&at, request->end, &attribute))
		if (attribute.type == RADIUS_PROXY_STATE)
			radius_add_encoded(&writer, attribute.value - 2, attribute.length + 2u);
	return radius_reply_sign(&writer, radius_authenticator(request),
		(struct radius_secret){(const uint8_t *)client->secret, strlen(client->secret)});
}

static size_t drop(struct radius_server_cache *server, enum radius_server_counter why,
	const struct config_radius_client *client)
{
	server->counters[why]++;
	log_ratelimited(LOG_LEVEL_WARNING, NULL, "RADIUS client %s: a request is dropped: %s",
		client ? client->name : "(unknown)", radius_server_counter_name(why));
	return 0;
}

size_t radius_server_receive(struct radius_server_cache *server, const struct config *config,
	uint64_t wall, const struct radius_endpoint *source, const uint8_t *bytes, size_t length,
	uint8_t *reply)
{
	struct ip_addr address = {.family = source->family};
	const struct config_radius_client *client;
	enum radius_server_counter why;
	enum radius_error_cause cause;
	struct radius_packet request;
	struct cached *cached;

	memcpy(address.bytes, source->address, sizeof(address.bytes));
	client = config_radius_client_find(config, &address);
	if (!client)
		return drop(server, RADIUS_SERVER_CLIENT, NULL);
	if (radius_packet_parse(&request, bytes, length) != RADIUS_WIRE_OK)
		return drop(server, RADIUS_SERVER_MALFORMED, client);
	why = request_check(client, &request);
	if (why != RADIUS_SERVER_ACK)
		return drop(server, why, client);
	cached = cache_find(server, wall, source, &request);
	if (cached) {
		server->counters[RADIUS_SERVER_DUPLICATE]++;
		memcpy(reply, cached->reply, cached->length);
		return cached->length;
	}
	if (!window_check(config, wall, &request, &cause))
		return drop(server, RADIUS_SERVER_WINDOW, client);
	if (!cause)
		cause = server->handle(server->user, &request);
	server->counters[cause ? RADIUS_SERVER_NAK : RADIUS_SERVER_ACK]++;
	length = reply_write(client, &request, cause, reply);
	if (length)
		cache_add(server, wall, source, &request, reply, length);
	return length;
}
