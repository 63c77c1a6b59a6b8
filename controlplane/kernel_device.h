/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes one TAP or TUN device and sets it up, inside the namespace that the calling thread is in.
 */
#pragma once

#include <config/config.h>

#include <libmnl/libmnl.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel_device_settings {
	const char *name;
	bool tap;           /* false: TUN */
	bool own_netns;     /* the namespace is lnsd's: settings of all devices may be changed */
	const uint8_t *mac; /* TAP only */
	uint16_t mtu;
	int master; /* ifindex of the VRF device, 0 = none */
	unsigned int n_addresses, n_neighbours;
	const struct ip_prefix *addresses;
	const struct config_neighbour *neighbours;
};

/*
 * Returns the non-blocking descriptor and *ifindex, or -errno with a sentence in error. The device goes
 * away when the descriptor is closed. A leftover TAP of this name that nobody uses is replaced.
 */
int kernel_device_open(struct mnl_socket *rtnetlink, const struct kernel_device_settings *settings,
	int *ifindex, char *error, size_t error_size);
/*
 * The VRF device (l3mdev) for a table: its ifindex; made, and up, if it is not there. -EOPNOTSUPP: the kernel
 * has none (modprobe vrf); -EEXIST: a device of the name is no VRF, or one with another table. A sentence is in error.
 */
int kernel_device_vrf(struct mnl_socket *rtnetlink, const char *name, uint32_t table, bool *made,
	char *error, size_t error_size);
void kernel_device_remove(struct mnl_socket *rtnetlink, int ifindex);
