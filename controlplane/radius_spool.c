/* SPDX-License-Identifier: BSD-3-Clause */
/* Accounting records on disk: the control core's side, which never waits. */
#include "radius_spool_core.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WAITING_MAX (64u << 20) /* bytes that the disk does not take; nothing is added to more */

void spool_segment_name(uint32_t segment, char name[32])
{
	snprintf(name, 32, "%010u.spool", segment);
}

static struct spool_job *job_create(enum spool_job_kind kind, uint32_t segment, size_t room)
{
	struct spool_job *job = malloc(sizeof(*job) + room);

	if (job)
		*job = (struct spool_job){.kind = (uint8_t)kind, .segment = segment};
	return job;
}

static int segment_begin(struct radius_spool *spool, uint32_t segment)
{
	uint32_t n = segment - spool->first + 1;
	struct spool_job *job = job_create(SPOOL_ROTATE, segment, 0);

	if (!job)
		return -ENOMEM;
	if (n > spool->room) {
		struct spool_segment *more = realloc(spool->segments, 2 * n * sizeof(*more));

		if (!more) {
			free(job);
			return -ENOMEM;
		}
		spool->segments = more;
		spool->room = 2 * n;
	}
	spool->segments[n - 1] = (struct spool_segment){0};
	spool->current = segment;
	spool->current_bytes = 0;
	spool_thread_push(spool, job);
	return 0;
}

static void segments_remove(struct radius_spool *spool)
{
	uint32_t n = 0;

	while (spool->first + n < spool->current && !spool->segments[n].held) {
		struct spool_job *job = job_create(SPOOL_REMOVE, spool->first + n, 0);

		if (!job)
			break; /* with the next one */
		spool_thread_push(spool, job);
		n++;
	}
	if (!n)
		return;
	spool->first += n;
	memmove(spool->segments, spool->segments + n,
		(spool->current - spool->first + 1) * sizeof(*spool->segments));
}

static uint64_t written_bytes(const struct radius_spool *spool)
{
	return __atomic_load_n(&spool->written, __ATOMIC_RELAXED);
}

uint32_t radius_spool_append(struct radius_spool *spool, const struct radius_spool_entry *entry)
{
	size_t room = RADIUS_SPOOL_HEADER + RADIUS_SPOOL_ENTRY_MAX;
	uint8_t buffer[RADIUS_SPOOL_HEADER + RADIUS_SPOOL_ENTRY_MAX];
	size_t length = radius_spool_encode(entry, buffer, room);
	struct spool_job *job;

	if (!length)
		return 0;
	/* what the last life left is on disk already, and goes only when this is, too: that much was there before */
	if (!spool->n_found && spool->handed - written_bytes(spool) >= WAITING_MAX)
		return 0;
	if (spool->current_bytes >= RADIUS_SPOOL_SEGMENT_MAX &&
		segment_begin(spool, spool->current + 1))
		return 0;
	job = job_create(SPOOL_APPEND, spool->current, length);
	if (!job)
		return 0;
	memcpy(job->bytes, buffer, length);
	job->length = length;
	spool->current_bytes += length;
	spool->handed += length;
	if (entry->kind != RADIUS_SPOOL_ACK)
		spool->segments[spool->current - spool->first].held++;
	spool_thread_push(spool, job);
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
		const struct spool_found *found = &spool->found[i];
		struct spool_job *job = job_create(
			found->damaged ? SPOOL_SET_ASIDE : SPOOL_REMOVE, found->segment, 0);

		if (job)
			spool_thread_push(spool, job);
	}
	spool->n_found = 0;
}

void radius_spool_status(const struct radius_spool *spool, struct radius_spool_status *status)
{
	*status = (struct radius_spool_status){
		.written = written_bytes(spool),
		.syncs = __atomic_load_n(&spool->syncs, __ATOMIC_RELAXED),
		.errors = __atomic_load_n(&spool->errors, __ATOMIC_RELAXED),
		.error = __atomic_load_n(&spool->error, __ATOMIC_RELAXED),
		.failing = __atomic_load_n(&spool->failing, __ATOMIC_RELAXED),
		.first = spool->first,
		.segments = spool->current - spool->first + 1,
		.set_aside = spool->set_aside,
	};
	status->waiting = spool->handed - status->written;
}

/* ---- open and close ---- */

struct radius_spool *radius_spool_open(const char *folder, radius_spool_found *found, void *user,
	unsigned int *damaged, char *error, size_t error_size)
{
	struct radius_spool *spool = calloc(1, sizeof(*spool));
	int rc = -ENOMEM;

	*damaged = 0;
	if (!spool)
		goto fail;
	spool->folder = spool->lock = spool->file = -1;
	spool->last_job = &spool->first_job;
	spool->wake = eventfd(0, EFD_CLOEXEC);
	rc = spool->wake < 0 ? -errno : spool_folder_open(spool, folder);
	if (!rc)
		rc = spool_read(spool, found, user, damaged);
	if (rc)
		goto fail;
	spool->first = spool->n_found ? spool->found[spool->n_found - 1].segment + 1 : 1;
	rc = segment_begin(spool, spool->first);
	spool->stop = job_create(SPOOL_STOP, 0, 0);
	if (!spool->stop)
		rc = -ENOMEM;
	if (!rc)
		rc = spool_thread_start(spool);
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
	if (!spool)
		return;
	if (spool->thread_runs) {
		spool_thread_push(spool, spool->stop);
		spool->stop = NULL;
	}
	spool_thread_end(spool);
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
