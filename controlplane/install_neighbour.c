/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbours: the adjacencies of gateways and the host entries of connected subnets.
 */
#include "install_table.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

#define ASK_UNRESOLVED_MS 3000 /* the kernel itself asks three times, a second apart */
#define ASK_STALE_MS      15000

static struct neighbour **neighbour_bucket(
	struct install_route *routes, uint8_t iface, uint8_t family, const uint8_t *addr)
{
	uint64_t hash = install_hash(routes->seed, (uint32_t)iface << 8 | family, addr);

	return &routes->neighbours[hash % NEIGHBOUR_BUCKETS];
}

static struct neighbour *neighbour_find(
	struct install_route *routes, uint8_t iface, uint8_t family, const uint8_t *addr)
{
	struct neighbour *n = *neighbour_bucket(routes, iface, family, addr);

	while (n && (n->iface != iface || n->family != family || memcmp(n->addr, addr, 16)))
		n = n->next;
	return n;
}

struct neighbour *neighbour_get(
	struct install_route *routes, uint8_t iface, uint8_t family, const uint8_t *addr)
{
	struct neighbour **bucket, *n = neighbour_find(routes, iface, family, addr);

	if (n)
		return n;
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->iface = iface;
	n->family = family;
	memcpy(n->addr, addr, 16);
	n->adjacency = -1;
	/* at the end, so that a cursor's count into the bucket still holds */
	bucket = neighbour_bucket(routes, iface, family, addr);
	while (*bucket)
		bucket = &(*bucket)->next;
	*bucket = n;
	return n;
}

static void neighbour_free(struct install_route *routes, struct neighbour *neighbour)
{
	struct neighbour **p =
		neighbour_bucket(routes, neighbour->iface, neighbour->family, neighbour->addr);

	while (*p != neighbour)
		p = &(*p)->next;
	*p = neighbour->next;
	free(neighbour);
}

/* Ethernet, the interface's tags (QinQ: 802.1ad outside), the EtherType of the neighbour's family. */
void neighbour_header(struct install_route *routes, struct neighbour *neighbour)
{
	const struct install_iface *iface = &routes->settings.ifaces[neighbour->iface];
	uint8_t l2[ADJACENCY_L2_MAX], length = 12;

	if (neighbour->adjacency < 0)
		return;
	if (!neighbour->resolved) {
		adjacency_resolve(routes->settings.adjacencies, (uint32_t)neighbour->adjacency,
			NULL, 0, iface->mtu);
		return;
	}
	memcpy(l2, neighbour->lladdr, 6);
	memcpy(l2 + 6, iface->mac, 6);
	if (iface->outer_vlan) {
		l2[length++] = 0x88;
		l2[length++] = 0xa8;
		l2[length++] = (uint8_t)(iface->outer_vlan >> 8);
		l2[length++] = (uint8_t)iface->outer_vlan;
	}
	if (iface->vlan) {
		l2[length++] = 0x81;
		l2[length++] = 0x00;
		l2[length++] = (uint8_t)(iface->vlan >> 8);
		l2[length++] = (uint8_t)iface->vlan;
	}
	l2[length++] = neighbour->family == 6 ? 0x86 : 0x08;
	l2[length++] = neighbour->family == 6 ? 0xdd : 0x00;
	adjacency_resolve(routes->settings.adjacencies, (uint32_t)neighbour->adjacency, l2, length,
		iface->mtu);
}

/* A host entry only where the kernel would send straight to the host: the subnet is on this interface. */
static bool neighbour_is_on_link(struct install_route *routes, const struct neighbour *neighbour)
{
	uint16_t vrf = routes->settings.ifaces[neighbour->iface].vrf;
	int all = neighbour->family == 4 ? 32 : 128;
	const struct prefix *prefix =
		prefix_longest(routes, vrf, neighbour->family, neighbour->addr, all - 1);

	return prefix && prefix->target == fib_target(FIB_GLEAN, neighbour->iface);
}

