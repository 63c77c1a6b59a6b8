/* SPDX-License-Identifier: BSD-3-Clause */
/* lnsload's LAC and subscribers against a small LNS in one process, with a fake clock and loss. */
#include <criterion/criterion.h>
#include <string.h>

#include "impair.h"
#include "lac.h"
#include "lnsload_lns.h"

#define STEP_MS 10u

static struct options options;
static struct lac lac;
static struct lns lns;
static struct impair to_lns, to_lac;
static uint64_t now_ms;
static struct sockaddr_storage lac_address;

/* both directions go through a queue, as a wire does: nothing comes back within a call */
struct queued {
	bool up;
	size_t len;
	uint8_t data[1700];
};

static struct queued queue[4096];
static unsigned queue_head, queue_count;

static void enqueue(void *ctx, void *where, const uint8_t *p, size_t len, uint64_t stamp)
{
	struct queued *q = &queue[(queue_head + queue_count++) % 4096];

	cr_assert_leq(queue_count, 4096u);
	q->up = where == &lns;
	q->len = len;
	memcpy(q->data, p, len);
}

static void lac_sends(void *ctx, struct tunnel *t, const uint8_t *p, size_t len)
{
	impair_packet(&to_lns, now_ms, &lns, p, len, 0, enqueue, NULL);
}

static void lns_sends(void *ctx, const struct sockaddr_storage *to, const uint8_t *p, size_t len)
{
	impair_packet(&to_lac, now_ms, &lac, p, len, 0, enqueue, NULL);
}

static void lac_ip(void *ctx, struct session *s, const uint8_t *p, size_t len, uint64_t stamp)
{
}

static const struct lac_ops ops = {lac_sends, lac_ip};

static void set_up(uint32_t tunnels, uint32_t sessions, double loss)
{
	struct impair_rates rates = {loss, loss, loss};

	memset(&options, 0, sizeof(options));
	memset(&lns, 0, sizeof(lns));
	options.tunnels = tunnels;
	options.sessions = sessions;
	options.pending = 500;
	options.seed = 7;
	options.window = 64;
	options.retries = 12;
	options.mru = 1492;
	options.ppp_restart_ms = 1000;
	options.setup_timeout_seconds = 120;
	strcpy(options.hostname, "lac");
	strcpy(options.user, "sub%d@isp");
	strcpy(options.password, "pw%d");
	options.lns.ss_family = AF_INET;
	lac_address.ss_family = AF_INET;
	lns.send = lns_sends;
	lns.first = AUTH_CHAP;
	lns.password = "pw%d";
	lns.base_address = 0x0a000001;
	now_ms = 1000;
	queue_head = queue_count = 0;
	cr_assert_eq(impair_init(&to_lns, &rates, 11), 0);
	cr_assert_eq(impair_init(&to_lac, &rates, 12), 0);
	cr_assert_eq(lac_init(&lac, &options, &ops, NULL, now_ms * 1000000), 0);
	lac_cycle_begin(&lac, now_ms * 1000000);
}

static void tear_down(void)
{
	lac_free(&lac);
	lns_free(&lns);
	impair_free(&to_lns);
	impair_free(&to_lac);
}

static void move_packets(void)
{
	impair_release(&to_lns, now_ms, enqueue, NULL);
	impair_release(&to_lac, now_ms, enqueue, NULL);
	while (queue_count > 0) {
		struct queued q = queue[queue_head];

		queue_head = (queue_head + 1) % 4096;
		queue_count--;
		if (q.up)
			lns_input(&lns, now_ms, &lac_address, q.data, q.len);
		else
			lac_input(&lac, now_ms * 1000000, NULL, 0, q.data, q.len, 0);
		if (queue_count == 0)
			lac_acknowledge(&lac);
	}
}

/* until step says so, or the time is over */
static bool run_until(bool (*step)(struct lac *, uint64_t), uint64_t seconds)
{
	uint64_t end = now_ms + seconds * 1000;

	while (now_ms < end) {
		if (step(&lac, now_ms * 1000000))
			return true;
		move_packets();
		now_ms += STEP_MS;
		lac_expire(&lac, now_ms * 1000000);
		lns_expire(&lns, now_ms);
	}
	return false;
}

static bool never(struct lac *l, uint64_t now)
{
	return false;
}

