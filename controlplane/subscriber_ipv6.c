/* SPDX-License-Identifier: BSD-3-Clause */
/* A subscriber's IPv6: prefixes and address. */
#include "subscriber_ipv6.h"

#include "lns.h"
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const part_names[IPV6_PARTS] = {
	[IPV6_LINK] = "prefix",
	[IPV6_DELEGATED] = "delegated prefix",
	[IPV6_ADDRESS] = "address",
};

int ipv6_state_init(
	struct ipv6_state *state, const struct subscribers *subscribers, const char *host_name)
{
	uint8_t secret[DHCP6_SECRET_LEN];
	uint32_t seed;
	char machine[64] = "";
	FILE *file = fopen("/etc/machine-id", "re");
	char text[sizeof(machine) + CONFIG_NAME_MAX];
	int rc;

	*state = (struct ipv6_state){0};
	if (file) {
		if (!fgets(machine, sizeof(machine), file))
			machine[0] = '\0';
		fclose(file);
	}
	/* two daemons of one machine are two servers */
	snprintf(text, sizeof(text), "%s%s", machine, host_name);
	entropy_fill(secret, sizeof(secret));
	dhcp6_server_init(&state->dhcp6, text, secret, (uint64_t)time(NULL) << 32);
	entropy_fill(&seed, sizeof(seed));
	rc = prefix_table_init(&state->holders, subscribers, seed);
	return rc ? rc : router_adv_clock_init(&state->clock, subscribers->capacity);
}

void ipv6_state_fini(struct ipv6_state *state)
{
	prefix_table_fini(&state->holders);
	router_adv_clock_fini(&state->clock);
}

static bool has_route6(const struct subscriber *subscriber)
{
	for (unsigned int i = 0; i < subscriber->n_routes; i++)
		if (subscriber->routes[i].prefix.addr.family == 6)
			return true;
	return false;
}

/* The fixed prefix of a part, length 0: none; and its pool, -1: none. */
static int part_wanted(const struct aaa_ipv6 *wanted, enum ipv6_part part, struct ip_prefix *fixed)
{
	switch (part) {
	case IPV6_LINK:
		*fixed = wanted->prefix;
		return wanted->pool;
	case IPV6_DELEGATED:
		*fixed = wanted->delegated;
		return wanted->delegated_pool;
	default:
		*fixed = (struct ip_prefix){
			.addr = wanted->address, .length = wanted->address.family == 6 ? 128 : 0};
		return wanted->address_pool;
	}
}

static void shared_release(struct ipv6_state *state, struct shared_ipv6 *shared)
{
	if (!shared || --shared->references)
		return;
	if (state->latest == shared)
		state->latest = NULL;
	free(shared);
}

/* The sessions of a pool are all given the same. NULL: no memory. */
static struct shared_ipv6 *shared_get(struct ipv6_state *state, const struct aaa_ipv6 *wanted)
{
	struct shared_ipv6 *shared = state->latest;

	if (!shared || memcmp(&shared->wanted, wanted, sizeof(*wanted))) {
		shared = calloc(1, sizeof(*shared));
		if (!shared)
			return NULL;
		shared->wanted = *wanted;
		shared->reloads = state->reloads;
		state->latest = shared;
	}
	shared->references++;
	return shared;
}

void subscriber_ipv6_follow(
	struct subscriber *subscriber, const struct config *before, const struct config *now)
{
	struct shared_ipv6 *shared = subscriber->ipv6 ? subscriber->ipv6->shared : NULL;

	if (!shared || shared->reloads == subscriber->lns->ipv6.reloads)
		return;
	shared->reloads = subscriber->lns->ipv6.reloads;
	aaa_ipv6_follow(before, now, &shared->wanted);
}

int subscriber_ipv6_share(struct subscriber *subscriber, const struct aaa_ipv6 *wanted)
{
	struct ipv6_state *state = &subscriber->lns->ipv6;
	struct shared_ipv6 *shared = shared_get(state, wanted);

	if (!shared)
		return -ENOMEM;
	shared_release(state, subscriber->ipv6->shared);
	subscriber->ipv6->shared = shared;
	return 0;
}

