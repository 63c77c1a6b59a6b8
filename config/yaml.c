/* SPDX-License-Identifier: BSD-3-Clause */
/* Builds the tree of a YAML document from libyaml's events, within fixed bounds. */
#include <config/secret_memory.h>
#include <config/yaml.h>

#include <yaml.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE ((size_t)64 * 1024)

struct yaml_chunk {
	struct yaml_chunk *next;
	size_t size, used;
	_Alignas(16) unsigned char bytes[];
};

struct builder {
	struct yaml_tree *tree;
	struct yaml_error *error;
	unsigned int depth;
	struct yaml_node *open[YAML_DEPTH_MAX];  /* containers not yet ended, outermost first */
	struct yaml_node **tail[YAML_DEPTH_MAX]; /* where the next child of each is linked */
	struct yaml_node *keyed;                 /* node that has its key and waits for its value */
};

static void *tree_alloc(struct yaml_tree *tree, size_t size)
{
	struct yaml_chunk *chunk = tree->chunks;
	void *p;

	size = (size + 15) & ~(size_t)15;
	if (!chunk || chunk->size - chunk->used < size) {
		size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;

		chunk = secret_memory_alloc(sizeof(*chunk) + room);
		if (!chunk)
			return NULL;
		chunk->size = room;
		chunk->next = tree->chunks;
		tree->chunks = chunk;
	}
	p = chunk->bytes + chunk->used;
	chunk->used += size;
	return p;
}

void yaml_tree_free(struct yaml_tree *tree)
{
	struct yaml_chunk *chunk, *next;

	for (chunk = tree->chunks; chunk; chunk = next) {
		next = chunk->next;
		secret_memory_free(chunk);
	}
	memset(tree, 0, sizeof(*tree));
}

static int builder_error(struct builder *b, const yaml_mark_t *mark, const char *text)
{
	b->error->line = mark->line + 1;
	b->error->column = mark->column + 1;
	snprintf(b->error->text, sizeof(b->error->text), "%s", text);
	return -EINVAL;
}

static char *builder_text(struct builder *b, const yaml_event_t *event)
{
	size_t length = event->data.scalar.length;
	char *text = tree_alloc(b->tree, length + 1);

	if (text)
		memcpy(text, event->data.scalar.value,
			length); /* memory is zeroed: NUL-terminated */
	return text;
}

static struct yaml_node *builder_node(struct builder *b)
{
	struct yaml_node *node = tree_alloc(b->tree, sizeof(*node));

	if (node)
		b->tree->n_nodes++;
	return node;
}

static int builder_key(struct builder *b, const yaml_event_t *event)
{
	struct yaml_node *mapping = b->open[b->depth - 1];
	const yaml_mark_t *mark = &event->start_mark;
	struct yaml_node *node, *other;

	if (event->type != YAML_SCALAR_EVENT)
		return builder_error(
			b, mark, "a key that is not plain text, expected \"key: value\"");
	if (event->data.scalar.anchor || event->data.scalar.tag)
		return builder_error(b, mark, "an anchor or tag on a key, expected plain text");
	if (event->data.scalar.length > YAML_SCALAR_MAX)
		return builder_error(
			b, mark, "a key longer than 4096 bytes, expected a shorter one");
	if (mapping->n >= YAML_KEYS_MAX)
		return builder_error(b, mark, "more than 256 keys in one mapping, expected fewer");
	node = builder_node(b);
	if (!node)
		return -ENOMEM;
	node->key = builder_text(b, event);
	if (!node->key)
		return -ENOMEM;
	node->key_length = event->data.scalar.length;
	node->key_line = mark->line + 1;
	node->key_column = mark->column + 1;
	for (other = mapping->first; other; other = other->next) {
		if (other->key_length == node->key_length &&
			!memcmp(other->key, node->key, node->key_length)) {
			node->key_first = other->key_line;
			break;
		}
	}
	mapping->n++;
	*b->tail[b->depth - 1] = node;
	b->tail[b->depth - 1] = &node->next;
	b->keyed = node;
	return 0;
}

/* The node that an event's value goes into: the keyed one, a new element, or the root. */
static struct yaml_node *builder_place(struct builder *b)
{
	struct yaml_node *node = b->keyed, *sequence;

	if (node) {
		b->keyed = NULL;
		return node;
	}
	node = builder_node(b);
	if (!node)
		return NULL;
	if (!b->depth) {
		b->tree->root = node;
		return node;
	}
	sequence = b->open[b->depth - 1];
	sequence->n++;
	*b->tail[b->depth - 1] = node;
	b->tail[b->depth - 1] = &node->next;
	return node;
}

static int builder_open(struct builder *b, struct yaml_node *node, const yaml_mark_t *mark)
{
	if (b->depth == YAML_DEPTH_MAX)
		return builder_error(b, mark, "nested deeper than 16 levels, expected fewer");
	b->tail[b->depth] = &node->first;
	b->open[b->depth++] = node;
	return 0;
}

static const char *refused_name(const void *anchor, const void *tag)
{
	return anchor ? "an anchor" : tag ? "a tag" : NULL;
}

