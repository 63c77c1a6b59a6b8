/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that wait for a neighbour: four each, bounded in all, a few seconds long.
 */
#include "kernel_hold.h"

#include <string.h>

static struct hold_entry *hold_find(
	struct kernel_hold *hold, uint8_t iface, uint8_t family, const uint8_t addr[16])
{
	for (unsigned int i = 0; i < HOLD_NEIGHBOURS && hold->used; i++) {
		struct hold_entry *entry = &hold->entries[i];

		if (entry->until && entry->iface == iface && entry->family == family &&
			memcmp(entry->addr, addr, 16) == 0)
			return entry;
	}
	return NULL;
}

bool kernel_hold_put(struct kernel_hold *hold, uint8_t iface, uint8_t family,
	const uint8_t addr[16], struct rte_mbuf *packet, uint64_t now)
{
	struct hold_entry *entry = hold_find(hold, iface, family, addr);

	for (unsigned int i = 0; !entry && i < HOLD_NEIGHBOURS; i++) {
		if (hold->entries[i].until)
			continue;
		entry = &hold->entries[i];
		*entry = (struct hold_entry){
			.iface = iface, .family = family, .until = now + HOLD_MS};
		memcpy(entry->addr, addr, 16);
		hold->used++;
	}
	if (!entry) {
		/* a scan of a whole subnet: the kernel is not flooded either */
		hold->drops++;
		rte_pktmbuf_free(packet);
		return false;
	}
	if (entry->n == HOLD_PACKETS) {
		/* the newest is worth more than the oldest */
		rte_pktmbuf_free(entry->packets[0]);
		memmove(entry->packets, entry->packets + 1,
			(HOLD_PACKETS - 1) * sizeof(entry->packets[0]));
		entry->n--;
		hold->drops++;
	}
	entry->packets[entry->n++] = packet;
	hold->held++;
	if (now < entry->ask_at)
		return false;
	entry->ask_at = now + HOLD_ASK_MS;
	return true;
}

unsigned int kernel_hold_take(struct kernel_hold *hold, uint8_t iface, uint8_t family,
	const uint8_t addr[16], struct rte_mbuf *packets[HOLD_PACKETS])
{
	struct hold_entry *entry = hold_find(hold, iface, family, addr);
	unsigned int n;

	if (!entry)
		return 0;
	n = entry->n;
	memcpy(packets, entry->packets, n * sizeof(packets[0]));
	entry->until = 0;
	entry->n = 0;
	hold->used--;
	hold->sent += n;
	return n;
}

uint64_t kernel_hold_expire(struct kernel_hold *hold, uint64_t now)
{
	uint64_t next = UINT64_MAX;

	for (unsigned int i = 0; i < HOLD_NEIGHBOURS && hold->used; i++) {
		struct hold_entry *entry = &hold->entries[i];

		if (!entry->until)
			continue;
		if (entry->until > now) {
			next = entry->until < next ? entry->until : next;
			continue;
		}
		rte_pktmbuf_free_bulk(entry->packets, entry->n);
		hold->drops += entry->n;
		entry->until = 0;
		entry->n = 0;
		hold->used--;
	}
	return next;
}
