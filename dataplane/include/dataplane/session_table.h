/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tunnels by id, sessions by (tunnel id, session id) or by index.
 *
 * Writers: the control core only (controlplane/install.c). Readers: workers, without locks, between two
 * quiescent states. Removal is two steps: unpublish, then after a grace period (rcu.h) the final counters
 * are read and the slot returns to the free list under a new generation. Tables' memory is one reserved
 * virtual range each, backed page by page as sessions come.
 */
#pragma once

#include <dataplane/meta.h>
#include <dataplane/rcu.h>
#include <dataplane/session.h>

#include <rte_branch_prediction.h>

struct session_table {
	struct tunnel **tunnels;  /* 65,536 pointers by tunnel id; NULL = unknown; release-stored */
	struct session *sessions; /* type-stable array of capacity entries */
	uint32_t capacity;
	/* control core only */
	struct rcu *rcu;
	uint32_t n_tunnels, n_sessions;
	struct session_table_private *private;
};

#define SESSION_TABLE_MAX (1u << 24)
/* Reserves address space for capacity sessions (1..SESSION_TABLE_MAX). NULL and errno on failure. */
struct session_table *session_table_create(uint32_t capacity, struct rcu *rcu);
/* Drains the RCU queue first (done is called for what was unpublished): no worker may be running. */
void session_table_destroy(struct session_table *table);

/* Publishes a tunnel. -EINVAL: id 0 or no address family; -EEXIST: the id is taken; -ENOMEM. */
int tunnel_publish(struct session_table *table, uint16_t id, uint16_t peer_id, uint8_t owner,
	uint8_t flags, const struct tunnel_path *path);
/*
 * A new path: the tunnel's entry is replaced under RCU. The caller then sends MESSAGE_SESSION_PATH to the
 * owner of each of its sessions, which rebuilds the template from the tunnel. -ENOENT, -EINVAL, -ENOMEM.
 */
int tunnel_move(struct session_table *table, uint16_t id, const struct tunnel_path *path);
/* Calls each(user, index) for the tunnel's sessions, which each may unpublish. Control core. */
void tunnel_sessions(struct session_table *table, uint16_t id,
	void (*each)(void *user, uint32_t index), void *user);
/* Fills the session's template from its tunnel: by session_publish, later only by the owner worker. */
void session_template_build(struct session *session, const struct tunnel *tunnel);
/* Unpublishes; memory is freed after a grace period. -EBUSY while it has sessions, -ENOENT, -ENOMEM. */
int tunnel_unpublish(struct session_table *table, uint16_t id);

struct session_params {
	uint16_t tunnel_id, session_id, peer_session_id;
	uint8_t owner;
	uint16_t vrf; /* of the subscriber */
	uint16_t mtu;
	uint32_t flags;
};
/*
 * Publishes a session without prefixes and with only the flags given. Returns its index >= 0 and its
 * generation; -EINVAL id 0, -ENOENT no such tunnel, -EEXIST the id is taken, -ENOSPC table full (what
 * waits for its grace period counts), -ENOMEM.
 * The tunnel's slot array grows as needed, by RCU, to the next power of two where no two of its ids meet:
 * ids given out by an affine permutation (odd factor) keep it as small as the sessions are few.
 */
int64_t session_publish(
	struct session_table *table, const struct session_params *params, uint32_t *generation);
/*
 * Sets what the network phase negotiated: prefixes (the first of each family inline, the rest by RCU),
 * MTU, MSS (0: not clamped) and flags; flags last, with release. -ESTALE: no session there; -EINVAL: a
 * prefix with host bits, or too many; -ENOMEM. Nothing is changed on error.
 */
int session_update(struct session_table *table, uint32_t index, uint16_t mtu, uint16_t mss4,
	uint16_t mss6, uint32_t flags, const struct session_prefix *prefixes,
	unsigned int n_prefixes);
/*
 * Another owner, before the session forwards for the first time: what is under way then is the control plane's
 * frames, which are handed on. The worker that was the owner may be in the middle of one until its next quiescent
 * state; so the template, which it might write, has to be rebuilt by the new owner (MESSAGE_SESSION_PATH) a grace
 * period later. -ESTALE: no session there; -EBUSY: it forwards.
 */
int session_set_owner(struct session_table *table, uint32_t index, uint8_t owner);
/*
 * Unpublishes; after the grace period calls done(user, final counters and state) on the control core
 * from rcu_poll(), then frees the slot. From the call on, the index's generation matches no packet.
 * -ESTALE: no session there; -ENOMEM: nothing was changed.
 */
typedef void session_done(void *user, uint32_t index, const struct session_counters *counters,
	const struct session_owner_state *state);
int session_unpublish(struct session_table *table, uint32_t index, session_done *done, void *user);

#define TUNNEL_SLOTS_BITS ((uintptr_t)63) /* of tunnel.slots: slots are aligned to 64 bytes */

/* Workers: NULL if unknown. */
static inline struct tunnel *tunnel_lookup(const struct session_table *table, uint16_t tunnel_id)
{
	return __atomic_load_n(&table->tunnels[tunnel_id], __ATOMIC_ACQUIRE);
}

/* Workers: the session's index, or SESSION_NONE; the caller still compares generation != 0 and both ids. */
static inline uint32_t session_lookup(const struct tunnel *tunnel, uint16_t session_id)
{
	uintptr_t slots = __atomic_load_n(&tunnel->slots, __ATOMIC_ACQUIRE);
	uint32_t slot = session_id & ((1u << (slots & TUNNEL_SLOTS_BITS)) - 1);

	return __atomic_load_n(
		(const uint32_t *)(slots & ~TUNNEL_SLOTS_BITS) + slot, __ATOMIC_ACQUIRE);
}

/* Any index below capacity; check the generation. */
static inline struct session *session_at(const struct session_table *table, uint32_t index)
{
	return &table->sessions[index];
}

/* A generation of 0 is no session's. */
static inline bool session_is(const struct session *session, uint32_t generation)
{
	return likely(generation != 0 &&
		__atomic_load_n(&session->generation, __ATOMIC_ACQUIRE) == generation);
}
