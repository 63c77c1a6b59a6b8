/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The metrics over real HTTP, made from commands that behave as the daemon's do: many rows, a wait for
 * workers, a failure, names from the network.
 */
#include "metrics.h"
#include "metrics_text.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct ctl_socket *ctl;
static struct metrics *metrics;
static char folder[64], path[108], error[256];
static uint64_t now = 1000;
static uint16_t port;
static bool ready = true, broken;
static unsigned int unfinished;

static int start(struct ctl_request *request)
{
	(void)request;
	unfinished++;
	return 0;
}

static void done(struct ctl_request *request)
{
	(void)request;
	unfinished--;
}

static int version_next(struct ctl_request *request, json_t **row)
{
	if (request->cursor[0]++)
		return CTL_END;
	*row = json_pack("{s:s,s:s,s:s}", "lnsd", "1\"2\\3\n4", "dpdk", "22.11", "cpu", "x");
	return CTL_ROW;
}

static int workers_next(struct ctl_request *request, json_t **row)
{
	cr_assert(json_is_false(json_object_get(request->args, "rates")), "no half second lost");
	if (!ready)
		return CTL_WAIT;
	if (request->cursor[0] == 2)
		return CTL_END;
	*row = json_pack("{s:I,s:s,s:I,s:I}", "worker", (json_int_t)request->cursor[0], "state",
		request->cursor[0] ? "silent" : "running", "loops", (json_int_t)1 << 40, "drops",
		(json_int_t)7);
	request->cursor[0]++;
	return CTL_ROW;
}

static int pools_next(struct ctl_request *request, json_t **row)
{
	if (request->cursor[0] == 1000)
		return CTL_END;
	if (broken && request->cursor[0] == 500)
		return -EIO;
	*row = json_pack("{s:s+,s:s,s:I}", "pool", "p",
		(char[2]){(char)('a' + request->cursor[0] % 26), 0}, "vrf", "default", "size",
		(json_int_t)request->cursor[0]);
	request->cursor[0]++;
	return CTL_ROW;
}

static int control_next(struct ctl_request *request, json_t **row)
{
	if (request->cursor[0] == 2)
		return CTL_END;
	*row = json_pack("{s:s,s:s,s:i,s:b}", "group", "session", "name",
		request->cursor[0] ? "up" : "opened", "value", 5, "gauge", (int)request->cursor[0]);
	request->cursor[0]++;
	return CTL_ROW;
}

static int radius_next(struct ctl_request *request, json_t **row)
{
	if (request->cursor[0]++)
		return CTL_END;
	*row = json_pack("{s:s,s:s,s:s,s:I}", "role", "authentication", "server", "one", "state",
		"dead", "latency_us", (json_int_t)1500);
	return CTL_ROW;
}

static int tunnels_next(struct ctl_request *request, json_t **row)
{
	if (request->cursor[0]++)
		return CTL_END;
	*row = json_pack("{s:i,s:s,s:s,s:s,s:i}", "tunnel", 7, "lac", "10.0.0.1:1701", "lac_name",
		"lac", "state", "established", "sessions", 3);
	return CTL_ROW;
}

static uint16_t free_port(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&address, length), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static void setup(void)
{
	static const struct ctl_command commands[] = {
		{"show version", NULL, CTL_LAYOUT_RECORD, NULL, start, version_next, done},
		{"show workers", NULL, CTL_LAYOUT_TABLE, NULL, start, workers_next, done},
		{"show pools", NULL, CTL_LAYOUT_TABLE, NULL, start, pools_next, done},
		{"show control", NULL, CTL_LAYOUT_TABLE, NULL, NULL, control_next, NULL},
		{"show radius", NULL, CTL_LAYOUT_TABLE, NULL, NULL, radius_next, NULL},
		{"show tunnels", NULL, CTL_LAYOUT_TABLE, NULL, start, tunnels_next, done},
	};
	struct config_metrics settings = {.tunnels = true};

	strcpy(folder, "/tmp/test_metrics_XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/lnsd.sock", folder);
	ctl = ctl_socket_open(path, error, sizeof(error));
	cr_assert_not_null(ctl, "%s", error);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		cr_assert_eq(ctl_socket_register(ctl, &commands[i]), 0);
	settings.port = port = free_port();
	metrics = metrics_open(&settings, ctl, error, sizeof(error));
	cr_assert_not_null(metrics, "%s", error);
}

static void teardown(void)
{
	char command[128];

	metrics_close(metrics);
	ctl_socket_close(ctl);
	cr_assert_eq(unfinished, 0, "every command that was started was ended");
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(metrics, .init = setup, .fini = teardown, .timeout = 60);

static int client(const char *request)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
	return fd;
}

/* A turn of the control loop, as it is: the descriptor is asked, the clock goes on. */
static void turn(void)
{
	struct pollfd pollfd = {.fd = metrics_fd(metrics), .events = POLLIN};

	poll(&pollfd, 1, 1);
	now++;
	metrics_service(metrics, pollfd.revents != 0, now);
}

