/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups: one IPsec peer each, their life and which outbound SA they use. */
#include "install_sa_private.h"

#include <rte_jhash.h>

#include <stdlib.h>
#include <string.h>

/* Where a peer is, and who the IKE daemon says it is. */
struct place {
	uint16_t vrf, peer_port;
	uint8_t family;
	const uint8_t *local, *peer; /* of 16 bytes */
	uint32_t reqid;
};

static struct place place_of_spec(const struct install_sa_spec *spec)
{
	return (struct place){
		spec->vrf, spec->peer_port, spec->family, spec->local, spec->peer, spec->reqid};
}

static struct place place_of_group(const struct install_sa_group *group)
{
	return (struct place){group->vrf, group->peer_port, group->family, group->local,
		group->peer, group->reqid};
}

static struct install_sa_group **place_chain(
	const struct install_sas *sas, const struct place *place)
{
	uint32_t hash = rte_jhash(place->peer, 16, (uint32_t)place->vrf << 16 | place->peer_port);

	hash = rte_jhash_1word(place->reqid, hash);
	return &sas->by_address[rte_jhash(place->local, 16, hash) & sas->mask];
}

static struct install_sa_group **group_chain(const struct install_sas *sas, uint32_t id)
{
	return &sas->by_group[id & sas->mask];
}

static struct install_sa_group *group_find(const struct install_sas *sas, const struct place *place)
{
	struct install_sa_group *group = *place_chain(sas, place);

	for (; group; group = group->hash_next)
		if (group->vrf == place->vrf && group->family == place->family &&
			group->peer_port == place->peer_port && group->reqid == place->reqid &&
			!memcmp(group->local, place->local, 16) &&
			!memcmp(group->peer, place->peer, 16))
			return group;
	return NULL;
}

static void group_unhash(struct install_sas *sas, struct install_sa_group *group)
{
	struct place place = place_of_group(group);
	struct install_sa_group **at = place_chain(sas, &place);

	if (!group->hashed)
		return;
	while (*at != group)
		at = &(*at)->hash_next;
	*at = group->hash_next;
	group->hashed = false;
}

static void group_hash(struct install_sas *sas, struct install_sa_group *group)
{
	struct place place = place_of_group(group);
	struct install_sa_group **chain = place_chain(sas, &place);

	group->hash_next = *chain;
	*chain = group;
	group->hashed = true;
}

static void place_set(struct install_sa_group *group, const struct place *place)
{
	memcpy(group->local, place->local, sizeof(group->local));
	memcpy(group->peer, place->peer, sizeof(group->peer));
	group->family = place->family;
	group->peer_port = place->peer_port;
	group->reqid = place->reqid;
}

struct install_sa_group *group_get(
	struct install_sas *sas, const struct install_sa_spec *spec, uint64_t now)
{
	struct place place = place_of_spec(spec);
	struct install_sa_group *group = group_find(sas, &place);
	uint8_t owner;
	int64_t id;

	if (group)
		return group;
	group = calloc(1, sizeof(*group));
	if (!group)
		return NULL;
	owner = owner_first(sas);
	id = sa_group_create(sas->table, owner);
	if (id < 0) {
		free(group);
		return NULL;
	}
	group->id = (uint32_t)id;
	group->owner = owner;
	group->vrf = spec->vrf;
	group->created = now;
	place_set(group, &place);
	group_hash(sas, group);
	group->id_next = *group_chain(sas, group->id);
	*group_chain(sas, group->id) = group;
	sas->load[owner]++;
	sas->n_groups++;
	return group;
}

static void group_free(struct install_sas *sas, struct install_sa_group *group)
{
	struct install_sa_group **at = group_chain(sas, group->id);

	group_unhash(sas, group);
	while (*at != group)
		at = &(*at)->id_next;
	*at = group->id_next;
	owner_forget(sas, group);
	sas->n_groups--;
	free(group);
}

/* True: it was another port. */
static bool group_send_to(struct install_sa_group *group, uint16_t peer_port)
{
	bool changed = false;

	for (struct install_sa *sa = group->newest; sa; sa = sa->group_next) {
		if (!sa->local_port || !peer_port)
			continue;
		changed |= sa->peer_port != peer_port;
		sa->peer_port = peer_port;
		if (sa->direction == SA_OUTBOUND)
			sa_set_encap(sa->sa, sa->local_port, peer_port);
	}
	return changed;
}

void group_move(
	struct install_sas *sas, struct install_sa_group *group, const struct install_sa_spec *spec)
{
	struct place place = place_of_spec(spec);
	struct install_sa_group *other = group_find(sas, &place);

	if (other == group)
		return;
	/* who was there before is found again when it shows from where it sends now */
	if (other)
		group_unhash(sas, other);
	group_unhash(sas, group);
	place_set(group, &place);
	group_hash(sas, group);
	group_send_to(group, place.peer_port);
}

/*
 * A peer can send from any port, also from one that IKE gives to another client behind the same NAT later: the
 * group is not found by it, or that client's SAs would join. Its own port may be somebody else's by now.
 */
bool group_answer_at(struct install_sas *sas, struct install_sa_group *group, uint16_t peer_port)
{
	struct place place = place_of_group(group);

	if (peer_port != group->peer_port)
		group_unhash(sas, group);
	else if (!group->hashed && !group_find(sas, &place))
		group_hash(sas, group);
	return group_send_to(group, peer_port);
}

