/* SPDX-License-Identifier: BSD-3-Clause */
/* One worker receives, another has the SAs, a third the sessions: nothing is lost or changes its order. */
#include "esp_path_rig.h"

#include "handoff.h"

#include <unistd.h>

#define TUNNEL  20
#define SESSION 3

static struct rig rig;
static struct frame in, out, inner;
static struct meta meta;
static struct lac lac;

static void start(unsigned int n_workers)
{
	rig_start(&rig, n_workers);
	lac_init();
}

static void finish(void)
{
	rig_destroy(&rig);
	lac_fini();
}

static void make_up(
	struct lac *peer, uint16_t tunnel_id, uint16_t session_id, uint32_t to, uint32_t number)
{
	inner_udp4(&inner, rig_subscriber(session_id), to, 100);
	store32(inner.data + 28, number);
	lac_data(&rig, peer, &in, tunnel_id, session_id, &inner);
}

static void make_down(uint16_t session_id, uint32_t number)
{
	inner_udp4(&inner, RIG_SERVER, rig_subscriber(session_id), 100);
	store32(inner.data + 28, number);
	frame_core4(&rig, &in, &inner);
}

/* The devices' only queues are worker 0's. */
Test(esp_handoff, every_constellation_of_owners_keeps_the_order)
{
	enum { N = 100 };
	uint16_t id = 0;

	start(3);
	for (uint8_t sa_owner = 0; sa_owner < 3; sa_owner++) {
		for (uint8_t session_owner = 0; session_owner < 3; session_owner++, id++) {
			struct lac_settings settings = {.family = id % 2 ? 6 : 4,
				.owner = sa_owner,
				.port = id % 3 ? 4500 : 0};

			const uint64_t *handed =
				&rig.dp->workers[sa_owner]->stats.handoff_in[HANDOFF_SA];
			uint64_t before = *handed;

			lac_tunnel(&rig, &lac, &settings, TUNNEL + id, SESSION + id, session_owner);
			for (uint32_t i = 0; i < N; i++) {
				make_up(&lac, TUNNEL + id, SESSION + id, RIG_SERVER, i);
				rig_send(&rig, RIG_ACCESS, &in);
				make_down(SESSION + id, i);
				rig_send(&rig, RIG_CORE0, &in);
				if (i % 30 == 0)
					worker_turn(rig.dp->workers[i / 30 % 3]);
			}
			rig_turn(&rig);
			for (uint32_t i = 0; i < N; i++) {
				cr_assert(rig_receive(&rig, RIG_CORE0, &out),
					"SA %u session %u: %u", sa_owner, session_owner, i);
				cr_expect_eq(load32(out.data + 14 + 28), i);
				cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
				cr_assert_eq(lac_unwrap(&lac, &out), ESP_ACCEPTED);
				cr_expect_eq(load32(out.data + out.n - 72), i);
			}
			cr_expect_eq(lac.in->state.packets, N);
			cr_expect_eq(lac.out->state.packets, N);
			/* nobody but the owner works with an SA, and what is there already does not move */
			cr_expect_eq(*handed - before,
				N * ((sa_owner != 0) + (session_owner != sa_owner)),
				"SA %u session %u", sa_owner, session_owner);
		}
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
	finish();
}

/* The engines other than the CPU's own have queues of each worker's. */
static void through_device(const char *engine)
{
	struct dataplane_settings dataplane = rig_settings(2);
	struct lac_settings settings = {.family = 4, .port = 4500};

	rig_eal_init("0@0,1@0,2@0");
	dataplane.esp_engine = engine;
	rig_create(&rig, &dataplane);
	lac_init_with(engine);
	cr_expect_not_null(strstr(dataplane_esp_engine(rig.dp), strchr(engine, ':') + 1), "%s",
		dataplane_esp_engine(rig.dp));
	for (int algorithm = 0; algorithm < LAC_ALGORITHMS; algorithm++) {
		settings.algorithm = algorithm;
		for (uint16_t owner = 0; owner < 2; owner++) {
			uint16_t id = (uint16_t)(2 * algorithm + owner);

			settings.owner = (uint8_t)owner;
			lac_tunnel(&rig, &lac, &settings, TUNNEL + id, SESSION + id, 1);
			for (uint32_t i = 0; i < 70; i++) {
				make_up(&lac, TUNNEL + id, SESSION + id, RIG_SERVER, i);
				if (i == 33)
					in.data[in.n - 1] ^= 1;
				rig_send(&rig, RIG_ACCESS, &in);
				make_down(SESSION + id, i);
				rig_send(&rig, RIG_CORE0, &in);
			}
			rig_turn(&rig);
			for (uint32_t i = 0; i < 70; i++) {
				if (i != 33) {
					cr_assert(rig_receive(&rig, RIG_CORE0, &out));
					cr_expect_eq(load32(out.data + 14 + 28), i);
				}
				cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
				cr_assert_eq(lac_unwrap(&lac, &out), ESP_ACCEPTED);
				cr_expect_eq(load32(out.data + out.n - 72), i);
			}
		}
	}
	cr_expect_eq(rig_drops(&rig, DROP_ESP_ICV), 2 * LAC_ALGORITHMS);
	cr_expect_eq(rig_drops_all(&rig), 2 * LAC_ALGORITHMS);
	finish();
}

Test(esp_handoff, crypto_openssl_does_the_same)
{
	through_device("cryptodev:crypto_openssl0");
}

Test(esp_handoff, crypto_aesni_mb_does_the_same)
{
	through_device("cryptodev:crypto_aesni_mb0");
}

/* Two owners on the way in, two on the way out. */
Test(esp_handoff, from_subscriber_to_subscriber_through_four_owners)
{
	struct lac_settings settings = {.family = 4, .owner = 1};
	struct lac other;

	start(4);
	lac_tunnel(&rig, &lac, &settings, TUNNEL, SESSION, 2);
	settings.owner = 2;
	settings.port = 4500;
	lac_tunnel(&rig, &other, &settings, TUNNEL + 1, SESSION + 1, 3);
	for (uint32_t i = 0; i < 50; i++) {
		make_up(&lac, TUNNEL, SESSION, rig_subscriber(SESSION + 1), i);
		rig_send(&rig, RIG_ACCESS, &in);
	}
	rig_turn(&rig);
	for (uint32_t i = 0; i < 50; i++) {
		cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
		cr_assert_eq(lac_unwrap(&other, &out), ESP_ACCEPTED);
		cr_expect_eq(load32(out.data + out.n - 72), i);
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
	finish();
}

Test(esp_handoff, fragments_are_put_together_before_the_owner_is_sought)
{
	struct lac_settings settings = {.family = 4, .owner = 1, .port = 4500};
	static struct frame piece;

	start(3);
	lac_tunnel(&rig, &lac, &settings, TUNNEL, SESSION, 2);
	for (uint16_t i = 0; i < 30; i++) {
		make_up(&lac, TUNNEL, SESSION, RIG_SERVER, i);
		store_be16(in.data + 18, i); /* so that another worker puts it together */
		for (uint32_t part = 0; part < 2; part++) {
			uint32_t from = part * 80, to = part ? in.n - 34 : 80;

			piece.n = 0;
			frame_add(&piece, in.data, 34);
			store_be16(piece.data + 16, (uint16_t)(20 + to - from));
			store_be16(piece.data + 20, part ? 10 : 0x2000);
			ip4_header_set_checksum(piece.data + 14, 20);
			frame_add(&piece, in.data + 34 + from, to - from);
			rig_send(&rig, RIG_ACCESS, &piece);
		}
		rig_turn(&rig);
		cr_assert(rig_receive(&rig, RIG_CORE0, &out));
		cr_expect_eq(load32(out.data + 14 + 28), i);
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
	cr_expect_eq(lac.in->state.packets, 30);
	finish();
}

Test(esp_handoff, control_messages_find_the_owner)
{
	struct lac_settings settings = {.family = 4, .owner = 1};
	uint8_t hello[12] = {0xc8, 0x02, 0, 12, 0, TUNNEL, 0, 0, 0, 1, 0, 1};
	uint32_t addresses[2] = {RIG_LNS, RIG_LAC};
	struct rte_mbuf *m;

	start(2);
	lac_tunnel(&rig, &lac, &settings, TUNNEL, SESSION, 0);
	lac_clear(&rig, &lac, &in, hello, sizeof(hello));
	memcpy(in.data + 26, addresses, 8);
	m = dataplane_mbuf(rig.dp);
	memcpy(rte_pktmbuf_append(m, (uint16_t)(in.n - 14)), in.data + 14, in.n - 14);
	meta_of(m)->kind = INJECT_IP;
	meta_of(m)->sa_group = lac.group;
	cr_assert_eq(dataplane_inject(rig.dp, 0, m), 0);
	rig_turn(&rig);
	cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
	cr_assert_eq(lac_unwrap(&lac, &out), ESP_ACCEPTED);
	cr_expect_arr_eq(out.data + 14 + 28, hello, sizeof(hello));

	lac_clear(&rig, &lac, &in, hello, sizeof(hello));
	lac_wrap(&lac, &in);
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_expect_eq(rig_punted(&rig, PUNT_RING_KNOWN, &out, &meta), PUNT_L2TP_KNOWN);
	cr_expect_eq(rig_drops_all(&rig), 0);
	finish();
}

Test(esp_handoff, packet_on_its_way_to_an_sa_that_ends_meanwhile_is_stale)
{
	struct lac_settings settings = {.family = 4, .owner = 1};
	struct lac again;

	start(2);
	lac_tunnel(&rig, &lac, &settings, TUNNEL, SESSION, 1);
	make_up(&lac, TUNNEL, SESSION, RIG_SERVER, 0);
	rig_send(&rig, RIG_ACCESS, &in);
	worker_turn(rig.dp->workers[0]);
	lac_unpublish(&rig, lac.in_index);
	rcu_poll(dataplane_rcu(rig.dp), 100);
	/* its slot may live again as another SA */
	settings.group = lac.group;
	lac_open(&rig, &again, &settings);
	worker_turn(rig.dp->workers[1]);
	cr_expect_eq(rig_drops(&rig, DROP_ESP_STALE), 1);
	cr_expect_eq(rig_drops_all(&rig), 1);
	finish();
}

Test(esp_handoff, packet_on_its_way_when_a_peer_rekeys_takes_the_new_sa)
{
	struct lac_settings settings = {.family = 4, .owner = 1};
	struct lac successor;

	start(2);
	lac_tunnel(&rig, &lac, &settings, TUNNEL, SESSION, 0);
	make_down(SESSION, 7);
	rig_send(&rig, RIG_CORE0, &in);
	worker_turn(rig.dp->workers[0]);
	settings.group = lac.group;
	lac_open(&rig, &successor, &settings);
	lac_unpublish(&rig, lac.out_index);
	rcu_poll(dataplane_rcu(rig.dp), 100);
	rig_turn(&rig);
	cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
	cr_expect_eq(lac_unwrap(&successor, &out), ESP_ACCEPTED);
	cr_expect_eq(rig_drops_all(&rig), 0);
	finish();
}

/* On threads of their own, with as much under way as the rings hold. */
Test(esp_handoff, running_workers_lose_nothing_and_keep_the_order, .timeout = 100)
{
	enum { N = 4000, IN_FLIGHT = 400 };
	struct lac_settings settings = {.family = 4, .owner = 1, .port = 4500};
	uint32_t up = 0, down = 0, sent = 0;

	rig_eal_init("0@0,1@0,2@1,3@0");
	{
		struct dataplane_settings dataplane = rig_settings(3);

		dataplane.idle = DATAPLANE_IDLE_SLEEP;
		dataplane.idle_us = 50;
		rig_create(&rig, &dataplane);
	}
	lac_init();
	lac_tunnel(&rig, &lac, &settings, TUNNEL, SESSION, 2);
	cr_assert_eq(dataplane_start(rig.dp), 0);
	for (unsigned int idle = 0; (up < N || down < N) && idle < 100000; idle++) {
		if (sent < N && sent - RTE_MIN(up, down) < IN_FLIGHT) {
			make_up(&lac, TUNNEL, SESSION, RIG_SERVER, sent);
			rig_send(&rig, RIG_ACCESS, &in);
			make_down(SESSION, sent++);
			rig_send(&rig, RIG_CORE0, &in);
			idle = 0;
		} else {
			usleep(50);
		}
		while (rig_receive(&rig, RIG_CORE0, &out)) {
			cr_assert_eq(load32(out.data + 14 + 28), up);
			up++;
			idle = 0;
		}
		while (rig_receive(&rig, RIG_ACCESS, &out)) {
			cr_assert_eq(lac_unwrap(&lac, &out), ESP_ACCEPTED);
			cr_assert_eq(load32(out.data + out.n - 72), down);
			down++;
			idle = 0;
		}
	}
	dataplane_stop(rig.dp);
	cr_expect_eq(up, N);
	cr_expect_eq(down, N);
	cr_expect_eq(rig_drops_all(&rig), 0);
	finish();
}
