/* SPDX-License-Identifier: BSD-3-Clause */
/* Set-up, life and end of tunnels, by the states of RFC 2661 section 7.2 and by what peers do. */
#include "l2tp_world.h"

static struct world w;
static struct client c;

static void setup(void)
{
	world_init(&w, NULL);
	client_init(&c, &w, 1, 700);
}

static void teardown(void)
{
	world_fini(&w);
}

TestSuite(l2tp_tunnel, .init = setup, .fini = teardown);

static struct l2tp_tunnel *tunnel(void)
{
	return l2tp_lns_tunnel(w.lns, c.lns_id);
}

Test(l2tp_tunnel, set_up_with_authentication_both_ways)
{
	uint8_t response[L2TP_RESPONSE_LEN];
	struct world_sent *s;

	c.challenge = true;
	client_sccrq(&c);
	s = client_sccrp(&c);
	l2tp_response(L2TP_SCCRP, (const uint8_t *)SECRET, strlen(SECRET),
		(const uint8_t *)"challenge me", 12, response);
	cr_assert_eq(s->msg.challenge_response.len, 16);
	cr_assert_arr_eq(s->msg.challenge_response.at, response, 16);
	cr_assert_eq(s->msg.receive_window, 64);
	cr_assert_eq(s->msg.protocol_version, 0x0100);
	cr_assert_eq(s->header.nr, 1);
	cr_assert_eq(l2tp_lns_half_open(w.lns), 1);
	client_scccn_write(&c, SECRET);
	client_send(&c);
	cr_assert_eq(w.tunnel_up, 1);
	cr_assert_eq(tunnel()->state, L2TP_TUNNEL_ESTABLISHED);
	cr_assert_eq(l2tp_lns_half_open(w.lns), 0);
	cr_assert_str_eq(tunnel()->host_name, "lac");
}

/* RFC 2661 section 7.2.1, the responder's rows: event, state, what is sent, next state. */
Test(l2tp_tunnel, state_table)
{
	enum { SCCCN_GOOD = 100, SCCCN_WRONG, SCCCN_NONE, UNKNOWN_M, UNKNOWN, CLOSE, BAD_AVP };
	static const struct {
		bool established;
		unsigned event;
		uint16_t result; /* of the StopCCN sent; 0: none */
		uint16_t error;
		uint8_t state;
	} rows[] = {
		{false, SCCCN_GOOD, 0, 0, L2TP_TUNNEL_ESTABLISHED},
		{false, SCCCN_WRONG, 4, 0, L2TP_TUNNEL_STOPPING},
		{false, SCCCN_NONE, 4, 0, L2TP_TUNNEL_STOPPING},
		{false, L2TP_SCCRP, 7, 0, L2TP_TUNNEL_STOPPING},
		{false, L2TP_SCCRQ, 7, 0, L2TP_TUNNEL_STOPPING},
		{false, L2TP_STOPCCN, 0, 0, L2TP_TUNNEL_STOPPED},
		{false, L2TP_HELLO, 0, 0, L2TP_TUNNEL_WAIT_CTL_CONN},
		{false, L2TP_ICRQ, 7, 0, L2TP_TUNNEL_STOPPING},
		{false, L2TP_ICCN, 7, 0, L2TP_TUNNEL_STOPPING},
		{false, UNKNOWN_M, 2, 8, L2TP_TUNNEL_STOPPING},
		{false, UNKNOWN, 0, 0, L2TP_TUNNEL_WAIT_CTL_CONN},
		{false, BAD_AVP, 2, 2, L2TP_TUNNEL_STOPPING},
		{false, CLOSE, 6, 0, L2TP_TUNNEL_STOPPING},
		{true, SCCCN_GOOD, 7, 0, L2TP_TUNNEL_STOPPING},
		{true, L2TP_SCCRP, 7, 0, L2TP_TUNNEL_STOPPING},
		{true, L2TP_SCCRQ, 7, 0, L2TP_TUNNEL_STOPPING},
		{true, L2TP_STOPCCN, 0, 0, L2TP_TUNNEL_STOPPED},
		{true, L2TP_HELLO, 0, 0, L2TP_TUNNEL_ESTABLISHED},
		{true, L2TP_ICRQ, 0, 0, L2TP_TUNNEL_ESTABLISHED},
		{true, UNKNOWN_M, 2, 8, L2TP_TUNNEL_STOPPING},
		{true, UNKNOWN, 0, 0, L2TP_TUNNEL_ESTABLISHED},
		{true, BAD_AVP, 2, 2, L2TP_TUNNEL_STOPPING},
		{true, CLOSE, 6, 0, L2TP_TUNNEL_STOPPING},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world_sent *stop;
		uint32_t before;

		teardown();
		setup();
		client_sccrq(&c);
		client_sccrp(&c);
		if (rows[i].established) {
			client_scccn_write(&c, SECRET);
			client_send(&c);
		}
		client_zlb(&c);
		before = w.sent_count;
		switch (rows[i].event) {
		case SCCCN_GOOD:
			client_scccn_write(&c, SECRET);
			break;
		case SCCCN_WRONG:
			client_scccn_write(&c, "another");
			break;
		case SCCCN_NONE:
			client_scccn_write(&c, NULL);
			break;
		case UNKNOWN_M:
			client_begin(&c, 0, 99);
			break;
		case UNKNOWN:
			client_begin(&c, 0, 99);
			c.bytes[L2TP_CONTROL_HEADER] = 0;
			break;
		case BAD_AVP:
			client_begin(&c, 0, L2TP_HELLO);
			memcpy(c.out.at, "\x80\x03\x00\x00\x00\x07", 6);
			c.out.at += 6;
			break;
		case L2TP_ICRQ:
			client_begin(&c, 0, L2TP_ICRQ);
			l2tp_write_u16(&c.out, true, L2TP_AVP_ASSIGNED_SESSION_ID, 5);
			break;
		default:
			client_begin(&c, 0, rows[i].event);
			break;
		}
		if (rows[i].event == CLOSE)
			l2tp_tunnel_close(tunnel(), w.now, L2TP_STOPCCN_SHUTDOWN, 0, "bye");
		else
			client_send(&c);
		cr_assert_eq(tunnel()->state, rows[i].state, "row %zu: %s", i,
			l2tp_tunnel_state_name(tunnel()->state));
		stop = world_last_of(&w, L2TP_STOPCCN);
		cr_assert_eq(stop != NULL, rows[i].result != 0, "row %zu", i);
		if (stop != NULL) {
			cr_assert_eq(stop->msg.result, rows[i].result, "row %zu", i);
			cr_assert_eq(stop->msg.error, rows[i].error, "row %zu", i);
			cr_assert_eq(stop->msg.assigned_tunnel_id, c.lns_id);
			cr_assert_eq(stop->header.tunnel_id, c.id);
			cr_assert_gt(w.sent_count, before);
		}
		world_run(&w, w.now + 1);
		cr_assert_eq(w.tunnel_down, rows[i].state > L2TP_TUNNEL_ESTABLISHED);
	}
}

