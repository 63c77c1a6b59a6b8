/* SPDX-License-Identifier: BSD-3-Clause */
/* Which worker owns a group of SAs: the one by whose queue its packets come. */
#include "install_sa_private.h"
#include "worker_load.h"

#include <dataplane/dataplane.h>

/*
 * What is handed over encrypted costs more than twice what is decrypted where it arrives. So a worker takes what its
 * queue brings, but not so many groups, and a part, more than another one has: else a device that brings everything to
 * one queue would leave all other workers idle. Who is behind a NAT is likely to be one subscriber, who else a LAC.
 */
#define LACS_SLACK    2
#define CLIENTS_SLACK 16
#define GROUPS_PART   8

uint8_t owner_first(const struct install_sas *sas)
{
	uint8_t owner = 0;

	for (uint8_t i = 1; i < sas->n_workers; i++)
		if (sas->load[i] < sas->load[owner])
			owner = i;
	return owner;
}

static void moving_leave(struct install_sas *sas, struct install_sa_group *group)
{
	struct install_sa_group **at = &sas->moving;

	if (!group->moving)
		return;
	while (*at != group)
		at = &(*at)->moving_next;
	*at = group->moving_next;
	group->moving = false;
}

void owner_unsettle(struct install_sas *sas, struct install_sa_group *group)
{
	sas->settled[group->settled_nat][group->owner] -= group->settled;
	group->settled = false;
}

void owner_forget(struct install_sas *sas, struct install_sa_group *group)
{
	owner_unsettle(sas, group);
	moving_leave(sas, group);
	sas->load[group->owner]--;
}

static bool has_room(const struct install_sas *sas, const struct install_sa_group *group,
	const struct worker_load *load, uint8_t worker)
{
	bool nat = group->peer_port != 0;
	const uint32_t *settled = sas->settled[nat];
	uint32_t least = settled[0], most;

	for (uint8_t i = 1; i < sas->n_workers; i++)
		if (settled[i] < least)
			least = settled[i];
	most = least + least / GROUPS_PART + (nat ? CLIENTS_SLACK : LACS_SLACK);
	return worker < sas->n_workers && settled[worker] <= most && worker_load_room(load, worker);
}

/* Where it arrives, or else where it is, or else who has the least of those that have room. */
static uint8_t owner_choose(const struct install_sas *sas, const struct install_sa_group *group,
	uint8_t arrival, const struct worker_load *load)
{
	const uint32_t *settled = sas->settled[group->peer_port != 0];
	uint8_t owner = group->owner;
	uint32_t least = UINT32_MAX;

	if (has_room(sas, group, load, arrival))
		return arrival;
	if (has_room(sas, group, load, owner))
		return owner;
	for (uint8_t i = 0; i < sas->n_workers; i++)
		if (settled[i] < least && has_room(sas, group, load, i)) {
			least = settled[i];
			owner = i;
		}
	return owner;
}

/* Asks worker, who has it, to give it to the group's new owner. False: its ring is full. */
static bool ask(const struct install_sas *sas, const struct install_sa_group *group, uint8_t worker,
	enum message_type type, uint32_t index, uint32_t generation)
{
	const struct message message = {
		.type = type,
		.index = index,
		.generation = generation,
		.owner = {.worker = group->owner},
	};

	return !dataplane_message(sas->dp, worker, &message);
}

/*
 * Asks who has not been asked yet: the group's owner, and that of each SA, also of such as have joined since. True: all
 * of it is the new owner's. Nobody is asked twice, and the group moves on only from there: no two moves meet in a ring.
 */
static bool move_on(const struct install_sas *sas, struct install_sa_group *group)
{
	uint8_t owner = sa_group_owner(sa_group_at(sas->table, group->id));
	bool done = owner == group->owner;

	if (!done && !group->asked)
		group->asked = ask(sas, group, owner, MESSAGE_GROUP_OWNER, group->id, 0);
	for (struct install_sa *sa = group->newest; sa; sa = sa->group_next) {
		if (sa->state != INSTALL_SA_LIVE)
			continue;
		owner = sa_owner(sa_at(sas->table, sa->index));
		if (owner == group->owner)
			continue;
		done = false;
		if (!sa->owner_asked)
			sa->owner_asked =
				ask(sas, group, owner, MESSAGE_SA_OWNER, sa->index, sa->generation);
	}
	return done;
}

void owners_poll(struct install_sas *sas)
{
	struct install_sa_group **at = &sas->moving, *group;

	while ((group = *at)) {
		if (!move_on(sas, group)) {
			at = &group->moving_next;
			continue;
		}
		*at = group->moving_next;
		group->moving = false;
		group->asked = false;
		for (struct install_sa *sa = group->newest; sa; sa = sa->group_next)
			sa->owner_asked = false;
	}
}

static void move(struct install_sas *sas, struct install_sa_group *group, uint8_t owner)
{
	sas->load[group->owner]--;
	sas->load[owner]++;
	group->owner = owner;
	group->moving = true;
	group->moving_next = sas->moving;
	sas->moving = group;
	move_on(sas, group);
}

void install_sas_arrived(
	struct install_sas *sas, uint32_t id, uint8_t arrival, const struct worker_load *load)
{
	struct install_sa_group *group = group_by_id(sas, id);
	uint8_t owner;

	if (!group || group->settled || !sas->dp)
		return;
	if (group->moving)
		owners_poll(sas);
	if (group->moving)
		return; /* with the next message */
	owner = owner_choose(sas, group, arrival, load);
	if (owner != group->owner)
		move(sas, group, owner);
	group->settled = true;
	group->settled_nat = group->peer_port != 0;
	sas->settled[group->settled_nat][owner]++;
}
