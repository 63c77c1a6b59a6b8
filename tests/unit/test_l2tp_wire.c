/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers, AVPs, hidden values and responses as RFC 2661 has them, and as attackers send them. */
#include "l2tp_wire.h"

#include "l2tp_avp.h"
#include "l2tp_hidden.h"

#include <crypto/digest.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#define SECRET "tunnel-secret"

static const uint8_t vector[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static uint8_t scratch[L2TP_MESSAGE_MAX];

static void setup(void)
{
	cr_assert_eq(digest_init(), 0, "%s", digest_init_error());
}

TestSuite(l2tp_wire, .init = setup, .fini = digest_fini);

/* A packet under construction: header and Message Type, then whatever the test appends. */
struct packet {
	uint8_t bytes[L2TP_MESSAGE_MAX + 64];
	struct l2tp_writer w;
};

static void packet_init(struct packet *p, enum l2tp_message_type type)
{
	l2tp_writer_init(&p->w, p->bytes, sizeof(p->bytes), 0, type);
}

/* An AVP with every header field free to be wrong; value_len bytes really follow. */
static void packet_raw(struct packet *p, uint16_t flags, uint16_t length, uint16_t vendor,
	uint16_t attribute, const void *value, size_t value_len)
{
	uint8_t *at = p->w.at;
	uint16_t words[] = {flags | length, vendor, attribute};

	for (int i = 0; i < 3; i++) {
		at[2 * i] = words[i] >> 8;
		at[2 * i + 1] = words[i] & 0xff;
	}
	if (value_len > 0)
		memcpy(at + 6, value, value_len);
	p->w.at += 6 + value_len;
}

static void packet_decode(struct packet *p, struct l2tp_message *msg, const char *secret)
{
	l2tp_message_decode(msg, p->bytes, (size_t)(p->w.at - p->bytes), (const uint8_t *)secret,
		secret != NULL ? strlen(secret) : 0, scratch);
}

Test(l2tp_wire, header_truth_table)
{
	static const struct {
		const char *what;
		uint8_t bytes[14];
		size_t len;
		int ret;
		enum l2tp_counter reason;
	} rows[] = {
		{"T L S, version 2", {0xc8, 2, 0, 12, 0, 1, 0, 2, 0, 3, 0, 4}, 12, 0, 0},
		{"reserved bits set", {0xfd, 0xf2, 0, 12, 0, 1, 0, 2, 0, 3, 0, 4}, 12, 0, 0},
		{"priority bit set", {0xc9, 2, 0, 12, 0, 1, 0, 2, 0, 3, 0, 4}, 12, 0, 0},
		{"tail beyond Length", {0xc8, 2, 0, 12, 0, 1, 0, 2, 0, 3, 0, 4, 9, 9}, 14, 0, 0},
		{"no bytes", {0}, 0, -EBADMSG, L2TP_COUNTER_HEADER_SHORT},
		{"one byte", {0xc8}, 1, -EBADMSG, L2TP_COUNTER_HEADER_SHORT},
		{"eleven bytes", {0xc8, 2, 0, 12, 0, 1, 0, 2, 0, 3, 0}, 11, -EBADMSG,
			L2TP_COUNTER_HEADER_SHORT},
		{"data", {0x48, 2, 0, 12, 0, 1, 0, 2, 0, 3, 0, 4}, 12, -EBADMSG,
			L2TP_COUNTER_HEADER_NOT_CONTROL},
		{"L2F", {0xc8, 1, 0, 12, 0, 1, 0, 2, 0, 3, 0, 4}, 12, -EBADMSG,
			L2TP_COUNTER_HEADER_VERSION},
		{"L2TPv3", {0xc8, 3, 0, 12, 0, 1, 0, 2, 0, 3, 0, 4}, 12, -EBADMSG,
			L2TP_COUNTER_HEADER_VERSION},
		{"no L", {0x88, 2, 0, 12, 0, 1, 0, 2, 0, 3, 0, 4}, 12, -EBADMSG,
			L2TP_COUNTER_HEADER_FLAGS},
		{"no S", {0xc0, 2, 0, 12, 0, 1, 0, 2, 0, 3, 0, 4}, 12, -EBADMSG,
			L2TP_COUNTER_HEADER_FLAGS},
		{"offset", {0xca, 2, 0, 12, 0, 1, 0, 2, 0, 3, 0, 4}, 12, -EBADMSG,
			L2TP_COUNTER_HEADER_FLAGS},
		{"Length 11", {0xc8, 2, 0, 11, 0, 1, 0, 2, 0, 3, 0, 4}, 12, -EBADMSG,
			L2TP_COUNTER_HEADER_LENGTH},
		{"Length beyond the packet", {0xc8, 2, 0, 13, 0, 1, 0, 2, 0, 3, 0, 4}, 12, -EBADMSG,
			L2TP_COUNTER_HEADER_LENGTH},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct l2tp_header h;
		enum l2tp_counter reason;

		cr_assert_eq(l2tp_header_decode(&h, rows[i].bytes, rows[i].len, &reason),
			rows[i].ret, "%s", rows[i].what);
		if (rows[i].ret < 0) {
			cr_assert_eq(reason, rows[i].reason, "%s: %s", rows[i].what,
				l2tp_counter_name(reason));
			continue;
		}
		cr_assert_eq(h.length, 12);
		cr_assert_eq(h.tunnel_id, 1);
		cr_assert_eq(h.session_id, 2);
		cr_assert_eq(h.ns, 3);
		cr_assert_eq(h.nr, 4);
	}
}

Test(l2tp_wire, a_message_longer_than_the_limit_is_not_read)
{
	static uint8_t bytes[L2TP_MESSAGE_MAX + 1] = {0xc8, 2, 0x40, 0x01};
	struct l2tp_header h;
	enum l2tp_counter reason;

	cr_assert_eq(l2tp_header_decode(&h, bytes, sizeof(bytes), &reason), -EBADMSG);
	cr_assert_eq(reason, L2TP_COUNTER_MESSAGE_TOO_LONG);
}

/* CVE-2020-15173, CVE-2003-1029, CVE-2002-0873: lengths that go back, stay, or run away. */
Test(l2tp_wire, avp_length_0_to_7_truth_table)
{
	for (unsigned len = 0; len <= 7; len++) {
		static struct packet p;
		struct l2tp_message msg;

		packet_init(&p, L2TP_HELLO);
		packet_raw(&p, 0, (uint16_t)len, 0, L2TP_AVP_CALLING_NUMBER, "xy", 2);
		packet_decode(&p, &msg, NULL);
		cr_assert_eq(msg.type, L2TP_HELLO);
		/* 7: the AVP is fine, the one byte left over is none */
		cr_assert_eq(msg.fault.reason, L2TP_COUNTER_AVP_LENGTH, "length %u", len);
		cr_assert_eq(msg.fault.error, L2TP_ERROR_LENGTH);
	}
}

Test(l2tp_wire, avp_longer_than_the_message_is_not_read)
{
	static struct packet p;
	struct l2tp_message msg;

	packet_init(&p, L2TP_ICRQ);
	packet_raw(&p, 0, 1023, 0, L2TP_AVP_CALLING_NUMBER, "12345", 5);
	packet_decode(&p, &msg, NULL);
	cr_assert_eq(msg.fault.reason, L2TP_COUNTER_AVP_LENGTH);
	cr_assert_not(l2tp_message_has(&msg, L2TP_AVP_CALLING_NUMBER));
}

/* RFC 2661 sections 4.1 and 4.2, and PROTOCOL: what the M bit and the reserved bits decide. */
Test(l2tp_wire, unknown_avps_truth_table)
{
	static const struct {
		const char *what;
		uint16_t flags, vendor, attribute;
		enum l2tp_counter reason;
	} rows[] = {
		{"unknown, M", 0x8000, 0, 20, L2TP_COUNTER_AVP_UNKNOWN_MANDATORY},
		{"unknown, no M", 0, 0, 20, L2TP_COUNTER_MAX},
		{"beyond the table, M", 0x8000, 0, 0xffff, L2TP_COUNTER_AVP_UNKNOWN_MANDATORY},
		{"beyond the table, no M", 0, 0, 0xffff, L2TP_COUNTER_MAX},
		{"vendor 9, M", 0x8000, 9, 7, L2TP_COUNTER_AVP_UNKNOWN_MANDATORY},
		{"vendor 9, no M", 0, 9, 7, L2TP_COUNTER_MAX},
		{"known, reserved bit, M", 0x8400, 0, 22, L2TP_COUNTER_AVP_UNKNOWN_MANDATORY},
		{"known, reserved bit, no M", 0x2000, 0, 22, L2TP_COUNTER_MAX},
		{"hidden without secret, M", 0xc000, 0, 22, L2TP_COUNTER_AVP_HIDDEN},
		{"hidden without secret, no M", 0x4000, 0, 22, L2TP_COUNTER_MAX},
		{"known, wrong M (set)", 0x8000, 0, 8, L2TP_COUNTER_MAX},
		{"known, wrong M (clear)", 0, 0, 15, L2TP_COUNTER_MAX},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct packet p;
		struct l2tp_message msg;

		packet_init(&p, L2TP_ICRQ);
		packet_raw(&p, rows[i].flags, 10, rows[i].vendor, rows[i].attribute, "abcd", 4);
		l2tp_write_u16(&p.w, true, L2TP_AVP_ASSIGNED_SESSION_ID, 4711);
		packet_decode(&p, &msg, NULL);
		cr_assert_eq(msg.fault.reason, rows[i].reason, "%s", rows[i].what);
		cr_assert_eq(msg.assigned_session_id, 4711, "%s: what follows is still read",
			rows[i].what);
		if (rows[i].reason != L2TP_COUNTER_MAX) {
			cr_assert_eq(msg.fault.vendor, rows[i].vendor);
			cr_assert_eq(msg.fault.attribute, rows[i].attribute);
		}
	}
}

/* RFC 2661 section 7.1: malformed and not mandatory is as if it had not come. */
Test(l2tp_wire, too_short_values_truth_table)
{
	static const struct {
		uint16_t attribute;
		uint8_t len; /* one less than needed */
	} rows[] = {{1, 1}, {2, 1}, {3, 3}, {4, 3}, {5, 7}, {6, 1}, {7, 0}, {9, 1}, {10, 1},
		{11, 0}, {12, 1}, {13, 15}, {14, 1}, {15, 3}, {16, 3}, {17, 3}, {18, 3}, {19, 3},
		{24, 3}, {25, 3}, {29, 1}, {32, 1}, {34, 25}, {35, 9}, {36, 0}, {38, 3}, {46, 4},
		{97, 11}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int mandatory = 0; mandatory <= 1; mandatory++) {
			static struct packet p;
			static const uint8_t value[32];
			struct l2tp_message msg;

			packet_init(&p, L2TP_ICCN);
			l2tp_write_bytes(&p.w, mandatory, rows[i].attribute, value, rows[i].len);
			packet_decode(&p, &msg, NULL);
			cr_assert_not(l2tp_message_has(&msg, rows[i].attribute));
			cr_assert_eq(msg.fault.reason,
				mandatory ? L2TP_COUNTER_AVP_LENGTH : L2TP_COUNTER_MAX,
				"attribute %u, M %d", rows[i].attribute, mandatory);
			cr_assert_eq(msg.ignored, mandatory ? 0 : 1);
		}
	}
}

