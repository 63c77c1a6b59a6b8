/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 of subscribers: names into indices, and prefixes checked against each other, per VRF. */
#include "draft.h"
#include "address.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define POOL_BITS_MAX 24 /* prefixes of one pool's network, as a power of two */

int draft_prefix_pool(struct config_draft *draft, struct draft_place place)
{
	const struct config *config = draft->config;

	return draft_reference(draft, place, config->prefix_pools, sizeof(*config->prefix_pools),
		config->n_prefix_pools, "prefix pool");
}

void draft_ipv6_resolve(struct config_draft *draft)
{
	struct config *config = draft->config;
	struct config_ipv6 *ipv6 = &config->ipv6;

	for (unsigned int i = 0; i < config->n_prefix_pools; i++) {
		struct draft_place place =
			place_item("prefix-pools", draft->prefix_pools, i, "vrf");
		int vrf = draft_reference(
			draft, place, config->vrfs, sizeof(*config->vrfs), config->n_vrfs, "VRF");

		config->prefix_pools[i].vrf = vrf == -1 ? 0
			: vrf < 0                       ? DRAFT_VRF_UNKNOWN
							: (unsigned int)vrf;
		config->prefix_pools[i].line = draft->prefix_pools[i]->line;
	}
	ipv6->pool = draft_prefix_pool(draft, place_key("ipv6", "pool"));
	ipv6->delegated_pool = draft_prefix_pool(draft, place_key("ipv6", "delegated-pool"));
	ipv6->address_pool = draft_prefix_pool(draft, place_key("ipv6", "address-pool"));
	for (unsigned int i = 0; i < config->n_users; i++) {
		struct config_user *user = &config->users[i];

		user->ipv6_pool =
			draft_prefix_pool(draft, place_item("users", draft->users, i, "ipv6-pool"));
		user->ipv6_delegated_pool = draft_prefix_pool(
			draft, place_item("users", draft->users, i, "ipv6-delegated-pool"));
	}
}

/* The prefixes of a pool have the length that its use needs. */
void draft_prefix_pool_check(struct config_draft *draft, struct draft_place place, int pool,
	unsigned int low, unsigned int high)
{
	const struct config_prefix_pool *named;
	char expected[32];

	if (pool < 0)
		return;
	named = &draft->config->prefix_pools[pool];
	if (named->length >= low && named->length <= high)
		return;
	if (low == high)
		snprintf(expected, sizeof(expected), "%u", low);
	else
		snprintf(expected, sizeof(expected), "%u to %u", low, high);
	draft_error(draft, place, "prefix pool %s has length %u, expected one of length %s",
		named->name, named->length, expected);
}

static void check_user_pool(
	struct config_draft *draft, unsigned int index, const char *key, int pool, bool fixed)
{
	const struct config *config = draft->config;
	const struct config_user *user = &config->users[index];
	struct draft_place place = place_item("users", draft->users, index, key);

	if (pool < 0)
		return;
	if (fixed)
		draft_error(draft, place, "given beside a fixed prefix, expected one of the two");
	if (user->vrf != DRAFT_VRF_UNKNOWN && config->prefix_pools[pool].vrf != DRAFT_VRF_UNKNOWN &&
		user->vrf != config->prefix_pools[pool].vrf)
		draft_error(draft, place,
			"prefix pool %s is in VRF %s, expected one in the user's VRF %s",
			config->prefix_pools[pool].name,
			config->vrfs[config->prefix_pools[pool].vrf].name,
			config->vrfs[user->vrf].name);
}

static void check_users(struct config_draft *draft)
{
	const struct config *config = draft->config;

	for (unsigned int i = 0; i < config->n_users; i++) {
		const struct config_user *user = &config->users[i];

		check_user_pool(
			draft, i, "ipv6-pool", user->ipv6_pool, user->ipv6_prefix.addr.family);
		check_user_pool(draft, i, "ipv6-delegated-pool", user->ipv6_delegated_pool,
			user->ipv6_delegated.addr.family);
		draft_prefix_pool_check(draft, place_item("users", draft->users, i, "ipv6-pool"),
			user->ipv6_pool, 64, 64);
		draft_prefix_pool_check(draft,
			place_item("users", draft->users, i, "ipv6-delegated-pool"),
			user->ipv6_delegated_pool, 48, 64);
		if (!user->wildcard)
			continue;
		if (user->ipv6_prefix.addr.family)
			draft_error(draft, place_item("users", draft->users, i, "ipv6-prefix"),
				"a fixed prefix for a wildcard, expected a pool");
		if (user->ipv6_delegated.addr.family)
			draft_error(draft, place_item("users", draft->users, i, "ipv6-delegated"),
				"a fixed prefix for a wildcard, expected a pool");
		if (user->ipv6_address.family)
			draft_error(draft, place_item("users", draft->users, i, "ipv6-address"),
				"a fixed address for a wildcard, expected ipv6.address-pool");
	}
}

