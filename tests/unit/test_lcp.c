/* SPDX-License-Identifier: BSD-3-Clause */
/* LCP: options both ways, loops, echoes, rejects, timers (RFC 1661) and what peers get wrong. */
#include "ppp_harness.h"

#include "ppp_wire.h"

#define LCP 0xc021

Test(lcp, asks_for_mru_authentication_magic_and_compression)
{
	struct bench *b = bench_new(PPP_AUTH_CHAP_MD5, 0, 0);
	uint32_t m;

	ppp_start(&b->ppp, b->now, NULL);
	m = OUR_MAGIC(b);
	struct taken t = take(b, LCP, 1);
	cr_assert(t.address_control);
	BODY(t, 1, 4, 0x05, 0xd4, 3, 5, 0xc2, 0x23, 5, 5, 6, m >> 24, (uint8_t)(m >> 16),
		(uint8_t)(m >> 8), (uint8_t)m, 7, 2, 8, 2);
	bench_free(b);
}

Test(lcp, opens_when_both_requests_are_acknowledged)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	lcp_open(b);
	cr_assert_str_eq(b->events, "link_up");
	cr_assert_eq(b->link.mru, 1492);
	cr_assert_eq(b->link.peer_mru, 1492);
	cr_assert_not(b->link.acfc);
	cr_assert(b->link.address_control);
	bench_free(b);
}

Test(lcp, request_is_sent_ten_times_three_seconds_apart_then_gives_up)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);
	uint64_t start = b->now;
	uint8_t id;

	ppp_start(&b->ppp, b->now, NULL);
	id = take(b, LCP, 1).id;
	for (unsigned i = 1; i < 10; i++) {
		run_timer(b);
		cr_assert_eq(b->now, start + 3000 * i);
		cr_assert_eq(take(b, LCP, 1).id, id, "a retransmission keeps its id");
	}
	run_timer(b);
	cr_assert_eq(b->now, start + 30000);
	take_nothing(b);
	cr_assert_eq(b->closed, 1);
	cr_assert_eq(b->cause, PPP_CLOSE_LCP_TIMEOUT);
	cr_assert_eq(b->deadline, PPP_NO_DEADLINE);
	bench_free(b);
}

Test(lcp, early_timer_call_does_nothing)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	ppp_start(&b->ppp, b->now, NULL);
	take(b, LCP, 1);
	ppp_timeout(&b->ppp, b->now + 2999);
	take_nothing(b);
	cr_assert_eq(b->deadline, 4000);
	bench_free(b);
}

Test(lcp, peer_moves_us_to_the_next_authentication_method)
{
	struct bench *b = bench_new(PPP_AUTH_MSCHAP_V2, PPP_AUTH_CHAP_MD5, PPP_AUTH_PAP);

	ppp_start(&b->ppp, b->now, NULL);
	struct taken t = take(b, LCP, 1);
	cr_assert_arr_eq(t.body + 4, ((uint8_t[]){3, 5, 0xc2, 0x23, 0x81}), 5);
	/* The peer wants PAP, which is allowed: no detour over CHAP-MD5. */
	FEED(b, LCP, 3, t.id, 3, 4, 0xc0, 0x23);
	t = take(b, LCP, 1);
	cr_assert_arr_eq(t.body + 4, ((uint8_t[]){3, 4, 0xc0, 0x23}), 4);
	bench_free(b);
}

Test(lcp, eap_is_offered_and_the_next_own_method_is_asked)
{
	struct bench *b = bench_new(PPP_AUTH_CHAP_MD5, PPP_AUTH_PAP, 0);

	ppp_start(&b->ppp, b->now, NULL);
	struct taken t = take(b, LCP, 1);
	FEED(b, LCP, 3, t.id, 3, 4, 0xc2, 0x27);
	t = take(b, LCP, 1);
	cr_assert_arr_eq(t.body + 4, ((uint8_t[]){3, 4, 0xc0, 0x23}), 4);
	FEED(b, LCP, 3, t.id, 3, 4, 0xc2, 0x27);
	take(b, LCP, 5);
	FEED_EMPTY(b, LCP, 6, 1);
	cr_assert_eq(b->cause, PPP_CLOSE_AUTH_METHOD);
	bench_free(b);
}

