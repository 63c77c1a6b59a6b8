/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rtnetlink messages, built by libmnl, read by us; and what is left when they are cut or wrong.
 */
#include "rtnl_wire.h"

#include <criterion/criterion.h>

#include <libmnl/libmnl.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

static _Alignas(8) uint8_t buffer[4096];

static struct nlmsghdr *start(uint16_t type, uint16_t flags, size_t header, void **extra)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = 77;
	*extra = mnl_nlmsg_put_extra_header(nlh, header);
	return nlh;
}

static int parse(const struct nlmsghdr *nlh, struct rtnl_event *event)
{
	const uint8_t *p = (const uint8_t *)nlh, *end = p + nlh->nlmsg_len;
	int r = rtnl_parse(&p, end, event);

	cr_assert_eq(p, end);
	return r;
}

Test(rtnl_wire, a_route_with_a_gateway)
{
	struct rtnl_event event;
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;

	nlh = start(RTM_NEWROUTE, NLM_F_REPLACE, sizeof(*rtm), (void **)&rtm);
	rtm->rtm_family = AF_INET;
	rtm->rtm_dst_len = 12;
	rtm->rtm_table = RT_TABLE_COMPAT;
	rtm->rtm_protocol = RTPROT_BIRD;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(nlh, RTA_TABLE, 1000);
	mnl_attr_put_u32(nlh, RTA_DST, inet_addr("172.31.255.255")); /* host bits set */
	mnl_attr_put_u32(nlh, RTA_PRIORITY, 20);
	mnl_attr_put_u32(nlh, RTA_GATEWAY, inet_addr("192.0.2.1"));
	mnl_attr_put_u32(nlh, RTA_OIF, 5);
	cr_assert_eq(parse(nlh, &event), 0);
	cr_assert_eq(event.type, RTNL_ROUTE);
	cr_assert(!event.deleted && event.replace && event.seq == 77);
	cr_assert_eq(event.route.family, 4);
	cr_assert_eq(event.route.length, 12);
	cr_assert_arr_eq(event.route.addr, ((uint8_t[16]){172, 16}), 16);
	cr_assert_eq(event.route.table, 1000);
	cr_assert_eq(event.route.metric, 20);
	cr_assert_eq(event.route.protocol, RTPROT_BIRD);
	cr_assert_eq(event.route.n_hops, 1);
	cr_assert_eq(event.route.hops[0].ifindex, 5);
	cr_assert_eq(event.route.hops[0].family, 4);
	cr_assert_arr_eq(event.route.hops[0].gateway, ((uint8_t[16]){192, 0, 2, 1}), 16);
}

static void multipath_put(struct nlmsghdr *nlh, unsigned int n)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, RTA_MULTIPATH);

	for (unsigned int i = 0; i < n; i++) {
		struct rtnexthop *hop = mnl_nlmsg_put_extra_header(nlh, sizeof(*hop));

		hop->rtnh_hops = (uint8_t)i;
		hop->rtnh_ifindex = (int)(10 + i);
		if (i == 1) {
			/* an IPv6 gateway of an IPv4 route (RFC 8950) */
			uint8_t via[18] = {AF_INET6, 0, 0xfe, 0x80, [17] = 9};

			mnl_attr_put(nlh, RTA_VIA, sizeof(via), via);
		} else {
			mnl_attr_put_u32(nlh, RTA_GATEWAY, htonl(0xc0000200 + i));
		}
		if (i == 2)
			mnl_attr_put_u16(nlh, RTA_ENCAP_TYPE, 1);
		hop->rtnh_len =
			(uint16_t)((uint8_t *)mnl_nlmsg_get_payload_tail(nlh) - (uint8_t *)hop);
	}
	mnl_attr_nest_end(nlh, nest);
}

