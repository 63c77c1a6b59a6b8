/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sets of next hops, shared by the routes that use them.
 */
#include "install_table.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hops_hash(
	const struct install_route *routes, const struct install_kernel_route *route)
{
	uint64_t h = install_mix(routes->seed ^ (uint64_t)route->kind << 8 ^ route->n_hops);

	for (unsigned int i = 0; i < route->n_hops; i++) {
		const struct install_hop *hop = &route->hops[i];
		uint32_t key = (uint32_t)hop->iface << 16 | (uint32_t)hop->family << 8 |
			hop->weight;

		h = install_hash(h, key ^ (uint32_t)hop->dead << 24, hop->gateway);
	}
	return h;
}

static bool hop_equal(const struct install_hop *a, const struct install_hop *b)
{
	return a->iface == b->iface && a->family == b->family && a->dead == b->dead &&
		a->weight == b->weight && memcmp(a->gateway, b->gateway, sizeof(a->gateway)) == 0;
}

bool hop_same(const struct install_hop *a, const struct install_hop *b)
{
	return a->iface == b->iface && a->family == b->family &&
		memcmp(a->gateway, b->gateway, sizeof(a->gateway)) == 0;
}

bool hops_equal(const struct next_hops *hops, const struct install_kernel_route *route)
{
	if (hops->kind != route->kind || hops->n != route->n_hops)
		return false;
	for (unsigned int i = 0; i < hops->n; i++) {
		struct install_hop a = hops->hops[i].hop, b = route->hops[i];

		/* a deletion's flags are those of its moment, not of the route's addition */
		a.dead = b.dead = 0;
		if (!hop_equal(&a, &b))
			return false;
	}
	return true;
}

struct next_hops *hops_get(struct install_route *routes, const struct install_kernel_route *route)
{
	uint64_t hash = hops_hash(routes, route);
	struct next_hops **bucket = &routes->hops[hash % HOPS_BUCKETS], *hops;

	for (hops = *bucket; hops; hops = hops->next) {
		bool same = hops->hash == hash && hops->kind == route->kind &&
			hops->n == route->n_hops;

		for (unsigned int i = 0; same && i < hops->n; i++)
			same = hop_equal(&hops->hops[i].hop, &route->hops[i]);
		if (same) {
			hops->references++;
			return hops;
		}
	}
	hops = calloc(1, sizeof(*hops) + route->n_hops * sizeof(hops->hops[0]));
	if (!hops)
		return NULL;
	hops->hash = hash;
	hops->group = -1;
	hops->references = 1;
	hops->kind = route->kind;
	for (unsigned int i = 0; i < route->n_hops; i++) {
		const struct install_hop *hop = &route->hops[i];

		hops->hops[i].hop = *hop;
		if (hop->family && hop->iface < routes->settings.n_ifaces) {
			struct neighbour *gateway =
				neighbour_get(routes, hop->iface, hop->family, hop->gateway);

			if (!gateway) {
				hops_put(routes, hops);
				return NULL;
			}
			hops->hops[i].gateway = gateway;
			gateway->gateways++;
			neighbour_update(routes, gateway);
		}
		hops->n++;
	}
	hops->next = *bucket;
	*bucket = hops;
	routes->counts.next_hops++;
	group_open(routes, hops);
	return hops;
}

void hops_put(struct install_route *routes, struct next_hops *hops)
{
	if (--hops->references)
		return;
	for (struct next_hops **p = &routes->hops[hops->hash % HOPS_BUCKETS]; *p; p = &(*p)->next) {
		if (*p == hops) {
			*p = hops->next;
			routes->counts.next_hops--;
			break;
		}
	}
	group_close(routes, hops);
	for (unsigned int i = 0; i < hops->n; i++) {
		struct neighbour *gateway = hops->hops[i].gateway;

		if (gateway) {
			gateway->gateways--;
			neighbour_update(routes, gateway);
		}
	}
	free(hops);
}

uint32_t hops_target(const struct install_route *routes, const struct next_hops *hops)
{
	switch ((enum install_kind)hops->kind) {
	case INSTALL_LOCAL:
		return fib_target(FIB_LOCAL, 0);
	case INSTALL_BLACKHOLE:
		return fib_target(FIB_UNREACHABLE, FIB_BLACKHOLE);
	case INSTALL_UNREACHABLE:
		return fib_target(FIB_UNREACHABLE, FIB_UNREACH);
	case INSTALL_PROHIBIT:
		return fib_target(FIB_UNREACHABLE, FIB_PROHIBIT);
	case INSTALL_UNICAST:
		break;
	}
	if (hops->group < 0)
		return hops_first(routes, hops);
	return hops_first(routes, hops) ? fib_target(FIB_GROUP, (uint32_t)hops->group) : 0;
}