static bool usable(const struct install_sa *sa)
{
	return sa->direction == SA_OUTBOUND && sa->state == INSTALL_SA_LIVE;
}

void group_choose(struct install_sas *sas, struct install_sa_group *group)
{
	const struct install_sa *best = NULL;

	for (const struct install_sa *sa = group->newest; sa; sa = sa->group_next)
		if (usable(sa) && (!best || (best->held_until && !sa->held_until)))
			best = sa;
	sa_group_set_outbound(sas->table, group->id, best ? best->index : SA_NONE);
}

void install_sa_named(struct install_sas *sas, struct install_sa *sa, uint64_t now)
{
	if (!sa->group || sa->direction != SA_OUTBOUND)
		return;
	sa->named = true;
	sa->held_until = 0;
	for (struct install_sa *newer = sa->group->newest; newer != sa; newer = newer->group_next)
		if (newer->direction == SA_OUTBOUND && !newer->named && !newer->held_until)
			newer->held_until = now + INSTALL_SA_HELD_MS;
	group_choose(sas, sa->group);
}

void group_join(struct install_sas *sas, struct install_sa_group *group, struct install_sa *sa,
	uint64_t now)
{
	struct install_sa **at = &group->newest;
	bool rekey = false;

	while (sa->dumped && *at && (*at)->born >= sa->born)
		at = &(*at)->group_next;
	for (const struct install_sa *older = *at; older; older = older->group_next) {
		if (older->direction != SA_OUTBOUND || sa->direction != SA_OUTBOUND)
			continue;
		rekey = true;
		if (older->named && usable(older) && sa->source == INSTALL_SA_KERNEL)
			sa->held_until = now + INSTALL_SA_HELD_MS;
	}
	group->rekeys += rekey;
	sa->group = group;
	sa->group_id = group->id;
	sa->group_next = *at;
	*at = sa;
	group->n_sas++;
	sas->n_sas++;
}

void group_leave(struct install_sas *sas, struct install_sa *sa, uint64_t now)
{
	struct install_sa_group *group = sa->group;
	struct install_sa **at = &group->newest;

	while (*at != sa)
		at = &(*at)->group_next;
	*at = sa->group_next;
	sa->group = NULL;
	sas->n_sas--;
	if (--group->n_sas)
		return;
	group->empty_since = now;
	if (group->listed)
		return;
	group->listed = true;
	group->empty_next = sas->empty;
	sas->empty = group;
}

static bool group_needed(const struct install_sa_group *group, uint64_t now)
{
	uint64_t empty = now - group->empty_since;

	if (group->n_sas || empty < INSTALL_SA_GRACE_MS)
		return true;
	/* what a NAT calls by this port may by now be somebody else */
	return group->holds && (!group->peer_port || empty < INSTALL_SA_NAT_GRACE_MS);
}

void groups_poll(struct install_sas *sas, uint64_t now)
{
	struct install_sa_group **at = &sas->empty, *group;

	while ((group = *at)) {
		if (group_needed(group, now) && !group->n_sas) {
			at = &group->empty_next;
			continue;
		}
		if (!group->n_sas && sa_group_remove(sas->table, group->id)) {
			at = &group->empty_next; /* no memory: later */
			continue;
		}
		*at = group->empty_next;
		group->listed = false;
		if (!group->n_sas)
			group_free(sas, group);
	}
}

void groups_destroy(struct install_sas *sas)
{
	for (uint32_t i = 0; i <= sas->mask; i++)
		while (sas->by_group[i])
			group_free(sas, sas->by_group[i]);
}

struct install_sa_group *group_by_id(const struct install_sas *sas, uint32_t id)
{
	struct install_sa_group *group = *group_chain(sas, id);

	while (group && group->id != id)
		group = group->id_next;
	return group;
}

const struct install_sa_group *install_sas_group(const struct install_sas *sas, uint32_t id)
{
	return group_by_id(sas, id);
}

bool install_sas_follows(const struct install_sas *sas, uint32_t id, uint32_t other_id)
{
	const struct install_sa_group *group = group_by_id(sas, id);
	const struct install_sa_group *other = group_by_id(sas, other_id);

	return group && other && group != other && !group->n_sas &&
		other->misses < INSTALL_SA_MISSES && group->vrf == other->vrf &&
		group->family == other->family && !memcmp(group->local, other->local, 16) &&
		!memcmp(group->peer, other->peer, 16);
}

void install_sas_missed(struct install_sas *sas, uint32_t id)
{
	struct install_sa_group *group = group_by_id(sas, id);

	if (group && group->misses < INSTALL_SA_MISSES)
		group->misses++;
}

void install_sas_hold(struct install_sas *sas, uint32_t id)
{
	struct install_sa_group *group = group_by_id(sas, id);

	if (group)
		group->holds++;
}

void install_sas_release(struct install_sas *sas, uint32_t id, uint64_t now)
{
	struct install_sa_group *group = group_by_id(sas, id);

	if (!group || !group->holds || --group->holds)
		return;
	owner_unsettle(sas, group);
	if (group->n_sas)
		return;
	/* its next SCCRQ may be on the way */
	group->empty_since = now;
}
