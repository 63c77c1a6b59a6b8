/* SPDX-License-Identifier: BSD-3-Clause */
/* The session as a whole: phases, renegotiation, the LAC's proxied agreement, every way out. */
#include "ppp_harness.h"

#include "ppp_wire.h"

#define LCP  0xc021
#define PAP  0xc023
#define CHAP 0xc223
#define IPCP 0x8021

Test(ppp, fits_into_half_a_kilobyte)
{
	cr_assert_leq(sizeof(struct ppp), 512);
}

Test(ppp, protocol_field_of_one_byte_and_missing_ff03_are_taken)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);
	uint8_t bare[] = {0xc0, 0x21, 9, 1, 0, 8, PEER_MAGIC};
	uint8_t pfc[] = {0x21, 0x45, 0};
	uint8_t unknown[] = {0x2d, 1, 2};

	pap_open(b);
	ppp_receive(&b->ppp, b->now, bare, sizeof(bare));
	take(b, LCP, 10);
	ppp_receive(&b->ppp, b->now, pfc, sizeof(pfc));
	take_nothing(b);
	cr_assert_eq(counted(b, PPP_REJECT_DATA_PACKET), 1);
	ppp_receive(&b->ppp, b->now, unknown, sizeof(unknown));
	BODY(take(b, LCP, 8), 0, 0x2d, 1, 2);
	bench_free(b);
}

Test(ppp, protocol_reject_is_cut_to_the_peers_mru)
{
	struct bench *b = bench_new(PPP_AUTH_NONE, 0, 0);
	uint8_t body[2000] = {0};

	ppp_start(&b->ppp, b->now, NULL);
	acknowledge(b, take(b, LCP, 1));
	FEED(b, LCP, 1, 1, 1, 4, 0x02, 0x40);
	take(b, LCP, 2);
	feed(b, 0x8053, 1, 1, body, sizeof(body));
	cr_assert_eq(take(b, LCP, 8).len, 572);
	bench_free(b);
}

Test(ppp, no_authentication_goes_straight_to_the_network)
{
	struct bench *b = bench_new(PPP_AUTH_NONE, 0, 0);

	b->open_at_once = true;
	lcp_open(b);
	take(b, IPCP, 1);
	cr_assert_str_eq(b->events, "link_up network");
	bench_free(b);
}

Test(ppp, renegotiation_in_the_network_phase_starts_all_over)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	ipv4_open(b);
	b->events[0] = '\0';
	FEED(b, LCP, 1, 8, 1, 4, 5, 0xd4, 5, 6, 9, 9, 9, 9);
	cr_assert_str_eq(b->events, "ipv4_down link_down");
	struct taken t = take(b, LCP, 1);
	take(b, LCP, 2);
	acknowledge(b, t);
	FEED(b, IPCP, 1, 8, 3, 6, 198, 51, 100, 7); /* not before authentication */
	take_nothing(b);
	FEED(b, PAP, 1, 9, PAP_JOE);
	bench_answer(b, true, NULL);
	take(b, PAP, 2);
	ppp_ipv4_open(&b->ppp, b->now, &bench_ipv4);
	acknowledge(b, take(b, IPCP, 1));
	FEED(b, IPCP, 1, 9, 3, 6, 198, 51, 100, 7);
	take(b, IPCP, 2);
	cr_assert_str_eq(b->events, "ipv4_down link_down link_up auth_request network ipv4_up");
	cr_assert_eq(b->closed, 0);
	bench_free(b);
}

Test(ppp, close_terminates_with_retries)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	ipv4_open(b);
	ppp_close(&b->ppp, b->now, PPP_CLOSE_SESSION_TIMEOUT);
	ppp_close(&b->ppp, b->now, PPP_CLOSE_ADMIN); /* the first cause stays */
	take(b, LCP, 5);
	cr_assert_not_null(strstr(b->events, "ipv4_up ipv4_down link_down"));
	cr_assert_eq(b->closed, 0);
	FEED(b, IPCP, 1, 9, 3, 6, 198, 51, 100, 7);
	FEED(b, LCP, 1, 9, 1, 4, 5, 0xd4);
	take_nothing(b);
	run_timer(b);
	take(b, LCP, 5);
	run_timer(b);
	cr_assert_eq(b->closed, 1);
	cr_assert_eq(b->cause, PPP_CLOSE_SESSION_TIMEOUT);
	bench_free(b);
}

