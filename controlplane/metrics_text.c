/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows of commands into samples. Every sample of a metric must stand together, while a row has values of
 * many: each metric of a command is written into a text of its own, and these are put one behind the other.
 */
#include "metrics_text.h"
#include "metrics_table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
	FILE *stream;
	char *bytes;
	size_t length;
};

struct metrics_scrape {
	struct ctl_socket *ctl;
	bool per_tunnel, failed;
	const struct metric_source *source; /* the one in hand, or the next */
	const struct ctl_command *command;  /* NULL: it is not begun */
	struct ctl_request request;
	uint64_t started_at;
	unsigned int errors;
	struct text metrics[METRICS_MAX];
	struct text all;
};

static bool text_open(struct text *text)
{
	text->stream = open_memstream(&text->bytes, &text->length);
	return text->stream != NULL;
}

/* False: it could not be written whole. */
static bool text_close(struct text *text)
{
	bool whole = text->stream && !ferror(text->stream);

	if (text->stream && fclose(text->stream))
		whole = false;
	text->stream = NULL;
	return whole;
}

static void text_free(struct text *text)
{
	text_close(text);
	free(text->bytes);
	*text = (struct text){0};
}

/* A label's value: backslash, quote and line feed are escaped. */
static void label_write(FILE *to, const char *name, const json_t *value, bool first)
{
	const char *p = json_string_value(value);

	fprintf(to, "%s%s=\"", first ? "{" : ",", name);
	if (json_is_integer(value))
		fprintf(to, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	for (; p && *p; p++) {
		if (*p == '\n') {
			fputs("\\n", to);
			continue;
		}
		if (*p == '\\' || *p == '"')
			fputc('\\', to);
		fputc(*p, to);
	}
	fputc('"', to);
}

static void sample_write(FILE *to, const struct metric_source *source, const struct metric *metric,
	const json_t *row)
{
	const json_t *value = metric->key ? json_object_get(row, metric->key) : NULL;
	bool first = true;

	if (metric->key && !value)
		return;
	if (metric->unless && json_is_true(json_object_get(row, metric->unless)))
		return;
	fputs(metric->name, to);
	for (unsigned int i = 0; i < METRIC_LABELS && source->labels[i].key; i++, first = false)
		label_write(to, source->labels[i].name, json_object_get(row, source->labels[i].key),
			first);
	if (!first)
		fputc('}', to);
	if (!metric->key)
		fputs(" 1\n", to);
	else if (json_is_string(value))
		fprintf(to, " %d\n",
			metric->is && strcmp(json_string_value(value), metric->is) == 0);
	else if (json_is_boolean(value))
		fprintf(to, " %d\n", json_is_true(value));
	else if (metric->micro)
		fprintf(to, " %.6f\n", json_number_value(value) / 1e6);
	else if (json_is_integer(value))
		fprintf(to, " %" JSON_INTEGER_FORMAT "\n", json_integer_value(value));
	else
		fprintf(to, " %g\n", json_number_value(value));
}

static void head_write(FILE *to, const struct metric *metric)
{
	fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
		metric->gauge ? "gauge" : "counter");
}

static void request_end(struct metrics_scrape *scrape)
{
	if (scrape->command && scrape->command->done)
		scrape->command->done(&scrape->request);
	json_decref(scrape->request.args);
	scrape->request = (struct ctl_request){0};
	scrape->command = NULL;
}

/* Starts the command in hand; false: it cannot, and its metrics are left out. */
static bool source_begin(struct metrics_scrape *scrape, uint64_t now)
{
	const struct metric_source *source = scrape->source;
	const struct ctl_command *command = ctl_command_find(scrape->ctl, source->command);
	json_t *args = json_object();

	if (!command || !args) {
		json_decref(args);
		return false;
	}
	if (source->argument)
		json_object_set_new(args, source->argument, json_boolean(source->argument_value));
	scrape->request = (struct ctl_request){.command = command, .args = args, .now = now};
	if (command->start && command->start(&scrape->request) < 0) {
		request_end(scrape);
		return false;
	}
	scrape->command = command;
	for (unsigned int i = 0; i < source->n_metrics; i++) {
		if (!text_open(&scrape->metrics[i])) {
			scrape->failed = true;
			return true;
		}
		head_write(scrape->metrics[i].stream, &source->metrics[i]);
	}
	return true;
}

