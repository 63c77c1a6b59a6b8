/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions' routes. The fib itself says which session has a prefix; kept here are only those whose prefix
 * another session has taken over: two users with one routed prefix, or a subscriber that dials in again.
 * When the later one goes, the earlier one has its prefix back.
 */
#include "install_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct displaced {
	struct displaced *next; /* in its bucket; of one prefix the latest first */
	uint32_t session;
	uint16_t vrf;
	uint8_t family, length;
	uint8_t addr[16];
};

/* A session's prefix with the unused bytes of its address zero. */
struct claim {
	struct fib *fib;
	uint32_t addr4;
	uint16_t vrf;
	uint8_t family, length;
	uint8_t addr[16];
};

static int claim_make(const struct install_route *routes, uint16_t vrf,
	const struct session_prefix *prefix, struct claim *claim)
{
	if (vrf >= routes->settings.n_vrfs || (prefix->family != 4 && prefix->family != 6))
		return -EINVAL;
	*claim = (struct claim){.fib = routes->settings.fibs[vrf],
		.vrf = vrf,
		.family = prefix->family,
		.length = prefix->length};
	memcpy(claim->addr, prefix->addr, prefix->family == 4 ? 4 : 16);
	memcpy(&claim->addr4, claim->addr, 4);
	return 0;
}

static uint32_t claim_get(const struct claim *claim)
{
	return claim->family == 4 ? fib_get4(claim->fib, claim->addr4, claim->length)
				  : fib_get6(claim->fib, claim->addr, claim->length);
}

/* target 0: no route any more. */
static int claim_write(const struct claim *claim, uint32_t target)
{
	if (claim->family == 4)
		return target ? fib_set4(claim->fib, claim->addr4, claim->length, target)
			      : fib_delete4(claim->fib, claim->addr4, claim->length);
	return target ? fib_set6(claim->fib, claim->addr, claim->length, target)
		      : fib_delete6(claim->fib, claim->addr, claim->length);
}

/* The place of the first one of this prefix: of this session, or of any (SESSION_ANY). */
#define SESSION_ANY UINT32_MAX
static struct displaced **displaced_find(
	struct install_route *routes, const struct claim *claim, uint32_t session)
{
	uint64_t hash = prefix_hash(routes, claim->vrf, claim->family, claim->length, claim->addr);
	struct displaced **at = &routes->displaced[hash % DISPLACED_BUCKETS];

	while (*at &&
		((session != SESSION_ANY && (*at)->session != session) ||
			(*at)->vrf != claim->vrf || (*at)->family != claim->family ||
			(*at)->length != claim->length || memcmp((*at)->addr, claim->addr, 16)))
		at = &(*at)->next;
	return at;
}

static void displaced_remove(struct install_route *routes, struct displaced **at)
{
	struct displaced *displaced = *at;

	*at = displaced->next;
	free(displaced);
	routes->counts.displaced--;
}

static int displaced_add(struct install_route *routes, const struct claim *claim, uint32_t session)
{
	uint64_t hash = prefix_hash(routes, claim->vrf, claim->family, claim->length, claim->addr);
	struct displaced **bucket = &routes->displaced[hash % DISPLACED_BUCKETS];
	struct displaced *displaced = malloc(sizeof(*displaced));

	if (!displaced)
		return -ENOMEM;
	*displaced = (struct displaced){.next = *bucket,
		.session = session,
		.vrf = claim->vrf,
		.family = claim->family,
		.length = claim->length};
	memcpy(displaced->addr, claim->addr, 16);
	*bucket = displaced;
	routes->counts.displaced++;
	return 0;
}

int install_route_session_set(struct install_route *routes, uint16_t vrf,
	const struct session_prefix *prefix, uint32_t session)
{
	uint32_t target = fib_target(FIB_SESSION, session), now;
	struct displaced **mine;
	struct claim claim;
	int r = claim_make(routes, vrf, prefix, &claim);

	if (r < 0)
		return r;
	now = claim_get(&claim);
	if (now == target)
		return 0;
	if (fib_target_type(now) != FIB_SESSION)
		return claim_write(&claim, target);
	/* an update of a session that has lost the prefix does not take it back */
	if (*displaced_find(routes, &claim, session))
		return 0;
	r = displaced_add(routes, &claim, fib_target_index(now));
	if (r < 0)
		return r;
	r = claim_write(&claim, target);
	if (r < 0) {
		mine = displaced_find(routes, &claim, fib_target_index(now));
		displaced_remove(routes, mine);
	}
	return r;
}

int install_route_session_delete(struct install_route *routes, uint16_t vrf,
	const struct session_prefix *prefix, uint32_t session)
{
	const struct prefix *other;
	struct displaced **at;
	struct claim claim;
	int r = claim_make(routes, vrf, prefix, &claim);

	if (r < 0)
		return r;
	if (claim_get(&claim) != fib_target(FIB_SESSION, session)) {
		at = displaced_find(routes, &claim, session);
		if (*at)
			displaced_remove(routes, at);
		return -ENOENT;
	}
	at = displaced_find(routes, &claim, SESSION_ANY);
	if (*at) {
		r = claim_write(&claim, fib_target(FIB_SESSION, (*at)->session));
		if (r == 0)
			displaced_remove(routes, at);
		return r;
	}
	other = prefix_find(routes, vrf, claim.family, claim.length, claim.addr);
	return claim_write(&claim, other ? other->target : 0);
}

void displaced_free(struct install_route *routes)
{
	for (unsigned int b = 0; b < DISPLACED_BUCKETS; b++)
		while (routes->displaced[b])
			displaced_remove(routes, &routes->displaced[b]);
}
