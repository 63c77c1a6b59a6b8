/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the stages know about a packet: one cache line in the mbuf's private area.
 *
 * It travels with the mbuf through every ring, so it holds indices and generations, never pointers: what
 * it names may be gone when the packet arrives. All fields are in host byte order.
 */
#pragma once

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include <assert.h>
#include <stdint.h>

/* Where a packet that changes worker goes on. */
enum handoff_point {
	HANDOFF_FRAGMENT, /* an outer fragment, to the worker that reassembles its datagram */
	/*
	 * To the SA's owner, data at the outer IP header: ESP with meta.sa and sa_generation; or with
	 * META_OUTER what meta.sa_group shall protect.
	 */
	HANDOFF_SA,
	HANDOFF_UPLINK,   /* to the session's owner: data at the PPP frame */
	HANDOFF_DOWNLINK, /* to the session's owner: data at the inner IP header */
	HANDOFF_TX,       /* to the worker that has the interface's TX queue: data at Ethernet */
	HANDOFF_INJECT,   /* to the session's owner: INJECT_SESSION that met another one */
	HANDOFF_POINTS
};

/* What a punted packet is (worker to control core). */
enum punt_kind {
	PUNT_L2TP_KNOWN, /* control message of a known tunnel from its peer; data at the outer IP header */
	PUNT_PPP, /* PPP control frame of a session; data at the PPP frame (ff 03 may be there) */
	PUNT_L2TP_UNKNOWN, /* any other L2TP control message; data at the outer IP header */
	PUNT_FRAME, /* for the kernel, through the interface's TAP; data at Ethernet, no tags */
	PUNT_LOCAL, /* inner IP packet for our own address, through the VRF's TUN; data at IP */
	PUNT_UNRESOLVED, /* needs a neighbour: meta.adjacency or the destination; data at the IP header */
	PUNT_KINDS
};

/* What an injected packet is (control core to worker). */
enum inject_kind {
	INJECT_FRAME, /* send out of meta.iface with its tags; data at Ethernet, no tags */
	/*
	 * route in meta.vrf; data at an IP header (complete, checksums set); with meta.sa_group: by ESP; META_OUTER
	 * stays with what was PUNT_UNRESOLVED
	 */
	INJECT_IP,
	INJECT_SESSION, /* PPP frame (with ff 03 where wanted) into session/generation's tunnel */
	INJECT_KINDS
};

enum meta_flags {
	META_UPLINK =
		1 << 0, /* came from a subscriber: meta.session, until the target's stands there */
	META_LOCAL = 1 << 1,  /* made by a worker: its TTL stays */
	META_KERNEL = 1 << 2, /* INJECT_IP: its TTL stays, and it does not go back to the kernel */
	META_OUTER = 1 << 3,  /* encapsulated by us: data at the outer IP header */
	META_NO_HAIRPIN = 1 << 4, /* may not go to another subscriber */
	/* the control core's: may use the part of a ring or buffer that is kept free of data */
	META_PRIORITY = 1 << 5,
};

struct meta {
	uint8_t kind;  /* enum punt_kind, inject_kind or handoff_point, by the ring it is on */
	uint8_t hops;  /* handoffs so far */
	uint8_t iface; /* the interface it came in on, or goes out of */
	uint8_t cls;   /* enum packet_class (classify.h) */
	uint16_t vrf;
	uint16_t l3_length; /* outer IP header with options/extension headers */
	uint16_t
		l2tp_offset; /* from data to the L2TP header (L2TP punts); CLASS_ESP: to the ESP header */
	uint16_t ppp_protocol;
	uint16_t tunnel_id, session_id; /* as on the wire, ours */
	uint32_t session;               /* session index; SESSION_NONE */
	uint32_t generation;            /* of that session */
	uint32_t sa;                    /* SA index; SA_NONE: not inside ESP */
	uint32_t sa_generation;
	uint32_t sa_group;  /* 0: in the clear */
	uint32_t adjacency; /* next hop, once known */
	uint16_t ns;        /* data sequence number, if has_ns */
	uint8_t has_ns;
	uint8_t inner_family; /* 4, 6 */
	uint8_t flags;        /* enum meta_flags */
	uint8_t l2_length;    /* Ethernet header and tags, while data is at it */
	uint8_t arrival;      /* the worker that had it from the device */
	uint8_t spare[17];
};
static_assert(sizeof(struct meta) == 64, "the metadata is one cache line");

#define SESSION_NONE   UINT32_MAX
#define SA_NONE        UINT32_MAX
#define ADJACENCY_NONE UINT32_MAX

static inline struct meta *meta_of(struct rte_mbuf *m)
{
	return (struct meta *)rte_mbuf_to_priv(m);
}
