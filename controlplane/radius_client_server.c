/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether a RADIUS server lives, how much room it has, and which one is asked next. */
#include "radius_client_core.h"

#include <crypto/digest.h>

#include <rte_common.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_FIRST      (16 * RADIUS_WINDOW_UNIT)
#define WINDOW_REVIVED    (8 * RADIUS_WINDOW_UNIT)
#define WINDOW_LEAST      (4 * RADIUS_WINDOW_UNIT)
#define IDLE_SOCKET_MS    30000
#define ALL_DEAD_PROBE_MS 1000 /* with nobody else to ask a server is probed more often */
#define STANDING_MOST     12   /* requests that may wait at a server instead of here */
#define LEAST_SPAN_MS     10000
#define CLOCK_US          1000 /* what the clock can tell apart */
#define HOLD_MAX_MS       300000
#define DOUBTFUL_PART     4 /* this part of its room is for doubtful requests */

static uint32_t window_max(const struct radius_server *server)
{
	return server->client->in_flight_max * RADIUS_WINDOW_UNIT;
}

static void window_set(struct radius_server *server, uint32_t window)
{
	server->window = RTE_MIN(RTE_MAX(window, (uint32_t)WINDOW_LEAST), window_max(server));
}

bool radius_client_all_dead(const struct radius_client *client)
{
	for (unsigned int i = 0; i < client->n_servers; i++)
		if (!client->servers[i].dead)
			return false;
	return true;
}

static void probe_later(struct radius_server *server, uint64_t now)
{
	uint32_t wait = server->settings.probe_ms;

	if (radius_client_all_dead(server->client))
		wait = RTE_MIN(wait, (uint32_t)ALL_DEAD_PROBE_MS);
	timer_set(server->client->wheel, &server->timer, now + wait);
}

static void probe_send(struct radius_server *server, uint64_t now)
{
	struct radius_client *client = server->client;
	struct radius_question question = {.code = RADIUS_STATUS_SERVER};
	uint8_t buffer[RADIUS_HEADER + 2 + sizeof(client->nas_identifier)];
	struct radius_writer writer;
	struct radius_request *probe;

	/* nothing else is due before it is answered or not */
	timer_cancel(client->wheel, &server->timer);
	radius_writer_init(&writer, buffer, sizeof(buffer), RADIUS_STATUS_SERVER, 0, NULL);
	radius_add_text(&writer, RADIUS_NAS_IDENTIFIER, client->nas_identifier);
	question.attributes = buffer + RADIUS_HEADER;
	question.attributes_length = (size_t)(writer.at - question.attributes);
	probe = radius_request_create(client, &question);
	if (!probe || radius_request_send(probe, server, now)) {
		if (probe)
			radius_request_free(probe);
		probe_later(server, now);
		return;
	}
	probe->probe = true;
	server->probe = probe;
	server->probes++;
}

static void sockets_shrink(struct radius_server *server, uint64_t now)
{
	struct radius_client *client = server->client;
	int socket;

	while ((socket = radius_ids_idle(&server->ids, now, IDLE_SOCKET_MS)) >= 0) {
		radius_ids_close(&server->ids, (unsigned int)socket);
		client->ops->socket_close(client->user, server->index, (unsigned int)socket);
	}
}

static void server_timer(struct timer *timer, uint64_t now)
{
	struct radius_server *server = RTE_PTR_SUB(timer, offsetof(struct radius_server, timer));

	sockets_shrink(server, now);
	if (!server->dead) {
		timer_set(server->client->wheel, timer, now + IDLE_SOCKET_MS);
	} else if (server->settings.status_server) {
		probe_send(server, now);
	} else {
		server->trial = true;
		probe_later(server, now);
		radius_client_pump(server->client, now);
	}
}

void radius_server_probe_failed(struct radius_server *server, uint64_t now)
{
	radius_request_leave(server->probe, RADIUS_SLOT_ABANDONED, now);
	radius_request_free(server->probe);
	server->probe = NULL;
	probe_later(server, now);
}

static timer_fire silence_timer;

