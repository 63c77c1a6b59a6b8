/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses, prefixes and ranges: their texts, and the arithmetic that pools and checks need. */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An address as a number, so that one arithmetic serves both families. */
static unsigned __int128 addr_value(const struct ip_addr *addr)
{
	unsigned __int128 value = 0;
	unsigned int i, n = addr->family == 4 ? 4 : 16;

	for (i = 0; i < n; i++)
		value = value << 8 | addr->bytes[i];
	return value;
}

static struct ip_addr addr_make(uint8_t family, unsigned __int128 value)
{
	struct ip_addr addr = {.family = family};
	unsigned int i, n = family == 4 ? 4 : 16;

	for (i = n; i-- > 0; value >>= 8)
		addr.bytes[i] = (uint8_t)value;
	return addr;
}

static unsigned int family_bits(uint8_t family)
{
	return family == 4 ? 32 : 128;
}

/* The host part of a prefix of that length, all ones. */
static unsigned __int128 host_mask(uint8_t family, unsigned int length)
{
	unsigned int bits = family_bits(family) - length;

	return bits == 128 ? ~(unsigned __int128)0 : ((unsigned __int128)1 << bits) - 1;
}

int ip_addr_parse(const char *text, struct ip_addr *addr)
{
	struct ip_addr a = {0};

	if (inet_pton(AF_INET, text, a.bytes) == 1)
		a.family = 4;
	else if (inet_pton(AF_INET6, text, a.bytes) == 1)
		a.family = 6;
	else
		return -EINVAL;
	*addr = a;
	return 0;
}

char *ip_addr_text(const struct ip_addr *addr, char *buffer)
{
	if (addr->family != 4 && addr->family != 6)
		memcpy(buffer, "none", 5);
	else
		inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, addr->bytes, buffer,
			INET6_ADDRSTRLEN);
	return buffer;
}

int ip_prefix_parse(const char *text, struct ip_prefix *prefix)
{
	const char *slash = strchr(text, '/');
	char addr[INET6_ADDRSTRLEN];
	struct ip_prefix p;
	unsigned int length = 0;
	const char *digit;

	if (!slash || (size_t)(slash - text) >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, slash - text);
	addr[slash - text] = '\0';
	if (ip_addr_parse(addr, &p.addr))
		return -EINVAL;
	digit = slash + 1;
	if (!*digit || strlen(digit) > 3 || (digit[0] == '0' && digit[1]))
		return -EINVAL;
	for (; *digit; digit++) {
		if (*digit < '0' || *digit > '9')
			return -EINVAL;
		length = length * 10 + (*digit - '0');
	}
	if (length > family_bits(p.addr.family))
		return -EINVAL;
	p.length = length;
	*prefix = p;
	return 0;
}

char *ip_prefix_text(const struct ip_prefix *prefix, char *buffer)
{
	ip_addr_text(&prefix->addr, buffer);
	sprintf(buffer + strlen(buffer), "/%u", prefix->length);
	return buffer;
}

int ip_range_parse(const char *text, struct ip_range *range)
{
	const char *dash = strchr(text, '-');
	char first[INET6_ADDRSTRLEN];
	struct ip_prefix prefix;
	struct ip_range r;

	if (!ip_prefix_parse(text, &prefix)) {
		struct ip_prefix network = ip_prefix_network(&prefix);

		if (!ip_prefix_equal(&network, &prefix))
			return -EINVAL;
		*range = ip_prefix_range(&prefix);
		return 0;
	}
	if (!dash) {
		if (ip_addr_parse(text, &r.first))
			return -EINVAL;
		r.last = r.first;
		*range = r;
		return 0;
	}
	if ((size_t)(dash - text) >= sizeof(first))
		return -EINVAL;
	memcpy(first, text, dash - text);
	first[dash - text] = '\0';
	if (ip_addr_parse(first, &r.first) || ip_addr_parse(dash + 1, &r.last) ||
		r.first.family != r.last.family || ip_addr_compare(&r.first, &r.last) > 0)
		return -EINVAL;
	*range = r;
	return 0;
}

int ip_addr_compare(const struct ip_addr *a, const struct ip_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, a->family == 4 ? 4 : 16);
}

bool ip_addr_unicast(const struct ip_addr *addr)
{
	static const struct ip_addr zero6;

	if (addr->family == 4)
		return addr->bytes[0] != 0 && addr->bytes[0] != 127 && addr->bytes[0] < 224;
	if (addr->family != 6 || addr->bytes[0] == 0xff)
		return false;
	return memcmp(addr->bytes, zero6.bytes, 15) || addr->bytes[15] > 1;
}

