/* SPDX-License-Identifier: BSD-3-Clause */
/* IPCP: the subscriber gets its own address and our name servers, and nothing else. */
#include "ppp_harness.h"

#define LCP  0xc021
#define IPCP 0x8021

static struct bench *ipcp_ready(void)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	pap_open(b);
	ppp_ipv4_open(&b->ppp, b->now, &bench_ipv4);
	ppp_ipv6_refuse(&b->ppp, b->now);
	return b;
}

Test(ipcp, tells_our_address_and_opens_on_the_peers_own)
{
	struct bench *b = ipcp_ready();

	struct taken t = take(b, IPCP, 1);
	BODY(t, 3, 6, 192, 0, 2, 1);
	acknowledge(b, t);
	FEED(b, IPCP, 1, 1, 3, 6, 198, 51, 100, 7);
	take(b, IPCP, 2);
	cr_assert_str_eq(b->events, "link_up auth_request network ipv4_up");
	bench_free(b);
}

Test(ipcp, options_of_the_peer_truth_table)
{
	static const struct {
		const char *what;
		uint8_t options[32];
		uint8_t len;
		uint8_t code;
		uint8_t reply[32];
		uint8_t reply_len;
	} rows[] = {
		{"its own", {3, 6, 198, 51, 100, 7}, 6, 2, {3, 6, 198, 51, 100, 7}, 6},
		{"0.0.0.0", {3, 6, 0, 0, 0, 0}, 6, 3, {3, 6, 198, 51, 100, 7}, 6},
		{"another's", {3, 6, 198, 51, 100, 8}, 6, 3, {3, 6, 198, 51, 100, 7}, 6},
		{"ours", {3, 6, 192, 0, 2, 1}, 6, 3, {3, 6, 198, 51, 100, 7}, 6},
		{"address of 3 bytes", {3, 5, 1, 2, 3}, 5, 3, {3, 6, 198, 51, 100, 7}, 6},
		{"address empty", {3, 2}, 2, 3, {3, 6, 198, 51, 100, 7}, 6},
		{"none", {0}, 0, 3, {3, 6, 198, 51, 100, 7}, 6},
		{"RFC 1172 addresses", {1, 10, 0, 0, 0, 0, 0, 0, 0, 0}, 10, 4,
			{1, 10, 0, 0, 0, 0, 0, 0, 0, 0}, 10},
		{"Van Jacobson", {2, 6, 0, 0x2d, 15, 1, 3, 6, 0, 0, 0, 0}, 12, 4,
			{2, 6, 0, 0x2d, 15, 1}, 6},
		{"DNS 0.0.0.0", {3, 6, 198, 51, 100, 7, 129, 6, 0, 0, 0, 0, 131, 6, 0, 0, 0, 0}, 18,
			3, {129, 6, 192, 0, 2, 53, 131, 6, 192, 0, 2, 54}, 12},
		{"DNS as told",
			{3, 6, 198, 51, 100, 7, 129, 6, 192, 0, 2, 53, 131, 6, 192, 0, 2, 54}, 18,
			2, {3, 6, 198, 51, 100, 7, 129, 6, 192, 0, 2, 53, 131, 6, 192, 0, 2, 54},
			18},
		{"NBNS", {130, 6, 0, 0, 0, 0, 132, 6, 0, 0, 0, 0}, 12, 4,
			{130, 6, 0, 0, 0, 0, 132, 6, 0, 0, 0, 0}, 12},
		{"address twice", {3, 6, 198, 51, 100, 7, 3, 6, 0, 0, 0, 0}, 12, 4,
			{3, 6, 0, 0, 0, 0}, 6},
		{"mobile IP", {4, 6, 1, 2, 3, 4}, 6, 4, {4, 6, 1, 2, 3, 4}, 6},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench *b = ipcp_ready();

		take(b, IPCP, 1);
		feed(b, IPCP, 1, 7, rows[i].options, rows[i].len);
		struct taken t = take_any(b);
		cr_assert_eq(t.code, rows[i].code, "%s: code %u", rows[i].what, t.code);
		cr_assert_eq(t.len, rows[i].reply_len, "%s: length %zu", rows[i].what, t.len);
		cr_assert(memcmp(t.body, rows[i].reply, t.len) == 0, "%s", rows[i].what);
		bench_free(b);
	}
}

