/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log lines: one line whatever the network sends, none lost silently, nothing waits for a slow reader.
 */
#include "log.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *escaped(const char *text, size_t length)
{
	static char buffer[128];

	log_escape(buffer, sizeof(buffer), text, length);
	return buffer;
}

Test(log, escapes_everything_that_could_break_a_line_or_a_terminal)
{
	static const struct {
		const char *text;
		size_t length;
		const char *expected;
	} table[] = {
		{"plain user@isp.example", 22, "plain user@isp.example"},
		{"a\nb", 3, "a\\x0ab"},
		{"a\0b", 3, "a\\x00b"},
		{"quote\"back\\", 11, "quote\\\"back\\\\"},
		{"\x1b[2J", 4, "\\x1b[2J"},
		{"\x7f", 1, "\\x7f"},
		{"m\xc3\xbcller", 7, "m\xc3\xbcller"},           /* UTF-8 passes */
		{"m\xfcller", 6, "m\\xfcller"},                  /* Latin-1 does not */
		{"\xc2\x9b", 2, "\\xc2\\x9b"},                   /* C1 CSI */
		{"\xc0\xaf", 2, "\\xc0\\xaf"},                   /* overlong */
		{"\xe0\x80\xaf", 3, "\\xe0\\x80\\xaf"},          /* overlong */
		{"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"},          /* surrogate */
		{"\xe2\x80\xae", 3, "\\xe2\\x80\\xae"},          /* right-to-left override */
		{"\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80"}, /* above U+10FFFF */
		{"\xe2\x82", 2, "\\xe2\\x82"},                   /* cut short */
		{"\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		cr_assert_str_eq(
			escaped(table[i].text, table[i].length), table[i].expected, "row %zu", i);
}

Test(log, escape_cuts_at_whole_characters)
{
	char buffer[6];

	cr_assert_eq(log_escape(buffer, sizeof(buffer), "abcd\xc3\xbc", 6), 4);
	cr_assert_str_eq(buffer, "abcd");
	cr_assert_eq(log_escape(buffer, sizeof(buffer), "ab\n", 3), 2);
	cr_assert_eq(log_escape(buffer, 0, "x", 1), 0);
}

static char *read_all(int fd)
{
	static char text[4 << 20];
	size_t n = 0;
	ssize_t r;

	while (n < sizeof(text) - 1 && (r = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)r;
	text[n] = '\0';
	return text;
}

static unsigned int count(const char *text, const char *what)
{
	unsigned int n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

Test(log, lines_have_time_level_context_and_message)
{
	struct log_context context = {
		.tunnel = 12, .session = 34, .user = "eve\n\"@isp", .peer = "192.0.2.1"};
	int fds[2];
	regex_t regex;
	char *text;

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(log_start(fds[1]), 0);
	log_info(&context, "up after %u ms", 12);
	log_debug(&context, "not at this level");
	log_set_level(LOG_LEVEL_ERROR);
	log_warning(NULL, "not at this level");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug(NULL, "seen");
	log_stop();
	close(fds[1]);
	text = read_all(fds[0]);
	cr_assert_eq(regcomp(&regex,
			     "^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z "
			     "level=info tunnel=12 session=34 user=\"eve\\\\x0a\\\\\"@isp\" "
			     "peer=\"192\\.0\\.2\\.1\" msg=\"up after 12 ms\"\n20.*level=debug "
			     "msg=\"seen\"\n$",
			     REG_EXTENDED),
		0);
	cr_assert_eq(regexec(&regex, text, 0, NULL, 0), 0, "%s", text);
	regfree(&regex);
}

Test(log, journald_gets_priorities)
{
	char stream[64];
	struct stat st;
	int fds[2];
	char *text;

	cr_assert_eq(pipe(fds), 0);
	fstat(fds[1], &st);
	snprintf(stream, sizeof(stream), "%lu:%lu", (unsigned long)st.st_dev,
		(unsigned long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	cr_assert_eq(log_start(fds[1]), 0);
	log_error(NULL, "a");
	log_info(NULL, "b");
	log_stop();
	close(fds[1]);
	text = read_all(fds[0]);
	cr_assert(strncmp(text, "<3>20", 5) == 0, "%s", text);
	cr_assert(strstr(text, "\n<6>20"), "%s", text);
}

Test(log, a_full_ring_never_blocks_and_says_how_much_was_lost)
{
	struct timespec before, after;
	unsigned int told, n, tries = 0;
	int fds[2], result[2];
	char *text, *line;

	/* nobody reads: the pipe takes 64 KiB, then the thread is stuck in write() */
	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(log_start(fds[1]), 0);
	clock_gettime(CLOCK_MONOTONIC, &before);
	for (unsigned int i = 0; i < 20000; i++)
		log_info(NULL, "line %u of a flood", i);
	clock_gettime(CLOCK_MONOTONIC, &after);
	cr_assert_lt(after.tv_sec - before.tv_sec, 5);
	cr_assert_gt(log_lost(), 0);
	cr_assert_eq(pipe(result), 0);
	if (fork() == 0) {
		/* a reader comes back: everything that was not lost arrives */
		close(fds[1]);
		text = read_all(fds[0]);
		told = count(text, " of a flood") + count(text, "after the flood");
		if (told < 500 || !strstr(text, "after the flood"))
			_exit(1);
		/* the thread may have found room in between, and then says so each time */
		for (line = text; (line = strstr(line, "msg=\"")); line++)
			if (sscanf(line, "msg=\"%u log lines lost", &n) == 1)
				told += n;
		_exit(write(result[1], &told, sizeof(told)) != sizeof(told));
	}
	/* the ring has room again as soon as the reader has got on */
	for (uint64_t lost = UINT64_MAX; tries < 1000 && lost != log_lost(); tries++) {
		usleep(20000);
		lost = log_lost();
		log_info(NULL, "after the flood");
	}
	log_stop();
	close(fds[1]);
	int status = -1;
	cr_assert(wait(&status) > 0);
	cr_assert_eq(status, 0);
	cr_assert_eq(read(result[0], &told, sizeof(told)), (ssize_t)sizeof(told));
	cr_assert_eq(told, 20000 + tries);
}

Test(log, dying_writes_what_waits)
{
	char *text;
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(log_start(fds[1]), 0);
	for (unsigned int i = 0; i < 100; i++)
		log_info(NULL, "waits %u", i);
	log_flush_dying();
	log_info(NULL, "last words");
	usleep(100000);
	close(fds[1]);
	text = read_all(fds[0]);
	cr_assert_eq(count(text, "waits "), 100);
	cr_assert(strstr(text, "last words"));
}

Test(log, a_place_that_the_network_triggers_is_limited_and_reports_it)
{
	char *text;
	int fds[2];
	unsigned int n;

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(log_start(fds[1]), 0);
	for (unsigned int i = 0; i < 2; i++) {
		for (unsigned int k = 0; k < 200; k++)
			log_ratelimited(LOG_LEVEL_INFO, NULL, "bad packet");
		if (i == 0)
			usleep(1100000);
	}
	log_stop();
	close(fds[1]);
	text = read_all(fds[0]);
	n = count(text, "bad packet");
	/* two seconds' worth of lines, three if a second's end fell into a burst */
	cr_assert(n >= LOG_LIMIT_BURST + 1 && n <= 4 * LOG_LIMIT_BURST, "%u", n);
	cr_assert(strstr(text, "lines like the next one were suppressed"), "%s", text);
}
