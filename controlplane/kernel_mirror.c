/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What rtnetlink events mean for the dataplane.
 */
#include "kernel_mirror.h"
#include "log.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#define LOWER_UP     (1u << 16) /* IFF_LOWER_UP: net/if.h does not have it */
#define ADDRS_FAMILY 16         /* the dataplane's bound, each family */

#define NUD_USABLE (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_NOARP | NUD_PERMANENT)

static uint8_t iface_of(const struct kernel_mirror *mirror, int ifindex)
{
	for (unsigned int i = 0; i < mirror->n_ifaces; i++)
		if (mirror->ifaces[i] == ifindex)
			return (uint8_t)i;
	return MIRROR_IFACE_NONE;
}

static int tun_of(const struct kernel_mirror *mirror, int ifindex)
{
	for (unsigned int v = 0; v < mirror->n_vrfs; v++)
		if (mirror->tuns[v] == ifindex)
			return (int)v;
	return -1;
}

static bool is_shared(const struct kernel_mirror *mirror, int ifindex)
{
	for (unsigned int i = 0; i < mirror->n_shared; i++)
		if (mirror->shared[i] == ifindex)
			return true;
	return false;
}

static bool is_link_local(uint8_t family, const uint8_t *addr)
{
	return family == 6 && addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80;
}

static bool is_multicast(uint8_t family, const uint8_t *addr)
{
	return family == 6 ? addr[0] == 0xff : addr[0] >= 224 && addr[0] < 240;
}

static bool is_loopback(uint8_t family, const uint8_t *addr)
{
	static const uint8_t one[16] = {[15] = 1};

	return family == 6 ? memcmp(addr, one, 16) == 0 : addr[0] == 127;
}

/* ---- devices ---- */

static void shared_set(struct kernel_mirror *mirror, int ifindex, bool shared)
{
	for (unsigned int i = 0; i < mirror->n_shared; i++) {
		if (mirror->shared[i] != ifindex)
			continue;
		if (!shared) {
			mirror->shared[i] = mirror->shared[--mirror->n_shared];
			mirror->addresses_changed = true;
		}
		return;
	}
	if (shared && mirror->n_shared < MIRROR_DEVICES_MAX) {
		mirror->shared[mirror->n_shared++] = ifindex;
		mirror->addresses_changed = true;
	}
}

static void link_apply(struct kernel_mirror *mirror, unsigned int iface)
{
	const struct mirror_state *state = &mirror->state[iface];
	uint16_t mtu = (uint16_t)(state->mtu < UINT16_MAX ? state->mtu : UINT16_MAX);

	install_route_iface_set(mirror->routes, iface,
		state->flags == (IFF_UP | LOWER_UP) && !state->link_lost, mtu, NULL);
}

void mirror_link(struct kernel_mirror *mirror, unsigned int iface, bool up)
{
	if (iface >= mirror->n_ifaces || mirror->state[iface].link_lost == !up)
		return;
	mirror->state[iface].link_lost = !up;
	link_apply(mirror, iface);
}

static void link_event(struct kernel_mirror *mirror, const struct rtnl_event *event)
{
	const struct rtnl_link *link = &event->link;
	uint8_t iface = iface_of(mirror, link->ifindex);
	bool up = !event->deleted && link->flags & IFF_UP;
	uint32_t flags = event->deleted ? 0 : link->flags & (IFF_UP | LOWER_UP);
	int vrf = tun_of(mirror, link->ifindex);

	if (vrf >= 0) {
		if (up && !mirror->tun_up[vrf])
			mirror->tuns_came_up |= 1ull << vrf;
		mirror->tun_up[vrf] = up;
		return;
	}
	if (iface == MIRROR_IFACE_NONE) {
		shared_set(mirror, link->ifindex,
			!event->deleted && (link->flags & IFF_LOOPBACK || link->dummy));
		return;
	}
	if (mirror->state[iface].flags & IFF_UP && !up)
		mirror->dump_wanted = true; /* IPv4 routes are flushed without events */
	if (mirror->state[iface].flags == flags && mirror->state[iface].mtu == link->mtu)
		return; /* promiscuous mode, queue length ... */
	mirror->state[iface].flags = flags;
	mirror->state[iface].mtu = link->mtu;
	link_apply(mirror, iface);
	if (mirror->dataplane)
		dataplane_iface_set(mirror->dataplane, iface, up,
			(uint16_t)(link->mtu < UINT16_MAX ? link->mtu : UINT16_MAX));
	log_info(NULL, "%s: %s in the kernel, carrier %s, MTU %u",
		iface < mirror->config->n_interfaces ? mirror->config->interfaces[iface].name
						     : link->name,
		up ? "up" : "down", flags & LOWER_UP ? "on" : "off", link->mtu);
}