Test(lnsload_lac, brings_every_authentication_up_and_reports_the_addresses)
{
	set_up(3, 60, 0);
	options.auth = OPTIONS_AUTH_MIX;
	strcpy(options.secret, "tunnel");
	lns.secret = "tunnel";
	lns.offer_ccp = true;
	cr_assert(run_until(lac_setup, 20));
	cr_assert_eq(lac.stats.sessions_up, 60u, "%s", lac.stats.first_error);
	cr_assert_eq(lac.stats.tunnels_up, 3u);
	for (uint32_t i = 0; i < 60; i++) {
		static const uint8_t expected[] = {AUTH_PAP, AUTH_CHAP, AUTH_MSCHAPV2};

		cr_assert_eq(lac.sessions[i].ppp.address, 0x0a000001 + i);
		cr_assert_eq(lac.sessions[i].ppp.dns[1], 0x08080404u);
		cr_assert_eq(lac.sessions[i].ppp.method, expected[i % 3]);
	}
	run_until(never, 2);
	cr_assert_eq(lns.echo_replies, 60u);
	cr_assert_geq(lns.protocol_rejects, 60u, "CCP is rejected");
	cr_assert_eq(lac.stats.malformed + lac.stats.ppp.malformed, 0u);
	cr_assert_eq(lac_check_addresses(&lac), 0);
	cr_assert_eq(lac.stats.address_conflicts, 0u);
	tear_down();
}

Test(lnsload_lac, comes_up_and_down_through_loss_duplication_and_reordering)
{
	set_up(4, 400, 20);
	options.auth = OPTIONS_AUTH_MIX;
	options.teardown = OPTIONS_TEARDOWN_MIX;
	cr_assert(run_until(lac_setup, 300));
	cr_assert_eq(lac.stats.sessions_up, 400u, "%s", lac.stats.first_error);
	cr_assert_gt(lac.stats.channel.resent, 10u);
	cr_assert_gt(lac.stats.channel.duplicates, 10u);
	cr_assert_gt(lac.stats.channel.out_of_order, 10u);
	cr_assert(run_until(lac_teardown, 200));
	cr_assert_eq(lns.stopccns, 4u);
	cr_assert_eq(lac.stats.sessions_lost, 0u);
	cr_assert_eq(lac.live + lac.starting + lac.closing, 0u);
	cr_assert_eq(lac.pool.taken, 0u, "buffers left behind");
	tear_down();
}

Test(lnsload_lac, teardown_by_terminate_waits_for_the_cdn_of_the_lns)
{
	set_up(1, 20, 0);
	options.teardown = OPTIONS_TEARDOWN_TERMINATE;
	cr_assert(run_until(lac_setup, 20));
	cr_assert(run_until(lac_teardown, 20));
	cr_assert_eq(lns.term_requests, 20u);
	cr_assert_eq(lns.cdns, 0u, "the LNS cleared the calls, not the LAC");
	cr_assert_eq(lac.stats.sessions_closed, 20u);
	cr_assert_eq(lac.stats.terminate_without_cdn, 0u);
	tear_down();
}

Test(lnsload_lac, two_cycles_use_other_ids)
{
	uint16_t first;

	set_up(2, 10, 0);
	cr_assert(run_until(lac_setup, 20));
	first = lac.sessions[3].local_id;
	cr_assert(run_until(lac_teardown, 20));
	lac_cycle_begin(&lac, now_ms * 1000000);
	cr_assert(run_until(lac_setup, 20));
	cr_assert_eq(lac.stats.sessions_up, 20u);
	cr_assert_neq(lac.sessions[3].local_id, first);
	tear_down();
}

Test(lnsload_lac, every_session_id_leads_back_to_its_session)
{
	struct tunnel *t;

	set_up(1, 65534, 0);
	t = &lac.tunnels[0];
	for (unsigned salt = 0; salt < 65536; salt += 4099) {
		lac.id_salt = (uint16_t)salt;
		for (uint32_t slot = 0; slot < 65534; slot++) {
			uint16_t id = session_local_id(&lac, slot);

			cr_assert_neq(id, 0u);
			cr_assert_eq(tunnel_session(t, id), &lac.sessions[slot]);
		}
		cr_assert_null(tunnel_session(t, 0));
	}
	tear_down();
}

