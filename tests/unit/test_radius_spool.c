/* SPDX-License-Identifier: BSD-3-Clause */
/* What is in the spool after every kind of end: all that stood before the cut, and nothing else. */
#include "radius_spool.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static void setup(void)
{
	strcpy(folder, "/tmp/test_radius_spool.XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
}

static void files_remove(void)
{
	DIR *dir = opendir(folder);
	struct dirent *file;

	cr_assert_not_null(dir);
	while ((file = readdir(dir)))
		unlinkat(dirfd(dir), file->d_name, 0);
	closedir(dir);
}

static void teardown(void)
{
	files_remove();
	rmdir(folder);
}

TestSuite(radius_spool, .init = setup, .fini = teardown);

static struct {
	unsigned int n;
	struct radius_spool_entry entries[64];
	uint8_t attributes[64][32];
} found;

static void on_found(void *user, const struct radius_spool_entry *entry)
{
	cr_assert_lt(found.n, 64);
	found.entries[found.n] = *entry;
	cr_assert_leq(entry->length, 32);
	memcpy(found.attributes[found.n++], entry->attributes, entry->length);
}

static struct radius_spool *spool_open(unsigned int *damaged)
{
	char error[256] = "";
	struct radius_spool *spool;

	found.n = 0;
	spool = radius_spool_open(folder, on_found, NULL, damaged, error, sizeof(error));
	cr_assert_not_null(spool, "%s", error);
	return spool;
}

static struct radius_spool_entry entry_of(uint8_t kind, uint64_t number, const char *text)
{
	struct radius_spool_entry entry = {
		.kind = kind,
		.type = 2,
		.number = number,
		.event = 1700000000 + number,
		.session = "0123456789ABCDEF",
		.attributes = (const uint8_t *)text,
		.length = (uint16_t)strlen(text),
	};

	return entry;
}

static void append(struct radius_spool *spool, uint8_t kind, uint64_t number, const char *text)
{
	struct radius_spool_entry entry = entry_of(kind, number, text);

	cr_assert_gt(radius_spool_append(spool, &entry), 0);
}

static unsigned int segments_on_disk(void)
{
	DIR *dir = opendir(folder);
	struct dirent *file;
	unsigned int n = 0;

	while ((file = readdir(dir)))
		n += strstr(file->d_name, ".spool") != NULL;
	closedir(dir);
	return n;
}

Test(radius_spool, what_was_appended_is_found_after_an_end)
{
	unsigned int damaged;
	struct radius_spool *spool = spool_open(&damaged);

	append(spool, RADIUS_SPOOL_RECORD, 1, "start");
	append(spool, RADIUS_SPOOL_JOURNAL, 0, "journal");
	append(spool, RADIUS_SPOOL_RECORD, 2, "");
	append(spool, RADIUS_SPOOL_ACK, 1, "");
	radius_spool_close(spool);
	spool = spool_open(&damaged);
	cr_assert_eq(damaged, 0);
	cr_assert_eq(found.n, 4);
	cr_assert_eq(found.entries[0].number, 1);
	cr_assert_eq(found.entries[0].event, 1700000001);
	cr_assert_str_eq(found.entries[0].session, "0123456789ABCDEF");
	cr_assert_arr_eq(found.attributes[0], "start", 5);
	cr_assert_eq(found.entries[1].kind, RADIUS_SPOOL_JOURNAL);
	cr_assert_arr_eq(found.attributes[1], "journal", 7);
	cr_assert_eq(found.entries[3].kind, RADIUS_SPOOL_ACK);
	/* nothing is forgotten by itself */
	radius_spool_close(spool);
	spool = spool_open(&damaged);
	cr_assert_eq(found.n, 4);
	radius_spool_forget(spool);
	radius_spool_close(spool);
	spool = spool_open(&damaged);
	cr_assert_eq(found.n, 0);
	radius_spool_close(spool);
}

/* A segment of three records, of which the last one is cut or spoilt. */
static size_t segment_write(uint8_t *bytes, size_t *last)
{
	static const char *const texts[] = {"first", "second", "the last one"};
	uint8_t *at = bytes;

	for (unsigned int i = 0; i < 3; i++) {
		struct radius_spool_entry entry = entry_of(RADIUS_SPOOL_RECORD, i + 1, texts[i]);

		*last = (size_t)(at - bytes);
		at += radius_spool_encode(&entry, at, 256);
	}
	return (size_t)(at - bytes);
}

static void file_write(const char *name, const uint8_t *bytes, size_t length)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "wb");
	cr_assert_not_null(file);
	cr_assert_eq(fwrite(bytes, 1, length, file), length);
	fclose(file);
}

