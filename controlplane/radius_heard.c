/* SPDX-License-Identifier: BSD-3-Clause */
/* CoA- and Disconnect-Requests that were done. */
#include "radius_heard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	uint8_t authenticator[RADIUS_AUTHENTICATOR];
	uint64_t until;
	uint32_t stamp;
	uint32_t next; /* in its chain: index and one, 0: the last */
	int outcome;
};

/* A ring by order of arrival, and chains by authenticator. */
struct radius_heard {
	uint64_t first, end; /* numbers of entries */
	uint32_t floor;      /* the youngest stamp of those that were forgotten too early */
	uint32_t chains[RADIUS_HEARD_MAX]; /* index and one, 0: empty */
	struct entry entries[RADIUS_HEARD_MAX];
};

struct radius_heard *radius_heard_create(void)
{
	return calloc(1, sizeof(struct radius_heard));
}

void radius_heard_destroy(struct radius_heard *heard)
{
	free(heard);
}

/* Digests with the secret in them: nobody chooses their chain who does not know it. */
static uint32_t chain_of(const uint8_t authenticator[RADIUS_AUTHENTICATOR])
{
	uint32_t word;

	memcpy(&word, authenticator, sizeof(word));
	return word % RADIUS_HEARD_MAX;
}

int radius_heard_find(const struct radius_heard *heard, uint64_t wall,
	const uint8_t authenticator[RADIUS_AUTHENTICATOR])
{
	uint32_t at = heard->chains[chain_of(authenticator)];

	while (at) {
		const struct entry *entry = &heard->entries[at - 1];

		if (entry->until >= wall &&
			!memcmp(entry->authenticator, authenticator, RADIUS_AUTHENTICATOR))
			return entry->outcome;
		at = entry->next;
	}
	return -ENOENT;
}

static void first_drop(struct radius_heard *heard)
{
	uint32_t index = (uint32_t)(heard->first++ % RADIUS_HEARD_MAX);
	const struct entry *entry = &heard->entries[index];
	uint32_t *link = &heard->chains[chain_of(entry->authenticator)];

	while (*link != index + 1)
		link = &heard->entries[*link - 1].next;
	*link = entry->next;
}

void radius_heard_add(struct radius_heard *heard, uint64_t wall,
	const uint8_t authenticator[RADIUS_AUTHENTICATOR], uint32_t stamp, uint64_t until,
	int outcome)
{
	const struct entry *first;
	struct entry *entry;
	uint32_t *chain = &heard->chains[chain_of(authenticator)];
	uint32_t index;

	while (heard->first != heard->end) {
		first = &heard->entries[heard->first % RADIUS_HEARD_MAX];
		if (first->until >= wall && heard->end - heard->first < RADIUS_HEARD_MAX)
			break;
		if (first->until >= wall && first->stamp > heard->floor)
			heard->floor = first->stamp;
		first_drop(heard);
	}
	index = (uint32_t)(heard->end++ % RADIUS_HEARD_MAX);
	entry = &heard->entries[index];
	memcpy(entry->authenticator, authenticator, RADIUS_AUTHENTICATOR);
	entry->until = until;
	entry->stamp = stamp;
	entry->outcome = outcome;
	entry->next = *chain;
	*chain = index + 1;
}

bool radius_heard_forgotten(const struct radius_heard *heard, uint32_t stamp)
{
	return stamp <= heard->floor;
}
