/* SPDX-License-Identifier: BSD-3-Clause */
/* The headers that every downlink packet of a session starts with, made once. */
#include <dataplane/session_table.h>

#include <rte_byteorder.h>

#include "packet.h"

#include <netinet/in.h>
#include <string.h>

#define L2TP_VERSION  0x0002 /* RFC 2661 section 3.1 */
#define L2TP_LENGTH   0x4000
#define L2TP_SEQUENCE 0x0800

#define OUTER_TTL 64

static uint8_t *put16(uint8_t *p, uint16_t value)
{
	*p++ = (uint8_t)(value >> 8);
	*p++ = (uint8_t)value;
	return p;
}

static uint8_t *put_ipv4(uint8_t *p, const struct tunnel_path *path)
{
	/*
	 * DF stays clear: what fills the access line may be longer than the path to the LAC takes, and
	 * the LAC reassembles. So the identification matters, and l2tp_output counts it.
	 */
	memset(p, 0, 20);
	p[0] = 0x45;
	p[8] = OUTER_TTL;
	p[9] = IPPROTO_UDP;
	memcpy(p + 12, path->local, 4);
	memcpy(p + 16, path->peer, 4);
	return p + 20;
}

static uint8_t *put_ipv6(uint8_t *p, const struct tunnel_path *path)
{
	memset(p, 0, 8);
	p[0] = 0x60;
	p[6] = IPPROTO_UDP;
	p[7] = OUTER_TTL;
	memcpy(p + 8, path->local, 16);
	memcpy(p + 24, path->peer, 16);
	return p + 40;
}

void session_template_build(struct session *session, const struct tunnel *tunnel)
{
	const struct tunnel_path *path = &tunnel->path;
	uint16_t bits = L2TP_VERSION;
	uint8_t *start = session->template, *p = start;

	if (tunnel->flags & TUNNEL_LENGTH_BIT)
		bits |= L2TP_LENGTH;
	if (session->flags & SESSION_SEND_SEQ)
		bits |= L2TP_SEQUENCE;

	p = path->family == 4 ? put_ipv4(p, path) : put_ipv6(p, path);
	session->template_l3 = (uint8_t)(p - start);
	session->template_sum = path->family == 4 ? ip4_header_sum(start, 20) : 0;
	memcpy(p, &path->local_port, 2);
	memcpy(p + 2, &path->peer_port, 2);
	p = put16(p + 4, 0);
	p = put16(p, 0);

	session->template_l2tp = (uint8_t)(p - start);
	p = put16(p, bits);
	if (bits & L2TP_LENGTH)
		p = put16(p, 0);
	p = put16(p, tunnel->peer_id);
	p = put16(p, session->peer_session_id);
	if (bits & L2TP_SEQUENCE) {
		p = put16(p, 0);
		p = put16(p, 0);
	}

	if (!(session->flags & SESSION_SEND_ACFC))
		p = put16(p, 0xff03);
	if (session->flags & SESSION_SEND_PFC)
		*p++ = 0x21;
	else
		p = put16(p, 0x0021);
	session->template_length = (uint8_t)(p - start);
	memset(p, 0, SESSION_TEMPLATE_MAX - session->template_length);
}

/* The longest: IPv6, UDP, L2TP with L and S, ff 03, protocol. */
static_assert(40 + 8 + 12 + 2 + 2 <= SESSION_TEMPLATE_MAX, "every template fits");
