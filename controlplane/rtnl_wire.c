/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rtnetlink messages as events.
 */
#include "rtnl_wire.h"

#include "netlink_wire.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

static int attribute_u32(const struct netlink_attribute *attribute, uint32_t *value)
{
	if (attribute->length != 4)
		return -EBADMSG;
	memcpy(value, attribute->data, 4);
	return 0;
}

static uint8_t family_bytes(uint8_t family)
{
	return family == 4 ? 4 : 16;
}

static int attribute_addr(
	const struct netlink_attribute *attribute, uint8_t family, uint8_t addr[16])
{
	if (attribute->length != family_bytes(family))
		return -EBADMSG;
	memset(addr, 0, 16);
	memcpy(addr, attribute->data, attribute->length);
	return 0;
}

static int parse_link_kind(const struct netlink_attribute *outer, bool *dummy)
{
	const uint8_t *p = outer->data, *end = p + outer->length;
	struct netlink_attribute a;
	int r;

	while ((r = netlink_attribute_next(&p, end, &a)) > 0)
		if (a.type == IFLA_INFO_KIND && a.length >= 5)
			*dummy = memcmp(a.data, "dummy", 5) == 0;
	return r;
}

static int parse_link(const uint8_t *p, const uint8_t *end, struct rtnl_event *event)
{
	struct rtnl_link *link = &event->link;
	struct ifinfomsg header;
	struct netlink_attribute a;
	int r;

	if ((size_t)(end - p) < sizeof(header))
		return -EBADMSG;
	memcpy(&header, p, sizeof(header));
	p += sizeof(header);
	if (header.ifi_family != AF_UNSPEC)
		return 0; /* bridge ports and the like */
	link->ifindex = header.ifi_index;
	link->flags = header.ifi_flags;
	while ((r = netlink_attribute_next(&p, end, &a)) > 0) {
		int error = 0;

		switch (a.type) {
		case IFLA_IFNAME:
			if (a.length == 0 || a.length > sizeof(link->name) || a.data[a.length - 1])
				return -EBADMSG;
			memcpy(link->name, a.data, a.length);
			break;
		case IFLA_MTU:
			error = attribute_u32(&a, &link->mtu);
			break;
		case IFLA_ADDRESS:
			link->has_mac = a.length == 6;
			if (link->has_mac)
				memcpy(link->mac, a.data, 6);
			break;
		case IFLA_LINKINFO:
			error = parse_link_kind(&a, &link->dummy);
			break;
		}
		if (error < 0)
			return error;
	}
	event->type = RTNL_LINK;
	return r;
}

static int parse_address(const uint8_t *p, const uint8_t *end, struct rtnl_event *event)
{
	struct rtnl_address *address = &event->address;
	bool has = false, has_local = false;
	struct ifaddrmsg header;
	struct netlink_attribute a;
	int r;

	if ((size_t)(end - p) < sizeof(header))
		return -EBADMSG;
	memcpy(&header, p, sizeof(header));
	p += sizeof(header);
	address->family = netlink_family(header.ifa_family);
	if (!address->family)
		return 0;
	if (header.ifa_prefixlen > 8 * family_bytes(address->family))
		return -EBADMSG;
	address->ifindex = (int32_t)header.ifa_index;
	address->length = header.ifa_prefixlen;
	address->flags = header.ifa_flags;
	while ((r = netlink_attribute_next(&p, end, &a)) > 0) {
		int error = 0;

		if (a.type == IFA_LOCAL || (a.type == IFA_ADDRESS && !has_local)) {
			error = attribute_addr(&a, address->family, address->addr);
			has = true;
			has_local |= a.type == IFA_LOCAL;
		} else if (a.type == IFA_FLAGS) {
			error = attribute_u32(&a, &address->flags);
		}
		if (error < 0)
			return error;
	}
	if (r == 0 && !has)
		return -EBADMSG;
	event->type = RTNL_ADDRESS;
	return r;
}

static int parse_neighbour(const uint8_t *p, const uint8_t *end, struct rtnl_event *event)
{
	struct rtnl_neighbour *neighbour = &event->neighbour;
	struct netlink_attribute a;
	struct ndmsg header;
	bool has = false;
	int r;

	if ((size_t)(end - p) < sizeof(header))
		return -EBADMSG;
	memcpy(&header, p, sizeof(header));
	p += sizeof(header);
	neighbour->family = netlink_family(header.ndm_family);
	if (!neighbour->family)
		return 0; /* bridge forwarding entries */
	neighbour->ifindex = header.ndm_ifindex;
	neighbour->state = header.ndm_state;
	neighbour->flags = header.ndm_flags;
	while ((r = netlink_attribute_next(&p, end, &a)) > 0) {
		if (a.type == NDA_DST) {
			if (attribute_addr(&a, neighbour->family, neighbour->addr) < 0)
				return -EBADMSG;
			has = true;
		} else if (a.type == NDA_LLADDR) {
			neighbour->has_lladdr = a.length == 6;
			if (neighbour->has_lladdr)
				memcpy(neighbour->lladdr, a.data, 6);
		}
	}
	if (r == 0 && !has)
		return -EBADMSG;
	event->type = RTNL_NEIGHBOUR;
	return r;
}

