/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rtnetlink messages as events: a bounded parser without state (rtnetlink(7), linux/rtnetlink.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RTNL_HOPS_MAX 16

enum rtnl_type {
	RTNL_OTHER, /* nothing that the mirror needs: other families, cached clones, unknown types */
	RTNL_DONE,  /* the end of a dump, or an acknowledgement: error = 0 or -errno */
	RTNL_ERROR, /* error = -errno */
	RTNL_LINK,
	RTNL_ADDRESS,
	RTNL_NEIGHBOUR,
	RTNL_ROUTE,
	RTNL_NEXTHOP, /* a nexthop object */
};

struct rtnl_link {
	int32_t ifindex;
	uint32_t flags; /* IFF_ */
	uint32_t mtu;   /* 0: not told */
	char name[16];
	uint8_t mac[6];
	bool has_mac, dummy;
};

struct rtnl_address {
	int32_t ifindex;
	uint8_t family, length; /* 4, 6 */
	uint8_t addr[16];       /* ours (IFA_LOCAL) */
	uint32_t flags;         /* IFA_F_ */
};

struct rtnl_neighbour {
	int32_t ifindex;
	uint8_t family;
	uint8_t addr[16];
	uint16_t state; /* NUD_ */
	uint8_t flags;  /* NTF_ */
	bool has_lladdr;
	uint8_t lladdr[6];
};

struct rtnl_hop {
	int32_t ifindex; /* 0: none */
	uint8_t flags;   /* RTNH_F_ */
	uint8_t weight;  /* less one: rtnh_hops */
	uint8_t family;  /* of the gateway, 0 = on link */
	bool encap;      /* MPLS, SRv6 and the like */
	uint8_t gateway[16];
};

struct rtnl_route {
	uint8_t family, length;
	uint8_t addr[16]; /* host bits zero */
	uint8_t kind;     /* RTN_ */
	uint8_t protocol, tos, scope;
	bool source_specific; /* IPv6 with RTA_SRC */
	uint32_t table, metric, flags;
	uint32_t
		nexthop; /* id of a nexthop object, 0 = none; its next hops may stand in hops too */
	uint8_t n_hops;
	bool cut; /* had more than RTNL_HOPS_MAX */
	struct rtnl_hop hops[RTNL_HOPS_MAX];
};

struct rtnl_nexthop {
	uint32_t id;
	bool blackhole;
	bool cut;          /* had more than RTNL_HOPS_MAX members */
	uint8_t n_members; /* a group; 0: hop */
	struct rtnl_member {
		uint32_t id;
		uint8_t weight; /* less one, as in struct rtnl_hop */
	} members[RTNL_HOPS_MAX];
	struct rtnl_hop hop;
};

struct rtnl_event {
	enum rtnl_type type;
	bool deleted, replace; /* NLM_F_REPLACE */
	bool interrupted;      /* NLM_F_DUMP_INTR: the dump is not consistent */
	uint32_t seq, pid;
	int32_t error;
	union {
		struct rtnl_link link;
		struct rtnl_address address;
		struct rtnl_neighbour neighbour;
		struct rtnl_route route;
		struct rtnl_nexthop nexthop;
	};
};

/*
 * Takes one message at *p and moves *p behind it. 0; -EBADMSG: it does not fit before end (*p = end) or its
 * inside is malformed (*p behind it, event type and seq still valid, type = RTNL_OTHER).
 */
int rtnl_parse(const uint8_t **p, const uint8_t *end, struct rtnl_event *event);
