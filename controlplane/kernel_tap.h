/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One TAP per interface and one TUN per VRF: how packets get to the kernel and back.
 *
 * TAP k stands for interface k (same index as in the configuration and the dataplane), with the port's MAC
 * address, MTU and addresses; frames carry no VLAN tag, which the dataplane strips and adds. TUN v stands
 * for VRF v and carries IP packets of and for subscribers. Everything here is called on the control core.
 */
#pragma once

#include "kernel_netns.h"

#include <config/config.h>
#include <dataplane/dataplane.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel_taps;

/*
 * Makes the devices inside netns, sets MAC, MTU, addresses, static neighbours, brings them up. dataplane
 * may not have been started yet. NULL with a sentence in error that names the device.
 */
struct kernel_taps *kernel_taps_create(const struct config *config, struct dataplane *dataplane,
	struct kernel_netns *netns, char *error, size_t error_size);
void kernel_taps_destroy(struct kernel_taps *taps);

/* Devices: 0 .. n_ifaces-1 are the TAPs, from n_ifaces on the TUNs of the VRFs in order. */
unsigned int kernel_taps_count(const struct kernel_taps *taps);
unsigned int kernel_taps_ifaces(const struct kernel_taps *taps);
int kernel_tap_fd(const struct kernel_taps *taps, unsigned int k); /* for epoll: EPOLLIN */
int kernel_tap_ifindex(const struct kernel_taps *taps, unsigned int k);
const char *kernel_tap_name(const struct kernel_taps *taps, unsigned int k);
/* The kernel has no VRF devices: rules lead to this VRF's table, connected subnets stay in the main one. */
bool kernel_taps_vrf_by_rules(const struct kernel_taps *taps, unsigned int vrf);

/*
 * Takes up to budget packets from device k, each as an mbuf with its metadata set (INJECT_FRAME with the
 * interface, INJECT_IP with the VRF), and hands them to receive(), which then owns them. Returns how many;
 * fewer than budget: the device is empty.
 */
typedef void kernel_tap_receive(void *user, unsigned int k, struct rte_mbuf *packet);
unsigned int kernel_tap_read(struct kernel_taps *taps, unsigned int k, unsigned int budget,
	kernel_tap_receive *receive, void *user);
/*
 * The same, into the dataplane. before (may be NULL) is called when the packets are read and not yet sent: what the
 * kernel did before it sent them is to be seen in its netlink sockets now.
 */
#define KERNEL_TAP_BATCH 64
unsigned int kernel_tap_forward(struct kernel_taps *taps, unsigned int k, unsigned int budget,
	void (*before)(void *user), void *user);

/*
 * Gives punted packets to the kernel and frees them: PUNT_FRAME through the TAP of meta.iface, PUNT_LOCAL
 * through the TUN of meta.vrf. What the kernel does not take at once is dropped and counted.
 */
void kernel_tap_write(struct kernel_taps *taps, struct rte_mbuf **packets, unsigned int n);

/* The port's carrier, so that routing daemons see it on the TAP. */
void kernel_tap_carrier(struct kernel_taps *taps, unsigned int k, bool up);

struct kernel_tap_stats {
	uint64_t to_kernel, to_kernel_drops;     /* packets; queue full or device down */
	uint64_t from_kernel, from_kernel_drops; /* no mbuf, too large, inject ring full */
	uint64_t errors;                         /* reads and writes that failed otherwise */
};
const struct kernel_tap_stats *kernel_tap_stats(const struct kernel_taps *taps, unsigned int k);
