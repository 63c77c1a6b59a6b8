/* SPDX-License-Identifier: BSD-3-Clause */
/* lnsload's L2TP codec and command line: header variants, bad AVPs, hidden ones, bad options. */
#include <criterion/criterion.h>
#include <string.h>

#include "options.h"
#include "wire.h"

Test(lnsload_wire, header_variants)
{
	static const struct {
		const char *name;
		uint8_t bytes[24];
		size_t len;
		int rc;
		size_t body;
	} rows[] = {
		{"plain data", {0, 2, 0, 1, 0, 2, 0xff, 3}, 8, 0, 2},
		{"length bit", {0x40, 2, 0, 10, 0, 1, 0, 2, 0xff, 3}, 10, 0, 2},
		{"length shorter than the datagram", {0x40, 2, 0, 9, 0, 1, 0, 2, 0xff, 3}, 10, 0,
			1},
		{"length beyond the datagram", {0x40, 2, 0, 11, 0, 1, 0, 2, 0xff, 3}, 10, -1, 0},
		{"length below the header", {0x40, 2, 0, 7, 0, 1, 0, 2, 0xff, 3}, 10, -1, 0},
		{"sequenced", {8, 2, 0, 1, 0, 2, 0, 5, 0, 6, 9}, 11, 0, 1},
		{"sequence missing", {8, 2, 0, 1, 0, 2, 0, 5}, 8, -1, 0},
		{"offset", {2, 2, 0, 1, 0, 2, 0, 3, 9, 9, 9, 7}, 12, 0, 1},
		{"offset beyond", {2, 2, 0, 1, 0, 2, 0, 5, 9, 9, 9, 7}, 12, -1, 0},
		{"version 3", {0, 3, 0, 1, 0, 2, 0xff, 3}, 8, -1, 0},
		{"control", {0xc8, 2, 0, 12, 0, 1, 0, 2, 0, 3, 0, 4}, 12, 0, 0},
		{"control without length", {0x88, 2, 0, 1, 0, 2, 0, 3, 0, 4, 0, 0}, 12, -1, 0},
		{"five bytes", {0, 2, 0, 1, 0}, 5, -1, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire_header h;
		int rc = wire_header_parse(rows[i].bytes, rows[i].len, &h);

		cr_assert_eq(rc != 0, rows[i].rc != 0, "%s", rows[i].name);
		if (rc == 0)
			cr_assert_eq(h.body_len, rows[i].body, "%s", rows[i].name);
	}
}

Test(lnsload_wire, bad_messages_are_refused_by_their_kind)
{
	static const struct {
		uint8_t bytes[32];
		size_t len;
		enum wire_error error;
	} rows[] = {
		{{0x80, 8, 0, 0, 0, 0, 0, 6}, 8, WIRE_OK},      /* HELLO */
		{{0x80, 5, 0, 0, 0, 0, 0, 6}, 8, WIRE_BAD_AVP}, /* shorter than its header */
		{{0x80, 0, 0, 0, 0, 0, 0, 6}, 8, WIRE_BAD_AVP}, /* would loop */
		{{0x80, 9, 0, 0, 0, 0, 0, 6}, 8, WIRE_BAD_AVP}, /* beyond the message */
		{{0x84, 8, 0, 0, 0, 0, 0, 6}, 8, WIRE_BAD_AVP}, /* reserved bit */
		{{0x80, 8, 0, 0, 0, 7, 0, 6}, 8, WIRE_BAD_FIRST_AVP},
		{{0x80, 8, 0, 0, 0, 0, 0, 11}, 8, WIRE_MISSING_AVP}, /* ICRP without id */
		{{0x80, 8, 0, 0, 0, 0, 0, 11, 0x80, 8, 0, 0, 0, 14, 0, 0}, 16, WIRE_MISSING_AVP},
		{{0x80, 8, 0, 0, 0, 0, 0, 11, 0x80, 8, 0, 0, 0, 14, 0, 1}, 16, WIRE_OK},
		{{0x80, 8, 0, 0, 0, 0, 0, 11, 0x80, 7, 0, 0, 0, 14, 1}, 15, WIRE_BAD_AVP},
		{{0x80, 8, 0, 0, 0, 0, 0, 11, 0xc0, 8, 0, 0, 0, 14, 0, 1}, 16, WIRE_BAD_HIDDEN},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire_message m;

		cr_assert_eq(wire_message_parse(rows[i].bytes, rows[i].len, "s", &m), rows[i].error,
			"row %zu", i);
	}
}

Test(lnsload_wire, hidden_avps_are_read_with_the_right_secret_only)
{
	static const uint8_t vector[16] = {1, 2, 3};
	uint8_t body[200], id[2] = {0x12, 0x34};
	struct wire_message m;
	struct wire_builder b;

	wire_begin(&b, body, sizeof(body), WIRE_ICRP);
	wire_put(&b, true, AVP_RANDOM_VECTOR, vector, sizeof(vector));
	wire_put_hidden(&b, true, AVP_ASSIGNED_SESSION_ID, id, 2, "secret", vector, 16);
	cr_assert_not(b.failed);
	cr_assert_eq(wire_message_parse(body, b.len, "secret", &m), WIRE_OK);
	cr_assert_eq(m.session_id, 0x1234);
	cr_assert_neq(wire_message_parse(body, b.len, "Secret", &m), WIRE_OK);
	cr_assert_eq(wire_message_parse(body, b.len, NULL, &m), WIRE_BAD_HIDDEN);
}

Test(lnsload_wire, user_patterns_expand)
{
	char out[16];

	options_expand("sub%d@isp", 42, out, sizeof(out));
	cr_assert_str_eq(out, "sub42@isp");
	options_expand("%05d%%%s%n", 42, out, sizeof(out));
	cr_assert_str_eq(out, "00042%%s%n");
	options_expand("0123456789%09d", 1, out, sizeof(out));
	cr_assert_str_eq(out, "012345678900000");
}

Test(lnsload_wire, bad_options_are_refused)
{
	static const char *rows[][5] = {
		{"lnsload", "--lns", "nowhere", NULL},
		{"lnsload", "--lns", "1.2.3.4:0", NULL},
		{"lnsload", "--tunnels", "1", NULL},
		{"lnsload", "--lns=::1", "--local=1.2.3.4", NULL},
		{"lnsload", "--lns=1.2.3.4", "--impair=loss=200", NULL},
		{"lnsload", "--lns=1.2.3.4", "--pps=5", NULL},
		{"lnsload", "--lns=1.2.3.4", "--sessions=70000", NULL},
		{"lnsload", "--lns=1.2.3.4", "--auth=eap", NULL},
		{"lnsload", "reflect", NULL},
	};
	static const char *good[] = {"lnsload", "--lns", "[2001:db8::1]:1702", "--size=imix",
		"--impair=loss=1,dup=2,reorder=3", "--local=2001:db8::2,2001:db8::3", NULL};
	struct options o;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int argc = 0;

		while (rows[i][argc] != NULL)
			argc++;
		cr_assert_lt(options_parse(&o, argc, (char **)(uintptr_t)rows[i]), 0, "row %zu", i);
	}
	cr_assert_eq(options_parse(&o, 6, (char **)(uintptr_t)good), 0);
	cr_assert_eq(o.lns.ss_family, AF_INET6);
	cr_assert_eq(o.size, 0u);
	cr_assert_eq(o.local_count, 2u);
	cr_assert_eq(o.impair.reorder, 3.0);
}