Test(rtnl_wire, a_multipath_route_and_its_bound)
{
	struct rtnl_event event;
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;

	nlh = start(RTM_DELROUTE, 0, sizeof(*rtm), (void **)&rtm);
	rtm->rtm_family = AF_INET;
	multipath_put(nlh, 3);
	cr_assert_eq(parse(nlh, &event), 0);
	cr_assert(event.deleted && !event.route.cut);
	cr_assert_eq(event.route.n_hops, 3);
	cr_assert_eq(event.route.hops[1].ifindex, 11);
	cr_assert_eq(event.route.hops[1].weight, 1);
	cr_assert_eq(event.route.hops[1].family, 6);
	cr_assert_eq(event.route.hops[1].gateway[0], 0xfe);
	cr_assert_eq(event.route.hops[1].gateway[15], 9);
	cr_assert(event.route.hops[2].encap && !event.route.hops[0].encap);

	nlh = start(RTM_NEWROUTE, 0, sizeof(*rtm), (void **)&rtm);
	rtm->rtm_family = AF_INET;
	multipath_put(nlh, RTNL_HOPS_MAX + 1);
	cr_assert_eq(parse(nlh, &event), 0);
	cr_assert_eq(event.route.n_hops, RTNL_HOPS_MAX);
	cr_assert(event.route.cut);
}

Test(rtnl_wire, link_address_and_neighbour)
{
	static const uint8_t mac[6] = {2, 1, 2, 3, 4, 5};
	struct rtnl_event event;
	struct nlmsghdr *nlh;
	struct nlattr *nest;
	struct ifinfomsg *ifi;
	struct ifaddrmsg *ifa;
	struct ndmsg *ndm;

	nlh = start(RTM_NEWLINK, 0, sizeof(*ifi), (void **)&ifi);
	ifi->ifi_index = 3;
	ifi->ifi_flags = IFF_UP;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, "core0");
	mnl_attr_put_u32(nlh, IFLA_MTU, 9000);
	mnl_attr_put(nlh, IFLA_ADDRESS, 6, mac);
	nest = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "dummy");
	mnl_attr_nest_end(nlh, nest);
	cr_assert_eq(parse(nlh, &event), 0);
	cr_assert_eq(event.type, RTNL_LINK);
	cr_assert_str_eq(event.link.name, "core0");
	cr_assert(event.link.ifindex == 3 && event.link.mtu == 9000 && event.link.flags == IFF_UP);
	cr_assert(event.link.dummy && event.link.has_mac);
	cr_assert_arr_eq(event.link.mac, mac, 6);

	nlh = start(RTM_DELADDR, 0, sizeof(*ifa), (void **)&ifa);
	ifa->ifa_family = AF_INET;
	ifa->ifa_prefixlen = 24;
	ifa->ifa_index = 3;
	mnl_attr_put_u32(nlh, IFA_ADDRESS, inet_addr("10.0.0.2")); /* the peer's */
	mnl_attr_put_u32(nlh, IFA_LOCAL, inet_addr("10.0.0.1"));
	cr_assert_eq(parse(nlh, &event), 0);
	cr_assert(event.type == RTNL_ADDRESS && event.deleted);
	cr_assert_arr_eq(event.address.addr, ((uint8_t[16]){10, 0, 0, 1}), 16);

	nlh = start(RTM_NEWNEIGH, 0, sizeof(*ndm), (void **)&ndm);
	ndm->ndm_family = AF_INET6;
	ndm->ndm_ifindex = 3;
	ndm->ndm_state = NUD_STALE;
	ndm->ndm_flags = NTF_ROUTER;
	mnl_attr_put(nlh, NDA_DST, 16, (uint8_t[16]){0xfe, 0x80, [15] = 1});
	mnl_attr_put(nlh, NDA_LLADDR, 6, mac);
	cr_assert_eq(parse(nlh, &event), 0);
	cr_assert(event.type == RTNL_NEIGHBOUR && event.neighbour.state == NUD_STALE);
	cr_assert(event.neighbour.has_lladdr && event.neighbour.family == 6);
	cr_assert_arr_eq(event.neighbour.lladdr, mac, 6);
}

