/* SPDX-License-Identifier: BSD-3-Clause */
/* What an Access-Accept gives a subscriber, and which ones are refused as a whole. */
#include "aaa_radius.h"
#include "aaa_radius_text.h"
#include "config_minimal.h"

#include <crypto/digest.h>

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static const char yaml[] = MINIMAL_LNS
	"pools:\n"
	"  - {name: main, ranges: [10.0.0.0/24]}\n"
	"  - {name: red-pool, vrf: red, ranges: [10.1.0.0/24]}\n"
	"  - {name: biz-pool, vrf: biz, ranges: [10.1.0.0/24]}\n"
	"prefix-pools:\n"
	"  - {name: six, prefixes: ['2001:db8:100::/48']}\n"
	"  - {name: dp, length: 56, prefixes: ['2001:db8:200::/48']}\n"
	"  - {name: ap, length: 128, prefixes: ['2001:db8:300::/120']}\n"
	"  - {name: red6, vrf: red, prefixes: ['2001:db8:400::/48']}\n"
	"  - {name: biz6, vrf: biz, prefixes: ['2001:db8:400::/48']}\n"
	"  - {name: bizd, vrf: biz, length: 60, prefixes: ['2001:db8:500::/48']}\n"
	"ipv6: {pool: six, dns: ['2001:db8::99']}\n"
	"vrfs:\n"
	"  - {name: red, table: 100}\n"
	"  - {name: biz, table: 101, realms: [biz.example, Second.Example], pool: biz-pool, "
	"ipv6-pool: biz6, ipv6-delegated-pool: bizd}\n"
	"subscribers: {pool: main, local-address: 10.255.0.1, session-timeout: 3600, dns: "
	"[9.9.9.9]}\n"
	"users: [{name: carol, password: x, address: 10.0.0.9}]\n"
	"policies:\n"
	"  - {name: gold, up-rate: 5M, down-rate: 50M, up-burst: 20000}\n"
	"  - {name: silver, up-rate: 1M}\n"
	"  - {name: to-biz, vrf: biz}\n"
	"  - {name: biz-gold, vrf: biz, up-rate: 7M}\n";

static struct config *config;
static struct aaa_accept accept;
static uint64_t counters[AAA_RADIUS_COUNTER_MAX];
static const struct radius_secret secret = {(const uint8_t *)"s", 1};
static const uint8_t authenticator[16];

static void setup(void)
{
	struct config_errors errors = {0};
	int rc = config_parse("test.yaml", yaml, sizeof(yaml) - 1, &config, &errors);

	cr_assert_eq(rc, 0, "%s", errors.n ? errors.text[0] : "");
	config_errors_free(&errors);
	cr_assert_eq(digest_init(), 0);
	memset(counters, 0, sizeof(counters));
}

static void teardown(void)
{
	config_free(config);
	digest_fini();
}

TestSuite(aaa_radius_accept, .init = setup, .fini = teardown);

/* Attributes as hexadecimal digits, with texts in quotes, each "TYPE:VALUE", blanks between. */
static size_t attributes_of(const char *text, uint8_t *out)
{
	uint8_t *start = out, *head;
	unsigned int byte, type;
	int used;

	while (sscanf(text, " %u:%n", &type, &used) == 1) {
		text += used;
		head = out;
		out += 2;
		while (*text && *text != ' ') {
			if (*text == '"') {
				const char *end = strchr(text + 1, '"');

				memcpy(out, text + 1, (size_t)(end - text - 1));
				out += end - text - 1;
				text = end + 1;
			} else {
				cr_assert_eq(sscanf(text, "%2x", &byte), 1, "%s", text);
				*out++ = (uint8_t)byte;
				text += 2;
			}
		}
		head[0] = (uint8_t)type;
		head[1] = (uint8_t)(out - head);
	}
	return (size_t)(out - start);
}

static const char *user = "alice@isp.example";

static bool read_as(enum aaa_method method, const char *attributes)
{
	static uint8_t bytes[RADIUS_PACKET_MAX] = {2};
	size_t length = RADIUS_HEADER + attributes_of(attributes, bytes + RADIUS_HEADER);
	struct aaa_request request = {
		.method = method,
		.chap_id = 7,
		.user = (const uint8_t *)user,
		.user_length = strlen(user),
	};
	struct radius_answer answer = {.request_authenticator = authenticator, .secret = secret};

	bytes[2] = (uint8_t)(length >> 8);
	bytes[3] = (uint8_t)length;
	cr_assert_eq(radius_packet_parse(&answer.packet, bytes, length), RADIUS_WIRE_OK);
	return aaa_radius_accept(&accept, config, &request, &answer, counters);
}

