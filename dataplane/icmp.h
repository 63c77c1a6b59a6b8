/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP and ICMPv6 errors that a router owes (RFC 792, 1812 4.3.2, 4443).
 */
#pragma once

#include "worker.h"

enum icmp_error {
	ICMP_ERROR_TTL,        /* time exceeded in transit */
	ICMP_ERROR_TOO_BIG,    /* fragmentation needed, packet too big */
	ICMP_ERROR_NET,        /* no route */
	ICMP_ERROR_HOST,       /* route says unreachable */
	ICMP_ERROR_PROHIBITED, /* administratively */
	ICMP_ERRORS
};

/*
 * Answers m, whose data is at its IP header and which stays the caller's (to drop under its own
 * reason), if the RFCs allow an answer and the worker's rate has room. The source of one to a subscriber
 * is the VRF's (dataplane_icmp_source), else the interface's that the packet came in on. Routed at the
 * end of the turn.
 */
void icmp_error(struct worker *w, const struct rte_mbuf *m, enum icmp_error error, uint16_t mtu);