Test(ppp, lower_layer_down_sends_nothing_and_closes_at_once)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	ipv4_open(b);
	ppp_lower_down(&b->ppp, b->now);
	take_nothing(b);
	cr_assert_eq(b->closed, 1);
	cr_assert_eq(b->cause, PPP_CLOSE_LOWER_DOWN);
	cr_assert_not_null(strstr(b->events, "ipv4_down link_down closed"));
	cr_assert_eq(b->deadline, PPP_NO_DEADLINE);
	bench_free(b);
}

Test(ppp, lower_layer_down_in_every_phase_closes_once)
{
	for (int phase = 0; phase < 7; phase++) {
		struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

		ppp_start(&b->ppp, b->now, NULL);
		if (phase == 1)
			acknowledge(b, take(b, LCP, 1));
		if (phase >= 2)
			lcp_negotiate(b);
		if (phase >= 3)
			FEED(b, PAP, 1, 1, PAP_JOE);
		if (phase >= 4)
			bench_answer(b, true, NULL);
		if (phase >= 5)
			ppp_ipv4_open(&b->ppp, b->now, &bench_ipv4);
		if (phase >= 6)
			ppp_close(&b->ppp, b->now, PPP_CLOSE_ADMIN);
		ppp_lower_down(&b->ppp, b->now);
		cr_assert_eq(b->closed, 1, "phase %d", phase);
		cr_assert_eq(b->cause, phase == 6 ? PPP_CLOSE_ADMIN : PPP_CLOSE_LOWER_DOWN);
		bench_free(b);
	}
}

Test(ppp, callbacks_may_close_the_session)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	b->close_in_link_up = true;
	ppp_start(&b->ppp, b->now, NULL);
	lcp_negotiate(b);
	take(b, LCP, 5);
	take_nothing(b);
	FEED_EMPTY(b, LCP, 6, 1);
	cr_assert_str_eq(b->events, "link_up link_down closed");
	bench_free(b);

	b = bench_new(PPP_AUTH_PAP, 0, 0);
	b->close_in_ipv4_up = true;
	pap_open(b);
	ppp_ipv4_open(&b->ppp, b->now, &bench_ipv4);
	acknowledge(b, take(b, IPCP, 1));
	FEED(b, IPCP, 1, 1, 3, 6, 198, 51, 100, 7);
	take(b, IPCP, 2);
	take(b, LCP, 5);
	FEED_EMPTY(b, LCP, 6, 1);
	cr_assert_str_eq(
		b->events, "link_up auth_request network ipv4_up ipv4_down link_down closed");
	cr_assert_eq(b->cause, PPP_CLOSE_ADMIN);
	bench_free(b);
}

/* What a LAC that did CHAP hands over. */
static const uint8_t sent_chap[] = {
	1, 4, 5, 0xdc, 3, 5, 0xc2, 0x23, 5, 5, 6, 0x11, 0x22, 0x33, 0x44};
static const uint8_t sent_pap[] = {3, 4, 0xc0, 0x23};
static const uint8_t sent_eap[] = {3, 4, 0xc2, 0x27};
static const uint8_t sent_multilink[] = {3, 4, 0xc0, 0x23, 17, 4, 5, 0xdc};
static const uint8_t received[] = {1, 4, 5, 0xd4, 5, 6, PEER_MAGIC, 8, 2};
static const uint8_t received_acfc[] = {8, 2};
static const uint8_t received_tiny[] = {1, 4, 0, 68};
static const uint8_t received_broken[] = {1, 0};
static const uint8_t challenge[20] = {1, 2, 3};
static const uint8_t response[16] = {4, 5, 6};

#define LCP_OF(sent, got)                                                       \
	.last_sent = sent, .last_sent_len = sizeof(sent), .last_received = got, \
	.last_received_len = sizeof(got)