/* ---- addresses ---- */

static void address_event(struct kernel_mirror *mirror, const struct rtnl_event *event)
{
	const struct rtnl_address *address = &event->address;
	struct mirror_address *a;
	unsigned int i;

	for (i = 0; i < mirror->n_addresses; i++) {
		a = &mirror->addresses[i];
		if (a->ifindex == address->ifindex && a->family == address->family &&
			memcmp(a->addr, address->addr, 16) == 0)
			break;
	}
	if (event->deleted) {
		/* routes with this preferred source vanish without events */
		mirror->dump_wanted = true;
		if (i < mirror->n_addresses) {
			mirror->addresses[i] = mirror->addresses[--mirror->n_addresses];
			mirror->addresses_changed = true;
		}
		return;
	}
	if (i == mirror->n_addresses) {
		if (mirror->n_addresses == MIRROR_ADDRESSES_MAX) {
			log_ratelimited(LOG_LEVEL_WARNING, NULL,
				"more than %u addresses in the kernel: the rest is not mirrored",
				MIRROR_ADDRESSES_MAX);
			return;
		}
		a = &mirror->addresses[mirror->n_addresses++];
		a->ifindex = address->ifindex;
		a->family = address->family;
		memcpy(a->addr, address->addr, 16);
		mirror->addresses_changed = true;
	}
	mirror->addresses[i].mark = mirror->mark;
}

void mirror_mark(struct kernel_mirror *mirror)
{
	mirror->mark++;
	kernel_nexthops_mark(mirror->nexthops);
	install_route_mark(mirror->routes);
}

void mirror_sweep_addresses(struct kernel_mirror *mirror)
{
	for (unsigned int i = 0; i < mirror->n_addresses;) {
		if (mirror->addresses[i].mark == mirror->mark) {
			i++;
			continue;
		}
		mirror->addresses[i] = mirror->addresses[--mirror->n_addresses];
		mirror->addresses_changed = true;
	}
}

unsigned int mirror_iface_addresses(const struct kernel_mirror *mirror, unsigned int iface,
	struct iface_addr *addrs, unsigned int max)
{
	bool shared_too = mirror->config->interfaces[iface].vrf == 0;
	unsigned int n4 = 0, n6 = 0, n = 0;

	/* the interface's own ones first: there is a bound */
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < mirror->n_addresses && n < max; i++) {
			const struct mirror_address *a = &mirror->addresses[i];
			unsigned int *family = a->family == 4 ? &n4 : &n6;

			if (round == 0 ? a->ifindex != mirror->ifaces[iface]
				       : !shared_too || !is_shared(mirror, a->ifindex) ||
						is_link_local(a->family, a->addr) ||
						is_loopback(a->family, a->addr))
				continue;
			if (*family == ADDRS_FAMILY) {
				log_ratelimited(LOG_LEVEL_WARNING, NULL,
					"%s: more than %u addresses of a family: the rest gets no "
					"L2TP",
					mirror->config->interfaces[iface].name, ADDRS_FAMILY);
				continue;
			}
			++*family;
			addrs[n].family = a->family;
			memcpy(addrs[n++].addr, a->addr, 16);
		}
	}
	return n;
}

int mirror_owner(const struct kernel_mirror *mirror, uint8_t family, const uint8_t addr[16])
{
	for (unsigned int i = 0; i < mirror->n_addresses; i++) {
		const struct mirror_address *a = &mirror->addresses[i];
		uint8_t iface = iface_of(mirror, a->ifindex);

		if (a->family != family || memcmp(a->addr, addr, 16))
			continue;
		if (iface != MIRROR_IFACE_NONE)
			return (int)mirror->config->interfaces[iface].vrf;
		if (is_shared(mirror, a->ifindex) && !is_loopback(family, addr))
			return 0;
	}
	return -1;
}

