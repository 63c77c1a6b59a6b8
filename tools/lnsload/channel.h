/* SPDX-License-Identifier: BSD-3-Clause */
/* lnsload's reliable control channel (RFC 2661 section 5.8 and Appendix A): no I/O, no clock. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "wire.h"

#define CHANNEL_NEVER UINT64_MAX

struct channel_ops {
	/* a packet for the peer */
	void (*send)(void *ctx, const uint8_t *packet, size_t len);
	/* a message in order; never a ZLB; may call channel_send and channel_free */
	void (*deliver)(void *ctx, uint16_t session_id, const uint8_t *body, size_t len);
};

struct channel_stats {
	uint64_t sent, resent, zlb_sent;
	uint64_t received, duplicates, out_of_order, outside_window;
};

struct channel {
	const struct channel_ops *ops;
	void *ctx;
	struct buffer_pool *pool;
	struct channel_stats *stats; /* shared by all channels */
	struct buffer *head, *tail;  /* queue: sent and not acknowledged, then not sent */
	struct buffer *unsent;       /* first of the queue not sent yet */
	struct buffer *early;        /* received ahead of a gap, by Ns */
	uint16_t next_ns;            /* of the next message queued */
	uint16_t next_nr;            /* expected from the peer */
	uint16_t peer_tunnel_id;
	uint16_t window; /* ours, offered to the peer */
	uint16_t peer_window;
	uint16_t cwnd, threshold, acks; /* Appendix A */
	uint16_t in_flight, waiting;
	uint16_t early_count;
	uint16_t recover_ns; /* first Ns not sent when the resend timer fired */
	bool recovering;
	uint8_t retries, max_retries;
	bool ack_due;
	bool dead;          /* the peer did not answer max_retries resends */
	uint32_t resend_ms; /* current timeout */
	uint64_t deadline;  /* of the next resend, CHANNEL_NEVER if nothing is out */
};

void channel_init(struct channel *c, const struct channel_ops *ops, void *ctx,
	struct buffer_pool *pool, struct channel_stats *stats, uint16_t window,
	uint8_t max_retries);
void channel_free(struct channel *c);
/* Queues one message (its AVPs) and sends what the window allows. 0 or -ENOMEM, -EMSGSIZE. */
int channel_send(
	struct channel *c, uint64_t now_ms, uint16_t session_id, const uint8_t *body, size_t len);
/* A control message or ZLB for this tunnel. */
void channel_input(struct channel *c, uint64_t now_ms, const struct wire_header *h);
/* Resends when the deadline has come; sets dead when it was in vain. */
void channel_expire(struct channel *c, uint64_t now_ms);
/* Sends a ZLB if something received is still unacknowledged. */
void channel_acknowledge(struct channel *c);

static inline bool channel_idle(const struct channel *c)
{
	return c->head == NULL;
}
