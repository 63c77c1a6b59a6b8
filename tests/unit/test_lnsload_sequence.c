/* SPDX-License-Identifier: BSD-3-Clause */
/* The sequence checker of lnsload: order, late packets, duplicates, long gaps. */
#include <criterion/criterion.h>

#include "sequence.h"

static void feed(struct sequence *s, const uint32_t *numbers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sequence_check(s, numbers[i]);
}

Test(lnsload_sequence, truth_table)
{
	static const struct {
		uint32_t in[8];
		size_t n;
		uint32_t received, reordered, duplicated;
	} rows[] = {
		{{0, 1, 2, 3}, 4, 4, 0, 0},
		{{0, 2, 1, 3}, 4, 4, 1, 0},
		{{0, 0, 1, 1}, 4, 2, 0, 2},
		{{0, 3, 2, 1, 1}, 5, 4, 2, 1},
		{{5, 5}, 2, 1, 0, 1},
		{{0, 255, 1, 1}, 4, 3, 1, 1},
		{{0, 256, 0}, 3, 3, 1, 0}, /* too old to tell: taken as late */
		{{0, 100000, 99999, 99999, 100001}, 5, 4, 1, 1},
		{{63, 64, 63, 0}, 4, 3, 1, 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sequence s = {0};

		feed(&s, rows[i].in, rows[i].n);
		cr_assert_eq(s.received, rows[i].received, "row %zu", i);
		cr_assert_eq(s.reordered, rows[i].reordered, "row %zu", i);
		cr_assert_eq(s.duplicated, rows[i].duplicated, "row %zu", i);
	}
}

Test(lnsload_sequence, every_packet_twice_and_backwards_in_blocks_is_counted_once)
{
	struct sequence s = {0};

	for (uint32_t block = 0; block < 1000; block++)
		for (uint32_t pass = 0; pass < 2; pass++)
			for (uint32_t i = 100; i > 0; i--)
				sequence_check(&s, block * 100 + i - 1);
	cr_assert_eq(s.received, 100000u);
	cr_assert_eq(s.duplicated, 100000u);
	cr_assert_eq(s.reordered, 99000u);
}
