/* SPDX-License-Identifier: BSD-3-Clause */
/* An Access-Accept becomes what a subscriber gets: all of it or nothing. */
#include "aaa_radius_reading.h"

#include "aaa_radius_text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CLASS_MAX     2048                 /* bytes of all of them; a packet has 4096 */
#define INTERIM_LEAST 60                   /* RFC 2869 5.16 */
#define ANY_ADDRESS   UINT32_C(0xfffffffe) /* RFC 2865 5.8: the NAS chooses */
#define USER_ADDRESS  UINT32_C(0xffffffff) /* the user may */

bool reading_refuse(struct reading *reading, const char *format, ...)
{
	char *text = reading->accept->refusal;
	va_list arguments;
	int n = snprintf(text, sizeof(reading->accept->refusal), "%s",
		reading->reply->packet.code == RADIUS_COA_REQUEST ? ""
								  : "Access-Accept not honoured: ");

	va_start(arguments, format);
	vsnprintf(text + n, sizeof(reading->accept->refusal) - (size_t)n, format, arguments);
	va_end(arguments);
	return false;
}

/* A value's text for a message: printable and short. */
const char *reading_excerpt(const struct radius_attribute *attribute, char buffer[READING_TEXT_MAX])
{
	size_t n = 0;

	for (; n < attribute->length && n < READING_TEXT_MAX - 1; n++)
		buffer[n] = isprint(attribute->value[n]) ? (char)attribute->value[n] : '.';
	buffer[n] = '\0';
	return buffer;
}

bool reading_malformed(
	struct reading *reading, const char *name, const struct radius_attribute *attribute)
{
	return reading_refuse(reading, "%s of %u bytes is malformed", name, attribute->length);
}

/* A number that may stand several times if it is always the same. */
bool reading_number(struct reading *reading, const struct radius_attribute *attribute,
	const char *name, unsigned int bit, uint32_t *value)
{
	uint32_t number;

	if (radius_get_u32(attribute, &number))
		return reading_malformed(reading, name, attribute);
	if (reading->seen >> bit & 1 && number != *value)
		return reading_refuse(reading, "%s stands twice, with two values", name);
	reading->seen |= UINT64_C(1) << bit;
	*value = number;
	return true;
}

bool reading_text(struct reading *reading, const struct radius_attribute *attribute,
	const char *name, char text[READING_TEXT_MAX])
{
	if (!attribute->length || attribute->length >= READING_TEXT_MAX ||
		memchr(attribute->value, 0, attribute->length))
		return reading_malformed(reading, name, attribute);
	if (*text &&
		(strlen(text) != attribute->length ||
			memcmp(text, attribute->value, attribute->length)))
		return reading_refuse(reading, "%s stands twice, with two values", name);
	memcpy(text, attribute->value, attribute->length);
	text[attribute->length] = '\0';
	return true;
}

/* ---- attributes ---- */

bool reading_route(struct reading *reading, const struct radius_attribute *attribute)
{
	unsigned int n = reading->n_routes;
	char text[READING_TEXT_MAX];

	if (n == AAA_ROUTES_MAX)
		return reading_refuse(reading, "more than %u Framed-Routes", AAA_ROUTES_MAX);
	if (!aaa_route_parse(attribute->value, attribute->length, &reading->routes[n].route,
		    &reading->routes[n].gateway))
		return reading_refuse(reading,
			"Framed-Route \"%s\", expected network/length gateway metric",
			reading_excerpt(attribute, text));
	reading->n_routes++;
	return true;
}

static bool class_read(struct reading *reading, const struct radius_attribute *attribute)
{
	/* each of the session's accounting records carries it, beside all else */
	if (reading->class_length + attribute->length + 2u > CLASS_MAX)
		return reading_refuse(reading, "more than %u bytes of Class", CLASS_MAX);
	/* as it stands in the packet, type and length included */
	memcpy(reading->class + reading->class_length, attribute->value - 2,
		attribute->length + 2u);
	reading->class_length += attribute->length + 2u;
	return true;
}

static bool pool_read(struct reading *reading, const struct radius_attribute *attribute)
{
	const struct config *config = reading->config;
	char name[READING_TEXT_MAX] = "";

	if (!reading_text(reading, attribute, "Framed-Pool", name))
		return false;
	for (unsigned int i = 0; i < config->n_pools; i++) {
		if (strcmp(config->pools[i].name, name))
			continue;
		if (reading->seen & 1 && reading->answer->pool != (int)i)
			return reading_refuse(reading, "Framed-Pool stands twice, with two values");
		reading->seen |= 1;
		reading->answer->pool = (int)i;
		return true;
	}
	return reading_refuse(reading, "Framed-Pool %s is not in pools", name);
}

