/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of a subscriber's link, made by hand for the tests of what answers them. */
#pragma once

#include "ip6_wire.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <string.h>

struct in6 {
	uint8_t b[16];
};

static inline struct in6 in6_of(const char *text)
{
	struct in6 address;

	cr_assert_eq(inet_pton(AF_INET6, text, address.b), 1, "%s", text);
	return address;
}

/* An ICMPv6 packet with the right checksum; returns its length. */
static inline size_t icmp6_make(uint8_t *out, const char *source, const char *destination,
	uint8_t hop_limit, const uint8_t *icmp, size_t len)
{
	struct in6 from = in6_of(source), to = in6_of(destination);
	uint16_t checksum;

	ip6_header_put(out, from.b, to.b, IP6_NEXT_ICMPV6, hop_limit, len);
	memcpy(out + IP6_HEADER_LEN, icmp, len);
	if (len >= 4) {
		out[IP6_HEADER_LEN + 2] = out[IP6_HEADER_LEN + 3] = 0;
		checksum = ip6_checksum(from.b, to.b, IP6_NEXT_ICMPV6, out + IP6_HEADER_LEN, len);
		out[IP6_HEADER_LEN + 2] = (uint8_t)(checksum >> 8);
		out[IP6_HEADER_LEN + 3] = (uint8_t)checksum;
	}
	return IP6_HEADER_LEN + len;
}