static void check_pools(struct config_draft *draft)
{
	const struct config *config = draft->config;

	for (unsigned int i = 0; i < config->n_prefix_pools; i++) {
		const struct config_prefix_pool *pool = &config->prefix_pools[i];

		if (pool->length > 64 && pool->length < 128)
			draft_error(draft,
				place_item("prefix-pools", draft->prefix_pools, i, "length"),
				"%u, expected 48 to 64, or 128 for single addresses", pool->length);
		for (unsigned int j = 0; j < pool->n_prefixes; j++) {
			const struct ip_prefix *prefix = &pool->prefixes[j];
			char text[50];

			if (prefix->addr.family &&
				(prefix->length > pool->length ||
					pool->length - prefix->length > POOL_BITS_MAX))
				draft_error(draft,
					place_element("prefix-pools", draft->prefix_pools, i,
						"prefixes", j),
					"%s, expected a network of %u to %u bits (length is %u)",
					ip_prefix_text(prefix, text), pool->length - POOL_BITS_MAX,
					pool->length, pool->length);
		}
	}
}

/* ---- who holds which part of the address space ---- */

enum holder { HOLDER_INTERFACE, HOLDER_POOL, HOLDER_USER, HOLDER_ROUTE };

struct span {
	unsigned int vrf;
	struct ip_range range;
	uint8_t length;
	enum holder holder;
	unsigned int index, element; /* of the interface, pool or user */
	const char *key;
};

struct spans {
	unsigned int n, room;
	struct span *span;
};

