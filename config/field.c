/* SPDX-License-Identifier: BSD-3-Clause */
/* Readers of the fields that are more than a number, a word or a text. */
#include "field.h"
#include "address.h"
#include "reader.h"
#include "value.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool field_read_addr(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	static const char expected[] = "an IPv4 or IPv6 address";
	const char *text = reader_scalar(reader, path, node, field, false, expected);

	if (!text)
		return false;
	if (ip_addr_parse(text, target))
		return reader_expected(reader, path, node, field, "%s", expected);
	return true;
}

bool field_read_addr4(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	static const char expected[] = "an IPv4 address of a host";
	const char *text = reader_scalar(reader, path, node, field, false, expected);
	struct ip_addr addr;

	if (!text)
		return false;
	if (ip_addr_parse(text, &addr) || addr.family != 4 || !ip_addr_unicast(&addr))
		return reader_expected(reader, path, node, field, "%s", expected);
	*(struct ip_addr *)target = addr;
	return true;
}

bool field_read_unicast(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	static const char expected[] = "an IPv4 or IPv6 address of a host";
	const char *text = reader_scalar(reader, path, node, field, false, expected);
	struct ip_addr addr;

	if (!text)
		return false;
	if (ip_addr_parse(text, &addr) || !ip_addr_unicast(&addr))
		return reader_expected(reader, path, node, field, "%s", expected);
	*(struct ip_addr *)target = addr;
	return true;
}

bool field_read_spi(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	static const char expected[] =
		"a number from 256 to 4294967295, decimal or hexadecimal (0x1000)";
	const char *text = reader_scalar(reader, path, node, field, false, expected);
	uint64_t value = 0;
	size_t digits;

	if (!text)
		return false;
	if (!strncmp(text, "0x", 2)) {
		digits = strspn(text + 2, "0123456789abcdefABCDEF");
		if (digits && digits <= 8 && !text[2 + digits])
			value = strtoull(text + 2, NULL, 16);
	} else if (value_number(text, &value)) {
		value = 0;
	}
	if (value < 256 || value > UINT32_MAX)
		return reader_expected(reader, path, node, field, "%s", expected);
	*(uint32_t *)target = (uint32_t)value;
	return true;
}

bool field_read_host(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	static const char expected[] =
		"an address with its subnet's length (192.0.2.1/24, 2001:db8::1/64)";
	const char *text = reader_scalar(reader, path, node, field, false, expected);
	struct ip_prefix prefix;
	struct ip_range range;
	bool point_to_point;

	if (!text)
		return false;
	if (ip_prefix_parse(text, &prefix) || !prefix.length)
		return reader_expected(reader, path, node, field, "%s", expected);
	if (!ip_addr_unicast(&prefix.addr))
		return reader_expected(reader, path, node, field, "the unicast address of a host");
	range = ip_prefix_range(&prefix);
	point_to_point = prefix.length >= (prefix.addr.family == 4 ? 31 : 127);
	if (!point_to_point && !ip_addr_compare(&range.first, &prefix.addr))
		return reader_expected(reader, path, node, field,
			"the address of a host (this is the network's own)");
	if (!point_to_point && prefix.addr.family == 4 &&
		!ip_addr_compare(&range.last, &prefix.addr))
		return reader_expected(reader, path, node, field,
			"the address of a host (this is the network's broadcast address)");
	*(struct ip_prefix *)target = prefix;
	return true;
}

/* A prefix without host bits; single: one address alone is its own prefix. */
static bool network_read(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, const char *expected,
	struct ip_prefix *out)
{
	const char *text = reader_scalar(reader, path, node, field, false, expected);
	struct ip_prefix prefix, network;
	char buffer[64];

	if (!text)
		return false;
	if (ip_prefix_parse(text, &prefix)) {
		if (ip_addr_parse(text, &prefix.addr))
			return reader_expected(reader, path, node, field, "%s", expected);
		prefix.length = prefix.addr.family == 4 ? 32 : 128;
	}
	network = ip_prefix_network(&prefix);
	if (!ip_prefix_equal(&network, &prefix))
		return reader_expected(reader, path, node, field, "%s (host bits are set)",
			ip_prefix_text(&network, buffer));
	*out = prefix;
	return true;
}

