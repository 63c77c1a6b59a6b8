/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of the tunnels inside ESP. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options_parse.h"

static int options_transform(const char *name, const char *value, struct transform *out)
{
	char expected[1024];
	size_t n = (size_t)snprintf(expected, sizeof(expected), "one of");
	struct transform t;

	if (transform_find(value, out))
		return 0;
	for (unsigned i = 0; transform_nth(i, &t) && n < sizeof(expected); i++)
		n += (size_t)snprintf(expected + n, sizeof(expected) - n, " %s", t.name);
	return options_refuse(name, value, expected);
}

static int options_spi(const char *name, const char *value, uint32_t *out)
{
	char *end;
	unsigned long v = strtoul(value, &end, 0);

	if (*value < '0' || *value > '9' || *end != '\0' || v < 256 || v > 0xfff00000ul)
		return options_refuse(name, value, "an SPI from 256 to 0xfff00000");
	*out = (uint32_t)v;
	return 0;
}

int options_esp_one(struct options_esp *e, int id, const char *name, const char *value)
{
	const struct options_rate rates[] = {
		{"replay", &e->replay}, {"corrupt", &e->corrupt}, {"reorder", &e->reorder}};
	uint32_t port = 4500;
	int rc = 0;

	switch (id) {
	case OPTIONS_ESP:
		e->on = true;
		return options_transform(name, value, &e->transform);
	case OPTIONS_ESP_TUNNELS:
		e->half = strcmp(value, "half") == 0;
		if (e->half || strcmp(value, "all") == 0)
			return 0;
		return options_count(name, value, 1, 65535, &e->tunnels);
	case OPTIONS_ESP_PASSPHRASE:
		return options_text(name, value, e->passphrase);
	case OPTIONS_ESP_PASSPHRASE_FILE:
		return options_file(name, value, e->passphrase);
	case OPTIONS_ESP_SPI:
		return options_spi(name, value, &e->spi);
	case OPTIONS_ESP_ESN:
		e->esn = true;
		return 0;
	case OPTIONS_ESP_INJECT:
		return options_rates(name, value, rates, 3,
			"replay=P,corrupt=P,reorder=P with P from 0 to 90 percent");
	case OPTIONS_ESP_STATE:
		return options_text(name, value, e->state);
	case OPTIONS_NATT:
		if (value != NULL)
			rc = options_count(name, value, 1, 65535, &port);
		e->natt = true;
		e->natt_port = (uint16_t)port;
		return rc;
	case OPTIONS_PRINT_SAS:
		e->print = true;
		return 0;
	default:
		return -EINVAL;
	}
}

const char *options_esp_conclude(struct options *o)
{
	struct options_esp *e = &o->esp;

	if (!e->on &&
		(e->natt || e->print || e->esn || e->half || e->tunnels > 0 ||
			e->state[0] != '\0' || e->replay + e->corrupt + e->reorder > 0))
		return "options of ESP need --esp ALGORITHM";
	if (!e->on)
		return NULL;
	if (e->passphrase[0] == '\0')
		return "--esp needs --esp-passphrase or --esp-passphrase-file: the keys are made "
		       "from it";
	if (o->local_count == 0)
		return "--esp needs --local ADDR: associations are between two addresses";
	if (e->half)
		e->tunnels = o->tunnels / 2;
	else if (e->tunnels == 0)
		e->tunnels = o->tunnels;
	if (e->tunnels > o->tunnels)
		return "--esp-tunnels: more than --tunnels";
	if (e->natt && o->source_port_any && e->natt_port + e->tunnels > 65536)
		return "--natt: a port for each tunnel goes beyond 65535";
	return NULL;
}
