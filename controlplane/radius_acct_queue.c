/* SPDX-License-Identifier: BSD-3-Clause */
/* Accounting records on their way to a server. */
#include "radius_acct_core.h"

#include "log.h"

#include <rte_common.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MS 100
/* A record is with the client for at least so long, and at most, until it counts as not answered; ms. */
#define ROUND_MS     60000
#define ROUND_MAX_MS 600000
#define ROUNDS       3     /* so often not answered while others are: it is set aside */
#define PASS_MS      1000  /* beyond the resends, for the waiting */
#define RETRY_MS     60000 /* how often some of those are tried again */
#define RETRY_N      4

/* ---- lists ---- */

static void all_add(struct acct_record *record)
{
	struct radius_acct *acct = record->acct;

	record->next = NULL;
	record->previous = acct->last;
	*(acct->last ? &acct->last->next : &acct->first) = record;
	acct->last = record;
	for (unsigned int i = 0; i < RTE_DIM(acct->cursor); i++)
		if (!acct->cursor[i])
			acct->cursor[i] = record;
	acct->waiting++;
	acct->waiting_bytes += sizeof(*record) + record->length;
}

static void all_remove(struct acct_record *record)
{
	struct radius_acct *acct = record->acct;

	*(record->previous ? &record->previous->next : &acct->first) = record->next;
	*(record->next ? &record->next->previous : &acct->last) = record->previous;
	for (unsigned int i = 0; i < RTE_DIM(acct->cursor); i++)
		if (acct->cursor[i] == record)
			acct->cursor[i] = record->next;
	acct->waiting--;
	acct->waiting_bytes -= sizeof(*record) + record->length;
}

static int drop_class(const struct acct_record *record)
{
	return record->type == RADIUS_ACCT_INTERIM  ? ACCT_INTERIMS
		: record->type == RADIUS_ACCT_START ? ACCT_STARTS
						    : -1;
}

static void session_add(struct acct_record *record)
{
	struct radius_acct_session *session = record->session;

	record->session_next = NULL;
	*(session->last ? &session->last->session_next : &session->first) = record;
	session->last = record;
}

static void session_remove(struct acct_record *record)
{
	struct radius_acct_session *session = record->session;
	struct acct_record **link = &session->first, *before = NULL;

	while (*link != record) {
		before = *link;
		link = &before->session_next;
	}
	*link = record->session_next;
	if (session->last == record)
		session->last = before;
}

static void queue_add(struct acct_queue *queue, struct acct_record *record, bool at_head)
{
	struct acct_record *next = at_head ? queue->first : NULL;
	struct acct_record *previous = at_head ? NULL : queue->last;

	record->ready_next = next;
	record->ready_previous = previous;
	*(next ? &next->ready_previous : &queue->last) = record;
	*(previous ? &previous->ready_next : &queue->first) = record;
	record->queue = queue;
}

static void queue_remove(struct acct_record *record)
{
	struct acct_queue *queue = record->queue;

	if (!queue)
		return;
	*(record->ready_next ? &record->ready_next->ready_previous : &queue->last) =
		record->ready_previous;
	*(record->ready_previous ? &record->ready_previous->ready_next : &queue->first) =
		record->ready_next;
	record->queue = NULL;
}

static void record_ready(struct acct_record *record)
{
	struct radius_acct *acct = record->acct;
	const struct acct_record *barrier = acct->barrier;

	record->ready = true;
	queue_add(barrier && record->number > barrier->number ? &acct->later : &acct->ready, record,
		false);
}

/* The next one behind the barrier that was passed. */
static void barrier_next(struct radius_acct *acct)
{
	struct acct_record *record = acct->later.first, *next;

	acct->barrier = acct->barrier->barrier_next;
	acct->stalled = false;
	acct->progress_at = *acct->settings.now;
	for (; record; record = next) {
		next = record->ready_next;
		if (acct->barrier && record->number > acct->barrier->number)
			continue;
		queue_remove(record);
		record_ready(record);
	}
}

