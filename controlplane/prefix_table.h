/* SPDX-License-Identifier: BSD-3-Clause */
/* Who holds which IPv6 prefix, by VRF and prefix: fixed ones are given to one user at a time. Control core only. */
#pragma once

#include <stdint.h>

struct subscriber;

/* A prefix that a session holds; part of its owner, in the table while holder is set. */
struct held_prefix {
	struct held_prefix *next;
	struct subscriber *holder;
	uint16_t vrf;
	uint8_t length; /* 0: none */
	uint8_t addr[16];
};

struct prefix_table {
	uint32_t mask, seed;
	struct held_prefix **chains; /* reserved memory, backed as used */
};

/* For about capacity sessions; -ENOMEM. */
int prefix_table_init(struct prefix_table *table, uint32_t capacity, uint32_t seed);
void prefix_table_fini(struct prefix_table *table);
void prefix_table_add(
	struct prefix_table *table, struct held_prefix *held, struct subscriber *holder);
void prefix_table_remove(struct prefix_table *table, struct held_prefix *held);
/* NULL: nobody. */
struct subscriber *prefix_table_holder(
	const struct prefix_table *table, uint16_t vrf, const uint8_t addr[16], uint8_t length);
