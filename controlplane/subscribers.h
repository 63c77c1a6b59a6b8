/* SPDX-License-Identifier: BSD-3-Clause */
/* All subscribers: by dataplane index, by user, by address, by Acct-Session-Id. Control core only. */
#pragma once

#include "subscriber.h"

#include <stdint.h>

struct subscribers {
	uint32_t capacity;            /* dataplane indices */
	struct subscriber **by_index; /* reserved memory, backed as used */
	uint32_t *by_user;            /* chains: index + 1 of the first, 0: none */
	uint32_t *by_address;
	uint32_t *by_serial;
	uint32_t mask;
	uint64_t seed[2]; /* for hashing names that attackers choose */
	uint32_t high;    /* indices below it were in use */
	uint32_t n;       /* sessions that are not ending */
	uint32_t n_up, n_ending;
	uint32_t sweep; /* next index whose counters are asked for */
	/* totals since start */
	uint64_t opened, came_up, refused, auth_failed, no_address, replaced;
	uint64_t closed[PPP_CLOSE_CAUSES];
};

int subscribers_init(struct subscribers *subscribers, uint32_t capacity);
void subscribers_fini(struct subscribers *subscribers);

/* By its index, and by the serial of its Acct-Session-Id, which it has by then. */
void subscribers_add(struct subscribers *subscribers, struct subscriber *subscriber);
void subscribers_remove(struct subscribers *subscribers, struct subscriber *subscriber);
/* NULL unless a live entry of that generation is there. */
struct subscriber *subscribers_get(
	const struct subscribers *subscribers, uint32_t index, uint32_t generation);
/* The next one from *index on (0 at first), also ending ones; NULL at the end. */
struct subscriber *subscribers_next(const struct subscribers *subscribers, uint32_t *index);

/* The one whose Acct-Session-Id has this serial, also an ending one. */
struct subscriber *subscribers_of_serial(const struct subscribers *subscribers, uint32_t serial);

uint64_t subscribers_hash(const struct subscribers *subscribers, const void *bytes, size_t length);
void subscribers_user_add(struct subscribers *subscribers, struct subscriber *subscriber);
/* no harm if it is not in there */
void subscribers_user_remove(struct subscribers *subscribers, struct subscriber *subscriber);
/* The first of a user's sessions, then the next after previous. */
struct subscriber *subscribers_of_user(
	const struct subscribers *subscribers, const char *user, const struct subscriber *previous);

/* subscriber->address and ->record.vrf are the key. */
void subscribers_address_add(struct subscribers *subscribers, struct subscriber *subscriber);
void subscribers_address_remove(struct subscribers *subscribers, struct subscriber *subscriber);
struct subscriber *subscribers_of_address(
	const struct subscribers *subscribers, uint16_t vrf, uint32_t address);
