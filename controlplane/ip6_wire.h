/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 packets of a subscriber's link as bytes: header (RFC 8200), checksum, UDP; no state. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IP6_HEADER_LEN  40
#define UDP_HEADER_LEN  8
#define IP6_MTU_MIN     1280 /* RFC 8200, 5 */
#define IP6_NEXT_UDP    17
#define IP6_NEXT_ICMPV6 58

/* Views into the packet that was parsed. */
struct ip6_packet {
	const uint8_t *source, *destination; /* 16 bytes each */
	uint8_t next, hop_limit;
	const uint8_t *payload;
	size_t len; /* of payload: the header's word, what stands behind is cut off */
};

/* False: no IPv6 header, or its payload does not fit into len. */
bool ip6_parse(const uint8_t *bytes, size_t len, struct ip6_packet *packet);
/* Writes the header in front of a payload of len bytes. */
void ip6_header_put(uint8_t out[IP6_HEADER_LEN], const uint8_t source[16],
	const uint8_t destination[16], uint8_t next, uint8_t hop_limit, size_t len);
/* The checksum over pseudo-header and payload; 0 if the one in the payload is right. */
uint16_t ip6_checksum(const uint8_t source[16], const uint8_t destination[16], uint8_t next,
	const uint8_t *payload, size_t len);

struct udp_datagram {
	uint16_t source, destination; /* ports, host order */
	const uint8_t *payload;
	size_t len;
};

/* The datagram in packet: false unless lengths fit and the checksum, which IPv6 requires, is right. */
bool udp6_parse(const struct ip6_packet *packet, struct udp_datagram *datagram);
/*
 * Writes both headers in front of len bytes that stand at out + IP6_HEADER_LEN + UDP_HEADER_LEN. Returns
 * the whole length.
 */
size_t udp6_put(uint8_t *out, const uint8_t source[16], const uint8_t destination[16],
	uint16_t source_port, uint16_t destination_port, size_t len);

static inline bool ip6_is_link_local(const uint8_t address[16])
{
	return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

static inline bool ip6_is_multicast(const uint8_t address[16])
{
	return address[0] == 0xff;
}

static inline bool ip6_is_unspecified(const uint8_t address[16])
{
	for (unsigned int i = 0; i < 16; i++)
		if (address[i])
			return false;
	return true;
}

/* fe80::/64 with an interface identifier behind. */
static inline void ip6_link_local(uint8_t out[16], const uint8_t interface_id[8])
{
	for (unsigned int i = 0; i < 8; i++) {
		out[i] = 0;
		out[8 + i] = interface_id[i];
	}
	out[0] = 0xfe;
	out[1] = 0x80;
}
