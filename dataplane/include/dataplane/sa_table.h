/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Security associations of ESP as the workers find them, and the groups that bind them to tunnels.
 *
 * A group is one IPsec peer: an address pair and, behind a NAT, the peer's port (RFC 3948). All SAs with that
 * peer are in it, and all of a group have one owner, the only worker that touches their sequence numbers,
 * replay windows and counters. A tunnel that came in over a group has its id in tunnel_path.sa_group; what it
 * sends leaves by the group's newest outbound SA.
 *
 * Writer: the control core (controlplane/install_sa.c). Readers: workers, without locks, between two quiescent
 * states. Removal: unpublish, then after a grace period (rcu.h) done() gets the SA back, its final state in
 * it. Entries are type-stable: an index from a stale packet may be looked at and is refused by its generation.
 */
#pragma once

#include <crypto/sa.h>
#include <dataplane/meta.h>
#include <dataplane/rcu.h>

#include <rte_branch_prediction.h>

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

/* Where an SA stands. Addresses in network byte order, IPv4 in the first four bytes. */
struct sa_place {
	uint16_t vrf;   /* of the access side */
	uint8_t family; /* of the outer header: 4 or 6 */
	uint8_t local[16], peer[16];
	uint32_t group; /* from sa_group_create */
};

/* Control core writes before publication, workers read. */
struct sa_entry {
	uint32_t generation; /* 0 = free slot; changes with every life; atomic, release */
	uint32_t group;
	struct sa *sa; /* the owner's alone */
	uint32_t spi;  /* network byte order */
	uint8_t owner; /* worker: the group's */
	uint8_t direction, family, mode;
	uint16_t vrf;
	uint8_t local[16], peer[16];
} __rte_cache_aligned;
static_assert(sizeof(struct sa_entry) == 64, "an SA's entry is one cache line");

/* One word for a reader: index of the newest outbound SA. Its generation is read from the entry. */
struct sa_group {
	uint32_t outbound; /* SA_NONE: there is none; atomic */
	uint8_t owner;     /* worker */
	bool used;
};

struct sa_table {
	struct sa_entry *entries; /* capacity */
	struct sa_group *groups;  /* 1..capacity_groups; type-stable */
	uint32_t capacity, capacity_groups;
	/* control core only */
	uint32_t n_entries, n_groups;
	struct rcu *rcu;
	struct sa_table_private *private;
};

#define SA_TABLE_MAX (1u << 20)

/* NULL and errno on failure. */
struct sa_table *sa_table_create(uint32_t capacity, struct rcu *rcu);
/* Drains the RCU queue first (done is called for what was unpublished): no worker may be running. */
void sa_table_destroy(struct sa_table *table);

/* The new group's id, >= 1; -ENOSPC (removed ones count until their grace period is over). */
int64_t sa_group_create(struct sa_table *table, uint8_t owner);
/* index: an outbound SA of this group, or SA_NONE. -ENOENT no such group, -EINVAL not one of its outbound SAs. */
int sa_group_set_outbound(struct sa_table *table, uint32_t group, uint32_t index);
/* -EBUSY while it has SAs, -ENOENT, -ENOMEM. Tunnels that still name it get their packets dropped by name. */
int sa_group_remove(struct sa_table *table, uint32_t group);

/*
 * Publishes an SA, which the table borrows until done(). Inbound ones are found by (vrf, local address, SPI).
 * Outbound ones are not looked up: sa_group_set_outbound() puts them to use. Index >= 0 and its generation;
 * -EEXIST: that address has the SPI already; -ENOENT: no such group; -ENOSPC, -ENOMEM, -EINVAL.
 */
int64_t sa_publish(
	struct sa_table *table, const struct sa_place *place, struct sa *sa, uint32_t *generation);
/*
 * From the call on no packet finds it; if it was its group's outbound SA, the group has none. done() is called
 * from rcu_poll() when no worker can hold it: the caller reads sa->state and destroys it. -ESTALE: no SA there;
 * -ENOMEM: nothing was changed.
 */
typedef void sa_done(void *user, uint32_t index, struct sa *sa);
int sa_unpublish(struct sa_table *table, uint32_t index, sa_done *done, void *user);

/* Any index below capacity; check the generation. */
static inline struct sa_entry *sa_at(const struct sa_table *table, uint32_t index)
{
	return &table->entries[index];
}

static inline bool sa_is(const struct sa_entry *entry, uint32_t generation)
{
	return likely(__atomic_load_n(&entry->generation, __ATOMIC_ACQUIRE) == generation);
}
