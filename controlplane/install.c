/* SPDX-License-Identifier: BSD-3-Clause */
/* The writer of the dataplane's tunnels, sessions and subscriber routes. */
#include "install.h"

#include "worker_load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Tunnels whose sessions still have to hear of a new path. */
struct install_move {
	struct install_move *next;
	uint16_t tunnel_id;
	uint32_t n, at;
	uint32_t indices[];
};

struct install {
	struct dataplane *dp;
	struct session_table *sessions;
	struct install_route *routes;
	unsigned int n_workers, next_worker; /* of tunnels */
	struct worker_load load;             /* of sessions */
	struct install_move *moves;
};

struct install *install_create(struct dataplane *dp, struct install_route *routes)
{
	struct install *install = calloc(1, sizeof(*install));

	if (!install)
		return NULL;
	install->dp = dp;
	install->routes = routes;
	install->sessions = dataplane_sessions(dp);
	install->n_workers = install->load.n = dataplane_workers(dp);
	return install;
}

void install_destroy(struct install *install)
{
	if (!install)
		return;
	while (install->moves) {
		struct install_move *move = install->moves;

		install->moves = move->next;
		free(move);
	}
	free(install);
}

static void path_to_dataplane(const struct l2tp_path *path, struct tunnel_path *out)
{
	*out = (struct tunnel_path){
		.family = path->peer.family,
		.vrf = path->vrf,
		.sa_group = path->sa_group,
		.local_port = htons(path->local.port),
		.peer_port = htons(path->peer.port),
	};
	memcpy(out->local, path->local.address, sizeof(out->local));
	memcpy(out->peer, path->peer.address, sizeof(out->peer));
}

int install_tunnel_open(struct install *install, uint16_t id, uint16_t peer_id,
	const struct l2tp_path *path, const struct install_framing *framing)
{
	unsigned int owner = install->next_worker++ % install->n_workers;
	struct tunnel_path out;

	path_to_dataplane(path, &out);
	return tunnel_publish(install->sessions, id, peer_id, (uint8_t)owner,
		(uint8_t)((framing->udp_checksum ? TUNNEL_UDP_CHECKSUM : 0) |
			(framing->length_bit ? TUNNEL_LENGTH_BIT : 0)),
		&out);
}

struct install_collect {
	struct install_move *move;
	uint32_t room;
};

static void move_collect(void *user, uint32_t index)
{
	struct install_collect *collect = user;

	if (collect->move->n < collect->room)
		collect->move->indices[collect->move->n++] = index;
}

int install_tunnel_move(struct install *install, uint16_t id, const struct l2tp_path *path)
{
	struct tunnel *tunnel = tunnel_lookup(install->sessions, id);
	struct install_collect collect;
	struct tunnel_path out;
	int rc;

	if (!tunnel)
		return -ENOENT;
	collect.room = tunnel->n_sessions;
	collect.move = malloc(sizeof(*collect.move) + collect.room * sizeof(uint32_t));
	if (!collect.move)
		return -ENOMEM;
	*collect.move = (struct install_move){.tunnel_id = id};
	path_to_dataplane(path, &out);
	rc = tunnel_move(install->sessions, id, &out);
	if (rc) {
		free(collect.move);
		return rc;
	}
	tunnel_sessions(install->sessions, id, move_collect, &collect);
	collect.move->next = install->moves;
	install->moves = collect.move;
	install_poll(install);
	return 0;
}

void install_poll(struct install *install)
{
	while (install->moves) {
		struct install_move *move = install->moves;

		for (; move->at < move->n; move->at++) {
			const struct session *session =
				session_at(install->sessions, move->indices[move->at]);
			struct message message = {
				.type = MESSAGE_SESSION_PATH,
				.index = move->indices[move->at],
				.generation = session->generation,
			};

			/* a slot that ended meanwhile, or that another tunnel's session has now */
			if (!session->generation || session->tunnel_id != move->tunnel_id)
				continue;
			if (dataplane_message(install->dp, session->owner, &message))
				return;
		}
		install->moves = move->next;
		free(move);
	}
}

void install_tunnel_close(struct install *install, uint16_t id)
{
	tunnel_unpublish(install->sessions, id);
}

unsigned int install_tunnel_owner(const struct install *install, uint16_t id)
{
	const struct tunnel *tunnel = tunnel_lookup(install->sessions, id);

	return tunnel ? tunnel->owner : 0;
}

const struct worker_load *install_load(const struct install *install)
{
	return &install->load;
}

/* The worker that has the SAs of a session's tunnel. */
static uint8_t esp_owner(const struct install *install, uint16_t tunnel_id)
{
	const struct tunnel *tunnel = tunnel_lookup(install->sessions, tunnel_id);
	const struct sa_group *group =
		tunnel ? sa_group_at(dataplane_sas(install->dp), tunnel->path.sa_group) : NULL;

	return group ? sa_group_owner(group) : WORKER_LOAD_CLEAR;
}

int install_session_open(struct install *install, struct subscriber_record *record)
{
	uint8_t esp = esp_owner(install, record->tunnel_id);
	struct session_params params = {
		.tunnel_id = record->tunnel_id,
		.session_id = record->session_id,
		.peer_session_id = record->peer_session_id,
		.owner = worker_load_take(&install->load, esp),
		.vrf = record->vrf,
		.mtu = record->mtu,
		.flags = record->flags & ~(uint32_t)(SESSION_FORWARD4 | SESSION_FORWARD6),
	};
	int64_t index = session_publish(install->sessions, &params, &record->generation);

	if (index < 0) {
		worker_load_give(&install->load, params.owner, esp);
		return (int)index;
	}
	record->index = (uint32_t)index;
	record->owner = params.owner;
	record->esp_owner = esp;
	record->settled = false;
	return 0;
}

