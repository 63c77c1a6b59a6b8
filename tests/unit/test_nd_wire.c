/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbour discovery: what RFC 4861 6.1 and 7.1 accept, and that what is written is read again. */
#include "nd_wire.h"
#include "nd_packets.h"

#include "dns_name.h"

#include <stdlib.h>

#define LL      "fe80::2"
#define ROUTERS "ff02::2"
#define NODE    "ff02::1:ff00:1"

#define TARGET 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1

/* 1 RFC 4861's section; 2 source; 3 destination; 4 hop limit; 5 message; 6 verdict */
Test(nd_wire, validation_truth_table)
{
	static const struct {
		const char *section, *source, *destination;
		uint8_t hop_limit, len, icmp[64];
		enum nd_error error;
	} rows[] = {
		{"6.1.1 plain", LL, ROUTERS, 255, 8, {133}, ND_OK},
		{"6.1.1 no source yet", "::", ROUTERS, 255, 8, {133}, ND_OK},
		{"6.1.1 with SLLA", LL, ROUTERS, 255, 16, {133, [8] = 1, 1, 2, 3}, ND_OK},
		{"6.1.1 unknown option", LL, ROUTERS, 255, 16, {133, [8] = 200, 1}, ND_OK},
		{"6.1.1 hop limit", LL, ROUTERS, 254, 8, {133}, ND_HOP_LIMIT},
		{"6.1.1 code", LL, ROUTERS, 255, 8, {133, 1}, ND_CODE},
		{"6.1.1 length", LL, ROUTERS, 255, 7, {133}, ND_SHORT},
		{"6.1.1 option of length 0", LL, ROUTERS, 255, 16, {133, [8] = 1, 0}, ND_OPTIONS},
		{"6.1.1 option beyond", LL, ROUTERS, 255, 16, {133, [8] = 1, 2}, ND_OPTIONS},
		{"6.1.1 half an option", LL, ROUTERS, 255, 12, {133, [8] = 1, 1}, ND_OPTIONS},
		{"6.1.1 SLLA without source", "::", ROUTERS, 255, 16, {133, [8] = 1, 1},
			ND_ADDRESSES},
		{"source is multicast", "ff02::1", ROUTERS, 255, 8, {133}, ND_ADDRESSES},
		{"6.1.2 source", "2001:db8::1", "ff02::1", 255, 16, {134}, ND_ADDRESSES},
		{"6.1.2 plain", LL, "ff02::1", 255, 16, {134}, ND_OK},
		{"6.1.2 length", LL, "ff02::1", 255, 15, {134}, ND_SHORT},
		{"7.1.1 plain", LL, NODE, 255, 24, {135, [8] = TARGET}, ND_OK},
		{"7.1.1 unicast", LL, "fe80::1", 255, 24, {135, [8] = TARGET}, ND_OK},
		{"7.1.1 probe", "::", NODE, 255, 24, {135, [8] = TARGET}, ND_OK},
		{"7.1.1 probe to unicast", "::", "fe80::1", 255, 24, {135, [8] = TARGET},
			ND_ADDRESSES},
		{"7.1.1 probe to another node", "::", "ff02::1:ff00:2", 255, 24,
			{135, [8] = TARGET}, ND_ADDRESSES},
		{"7.1.1 probe with SLLA", "::", NODE, 255, 32, {135, [8] = TARGET, 1, 1},
			ND_ADDRESSES},
		{"7.1.1 multicast target", LL, NODE, 255, 24, {135, [8] = 0xff, 2}, ND_ADDRESSES},
		{"7.1.1 length", LL, NODE, 255, 23, {135, [8] = TARGET}, ND_SHORT},
		{"7.1.2 plain", LL, "ff02::1", 255, 24, {136, [8] = TARGET}, ND_OK},
		{"7.1.2 multicast target", LL, "ff02::1", 255, 24, {136, [8] = 0xff, 2},
			ND_ADDRESSES},
		{"8.1 redirect", LL, "fe80::1", 255, 40, {137}, ND_OK},
		{"8.1 length", LL, "fe80::1", 255, 39, {137}, ND_SHORT},
		{"echo comes from afar", LL, "fe80::1", 3, 8, {128}, ND_OK},
		{"report", LL, "ff02::16", 1, 8, {143}, ND_OK},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t bytes[128];
		size_t len = icmp6_make(bytes, rows[i].source, rows[i].destination,
			rows[i].hop_limit, rows[i].icmp, rows[i].len);
		struct ip6_packet packet;
		struct nd_message message;

		cr_assert(ip6_parse(bytes, len, &packet), "%s", rows[i].section);
		cr_expect_eq(nd_parse(&packet, &message), rows[i].error, "%s: %d", rows[i].section,
			nd_parse(&packet, &message));
		if (len < IP6_HEADER_LEN + 8 || rows[i].error)
			continue;
		bytes[IP6_HEADER_LEN + 3] ^= 1;
		cr_expect_eq(nd_parse(&packet, &message), ND_CHECKSUM, "%s", rows[i].section);
	}
}

