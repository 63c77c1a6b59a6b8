/* SPDX-License-Identifier: BSD-3-Clause */
/* The IP Control Protocol (RFC 1332) with the name servers of RFC 1877, for one known address. */
#pragma once

#include "ppp.h"

enum ipcp_option_type {
	IPCP_ADDRESSES = 1, /* RFC 1172, withdrawn */
	IPCP_COMPRESSION = 2,
	IPCP_ADDRESS = 3,
	IPCP_DNS1 = 129,
	IPCP_NBNS1 = 130,
	IPCP_DNS2 = 131,
	IPCP_NBNS2 = 132,
};

void ipcp_init(struct ppp *ppp);
