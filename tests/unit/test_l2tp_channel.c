/* SPDX-License-Identifier: BSD-3-Clause */
/* Ns/Nr arithmetic, windows, resends and acknowledgments of the control channel. */
#include "l2tp_channel.h"

#include "l2tp_avp.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct sent {
	uint16_t ns, nr, len;
};

static struct sent sent[512];
static int sent_count;
static uint64_t counters[L2TP_COUNTER_MAX];
static struct l2tp_channel ch;

static void record(void *user, const uint8_t *bytes, size_t len)
{
	struct l2tp_header h;
	enum l2tp_counter reason;

	cr_assert_eq(l2tp_header_decode(&h, bytes, len, &reason), 0);
	cr_assert_eq(h.tunnel_id, 77);
	sent[sent_count % 512] = (struct sent){h.ns, h.nr, h.length};
	sent_count++;
}

static void setup(void)
{
	static const struct l2tp_channel_settings set = {.receive_window = 8,
		.max_retries = 5,
		.resend_ms = 1000,
		.resend_cap_ms = 8000,
		.ack_delay_ms = 20,
		.hold_bytes = 200,
		.backlog = 100};

	l2tp_channel_init(&ch, &set, record, NULL, counters);
	ch.peer_tunnel_id = 77;
}

static void teardown(void)
{
	l2tp_channel_destroy(&ch);
}

TestSuite(l2tp_channel, .init = setup, .fini = teardown);

static void queue(int n)
{
	uint8_t bytes[64];
	struct l2tp_writer w;

	while (n-- > 0) {
		l2tp_writer_init(&w, bytes, sizeof(bytes), 0, L2TP_HELLO);
		cr_assert_eq(l2tp_channel_queue(&ch, bytes, l2tp_writer_finish(&w)), 0);
	}
}

static enum l2tp_channel_verdict receive(uint64_t now, uint16_t ns, uint16_t nr, uint16_t len)
{
	static const uint8_t bytes[256];
	struct l2tp_header h = {.length = len, .ns = ns, .nr = nr};

	return l2tp_channel_receive(&ch, now, &h, bytes);
}

