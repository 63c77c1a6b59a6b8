/* SPDX-License-Identifier: BSD-3-Clause */
/* Walks the schema's tables: look-up, defaults, comparison, freeing. */
#include "schema.h"

#include <config/secret_memory.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void schema_store(void *target, size_t size, uint64_t value)
{
	uint8_t u8 = (uint8_t)value;
	uint16_t u16 = (uint16_t)value;
	uint32_t u32 = (uint32_t)value;

	memcpy(target, size == 1 ? (void *)&u8 : size == 2 ? (void *)&u16 : (void *)&u32, size);
}

const struct schema_field *schema_find(const struct schema_field *section, const char *key)
{
	for (; section->key; section++)
		if (!strcmp(section->key, key))
			return section;
	return NULL;
}

void schema_defaults(const struct schema_field *section, void *base)
{
	for (; section->key; section++) {
		char *target = (char *)base + section->offset;

		switch (section->type) {
		case SCHEMA_TEXT:
			if (section->text)
				snprintf(target, section->size, "%s", section->text);
			break;
		case SCHEMA_BOOL:
			*(bool *)target = section->value;
			break;
		case SCHEMA_NUMBER:
		case SCHEMA_MILLISECONDS:
		case SCHEMA_SECONDS:
		case SCHEMA_CHOICE:
			schema_store(target, section->size, section->value);
			break;
		case SCHEMA_MAPPING:
			schema_defaults(section->section, target);
			break;
		default:
			break;
		}
	}
}

bool schema_secret(const struct schema_field *section)
{
	for (; section && section->key; section++)
		if (section->type == SCHEMA_SECRET || section->type == SCHEMA_SECRET_FILE ||
			(section->type == SCHEMA_MAPPING && schema_secret(section->section)))
			return true;
	return false;
}

void schema_free(const struct schema_field *section, void *base)
{
	for (; section->key; section++) {
		char **list = (char **)((char *)base + section->offset);
		unsigned int i, n;

		if (section->type == SCHEMA_MAPPING)
			schema_free(section->section, (char *)base + section->offset);
		if (section->type != SCHEMA_LIST || !*list)
			continue;
		n = *(unsigned int *)((char *)base + section->count_offset);
		for (i = 0; i < n; i++) {
			if (section->strings)
				free(((char **)*list)[i]);
			else if (section->section)
				schema_free(section->section, *list + i * section->item_size);
		}
		if (schema_secret(section->section)) {
			secret_memory_free(*list);
		} else {
			explicit_bzero(*list, n * section->item_size);
			free(*list);
		}
		*list = NULL;
	}
}

bool schema_equal(const struct schema_field *field, const void *base_a, const void *base_b)
{
	const char *a = (const char *)base_a + field->offset;
	const char *b = (const char *)base_b + field->offset;
	const struct schema_field *inner;
	unsigned int i, n;

	switch (field->type) {
	case SCHEMA_TEXT:
	case SCHEMA_SECRET:
	case SCHEMA_SECRET_FILE:
		return !strcmp(a, b);
	case SCHEMA_MAPPING:
		for (inner = field->section; inner->key; inner++)
			if (!schema_equal(inner, a, b))
				return false;
		return true;
	case SCHEMA_LIST:
		n = *(const unsigned int *)((const char *)base_a + field->count_offset);
		if (n != *(const unsigned int *)((const char *)base_b + field->count_offset))
			return false;
		a = *(char *const *)a;
		b = *(char *const *)b;
		for (i = 0; i < n; i++, a += field->item_size, b += field->item_size) {
			if (field->strings) {
				if (strcmp(*(char *const *)a, *(char *const *)b))
					return false;
			} else if (field->section) {
				for (inner = field->section; inner->key; inner++)
					if (!schema_equal(inner, a, b))
						return false;
			} else if (memcmp(a, b, field->item_size)) {
				return false;
			}
		}
		return true;
	default:
		return !memcmp(a, b, field->size);
	}
}