static bool mtu_read(struct reading *reading, const struct radius_attribute *attribute)
{
	uint32_t mtu = reading->answer->mtu;

	if (!reading_number(reading, attribute, "Framed-MTU", 1, &mtu))
		return false;
	if (mtu < 576 || mtu > 65535)
		return reading_refuse(reading, "Framed-MTU %u, expected 576 to 65535", mtu);
	reading->answer->mtu = (uint16_t)mtu;
	return true;
}

static bool expected_read(struct reading *reading, const struct radius_attribute *attribute,
	const char *name, unsigned int bit, uint32_t expected)
{
	uint32_t value = expected;

	if (!reading_number(reading, attribute, name, bit, &value))
		return false;
	return value == expected ||
		reading_refuse(reading, "%s %u, expected %u", name, value, expected);
}

/* What is for a LAC, or for others, is only checked for its form. */
static bool tunnel_attribute_check(
	struct reading *reading, const struct radius_attribute *attribute)
{
	const uint8_t *text;
	uint8_t tag, plain[RADIUS_VALUE_MAX];
	uint32_t number;
	size_t length;
	int rc;

	reading->counters[AAA_RADIUS_UNUSED_ATTRIBUTES]++;
	switch (attribute->type) {
	case RADIUS_TUNNEL_TYPE:
	case RADIUS_TUNNEL_MEDIUM_TYPE:
	case RADIUS_TUNNEL_PREFERENCE:
		rc = radius_get_tagged_u24(attribute, &tag, &number);
		break;
	case RADIUS_TUNNEL_PASSWORD:
		rc = attribute->length
			? radius_salted_reveal(attribute->value + 1, attribute->length - 1u,
				  reading->reply->request_authenticator, reading->reply->secret,
				  plain)
			: -EBADMSG;
		explicit_bzero(plain, sizeof(plain));
		break;
	default:
		rc = radius_get_tagged_text(attribute, &tag, &text, &length);
		break;
	}
	return rc >= 0 || reading_malformed(reading, "a tunnel attribute", attribute);
}

static bool attribute_read(struct reading *reading, const struct radius_attribute *attribute)
{
	struct aaa_answer *answer = reading->answer;

	switch (attribute->type) {
	case RADIUS_SERVICE_TYPE:
		return expected_read(reading, attribute, "Service-Type", 2, 2);
	case RADIUS_FRAMED_PROTOCOL:
		return expected_read(reading, attribute, "Framed-Protocol", 3, 1);
	case RADIUS_FRAMED_IP_ADDRESS:
		return reading_number(
			reading, attribute, "Framed-IP-Address", 4, &reading->address);
	case RADIUS_FRAMED_IP_NETMASK:
		return reading_number(
			reading, attribute, "Framed-IP-Netmask", 5, &reading->netmask);
	case RADIUS_FILTER_ID:
		return reading_filter_id(reading, attribute);
	case RADIUS_FRAMED_MTU:
		return mtu_read(reading, attribute);
	case RADIUS_FRAMED_ROUTE:
		return reading_route(reading, attribute);
	case RADIUS_CLASS:
		return class_read(reading, attribute);
	case RADIUS_SESSION_TIMEOUT:
		return reading_number(
			reading, attribute, "Session-Timeout", 6, &answer->session_timeout);
	case RADIUS_IDLE_TIMEOUT:
		return reading_number(reading, attribute, "Idle-Timeout", 7, &answer->idle_timeout);
	case RADIUS_ACCT_INTERIM_INTERVAL:
		return reading_number(reading, attribute, "Acct-Interim-Interval", 8,
			&reading->extra->interim_interval);
	case RADIUS_FRAMED_POOL:
		return pool_read(reading, attribute);
	case RADIUS_FRAMED_INTERFACE_ID:
	case RADIUS_FRAMED_IPV6_PREFIX:
	case RADIUS_DELEGATED_IPV6_PREFIX:
	case RADIUS_FRAMED_IPV6_ADDRESS:
	case RADIUS_DNS_SERVER_IPV6_ADDRESS:
	case RADIUS_FRAMED_IPV6_ROUTE:
	case RADIUS_FRAMED_IPV6_POOL:
	case RADIUS_DELEGATED_IPV6_PREFIX_POOL:
	case RADIUS_STATEFUL_IPV6_ADDRESS_POOL:
		return reading_ipv6(reading, attribute);
	case RADIUS_VENDOR_SPECIFIC:
		return reading_vendor(reading, attribute);
	case RADIUS_TUNNEL_TYPE:
	case RADIUS_TUNNEL_MEDIUM_TYPE:
	case RADIUS_TUNNEL_CLIENT_ENDPOINT:
	case RADIUS_TUNNEL_SERVER_ENDPOINT:
	case RADIUS_TUNNEL_PASSWORD:
	case RADIUS_TUNNEL_ASSIGNMENT_ID:
	case RADIUS_TUNNEL_PREFERENCE:
	case RADIUS_TUNNEL_CLIENT_AUTH_ID:
	case RADIUS_TUNNEL_SERVER_AUTH_ID:
		return tunnel_attribute_check(reading, attribute);
	case RADIUS_USER_NAME:
	case RADIUS_REPLY_MESSAGE:
	case RADIUS_STATE:
	case RADIUS_TERMINATION_ACTION:
	case RADIUS_PROXY_STATE:
	case RADIUS_MESSAGE_AUTHENTICATOR:
	case RADIUS_EVENT_TIMESTAMP:
		return true;
	default:
		reading->counters[AAA_RADIUS_UNKNOWN_ATTRIBUTES]++;
		return true;
	}
}

