/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Clamping of the TCP MSS option on SYNs, both ways, with the checksum adjusted.
 */
#pragma once

#include "packet.h"

#include <dataplane/session.h>

#include <netinet/in.h>

/* A SYN: looks for the option, lowers it to mss. True if it was lowered. */
bool mss_clamp_syn(uint8_t *tcp, uint32_t room, uint16_t mss);

/* room: contiguous bytes at ip. True if the packet was changed. */
static inline bool mss_clamp(const struct session *session, uint8_t *ip, uint32_t room, bool v4)
{
	uint32_t header = v4 ? (ip[0] & 0x0f) * 4u : 40u;

	/* a fragment that is not the first has no TCP header; IPv6: TCP right behind, as SYNs come */
	if (v4 ? ip[9] != IPPROTO_TCP || (load_be16(ip + 6) & 0x1fff) != 0 : ip[6] != IPPROTO_TCP)
		return false;
	if (unlikely(room < header + 20) || likely(!(ip[header + 13] & 0x02)))
		return false;
	return mss_clamp_syn(ip + header, room - header, v4 ? session->mss4 : session->mss6);
}
