/* SPDX-License-Identifier: BSD-3-Clause */
/* LACs and LNS in one process, over a network that loses, doubles and reorders: all comes up, all ends once. */
#include "l2tp_world.h"

#define LACS      8
#define CALLS     150
#define IN_FLIGHT 4096

enum call_state { CALL_ASKED, CALL_UP, CALL_CLOSED };

/* A LAC that follows RFC 2661 section 7.4.1, over a channel of its own. */
struct lac {
	struct l2tp_path path; /* as the LNS sees it */
	struct l2tp_channel ch;
	uint16_t id;
	bool up, stopped;
	unsigned calls_up, calls_closed;
	enum call_state call[CALLS + 1]; /* by our session id */
	uint16_t lns_id[CALLS + 1];
};

struct flight {
	uint64_t at;
	struct lac *to; /* NULL: to the LNS */
	struct l2tp_path path;
	uint16_t len;
	uint8_t bytes[L2TP_SEND_MAX];
};

static struct world w;
static struct lac lacs[LACS];
static struct flight *flights[IN_FLIGHT];
static unsigned flight_count;
static unsigned percent;
static uint64_t lac_counters[L2TP_COUNTER_MAX];
static uint32_t net_seed;

static uint32_t net_random(uint32_t below)
{
	net_seed = net_seed * 1103515245u + 12345u;
	return (net_seed >> 12) % below;
}

static void net_put(struct lac *to, const struct l2tp_path *path, const uint8_t *bytes, size_t len)
{
	unsigned copies = net_random(100) < percent ? 2 : 1;

	if (net_random(100) < percent)
		return;
	while (copies-- > 0) {
		struct flight *f = malloc(sizeof(*f));

		cr_assert_lt(flight_count, IN_FLIGHT);
		f->to = to;
		f->path = *path;
		f->len = (uint16_t)len;
		memcpy(f->bytes, bytes, len);
		f->at = w.now + 5 + (net_random(100) < percent ? net_random(300) : 0);
		flights[flight_count++] = f;
	}
}

static void lns_put(
	struct world *world, const struct l2tp_path *path, const uint8_t *bytes, size_t len)
{
	net_put(&lacs[path->peer.address[3]], path, bytes, len);
}

static void lac_put(void *user, const uint8_t *bytes, size_t len)
{
	struct lac *lac = user;

	net_put(NULL, &lac->path, bytes, len);
}

static void lac_queue(struct lac *lac, struct l2tp_writer *out)
{
	size_t len = l2tp_writer_finish(out);

	cr_assert_gt(len, 0);
	cr_assert_eq(l2tp_channel_queue(&lac->ch, out->begin, len), 0);
}

static void lac_start(struct lac *lac, unsigned i)
{
	static const struct l2tp_channel_settings set = {.receive_window = 16,
		.max_retries = 40,
		.resend_ms = 1000,
		.resend_cap_ms = 8000,
		.ack_delay_ms = 20,
		.hold_bytes = 100000,
		.backlog = 100000};
	uint8_t bytes[400];
	struct l2tp_writer out;

	memset(lac, 0, sizeof(*lac));
	lac->id = (uint16_t)(1000 + i);
	lac->path.peer = (struct l2tp_endpoint){
		.address = {10, 0, 0, (uint8_t)i}, .port = 1701, .family = 4};
	lac->path.local =
		(struct l2tp_endpoint){.address = {10, 9, 9, 9}, .port = 1701, .family = 4};
	l2tp_channel_init(&lac->ch, &set, lac_put, lac, lac_counters);
	l2tp_writer_init(&out, bytes, sizeof(bytes), 0, L2TP_SCCRQ);
	l2tp_write_u16(&out, true, L2TP_AVP_PROTOCOL_VERSION, 0x0100);
	l2tp_write_u32(&out, true, L2TP_AVP_FRAMING_CAPABILITIES, 3);
	l2tp_write_bytes(&out, true, L2TP_AVP_HOST_NAME, "lac", 3);
	l2tp_write_u16(&out, true, L2TP_AVP_ASSIGNED_TUNNEL_ID, lac->id);
	l2tp_write_u16(&out, true, L2TP_AVP_RECEIVE_WINDOW_SIZE, 16);
	l2tp_write_bytes(&out, true, L2TP_AVP_CHALLENGE, &lac->id, 2);
	lac_queue(lac, &out);
	l2tp_channel_flush(&lac->ch, w.now);
}

