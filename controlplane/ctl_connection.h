/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One client of the control socket: its request line, the command that answers it, what is not sent yet.
 * Private to ctl_*.c.
 */
#pragma once

#include "ctl_socket.h"

#include <sys/queue.h>
#include <sys/types.h>

#define CTL_LINE_MAX 4096

struct connection {
	TAILQ_ENTRY(connection) next;
	struct ctl_socket *ctl;
	int fd;
	uint32_t events; /* what epoll watches now */
	bool end_of_input, dead, closing;
	bool waiting;                      /* the command answered CTL_WAIT */
	uint64_t retry_at;                 /* then: when it is asked again at the latest */
	uint64_t active_at;                /* last progress, for the timeouts */
	const struct ctl_command *command; /* NULL: no request under way */
	struct ctl_request request;
	json_t *document; /* holds request.args */
	uint64_t rows;
	char *out;
	size_t out_size, out_used, out_sent;
	size_t in_used;
	char in[CTL_LINE_MAX];
};

struct ctl_socket {
	int listener, epoll;
	char path[108];
	ino_t inode;
	uint64_t now;
	unsigned int n_commands, n_connections;
	struct ctl_command **commands;
	TAILQ_HEAD(, connection) connections;
};

struct connection *connection_open(struct ctl_socket *ctl, int fd); /* takes fd if not NULL */
void connection_event(struct connection *connection, uint32_t events);
/* Goes on with the answer; may close the connection. Returns when it wants to be called again. */
uint64_t connection_serve(struct connection *connection);
void connection_wake(struct connection *connection);
/* Ends the request with an error, sent if the client takes it at once. */
void connection_abort(struct connection *connection, const char *error);
void connection_close(struct connection *connection);
