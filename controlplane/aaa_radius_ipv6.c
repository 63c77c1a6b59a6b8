/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 in an Access-Accept and a CoA-Request: the attributes, and what a subscriber gets of them. */
#include "aaa_radius_reading.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static bool prefix6_add(struct reading *reading, const struct ip_prefix *prefix, bool delegated)
{
	struct aaa_extra *extra = reading->extra;

	if (extra->n_prefixes6 == AAA_PREFIXES6_MAX)
		return reading_refuse(reading, "more than %u IPv6 prefixes", AAA_PREFIXES6_MAX);
	extra->prefixes6[extra->n_prefixes6].prefix = *prefix;
	extra->prefixes6[extra->n_prefixes6++].delegated = delegated;
	return true;
}

static bool prefix6_read(struct reading *reading, const struct radius_attribute *attribute,
	const char *name, bool delegated)
{
	struct ip_prefix prefix = {.addr = {.family = 6}};

	/* RFC 3162 2.3: reserved, length, as much of the prefix as it takes */
	if (attribute->length < 2 || attribute->length > 18 || attribute->value[1] > 128 ||
		attribute->length - 2 < (attribute->value[1] + 7) / 8)
		return reading_malformed(reading, name, attribute);
	prefix.length = attribute->value[1];
	memcpy(prefix.addr.bytes, attribute->value + 2, attribute->length - 2u);
	return prefix6_add(reading, &prefix, delegated);
}

static bool address6_read(struct reading *reading, const struct radius_attribute *attribute,
	const char *name, struct ip_addr *address)
{
	if (attribute->length != 16)
		return reading_malformed(reading, name, attribute);
	address->family = 6;
	memcpy(address->bytes, attribute->value, 16);
	return true;
}

static bool dns6_read(struct reading *reading, const struct radius_attribute *attribute)
{
	unsigned int which = reading->extra->dns6[0].family ? 1 : 0;

	return address6_read(
		reading, attribute, "DNS-Server-IPv6-Address", &reading->extra->dns6[which]);
}

static bool route6_read(struct reading *reading, const struct radius_attribute *attribute)
{
	size_t length = attribute->length;

	if (!length || memchr(attribute->value, 0, length) ||
		reading->routes6_length + length + 1 > READING_ROUTES6_MAX)
		return reading_malformed(reading, "Framed-IPv6-Route", attribute);
	memcpy(reading->routes6 + reading->routes6_length, attribute->value, length);
	reading->routes6[reading->routes6_length + length] = '\n';
	reading->routes6_length += length + 1;
	return true;
}

bool reading_ipv6(struct reading *reading, const struct radius_attribute *attribute)
{
	switch (attribute->type) {
	case RADIUS_FRAMED_INTERFACE_ID:
		if (attribute->length != 8)
			return reading_malformed(reading, "Framed-Interface-Id", attribute);
		reading->extra->has_interface_id = true;
		memcpy(reading->extra->interface_id, attribute->value, 8);
		return true;
	case RADIUS_FRAMED_IPV6_PREFIX:
		return prefix6_read(reading, attribute, "Framed-IPv6-Prefix", false);
	case RADIUS_DELEGATED_IPV6_PREFIX:
		return prefix6_read(reading, attribute, "Delegated-IPv6-Prefix", true);
	case RADIUS_FRAMED_IPV6_ADDRESS:
		return address6_read(
			reading, attribute, "Framed-IPv6-Address", &reading->extra->address6);
	case RADIUS_DNS_SERVER_IPV6_ADDRESS:
		return dns6_read(reading, attribute);
	case RADIUS_FRAMED_IPV6_ROUTE:
		return route6_read(reading, attribute);
	case RADIUS_FRAMED_IPV6_POOL:
		return reading_text(reading, attribute, "Framed-IPv6-Pool", reading->pool6);
	case RADIUS_DELEGATED_IPV6_PREFIX_POOL:
		return reading_text(
			reading, attribute, "Delegated-IPv6-Prefix-Pool", reading->delegated_pool);
	case RADIUS_STATEFUL_IPV6_ADDRESS_POOL:
		return reading_text(
			reading, attribute, "Stateful-IPv6-Address-Pool", reading->address_pool6);
	default:
		return false;
	}
}

/* ---- once all of them are read ---- */

