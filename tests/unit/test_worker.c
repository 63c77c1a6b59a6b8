/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several workers at once on their own threads: numbered packets of many sessions come in on one
 * worker's queue and are handed to their owners; order per session, loss and counters are exact.
 */
#include "path_rig.h"

#include <sched.h>
#include <unistd.h>

#define SESSIONS   48
#define PER        400 /* packets of each session and direction */
#define IN_FLIGHT  800 /* no ring holds less */
#define INNER_SIZE 80

static struct rig rig;

struct load {
	uint32_t next_up[SESSIONS], next_down[SESSIONS], next_hairpin[SESSIONS]; /* expected */
	uint64_t sent, received, disorder, foreign;
};

static uint16_t session_id(unsigned int i)
{
	return (uint16_t)(1 + i);
}

/* Numbers stand behind the UDP header: session, kind, number. */
static struct rte_mbuf *numbered(struct frame *f, uint32_t session, uint32_t kind, uint32_t number)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(dataplane_mempool(rig.dp));
	uint8_t *tail = f->data + f->n - INNER_SIZE + 28;

	if (m == NULL)
		return NULL;
	store32(tail, session);
	store32(tail + 4, kind);
	store32(tail + 8, number);
	memcpy(rte_pktmbuf_append(m, (uint16_t)f->n), f->data, f->n);
	return m;
}

static void collect(struct load *load, unsigned int iface, uint32_t headers)
{
	struct rte_mbuf *pkts[32];
	unsigned int n = rte_ring_dequeue_burst(rig.tx[iface], (void **)pkts, 32, NULL);

	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *p = rte_pktmbuf_mtod(pkts[i], const uint8_t *) + headers + 28;
		uint32_t session = load32(p), kind = load32(p + 4), number = load32(p + 8);
		uint32_t *next = kind == 0 ? load->next_up
					   : (kind == 1 ? load->next_down : load->next_hairpin);

		cr_assert_lt(session, SESSIONS);
		cr_assert_leq(kind, 2);
		/* to the LAC: the session in the header is the one that it was meant for */
		if (iface == RIG_ACCESS &&
			load_be16(rte_pktmbuf_mtod(pkts[i], const uint8_t *) + 14 + 28 + 4) !=
				session_id(kind == 2 ? (session + 1) % SESSIONS : session) + 5000)
			load->foreign++;
		load->disorder += number != next[session];
		next[session] = number + 1;
		load->received++;
	}
	rte_pktmbuf_free_bulk(pkts, n);
}