static int span_add(struct spans *spans, struct span span, const struct ip_prefix *prefix)
{
	if (prefix->addr.family != 6 || span.vrf == DRAFT_VRF_UNKNOWN)
		return 0;
	if (spans->n == spans->room) {
		unsigned int room = spans->room ? spans->room * 2 : 64;
		struct span *more = realloc(spans->span, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		spans->span = more;
		spans->room = room;
	}
	span.range = ip_prefix_range(prefix);
	span.length = prefix->length;
	spans->span[spans->n++] = span;
	return 0;
}

static int spans_make(const struct config *config, struct spans *spans)
{
	int rc = 0;

	for (unsigned int i = 0; i < config->n_interfaces; i++)
		for (unsigned int j = 0; j < config->interfaces[i].n_addresses; j++)
			if (!ip_addr_link_local(&config->interfaces[i].addresses[j].addr))
				rc |= span_add(spans,
					(struct span){.vrf = config->interfaces[i].vrf,
						.holder = HOLDER_INTERFACE,
						.index = i},
					&config->interfaces[i].addresses[j]);
	for (unsigned int i = 0; i < config->n_prefix_pools; i++)
		for (unsigned int j = 0; j < config->prefix_pools[i].n_prefixes; j++)
			rc |= span_add(spans,
				(struct span){.vrf = config->prefix_pools[i].vrf,
					.holder = HOLDER_POOL,
					.index = i,
					.element = j},
				&config->prefix_pools[i].prefixes[j]);
	for (unsigned int i = 0; i < config->n_users; i++) {
		const struct config_user *user = &config->users[i];
		struct ip_prefix address = {.addr = user->ipv6_address, .length = 128};
		struct span span = {.vrf = user->vrf, .holder = HOLDER_USER, .index = i};

		span.key = "ipv6-prefix";
		rc |= span_add(spans, span, &user->ipv6_prefix);
		span.key = "ipv6-delegated";
		rc |= span_add(spans, span, &user->ipv6_delegated);
		span.key = "ipv6-address";
		rc |= span_add(spans, span, &address);
		span.holder = HOLDER_ROUTE;
		for (span.element = 0; span.element < user->n_routes; span.element++)
			rc |= span_add(spans, span, &user->routes[span.element].prefix);
	}
	return rc;
}

static int span_order(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	int order;

	if (x->vrf != y->vrf)
		return x->vrf < y->vrf ? -1 : 1;
	order = ip_addr_compare(&x->range.first, &y->range.first);
	if (order)
		return order;
	if (x->length != y->length)
		return x->length < y->length ? -1 : 1;
	if (x->holder != y->holder)
		return x->holder < y->holder ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static struct draft_place span_place(const struct config_draft *draft, const struct span *span)
{
	switch (span->holder) {
	case HOLDER_POOL:
		return place_element("prefix-pools", draft->prefix_pools, span->index, "prefixes",
			span->element);
	case HOLDER_ROUTE:
		return place_element("users", draft->users, span->index, "routes", span->element);
	default:
		return place_item("users", draft->users, span->index, span->key);
	}
}

/* May these two overlap? outer holds all of inner, or is the same. */
static bool spans_fit(
	const struct config *config, const struct span *outer, const struct span *inner)
{
	if (outer->holder == HOLDER_INTERFACE && inner->holder == HOLDER_INTERFACE)
		return true; /* for whoever checks the interfaces to say */
	if (outer->holder == HOLDER_ROUTE && inner->holder == HOLDER_ROUTE)
		return outer->length != inner->length || outer->index == inner->index;
	/* an address of the user's own link or network */
	if (outer->holder == HOLDER_USER && inner->holder == HOLDER_USER)
		return outer->index == inner->index && inner->length == 128 && outer->length < 128;
	/* one of the pool's: it is never given to others */
	return outer->holder == HOLDER_POOL && inner->holder == HOLDER_USER &&
		config->prefix_pools[outer->index].length == inner->length;
}

static void span_refuse(struct config_draft *draft, const struct span *a, const struct span *b)
{
	const struct config *config = draft->config;
	/* the one to be blamed: a user rather than a pool rather than an interface, then the later one */
	bool swap = a->holder > b->holder || (a->holder == b->holder && a->index > b->index);
	const struct span *blamed = swap ? a : b, *other = swap ? b : a;
	struct ip_prefix prefix = {.addr = blamed->range.first, .length = blamed->length};
	char text[50], who[CONFIG_NAME_MAX + 40];

	if (other->holder == HOLDER_INTERFACE)
		snprintf(who, sizeof(who), "the subnet of interface %s",
			config->interfaces[other->index].name);
	else if (other->holder == HOLDER_POOL)
		snprintf(who, sizeof(who), "prefix pool %s",
			config->prefix_pools[other->index].name);
	else
		snprintf(who, sizeof(who), "what the user of line %u has",
			draft->users[other->index]->line);
	draft_error(draft, span_place(draft, blamed), "%s overlaps %s, expected %s",
		ip_prefix_text(&prefix, text), who,
		other->holder == HOLDER_POOL && blamed->holder == HOLDER_USER
			? "a prefix of the pool's length, or one apart from it"
			: "a network apart from it");
}

/* Prefixes are apart or one inside the other: what is open at a place is a stack. */
static int check_spans(struct config_draft *draft)
{
	struct spans spans = {0};
	unsigned int depth = 0, *open;
	int rc = spans_make(draft->config, &spans);

	open = calloc(spans.n + 1ul, sizeof(*open));
	if (rc || !open) {
		free(spans.span);
		free(open);
		return -ENOMEM;
	}
	if (spans.n)
		qsort(spans.span, spans.n, sizeof(*spans.span), span_order);
	for (unsigned int i = 0; i < spans.n; i++) {
		const struct span *span = &spans.span[i];

		while (depth &&
			(spans.span[open[depth - 1]].vrf != span->vrf ||
				ip_addr_compare(&spans.span[open[depth - 1]].range.last,
					&span->range.first) < 0))
			depth--;
		for (unsigned int d = depth; d > 0; d--) {
			const struct span *outer = &spans.span[open[d - 1]];

			if (spans_fit(draft->config, outer, span))
				continue;
			span_refuse(draft, outer, span);
			break;
		}
		open[depth++] = i;
	}
	free(spans.span);
	free(open);
	return 0;
}

int draft_ipv6_check(struct config_draft *draft)
{
	const struct config_ipv6 *ipv6 = &draft->config->ipv6;

	draft_prefix_pool_check(draft, place_key("ipv6", "pool"), ipv6->pool, 64, 64);
	draft_prefix_pool_check(
		draft, place_key("ipv6", "delegated-pool"), ipv6->delegated_pool, 48, 64);
	draft_prefix_pool_check(
		draft, place_key("ipv6", "address-pool"), ipv6->address_pool, 128, 128);
	if (ipv6->preferred_lifetime > ipv6->valid_lifetime)
		draft_error(draft, place_key("ipv6", "preferred-lifetime"),
			"%u s, expected no more than valid-lifetime (%u s)",
			ipv6->preferred_lifetime, ipv6->valid_lifetime);
	if (ipv6->ra_lifetime && ipv6->ra_lifetime < ipv6->ra_interval)
		draft_error(draft, place_key("ipv6", "ra-lifetime"),
			"%u s, expected 0 or no less than ra-interval (%u s)", ipv6->ra_lifetime,
			ipv6->ra_interval);
	/* a host must hear of a prefix again before it is over */
	if (ipv6->valid_lifetime < ipv6->ra_interval)
		draft_error(draft, place_key("ipv6", "valid-lifetime"),
			"%u s, expected no less than ra-interval (%u s)", ipv6->valid_lifetime,
			ipv6->ra_interval);
	check_pools(draft);
	check_users(draft);
	return check_spans(draft);
}
