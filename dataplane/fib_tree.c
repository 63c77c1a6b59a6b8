/* SPDX-License-Identifier: BSD-3-Clause */
/* Longest prefix match by table: the side that writes it. */
#include "fib_private.h"

#include <dataplane/reserve.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* 2 GiB of address space; all IPv4 /16s and two million subscribers with nothing in common. */
#define PAGES_MAX (1u << 21)
#define PAGE_NONE UINT32_MAX
#define STEPS_MAX 15 /* root and 14 pages: 16 + 14 * 8 = 128 bits */

struct fib_tree_private {
	struct rcu *rcu;
	/* By entry: length of the prefix that it answers for, or that covers all of the page there. */
	uint8_t *root_lengths, *page_lengths;
	/*
	 * By page: the prefixes that end within it (length in its 8 bits) and the pages below. At zero
	 * all its entries are the same and the page can go.
	 */
	uint16_t *users;
	uint32_t n_pages; /* ever taken; the numbers below are in use, waiting or free */
	uint32_t free;    /* first free page, each one's first entry names the next; PAGE_NONE */
	uint32_t n_free, n_waiting;
};

int fib_tree_create(struct fib_tree *tree, unsigned int bits, int socket, struct rcu *rcu)
{
	struct fib_tree_private *private = calloc(1, sizeof(*private));

	if (private == NULL)
		return -ENOMEM;
	memset(tree, 0, sizeof(*tree));
	tree->private = private;
	tree->bits = bits;
	private->rcu = rcu;
	private->free = PAGE_NONE;
	tree->root = reserve_memory(FIB_TREE_ROOT_SIZE * sizeof(*tree->root), RESERVE_HOT, socket);
	tree->pages = reserve_memory(
		(size_t)PAGES_MAX * FIB_TREE_PAGE_SIZE * sizeof(*tree->pages), RESERVE_HOT, socket);
	private->root_lengths = reserve_memory(FIB_TREE_ROOT_SIZE, RESERVE_COLD, -1);
	private->page_lengths =
		reserve_memory((size_t)PAGES_MAX * FIB_TREE_PAGE_SIZE, RESERVE_COLD, -1);
	private->users = reserve_memory(PAGES_MAX * sizeof(*private->users), RESERVE_COLD, -1);
	if (tree->root == NULL || tree->pages == NULL || private->root_lengths == NULL ||
		private->page_lengths == NULL || private->users == NULL) {
		fib_tree_destroy(tree);
		return -ENOMEM;
	}
	return 0;
}

void fib_tree_destroy(struct fib_tree *tree)
{
	struct fib_tree_private *private = tree->private;

	if (private == NULL)
		return;
	reserve_free(private->users, PAGES_MAX * sizeof(*private->users));
	reserve_free(private->page_lengths, (size_t)PAGES_MAX * FIB_TREE_PAGE_SIZE);
	reserve_free(private->root_lengths, FIB_TREE_ROOT_SIZE);
	reserve_free(tree->pages, (size_t)PAGES_MAX * FIB_TREE_PAGE_SIZE * sizeof(*tree->pages));
	reserve_free(tree->root, FIB_TREE_ROOT_SIZE * sizeof(*tree->root));
	free(private);
	memset(tree, 0, sizeof(*tree));
}

/* Entries side by side, with their lengths: the root or a page. */
struct block {
	uint32_t *entries;
	uint8_t *lengths;
	uint32_t page; /* PAGE_NONE: the root */
};

static struct block block_root(const struct fib_tree *tree)
{
	return (struct block){tree->root, tree->private->root_lengths, PAGE_NONE};
}

static struct block block_page(const struct fib_tree *tree, uint32_t page)
{
	size_t first = (size_t)page * FIB_TREE_PAGE_SIZE;

	return (struct block){&tree->pages[first], &tree->private->page_lengths[first], page};
}

static struct block block_below(const struct fib_tree *tree, uint32_t entry)
{
	return block_page(tree, entry & ~FIB_TREE_PAGE);
}

/* The step at which a prefix ends: 0 is the root. */
static unsigned int prefix_step(uint8_t length)
{
	return length <= 16 ? 0 : (length - 9u) / 8;
}

static uint32_t prefix_slot(const uint8_t *addr, unsigned int step)
{
	return step == 0 ? (uint32_t)addr[0] << 8 | addr[1] : addr[step + 1];
}

static uint32_t page_take(struct fib_tree *tree)
{
	struct fib_tree_private *private = tree->private;
	uint32_t page = private->free;

	if (page == PAGE_NONE)
		return private->n_pages++;
	private->free = tree->pages[(size_t)page * FIB_TREE_PAGE_SIZE];
	private->n_free--;
	return page;
}

/* After the grace period: no reader holds the page's number any more. */
static void page_release(void *object, uintptr_t page)
{
	struct fib_tree *tree = object;
	struct fib_tree_private *private = tree->private;

	tree->pages[page * FIB_TREE_PAGE_SIZE] = private->free;
	private->free = (uint32_t)page;
	private->n_free++;
	private->n_waiting--;
}

/* Puts a page under an entry, at first with the entry's own answer everywhere. */
static struct block entry_split(struct fib_tree *tree, struct block *above, uint32_t slot)
{
	struct block below = block_page(tree, page_take(tree));

