/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Typed messages from the control core to a worker, and the answers.
 *
 * Owner-written state is changed and read only by its owner: this is how the control core asks. Messages
 * name a session by index and generation; one whose generation has passed is answered -ESTALE and counted.
 */
#pragma once

#include <dataplane/session.h>
#include <dataplane/stats.h>

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum message_type {
	MESSAGE_SESSION_COUNTERS, /* answer: counters */
	MESSAGE_SESSION_SEQUENCE, /* sets ns/nr (after LNS-side restart, hand-over) */
	MESSAGE_SESSION_PATH, /* rebuild the template: the tunnel has a new path, or flags changed */
	MESSAGE_SESSION_POLICER, /* sets or removes the policer */
	MESSAGE_SESSION_FILTER,  /* stops or lets through a subscriber's packets; PPP goes on */
	MESSAGE_WORKER_STATS,    /* worker copies its stats to its snapshot block, then answers */
	MESSAGE_TYPES
};

struct message {
	uint16_t type; /* enum message_type */
	uint16_t flags;
	uint32_t index, generation;
	uint32_t spare;
	uint64_t cookie; /* comes back in the answer */
	union {
		struct {
			uint16_t ns, nr;
		} sequence;
		struct {
			uint64_t up_rate, down_rate;   /* bytes per second; 0 = none */
			uint32_t up_burst, down_burst; /* bytes */
			int16_t overhead; /* bytes per packet that the access line adds */
		} policer;
		struct {
			bool block_up, block_down;
		} filter;
		uint8_t space[40];
	};
};
static_assert(sizeof(struct message) == 64, "a message is one cache line");

struct message_reply {
	uint16_t type;
	int16_t status; /* 0, -ESTALE, -EINVAL */
	uint32_t index, generation;
	uint32_t worker;
	uint64_t cookie;
	struct session_counters counters;
	uint32_t up_drops, down_drops;
};
static_assert(
	sizeof(struct message_reply) % 4 == 0, "rte_ring elements are multiples of four bytes");
