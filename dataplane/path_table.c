/* SPDX-License-Identifier: BSD-3-Clause */
/* MTUs of paths: made by the control core, replaced as a whole. */
#include "path_table.h"
#include "packet.h"

#include <rte_common.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t path_hash(uint16_t vrf, const uint8_t peer[16])
{
	uint64_t h = ((load64(peer) ^ vrf) ^ load64(peer + 8) * 0x9e3779b97f4a7c15u) *
		0xff51afd7ed558ccdu;

	return (uint32_t)(h >> 32);
}

uint16_t path_table_mtu(
	const struct path_table *table, uint16_t vrf, const uint8_t peer[16], uint16_t mtu)
{
	for (uint32_t at = path_hash(vrf, peer) & table->mask;; at = (at + 1) & table->mask) {
		const struct path_mtu *entry = &table->entries[at];

		if (entry->mtu == 0)
			return mtu;
		if (entry->vrf == vrf && memcmp(entry->peer, peer, 16) == 0)
			return RTE_MIN(mtu, entry->mtu);
	}
}

static void memory_release(void *object, uintptr_t argument)
{
	free(object);
}

static struct path_table *path_table_make(const struct path_mtu *list, unsigned int n)
{
	uint32_t size = rte_align32pow2(2 * n);
	struct path_table *table = calloc(1, sizeof(*table) + size * sizeof(table->entries[0]));

	if (table == NULL)
		return NULL;
	table->mask = size - 1;
	table->least = UINT16_MAX;
	for (unsigned int i = 0; i < n; i++) {
		uint32_t at = path_hash(list[i].vrf, list[i].peer) & table->mask;

		while (table->entries[at].mtu != 0)
			at = (at + 1) & table->mask;
		table->entries[at] = list[i];
		table->least = RTE_MIN(table->least, list[i].mtu);
	}
	return table;
}

int dataplane_path_mtus(struct dataplane *dp, const struct path_mtu *list, unsigned int n)
{
	struct path_table *table = NULL, *old = dp->paths;

	if (n > PATH_MTUS_MAX)
		return -EINVAL;
	for (unsigned int i = 0; i < n; i++)
		if (list[i].mtu < PATH_MTU_LEAST)
			return -EINVAL;
	if (rcu_reserve(dp->rcu, 1) != 0)
		return -ENOMEM;
	if (n != 0) {
		table = path_table_make(list, n);
		if (table == NULL)
			return -ENOMEM;
	}
	__atomic_store_n(&dp->paths, table, __ATOMIC_RELEASE);
	if (old != NULL)
		rcu_defer(dp->rcu, memory_release, old, 0);
	return 0;
}
