/* SPDX-License-Identifier: BSD-3-Clause */
/* Which CoA- and Disconnect-Requests are heard, and what is answered. */
#include "aaa_radius.h"
#include "config_minimal.h"
#include "radius_heard.h"
#include "radius_server.h"

#include <crypto/digest.h>

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#define WALL 1700000000u

static const char yaml[] = MINIMAL_LNS
	"policies: [{name: gold, up-rate: 5M, down-rate: 50M}]\n"
	"prefix-pools: [{name: lan, prefixes: ['2001:db8:1000::/48']}, {name: cpe, length: 56, "
	"prefixes: ['2001:db8:1100::/40']}]\n"
	"radius: {coa-window: 300s}\n"
	"radius-clients:\n"
	"  - {name: portal, sources: [192.0.2.0/28], secret: one}\n"
	"  - {name: strict, sources: [192.0.2.32/28], secret: two, require-message-authenticator: "
	"true}\n";

static struct config *config;
static struct radius_server_cache *server;
static unsigned int handled;
static enum radius_error_cause outcome;

static enum radius_error_cause on_request(void *user, const struct radius_packet *request)
{
	handled++;
	return outcome;
}

static void setup(void)
{
	struct config_errors errors = {0};
	int rc = config_parse("test.yaml", yaml, sizeof(yaml) - 1, &config, &errors);

	cr_assert_eq(rc, 0, "%s", errors.n ? errors.text[0] : "");
	config_errors_free(&errors);
	cr_assert_eq(digest_init(), 0);
	server = radius_server_create(on_request, NULL);
}

static void teardown(void)
{
	radius_server_destroy(server);
	config_free(config);
	digest_fini();
}

TestSuite(radius_server, .init = setup, .fini = teardown);

/* A request and how it is spoilt. */
struct made {
	uint8_t code, id;
	const char *secret;
	bool message_authenticator;
	bool no_stamp;
	uint32_t stamp;
	uint8_t host; /* last byte of the source */
};

static uint8_t request[256], reply[RADIUS_PACKET_MAX];
static size_t request_length;

static void request_make(const struct made *made)
{
	struct radius_writer writer;

	radius_writer_init(&writer, request, sizeof(request), made->code, made->id, NULL);
	if (made->message_authenticator)
		radius_add_message_authenticator(&writer);
	radius_add_text(&writer, RADIUS_USER_NAME, "alice");
	radius_add_text(&writer, RADIUS_PROXY_STATE, "p1");
	if (!made->no_stamp)
		radius_add_u32(&writer, RADIUS_EVENT_TIMESTAMP, made->stamp);
	radius_add_text(&writer, RADIUS_PROXY_STATE, "p2");
	request_length = radius_request_sign(&writer,
		(struct radius_secret){(const uint8_t *)made->secret, strlen(made->secret)});
}

static size_t receive_at(uint64_t wall, uint8_t host, uint16_t port)
{
	const struct radius_endpoint source = {4, {192, 0, 2, host}, port};

	return radius_server_receive(server, config, wall, &source, request, request_length, reply);
}

static size_t receive(uint8_t host)
{
	return receive_at(WALL, host, 40000);
}

