/* SPDX-License-Identifier: BSD-3-Clause */
/* Sequence checker: a ring of bits behind the highest number seen. */
#include "sequence.h"

#include <string.h>

static uint64_t *sequence_word(struct sequence *s, uint32_t number)
{
	return &s->window[number / 64 % (SEQUENCE_WINDOW / 64)];
}

enum sequence_verdict sequence_check(struct sequence *s, uint32_t number)
{
	uint64_t bit = 1ull << (number % 64);

	if (number >= s->next) {
		if (number - s->next >= SEQUENCE_WINDOW) {
			memset(s->window, 0, sizeof(s->window));
		} else {
			for (uint32_t n = s->next; n != number; n++)
				*sequence_word(s, n) &= ~(1ull << (n % 64));
		}
		*sequence_word(s, number) |= bit;
		s->next = number + 1;
		s->received++;
		return SEQUENCE_IN_ORDER;
	}
	if (s->next - number <= SEQUENCE_WINDOW) {
		if (*sequence_word(s, number) & bit) {
			s->duplicated++;
			return SEQUENCE_DUPLICATE;
		}
		*sequence_word(s, number) |= bit;
	}
	s->received++;
	s->reordered++;
	return SEQUENCE_REORDERED;
}
