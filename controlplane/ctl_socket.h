/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The operator's socket: UNIX stream, one JSON object a line, answers streamed row by row.
 *
 * Request:  {"command": "show sessions", "args": {"tunnel": 7}}
 * Answer:   {"command": "show sessions", "layout": "table", "columns": [{"name":..., "title":..., "unit":...}]}
 *           {row} ...
 *           {"end": true, "rows": N}       or, at any time:  {"end": true, "error": "text", "code": "ENOENT"}
 *
 * A command is a resumable iterator: rows are produced only as fast as the reader takes them and a few at a
 * time, so that 100,000 rows do not hold up the control core. Everything is called on the control core.
 */
#pragma once

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctl_socket;

enum ctl_unit { /* how lnsctl shows a value; in JSON it is the plain number or string */
	CTL_TEXT,
	CTL_ID,      /* number without separators */
	CTL_COUNT,   /* number, grouped */
	CTL_BYTES,   /* number of bytes: 1.5 MB */
	CTL_BITRATE, /* bits per second */
	CTL_SECONDS, /* duration in seconds: 1d02h */
	CTL_PERCENT, /* number */
	CTL_BOOL,
	CTL_LIST, /* array of strings */
};
struct ctl_column {
	const char *name;  /* key in the row */
	const char *title; /* heading in the table */
	enum ctl_unit unit;
};
enum ctl_layout {
	CTL_LAYOUT_TABLE,  /* rows under headings */
	CTL_LAYOUT_RECORD, /* one row, shown as a list of title: value */
	CTL_LAYOUT_MESSAGE /* rows {"message": text}: what a command did */
};

struct ctl_request {
	const struct ctl_command *command;
	json_t *args;       /* object, borrowed: may be empty, never NULL; types are not checked */
	uint64_t now;       /* ms */
	void *state;        /* the command's own; freed by done() */
	uint64_t cursor[4]; /* zeroes at start: for commands that need no more than this */
	char error[256];    /* a sentence for the operator, with a negative return value */
};

enum ctl_next {
	CTL_END,  /* no more rows */
	CTL_ROW,  /* *row is set and the socket owns it; NULL: nothing this time, go on */
	CTL_WAIT, /* nothing yet: next() is called again after ctl_socket_wake() or 20 ms */
};

struct ctl_command {
	const char *name; /* "show sessions": unique */
	void *user;       /* for the functions below: request->command->user */
	enum ctl_layout layout;
	const struct ctl_column *columns; /* borrowed; ends with a NULL name; NULL for messages */
	/* Optional. 0, or -errno with request->error: refused. */
	int (*start)(struct ctl_request *request);
	/* enum ctl_next, or -errno with request->error: ends the answer with an error. */
	int (*next)(struct ctl_request *request, json_t **row);
	/* Optional, once after start() succeeded: at the end, or when the client went away. */
	void (*done)(struct ctl_request *request);
};

/*
 * Listens at path (mode 0600, its folder made with 0755). A socket file that nobody answers on is replaced;
 * if somebody does: "already running". NULL with a sentence in error.
 */
struct ctl_socket *ctl_socket_open(const char *path, char *error, size_t error_size);
/* Answers that are under way get their last line if the client takes it at once; removes the file. */
void ctl_socket_close(struct ctl_socket *ctl);
/* Copies the struct; -EEXIST, -ENOMEM. */
int ctl_socket_register(struct ctl_socket *ctl, const struct ctl_command *command);
/* NULL: there is none of this name. For others who run commands: the metrics. */
const struct ctl_command *ctl_command_find(const struct ctl_socket *ctl, const char *name);

int ctl_socket_fd(const struct ctl_socket *ctl); /* for epoll: EPOLLIN; an epoll instance itself */
/* Serves what is ready, a bounded amount. Returns the next moment it wants to be called (ms), or UINT64_MAX. */
uint64_t ctl_socket_service(struct ctl_socket *ctl, uint64_t now);
/* What commands that answered CTL_WAIT were waiting for may be there. */
void ctl_socket_wake(struct ctl_socket *ctl);

/* A JSON string of bytes from the network: what is not printable UTF-8 stands as \xNN. Never NULL. */
json_t *ctl_string(const char *text);
/* Arguments: 0 and the value; -ENOENT not given; -EINVAL of another type or out of range, error is filled. */
int ctl_arg_integer(
	struct ctl_request *request, const char *name, int64_t min, int64_t max, int64_t *value);
int ctl_arg_string(struct ctl_request *request, const char *name, const char **value);