/* CVE-2017-13006: a Result Code that ends before its error code and message. */
Test(l2tp_wire, result_code_truth_table)
{
	static const struct {
		uint8_t value[8];
		uint16_t len, result, error, message;
	} rows[] = {
		{{0, 1}, 2, 1, 0, 0},
		{{0, 2, 9}, 3, 2, 0, 0},
		{{0, 2, 0, 8}, 4, 2, 8, 0},
		{{0, 2, 0, 8, 'n', 'o'}, 6, 2, 8, 2},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct packet p;
		struct l2tp_message msg;

		packet_init(&p, L2TP_CDN);
		l2tp_write_bytes(&p.w, true, L2TP_AVP_RESULT_CODE, rows[i].value, rows[i].len);
		packet_decode(&p, &msg, NULL);
		cr_assert_eq(msg.fault.reason, L2TP_COUNTER_MAX);
		cr_assert_eq(msg.result, rows[i].result);
		cr_assert_eq(msg.error, rows[i].error);
		cr_assert_eq(msg.error_message.len, rows[i].message);
	}
}

Test(l2tp_wire, message_type_must_come_first_in_the_clear)
{
	static const struct {
		const char *what;
		uint16_t flags, vendor, attribute, len;
	} rows[] = {
		{"another attribute", 0x8000, 0, 7, 2},
		{"hidden", 0xc000, 0, 0, 2},
		{"reserved bit", 0x8400, 0, 0, 2},
		{"vendor's", 0x8000, 9, 0, 2},
		{"one byte", 0x8000, 0, 0, 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct packet p;
		struct l2tp_message msg;

		packet_init(&p, L2TP_HELLO);
		p.w.at = p.bytes + L2TP_CONTROL_HEADER;
		packet_raw(&p, rows[i].flags, 6 + rows[i].len, rows[i].vendor, rows[i].attribute,
			"\0\1", rows[i].len);
		packet_decode(&p, &msg, NULL);
		cr_assert_eq(msg.fault.reason, L2TP_COUNTER_MESSAGE_TYPE_FIRST, "%s", rows[i].what);
		cr_assert_eq(msg.type, 0);
	}
}

Test(l2tp_wire, calling_number_of_1017_bytes_is_read_whole)
{
	static struct packet p;
	static uint8_t number[L2TP_AVP_VALUE_MAX];
	struct l2tp_message msg;

	memset(number, '7', sizeof(number));
	packet_init(&p, L2TP_ICRQ);
	l2tp_write_bytes(&p.w, true, L2TP_AVP_CALLING_NUMBER, number, sizeof(number));
	packet_decode(&p, &msg, NULL);
	cr_assert_eq(msg.calling_number.len, 1017);
	cr_assert_arr_eq(msg.calling_number.at, number, 1017);
}

Test(l2tp_wire, repeated_avps_count_once_and_too_many_end_the_message)
{
	static struct packet p;
	struct l2tp_message msg;

	packet_init(&p, L2TP_ICRQ);
	l2tp_write_u16(&p.w, true, L2TP_AVP_ASSIGNED_SESSION_ID, 1);
	l2tp_write_u16(&p.w, true, L2TP_AVP_ASSIGNED_SESSION_ID, 2);
	packet_decode(&p, &msg, NULL);
	cr_assert_eq(msg.assigned_session_id, 1);
	cr_assert_eq(msg.repeated, 1);
	cr_assert_eq(msg.fault.reason, L2TP_COUNTER_MAX);

	for (int i = 0; i < L2TP_AVPS_MAX; i++)
		l2tp_write_u16(&p.w, true, L2TP_AVP_ASSIGNED_SESSION_ID, 3);
	packet_decode(&p, &msg, NULL);
	cr_assert_eq(msg.fault.reason, L2TP_COUNTER_AVP_TOO_MANY);
}

Test(l2tp_wire, avps_a_few_bytes_longer_than_needed_are_accepted)
{
	static struct packet p;
	static const uint8_t response[20] = {1, 2, 3}, window[4] = {0, 16, 9, 9};
	struct l2tp_message msg;

	packet_init(&p, L2TP_SCCCN);
	l2tp_write_bytes(&p.w, true, L2TP_AVP_CHALLENGE_RESPONSE, response, sizeof(response));
	l2tp_write_bytes(&p.w, true, L2TP_AVP_RECEIVE_WINDOW_SIZE, window, sizeof(window));
	packet_decode(&p, &msg, NULL);
	cr_assert_eq(msg.fault.reason, L2TP_COUNTER_MAX);
	cr_assert_eq(msg.challenge_response.len, 20);
	cr_assert_eq(msg.receive_window, 16);
}

Test(l2tp_wire, every_field_comes_back_as_it_was_written)
{
	static struct packet p;
	static const uint8_t errors[26] = {
		0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6};
	static const uint8_t accm[10] = {0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
	static const uint8_t update[12] = {0, 0, 0, 9, 0, 0, 1, 0, 0, 0, 2, 0};
	struct l2tp_cause cause = {13, 0xc021, 1, {(const uint8_t *)"bye", 3}};
	struct l2tp_message msg;

	packet_init(&p, L2TP_ICCN);
	l2tp_write_result(&p.w, 2, 4, "full");
	l2tp_write_u64(&p.w, false, L2TP_AVP_TIE_BREAKER, 0x1122334455667788);
	l2tp_write_u32(&p.w, true, L2TP_AVP_TX_CONNECT_SPEED, 100000000);
	l2tp_write_u64(&p.w, false, L2TP_AVP_RX_CONNECT_SPEED, 5000000000);
	l2tp_write_bytes(&p.w, true, L2TP_AVP_SEQUENCING_REQUIRED, NULL, 0);
	l2tp_write_bytes(&p.w, true, L2TP_AVP_CALL_ERRORS, errors, sizeof(errors));
	l2tp_write_bytes(&p.w, true, L2TP_AVP_ACCM, accm, sizeof(accm));
	l2tp_write_cause(&p.w, &cause);
	l2tp_write_bytes(&p.w, false, L2TP_AVP_CONNECT_SPEED_UPDATE, update, sizeof(update));
	l2tp_write_bytes(&p.w, false, L2TP_AVP_CONNECT_SPEED_UPDATE, update, sizeof(update));
	l2tp_write_vendor(&p.w, false, L2TP_VENDOR_DSL_FORUM, 1, "dslam 1/2", 9);
	packet_decode(&p, &msg, NULL);
	cr_assert_eq(msg.fault.reason, L2TP_COUNTER_MAX);
	cr_assert_eq(msg.result, 2);
	cr_assert_eq(msg.error, 4);
	cr_assert_eq(msg.tie_breaker, 0x1122334455667788);
	cr_assert_eq(msg.tx_speed, 100000000);
	cr_assert_eq(msg.rx_speed, 5000000000);
	cr_assert(l2tp_message_has(&msg, L2TP_AVP_SEQUENCING_REQUIRED));
	for (uint32_t i = 0; i < 6; i++)
		cr_assert_eq(msg.call_errors[i], i + 1);
	cr_assert_eq(msg.accm_send, 0x01020304);
	cr_assert_eq(msg.accm_receive, 0x05060708);
	cr_assert_eq(msg.cause.code, 13);
	cr_assert_eq(msg.cause.protocol, 0xc021);
	cr_assert_eq(msg.cause.direction, 1);
	cr_assert_eq(msg.cause.message.len, 3);
	cr_assert_eq(msg.speed_count, 2);
	cr_assert_eq(msg.speed[1].session_id, 9);
	cr_assert_eq(msg.speed[1].tx, 256);
	cr_assert_eq(msg.speed[1].rx, 512);
	cr_assert_eq(msg.line_count, 1);
	cr_assert_eq(msg.line[0].value.len, 9);
}

Test(l2tp_wire, result_code_is_always_written_with_its_error_field)
{
	static struct packet p;

	packet_init(&p, L2TP_CDN);
	l2tp_write_result(&p.w, 3, 0, NULL);
	cr_assert_eq(p.bytes[L2TP_CONTROL_HEADER + 8 + 1], 10, "AVP length");
}

Test(l2tp_wire, a_writer_that_is_full_says_so_and_writes_no_further)
{
	uint8_t bytes[40];
	struct l2tp_writer w;

	memset(bytes, 0xee, sizeof(bytes));
	l2tp_writer_init(&w, bytes, 29, 0, L2TP_HELLO);
	l2tp_write_u32(&w, true, L2TP_AVP_BEARER_TYPE, 1);
	cr_assert(w.failed);
	cr_assert_eq(l2tp_writer_finish(&w), 0);
	cr_assert_eq(bytes[29], 0xee);
}

/* Vectors computed apart from this code, from the formulas of RFC 2661 section 4.3. */
static const uint8_t hidden_short[] = "\x2f\x3e\xa8\xfd\xa6\x6b\x7a\x23\x8b";
static const uint8_t hidden_long[] =
	"\x94\x74\x96\x8a\x36\x8f\xb6\xfa\xfa\xaa\x07\xad\x7a\x8c\x8c\xf9\xa3\xcf\x85\x1b\x80\xd5"
	"\x35\x61\xd7\x82\x73\x47\xc1\xd5\xb4\x86\x0d\x9f\xce\x6c\x26\x52\x3a\xec\x41\x9c\xc4\x63"
	"\x9b\x6d\xb1";
static const char long_value[] = "0123456789abcdefghijklmnopqrstuvwxyzABCD";

Test(l2tp_wire, hidden_vectors_reveal)
{
	uint8_t plain[64];

	cr_assert_eq(l2tp_hidden_reveal(33, (const uint8_t *)SECRET, strlen(SECRET), vector, 16,
			     hidden_short, 9, plain),
		7);
	cr_assert_arr_eq(plain + 2, "hunter2", 7);
	cr_assert_eq(l2tp_hidden_reveal(22, (const uint8_t *)SECRET, strlen(SECRET), vector, 16,
			     hidden_long, 47, plain),
		40);
	cr_assert_arr_eq(plain + 2, long_value, 40);
}

Test(l2tp_wire, hidden_vectors_hide)
{
	static struct packet p;
	uint8_t *avp;

	packet_init(&p, L2TP_ICRQ);
	avp = p.w.at;
	l2tp_write_hidden(&p.w, true, 22, long_value, 40, (const uint8_t *)SECRET, strlen(SECRET),
		vector, 16, 5);
	cr_assert_eq(avp[0], 0xc0, "M and H");
	cr_assert_eq(avp[1], 6 + 47);
	cr_assert_arr_eq(avp + 6, hidden_long, 47);
}

Test(l2tp_wire, hidden_avps_use_the_random_vector_before_them)
{
	static struct packet p;
	static const uint8_t other[4] = {9, 9, 9, 9};
	struct l2tp_message msg;

	packet_init(&p, L2TP_ICRQ);
	l2tp_write_bytes(&p.w, true, L2TP_AVP_RANDOM_VECTOR, other, 4);
	l2tp_write_hidden(&p.w, true, L2TP_AVP_CALLED_NUMBER, "0800", 4, (const uint8_t *)SECRET,
		strlen(SECRET), other, 4, 3);
	l2tp_write_bytes(&p.w, true, L2TP_AVP_RANDOM_VECTOR, vector, 16);
	l2tp_write_hidden(&p.w, true, L2TP_AVP_CALLING_NUMBER, long_value, 40,
		(const uint8_t *)SECRET, strlen(SECRET), vector, 16, 0);
	packet_decode(&p, &msg, SECRET);
	cr_assert_eq(msg.fault.reason, L2TP_COUNTER_MAX);
	cr_assert_eq(msg.called_number.len, 4);
	cr_assert_arr_eq(msg.called_number.at, "0800", 4);
	cr_assert_eq(msg.calling_number.len, 40);
	cr_assert_arr_eq(msg.calling_number.at, long_value, 40);
}

Test(l2tp_wire, a_hidden_avp_without_random_vector_is_unreadable)
{
	static struct packet p;
	struct l2tp_message msg;

	packet_init(&p, L2TP_ICRQ);
	l2tp_write_hidden(&p.w, true, L2TP_AVP_CALLED_NUMBER, "0800", 4, (const uint8_t *)SECRET,
		strlen(SECRET), vector, 16, 0);
	packet_decode(&p, &msg, SECRET);
	cr_assert_eq(msg.fault.reason, L2TP_COUNTER_AVP_HIDDEN);
	cr_assert_not(l2tp_message_has(&msg, L2TP_AVP_CALLED_NUMBER));
}

/* The deciphered length is the attacker's: 0xffff, one too many, and values too short to have one. */
Test(l2tp_wire, deciphered_length_beyond_the_avp_is_refused)
{
	uint8_t plain[16], cipher[12];

	for (size_t len = 2; len <= sizeof(cipher); len++) {
		static const uint16_t extra[] = {1, 2, 0x100, 0x8000};

		for (size_t i = 0; i < 5; i++) {
			uint16_t claim = i < 4 ? (uint16_t)(len - 2 + extra[i]) : 0xffff;

			memset(cipher, 0, sizeof(cipher));
			cipher[0] = claim >> 8;
			cipher[1] = claim & 0xff;
			l2tp_hidden_hide(33, (const uint8_t *)"s", 1, vector, 16, cipher, len);
			cr_assert_eq(l2tp_hidden_reveal(33, (const uint8_t *)"s", 1, vector, 16,
					     cipher, len, plain),
				-EBADMSG, "%u claimed in %zu", claim, len);
		}
	}
	cr_assert_eq(l2tp_hidden_reveal(33, (const uint8_t *)"s", 1, vector, 16, cipher, 1, plain),
		-EBADMSG);
	cr_assert_eq(l2tp_hidden_reveal(33, (const uint8_t *)"s", 1, vector, 16, cipher, 0, plain),
		-EBADMSG);
}

Test(l2tp_wire, a_short_value_in_a_long_hidden_avp_is_checked_like_any_other)
{
	static struct packet p;
	struct l2tp_message msg;

	packet_init(&p, L2TP_ICRQ);
	l2tp_write_bytes(&p.w, true, L2TP_AVP_RANDOM_VECTOR, vector, 16);
	l2tp_write_hidden(&p.w, true, L2TP_AVP_ASSIGNED_SESSION_ID, "x", 1, (const uint8_t *)SECRET,
		strlen(SECRET), vector, 16, 40);
	packet_decode(&p, &msg, SECRET);
	cr_assert_eq(msg.fault.reason, L2TP_COUNTER_AVP_LENGTH);
}

Test(l2tp_wire, challenge_responses_depend_on_the_message_type)
{
	uint8_t response[16];

	l2tp_response(2, (const uint8_t *)SECRET, strlen(SECRET), vector, 16, response);
	cr_assert_arr_eq(
		response, "\x6c\x0d\xa2\xfa\xf7\xa3\x97\xaa\x3f\x88\xf5\x50\x61\xea\x91\x34", 16);
	l2tp_response(3, (const uint8_t *)SECRET, strlen(SECRET), vector, 16, response);
	cr_assert_arr_eq(
		response, "\x6a\x59\xc6\x70\xd4\x86\xac\xf7\xf9\x62\x71\x69\x5c\x68\x74\xf8", 16);
}