/* ---- what follows from all of them ---- */

static void addr_of(uint32_t host, struct ip_addr *address)
{
	uint32_t network = htonl(host);

	*address = (struct ip_addr){.family = 4};
	memcpy(address->bytes, &network, sizeof(network));
}

static bool route_add(struct reading *reading, const struct config_route *route)
{
	struct aaa_answer *answer = reading->answer;

	if (answer->n_routes == AAA_ROUTES_MAX)
		return reading_refuse(reading, "more than %u routes", AAA_ROUTES_MAX);
	answer->routes[answer->n_routes++] = *route;
	return true;
}

/* A netmask that is wider than a host makes the network around the address the subscriber's. */
static bool netmask_apply(struct reading *reading)
{
	struct config_route route = {0};
	uint32_t mask = reading->netmask;

	if (!(reading->seen >> 5 & 1) || mask == UINT32_MAX)
		return true;
	if (!mask || ~mask & (~mask + 1))
		return reading_refuse(
			reading, "Framed-IP-Netmask 0x%08x is no mask of a network", mask);
	if (!reading->answer->address.family)
		return reading_refuse(reading, "Framed-IP-Netmask without Framed-IP-Address");
	addr_of(reading->address & mask, &route.prefix.addr);
	route.prefix.length = (uint8_t)__builtin_popcount(mask);
	return route_add(reading, &route);
}

static bool address_apply(struct reading *reading)
{
	struct aaa_answer *answer = reading->answer;
	uint32_t address = reading->address;
	char text[46];

	answer->address_choice = reading->seen >> 4 & 1 && address == USER_ADDRESS;
	if (!(reading->seen >> 4 & 1) || address == ANY_ADDRESS || address == USER_ADDRESS)
		return netmask_apply(reading);
	addr_of(address, &answer->address);
	if (address >> 24 == 0 || address >> 24 == 127 || address >> 28 >= 14)
		return reading_refuse(reading, "Framed-IP-Address %s is no host's address",
			ip_addr_text(&answer->address, text));
	if (config_address_reserved(reading->config, answer->vrf, &answer->address))
		return reading_refuse(reading, "Framed-IP-Address %s is a local user's or our own",
			ip_addr_text(&answer->address, text));
	return netmask_apply(reading);
}

bool reading_routes_apply(struct reading *reading)
{
	const struct ip_addr *own = &reading->answer->address;
	static const struct ip_addr none = {.family = 4};

	for (unsigned int i = 0; i < reading->n_routes; i++) {
		const struct ip_addr *gateway = &reading->routes[i].gateway;
		char text[46];

		if (memcmp(gateway, &none, sizeof(none)) && memcmp(gateway, own, sizeof(*own)))
			return reading_refuse(reading,
				"Framed-Route by %s, expected the subscriber's address or 0.0.0.0",
				ip_addr_text(gateway, text));
		if (!route_add(reading, &reading->routes[i].route))
			return false;
	}
	return true;
}

static bool vrf_apply(struct reading *reading)
{
	const struct config *config = reading->config;
	struct aaa_answer *answer = reading->answer;
	int realm_vrf =
		config_vrf_of_user(config, reading->request->user, reading->request->user_length);
	bool pool_given = reading->seen & 1;
	unsigned int pool_vrf = pool_given ? config->pools[answer->pool].vrf : 0;

	if (!reading->has_vrf && pool_given)
		answer->vrf = pool_vrf;
	else if (!reading->has_vrf && realm_vrf >= 0)
		answer->vrf = (unsigned int)realm_vrf;
	if (!pool_given)
		answer->pool = config_pool_of_vrf(config, answer->vrf);
	else if (pool_vrf != answer->vrf)
		return reading_refuse(reading, "Framed-Pool %s is not in VRF %s",
			config->pools[answer->pool].name, config->vrfs[answer->vrf].name);
	return true;
}

