/* SPDX-License-Identifier: BSD-3-Clause */
/* Log-linear histogram: 16 steps per power of two, so that a quantile is right to about 6 %. */
#pragma once

#include <stdint.h>

#define HISTOGRAM_BUCKETS 976

struct histogram {
	uint64_t count;
	uint64_t sum;
	uint64_t min;
	uint64_t max;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t value);
void histogram_merge(struct histogram *into, const struct histogram *from);
/* The value below which the share q (0..1) of all lies; 0 if empty. */
uint64_t histogram_quantile(const struct histogram *h, double q);
