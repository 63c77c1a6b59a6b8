/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The anti-replay window of RFC 4303, 3.4.3, as a ring of bits (RFC 6479): it advances without shifting.
 *
 * The ring has at least as many bits as the window; a number's bit is its remainder. The bits of the
 * numbers that an advance skips are cleared then, so no word of the ring is lost to the window as it is in
 * RFC 6479. Only the owner of the SA calls any of this.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLAY_WINDOW_MIN     32
#define REPLAY_WINDOW_MAX     4096
#define REPLAY_WINDOW_DEFAULT 1024

enum replay_verdict {
	REPLAY_FRESH,
	REPLAY_SEEN,
	REPLAY_OLD,     /* left of the window */
	REPLAY_INVALID, /* zero is never sent (RFC 4303, 3.3.3); or past the last number */
};

struct replay {
	uint64_t top;    /* highest number that was authenticated; 0: none yet */
	uint32_t window; /* numbers; 0: no protection */
	uint32_t mask;   /* bits in the ring, less one */
	uint64_t *ring;
};

/* Bytes of the ring for a window of this size. */
size_t replay_ring_size(uint32_t window);

/*
 * ring: replay_ring_size(window) bytes, 8-aligned, the caller's, used as long as replay is. top: continue
 * after this number; of the numbers up to it none is accepted any more (which were seen is not known).
 */
void replay_init(struct replay *replay, uint64_t *ring, uint32_t window, uint64_t top);

/* Moves the window so that seq (fresh, right of top) is its top and marked. */
void replay_advance(struct replay *replay, uint64_t seq);

/* Moves the window over a run of numbers up to last, all of them right of its top, and marks them all. */
void replay_mark_run(struct replay *replay, uint64_t last);

/*
 * The 64-bit number of which the packet carries the lower half: the lowest one that is not left of the
 * window. That is RFC 4303, appendix A2.1, cases A and B in one, and lets the first 2^32 numbers of an SA
 * arrive in any order. 0: there is none (past 2^64 - 1).
 */
static inline uint64_t replay_infer(const struct replay *replay, bool esn, uint32_t low)
{
	if (!esn)
		return low;

	uint64_t bottom = replay->top >= replay->window ? replay->top - replay->window + 1 : 0;
	uint64_t seq = (bottom & ~(uint64_t)UINT32_MAX) | low;

	if (seq < bottom)
		seq += (uint64_t)1 << 32;
	return seq < bottom ? 0 : seq;
}

static inline enum replay_verdict replay_check(const struct replay *replay, uint64_t seq)
{
	if (replay->window == 0)
		return REPLAY_FRESH;
	if (seq == 0)
		return REPLAY_INVALID;
	if (seq > replay->top)
		return REPLAY_FRESH;
	if (replay->top - seq >= replay->window)
		return REPLAY_OLD;
	return replay->ring[(seq & replay->mask) >> 6] >> (seq & 63) & 1 ? REPLAY_SEEN
									 : REPLAY_FRESH;
}

/* Checks again and marks. Only after the packet was authenticated. */
static inline enum replay_verdict replay_accept(struct replay *replay, uint64_t seq)
{
	enum replay_verdict verdict = replay_check(replay, seq);

	if (verdict != REPLAY_FRESH)
		return verdict;
	if (replay->window == 0) {
		if (seq > replay->top)
			replay->top = seq;
		return verdict;
	}
	if (seq == replay->top + 1)
		replay->top = seq;
	else if (seq > replay->top)
		replay_advance(replay, seq);
	/* a step of one takes the bit over from a number that left the ring: set either way */
	replay->ring[(seq & replay->mask) >> 6] |= (uint64_t)1 << (seq & 63);
	return verdict;
}

/*
 * The same for all numbers from the top's successor to last, each of which was fresh and authentic. Nothing if last
 * is the top.
 */
static inline void replay_mark(struct replay *replay, uint64_t last)
{
	if (last != replay->top)
		replay_mark_run(replay, last);
}
