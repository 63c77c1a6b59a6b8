/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control core's typed messages, carried out by the owner.
 */
#include "message_input.h"
#include "policy.h"

#include <errno.h>

#define MESSAGES_PER_TURN 32

static int message_session(struct worker *w, struct session *session, const struct message *message,
	struct message_reply *reply)
{
	const struct tunnel *tunnel;

	switch (message->type) {
	case MESSAGE_SESSION_COUNTERS:
		reply->counters = session->counters;
		reply->up_drops = session->state.up_drops;
		reply->down_drops = session->state.down_drops;
		return 0;
	case MESSAGE_SESSION_SEQUENCE:
		session->state.ns = message->sequence.ns;
		session->state.nr = message->sequence.nr;
		return 0;
	case MESSAGE_SESSION_PATH:
		tunnel = tunnel_lookup(w->sessions, session->tunnel_id);
		if (tunnel == NULL)
			return -ESTALE;
		session_template_build(session, tunnel);
		return 0;
	case MESSAGE_SESSION_POLICER:
		return policy_set_policer(w, session, message);
	case MESSAGE_SESSION_FILTER:
		policy_set_filter(session, message->filter.block_up, message->filter.block_down);
		return 0;
	default:
		return -EINVAL;
	}
}

/*
 * Nothing of an SA is in hand between two bursts, so what the release store publishes is its last state. Whose slot has
 * another life by now has not been ours since then.
 */
static int message_sa_owner(struct worker *w, const struct message *message)
{
	struct sa_entry *entry;

	if (message->index >= w->sas->capacity || message->owner.worker >= w->n_workers)
		return -EINVAL;
	entry = sa_at(w->sas, message->index);
	if (message->generation == 0 || !sa_is(entry, message->generation) ||
		sa_owner(entry) != w->id)
		return -ESTALE;
	__atomic_store_n(&entry->owner, message->owner.worker, __ATOMIC_RELEASE);
	return 0;
}

static int message_group_owner(struct worker *w, const struct message *message)
{
	const struct sa_group *group = sa_group_at(w->sas, message->index);

	if (message->owner.worker >= w->n_workers)
		return -EINVAL;
	if (group == NULL || sa_group_owner(group) != w->id)
		return -ESTALE;
	__atomic_store_n(&w->sas->groups[group - w->sas->groups].owner, message->owner.worker,
		__ATOMIC_RELEASE);
	return 0;
}

static int message_sa(struct worker *w, const struct message *message)
{
	int rc = message->type == MESSAGE_SA_OWNER ? message_sa_owner(w, message)
						   : message_group_owner(w, message);

	w->stats.messages_stale += rc == -ESTALE;
	return rc;
}

static int message_run(struct worker *w, const struct message *message, struct message_reply *reply)
{
	if (message->type == MESSAGE_WORKER_STATS) {
		w->stats_snapshot = w->stats;
		return 0;
	}
	if (message->type == MESSAGE_SA_OWNER || message->type == MESSAGE_GROUP_OWNER)
		return message_sa(w, message);
	if (message->index >= w->sessions->capacity)
		return -EINVAL;

	struct session *session = session_at(w->sessions, message->index);

	/* the owner alone may touch these: a session that moved or ended is not ours */
	if (message->generation == 0 || !session_is(session, message->generation) ||
		session_owner(session) != w->id) {
		w->stats.messages_stale++;
		return -ESTALE;
	}
	return message_session(w, session, message, reply);
}

bool message_poll(struct worker *w)
{
	struct message messages[MESSAGES_PER_TURN];

	if (likely(rte_ring_empty(w->messages)))
		return false;

	unsigned int room =
		RTE_MIN(rte_ring_free_count(w->replies), (unsigned int)MESSAGES_PER_TURN);
	unsigned int n = rte_ring_sc_dequeue_burst_elem(
		w->messages, messages, sizeof(messages[0]), room, NULL);

	for (unsigned int i = 0; i < n; i++) {
		const struct message *message = &messages[i];
		struct message_reply reply = {
			.type = message->type,
			.index = message->index,
			.generation = message->generation,
			.worker = w->id,
			.cookie = message->cookie,
		};

		w->stats.messages++;
		reply.status = (int16_t)message_run(w, message, &reply);
		/* there is room, by the count above: this worker is the only producer */
		rte_ring_sp_enqueue_elem(w->replies, &reply, sizeof(reply));
	}
	return n > 0;
}
