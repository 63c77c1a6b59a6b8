/* SPDX-License-Identifier: BSD-3-Clause */
/* What radius_acct.c (sessions), radius_acct_queue.c (delivery) and radius_acct_recover.c share. */
#pragma once

#include "radius_acct.h"

#define ACCT_BUCKETS 65536

struct acct_queue {
	struct acct_record *first, *last;
};

struct acct_record {
	struct acct_record *next, *previous;             /* all that wait, in order */
	struct acct_record *ready_next, *ready_previous; /* of those that may be sent */
	struct acct_queue *queue;                        /* that it is in; NULL: none */
	struct acct_record *barrier_next;                /* On, Off */
	struct acct_record *session_next;                /* of the same session */
	struct radius_acct *acct;
	struct radius_acct_session *session; /* NULL: On, Off */
	struct radius_request *request;      /* handed to the client */
	struct acct_record *found_next;      /* while the spool is read: by number */
	uint64_t number, event;
	uint32_t segment;
	uint8_t type; /* enum radius_acct_type */
	bool ready, acknowledged;
	uint16_t length;
	uint8_t attributes[];
};

struct radius_acct_session {
	struct radius_acct_session *next, **link; /* by name */
	struct radius_acct *acct;
	struct acct_record *first, *last; /* that wait */
	struct timer timer;
	void *user;
	char name[RADIUS_SPOOL_SESSION + 1];
	bool open, asked;
	bool changed; /* the next counters are told, with or without an interval */
	uint32_t interim_s;
	uint32_t journal; /* segment of what it has counted; 0 = none */
	uint64_t up_at;   /* ms */
	uint16_t base_length;
	uint8_t *base;
};

struct radius_acct {
	struct radius_acct_settings settings;
	uint8_t *nas;
	struct radius_client *client;
	struct radius_spool *spool;
	struct radius_acct_session **buckets;
	struct acct_record **found; /* by number, while the spool is read */
	struct acct_record *first, *last;
	struct acct_queue ready, later; /* later: behind the barrier */
	struct acct_record *barrier;    /* On and Off that wait, the first one first */
	struct acct_record *cursor[2];  /* nothing before it can be dropped: Interims, Starts */
	uint64_t number;                /* of the last record */
	uint32_t submitted;
	uint64_t waiting, waiting_bytes;
	struct timer again;  /* the client took nothing */
	struct timer health; /* of the spool */
	uint64_t spool_errors;
	struct radius_acct_status status;
};

/* ---- radius_acct.c ---- */
struct radius_acct_session *acct_session_get(
	struct radius_acct *acct, const char *name, bool create);
/* Freed once it is neither open nor has records that wait. */
void acct_session_release(struct radius_acct_session *session);

/* ---- radius_acct_queue.c ---- */
/*
 * A new record, into the spool and the queue. journal: it is also what the session has counted so far. NULL: no memory.
 */
struct acct_record *acct_record_add(struct radius_acct *acct, struct radius_acct_session *session,
	enum radius_acct_type type, uint64_t event, const uint8_t *attributes, size_t length);
/* On or Off. 0 or -ENOMEM. */
int acct_nas_record(struct radius_acct *acct, enum radius_acct_type type);
/* Into the queue, not yet into the spool; owned by it. */
void acct_record_enqueue(struct acct_record *record);
void acct_record_spool(struct acct_record *record);
void acct_queue_pump(struct radius_acct *acct);
timer_fire acct_queue_again;
/* Takes back what the client has. */
void acct_queue_recall(struct radius_acct *acct);
void acct_record_free(struct acct_record *record);
