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

#include <sched.h>
#include <stdio.h>

#include <criterion/criterion.h>

/*
 * One lcore on every CPU that this process may use. "-l 0" would tie all tests of a machine to its first CPU, and
 * beside a worker that polls there they take minutes.
 */
static inline const char *eal_lcores(void)
{
	static char argument[16 + 5 * CPU_SETSIZE];
	size_t at = (size_t)snprintf(argument, sizeof(argument), "--lcores=0@(");
	cpu_set_t set;

	cr_assert_eq(sched_getaffinity(0, sizeof(set), &set), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &set))
			at += (size_t)snprintf(argument + at, sizeof(argument) - at, "%d,", cpu);
	}
	argument[at - 1] = ')';
	return argument;
}

/* extra: further EAL arguments ("--vdev=net_null0"), NULL-terminated; may be NULL. */
static inline void eal_init_with(const char *const *extra)
{
	const char *const fixed[] = {"unit", "--no-huge", "--no-pci", "--no-telemetry",
		"--no-shconf", "-m", "512", "--iova-mode=va", eal_lcores(), "--log-level=error"};
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