static void lac_sccrp(struct lac *lac, const struct l2tp_message *msg)
{
	uint8_t bytes[200], response[16];
	struct l2tp_writer out;

	cr_assert_not(lac->up, "delivered once");
	l2tp_response(L2TP_SCCRP, (const uint8_t *)SECRET, strlen(SECRET), (uint8_t *)&lac->id, 2,
		response);
	cr_assert_arr_eq(msg->challenge_response.at, response, 16);
	lac->up = true;
	lac->ch.peer_tunnel_id = msg->assigned_tunnel_id;
	l2tp_channel_window(&lac->ch, msg->receive_window);
	l2tp_response(L2TP_SCCCN, (const uint8_t *)SECRET, strlen(SECRET), msg->challenge.at,
		msg->challenge.len, response);
	l2tp_writer_init(&out, bytes, sizeof(bytes), 0, L2TP_SCCCN);
	l2tp_write_bytes(&out, true, L2TP_AVP_CHALLENGE_RESPONSE, response, 16);
	lac_queue(lac, &out);
	for (uint16_t id = 1; id <= CALLS; id++) {
		l2tp_writer_init(&out, bytes, sizeof(bytes), 0, L2TP_ICRQ);
		l2tp_write_u16(&out, true, L2TP_AVP_ASSIGNED_SESSION_ID, id);
		l2tp_write_u32(&out, true, L2TP_AVP_CALL_SERIAL_NUMBER, id);
		l2tp_write_bytes(&out, true, L2TP_AVP_CALLING_NUMBER, "0123456", 7);
		lac_queue(lac, &out);
	}
}

static void lac_message(struct lac *lac, const struct l2tp_header *h, const uint8_t *bytes)
{
	static uint8_t scratch[L2TP_MESSAGE_MAX];
	static struct l2tp_message msg;
	struct l2tp_writer out;
	uint8_t reply[100];

	l2tp_message_decode(&msg, bytes, h->length, NULL, 0, scratch);
	cr_assert_eq(msg.fault.reason, L2TP_COUNTER_MAX);
	switch (msg.type) {
	case L2TP_SCCRP:
		lac_sccrp(lac, &msg);
		break;
	case L2TP_ICRP:
		cr_assert_eq(lac->lns_id[h->session_id], 0, "delivered once");
		cr_assert_neq(msg.assigned_session_id, 0);
		lac->lns_id[h->session_id] = msg.assigned_session_id;
		lac->call[h->session_id] = CALL_UP;
		lac->calls_up++;
		l2tp_writer_init(&out, reply, sizeof(reply), msg.assigned_session_id, L2TP_ICCN);
		l2tp_write_u32(&out, true, L2TP_AVP_TX_CONNECT_SPEED, 1000);
		l2tp_write_u32(&out, true, L2TP_AVP_FRAMING_TYPE, 1);
		lac_queue(lac, &out);
		break;
	case L2TP_CDN:
		cr_assert_eq(lac->call[h->session_id], CALL_UP, "closed once");
		cr_assert_eq(msg.assigned_session_id, lac->lns_id[h->session_id]);
		lac->call[h->session_id] = CALL_CLOSED;
		lac->calls_closed++;
		break;
	case L2TP_STOPCCN:
		cr_assert_not(lac->stopped);
		lac->stopped = true;
		break;
	case L2TP_HELLO:
		break;
	default:
		cr_assert_fail("unexpected %s", l2tp_message_name(msg.type));
	}
}

