/* SPDX-License-Identifier: BSD-3-Clause */
/* What RADIUS servers are told of a session, byte for byte; and of its credentials, on the wire. */
#include "aaa_radius.h"
#include "config_minimal.h"
#include "radius_session.h"

#include <crypto/digest.h>

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TEXT(literal)                                           \
	{                                                       \
		(const uint8_t *)(literal), sizeof(literal) - 1 \
	}

static struct config *config_of(const char *radius)
{
	static const char head[] = MINIMAL_LNS
		"pools: [{name: pool, ranges: [10.0.0.0/24]}]\n"
		"subscribers: {pool: pool, local-address: 10.255.0.1}\n";
	struct config_errors errors = {0};
	struct config *config;
	char text[2048];
	int n = snprintf(text, sizeof(text), "%s%s", head, radius);
	int rc = config_parse("test.yaml", text, (size_t)n, &config, &errors);

	cr_assert_eq(rc, 0, "%s", errors.n ? errors.text[0] : "");
	config_errors_free(&errors);
	return config;
}

static const struct radius_session full = {
	.id = "0123456789ABCDEF",
	.user = TEXT("alice@isp"),
	.tunnel_id = 0x1234,
	.session_id = 0x0007,
	.lac_tunnel_id = 99,
	.lac_name = "lac1",
	.lns_name = "lns",
	.lac_address = "192.0.2.9",
	.lns_address = "192.0.2.1",
	.calling = TEXT("0301234"),
	.called = TEXT("0800"),
	.circuit_id = TEXT("olt 1/1/3"),
	.remote_id = TEXT("line-42"),
	.has_port = true,
	.port = 77,
	.serial = 5001,
	.tx_speed = 100000000,
	.rx_speed = 40000000,
	.mtu = 1460,
};

/* An attribute of what was written: type, and its value as text, or as number. */
struct expected {
	uint8_t type;
	const char *bytes;
	size_t length; /* 0: the text's */
};

static void attributes_are(const struct config *config, const struct radius_session *session,
	const struct expected *expected)
{
	uint8_t buffer[RADIUS_PACKET_MAX];
	struct radius_writer writer;
	struct radius_attribute attribute;
	const uint8_t *at = buffer + RADIUS_HEADER;

	radius_writer_init(&writer, buffer, sizeof(buffer), RADIUS_ACCESS_REQUEST, 0, NULL);
	radius_session_write(&writer, config, session);
	cr_assert_not(writer.failed);
	for (; expected->type; expected++) {
		size_t length = expected->length ? expected->length : strlen(expected->bytes);

		cr_assert(radius_next(&at, writer.at, &attribute));
		cr_assert_eq(attribute.type, expected->type, "%u, expected %u", attribute.type,
			expected->type);
		cr_assert_eq(attribute.length, length, "type %u: length %u", attribute.type,
			attribute.length);
		cr_assert_arr_eq(
			attribute.value, expected->bytes, length, "type %u", attribute.type);
	}
	cr_assert_eq(at, writer.at, "more than expected");
}

Test(radius_session, every_attribute_is_as_its_rfc_has_it)
{
	static const struct expected expected[] = {
		{1, "alice@isp", 0},
		{32, "nas.example", 0},
		{4, "\xc6\x33\x64\x01", 4},
		{5, "\x12\x34\x00\x07", 4},
		{87, "lac1/4660/7/77/olt 1/1/3/line-42", 0},
		{61, "\0\0\0\5", 4},
		{6, "\0\0\0\2", 4},
		{7, "\0\0\0\1", 4},
		{12, "\0\0\x05\xb4", 4},
		{31, "0301234", 0},
		{30, "0800", 0},
		{77, "100000000/40000000", 0},
		{44, "0123456789ABCDEF", 0},
		{64, "\0\0\0\3", 4},
		{65, "\0\0\0\1", 4},
		{66, "192.0.2.9", 0},
		{67, "192.0.2.1", 0},
		{82, "99", 0},
		{90, "lac1", 0},
		{91, "lns", 0},
		{68, "5001", 0},
		/* DSL Forum (3561): Agent-Circuit-Id, Agent-Remote-Id */
		{26, "\0\0\x0d\xe9\x01\x0bolt 1/1/3", 15},
		{26, "\0\0\x0d\xe9\x02\x09line-42", 13},
		{0},
	};
	struct config *config = config_of(
		"radius: {nas-identifier: nas.example, nas-address: 198.51.100.1, nas-port-id: "
		"'{lac}/{tunnel}/{session}/{port}/{circuit}/{remote}'}\n");

	attributes_are(config, &full, expected);
	config_free(config);
}

