/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A RADIUS client for one role, authentication or accounting: which server is asked, and again, and which next.
 *
 * No I/O and no clock: packets leave by ops->send, answers come in by radius_client_receive(), time is the
 * caller's timer wheel. Control core only.
 *
 * A request waits in a queue until a server has room for it, is sent to one, sent again with longer and longer
 * pauses, and goes to another server after so many tries or as soon as its own is found dead; it ends with an
 * answer or at its deadline. One that all servers left unanswered rests before it is sent again, longer each time.
 * A server's room (window) opens with its answers and halves when it lets requests time out, unless it answers later
 * ones, so that a storm is admitted at the rate at which the servers answer.
 *
 * A server is dead when nothing valid came from it for dead_ms although it was asked. It is then asked only
 * by Status-Server (RFC 5997), or where it does not know that, by one request each probe_ms; the first valid
 * answer brings it back. New requests go to the living servers of the lowest priority number, by weight; those that
 * waited for room of these for as long as their timeout, to the next number. A server that Status-Server brought back is
 * given one request until it answers one; if it does not, it is held down, twice as long each time. That holds while
 * another server lives.
 */
#pragma once

#include "radius_ids.h"
#include "radius_wire.h"
#include "timer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RADIUS_SERVERS_MAX 16
/* Of an Accounting-Request, before Acct-Delay-Time. */
#define RADIUS_ACCOUNTING_ATTRIBUTES_MAX (RADIUS_PACKET_MAX - RADIUS_HEADER - 6)

struct radius_endpoint {
	uint8_t family;      /* 4 or 6 */
	uint8_t address[16]; /* network order; IPv4 in the first four, the rest zero */
	uint16_t port;       /* host order */
};

/* Not by its bytes: there is padding in it. */
static inline bool radius_endpoint_same(
	const struct radius_endpoint *a, const struct radius_endpoint *b)
{
	return a->family == b->family && a->port == b->port &&
		!memcmp(a->address, b->address, sizeof(a->address));
}

/* Copied by radius_client_create(). */
struct radius_server_settings {
	const char *name;
	struct radius_endpoint endpoint;
	struct radius_secret secret;
	unsigned int priority, weight; /* lower priority first; weight 1 or more */
	uint32_t timeout_ms;           /* until the first resend; doubles */
	unsigned int tries;            /* sent so often before the next server is asked */
	uint32_t dead_ms, probe_ms;
	bool status_server;                 /* it answers Status-Server */
	bool require_message_authenticator; /* in Access-Accept, -Reject and -Challenge */
};

struct radius_client_settings {
	bool accounting;        /* Status-Server and answers are those of the accounting port */
	unsigned int n_servers; /* 1 to RADIUS_SERVERS_MAX */
	const struct radius_server_settings *servers;
	unsigned int in_flight_max; /* of one server */
	unsigned int sockets_max;   /* of one server, 1 to RADIUS_SOCKETS_MAX */
	uint32_t queue_max;         /* requests that wait for room */
	bool fail_fast;             /* no waiting while all servers are dead */
	const char *nas_identifier; /* in Status-Server */
};

/* Replies that are dropped, by name. X(enumerator, name) */
#define RADIUS_DROPS(X)                                         \
	X(SHORT, "short")                                       \
	X(LENGTH, "length")                                     \
	X(ATTRIBUTE, "attribute-length")                        \
	X(TOO_MANY, "too-many-attributes")                      \
	X(ADDRESS, "wrong-address")                             \
	X(ID, "unknown-id")                                     \
	X(LATE, "late")                                         \
	X(DUPLICATE, "duplicate")                               \
	X(CODE, "unexpected-code")                              \
	X(AUTHENTICATOR, "wrong-authenticator")                 \
	X(NO_MESSAGE_AUTHENTICATOR, "no-message-authenticator") \
	X(MESSAGE_AUTHENTICATOR, "wrong-message-authenticator")

enum radius_drop {
#define X(name, text) RADIUS_DROP_##name,
	RADIUS_DROPS(X)
#undef X
		RADIUS_DROP_MAX
};
const char *radius_drop_name(enum radius_drop drop);

