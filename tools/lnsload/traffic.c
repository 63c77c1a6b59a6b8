/* SPDX-License-Identifier: BSD-3-Clause */
/* Uplink test packets and the checks of downlink ones. */
#include "traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "clock.h"

#define HEADROOM (LAC_DATA_HEADER_MAX + FLOW_IP6_HEADERS + PAYLOAD_HEADER)
#define BLOCK    16u
#define BURSTS   4u
#define QUERIES  256u

struct traffic_burst {
	struct mmsghdr messages[FLOW_BURST];
	struct iovec iov[FLOW_BURST][2];
	uint8_t header[FLOW_BURST][HEADROOM];
	uint32_t session[FLOW_BURST];
	uint32_t size[FLOW_BURST];
};

static void traffic_burst_init(struct traffic_burst *b)
{
	for (unsigned i = 0; i < FLOW_BURST; i++) {
		b->iov[i][0].iov_base = b->header[i];
		b->iov[i][1].iov_base = (void *)(uintptr_t)payload_filler();
		b->messages[i].msg_hdr.msg_iov = b->iov[i];
		b->messages[i].msg_hdr.msg_iovlen = 2;
	}
}

/* Sessions in random order, then in blocks of one socket, so that a burst is one system call. */
static void traffic_make_order(struct traffic *t)
{
	uint32_t n = t->options->sessions, ports = 0, done = 0;
	uint32_t *shuffled = malloc(((size_t)n + 1) * sizeof(*shuffled));
	uint32_t *next, *end;
	struct random random = {t->options->seed ^ 0x5eed};

	for (uint32_t i = 0; i < n; i++)
		t->order[i] = i;
	if (shuffled == NULL)
		return;
	for (uint32_t i = n; i > 1; i--) {
		uint32_t k = (uint32_t)(random_next(&random) % i), swap = t->order[i - 1];

		t->order[i - 1] = t->order[k];
		t->order[k] = swap;
	}
	for (uint32_t i = 0; i < t->options->tunnels; i++)
		if (t->lac->tunnels[i].port >= ports)
			ports = t->lac->tunnels[i].port + 1;
	next = calloc(ports + 1, sizeof(*next));
	end = calloc(ports + 1, sizeof(*end));
	if (next != NULL && end != NULL) {
		/* counting sort by socket, then round robin over the sockets */
		for (uint32_t i = 0; i < n; i++)
			end[t->lac->tunnels[i % t->options->tunnels].port]++;
		for (uint32_t p = 0, at = 0; p < ports; p++) {
			next[p] = at;
			at += end[p];
			end[p] = next[p];
		}
		for (uint32_t i = 0; i < n; i++) {
			uint32_t s = t->order[i];

			shuffled[end[t->lac->tunnels[s % t->options->tunnels].port]++] = s;
		}
		while (done < n)
			for (uint32_t p = 0; p < ports; p++)
				for (uint32_t k = 0; k < BLOCK && next[p] < end[p]; k++)
					t->order[done++] = shuffled[next[p]++];
	}
	free(next);
	free(end);
	free(shuffled);
}

int traffic_init(struct traffic *t, const struct options *options, struct lac *lac,
	struct port *ports, struct impair *impair, impair_fn *emit, void *emit_ctx, uint32_t run)
{
	size_t n = options->sessions * (options->by_ipv6 ? 2u : 1u) + 1;

	memset(t, 0, sizeof(*t));
	t->options = options;
	t->lac = lac;
	t->ports = ports;
	t->impair = impair;
	t->emit = emit;
	t->emit_ctx = emit_ctx;
	t->run = run;
	t->remote = ntohl(options->internet.sin_addr.s_addr);
	t->remote_port = ntohs(options->internet.sin_port);
	t->flows = (uint32_t)n - 1;
	memcpy(t->remote6, &options->internet6.sin6_addr, sizeof(t->remote6));
	t->order = calloc(n, sizeof(*t->order));
	t->tx = calloc(n, sizeof(*t->tx));
	t->rx = calloc(n, sizeof(*t->rx));
	t->burst = calloc(1, sizeof(*t->burst));
	if (options->internet_remote) {
		t->reports = calloc(n, sizeof(*t->reports));
		t->reported = calloc(n, sizeof(*t->reported));
	}
	if (t->order == NULL || t->tx == NULL || t->rx == NULL || t->burst == NULL ||
		(options->internet_remote && (t->reports == NULL || t->reported == NULL))) {
		traffic_free(t);
		return -ENOMEM;
	}
	traffic_burst_init(t->burst);
	traffic_make_order(t);
	return 0;
}