int subscriber_ipv6_keep(struct subscriber *subscriber, const struct aaa_ipv6 *wanted)
{
	bool any = has_route6(subscriber);
	int rc;

	for (unsigned int part = 0; part < IPV6_PARTS; part++) {
		struct ip_prefix fixed;
		int pool = part_wanted(wanted, part, &fixed);

		any |= pool >= 0 || fixed.addr.family == 6;
	}
	if (!any) {
		subscriber_ipv6_free(subscriber);
		return 0;
	}
	if (subscriber->ipv6)
		return subscriber_ipv6_share(subscriber, wanted);
	subscriber->ipv6 = calloc(1, sizeof(*subscriber->ipv6));
	if (!subscriber->ipv6)
		return -ENOMEM;
	rc = subscriber_ipv6_share(subscriber, wanted);
	if (rc) {
		free(subscriber->ipv6);
		subscriber->ipv6 = NULL;
	}
	return rc;
}

/* What stands there is its own from now on. */
static void part_hold(struct subscriber *subscriber, enum ipv6_part part)
{
	struct lns *lns = subscriber->lns;

	prefix_table_add(&lns->ipv6.holders, subscriber, part);
	lns_pools_note(lns, subscriber);
}

static bool part_is_shared(const struct held_prefix *held)
{
	return held->length && !held->held;
}

/* Shared by both, it becomes the heir's own; false: it is not shared. */
static bool part_pass(struct subscriber *donor, struct subscriber *heir, enum ipv6_part part)
{
	struct prefix_table *holders = &donor->lns->ipv6.holders;
	struct held_prefix *has, *gets;

	if (!donor->ipv6 || !heir->ipv6)
		return false;
	has = &donor->ipv6->parts[part];
	gets = &heir->ipv6->parts[part];
	if (!part_is_shared(gets) || !has->held || has->length != gets->length ||
		has->vrf != gets->vrf || memcmp(has->addr, gets->addr, 16))
		return false;
	prefix_table_remove(holders, donor, part);
	*has = (struct held_prefix){0};
	part_hold(heir, part);
	return true;
}

static void part_drop(struct subscriber *subscriber, enum ipv6_part part)
{
	struct held_prefix *held = &subscriber->ipv6->parts[part];
	struct lns *lns = subscriber->lns;

	/* the heir has negotiated it already */
	if (subscriber->heir && part_pass(subscriber, subscriber->heir, part))
		return;
	if (held->held) {
		prefix_table_remove(&lns->ipv6.holders, subscriber, part);
		lns_prefix_release(lns, held->vrf, held->addr, held->length);
	}
	*held = (struct held_prefix){0};
}

/* The user's old session has one that will do. */
static bool part_of_donor(struct subscriber *subscriber, enum ipv6_part part, uint8_t length)
{
	const struct subscriber *donor = subscriber->donor;
	const struct held_prefix *has;

	if (!donor || !donor->ipv6)
		return false;
	has = &donor->ipv6->parts[part];
	if (!has->held || has->vrf != subscriber->record.vrf || has->length != length)
		return false;
	subscriber->ipv6->parts[part] = *has;
	subscriber->ipv6->parts[part].next = 0;
	subscriber->ipv6->parts[part].held = false;
	return true;
}

/* The link's prefix and the delegated one are apart (RFC 3633, 12.1); an address may lie in either. */
static bool part_is_apart(
	const struct subscriber *subscriber, enum ipv6_part part, const struct ip_prefix *fixed)
{
	const struct held_prefix *other =
		&subscriber->ipv6->parts[part == IPV6_LINK ? IPV6_DELEGATED : IPV6_LINK];
	struct ip_prefix prefix = {.addr.family = 6, .length = other->length};

	if (part == IPV6_ADDRESS || !other->length)
		return true;
	memcpy(prefix.addr.bytes, other->addr, 16);
	return !ip_prefix_holds(&prefix, &fixed->addr) && !ip_prefix_holds(fixed, &prefix.addr);
}

/* An address of its own link or network: nobody else is given that. */
static bool fixed_is_own(const struct subscriber *subscriber, const struct ip_prefix *fixed)
{
	for (unsigned int part = 0; part < IPV6_PARTS; part++) {
		const struct held_prefix *held = &subscriber->ipv6->parts[part];
		struct ip_prefix prefix = {.addr.family = 6, .length = held->length};

		memcpy(prefix.addr.bytes, held->addr, 16);
		if (held->length && held->length < fixed->length &&
			ip_prefix_holds(&prefix, &fixed->addr))
			return true;
	}
	return false;
}

