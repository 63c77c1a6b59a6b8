/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads a tree by the schema: each value into its field, each mistake into an error line. */
#include "reader.h"
#include "error.h"
#include "value.h"

#include <config/secret_memory.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 64 /* of one section: the longest has half of it */

char *config_path_text(const struct config_path *path, char buffer[CONFIG_PATH_TEXT_MAX])
{
	size_t used;

	buffer[0] = '\0';
	if (!path)
		return buffer;
	config_path_text(path->up, buffer);
	used = strlen(buffer);
	if (path->key) {
		char key[VALUE_TEXT_MAX];

		snprintf(buffer + used, CONFIG_PATH_TEXT_MAX - used, "%s%s", used ? "." : "",
			value_excerpt(path->key, strlen(path->key), key));
	} else {
		const struct yaml_node *name = yaml_node_find(path->node, "name");
		char label[VALUE_TEXT_MAX];

		if (name && name->kind == YAML_SCALAR && name->length)
			value_excerpt(name->text, name->length, label);
		else
			snprintf(label, sizeof(label), "%u", path->index);
		snprintf(buffer + used, CONFIG_PATH_TEXT_MAX - used, "[%s]", label);
	}
	return buffer;
}

static void reader_report(struct config_reader *reader, const struct config_path *path,
	unsigned int line, unsigned int column, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

static void reader_report(struct config_reader *reader, const struct config_path *path,
	unsigned int line, unsigned int column, const char *format, ...)
{
	char text[CONFIG_PATH_TEXT_MAX];
	va_list args;

	va_start(args, format);
	config_path_text(path, text);
	config_errors_at(
		reader->errors, reader->file, line, column, *text ? text : "(file)", format, args);
	va_end(args);
}

bool reader_error(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const char *format, ...)
{
	char text[CONFIG_PATH_TEXT_MAX];
	va_list args;

	va_start(args, format);
	config_path_text(path, text);
	config_errors_at(reader->errors, reader->file, node->line, node->column,
		*text ? text : "(file)", format, args);
	va_end(args);
	return false;
}

/* What a node holds, as an error line may show it. */
static char *node_given(
	const struct yaml_node *node, const struct schema_field *field, char *buffer)
{
	char excerpt[VALUE_TEXT_MAX];

	if (node->refused)
		snprintf(buffer, VALUE_TEXT_MAX * 2, "%s (not supported)", node->refused);
	else if (node->kind != YAML_SCALAR)
		snprintf(buffer, VALUE_TEXT_MAX * 2,
			node->kind == YAML_SEQUENCE ? "a list" : "a mapping");
	else if (yaml_node_null(node))
		snprintf(buffer, VALUE_TEXT_MAX * 2, "nothing");
	else if (field && field->type == SCHEMA_SECRET)
		snprintf(buffer, VALUE_TEXT_MAX * 2, "a text of %zu bytes (not shown)",
			node->length);
	else if (node->quoted)
		snprintf(buffer, VALUE_TEXT_MAX * 2, "the text \"%s\"",
			value_excerpt(node->text, node->length, excerpt));
	else
		snprintf(buffer, VALUE_TEXT_MAX * 2, "%s",
			value_excerpt(node->text, node->length, excerpt));
	return buffer;
}

bool reader_expected(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, const char *format, ...)
{
	char given[VALUE_TEXT_MAX * 2], expected[512];
	va_list args;

	va_start(args, format);
	vsnprintf(expected, sizeof(expected), format, args);
	va_end(args);
	return reader_error(
		reader, path, node, "%s, expected %s", node_given(node, field, given), expected);
}

const char *reader_scalar(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, bool plain,
	const char *expected)
{
	if (node->kind == YAML_SCALAR && !node->refused && !yaml_node_null(node) &&
		!(plain && node->quoted) && strlen(node->text) == node->length)
		return node->text;
	if (plain && node->quoted && node->kind == YAML_SCALAR && !node->refused)
		reader_expected(reader, path, node, field, "%s without quotes", expected);
	else
		reader_expected(reader, path, node, field, "%s", expected);
	return NULL;
}

bool reader_number(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, uint64_t *out)
{
	char expected[VALUE_TEXT_MAX];
	uint64_t value;
	const char *text;

	snprintf(expected, sizeof(expected), "a number from %" PRIu64 " to %" PRIu64 "%s",
		field->min, field->max, field->zero ? ", or 0" : "");
	text = reader_scalar(reader, path, node, field, true, expected);
	if (!text)
		return false;
	if (value_number(text, &value) ||
		((value < field->min || value > field->max) && !(field->zero && !value)))
		return reader_expected(reader, path, node, field, "%s", expected);
	*out = value;
	return true;
}

static bool read_time(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	unsigned int unit = field->type == SCHEMA_SECONDS ? 1000 : 1;
	char first[VALUE_TEXT_MAX], last[VALUE_TEXT_MAX], expected[2 * VALUE_TEXT_MAX + 64];
	const char *text;
	uint64_t ms;

	snprintf(expected, sizeof(expected), "a time from %s to %s%s%s",
		value_duration_text(field->min * unit, first),
		value_duration_text(field->max * unit, last), field->zero ? ", or 0" : "",
		unit == 1 ? "" : ", whole seconds");
	text = reader_scalar(reader, path, node, field, false, expected);
	if (!text)
		return false;
	if (value_duration(text, &ms))
		return reader_expected(
			reader, path, node, field, "%s (such as 500ms, 60s, 5m, 1h)", expected);
	if (ms % unit ||
		((ms / unit < field->min || ms / unit > field->max) && !(field->zero && !ms)))
		return reader_expected(reader, path, node, field, "%s", expected);
	schema_store(target, field->size, ms / unit);
	return true;
}

static bool read_bool(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	static const char *const yes[] = {
		"yes", "on", "y", "1", "True", "TRUE", "Yes", "YES", "On", "ON", NULL};
	static const char *const no[] = {
		"no", "off", "n", "0", "False", "FALSE", "No", "NO", "Off", "OFF", NULL};
	const char *text = reader_scalar(reader, path, node, field, true, "true or false");
	unsigned int i;

	if (!text)
		return false;
	if (!strcmp(text, "true") || !strcmp(text, "false")) {
		*(bool *)target = *text == 't';
		return true;
	}
	for (i = 0; yes[i]; i++)
		if (!strcmp(text, yes[i]))
			return reader_expected(
				reader, path, node, field, "true or false (write true)");
	for (i = 0; no[i]; i++)
		if (!strcmp(text, no[i]))
			return reader_expected(
				reader, path, node, field, "true or false (write false)");
	return reader_expected(reader, path, node, field, "true or false");
}

static void words_join(const char *const *words, char *buffer, size_t size)
{
	size_t used = 0;

	buffer[0] = '\0';
	for (; *words && used < size; words++)
		used += snprintf(buffer + used, size - used, "%s%s", used ? ", " : "", *words);
}

static bool read_choice(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	char words[256], expected[300];
	const char *text;
	unsigned int i;

	words_join(field->choices, words, sizeof(words));
	snprintf(expected, sizeof(expected), "one of %s", words);
	text = reader_scalar(reader, path, node, field, false, expected);
	if (!text)
		return false;
	for (i = 0; field->choices[i]; i++) {
		if (!strcmp(text, field->choices[i])) {
			*(uint8_t *)target = (uint8_t)(field->min + i);
			return true;
		}
	}
	return reader_expected(reader, path, node, field, "%s", expected);
}

/* Also secrets: those may hold any byte but NUL and line ends. */
static bool read_text(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, char *target)
{
	bool secret = field->type == SCHEMA_SECRET;
	char expected[VALUE_TEXT_MAX];
	const char *text, *problem;
	size_t i;

	snprintf(expected, sizeof(expected), "1 to %" PRIu64 " characters", field->max);
	text = reader_scalar(reader, path, node, field, false, expected);
	if (!text)
		return false;
	if (!node->length || node->length > field->max)
		return reader_expected(reader, path, node, field, "%s", expected);
	for (i = 0; i < node->length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (secret ? c == '\n' || c == '\r' : c < ' ' || c == 0x7f)
			return reader_expected(
				reader, path, node, field, "one line without control characters");
	}
	problem = field->check ? field->check(text) : NULL;
	if (problem)
		return reader_expected(reader, path, node, field, "%s", problem);
	if (field->type != SCHEMA_REFERENCE)
		memcpy(target, text, node->length + 1);
	return true;
}

static bool read_list(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target, void *base)
{
	unsigned int *count = (unsigned int *)((char *)base + field->count_offset);
	const struct yaml_node *child;
	bool ok = true;
	char *items;

	if (node->kind != YAML_SEQUENCE || node->refused) {
		if (yaml_node_null(node) && !field->zero_deny)
			return true;
		return reader_expected(reader, path, node, field, "a list");
	}
	if (node->n > field->max || (!node->n && field->zero_deny))
		return reader_error(reader, path, node, "%u elements, expected %u to %" PRIu64,
			node->n, field->zero_deny ? 1 : 0, field->max);
	if (!node->n)
		return true;
	items = schema_secret(field->section) ? secret_memory_alloc(node->n * field->item_size)
					      : calloc(node->n, field->item_size);
	if (!items) {
		reader->failure = -ENOMEM;
		return false;
	}
	*(void **)target = items;
	/* Element i of the array is element i of the file, also where it could not be read. */
	*count = node->n;
	for (child = node->first; child; child = child->next, items += field->item_size) {
		struct config_path element = {path, NULL, child,
			(unsigned int)((items - *(char **)target) / (ptrdiff_t)field->item_size)};

		if (reader->failure)
			return false;
		if (field->read) {
			ok &= field->read(reader, &element, child, field, items);
		} else {
			schema_defaults(field->section, items);
			ok &= reader_mapping(reader, &element, child, field->section, items);
		}
	}
	return ok;
}

static bool read_field(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *base)
{
	void *target = (char *)base + field->offset;
	uint64_t number;

	switch (field->type) {
	case SCHEMA_TEXT:
	case SCHEMA_SECRET:
	case SCHEMA_REFERENCE:
		return read_text(reader, path, node, field, target);
	case SCHEMA_SECRET_FILE:
		return reader_secret_file(reader, path, node, field, target);
	case SCHEMA_BOOL:
		return read_bool(reader, path, node, field, target);
	case SCHEMA_NUMBER:
		if (!reader_number(reader, path, node, field, &number))
			return false;
		schema_store(target, field->size, number);
		return true;
	case SCHEMA_MILLISECONDS:
	case SCHEMA_SECONDS:
		return read_time(reader, path, node, field, target);
	case SCHEMA_CHOICE:
		return read_choice(reader, path, node, field, target);
	case SCHEMA_MAPPING:
		return reader_mapping(reader, path, node, field->section, target);
	case SCHEMA_LIST:
		return read_list(reader, path, node, field, target, base);
	case SCHEMA_CUSTOM:
		return field->read(reader, path, node, field, target);
	}
	return false;
}

/*
 * A password that is not quoted may fall into pieces, which then look like keys: in a section with
 * secrets a key is only shown if it looks like one of that section's.
 */
static bool key_shown(
	const struct yaml_node *child, const struct schema_field *section, const char *nearest)
{
	size_t i;

	for (i = 0; nearest && i < child->key_length; i++)
		if (!isalnum((unsigned char)child->key[i]) && !strchr("-_", child->key[i]))
			nearest = NULL;
	if (nearest)
		return true;
	for (; section->key; section++)
		if (section->type == SCHEMA_SECRET)
			return false;
	return true;
}

static bool unknown_key(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *child, const struct schema_field *section)
{
	const char *keys[KEYS_MAX + 1], *nearest;
	struct config_path at = {path, child->key, NULL, 0};
	char words[512];
	unsigned int n = 0;

	for (; section[n].key && n < KEYS_MAX; n++)
		keys[n] = section[n].key;
	keys[n] = NULL;
	nearest = value_nearest(child->key, keys);
	words_join(keys, words, sizeof(words));
	if (!key_shown(child, section, nearest)) {
		reader_report(reader, path, child->key_line, child->key_column,
			"unknown key (not shown, it may be a piece of a secret that needs quotes), "
			"expected one of %s",
			words);
	} else if (nearest) {
		reader_report(reader, &at, child->key_line, child->key_column,
			"unknown key, did you mean %s?", nearest);
	} else {
		reader_report(reader, &at, child->key_line, child->key_column,
			"unknown key, expected one of %s", words);
	}
	return false;
}

bool reader_mapping(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *section, void *target)
{
	const struct yaml_node *child;
	const struct schema_field *field;
	bool ok = true;

	if (node->kind != YAML_MAPPING || node->refused) {
		if (!yaml_node_null(node))
			return reader_expected(reader, path, node, NULL, "a mapping of keys");
	}
	for (child = node->first; child && node->kind == YAML_MAPPING; child = child->next) {
		struct config_path at = {path, child->key, NULL, 0};

		field = schema_find(section, child->key);
		if (!field || child->key_length != strlen(child->key)) {
			ok = unknown_key(reader, path, child, section);
		} else if (child->key_first) {
			reader_report(reader, &at, child->key_line, child->key_column,
				"given a second time, expected once (line %u has it)",
				child->key_first);
			ok = false;
		} else {
			ok &= read_field(reader, &at, child, field, target);
		}
	}
	for (field = section; field->key; field++) {
		struct config_path at = {path, field->key, NULL, 0};

		if (field->required && !yaml_node_find(node, field->key))
			ok = reader_error(reader, &at, node, "not given, expected a value");
	}
	return ok;
}