Test(lcp, peer_that_rejects_authentication_is_ended)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	ppp_start(&b->ppp, b->now, NULL);
	struct taken t = take(b, LCP, 1);
	FEED(b, LCP, 4, t.id, 3, 4, 0xc0, 0x23);
	t = take(b, LCP, 5);
	run_timer(b);
	cr_assert_eq(take(b, LCP, 5).id, t.id);
	run_timer(b);
	take_nothing(b);
	cr_assert_eq(b->cause, PPP_CLOSE_AUTH_METHOD);
	bench_free(b);
}

Test(lcp, rejected_options_are_left_out)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	ppp_start(&b->ppp, b->now, NULL);
	struct taken t = take(b, LCP, 1);
	uint8_t reject[] = {1, 4, 0x05, 0xd4, 5, 6, 0, 0, 0, 0, 7, 2, 8, 2};
	feed(b, LCP, 4, t.id, reject, sizeof(reject));
	t = take(b, LCP, 1);
	BODY(t, 3, 4, 0xc0, 0x23);
	acknowledge(b, t);
	FEED(b, LCP, 1, 1, 1, 4, 0x05, 0xd4);
	take(b, LCP, 2);
	cr_assert_eq(b->link.mru, 1500, "without the option the peer may send 1500");
	bench_free(b);
}

Test(lcp, mru_nak_is_followed)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	ppp_start(&b->ppp, b->now, NULL);
	struct taken t = take(b, LCP, 1);
	FEED(b, LCP, 3, t.id, 1, 4, 0x05, 0x78);
	t = take(b, LCP, 1);
	cr_assert_arr_eq(t.body, ((uint8_t[]){1, 4, 0x05, 0x78}), 4);
	bench_free(b);
}

Test(lcp, acknowledgement_must_match_id_and_options)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	ppp_start(&b->ppp, b->now, NULL);
	struct taken t = take(b, LCP, 1);
	feed(b, LCP, 2, (uint8_t)(t.id + 1), t.body, t.len);
	cr_assert_eq(counted(b, PPP_REJECT_ID_MISMATCH), 1);
	feed(b, LCP, 2, t.id, t.body, t.len - 2);
	cr_assert_eq(counted(b, PPP_REJECT_OPTIONS_MISMATCH), 1);
	cr_assert_eq(b->ppp.lcp.fsm.state, PPP_REQ_SENT);
	acknowledge(b, t);
	cr_assert_eq(b->ppp.lcp.fsm.state, PPP_ACK_RCVD);
	bench_free(b);
}

Test(lcp, options_of_the_peer_truth_table)
{
	static const struct {
		const char *what;
		uint8_t options[16];
		uint8_t len;
		uint8_t code;
		uint8_t reply[16];
		uint8_t reply_len;
	} rows[] = {
		{"nothing", {0}, 0, 2, {0}, 0},
		{"MRU 1492", {1, 4, 5, 0xd4}, 4, 2, {1, 4, 5, 0xd4}, 4},
		{"MRU 9000", {1, 4, 0x23, 0x28}, 4, 2, {1, 4, 0x23, 0x28}, 4},
		{"MRU 68", {1, 4, 0, 68}, 4, 3, {1, 4, 0x02, 0x40}, 4},
		{"MRU of 3 bytes", {1, 5, 5, 0xd4, 0}, 5, 3, {1, 4, 5, 0xdc}, 4},
		{"MRU empty", {1, 2}, 2, 3, {1, 4, 5, 0xdc}, 4},
		{"ACCM", {2, 6, 0, 10, 0, 0}, 6, 2, {2, 6, 0, 10, 0, 0}, 6},
		{"ACCM short", {2, 3, 0}, 3, 3, {2, 6, 0, 0, 0, 0}, 6},
		{"PAP of us", {3, 4, 0xc0, 0x23}, 4, 4, {3, 4, 0xc0, 0x23}, 4},
		{"EAP of us", {3, 4, 0xc2, 0x27}, 4, 4, {3, 4, 0xc2, 0x27}, 4},
		{"quality", {4, 4, 0xc0, 0x25}, 4, 4, {4, 4, 0xc0, 0x25}, 4},
		{"magic", {5, 6, 1, 2, 3, 4}, 6, 2, {5, 6, 1, 2, 3, 4}, 6},
		{"PFC, ACFC", {7, 2, 8, 2}, 4, 2, {7, 2, 8, 2}, 4},
		{"PFC with a value", {7, 3, 1}, 3, 3, {7, 2}, 2},
		{"callback", {13, 3, 6}, 3, 4, {13, 3, 6}, 3},
		{"MRRU", {17, 4, 5, 0xdc}, 4, 4, {17, 4, 5, 0xdc}, 4},
		{"short sequence numbers", {18, 2}, 2, 4, {18, 2}, 2},
		{"endpoint discriminator, short", {19, 2}, 2, 4, {19, 2}, 2},
		{"endpoint discriminator", {19, 5, 1, 2, 3}, 5, 4, {19, 5, 1, 2, 3}, 5},
		{"MRU twice", {1, 4, 5, 0xd4, 1, 4, 5, 0xd0}, 8, 4, {1, 4, 5, 0xd0}, 4},
		{"reject before nak", {1, 4, 0, 68, 13, 3, 6}, 7, 4, {13, 3, 6}, 3},
		{"unknown type 255", {255, 2}, 2, 4, {255, 2}, 2},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

		ppp_start(&b->ppp, b->now, NULL);
		take(b, LCP, 1);
		feed(b, LCP, 1, 7, rows[i].options, rows[i].len);
		struct taken t = take_any(b);
		cr_assert_eq(t.code, rows[i].code, "%s: code %u", rows[i].what, t.code);
		cr_assert_eq(t.id, 7);
		cr_assert_eq(t.len, rows[i].reply_len, "%s: length %zu", rows[i].what, t.len);
		cr_assert(memcmp(t.body, rows[i].reply, t.len) == 0, "%s", rows[i].what);
		bench_free(b);
	}
}