/* The prefix pool that an attribute names: its index, or -2 when refused. */
static int pool_find(struct reading *reading, const char *attribute, const char *name,
	unsigned int low, unsigned int high)
{
	const struct config *config = reading->config;

	for (unsigned int i = 0; i < config->n_prefix_pools; i++) {
		const struct config_prefix_pool *pool = &config->prefix_pools[i];

		if (strcmp(pool->name, name))
			continue;
		if (pool->vrf != reading->answer->vrf) {
			reading_refuse(reading, "%s %s is not in VRF %s", attribute, name,
				config->vrfs[reading->answer->vrf].name);
			return -2;
		}
		if (pool->length < low || pool->length > high) {
			reading_refuse(reading, "%s %s has prefixes of length %u", attribute, name,
				pool->length);
			return -2;
		}
		return (int)i;
	}
	reading_refuse(reading, "%s %s is not in prefix-pools", attribute, name);
	return -2;
}

static bool pools_apply(struct reading *reading)
{
	struct aaa_ipv6 *ipv6 = &reading->answer->ipv6;

	if (*reading->pool6)
		ipv6->pool = pool_find(reading, "Framed-IPv6-Pool", reading->pool6, 64, 64);
	if (*reading->delegated_pool)
		ipv6->delegated_pool = pool_find(
			reading, "Delegated-IPv6-Prefix-Pool", reading->delegated_pool, 48, 64);
	if (*reading->address_pool6)
		ipv6->address_pool = pool_find(
			reading, "Stateful-IPv6-Address-Pool", reading->address_pool6, 128, 128);
	return ipv6->pool != -2 && ipv6->delegated_pool != -2 && ipv6->address_pool != -2;
}

static bool route_add(struct reading *reading, const struct ip_prefix *prefix, uint32_t metric)
{
	struct aaa_answer *answer = reading->answer;

	if (answer->n_routes == AAA_ROUTES_MAX)
		return reading_refuse(reading, "more than %u routes", AAA_ROUTES_MAX);
	answer->routes[answer->n_routes++] =
		(struct config_route){.prefix = *prefix, .metric = metric};
	return true;
}

/*
 * RFC 3162 2.3: host bits "MUST be zero"; what is not unicast would be everybody's. The first /64 is the loopback's,
 * the unspecified address's and that of IPv4 in IPv6 (RFC 4291, 2.5).
 */
static bool prefix_check(struct reading *reading, const char *name, const struct ip_prefix *prefix)
{
	static const uint8_t first[8];
	const uint8_t *bytes = prefix->addr.bytes;
	bool ok = prefix->length > 0 && bytes[0] != 0xff &&
		!(bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) &&
		!(prefix->length >= 64 && !memcmp(bytes, first, sizeof(first)));
	char text[50];

	for (unsigned int bit = prefix->length; ok && bit < 128; bit++)
		ok = !(bytes[bit / 8] & 0x80 >> bit % 8);
	return ok ||
		reading_refuse(reading, "%s %s, expected %s", name, ip_prefix_text(prefix, text),
			prefix->length == 128 ? "a unicast address"
					      : "a network of unicast addresses");
}

/* Nothing of what is delegated may be used on the link that it came by (RFC 3633, 12.1). */
static bool prefixes_apart(struct reading *reading)
{
	const struct aaa_ipv6 *ipv6 = &reading->answer->ipv6;
	char link[50], delegated[50];

	return !ip_prefix_holds(&ipv6->delegated, &ipv6->prefix.addr) ||
		reading_refuse(reading,
			"Framed-IPv6-Prefix %s and Delegated-IPv6-Prefix %s, expected networks "
			"apart",
			ip_prefix_text(&ipv6->prefix, link),
			ip_prefix_text(&ipv6->delegated, delegated));
}

/*
 * The first Framed-IPv6-Prefix of 64 bits is the link's, the first Delegated-IPv6-Prefix of 48 to 64 the one
 * for DHCPv6; whatever else there is is routed.
 */
static bool prefixes_apply(struct reading *reading)
{
	struct aaa_ipv6 *ipv6 = &reading->answer->ipv6;

	for (unsigned int i = 0; i < reading->extra->n_prefixes6; i++) {
		const struct ip_prefix *prefix = &reading->extra->prefixes6[i].prefix;
		bool delegated = reading->extra->prefixes6[i].delegated;

		if (!prefix_check(reading,
			    delegated ? "Delegated-IPv6-Prefix" : "Framed-IPv6-Prefix", prefix))
			return false;
		if (delegated && !ipv6->delegated.addr.family && prefix->length >= 48 &&
			prefix->length <= 64)
			ipv6->delegated = *prefix;
		else if (!delegated && !ipv6->prefix.addr.family && prefix->length == 64)
			ipv6->prefix = *prefix;
		else if (!route_add(reading, prefix, 0))
			return false;
	}
	return prefixes_apart(reading);
}

