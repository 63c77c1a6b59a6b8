/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a session's owner may do to its packets beyond forwarding: block, police.
 */
#include "policy.h"

#include <dataplane/reserve.h>

#include <rte_meter.h>

#include <errno.h>
#include <stdlib.h>

/* One direction of one session: a single-rate meter of which only green passes. Owner alone. */
struct policer {
	struct rte_meter_srtcm_profile profile;
	struct rte_meter_srtcm meter;
	int16_t overhead;
} __rte_cache_aligned;
static_assert(sizeof(struct policer) == 64, "a policer is one cache line");

struct policer_table {
	size_t size;
	struct policer (*sessions)[2]; /* by session index: up, down */
};

struct policer_table *policer_table_create(uint32_t capacity)
{
	struct policer_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	table->size = sizeof(table->sessions[0]) * capacity;
	table->sessions = reserve_memory(table->size, RESERVE_HOT, -1);
	if (table->sessions == NULL) {
		free(table);
		return NULL;
	}
	return table;
}

void policer_table_destroy(struct policer_table *table)
{
	if (table == NULL)
		return;
	reserve_free(table->sessions, table->size);
	free(table);
}

void policer_table_populate(struct policer_table *table, uint32_t index)
{
	if (index < table->size / sizeof(table->sessions[0]))
		reserve_populate(table->sessions[index], sizeof(table->sessions[0]));
}

static int policy_run(struct worker *w, struct session *session, uint32_t length,
	unsigned int direction, uint32_t block, uint32_t police)
{
	uint32_t hooks = session->state.policy_flags;

	if (hooks & block)
		return DROP_POLICY_FILTERED;
	if (hooks & police) {
		struct policer *policer = &w->policers->sessions[session->index][direction];
		int64_t charged = (int64_t)length + policer->overhead;

		if (rte_meter_srtcm_color_blind_check(&policer->meter, &policer->profile, w->now,
			    (uint32_t)RTE_MAX(charged, 0)) != RTE_COLOR_GREEN)
			return DROP_POLICY_POLICED;
	}
	return DROP_NONE;
}

int policy_uplink(struct worker *w, struct session *session, uint32_t length)
{
	return policy_run(w, session, length, 0, POLICY_BLOCK_UP, POLICY_POLICER_UP);
}

int policy_downlink(struct worker *w, struct session *session, uint32_t length)
{
	return policy_run(w, session, length, 1, POLICY_BLOCK_DOWN, POLICY_POLICER_DOWN);
}

/* An excess bucket of nothing makes two colours of the three: RFC 2697, 3.1. */
static int policer_set(struct policer *policer, uint64_t rate, uint32_t burst, int16_t overhead)
{
	struct rte_meter_srtcm_params params = {.cir = rate, .cbs = burst, .ebs = 0};
	struct policer set = {.overhead = overhead};

	if (rte_meter_srtcm_profile_config(&set.profile, &params) != 0 ||
		rte_meter_srtcm_config(&set.meter, &set.profile) != 0)
		return -EINVAL;
	*policer = set;
	return 0;
}

int policy_set_policer(struct worker *w, struct session *session, const struct message *message)
{
	struct policer *policers = w->policers->sessions[session->index];
	uint32_t hooks = session->state.policy_flags & ~(POLICY_POLICER_UP | POLICY_POLICER_DOWN);
	struct policer before = policers[0];

	if (message->policer.up_rate != 0) {
		if (policer_set(&policers[0], message->policer.up_rate, message->policer.up_burst,
			    message->policer.overhead) != 0)
			return -EINVAL;
		hooks |= POLICY_POLICER_UP;
	}
	if (message->policer.down_rate != 0) {
		if (policer_set(&policers[1], message->policer.down_rate,
			    message->policer.down_burst, message->policer.overhead) != 0) {
			policers[0] = before;
			return -EINVAL;
		}
		hooks |= POLICY_POLICER_DOWN;
	}
	session->state.policy_flags = hooks;
	return 0;
}

void policy_set_filter(struct session *session, bool block_up, bool block_down)
{
	uint32_t hooks = session->state.policy_flags & ~(POLICY_BLOCK_UP | POLICY_BLOCK_DOWN);

	session->state.policy_flags = hooks | (block_up ? POLICY_BLOCK_UP : 0) |
		(block_down ? POLICY_BLOCK_DOWN : 0);
}
