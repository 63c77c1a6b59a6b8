/* SPDX-License-Identifier: BSD-3-Clause */
/* Probes of three kinds per session: the MTU itself, too large with DF, too large without DF. */
#include "mtu.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "flow.h"
#include "payload.h"

#define WAIT_NS  2000000000u
#define ROUNDS   3u
#define ROUND_NS 500000000u
#define TOO_BIG  MTU_PACKET

enum mtu_kind {
	MTU_WHOLE,
	MTU_TOO_BIG,
	MTU_FRAGMENTS,
};

int mtu_open(struct mtu *m, const struct options *options, struct lac *lac, uint32_t run,
	uint64_t now_ns)
{
	struct port_config config = {
		.netns = options->internet_netns, .no_checksum = true, .what = "MTU probe"};
	struct sockaddr_in *address = (struct sockaddr_in *)&config.bind;
	int rc, on = 1, ttl = FLOW_TTL;

	memset(m, 0, sizeof(*m));
	m->run = run;
	m->port.fd = -1;
	m->started_ns = now_ns;
	*address = options->internet;
	address->sin_port = 0;
	rc = port_open(&m->port, 0, &config);
	if (rc != 0)
		return rc;
	setsockopt(m->port.fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	setsockopt(m->port.fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	m->probes = calloc(MTU_SESSIONS, sizeof(*m->probes));
	if (m->probes == NULL) {
		port_close(&m->port);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < options->sessions && m->count < MTU_SESSIONS; i++)
		if (lac->sessions[i].state == SESSION_UP)
			m->probes[m->count++].session = &lac->sessions[i];
	return 0;
}

void mtu_close(struct mtu *m)
{
	if (m->probes == NULL)
		return;
	port_close(&m->port);
	free(m->probes);
	m->probes = NULL;
}

static void mtu_send(struct mtu *m, uint32_t index, enum mtu_kind kind)
{
	struct session *s = m->probes[index].session;
	uint32_t size = kind == MTU_WHOLE ? s->ppp.mru : TOO_BIG;
	uint8_t data[MTU_PACKET];
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct payload p = {.run = m->run,
		.session = s->number,
		.sequence = (uint32_t)kind,
		.direction = PAYLOAD_DOWN,
		.kind = PAYLOAD_PROBE};
	size_t len = size - FLOW_IP_HEADERS;
	/* PROBE: DF, but without the kernel's own opinion about the path */
	int df = kind == MTU_FRAGMENTS ? IP_PMTUDISC_DONT : IP_PMTUDISC_PROBE;

	setsockopt(m->port.fd, IPPROTO_IP, IP_MTU_DISCOVER, &df, sizeof(df));
	payload_write(data, &p, len);
	memcpy(data + PAYLOAD_HEADER, payload_filler(), len - PAYLOAD_HEADER);
	to.sin_addr.s_addr = htonl(s->ppp.address);
	to.sin_port = htons(flow_subscriber_port(s->number));
	if (sendto(m->port.fd, data, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		m->port.send_errors++;
}

static void mtu_read_errors(struct mtu *m)
{
	uint8_t data[64], control[512];
	struct sockaddr_in to;

	for (;;) {
		struct iovec iov = {data, sizeof(data)};
		struct msghdr msg = {.msg_name = &to,
			.msg_namelen = sizeof(to),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control)};

		if (recvmsg(m->port.fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			return;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
			struct sock_extended_err e;

			if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_RECVERR)
				continue;
			memcpy(&e, CMSG_DATA(c), sizeof(e));
			if (e.ee_origin != SO_EE_ORIGIN_ICMP || e.ee_type != ICMP_DEST_UNREACH ||
				e.ee_code != ICMP_FRAG_NEEDED)
				continue;
			for (uint32_t i = 0; i < m->count; i++)
				if (htonl(m->probes[i].session->ppp.address) == to.sin_addr.s_addr)
					m->probes[i].icmp_mtu = (uint16_t)e.ee_info;
		}
	}
}

static void mtu_judge(struct mtu *m)
{
	for (uint32_t i = 0; i < m->count; i++) {
		const struct mtu_probe *p = &m->probes[i];

		m->whole_missing += !p->whole;
		m->too_big += p->passed_too_big || p->fragment_too_big;
		if (p->session->ppp.mru >= TOO_BIG)
			continue;
		if (p->icmp_mtu == 0)
			m->icmp_missing++;
		else
			m->icmp_wrong += p->icmp_mtu != p->session->ppp.mru;
		m->fragments_missing += !p->fragments_ok;
	}
	m->done = true;
}

static bool mtu_complete(const struct mtu *m)
{
	for (uint32_t i = 0; i < m->count; i++) {
		const struct mtu_probe *p = &m->probes[i];

		if (!p->whole ||
			(p->session->ppp.mru < TOO_BIG && (p->icmp_mtu == 0 || !p->fragments_ok)))
			return false;
	}
	return true;
}

bool mtu_step(struct mtu *m, uint64_t now_ns)
{
	uint32_t round = (uint32_t)((now_ns - m->started_ns) / ROUND_NS);

	/* repeated for what is missing: ICMP is rate-limited, and a neighbour may not be resolved */
	if (m->sent <= round && m->sent < ROUNDS) {
		for (uint32_t i = 0; i < m->count; i++) {
			struct mtu_probe *p = &m->probes[i];
			bool larger = p->session->ppp.mru < TOO_BIG;

			if (!p->whole)
				mtu_send(m, i, MTU_WHOLE);
			if (larger && p->icmp_mtu == 0)
				mtu_send(m, i, MTU_TOO_BIG);
			if (larger && !p->fragments_ok) {
				p->fragment_bytes = p->fragment_total = p->fragments = 0;
				mtu_send(m, i, MTU_FRAGMENTS);
			}
		}
		m->sent++;
	}
	mtu_read_errors(m);
	if (!mtu_complete(m) && now_ns - m->started_ns < WAIT_NS)
		return false;
	mtu_judge(m);
	return true;
}

static void mtu_fragment(struct mtu_probe *p, const uint8_t *packet, size_t length)
{
	size_t offset = (size_t)(get_be16(packet + 6) & 0x1fff) * 8, len = length - 20;
	struct payload payload;

	if (length > p->session->ppp.mru)
		p->fragment_too_big = true;
	if (offset + len > sizeof(p->reassembled))
		return;
	memcpy(p->reassembled + offset, packet + 20, len);
	p->fragment_bytes += (uint16_t)len;
	p->fragments++;
	if (!(get_be16(packet + 6) & 0x2000))
		p->fragment_total = (uint16_t)(offset + len);
	if (p->fragment_total == 0 || p->fragment_bytes < p->fragment_total)
		return;
	p->fragments_ok = p->fragment_total == TOO_BIG - 20 &&
		payload_parse(p->reassembled + 8, p->fragment_total - 8u, &payload) == PAYLOAD_OK &&
		payload.session == p->session->number && payload.sequence == MTU_FRAGMENTS;
}

bool mtu_receive(struct mtu *m, struct session *s, const uint8_t *packet, size_t len)
{
	struct mtu_probe *probe = NULL;
	struct payload p;
	size_t length;

	for (uint32_t i = 0; i < m->count && probe == NULL; i++)
		if (m->probes[i].session == s)
			probe = &m->probes[i];
	if (probe == NULL || len < 20 || (length = get_be16(packet + 2)) < 20 || length > len)
		return false;
	if (get_be16(packet + 6) & 0x3fff) {
		mtu_fragment(probe, packet, length);
		return true;
	}
	if (length < FLOW_IP_HEADERS + PAYLOAD_HEADER || packet[9] != 17 ||
		payload_parse(packet + FLOW_IP_HEADERS, length - FLOW_IP_HEADERS, &p) !=
			PAYLOAD_OK ||
		p.kind != PAYLOAD_PROBE)
		return false;
	if (p.sequence == MTU_WHOLE && length == s->ppp.mru)
		probe->whole = true;
	else
		probe->passed_too_big = true;
	return true;
}
