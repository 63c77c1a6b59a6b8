/* SPDX-License-Identifier: BSD-3-Clause */
/* SAs and their groups: their life from publication to the final state. */
#include <dataplane/sa_table.h>

#include "slot_ring.h"

#include <dataplane/reserve.h>

#include <errno.h>
#include <stdlib.h>

struct sa_exit {
	sa_done *done;
	void *user;
};

struct sa_group_private {
	uint32_t n_sas;
	uint16_t life; /* how often the slot was given out */
};

struct sa_table_private {
	struct slot_ring entries, groups;
	struct sa_exit *exits; /* by index: whom to tell when the grace period is over */
	struct sa_group_private *groups_private;
	uint32_t generation; /* last one given out, over all entries */
	uint32_t chains;     /* number of them */
};

#define GROUP_FIRST 1 /* 0 is "in the clear" */
#define GROUP_LIVES (UINT32_MAX / (SA_GROUP_SLOT + 1) + 1)

struct sa_table *sa_table_create(uint32_t capacity, struct rcu *rcu)
{
	struct sa_table *table;
	struct sa_table_private *private;
	uint32_t log2 = 6;

	if (capacity == 0 || capacity > SA_TABLE_MAX) {
		errno = EINVAL;
		return NULL;
	}
	table = calloc(1, sizeof(*table));
	private = calloc(1, sizeof(*private));
	if (table == NULL || private == NULL) {
		free(table);
		free(private);
		return NULL;
	}
	while (1u << log2 < 2 * capacity)
		log2++;
	table->rcu = rcu;
	table->capacity = capacity;
	table->chain_shift = 32 - log2;
	table->private = private;
	private->chains = 1u << log2;
	table->entries = reserve_memory(capacity * sizeof(*table->entries), RESERVE_HOT, -1);
	table->selectors = reserve_memory(capacity * sizeof(*table->selectors), RESERVE_HOT, -1);
	table->groups = reserve_memory((capacity + 1) * sizeof(*table->groups), RESERVE_HOT, -1);
	table->chains = reserve_memory(sizeof(*table->chains) << log2, RESERVE_HOT, -1);
	private->exits = reserve_memory(capacity * sizeof(*private->exits), RESERVE_COLD, -1);
	private->groups_private =
		reserve_memory((capacity + 1) * sizeof(*private->groups_private), RESERVE_COLD, -1);
	if (!slot_ring_create(&private->entries, 0, capacity) ||
		!slot_ring_create(&private->groups, GROUP_FIRST, capacity + 1) ||
		table->entries == NULL || table->selectors == NULL || table->groups == NULL ||
		table->chains == NULL || private->exits == NULL ||
		private->groups_private == NULL) {
		sa_table_destroy(table);
		errno = ENOMEM;
		return NULL;
	}
	return table;
}

void sa_table_destroy(struct sa_table *table)
{
	struct sa_table_private *private;

	if (table == NULL)
		return;
	private = table->private;
	rcu_drain(table->rcu);
	slot_ring_destroy(&private->groups);
	slot_ring_destroy(&private->entries);
	reserve_free(
		private->groups_private, (table->capacity + 1) * sizeof(*private->groups_private));
	reserve_free(private->exits, table->capacity * sizeof(*private->exits));
	reserve_free(table->chains, private->chains * sizeof(*table->chains));
	reserve_free(table->groups, (table->capacity + 1) * sizeof(*table->groups));
	reserve_free(table->selectors, table->capacity * sizeof(*table->selectors));
	reserve_free(table->entries, table->capacity * sizeof(*table->entries));
	free(private);
	free(table);
}

static struct sa_group *group_live(struct sa_table *table, uint32_t group)
{
	return (struct sa_group *)(uintptr_t)sa_group_at(table, group);
}

int64_t sa_group_create(struct sa_table *table, uint8_t owner)
{
	struct sa_table_private *private = table->private;

	if (!slot_ring_left(&private->groups))
		return -ENOSPC;

	uint32_t slot = slot_ring_take(&private->groups);
	uint16_t life = private->groups_private[slot].life++ % GROUP_LIVES;
	struct sa_group *group = &table->groups[slot];
	uint32_t id = life * (SA_GROUP_SLOT + 1) + slot;

	group->owner = owner;
	group->outbound = SA_NONE;
	__atomic_store_n(&group->id, id, __ATOMIC_RELEASE);
	table->n_groups++;
	return id;
}

int sa_group_set_outbound(struct sa_table *table, uint32_t id, uint32_t index)
{
	struct sa_group *group = group_live(table, id);

	if (group == NULL)
		return -ENOENT;
	if (index != SA_NONE) {
		const struct sa_entry *entry = sa_at(table, index);

		if (index >= table->capacity || entry->generation == 0 || entry->group != id ||
			entry->direction != SA_OUTBOUND)
			return -EINVAL;
	}
	__atomic_store_n(&group->outbound, index, __ATOMIC_RELEASE);
	return 0;
}

