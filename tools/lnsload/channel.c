/* SPDX-License-Identifier: BSD-3-Clause */
/* Reliable delivery: window, slow start, resend with backoff, duplicates, reordering. */
#include "channel.h"

#include <errno.h>

#include "bytes.h"

#define RESEND_FIRST_MS     1000u
#define RESEND_CAP_MS       8000u
#define PEER_WINDOW_UNKNOWN 4u

void channel_init(struct channel *c, const struct channel_ops *ops, void *ctx,
	struct buffer_pool *pool, struct channel_stats *stats, uint16_t window, uint8_t max_retries)
{
	memset(c, 0, sizeof(*c));
	c->ops = ops;
	c->ctx = ctx;
	c->pool = pool;
	c->stats = stats;
	c->window = window;
	c->peer_window = PEER_WINDOW_UNKNOWN;
	c->cwnd = 1;
	c->threshold = UINT16_MAX;
	c->max_retries = max_retries;
	c->resend_ms = RESEND_FIRST_MS;
	c->deadline = CHANNEL_NEVER;
}

static void channel_give_list(struct channel *c, struct buffer *b)
{
	while (b != NULL) {
		struct buffer *next = b->next;

		buffer_give(c->pool, b);
		b = next;
	}
}

void channel_free(struct channel *c)
{
	channel_give_list(c, c->head);
	channel_give_list(c, c->early);
	c->head = c->tail = c->unsent = c->early = NULL;
	c->in_flight = c->waiting = c->early_count = 0;
	c->deadline = CHANNEL_NEVER;
}

static void channel_transmit(struct channel *c, uint64_t now_ms, struct buffer *b)
{
	/* Nr is that of the moment of sending, also on a resend */
	put_be16(b->data + 10, c->next_nr);
	c->ack_due = false;
	b->sent_ms = now_ms;
	c->ops->send(c->ctx, b->data, b->len);
}

static void channel_pump(struct channel *c, uint64_t now_ms)
{
	while (c->unsent != NULL && c->in_flight < c->cwnd && c->in_flight < c->peer_window) {
		struct buffer *b = c->unsent;

		if (c->in_flight == 0)
			c->deadline = now_ms + c->resend_ms;
		c->unsent = b->next;
		c->in_flight++;
		c->waiting--;
		c->stats->sent++;
		channel_transmit(c, now_ms, b);
	}
}

int channel_send(
	struct channel *c, uint64_t now_ms, uint16_t session_id, const uint8_t *body, size_t len)
{
	struct buffer *b;

	if (len + WIRE_CONTROL_HEADER > WIRE_PACKET_MAX)
		return -EMSGSIZE;
	b = buffer_take(c->pool);
	if (b == NULL)
		return -ENOMEM;
	b->ns = c->next_ns++;
	b->len = (uint16_t)(len + WIRE_CONTROL_HEADER);
	wire_control_header(b->data, b->len, c->peer_tunnel_id, session_id, b->ns, c->next_nr);
	memcpy(b->data + WIRE_CONTROL_HEADER, body, len);
	if (c->tail != NULL)
		c->tail->next = b;
	else
		c->head = b;
	c->tail = b;
	if (c->unsent == NULL)
		c->unsent = b;
	c->waiting++;
	channel_pump(c, now_ms);
	return 0;
}

