/* SPDX-License-Identifier: BSD-3-Clause */
/* What radius_spool.c (the control core's side), radius_spool_read.c and radius_spool_thread.c share. */
#pragma once

#include "radius_spool.h"

#include <pthread.h>

enum spool_job_kind { SPOOL_APPEND, SPOOL_ROTATE, SPOOL_REMOVE, SPOOL_SET_ASIDE, SPOOL_STOP };

/* Handed from the control core to the thread, which frees it once it is done and synced. */
struct spool_job {
	struct spool_job *next;
	uint32_t segment;
	uint8_t kind; /* enum spool_job_kind */
	size_t length;
	uint8_t bytes[];
};

struct spool_segment {
	uint32_t held;
};

struct radius_spool {
	int folder, lock, wake;
	pthread_t thread;
	bool thread_runs;
	struct spool_job *stop; /* made beforehand: the end must not fail for lack of memory */
	struct spool_job *jobs; /* newest first; pushed by the control core, taken by the thread */
	/* the control core's */
	uint32_t first, current;        /* segment numbers */
	struct spool_segment *segments; /* from first to current */
	uint32_t room;
	uint64_t current_bytes;
	struct spool_found {
		uint32_t segment;
		bool damaged;        /* inside of it, not by a cut */
	} * found;                   /* segments of the last life */
	uint32_t n_found, set_aside; /* set_aside: those that were damaged */
	uint64_t handed;
	/* written by the thread, read by the control core */
	uint64_t written, syncs, errors;
	int error;
	bool failing;
	/* the thread's */
	int file;
	uint64_t offset, synced; /* where the next entry goes; what stands before it is on disk */
	struct spool_job *first_job, **last_job; /* from the first that is not synced on */
	struct spool_job *next_job;              /* the first that is not done */
};

void spool_segment_name(uint32_t segment, char name[32]);

/* ---- radius_spool_read.c ---- */
/* Makes and locks the folder and lists its segments, in order. */
int spool_folder_open(struct radius_spool *spool, const char *folder);
/* All that is in the segments. Returns 0 or -errno; damaged: see radius_spool_open(). */
int spool_read(
	struct radius_spool *spool, radius_spool_found *found, void *user, unsigned int *damaged);

/* ---- radius_spool_thread.c ---- */
int spool_thread_start(struct radius_spool *spool);
void spool_thread_push(struct radius_spool *spool, struct spool_job *job);
/* After the last push: waits for its end and frees the jobs that could not be done. */
void spool_thread_end(struct radius_spool *spool);
