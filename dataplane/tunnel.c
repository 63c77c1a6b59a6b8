/* SPDX-License-Identifier: BSD-3-Clause */
/* Tunnels by id, and each one's slots: session index by session id. */
#include "session_table_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TUNNEL_SLOTS_LOG2_MIN 4
#define TUNNEL_SLOTS_LOG2_MAX 16 /* every session id has a slot of its own */

static uint32_t *slots_create(unsigned int log2)
{
	uint32_t *slots = aligned_alloc(64, sizeof(*slots) << log2);

	if (slots != NULL)
		memset(slots, 0xff, sizeof(*slots) << log2); /* SESSION_NONE */
	return slots;
}

static void memory_release(void *object, uintptr_t argument)
{
	free(object);
}

void tunnel_memory_free(struct tunnel *tunnel)
{
	free(tunnel_slots(tunnel));
	free(tunnel);
}

static void tunnel_release(void *object, uintptr_t argument)
{
	tunnel_memory_free(object);
}

static bool path_valid(const struct tunnel_path *path)
{
	return path->family == 4 || path->family == 6;
}

int tunnel_publish(struct session_table *table, uint16_t id, uint16_t peer_id, uint8_t owner,
	uint8_t flags, const struct tunnel_path *path)
{
	struct tunnel *tunnel;
	uint32_t *slots;

	if (id == 0 || !path_valid(path))
		return -EINVAL;
	if (table->tunnels[id] != NULL)
		return -EEXIST;
	tunnel = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*tunnel));
	slots = slots_create(TUNNEL_SLOTS_LOG2_MIN);
	if (tunnel == NULL || slots == NULL) {
		free(tunnel);
		free(slots);
		return -ENOMEM;
	}
	memset(tunnel, 0, sizeof(*tunnel));
	tunnel->path = *path;
	tunnel->id = id;
	tunnel->peer_id = peer_id;
	tunnel->flags = flags;
	tunnel->owner = owner;
	tunnel->slots = (uintptr_t)slots | TUNNEL_SLOTS_LOG2_MIN;
	__atomic_store_n(&table->tunnels[id], tunnel, __ATOMIC_RELEASE);
	table->n_tunnels++;
	return 0;
}

int tunnel_move(struct session_table *table, uint16_t id, const struct tunnel_path *path)
{
	struct tunnel *old = table->tunnels[id], *tunnel;

	if (old == NULL)
		return -ENOENT;
	if (!path_valid(path))
		return -EINVAL;
	if (rcu_reserve(table->rcu, 1) != 0)
		return -ENOMEM;
	tunnel = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*tunnel));
	if (tunnel == NULL)
		return -ENOMEM;
	/* The slots go with it; who still reads the old entry finds the same sessions there. */
	*tunnel = *old;
	tunnel->path = *path;
	__atomic_store_n(&table->tunnels[id], tunnel, __ATOMIC_RELEASE);
	rcu_defer(table->rcu, memory_release, old, 0);
	return 0;
}

void tunnel_sessions(struct session_table *table, uint16_t id,
	void (*each)(void *user, uint32_t index), void *user)
{
	const struct tunnel *tunnel = table->tunnels[id];

	if (tunnel == NULL)
		return;
	/* Slots that each() replaces stay readable until the next rcu_poll(). */
	const uint32_t *slots = tunnel_slots(tunnel);
	uint32_t n = tunnel_slots_count(tunnel);

	for (uint32_t i = 0; i < n; i++)
		if (slots[i] != SESSION_NONE)
			each(user, slots[i]);
}

int tunnel_unpublish(struct session_table *table, uint16_t id)
{
	struct tunnel *tunnel = table->tunnels[id];

	if (tunnel == NULL)
		return -ENOENT;
	if (tunnel->n_sessions != 0)
		return -EBUSY;
	if (rcu_reserve(table->rcu, 1) != 0)
		return -ENOMEM;
	__atomic_store_n(&table->tunnels[id], NULL, __ATOMIC_RELEASE);
	table->n_tunnels--;
	rcu_defer(table->rcu, tunnel_release, tunnel, 0);
	return 0;
}

/* The log2 of the least number of slots, more than now, where the sessions and id all differ. */
static unsigned int slots_fit(
	const struct session_table *table, const struct tunnel *tunnel, uint16_t id)
{
	const uint32_t *slots = tunnel_slots(tunnel);
	uint32_t n = tunnel_slots_count(tunnel);
	unsigned int log2 = (tunnel->slots & TUNNEL_SLOTS_BITS) + 1;
	uint64_t taken[65536 / 64];

	for (; log2 < TUNNEL_SLOTS_LOG2_MAX; log2++) {
		uint16_t mask = (uint16_t)((1u << log2) - 1);
		bool collision = false;

		memset(taken, 0, RTE_MAX((size_t)1 << log2, (size_t)64) / 8);
		taken[(id & mask) / 64] |= 1ull << (id & mask) % 64;
		for (uint32_t i = 0; i < n && !collision; i++) {
			if (slots[i] == SESSION_NONE)
				continue;
			uint16_t slot = table->sessions[slots[i]].session_id & mask;

			collision = taken[slot / 64] >> slot % 64 & 1;
			taken[slot / 64] |= 1ull << slot % 64;
		}
		if (!collision)
			break;
	}
	return log2;
}

int tunnel_slot_prepare(struct session_table *table, struct tunnel *tunnel, uint16_t session_id)
{
	uint32_t *old = tunnel_slots(tunnel), n = tunnel_slots_count(tunnel);
	uint32_t taken = old[session_id & (n - 1)];

	if (taken == SESSION_NONE)
		return 0;
	if (table->sessions[taken].session_id == session_id)
		return -EEXIST;

	unsigned int log2 = slots_fit(table, tunnel, session_id);
	uint16_t mask = (uint16_t)((1u << log2) - 1);
	uint32_t *slots;

	if (rcu_reserve(table->rcu, 1) != 0)
		return -ENOMEM;
	slots = slots_create(log2);
	if (slots == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		if (old[i] != SESSION_NONE)
			slots[table->sessions[old[i]].session_id & mask] = old[i];
	__atomic_store_n(&tunnel->slots, (uintptr_t)slots | log2, __ATOMIC_RELEASE);
	rcu_defer(table->rcu, memory_release, old, 0);
	return 0;
}

void tunnel_slot_set(struct tunnel *tunnel, uint16_t session_id, uint32_t index)
{
	uint32_t slot = session_id & (tunnel_slots_count(tunnel) - 1);

	__atomic_store_n(&tunnel_slots(tunnel)[slot], index, __ATOMIC_RELEASE);
}