Test(lcp, zero_magic_is_naked_with_another)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	ppp_start(&b->ppp, b->now, NULL);
	take(b, LCP, 1);
	FEED(b, LCP, 1, 1, 5, 6, 0, 0, 0, 0);
	struct taken t = take(b, LCP, 3);
	cr_assert_eq(t.len, 6);
	cr_assert(memcmp(t.body + 2, "\0\0\0\0", 4) != 0);
	bench_free(b);
}

Test(lcp, looped_back_line_is_found_by_the_magic_number)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);
	int turns = 0;

	b->config.auth_count = 0; /* else our own method comes back first */
	ppp_start(&b->ppp, b->now, NULL);
	while (!b->closed && turns++ < 200) {
		if (b->taken < b->sent) {
			unsigned i = b->taken++;
			uint8_t copy[PPP_FRAME_MAX];
			size_t len = b->frames[i].len;

			memcpy(copy, b->frames[i].bytes, len);
			ppp_receive(&b->ppp, b->now, copy, len);
		} else {
			run_timer(b);
		}
	}
	cr_assert_eq(b->closed, 1);
	cr_assert_eq(b->cause, PPP_CLOSE_LOOPBACK);
	cr_assert_str_eq(b->events, "closed", "it never came up");
	bench_free(b);
}

Test(lcp, nak_becomes_reject_after_max_failure)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	ppp_start(&b->ppp, b->now, NULL);
	take(b, LCP, 1);
	for (uint8_t i = 0; i < 5; i++) {
		FEED(b, LCP, 1, i, 1, 4, 0, 68);
		take(b, LCP, 3);
	}
	FEED(b, LCP, 1, 5, 1, 4, 0, 68);
	BODY(take(b, LCP, 4), 1, 4, 0, 68);
	cr_assert_eq(counted(b, PPP_REJECT_NAK_LOOP), 1);
	bench_free(b);
}

Test(lcp, peer_that_naks_without_end_is_given_up)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);
	int naks = 0;

	ppp_start(&b->ppp, b->now, NULL);
	while (!b->closed && naks < 200) {
		struct taken t = take(b, LCP, 1);

		FEED(b, LCP, 3, t.id, 5, 6, 1, 2, 3, (uint8_t)naks);
		naks++;
	}
	cr_assert_eq(naks, 30);
	cr_assert_eq(b->cause, PPP_CLOSE_LCP_FAILED);
	bench_free(b);
}

