/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A tunnel and a session as the workers see them.
 *
 * Only the control core (controlplane/install.c) creates, changes and removes them; the lines marked
 * "owner" are written by the session's owner worker alone. Memory is type-stable: a session's slot is
 * never unmapped, so an index from a stale packet may be dereferenced and is refused by its generation.
 */
#pragma once

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct session_table;

/* An address pair and ports of the outer transport. Network byte order. */
struct tunnel_path {
	uint8_t family;              /* 4 or 6 */
	uint16_t vrf;                /* of the access side */
	uint32_t sa_group;           /* 0: in the clear; else the peer's group of SAs */
	uint8_t local[16], peer[16]; /* an IPv4 address stands in the first four bytes */
	uint16_t local_port, peer_port;
};

enum tunnel_flags {
	TUNNEL_UDP_CHECKSUM = 1 << 0, /* on IPv4 data too */
	TUNNEL_LENGTH_BIT = 1 << 1,   /* L bit on data we send */
};

/* Control core writes, workers read. */
struct tunnel {
	struct tunnel_path path;
	uint16_t id;      /* ours, host order */
	uint16_t peer_id; /* what we put in the header */
	uint8_t flags;
	uint8_t owner; /* worker of control packets and of the SA */
	/*
	 * Address of the slots (session index by session id, SESSION_NONE = free) with the log2 of
	 * their number in its lowest bits: one word, so that a reader never joins an old array with a
	 * new mask, and needs no line beyond this one and the slot's. session_lookup() reads it.
	 */
	uintptr_t slots;
	uint32_t n_sessions; /* control core only */
} __rte_cache_aligned;

enum session_flags {
	SESSION_FORWARD4 = 1 << 0,   /* IPCP is up */
	SESSION_FORWARD6 = 1 << 1,   /* IPv6CP is up */
	SESSION_SEND_SEQ = 1 << 2,   /* Ns/Nr on data we send */
	SESSION_EXPECT_SEQ = 1 << 3, /* drop data that comes late */
	SESSION_POLICY = 1 << 4,     /* has policy hooks: see session_owner_state */
	SESSION_MSS_CLAMP = 1 << 5,
	SESSION_SEND_ACFC = 1 << 6,  /* no ff 03 on what we send */
	SESSION_SEND_PFC = 1 << 7,   /* one-byte protocol on what we send (0x21, 0x57) */
	SESSION_NO_HAIRPIN = 1 << 8, /* no traffic to other subscribers */
};

struct session_prefix {
	uint8_t family, length;
	uint8_t addr[16]; /* network order, host bits zero */
};

struct session_prefixes {
	uint32_t n;
	struct session_prefix prefix[];
};

#define SESSION_PREFIXES_MAX 256 /* of one session; session_update refuses more */

bool session_prefixes_match(
	const struct session_prefixes *prefixes, uint8_t family, const uint8_t *addr);

#define SESSION_TEMPLATE_MAX 64

struct session {
	/* line 0: who it is, and what an uplink packet is checked against; control core writes */
	uint32_t generation; /* 0 = free slot; changes with every life; atomic, release */
	uint32_t flags;      /* enum session_flags; atomic, release after what it enables */
	uint16_t tunnel_id, session_id; /* ours */
	uint16_t peer_session_id;
	uint8_t owner;           /* worker; atomic: session_set_owner() */
	uint8_t template_length; /* up to and including the PPP protocol field */
	uint8_t template_l3;     /* length of the IP header in the template: 20 or 40 */
	uint8_t template_l2tp;   /* offset of the L2TP header in the template */
	uint16_t vrf;            /* of the subscriber */
	uint16_t mtu;            /* largest inner IP packet towards the subscriber */
	uint16_t mss4, mss6;     /* clamp to these; 0 = not */
	uint16_t template_sum;   /* of the template's IPv4 header, as in memory */
	uint32_t index;          /* of this entry in the table */
	/*
	 * First IPv4 prefix, network order; a source s is ours if (s & mask4) == ip4; mask4 = 0 with
	 * ip4 = ~0 matches nothing: none. Both are stored as one 64-bit word.
	 */
	uint32_t ip4, mask4;
	uint64_t ip6,
		mask6; /* first IPv6 prefix, its upper 64 bits, network order; mask6 = 0: none */
	struct session_prefixes
		*more; /* further prefixes, replaced as a whole by RCU; NULL = none */