Test(l2tp_tunnel, an_unknown_mandatory_avp_is_named_in_the_stopccn)
{
	struct world_sent *s;
	char text[100] = {0};

	client_connect(&c);
	client_begin(&c, 0, L2TP_HELLO);
	l2tp_write_vendor(&c.out, true, 9, 123, "x", 1);
	client_send(&c);
	s = world_last_of(&w, L2TP_STOPCCN);
	cr_assert_eq(s->msg.result, L2TP_STOPCCN_ERROR);
	cr_assert_eq(s->msg.error, L2TP_ERROR_UNKNOWN_AVP);
	memcpy(text, s->msg.error_message.at, s->msg.error_message.len);
	cr_assert_not_null(strstr(text, "vendor 9 attribute 123"), "%s", text);
}

Test(l2tp_tunnel, refusals_of_an_sccrq)
{
	enum {
		UNKNOWN_PEER,
		NO_SECRET,
		VERSION,
		NO_ID,
		ID_0,
		WINDOW_0,
		NO_NAME,
		BAD_AVP,
		REFUSED,
		SHUTDOWN
	};
	static const struct {
		int what;
		uint16_t result, error;
		enum l2tp_counter counter;
	} rows[] = {
		{UNKNOWN_PEER, 4, 0, L2TP_COUNTER_SCCRQ_UNKNOWN_PEER},
		{NO_SECRET, 4, 0, L2TP_COUNTER_SCCRQ_NO_SECRET},
		{VERSION, 5, 0x0100, L2TP_COUNTER_SCCRQ_VERSION},
		{NO_ID, 2, 3, L2TP_COUNTER_SCCRQ_MALFORMED},
		{ID_0, 2, 3, L2TP_COUNTER_SCCRQ_MALFORMED},
		{WINDOW_0, 2, 3, L2TP_COUNTER_SCCRQ_MALFORMED},
		{NO_NAME, 2, 3, L2TP_COUNTER_SCCRQ_MALFORMED},
		{BAD_AVP, 2, 8, L2TP_COUNTER_SCCRQ_MALFORMED},
		{REFUSED, 2, 4, L2TP_COUNTER_SCCRQ_REFUSED},
		{SHUTDOWN, 6, 0, L2TP_COUNTER_SCCRQ_SHUTTING_DOWN},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world_sent *s;
		int what = rows[i].what;

		teardown();
		setup();
		w.peer_known = what != UNKNOWN_PEER;
		if (what == NO_SECRET)
			w.peer.secret = NULL;
		if (what == REFUSED)
			w.refuse_tunnel = -ENOMEM;
		if (what == SHUTDOWN)
			l2tp_lns_shutdown(w.lns, w.now);
		client_begin(&c, 0, L2TP_SCCRQ);
		l2tp_write_u16(
			&c.out, true, L2TP_AVP_PROTOCOL_VERSION, what == VERSION ? 0x0200 : 0x0100);
		if (what != NO_NAME)
			l2tp_write_bytes(&c.out, true, L2TP_AVP_HOST_NAME, "lac", 3);
		if (what != NO_ID)
			l2tp_write_u16(
				&c.out, true, L2TP_AVP_ASSIGNED_TUNNEL_ID, what == ID_0 ? 0 : c.id);
		if (what == WINDOW_0)
			l2tp_write_u16(&c.out, true, L2TP_AVP_RECEIVE_WINDOW_SIZE, 0);
		if (what == NO_SECRET)
			l2tp_write_bytes(&c.out, true, L2TP_AVP_CHALLENGE, "x", 1);
		if (what == BAD_AVP)
			l2tp_write_u16(&c.out, true, 20, 0);
		client_send_as(&c, &c.path, 0, 0, 0);
		cr_assert_eq(w.sent_count, 1, "row %zu", i);
		s = world_last(&w);
		cr_assert_eq(s->msg.type, L2TP_STOPCCN);
		cr_assert_eq(s->msg.result, rows[i].result, "row %zu", i);
		cr_assert_eq(s->msg.error, rows[i].error, "row %zu", i);
		cr_assert_eq(s->header.tunnel_id, what == NO_ID || what == ID_0 ? 0 : c.id);
		cr_assert_eq(s->header.nr, 1);
		cr_assert_neq(s->msg.assigned_tunnel_id, 0);
		cr_assert_eq(world_count(&w, rows[i].counter), 1, "row %zu", i);
		cr_assert_eq(l2tp_lns_half_open(w.lns), 0);
	}
}

