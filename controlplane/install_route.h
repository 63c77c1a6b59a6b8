/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The routes' part of install: the only writer of the dataplane's fib and adjacency tables.
 *
 * It keeps what the kernel says (every route of every metric, neighbours, our own addresses) in tables of
 * its own, chooses the best of each prefix and brings the fib into line. For one prefix: a session's route,
 * then a kernel route by metric (lowest first), then a pool's aggregate, then a neighbour on a connected
 * subnet. Called on the control core only. Addresses in network byte order.
 */
#pragma once

#include <config/config.h>
#include <dataplane/dataplane.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct install_route;

struct install_iface {
	uint8_t mac[6];
	uint16_t vrf, mtu, vlan, outer_vlan;
};

struct install_route_settings {
	unsigned int n_vrfs;
	struct fib *fibs[DATAPLANE_VRFS_MAX];
	struct adjacency_table *adjacencies;
	struct group_table *groups; /* NULL: of several next hops the first usable one takes all */
	unsigned int n_ifaces;
	struct install_iface ifaces[IFACES_MAX];
};

/* What a dataplane has. */
void install_route_settings_of(
	struct install_route_settings *settings, struct dataplane *dataplane);
struct install_route *install_route_create(const struct install_route_settings *settings);
/* The fibs are left as they are: workers have stopped by then. */
void install_route_destroy(struct install_route *routes);

/* ---- sessions (install.c) ---- */
/*
 * Publishes prefix -> session in the VRF's fib, over whatever the prefix led to: another session
 * (take-over, without a gap) or a kernel route, which come back afterwards. A session that has lost the
 * prefix to a later one stays behind it. 0, -ENOMEM or fib_set4/6's errors.
 */
int install_route_session_set(struct install_route *routes, uint16_t vrf,
	const struct session_prefix *prefix, uint32_t session);
/*
 * Takes it back: the prefix leads to the latest of the other sessions that have it, else to the kernel's
 * route. -ENOENT: it did not lead to this session, the fib is not changed.
 */
int install_route_session_delete(struct install_route *routes, uint16_t vrf,
	const struct session_prefix *prefix, uint32_t session);

/* ---- aggregates: addresses of pools that no session has are answered with ICMP unreachable ---- */
int install_route_aggregate_set(
	struct install_route *routes, uint16_t vrf, const struct ip_prefix *prefix);
int install_route_aggregate_delete(
	struct install_route *routes, uint16_t vrf, const struct ip_prefix *prefix);
/* Does the prefix lie in an aggregate? */
bool install_route_aggregate_covers(
	const struct install_route *routes, uint16_t vrf, const struct ip_prefix *prefix);

/* ---- the kernel's tables (kernel_route.c) ---- */
#define INSTALL_HOPS_MAX 16

struct install_hop {
	uint8_t iface; /* index, or INSTALL_IFACE_NONE: out of a device that the dataplane does not have */
	uint8_t family; /* of the gateway: 4, 6; 0 = on link */
	uint8_t dead;   /* the kernel says so: dead or link down */
	uint8_t weight;
	uint8_t gateway[16];
};
#define INSTALL_IFACE_NONE 0xff

enum install_kind {
	INSTALL_UNICAST,
	INSTALL_LOCAL,
	INSTALL_BLACKHOLE,
	INSTALL_UNREACHABLE,
	INSTALL_PROHIBIT,
};

struct install_kernel_route {
	uint16_t vrf;
	uint8_t family, length; /* 4, 6 */
	uint8_t addr[16];
	uint8_t kind;     /* enum install_kind */
	uint8_t protocol; /* the kernel's rtm_protocol, for show */
	uint8_t n_hops;
	uint32_t metric;
	uint32_t nexthop; /* the kernel's nexthop object that it names, 0 = none */
	struct install_hop hops[INSTALL_HOPS_MAX];
};

/* A full dump follows: what it does not bring again before the sweep is gone. */
void install_route_mark(struct install_route *routes);
void install_route_sweep_routes(struct install_route *routes, uint8_t family);
void install_route_sweep_neighbours(struct install_route *routes);

/* replace: instead of the first one with the same prefix and metric. 0, -ENOMEM, -ENOSPC, -EINVAL. */
int install_route_kernel_set(
	struct install_route *routes, const struct install_kernel_route *route, bool replace);
/* -ENOENT: not known (the caller may have to dump again). */
int install_route_kernel_delete(
	struct install_route *routes, const struct install_kernel_route *route);

/* lladdr = NULL: known but not resolved. stale: usable, but the kernel has not heard from it lately. */
int install_route_neighbour_set(struct install_route *routes, uint8_t iface, uint8_t family,
	const uint8_t addr[16], const uint8_t lladdr[6], bool stale);
void install_route_neighbour_delete(
	struct install_route *routes, uint8_t iface, uint8_t family, const uint8_t addr[16]);

/* The interface's state: routes out of one that is down are not used. mtu and mac 0/NULL: as before. */
void install_route_iface_set(struct install_route *routes, unsigned int iface, bool up,
	uint16_t mtu, const uint8_t *mac);

/*
 * Calls ask() for next hops that routes need and that are not resolved or stale, each at most once in its
 * retry interval and at most max in all.
 */
typedef void install_route_ask(void *user, uint8_t iface, uint8_t family, const uint8_t addr[16]);
void install_route_unresolved(struct install_route *routes, uint64_t now, unsigned int max,
	install_route_ask *ask, void *user);
/* Called whenever a neighbour becomes resolved. */
typedef void install_route_resolved(
	void *user, uint8_t iface, uint8_t family, const uint8_t addr[16]);
void install_route_on_resolved(
	struct install_route *routes, install_route_resolved *resolved, void *user);

/* Tries again what a full forwarding table has refused: there may be room now. Done in slices. */
void install_route_retry(struct install_route *routes);

/* Work that is done in slices (routes that an interface's change concerns). Returns true if there is more. */
bool install_route_poll(struct install_route *routes, unsigned int budget);

struct install_route_counts {
	uint32_t routes4, routes6; /* prefixes known */
	uint32_t candidates;       /* routes of all metrics */
	uint32_t neighbours, neighbours_resolved;
	uint32_t next_hops; /* distinct sets of next hops */
	uint32_t groups;    /* of them, those with several of ours that share the traffic */
	uint32_t displaced; /* sessions' prefixes that a later session has too */
	uint64_t multipath; /* routes seen with several next hops */
	uint64_t foreign;   /* routes seen that only lead out of devices of others */
	uint64_t failures;  /* fib, adjacency or group table full */
};
void install_route_counts(const struct install_route *routes, struct install_route_counts *counts);

/* ---- iterating, resumable: a cursor of zeroes starts; false = end. Survives changes in between. ---- */
struct install_route_cursor {
	uint64_t position;
	uint32_t index;
	bool end;
};
struct install_route_row {
	struct install_kernel_route route;
	bool best;       /* the one of its prefix that is in the fib */
	bool aggregate;  /* a pool's: kind = INSTALL_UNREACHABLE, no hops */
	uint32_t target; /* in the fib now for this prefix */
};
bool install_route_next(const struct install_route *routes, struct install_route_cursor *cursor,
	struct install_route_row *row);
struct install_neighbour_row {
	uint8_t iface, family;
	uint8_t addr[16], lladdr[6];
	bool resolved, stale;
	bool gateway; /* routes use it */
	bool host;    /* has a host entry in the fib */
};
bool install_neighbour_next(const struct install_route *routes, struct install_route_cursor *cursor,
	struct install_neighbour_row *row);