void traffic_free(struct traffic *t)
{
	free(t->order);
	free(t->tx);
	free(t->rx);
	free(t->burst);
	free(t->reports);
	free(t->reported);
	memset(t, 0, sizeof(*t));
}

void traffic_start(struct traffic *t, uint64_t now_ns)
{
	flow_pacer_start(&t->pacer, t->options->pps, now_ns);
	if (t->reported != NULL)
		memset(t->reported, 0, t->flows * sizeof(*t->reported));
}

/* all headers of one packet into out, returns their length */
static size_t traffic_build6(
	struct traffic *t, struct session *s, const struct payload *p, uint32_t size, uint8_t *out)
{
	size_t n = lac_data_header(t->lac, s, PPP_IPV6, size, out);
	uint8_t *ip = out + n, *payload = ip + FLOW_IP6_HEADERS, source[16];

	link6_address(&s->link6, source);
	payload_write(payload, p, size - FLOW_IP6_HEADERS);
	flow_headers6(ip, source, t->remote6, flow_subscriber_port(s->number), t->remote_port,
		payload, size - FLOW_IP6_HEADERS);
	return n + FLOW_IP6_HEADERS + PAYLOAD_HEADER;
}

static size_t traffic_build(
	struct traffic *t, struct session *s, const struct payload *p, uint32_t size, uint8_t *out)
{
	if (p->session != s->number)
		return traffic_build6(t, s, p, size, out);

	size_t n = lac_data_header(t->lac, s, PPP_IP, size, out);
	uint8_t *ip = out + n, *payload = ip + FLOW_IP_HEADERS;

	payload_write(payload, p, size - FLOW_IP_HEADERS);
	flow_headers(ip, s->ppp.address, t->remote, flow_subscriber_port(s->number), t->remote_port,
		t->ident++, payload, size - FLOW_IP_HEADERS);
	return n + FLOW_IP_HEADERS + PAYLOAD_HEADER;
}

/* not gathered by the kernel: to be held, or to be encrypted */
static void traffic_send_whole(
	struct traffic *t, struct session *s, const struct payload *p, uint32_t size)
{
	struct tunnel *tunnel = &t->lac->tunnels[s->tunnel];
	uint8_t packet[HEADROOM + PAYLOAD_MAX];
	size_t n = traffic_build(t, s, p, size, packet);
	size_t filler = size - flow_ip_headers(p->session != s->number) - PAYLOAD_HEADER;

	memcpy(packet + n, payload_filler(), filler);
	if (impair_active(t->impair))
		impair_packet(t->impair, lac_now_ms(t->lac), tunnel, packet, n + filler, 0, t->emit,
			t->emit_ctx);
	else
		t->emit(t->emit_ctx, tunnel, packet, n + filler, 0);
	t->tx[p->session].bytes += size;
	t->sent_bytes += size;
	t->sent++;
}

static void traffic_flush(struct traffic *t, struct port *port, unsigned n)
{
	struct traffic_burst *b = t->burst;
	unsigned took = n > 0 ? port_send_batch(port, b->messages, n) : 0;

	for (unsigned i = n; i > took; i--) {
		t->tx[b->session[i - 1]].packets--;
		t->lac->sessions[b->session[i - 1] % t->options->sessions].data_ns -=
			t->options->sequencing;
	}
	for (unsigned i = 0; i < took; i++) {
		t->tx[b->session[i]].bytes += b->size[i];
		t->sent_bytes += b->size[i];
	}
	t->sent += took;
}

