/* SPDX-License-Identifier: BSD-3-Clause */
/* Subscribers' packets, framed as they are on the wire, into a file of libpcap's format. */
#include "capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "capture_part.h"
#include "flow.h"
#include "random.h"
#include "secure.h"

#define FRAME_MAX    2048u
#define ETHERNET     22u /* with two tags */
#define IP4_HEADER   20u
#define IP6_HEADER   40u
#define UDP_HEADER   8u
#define L2TP_VERSION 0x0002u
#define L2TP_LENGTH  0x4000u

#define PROTOCOL_IPIP 4u
#define PROTOCOL_UDP  17u
#define PROTOCOL_IP6  41u
#define PROTOCOL_ESP  50u

struct capture {
	const struct options *o;
	struct secure secure;
	struct random random;
	uint32_t *order;    /* the sessions, shuffled anew each time all had their turn */
	uint32_t *sequence; /* of each session, the next number */
	uint32_t count, next;
	uint64_t written;
	uint32_t ident;
	FILE *file;
};

uint16_t capture_tunnel_id(const struct options *o, uint32_t session)
{
	return (uint16_t)(1 + session % o->tunnels);
}

uint16_t capture_session_id(const struct options *o, uint32_t session)
{
	return (uint16_t)(1 + session / o->tunnels);
}

uint32_t capture_address(uint32_t session)
{
	return 0x0a000000u + session;
}

void capture_address6(uint32_t session, uint8_t out[16])
{
	memset(out, 0, 16);
	put_be32(out, 0x20010db8u);
	put_be32(out + 4, session << 8);
	out[15] = 1;
}

/* ---- the subscriber's packet ---- */

static size_t capture_inner(struct capture *c, uint32_t session, uint8_t *out)
{
	static const uint8_t far6[16] = {0x20, 1, 0xd, 0xb8, 0xff, 0xff, [15] = 5};
	const struct options *o = c->o;
	bool up = o->direction == OPTIONS_UP;
	uint32_t headers = flow_ip_headers(o->ipv6),
		 size = flow_size_of(o->ipv6, o->size, c->written);
	uint32_t mine = capture_address(session), far_end = CAPTURE_FAR_END;
	uint16_t port = flow_subscriber_port(session), far_port = 7007;
	uint8_t mine6[16], *payload = out + headers;
	const struct payload p = {.run = (uint32_t)o->seed,
		.session = session,
		.sequence = c->sequence[session]++,
		.direction = up ? PAYLOAD_UP : PAYLOAD_DOWN};

	payload_write(payload, &p, size - headers);
	memcpy(payload + PAYLOAD_HEADER, payload_filler(), size - headers - PAYLOAD_HEADER);
	if (o->internet_local || o->internet_remote) {
		far_end = be32toh(o->internet.sin_addr.s_addr);
		far_port = be16toh(o->internet.sin_port);
	}
	if (o->ipv6) {
		capture_address6(session, mine6);
		flow_headers6(out, up ? mine6 : far6, up ? far6 : mine6, up ? port : far_port,
			up ? far_port : port, payload, size - headers);
	} else {
		flow_headers(out, up ? mine : far_end, up ? far_end : mine, up ? port : far_port,
			up ? far_port : port, (uint16_t)p.sequence, payload, size - headers);
	}
	return size;
}

/* ---- what is around it on the way up ---- */

/* L2TP (RFC 2661, 3.1) and PPP in front of a packet: their length. */
static size_t capture_l2tp(const struct options *o, uint32_t session, uint8_t *out, size_t inner)
{
	uint16_t protocol = o->ipv6 ? 0x57 : 0x21;
	size_t n = 2;

	put_be16(out, (uint16_t)(L2TP_VERSION | (o->length_bit ? L2TP_LENGTH : 0)));
	if (o->length_bit)
		n += 2;
	put_be16(out + n, capture_tunnel_id(o, session));
	put_be16(out + n + 2, capture_session_id(o, session));
	n += 4;
	if (o->compress) {
		out[n++] = (uint8_t)protocol;
	} else {
		put_be16(out + n, 0xff03);
		put_be16(out + n + 2, protocol);
		n += 4;
	}
	if (o->length_bit)
		put_be16(out + 2, (uint16_t)(n + inner));
	return n;
}

