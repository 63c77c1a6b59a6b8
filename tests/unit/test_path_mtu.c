/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet Too Big about our packets (RFC 4443, 3.2; RFC 8201): which of them says something, and for how long. */
#include "path_mtu.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OUTER  14
#define ICMP   (OUTER + 40)
#define QUOTED (ICMP + 8)
#define INSIDE (QUOTED + 40)

static const uint8_t ours[16] = {0xfd, 1, [15] = 1}, lac[16] = {0xfd, 2, [15] = 2},
		     router[16] = {0xfd, 3, [15] = 3};
static uint8_t frame[256];
static size_t length;
static struct path_mtu_notice notice;

static void put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void finish(void)
{
	size_t payload = length - ICMP;
	uint64_t sum = payload + 58;

	put16(frame + OUTER + 4, (uint32_t)payload);
	put16(frame + ICMP + 2, 0);
	frame[length] = 0;
	for (size_t i = OUTER + 8; i < length; i += 2)
		sum += (uint64_t)frame[i] << 8 | frame[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put16(frame + ICMP + 2, ~(uint32_t)sum & 0xffff);
}

/* What stands in the quoted packet behind its IPv6 header. */
static void make(uint32_t mtu, uint8_t next, const uint8_t *inside, size_t n)
{
	memset(frame, 0, sizeof(frame));
	put16(frame + 12, 0x86dd);
	frame[OUTER] = 0x60;
	frame[OUTER + 6] = 58;
	frame[OUTER + 7] = 60;
	memcpy(frame + OUTER + 8, router, 16);
	memcpy(frame + OUTER + 24, ours, 16);
	frame[ICMP] = 2;
	put16(frame + ICMP + 4, mtu >> 16);
	put16(frame + ICMP + 6, mtu);
	frame[QUOTED] = 0x60;
	put16(frame + QUOTED + 4, 1400);
	frame[QUOTED + 6] = next;
	memcpy(frame + QUOTED + 8, ours, 16);
	memcpy(frame + QUOTED + 24, lac, 16);
	memcpy(frame + INSIDE, inside, n);
	length = INSIDE + n;
	finish();
}

static const uint8_t l2tp[] = {0x06, 0xa5, 0x12, 0x34, 5, 0xb0, 0, 0, 0, 2, 0xbe, 0xef, 0, 7};

Test(path_mtu, what_is_quoted_is_told)
{
	static const uint8_t with_length[] = {
		0x06, 0xa5, 0x12, 0x34, 5, 0xb0, 0, 0, 0x40, 2, 5, 0xa8, 0xbe, 0xef};
	static const uint8_t first_part[] = {
		17, 0, 0, 1, 1, 2, 3, 4, 0x06, 0xa5, 0x12, 0x34, 5, 0xb0, 0, 0, 0, 2, 0xbe, 0xef};
	static const uint8_t esp[] = {0xc0, 1, 2, 3, 0, 0, 0, 9};
	static const uint8_t natt[] = {0x11, 0x94, 0x12, 0x34, 5, 0xb0, 0, 0, 0xc0, 1, 2, 3};
	static const struct {
		const uint8_t *inside;
		size_t n;
		uint8_t next;
		bool esp;
	} rows[] = {
		{l2tp, sizeof(l2tp), 17, false},
		{with_length, sizeof(with_length), 17, false},
		{first_part, sizeof(first_part), 44, false},
		{esp, sizeof(esp), 50, true},
		{natt, sizeof(natt), 17, true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make(1400, rows[i].next, rows[i].inside, rows[i].n);
		cr_assert_eq(path_mtu_read(frame, length, &notice), 0, "row %zu", i);
		cr_expect_eq(notice.mtu, 1400u);
		cr_expect_arr_eq(notice.peer, lac, 16);
		cr_expect_arr_eq(notice.local, ours, 16);
		cr_expect_arr_eq(notice.router, router, 16);
		cr_expect_eq(notice.esp, rows[i].esp, "row %zu", i);
		if (rows[i].esp)
			cr_expect_eq(notice.spi, 0xc0010203u);
		else
			cr_expect(notice.tunnel_id == 0xbeef && notice.local_port == 1701 &&
					notice.peer_port == 0x1234,
				"row %zu", i);
	}
}

Test(path_mtu, everything_else_is_refused_or_no_packet_too_big)
{
	static const uint8_t later_part[] = {
		17, 0, 0, 9, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	static const uint8_t control[] = {
		0x06, 0xa5, 6, 0xa5, 0, 9, 0, 0, 0xc8, 2, 0, 12, 0xbe, 0xef};
	static const uint8_t ike[] = {0x11, 0x94, 0x11, 0x94, 5, 0xb0, 0, 0, 0, 0, 0, 0};

	make(1400, 17, l2tp, sizeof(l2tp));
	frame[ICMP] = 128;
	cr_expect_eq(path_mtu_read(frame, length, &notice), -ENOENT);
	frame[ICMP] = 2;
	frame[QUOTED + 50] ^= 1;
	cr_expect_eq(path_mtu_read(frame, length, &notice), -EBADMSG, "checksum");
	make(1400, 17, l2tp, sizeof(l2tp));
	frame[QUOTED + 8] ^= 1;
	finish();
	cr_expect_eq(path_mtu_read(frame, length, &notice), -EBADMSG, "another's packet");
	make(1400, 17, l2tp, sizeof(l2tp));
	frame[QUOTED] = 0x45;
	finish();
	cr_expect_eq(path_mtu_read(frame, length, &notice), -EBADMSG, "IPv4 inside");
	make(1400, 44, later_part, sizeof(later_part));
	cr_expect_eq(path_mtu_read(frame, length, &notice), -EBADMSG, "a later part");
	make(1400, 17, control, sizeof(control));
	cr_expect_eq(path_mtu_read(frame, length, &notice), -EBADMSG, "a control message");
	make(1400, 17, ike, sizeof(ike));
	cr_expect_eq(path_mtu_read(frame, length, &notice), -EBADMSG, "IKE");
	make(1400, 6, l2tp, sizeof(l2tp));
	cr_expect_eq(path_mtu_read(frame, length, &notice), -EBADMSG, "TCP");
	put16(frame + 12, 0x0800);
	cr_expect_eq(path_mtu_read(frame, length, &notice), -ENOENT, "IPv4");
}

Test(path_mtu, every_cut_is_noticed)
{
	make(1400, 17, l2tp, 12);
	for (size_t n = 0; n < length; n++) {
		uint8_t *cut = malloc(n ? n : 1); /* a sanitizer sees what is read beyond */

		memcpy(cut, frame, n);
		cr_expect_neq(path_mtu_read(cut, n, &notice), 0, "%zu bytes", n);
		/* nor may the header promise less than there has to be */
		if (n >= INSIDE) {
			size_t whole = length;

			length = n;
			finish();
			cr_expect_neq(path_mtu_read(frame, length, &notice), 0, "%zu promised", n);
			length = whole;
			make(1400, 17, l2tp, 12);
		}
		free(cut);
	}
}

Test(path_mtu, only_less_is_learnt_and_it_is_forgotten)
{
	struct path_mtus *mtus = calloc(1, sizeof(*mtus));
	uint8_t peer[16] = {0x20, 1};

	cr_expect(!path_mtus_learn(mtus, 0, lac, 1279, 1500, 1000), "no link takes so little");
	cr_expect(!path_mtus_learn(mtus, 0, lac, 0, 1500, 1000));
	cr_expect(!path_mtus_learn(mtus, 0, lac, 1500, 1500, 1000), "no less than the port");
	cr_expect(!path_mtus_learn(mtus, 0, lac, 70000, 9000, 1000));
	cr_expect(!mtus->changed && mtus->n == 0);
	cr_expect(path_mtus_learn(mtus, 0, lac, 1400, 1500, 1000));
	cr_expect(mtus->changed && mtus->n == 1);
	cr_expect(!path_mtus_learn(mtus, 0, lac, 1450, 1500, 2000), "never an increase");
	cr_expect(
		!path_mtus_learn(mtus, 0, lac, 1400, 1500, 2000), "nor a longer life by the same");
	cr_expect(path_mtus_learn(mtus, 0, router, 1280, 1500, 3000));
	mtus->changed = false;
	path_mtus_expire(mtus, 1000 + PATH_MTU_KEEP_MS - 1);
	cr_expect(!mtus->changed && mtus->n == 2);
	path_mtus_expire(mtus, 1000 + PATH_MTU_KEEP_MS);
	cr_expect(mtus->changed && mtus->n == 1 && mtus->list[0].mtu == 1280);
	cr_expect(
		path_mtus_learn(mtus, 0, lac, 1450, 1500, 4000 + PATH_MTU_KEEP_MS), "learnt anew");
	path_mtus_expire(mtus, UINT64_MAX);
	cr_expect(mtus->n == 0 && mtus->next == 0);
	/* bounded */
	for (unsigned int i = 0; i < PATH_MTUS_MAX; i++) {
		put16(peer + 14, i);
		cr_assert(path_mtus_learn(mtus, 0, peer, 1300, 1500, 5000));
	}
	cr_expect(!path_mtus_learn(mtus, 0, lac, 1300, 1500, 5000), "no room");
	put16(peer + 14, 17);
	cr_expect(path_mtus_learn(mtus, 0, peer, 1290, 1500, 5000), "a known one still gets less");
	path_mtus_expire(mtus, 5000 + PATH_MTU_KEEP_MS);
	cr_expect_eq(mtus->n, 0u);
	free(mtus);
}

Test(path_mtu, one_address_in_two_vrfs_is_two_paths)
{
	struct path_mtus *mtus = calloc(1, sizeof(*mtus));

	cr_assert(path_mtus_learn(mtus, 1, lac, 1280, 1500, 1000));
	cr_expect(path_mtus_learn(mtus, 0, lac, 1400, 1500, 2000), "of which nothing was known");
	cr_assert_eq(mtus->n, 2u);
	cr_expect(mtus->list[0].vrf == 1 && mtus->list[0].mtu == 1280);
	cr_expect(mtus->list[1].vrf == 0 && mtus->list[1].mtu == 1400);
	cr_expect(!path_mtus_learn(mtus, 1, lac, 1300, 1500, 3000));
	cr_expect(path_mtus_learn(mtus, 0, lac, 1300, 1500, 3000));
	path_mtus_expire(mtus, 1000 + PATH_MTU_KEEP_MS);
	cr_assert_eq(mtus->n, 1u);
	cr_expect(mtus->list[0].vrf == 0 && mtus->list[0].mtu == 1300);
	free(mtus);
}