Test(l2tp_tunnel, refusals_are_limited_in_rate)
{
	w.peer_known = false;
	for (int i = 0; i < 1000; i++) {
		c.ns = 0;
		client_sccrq(&c);
	}
	cr_assert_eq(w.sent_count, 100);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_REJECT_RATE_LIMITED), 900);
	w.now += 500;
	for (int i = 0; i < 1000; i++) {
		c.ns = 0;
		client_sccrq(&c);
	}
	cr_assert_eq(w.sent_count, 150);
}

Test(l2tp_tunnel, hidden_avps_in_an_sccrq_are_read_with_the_peers_secret)
{
	uint8_t id[2] = {0x12, 0x34};

	c.id = 0x1234;
	client_begin(&c, 0, L2TP_SCCRQ);
	l2tp_write_u16(&c.out, true, L2TP_AVP_PROTOCOL_VERSION, 0x0100);
	l2tp_write_bytes(&c.out, true, L2TP_AVP_HOST_NAME, "lac", 3);
	l2tp_write_bytes(&c.out, true, L2TP_AVP_RANDOM_VECTOR, "0123456789abcdef", 16);
	l2tp_write_hidden(&c.out, true, L2TP_AVP_ASSIGNED_TUNNEL_ID, id, 2, (const uint8_t *)SECRET,
		strlen(SECRET), (const uint8_t *)"0123456789abcdef", 16, 7);
	client_send_as(&c, &c.path, 0, 0, 0);
	client_sccrp(&c);
	cr_assert_eq(tunnel()->peer_id, 0x1234);
}

Test(l2tp_tunnel, an_sccrq_inside_ipsec_of_a_peer_without_it_is_refused)
{
	w.peer.refuse_ipsec = true;
	c.path.sa_group = 5;
	client_sccrq(&c);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_SCCRQ_INSIDE_IPSEC), 1);
	cr_assert_eq(w.sent_count, 1, "a StopCCN");
	cr_assert_eq(l2tp_lns_tunnels_open(w.lns), 0);
}