static uint32_t traffic_send_burst(struct traffic *t, uint32_t due)
{
	struct traffic_burst *b = t->burst;
	bool trigger = t->options->internet_remote;
	uint64_t now = clock_real_ns();
	struct port *port = NULL;
	unsigned n = 0, sent = 0;

	for (uint32_t tried = 0; sent < due && tried < t->flows; tried++) {
		bool six = t->cursor >= t->options->sessions;
		struct session *s =
			&t->lac->sessions[t->order[t->cursor - six * t->options->sessions]];
		struct tunnel *tunnel = &t->lac->tunnels[s->tunnel];
		struct payload p = {.run = t->run,
			.session = s->number + six * t->options->sessions,
			.direction = PAYLOAD_UP};
		uint32_t size = flow_size_of(six, t->options->size, t->sent + n);

		t->cursor = t->cursor + 1 < t->flows ? t->cursor + 1 : 0;
		if (s->state != SESSION_UP || s->ppp.phase != PPP_UP)
			continue;
		tried = 0;
		if (trigger && t->options->direction & OPTIONS_DOWN) {
			p.answer = (uint16_t)size;
			/* downlink only: a small packet asks for each of them */
			if (!(t->options->direction & OPTIONS_UP))
				size = flow_ip_headers(six) + PAYLOAD_HEADER;
		}
		p.sequence = t->tx[p.session].packets++;
		p.sent_ns = now;
		sent++;
		if (impair_active(t->impair) || t->ports[tunnel->port].link != NULL) {
			traffic_send_whole(t, s, &p, size);
			continue;
		}
		if (port != &t->ports[tunnel->port]) {
			traffic_flush(t, port, n);
			port = &t->ports[tunnel->port];
			n = 0;
		}
		b->iov[n][0].iov_len = traffic_build(t, s, &p, size, b->header[n]);
		b->iov[n][1].iov_len = size - flow_ip_headers(six) - PAYLOAD_HEADER;
		b->messages[n].msg_hdr.msg_name = port->connected ? NULL : &tunnel->peer;
		b->messages[n].msg_hdr.msg_namelen =
			port->connected ? 0 : port_address_length(&tunnel->peer);
		b->session[n] = p.session;
		b->size[n++] = size;
	}
	traffic_flush(t, port, n);
	t->pacer.sent += due;
	return sent;
}

bool traffic_send(struct traffic *t, uint64_t now_ns)
{
	uint32_t due = 0;

	t->lac->now_ns = now_ns;
	for (unsigned i = 0; i < BURSTS; i++) {
		due = flow_pacer_due(&t->pacer, clock_monotonic_ns());
		if (due == 0)
			return i > 0;
		if (traffic_send_burst(t, due) == 0)
			return false;
	}
	return true;
}

bool traffic_query(struct traffic *t, uint32_t *cursor)
{
	uint8_t packet[HEADROOM];
	uint32_t asked = 0, missing = 0;

	for (uint32_t i = 0; i < t->flows; i++)
		missing += !t->reported[i] && t->tx[i].packets > 0 &&
			t->lac->sessions[i % t->options->sessions].state == SESSION_UP;
	t->reports_missing = missing;
	for (uint32_t i = 0; i < t->flows && asked < QUERIES && missing > 0; i++) {
		struct session *s = &t->lac->sessions[*cursor % t->options->sessions];
		struct payload p = {.run = t->run,
			.session = *cursor,
			.direction = PAYLOAD_UP,
			.kind = PAYLOAD_QUERY};
		uint32_t size = flow_ip_headers(p.session != s->number) + PAYLOAD_HEADER;

		*cursor = (*cursor + 1) % t->flows;
		if (t->reported[p.session] || t->tx[p.session].packets == 0 ||
			s->state != SESSION_UP)
			continue;
		asked++;
		t->emit(t->emit_ctx, &t->lac->tunnels[s->tunnel], packet,
			traffic_build(t, s, &p, size, packet), 0);
	}
	return missing == 0;
}