static bool read_accept(const char *attributes)
{
	return read_as(AAA_PAP, attributes);
}

Test(aaa_radius_accept, what_cannot_be_honoured_is_refused_as_a_whole)
{
	static const struct {
		const char *attributes, *reason;
	} rows[] = {
		{"6:00000001", "Service-Type 1, expected 2"},
		{"7:00000002", "Framed-Protocol 2, expected 1"},
		{"6:000002", "Service-Type of 3 bytes is malformed"},
		{"8:0a0000", "Framed-IP-Address of 3 bytes is malformed"},
		{"8:0a000007 8:0a000008", "Framed-IP-Address stands twice"},
		{"8:7f000001", "127.0.0.1 is no host's address"},
		{"8:e0000001", "224.0.0.1 is no host's address"},
		{"8:00000001", "0.0.0.1 is no host's address"},
		{"8:0aff0001", "10.255.0.1 is a local user's or our own"},
		{"8:0a000009", "10.0.0.9 is a local user's or our own"},
		{"8:0a000007 9:ffff00ff", "0xffff00ff is no mask"},
		{"8:0a000007 9:00000000", "0x00000000 is no mask"},
		{"9:ffffff00", "Framed-IP-Netmask without Framed-IP-Address"},
		{"11:\"platinum\"", "policy platinum, which is not in policies"},
		{"11:", "Filter-Id of 0 bytes is malformed"},
		{"11:\"gold\" 11:\"silver\"", "two different rates from the subscriber"},
		{"12:00000100", "Framed-MTU 256, expected 576"},
		{"22:\"192.0.2.1/24 0.0.0.0 1\"", "Framed-Route \"192.0.2.1/24"},
		{"22:\"192.0.2.0/24 10.0.0.1 1\"", "Framed-Route by 10.0.0.1"},
		{"22:\"nonsense\"", "Framed-Route \"nonsense\""},
		{"27:0e10", "Session-Timeout of 2 bytes is malformed"},
		{"88:\"nowhere\"", "Framed-Pool nowhere is not in pools"},
		{"88:\"main\" 88:\"red-pool\"", "Framed-Pool stands twice"},
		{"88:\"main\" 26:00000009010f\"ip:vrf-id=red\"",
			"Framed-Pool main is not in VRF red"},
		{"26:00000009010f\"ip:vrf-id=red\"", "no address and no pool"},
		{"26:000000090110\"ip:vrf-id=blue\"", "VRF blue is not in vrfs"},
		{"26:0000013701", "Vendor-Specific of 5 bytes is malformed"},
		{"26:00000137011c", "Vendor-Specific of 6 bytes is malformed"},
		{"26:0000013700000000", "Vendor-Specific of 8 bytes is malformed"},
		{"26:00000137", "Vendor-Specific of 4 bytes is malformed"},
		{"26:000001371c050a0000", "MS-Primary-DNS-Server of 3 bytes is malformed"},
		{"26:0000013710140123\"0123456789abcdef\"", "MS-MPPE key of 18 bytes is malformed"},
		{"26:0000372a0705000001", "WISPr-Bandwidth-Max-Up of 3 bytes is malformed"},
		{"26:0000372a070600000100", "a rate of 256 bit/s"},
		{"26:00003a8c0805\"fast\"", "Vendor-Specific of 10 bytes is malformed"},
		{"26:00003a8c0806\"fast\"", "Mikrotik-Rate-Limit \"fast\""},
		{"11:\"gold\" 26:0000372a0706000f4240", "two different rates from"},
		{"69:01", "a tunnel attribute of 1 bytes is malformed"},
		{"69:", "a tunnel attribute of 0 bytes is malformed"},
		{"69:01812300", "a tunnel attribute of 4 bytes is malformed"},
		{"64:0003", "a tunnel attribute of 2 bytes is malformed"},
		{"96:00000001", "Framed-Interface-Id of 4 bytes is malformed"},
		{"97:00", "Framed-IPv6-Prefix of 1 bytes is malformed"},
		{"97:004020010db8", "Framed-IPv6-Prefix of 6 bytes is malformed"},
		{"97:0081", "Framed-IPv6-Prefix of 2 bytes is malformed"},
		{"168:20010db8", "Framed-IPv6-Address of 4 bytes is malformed"},
		{"100:", "Framed-IPv6-Pool of 0 bytes is malformed"},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cr_assert_not(read_accept(rows[i].attributes), "row %u: %s", i, rows[i].attributes);
		cr_assert_not_null(accept.answer.refusal);
		cr_assert_not_null(strstr(accept.answer.refusal, rows[i].reason), "row %u: %s", i,
			accept.answer.refusal);
		cr_assert_not(accept.answer.accept);
		cr_assert_eq(accept.answer.n_routes, 0, "row %u: half of it stays", i);
		cr_assert_eq(accept.answer.address.family, 0, "row %u: half of it stays", i);
		cr_assert_null(accept.answer.extra);
	}
}

