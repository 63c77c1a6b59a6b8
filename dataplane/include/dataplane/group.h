/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several next hops for one route: what a FIB_GROUP target's index names.
 *
 * A group is a list of slots; the flow's hash chooses the slot, the slot holds the target.
 * Control core writes (a group is replaced as a whole by RCU), workers read. A flow is a pair of
 * addresses and always takes the same member while the group is the same; a tunnel takes one member.
 */
#pragma once

#include <dataplane/fib.h>
#include <dataplane/rcu.h>

#include <stdint.h>

#define GROUP_SLOTS 128 /* at most */

struct group {
	uint32_t n;
	uint32_t targets[GROUP_SLOTS]; /* fib targets: adjacencies, gleans; not groups */
};

struct group_table {
	struct group **groups; /* by index; NULL = none; release-stored */
	uint32_t capacity;
	struct group_table_private *private;
};

/* NULL and errno on failure. */
struct group_table *group_table_create(uint32_t capacity, struct rcu *rcu);
/* Drains the RCU queue first: no worker may be running. */
void group_table_destroy(struct group_table *table);
/* A weight is the number of times that a target stands in the list. The index; -ENOSPC, -ENOMEM, -EINVAL. */
int64_t group_create(struct group_table *table, const uint32_t *targets, unsigned int n);
int group_replace(
	struct group_table *table, uint32_t index, const uint32_t *targets, unsigned int n);
/* After no route names it any more; the index is given out again after a grace period. */
int group_remove(struct group_table *table, uint32_t index);

/* Workers: the member for a flow's hash; FIB_DROP's target if there is no such group. */
static inline uint32_t group_target(const struct group_table *table, uint32_t index, uint32_t hash)
{
	const struct group *group = index < table->capacity
		? __atomic_load_n(&table->groups[index], __ATOMIC_ACQUIRE)
		: NULL;

	return group == NULL ? 0 : group->targets[((uint64_t)hash * group->n) >> 32];
}
