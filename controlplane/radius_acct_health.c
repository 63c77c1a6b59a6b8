/* SPDX-License-Identifier: BSD-3-Clause */
/* Accounting: the state of its spool, looked at now and then. */
#include "radius_acct_core.h"

#include "log.h"

#include <rte_common.h>

#include <inttypes.h>
#include <string.h>

#define JOURNAL_SIZE 1024 /* of one session, generously */
#define COMPACT_TO   4    /* segments: below so many nothing is compacted */

/* It has room again: what it did not take is given to it now. */
static void respool(struct radius_acct *acct)
{
	acct->unspooled = false;
	for (struct acct_record *record = acct->first; record && !acct->unspooled;
		record = record->next)
		if (!record->segment)
			acct_record_spool(record, false);
}

/*
 * One old record keeps all segments after its own, most of them full of what nobody needs any more: what the oldest
 * quarter still holds is written anew. Counters that only a journal in them has are asked for.
 */
static void compact(struct radius_acct *acct, const struct radius_spool_status *spool)
{
	uint32_t end = spool->first + RTE_MAX(1u, spool->segments / 4);

	for (struct acct_record *record = acct->first; record; record = record->next)
		if (record->segment && record->segment < end)
			acct_record_spool(record, false);
	for (uint32_t i = 0; i < ACCT_BUCKETS; i++)
		for (struct radius_acct_session *session = acct->buckets[i]; session;
			session = session->next)
			if (session->open && session->journal && session->journal < end &&
				!session->asked && acct->settings.ask(session->user))
				session->asked = session->compact = true;
}

static void trouble_tell(struct radius_acct *acct, const struct radius_spool_status *spool)
{
	bool hung = spool->waiting && spool->written == acct->spool_written;

	if (spool->failing || spool->errors != acct->spool_errors || acct->unspooled)
		log_error(NULL,
			"accounting: the spool cannot be written: %s (%" PRIu64
			" bytes wait); records are delivered, but a crash would lose what waits "
			"(%" PRIu64 " records)",
			spool->error ? strerror(spool->error) : "it takes nothing", spool->waiting,
			acct->waiting);
	else if (hung)
		log_error(NULL,
			"accounting: the spool's disk has written nothing for %d s (%" PRIu64
			" bytes wait); a crash would lose what waits",
			ACCT_HEALTH_MS / 1000, spool->waiting);
	acct->spool_errors = spool->errors;
	acct->spool_written = spool->waiting ? spool->written : UINT64_MAX;
}

void acct_health(struct timer *timer, uint64_t now)
{
	struct radius_acct *acct = RTE_PTR_SUB(timer, offsetof(struct radius_acct, health));
	uint64_t needed =
		acct->settings.memory_max + (uint64_t)acct->status.sessions * JOURNAL_SIZE;
	struct radius_spool_status spool;

	timer_set(acct->settings.wheel, timer, now + ACCT_HEALTH_MS);
	radius_spool_status(acct->spool, &spool);
	if (acct->unspooled && !spool.failing)
		respool(acct);
	if (!acct->unspooled)
		radius_spool_forget(acct->spool); /* if that could not be at the start */
	if (!spool.failing && spool.segments > COMPACT_TO &&
		(uint64_t)spool.segments * RADIUS_SPOOL_SEGMENT_MAX > 2 * needed)
		compact(acct, &spool);
	trouble_tell(acct, &spool);
}