enum radius_outcome {
	RADIUS_ANSWERED,
	RADIUS_NO_ANSWER, /* its deadline came */
	RADIUS_NO_SERVER, /* fail_fast: all servers are dead */
};

struct radius_answer {
	struct radius_packet packet;
	unsigned int server;
	const uint8_t *request_authenticator;
	struct radius_secret secret; /* of that server, for salted values */
};

/* Exactly once, unless the request is cancelled; the request is gone when it is called. */
typedef void radius_done(
	void *user, enum radius_outcome outcome, const struct radius_answer *answer);

/*
 * What is asked; copied. attributes are encoded ones that need no secret, without Message-Authenticator; password is
 * hidden for each server anew (NULL: none).
 */
struct radius_question {
	enum radius_code code; /* Access-Request or Accounting-Request */
	const uint8_t *attributes;
	size_t attributes_length;
	const uint8_t *password;
	size_t password_length;
	int64_t happened_at;  /* Accounting-Request: Acct-Delay-Time counts from it, ms */
	uint32_t deadline_ms; /* from now; 0 = never */
	radius_done *done;
	void *user;
};

struct radius_client_ops {
	/* Sockets are numbered per server. 0 or -errno. */
	int (*socket_open)(void *user, unsigned int server, unsigned int socket);
	void (*socket_close)(void *user, unsigned int server, unsigned int socket);
	/* What cannot be sent counts as lost. */
	void (*send)(void *user, unsigned int server, unsigned int socket, const uint8_t *packet,
		size_t length);
	void (*random_bytes)(void *user, void *out, size_t length);
	/* For the log; the status is the new one. */
	void (*state_changed)(void *user, unsigned int server, bool dead);
	void (*dropped)(void *user, unsigned int server, enum radius_drop drop);
};

struct radius_server_status {
	const struct radius_server_settings *settings;
	bool dead;
	uint64_t changed_at; /* ms */
	/* ms: it answers Status-Server alone and is not asked before, if another can be; or 0 */
	uint64_t held_until;
	uint32_t in_flight, window;
	unsigned int sockets;
	uint32_t latency_us; /* smoothed */
	uint64_t sent, resent, answered, accepts, rejects, challenges, timeouts, probes, deaths;
	uint64_t drops[RADIUS_DROP_MAX];
};

struct radius_client_counters {
	uint64_t submitted, answered, no_answer, no_server, cancelled, queue_full, failed_over,
		no_socket;
};

struct radius_client;
struct radius_request;

struct radius_client *radius_client_create(const struct radius_client_settings *settings,
	const struct radius_client_ops *ops, void *user, struct timer_wheel *wheel, uint64_t now);
/* Requests under way are dropped without a word. */
void radius_client_destroy(struct radius_client *client);
/* 0 and *request; -ENOBUFS: queue_max wait; -EMSGSIZE; -ENOMEM. Never calls done itself. */
int radius_client_submit(struct radius_client *client, uint64_t now,
	const struct radius_question *question, struct radius_request **request);
/* What the question named as user. */
void *radius_request_user(const struct radius_request *request);
void radius_client_cancel(struct radius_request *request, uint64_t now);
/* A datagram that came to a socket. */
void radius_client_receive(struct radius_client *client, uint64_t now, unsigned int server,
	unsigned int socket, const struct radius_endpoint *source, const uint8_t *bytes,
	size_t length);

unsigned int radius_client_servers(const struct radius_client *client);
void radius_client_status(const struct radius_client *client, unsigned int server,
	struct radius_server_status *status);
const struct radius_client_counters *radius_client_counters(const struct radius_client *client);
uint32_t radius_client_queued(const struct radius_client *client);
/*
 * Of those that wait for room the last ones end without an answer if at this rate, answers a second, their turn would
 * come after their deadline; the first ones, least, stay. Returns how many ended.
 */
unsigned int radius_client_shed(
	struct radius_client *client, uint64_t now, uint32_t rate, uint32_t least);
uint32_t radius_client_in_flight(const struct radius_client *client);
bool radius_client_all_dead(const struct radius_client *client);
