/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks addresses against each other: subnets, pools, users, the local address; per VRF. */
#include "draft.h"
#include "address.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A range that somebody holds in a VRF. */
struct span {
	unsigned int vrf;
	struct ip_range range;
	unsigned int owner, element; /* which interface, pool or user; which of its addresses */
};

struct spans {
	unsigned int n;
	struct span *span;
};

static int span_order(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	int order;

	if (x->vrf != y->vrf)
		return x->vrf < y->vrf ? -1 : 1;
	order = ip_addr_compare(&x->range.first, &y->range.first);
	if (!order)
		order = -ip_addr_compare(&x->range.last, &y->range.last);
	if (order)
		return order;
	if (x->owner != y->owner)
		return x->owner < y->owner ? -1 : 1;
	return x->element < y->element ? -1 : 1;
}

static char *span_text(const struct span *span, char *buffer)
{
	char first[50], last[50];

	sprintf(buffer, "%s-%s", ip_addr_text(&span->range.first, first),
		ip_addr_text(&span->range.last, last));
	return buffer;
}

static int subnets_make(const struct config *config, struct spans *spans)
{
	unsigned int i, j, n = 0;

	for (i = 0; i < config->n_interfaces; i++)
		n += config->interfaces[i].n_addresses;
	spans->span = calloc(n + 1, sizeof(*spans->span));
	if (!spans->span)
		return -ENOMEM;
	for (i = 0; i < config->n_interfaces; i++) {
		const struct config_interface *interface = &config->interfaces[i];

		for (j = 0; j < interface->n_addresses; j++) {
			const struct ip_prefix *prefix = &interface->addresses[j];

			if (prefix->addr.family && interface->vrf != DRAFT_VRF_UNKNOWN)
				spans->span[spans->n++] = (struct span){
					interface->vrf, ip_prefix_range(prefix), i, j};
		}
	}
	return 0;
}

static int pools_make(const struct config *config, struct spans *spans)
{
	unsigned int i, j, n = 0;

	for (i = 0; i < config->n_pools; i++)
		n += config->pools[i].n_ranges;
	spans->span = calloc(n + 1, sizeof(*spans->span));
	if (!spans->span)
		return -ENOMEM;
	for (i = 0; i < config->n_pools; i++) {
		const struct config_pool *pool = &config->pools[i];

		for (j = 0; j < pool->n_ranges; j++)
			if (pool->ranges[j].first.family && pool->vrf != DRAFT_VRF_UNKNOWN)
				spans->span[spans->n++] =
					(struct span){pool->vrf, pool->ranges[j], i, j};
	}
	qsort(spans->span, spans->n, sizeof(*spans->span), span_order);
	return 0;
}

/* The subnet that overlaps a range, NULL if none does. */
static const struct span *subnet_find(
	const struct spans *subnets, unsigned int vrf, const struct ip_range *range)
{
	unsigned int i;

	for (i = 0; i < subnets->n; i++)
		if (subnets->span[i].vrf == vrf &&
			ip_range_overlaps(&subnets->span[i].range, range))
			return &subnets->span[i];
	return NULL;
}

/* The pool's range that overlaps, NULL if none does; pools are sorted and apart from each other. */
static const struct span *pool_find(
	const struct spans *pools, unsigned int vrf, const struct ip_range *range)
{
	unsigned int low = 0, high = pools->n;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;
		const struct span *span = &pools->span[middle];

		if (span->vrf < vrf ||
			(span->vrf == vrf &&
				ip_addr_compare(&span->range.first, &range->last) <= 0))
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || pools->span[low - 1].vrf != vrf ||
		!ip_range_overlaps(&pools->span[low - 1].range, range))
		return NULL;
	return &pools->span[low - 1];
}

static const char *interface_name(const struct config *config, const struct span *span)
{
	return config->interfaces[span->owner].name;
}