Test(l2tp_tunnel, a_plain_sccrq_of_an_ipsec_peer_is_dropped_in_silence)
{
	w.peer.require_ipsec = true;
	client_sccrq(&c);
	cr_assert_eq(w.sent_count, 0);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_SCCRQ_NEEDS_IPSEC), 1);
	c.path.sa_group = 5;
	c.ns = 0;
	client_connect(&c);
	c.path.sa_group = 0;
	client_begin(&c, 0, L2TP_HELLO);
	client_send(&c);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_TUNNEL_WRONG_SA), 1, "and so is what follows");
	c.path.sa_group = 6;
	client_send(&c);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_TUNNEL_WRONG_SA), 2, "and from another group");
}

/* Its own SAs have ended, and IKE has authenticated somebody at its address. */
Test(l2tp_tunnel, a_peer_with_new_sas_goes_on_with_its_tunnel_by_the_numbers_that_only_it_knows)
{
	uint16_t ns;

	c.path.sa_group = 5;
	client_connect(&c);
	ns = c.ns;
	c.path.sa_group = 6;
	client_begin(&c, 0, L2TP_HELLO);
	client_send_as(&c, &c.path, c.lns_id, ns, c.nr);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_TUNNEL_WRONG_SA), 1, "while its own are there");
	w.follows = 6;
	client_begin(&c, 0, L2TP_HELLO);
	client_send_as(&c, &c.path, c.lns_id, (uint16_t)(ns + 1), c.nr);
	client_begin(&c, 0, L2TP_HELLO);
	client_send_as(&c, &c.path, c.lns_id, ns, (uint16_t)(c.nr + 1));
	cr_assert_eq(world_count(&w, L2TP_COUNTER_TUNNEL_WRONG_SA), 3, "numbers that are not its");
	cr_assert_eq(w.tunnel_moved, 0);
	cr_assert_eq(tunnel()->path.sa_group, 5);
	client_begin(&c, 0, L2TP_HELLO);
	client_send_as(&c, &c.path, c.lns_id, ns, c.nr);
	cr_assert_eq(w.tunnel_moved, 1);
	cr_assert_eq(tunnel()->path.sa_group, 6);
	world_run(&w, w.now + 100);
	cr_assert_eq(world_last(&w)->path.sa_group, 6, "and is answered there");
	c.path.sa_group = 5;
	client_begin(&c, 0, L2TP_HELLO);
	client_send_as(&c, &c.path, c.lns_id, (uint16_t)(ns + 1), c.nr);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_TUNNEL_WRONG_SA), 4, "not where it was");
}

Test(l2tp_tunnel, who_guesses_the_numbers_of_a_tunnel_is_told_of_and_its_peer_is_still_listened_to)
{
	c.path.sa_group = 5;
	client_connect(&c);
	w.follows = 6;
	c.path.sa_group = 6;
	for (uint16_t guess = 1; guess <= 300; guess++) {
		client_begin(&c, 0, L2TP_HELLO);
		client_send_as(&c, &c.path, c.lns_id, (uint16_t)(c.ns + guess), c.nr);
	}
	cr_assert_eq(world_count(&w, L2TP_COUNTER_TUNNEL_WRONG_SA), 300);
	cr_assert_eq(w.missed, 300, "each of them");
	cr_assert_eq(w.tunnel_moved, 0);
	/* that one may not follow any more; the peer comes by another */
	w.follows = 7;
	client_begin(&c, 0, L2TP_HELLO);
	client_send_as(&c, &c.path, c.lns_id, c.ns, c.nr);
	cr_assert_eq(w.tunnel_moved, 0);
	c.path.sa_group = 7;
	client_begin(&c, 0, L2TP_HELLO);
	client_send_as(&c, &c.path, c.lns_id, c.ns, c.nr);
	cr_assert_eq(w.tunnel_moved, 1);
	cr_assert_eq(w.missed, 300);
	cr_assert_eq(tunnel()->path.sa_group, 7);
}

Test(l2tp_tunnel, inside_esp_half_open_tunnels_are_bounded_per_ipsec_peer)
{
	static const struct l2tp_settings set = {.half_open_max = 100, .half_open_per_source = 3};
	uint16_t id = 0;

	teardown();
	world_init(&w, &set);
	/* clients behind the address of one NAT; 0: in the clear */
	for (uint32_t group = 0; group < 4; group++) {
		for (int i = 0; i < 5; i++) {
			client_init(&c, &w, 1, ++id);
			c.path.sa_group = group;
			client_sccrq(&c);
		}
	}
	cr_assert_eq(w.tunnel_open, 12);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_SCCRQ_HALF_OPEN_SOURCE), 8);
	/* one that is up counts no more */
	client_init(&c, &w, 2, ++id);
	c.path.sa_group = 9;
	client_connect(&c);
	for (int i = 0; i < 3; i++) {
		client_init(&c, &w, 2, ++id);
		c.path.sa_group = 9;
		client_sccrq(&c);
	}
	cr_assert_eq(w.tunnel_open, 16);
	world_run(&w, w.now + 40000);
	cr_assert_eq(l2tp_lns_half_open(w.lns), 0, "they time out");
	client_init(&c, &w, 1, ++id);
	c.path.sa_group = 1;
	client_sccrq(&c);
	cr_assert_eq(w.tunnel_open, 17);
}