static int builder_value(struct builder *b, const yaml_event_t *event)
{
	const yaml_mark_t *mark = &event->start_mark;
	struct yaml_node *node;

	if (b->tree->n_nodes >= YAML_NODES_MAX)
		return builder_error(b, mark, "more than 8,000,000 values, expected fewer");
	node = builder_place(b);
	if (!node)
		return -ENOMEM;
	node->line = mark->line + 1;
	node->column = mark->column + 1;
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		if (event->data.scalar.length > YAML_SCALAR_MAX)
			return builder_error(
				b, mark, "a value longer than 4096 bytes, expected a shorter one");
		node->refused = refused_name(event->data.scalar.anchor, event->data.scalar.tag);
		node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
		node->length = event->data.scalar.length;
		node->text = builder_text(b, event);
		return node->text ? 0 : -ENOMEM;
	case YAML_SEQUENCE_START_EVENT:
		node->kind = YAML_SEQUENCE;
		node->refused = refused_name(
			event->data.sequence_start.anchor, event->data.sequence_start.tag);
		return builder_open(b, node, mark);
	case YAML_MAPPING_START_EVENT:
		node->kind = YAML_MAPPING;
		node->refused = refused_name(
			event->data.mapping_start.anchor, event->data.mapping_start.tag);
		return builder_open(b, node, mark);
	default: /* YAML_ALIAS_EVENT */
		node->refused = "an alias";
		node->text = "";
		return 0;
	}
}

static int builder_event(struct builder *b, const yaml_event_t *event)
{
	bool want_key = b->depth && b->open[b->depth - 1]->kind == YAML_MAPPING && !b->keyed;

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (b->tree->root)
			return builder_error(
				b, &event->start_mark, "a second document, expected only one");
		return 0;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		return 0;
	case YAML_SCALAR_EVENT:
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
	case YAML_ALIAS_EVENT:
		return want_key ? builder_key(b, event) : builder_value(b, event);
	default:
		return 0;
	}
}

/* libyaml's messages are constant strings: nothing of the document is in them. */
static int parser_error(
	const yaml_parser_t *parser, const void *text, size_t length, struct yaml_error *error)
{
	const char *problem = parser->problem ? parser->problem : "broken syntax";
	const char *context = parser->context ? parser->context : "";
	const char *hint = "expected valid YAML";

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (strstr(context, "alias"))
		hint = "expected quotes around a value that begins with '*'";
	else if (strstr(context, "anchor"))
		hint = "expected quotes around a value that begins with '&'";
	else if (strstr(problem, "cannot start any token"))
		hint = "expected spaces, no tabs, and quotes around a value that begins with @ or "
		       "`";
	else if (strstr(problem, "mapping values are not allowed"))
		hint = "expected quotes around a value that holds \": \", or better indentation";
	if (parser->error == YAML_READER_ERROR) {
		const char *p = text, *end = p + length;

		if (parser->problem_offset < length)
			end = p + parser->problem_offset;
		error->line = error->column = 1;
		for (; p < end; p++) {
			error->column = *p == '\n' ? 1 : error->column + 1;
			error->line += *p == '\n';
		}
		hint = "expected UTF-8 text";
	} else {
		error->line = parser->problem_mark.line + 1;
		error->column = parser->problem_mark.column + 1;
	}
	snprintf(error->text, sizeof(error->text), "%s%s%s, %s", problem, *context ? " " : "",
		context, hint);
	return -EINVAL;
}

static void event_wipe(yaml_event_t *event)
{
	if (event->type == YAML_SCALAR_EVENT)
		explicit_bzero(event->data.scalar.value, event->data.scalar.length);
	yaml_event_delete(event);
}

/* Secrets have gone through libyaml's two buffers: wipe them before it frees them. */
static void parser_wipe(yaml_parser_t *parser)
{
	if (parser->raw_buffer.start)
		explicit_bzero(parser->raw_buffer.start,
			parser->raw_buffer.end - parser->raw_buffer.start);
	if (parser->buffer.start)
		explicit_bzero(parser->buffer.start, parser->buffer.end - parser->buffer.start);
	yaml_parser_delete(parser);
}

int yaml_tree_parse(
	struct yaml_tree *tree, const void *text, size_t length, struct yaml_error *error)
{
	struct builder builder = {.tree = tree, .error = error};
	yaml_parser_t parser;
	yaml_event_t event;
	bool end = false;
	int ret = 0;

	memset(tree, 0, sizeof(*tree));
	memset(error, 0, sizeof(*error));
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, text, length);
	while (!end && !ret) {
		if (!yaml_parser_parse(&parser, &event)) {
			ret = parser_error(&parser, text, length, error);
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		ret = builder_event(&builder, &event);
		event_wipe(&event);
	}
	parser_wipe(&parser);
	if (!ret && !tree->root) {
		tree->root = builder_node(&builder);
		if (tree->root) {
			tree->root->kind = YAML_MAPPING;
			tree->root->line = tree->root->column = 1;
		} else {
			ret = -ENOMEM;
		}
	}
	if (ret)
		yaml_tree_free(tree);
	return ret;
}

const struct yaml_node *yaml_node_find(const struct yaml_node *mapping, const char *key)
{
	const struct yaml_node *node;

	if (!mapping || mapping->kind != YAML_MAPPING)
		return NULL;
	for (node = mapping->first; node; node = node->next)
		if (!strcmp(node->key, key) && node->key_length == strlen(key))
			return node;
	return NULL;
}

bool yaml_node_null(const struct yaml_node *node)
{
	if (node->kind != YAML_SCALAR || node->quoted || node->refused)
		return false;
	return !node->length || !strcmp(node->text, "~") || !strcmp(node->text, "null");
}
