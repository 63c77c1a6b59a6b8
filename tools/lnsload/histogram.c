/* SPDX-License-Identifier: BSD-3-Clause */
/* Log-linear histogram for latencies. */
#include "histogram.h"

static unsigned histogram_index(uint64_t v)
{
	unsigned exponent;

	if (v < 16)
		return (unsigned)v;
	exponent = 63u - (unsigned)__builtin_clzll(v);
	return (exponent - 3) * 16 + (unsigned)((v >> (exponent - 4)) & 15);
}

static uint64_t histogram_upper(unsigned index)
{
	unsigned exponent = index / 16 + 3;

	if (index < 16)
		return index;
	return (((uint64_t)(index % 16) + 17) << (exponent - 4)) - 1;
}

void histogram_add(struct histogram *h, uint64_t value)
{
	if (h->count == 0 || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->count++;
	h->sum += value;
	h->buckets[histogram_index(value)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	if (from->count == 0)
		return;
	if (into->count == 0 || from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	into->count += from->count;
	into->sum += from->sum;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->buckets[i] += from->buckets[i];
}

uint64_t histogram_quantile(const struct histogram *h, double q)
{
	uint64_t want = (uint64_t)(q * (double)h->count);
	uint64_t seen = 0;

	if (h->count == 0)
		return 0;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen > want || seen == h->count) {
			uint64_t upper = histogram_upper(i);

			return upper > h->max ? h->max : upper;
		}
	}
	return h->max;
}
