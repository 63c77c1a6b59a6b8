/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RADIUS as one that the AAA asks: Access-Request out, Access-Accept or -Reject in.
 *
 * Answers are handed to the AAA, which keeps them until its next poll. A reload makes a new client of the
 * new servers; what is under way ends with the old one.
 */
#pragma once

#include "aaa.h"
#include "radius_client.h"
#include "radius_server.h"

/* Access-Accepts and what was in them. X(enumerator, name) */
#define AAA_RADIUS_COUNTERS(X)                      \
	X(ACCEPTED, "accepted")                     \
	X(REJECTED, "rejected")                     \
	X(CHALLENGED, "challenged")                 \
	X(REFUSED, "accepts-refused")               \
	X(NO_ANSWER, "no-answer")                   \
	X(SHED, "hopeless")                         \
	X(UNKNOWN_ATTRIBUTES, "unknown-attributes") \
	X(UNUSED_ATTRIBUTES, "unused-attributes")

enum aaa_radius_counter {
#define X(name, text) AAA_RADIUS_##name,
	AAA_RADIUS_COUNTERS(X)
#undef X
		AAA_RADIUS_COUNTER_MAX
};
const char *aaa_radius_counter_name(enum aaa_radius_counter counter);

enum aaa_radius_verdict { AAA_RADIUS_ACCEPT, AAA_RADIUS_REJECT, AAA_RADIUS_SILENCE };

/*
 * answer: NULL with AAA_RADIUS_SILENCE; valid during the call, and so is answer->extra.
 */
typedef void aaa_radius_done(
	void *user, enum aaa_radius_verdict verdict, const struct aaa_answer *answer);

/* now: the control core's time, read when needed. -> NULL and a sentence in error. */
struct aaa_radius *aaa_radius_create(const struct config *config, struct timer_wheel *wheel,
	const uint64_t *now, char *error, size_t error_size);
void aaa_radius_destroy(struct aaa_radius *radius);
/* After a reload; the old configuration may go. -errno: the old servers stay until the next one. */
int aaa_radius_set_config(struct aaa_radius *radius, const struct config *config);
/* 0 and *handle, or -errno: -ENOENT without servers, -ENOBUFS queue full, -EMSGSIZE, -ENOMEM. */
int aaa_radius_ask(struct aaa_radius *radius, const struct aaa_request *request,
	const uint8_t *attributes, size_t attributes_length, aaa_radius_done *done, void *user,
	struct radius_request **handle);
void aaa_radius_cancel(struct aaa_radius *radius, struct radius_request *handle);
/* For epoll; readable when there are answers. */
int aaa_radius_fd(const struct aaa_radius *radius);
/* Reads answers, at most about max; returns how many. */
unsigned int aaa_radius_read(struct aaa_radius *radius, unsigned int max);
/* Requests that wait and cannot be answered in time end without an answer, as radius_client_shed(). */
unsigned int aaa_radius_shed(struct aaa_radius *radius, uint32_t rate, uint32_t least);
/* The client in force; NULL without servers. */
const struct radius_client *aaa_radius_client(const struct aaa_radius *radius);
const uint64_t *aaa_radius_counters(const struct aaa_radius *radius);

/* ---- aaa_radius_accept.c ---- */
/* Room for the longest Access-Accept's extras. */
#define AAA_EXTRA_MAX (sizeof(struct aaa_extra) + RADIUS_PACKET_MAX)
struct aaa_accept {
	struct aaa_answer answer; /* extra: into block */
	char refusal[160];
	_Alignas(struct aaa_extra) uint8_t block[AAA_EXTRA_MAX];
};
/*
 * Reads an Access-Accept: all of it or nothing. true: answer is complete. false: answer.refusal says what cannot be
 * honoured. counters: unknown and unused attributes are added up.
 */
bool aaa_radius_accept(struct aaa_accept *accept, const struct config *config,
	const struct aaa_request *request, const struct radius_answer *reply, uint64_t *counters);
/* What a CoA-Request changes of a session. Rates are bit/s, bursts bytes, times seconds. */
struct aaa_change {
	bool has_up, has_down, has_session_timeout, has_idle_timeout, has_interim;
	uint64_t up_rate, down_rate;
	uint32_t up_burst, down_burst;
	uint32_t session_timeout, idle_timeout, interim_interval;
	char policy[CONFIG_NAME_MAX];
	struct aaa_ipv6_change ipv6;
	/* Framed-Route, Framed-IPv6-Route: all that the session has of the family is replaced */
	bool has_routes4, has_routes6;
	unsigned int n_routes;
	struct config_route routes[AAA_ROUTES_MAX];
	char refusal[160];
};
/* Does it change anything of IPv6? */
bool aaa_ipv6_changes(const struct aaa_ipv6_change *change);
/*
 * Reads it for a session in this VRF with this address (family 0: none): all of it or nothing. RADIUS_ERROR_NONE, or
 * the Error-Cause and refusal.
 */
enum radius_error_cause aaa_radius_change(struct aaa_change *change, const struct config *config,
	unsigned int vrf, const struct ip_addr *address, const struct radius_packet *request);
/* The Reply-Messages, one after the other, printable. */
void aaa_radius_message(const struct radius_packet *packet, char message[AAA_MESSAGE_MAX]);