/* The session's owner rebuilds its template. -ENOMEM. */
static int template_rebuild(struct install *install, uint32_t index)
{
	const struct session *session = session_at(install->sessions, index);
	struct message message = {
		.type = MESSAGE_SESSION_PATH,
		.index = index,
		.generation = session->generation,
	};
	struct install_move *move;

	if (!dataplane_message(install->dp, session->owner, &message))
		return 0;
	/* the owner's ring is full: install_poll() asks again, as for the sessions of a moved tunnel */
	move = malloc(sizeof(*move) + sizeof(uint32_t));
	if (!move)
		return -ENOMEM;
	*move = (struct install_move){
		.next = install->moves, .tunnel_id = session->tunnel_id, .n = 1};
	move->indices[0] = index;
	install->moves = move;
	return 0;
}

/* The grace period is over: the worker that had the session has written its last to it. */
static void owner_left(void *object, uintptr_t index)
{
	struct install *install = object;

	/* without memory the template stays as it is: the new owner has it from when the session was opened */
	if (session_at(install->sessions, (uint32_t)index)->generation)
		template_rebuild(install, (uint32_t)index);
}

void install_session_arrived(
	struct install *install, struct subscriber_record *record, uint8_t arrival)
{
	struct rcu *rcu = dataplane_rcu(install->dp);

	if (record->settled)
		return;
	record->settled = true;
	if (record->esp_owner != WORKER_LOAD_CLEAR || arrival == record->owner ||
		!worker_load_room(&install->load, arrival) || rcu_reserve(rcu, 1) ||
		session_set_owner(install->sessions, record->index, arrival))
		return;
	worker_load_move(&install->load, record->owner, arrival);
	record->owner = arrival;
	rcu_defer(rcu, owner_left, install, record->index);
}

int install_session_framing(struct install *install, const struct subscriber_record *record)
{
	int rc = session_update(install->sessions, record->index, record->mtu, 0, 0,
		record->flags & ~(uint32_t)(SESSION_FORWARD4 | SESSION_FORWARD6), NULL, 0);

	return rc ? rc : template_rebuild(install, record->index);
}

static bool prefix_forwards(
	const struct subscriber_record *record, const struct session_prefix *prefix)
{
	return record->flags & (prefix->family == 4 ? SESSION_FORWARD4 : SESSION_FORWARD6);
}

static bool prefix_in(
	const struct session_prefix *prefix, const struct session_prefix *list, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (list[i].family == prefix->family && list[i].length == prefix->length &&
			!memcmp(list[i].addr, prefix->addr, sizeof(prefix->addr)))
			return true;
	return false;
}

static void routes_withdraw(struct install *install, struct subscriber_record *record,
	const struct session_prefix *keep, unsigned int n_keep)
{
	/* one that another session has taken over meanwhile stays that session's */
	for (unsigned int i = 0; i < record->n_installed; i++)
		if (!prefix_in(&record->installed[i], keep, n_keep))
			install_route_session_delete(
				install->routes, record->vrf, &record->installed[i], record->index);
	if (record->installed != record->prefixes)
		free(record->installed);
	record->installed = NULL;
	record->n_installed = 0;
}

int install_session_update(struct install *install, struct subscriber_record *record)
{
	struct session *session = session_at(install->sessions, record->index);
	struct session_prefix *wanted = NULL;
	unsigned int n = 0, set = 0;
	int rc;

	if (record->n_prefixes) {
		wanted = malloc(record->n_prefixes * sizeof(*wanted));
		if (!wanted)
			return -ENOMEM;
	}
	for (unsigned int i = 0; i < record->n_prefixes; i++)
		if (prefix_forwards(record, &record->prefixes[i]))
			wanted[n++] = record->prefixes[i];
	record->settled |= (record->flags & (SESSION_FORWARD4 | SESSION_FORWARD6)) != 0;
	/* changes only while the session does not forward; the flags are released after it */
	if (session->generation == record->generation && session->vrf != record->vrf)
		session->vrf = record->vrf;
	/* what the session may send first, then the routes towards it: no packet meets half of it */
	rc = session_update(install->sessions, record->index, record->mtu, record->mss,
		record->mss > 20 ? record->mss - 20 : 0, record->flags, wanted, n);
	for (; !rc && set < n; set++) {
		rc = install_route_session_set(
			install->routes, record->vrf, &wanted[set], record->index);
		if (rc)
			break;
	}
	if (rc) {
		while (set > 0)
			install_route_session_delete(
				install->routes, record->vrf, &wanted[--set], record->index);
		routes_withdraw(install, record, NULL, 0);
		session_update(install->sessions, record->index, record->mtu, 0, 0,
			record->flags & ~(uint32_t)(SESSION_FORWARD4 | SESSION_FORWARD6), NULL, 0);
		free(wanted);
		return rc;
	}
	routes_withdraw(install, record, wanted, n);
	if (n == record->n_prefixes) { /* the rule: one list for both */
		free(wanted);
		wanted = record->prefixes;
	}
	record->installed = wanted;
	record->n_installed = (uint8_t)n;
	return 0;
}

static void session_ended(void *user, uint32_t index, const struct session_counters *counters,
	const struct session_owner_state *state)
{
	struct subscriber_record *record = user;
	subscriber_final *final = record->final;

	record->installed = NULL;
	final(record, counters, state->up_drops, state->down_drops);
}

int install_session_close(
	struct install *install, struct subscriber_record *record, subscriber_final *final)
{
	int rc;

	routes_withdraw(install, record, NULL, 0);
	record->final = final;
	rc = session_unpublish(install->sessions, record->index, session_ended, record);
	if (rc)
		record->installed = NULL;
	else
		worker_load_give(&install->load, record->owner, record->esp_owner);
	return rc;
}
