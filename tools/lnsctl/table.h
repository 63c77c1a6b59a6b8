/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows on a terminal: a table whose column widths come from the first page, a list of one row, or JSON.
 */
#pragma once

#include <jansson.h>

#include <stdbool.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 48
#define TABLE_PAGE        200 /* rows that the widths are taken from */

struct table {
	FILE *out;
	bool json;
	enum { TABLE_TABLE, TABLE_RECORD, TABLE_MESSAGE } layout;
	unsigned int n_columns;
	struct table_column {
		char name[48], title[64], unit[16];
		size_t width;
	} columns[TABLE_COLUMNS_MAX];
	json_t *page; /* rows not printed yet; NULL once the heading is out */
	unsigned long long rows;
};

/* header: the first line of an answer. */
void table_begin(struct table *table, FILE *out, bool json, const json_t *header);
void table_row(struct table *table, json_t *row); /* borrows */
void table_end(struct table *table);