int radius_server_init(struct radius_server *server, struct radius_client *client,
	unsigned int index, const struct radius_server_settings *settings, uint64_t now)
{
	uint8_t *secret = malloc(settings->secret.length + 1);

	*server = (struct radius_server){
		.client = client,
		.index = index,
		.settings = *settings,
		.changed_at = now,
	};
	server->settings.name = strdup(settings->name);
	server->settings.secret.bytes = secret;
	if (!server->settings.name || !secret) {
		free(secret);
		free((char *)(uintptr_t)server->settings.name);
		return -ENOMEM;
	}
	memcpy(secret, settings->secret.bytes, settings->secret.length);
	server->window_threshold = window_max(server);
	server->least_from = now;
	window_set(server, WINDOW_FIRST);
	timer_init(&server->timer, server_timer);
	timer_init(&server->silence, silence_timer);
	timer_set(client->wheel, &server->timer, now + IDLE_SOCKET_MS);
	return 0;
}

/* Everything of the server that is under way leaves it; the probe is freed, the others wait again. */
static void requests_leave(struct radius_server *server, uint64_t now)
{
	for (unsigned int socket = 0; socket < RADIUS_SOCKETS_MAX; socket++) {
		if (!server->ids.sockets[socket])
			continue;
		for (unsigned int id = 0; id < RADIUS_IDS_PER_SOCKET; id++) {
			struct radius_slot *slot =
				radius_ids_slot(&server->ids, socket, (uint8_t)id);
			struct radius_request *request = slot->request;

			if (slot->state != RADIUS_SLOT_BUSY || request->probe)
				continue;
			radius_request_leave(request, RADIUS_SLOT_ABANDONED, now);
			request->tried |= UINT32_C(1) << server->index;
			server->client->counters.failed_over++;
			radius_request_requeue(request, now);
		}
	}
}

void radius_server_fini(struct radius_server *server)
{
	struct radius_client *client = server->client;

	timer_cancel(client->wheel, &server->timer);
	timer_cancel(client->wheel, &server->silence);
	for (unsigned int socket = 0; socket < RADIUS_SOCKETS_MAX; socket++) {
		if (!server->ids.sockets[socket])
			continue;
		for (unsigned int id = 0; id < RADIUS_IDS_PER_SOCKET; id++) {
			struct radius_slot *slot =
				radius_ids_slot(&server->ids, socket, (uint8_t)id);

			if (slot->state == RADIUS_SLOT_BUSY)
				radius_request_free(slot->request);
		}
		radius_ids_close(&server->ids, socket);
		client->ops->socket_close(client->user, server->index, socket);
	}
	digest_wipe((uint8_t *)(uintptr_t)server->settings.secret.bytes,
		server->settings.secret.length);
	free((uint8_t *)(uintptr_t)server->settings.secret.bytes);
	free((char *)(uintptr_t)server->settings.name);
}

/* ---- life and death ---- */

static void state_change(struct radius_server *server, bool dead, uint64_t now)
{
	struct radius_client *client = server->client;

	server->dead = dead;
	server->trial = false;
	server->silent_since = 0;
	server->changed_at = now;
	client->ops->state_changed(client->user, server->index, dead);
}

void radius_server_asked(struct radius_server *server, uint64_t now)
{
	if (server->silent_since)
		return;
	server->silent_since = now;
	if (!server->dead && !timer_is_set(&server->silence))
		timer_set(server->client->wheel, &server->silence, now + server->settings.dead_ms);
}

static void silence_timer(struct timer *timer, uint64_t now)
{
	struct radius_server *server = RTE_PTR_SUB(timer, offsetof(struct radius_server, silence));
	struct radius_client *client = server->client;

	if (!server->silent_since || server->dead)
		return;
	if (now - server->silent_since < server->settings.dead_ms) {
		timer_set(client->wheel, timer, server->silent_since + server->settings.dead_ms);
		return;
	}
	server->deaths++;
	/* Status-Server it answers, and nothing else, again: a proxy whose database is gone */
	if (server->unproven)
		server->hold_ms = server->hold_ms
			? RTE_MIN(server->hold_ms * 2, (uint32_t)HOLD_MAX_MS)
			: server->settings.probe_ms;
	state_change(server, true, now);
	requests_leave(server, now);
	/* it may only be one request that it does not want to answer: asked at once */
	if (server->settings.status_server)
		probe_send(server, now);
	else
		probe_later(server, now);
	if (radius_client_all_dead(client))
		radius_client_all_died(client, now);
	radius_client_pump(client, now);
}

