/* SPDX-License-Identifier: BSD-3-Clause */
/* Free slots, the one freed longest ago first. */
#include "slot_ring.h"

#include <dataplane/reserve.h>

bool slot_ring_create(struct slot_ring *ring, uint32_t first, uint32_t size)
{
	*ring = (struct slot_ring){.size = size, .fresh = first};
	ring->given = reserve_memory(size * sizeof(*ring->given), RESERVE_COLD, -1);
	return ring->given != NULL;
}

void slot_ring_destroy(struct slot_ring *ring)
{
	reserve_free(ring->given, ring->size * sizeof(*ring->given));
}

bool slot_ring_left(const struct slot_ring *ring)
{
	return ring->n > 0 || ring->fresh < ring->size;
}

uint32_t slot_ring_take(struct slot_ring *ring)
{
	uint32_t slot;

	if (ring->n == 0)
		return ring->fresh++;
	slot = ring->given[ring->head];
	ring->head = ring->head + 1 == ring->size ? 0 : ring->head + 1;
	ring->n--;
	return slot;
}

void slot_ring_give(struct slot_ring *ring, uint32_t slot)
{
	uint64_t tail = (uint64_t)ring->head + ring->n++;

	ring->given[tail % ring->size] = slot;
}
