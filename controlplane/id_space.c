/* SPDX-License-Identifier: BSD-3-Clause */
/* Ids by random free slot and random high bits; freed ones rest in a FIFO. */
#include "id_space.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BITS_MAX 16

enum slot_state { SLOT_FREE, SLOT_USED, SLOT_RESTING };

struct id_rest {
	uint64_t until;
	uint16_t id;
};

static uint16_t slot_of(const struct id_space *space, uint16_t id)
{
	return id & (uint16_t)(id_space_slots(space) - 1);
}

static void slot_free(struct id_space *space, uint16_t slot)
{
	space->state[slot] = SLOT_FREE;
	/* with 65,536 slots the id is the slot, and id 0 means "none" on the wire */
	if (slot == 0 && space->bits == BITS_MAX)
		return;
	space->free[space->free_count++] = slot;
}

/* Double, or make the first slots. Every id keeps its own slot: its next bit decides which half. */
static int space_resize(struct id_space *space, unsigned bits)
{
	struct id_space old = *space;
	size_t slots = (size_t)1 << bits;

	space->free = malloc(slots * sizeof(space->free[0]));
	space->ids = malloc(slots * sizeof(space->ids[0]));
	space->state = calloc(slots, sizeof(space->state[0]));
	if (space->free == NULL || space->ids == NULL || space->state == NULL) {
		free(space->free);
		free(space->ids);
		free(space->state);
		*space = old;
		return -ENOMEM;
	}
	space->bits = (uint8_t)bits;
	space->free_count = 0;
	for (size_t i = 0; old.state != NULL && i < id_space_slots(&old); i++) {
		if (old.state[i] == SLOT_FREE)
			continue;
		space->state[slot_of(space, old.ids[i])] = old.state[i];
		space->ids[slot_of(space, old.ids[i])] = old.ids[i];
	}
	for (size_t i = 0; i < slots; i++)
		if (space->state[i] == SLOT_FREE)
			slot_free(space, (uint16_t)i);
	free(old.free);
	free(old.ids);
	free(old.state);
	return 0;
}

int id_space_init(struct id_space *space, unsigned bits, uint32_t quarantine_ms)
{
	*space = (struct id_space){.quarantine_ms = quarantine_ms};
	return space_resize(space, bits < 1 ? 1 : bits > BITS_MAX ? BITS_MAX : bits);
}

void id_space_destroy(struct id_space *space)
{
	free(space->free);
	free(space->ids);
	free(space->state);
	free(space->rest);
	*space = (struct id_space){0};
}

static void space_wake(struct id_space *space, uint64_t now)
{
	while (space->rest_count > 0 && space->rest[space->rest_head].until <= now) {
		slot_free(space, slot_of(space, space->rest[space->rest_head].id));
		space->rest_head = (space->rest_head + 1) & (space->rest_size - 1);
		space->rest_count--;
	}
}

int id_space_take(struct id_space *space, uint64_t now, uint32_t random)
{
	uint32_t index;
	uint16_t slot, high, id;
	int ret;

	space_wake(space, now);
	if (space->free_count == 0 && space->bits < BITS_MAX) {
		ret = space_resize(space, space->bits + 1u);
		if (ret < 0)
			return ret;
	}
	if (space->free_count == 0)
		return -ENOSPC;
	index = (random & 0xffff) * space->free_count >> 16;
	slot = space->free[index];
	space->free[index] = space->free[--space->free_count];
	high = (uint16_t)(random >> 16) & (uint16_t) ~(id_space_slots(space) - 1);
	id = high | slot;
	if (id == 0)
		id = (uint16_t)id_space_slots(space);
	space->state[slot] = SLOT_USED;
	space->ids[slot] = id;
	space->used++;
	return id;
}

static bool rest_push(struct id_space *space, uint64_t until, uint16_t id)
{
	if (space->rest_count == space->rest_size) {
		uint32_t size = space->rest_size > 0 ? space->rest_size * 2 : 8;
		struct id_rest *ring = malloc(size * sizeof(*ring));

		if (ring == NULL)
			return false;
		for (uint32_t i = 0; i < space->rest_count; i++)
			ring[i] = space->rest[(space->rest_head + i) & (space->rest_size - 1)];
		free(space->rest);
		space->rest = ring;
		space->rest_head = 0;
		space->rest_size = size;
	}
	space->rest[(space->rest_head + space->rest_count++) & (space->rest_size - 1)] =
		(struct id_rest){.until = until, .id = id};
	return true;
}

void id_space_release(struct id_space *space, uint64_t now, uint16_t id, bool rest)
{
	uint16_t slot = slot_of(space, id);

	if (space->state[slot] != SLOT_USED || space->ids[slot] != id)
		return;
	space->used--;
	if (rest && rest_push(space, now + space->quarantine_ms, id))
		space->state[slot] = SLOT_RESTING;
	else
		slot_free(space, slot);
}

bool id_space_resting(const struct id_space *space, uint16_t id)
{
	uint16_t slot = slot_of(space, id);

	return space->state[slot] == SLOT_RESTING && space->ids[slot] == id;
}