/* ---- a record's life ---- */

void acct_record_free(struct acct_record *record)
{
	free(record);
}

void acct_record_enqueue(struct acct_record *record)
{
	struct radius_acct *acct = record->acct;
	struct acct_record **barrier = &acct->barrier;

	all_add(record);
	if (record->session) {
		session_add(record);
		if (record->session->first == record)
			record_ready(record);
		return;
	}
	if (!*barrier)
		acct->progress_at = *acct->settings.now;
	while (*barrier)
		barrier = &(*barrier)->barrier_next;
	record->barrier_next = NULL;
	*barrier = record;
}

/* segment 0: the Stop is on disk. */
static void journal_move(struct radius_acct_session *session, uint32_t segment)
{
	struct radius_spool *spool = session->acct->spool;

	if (segment)
		radius_spool_hold(spool, segment);
	if (session->journal)
		radius_spool_release(spool, session->journal);
	session->journal = segment;
}

void acct_record_spool(struct acct_record *record, bool fresh)
{
	struct radius_acct *acct = record->acct;
	struct radius_acct_session *session = record->session;
	uint32_t before = record->segment, segment;
	struct radius_spool_entry entry = {
		.kind = RADIUS_SPOOL_RECORD,
		.type = record->type,
		.number = record->number,
		.event = record->event,
		.attributes = record->attributes,
		.length = record->length,
	};

	if (session)
		memcpy(entry.session, session->name, sizeof(entry.session));
	segment = radius_spool_append(acct->spool, &entry);
	if (!segment) {
		acct->unspooled |= !before;
		return;
	}
	record->segment = segment;
	if (before)
		radius_spool_release(acct->spool, before);
	if (session && record->type == RADIUS_ACCT_STOP)
		journal_move(session, 0);
	else if (session && session->open && (fresh || !session->journal))
		journal_move(session, segment);
}

static void record_remove(struct acct_record *record)
{
	struct radius_acct *acct = record->acct;
	struct radius_acct_session *session = record->session;
	struct radius_spool_entry entry = {.kind = RADIUS_SPOOL_ACK, .number = record->number};

	radius_spool_append(acct->spool, &entry);
	if (record->segment)
		radius_spool_release(acct->spool, record->segment);
	queue_remove(record);
	all_remove(record);
	if (session) {
		if (session->first == record)
			session->aside = false;
		session_remove(record);
		if (session->first && !session->first->ready)
			record_ready(session->first);
		acct_session_release(session);
	} else if (record == acct->barrier) {
		barrier_next(acct);
	}
	acct_record_free(record);
}

/* The oldest Interim that is not under way, or Start; a Stop never. */
static struct acct_record *record_to_drop(struct radius_acct *acct, int class)
{
	struct acct_record **cursor = &acct->cursor[class];

	while (*cursor && (drop_class(*cursor) != class || (*cursor)->request))
		*cursor = (*cursor)->next;
	return *cursor;
}

static void room_make(struct radius_acct *acct)
{
	while (acct->waiting_bytes > acct->settings.memory_max) {
		struct acct_record *record = record_to_drop(acct, ACCT_INTERIMS);
		bool interim = record != NULL;

		if (!record)
			record = record_to_drop(acct, ACCT_STARTS);
		log_ratelimited(LOG_LEVEL_ERROR, NULL,
			"accounting: no server acknowledges, the spool is full (%" PRIu64
			" records): %s",
			acct->waiting,
			!record ? "nothing is left to drop, Stops are kept beyond radius.spool-size"
				: interim ? "the oldest Interim is dropped"
					  : "a Start is dropped, no Interims are left");
		if (!record)
			return;
		if (interim)
			acct->status.dropped_interims++;
		else
			acct->status.dropped_starts++;
		record_remove(record);
	}
}

