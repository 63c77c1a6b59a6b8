/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's environment, as the configuration wants it: lcore 0 is the control core, lcore i + 1 worker i. */
#pragma once

#include <config/config.h>

/* Once in a process. 0, or -1 after a line in the log. */
int eal_start(const struct config_dpdk *dpdk);
