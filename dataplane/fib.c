/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The forwarding table of one VRF: which of its parts a route belongs to.
 *
 * DPDK's rte_fib was the first choice here and is not used. In 22.11 its IPv6 trie loses count of the table
 * groups it has promised when a prefix is deleted before those it covers: with 1,000 groups, 166 rounds of
 * add /40, add /56, delete /40, delete /56 leave an empty table that answers -ENOSPC to every further /56.
 * Neither rte_fib has RCU. And beside the subscribers' page table it would be a second lookup and 64 MiB
 * per VRF and family. tools/bench/bench_tables --rte-fib compares.
 */
#include "fib_private.h"

#include <rte_common.h>
#include <rte_prefetch.h>

#include <errno.h>
#include <stdlib.h>

#define ROUTES_MAX    (1u << 24)
#define LOOKUP_CHUNK  64u
#define FIRST_ROUTES6 32768u /* the configuration's default; there may be more */
#define HEAD_BYTES    4u

struct fib_private {
	/* All but the hosts, which the tree and the hash themselves know exactly. */
	struct fib_routes routes4, routes6;
	struct rcu *rcu;
	uint32_t n_hosts4;
};

struct fib *fib_create(const struct fib_settings *settings, struct rcu *rcu)
{
	struct fib *fib;
	uint32_t first6;
	int ret = -EINVAL;

	if (settings->max_routes4 == 0 || settings->max_routes4 > ROUTES_MAX ||
		settings->max_routes6 == 0 || settings->max_routes6 > ROUTES_MAX ||
		settings->more_routes6 > ROUTES_MAX) {
		errno = EINVAL;
		return NULL;
	}
	fib = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*fib));
	if (fib == NULL)
		return NULL;
	memset(fib, 0, sizeof(*fib));
	fib->private = calloc(1, sizeof(*fib->private));
	if (fib->private == NULL) {
		ret = -ENOMEM;
		goto fail;
	}
	fib->private->rcu = rcu;
	/* sessions' prefixes among them touch all of the map, which shall not be larger than they need */
	first6 = RTE_MIN(settings->max_routes6, FIRST_ROUTES6);
	if ((ret = fib_routes_create(&fib->private->routes4, settings->max_routes4, 0)) != 0 ||
		(ret = fib_routes_create(&fib->private->routes6, first6,
			 settings->max_routes6 - first6 + settings->more_routes6)) != 0 ||
		(ret = fib_tree_create(&fib->tree4, 32, settings->socket, rcu)) != 0 ||
		(ret = fib_tree_create(&fib->tree6, 128, settings->socket, rcu)) != 0 ||
		(ret = fib_hosts6_create(&fib->hosts6, settings->socket, rcu)) != 0)
		goto fail;
	return fib;
fail:
	fib_destroy(fib);
	errno = -ret;
	return NULL;
}

void fib_destroy(struct fib *fib)
{
	if (fib == NULL)
		return;
	if (fib->private != NULL) {
		rcu_drain(fib->private->rcu);
		fib_routes_destroy(&fib->private->routes4);
		fib_routes_destroy(&fib->private->routes6);
	}
	fib_tree_destroy(&fib->tree4);
	fib_tree_destroy(&fib->tree6);
	fib_hosts6_destroy(&fib->hosts6);
	free(fib->private);
	free(fib);
}

/* -EINVAL: longer than an address, or host bits set. */
static int prefix_make(
	struct fib_prefix *prefix, const void *addr, unsigned int bits, uint8_t length)
{
	memset(prefix, 0, sizeof(*prefix));
	memcpy(prefix->addr, addr, bits / 8);
	prefix->length = length;
	if (length > bits)
		return -EINVAL;
	for (unsigned int bit = length; bit < bits; bit++)
		if (prefix->addr[bit / 8] & 0x80 >> bit % 8)
			return -EINVAL;
	return 0;
}

static bool target_valid(uint32_t target)
{
	return target >> FIB_INDEX_BITS != FIB_DROP && target >> FIB_INDEX_BITS < FIB_TYPES;
}

static int route_set(struct fib_routes *routes, struct fib_tree *tree,
	const struct fib_prefix *prefix, uint32_t target)
{
	struct fib_route *route = fib_routes_find(routes, prefix);
	int ret;

	if (route == NULL && routes->n == routes->max)
		return -ENOSPC;
	if (route != NULL && route->target == target)
		return 0;
	ret = fib_tree_set(tree, prefix, target, route == NULL);
	if (ret != 0)
		return ret;
	if (route == NULL)
		return fib_routes_add(routes, prefix, target);
	route->target = target;
	return 0;
}

