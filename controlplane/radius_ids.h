/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The identifiers towards one server: sockets of 256 each, as many as are needed.
 *
 * An id is one of 256 per source port, so more requests under way need more sockets. Ids of a socket are
 * given round, so that the answer to an abandoned request finds its place empty and is told from a fresh one.
 * What a socket is belongs to the caller; here it is a number.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RADIUS_IDS_PER_SOCKET 256
#define RADIUS_SOCKETS_MAX    64

enum radius_slot_state {
	RADIUS_SLOT_UNUSED,    /* never given */
	RADIUS_SLOT_BUSY,      /* a request waits for its answer */
	RADIUS_SLOT_ANSWERED,  /* the same answer again is a duplicate */
	RADIUS_SLOT_ABANDONED, /* an answer comes late */
};

struct radius_slot {
	void *request; /* while busy */
	uint8_t state; /* enum radius_slot_state */
};

struct radius_socket {
	uint64_t idle_since; /* ms, while nothing is busy */
	uint16_t busy;
	uint8_t next;
	struct radius_slot slots[RADIUS_IDS_PER_SOCKET];
};

struct radius_ids {
	struct radius_socket *sockets[RADIUS_SOCKETS_MAX]; /* NULL: not open */
	uint32_t busy;
};

/* The lowest socket with a free id gives it. -EAGAIN: all open ones are full. */
int radius_ids_take(struct radius_ids *ids, void *request, unsigned int *socket, uint8_t *id);
/* The place of a new socket, now open. -ENOSPC: limit are open; -ENOMEM. */
int radius_ids_open(struct radius_ids *ids, unsigned int limit, uint64_t now);
/* A request leaves: state says why. */
void radius_ids_release(struct radius_ids *ids, unsigned int socket, uint8_t id,
	enum radius_slot_state state, uint64_t now);
/* NULL: no such socket. */
struct radius_slot *radius_ids_slot(struct radius_ids *ids, unsigned int socket, uint8_t id);
/* An open socket that has been idle for idle_ms, but never the last one; -1: none. */
int radius_ids_idle(const struct radius_ids *ids, uint64_t now, uint64_t idle_ms);
/* Nothing may be busy on it. */
void radius_ids_close(struct radius_ids *ids, unsigned int socket);
unsigned int radius_ids_sockets(const struct radius_ids *ids);