Test(aaa_radius_accept, an_empty_one_gives_the_defaults)
{
	cr_assert(read_accept(""), "%s", accept.answer.refusal);
	cr_assert_eq(accept.answer.pool, 0);
	cr_assert_eq(accept.answer.session_timeout, 3600);
	cr_assert_eq(accept.answer.dns[0].bytes[0], 9);
	cr_assert_eq(accept.answer.extra->up_rate, 0);
	cr_assert_eq(accept.answer.extra->class_length, 0);
}

Test(aaa_radius_accept, addresses_have_their_special_values)
{
	cr_assert(read_accept("8:fffffffe"));
	cr_assert_eq(accept.answer.address.family, 0);
	cr_assert(read_accept("8:ffffffff"));
	cr_assert_eq(accept.answer.address.family, 0);
	cr_assert(read_accept("8:c6336407 9:ffffffff"));
	cr_assert_eq(accept.answer.address.family, 4);
	cr_assert_eq(accept.answer.n_routes, 0);
	cr_assert(read_accept("8:c6336407 9:fffffff8 88:\"main\""));
	cr_assert_eq(accept.answer.n_routes, 1);
	cr_assert_eq(accept.answer.routes[0].prefix.length, 29);
	cr_assert_eq(accept.answer.routes[0].prefix.addr.bytes[3], 0);
}

Test(aaa_radius_accept, rates_of_every_form_with_their_bursts)
{
	static const struct {
		const char *attributes;
		uint64_t up, down;
		uint32_t up_burst, down_burst;
	} rows[] = {
		{"11:\"gold\"", 5000000, 50000000, 20000, 625000},
		{"11:\"silver\"", 1000000, 0, 15000, 0},
		{"26:0000372a0706001e8480 26:0000372a080600f42400", 2000000, 16000000, 25000,
			200000},
		{"26:00003a8c0804\"2M\"", 2000000, 2000000, 25000, 25000},
		{"26:00003a8c0810\"64k/1G 1M/2M 1\"", 64000, 1000000000, 15000, 12500000},
		{"26:00000211c506000f4240", 1000000, 1000000, 15000, 15000},
		{"26:00000211c506000f4240 26:00000211ff06001e8480", 1000000, 2000000, 15000, 25000},
		{"26:00000211ff06001e8480 26:00000211c506000f4240", 1000000, 2000000, 15000, 25000},
		{"26:000000090118\"sub-qos-policy-in=gold\"", 5000000, 0, 20000, 0},
		{"26:00000009011c\"ip:sub-qos-policy-out=gold\"", 0, 50000000, 0, 625000},
		{"26:0000372a070600000000", 0, 0, 0, 0},
		{"11:\"gold\" 26:0000372a0706004c4b40", 5000000, 50000000, 62500, 625000},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct aaa_extra *extra;

		cr_assert(read_accept(rows[i].attributes), "row %u: %s", i, accept.answer.refusal);
		extra = accept.answer.extra;
		cr_assert_eq(extra->up_rate, rows[i].up, "row %u: %lu", i, extra->up_rate);
		cr_assert_eq(extra->down_rate, rows[i].down, "row %u: %lu", i, extra->down_rate);
		cr_assert_eq(extra->up_burst, rows[i].up_burst, "row %u: %u", i, extra->up_burst);
		cr_assert_eq(
			extra->down_burst, rows[i].down_burst, "row %u: %u", i, extra->down_burst);
	}
}

