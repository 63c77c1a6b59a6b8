/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One client of the control socket.
 */
#include "ctl_connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROWS_TURN  64         /* rows of one answer in one turn of the control loop */
#define OUT_ENOUGH (32 << 10) /* no further row before this much is sent */
#define OUT_MAX    (4 << 20)  /* a single row larger than this is refused */
#define WAIT_MS    20
#define IDLE_MS    60000 /* without a request */
#define STALLED_MS 30000 /* without the client reading */

static const char *const layout_names[] = {"table", "record", "message"};
static const char *const unit_names[] = {
	"text", "id", "count", "bytes", "bitrate", "seconds", "percent", "bool", "list"};

struct connection *connection_open(struct ctl_socket *ctl, int fd)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

	if (!connection)
		return NULL;
	if (epoll_ctl(ctl->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		free(connection);
		return NULL;
	}
	connection->ctl = ctl;
	connection->fd = fd;
	connection->events = EPOLLIN;
	connection->active_at = ctl->now;
	TAILQ_INSERT_TAIL(&ctl->connections, connection, next);
	ctl->n_connections++;
	return connection;
}

static void request_end(struct connection *connection)
{
	if (connection->command && connection->command->done)
		connection->command->done(&connection->request);
	json_decref(connection->document);
	connection->document = NULL;
	connection->command = NULL;
	connection->waiting = false;
}

void connection_close(struct connection *connection)
{
	request_end(connection);
	TAILQ_REMOVE(&connection->ctl->connections, connection, next);
	connection->ctl->n_connections--;
	close(connection->fd);
	free(connection->out);
	free(connection);
}

/* Appends one line; takes the reference. */
static void out_line(struct connection *connection, json_t *line)
{
	const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
	size_t room = connection->out_size - connection->out_used;
	size_t length = line
		? json_dumpb(line, connection->out ? connection->out + connection->out_used : NULL,
			  room, flags)
		: 0;

	if (!line || length == 0 || connection->out_used + length + 1 > OUT_MAX) {
		connection->dead = true; /* the answer could not be complete */
		goto out;
	}
	if (length + 1 > room) {
		size_t size = connection->out_size ? connection->out_size : 4096;
		char *grown;

		while (size < connection->out_used + length + 1)
			size *= 2;
		grown = realloc(connection->out, size);
		if (!grown) {
			connection->dead = true;
			goto out;
		}
		connection->out = grown;
		connection->out_size = size;
		json_dumpb(line, grown + connection->out_used, length, flags);
	}
	connection->out_used += length;
	connection->out[connection->out_used++] = '\n';
out:
	json_decref(line);
}

static void out_error(struct connection *connection, int error, const char *text)
{
	const char *name = strerrorname_np(-error);

	out_line(connection,
		json_pack("{s:b, s:o, s:s}", "end", 1, "error", ctl_string(text), "code",
			name ? name : "EIO"));
}

static void out_send(struct connection *connection)
{
	while (connection->out_sent < connection->out_used) {
		ssize_t n = send(connection->fd, connection->out + connection->out_sent,
			connection->out_used - connection->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			connection->dead |= errno != EAGAIN;
			return;
		}
		connection->out_sent += (size_t)n;
		connection->active_at = connection->ctl->now;
	}
	connection->out_sent = connection->out_used = 0;
}

static json_t *header_of(const struct ctl_command *command)
{
	json_t *columns = json_array();

	for (const struct ctl_column *c = command->columns; c && c->name; c++)
		json_array_append_new(columns,
			json_pack("{s:s, s:s, s:s}", "name", c->name, "title", c->title, "unit",
				unit_names[c->unit]));
	return json_pack("{s:s, s:s, s:o}", "command", command->name, "layout",
		layout_names[command->layout], "columns", columns);
}

static void request_start(struct connection *connection, const char *line, size_t length)
{
	const struct ctl_command *command;
	json_t *document, *name, *args;
	char text[200];
	json_error_t at;
	int r;

	document = json_loadb(line, length, JSON_REJECT_DUPLICATES, &at);
	name = json_object_get(document, "command");
	args = json_object_get(document, "args");
	if (!document) {
		snprintf(text, sizeof(text), "request is no JSON: %s", at.text);
		out_error(connection, -EINVAL, text);
		return;
	}
	if (!json_is_string(name) || (args && !json_is_object(args))) {
		out_error(connection, -EINVAL,
			"request: expected {\"command\": \"...\", \"args\": {...}}");
		goto out;
	}
	command = ctl_command_find(connection->ctl, json_string_value(name));
	if (!command) {
		snprintf(text, sizeof(text), "unknown command '%.100s'", json_string_value(name));
		out_error(connection, -ENOENT, text);
		goto out;
	}
	if (!args) {
		args = json_object();
		json_object_set_new(document, "args", args);
	}
	memset(&connection->request, 0, sizeof(connection->request));
	connection->request.command = command;
	connection->request.args = args;
	connection->request.now = connection->ctl->now;
	r = command->start ? command->start(&connection->request) : 0;
	if (r < 0) {
		out_error(connection, r,
			connection->request.error[0] ? connection->request.error : strerror(-r));
		goto out;
	}
	connection->command = command;
	connection->document = document;
	connection->rows = 0;
	out_line(connection, header_of(command));
	return;

out:
	json_decref(document);
}

