/* SPDX-License-Identifier: BSD-3-Clause */
/* A subscriber's session as plain values. */
#include "subscriber_record.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int subscriber_record_set_prefixes(
	struct subscriber_record *record, const struct session_prefix *prefixes, unsigned int n)
{
	struct session_prefix *copy = NULL;

	if (n > SUBSCRIBER_PREFIXES_MAX)
		return -E2BIG;
	if (n) {
		copy = malloc(n * sizeof(*copy));
		if (!copy)
			return -ENOMEM;
		memcpy(copy, prefixes, n * sizeof(*copy));
	}
	if (record->prefixes != record->installed)
		free(record->prefixes);
	record->prefixes = copy;
	record->n_prefixes = (uint8_t)n;
	return 0;
}

void subscriber_record_free(struct subscriber_record *record)
{
	if (record->installed != record->prefixes)
		free(record->installed);
	free(record->prefixes);
	record->prefixes = record->installed = NULL;
	record->n_prefixes = record->n_installed = 0;
}

/* The numbers of a record, by name: one list for both directions. */
static const struct record_field {
	const char *name;
	size_t offset;
	unsigned int size;
	uint32_t max;
} fields[] = {
#define FIELD(name_, member, max_)                                            \
	{                                                                     \
		name_, offsetof(struct subscriber_record, member),            \
			sizeof(((struct subscriber_record *)0)->member), max_ \
	}
	FIELD("tunnel", tunnel_id, UINT16_MAX),
	FIELD("session", session_id, UINT16_MAX),
	FIELD("peer_session", peer_session_id, UINT16_MAX),
	FIELD("vrf", vrf, UINT16_MAX),
	FIELD("mtu", mtu, UINT16_MAX),
	FIELD("mss", mss, UINT16_MAX),
	FIELD("flags", flags, UINT32_MAX),
#undef FIELD
};
#define N_FIELDS (sizeof(fields) / sizeof(*fields))

json_t *subscriber_record_to_json(const struct subscriber_record *record)
{
	json_t *json = json_object(), *list = json_array();

	for (unsigned int i = 0; i < N_FIELDS; i++) {
		const uint8_t *at = (const uint8_t *)record + fields[i].offset;
		uint32_t value = 0;
		uint16_t half;

		if (fields[i].size == sizeof(half)) {
			memcpy(&half, at, sizeof(half));
			value = half;
		} else {
			memcpy(&value, at, sizeof(value));
		}
		json_object_set_new(json, fields[i].name, json_integer(value));
	}
	for (unsigned int i = 0; i < record->n_prefixes; i++) {
		const struct session_prefix *prefix = &record->prefixes[i];
		char text[INET6_ADDRSTRLEN], both[INET6_ADDRSTRLEN + 5];

		inet_ntop(
			prefix->family == 4 ? AF_INET : AF_INET6, prefix->addr, text, sizeof(text));
		snprintf(both, sizeof(both), "%s/%u", text, prefix->length);
		json_array_append_new(list, json_string(both));
	}
	if (json_object_set_new(json, "prefixes", list)) {
		json_decref(json);
		return NULL;
	}
	return json;
}

static bool prefix_has_host_bits(const struct session_prefix *prefix)
{
	unsigned int bits = prefix->family == 4 ? 32 : 128;

	for (unsigned int bit = prefix->length; bit < bits; bit++)
		if (prefix->addr[bit / 8] & 0x80 >> bit % 8)
			return true;
	return false;
}

static int prefix_parse(const char *text, struct session_prefix *prefix)
{
	char addr[INET6_ADDRSTRLEN], *end;
	const char *slash = text ? strchr(text, '/') : NULL;
	unsigned long length;

	*prefix = (struct session_prefix){0};
	if (!slash || (size_t)(slash - text) >= sizeof(addr) || slash[1] < '0' || slash[1] > '9')
		return -EINVAL;
	memcpy(addr, text, slash - text);
	addr[slash - text] = '\0';
	prefix->family = strchr(addr, ':') ? 6 : 4;
	if (inet_pton(prefix->family == 4 ? AF_INET : AF_INET6, addr, prefix->addr) != 1)
		return -EINVAL;
	length = strtoul(slash + 1, &end, 10);
	if (*end || length > (prefix->family == 4 ? 32 : 128))
		return -EINVAL;
	prefix->length = (uint8_t)length;
	return prefix_has_host_bits(prefix) ? -EINVAL : 0;
}

int subscriber_record_from_json(
	const json_t *json, struct subscriber_record *record, char *error, size_t error_size)
{
	struct session_prefix prefixes[SUBSCRIBER_PREFIXES_MAX];
	const json_t *list = json_object_get(json, "prefixes");
	size_t n = json_array_size(list);

	*record = (struct subscriber_record){0};
	for (unsigned int i = 0; i < N_FIELDS; i++) {
		const json_t *value = json_object_get(json, fields[i].name);
		json_int_t number = json_integer_value(value);

		if (!json_is_integer(value) || number < 0 || number > fields[i].max) {
			snprintf(error, error_size, "%s: expected a number from 0 to %u",
				fields[i].name, fields[i].max);
			return -EINVAL;
		}
		if (fields[i].size == sizeof(uint16_t)) {
			uint16_t half = (uint16_t)number;

			memcpy((uint8_t *)record + fields[i].offset, &half, sizeof(half));
		} else {
			uint32_t whole = (uint32_t)number;

			memcpy((uint8_t *)record + fields[i].offset, &whole, sizeof(whole));
		}
	}
	if (!json_is_array(list) || n > SUBSCRIBER_PREFIXES_MAX) {
		snprintf(error, error_size, "prefixes: expected a list of at most %u prefixes",
			SUBSCRIBER_PREFIXES_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < n; i++) {
		if (prefix_parse(json_string_value(json_array_get(list, i)), &prefixes[i])) {
			snprintf(error, error_size,
				"prefixes[%zu]: expected an address and a length, host bits zero",
				i);
			return -EINVAL;
		}
	}
	return subscriber_record_set_prefixes(record, prefixes, (unsigned int)n);
}
