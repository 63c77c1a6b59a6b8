/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log lines: formatted by the caller, written by a thread of their own.
 *
 * The ring is Vyukov's bounded queue: each slot carries a sequence number that says whose turn it is, so
 * that several threads may write and the dying process may drain it beside the thread.
 */
#include "log.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_MAX 1024
#define LOG_RING     1024 /* lines, a power of two */
#define LOG_BATCH    (32 * 1024)

struct log_slot {
	uint64_t turn;
	uint16_t length;
	char line[LOG_LINE_MAX];
};

static struct {
	struct log_slot *slots;                     /* NULL: lines are written at once */
	uint64_t head __attribute__((aligned(64))); /* writers */
	uint64_t tail __attribute__((aligned(64))); /* readers */
	uint64_t lost __attribute__((aligned(64)));
	uint64_t lost_reported; /* the thread's */
	sem_t wake;
	pthread_t thread;
	bool stop;
	bool journal;
	int fd;
} ring = {.fd = STDERR_FILENO};

int log_level_now = LOG_LEVEL_INFO;

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static const char level_priority[] = {'3', '4', '6', '7'};

void log_set_level(enum log_level level)
{
	__atomic_store_n(&log_level_now, (int)level, __ATOMIC_RELAXED);
}

enum log_level log_get_level(void)
{
	return (enum log_level)__atomic_load_n(&log_level_now, __ATOMIC_RELAXED);
}

uint64_t log_lost(void)
{
	return __atomic_load_n(&ring.lost, __ATOMIC_RELAXED);
}

/* Bytes of the printable UTF-8 character at text, 0 if it is none (RFC 3629; C1 controls count as none). */
static size_t utf8_printable(const unsigned char *text, size_t length)
{
	uint32_t value;
	size_t n;

	if (text[0] < 0x80)
		return text[0] >= 0x20 && text[0] != 0x7f;
	if (text[0] >= 0xc2 && text[0] <= 0xdf) {
		n = 2;
		value = text[0] & 0x1f;
	} else if ((text[0] & 0xf0) == 0xe0) {
		n = 3;
		value = text[0] & 0x0f;
	} else if (text[0] >= 0xf0 && text[0] <= 0xf4) {
		n = 4;
		value = text[0] & 0x07;
	} else {
		return 0;
	}
	if (n > length)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (text[i] & 0x3f);
	}
	if (value < 0xa0 || (n == 3 && value < 0x800) || (value >= 0xd800 && value <= 0xdfff) ||
		(n == 4 && (value < 0x10000 || value > 0x10ffff)))
		return 0;
	/* line and paragraph separators, marks that turn the direction of what follows */
	if (value == 0x2028 || value == 0x2029 || (value >= 0x202a && value <= 0x202e) ||
		(value >= 0x2066 && value <= 0x2069))
		return 0;
	return n;
}

size_t log_escape(char *buffer, size_t size, const char *text, size_t length)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t out = 0;

	if (size == 0)
		return 0;
	for (size_t i = 0; i < length;) {
		size_t n = utf8_printable(p + i, length - i);

		if (n == 1 && (p[i] == '"' || p[i] == '\\')) {
			if (out + 2 >= size)
				break;
			buffer[out++] = '\\';
			buffer[out++] = (char)p[i++];
		} else if (n) {
			if (out + n >= size)
				break;
			memcpy(buffer + out, p + i, n);
			out += n;
			i += n;
		} else {
			static const char digits[] = "0123456789abcdef";

			if (out + 4 >= size)
				break;
			buffer[out++] = '\\';
			buffer[out++] = 'x';
			buffer[out++] = digits[p[i] >> 4];
			buffer[out++] = digits[p[i++] & 15];
		}
	}
	buffer[out] = '\0';
	return out;
}

static size_t append_quoted(char *line, size_t at, const char *key, const char *value)
{
	size_t room = LOG_LINE_MAX - 2 - at;
	int n = snprintf(line + at, room, " %s=\"", key);

	if (n < 0 || (size_t)n + 2 >= room)
		return at;
	at += n;
	at += log_escape(line + at, LOG_LINE_MAX - 3 - at, value, strlen(value));
	line[at++] = '"';
	return at;
}

