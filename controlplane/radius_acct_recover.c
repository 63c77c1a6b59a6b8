/* SPDX-License-Identifier: BSD-3-Clause */
/* What the spool says of the last life: records that are owed, and sessions that had no end. */
#include "radius_acct_core.h"

#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is found, by number ---- */

static struct acct_record **found_link(const struct radius_acct *acct, uint64_t number)
{
	struct acct_record **link = &acct->found[number & (acct->found_buckets - 1)];

	while (*link && (*link)->number != number)
		link = &(*link)->found_next;
	return link;
}

/* Without memory it only becomes slower. */
static void found_grow(struct radius_acct *acct)
{
	uint32_t n = 2 * acct->found_buckets;
	struct acct_record **more = calloc(n, sizeof(*more));

	if (!more)
		return;
	free(acct->found);
	acct->found = more;
	acct->found_buckets = n;
	for (struct acct_record *at = acct->first; at; at = at->next) {
		struct acct_record **bucket = &more[at->number & (n - 1)];

		at->found_next = *bucket;
		*bucket = at;
	}
}

static void found_add(struct radius_acct *acct, struct acct_record *record)
{
	if (acct->n_found++ >= acct->found_buckets && acct->found_buckets <= UINT32_MAX / 4)
		found_grow(acct);
	*found_link(acct, record->number) = record;
	record->previous = acct->last;
	*(acct->last ? &acct->last->next : &acct->first) = record;
	acct->last = record;
}

/* Acknowledged: its memory is free for what follows. */
static void found_remove(struct radius_acct *acct, uint64_t number)
{
	struct acct_record **link = found_link(acct, number), *record = *link;

	if (!record)
		return;
	*link = record->found_next;
	*(record->previous ? &record->previous->next : &acct->first) = record->next;
	*(record->next ? &record->next->previous : &acct->last) = record->previous;
	acct->n_found--;
	acct_record_free(record);
}

/* ---- reading ---- */

/* What a session has counted so far: the base of its Stop, if there is none. Records that were written anew are old. */
static void journal_found(
	struct radius_acct_session *session, const struct radius_spool_entry *entry)
{
	uint8_t *base;

	if (session->ended || (session->open && entry->event < session->up_at))
		return;
	base = malloc(entry->length + 1u);
	if (!base)
		return;
	memcpy(base, entry->attributes, entry->length);
	free(session->base);
	session->base = base;
	session->base_length = entry->length;
	session->up_at = entry->event; /* of the last that is known, until the Stop is made */
	session->open = true;
}

void radius_acct_found(void *user, const struct radius_spool_entry *entry)
{
	struct radius_acct *acct = user;
	struct radius_acct_session *session = NULL;
	struct acct_record *record;

	if (entry->number > acct->number)
		acct->number = entry->number;
	if (entry->kind == RADIUS_SPOOL_ACK) {
		found_remove(acct, entry->number);
		return;
	}
	if (*entry->session) {
		session = acct_session_get(acct, entry->session, true);
		if (!session)
			return;
		if (entry->type == RADIUS_ACCT_STOP) {
			session->open = false;
			session->ended = true;
		} else {
			journal_found(session, entry);
		}
	}
	/* what was written anew is there twice, if lnsd ended before the first was removed */
	if (entry->kind != RADIUS_SPOOL_RECORD || *found_link(acct, entry->number))
		return;
	record = malloc(sizeof(*record) + entry->length);
	if (!record)
		return;
	*record = (struct acct_record){
		.acct = acct,
		.session = session,
		.number = entry->number,
		.event = entry->event,
		.type = entry->type,
		.length = entry->length,
	};
	memcpy(record->attributes, entry->attributes, entry->length);
	found_add(acct, record);
}

/* The last record's attributes, with an end. false: they do not fit. */
static bool stop_write(
	struct radius_writer *writer, const struct radius_acct_session *session, bool class)
{
	const uint8_t *at = session->base, *end = at + session->base_length;
	struct radius_attribute attribute;
	bool counted = false;

