/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What rtnetlink events mean for the dataplane: devices, addresses, neighbours and routes translated for
 * install_route. Private to kernel_route.c and kernel_mirror.c; no sockets in here.
 */
#pragma once

#include "install_route.h"
#include "kernel_nexthop.h"
#include "rtnl_wire.h"

#include <config/config.h>

#define MIRROR_DEVICES_MAX \
	64 /* of others, loopback and dummies: only those with shared addresses */
#define MIRROR_ADDRESSES_MAX 1024
#define MIRROR_IFACE_NONE    INSTALL_IFACE_NONE

struct kernel_mirror {
	const struct config *config;
	struct dataplane *dataplane; /* NULL: addresses and states stay here (tests) */
	struct install_route *routes;
	struct kernel_nexthops *nexthops;
	unsigned int n_ifaces, n_vrfs;
	int ifaces[IFACES_MAX]; /* ifindex of each TAP */
	int tuns[CONFIG_VRFS_MAX];
	bool by_rules
		[CONFIG_VRFS_MAX]; /* no VRF device: connected subnets stand in the main table */
	struct mirror_state {
		uint32_t flags, mtu;
		bool link_lost; /* the port's, which the kernel tells as the TAP's up to a second later */
	} state[IFACES_MAX];
	bool tun_up[CONFIG_VRFS_MAX];

	/* loopback and dummy devices: their addresses are ours on every interface of the default VRF */
	unsigned int n_shared;
	int shared[MIRROR_DEVICES_MAX];

	struct mirror_address {
		int ifindex;
		uint8_t family;
		uint8_t addr[16];
		uint32_t mark;
	} addresses[MIRROR_ADDRESSES_MAX];
	unsigned int n_addresses;
	uint32_t mark;
	bool addresses_changed;
	uint64_t addresses_version; /* of the list that is passed on */

	bool bare_routes; /* the kernel names nexthop objects only: their changes bring no events of routes */
	bool dump_wanted;      /* the kernel changed something without telling */
	uint64_t tuns_came_up; /* bit v: VRF v's TUN, for the routes that we put there */
	uint64_t events, ignored;
};

void mirror_event(struct kernel_mirror *mirror, const struct rtnl_event *event);
/* The port's carrier, as soon as it is known. */
void mirror_link(struct kernel_mirror *mirror, unsigned int iface, bool up);
void mirror_mark(struct kernel_mirror *mirror);
void mirror_sweep_addresses(struct kernel_mirror *mirror);
/* Passes changed address lists on to the dataplane. */
void mirror_flush(struct kernel_mirror *mirror);
/* The VRF that an address of ours is in; -1: not ours. */
int mirror_owner(const struct kernel_mirror *mirror, uint8_t family, const uint8_t addr[16]);
/* Our addresses on an interface, as the dataplane gets them. Returns how many. */
unsigned int mirror_iface_addresses(const struct kernel_mirror *mirror, unsigned int iface,
	struct iface_addr *addrs, unsigned int max);
