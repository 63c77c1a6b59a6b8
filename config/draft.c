/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds places of a draft in its file, and reports errors there. */
#include "draft.h"
#include "error.h"

const struct yaml_node *draft_node(const struct config_draft *draft, struct draft_place place)
{
	const struct yaml_node *node = yaml_node_find(draft->root, place.section), *inner;

	if (place.item)
		node = place.item;
	if (!node)
		return draft->root;
	inner = place.key ? yaml_node_find(node, place.key) : NULL;
	if (!inner)
		return node;
	node = inner;
	if (place.element >= 0 && node->kind == YAML_SEQUENCE) {
		int element = place.element;

		for (inner = node->first; inner && element; inner = inner->next)
			element--;
		if (inner)
			node = inner;
	}
	return node;
}

bool draft_given(const struct config_draft *draft, struct draft_place place)
{
	const struct yaml_node *node = place.item ? place.item
						  : yaml_node_find(draft->root, place.section);

	return yaml_node_find(node, place.key) != NULL;
}

void draft_error(struct config_draft *draft, struct draft_place place, const char *format, ...)
{
	const struct yaml_node *node = draft_node(draft, place);
	struct config_path section = {NULL, place.section, NULL, 0};
	struct config_path item = {&section, NULL, place.item, place.index};
	struct config_path key = {place.item ? &item : &section, place.key, NULL, 0};
	struct config_path element = {&key, NULL, NULL, (unsigned int)place.element};
	const struct config_path *path = place.element >= 0 ? &element : place.key ? &key : key.up;
	char text[CONFIG_PATH_TEXT_MAX];
	va_list args;

	va_start(args, format);
	config_errors_at(draft->reader->errors, draft->reader->file, node->line, node->column,
		config_path_text(path, text), format, args);
	va_end(args);
}
