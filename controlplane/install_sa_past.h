/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The last numbers of SAs that have ended, by a digest of their key: a bounded memory, the oldest is forgotten first.
 */
#pragma once

#include <stdint.h>

#define SA_PAST_DIGEST 20

struct sa_past;

struct sa_past *sa_past_create(uint32_t max);
void sa_past_destroy(struct sa_past *past);
/* Never lowers the number that is known. group: that the SA was in. */
void sa_past_put(struct sa_past *past, const uint8_t digest[SA_PAST_DIGEST], uint64_t sequence,
	uint32_t group);
/* The last number, 0: nothing is known; and the group. */
uint64_t sa_past_get(
	const struct sa_past *past, const uint8_t digest[SA_PAST_DIGEST], uint32_t *group);
uint32_t sa_past_count(const struct sa_past *past);
