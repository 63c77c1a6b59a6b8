/* SPDX-License-Identifier: BSD-3-Clause */
/* show session: what the AAA gave. */
#include "lns_commands.h"

#include <arpa/inet.h>
#include <string.h>

static void list_add(json_t *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void list_add(json_t *list, const char *format, ...)
{
	va_list arguments;
	char text[300];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	json_array_append_new(list, ctl_string(text));
}

static json_t *class_list(const struct aaa_extra *extra)
{
	const uint8_t *at = extra->bytes, *end = at + extra->class_length;
	struct radius_attribute class;
	json_t *list = json_array();
	char text[1024];

	while (list && radius_next(&at, end, &class)) {
		log_escape(text, sizeof(text), (const char *)class.value, class.length);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *ipv6_list(const struct aaa_extra *extra)
{
	static const char *const names[] = {"pool", "delegated pool", "address pool", "routes"};
	const uint16_t lengths[] = {extra->pool6_length, extra->delegated_pool_length,
		extra->address_pool6_length, extra->routes6_length};
	const uint8_t *text = extra->bytes + extra->class_length, *id = extra->interface_id;
	json_t *list = json_array();
	char address[50];

	if (!list)
		return NULL;
	if (extra->has_interface_id)
		list_add(list, "interface id %02x%02x:%02x%02x:%02x%02x:%02x%02x", id[0], id[1],
			id[2], id[3], id[4], id[5], id[6], id[7]);
	if (extra->address6.family)
		list_add(list, "address %s", ip_addr_text(&extra->address6, address));
	for (unsigned int i = 0; i < extra->n_prefixes6; i++)
		list_add(list, "%s %s", extra->prefixes6[i].delegated ? "delegated" : "prefix",
			ip_prefix_text(&extra->prefixes6[i].prefix, address));
	for (unsigned int i = 0; i < 2; i++)
		if (extra->dns6[i].family)
			list_add(list, "dns %s", ip_addr_text(&extra->dns6[i], address));
	for (unsigned int i = 0; i < 4; text += lengths[i++])
		if (lengths[i])
			list_add(list, "%s %.*s", names[i], (int)lengths[i], (const char *)text);
	return list;
}

void lns_show_grant(json_t *row, const struct subscriber *subscriber)
{
	const struct aaa_extra *extra = subscriber->extra;
	json_t *dns = json_array(), *routes = json_array();
	char text[50];

	for (unsigned int i = 0; i < 2; i++)
		if (dns && subscriber->dns[i])
			list_add(dns, "%s",
				inet_ntop(AF_INET, &subscriber->dns[i], text, sizeof(text)));
	for (unsigned int i = 0; routes && i < subscriber->n_routes; i++)
		list_add(routes, "%s metric %u",
			ip_prefix_text(&subscriber->routes[i].prefix, text),
			subscriber->routes[i].metric);
	json_object_set_new(row, "dns", dns);
	json_object_set_new(row, "routes", routes);
	json_object_set_new(
		row, "acct_session_id", json_string(subscriber_acct_id(subscriber, text)));
	if (!extra)
		return;
	json_object_set_new(row, "policy", json_string(extra->policy));
	json_object_set_new(row, "up_rate", json_integer((json_int_t)extra->up_rate));
	json_object_set_new(row, "down_rate", json_integer((json_int_t)extra->down_rate));
	json_object_set_new(row, "interim_interval", json_integer(extra->interim_interval));
	json_object_set_new(row, "class", class_list(extra));
	json_object_set_new(row, "ipv6", ipv6_list(extra));
}