static bool neighbour_link_local(const struct neighbour *neighbour)
{
	return neighbour->family == 6 && neighbour->addr[0] == 0xfe &&
		(neighbour->addr[1] & 0xc0) == 0x80;
}

static void host_set(struct install_route *routes, struct neighbour *neighbour, bool wanted)
{
	uint16_t vrf = routes->settings.ifaces[neighbour->iface].vrf;
	uint8_t length = neighbour->family == 4 ? 32 : 128;
	struct prefix *prefix;

	if (neighbour->host == wanted)
		return;
	if (wanted) {
		prefix = prefix_get(routes, vrf, neighbour->family, length, neighbour->addr);
		if (!prefix || prefix->host)
			return; /* the same address on another interface: the first one keeps it */
		prefix->host = neighbour;
	} else {
		prefix = prefix_find(routes, vrf, neighbour->family, length, neighbour->addr);
		if (prefix && prefix->host == neighbour)
			prefix->host = NULL;
	}
	neighbour->host = wanted;
	if (prefix)
		prefix_update(routes, prefix);
}

static void ask_set(struct install_route *routes, struct neighbour *neighbour)
{
	bool wanted = neighbour->gateways ? !neighbour->resolved || neighbour->stale
					  : neighbour->host && neighbour->stale;

	if (wanted == neighbour->asking)
		return;
	neighbour->asking = wanted;
	if (wanted)
		TAILQ_INSERT_HEAD(&routes->asking, neighbour, ask);
	else
		TAILQ_REMOVE(&routes->asking, neighbour, ask);
	if (wanted)
		neighbour->next_ask = 0;
}

void neighbour_update(struct install_route *routes, struct neighbour *neighbour)
{
	struct adjacency_table *adjacencies = routes->settings.adjacencies;
	bool host = neighbour->host;

	if (routes->scanning)
		routes->recheck_hosts = true;
	else
		host = neighbour->resolved && !neighbour_link_local(neighbour) &&
			neighbour_is_on_link(routes, neighbour);
	if ((neighbour->gateways || host) && neighbour->adjacency < 0) {
		neighbour->adjacency = adjacency_get(adjacencies, neighbour->iface,
			routes->settings.ifaces[neighbour->iface].vrf, neighbour->family,
			neighbour->addr);
		if (neighbour->adjacency < 0) {
			routes->counts.failures++;
			log_ratelimited(LOG_LEVEL_ERROR, NULL,
				"adjacency table full: a next hop cannot be used");
			host = false;
		} else {
			neighbour_header(routes, neighbour);
		}
	}
	host_set(routes, neighbour, host);
	ask_set(routes, neighbour);
	if (!neighbour->gateways && !neighbour->host && neighbour->adjacency >= 0) {
		adjacency_put(adjacencies, (uint32_t)neighbour->adjacency);
		neighbour->adjacency = -1;
	}
	if (!neighbour->gateways && !neighbour->known && !neighbour->host)
		neighbour_free(routes, neighbour);
}

int install_route_neighbour_set(struct install_route *routes, uint8_t iface, uint8_t family,
	const uint8_t addr[16], const uint8_t lladdr[6], bool stale)
{
	bool was_resolved, changed;
	struct neighbour *n;

	if (iface >= routes->settings.n_ifaces || (family != 4 && family != 6))
		return -EINVAL;
	n = neighbour_get(routes, iface, family, addr);
	if (!n)
		return -ENOMEM;
	routes->counts.neighbours += !n->known;
	n->known = true;
	n->mark = routes->mark;
	was_resolved = n->resolved;
	n->resolved = lladdr != NULL;
	n->stale = lladdr && stale;
	routes->counts.neighbours_resolved += n->resolved;
	routes->counts.neighbours_resolved -= was_resolved;
	changed = was_resolved != n->resolved || (lladdr && memcmp(n->lladdr, lladdr, 6));
	if (lladdr)
		memcpy(n->lladdr, lladdr, 6);
	if (changed)
		neighbour_header(routes, n);
	neighbour_update(routes, n);
	if (was_resolved != n->resolved && n->gateways)
		groups_refresh(routes, n, 0);
	if (lladdr && !was_resolved && routes->resolved)
		routes->resolved(routes->resolved_user, iface, family, addr);
	return 0;
}

