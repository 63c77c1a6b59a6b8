/* SPDX-License-Identifier: BSD-3-Clause */
/* Collects error lines. */
#include "error.h"

#include <stdlib.h>
#include <string.h>

/* Takes over line; NULL stands for a line that no memory was left for. */
static void errors_push(struct config_errors *errors, char *line)
{
	char **text;

	if (errors->n > CONFIG_ERRORS_MAX) {
		free(line);
		return;
	}
	if (errors->n == CONFIG_ERRORS_MAX) {
		free(line);
		line = strdup("more errors follow that are not shown");
	}
	if (!line)
		line = strdup("out of memory");
	/* Doubling: only at powers of two does the array grow. */
	if (!(errors->n & (errors->n - 1))) {
		text = realloc(errors->text, (errors->n ? 2 * errors->n : 1) * sizeof(*text));
		if (!text) {
			free(line);
			return;
		}
		errors->text = text;
	}
	if (line)
		errors->text[errors->n++] = line;
}

void config_errors_add(struct config_errors *errors, const char *format, ...)
{
	char *line;
	va_list args;

	va_start(args, format);
	if (vasprintf(&line, format, args) < 0)
		line = NULL;
	va_end(args);
	errors_push(errors, line);
}

void config_errors_at(struct config_errors *errors, const char *file, unsigned int line,
	unsigned int column, const char *field, const char *format, va_list args)
{
	char *message, *whole;

	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	if (!message ||
		asprintf(&whole, "%s:%u:%u: %s: %s", file, line, column, field, message) < 0)
		whole = NULL;
	free(message);
	errors_push(errors, whole);
}

void config_errors_free(struct config_errors *errors)
{
	unsigned int i;

	for (i = 0; i < errors->n; i++)
		free(errors->text[i]);
	free(errors->text);
	memset(errors, 0, sizeof(*errors));
}
