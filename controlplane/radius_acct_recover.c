/* SPDX-License-Identifier: BSD-3-Clause */
/* What the spool says of the last life: records that are owed, and sessions that had no end. */
#include "radius_acct_core.h"

#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct acct_record **found_bucket(const struct radius_acct *acct, uint64_t number)
{
	return &acct->found[number % ACCT_BUCKETS];
}

static void ack_found(struct radius_acct *acct, uint64_t number)
{
	for (struct acct_record *at = *found_bucket(acct, number); at; at = at->found_next)
		if (at->number == number)
			at->acknowledged = true;
}

/* What a session has counted so far: the base of its Stop, if there is none. */
static void journal_found(
	struct radius_acct_session *session, const struct radius_spool_entry *entry)
{
	uint8_t *base = malloc(entry->length + 1u);

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
	struct acct_record *record, **bucket;

	if (entry->number > acct->number)
		acct->number = entry->number;
	if (entry->kind == RADIUS_SPOOL_ACK) {
		ack_found(acct, entry->number);
		return;
	}
	if (*entry->session) {
		session = acct_session_get(acct, entry->session, true);
		if (!session)
			return;
		if (entry->type == RADIUS_ACCT_STOP)
			session->open = false;
		else
			journal_found(session, entry);
	}
	if (entry->kind != RADIUS_SPOOL_RECORD)
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
	bucket = found_bucket(acct, record->number);
	record->found_next = *bucket;
	*bucket = record;
	record->next = NULL;
	record->previous = acct->last;
	*(acct->last ? &acct->last->next : &acct->first) = record;
	acct->last = record;
}

/* The last record's attributes, with an end. */
static int stop_make(struct radius_acct_session *session)
{
	struct radius_acct *acct = session->acct;
	uint8_t buffer[RADIUS_PACKET_MAX];
	const uint8_t *at = session->base, *end = at + session->base_length;
	struct radius_attribute attribute;
	struct radius_writer writer;
	bool counted = false;

	radius_writer_init(&writer, buffer, sizeof(buffer), RADIUS_ACCOUNTING_REQUEST, 0, NULL);
	radius_add_u32(&writer, RADIUS_ACCT_STATUS_TYPE, RADIUS_ACCT_STOP);
	while (radius_next(&at, end, &attribute)) {
		counted |= attribute.type == RADIUS_ACCT_SESSION_TIME;
		if (attribute.type != RADIUS_ACCT_STATUS_TYPE &&
			attribute.type != RADIUS_EVENT_TIMESTAMP)
			radius_add(&writer, attribute.type, attribute.value, attribute.length);
	}
	if (!counted) {
		radius_add_u32(&writer, RADIUS_ACCT_SESSION_TIME, 0);
		radius_add_u32(&writer, RADIUS_ACCT_INPUT_OCTETS, 0);
		radius_add_u32(&writer, RADIUS_ACCT_OUTPUT_OCTETS, 0);
	}
	radius_add_u32(&writer, RADIUS_ACCT_TERMINATE_CAUSE, RADIUS_CAUSE_NAS_REBOOT);
	radius_add_u32(&writer, RADIUS_EVENT_TIMESTAMP, (uint32_t)session->up_at);
	session->open = false;
	if (writer.failed)
		return -EMSGSIZE;
	return acct_record_add(acct, session, RADIUS_ACCT_STOP, session->up_at,
		       buffer + RADIUS_HEADER, (size_t)(writer.at - buffer) - RADIUS_HEADER)
		? 0
		: -ENOMEM;
}

/* What is owed goes into the new segment and the queue; what was acknowledged is forgotten. */
static void records_take(struct radius_acct *acct)
{
	struct acct_record *record = acct->first, *next;

	acct->first = acct->last = NULL;
	for (; record; record = next) {
		next = record->next;
		if (record->acknowledged) {
			acct_record_free(record);
			continue;
		}
		acct->status.recovered++;
		acct_record_spool(record);
		acct_record_enqueue(record);
	}
}

int radius_acct_begin(
	struct radius_acct *acct, struct radius_spool *spool, struct radius_client *client)
{
	int rc = 0;

	acct->spool = spool;
	records_take(acct);
	for (uint32_t i = 0; i < ACCT_BUCKETS && !rc; i++) {
		struct radius_acct_session *session = acct->buckets[i], *next;

		for (; session && !rc; session = next) {
			next = session->next;
			if (session->open) {
				rc = stop_make(session);
				acct->status.recovered_stops++;
			}
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
	acct->client = client;
	rc = acct_nas_record(acct, RADIUS_ACCT_ON);
	if (rc)
		return rc;
	radius_spool_forget(spool);
	acct_queue_pump(acct);
	return 0;
}
