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
 * states. One field is the workers': who owns a group, and each of its SAs, may change, and then the present owner
 * says so itself, between two bursts (MESSAGE_SA_OWNER, MESSAGE_GROUP_OWNER in message.h). So at any time one worker
 * and no other finds that an SA is its own, and who is given it sees all that the one before has written. Removal: unpublish, then after a grace period (rcu.h) done() gets the SA back, its final state in
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
#include <string.h>

/*
 * Tunnel mode, inbound: the addresses that the peer's packets may come from inside (RFC 4301, 4.4.1). Family 0:
 * nobody said, any of them. Network byte order, IPv4 in the first four bytes.
 */
struct sa_selector {
	uint8_t family; /* 4, 6 or 0 */
	uint8_t length; /* bits of source that count */
	uint8_t source[16];
};

/* Where an SA stands. Addresses in network byte order, IPv4 in the first four bytes. */
struct sa_place {
	uint16_t vrf;   /* of the access side */
	uint8_t family; /* of the outer header: 4 or 6 */
	uint8_t local[16], peer[16];
	uint32_t group; /* from sa_group_create */
	struct sa_selector inner;
};

/* Control core writes before publication, but for owner and port; workers read. */
struct sa_entry {
	uint32_t generation; /* 0 = free slot; changes with every life; atomic, release */
	uint32_t group;
	struct sa *sa; /* the owner's alone */
	uint32_t spi;  /* network byte order */
	uint8_t owner; /* worker: the group's; atomic: sa_owner(); the owner may write another one */
	uint8_t direction, family, mode;
	uint32_t next; /* inbound: the next one in its chain, SA_NONE: the last; atomic, release */
	uint16_t vrf;
	uint16_t
		port; /* inbound, owner: where authentic packets come from, as in them; 0: native */
	uint8_t local[16], peer[16];
} __rte_cache_aligned;
static_assert(sizeof(struct sa_entry) == 64, "an SA's entry is one cache line");

/* Its slot is in the lower bits of its id; the upper ones tell its lives apart. */
struct sa_group {
	uint32_t id;       /* 0: there is none; atomic, release */
	uint32_t outbound; /* index of the newest outbound SA, SA_NONE: there is none; atomic */
	uint8_t owner;     /* worker; atomic: sa_group_owner(); the owner may write another one */
};

struct sa_table {
	struct sa_entry *entries;      /* capacity; type-stable */
	struct sa_selector *selectors; /* by index, as the entries; written with them */
	struct sa_group *groups;       /* as many and one, the first is never used; type-stable */
	/*
	 * Chains of inbound SAs by SPI: index of the first, plus 1. An entry that is taken out keeps its
	 * next one until its slot is used again, so who stands on it finds the way on.
	 */
	uint32_t *chains;
	uint32_t capacity;
	uint32_t chain_shift; /* 32 less the log2 of their number */
	/* control core only */
	uint32_t n_entries, n_groups;
	struct rcu *rcu;
	struct sa_table_private *private;
};

#define SA_TABLE_MAX  ((1u << 20) - 1)
#define SA_GROUP_SLOT SA_TABLE_MAX /* mask: of a group's id */

/* capacity: 1..SA_TABLE_MAX SAs, and as many groups. NULL and errno on failure. */
struct sa_table *sa_table_create(uint32_t capacity, struct rcu *rcu);
/*
 * Drains the RCU queue first (done is called for what was unpublished): no worker may be running. What is
 * still published is forgotten: the SAs stay the caller's.
 */
void sa_table_destroy(struct sa_table *table);

/*
 * The new group's id, 1..UINT32_MAX, which is not given out again for a long time. -ENOSPC (removed ones
 * count until their grace period is over).
 */
int64_t sa_group_create(struct sa_table *table, uint8_t owner);
/* index: an outbound SA of this group, or SA_NONE. -ENOENT no such group, -EINVAL not one of its outbound SAs. */
int sa_group_set_outbound(struct sa_table *table, uint32_t group, uint32_t index);
/* -EBUSY while it has SAs, -ENOENT, -ENOMEM. Tunnels that still name it get their packets dropped by name. */
int sa_group_remove(struct sa_table *table, uint32_t group);

