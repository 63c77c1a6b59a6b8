/* SPDX-License-Identifier: BSD-3-Clause */
/* Slots for key material in memory that is neither swapped nor dumped. */
#include "key_store.h"

#include <crypto/digest.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What is locked at a time. Small enough for 8 MiB, the usual RLIMIT_MEMLOCK of who is not root. */
#define CHUNK_SIZE (64u * 1024)

struct key_chunk {
	struct key_chunk *next;
	void *memory;
};

/* The list of free slots runs through themselves: nothing else is in them then. */
struct key_slot {
	struct key_slot *next;
};

struct key_store {
	size_t slot;
	struct key_chunk *chunks;
	struct key_slot *free;
};

struct key_store *key_store_create(size_t slot)
{
	struct key_store *store = calloc(1, sizeof(*store));

	if (store != NULL)
		store->slot = slot;
	return store;
}

void key_store_destroy(struct key_store *store)
{
	struct key_chunk *chunk;

	if (store == NULL)
		return;
	while ((chunk = store->chunks) != NULL) {
		store->chunks = chunk->next;
		digest_wipe(chunk->memory, CHUNK_SIZE);
		munmap(chunk->memory, CHUNK_SIZE);
		free(chunk);
	}
	free(store);
}

static int key_store_grow(struct key_store *store)
{
	struct key_chunk *chunk = malloc(sizeof(*chunk));
	int error;

	if (chunk == NULL)
		return ENOMEM;
	chunk->memory =
		mmap(NULL, CHUNK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (chunk->memory == MAP_FAILED) {
		error = errno;
		goto fail_chunk;
	}
	if (mlock(chunk->memory, CHUNK_SIZE) < 0 ||
		madvise(chunk->memory, CHUNK_SIZE, MADV_DONTDUMP) < 0) {
		error = errno;
		goto fail_map;
	}
	chunk->next = store->chunks;
	store->chunks = chunk;
	for (size_t at = 0; at + store->slot <= CHUNK_SIZE; at += store->slot) {
		struct key_slot *slot = (struct key_slot *)((char *)chunk->memory + at);

		slot->next = store->free;
		store->free = slot;
	}
	return 0;
fail_map:
	munmap(chunk->memory, CHUNK_SIZE);
fail_chunk:
	free(chunk);
	return error;
}

void *key_slot_alloc(struct key_store *store)
{
	struct key_slot *slot;

	if (store->free == NULL) {
		int error = key_store_grow(store);

		if (error != 0) {
			errno = error;
			return NULL;
		}
	}
	slot = store->free;
	store->free = slot->next;
	slot->next = NULL;
	return slot;
}

void key_slot_free(struct key_store *store, void *memory)
{
	struct key_slot *slot = memory;

	digest_wipe(memory, store->slot);
	slot->next = store->free;
	store->free = slot;
}
