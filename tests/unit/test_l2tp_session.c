/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls, by the states of RFC 2661 section 7.4.2 and by what LACs send. */
#include "l2tp_world.h"

static struct world w;
static struct client c;

static void setup(void)
{
	world_init(&w, NULL);
	client_init(&c, &w, 1, 700);
	client_connect(&c);
}

static void teardown(void)
{
	world_fini(&w);
}

TestSuite(l2tp_session, .init = setup, .fini = teardown);

static struct l2tp_tunnel *tunnel(void)
{
	return l2tp_lns_tunnel(w.lns, c.lns_id);
}

#define LINE_HEADER 4 /* in front of each access-line value, l2tp_call.c */

static bool field_is(const struct l2tp_call *call, struct l2tp_field field, const char *text)
{
	size_t len;
	const uint8_t *bytes = l2tp_call_bytes(call, field, &len);

	return bytes != NULL && len == strlen(text) && memcmp(bytes, text, len) == 0;
}

/* Events on a session of each state: what is sent about it, and what becomes of it. */
Test(l2tp_session, state_table)
{
	enum { IDLE, WAIT, UP, GONE };
	enum { CLOSE = 100, ICCN_BAD };
	static const struct {
		int state;
		unsigned event;
		uint16_t sent; /* message type, 0: nothing */
		uint16_t result, error;
		int after;
	} rows[] = {
		{IDLE, L2TP_ICRQ, L2TP_ICRP, 0, 0, WAIT},
		{IDLE, L2TP_ICRP, 0, 0, 0, GONE},
		{IDLE, L2TP_ICCN, L2TP_CDN, 2, 5, GONE},
		{IDLE, L2TP_CDN, 0, 0, 0, GONE},
		{IDLE, L2TP_OCRQ, L2TP_CDN, 5, 0, GONE},
		{IDLE, L2TP_OCCN, 0, 0, 0, GONE},
		{IDLE, L2TP_WEN, 0, 0, 0, GONE},
		{IDLE, L2TP_SLI, 0, 0, 0, GONE},
		{WAIT, L2TP_ICCN, 0, 0, 0, UP},
		{WAIT, ICCN_BAD, L2TP_CDN, 2, 8, GONE},
		{WAIT, L2TP_ICRQ, L2TP_CDN, 2, 5, GONE},
		{WAIT, L2TP_ICRP, L2TP_CDN, 2, 5, GONE},
		{WAIT, L2TP_CDN, 0, 0, 0, GONE},
		{WAIT, CLOSE, L2TP_CDN, 3, 0, GONE},
		{UP, L2TP_ICCN, L2TP_CDN, 2, 5, GONE},
		{UP, L2TP_ICRQ, L2TP_CDN, 2, 5, GONE},
		{UP, L2TP_ICRP, L2TP_CDN, 2, 5, GONE},
		{UP, L2TP_OCRP, L2TP_CDN, 2, 5, GONE},
		{UP, L2TP_OCCN, L2TP_CDN, 2, 5, GONE},
		{UP, L2TP_WEN, 0, 0, 0, UP},
		{UP, L2TP_SLI, 0, 0, 0, UP},
		{UP, L2TP_CDN, 0, 0, 0, GONE},
		{UP, CLOSE, L2TP_CDN, 3, 0, GONE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint16_t id = 0x7777;
		struct world_sent *cdn;
		struct l2tp_session *s;

		teardown();
		setup();
		if (rows[i].state == WAIT) {
			client_icrq(&c, 5);
			id = w.session->local_id;
		} else if (rows[i].state == UP) {
			id = client_call(&c, 5);
		}
		client_zlb(&c);
		memset(w.sent, 0, sizeof(w.sent));
		switch (rows[i].event) {
		case CLOSE:
			l2tp_session_close(l2tp_tunnel_session(tunnel(), id), w.now,
				L2TP_CDN_ADMINISTRATIVE, 0, "operator", NULL);
			break;
		case ICCN_BAD:
			client_begin(&c, id, L2TP_ICCN);
			l2tp_write_u16(&c.out, true, 20, 1);
			client_send(&c);
			break;
		case L2TP_ICRQ:
			client_icrq(&c, 5);
			break;
		case L2TP_OCRQ:
			client_begin(&c, 0, L2TP_OCRQ);
			l2tp_write_u16(&c.out, true, L2TP_AVP_ASSIGNED_SESSION_ID, 5);
			client_send(&c);
			break;
		case L2TP_CDN:
			client_begin(&c, id, L2TP_CDN);
			l2tp_write_result(&c.out, 1, 0, NULL);
			l2tp_write_u16(&c.out, true, L2TP_AVP_ASSIGNED_SESSION_ID, 5);
			client_send(&c);
			break;
		default:
			client_begin(&c, id, rows[i].event);
			client_send(&c);
			break;
		}
		cdn = world_last_of(&w, rows[i].sent != 0 ? rows[i].sent : L2TP_CDN);
		cr_assert_eq(cdn != NULL, rows[i].sent != 0, "row %zu", i);
		if (rows[i].sent == L2TP_CDN) {
			cr_assert_eq(cdn->msg.result, rows[i].result, "row %zu", i);
			cr_assert_eq(cdn->msg.error, rows[i].error, "row %zu", i);
			/* Windows takes no CDN without the error field: 10 and the text */
			cr_assert_eq(cdn->bytes[12 + 8 + 1], 10 + cdn->msg.error_message.len);
			if (rows[i].event == L2TP_ICCN && rows[i].state == IDLE) {
				cr_assert_eq(cdn->header.session_id, 0);
				cr_assert_eq(cdn->msg.assigned_session_id, id);
			} else {
				cr_assert_eq(cdn->header.session_id, 5, "row %zu", i);
				cr_assert_neq(cdn->msg.assigned_session_id, 0);
			}
		}
		s = l2tp_tunnel_session_by_peer(tunnel(), 5);
		cr_assert_eq(s == NULL, rows[i].after == GONE, "row %zu", i);
		if (s != NULL)
			cr_assert_eq(s->state,
				rows[i].after == UP ? L2TP_SESSION_ESTABLISHED
						    : L2TP_SESSION_WAIT_CONNECT);
		cr_assert_eq(w.session_open - w.session_down, s != NULL, "row %zu", i);
		cr_assert_eq(tunnel()->state, L2TP_TUNNEL_ESTABLISHED, "the tunnel stays");
	}
}

static void proxy_is_there(const struct l2tp_call *call)
{
	const struct l2tp_call_proxy *proxy = l2tp_call_proxy(call);

	cr_assert(call->proxied);
	cr_assert(field_is(call, proxy->initial_confreq, "abc"));
	cr_assert(field_is(call, proxy->last_sent_confreq, "defg"));
	cr_assert(field_is(call, proxy->last_received_confreq, "hi"));
	cr_assert_eq(proxy->type, 2);
	cr_assert_eq(proxy->id, 7, "the high octet is reserved");
	cr_assert(field_is(call, proxy->name, "user@isp"), "was hidden");
	cr_assert(field_is(call, proxy->challenge, "chal"));
	cr_assert(field_is(call, proxy->response, "resp"));
}

Test(l2tp_session, everything_about_the_call_is_kept_but_its_proxy_lcp)
{
	const struct l2tp_call *call;
	static char number[L2TP_AVP_VALUE_MAX + 1];
	uint64_t rate;
	size_t len;

	memset(number, '5', L2TP_AVP_VALUE_MAX);
	client_begin(&c, 0, L2TP_ICRQ);
	l2tp_write_u16(&c.out, true, L2TP_AVP_ASSIGNED_SESSION_ID, 9);
	l2tp_write_u32(&c.out, true, L2TP_AVP_CALL_SERIAL_NUMBER, 77);
	l2tp_write_u32(&c.out, true, L2TP_AVP_BEARER_TYPE, 1);
	l2tp_write_u32(&c.out, false, L2TP_AVP_PHYSICAL_CHANNEL_ID, 12);
	l2tp_write_bytes(&c.out, true, L2TP_AVP_CALLING_NUMBER, number, L2TP_AVP_VALUE_MAX);
	l2tp_write_bytes(&c.out, true, L2TP_AVP_CALLED_NUMBER, number, L2TP_AVP_VALUE_MAX);
	l2tp_write_bytes(&c.out, true, L2TP_AVP_SUB_ADDRESS, "", 0);
	l2tp_write_vendor(&c.out, false, L2TP_VENDOR_DSL_FORUM, 1, "dslam 1/2/3", 11);
	l2tp_write_vendor(&c.out, false, L2TP_VENDOR_DSL_FORUM, 2, "remote", 6);
	l2tp_write_vendor(&c.out, false, L2TP_VENDOR_DSL_FORUM, 130, "\x05\xf5\xe1\x00", 4);
	l2tp_write_vendor(&c.out, false, 9, 1, "cisco", 5);
	client_send(&c);
	cr_assert_eq(w.session_open, 1);

	client_begin(&c, w.session->local_id, L2TP_ICCN);
	l2tp_write_u32(&c.out, true, L2TP_AVP_TX_CONNECT_SPEED, 100000);
	l2tp_write_u32(&c.out, true, L2TP_AVP_FRAMING_TYPE, 2);
	l2tp_write_bytes(&c.out, false, L2TP_AVP_PRIVATE_GROUP_ID, "blue", 4);
	l2tp_write_bytes(&c.out, false, L2TP_AVP_INITIAL_LCP_CONFREQ, "abc", 3);
	l2tp_write_bytes(&c.out, false, L2TP_AVP_LAST_SENT_LCP_CONFREQ, "defg", 4);
	l2tp_write_bytes(&c.out, false, L2TP_AVP_LAST_RECEIVED_LCP_CONFREQ, "hi", 2);
	l2tp_write_u16(&c.out, false, L2TP_AVP_PROXY_AUTHEN_TYPE, 2);
	l2tp_write_u16(&c.out, false, L2TP_AVP_PROXY_AUTHEN_ID, 0x0107);
	l2tp_write_bytes(&c.out, false, L2TP_AVP_RANDOM_VECTOR, "0123456789abcdef", 16);
	l2tp_write_hidden(&c.out, false, L2TP_AVP_PROXY_AUTHEN_NAME, "user@isp", 8,
		(const uint8_t *)SECRET, strlen(SECRET), (const uint8_t *)"0123456789abcdef", 16,
		9);
	l2tp_write_bytes(&c.out, false, L2TP_AVP_PROXY_AUTHEN_CHALLENGE, "chal", 4);
	l2tp_write_bytes(&c.out, false, L2TP_AVP_PROXY_AUTHEN_RESPONSE, "resp", 4);
	l2tp_write_bytes(&c.out, true, L2TP_AVP_SEQUENCING_REQUIRED, NULL, 0);
	w.up = proxy_is_there;
	client_send(&c);
	cr_assert_eq(w.session_up, 1);

	call = w.session->call;
	cr_assert_eq(call->serial_number, 77);
	cr_assert(call->has_physical_channel);
	cr_assert_eq(call->physical_channel, 12);
	cr_assert_eq(call->tx_speed, 100000);
	cr_assert_eq(call->rx_speed, 100000, "absent means the same");
	cr_assert(call->sequencing_required);
	cr_assert(field_is(call, call->calling_number, number), "1,017 bytes");
	cr_assert(field_is(call, call->called_number, number));
	cr_assert(field_is(call, call->sub_address, ""), "present and empty");
	cr_assert(field_is(call, call->private_group, "blue"));
	cr_assert_not_null(l2tp_call_access_line(call, 1, &len));
	cr_assert_eq(len, 11);
	cr_assert_not_null(l2tp_call_access_line(call, 2, &len));
	cr_assert_eq(len, 6);
	cr_assert(l2tp_call_access_number(call, 130, &rate));
	cr_assert_eq(rate, 100000000);
	cr_assert_null(l2tp_call_access_line(call, 3, &len));
	cr_assert_not(l2tp_call_access_number(call, 1, &rate), "11 bytes are no number");
	cr_assert_eq(call->size,
		sizeof(*call) + 2 * 1017 + strlen("blue") + 3 * LINE_HEADER +
			strlen("dslam 1/2/3") + strlen("remote") + 4,
		"nothing else, no credentials");
	cr_assert_not(call->proxied);
	cr_assert_eq(l2tp_call_proxy(call)->type, 0);
}

Test(l2tp_session, an_icrq_with_session_id_0_or_none_is_refused)
{
	client_icrq(&c, 0);
	cr_assert_eq(world_last(&w)->msg.type, L2TP_CDN);
	cr_assert_eq(world_last(&w)->msg.result, L2TP_CDN_ERROR);
	cr_assert_eq(world_last(&w)->msg.error, L2TP_ERROR_VALUE);
	client_begin(&c, 0, L2TP_ICRQ);
	client_send(&c);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_SESSION_BAD_PEER_ID), 2);
	cr_assert_eq(w.session_open, 0);
}

