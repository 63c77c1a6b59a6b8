/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captures of subscribers' traffic, for whoever replays them to an LNS that has the sessions already.
 *
 * Nothing is negotiated, so ids and addresses follow from the session's number n: tunnel 1 + n mod tunnels, session
 * 1 + n / tunnels (ids that the LNS gave out), subscriber 10.0.0.0 + n, delegated prefix 2001:db8::/32 with n in
 * the next 24 bits, /56.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "options.h"

#define CAPTURE_SESSIONS_MAX (1u << 20)
#define CAPTURE_FAR_END      0xcb007105u /* 203.0.113.5, unless --internet-addr names another */

uint16_t capture_tunnel_id(const struct options *o, uint32_t session);
uint16_t capture_session_id(const struct options *o, uint32_t session);
uint32_t capture_address(uint32_t session); /* host byte order */
void capture_address6(uint32_t session, uint8_t out[16]);

/* Writes the file that the options name; 0 or -errno after a message. */
int capture_write(const struct options *o);