Test(nd_wire, headers_that_lie_are_no_packets)
{
	uint8_t bytes[64] = {0x60, [5] = 8, [6] = 58, [7] = 255};
	struct ip6_packet packet;

	cr_assert(ip6_parse(bytes, 48, &packet));
	cr_assert_eq(packet.len, 8u);
	cr_assert(ip6_parse(bytes, 60, &packet), "what stands behind is not part of it");
	cr_assert_eq(packet.len, 8u);
	cr_assert_not(ip6_parse(bytes, 47, &packet));
	cr_assert_not(ip6_parse(bytes, 39, &packet));
	cr_assert_not(ip6_parse(bytes, 0, &packet));
	bytes[0] = 0x45;
	cr_assert_not(ip6_parse(bytes, 48, &packet));
}

static struct nd_router_advertisement full(const uint8_t *domains, size_t domains_len)
{
	struct nd_router_advertisement ra = {
		.hop_limit = 64,
		.managed = true,
		.other = true,
		.lifetime = 1800,
		.mtu = 1492,
		.has_prefix = true,
		.valid = 7200,
		.preferred = 3600,
		.n_dns = 2,
		.domains = domains,
		.domains_len = domains_len,
		.dns_lifetime = 1800,
	};

	memcpy(ra.source, in6_of("fe80::1").b, 16);
	memcpy(ra.destination, in6_of("ff02::1").b, 16);
	memcpy(ra.prefix, in6_of("2001:db8:1:2:ffff::").b, 16);
	memcpy(ra.dns[0], in6_of("2001:db8::53").b, 16);
	memcpy(ra.dns[1], in6_of("2001:db8::54").b, 16);
	return ra;
}

Test(nd_wire, an_advertisement_is_what_the_rfcs_draw)
{
	static const uint8_t expected[] = {134, 0, 0, 0, 64, 0xc0, 7, 8, 0, 0, 0, 0, 0, 0, 0,
		0,                         /* */
		5, 1, 0, 0, 0, 0, 5, 0xd4, /* MTU */
		3, 4, 64, 0xc0, 0, 0, 0x1c, 0x20, 0, 0, 0x0e, 0x10, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8,
		0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, /* prefix */
		25, 5, 0, 0, 0, 0, 7, 8, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53,
		0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x54, /* RDNSS */
		31, 3, 0, 0, 0, 0, 7, 8, 3, 'i', 's', 'p', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0,
		0, 0, 0};
	static char name[] = "isp.example";
	char *names[] = {name};
	uint8_t domains[64], out[256];
	size_t domains_len = dns_names_put(domains, sizeof(domains), names, 1), len;
	struct nd_router_advertisement ra = full(domains, domains_len);
	struct ip6_packet packet;
	struct nd_message message;

	cr_assert_eq(domains_len, 13u);
	len = nd_router_advertisement_put(out, sizeof(out), &ra);
	cr_assert_eq(len, IP6_HEADER_LEN + sizeof(expected));
	cr_assert(ip6_parse(out, len, &packet));
	cr_assert_eq(packet.hop_limit, 255);
	cr_assert_eq(nd_parse(&packet, &message), ND_OK);
	out[IP6_HEADER_LEN + 2] = out[IP6_HEADER_LEN + 3] = 0;
	for (size_t i = 0; i < sizeof(expected); i++)
		cr_expect_eq(out[IP6_HEADER_LEN + i], expected[i], "byte %zu: %u", i,
			out[IP6_HEADER_LEN + i]);
	for (size_t room = 0; room < len; room++)
		cr_assert_eq(nd_router_advertisement_put(out, room, &ra), 0u, "in %zu", room);
}