Test(radius_spool, a_file_cut_at_every_byte_of_its_last_record_keeps_the_others)
{
	uint8_t bytes[1024];
	size_t last, length = segment_write(bytes, &last);

	for (size_t cut = last; cut <= length; cut++) {
		unsigned int damaged;
		struct radius_spool *spool;

		file_write("0000000007.spool", bytes, cut);
		spool = spool_open(&damaged);
		cr_assert_eq(found.n, cut == length ? 3 : 2, "cut at %zu: %u", cut, found.n);
		cr_assert_eq(damaged, cut != last && cut != length, "cut at %zu", cut);
		/* what comes now is behind it, in a file of its own */
		append(spool, RADIUS_SPOOL_RECORD, 9, "after");
		radius_spool_close(spool);
		spool = spool_open(&damaged);
		cr_assert_eq(found.n, cut == length ? 4 : 3);
		cr_assert_eq(found.entries[found.n - 1].number, 9);
		radius_spool_close(spool);
		files_remove();
	}
}

Test(radius_spool, a_byte_that_changed_is_seen)
{
	uint8_t bytes[1024];
	size_t last, length = segment_write(bytes, &last);

	for (size_t at = last; at < length; at++) {
		const uint8_t *from = bytes + last;
		struct radius_spool_entry entry;

		bytes[at] ^= 0x20;
		cr_assert_not(
			radius_spool_decode(&from, bytes + length, &entry), "byte %zu", at - last);
		bytes[at] ^= 0x20;
	}
}

Test(radius_spool, segments_go_when_nothing_in_them_is_held)
{
	static char text[3001];
	unsigned int damaged;
	struct radius_spool *spool = spool_open(&damaged);
	uint32_t segments[9000];
	unsigned int n = 9000;
	struct radius_spool_status status;

	memset(text, 'x', sizeof(text) - 1);
	for (unsigned int i = 0; i < n; i++) {
		struct radius_spool_entry entry = entry_of(RADIUS_SPOOL_RECORD, i, text);

		segments[i] = radius_spool_append(spool, &entry);
		cr_assert_gt(segments[i], 0);
	}
	radius_spool_status(spool, &status);
	cr_assert_geq(status.segments, 4);
	/* the last of the first segment keeps all */
	for (unsigned int i = 1; i < n; i++)
		radius_spool_release(spool, segments[i]);
	radius_spool_status(spool, &status);
	cr_assert_geq(status.segments, 4);
	radius_spool_release(spool, segments[0]);
	radius_spool_status(spool, &status);
	cr_assert_eq(status.segments, 1);
	radius_spool_close(spool);
	cr_assert_eq(segments_on_disk(), 1);
}

Test(radius_spool, a_folder_belongs_to_one)
{
	char error[256] = "";
	unsigned int damaged;
	struct radius_spool *spool = spool_open(&damaged);

	cr_assert_null(radius_spool_open(folder, on_found, NULL, &damaged, error, sizeof(error)));
	cr_assert_not_null(strstr(error, "another lnsd uses it"), "%s", error);
	radius_spool_close(spool);
	cr_assert_null(radius_spool_open(
		"/proc/nothing/here", on_found, NULL, &damaged, error, sizeof(error)));
	cr_assert_not_null(strstr(error, "/proc/nothing/here"), "%s", error);
}

Test(radius_spool, other_files_are_left_alone)
{
	unsigned int damaged;
	struct radius_spool *spool;

	file_write("README", (const uint8_t *)"x", 1);
	file_write("7.spool", (const uint8_t *)"x", 1);
	spool = spool_open(&damaged);
	cr_assert_eq(damaged, 0);
	radius_spool_forget(spool);
	radius_spool_close(spool);
	cr_assert_eq(segments_on_disk(), 2);
}

/* Until what was handed over is on disk; false: 5 s were not enough. */
static bool written(struct radius_spool *spool)
{
	struct radius_spool_status status;

	for (unsigned int i = 0; i < 500; i++) {
		radius_spool_status(spool, &status);
		if (!status.waiting)
			return true;
		usleep(10000);
	}
	return false;
}

static void failing_wait(struct radius_spool *spool)
{
	struct radius_spool_status status;

	for (unsigned int i = 0; i < 500; i++) {
		radius_spool_status(spool, &status);
		if (status.failing)
			return;
		usleep(10000);
	}
	cr_assert_fail("the disk refuses, and nobody says so");
}