Test(l2tp_channel, ns_is_old_or_new_around_the_wrap)
{
	static const struct {
		uint16_t ns, expected;
		bool old;
	} rows[] = {
		/* RFC 2661 5.8: last received 15, so 16 expected: 0-15 and 32784-65535 are old */
		{15, 16, true},
		{0, 16, true},
		{65535, 16, true},
		{32784, 16, true},
		{32783, 16, false},
		{16, 16, false},
		{17, 16, false},
		{65535, 0, true},
		{0, 0, false},
		{32767, 0, false},
		{32768, 0, true},
		{0, 65535, false},
		{65534, 65535, true},
		{32766, 65535, false},
		{32767, 65535, true},
		{0, 32768, true},
		{32767, 32768, true},
		{65535, 32768, false},
		{0, 32767, true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_eq(l2tp_ns_old(rows[i].ns, rows[i].expected), rows[i].old,
			"Ns %u, %u expected", rows[i].ns, rows[i].expected);
}

Test(l2tp_channel, nr_takes_what_was_sent_and_nothing_else)
{
	static const struct {
		uint64_t head, sent;
		uint16_t nr;
		uint64_t head_after;
		bool invalid;
	} rows[] = {
		{0, 3, 0, 0, false},
		{0, 3, 1, 1, false},
		{0, 3, 3, 3, false},
		{0, 3, 4, 0, true},
		{0, 3, 65535, 0, false},
		{65534, 65537, 65535, 65535, false},
		{65534, 65537, 0, 65536, false},
		{65534, 65537, 1, 65537, false},
		{65534, 65537, 2, 65534, true},
		{65534, 65537, 65533, 65534, false},
		{65534, 65537, 40000, 65534, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t invalid = counters[L2TP_COUNTER_CHANNEL_ACK_INVALID];

		teardown();
		setup();
		l2tp_channel_window(&ch, 8);
		l2tp_channel_hurry(&ch);
		ch.head = ch.next = ch.sent = ch.total = rows[i].head;
		queue((int)(rows[i].sent - rows[i].head));
		l2tp_channel_flush(&ch, 0);
		cr_assert_eq(ch.sent, rows[i].sent);
		l2tp_channel_acked(&ch, 5, rows[i].nr);
		cr_assert_eq(ch.head, rows[i].head_after, "row %zu", i);
		cr_assert_eq(counters[L2TP_COUNTER_CHANNEL_ACK_INVALID] - invalid, rows[i].invalid,
			"row %zu", i);
	}
}

Test(l2tp_channel, duplicates_are_acknowledged_and_never_processed)
{
	cr_assert_eq(receive(0, 0, 0, 20), L2TP_CHANNEL_DELIVER);
	cr_assert_eq(receive(0, 0, 0, 20), L2TP_CHANNEL_DROP);
	l2tp_channel_flush(&ch, 0);
	cr_assert_eq(sent_count, 1);
	cr_assert_eq(sent[0].len, L2TP_CONTROL_HEADER);
	cr_assert_eq(sent[0].nr, 1);
	cr_assert_eq(receive(0, 65535, 0, 20), L2TP_CHANNEL_DROP, "a very old one too");
	l2tp_channel_flush(&ch, 0);
	cr_assert_eq(sent_count, 2);
	cr_assert_eq(counters[L2TP_COUNTER_CHANNEL_DUPLICATE], 2);
}

Test(l2tp_channel, a_zlb_is_never_answered_and_takes_no_number)
{
	cr_assert_eq(receive(0, 0, 0, L2TP_CONTROL_HEADER), L2TP_CHANNEL_ACK);
	cr_assert_eq(receive(0, 700, 0, L2TP_CONTROL_HEADER), L2TP_CHANNEL_ACK);
	l2tp_channel_flush(&ch, 100000);
	cr_assert_eq(sent_count, 0);
	cr_assert_eq(l2tp_channel_deadline(&ch), L2TP_NEVER);
	cr_assert_eq(ch.nr, 0);
	receive(0, 0, 0, 20);
	l2tp_channel_ack(&ch);
	queue(1);
	l2tp_channel_flush(&ch, 0);
	cr_assert_eq(sent[0].ns, 0, "the ZLB shows the number");
	cr_assert_eq(sent[1].ns, 0, "the message takes it");
}

Test(l2tp_channel, an_acknowledgment_waits_for_a_message_to_ride_on_but_not_long)
{
	receive(1000, 0, 0, 20);
	l2tp_channel_flush(&ch, 1000);
	cr_assert_eq(sent_count, 0);
	cr_assert_eq(l2tp_channel_deadline(&ch), 1020);
	queue(1);
	l2tp_channel_flush(&ch, 1001);
	cr_assert_eq(sent_count, 1, "on the message");
	cr_assert_eq(sent[0].nr, 1);
	receive(1002, 1, 1, 20);
	cr_assert_eq(l2tp_channel_timeout(&ch, 1022), 0);
	cr_assert_eq(sent_count, 2, "ZLB after the delay");
	receive(1030, 2, 1, 20);
	receive(1030, 3, 1, 20);
	l2tp_channel_flush(&ch, 1030);
	cr_assert_eq(sent_count, 3, "every second message at once");
}

Test(l2tp_channel, out_of_order_messages_are_kept_within_the_window_and_delivered_in_order)
{
	size_t len;
	uint8_t *bytes;

	cr_assert_eq(receive(0, 2, 0, 22), L2TP_CHANNEL_HELD);
	cr_assert_eq(receive(0, 1, 0, 21), L2TP_CHANNEL_HELD);
	cr_assert_eq(receive(0, 1, 0, 21), L2TP_CHANNEL_DROP, "already kept");
	cr_assert_eq(receive(0, 7, 0, 27), L2TP_CHANNEL_HELD, "the last of the window");
	cr_assert_eq(receive(0, 8, 0, 28), L2TP_CHANNEL_DROP, "one beyond");
	cr_assert_eq(counters[L2TP_COUNTER_CHANNEL_BEYOND_WINDOW], 1);
	cr_assert_null(l2tp_channel_next(&ch, &len));
	cr_assert_eq(receive(0, 0, 0, 20), L2TP_CHANNEL_DELIVER);
	for (size_t i = 1; i <= 2; i++) {
		bytes = l2tp_channel_next(&ch, &len);
		cr_assert_not_null(bytes);
		cr_assert_eq(len, 20 + i);
		free(bytes);
	}
	cr_assert_null(l2tp_channel_next(&ch, &len), "3 is missing");
	cr_assert_eq(ch.nr, 3);
	cr_assert_eq(receive(0, 10, 0, 30), L2TP_CHANNEL_HELD, "the window moved on");
}

Test(l2tp_channel, kept_messages_are_bounded_in_bytes)
{
	cr_assert_eq(receive(0, 1, 0, 150), L2TP_CHANNEL_HELD);
	cr_assert_eq(receive(0, 2, 0, 150), L2TP_CHANNEL_DROP);
	cr_assert_eq(counters[L2TP_COUNTER_CHANNEL_HOLD_FULL], 1);
}

Test(l2tp_channel, slow_start_opens_the_window_one_per_acknowledgment_up_to_the_peers)
{
	l2tp_channel_window(&ch, 4);
	queue(20);
	l2tp_channel_flush(&ch, 0);
	cr_assert_eq(sent_count, 1, "one, then wait");
	receive(1, 0, 1, 12);
	l2tp_channel_flush(&ch, 1);
	cr_assert_eq(sent_count, 3);
	receive(2, 0, 2, 12);
	receive(2, 0, 3, 12);
	l2tp_channel_flush(&ch, 2);
	cr_assert_eq(sent_count, 7, "four in flight");
	receive(3, 0, 4, 12);
	receive(3, 0, 5, 12);
	l2tp_channel_flush(&ch, 3);
	cr_assert_eq(ch.next - ch.head, 4, "never more than the peer's window");
}

Test(l2tp_channel, congestion_avoidance_after_a_resend)
{
	l2tp_channel_window(&ch, 16);
	l2tp_channel_hurry(&ch);
	queue(60);
	l2tp_channel_flush(&ch, 0);
	cr_assert_eq(sent_count, 16);
	cr_assert_eq(l2tp_channel_timeout(&ch, 1000), 0);
	cr_assert_eq(ch.cwnd, 1);
	cr_assert_eq(ch.ssthresh, 8);
	cr_assert_eq(sent_count, 17, "only the oldest goes again");
	cr_assert_eq(sent[16].ns, 0);
	for (uint16_t nr = 1; nr <= 7; nr++)
		receive(1001, 0, nr, 12);
	cr_assert_eq(ch.cwnd, 8, "slow start up to half");
	for (uint16_t nr = 8; nr <= 15; nr++)
		receive(1001, 0, nr, 12);
	cr_assert_eq(ch.cwnd, 9, "then one per window");
}

/* Each resend has the same Ns and the Nr of the moment; 1, 2, 4, 8, 8 seconds; then dead. */
Test(l2tp_channel, resends_double_up_to_the_cap_and_then_the_peer_is_dead)
{
	static const uint64_t at[] = {1000, 3000, 7000, 15000, 23000};

	queue(1);
	l2tp_channel_flush(&ch, 0);
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(l2tp_channel_deadline(&ch), at[i], "resend %d", i + 1);
		cr_assert_eq(l2tp_channel_timeout(&ch, at[i]), 0);
		cr_assert_eq(sent_count, i + 2);
		cr_assert_eq(sent[i + 1].ns, 0);
	}
	cr_assert_eq(l2tp_channel_deadline(&ch), 31000);
	cr_assert_eq(l2tp_channel_timeout(&ch, 31000), -ETIMEDOUT);
	cr_assert_eq(counters[L2TP_COUNTER_TX_RESENT], 5);
}

Test(l2tp_channel, a_resend_carries_the_latest_nr)
{
	queue(1);
	l2tp_channel_flush(&ch, 0);
	receive(10, 0, 0, 20);
	l2tp_channel_timeout(&ch, 30);
	l2tp_channel_timeout(&ch, 1000);
	cr_assert_eq(sent[sent_count - 1].ns, 0);
	cr_assert_eq(sent[sent_count - 1].nr, 1);
}

Test(l2tp_channel, a_peer_that_is_heard_is_not_dead_until_it_refuses_for_long)
{
	int timeouts = 0;
	uint64_t now = 0;

	queue(1);
	l2tp_channel_flush(&ch, 0);
	for (;;) {
		now = l2tp_channel_deadline(&ch);
		if (l2tp_channel_timeout(&ch, now) < 0)
			break;
		timeouts++;
		cr_assert_lt(timeouts, 100);
		/* it sends, but never acknowledges */
		receive(now, 0, 0, 12);
	}
	cr_assert_eq(timeouts, 20);
}

Test(l2tp_channel, an_acknowledgment_during_resending_skips_what_the_peer_kept)
{
	l2tp_channel_window(&ch, 8);
	l2tp_channel_hurry(&ch);
	queue(8);
	l2tp_channel_flush(&ch, 0);
	l2tp_channel_timeout(&ch, 1000);
	/* only 0 was lost: the peer had kept the rest */
	receive(1010, 0, 8, 12);
	cr_assert(l2tp_channel_idle(&ch));
	l2tp_channel_flush(&ch, 1010);
	cr_assert_eq(sent_count, 9);
	cr_assert_eq(l2tp_channel_deadline(&ch), L2TP_NEVER);
	queue(1);
	l2tp_channel_flush(&ch, 1011);
	cr_assert_eq(sent[9].ns, 8);
}

Test(l2tp_channel, unsent_messages_can_be_dropped_so_that_the_last_word_is_next)
{
	l2tp_channel_window(&ch, 4);
	queue(10);
	l2tp_channel_flush(&ch, 0);
	l2tp_channel_discard_unsent(&ch);
	cr_assert_eq(ch.total, 1);
	queue(1);
	l2tp_channel_hurry(&ch);
	l2tp_channel_flush(&ch, 0);
	cr_assert_eq(sent_count, 2);
	cr_assert_eq(sent[1].ns, 1, "no gap in the numbers");
	receive(0, 0, 2, 12);
	cr_assert(l2tp_channel_idle(&ch));
	l2tp_channel_discard_unsent(&ch);
	queue(1);
	l2tp_channel_discard_unsent(&ch);
	cr_assert(l2tp_channel_idle(&ch));
}

Test(l2tp_channel, a_backlog_makes_requests_wait_without_losing_acknowledgments)
{
	l2tp_channel_window(&ch, 4);
	queue(100);
	l2tp_channel_flush(&ch, 0);
	cr_assert_eq(receive(0, 0, 0, 20), L2TP_CHANNEL_DROP);
	cr_assert_eq(counters[L2TP_COUNTER_CHANNEL_BACKLOG], 1);
	cr_assert_eq(receive(0, 0, 1, 20), L2TP_CHANNEL_DELIVER, "its Nr made room");
}

Test(l2tp_channel, numbers_wrap_without_a_hitch)
{
	l2tp_channel_window(&ch, 4);
	l2tp_channel_hurry(&ch);
	for (uint32_t i = 0; i < 140000; i++) {
		queue(1);
		l2tp_channel_flush(&ch, i);
		cr_assert_eq(sent[(sent_count - 1) % 512].ns, (uint16_t)i);
		cr_assert_eq(receive(i, (uint16_t)i, (uint16_t)(i + 1), 20), L2TP_CHANNEL_DELIVER);
		cr_assert(l2tp_channel_idle(&ch), "at %u", i);
	}
}