static void source_row(struct metrics_scrape *scrape, json_t *row)
{
	const struct metric_source *source = scrape->source;

	for (unsigned int i = 0; i < source->n_metrics; i++)
		sample_write(scrape->metrics[i].stream, source, &source->metrics[i], row);
	json_decref(row);
}

/* whole: all rows were there. */
static void source_finish(struct metrics_scrape *scrape, bool whole)
{
	request_end(scrape);
	for (unsigned int i = 0; i < scrape->source->n_metrics; i++) {
		struct text *text = &scrape->metrics[i];

		if (whole && !text_close(text))
			scrape->failed = true;
		else if (whole)
			fwrite(text->bytes, 1, text->length, scrape->all.stream);
		text_free(text);
	}
	scrape->errors += !whole;
	scrape->source++;
}

/* The scrape's own. */
static void all_finish(struct metrics_scrape *scrape, uint64_t now)
{
	fprintf(scrape->all.stream,
		"# HELP lnsd_scrape_errors Commands whose metrics are missing from this scrape.\n"
		"# TYPE lnsd_scrape_errors gauge\n"
		"lnsd_scrape_errors %u\n"
		"# HELP lnsd_scrape_duration_seconds Time that this scrape took.\n"
		"# TYPE lnsd_scrape_duration_seconds gauge\n"
		"lnsd_scrape_duration_seconds %.3f\n",
		scrape->errors, (double)(now - scrape->started_at) / 1000);
	if (!text_close(&scrape->all))
		scrape->failed = true;
}

int metrics_scrape_run(struct metrics_scrape *scrape, uint64_t now, unsigned int rows)
{
	if (!scrape->started_at)
		scrape->started_at = now;
	while (scrape->source->command && rows--) {
		json_t *row = NULL;
		int r;

		if (scrape->source->per_tunnel && !scrape->per_tunnel) {
			scrape->source++;
			continue;
		}
		if (!scrape->command && !source_begin(scrape, now)) {
			source_finish(scrape, false);
			continue;
		}
		if (scrape->failed)
			return -ENOMEM;
		scrape->request.now = now;
		r = scrape->command->next(&scrape->request, &row);
		if (r == CTL_WAIT)
			return CTL_WAIT;
		if (r == CTL_ROW)
			source_row(scrape, row);
		else
			source_finish(scrape, r == CTL_END);
	}
	if (scrape->failed)
		return -ENOMEM;
	if (scrape->source->command)
		return CTL_ROW;
	if (scrape->all.stream)
		all_finish(scrape, now);
	return scrape->failed ? -ENOMEM : CTL_END;
}

struct metrics_scrape *metrics_scrape_start(struct ctl_socket *ctl, bool per_tunnel)
{
	struct metrics_scrape *scrape = calloc(1, sizeof(*scrape));

	if (!scrape)
		return NULL;
	scrape->ctl = ctl;
	scrape->per_tunnel = per_tunnel;
	scrape->source = metric_sources;
	if (text_open(&scrape->all))
		return scrape;
	free(scrape);
	return NULL;
}

void metrics_scrape_free(struct metrics_scrape *scrape)
{
	if (!scrape)
		return;
	request_end(scrape);
	for (unsigned int i = 0; i < METRICS_MAX; i++)
		text_free(&scrape->metrics[i]);
	text_free(&scrape->all);
	free(scrape);
}

char *metrics_scrape_take(struct metrics_scrape *scrape, size_t *length)
{
	char *bytes = scrape->all.bytes;

	*length = scrape->all.length;
	scrape->all = (struct text){0};
	return bytes;
}