Test(rtnl_wire, other_families_clones_and_unknown_types_are_skipped)
{
	struct rtnl_event event;
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;
	struct ndmsg *ndm;

	nlh = start(RTM_NEWROUTE, 0, sizeof(*rtm), (void **)&rtm);
	rtm->rtm_family = AF_INET6;
	rtm->rtm_flags = RTM_F_CLONED;
	cr_assert_eq(parse(nlh, &event), 0);
	cr_assert_eq(event.type, RTNL_OTHER);
	nlh = start(RTM_NEWNEIGH, 0, sizeof(*ndm), (void **)&ndm);
	ndm->ndm_family = AF_BRIDGE;
	cr_assert_eq(parse(nlh, &event), 0);
	cr_assert_eq(event.type, RTNL_OTHER);
	nlh = start(999, 0, 4, (void **)&ndm);
	cr_assert_eq(parse(nlh, &event), 0);
	cr_assert_eq(event.type, RTNL_OTHER);
}

Test(rtnl_wire, wrong_lengths_are_refused)
{
	static const struct {
		uint16_t attribute, length;
	} table[] = {{RTA_DST, 3}, {RTA_DST, 16}, {RTA_GATEWAY, 0}, {RTA_GATEWAY, 16}, {RTA_OIF, 2},
		{RTA_PRIORITY, 8}, {RTA_TABLE, 1}, {RTA_MULTIPATH, 7}, {RTA_VIA, 1}, {RTA_VIA, 20}};
	const uint8_t zeros[32] = {0};
	struct rtnl_event event;
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		nlh = start(RTM_NEWROUTE, 0, sizeof(*rtm), (void **)&rtm);
		rtm->rtm_family = AF_INET;
		mnl_attr_put(nlh, table[i].attribute, table[i].length, zeros);
		cr_assert_eq(parse(nlh, &event), -EBADMSG, "row %zu", i);
		cr_assert_eq(event.type, RTNL_OTHER);
		cr_assert_eq(event.seq, 77);
	}
	nlh = start(RTM_NEWROUTE, 0, sizeof(*rtm), (void **)&rtm);
	rtm->rtm_family = AF_INET;
	rtm->rtm_dst_len = 33;
	cr_assert_eq(parse(nlh, &event), -EBADMSG);
}

Test(rtnl_wire, every_cut_is_noticed_or_harmless_and_never_read_beyond)
{
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;

	nlh = start(RTM_NEWROUTE, 0, sizeof(*rtm), (void **)&rtm);
	rtm->rtm_family = AF_INET;
	multipath_put(nlh, 3);
	for (uint32_t cut = 0; cut < nlh->nlmsg_len; cut++) {
		/* an allocation of just this size: the sanitizer sees one byte too far */
		uint8_t *copy = malloc(cut + 1);
		const uint8_t *p = copy, *end = copy + cut;
		struct rtnl_event event;

		memcpy(copy, buffer, cut);
		cr_assert_eq(rtnl_parse(&p, end, &event), -EBADMSG, "cut at %u", cut);
		cr_assert_eq(p, end);
		/* the same with a header that tells the cut length */
		if (cut >= sizeof(*nlh)) {
			memcpy(copy, &cut, 4);
			p = copy;
			rtnl_parse(&p, end, &event);
			cr_assert_eq(p, end);
			cr_assert_leq(event.route.n_hops, 3);
		}
		free(copy);
	}
}

Test(rtnl_wire, the_end_of_a_dump_and_errors)
{
	struct rtnl_event event;
	struct nlmsghdr *nlh;
	int *error;

	nlh = start(NLMSG_DONE, NLM_F_MULTI | NLM_F_DUMP_INTR, sizeof(int), (void **)&error);
	cr_assert_eq(parse(nlh, &event), 0);
	cr_assert(event.type == RTNL_DONE && event.interrupted && event.error == 0);
	nlh = start(NLMSG_ERROR, 0, sizeof(struct nlmsgerr), (void **)&error);
	*error = -EBUSY;
	cr_assert_eq(parse(nlh, &event), 0);
	cr_assert(event.type == RTNL_ERROR && event.error == -EBUSY);
}

