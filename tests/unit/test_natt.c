/* SPDX-License-Identifier: BSD-3-Clause */
/* UDP port 4500 and ESP at the door: IKE to the kernel, ESP to its SA, keepalives nowhere (RFC 3948). */
#include "esp_path_fixture.h"

static struct meta meta;

TestSuite(natt, .init = esp_path_start, .fini = esp_path_finish);

static const struct {
	const char *name;
	uint32_t length;
	uint8_t bytes[12];
	enum drop_reason reason; /* DROP_MAX: to the kernel */
} marked[] = {
	{"keepalive", 1, {0xff}, DROP_NATT_KEEPALIVE},
	{"one other byte", 1, {0xfe}, DROP_NATT_SHORT},
	{"nothing", 0, {0}, DROP_NATT_SHORT},
	{"two bytes", 2, {0xff, 0xff}, DROP_NATT_SHORT},
	{"three zeros", 3, {0}, DROP_NATT_SHORT},
	{"a marker alone", 4, {0}, DROP_MAX},
	{"IKE", 12, {0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}, DROP_MAX},
	{"an SPI alone", 4, {0, 0, 0x10, 0}, DROP_NATT_SHORT},
	{"an SPI and half a number", 7, {0, 0, 0x20, 0, 1, 2, 3}, DROP_NATT_SHORT},
	{"an SPI that nobody has", 12, {0, 0, 0x20, 0}, DROP_ESP_UNKNOWN_SPI},
};

Test(natt, udp_4500_is_ike_keepalive_or_esp)
{
	for (unsigned int family = 4; family <= 6; family += 2) {
		for (size_t i = 0; i < RTE_DIM(marked); i++) {
			enum drop_reason reason = marked[i].reason;
			uint64_t before = rig_drops_all(&rig),
				 named = reason == DROP_MAX ? 0 : rig_drops(&rig, reason);

			frame_eth(&in, rig.mac[RIG_ACCESS], rig_lac_mac,
				family == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
			if (family == 4)
				frame_ip4(&in, RIG_LAC, RIG_LNS, IPPROTO_UDP, 8 + marked[i].length);
			else
				frame_ip6(
					&in, rig_lac6, rig_lns6, IPPROTO_UDP, 8 + marked[i].length);
			frame_udp(&in, 4500, 4500, marked[i].length);
			frame_add(&in, marked[i].bytes, marked[i].length);
			/* Ethernet's padding is not part of it */
			frame_add(&in, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 18);
			rig_send(&rig, RIG_ACCESS, &in);
			rig_turn(&rig);

			int kind = rig_punted(&rig, PUNT_RING_EXCEPTION, &out, &meta);

			cr_expect_eq(
				kind, reason == DROP_MAX ? PUNT_FRAME : -1, "%s", marked[i].name);
			if (reason == DROP_MAX) {
				cr_expect_arr_eq(out.data, in.data, in.n);
				cr_expect_eq(rig_drops_all(&rig), before);
				continue;
			}
			cr_expect_eq(rig_drops(&rig, reason) - named, 1, "%s", marked[i].name);
			cr_expect_eq(rig_drops_all(&rig) - before, 1, "%s", marked[i].name);
		}
	}
}

Test(natt, ike_in_fragments_reaches_the_kernel_whole)
{
	static const uint16_t ports[2] = {500, 4500};
	static uint8_t certificate[3000];
	uint32_t cuts[4] = {0, 1480, 2960, 3008};

	for (unsigned int i = 0; i < 4; i++) {
		bool v4 = i < 2;

		frame_eth(&in, rig.mac[RIG_ACCESS], rig_lac_mac,
			v4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
		if (v4)
			frame_ip4(&in, RIG_LAC, RIG_LNS, IPPROTO_UDP, 3008);
		else
			frame_ip6(&in, rig_lac6, rig_lns6, IPPROTO_UDP, 3008);
		frame_udp(&in, ports[i % 2], ports[i % 2], 3000);
		frame_add(&in, certificate, 3000);
		lac_send_pieces(&rig, &in, cuts, 4);
		rig_turn(&rig);
		cr_expect_eq(rig_punted(&rig, PUNT_RING_EXCEPTION, &out, &meta), PUNT_FRAME);
		cr_expect_eq(meta.iface, RIG_ACCESS);
		cr_expect_eq(out.n, in.n);
		cr_expect_arr_eq(out.data, in.data, in.n, "port %u", ports[i % 2]);
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
}

Test(natt, ipv6_extension_headers_in_front_of_esp_are_stepped_over)
{
	static const struct lac_settings settings[2] = {{.family = 6}, {.family = 6, .port = 4500}};
	static struct frame extended;

	for (uint16_t i = 0; i < 2; i++) {
		lac_tunnel(&rig, &lac, &settings[i], TUNNEL + i, SESSION + i, 0);
		/* destination options; an atomic fragment (RFC 6946) */
		for (unsigned int k = 0; k < 2; k++) {
			uint8_t *extension;

			make_data(&lac, TUNNEL + i, SESSION + i, 100);
			extended.n = 0;
			frame_add(&extended, in.data, 54);
			extension = frame_add(&extended, k == 0 ? "\0\0\1\4\0\0\0\0" : NULL, 8);
			extension[0] = extended.data[20];
			extended.data[20] = k == 0 ? IPPROTO_DSTOPTS : IPPROTO_FRAGMENT;
			store_be16(extended.data + 18, (uint16_t)(in.n - 54 + 8));
			frame_add(&extended, in.data + 54, in.n - 54);
			rig_send(&rig, RIG_ACCESS, &extended);
			cr_expect(arrived(), "%u %u", i, k);
		}
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
}

Test(natt, esp_on_the_core_side_is_the_kernels)
{
	static const struct lac_settings settings[2] = {{.family = 4}, {.family = 4, .port = 4500}};
	uint32_t core = RIG_CORE;

	for (uint16_t i = 0; i < 2; i++) {
		lac_tunnel(&rig, &lac, &settings[i], TUNNEL + i, SESSION + i, 0);
		make_data(&lac, TUNNEL + i, SESSION + i, 100);
		memcpy(in.data, rig.mac[RIG_CORE0], 6);
		memcpy(in.data + 14 + 16, &core, 4);
		ip4_header_set_checksum(in.data + 14, 20);
		rig_send(&rig, RIG_CORE0, &in);
		rig_turn(&rig);
		cr_expect_eq(rig_punted(&rig, PUNT_RING_EXCEPTION, &out, &meta), PUNT_FRAME);
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
}