static bool rest_apply(struct reading *reading)
{
	const struct config *config = reading->config;
	struct aaa_answer *answer = reading->answer;
	struct aaa_extra *extra = reading->extra;

	if (!answer->address.family && answer->pool < 0 && !aaa_ipv6_given(answer))
		return reading_refuse(reading, "no address and no pool for it");
	if (!(reading->seen >> 6 & 1))
		answer->session_timeout = config->subscribers.session_timeout;
	if (!(reading->seen >> 7 & 1))
		answer->idle_timeout = config->subscribers.idle_timeout;
	if (extra->interim_interval && extra->interim_interval < INTERIM_LEAST)
		extra->interim_interval = INTERIM_LEAST;
	if (!answer->dns[0].family && !answer->dns[1].family)
		memcpy(answer->dns, config->subscribers.dns, sizeof(answer->dns));
	/* Ascend-Data-Rate alone is for both directions */
	if (reading->has_ascend_rate && !reading->has_down &&
		!reading_rate(reading, false, reading->ascend_rate, 0))
		return false;
	if (reading->request->method == AAA_MSCHAP_V2 && !answer->has_authenticator)
		return reading_refuse(reading, "MS-CHAP2-Success is missing");
	return true;
}

static void extra_append(struct aaa_extra *extra, const void *bytes, size_t length)
{
	if (length)
		memcpy((uint8_t *)extra + extra->size, bytes, length);
	extra->size += (uint32_t)length;
}

static void extra_finish(struct reading *reading)
{
	struct aaa_extra *extra = reading->extra;

	extra->size = sizeof(*extra);
	extra->class_length = (uint16_t)reading->class_length;
	extra->pool6_length = (uint16_t)strlen(reading->pool6);
	extra->delegated_pool_length = (uint16_t)strlen(reading->delegated_pool);
	extra->address_pool6_length = (uint16_t)strlen(reading->address_pool6);
	extra->routes6_length = (uint16_t)reading->routes6_length;
	/* all of them came in one packet: block has room */
	extra_append(extra, reading->class, extra->class_length);
	extra_append(extra, reading->pool6, extra->pool6_length);
	extra_append(extra, reading->delegated_pool, extra->delegated_pool_length);
	extra_append(extra, reading->address_pool6, extra->address_pool6_length);
	extra_append(extra, reading->routes6, extra->routes6_length);
	reading->answer->extra = extra;
}

void aaa_radius_message(const struct radius_packet *packet, char message[AAA_MESSAGE_MAX])
{
	const uint8_t *at = packet->attributes;
	struct radius_attribute attribute;
	size_t n = 0;

	while (radius_next(&at, packet->end, &attribute)) {
		if (attribute.type != RADIUS_REPLY_MESSAGE)
			continue;
		for (unsigned int i = 0; i < attribute.length && n < AAA_MESSAGE_MAX - 1; i++)
			if (attribute.value[i] >= ' ' && attribute.value[i] != 0x7f)
				message[n++] = (char)attribute.value[i];
	}
	message[n] = '\0';
}

bool aaa_radius_accept(struct aaa_accept *accept, const struct config *config,
	const struct aaa_request *request, const struct radius_answer *reply, uint64_t *counters)
{
	const uint8_t *at = reply->packet.attributes;
	struct reading reading = {
		.accept = accept,
		.answer = &accept->answer,
		.config = config,
		.request = request,
		.reply = reply,
		.counters = counters,
		.extra = (struct aaa_extra *)accept->block,
	};
	struct radius_attribute attribute;
	bool ok = true;

	accept->answer = (struct aaa_answer){.pool = -1};
	*reading.extra = (struct aaa_extra){0};
	while (ok && radius_next(&at, reply->packet.end, &attribute))
		ok = attribute_read(&reading, &attribute);
	ok = ok && vrf_apply(&reading) && address_apply(&reading) &&
		reading_routes_apply(&reading) && reading_ipv6_apply(&reading) &&
		rest_apply(&reading);
	if (!ok) {
		accept->answer = (struct aaa_answer){.pool = -1, .refusal = accept->refusal};
		return false;
	}
	aaa_radius_message(&reply->packet, accept->answer.message);
	extra_finish(&reading);
	accept->answer.accept = true;
	return true;
}
