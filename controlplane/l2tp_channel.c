/* SPDX-License-Identifier: BSD-3-Clause */
/* The sliding window of the control connection: queue, resend, slow start, reordering. */
#include "l2tp_channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PEER_WINDOW_MAX 32767 /* half the number space, or old and new could not be told apart */

/* A peer that is heard but never takes the message at the head is dead all the same. */
#define RESENDS_PER_RETRY 4

struct l2tp_packet {
	struct l2tp_packet *next;
	uint16_t len;
	uint8_t bytes[];
};

struct l2tp_held {
	uint8_t *bytes; /* NULL: free */
	uint16_t len;
	uint16_t ns;
};

void l2tp_channel_init(struct l2tp_channel *ch, const struct l2tp_channel_settings *set,
	l2tp_channel_send *send, void *user, uint64_t *counters)
{
	*ch = (struct l2tp_channel){
		.set = *set,
		.send = send,
		.user = user,
		.counters = counters,
		.peer_window = L2TP_WINDOW_DEFAULT,
		.cwnd = 1,
		.ssthresh = L2TP_WINDOW_DEFAULT,
		.resend_at = L2TP_NEVER,
		.ack_at = L2TP_NEVER,
	};
}

static void packets_free(struct l2tp_packet *packet)
{
	while (packet != NULL) {
		struct l2tp_packet *next = packet->next;

		free(packet);
		packet = next;
	}
}

void l2tp_channel_destroy(struct l2tp_channel *ch)
{
	packets_free(ch->first);
	for (uint32_t i = 0; ch->held != NULL && i <= ch->held_mask; i++) {
		if (ch->held[i].bytes == NULL)
			continue;
		/* it may have a subscriber's password in it */
		explicit_bzero(ch->held[i].bytes, ch->held[i].len);
		free(ch->held[i].bytes);
	}
	free(ch->held);
	ch->first = ch->last = ch->next_packet = NULL;
	ch->head = ch->next = ch->sent = ch->total;
	ch->held = NULL;
	ch->resend_at = ch->ack_at = L2TP_NEVER;
}

void l2tp_channel_window(struct l2tp_channel *ch, uint16_t peer_window)
{
	ch->peer_window = peer_window < PEER_WINDOW_MAX ? peer_window : PEER_WINDOW_MAX;
	ch->ssthresh = ch->peer_window;
	if (ch->cwnd > ch->peer_window)
		ch->cwnd = ch->peer_window;
}

int l2tp_channel_queue(struct l2tp_channel *ch, const uint8_t *bytes, size_t len)
{
	struct l2tp_packet *packet = malloc(sizeof(*packet) + len);

	if (packet == NULL)
		return -ENOMEM;
	packet->next = NULL;
	packet->len = (uint16_t)len;
	memcpy(packet->bytes, bytes, len);
	if (ch->last != NULL)
		ch->last->next = packet;
	else
		ch->first = packet;
	ch->last = packet;
	if (ch->next_packet == NULL)
		ch->next_packet = packet;
	ch->total++;
	return 0;
}

void l2tp_channel_discard_unsent(struct l2tp_channel *ch)
{
	struct l2tp_packet *packet = ch->first, *last = NULL;

	for (uint64_t n = ch->head; n < ch->sent; n++) {
		last = packet;
		packet = packet->next;
	}
	if (packet == NULL)
		return;
	if (ch->next == ch->sent)
		ch->next_packet = NULL;
	if (last != NULL)
		last->next = NULL;
	else
		ch->first = NULL;
	ch->last = last;
	ch->total = ch->sent;
	packets_free(packet);
}

void l2tp_channel_hurry(struct l2tp_channel *ch)
{
	ch->cwnd = ch->ssthresh = ch->peer_window;
}

/* Every datagram leaves with the latest Nr, and so acknowledges all there is. */
static void channel_put(
	struct l2tp_channel *ch, uint8_t *bytes, uint16_t len, uint16_t session_id, uint16_t ns)
{
	struct l2tp_header header = {.length = len,
		.tunnel_id = ch->peer_tunnel_id,
		.session_id = session_id,
		.ns = ns,
		.nr = ch->nr};

	l2tp_header_encode(&header, bytes);
	ch->acks_owed = 0;
	ch->ack_at = L2TP_NEVER;
	ch->send(ch->user, bytes, len);
}

