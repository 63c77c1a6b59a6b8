/* SPDX-License-Identifier: BSD-3-Clause */
/* The anti-replay window: a truth table, jumps, ESN, and a model it is compared with. */
#include <crypto/replay.h>

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static uint64_t ring[REPLAY_WINDOW_MAX / 64];
static struct replay replay;

/* A step of a scenario: number, verdict. Rows run one after the other on a window of W. */
struct step {
	int row;
	uint64_t seq;
	enum replay_verdict verdict;
};

#define W 64u

static const struct step steps[] = {
	{1, 0, REPLAY_INVALID}, /* never sent */
	{2, 1, REPLAY_FRESH},
	{3, 1, REPLAY_SEEN},
	{4, 0, REPLAY_INVALID},
	{5, 9, REPLAY_FRESH}, /* a gap */
	{6, 8, REPLAY_FRESH}, /* late */
	{7, 7, REPLAY_FRESH},
	{8, 7, REPLAY_SEEN},
	{9, 9, REPLAY_SEEN},
	{10, W, REPLAY_FRESH}, /* the window is 1..W */
	{11, W - 1, REPLAY_FRESH},
	{12, W - 1, REPLAY_SEEN},
	{13, 2, REPLAY_FRESH}, /* one from its left edge */
	{14, 1, REPLAY_SEEN},  /* its left edge */
	{15, W + 1, REPLAY_FRESH},
	{16, 1, REPLAY_OLD}, /* just left of it now */
	{17, 2, REPLAY_SEEN},
	{18, 3, REPLAY_FRESH},
	{19, 2 * W + 1, REPLAY_FRESH}, /* a jump of exactly the window */
	{20, W + 1, REPLAY_OLD},
	{21, W + 2, REPLAY_FRESH}, /* left edge, not the bit of what was there before */
	{22, 2 * W, REPLAY_FRESH},
	{23, 2 * W + 1, REPLAY_SEEN},
	{24, 3 * W + 2, REPLAY_FRESH}, /* one more than the window */
	{25, 2 * W + 2, REPLAY_OLD},
	{26, 2 * W + 3, REPLAY_FRESH},
	{27, 3 * W + 1, REPLAY_FRESH},
	{28, 1000 * W, REPLAY_FRESH}, /* many windows */
	{29, 3 * W + 2, REPLAY_OLD},
	{30, 999 * W, REPLAY_OLD},
	{31, 999 * W + 1, REPLAY_FRESH},
	{32, 1000 * W - 1, REPLAY_FRESH},
	{33, 1000 * W, REPLAY_SEEN},
	{34, UINT32_MAX, REPLAY_FRESH}, /* the last without ESN */
	{35, UINT32_MAX, REPLAY_SEEN},
	{36, 1, REPLAY_OLD},                          /* no wrap */
	{37, (uint64_t)UINT32_MAX + 1, REPLAY_FRESH}, /* with ESN it goes on */
	{38, (uint64_t)UINT32_MAX - 1, REPLAY_FRESH},
	{39, UINT64_MAX, REPLAY_FRESH}, /* the very last */
	{40, UINT64_MAX, REPLAY_SEEN},
	{41, UINT64_MAX - W + 1, REPLAY_FRESH},
	{42, UINT64_MAX - W, REPLAY_OLD},
};

Test(replay, truth_table)
{
	replay_init(&replay, ring, W, 0);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		cr_assert_eq(steps[i].row, (int)i + 1);
		cr_assert_eq(replay_check(&replay, steps[i].seq), steps[i].verdict, "row %d",
			steps[i].row);
		cr_assert_eq(replay_accept(&replay, steps[i].seq), steps[i].verdict, "row %d",
			steps[i].row);
	}
}

Test(replay, checking_changes_nothing)
{
	replay_init(&replay, ring, 32, 0);
	cr_assert_eq(replay_check(&replay, 500), REPLAY_FRESH);
	cr_assert_eq(replay_check(&replay, 500), REPLAY_FRESH);
	cr_assert_eq(replay.top, 0);
	cr_assert_eq(replay_accept(&replay, 1), REPLAY_FRESH);
}

/* Every window size that differs in kind, against an array of what was seen. */
Test(replay, agrees_with_a_model)
{
	static const uint32_t windows[] = {32, 33, 63, 64, 65, 100, 128, 1000, 1024, 4095, 4096};
	static uint8_t seen[1 << 20];
	uint32_t random = 1;

	for (size_t w = 0; w < sizeof(windows) / sizeof(windows[0]); w++) {
		uint64_t top = 0;

		memset(seen, 0, sizeof(seen));
		replay_init(&replay, ring, windows[w], 0);
		for (int i = 0; i < 30000; i++) {
			enum replay_verdict expected = REPLAY_FRESH;
			uint64_t seq;

			random = random * 1664525u + 1013904223u;
			switch (random >> 29) {
			case 0: /* ahead, seldom by more than the window */
				seq = top + (random >> 8) % (windows[w] / 8 + 2);
				break;
			case 1:
				seq = top +
					((random >> 8) % 97 == 0 ? windows[w] + (random >> 12) % 300
								 : 1);
				break;
			case 2: /* around the left edge */
				seq = top - windows[w] + 2 - (random >> 8) % 4;
				break;
			default:
				seq = top - (random >> 8) % (windows[w] + 8);
				break;
			}
			if ((int64_t)seq < 0 || seq >= sizeof(seen))
				continue;
			if (seq == 0)
				expected = REPLAY_INVALID;
			else if (top >= windows[w] && seq <= top - windows[w])
				expected = REPLAY_OLD;
			else if (seen[seq])
				expected = REPLAY_SEEN;
			cr_assert_eq(replay_accept(&replay, seq), expected,
				"window %u, number %lu, top %lu", windows[w], seq, top);
			if (expected == REPLAY_FRESH)
				seen[seq] = 1;
			if (expected == REPLAY_FRESH && seq > top)
				top = seq;
			cr_assert_eq(replay.top, top);
		}
		cr_assert_gt(top, 8 * windows[w], "the model never left its first windows");
	}
}

