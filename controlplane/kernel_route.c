/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mirror of the kernel's routes, neighbours and addresses: sockets, dumps, asking for neighbours.
 *
 * One socket brings events and dumps, so that their order is the kernel's. A cycle of dumps goes link,
 * address, neighbour, nexthop object, IPv4 routes, IPv6 routes; each one's end sweeps what it did not bring again.
 */
#include "kernel_route.h"
#include "kernel_announce.h"
#include "kernel_hold.h"
#include "kernel_mirror.h"
#include "kernel_netlink.h"
#include "log.h"

#include <dataplane/meta.h>

#include <errno.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define RECEIVE_BUFFER (32 << 20)
#define DUMP_DELAY_MS  20 /* several silent changes become one dump */
#define ASK_MAX        64 /* neighbours asked for in one turn */
#define ASK_EVERY_MS   200
#define RETRY_MS       10000 /* routes that a full forwarding table refused */
#define SYNC_PARTS     12    /* as long as there is something to read at start */
#define SLICE          512   /* prefixes looked at in one turn */

enum dump_stage {
	DUMP_NONE,
	DUMP_LINKS,
	DUMP_ADDRESSES,
	DUMP_NEIGHBOURS,
	DUMP_NEXTHOPS,
	DUMP_ROUTES4,
	DUMP_ROUTES6
};

struct kernel_route {
	struct kernel_mirror mirror;
	struct kernel_hold hold;
	struct dataplane *dataplane;
	struct install_route *routes;
	struct kernel_announce *announce;
	struct mnl_socket *socket;
	enum dump_stage stage;
	uint32_t seq;
	bool interrupted; /* this stage has to be repeated */
	bool restart;     /* the whole cycle has to */
	uint64_t dump_at; /* 0: none wanted */
	uint64_t ask_at, retry_at;
	uint64_t now;
	bool synced;
	uint64_t malformed, overruns, dumps;
	_Alignas(8) uint8_t buffer[65536];
};

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- dumps ---- */

static int dump_send(struct kernel_route *kr, enum dump_stage stage)
{
	static const struct {
		uint16_t type;
		uint8_t family;
		uint8_t header; /* all of them begin with the family */
	} dumps[] = {
		[DUMP_LINKS] = {RTM_GETLINK, AF_UNSPEC, sizeof(struct ifinfomsg)},
		[DUMP_ADDRESSES] = {RTM_GETADDR, AF_UNSPEC, sizeof(struct ifaddrmsg)},
		[DUMP_NEIGHBOURS] = {RTM_GETNEIGH, AF_UNSPEC, sizeof(struct ndmsg)},
		[DUMP_NEXTHOPS] = {RTM_GETNEXTHOP, AF_UNSPEC, sizeof(struct nhmsg)},
		[DUMP_ROUTES4] = {RTM_GETROUTE, AF_INET, sizeof(struct rtmsg)},
		[DUMP_ROUTES6] = {RTM_GETROUTE, AF_INET6, sizeof(struct rtmsg)},
	};
	_Alignas(8) uint8_t buffer[128];
	struct nlmsghdr *nlh = kernel_netlink_request(buffer, dumps[stage].type, NLM_F_DUMP);

	*(uint8_t *)mnl_nlmsg_put_extra_header(nlh, dumps[stage].header) = dumps[stage].family;
	kr->stage = stage;
	kr->interrupted = false;
	kr->seq = nlh->nlmsg_seq;
	if (send(mnl_socket_get_fd(kr->socket), nlh, nlh->nlmsg_len, MSG_DONTWAIT) < 0) {
		kr->stage = DUMP_NONE;
		kr->dump_at = kr->now + DUMP_DELAY_MS;
		return -errno;
	}
	return 0;
}

static void dump_start(struct kernel_route *kr)
{
	kr->dump_at = 0;
	kr->restart = false;
	kr->mirror.dump_wanted = false;
	kr->dumps++;
	mirror_mark(&kr->mirror);
	dump_send(kr, DUMP_LINKS);
}

static void dump_finish(struct kernel_route *kr)
{
	struct install_route_counts counts;

	kr->stage = DUMP_NONE;
	install_route_counts(kr->routes, &counts);
	if (!kr->synced)
		log_info(NULL, "kernel mirrored: %u IPv4 and %u IPv6 prefixes, %u neighbours",
			counts.routes4, counts.routes6, counts.neighbours);
	kr->synced = true;
}

