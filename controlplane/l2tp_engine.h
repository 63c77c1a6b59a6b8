/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the L2TP engine share with each other, and nobody else includes. */
#pragma once

#include "l2tp_avp.h"
#include "l2tp_lns.h"

#define L2TP_TUNNELS        65536
#define L2TP_SOURCE_BUCKETS 16384
#define L2TP_PEER_BUCKETS   65536

/*
 * All tunnels of one source address; exists while it has any. Those inside ESP are also counted by their SA group, since
 * behind the address of a NAT there may be hundreds of IPsec peers.
 */
struct l2tp_source {
	struct l2tp_source *next;    /* in its bucket */
	struct l2tp_tunnel *tunnels; /* NULL: of an SA group */
	uint32_t count;
	uint32_t half_open;           /* of an address: those in the clear */
	struct l2tp_endpoint address; /* the port is not part of the key */
	uint16_t vrf;
	uint32_t sa_group; /* 0: of the whole address */
};

struct l2tp_lns {
	const struct l2tp_ops *ops;
	void *user;
	struct l2tp_settings set; /* strings are our copies */
	uint64_t counters[L2TP_COUNTER_MAX];
	uint32_t half_open, sessions;
	bool shutting_down;
	uint64_t salt;
	uint64_t reject_at; /* stateless refusals: a token bucket kept as a time */
	uint8_t random[256];
	unsigned random_left;
	struct id_space tunnel_ids;
	struct l2tp_tunnel *tunnels[L2TP_TUNNELS]; /* by local id */
	struct l2tp_tunnel *by_peer[L2TP_PEER_BUCKETS];
	struct l2tp_source *sources[L2TP_SOURCE_BUCKETS];
	struct l2tp_message message; /* the one being processed */
	uint8_t scratch[L2TP_MESSAGE_MAX];
};

/* l2tp_lns.c */
static inline void lns_count(struct l2tp_lns *lns, enum l2tp_counter counter)
{
	lns->counters[counter]++;
}
uint32_t lns_random(struct l2tp_lns *lns);
/* A fault in words, for an Error Message: "AVP 0/20: avp-unknown-mandatory". */
void lns_fault_text(const struct l2tp_fault *fault, char *text, size_t size);

/* l2tp_table.c: where tunnels are found */
/* 0 or -ENOMEM; the tunnel has its id and path. */
int table_insert(struct l2tp_lns *lns, struct l2tp_tunnel *t);
void table_remove(struct l2tp_lns *lns, struct l2tp_tunnel *t);
/* After t->path changed from old. 0, or -ENOMEM and the path is as before. */
int table_move(struct l2tp_lns *lns, struct l2tp_tunnel *t, const struct l2tp_path *path);
/* All tunnels of its address. */
struct l2tp_source *table_source(struct l2tp_lns *lns, const struct l2tp_path *path);
/* What its half-open tunnels are counted in. */
struct l2tp_source *table_peer(struct l2tp_lns *lns, const struct l2tp_path *path);
/* The first tunnel with this address and peer id; go on with hash_next, comparing both. */
struct l2tp_tunnel *table_bucket(
	struct l2tp_lns *lns, const struct l2tp_path *path, uint16_t peer_id);
/* A living tunnel on exactly this path with this peer id, or NULL. */
struct l2tp_tunnel *table_find(
	struct l2tp_lns *lns, const struct l2tp_path *path, uint16_t peer_id);
/* The only living tunnel on exactly this path; NULL if none or several. */
struct l2tp_tunnel *table_sole(struct l2tp_lns *lns, const struct l2tp_path *path);

/* l2tp_setup.c */
/*
 * A well-formed SCCRQ of a known peer; fingerprint is the hash of its AVPs. 0 and the SCCRP is on
 * its way, or -errno, counted.
 */
int tunnel_accept(struct l2tp_lns *lns, uint64_t now, const struct l2tp_path *path,
	const struct l2tp_header *header, const struct l2tp_message *msg,
	const struct l2tp_peer *peer, const uint8_t fingerprint[16]);
/* A well-formed SCCCN in state wait-ctl-conn; path is where it came from. */
void setup_scccn(struct l2tp_tunnel *t, uint64_t now, const struct l2tp_path *path,
	const struct l2tp_message *msg);

/* l2tp_tunnel.c */
/* The channel's way out; user is the tunnel. */
void tunnel_send(void *user, const uint8_t *bytes, size_t len);
/* Before the state wait-ctl-conn is left: the tunnel no longer counts as half-open. */
void tunnel_half_open_leave(struct l2tp_tunnel *t);
/* Memory only: it is in no table any more. */
void tunnel_free(struct l2tp_tunnel *t);
/* A message for this tunnel, from wherever it came. */
void tunnel_input(struct l2tp_tunnel *t, uint64_t now, const struct l2tp_path *path,
	const struct l2tp_header *header, const uint8_t *bytes);
/* Queue a finished message; an error ends the tunnel. */
void tunnel_queue(struct l2tp_tunnel *t, uint64_t now, struct l2tp_writer *w);
/* Send what may be sent and report the next deadline. */
void tunnel_settle(struct l2tp_tunnel *t, uint64_t now);
void tunnel_stop(struct l2tp_tunnel *t, uint64_t now, enum l2tp_tunnel_cause cause, uint16_t result,
	uint16_t error, const char *message);
/* Report down, free; sends nothing. */
void tunnel_destroy(struct l2tp_tunnel *t, uint64_t now);
/* Send a HELLO unless something is on its way already. */
void tunnel_hello(struct l2tp_tunnel *t, uint64_t now);

/* l2tp_path.c: where a tunnel's peer is */
/*
 * Whether a message from this path is to be processed. False: it was used as far as it may be (a
 * probe was started or answered) and is dropped, counted.
 */
bool path_admit(struct l2tp_tunnel *t, uint64_t now, const struct l2tp_path *path,
	const struct l2tp_header *header);
/* The peer is at this path from now on. */
void path_move(struct l2tp_tunnel *t, uint64_t now, const struct l2tp_path *path);
/* Something new came on the tunnel's own path. */
void path_confirm(struct l2tp_tunnel *t);
bool path_same_address(const struct l2tp_path *a, const struct l2tp_path *b);

/* l2tp_session.c */
/* A message of section 6.6-6.14 on an established tunnel. */
void session_message(struct l2tp_tunnel *t, uint64_t now, const struct l2tp_header *header,
	const struct l2tp_message *msg);
/* Take the session out and report it; nothing is sent. */
void session_end(struct l2tp_session *s, uint64_t now, const struct l2tp_session_end *end);
/* Close at most max sessions of an ending tunnel. */
void session_clear(struct l2tp_tunnel *t, uint64_t now, uint32_t max);
/* Sessions whose ICCN did not come in time. */
void session_expire(struct l2tp_tunnel *t, uint64_t now);
/* When session_expire wants to be called. */
uint64_t session_deadline(const struct l2tp_tunnel *t);

/* l2tp_call.c */
/* What msg says, over what old said (NULL: nothing); old stays. NULL: no memory. */
struct l2tp_call *call_merge(const struct l2tp_call *old, const struct l2tp_message *msg);
/* A copy without what the LAC did of LCP and authentication. */
struct l2tp_call *call_unproxied(const struct l2tp_call *call);
/* Credentials do not stay in the memory; call may be NULL. */
void call_free(struct l2tp_call *call);
