/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which values of which command's rows are metrics, and under what name. Names follow Prometheus' practice:
 * base units, _total behind what only grows.
 */
#pragma once

#include <stdbool.h>

#define METRICS_MAX   32 /* of one command */
#define METRIC_LABELS 4

struct metric {
	const char *name, *key; /* key: of the row; NULL: the sample is 1, for its labels */
	const char *help;       /* one line */
	bool gauge;             /* or a counter */
	bool micro;             /* the row has millionths of the metric's unit */
	const char *is;         /* the row has a text: 1 if it is this, else 0 */
	const char *unless;     /* no sample of rows where this key is true */
};

struct metric_source {
	const char *command;  /* NULL ends the list */
	const char *argument; /* NULL: none */
	bool argument_value;
	bool per_tunnel; /* only where the configuration asks for it */
	unsigned int n_metrics;
	struct {
		const char *name, *key;
	} labels[METRIC_LABELS];
	const struct metric *metrics;
};

extern const struct metric_source metric_sources[];
