/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions: their life from publication to the final counters. */
#include "session_table_private.h"

#include <dataplane/reserve.h>

#include <rte_byteorder.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TUNNELS_SIZE (65536 * sizeof(struct tunnel *))

struct session_table *session_table_create(uint32_t capacity, struct rcu *rcu)
{
	struct session_table *table;
	struct session_table_private *private;

	if (capacity == 0 || capacity > SESSION_TABLE_MAX) {
		errno = EINVAL;
		return NULL;
	}
	table = calloc(1, sizeof(*table));
	private = calloc(1, sizeof(*private));
	if (table == NULL || private == NULL) {
		free(table);
		free(private);
		return NULL;
	}
	table->rcu = rcu;
	table->capacity = capacity;
	table->private = private;
	table->tunnels = reserve_memory(TUNNELS_SIZE, RESERVE_HOT, -1);
	table->sessions = reserve_memory(capacity * sizeof(*table->sessions), RESERVE_HOT, -1);
	private->exits = reserve_memory(capacity * sizeof(*private->exits), RESERVE_COLD, -1);
	if (!slot_ring_create(&private->indices, 0, capacity) || table->tunnels == NULL ||
		table->sessions == NULL || private->exits == NULL) {
		session_table_destroy(table);
		errno = ENOMEM;
		return NULL;
	}
	return table;
}

void session_table_destroy(struct session_table *table)
{
	struct session_table_private *private;

	if (table == NULL)
		return;
	private = table->private;
	rcu_drain(table->rcu);
	if (table->sessions != NULL)
		for (uint32_t i = 0; slot_ring_known(&private->indices, i); i++)
			free(table->sessions[i].more);
	if (table->tunnels != NULL)
		for (unsigned int id = 0; id < 65536 && table->n_tunnels > 0; id++)
			if (table->tunnels[id] != NULL) {
				tunnel_memory_free(table->tunnels[id]);
				table->n_tunnels--;
			}
	reserve_free(private->exits, table->capacity * sizeof(*private->exits));
	slot_ring_destroy(&private->indices);
	reserve_free(table->sessions, table->capacity * sizeof(*table->sessions));
	reserve_free(table->tunnels, TUNNELS_SIZE);
	free(private);
	free(table);
}

static void sources_none(struct session *session)
{
	session->ip4 = UINT32_MAX;
	session->mask4 = 0;
	session->ip6 = session->mask6 = 0;
	session->second_ip6 = session->second_mask6 = 0;
}

int64_t session_publish(
	struct session_table *table, const struct session_params *params, uint32_t *generation)
{
	struct session_table_private *private = table->private;
	struct tunnel *tunnel = table->tunnels[params->tunnel_id];
	struct session *session;
	uint32_t index;
	int ret;

	if (params->session_id == 0)
		return -EINVAL;
	if (tunnel == NULL)
		return -ENOENT;
	if (!slot_ring_left(&private->indices))
		return -ENOSPC;
	ret = tunnel_slot_prepare(table, tunnel, params->session_id);
	if (ret != 0)
		return ret;

	index = slot_ring_take(&private->indices);
	session = &table->sessions[index];
	memset(session, 0, sizeof(*session));
	session->flags = params->flags;
	session->tunnel_id = params->tunnel_id;
	session->session_id = params->session_id;
	session->peer_session_id = params->peer_session_id;
	session->owner = params->owner;
	session->vrf = params->vrf;
	session->mtu = params->mtu;
	session->index = index;
	sources_none(session);
	session_template_build(session, tunnel);

	if (++private->generation == 0)
	private->generation = 1;
	*generation = private->generation;
	__atomic_store_n(&session->generation, *generation, __ATOMIC_RELEASE);
	tunnel_slot_set(tunnel, params->session_id, index);
	tunnel->n_sessions++;
	table->n_sessions++;
	return index;
}

static struct session *session_live(struct session_table *table, uint32_t index)
{
	if (!slot_ring_known(&table->private->indices, index) ||
		table->sessions[index].generation == 0)
		return NULL;
	return &table->sessions[index];
}

static bool prefix_bits_equal(const uint8_t *a, const uint8_t *b, uint8_t length)
{
	uint8_t rest = length % 8;

	if (memcmp(a, b, length / 8) != 0)
		return false;
	return rest == 0 || (a[length / 8] ^ b[length / 8]) >> (8 - rest) == 0;
}

bool session_prefixes_match(
	const struct session_prefixes *prefixes, uint8_t family, const uint8_t *addr)
{
	for (uint32_t i = 0; i < prefixes->n; i++) {
		const struct session_prefix *prefix = &prefixes->prefix[i];

		if (prefix->family == family &&
			prefix_bits_equal(prefix->addr, addr, prefix->length))
			return true;
	}
	return false;
}

static bool prefix_valid(const struct session_prefix *prefix)
{
	unsigned int bits = prefix->family == 4 ? 32 : prefix->family == 6 ? 128 : 0;

	if (bits == 0 || prefix->length > bits)
		return false;
	for (unsigned int bit = prefix->length; bit < bits; bit++)
		if (prefix->addr[bit / 8] >> (7 - bit % 8) & 1)
			return false;
	return true;
}

