/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket with real clients: streaming, slow readers, bad requests, a second daemon.
 */
#include "ctl_socket.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct ctl_socket *ctl;
static char folder[64], path[108], error[256];
static uint64_t now = 1000;

static unsigned int produced, finished;
static bool ready;

static int rows_next(struct ctl_request *request, json_t **row)
{
	int64_t n = 10;
	int r = ctl_arg_integer(request, "n", 0, 1000000, &n);

	if (r == -EINVAL)
		return r;
	if (request->cursor[0] >= (uint64_t)n)
		return CTL_END;
	produced++;
	*row = json_pack("{s:I}", "i", (json_int_t)request->cursor[0]++);
	return CTL_ROW;
}

static void rows_done(struct ctl_request *request)
{
	finished++;
}

static int wait_next(struct ctl_request *request, json_t **row)
{
	if (!ready)
		return CTL_WAIT;
	if (request->cursor[0]++)
		return CTL_END;
	*row = json_pack("{s:o}", "user", ctl_string("a\nb\x1b\"\xff"));
	return CTL_ROW;
}

static int refuse_start(struct ctl_request *request)
{
	snprintf(request->error, sizeof(request->error), "not today");
	return -EPERM;
}

static int break_next(struct ctl_request *request, json_t **row)
{
	if (request->cursor[0]++ == 2) {
		snprintf(request->error, sizeof(request->error), "it broke");
		return -EIO;
	}
	*row = json_object();
	return CTL_ROW;
}

static const struct ctl_column columns[] = {{"i", "Number", CTL_COUNT}, {NULL}};

static void setup(void)
{
	const struct ctl_command commands[] = {
		{"show rows", NULL, CTL_LAYOUT_TABLE, columns, NULL, rows_next, rows_done},
		{"show wait", NULL, CTL_LAYOUT_RECORD, NULL, NULL, wait_next, rows_done},
		{"refuse", NULL, CTL_LAYOUT_MESSAGE, NULL, refuse_start, rows_next, rows_done},
		{"break", NULL, CTL_LAYOUT_TABLE, NULL, NULL, break_next, rows_done},
	};

	strcpy(folder, "/tmp/test_ctl_XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/run/lnsd/lnsd.sock", folder);
	ctl = ctl_socket_open(path, error, sizeof(error));
	cr_assert_not_null(ctl, "%s", error);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		cr_assert_eq(ctl_socket_register(ctl, &commands[i]), 0);
	cr_assert_eq(ctl_socket_register(ctl, &commands[0]), -EEXIST);
}