static void channel_acked(struct channel *c, uint64_t now_ms, uint16_t nr)
{
	bool progress = false;

	/* an Nr ahead of what was sent acknowledges nothing */
	if ((uint16_t)(nr - (uint16_t)(c->next_ns - c->waiting - c->in_flight)) > c->in_flight)
		return;
	while (c->head != NULL && c->head != c->unsent && (int16_t)(nr - c->head->ns) > 0) {
		struct buffer *b = c->head;

		c->head = b->next;
		if (c->head == NULL)
			c->tail = NULL;
		buffer_give(c->pool, b);
		c->in_flight--;
		progress = true;
		if (c->cwnd < c->threshold) {
			c->cwnd++;
		} else if (++c->acks >= c->cwnd) {
			c->acks = 0;
			c->cwnd++;
		}
		if (c->cwnd > c->peer_window)
			c->cwnd = c->peer_window;
	}
	if (!progress)
		return;
	c->retries = 0;
	c->resend_ms = RESEND_FIRST_MS;
	c->deadline = c->in_flight > 0 ? now_ms + c->resend_ms : CHANNEL_NEVER;
	/* what was out when the timer fired and is still the peer's gap is resent at once */
	if (c->recovering && c->in_flight > 0 && (int16_t)(c->head->ns - c->recover_ns) < 0) {
		c->stats->resent++;
		channel_transmit(c, now_ms, c->head);
	} else {
		c->recovering = false;
	}
}

static void channel_keep_early(struct channel *c, const struct wire_header *h)
{
	struct buffer **at = &c->early;
	struct buffer *b;

	while (*at != NULL && (int16_t)((*at)->ns - h->ns) < 0)
		at = &(*at)->next;
	if (*at != NULL && (*at)->ns == h->ns) {
		c->stats->duplicates++;
		return;
	}
	if (h->body_len > WIRE_PACKET_MAX || (b = buffer_take(c->pool)) == NULL)
		return;
	b->ns = h->ns;
	b->session_id = h->session_id;
	b->len = (uint16_t)h->body_len;
	memcpy(b->data, h->body, h->body_len);
	b->next = *at;
	*at = b;
	c->early_count++;
	c->stats->out_of_order++;
}

void channel_input(struct channel *c, uint64_t now_ms, const struct wire_header *h)
{
	uint16_t ahead = (uint16_t)(h->ns - c->next_nr);

	channel_acked(c, now_ms, h->nr);
	if (h->body_len == 0) {
		channel_pump(c, now_ms);
		return;
	}
	c->ack_due = true;
	if (ahead >= 0x8000) {
		c->stats->duplicates++;
	} else if (ahead >= c->window) {
		c->stats->outside_window++;
	} else if (ahead > 0) {
		channel_keep_early(c, h);
	} else {
		struct buffer *b;

		c->next_nr++;
		c->stats->received++;
		c->ops->deliver(c->ctx, h->session_id, h->body, h->body_len);
		while ((b = c->early) != NULL && b->ns == c->next_nr) {
			c->early = b->next;
			c->early_count--;
			c->next_nr++;
			c->stats->received++;
			c->ops->deliver(c->ctx, b->session_id, b->data, b->len);
			buffer_give(c->pool, b);
		}
	}
	channel_pump(c, now_ms);
}

void channel_expire(struct channel *c, uint64_t now_ms)
{
	if (c->in_flight == 0 || now_ms < c->deadline || c->dead)
		return;
	if (c->retries >= c->max_retries) {
		c->dead = true;
		c->deadline = CHANNEL_NEVER;
		return;
	}
	c->retries++;
	/* Appendix A: half of what was open is the new threshold, and slow start again */
	c->threshold = c->cwnd > 3 ? c->cwnd / 2 : 2;
	c->cwnd = 1;
	c->acks = 0;
	c->recovering = true;
	c->recover_ns = (uint16_t)(c->next_ns - c->waiting);
	c->stats->resent++;
	channel_transmit(c, now_ms, c->head);
	c->resend_ms = c->resend_ms * 2 > RESEND_CAP_MS ? RESEND_CAP_MS : c->resend_ms * 2;
	c->deadline = now_ms + c->resend_ms;
}

void channel_acknowledge(struct channel *c)
{
	uint8_t packet[WIRE_CONTROL_HEADER];

	if (!c->ack_due)
		return;
	c->ack_due = false;
	c->stats->zlb_sent++;
	wire_control_header(
		packet, sizeof(packet), c->peer_tunnel_id, 0, c->next_ns - c->waiting, c->next_nr);
	c->ops->send(c->ctx, packet, sizeof(packet));
}