static size_t capture_udp(uint8_t *out, uint16_t source, uint16_t destination, size_t payload)
{
	put_be16(out, source);
	put_be16(out + 2, destination);
	put_be16(out + 4, (uint16_t)(payload + UDP_HEADER));
	put_be16(out + 6, 0);
	return UDP_HEADER;
}

/* The outer IP header, between the LAC's address and the LNS's. */
static size_t capture_ip(struct capture *c, uint8_t *out, const struct sockaddr_storage *local,
	uint8_t protocol, size_t payload)
{
	const struct sockaddr_storage *lns = &c->o->lns;

	if (lns->ss_family == AF_INET6) {
		memset(out, 0, 8);
		out[0] = 0x60;
		put_be16(out + 4, (uint16_t)payload);
		out[6] = protocol;
		out[7] = 64;
		memcpy(out + 8, &((const struct sockaddr_in6 *)local)->sin6_addr, 16);
		memcpy(out + 24, &((const struct sockaddr_in6 *)lns)->sin6_addr, 16);
		return IP6_HEADER;
	}
	memset(out, 0, IP4_HEADER);
	out[0] = 0x45;
	put_be16(out + 2, (uint16_t)(payload + IP4_HEADER));
	put_be16(out + 4, (uint16_t)c->ident++);
	out[8] = 64;
	out[9] = protocol;
	memcpy(out + 12, &((const struct sockaddr_in *)local)->sin_addr, 4);
	memcpy(out + 16, &((const struct sockaddr_in *)lns)->sin_addr, 4);
	put_be16(out + 10, flow_fold(flow_sum_bytes(out, IP4_HEADER, 0)));
	return IP4_HEADER;
}

/* Puts the parts behind the Ethernet header; the length of the IP packet. */
static size_t capture_outer(struct capture *c, const struct sockaddr_storage *local,
	uint8_t protocol, const uint8_t *payload, size_t len, uint8_t *out)
{
	size_t n = capture_ip(c, out, local, protocol, len);

	memcpy(out + n, payload, len);
	return n + len;
}

/* 0: does not fit into ESP. */
static size_t capture_secure(struct capture *c, uint32_t session, const uint8_t *inner, size_t len,
	const uint8_t *l2tp, size_t l2tp_len, uint8_t *out)
{
	struct secure_link *l = &c->secure.links[c->secure.link_of[session % c->o->tunnels]];
	uint8_t packet[FRAME_MAX];
	size_t room = c->o->esp.natt ? UDP_HEADER : 0, total;

	if (c->o->capture.gateway)
		total = association_protect(&l->out, c->o->ipv6 ? PROTOCOL_IP6 : PROTOCOL_IPIP,
			inner, len, packet + room, sizeof(packet) - room);
	else
		total = secure_protect(
			&c->secure, l, 1701, l2tp, l2tp_len, packet + room, sizeof(packet) - room);
	if (total == 0)
		return 0;
	if (c->o->esp.natt)
		total += capture_udp(packet,
			be16toh(((const struct sockaddr_in *)&l->local)->sin_port),
			SECURE_NATT_PORT, total);
	return capture_outer(
		c, &l->local, c->o->esp.natt ? PROTOCOL_UDP : PROTOCOL_ESP, packet, total, out);
}

static size_t capture_up(struct capture *c, uint32_t session, uint8_t *out)
{
	const struct options *o = c->o;
	const struct sockaddr_storage *local = &o->local[session % o->tunnels % o->local_count];
	uint8_t inner[PAYLOAD_MAX], udp[FRAME_MAX];
	size_t len = capture_inner(c, session, inner), n;
	uint16_t sum;

	n = capture_l2tp(o, session, udp + UDP_HEADER, len);
	memcpy(udp + UDP_HEADER + n, inner, len);
	n += len;
	if (o->esp.on)
		return capture_secure(c, session, inner, len, udp + UDP_HEADER, n, out);
	n += capture_udp(udp, 1701, 1701, n);
	if (o->udp_checksum || o->lns.ss_family == AF_INET6) {
		sum = secure_udp_checksum(local, &o->lns, udp, n);
		put_be16(udp + 6, sum != 0 ? sum : 0xffff);
	}
	return capture_outer(c, local, PROTOCOL_UDP, udp, n, out);
}

