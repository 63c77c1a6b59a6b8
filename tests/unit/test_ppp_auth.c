/* SPDX-License-Identifier: BSD-3-Clause */
/* Authentication as the peer sees it: PAP, CHAP, MS-CHAPv2, lost packets, late and missing AAA. */
#include "ppp_harness.h"

#include <crypto/digest.h>
#include <crypto/mschap.h>

#define LCP  0xc021
#define PAP  0xc023
#define CHAP 0xc223

#define MSCHAP_RESPONSE                                                                            \
	49, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 0, 0, 0, 0, 0, 0, 0, 21, 22, \
		23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42,    \
		43, 44, 0, 'j', 'o', 'e'
#define MD5_RESPONSE 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 'j', 'o', 'e'

Test(ppp_auth, pap_credentials_reach_aaa_and_the_ack_has_its_message)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	lcp_open(b);
	take_nothing(b);
	FEED(b, PAP, 1, 9, PAP_JOE);
	cr_assert_eq(b->request.method, PPP_AUTH_PAP);
	cr_assert_eq(b->request.user_len, 3);
	cr_assert_str_eq((char *)b->user, "joe");
	cr_assert_str_eq((char *)b->password, "pw");
	take_nothing(b);
	bench_answer(b, true, "hello");
	struct taken t = take(b, PAP, 2);
	cr_assert_eq(t.id, 9);
	BODY(t, 5, 'h', 'e', 'l', 'l', 'o');
	cr_assert_str_eq(b->events, "link_up auth_request network");
	bench_free(b);
}

Test(ppp_auth, repeated_pap_request_gets_the_same_answer_and_asks_aaa_once)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	lcp_open(b);
	FEED(b, PAP, 1, 9, PAP_JOE);
	FEED(b, PAP, 1, 9, PAP_JOE);
	FEED(b, PAP, 1, 10, PAP_JOE);
	cr_assert_eq(counted(b, PPP_REJECT_AUTH_PENDING), 2);
	bench_answer(b, true, "hi");
	take(b, PAP, 2);
	FEED(b, PAP, 1, 10, PAP_JOE);
	struct taken t = take(b, PAP, 2);
	cr_assert_eq(t.id, 10);
	BODY(t, 2, 'h', 'i');
	cr_assert_eq(b->requests, 1);
	bench_free(b);
}

Test(ppp_auth, pap_request_is_still_answered_when_ipcp_is_open)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	ipv4_open(b);
	cr_assert_null(b->ppp.auth.state, "nothing is kept for a session that is up");
	FEED(b, PAP, 1, 9, PAP_JOE);
	BODY(take(b, PAP, 2), 0);
	cr_assert_eq(b->requests, 1);
	bench_free(b);
}

Test(ppp_auth, pap_has_one_retry)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	lcp_open(b);
	FEED(b, PAP, 1, 9, PAP_JOE);
	bench_answer(b, false, "no");
	BODY(take(b, PAP, 3), 2, 'n', 'o');
	take_nothing(b);
	FEED(b, PAP, 1, 9, PAP_JOE); /* the Nak was lost */
	take(b, PAP, 3);
	cr_assert_eq(b->requests, 1);
	FEED(b, PAP, 1, 10, PAP_JOE);
	cr_assert_eq(b->requests, 2);
	bench_answer(b, false, NULL);
	BODY(take(b, PAP, 3), 0);
	take(b, LCP, 5);
	FEED_EMPTY(b, LCP, 6, 1);
	cr_assert_eq(b->cause, PPP_CLOSE_AUTH_FAILED);
	bench_free(b);
}

Test(ppp_auth, malformed_pap_truth_table)
{
	static const struct {
		const char *what;
		uint8_t body[8];
		uint8_t len;
	} rows[] = {
		{"empty", {0}, 0},
		{"user beyond", {4, 'j', 'o', 'e'}, 4},
		{"no password length", {3, 'j', 'o', 'e'}, 4},
		{"password beyond", {3, 'j', 'o', 'e', 3, 'p', 'w'}, 7},
		{"user 255", {255, 'j'}, 2},
		{"NUL in the user", {3, 'j', 0, 'e', 1, 'p'}, 6},
		{"NUL behind the user", {3, 'j', 'o', 0, 1, 'p'}, 6},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

		lcp_open(b);
		feed(b, PAP, 1, 1, rows[i].body, rows[i].len);
		cr_assert_eq(counted(b, PPP_REJECT_AUTH_MALFORMED), 1, "%s", rows[i].what);
		cr_assert_eq(b->requests, 0);
		bench_free(b);
	}
}

