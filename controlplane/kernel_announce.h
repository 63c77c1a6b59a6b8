/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lnsd's own writes into the kernel by rtnetlink: routes out of the TUNs, and requests to resolve a
 * neighbour. Sent in batches; errors are read later.
 */
#pragma once

#include "kernel_netns.h"

#include <config/config.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel_announce;

struct kernel_announce_vrf {
	uint32_t table;
	int tun; /* ifindex */
};

struct kernel_announce_stats {
	uint64_t announced, withdrawn, errors, asked;
	uint32_t routes, pending;
};

/* Removes routes that an earlier process left behind with this protocol number. NULL with error. */
struct kernel_announce *kernel_announce_create(struct kernel_netns *netns, uint8_t protocol,
	unsigned int n_vrfs, const struct kernel_announce_vrf *vrfs, char *error,
	size_t error_size);
/* Withdraws everything, waiting for it. */
void kernel_announce_destroy(struct kernel_announce *announce);

/* Host bits must be zero. Counted references; *first / *last: the prefix is new / gone. */
int kernel_announce_add(struct kernel_announce *announce, uint16_t vrf,
	const struct ip_prefix *prefix, bool *first);
int kernel_announce_remove(
	struct kernel_announce *announce, uint16_t vrf, const struct ip_prefix *prefix, bool *last);
/* The VRF's TUN came up again: the kernel forgot its routes. */
void kernel_announce_again(struct kernel_announce *announce, uint16_t vrf);
/* Asks the kernel for a neighbour (NTF_USE). 0 or -errno. */
int kernel_announce_ask(
	struct kernel_announce *announce, int ifindex, uint8_t family, const uint8_t addr[16]);
/* Sends a batch and reads errors. Returns true if routes are still waiting. */
bool kernel_announce_poll(struct kernel_announce *announce);
void kernel_announce_stats(
	const struct kernel_announce *announce, struct kernel_announce_stats *stats);
