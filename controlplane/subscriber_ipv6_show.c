/* SPDX-License-Identifier: BSD-3-Clause */
/* What is told of a subscriber's IPv6: to RADIUS, in the log, to the operator. */
#include "subscriber_ipv6.h"

#include "ip6_wire.h"
#include "lns.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static void prefix_tell(struct radius_writer *writer, uint8_t type, const struct held_prefix *held)
{
	uint8_t value[18] = {0, held->length};

	/* RFC 3162, 2.3 */
	memcpy(value + 2, held->addr, 16);
	if (held->length)
		radius_add(writer, type, value, sizeof(value));
}

void subscriber_ipv6_tell(const struct subscriber *subscriber, struct radius_writer *writer)
{
	const struct subscriber_ipv6 *ipv6 = subscriber->ipv6;

	if (!ipv6)
		return;
	prefix_tell(writer, RADIUS_FRAMED_IPV6_PREFIX, &ipv6->parts[IPV6_LINK]);
	prefix_tell(writer, RADIUS_DELEGATED_IPV6_PREFIX, &ipv6->parts[IPV6_DELEGATED]);
	if (ipv6->parts[IPV6_ADDRESS].length)
		radius_add(writer, RADIUS_FRAMED_IPV6_ADDRESS, ipv6->parts[IPV6_ADDRESS].addr, 16);
	if (ipv6->up)
		radius_add(writer, RADIUS_FRAMED_INTERFACE_ID, subscriber->ppp.ipv6cp.agreed_id, 8);
}

const char *subscriber_ipv6_text(
	const struct subscriber *subscriber, enum ipv6_part part, char *buffer)
{
	const struct held_prefix *held;

	buffer[0] = '\0';
	if (!subscriber->ipv6 || !subscriber->ipv6->parts[part].length)
		return buffer;
	held = &subscriber->ipv6->parts[part];
	inet_ntop(AF_INET6, held->addr, buffer, INET6_ADDRSTRLEN);
	if (held->length < 128)
		sprintf(buffer + strlen(buffer), "/%u", held->length);
	return buffer;
}

static json_t *link_local_string(const uint8_t id[8])
{
	char text[INET6_ADDRSTRLEN];
	uint8_t address[16];

	ip6_link_local(address, id);
	return json_string(inet_ntop(AF_INET6, address, text, sizeof(text)));
}

void subscriber_ipv6_show(const struct subscriber *subscriber, json_t *row)
{
	const struct subscriber_ipv6 *ipv6 = subscriber->ipv6;
	const struct session_counters *counters = &subscriber->counters;
	char text[50];

	json_object_set_new(
		row, "ipv4_up", json_boolean(subscriber->record.flags & SESSION_FORWARD4));
	json_object_set_new(row, "ipv6_up", json_boolean(ipv6 && ipv6->up));
	json_object_set_new(row, "up_packets6", json_integer((json_int_t)counters->up_packets6));
	json_object_set_new(row, "up_bytes6", json_integer((json_int_t)counters->up_bytes6));
	json_object_set_new(
		row, "down_packets6", json_integer((json_int_t)counters->down_packets6));
	json_object_set_new(row, "down_bytes6", json_integer((json_int_t)counters->down_bytes6));
	if (!ipv6)
		return;
	json_object_set_new(
		row, "ipv6_prefix", json_string(subscriber_ipv6_text(subscriber, IPV6_LINK, text)));
	json_object_set_new(row, "ipv6_delegated",
		json_string(subscriber_ipv6_text(subscriber, IPV6_DELEGATED, text)));
	json_object_set_new(row, "ipv6_address",
		json_string(subscriber_ipv6_text(subscriber, IPV6_ADDRESS, text)));
	json_object_set_new(row, "dhcp6_prefix", json_boolean(ipv6->binding.prefix_bound));
	json_object_set_new(row, "dhcp6_address", json_boolean(ipv6->binding.address_bound));
	json_object_set_new(row, "dhcp6_reconfigure", json_boolean(ipv6->binding.client != NULL));
	if (!ipv6->up)
		return;
	json_object_set_new(row, "link_local", link_local_string(subscriber->ppp.ipv6cp.our_id));
	json_object_set_new(
		row, "peer_link_local", link_local_string(subscriber->ppp.ipv6cp.agreed_id));
}