void mirror_flush(struct kernel_mirror *mirror)
{
	struct iface_addr addrs[2 * ADDRS_FAMILY];

	if (!mirror->addresses_changed)
		return;
	mirror->addresses_changed = false;
	mirror->addresses_version++;
	for (unsigned int i = 0; mirror->dataplane && i < mirror->n_ifaces; i++) {
		unsigned int n = mirror_iface_addresses(mirror, i, addrs, 2 * ADDRS_FAMILY);

		memset(addrs + n, 0, (2 * ADDRS_FAMILY - n) * sizeof(addrs[0]));
		if (dataplane_iface_addresses(mirror->dataplane, i, addrs, n) < 0) {
			log_ratelimited(LOG_LEVEL_ERROR, NULL, "%s: addresses could not be set",
				mirror->config->interfaces[i].name);
			mirror->addresses_changed = true; /* with the next event */
		}
	}
}

/* ---- neighbours ---- */

static bool neighbour_event(struct kernel_mirror *mirror, const struct rtnl_event *event)
{
	const struct rtnl_neighbour *n = &event->neighbour;
	uint8_t iface = iface_of(mirror, n->ifindex);
	bool usable = n->state & NUD_USABLE && n->has_lladdr;

	if (iface == MIRROR_IFACE_NONE || n->flags & NTF_PROXY || is_multicast(n->family, n->addr))
		return false;
	if (event->deleted)
		install_route_neighbour_delete(mirror->routes, iface, n->family, n->addr);
	else if (install_route_neighbour_set(mirror->routes, iface, n->family, n->addr,
			 usable ? n->lladdr : NULL, n->state & NUD_STALE) == -ENOMEM)
		log_ratelimited(LOG_LEVEL_ERROR, NULL, "neighbour not mirrored: out of memory");
	return true;
}

/* ---- routes ---- */

static int vrf_of_table(const struct kernel_mirror *mirror, const struct rtnl_route *route)
{
	if (route->table == RT_TABLE_MAIN && route->protocol == RTPROT_KERNEL && route->n_hops) {
		uint8_t iface = iface_of(mirror, route->hops[0].ifindex);
		int tun = tun_of(mirror, route->hops[0].ifindex);

		if (iface != MIRROR_IFACE_NONE &&
			mirror->by_rules[mirror->config->interfaces[iface].vrf])
			return (int)mirror->config->interfaces[iface].vrf;
		if (tun > 0 && mirror->by_rules[tun])
			return tun;
	}
	for (unsigned int v = 0; v < mirror->n_vrfs; v++)
		if (mirror->config->vrfs[v].table == route->table)
			return (int)v;
	if (route->table != RT_TABLE_LOCAL || !route->n_hops)
		return -1;
	/* without a VRF device, addresses of all stand in the one local table */
	for (unsigned int i = 0; i < route->n_hops; i++) {
		uint8_t iface = iface_of(mirror, route->hops[i].ifindex);

		if (iface != MIRROR_IFACE_NONE)
			return (int)mirror->config->interfaces[iface].vrf;
		if (tun_of(mirror, route->hops[i].ifindex) >= 0)
			return tun_of(mirror, route->hops[i].ifindex);
		if (is_shared(mirror, route->hops[i].ifindex))
			return 0;
	}
	return -1;
}

static int kind_of(const struct rtnl_route *route)
{
	switch (route->kind) {
	case RTN_UNICAST:
		return INSTALL_UNICAST;
	case RTN_LOCAL:
	case RTN_ANYCAST:
		return INSTALL_LOCAL;
	case RTN_BROADCAST: /* directed broadcasts are not forwarded (RFC 2644) */
	case RTN_BLACKHOLE:
		return INSTALL_BLACKHOLE;
	case RTN_UNREACHABLE:
		return INSTALL_UNREACHABLE;
	case RTN_PROHIBIT:
		return INSTALL_PROHIBIT;
	}
	return -1; /* throw, multicast, NAT */
}

static bool route_translate(
	struct kernel_mirror *mirror, const struct rtnl_route *in, struct install_kernel_route *out)
{
	int vrf = vrf_of_table(mirror, in), kind = kind_of(in);
	struct rtnl_hop expanded[RTNL_HOPS_MAX];
	const struct rtnl_hop *hops = in->hops;
	unsigned int n = in->n_hops;

