/* SPDX-License-Identifier: BSD-3-Clause */
/* Accounting records on disk: the folder, and what the last life left in it. */
#include "radius_spool_core.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int number_order(const void *a, const void *b)
{
	uint32_t x = ((const struct spool_found *)a)->segment;
	uint32_t y = ((const struct spool_found *)b)->segment;

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
		struct spool_found *more;

		if (sscanf(file->d_name, "%10u.spool", &number) != 1)
			continue;
		spool_segment_name(number, name);
		if (strcmp(name, file->d_name))
			continue;
		more = realloc(spool->found, (spool->n_found + 1) * sizeof(*more));
		if (!more) {
			closedir(folder);
			return -ENOMEM;
		}
		spool->found = more;
		spool->found[spool->n_found++] = (struct spool_found){.segment = number};
	}
	closedir(folder);
	if (spool->n_found)
		qsort(spool->found, spool->n_found, sizeof(*spool->found), number_order);
	return 0;
}

/* As a crash leaves it: the last entry is cut, or its blocks were never written. */
static bool is_cut(const uint8_t *at, const uint8_t *end)
{
	if (end - at < RADIUS_SPOOL_HEADER + RADIUS_SPOOL_ENTRY_MAX)
		return true;
	while (at < end && !*at)
		at++;
	return at == end;
}

/* false: something in it, or at its end, is no entry. */
static bool entries_read(struct spool_found *segment, const uint8_t *at, const uint8_t *end,
	radius_spool_found *found, void *user)
{
	struct radius_spool_entry entry;
	const uint8_t *bad = NULL;
	bool whole = true;

	while (at < end) {
		if (radius_spool_decode(&at, end, &entry)) {
			found(user, &entry);
			segment->damaged |= bad != NULL;
			bad = NULL;
			continue;
		}
		whole = false;
		bad = bad ? bad : at;
		at = radius_spool_resume(at, end);
	}
	segment->damaged |= bad && !is_cut(bad, end);
	return whole;
}

static int segment_read(struct radius_spool *spool, struct spool_found *segment,
	radius_spool_found *found, void *user, unsigned int *damaged)
{
	uint8_t *bytes = NULL;
	struct stat st;
	char name[32];
	size_t n = 0;
	int fd, rc = 0;

	spool_segment_name(segment->segment, name);
	fd = openat(spool->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st)) {
		rc = -errno;
		goto out;
	}
	bytes = malloc((size_t)st.st_size + 1);
	if (!bytes) {
		rc = -ENOMEM;
		goto out;
	}
	while (n < (size_t)st.st_size) {
		ssize_t got = read(fd, bytes + n, (size_t)st.st_size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			rc = -errno;
			goto out;
		}
		if (!got)
			break;
		n += (size_t)got;
	}
	*damaged += !entries_read(segment, bytes, bytes + n, found, user);
	spool->set_aside += segment->damaged;
out:
	if (fd >= 0)
		close(fd);
	free(bytes);
	return rc;
}

int spool_read(
	struct radius_spool *spool, radius_spool_found *found, void *user, unsigned int *damaged)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < spool->n_found; i++)
		rc = segment_read(spool, &spool->found[i], found, user, damaged);
	return rc;
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

int spool_folder_open(struct radius_spool *spool, const char *folder)
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
