/* SPDX-License-Identifier: BSD-3-Clause */
/* The last numbers of SAs that have ended, by their keys. */
#include "install_sa_past.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	uint8_t digest[SA_PAST_DIGEST];
	uint32_t next; /* in its chain */
	uint32_t group;
	uint64_t sequence;
};

struct sa_past {
	struct entry *entries; /* a ring: the one at head is the oldest once it is full */
	uint32_t *chains;      /* index plus 1, so that zeroed memory is empty */
	uint32_t max, mask, n, head;
};

struct sa_past *sa_past_create(uint32_t max)
{
	struct sa_past *past = calloc(1, sizeof(*past));

	if (!past)
		return NULL;
	past->max = max;
	past->mask = 63;
	while (past->mask < max)
		past->mask = past->mask * 2 + 1;
	past->entries = calloc(max, sizeof(*past->entries));
	past->chains = calloc(past->mask + 1ul, sizeof(*past->chains));
	if (past->entries && past->chains)
		return past;
	sa_past_destroy(past);
	return NULL;
}

void sa_past_destroy(struct sa_past *past)
{
	if (!past)
		return;
	free(past->entries);
	free(past->chains);
	free(past);
}

/* The digest is salted and even: its first bytes are as good a hash as any. */
static uint32_t *chain_of(const struct sa_past *past, const uint8_t digest[SA_PAST_DIGEST])
{
	uint32_t hash;

	memcpy(&hash, digest, sizeof(hash));
	return &past->chains[hash & past->mask];
}

static struct entry *entry_find(const struct sa_past *past, const uint8_t digest[SA_PAST_DIGEST])
{
	for (uint32_t at = *chain_of(past, digest); at; at = past->entries[at - 1].next)
		if (!memcmp(past->entries[at - 1].digest, digest, SA_PAST_DIGEST))
			return &past->entries[at - 1];
	return NULL;
}

static void entry_unlink(struct sa_past *past, uint32_t index)
{
	uint32_t *at = chain_of(past, past->entries[index].digest);

	while (*at != index + 1)
		at = &past->entries[*at - 1].next;
	*at = past->entries[index].next;
}

void sa_past_put(struct sa_past *past, const uint8_t digest[SA_PAST_DIGEST], uint64_t sequence,
	uint32_t group)
{
	struct entry *entry = entry_find(past, digest);
	uint32_t *chain = chain_of(past, digest), index = past->head;

	if (entry) {
		if (entry->sequence < sequence)
			entry->sequence = sequence;
		entry->group = group;
		return;
	}
	if (past->n == past->max)
		entry_unlink(past, index);
	else
		past->n++;
	past->head = index + 1 == past->max ? 0 : index + 1;
	entry = &past->entries[index];
	memcpy(entry->digest, digest, SA_PAST_DIGEST);
	entry->sequence = sequence;
	entry->group = group;
	entry->next = *chain;
	*chain = index + 1;
}

uint64_t sa_past_get(
	const struct sa_past *past, const uint8_t digest[SA_PAST_DIGEST], uint32_t *group)
{
	const struct entry *entry = entry_find(past, digest);

	*group = entry ? entry->group : 0;
	return entry ? entry->sequence : 0;
}

uint32_t sa_past_count(const struct sa_past *past)
{
	return past->n;
}