Test(l2tp_session, an_unknown_mandatory_avp_in_an_icrq_refuses_that_call_only)
{
	client_call(&c, 1);
	client_begin(&c, 0, L2TP_ICRQ);
	l2tp_write_u16(&c.out, true, 20, 1);
	l2tp_write_u16(&c.out, true, L2TP_AVP_ASSIGNED_SESSION_ID, 2);
	client_send(&c);
	cr_assert_eq(world_last(&w)->header.session_id, 2);
	cr_assert_eq(world_last(&w)->msg.error, L2TP_ERROR_UNKNOWN_AVP);
	cr_assert_eq(w.session_down, 0);
	cr_assert_eq(tunnel()->session_count, 1);
}

Test(l2tp_session, the_caller_refuses_with_its_codes)
{
	w.refuse_session = L2TP_CDN_ERROR;
	w.refuse_error = L2TP_ERROR_TRY_ANOTHER;
	client_icrq(&c, 3);
	cr_assert_eq(world_last(&w)->msg.result, L2TP_CDN_ERROR);
	cr_assert_eq(world_last(&w)->msg.error, L2TP_ERROR_TRY_ANOTHER);
	cr_assert_eq(tunnel()->session_count, 0);
	cr_assert_eq(w.session_down, 0);
}

Test(l2tp_session, session_up_may_close_at_once)
{
	w.close_in_up = true;
	client_call(&c, 3);
	cr_assert_eq(w.session_up, 1);
	cr_assert_eq(w.session_down, 1);
	cr_assert_eq(world_last(&w)->msg.type, L2TP_CDN);
	cr_assert_eq(world_last(&w)->msg.result, L2TP_CDN_ADMINISTRATIVE);
}