static void run(unsigned int n_workers, const char *lcores, bool sleeps)
{
	static struct frame up, down, hairpin, inner;
	static struct load load;
	struct dataplane_settings settings = rig_settings(n_workers);
	uint64_t up_packets = 0, down_packets = 0, handed = 0;

	settings.idle = sleeps ? DATAPLANE_IDLE_SLEEP : DATAPLANE_IDLE_POLL;
	settings.idle_us = 50;
	rig_eal_init(lcores);
	rig_create(&rig, &settings);
	rig_tunnel(&rig);
	for (unsigned int i = 0; i < SESSIONS; i++)
		rig_session(
			&rig, RIG_TUNNEL, session_id(i), (uint8_t)(i % n_workers), 1400, RIG_FLAGS);
	cr_assert_eq(dataplane_start(rig.dp), 0);

	for (uint32_t number = 0; number < PER; number++) {
		for (uint32_t i = 0; i < SESSIONS; i++) {
			struct rte_mbuf *m[3];

			inner_udp4(&inner, rig_subscriber(session_id(i)), RIG_SERVER, INNER_SIZE);
			frame_data(&rig, &up, RIG_TUNNEL, session_id(i), 0x21, inner.data, inner.n);
			inner_udp4(&inner, rig_subscriber(session_id(i)),
				rig_subscriber(session_id((i + 1) % SESSIONS)), INNER_SIZE);
			frame_data(&rig, &hairpin, RIG_TUNNEL, session_id(i), 0x21, inner.data,
				inner.n);
			inner_udp4(&inner, RIG_SERVER, rig_subscriber(session_id(i)), INNER_SIZE);
			frame_core4(&rig, &down, &inner);
			m[0] = numbered(&up, i, 0, number);
			m[1] = numbered(&down, i, 1, number);
			m[2] = numbered(&hairpin, i, 2, number);
			for (unsigned int kind = 0; kind < 3; kind++) {
				cr_assert_not_null(m[kind]);
				cr_assert_eq(
					rte_ring_enqueue(rig.rx[kind == 1 ? RIG_CORE0 : RIG_ACCESS],
						m[kind]),
					0);
			}
			load.sent += 3;
			/* as many as the rings between hold for sure: what is lost then is a fault */
			for (unsigned int wait = 0; load.sent - load.received > IN_FLIGHT; wait++) {
				collect(&load, RIG_ACCESS, 14 + 38);
				collect(&load, RIG_CORE0, 14);
				if (wait % 64 == 63)
					sched_yield();
				if (wait > 50000000)
					cr_assert_fail(
						"%lu packets are lost", load.sent - load.received);
			}
		}
	}
	for (unsigned int wait = 0; load.received < load.sent && wait < 20000; wait++) {
		collect(&load, RIG_ACCESS, 14 + 38);
		collect(&load, RIG_CORE0, 14);
		usleep(100);
	}
	dataplane_stop(rig.dp);
	cr_expect_eq(load.sent, (uint64_t)SESSIONS * PER * 3);
	cr_expect_eq(load.received, load.sent, "%lu of %lu", load.received, load.sent);
	cr_expect_eq(load.disorder, 0, "%lu out of order", load.disorder);
	cr_expect_eq(load.foreign, 0);
	cr_expect_eq(rig_drops_all(&rig), 0);
	for (uint32_t i = 0; i < SESSIONS; i++) {
		const struct session_counters *counters = &rig_session_at(&rig, i)->counters;

		cr_expect_eq(counters->up_packets4, PER * 2);
		cr_expect_eq(counters->down_packets4, PER * 2);
		cr_expect_eq(counters->up_bytes4, PER * 2 * INNER_SIZE);
		cr_expect_eq(counters->down_bytes4, PER * 2 * INNER_SIZE);
	}
	for (unsigned int i = 0; i < n_workers; i++) {
		const struct worker_stats *stats = &rig.dp->workers[i]->stats;

		up_packets += stats->uplink_packets;
		down_packets += stats->downlink_packets;
		handed += stats->handoff_in[HANDOFF_UPLINK];
		cr_expect_gt(stats->uplink_packets, 0, "worker %u did nothing", i);
		if (sleeps)
			cr_expect_gt(stats->sleeps, 0);
		else
			cr_expect_eq(stats->sleeps, 0);
	}
	cr_expect_eq(up_packets, SESSIONS * PER * 2);
	cr_expect_eq(down_packets, SESSIONS * PER * 2);
	cr_expect_gt(handed, 0);
	rig_destroy(&rig);
}

Test(worker, two_workers_share_the_sessions_in_order_and_without_loss, .timeout = 100)
{
	run(2, "0@0,1@1,2@0", false);
}

Test(worker, four_workers_share_the_sessions_in_order_and_without_loss, .timeout = 100)
{
	run(4, "0@0,1@1,2@0,3@1,4@0", true);
}

