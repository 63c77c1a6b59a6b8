/* SPDX-License-Identifier: BSD-3-Clause */
/* Slots for key material in memory that is neither swapped nor dumped. */
#pragma once

#include <stddef.h>

/* Not locked: belongs to the control core. */
struct key_store;

/* slot: bytes of one slot, a multiple of 64. NULL: ENOMEM. */
struct key_store *key_store_create(size_t slot);
/* Every slot was given back. */
void key_store_destroy(struct key_store *store);

/* A zeroed slot, 64-aligned. NULL with errno of mmap, mlock or madvise. */
void *key_slot_alloc(struct key_store *store);
/* Wipes it. */
void key_slot_free(struct key_store *store, void *slot);
