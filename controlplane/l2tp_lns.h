/* SPDX-License-Identifier: BSD-3-Clause */
/* The LNS endpoint: all tunnels of one lnsd, found by id, by peer and by source (RFC 2661). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "l2tp_counter.h"
#include "l2tp_session.h"
#include "l2tp_tunnel.h"

struct l2tp_lns;

/* Protocol facts about the endpoint. Zero fields of the second part take the default in brackets. */
struct l2tp_settings {
	const char *host_name;   /* Host Name AVP; copied */
	const char *vendor_name; /* Vendor Name AVP, NULL: none; copied */
	uint16_t firmware;

	uint32_t half_open_max;        /* tunnels before SCCCN, all sources [8192] */
	uint32_t half_open_per_source; /* and of one address, or one SA group [256] */
	uint32_t setup_ms;             /* SCCRQ to SCCCN [35000] */
	uint32_t connect_ms;           /* ICRQ to ICCN [60000] */
	uint32_t linger_ms;            /* after the end of a tunnel, RFC 2661 5.7 [31000] */
	uint32_t tunnel_rest_ms;       /* before its id is given again [60000] */
	uint32_t session_rest_ms;      /* and a session's [5000] */
	uint32_t resend_ms;            /* first resend of a control message [1000] */
	uint32_t resend_cap_ms;        /* longest interval, >= 8000 [8000] */
	uint32_t ack_delay_ms;         /* a ZLB waits that long for a message to ride on [20] */
	uint32_t teardown_batch;       /* sessions closed per l2tp_tunnel_timeout call [256] */
	uint32_t backlog;     /* queued messages at which a tunnel takes no requests [4096] */
	uint32_t hold_bytes;  /* out-of-order messages kept per tunnel [262144] */
	uint32_t reject_rate; /* stateless StopCCNs per second [100] */
};

/*
 * What the endpoint asks of its caller. user is the one given to l2tp_lns_create. Callbacks may
 * call l2tp_session_close and l2tp_tunnel_close; they never free the endpoint. Tunnels are freed
 * only from l2tp_tunnel_timeout and l2tp_lns_destroy, sessions only after session_down.
 */
struct l2tp_ops {
	/* Send a UDP payload. tunnel is NULL for the refusal of an SCCRQ. */
	void (*send)(void *user, const struct l2tp_path *path, const uint8_t *bytes, size_t len,
		struct l2tp_tunnel *tunnel);
	/*
	 * Settings of the peer entry for this path and host name (bytes of the peer, not
	 * terminated); NULL = unknown peer. Used until the callback is called again.
	 */
	const struct l2tp_peer *(*peer_find)(
		void *user, const struct l2tp_path *path, const uint8_t *host_name, size_t len);
	/* Fill with cryptographically random bytes. */
	void (*random_bytes)(void *user, uint8_t *bytes, size_t len);
	/* The tunnel's next deadline changed; L2TP_NEVER = none. In the past or now = very soon. */
	void (*arm)(void *user, struct l2tp_tunnel *t, uint64_t deadline);
	/*
	 * When a data packet last came from the tunnel's peer (ms, 0 = never): counts as life, so
	 * that no HELLO is needed. Asked only when a HELLO would be due. May be NULL.
	 */
	uint64_t (*data_seen)(void *user, struct l2tp_tunnel *t);

	/* A peer asks for a tunnel; ids are assigned, SCCRP not yet sent. 0, or -errno refuses. */
	int (*tunnel_open)(void *user, struct l2tp_tunnel *t);
	/* SCCCN accepted. */
	void (*tunnel_up)(void *user, struct l2tp_tunnel *t);
	/*
	 * May a tunnel of old's SA group go on in that of path, if its peer proves to be the same there? The other
	 * group has taken its place at the same address. May be NULL: never.
	 */
	bool (*path_follows)(void *user, const struct l2tp_path *old, const struct l2tp_path *path);
	/* It did not: a message from path, which may follow, had numbers that are not the tunnel's. Not NULL if that is not. */
	void (*path_missed)(void *user, const struct l2tp_path *path);
	/* t->path changed from old. */
	void (*tunnel_moved)(void *user, struct l2tp_tunnel *t, const struct l2tp_path *old);
	/*
	 * An accepted tunnel takes part no longer (t->end says why); its sessions are reported down next, in
	 * batches. What it counts for is free from here on: its LAC may dial again at once. May be NULL.
	 */
	void (*tunnel_ending)(void *user, struct l2tp_tunnel *t);
	/*
	 * The tunnel ended, every session was reported down before: forwarding stops. Once for
	 * every accepted tunnel_open. t->end says why.
	 */
	void (*tunnel_down)(void *user, struct l2tp_tunnel *t);
	/* The tunnel is about to be freed; after tunnel_down, t->user should be released. */
	void (*tunnel_free)(void *user, struct l2tp_tunnel *t);

	/*
	 * ICRQ acceptable, ids assigned, ICRP not yet sent. 0 accepts; otherwise the CDN result code,
	 * with *error its error code (0 at first), refuses, and session_down is not called.
	 */
	int (*session_open)(void *user, struct l2tp_session *s, uint16_t *error);
	/* ICCN: s->call is complete, data may flow. May call l2tp_session_close at once. */
	void (*session_up)(void *user, struct l2tp_session *s);
	/* WEN and SLI were stored in the session, CSUN in its call. May each be NULL. */
	void (*session_wen)(void *user, struct l2tp_session *s);
	void (*session_sli)(void *user, struct l2tp_session *s);
	void (*session_speed)(void *user, struct l2tp_session *s);
	/* The session ended; once for every accepted session_open. Gone after the call. */
	void (*session_down)(
		void *user, struct l2tp_session *s, const struct l2tp_session_end *end);
};

/* ops and what it points to must live as long as the endpoint. NULL: no memory. */
struct l2tp_lns *l2tp_lns_create(
	const struct l2tp_ops *ops, void *user, const struct l2tp_settings *settings);
/* Free everything; reports session_down, tunnel_down and tunnel_free, sends nothing. */
void l2tp_lns_destroy(struct l2tp_lns *lns, uint64_t now);

/* A UDP payload that starts with an L2TP control header (T bit set). */
void l2tp_lns_input(struct l2tp_lns *lns, uint64_t now, const struct l2tp_path *path,
	const uint8_t *bytes, size_t len);

/*
 * Refuse new tunnels (StopCCN 6) and close all there are. Done when l2tp_lns_tunnels_open is 0;
 * StopCCNs are then acknowledged or given up.
 */
void l2tp_lns_shutdown(struct l2tp_lns *lns, uint64_t now);
/* Tunnels that are not yet down, or whose StopCCN is not yet acknowledged. */
uint32_t l2tp_lns_tunnels_open(const struct l2tp_lns *lns);

/* Is there a tunnel with these addresses and ports to which its peer gave this id? The SA group does not matter. */
bool l2tp_lns_knows(struct l2tp_lns *lns, const struct l2tp_path *path, uint16_t peer_id);
struct l2tp_tunnel *l2tp_lns_tunnel(const struct l2tp_lns *lns, uint16_t local_id);
/* Iterate in the order of ids: *id starts at 0; NULL at the end. Safe against any change. */
struct l2tp_tunnel *l2tp_lns_tunnel_next(const struct l2tp_lns *lns, uint32_t *id);

/* By enum l2tp_counter. */
const uint64_t *l2tp_lns_counters(const struct l2tp_lns *lns);
uint32_t l2tp_lns_half_open(const struct l2tp_lns *lns);
uint32_t l2tp_lns_sessions(const struct l2tp_lns *lns);
