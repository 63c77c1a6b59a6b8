/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A peer's SAs become the worker's by whose queue their packets come: between two bursts, once, with every number and
 * every bit of the window, and whatever ends meanwhile.
 */
#include "esp_path_rig.h"

#include "install_sa.h"
#include "message_input.h"
#include "worker_load.h"

#include <crypto/digest.h>
#include <dataplane/message.h>

#include <unistd.h>

#define TUNNEL  20
#define SESSION 3
#define GROUPS  12

static struct rig rig;
static struct frame in, out, inner;
static struct meta meta;
static struct lac lac; /* the LAC's ends of the first pair of SAs */
static struct install_sas *sas;
static struct install_sa *sa_in, *sa_out;
static struct worker_load load;
static uint32_t group;
static uint64_t now = 1000000;

static uint16_t nat; /* port of the peer's, 0: native */

/* One direction of a peer's; keys as esp_path_rig.h has them on the LAC's side, SPIs chosen by number. */
static struct install_sa *add(enum sa_direction direction, uint32_t peer, uint32_t number)
{
	uint32_t local = RIG_LNS;
	uint8_t key[20];
	struct install_sa_spec spec = {.source = INSTALL_SA_KERNEL,
		.family = 4,
		.local_port = nat ? 4500 : 0,
		.peer_port = nat,
		.params = {.spi = number + (direction == SA_OUTBOUND ? 0x100000 : 0),
			.direction = direction,
			.cipher = ESP_CIPHER_AES_GCM_16,
			.key = key,
			.key_len = sizeof(key),
			.window = REPLAY_WINDOW_DEFAULT,
			.next_header = IPPROTO_UDP,
			.sequence_limit = UINT64_MAX}};
	struct install_sa *sa;

	memcpy(key, direction == SA_INBOUND ? "from the LAC to the LNS" : "from the LNS to the LAC",
		sizeof(key));
	if (number != lac.spi) /* no two groups have one key */
		memcpy(key, &number, sizeof(number));
	memcpy(spec.local, &local, sizeof(local));
	memcpy(spec.peer, &peer, sizeof(peer));
	sa = install_sa_add(sas, &spec, now);
	cr_assert(sa && sa->state == INSTALL_SA_LIVE, "%s", sa ? sa->reason : "none");
	return sa;
}

static void create(const struct dataplane_settings *settings)
{
	struct install_sa_settings installs = {.n_workers = settings->n_workers, .max = 64};
	struct tunnel_path path;

	rig_create(&rig, settings);
	cr_assert_eq(digest_init(), 0);
	lac_init();
	installs.table = dataplane_sas(rig.dp);
	installs.dp = rig.dp;
	installs.store = lac_store;
	sas = install_sas_create(&installs);
	cr_assert_not_null(sas);
	load = (struct worker_load){.n = settings->n_workers};
	lac = (struct lac){.settings = {.family = 4}, .spi = 0x1000};
	lac.sends = lac_sa(&lac, SA_OUTBOUND, lac.spi, true);
	lac.receives = lac_sa(&lac, SA_INBOUND, lac.spi + 0x100000, true);
	sa_in = add(SA_INBOUND, RIG_LAC, lac.spi);
	sa_out = add(SA_OUTBOUND, RIG_LAC, lac.spi);
	group = lac.group = sa_in->group_id;
	cr_assert_eq(sa_out->group_id, group);
	path = lac_path(&lac);
	rig_tunnel_to(&rig, TUNNEL, &path, 0);
	rig_session(&rig, TUNNEL, SESSION, 0, 1492, RIG_FLAGS);
}

static void start(void)
{
	struct dataplane_settings settings = rig_settings(3);

	rig_eal_init("0@0,1@0,2@0,3@0,4@0");
	create(&settings);
	cr_assert_eq(sa_in->group->owner, 0);
}

static void finish(void)
{
	rcu_drain(dataplane_rcu(rig.dp));
	install_sas_destroy(sas);
	rig_destroy(&rig);
	lac_fini();
	digest_fini();
}

TestSuite(install_sa_owner, .init = start, .fini = finish);

/* As the workers have it. */
static uint8_t group_owner(void)
{
	return sa_group_owner(sa_group_at(dataplane_sas(rig.dp), group));
}

