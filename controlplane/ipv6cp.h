/* SPDX-License-Identifier: BSD-3-Clause */
/* The IPv6 Control Protocol (RFC 5072): interface identifiers. */
#pragma once

#include "ppp.h"

enum ipv6cp_option_type {
	IPV6CP_INTERFACE_ID = 1,
	IPV6CP_COMPRESSION = 2,
};

#define IPV6CP_ID_LEN 8

void ipv6cp_init(struct ppp *ppp);