void radius_server_timed_out(
	struct radius_server *server, const struct radius_request *request, uint64_t now)
{
	server->timeouts++;
	/* it had time for one that came later, or nobody answers this one */
	if (request->rests || server->answered_sent_at > request->sent_at)
		return;
	/* once for all that is lost in one go */
	if (now - server->halved_at < server->settings.timeout_ms)
		return;
	server->halved_at = now;
	server->window_threshold = RTE_MAX(server->window / 2, (uint32_t)WINDOW_LEAST);
	window_set(server, server->window_threshold);
}

/*
 * The shortest time to an answer of late is what the server needs with nobody waiting there. At the end of a span the
 * window is closed for a moment, so that a server that was never without a queue shows it too.
 */
static void least_update(struct radius_server *server, uint32_t took_us, bool used, uint64_t now)
{
	if (now - server->least_from >= LEAST_SPAN_MS) {
		server->least_us = server->least_next_us;
		server->least_next_us = 0;
		server->least_from = now;
		if (used && !server->dead) {
			server->window_threshold = server->window;
			window_set(server, WINDOW_LEAST);
		}
	}
	took_us = RTE_MAX(took_us, (uint32_t)CLOCK_US);
	if (!server->least_next_us || took_us < server->least_next_us)
		server->least_next_us = took_us;
	if (!server->least_us || took_us < server->least_us)
		server->least_us = took_us;
}

/*
 * The window opens while the server answers what it has without a queue of its own: what waits there fills its
 * socket, is lost in one go, and costs a timeout each.
 */
static void window_adjust(struct radius_server *server)
{
	uint32_t latency = RTE_MAX(server->latency_us, server->least_us);
	uint32_t step = RADIUS_WINDOW_UNIT * RADIUS_WINDOW_UNIT / server->window + 1;
	uint64_t standing = (uint64_t)server->window * (latency - server->least_us) / latency /
		RADIUS_WINDOW_UNIT;

	if (standing > STANDING_MOST)
		window_set(server, server->window - RTE_MIN(step, server->window));
	else if (server->window < server->window_threshold)
		window_set(server, server->window + RADIUS_WINDOW_UNIT);
	else if (standing < STANDING_MOST / 2)
		window_set(server, server->window + step);
}

void radius_server_answered(
	struct radius_server *server, const struct radius_request *request, uint64_t now)
{
	/* a window that is not used says nothing about the server */
	bool used = server->ids.busy * RADIUS_WINDOW_UNIT * 2 >= server->window;
	uint32_t took = (uint32_t)(now - request->sent_at) * 1000;

	server->answered++;
	server->silent_since = 0;
	if (!request->probe) {
		server->answered_sent_at = RTE_MAX(server->answered_sent_at, request->sent_at);
		server->unproven = false;
		server->hold_ms = 0;
		server->held_until = 0;
	}
	if (request->sends == 1) {
		server->latency_us = server->latency_us
			? server->latency_us - server->latency_us / 8 + took / 8
			: took;
		least_update(server, took, used, now);
		if (used)
			window_adjust(server);
	}
	if (server->dead) {
		server->unproven = request->probe;
		server->held_until = server->hold_ms ? now + server->hold_ms : 0;
		state_change(server, false, now);
		server->window_threshold = window_max(server) / 2;
		window_set(server, WINDOW_REVIVED);
		timer_set(server->client->wheel, &server->timer, now + IDLE_SOCKET_MS);
	}
	/* what else it was asked counts from here */
	if (server->ids.busy > server->doubtful)
		radius_server_asked(server, now);
}

/* ---- choice ---- */

static bool server_has_room(
	const struct radius_server *server, const struct radius_request *request)
{
	uint32_t room = server->window / RADIUS_WINDOW_UNIT;

	if (request->rests && server->doubtful && server->doubtful >= room / DOUBTFUL_PART)
		return false;
	return server->ids.busy < room;
}

/* One that can be relied on, so that the others may be left alone. */
static bool proven_lives(const struct radius_client *client, uint64_t now)
{
	for (unsigned int i = 0; i < client->n_servers; i++) {
		const struct radius_server *server = &client->servers[i];

		if (!server->dead && !server->unproven && now >= server->mute_until)
			return true;
	}
	return false;
}