static uint8_t owner_of(const struct install_sa *sa)
{
	return sa_owner(sa_at(dataplane_sas(rig.dp), sa->index));
}

static void arrived(uint8_t worker)
{
	install_sas_arrived(sas, group, worker, &load);
}

/* The last tunnel has left. */
static void unsettle(void)
{
	install_sas_hold(sas, group);
	install_sas_release(sas, group, now);
}

static uint64_t stale(void)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < rig.dp->n_workers; i++)
		n += rig.dp->workers[i]->stats.messages_stale;
	return n;
}

/* The group's owner and no other's is each of its SAs. */
static void expect_owner(uint8_t worker)
{
	cr_expect_eq(group_owner(), worker);
	cr_expect_eq(owner_of(sa_in), worker);
	cr_expect_eq(owner_of(sa_out), worker);
	cr_expect_eq(sa_in->group->owner, worker);
}

static void make_up(uint32_t number)
{
	inner_udp4(&inner, rig_subscriber(SESSION), RIG_SERVER, 100);
	store32(inner.data + 28, number);
	lac_data(&rig, &lac, &in, TUNNEL, SESSION, &inner);
}

static void make_down(uint32_t number)
{
	inner_udp4(&inner, RIG_SERVER, rig_subscriber(SESSION), 100);
	store32(inner.data + 28, number);
	frame_core4(&rig, &in, &inner);
}

static void send_both(uint32_t number)
{
	make_up(number);
	rig_send(&rig, RIG_ACCESS, &in);
	make_down(number);
	rig_send(&rig, RIG_CORE0, &in);
}

static void expect_both(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		cr_assert(rig_receive(&rig, RIG_CORE0, &out), "%u", i);
		cr_expect_eq(load32(out.data + 14 + 28), i);
		cr_assert(rig_receive(&rig, RIG_ACCESS, &out), "%u", i);
		cr_assert_eq(
			rte_be_to_cpu_32(load32(lac_esp(&lac, &out) + 4)), i + 1, "its number");
		cr_assert_eq(lac_unwrap(&lac, &out), ESP_ACCEPTED);
		cr_expect_eq(load32(out.data + out.n - 72), i);
	}
}

Test(install_sa_owner, group_becomes_the_worker_s_by_whose_queue_it_came)
{
	arrived(1);
	cr_expect_eq(group_owner(), 0, "who has it says when");
	rig_turn(&rig);
	expect_owner(1);
	install_sas_poll(sas, now);
	/* once: the next one comes by another way */
	arrived(2);
	rig_turn(&rig);
	expect_owner(1);
	cr_expect_eq(stale(), 0);
	/* until there is no tunnel any more */
	unsettle();
	arrived(2);
	rig_turn(&rig);
	expect_owner(2);
}

Test(install_sa_owner, nobody_is_the_owner_of_no_queue)
{
	arrived(3);
	arrived(200);
	install_sas_arrived(sas, group + 1, 1, &load);
	install_sas_arrived(sas, 0, 1, &load);
	rig_turn(&rig);
	expect_owner(0);
}

/* The worker that receives is told, not the one that decrypts. */
Test(install_sa_owner, control_message_says_by_whose_queue_it_came)
{
	const uint8_t sccrq[12] = {0xc8, 0x02, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0};

	arrived(1);
	rig_turn(&rig);
	lac_clear(&rig, &lac, &in, sccrq, sizeof(sccrq));
	lac_wrap(&lac, &in);
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_assert_eq(rig_punted(&rig, PUNT_RING_UNKNOWN, &out, &meta), PUNT_L2TP_UNKNOWN);
	cr_expect_eq(rig.dp->workers[1]->stats.handoff_in[HANDOFF_SA], 1);
	cr_expect_eq(meta.sa_group, group);
	cr_expect_eq(meta.arrival, 0);
}

