/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads a tree by the schema: each value into its field, each mistake into an error line. */
#pragma once

#include "schema.h"

#define CONFIG_PATH_TEXT_MAX 512

struct config_reader {
	const char *file; /* as error lines name it */
	const char *
		folder; /* that relative file names start from, "" = the current one, ends in '/' */
	struct config_errors *errors;
	int failure; /* -ENOMEM: the load cannot say anything sensible any more */
};

/* Where in the tree the reader is: "peers[carrier-a].quirks.acfc", outermost last. */
struct config_path {
	const struct config_path *up;
	const char *key;              /* NULL: an element */
	const struct yaml_node *node; /* element: labels it by its name, if it has one */
	unsigned int index;           /* element, from 0 */
};

char *config_path_text(const struct config_path *path, char buffer[CONFIG_PATH_TEXT_MAX]);

/* One error line at the node's value (or at its key). Always false. */
bool reader_error(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The error "what node holds, expected ...". Always false. */
bool reader_expected(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* The text of a scalar, NULL and an error line if node is none; plain: refuses quotes too. */
const char *reader_scalar(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, bool plain,
	const char *expected);

/* All keys of a mapping; unknown, double and missing ones are errors. */
bool reader_mapping(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *section, void *target);
/* One number within field's min and max. */
bool reader_number(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, uint64_t *out);

/* secret.c: the first and only line of a file. */
bool reader_secret_file(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, char *target);
