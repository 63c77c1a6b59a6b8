/* SPDX-License-Identifier: BSD-3-Clause */
/* What session_table.c and tunnel.c share: the control core's side of the tables. */
#pragma once

#include "slot_ring.h"

#include <dataplane/session_table.h>

struct session_exit {
	session_done *done;
	void *user;
};

struct session_table_private {
	struct slot_ring indices;
	struct session_exit *exits; /* by index: whom to tell when the grace period is over */
	uint32_t generation;        /* last one given out, over all entries */
};

static inline uint32_t *tunnel_slots(const struct tunnel *tunnel)
{
	return (uint32_t *)(tunnel->slots & ~TUNNEL_SLOTS_BITS);
}

static inline uint32_t tunnel_slots_count(const struct tunnel *tunnel)
{
	return 1u << (tunnel->slots & TUNNEL_SLOTS_BITS);
}

/* Makes slots such that session_id has a free one of its own. -EEXIST, -ENOMEM. */
int tunnel_slot_prepare(struct session_table *table, struct tunnel *tunnel, uint16_t session_id);
/* Publishes or (SESSION_NONE) unpublishes. */
void tunnel_slot_set(struct tunnel *tunnel, uint16_t session_id, uint32_t index);
/* At the table's end: frees without a grace period. */
void tunnel_memory_free(struct tunnel *tunnel);
