/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Typed messages from the control core to a worker, and the answers.
 *
 * Owner-written state is changed and read only by its owner: this is how the control core asks. Messages name a session
 * or SA by index and generation; one whose generation has passed, or that is not the worker's, is answered -ESTALE and
 * counted.
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
	/* The owner gives them away (sa_table.h): from the next burst on they are another worker's. */
	MESSAGE_SA_OWNER,    /* index, generation: an SA */
	MESSAGE_GROUP_OWNER, /* index: a group's id; its outbound SAs with it */
	MESSAGE_TYPES,
	MESSAGE_NOTICE_ESP = 0x100, /* only as an answer, unasked: struct esp_notice */
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
		struct {
			uint8_t worker;
		} owner; /* the new one */
		uint8_t space[40];
	};
};
static_assert(sizeof(struct message) == 64, "a message is one cache line");

/*
 * What a worker says unasked, type MESSAGE_NOTICE_ESP: a packet that ESP refused, for the log; or an authentic
 * packet of an SA whose peer now sends from another port (RFC 7296, 2.23): told once per change. At most
 * ESP_NOTICES_RATE of the former and ESP_MOVES_RATE of the latter a second and worker, neither at the other's
 * expense, and only into the half of the ring that answers to messages leave free; the drop counters count all of
 * them. peer and peer_port are where the packet came from: with DROP_ESP_WRONG_PEER and DROP_MAX authentic, as far as
 * the SA's peer sent it, else whatever the packet says. Outbound (ESP_NO_SA, ESP_LIMIT ...): where it was to go.
 */
struct esp_notice {
	uint32_t spi;      /* network byte order */
	uint32_t sequence; /* lower half, host byte order; 0: not known */
	uint16_t reason;   /* enum drop_reason; DROP_MAX: the peer's port changed */
	uint16_t vrf;
	uint8_t family;
	uint8_t local[16], peer[16];
	uint16_t peer_port; /* host byte order; 0: native ESP */
};

struct message_reply {
	uint16_t type;
	int16_t status;             /* 0, -ESTALE, -EINVAL */
	uint32_t index, generation; /* MESSAGE_NOTICE_ESP: the SA's, or SA_NONE and 0 */
	uint32_t worker;
	uint64_t cookie;
	union {
		struct {
			struct session_counters counters;
			uint32_t up_drops, down_drops;
		};
		struct esp_notice esp;
	};
};
#define ESP_NOTICES_RATE 20
#define ESP_MOVES_RATE   1000
#define ESP_MOVES_BURST  256
static_assert(
	sizeof(struct message_reply) % 4 == 0, "rte_ring elements are multiples of four bytes");