struct acct_record *acct_record_add(struct radius_acct *acct, struct radius_acct_session *session,
	enum radius_acct_type type, uint64_t event, const uint8_t *attributes, size_t length)
{
	struct acct_record *record = malloc(sizeof(*record) + length);

	if (!record) {
		log_ratelimited(LOG_LEVEL_ERROR, NULL, "accounting: no memory for a record");
		return NULL;
	}
	*record = (struct acct_record){
		.acct = acct,
		.session = session,
		.number = ++acct->number,
		.event = event,
		.type = (uint8_t)type,
		.length = (uint16_t)length,
	};
	memcpy(record->attributes, attributes, length);
	acct_record_spool(record, true);
	acct_record_enqueue(record);
	room_make(acct);
	return record;
}

/* ---- delivery ---- */

static bool is_aside(const struct acct_record *record)
{
	return record->rounds >= ROUNDS;
}

static void set_aside(struct acct_record *record)
{
	struct radius_acct *acct = record->acct;

	if (record->session)
		record->session->aside = true;
	else if (record == acct->barrier)
		barrier_next(acct);
	if (!acct->aside.first)
		timer_set(acct->settings.wheel, &acct->retry, *acct->settings.now + RETRY_MS);
	queue_add(&acct->aside, record, false);
}

/* No deadline ends a record: it stays until somebody has acknowledged it. */
static void record_unanswered(struct acct_record *record)
{
	struct radius_acct *acct = record->acct;
	uint64_t now = *acct->settings.now;
	bool was_aside = is_aside(record);
	/* Is it this record, or does nobody answer anything? Alone it cannot be told, and it must not hold up On. */
	bool alive = acct->status.acknowledged != record->answers ||
		!radius_client_all_dead(acct->client) || (record->session && !acct->submitted);

	if (!alive)
		acct->progress_at = now;
	else if (!was_aside && ++record->rounds == ROUNDS)
		log_ratelimited(LOG_LEVEL_WARNING, NULL,
			"accounting: no server answers a record of %s%s, although servers live: it "
			"is tried now and then and holds up no other",
			record->session ? "session " : "Accounting-On or -Off",
			record->session ? record->session->name : "");
	if (alive && !was_aside && acct->barrier &&
		now - acct->progress_at >= (uint64_t)ROUNDS * acct->round_ms)
		acct->stalled = true;
	if (is_aside(record))
		set_aside(record);
	else if (record->session)
		record_ready(record);
}

static void on_done(void *user, enum radius_outcome outcome, const struct radius_answer *answer)
{
	struct acct_record *record = user;
	struct radius_acct *acct = record->acct;

	record->request = NULL;
	acct->submitted--;
	if (outcome == RADIUS_ANSWERED) {
		acct->status.acknowledged++;
		acct->progress_at = *acct->settings.now;
		/* the others may be answered now, too: with each answer more are tried */
		if (is_aside(record))
			acct->aside_credit += 2;
		record_remove(record);
	} else {
		record_unanswered(record);
	}
	acct_queue_pump(acct);
}

/* What no request can carry, from the spool of an older version: it is given up, and said. */
static void record_give_up(struct acct_record *record)
{
	log_error(NULL,
		"accounting: a record of session %s has %u bytes, no request can carry it: dropped",
		record->session ? record->session->name : "0", record->length);
	record_remove(record);
}

/* 0: the client has it, or it is gone. */
static int record_submit(struct acct_record *record)
{
	struct radius_acct *acct = record->acct;
	uint64_t now = *acct->settings.now, wall = acct->settings.wall();
	struct radius_question question = {
		.code = RADIUS_ACCOUNTING_REQUEST,
		.attributes = record->attributes,
		.attributes_length = record->length,
		.happened_at = (int64_t)now -
			(int64_t)(wall > record->event ? wall - record->event : 0) * 1000,
		.deadline_ms = is_aside(record) ? acct->pass_ms : acct->round_ms,
		.done = on_done,
		.user = record,
	};
	int rc;

	record->answers = acct->status.acknowledged;
	rc = radius_client_submit(acct->client, now, &question, &record->request);
	if (!rc)
		acct->submitted++;
	if (rc != -EMSGSIZE)
		return rc;
	record_give_up(record);
	return 0;
}

