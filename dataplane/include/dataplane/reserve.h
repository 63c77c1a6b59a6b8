/* SPDX-License-Identifier: BSD-3-Clause */
/* Virtual ranges for tables: as large as they may become, backed by memory only where they are used. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum reserve_use {
	RESERVE_HOT,  /* workers read it: huge pages where the kernel has them */
	RESERVE_COLD, /* the control core's: small pages, so that little use takes little memory */
};

/*
 * Zeroed; its pages are taken at the first write: on NUMA node socket if that is not negative and the machine has it,
 * else hot ones on the workers' nodes. NULL and errno on failure.
 */
void *reserve_memory(size_t size, enum reserve_use use, int socket);
void reserve_free(void *memory, size_t size); /* memory may be NULL */

/*
 * The workers' NUMA nodes, one bit each: where hot ranges go from now on, page by page in turns if there are several.
 * So does all else that the calling thread is the first to write, since much of that is small and read by workers
 * (tunnels, groups, keys); its cold ranges stay where it runs. 0, as at the start: wherever the kernel likes. A kernel
 * that knows no NUMA, or does not let us, is no error.
 */
void reserve_nodes(uint64_t nodes);

/*
 * The control core takes the memory of these bytes of a range, without changing them, so that a worker that writes them
 * first does not wait for the kernel.
 */
void reserve_populate(void *at, size_t size);

/* Transparent huge pages are to be had for hot ranges; false: the operator has turned them off, or the kernel has none. */
bool reserve_has_huge_pages(void);