Test(lcp, hundreds_of_repeated_options_are_dropped) /* CVE-2026-85495 */
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);
	uint8_t options[4 * 360];

	for (size_t i = 0; i < sizeof(options); i += 4)
		memcpy(options + i, (uint8_t[]){1, 4, 0, 68}, 4);
	ppp_start(&b->ppp, b->now, NULL);
	take(b, LCP, 1);
	feed(b, LCP, 1, 1, options, sizeof(options));
	take_nothing(b);
	cr_assert_eq(counted(b, PPP_REJECT_TOO_MANY_OPTIONS), 1);
	/* As many as are taken: one Nak, the others rejected, in one bounded packet. */
	feed(b, LCP, 1, 2, options, 4 * PPP_OPTIONS_MAX);
	cr_assert_eq(take(b, LCP, 4).len, 4 * (PPP_OPTIONS_MAX - 1));
	bench_free(b);
}

Test(lcp, reject_is_cut_at_a_whole_option)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);
	uint8_t options[20 * 250];

	for (int i = 0; i < 20; i++) {
		memset(options + 250 * i, 0, 250);
		options[250 * i] = (uint8_t)(100 + i);
		options[250 * i + 1] = 250;
	}
	ppp_start(&b->ppp, b->now, NULL);
	take(b, LCP, 1);
	feed(b, LCP, 1, 1, options, sizeof(options));
	cr_assert_eq(take(b, LCP, 4).len, 5 * 250);
	bench_free(b);
}

Test(lcp, malformed_packets_truth_table)
{
	static const struct {
		const char *what;
		uint8_t frame[16];
		uint8_t len;
		enum ppp_reject reject;
	} rows[] = {
		{"empty", {0}, 0, PPP_REJECT_SHORT_FRAME},
		{"ff 03 alone", {0xff, 3}, 2, PPP_REJECT_SHORT_FRAME},
		{"half a protocol", {0xff, 3, 0xc0}, 3, PPP_REJECT_SHORT_FRAME},
		{"even protocol", {0xc0, 0x20, 1, 1, 0, 4}, 6, PPP_REJECT_BAD_PROTOCOL},
		{"no header", {0xc0, 0x21, 1, 1, 0}, 5, PPP_REJECT_BAD_LENGTH},
		{"length 3", {0xc0, 0x21, 1, 1, 0, 3}, 6, PPP_REJECT_BAD_LENGTH},
		{"length beyond", {0xc0, 0x21, 1, 1, 0, 5}, 6, PPP_REJECT_BAD_LENGTH},
		{"length 65535", {0xc0, 0x21, 1, 1, 0xff, 0xff}, 6, PPP_REJECT_BAD_LENGTH},
		{"option length 0", {0xc0, 0x21, 1, 1, 0, 6, 1, 0}, 8, PPP_REJECT_OPTION_LENGTH},
		{"option length 1", {0xc0, 0x21, 1, 1, 0, 6, 1, 1}, 8, PPP_REJECT_OPTION_LENGTH},
		{"option beyond", {0xc0, 0x21, 1, 1, 0, 6, 1, 4}, 8, PPP_REJECT_OPTION_LENGTH},
		{"half an option", {0xc0, 0x21, 1, 1, 0, 5, 1}, 7, PPP_REJECT_OPTION_LENGTH},
		{"nak, length 0", {0xc0, 0x21, 3, 1, 0, 6, 1, 0}, 8, PPP_REJECT_OPTION_LENGTH},
		{"empty Code-Reject", {0xc0, 0x21, 7, 1, 0, 4}, 6, PPP_REJECT_BAD_LENGTH},
		{"short Protocol-Reject", {0xc0, 0x21, 8, 1, 0, 5, 0x80}, 7, PPP_REJECT_BAD_LENGTH},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

		ppp_start(&b->ppp, b->now, NULL);
		take(b, LCP, 1);
		ppp_receive(&b->ppp, b->now, rows[i].frame, rows[i].len);
		cr_assert_eq(counted(b, rows[i].reject), 1, "%s", rows[i].what);
		take_nothing(b);
		cr_assert_eq(b->ppp.lcp.fsm.state, PPP_REQ_SENT, "%s", rows[i].what);
		bench_free(b);
	}
}

Test(lcp, padding_after_the_length_is_ignored)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);
	uint8_t frame[] = {0xc0, 0x21, 1, 1, 0, 8, 1, 4, 5, 0xd4, 0, 0, 0, 1};

	ppp_start(&b->ppp, b->now, NULL);
	take(b, LCP, 1);
	ppp_receive(&b->ppp, b->now, frame, sizeof(frame));
	BODY(take(b, LCP, 2), 1, 4, 5, 0xd4);
	bench_free(b);
}

