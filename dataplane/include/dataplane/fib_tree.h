/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Longest prefix match by table: 65,536 entries for the first 16 bits of an address, then pages of 256
 * entries for 8 bits each. What workers read of it; fib_tree.c writes it.
 *
 * An entry is the answer, or FIB_TREE_PAGE with the number of the page that goes on. Prefixes between two
 * steps are written to every entry they cover, so a walk ends at the longest match without going back. The
 * default route stands beside the table, which so stays small where there is little but that: an entry of 0
 * means it. A replaced host route is one store; a page left empty is taken out of its entry at once and
 * reused after a grace period.
 */
#pragma once

#include <rte_byteorder.h>

#include <stdint.h>

#define FIB_TREE_PAGE      (1u << 31)
#define FIB_TREE_ROOT_SIZE 65536u
#define FIB_TREE_PAGE_SIZE 256u

struct fib_tree {
	/* control core writes (entries: release), workers read */
	uint32_t *root;
	uint32_t *pages;
	uint32_t fallback;
	/* control core only */
	uint32_t bits; /* of an address: 32, 128 */
	struct fib_tree_private *private;
};

static inline uint32_t fib_tree_root(const struct fib_tree *tree, uint32_t first16)
{
	return __atomic_load_n(&tree->root[first16], __ATOMIC_ACQUIRE);
}

static inline const uint32_t *fib_tree_slot(
	const struct fib_tree *tree, uint32_t entry, uint8_t next8)
{
	return &tree->pages[(uint64_t)(entry & ~FIB_TREE_PAGE) * FIB_TREE_PAGE_SIZE + next8];
}

static inline uint32_t fib_tree_step(const struct fib_tree *tree, uint32_t entry, uint8_t next8)
{
	return __atomic_load_n(fib_tree_slot(tree, entry, next8), __ATOMIC_ACQUIRE);
}

static inline uint32_t fib_tree_answer(const struct fib_tree *tree, uint32_t entry)
{
	return entry != 0 ? entry : __atomic_load_n(&tree->fallback, __ATOMIC_RELAXED);
}

/* Address in network byte order. 0: no route. */
static inline uint32_t fib_tree_lookup4(const struct fib_tree *tree, uint32_t addr)
{
	uint32_t host = rte_be_to_cpu_32(addr);
	uint32_t entry = fib_tree_root(tree, host >> 16);

	if (entry & FIB_TREE_PAGE) {
		entry = fib_tree_step(tree, entry, (uint8_t)(host >> 8));
		if (entry & FIB_TREE_PAGE)
			entry = fib_tree_step(tree, entry, (uint8_t)host);
	}
	return fib_tree_answer(tree, entry);
}

static inline uint32_t fib_tree_lookup6(const struct fib_tree *tree, const uint8_t addr[16])
{
	uint32_t entry = fib_tree_root(tree, (uint32_t)addr[0] << 8 | addr[1]);

	/* The entries for the last 8 bits are never pages, so this ends within the address. */
	for (unsigned int i = 2; entry & FIB_TREE_PAGE; i++)
		entry = fib_tree_step(tree, entry, addr[i]);
	return fib_tree_answer(tree, entry);
}