static void packet_send(struct l2tp_channel *ch, struct l2tp_packet *packet, uint64_t number)
{
	uint16_t session_id = (uint16_t)(packet->bytes[6] << 8 | packet->bytes[7]);

	ch->counters[number < ch->sent ? L2TP_COUNTER_TX_RESENT : L2TP_COUNTER_TX_MESSAGES]++;
	channel_put(ch, packet->bytes, packet->len, session_id, (uint16_t)number);
}

void l2tp_channel_ack(struct l2tp_channel *ch)
{
	uint8_t bytes[L2TP_CONTROL_HEADER];

	ch->counters[L2TP_COUNTER_TX_ZLB]++;
	/* a ZLB takes no number: it names the one the next message will have */
	channel_put(ch, bytes, sizeof(bytes), 0, (uint16_t)ch->sent);
}

static uint64_t resend_interval(const struct l2tp_channel *ch)
{
	uint64_t interval = ch->set.resend_ms;

	for (unsigned i = 0; i < ch->resends && interval < ch->set.resend_cap_ms; i++)
		interval *= 2;
	return interval < ch->set.resend_cap_ms ? interval : ch->set.resend_cap_ms;
}

void l2tp_channel_flush(struct l2tp_channel *ch, uint64_t now)
{
	uint16_t window = ch->cwnd < ch->peer_window ? ch->cwnd : ch->peer_window;

	while (ch->next_packet != NULL && ch->next - ch->head < window) {
		packet_send(ch, ch->next_packet, ch->next);
		ch->next_packet = ch->next_packet->next;
		ch->next++;
		if (ch->sent < ch->next)
			ch->sent = ch->next;
		if (ch->resend_at == L2TP_NEVER)
			ch->resend_at = now + resend_interval(ch);
	}
	if (ch->acks_owed > 0 && ch->ack_at <= now)
		l2tp_channel_ack(ch);
}

void l2tp_channel_resend(struct l2tp_channel *ch, uint64_t now)
{
	ch->next = ch->head;
	ch->next_packet = ch->first;
	ch->retries = ch->resends = 0;
	ch->resend_at = L2TP_NEVER;
	l2tp_channel_flush(ch, now);
}

/* Appendix A: one more per acknowledgment in slow start, one more per window after it. */
static void window_open(struct l2tp_channel *ch)
{
	if (ch->cwnd >= ch->peer_window)
		return;
	if (ch->cwnd < ch->ssthresh) {
		ch->cwnd++;
	} else if (++ch->cwnd_acked >= ch->cwnd) {
		ch->cwnd_acked = 0;
		ch->cwnd++;
	}
}

void l2tp_channel_acked(struct l2tp_channel *ch, uint64_t now, uint16_t nr)
{
	uint16_t count = nr - (uint16_t)ch->head;

	if (count == 0 || count >= 0x8000)
		return;
	if (count > ch->sent - ch->head) {
		ch->counters[L2TP_COUNTER_CHANNEL_ACK_INVALID]++;
		return;
	}
	for (; count > 0; count--) {
		struct l2tp_packet *packet = ch->first;

		if (packet == ch->next_packet) {
			ch->next_packet = packet->next;
			ch->next++;
		}
		ch->first = packet->next;
		if (ch->first == NULL)
			ch->last = NULL;
		ch->head++;
		free(packet);
	}
	ch->retries = ch->resends = 0;
	ch->resend_at = ch->next > ch->head ? now + resend_interval(ch) : L2TP_NEVER;
	window_open(ch);
}

static void ack_owe(struct l2tp_channel *ch, uint64_t now, uint32_t delay)
{
	uint64_t at = now + delay;

	/* every second message at once, as the sender's window opens by acknowledgments */
	if (++ch->acks_owed >= 2)
		at = now;
	if (at < ch->ack_at)
		ch->ack_at = at;
}

static enum l2tp_channel_verdict channel_drop(struct l2tp_channel *ch, enum l2tp_counter reason)
{
	ch->counters[reason]++;
	return L2TP_CHANNEL_DROP;
}

/* Keep a message that came before its turn. */
static enum l2tp_channel_verdict channel_hold(
	struct l2tp_channel *ch, const struct l2tp_header *header, const uint8_t *bytes)
{
	struct l2tp_held *place;

