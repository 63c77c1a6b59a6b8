/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One subscriber's life: an L2TP session, the PPP in it, its place in the AAA, its addresses, its entry
 * in the dataplane, joined.
 *
 *   ICRQ ──► opening ──ICCN──► link ──LCP──► auth ──accepted──► network ──NCP───► up
 *                │               │             │                   │               │
 *                └───────────────┴─────────────┴── any end ────────┴───────────────┴──► ending ──► free
 *
 * ending lasts until no worker can touch the session any more; then the final counters are known, the
 * address goes back and the memory is freed. Control core only.
 */
#pragma once

#include "aaa.h"
#include "l2tp_session.h"
#include "log.h"
#include "ppp.h"
#include "profile.h"
#include "radius_acct.h"
#include "radius_session.h"
#include "subscriber_ipv6.h"
#include "subscriber_record.h"
#include "timer.h"

#include <dataplane/message.h>

#include <rte_mbuf.h>

#include <stdbool.h>
#include <stdint.h>

struct lns;

enum subscriber_state {
	SUBSCRIBER_OPENING, /* ICRQ taken, ICCN awaited */
	SUBSCRIBER_LINK,    /* LCP */
	SUBSCRIBER_AUTH,    /* credentials asked for, or with the AAA */
	SUBSCRIBER_NETWORK, /* NCPs */
	SUBSCRIBER_UP,      /* forwards */
	SUBSCRIBER_ENDING,
	SUBSCRIBER_STATES
};

/* One for each session: what only a few have is allocated, and nothing is padded. */
struct subscriber {
	struct ppp ppp;
	struct timer timer; /* PPP's deadline or the limit, what comes first */
	/* ms, UINT64_MAX: none. The set-up timeout, also when it begins anew; while up the session timeout */
	uint64_t limit;
	struct lns *lns;
	struct profile *profile;   /* held */
	struct l2tp_session *l2tp; /* NULL once the session is down */
	struct rte_mbuf *early;    /* a PPP frame that overtook its ICCN */
	struct subscriber_record record;
	uint8_t state;       /* enum subscriber_state */
	uint8_t close_cause; /* enum ppp_close_cause */
	uint8_t auth_method; /* enum ppp_auth_method that was accepted */
	uint8_t auth_serial; /* PPP's, of the request under way */
	bool ppp_started : 1, ppp_closed : 1;
	bool forwarded : 1;          /* was up at least once */
	bool address_choice : 1;     /* from the pool, but it may ask for one */
	bool rated : 1;              /* its owner was told rate limits */
	bool with_tunnel : 1;        /* L2TP ended it, with its tunnel */
	bool user_listed : 1;        /* among its user's sessions, subscribers.c */
	bool decided : 1;            /* let in or refused at least once: it waits for nobody */
	bool announced4, announced6; /* single routes of a family are in the kernel: */
	uint8_t n_routes;
	uint16_t peer_mru;
	/* how L2TP ended it, where that came first */
	uint16_t cdn_result, cdn_error;
	uint16_t peer_cause;         /* RFC 3145, of the LAC's CDN */
	uint16_t mtu;                /* of the AAA; 0 = no limit */
	uint16_t counters_asked;     /* messages to the owner that it has not answered */
	uint32_t announced_prefixes; /* bit i: record.prefixes[i] */
	uint32_t serial;    /* of its Acct-Session-Id; the one opened next has the next one */
	uint32_t aaa_id;    /* request under way; 0 = none */
	uint64_t up_at;     /* ms */
	uint64_t active_at; /* last time the counters were seen to move */

	char *user; /* as sent, NUL-terminated; NULL until it was named */
	uint64_t user_hash;
	struct subscriber *donor; /* whose address we take over as soon as we are up */
	struct subscriber *heir;  /* who takes ours over */

	uint32_t address;                   /* network order; 0 = none */
	uint32_t given_up;                  /* the last one it had, for the log */
	uint32_t address_next, serial_next; /* in the chains of subscribers.c, */
	uint32_t user_next, user_previous;  /* and once authenticated */
	int pool;
	uint32_t session_timeout, idle_timeout; /* seconds */
	uint32_t fixed;  /* the address that it has to have, network order; 0: any of the pool */
	uint32_t dns[2]; /* network order; 0 = none */
	struct subscriber_ipv6 *ipv6;     /* NULL: it has none */
	struct config_route *routes;      /* of the AAA; allocated */
	struct aaa_extra *extra;          /* the same; NULL: nothing */
	struct radius_acct_session *acct; /* from the first time it is up; NULL: none */
	struct rates_again *rates;        /* they are sent again: the owner's ring was full; NULL */

	struct session_counters counters; /* as of the last answer */
	uint32_t up_drops, down_drops;
};
_Static_assert(sizeof(struct subscriber) <= 616, "one for each session: malloc's next size is 632");