/*
 * Publishes an SA, which the table borrows until done(). Inbound ones are found by (vrf, local address, SPI).
 * Outbound ones are not looked up: sa_group_set_outbound() puts them to use. Index >= 0 and its generation;
 * -EEXIST: that address has the SPI already; -ENOENT: no such group; -ENOSPC (what waits for its grace
 * period counts); -EINVAL: no such family, or a selector that is longer than its addresses.
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

static inline uint32_t *sa_chain(const struct sa_table *table, uint32_t spi)
{
	return &table->chains[spi * 0x9e3779b1u >> table->chain_shift];
}

/* Any index below capacity; check the generation. */
static inline struct sa_entry *sa_at(const struct sa_table *table, uint32_t index)
{
	return &table->entries[index];
}

static inline bool sa_is(const struct sa_entry *entry, uint32_t generation)
{
	return likely(__atomic_load_n(&entry->generation, __ATOMIC_ACQUIRE) == generation);
}

/*
 * The worker that alone uses an inbound SA, and the worker that alone uses the outbound ones of a group. Who finds itself
 * here sees what the one before wrote. To be read once for a decision: it may change.
 */
static inline uint8_t sa_owner(const struct sa_entry *entry)
{
	return __atomic_load_n(&entry->owner, __ATOMIC_ACQUIRE);
}

static inline uint8_t sa_group_owner(const struct sa_group *group)
{
	return __atomic_load_n(&group->owner, __ATOMIC_ACQUIRE);
}

static inline bool sa_entry_matches(const struct sa_entry *entry, uint16_t vrf, uint8_t family,
	const uint8_t *local, uint32_t spi)
{
	return entry->spi == spi && entry->vrf == vrf && entry->family == family &&
		memcmp(entry->local, local, 4) == 0 &&
		(likely(family == 4) || memcmp(entry->local + 4, local + 4, 12) == 0);
}

/* Workers: the index of the inbound SA that a packet names, or SA_NONE. spi in network byte order. */
static inline uint32_t sa_lookup(const struct sa_table *table, uint16_t vrf, uint8_t family,
	const uint8_t *local, uint32_t spi)
{
	uint32_t index = __atomic_load_n(sa_chain(table, spi), __ATOMIC_ACQUIRE) - 1;

	while (index != SA_NONE) {
		const struct sa_entry *entry = sa_at(table, index);

		if (likely(sa_entry_matches(entry, vrf, family, local, spi)))
			break;
		index = __atomic_load_n(&entry->next, __ATOMIC_ACQUIRE);
	}
	return index;
}

/* source: of a packet of this family out of the SA. */
static inline bool sa_selector_allows(
	const struct sa_selector *selector, uint8_t family, const uint8_t *source)
{
	uint32_t bytes = selector->length / 8u, bits = selector->length % 8u;

	if (selector->family == 0)
		return true;
	return selector->family == family && memcmp(selector->source, source, bytes) == 0 &&
		(bits == 0 || (selector->source[bytes] ^ source[bytes]) >> (8 - bits) == 0);
}

/* NULL: there is no such group (any more). */
static inline const struct sa_group *sa_group_at(const struct sa_table *table, uint32_t group)
{
	uint32_t slot = group & SA_GROUP_SLOT;

	if (unlikely(group == 0 || slot > table->capacity))
		return NULL;
	return __atomic_load_n(&table->groups[slot].id, __ATOMIC_ACQUIRE) == group
		? &table->groups[slot]
		: NULL;
}

/* Workers: the SA that a group's packets leave by, or SA_NONE; its generation stands in the entry. */
static inline uint32_t sa_group_outbound(const struct sa_table *table, uint32_t group)
{
	const struct sa_group *entry = sa_group_at(table, group);

	return likely(entry != NULL) ? __atomic_load_n(&entry->outbound, __ATOMIC_ACQUIRE)
				     : SA_NONE;
}
