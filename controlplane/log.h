/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log lines: one line per event, key=value, for stderr or journald.
 *
 *   2026-01-02T03:04:05.678Z level=info tunnel=12 session=34 user="a@isp" peer="192.0.2.1" msg="..."
 *
 * log_write() never blocks: after log_start() a line goes through a bounded ring to a thread of its own,
 * which does the writing; lines that found the ring full are counted and reported by one line. Before
 * log_start() and after log_stop() lines are written at once. Any thread may call log_write().
 * Values may come from the network: control characters, quotes, backslashes and bytes that are no UTF-8
 * leave as \xNN.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The same values as enum config_log_level. */
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* What a line is about; what is 0 or NULL is left out. NULL instead of a context: nothing in particular. */
struct log_context {
	uint16_t tunnel, session; /* our ids */
	const char *user;         /* as the subscriber sent it */
	const char *peer;         /* the LAC: address, name, or both */
};

void log_set_level(enum log_level level);
enum log_level log_get_level(void);
extern int log_level_now; /* enum log_level; written by the control core, read by any thread */
static inline bool log_enabled(enum log_level level)
{
	return (int)level <= __atomic_load_n(&log_level_now, __ATOMIC_RELAXED);
}

void log_write(enum log_level level, const struct log_context *context, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(context, ...)   log_write(LOG_LEVEL_ERROR, context, __VA_ARGS__)
#define log_warning(context, ...) log_write(LOG_LEVEL_WARNING, context, __VA_ARGS__)
#define log_info(context, ...)    log_write(LOG_LEVEL_INFO, context, __VA_ARGS__)
#define log_debug(context, ...)                                           \
	do {                                                              \
		if (log_enabled(LOG_LEVEL_DEBUG))                         \
			log_write(LOG_LEVEL_DEBUG, context, __VA_ARGS__); \
	} while (0)

/*
 * For lines that the network can cause: each place in the source writes at most LOG_LIMIT_BURST lines a
 * second; the first line after a pause says how many were suppressed.
 */
#define LOG_LIMIT_BURST 10
struct log_limit {
	uint64_t window_s; /* control core only */
	uint32_t n, suppressed;
};
#define log_ratelimited(level, context, ...)                                               \
	do {                                                                               \
		static struct log_limit log_limit_here;                                    \
		if (log_enabled(level) && log_limit_pass(&log_limit_here, level, context)) \
			log_write(level, context, __VA_ARGS__);                            \
	} while (0)
bool log_limit_pass(
	struct log_limit *limit, enum log_level level, const struct log_context *context);

/* Starts the thread. fd: where lines go (2); priority prefixes <N> if $JOURNAL_STREAM is that fd. */
int log_start(int fd);
/* Writes everything that waits and ends the thread; later lines are written at once. */
void log_stop(void);
/* For a fatal end: what waits is written by the caller itself (async-signal-unsafe, but does not wait). */
void log_flush_dying(void);
/* Lines lost because the ring was full, since start. */
uint64_t log_lost(void);

/*
 * Copies text so that it can stand between double quotes (or in a JSON string or on a terminal) on one
 * line; cut to size - 1 bytes at the boundary of a character. Returns the length written.
 */
size_t log_escape(char *buffer, size_t size, const char *text, size_t length);
