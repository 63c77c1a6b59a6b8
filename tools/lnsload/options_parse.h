/* SPDX-License-Identifier: BSD-3-Clause */
/* Between options.c and options_esp.c: how a value is read, and refused. */
#pragma once

#include "options.h"

/* "name=P" in a list of percentages */
struct options_rate {
	const char *name;
	double *to;
};

/* All: 0, or -EINVAL after a message that names option, value and what was expected. */
int options_refuse(const char *name, const char *value, const char *expected);
int options_count(const char *name, const char *value, uint64_t low, uint64_t high, uint32_t *out);
int options_text(const char *name, const char *value, char out[OPTIONS_TEXT]);
/* the first line of a file; a secret is never shown in an error */
int options_file(const char *name, const char *path, char out[OPTIONS_TEXT]);
int options_rates(const char *name, const char *value, const struct options_rate *rates, unsigned n,
	const char *expected);

enum options_esp_id {
	OPTIONS_ESP = 512,
	OPTIONS_ESP_TUNNELS,
	OPTIONS_ESP_PASSPHRASE,
	OPTIONS_ESP_PASSPHRASE_FILE,
	OPTIONS_ESP_SPI,
	OPTIONS_ESP_ESN,
	OPTIONS_ESP_INJECT,
	OPTIONS_ESP_STATE,
	OPTIONS_NATT,
	OPTIONS_PRINT_SAS,
};

int options_esp_one(struct options_esp *e, int id, const char *name, const char *value);
/* Once all options are read: fills in what follows from others; NULL or what is wrong with them. */
const char *options_esp_conclude(struct options *o);
