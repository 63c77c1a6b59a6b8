/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Policy rules in place of a VRF device, for kernels that have none (CONFIG_NET_VRF): what comes in by a
 * VRF's device, is sent out of it, or from its addresses, looks into the VRF's table first.
 *
 * Weaker than a VRF device: what the table does not hold is then looked for in the main one, where the kernel
 * keeps the connected subnets. It concerns the kernel's own packets only; the dataplane's VRFs are apart.
 */
#pragma once

#include <config/config.h>

#include <libmnl/libmnl.h>

#include <stdbool.h>
#include <stdint.h>

struct kernel_rule_settings {
	const char *device;
	uint32_t table;
	uint8_t protocol; /* for `ip rule`, so that ours can be told from others */
	unsigned int n_addresses;
	const struct ip_prefix *addresses;
};

/* Adds or removes the device's rules, of both families. A rule that is (not) there already is fine. -errno. */
int kernel_rules_set(
	struct mnl_socket *rtnetlink, const struct kernel_rule_settings *settings, bool add);
