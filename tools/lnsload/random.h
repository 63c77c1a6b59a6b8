/* SPDX-License-Identifier: BSD-3-Clause */
/* Seedable pseudo-random numbers (splitmix64): a run can be repeated with --seed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* true with the probability percent/100 */
static inline int random_percent(struct random *r, double percent)
{
	return (double)(random_next(r) >> 11) * (100.0 / 9007199254740992.0) < percent;
}

static inline void random_fill(struct random *r, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(random_next(r) >> 32);
}