/* One step of the answer; false: nothing more can be done now. */
static bool request_step(struct connection *connection)
{
	struct ctl_request *request = &connection->request;
	json_t *row = NULL;
	int r;

	request->now = connection->ctl->now;
	r = connection->command->next(request, &row);
	if (r == CTL_ROW) {
		if (row) {
			connection->rows++;
			out_line(connection, row);
		}
		return true;
	}
	json_decref(row);
	if (r == CTL_WAIT) {
		connection->waiting = true;
		connection->retry_at = connection->ctl->now + WAIT_MS;
		return false;
	}
	if (r == CTL_END)
		out_line(connection,
			json_pack("{s:b, s:I}", "end", 1, "rows", (json_int_t)connection->rows));
	else
		out_error(connection, r < 0 ? r : -ENOMEM,
			request->error[0] ? request->error : strerror(r < 0 ? -r : ENOMEM));
	request_end(connection);
	return true;
}

static bool request_take(struct connection *connection)
{
	char *newline = memchr(connection->in, '\n', connection->in_used);
	size_t length;

	if (!newline) {
		if (connection->in_used == sizeof(connection->in)) {
			out_error(connection, -EMSGSIZE, "request longer than 4095 characters");
			connection->in_used = 0;
			connection->closing = true;
		}
		return false;
	}
	length = (size_t)(newline - connection->in);
	if (length)
		request_start(connection, connection->in, length);
	connection->in_used -= length + 1;
	memmove(connection->in, newline + 1, connection->in_used);
	return true;
}

void connection_event(struct connection *connection, uint32_t events)
{
	/* EPOLLHUP: closed on both sides, nobody reads the answer */
	if (events & (EPOLLHUP | EPOLLERR)) {
		connection->dead = true;
		return;
	}
	if (!(events & EPOLLIN))
		return;
	while (connection->in_used < sizeof(connection->in)) {
		ssize_t n = recv(connection->fd, connection->in + connection->in_used,
			sizeof(connection->in) - connection->in_used, MSG_DONTWAIT);

		if (n > 0) {
			connection->in_used += (size_t)n;
			connection->active_at = connection->ctl->now;
		} else if (n == 0) {
			connection->end_of_input = true;
			return;
		} else {
			connection->dead |= errno != EAGAIN && errno != EINTR;
			return;
		}
	}
}

static void events_set(struct connection *connection, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = connection};

	if (connection->events == events)
		return;
	connection->events = events;
	epoll_ctl(connection->ctl->epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

void connection_wake(struct connection *connection)
{
	if (!connection->waiting)
		return;
	connection->waiting = false;
	/* writable: the epoll instance itself becomes readable, and the loop calls */
	events_set(connection, connection->events | EPOLLOUT);
}

uint64_t connection_serve(struct connection *connection)
{
	uint64_t now = connection->ctl->now, timeout;
	bool pending, more = false;
	uint32_t events = 0;

	if (connection->waiting && now >= connection->retry_at)
		connection->waiting = false;
	for (unsigned int rows = 0; !connection->dead && !connection->closing; rows++) {
		if (connection->out_used >= OUT_ENOUGH) {
			out_send(connection);
			if (connection->out_used >= OUT_ENOUGH)
				break;
		}
		more = rows == ROWS_TURN;
		if (more || connection->waiting)
			break;
		if (connection->command ? !request_step(connection) : !request_take(connection))
			break;
	}
	if (!connection->dead)
		out_send(connection);
	pending = connection->out_used != 0;
	if (!pending && !connection->command &&
		(connection->closing || (connection->end_of_input && !more)))
		connection->dead = true;
	timeout = connection->active_at + (pending ? STALLED_MS : IDLE_MS);
	if (connection->dead || (now >= timeout && (pending || !connection->command))) {
		connection_close(connection);
		return UINT64_MAX;
	}
	if (!connection->end_of_input && connection->in_used < sizeof(connection->in))
		events |= EPOLLIN;
	if (pending || more)
		events |= EPOLLOUT;
	events_set(connection, events);
	if (connection->waiting && connection->retry_at < timeout)
		return connection->retry_at;
	return timeout;
}

void connection_abort(struct connection *connection, const char *error)
{
	if (connection->command)
		out_error(connection, -ESHUTDOWN, error);
	out_send(connection);
}
