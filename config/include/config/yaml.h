/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A YAML document as a tree whose every value knows its line and column.
 *
 * Only the part of YAML that a configuration needs: mappings with text keys, sequences, scalars. What
 * goes beyond (anchors, aliases, tags) and a key given twice are marked in the tree, for the schema
 * to refuse with the name of the field; broken syntax and what exceeds a bound end the parse.
 * Lines and columns count from 1. Texts end with a NUL, and may hold others (length tells).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define YAML_DEPTH_MAX  16      /* containers inside each other */
#define YAML_NODES_MAX  8000000 /* values of one document */
#define YAML_KEYS_MAX   256     /* keys of one mapping */
#define YAML_SCALAR_MAX 4096    /* bytes of one scalar */

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
	enum yaml_kind kind;
	bool quoted;         /* a scalar in quotes or as a block: text, whatever it looks like */
	const char *refused; /* "an alias", "an anchor", "a tag"; NULL: none of these */
	unsigned int line, column;
	/* scalar */
	const char *text;
	size_t length;
	/* child of a mapping: its key */
	const char *key;
	size_t key_length;
	unsigned int key_line, key_column;
	unsigned int key_first; /* line of the same key before this one, 0 = it is the first */
	/* sequence, mapping: the children in the order of the file */
	unsigned int n;
	struct yaml_node *first;
	struct yaml_node *next; /* sibling */
};

struct yaml_chunk;

struct yaml_tree {
	struct yaml_chunk *chunks; /* own all nodes and texts */
	struct yaml_node *root;    /* an empty document is an empty mapping */
	unsigned int n_nodes;
};

struct yaml_error {
	unsigned int line, column;
	char text[200]; /* never holds a piece of the document, which may be a secret */
};

/* 0, -EINVAL and *error, or -ENOMEM. */
int yaml_tree_parse(
	struct yaml_tree *tree, const void *text, size_t length, struct yaml_error *error);
/* Wipes, then frees. */
void yaml_tree_free(struct yaml_tree *tree);
/* The value of a key (the first, if it stands twice); NULL if absent or if mapping is none. */
const struct yaml_node *yaml_node_find(const struct yaml_node *mapping, const char *key);
/* Was nothing given: an empty plain scalar, "~" or "null"? */
bool yaml_node_null(const struct yaml_node *node);
