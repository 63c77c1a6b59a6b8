/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6CP: interface identifiers, and each network protocol independent of the other. */
#include "ppp_harness.h"

#define LCP    0xc021
#define IPCP   0x8021
#define IPV6CP 0x8057

#define OUR_ID  2, 0, 0, 0, 0, 0, 0, 1
#define PEER_ID 2, 0, 0, 0, 0, 0, 0, 9

static struct bench *ipv6_ready(bool fixed)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	pap_open(b);
	ppp_ipv4_refuse(&b->ppp, b->now);
	ppp_ipv6_open(&b->ppp, b->now, &(struct ppp_ipv6){{OUR_ID}, {PEER_ID}, fixed});
	return b;
}

Test(ipv6cp, comes_up_alone)
{
	struct bench *b = ipv6_ready(false);

	struct taken t = take(b, IPV6CP, 1);
	BODY(t, 1, 10, OUR_ID);
	acknowledge(b, t);
	FEED(b, IPV6CP, 1, 1, 1, 10, 0xaa, 1, 2, 3, 4, 5, 6, 7);
	take(b, IPV6CP, 2);
	cr_assert_str_eq(b->events, "link_up auth_request network ipv6_up");
	cr_assert_arr_eq(b->peer_id, ((uint8_t[]){0xaa, 1, 2, 3, 4, 5, 6, 7}), 8);
	FEED(b, IPCP, 1, 1, 3, 6, 0, 0, 0, 0);
	take(b, LCP, 8);
	cr_assert_eq(counted(b, PPP_REJECT_NCP_REFUSED), 1);
	bench_free(b);
}

Test(ipv6cp, options_of_the_peer_truth_table)
{
	static const struct {
		const char *what;
		bool fixed;
		uint8_t options[24];
		uint8_t len;
		uint8_t code;
		uint8_t reply[24];
		uint8_t reply_len;
	} rows[] = {
		{"suggested", false, {1, 10, PEER_ID}, 10, 2, {1, 10, PEER_ID}, 10},
		{"its own", false, {1, 10, 9, 9}, 10, 2, {1, 10, 9, 9}, 10},
		{"its own, but fixed", true, {1, 10, 9, 9}, 10, 3, {1, 10, PEER_ID}, 10},
		{"zero", false, {1, 10}, 10, 3, {1, 10, PEER_ID}, 10},
		{"ours", false, {1, 10, OUR_ID}, 10, 3, {1, 10, PEER_ID}, 10},
		{"too short", false, {1, 9, 1, 2, 3, 4, 5, 6, 7}, 9, 3, {1, 10, PEER_ID}, 10},
		{"empty", false, {1, 2}, 2, 3, {1, 10, PEER_ID}, 10},
		{"compression", false, {2, 4, 0, 0x61}, 4, 4, {2, 4, 0, 0x61}, 4},
		{"twice", false, {1, 10, PEER_ID, 1, 10, PEER_ID}, 20, 4, {1, 10, PEER_ID}, 10},
		{"none", false, {0}, 0, 2, {0}, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench *b = ipv6_ready(rows[i].fixed);

		take(b, IPV6CP, 1);
		feed(b, IPV6CP, 1, 7, rows[i].options, rows[i].len);
		struct taken t = take_any(b);
		cr_assert_eq(t.code, rows[i].code, "%s: code %u", rows[i].what, t.code);
		cr_assert_eq(t.len, rows[i].reply_len, "%s: length %zu", rows[i].what, t.len);
		cr_assert(memcmp(t.body, rows[i].reply, t.len) == 0, "%s", rows[i].what);
		bench_free(b);
	}
}

Test(ipv6cp, option_lengths_zero_and_one_are_dropped)
{
	struct bench *b = ipv6_ready(false);

	take(b, IPV6CP, 1);
	FEED(b, IPV6CP, 1, 1, 1, 0);
	FEED(b, IPV6CP, 1, 1, 1, 1);
	take_nothing(b);
	cr_assert_eq(counted(b, PPP_REJECT_OPTION_LENGTH), 2);
	bench_free(b);
}

Test(ipv6cp, nak_of_our_identifier_gives_a_new_one)
{
	struct bench *b = ipv6_ready(false);

	struct taken t = take(b, IPV6CP, 1);
	FEED(b, IPV6CP, 3, t.id, 1, 10, 7, 7, 7, 7, 7, 7, 7, 7);
	struct taken next = take(b, IPV6CP, 1);
	cr_assert_eq(next.len, 10);
	cr_assert(memcmp(next.body, t.body, 10) != 0);
	acknowledge(b, next);
	cr_assert_eq(b->ppp.ipv6cp.fsm.state, PPP_ACK_RCVD);
	bench_free(b);
}

Test(ipv6cp, its_failure_leaves_ipv4_alone)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	ipv4_open(b);
	ppp_ipv6_open(&b->ppp, b->now, &(struct ppp_ipv6){{OUR_ID}, {PEER_ID}, false});
	take(b, IPV6CP, 1);
	FEED(b, LCP, 8, 1, 0x80, 0x57, 1, 1, 0, 14);
	cr_assert(b->ppp.ipcp.up);
	cr_assert_eq(ppp_phase(&b->ppp), PPP_PHASE_NETWORK);
	cr_assert_eq(b->deadline, PPP_NO_DEADLINE);
	take_nothing(b);
	bench_free(b);
}

Test(ipv6cp, refused_it_is_protocol_rejected)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	ipv4_open(b);
	ppp_ipv6_refuse(&b->ppp, b->now);
	FEED(b, IPV6CP, 1, 1, 1, 10, PEER_ID);
	struct taken t = take(b, LCP, 8);
	cr_assert_arr_eq(t.body, ((uint8_t[]){0x80, 0x57, 1, 1, 0, 14, 1, 10}), 8);
	for (int i = 0; i < 50; i++)
		FEED(b, IPV6CP, 1, 1, 1, 10, PEER_ID);
	cr_assert_eq(b->sent - b->taken, 9, "rejects are limited");
	bench_free(b);
}

Test(ipv6cp, refusing_both_ends_the_session)
{
	struct bench *b = bench_new(PPP_AUTH_PAP, 0, 0);

	pap_open(b);
	ppp_ipv6_refuse(&b->ppp, b->now);
	take_nothing(b);
	ppp_ipv4_refuse(&b->ppp, b->now);
	take(b, LCP, 5);
	FEED_EMPTY(b, LCP, 6, 1);
	cr_assert_eq(b->cause, PPP_CLOSE_NCP_NONE);
	bench_free(b);
}