Test(rtnl_wire, a_nexthop_object_and_a_group_of_them)
{
	const struct nexthop_grp members[2] = {{.id = 7, .weight = 2}, {.id = 9}};
	struct nexthop_grp many[RTNL_HOPS_MAX + 1] = {{.id = 1}};
	struct rtnl_event event;
	struct nlmsghdr *nlh;
	struct nhmsg *nhm;

	nlh = start(RTM_NEWNEXTHOP, 0, sizeof(*nhm), (void **)&nhm);
	nhm->nh_family = AF_INET;
	mnl_attr_put_u32(nlh, NHA_ID, 7);
	mnl_attr_put_u32(nlh, NHA_OIF, 3);
	mnl_attr_put_u32(nlh, NHA_GATEWAY, inet_addr("192.0.2.1"));
	cr_assert_eq(parse(nlh, &event), 0);
	cr_assert_eq(event.type, RTNL_NEXTHOP);
	cr_assert(event.nexthop.id == 7 && event.nexthop.n_members == 0);
	cr_assert(event.nexthop.hop.ifindex == 3 && event.nexthop.hop.family == 4 &&
		event.nexthop.hop.gateway[3] == 1);

	nlh = start(RTM_DELNEXTHOP, 0, sizeof(*nhm), (void **)&nhm);
	mnl_attr_put_u32(nlh, NHA_ID, 20);
	mnl_attr_put(nlh, NHA_GROUP, sizeof(members), members);
	cr_assert_eq(parse(nlh, &event), 0);
	cr_assert(event.deleted && event.nexthop.id == 20 && event.nexthop.n_members == 2);
	cr_assert(event.nexthop.members[0].id == 7 && event.nexthop.members[0].weight == 2 &&
		event.nexthop.members[1].id == 9);

	nlh = start(RTM_NEWNEXTHOP, 0, sizeof(*nhm), (void **)&nhm);
	mnl_attr_put_u32(nlh, NHA_ID, 21);
	mnl_attr_put(nlh, NHA_GROUP, sizeof(many), many);
	cr_assert_eq(parse(nlh, &event), 0);
	cr_assert(event.nexthop.cut && event.nexthop.n_members == RTNL_HOPS_MAX);

	/* a group of a member and a half; an object without an id; a gateway of no family */
	nlh = start(RTM_NEWNEXTHOP, 0, sizeof(*nhm), (void **)&nhm);
	mnl_attr_put_u32(nlh, NHA_ID, 22);
	mnl_attr_put(nlh, NHA_GROUP, sizeof(members) - 4, members);
	cr_assert_eq(parse(nlh, &event), -EBADMSG);
	nlh = start(RTM_NEWNEXTHOP, 0, sizeof(*nhm), (void **)&nhm);
	cr_assert_eq(parse(nlh, &event), -EBADMSG);
	nlh = start(RTM_NEWNEXTHOP, 0, sizeof(*nhm), (void **)&nhm);
	mnl_attr_put_u32(nlh, NHA_ID, 23);
	mnl_attr_put_u32(nlh, NHA_GATEWAY, 1);
	cr_assert_eq(parse(nlh, &event), -EBADMSG);
	cr_assert_eq(event.type, RTNL_OTHER);

	/* the bridge's (VXLAN) are not ours */
	nlh = start(RTM_NEWNEXTHOP, 0, sizeof(*nhm), (void **)&nhm);
	mnl_attr_put_u32(nlh, NHA_ID, 24);
	mnl_attr_put(nlh, NHA_FDB, 0, NULL);
	cr_assert_eq(parse(nlh, &event), 0);
	cr_assert_eq(event.type, RTNL_OTHER);
}

Test(rtnl_wire, a_route_that_names_its_nexthop_object)
{
	struct rtnl_event event;
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;

	nlh = start(RTM_NEWROUTE, 0, sizeof(*rtm), (void **)&rtm);
	rtm->rtm_family = AF_INET;
	rtm->rtm_dst_len = 8;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(nlh, RTA_NH_ID, 20);
	cr_assert_eq(parse(nlh, &event), 0);
	cr_assert(event.route.nexthop == 20 && event.route.n_hops == 0);
}