static void neighbour_forget(struct install_route *routes, struct neighbour *n)
{
	routes->counts.neighbours--;
	routes->counts.neighbours_resolved -= n->resolved;
	n->known = n->stale = false;
	if (n->resolved) {
		n->resolved = false;
		neighbour_header(routes, n);
		if (n->gateways)
			groups_refresh(routes, n, 0);
	}
	neighbour_update(routes, n);
}

void install_route_neighbour_delete(
	struct install_route *routes, uint8_t iface, uint8_t family, const uint8_t addr[16])
{
	struct neighbour *n = neighbour_find(routes, iface, family, addr);

	if (n && n->known)
		neighbour_forget(routes, n);
}

void install_route_sweep_neighbours(struct install_route *routes)
{
	for (unsigned int b = 0; b < NEIGHBOUR_BUCKETS; b++) {
		struct neighbour *n, *next;

		for (n = routes->neighbours[b]; n; n = next) {
			next = n->next;
			if (n->known && n->mark != routes->mark)
				neighbour_forget(routes, n);
		}
	}
}

void neighbours_recheck(struct install_route *routes)
{
	routes->recheck_hosts = false;
	for (unsigned int b = 0; b < NEIGHBOUR_BUCKETS; b++) {
		struct neighbour *n, *next;

		for (n = routes->neighbours[b]; n; n = next) {
			next = n->next;
			neighbour_update(routes, n);
		}
	}
}

void neighbours_free(struct install_route *routes)
{
	for (unsigned int b = 0; b < NEIGHBOUR_BUCKETS; b++) {
		struct neighbour *n;

		while ((n = routes->neighbours[b])) {
			routes->neighbours[b] = n->next;
			if (n->adjacency >= 0)
				adjacency_put(routes->settings.adjacencies, (uint32_t)n->adjacency);
			free(n);
		}
	}
}

void install_route_unresolved(struct install_route *routes, uint64_t now, unsigned int max,
	install_route_ask *ask, void *user)
{
	struct neighbour *n, *next, *last = TAILQ_LAST(&routes->asking, asking_list);

	for (n = TAILQ_FIRST(&routes->asking); n && max; n = next) {
		next = n == last ? NULL : TAILQ_NEXT(n, ask);
		if (n->next_ask > now || !routes->up[n->iface])
			continue;
		n->next_ask = now + (n->resolved ? ASK_STALE_MS : ASK_UNRESOLVED_MS);
		/* to the end, so that the next call with a small max goes on with the others */
		TAILQ_REMOVE(&routes->asking, n, ask);
		TAILQ_INSERT_TAIL(&routes->asking, n, ask);
		max--;
		ask(user, n->iface, n->family, n->addr);
	}
}

void install_route_on_resolved(
	struct install_route *routes, install_route_resolved *resolved, void *user)
{
	routes->resolved = resolved;
	routes->resolved_user = user;
}

bool install_neighbour_next(const struct install_route *routes, struct install_route_cursor *cursor,
	struct install_neighbour_row *row)
{
	for (; cursor->position < NEIGHBOUR_BUCKETS; cursor->position++, cursor->index = 0) {
		const struct neighbour *n = routes->neighbours[cursor->position];

		for (uint32_t i = 0; n && i < cursor->index; i++)
			n = n->next;
		if (!n)
			continue;
		cursor->index++;
		memset(row, 0, sizeof(*row));
		row->iface = n->iface;
		row->family = n->family;
		memcpy(row->addr, n->addr, 16);
		memcpy(row->lladdr, n->lladdr, 6);
		row->resolved = n->resolved;
		row->stale = n->stale;
		row->gateway = n->gateways != 0;
		row->host = n->host;
		return true;
	}
	return false;
}