/* No worker knows the id from a tunnel's path, or the slot from the id, any more. */
static void group_release(void *object, uintptr_t slot)
{
	struct sa_table *table = object;

	slot_ring_give(&table->private->groups, (uint32_t)slot);
}

int sa_group_remove(struct sa_table *table, uint32_t id)
{
	struct sa_group *group = group_live(table, id);
	uint32_t slot = id & SA_GROUP_SLOT;

	if (group == NULL)
		return -ENOENT;
	if (table->private->groups_private[slot].n_sas > 0)
		return -EBUSY;
	if (rcu_reserve(table->rcu, 1) != 0)
		return -ENOMEM;
	__atomic_store_n(&group->id, 0, __ATOMIC_RELEASE);
	table->n_groups--;
	rcu_defer(table->rcu, group_release, table, slot);
	return 0;
}

int64_t sa_publish(
	struct sa_table *table, const struct sa_place *place, struct sa *sa, uint32_t *generation)
{
	struct sa_table_private *private = table->private;
	const struct sa_group *group = group_live(table, place->group);
	bool inbound = sa->direction == SA_INBOUND;

	if (place->family != 4 && place->family != 6)
		return -EINVAL;
	if (place->inner.family != 0 && place->inner.length > (place->inner.family == 4 ? 32 : 128))
		return -EINVAL;
	if (group == NULL)
		return -ENOENT;
	if (inbound &&
		sa_lookup(table, place->vrf, place->family, place->local, sa->spi) != SA_NONE)
		return -EEXIST;
	if (!slot_ring_left(&private->entries))
		return -ENOSPC;

	uint32_t index = slot_ring_take(&private->entries), *chain = sa_chain(table, sa->spi);
	struct sa_entry *entry = sa_at(table, index);

	*entry = (struct sa_entry){
		.group = place->group,
		.sa = sa,
		.spi = sa->spi,
		.owner = sa_group_owner(group),
		.direction = sa->direction,
		.mode = sa->mode,
		.family = place->family,
		.vrf = place->vrf,
		.next = SA_NONE,
	};
	memcpy(entry->local, place->local, place->family == 4 ? 4 : 16);
	memcpy(entry->peer, place->peer, place->family == 4 ? 4 : 16);
	table->selectors[index] = place->inner;
	if (++private->generation == 0)
	private->generation = 1;
	*generation = private->generation;
	__atomic_store_n(&entry->generation, *generation, __ATOMIC_RELEASE);
	if (inbound) {
		entry->next = *chain - 1;
		__atomic_store_n(chain, index + 1, __ATOMIC_RELEASE);
	}
	private->groups_private[place->group & SA_GROUP_SLOT].n_sas++;
	table->n_entries++;
	return index;
}

/* Its predecessor points past it; the entry's own pointer stays for whoever stands on it. */
static void chain_remove(struct sa_table *table, uint32_t index)
{
	const struct sa_entry *entry = sa_at(table, index);
	uint32_t *chain = sa_chain(table, entry->spi), before = *chain - 1;

	if (before == index) {
		__atomic_store_n(chain, entry->next + 1, __ATOMIC_RELEASE);
		return;
	}
	while (sa_at(table, before)->next != index)
		before = sa_at(table, before)->next;
	__atomic_store_n(&sa_at(table, before)->next, entry->next, __ATOMIC_RELEASE);
}

/* After the grace period: the owner has written its last to the SA. */
static void sa_entry_release(void *object, uintptr_t index)
{
	struct sa_table *table = object;
	struct sa_exit *exit = &table->private->exits[index];
	struct sa_entry *entry = sa_at(table, (uint32_t)index);
	struct sa *sa = entry->sa;

	entry->sa = NULL;
	slot_ring_give(&table->private->entries, (uint32_t)index);
	if (exit->done != NULL)
		exit->done(exit->user, (uint32_t)index, sa);
}

int sa_unpublish(struct sa_table *table, uint32_t index, sa_done *done, void *user)
{
	struct sa_table_private *private = table->private;

	if (index >= table->capacity || sa_at(table, index)->generation == 0)
		return -ESTALE;
	if (rcu_reserve(table->rcu, 1) != 0)
		return -ENOMEM;

	struct sa_entry *entry = sa_at(table, index);
	struct sa_group *group = group_live(table, entry->group);

	private->exits[index] = (struct sa_exit){done, user};
	if (entry->direction == SA_INBOUND)
		chain_remove(table, index);
	else if (group->outbound == index)
		__atomic_store_n(&group->outbound, SA_NONE, __ATOMIC_RELEASE);
	/* what is on its way by index is refused from here on */
	__atomic_store_n(&entry->generation, 0, __ATOMIC_RELEASE);
	private->groups_private[entry->group & SA_GROUP_SLOT].n_sas--;
	table->n_entries--;
	rcu_defer(table->rcu, sa_entry_release, table, index);
	return 0;
}
