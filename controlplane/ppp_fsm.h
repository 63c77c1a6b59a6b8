/* SPDX-License-Identifier: BSD-3-Clause */
/* The option negotiation automaton of RFC 1661 section 4, shared by LCP, IPCP and IPv6CP. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ppp;
struct ppp_reply;

/* RFC 1661 section 4.2, in its order. */
enum ppp_fsm_state {
	PPP_INITIAL,
	PPP_STARTING,
	PPP_CLOSED,
	PPP_STOPPED,
	PPP_CLOSING,
	PPP_STOPPING,
	PPP_REQ_SENT,
	PPP_ACK_RCVD,
	PPP_ACK_SENT,
	PPP_OPENED,
	PPP_STATES,
};

/* RFC 1661 section 4.3, in the order of the table in 4.1. */
enum ppp_fsm_event {
	PPP_UP,
	PPP_DOWN,
	PPP_OPEN,
	PPP_CLOSE,
	PPP_TO_PLUS,
	PPP_TO_MINUS,
	PPP_RCR_PLUS,
	PPP_RCR_MINUS,
	PPP_RCA,
	PPP_RCN,
	PPP_RTR,
	PPP_RTA,
	PPP_RUC,
	PPP_RXJ_PLUS,
	PPP_RXJ_MINUS,
	PPP_RXR,
	PPP_EVENTS,
};

/* RFC 1661 section 4.4. The actions of one transition are taken in this order. */
enum ppp_fsm_action {
	PPP_TLD = 1 << 0,
	PPP_IRC = 1 << 1,
	PPP_ZRC = 1 << 2,
	PPP_SCR = 1 << 3,
	PPP_SCA = 1 << 4,
	PPP_SCN = 1 << 5,
	PPP_STR = 1 << 6,
	PPP_STA = 1 << 7,
	PPP_SCJ = 1 << 8,
	PPP_SER = 1 << 9,
	PPP_TLU = 1 << 10,
	PPP_TLS = 1 << 11,
	PPP_TLF = 1 << 12,
};

struct ppp_fsm_step {
	uint8_t next;     /* enum ppp_fsm_state */
	bool possible;    /* false: "-" in the RFC's table */
	uint16_t actions; /* enum ppp_fsm_action, or'ed */
};

/* The cell of the RFC's state transition table. */
const struct ppp_fsm_step *ppp_fsm_step(enum ppp_fsm_state state, enum ppp_fsm_event event);

/*
 * What a protocol does with the automaton. The options of a received packet have been checked:
 * every length is at least 2 and within the packet, their number is bounded.
 */
struct ppp_fsm_protocol {
	uint16_t number; /* PPP protocol field */
	const char *name;
	/* A new negotiation begins: back to what we ask for first. */
	void (*reset)(struct ppp *ppp);
	/* Writes the options of our Configure-Request; must give the same until something is
	 * negotiated, because a Configure-Ack is compared with it. */
	size_t (*request)(struct ppp *ppp, uint8_t *options, size_t room);
	/* Judges the peer's Configure-Request and fills the reply. */
	void (*judge)(struct ppp *ppp, const uint8_t *options, size_t len, struct ppp_reply *reply);
	/* The peer's Configure-Nak or Configure-Reject of our request. */
	void (*nak)(struct ppp *ppp, const uint8_t *options, size_t len);
	void (*reject)(struct ppp *ppp, const uint8_t *options, size_t len);
	/* The peer's request was acknowledged: its options are in force from now on. */
	void (*agreed)(struct ppp *ppp, const uint8_t *options, size_t len);
	void (*up)(struct ppp *ppp);
	void (*down)(struct ppp *ppp);
	/* Negotiation ended without success, or the peer or we terminated it. */
	void (*finished)(struct ppp *ppp);
	/* Codes above Code-Reject; false: unknown here. NULL: all are unknown. */
	bool (*extra)(struct ppp *ppp, uint8_t code, uint8_t id, const uint8_t *body, size_t len);
	/* The peer does not know this code of ours. */
	void (*code_rejected)(struct ppp *ppp, uint8_t code);
};

enum ppp_fsm_kind {
	PPP_FSM_LCP,
	PPP_FSM_IPCP,
	PPP_FSM_IPV6CP,
};

/* One automaton. Owner: the control core. Three for each session: as small as they can be. */
struct ppp_fsm {
	uint32_t deadline; /* of the Restart timer, ppp_core.h; 0 when it is stopped */
	/* the lower half of ms: only differences of seconds are taken */
	uint32_t opened_at;
	uint32_t opens_since;
	uint32_t naked_at;   /* when the last Configure-Nak was sent */
	uint32_t naked_hash; /* of the options it answered, in the request with naked_id */
	uint32_t acked_hash; /* of the options of the request with acked_id */
	uint8_t kind;        /* enum ppp_fsm_kind */
	uint8_t state;       /* enum ppp_fsm_state */
	uint8_t id;          /* of our last Configure-Request or Terminate-Request */
	uint8_t restarts;    /* Restart counter */
	uint8_t failures;    /* Configure-Naks sent without an Ack between (Max-Failure) */
	uint8_t naked_id;
	uint8_t naks_lost;  /* of those sent, the ones that the peer seems not to have received */
	uint8_t requests;   /* Configure-Requests since the automaton last opened */
	uint8_t acked_id;   /* of the peer's last request that we acknowledged */
	uint8_t opens;      /* times that it opened since opens_since */
	bool answered : 1;  /* our request has its answer: a second one is a duplicate */
	bool timed_out : 1; /* it finished because the peer did not answer */
	bool gave_up : 1;   /* it finished because the two did not agree */
};

void ppp_fsm_init(struct ppp_fsm *fsm, enum ppp_fsm_kind kind);
void ppp_fsm_event(struct ppp *ppp, struct ppp_fsm *fsm, enum ppp_fsm_event event);
/* Skips the negotiation (proxy LCP): Opened, without a packet and without calling up(). */
void ppp_fsm_adopt(struct ppp_fsm *fsm);
/* A packet of the protocol, starting at its Code field. */
void ppp_fsm_input(struct ppp *ppp, struct ppp_fsm *fsm, const uint8_t *packet, size_t len);
/* Ends a negotiation that cannot succeed: Terminate-Request, then finished() with gave_up. */
void ppp_fsm_give_up(struct ppp *ppp, struct ppp_fsm *fsm);
/* The Restart timer has run out. */
void ppp_fsm_timeout(struct ppp *ppp, struct ppp_fsm *fsm);

const char *ppp_fsm_state_name(enum ppp_fsm_state state);
