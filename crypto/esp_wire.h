/* SPDX-License-Identifier: BSD-3-Clause */
/* Offsets and small arithmetic that both directions of ESP share. */
#pragma once

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_ip.h>

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

static inline void ip_header_copy(uint8_t *to, const uint8_t *from, uint32_t header)
{
	if (likely(header == 20)) {
		uint8_t copy[20];

		memcpy(copy, from, sizeof(copy));
		memcpy(to, copy, sizeof(copy));
	} else {
		memmove(to, from, header);
	}
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
 * Copies an IP header by shift bytes, over itself, and says what follows it now. The checksum is updated
 * (RFC 1624, equation 3), from what stood there before and in registers: reading back what was just
 * written piece by piece would wait for the store buffer; and a wrong checksum stays wrong.
 */
static inline uint8_t *ip_header_move(
	uint8_t *ip, uint32_t header, int32_t shift, uint8_t protocol, uint32_t total)
{
	uint8_t *to = ip + shift;

	if (likely(ip[0] >> 4 == 4)) {
		uint32_t sum = (uint16_t)~load_be16(ip + 10);

		sum += (uint16_t)~load_be16(ip + 2) + (uint16_t)total;
		sum += (uint16_t)~ip[9] + (uint32_t)protocol; /* the TTL beside it stays */
		sum = (sum & UINT16_MAX) + (sum >> 16);
		sum = (sum & UINT16_MAX) + (sum >> 16);
		ip_header_copy(to, ip, header);
		store_be16(to + 2, total);
		to[9] = protocol;
		store_be16(to + 10, ~sum);
	} else {
		ip_header_copy(to, ip, header);
		to[6] = protocol;
		store_be16(to + 4, total - header);
	}
	return to;
}
