/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The routes' part of install: sessions', pools' and the kernel's routes, reconciled into the fib.
 */
#include "install_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PREFIX_BITS_FIRST 12

void install_route_settings_of(struct install_route_settings *settings, struct dataplane *dataplane)
{
	memset(settings, 0, sizeof(*settings));
	settings->adjacencies = dataplane_adjacencies(dataplane);
	settings->groups = dataplane_groups(dataplane);
	while (settings->n_vrfs < DATAPLANE_VRFS_MAX) {
		struct fib *fib = dataplane_fib(dataplane, settings->n_vrfs);

		if (!fib)
			break;
		settings->fibs[settings->n_vrfs++] = fib;
	}
	settings->n_ifaces = dataplane_ifaces(dataplane);
	for (unsigned int i = 0; i < settings->n_ifaces; i++) {
		struct install_iface *iface = &settings->ifaces[i];
		struct iface_info info;

		if (dataplane_iface_info(dataplane, i, &info) < 0)
			continue;
		memcpy(iface->mac, info.mac, 6);
		iface->vrf = info.vrf;
		iface->mtu = info.mtu;
		iface->vlan = info.vlan;
		iface->outer_vlan = info.outer_vlan;
	}
}

struct install_route *install_route_create(const struct install_route_settings *settings)
{
	struct install_route *routes = calloc(1, sizeof(*routes));

	if (!routes)
		return NULL;
	routes->settings = *settings;
	routes->prefix_bits = PREFIX_BITS_FIRST;
	routes->prefixes = calloc((size_t)1 << routes->prefix_bits, sizeof(*routes->prefixes));
	if (!routes->prefixes ||
		getrandom(&routes->seed, sizeof(routes->seed), 0) != sizeof(routes->seed)) {
		free(routes->prefixes);
		free(routes);
		return NULL;
	}
	TAILQ_INIT(&routes->asking);
	LIST_INIT(&routes->groups);
	for (unsigned int i = 0; i < settings->n_ifaces; i++)
		routes->up[i] = true;
	return routes;
}

void install_route_destroy(struct install_route *routes)
{
	if (!routes)
		return;
	for (unsigned int b = 0; b < HOPS_BUCKETS; b++) {
		struct next_hops *hops;

		while ((hops = routes->hops[b])) {
			routes->hops[b] = hops->next;
			group_close(routes, hops);
			free(hops);
		}
	}
	neighbours_free(routes);
	displaced_free(routes);
	prefixes_free(routes);
	free(routes->gleans);
	free(routes);
}

/* ---- aggregates ---- */

int install_route_aggregate_set(
	struct install_route *routes, uint16_t vrf, const struct ip_prefix *aggregate)
{
	struct prefix *prefix;

	if (vrf >= routes->settings.n_vrfs)
		return -EINVAL;
	prefix = prefix_get(
		routes, vrf, aggregate->addr.family, aggregate->length, aggregate->addr.bytes);
	if (!prefix)
		return -ENOMEM;
	if (prefix->aggregate == UINT8_MAX)
		return -ENOSPC;
	routes->n_aggregates[prefix->length] += !prefix->aggregate++;
	return prefix_update(routes, prefix);
}

int install_route_aggregate_delete(
	struct install_route *routes, uint16_t vrf, const struct ip_prefix *aggregate)
{
	struct prefix *prefix = prefix_find(
		routes, vrf, aggregate->addr.family, aggregate->length, aggregate->addr.bytes);

	if (!prefix || !prefix->aggregate)
		return -ENOENT;
	routes->n_aggregates[prefix->length] -= !--prefix->aggregate;
	return prefix_update(routes, prefix);
}

bool install_route_aggregate_covers(
	const struct install_route *routes, uint16_t vrf, const struct ip_prefix *prefix)
{
	uint8_t masked[16];

	memcpy(masked, prefix->addr.bytes, 16);
	for (int length = prefix->length; length >= 0; length--) {
		const struct prefix *p;

		addr_mask(masked, (unsigned int)length);
		if (!routes->n_aggregates[length])
			continue;
		p = prefix_find(routes, vrf, prefix->addr.family, (uint8_t)length, masked);
		if (p && p->aggregate)
			return true;
	}
	return false;
}

/* ---- the kernel's routes ---- */