Test(l2tp_session, a_cdn_before_the_icrp_came_names_the_lacs_id_only)
{
	client_icrq(&c, 31);
	client_begin(&c, 0, L2TP_CDN);
	l2tp_write_bytes(&c.out, true, L2TP_AVP_RESULT_CODE, "\0\1", 2); /* without error field */
	l2tp_write_u16(&c.out, true, L2TP_AVP_ASSIGNED_SESSION_ID, 31);
	client_send(&c);
	cr_assert_eq(w.session_down, 1);
	cr_assert(w.end.by_peer);
	cr_assert_eq(w.end.result, 1);
}

Test(l2tp_session, cdn_brings_error_message_disconnect_cause_and_q931)
{
	struct l2tp_cause cause = {3, 0xc023, 1, {0}};
	uint16_t id = client_call(&c, 31);

	client_begin(&c, id, L2TP_CDN);
	l2tp_write_result(&c.out, 2, 6, "line down");
	l2tp_write_bytes(&c.out, true, L2TP_AVP_Q931_CAUSE_CODE, "\0\x10\x45", 3);
	l2tp_write_cause(&c.out, &cause);
	client_send(&c);
	cr_assert_eq(w.end.result, 2);
	cr_assert_eq(w.end.error, 6);
	cr_assert_str_eq(w.end_message, "line down");
	cr_assert_eq(w.end.cause.code, 3);
	cr_assert_eq(w.end.cause.protocol, 0xc023);
	cr_assert_eq(w.end.q931_cause, 16);
}

