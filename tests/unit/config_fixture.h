/* SPDX-License-Identifier: BSD-3-Clause */
/* Configurations for tests: the least that loads, and tables of mistakes with their error lines. */
#pragma once

#include <config/config.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The least that loads: lines 1 and 2 of most rows. */
#define DPDK       "dpdk: {vdevs: [net_null0], hugepages: false}\n"
#define INTERFACES "interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n"

#define MINIMAL DPDK INTERFACES

struct config_row {
	const char *text, *errors; /* lines, "" = it loads */
};

static inline void config_rows_run(const struct config_row *rows, unsigned int n)
{
	unsigned int i, j;

	for (i = 0; i < n; i++) {
		char lines[8192] = "";
		struct config_errors errors;
		struct config *config;
		size_t used = 0;
		int ret = config_parse("f", rows[i].text, strlen(rows[i].text), &config, &errors);

		for (j = 0; j < errors.n; j++)
			used += snprintf(lines + used, sizeof(lines) - used, "%s%s", j ? "\n" : "",
				errors.text[j]);
		cr_expect_eq(ret, *rows[i].errors ? -EINVAL : 0, "row %u: %d", i, ret);
		cr_expect_eq(config == NULL, ret != 0, "row %u", i);
		cr_expect_str_eq(
			lines, rows[i].errors, "row %u:\n%s\nis not\n%s", i, lines, rows[i].errors);
		/* hunter2 and hunter3 are the secrets of these tables. */
		cr_expect_null(strstr(lines, "hunter"), "row %u shows a secret: %s", i, lines);
		config_errors_free(&errors);
		config_free(config);
	}
}

static inline struct config *must_parse(const char *text)
{
	struct config_errors errors;
	struct config *config;
	int ret = config_parse("f", text, strlen(text), &config, &errors);

	cr_assert_eq(ret, 0, "%s", errors.n ? errors.text[0] : "no error line");
	cr_assert_eq(errors.n, 0);
	return config;
}
