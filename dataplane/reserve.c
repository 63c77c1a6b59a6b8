/* SPDX-License-Identifier: BSD-3-Clause */
/* Virtual ranges for tables: as large as they may become, backed by memory only where they are used. */
#include <dataplane/reserve.h>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MPOL_PREFERRED_NODE 1 /* MPOL_PREFERRED of <linux/mempolicy.h> */
#define MPOL_INTERLEAVED    3 /* MPOL_INTERLEAVE */
#define HUGE_PAGE           ((size_t)2 << 20)

static unsigned long nodes_of_workers;

void reserve_nodes(uint64_t nodes)
{
	nodes_of_workers = nodes;
}

static size_t reserve_size(size_t size)
{
	/* Whole huge pages, so that the kernel aligns the range for them. */
	return size < HUGE_PAGE ? size : (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
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

	unsigned long nodes = use == RESERVE_HOT ? nodes_of_workers : 0;

	if (socket >= 0 && socket < 64)
		nodes = 1ul << socket;
	if (nodes != 0)
		(void)syscall(SYS_mbind, memory, size,
			nodes & (nodes - 1) ? MPOL_INTERLEAVED : MPOL_PREFERRED_NODE, &nodes, 65,
			0);
	return memory;
}

void reserve_free(void *memory, size_t size)
{
	if (memory != NULL)
		munmap(memory, reserve_size(size));
}