static void dump_done(struct kernel_route *kr, int error)
{
	enum dump_stage stage = kr->stage;

	if (kr->restart || error == -EBUSY) {
		/* events were lost, or the kernel still has the last dump to finish */
		kr->stage = DUMP_NONE;
		kr->dump_at = kr->now + (error == -EBUSY ? DUMP_DELAY_MS : 0) + 1;
		return;
	}
	if (kr->interrupted) {
		dump_send(kr, stage);
		return;
	}
	if (error < 0 && error != -EOPNOTSUPP && error != -EAFNOSUPPORT) {
		/* sweeping after a broken dump would take what is there */
		log_ratelimited(
			LOG_LEVEL_ERROR, NULL, "rtnetlink dump failed: %s", strerror(-error));
		kr->stage = DUMP_NONE;
		kr->dump_at = kr->now + 1000;
		return;
	}
	switch (stage) {
	case DUMP_ADDRESSES:
		mirror_sweep_addresses(&kr->mirror);
		break;
	case DUMP_NEIGHBOURS:
		install_route_sweep_neighbours(kr->routes);
		break;
	case DUMP_NEXTHOPS:
		kernel_nexthops_sweep(kr->mirror.nexthops);
		break;
	case DUMP_ROUTES4:
		install_route_sweep_routes(kr->routes, 4);
		break;
	case DUMP_ROUTES6:
		install_route_sweep_routes(kr->routes, 6);
		dump_finish(kr);
		return;
	default:
		break;
	}
	dump_send(kr, stage + 1);
}

static void overrun(struct kernel_route *kr)
{
	kr->overruns++;
	log_ratelimited(LOG_LEVEL_WARNING, NULL,
		"rtnetlink events were lost (socket buffer full): the kernel's tables are read "
		"again");
	if (kr->stage != DUMP_NONE)
		kr->restart = true;
	/* a dump that was cut off may never end: the new one does not wait for it */
	kr->dump_at = kr->now + DUMP_DELAY_MS;
}

static unsigned int handle(struct kernel_route *kr, size_t length)
{
	const uint8_t *p = kr->buffer, *end = p + length;
	struct rtnl_event event;
	unsigned int n = 0;

	for (; p < end; n++) {
		if (rtnl_parse(&p, end, &event) < 0) {
			kr->malformed++;
			kr->mirror.dump_wanted = true;
			log_ratelimited(
				LOG_LEVEL_WARNING, NULL, "rtnetlink message not understood");
			continue;
		}
		if (kr->stage != DUMP_NONE && event.seq == kr->seq) {
			kr->interrupted |= event.interrupted;
			if (event.type == RTNL_DONE || event.type == RTNL_ERROR) {
				dump_done(kr, event.error);
				continue;
			}
		}
		mirror_event(&kr->mirror, &event);
	}
	return n;
}

bool kernel_route_read(struct kernel_route *kr, unsigned int budget)
{
	bool more = true;

	while (budget && more) {
		struct sockaddr_nl from;
		socklen_t from_length = sizeof(from);
		ssize_t n = recvfrom(mnl_socket_get_fd(kr->socket), kr->buffer, sizeof(kr->buffer),
			MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &from_length);
		unsigned int handled;

		if (n < 0) {
			if (errno == EINTR)
				continue;
			more = errno == ENOBUFS;
			if (more)
				overrun(kr);
			else if (errno != EAGAIN)
				log_ratelimited(
					LOG_LEVEL_ERROR, NULL, "rtnetlink: %s", strerror(errno));
			continue;
		}
		if (from_length != sizeof(from) || from.nl_pid != 0)
			continue; /* another process, not the kernel */
		if ((size_t)n > sizeof(kr->buffer)) {
			overrun(kr);
			continue;
		}
		handled = handle(kr, (size_t)n);
		budget -= handled < budget ? handled : budget;
	}
	if (kr->mirror.dump_wanted && !kr->dump_at) {
		kr->mirror.dump_wanted = false;
		kr->dump_at = kr->now + DUMP_DELAY_MS;
	}
	mirror_flush(&kr->mirror);
	install_route_poll(kr->routes, SLICE);
	return more;
}