/* Gateway attributes, of the route itself or of one of its next hops. */
static int parse_hop_attribute(
	const struct netlink_attribute *a, uint8_t family, struct rtnl_hop *hop)
{
	uint16_t af;

	switch (a->type) {
	case RTA_GATEWAY:
		hop->family = family;
		return attribute_addr(a, family, hop->gateway);
	case RTA_VIA: /* struct rtvia: another family's gateway (RFC 8950) */
		if (a->length < 2)
			return -EBADMSG;
		memcpy(&af, a->data, 2);
		hop->family = netlink_family(af);
		if (!hop->family || a->length - 2 != family_bytes(hop->family))
			return -EBADMSG;
		memset(hop->gateway, 0, 16);
		memcpy(hop->gateway, a->data + 2, (size_t)a->length - 2);
		return 0;
	case RTA_ENCAP_TYPE:
		hop->encap = true;
		return 0;
	}
	return 0;
}

static int parse_multipath(const struct netlink_attribute *outer, struct rtnl_route *route)
{
	const uint8_t *p = outer->data, *end = p + outer->length;

	while (p != end) {
		struct rtnexthop header;
		const uint8_t *inside, *inside_end;
		struct netlink_attribute a;
		struct rtnl_hop hop = {0};
		size_t left = (size_t)(end - p), step;
		int r;

		if (left < sizeof(header))
			return -EBADMSG;
		memcpy(&header, p, sizeof(header));
		if (header.rtnh_len < sizeof(header) || header.rtnh_len > left)
			return -EBADMSG;
		inside = p + sizeof(header);
		inside_end = p + header.rtnh_len;
		step = RTNH_ALIGN(header.rtnh_len);
		p += step < left ? step : left;
		hop.ifindex = header.rtnh_ifindex;
		hop.flags = header.rtnh_flags;
		hop.weight = header.rtnh_hops;
		while ((r = netlink_attribute_next(&inside, inside_end, &a)) > 0)
			if (parse_hop_attribute(&a, route->family, &hop) < 0)
				return -EBADMSG;
		if (r < 0)
			return r;
		if (route->n_hops == RTNL_HOPS_MAX)
			route->cut = true;
		else
			route->hops[route->n_hops++] = hop;
	}
	return 0;
}

static void addr_mask(uint8_t addr[16], unsigned int length)
{
	for (unsigned int i = 0; i < 16; i++)
		if (length < 8 * (i + 1))
			addr[i] &= length > 8 * i ? (uint8_t)(0xff00 >> (length - 8 * i)) : 0;
}

static int parse_route(const uint8_t *p, const uint8_t *end, struct rtnl_event *event)
{
	struct rtnl_route *route = &event->route;
	struct rtnl_hop single = {0};
	struct rtmsg header;
	struct netlink_attribute a;
	uint32_t oif = 0;
	int r;

	if ((size_t)(end - p) < sizeof(header))
		return -EBADMSG;
	memcpy(&header, p, sizeof(header));
	p += sizeof(header);
	route->family = netlink_family(header.rtm_family);
	if (!route->family || header.rtm_flags & RTM_F_CLONED)
		return 0;
	if (header.rtm_dst_len > 8 * family_bytes(route->family))
		return -EBADMSG;
	route->length = header.rtm_dst_len;
	route->kind = header.rtm_type;
	route->protocol = header.rtm_protocol;
	route->tos = header.rtm_tos;
	route->scope = header.rtm_scope;
	route->source_specific = header.rtm_src_len != 0;
	route->table = header.rtm_table;
	route->flags = header.rtm_flags;
	single.flags = (uint8_t)header.rtm_flags;
	while ((r = netlink_attribute_next(&p, end, &a)) > 0) {
		int error = 0;

		switch (a.type) {
		case RTA_DST:
			error = attribute_addr(&a, route->family, route->addr);
			break;
		case RTA_OIF:
			error = attribute_u32(&a, &oif);
			break;
		case RTA_PRIORITY:
			error = attribute_u32(&a, &route->metric);
			break;
		case RTA_TABLE:
			error = attribute_u32(&a, &route->table);
			break;
		case RTA_NH_ID:
			error = attribute_u32(&a, &route->nexthop);
			break;
		case RTA_MULTIPATH:
			route->n_hops = 0;
			error = parse_multipath(&a, route);
			break;
		default:
			error = parse_hop_attribute(&a, route->family, &single);
		}
		if (error < 0)
			return error;
	}
	if (r < 0)
		return r;
	addr_mask(route->addr, route->length);
	if (!route->n_hops && (oif || single.family)) {
		single.ifindex = (int32_t)oif;
		route->hops[0] = single;
		route->n_hops = 1;
	}
	event->type = RTNL_ROUTE;
	return 0;
}