/* A fixed one that no session has, from whatever pool may have it: all of one of the pool's, or apart from it. */
static int fixed_take(struct subscriber *subscriber, enum ipv6_part part,
	const struct ip_prefix *fixed, struct held_prefix *held)
{
	uint16_t vrf = subscriber->record.vrf;
	int rc;

	if (!part_is_apart(subscriber, part, fixed))
		return -EBUSY;
	rc = lns_prefix_take_exact(
		subscriber->lns, vrf, subscriber->user_hash, fixed->addr.bytes, fixed->length);
	if (rc == -ERANGE && !fixed_is_own(subscriber, fixed) &&
		lns_prefix_overlaps(subscriber->lns, vrf, fixed->addr.bytes, fixed->length))
		return -EINVAL;
	if (rc && rc != -ERANGE)
		return rc;
	*held = (struct held_prefix){.vrf = vrf, .length = fixed->length};
	memcpy(held->addr, fixed->addr.bytes, 16);
	return 0;
}

static int part_fix(
	struct subscriber *subscriber, enum ipv6_part part, const struct ip_prefix *fixed)
{
	struct lns *lns = subscriber->lns;
	struct held_prefix *held = &subscriber->ipv6->parts[part];
	uint16_t vrf = subscriber->record.vrf;
	struct subscriber *holder =
		prefix_table_holder(&lns->ipv6.holders, vrf, fixed->addr.bytes, fixed->length);
	int rc;

	/* a prefix has one use only, also with one session */
	if (holder == subscriber)
		return -EBUSY;
	if (holder && strcmp(holder->user ? holder->user : "", subscriber->user))
		return -EBUSY;
	if (holder && !subscriber->donor)
		subscriber_address_inherit(subscriber, holder);
	if (holder)
		return subscriber->donor == holder && part_of_donor(subscriber, part, fixed->length)
			? 0
			: -EBUSY;
	rc = fixed_take(subscriber, part, fixed, held);
	if (!rc)
		part_hold(subscriber, part);
	return rc;
}

/* A reload may have put another pool where the answer of the AAA found one. */
static bool pool_fits(const struct subscriber *subscriber, enum ipv6_part part, int pool)
{
	static const struct {
		uint8_t low, high;
	} lengths[IPV6_PARTS] = {
		[IPV6_LINK] = {64, 64},
		[IPV6_DELEGATED] = {48, 64},
		[IPV6_ADDRESS] = {128, 128},
	};
	uint8_t length = lns_prefix_length(subscriber->lns, pool);

	return length >= lengths[part].low && length <= lengths[part].high &&
		lns_config(subscriber->lns)->prefix_pools[pool].vrf == subscriber->record.vrf;
}

static int pool_take(struct subscriber *subscriber, int pool, struct held_prefix *held)
{
	int rc;

	*held = (struct held_prefix){
		.vrf = subscriber->record.vrf,
		.length = lns_prefix_length(subscriber->lns, pool),
	};
	rc = lns_prefix_take(subscriber->lns, pool, subscriber->user_hash, held->addr);
	if (rc)
		*held = (struct held_prefix){0};
	return rc;
}

/* What it has stays, unless another one is fixed for it now. */
static bool part_stays(const struct subscriber *subscriber, enum ipv6_part part)
{
	const struct held_prefix *held = &subscriber->ipv6->parts[part];
	struct ip_prefix fixed;
	int pool = part_wanted(subscriber_ipv6_wanted(subscriber->ipv6), part, &fixed);

	if (!held->length || held->vrf != subscriber->record.vrf)
		return false;
	return fixed.addr.family != 6
		? pool >= 0
		: held->length == fixed.length && !memcmp(held->addr, fixed.addr.bytes, 16);
}

static int part_get(struct subscriber *subscriber, enum ipv6_part part)
{
	struct lns *lns = subscriber->lns;
	struct held_prefix *held = &subscriber->ipv6->parts[part];
	struct ip_prefix fixed;
	int pool = part_wanted(subscriber_ipv6_wanted(subscriber->ipv6), part, &fixed), rc;

	if (held->length)
		return 0;
	if (fixed.addr.family == 6)
		return part_fix(subscriber, part, &fixed);
	if (!pool_fits(subscriber, part, pool))
		return -ENOENT;
	if (part_of_donor(subscriber, part, lns_prefix_length(lns, pool)))
		return 0;
	rc = pool_take(subscriber, pool, held);
	if (!rc)
		part_hold(subscriber, part);
	return rc;
}

