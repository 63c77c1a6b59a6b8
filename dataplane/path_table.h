/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of path_mtu.h as workers look into it. */
#pragma once

#include "dataplane_private.h"

#include <dataplane/path_mtu.h>

/* Never changed once it is published. */
struct path_table {
	uint16_t least; /* of all: whatever is no longer needs no look */
	uint32_t mask;
	struct path_mtu entries[]; /* a hash with open addressing; mtu 0: free */
};

/* NULL: no path is less than its port. */
static inline const struct path_table *path_table(const struct dataplane *dp)
{
	return __atomic_load_n(&dp->paths, __ATOMIC_ACQUIRE);
}

/* What the path of an outer IPv6 packet that leaves by an interface of this VRF takes, at most mtu. */
uint16_t path_table_mtu(
	const struct path_table *table, uint16_t vrf, const uint8_t peer[16], uint16_t mtu);
