/* SPDX-License-Identifier: BSD-3-Clause */
/* What LCP, authentication and the NCPs use of the session they belong to; not for callers. */
#pragma once

#include "ppp.h"
#include "ppp_wire.h"

void ppp_count(struct ppp *ppp, enum ppp_reject reject);
void ppp_count_wire(struct ppp *ppp, enum ppp_wire_error error);
uint32_t ppp_random32(struct ppp *ppp);

extern const struct ppp_fsm_protocol lcp_protocol, ipcp_protocol, ipv6cp_protocol;

/*
 * A deadline is kept as the lower half of its ms, 0 for none: all of them are less than 24 days away. The one
 * whose lower half is 0 comes a millisecond later.
 */
static inline uint32_t ppp_deadline_in(const struct ppp *ppp, uint64_t ms)
{
	uint32_t deadline = (uint32_t)(ppp->now + ms);

	return deadline != 0 ? deadline : 1;
}

static inline bool ppp_deadline_is_due(uint32_t deadline, uint64_t now)
{
	return deadline != 0 && (uint32_t)now - deadline < UINT32_C(1) << 31;
}

/* Sends code, id and body as a packet of the protocol; body beyond ppp_room() is cut. */
void ppp_send(struct ppp *ppp, uint16_t protocol, uint8_t code, uint8_t id, const uint8_t *body,
	size_t len);
/* Bytes of body that the peer takes after the four of a packet's header. */
size_t ppp_room(const struct ppp *ppp);
/* May one more Code-Reject or Protocol-Reject be sent? Counts when not. */
bool ppp_reject_allowed(struct ppp *ppp);
/* Do data and NCP frames carry ff 03? */
bool ppp_address_control(const struct ppp *ppp);

/* Ends the session from within; the first cause stays. */
void ppp_end(struct ppp *ppp, enum ppp_close_cause cause);

/* From LCP. proxy: the LAC's authentication, when LCP was taken from it. */
void ppp_link_opened(struct ppp *ppp, const struct ppp_proxy *proxy);
void ppp_link_lost(struct ppp *ppp);
void ppp_link_finished(struct ppp *ppp);
void ppp_protocol_rejected(struct ppp *ppp, uint16_t protocol);

/* From authentication. */
void ppp_network_phase(struct ppp *ppp);

/* From an NCP that opened, or that will not. */
void ppp_ncp_opened(struct ppp *ppp);
void ppp_ncp_finished(struct ppp *ppp);
