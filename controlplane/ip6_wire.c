/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 packets of a subscriber's link as bytes. */
#include "ip6_wire.h"

#include <string.h>

#define HOP_LIMIT_OFFSET 7

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, size_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

bool ip6_parse(const uint8_t *bytes, size_t len, struct ip6_packet *packet)
{
	if (len < IP6_HEADER_LEN || bytes[0] >> 4 != 6 || get16(bytes + 4) > len - IP6_HEADER_LEN)
		return false;
	*packet = (struct ip6_packet){
		.source = bytes + 8,
		.destination = bytes + 24,
		.next = bytes[6],
		.hop_limit = bytes[HOP_LIMIT_OFFSET],
		.payload = bytes + IP6_HEADER_LEN,
		.len = get16(bytes + 4),
	};
	return true;
}

void ip6_header_put(uint8_t out[IP6_HEADER_LEN], const uint8_t source[16],
	const uint8_t destination[16], uint8_t next, uint8_t hop_limit, size_t len)
{
	memset(out, 0, 8);
	out[0] = 0x6c; /* CS6: it keeps the network running */
	put16(out + 4, len);
	out[6] = next;
	out[HOP_LIMIT_OFFSET] = hop_limit;
	memcpy(out + 8, source, 16);
	memcpy(out + 24, destination, 16);
}

static uint64_t sum(const uint8_t *bytes, size_t len)
{
	uint64_t total = 0;
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		total += get16(bytes + i);
	return i < len ? total + (uint64_t)(bytes[i] << 8) : total;
}

uint16_t ip6_checksum(const uint8_t source[16], const uint8_t destination[16], uint8_t next,
	const uint8_t *payload, size_t len)
{
	uint64_t total = sum(source, 16) + sum(destination, 16) + (len >> 16) + (len & 0xffff) +
		next + sum(payload, len);

	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)~total;
}

bool udp6_parse(const struct ip6_packet *packet, struct udp_datagram *datagram)
{
	const uint8_t *p = packet->payload;
	size_t len;

	if (packet->next != IP6_NEXT_UDP || packet->len < UDP_HEADER_LEN)
		return false;
	len = get16(p + 4);
	if (len < UDP_HEADER_LEN || len > packet->len || get16(p + 6) == 0 ||
		ip6_checksum(packet->source, packet->destination, IP6_NEXT_UDP, p, len))
		return false;
	*datagram = (struct udp_datagram){
		.source = get16(p),
		.destination = get16(p + 2),
		.payload = p + UDP_HEADER_LEN,
		.len = len - UDP_HEADER_LEN,
	};
	return true;
}

size_t udp6_put(uint8_t *out, const uint8_t source[16], const uint8_t destination[16],
	uint16_t source_port, uint16_t destination_port, size_t len)
{
	uint8_t *udp = out + IP6_HEADER_LEN;
	uint16_t checksum;

	len += UDP_HEADER_LEN;
	ip6_header_put(out, source, destination, IP6_NEXT_UDP, 64, len);
	put16(udp, source_port);
	put16(udp + 2, destination_port);
	put16(udp + 4, len);
	put16(udp + 6, 0);
	checksum = ip6_checksum(source, destination, IP6_NEXT_UDP, udp, len);
	put16(udp + 6, checksum ? checksum : 0xffff); /* zero means none (RFC 768) */
	return IP6_HEADER_LEN + len;
}
