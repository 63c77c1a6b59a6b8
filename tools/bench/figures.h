/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rounds of a measurement and their median, and what the micro benchmarks write for programs: with --json FILE a line
 * for each figure, beside what they print for people. A line is one object:
 *
 *   {"contestant": "lnsd", "name": "…", "cycles": 38.1, "spread": [37.9, 40.2], "core_cycles": 62.4}
 *
 * contestant: whose code it is; the key of the median is its unit ("cycles" are the TSC's); spread: lowest and
 * highest round; core_cycles, where they were measured: the median in cycles of the core's own clock.
 */
#pragma once

#include <stdbool.h>

#define FIGURE_ROUNDS 16

struct figure {
	double at[FIGURE_ROUNDS]; /* sorted by the functions below, which expect one at least */
	unsigned int n;
};

/* Further rounds than there is room for are left out. */
void figure_add(struct figure *figure, double value);
double figure_median(struct figure *figure);
double figure_low(struct figure *figure);
double figure_high(struct figure *figure);

/* Takes --quick and --json FILE out of the arguments; true with --quick. Ends the program if FILE cannot be written. */
bool figures_options(int *argc, char **argv);

struct figure_line {
	const char *contestant; /* NULL: lnsd */
	const char *unit;       /* NULL: cycles */
	double median, low, high;
	double core_cycles; /* 0: not measured */
};

/* Nothing without --json. The name has neither quotes nor backslashes. */
void figures_write(const struct figure_line *line, const char *name, ...)
	__attribute__((format(printf, 2, 3)));
