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
	chains = (subscribers->mask + 1ul) * sizeof(uint32_t);
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
	size_t chains = (subscribers->mask + 1ul) * sizeof(uint32_t);

	reserve_free(subscribers->by_index, subscribers->capacity * sizeof(struct subscriber *));
	reserve_free(subscribers->by_user, chains);
	reserve_free(subscribers->by_address, chains);
	reserve_free(subscribers->by_serial, chains);
	subscribers->by_index = NULL;
	subscribers->by_user = subscribers->by_address = subscribers->by_serial = NULL;
}

/* A link of a chain: index + 1; 0 at the end. */
static struct subscriber *at_link(const struct subscribers *subscribers, uint32_t link)
{
	return link ? subscribers->by_index[link - 1] : NULL;
}

/* They are given one after another: as even as a hash. */
static uint32_t *serial_chain(const struct subscribers *subscribers, uint32_t serial)
{
	return &subscribers->by_serial[serial & subscribers->mask];
}

void subscribers_add(struct subscribers *subscribers, struct subscriber *subscriber)
{
	uint32_t *chain = serial_chain(subscribers, subscriber->serial);
	uint32_t index = subscriber->record.index;

	subscriber->serial_next = *chain;
	*chain = index + 1;
	subscribers->by_index[index] = subscriber;
	if (index >= subscribers->high)
		subscribers->high = index + 1;
}

void subscribers_remove(struct subscribers *subscribers, struct subscriber *subscriber)
{
	uint32_t *link = serial_chain(subscribers, subscriber->serial);

	while (*link != subscriber->record.index + 1)
		link = &at_link(subscribers, *link)->serial_next;
	*link = subscriber->serial_next;
	subscriber->serial_next = 0;
	subscribers->by_index[subscriber->record.index] = NULL;
}

struct subscriber *subscribers_of_serial(const struct subscribers *subscribers, uint32_t serial)
{
	struct subscriber *at = at_link(subscribers, *serial_chain(subscribers, serial));

	while (at && at->serial != serial)
		at = at_link(subscribers, at->serial_next);
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

static uint32_t *user_chain(const struct subscribers *subscribers, uint64_t hash)
{
	return &subscribers->by_user[hash >> 8 & subscribers->mask];
}

void subscribers_user_add(struct subscribers *subscribers, struct subscriber *subscriber)
{
	uint32_t *chain = user_chain(subscribers, subscriber->user_hash);
	struct subscriber *next = at_link(subscribers, *chain);

	subscriber->user_next = *chain;
	subscriber->user_previous = 0;
	subscriber->user_listed = true;
	*chain = subscriber->record.index + 1;
	if (next)
		next->user_previous = *chain;
}

void subscribers_user_remove(struct subscribers *subscribers, struct subscriber *subscriber)
{
	struct subscriber *next = at_link(subscribers, subscriber->user_next);
	struct subscriber *previous = at_link(subscribers, subscriber->user_previous);

	/* all lines of an ISP may share one name: no search through the chain */
	if (!subscriber->user_listed)
		return;
	if (previous)
		previous->user_next = subscriber->user_next;
	else
		*user_chain(subscribers, subscriber->user_hash) = subscriber->user_next;
	if (next)
		next->user_previous = subscriber->user_previous;
	subscriber->user_next = subscriber->user_previous = 0;
	subscriber->user_listed = false;
}

struct subscriber *subscribers_of_user(
	const struct subscribers *subscribers, const char *user, const struct subscriber *previous)
{
	uint64_t hash = subscribers_hash(subscribers, user, strlen(user));
	struct subscriber *at = at_link(
		subscribers, previous ? previous->user_next : *user_chain(subscribers, hash));

	while (at && (at->user_hash != hash || strcmp(at->user, user)))
		at = at_link(subscribers, at->user_next);
	return at;
}

static uint32_t *address_chain(
	const struct subscribers *subscribers, uint16_t vrf, uint32_t address)
{
	uint32_t hash = rte_jhash_2words(address, vrf, (uint32_t)subscribers->seed[0]);

	return &subscribers->by_address[hash & subscribers->mask];
}

void subscribers_address_add(struct subscribers *subscribers, struct subscriber *subscriber)
{
	uint32_t *chain = address_chain(subscribers, subscriber->record.vrf, subscriber->address);

	subscriber->address_next = *chain;
	*chain = subscriber->record.index + 1;
}

void subscribers_address_remove(struct subscribers *subscribers, struct subscriber *subscriber)
{
	uint32_t *link = address_chain(subscribers, subscriber->record.vrf, subscriber->address);

	while (*link && *link != subscriber->record.index + 1)
		link = &at_link(subscribers, *link)->address_next;
	if (*link)
		*link = subscriber->address_next;
	subscriber->address_next = 0;
}

struct subscriber *subscribers_of_address(
	const struct subscribers *subscribers, uint16_t vrf, uint32_t address)
{
	struct subscriber *at = at_link(subscribers, *address_chain(subscribers, vrf, address));

	while (at && (at->address != address || at->record.vrf != vrf))
		at = at_link(subscribers, at->address_next);
	return at;
}