Test(l2tp_session, our_cdn_carries_the_disconnect_cause)
{
	struct l2tp_cause cause = {9, 0xc223, 2, {(const uint8_t *)"auth", 4}};
	uint16_t id = client_call(&c, 31);

	l2tp_session_close(
		l2tp_tunnel_session(tunnel(), id), w.now, L2TP_CDN_ADMINISTRATIVE, 0, "no", &cause);
	client_zlb(&c);
	cr_assert_eq(world_last_of(&w, L2TP_CDN)->msg.cause.code, 9);
	cr_assert_eq(world_last_of(&w, L2TP_CDN)->msg.cause.protocol, 0xc223);
	cr_assert_eq(world_last_of(&w, L2TP_CDN)->msg.assigned_session_id, id);
}

Test(l2tp_session, an_iccn_that_crosses_our_cdn_is_ignored)
{
	uint16_t id;

	client_icrq(&c, 8);
	id = w.session->local_id;
	l2tp_session_close(w.session, w.now, L2TP_CDN_ADMINISTRATIVE, 0, NULL, NULL);
	client_zlb(&c);
	memset(w.sent, 0, sizeof(w.sent));
	client_iccn(&c, id);
	cr_assert_null(world_last_of(&w, L2TP_CDN));
	cr_assert_eq(world_count(&w, L2TP_COUNTER_SESSION_UNKNOWN), 1);
}