Test(install_sa_owner, what_is_under_way_is_handed_on_and_numbers_go_on)
{
	enum { N = 90 };

	for (uint32_t i = 0; i < N; i++) {
		send_both(i);
		if (i == N / 3) {
			arrived(1);
			worker_turn(rig.dp->workers[0]);
		}
		if (i == N / 2) {
			install_sas_poll(sas, now);
			unsettle();
			worker_turn(rig.dp->workers[0]); /* hands to 1, who then has it no longer */
			arrived(2);
			message_poll(rig.dp->workers[1]);
			rig_turn(&rig);
		}
		if (i % 20 == 19)
			rig_turn(&rig);
	}
	rig_turn(&rig);
	expect_owner(2);
	expect_both(0, N);
	cr_expect_eq(sa_in->sa->state.packets, N);
	cr_expect_eq(sa_out->sa->state.packets, N);
	cr_expect_eq(sa_out->sa->state.sequence, N);
	cr_expect_gt(rig.dp->workers[0]->stats.handoff_out[HANDOFF_SA], 0);
	cr_expect_gt(rig.dp->workers[1]->stats.handoff_out[HANDOFF_SA], 0);
	cr_expect_eq(rig_drops_all(&rig), 0);
}

Test(install_sa_owner, what_the_owner_before_has_seen_is_a_replay)
{
	static struct frame seen;

	make_up(0);
	seen = in;
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	arrived(1);
	rig_turn(&rig);
	expect_owner(1);
	rig_send(&rig, RIG_ACCESS, &seen);
	rig_turn(&rig);
	cr_expect_eq(rig_drops(&rig, DROP_ESP_REPLAYED), 1);
	cr_expect_eq(sa_in->sa->state.replay.top, 1);
	cr_expect_eq(sa_in->sa->state.rejects[ESP_REJECT_REPLAYED], 1);
}

Test(install_sa_owner, only_who_has_it_gives_it_away)
{
	struct message message = {.type = MESSAGE_SA_OWNER, .owner = {.worker = 2}};

	message.index = sa_in->index;
	message.generation = sa_in->generation;
	cr_assert_eq(dataplane_message(rig.dp, 1, &message), 0); /* not 1's */
	message.generation++;
	cr_assert_eq(dataplane_message(rig.dp, 0, &message), 0); /* another life */
	message.generation = 0;
	cr_assert_eq(dataplane_message(rig.dp, 0, &message), 0);
	message.type = MESSAGE_GROUP_OWNER;
	message.index = group;
	cr_assert_eq(dataplane_message(rig.dp, 1, &message), 0);
	message.index = group + 1;
	cr_assert_eq(dataplane_message(rig.dp, 0, &message), 0);
	rig_turn(&rig);
	cr_expect_eq(stale(), 5);
	/* nor to nobody, nor what there cannot be */
	message.index = group;
	message.owner.worker = 3;
	cr_assert_eq(dataplane_message(rig.dp, 0, &message), 0);
	message.type = MESSAGE_SA_OWNER;
	message.index = sa_in->index;
	message.generation = sa_in->generation;
	cr_assert_eq(dataplane_message(rig.dp, 0, &message), 0);
	message.owner.worker = 2;
	message.index = UINT32_MAX;
	cr_assert_eq(dataplane_message(rig.dp, 0, &message), 0);
	rig_turn(&rig);
	cr_expect_eq(stale(), 5);
	expect_owner(0);
}

Test(install_sa_owner, sa_that_joins_meanwhile_becomes_the_new_owner_s_too)
{
	arrived(1);
	sa_in = add(SA_INBOUND, RIG_LAC, 0x2000);
	sa_out = add(SA_OUTBOUND, RIG_LAC, 0x2000);
	cr_expect_eq(sa_in->group_id, group);
	install_sas_poll(sas, now);
	rig_turn(&rig);
	install_sas_poll(sas, now);
	expect_owner(1);
	/* and the next ones at once */
	sa_in = add(SA_INBOUND, RIG_LAC, 0x3000);
	sa_out = add(SA_OUTBOUND, RIG_LAC, 0x3000);
	expect_owner(1);
	cr_expect_eq(stale(), 0);
	/* nothing is left that would keep it from moving on */
	unsettle();
	arrived(2);
	rig_turn(&rig);
	expect_owner(2);
}