Test(lcp, echo_request_is_answered_with_our_magic_and_its_data)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);
	uint32_t m;

	lcp_open(b);
	m = OUR_MAGIC(b);
	FEED(b, LCP, 9, 77, PEER_MAGIC, 'd', 'a', 't', 'a');
	struct taken t = take(b, LCP, 10);
	cr_assert_eq(t.id, 77);
	BODY(t, m >> 24, (uint8_t)(m >> 16), (uint8_t)(m >> 8), (uint8_t)m, 'd', 'a', 't', 'a');
	FEED(b, LCP, 9, 78, 1, 2, 3);
	take_nothing(b);
	cr_assert_eq(counted(b, PPP_REJECT_ECHO_SHORT), 1);
	FEED(b, LCP, 9, 79, m >> 24, (uint8_t)(m >> 16), (uint8_t)(m >> 8), (uint8_t)m);
	take_nothing(b);
	cr_assert_eq(counted(b, PPP_REJECT_OWN_MAGIC), 1);
	bench_free(b);
}

Test(lcp, echo_before_opening_is_not_answered)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	ppp_start(&b->ppp, b->now, NULL);
	take(b, LCP, 1);
	FEED(b, LCP, 9, 77, PEER_MAGIC);
	take_nothing(b);
	bench_free(b);
}

Test(lcp, echo_reply_is_never_larger_than_the_peers_mru)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);
	uint8_t data[4000] = {PEER_MAGIC};

	ppp_start(&b->ppp, b->now, NULL);
	acknowledge(b, take(b, LCP, 1));
	FEED(b, LCP, 1, 1, 1, 4, 0x02, 0x40); /* 576 */
	take(b, LCP, 2);
	feed(b, LCP, 9, 1, data, 600);
	cr_assert_eq(take(b, LCP, 10).len, 576 - 4);
	feed(b, LCP, 9, 2, data, sizeof(data));
	cr_assert_eq(take(b, LCP, 10).len, 576 - 4);
	cr_assert_eq(counted(b, PPP_REJECT_ECHO_TOO_BIG), 2);
	bench_free(b);
}

Test(lcp, unanswered_echoes_end_the_session)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);
	int echoes = 0;

	b->config.echo_interval = 10000;
	b->config.echo_failures = 3;
	b->config.auth_timeout = 1000000;
	lcp_open(b);
	uint64_t start = b->now;
	for (;;) {
		run_timer(b);
		struct taken t = take_any(b);
		if (t.code == 5)
			break;
		cr_assert_eq(t.code, 9);
		echoes++;
	}
	cr_assert_eq(echoes, 3);
	cr_assert_geq(b->now - start, 35000);
	cr_assert_leq(b->now - start, 40000);
	FEED_EMPTY(b, LCP, 6, 1);
	cr_assert_eq(b->cause, PPP_CLOSE_ECHO);
	bench_free(b);
}

Test(lcp, replies_and_traffic_keep_the_session)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	b->config.echo_interval = 10000;
	b->config.echo_failures = 1;
	b->config.auth_timeout = 1000000;
	lcp_open(b);
	for (int i = 0; i < 5; i++) {
		run_timer(b);
		FEED(b, LCP, 10, take(b, LCP, 9).id, PEER_MAGIC);
	}
	for (int i = 0; i < 5; i++) {
		ppp_traffic_seen(&b->ppp);
		run_timer(b);
		take_nothing(b);
	}
	/* Our own request come back as a reply is no sign of life. */
	run_timer(b);
	uint32_t m = OUR_MAGIC(b);
	FEED(b, LCP, 10, take(b, LCP, 9).id, m >> 24, (uint8_t)(m >> 16), (uint8_t)(m >> 8),
		(uint8_t)m);
	run_timer(b);
	take(b, LCP, 5);
	bench_free(b);
}

