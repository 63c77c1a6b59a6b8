/* SPDX-License-Identifier: BSD-3-Clause */
/* What is in the spool after every kind of end: all that stood before the cut, and nothing else. */
#include "radius_spool.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
