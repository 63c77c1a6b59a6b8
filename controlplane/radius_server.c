/* SPDX-License-Identifier: BSD-3-Clause */
/* CoA- and Disconnect-Requests: checked, handled once, answered. */
#include "radius_server.h"

#include "log.h"
#include "radius_heard.h"

#include <stdlib.h>
#include <string.h>

#define RESEND_S 30 /* a resend comes within that */

/* What a client's requests came to; by its name, which a reload leaves. */
struct client_memory {
	char name[CONFIG_NAME_MAX];
	struct radius_heard *heard;
};

struct radius_server_cache {
	radius_server_handle *handle;
	void *user;
	uint64_t counters[RADIUS_SERVER_COUNTER_MAX];
	unsigned int n_clients;
	struct client_memory *clients;
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
	if (!server)
		return;
	for (unsigned int i = 0; i < server->n_clients; i++)
		radius_heard_destroy(server->clients[i].heard);
	free(server->clients);
	free(server);
}

const uint64_t *radius_server_counters(const struct radius_server_cache *server)
{
	return server->counters;
}

/* Those of clients that the configuration does not have any more are let go. */
static void memories_prune(struct radius_server_cache *server, const struct config *config)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < server->n_clients; i++) {
		bool known = false;

		for (unsigned int k = 0; k < config->n_radius_clients && !known; k++)
			known = !strcmp(config->radius_clients[k].name, server->clients[i].name);
		if (known)
			server->clients[kept++] = server->clients[i];
		else
			radius_heard_destroy(server->clients[i].heard);
	}
	server->n_clients = kept;
}

/* NULL: no memory. */
static struct radius_heard *memory_of(struct radius_server_cache *server,
	const struct config *config, const struct config_radius_client *client)
{
	struct client_memory *clients;
	struct radius_heard *heard;

	for (unsigned int i = 0; i < server->n_clients; i++)
		if (!strcmp(server->clients[i].name, client->name))
			return server->clients[i].heard;
	memories_prune(server, config);
	clients = realloc(server->clients, (server->n_clients + 1) * sizeof(*clients));
	if (!clients)
		return NULL;
	server->clients = clients;
	heard = radius_heard_create();
	if (!heard)
		return NULL;
	clients += server->n_clients++;
	memcpy(clients->name, client->name, sizeof(clients->name));
	clients->heard = heard;
	return heard;
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

/* RFC 5176 6.3: a recorded request is worth nothing after the window. false: it is outside. stamp: 0 without one. */
static bool window_check(const struct config *config, const struct radius_heard *heard,
	uint64_t wall, const struct radius_packet *request, uint32_t *stamp,
	enum radius_error_cause *cause)
{
	struct radius_attribute attribute;
	uint32_t window = config->radius.coa_window;

	*cause = RADIUS_ERROR_NONE;
	*stamp = 0;
	if (!window)
		return true;
	if (!radius_find(request, RADIUS_EVENT_TIMESTAMP, &attribute)) {
		*cause = RADIUS_ERROR_MISSING_ATTRIBUTE;
		return true;
	}
	if (radius_get_u32(&attribute, stamp)) {
		*cause = RADIUS_ERROR_INVALID_VALUE;
		return true;
	}
	return *stamp + (uint64_t)window >= wall && *stamp <= wall + window &&
		!radius_heard_forgotten(heard, *stamp);
}

/* As long as it could be heard again, and as resends come. */
static uint64_t remember_until(const struct config *config, uint64_t wall, uint32_t stamp)
{
	uint64_t valid = (uint64_t)stamp + config->radius.coa_window;

	return valid > wall + RESEND_S ? valid : wall + RESEND_S;
}

/* RFC 2865 5.33: all Proxy-States go back; an answer without room for them would find no way. */
static bool answer_fits(const struct radius_packet *request)
{
	size_t length = RADIUS_HEADER + 2 + RADIUS_AUTHENTICATOR + 6; /* and Error-Cause */
	const uint8_t *at = request->attributes;
	struct radius_attribute attribute;

	while (radius_next(&at, request->end, &attribute))
		if (attribute.type == RADIUS_PROXY_STATE)
			length += attribute.length + 2u;
	return length <= RADIUS_PACKET_MAX;
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

/* An authentic request of a client: done unless it was done already. false: it is dropped. */
static bool request_do(struct radius_server_cache *server, const struct config *config,
	uint64_t wall, struct radius_heard *heard, const struct radius_packet *request,
	enum radius_error_cause *cause)
{
	const uint8_t *authenticator = radius_authenticator(request);
	int outcome = radius_heard_find(heard, wall, authenticator);
	uint32_t stamp;

	if (outcome >= 0) {
		server->counters[RADIUS_SERVER_DUPLICATE]++;
		*cause = (enum radius_error_cause)outcome;
		return true;
	}
	if (!window_check(config, heard, wall, request, &stamp, cause))
		return false;
	if (!*cause) {
		*cause = server->handle(server->user, request);
		radius_heard_add(heard, wall, authenticator, stamp,
			remember_until(config, wall, stamp), (int)*cause);
	}
	server->counters[*cause ? RADIUS_SERVER_NAK : RADIUS_SERVER_ACK]++;
	return true;
}

size_t radius_server_receive(struct radius_server_cache *server, const struct config *config,
	uint64_t wall, const struct radius_endpoint *source, const uint8_t *bytes, size_t length,
	uint8_t *reply)
{
	struct ip_addr address = {.family = source->family};
	const struct config_radius_client *client;
	enum radius_server_counter why;
	enum radius_error_cause cause = RADIUS_ERROR_RESOURCES;
	struct radius_packet request;
	struct radius_heard *heard;

	memcpy(address.bytes, source->address, sizeof(address.bytes));
	client = config_radius_client_find(config, &address);
	if (!client)
		return drop(server, RADIUS_SERVER_CLIENT, NULL);
	if (radius_packet_parse(&request, bytes, length) != RADIUS_WIRE_OK)
		return drop(server, RADIUS_SERVER_MALFORMED, client);
	why = request_check(client, &request);
	if (why != RADIUS_SERVER_ACK)
		return drop(server, why, client);
	if (!answer_fits(&request))
		return drop(server, RADIUS_SERVER_ANSWER, client);
	heard = memory_of(server, config, client);
	if (!heard)
		server->counters[RADIUS_SERVER_NAK]++;
	else if (!request_do(server, config, wall, heard, &request, &cause))
		return drop(server, RADIUS_SERVER_WINDOW, client);
	return reply_write(client, &request, cause, reply);
}
