/* SPDX-License-Identifier: BSD-3-Clause */
/* Between options.c, options_esp.c and options_capture.c: how a value is read, and refused. */
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

enum options_capture_id {
	OPTIONS_WRITE_PCAP = 1024,
	OPTIONS_PCAP_PACKETS,
	OPTIONS_PCAP_MAC,
	OPTIONS_PCAP_PART,
	OPTIONS_PCAP_VLAN,
	OPTIONS_PCAP_GATEWAY,
};

int options_capture_one(struct options_capture *c, int id, const char *name, const char *value);
const char *options_capture_conclude(const struct options *o);

int options_esp_one(struct options_esp *e, int id, const char *name, const char *value);
/* Once all options are read: fills in what follows from others; NULL or what is wrong with them. */
const char *options_esp_conclude(struct options *o);