Test(ppp_auth, empty_user_and_password_are_the_aaas_to_judge)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	lcp_open(b);
	FEED(b, PAP, 1, 1, 0, 0);
	cr_assert_eq(b->requests, 1);
	cr_assert_eq(b->request.user_len, 0);
	bench_free(b);
}

Test(ppp_auth, chap_challenge_is_sixteen_random_bytes_and_our_name)
{
	struct bench *b = bench_new(PPP_AUTH_CHAP_MD5, 0, 0);

	lcp_open(b);
	struct taken t = take(b, CHAP, 1);
	cr_assert_eq(t.len, 1 + 16 + 3);
	cr_assert_eq(t.body[0], 16);
	cr_assert(memcmp(t.body + 17, "lns", 3) == 0);
	FEED(b, CHAP, 2, t.id, MD5_RESPONSE);
	cr_assert_eq(b->request.method, PPP_AUTH_CHAP_MD5);
	cr_assert_eq(b->request.chap_id, t.id);
	cr_assert_arr_eq(b->challenge, t.body + 1, 16);
	cr_assert_eq(b->response[0], 1);
	cr_assert_str_eq((char *)b->user, "joe");
	bench_answer(b, true, "ok");
	struct taken s = take(b, CHAP, 3);
	cr_assert_eq(s.id, t.id);
	BODY(s, 'o', 'k');
	bench_free(b);
}

Test(ppp_auth, challenge_is_repeated_until_the_time_is_over)
{
	struct bench *b = bench_new(PPP_AUTH_CHAP_MD5, 0, 0);
	uint64_t start = b->now;

	lcp_open(b);
	struct taken t = take(b, CHAP, 1);
	for (unsigned i = 1; i < 10; i++) {
		run_timer(b);
		cr_assert_eq(b->now, start + 3000 * i);
		struct taken again = take(b, CHAP, 1);
		cr_assert_eq(again.id, t.id);
		body_is(again, t.body, t.len);
	}
	run_timer(b);
	take(b, LCP, 5);
	FEED_EMPTY(b, LCP, 6, 1);
	cr_assert_eq(b->cause, PPP_CLOSE_AUTH_TIMEOUT);
	bench_free(b);
}

Test(ppp_auth, response_with_another_id_is_not_looked_at)
{
	struct bench *b = bench_new(PPP_AUTH_CHAP_MD5, 0, 0);

	lcp_open(b);
	struct taken t = take(b, CHAP, 1);
	FEED(b, CHAP, 2, (uint8_t)(t.id + 1), MD5_RESPONSE);
	cr_assert_eq(b->requests, 0);
	cr_assert_eq(counted(b, PPP_REJECT_AUTH_ID), 1);
	bench_free(b);
}

Test(ppp_auth, lost_success_is_sent_again)
{
	struct bench *b = bench_new(PPP_AUTH_CHAP_MD5, 0, 0);

	lcp_open(b);
	uint8_t id = take(b, CHAP, 1).id;
	FEED(b, CHAP, 2, id, MD5_RESPONSE);
	bench_answer(b, true, "ok");
	take(b, CHAP, 3);
	FEED(b, CHAP, 2, id, MD5_RESPONSE);
	BODY(take(b, CHAP, 3), 'o', 'k');
	cr_assert_eq(b->requests, 1);
	bench_free(b);
}

Test(ppp_auth, lost_success_is_repeated_with_ipcp_until_the_peer_is_heard)
{
	struct bench *b = bench_new(PPP_AUTH_CHAP_MD5, 0, 0);
	unsigned repeats = 0;

	lcp_open(b);
	uint8_t id = take(b, CHAP, 1).id;
	FEED(b, CHAP, 2, id, MD5_RESPONSE);
	bench_answer(b, true, "ok");
	take(b, CHAP, 3);
	ppp_ipv4_open(&b->ppp, b->now, &bench_ipv4);
	take(b, 0x8021, 1);
	/* an echo is answered by a peer that still waits, too */
	FEED(b, 0xc021, 10, 1, PEER_MAGIC);
	for (; repeats < 3; repeats++) {
		run_timer(b);
		struct taken t = take(b, CHAP, 3);

		cr_assert_eq(t.id, id);
		BODY(t, 'o', 'k');
		take(b, 0x8021, 1);
	}
	FEED(b, 0x8021, 1, 1, 3, 6, 0, 0, 0, 0);
	take(b, 0x8021, 3);
	run_timer(b);
	take(b, 0x8021, 1);
	take_nothing(b);
	bench_free(b);
}