bool ip_addr_link_local(const struct ip_addr *addr)
{
	if (addr->family == 4)
		return addr->bytes[0] == 169 && addr->bytes[1] == 254;
	return addr->family == 6 && addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}

bool ip_prefix_holds(const struct ip_prefix *prefix, const struct ip_addr *addr)
{
	unsigned __int128 differ;

	if (prefix->addr.family != addr->family || !addr->family)
		return false;
	differ = addr_value(&prefix->addr) ^ addr_value(addr);
	return !(differ & ~host_mask(addr->family, prefix->length));
}

struct ip_prefix ip_prefix_network(const struct ip_prefix *prefix)
{
	uint8_t family = prefix->addr.family;
	struct ip_prefix network = {.length = prefix->length};

	network.addr =
		addr_make(family, addr_value(&prefix->addr) & ~host_mask(family, prefix->length));
	return network;
}

bool ip_prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->length == b->length && !ip_addr_compare(&a->addr, &b->addr);
}

struct ip_range ip_prefix_range(const struct ip_prefix *prefix)
{
	uint8_t family = prefix->addr.family;
	unsigned __int128 mask = host_mask(family, prefix->length);
	unsigned __int128 value = addr_value(&prefix->addr);
	struct ip_range range = {addr_make(family, value & ~mask), addr_make(family, value | mask)};

	return range;
}

bool ip_range_holds(const struct ip_range *range, const struct ip_addr *addr)
{
	return range->first.family == addr->family && ip_addr_compare(&range->first, addr) <= 0 &&
		ip_addr_compare(addr, &range->last) <= 0;
}

bool ip_range_overlaps(const struct ip_range *a, const struct ip_range *b)
{
	return a->first.family == b->first.family && ip_addr_compare(&a->first, &b->last) <= 0 &&
		ip_addr_compare(&b->first, &a->last) <= 0;
}

static int range_order(const void *a, const void *b)
{
	const struct ip_range *x = a, *y = b;

	return ip_addr_compare(&x->first, &y->first);
}

unsigned int ip_ranges_join(struct ip_range *ranges, unsigned int n)
{
	unsigned int i, kept = 0;

	if (!n)
		return 0;
	qsort(ranges, n, sizeof(*ranges), range_order);
	for (i = 1; i < n; i++) {
		struct ip_range *before = &ranges[kept];
		unsigned __int128 first = addr_value(&ranges[i].first);
		unsigned __int128 last = addr_value(&before->last);

		if (ranges[i].first.family != before->last.family ||
			(first > last && first - last > 1))
			ranges[++kept] = ranges[i];
		else if (ip_addr_compare(&ranges[i].last, &before->last) > 0)
			before->last = ranges[i].last;
	}
	return kept + 1;
}

unsigned int ip_ranges_exclude(struct ip_range *ranges, unsigned int n, const struct ip_addr *addr)
{
	unsigned __int128 value = addr_value(addr);
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct ip_range *range = &ranges[i];
		bool is_first, is_last;

		if (!ip_range_holds(range, addr))
			continue;
		is_first = !ip_addr_compare(&range->first, addr);
		is_last = !ip_addr_compare(&range->last, addr);
		if (is_first && is_last) {
			memmove(range, range + 1, (n - i - 1) * sizeof(*range));
			return n - 1;
		}
		if (is_first) {
			range->first = addr_make(addr->family, value + 1);
		} else if (is_last) {
			range->last = addr_make(addr->family, value - 1);
		} else {
			memmove(range + 1, range, (n - i) * sizeof(*range));
			range[0].last = addr_make(addr->family, value - 1);
			range[1].first = addr_make(addr->family, value + 1);
			return n + 1;
		}
		return n;
	}
	return n;
}

unsigned int ip_ranges_aggregate(
	const struct ip_range *ranges, unsigned int n, struct ip_prefix *out)
{
	unsigned int i, count = 0;

	for (i = 0; i < n; i++) {
		uint8_t family = ranges[i].first.family;
		unsigned __int128 first = addr_value(&ranges[i].first);
		unsigned __int128 last = addr_value(&ranges[i].last);

		for (;;) {
			unsigned int length = family_bits(family);
			unsigned __int128 mask;

			/* The largest block that starts here, is aligned, and ends in the range. */
			while (length) {
				mask = host_mask(family, length - 1);
				if ((first & mask) || last - first < mask)
					break;
				length--;
			}
			if (out) {
				out[count].addr = addr_make(family, first);
				out[count].length = length;
			}
			count++;
			mask = host_mask(family, length);
			if (last - first == mask)
				break;
			first += mask + 1;
		}
	}
	return count;
}