/* A receive ring's worth at once, at a worker that waits for the first packet in a while. */
static void first_burst(enum dataplane_idle mode, enum dataplane_idle in_force)
{
	enum { ROUNDS = 50, DEPTH = 512 };
	static struct rte_mbuf *pkts[DEPTH];
	static struct frame up, payload;
	struct dataplane_settings settings = rig_settings(1);
	uint64_t received = 0;
	void *object;

	settings.idle = mode;
	settings.idle_us = 200;
	rig_eal_init("0@0,1@1");
	rig_create(&rig, &settings);
	rig_tunnel(&rig);
	rig_session(&rig, RIG_TUNNEL, 3, 0, 1400, RIG_FLAGS);
	cr_expect_eq(dataplane_idle(rig.dp, 0).mode, in_force);
	cr_expect_leq(dataplane_idle(rig.dp, 0).longest_ns, 200000);
	cr_assert_eq(dataplane_start(rig.dp), 0);
	inner_udp4(&payload, rig_subscriber(3), RIG_SERVER, INNER_SIZE);
	frame_data(&rig, &up, RIG_TUNNEL, 3, 0x21, payload.data, payload.n);

	const struct worker_stats *stats = &rig.dp->workers[0]->stats;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint64_t sleeps = __atomic_load_n(&stats->sleeps, __ATOMIC_RELAXED);

		while (__atomic_load_n(&stats->sleeps, __ATOMIC_RELAXED) < sleeps + 3)
			usleep(100);
		for (uint32_t i = 0; i < DEPTH; i++)
			cr_assert_not_null(pkts[i] = numbered(&up, 0, 0, i));
		cr_assert_eq(rte_ring_enqueue_bulk(rig.rx[RIG_ACCESS], (void **)pkts, DEPTH, NULL),
			DEPTH);
		for (unsigned int wait = 0; received < (round + 1) * (uint64_t)DEPTH; wait++) {
			cr_assert_lt(wait, 20000, "%lu received", received);
			while (rte_ring_dequeue(rig.tx[RIG_CORE0], &object) == 0) {
				cr_assert_eq(load32(rte_pktmbuf_mtod(
							    (struct rte_mbuf *)object, uint8_t *) +
						     14 + 28 + 8),
					received % DEPTH);
				rte_pktmbuf_free(object);
				received++;
			}
			usleep(50);
		}
	}
	dataplane_stop(rig.dp);
	cr_expect_eq(rig_drops_all(&rig), 0);
	rig_destroy(&rig);
}

Test(worker, first_burst_after_a_pause_is_not_lost, .timeout = 60)
{
	first_burst(DATAPLANE_IDLE_PAUSE, DATAPLANE_IDLE_PAUSE);
}

/* ring devices cannot be watched */
Test(worker, first_burst_after_monitoring_is_not_lost, .timeout = 60)
{
	first_burst(DATAPLANE_IDLE_MONITOR, DATAPLANE_IDLE_PAUSE);
}

Test(worker, first_burst_after_a_sleep_is_not_lost, .timeout = 60)
{
	first_burst(DATAPLANE_IDLE_SLEEP, DATAPLANE_IDLE_SLEEP);
}

/* By hand from here on: what happens between two turns is chosen. */

static struct frame in, out, inner;

static void send_up(uint16_t id)
{
	inner_udp4(&inner, rig_subscriber(id), RIG_SERVER, 100);
	frame_data(&rig, &in, RIG_TUNNEL, id, 0x21, inner.data, inner.n);
	rig_send(&rig, RIG_ACCESS, &in);
}

Test(worker, packet_on_its_way_to_a_session_that_ends_meanwhile_is_stale)
{
	rig_start(&rig, 2);
	rig_tunnel(&rig);
	rig_session(&rig, RIG_TUNNEL, 3, 1, 1400, RIG_FLAGS);
	send_up(3);
	worker_turn(rig.dp->workers[0]);
	cr_assert_eq(session_unpublish(dataplane_sessions(rig.dp), 0, NULL, NULL), 0);
	rcu_poll(dataplane_rcu(rig.dp), 100);
	/* the slot may even live again as another session */
	rig_session(&rig, RIG_TUNNEL, 4, 1, 1400, RIG_FLAGS);
	worker_turn(rig.dp->workers[1]);
	cr_expect_eq(rig.dp->workers[1]->stats.drops[DROP_SESSION_STALE], 1);
	cr_expect_not(rig_receive(&rig, RIG_CORE0, &out));
	rig_destroy(&rig);
}