#define CHAP_OF_LAC                                                                            \
	.auth_type = 2, .auth_name = (const uint8_t *)"joe", .auth_name_len = 3,               \
	.auth_challenge = challenge, .auth_challenge_len = sizeof(challenge), .auth_id = 0x42, \
	.auth_response = response, .auth_response_len = sizeof(response)
#define PAP_OF_LAC                                                                             \
	.auth_type = 3, .auth_name = (const uint8_t *)"joe", .auth_name_len = 3, .auth_id = 7, \
	.auth_response = (const uint8_t *)"pw", .auth_response_len = 2

Test(ppp, proxied_chap_opens_lcp_without_a_packet)
{
	struct bench *b = bench_new(PPP_AUTH_CHAP_MD5, 0, 0);
	struct ppp_proxy proxy = {LCP_OF(sent_chap, received), CHAP_OF_LAC};

	ppp_start(&b->ppp, b->now, &proxy);
	take_nothing(b);
	cr_assert_str_eq(b->events, "link_up auth_request");
	cr_assert(b->link.proxied);
	cr_assert(b->link.acfc);
	cr_assert_eq(b->link.peer_mru, 1492);
	cr_assert(b->request.proxied);
	cr_assert_eq(b->request.chap_id, 0x42);
	cr_assert_eq(b->request.challenge_len, 20);
	cr_assert_arr_eq(b->challenge, challenge, 20);
	cr_assert_arr_eq(b->response, response, 16);
	bench_answer(b, true, NULL);
	struct taken t = take(b, CHAP, 3);
	cr_assert_eq(t.id, 0x42, "the identifier of the LAC's challenge");
	cr_assert_not(t.address_control, "ACFC was agreed with the LAC");
	FEED(b, LCP, 9, 1, PEER_MAGIC);
	BODY(take(b, LCP, 10), 0x11, 0x22, 0x33, 0x44);
	bench_free(b);
}

Test(ppp, proxied_pap_is_answered_with_the_lacs_id)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);
	struct ppp_proxy proxy = {LCP_OF(sent_pap, received), PAP_OF_LAC};

	ppp_start(&b->ppp, b->now, &proxy);
	cr_assert_str_eq((char *)b->password, "pw");
	bench_answer(b, true, NULL);
	cr_assert_eq(take(b, PAP, 2).id, 7);
	cr_assert_eq(ppp_phase(&b->ppp), PPP_PHASE_NETWORK);
	bench_free(b);
}

Test(ppp, proxied_lcp_without_authentication_asks_the_peer)
{
	struct bench *b = bench_new(PPP_AUTH_CHAP_MD5, 0, 0);
	struct ppp_proxy proxy = {LCP_OF(sent_chap, received), .auth_type = 4};

	ppp_start(&b->ppp, b->now, &proxy);
	take(b, CHAP, 1);
	cr_assert_str_eq(b->events, "link_up");
	bench_free(b);
}

Test(ppp, short_proxied_mschap_challenge_is_not_used)
{
	struct bench *b = bench_new(PPP_AUTH_MSCHAP_V2, 0, 0);
	static const uint8_t sent[] = {3, 5, 0xc2, 0x23, 0x81};
	static const uint8_t value[49];
	struct ppp_proxy proxy = {LCP_OF(sent, received), CHAP_OF_LAC};

	proxy.auth_response = value;
	proxy.auth_response_len = sizeof(value);
	proxy.auth_challenge_len = 8;
	ppp_start(&b->ppp, b->now, &proxy);
	take(b, CHAP, 1);
	cr_assert_eq(b->requests, 0);
	bench_free(b);
}