Test(radius_server, request_truth_table)
{
	static const struct {
		struct made made;
		enum radius_error_cause outcome;
		uint8_t code; /* of the answer; 0 = none */
		uint32_t cause;
		enum radius_server_counter counter;
	} rows[] = {
		{{43, 1, "one", false, false, WALL, 2}, 0, 44, 0, RADIUS_SERVER_ACK},
		{{40, 2, "one", true, false, WALL, 2}, 0, 41, 0, RADIUS_SERVER_ACK},
		{{43, 3, "one", true, false, WALL, 2}, 503, 45, 503, RADIUS_SERVER_NAK},
		{{40, 4, "one", true, false, WALL, 2}, 508, 42, 508, RADIUS_SERVER_NAK},
		{{43, 5, "two", true, false, WALL, 2}, 0, 0, 0, RADIUS_SERVER_AUTHENTICATOR},
		{{43, 6, "one", true, false, WALL, 200}, 0, 0, 0, RADIUS_SERVER_CLIENT},
		{{43, 7, "two", true, false, WALL, 33}, 0, 44, 0, RADIUS_SERVER_ACK},
		{{43, 8, "two", false, false, WALL, 33}, 0, 0, 0,
			RADIUS_SERVER_NO_MESSAGE_AUTHENTICATOR},
		{{43, 9, "one", true, true, 0, 2}, 0, 45, 402, RADIUS_SERVER_NAK},
		{{43, 10, "one", true, false, WALL - 301, 2}, 0, 0, 0, RADIUS_SERVER_WINDOW},
		{{43, 11, "one", true, false, WALL + 301, 2}, 0, 0, 0, RADIUS_SERVER_WINDOW},
		{{43, 12, "one", true, false, WALL - 300, 2}, 0, 44, 0, RADIUS_SERVER_ACK},
		{{43, 13, "one", true, false, WALL + 300, 2}, 0, 44, 0, RADIUS_SERVER_ACK},
		{{4, 14, "one", true, false, WALL, 2}, 0, 0, 0, RADIUS_SERVER_CODE},
		{{1, 15, "one", true, false, WALL, 2}, 0, 0, 0, RADIUS_SERVER_CODE},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint64_t before = radius_server_counters(server)[rows[i].counter];
		const struct radius_secret secret = {(const uint8_t *)rows[i].made.secret, 3};
		struct radius_attribute attribute;
		struct radius_packet packet;
		const uint8_t *at;
		size_t length;
		uint32_t cause = 0;

		outcome = rows[i].outcome;
		request_make(&rows[i].made);
		length = receive(rows[i].made.host);
		cr_assert_eq(
			radius_server_counters(server)[rows[i].counter], before + 1, "row %u", i);
		cr_assert_eq(length != 0, rows[i].code != 0, "row %u", i);
		if (!length)
			continue;
		cr_assert_eq(radius_packet_parse(&packet, reply, length), RADIUS_WIRE_OK);
		cr_assert_eq(packet.code, rows[i].code, "row %u: %u", i, packet.code);
		cr_assert_eq(packet.id, rows[i].made.id);
		cr_assert(radius_reply_check(&packet, request + 4, secret));
		cr_assert_eq(
			radius_message_check(&packet, request + 4, secret), RADIUS_SIGNATURE_RIGHT);
		if (radius_find(&packet, RADIUS_ERROR_CAUSE, &attribute))
			radius_get_u32(&attribute, &cause);
		cr_assert_eq(cause, rows[i].cause, "row %u: %u", i, cause);
		/* Proxy-States come back in their order */
		at = packet.attributes;
		for (char n = '1'; n <= '2';) {
			cr_assert(radius_next(&at, packet.end, &attribute));
			if (attribute.type == RADIUS_PROXY_STATE)
				cr_assert_eq(attribute.value[1], n++);
		}
	}
}

Test(radius_server, the_same_request_again_is_answered_but_not_done_again)
{
	struct made made = {40, 7, "one", true, false, WALL, 2};
	uint8_t first[256];
	size_t length;

	outcome = RADIUS_ERROR_NONE;
	request_make(&made);
	length = receive(2);
	memcpy(first, reply, length);
	for (unsigned int i = 0; i < 3; i++) {
		outcome = RADIUS_ERROR_SESSION_NOT_FOUND;
		cr_assert_eq(receive(2), length);
		cr_assert_arr_eq(reply, first, length);
	}
	cr_assert_eq(handled, 1);
	cr_assert_eq(radius_server_counters(server)[RADIUS_SERVER_DUPLICATE], 3);
	/* another one with the same id is another one */
	made.stamp++;
	request_make(&made);
	cr_assert_gt(receive(2), 0);
	cr_assert_eq(handled, 2);
}

Test(radius_server, a_recorded_request_is_not_done_again_from_anywhere_while_it_is_valid)
{
	struct made made = {40, 7, "one", true, false, WALL + 300, 2};
	uint64_t last = WALL + 600;

	outcome = RADIUS_ERROR_NONE;
	request_make(&made);
	cr_assert_gt(receive(2), 0);
	cr_assert_eq(handled, 1);
	/* other ports, another host of the client, until its stamp is too old */
	for (uint64_t wall = WALL; wall <= last; wall += 50) {
		cr_assert_gt(receive_at(wall, 2, 40001), 0);
		cr_assert_gt(receive_at(wall, 3, 3799), 0);
	}
	cr_assert_eq(handled, 1);
	cr_assert_eq(receive_at(last + 1, 2, 40000), 0);
	cr_assert_eq(radius_server_counters(server)[RADIUS_SERVER_WINDOW], 1);
	cr_assert_eq(handled, 1);
}

