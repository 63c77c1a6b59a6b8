/* SPDX-License-Identifier: BSD-3-Clause */
/* What the control core is told of ESP: how much, how often, and what only if it is authentic. */
#include "esp_path_fixture.h"

TestSuite(esp_notice, .init = esp_path_start, .fini = esp_path_finish);

Test(esp_notice, refused_packets_are_told_within_the_rate)
{
	static const struct lac_settings settings = {.family = 4, .port = 1024};
	struct message_reply reply;
	unsigned int n = 0;

	lac_tunnel(&rig, &lac, &settings, TUNNEL, SESSION, 0);
	make_data(&lac, TUNNEL, SESSION, 100);
	in.data[in.n - 1] ^= 1;
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_assert(lac_notice(&rig, &reply));
	cr_expect_eq(reply.index, lac.in_index);
	cr_expect_eq(reply.generation, lac.in_generation);
	cr_expect_eq(reply.esp.reason, DROP_ESP_ICV);
	cr_expect_eq(reply.esp.spi, rte_cpu_to_be_32(lac.spi));
	cr_expect_eq(reply.esp.sequence, 1);
	cr_expect_eq(reply.esp.family, 4);
	cr_expect_eq(load32(reply.esp.peer), RIG_LAC);
	cr_expect_eq(load32(reply.esp.local), RIG_LNS);
	cr_expect_eq(reply.esp.peer_port, 1024);
	cr_expect_not(lac_notice(&rig, &reply));

	for (unsigned int i = 0; i < 1000; i++) {
		make_data(&lac, TUNNEL, SESSION, 100);
		lac_esp(&lac, &in)[0] = 0x99;
		rig_send(&rig, RIG_ACCESS, &in);
		rig_turn(&rig);
	}
	while (lac_notice(&rig, &reply)) {
		cr_expect_eq(reply.index, SA_NONE);
		cr_expect_eq(reply.generation, 0);
		cr_expect_eq(reply.esp.reason, DROP_ESP_UNKNOWN_SPI);
		cr_expect_eq(load32(reply.esp.peer), RIG_LAC);
		n++;
	}
	cr_expect_eq(rig_drops(&rig, DROP_ESP_UNKNOWN_SPI), 1000);
	/* the depth of the bucket, and a few more while this took its time */
	cr_expect(n >= ESP_NOTICES_RATE - 1 && n < 500, "%u", n);
}

Test(esp_notice, notices_leave_room_for_answers)
{
	static const struct lac_settings settings = {.family = 4};
	const struct message message = {.type = MESSAGE_WORKER_STATS};
	struct message_reply reply;

	lac_tunnel(&rig, &lac, &settings, TUNNEL, SESSION, 0);
	for (unsigned int i = 0; i < MESSAGE_RING_SIZE / 2; i++)
		cr_assert_eq(dataplane_message(rig.dp, 0, &message), 0);
	for (unsigned int i = 0; i < MESSAGE_RING_SIZE / 2 / 32; i++)
		worker_turn(rig.dp->workers[0]);
	make_data(&lac, TUNNEL, SESSION, 100);
	lac_esp(&lac, &in)[0] = 0x99;
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_expect_eq(rig_drops(&rig, DROP_ESP_UNKNOWN_SPI), 1);
	for (unsigned int i = 0; i < MESSAGE_RING_SIZE / 2; i++) {
		cr_assert_eq(dataplane_replies(rig.dp, &reply, 1), 1);
		cr_expect_eq(reply.type, MESSAGE_WORKER_STATS);
	}
	cr_expect_eq(dataplane_replies(rig.dp, &reply, 1), 0);
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_expect(lac_notice(&rig, &reply), "there is room again");
}

static void set_port(uint16_t port)
{
	store_be16(in.data + 34, port);
}