static void lac_input(struct lac *lac, const uint8_t *bytes, size_t len)
{
	struct l2tp_header h;
	enum l2tp_counter reason;
	uint8_t *next;

	cr_assert_eq(l2tp_header_decode(&h, bytes, len, &reason), 0);
	cr_assert_eq(h.tunnel_id, lac->id);
	if (l2tp_channel_receive(&lac->ch, w.now, &h, bytes) == L2TP_CHANNEL_DELIVER) {
		lac_message(lac, &h, bytes);
		while ((next = l2tp_channel_next(&lac->ch, &len)) != NULL) {
			cr_assert_eq(l2tp_header_decode(&h, next, len, &reason), 0);
			lac_message(lac, &h, next);
			free(next);
		}
	}
	l2tp_channel_flush(&lac->ch, w.now);
}

/* One event: the earliest packet or timer. False: none until then. */
static bool step(uint64_t until)
{
	uint64_t first = until;
	struct l2tp_tunnel *t, *timer = NULL;
	struct lac *lac = NULL;
	unsigned flight = IN_FLIGHT;

	for (unsigned i = 0; i < LACS; i++) {
		if (l2tp_channel_deadline(&lacs[i].ch) < first) {
			first = l2tp_channel_deadline(&lacs[i].ch);
			lac = &lacs[i];
		}
	}
	for (uint32_t id = 0; (t = l2tp_lns_tunnel_next(w.lns, &id)) != NULL;) {
		if (w.deadlines[t->local_id] < first) {
			first = w.deadlines[t->local_id];
			timer = t;
		}
	}
	for (unsigned i = 0; i < flight_count; i++) {
		if (flights[i]->at < first) {
			first = flights[i]->at;
			flight = i;
		}
	}
	if (first > w.now)
		w.now = first;
	if (flight < IN_FLIGHT) {
		struct flight *f = flights[flight];

		flights[flight] = flights[--flight_count];
		if (f->to != NULL)
			lac_input(f->to, f->bytes, f->len);
		else
			l2tp_lns_input(w.lns, w.now, &f->path, f->bytes, f->len);
		free(f);
		return true;
	}
	if (timer != NULL) {
		w.deadlines[timer->local_id] = L2TP_NEVER;
		l2tp_tunnel_timeout(timer, w.now);
		return true;
	}
	if (lac != NULL) {
		cr_assert_eq(l2tp_channel_timeout(&lac->ch, w.now), 0, "the LNS is not dead");
		return true;
	}
	return false;
}

static void run(uint64_t ms)
{
	uint64_t until = w.now + ms;

	while (step(until))
		;
}

static unsigned lacs_total(size_t field)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < LACS; i++)
		sum += *(unsigned *)((char *)&lacs[i] + field);
	return sum;
}

/* Even calls are ended by the LAC, every fourth by the LNS, the rest go with the tunnel. */
static void close_calls(void)
{
	struct l2tp_tunnel *t;
	struct l2tp_session *s;
	uint8_t bytes[100];
	struct l2tp_writer out;

	for (unsigned i = 0; i < LACS; i++) {
		for (uint16_t id = 2; id <= CALLS; id += 2) {
			lacs[i].call[id] = CALL_CLOSED;
			l2tp_writer_init(&out, bytes, sizeof(bytes), lacs[i].lns_id[id], L2TP_CDN);
			l2tp_write_result(&out, 1, 0, NULL);
			l2tp_write_u16(&out, true, L2TP_AVP_ASSIGNED_SESSION_ID, id);
			lac_queue(&lacs[i], &out);
		}
		l2tp_channel_flush(&lacs[i].ch, w.now);
	}
	for (uint32_t id = 0; (t = l2tp_lns_tunnel_next(w.lns, &id)) != NULL;)
		for (uint32_t slot = 0; (s = l2tp_tunnel_session_next(t, &slot)) != NULL;)
			if (s->peer_id % 4 == 1)
				l2tp_session_close(s, w.now, L2TP_CDN_ADMINISTRATIVE, 0, "x", NULL);
}