Test(aaa_radius_accept, class_is_kept_up_to_2048_bytes)
{
	static char text[8192], class[600] = "25:";

	memset(class + 3, '5', 2 * 253);
	for (unsigned int i = 0; i < 8; i++) {
		strcat(text, class);
		strcat(text, " ");
	}
	strcat(text, "25:010203040506");
	cr_assert(read_accept(text), "%s", accept.refusal);
	cr_assert_eq(accept.answer.extra->class_length, 2048);
	strcat(text, " 25:");
	cr_assert_not(read_accept(text));
	cr_assert_not_null(strstr(accept.answer.refusal, "more than 2048 bytes of Class"), "%s",
		accept.answer.refusal);
}

Test(aaa_radius_accept, class_and_ipv6_are_kept_as_they_came)
{
	const struct aaa_extra *extra;

	cr_assert(
		read_accept("25:\"one\" 97:004020010db800010000 25:\"two!\" 123:003820010db8000200 "
			    "100:\"six\" 171:\"dp\" 172:\"ap\" 99:\"2001:db8:9::/48 :: 1\" "
			    "96:0000000000000007 "
			    "169:20010db8000000000000000000000053"),
		"%s", accept.answer.refusal);
	extra = accept.answer.extra;
	cr_assert_eq(extra->class_length, 11);
	cr_assert_arr_eq(extra->bytes, "\x19\x05one\x19\x06two!six", 14);
	cr_assert_eq(extra->pool6_length, 3);
	cr_assert_eq(extra->delegated_pool_length, 2);
	cr_assert_eq(extra->address_pool6_length, 2);
	cr_assert_eq(extra->routes6_length, strlen("2001:db8:9::/48 :: 1\n"));
	cr_assert_eq(extra->size, sizeof(*extra) + 11 + 3 + 2 + 2 + extra->routes6_length);
	cr_assert_eq(extra->n_prefixes6, 2);
	cr_assert_eq(extra->prefixes6[0].prefix.length, 64);
	cr_assert_eq(extra->prefixes6[1].prefix.length, 56);
	cr_assert(extra->prefixes6[1].delegated);
	cr_assert_eq(extra->interface_id[7], 7);
	cr_assert_eq(extra->dns6[0].bytes[15], 0x53);
}

Test(aaa_radius_accept, ipv6_attributes_become_what_a_session_gets)
{
	const struct aaa_ipv6 *ipv6 = &accept.answer.ipv6;
	char text[50];

	cr_assert(
		read_accept("97:004020010db800010000 123:003820010db8000200 171:\"dp\" 172:\"ap\" "
			    "99:\"2001:db8:9::/48 :: 7\" 168:20010db8000000000000000000000077 "
			    "97:003020010db80005 123:003020010db80006 123:003820010db8000700 "
			    "96:0000000000000007 169:20010db8000000000000000000000053"),
		"%s", accept.answer.refusal);
	cr_expect_str_eq(ip_prefix_text(&ipv6->prefix, text), "2001:db8:1::/64");
	cr_expect_str_eq(ip_prefix_text(&ipv6->delegated, text), "2001:db8:2::/56");
	cr_expect_str_eq(ip_addr_text(&ipv6->address, text), "2001:db8::77");
	cr_expect_eq(ipv6->pool, 0, "the configuration's");
	cr_expect_eq(ipv6->delegated_pool, 1);
	cr_expect_eq(ipv6->address_pool, 2);
	cr_expect_eq(ipv6->interface_id[7], 7);
	cr_expect_str_eq(ip_addr_text(&ipv6->dns[0], text), "2001:db8::53");
	cr_expect_eq(ipv6->dns[1].family, 0);
	cr_assert_eq(accept.answer.n_routes, 4);
	cr_expect_str_eq(ip_prefix_text(&accept.answer.routes[0].prefix, text), "2001:db8:5::/48");
	cr_expect_str_eq(ip_prefix_text(&accept.answer.routes[1].prefix, text), "2001:db8:6::/48");
	cr_expect_str_eq(ip_prefix_text(&accept.answer.routes[2].prefix, text), "2001:db8:7::/56");
	cr_expect_str_eq(ip_prefix_text(&accept.answer.routes[3].prefix, text), "2001:db8:9::/48");
	cr_expect_eq(accept.answer.routes[3].metric, 7);

	cr_assert(read_accept("8:0a000007"));
	cr_expect_eq(ipv6->pool, 0);
	cr_expect_eq(ipv6->delegated_pool, -1);
	cr_expect_str_eq(ip_addr_text(&ipv6->dns[0], text), "2001:db8::99");
	cr_assert(read_accept("26:00000009010f\"ip:vrf-id=red\" 8:0a020007"));
	cr_expect_eq(ipv6->pool, -1, "a pool of another VRF is nobody's there");
	cr_assert(read_accept("26:00000009010f\"ip:vrf-id=red\" 8:0a020007 100:\"red6\""));
	cr_expect_eq(ipv6->pool, 3);
}