	for (unsigned int i = 0; i < FIB_TREE_PAGE_SIZE; i++)
		below.entries[i] = above->entries[slot];
	memset(below.lengths, above->lengths[slot], FIB_TREE_PAGE_SIZE);
	tree->private->users[below.page] = 0;
	__atomic_store_n(&above->entries[slot], FIB_TREE_PAGE | below.page, __ATOMIC_RELEASE);
	if (above->page != PAGE_NONE)
		tree->private->users[above->page]++;
	return below;
}

/* What a set or delete writes: answer and length, to the entries whose length is within from..to. */
struct fill {
	uint32_t target;
	uint8_t length;
	uint8_t from, to;
};

static void block_fill(const struct fib_tree *tree, const struct block *block, uint32_t first,
	uint32_t n, const struct fill *fill)
{
	for (uint32_t i = first; i < first + n; i++) {
		uint32_t entry = block->entries[i];

		/* Nothing in a page is shorter than what covers all of it. */
		if (block->lengths[i] < fill->from || block->lengths[i] > fill->to)
			continue;
		block->lengths[i] = fill->length;
		if (entry & FIB_TREE_PAGE) {
			struct block below = block_below(tree, entry);

			block_fill(tree, &below, 0, FIB_TREE_PAGE_SIZE, fill);
		} else {
			__atomic_store_n(&block->entries[i], fill->target, __ATOMIC_RELEASE);
		}
	}
}

/* Where the prefix's entries begin in its block, and how many they are. */
static void prefix_fill(const struct fib_tree *tree, const struct block *block,
	const struct fib_prefix *prefix, const struct fill *fill)
{
	unsigned int step = prefix_step(prefix->length);

	block_fill(tree, block, prefix_slot(prefix->addr, step),
		1u << (16 + 8 * step - prefix->length), fill);
}

int fib_tree_set(
	struct fib_tree *tree, const struct fib_prefix *prefix, uint32_t target, bool is_new)
{
	const struct fib_tree_private *private = tree->private;
	const struct fill fill = {target, prefix->length, 0, prefix->length};
	unsigned int steps = prefix_step(prefix->length), step = 0;
	struct block block = block_root(tree);

	if (prefix->length == 0) {
		__atomic_store_n(&tree->fallback, target, __ATOMIC_RELEASE);
		return 0;
	}
	for (; step < steps; step++) {
		uint32_t entry = block.entries[prefix_slot(prefix->addr, step)];

		if (!(entry & FIB_TREE_PAGE))
			break;
		block = block_below(tree, entry);
	}
	/* All the pages it takes, or none. */
	if (steps - step > private->n_free + (PAGES_MAX - private->n_pages))
		return -ENOSPC;
	for (; step < steps; step++)
		block = entry_split(tree, &block, prefix_slot(prefix->addr, step));
	if (is_new && block.page != PAGE_NONE)
	private->users[block.page]++;
	prefix_fill(tree, &block, prefix, &fill);
	return 0;
}

int fib_tree_delete(
	struct fib_tree *tree, const struct fib_prefix *prefix, const struct fib_cover *cover)
{
	struct fib_tree_private *private = tree->private;
	const struct fill fill = {cover->target, cover->length, prefix->length, prefix->length};
	unsigned int step = prefix_step(prefix->length);
	struct block path[STEPS_MAX];

	if (prefix->length == 0) {
		__atomic_store_n(&tree->fallback, 0, __ATOMIC_RELEASE);
		return 0;
	}
	if (rcu_reserve(private->rcu, STEPS_MAX) != 0)
		return -ENOMEM;
	path[0] = block_root(tree);
	for (unsigned int i = 0; i < step; i++)
		path[i + 1] = block_below(tree, path[i].entries[prefix_slot(prefix->addr, i)]);
	prefix_fill(tree, &path[step], prefix, &fill);

	for (; step > 0 && --private->users[path[step].page] == 0; step--) {
		/* Only shorter prefixes are left, and those cover the whole page alike. */
		struct block *above = &path[step - 1];
		uint32_t slot = prefix_slot(prefix->addr, step - 1);

		__atomic_store_n(&above->entries[slot], path[step].entries[0], __ATOMIC_RELEASE);
		private->n_waiting++;
		rcu_defer(private->rcu, page_release, tree, path[step].page);
	}
	return 0;
}

uint32_t fib_tree_host(const struct fib_tree *tree, const uint8_t *addr)
{
	unsigned int steps = prefix_step((uint8_t)tree->bits);
	struct block block = block_root(tree);
	uint32_t slot = prefix_slot(addr, 0);

	for (unsigned int step = 1; step <= steps; step++) {
		if (!(block.entries[slot] & FIB_TREE_PAGE))
			return 0;
		block = block_below(tree, block.entries[slot]);
		slot = prefix_slot(addr, step);
	}
	return block.lengths[slot] == tree->bits ? block.entries[slot] : 0;
}

uint32_t fib_tree_pages(const struct fib_tree *tree)
{
	const struct fib_tree_private *private = tree->private;

	return private->n_pages - private->n_free - private->n_waiting;
}

uint32_t fib_tree_waiting(const struct fib_tree *tree)
{
	return tree->private->n_waiting;
}