Test(ppp_auth, repeats_of_a_success_end_with_ipcp)
{
	struct bench *b = bench_new(PPP_AUTH_CHAP_MD5, 0, 0);
	unsigned repeats = 0;

	b->open_at_once = true;
	lcp_open(b);
	FEED(b, CHAP, 2, take(b, CHAP, 1).id, MD5_RESPONSE);
	bench_answer(b, true, NULL);
	while (!b->closed && b->deadline != PPP_NO_DEADLINE) {
		run_timer(b);
		while (b->taken < b->sent) {
			struct taken t = take_any(b);

			repeats += t.protocol == CHAP && t.code == 3;
		}
	}
	cr_assert(b->closed);
	cr_assert_eq(b->cause, PPP_CLOSE_NCP_TIMEOUT);
	cr_assert_leq(repeats, 1u + b->config.max_configure);
	bench_free(b);
}

Test(ppp_auth, pap_ack_is_repeated_with_ipcp_too)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	pap_open(b);
	ppp_ipv4_open(&b->ppp, b->now, &bench_ipv4);
	take(b, 0x8021, 1);
	run_timer(b);
	cr_assert_eq(take(b, 0xc023, 2).id, 9);
	take(b, 0x8021, 1);
	bench_free(b);
}

Test(ppp_auth, failed_chap_md5_ends_the_link_at_once)
{
	struct bench *b = bench_new(PPP_AUTH_CHAP_MD5, 0, 0);

	lcp_open(b);
	uint8_t id = take(b, CHAP, 1).id;
	FEED(b, CHAP, 2, id, MD5_RESPONSE);
	bench_answer(b, false, "bad");
	BODY(take(b, CHAP, 4), 'b', 'a', 'd');
	take(b, LCP, 5);
	bench_free(b);
}

Test(ppp_auth, short_or_long_chap_values_are_malformed)
{
	struct bench *b = bench_new(PPP_AUTH_MSCHAP_V2, 0, 0);
	uint8_t long_name[50 + 254] = {49};
	uint8_t id;

	lcp_open(b);
	id = take(b, CHAP, 1).id;
	FEED_EMPTY(b, CHAP, 2, id);
	FEED(b, CHAP, 2, id, 49, 1, 2, 3);  /* shorter than it says */
	FEED(b, CHAP, 2, id, MD5_RESPONSE); /* an MD5 value for MS-CHAPv2 */
	FEED(b, CHAP, 2, id, 255, 1, 2, 3);
	feed(b, CHAP, 2, id, long_name, sizeof(long_name)); /* CVE-2020-8597's kind */
	cr_assert_eq(counted(b, PPP_REJECT_AUTH_MALFORMED), 5);
	cr_assert_eq(b->requests, 0);
	FEED(b, CHAP, 2, id, MSCHAP_RESPONSE);
	cr_assert_eq(b->requests, 1);
	bench_free(b);
}

Test(ppp_auth, chap_name_with_a_nul_is_malformed)
{
	static const struct {
		enum ppp_auth_method method;
		uint8_t value_len;
	} rows[] = {{PPP_AUTH_CHAP_MD5, 16}, {PPP_AUTH_MSCHAP_V2, 49}};
	static const uint8_t name[] = "a@isp\0@vpn";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench *b = bench_new(rows[i].method, 0, 0);
		uint8_t body[80] = {rows[i].value_len}, *user = body + 1 + rows[i].value_len;
		uint8_t id, before = (uint8_t)(1 + rows[i].value_len);

		memcpy(user, name, sizeof(name) - 1);
		lcp_open(b);
		id = take(b, CHAP, 1).id;
		feed(b, CHAP, 2, id, body, before + sizeof(name) - 1);
		feed(b, CHAP, 2, id, body, before + 6); /* the NUL at the end */
		cr_assert_eq(counted(b, PPP_REJECT_AUTH_MALFORMED), 2, "row %zu", i);
		cr_assert_eq(b->requests, 0, "row %zu", i);
		feed(b, CHAP, 2, id, body, before + 5);
		cr_assert_eq(b->requests, 1, "row %zu", i);
		cr_assert_str_eq((char *)b->user, "a@isp");
		bench_free(b);
	}
}

