/* SPDX-License-Identifier: BSD-3-Clause */
/* RADIUS packets as the RFCs print them, and as attackers send them. */
#include "radius_wire.h"

#include <crypto/digest.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct radius_secret secret = {(const uint8_t *)"xyzzy5461", 9};
static const struct radius_secret other = {(const uint8_t *)"xyzzy5462", 9};

static void setup(void)
{
	cr_assert_eq(digest_init(), 0, "%s", digest_init_error());
}

TestSuite(radius_wire, .init = setup, .fini = digest_fini);

static size_t bytes_of(const char *hex, uint8_t *out)
{
	size_t n = 0;
	unsigned int byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		out[n++] = (uint8_t)byte;
	return n;
}

static void parse(struct radius_packet *packet, const uint8_t *bytes, size_t length)
{
	cr_assert_eq(radius_packet_parse(packet, bytes, length), RADIUS_WIRE_OK);
}

#define NEMO_AUTHENTICATOR "0f403f9473978057bd83d5cb98f4227a"
#define NEMO_REQUEST                                           \
	"01000038" NEMO_AUTHENTICATOR "01066e656d6f0212"       \
	"0dbe708d93d413ce3196e43f782a0aee0406c0a8011005060000" \
	"0003"
#define NEMO_ACCEPT                                                \
	"0200002686fe220e7624ba2a1005f6bf9b55e0b20606000000010f06" \
	"000000000e06c0a80103"

Test(radius_wire, request_of_rfc2865_7_1_is_written_byte_for_byte)
{
	uint8_t expected[64], authenticator[16], buffer[RADIUS_PACKET_MAX], hidden[128];
	size_t length = bytes_of(NEMO_REQUEST, expected);
	struct radius_writer writer;
	int n;

	bytes_of(NEMO_AUTHENTICATOR, authenticator);
	radius_writer_init(
		&writer, buffer, sizeof(buffer), RADIUS_ACCESS_REQUEST, 0, authenticator);
	radius_add_text(&writer, RADIUS_USER_NAME, "nemo");
	n = radius_password_hide((const uint8_t *)"arctangent", 10, authenticator, secret, hidden);
	cr_assert_eq(n, 16);
	radius_add(&writer, RADIUS_USER_PASSWORD, hidden, (size_t)n);
	radius_add_u32(&writer, RADIUS_NAS_IP_ADDRESS, 0xc0a80110);
	radius_add_u32(&writer, RADIUS_NAS_PORT, 3);
	cr_assert_eq(radius_request_sign(&writer, secret), length);
	cr_assert_arr_eq(buffer, expected, length);
}

Test(radius_wire, replies_of_rfc2865_and_rfc5997_are_authentic)
{
	static const struct {
		const char *authenticator, *reply;
	} rows[] = {
		{NEMO_AUTHENTICATOR, NEMO_ACCEPT},
		{"2aee86f08d0d55969ca5978e0d3367a2",
			"0201003815efbc7dab26cfa3dc34d9c03c8601a4060600000002070600000001"
			"0806fffffffe0a06000000020d06000000010c06000005dc"},
		/* RFC 5997 section 6: Status-Server to the authentication and accounting port */
		{"8a54f4686fb394c52866e302185d0623", "02da0014ef0d552a4bf2d693ec2b6fe8b5411d66"},
		{"925f6b66dd5fed571fcb1db7ad388260", "05b300140f6f92145f107e2f504e860a4860669c"},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t authenticator[16], reply[64];
		size_t length = bytes_of(rows[i].reply, reply);
		struct radius_packet packet;

		bytes_of(rows[i].authenticator, authenticator);
		parse(&packet, reply, length);
		cr_assert(radius_reply_check(&packet, authenticator, secret), "row %u", i);
		cr_assert_not(radius_reply_check(&packet, authenticator, other), "row %u", i);
		for (size_t byte = 4; byte < length; byte++) {
			reply[byte] ^= 1;
			cr_assert_not(radius_reply_check(&packet, authenticator, secret),
				"row %u: byte %zu does not count", i, byte);
			reply[byte] ^= 1;
		}
		authenticator[15] ^= 0x80;
		cr_assert_not(radius_reply_check(&packet, authenticator, secret), "row %u", i);
	}
}

