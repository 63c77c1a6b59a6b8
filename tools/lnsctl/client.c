/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One request over the control socket, its answer printed as it comes.
 */
#include "client.h"
#include "table.h"
#include "value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_SECONDS 30

static void unreachable(const char *path, int error)
{
	fprintf(stderr, "lnsctl: cannot reach lnsd at %s: %s\n", path, strerror(error));
	if (error == EACCES || error == EPERM)
		fprintf(stderr,
			"lnsctl: the socket belongs to the user that lnsd runs as: try as root\n");
	else if (error == ENOENT || error == ECONNREFUSED)
		fprintf(stderr,
			"lnsctl: is lnsd running (systemctl status lnsd)? Does lns.control-socket "
			"in its "
			"configuration name this path (else: lnsctl -s PATH)?\n");
}

static int client_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval timeout = {.tv_sec = ANSWER_SECONDS};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		unreachable(path, ENAMETOOLONG);
		return -1;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
		return fd;
	}
	unreachable(path, errno);
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool request_send(int fd, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	size_t length = text ? strlen(text) : 0, sent = 0;

	if (!text)
		return false;
	text[length++] = '\n'; /* in the place of the final NUL */
	while (sent < length) {
		ssize_t n = send(fd, text + sent, length - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	free(text);
	return sent == length;
}

static int answer_print(FILE *in, const char *path, bool json, FILE *out)
{
	struct table table;
	bool begun = false;
	char *line = NULL;
	size_t size = 0;
	int result = -1;

	errno = 0;
	while (result < 0 && getline(&line, &size, in) > 0) {
		json_t *object = json_loads(line, 0, NULL);
		const json_t *error = json_object_get(object, "error");
		char text[512];

		if (!json_is_object(object)) {
			fprintf(stderr, "lnsctl: %s answers something else than lnsd does\n", path);
			result = EXIT_UNREACHABLE;
		} else if (json_is_true(json_object_get(object, "end"))) {
			if (begun)
				table_end(&table);
			begun = false;
			result = error ? EXIT_REFUSED : EXIT_OK;
			if (error)
				fprintf(stderr, "lnsctl: %s\n",
					value_text(error, "text", text, sizeof(text)));
		} else if (!begun) {
			table_begin(&table, out, json, object);
			begun = true;
		} else {
			table_row(&table, object);
		}
		json_decref(object);
	}
	if (result < 0) {
		if (begun)
			table_end(&table);
		fprintf(stderr, "lnsctl: lnsd at %s %s\n", path,
			errno == EAGAIN ? "does not answer"
					: "closed the connection in mid-answer");
		result = EXIT_UNREACHABLE;
	}
	free(line);
	return result;
}

int client_run(const char *path, const json_t *request, bool json, FILE *out)
{
	int fd = client_connect(path), result;
	FILE *in;

	if (fd < 0)
		return EXIT_UNREACHABLE;
	in = fdopen(fd, "r");
	if (!in) {
		close(fd);
		return EXIT_UNREACHABLE;
	}
	/* a refusal may already be there although the request could not be sent */
	request_send(fd, request);
	result = answer_print(in, path, json, out);
	fclose(in);
	return result;
}
