/* SPDX-License-Identifier: BSD-3-Clause */
/* Accounting: sessions and what is told of them. */
#include "radius_acct_core.h"

#include "log.h"

#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_jhash.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOURNAL_S 600 /* for sessions without Interims */
#define ASK_MS    100 /* until counters are asked for again that could not be */

#define ERX_IPV6_FIRST 151 /* ERX-IPv6-Acct-Input-Octets; five others follow it */

/* ---- sessions by name ---- */

static struct radius_acct_session **bucket_of(const struct radius_acct *acct, const char *name)
{
	uint32_t words[RADIUS_SPOOL_SESSION / 4] = {0};

	memcpy(words, name, strlen(name));
	return &acct->buckets[rte_jhash_32b(words, RTE_DIM(words), 0) % ACCT_BUCKETS];
}

struct radius_acct_session *acct_session_get(
	struct radius_acct *acct, const char *name, bool create)
{
	struct radius_acct_session **bucket = bucket_of(acct, name), *session;

	for (session = *bucket; session; session = session->next)
		if (!strcmp(session->name, name))
			return session;
	session = create ? calloc(1, sizeof(*session)) : NULL;
	if (!session)
		return NULL;
	session->acct = acct;
	memcpy(session->name, name, strlen(name) + 1);
	session->next = *bucket;
	session->link = bucket;
	if (*bucket)
		(*bucket)->link = &session->next;
	*bucket = session;
	acct->status.sessions++;
	return session;
}

static void session_free(struct radius_acct_session *session)
{
	struct radius_acct *acct = session->acct;

	timer_cancel(acct->settings.wheel, &session->timer);
	*session->link = session->next;
	if (session->next)
		session->next->link = session->link;
	acct->status.sessions--;
	free(session->base);
	free(session);
}

void acct_session_release(struct radius_acct_session *session)
{
	if (session->open || session->first)
		return;
	/* of a Stop that was delivered before the spool took it */
	if (session->journal)
		radius_spool_release(session->acct->spool, session->journal);
	session_free(session);
}

/* ---- life ---- */

struct radius_acct *radius_acct_create(const struct radius_acct_settings *settings)
{
	struct radius_acct *acct = calloc(1, sizeof(*acct));

	if (!acct)
		return NULL;
	acct->settings = *settings;
	acct->nas = malloc(settings->nas_length + 1);
	acct->buckets = calloc(ACCT_BUCKETS, sizeof(*acct->buckets));
	acct->found = calloc(ACCT_BUCKETS, sizeof(*acct->found));
	acct->found_buckets = ACCT_BUCKETS;
	timer_init(&acct->again, acct_queue_again);
	timer_init(&acct->retry, acct_queue_retry);
	timer_init(&acct->health, acct_health);
	if (!acct->nas || !acct->buckets || !acct->found) {
		radius_acct_destroy(acct);
		return NULL;
	}
	memcpy(acct->nas, settings->nas, settings->nas_length);
	return acct;
}

void radius_acct_set_client(struct radius_acct *acct, struct radius_client *client)
{
	acct_queue_recall(acct);
	acct_queue_client(acct, client);
}

int radius_acct_set_nas(struct radius_acct *acct, const uint8_t *nas, size_t nas_length)
{
	uint8_t *copy = malloc(nas_length + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, nas, nas_length);
	free(acct->nas);
	acct->nas = copy;
	acct->settings.nas_length = nas_length;
	return 0;
}

void radius_acct_destroy(struct radius_acct *acct)
{
	struct acct_record *next;

	if (!acct)
		return;
	acct_queue_recall(acct);
	timer_cancel(acct->settings.wheel, &acct->again);
	timer_cancel(acct->settings.wheel, &acct->retry);
	timer_cancel(acct->settings.wheel, &acct->health);
	for (struct acct_record *record = acct->first; record; record = next) {
		next = record->next;
		acct_record_free(record);
	}
	for (uint32_t i = 0; acct->buckets && i < ACCT_BUCKETS; i++)
		while (acct->buckets[i])
			session_free(acct->buckets[i]);
	free(acct->buckets);
	free(acct->found);
	free(acct->nas);
	free(acct);
}

/* ---- records ---- */

static void octets_write(struct radius_writer *writer, uint8_t low, uint8_t high, uint64_t octets)
{
	radius_add_u32(writer, low, (uint32_t)octets);
	radius_add_u32(writer, high, (uint32_t)(octets >> 32));
}

/* Vendor 4874, as FreeRADIUS' dictionary.erx has them. */
static void erx_write(struct radius_writer *writer, const struct radius_acct_counters *counters)
{
	const uint32_t values[] = {
		(uint32_t)counters->input_octets6,
		(uint32_t)counters->output_octets6,
		(uint32_t)counters->input_packets6,
		(uint32_t)counters->output_packets6,
		(uint32_t)(counters->input_octets6 >> 32),
		(uint32_t)(counters->output_octets6 >> 32),
	};

	for (unsigned int i = 0; i < RTE_DIM(values); i++) {
		uint32_t value = rte_cpu_to_be_32(values[i]);

		radius_add_vendor(writer, RADIUS_VENDOR_ERX, (uint8_t)(ERX_IPV6_FIRST + i), &value,
			sizeof(value));
	}
}