int kernel_route_sync(struct kernel_route *kr, unsigned int timeout_ms)
{
	uint64_t end = clock_ms() + timeout_ms, events = kr->mirror.events;
	uint64_t last = clock_ms() + SYNC_PARTS * timeout_ms;
	bool more = true;

	while (!kr->synced || more || kr->stage != DUMP_NONE || kr->dump_at) {
		struct pollfd fd = {.fd = mnl_socket_get_fd(kr->socket), .events = POLLIN};
		uint64_t now = clock_ms();

		if (kr->mirror.events != events) {
			/* an internet's worth of routes takes its time */
			events = kr->mirror.events;
			end = now + timeout_ms;
		}
		if (now >= end || now >= last)
			return kr->synced ? 0 : -ETIMEDOUT;
		kernel_route_poll(kr, now);
		poll(&fd, 1, 5);
		more = kernel_route_read(kr, 4096);
	}
	while (install_route_poll(kr->routes, SLICE))
		;
	return 0;
}

/* ---- timed work ---- */

static void ask(void *user, uint8_t iface, uint8_t family, const uint8_t addr[16])
{
	struct kernel_route *kr = user;

	kernel_announce_ask(kr->announce, kr->mirror.ifaces[iface], family, addr);
}

static void inject_held(void *user, uint8_t iface, uint8_t family, const uint8_t addr[16])
{
	struct kernel_route *kr = user;
	struct rte_mbuf *packets[HOLD_PACKETS];
	unsigned int n = kernel_hold_take(&kr->hold, iface, family, addr, packets);

	for (unsigned int i = 0; i < n; i++) {
		meta_of(packets[i])->kind = INJECT_IP;
		meta_of(packets[i])->adjacency = ADJACENCY_NONE;
		dataplane_inject(
			kr->dataplane, iface % dataplane_workers(kr->dataplane), packets[i]);
	}
}

uint64_t kernel_route_poll(struct kernel_route *kr, uint64_t now)
{
	uint64_t next;

	kr->now = now;
	if (kr->dump_at && now >= kr->dump_at && (kr->stage == DUMP_NONE || kr->restart))
		dump_start(kr);
	for (unsigned int v = 0; kr->mirror.tuns_came_up; v++) {
		if (kr->mirror.tuns_came_up & 1ull << v && kr->synced)
			kernel_announce_again(kr->announce, (uint16_t)v);
		kr->mirror.tuns_came_up &= ~(1ull << v);
	}
	if (now >= kr->ask_at) {
		kr->ask_at = now + ASK_EVERY_MS;
		install_route_unresolved(kr->routes, now, ASK_MAX, ask, kr);
	}
	if (now >= kr->retry_at) {
		kr->retry_at = now + RETRY_MS;
		install_route_retry(kr->routes);
	}
	next = kernel_hold_expire(&kr->hold, now);
	if (kr->ask_at < next)
		next = kr->ask_at;
	if (kr->dump_at && kr->stage == DUMP_NONE && kr->dump_at < next)
		next = kr->dump_at;
	if (install_route_poll(kr->routes, SLICE))
		next = now;
	if (kernel_announce_poll(kr->announce))
		next = now;
	return next;
}

/* ---- packets without a neighbour ---- */

static bool unresolved_next_hop(struct kernel_route *kr, const struct rte_mbuf *packet,
	uint8_t *iface, uint8_t *family, uint8_t addr[16], bool *resolved)
{
	const struct meta *meta = meta_of((struct rte_mbuf *)(uintptr_t)packet);
	struct adjacency_table *table = dataplane_adjacencies(kr->dataplane);
	const uint8_t *ip = rte_pktmbuf_mtod(packet, const uint8_t *);
	uint32_t index = meta->adjacency, target = 0, addr4;
	struct fib *fib;

	if (index == ADJACENCY_NONE) {
		if (meta->vrf >= kr->mirror.n_vrfs || packet->data_len < 20)
			return false;
		fib = dataplane_fib(kr->dataplane, meta->vrf);
		memset(addr, 0, 16);
		if (ip[0] >> 4 == 4) {
			*family = 4;
			memcpy(addr, ip + 16, 4);
			memcpy(&addr4, addr, 4);
			target = fib_lookup4(fib, addr4);
		} else if (ip[0] >> 4 == 6 && packet->data_len >= 40) {
			*family = 6;
			memcpy(addr, ip + 24, 16);
			target = fib_lookup6(fib, addr);
		}
		/* one of several interfaces: the worker chose it by the flow */
		if (fib_target_type(target) == FIB_GROUP)
			target = fib_target(FIB_GLEAN, meta->iface);
		if (fib_target_type(target) == FIB_GLEAN) {
			*iface = (uint8_t)fib_target_index(target);
			*resolved = false;
			return *iface < kr->mirror.n_ifaces;
		}
		if (fib_target_type(target) != FIB_ADJACENCY)
			return false;
		index = fib_target_index(target);
	}
	if (index >= table->capacity)
		return false;
	*iface = adjacency_at(table, index)->iface;
	*family = adjacency_at(table, index)->family;
	memcpy(addr, adjacency_at(table, index)->next_hop, 16);
	*resolved = adjacency_at(table, index)->resolved;
	return *iface < kr->mirror.n_ifaces && (*family == 4 || *family == 6);
}