Test(nd_wire, neighbour_advertisements_and_echoes_are_read_again)
{
	struct in6 ours = in6_of("fe80::1"), theirs = in6_of("fe80::2");
	uint8_t out[128], in[128];
	const uint8_t echo[] = {128, 0, 0, 0, 1, 2, 3, 4, 'd', 'a', 't', 'a', '!'};
	struct ip6_packet packet;
	struct nd_message message;
	size_t len =
		nd_neighbour_advertisement_put(out, sizeof(out), ours.b, theirs.b, ours.b, true);

	cr_assert(ip6_parse(out, len, &packet));
	cr_assert_eq(nd_parse(&packet, &message), ND_OK);
	cr_assert_eq(message.type, ND_NEIGHBOUR_ADVERTISEMENT);
	cr_assert_eq(message.icmp[4], 0xe0, "router, solicited, override");
	cr_assert_arr_eq(message.target, ours.b, 16);
	cr_assert_eq(
		nd_neighbour_advertisement_put(out, len - 1, ours.b, theirs.b, ours.b, true), 0u);

	len = icmp6_make(in, "fe80::2", "fe80::1", 64, echo, sizeof(echo));
	cr_assert(ip6_parse(in, len, &packet));
	cr_assert_eq(nd_parse(&packet, &message), ND_OK);
	len = nd_echo_reply_put(out, sizeof(out), ours.b, &message);
	cr_assert(ip6_parse(out, len, &packet));
	cr_assert_eq(nd_parse(&packet, &message), ND_OK);
	cr_assert_eq(message.type, ND_ECHO_REPLY);
	cr_assert_arr_eq(message.icmp + 4, echo + 4, sizeof(echo) - 4);
	cr_assert_arr_eq(packet.destination, theirs.b, 16);
}

/* 1 lengths of labels that do not go; 2 room */
Test(nd_wire, names_are_left_out_rather_than_cut)
{
	static char good[] = "a.example", bad[] = "a..b", *names[] = {good, bad, good};
	static char longest[300];
	char *one[] = {longest};
	uint8_t out[600];

	cr_assert_eq(dns_names_put(out, sizeof(out), names, 1), 11u);
	cr_assert_eq(dns_names_put(out, 10, names, 1), 0u);
	cr_assert_eq(dns_names_put(out, sizeof(out), names, 3), 11u, "ends at what is no name");
	memset(longest, 'a', 64);
	cr_assert_eq(dns_names_put(out, sizeof(out), one, 1), 0u, "a label of 64");
	for (unsigned int i = 0; i < 260; i++)
		longest[i] = i % 2 ? '.' : 'a';
	longest[259] = '\0';
	cr_assert_eq(dns_names_put(out, sizeof(out), one, 1), 0u, "a name of more than 255");
	longest[253] = '\0';
	cr_assert_eq(dns_names_put(out, sizeof(out), one, 1), 255u);
}

Test(nd_wire, udp_needs_its_checksum)
{
	struct in6 from = in6_of("fe80::2"), to = in6_of("ff02::1:2");
	uint8_t bytes[128] = {0};
	struct ip6_packet packet;
	struct udp_datagram datagram;
	size_t len;

	memcpy(bytes + 48, "hello", 5);
	len = udp6_put(bytes, from.b, to.b, 546, 547, 5);
	cr_assert_eq(len, 53u);
	cr_assert(ip6_parse(bytes, len, &packet));
	cr_assert(udp6_parse(&packet, &datagram));
	cr_assert_eq(datagram.source, 546);
	cr_assert_eq(datagram.destination, 547);
	cr_assert_eq(datagram.len, 5u);
	for (unsigned int bit = 0; bit < 8 * len; bit++) {
		/* version, traffic class, flow label and hop limit are not covered */
		if (bit < 32 || bit / 8 == 7)
			continue;
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_assert_not(ip6_parse(bytes, len, &packet) && udp6_parse(&packet, &datagram),
			"bit %u", bit);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	bytes[46] = bytes[47] = 0;
	cr_assert(ip6_parse(bytes, len, &packet));
	cr_assert_not(udp6_parse(&packet, &datagram), "without a checksum");
}
