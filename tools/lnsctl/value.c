/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values for people: grouped numbers, units, durations.
 */
#include "value.h"

#include <stdio.h>
#include <string.h>

size_t value_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

bool value_is_number(const char *unit)
{
	return strcmp(unit, "text") && strcmp(unit, "bool") && strcmp(unit, "list");
}

static void clean(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

static void grouped(json_int_t value, char *buffer, size_t size)
{
	char digits[32];
	int n = snprintf(digits, sizeof(digits), "%lld", (long long)value),
	    first = digits[0] == '-';
	size_t at = 0;

	for (int i = 0; i < n && at + 2 < size; i++) {
		if (i > first && (n - i) % 3 == 0)
			buffer[at++] = ',';
		buffer[at++] = digits[i];
	}
	buffer[at] = '\0';
}

static void scaled(double value, const char *unit, char *buffer, size_t size)
{
	static const char *const prefixes[] = {"", "k", "M", "G", "T", "P", "E"};
	unsigned int i = 0;

	/* 999.95 and above would be rounded to 1000.0 */
	while ((value >= 999.95 || (i == 0 && value >= 1000)) && i < 6) {
		value /= 1000;
		i++;
	}
	snprintf(buffer, size, i ? "%.1f %s%s" : "%.0f %s%s", value, prefixes[i], unit);
}

static void duration(json_int_t seconds, char *buffer, size_t size)
{
	long long s = seconds;

	if (s < 0)
		snprintf(buffer, size, "-");
	else if (s < 60)
		snprintf(buffer, size, "%llds", s);
	else if (s < 3600)
		snprintf(buffer, size, "%lldm%02llds", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buffer, size, "%lldh%02lldm", s / 3600, s / 60 % 60);
	else
		snprintf(buffer, size, "%lldd%02lldh", s / 86400, s / 3600 % 24);
}

static void list(const json_t *value, char *buffer, size_t size)
{
	size_t at = 0, i;
	json_t *item;

	buffer[0] = '\0';
	json_array_foreach(value, i, item)
	{
		char part[256];
		int n = snprintf(buffer + at, size - at, "%s%s", i ? ", " : "",
			value_text(item, "text", part, sizeof(part)));

		if (n < 0 || at + (size_t)n >= size)
			return;
		at += (size_t)n;
	}
}

char *value_text(const json_t *value, const char *unit, char *buffer, size_t size)
{
	if (!value || json_is_null(value)) {
		snprintf(buffer, size, "-");
	} else if (json_is_string(value)) {
		snprintf(buffer, size, "%s", json_string_value(value));
	} else if (json_is_boolean(value)) {
		snprintf(buffer, size, "%s", json_is_true(value) ? "yes" : "no");
	} else if (json_is_array(value)) {
		list(value, buffer, size);
	} else if (json_is_object(value)) {
		snprintf(buffer, size, "{...}");
	} else if (strcmp(unit, "bytes") == 0) {
		scaled(json_number_value(value), "B", buffer, size);
	} else if (strcmp(unit, "bitrate") == 0) {
		scaled(json_number_value(value), "bit/s", buffer, size);
	} else if (strcmp(unit, "percent") == 0) {
		snprintf(buffer, size, "%.1f", json_number_value(value));
	} else if (strcmp(unit, "seconds") == 0) {
		duration((json_int_t)json_number_value(value), buffer, size);
	} else if (json_is_real(value)) {
		snprintf(buffer, size, "%.3g", json_real_value(value));
	} else if (strcmp(unit, "count") == 0) {
		grouped(json_integer_value(value), buffer, size);
	} else {
		snprintf(buffer, size, "%lld", (long long)json_integer_value(value));
	}
	clean(buffer);
	return buffer;
}
