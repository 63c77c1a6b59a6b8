/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The operator's socket: listening, the registry of commands, connections.
 */
#include "ctl_connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ACCEPTS_MAX     8 /* in one turn */
#define CONNECTIONS_MAX 32

static int folder_make(const char *path)
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];

	snprintf(folder, sizeof(folder), "%s", path);
	for (char *p = folder + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(folder, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return 0;
}

/* A file left by a daemon that died is in the way; one that somebody answers on is not ours to take. */
static int stale_remove(const struct sockaddr_un *address, char *error, size_t error_size)
{
	struct stat st;
	int fd, r;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(error, error_size, "lns.control-socket: %s is there and is no socket",
			address->sun_path);
		return -EEXIST;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? errno : 0;
	close(fd);
	if (r == 0 || r == EAGAIN) {
		snprintf(error, error_size, "lnsd is already running: it answers on %s",
			address->sun_path);
		return -EADDRINUSE;
	}
	if (r != ECONNREFUSED) {
		snprintf(error, error_size, "lns.control-socket: %s: %s", address->sun_path,
			strerror(r));
		return -r;
	}
	return unlink(address->sun_path) < 0 ? -errno : 0;
}

static int listen_at(struct ctl_socket *ctl, const char *path, char *error, size_t error_size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct epoll_event event = {.events = EPOLLIN};
	struct stat st;
	mode_t mask;
	int r;

	error[0] = '\0';
	if (strlen(path) >= sizeof(address.sun_path)) {
		snprintf(error, error_size,
			"lns.control-socket: %s is too long, at most %zu characters", path,
			sizeof(address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	strcpy(address.sun_path, path);
	r = folder_make(path);
	if (r == 0)
		r = stale_remove(&address, error, error_size);
	if (r < 0)
		goto fail;
	ctl->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* nobody else may connect, from the first moment on */
	mask = umask(0177);
	r = ctl->listener < 0 ? -1
			      : bind(ctl->listener, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (r < 0 || listen(ctl->listener, 16) < 0 ||
		epoll_ctl(ctl->epoll, EPOLL_CTL_ADD, ctl->listener, &event) < 0) {
		r = -errno;
		goto fail;
	}
	strcpy(ctl->path, path);
	if (stat(path, &st) == 0)
		ctl->inode = st.st_ino;
	return 0;

fail:
	if (!error[0])
		snprintf(error, error_size, "lns.control-socket: %s: %s", path, strerror(-r));
	return r;
}

struct ctl_socket *ctl_socket_open(const char *path, char *error, size_t error_size)
{
	struct ctl_socket *ctl = calloc(1, sizeof(*ctl));

	if (!ctl) {
		snprintf(error, error_size, "control socket: out of memory");
		return NULL;
	}
	ctl->listener = -1;
	TAILQ_INIT(&ctl->connections);
	ctl->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (ctl->epoll < 0)
		snprintf(error, error_size, "control socket: %s", strerror(errno));
	else if (listen_at(ctl, path, error, error_size) == 0)
		return ctl;
	ctl_socket_close(ctl);
	return NULL;
}

void ctl_socket_close(struct ctl_socket *ctl)
{
	struct connection *connection;
	struct stat st;

	if (!ctl)
		return;
	while ((connection = TAILQ_FIRST(&ctl->connections))) {
		connection_abort(connection, "lnsd is shutting down");
		connection_close(connection);
	}
	/* the name may belong to a newer daemon by now */
	if (ctl->path[0] && lstat(ctl->path, &st) == 0 && st.st_ino == ctl->inode)
		unlink(ctl->path);
	if (ctl->listener >= 0)
		close(ctl->listener);
	if (ctl->epoll >= 0)
		close(ctl->epoll);
	for (unsigned int i = 0; i < ctl->n_commands; i++)
		free(ctl->commands[i]);
	free(ctl->commands);
	free(ctl);
}

int ctl_socket_register(struct ctl_socket *ctl, const struct ctl_command *command)
{
	struct ctl_command **commands, *copy;

	if (ctl_command_find(ctl, command->name))
		return -EEXIST;
	commands = realloc(ctl->commands, (ctl->n_commands + 1) * sizeof(*commands));
	if (!commands)
		return -ENOMEM;
	ctl->commands = commands;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *command;
	ctl->commands[ctl->n_commands++] = copy;
	return 0;
}

const struct ctl_command *ctl_command_find(const struct ctl_socket *ctl, const char *name)
{
	for (unsigned int i = 0; i < ctl->n_commands; i++)
		if (strcmp(ctl->commands[i]->name, name) == 0)
			return ctl->commands[i];
	return NULL;
}

int ctl_socket_fd(const struct ctl_socket *ctl)
{
	return ctl->epoll;
}

static void accept_some(struct ctl_socket *ctl)
{
	for (unsigned int i = 0; i < ACCEPTS_MAX; i++) {
		int fd = accept4(ctl->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		static const char busy[] =
			"{\"end\": true, \"error\": \"too many connections to the control "
			"socket\", \"code\": \"EBUSY\"}\n";

		if (fd < 0)
			return;
		if (ctl->n_connections < CONNECTIONS_MAX && connection_open(ctl, fd))
			continue;
		if (send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL) < 0) {
			/* it has gone already */
		}
		close(fd);
	}
}

uint64_t ctl_socket_service(struct ctl_socket *ctl, uint64_t now)
{
	struct epoll_event events[CONNECTIONS_MAX + 1];
	int n = epoll_wait(ctl->epoll, events, CONNECTIONS_MAX + 1, 0);
	struct connection *connection, *next;
	uint64_t deadline = UINT64_MAX;

	ctl->now = now;
	for (int i = 0; i < n; i++) {
		if (!events[i].data.ptr)
			accept_some(ctl);
		else
			connection_event(events[i].data.ptr, events[i].events);
	}
	for (connection = TAILQ_FIRST(&ctl->connections); connection; connection = next) {
		uint64_t until;

		next = TAILQ_NEXT(connection, next);
		until = connection_serve(connection);
		deadline = until < deadline ? until : deadline;
	}
	return deadline;
}

void ctl_socket_wake(struct ctl_socket *ctl)
{
	struct connection *connection;

	TAILQ_FOREACH (connection, &ctl->connections, next)
		connection_wake(connection);
}
