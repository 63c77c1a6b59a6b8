/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's environment inside a unit test: no hugepages, no devices but those given, no files shared with
 * another process. (--in-memory would be refused: DPDK 22.11 has it not together with --no-huge.)
 *
 * Criterion runs each test in a process of its own, so each test (or its suite's .init) calls eal_init().
 */
#pragma once

#include <rte_eal.h>
#include <rte_errno.h>

#include <criterion/criterion.h>

/* extra: further EAL arguments ("--vdev=net_null0"), NULL-terminated; may be NULL. */
static inline void eal_init_with(const char *const *extra)
{
	static const char *const fixed[] = {"unit", "--no-huge", "--no-pci", "--no-telemetry",
		"--no-shconf", "-m", "512", "--iova-mode=va", "-l", "0", "--log-level=error"};
	/* The EAL reorders its arguments and keeps pointers to them. */
	static char *argv[32];
	int argc = 0;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		argv[argc++] = (char *)(uintptr_t)fixed[i];
	for (; extra != NULL && *extra != NULL; extra++) {
		cr_assert_lt(argc, 31);
		argv[argc++] = (char *)(uintptr_t)*extra;
	}
	cr_assert_geq(rte_eal_init(argc, argv), 0, "rte_eal_init: %s", rte_strerror(rte_errno));
}

static inline void eal_init(void)
{
	eal_init_with(NULL);
}
