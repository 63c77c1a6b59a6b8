/* SPDX-License-Identifier: BSD-3-Clause */
/* An L2TP tunnel as its responder, the LNS (RFC 2661 sections 6.1-6.5 and 7.2). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "id_space.h"
#include "l2tp_channel.h"
#include "l2tp_session.h"

struct l2tp_lns;

/* One end of the outer UDP flow. An IPv4 address has its 4 bytes first, the rest zero. */
struct l2tp_endpoint {
	uint8_t address[16]; /* network byte order */
	uint16_t port;       /* host order */
	uint8_t family;      /* 4 or 6 */
};

/* How packets come and go. Two paths are the same if every field is. */
struct l2tp_path {
	struct l2tp_endpoint peer, local;
	uint16_t vrf;
	uint32_t sa_group; /* the IPsec peer it came from; 0 = in the clear */
};

bool l2tp_path_equal(const struct l2tp_path *a, const struct l2tp_path *b);

/* Settings of a peer entry, given by peer_find; the engine copies what it keeps. */
struct l2tp_peer {
	const char *name;      /* of the entry, for show */
	const uint8_t *secret; /* NULL: no tunnel secret */
	uint16_t secret_len;
	bool challenge;          /* demand that the peer authenticates; needs a secret */
	bool require_ipsec;      /* drop what came in the clear */
	bool refuse_ipsec;       /* drop what came inside ESP */
	uint16_t receive_window; /* ours, 1 to L2TP_WINDOW_MAX */
	uint8_t max_retries;
	uint32_t resend_ms, resend_cap_ms; /* 0: the endpoint's */
	const char *local_name; /* our Host Name AVP towards it; NULL: the endpoint's; not kept */
	uint32_t hello_ms;      /* silence after which HELLO is sent; 0 = never */
	uint32_t quirks;        /* the caller's flags, kept for its own use */
};

enum l2tp_tunnel_state {
	L2TP_TUNNEL_WAIT_CTL_CONN, /* RFC 2661 section 7.2.1; idle has no tunnel */
	L2TP_TUNNEL_ESTABLISHED,
	L2TP_TUNNEL_STOPPING, /* StopCCN was sent, or the peer is dead: sessions are being closed */
	L2TP_TUNNEL_STOPPED,  /* the peer sent StopCCN: sessions are being closed */
	L2TP_TUNNEL_LINGER,   /* down; resends are acknowledged, ids are kept */
};

/* Why a tunnel ended. message as in l2tp_session_end. */
enum l2tp_tunnel_cause {
	L2TP_TUNNEL_BY_PEER,  /* StopCCN received */
	L2TP_TUNNEL_BY_US,    /* l2tp_tunnel_close, shutdown, protocol error: StopCCN sent */
	L2TP_TUNNEL_DEAD,     /* no answer to resends */
	L2TP_TUNNEL_REPLACED, /* the same LAC came back with a new tunnel */
};

struct l2tp_tunnel_end {
	enum l2tp_tunnel_cause cause;
	uint16_t result, error; /* of the StopCCN, whoever sent it; 0 if none was */
	char message[128];      /* printable, terminated */
};

struct l2tp_tunnel {
	struct l2tp_lns *lns;
	void *user; /* the caller's */
	struct l2tp_path path;
	uint16_t local_id, peer_id;
	uint8_t state;         /* enum l2tp_tunnel_state */
	bool opened;           /* tunnel_open was accepted: tunnel_down and tunnel_free are owed */
	bool down;             /* tunnel_down was called */
	bool silent;           /* nothing may be sent any more: peer dead or replaced */
	struct l2tp_peer peer; /* own copies of name and secret */
	char *host_name;       /* the peer's, printable */
	char *vendor_name;     /* the peer's, printable; "" if none */
	uint16_t firmware;
	uint32_t framing_capabilities, bearer_capabilities;
	bool has_tie_breaker;
	uint64_t tie_breaker;
	uint8_t fingerprint[16]; /* of its SCCRQ: tells a resend from a new one */
	uint8_t challenge[16];   /* ours, in the SCCRP */

	struct l2tp_channel channel;
	uint64_t opened_at, up_at; /* ms; up_at 0 until established */
	uint64_t heard_at; /* last sign of life: control message, or data when asked for; ms */
	uint64_t armed;    /* the deadline last reported */
	uint64_t setup_by, linger_until, stop_by;
	bool hello_pending;
	uint64_t hello_number; /* its number in the channel */

	bool probing; /* a new address is being tried with a HELLO */
	struct l2tp_path probe;
	uint64_t probe_until, probe_again;
	uint64_t probe_number; /* of the HELLO, in the channel */

	struct l2tp_tunnel_end end;
	uint32_t clear_slot; /* teardown goes through the slots from here */

	struct id_space session_ids;
	uint32_t session_count;
	uint32_t slots;                 /* size of the two tables, a power of two */
	struct l2tp_session **sessions; /* by local id & (slots - 1) */
	uint16_t *by_peer; /* chains by peer id & (slots - 1): local ids, 0 at the end */
	struct l2tp_session *wait_head, *wait_tail;

	struct l2tp_source *source; /* all tunnels of one address; the endpoint's */
	struct l2tp_source *one;    /* its IPsec peer; in the clear the same */
	struct l2tp_tunnel *source_prev, *source_next;
	struct l2tp_tunnel *hash_next; /* by address and peer id; the endpoint's */
	uint64_t rx_messages, tx_messages, sessions_total;
};

/* Call when the deadline given to ops->arm has come (earlier and later calls do no harm). */
void l2tp_tunnel_timeout(struct l2tp_tunnel *t, uint64_t now);

/* Close: StopCCN at once, sessions reported in batches from l2tp_tunnel_timeout, then tunnel_down. */
void l2tp_tunnel_close(
	struct l2tp_tunnel *t, uint64_t now, uint16_t result, uint16_t error, const char *message);

/* Session by our id; NULL. */
struct l2tp_session *l2tp_tunnel_session(const struct l2tp_tunnel *t, uint16_t local_id);
/* Session by the id the peer assigned; NULL. */
struct l2tp_session *l2tp_tunnel_session_by_peer(const struct l2tp_tunnel *t, uint16_t peer_id);
/* Iterate: *slot starts at 0; NULL at the end. Safe against any change in between. */
struct l2tp_session *l2tp_tunnel_session_next(const struct l2tp_tunnel *t, uint32_t *slot);
/* Slots that a table indexed by local session id & (slots - 1) needs now; only grows. */
static inline uint32_t l2tp_tunnel_slots(const struct l2tp_tunnel *t)
{
	return id_space_slots(&t->session_ids);
}

const char *l2tp_tunnel_state_name(unsigned state);