static void check_subnets(struct config_draft *draft, const struct spans *subnets)
{
	const struct config *config = draft->config;
	unsigned int i, j;

	for (i = 0; i < subnets->n; i++) {
		const struct span *span = &subnets->span[i];
		const struct ip_prefix *prefix =
			&config->interfaces[span->owner].addresses[span->element];
		struct draft_place place = place_element(
			"interfaces", draft->interfaces, span->owner, "addresses", span->element);
		char text[50];

		for (j = 0; j < i; j++) {
			const struct span *other = &subnets->span[j];
			const struct ip_prefix *taken =
				&config->interfaces[other->owner].addresses[other->element];

			if (other->vrf != span->vrf)
				continue;
			if (!ip_addr_compare(&taken->addr, &prefix->addr) &&
				!(ip_addr_link_local(&prefix->addr) && prefix->addr.family == 6 &&
					other->owner != span->owner)) {
				draft_error(draft, place,
					"%s, expected an address that stands once (interface %s "
					"has "
					"it)",
					ip_prefix_text(prefix, text),
					interface_name(config, other));
				break;
			}
			/* Two addresses of one subnet on one interface are fine, link-local ones always. */
			if (other->owner == span->owner || ip_addr_link_local(&prefix->addr) ||
				!ip_range_overlaps(&other->range, &span->range))
				continue;
			draft_error(draft, place,
				"%s overlaps the subnet of interface %s, expected a subnet of its "
				"own",
				ip_prefix_text(prefix, text), interface_name(config, other));
			break;
		}
	}
}

static void check_neighbours(struct config_draft *draft)
{
	const struct config *config = draft->config;
	unsigned int i, j, k;

	for (i = 0; i < config->n_interfaces; i++) {
		const struct config_interface *interface = &config->interfaces[i];

		for (j = 0; j < interface->n_neighbours; j++) {
			const struct ip_addr *addr = &interface->neighbours[j].addr;
			struct draft_place place =
				place_element("interfaces", draft->interfaces, i, "neighbours", j);
			bool on_link = addr->family == 6 && ip_addr_link_local(addr);
			char text[50];

			if (!addr->family)
				continue;
			for (k = 0; k < interface->n_addresses; k++) {
				on_link |= ip_prefix_holds(&interface->addresses[k], addr);
				if (!ip_addr_compare(&interface->addresses[k].addr, addr))
					draft_error(draft, place,
						"%s, expected a neighbour's address (it is our "
						"own)",
						ip_addr_text(addr, text));
			}
			if (!on_link)
				draft_error(draft, place,
					"%s, expected an address in a subnet of the interface",
					ip_addr_text(addr, text));
			for (k = 0; k < j; k++)
				if (!ip_addr_compare(&interface->neighbours[k].addr, addr))
					break;
			if (k < j)
				draft_error(draft, place, "%s, expected each neighbour only once",
					ip_addr_text(addr, text));
		}
	}
}

static void check_pools(
	struct config_draft *draft, const struct spans *pools, const struct spans *subnets)
{
	const struct config *config = draft->config;
	const struct span *widest = NULL;
	unsigned int i;
	char text[110];

	for (i = 0; i < pools->n; i++) {
		const struct span *span = &pools->span[i], *later = span, *other = widest;
		const struct span *subnet = subnet_find(subnets, span->vrf, &span->range);

		if (subnet)
			draft_error(draft,
				place_element("pools", draft->pools, span->owner, "ranges",
					span->element),
				"%s overlaps the subnet of interface %s, expected a range apart "
				"from it",
				span_text(span, text), interface_name(config, subnet));
		/* Sorted by first address: whoever overlaps also overlaps the one that reaches farthest. */
		if (widest && widest->vrf == span->vrf &&
			ip_range_overlaps(&widest->range, &span->range)) {
			if (other->owner > span->owner ||
				(other->owner == span->owner && other->element > span->element)) {
				later = widest;
				other = span;
			}
			draft_error(draft,
				place_element("pools", draft->pools, later->owner, "ranges",
					later->element),
				"%s overlaps a range of pool %s, expected each address once",
				span_text(later, text), config->pools[other->owner].name);
		}
		if (!widest || widest->vrf != span->vrf ||
			ip_addr_compare(&widest->range.last, &span->range.last) < 0)
			widest = span;
	}
}