Test(l2tp_session, a_call_without_iccn_ends_after_a_minute)
{
	client_icrq(&c, 8);
	client_zlb(&c);
	world_run(&w, w.now + 30000);
	client_icrq(&c, 9);
	client_zlb(&c);
	world_run(&w, w.now + 30001);
	cr_assert_eq(w.session_down, 1);
	cr_assert_eq(world_last_of(&w, L2TP_CDN)->msg.result, L2TP_CDN_TIMEOUT);
	cr_assert_not_null(l2tp_tunnel_session_by_peer(tunnel(), 9));
	cr_assert_eq(world_count(&w, L2TP_COUNTER_SESSION_CONNECT_TIMEOUT), 1);
}

Test(l2tp_session, wen_sli_and_speed_updates_are_stored)
{
	uint16_t id = client_call(&c, 4);
	uint8_t errors[26] = {0}, accm[10] = {0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
	uint8_t update[12] = {0, 0, id >> 8, id & 0xff, 0, 0, 0x10, 0, 0, 0, 0x20, 0};

	errors[5] = 9;
	client_begin(&c, id, L2TP_WEN);
	l2tp_write_bytes(&c.out, true, L2TP_AVP_CALL_ERRORS, errors, sizeof(errors));
	client_send(&c);
	client_begin(&c, id, L2TP_SLI);
	l2tp_write_bytes(&c.out, true, L2TP_AVP_ACCM, accm, sizeof(accm));
	client_send(&c);
	client_begin(&c, 0, L2TP_CSUN);
	l2tp_write_bytes(&c.out, false, L2TP_AVP_CONNECT_SPEED_UPDATE, update, sizeof(update));
	client_send(&c);
	cr_assert_eq(w.session_wen, 1);
	cr_assert_eq(w.session_sli, 1);
	cr_assert_eq(w.session_speed, 1);
	cr_assert_eq(w.session->reports->call_errors[0], 9);
	cr_assert_eq(w.session->reports->accm_send, 0x01020304);
	cr_assert_eq(w.session->call->tx_speed, 4096);
	cr_assert_eq(w.session->call->rx_speed, 8192);
}

/* ICRQs straight into the window, acknowledging as they go. */
static void calls(unsigned first, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		client_begin(&c, 0, L2TP_ICRQ);
		l2tp_write_u16(&c.out, true, L2TP_AVP_ASSIGNED_SESSION_ID, (uint16_t)(first + i));
		client_send_as(&c, &c.path, c.lns_id, c.ns++, (uint16_t)tunnel()->channel.sent);
	}
}