/* The whole line with its newline; returns its length, below LOG_LINE_MAX. */
static size_t format_line(char line[LOG_LINE_MAX], enum log_level level,
	const struct log_context *context, const char *message)
{
	struct timespec now;
	struct tm tm;
	size_t at = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	if (ring.journal)
		at += sprintf(line, "<%c>", level_priority[level]);
	at += strftime(line + at, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	at += snprintf(line + at, 64, ".%03uZ level=%s",
		(unsigned int)(now.tv_nsec / 1000000) % 1000, level_names[level]);
	if (context && context->tunnel)
		at += sprintf(line + at, " tunnel=%u", context->tunnel);
	if (context && context->session)
		at += sprintf(line + at, " session=%u", context->session);
	/* names are cut before they could push out the message */
	if (context && context->user) {
		char user[300];

		snprintf(user, sizeof(user), "%s", context->user);
		at = append_quoted(line, at, "user", user);
	}
	if (context && context->peer) {
		char peer[150];

		snprintf(peer, sizeof(peer), "%s", context->peer);
		at = append_quoted(line, at, "peer", peer);
	}
	at = append_quoted(line, at, "msg", message);
	line[at++] = '\n';
	return at;
}

static void write_all(const char *text, size_t length)
{
	while (length) {
		ssize_t n = write(ring.fd, text, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		text += n;
		length -= (size_t)n;
	}
}

static bool ring_push(struct log_slot *slots, const char *line, size_t length)
{
	uint64_t at = __atomic_load_n(&ring.head, __ATOMIC_RELAXED);

	for (;;) {
		struct log_slot *slot = &slots[at & (LOG_RING - 1)];
		uint64_t turn = __atomic_load_n(&slot->turn, __ATOMIC_ACQUIRE);

		if (turn < at)
			return false;
		if (turn > at) {
			at = __atomic_load_n(&ring.head, __ATOMIC_RELAXED);
			continue;
		}
		if (__atomic_compare_exchange_n(
			    &ring.head, &at, at + 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			memcpy(slot->line, line, length);
			slot->length = (uint16_t)length;
			__atomic_store_n(&slot->turn, at + 1, __ATOMIC_RELEASE);
			return true;
		}
	}
}

static size_t ring_pop(struct log_slot *slots, char *line)
{
	uint64_t at = __atomic_load_n(&ring.tail, __ATOMIC_RELAXED);

	for (;;) {
		struct log_slot *slot = &slots[at & (LOG_RING - 1)];
		uint64_t turn = __atomic_load_n(&slot->turn, __ATOMIC_ACQUIRE);

		if (turn < at + 1)
			return 0;
		if (turn > at + 1) {
			at = __atomic_load_n(&ring.tail, __ATOMIC_RELAXED);
			continue;
		}
		if (__atomic_compare_exchange_n(
			    &ring.tail, &at, at + 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			size_t length = slot->length;

			memcpy(line, slot->line, length);
			__atomic_store_n(&slot->turn, at + LOG_RING, __ATOMIC_RELEASE);
			return length;
		}
	}
}

static void report_lost(void)
{
	uint64_t lost = log_lost();
	char line[LOG_LINE_MAX], message[96];

	if (lost == ring.lost_reported)
		return;
	snprintf(message, sizeof(message),
		"%lu log lines lost: they came faster than they can be written",
		(unsigned long)(lost - ring.lost_reported));
	ring.lost_reported = lost;
	write_all(line, format_line(line, LOG_LEVEL_WARNING, NULL, message));
}

static void *log_thread(void *arg)
{
	struct log_slot *slots = arg;
	char *batch = malloc(LOG_BATCH);

	pthread_setname_np(pthread_self(), "lnsd-log");
	for (;;) {
		char line[LOG_LINE_MAX];
		size_t n, used = 0;
		bool stop;

		while (sem_wait(&ring.wake) < 0)
			;
		stop = __atomic_load_n(&ring.stop, __ATOMIC_ACQUIRE);
		while ((n = ring_pop(slots, line))) {
			if (!batch) {
				write_all(line, n);
				continue;
			}
			if (used + n > LOG_BATCH) {
				write_all(batch, used);
				used = 0;
			}
			memcpy(batch + used, line, n);
			used += n;
		}
		if (used)
			write_all(batch, used);
		report_lost();
		if (stop)
			break;
		while (sem_trywait(&ring.wake) == 0)
			if (__atomic_load_n(&ring.head, __ATOMIC_ACQUIRE) !=
					__atomic_load_n(&ring.tail, __ATOMIC_ACQUIRE) ||
				__atomic_load_n(&ring.stop, __ATOMIC_ACQUIRE)) {
				sem_post(&ring.wake);
				break;
			}
	}
	free(batch);
	return NULL;
}

/* systemd sets JOURNAL_STREAM to device:inode of what it connected (systemd.exec(5)). */
static bool is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%lu:%lu", &device, &inode) == 2 && fstat(fd, &st) == 0 &&
		st.st_dev == device && st.st_ino == inode;
}

int log_start(int fd)
{
	struct log_slot *slots;
	sigset_t all, before;
	int r;

	if (ring.slots)
		return -EALREADY;
	slots = calloc(LOG_RING, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (uint64_t i = 0; i < LOG_RING; i++)
		slots[i].turn = i;
	ring.head = ring.tail = 0;
	ring.stop = false;
	ring.fd = fd;
	ring.journal = is_journal(fd);
	sem_init(&ring.wake, 0, 0);
	/* signals are the main thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&ring.thread, NULL, log_thread, slots);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r) {
		sem_destroy(&ring.wake);
		free(slots);
		return -r;
	}
	__atomic_store_n(&ring.slots, slots, __ATOMIC_RELEASE);
	return 0;
}

void log_stop(void)
{
	struct log_slot *slots = ring.slots;

	if (!slots)
		return;
	__atomic_store_n(&ring.slots, NULL, __ATOMIC_RELEASE);
	__atomic_store_n(&ring.stop, true, __ATOMIC_RELEASE);
	sem_post(&ring.wake);
	pthread_join(ring.thread, NULL);
	sem_destroy(&ring.wake);
	free(slots);
}

void log_flush_dying(void)
{
	struct log_slot *slots = __atomic_exchange_n(&ring.slots, NULL, __ATOMIC_ACQ_REL);
	char line[LOG_LINE_MAX];
	size_t n;

	if (!slots)
		return;
	while ((n = ring_pop(slots, line)))
		write_all(line, n);
	report_lost();
}

void log_write(enum log_level level, const struct log_context *context, const char *format, ...)
{
	struct log_slot *slots = __atomic_load_n(&ring.slots, __ATOMIC_ACQUIRE);
	char message[LOG_LINE_MAX], line[LOG_LINE_MAX];
	size_t length;
	va_list args;
	int saved = errno;

	if (!log_enabled(level))
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	length = format_line(line, level, context, message);
	if (!slots)
		write_all(line, length);
	else if (ring_push(slots, line, length))
		sem_post(&ring.wake);
	else
		__atomic_fetch_add(&ring.lost, 1, __ATOMIC_RELAXED);
	errno = saved;
}

bool log_limit_pass(
	struct log_limit *limit, enum log_level level, const struct log_context *context)
{
	struct timespec now;
	uint64_t second;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	second = (uint64_t)now.tv_sec;
	if (second != limit->window_s) {
		uint32_t suppressed = limit->suppressed;

		limit->window_s = second;
		limit->n = limit->suppressed = 0;
		if (suppressed)
			log_write(level, NULL, "%u lines like the next one were suppressed",
				suppressed);
	}
	if (limit->n >= LOG_LIMIT_BURST) {
		limit->suppressed++;
		return false;
	}
	limit->n++;
	return true;
}