Test(aaa_radius_accept, ipv6_that_cannot_be_given_is_refused)
{
	static const struct {
		const char *attributes, *refusal;
	} rows[] = {
		{"100:\"none\"", "Framed-IPv6-Pool none is not in prefix-pools"},
		{"100:\"dp\"", "Framed-IPv6-Pool dp has prefixes of length 56"},
		{"171:\"ap\"", "Delegated-IPv6-Prefix-Pool ap has prefixes of length 128"},
		{"172:\"six\"", "Stateful-IPv6-Address-Pool six has prefixes of length 64"},
		{"100:\"red6\"", "Framed-IPv6-Pool red6 is not in VRF default"},
		{"97:0040fe80000000000000",
			"Framed-IPv6-Prefix fe80::/64, expected a network of unicast addresses"},
		{"123:002820010db8010203",
			"Delegated-IPv6-Prefix 2001:db8:102:300::/40, expected a "
			"network of unicast addresses"},
		{"97:004020010db800010007 123:004020010db800010007",
			"Framed-IPv6-Prefix 2001:db8:1:7::/64 and Delegated-IPv6-Prefix "
			"2001:db8:1:7::/64, expected networks apart"},
		{"123:003820010db8000100 97:004020010db800010007",
			"Framed-IPv6-Prefix 2001:db8:1:7::/64 and Delegated-IPv6-Prefix "
			"2001:db8:1::/56, expected networks apart"},
		{"97:00400000000000000000",
			"Framed-IPv6-Prefix ::/64, expected a network of unicast addresses"},
		{"168:00000000000000000000000000000000",
			"Framed-IPv6-Address ::/128, expected a unicast address"},
		{"168:00000000000000000000000000000001",
			"Framed-IPv6-Address ::1/128, expected a unicast address"},
		{"168:ff020000000000000000000000000001",
			"Framed-IPv6-Address ff02::1/128, expected a unicast address"},
		{"168:fe800000000000000000000000000001",
			"Framed-IPv6-Address fe80::1/128, expected a unicast address"},
		{"99:\"2001:db8::1/48\"",
			"Framed-IPv6-Route 2001:db8::1/48, expected a network of "
			"unicast addresses"},
		{"99:\"2001:db8::\"", "Framed-IPv6-Route, expected network/length gateway metric"},
		{"99:\"2001:db8::/129\"",
			"Framed-IPv6-Route, expected network/length gateway metric"},
		{"99:\"192.0.2.0/24\"",
			"Framed-IPv6-Route, expected network/length gateway metric"},
		{"99:\"2001:db8::/32 :: x\"",
			"Framed-IPv6-Route, expected network/length gateway metric"},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cr_expect_not(read_accept(rows[i].attributes), "row %u", i);
		cr_expect_str_eq(strchr(accept.answer.refusal, ':') + 2, rows[i].refusal,
			"row %u: %s", i, accept.answer.refusal);
	}
}