Test(ppp_auth, proxied_name_with_a_nul_is_not_used_and_the_peer_is_asked)
{
	static const uint8_t sent[3][5] = {
		{3, 4, 0xc0, 0x23}, {3, 5, 0xc2, 0x23, 5}, {3, 5, 0xc2, 0x23, 0x81}};
	static const uint8_t received[] = {1, 4, 5, 0xd4}, challenge[16], response[49];
	static const struct {
		enum ppp_auth_method method;
		uint16_t type;
		uint8_t response_len, sent_len;
	} rows[] = {{PPP_AUTH_PAP, 3, 2, 4}, {PPP_AUTH_CHAP_MD5, 2, 16, 5},
		{PPP_AUTH_MSCHAP_V2, 2, 49, 5}};

	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		size_t row = i / 2;
		bool nul = i % 2;
		struct bench *b = bench_new(rows[row].method, 0, 0);
		struct ppp_proxy proxy = {
			.last_sent = sent[row],
			.last_sent_len = rows[row].sent_len,
			.last_received = received,
			.last_received_len = sizeof(received),
			.auth_type = rows[row].type,
			.auth_name = (const uint8_t *)(nul ? "a\0b" : "a-b"),
			.auth_name_len = 3,
			.auth_challenge = challenge,
			.auth_challenge_len = sizeof(challenge),
			.auth_response = response,
			.auth_response_len = rows[row].response_len,
		};

		ppp_start(&b->ppp, b->now, &proxy);
		cr_assert_eq(b->requests, nul ? 0 : 1, "row %zu", i);
		cr_assert_eq(counted(b, PPP_REJECT_AUTH_MALFORMED), nul ? 1 : 0, "row %zu", i);
		if (nul && rows[row].method != PPP_AUTH_PAP)
			take(b, CHAP, 1);
		take_nothing(b);
		bench_free(b);
	}
}

Test(ppp_auth, mschap_v2_success_carries_the_authenticator_response)
{
	struct bench *b = bench_new(PPP_AUTH_MSCHAP_V2, 0, 0);
	static const char expected[] = "S=0123456789ABCDEF0123456789ABCDEF01234567 M=hi";

	lcp_open(b);
	uint8_t id = take(b, CHAP, 1).id;
	FEED(b, CHAP, 2, id, MSCHAP_RESPONSE);
	cr_assert_eq(b->request.peer_challenge - b->request.response, 0);
	cr_assert_eq(b->request.nt_response - b->request.peer_challenge, 24);
	bench_answer(b, true, "hi");
	body_is(take(b, CHAP, 3), (const uint8_t *)expected, sizeof(expected) - 1);
	bench_free(b);
}

Test(ppp_auth, mschap_v2_retry_has_a_new_challenge_and_the_next_id)
{
	struct bench *b = bench_new(PPP_AUTH_MSCHAP_V2, 0, 0);
	char text[256] = "", hex[33] = "";

	lcp_open(b);
	struct taken t = take(b, CHAP, 1);
	FEED(b, CHAP, 2, t.id, MSCHAP_RESPONSE);
	bench_answer(b, false, "try again");
	struct taken f = take(b, CHAP, 4);
	cr_assert_eq(f.id, t.id);
	memcpy(text, f.body, f.len);
	cr_assert(strncmp(text, "E=691 R=1 C=", 12) == 0, "%s", text);
	cr_assert_str_eq(text + 12 + 32, " V=3 M=try again");
	/* The Failure was lost: the same one again. */
	FEED(b, CHAP, 2, t.id, MSCHAP_RESPONSE);
	struct taken again = take(b, CHAP, 4);
	body_is(again, f.body, f.len);
	FEED(b, CHAP, 2, (uint8_t)(t.id + 1), MSCHAP_RESPONSE);
	cr_assert_eq(b->requests, 2);
	for (int i = 0; i < 16; i++)
		sprintf(hex + 2 * i, "%02X", b->challenge[i]);
	cr_assert(strncmp(text + 12, hex, 32) == 0, "AAA gets the challenge of the Failure");
	cr_assert(memcmp(b->challenge, t.body + 1, 16) != 0);
	bench_answer(b, false, NULL);
	f = take(b, CHAP, 4);
	cr_assert(memcmp(f.body, "E=691 R=0 C=", 12) == 0);
	take(b, LCP, 5);
	bench_free(b);
}

