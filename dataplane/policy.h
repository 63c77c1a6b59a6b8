/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a session's owner may do to its packets beyond forwarding: block, police.
 *
 * Runs only for sessions with SESSION_POLICY; which hooks is in state.policy_flags, which the owner
 * alone writes (MESSAGE_SESSION_POLICER, MESSAGE_SESSION_FILTER).
 */
#pragma once

#include "worker.h"

enum policy_hook {
	POLICY_BLOCK_UP = 1 << 0, /* filter: a suspended subscriber; PPP itself goes on */
	POLICY_BLOCK_DOWN = 1 << 1,
	POLICY_POLICER_UP = 1 << 2,
	POLICY_POLICER_DOWN = 1 << 3,
};

struct policer_table;

/* Room for the policers of capacity sessions, backed as they are used. NULL and errno on failure. */
struct policer_table *policer_table_create(uint32_t capacity);
void policer_table_destroy(struct policer_table *table);
/* Control core, before it sends a session its first policer: its owner finds the memory there. */
void policer_table_populate(struct policer_table *table, uint32_t index);

/* The session's owner: DROP_NONE or why the packet of length bytes (from its IP header on) is dropped. */
int policy_uplink(struct worker *w, struct session *session, uint32_t length);
int policy_downlink(struct worker *w, struct session *session, uint32_t length);

/* The session's owner. -EINVAL: a burst that no packet fits in. */
int policy_set_policer(struct worker *w, struct session *session, const struct message *message);
void policy_set_filter(struct session *session, bool block_up, bool block_down);