/* 1 user; 2 accept; 3 VRF (-1: refused); 4 pool; 5 of prefixes; 6 up-rate */
Test(aaa_radius_accept, vrf_truth_table)
{
	enum { MAIN, RED_POOL, BIZ_POOL };
	enum { SIX, DP, AP, RED6, BIZ6, BIZD };
	static const struct {
		const char *user, *attributes;
		int vrf, pool, pool6, delegated_pool;
		uint64_t up_rate;
	} rows[] = {
		{"a@isp.example", "", 0, MAIN, SIX, -1, 0},
		/* the realm, in any case, behind the last '@' and nowhere else */
		{"a@biz.example", "", 2, BIZ_POOL, BIZ6, BIZD, 0},
		{"a@BIZ.EXAMPLE", "", 2, BIZ_POOL, BIZ6, BIZD, 0},
		{"a@isp.example@second.example", "", 2, BIZ_POOL, BIZ6, BIZD, 0},
		{"a@biz.example@isp.example", "", 0, MAIN, SIX, -1, 0},
		{"a@not-biz.example", "", 0, MAIN, SIX, -1, 0},
		{"biz.example", "", 0, MAIN, SIX, -1, 0},
		{"a@", "", 0, MAIN, SIX, -1, 0},
		{"", "", 0, MAIN, SIX, -1, 0},
		/* RADIUS knows better: its VRF, its pool's */
		{"a@biz.example", "88:\"main\"", 0, MAIN, SIX, -1, 0},
		{"a@biz.example", "88:\"red-pool\"", 1, RED_POOL, -1, -1, 0},
		{"a@biz.example", "26:00000009010f\"ip:vrf-id=red\" 88:\"red-pool\"", 1, RED_POOL,
			-1, -1, 0},
		{"a@isp.example", "26:00000009010f\"ip:vrf-id=biz\"", 2, BIZ_POOL, BIZ6, BIZD, 0},
		{"a@biz.example", "26:000000090113\"ip:vrf-id=default\"", 0, MAIN, SIX, -1, 0},
		/* Filter-Id */
		{"a@isp.example", "11:\"to-biz\"", 2, BIZ_POOL, BIZ6, BIZD, 0},
		{"a@isp.example", "11:\"biz-gold\"", 2, BIZ_POOL, BIZ6, BIZD, 7000000},
		{"a@isp.example", "11:\"to-biz\" 11:\"silver\"", 2, BIZ_POOL, BIZ6, BIZD, 1000000},
		{"a@isp.example", "11:\"to-biz\" 26:00000009010f\"ip:vrf-id=biz\"", 2, BIZ_POOL,
			BIZ6, BIZD, 0},
		{"a@isp.example", "11:\"to-biz\" 26:00000009010f\"ip:vrf-id=red\"", -1, 0, 0, 0, 0},
		{"a@isp.example", "11:\"to-biz\" 88:\"main\"", -1, 0, 0, 0, 0},
		{"a@isp.example", "11:\"to-biz\" 100:\"six\"", -1, 0, 0, 0, 0},
		{"a@biz.example", "100:\"six\"", -1, 0, 0, 0, 0},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool ok;

		user = rows[i].user;
		ok = read_accept(rows[i].attributes);
		cr_assert_eq(ok, rows[i].vrf >= 0, "row %u: %s", i, accept.refusal);
		if (!ok)
			continue;
		cr_expect_eq(accept.answer.vrf, (unsigned int)rows[i].vrf, "row %u", i);
		cr_expect_eq(accept.answer.pool, rows[i].pool, "row %u", i);
		cr_expect_eq(accept.answer.ipv6.pool, rows[i].pool6, "row %u", i);
		cr_expect_eq(
			accept.answer.ipv6.delegated_pool, rows[i].delegated_pool, "row %u", i);
		cr_expect_eq(accept.answer.extra->up_rate, rows[i].up_rate, "row %u", i);
	}
	user = "alice@isp.example";
}

Test(aaa_radius_accept, a_vrf_comes_with_its_pool)
{
	cr_assert(read_accept("88:\"red-pool\""));
	cr_assert_eq(accept.answer.vrf, 1);
	cr_assert(read_accept("26:00000009010f\"ip:vrf-id=red\" 88:\"red-pool\""));
	cr_assert_eq(accept.answer.vrf, 1);
	cr_assert(read_accept("26:00000009010f\"ip:vrf-id=red\" 8:0a020007"));
	cr_assert_eq(accept.answer.vrf, 1);
	cr_assert_eq(accept.answer.pool, -1);
}

