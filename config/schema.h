/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The schema: one table row per key, which says where its value goes, what it may be, what it is if
 * not given, and whether a reload can change it. Reading, comparing and freeing all follow it.
 */
#pragma once

#include <config/config.h>
#include <config/yaml.h>

enum schema_type {
	SCHEMA_TEXT,         /* char[size]; check may narrow what it may hold */
	SCHEMA_SECRET,       /* char[size], never echoed */
	SCHEMA_SECRET_FILE,  /* the same, from the file that is named */
	SCHEMA_REFERENCE,    /* a name that the checks turn into an index; stored nowhere */
	SCHEMA_BOOL,         /* bool */
	SCHEMA_NUMBER,       /* unsigned integer of size bytes */
	SCHEMA_MILLISECONDS, /* uint32_t, written as a time */
	SCHEMA_SECONDS,      /* uint32_t, written as a time */
	SCHEMA_CHOICE,       /* uint8_t: min + index of the word in choices */
	SCHEMA_MAPPING,      /* section, its offsets relative to this field's offset */
	SCHEMA_LIST,         /* pointer to an array of item_size at offset, n at count_offset */
	SCHEMA_CUSTOM,       /* read and size bytes: compared byte by byte */
};

struct config_reader;
struct config_path;
struct schema_field;

/* Reads node into target; says false after it has reported an error. */
typedef bool schema_read_fn(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target);

struct schema_field {
	const char *key; /* NULL ends a section */
	enum schema_type type;
	bool restart; /* a change needs a restart; false: a reload applies it */
	bool required;
	bool zero;      /* 0 is accepted too, although min is above it */
	bool zero_deny; /* lists: at least one element */
	size_t offset, size;
	uint64_t min, max; /* numbers, times; TEXT: bytes, LIST: max elements */
	uint64_t value;    /* default of a number, time, choice, bool */
	const char *text;  /* default of a text */
	const char *const *choices;
	const char *(*check)(const char *text); /* NULL or what was expected */
	const struct schema_field *section;     /* MAPPING; LIST of mappings */
	schema_read_fn *read;                   /* CUSTOM; LIST of scalars */
	size_t count_offset, item_size;
	bool strings; /* LIST whose elements are char * of their own */
};

extern const struct schema_field schema_root[]; /* of struct config */

const struct schema_field *schema_find(const struct schema_field *section, const char *key);
/* Writes an unsigned integer of size 1, 2 or 4. */
void schema_store(void *target, size_t size, uint64_t value);
/* Writes the defaults of a section and of the mappings in it. */
void schema_defaults(const struct schema_field *section, void *target);
/* Is there a secret in what a section describes? Lists of such are kept in secret memory. */
bool schema_secret(const struct schema_field *section);
/* Frees what the lists of a section own, wiping it first. */
void schema_free(const struct schema_field *section, void *target);
/* Are the two values of a field the same? */
bool schema_equal(const struct schema_field *field, const void *a, const void *b);
