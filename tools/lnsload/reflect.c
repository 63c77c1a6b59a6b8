/* SPDX-License-Identifier: BSD-3-Clause */
/* lnsload reflect: per run and session a sequence checker and an answer for every packet. */
#include "reflect.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "clock.h"
#include "flow.h"
#include "payload.h"
#include "port.h"

#define RUNS        16u
#define GROW        4096u
#define REPORT_SIZE (PAYLOAD_HEADER + PAYLOAD_REPORT_SIZE)

struct reflect_session {
	struct flow_rx rx;
	struct flow_tx tx;
};

/* one lnsload's run; the oldest gives way to a new one */
struct reflect_lac {
	uint32_t run;
	uint64_t used;
	uint32_t capacity;
	struct reflect_session *sessions;
};

struct reflect {
	struct port ports[2]; /* by IPv4, by IPv6 */
	struct reflect_lac lacs[RUNS];
	struct flow_sum sum;
	uint64_t used, out_of_memory;
};

static volatile sig_atomic_t reflect_stop;

static void reflect_signal(int number)
{
	reflect_stop = 1;
}

static struct reflect_session *reflect_session_of(struct reflect *r, const struct payload *p)
{
	struct reflect_lac *lac = &r->lacs[0];

	/* a session has a flow of each family */
	if (p->session >= 2 * OPTIONS_MAX_SESSIONS)
		return NULL;
	for (unsigned i = 0; i < RUNS; i++) {
		if (r->lacs[i].capacity > 0 && r->lacs[i].run == p->run) {
			lac = &r->lacs[i];
			break;
		}
		if (r->lacs[i].used < lac->used)
			lac = &r->lacs[i];
	}
	if (lac->run != p->run || lac->capacity == 0) {
		free(lac->sessions);
		memset(lac, 0, sizeof(*lac));
		lac->run = p->run;
	}
	lac->used = ++r->used;
	if (p->session >= lac->capacity) {
		uint32_t capacity = (p->session / GROW + 1) * GROW;
		struct reflect_session *grown = realloc(lac->sessions, capacity * sizeof(*grown));

		if (grown == NULL) {
			r->out_of_memory++;
			return NULL;
		}
		memset(grown + lac->capacity, 0, (capacity - lac->capacity) * sizeof(*grown));
		lac->sessions = grown;
		lac->capacity = capacity;
	}
	return &lac->sessions[p->session];
}

static void reflect_report(struct port *port, const struct reflect_session *s,
	const struct payload *p, const struct sockaddr_storage *to)
{
	struct payload answer = {.run = p->run,
		.session = p->session,
		.direction = PAYLOAD_DOWN,
		.kind = PAYLOAD_REPORT_OF};
	struct payload_report report = {
		.received = s->rx.sequence.received,
		.reordered = s->rx.sequence.reordered,
		.duplicated = s->rx.sequence.duplicated,
		.bytes = s->rx.bytes,
		.sent = s->tx.packets,
		.sent_bytes = s->tx.bytes,
	};
	uint8_t data[REPORT_SIZE];

	payload_write(data, &answer, sizeof(data));
	payload_report_write(data + PAYLOAD_HEADER, &report);
	port_queue_packet(port, to, data, sizeof(data));
}

static void reflect_received(void *ctx, uint32_t port, const struct port_received *in)
{
	struct reflect *r = ctx;
	uint32_t headers = flow_ip_headers(port);
	struct reflect_session *s;
	struct payload p, answer;
	uint8_t data[PAYLOAD_MAX];
	size_t size;

	switch (payload_parse(in->data, in->len, &p)) {
	case PAYLOAD_FOREIGN:
		r->sum.foreign++;
		return;
	case PAYLOAD_CORRUPT:
		r->sum.corrupt++;
		return;
	default:
		break;
	}
	if (p.direction != PAYLOAD_UP || (s = reflect_session_of(r, &p)) == NULL)
		return;
	if (p.kind == PAYLOAD_QUERY) {
		reflect_report(&r->ports[port], s, &p, in->from);
		return;
	}
	flow_receive(&r->sum, &s->rx, &p, in->len + headers, 0);
	if (p.kind != PAYLOAD_DATA || p.answer < headers + PAYLOAD_HEADER || p.answer > PAYLOAD_MAX)
		return;
	size = p.answer - headers;
	answer = p;
	answer.direction = PAYLOAD_DOWN;
	answer.sequence = s->tx.packets++;
	answer.answer = 0;
	s->tx.bytes += p.answer;
	/* the time stays that of the question: the LAC's clock measures the round trip */
	payload_write(data, &answer, size);
	memcpy(data + PAYLOAD_HEADER, payload_filler(), size - PAYLOAD_HEADER);
	port_queue_packet(&r->ports[port], in->from, data, size);
}

static int reflect_open(struct reflect *r, const struct options *options)
{
	struct port_config config = {
		.netns = options->netns, .no_checksum = true, .what = "reflect"};
	int rc;

	r->ports[0].fd = r->ports[1].fd = -1;
	memcpy(&config.bind, &options->listen, sizeof(options->listen));
	rc = port_open(&r->ports[0], 0, &config);
	if (rc != 0 || options->listen6.sin6_family == 0)
		return rc;
	memcpy(&config.bind, &options->listen6, sizeof(options->listen6));
	rc = port_open(&r->ports[1], 1, &config);
	if (rc != 0)
		port_close(&r->ports[0]);
	return rc;
}

static void reflect_show(struct reflect *r)
{
	fprintf(stderr,
		"lnsload reflect: received %llu duplicated %llu corrupt %llu foreign %llu own "
		"drops %u\n",
		(unsigned long long)r->sum.received, (unsigned long long)r->sum.duplicated,
		(unsigned long long)r->sum.corrupt, (unsigned long long)r->sum.foreign,
		port_drops(&r->ports[0]) + (r->ports[1].fd >= 0 ? port_drops(&r->ports[1]) : 0));
}

int reflect_run(const struct options *options)
{
	struct sigaction action = {.sa_handler = reflect_signal};
	struct reflect *r = calloc(1, sizeof(*r));
	uint64_t shown = 0;
	int rc;

	if (r == NULL)
		return -ENOMEM;
	payload_init();
	rc = reflect_open(r, options);
	if (rc != 0) {
		free(r);
		return rc;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	fprintf(stderr, "lnsload: reflecting at port %u\n", ntohs(options->listen.sin_port));
	while (!reflect_stop) {
		/* poll() leaves out a descriptor of -1 */
		struct pollfd fds[2] = {{.fd = r->ports[0].fd, .events = POLLIN},
			{.fd = r->ports[1].fd, .events = POLLIN}};
		uint64_t now = clock_monotonic_ns();

		poll(fds, 2, 200);
		for (unsigned i = 0; i < 2; i++) {
			if (!fds[i].revents)
				continue;
			while (port_receive(&r->ports[i], reflect_received, r) == PORT_BATCH)
				continue;
			port_flush(&r->ports[i]);
		}
		if (!options->quiet && now - shown > (uint64_t)(options->interval_seconds * 1e9)) {
			reflect_show(r);
			shown = now;
		}
	}
	for (unsigned i = 0; i < RUNS; i++)
		free(r->lacs[i].sessions);
	for (unsigned i = 0; i < 2; i++)
		if (r->ports[i].fd >= 0)
			port_close(&r->ports[i]);
	free(r);
	return 0;
}