static void teardown(void)
{
	char command[128];

	ctl_socket_close(ctl);
	cr_assert_eq(access(path, F_OK), -1, "the socket file goes with the daemon");
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(ctl_socket, .init = setup, .fini = teardown);

static int client(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, path);
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* One turn of the control loop, only if the descriptor says so. */
static bool turn(void)
{
	struct pollfd pollfd = {.fd = ctl_socket_fd(ctl), .events = POLLIN};

	if (poll(&pollfd, 1, 0) <= 0)
		return false;
	ctl_socket_service(ctl, now);
	return true;
}

/* Turns and reads until the end line or the end of the connection. */
static char *answer(int fd)
{
	static char text[32 << 20];
	size_t used = 0;

	for (unsigned int idle = 0; idle < 1000; idle++) {
		ssize_t n;

		turn();
		while ((n = recv(fd, text + used, sizeof(text) - 1 - used, 0)) > 0) {
			used += (size_t)n;
			idle = 0;
		}
		text[used] = '\0';
		if (n == 0)
			break;
		const char *end = strstr(text, "{\"end\":true");
		if (end && strchr(end, '\n'))
			break;
	}
	return text;
}

#define expect(fd, text)                      \
	do {                                  \
		const char *got = answer(fd); \
		cr_assert_str_eq(got, text);  \
	} while (0)

Test(ctl_socket, answers_header_rows_and_end)
{
	int fd = client();

	say(fd, "{\"command\": \"show rows\", \"args\": {\"n\": 2}}\n");
	expect(fd,
		"{\"command\":\"show rows\",\"layout\":\"table\",\"columns\":[{\"name\":\"i\","
		"\"title\":\"Number\",\"unit\":\"count\"}]}\n{\"i\":0}\n{\"i\":1}\n"
		"{\"end\":true,\"rows\":2}\n");
	/* the connection stays for more */
	say(fd, "{\"command\": \"show rows\", \"args\": {\"n\": 0}}\n");
	cr_assert(strstr(answer(fd), "{\"end\":true,\"rows\":0}\n"));
	cr_assert_eq(finished, 2);
	close(fd);
}

Test(ctl_socket, the_file_is_for_its_owner_alone)
{
	struct stat st;

	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
}

Test(ctl_socket, bad_requests_get_a_sentence)
{
	static const struct {
		const char *request, *answer;
	} table[] = {
		{"nonsense\n", "request is no JSON"},
		{"[]\n", "expected {"},
		{"{\"command\": 5}\n", "expected {"},
		{"{\"command\": \"show rows\", \"args\": []}\n", "expected {"},
		{"{\"command\": \"show x\\u001b[2J\"}\n", "unknown command 'show x\\\\x1b[2J'"},
		{"{\"command\": \"show rows\", \"args\": {\"n\": \"5\"}}\n",
			"n: expected a number from 0 to 1000000"},
		{"{\"command\": \"show rows\", \"args\": {\"n\": -1}}\n", "n: expected a number"},
		{"{\"command\": \"refuse\"}\n", "\"error\":\"not today\",\"code\":\"EPERM\""},
		{"{\"command\": \"break\"}\n", "{}\n{}\n{\"end\":true,\"error\":\"it broke\""},
		{"{\"command\": \"break\", \"command\": \"refuse\"}\n", "request is no JSON"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int fd = client();
		const char *got;

		say(fd, table[i].request);
		got = answer(fd);
		cr_assert(strstr(got, table[i].answer), "row %zu: %s", i, got);
		close(fd);
	}
}

Test(ctl_socket, an_oversized_request_ends_the_connection)
{
	char *text = malloc(10000);
	int fd = client();

	memset(text, 'x', 9999);
	text[9999] = '\0';
	say(fd, text);
	cr_assert(strstr(answer(fd), "request longer than"));
	for (unsigned int i = 0; i < 10; i++)
		turn();
	say(client(), "\n"); /* the socket itself goes on */
	free(text);
}

Test(ctl_socket, a_hundred_thousand_rows_are_made_only_as_fast_as_they_are_read)
{
	const char *text;
	unsigned int before;
	int fd = client(), other;

	say(fd, "{\"command\": \"show rows\", \"args\": {\"n\": 100000}}\n");
	/* nobody reads: production stops, and the loop sleeps */
	for (unsigned int i = 0; i < 100000 && turn(); i++)
		;
	cr_assert_not(turn(), "no busy loop for a client that does not read");
	before = produced;
	cr_assert_lt(before, 60000);
	/* others are served meanwhile */
	other = client();
	say(other, "{\"command\": \"show rows\", \"args\": {\"n\": 1}}\n");
	cr_assert(strstr(answer(other), "{\"end\":true,\"rows\":1}\n"));
	text = answer(fd);
	cr_assert(strstr(text, "{\"i\":99999}\n{\"end\":true,\"rows\":100000}\n"));
	close(fd);
	close(other);
}

Test(ctl_socket, one_turn_makes_a_bounded_number_of_rows)
{
	int fd = client();

	say(fd, "{\"command\": \"show rows\", \"args\": {\"n\": 100000}}\n");
	turn(); /* accepts */
	turn(); /* reads */
	cr_assert_leq(produced, 64);
	turn();
	cr_assert_leq(produced, 2 * 64);
	close(fd);
}

Test(ctl_socket, a_client_that_goes_away_ends_its_command)
{
	int fd = client();

	say(fd, "{\"command\": \"show rows\", \"args\": {\"n\": 100000}}\n");
	for (unsigned int i = 0; i < 20; i++)
		turn();
	cr_assert_eq(finished, 0);
	close(fd);
	while (turn())
		;
	cr_assert_eq(finished, 1);
	/* while it waits too */
	fd = client();
	say(fd, "{\"command\": \"show wait\"}\n");
	for (unsigned int i = 0; i < 20; i++)
		turn();
	close(fd);
	while (turn())
		;
	cr_assert_eq(finished, 2);
}

Test(ctl_socket, half_closed_clients_get_their_answer)
{
	int fd = client();

	say(fd, "{\"command\": \"show rows\", \"args\": {\"n\": 3}}\n");
	shutdown(fd, SHUT_WR);
	cr_assert(strstr(answer(fd), "{\"end\":true,\"rows\":3}\n"));
	for (unsigned int i = 0; i < 5; i++)
		turn();
	cr_assert_eq(recv(fd, error, 1, 0), 0, "closed by us too");
	close(fd);
}

Test(ctl_socket, a_waiting_command_goes_on_when_woken_or_in_time)
{
	const char *text;
	uint64_t next;
	int fd = client();

	say(fd, "{\"command\": \"show wait\"}\n");
	turn();
	turn();
	while (turn())
		;
	next = ctl_socket_service(ctl, now);
	cr_assert_eq(next, now + 20);
	cr_assert_not(turn(), "asleep");
	ready = true;
	ctl_socket_wake(ctl);
	cr_assert(turn(), "woken");
	text = answer(fd);
	/* what came from the network has no control characters left */
	cr_assert(strstr(text, "{\"user\":\"a\\\\x0ab\\\\x1b\\\\\\\"\\\\xff\"}"), "%s", text);
	ready = false;
	say(fd, "{\"command\": \"show wait\"}\n");
	while (turn())
		;
	ready = true;
	now += 25;
	ctl_socket_service(ctl, now);
	cr_assert(strstr(answer(fd), "{\"end\":true,\"rows\":1}\n"));
	close(fd);
}

Test(ctl_socket, idle_and_stalled_clients_are_let_go)
{
	int idle = client(), stalled = client();

	say(stalled, "{\"command\": \"show rows\", \"args\": {\"n\": 1000000}}\n");
	for (unsigned int i = 0; i < 100000 && turn(); i++)
		;
	/* send() still takes a little when epoll no longer says so */
	for (unsigned int i = 0; i < 1000; i++)
		ctl_socket_service(ctl, now);
	now += 31000;
	ctl_socket_service(ctl, now);
	cr_assert_eq(finished, 1, "does not read for 30 s");
	cr_assert_eq(recv(idle, error, 1, 0), -1);
	now += 31000;
	ctl_socket_service(ctl, now);
	cr_assert_eq(recv(idle, error, 1, 0), 0, "asks nothing for 60 s");
	close(idle);
	close(stalled);
}

Test(ctl_socket, too_many_connections_are_told_so)
{
	int fds[40];
	unsigned int refused = 0;

	for (unsigned int i = 0; i < 40; i++) {
		fds[i] = i < 32 ? client() : -1;
		turn();
	}
	fds[32] = client();
	if (strstr(answer(fds[32]), "too many connections"))
		refused++;
	cr_assert_eq(refused, 1);
	close(fds[0]);
	while (turn())
		;
	fds[33] = client();
	say(fds[33], "{\"command\": \"show rows\"}\n");
	cr_assert(strstr(answer(fds[33]), "{\"end\":true,\"rows\":10}\n"));
}

Test(ctl_socket, a_second_daemon_is_refused_and_a_dead_ones_file_replaced)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ctl_socket *second;
	char stale[108];
	int fd;

	cr_assert_null(ctl_socket_open(path, error, sizeof(error)));
	cr_assert(strstr(error, "already running"), "%s", error);
	cr_assert_eq(access(path, F_OK), 0);

	snprintf(stale, sizeof(stale), "%s/stale.sock", folder);
	strcpy(address.sun_path, stale);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	second = ctl_socket_open(stale, error, sizeof(error));
	cr_assert_not_null(second, "%s", error);
	ctl_socket_close(second);

	fd = open(stale, O_CREAT | O_WRONLY, 0600);
	close(fd);
	cr_assert_null(ctl_socket_open(stale, error, sizeof(error)));
	cr_assert(strstr(error, "is no socket"), "%s", error);
	cr_assert_eq(access(stale, F_OK), 0, "a file that is not ours stays");
}

Test(ctl_socket, closing_tells_clients_whose_answer_is_cut)
{
	char text[65536];
	ssize_t n;
	int fd = client();

	say(fd, "{\"command\": \"show wait\"}\n");
	while (turn())
		;
	ctl_socket_close(ctl);
	n = recv(fd, text, sizeof(text) - 1, 0);
	cr_assert_gt(n, 0);
	text[n] = '\0';
	cr_assert(strstr(text, "lnsd is shutting down"), "%s", text);
	cr_assert_eq(finished, 1);
	cr_assert_eq(recv(fd, text, 1, 0), 0);
	ctl = ctl_socket_open(path, error, sizeof(error));
	cr_assert_not_null(ctl);
}
