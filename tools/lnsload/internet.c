/* SPDX-License-Identifier: BSD-3-Clause */
/* The far end: checks uplink packets, sends downlink ones evenly over all sessions. */
#include "internet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "bytes.h"
#include "clock.h"

/* with packets coming in all the time, reading every so often is cheaper than every packet */
#define TICK_NS 150000u

/* The sender has the address that the flow's session was given. */
static bool internet_from(struct internet *in, uint32_t flow, const struct sockaddr_storage *from)
{
	struct internet_target *target = &in->targets[flow];
	uint32_t address = atomic_load_explicit(&target->address, memory_order_acquire);

	if (address == 0)
		return true;
	if (flow < in->sessions)
		return address == ((const struct sockaddr_in *)from)->sin_addr.s_addr;
	return memcmp(target->address6, &((const struct sockaddr_in6 *)from)->sin6_addr,
		       sizeof(target->address6)) == 0;
}

static void internet_received(void *ctx, uint32_t port, const struct port_received *r)
{
	struct internet *in = ctx;
	bool six = r->from->ss_family == AF_INET6;
	struct payload p;

	switch (payload_parse(r->data, r->len, &p)) {
	case PAYLOAD_FOREIGN:
		in->sum.foreign++;
		return;
	case PAYLOAD_CORRUPT:
		in->sum.corrupt++;
		return;
	default:
		break;
	}
	if (p.run != in->run || p.direction != PAYLOAD_UP || p.session >= in->flows ||
		p.kind != PAYLOAD_DATA || six != (p.session >= in->sessions)) {
		in->sum.foreign++;
		return;
	}
	if (!internet_from(in, p.session, r->from)) {
		in->sum.misdelivered++;
		return;
	}
	if (r->ttl != (int)(FLOW_TTL - in->options->hops))
		in->sum.bad_ttl++;
	flow_receive(&in->sum, &in->rx[p.session], &p, r->len + flow_ip_headers(six), r->stamp);
}

/* what one burst needs, prepared once */
struct internet_burst {
	struct mmsghdr messages[FLOW_BURST];
	struct iovec iov[FLOW_BURST][2];
	struct sockaddr_storage to[FLOW_BURST];
	uint8_t header[FLOW_BURST][PAYLOAD_HEADER];
	uint32_t session[FLOW_BURST];
	uint32_t size[FLOW_BURST];
};

static void internet_burst_init(struct internet_burst *b)
{
	memset(b, 0, sizeof(*b));
	for (unsigned i = 0; i < FLOW_BURST; i++) {
		b->iov[i][0].iov_base = b->header[i];
		b->iov[i][0].iov_len = PAYLOAD_HEADER;
		b->iov[i][1].iov_base = (void *)(uintptr_t)payload_filler();
		b->messages[i].msg_hdr.msg_iov = b->iov[i];
		b->messages[i].msg_hdr.msg_iovlen = 2;
		b->messages[i].msg_hdr.msg_name = &b->to[i];
	}
}

static void internet_address(
	struct internet *in, struct internet_burst *b, unsigned n, uint32_t flow, uint32_t address)
{
	uint16_t port = htons(flow_subscriber_port(flow % in->sessions));

	if (flow < in->sessions) {
		struct sockaddr_in *to = (struct sockaddr_in *)&b->to[n];

		*to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
		to->sin_addr.s_addr = address;
		b->messages[n].msg_hdr.msg_namelen = sizeof(*to);
	} else {
		struct sockaddr_in6 *to = (struct sockaddr_in6 *)&b->to[n];

		*to = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
		memcpy(&to->sin6_addr, in->targets[flow].address6, sizeof(to->sin6_addr));
		b->messages[n].msg_hdr.msg_namelen = sizeof(*to);
	}
}

static void internet_send(struct internet *in, struct internet_burst *b, uint32_t due)
{
	uint64_t now = clock_real_ns();
	bool six = in->cursor >= in->sessions;
	unsigned n = 0, took;

	for (uint32_t tried = 0; n < due && tried < in->flows; tried++) {
		uint32_t s = in->cursor;
		uint32_t address =
			atomic_load_explicit(&in->targets[s].address, memory_order_acquire);
		struct payload p = {.run = in->run, .session = s, .direction = PAYLOAD_DOWN};
		uint32_t size = flow_size_of(six, in->options->size, in->sent + n);

		/* one burst, one socket */
		if (six != (s >= in->sessions)) {
			if (n > 0)
				break;
			six = !six;
			size = flow_size_of(six, in->options->size, in->sent);
		}
		in->cursor = s + 1 < in->flows ? s + 1 : 0;
		if (address == 0)
			continue;
		tried = 0;
		p.sequence = in->tx[s].packets++;
		p.sent_ns = now;
		payload_write(b->header[n], &p, size - flow_ip_headers(six));
		b->iov[n][1].iov_len = size - flow_ip_headers(six) - PAYLOAD_HEADER;
		internet_address(in, b, n, s, address);
		b->session[n] = s;
		b->size[n++] = size;
	}
	took = port_send_batch(six ? &in->port6 : &in->port, b->messages, n);
	for (unsigned i = n; i > took; i--)
		in->tx[b->session[i - 1]].packets--;
	for (unsigned i = 0; i < took; i++) {
		in->tx[b->session[i]].bytes += b->size[i];
		in->sent_bytes += b->size[i];
	}
	in->sent += took;
	/* what the socket refused counts as time passed, not as a debt */
	in->pacer.sent += n;
}

