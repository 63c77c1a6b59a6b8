/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which address a session has, and how a session that comes back takes over its predecessor's.
 *
 * A subscriber whose line broke dials in again long before its old session is found dead. The new session
 * (heir) negotiates the old one's (donor's) address while the donor still forwards; at the moment the heir
 * is up its routes replace the donor's in single stores, and then the donor ends. Should either end before,
 * the address stays with the other.
 */
#include "subscriber.h"

#include "lns.h"
#include "log.h"
#include "subscriber_ppp.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The oldest other session of the user, and how many others there are. */
static struct subscriber *user_oldest(const struct subscriber *subscriber, uint32_t *others)
{
	const struct subscribers *subscribers = &subscriber->lns->subscribers;
	struct subscriber *at = NULL, *oldest = NULL;

	*others = 0;
	if (!subscriber->user || !subscriber->user_listed)
		return NULL;
	while ((at = subscribers_of_user(subscribers, subscriber->user, at))) {
		if (at == subscriber)
			continue;
		++*others;
		if (!oldest || (int32_t)(at->serial - oldest->serial) < 0)
			oldest = at;
	}
	return oldest;
}

/*
 * Above the user's limit the oldest session has to go: one that forwards goes when the newcomer is up
 * (returned), others go at once.
 */
static struct subscriber *predecessor(struct subscriber *subscriber)
{
	uint32_t limit = lns_config(subscriber->lns)->subscribers.max_sessions_per_user, others;
	struct subscriber *oldest;

	if (!limit)
		return NULL;
	while ((oldest = user_oldest(subscriber, &others)) && others >= limit) {
		if (oldest->state == SUBSCRIBER_UP)
			return oldest;
		subscriber->lns->subscribers.replaced++;
		subscriber_kill(oldest, PPP_CLOSE_REPLACED);
	}
	return NULL;
}

void subscriber_address_inherit(struct subscriber *heir, struct subscriber *donor)
{
	if (heir == donor || donor->heir == heir)
		return;
	if (donor->heir)
		subscriber_kill(donor->heir, PPP_CLOSE_REPLACED);
	heir->donor = donor;
	donor->heir = heir;
}

static bool address_is_shared(const struct subscriber *a, const struct subscriber *b)
{
	return a->address && a->address == b->address && a->record.vrf == b->record.vrf;
}

/* The donor's address becomes the heir's own. */
static void address_pass(struct subscriber *donor, struct subscriber *heir)
{
	struct subscribers *subscribers = &heir->lns->subscribers;

	donor->heir = NULL;
	heir->donor = NULL;
	subscriber_ipv6_pass(donor, heir);
	if (!address_is_shared(heir, donor))
		return;
	subscribers_address_remove(subscribers, donor);
	donor->address = 0;
	donor->given_up = heir->address;
	subscribers_address_add(subscribers, heir);
	lns_pools_note(heir->lns, heir);
}

int subscriber_address_get(struct subscriber *subscriber)
{
	struct lns *lns = subscriber->lns;
	uint32_t vrf = subscriber->record.vrf, fixed = subscriber->fixed;
	struct subscriber *donor, *holder;
	int rc;

	if (subscriber->address && (!fixed || fixed == subscriber->address))
		return 0;
	subscriber_address_drop(subscriber);
	donor = predecessor(subscriber);
	if (fixed) {
		holder = subscribers_of_address(&lns->subscribers, (uint16_t)vrf, fixed);
		if (holder && strcmp(holder->user ? holder->user : "", subscriber->user))
			return -EBUSY;
		if (holder)
			donor = holder;
		subscriber->address = fixed;
	} else if (donor && donor->record.vrf == vrf) {
		subscriber->address = donor->address;
	}
	if (donor)
		subscriber_address_inherit(subscriber, donor);
	if (donor && address_is_shared(subscriber, donor))
		return 0;
	if (fixed) {
		rc = lns_pool_take_exact(lns, vrf, subscriber->user_hash, fixed);
		if (rc == -ERANGE)
			rc = 0;
	} else {
		rc = lns_pool_take(
			lns, subscriber->pool, subscriber->user_hash, &subscriber->address);
	}
	if (rc) {
		subscriber->address = 0;
		return rc;
	}
	subscribers_address_add(&lns->subscribers, subscriber);
	lns_pools_note(lns, subscriber);
	return 0;
}

uint32_t subscriber_address_wish(struct subscriber *subscriber, uint32_t wish)
{
	struct lns *lns = subscriber->lns;
	struct subscribers *subscribers = &lns->subscribers;
	uint16_t vrf = subscriber->record.vrf;
	struct ip_addr address = {.family = 4};

	memcpy(address.bytes, &wish, sizeof(wish));
	/* what it is about to take over stays what it is */
	if (subscriber->donor || subscriber->heir || !subscriber->address ||
		config_address_reserved(lns_config(lns), vrf, &address) ||
		lns_pool_take_from(lns, subscriber->pool, subscriber->user_hash, wish))
		return subscriber->address;
	subscribers_address_remove(subscribers, subscriber);
	lns_pool_release(lns, vrf, subscriber->address);
	subscriber->address = wish;
	subscribers_address_add(subscribers, subscriber);
	lns_pools_note(lns, subscriber);
	return wish;
}

void subscriber_address_drop(struct subscriber *subscriber)
{
	struct subscriber *donor = subscriber->donor;

	if (subscriber->heir)
		address_pass(subscriber, subscriber->heir);
	subscriber_ipv6_drop(subscriber);
	if (donor) {
		donor->heir = NULL;
		subscriber->donor = NULL;
		if (address_is_shared(subscriber, donor))
			subscriber->address = 0;
	}
	if (!subscriber->address)
		return;
	/* free at once: what is still on its way to the old session is refused by its generation */
	subscribers_address_remove(&subscriber->lns->subscribers, subscriber);
	lns_pool_release(subscriber->lns, subscriber->record.vrf, subscriber->address);
	subscriber->given_up = subscriber->address;
	subscriber->address = 0;
}

