/* SPDX-License-Identifier: BSD-3-Clause */
/* What RADIUS servers are told of a session, in Access-Request and in accounting. */
#pragma once

#include "radius_wire.h"

#include <config/config.h>

#include <stdint.h>

#define RADIUS_SESSION_ID_MAX 17 /* Acct-Session-Id: 16 hexadecimal digits, with the final NUL */

struct radius_bytes {
	const uint8_t *bytes;
	size_t length;
};

/* Views; what is empty, 0 or NULL is left out. */
struct radius_session {
	const char *id; /* Acct-Session-Id */
	struct radius_bytes user;
	uint16_t tunnel_id, session_id;  /* ours; together NAS-Port */
	uint16_t lac_tunnel_id;          /* Tunnel-Assignment-Id */
	const char *lac_name, *lns_name; /* host names of the tunnel */
	const char *lac_address, *lns_address;
	bool ipv6_transport;
	struct radius_bytes calling, called, circuit_id, remote_id;
	bool has_port;
	uint32_t port;               /* Physical Channel ID */
	uint32_t serial;             /* Call Serial Number: Acct-Tunnel-Connection */
	uint64_t tx_speed, rx_speed; /* bit/s, to and from the subscriber */
	uint16_t mtu;
};

/* All of it, and who we are. */
void radius_session_write(struct radius_writer *writer, const struct config *config,
	const struct radius_session *session);
/* Who we are: NAS-Identifier, NAS-IP-Address or NAS-IPv6-Address. */
void radius_nas_write(struct radius_writer *writer, const struct config *config);
/* NAS-Port-Id by the configuration's template; returns the length, cut at RADIUS_VALUE_MAX. */
size_t radius_port_id(const struct config *config, const struct radius_session *session,
	char text[RADIUS_VALUE_MAX]);