Test(radius_server, what_had_to_be_forgotten_is_not_heard_again)
{
	struct made made = {40, 0, "one", false, false, WALL, 2};
	struct made other = {40, 0, "two", true, false, WALL, 33};
	uint64_t answered = 0;

	/* stamps of the last 200 s, oldest first */
	for (unsigned int i = 0; i < RADIUS_HEARD_MAX + 1000; i++) {
		made.id = (uint8_t)i;
		made.stamp = WALL - 200 + i / 200;
		request_make(&made);
		answered += receive(2) != 0;
	}
	cr_assert_eq(answered, RADIUS_HEARD_MAX + 1000);
	cr_assert_eq(handled, answered);
	/* forgotten (i < 1000), remembered, new */
	made.id = 1;
	made.stamp = WALL - 200;
	request_make(&made);
	cr_assert_eq(receive(2), 0);
	cr_assert_eq(radius_server_counters(server)[RADIUS_SERVER_WINDOW], 1);
	made.id = (uint8_t)(RADIUS_HEARD_MAX + 999);
	made.stamp = WALL - 200 + (RADIUS_HEARD_MAX + 999) / 200;
	request_make(&made);
	cr_assert_gt(receive(2), 0);
	cr_assert_eq(handled, answered);
	made.stamp++;
	request_make(&made);
	cr_assert_gt(receive(2), 0);
	cr_assert_eq(handled, answered + 1);
	/* another client has its own memory */
	other.stamp = WALL - 300;
	request_make(&other);
	cr_assert_gt(receive(33), 0);
	cr_assert_eq(handled, answered + 2);
}

Test(radius_server, without_a_window_resends_are_known_for_a_while)
{
	struct made made = {40, 7, "one", true, true, 0, 2};

	config->radius.coa_window = 0;
	request_make(&made);
	for (unsigned int i = 0; i <= 30; i += 10)
		cr_assert_gt(receive_at(WALL + i, 2, 40000), 0);
	cr_assert_eq(handled, 1);
	cr_assert_gt(receive_at(WALL + 31, 2, 40000), 0);
	cr_assert_eq(handled, 2);
}

/* A request of which only the answer's length counts. */
static size_t proxied(unsigned int proxies, unsigned int last)
{
	const struct radius_endpoint source = {4, {192, 0, 2, 2}, 40000};
	static uint8_t bytes[RADIUS_PACKET_MAX], state[RADIUS_VALUE_MAX];
	struct radius_writer writer;
	size_t length;

	radius_writer_init(&writer, bytes, sizeof(bytes), RADIUS_DISCONNECT_REQUEST, 1, NULL);
	radius_add_u32(&writer, RADIUS_EVENT_TIMESTAMP, WALL);
	for (unsigned int i = 0; i < proxies; i++)
		radius_add(&writer, RADIUS_PROXY_STATE, state, sizeof(state));
	radius_add(&writer, RADIUS_PROXY_STATE, state, last);
	length = radius_request_sign(&writer, (struct radius_secret){(const uint8_t *)"one", 3});
	cr_assert_gt(length, 0);
	return radius_server_receive(server, config, WALL, &source, bytes, length, reply);
}

Test(radius_server, nothing_is_done_that_cannot_be_answered)
{
	/* 20 of the header, 18 and 6 of ours, 15 x 255, and the last */
	const unsigned int last = RADIUS_PACKET_MAX - 20 - 18 - 6 - 15 * 255 - 2;

	outcome = RADIUS_ERROR_SESSION_NOT_FOUND;
	cr_assert_eq(proxied(15, last), RADIUS_PACKET_MAX);
	cr_assert_eq(handled, 1);
	cr_assert_eq(proxied(15, last), RADIUS_PACKET_MAX);
	cr_assert_eq(handled, 1);
	cr_assert_eq(proxied(15, last + 1), 0);
	cr_assert_eq(handled, 1);
	cr_assert_eq(radius_server_counters(server)[RADIUS_SERVER_ANSWER], 1);
}

