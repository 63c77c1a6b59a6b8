/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbour discovery as bytes. */
#include "nd_wire.h"

#include <string.h>

#define HOP_LIMIT  255
#define ICMPV6_MIN 8

enum nd_option_type {
	OPTION_SOURCE_LINK_ADDRESS = 1,
	OPTION_PREFIX = 3,
	OPTION_MTU = 5,
	OPTION_RDNSS = 25, /* RFC 8106 */
	OPTION_DNSSL = 31,
};

/* RFC 4861, 4.6: lengths count eight bytes, none is zero. */
static bool options_fit(const uint8_t *p, const uint8_t *end, bool *source_link_address)
{
	*source_link_address = false;
	while (p < end) {
		if (end - p < 8 || p[1] == 0 || end - p < p[1] * 8)
			return false;
		*source_link_address |= p[0] == OPTION_SOURCE_LINK_ADDRESS;
		p += p[1] * 8;
	}
	return true;
}

static bool is_solicited_node(const uint8_t address[16], const uint8_t target[16])
{
	static const uint8_t head[13] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};

	return !memcmp(address, head, sizeof(head)) && !memcmp(address + 13, target + 13, 3);
}

/* RFC 4861, 6.1.1, 7.1.1 and 7.1.2, after the checks that all have in common. */
static enum nd_error addresses_check(const struct nd_message *message, bool source_link_address)
{
	bool unspecified = ip6_is_unspecified(message->source);

	if (ip6_is_multicast(message->source))
		return ND_ADDRESSES;
	switch (message->type) {
	case ND_ROUTER_SOLICITATION:
		return unspecified && source_link_address ? ND_ADDRESSES : ND_OK;
	case ND_NEIGHBOUR_SOLICITATION:
		if (ip6_is_multicast(message->target))
			return ND_ADDRESSES;
		if (unspecified &&
			(source_link_address ||
				!is_solicited_node(message->destination, message->target)))
			return ND_ADDRESSES;
		return ND_OK;
	case ND_NEIGHBOUR_ADVERTISEMENT:
		return ip6_is_multicast(message->target) ? ND_ADDRESSES : ND_OK;
	default:
		return ip6_is_link_local(message->source) ? ND_OK : ND_ADDRESSES;
	}
}

static size_t length_min(uint8_t type)
{
	switch (type) {
	case ND_ROUTER_ADVERTISEMENT:
		return 16;
	case ND_NEIGHBOUR_SOLICITATION:
	case ND_NEIGHBOUR_ADVERTISEMENT:
		return 24;
	case ND_REDIRECT:
		return 40;
	default:
		return ICMPV6_MIN;
	}
}

enum nd_error nd_parse(const struct ip6_packet *packet, struct nd_message *message)
{
	const uint8_t *icmp = packet->payload;
	bool source_link_address;
	size_t min;

	if (packet->next != IP6_NEXT_ICMPV6)
		return ND_NOT_ICMPV6;
	if (packet->len < ICMPV6_MIN)
		return ND_SHORT;
	if (ip6_checksum(packet->source, packet->destination, IP6_NEXT_ICMPV6, icmp, packet->len))
		return ND_CHECKSUM;
	*message = (struct nd_message){
		.type = icmp[0],
		.source = packet->source,
		.destination = packet->destination,
		.icmp = icmp,
		.len = packet->len,
	};
	if (message->type < ND_ROUTER_SOLICITATION || message->type > ND_REDIRECT)
		return ND_OK;
	if (packet->hop_limit != HOP_LIMIT)
		return ND_HOP_LIMIT;
	if (icmp[1] != 0)
		return ND_CODE;
	min = length_min(message->type);
	if (packet->len < min)
		return ND_SHORT;
	if (message->type == ND_NEIGHBOUR_SOLICITATION ||
		message->type == ND_NEIGHBOUR_ADVERTISEMENT)
		message->target = icmp + 8;
	if (!options_fit(icmp + min, icmp + packet->len, &source_link_address))
		return ND_OPTIONS;
	return addresses_check(message, source_link_address);
}

/* ---- writing ---- */

struct cursor {
	uint8_t *at, *end;
	bool full;
};

static uint8_t *put(struct cursor *cursor, size_t len)
{
	uint8_t *at = cursor->at;

	if ((size_t)(cursor->end - at) < len) {
		cursor->full = true;
		return NULL;
	}
	memset(at, 0, len);
	cursor->at += len;
	return at;
}

static void put16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
	put16(p, (uint16_t)(value >> 16));
	put16(p + 2, (uint16_t)value);
}