Test(lnsload_lac, wrong_password_is_a_refused_authentication_each_way)
{
	for (unsigned auth = OPTIONS_AUTH_PAP; auth <= OPTIONS_AUTH_MSCHAPV2; auth++) {
		set_up(1, 5, 0);
		options.auth = (enum options_auth)auth;
		strcpy(options.password, "wrong");
		cr_assert(run_until(lac_setup, 30));
		cr_assert_eq(lac.stats.sessions_failed, 5u);
		cr_assert_eq(lac.stats.failures[LAC_FAIL_AUTH_REFUSED], 5u);
		cr_assert_not_null(strstr(lac.stats.first_error, "auth_refused"));
		tear_down();
	}
}

Test(lnsload_lac, an_lns_that_does_not_prove_the_password_is_refused)
{
	set_up(1, 3, 0);
	options.auth = OPTIONS_AUTH_MSCHAPV2;
	lns.wrong_authenticator = true;
	cr_assert(run_until(lac_setup, 30));
	cr_assert_eq(lac.stats.failures[LAC_FAIL_AUTH_PEER], 3u);
	tear_down();
}

Test(lnsload_lac, an_lns_with_the_wrong_tunnel_secret_is_refused)
{
	set_up(1, 3, 0);
	strcpy(options.secret, "right");
	lns.secret = "right";
	lns.wrong_response = true;
	cr_assert(run_until(lac_setup, 30));
	cr_assert_eq(lac.stats.tunnel_auth_failed, 1u);
	cr_assert_eq(lac.stats.failures[LAC_FAIL_TUNNEL], 3u);
	tear_down();
}

Test(lnsload_lac, refused_calls_are_counted_by_result_code)
{
	set_up(1, 7, 0);
	lns.cdn_icrq = 4;
	cr_assert(run_until(lac_setup, 30));
	cr_assert_eq(lac.stats.failures[LAC_FAIL_CDN], 7u);
	cr_assert_eq(lac.stats.cdn_results[4], 7u);
	tear_down();
}

Test(lnsload_lac, a_call_cleared_by_the_lns_is_a_lost_session)
{
	set_up(1, 4, 0);
	cr_assert(run_until(lac_setup, 30));
	lns_clear(&lns, &lns.sessions[2]);
	run_until(never, 1);
	cr_assert_eq(lac.stats.sessions_lost, 1u);
	cr_assert_eq(lac.stats.losses[LAC_FAIL_CDN], 1u);
	cr_assert_eq(lac.live, 3u);
	tear_down();
}

Test(lnsload_lac, the_same_address_for_two_sessions_is_seen)
{
	set_up(1, 4, 0);
	lns.same_address = true;
	cr_assert(run_until(lac_setup, 30));
	cr_assert_eq(lac_check_addresses(&lac), 0);
	cr_assert_eq(lac.stats.address_conflicts, 3u);
	tear_down();
}

Test(lnsload_lac, a_silent_lns_fails_the_tunnel_and_its_sessions)
{
	set_up(1, 4, 0);
	impair_free(&to_lns);
	impair_init(&to_lns, &(struct impair_rates){.loss = 100}, 1);
	options.retries = 3;
	cr_assert_not(run_until(lac_setup, 5));
	lac_free(&lac);
	lac_init(&lac, &options, &ops, NULL, now_ms * 1000000);
	lac_cycle_begin(&lac, now_ms * 1000000);
	cr_assert(run_until(lac_setup, 60));
	cr_assert_eq(lac.stats.tunnels_failed, 1u);
	cr_assert_eq(lac.stats.failures[LAC_FAIL_TUNNEL], 4u);
	tear_down();
}

Test(lnsload_lac, a_renegotiation_by_the_lns_brings_the_session_up_again)
{
	struct lns_session *s;

	set_up(1, 2, 0);
	cr_assert(run_until(lac_setup, 30));
	s = &lns.sessions[0];
	s->local_acked = s->remote_acked = s->authenticated = s->ip_local = s->ip_remote = false;
	s->resend_ms = now_ms;
	run_until(never, 5);
	cr_assert_geq(lac.stats.ppp.renegotiations, 1u);
	cr_assert_eq(lac.sessions[0].ppp.phase, PPP_UP);
	cr_assert_eq(lac.live, 2u);
	cr_assert_eq(lac.stats.sessions_up, 2u, "counted once");
	tear_down();
}