Test(l2tp_session, the_65536th_session_is_refused_and_all_end_paced)
{
	unsigned timeouts = 0;
	struct l2tp_session *s;
	uint32_t slot = 0, seen = 0;

	calls(1, 65535);
	cr_assert_eq(w.session_open, 65535);
	cr_assert_eq(l2tp_tunnel_slots(tunnel()), 65536);
	/* there is no 65536th id for the LAC either: it gives one up and tries again at once */
	client_begin(&c, 0, L2TP_CDN);
	l2tp_write_result(&c.out, 1, 0, NULL);
	l2tp_write_u16(&c.out, true, L2TP_AVP_ASSIGNED_SESSION_ID, 1);
	client_send_as(&c, &c.path, c.lns_id, c.ns++, (uint16_t)tunnel()->channel.sent);
	calls(1, 1);
	client_begin(&c, 0, L2TP_HELLO);
	client_send_as(&c, &c.path, c.lns_id, c.ns++, (uint16_t)tunnel()->channel.sent);
	cr_assert_eq(world_count(&w, L2TP_COUNTER_SESSION_NO_ID), 1);
	cr_assert_eq(world_last_of(&w, L2TP_CDN)->msg.result, L2TP_CDN_NO_FACILITIES);
	cr_assert_eq(world_last_of(&w, L2TP_CDN)->msg.error, L2TP_ERROR_RESOURCES);
	while ((s = l2tp_tunnel_session_next(tunnel(), &slot)) != NULL) {
		cr_assert_eq(l2tp_tunnel_session(tunnel(), s->local_id), s);
		cr_assert_eq(l2tp_tunnel_session_by_peer(tunnel(), s->peer_id), s);
		seen++;
	}
	cr_assert_eq(seen, 65534);
	w.now += 60000; /* the id has rested, and nothing else may time out */
	tunnel()->channel.resend_at = L2TP_NEVER;

	l2tp_tunnel_close(tunnel(), w.now, L2TP_STOPCCN_CLEAR, 0, NULL);
	while (w.tunnel_down == 0) {
		int before = w.session_down;

		cr_assert_eq(w.deadlines[c.lns_id], 0, "as soon as possible");
		l2tp_tunnel_timeout(tunnel(), w.now);
		cr_assert_leq(w.session_down - before, 256, "so much per call");
		timeouts++;
	}
	cr_assert_eq(timeouts, 256);
	cr_assert_eq(w.session_down, 65535);
	cr_assert_eq(l2tp_lns_sessions(w.lns), 0);
}

/* CVE-2024-49940: a tunnel that ends while its sessions are being set up and ended. */
Test(l2tp_session, teardown_of_the_tunnel_races_with_session_messages)
{
	uint16_t id;

	calls(1, 600);
	id = w.session->local_id;
	client_begin(&c, 0, L2TP_STOPCCN);
	l2tp_write_result(&c.out, 1, 0, NULL);
	client_send_as(&c, &c.path, c.lns_id, c.ns++, 1);
	l2tp_tunnel_timeout(tunnel(), w.now);
	cr_assert_eq(w.session_down, 256);
	/* late messages of the LAC, and the operator's close, in the middle of it */
	calls(601, 3);
	client_begin(&c, id, L2TP_ICCN);
	client_send_as(&c, &c.path, c.lns_id, c.ns++, 1);
	client_begin(&c, id, L2TP_CDN);
	client_send_as(&c, &c.path, c.lns_id, c.ns++, 1);
	if (l2tp_tunnel_session(tunnel(), id) != NULL)
		l2tp_session_close(l2tp_tunnel_session(tunnel(), id), w.now,
			L2TP_CDN_ADMINISTRATIVE, 0, NULL, NULL);
	l2tp_tunnel_close(tunnel(), w.now, L2TP_STOPCCN_CLEAR, 0, NULL);
	world_run(&w, w.now + 1);
	cr_assert_eq(w.session_open, 600);
	cr_assert_eq(w.session_down, 600);
	cr_assert_eq(w.tunnel_down, 1);
	cr_assert_eq(w.session_up, 0);
}