/* The order of the stores: at no time does ip4/mask4 or ip6/mask6 match a foreign address. */
static void source4_set(struct session *session, const struct session_prefix *prefix)
{
	union {
		struct {
			uint32_t ip, mask;
		};
		uint64_t word;
	} pair = {{UINT32_MAX, 0}};

	if (prefix != NULL) {
		memcpy(&pair.ip, prefix->addr, 4);
		pair.mask = prefix->length == 0
			? 0
			: rte_cpu_to_be_32(UINT32_MAX << (32 - prefix->length));
	}
	__atomic_store_n((uint64_t *)&session->ip4, pair.word, __ATOMIC_RELEASE);
}

static void source6_set(uint64_t *old_ip, uint64_t *old_mask, const struct session_prefix *prefix)
{
	uint64_t ip = 0, mask = 0;

	if (prefix != NULL) {
		memcpy(&ip, prefix->addr, 8);
		mask = rte_cpu_to_be_64(UINT64_MAX << (64 - prefix->length));
	}
	if (ip == *old_ip && mask == *old_mask)
		return;
	__atomic_store_n(old_mask, 0, __ATOMIC_RELEASE);
	__atomic_store_n(old_ip, ip, __ATOMIC_RELEASE);
	__atomic_store_n(old_mask, mask, __ATOMIC_RELEASE);
}

static void more_release(void *object, uintptr_t argument)
{
	free(object);
}

int session_update(struct session_table *table, uint32_t index, uint16_t mtu, uint16_t mss4,
	uint16_t mss6, uint32_t flags, const struct session_prefix *prefixes,
	unsigned int n_prefixes)
{
	struct session *session = session_live(table, index);
	const struct session_prefix *first4 = NULL, *first6 = NULL, *second6 = NULL;
	struct session_prefixes *more = NULL, *old;

	if (session == NULL)
		return -ESTALE;
	if (n_prefixes > SESSION_PREFIXES_MAX)
		return -EINVAL;
	for (unsigned int i = 0; i < n_prefixes; i++) {
		const struct session_prefix *prefix = &prefixes[i];

		if (!prefix_valid(prefix))
			return -EINVAL;
		/* Inline stand an IPv4 prefix and the upper halves of two IPv6 ones. */
		if (prefix->family == 4 && first4 == NULL)
			first4 = prefix;
		else if (prefix->family != 6 || prefix->length < 1 || prefix->length > 64)
			continue;
		else if (first6 == NULL)
			first6 = prefix;
		else if (second6 == NULL)
			second6 = prefix;
	}
	unsigned int n_more = n_prefixes - (first4 != NULL) - (first6 != NULL) - (second6 != NULL);

	if (n_more > 0) {
		more = malloc(sizeof(*more) + n_more * sizeof(more->prefix[0]));
		if (more == NULL)
			return -ENOMEM;
		more->n = 0;
		for (unsigned int i = 0; i < n_prefixes; i++)
			if (&prefixes[i] != first4 && &prefixes[i] != first6 &&
				&prefixes[i] != second6)
				more->prefix[more->n++] = prefixes[i];
	}
	if (rcu_reserve(table->rcu, 1) != 0) {
		free(more);
		return -ENOMEM;
	}

	source4_set(session, first4);
	source6_set(&session->ip6, &session->mask6, first6);
	source6_set(&session->second_ip6, &session->second_mask6, second6);
	old = session->more;
	__atomic_store_n(&session->more, more, __ATOMIC_RELEASE);
	if (old != NULL)
		rcu_defer(table->rcu, more_release, old, 0);
	__atomic_store_n(&session->mtu, mtu, __ATOMIC_RELAXED);
	__atomic_store_n(&session->mss4, mss4, __ATOMIC_RELAXED);
	__atomic_store_n(&session->mss6, mss6, __ATOMIC_RELAXED);
	__atomic_store_n(&session->flags, flags, __ATOMIC_RELEASE);
	return 0;
}

int session_set_owner(struct session_table *table, uint32_t index, uint8_t owner)
{
	struct session *session = session_live(table, index);

	if (session == NULL)
		return -ESTALE;
	if (session->flags & (SESSION_FORWARD4 | SESSION_FORWARD6))
		return -EBUSY;
	__atomic_store_n(&session->owner, owner, __ATOMIC_RELEASE);
	return 0;
}

/* After the grace period: the owner has written its last to the session. */
static void session_release(void *object, uintptr_t index)
{
	struct session_table *table = object;
	struct session *session = &table->sessions[index];
	struct session_exit *exit = &table->private->exits[index];

	if (exit->done != NULL)
		exit->done(exit->user, (uint32_t)index, &session->counters, &session->state);
	free(session->more);
	session->more = NULL;
	slot_ring_give(&table->private->indices, (uint32_t)index);
}

int session_unpublish(struct session_table *table, uint32_t index, session_done *done, void *user)
{
	struct session *session = session_live(table, index);
	struct tunnel *tunnel;

	if (session == NULL)
		return -ESTALE;
	if (rcu_reserve(table->rcu, 1) != 0)
		return -ENOMEM;
	tunnel = table->tunnels[session->tunnel_id];
	table->private->exits[index] = (struct session_exit){done, user};
	tunnel_slot_set(tunnel, session->session_id, SESSION_NONE);
	/* Packets on their way by index (fib, rings) are refused from here on. */
	__atomic_store_n(&session->generation, 0, __ATOMIC_RELEASE);
	tunnel->n_sessions--;
	table->n_sessions--;
	rcu_defer(table->rcu, session_release, table, index);
	return 0;
}
