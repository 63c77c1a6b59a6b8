/* SPDX-License-Identifier: BSD-3-Clause */
/* An Access-Accept while it is read: what aaa_radius_accept.c and aaa_radius_vendor.c share. */
#pragma once

#include "aaa_radius.h"

#define READING_TEXT_MAX    64
#define READING_ROUTES6_MAX 1024

/* What has been read so far. */
struct reading {
	struct aaa_accept *accept;
	struct aaa_answer *answer;
	const struct config *config;
	const struct aaa_request *request;
	const struct radius_answer *reply;
	uint64_t *counters;
	struct aaa_extra *extra;
	uint64_t seen; /* attributes that may stand only once, by bit */
	uint32_t address, netmask;
	bool has_vrf, has_up, has_down;
	uint64_t ascend_rate;
	bool has_ascend_rate;
	char pool6[READING_TEXT_MAX], delegated_pool[READING_TEXT_MAX],
		address_pool6[READING_TEXT_MAX];
	char routes6[READING_ROUTES6_MAX];
	size_t routes6_length, class_length;
	uint8_t class[RADIUS_PACKET_MAX];
	struct {
		struct config_route route;
		struct ip_addr gateway;
	} routes[AAA_ROUTES_MAX];
	unsigned int n_routes;
};

/* Sets the refusal; always false. */
bool reading_refuse(struct reading *reading, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
bool reading_malformed(
	struct reading *reading, const char *name, const struct radius_attribute *attribute);
/* A value's text for a message: printable and short; returns buffer. */
const char *reading_excerpt(
	const struct radius_attribute *attribute, char buffer[READING_TEXT_MAX]);
/* A number that may stand several times if it is always the same. */
bool reading_number(struct reading *reading, const struct radius_attribute *attribute,
	const char *name, unsigned int bit, uint32_t *value);
/* A text, the same way. */
bool reading_text(struct reading *reading, const struct radius_attribute *attribute,
	const char *name, char text[READING_TEXT_MAX]);

/* A Framed-Route, kept until all is read. */
bool reading_route(struct reading *reading, const struct radius_attribute *attribute);
/* They become the answer's, whose address is known by now. */
bool reading_routes_apply(struct reading *reading);

/* ---- aaa_radius_ipv6.c ---- */
/* The Framed-IPv6-Routes that were read become the answer's. */
bool reading_routes6_apply(struct reading *reading);
/* One of the attributes about IPv6, also of an Access-Accept. */
bool reading_ipv6(struct reading *reading, const struct radius_attribute *attribute);
/* A /64 of the link as text: "2001:db8:0:1::/64", what follows a blank is ignored. */
bool reading_prefix6_text(struct reading *reading, const char *text);
/* What a CoA-Request changes, after all of it is read; answer->vrf is the session's. */
bool reading_ipv6_change(struct reading *reading, struct aaa_ipv6_change *change);
/* After the VRF and the IPv4 routes: the answer's ipv6 and IPv6 routes. */
bool reading_ipv6_apply(struct reading *reading);

/* ---- aaa_radius_vendor.c ---- */
bool reading_filter_id(struct reading *reading, const struct radius_attribute *attribute);
bool reading_vendor(struct reading *reading, const struct radius_attribute *attribute);
/* bit/s; burst in bytes, 0 = by the rate */
bool reading_rate(struct reading *reading, bool up, uint64_t rate, uint32_t burst);
