/* SPDX-License-Identifier: BSD-3-Clause */
/* Who holds which IPv6 prefix. */
#include "prefix_table.h"

#include "subscribers.h"

#include <dataplane/reserve.h>
#include <rte_jhash.h>

#include <errno.h>
#include <string.h>

int prefix_table_init(
	struct prefix_table *table, const struct subscribers *subscribers, uint32_t seed)
{
	*table = (struct prefix_table){.subscribers = subscribers, .mask = 1023, .seed = seed};
	/* a link's and a delegated prefix each: at most two in a chain, in the mean */
	while (table->mask < subscribers->capacity)
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

static uint32_t *chain_of(
	const struct prefix_table *table, uint16_t vrf, const uint8_t addr[16], uint8_t length)
{
	uint32_t words[5];

	memcpy(words, addr, 16);
	words[4] = (uint32_t)vrf << 8 | length;
	return &table->chains[rte_jhash_32b(words, 5, table->seed) & table->mask];
}

/* A link of a chain: whose prefix and which one; 0 at the end. */
static uint32_t link_to(const struct subscriber *subscriber, unsigned int part)
{
	return subscriber->record.index * IPV6_PARTS + part + 1;
}

static struct subscriber *link_holder(const struct prefix_table *table, uint32_t link)
{
	return table->subscribers->by_index[(link - 1) / IPV6_PARTS];
}

static struct held_prefix *link_prefix(const struct prefix_table *table, uint32_t link)
{
	return &link_holder(table, link)->ipv6->parts[(link - 1) % IPV6_PARTS];
}

void prefix_table_add(struct prefix_table *table, struct subscriber *subscriber, unsigned int part)
{
	struct held_prefix *held = &subscriber->ipv6->parts[part];
	uint32_t *chain = chain_of(table, held->vrf, held->addr, held->length);

	held->held = true;
	held->next = *chain;
	*chain = link_to(subscriber, part);
}

void prefix_table_remove(
	struct prefix_table *table, struct subscriber *subscriber, unsigned int part)
{
	struct held_prefix *held = &subscriber->ipv6->parts[part];
	uint32_t *link = chain_of(table, held->vrf, held->addr, held->length);

	while (*link && *link != link_to(subscriber, part))
		link = &link_prefix(table, *link)->next;
	if (*link)
		*link = held->next;
	held->next = 0;
	held->held = false;
}

struct subscriber *prefix_table_holder(
	const struct prefix_table *table, uint16_t vrf, const uint8_t addr[16], uint8_t length)
{
	for (uint32_t link = *chain_of(table, vrf, addr, length); link;
		link = link_prefix(table, link)->next) {
		const struct held_prefix *at = link_prefix(table, link);

		if (at->vrf == vrf && at->length == length && !memcmp(at->addr, addr, 16))
			return link_holder(table, link);
	}
	return NULL;
}
