/* SPDX-License-Identifier: BSD-3-Clause */
/* Reliable delivery of control messages (RFC 2661 section 5.8 and appendix A), without I/O. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "l2tp_wire.h"

#define L2TP_NEVER          UINT64_MAX /* no deadline */
#define L2TP_WINDOW_DEFAULT 4          /* the peer's, when it names none */
#define L2TP_WINDOW_MAX     4096       /* ours */

struct l2tp_channel_settings {
	uint16_t receive_window; /* ours: out of order messages up to here are kept */
	uint8_t max_retries;     /* resends without hearing anything before the peer is dead */
	uint32_t resend_ms;      /* first resend; doubles */
	uint32_t resend_cap_ms;  /* at least 8,000 by the RFC */
	uint32_t ack_delay_ms;   /* how long an acknowledgment may wait for a message to ride on */
	uint32_t hold_bytes;     /* memory for messages that came out of order */
	uint32_t backlog;        /* queued messages above which new requests are not taken */
};

struct l2tp_packet; /* a message queued for sending */
struct l2tp_held;   /* a place for a message received out of order */

/* Called for every datagram to send; bytes are valid during the call only. */
typedef void l2tp_channel_send(void *user, const uint8_t *bytes, size_t len);

struct l2tp_channel {
	struct l2tp_channel_settings set;
	l2tp_channel_send *send;
	void *user;
	uint64_t *counters; /* by enum l2tp_counter, of the endpoint */

	uint16_t peer_tunnel_id; /* goes into every header */
	uint16_t nr;             /* Ns expected next from the peer */
	/* messages are numbered from 0 for ever; the low 16 bits are their Ns */
	uint64_t head;        /* oldest not acknowledged */
	uint64_t next;        /* to be sent or sent again next */
	uint64_t sent;        /* one beyond the highest ever sent */
	uint64_t total;       /* one beyond the last queued */
	uint16_t peer_window; /* > 0 */
	uint16_t cwnd, ssthresh, cwnd_acked;
	uint8_t retries;  /* in a row without hearing the peer */
	uint16_t resends; /* of the head message: sets the interval */
	uint8_t acks_owed;
	uint64_t resend_at, ack_at; /* L2TP_NEVER when not running */

	struct l2tp_packet *first, *last, *next_packet; /* head, total - 1, next */
	struct l2tp_held *held; /* ring by Ns, NULL until something comes out of order */
	uint32_t held_mask, held_count, held_bytes;
};

enum l2tp_channel_verdict {
	L2TP_CHANNEL_DELIVER, /* in order: process it, then ask l2tp_channel_next */
	L2TP_CHANNEL_ACK,     /* ZLB: carried only an acknowledgment */
	L2TP_CHANNEL_HELD,    /* kept until the messages before it come */
	L2TP_CHANNEL_DROP,    /* duplicate, beyond the window or no room; counted */
};

void l2tp_channel_init(struct l2tp_channel *ch, const struct l2tp_channel_settings *set,
	l2tp_channel_send *send, void *user, uint64_t *counters);
void l2tp_channel_destroy(struct l2tp_channel *ch);

/* The peer's Receive Window Size, > 0. */
void l2tp_channel_window(struct l2tp_channel *ch, uint16_t peer_window);

/* Append a message (a whole one, header included; copied). 0 or -ENOMEM. Call flush to send. */
int l2tp_channel_queue(struct l2tp_channel *ch, const uint8_t *bytes, size_t len);

/* Drop what was queued and never sent, so that a StopCCN is next. */
void l2tp_channel_discard_unsent(struct l2tp_channel *ch);

/* Send what the windows allow, and a ZLB if an acknowledgment is due that nothing carried. */
void l2tp_channel_flush(struct l2tp_channel *ch, uint64_t now);
/* Acknowledge at once. */
void l2tp_channel_ack(struct l2tp_channel *ch);
/* From now on send up to the peer's window: what is left to say does not wait for slow start. */
void l2tp_channel_hurry(struct l2tp_channel *ch);
/* Send again at once what is in flight (the peer was found at another address). */
void l2tp_channel_resend(struct l2tp_channel *ch, uint64_t now);

/* Take the acknowledgment of a received header only. */
void l2tp_channel_acked(struct l2tp_channel *ch, uint64_t now, uint16_t nr);
/* A received message; bytes are the whole of it, header->length long. */
enum l2tp_channel_verdict l2tp_channel_receive(struct l2tp_channel *ch, uint64_t now,
	const struct l2tp_header *header, const uint8_t *bytes);
/* The next message that is now in order, or NULL. The caller frees *bytes with free(). */
uint8_t *l2tp_channel_next(struct l2tp_channel *ch, size_t *len);

/* When l2tp_channel_timeout wants to be called; L2TP_NEVER if not. */
uint64_t l2tp_channel_deadline(const struct l2tp_channel *ch);
/* Resend, acknowledge. 0, or -ETIMEDOUT: the peer is dead. */
int l2tp_channel_timeout(struct l2tp_channel *ch, uint64_t now);

/* Nothing queued and nothing in flight. */
static inline bool l2tp_channel_idle(const struct l2tp_channel *ch)
{
	return ch->head == ch->total;
}

/* Ns is the last received or one of the 32,767 before it (modulo 65,536): RFC 2661 section 5.8. */
static inline bool l2tp_ns_old(uint16_t ns, uint16_t expected)
{
	return (uint16_t)(ns - expected) >= 0x8000;
}
