/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CoA- and Disconnect-Requests of one client that were done, and with what outcome: for as long as the same request would
 * be heard again, it gets the same answer and is not done a second time, whoever sends it.
 *
 * A request is known by its Request Authenticator, which is a digest of all of it and the secret. Times are seconds since
 * 1970. Memory is bounded: once it is full the oldest is forgotten, and what is not younger than that is not heard any
 * more (radius_heard_forgotten()), so that nothing forgotten can be repeated.
 */
#pragma once

#include "radius_wire.h"

#include <stdbool.h>
#include <stdint.h>

#define RADIUS_HEARD_MAX 32768 /* requests */

struct radius_heard;

/* NULL: no memory. Pages are backed as they are used. */
struct radius_heard *radius_heard_create(void);
void radius_heard_destroy(struct radius_heard *heard);
/* The outcome of the request with this authenticator, or -ENOENT. */
int radius_heard_find(const struct radius_heard *heard, uint64_t wall,
	const uint8_t authenticator[RADIUS_AUTHENTICATOR]);
/*
 * It was done, or refused; outcome >= 0. Until then it is remembered; stamp is its Event-Timestamp, or 0 without one:
 * then it is forgotten without a trace.
 */
void radius_heard_add(struct radius_heard *heard, uint64_t wall,
	const uint8_t authenticator[RADIUS_AUTHENTICATOR], uint32_t stamp, uint64_t until,
	int outcome);
/* Might a request with this Event-Timestamp be one that was forgotten before its time? */
bool radius_heard_forgotten(const struct radius_heard *heard, uint32_t stamp);
