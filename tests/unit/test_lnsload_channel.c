/* SPDX-License-Identifier: BSD-3-Clause */
/* lnsload's control channel, both ends in one process, with seeded loss, duplicates, reordering. */
#include <criterion/criterion.h>
#include <string.h>

#include "bytes.h"
#include "channel.h"
#include "impair.h"

struct end {
	struct channel channel;
	struct end *peer;
	struct impair impair; /* of what this end sends */
	uint16_t expected;
	uint32_t delivered;
};

static struct buffer_pool pool;
static struct channel_stats stats;
static uint64_t now;

static void arrive(void *ctx, void *where, const uint8_t *packet, size_t len, uint64_t stamp)
{
	struct end *to = where;
	struct wire_header h;

	cr_assert_eq(wire_header_parse(packet, len, &h), 0);
	channel_input(&to->channel, now, &h);
}

/* what is sent is held at least one step, so that nothing arrives within a call */
struct wire_copy {
	struct end *to;
	size_t len;
	uint8_t data[100];
};

static struct wire_copy copies[8192];
static unsigned copied;

static void send_packet(void *ctx, const uint8_t *packet, size_t len)
{
	struct end *e = ctx;
	struct wire_copy *c = &copies[copied++];

	cr_assert_lt(copied, 8192u);
	c->to = e->peer;
	c->len = len;
	memcpy(c->data, packet, len);
}

static void deliver(void *ctx, uint16_t session, const uint8_t *body, size_t len)
{
	struct end *e = ctx;

	cr_assert_eq(get_be16(body), e->expected, "in order and once");
	e->expected++;
	e->delivered++;
}

static const struct channel_ops ops = {send_packet, deliver};

static void open_end(struct end *e, struct end *peer, double percent, uint64_t seed)
{
	struct impair_rates rates = {percent, percent, percent};

	memset(e, 0, sizeof(*e));
	e->peer = peer;
	channel_init(&e->channel, &ops, e, &pool, &stats, 16, 40);
	e->channel.peer_window = 16;
	cr_assert_eq(impair_init(&e->impair, &rates, seed), 0);
}

static void step(struct end *a, struct end *b)
{
	static struct wire_copy batch[8192];
	unsigned n = copied;

	memcpy(batch, copies, n * sizeof(batch[0]));
	copied = 0;
	impair_release(&a->impair, now, arrive, NULL);
	impair_release(&b->impair, now, arrive, NULL);
	for (unsigned i = 0; i < n; i++)
		impair_packet(&batch[i].to->impair, now, batch[i].to, batch[i].data, batch[i].len,
			0, arrive, NULL);
	channel_expire(&a->channel, now);
	channel_expire(&b->channel, now);
	channel_acknowledge(&a->channel);
	channel_acknowledge(&b->channel);
	now += 5;
}

Test(lnsload_channel, everything_arrives_once_and_in_order_at_up_to_40_percent)
{
	static struct end a, b;

	for (unsigned percent = 0; percent <= 40; percent += 10) {
		now = 1000;
		memset(&stats, 0, sizeof(stats));
		open_end(&a, &b, percent, 5 + percent);
		open_end(&b, &a, percent, 6 + percent);
		/* both numberings pass 65535 */
		a.channel.next_ns = b.channel.next_nr = b.expected = 65400;
		b.channel.next_ns = a.channel.next_nr = a.expected = 65500;
		for (uint16_t i = 0; i < 300; i++) {
			uint8_t body[2];

			put_be16(body, (uint16_t)(65400 + i));
			cr_assert_eq(channel_send(&a.channel, now, 0, body, 2), 0);
			put_be16(body, (uint16_t)(65500 + i));
			cr_assert_eq(channel_send(&b.channel, now, 0, body, 2), 0);
		}
		for (unsigned i = 0;
			i < 400000 && !(channel_idle(&a.channel) && channel_idle(&b.channel)); i++)
			step(&a, &b);
		cr_assert_eq(a.delivered, 300u, "%u %%", percent);
		cr_assert_eq(b.delivered, 300u, "%u %%", percent);
		cr_assert_eq(pool.taken, 0u);
		if (percent == 0)
			cr_assert_eq(stats.resent, 0u, "no loss, no resend");
		else
			cr_assert_gt(stats.resent, 0u);
		impair_free(&a.impair);
		impair_free(&b.impair);
	}
}

Test(lnsload_channel, gives_up_after_the_last_resend_and_backs_off_to_8_s)
{
	static struct end a, b;
	uint8_t body[2] = {0};
	uint64_t sent[6], n = 0;

	now = 0;
	open_end(&a, &b, 0, 1);
	a.channel.max_retries = 5;
	cr_assert_eq(channel_send(&a.channel, now, 0, body, 2), 0);
	for (now = 0; now < 60000 && !a.channel.dead; now += 10) {
		unsigned before = copied;

		channel_expire(&a.channel, now);
		if (copied > before)
			sent[n++] = now;
	}
	cr_assert(a.channel.dead);
	cr_assert_eq(n, 5u);
	cr_assert_eq(sent[0], 1000u);
	cr_assert_eq(sent[1], 3000u);
	cr_assert_eq(sent[2], 7000u);
	cr_assert_eq(sent[3], 15000u);
	cr_assert_eq(sent[4], 23000u);
}

Test(lnsload_channel, window_limits_what_is_out_and_an_ack_of_the_future_is_ignored)
{
	static struct end a, b;
	struct wire_header h = {.control = true, .sequenced = true};
	uint8_t body[2] = {0};

	copied = 0;
	open_end(&a, &b, 0, 1);
	a.channel.peer_window = 4;
	a.channel.cwnd = 10;
	for (unsigned i = 0; i < 20; i++)
		cr_assert_eq(channel_send(&a.channel, now, 0, body, 2), 0);
	cr_assert_eq(copied, 4u);
	h.nr = 9;
	channel_input(&a.channel, now, &h);
	cr_assert_eq(a.channel.in_flight, 4u, "Nr of what was never sent");
	h.nr = 2;
	channel_input(&a.channel, now, &h);
	cr_assert_eq(a.channel.in_flight, 4u);
	cr_assert_eq(copied, 6u);
}
