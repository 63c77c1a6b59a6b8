/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lnsctl: words to requests, values for people, tables.
 */
#include "client.h"
#include "request.h"
#include "table.h"
#include "value.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *request_of(const char *line)
{
	static char text[512];
	char copy[256], *words[16], *save, *word, error[256] = "";
	json_t *request;
	int n = 0;

	snprintf(copy, sizeof(copy), "%s", line);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		words[n++] = word;
	request = request_parse(n, words, error, sizeof(error));
	if (request) {
		char *json = json_dumps(json_object_get(request, "args"), JSON_COMPACT);

		snprintf(text, sizeof(text), "%s %s",
			json_string_value(json_object_get(request, "command")), json);
		free(json);
		json_decref(request);
	} else {
		snprintf(text, sizeof(text), "! %s", error);
	}
	return text;
}

Test(lnsctl, words_become_requests)
{
	static const struct {
		const char *words, *request;
	} table[] = {
		{"show tunnels", "show tunnels {}"},
		{"show sessions --tunnel 7 --user *@isp --limit 10",
			"show sessions {\"tunnel\":7,\"user\":\"*@isp\",\"limit\":10}"},
		{"show session 12/345", "show session {\"tunnel\":12,\"session\":345}"},
		{"show user a@isp", "show user {\"user\":\"a@isp\"}"},
		{"show drops --all", "show drops {\"all\":true}"},
		{"show routes", "show routes {}"},
		{"show routes 10.0.0.0/8 --best",
			"show routes {\"prefix\":\"10.0.0.0/8\",\"best\":true}"},
		{"disconnect session 1/2", "disconnect {\"tunnel\":1,\"session\":2}"},
		{"disconnect user x", "disconnect {\"user\":\"x\"}"},
		{"disconnect tunnel 9", "disconnect {\"tunnel\":9}"},
		{"disconnect all", "disconnect {\"all\":true}"},
		{"reload", "reload {}"},
		{"shutdown", "shutdown {}"},
		{"", "! unknown command ''"},
		{"show", "! unknown command 'show'"},
		{"show nothing", "! unknown command 'show nothing'"},
		{"show tunnels 5", "! show tunnels: '5' is not expected here"},
		{"show session 5", "! '5': expected TUNNEL/SESSION, as in 12/345"},
		{"show session", "! show session: expected TUNNEL/SESSION"},
		{"show session a/b", "! 'a/b': expected TUNNEL/SESSION, as in 12/345"},
		{"show sessions --tunnel x", "! --tunnel: 'x', expected a number"},
		{"show sessions --tunnel", "! --tunnel needs a value"},
		{"show tunnels --all", "! show tunnels: '--all' is not expected here"},
		{"disconnect", "! unknown command 'disconnect'"},
		{"disconnect all now", "! disconnect: 'now' is not expected here"},
		{"disconnect user", "! disconnect user: expected a name or pattern"},
		{"reload x", "! reload: 'x' is not expected here"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		cr_assert_str_eq(request_of(table[i].words), table[i].request, "%s: %s",
			table[i].words, request_of(table[i].words));
}

Test(lnsctl, values_are_for_people)
{
	static const struct {
		const char *json, *unit, *text;
	} table[] = {
		{"0", "count", "0"},
		{"999", "count", "999"},
		{"1000", "count", "1,000"},
		{"-1234567", "count", "-1,234,567"},
		{"65535", "id", "65535"},
		{"0", "bytes", "0 B"},
		{"999", "bytes", "999 B"},
		{"1500", "bytes", "1.5 kB"},
		{"999949", "bytes", "999.9 kB"},
		{"999950", "bytes", "1.0 MB"},
		{"12300000000", "bitrate", "12.3 Gbit/s"},
		{"0", "seconds", "0s"},
		{"61", "seconds", "1m01s"},
		{"3661", "seconds", "1h01m"},
		{"93600", "seconds", "1d02h"},
		{"12.34", "percent", "12.3"},
		{"true", "bool", "yes"},
		{"null", "text", "-"},
		{"[\"a\",\"b\"]", "list", "a, b"},
		{"\"x\\u001b[2Jy\\n\"", "text", "x?[2Jy?"},
	};
	char buffer[64];

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		json_t *value = json_loads(table[i].json, JSON_DECODE_ANY, NULL);

		cr_assert_not_null(value, "%s", table[i].json);
		cr_assert_str_eq(value_text(value, table[i].unit, buffer, sizeof(buffer)),
			table[i].text, "%s %s: %s", table[i].json, table[i].unit, buffer);
		json_decref(value);
	}
}

static char *render(const char *header, const char *const *rows, bool json)
{
	struct table table;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	json_t *object = json_loads(header, 0, NULL);

	table_begin(&table, out, json, object);
	json_decref(object);
	for (; *rows; rows++) {
		object = json_loads(*rows, 0, NULL);
		table_row(&table, object);
		json_decref(object);
	}
	table_end(&table);
	fclose(out);
	return text;
}

static void expect(const char *head, const char *const *rows, const char *text)
{
	char *got = render(head, rows, false);

	cr_assert_str_eq(got, text);
	free(got);
}

static const char header[] = "{\"layout\":\"table\",\"columns\":["
			     "{\"name\":\"user\",\"title\":\"User\",\"unit\":\"text\"},"
			     "{\"name\":\"n\",\"title\":\"Packets\",\"unit\":\"count\"},"
			     "{\"name\":\"x\",\"title\":\"End\",\"unit\":\"text\"}]}";

Test(lnsctl, tables_are_aligned)
{
	const char *const rows[] = {"{\"user\":\"m\xc3\xbcller\",\"n\":1234567890,\"x\":\"a\"}",
		"{\"user\":\"b\",\"n\":5}", NULL};
	const char *const none[] = {NULL};

	expect(header, rows,
		"User          Packets  End\n"
		"m\xc3\xbcller  1,234,567,890  a\n"
		"b                   5  -\n");
	expect(header, none, "User  Packets  End\n");
}

Test(lnsctl, widths_come_from_the_first_page_and_then_rows_stream)
{
	const char *rows[TABLE_PAGE + 3] = {NULL};
	char *text;

	for (unsigned int i = 0; i < TABLE_PAGE + 1; i++)
		rows[i] = "{\"user\":\"abcdefgh\",\"n\":1,\"x\":\"\"}";
	rows[TABLE_PAGE + 1] = "{\"user\":\"much longer than that\",\"n\":1,\"x\":\"\"}";
	text = render(header, rows, false);
	cr_assert(strstr(text, "User      Packets  End\nabcdefgh        1  \n"), "%.200s", text);
	cr_assert(strstr(text, "\nmuch longer than that        1  \n"));
	free(text);
}

Test(lnsctl, json_is_one_array)
{
	const char *const rows[] = {"{\"a\":1}", "{\"a\":2}", NULL};

	for (size_t n = 0; n <= 2; n++) {
		char *text = render(header, rows + n, true);
		json_t *array = json_loads(text, 0, NULL);

		cr_assert(json_is_array(array), "%s", text);
		cr_assert_eq(json_array_size(array), 2 - n);
		json_decref(array);
		free(text);
	}
}

Test(lnsctl, records_and_messages)
{
	const char *const rows[] = {"{\"user\":\"a\",\"n\":1000}", "{\"user\":\"b\"}", NULL};
	const char *const messages[] = {"{\"message\":\"2 sessions ended\"}", NULL};

	expect("{\"layout\":\"record\",\"columns\":["
	       "{\"name\":\"user\",\"title\":\"User\",\"unit\":\"text\"},"
	       "{\"name\":\"n\",\"title\":\"Packets\",\"unit\":\"count\"}]}",
		rows, "User     a\nPackets  1,000\n\nUser     b\n");
	expect("{\"layout\":\"message\",\"columns\":[]}", messages, "2 sessions ended\n");
}

Test(lnsctl, exit_status_3_without_a_daemon)
{
	json_t *request = json_pack("{s:s}", "command", "show version");

	cr_assert_eq(
		client_run("/nonexistent/lnsd.sock", request, false, stdout), EXIT_UNREACHABLE);
	json_decref(request);
}