static void internet_wait(struct internet *in, bool sending, bool busy)
{
	struct pollfd fd = {.fd = in->port.fd, .events = POLLIN};
	struct timespec ts = {.tv_nsec = TICK_NS};

	if (sending || busy) {
		nanosleep(&ts, NULL);
	} else {
		ts.tv_nsec = 20000000;
		ppoll(&fd, 1, &ts, NULL);
	}
}

static unsigned internet_receive(struct internet *in)
{
	unsigned n = port_receive(&in->port, internet_received, in);

	return in->port6.fd < 0 ? n : n + port_receive(&in->port6, internet_received, in);
}

static void *internet_main(void *arg)
{
	struct internet *in = arg;
	struct internet_burst *burst = malloc(sizeof(*burst));
	bool was_sending = false;

	if (burst == NULL)
		return NULL;
	prctl(PR_SET_TIMERSLACK, 1000);
	internet_burst_init(burst);
	while (!atomic_load_explicit(&in->stop, memory_order_acquire)) {
		bool sending = atomic_load_explicit(&in->sending, memory_order_acquire);
		uint64_t now = clock_monotonic_ns();
		bool busy = false;
		uint32_t due = 0;

		if (sending && !was_sending)
			flow_pacer_start(&in->pacer, in->options->pps, now);
		was_sending = sending;
		while (internet_receive(in) > 0) {
			busy = true;
			now = clock_monotonic_ns();
			if (sending && (due = flow_pacer_due(&in->pacer, now)) > 0)
				internet_send(in, burst, due);
		}
		if (busy)
			atomic_store_explicit(&in->last_received_ns, now, memory_order_relaxed);
		for (unsigned i = 0; sending && i < 4; i++) {
			due = flow_pacer_due(&in->pacer, clock_monotonic_ns());
			if (due == 0)
				break;
			internet_send(in, burst, due);
		}
		if (due < FLOW_BURST)
			internet_wait(in, sending, busy);
	}
	free(burst);
	return NULL;
}

static int internet_open6(struct internet *in, struct port_config *config)
{
	int limit = FLOW_TTL, rc;

	memcpy(&config->bind, &in->options->internet6, sizeof(in->options->internet6));
	rc = port_open(&in->port6, 0, config);
	if (rc == 0)
		setsockopt(in->port6.fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &limit, sizeof(limit));
	return rc;
}

int internet_open(struct internet *in, const struct options *options, uint32_t run)
{
	struct port_config config = {.netns = options->internet_netns,
		.no_checksum = true,
		.ttl = true,
		.what = "internet"};
	int rc, ttl = FLOW_TTL, df = IP_PMTUDISC_DONT;

	memset(in, 0, sizeof(*in));
	in->options = options;
	in->run = run;
	in->sessions = options->sessions;
	in->flows = in->sessions * (options->by_ipv6 ? 2 : 1);
	in->port.fd = in->port6.fd = -1;
	memcpy(&config.bind, &options->internet, sizeof(options->internet));
	in->targets = calloc(in->flows, sizeof(*in->targets));
	in->tx = calloc(in->flows, sizeof(*in->tx));
	in->rx = calloc(in->flows, sizeof(*in->rx));
	if (in->targets == NULL || in->tx == NULL || in->rx == NULL) {
		internet_close(in);
		return -ENOMEM;
	}
	rc = port_open(&in->port, 0, &config);
	if (rc == 0) {
		setsockopt(in->port.fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
		setsockopt(in->port.fd, IPPROTO_IP, IP_MTU_DISCOVER, &df, sizeof(df));
		if (options->by_ipv6)
			rc = internet_open6(in, &config);
	}
	if (rc == 0) {
		rc = -pthread_create(&in->thread, NULL, internet_main, in);
	}
	if (rc != 0) {
		internet_close(in);
		return rc;
	}
	in->started = true;
	return 0;
}

void internet_close(struct internet *in)
{
	if (in->started) {
		atomic_store_explicit(&in->stop, true, memory_order_release);
		pthread_join(in->thread, NULL);
		in->started = false;
	}
	port_close(&in->port);
	port_close(&in->port6);
	free(in->targets);
	free(in->tx);
	free(in->rx);
	in->targets = NULL;
	in->tx = NULL;
	in->rx = NULL;
}