bool field_read_source(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	return network_read(reader, path, node, field,
		"a network or an address (192.0.2.0/24, 2001:db8::/32)", target);
}

bool field_read_network(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	struct ip_prefix prefix;
	struct ip_range range;

	if (!network_read(
		    reader, path, node, field, "a network (192.0.2.0/24, 2001:db8::/48)", &prefix))
		return false;
	range = ip_prefix_range(&prefix);
	if (!ip_addr_unicast(&range.first) || !ip_addr_unicast(&range.last))
		return reader_expected(reader, path, node, field, "a network of unicast addresses");
	*(struct ip_prefix *)target = prefix;
	return true;
}

bool field_read_range(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	static const char expected[] =
		"an IPv4 network or range (192.0.2.0/24, 192.0.2.10-192.0.2.99)";
	const char *text = reader_scalar(reader, path, node, field, false, expected);
	struct ip_range range;
	struct ip_prefix prefix, network;
	char buffer[64];

	if (!text)
		return false;
	if (!ip_prefix_parse(text, &prefix) && prefix.addr.family == 4) {
		network = ip_prefix_network(&prefix);
		if (!ip_prefix_equal(&network, &prefix))
			return reader_expected(reader, path, node, field, "%s (host bits are set)",
				ip_prefix_text(&network, buffer));
	}
	if (ip_range_parse(text, &range) || range.first.family != 4)
		return reader_expected(reader, path, node, field, "%s", expected);
	/* Unicast space is one block but for 127/8. */
	if (!ip_addr_unicast(&range.first) || !ip_addr_unicast(&range.last) ||
		(range.first.bytes[0] < 127 && range.last.bytes[0] > 127))
		return reader_expected(reader, path, node, field, "a range of unicast addresses");
	*(struct ip_range *)target = range;
	return true;
}

bool field_read_mac(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	static const char expected[] = "a unicast MAC address (02:00:5e:10:00:01)";
	const char *text = reader_scalar(reader, path, node, field, false, expected);
	static const uint8_t zero[6];
	uint8_t mac[6];

	if (!text)
		return false;
	if (value_mac(text, mac) || mac[0] & 1 || !memcmp(mac, zero, sizeof(mac)))
		return reader_expected(reader, path, node, field, "%s", expected);
	memcpy(target, mac, sizeof(mac));
	return true;
}

static bool string_store(struct config_reader *reader, char *text, void *target)
{
	if (!text) {
		reader->failure = -ENOMEM;
		return false;
	}
	*(char **)target = text;
	return true;
}

bool field_read_device(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	static const char expected[] = "a PCI address (0000:81:00.0), arguments after a comma";
	const char *text = reader_scalar(reader, path, node, field, false, expected);
	char pci[VALUE_PCI_MAX], *whole;
	const char *end;

	if (!text)
		return false;
	if (value_pci(text, pci, &end))
		return reader_expected(reader, path, node, field, "%s", expected);
	if (asprintf(&whole, "%s%s", pci, end) < 0)
		whole = NULL;
	return string_store(reader, whole, target);
}

/* How long the vdev's name is, up to a comma or the end; 0 = it cannot be one. */
static size_t vdev_name_length(const char *text)
{
	size_t n = 0;

	while (isalnum((unsigned char)text[n]) || (n && strchr("_-.", text[n]) && text[n]))
		n++;
	return (text[n] && text[n] != ',') || n >= CONFIG_NAME_MAX || n < 3 ? 0 : n;
}

bool field_read_vdev(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	static const char expected[] =
		"a vdev as EAL takes it (net_af_packet0,iface=eth1), its name below 64 characters";
	const char *text = reader_scalar(reader, path, node, field, false, expected);

	if (!text)
		return false;
	if (!vdev_name_length(text))
		return reader_expected(reader, path, node, field, "%s", expected);
	return string_store(reader, strdup(text), target);
}