Test(radius_session, an_ipv6_nas_and_tunnel_and_what_is_not_known_is_left_out)
{
	static const struct radius_session little = {
		.id = "0123456789ABCDEF",
		.tunnel_id = 1,
		.session_id = 2,
		.lac_address = "2001:db8::9",
		.ipv6_transport = true,
		.rx_speed = 64000,
	};
	static const struct expected expected[] = {
		{32, "lns", 0},
		{95, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16},
		{5, "\0\1\0\2", 4},
		{87, "a-1-b", 0},
		{61, "\0\0\0\5", 4},
		{6, "\0\0\0\2", 4},
		{7, "\0\0\0\1", 4},
		{77, "0/64000", 0},
		{44, "0123456789ABCDEF", 0},
		{64, "\0\0\0\3", 4},
		{65, "\0\0\0\2", 4},
		{66, "2001:db8::9", 0},
		{82, "0", 0},
		{68, "0", 0},
		{0},
	};
	struct config *config = config_of("radius: {nas-address: '2001:db8::1', nas-port-id: "
					  "'a{lac}-{tunnel}-{circuit}{port}b'}\n");

	attributes_are(config, &little, expected);
	config_free(config);
}

Test(radius_session, what_is_too_long_is_cut_where_its_attribute_ends)
{
	struct config *config = config_of("radius: {nas-port-id: 'x{remote}'}\n");
	uint8_t buffer[RADIUS_PACKET_MAX];
	struct radius_session session = full;
	struct radius_vendor_attributes vendor;
	struct radius_attribute attribute;
	struct radius_packet packet;
	struct radius_writer writer;
	char port[RADIUS_VALUE_MAX];
	char text[1017];
	const uint8_t *at;
	unsigned int n = 0;

	memset(text, 'y', sizeof(text));
	session.calling = session.called = session.circuit_id = session.remote_id =
		(struct radius_bytes){(const uint8_t *)text, sizeof(text)};
	cr_assert_eq(radius_port_id(config, &session, port), RADIUS_VALUE_MAX);
	cr_assert_eq(port[0], 'x');
	cr_assert_eq(port[RADIUS_VALUE_MAX - 1], 'y');
	radius_writer_init(&writer, buffer, sizeof(buffer), RADIUS_ACCESS_REQUEST, 0, NULL);
	radius_session_write(&writer, config, &session);
	packet = (struct radius_packet){.attributes = buffer + RADIUS_HEADER, .end = writer.at};
	cr_assert(radius_find(&packet, RADIUS_CALLING_STATION_ID, &attribute));
	cr_assert_eq(attribute.length, 253);
	cr_assert(radius_find(&packet, RADIUS_CALLED_STATION_ID, &attribute));
	cr_assert_eq(attribute.length, 253);
	/* RFC 4679 3.3.1 and 3.3.2: 63 bytes */
	for (at = packet.attributes; radius_next(&at, packet.end, &attribute);) {
		if (attribute.type != RADIUS_VENDOR_SPECIFIC)
			continue;
		cr_assert_eq(radius_vendor_open(&attribute, &vendor), 0);
		cr_assert_eq(vendor.vendor, RADIUS_VENDOR_DSL_FORUM);
		cr_assert(radius_vendor_next(&vendor, &attribute));
		cr_assert_eq(attribute.type, ++n);
		cr_assert_eq(attribute.length, 63);
	}
	cr_assert_eq(n, 2);
	config_free(config);
}

/* ---- credentials ---- */

static void on_done(void *user, enum aaa_radius_verdict verdict, const struct aaa_answer *answer)
{
	cr_assert_fail("nobody has answered");
}

/* The Access-Request that a server gets for it; its length. */
static size_t asked(const struct aaa_request *request, uint8_t bytes[RADIUS_PACKET_MAX])
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct timeval limit = {.tv_sec = 2};
	struct radius_request *handle;
	struct aaa_radius *radius;
	struct timer_wheel wheel;
	struct config *config;
	socklen_t size = sizeof(own);
	uint64_t now = 1000;
	char text[256], error[256] = "";
	ssize_t length;

	cr_assert_eq(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&own, &size), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	snprintf(text, sizeof(text),
		"aaa: {order: [radius]}\n"
		"radius-servers: [{name: one, address: 127.0.0.1, auth-port: %u, acct-port: 0, "
		"secret: xyzzy5461}]\n",
		ntohs(own.sin_port));
	config = config_of(text);
	cr_assert_eq(digest_init(), 0);
	timer_wheel_init(&wheel, now);
	radius = aaa_radius_create(config, &wheel, &now, error, sizeof(error));
	cr_assert(radius, "%s", error);
	cr_assert_eq(aaa_radius_ask(radius, request, (const uint8_t *)"\x01\x05joe", 5, on_done,
			     NULL, &handle),
		0);
	length = recv(fd, bytes, RADIUS_PACKET_MAX, 0);
	cr_assert_gt(length, RADIUS_HEADER);
	aaa_radius_cancel(radius, handle);
	aaa_radius_destroy(radius);
	config_free(config);
	digest_fini();
	close(fd);
	return (size_t)length;
}

