/* SPDX-License-Identifier: BSD-3-Clause */
/* Accounting records on disk: the folder, its segments, and the thread that writes. */
#include "radius_spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define GATHER_US 10000 /* what comes in this time is written and synced together */

enum job_kind { JOB_APPEND, JOB_ROTATE, JOB_REMOVE, JOB_STOP };

/* Handed from the control core to the thread, which frees it. */
struct job {
	struct job *next;
	uint32_t segment;
	uint8_t kind; /* enum job_kind */
	size_t length;
	uint8_t bytes[];
};

struct segment {
	uint32_t held;
};

struct radius_spool {
	int folder, lock, wake;
	pthread_t thread;
	bool thread_runs;
	struct job *stop; /* made beforehand: the end must not fail for lack of memory */
	struct job *jobs; /* newest first; pushed by the control core, taken by the thread */
	/* the control core's */
	uint32_t first, current;  /* segment numbers */
	struct segment *segments; /* from first to current */
	uint32_t room;
	uint64_t current_bytes;
	uint32_t *found, n_found; /* segments of the last life */
	uint64_t handed;
	/* written by the thread, read by the control core */
	uint64_t written, syncs, errors;
	int error;
	/* the thread's */
	int file;
	uint64_t offset;
};

static void segment_name(uint32_t segment, char name[32])
{
	snprintf(name, 32, "%010u.spool", segment);
}

/* ---- the thread ---- */

static void thread_error(struct radius_spool *spool, int error)
{
	__atomic_store_n(&spool->error, error, __ATOMIC_RELAXED);
	__atomic_add_fetch(&spool->errors, 1, __ATOMIC_RELAXED);
}

static void thread_sync(struct radius_spool *spool)
{
	if (spool->file >= 0 && fdatasync(spool->file))
		thread_error(spool, errno);
	__atomic_add_fetch(&spool->syncs, 1, __ATOMIC_RELAXED);
}