bool field_read_eal_arg(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	/* What lnsd passes itself, from these keys. */
	static const struct {
		const char *arg, *key;
	} owned[] = {{"-l", "worker-cores"}, {"-c", "worker-cores"}, {"--lcores", "worker-cores"},
		{"--main-lcore", "main-core"}, {"-a", "devices"}, {"--allow", "devices"},
		{"--vdev", "vdevs"}, {"-m", "memory"}, {"--no-huge", "hugepages"},
		{"--iova-mode", "iova-mode"}};
	static const char expected[] = "an argument of EAL (--log-level=lib.eal:8)";
	const char *text = reader_scalar(reader, path, node, field, false, expected);
	unsigned int i;

	if (!text)
		return false;
	for (i = 0; i < sizeof(owned) / sizeof(*owned); i++) {
		size_t n = strlen(owned[i].arg);

		if (!strncmp(text, owned[i].arg, n) && (n == 2 || !text[n] || text[n] == '='))
			return reader_expected(reader, path, node, field,
				"the key dpdk.%s for this", owned[i].key);
	}
	return string_store(reader, strdup(text), target);
}

bool field_read_device_name(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	static const char expected[] = "a device of dpdk.devices or dpdk.vdevs, without arguments";
	const char *text = reader_scalar(reader, path, node, field, false, expected), *end;
	char pci[VALUE_PCI_MAX];

	if (!text)
		return false;
	if (!value_pci(text, pci, &end) && !*end)
		text = pci;
	else if (!vdev_name_length(text) || strchr(text, ','))
		return reader_expected(reader, path, node, field, "%s", expected);
	memcpy(target, text, strlen(text) + 1);
	return true;
}

/* The struct that a field's target stands in. */
static void *field_base(const struct schema_field *field, void *target)
{
	return (char *)target - field->offset;
}

static bool list_expected(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, unsigned int max)
{
	if (node->kind != YAML_SEQUENCE || node->refused)
		return reader_expected(reader, path, node, NULL, "a list of 1 to %u elements", max);
	if (!node->n || node->n > max)
		return reader_error(
			reader, path, node, "%u elements, expected 1 to %u", node->n, max);
	return true;
}

bool field_read_encapsulation(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	struct config_sa *sa = field_base(field, target);

	schema_defaults(field->section, sa);
	return reader_mapping(reader, path, node, field->section, sa);
}

/* "3" or "4-7". */
static bool cores_parse(const char *text, uint64_t *first, uint64_t *last)
{
	char head[16];
	const char *dash = strchr(text, '-');

	if (!dash) {
		if (value_number(text, first))
			return false;
		*last = *first;
	} else {
		if ((size_t)(dash - text) >= sizeof(head))
			return false;
		memcpy(head, text, dash - text);
		head[dash - text] = '\0';
		if (value_number(head, first) || value_number(dash + 1, last))
			return false;
	}
	return *first <= *last && *last <= 1023;
}

bool field_read_workers(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	static const char expected[] = "a CPU number from 0 to 1023, or a range (4-7)";
	struct config_dpdk *dpdk = field_base(field, target);
	const struct yaml_node *child;
	unsigned int index = 0;
	bool ok = true;

	if (!list_expected(reader, path, node, CONFIG_WORKERS_MAX))
		return false;
	for (child = node->first; child; child = child->next, index++) {
		struct config_path at = {path, NULL, child, index};
		const char *text = reader_scalar(reader, &at, child, NULL, false, expected);
		uint64_t first, last;

		if (!text) {
			ok = false;
			continue;
		}
		if (!cores_parse(text, &first, &last)) {
			ok = reader_expected(reader, &at, child, NULL, "%s", expected);
			continue;
		}
		for (; first <= last; first++) {
			if (dpdk->n_workers == CONFIG_WORKERS_MAX)
				return reader_error(reader, path, node,
					"more than %u workers, expected 1 to %u",
					CONFIG_WORKERS_MAX, CONFIG_WORKERS_MAX);
			dpdk->worker_cores[dpdk->n_workers++] = (int)first;
		}
	}
	return ok;
}

/* A list of words, each once, into bytes that count from 1. */
static bool words_read(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const char *const *words, unsigned int n_words,
	const char *expected, const char *what, uint8_t *list, uint8_t *n)
{
	const struct yaml_node *child;
	unsigned int index = 0, i;
	bool ok = true;

	if (!list_expected(reader, path, node, n_words))
		return false;
	for (child = node->first; child; child = child->next, index++) {
		struct config_path at = {path, NULL, child, index};
		const char *text = reader_scalar(reader, &at, child, NULL, false, expected);

		if (!text) {
			ok = false;
			continue;
		}
		for (i = 0; i < n_words && strcmp(text, words[i]); i++)
			;
		if (i == n_words)
			ok = reader_expected(reader, &at, child, NULL, "%s", expected);
		else if (memchr(list, (int)i + 1, *n))
			ok = reader_expected(reader, &at, child, NULL, "each %s only once", what);
		else
			list[(*n)++] = (uint8_t)(i + 1);
	}
	return ok;
}