static void check_local_address(struct config_draft *draft, const struct spans *subnets)
{
	const struct config *config = draft->config;
	const struct ip_addr *local = &config->subscribers.local_address;
	struct draft_place place = place_key("subscribers", "local-address");
	unsigned int i;
	char text[50];

	if (!local->family) {
		bool broken = !config->n_interfaces;

		/* An interface that could not be read may well be the one with the address. */
		for (i = 0; i < config->n_interfaces; i++) {
			const struct config_interface *interface = &config->interfaces[i];
			unsigned int j;

			broken |= !interface->n_addresses;
			for (j = 0; j < interface->n_addresses; j++)
				broken |= !interface->addresses[j].addr.family;
		}
		if (!draft_given(draft, place) && !(broken && draft->reader->errors->n))
			draft_error(draft, place,
				"not given, expected an IPv4 address (no interface has one to "
				"borrow)");
		return;
	}
	for (i = 0; i < subnets->n; i++) {
		const struct span *span = &subnets->span[i];

		if (!ip_addr_compare(
			    &config->interfaces[span->owner].addresses[span->element].addr, local))
			return;
	}
	for (i = 0; i < subnets->n; i++) {
		if (!ip_range_holds(&subnets->span[i].range, local))
			continue;
		draft_error(draft, place,
			"%s is in the subnet of interface %s, expected that interface's own "
			"address "
			"or one outside",
			ip_addr_text(local, text), interface_name(config, &subnets->span[i]));
		return;
	}
}

static void check_user_address(
	struct config_draft *draft, unsigned int index, const struct spans *subnets)
{
	const struct config *config = draft->config;
	const struct config_user *user = &config->users[index];
	struct draft_place place = place_item("users", draft->users, index, "address");
	struct ip_range range = {user->address, user->address};
	const struct span *subnet = subnet_find(subnets, user->vrf, &range);
	char text[50];

	if (subnet)
		draft_error(draft, place,
			"%s is in the subnet of interface %s, expected an address outside",
			ip_addr_text(&user->address, text), interface_name(config, subnet));
	else if (!ip_addr_compare(&user->address, &config->subscribers.local_address))
		draft_error(draft, place,
			"%s, expected an address other than subscribers.local-address",
			ip_addr_text(&user->address, text));
}

static void check_user_routes(struct config_draft *draft, unsigned int index,
	const struct spans *pools, const struct spans *subnets)
{
	const struct config *config = draft->config;
	const struct config_user *user = &config->users[index];
	unsigned int i;
	char text[50];

	for (i = 0; i < user->n_routes; i++) {
		const struct ip_prefix *prefix = &user->routes[i].prefix;
		struct draft_place place = place_element("users", draft->users, index, "routes", i);
		const struct span *found;
		struct ip_range range;

		if (!prefix->addr.family)
			continue;
		range = ip_prefix_range(prefix);
		found = subnet_find(subnets, user->vrf, &range);
		if (found) {
			draft_error(draft, place,
				"%s overlaps the subnet of interface %s, expected a network apart "
				"from "
				"it",
				ip_prefix_text(prefix, text), interface_name(config, found));
			continue;
		}
		found = pool_find(pools, user->vrf, &range);
		if (found)
			draft_error(draft, place,
				"%s overlaps pool %s, expected a network apart from it",
				ip_prefix_text(prefix, text), config->pools[found->owner].name);
		else if (ip_prefix_holds(prefix, &config->subscribers.local_address))
			draft_error(draft, place,
				"%s holds subscribers.local-address, expected a network apart from "
				"it",
				ip_prefix_text(prefix, text));
	}
}

