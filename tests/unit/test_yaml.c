/* SPDX-License-Identifier: BSD-3-Clause */
/* Shows what tree yaml.c makes of a document, and where it stops. */
#include <config/yaml.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct yaml_tree tree;
static struct yaml_error error;

static int parse(const char *text)
{
	return yaml_tree_parse(&tree, text, strlen(text), &error);
}

Test(yaml, every_value_and_key_knows_its_line_and_column)
{
	const struct yaml_node *a, *list, *element;

	cr_assert_eq(parse("a: 1\nlist:\n  - x\n  - {k: \"v\"}\n"), 0);
	cr_assert_eq(tree.root->kind, YAML_MAPPING);
	cr_assert_eq(tree.root->n, 2);
	a = yaml_node_find(tree.root, "a");
	cr_assert_str_eq(a->text, "1");
	cr_assert_eq(a->length, 1);
	cr_assert_not(a->quoted);
	cr_assert_eq(a->key_line, 1);
	cr_assert_eq(a->key_column, 1);
	cr_assert_eq(a->line, 1);
	cr_assert_eq(a->column, 4);
	list = yaml_node_find(tree.root, "list");
	cr_assert_eq(list->kind, YAML_SEQUENCE);
	cr_assert_eq(list->n, 2);
	cr_assert_eq(list->first->line, 3);
	cr_assert_eq(list->first->column, 5);
	element = yaml_node_find(list->first->next, "k");
	cr_assert_str_eq(element->text, "v");
	cr_assert(element->quoted);
	cr_assert_eq(element->line, 4);
	cr_assert_eq(element->column, 9);
	cr_assert_null(yaml_node_find(tree.root, "b"));
	cr_assert_null(yaml_node_find(list, "a"));
	yaml_tree_free(&tree);
	cr_assert_null(tree.root);
}

Test(yaml, an_empty_document_is_an_empty_mapping)
{
	static const char *const empty[] = {"", "# only a comment\n", "---\n...\n"};
	unsigned int i;

	for (i = 0; i < 3; i++) {
		cr_assert_eq(parse(empty[i]), 0);
		cr_assert(tree.root->kind == YAML_MAPPING || yaml_node_null(tree.root));
		yaml_tree_free(&tree);
	}
}

Test(yaml, nothing_given_is_only_an_unquoted_nothing)
{
	const struct yaml_node *node;
	unsigned int i = 0;

	cr_assert_eq(parse("[~, null, , \"\", '~', 'null', nul, {}]"), -EINVAL);
	cr_assert_eq(parse("- ~\n- null\n-\n- \"\"\n- '~'\n- 'null'\n- nul\n- {}\n- []\n"), 0);
	for (node = tree.root->first; node; node = node->next, i++)
		cr_assert_eq(yaml_node_null(node), i < 3, "element %u", i);
	cr_assert_eq(i, 9);
	yaml_tree_free(&tree);
}

Test(yaml, a_double_key_keeps_the_first_and_marks_the_others)
{
	const struct yaml_node *node;

	cr_assert_eq(parse("a: 1\nb: 2\na: 3\n'a': 4\n"), 0);
	cr_assert_str_eq(yaml_node_find(tree.root, "a")->text, "1");
	node = tree.root->first;
	cr_assert_eq(node->key_first, 0);
	cr_assert_eq(node->next->key_first, 0);
	cr_assert_eq(node->next->next->key_first, 1);
	cr_assert_eq(node->next->next->next->key_first, 1);
	yaml_tree_free(&tree);
}

Test(yaml, anchors_aliases_and_tags_are_marked_and_never_expanded)
{
	const struct yaml_node *node;

	cr_assert_eq(parse("a: &x [1, 2]\nb: *x\nc: !!str 3\nd: &y 4\ne: !t {}\n"), 0);
	node = tree.root->first;
	cr_assert_str_eq(node->refused, "an anchor");
	node = node->next;
	cr_assert_str_eq(node->refused, "an alias");
	cr_assert_eq(node->kind, YAML_SCALAR);
	cr_assert_eq(node->n, 0);
	node = node->next;
	cr_assert_str_eq(node->refused, "a tag");
	node = node->next;
	cr_assert_str_eq(node->refused, "an anchor");
	node = node->next;
	cr_assert_str_eq(node->refused, "a tag");
	yaml_tree_free(&tree);
}