int subscriber_ipv6_reserve(struct subscriber *subscriber, enum ipv6_part part,
	const struct aaa_ipv6 *wanted, struct held_prefix *fresh)
{
	const struct held_prefix *held = &subscriber->ipv6->parts[part];
	struct ip_prefix fixed, before;
	int pool = part_wanted(wanted, part, &fixed);

	part_wanted(subscriber_ipv6_wanted(subscriber->ipv6), part, &before);

	*fresh = (struct held_prefix){0};
	if (fixed.addr.family != 6) {
		/* its pool may have had another index when it was given one */
		if (held->length && before.addr.family != 6 && pool >= 0 &&
			lns_prefix_pool(subscriber->lns, held->vrf, held->addr, held->length) ==
				pool)
			return 0;
		return pool_fits(subscriber, part, pool) ? pool_take(subscriber, pool, fresh)
							 : -EINVAL;
	}
	if (held->length == fixed.length && !memcmp(held->addr, fixed.addr.bytes, 16))
		return 0;
	if (prefix_table_holder(&subscriber->lns->ipv6.holders, subscriber->record.vrf,
		    fixed.addr.bytes, fixed.length))
		return -EBUSY;
	return fixed_take(subscriber, part, &fixed, fresh);
}

void subscriber_ipv6_as_held(const struct subscriber *subscriber, struct aaa_ipv6 *wanted)
{
	struct ip_prefix *prefixes[IPV6_PARTS] = {&wanted->prefix, &wanted->delegated, NULL};
	int *pools[IPV6_PARTS] = {&wanted->pool, &wanted->delegated_pool, &wanted->address_pool};

	*wanted = *subscriber_ipv6_wanted(subscriber->ipv6);
	for (unsigned int part = 0; part < IPV6_PARTS; part++) {
		const struct held_prefix *held = &subscriber->ipv6->parts[part];
		struct ip_prefix fixed;

		if (part_wanted(wanted, part, &fixed) < 0 || fixed.addr.family || !held->length)
			continue;
		*pools[part] =
			lns_prefix_pool(subscriber->lns, held->vrf, held->addr, held->length);
		if (*pools[part] >= 0)
			continue;
		fixed = (struct ip_prefix){.addr.family = 6, .length = held->length};
		memcpy(fixed.addr.bytes, held->addr, 16);
		if (prefixes[part])
			*prefixes[part] = fixed;
		else
			wanted->address = fixed.addr;
	}
}

void subscriber_ipv6_replace(
	struct subscriber *subscriber, enum ipv6_part part, const struct held_prefix *fresh)
{
	struct held_prefix *held = &subscriber->ipv6->parts[part];

	part_drop(subscriber, part);
	*held = *fresh;
	part_hold(subscriber, part);
}

void subscriber_ipv6_unreserve(struct subscriber *subscriber, const struct held_prefix *fresh)
{
	if (fresh->length)
		lns_prefix_release(subscriber->lns, fresh->vrf, fresh->addr, fresh->length);
}

