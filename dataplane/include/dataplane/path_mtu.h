/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What paths to LACs take that is less than the port's MTU (RFC 8201): outer IPv6 packets beyond it leave in
 * fragments. IPv4 needs none: DF is clear on what we encapsulate, and routers on the way cut it.
 */
#pragma once

#include <stdint.h>

struct dataplane;

#define PATH_MTU_LEAST 1280 /* RFC 8200, 5: every link takes it */
#define PATH_MTUS_MAX  4096

struct path_mtu {
	uint8_t peer[16]; /* IPv6 */
	uint16_t
		vrf; /* of the interface towards it: another one's path to this address is another path */
	uint16_t mtu; /* of IP packets, PATH_MTU_LEAST and above */
};

/*
 * Replaces the whole list, by RCU; control core. Copied. -EINVAL: too many, or an MTU below the least; -ENOMEM:
 * nothing is changed.
 */
int dataplane_path_mtus(struct dataplane *dp, const struct path_mtu *list, unsigned int n);