	/*
	 * line 1: outer IP, UDP, L2TP, PPP of a downlink packet. Zero, for l2tp_output to fill in: IPv4
	 * total length, identification and header checksum, IPv6 payload length, UDP length and
	 * checksum, DSCP, the L2TP length (L bit), Ns and Nr (S bit). The PPP protocol comes last, 0x0021
	 * until l2tp_output writes the packet's (one byte of it with SESSION_SEND_PFC). Read by the owner
	 * only; a new path is written by the owner too (MESSAGE_SESSION_PATH), with the template_*
	 * fields above.
	 */
	uint8_t template[SESSION_TEMPLATE_MAX] __rte_cache_aligned;

	/* line 2, owner: counters; inner IP bytes (from the IP header on) */
	struct session_counters {
		uint64_t up_packets4, up_bytes4, down_packets4, down_bytes4;
		uint64_t up_packets6, up_bytes6, down_packets6, down_bytes6;
	} counters __rte_cache_aligned;

	/* line 3, owner: what only some packets touch */
	struct session_owner_state {
		uint16_t ns, nr; /* data sequence numbers: next to send, next expected */
		uint32_t up_drops,
			down_drops; /* spoofed, too long, policed ...: by reason in the worker's stats */
		uint32_t policy_flags; /* which hooks run, enum policy_hook (policy.h) */
		/* how much it may still send to the control plane; punt.c */
		struct session_punt_bucket {
			uint64_t last, tokens;
		} punt_ppp, punt_local;
	} state __rte_cache_aligned;
	/* second IPv6 prefix, as ip6 and mask6; control core writes */
	uint64_t second_ip6, second_mask6;
} __rte_cache_aligned;

static_assert(offsetof(struct session, ip4) % 8 == 0, "ip4 and mask4 are one aligned word");
static_assert(offsetof(struct session, template) == 64, "line 0 is one cache line");
static_assert(offsetof(struct session, counters) == 128, "the template is one cache line");
static_assert(offsetof(struct session, state) == 192, "hot part of a session: three cache lines");
static_assert(sizeof(struct session) == 256, "a session in the dataplane");
static_assert(offsetof(struct session, second_ip6) == 240, "in the state's cache line");

/*
 * The worker that alone writes the owner's lines. It changes only while the session does not forward (session_set_owner).
 * To be read once for a decision.
 */
static inline uint8_t session_owner(const struct session *session)
{
	return __atomic_load_n(&session->owner, __ATOMIC_ACQUIRE);
}

/* Is this network-order source address one of the session's? Any worker. */
static inline bool session_is_source4(const struct session *session, uint32_t source)
{
	union {
		uint64_t word;
		struct {
			uint32_t ip, mask;
		};
	} first = {__atomic_load_n((const uint64_t *)&session->ip4, __ATOMIC_RELAXED)};

	if (likely((source & first.mask) == first.ip))
		return true;
	const struct session_prefixes *more = __atomic_load_n(&session->more, __ATOMIC_ACQUIRE);
	return more != NULL && session_prefixes_match(more, 4, (const uint8_t *)&source);
}

static inline bool session_is_source6(const struct session *session, const uint8_t source[16])
{
	uint64_t mask = __atomic_load_n(&session->mask6, __ATOMIC_ACQUIRE), upper;

	memcpy(&upper, source, sizeof(upper));
	if (likely(mask != 0 && (upper & mask) == __atomic_load_n(&session->ip6, __ATOMIC_RELAXED)))
		return true;
	mask = __atomic_load_n(&session->second_mask6, __ATOMIC_ACQUIRE);
	if (mask != 0 && (upper & mask) == __atomic_load_n(&session->second_ip6, __ATOMIC_RELAXED))
		return true;
	const struct session_prefixes *more = __atomic_load_n(&session->more, __ATOMIC_ACQUIRE);
	return more != NULL && session_prefixes_match(more, 6, source);
}