static int route_delete(
	struct fib_routes *routes, struct fib_tree *tree, const struct fib_prefix *prefix)
{
	struct fib_route *route = fib_routes_find(routes, prefix);
	int ret;

	if (route == NULL)
		return -ENOENT;
	const struct fib_cover cover = fib_routes_cover(routes, prefix);

	ret = fib_tree_delete(tree, prefix, &cover);
	if (ret != 0)
		return ret;
	fib_routes_delete(routes, route);
	return 0;
}

int fib_set4(struct fib *fib, uint32_t addr, uint8_t length, uint32_t target)
{
	struct fib_private *private = fib->private;
	struct fib_prefix prefix;
	bool is_new;
	int ret;

	if (!target_valid(target) || prefix_make(&prefix, &addr, 32, length) != 0)
		return -EINVAL;
	if (length < 32)
		return route_set(&private->routes4, &fib->tree4, &prefix, target);
	is_new = fib_tree_host(&fib->tree4, prefix.addr) == 0;
	ret = fib_tree_set(&fib->tree4, &prefix, target, is_new);
	if (ret == 0)
	private->n_hosts4 += is_new;
	return ret;
}

int fib_delete4(struct fib *fib, uint32_t addr, uint8_t length)
{
	struct fib_private *private = fib->private;
	struct fib_prefix prefix;
	int ret;

	if (prefix_make(&prefix, &addr, 32, length) != 0)
		return -EINVAL;
	if (length < 32)
		return route_delete(&private->routes4, &fib->tree4, &prefix);
	if (fib_tree_host(&fib->tree4, prefix.addr) == 0)
		return -ENOENT;
	const struct fib_cover cover = fib_routes_cover(&private->routes4, &prefix);

	ret = fib_tree_delete(&fib->tree4, &prefix, &cover);
	if (ret == 0)
	private->n_hosts4--;
	return ret;
}

int fib_set6(struct fib *fib, const uint8_t addr[16], uint8_t length, uint32_t target)
{
	struct fib_prefix prefix;

	if (!target_valid(target) || prefix_make(&prefix, addr, 128, length) != 0)
		return -EINVAL;
	if (length == 128)
		return fib_hosts6_set(&fib->hosts6, addr, target);
	return route_set(&fib->private->routes6, &fib->tree6, &prefix, target);
}

int fib_delete6(struct fib *fib, const uint8_t addr[16], uint8_t length)
{
	struct fib_prefix prefix;

	if (prefix_make(&prefix, addr, 128, length) != 0)
		return -EINVAL;
	if (length == 128)
		return fib_hosts6_delete(&fib->hosts6, addr);
	return route_delete(&fib->private->routes6, &fib->tree6, &prefix);
}

static uint32_t route_get(const struct fib_routes *routes, const struct fib_prefix *prefix)
{
	const struct fib_route *route = fib_routes_find(routes, prefix);

	return route == NULL ? fib_target(FIB_DROP, 0) : route->target;
}

uint32_t fib_get4(const struct fib *fib, uint32_t addr, uint8_t length)
{
	struct fib_prefix prefix;

	if (prefix_make(&prefix, &addr, 32, length) != 0)
		return fib_target(FIB_DROP, 0);
	if (length == 32)
		return fib_tree_host(&fib->tree4, prefix.addr);
	return route_get(&fib->private->routes4, &prefix);
}

uint32_t fib_get6(const struct fib *fib, const uint8_t addr[16], uint8_t length)
{
	struct fib_prefix prefix;

	if (prefix_make(&prefix, addr, 128, length) != 0)
		return fib_target(FIB_DROP, 0);
	if (length == 128)
		return fib_hosts6_lookup(&fib->hosts6, addr);
	return route_get(&fib->private->routes6, &prefix);
}

void fib_usage(const struct fib *fib, struct fib_usage *usage)
{
	*usage = (struct fib_usage){
		.hosts4 = fib->private->n_hosts4,
		.routes4 = fib->private->routes4.n,
		.hosts6 = fib->hosts6.n,
		.routes6 = fib->private->routes6.n,
		.pages = fib_tree_pages(&fib->tree4) + fib_tree_pages(&fib->tree6),
		.waiting = fib_tree_waiting(&fib->tree4) + fib_tree_waiting(&fib->tree6) +
			fib_hosts6_waiting(&fib->hosts6),
	};
}

