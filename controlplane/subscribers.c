/* SPDX-License-Identifier: BSD-3-Clause */
/* All subscribers. */
#include "subscribers.h"

#include <dataplane/reserve.h>
#include <rte_jhash.h>

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define SUBSCRIBERS_NAME_MAX 256

int subscribers_init(struct subscribers *subscribers, uint32_t capacity)
{
	size_t chains;

	*subscribers = (struct subscribers){.capacity = capacity, .mask = 1023};
	/* at most two sessions in a chain, in the mean */
	while (subscribers->mask < capacity / 2)
		subscribers->mask = subscribers->mask * 2 + 1;
	if (getrandom(subscribers->seed, sizeof(subscribers->seed), 0) !=
		(ssize_t)sizeof(subscribers->seed))
		return -errno;
	chains = (subscribers->mask + 1ul) * sizeof(struct subscriber *);
	subscribers->by_index =
		reserve_memory(capacity * sizeof(struct subscriber *), RESERVE_COLD, -1);
	subscribers->by_user = reserve_memory(chains, RESERVE_COLD, -1);
	subscribers->by_address = reserve_memory(chains, RESERVE_COLD, -1);
	subscribers->by_serial = reserve_memory(chains, RESERVE_COLD, -1);
	if (subscribers->by_index && subscribers->by_user && subscribers->by_address &&
		subscribers->by_serial)
		return 0;
	subscribers_fini(subscribers);
	return -ENOMEM;
}

void subscribers_fini(struct subscribers *subscribers)
{
	size_t chains = (subscribers->mask + 1ul) * sizeof(struct subscriber *);

	reserve_free(subscribers->by_index, subscribers->capacity * sizeof(struct subscriber *));
	reserve_free(subscribers->by_user, chains);
	reserve_free(subscribers->by_address, chains);
	reserve_free(subscribers->by_serial, chains);
	subscribers->by_index = subscribers->by_user = NULL;
	subscribers->by_address = subscribers->by_serial = NULL;
}

/* They are given one after another: as even as a hash. */
static struct subscriber **serial_chain(const struct subscribers *subscribers, uint32_t serial)
{
	return &subscribers->by_serial[serial & subscribers->mask];
}

void subscribers_add(struct subscribers *subscribers, struct subscriber *subscriber)
{
	struct subscriber **chain = serial_chain(subscribers, subscriber->serial);
	uint32_t index = subscriber->record.index;

	subscriber->serial_next = *chain;
	*chain = subscriber;
	subscribers->by_index[index] = subscriber;
	if (index >= subscribers->high)
		subscribers->high = index + 1;
}

void subscribers_remove(struct subscribers *subscribers, struct subscriber *subscriber)
{
	struct subscriber **link = serial_chain(subscribers, subscriber->serial);

	while (*link != subscriber)
		link = &(*link)->serial_next;
	*link = subscriber->serial_next;
	subscriber->serial_next = NULL;
	subscribers->by_index[subscriber->record.index] = NULL;
}

struct subscriber *subscribers_of_serial(const struct subscribers *subscribers, uint32_t serial)
{
	struct subscriber *at = *serial_chain(subscribers, serial);

	while (at && at->serial != serial)
		at = at->serial_next;
	return at;
}

struct subscriber *subscribers_get(
	const struct subscribers *subscribers, uint32_t index, uint32_t generation)
{
	struct subscriber *subscriber = index < subscribers->high ? subscribers->by_index[index]
								  : NULL;

	return subscriber && subscriber->record.generation == generation ? subscriber : NULL;
}

struct subscriber *subscribers_next(const struct subscribers *subscribers, uint32_t *index)
{
	while (*index < subscribers->high) {
		struct subscriber *subscriber = subscribers->by_index[(*index)++];

		if (subscriber)
			return subscriber;
	}
	return NULL;
}

uint64_t subscribers_hash(const struct subscribers *subscribers, const void *bytes, size_t length)
{
	uint32_t high = (uint32_t)subscribers->seed[0], low = (uint32_t)subscribers->seed[1];
	uint32_t words[SUBSCRIBERS_NAME_MAX / 4] = {0};

	/* rte_jhash reads whole words, also beyond the end: not of the caller's memory. What is cut off
	 * is compared by who looks the name up. */
	if (length > sizeof(words))
		length = sizeof(words);
	if (length)
		memcpy(words, bytes, length);
	high ^= (uint32_t)length;
	rte_jhash_32b_2hashes(words, (uint32_t)(length + 3) / 4, &high, &low);
	return ((uint64_t)high << 32 | low) | 1; /* 0 means none */
}

static struct subscriber **user_chain(const struct subscribers *subscribers, uint64_t hash)
{
	return &subscribers->by_user[hash >> 8 & subscribers->mask];
}

void subscribers_user_add(struct subscribers *subscribers, struct subscriber *subscriber)
{
	struct subscriber **chain = user_chain(subscribers, subscriber->user_hash);

	subscriber->user_next = *chain;
	if (*chain)
		(*chain)->user_link = &subscriber->user_next;
	subscriber->user_link = chain;
	*chain = subscriber;
}

void subscribers_user_remove(struct subscriber *subscriber)
{
	/* all lines of an ISP may share one name: no search through the chain */
	if (!subscriber->user_link)
		return;
	*subscriber->user_link = subscriber->user_next;
	if (subscriber->user_next)
		subscriber->user_next->user_link = subscriber->user_link;
	subscriber->user_link = NULL;
	subscriber->user_next = NULL;
}

struct subscriber *subscribers_of_user(
	const struct subscribers *subscribers, const char *user, const struct subscriber *previous)
{
	uint64_t hash = subscribers_hash(subscribers, user, strlen(user));
	struct subscriber *at = previous ? previous->user_next : *user_chain(subscribers, hash);

	while (at && (at->user_hash != hash || strcmp(at->user, user)))
		at = at->user_next;
	return at;
}

static struct subscriber **address_chain(
	const struct subscribers *subscribers, uint16_t vrf, uint32_t address)
{
	uint32_t hash = rte_jhash_2words(address, vrf, (uint32_t)subscribers->seed[0]);

	return &subscribers->by_address[hash & subscribers->mask];
}

void subscribers_address_add(struct subscribers *subscribers, struct subscriber *subscriber)
{
	struct subscriber **chain =
		address_chain(subscribers, subscriber->record.vrf, subscriber->address);

	subscriber->address_next = *chain;
	*chain = subscriber;
}

void subscribers_address_remove(struct subscribers *subscribers, struct subscriber *subscriber)
{
	struct subscriber **link =
		address_chain(subscribers, subscriber->record.vrf, subscriber->address);

	while (*link && *link != subscriber)
		link = &(*link)->address_next;
	if (*link)
		*link = subscriber->address_next;
	subscriber->address_next = NULL;
}

struct subscriber *subscribers_of_address(
	const struct subscribers *subscribers, uint16_t vrf, uint32_t address)
{
	struct subscriber *at = *address_chain(subscribers, vrf, address);

	while (at && (at->address != address || at->record.vrf != vrf))
		at = at->address_next;
	return at;
}
