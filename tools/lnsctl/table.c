/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows on a terminal.
 */
#include "table.h"
#include "value.h"

#include <string.h>

#define CELL_MAX 2048

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

void table_begin(struct table *table, FILE *out, bool json, const json_t *header)
{
	const char *layout = text_of(header, "layout");
	json_t *column;
	size_t i;

	memset(table, 0, sizeof(*table));
	table->out = out;
	table->json = json;
	table->layout = strcmp(layout, "record") == 0 ? TABLE_RECORD
		: strcmp(layout, "message") == 0      ? TABLE_MESSAGE
						      : TABLE_TABLE;
	json_array_foreach(json_object_get(header, "columns"), i, column)
	{
		struct table_column *c = &table->columns[table->n_columns];

		if (table->n_columns == TABLE_COLUMNS_MAX)
			break;
		table->n_columns++;
		snprintf(c->name, sizeof(c->name), "%s", text_of(column, "name"));
		snprintf(c->title, sizeof(c->title), "%s", text_of(column, "title"));
		snprintf(c->unit, sizeof(c->unit), "%s", text_of(column, "unit"));
		c->width = value_width(c->title);
	}
	if (table->layout == TABLE_TABLE && !json)
		table->page = json_array();
	if (json)
		fputs("[", out);
}

static void cell_print(const struct table *table, unsigned int i, const char *text, bool number)
{
	const struct table_column *c = &table->columns[i];
	size_t width = value_width(text), pad = width < c->width ? c->width - width : 0;
	bool last = i + 1 == table->n_columns;

	if (i)
		fputs("  ", table->out);
	if (number)
		fprintf(table->out, "%*s", (int)pad, "");
	fputs(text, table->out);
	if (!number && !last)
		fprintf(table->out, "%*s", (int)pad, "");
	if (last)
		fputc('\n', table->out);
}

static void row_print(const struct table *table, const json_t *row)
{
	char text[CELL_MAX];

	for (unsigned int i = 0; i < table->n_columns; i++) {
		const struct table_column *c = &table->columns[i];

		cell_print(table, i,
			value_text(json_object_get(row, c->name), c->unit, text, sizeof(text)),
			value_is_number(c->unit));
	}
}

static void page_print(struct table *table)
{
	char text[CELL_MAX];
	json_t *row;
	size_t i;

	json_array_foreach(table->page, i, row)
	{
		for (unsigned int k = 0; k < table->n_columns; k++) {
			struct table_column *c = &table->columns[k];
			size_t width = value_width(value_text(
				json_object_get(row, c->name), c->unit, text, sizeof(text)));

			c->width = width > c->width ? width : c->width;
		}
	}
	for (unsigned int k = 0; k < table->n_columns; k++)
		cell_print(
			table, k, table->columns[k].title, value_is_number(table->columns[k].unit));
	json_array_foreach(table->page, i, row) row_print(table, row);
	json_decref(table->page);
	table->page = NULL;
}

static void record_print(struct table *table, const json_t *row)
{
	size_t width = 0;
	char text[CELL_MAX];

	for (unsigned int i = 0; i < table->n_columns; i++) {
		size_t w = value_width(table->columns[i].title);

		width = w > width ? w : width;
	}
	if (table->rows)
		fputc('\n', table->out);
	for (unsigned int i = 0; i < table->n_columns; i++) {
		const struct table_column *c = &table->columns[i];

		if (!json_object_get(row, c->name))
			continue;
		fprintf(table->out, "%s%*s  %s\n", c->title, (int)(width - value_width(c->title)),
			"", value_text(json_object_get(row, c->name), c->unit, text, sizeof(text)));
	}
}

void table_row(struct table *table, json_t *row)
{
	char text[CELL_MAX];

	if (table->json) {
		fputs(table->rows ? ",\n " : "\n ", table->out);
		json_dumpf(row, table->out, JSON_COMPACT);
	} else if (table->layout == TABLE_MESSAGE) {
		fprintf(table->out, "%s\n",
			value_text(json_object_get(row, "message"), "text", text, sizeof(text)));
	} else if (table->layout == TABLE_RECORD) {
		record_print(table, row);
	} else if (table->page) {
		json_array_append(table->page, row);
		if (json_array_size(table->page) >= TABLE_PAGE)
			page_print(table);
	} else {
		row_print(table, row);
	}
	table->rows++;
}

void table_end(struct table *table)
{
	if (table->json)
		fputs(table->rows ? "\n]\n" : "]\n", table->out);
	else if (table->page)
		page_print(table);
	fflush(table->out);
}