int subscriber_ipv6_get(struct subscriber *subscriber, struct ppp_ipv6 *ids)
{
	struct subscriber_ipv6 *ipv6 = subscriber->ipv6;
	struct lns *lns = subscriber->lns;
	struct log_context context = subscriber_log(subscriber);
	static const uint8_t zero[8];
	bool any;
	int result = -ENOENT;

	if (!ipv6)
		return -ENOENT;
	if (subscriber->record.mtu < IP6_MTU_MIN) {
		lns->ipv6.refused_mtu++;
		log_ratelimited(LOG_LEVEL_INFO, &context,
			"no IPv6: the link takes %u bytes, expected %u or more",
			subscriber->record.mtu, IP6_MTU_MIN);
		subscriber_ipv6_drop(subscriber);
		return -EMSGSIZE;
	}
	any = has_route6(subscriber);
	/* one may get what another one had */
	for (unsigned int part = 0; part < IPV6_PARTS; part++)
		if (!part_stays(subscriber, part))
			part_drop(subscriber, part);
	for (unsigned int part = 0; part < IPV6_PARTS; part++) {
		int rc = part_get(subscriber, part);

		any |= !rc;
		if (!rc || rc == -ENOENT)
			continue;
		result = rc;
		lns->ipv6.no_prefix++;
		log_ratelimited(LOG_LEVEL_WARNING, &context, "no IPv6 %s: %s", part_names[part],
			rc == -ENOSPC           ? "its pool is exhausted"
				: rc == -EBUSY  ? "the fixed one is in use"
				: rc == -EINVAL ? "the fixed one has a part of a prefix pool"
						: strerror(-rc));
	}
	if (!any)
		return result;
	*ids = (struct ppp_ipv6){0};
	entropy_fill(ids->our_id, sizeof(ids->our_id));
	entropy_fill(ids->peer_id, sizeof(ids->peer_id));
	/* of our choice, not made from a globally unique one (RFC 5072, 4.1); never zero, never the same */
	ids->our_id[0] &= (uint8_t)~2;
	ids->peer_id[0] &= (uint8_t)~2;
	ids->our_id[7] |= 1;
	ids->peer_id[7] &= (uint8_t)~1;
	ids->peer_id[6] |= 1;
	if (memcmp(subscriber_ipv6_wanted(ipv6)->interface_id, zero, sizeof(zero))) {
		memcpy(ids->peer_id, subscriber_ipv6_wanted(ipv6)->interface_id,
			sizeof(ids->peer_id));
		ids->peer_id_fixed = true;
		if (!memcmp(ids->peer_id, ids->our_id, sizeof(ids->our_id)))
			ids->our_id[6] ^= 1;
	}
	return 0;
}

void subscriber_ipv6_drop(struct subscriber *subscriber)
{
	if (!subscriber->ipv6)
		return;
	for (unsigned int part = 0; part < IPV6_PARTS; part++)
		part_drop(subscriber, part);
	dhcp6_binding_clear(&subscriber->ipv6->binding);
}

void subscriber_ipv6_pass(struct subscriber *donor, struct subscriber *heir)
{
	for (unsigned int part = 0; part < IPV6_PARTS; part++)
		part_pass(donor, heir, part);
}

void subscriber_ipv6_free(struct subscriber *subscriber)
{
	subscriber_ipv6_drop(subscriber);
	if (subscriber->ipv6)
		shared_release(&subscriber->lns->ipv6, subscriber->ipv6->shared);
	free(subscriber->ipv6);
	subscriber->ipv6 = NULL;
}

unsigned int subscriber_ipv6_prefixes(
	const struct subscriber *subscriber, struct session_prefix *prefixes)
{
	/* the first one is compared first: most packets come from behind the customer's router */
	static const enum ipv6_part order[] = {IPV6_DELEGATED, IPV6_LINK, IPV6_ADDRESS};
	const struct subscriber_ipv6 *ipv6 = subscriber->ipv6;
	unsigned int n = 0;

	for (unsigned int i = 0; ipv6 && i < IPV6_PARTS; i++) {
		const struct held_prefix *held = &ipv6->parts[order[i]];

		if (!held->length)
			continue;
		prefixes[n] = (struct session_prefix){.family = 6, .length = held->length};
		memcpy(prefixes[n++].addr, held->addr, 16);
	}
	return n;
}

void subscriber_ipv6_up(struct subscriber *subscriber)
{
	struct subscriber_ipv6 *ipv6 = subscriber->ipv6;
	struct log_context context = subscriber_log(subscriber);
	char link[50], delegated[50];

	if (!ipv6)
		return;
	ipv6->up = true;
	subscriber->lns->ipv6.came_up++;
	subscriber_link6_advertise(subscriber);
	subscriber_ipv6_text(subscriber, IPV6_LINK, link);
	subscriber_ipv6_text(subscriber, IPV6_DELEGATED, delegated);
	log_info(&context, "IPv6 up: prefix %s, delegated %s", *link ? link : "none",
		*delegated ? delegated : "none");
}

void subscriber_ipv6_down(struct subscriber *subscriber)
{
	if (!subscriber->ipv6)
		return;
	subscriber->ipv6->up = false;
	subscriber_renumber_end(subscriber);
	router_adv_clock_clear(&subscriber->lns->ipv6.clock, subscriber->record.index);
}
