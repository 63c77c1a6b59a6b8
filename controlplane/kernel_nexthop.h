/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's nexthop objects (ip nexthop), for routes that name one instead of listing their next hops:
 * net.ipv4.nexthop_compat_mode = 0. Control core only.
 */
#pragma once

#include "rtnl_wire.h"

#include <stdbool.h>
#include <stdint.h>

#define NEXTHOPS_MAX 65536

struct kernel_nexthops;

struct kernel_nexthops *kernel_nexthops_create(void); /* NULL: no memory */
void kernel_nexthops_destroy(struct kernel_nexthops *nexthops);

/* Returns whether it says something new of one that was known. -ENOMEM, -ENOSPC above NEXTHOPS_MAX. */
int kernel_nexthop_set(struct kernel_nexthops *nexthops, const struct rtnl_nexthop *nexthop);
void kernel_nexthop_delete(struct kernel_nexthops *nexthops, uint32_t id);
/* A dump follows: what it does not bring again before the sweep is gone. */
void kernel_nexthops_mark(struct kernel_nexthops *nexthops);
void kernel_nexthops_sweep(struct kernel_nexthops *nexthops);

/* The next hops behind an object, a group's members with their weights, at most max. Returns how many. */
unsigned int kernel_nexthop_expand(const struct kernel_nexthops *nexthops, uint32_t id,
	struct rtnl_hop *hops, unsigned int max);