Test(radius_server, a_byte_that_changed_is_noticed)
{
	struct made made = {43, 1, "one", true, false, WALL, 2};

	request_make(&made);
	for (size_t i = 0; i < request_length; i++) {
		request[i] ^= 0x11;
		cr_assert_eq(receive(2), 0, "byte %zu", i);
		request[i] ^= 0x11;
	}
	cr_assert_eq(handled, 0);
	for (request_length--; request_length; request_length--)
		cr_assert_eq(receive(2), 0);
}

Test(radius_server, change_truth_table)
{
	static const struct {
		const char *attributes; /* hexadecimal */
		enum radius_error_cause cause;
		uint64_t up;
		uint32_t session_timeout;
	} rows[] = {
		{"", RADIUS_ERROR_MISSING_ATTRIBUTE, 0, 0},
		{"0106616c6963", RADIUS_ERROR_MISSING_ATTRIBUTE, 0, 0},
		{"0b06676f6c64", RADIUS_ERROR_NONE, 5000000, 0},
		{"0b0678787878", RADIUS_ERROR_INVALID_VALUE, 0, 0},
		{"1b0600000e10", RADIUS_ERROR_NONE, 0, 3600},
		{"1b050e1000", RADIUS_ERROR_INVALID_VALUE, 0, 0},
		{"0b06676f6c641b0600000e10", RADIUS_ERROR_NONE, 5000000, 3600},
		{"0b06676f6c641b0600000e101b0600000e11", RADIUS_ERROR_INVALID_VALUE, 0, 0},
		{"1a0c0000372a0706001e8480", RADIUS_ERROR_NONE, 2000000, 0},
		{"1a0800000137011c", RADIUS_ERROR_INVALID_VALUE, 0, 0},
		{"1a0c000001371c0609090909", RADIUS_ERROR_UNSUPPORTED_ATTRIBUTE, 0, 0},
		{"0b06676f6c64c8037a", RADIUS_ERROR_UNSUPPORTED_ATTRIBUTE, 0, 0},
		{"1606302e302f", RADIUS_ERROR_INVALID_VALUE, 0, 0},
		/* what names a session is no change (RFC 5176, 3) */
		{"610c004020010db800010000", RADIUS_ERROR_MISSING_ATTRIBUTE, 0, 0},
		{"600a0000000000000001", RADIUS_ERROR_MISSING_ATTRIBUTE, 0, 0},
		/* Delegated-IPv6-Prefix: 56 bits; 40; with host bits; cut; two */
		{"7b0b003820010db8010200", RADIUS_ERROR_NONE, 0, 0},
		{"7b09002820010db801", RADIUS_ERROR_INVALID_VALUE, 0, 0},
		{"7b0c003820010db801020304", RADIUS_ERROR_INVALID_VALUE, 0, 0},
		{"7b08003820010db8", RADIUS_ERROR_INVALID_VALUE, 0, 0},
		{"7b0b003820010db80102007b0b003820010db8010300", RADIUS_ERROR_INVALID_VALUE, 0, 0},
		/* DNS-Server-IPv6-Address; a pool that is; one that is not, and one of another length */
		{"a91220010db8000000000000000000000053", RADIUS_ERROR_NONE, 0, 0},
		{"a90a20010db800000000", RADIUS_ERROR_INVALID_VALUE, 0, 0},
		{"64056c616e", RADIUS_ERROR_NONE, 0, 0},
		{"64056c616f", RADIUS_ERROR_INVALID_VALUE, 0, 0},
		{"64056370650b06676f6c64", RADIUS_ERROR_INVALID_VALUE, 0, 0},
		{"ab05637065", RADIUS_ERROR_NONE, 0, 0},
		{"ab056370657b0b003820010db8010200", RADIUS_ERROR_INVALID_VALUE, 0, 0},
		/* the link's prefix inside the delegated one; beside it */
		{"1a2100000009011b697076363a7072656669783d323030313a6462383a3a2f36347b0b003820010db"
		 "8"
		 "000000",
			RADIUS_ERROR_INVALID_VALUE, 0, 0},
		{"1a2100000009011b697076363a7072656669783d323030313a6462383a3a2f36347b0b003820010db"
		 "8"
		 "000001",
			RADIUS_ERROR_NONE, 0, 0},
		/* ipv6:prefix=2001:db8::/64; with #1 and more behind; of 56 bits; beside a pool */
		{"1a2100000009011b697076363a7072656669783d323030313a6462383a3a2f3634",
			RADIUS_ERROR_NONE, 0, 0},
		{"1a27000000090121697076363a70726566697823313d323030313a6462383a3a2f363420302030",
			RADIUS_ERROR_NONE, 0, 0},
		{"1a2100000009011b697076363a7072656669783d323030313a6462383a3a2f3536",
			RADIUS_ERROR_INVALID_VALUE, 0, 0},
		{"1a2100000009011b697076363a7072656669783d323030313a6462383a3a2f363464056c616e",
			RADIUS_ERROR_INVALID_VALUE, 0, 0},
	};

	static const struct ip_addr own = {.family = 4, .bytes = {100, 64, 0, 9}};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t bytes[128] = {43};
		size_t length = RADIUS_HEADER;
		struct radius_packet packet;
		struct aaa_change change;
		unsigned int byte;

		for (const char *at = rows[i].attributes; sscanf(at, "%2x", &byte) == 1; at += 2)
			bytes[length++] = (uint8_t)byte;
		bytes[3] = (uint8_t)length;
		cr_assert_eq(radius_packet_parse(&packet, bytes, length), RADIUS_WIRE_OK);
		cr_assert_eq(aaa_radius_change(&change, config, 0, &own, &packet), rows[i].cause,
			"row %u: %s", i, change.refusal);
		if (rows[i].cause) {
			cr_assert(*change.refusal, "row %u: no reason", i);
			continue;
		}
		cr_assert_eq(change.up_rate, rows[i].up, "row %u", i);
		cr_assert_eq(change.session_timeout, rows[i].session_timeout, "row %u", i);
	}
}