Test(install_sa_owner, sa_that_ends_meanwhile_ends_with_what_it_had)
{
	uint32_t index = sa_in->index;

	send_both(0);
	rig_turn(&rig);
	expect_both(0, 1);
	arrived(1);
	install_sa_remove(sas, sa_in, now);
	rig_turn(&rig);
	cr_expect_eq(stale(), 1, "the inbound one");
	cr_expect_eq(group_owner(), 1);
	cr_expect_eq(owner_of(sa_out), 1);
	rcu_drain(dataplane_rcu(rig.dp));
	cr_expect_null(sa_at(dataplane_sas(rig.dp), index)->sa);
	install_sas_poll(sas, now);
	/* another one with its key begins where it ended */
	sa_in = add(SA_INBOUND, RIG_LAC, lac.spi);
	cr_expect_eq(sa_in->sa->state.replay.top, 1);
	expect_owner(1);
}

Test(install_sa_owner, group_that_ends_meanwhile_leaves_nothing)
{
	arrived(1);
	install_sa_remove(sas, sa_in, now);
	install_sa_remove(sas, sa_out, now);
	install_sas_poll(sas, now);
	install_sas_poll(sas, now + INSTALL_SA_GRACE_MS);
	cr_expect_null(install_sas_group(sas, group));
	cr_expect_null(sa_group_at(dataplane_sas(rig.dp), group));
	rig_turn(&rig);
	cr_expect_eq(stale(), 3, "two SAs and the group");
	rcu_drain(dataplane_rcu(rig.dp));
	install_sas_poll(sas, now + INSTALL_SA_GRACE_MS);
	/* where it was counted is free again */
	sa_in = add(SA_INBOUND, RIG_LAC, 0x2000);
	sa_out = add(SA_OUTBOUND, RIG_LAC, 0x2000);
	cr_expect_neq(sa_in->group_id, group);
	group = sa_in->group_id;
	expect_owner(0);
}

Test(install_sa_owner, full_ring_is_tried_again)
{
	struct message message = {.type = MESSAGE_TYPES};
	unsigned int room = 0;

	while (!dataplane_message(rig.dp, 0, &message))
		room++;
	arrived(1);
	install_sas_poll(sas, now);
	unsettle();
	arrived(2); /* a move at a time */
	worker_turn(rig.dp->workers[0]);
	for (struct message_reply reply; dataplane_replies(rig.dp, &reply, 1);)
		;
	cr_expect_eq(group_owner(), 0);
	cr_expect_eq(owner_of(sa_in), 0);
	for (unsigned int i = 0; i < room; i++)
		worker_turn(rig.dp->workers[0]);
	install_sas_poll(sas, now);
	rig_turn(&rig);
	expect_owner(1);
	arrived(2);
	rig_turn(&rig);
	expect_owner(2);
}

/* What a device brings to one queue, all of it, does not leave the other workers idle. */
Test(install_sa_owner, one_queue_does_not_fill_one_worker)
{
	unsigned int owned[3] = {0};
	uint32_t groups[GROUPS] = {group};

	for (uint32_t i = 1; i < GROUPS; i++)
		groups[i] = add(SA_INBOUND, RIG_LAC + RTE_BE32(i), 0x2000 + i)->group_id;
	for (uint32_t i = 0; i < GROUPS; i++) {
		install_sas_arrived(sas, groups[i], 0, &load);
		rig_turn(&rig);
		install_sas_poll(sas, now);
	}
	for (uint32_t i = 0; i < GROUPS; i++)
		owned[install_sas_group(sas, groups[i])->owner]++;
	cr_expect_eq(owned[0] + owned[1] + owned[2], GROUPS);
	cr_expect_leq(owned[0], GROUPS / 3 + 2);
	cr_expect_geq(owned[1], GROUPS / 3 - 1);
	cr_expect_geq(owned[2], GROUPS / 3 - 1);
}

/* Each is little, and they are many. */
Test(install_sa_owner, clients_behind_nats_stay_where_they_arrive)
{
	uint32_t groups[GROUPS];

	for (nat = 31000; nat < 31000 + GROUPS; nat++)
		groups[nat - 31000] = add(SA_INBOUND, RIG_LAC, nat)->group_id;
	for (uint32_t i = 0; i < GROUPS; i++)
		install_sas_arrived(sas, groups[i], 1, &load);
	rig_turn(&rig);
	for (uint32_t i = 0; i < GROUPS; i++)
		cr_expect_eq(install_sas_group(sas, groups[i])->owner, 1);
	/* they take nothing from a LAC */
	arrived(1);
	rig_turn(&rig);
	expect_owner(1);
}