/* Framed-IPv6-Route (RFC 3162 2.5): "2001:db8::/48 [gateway [metric]]"; the gateway is the subscriber. */
static bool route6_parse(
	const char *text, size_t length, struct ip_prefix *prefix, uint32_t *metric)
{
	char copy[128], *word, *rest, *slash, *end;
	unsigned long number;

	if (length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	word = strtok_r(copy, " ", &rest);
	slash = word ? strchr(word, '/') : NULL;
	*prefix = (struct ip_prefix){.addr.family = 6};
	*metric = 0;
	if (!slash || slash[1] < '0' || slash[1] > '9')
		return false;
	*slash = '\0';
	number = strtoul(slash + 1, &end, 10);
	if (*end || number > 128 || inet_pton(AF_INET6, word, prefix->addr.bytes) != 1)
		return false;
	prefix->length = (uint8_t)number;
	strtok_r(NULL, " ", &rest);
	word = strtok_r(NULL, " ", &rest);
	if (!word)
		return true;
	number = strtoul(word, &end, 10);
	*metric = (uint32_t)number;
	return !*end && number <= UINT32_MAX;
}

bool reading_prefix6_text(struct reading *reading, const char *text)
{
	struct ip_prefix prefix;
	uint32_t ignored;

	if (!route6_parse(text, strlen(text), &prefix, &ignored) || prefix.length != 64)
		return reading_refuse(reading, "ipv6:prefix, expected a network of 64 bits");
	return prefix6_add(reading, &prefix, false);
}

bool reading_routes6_apply(struct reading *reading)
{
	const char *at = reading->routes6, *end = at + reading->routes6_length;

	while (at < end) {
		size_t length = (size_t)((const char *)memchr(at, '\n', (size_t)(end - at)) - at);
		struct ip_prefix prefix;
		uint32_t metric;

		if (!route6_parse(at, length, &prefix, &metric))
			return reading_refuse(reading,
				"Framed-IPv6-Route, expected network/length gateway metric");
		if (!prefix_check(reading, "Framed-IPv6-Route", &prefix) ||
			!route_add(reading, &prefix, metric))
			return false;
		at += length + 1;
	}
	return true;
}

bool reading_ipv6_apply(struct reading *reading)
{
	const struct aaa_extra *extra = reading->extra;
	const struct ip_prefix address = {.addr = extra->address6, .length = 128};
	struct aaa_ipv6 *ipv6 = &reading->answer->ipv6;

	aaa_ipv6_defaults(reading->config, reading->answer->vrf, ipv6);
	if (!pools_apply(reading) || !prefixes_apply(reading) || !reading_routes6_apply(reading))
		return false;
	if (address.addr.family && !prefix_check(reading, "Framed-IPv6-Address", &address))
		return false;
	ipv6->address = extra->address6;
	if (extra->has_interface_id)
		memcpy(ipv6->interface_id, extra->interface_id, sizeof(ipv6->interface_id));
	if (extra->dns6[0].family) {
		memset(ipv6->dns, 0, sizeof(ipv6->dns));
		memcpy(ipv6->dns, extra->dns6, sizeof(extra->dns6));
	}
	return true;
}

bool aaa_ipv6_changes(const struct aaa_ipv6_change *change)
{
	return change->link || change->delegated || change->address || change->dns;
}

bool reading_ipv6_change(struct reading *reading, struct aaa_ipv6_change *change)
{
	const struct aaa_extra *extra = reading->extra;
	struct aaa_ipv6 *ipv6 = &reading->answer->ipv6;

	*ipv6 = (struct aaa_ipv6){.pool = -1, .delegated_pool = -1, .address_pool = -1};
	if (!pools_apply(reading) || !prefixes_apply(reading))
		return false;
	if (reading->answer->n_routes)
		return reading_refuse(reading,
			"a change of prefixes, expected one of a kind, delegated of 48 to 64 bits");
	if (ipv6->prefix.addr.family && ipv6->pool >= 0)
		return reading_refuse(reading, "ipv6:prefix and Framed-IPv6-Pool, expected one");
	if (ipv6->delegated.addr.family && ipv6->delegated_pool >= 0)
		return reading_refuse(reading,
			"Delegated-IPv6-Prefix and Delegated-IPv6-Prefix-Pool, expected one");
	memcpy(ipv6->dns, extra->dns6, sizeof(extra->dns6));
	*change = (struct aaa_ipv6_change){
		.link = ipv6->prefix.addr.family || ipv6->pool >= 0,
		.delegated = ipv6->delegated.addr.family || ipv6->delegated_pool >= 0,
		.address = ipv6->address_pool >= 0,
		.dns = extra->dns6[0].family,
		.to = *ipv6,
	};
	return true;
}