Test(radius_wire, status_server_of_rfc5997_is_written_byte_for_byte)
{
	static const struct {
		uint8_t id;
		const char *authenticator, *packet;
	} rows[] = {
		{0xda, "8a54f4686fb394c52866e302185d0623",
			"0cda00268a54f4686fb394c52866e302185d062350125a665e2e1e8411f3e243822097c8"
			"4fa3"},
		{0xb3, "925f6b66dd5fed571fcb1db7ad388260",
			"0cb30026925f6b66dd5fed571fcb1db7ad3882605012e8d6eabda910875cd91fdade2636"
			"7858"},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t authenticator[16], expected[64], buffer[64];
		size_t length = bytes_of(rows[i].packet, expected);
		struct radius_writer writer;
		struct radius_packet packet;

		bytes_of(rows[i].authenticator, authenticator);
		radius_writer_init(&writer, buffer, sizeof(buffer), RADIUS_STATUS_SERVER,
			rows[i].id, authenticator);
		radius_add_message_authenticator(&writer);
		cr_assert_eq(radius_request_sign(&writer, secret), length);
		cr_assert_arr_eq(buffer, expected, length);
		parse(&packet, buffer, length);
		cr_assert_eq(radius_message_check(&packet, authenticator, secret),
			RADIUS_SIGNATURE_RIGHT);
	}
}

Test(radius_wire, a_packet_is_read_only_if_its_lengths_fit)
{
	static const struct {
		const char *bytes;
		enum radius_wire_error error;
	} rows[] = {
#define H(length) "0201" length "00000000000000000000000000000000"
		{"", RADIUS_WIRE_SHORT},
		{"0201001400000000000000000000000000000000"
		 "00",
			RADIUS_WIRE_OK},
		{"02010014000000000000000000000000000000", RADIUS_WIRE_SHORT},
		{H("0013"), RADIUS_WIRE_LENGTH},
		{H("0000"), RADIUS_WIRE_LENGTH},
		{H("1001"), RADIUS_WIRE_LENGTH},
		{H("0015"), RADIUS_WIRE_SHORT},
		{H("0014") "ff", RADIUS_WIRE_OK}, /* padding */
		{H("0015") "01", RADIUS_WIRE_ATTRIBUTE},
		{H("0016") "0100", RADIUS_WIRE_ATTRIBUTE},
		{H("0016") "0101", RADIUS_WIRE_ATTRIBUTE},
		{H("0016") "0102", RADIUS_WIRE_OK},
		{H("0016") "0103ff", RADIUS_WIRE_ATTRIBUTE}, /* only in the padding */
		{H("0017") "0103ff", RADIUS_WIRE_OK},
		{H("001a") "0103ff0105ff", RADIUS_WIRE_ATTRIBUTE},
		{H("001b") "0103ff0104ffff", RADIUS_WIRE_OK},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t bytes[64];
		size_t length = bytes_of(rows[i].bytes, bytes);
		struct radius_packet packet;

		cr_assert_eq(radius_packet_parse(&packet, bytes, length), rows[i].error,
			"row %u: %d", i, radius_packet_parse(&packet, bytes, length));
	}
}

Test(radius_wire, more_attributes_than_anybody_means_are_refused)
{
	uint8_t bytes[RADIUS_PACKET_MAX] = {2, 1, 0x10, 0x00};
	struct radius_packet packet;

	for (size_t at = RADIUS_HEADER; at < sizeof(bytes); at += 2)
		bytes[at + 1] = 2;
	cr_assert_eq(radius_packet_parse(&packet, bytes, sizeof(bytes)), RADIUS_WIRE_TOO_MANY);
}