Test(l2tp_tunnel, half_open_tunnels_are_bounded_per_source_and_in_total)
{
	static const struct l2tp_settings set = {.half_open_max = 5, .half_open_per_source = 3};

	teardown();
	world_init(&w, &set);
	for (uint16_t host = 1; host <= 3; host++) {
		for (uint16_t id = 1; id <= 4; id++) {
			client_init(&c, &w, (uint8_t)host, id);
			client_sccrq(&c);
		}
	}
	cr_assert_eq(w.tunnel_open, 5);
	cr_assert_eq(l2tp_lns_half_open(w.lns), 5);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_SCCRQ_HALF_OPEN_SOURCE), 1);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_SCCRQ_HALF_OPEN_TOTAL), 6);
	world_run(&w, w.now + 120000);
	cr_assert_eq(l2tp_lns_half_open(w.lns), 0, "they time out");
	cr_assert_eq(w.tunnel_free, 5);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_TUNNEL_SETUP_TIMEOUT), 5);
}

Test(l2tp_tunnel, the_same_sccrq_again_is_a_resend_and_answered_by_an_acknowledgment)
{
	client_sccrq(&c);
	client_sccrp(&c);
	c.ns = 0;
	client_sccrq(&c);
	cr_assert_eq(w.tunnel_open, 1);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_SCCRQ_DUPLICATE), 1);
	cr_assert(world_last(&w)->zlb);
	client_scccn_write(&c, SECRET);
	client_send(&c);
	client_sccrq_write(&c);
	client_send_as(&c, &c.path, 0, 0, 0);
	cr_assert_eq(w.tunnel_open, 1, "also when it comes late");
	cr_assert_eq(tunnel()->state, L2TP_TUNNEL_ESTABLISHED);
}

Test(l2tp_tunnel, a_lac_that_rebooted_replaces_its_tunnel_only_when_the_new_one_is_authenticated)
{
	struct client again;
	struct l2tp_tunnel *old;
	unsigned before;

	client_connect(&c);
	client_call(&c, 1);
	old = tunnel();
	w.now += 10000;

	client_init(&again, &w, 1, 700);
	again.challenge = true; /* so that its SCCRQ is not the same */
	client_sccrq(&again);
	client_sccrp(&again);
	cr_assert_neq(again.lns_id, c.lns_id);
	client_scccn_write(&again, "wrong");
	client_send(&again);
	cr_assert_eq(old->state, L2TP_TUNNEL_ESTABLISHED, "an impostor replaces nothing");
	cr_assert_eq(w.session_down, 0);

	client_init(&again, &w, 1, 700);
	again.challenge = true;
	w.now += 40000; /* past the resends of the first try */
	world_run(&w, w.now);
	client_sccrq(&again);
	client_sccrp(&again);
	client_scccn_write(&again, SECRET);
	before = w.sent_count;
	client_send(&again);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_TUNNEL_REPLACED), 1);
	world_run(&w, w.now + 1);
	cr_assert_eq(w.session_down, 1);
	cr_assert(w.end.with_tunnel);
	cr_assert_null(l2tp_lns_tunnel(w.lns, c.lns_id), "gone at once");
	for (unsigned i = before; i < w.sent_count; i++)
		cr_assert_neq(w.sent[i % 64].msg.type, L2TP_STOPCCN,
			"a StopCCN would hit the new tunnel");
}

Test(l2tp_tunnel, other_tunnels_of_a_lac_that_came_back_are_asked_at_once)
{
	struct client again;

	client_connect(&c);
	w.now += 10000;
	client_init(&again, &w, 1, 701);
	client_connect(&again);
	cr_assert_not_null(world_last_of(&w, L2TP_HELLO));
	cr_assert_eq(world_last_of(&w, L2TP_HELLO)->header.tunnel_id, 700);
	cr_assert_eq(tunnel()->state, L2TP_TUNNEL_ESTABLISHED, "several tunnels per LAC are fine");
	world_run(&w, w.now + 32000);
	cr_assert_neq(w.tunnel_down, 0, "it did not answer");
	cr_assert_eq(w.tunnel_end.cause, L2TP_TUNNEL_DEAD);
}