static const struct radius_secret secret = {(const uint8_t *)"xyzzy5461", 9};

/* Message-Authenticator stands first and is right, then the name; what follows is at *at. */
static void asked_parse(
	struct radius_packet *packet, const uint8_t *bytes, size_t length, const uint8_t **at)
{
	struct radius_attribute attribute;

	cr_assert_eq(radius_packet_parse(packet, bytes, length), RADIUS_WIRE_OK);
	cr_assert_eq(packet->code, RADIUS_ACCESS_REQUEST);
	cr_assert_eq(digest_init(), 0);
	cr_assert_eq(radius_message_check(packet, radius_authenticator(packet), secret),
		RADIUS_SIGNATURE_RIGHT);
	digest_fini();
	*at = packet->attributes;
	cr_assert(radius_next(at, packet->end, &attribute));
	cr_assert_eq(attribute.type, RADIUS_MESSAGE_AUTHENTICATOR);
	cr_assert(radius_next(at, packet->end, &attribute));
	cr_assert_eq(attribute.type, RADIUS_USER_NAME);
}

Test(radius_session, chap_is_told_by_chap_password_and_chap_challenge)
{
	static const uint8_t response[16] = {0xa1, 0xa2, 15, 14}, challenge[] = {9, 8, 7, 6, 5};
	static const uint8_t expected[] = {3, 19, 0x42, 0xa1, 0xa2, 15, 14, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 60, 7, 9, 8, 7, 6, 5};
	const struct aaa_request request = {
		.method = AAA_CHAP_MD5,
		.user = (const uint8_t *)"joe",
		.user_length = 3,
		.chap_id = 0x42,
		.challenge = challenge,
		.challenge_length = sizeof(challenge),
		.response = response,
		.response_length = sizeof(response),
	};
	uint8_t bytes[RADIUS_PACKET_MAX];
	struct radius_packet packet;
	const uint8_t *at;

	asked_parse(&packet, bytes, asked(&request, bytes), &at);
	cr_assert_eq(packet.end - at, (ssize_t)sizeof(expected));
	cr_assert_arr_eq(at, expected, sizeof(expected));
}

/* RFC 2548 2.3.2: ident, flags, peer challenge, reserved, NT-Response; PPP has the flags at the end. */
Test(radius_session, mschapv2_is_told_by_microsofts_challenge_and_response)
{
	uint8_t response[49], challenge[16], expected[24 + 58];
	const struct aaa_request request = {
		.method = AAA_MSCHAP_V2,
		.user = (const uint8_t *)"joe",
		.user_length = 3,
		.chap_id = 0x42,
		.challenge = challenge,
		.challenge_length = sizeof(challenge),
		.response = response,
		.response_length = sizeof(response),
	};
	uint8_t bytes[RADIUS_PACKET_MAX];
	struct radius_packet packet;
	const uint8_t *at;

	for (unsigned int i = 0; i < 49; i++)
		response[i] = (uint8_t)(100 + i);
	for (unsigned int i = 0; i < 16; i++)
		challenge[i] = (uint8_t)(200 + i);
	memcpy(expected, "\x1a\x18\0\0\x01\x37\x0b\x12", 8);
	memcpy(expected + 8, challenge, 16);
	memcpy(expected + 24, "\x1a\x3a\0\0\x01\x37\x19\x34\x42", 9);
	expected[33] = response[48];
	memcpy(expected + 34, response, 48);
	asked_parse(&packet, bytes, asked(&request, bytes), &at);
	cr_assert_eq(packet.end - at, (ssize_t)sizeof(expected));
	cr_assert_arr_eq(at, expected, sizeof(expected));
}

Test(radius_session, pap_is_told_hidden_by_the_secret)
{
	const struct aaa_request request = {
		.method = AAA_PAP,
		.user = (const uint8_t *)"joe",
		.user_length = 3,
		.password = (const uint8_t *)"seventeen letters",
		.password_length = 17,
	};
	uint8_t bytes[RADIUS_PACKET_MAX], password[RADIUS_PASSWORD_MAX];
	struct radius_attribute attribute;
	struct radius_packet packet;
	const uint8_t *at;

	asked_parse(&packet, bytes, asked(&request, bytes), &at);
	cr_assert(radius_find(&packet, RADIUS_USER_PASSWORD, &attribute));
	cr_assert_eq(attribute.length, 32);
	cr_assert_eq(digest_init(), 0);
	cr_assert_eq(radius_password_reveal(attribute.value, attribute.length,
			     radius_authenticator(&packet), secret, password),
		32);
	digest_fini();
	cr_assert_arr_eq(password, "seventeen letters\0\0\0\0", 21);
}
