/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of captures. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "capture.h"
#include "options_parse.h"

static int options_mac(const char *name, const char *value, uint8_t mac[6])
{
	unsigned byte[6];
	int end = 0;

	if (sscanf(value, "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1], &byte[2], &byte[3],
		    &byte[4], &byte[5], &end) != 6 ||
		value[end] != '\0' || (byte[0] & 1) != 0)
		return options_refuse(name, value, "a MAC address of one station");
	for (unsigned i = 0; i < 6; i++)
		mac[i] = (uint8_t)byte[i];
	return 0;
}

static int options_part(const char *name, const char *value, struct options_capture *c)
{
	int end = 0;

	if (sscanf(value, "%u/%u%n", &c->part, &c->parts, &end) != 2 || value[end] != '\0' ||
		c->part < 1 || c->parts > 64 || c->part > c->parts)
		return options_refuse(name, value, "K/N with K from 1 to N and N up to 64");
	c->part--;
	return 0;
}

static int options_vlan(const char *name, const char *value, struct options_capture *c)
{
	unsigned int vlan, outer = 0;
	int end = 0, n = sscanf(value, "%u%n,%u%n", &vlan, &end, &outer, &end);

	if (n < 1 || value[end] != '\0' || vlan < 1 || vlan > 4094 ||
		(n == 2 && (outer < 1 || outer > 4094)))
		return options_refuse(name, value, "VLAN or VLAN,OUTER, each from 1 to 4094");
	c->vlan = (uint16_t)vlan;
	c->outer_vlan = (uint16_t)outer;
	return 0;
}

int options_capture_one(struct options_capture *c, int id, const char *name, const char *value)
{
	switch (id) {
	case OPTIONS_WRITE_PCAP:
		return options_text(name, value, c->file);
	case OPTIONS_PCAP_PACKETS:
		return options_count(name, value, 1, 100000000, &c->packets);
	case OPTIONS_PCAP_MAC:
		return options_mac(name, value, c->mac);
	case OPTIONS_PCAP_PART:
		return options_part(name, value, c);
	case OPTIONS_PCAP_VLAN:
		return options_vlan(name, value, c);
	case OPTIONS_PCAP_GATEWAY:
		c->gateway = true;
		return 0;
	default:
		return -EINVAL;
	}
}

const char *options_capture_conclude(const struct options *o)
{
	if (o->capture.file[0] == '\0')
		return o->capture.gateway || o->capture.parts > 1 || o->capture.vlan != 0
			? "--pcap-gateway, --pcap-part and --pcap-vlan need --write-pcap FILE"
			: NULL;
	if (o->direction == (OPTIONS_UP | OPTIONS_DOWN))
		return "--write-pcap: --direction up or down is needed, a capture is of one";
	if (o->sessions == 0 || o->sessions > CAPTURE_SESSIONS_MAX)
		return "--write-pcap: --sessions from 1 to 1048576, each has an address of "
		       "10.0.0.0/8";
	if (o->local_count == 0)
		return "--write-pcap needs --local ADDR: the source of what comes up";
	if (o->esp.on && o->esp.tunnels < o->tunnels)
		return "--write-pcap: --esp-tunnels all, or none";
	if (o->capture.gateway && !o->esp.on)
		return "--pcap-gateway needs --esp ALGORITHM";
	return NULL;
}