static int candidate_insert(struct install_route *routes, struct prefix *prefix,
	const struct install_kernel_route *route, struct next_hops *hops)
{
	struct candidate *c, **at;

	if (!prefix->first.hops) {
		c = &prefix->first;
	} else {
		c = calloc(1, sizeof(*c));
		if (!c)
			return -ENOMEM;
		if (route->metric < prefix->first.metric) {
			*c = prefix->first;
			prefix->first.next = c;
			c = &prefix->first;
		} else {
			at = &prefix->first.next;
			while (*at && (*at)->metric <= route->metric)
				at = &(*at)->next;
			c->next = *at;
			*at = c;
		}
	}
	c->hops = hops;
	c->metric = route->metric;
	c->nexthop = route->nexthop;
	c->protocol = route->protocol;
	c->mark = routes->mark;
	routes->counts.candidates++;
	return 0;
}

/* Returns its next hops, which the caller gives back once the fib no longer points there. */
static struct next_hops *candidate_remove(
	struct install_route *routes, struct prefix *prefix, struct candidate *candidate)
{
	struct next_hops *hops = candidate->hops;
	struct candidate **at, *next;

	if (candidate == &prefix->first) {
		next = candidate->next;
		if (next) {
			prefix->first = *next;
			free(next);
		} else {
			prefix->first.hops = NULL;
		}
	} else {
		at = &prefix->first.next;
		while (*at != candidate)
			at = &(*at)->next;
		*at = candidate->next;
		free(candidate);
	}
	routes->counts.candidates--;
	return hops;
}

static bool route_has_hop(const struct install_kernel_route *route, const struct install_hop *hop)
{
	for (unsigned int i = 0; i < route->n_hops; i++)
		if (hop_same(&route->hops[i], hop))
			return true;
	return false;
}

/* The route as the kernel now has it holds everything that this candidate was (IPv6 siblings). */
static bool candidate_is_part(
	const struct candidate *candidate, const struct install_kernel_route *route)
{
	const struct next_hops *hops = candidate->hops;

	if (hops->kind != INSTALL_UNICAST || route->kind != INSTALL_UNICAST)
		return false;
	for (unsigned int i = 0; i < hops->n; i++)
		if (!hops->hops[i].hop.family || !route_has_hop(route, &hops->hops[i].hop))
			return false;
	return true;
}

static struct candidate *candidate_find(
	struct prefix *prefix, const struct install_kernel_route *route, bool any_hops, bool part)
{
	for (struct candidate *c = &prefix->first; c && c->hops; c = c->next)
		if (c->metric == route->metric &&
			(any_hops || hops_equal(c->hops, route) ||
				(route->nexthop && c->nexthop == route->nexthop) ||
				(part && candidate_is_part(c, route))))
			return c;
	return NULL;
}

static bool route_valid(
	const struct install_route *routes, const struct install_kernel_route *route)
{
	return route->vrf < routes->settings.n_vrfs && route->n_hops <= INSTALL_HOPS_MAX &&
		((route->family == 4 && route->length <= 32) ||
			(route->family == 6 && route->length <= 128));
}

static void route_count(struct install_route *routes, const struct install_kernel_route *route)
{
	unsigned int ours = 0;

	for (unsigned int i = 0; i < route->n_hops; i++)
		ours += route->hops[i].iface < routes->settings.n_ifaces;
	routes->counts.multipath += ours > 1;
	routes->counts.foreign += route->kind == INSTALL_UNICAST && !ours;
}

int install_route_kernel_set(
	struct install_route *routes, const struct install_kernel_route *route, bool replace)
{
	struct next_hops *hops, *old = NULL;
	struct candidate *same;
	struct prefix *prefix;
	int r;

	if (!route_valid(routes, route))
		return -EINVAL;
	/* first: it may change host entries, and with them the table of prefixes */
	hops = hops_get(routes, route);
	if (!hops)
		return -ENOMEM;
	prefix = prefix_get(routes, route->vrf, route->family, route->length, route->addr);
	if (!prefix) {
		hops_put(routes, hops);
		return -ENOMEM;
	}
	same = candidate_find(prefix, route, false, route->family == 6);
	if (!same && replace)
		same = candidate_find(prefix, route, true, false);
	if (same) {
		old = same->hops;
		group_follow(routes, hops, old);
		same->hops = hops;
		same->nexthop = route->nexthop;
		same->protocol = route->protocol;
		same->mark = routes->mark;
		if (old != hops)
			route_count(routes, route);
	} else {
		route_count(routes, route);
		r = candidate_insert(routes, prefix, route, hops);
		if (r < 0) {
			prefix_update(routes, prefix);
			hops_put(routes, hops);
			return r;
		}
	}
	r = prefix_update(routes, prefix);
	if (old)
		hops_put(routes, old);
	return r;
}