Test(aaa_radius_accept, mschapv2_needs_its_success)
{
#define DIGITS "\"0123456789ABCDEF0123456789abcdef01234567\""
	cr_assert(read_as(AAA_MSCHAP_V2, "26:000001371a2d07\"S=\"" DIGITS), "%s",
		accept.answer.refusal);
	cr_assert(accept.answer.has_authenticator);
	cr_assert_str_eq(accept.answer.authenticator, "S=0123456789ABCDEF0123456789abcdef01234567");
	cr_assert(read_as(AAA_MSCHAP_V2, "26:000001371a3107\"S=\"" DIGITS "\" M=x\""));
	cr_assert_not(read_as(AAA_MSCHAP_V2, ""));
	cr_assert_not_null(strstr(accept.answer.refusal, "MS-CHAP2-Success is missing"));
	cr_assert_not(read_as(AAA_MSCHAP_V2, "26:000001371a2d08\"S=\"" DIGITS));
	cr_assert_not_null(strstr(accept.answer.refusal, "identifier 8, not 7"));
	cr_assert_not(read_as(AAA_MSCHAP_V2, "26:000001371a0507\"S=\""));
	cr_assert_not_null(strstr(accept.answer.refusal, "MS-CHAP2-Success of 3 bytes"));
	cr_assert_not(read_as(
		AAA_MSCHAP_V2, "26:000001371a2c07\"S=0123456789ABCDEF0123456789abcdef0123456\""));
	cr_assert_not(read_as(
		AAA_MSCHAP_V2, "26:000001371a2d07\"S=0123456789ABCDEF0123456789abcdef0123456x\""));
}

Test(aaa_radius_accept, what_is_not_known_is_ignored_and_counted)
{
	cr_assert(read_accept("200:\"x\" 26:0000ffff01 26:000001370103\"x\" 66:\"10.0.0.1\" "
			      "26:000000090107\"a=b\"\"cd\""));
	cr_assert_eq(counters[AAA_RADIUS_UNKNOWN_ATTRIBUTES], 3);
	cr_assert_eq(counters[AAA_RADIUS_UNUSED_ATTRIBUTES], 2);
}

Test(aaa_radius_accept, the_message_is_printable_and_bounded)
{
	char many[600] = "";

	for (unsigned int i = 0; i < 3; i++)
		strcat(many,
			" 18:07\"line\"0a\" "
			"0123456789-0123456789-0123456789-0123456789-0123456789\"");
	cr_assert(read_accept(many));
	cr_assert_eq(strlen(accept.answer.message), AAA_MESSAGE_MAX - 1);
	cr_assert_eq(strncmp(accept.answer.message, "line 0123", 9), 0);
}

Test(aaa_radius_accept, route_text_truth_table)
{
	static const struct {
		const char *text;
		bool ok;
		uint8_t length;
		uint32_t metric;
	} rows[] = {
		{"198.18.7.0/29 0.0.0.0 5", true, 29, 5},
		{"198.18.7.0/29 0.0.0.0 5 6 7", true, 29, 5},
		{"  198.18.7.0/29   10.0.0.1", true, 29, 0},
		{"198.18.7.1/32", true, 32, 0},
		{"10.0.0.0", true, 8, 0},
		{"172.16.0.0", true, 16, 0},
		{"192.0.2.0 0.0.0.0 1", true, 24, 1},
		{"10.0.0.1", false, 0, 0},
		{"10.0.0.0/0", false, 0, 0},
		{"10.0.0.0/33", false, 0, 0},
		{"10.0.0.0/", false, 0, 0},
		{"10.0.0.0/8x", false, 0, 0},
		{"10.0.0.0/8 gateway", false, 0, 0},
		{"10.0.0.0/8 0.0.0.0 -1", false, 0, 0},
		{"10.0.0.0/8 0.0.0.0 4294967296", false, 0, 0},
		{"", false, 0, 0},
		{"2001:db8::/32", false, 0, 0},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config_route route;
		struct ip_addr gateway;

		cr_assert_eq(aaa_route_parse((const uint8_t *)rows[i].text, strlen(rows[i].text),
				     &route, &gateway),
			rows[i].ok, "row %u: %s", i, rows[i].text);
		if (!rows[i].ok)
			continue;
		cr_assert_eq(route.prefix.length, rows[i].length, "row %u", i);
		cr_assert_eq(route.metric, rows[i].metric, "row %u", i);
	}
}