Test(yaml, a_nul_inside_a_text_is_kept_and_counted)
{
	cr_assert_eq(parse("a: \"x\\0y\"\n"), 0);
	cr_assert_eq(tree.root->first->length, 3);
	cr_assert_eq(memcmp(tree.root->first->text, "x\0y", 4), 0);
	yaml_tree_free(&tree);
}

Test(yaml, broken_syntax_is_an_error_at_its_place)
{
	static const struct {
		const char *text;
		unsigned int line, column;
		const char *message;
	} rows[] = {
		{"a: [1, 2\n", 2, 1,
			"did not find expected ',' or ']' while parsing a flow sequence, expected "
			"valid YAML"},
		{"a: b: c\n", 1, 5,
			"mapping values are not allowed in this context, expected quotes around a "
			"value that "
			"holds \": \", or better indentation"},
		{"a:\n\t- b\n", 2, 1,
			"found character that cannot start any token while scanning for the next "
			"token, "
			"expected spaces, no tabs, and quotes around a value that begins with @ or "
			"`"},
		{"- name: *@isp\n", 1, 10,
			"did not find expected alphabetic or numeric character while scanning an "
			"alias, "
			"expected quotes around a value that begins with '*'"},
		{"a: &@ b\n", 1, 5,
			"did not find expected alphabetic or numeric character while scanning an "
			"anchor, "
			"expected quotes around a value that begins with '&'"},
		{"a: 1\n---\nb: 2\n", 2, 1, "a second document, expected only one"},
		{"? [a]\n: b\n", 1, 3, "a key that is not plain text, expected \"key: value\""},
		{"&x a: b\n", 1, 1, "an anchor or tag on a key, expected plain text"},
		{"a: 1\nb: \"\xff\xfe\"\n", 2, 5,
			"invalid leading UTF-8 octet, expected UTF-8 text"},
		{"x: 'open\n", 2, 1,
			"found unexpected end of stream while scanning a quoted scalar, expected "
			"valid YAML"},
	};
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cr_expect_eq(parse(rows[i].text), -EINVAL, "row %u", i);
		cr_expect_eq(error.line, rows[i].line, "row %u: line %u", i, error.line);
		cr_expect_eq(error.column, rows[i].column, "row %u: column %u", i, error.column);
		cr_expect_str_eq(error.text, rows[i].message, "row %u: %s", i, error.text);
		cr_expect_null(tree.root);
	}
}

Test(yaml, depth_is_bounded)
{
	char text[64];
	unsigned int depth;

	for (depth = 1; depth <= 20; depth++) {
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		text[2 * depth] = '\0';
		cr_assert_eq(parse(text), depth <= YAML_DEPTH_MAX ? 0 : -EINVAL, "depth %u", depth);
		yaml_tree_free(&tree);
	}
	cr_assert_str_eq(error.text, "nested deeper than 16 levels, expected fewer");
}

Test(yaml, keys_of_a_mapping_and_bytes_of_a_scalar_are_bounded)
{
	char *text = malloc(8192), *p = text;
	unsigned int i;

	for (i = 0; i < YAML_KEYS_MAX; i++)
		p += sprintf(p, "k%u: 1\n", i);
	cr_assert_eq(parse(text), 0);
	cr_assert_eq(tree.root->n, YAML_KEYS_MAX);
	yaml_tree_free(&tree);
	sprintf(p, "more: 1\n");
	cr_assert_eq(parse(text), -EINVAL);
	cr_assert_str_eq(error.text, "more than 256 keys in one mapping, expected fewer");
	cr_assert_eq(error.line, YAML_KEYS_MAX + 1);

	strcpy(text, "a: ");
	memset(text + 3, 'x', YAML_SCALAR_MAX);
	text[3 + YAML_SCALAR_MAX] = '\0';
	cr_assert_eq(parse(text), 0);
	yaml_tree_free(&tree);
	strcpy(text + 3 + YAML_SCALAR_MAX, "x");
	cr_assert_eq(parse(text), -EINVAL);
	cr_assert_str_eq(error.text, "a value longer than 4096 bytes, expected a shorter one");
	free(text);
}
