/* SPDX-License-Identifier: BSD-3-Clause */
/* lnsload's IPv6: in order, through losses, and against packets that are not what they should be. */
#include "link6.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "flow.h"

static struct link6 link6;
static struct ppp_stats stats;
static const struct ppp_settings settings = {.restart_ms = 1000};
static uint16_t sent_protocol;
static uint8_t sent[1500];
static size_t sent_len;
static unsigned int n_sent, n_up;

static void on_send(void *ctx, uint16_t protocol, const uint8_t *frame, size_t len)
{
	sent_protocol = protocol;
	memcpy(sent, frame, len);
	sent_len = len;
	n_sent++;
}

static void on_up(void *ctx)
{
	n_up++;
}

static void on_arm(void *ctx, uint32_t delay_ms)
{
	cr_assert_eq(delay_ms, 1000);
}

static uint64_t on_random(void *ctx)
{
	return 0x1122334455667788;
}

static const struct ppp_ops ops = {
	.send = on_send, .up = on_up, .arm = on_arm, .random = on_random};
static const struct ppp_context context = {&ops, NULL, &stats, &settings};

static void setup(void)
{
	link6_init(&link6, 4);
	memset(&stats, 0, sizeof(stats));
	n_sent = n_up = 0;
}

TestSuite(lnsload_link6, .init = setup);

static void cp(uint8_t code, uint8_t id, uint8_t last)
{
	const uint8_t frame[14] = {code, id, 0, 14, 1, 10, 0xaa, [13] = last};

	link6_cp_input(&context, &link6, frame, sizeof(frame));
}

/* A packet of the router's, with the right checksum. */
static size_t packet_make(
	uint8_t *out, uint8_t next, const uint8_t *payload, size_t len, size_t sum_at)
{
	uint32_t sum;

	memset(out, 0, 40);
	out[0] = 0x60;
	put_be16(out + 4, (uint16_t)len);
	out[6] = next;
	out[7] = 255;
	out[8] = out[24] = 0xfe;
	out[9] = out[25] = 0x80;
	memcpy(out + 40, payload, len);
	put_be16(out + 40 + sum_at, 0);
	sum = flow_sum_bytes(out + 8, 32, next + (uint32_t)len);
	put_be16(out + 40 + sum_at, flow_fold(flow_sum_bytes(out + 40, len, sum)));
	return 40 + len;
}

static void advertise(void)
{
	static const uint8_t icmp[48] = {
		134, [16] = 3, 4, 64, 0xc0, [32] = 0x20, 1, 0xd, 0xb8, 0, 7};
	uint8_t packet[128];

	cr_assert(link6_input(
		&context, &link6, packet, packet_make(packet, 58, icmp, sizeof(icmp), 2)));
}

static void reply(uint8_t type, uint8_t transaction)
{
	uint8_t udp[8 + 4 + 16 + 29] = {2, 35, 2, 34, [5] = 57}, packet[128];
	uint8_t *message = udp + 8;

	message[0] = type;
	memcpy(message + 1, link6.transaction, 3);
	message[3] = (uint8_t)(message[3] + transaction);
	memcpy(message + 4, (const uint8_t[]){0, 25, 0, 41}, 4);
	memcpy(message + 20, (const uint8_t[]){0, 26, 0, 25}, 4);
	message[20 + 4 + 8] = 56;
	memcpy(message + 20 + 4 + 9, (const uint8_t[]){0x20, 1, 0xd, 0xb8, 1, 2, 3}, 7);
	cr_assert(link6_input(
		&context, &link6, packet, packet_make(packet, 17, udp, sizeof(udp), 6)));
}

Test(lnsload_link6, comes_up_step_by_step_and_each_step_is_repeated)
{
	uint8_t address[16];

	cp(1, 9, 1); /* the LNS is faster */
	cr_assert_eq(sent[0], 2, "acknowledged");
	link6_start(&context, &link6);
	cr_assert_eq(sent_protocol, PPP_IPV6CP);
	link6_expire(&context, &link6);
	cr_assert_eq(sent[0], 1, "asked again");
	cp(3, link6.cp.id, 5);
	cr_assert_eq(link6.id[7], 5, "the identifier that it was told to take");
	cp(2, link6.cp.id, 5);
	cr_assert_eq(link6.state, LINK6_ROUTER);
	cr_assert_eq(sent_protocol, PPP_IPV6);
	cr_assert_eq(sent[40], 133);
	link6_expire(&context, &link6);
	cr_assert_eq(sent[40], 133);
	advertise();
	cr_assert_eq(link6.state, LINK6_DHCP);
	cr_assert_eq(sent[48], 1, "Solicit");
	link6_expire(&context, &link6);
	cr_assert_eq(sent[48], 1);
	reply(7, 1);
	cr_assert_eq(link6.state, LINK6_DHCP, "another transaction");
	reply(2, 0);
	cr_assert_eq(link6.state, LINK6_DHCP, "an Advertise binds nothing");
	reply(7, 0);
	cr_assert_eq(link6.state, LINK6_UP);
	cr_assert_eq(n_up, 1u);
	cr_assert_eq(stats.resent, 3u);
	cr_assert_eq(link6.delegated_length, 56);
	link6_address(&link6, address);
	cr_assert_arr_eq(
		address, ((uint8_t[16]){0x20, 1, 0xd, 0xb8, 1, 2, 3, 0, 0xaa, [15] = 5}), 16);
	link6.number = 5;
	link6_address(&link6, address);
	cr_assert_arr_eq(
		address, ((uint8_t[16]){0x20, 1, 0xd, 0xb8, 0, 7, 0, 0, 0xaa, [15] = 5}), 16);
}

Test(lnsload_link6, an_advertisement_before_the_question_spares_it)
{
	link6_start(&context, &link6);
	advertise();
	cp(1, 1, 1);
	cp(2, link6.cp.id, 0);
	cr_assert_eq(link6.state, LINK6_DHCP);
}

Test(lnsload_link6, what_is_broken_is_counted_and_what_is_not_the_links_is_left)
{
	uint8_t packet[64] = {0x60, [5] = 8, [6] = 58, [7] = 255, [8] = 0xfe, 0x80, [40] = 134};

	cr_assert(link6_input(&context, &link6, packet, 48));
	cr_assert_eq(stats.malformed, 1u, "wrong checksum");
	cr_assert(link6_input(&context, &link6, packet, 44));
	cr_assert_eq(stats.malformed, 2u, "cut");
	packet[8] = 0x20;
	cr_assert_not(link6_input(&context, &link6, packet, 48), "a user's packet");
	cr_assert_not(link6_input(&context, &link6, packet, 39));
	link6_cp_input(&context, &link6, packet, 3);
	link6_cp_input(&context, &link6, (const uint8_t[]){1, 1, 0, 9, 1, 5, 0, 0, 0}, 9);
	cr_assert_eq(stats.malformed, 4u);
	cr_assert_eq(n_sent, 0u);
}
