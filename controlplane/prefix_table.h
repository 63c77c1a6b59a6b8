/* SPDX-License-Identifier: BSD-3-Clause */
/* Who holds which IPv6 prefix, by VRF and prefix: fixed ones are given to one user at a time. Control core only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct subscriber;
struct subscribers;

/* A prefix that a session holds, in its ->ipv6->parts[]. */
struct held_prefix {
	uint32_t next; /* in the chain, prefix_table.c */
	uint16_t vrf;
	uint8_t length; /* 0: none */
	bool held;      /* it is in the table */
	uint8_t addr[16];
};

struct prefix_table {
	const struct subscribers *subscribers;
	uint32_t mask, seed;
	uint32_t *chains; /* reserved memory, backed as used */
};

/* For the prefixes of so many sessions; -ENOMEM. */
int prefix_table_init(
	struct prefix_table *table, const struct subscribers *subscribers, uint32_t seed);
void prefix_table_fini(struct prefix_table *table);
/* part: enum ipv6_part. The subscriber is found by its index until the prefix is removed. */
void prefix_table_add(struct prefix_table *table, struct subscriber *subscriber, unsigned int part);
void prefix_table_remove(
	struct prefix_table *table, struct subscriber *subscriber, unsigned int part);
/* NULL: nobody. */
struct subscriber *prefix_table_holder(
	const struct prefix_table *table, uint16_t vrf, const uint8_t addr[16], uint8_t length);