static void thread_rotate(struct radius_spool *spool, uint32_t segment)
{
	char name[32];

	if (spool->file >= 0) {
		thread_sync(spool);
		close(spool->file);
	}
	segment_name(segment, name);
	spool->file = openat(spool->folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	spool->offset = 0;
	if (spool->file < 0 || fsync(spool->folder))
		thread_error(spool, errno);
}

/* An entry that is cut would hide all that follow it: it is taken back. */
static void thread_append(struct radius_spool *spool, const struct job *job)
{
	size_t done = 0;

	while (spool->file >= 0 && done < job->length) {
		ssize_t n = pwrite(spool->file, job->bytes + done, job->length - done,
			(off_t)(spool->offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			thread_error(spool, n ? errno : ENOSPC);
			if (ftruncate(spool->file, (off_t)spool->offset))
				thread_error(spool, errno);
			break;
		}
		done += (size_t)n;
	}
	if (done == job->length)
		spool->offset += job->length;
	__atomic_add_fetch(&spool->written, job->length, __ATOMIC_RELAXED);
}

static void thread_remove(struct radius_spool *spool, uint32_t segment)
{
	char name[32];

	segment_name(segment, name);
	if (unlinkat(spool->folder, name, 0) && errno != ENOENT)
		thread_error(spool, errno);
}

/* In the order in which they were handed over. */
static struct job *jobs_take(struct radius_spool *spool)
{
	struct job *newest = __atomic_exchange_n(&spool->jobs, NULL, __ATOMIC_ACQUIRE);
	struct job *oldest = NULL;

	while (newest) {
		struct job *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

/* What makes a segment superfluous is on disk before the segment goes. */
static bool jobs_do(struct radius_spool *spool, struct job *job)
{
	bool dirty = false, stop = false;

	while (job) {
		struct job *next = job->next;

		switch ((enum job_kind)job->kind) {
		case JOB_APPEND:
			thread_append(spool, job);
			dirty = true;
			break;
		case JOB_ROTATE:
			thread_rotate(spool, job->segment);
			dirty = false;
			break;
		case JOB_REMOVE:
			if (dirty)
				thread_sync(spool);
			dirty = false;
			thread_remove(spool, job->segment);
			break;
		case JOB_STOP:
			stop = true;
			break;
		}
		free(job);
		job = next;
	}
	if (dirty)
		thread_sync(spool);
	return stop;
}

static void *thread_run(void *argument)
{
	struct radius_spool *spool = argument;
	bool stop = false;

	while (!stop) {
		uint64_t n;

		if (read(spool->wake, &n, sizeof(n)) < 0 && errno != EINTR)
			thread_error(spool, errno);
		usleep(GATHER_US);
		stop = jobs_do(spool, jobs_take(spool));
	}
	if (spool->file >= 0)
		close(spool->file);
	return NULL;
}

/* ---- the control core's side ---- */

static struct job *job_create(enum job_kind kind, uint32_t segment, size_t room)
{
	struct job *job = malloc(sizeof(*job) + room);

	if (job)
		*job = (struct job){.kind = (uint8_t)kind, .segment = segment};
	return job;
}

static void job_push(struct radius_spool *spool, struct job *job)
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
		thread_error(spool, errno);
}

static int segment_begin(struct radius_spool *spool, uint32_t segment)
{
	uint32_t n = segment - spool->first + 1;
	struct job *job = job_create(JOB_ROTATE, segment, 0);

	if (!job)
		return -ENOMEM;
	if (n > spool->room) {
		struct segment *more = realloc(spool->segments, 2 * n * sizeof(*more));

		if (!more) {
			free(job);
			return -ENOMEM;
		}
		spool->segments = more;
		spool->room = 2 * n;
	}
	spool->segments[n - 1] = (struct segment){0};
	spool->current = segment;
	spool->current_bytes = 0;
	job_push(spool, job);
	return 0;
}

static void segments_remove(struct radius_spool *spool)
{
	uint32_t n = 0;

	while (spool->first + n < spool->current && !spool->segments[n].held) {
		struct job *job = job_create(JOB_REMOVE, spool->first + n, 0);

		if (!job)
			break; /* with the next one */
		job_push(spool, job);
		n++;
	}
	if (!n)
		return;
	spool->first += n;
	memmove(spool->segments, spool->segments + n,
		(spool->current - spool->first + 1) * sizeof(*spool->segments));
}

uint32_t radius_spool_append(struct radius_spool *spool, const struct radius_spool_entry *entry)
{
	size_t room = RADIUS_SPOOL_HEADER + RADIUS_SPOOL_ENTRY_MAX;
	uint8_t buffer[RADIUS_SPOOL_HEADER + RADIUS_SPOOL_ENTRY_MAX];
	size_t length = radius_spool_encode(entry, buffer, room);
	struct job *job;

	if (!length)
		return 0;
	if (spool->current_bytes >= RADIUS_SPOOL_SEGMENT_MAX &&
		segment_begin(spool, spool->current + 1))
		return 0;
	job = job_create(JOB_APPEND, spool->current, length);
	if (!job)
		return 0;
	memcpy(job->bytes, buffer, length);
	job->length = length;
	spool->current_bytes += length;
	spool->handed += length;
	if (entry->kind != RADIUS_SPOOL_ACK)
		spool->segments[spool->current - spool->first].held++;
	job_push(spool, job);
	return spool->current;
}

void radius_spool_hold(struct radius_spool *spool, uint32_t segment)
{
	if (segment >= spool->first && segment <= spool->current)
		spool->segments[segment - spool->first].held++;
}

void radius_spool_release(struct radius_spool *spool, uint32_t segment)
{
	if (segment < spool->first || segment > spool->current)
		return;
	if (!--spool->segments[segment - spool->first].held && segment == spool->first)
		segments_remove(spool);
}

void radius_spool_forget(struct radius_spool *spool)
{
	for (uint32_t i = 0; i < spool->n_found; i++) {
		struct job *job = job_create(JOB_REMOVE, spool->found[i], 0);

		if (job)
			job_push(spool, job);
	}
	spool->n_found = 0;
}

void radius_spool_status(const struct radius_spool *spool, struct radius_spool_status *status)
{
	*status = (struct radius_spool_status){
		.written = __atomic_load_n(&spool->written, __ATOMIC_RELAXED),
		.syncs = __atomic_load_n(&spool->syncs, __ATOMIC_RELAXED),
		.errors = __atomic_load_n(&spool->errors, __ATOMIC_RELAXED),
		.error = __atomic_load_n(&spool->error, __ATOMIC_RELAXED),
		.segments = spool->current - spool->first + 1,
	};
	status->waiting = spool->handed - status->written;
}

/* ---- open and close ---- */

static int number_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int segments_list(struct radius_spool *spool)
{
	int copy = dup(spool->folder);
	DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *file;

	if (!folder) {
		if (copy >= 0)
			close(copy);
		return -errno;
	}
	while ((file = readdir(folder))) {
		char name[32];
		unsigned int number;
		uint32_t *more;

		if (sscanf(file->d_name, "%10u.spool", &number) != 1)
			continue;
		segment_name(number, name);
		if (strcmp(name, file->d_name))
			continue;
		more = realloc(spool->found, (spool->n_found + 1) * sizeof(*more));
		if (!more) {
			closedir(folder);
			return -ENOMEM;
		}
		spool->found = more;
		spool->found[spool->n_found++] = number;
	}
	closedir(folder);
	if (spool->n_found)
		qsort(spool->found, spool->n_found, sizeof(*spool->found), number_order);
	return 0;
}

/* false: it ends in something that is no entry. -errno in *rc: it cannot be read. */
static bool segment_read(struct radius_spool *spool, uint32_t segment, radius_spool_found *found,
	void *user, int *rc)
{
	struct radius_spool_entry entry;
	uint8_t *bytes = NULL;
	const uint8_t *at;
	struct stat st;
	char name[32];
	size_t n = 0;
	bool whole = false;
	int fd;

	segment_name(segment, name);
	fd = openat(spool->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st)) {
		*rc = -errno;
		goto out;
	}
	bytes = malloc((size_t)st.st_size + 1);
	if (!bytes) {
		*rc = -ENOMEM;
		goto out;
	}
	while (n < (size_t)st.st_size) {
		ssize_t got = read(fd, bytes + n, (size_t)st.st_size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			*rc = -errno;
			goto out;
		}
		if (!got)
			break;
		n += (size_t)got;
	}
	at = bytes;
	while (radius_spool_decode(&at, bytes + n, &entry))
		found(user, &entry);
	whole = at == bytes + n;
out:
	if (fd >= 0)
		close(fd);
	free(bytes);
	return whole;
}

/* mkdir -p, mode 0700 for what is made. */
static int folder_make(const char *folder)
{
	char path[512];
	size_t n = strlen(folder);

	if (n >= sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, folder, n + 1);
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

static int folder_open(struct radius_spool *spool, const char *folder)
{
	int rc = folder_make(folder);

	if (rc)
		return rc;
	spool->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spool->folder < 0)
		return -errno;
	spool->lock = openat(spool->folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (spool->lock < 0 || flock(spool->lock, LOCK_EX | LOCK_NB))
		return -errno;
	return segments_list(spool);
}

static int thread_start(struct radius_spool *spool)
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

struct radius_spool *radius_spool_open(const char *folder, radius_spool_found *found, void *user,
	unsigned int *damaged, char *error, size_t error_size)
{
	struct radius_spool *spool = calloc(1, sizeof(*spool));
	int rc = -ENOMEM;

	*damaged = 0;
	if (!spool)
		goto fail;
	spool->folder = spool->lock = spool->file = -1;
	spool->wake = eventfd(0, EFD_CLOEXEC);
	rc = spool->wake < 0 ? -errno : folder_open(spool, folder);
	for (uint32_t i = 0; !rc && i < spool->n_found; i++)
		*damaged += !segment_read(spool, spool->found[i], found, user, &rc);
	if (rc)
		goto fail;
	spool->first = spool->n_found ? spool->found[spool->n_found - 1] + 1 : 1;
	rc = segment_begin(spool, spool->first);
	spool->stop = job_create(JOB_STOP, 0, 0);
	if (!spool->stop)
		rc = -ENOMEM;
	if (!rc)
		rc = thread_start(spool);
	if (!rc)
		return spool;
fail:
	snprintf(error, error_size, "radius.spool %s: %s", folder,
		rc == -EWOULDBLOCK ? "another lnsd uses it" : strerror(-rc));
	if (spool)
		radius_spool_close(spool);
	return NULL;
}

void radius_spool_close(struct radius_spool *spool)
{
	struct job *job;

	if (!spool)
		return;
	if (spool->thread_runs) {
		job_push(spool, spool->stop);
		spool->stop = NULL;
		pthread_join(spool->thread, NULL);
	}
	for (job = jobs_take(spool); job;) {
		struct job *next = job->next;

		free(job);
		job = next;
	}
	if (spool->lock >= 0)
		close(spool->lock);
	if (spool->folder >= 0)
		close(spool->folder);
	if (spool->wake >= 0)
		close(spool->wake);
	free(spool->stop);
	free(spool->segments);
	free(spool->found);
	free(spool);
}