/* ---- the file ---- */

/* The next session: each has its turn before one has its second, in an order drawn anew. */
static uint32_t capture_session(struct capture *c)
{
	uint32_t n = c->count;

	if (c->next == n)
		c->next = 0;
	if (c->next == 0)
		for (uint32_t i = n - 1; i > 0; i--) {
			uint32_t j = (uint32_t)(random_next(&c->random) % (i + 1));
			uint32_t other = c->order[j];

			c->order[j] = c->order[i];
			c->order[i] = other;
		}
	return c->order[c->next++];
}

/* Host byte order, as the magic number tells readers. */
static int capture_header(FILE *f)
{
	const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, accuracy, snap, link;
	} header = {0xa1b2c3d4u, 2, 4, 0, 0, 65535, 1};

	return fwrite(&header, sizeof(header), 1, f) == 1 ? 0 : -EIO;
}

/* The Ethernet header, with its tags; its length. */
static size_t capture_ethernet(const struct options_capture *to, uint16_t type, uint8_t *frame)
{
	uint8_t *p = frame + 12;

	memcpy(frame, to->mac, 6);
	memcpy(frame + 6, (const uint8_t[6]){2, 0, 0, 0, 0, 2}, 6);
	if (to->outer_vlan != 0) {
		put_be16(p, 0x88a8);
		put_be16(p + 2, to->outer_vlan);
		p += 4;
	}
	if (to->vlan != 0) {
		put_be16(p, 0x8100);
		put_be16(p + 2, to->vlan);
		p += 4;
	}
	put_be16(p, type);
	return (size_t)(p + 2 - frame);
}

static int capture_packet(struct capture *c)
{
	const struct options *o = c->o;
	bool up = o->direction == OPTIONS_UP;
	uint32_t session = capture_session(c), record[4];
	uint8_t frame[ETHERNET + FRAME_MAX] = {0};
	size_t len, header;
	bool six = up ? o->lns.ss_family == AF_INET6 : o->ipv6;

	header = capture_ethernet(&o->capture, six ? 0x86dd : 0x0800, frame);
	len = up ? capture_up(c, session, frame + header)
		 : capture_inner(c, session, frame + header);
	if (len == 0)
		return -EMSGSIZE;
	len += header;
	record[0] = (uint32_t)(c->written / 1000000);
	record[1] = (uint32_t)(c->written % 1000000);
	record[2] = record[3] = (uint32_t)len;
	if (fwrite(record, sizeof(record), 1, c->file) != 1 || fwrite(frame, len, 1, c->file) != 1)
		return errno != 0 ? -errno : -EIO;
	c->written++;
	return 0;
}

static int capture_open(struct capture *c, const struct options *o)
{
	memset(c, 0, sizeof(*c));
	c->o = o;
	c->random.state = o->seed;
	c->order = malloc(o->sessions * sizeof(*c->order));
	c->sequence = calloc(o->sessions, sizeof(*c->sequence));
	if (c->order == NULL || c->sequence == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < o->sessions; i++)
		if (capture_part(i, o->capture.parts) == o->capture.part)
			c->order[c->count++] = i;
	if (c->count == 0)
		return -ENOENT;
	payload_init();
	return secure_open(&c->secure, o, NULL, NULL);
}

int capture_write(const struct options *o)
{
	static struct capture capture;
	struct capture *c = &capture;
	int rc = capture_open(c, o);

	if (rc == 0) {
		errno = 0;
		c->file = fopen(o->capture.file, "we");
		rc = c->file == NULL ? -errno : capture_header(c->file);
	}
	for (uint32_t i = 0; rc == 0 && i < o->capture.packets; i++)
		rc = capture_packet(c);
	if (c->file != NULL && fclose(c->file) != 0 && rc == 0)
		rc = -errno;
	if (rc != 0)
		fprintf(stderr, "lnsload: --write-pcap: '%s': %s\n", o->capture.file,
			strerror(-rc));
	secure_close(&c->secure);
	free(c->order);
	free(c->sequence);
	return rc;
}
