/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mirror of the kernel's routes, neighbours and addresses, and lnsd's own routes in the kernel.
 *
 * Reads rtnetlink (dump and events) of the TAPs' namespace into install_route; writes pool aggregates and
 * single subscribers' routes out of the VRF's TUN with kernel.route_protocol. Lost events (ENOBUFS) and
 * what the kernel changes without an event lead to a new dump, reconciled by mark and sweep. Nothing here
 * waits but create, sync and destroy. Control core only.
 */
#pragma once

#include "install_route.h"
#include "kernel_netns.h"
#include "kernel_tap.h"

#include <config/config.h>
#include <dataplane/dataplane.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel_route;

/*
 * Opens the sockets, removes routes with our protocol number that an earlier process left, starts the
 * first dump. dataplane may be NULL (then interface addresses and states are not passed on to it).
 */
struct kernel_route *kernel_route_create(const struct config *config, struct dataplane *dataplane,
	struct kernel_netns *netns, struct kernel_taps *taps, struct install_route *routes,
	char *error, size_t error_size);
/* Removes our routes from the kernel (waits for it). */
void kernel_route_destroy(struct kernel_route *mirror);

int kernel_route_fd(const struct kernel_route *mirror); /* for epoll: EPOLLIN */
/* Reads what there is, at most budget messages. Returns true if there is more. */
bool kernel_route_read(struct kernel_route *mirror, unsigned int budget);
/* Start-up: reads until the first dump is complete. -ETIMEDOUT: nothing came for so long. */
int kernel_route_sync(struct kernel_route *mirror, unsigned int timeout_ms);
/*
 * Timed work: asking for neighbours, packets that waited too long, our own routes in batches. Call it every
 * turn of the loop that has time, and not later than the returned moment (ms, as now).
 */
uint64_t kernel_route_poll(struct kernel_route *mirror, uint64_t now);

/* The VRF in which an address is ours; -1: it is none of ours. */
int kernel_route_owner(
	const struct kernel_route *mirror, uint8_t family, const uint8_t address[16]);
/* Changes whenever an address of ours comes or goes. */
uint64_t kernel_route_addresses(const struct kernel_route *mirror);

/*
 * Our own routes. Counted: a prefix announced twice is withdrawn after two withdrawals. -ENOMEM.
 * aggregate: a pool's (the same value both times), also put into the dataplane as "unreachable" for addresses nobody has.
 */
int kernel_route_announce(
	struct kernel_route *mirror, uint16_t vrf, const struct ip_prefix *prefix, bool aggregate);
int kernel_route_withdraw(
	struct kernel_route *mirror, uint16_t vrf, const struct ip_prefix *prefix, bool aggregate);

/*
 * The first half of withdrawing an aggregate: it covers nothing any more, while the kernel has it still. The other half
 * is kernel_route_withdraw() as of a single route.
 */
int kernel_route_uncover(struct kernel_route *mirror, uint16_t vrf, const struct ip_prefix *prefix);

/* A port's carrier: its next hops take no part from now on, whenever the kernel tells of the TAP's. */
void kernel_route_link(struct kernel_route *mirror, unsigned int iface, bool up);

/* Does one of the announced aggregates lead to the prefix already? */
bool kernel_route_covers(
	const struct kernel_route *mirror, uint16_t vrf, const struct ip_prefix *prefix);

/*
 * A PUNT_UNRESOLVED packet, which it then owns: asks the kernel for the neighbour, holds the packet for a
 * moment (4 a neighbour) and injects it once there is an answer.
 */
void kernel_route_unresolved(struct kernel_route *mirror, struct rte_mbuf *packet, uint64_t now);

struct kernel_route_stats {
	uint64_t events, ignored; /* messages read; of those not ours to mirror, echoes included */
	uint64_t malformed;
	uint64_t overruns, dumps;
	uint64_t asked;                       /* neighbours asked for */
	uint64_t held, held_sent, held_drops; /* packets waiting for a neighbour */
	uint64_t announced, withdrawn, announce_errors;
	uint32_t own_routes, own_pending;
	bool synced;
};
void kernel_route_stats(const struct kernel_route *mirror, struct kernel_route_stats *stats);
