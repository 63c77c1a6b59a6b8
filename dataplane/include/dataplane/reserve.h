/* SPDX-License-Identifier: BSD-3-Clause */
/* Virtual ranges for tables: as large as they may become, backed by memory only where they are used. */
#pragma once

#include <stddef.h>

enum reserve_use {
	RESERVE_HOT,  /* workers read it: huge pages where the kernel has them */
	RESERVE_COLD, /* the control core's: small pages, so that little use takes little memory */
};

/*
 * Zeroed; its pages are taken at the first write, on NUMA node socket if that is not negative and the
 * machine has it. NULL and errno on failure.
 */
void *reserve_memory(size_t size, enum reserve_use use, int socket);
void reserve_free(void *memory, size_t size); /* memory may be NULL */