void kernel_route_unresolved(struct kernel_route *kr, struct rte_mbuf *packet, uint64_t now)
{
	uint8_t iface, family, addr[16];
	bool resolved;

	if (!unresolved_next_hop(kr, packet, &iface, &family, addr, &resolved)) {
		kr->hold.drops++;
		rte_pktmbuf_free(packet);
		return;
	}
	if (resolved) {
		/* it was answered while the packet was on its way */
		meta_of(packet)->kind = INJECT_IP;
		meta_of(packet)->adjacency = ADJACENCY_NONE;
		dataplane_inject(kr->dataplane, iface % dataplane_workers(kr->dataplane), packet);
		return;
	}
	if (kernel_hold_put(&kr->hold, iface, family, addr, packet, now))
		kernel_announce_ask(kr->announce, kr->mirror.ifaces[iface], family, addr);
}

void kernel_route_link(struct kernel_route *kr, unsigned int iface, bool up)
{
	mirror_link(&kr->mirror, iface, up);
}

int kernel_route_owner(const struct kernel_route *kr, uint8_t family, const uint8_t address[16])
{
	return mirror_owner(&kr->mirror, family, address);
}

uint64_t kernel_route_addresses(const struct kernel_route *kr)
{
	return kr->mirror.addresses_version;
}

/* ---- our own routes ---- */

static void prefix_clean(struct ip_prefix *out, const struct ip_prefix *in)
{
	unsigned int bytes = in->addr.family == 4 ? 4 : 16;

	memset(out, 0, sizeof(*out));
	out->addr.family = in->addr.family;
	out->length = in->length;
	for (unsigned int i = 0; i < bytes; i++) {
		unsigned int mask = in->length >= 8 * (i + 1) ? 0xff
			: in->length > 8 * i                  ? 0xff00 >> (in->length - 8 * i)
							      : 0;

		out->addr.bytes[i] = in->addr.bytes[i] & (uint8_t)mask;
	}
}

int kernel_route_announce(
	struct kernel_route *kr, uint16_t vrf, const struct ip_prefix *prefix, bool aggregate)
{
	struct ip_prefix clean;
	bool first;
	int r;

	prefix_clean(&clean, prefix);
	r = kernel_announce_add(kr->announce, vrf, &clean, &first);
	if (r < 0 || !aggregate)
		return r;
	r = install_route_aggregate_set(kr->routes, vrf, &clean);
	if (r < 0)
		kernel_announce_remove(kr->announce, vrf, &clean, &first);
	return r;
}

int kernel_route_withdraw(
	struct kernel_route *kr, uint16_t vrf, const struct ip_prefix *prefix, bool aggregate)
{
	struct ip_prefix clean;
	bool last;
	int r;

	prefix_clean(&clean, prefix);
	r = kernel_announce_remove(kr->announce, vrf, &clean, &last);
	if (r == 0 && aggregate)
		r = install_route_aggregate_delete(kr->routes, vrf, &clean);
	return r;
}

int kernel_route_uncover(struct kernel_route *kr, uint16_t vrf, const struct ip_prefix *prefix)
{
	struct ip_prefix clean;

	prefix_clean(&clean, prefix);
	return install_route_aggregate_delete(kr->routes, vrf, &clean);
}

bool kernel_route_covers(
	const struct kernel_route *kr, uint16_t vrf, const struct ip_prefix *prefix)
{
	return install_route_aggregate_covers(kr->routes, vrf, prefix);
}