Test(esp_notice, a_nats_new_port_is_told_once_and_only_if_authentic)
{
	static const struct lac_settings settings = {.family = 4, .port = 4500};
	struct message_reply reply;

	lac_tunnel(&rig, &lac, &settings, TUNNEL, SESSION, 0);
	send_data(&lac, TUNNEL, SESSION);
	cr_expect(arrived());
	cr_expect_not(lac_notice(&rig, &reply), "where it was expected");

	/* forged: refused, and never a change of port */
	make_data(&lac, TUNNEL, SESSION, 100);
	in.data[in.n - 1] ^= 1;
	set_port(2000);
	rig_send(&rig, RIG_ACCESS, &in);
	cr_expect_not(arrived());
	cr_assert(lac_notice(&rig, &reply));
	cr_expect_eq(reply.esp.reason, DROP_ESP_ICV);
	cr_expect_not(lac_notice(&rig, &reply));

	for (unsigned int i = 0; i < 5; i++) {
		make_data(&lac, TUNNEL, SESSION, 100);
		set_port(2000);
		rig_send(&rig, RIG_ACCESS, &in);
		cr_expect(arrived(), "the packet itself is as good as any");
	}
	cr_assert(lac_notice(&rig, &reply));
	cr_expect_eq(reply.esp.reason, DROP_MAX);
	cr_expect_eq(reply.esp.peer_port, 2000);
	cr_expect_eq(reply.index, lac.in_index);
	cr_expect_eq(load32(reply.esp.peer), RIG_LAC);
	cr_expect_not(lac_notice(&rig, &reply), "once");

	/* the control core follows; the next change is news again */
	sa_set_encap(lac.out, 4500, 2000);
	make_data(&lac, TUNNEL, SESSION, 100);
	set_port(2000);
	rig_send(&rig, RIG_ACCESS, &in);
	cr_expect(arrived());
	cr_expect_not(lac_notice(&rig, &reply));
	send_data(&lac, TUNNEL, SESSION);
	cr_expect(arrived());
	cr_assert(lac_notice(&rig, &reply));
	cr_expect_eq(reply.esp.peer_port, 4500);
}

/* Anybody can send what has no SA; a NAT that restarts gives its clients new ports all at once. */
Test(esp_notice, a_flood_of_what_is_refused_does_not_keep_a_new_port_from_being_told)
{
	static const struct lac_settings settings = {.family = 4, .port = 4500};
	struct message_reply reply;
	unsigned int refused = 0;

	lac_tunnel(&rig, &lac, &settings, TUNNEL, SESSION, 0);
	for (unsigned int i = 0; i < 100; i++) {
		make_data(&lac, TUNNEL, SESSION, 100);
		lac_esp(&lac, &in)[0] = 0x99;
		rig_send(&rig, RIG_ACCESS, &in);
		rig_turn(&rig);
	}
	while (lac_notice(&rig, &reply))
		refused++;
	cr_expect_lt(refused, 100, "their rate is used up");
	for (uint16_t port = 2000; port < 2000 + 2 * ESP_NOTICES_RATE; port++) {
		make_data(&lac, TUNNEL, SESSION, 100);
		set_port(port);
		rig_send(&rig, RIG_ACCESS, &in);
		cr_expect(arrived());
		cr_assert(lac_notice(&rig, &reply), "port %u", port);
		cr_expect_eq(reply.esp.reason, DROP_MAX);
		cr_expect_eq(reply.esp.peer_port, port);
	}
}

/* The SA's peer has moved, or somebody changed the address on the way, which ESP does not cover. */
Test(esp_notice, an_authentic_packet_from_elsewhere_is_told_and_not_let_in)
{
	static const struct lac_settings settings = {.family = 4, .port = 4500};
	struct message_reply reply;

	lac_tunnel(&rig, &lac, &settings, TUNNEL, SESSION, 0);
	make_data(&lac, TUNNEL, SESSION, 100);
	in.data[14 + 15] ^= 1;
	ip4_header_set_checksum(in.data + 14, 20);
	rig_send(&rig, RIG_ACCESS, &in);
	cr_expect_not(arrived());
	cr_assert(lac_notice(&rig, &reply));
	cr_expect_eq(reply.esp.reason, DROP_ESP_WRONG_PEER);
	cr_expect_eq(load32(reply.esp.peer), RIG_LAC ^ RIG_IP(0, 0, 0, 1));
	cr_expect_eq(reply.esp.peer_port, 4500);
	cr_expect_eq(reply.index, lac.in_index);
}