Test(ppp_auth, real_mschap_v2_peer_is_accepted)
{
	struct bench *b = bench_new(PPP_AUTH_MSCHAP_V2, 0, 0);
	uint8_t value[50] = {49}, challenge[8], hash[16];
	char proof[MSCHAP_AUTHENTICATOR_LEN];

	cr_assert_eq(digest_init(), 0);
	lcp_open(b);
	struct taken t = take(b, CHAP, 1);
	for (int i = 0; i < 16; i++)
		value[1 + i] = (uint8_t)i;
	mschap_challenge_hash(value + 1, t.body + 1, "joe", 3, challenge);
	mschap_password_hash("pw", 2, hash);
	mschap_challenge_response(challenge, hash, value + 25);
	uint8_t packet[53];
	memcpy(packet, value, 50);
	memcpy(packet + 50, "joe", 3);
	feed(b, CHAP, 2, t.id, packet, sizeof(packet));
	struct mschap_v2 m = {b->challenge, b->response, b->response + 24, "joe", 3};
	cr_assert(mschap_v2_check(&m, "pw", 2, proof));
	cr_assert_not(mschap_v2_check(&m, "px", 2, proof));
	digest_fini();
	bench_free(b);
}

Test(ppp_auth, password_to_a_chap_server_is_naked_once_and_not_looked_at)
{
	struct bench *b = bench_new(PPP_AUTH_CHAP_MD5, 0, 0);

	lcp_open(b);
	take(b, CHAP, 1);
	FEED(b, PAP, 1, 5, PAP_JOE);
	cr_assert_eq(take(b, PAP, 3).id, 5);
	FEED(b, PAP, 1, 6, PAP_JOE);
	take_nothing(b);
	cr_assert_eq(b->requests, 0);
	cr_assert_eq(counted(b, PPP_REJECT_AUTH_WRONG_PROTOCOL), 2);
	bench_free(b);
}

Test(ppp_auth, peer_that_agreed_to_pap_and_sends_chap_may_still_use_pap)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	lcp_open(b);
	FEED(b, CHAP, 2, 1, MD5_RESPONSE);
	take_nothing(b);
	cr_assert_eq(counted(b, PPP_REJECT_AUTH_WRONG_PROTOCOL), 1);
	FEED(b, PAP, 1, 1, PAP_JOE);
	cr_assert_eq(b->requests, 1);
	bench_free(b);
}

Test(ppp_auth, authentication_before_lcp_is_open_is_discarded)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	ppp_start(&b->ppp, b->now, NULL);
	take(b, LCP, 1);
	FEED(b, PAP, 1, 1, PAP_JOE);
	take_nothing(b);
	cr_assert_eq(counted(b, PPP_REJECT_AUTH_PHASE), 1);
	bench_free(b);
}

Test(ppp_auth, silent_aaa_ends_the_session)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	lcp_open(b);
	FEED(b, PAP, 1, 1, PAP_JOE);
	run_timer(b);
	cr_assert_eq(b->now, 31000);
	take(b, LCP, 5);
	FEED_EMPTY(b, LCP, 6, 1);
	cr_assert_eq(b->cause, PPP_CLOSE_AUTH_TIMEOUT);
	bench_free(b);
}

Test(ppp_auth, answer_to_a_request_before_renegotiation_is_stale)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);
	struct ppp_auth_request first;

	lcp_open(b);
	FEED(b, PAP, 1, 1, PAP_JOE);
	first = b->request;
	FEED(b, LCP, 1, 2, 1, 4, 5, 0xd4);
	struct taken t = take(b, LCP, 1);
	take(b, LCP, 2);
	acknowledge(b, t);
	FEED(b, PAP, 1, 2, PAP_JOE);
	ppp_auth_result(
		&b->ppp, b->now, &(struct ppp_auth_result){.serial = first.serial, .accept = true});
	take_nothing(b);
	cr_assert_eq(counted(b, PPP_REJECT_AUTH_STALE), 1);
	bench_answer(b, true, NULL);
	take(b, PAP, 2);
	bench_free(b);
}

Test(ppp_auth, aaa_may_answer_within_the_request)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	b->accept_at_once = true;
	b->open_at_once = true;
	lcp_open(b);
	FEED(b, PAP, 1, 1, PAP_JOE);
	take(b, PAP, 2);
	take(b, 0x8021, 1);
	cr_assert_str_eq(b->events, "link_up auth_request network");
	bench_free(b);
}

Test(ppp_auth, message_is_cut_to_what_fits)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);
	char message[1000];

	memset(message, 'x', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	lcp_open(b);
	FEED(b, PAP, 1, 1, PAP_JOE);
	bench_answer(b, true, message);
	struct taken t = take(b, PAP, 2);
	cr_assert_eq(t.len, 129);
	cr_assert_eq(t.body[0], 128);
	bench_free(b);
}
