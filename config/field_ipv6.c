/* SPDX-License-Identifier: BSD-3-Clause */
/* Readers of the fields that only IPv6 has. */
#include "field.h"
#include "address.h"
#include "reader.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_MAX  63 /* RFC 1035, 2.3.4 */
#define DOMAIN_MAX 253

/* What can be routed to a subscriber: no multicast, no link-local, no loopback. */
static bool addr6_routable(const struct ip_addr *addr)
{
	return addr->family == 6 && ip_addr_unicast(addr) && !ip_addr_link_local(addr);
}

bool field_read_addr6(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	static const char expected[] = "an IPv6 address of a host";
	const char *text = reader_scalar(reader, path, node, field, false, expected);
	struct ip_addr addr;

	if (!text)
		return false;
	if (ip_addr_parse(text, &addr) || !addr6_routable(&addr))
		return reader_expected(reader, path, node, field, "%s", expected);
	*(struct ip_addr *)target = addr;
	return true;
}

/* A network with a length from low to high. */
static bool prefix6_read(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, const char *expected,
	unsigned int low, unsigned int high, struct ip_prefix *out)
{
	const char *text = reader_scalar(reader, path, node, field, false, expected);
	struct ip_prefix prefix, network;
	char buffer[64];

	if (!text)
		return false;
	if (ip_prefix_parse(text, &prefix) || prefix.addr.family != 6 || prefix.length < low ||
		prefix.length > high)
		return reader_expected(reader, path, node, field, "%s", expected);
	network = ip_prefix_network(&prefix);
	if (!ip_prefix_equal(&network, &prefix))
		return reader_expected(reader, path, node, field, "%s (host bits are set)",
			ip_prefix_text(&network, buffer));
	if (!addr6_routable(&prefix.addr))
		return reader_expected(reader, path, node, field, "a network of unicast addresses");
	*out = prefix;
	return true;
}

bool field_read_network6(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	return prefix6_read(reader, path, node, field,
		"an IPv6 network of 16 to 128 bits (2001:db8::/40)", 16, 128, target);
}

bool field_read_prefix64(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	return prefix6_read(reader, path, node, field,
		"an IPv6 network of 64 bits (2001:db8:0:1::/64)", 64, 64, target);
}

bool field_read_delegated(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	return prefix6_read(reader, path, node, field,
		"an IPv6 network of 48 to 64 bits (2001:db8:0:100::/56)", 48, 64, target);
}

bool field_read_interface_id(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	static const char expected[] =
		"an interface identifier, not zero, as four groups (0:0:0:1, 211:22ff:fe33:4455)";
	static const uint8_t zero[8];
	const char *text = reader_scalar(reader, path, node, field, false, expected);
	struct ip_addr addr;
	char whole[48];

	if (!text)
		return false;
	/* the lower half of an address */
	if ((size_t)snprintf(whole, sizeof(whole), "0:0:0:0:%s", text) >= sizeof(whole) ||
		strstr(text, "::") || strchr(text, '.') || ip_addr_parse(whole, &addr) ||
		!memcmp(addr.bytes + 8, zero, sizeof(zero)))
		return reader_expected(reader, path, node, field, "%s", expected);
	memcpy(target, addr.bytes + 8, 8);
	return true;
}

bool field_read_dns6(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	return field_read_addresses(reader, path, node, target, CONFIG_DNS6_MAX, field_read_addr6);
}

static bool domain_valid(const char *text)
{
	size_t label = 0, length = strlen(text);

	if (!length || length > DOMAIN_MAX)
		return false;
	for (; *text; text++) {
		if (*text == '.') {
			if (!label)
				return false;
			label = 0;
		} else if ((!isalnum((unsigned char)*text) && *text != '-' && *text != '_') ||
			++label > LABEL_MAX) {
			return false;
		}
	}
	return label;
}

bool field_read_domain(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	static const char expected[] = "a domain name (isp.example), no final dot";
	const char *text = reader_scalar(reader, path, node, field, false, expected);

	if (!text)
		return false;
	if (!domain_valid(text))
		return reader_expected(reader, path, node, field, "%s", expected);
	*(char **)target = strdup(text);
	if (!*(char **)target)
		reader->failure = -ENOMEM;
	return *(char **)target;
}
