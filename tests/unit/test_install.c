/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session becomes the worker's by whose queue its first frame came: before it forwards, and with all that is under
 * way at that moment.
 */
#include "path_rig.h"

#include "install.h"
#include "worker_load.h"

static struct rig rig;
static struct frame in, out;
static struct install *install;
static struct install_route *routes;
static struct subscriber_record record;

static const uint8_t echo[] = {0xff, 3, 0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0};

static void start(void)
{
	struct install_route_settings settings;

	rig_start(&rig, 2);
	rig_tunnel(&rig);
	install_route_settings_of(&settings, rig.dp);
	routes = install_route_create(&settings);
	install = install_create(rig.dp, routes);
	cr_assert(routes && install);
	record = (struct subscriber_record){
		.tunnel_id = RIG_TUNNEL, .session_id = 3, .peer_session_id = 5003, .mtu = 1400};
	cr_assert_eq(install_session_open(install, &record), 0);
	cr_assert_eq(record.owner, 0);
}

static void finish(void)
{
	rcu_drain(dataplane_rcu(rig.dp));
	install_destroy(install);
	install_route_destroy(routes);
	subscriber_record_free(&record);
	rig_destroy(&rig);
}

TestSuite(install, .init = start, .fini = finish);

static const struct session *session(void)
{
	return rig_session_at(&rig, record.index);
}

static void forward_on(void)
{
	struct session_prefix prefix = {.family = 4, .length = 32, .addr = {10, 0, 0, 3}};

	cr_assert_eq(subscriber_record_set_prefixes(&record, &prefix, 1), 0);
	record.flags |= SESSION_FORWARD4;
	cr_assert_eq(install_session_update(install, &record), 0);
}

static void ppp_inject(unsigned int worker)
{
	struct rte_mbuf *m = dataplane_mbuf(rig.dp);
	struct meta *meta = meta_of(m);

	memcpy(rte_pktmbuf_append(m, sizeof(echo)), echo, sizeof(echo));
	meta->kind = INJECT_SESSION;
	meta->session = record.index;
	meta->generation = record.generation;
	cr_assert_eq(dataplane_inject(rig.dp, worker, m), 0);
}

Test(install, owner_is_where_the_first_frame_came)
{
	install_session_arrived(install, &record, 1);
	cr_expect_eq(record.owner, 1);
	cr_expect_eq(session()->owner, 1);
	/* the next one comes by another way: it stays */
	install_session_arrived(install, &record, 0);
	cr_expect_eq(session()->owner, 1);
	cr_expect(record.settled);
}

Test(install, nobody_is_the_owner_of_no_queue)
{
	install_session_arrived(install, &record, 7);
	cr_expect_eq(session()->owner, 0);
}

Test(install, owner_does_not_change_once_the_session_has_forwarded)
{
	forward_on();
	install_session_arrived(install, &record, 1);
	cr_expect_eq(record.owner, 0);
	cr_expect_eq(session()->owner, 0);
	cr_expect_eq(session_set_owner(dataplane_sessions(rig.dp), record.index, 1), -EBUSY);
	/* nor while its network protocols are down for a while */
	record.flags = 0;
	cr_assert_eq(install_session_update(install, &record), 0);
	install_session_arrived(install, &record, 1);
	cr_expect_eq(session()->owner, 0);
}

Test(install, session_inside_esp_stays_with_its_sas)
{
	record.esp_owner = 0;
	install_session_arrived(install, &record, 1);
	cr_expect_eq(session()->owner, 0);
	record.esp_owner = WORKER_LOAD_CLEAR; /* as it was opened */
}

Test(install, what_the_control_core_says_after_it_goes_to_the_new_owner)
{
	struct message message = {.type = MESSAGE_SESSION_POLICER,
		.policer = {
			.up_rate = 1000, .up_burst = 1000, .down_rate = 1000, .down_burst = 1000}};

	install_session_arrived(install, &record, 1);
	message.index = record.index;
	message.generation = record.generation;
	cr_assert_eq(dataplane_message(rig.dp, record.owner, &message), 0);
	rig_turn(&rig);
	cr_expect_eq(rig.dp->workers[1]->stats.messages, 1);
	cr_expect_eq(
		rig.dp->workers[0]->stats.messages_stale + rig.dp->workers[1]->stats.messages_stale,
		0);
	cr_expect_neq(session()->state.policy_flags, 0);
}

/* The old owner may have been writing it until its turn was over. */
Test(install, new_owner_makes_the_template_a_grace_period_later)
{
	struct session *live = rig_session_at(&rig, record.index);
	uint8_t template[SESSION_TEMPLATE_MAX];

	memcpy(template, live->template, sizeof(template));
	install_session_arrived(install, &record, 1);
	rcu_worker_online(dataplane_rcu(rig.dp), 0);
	rcu_poll(dataplane_rcu(rig.dp), 100);
	rig_turn(&rig);
	cr_expect_eq(rig.dp->workers[1]->stats.messages, 0);
	memset(live->template, 0xee, sizeof(template)); /* its last words */
	rcu_worker_quiescent(rcu_qsbr(dataplane_rcu(rig.dp)), 0);
	rcu_poll(dataplane_rcu(rig.dp), 100);
	rig_turn(&rig);
	cr_expect_eq(rig.dp->workers[1]->stats.messages, 1);
	cr_expect_arr_eq(live->template, template, sizeof(template));
	rcu_worker_offline(dataplane_rcu(rig.dp), 0);
}

Test(install, frame_that_the_old_owner_was_given_leaves_by_the_new_one)
{
	ppp_inject(0);
	install_session_arrived(install, &record, 1);
	ppp_inject(record.owner);
	for (unsigned int turn = 0; turn < 3; turn++)
		rig_turn(&rig);
	cr_expect(rig_receive(&rig, RIG_ACCESS, &out));
	cr_expect(rig_receive(&rig, RIG_ACCESS, &out));
	cr_expect_not(rig_receive(&rig, RIG_ACCESS, &out));
	cr_expect_eq(rig.dp->workers[0]->stats.handoff_out[HANDOFF_INJECT], 1);
	cr_expect_eq(rig.dp->workers[1]->stats.handoff_in[HANDOFF_INJECT], 1);
	cr_expect_eq(rig_drops_all(&rig), 0);
}

/* A frame that was on its way to the owner by whom it had been arrives at the one who is it now. */
Test(install, frame_on_its_way_to_the_old_owner_comes_back)
{
	struct rte_mbuf *m;

	install_session_arrived(install, &record, 1);
	frame_data(&rig, &in, RIG_TUNNEL, 3, 0xc021, echo + 4, sizeof(echo) - 4);
	rig_send(&rig, RIG_ACCESS, &in); /* received by worker 0 */
	worker_turn(rig.dp->workers[0]);
	rig_session_at(&rig, record.index)->owner = 0;
	worker_turn(rig.dp->workers[1]);
	worker_turn(rig.dp->workers[0]);
	cr_assert_eq(dataplane_punt_poll(rig.dp, PUNT_RING_KNOWN, &m, 1), 1);
	cr_expect_eq(meta_of(m)->kind, PUNT_PPP);
	cr_expect_eq(meta_of(m)->arrival, 0, "whoever punts it: worker 0 received it");
	rte_pktmbuf_free(m);
	rig_session_at(&rig, record.index)->owner = 1;
	cr_expect_eq(rig_drops_all(&rig), 0);
}
