/* SPDX-License-Identifier: BSD-3-Clause */
/* Loss, duplication and reordering from a seed. */
#include "impair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IMPAIR_CAPACITY 4096u

struct impair_held {
	void *where;
	uint64_t release_ms;
	uint64_t stamp;
	size_t len;
	uint8_t packet[IMPAIR_PACKET];
};

int impair_init(struct impair *im, const struct impair_rates *rates, uint64_t seed)
{
	memset(im, 0, sizeof(*im));
	im->rates = *rates;
	im->random.state = seed;
	if (rates->loss <= 0 && rates->duplicate <= 0 && rates->reorder <= 0)
		return 0;
	im->held = calloc(IMPAIR_CAPACITY, sizeof(*im->held));
	if (im->held == NULL)
		return -ENOMEM;
	im->capacity = IMPAIR_CAPACITY;
	return 0;
}

void impair_free(struct impair *im)
{
	free(im->held);
	memset(im, 0, sizeof(*im));
}

void impair_packet(struct impair *im, uint64_t now_ms, void *where, const uint8_t *packet,
	size_t len, uint64_t stamp, impair_fn *fn, void *ctx)
{
	struct impair_held *h;

	if (random_percent(&im->random, im->rates.loss)) {
		im->lost++;
		return;
	}
	if (random_percent(&im->random, im->rates.duplicate)) {
		im->duplicated++;
		fn(ctx, where, packet, len, stamp);
	}
	if (im->count < im->capacity && len <= IMPAIR_PACKET &&
		random_percent(&im->random, im->rates.reorder)) {
		im->reordered++;
		h = &im->held[(im->head + im->count++) % im->capacity];
		h->where = where;
		h->release_ms = now_ms + IMPAIR_HOLD_MS;
		h->stamp = stamp;
		h->len = len;
		memcpy(h->packet, packet, len);
		return;
	}
	im->passed++;
	fn(ctx, where, packet, len, stamp);
}

void impair_release(struct impair *im, uint64_t now_ms, impair_fn *fn, void *ctx)
{
	while (im->count > 0 && im->held[im->head].release_ms <= now_ms) {
		struct impair_held *h = &im->held[im->head];

		/* still in the ring while fn runs, so that fn may hold others */
		fn(ctx, h->where, h->packet, h->len, h->stamp);
		im->head = (im->head + 1) % im->capacity;
		im->count--;
		im->passed++;
	}
}

void impair_clear(struct impair *im)
{
	im->lost += im->count;
	im->count = 0;
}