/* Every group where it arrives, as long as they arrive evenly, wherever they were at first. */
Test(install_sa_owner, even_queues_have_all_of_theirs)
{
	uint32_t groups[GROUPS] = {group};

	for (uint32_t i = 1; i < GROUPS; i++)
		groups[i] = add(SA_INBOUND, RIG_LAC + RTE_BE32(i), 0x2000 + i)->group_id;
	for (uint32_t i = 0; i < GROUPS; i++) {
		cr_expect_eq(install_sas_group(sas, groups[i])->owner, i % 3);
		install_sas_arrived(sas, groups[i], (i + 1) % 3, &load);
	}
	rig_turn(&rig);
	for (uint32_t i = 0; i < GROUPS; i++)
		cr_expect_eq(
			sa_group_owner(sa_group_at(dataplane_sas(rig.dp), groups[i])), (i + 1) % 3);
}

Test(install_sa_owner, worker_full_of_sessions_gets_no_group)
{
	load.load[1] = WORKER_LOAD_SLACK;
	arrived(1);
	rig_turn(&rig);
	expect_owner(0);
	/* and one that has it gives it to who is not full */
	unsettle();
	load.load[1] = 0;
	load.load[0] = WORKER_LOAD_SLACK;
	arrived(0);
	rig_turn(&rig);
	expect_owner(1);
}

/* On threads of their own, back and forth all the time: each number once, nothing is lost without a name. */
Test(install_sa_owner_threads, running_workers_use_each_number_once, .timeout = 100, .fini = finish)
{
	enum { N = 12000, IN_FLIGHT = 300, AT_ONCE = 20 };
	struct dataplane_settings settings = rig_settings(3);
	uint32_t up = 0, down = 0, sent = 0, moves = 0, tries = 0;
	uint8_t owner = 0;
	static bool seen[N + 1];

	rig_eal_init("0@0,1@0,2@1,3@0");
	settings.idle = DATAPLANE_IDLE_SLEEP;
	settings.idle_us = 50;
	create(&settings);
	cr_assert_eq(dataplane_start(rig.dp), 0);
	for (unsigned int idle = 0; idle < 100000; idle++) {
		struct message_reply reply;

		uint32_t lost = (uint32_t)rig_drops_all(&rig);

		if (up + down + lost == 2 * N)
			break;
		if (sent < N && 2 * sent - up - down - lost < 2 * IN_FLIGHT) {
			for (unsigned int i = 0; i < AT_ONCE; i++)
				send_both(sent++);
			idle = 0;
		} else {
			usleep(50);
		}
		if (up + down >= 600 * tries) {
			tries++;
			unsettle();
			arrived((owner + 1) % 3);
		}
		moves += owner != sa_in->group->owner;
		owner = sa_in->group->owner;
		while (dataplane_replies(rig.dp, &reply, 1))
			;
		while (rig_receive(&rig, RIG_CORE0, &out)) {
			up++;
			idle = 0;
		}
		while (rig_receive(&rig, RIG_ACCESS, &out)) {
			uint32_t number = rte_be_to_cpu_32(load32(lac_esp(&lac, &out) + 4));

			cr_assert(number >= 1 && number <= N && !seen[number], "%u again", number);
			seen[number] = true;
			cr_assert_eq(lac_unwrap(&lac, &out), ESP_ACCEPTED);
			down++;
			idle = 0;
		}
	}
	dataplane_stop(rig.dp);
	cr_expect_gt(moves, 5);
	/* whose owners have changed too often while it was under way */
	cr_expect_eq(up + down + rig_drops(&rig, DROP_HANDOFF_HOPS), 2 * N);
	cr_expect_eq(rig_drops_all(&rig), rig_drops(&rig, DROP_HANDOFF_HOPS));
	cr_expect_eq(sa_out->sa->state.sequence, down);
	cr_log_info("%u moves, %u up, %u down", moves, up, down);
}