Test(replay, resumes_after_a_known_number)
{
	replay_init(&replay, ring, 128, 5000);
	cr_assert_eq(replay_accept(&replay, 5000), REPLAY_SEEN);
	cr_assert_eq(replay_accept(&replay, 4999), REPLAY_SEEN);
	cr_assert_eq(replay_accept(&replay, 4873), REPLAY_SEEN);
	cr_assert_eq(replay_accept(&replay, 4872), REPLAY_OLD);
	cr_assert_eq(replay_accept(&replay, 5003), REPLAY_FRESH);
	cr_assert_eq(replay_accept(&replay, 5001), REPLAY_FRESH);
}

/* A run that is marked at once is the same as one by one, whatever its length and where it begins. */
Test(replay, a_run_is_marked_as_one_by_one)
{
	static uint64_t other_ring[REPLAY_WINDOW_MAX / 64];
	struct replay other;

	for (uint32_t window = 32; window <= 256; window *= 2) {
		replay_init(&replay, ring, window, 0);
		replay_init(&other, other_ring, window, 0);
		for (uint64_t run = 0; run < 700; run++) {
			uint64_t last = replay.top + run % 330;

			replay_mark(&replay, last);
			for (uint64_t seq = other.top + 1; seq <= last; seq++)
				cr_assert_eq(replay_accept(&other, seq), REPLAY_FRESH);
			/* and a gap, whose numbers may still come */
			cr_assert_eq(replay_accept(&replay, last + 3), REPLAY_FRESH);
			cr_assert_eq(replay_accept(&other, last + 3), REPLAY_FRESH);
			cr_assert_eq(replay.top, other.top);
			cr_assert_eq(memcmp(ring, other_ring, replay_ring_size(window)), 0,
				"window %u, run of %lu", window, run % 330);
		}
	}
}

Test(replay, without_a_window_everything_passes)
{
	replay_init(&replay, ring, 0, 0);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(replay_accept(&replay, 7), REPLAY_FRESH);
		cr_assert_eq(replay_accept(&replay, 0), REPLAY_FRESH);
	}
	cr_assert_eq(replay.top, 7);
}

/* RFC 4303, appendix A2.1, with a window of 64: top, what the packet carries, what it means. */
static const struct {
	int row;
	uint64_t top;
	uint32_t low;
	uint64_t seq;
} inferred[] = {
	{1, 0, 1, 1}, {2, 0, UINT32_MAX, UINT32_MAX}, {3, 100, 37, 37}, /* left edge */
	{4, 100, 36, 0x100000024}, /* left of it: only the next cycle is possible */
	{5, 100, 101, 101}, {6, 0xffffffff, 0xffffffff, 0xffffffff},
	{7, 0xffffffff, 0, 0x100000000}, /* the wrap */
	{8, 0xffffffff, 1, 0x100000001}, {9, 0xffffffff, 0xffffffc0, 0xffffffc0},
	{10, 0xffffffff, 0xffffffbf, 0x1ffffffbf}, {11, 0x100000000, 0, 0x100000000},
	{12, 0x100000000, 0xffffffff, 0xffffffff}, /* late over the wrap */
	{13, 0x100000000, 0xffffffc1, 0xffffffc1}, {14, 0x100000000, 0xffffffc0, 0x1ffffffc0},
	{15, 0x10000003e, 0xffffffff, 0xffffffff},  /* window still reaches over */
	{16, 0x10000003f, 0xffffffff, 0x1ffffffff}, /* no longer */
	{17, 0x10000003f, 0, 0x100000000}, {18, 0x100000040, 0, 0x200000000},
	{19, 0xfffffffffffffffe, 0xffffffff, UINT64_MAX}, {20, UINT64_MAX, 0xffffffff, UINT64_MAX},
	{21, UINT64_MAX, 0, 0}, /* past the end */
};

Test(replay, extended_numbers_are_inferred)
{
	for (size_t i = 0; i < sizeof(inferred) / sizeof(inferred[0]); i++) {
		cr_assert_eq(inferred[i].row, (int)i + 1);
		replay_init(&replay, ring, 64, inferred[i].top);
		cr_assert_eq(replay_infer(&replay, true, inferred[i].low), inferred[i].seq,
			"row %d", inferred[i].row);
		cr_assert_eq(replay_infer(&replay, false, inferred[i].low), inferred[i].low);
	}
}
