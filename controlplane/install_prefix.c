/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of prefixes: lookup, choice of the best route, and the writing of the fib.
 */
#include "install_table.h"
#include "log.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

uint64_t prefix_hash(const struct install_route *routes, uint16_t vrf, uint8_t family,
	uint8_t length, const uint8_t *addr)
{
	return install_hash(
		routes->seed, (uint32_t)vrf << 16 | (uint32_t)family << 8 | length, addr);
}

struct prefix **prefix_bucket(const struct install_route *routes, uint64_t hash, unsigned int *bits)
{
	bool small = routes->small && hash >> (64 - routes->small_bits) >= routes->moved;

	if (bits)
		*bits = small ? routes->small_bits : routes->prefix_bits;
	return small ? &routes->small[hash >> (64 - routes->small_bits)]
		     : &routes->prefixes[hash >> (64 - routes->prefix_bits)];
}

struct prefix *prefix_find(const struct install_route *routes, uint16_t vrf, uint8_t family,
	uint8_t length, const uint8_t *addr)
{
	uint64_t hash = prefix_hash(routes, vrf, family, length, addr);
	struct prefix *p = *prefix_bucket(routes, hash, NULL);

	while (p &&
		(p->vrf != vrf || p->family != family || p->length != length ||
			memcmp(p->addr, addr, 16)))
		p = p->next;
	return p;
}

/* A few buckets into the larger table: a million prefixes at once would take longer than a HELLO should wait. */
static void table_move(struct install_route *routes, unsigned int n)
{
	for (; routes->small && n; n--) {
		struct prefix *p;

		while ((p = routes->small[routes->moved])) {
			uint64_t hash = prefix_hash(routes, p->vrf, p->family, p->length, p->addr);
			struct prefix **to = &routes->prefixes[hash >> (64 - routes->prefix_bits)];

			routes->small[routes->moved] = p->next;
			p->next = *to;
			*to = p;
		}
		if (++routes->moved >> routes->small_bits) {
			free(routes->small);
			routes->small = NULL;
		}
	}
}

static void table_grow(struct install_route *routes)
{
	unsigned int bits = routes->prefix_bits + 2;
	struct prefix **prefixes = calloc((size_t)1 << bits, sizeof(*prefixes));

	if (!prefixes)
		return; /* longer chains, but all there */
	routes->small = routes->prefixes;
	routes->small_bits = routes->prefix_bits;
	routes->moved = 0;
	routes->prefixes = prefixes;
	routes->prefix_bits = bits;
	routes->scan_bucket <<= 2;
	routes->scan_left <<= 2;
}

struct prefix *prefix_get(struct install_route *routes, uint16_t vrf, uint8_t family,
	uint8_t length, const uint8_t *addr)
{
	struct prefix *p = prefix_find(routes, vrf, family, length, addr), **bucket;

	if (p)
		return p;
	/* the smaller table is empty before the larger one is full: two of its buckets with each prefix */
	if (routes->small)
		table_move(routes, 2);
	else if (routes->counts.routes4 + routes->counts.routes6 >= (uint64_t)2
			<< routes->prefix_bits)
		table_grow(routes);
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->vrf = vrf;
	p->family = family;
	p->length = length;
	memcpy(p->addr, addr, 16);
	bucket = prefix_bucket(routes, prefix_hash(routes, vrf, family, length, addr), NULL);
	p->next = *bucket;
	*bucket = p;
	routes->counts.routes4 += family == 4;
	routes->counts.routes6 += family == 6;
	return p;
}

static void prefix_free(struct install_route *routes, struct prefix *prefix)
{
	struct prefix **p = prefix_bucket(routes,
		prefix_hash(routes, prefix->vrf, prefix->family, prefix->length, prefix->addr),
		NULL);

	while (*p != prefix)
		p = &(*p)->next;
	*p = prefix->next;
	routes->counts.routes4 -= prefix->family == 4;
	routes->counts.routes6 -= prefix->family == 6;
	free(prefix);
}

void prefixes_free(struct install_route *routes)
{
	table_move(routes, UINT_MAX);
	for (size_t b = 0; b < (size_t)1 << routes->prefix_bits; b++) {
		struct prefix *p;

		while ((p = routes->prefixes[b])) {
			struct candidate *c = p->first.next, *next;

			for (; c; c = next) {
				next = c->next;
				free(c);
			}
			routes->prefixes[b] = p->next;
			free(p);
		}
	}
	free(routes->prefixes);
}