	radius_add_u32(writer, RADIUS_ACCT_STATUS_TYPE, RADIUS_ACCT_STOP);
	while (radius_next(&at, end, &attribute)) {
		counted |= attribute.type == RADIUS_ACCT_SESSION_TIME;
		if (attribute.type != RADIUS_ACCT_STATUS_TYPE &&
			attribute.type != RADIUS_EVENT_TIMESTAMP &&
			(class || attribute.type != RADIUS_CLASS))
			radius_add(writer, attribute.type, attribute.value, attribute.length);
	}
	if (!counted) {
		radius_add_u32(writer, RADIUS_ACCT_SESSION_TIME, 0);
		radius_add_u32(writer, RADIUS_ACCT_INPUT_OCTETS, 0);
		radius_add_u32(writer, RADIUS_ACCT_OUTPUT_OCTETS, 0);
	}
	radius_add_u32(writer, RADIUS_ACCT_TERMINATE_CAUSE, RADIUS_CAUSE_NAS_REBOOT);
	radius_add_u32(writer, RADIUS_EVENT_TIMESTAMP, (uint32_t)session->up_at);
	return !writer->failed;
}

static int stop_make(struct radius_acct_session *session)
{
	struct radius_acct *acct = session->acct;
	uint8_t buffer[RADIUS_PACKET_MAX];
	struct radius_writer writer;
	bool fits = false;

	for (int class = 1; class >= 0 && !fits; class --) {
		radius_writer_init(&writer, buffer, RADIUS_HEADER + ACCT_LENGTH_MAX,
			RADIUS_ACCOUNTING_REQUEST, 0, NULL);
		fits = stop_write(&writer, session, class);
	}
	session->open = false;
	if (!fits) {
		log_error(NULL, "accounting: the Stop of session %s is too long and is dropped",
			session->name);
		return 0;
	}
	acct->status.recovered_stops++;
	return acct_record_add(acct, session, RADIUS_ACCT_STOP, session->up_at,
		       buffer + RADIUS_HEADER, (size_t)(writer.at - buffer) - RADIUS_HEADER)
		? 0
		: -ENOMEM;
}

static int number_order(const void *a, const void *b)
{
	uint64_t x = (*(struct acct_record *const *)a)->number;
	uint64_t y = (*(struct acct_record *const *)b)->number;

	return x < y ? -1 : x > y;
}

/* What is owed goes into the new segment and the queue, in the order in which it was made. */
static int records_take(struct radius_acct *acct)
{
	struct acct_record **records = calloc(acct->n_found + 1, sizeof(*records));
	uint32_t n = 0;

	if (!records)
		return -ENOMEM;
	for (struct acct_record *record = acct->first; record; record = record->next)
		records[n++] = record;
	acct->first = acct->last = NULL;
	qsort(records, n, sizeof(*records), number_order);
	for (uint32_t i = 0; i < n; i++) {
		acct_record_spool(records[i], true);
		acct_record_enqueue(records[i]);
	}
	acct->status.recovered = n;
	free(records);
	return 0;
}

int radius_acct_begin(
	struct radius_acct *acct, struct radius_spool *spool, struct radius_client *client)
{
	int rc;

	acct->spool = spool;
	timer_set(acct->settings.wheel, &acct->health, *acct->settings.now + ACCT_HEALTH_MS);
	rc = records_take(acct);
	for (uint32_t i = 0; i < ACCT_BUCKETS && !rc; i++) {
		struct radius_acct_session *session = acct->buckets[i], *next;

		for (; session && !rc; session = next) {
			next = session->next;
			if (session->open)
				rc = stop_make(session);
			acct_session_release(session);
		}
	}
	free(acct->found);
	acct->found = NULL;
	if (rc)
		return rc;
	if (acct->status.recovered || acct->status.recovered_stops)
		log_warning(NULL,
			"accounting: %" PRIu64 " records of the last run are still owed, %" PRIu64
			" sessions had no end and get a Stop",
			acct->status.recovered, acct->status.recovered_stops);
	rc = acct_nas_record(acct, RADIUS_ACCT_ON);
	if (rc)
		return rc;
	/* with too little memory to write all of it anew the next start reads the same once more */
	if (!acct->unspooled)
		radius_spool_forget(spool);
	acct_queue_client(acct, client);
	return 0;
}