Test(worker, packet_that_finds_no_owner_is_not_handed_round_for_ever)
{
	rig_start(&rig, 2);
	rig_tunnel(&rig);
	rig_session(&rig, RIG_TUNNEL, 3, 1, 1400, RIG_FLAGS);
	send_up(3);
	for (unsigned int turn = 0; turn < 8; turn++) {
		/* the owner is always the other one */
		rig_session_at(&rig, 0)->owner = turn % 2 == 0;
		worker_turn(rig.dp->workers[turn % 2]);
	}
	cr_expect_eq(rig_drops(&rig, DROP_HANDOFF_HOPS), 1);
	cr_expect_eq(rig_drops_all(&rig), 1);
	rig_destroy(&rig);
}

Test(worker, full_handoff_ring_drops_by_name)
{
	rig_start(&rig, 2);
	rig_tunnel(&rig);
	rig_session(&rig, RIG_TUNNEL, 3, 1, 1400, RIG_FLAGS);
	/* a ring holds one less than its size, and data leaves an eighth free */
	unsigned int room = rig.dp->handoff_size - 1 - rig.dp->handoff_size / 8;

	for (unsigned int i = 0; i < room + 100; i++) {
		send_up(3);
		worker_turn(rig.dp->workers[0]);
	}
	cr_expect_eq(rig_drops(&rig, DROP_HANDOFF_FULL), 100);
	/* an echo still finds room */
	frame_data(&rig, &in, RIG_TUNNEL, 3, 0xc021, "\x09\x01\0\x08\0\0\0\0", 8);
	rig_send(&rig, RIG_ACCESS, &in);
	worker_turn(rig.dp->workers[0]);
	cr_expect_eq(rig_drops(&rig, DROP_HANDOFF_FULL), 100);
	for (unsigned int i = 0; i < room; i++)
		rig_turn(&rig);
	cr_expect_eq(rig_session_at(&rig, 0)->counters.up_packets4, room);
	cr_expect_eq(rig.dp->workers[1]->stats.punts[PUNT_PPP], 1);
	rig_destroy(&rig);
}

static void send_echo(uint16_t session)
{
	frame_data(&rig, &in, RIG_TUNNEL, session, 0xc021, "\x09\x01\0\x08\0\0\0\0", 8);
	rig_send(&rig, RIG_ACCESS, &in);
	worker_turn(rig.dp->workers[0]);
}