static void counters_write(struct radius_writer *writer, const struct radius_acct_session *session,
	const struct radius_acct_counters *counters)
{
	octets_write(writer, RADIUS_ACCT_INPUT_OCTETS, RADIUS_ACCT_INPUT_GIGAWORDS,
		counters->input_octets);
	octets_write(writer, RADIUS_ACCT_OUTPUT_OCTETS, RADIUS_ACCT_OUTPUT_GIGAWORDS,
		counters->output_octets);
	radius_add_u32(writer, RADIUS_ACCT_INPUT_PACKETS, (uint32_t)counters->input_packets);
	radius_add_u32(writer, RADIUS_ACCT_OUTPUT_PACKETS, (uint32_t)counters->output_packets);
	if (session->acct->settings.erx_ipv6)
		erx_write(writer, counters);
	radius_add_u32(writer, RADIUS_ACCT_SESSION_TIME,
		(uint32_t)((*session->acct->settings.now - session->up_at) / 1000));
}

/* What the session's records have in common, or all of it but Class. */
static void base_write(
	struct radius_writer *writer, const struct radius_acct_session *session, bool class)
{
	const uint8_t *at = session->base, *end = at + session->base_length;
	struct radius_attribute attribute;

	if (class)
		radius_add_encoded(writer, session->base, session->base_length);
	while (!class && radius_next(&at, end, &attribute))
		if (attribute.type != RADIUS_CLASS)
			radius_add(writer, attribute.type, attribute.value, attribute.length);
}

/*
 * What a record of the session says; cause 0 and counters NULL are left out, and Class if it is too long with it.
 * Returns its length; 0: even then.
 */
static size_t record_write(uint8_t buffer[RADIUS_PACKET_MAX],
	const struct radius_acct_session *session, enum radius_acct_type type, uint64_t event,
	const struct radius_acct_counters *counters, uint32_t cause)
{
	for (int class = 1; class >= 0; class --) {
		struct radius_writer writer;

		radius_writer_init(&writer, buffer, RADIUS_HEADER + ACCT_LENGTH_MAX,
			RADIUS_ACCOUNTING_REQUEST, 0, NULL);
		radius_add_u32(&writer, RADIUS_ACCT_STATUS_TYPE, type);
		radius_add_u32(&writer, RADIUS_EVENT_TIMESTAMP, (uint32_t)event);
		base_write(&writer, session, class);
		if (counters)
			counters_write(&writer, session, counters);
		if (cause)
			radius_add_u32(&writer, RADIUS_ACCT_TERMINATE_CAUSE, cause);
		if (!writer.failed)
			return (size_t)(writer.at - buffer) - RADIUS_HEADER;
		log_ratelimited(LOG_LEVEL_ERROR, NULL,
			"accounting: a record of session %s is longer than %d bytes: %s",
			session->name, ACCT_LENGTH_MAX,
			class ? "it goes without Class" : "without Class, too: it is dropped");
	}
	return 0;
}

static void record_make(struct radius_acct_session *session, enum radius_acct_type type,
	const struct radius_acct_counters *counters, uint32_t cause)
{
	uint8_t buffer[RADIUS_PACKET_MAX];
	struct radius_acct *acct = session->acct;
	uint64_t event = acct->settings.wall();
	size_t length = record_write(buffer, session, type, event, counters, cause);

	if (length)
		acct_record_add(acct, session, type, event, buffer + RADIUS_HEADER, length);
	acct_queue_pump(acct);
}

/* Into the spool only. */
static void journal_write(
	struct radius_acct_session *session, const struct radius_acct_counters *counters)
{
	uint8_t buffer[RADIUS_PACKET_MAX];
	struct radius_acct *acct = session->acct;
	struct radius_spool_entry entry = {
		.kind = RADIUS_SPOOL_JOURNAL,
		.type = RADIUS_ACCT_INTERIM,
		.event = acct->settings.wall(),
		.attributes = buffer + RADIUS_HEADER,
	};
	uint32_t before = session->journal, segment;

	entry.length = (uint16_t)record_write(
		buffer, session, RADIUS_ACCT_INTERIM, entry.event, counters, 0);
	if (!entry.length)
		return;
	memcpy(entry.session, session->name, sizeof(entry.session));
	segment = radius_spool_append(acct->spool, &entry);
	if (!segment)
		return; /* what it had counted before is worth more than nothing */
	session->journal = segment;
	if (before)
		radius_spool_release(acct->spool, before);
}

/* ---- sessions ---- */