void subscriber_takeover(struct subscriber *subscriber)
{
	uint32_t limit = lns_config(subscriber->lns)->subscribers.max_sessions_per_user, others;
	struct subscriber *donor = subscriber->donor, *oldest;
	struct log_context context = subscriber_log(subscriber);

	if (!donor)
		goto limit;
	log_info(&context, "takes over from session %u/%u", donor->record.tunnel_id,
		donor->record.session_id);
	address_pass(donor, subscriber);
	subscriber->lns->subscribers.replaced++;
	subscriber_kill(donor, PPP_CLOSE_REPLACED);
limit:
	/* others above the limit: those that were to end with an heir that itself was replaced */
	while (limit && (oldest = user_oldest(subscriber, &others)) && others >= limit) {
		subscriber->lns->subscribers.replaced++;
		subscriber_kill(oldest, PPP_CLOSE_REPLACED);
	}
}

static_assert(SUBSCRIBER_PREFIXES_MAX <= 32, "subscriber.announced_prefixes has a bit for each");

/* A pool's aggregate leads to what lies in it; without a route of its own the rest would not be found. */
static bool announce_wanted(const struct lns *lns, const struct config_subscribers *config,
	uint16_t vrf, const struct ip_prefix *prefix)
{
	return kernel_route_covers(lns->kernel_route, vrf, prefix) ? config->announce_hosts
								   : config->announce_routes;
}

static struct ip_prefix prefix_of(const struct session_prefix *from)
{
	struct ip_prefix prefix = {.addr.family = from->family, .length = from->length};

	memcpy(prefix.addr.bytes, from->addr, sizeof(prefix.addr.bytes));
	return prefix;
}

/* One of the record's prefixes into the kernel, or out of it. */
static void prefix_announce(struct subscriber *subscriber, unsigned int i, bool wanted)
{
	struct kernel_route *kernel = subscriber->lns->kernel_route;
	const struct subscriber_record *record = &subscriber->record;
	struct ip_prefix prefix = prefix_of(&record->prefixes[i]);
	uint32_t bit = 1u << i;

	if (wanted == ((subscriber->announced_prefixes & bit) != 0))
		return;
	if (!wanted)
		kernel_route_withdraw(kernel, record->vrf, &prefix, false);
	else if (kernel_route_announce(kernel, record->vrf, &prefix, false))
		return;
	subscriber->announced_prefixes ^= bit;
}

void subscriber_routes_announce(struct subscriber *subscriber, uint8_t family, bool announce)
{
	struct lns *lns = subscriber->lns;
	const struct subscriber_record *record = &subscriber->record;
	bool *announced = family == 4 ? &subscriber->announced4 : &subscriber->announced6;

	if (announce == *announced)
		return;
	for (unsigned int i = 0; i < record->n_prefixes; i++) {
		struct ip_prefix prefix = prefix_of(&record->prefixes[i]);

		if (prefix.addr.family == family)
			prefix_announce(subscriber, i,
				announce &&
					announce_wanted(lns, &lns_config(lns)->subscribers,
						record->vrf, &prefix));
	}
	*announced = announce;
}

void subscriber_routes_review(
	struct subscriber *subscriber, const struct config_subscribers *config)
{
	const struct subscriber_record *record = &subscriber->record;

	for (unsigned int i = 0; i < record->n_prefixes; i++) {
		struct ip_prefix prefix = prefix_of(&record->prefixes[i]);

		if (prefix.addr.family == 4 ? subscriber->announced4 : subscriber->announced6)
			prefix_announce(subscriber, i,
				announce_wanted(subscriber->lns, config, record->vrf, &prefix));
	}
}

/* References of prefixes that were announced, by bit. */
static void announced_release(struct subscriber *subscriber, const struct session_prefix *prefixes,
	unsigned int n, uint32_t announced)
{
	for (unsigned int i = 0; i < n; i++) {
		struct ip_prefix prefix = prefix_of(&prefixes[i]);

		if (announced >> i & 1)
			kernel_route_withdraw(subscriber->lns->kernel_route, subscriber->record.vrf,
				&prefix, false);
	}
}

bool subscriber_prefixes_replace(struct subscriber *subscriber)
{
	struct session_prefix before[SUBSCRIBER_PREFIXES_MAX];
	unsigned int n_before = subscriber->record.n_prefixes;
	uint32_t announced = subscriber->announced_prefixes;
	bool announced4 = subscriber->announced4, announced6 = subscriber->announced6, ok;

	if (n_before)
		memcpy(before, subscriber->record.prefixes, n_before * sizeof(*before));
	/* the kernel counts references: those to the old set are held until the new ones are there */
	subscriber->announced_prefixes = 0;
	subscriber->announced4 = subscriber->announced6 = false;
	ok = subscriber_forwarding_install(subscriber);
	if (ok && announced4)
		subscriber_routes_announce(subscriber, 4, true);
	if (ok && announced6)
		subscriber_routes_announce(subscriber, 6, true);
	announced_release(subscriber, before, n_before, announced);
	return ok;
}

int subscriber_routes_replace(
	struct subscriber *subscriber, const struct config_route *routes, unsigned int n)
{
	struct config_route *copy = malloc((n + 1) * sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	if (n)
		memcpy(copy, routes, n * sizeof(*copy));
	free(subscriber->routes);
	subscriber->routes = copy;
	subscriber->n_routes = (uint8_t)n;
	return subscriber_prefixes_replace(subscriber) ? 0 : -ENOMEM;
}
