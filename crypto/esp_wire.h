/* SPDX-License-Identifier: BSD-3-Clause */
/* Offsets and small arithmetic that both directions of ESP share. */
#pragma once

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_vect.h>

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#define ESP_HEADER  8 /* SPI, sequence number */
#define ESP_TRAILER 2 /* pad length, next header */
#define UDP_HEADER  8

/* Length of the IP header that length bytes at ip begin with; 0: none. IPv6: without extension headers. */
static inline uint32_t ip_header_length(const uint8_t *ip, uint32_t length)
{
	if (likely(length >= 20 && ip[0] >> 4 == 4)) {
		uint32_t header = (ip[0] & 0x0fu) * 4;

		return header >= 20 && header <= length ? header : 0;
	}
	return length >= 40 && ip[0] >> 4 == 6 ? 40 : 0;
}

static inline uint8_t ip_protocol(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? ip[9] : ip[6];
}

static inline void store_be16(uint8_t *p, uint32_t v)
{
	uint16_t be = rte_cpu_to_be_16((uint16_t)v);

	memcpy(p, &be, sizeof(be));
}

static inline uint32_t load_be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static inline uint16_t ip4_checksum(const uint8_t *ip, uint32_t header)
{
	uint64_t sum = 0;
	uint32_t word;

	for (uint32_t i = 0; i < header; i += 4) {
		memcpy(&word, ip + i, 4);
		sum += word;
	}
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)~sum;
}

/*
 * The two below copy an IP header, also over itself, and say what follows it now. IPv4's checksum is updated
 * (RFC 1624, equation 3), from what stood there before and in registers: reading back what was just written
 * piece by piece would wait for the store buffer; and a wrong checksum stays wrong.
 */

/*
 * IPv4 without options; as few instructions and above all as few stores as will do, since this is done to every
 * packet. total in host byte order.
 */
static inline void ip4_header_move(uint8_t *to, const uint8_t *ip, uint8_t protocol, uint32_t total)
{
	__m128i header = _mm_loadu_si128((const __m128i *)ip);
	uint32_t last, sum, be_total = rte_cpu_to_be_32(total) >> 16;
	uint16_t checksum, length;

	memcpy(&last, ip + 16, 4);
	memcpy(&length, ip + 2, 2);
	memcpy(&checksum, ip + 10, 2);
	/* three complements and what comes instead, in the packet's byte order; the TTL stays */
	sum = 0x2fffdu - checksum - length - ((uint32_t)ip[9] << 8);
	sum += be_total + ((uint32_t)protocol << 8);
	sum += sum << 16 | sum >> 16;
	_mm_storeu_si128((__m128i *)to, header);
	memcpy(to + 16, &last, 4);
	memcpy(to + 2, &be_total, 2);
	to[9] = protocol;
	sum = ~sum >> 16;
	memcpy(to + 10, &sum, 2);
}

/* Any, by shift bytes. Returns where it stands now. */
static inline uint8_t *ip_header_move(
	uint8_t *ip, uint32_t header, int32_t shift, uint8_t protocol, uint32_t total)
{
	uint8_t *to = ip + shift;

	if (likely(ip[0] == 0x45)) {
		ip4_header_move(to, ip, protocol, total);
	} else if (ip[0] >> 4 == 4) {
		uint8_t options[40];

		memcpy(options, ip + 20, header - 20);
		ip4_header_move(to, ip, protocol, total);
		memcpy(to + 20, options, header - 20);
	} else {
		memmove(to, ip, header);
		to[6] = protocol;
		store_be16(to + 4, total - header);
	}
	return to;
}
