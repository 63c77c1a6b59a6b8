/* SPDX-License-Identifier: BSD-3-Clause */
/* Virtual ranges for tables: as large as they may become, backed by memory only where they are used. */
#include <dataplane/reserve.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* <linux/mempolicy.h>, whose names are macros on some systems and an enum on others */
#define NODES_DEFAULT    0  /* MPOL_DEFAULT */
#define NODES_PREFERRED  1  /* MPOL_PREFERRED */
#define NODES_INTERLEAVE 3  /* MPOL_INTERLEAVE */
#define NODES_LOCAL      4  /* MPOL_LOCAL */
#define NODES_BITS       65 /* the kernel counts one less */

#define MADVISE_POPULATE_WRITE 23 /* MADV_POPULATE_WRITE, Linux 5.14 */
#define SMALL_PAGE             ((uintptr_t)4096)
#define HUGE_PAGE              ((size_t)2 << 20)
#define HUGE_PAGES_FILE        "/sys/kernel/mm/transparent_hugepage/enabled"

static unsigned long nodes_of_workers;

static int nodes_mode(unsigned long nodes)
{
	return nodes & (nodes - 1) ? NODES_INTERLEAVE : NODES_PREFERRED;
}

void reserve_nodes(uint64_t nodes)
{
	if (nodes == nodes_of_workers)
		return;
	nodes_of_workers = nodes;
	if (nodes == 0)
		(void)syscall(SYS_set_mempolicy, NODES_DEFAULT, NULL, 0);
	else
		(void)syscall(SYS_set_mempolicy, nodes_mode(nodes), &nodes_of_workers, NODES_BITS);
}

static size_t reserve_size(size_t size)
{
	/* Whole huge pages, so that the kernel aligns the range for them. */
	return size < HUGE_PAGE ? size : (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
}

static void reserve_place(void *memory, size_t size, enum reserve_use use, int socket)
{
	unsigned long nodes = nodes_of_workers;

	if (socket >= 0 && socket < 64)
		nodes = 1ul << socket;
	else if (nodes != 0 && use == RESERVE_COLD) {
		(void)syscall(SYS_mbind, memory, size, NODES_LOCAL, NULL, 0, 0);
		return;
	}
	if (nodes != 0)
		(void)syscall(SYS_mbind, memory, size, nodes_mode(nodes), &nodes, NODES_BITS, 0);
}

void *reserve_memory(size_t size, enum reserve_use use, int socket)
{
	void *memory;

	size = reserve_size(size);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	/* Both are hints: without huge pages or NUMA the table works the same, only slower. */
	(void)madvise(memory, size, use == RESERVE_HOT ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	reserve_place(memory, size, use, socket);
	return memory;
}

void reserve_free(void *memory, size_t size)
{
	if (memory != NULL)
		munmap(memory, reserve_size(size));
}

void reserve_populate(void *at, size_t size)
{
	uintptr_t from = (uintptr_t)at & ~(SMALL_PAGE - 1);
	uintptr_t to = ((uintptr_t)at + size + SMALL_PAGE - 1) & ~(SMALL_PAGE - 1);

	/* an older kernel lets the worker wait, as any kernel does where memory is short */
	(void)madvise((void *)from, to - from, MADVISE_POPULATE_WRITE);
}

bool reserve_has_huge_pages(void)
{
	FILE *file = fopen(HUGE_PAGES_FILE, "re");
	char modes[64] = "";
	bool on;

	if (file == NULL)
		return false;
	on = fgets(modes, sizeof(modes), file) != NULL && strstr(modes, "[never]") == NULL;
	fclose(file);
	return on;
}