static int queue_submit(struct radius_acct *acct, struct acct_queue *queue, uint32_t max)
{
	int rc = 0;

	while (!rc && max-- && acct->submitted < acct->settings.window && queue->first) {
		struct acct_record *record = queue->first;

		queue_remove(record);
		rc = record_submit(record);
		if (rc)
			queue_add(queue, record, true);
	}
	return rc;
}

/* Everything before it is acknowledged, or nobody answers it. */
static bool barrier_due(struct radius_acct *acct)
{
	struct acct_record **front = &acct->cursor[ACCT_FRONT];

	while (*front && *front != acct->barrier &&
		((*front)->session ? (*front)->session->aside : is_aside(*front)))
		*front = (*front)->next;
	return acct->stalled || *front == acct->barrier;
}

void acct_queue_pump(struct radius_acct *acct)
{
	struct acct_record *barrier = acct->barrier;
	uint32_t credit = acct->aside_credit;
	int rc = 0;

	if (!acct->client)
		return;
	if (barrier && !barrier->request && barrier_due(acct))
		rc = record_submit(barrier);
	if (!rc && credit) {
		acct->aside_credit = 0;
		rc = queue_submit(acct, &acct->aside, credit);
	}
	if (!rc)
		rc = queue_submit(acct, &acct->ready, UINT32_MAX);
	if (rc)
		timer_set(acct->settings.wheel, &acct->again, *acct->settings.now + AGAIN_MS);
}

void acct_queue_again(struct timer *timer, uint64_t now)
{
	acct_queue_pump(RTE_PTR_SUB(timer, offsetof(struct radius_acct, again)));
}

void acct_queue_retry(struct timer *timer, uint64_t now)
{
	struct radius_acct *acct = RTE_PTR_SUB(timer, offsetof(struct radius_acct, retry));

	acct->aside_credit = RETRY_N;
	acct_queue_pump(acct);
	if (acct->aside.first)
		timer_set(acct->settings.wheel, timer, now + RETRY_MS);
}

/* A round is long enough that a dead server is known to be dead, too. */
static void round_set(struct radius_acct *acct)
{
	uint64_t pass = PASS_MS, dead = ROUND_MS;

	for (unsigned int i = 0; i < radius_client_servers(acct->client); i++) {
		struct radius_server_status status;

		radius_client_status(acct->client, i, &status);
		pass += (uint64_t)status.settings->timeout_ms
			<< RTE_MIN(status.settings->tries, 16u);
		dead = RTE_MAX(dead, 2ull * status.settings->dead_ms);
	}
	acct->pass_ms = (uint32_t)RTE_MIN(pass, (uint64_t)ROUND_MAX_MS);
	acct->round_ms = (uint32_t)RTE_MIN(RTE_MAX(pass, dead), (uint64_t)ROUND_MAX_MS);
}

void acct_queue_client(struct radius_acct *acct, struct radius_client *client)
{
	acct->client = client;
	acct->progress_at = *acct->settings.now;
	if (client)
		round_set(acct);
	acct->aside_credit = RETRY_N;
	acct_queue_pump(acct);
}

void acct_queue_recall(struct radius_acct *acct)
{
	/* from the last on, each to the head: the first one comes out first */
	for (struct acct_record *record = acct->last; record; record = record->previous) {
		if (!record->request)
			continue;
		radius_client_cancel(record->request, *acct->settings.now);
		record->request = NULL;
		acct->submitted--;
		if (is_aside(record))
			set_aside(record);
		else if (record->session)
			queue_add(&acct->ready, record, true);
	}
}
