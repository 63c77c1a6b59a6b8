/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses, prefixes and ranges: their texts, and the arithmetic that pools and checks need. */
#pragma once

#include <config/config.h>

/* 0 or -EINVAL. Strict texts: no leading zeros, no spaces, lengths within the family's. */
int ip_addr_parse(const char *text, struct ip_addr *addr);
int ip_prefix_parse(const char *text, struct ip_prefix *prefix);
/* "first-last", a prefix without host bits, or one address. */
int ip_range_parse(const char *text, struct ip_range *range);

int ip_addr_compare(const struct ip_addr *a, const struct ip_addr *b);
/* May a host have this address: no multicast, loopback, "this network", class E? */
bool ip_addr_unicast(const struct ip_addr *addr);
bool ip_addr_link_local(const struct ip_addr *addr);

struct ip_prefix ip_prefix_network(const struct ip_prefix *prefix); /* host bits cleared */
bool ip_prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b);
struct ip_range ip_prefix_range(const struct ip_prefix *prefix);

bool ip_range_holds(const struct ip_range *range, const struct ip_addr *addr);
bool ip_range_overlaps(const struct ip_range *a, const struct ip_range *b);
/* Sorts by family and first address, joins what overlaps or touches; returns how many are left. */
unsigned int ip_ranges_join(struct ip_range *ranges, unsigned int n);
/* Takes addr out of joined ranges; the array has room for one more. Returns how many there are. */
unsigned int ip_ranges_exclude(struct ip_range *ranges, unsigned int n, const struct ip_addr *addr);
/* The fewest prefixes that cover joined ranges, into out (NULL: count only). Returns how many. */
unsigned int ip_ranges_aggregate(
	const struct ip_range *ranges, unsigned int n, struct ip_prefix *out);
