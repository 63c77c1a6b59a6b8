/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks the sequence numbers of one session's packets in one direction. */
#pragma once

#include <stdint.h>

/* how far back a late packet can still be told from a duplicate */
#define SEQUENCE_WINDOW 256u

enum sequence_verdict {
	SEQUENCE_IN_ORDER,
	SEQUENCE_REORDERED, /* later than a packet with a higher number */
	SEQUENCE_DUPLICATE,
};

struct sequence {
	uint32_t next;     /* highest number seen, plus one */
	uint32_t received; /* without duplicates */
	uint32_t reordered;
	uint32_t duplicated;
	uint64_t window[SEQUENCE_WINDOW / 64];
};

/* A packet older than the window counts as reordered: the sender's total tells the loss. */
enum sequence_verdict sequence_check(struct sequence *s, uint32_t number);
