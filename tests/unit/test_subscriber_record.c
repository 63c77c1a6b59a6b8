/* SPDX-License-Identifier: BSD-3-Clause */
/* A record survives being written out and read back, and refuses what it cannot have written. */
#include "subscriber_record.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

Test(subscriber_record, comes_back_from_json_as_it_was)
{
	const struct session_prefix prefixes[] = {
		{4, 32, {10, 20, 0, 7}},
		{4, 24, {192, 0, 2, 0}},
		{6, 56, {0x20, 0x01, 0x0d, 0xb8, 1, 2, 3}},
		{4, 0, {0}},
	};
	struct subscriber_record record = {
		.tunnel_id = 65535,
		.session_id = 1,
		.peer_session_id = 77,
		.vrf = 3,
		.mtu = 1492,
		.mss = 1452,
		.flags = UINT32_MAX,
	};
	struct subscriber_record copy;
	char error[200], *text;
	json_t *json;

	cr_assert_eq(subscriber_record_set_prefixes(&record, prefixes, 4), 0);
	json = subscriber_record_to_json(&record);
	text = json_dumps(json, 0);
	json_decref(json);
	json = json_loads(text, 0, NULL);
	cr_assert_eq(
		subscriber_record_from_json(json, &copy, error, sizeof(error)), 0, "%s", error);
	cr_assert_eq(copy.tunnel_id, record.tunnel_id);
	cr_assert_eq(copy.session_id, record.session_id);
	cr_assert_eq(copy.peer_session_id, record.peer_session_id);
	cr_assert_eq(copy.vrf, record.vrf);
	cr_assert_eq(copy.mtu, record.mtu);
	cr_assert_eq(copy.mss, record.mss);
	cr_assert_eq(copy.flags, record.flags);
	cr_assert_eq(copy.n_prefixes, 4);
	cr_assert_arr_eq(copy.prefixes, record.prefixes, sizeof(prefixes));
	free(text);
	json_decref(json);
	subscriber_record_free(&copy);
	subscriber_record_free(&record);
}

Test(subscriber_record, refuses_what_is_out_of_range_and_names_the_field)
{
	static const struct {
		const char *name, *value, *expected;
	} rows[] = {
		{"tunnel", "65536", "tunnel"},
		{"tunnel", "-1", "tunnel"},
		{"mtu", "\"1500\"", "mtu"},
		{"flags", "4294967296", "flags"},
		{"vrf", "null", "vrf"},
		{"prefixes", "7", "prefixes"},
		{"prefixes", "[7]", "prefixes[0]"},
		{"prefixes", "[\"10.0.0.1\"]", "prefixes[0]"},
		{"prefixes", "[\"10.0.0.0/33\"]", "prefixes[0]"},
		{"prefixes", "[\"10.0.0.1/32\", \"10.0.0.1/24\"]", "prefixes[1]"},
		{"prefixes", "[\"10.0.0.1/-0\"]", "prefixes[0]"},
		{"prefixes", "[\"10.0.0.1/ 32\"]", "prefixes[0]"},
		{"prefixes", "[\"2001:db8::/129\"]", "prefixes[0]"},
		{"prefixes", "[\"2001:db8::1/64\"]", "prefixes[0]"},
		{"prefixes", "[\"/8\"]", "prefixes[0]"},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct subscriber_record record = {.mtu = 1500}, copy;
		json_t *json = subscriber_record_to_json(&record);
		char error[200] = "";

		json_object_set_new(
			json, rows[i].name, json_loads(rows[i].value, JSON_DECODE_ANY, NULL));
		cr_assert_eq(subscriber_record_from_json(json, &copy, error, sizeof(error)),
			-EINVAL, "row %u was taken", i);
		cr_assert(!strncmp(error, rows[i].expected, strlen(rows[i].expected)),
			"row %u: \"%s\" does not name %s", i, error, rows[i].expected);
		json_decref(json);
	}
}

Test(subscriber_record, takes_no_more_prefixes_than_it_may_have)
{
	struct session_prefix many[SUBSCRIBER_PREFIXES_MAX + 1] = {{0}};
	struct subscriber_record record = {0};

	cr_assert_eq(
		subscriber_record_set_prefixes(&record, many, SUBSCRIBER_PREFIXES_MAX + 1), -E2BIG);
	cr_assert_eq(subscriber_record_set_prefixes(&record, many, SUBSCRIBER_PREFIXES_MAX), 0);
	cr_assert_eq(subscriber_record_set_prefixes(&record, NULL, 0), 0);
	cr_assert_null(record.prefixes);
}
