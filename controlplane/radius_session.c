/* SPDX-License-Identifier: BSD-3-Clause */
/* What RADIUS servers are told of a session. */
#include "radius_session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SERVICE_FRAMED     2
#define PROTOCOL_PPP       1
#define PORT_TYPE_VIRTUAL  5
#define TUNNEL_L2TP        3
#define TUNNEL_MEDIUM_IPV4 1
#define TUNNEL_MEDIUM_IPV6 2
#define DSL_AGENT_CIRCUIT  1 /* RFC 4679 */
#define DSL_AGENT_REMOTE   2

/* What does not fit into an attribute is cut: numbers may be 1,017 bytes (RFC 2661). */
static void add_bytes(struct radius_writer *writer, uint8_t type, struct radius_bytes bytes)
{
	radius_add(writer, type, bytes.bytes,
		bytes.length < RADIUS_VALUE_MAX ? bytes.length : RADIUS_VALUE_MAX);
}

static void add_dsl(struct radius_writer *writer, uint8_t type, struct radius_bytes bytes)
{
	/* RFC 4679 3.3.1: at most 63 bytes */
	radius_add_vendor(writer, RADIUS_VENDOR_DSL_FORUM, type, bytes.bytes,
		bytes.length < 63 ? bytes.length : 63);
}

/* ---- NAS-Port-Id ---- */

struct text {
	char *at, *end;
};

static void text_add(struct text *text, const void *bytes, size_t length)
{
	size_t room = (size_t)(text->end - text->at);

	if (length > room)
		length = room;
	if (length)
		memcpy(text->at, bytes, length);
	text->at += length;
}

static void text_number(struct text *text, uint32_t number)
{
	char digits[12];

	text_add(text, digits, (size_t)snprintf(digits, sizeof(digits), "%u", number));
}

/* The name in braces at *template, which moves behind it. The configuration was checked. */
static void text_field(
	struct text *text, const char **template, const struct radius_session *session)
{
	const char *name = *template + 1, *close = strchr(name, '}');
	size_t length = (size_t)(close - name);

	*template = close + 1;
	if (!strncmp(name, "lac", length) && session->lac_name)
		text_add(text, session->lac_name, strlen(session->lac_name));
	else if (!strncmp(name, "tunnel", length))
		text_number(text, session->tunnel_id);
	else if (!strncmp(name, "session", length))
		text_number(text, session->session_id);
	else if (!strncmp(name, "circuit", length))
		text_add(text, session->circuit_id.bytes, session->circuit_id.length);
	else if (!strncmp(name, "remote", length))
		text_add(text, session->remote_id.bytes, session->remote_id.length);
	else if (!strncmp(name, "port", length) && session->has_port)
		text_number(text, session->port);
}

size_t radius_port_id(const struct config *config, const struct radius_session *session,
	char buffer[RADIUS_VALUE_MAX])
{
	struct text text = {buffer, buffer + RADIUS_VALUE_MAX};
	const char *template = config->radius.nas_port_id;

	while (*template) {
		size_t plain = strcspn(template, "{");

		text_add(&text, template, plain);
		template += plain;
		if (*template)
			text_field(&text, &template, session);
	}
	return (size_t)(text.at - buffer);
}

/* ---- attributes ---- */

void radius_nas_write(struct radius_writer *writer, const struct config *config)
{
	const struct ip_addr *address = &config->radius.nas_address;

	radius_add_text(writer, RADIUS_NAS_IDENTIFIER, config->radius.nas_identifier);
	if (address->family == 4)
		radius_add(writer, RADIUS_NAS_IP_ADDRESS, address->bytes, 4);
	else if (address->family == 6)
		radius_add(writer, RADIUS_NAS_IPV6_ADDRESS, address->bytes, 16);
}

static void tunnel_write(struct radius_writer *writer, const struct radius_session *session)
{
	char number[12];

	if (!session->lac_address)
		return;
	radius_add_tagged_u24(writer, RADIUS_TUNNEL_TYPE, 0, TUNNEL_L2TP);
	radius_add_tagged_u24(writer, RADIUS_TUNNEL_MEDIUM_TYPE, 0,
		session->ipv6_transport ? TUNNEL_MEDIUM_IPV6 : TUNNEL_MEDIUM_IPV4);
	radius_add_text(writer, RADIUS_TUNNEL_CLIENT_ENDPOINT, session->lac_address);
	if (session->lns_address)
		radius_add_text(writer, RADIUS_TUNNEL_SERVER_ENDPOINT, session->lns_address);
	snprintf(number, sizeof(number), "%u", session->lac_tunnel_id);
	radius_add_text(writer, RADIUS_TUNNEL_ASSIGNMENT_ID, number);
	if (session->lac_name)
		radius_add_text(writer, RADIUS_TUNNEL_CLIENT_AUTH_ID, session->lac_name);
	if (session->lns_name)
		radius_add_text(writer, RADIUS_TUNNEL_SERVER_AUTH_ID, session->lns_name);
	snprintf(number, sizeof(number), "%u", session->serial);
	radius_add_text(writer, RADIUS_ACCT_TUNNEL_CONNECTION, number);
}

void radius_session_write(struct radius_writer *writer, const struct config *config,
	const struct radius_session *session)
{
	char text[RADIUS_VALUE_MAX];

	add_bytes(writer, RADIUS_USER_NAME, session->user);
	radius_nas_write(writer, config);
	radius_add_u32(
		writer, RADIUS_NAS_PORT, (uint32_t)session->tunnel_id << 16 | session->session_id);
	radius_add(writer, RADIUS_NAS_PORT_ID, text, radius_port_id(config, session, text));
	radius_add_u32(writer, RADIUS_NAS_PORT_TYPE, PORT_TYPE_VIRTUAL);
	radius_add_u32(writer, RADIUS_SERVICE_TYPE, SERVICE_FRAMED);
	radius_add_u32(writer, RADIUS_FRAMED_PROTOCOL, PROTOCOL_PPP);
	if (session->mtu)
		radius_add_u32(writer, RADIUS_FRAMED_MTU, session->mtu);
	add_bytes(writer, RADIUS_CALLING_STATION_ID, session->calling);
	add_bytes(writer, RADIUS_CALLED_STATION_ID, session->called);
	if (session->tx_speed || session->rx_speed) {
		snprintf(text, sizeof(text), "%" PRIu64 "/%" PRIu64, session->tx_speed,
			session->rx_speed);
		radius_add_text(writer, RADIUS_CONNECT_INFO, text);
	}
	radius_add_text(writer, RADIUS_ACCT_SESSION_ID, session->id);
	tunnel_write(writer, session);
	add_dsl(writer, DSL_AGENT_CIRCUIT, session->circuit_id);
	add_dsl(writer, DSL_AGENT_REMOTE, session->remote_id);
}
