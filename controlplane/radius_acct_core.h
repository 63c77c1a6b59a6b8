/* SPDX-License-Identifier: BSD-3-Clause */
/* What radius_acct.c (sessions), radius_acct_queue.c (delivery) and radius_acct_recover.c share. */
#pragma once

#include "radius_acct.h"

#define ACCT_BUCKETS 65536

enum { ACCT_INTERIMS, ACCT_STARTS, ACCT_FRONT, ACCT_CURSORS };
#define ACCT_HEALTH_MS 10000 /* how often the spool is looked at */
/* Attributes of a record; Acct-Delay-Time and what a client adds come on top. */
#define ACCT_LENGTH_MAX 3900

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
	uint64_t answers; /* of all records, when it was handed to the client */
	uint32_t segment; /* 0: the spool did not take it */
	uint8_t type;     /* enum radius_acct_type */
	uint8_t rounds;   /* that nobody answered although others were */
	bool ready;
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
	bool aside;   /* nobody answers its first record: it holds nothing up */
	bool ended;   /* while the spool is read: there was a Stop */
	bool compact; /* the next counters are for the journal alone */
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
	uint32_t found_buckets, n_found;
	struct acct_record *first, *last;
	struct acct_queue ready, later; /* later: behind the barrier */
	struct acct_queue aside;        /* nobody answers them: a few at a time, now and then */
	struct acct_record *barrier;    /* On and Off that wait, the first one first */
	/* nothing before it can be dropped: Interims, Starts; nothing before it holds the barrier */
	struct acct_record *cursor[ACCT_CURSORS];
	uint64_t number; /* of the last record */
	uint32_t submitted;
	uint32_t pass_ms;      /* until every server was asked as often as it is to be */
	uint32_t round_ms;     /* until a request ends without an answer */
	uint32_t aside_credit; /* how many of those set aside may be tried now */
	uint64_t progress_at;  /* of what the barrier waits for, the last; ms */
	bool stalled;          /* what is before the barrier makes no progress: it is passed */
	uint64_t waiting, waiting_bytes;
	struct timer again;  /* the client took nothing */
	struct timer retry;  /* of what was set aside */
	struct timer health; /* of the spool */
	uint64_t spool_errors;
	uint64_t spool_written; /* when it was looked at last while something waited */
	bool unspooled;         /* there are records with segment 0 */
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
/* Into the newest segment, also if it is in another; fresh: nothing of its session is newer. */
void acct_record_spool(struct acct_record *record, bool fresh);
void acct_queue_pump(struct radius_acct *acct);
/* To that client from now on; NULL: to nobody. */
void acct_queue_client(struct radius_acct *acct, struct radius_client *client);
timer_fire acct_queue_again, acct_queue_retry;
/* Takes back what the client has. */
void acct_queue_recall(struct radius_acct *acct);
void acct_record_free(struct acct_record *record);

/* ---- radius_acct_health.c ---- */
/* Of the spool: what it did not take is given to it again, old segments are emptied, and trouble is told. */
timer_fire acct_health;