static void stop_tunnels(void)
{
	struct l2tp_tunnel *t;
	uint8_t bytes[100];
	struct l2tp_writer out;

	for (unsigned i = 0; i < LACS; i += 2) {
		l2tp_writer_init(&out, bytes, sizeof(bytes), 0, L2TP_STOPCCN);
		l2tp_write_u16(&out, true, L2TP_AVP_ASSIGNED_TUNNEL_ID, lacs[i].id);
		l2tp_write_result(&out, 1, 0, NULL);
		lac_queue(&lacs[i], &out);
		l2tp_channel_flush(&lacs[i].ch, w.now);
	}
	for (uint32_t id = 0; (t = l2tp_lns_tunnel_next(w.lns, &id)) != NULL;)
		if (t->path.peer.address[3] % 2 == 1)
			l2tp_tunnel_close(t, w.now, L2TP_STOPCCN_SHUTDOWN, 0, "bye");
}

static void conversation(unsigned loss, uint32_t seed)
{
	static const struct l2tp_settings set = {.connect_ms = 3600000, .setup_ms = 600000};
	unsigned lns_closes = 0;

	world_init(&w, &set);
	w.peer.max_retries = 40;
	w.deliver = lns_put;
	percent = loss;
	net_seed = seed;
	for (unsigned i = 0; i < LACS; i++)
		lac_start(&lacs[i], i);
	for (int minutes = 0; minutes < 120 && w.session_up < LACS * CALLS; minutes++)
		run(60000);
	cr_assert_eq(w.tunnel_up, LACS, "at %u %%", loss);
	cr_assert_eq(w.session_up, LACS * CALLS, "at %u %%: %d", loss, w.session_up);
	cr_assert_eq(lacs_total(offsetof(struct lac, calls_up)), LACS * CALLS);
	cr_assert_eq(w.session_down, 0);
	cr_assert_eq(l2tp_lns_sessions(w.lns), LACS * CALLS);

	close_calls();
	for (uint16_t id = 1; id <= CALLS; id++)
		lns_closes += id % 4 == 1;
	for (int minutes = 0; minutes < 120 &&
		(w.session_down < (int)(LACS * (CALLS / 2 + lns_closes)) ||
			lacs_total(offsetof(struct lac, calls_closed)) < LACS * lns_closes);
		minutes++)
		run(60000);
	cr_assert_eq((unsigned int)w.session_down, LACS * (CALLS / 2 + lns_closes));
	cr_assert_eq(lacs_total(offsetof(struct lac, calls_closed)), LACS * lns_closes);

	run(60000);
	stop_tunnels();
	for (int minutes = 0; minutes < 30 && w.tunnel_free < LACS; minutes++)
		run(60000);
	cr_assert_eq(w.tunnel_open, LACS, "no resend opened a second one");
	cr_assert_eq(w.tunnel_down, LACS);
	cr_assert_eq(w.tunnel_free, LACS);
	cr_assert_eq((unsigned int)w.session_down, LACS * CALLS, "each exactly once");
	cr_assert_eq(l2tp_lns_sessions(w.lns), 0);
	cr_assert_eq(l2tp_lns_half_open(w.lns), 0);
	for (unsigned i = 1; i < LACS; i += 2)
		cr_assert(lacs[i].stopped, "the StopCCN got through at %u %%", loss);

	while (flight_count > 0)
		free(flights[--flight_count]);
	for (unsigned i = 0; i < LACS; i++)
		l2tp_channel_destroy(&lacs[i].ch);
	world_fini(&w);
}

Test(l2tp_conversation, all_up_and_down_without_loss)
{
	conversation(0, 1);
	cr_assert_eq(lac_counters[L2TP_COUNTER_TX_RESENT], 0);
}

Test(l2tp_conversation, all_up_and_down_at_5_percent_loss_duplication_and_reordering)
{
	for (uint32_t seed = 1; seed <= 5; seed++)
		conversation(5, seed);
}

Test(l2tp_conversation, all_up_and_down_at_20_percent)
{
	for (uint32_t seed = 1; seed <= 5; seed++)
		conversation(20, seed);
}

Test(l2tp_conversation, all_up_and_down_at_40_percent)
{
	for (uint32_t seed = 1; seed <= 3; seed++)
		conversation(40, seed);
}