	if (ch->held == NULL) {
		uint32_t size = 4;

		while (size < ch->set.receive_window)
			size *= 2;
		ch->held = calloc(size, sizeof(*ch->held));
		if (ch->held == NULL)
			return channel_drop(ch, L2TP_COUNTER_NO_MEMORY);
		ch->held_mask = size - 1;
	}
	place = &ch->held[header->ns & ch->held_mask];
	if (place->bytes != NULL)
		return channel_drop(ch, L2TP_COUNTER_CHANNEL_DUPLICATE);
	if (ch->held_bytes + header->length > ch->set.hold_bytes)
		return channel_drop(ch, L2TP_COUNTER_CHANNEL_HOLD_FULL);
	place->bytes = malloc(header->length);
	if (place->bytes == NULL)
		return channel_drop(ch, L2TP_COUNTER_NO_MEMORY);
	memcpy(place->bytes, bytes, header->length);
	place->len = header->length;
	place->ns = header->ns;
	ch->held_count++;
	ch->held_bytes += header->length;
	ch->counters[L2TP_COUNTER_CHANNEL_HELD]++;
	return L2TP_CHANNEL_HELD;
}

enum l2tp_channel_verdict l2tp_channel_receive(struct l2tp_channel *ch, uint64_t now,
	const struct l2tp_header *header, const uint8_t *bytes)
{
	uint16_t ahead = header->ns - ch->nr;

	l2tp_channel_acked(ch, now, header->nr);
	/* whatever it was, the peer lives and hears us or will be told to resend */
	ch->retries = 0;
	if (header->length == L2TP_CONTROL_HEADER) {
		ch->counters[L2TP_COUNTER_RX_ZLB]++;
		return L2TP_CHANNEL_ACK;
	}
	if (l2tp_ns_old(header->ns, ch->nr)) {
		ack_owe(ch, now, 0);
		return channel_drop(ch, L2TP_COUNTER_CHANNEL_DUPLICATE);
	}
	if (ahead >= ch->set.receive_window)
		return channel_drop(ch, L2TP_COUNTER_CHANNEL_BEYOND_WINDOW);
	/*
	 * A peer that asks but does not take the answers: its requests are lost, as in a full
	 * socket buffer, and come again when it has taken some.
	 */
	if (ch->total - ch->head >= ch->set.backlog)
		return channel_drop(ch, L2TP_COUNTER_CHANNEL_BACKLOG);
	if (ahead > 0)
		return channel_hold(ch, header, bytes);
	ch->counters[L2TP_COUNTER_RX_MESSAGES]++;
	ch->nr++;
	ack_owe(ch, now, ch->set.ack_delay_ms);
	return L2TP_CHANNEL_DELIVER;
}

uint8_t *l2tp_channel_next(struct l2tp_channel *ch, size_t *len)
{
	struct l2tp_held *place;
	uint8_t *bytes;

	if (ch->held == NULL)
		return NULL;
	place = &ch->held[ch->nr & ch->held_mask];
	if (place->bytes == NULL || place->ns != ch->nr)
		return NULL;
	bytes = place->bytes;
	*len = place->len;
	place->bytes = NULL;
	ch->held_bytes -= place->len;
	if (--ch->held_count == 0) {
		free(ch->held);
		ch->held = NULL;
	}
	ch->counters[L2TP_COUNTER_RX_MESSAGES]++;
	ch->nr++;
	ch->acks_owed++;
	ch->ack_at = 0;
	return bytes;
}

uint64_t l2tp_channel_deadline(const struct l2tp_channel *ch)
{
	return ch->resend_at < ch->ack_at ? ch->resend_at : ch->ack_at;
}

int l2tp_channel_timeout(struct l2tp_channel *ch, uint64_t now)
{
	if (ch->resend_at <= now) {
		if (ch->retries >= ch->set.max_retries ||
			ch->resends >= ch->set.max_retries * RESENDS_PER_RETRY)
			return -ETIMEDOUT;
		ch->retries++;
		ch->resends++;
		ch->ssthresh = ch->cwnd > 2 ? ch->cwnd / 2 : 1;
		ch->cwnd = 1;
		ch->cwnd_acked = 0;
		ch->next = ch->head;
		ch->next_packet = ch->first;
		ch->resend_at = now + resend_interval(ch);
	}
	l2tp_channel_flush(ch, now);
	return 0;
}
