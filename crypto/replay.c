/* SPDX-License-Identifier: BSD-3-Clause */
/* The rare parts of the anti-replay window: making it, and jumps. */
#include <crypto/replay.h>

#include <string.h>

static uint32_t replay_ring_bits(uint32_t window)
{
	uint32_t bits = 64;

	while (bits < window)
		bits *= 2;
	return bits;
}

size_t replay_ring_size(uint32_t window)
{
	return replay_ring_bits(window) / 8;
}

void replay_init(struct replay *replay, uint64_t *ring, uint32_t window, uint64_t top)
{
	*replay = (struct replay){
		.top = top,
		.window = window,
		.mask = replay_ring_bits(window) - 1,
		.ring = ring,
	};
	memset(ring, top == 0 ? 0 : 0xff, replay_ring_size(window));
}

void replay_advance(struct replay *replay, uint64_t seq)
{
	uint64_t left = seq - replay->top, next = replay->top + 1;

	replay->top = seq;
	if (left > replay->mask) {
		memset(replay->ring, 0, ((size_t)replay->mask + 1) / 8);
		left = 0;
	}
	while (left > 0) {
		uint32_t from = next & 63;
		uint64_t n = 64 - from < left ? 64 - from : left;
		uint64_t bits = n == 64 ? UINT64_MAX : (((uint64_t)1 << n) - 1) << from;

		replay->ring[(next & replay->mask) >> 6] &= ~bits;
		next += n;
		left -= n;
	}
	replay->ring[(seq & replay->mask) >> 6] |= (uint64_t)1 << (seq & 63);
}

void replay_mark_run(struct replay *replay, uint64_t last)
{
	uint64_t left = last - replay->top, next = replay->top + 1;

	replay->top = last;
	if (left > replay->mask) {
		memset(replay->ring, 0xff, ((size_t)replay->mask + 1) / 8);
		left = 0;
	}
	while (left > 0) {
		uint32_t from = next & 63;
		uint64_t n = 64 - from < left ? 64 - from : left;
		uint64_t bits = n == 64 ? UINT64_MAX : (((uint64_t)1 << n) - 1) << from;

		replay->ring[(next & replay->mask) >> 6] |= bits;
		next += n;
		left -= n;
	}
}
