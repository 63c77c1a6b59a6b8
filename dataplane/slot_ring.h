/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers of a table's entries to hand out: the one given back longest ago is taken first, so that a number comes
 * back as late as can be (packets and messages on their way name what had it); while there is none a new one, which
 * costs memory. Control core only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct slot_ring {
	uint32_t *given; /* back, the oldest at head; room for all there are */
	uint32_t size, head, n;
	uint32_t fresh; /* from here on none was ever taken */
};

/* Numbers first to size - 1. False without memory, with the ring as slot_ring_destroy() takes it. */
bool slot_ring_create(struct slot_ring *ring, uint32_t first, uint32_t size);
/* Also of one that is all zero. */
void slot_ring_destroy(struct slot_ring *ring);
bool slot_ring_left(const struct slot_ring *ring);
/* Only if one is left. */
uint32_t slot_ring_take(struct slot_ring *ring);
void slot_ring_give(struct slot_ring *ring, uint32_t slot);
/* Was it ever taken, whether it is now or not? */
static inline bool slot_ring_known(const struct slot_ring *ring, uint32_t slot)
{
	return slot < ring->fresh;
}