static bool server_is_usable(const struct radius_server *server,
	const struct radius_request *request, bool proven, uint64_t now)
{
	if (server->dead || now < server->mute_until)
		return false;
	if (!server->unproven || !proven)
		return true;
	/* a doubtful one proves nothing */
	return !request->rests && now >= server->held_until && !server->ids.busy;
}

bool radius_servers_usable(const struct radius_request *request, uint32_t tried, uint64_t now)
{
	const struct radius_client *client = request->client;
	bool proven = proven_lives(client, now);

	for (unsigned int i = 0; i < client->n_servers; i++)
		if (!(tried >> i & 1) &&
			server_is_usable(&client->servers[i], request, proven, now))
			return true;
	return false;
}

/* Those of one priority that are usable and were not tried, by bit; 0: none of that or a higher number. */
static uint32_t usable_of_priority(
	const struct radius_request *request, uint64_t least, uint64_t now, uint64_t *priority)
{
	struct radius_client *client = request->client;
	bool proven = proven_lives(client, now);
	uint32_t found = 0;

	*priority = UINT64_MAX;
	for (unsigned int i = 0; i < client->n_servers; i++) {
		const struct radius_server *server = &client->servers[i];

		if (request->tried >> i & 1 || server->settings.priority < least ||
			server->settings.priority > *priority ||
			!server_is_usable(server, request, proven, now))
			continue;
		if (server->settings.priority < *priority)
			found = 0;
		*priority = server->settings.priority;
		found |= UINT32_C(1) << i;
	}
	return found;
}

/* Among these the one with room and the most credit. */
static struct radius_server *choose_among(const struct radius_request *request, uint32_t servers)
{
	struct radius_client *client = request->client;
	struct radius_server *best = NULL;
	int total = 0;

	for (unsigned int i = 0; i < client->n_servers; i++) {
		struct radius_server *server = &client->servers[i];

		if (!(servers >> i & 1) || !server_has_room(server, request))
			continue;
		server->credit += (int)server->settings.weight;
		total += (int)server->settings.weight;
		if (!best || server->credit > best->credit)
			best = server;
	}
	if (best)
		best->credit -= total;
	return best;
}

/* Has it waited for room of these for as long as the slowest of them would be given to answer? */
static bool has_waited(const struct radius_request *request, uint32_t servers, uint64_t now)
{
	const struct radius_client *client = request->client;

	for (unsigned int i = 0; i < client->n_servers; i++)
		if (servers >> i & 1 &&
			now - request->waits_since < client->servers[i].settings.timeout_ms)
			return false;
	return true;
}

struct radius_server *radius_server_choose(struct radius_request *request, uint64_t now)
{
	struct radius_client *client = request->client;
	uint64_t least = 0, priority;
	uint32_t servers;

	for (unsigned int i = 0; i < client->n_servers; i++) {
		struct radius_server *server = &client->servers[i];

		if (!server->trial || (request->rests && client->fresh.n + client->again.n))
			continue;
		server->trial = false;
		return server;
	}
	while ((servers = usable_of_priority(request, least, now, &priority))) {
		struct radius_server *server = choose_among(request, servers);

		if (server || !has_waited(request, servers, now))
			return server;
		least = priority + 1;
	}
	return NULL;
}

void radius_client_status(
	const struct radius_client *client, unsigned int index, struct radius_server_status *status)
{
	const struct radius_server *server = &client->servers[index];

	*status = (struct radius_server_status){
		.settings = &server->settings,
		.dead = server->dead,
		.changed_at = server->changed_at,
		.held_until = server->dead ? 0 : server->held_until,
		.in_flight = server->ids.busy,
		.window = server->window / RADIUS_WINDOW_UNIT,
		.sockets = radius_ids_sockets(&server->ids),
		.latency_us = server->latency_us,
		.sent = server->sent,
		.resent = server->resent,
		.answered = server->answered,
		.accepts = server->accepts,
		.rejects = server->rejects,
		.challenges = server->challenges,
		.timeouts = server->timeouts,
		.probes = server->probes,
		.deaths = server->deaths,
	};
	memcpy(status->drops, server->drops, sizeof(status->drops));
}