Test(radius_wire, a_vendor_attribute_whose_lengths_do_not_fit_is_refused)
{
	static const struct {
		const char *bytes;
		int rc;
		unsigned int n;
	} rows[] = {
		{"1a02", -EBADMSG, 0},
		{"1a0600000137", -EBADMSG, 0},
		{"1a070000013701", -EBADMSG, 0},
		{"1a08000001370100", -EBADMSG, 0}, /* Vendor-Length 0 */
		{"1a08000001370101", -EBADMSG, 0}, /* and 1 */
		{"1a08000001370102", 0, 1},
		{"1a08000001370103", -EBADMSG, 0},
		{"1a0901000137010301", -EBADMSG, 0}, /* vendor ids have 24 bits */
		{"1a090000013701030a", 0, 1},
		{"1a0c0000013701030a02030b", 0, 2},
		{"1a0b0000013701030a0201", -EBADMSG, 0},
		{"1a0a0000013701030aff", -EBADMSG, 0},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t bytes[64];
		size_t length = bytes_of(rows[i].bytes, bytes);
		const uint8_t *at = bytes;
		struct radius_attribute attribute, inner;
		struct radius_vendor_attributes vendor;
		unsigned int n = 0;

		cr_assert(radius_next(&at, bytes + length, &attribute), "row %u", i);
		cr_assert_eq(radius_vendor_open(&attribute, &vendor), rows[i].rc, "row %u", i);
		if (rows[i].rc)
			continue;
		cr_assert_eq(vendor.vendor, (uint32_t)RADIUS_VENDOR_MICROSOFT);
		while (radius_vendor_next(&vendor, &inner))
			n++;
		cr_assert_eq(n, rows[i].n, "row %u", i);
	}
}

