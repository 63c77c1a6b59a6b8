/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is told by RADIUS: CoA- and Disconnect-Requests (RFC 5176), checked and answered. No I/O and no clock.
 *
 * A request is heard only from a configured client, with its secret, and within the window of its Event-Timestamp; the
 * same request again, as long as it is within the window, gets the same answer again and is not done twice. What it asks
 * for is the handler's business.
 */
#pragma once

#include "radius_client.h"
#include "radius_wire.h"

#include <config/config.h>

#include <stdbool.h>
#include <stdint.h>

enum radius_error_cause { /* RFC 5176 3.5 */
	RADIUS_ERROR_NONE = 0,
	RADIUS_ERROR_UNSUPPORTED_ATTRIBUTE = 401,
	RADIUS_ERROR_MISSING_ATTRIBUTE = 402,
	RADIUS_ERROR_NAS_MISMATCH = 403,
	RADIUS_ERROR_INVALID_REQUEST = 404,
	RADIUS_ERROR_INVALID_VALUE = 407,
	RADIUS_ERROR_SESSION_NOT_FOUND = 503,
	RADIUS_ERROR_RESOURCES = 506,
	RADIUS_ERROR_MULTIPLE_SESSIONS = 508,
};

/* Requests, by what became of them. X(enumerator, name) */
#define RADIUS_SERVER_COUNTERS(X)                               \
	X(ACK, "ack")                                           \
	X(NAK, "nak")                                           \
	X(DUPLICATE, "duplicate")                               \
	X(MALFORMED, "malformed")                               \
	X(CLIENT, "unknown-client")                             \
	X(CODE, "unexpected-code")                              \
	X(AUTHENTICATOR, "wrong-authenticator")                 \
	X(NO_MESSAGE_AUTHENTICATOR, "no-message-authenticator") \
	X(MESSAGE_AUTHENTICATOR, "wrong-message-authenticator") \
	X(WINDOW, "outside-of-window")                          \
	X(ANSWER, "answer-too-long")

enum radius_server_counter {
#define X(name, text) RADIUS_SERVER_##name,
	RADIUS_SERVER_COUNTERS(X)
#undef X
		RADIUS_SERVER_COUNTER_MAX
};
const char *radius_server_counter_name(enum radius_server_counter counter);

/* Does what an authentic request asks for: RADIUS_ERROR_NONE is an ACK. */
typedef enum radius_error_cause radius_server_handle(
	void *user, const struct radius_packet *request);

struct radius_server_cache;

/* NULL: no memory. */
struct radius_server_cache *radius_server_create(radius_server_handle *handle, void *user);
void radius_server_destroy(struct radius_server_cache *server);
/*
 * A datagram, with the configuration of now and seconds since 1970. The length of the answer in reply
 * (RADIUS_PACKET_MAX), or 0: none.
 */
size_t radius_server_receive(struct radius_server_cache *server, const struct config *config,
	uint64_t wall, const struct radius_endpoint *source, const uint8_t *bytes, size_t length,
	uint8_t *reply);
const uint64_t *radius_server_counters(const struct radius_server_cache *server);
