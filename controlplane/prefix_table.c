/* SPDX-License-Identifier: BSD-3-Clause */
/* Who holds which IPv6 prefix. */
#include "prefix_table.h"

#include <dataplane/reserve.h>
#include <rte_jhash.h>

#include <errno.h>
#include <string.h>

int prefix_table_init(struct prefix_table *table, uint32_t capacity, uint32_t seed)
{
	*table = (struct prefix_table){.mask = 1023, .seed = seed};
	/* a link's and a delegated prefix each: at most two in a chain, in the mean */
	while (table->mask < capacity)
		table->mask = table->mask * 2 + 1;
	table->chains =
		reserve_memory((table->mask + 1ul) * sizeof(*table->chains), RESERVE_COLD, -1);
	return table->chains ? 0 : -ENOMEM;
}

void prefix_table_fini(struct prefix_table *table)
{
	reserve_free(table->chains, (table->mask + 1ul) * sizeof(*table->chains));
	table->chains = NULL;
}

static struct held_prefix **chain_of(
	const struct prefix_table *table, uint16_t vrf, const uint8_t addr[16], uint8_t length)
{
	uint32_t words[5];

	memcpy(words, addr, 16);
	words[4] = (uint32_t)vrf << 8 | length;
	return &table->chains[rte_jhash_32b(words, 5, table->seed) & table->mask];
}

void prefix_table_add(
	struct prefix_table *table, struct held_prefix *held, struct subscriber *holder)
{
	struct held_prefix **chain = chain_of(table, held->vrf, held->addr, held->length);

	held->holder = holder;
	held->next = *chain;
	*chain = held;
}

void prefix_table_remove(struct prefix_table *table, struct held_prefix *held)
{
	struct held_prefix **link = chain_of(table, held->vrf, held->addr, held->length);

	while (*link && *link != held)
		link = &(*link)->next;
	if (*link)
		*link = held->next;
	held->next = NULL;
	held->holder = NULL;
}

struct subscriber *prefix_table_holder(
	const struct prefix_table *table, uint16_t vrf, const uint8_t addr[16], uint8_t length)
{
	struct held_prefix *at = *chain_of(table, vrf, addr, length);

	while (at && (at->vrf != vrf || at->length != length || memcmp(at->addr, addr, 16)))
		at = at->next;
	return at ? at->holder : NULL;
}