struct prefix *prefix_longest(const struct install_route *routes, uint16_t vrf, uint8_t family,
	const uint8_t *addr, int max_length)
{
	uint8_t masked[16];

	memcpy(masked, addr, 16);
	for (int length = max_length; length >= 0; length--) {
		struct prefix *p;

		addr_mask(masked, (unsigned int)length);
		p = prefix_find(routes, vrf, family, (uint8_t)length, masked);
		if (p && p->target)
			return p;
	}
	return NULL;
}

static bool glean_holds(const struct glean *glean, const struct prefix *prefix)
{
	uint8_t masked[16];

	if (glean->vrf != prefix->vrf || glean->family != prefix->family ||
		glean->length > prefix->length)
		return false;
	memcpy(masked, prefix->addr, 16);
	addr_mask(masked, glean->length);
	return memcmp(masked, glean->addr, 16) == 0;
}

/* Which neighbours may have host entries follows from connected subnets and what lies inside of them. */
static void glean_track(struct install_route *routes, const struct prefix *prefix, uint32_t before)
{
	bool was = fib_target_type(before) == FIB_GLEAN;
	bool is = fib_target_type(prefix->target) == FIB_GLEAN;
	unsigned int i;

	for (i = 0; i < routes->n_gleans; i++)
		if (glean_holds(&routes->gleans[i], prefix))
			break;
	if (i < routes->n_gleans || is)
		routes->recheck_hosts = true;
	if (is && !was) {
		if (routes->n_gleans == routes->gleans_size) {
			unsigned int size = routes->gleans_size ? 2 * routes->gleans_size : 16;
			void *gleans = realloc(routes->gleans, size * sizeof(*routes->gleans));

			if (!gleans)
				return;
			routes->gleans = gleans;
			routes->gleans_size = size;
		}
		routes->gleans[routes->n_gleans++] = (struct glean){
			.vrf = prefix->vrf, .family = prefix->family, .length = prefix->length};
		memcpy(routes->gleans[routes->n_gleans - 1].addr, prefix->addr, 16);
	} else if (was && !is) {
		for (i = 0; i < routes->n_gleans; i++) {
			struct glean *glean = &routes->gleans[i];

			if (glean->vrf == prefix->vrf && glean->family == prefix->family &&
				glean->length == prefix->length &&
				memcmp(glean->addr, prefix->addr, 16) == 0) {
				*glean = routes->gleans[--routes->n_gleans];
				break;
			}
		}
	}
}

static uint32_t prefix_choose(const struct install_route *routes, const struct prefix *prefix)
{
	for (const struct candidate *c = &prefix->first; c && c->hops; c = c->next) {
		uint32_t target = hops_target(routes, c->hops);

		if (target)
			return target;
	}
	if (prefix->aggregate)
		return fib_target(FIB_UNREACHABLE, FIB_UNREACH);
	if (prefix->host && prefix->host->adjacency >= 0)
		return fib_target(FIB_ADJACENCY, (uint32_t)prefix->host->adjacency);
	return 0;
}

static int fib_write(struct fib *fib, const struct prefix *prefix, uint32_t target)
{
	uint32_t addr4, now;
	int r;

	memcpy(&addr4, prefix->addr, 4);
	now = prefix->family == 4 ? fib_get4(fib, addr4, prefix->length)
				  : fib_get6(fib, prefix->addr, prefix->length);
	if (now == target || fib_target_type(now) == FIB_SESSION)
		return 0;
	if (prefix->family == 4)
		r = target ? fib_set4(fib, addr4, prefix->length, target)
			   : fib_delete4(fib, addr4, prefix->length);
	else
		r = target ? fib_set6(fib, prefix->addr, prefix->length, target)
			   : fib_delete6(fib, prefix->addr, prefix->length);
	return !target && r == -ENOENT ? 0 : r;
}

int prefix_update(struct install_route *routes, struct prefix *prefix)
{
	uint32_t before = prefix->target;
	int r;

	prefix->target = prefix_choose(routes, prefix);
	r = fib_write(routes->settings.fibs[prefix->vrf], prefix, prefix->target);
	if (r < 0) {
		struct ip_addr addr = {.family = prefix->family};
		char text[64];

		memcpy(addr.bytes, prefix->addr, 16);
		routes->counts.failures++;
		routes->refused = true;
		log_ratelimited(LOG_LEVEL_ERROR, NULL,
			"route %s/%u could not be written to the forwarding table: %s",
			ip_addr_text(&addr, text), prefix->length, strerror(-r));
	}
	if (before != prefix->target)
		glean_track(routes, prefix, before);
	if (!prefix->first.hops && !prefix->aggregate && !prefix->host)
		prefix_free(routes, prefix);
	return r;
}