/* ---- life ---- */

struct kernel_route *kernel_route_create(const struct config *config, struct dataplane *dataplane,
	struct kernel_netns *netns, struct kernel_taps *taps, struct install_route *routes,
	char *error, size_t error_size)
{
	const uint32_t groups = 1u << (RTNLGRP_LINK - 1) | 1u << (RTNLGRP_NEIGH - 1) |
		1u << (RTNLGRP_IPV4_IFADDR - 1) | 1u << (RTNLGRP_IPV6_IFADDR - 1) |
		1u << (RTNLGRP_IPV4_ROUTE - 1) | 1u << (RTNLGRP_IPV6_ROUTE - 1);
	struct kernel_announce_vrf vrfs[CONFIG_VRFS_MAX];
	struct kernel_route *kr = calloc(1, sizeof(*kr));
	int size = RECEIVE_BUFFER, nexthop = RTNLGRP_NEXTHOP, fd;

	if (kr)
		kr->mirror.nexthops = kernel_nexthops_create();
	if (!kr || !kr->mirror.nexthops) {
		snprintf(error, error_size, "kernel routes: out of memory");
		free(kr);
		return NULL;
	}
	kr->dataplane = kr->mirror.dataplane = dataplane;
	kr->routes = kr->mirror.routes = routes;
	kr->mirror.config = config;
	kr->mirror.n_ifaces = kernel_taps_ifaces(taps);
	kr->mirror.n_vrfs = config->n_vrfs;
	for (unsigned int i = 0; i < kr->mirror.n_ifaces; i++)
		kr->mirror.ifaces[i] = kernel_tap_ifindex(taps, i);
	for (unsigned int v = 0; v < config->n_vrfs; v++) {
		kr->mirror.by_rules[v] = kernel_taps_vrf_by_rules(taps, v);
		kr->mirror.tuns[v] = kernel_tap_ifindex(taps, kr->mirror.n_ifaces + v);
		vrfs[v] = (struct kernel_announce_vrf){
			.table = config->vrfs[v].table, .tun = kr->mirror.tuns[v]};
	}
	kr->announce = kernel_announce_create(
		netns, config->kernel.route_protocol, config->n_vrfs, vrfs, error, error_size);
	if (!kr->announce)
		goto fail;
	kr->socket = kernel_netlink_open(netns, NETLINK_ROUTE, groups);
	if (!kr->socket) {
		snprintf(error, error_size, "rtnetlink: %s", strerror(errno));
		goto fail;
	}
	fd = mnl_socket_get_fd(kr->socket);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* nexthop objects: kernels before 5.3 have none */
	setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &nexthop, sizeof(nexthop));
	if (dataplane)
		install_route_on_resolved(routes, inject_held, kr);
	kr->now = clock_ms();
	dump_start(kr);
	return kr;

fail:
	kernel_route_destroy(kr);
	return NULL;
}

void kernel_route_destroy(struct kernel_route *kr)
{
	if (!kr)
		return;
	install_route_on_resolved(kr->routes, NULL, NULL);
	kernel_hold_expire(&kr->hold, UINT64_MAX);
	kernel_announce_destroy(kr->announce);
	if (kr->socket)
		mnl_socket_close(kr->socket);
	kernel_nexthops_destroy(kr->mirror.nexthops);
	free(kr);
}

int kernel_route_fd(const struct kernel_route *kr)
{
	return mnl_socket_get_fd(kr->socket);
}

void kernel_route_stats(const struct kernel_route *kr, struct kernel_route_stats *stats)
{
	struct kernel_announce_stats announce;

	kernel_announce_stats(kr->announce, &announce);
	*stats = (struct kernel_route_stats){
		.events = kr->mirror.events,
		.ignored = kr->mirror.ignored,
		.malformed = kr->malformed,
		.overruns = kr->overruns,
		.dumps = kr->dumps,
		.asked = announce.asked,
		.held = kr->hold.held,
		.held_sent = kr->hold.sent,
		.held_drops = kr->hold.drops,
		.announced = announce.announced,
		.withdrawn = announce.withdrawn,
		.announce_errors = announce.errors,
		.own_routes = announce.routes,
		.own_pending = announce.pending,
		.synced = kr->synced,
	};
}
