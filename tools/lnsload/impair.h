/* SPDX-License-Identifier: BSD-3-Clause */
/* Loses, duplicates and delays packets on lnsload's own path, repeatably from a seed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "random.h"

/* A held packet is let go this much later, behind what followed it. */
#define IMPAIR_HOLD_MS 15u
#define IMPAIR_PACKET  1700u

/* percent each */
struct impair_rates {
	double loss;
	double duplicate;
	double reorder;
};

typedef void impair_fn(void *ctx, void *where, const uint8_t *packet, size_t len, uint64_t stamp);

struct impair_held;

struct impair {
	struct impair_rates rates;
	struct random random;
	struct impair_held *held; /* ring, in order of release */
	uint32_t capacity;
	uint32_t head, count;
	uint64_t passed, lost, duplicated, reordered;
};

/* 0 or -ENOMEM; nothing is allocated when all rates are 0. */
int impair_init(struct impair *im, const struct impair_rates *rates, uint64_t seed);
void impair_free(struct impair *im);

static inline bool impair_active(const struct impair *im)
{
	return im->capacity != 0;
}

/* Passes the packet on through fn never, once, twice, or later from impair_release. */
void impair_packet(struct impair *im, uint64_t now_ms, void *where, const uint8_t *packet,
	size_t len, uint64_t stamp, impair_fn *fn, void *ctx);
/* Lets go what was held long enough. */
void impair_release(struct impair *im, uint64_t now_ms, impair_fn *fn, void *ctx);
/* Forgets what is still held (counted as lost). */
void impair_clear(struct impair *im);