void fib_lookup4_bulk(
	const struct fib *fib, const uint32_t *addrs, uint32_t *targets, unsigned int n)
{
	const struct fib_tree *tree = &fib->tree4;

	for (unsigned int i = 0; i < n; i++) {
		uint32_t host = rte_be_to_cpu_32(addrs[i]);

		targets[i] = fib_tree_root(tree, host >> 16);
		if (targets[i] & FIB_TREE_PAGE)
			rte_prefetch0(fib_tree_slot(tree, targets[i], (uint8_t)(host >> 8)));
	}
	for (unsigned int i = 0; i < n; i++) {
		uint32_t host = rte_be_to_cpu_32(addrs[i]);

		if (!(targets[i] & FIB_TREE_PAGE))
			continue;
		targets[i] = fib_tree_step(tree, targets[i], (uint8_t)(host >> 8));
		if (targets[i] & FIB_TREE_PAGE)
			rte_prefetch0(fib_tree_slot(tree, targets[i], (uint8_t)host));
	}
	for (unsigned int i = 0; i < n; i++) {
		if (targets[i] & FIB_TREE_PAGE)
			targets[i] = fib_tree_step(
				tree, targets[i], (uint8_t)rte_be_to_cpu_32(addrs[i]));
		targets[i] = fib_tree_answer(tree, targets[i]);
	}
}

/* One step of those in list, all at the same byte of their addresses; how many go on. */
static inline unsigned int lookup6_step(const struct fib_tree *tree, const uint8_t (*addrs)[16],
	uint32_t *targets, unsigned int at, uint8_t *list, unsigned int n)
{
	unsigned int kept = 0;

	for (unsigned int k = 0; k < n; k++) {
		unsigned int i = list[k];
		uint32_t entry = fib_tree_step(tree, targets[i], addrs[i][at]);

		targets[i] = entry;
		if (entry & FIB_TREE_PAGE) {
			rte_prefetch0(fib_tree_slot(tree, entry, addrs[i][at + 1]));
			list[kept++] = (uint8_t)i;
		}
	}
	return kept;
}

/*
 * An ISP's subscribers share the first 32 bits of their addresses (its allocation): the way so far is gone once
 * for all that have those of the first packet.
 */
static void lookup6_chunk(
	const struct fib *fib, const uint8_t (*addrs)[16], uint32_t *targets, unsigned int n)
{
	const struct fib_tree *tree = &fib->tree6;
	uint8_t near[LOOKUP_CHUNK], deep[LOOKUP_CHUNK];
	unsigned int n_near = 0, n_deep = 0, at;
	uint32_t head, head_entry, upper;

	memcpy(&head, addrs[0], sizeof(head));
	head_entry = fib_tree_root(tree, (uint32_t)addrs[0][0] << 8 | addrs[0][1]);
	for (at = 2; at < HEAD_BYTES && head_entry & FIB_TREE_PAGE; at++)
		head_entry = fib_tree_step(tree, head_entry, addrs[0][at]);
	for (unsigned int i = 0; i < n; i++) {
		targets[i] = fib_hosts6_lookup(&fib->hosts6, addrs[i]);
		if (targets[i] != 0)
			continue;
		memcpy(&upper, addrs[i], sizeof(upper));
		if (upper == head) {
			targets[i] = head_entry;
			if (head_entry & FIB_TREE_PAGE) {
				rte_prefetch0(
					fib_tree_slot(tree, head_entry, addrs[i][HEAD_BYTES]));
				deep[n_deep++] = (uint8_t)i;
			}
			continue;
		}
		targets[i] = fib_tree_root(tree, (uint32_t)addrs[i][0] << 8 | addrs[i][1]);
		if (targets[i] & FIB_TREE_PAGE) {
			rte_prefetch0(fib_tree_slot(tree, targets[i], addrs[i][2]));
			near[n_near++] = (uint8_t)i;
		}
	}
	for (at = 2; at < HEAD_BYTES && n_near > 0; at++)
		n_near = lookup6_step(tree, addrs, targets, at, near, n_near);
	memcpy(deep + n_deep, near, n_near);
	n_deep += n_near;
	for (at = HEAD_BYTES; n_deep > 0; at++)
		n_deep = lookup6_step(tree, addrs, targets, at, deep, n_deep);
	for (unsigned int i = 0; i < n; i++)
		targets[i] = fib_tree_answer(tree, targets[i]);
}

void fib_lookup6_bulk(
	const struct fib *fib, const uint8_t (*addrs)[16], uint32_t *targets, unsigned int n)
{
	for (unsigned int done = 0; done < n; done += LOOKUP_CHUNK)
		lookup6_chunk(fib, addrs + done, targets + done, RTE_MIN(n - done, LOOKUP_CHUNK));
}
