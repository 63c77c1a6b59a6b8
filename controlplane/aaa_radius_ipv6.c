/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 of an Access-Accept, once all of it is read: what a subscriber gets of it. */
#include "aaa_radius_reading.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

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

/* RFC 3162 2.3: host bits "MUST be zero"; what is not unicast would be everybody's. */
static bool prefix_check(struct reading *reading, const char *name, const struct ip_prefix *prefix)
{
	const uint8_t *bytes = prefix->addr.bytes;
	bool ok = prefix->length > 0 && bytes[0] != 0xff &&
		!(bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80);
	char text[50];

	for (unsigned int bit = prefix->length; ok && bit < 128; bit++)
		ok = !(bytes[bit / 8] & 0x80 >> bit % 8);
	return ok ||
		reading_refuse(reading, "%s %s, expected a network of unicast addresses", name,
			ip_prefix_text(prefix, text));
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
	return true;
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

static bool routes6_apply(struct reading *reading)
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
	struct aaa_ipv6 *ipv6 = &reading->answer->ipv6;

	aaa_ipv6_defaults(reading->config, reading->answer->vrf, ipv6);
	if (!pools_apply(reading) || !prefixes_apply(reading) || !routes6_apply(reading))
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
