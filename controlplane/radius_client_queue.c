/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RADIUS requests that wait, and in which order they leave.
 *
 * Four queues: fresh, in the order in which they came; again, those that a server left without an answer while another
 * can still be asked; resting, those that every server left without one; doubtful, those that have rested. Each rest is
 * twice as long as the one before, and doubtful ones have but a part of a server's room, so that those that no server
 * answers, whatever the reason, do not keep the others from being asked.
 */
#include "radius_client_core.h"

#include <rte_common.h>

#define RETRY_MS       1000
#define REST_FIRST_MS  1000
#define REST_DOUBLINGS 6 /* about a minute */

static void queue_add(struct radius_queue *queue, struct radius_request *request, bool at_head)
{
	struct radius_request *next = at_head ? queue->first : NULL;
	struct radius_request *previous = at_head ? NULL : queue->last;

	request->queue = queue;
	request->next = next;
	request->previous = previous;
	*(next ? &next->previous : &queue->last) = request;
	*(previous ? &previous->next : &queue->first) = request;
	queue->n++;
}

void radius_queue_remove(struct radius_request *request)
{
	struct radius_queue *queue = request->queue;

	*(request->next ? &request->next->previous : &queue->last) = request->previous;
	*(request->previous ? &request->previous->next : &queue->first) = request->next;
	request->next = request->previous = NULL;
	request->queue = NULL;
	queue->n--;
}

static bool nobody_to_wait_for(const struct radius_client *client)
{
	return client->fail_fast && radius_client_all_dead(client);
}

/* While it waits nothing but its end is due, or that of its rest. */
static void wait_timer_set(struct radius_request *request, uint64_t now)
{
	struct radius_client *client = request->client;
	uint64_t due = request->deadline;

	if (request->queue == &client->resting)
		due = RTE_MIN(due, request->rests_until);
	if (nobody_to_wait_for(client))
		due = now;
	if (due == UINT64_MAX)
		timer_cancel(client->wheel, &request->timer);
	else
		timer_set(client->wheel, &request->timer, due);
}

void radius_request_wait(struct radius_request *request, uint64_t now)
{
	request->waits_since = now;
	queue_add(&request->client->fresh, request, false);
	wait_timer_set(request, now);
}

static void request_rest(struct radius_request *request, uint64_t now)
{
	request->rests_until =
		now + (REST_FIRST_MS << RTE_MIN(request->rests, (unsigned int)REST_DOUBLINGS));
	request->rests++;
	request->tried = 0;
	queue_add(&request->client->resting, request, false);
	wait_timer_set(request, now);
}

void radius_request_requeue(struct radius_request *request, uint64_t now)
{
	struct radius_client *client = request->client;

	request->waits_since = now;
	if (!radius_servers_usable(request, request->tried, now)) {
		request_rest(request, now);
		return;
	}
	queue_add(request->rests ? &client->doubtful : &client->again, request, false);
	wait_timer_set(request, now);
}

bool radius_request_wake(struct radius_request *request, uint64_t now)
{
	struct radius_client *client = request->client;

	if (request->queue != &client->resting || now >= request->deadline ||
		nobody_to_wait_for(client))
		return false;
	radius_queue_remove(request);
	request->waits_since = now;
	queue_add(&client->doubtful, request, false);
	wait_timer_set(request, now);
	return true;
}

void radius_client_all_died(struct radius_client *client, uint64_t now)
{
	const struct radius_queue *queues[] = {
		&client->fresh, &client->again, &client->resting, &client->doubtful};

	for (unsigned int i = 0; i < RTE_DIM(queues); i++)
		for (struct radius_request *at = queues[i]->first; at; at = at->next) {
			/* whichever comes back first may be asked, also if it was silent before */
			at->tried = 0;
			if (client->fail_fast)
				timer_set(client->wheel, &at->timer, now);
		}
}

static void queue_pump(struct radius_client *client, struct radius_queue *queue, uint64_t now)
{
	struct radius_request *request;

	while ((request = queue->first)) {
		struct radius_server *server = radius_server_choose(request, now);

		/* without room, or without anybody */
		if (!server &&
			(radius_servers_usable(request, request->tried, now) ||
				!radius_servers_usable(request, 0, now)))
			return;
		radius_queue_remove(request);
		if (!server) {
			request_rest(request, now);
		} else if (radius_request_send(request, server, now)) {
			/* the next one is asked instead */
			server->mute_until = now + RETRY_MS;
			queue_add(queue, request, true);
			wait_timer_set(request, now);
		}
	}
}

void radius_client_pump(struct radius_client *client, uint64_t now)
{
	queue_pump(client, &client->doubtful, now);
	queue_pump(client, &client->again, now);
	queue_pump(client, &client->fresh, now);
	/* with nothing under way nothing else would come back to them */
	if (radius_client_ready(client) && !timer_is_set(&client->retry))
		timer_set(client->wheel, &client->retry, now + RETRY_MS);
}

void radius_client_retry(struct timer *timer, uint64_t now)
{
	radius_client_pump(RTE_PTR_SUB(timer, offsetof(struct radius_client, retry)), now);
}

uint32_t radius_client_ready(const struct radius_client *client)
{
	return client->fresh.n + client->again.n + client->doubtful.n;
}

uint32_t radius_client_queued(const struct radius_client *client)
{
	return radius_client_ready(client) + client->resting.n;
}
