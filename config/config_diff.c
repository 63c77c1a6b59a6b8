/* SPDX-License-Identifier: BSD-3-Clause */
/* Names what differs between two configurations and needs a restart. */
#include "schema.h"
#include "error.h"

#include <string.h>

static void name_add(struct config_errors *names, unsigned int *n, const char *section,
	const char *item, const char *key)
{
	(*n)++;
	if (names)
		config_errors_add(names, "%s%s%s%s%s%s", section, item ? "[" : "", item ? item : "",
			item ? "]" : "", key ? "." : "", key ? key : "");
}

static void section_diff(const char *section, const char *item, const struct schema_field *fields,
	const void *running, const void *wanted, struct config_errors *names, unsigned int *n)
{
	for (; fields->key; fields++)
		if (fields->restart && !schema_equal(fields, running, wanted))
			name_add(names, n, section, item, fields->key);
}

static const void *element_find(const char *elements, size_t size, unsigned int n, const char *name)
{
	for (; n; n--, elements += size)
		if (!strcmp(elements, name))
			return elements;
	return NULL;
}

/* Elements are compared by their names, which stand at the start of each. */
static void list_diff(const struct schema_field *list, const struct config *running,
	const struct config *wanted, struct config_errors *names, unsigned int *n)
{
	const char *ours = *(char *const *)((const char *)running + list->offset);
	const char *theirs = *(char *const *)((const char *)wanted + list->offset);
	unsigned int n_ours = *(const unsigned int *)((const char *)running + list->count_offset);
	unsigned int n_theirs = *(const unsigned int *)((const char *)wanted + list->count_offset);
	size_t size = list->item_size;
	unsigned int i, before = *n;

	for (i = 0; i < n_ours; i++) {
		const char *element = ours + i * size;
		const void *other = element_find(theirs, size, n_theirs, element);

		if (other)
			section_diff(list->key, element, list->section, element, other, names, n);
		else
			name_add(names, n, list->key, element, NULL);
	}
	for (i = 0; i < n_theirs; i++)
		if (!element_find(ours, size, n_ours, theirs + i * size))
			name_add(names, n, list->key, theirs + i * size, NULL);
	/* Indices are in use all over the daemon: the order is part of the value. */
	for (i = 0; i < n_ours && *n == before; i++)
		if (strcmp(ours + i * size, theirs + i * size))
			name_add(names, n, list->key, NULL, "order");
}

unsigned int config_restart_needed(
	const struct config *running, const struct config *wanted, struct config_errors *names)
{
	const struct schema_field *field;
	unsigned int n = 0;

	for (field = schema_root; field->key; field++) {
		if (field->type == SCHEMA_MAPPING)
			section_diff(field->key, NULL, field->section,
				(const char *)running + field->offset,
				(const char *)wanted + field->offset, names, &n);
		else if (field->restart)
			list_diff(field, running, wanted, names, &n);
	}
	return n;
}