static size_t finish(uint8_t *out, const struct cursor *cursor, const uint8_t source[16],
	const uint8_t destination[16], uint8_t hop_limit)
{
	uint8_t *icmp = out + IP6_HEADER_LEN;
	size_t len = (size_t)(cursor->at - icmp);

	ip6_header_put(out, source, destination, IP6_NEXT_ICMPV6, hop_limit, len);
	put16(icmp + 2, 0);
	put16(icmp + 2, ip6_checksum(source, destination, IP6_NEXT_ICMPV6, icmp, len));
	return IP6_HEADER_LEN + len;
}

static void prefix_put(
	struct cursor *cursor, const uint8_t prefix[16], uint32_t valid, uint32_t preferred)
{
	uint8_t *p = put(cursor, 32);

	if (!p)
		return;
	p[0] = OPTION_PREFIX;
	p[1] = 4;
	p[2] = 64;
	p[3] = 0xc0; /* on-link, autonomous */
	put32(p + 4, valid);
	put32(p + 8, preferred);
	memcpy(p + 16, prefix, 8);
}

static void servers_put(
	struct cursor *cursor, const uint8_t (*servers)[16], unsigned int n, uint32_t lifetime)
{
	uint8_t *p = n ? put(cursor, 8 + 16 * (size_t)n) : NULL;

	if (!p)
		return;
	p[0] = OPTION_RDNSS;
	p[1] = (uint8_t)(1 + 2 * n);
	put32(p + 4, lifetime);
	for (unsigned int i = 0; i < n; i++)
		memcpy(p + 8 + 16 * i, servers[i], 16);
}

static void dns_put(struct cursor *cursor, const struct nd_router_advertisement *advertisement)
{
	size_t padded = (advertisement->domains_len + 7) & ~(size_t)7;
	uint8_t *p;

	servers_put(cursor, advertisement->dns, advertisement->n_dns, advertisement->dns_lifetime);
	/* the length field counts to 255 */
	if (advertisement->domains_len && padded <= 254 * 8) {
		p = put(cursor, 8 + padded);
		if (!p)
			return;
		p[0] = OPTION_DNSSL;
		p[1] = (uint8_t)(1 + padded / 8);
		put32(p + 4, advertisement->dns_lifetime);
		memcpy(p + 8, advertisement->domains, advertisement->domains_len);
	}
}

size_t nd_router_advertisement_put(
	uint8_t *out, size_t room, const struct nd_router_advertisement *advertisement)
{
	const struct nd_former *former = advertisement->former;
	struct cursor cursor = {out, out + room, false};
	uint8_t *p = put(&cursor, IP6_HEADER_LEN + 16);

	if (!p)
		return 0;
	p += IP6_HEADER_LEN;
	p[0] = ND_ROUTER_ADVERTISEMENT;
	p[4] = advertisement->hop_limit;
	p[5] = (uint8_t)((advertisement->managed ? 0x80 : 0) | (advertisement->other ? 0x40 : 0));
	put16(p + 6, advertisement->lifetime);
	if (advertisement->mtu) {
		p = put(&cursor, 8);
		if (p) {
			p[0] = OPTION_MTU;
			p[1] = 1;
			put32(p + 4, advertisement->mtu);
		}
	}
	if (advertisement->has_prefix)
		prefix_put(&cursor, advertisement->prefix, advertisement->valid,
			advertisement->preferred);
	for (unsigned int i = 0; former && i < former->n_prefixes; i++)
		prefix_put(&cursor, former->prefixes[i], 0, 0);
	dns_put(&cursor, advertisement);
	if (former)
		servers_put(&cursor, former->dns, former->n_dns, 0);
	if (cursor.full)
		return 0;
	return finish(out, &cursor, advertisement->source, advertisement->destination, HOP_LIMIT);
}

size_t nd_neighbour_advertisement_put(uint8_t *out, size_t room, const uint8_t source[16],
	const uint8_t destination[16], const uint8_t target[16], bool solicited)
{
	struct cursor cursor = {out, out + room, false};
	uint8_t *p = put(&cursor, IP6_HEADER_LEN + 24);

	if (!p)
		return 0;
	p += IP6_HEADER_LEN;
	p[0] = ND_NEIGHBOUR_ADVERTISEMENT;
	p[4] = (uint8_t)(0xa0 | (solicited ? 0x40 : 0));
	memcpy(p + 8, target, 16);
	return finish(out, &cursor, source, destination, HOP_LIMIT);
}

size_t nd_echo_reply_put(
	uint8_t *out, size_t room, const uint8_t source[16], const struct nd_message *request)
{
	struct cursor cursor = {out, out + room, false};
	uint8_t *p = put(&cursor, IP6_HEADER_LEN + request->len);

	if (!p)
		return 0;
	p += IP6_HEADER_LEN;
	memcpy(p, request->icmp, request->len);
	p[0] = ND_ECHO_REPLY;
	p[1] = 0;
	return finish(out, &cursor, source, request->source, 64);
}