Test(lcp, timers_run_on_when_the_lower_half_of_the_clock_begins_anew)
{
	/* a deadline before it, on it, and all of them after it; the seventh week, and a year */
	static const struct {
		uint64_t turn;
		uint32_t before, late; /* ms; late: for a lower half of 0 */
	} rows[] = {{1, 7000, 0}, {1, 3000, 1}, {1, 1, 0}, {1, 0, 0}, {8, 7000, 0}, {8, 3000, 1}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);
		int requests = 0;

		b->now = (rows[i].turn << 32) - rows[i].before;
		ppp_start(&b->ppp, b->now, NULL);
		for (uint64_t at = b->now; !b->closed; requests++) {
			take(b, LCP, 1);
			cr_assert_geq(b->deadline, at + 3000, "row %zu", i);
			cr_assert_leq(b->deadline, at + 3000 + rows[i].late, "row %zu", i);
			/* one that comes too early does nothing */
			ppp_timeout(&b->ppp, b->deadline - 1);
			take_nothing(b);
			at = b->deadline;
			run_timer(b);
		}
		cr_assert_eq(requests, 10, "row %zu: %d", i, requests);
		cr_assert_eq(b->cause, PPP_CLOSE_LCP_TIMEOUT);
		bench_free(b);
	}
}

Test(lcp, peer_that_knows_no_echo_is_not_dead)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	b->config.echo_interval = 10000;
	b->config.auth_timeout = 1000000;
	lcp_open(b);
	run_timer(b);
	struct taken t = take(b, LCP, 9);
	FEED(b, LCP, 7, 1, 9, t.id, 0, 8, 0, 0, 0, 0);
	cr_assert_eq(b->ppp.lcp.echo_deadline, 0);
	cr_assert_eq(b->ppp.lcp.fsm.state, PPP_OPENED);
	bench_free(b);
}

Test(lcp, unknown_code_is_rejected_and_the_rate_is_limited)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	lcp_open(b);
	FEED(b, LCP, 99, 5, 1, 2, 3);
	BODY(take(b, LCP, 7), 99, 5, 0, 7, 1, 2, 3);
	for (int i = 0; i < 100; i++)
		FEED_EMPTY(b, LCP, 99, (uint8_t)i);
	cr_assert_eq(b->sent - b->taken, 9);
	cr_assert_eq(counted(b, PPP_REJECT_UNKNOWN_CODE), 101);
	cr_assert_eq(counted(b, PPP_REJECT_REJECT_RATE), 91);
	bench_free(b);
}

Test(lcp, code_reject_is_never_answered_by_a_code_reject)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	lcp_open(b);
	for (int i = 0; i < 20; i++)
		FEED(b, LCP, 7, (uint8_t)i, 14, 1, 0, 4);
	take_nothing(b);
	cr_assert_eq(b->ppp.lcp.fsm.state, PPP_OPENED);
	bench_free(b);
}

Test(lcp, rejected_configure_request_ends_the_link)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	lcp_open(b);
	FEED(b, LCP, 7, 1, 1, 1, 0, 4);
	take(b, LCP, 5);
	FEED_EMPTY(b, LCP, 6, 1);
	cr_assert_eq(b->cause, PPP_CLOSE_LCP_FAILED);
	bench_free(b);
}

Test(lcp, identification_time_remaining_and_discard_are_ignored)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	lcp_open(b);
	FEED(b, LCP, 11, 1, PEER_MAGIC);
	FEED(b, LCP, 12, 1, PEER_MAGIC, 'M', 'S', 'R', 'A', 'S');
	FEED(b, LCP, 13, 1, PEER_MAGIC, 0, 0, 0, 1);
	take_nothing(b);
	cr_assert_eq(b->ppp.lcp.fsm.state, PPP_OPENED);
	bench_free(b);
}

Test(lcp, terminate_request_is_acknowledged_in_every_state)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	ppp_start(&b->ppp, b->now, NULL);
	struct taken t = take(b, LCP, 1);
	FEED_EMPTY(b, LCP, 5, 41); /* Req-Sent */
	cr_assert_eq(take(b, LCP, 6).id, 41);
	acknowledge(b, t);
	FEED_EMPTY(b, LCP, 5, 42); /* Ack-Rcvd */
	cr_assert_eq(take(b, LCP, 6).id, 42);
	FEED(b, LCP, 1, 1, 1, 4, 5, 0xd4);
	take(b, LCP, 2);
	FEED_EMPTY(b, LCP, 5, 43); /* Ack-Sent */
	cr_assert_eq(take(b, LCP, 6).id, 43);
	cr_assert_eq(b->closed, 0);
	run_timer(b);
	t = take(b, LCP, 1);
	acknowledge(b, t);
	FEED(b, LCP, 1, 2, 1, 4, 5, 0xd4);
	take(b, LCP, 2);
	FEED_EMPTY(b, LCP, 5, 44); /* Opened */
	cr_assert_eq(take(b, LCP, 6).id, 44);
	cr_assert_str_eq(b->events, "link_up link_down");
	FEED_EMPTY(b, LCP, 5, 45); /* Stopping: the Ack was lost */
	cr_assert_eq(take(b, LCP, 6).id, 45);
	run_timer(b);
	cr_assert_eq(b->closed, 1);
	cr_assert_eq(b->cause, PPP_CLOSE_PEER);
	bench_free(b);
}