bool field_read_auth(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	static const char *const methods[] = {"pap", "chap", "mschapv2"};
	struct config_subscribers *subscribers = field_base(field, target);

	static_assert(CONFIG_AUTH_PAP == 1, "values are the words' places, from 1");
	return words_read(reader, path, node, methods, CONFIG_AUTH_MAX,
		"one of pap, chap, mschapv2", "method", subscribers->auth, &subscribers->n_auth);
}

bool field_read_aaa_order(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	static const char *const sources[] = {"local", "radius"};
	struct config_aaa *aaa = field_base(field, target);

	static_assert(CONFIG_AAA_LOCAL == 1, "values are the words' places, from 1");
	return words_read(reader, path, node, sources, CONFIG_AAA_SOURCES, "local or radius",
		"source", aaa->order, &aaa->n_order);
}

/* "20000", "64k", "10M", "1G": bits per second, thousands. */
bool field_read_rate(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	static const char expected[] =
		"bits per second from 8k to 400G, as in 64k, 10M or 1G; 0 = no limit";
	static const char units[] = "kMG";
	const char *text = reader_scalar(reader, path, node, field, false, expected), *unit;
	uint64_t value, factor = 1;
	char digits[24];
	size_t length;

	if (!text)
		return false;
	length = strlen(text);
	unit = length ? strchr(units, text[length - 1]) : NULL;
	if (unit && *unit) {
		length--;
		factor = *unit == 'k' ? 1000 : *unit == 'M' ? 1000000 : 1000000000;
	}
	if (length >= sizeof(digits))
		return reader_expected(reader, path, node, field, "%s", expected);
	memcpy(digits, text, length);
	digits[length] = '\0';
	if (value_number(digits, &value) || value > 400000000000 / factor ||
		(value && value * factor < 8000))
		return reader_expected(reader, path, node, field, "%s", expected);
	value *= factor;
	memcpy(target, &value, sizeof(value));
	return true;
}

bool field_read_addresses(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, struct ip_addr *addresses, unsigned int max,
	schema_read_fn *element)
{
	const struct yaml_node *child;
	unsigned int index = 0;
	bool ok = true;

	if (yaml_node_null(node) || (node->kind == YAML_SEQUENCE && !node->n && !node->refused))
		return true;
	if (!list_expected(reader, path, node, max))
		return false;
	for (child = node->first; child; child = child->next, index++) {
		struct config_path at = {path, NULL, child, index};

		ok &= element(reader, &at, child, NULL, &addresses[index]);
	}
	return ok;
}

bool field_read_dns(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	return field_read_addresses(reader, path, node, target, 2, field_read_addr4);
}

bool field_read_route(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	if (node->kind == YAML_MAPPING)
		return reader_mapping(reader, path, node, field->section, target);
	return field_read_network(
		reader, path, node, field, &((struct config_route *)target)->prefix);
}

bool field_read_netns(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, void *target)
{
	static const char expected[] =
		"auto, root, or a name of 1 to 63 letters, digits and ._- (no path)";
	const char *text = reader_scalar(reader, path, node, field, false, expected);
	struct config_kernel *kernel = field_base(field, target);
	size_t i;

	if (!text)
		return false;
	for (i = 0; text[i]; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("._-", text[i]))
			return reader_expected(reader, path, node, field, "%s", expected);
	if (i == 0 || i >= CONFIG_NAME_MAX || *text == '.' || *text == '-')
		return reader_expected(reader, path, node, field, "%s", expected);
	if (!strcmp(text, "auto")) {
		kernel->netns_mode = CONFIG_NETNS_AUTO;
	} else if (!strcmp(text, "root")) {
		kernel->netns_mode = CONFIG_NETNS_ROOT;
	} else {
		kernel->netns_mode = CONFIG_NETNS_NAMED;
		memcpy(kernel->netns, text, i + 1);
	}
	return true;
}