Test(l2tp_tunnel, a_message_with_tunnel_id_0_after_set_up_finds_its_tunnel)
{
	client_connect(&c);
	client_begin(&c, 0, L2TP_ICRQ);
	l2tp_write_u16(&c.out, true, L2TP_AVP_ASSIGNED_SESSION_ID, 9);
	client_catch_up(&c);
	client_send_as(&c, &c.path, 0, c.ns++, c.nr);
	cr_assert_eq(w.session_open, 1, "the only tunnel on this path");
	client_begin(&c, 0, L2TP_STOPCCN);
	l2tp_write_u16(&c.out, true, L2TP_AVP_ASSIGNED_TUNNEL_ID, 701);
	l2tp_write_result(&c.out, 1, 0, NULL);
	client_catch_up(&c);
	client_send_as(&c, &c.path, 0, c.ns, c.nr);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_TUNNEL_ID_ZERO), 2);
	cr_assert_eq(tunnel()->state, L2TP_TUNNEL_STOPPED);
}

Test(l2tp_tunnel, the_port_is_learnt_from_an_authenticated_scccn)
{
	struct l2tp_path moved;

	client_sccrq(&c);
	client_sccrp(&c);
	moved = c.path;
	moved.peer.port = 40000;
	client_scccn_write(&c, SECRET);
	client_send_as(&c, &moved, c.lns_id, 1, 1);
	cr_assert_eq(w.tunnel_moved, 1);
	cr_assert_eq(tunnel()->state, L2TP_TUNNEL_ESTABLISHED);
	cr_assert_eq(tunnel()->path.peer.port, 40000);
	c.path = moved;
	c.ns = 2;
	client_begin(&c, 0, L2TP_HELLO);
	client_send(&c);
	world_run(&w, w.now + 100);
	cr_assert_eq(world_last(&w)->path.peer.port, 40000);
}

Test(l2tp_tunnel, a_wrong_scccn_from_another_port_moves_nothing)
{
	struct l2tp_path moved;

	client_sccrq(&c);
	client_sccrp(&c);
	moved = c.path;
	moved.peer.port = 40000;
	client_scccn_write(&c, "wrong");
	client_send_as(&c, &moved, c.lns_id, 1, 1);
	cr_assert_eq(w.tunnel_moved, 0);
}

Test(l2tp_tunnel, a_peer_at_a_new_address_is_followed_after_a_hello_round_trip)
{
	struct l2tp_path moved;
	struct world_sent *hello;
	uint16_t nr;

	client_connect(&c);
	client_call(&c, 1);
	client_zlb(&c);
	moved = c.path;
	moved.peer.address[3] = 77;
	moved.peer.port = 5000;
	client_begin(&c, 0, L2TP_HELLO);
	client_send_as(&c, &moved, c.lns_id, c.ns, c.nr);
	cr_assert_eq(w.tunnel_moved, 0, "not at once");
	hello = world_last_of(&w, L2TP_HELLO);
	cr_assert_not_null(hello);
	cr_assert_eq(hello->path.peer.port, 5000, "asked at the new address");
	nr = c.nr;
	client_send_as(&c, &moved, c.lns_id, c.ns, nr);
	cr_assert_eq(w.tunnel_moved, 0, "the same again acknowledges nothing");
	client_send_as(&c, &moved, c.lns_id, c.ns, (uint16_t)(hello->header.ns + 1));
	cr_assert_eq(w.tunnel_moved, 1);
	cr_assert_eq(tunnel()->path.peer.address[3], 77);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_TUNNEL_MOVED), 1);
	cr_assert_eq(tunnel()->state, L2TP_TUNNEL_ESTABLISHED);
}

Test(l2tp_tunnel, a_guess_from_elsewhere_starts_no_probe_and_the_old_address_ends_one)
{
	struct l2tp_path elsewhere;

	client_connect(&c);
	elsewhere = c.path;
	elsewhere.peer.address[3] = 66;
	client_begin(&c, 0, L2TP_HELLO);
	client_send_as(&c, &elsewhere, c.lns_id, (uint16_t)(c.ns + 1), c.nr);
	client_send_as(&c, &elsewhere, c.lns_id, (uint16_t)(c.ns - 1), c.nr);
	client_send_as(&c, &elsewhere, c.lns_id, c.ns, (uint16_t)(c.nr + 1));
	cr_assert_eq(world_count(&w, L2TP_COUNTER_TUNNEL_MOVE_PROBED), 0);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_TUNNEL_WRONG_PATH), 3);
	client_send_as(&c, &elsewhere, c.lns_id, c.ns, c.nr);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_TUNNEL_MOVE_PROBED), 1);
	client_begin(&c, 0, L2TP_HELLO);
	client_send(&c);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_TUNNEL_MOVE_REFUSED), 1);
	cr_assert_eq(w.tunnel_moved, 0);
	cr_assert_eq(tunnel()->path.peer.address[3], 1);
}

