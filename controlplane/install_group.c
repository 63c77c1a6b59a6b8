/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sets of several next hops as groups of the dataplane.
 *
 * A group is a list of slots, a flow's hash names the slot. Each member has slots by its weight. When a
 * member goes, its slots alone are given to the others, and when it comes back it takes no more than its
 * share: flows of the other members stay where they are. The group's index stays the same meanwhile, so that
 * a million routes need not be written again.
 */
#include "install_table.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

#define SLOT_FREE 0xff

/* The member's target in the fib, 0: its interface is down or not ours. */
static uint32_t member_target(
	const struct install_route *routes, const struct next_hops *hops, unsigned int i)
{
	const struct install_hop *hop = &hops->hops[i].hop;
	const struct neighbour *gateway = hops->hops[i].gateway;

	if (hop->dead || hop->iface >= routes->settings.n_ifaces || !routes->up[hop->iface])
		return 0;
	if (!hop->family)
		return fib_target(FIB_GLEAN, hop->iface);
	return gateway->adjacency < 0 ? 0 : fib_target(FIB_ADJACENCY, (uint32_t)gateway->adjacency);
}

uint32_t hops_first(const struct install_route *routes, const struct next_hops *hops)
{
	uint32_t target = 0;

	for (unsigned int i = 0; i < hops->n && !target; i++)
		target = member_target(routes, hops, i);
	return target;
}

/*
 * Who takes part: of the members whose interface is up those that answer. If none does, all of them: packets
 * that meet an unresolved one are held and the neighbour is asked for.
 */
static unsigned int members_usable(
	const struct install_route *routes, const struct next_hops *hops, uint32_t *targets)
{
	unsigned int n = 0, answering = 0;

	for (unsigned int i = 0; i < hops->n; i++) {
		const struct neighbour *gateway = hops->hops[i].gateway;

		targets[i] = member_target(routes, hops, i);
		n += targets[i] != 0;
		answering += targets[i] && (!gateway || gateway->resolved);
	}
	if (!answering || answering == n)
		return n;
	for (unsigned int i = 0; i < hops->n; i++)
		if (hops->hops[i].gateway && !hops->hops[i].gateway->resolved)
			targets[i] = 0;
	return answering;
}

/* Slots by weight: the whole parts, then one more each for the largest remainders; nobody has none. */
static void slots_share(
	const struct next_hops *hops, const uint32_t *targets, unsigned int share[INSTALL_HOPS_MAX])
{
	unsigned int sum = 0, given = 0, rest[INSTALL_HOPS_MAX] = {0};

	for (unsigned int i = 0; i < hops->n; i++)
		sum += targets[i] ? hops->hops[i].hop.weight + 1u : 0;
	for (unsigned int i = 0; i < hops->n; i++) {
		unsigned int part = targets[i] ? GROUP_SLOTS * (hops->hops[i].hop.weight + 1u) : 0;

		share[i] = part / sum;
		rest[i] = part % sum;
		if (targets[i] && !share[i]) {
			share[i] = 1;
			rest[i] = 0;
		}
		given += share[i];
	}
	for (; given < GROUP_SLOTS; given++) {
		unsigned int most = hops->n;

		for (unsigned int i = 0; i < hops->n; i++)
			if (targets[i] && (most == hops->n || rest[i] > rest[most]))
				most = i;
		share[most]++;
		rest[most] = 0;
	}
	for (; given > GROUP_SLOTS; given--) {
		unsigned int most = 0;

		for (unsigned int i = 1; i < hops->n; i++)
			if (share[i] > share[most])
				most = i;
		share[most]--;
	}
}