/* Two users with the same address or the same route would take it from each other. */
static int check_users_apart(struct config_draft *draft, bool routes)
{
	const struct config *config = draft->config;
	struct spans spans = {0};
	unsigned int i, j, n = 0;

	for (i = 0; i < config->n_users; i++)
		n += routes ? config->users[i].n_routes : 1;
	spans.span = calloc((size_t)n + 1, sizeof(*spans.span));
	if (!spans.span)
		return -ENOMEM;
	for (i = 0; i < config->n_users; i++) {
		const struct config_user *user = &config->users[i];

		if (user->vrf == DRAFT_VRF_UNKNOWN)
			continue;
		for (j = 0; routes && j < user->n_routes; j++)
			if (user->routes[j].prefix.addr.family)
				spans.span[spans.n++] = (struct span){
					user->vrf, ip_prefix_range(&user->routes[j].prefix), i, j};
		if (!routes && user->address.family)
			spans.span[spans.n++] =
				(struct span){user->vrf, {user->address, user->address}, i, 0};
	}
	qsort(spans.span, spans.n, sizeof(*spans.span), span_order);
	for (i = 1; i < spans.n; i++) {
		const struct span *a = &spans.span[i - 1], *b = &spans.span[i];
		char text[110];

		if (a->vrf != b->vrf || ip_addr_compare(&a->range.first, &b->range.first) ||
			ip_addr_compare(&a->range.last, &b->range.last))
			continue;
		if (routes)
			draft_error(draft,
				place_element(
					"users", draft->users, b->owner, "routes", b->element),
				"%s, expected each network only once (line %u has it)",
				ip_prefix_text(
					&config->users[b->owner].routes[b->element].prefix, text),
				draft->users[a->owner]->line);
		else
			draft_error(draft, place_item("users", draft->users, b->owner, "address"),
				"%s, expected an address that no other user has (line %u has it)",
				ip_addr_text(&b->range.first, text), draft->users[a->owner]->line);
	}
	free(spans.span);
	return 0;
}

/* Does every source of a peer lie within another's, whose pattern takes any name? */
static bool peer_hides(const struct config_peer *first, const struct config_peer *later)
{
	unsigned int i, j;

	if (strcmp(first->host_name, "*") || !later->n_sources)
		return false;
	for (i = 0; i < later->n_sources; i++) {
		const struct ip_prefix *source = &later->sources[i];

		for (j = 0; j < first->n_sources; j++)
			if (first->sources[j].length <= source->length &&
				ip_prefix_holds(&first->sources[j], &source->addr))
				break;
		if (j == first->n_sources)
			return false;
	}
	return true;
}

static void check_peer_order(struct config_draft *draft)
{
	const struct config *config = draft->config;
	unsigned int i, j;

	for (i = 1; i < config->n_peers; i++) {
		for (j = 0; j < i; j++) {
			if (!peer_hides(&config->peers[j], &config->peers[i]))
				continue;
			draft_error(draft, place_item("peers", draft->peers, i, "sources"),
				"never reached, expected before peer %s, which takes all of these "
				"(line %u)",
				config->peers[j].name, draft->peers[j]->line);
			break;
		}
	}
}

int draft_check_addresses(struct config_draft *draft)
{
	const struct config *config = draft->config;
	struct spans subnets = {0}, pools = {0};
	int ret = -ENOMEM;
	unsigned int i;

	if (subnets_make(config, &subnets) || pools_make(config, &pools))
		goto out;
	check_subnets(draft, &subnets);
	check_neighbours(draft);
	check_pools(draft, &pools, &subnets);
	check_local_address(draft, &subnets);
	for (i = 0; i < config->n_users; i++) {
		if (config->users[i].vrf == DRAFT_VRF_UNKNOWN)
			continue;
		if (config->users[i].address.family)
			check_user_address(draft, i, &subnets);
		check_user_routes(draft, i, &pools, &subnets);
	}
	if (check_users_apart(draft, false) || check_users_apart(draft, true))
		goto out;
	check_peer_order(draft);
	ret = 0;
out:
	free(subnets.span);
	free(pools.span);
	return ret;
}
