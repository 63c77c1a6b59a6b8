/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All that the dataplane has to know of a subscriber's session, as plain values.
 *
 * No pointers but the list of further prefixes: the record can be written to JSON and read back, and
 * replayed through install.c in another process. Addresses in network byte order, ids in host order.
 */
#pragma once

#include <dataplane/session.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define SUBSCRIBER_PREFIXES_MAX 32

struct subscriber_record;

/* A session's final counters, after its last packet; the record is the caller's again. */
typedef void subscriber_final(struct subscriber_record *record,
	const struct session_counters *counters, uint32_t up_drops, uint32_t down_drops);

struct subscriber_record {
	uint16_t tunnel_id, session_id, peer_session_id;
	uint16_t vrf;   /* of the subscriber */
	uint16_t mtu;   /* largest inner packet towards the subscriber */
	uint16_t mss;   /* clamp TCP of IPv4 to this, IPv6 to 20 less; 0 = not */
	uint32_t flags; /* enum session_flags */
	/* the session's addresses and routed prefixes; allocated, NULL if there are none */
	struct session_prefix *prefixes;

	/* where install.c put it; not part of the JSON, which is about what, not where */
	union {
		/* what has a route now: allocated, or the prefixes themselves, where all of them have */
		struct session_prefix *installed;
		subscriber_final *final; /* while the session is closing, and nothing has */
	};
	uint32_t index, generation;
	uint8_t owner;
	uint8_t esp_owner; /* of the SAs when it was opened; worker_load.h */
	bool settled;      /* the owner stays who it is */

	uint8_t n_prefixes, n_installed;
};

/* Replaces the prefixes; -E2BIG above SUBSCRIBER_PREFIXES_MAX, -ENOMEM. */
int subscriber_record_set_prefixes(
	struct subscriber_record *record, const struct session_prefix *prefixes, unsigned int n);
void subscriber_record_free(struct subscriber_record *record);

/* A new object, or NULL without memory. */
json_t *subscriber_record_to_json(const struct subscriber_record *record);
/* -EINVAL and a sentence naming the field in error. */
int subscriber_record_from_json(
	const json_t *json, struct subscriber_record *record, char *error, size_t error_size);
