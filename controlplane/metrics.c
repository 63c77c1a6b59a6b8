/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The HTTP side of the metrics. A connection is suspended while its scrape runs, and gets the text whole.
 */
#include "metrics.h"
#include "metrics_text.h"

#include <microhttpd.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define ROWS_TURN       64 /* of one scrape in one turn of the control loop */
#define CONNECTIONS_MAX 8
#define IDLE_SECONDS    10
#define MEMORY_MAX      16384 /* of one connection, without the answer */
#define RETRY_MS        20    /* a scrape that waits for the workers is asked again */
#define SERVICE_MS      1000  /* connected peers' timeouts */
#define CONTENT_TYPE    "text/plain; version=0.0.4; charset=utf-8"

/* A request for the metrics, from its first line to its end. */
struct scrape_request {
	TAILQ_ENTRY(scrape_request) next;
	struct MHD_Connection *connection;
	struct metrics_scrape *scrape; /* NULL: not begun */
	bool running;                  /* suspended, and in the list */
	int result;                    /* of the scrape: CTL_END or -errno */
	uint64_t retry_at;
};

struct metrics {
	struct MHD_Daemon *daemon;
	struct ctl_socket *ctl;
	int fd;
	bool per_tunnel;
	unsigned int connections;
	uint64_t next;
	TAILQ_HEAD(, scrape_request) running;
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int status, char *text,
	size_t length, enum MHD_ResponseMemoryMode mode, const char *type)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(length, text, mode);
	enum MHD_Result result;

	if (!response) {
		if (mode == MHD_RESPMEM_MUST_FREE)
			free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_plain(
	struct MHD_Connection *connection, unsigned int status, const char *text)
{
	return answer(connection, status, (char *)(uintptr_t)text, strlen(text),
		MHD_RESPMEM_PERSISTENT, "text/plain; charset=utf-8");
}

static enum MHD_Result scrape_begin(
	struct metrics *metrics, struct MHD_Connection *connection, struct scrape_request *request)
{
	request->scrape = metrics_scrape_start(metrics->ctl, metrics->per_tunnel);
	if (!request->scrape)
		return answer_plain(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory\n");
	request->connection = connection;
	request->running = true;
	TAILQ_INSERT_TAIL(&metrics->running, request, next);
	MHD_suspend_connection(connection);
	return MHD_YES;
}

static enum MHD_Result scrape_answer(
	struct MHD_Connection *connection, struct scrape_request *request)
{
	size_t length;
	char *text;

	if (request->result != CTL_END)
		return answer_plain(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory\n");
	text = metrics_scrape_take(request->scrape, &length);
	return answer(connection, MHD_HTTP_OK, text, length, MHD_RESPMEM_MUST_FREE, CONTENT_TYPE);
}

/* Called for the request's head, for each piece of a body (which is ignored), and at its end. */
static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *body, size_t *body_length, void **own)
{
	struct scrape_request *request = *own;

	(void)version;
	(void)body;
	if (!request) {
		*own = request = calloc(1, sizeof(*request));
		return request ? MHD_YES : MHD_NO;
	}
	if (*body_length) {
		*body_length = 0;
		return MHD_YES;
	}
	if (request->scrape)
		return scrape_answer(connection, request);
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer_plain(
			connection, MHD_HTTP_METHOD_NOT_ALLOWED, "lnsd: expected GET or HEAD\n");
	if (strcmp(url, "/metrics") != 0)
		return answer_plain(
			connection, MHD_HTTP_NOT_FOUND, "lnsd: the metrics are at /metrics\n");
	return scrape_begin(user, connection, request);
}

static void on_end(void *user, struct MHD_Connection *connection, void **own,
	enum MHD_RequestTerminationCode why)
{
	struct metrics *metrics = user;
	struct scrape_request *request = *own;

	(void)connection;
	(void)why;
	if (!request)
		return;
	if (request->running)
		TAILQ_REMOVE(&metrics->running, request, next);
	metrics_scrape_free(request->scrape);
	free(request);
	*own = NULL;
}

static void on_connection(void *user, struct MHD_Connection *connection, void **own,
	enum MHD_ConnectionNotificationCode what)
{
	struct metrics *metrics = user;

	(void)connection;
	(void)own;
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		metrics->connections++;
	else
		metrics->connections--;
}

static void request_resume(struct metrics *metrics, struct scrape_request *request, int result)
{
	TAILQ_REMOVE(&metrics->running, request, next);
	request->running = false;
	request->result = result;
	MHD_resume_connection(request->connection);
}

static struct MHD_Daemon *daemon_start(
	struct metrics *metrics, const struct sockaddr *address, unsigned int flags)
{
	return MHD_start_daemon(flags | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
		on_request, metrics, MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_NOTIFY_COMPLETED,
		on_end, metrics, MHD_OPTION_NOTIFY_CONNECTION, on_connection, metrics,
		MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_MAX,
		MHD_OPTION_END);
}

struct metrics *metrics_open(const struct config_metrics *settings, struct ctl_socket *ctl,
	char *error, size_t error_size)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(settings->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(settings->port)};
	struct metrics *metrics = calloc(1, sizeof(*metrics));
	const union MHD_DaemonInfo *info;
	bool is6 = settings->address.family == 6;

	if (!metrics) {
		snprintf(error, error_size, "metrics: out of memory");
		return NULL;
	}
	metrics->ctl = ctl;
	metrics->per_tunnel = settings->tunnels;
	TAILQ_INIT(&metrics->running);
	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (settings->address.family == 4)
		memcpy(&v4.sin_addr, settings->address.bytes, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, settings->address.bytes, sizeof(v6.sin6_addr));
	errno = 0;
	metrics->daemon = daemon_start(metrics,
		is6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4,
		is6 ? MHD_USE_IPv6 : 0);
	if (!metrics->daemon) {
		snprintf(error, error_size,
			"metrics.address, metrics.port: cannot listen on port %u: %s",
			settings->port, errno ? strerror(errno) : "libmicrohttpd refused");
		free(metrics);
		return NULL;
	}
	info = MHD_get_daemon_info(metrics->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	metrics->fd = info->epoll_fd;
	return metrics;
}

void metrics_close(struct metrics *metrics)
{
	struct scrape_request *request;

	if (!metrics)
		return;
	/* none may be suspended when the daemon ends */
	while ((request = TAILQ_FIRST(&metrics->running)))
		request_resume(metrics, request, -ESHUTDOWN);
	MHD_stop_daemon(metrics->daemon);
	free(metrics);
}

int metrics_fd(const struct metrics *metrics)
{
	return metrics->fd;
}

/* True: one of them has more to do at once. */
static bool scrapes_run(struct metrics *metrics, uint64_t now, bool *resumed)
{
	struct scrape_request *request, *next;
	bool more = false;

	for (request = TAILQ_FIRST(&metrics->running); request; request = next) {
		int r;

		next = TAILQ_NEXT(request, next);
		if (now < request->retry_at)
			continue;
		r = metrics_scrape_run(request->scrape, now, ROWS_TURN);
		if (r == CTL_WAIT) {
			request->retry_at = now + RETRY_MS;
		} else if (r == CTL_ROW) {
			more = true;
		} else {
			request_resume(metrics, request, r);
			*resumed = true;
		}
	}
	return more;
}

bool metrics_service(struct metrics *metrics, bool ready, uint64_t now)
{
	bool more = scrapes_run(metrics, now, &ready);

	if (ready || (metrics->connections && now >= metrics->next)) {
		metrics->next = now + SERVICE_MS;
		MHD_run(metrics->daemon);
	}
	return more;
}