Test(radius_server, change_of_routes_truth_table)
{
	static const struct ip_addr own = {.family = 4, .bytes = {100, 64, 0, 9}};
	static const struct {
		const char *routes[3]; /* a colon makes it a Framed-IPv6-Route */
		enum radius_error_cause cause;
		unsigned int n;
		bool four, six;
	} rows[] = {
		{{"198.18.7.0/29 0.0.0.0 5"}, RADIUS_ERROR_NONE, 1, true, false},
		{{"198.18.7.0/29 100.64.0.9 5", "198.18.8.0/24"}, RADIUS_ERROR_NONE, 2, true,
			false},
		{{"198.18.7.0/29 100.64.0.8"}, RADIUS_ERROR_INVALID_VALUE, 0, false, false},
		{{"198.18.7.1/29"}, RADIUS_ERROR_INVALID_VALUE, 0, false, false},
		{{"2001:db8:7::/48 :: 1"}, RADIUS_ERROR_NONE, 1, false, true},
		{{"2001:db8:7::1/48"}, RADIUS_ERROR_INVALID_VALUE, 0, false, false},
		{{"198.18.7.0/29", "2001:db8:7::/48"}, RADIUS_ERROR_NONE, 2, true, true},
		{{"none"}, RADIUS_ERROR_NONE, 0, true, false},
		{{"none "}, RADIUS_ERROR_INVALID_VALUE, 0, false, false},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t bytes[256];
		struct radius_packet packet;
		struct radius_writer writer;
		struct aaa_change change;
		size_t length;

		radius_writer_init(&writer, bytes, sizeof(bytes), RADIUS_COA_REQUEST, 1, NULL);
		for (unsigned int k = 0; k < 3 && rows[i].routes[k]; k++)
			radius_add_text(&writer,
				strchr(rows[i].routes[k], ':') ? RADIUS_FRAMED_IPV6_ROUTE
							       : RADIUS_FRAMED_ROUTE,
				rows[i].routes[k]);
		length = (size_t)(writer.at - bytes);
		bytes[2] = (uint8_t)(length >> 8);
		bytes[3] = (uint8_t)length;
		cr_assert_eq(radius_packet_parse(&packet, bytes, length), RADIUS_WIRE_OK);
		cr_assert_eq(aaa_radius_change(&change, config, 0, &own, &packet), rows[i].cause,
			"row %u: %s", i, change.refusal);
		if (rows[i].cause)
			continue;
		cr_assert_eq(change.n_routes, rows[i].n, "row %u", i);
		cr_assert_eq(change.has_routes4, rows[i].four, "row %u", i);
		cr_assert_eq(change.has_routes6, rows[i].six, "row %u", i);
	}
}
