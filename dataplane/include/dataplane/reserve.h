/* SPDX-License-Identifier: BSD-3-Clause */
/* Virtual ranges for tables: as large as they may become, backed by memory only where they are used. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum reserve_use {
	RESERVE_HOT,  /* workers read it: huge pages where the kernel has them */
	RESERVE_COLD, /* the control core's: small pages, so that little use takes little memory */
};

/*
 * Zeroed; its pages are taken at the first write, on NUMA node socket if that is not negative and the
 * machine has it. NULL and errno on failure.
 */
void *reserve_memory(size_t size, enum reserve_use use, int socket);
/*
 * The workers' NUMA nodes, one bit each: where hot tables without a node of their own go from now on, page by page
 * in turns if there are several. 0, as at the start: wherever the kernel likes.
 */
void reserve_nodes(uint64_t nodes);
void reserve_free(void *memory, size_t size); /* memory may be NULL */
