/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Accounting records on disk, until somebody has acknowledged them.
 *
 * A folder of segments, each a sequence of checksummed entries that are only ever appended: records to be delivered,
 * acknowledgements of them, and journal entries, from which a session's Stop is made should lnsd be killed. Writing
 * and fsync are done by a thread of its own, in batches; the control core hands over buffers and never waits. A
 * segment is removed, oldest first, when nothing in it is needed any more and what replaced it is on disk: while the
 * disk refuses to write, everything stays and is tried again each second. After a crash the last entry may be cut:
 * it is recognised by its length and checksum. What is good around anything else is read, and the file is kept
 * under another name (NUMBER.spool.damaged).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RADIUS_SPOOL_HEADER      12
#define RADIUS_SPOOL_SESSION     16 /* bytes of a session's name */
#define RADIUS_SPOOL_ENTRY_MAX   4200
#define RADIUS_SPOOL_SEGMENT_MAX (8u << 20)

enum radius_spool_kind {
	RADIUS_SPOOL_RECORD = 1, /* to be delivered; also a journal entry */
	RADIUS_SPOOL_JOURNAL,    /* what a session has counted so far */
	RADIUS_SPOOL_ACK,        /* the record of that number has been delivered, or dropped */
};

struct radius_spool_entry {
	uint8_t kind;    /* enum radius_spool_kind */
	uint8_t type;    /* Acct-Status-Type */
	uint64_t number; /* of the record; an ACK: of the record that it is about */
	uint64_t event;  /* Event-Timestamp, seconds */
	char session[RADIUS_SPOOL_SESSION + 1]; /* Acct-Session-Id; "" = the NAS as a whole */
	const uint8_t *attributes;              /* encoded */
	uint16_t length;
};

struct radius_spool;

/* The entry's bytes; 0: it does not fit size. */
size_t radius_spool_encode(const struct radius_spool_entry *entry, uint8_t *buffer, size_t size);
/* Behind at, the next place where an entry may begin; end: none. */
const uint8_t *radius_spool_resume(const uint8_t *at, const uint8_t *end);
/* The entry at *at, views into it, and *at behind it. false: the end, or what stands there is no whole entry. */
bool radius_spool_decode(const uint8_t **at, const uint8_t *end, struct radius_spool_entry *entry);

/* What was in the folder, in order. */
typedef void radius_spool_found(void *user, const struct radius_spool_entry *entry);

/*
 * Makes the folder if it is not there (0700), locks it, reads what is in it, begins a new segment and starts the
 * thread. What was found stays on disk until radius_spool_forget(), by when all of it that is still needed must
 * have been appended anew. damaged: segments in which something else than an entry was. NULL and a sentence in error.
 */
struct radius_spool *radius_spool_open(const char *folder, radius_spool_found *found, void *user,
	unsigned int *damaged, char *error, size_t error_size);
void radius_spool_forget(struct radius_spool *spool);
/* Writes all that waits, if the disk takes it, then ends the thread. */
void radius_spool_close(struct radius_spool *spool);

/* The segment that it went to, held until it is released (an ACK holds nothing); 0: no memory, or 64 MB wait for the disk. */
uint32_t radius_spool_append(struct radius_spool *spool, const struct radius_spool_entry *entry);
/* Once more: released as often as it is held. */
void radius_spool_hold(struct radius_spool *spool, uint32_t segment);
void radius_spool_release(struct radius_spool *spool, uint32_t segment);

/* Bytes handed over and not yet on disk, and those that are; errors of the thread since start, and errno of the last. */
struct radius_spool_status {
	uint64_t waiting, written, syncs, errors;
	uint32_t first; /* segment; those after it follow without a gap */
	unsigned int segments, set_aside;
	int error;
	bool failing; /* the last attempt */
};
void radius_spool_status(const struct radius_spool *spool, struct radius_spool_status *status);
