/* SPDX-License-Identifier: BSD-3-Clause */
/* lnsload's impairment: rates, repeatability, nothing invented and nothing forgotten. */
#include <criterion/criterion.h>
#include <string.h>

#include "impair.h"

#define PACKETS 20000u

static uint32_t seen[PACKETS], order[2 * PACKETS], count;

static void note(void *ctx, void *where, const uint8_t *packet, size_t len, uint64_t stamp)
{
	uint32_t n;

	cr_assert_eq(len, 4u);
	cr_assert_eq(stamp, 99u);
	memcpy(&n, packet, 4);
	seen[n]++;
	order[count++] = n;
}

static void pass(const struct impair_rates *rates, uint64_t seed, struct impair *im)
{
	memset(seen, 0, sizeof(seen));
	count = 0;
	cr_assert_eq(impair_init(im, rates, seed), 0);
	for (uint32_t i = 0; i < PACKETS; i++) {
		impair_release(im, i / 10, note, NULL);
		impair_packet(im, i / 10, NULL, (uint8_t *)&i, 4, 99, note, NULL);
	}
	impair_release(im, PACKETS, note, NULL);
}

Test(lnsload_impair, rates_are_met_and_every_packet_is_accounted_for)
{
	struct impair_rates rates = {.loss = 20, .duplicate = 5, .reorder = 10};
	uint32_t lost = 0, twice = 0, late = 0;
	struct impair im;

	pass(&rates, 1, &im);
	for (uint32_t i = 0; i < PACKETS; i++) {
		lost += seen[i] == 0;
		twice += seen[i] == 2;
		cr_assert_leq(seen[i], 2u);
	}
	for (uint32_t i = 1; i < count; i++)
		late += order[i] < order[i - 1];
	cr_assert_eq(lost, im.lost);
	cr_assert_eq(twice, im.duplicated);
	cr_assert_eq(count, PACKETS - im.lost + im.duplicated);
	cr_assert(lost > 3700 && lost < 4300, "%u", lost);
	cr_assert(twice > 650 && twice < 950, "%u", twice);
	cr_assert(im.reordered > 1300 && im.reordered < 1800);
	cr_assert_gt(late, 500u, "held packets come behind later ones");
	impair_free(&im);
}

Test(lnsload_impair, the_same_seed_makes_the_same_choices)
{
	struct impair_rates rates = {.loss = 30, .duplicate = 10, .reorder = 10};
	static uint32_t first[2 * PACKETS];
	uint32_t first_count;
	struct impair im;

	pass(&rates, 42, &im);
	memcpy(first, order, sizeof(first));
	first_count = count;
	impair_free(&im);
	pass(&rates, 42, &im);
	cr_assert_eq(count, first_count);
	cr_assert_eq(memcmp(first, order, count * sizeof(first[0])), 0);
	impair_free(&im);
	pass(&rates, 43, &im);
	cr_assert(count != first_count || memcmp(first, order, count * sizeof(first[0])) != 0);
	impair_free(&im);
}

Test(lnsload_impair, without_rates_it_is_inactive_and_takes_no_memory)
{
	struct impair_rates none = {0};
	struct impair im;

	cr_assert_eq(impair_init(&im, &none, 1), 0);
	cr_assert_not(impair_active(&im));
	cr_assert_null(im.held);
}