Test(ipcp, a_peer_that_may_choose_gets_what_it_asks_for_or_what_was_given)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);
	struct ppp_ipv4 choice = bench_ipv4;
	struct taken t;

	choice.peer_chooses = true;
	pap_open(b);
	ppp_ipv4_open(&b->ppp, b->now, &choice);
	ppp_ipv6_refuse(&b->ppp, b->now);
	acknowledge(b, take(b, IPCP, 1));
	FEED(b, IPCP, 1, 1, 3, 6, 198, 51, 100, 200);
	t = take(b, IPCP, 3);
	BODY(t, 3, 6, 198, 51, 100, 7);
	FEED(b, IPCP, 1, 2, 3, 6, 0, 0, 0, 0);
	t = take(b, IPCP, 3);
	BODY(t, 3, 6, 198, 51, 100, 7);
	FEED(b, IPCP, 1, 3, 3, 6, 198, 51, 100, 9);
	t = take(b, IPCP, 2);
	BODY(t, 3, 6, 198, 51, 100, 9);
	cr_assert_str_eq(b->events, "link_up auth_request network ipv4_wish ipv4_wish ipv4_up");
	bench_free(b);
}

Test(ipcp, option_lengths_zero_and_one_are_dropped)
{
	struct bench *b = ipcp_ready();

	take(b, IPCP, 1);
	FEED(b, IPCP, 1, 1, 3, 0);
	FEED(b, IPCP, 1, 1, 3, 1);
	FEED(b, IPCP, 1, 1, 3);
	take_nothing(b);
	cr_assert_eq(counted(b, PPP_REJECT_OPTION_LENGTH), 3);
	bench_free(b);
}

Test(ipcp, name_servers_that_we_do_not_have_are_rejected)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);
	struct ppp_ipv4 v4 = bench_ipv4;

	v4.dns[1] = 0;
	pap_open(b);
	ppp_ipv4_open(&b->ppp, b->now, &v4);
	take(b, IPCP, 1);
	FEED(b, IPCP, 1, 1, 3, 6, 0, 0, 0, 0, 129, 6, 0, 0, 0, 0, 131, 6, 0, 0, 0, 0);
	BODY(take(b, IPCP, 4), 131, 6, 0, 0, 0, 0);
	bench_free(b);
}

Test(ipcp, peer_without_an_address_option_is_told_once)
{
	struct bench *b = ipcp_ready();

	acknowledge(b, take(b, IPCP, 1));
	FEED_EMPTY(b, IPCP, 1, 1);
	take(b, IPCP, 3);
	FEED_EMPTY(b, IPCP, 1, 2);
	take(b, IPCP, 2);
	cr_assert(b->ppp.ipcp.up);
	bench_free(b);
}

Test(ipcp, peer_that_insists_on_another_address_never_gets_it)
{
	struct bench *b = ipcp_ready();

	acknowledge(b, take(b, IPCP, 1));
	for (uint8_t i = 0; i < 5; i++) {
		FEED(b, IPCP, 1, i, 3, 6, 10, 0, 0, 1);
		take(b, IPCP, 3);
	}
	FEED(b, IPCP, 1, 5, 3, 6, 10, 0, 0, 1);
	take(b, IPCP, 5);
	FEED_EMPTY(b, IPCP, 6, 1);
	take(b, LCP, 5);
	FEED_EMPTY(b, LCP, 6, 1);
	cr_assert_eq(b->cause, PPP_CLOSE_NCP_FAILED);
	cr_assert_null(strstr(b->events, "ipv4_up"));
	bench_free(b);
}

Test(ipcp, naks_that_get_lost_are_no_disagreement)
{
	struct bench *b = ipcp_ready();

	acknowledge(b, take(b, IPCP, 1));
	/* doubled on its way or sent again with the old id, then with new ones by the peer's Restart timer */
	for (unsigned int i = 0; i < 12; i++) {
		FEED(b, IPCP, 1, 9, 3, 6, 0, 0, 0, 0, 129, 6, 0, 0, 0, 0);
		BODY(take(b, IPCP, 3), 3, 6, 198, 51, 100, 7, 129, 6, 192, 0, 2, 53);
	}
	for (uint8_t id = 10; id < 20; id++) {
		b->now += 1000;
		FEED(b, IPCP, 1, id, 3, 6, 0, 0, 0, 0, 129, 6, 0, 0, 0, 0);
		BODY(take(b, IPCP, 3), 3, 6, 198, 51, 100, 7, 129, 6, 192, 0, 2, 53);
	}
	FEED(b, IPCP, 1, 20, 3, 6, 198, 51, 100, 7, 129, 6, 192, 0, 2, 53);
	take(b, IPCP, 2);
	cr_assert_str_eq(b->events, "link_up auth_request network ipv4_up");
	bench_free(b);
}

