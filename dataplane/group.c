/* SPDX-License-Identifier: BSD-3-Clause */
/* Several next hops for one route: what a FIB_GROUP target's index names. */
#include <dataplane/group.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct group_table_private {
	struct rcu *rcu;
	uint32_t n_free;
	uint32_t free[]; /* indices, a stack */
};

struct group_table *group_table_create(uint32_t capacity, struct rcu *rcu)
{
	struct group_table *table = calloc(1, sizeof(*table));
	struct group_table_private *private =
		calloc(1, sizeof(*private) + capacity * sizeof(private->free[0]));

	if (table == NULL || private == NULL)
		goto fail;
	table->groups = calloc(capacity, sizeof(struct group *));
	if (table->groups == NULL)
		goto fail;
	table->capacity = capacity;
	table->private = private;
	private->rcu = rcu;
	private->n_free = capacity;
	for (uint32_t i = 0; i < capacity; i++)
	private->free[i] = capacity - 1 - i;
	return table;

fail:
	free(private);
	free(table);
	errno = ENOMEM;
	return NULL;
}

void group_table_destroy(struct group_table *table)
{
	if (table == NULL)
		return;
	rcu_drain(table->private->rcu);
	for (uint32_t i = 0; i < table->capacity; i++)
		free(table->groups[i]);
	free(table->groups);
	free(table->private);
	free(table);
}

static struct group *group_make(const uint32_t *targets, unsigned int n, int *code)
{
	struct group *group = NULL;

	*code = -EINVAL;
	if (n == 0 || n > GROUP_SLOTS)
		return NULL;
	for (unsigned int i = 0; i < n; i++)
		if (fib_target_type(targets[i]) == FIB_GROUP)
			return NULL;
	*code = -ENOMEM;
	group = calloc(1, sizeof(*group));
	if (group == NULL)
		return NULL;
	group->n = n;
	memcpy(group->targets, targets, n * sizeof(targets[0]));
	return group;
}

int64_t group_create(struct group_table *table, const uint32_t *targets, unsigned int n)
{
	struct group_table_private *private = table->private;
	int code;

	if (private->n_free == 0)
		return -ENOSPC;

	struct group *group = group_make(targets, n, &code);

	if (group == NULL)
		return code;

	uint32_t index = private->free[--private->n_free];

	__atomic_store_n(&table->groups[index], group, __ATOMIC_RELEASE);
	return index;
}

static void memory_release(void *object, uintptr_t argument)
{
	free(object);
}

int group_replace(
	struct group_table *table, uint32_t index, const uint32_t *targets, unsigned int n)
{
	int code;

	if (index >= table->capacity || table->groups[index] == NULL)
		return -ENOENT;
	if (rcu_reserve(table->private->rcu, 1) != 0)
		return -ENOMEM;

	struct group *group = group_make(targets, n, &code), *old = table->groups[index];

	if (group == NULL)
		return code;
	__atomic_store_n(&table->groups[index], group, __ATOMIC_RELEASE);
	rcu_defer(table->private->rcu, memory_release, old, 0);
	return 0;
}

/* The index may be used again only when no worker can still hold it from a route. */
static void index_release(void *object, uintptr_t index)
{
	struct group_table *table = object;

	free(table->groups[index]);
	table->groups[index] = NULL;
	table->private->free[table->private->n_free++] = (uint32_t)index;
}

int group_remove(struct group_table *table, uint32_t index)
{
	if (index >= table->capacity || table->groups[index] == NULL)
		return -ENOENT;
	if (rcu_reserve(table->private->rcu, 1) != 0)
		return -ENOMEM;
	rcu_defer(table->private->rcu, index_release, table, index);
	return 0;
}
