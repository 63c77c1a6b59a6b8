/* SPDX-License-Identifier: BSD-3-Clause */
/* The Link Control Protocol (RFC 1661 section 6): its options and what follows from them. */
#pragma once

#include "ppp.h"

enum lcp_option_type {
	LCP_MRU = 1,
	LCP_ACCM = 2,
	LCP_AUTH = 3,
	LCP_QUALITY = 4,
	LCP_MAGIC = 5,
	LCP_PFC = 7,
	LCP_ACFC = 8,
	LCP_MRRU = 17,
	LCP_SSNHF = 18,
	LCP_ENDPOINT = 19,
};

enum lcp_option_bit {
	LCP_HAS_MRU = 1 << 0,
	LCP_HAS_AUTH = 1 << 1,
	LCP_HAS_MAGIC = 1 << 2,
	LCP_HAS_PFC = 1 << 3,
	LCP_HAS_ACFC = 1 << 4,
};

/* Less than this is not believed, whoever says it: an echo must fit. */
#define PPP_MRU_FLOOR 64

void lcp_init(struct ppp *ppp);
/* The lcp_option_bit of an option type, 0 for those that we never ask for. */
uint8_t lcp_option_bit(uint8_t type);
/* Takes the LAC's agreement if policy and options allow; false: LCP has to be negotiated. */
bool lcp_adopt(struct ppp *ppp, const struct ppp_proxy *proxy);
