/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory for what secrets pass through: in no core dump, wiped when it is given back, and never swapped where the
 * process may lock so much (RLIMIT_MEMLOCK; root may). Whole pages each: not for many small things.
 */
#pragma once

#include <stddef.h>

/* Zeroed, aligned to 64. NULL: ENOMEM. */
void *secret_memory_alloc(size_t size);
/* Wipes it. NULL is nothing. */
void secret_memory_free(void *memory);