/* A tenth more or less, so that what came up together does not report together; *state: any number. */
static uint64_t interval_ms(struct radius_acct_session *session)
{
	uint64_t interval = (session->interim_s ? session->interim_s : JOURNAL_S) * 1000ull;
	uint32_t spread = (uint32_t)(interval / 5);

	return interval - interval / 10 +
		rte_jhash_2words((uint32_t)(uintptr_t)session,
			(uint32_t)*session->acct->settings.now,
			(uint32_t)((uintptr_t)session >> 32)) %
		(spread + 1);
}

static void session_timer(struct timer *timer, uint64_t now)
{
	struct radius_acct_session *session =
		RTE_PTR_SUB(timer, offsetof(struct radius_acct_session, timer));
	struct radius_acct *acct = session->acct;

	session->compact = false;
	session->asked = acct->settings.ask(session->user);
	timer_set(acct->settings.wheel, timer,
		now + (session->asked ? interval_ms(session) : ASK_MS));
}

struct radius_acct_session *radius_acct_start(struct radius_acct *acct, const char *id,
	const uint8_t *base, size_t base_length, uint32_t interim_s, void *user)
{
	struct radius_acct_session *session = acct_session_get(acct, id, true);

	if (!session)
		return NULL;
	session->base = malloc(base_length + 1);
	if (!session->base) {
		acct_session_release(session);
		return NULL;
	}
	memcpy(session->base, base, base_length);
	session->base_length = (uint16_t)base_length;
	session->user = user;
	session->open = true;
	session->interim_s = interim_s;
	session->up_at = *acct->settings.now;
	timer_init(&session->timer, session_timer);
	timer_set(acct->settings.wheel, &session->timer, session->up_at + interval_ms(session));
	acct->status.starts++;
	record_make(session, RADIUS_ACCT_START, NULL, 0);
	return session;
}

int radius_acct_rebase(struct radius_acct_session *session, const uint8_t *base, size_t base_length)
{
	uint8_t *copy = malloc(base_length + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, base, base_length);
	free(session->base);
	session->base = copy;
	session->base_length = (uint16_t)base_length;
	return 0;
}

void radius_acct_update(
	struct radius_acct_session *session, const struct radius_acct_counters *counters)
{
	struct radius_acct *acct = session->acct;

	if (!session->asked)
		return;
	session->asked = false;
	if (acct->client && !session->compact && (session->interim_s || session->changed)) {
		session->changed = false;
		acct->status.interims++;
		record_make(session, RADIUS_ACCT_INTERIM, counters, 0);
	} else {
		session->compact = false;
		journal_write(session, counters);
	}
}

void radius_acct_changed(struct radius_acct_session *session, uint32_t interim_s)
{
	session->interim_s = interim_s;
	session->changed = true;
	session_timer(&session->timer, *session->acct->settings.now);
}

void radius_acct_stop(struct radius_acct_session *session,
	const struct radius_acct_counters *counters, enum radius_acct_cause cause)
{
	struct radius_acct *acct = session->acct;

	timer_cancel(acct->settings.wheel, &session->timer);
	session->open = false;
	session->user = NULL;
	acct->status.stops++;
	record_make(session, RADIUS_ACCT_STOP, counters, cause);
	/* it is gone with its last record, or now if there was no memory for this one */
	acct_session_release(session);
}

int acct_nas_record(struct radius_acct *acct, enum radius_acct_type type)
{
	uint8_t buffer[RADIUS_PACKET_MAX];
	uint64_t event = acct->settings.wall();
	struct radius_writer writer;
	char id[RADIUS_SPOOL_SESSION + 1];

	radius_writer_init(&writer, buffer, sizeof(buffer), RADIUS_ACCOUNTING_REQUEST, 0, NULL);
	radius_add_u32(&writer, RADIUS_ACCT_STATUS_TYPE, type);
	radius_add_u32(&writer, RADIUS_EVENT_TIMESTAMP, (uint32_t)event);
	/* RFC 2866 5.13 wants one in every record */
	snprintf(id, sizeof(id), "%08X%08X", (uint32_t)event, 0u);
	radius_add_text(&writer, RADIUS_ACCT_SESSION_ID, id);
	radius_add_encoded(&writer, acct->nas, acct->settings.nas_length);
	return acct_record_add(acct, NULL, type, event, buffer + RADIUS_HEADER,
		       (size_t)(writer.at - buffer) - RADIUS_HEADER)
		? 0
		: -ENOMEM;
}

void radius_acct_off(struct radius_acct *acct)
{
	acct_nas_record(acct, RADIUS_ACCT_OFF);
	acct_queue_pump(acct);
}

void radius_acct_status(const struct radius_acct *acct, struct radius_acct_status *status)
{
	*status = acct->status;
	status->waiting = acct->waiting;
	status->waiting_bytes = acct->waiting_bytes;
}
