/* SPDX-License-Identifier: BSD-3-Clause */
/* The EAL's command line, made from the configuration. */
#include "eal.h"
#include "log.h"

#include <rte_eal.h>
#include <rte_errno.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS_MAX 160

struct arguments {
	int n;
	char *at[ARGUMENTS_MAX + 1];
};

static void argument_add(struct arguments *arguments, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void argument_add(struct arguments *arguments, const char *format, ...)
{
	va_list values;

	if (arguments->n == ARGUMENTS_MAX) {
		fprintf(stderr, "lnsd: more than %d EAL arguments\n", ARGUMENTS_MAX);
		exit(EXIT_FAILURE);
	}
	va_start(values, format);
	if (vasprintf(&arguments->at[arguments->n++], format, values) < 0)
		exit(EXIT_FAILURE);
	va_end(values);
	arguments->at[arguments->n] = NULL;
}

/* lcore 0 is the control core, lcore i + 1 worker i; the CPU of each is the configuration's. */
static void eal_arguments(const struct config_dpdk *dpdk, struct arguments *arguments)
{
	char lcores[CONFIG_WORKERS_MAX * 12 + 16];
	size_t n;

	argument_add(arguments, "lnsd");
	n = (size_t)snprintf(lcores, sizeof(lcores), "0@%d", dpdk->main_core);
	for (unsigned int i = 0; i < dpdk->n_workers; i++)
		n += (size_t)snprintf(
			lcores + n, sizeof(lcores) - n, ",%u@%d", i + 1, dpdk->worker_cores[i]);
	argument_add(arguments, "--lcores=%s", lcores);
	argument_add(arguments, "--main-lcore=0");
	argument_add(arguments, "--no-telemetry");
	argument_add(arguments, "--log-level=warning");
	/* nothing of ours is shared with other processes: no files in hugetlbfs, none in /run/dpdk */
	argument_add(arguments, dpdk->hugepages ? "--in-memory" : "--no-huge");
	if (!dpdk->hugepages)
		argument_add(arguments, "--no-shconf");
	if (dpdk->memory_mb)
		argument_add(arguments, "-m%u", dpdk->memory_mb);
	if (dpdk->iova_va)
		argument_add(arguments, "--iova-mode=va");
	if (!dpdk->n_devices)
		argument_add(arguments, "--no-pci");
	for (unsigned int i = 0; i < dpdk->n_devices; i++)
		argument_add(arguments, "-a%s", dpdk->devices[i]);
	for (unsigned int i = 0; i < dpdk->n_vdevs; i++)
		argument_add(arguments, "--vdev=%s", dpdk->vdevs[i]);
	for (unsigned int i = 0; i < dpdk->n_eal_args; i++)
		argument_add(arguments, "%s", dpdk->eal_args[i]);
}

static const char *eal_reason(int error)
{
	switch (error) {
	case EACCES:
		return "no permission: lnsd needs root (or CAP_NET_ADMIN, CAP_NET_RAW, "
		       "CAP_SYS_ADMIN)";
	case ENOMEM:
		return "not enough memory: see dpdk.memory, dpdk.hugepages and /proc/meminfo";
	case ENODEV:
		return "a device of dpdk.devices or dpdk.vdevs is not there";
	case EFAULT:
		return "the CPU lacks an instruction set that this build needs";
	default:
		return strerror(error);
	}
}

int eal_start(const struct config_dpdk *dpdk)
{
	static struct arguments arguments; /* the EAL keeps pointers into its strings */
	char *kept[ARGUMENTS_MAX + 1];
	int rc;

	eal_arguments(dpdk, &arguments);
	/* EAL permutes its array and keeps pointers into the strings: only the array is ours again */
	memcpy(kept, arguments.at, sizeof(kept));
	rc = rte_eal_init(arguments.n, kept);
	if (rc < 0)
		log_error(NULL, "DPDK does not start: %s (its own lines above say more)",
			eal_reason(rte_errno));
	return rc < 0 ? -1 : 0;
}