Test(ipcp, naks_are_not_lost_for_ever)
{
	struct bench *b = ipcp_ready();
	unsigned int naks = 0;
	struct taken t;

	acknowledge(b, take(b, IPCP, 1));
	for (;; naks++) {
		FEED(b, IPCP, 1, 9, 3, 6, 0, 0, 0, 0);
		t = take_any(b);
		if (t.code != 3)
			break;
	}
	cr_assert_eq(t.code, 5, "a Terminate-Request after %u Naks", naks);
	cr_assert_gt(naks, 20);
	cr_assert_lt(naks, 100);
	bench_free(b);
}

Test(ipcp, peer_that_naks_our_address_goes_without)
{
	struct bench *b = ipcp_ready();

	for (int i = 0; i < 3; i++) {
		struct taken t = take(b, IPCP, 1);

		cr_assert_eq(t.len, 6);
		FEED(b, IPCP, 3, t.id, 3, 6, 10, 0, 0, 1);
	}
	struct taken t = take(b, IPCP, 1);
	cr_assert_eq(t.len, 0);
	acknowledge(b, t);
	FEED(b, IPCP, 1, 1, 3, 6, 198, 51, 100, 7);
	take(b, IPCP, 2);
	cr_assert(b->ppp.ipcp.up);
	bench_free(b);
}

Test(ipcp, unanswered_requests_end_the_session)
{
	struct bench *b = ipcp_ready();

	for (int i = 0; i < 10; i++) {
		take(b, IPCP, 1);
		run_timer(b);
		take(b, 0xc023, 2); /* the Ack that such a peer may have lost */
	}
	take(b, LCP, 5);
	FEED_EMPTY(b, LCP, 6, 1);
	cr_assert_eq(b->cause, PPP_CLOSE_NCP_TIMEOUT);
	bench_free(b);
}

Test(ipcp, packets_before_the_network_phase_are_dropped_and_come_again)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	lcp_open(b);
	FEED(b, IPCP, 1, 1, 3, 6, 0, 0, 0, 0);
	take_nothing(b);
	cr_assert_eq(counted(b, PPP_REJECT_NCP_EARLY), 1);
	FEED(b, 0xc023, 1, 9, PAP_JOE);
	bench_answer(b, true, NULL);
	take(b, 0xc023, 2);
	FEED(b, IPCP, 1, 1, 3, 6, 0, 0, 0, 0); /* the address is not there yet */
	take_nothing(b);
	ppp_ipv4_open(&b->ppp, b->now, &bench_ipv4);
	take(b, IPCP, 1);
	FEED(b, IPCP, 1, 1, 3, 6, 0, 0, 0, 0);
	take(b, IPCP, 3);
	bench_free(b);
}

Test(ipcp, ccp_and_its_terminate_do_not_disturb)
{
	struct bench *b = ipcp_ready();

	take(b, IPCP, 1);
	FEED(b, 0x80fd, 1, 3, 18, 6, 1, 0, 0, 0x60);
	BODY(take(b, LCP, 8), 0x80, 0xfd, 1, 3, 0, 10, 18, 6, 1, 0, 0, 0x60);
	FEED_EMPTY(b, 0x80fd, 5, 4);
	take(b, LCP, 8);
	cr_assert_eq(counted(b, PPP_REJECT_CCP_REJECTED), 2);
	FEED(b, IPCP, 1, 1, 3, 6, 198, 51, 100, 7);
	take(b, IPCP, 2);
	cr_assert_eq(b->ppp.ipcp.fsm.state, PPP_ACK_SENT);
	bench_free(b);
}

Test(ipcp, peer_that_closes_ipcp_may_open_it_again)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	ipv4_open(b);
	ppp_ipv6_open(&b->ppp, b->now, &(struct ppp_ipv6){{2}, {3}, false});
	take(b, 0x8057, 1);
	FEED_EMPTY(b, IPCP, 5, 9);
	take(b, IPCP, 6);
	cr_assert_not(b->ppp.ipcp.up);
	b->ppp.ipv6cp.fsm.restarts = 5;
	run_timer(b);
	take(b, 0x8057, 1);
	cr_assert_eq(b->ppp.ipcp.fsm.state, PPP_STOPPED);
	FEED(b, IPCP, 1, 2, 3, 6, 198, 51, 100, 7);
	acknowledge(b, take(b, IPCP, 1));
	take(b, IPCP, 2);
	cr_assert(b->ppp.ipcp.up);
	bench_free(b);
}

Test(ipcp, protocol_reject_of_the_only_network_protocol_ends_the_session)
{
	struct bench *b = ipcp_ready();

	take(b, IPCP, 1);
	FEED(b, LCP, 8, 1, 0x80, 0x21, 1, 1, 0, 4);
	take(b, LCP, 5);
	FEED_EMPTY(b, LCP, 6, 1);
	cr_assert_eq(b->cause, PPP_CLOSE_NCP_NONE);
	bench_free(b);
}