static int parse_members(const struct netlink_attribute *outer, struct rtnl_nexthop *nexthop)
{
	struct nexthop_grp member;

	if (outer->length == 0 || outer->length % sizeof(member))
		return -EBADMSG;
	for (size_t at = 0; at < outer->length; at += sizeof(member)) {
		memcpy(&member, outer->data + at, sizeof(member));
		if (nexthop->n_members == RTNL_HOPS_MAX) {
			nexthop->cut = true;
			break;
		}
		nexthop->members[nexthop->n_members].id = member.id;
		nexthop->members[nexthop->n_members++].weight = member.weight;
	}
	return 0;
}

static int parse_nexthop(const uint8_t *p, const uint8_t *end, struct rtnl_event *event)
{
	struct rtnl_nexthop *nexthop = &event->nexthop;
	struct netlink_attribute a;
	struct nhmsg header;
	bool bridge = false;
	uint32_t oif = 0;
	uint8_t family;
	int r;

	if ((size_t)(end - p) < sizeof(header))
		return -EBADMSG;
	memcpy(&header, p, sizeof(header));
	p += sizeof(header);
	family = netlink_family(header.nh_family);
	nexthop->hop.flags = (uint8_t)header.nh_flags;
	while ((r = netlink_attribute_next(&p, end, &a)) > 0) {
		int error = 0;

		switch (a.type) {
		case NHA_ID:
			error = attribute_u32(&a, &nexthop->id);
			break;
		case NHA_GROUP:
			nexthop->n_members = 0;
			error = parse_members(&a, nexthop);
			break;
		case NHA_BLACKHOLE:
			nexthop->blackhole = true;
			break;
		case NHA_OIF:
			error = attribute_u32(&a, &oif);
			break;
		case NHA_GATEWAY:
			nexthop->hop.family = family;
			error = family ? attribute_addr(&a, family, nexthop->hop.gateway)
				       : -EBADMSG;
			break;
		case NHA_ENCAP_TYPE:
			nexthop->hop.encap = true;
			break;
		case NHA_FDB:
			bridge = true;
			break;
		}
		if (error < 0)
			return error;
	}
	if (r == 0 && !nexthop->id)
		return -EBADMSG;
	nexthop->hop.ifindex = (int32_t)oif;
	event->type = bridge ? RTNL_OTHER : RTNL_NEXTHOP;
	return r;
}

static int parse_payload(
	uint16_t type, const uint8_t *p, const uint8_t *end, struct rtnl_event *event)
{
	int r;

	switch (type) {
	case NLMSG_DONE:
		r = netlink_status(type, p, end, &event->error);
		event->type = r < 0 ? RTNL_OTHER : RTNL_DONE;
		return r;
	case NLMSG_ERROR:
		r = netlink_status(type, p, end, &event->error);
		if (r == 0)
			event->type = event->error ? RTNL_ERROR : RTNL_DONE;
		return r;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		event->deleted = type == RTM_DELLINK;
		return parse_link(p, end, event);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		event->deleted = type == RTM_DELADDR;
		return parse_address(p, end, event);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		event->deleted = type == RTM_DELNEIGH;
		return parse_neighbour(p, end, event);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		event->deleted = type == RTM_DELROUTE;
		return parse_route(p, end, event);
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP:
		event->deleted = type == RTM_DELNEXTHOP;
		return parse_nexthop(p, end, event);
	}
	return 0;
}

int rtnl_parse(const uint8_t **p, const uint8_t *end, struct rtnl_event *event)
{
	const uint8_t *inside, *inside_end;
	struct nlmsghdr header;
	int r;

	memset(event, 0, sizeof(*event));
	r = netlink_message_next(p, end, &header, &inside, &inside_end);
	if (r < 0)
		return r;
	event->seq = header.nlmsg_seq;
	event->pid = header.nlmsg_pid;
	event->replace = header.nlmsg_type == RTM_NEWROUTE && header.nlmsg_flags & NLM_F_REPLACE;
	event->interrupted = header.nlmsg_flags & NLM_F_DUMP_INTR;
	r = parse_payload(header.nlmsg_type, inside, inside_end, event);
	if (r < 0)
		event->type = RTNL_OTHER;
	return r;
}