/* The kernel took one of several IPv6 next hops away and names only that one. */
static int hop_remove(struct install_route *routes, struct prefix *prefix,
	const struct install_kernel_route *route)
{
	for (struct candidate *c = &prefix->first; c && c->hops; c = c->next) {
		struct install_kernel_route rest = *route;
		struct next_hops *old = c->hops, *hops;

		if (c->metric != route->metric || old->n < 2)
			continue;
		rest.n_hops = 0;
		for (unsigned int i = 0; i < old->n; i++)
			if (!route_has_hop(route, &old->hops[i].hop))
				rest.hops[rest.n_hops++] = old->hops[i].hop;
		if (rest.n_hops == old->n || !rest.n_hops)
			continue;
		rest.kind = old->kind;
		hops = hops_get(routes, &rest);
		if (!hops)
			return -ENOMEM;
		group_follow(routes, hops, old);
		c->hops = hops;
		prefix_update(routes, prefix);
		hops_put(routes, old);
		return 0;
	}
	return -ENOENT;
}

int install_route_kernel_delete(
	struct install_route *routes, const struct install_kernel_route *route)
{
	struct candidate *candidate;
	struct next_hops *old;
	struct prefix *prefix;

	if (!route_valid(routes, route))
		return -EINVAL;
	prefix = prefix_find(routes, route->vrf, route->family, route->length, route->addr);
	if (!prefix || !prefix->first.hops)
		return 0;
	candidate = candidate_find(prefix, route, false, false);
	if (!candidate)
		return route->family == 6 ? hop_remove(routes, prefix, route) : -ENOENT;
	old = candidate_remove(routes, prefix, candidate);
	prefix_update(routes, prefix);
	hops_put(routes, old);
	return 0;
}

/* ---- interfaces, dumps, work in slices ---- */

void install_route_iface_set(
	struct install_route *routes, unsigned int iface, bool up, uint16_t mtu, const uint8_t *mac)
{
	struct install_iface *settings;
	bool header = false;

	if (iface >= routes->settings.n_ifaces)
		return;
	settings = &routes->settings.ifaces[iface];
	if (mtu && mtu != settings->mtu) {
		settings->mtu = mtu;
		header = true;
	}
	if (mac && memcmp(mac, settings->mac, 6)) {
		memcpy(settings->mac, mac, 6);
		header = true;
	}
	for (unsigned int b = 0; header && b < NEIGHBOUR_BUCKETS; b++)
		for (struct neighbour *n = routes->neighbours[b]; n; n = n->next)
			if (n->iface == iface)
				neighbour_header(routes, n);
	if (up != routes->up[iface]) {
		routes->up[iface] = up;
		groups_refresh(routes, NULL, iface);
		scan_add(routes, SCAN_UPDATE);
	}
}

void install_route_mark(struct install_route *routes)
{
	routes->mark++;
	/* an unfinished sweep would take what this dump has not brought yet */
	routes->scan &= ~(unsigned int)(SCAN_SWEEP4 | SCAN_SWEEP6);
}

void install_route_sweep_routes(struct install_route *routes, uint8_t family)
{
	scan_add(routes, family == 4 ? SCAN_SWEEP4 : SCAN_SWEEP6);
}

static void scan_prefix(struct install_route *routes, struct prefix *prefix)
{
	bool sweep = routes->scan & (prefix->family == 4 ? SCAN_SWEEP4 : SCAN_SWEEP6);
	struct candidate *c = &prefix->first;

	while (sweep && c && c->hops) {
		struct next_hops *old;
		bool last;

		if (c->mark == routes->mark) {
			c = c->next;
			continue;
		}
		old = candidate_remove(routes, prefix, c);
		last = !prefix->first.hops; /* then the update may free the prefix */
		prefix_update(routes, prefix);
		hops_put(routes, old);
		if (last)
			return;
		c = &prefix->first;
	}
	if (routes->scan & SCAN_UPDATE)
		prefix_update(routes, prefix);
}