/* ICRQ: 0, or the CDN result code with *error. */
int subscriber_open(struct lns *lns, struct l2tp_session *session, uint16_t *error);
/* ICCN. */
void subscriber_call_up(struct subscriber *subscriber);
/* CDN, StopCCN, tunnel lost. */
void subscriber_call_down(struct subscriber *subscriber, const struct l2tp_session_end *end);
/* A PPP frame from the dataplane; the packet stays the caller's unless true is returned. */
bool subscriber_frame(struct subscriber *subscriber, struct rte_mbuf *packet);
/* Ends it: Terminate-Request first where that makes sense for the cause. */
void subscriber_close(struct subscriber *subscriber, enum ppp_close_cause cause);
/* Ends it at once, with a CDN. */
void subscriber_kill(struct subscriber *subscriber, enum ppp_close_cause cause);
/* Asks the owner worker for the session's counters. -ENOBUFS: its ring is full. */
int subscriber_counters_ask(struct subscriber *subscriber);
/* Counters that the owner answered with. */
void subscriber_counted(struct subscriber *subscriber, const struct message_reply *reply);

const char *subscriber_state_name(enum subscriber_state state);
const char *subscriber_address_text(const struct subscriber *subscriber, char buffer[16]);
struct log_context subscriber_log(const struct subscriber *subscriber);

/* ---- between subscriber.c and subscriber_ppp.c ---- */
/* It waits for its authentication no more. */
void subscriber_decided(struct subscriber *subscriber);
/* When an authenticated session's time is over, ms; UINT64_MAX: never. */
uint64_t subscriber_session_end(const struct subscriber *subscriber);
/* PPP has this deadline now, PPP_NO_DEADLINE: none. */
void subscriber_deadline_set(struct subscriber *subscriber, uint64_t deadline);
/* When it has to be up or is over, UINT64_MAX: never. */
void subscriber_limit_set(struct subscriber *subscriber, uint64_t limit);
/* PPP is over. */
void subscriber_closed(struct subscriber *subscriber, enum ppp_close_cause cause);

/* ---- subscriber_radius.c ---- */
/* What RADIUS is told of a session whose call is up; views into it and into the texts here. */
struct subscriber_told {
	struct radius_session session;
	char id[RADIUS_SESSION_ID_MAX];
	char lac_address[46], lns_address[46];
};
void subscriber_tell(const struct subscriber *subscriber, struct subscriber_told *told);
/* An Acct-Session-Id of its own, and its text. */
void subscriber_name(struct subscriber *subscriber);
const char *subscriber_acct_id(
	const struct subscriber *subscriber, char text[RADIUS_SESSION_ID_MAX]);
/* Keeps what the AAA gave beyond addresses: extra and mtu. -ENOMEM. */
int subscriber_keep_extra(struct subscriber *subscriber, const struct aaa_answer *answer);
/* The session's rate limits to its owner, now or as soon as there is room. */
void subscriber_rates_set(struct subscriber *subscriber);
/* The session is over: they are not sent again. */
void subscriber_rates_end(struct subscriber *subscriber);

/* ---- subscriber_existing.c ---- */
/* Nobody can be asked: is it let in all the same? *answer is valid until anything changes. */
bool subscriber_existing(const struct subscriber *subscriber, struct aaa_answer *answer);

/* ---- lns_acct.c ---- */
/* It is up: Start; or what is told of it is something else from now on. */
void subscriber_acct_start(struct subscriber *subscriber);
void subscriber_acct_update(struct subscriber *subscriber); /* its counters have come */
void subscriber_acct_stop(struct subscriber *subscriber);   /* they are final */

/* ---- subscriber_address.c ---- */
/*
 * The address that the session negotiates: fixed (->fixed), that of the user's old session
 * that it takes over, or from the pool. 0 also if it has one already; -ENOSPC, -ENOENT (neither fixed nor
 * pool), -EBUSY (fixed, but another user's).
 */
int subscriber_address_get(struct subscriber *subscriber);
/*
 * It asks for an address, which is for it to choose: the one that it gets. That is its wish if its pool has it
 * and nobody else holds it or has it in the configuration; otherwise the one that it was given before.
 */
uint32_t subscriber_address_wish(struct subscriber *subscriber, uint32_t wish);
/* The session ends, or goes on as somebody else: its address is its heir's, its donor's again, or free. */
void subscriber_address_drop(struct subscriber *subscriber);
/* The session forwards: the one whose address it took over ends. */
void subscriber_takeover(struct subscriber *subscriber);
/* The session is to take over from this one, whoever was to do so before. */
void subscriber_address_inherit(struct subscriber *heir, struct subscriber *donor);
/*
 * Single routes of a family (4, 6) into the kernel, or out of it, where the configuration wants them. The
 * record's prefixes of a family stay as they are while they are announced.
 */
void subscriber_routes_announce(struct subscriber *subscriber, uint8_t family, bool announce);
/* The same again once pools or the configuration have changed: what is to be announced now, and what is not any more. */
void subscriber_routes_review(
	struct subscriber *subscriber, const struct config_subscribers *config);
/*
 * After a change of what the session that is up has or is routed: into the dataplane and the kernel. A prefix that it
 * keeps is never without its route, neither here nor there. False: without memory for it the session is being closed.
 */
bool subscriber_prefixes_replace(struct subscriber *subscriber);
/*
 * What is routed to a session that is up, from now on; copied. -ENOMEM: nothing has changed, or the session is being
 * closed.
 */
int subscriber_routes_replace(
	struct subscriber *subscriber, const struct config_route *routes, unsigned int n);
