/* SPDX-License-Identifier: BSD-3-Clause */
/* Where tunnels are found: by id, by address and peer id, by source. */
#include "l2tp_engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool path_same_address(const struct l2tp_path *a, const struct l2tp_path *b)
{
	return a->vrf == b->vrf && a->peer.family == b->peer.family &&
		memcmp(a->peer.address, b->peer.address, sizeof(a->peer.address)) == 0;
}

static bool endpoint_equal(const struct l2tp_endpoint *a, const struct l2tp_endpoint *b)
{
	return a->family == b->family && a->port == b->port &&
		memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

bool l2tp_path_equal(const struct l2tp_path *a, const struct l2tp_path *b)
{
	return a->vrf == b->vrf && a->sa_group == b->sa_group &&
		endpoint_equal(&a->peer, &b->peer) && endpoint_equal(&a->local, &b->local);
}

/* Keyed by a salt of this run, so that nobody can choose addresses and ids that collide. */
static uint32_t table_hash(const struct l2tp_lns *lns, const struct l2tp_path *path, uint32_t more)
{
	uint64_t words[2], h = lns->salt ^ ((uint64_t)path->vrf << 32 | more);

	memcpy(words, path->peer.address, sizeof(words));
	for (int i = 0; i < 2; i++) {
		unsigned __int128 product = (unsigned __int128)(h ^ words[i] ^ lns->salt << 1) *
			UINT64_C(0x9e3779b97f4a7c15);

		h = (uint64_t)product ^ (uint64_t)(product >> 64) ^ (h >> 29);
	}
	return (uint32_t)(h ^ h >> 32);
}

static struct l2tp_source **source_place(
	struct l2tp_lns *lns, const struct l2tp_path *path, uint32_t sa_group)
{
	struct l2tp_source **place =
		&lns->sources[table_hash(lns, path, 0x10000 ^ sa_group * UINT32_C(0x9e3779b1)) %
			L2TP_SOURCE_BUCKETS];

	for (; *place != NULL; place = &(*place)->next)
		if ((*place)->vrf == path->vrf && (*place)->sa_group == sa_group &&
			(*place)->address.family == path->peer.family &&
			memcmp((*place)->address.address, path->peer.address,
				sizeof(path->peer.address)) == 0)
			break;
	return place;
}

struct l2tp_source *table_source(struct l2tp_lns *lns, const struct l2tp_path *path)
{
	return *source_place(lns, path, 0);
}

struct l2tp_source *table_peer(struct l2tp_lns *lns, const struct l2tp_path *path)
{
	return *source_place(lns, path, path->sa_group);
}

struct l2tp_tunnel *table_bucket(
	struct l2tp_lns *lns, const struct l2tp_path *path, uint16_t peer_id)
{
	return lns->by_peer[table_hash(lns, path, peer_id) % L2TP_PEER_BUCKETS];
}

bool l2tp_lns_knows(struct l2tp_lns *lns, const struct l2tp_path *path, uint16_t peer_id)
{
	const struct l2tp_tunnel *t = table_bucket(lns, path, peer_id);

	for (; t != NULL; t = t->hash_next)
		if (t->peer_id == peer_id && t->path.vrf == path->vrf &&
			endpoint_equal(&t->path.peer, &path->peer) &&
			endpoint_equal(&t->path.local, &path->local))
			return true;
	return false;
}

/* Made if need be, and counted once more. NULL: no memory. */
static struct l2tp_source *source_hold(
	struct l2tp_lns *lns, const struct l2tp_path *path, uint32_t sa_group)
{
	struct l2tp_source **place = source_place(lns, path, sa_group);

	if (*place == NULL) {
		*place = calloc(1, sizeof(**place));
		if (*place == NULL)
			return NULL;
		(*place)->address = path->peer;
		(*place)->vrf = path->vrf;
		(*place)->sa_group = sa_group;
	}
	(*place)->count++;
	return *place;
}

static void source_release(struct l2tp_lns *lns, struct l2tp_source *source)
{
	const struct l2tp_path path = {.peer = source->address, .vrf = source->vrf};

	if (--source->count == 0) {
		*source_place(lns, &path, source->sa_group) = source->next;
		free(source);
	}
}

/* The two of a path, the same one in the clear. False: no memory, nothing is held. */
static bool sources_hold(
	struct l2tp_lns *lns, const struct l2tp_path *path, struct l2tp_source *sources[2])
{
	sources[0] = source_hold(lns, path, 0);
	sources[1] = sources[0] != NULL ? source_hold(lns, path, path->sa_group) : NULL;
	if (sources[1] != NULL)
		return true;
	if (sources[0] != NULL)
		source_release(lns, sources[0]);
	return false;
}

int table_insert(struct l2tp_lns *lns, struct l2tp_tunnel *t)
{
	struct l2tp_source *sources[2];
	struct l2tp_tunnel **bucket;

	if (!sources_hold(lns, &t->path, sources))
		return -ENOMEM;
	t->one = sources[1];
	if (t->state == L2TP_TUNNEL_WAIT_CTL_CONN)
		t->one->half_open++;
	t->source = sources[0];
	t->source_prev = NULL;
	t->source_next = t->source->tunnels;
	if (t->source->tunnels != NULL)
		t->source->tunnels->source_prev = t;
	t->source->tunnels = t;

	bucket = &lns->by_peer[table_hash(lns, &t->path, t->peer_id) % L2TP_PEER_BUCKETS];
	t->hash_next = *bucket;
	*bucket = t;
	lns->tunnels[t->local_id] = t;
	return 0;
}

void table_remove(struct l2tp_lns *lns, struct l2tp_tunnel *t)
{
	struct l2tp_tunnel **bucket =
		&lns->by_peer[table_hash(lns, &t->path, t->peer_id) % L2TP_PEER_BUCKETS];
	struct l2tp_source *source = t->source;

	while (*bucket != t)
		bucket = &(*bucket)->hash_next;
	*bucket = t->hash_next;
	if (t->source_prev != NULL)
		t->source_prev->source_next = t->source_next;
	else
		source->tunnels = t->source_next;
	if (t->source_next != NULL)
		t->source_next->source_prev = t->source_prev;
	if (t->state == L2TP_TUNNEL_WAIT_CTL_CONN)
		t->one->half_open--;
	source_release(lns, t->one);
	source_release(lns, source);
	t->source = t->one = NULL;
	lns->tunnels[t->local_id] = NULL;
}

int table_move(struct l2tp_lns *lns, struct l2tp_tunnel *t, const struct l2tp_path *path)
{
	struct l2tp_source *sources[2];

	/* held while the tunnel is in neither, so that inserting finds them */
	if (!sources_hold(lns, path, sources))
		return -ENOMEM;
	table_remove(lns, t);
	t->path = *path;
	(void)table_insert(lns, t);
	source_release(lns, sources[1]);
	source_release(lns, sources[0]);
	return 0;
}

struct l2tp_tunnel *table_find(struct l2tp_lns *lns, const struct l2tp_path *path, uint16_t peer_id)
{
	struct l2tp_tunnel *t = table_bucket(lns, path, peer_id);

	while (t != NULL &&
		(t->peer_id != peer_id || t->silent || !l2tp_path_equal(&t->path, path)))
		t = t->hash_next;
	return t;
}

struct l2tp_tunnel *table_sole(struct l2tp_lns *lns, const struct l2tp_path *path)
{
	struct l2tp_source *source = table_source(lns, path);
	struct l2tp_tunnel *found = NULL;
	unsigned seen = 0;

	for (struct l2tp_tunnel *t = source != NULL ? source->tunnels : NULL; t != NULL;
		t = t->source_next) {
		/* more than a handful of tunnels from one address: the sender must say which */
		if (++seen > 64)
			return NULL;
		if (t->silent || !l2tp_path_equal(&t->path, path))
			continue;
		if (found != NULL)
			return NULL;
		found = t;
	}
	return found;
}