Test(l2tp_tunnel, inside_ipsec_a_new_port_is_followed_at_once)
{
	c.path.sa_group = 3;
	client_connect(&c);
	c.path.peer.port = 6000;
	client_begin(&c, 0, L2TP_HELLO);
	client_send(&c);
	cr_assert_eq(w.tunnel_moved, 1);
	cr_assert_eq(tunnel()->path.peer.port, 6000);
}

Test(l2tp_tunnel, hello_after_silence_and_dead_without_an_answer)
{
	client_connect(&c);
	client_call(&c, 1);
	client_zlb(&c);
	world_run(&w, w.now + 59999);
	cr_assert_null(world_last_of(&w, L2TP_HELLO));
	world_run(&w, w.now + 2);
	cr_assert_not_null(world_last_of(&w, L2TP_HELLO));
	client_zlb(&c);
	world_run(&w, w.now + 50000);
	cr_assert_eq(w.tunnel_down, 0, "it was answered");
	world_run(&w, w.now + 10000 + 31000 + 10);
	cr_assert_eq(w.tunnel_down, 1);
	cr_assert_eq(w.tunnel_end.cause, L2TP_TUNNEL_DEAD);
	cr_assert_eq(w.session_down, 1);
	cr_assert(w.end.with_tunnel);
	cr_assert_eq(w.end.result, L2TP_CDN_CARRIER_LOST);
	cr_assert_eq(w.tunnel_free, 1, "nothing to acknowledge any more");
}

Test(l2tp_tunnel, data_counts_as_life_and_hello_can_be_off)
{
	uint64_t start;

	client_connect(&c);
	start = w.now;
	w.data_seen = start + 50000;
	world_run(&w, start + 109000);
	cr_assert_null(world_last_of(&w, L2TP_HELLO));
	world_run(&w, start + 110001);
	cr_assert_not_null(world_last_of(&w, L2TP_HELLO));

	teardown();
	setup();
	w.peer.hello_ms = 0;
	client_connect(&c);
	world_run(&w, w.now + 3600000);
	cr_assert_eq(w.tunnel_down, 0);
}

Test(l2tp_tunnel, a_resent_stopccn_is_acknowledged_for_31_seconds)
{
	uint16_t id;

	client_connect(&c);
	id = c.lns_id;
	client_begin(&c, 0, L2TP_STOPCCN);
	l2tp_write_u16(&c.out, true, L2TP_AVP_ASSIGNED_TUNNEL_ID, c.id);
	l2tp_write_result(&c.out, 6, 0, "reload");
	client_send(&c);
	cr_assert(world_last(&w)->zlb, "acknowledged at once");
	world_run(&w, w.now + 1);
	cr_assert_eq(w.tunnel_down, 1);
	cr_assert_eq(w.tunnel_end.cause, L2TP_TUNNEL_BY_PEER);
	cr_assert_eq(w.tunnel_end.result, 6);
	cr_assert_str_eq(w.tunnel_end.message, "reload");
	for (int s = 1; s < 31; s += 3) {
		unsigned before = w.sent_count;

		world_run(&w, w.now + 3000 - 1000);
		client_send_as(&c, &c.path, id, (uint16_t)(c.ns - 1), c.nr);
		world_run(&w, w.now + 1000);
		if (s + 3 < 31) {
			cr_assert_eq(w.sent_count, before + 1, "at %d s", s);
			cr_assert(world_last(&w)->zlb);
		}
	}
	world_run(&w, w.now + 3000);
	cr_assert_eq(w.tunnel_free, 1);
	cr_assert_null(l2tp_lns_tunnel(w.lns, id));
}

