/* SPDX-License-Identifier: BSD-3-Clause */
/* Figures of the micro benchmarks, for programs. */
#include "figures.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *file; /* NULL: nobody wants them */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void figure_add(struct figure *figure, double value)
{
	if (figure->n < FIGURE_ROUNDS)
		figure->at[figure->n++] = value;
}

double figure_median(struct figure *figure)
{
	qsort(figure->at, figure->n, sizeof(figure->at[0]), compare);
	return figure->at[figure->n / 2];
}

double figure_low(struct figure *figure)
{
	qsort(figure->at, figure->n, sizeof(figure->at[0]), compare);
	return figure->at[0];
}

double figure_high(struct figure *figure)
{
	qsort(figure->at, figure->n, sizeof(figure->at[0]), compare);
	return figure->at[figure->n - 1];
}

static void options_close(void)
{
	if (fclose(file) != 0)
		fprintf(stderr, "--json: %s\n", strerror(errno));
}

bool figures_options(int *argc, char **argv)
{
	bool quick = false;
	int kept = 1;

	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--quick") == 0) {
			quick = true;
		} else if (strcmp(argv[i], "--json") == 0 && i + 1 < *argc && !file) {
			file = fopen(argv[++i], "we");
			if (!file) {
				fprintf(stderr, "--json %s: %s\n", argv[i], strerror(errno));
				exit(2);
			}
			atexit(options_close);
		} else {
			argv[kept++] = argv[i];
		}
	}
	argv[kept] = NULL;
	*argc = kept;
	return quick;
}

void figures_write(const struct figure_line *line, const char *name, ...)
{
	va_list values;

	if (!file)
		return;
	fprintf(file, "{\"contestant\": \"%s\", \"name\": \"",
		line->contestant ? line->contestant : "lnsd");
	va_start(values, name);
	vfprintf(file, name, values);
	va_end(values);
	fprintf(file, "\", \"%s\": %.3f, \"spread\": [%.3f, %.3f]",
		line->unit ? line->unit : "cycles", line->median, line->low, line->high);
	if (line->core_cycles > 0)
		fprintf(file, ", \"core_cycles\": %.1f", line->core_cycles);
	fputs("}\n", file);
}
