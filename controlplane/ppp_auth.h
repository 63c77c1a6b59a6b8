/* SPDX-License-Identifier: BSD-3-Clause */
/* The authenticating side of PAP (RFC 1334), CHAP (RFC 1994) and MS-CHAPv2 (RFC 2759). */
#pragma once

#include "ppp.h"
#include "ppp_wire.h"

#define LCP_AUTH_DATA_MAX 4

/* Data of LCP's Authentication-Protocol option: protocol, and CHAP's algorithm. */
size_t ppp_auth_option(enum ppp_auth_method method, uint8_t data[LCP_AUTH_DATA_MAX]);
enum ppp_auth_method ppp_auth_method_of(const uint8_t *data, size_t len);
/* The method that the LAC's authentication AVPs carry; PPP_AUTH_NONE: nothing that can be used. */
enum ppp_auth_method ppp_auth_method_of_proxy(const struct ppp_proxy *proxy);

/* LCP opened with a method: asks AAA about the LAC's credentials, or the peer for its own. */
void ppp_auth_start(struct ppp *ppp, const struct ppp_proxy *proxy);
/* Forgets everything; a late answer of AAA will find nothing. */
void ppp_auth_stop(struct ppp *ppp);
/* The peer showed that it knows the result: answers need not be repeated any more. */
void ppp_auth_forget(struct ppp *ppp);
/*
 * The peer has sent something of the network phase. Until it does, each Restart of an NCP repeats the answer before it:
 * a CHAP peer has no timer of its own, and one that has lost the Success ignores all the rest (RFC 1994, 4.2).
 */
void ppp_auth_heard(struct ppp *ppp);
void ppp_auth_repeat(struct ppp *ppp);
void ppp_auth_timeout(struct ppp *ppp);
void ppp_auth_input(struct ppp *ppp, const struct ppp_frame *frame);
void ppp_auth_answer(struct ppp *ppp, const struct ppp_auth_result *result);