	if (vrf < 0 || kind < 0 || in->protocol == mirror->config->kernel.route_protocol)
		return false;
	if (in->tos || in->source_specific)
		return false; /* would hold for packets that it does not match */
	if (is_multicast(in->family, in->addr) || is_link_local(in->family, in->addr) ||
		(is_loopback(in->family, in->addr) && in->length))
		return false;
	memset(out, 0, sizeof(*out));
	out->vrf = (uint16_t)vrf;
	out->family = in->family;
	out->length = in->length;
	memcpy(out->addr, in->addr, 16);
	out->kind = (uint8_t)kind;
	out->protocol = in->protocol;
	out->metric = in->metric;
	out->nexthop = in->nexthop;
	if (kind != INSTALL_UNICAST)
		return true;
	if (in->nexthop && !n) {
		mirror->bare_routes = true;
		n = kernel_nexthop_expand(mirror->nexthops, in->nexthop, expanded, RTNL_HOPS_MAX);
		hops = expanded;
	}
	for (unsigned int i = 0; i < n; i++) {
		struct install_hop *hop = &out->hops[out->n_hops++];

		/* by hand out of our TUN: subscribers' addresses, of which nobody has this one now */
		if (tun_of(mirror, hops[i].ifindex) >= 0) {
			out->kind = INSTALL_UNREACHABLE;
			out->n_hops = 0;
			memset(out->hops, 0, sizeof(out->hops));
			return true;
		}
		/* the kernel's dead and linkdown flags change without events: the interface's state counts */
		hop->iface = hops[i].encap ? MIRROR_IFACE_NONE : iface_of(mirror, hops[i].ifindex);
		hop->family = hops[i].family;
		hop->weight = hops[i].weight;
		memcpy(hop->gateway, hops[i].gateway, 16);
	}
	return true;
}

static bool route_event(struct kernel_mirror *mirror, const struct rtnl_event *event)
{
	struct install_kernel_route route;
	int r;

	if (!route_translate(mirror, &event->route, &route))
		return false;
	if (event->route.cut)
		log_ratelimited(LOG_LEVEL_WARNING, NULL,
			"a route has more than %u next hops: the rest is not used", RTNL_HOPS_MAX);
	if (event->deleted) {
		if (install_route_kernel_delete(mirror->routes, &route) == -ENOENT)
			mirror->dump_wanted = true;
		return true;
	}
	r = install_route_kernel_set(mirror->routes, &route, event->replace);
	if (r == -ENOMEM)
		log_ratelimited(LOG_LEVEL_ERROR, NULL, "route not mirrored: out of memory");
	return true;
}

static void nexthop_event(struct kernel_mirror *mirror, const struct rtnl_event *event)
{
	int r;

	if (event->deleted) {
		/* its routes go with it, without events of their own */
		kernel_nexthop_delete(mirror->nexthops, event->nexthop.id);
		mirror->dump_wanted = true;
		return;
	}
	r = kernel_nexthop_set(mirror->nexthops, &event->nexthop);
	if (r < 0)
		log_ratelimited(LOG_LEVEL_ERROR, NULL, "nexthop object %u not mirrored: %s",
			event->nexthop.id, strerror(-r));
	if (event->nexthop.cut)
		log_ratelimited(LOG_LEVEL_WARNING, NULL,
			"nexthop object %u has more than %u members: the rest is not used",
			event->nexthop.id, RTNL_HOPS_MAX);
	/* the routes of one that comes again say the same; of one that changed they bring nothing */
	if (r > 0 && mirror->bare_routes)
		mirror->dump_wanted = true;
}

void mirror_event(struct kernel_mirror *mirror, const struct rtnl_event *event)
{
	bool ours = true;

	mirror->events++;
	switch (event->type) {
	case RTNL_LINK:
		link_event(mirror, event);
		break;
	case RTNL_ADDRESS:
		address_event(mirror, event);
		break;
	case RTNL_NEIGHBOUR:
		ours = neighbour_event(mirror, event);
		break;
	case RTNL_ROUTE:
		ours = route_event(mirror, event);
		break;
	case RTNL_NEXTHOP:
		nexthop_event(mirror, event);
		break;
	default:
		ours = false;
	}
	mirror->ignored += !ours;
}