/* Until the peer has the whole answer and the connection is closed. */
static const char *answer(int fd)
{
	static char text[1 << 20];
	size_t used = 0;

	for (unsigned int turns = 0; turns < 20000; turns++) {
		ssize_t n = recv(fd, text + used, sizeof(text) - 1 - used, MSG_DONTWAIT);

		if (n == 0) {
			close(fd);
			text[used] = '\0';
			return text;
		}
		if (n > 0)
			used += (size_t)n;
		turn();
	}
	cr_assert(false, "no answer, %zu bytes", used);
	return NULL;
}

#define GET(what) "GET " what " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static void has(const char *text, const char *line)
{
	cr_assert_not_null(strstr(text, line), "'%s' is not in:\n%.3000s", line, text);
}

Test(metrics, rows_become_samples)
{
	const char *text = answer(client(GET("/metrics")));

	has(text, "HTTP/1.1 200");
	has(text, "Content-Type: text/plain; version=0.0.4");
	has(text, "# TYPE lnsd_info gauge\nlnsd_info{version=\"1\\\"2\\\\3\\n4\",dpdk=\"22.11\",");
	has(text, "# HELP lnsd_worker_loops_total ");
	has(text,
		"# TYPE lnsd_worker_loops_total counter\n"
		"lnsd_worker_loops_total{worker=\"0\"} 1099511627776\n"
		"lnsd_worker_loops_total{worker=\"1\"} 1099511627776\n");
	has(text, "lnsd_worker_running{worker=\"0\"} 1\nlnsd_worker_running{worker=\"1\"} 0\n");
	has(text, "lnsd_pool_size{pool=\"pl\",vrf=\"default\"} 999\n");
	has(text, "lnsd_events_total{group=\"session\",name=\"opened\"} 5\n");
	cr_assert_null(strstr(text, "name=\"up\""), "what goes down as well is no counter");
	has(text, "lnsd_radius_server_alive{role=\"authentication\",server=\"one\"} 0\n");
	has(text, "lnsd_radius_latency_seconds{role=\"authentication\",server=\"one\"} 0.001500\n");
	has(text, "lnsd_tunnel_sessions{tunnel=\"7\",lac=\"10.0.0.1:1701\",name=\"lac\"} 3\n");
	/* show memory, drops, interfaces, accounting, ipsec and kernel are not there */
	has(text, "lnsd_scrape_errors 6\n");
}

Test(metrics, a_command_that_fails_leaves_the_rest)
{
	const char *text;

	broken = true;
	text = answer(client(GET("/metrics")));
	has(text, "HTTP/1.1 200");
	has(text, "lnsd_scrape_errors 7\n");
	has(text, "lnsd_worker_running{worker=\"0\"} 1\n");
	cr_assert_null(strstr(text, "lnsd_pool_size"), "half a metric is none");
}

Test(metrics, tunnels_only_where_asked_for)
{
	struct metrics_scrape *scrape = metrics_scrape_start(ctl, false);
	size_t length;
	char *text;
	int r;

	while ((r = metrics_scrape_run(scrape, now, 3)) == CTL_ROW)
		;
	cr_assert_eq(r, CTL_END);
	text = metrics_scrape_take(scrape, &length);
	cr_assert_eq(strlen(text), length);
	cr_assert_null(strstr(text, "lnsd_tunnel_"));
	free(text);
	metrics_scrape_free(scrape);
}

Test(metrics, a_scrape_waits_for_the_workers_and_others_are_served_meanwhile)
{
	int waiting, other;
	char byte;

	ready = false;
	waiting = client(GET("/metrics"));
	for (unsigned int i = 0; i < 50; i++)
		turn();
	cr_assert_eq(recv(waiting, &byte, 1, MSG_DONTWAIT), -1, "nothing yet");
	other = client(GET("/"));
	has(answer(other), "HTTP/1.1 404");
	ready = true;
	has(answer(waiting), "lnsd_worker_running{worker=\"0\"} 1\n");
}

Test(metrics, other_requests_are_refused)
{
	has(answer(client(GET("/metricsx"))), "HTTP/1.1 404");
	has(answer(client("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
			  "Connection: close\r\n\r\nhello")),
		"HTTP/1.1 405");
	has(answer(client("HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")),
		"HTTP/1.1 200");
	has(answer(client("\x16\x03\x01 TLS, say\r\n\r\n")), "HTTP/1.");
}

Test(metrics, a_client_that_leaves_in_the_middle_leaves_nothing)
{
	ready = false;
	close(client(GET("/metrics")));
	close(client("GET /met"));
	for (unsigned int i = 0; i < 50; i++)
		turn();
	ready = true;
	for (unsigned int i = 0; i < 50; i++)
		turn();
	has(answer(client(GET("/metrics"))), "HTTP/1.1 200");
}

Test(metrics, ends_with_a_scrape_under_way)
{
	ready = false;
	client(GET("/metrics"));
	for (unsigned int i = 0; i < 20; i++)
		turn();
	cr_assert_eq(unfinished, 1);
}

Test(metrics, a_port_that_is_taken_is_named)
{
	struct config_metrics settings = {.port = port};

	cr_assert_null(metrics_open(&settings, ctl, error, sizeof(error)));
	has(error, "metrics.address, metrics.port");
	has(error, "in use");
}