void install_route_retry(struct install_route *routes)
{
	if (!routes->refused)
		return;
	routes->refused = false;
	scan_add(routes, SCAN_UPDATE);
}

bool install_route_poll(struct install_route *routes, unsigned int budget)
{
	unsigned int bits;

	routes->scanning = true;
	while (routes->scan && budget) {
		struct prefix *p, *next;
		uint64_t step;

		if (!routes->scan_left) {
			routes->scan = 0;
			break;
		}
		p = *prefix_bucket(
			routes, routes->scan_bucket << (64 - routes->prefix_bits), &bits);
		/* a bucket of the smaller table is several of the larger one */
		step = UINT64_C(1) << (routes->prefix_bits - bits);
		routes->scan_left -= step;
		routes->scan_bucket += step;
		if (routes->scan_bucket >> routes->prefix_bits)
			routes->scan_bucket = 0;
		for (; p; p = next) {
			next = p->next;
			scan_prefix(routes, p);
			budget -= budget != 0;
		}
		budget -= budget != 0;
	}
	routes->scanning = false;
	if (routes->recheck_hosts && !routes->scan)
		neighbours_recheck(routes);
	return routes->scan != 0;
}

void install_route_counts(const struct install_route *routes, struct install_route_counts *counts)
{
	*counts = routes->counts;
}

/* ---- iterating in the order of the hashes, which neither growing nor changes move ---- */

static uint32_t prefix_rows(const struct prefix *prefix)
{
	uint32_t n = prefix->aggregate != 0;

	for (const struct candidate *c = &prefix->first; c && c->hops; c = c->next)
		n++;
	return n;
}

static void row_fill(const struct install_route *routes, const struct prefix *prefix,
	uint32_t index, struct install_route_row *row)
{
	struct fib *fib = routes->settings.fibs[prefix->vrf];
	const struct candidate *c = &prefix->first;
	bool better = false;
	uint32_t addr4;

	memset(row, 0, sizeof(*row));
	row->route.vrf = prefix->vrf;
	row->route.family = prefix->family;
	row->route.length = prefix->length;
	memcpy(row->route.addr, prefix->addr, 16);
	memcpy(&addr4, prefix->addr, 4);
	row->target = prefix->family == 4 ? fib_get4(fib, addr4, prefix->length)
					  : fib_get6(fib, prefix->addr, prefix->length);
	for (uint32_t i = 0; i < index && c && c->hops; i++, c = c->next)
		better |= hops_target(routes, c->hops) != 0;
	if (!c || !c->hops) {
		row->aggregate = true;
		row->route.kind = INSTALL_UNREACHABLE;
		row->best = !better && row->target == prefix->target;
		return;
	}
	row->route.kind = c->hops->kind;
	row->route.protocol = c->protocol;
	row->route.metric = c->metric;
	row->route.nexthop = c->nexthop;
	row->route.n_hops = c->hops->n;
	for (unsigned int i = 0; i < c->hops->n; i++)
		row->route.hops[i] = c->hops->hops[i].hop;
	row->best = !better && hops_target(routes, c->hops) && row->target == prefix->target;
}

/* The prefix at or behind a position, in its bucket. */
static const struct prefix *prefix_from(
	const struct install_route *routes, uint64_t position, uint64_t *found, unsigned int *bits)
{
	const struct prefix *best = NULL;

	for (const struct prefix *p = *prefix_bucket(routes, position, bits); p; p = p->next) {
		uint64_t hash = prefix_hash(routes, p->vrf, p->family, p->length, p->addr);

		if (hash >= position && (!best || hash < *found)) {
			best = p;
			*found = hash;
		}
	}
	return best;
}

bool install_route_next(const struct install_route *routes, struct install_route_cursor *cursor,
	struct install_route_row *row)
{
	while (!cursor->end) {
		uint64_t found = 0;
		unsigned int bits, shift;
		const struct prefix *prefix = prefix_from(routes, cursor->position, &found, &bits);

		if (prefix && found != cursor->position) {
			cursor->position = found;
			cursor->index = 0;
		}
		if (prefix && cursor->index < prefix_rows(prefix)) {
			row_fill(routes, prefix, cursor->index++, row);
			return true;
		}
		cursor->index = 0;
		shift = 64 - bits;
		cursor->position = prefix ? found + 1 : ((cursor->position >> shift) + 1) << shift;
		cursor->end = cursor->position == 0; /* once round */
	}
	return false;
}