/* The counters of a flow that the reflector was asked for? */
static bool traffic_reported(struct traffic *t, const struct payload *p, const uint8_t *payload)
{
	if (p->kind != PAYLOAD_REPORT_OF || t->reports == NULL)
		return false;
	payload_report_read(payload + PAYLOAD_HEADER, &t->reports[p->session]);
	t->reported[p->session] = true;
	return true;
}

/* The payload of a downlink packet by IPv6, counted. */
static void traffic_receive6(
	struct traffic *t, struct session *s, const uint8_t *packet, size_t len, uint64_t stamp)
{
	uint8_t address[16];
	size_t length;
	struct payload p;

	if (len < 40 || (length = get_be16(packet + 4)) > len - 40) {
		t->sum.corrupt++;
		return;
	}
	link6_address(&s->link6, address);
	if (memcmp(packet + 24, address, sizeof(address)) != 0) {
		t->sum.misdelivered++;
		return;
	}
	if (packet[6] != 17 || length < 8) {
		t->icmp += packet[6] == 58;
		t->sum.foreign += packet[6] != 58;
		return;
	}
	if (flow_fold(flow_sum_bytes(packet + 40, length,
		    flow_sum_bytes(packet + 8, 32, 17u + (uint32_t)length))) != 0 ||
		payload_parse(packet + FLOW_IP6_HEADERS, length - 8, &p) == PAYLOAD_CORRUPT) {
		t->sum.corrupt++;
		return;
	}
	if (payload_parse(packet + FLOW_IP6_HEADERS, length - 8, &p) != PAYLOAD_OK ||
		p.run != t->run || p.direction != PAYLOAD_DOWN) {
		t->sum.foreign++;
		return;
	}
	if (p.session != s->number + t->options->sessions || p.session >= t->flows) {
		t->sum.misdelivered++;
		return;
	}
	if (traffic_reported(t, &p, packet + FLOW_IP6_HEADERS) || p.kind != PAYLOAD_DATA)
		return;
	if (!t->options->internet_remote && packet[7] != FLOW_TTL - t->options->hops)
		t->sum.bad_ttl++;
	flow_receive(&t->sum, &t->rx[p.session], &p, length + 40, stamp);
}

void traffic_receive(
	struct traffic *t, struct session *s, const uint8_t *packet, size_t len, uint64_t stamp)
{
	size_t length;
	struct payload p;

	if (len > 0 && packet[0] >> 4 == 6) {
		traffic_receive6(t, s, packet, len, stamp);
		return;
	}
	if (len < 20 || packet[0] != 0x45 || (length = get_be16(packet + 2)) < 20 || length > len) {
		t->sum.corrupt++;
		return;
	}
	if (flow_fold(flow_sum_bytes(packet, 20, 0)) != 0) {
		t->sum.corrupt++;
		return;
	}
	if (get_be32(packet + 16) != s->ppp.address) {
		t->sum.misdelivered++;
		return;
	}
	if (get_be16(packet + 6) & 0x3fff) {
		t->fragments++;
		return;
	}
	if (packet[9] != 17 || length < FLOW_IP_HEADERS) {
		t->icmp += packet[9] == 1;
		t->sum.foreign += packet[9] != 1;
		return;
	}
	switch (payload_parse(packet + FLOW_IP_HEADERS, length - FLOW_IP_HEADERS, &p)) {
	case PAYLOAD_FOREIGN:
		t->sum.foreign++;
		return;
	case PAYLOAD_CORRUPT:
		t->sum.corrupt++;
		return;
	default:
		break;
	}
	if (p.run != t->run || p.direction != PAYLOAD_DOWN) {
		t->sum.foreign++;
		return;
	}
	if (p.session != s->number) {
		t->sum.misdelivered++;
		return;
	}
	if (traffic_reported(t, &p, packet + FLOW_IP_HEADERS) || p.kind != PAYLOAD_DATA)
		return;
	/* how far away a reflector is, nobody knows */
	if (!t->options->internet_remote && packet[8] != FLOW_TTL - t->options->hops)
		t->sum.bad_ttl++;
	flow_receive(&t->sum, &t->rx[s->number], &p, length, stamp);
}
