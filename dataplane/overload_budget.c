/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an overloaded worker keeps: buckets by kind, counts by sender.
 */
#include "overload_budget.h"

#include <string.h>

#define WHOLE      64u /* tokens that a frame costs */
#define COUNT_BITS 12
#define COUNT_MOST ((1u << COUNT_BITS) - 1)

/*
 * Tokens that a frame looked at gives: all of them together three quarters of a frame. A packet in ESP costs several
 * times what one in the clear does, so that a bit more than its share would not be cheap; LACs' control comes first.
 */
static const uint8_t shares[OVERLOAD_CLASSES] = {
	[OVERLOAD_L2TP] = 16,
	[OVERLOAD_PPP] = 8,
	[OVERLOAD_MARKED] = 8,
	[OVERLOAD_SMALL] = 8,
	[OVERLOAD_LINK] = 4,
	[OVERLOAD_STRANGER] = 4,
};

void overload_budget_init(struct overload_budget *budget, uint64_t tsc_hz)
{
	memset(budget, 0, sizeof(*budget));
	for (unsigned int i = 0; i < OVERLOAD_CLASSES; i++)
		budget->tokens[i] = shares[i] * OVERLOAD_DEPTH;
	/* the power of two next to a sixteenth of a second */
	while (tsc_hz >> 4 >> (budget->shift + 1) != 0)
		budget->shift++;
}

void overload_budget_look(struct overload_budget *budget, uint16_t n, uint64_t now)
{
	uint32_t window = (uint32_t)(now >> budget->shift) << COUNT_BITS;

	if (budget->window != window) {
		budget->window = window;
		budget->seed = now * 0x9e3779b97f4a7c15u;
	}
	for (unsigned int i = 0; i < OVERLOAD_CLASSES; i++) {
		uint32_t tokens = budget->tokens[i] + shares[i] * (uint32_t)n;
		uint32_t most = shares[i] * OVERLOAD_DEPTH;

		budget->tokens[i] = tokens < most ? tokens : most;
	}
}

/* Each class has slots of its own: strangers' addresses are whatever they say. */
static const struct {
	uint16_t first;
	uint8_t bits;
} places[OVERLOAD_CLASSES] = {
	[OVERLOAD_PPP] = {0, 12},
	[OVERLOAD_L2TP] = {4096, 10},
	[OVERLOAD_MARKED] = {4096 + 1024, 10},
	[OVERLOAD_SMALL] = {4096 + 2 * 1024, 10},
	[OVERLOAD_STRANGER] = {4096 + 3 * 1024, 10},
	[OVERLOAD_LINK] = {4096 + 4 * 1024, 10},
};

static inline uint32_t slot_of(
	const struct overload_budget *budget, enum overload_class class, uint32_t key)
{
	uint64_t hash = key ^ budget->seed;

	/* twice: with one multiplication keys that meet would meet under every seed */
	hash *= 0xff51afd7ed558ccdu;
	hash ^= hash >> 32;
	hash *= 0xc4ceb9fe1a85ec53u;
	return places[class].first + (uint32_t)(hash >> (64 - places[class].bits));
}

static inline uint32_t slot_count(const struct overload_budget *budget, uint32_t slot)
{
	uint32_t value = budget->slots[slot] ^ budget->window;

	return value <= COUNT_MOST ? value : 0;
}

/* With so many before it in this window. */
static inline bool budget_has(
	const struct overload_budget *budget, enum overload_class class, uint32_t count)
{
	uint32_t tokens = budget->tokens[class];

	if (tokens < WHOLE)
		return false;
	return count < OVERLOAD_FAIR ||
		(class != OVERLOAD_PPP && tokens >= shares[class] * OVERLOAD_DEPTH / 2);
}

bool overload_budget_take(struct overload_budget *budget, enum overload_class class, uint32_t key)
{
	uint32_t slot = slot_of(budget, class, key), count = slot_count(budget, slot);

	if (count < COUNT_MOST)
		budget->slots[slot] = budget->window | (count + 1);
	if (!budget_has(budget, class, count))
		return false;
	budget->tokens[class] -= WHOLE;
	return true;
}

bool overload_budget_refuses(
	const struct overload_budget *budget, enum overload_class class, uint32_t key)
{
	return !budget_has(budget, class, slot_count(budget, slot_of(budget, class, key)));
}

enum drop_reason overload_reason(enum overload_class class)
{
	static const uint8_t reasons[OVERLOAD_CLASSES] = {
		[OVERLOAD_DATA] = DROP_OVERLOAD,
		[OVERLOAD_L2TP] = DROP_OVERLOAD_L2TP,
		[OVERLOAD_PPP] = DROP_OVERLOAD_PPP,
		[OVERLOAD_MARKED] = DROP_OVERLOAD_ESP,
		[OVERLOAD_SMALL] = DROP_OVERLOAD_ESP,
		[OVERLOAD_LINK] = DROP_OVERLOAD_LINK,
		[OVERLOAD_STRANGER] = DROP_OVERLOAD_STRANGER,
	};

	return (enum drop_reason)reasons[class];
}
