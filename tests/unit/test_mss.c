/* SPDX-License-Identifier: BSD-3-Clause */
/* The MSS option of SYNs, both families, both ways, at every place. */
#include "path_rig.h"

#include "mss.h"

#define SESSION 3

static struct rig rig;
static struct frame in, out, inner;

static void start(void)
{
	rig_start(&rig, 1);
	rig_tunnel(&rig);
	rig_session(&rig, RIG_TUNNEL, SESSION, 0, 1400, RIG_FLAGS); /* MSS 1360 and 1340 */
}

static void finish(void)
{
	rig_destroy(&rig);
}

TestSuite(mss, .init = start, .fini = finish);

/* A TCP segment of some payload with a right checksum behind an IP header. */
static void make_tcp(
	bool v4, bool up, uint8_t flags, const uint8_t *options, uint32_t n, uint32_t payload)
{
	uint8_t subscriber6[16];

	rig_subscriber6(SESSION, subscriber6);
	inner.n = 0;
	if (v4)
		frame_ip4(&inner, up ? rig_subscriber(SESSION) : RIG_SERVER,
			up ? RIG_SERVER : rig_subscriber(SESSION), IPPROTO_TCP, 20 + n + payload);
	else
		frame_ip6(&inner, up ? subscriber6 : rig_server6, up ? rig_server6 : subscriber6,
			IPPROTO_TCP, 20 + n + payload);

	uint32_t at = inner.n;
	uint8_t *tcp = frame_add(&inner, NULL, 20);

	store_be16(tcp, 40001);
	store_be16(tcp + 2, 80);
	tcp[12] = (uint8_t)((20 + n) / 4 << 4);
	tcp[13] = flags;
	frame_add(&inner, options, n);
	for (uint32_t i = 0; i < payload; i++)
		inner.data[inner.n++] = (uint8_t)(i * 7);
	for (uint32_t guess = 0; guess < 65536;
		guess++) { /* no arithmetic of ours: the one that fits */
		store16(tcp + 16, (uint16_t)guess);
		if (packet_checksums_right(inner.data))
			break;
	}
	(void)at;
}

/* Through the dataplane; returns the TCP header as it came out, checksums checked. */
static const uint8_t *pass(bool v4, bool up)
{
	const uint8_t *ip;

	if (up) {
		frame_data(&rig, &in, RIG_TUNNEL, SESSION, v4 ? 0x21 : 0x57, inner.data, inner.n);
		rig_send(&rig, RIG_ACCESS, &in);
		rig_turn(&rig);
		cr_assert(rig_receive(&rig, RIG_CORE0, &out));
		ip = out.data + 14;
	} else {
		frame_core4(&rig, &in, &inner);
		rig_send(&rig, RIG_CORE0, &in);
		rig_turn(&rig);
		cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
		ip = out.data + 14 + 38;
	}
	cr_expect(packet_checksums_right(ip));
	return ip + (v4 ? 20 : 40);
}

Test(mss, option_is_lowered_at_even_and_odd_places)
{
	static const struct {
		uint8_t options[12], n, at;
	} lists[] = {
		{{2, 4, 0x05, 0xb4}, 4, 2},
		{{1, 1, 2, 4, 0x05, 0xb4, 0, 0}, 8, 4},
		{{1, 2, 4, 0x05, 0xb4, 1, 1, 1}, 8, 3},
		{{4, 2, 1, 3, 3, 7, 2, 4, 0x05, 0xb4, 0, 0}, 12, 8},
		{{3, 3, 7, 2, 4, 0x05, 0xb4, 0}, 8, 5},
	};

	for (size_t i = 0; i < RTE_DIM(lists); i++) {
		for (unsigned int way = 0; way < 4; way++) {
			bool v4 = way & 1, up = way & 2;

			make_tcp(v4, up, way == 3 ? 0x12 : 0x02, lists[i].options, lists[i].n, 5);
			const uint8_t *tcp = pass(v4, up);
			cr_expect_eq(load_be16(tcp + 20 + lists[i].at), v4 ? 1360 : 1340, "%zu %u",
				i, way);
		}
	}
	cr_expect_eq(rig.dp->workers[0]->stats.mss_clamped, RTE_DIM(lists) * 4);
}

Test(mss, smaller_ones_other_segments_and_bad_lists_stay)
{
	static const struct {
		const char *name;
		uint8_t flags, options[8], n;
	} segments[] = {
		{"small", 2, {2, 4, 0x02, 0x18}, 4},
		{"exactly", 2, {2, 4, 0x05, 0x3c}, 4}, /* 1340 */
		{"no SYN", 0x10, {2, 4, 0x05, 0xb4}, 4},
		{"no option", 2, {1, 1, 1, 0}, 4},
		{"behind the end of the list", 2, {0, 0, 0, 0, 2, 4, 0x05, 0xb4}, 8},
		{"option without length", 2, {1, 1, 1, 2}, 4},
		{"length 0", 2, {8, 0, 2, 4, 0x05, 0xb4, 0, 0}, 8},
		{"length beyond the header", 2, {8, 9, 2, 4, 0x05, 0xb4, 0, 0}, 8},
		{"MSS of length 3", 2, {2, 3, 0xff, 0}, 4},
	};

	for (size_t i = 0; i < RTE_DIM(segments); i++) {
		for (unsigned int v4 = 0; v4 < 2; v4++) {
			make_tcp(
				v4, true, segments[i].flags, segments[i].options, segments[i].n, 0);
			const uint8_t *tcp = pass(v4, true);
			cr_expect_arr_eq(tcp + 20, segments[i].options, segments[i].n, "%s",
				segments[i].name);
		}
	}
	cr_expect_eq(rig.dp->workers[0]->stats.mss_clamped, 0);
}

Test(mss, no_clamp_without_the_flag_and_none_in_later_fragments)
{
	static const uint8_t option[4] = {2, 4, 0x05, 0xb4};

	make_tcp(true, true, 2, option, 4, 0);
	store_be16(inner.data + 6, 0x0010); /* offset 128: bytes that look like a SYN */
	ip4_header_set_checksum(inner.data, 20);
	frame_data(&rig, &in, RIG_TUNNEL, SESSION, 0x21, inner.data, inner.n);
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_assert(rig_receive(&rig, RIG_CORE0, &out));
	cr_expect_arr_eq(out.data + 14 + 40, option, 4);
	__atomic_and_fetch(
		&rig_session_at(&rig, 0)->flags, ~(uint32_t)SESSION_MSS_CLAMP, __ATOMIC_RELEASE);
	make_tcp(true, true, 2, option, 4, 0);
	cr_expect_arr_eq(pass(true, true) + 20, option, 4);
}

Test(mss, header_that_is_cut_off_is_not_read_beyond)
{
	uint8_t tcp[24] = {0};

	for (unsigned int offset = 0; offset < 16; offset++) {
		tcp[12] = (uint8_t)(offset << 4);
		for (uint32_t room = 20; room <= 24; room++)
			if (offset < 5 || offset * 4 > room)
				cr_expect_not(
					mss_clamp_syn(tcp, room, 1000), "%u %u", offset, room);
	}
}
