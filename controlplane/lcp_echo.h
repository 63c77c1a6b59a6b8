/* SPDX-License-Identifier: BSD-3-Clause */
/* LCP once it is open: echoes both ways, Protocol-Reject, the codes that change nothing. */
#pragma once

#include "ppp.h"
#include "ppp_wire.h"

void lcp_echo_start(struct ppp *ppp);
void lcp_echo_stop(struct ppp *ppp);
void lcp_echo_timeout(struct ppp *ppp);
/* The codes above Code-Reject; false: unknown. */
bool lcp_extra(struct ppp *ppp, uint8_t code, uint8_t id, const uint8_t *body, size_t len);
void lcp_code_rejected(struct ppp *ppp, uint8_t code);
/* Rejects the frame's protocol, with as much of the frame as the peer takes. */
void lcp_protocol_reject(struct ppp *ppp, const struct ppp_frame *frame);
