/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Accounting records on disk: the thread that writes.
 *
 * Jobs are done in the order in which they came, and kept until what they wrote is synced. When the disk refuses
 * anything, what is not synced is taken back and tried again, a second later and as long as it takes, so that a
 * segment is never removed before that which makes it superfluous is on disk.
 */
#include "radius_spool_core.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define GATHER_US 10000 /* what comes in this time is written and synced together */
#define AGAIN_MS  1000  /* until what failed is tried again */

static int failure(struct radius_spool *spool, int error)
{
	__atomic_store_n(&spool->error, error, __ATOMIC_RELAXED);
	__atomic_add_fetch(&spool->errors, 1, __ATOMIC_RELAXED);
	return -error;
}

/* What was done is on disk: its jobs are no longer needed. */
static int sync_done(struct radius_spool *spool)
{
	struct spool_job *job;

	if (spool->offset != spool->synced) {
		if (fdatasync(spool->file))
			return failure(spool, errno);
		__atomic_add_fetch(&spool->syncs, 1, __ATOMIC_RELAXED);
		spool->synced = spool->offset;
	}
	while ((job = spool->first_job) != spool->next_job) {
		spool->first_job = job->next;
		__atomic_add_fetch(&spool->written, job->length, __ATOMIC_RELAXED);
		free(job);
	}
	if (!spool->first_job)
		spool->last_job = &spool->first_job;
	return 0;
}

/* After a failed sync nobody knows what of it is on disk: all of it is written once more. */
static void take_back(struct radius_spool *spool)
{
	spool->next_job = spool->first_job;
	spool->offset = spool->synced;
	/* an entry that is cut would stand behind the last one if lnsd ended now; it is recognised */
	if (spool->file >= 0 && ftruncate(spool->file, (off_t)spool->offset))
		failure(spool, errno);
}

static int rotate(struct radius_spool *spool, uint32_t segment)
{
	char name[32];
	int rc = sync_done(spool), file;

	if (rc)
		return rc;
	spool_segment_name(segment, name);
	file = openat(spool->folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file < 0)
		return failure(spool, errno);
	if (fsync(spool->folder)) {
		rc = failure(spool, errno);
		close(file);
		return rc;
	}
	if (spool->file >= 0)
		close(spool->file);
	spool->file = file;
	spool->offset = spool->synced = 0;
	return 0;
}

static int append(struct radius_spool *spool, const struct spool_job *job)
{
	size_t done = 0;

	while (done < job->length) {
		ssize_t n = pwrite(spool->file, job->bytes + done, job->length - done,
			(off_t)(spool->offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return failure(spool, n ? errno : ENOSPC);
		done += (size_t)n;
	}
	spool->offset += job->length;
	return 0;
}

/* A file that cannot be removed is read again at the next start: records come twice, none is lost. */
static int segment_remove(struct radius_spool *spool, const struct spool_job *job)
{
	char name[32], damaged[48];
	int rc = sync_done(spool);

	if (rc)
		return rc;
	spool_segment_name(job->segment, name);
	snprintf(damaged, sizeof(damaged), "%s.damaged", name);
	rc = job->kind == SPOOL_REMOVE ? unlinkat(spool->folder, name, 0)
				       : renameat(spool->folder, name, spool->folder, damaged);
	if (rc && errno != ENOENT)
		failure(spool, errno);
	return 0;
}

static int job_do(struct radius_spool *spool, const struct spool_job *job, bool *stop)
{
	switch ((enum spool_job_kind)job->kind) {
	case SPOOL_APPEND:
		return append(spool, job);
	case SPOOL_ROTATE:
		return rotate(spool, job->segment);
	case SPOOL_REMOVE:
	case SPOOL_SET_ASIDE:
		return segment_remove(spool, job);
	case SPOOL_STOP:
		*stop = true;
		return 0;
	}
	return 0;
}

/* In the order in which they were handed over. */
static void jobs_take(struct radius_spool *spool, bool *stop)
{
	struct spool_job *newest = __atomic_exchange_n(&spool->jobs, NULL, __ATOMIC_ACQUIRE);
	struct spool_job *oldest = NULL, **end = spool->last_job;

	for (struct spool_job *job = newest; job;) {
		struct spool_job *next = job->next;

		*stop |= job->kind == SPOOL_STOP;
		job->next = oldest;
		oldest = job;
		job = next;
	}
	if (!oldest)
		return;
	*end = oldest;
	spool->last_job = &newest->next;
	if (!spool->next_job)
		spool->next_job = oldest;
}

/* 0: all is on disk. */
static int jobs_do(struct radius_spool *spool)
{
	bool stop = false;
	int rc = 0, unsynced;

	while (!rc && !stop && spool->next_job) {
		rc = job_do(spool, spool->next_job, &stop);
		if (!rc)
			spool->next_job = spool->next_job->next;
	}
	/* what stands before that which failed is kept */
	unsynced = sync_done(spool);
	if (rc || unsynced)
		take_back(spool);
	rc = rc ? rc : unsynced;
	__atomic_store_n(&spool->failing, rc != 0, __ATOMIC_RELAXED);
	return rc;
}

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void *thread_run(void *argument)
{
	struct radius_spool *spool = argument;
	struct pollfd wake = {.fd = spool->wake, .events = POLLIN};
	uint64_t again = 0;
	bool stop = false;

	while (!stop) {
		uint64_t n;

		if (poll(&wake, 1, again ? AGAIN_MS : -1) > 0 &&
			read(spool->wake, &n, sizeof(n)) < 0)
			failure(spool, errno);
		usleep(GATHER_US);
		jobs_take(spool, &stop);
		/* what comes meanwhile is no reason to try earlier; the end is */
		if (again && !stop && clock_ms() < again)
			continue;
		again = jobs_do(spool) ? clock_ms() + AGAIN_MS : 0;
	}
	return NULL;
}

int spool_thread_start(struct radius_spool *spool)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&spool->thread, NULL, thread_run, spool);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc)
		return -rc;
	pthread_setname_np(spool->thread, "lnsd-spool");
	spool->thread_runs = true;
	return 0;
}

void spool_thread_push(struct radius_spool *spool, struct spool_job *job)
{
	uint64_t one = 1;
	bool idle;

	job->next = __atomic_load_n(&spool->jobs, __ATOMIC_RELAXED);
	do
		idle = !job->next;
	while (!__atomic_compare_exchange_n(
		&spool->jobs, &job->next, job, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	/* the counter of an eventfd is never full here: the thread takes it with the first job of a list */
	if (idle && write(spool->wake, &one, sizeof(one)) < 0)
		failure(spool, errno);
}

void spool_thread_end(struct radius_spool *spool)
{
	struct spool_job *job, *next;
	bool stop = false;

	if (spool->thread_runs)
		pthread_join(spool->thread, NULL);
	jobs_take(spool, &stop);
	for (job = spool->first_job; job; job = next) {
		next = job->next;
		free(job);
	}
	if (spool->file >= 0)
		close(spool->file);
}