Test(worker, room_for_control_in_a_full_handoff_ring_is_not_one_sessions_alone)
{
	enum { FLOOD = 1000, OTHERS = 10 };
	uint64_t refused;

	rig_start(&rig, 2);
	rig_tunnel(&rig);
	for (uint16_t i = 0; i <= OTHERS; i++)
		rig_session(&rig, RIG_TUNNEL, 3 + i, 1, 1400, RIG_FLAGS);
	unsigned int room = rig.dp->handoff_size - 1 - rig.dp->handoff_size / 8;

	for (unsigned int i = 0; i < room; i++) {
		send_up(3);
		worker_turn(rig.dp->workers[0]);
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
	for (unsigned int i = 0; i < FLOOD; i++)
		send_echo(3);
	for (uint16_t i = 1; i <= OTHERS; i++)
		send_echo(3 + i);
	refused = rig_drops(&rig, DROP_OVERLOAD_PPP);
	cr_expect_gt(refused, FLOOD - rig.dp->handoff_size / 8, "%lu", refused);
	cr_expect_eq(rig_drops_all(&rig), refused);
	for (unsigned int i = 0; i < room; i++)
		rig_turn(&rig);
	cr_expect_eq(
		rig.dp->workers[1]->stats.punts[PUNT_PPP] + rig_drops(&rig, DROP_PUNT_SESSION_RATE),
		FLOOD + OTHERS - refused);
	for (uint32_t i = 1; i <= OTHERS; i++)
		cr_expect_neq(rig_session_at(&rig, i)->state.punt_ppp.last, 0, "session %u", i);
	rig_destroy(&rig);
}

Test(worker, no_buffers_left_is_survived)
{
	static struct rte_mbuf *all[16384];
	unsigned int n = 0;

	rig_start(&rig, 1);
	rig_tunnel(&rig);
	rig_session(&rig, RIG_TUNNEL, 3, 0, 1400, RIG_FLAGS);
	inner_udp4(&inner, rig_subscriber(3), RIG_SERVER, 100);
	inner.data[8] = 1;
	ip4_header_set_checksum(inner.data, 20);
	frame_data(&rig, &in, RIG_TUNNEL, 3, 0x21, inner.data, inner.n);
	rig_send(&rig, RIG_ACCESS, &in);
	inner_udp4(&inner, RIG_SERVER, rig_subscriber(3), 1450);
	frame_core4(&rig, &in, &inner);
	rig_send(&rig, RIG_CORE0, &in);
	while ((all[n] = rte_pktmbuf_alloc(dataplane_mempool(rig.dp))) != NULL)
		n++;
	rig_turn(&rig);
	cr_expect_eq(rig_drops(&rig, DROP_NO_MBUF), 1);         /* the ICMP error */
	cr_expect_eq(rig_drops(&rig, DROP_FRAGMENT_FAILED), 1); /* the fragments */
	rte_pktmbuf_free_bulk(all, n);
	rig_destroy(&rig);
}

Test(worker, what_cannot_be_created_is_said_by_name)
{
	struct dataplane_settings settings;
	struct iface_settings ifaces[2];
	char error[256];

	rig_start(&rig, 1);
	settings = rig_settings(1);
	memcpy(ifaces, settings.ifaces, sizeof(ifaces));
	settings.ifaces = ifaces;
	ifaces[1].device = "0000:af:00.0";
	cr_expect_null(dataplane_create(&settings, error, sizeof(error)));
	settings = rig_settings(1);
	settings.n_workers = 0;
	cr_expect_null(dataplane_create(&settings, error, sizeof(error)));
	cr_expect_str_eq(error, "0 worker cores: expected 1 to 64");
	settings = rig_settings(1);
	settings.mbufs = 100;
	cr_expect_null(dataplane_create(&settings, error, sizeof(error)));
	cr_expect_str_eq(error, "100 packet buffers: 1 workers need at least 2048");
	settings.worker_lcores = (const unsigned int[]){0};
	settings.mbufs = 4096;
	cr_expect_null(dataplane_create(&settings, error, sizeof(error)));
	cr_expect_str_eq(error,
		"worker core 0: expected an lcore that EAL was given, other than the main one (0)");
	rig_destroy(&rig);
}

Test(worker, missing_device_is_said_by_name)
{
	struct dataplane_settings settings = rig_settings(1);
	struct iface_settings ifaces[2];
	char error[256];

	rig_eal_init("0@0,1@0");
	memcpy(ifaces, settings.ifaces, sizeof(ifaces));
	settings.ifaces = ifaces;
	ifaces[0].device = "0000:af:00.0";
	cr_expect_null(dataplane_create(&settings, error, sizeof(error)));
	cr_expect_str_eq(
		error, "interface access0: there is no device 0000:af:00.0; devices found: none");
}

Test(worker, esp_engine_that_was_asked_for_must_be_there)
{
	static const char *const names[RIG_IFACES] = {"access", "core"};
	struct dataplane_settings settings = rig_settings(1);
	char error[256];

	rig_eal_init("0@0,1@0");
	for (unsigned int i = 0; i < RIG_IFACES; i++) {
		struct rte_ring *ring = rte_ring_create(names[i], 64, 0, 0);

		cr_assert_geq(rte_eth_from_rings(names[i], &ring, 1, &ring, 1, 0), 0);
	}
	settings.esp_engine = "abacus";
	cr_expect_null(dataplane_create(&settings, error, sizeof(error)));
	cr_expect_eq(strncmp(error, "ESP engine: ", 12), 0, "%s", error);
	cr_expect_not_null(strstr(error, "abacus"), "%s", error);
}