/* A disk that is full from there on: what any file may grow to. */
static void disk_size(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(radius_spool, on_a_full_disk_what_was_there_stays_through_a_restart)
{
	struct radius_spool_status status;
	struct radius_spool *spool;
	uint8_t bytes[1024];
	unsigned int damaged;
	size_t last;

	file_write("0000000007.spool", bytes, segment_write(bytes, &last));
	spool = spool_open(&damaged);
	disk_size(100);
	for (unsigned int i = 0; i < 3; i++)
		append(spool, RADIUS_SPOOL_RECORD, i + 1, "written anew, but for the disk");
	radius_spool_forget(spool);
	failing_wait(spool);
	radius_spool_status(spool, &status);
	cr_assert_eq(status.error, EFBIG);
	cr_assert_gt(status.waiting, 0);
	radius_spool_close(spool);
	spool = spool_open(&damaged);
	cr_assert_geq(found.n, 3, "%u", found.n);
	cr_assert_arr_eq(found.attributes[0], "first", 5);
	cr_assert_arr_eq(found.attributes[2], "the last one", 12);
	radius_spool_close(spool);
}

Test(radius_spool, when_the_disk_has_room_again_nothing_is_missing)
{
	struct radius_spool *spool;
	uint8_t bytes[1024];
	unsigned int damaged;
	size_t last;

	file_write("0000000007.spool", bytes, segment_write(bytes, &last));
	spool = spool_open(&damaged);
	disk_size(100);
	append(spool, RADIUS_SPOOL_RECORD, 1, "one");
	append(spool, RADIUS_SPOOL_RECORD, 2, "two");
	radius_spool_forget(spool);
	failing_wait(spool);
	cr_assert_eq(segments_on_disk(), 2);
	append(spool, RADIUS_SPOOL_ACK, 1, "");
	disk_size(RLIM_INFINITY);
	cr_assert(written(spool));
	radius_spool_close(spool);
	cr_assert_eq(segments_on_disk(), 1);
	spool = spool_open(&damaged);
	cr_assert_eq(damaged, 0);
	cr_assert_eq(found.n, 3);
	cr_assert_arr_eq(found.attributes[1], "two", 3);
	cr_assert_eq(found.entries[2].kind, RADIUS_SPOOL_ACK);
	radius_spool_close(spool);
}

static void on_counted(void *user, const struct radius_spool_entry *entry)
{
	unsigned int *n = user;

	cr_assert_eq(entry->number, (*n)++, "in order, none missing, none twice");
}

Test(radius_spool, a_file_that_cannot_be_begun_is_tried_again_and_again)
{
	static char text[3001];
	struct radius_spool_status status;
	char path[128], error[256] = "";
	unsigned int damaged, n = 0;
	struct radius_spool *spool = spool_open(&damaged);
	uint64_t errors;

	memset(text, 'x', sizeof(text) - 1);
	snprintf(path, sizeof(path), "%s/0000000002.spool", folder);
	cr_assert_eq(mkdir(path, 0700), 0);
	for (unsigned int i = 0; i < 4000; i++)
		append(spool, RADIUS_SPOOL_RECORD, i, text);
	failing_wait(spool);
	radius_spool_status(spool, &status);
	cr_assert_eq(status.error, EISDIR);
	cr_assert_gt(status.waiting, 0);
	errors = status.errors;
	usleep(1500000);
	radius_spool_status(spool, &status);
	cr_assert_gt(status.errors, errors);
	cr_assert_lt(status.errors, errors + 4, "no more often than once a second");
	cr_assert_eq(rmdir(path), 0);
	cr_assert(written(spool));
	radius_spool_close(spool);
	spool = radius_spool_open(folder, on_counted, &n, &damaged, error, sizeof(error));
	cr_assert_not_null(spool, "%s", error);
	cr_assert_eq(n, 4000);
	radius_spool_close(spool);
}

Test(radius_spool, no_more_than_so_much_waits_for_a_disk)
{
	static char text[4001];
	struct radius_spool_entry entry;
	struct radius_spool_status status;
	unsigned int damaged, n = 0;
	struct radius_spool *spool = spool_open(&damaged);

	memset(text, 'x', sizeof(text) - 1);
	entry = entry_of(RADIUS_SPOOL_RECORD, 1, text);
	disk_size(100);
	while (n < 20000 && radius_spool_append(spool, &entry))
		n++;
	radius_spool_status(spool, &status);
	cr_assert_lt(n, 20000);
	cr_assert_leq(status.waiting, 65u << 20);
	disk_size(RLIM_INFINITY);
	cr_assert(written(spool));
	cr_assert_gt(radius_spool_append(spool, &entry), 0);
	radius_spool_close(spool);
}

Test(radius_spool, a_byte_that_changed_hides_one_entry_and_the_file_is_kept)
{
	uint8_t bytes[1024];
	struct radius_spool_status status;
	struct radius_spool *spool;
	unsigned int damaged;
	size_t last, length = segment_write(bytes, &last);
	char path[128];

	for (size_t at = 0; at < last; at++) {
		bytes[at] ^= 0x20;
		file_write("0000000007.spool", bytes, length);
		bytes[at] ^= 0x20;
		spool = spool_open(&damaged);
		cr_assert_eq(damaged, 1);
		cr_assert_eq(found.n, 2, "byte %zu: %u", at, found.n);
		cr_assert_arr_eq(found.attributes[1], "the last one", 12);
		radius_spool_status(spool, &status);
		cr_assert_eq(status.set_aside, 1);
		radius_spool_forget(spool);
		radius_spool_close(spool);
		snprintf(path, sizeof(path), "%s/0000000007.spool.damaged", folder);
		cr_assert_eq(access(path, R_OK), 0, "byte %zu", at);
		spool = spool_open(&damaged);
		cr_assert_eq(found.n, 0);
		cr_assert_eq(damaged, 0);
		radius_spool_close(spool);
		files_remove();
	}
}
