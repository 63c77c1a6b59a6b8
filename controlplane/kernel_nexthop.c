/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's nexthop objects: single next hops, and groups of them by id and weight. */
#include "kernel_nexthop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096

struct object {
	struct object *next; /* in its bucket */
	uint32_t mark;
	struct rtnl_nexthop nexthop;
};

struct kernel_nexthops {
	uint32_t n, mark;
	struct object *buckets[BUCKETS];
};

struct kernel_nexthops *kernel_nexthops_create(void)
{
	return calloc(1, sizeof(struct kernel_nexthops));
}

static struct object **place_of(struct kernel_nexthops *nexthops, uint32_t id)
{
	/* ids are given out one after another, by the kernel as by routing daemons */
	struct object **at = &nexthops->buckets[id % BUCKETS];

	while (*at && (*at)->nexthop.id != id)
		at = &(*at)->next;
	return at;
}

static const struct rtnl_nexthop *nexthop_find(const struct kernel_nexthops *nexthops, uint32_t id)
{
	const struct object *object = nexthops->buckets[id % BUCKETS];

	while (object && object->nexthop.id != id)
		object = object->next;
	return object ? &object->nexthop : NULL;
}

static void object_remove(struct kernel_nexthops *nexthops, struct object **at)
{
	struct object *object = *at;

	*at = object->next;
	free(object);
	nexthops->n--;
}

void kernel_nexthops_destroy(struct kernel_nexthops *nexthops)
{
	for (unsigned int b = 0; nexthops && b < BUCKETS; b++)
		while (nexthops->buckets[b])
			object_remove(nexthops, &nexthops->buckets[b]);
	free(nexthops);
}

int kernel_nexthop_set(struct kernel_nexthops *nexthops, const struct rtnl_nexthop *nexthop)
{
	struct object **at = place_of(nexthops, nexthop->id), *object = *at;
	bool changed;

	if (object) {
		changed = memcmp(&object->nexthop, nexthop, sizeof(*nexthop)) != 0;
		object->nexthop = *nexthop;
		object->mark = nexthops->mark;
		return changed;
	}
	if (nexthops->n == NEXTHOPS_MAX)
		return -ENOSPC;
	object = calloc(1, sizeof(*object));
	if (!object)
		return -ENOMEM;
	object->nexthop = *nexthop;
	object->mark = nexthops->mark;
	*at = object;
	nexthops->n++;
	return 0;
}

void kernel_nexthop_delete(struct kernel_nexthops *nexthops, uint32_t id)
{
	struct object **at = place_of(nexthops, id);

	if (*at)
		object_remove(nexthops, at);
}

void kernel_nexthops_mark(struct kernel_nexthops *nexthops)
{
	nexthops->mark++;
}

void kernel_nexthops_sweep(struct kernel_nexthops *nexthops)
{
	for (unsigned int b = 0; b < BUCKETS; b++)
		for (struct object **at = &nexthops->buckets[b]; *at;)
			if ((*at)->mark == nexthops->mark)
				at = &(*at)->next;
			else
				object_remove(nexthops, at);
}

unsigned int kernel_nexthop_expand(const struct kernel_nexthops *nexthops, uint32_t id,
	struct rtnl_hop *hops, unsigned int max)
{
	const struct rtnl_nexthop *nexthop = nexthop_find(nexthops, id), *member;
	unsigned int n = 0;

	if (!nexthop)
		return 0;
	if (!nexthop->n_members) {
		hops[0] = nexthop->hop;
		return !nexthop->blackhole;
	}
	/* a group holds no groups */
	for (unsigned int i = 0; i < nexthop->n_members && n < max; i++) {
		member = nexthop_find(nexthops, nexthop->members[i].id);
		if (!member || member->n_members || member->blackhole)
			continue;
		hops[n] = member->hop;
		hops[n++].weight = nexthop->members[i].weight;
	}
	return n;
}