Test(radius_wire, a_value_of_the_wrong_length_is_not_read)
{
	static const uint8_t bytes[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	uint32_t u32;
	uint64_t u64;
	uint8_t tag;

	for (uint8_t length = 0; length <= 9; length++) {
		const struct radius_attribute attribute = {.length = length, .value = bytes};

		cr_assert_eq(radius_get_u32(&attribute, &u32), length == 4 ? 0 : -EBADMSG);
		cr_assert_eq(radius_get_u64(&attribute, &u64), length == 8 ? 0 : -EBADMSG);
		cr_assert_eq(
			radius_get_tagged_u24(&attribute, &tag, &u32), length == 4 ? 0 : -EBADMSG);
		if (length == 4) {
			cr_assert_eq(tag, 1);
			cr_assert_eq(u32, 0x020304u);
		}
	}
	cr_assert_eq(u64, UINT64_C(0x0102030405060708));
}

Test(radius_wire, a_tag_is_a_first_byte_up_to_31)
{
	static const struct {
		const char *bytes;
		int rc;
		uint8_t tag;
		size_t length;
	} rows[] = {
		{"", -EBADMSG, 0, 0},
		{"00", 0, 0, 0},
		{"1f41", 0, 31, 1},
		{"2041", 0, 0, 2},
		{"4142", 0, 0, 2},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t bytes[8], tag = 0xff;
		const struct radius_attribute attribute = {
			.length = (uint8_t)bytes_of(rows[i].bytes, bytes), .value = bytes};
		const uint8_t *text;
		size_t length = 0;

		cr_assert_eq(radius_get_tagged_text(&attribute, &tag, &text, &length), rows[i].rc);
		if (rows[i].rc)
			continue;
		cr_assert_eq(tag, rows[i].tag, "row %u", i);
		cr_assert_eq(length, rows[i].length, "row %u", i);
	}
}

/* A reply with or without, once or twice, a Message-Authenticator of a length. */
Test(radius_wire, message_authenticator_truth_table)
{
	uint8_t authenticator[16], bytes[128];
	struct radius_packet packet;
	struct radius_writer writer;
	size_t length;

	bytes_of(NEMO_AUTHENTICATOR, authenticator);
	for (unsigned int n = 0; n < 3; n++) {
		radius_writer_init(&writer, bytes, sizeof(bytes), RADIUS_ACCESS_ACCEPT, 7, NULL);
		radius_add_u32(&writer, RADIUS_FRAMED_MTU, 1400);
		for (unsigned int i = 0; i < n; i++)
			radius_add_message_authenticator(&writer);
		radius_add_u32(&writer, RADIUS_SESSION_TIMEOUT, 60);
		length = radius_reply_sign(&writer, authenticator, secret);
		parse(&packet, bytes, length);
		cr_assert(radius_reply_check(&packet, authenticator, secret));
		cr_assert_eq(radius_message_check(&packet, authenticator, secret),
			n == 0           ? RADIUS_SIGNATURE_ABSENT
				: n == 1 ? RADIUS_SIGNATURE_RIGHT
					 : RADIUS_SIGNATURE_WRONG);
		if (n != 1)
			continue;
		cr_assert_eq(radius_message_check(&packet, authenticator, other),
			RADIUS_SIGNATURE_WRONG);
		for (size_t byte = 0; byte < length; byte++) {
			if (byte >= 2 && byte < RADIUS_HEADER)
				continue; /* Length is the parser's, the authenticator is replaced */
			bytes[byte] ^= 0x40;
			if (radius_packet_parse(&packet, bytes, length) == RADIUS_WIRE_OK)
				cr_assert_neq(radius_message_check(&packet, authenticator, secret),
					RADIUS_SIGNATURE_RIGHT, "byte %zu", byte);
			bytes[byte] ^= 0x40;
		}
	}
	radius_writer_init(&writer, bytes, sizeof(bytes), RADIUS_ACCESS_ACCEPT, 7, NULL);
	radius_add(&writer, RADIUS_MESSAGE_AUTHENTICATOR, authenticator, 15);
	length = radius_reply_sign(&writer, authenticator, secret);
	parse(&packet, bytes, length);
	cr_assert_eq(radius_message_check(&packet, authenticator, secret), RADIUS_SIGNATURE_WRONG);
}

Test(radius_wire, accounting_and_change_requests_are_signed_over_zeros)
{
	static const enum radius_code codes[] = {
		RADIUS_ACCOUNTING_REQUEST, RADIUS_COA_REQUEST, RADIUS_DISCONNECT_REQUEST};

	for (unsigned int i = 0; i < 3; i++) {
		uint8_t bytes[128];
		struct radius_writer writer;
		struct radius_packet packet;
		size_t length;

		radius_writer_init(&writer, bytes, sizeof(bytes), codes[i], 9, NULL);
		radius_add_message_authenticator(&writer);
		radius_add_text(&writer, RADIUS_ACCT_SESSION_ID, "abc");
		length = radius_request_sign(&writer, secret);
		parse(&packet, bytes, length);
		cr_assert(radius_request_check(&packet, secret));
		cr_assert_not(radius_request_check(&packet, other));
		cr_assert_eq(radius_message_check(&packet, radius_zero_authenticator, secret),
			RADIUS_SIGNATURE_RIGHT);
		bytes[length - 1] ^= 1;
		cr_assert_not(radius_request_check(&packet, secret));
	}
}

Test(radius_wire, passwords_of_every_length_are_hidden_and_revealed)
{
	uint8_t authenticator[16], hidden[128], plain[128], expected[32];
	uint8_t password[129];

	for (unsigned int i = 0; i < 16; i++)
		authenticator[i] = (uint8_t)i;
	bytes_of("7030d8dbfa237ccb6bf00b5309ecfc0d4376150ddc3a98fc7bbb5d647b1e88ed", expected);
	cr_assert_eq(radius_password_hide((const uint8_t *)"0123456789abcdef0123456789", 26,
			     authenticator, secret, hidden),
		32);
	cr_assert_arr_eq(hidden, expected, 32);
	for (size_t length = 0; length <= 128; length++) {
		size_t blocks = length ? (length + 15) / 16 * 16 : 16;

		memset(password, 'p', length);
		cr_assert_eq(radius_password_hide(password, length, authenticator, secret, hidden),
			(int)blocks);
		cr_assert_eq(radius_password_reveal(hidden, blocks, authenticator, secret, plain),
			(int)blocks);
		cr_assert_arr_eq(plain, password, length);
		for (size_t i = length; i < blocks; i++)
			cr_assert_eq(plain[i], 0);
	}
	cr_assert_eq(radius_password_hide(password, 129, authenticator, secret, hidden), -EMSGSIZE);
	cr_assert_eq(radius_password_reveal(hidden, 0, authenticator, secret, plain), -EBADMSG);
	cr_assert_eq(radius_password_reveal(hidden, 17, authenticator, secret, plain), -EBADMSG);
	cr_assert_eq(radius_password_reveal(hidden, 144, authenticator, secret, plain), -EBADMSG);
}

Test(radius_wire, salted_values_are_revealed_and_never_beyond_their_end)
{
	static const char text[] = "a tunnel password of 33 bytes len";
	uint8_t authenticator[16], salted[RADIUS_VALUE_MAX], plain[RADIUS_VALUE_MAX], bytes[255];
	int n;

	for (unsigned int i = 0; i < 16; i++)
		authenticator[i] = (uint8_t)i;
	n = (int)bytes_of("812355a0c3d02d8daf763bfcbb2640be8111aea3f627c6f59c2b83944161fe92d57b71"
			  "baae96a669ea89e6e10abf8ce3c796",
		bytes);
	cr_assert_eq(radius_salted_reveal(bytes, (size_t)n, authenticator, secret, plain), 33);
	cr_assert_arr_eq(plain, text, 33);
	cr_assert_eq(radius_salted_hide(
			     0x0123, (const uint8_t *)text, 33, authenticator, secret, salted),
		n);
	salted[0] = 0x81; /* the salt above, with its first bit */
	for (size_t length = 0; length < 240; length++) {
		memset(bytes, (int)length, length);
		n = radius_salted_hide(
			(uint16_t)length, bytes, length, authenticator, secret, salted);
		cr_assert_gt(n, 0);
		cr_assert_eq(radius_salted_reveal(salted, (size_t)n, authenticator, secret, plain),
			(int)length);
		cr_assert_arr_eq(plain, bytes, length);
	}
	cr_assert_eq(radius_salted_hide(0, bytes, 240, authenticator, secret, salted), -EMSGSIZE);
	/* too short for a salt and a block, no whole blocks, a salt without its first bit */
	n = radius_salted_hide(1, bytes, 20, authenticator, secret, salted);
	for (size_t length = 0; length < 18; length++)
		cr_assert_eq(radius_salted_reveal(salted, length, authenticator, secret, plain),
			-EBADMSG);
	cr_assert_eq(radius_salted_reveal(salted, 19, authenticator, secret, plain), -EBADMSG);
	salted[0] &= 0x7f;
	cr_assert_eq(
		radius_salted_reveal(salted, (size_t)n, authenticator, secret, plain), -EBADMSG);
	salted[0] |= 0x80;
	/* whatever length comes out of a changed block: never more than there is */
	for (unsigned int flip = 0; flip < 256; flip++) {
		uint8_t changed[34];

		memcpy(changed, salted, sizeof(changed));
		changed[2] ^= (uint8_t)flip;
		n = radius_salted_reveal(changed, sizeof(changed), authenticator, secret, plain);
		cr_assert(n == -EBADMSG || n < 32, "%d", n);
	}
}

Test(radius_wire, what_does_not_fit_fails_the_packet)
{
	uint8_t buffer[RADIUS_PACKET_MAX], value[254] = {0};
	struct radius_writer writer;

	radius_writer_init(&writer, buffer, sizeof(buffer), RADIUS_COA_ACK, 1, NULL);
	radius_add(&writer, RADIUS_CLASS, value, 254);
	cr_assert(writer.failed);
	cr_assert_eq(radius_request_sign(&writer, secret), 0);

	radius_writer_init(&writer, buffer, sizeof(buffer), RADIUS_COA_ACK, 1, NULL);
	radius_add_vendor(&writer, RADIUS_VENDOR_MICROSOFT, 1, value, 248);
	cr_assert(writer.failed);

	radius_writer_init(&writer, buffer, sizeof(buffer), RADIUS_COA_ACK, 1, NULL);
	for (unsigned int i = 0; i < 15; i++)
		radius_add(&writer, RADIUS_CLASS, value, 253);
	cr_assert_not(writer.failed);
	radius_add(&writer, RADIUS_CLASS, value, RADIUS_PACKET_MAX - RADIUS_HEADER - 15 * 255 - 2);
	cr_assert_not(writer.failed);
	cr_assert_eq(writer.at - writer.start, RADIUS_PACKET_MAX);
	radius_add(&writer, RADIUS_CLASS, value, 1);
	cr_assert(writer.failed);
	cr_assert_eq(radius_reply_sign(&writer, radius_zero_authenticator, secret), 0);
}

Test(radius_wire, empty_texts_are_left_out)
{
	uint8_t buffer[64];
	struct radius_writer writer;

	radius_writer_init(&writer, buffer, sizeof(buffer), RADIUS_ACCESS_REQUEST, 1, NULL);
	radius_add_text(&writer, RADIUS_CALLED_STATION_ID, "");
	radius_add_vendor(&writer, RADIUS_VENDOR_DSL_FORUM, 1, "", 0);
	cr_assert_eq(writer.at - writer.start, RADIUS_HEADER);
	radius_add_tagged_u24(&writer, RADIUS_TUNNEL_TYPE, 1, 3);
	cr_assert_eq(writer.at - writer.start, RADIUS_HEADER + 6);
	cr_assert_arr_eq(buffer + RADIUS_HEADER, "\x40\x06\x01\x00\x00\x03", 6);
}