Test(ppp, proxy_policy_truth_table)
{
	static const struct {
		const char *what;
		enum ppp_proxy_policy policy;
		struct ppp_proxy proxy;
		bool taken;
	} rows[] = {
		{"fits", PPP_PROXY_FIT, {LCP_OF(sent_pap, received), PAP_OF_LAC}, true},
		{"MRU and magic missing", PPP_PROXY_FIT,
			{LCP_OF(sent_pap, received_acfc), PAP_OF_LAC}, true},
		{"never", PPP_PROXY_RENEGOTIATE, {LCP_OF(sent_pap, received), PAP_OF_LAC}, false},
		{"no AVPs", PPP_PROXY_FIT, {PAP_OF_LAC}, false},
		{"no AVPs, accept", PPP_PROXY_ACCEPT, {PAP_OF_LAC}, false},
		{"method not ours", PPP_PROXY_FIT, {LCP_OF(sent_chap, received), CHAP_OF_LAC},
			false},
		{"method not ours, accept", PPP_PROXY_ACCEPT,
			{LCP_OF(sent_chap, received), CHAP_OF_LAC}, true},
		{"method unknown, accept", PPP_PROXY_ACCEPT, {LCP_OF(sent_eap, received)}, false},
		{"tiny MRU", PPP_PROXY_FIT, {LCP_OF(sent_pap, received_tiny), PAP_OF_LAC}, false},
		{"tiny MRU, accept", PPP_PROXY_ACCEPT,
			{LCP_OF(sent_pap, received_tiny), PAP_OF_LAC}, true},
		{"multilink", PPP_PROXY_FIT, {LCP_OF(sent_multilink, received), PAP_OF_LAC}, false},
		{"last sent missing, accept", PPP_PROXY_ACCEPT,
			{.last_received = received,
				.last_received_len = sizeof(received),
				PAP_OF_LAC},
			true},
		{"malformed, accept", PPP_PROXY_ACCEPT,
			{LCP_OF(sent_pap, received_broken), PAP_OF_LAC}, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

		b->config.proxy = rows[i].policy;
		ppp_start(&b->ppp, b->now, &rows[i].proxy);
		if (rows[i].taken)
			cr_assert_str_eq(b->events, "link_up auth_request", "%s", rows[i].what);
		else
			cr_assert_eq(take_any(b).protocol, LCP, "%s", rows[i].what);
		take_nothing(b);
		bench_free(b);
	}
}

Test(ppp, peer_that_disagrees_with_the_proxied_lcp_renegotiates)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);
	struct ppp_proxy proxy = {LCP_OF(sent_pap, received), PAP_OF_LAC};

	ppp_start(&b->ppp, b->now, &proxy);
	FEED(b, LCP, 1, 1, 1, 4, 5, 0xd4);
	struct taken t = take(b, LCP, 1);
	take(b, LCP, 2);
	acknowledge(b, t);
	cr_assert_str_eq(b->events, "link_up auth_request link_down link_up");
	cr_assert_not(b->link.proxied);
	bench_answer(b, true, NULL); /* of the LAC's credentials: void */
	take_nothing(b);
	FEED(b, PAP, 1, 3, PAP_JOE);
	cr_assert_not(b->request.proxied);
	bench_answer(b, true, NULL);
	take(b, PAP, 2);
	bench_free(b);
}

Test(ppp, every_cause_and_counter_has_a_name)
{
	for (int i = 0; i < PPP_CLOSE_CAUSES; i++) {
		unsigned terminate = ppp_close_terminate_cause(i);
		struct ppp_disconnect d = ppp_close_disconnect(i);

		cr_assert_not_null(ppp_close_cause_name(i));
		cr_assert(terminate >= 1 && terminate <= 18, "cause %d", i);
		cr_assert_leq(d.code, 20);
		cr_assert_leq(d.direction, 2);
	}
	cr_assert_str_eq(ppp_reject_name(PPP_REJECT_SHORT_FRAME), "short_frame");
	cr_assert_str_eq(ppp_reject_name(PPP_REJECT_LINK_DOWN), "link_down");
	cr_assert_str_eq(ppp_reject_name(PPP_REJECT_COUNT), "?");
	cr_assert_eq(ppp_close_terminate_cause(PPP_CLOSE_PEER), 1);
	cr_assert_eq(ppp_close_terminate_cause(PPP_CLOSE_SESSION_TIMEOUT), 5);
	cr_assert_eq(ppp_close_disconnect(PPP_CLOSE_ECHO).code, 8);
}