static void slots_assign(struct next_hops *hops, const uint32_t *targets)
{
	unsigned int share[INSTALL_HOPS_MAX], next = 0;

	slots_share(hops, targets, share);
	for (unsigned int s = 0; s < GROUP_SLOTS; s++) {
		uint8_t member = hops->slots[s];

		if (member < hops->n && share[member])
			share[member]--;
		else
			hops->slots[s] = SLOT_FREE;
	}
	for (unsigned int s = 0; s < GROUP_SLOTS; s++) {
		if (hops->slots[s] != SLOT_FREE)
			continue;
		/* in turns: what one member loses goes to all of the others */
		do
			next = (next + 1) % hops->n;
		while (!share[next]);
		hops->slots[s] = (uint8_t)next;
		share[next]--;
	}
}

static void group_write(struct install_route *routes, struct next_hops *hops)
{
	uint32_t targets[INSTALL_HOPS_MAX], slots[GROUP_SLOTS];
	int64_t r;

	if (!members_usable(routes, hops, targets))
		return; /* no route leads here now; the slots are kept for the time after */
	slots_assign(hops, targets);
	for (unsigned int s = 0; s < GROUP_SLOTS; s++)
		slots[s] = targets[hops->slots[s]];
	if (hops->group < 0)
		r = hops->group = group_create(routes->settings.groups, slots, GROUP_SLOTS);
	else
		r = group_replace(
			routes->settings.groups, (uint32_t)hops->group, slots, GROUP_SLOTS);
	if (r < 0) {
		routes->counts.failures++;
		log_ratelimited(LOG_LEVEL_ERROR, NULL,
			"multipath routes: no group of next hops left (%s): %s", strerror((int)-r),
			hops->group < 0 ? "the first usable one takes all" : "it is as before");
	}
}

void group_open(struct install_route *routes, struct next_hops *hops)
{
	unsigned int ours = 0;

	hops->group = -1;
	for (unsigned int i = 0; i < hops->n; i++)
		ours += hops->hops[i].hop.iface < routes->settings.n_ifaces;
	if (ours < 2 || hops->kind != INSTALL_UNICAST || !routes->settings.groups)
		return;
	hops->slots = malloc(GROUP_SLOTS);
	if (!hops->slots)
		return; /* the first usable one then */
	memset(hops->slots, SLOT_FREE, GROUP_SLOTS);
	group_write(routes, hops);
	LIST_INSERT_HEAD(&routes->groups, hops, grouped);
	routes->counts.groups++;
}

void group_close(struct install_route *routes, struct next_hops *hops)
{
	if (!hops->slots)
		return;
	if (hops->group >= 0 && group_remove(routes->settings.groups, (uint32_t)hops->group) < 0)
		routes->counts.failures++; /* no memory to wait with: its index is lost */
	LIST_REMOVE(hops, grouped);
	routes->counts.groups--;
	free(hops->slots);
}

void group_follow(
	struct install_route *routes, struct next_hops *hops, const struct next_hops *before)
{
	if (hops == before || !hops->slots || !before->slots || hops->references > 1)
		return;
	for (unsigned int s = 0; s < GROUP_SLOTS; s++) {
		const struct install_hop *was;

		hops->slots[s] = SLOT_FREE;
		if (before->slots[s] == SLOT_FREE)
			continue;
		was = &before->hops[before->slots[s]].hop;
		for (unsigned int i = 0; i < hops->n; i++)
			if (hop_same(&hops->hops[i].hop, was))
				hops->slots[s] = (uint8_t)i;
	}
	group_write(routes, hops);
}

void groups_refresh(
	struct install_route *routes, const struct neighbour *gateway, unsigned int iface)
{
	struct next_hops *hops;

	LIST_FOREACH (hops, &routes->groups, grouped) {
		bool concerned = false, had;

		for (unsigned int i = 0; i < hops->n && !concerned; i++)
			concerned = gateway ? hops->hops[i].gateway == gateway
					    : hops->hops[i].hop.iface == iface;
		if (!concerned)
			continue;
		had = hops->group >= 0;
		group_write(routes, hops);
		if (!had && hops->group >= 0)
			scan_add(routes, SCAN_UPDATE); /* its routes do not lead to it yet */
	}
}
