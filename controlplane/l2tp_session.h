/* SPDX-License-Identifier: BSD-3-Clause */
/* An incoming call on the LNS side (RFC 2661 sections 6.6-6.14 and 7.4.2). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "l2tp_wire.h"

struct l2tp_tunnel;

enum l2tp_session_state { /* RFC 2661 section 7.4.2; idle has no session */
	L2TP_SESSION_WAIT_CONNECT,
	L2TP_SESSION_ESTABLISHED,
};

/* A byte field of a call: where it lies in the call's memory. len 0 may still be present. */
struct l2tp_field {
	uint16_t offset; /* 0: absent */
	uint16_t len;
};

/*
 * What ICRQ and ICCN said about a call. One allocation of the exact size; owned by the session.
 * Read byte fields with l2tp_call_bytes. Texts are the peer's: not terminated, not safe to print.
 */
struct l2tp_call {
	uint64_t tx_speed,
		rx_speed; /* bits per second, LAC to subscriber and back; rx absent = tx */
	uint32_t serial_number;
	uint32_t physical_channel;
	uint16_t size; /* of the whole allocation */
	bool has_physical_channel : 1;
	bool sequencing_required : 1; /* AVP 39: always send data sequence numbers */
	bool speed_updates : 1;       /* RFC 5515: the LAC will send CSUN */
	bool proxied : 1;             /* a struct l2tp_call_proxy follows */
	struct l2tp_field called_number, calling_number, sub_address;
	struct l2tp_field private_group;
	struct l2tp_field access_line; /* RFC 5515 AVPs; read with l2tp_call_access_line */
};
_Static_assert(sizeof(struct l2tp_call) <= 48, "one for each session");

/* What the LAC did of LCP and authentication (RFC 2661 4.4.5): there until session_up() has returned. */
struct l2tp_call_proxy {
	uint16_t type; /* 0 absent, 1 text, 2 CHAP, 3 PAP, 4 none, 5 MS-CHAP */
	uint8_t id;    /* 0: absent */
	struct l2tp_field initial_confreq, last_sent_confreq, last_received_confreq;
	struct l2tp_field name, challenge, response;
};

/* All zero if the LAC sent nothing of it. */
const struct l2tp_call_proxy *l2tp_call_proxy(const struct l2tp_call *call);

/* NULL with *len 0 if the field is absent. */
const uint8_t *l2tp_call_bytes(const struct l2tp_call *call, struct l2tp_field field, size_t *len);
/* An access-line AVP (RFC 5515, attributes as in TR-101: 1 circuit id, 2 remote id, 129...). */
const uint8_t *l2tp_call_access_line(const struct l2tp_call *call, unsigned attribute, size_t *len);
/* An access-line AVP that is a number of 1 to 8 bytes (rates, delays). */
bool l2tp_call_access_number(const struct l2tp_call *call, unsigned attribute, uint64_t *value);

/* Why a session ended. Texts are valid during the callback only, and are the peer's own bytes. */
struct l2tp_session_end {
	uint16_t result, error; /* of the CDN; for a tunnel's end 1 (carrier lost) and 0 */
	bool by_peer;
	bool with_tunnel;          /* no CDN: its tunnel ended */
	struct l2tp_cause cause;   /* RFC 3145; code 0 and protocol 0: none given */
	struct l2tp_bytes message; /* error message */
	uint16_t q931_cause;
};

/* What a LAC reports of a call, few ever do. */
struct l2tp_reports {
	uint32_t call_errors[6]; /* last WEN: CRC, framing, hardware, buffer, time-out, alignment */
	uint32_t accm_send, accm_receive; /* last SLI */
};

struct l2tp_session {
	struct l2tp_tunnel *tunnel;
	struct l2tp_call *call; /* never NULL */
	void *user;             /* the caller's */
	uint32_t opened;        /* in units of 64 ms */
	uint16_t local_id, peer_id;
	uint8_t state; /* enum l2tp_session_state */
	bool closing;  /* its end is being reported */
	uint16_t wen_count, sli_count;
	/* the tunnel's lists, by local_id, 0: none */
	uint16_t peer_next;            /* chain by peer_id */
	uint16_t wait_prev, wait_next; /* sessions in wait-connect, oldest first */
	struct l2tp_reports *reports;  /* NULL: none came */
};
_Static_assert(sizeof(struct l2tp_session) <= 56, "a million of them: malloc's next size is 72");

/*
 * End a session: CDN to the peer, session_down, and the session is gone when this returns. Error
 * text and cause may be NULL. May be called from any callback, also session_up.
 */
void l2tp_session_close(struct l2tp_session *s, uint64_t now, uint16_t result, uint16_t error,
	const char *message, const struct l2tp_cause *cause);

const char *l2tp_session_state_name(unsigned state);
