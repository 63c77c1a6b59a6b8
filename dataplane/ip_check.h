/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which addresses a router does not take (RFC 1812, 5.3.7; RFC 4291; RFC 6890). Addresses as in the packet.
 */
#pragma once

#include "packet.h"

/* RFC 1812, 5.3.7 and 4.2.2.11: nothing of these goes through a router, as source or destination. */
static inline bool ip4_is_martian(const uint8_t *address)
{
	return address[0] == 0 || address[0] == 127 || address[0] >= 240;
}

/* RFC 3927, 2.7: never forwarded, whatever the routes say. */
static inline bool ip4_is_link_local(const uint8_t *address)
{
	return load16(address) == RTE_BE16(0xa9fe);
}

static inline bool ip4_is_multicast(const uint8_t *address)
{
	return (address[0] & 0xf0) == 0xe0;
}

static inline bool ip6_is_link_local(const uint8_t *address)
{
	return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

/* ::, ::1, mapped IPv4, and the documentation's loopbacks: RFC 4291, 2.5; RFC 6890. */
static inline bool ip6_is_martian(const uint8_t *address)
{
	return load64(address) == 0 &&
		(load32(address + 8) == 0 || load32(address + 8) == rte_cpu_to_be_32(0xffff));
}
