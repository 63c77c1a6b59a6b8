/* SPDX-License-Identifier: BSD-3-Clause */
/* 16-bit ids that cannot be guessed, never collide in a slot and rest before they are used again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An id's slot is id & (id_space_slots - 1). Two ids in use, or resting, never share a slot, also
 * not after the space grew, so that a table of that many pointers finds an id by its low bits and
 * one comparison. The low bits come from a random free slot, the high bits are random: nothing
 * about one id tells the next. Id 0 is never given. A freed id rests for quarantine_ms, oldest
 * first; the space doubles, up to 65,536 slots (65,535 ids), when no slot is free.
 */
struct id_space {
	uint16_t *free; /* slots that are free, in random order */
	uint16_t *ids;  /* by slot: the id there; valid where state says so */
	uint8_t *state; /* by slot: enum in id_space.c */
	uint32_t free_count;
	uint32_t used; /* ids given out */
	uint8_t bits;  /* 2^bits slots */
	uint32_t quarantine_ms;
	struct id_rest *rest; /* ring of resting ids, oldest first */
	uint32_t rest_head, rest_count, rest_size;
};

/* bits: slots to start with, 1 to 16. 0 or -ENOMEM. */
int id_space_init(struct id_space *space, unsigned bits, uint32_t quarantine_ms);
void id_space_destroy(struct id_space *space);

/*
 * Take an id; random: 32 bits nobody can guess. Returns the id (> 0), -ENOSPC when all 65,535 are
 * in use or resting, -ENOMEM.
 */
int id_space_take(struct id_space *space, uint64_t now, uint32_t random);
/* Give an id back. It rests first if the peer has learnt it. */
void id_space_release(struct id_space *space, uint64_t now, uint16_t id, bool rest);

/* The id is resting: it was in use until a moment ago. */
bool id_space_resting(const struct id_space *space, uint16_t id);

static inline uint32_t id_space_slots(const struct id_space *space)
{
	return UINT32_C(1) << space->bits;
}