Test(l2tp_tunnel, our_stopccn_overtakes_the_queue_and_is_resent_until_acknowledged)
{
	client_connect(&c);
	for (uint16_t i = 1; i <= 20; i++) {
		client_begin(&c, 0, L2TP_ICRQ);
		l2tp_write_u16(&c.out, true, L2TP_AVP_ASSIGNED_SESSION_ID, i);
		client_send_as(&c, &c.path, c.lns_id, c.ns++, c.nr); /* acknowledges nothing */
	}
	cr_assert_eq(w.session_open, 20);
	l2tp_tunnel_close(tunnel(), w.now, L2TP_STOPCCN_CLEAR, 0, "operator");
	cr_assert_eq(world_last(&w)->msg.type, L2TP_STOPCCN);
	world_run(&w, w.now + 1);
	cr_assert_eq(w.session_down, 20);
	cr_assert_eq(w.end.result, L2TP_CDN_ADMINISTRATIVE);
	cr_assert_eq(l2tp_lns_tunnels_open(w.lns), 1, "not yet acknowledged");
	w.sent_count = 0;
	world_run(&w, w.now + 5000);
	client_begin(&c, 0, L2TP_HELLO);
	client_send_as(&c, &c.path, c.lns_id, c.ns++, (uint16_t)tunnel()->channel.total);
	cr_assert_eq(l2tp_lns_tunnels_open(w.lns), 0);
	cr_assert_gt(w.sent_count, 0, "the oldest was resent");
}

Test(l2tp_tunnel, shutdown_says_so_to_every_tunnel)
{
	struct client other;

	client_connect(&c);
	client_init(&other, &w, 2, 800);
	client_connect(&other);
	w.sent_count = 0;
	l2tp_lns_shutdown(w.lns, w.now);
	cr_assert_eq(w.sent_count, 2);
	cr_assert_eq(w.sent[0].msg.result, L2TP_STOPCCN_SHUTDOWN);
	cr_assert_eq(w.sent[1].msg.result, L2TP_STOPCCN_SHUTDOWN);
	client_zlb(&c);
	client_zlb(&other);
	world_run(&w, w.now + 1);
	cr_assert_eq(w.tunnel_down, 2);
	cr_assert_eq(l2tp_lns_tunnels_open(w.lns), 0);
}

Test(l2tp_tunnel, cisco_sends_a_longer_response_than_needed)
{
	uint8_t response[20] = {0};

	client_sccrq(&c);
	client_sccrp(&c);
	client_begin(&c, 0, L2TP_SCCCN);
	l2tp_response(
		L2TP_SCCCN, (const uint8_t *)SECRET, strlen(SECRET), c.lns_challenge, 16, response);
	l2tp_write_bytes(&c.out, true, L2TP_AVP_CHALLENGE_RESPONSE, response, sizeof(response));
	client_send(&c);
	cr_assert_eq(tunnel()->state, L2TP_TUNNEL_ESTABLISHED);
}

Test(l2tp_tunnel, huawei_sends_known_avps_with_the_wrong_m_bit)
{
	client_begin(&c, 0, L2TP_SCCRQ);
	l2tp_write_u16(&c.out, false, L2TP_AVP_PROTOCOL_VERSION, 0x0100);
	l2tp_write_bytes(&c.out, false, L2TP_AVP_HOST_NAME, "lac", 3);
	l2tp_write_bytes(&c.out, true, L2TP_AVP_VENDOR_NAME, "Huawei", 6);
	l2tp_write_u16(&c.out, true, L2TP_AVP_FIRMWARE_REVISION, 1);
	l2tp_write_u64(&c.out, true, L2TP_AVP_TIE_BREAKER, 99);
	l2tp_write_u16(&c.out, false, L2TP_AVP_ASSIGNED_TUNNEL_ID, c.id);
	client_send_as(&c, &c.path, 0, 0, 0);
	client_sccrp(&c);
	cr_assert_str_eq(tunnel()->vendor_name, "Huawei");
	cr_assert(tunnel()->has_tie_breaker);
}

Test(l2tp_tunnel, the_first_sccrq_must_have_ns_0)
{
	client_sccrq_write(&c);
	client_send_as(&c, &c.path, 0, 1, 0);
	cr_assert_eq(w.sent_count, 0);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_SCCRQ_NS), 1);
}

Test(l2tp_tunnel, tunnel_ids_rest_after_the_end)
{
	uint16_t id;

	client_connect(&c);
	id = c.lns_id;
	client_begin(&c, 0, L2TP_STOPCCN);
	l2tp_write_result(&c.out, 1, 0, NULL);
	client_send(&c);
	world_run(&w, w.now + 40000);
	cr_assert_eq(w.tunnel_free, 1);
	client_begin(&c, 0, L2TP_HELLO);
	client_send_as(&c, &c.path, id, 3, 1);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_TUNNEL_UNKNOWN), 1);
}
