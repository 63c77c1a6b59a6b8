/* SPDX-License-Identifier: BSD-3-Clause */
/* Which prefixes a forwarding table holds: an exact map that only the control core reads. */
#include "fib_private.h"

#include <dataplane/reserve.h>

#include <errno.h>
#include <sys/random.h>

static size_t routes_bytes(const struct fib_routes *routes)
{
	return (size_t)routes->size * sizeof(*routes->slots);
}

int fib_routes_create(struct fib_routes *routes, uint32_t first, uint32_t more)
{
	memset(routes, 0, sizeof(*routes));
	routes->max = first + more;
	/* as full as they may become before they grow: prefixes lie everywhere, so all of it is touched */
	routes->size = first + first / 4 + 1;
	if (getrandom(routes->seed, sizeof(routes->seed), 0) != sizeof(routes->seed))
		return -EIO;
	routes->seed[1] |= 1;
	routes->slots = reserve_memory(routes_bytes(routes), RESERVE_COLD, -1);
	return routes->slots == NULL ? -ENOMEM : 0;
}

void fib_routes_destroy(struct fib_routes *routes)
{
	reserve_free(routes->slots, routes_bytes(routes));
	routes->slots = NULL;
}

static uint32_t prefix_hash(const struct fib_routes *routes, const struct fib_prefix *prefix)
{
	uint64_t key[2], hash;

	memcpy(key, prefix->addr, sizeof(key));
	hash = fib_hash_mix(key[0] ^ routes->seed[0], routes->seed[1]);
	hash = fib_hash_mix(hash ^ key[1] ^ (uint64_t)prefix->length << 56, routes->seed[1]);
	return (uint32_t)((hash & UINT32_MAX) * routes->size >> 32);
}

static uint32_t slot_after(const struct fib_routes *routes, uint32_t i)
{
	return i + 1 < routes->size ? i + 1 : 0;
}

/* How many slots `to` is after `from`, round the end. */
static uint32_t slots_between(const struct fib_routes *routes, uint32_t from, uint32_t to)
{
	return to >= from ? to - from : to + (routes->size - from);
}

static bool prefix_equal(const struct fib_prefix *a, const struct fib_prefix *b)
{
	return a->length == b->length && memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

struct fib_route *fib_routes_find(const struct fib_routes *routes, const struct fib_prefix *prefix)
{
	uint32_t i = prefix_hash(routes, prefix);

	for (; routes->slots[i].target != 0; i = slot_after(routes, i))
		if (prefix_equal(&routes->slots[i].prefix, prefix))
			return &routes->slots[i];
	return NULL;
}

static void routes_put(struct fib_routes *routes, const struct fib_prefix *prefix, uint32_t target)
{
	uint32_t i = prefix_hash(routes, prefix);

	while (routes->slots[i].target != 0)
		i = slot_after(routes, i);
	routes->slots[i] = (struct fib_route){*prefix, target};
}

/*
 * An eighth more slots, at some 20 ns an entry: twice as many would stay empty for most, and all of them
 * are touched.
 */
static int routes_grow(struct fib_routes *routes)
{
	struct fib_routes larger = *routes;

	larger.size = routes->size + routes->size / 8 + 1;
	larger.slots = reserve_memory(routes_bytes(&larger), RESERVE_COLD, -1);
	if (larger.slots == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < routes->size; i++)
		if (routes->slots[i].target != 0)
			routes_put(&larger, &routes->slots[i].prefix, routes->slots[i].target);
	fib_routes_destroy(routes);
	*routes = larger;
	return 0;
}

int fib_routes_add(struct fib_routes *routes, const struct fib_prefix *prefix, uint32_t target)
{
	if (routes->n == routes->max)
		return -ENOSPC;
	if (routes->n >= routes->size / 5 * 4) {
		int code = routes_grow(routes);

		if (code != 0)
			return code;
	}
	routes_put(routes, prefix, target);
	routes->n++;
	routes->n_length[prefix->length]++;
	return 0;
}

void fib_routes_delete(struct fib_routes *routes, struct fib_route *route)
{
	uint32_t hole = (uint32_t)(route - routes->slots);

	routes->n--;
	routes->n_length[route->prefix.length]--;
	/* What probing put behind the hole moves into it, so that no search ends there too early. */
	for (uint32_t i = slot_after(routes, hole); routes->slots[i].target != 0;
		i = slot_after(routes, i)) {
		uint32_t home = prefix_hash(routes, &routes->slots[i].prefix);

		if (slots_between(routes, home, i) >= slots_between(routes, hole, i)) {
			routes->slots[hole] = routes->slots[i];
			hole = i;
		}
	}
	routes->slots[hole].target = 0;
}

struct fib_cover fib_routes_cover(const struct fib_routes *routes, const struct fib_prefix *prefix)
{
	struct fib_prefix above = *prefix;

	while (above.length > 1) {
		above.length--;
		above.addr[above.length / 8] &= (uint8_t) ~(0x80 >> above.length % 8);
		if (routes->n_length[above.length] == 0)
			continue;
		const struct fib_route *route = fib_routes_find(routes, &above);

		if (route != NULL)
			return (struct fib_cover){route->target, above.length};
	}
	return (struct fib_cover){0, 0};
}