Test(lcp, repeated_request_of_the_peer_is_acknowledged_without_restarting)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	lcp_open(b);
	b->now += 3000;
	FEED(b, LCP, 1, 1, 1, 4, 0x05, 0xd4, 5, 6, PEER_MAGIC);
	take(b, LCP, 2);
	take_nothing(b);
	cr_assert_str_eq(b->events, "link_up");
	/* Another magic number is another incarnation of the peer. */
	FEED(b, LCP, 1, 1, 1, 4, 0x05, 0xd4, 5, 6, 1, 2, 3, 4);
	take(b, LCP, 1);
	take(b, LCP, 2);
	cr_assert_str_eq(b->events, "link_up link_down");
	bench_free(b);
}

Test(lcp, doubled_acknowledgement_does_not_bring_the_link_down)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	ppp_start(&b->ppp, b->now, NULL);
	struct taken t = take(b, LCP, 1);
	acknowledge(b, t);
	acknowledge(b, t);
	cr_assert_eq(b->ppp.lcp.fsm.state, PPP_ACK_RCVD);
	FEED(b, LCP, 1, 1, 1, 4, 5, 0xd4);
	acknowledge(b, t);
	cr_assert_eq(b->ppp.lcp.fsm.state, PPP_OPENED);
	bench_free(b);
}

Test(lcp, peer_that_renegotiates_without_end_is_ended)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);
	uint8_t id = 1;

	lcp_open(b);
	for (int i = 0; i < 40 && ppp_phase(&b->ppp) != PPP_PHASE_TERMINATE && !b->closed; i++) {
		id++;
		FEED(b, LCP, 1, id, 1, 4, 5, 0xd4);
		struct taken t = take(b, LCP, 1);
		take(b, LCP, 2);
		acknowledge(b, t);
		b->now += 10;
		if (b->taken < b->sent)
			break;
	}
	take(b, LCP, 5);
	cr_assert_eq(id, 17, "16 openings in a minute, not %u", id - 1);
	FEED_EMPTY(b, LCP, 6, 1);
	cr_assert_eq(b->cause, PPP_CLOSE_LCP_FAILED);
	bench_free(b);
}

Test(lcp, framing_follows_acfc_and_the_quirks)
{
	static const struct {
		enum ppp_framing framing;
		bool acfc;
		bool lcp, other;
	} rows[] = {
		{PPP_FRAMING_NEGOTIATED, false, true, true},
		{PPP_FRAMING_NEGOTIATED, true, true, false},
		{PPP_FRAMING_ALWAYS, true, true, true},
		{PPP_FRAMING_NEVER, false, false, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench *b = bench_new(PPP_AUTH_CHAP_MD5, 0, 0);

		b->config.framing = rows[i].framing;
		ppp_start(&b->ppp, b->now, NULL);
		acknowledge(b, take(b, LCP, 1));
		if (rows[i].acfc)
			FEED(b, LCP, 1, 1, 8, 2);
		else
			FEED_EMPTY(b, LCP, 1, 1);
		cr_assert_eq(take(b, LCP, 2).address_control, rows[i].lcp, "row %zu", i);
		cr_assert_eq(take(b, 0xc223, 1).address_control, rows[i].other, "row %zu", i);
		cr_assert_eq(b->link.address_control, rows[i].other, "row %zu", i);
		FEED(b, LCP, 9, 1, PEER_MAGIC);
		cr_assert_eq(take(b, LCP, 10).address_control, rows[i].lcp, "row %zu", i);
		bench_free(b);
	}
}
