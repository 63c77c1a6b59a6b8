/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 host routes in a hash: the side that writes it. */
#include "fib_private.h"

#include <dataplane/reserve.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

struct fib_hosts6_private {
	struct rcu *rcu;
	uint32_t filter_users[FIB_HOSTS6_FILTER]; /* hosts per bit */
	uint32_t free;                            /* number + 1, linked through next */
	uint32_t n_entries;                       /* ever taken */
	uint32_t n_waiting;
};

int fib_hosts6_create(struct fib_hosts6 *hosts, int socket, struct rcu *rcu)
{
	struct fib_hosts6_private *private = calloc(1, sizeof(*private));

	if (private == NULL)
		return -ENOMEM;
	memset(hosts, 0, sizeof(*hosts));
	hosts->private = private;
	private->rcu = rcu;
	hosts->buckets =
		reserve_memory(FIB_HOSTS6_BUCKETS * sizeof(*hosts->buckets), RESERVE_HOT, socket);
	hosts->entries =
		reserve_memory(FIB_HOSTS6_MAX * sizeof(*hosts->entries), RESERVE_HOT, socket);
	hosts->filter = reserve_memory(FIB_HOSTS6_FILTER / 8, RESERVE_HOT, socket);
	if (hosts->buckets == NULL || hosts->entries == NULL || hosts->filter == NULL ||
		getrandom(hosts->seed, sizeof(hosts->seed), 0) != sizeof(hosts->seed)) {
		fib_hosts6_destroy(hosts);
		return -ENOMEM;
	}
	/* A factor that is even, or zero, would lose bits. */
	for (unsigned int i = 0; i < 3; i++)
		hosts->seed[i] |= 1;
	return 0;
}

void fib_hosts6_destroy(struct fib_hosts6 *hosts)
{
	if (hosts->private == NULL)
		return;
	reserve_free(hosts->filter, FIB_HOSTS6_FILTER / 8);
	reserve_free(hosts->entries, FIB_HOSTS6_MAX * sizeof(*hosts->entries));
	reserve_free(hosts->buckets, FIB_HOSTS6_BUCKETS * sizeof(*hosts->buckets));
	free(hosts->private);
	memset(hosts, 0, sizeof(*hosts));
}

/* The word that names the host, in the bucket or in the host before it; NULL: not there. */
static uint32_t *host_link(const struct fib_hosts6 *hosts, const uint64_t key[2])
{
	uint32_t *link = &hosts->buckets[fib_hosts6_bucket(hosts, key)];

	for (; *link != 0; link = &hosts->entries[*link - 1].next) {
		const struct fib_host6 *host = &hosts->entries[*link - 1];

		if (host->addr[0] == key[0] && host->addr[1] == key[1])
			return link;
	}
	return NULL;
}

static void filter_set(struct fib_hosts6 *hosts, uint32_t bit, bool on)
{
	uint64_t *word = &hosts->filter[bit / 64], mask = 1ull << bit % 64;

	__atomic_store_n(word, on ? *word | mask : *word & ~mask, __ATOMIC_RELEASE);
}

int fib_hosts6_set(struct fib_hosts6 *hosts, const uint8_t addr[16], uint32_t target)
{
	struct fib_hosts6_private *private = hosts->private;
	struct fib_host6 *host;
	uint32_t *link, number, bit;
	uint64_t key[2];

	memcpy(key, addr, sizeof(key));
	link = host_link(hosts, key);
	if (link != NULL) {
		__atomic_store_n(&hosts->entries[*link - 1].target, target, __ATOMIC_RELEASE);
		return 0;
	}
	if (private->free == 0 && private->n_entries == FIB_HOSTS6_MAX)
		return -ENOSPC;
	number = private->free;
	if (number != 0)
	private->free = hosts->entries[number - 1].next;
	else number = ++private->n_entries;

	bit = fib_hosts6_filter_bit(hosts, key[0]);
	if (private->filter_users[bit]++ == 0)
		filter_set(hosts, bit, true);
	link = &hosts->buckets[fib_hosts6_bucket(hosts, key)];
	host = &hosts->entries[number - 1];
	*host = (struct fib_host6){{key[0], key[1]}, target, *link};
	__atomic_store_n(link, number, __ATOMIC_RELEASE);
	hosts->n++;
	return 0;
}

static void host_release(void *object, uintptr_t number)
{
	struct fib_hosts6 *hosts = object;
	struct fib_hosts6_private *private = hosts->private;

	hosts->entries[number - 1].next = private->free;
	private->free = (uint32_t)number;
	private->n_waiting--;
}

int fib_hosts6_delete(struct fib_hosts6 *hosts, const uint8_t addr[16])
{
	struct fib_hosts6_private *private = hosts->private;
	uint32_t *link, number, bit;
	uint64_t key[2];

	memcpy(key, addr, sizeof(key));
	link = host_link(hosts, key);
	if (link == NULL)
		return -ENOENT;
	if (rcu_reserve(private->rcu, 1) != 0)
		return -ENOMEM;
	number = *link;
	__atomic_store_n(link, hosts->entries[number - 1].next, __ATOMIC_RELEASE);
	bit = fib_hosts6_filter_bit(hosts, key[0]);
	if (--private->filter_users[bit] == 0)
		filter_set(hosts, bit, false);
	private->n_waiting++;
	hosts->n--;
	rcu_defer(private->rcu, host_release, hosts, number);
	return 0;
}

uint32_t fib_hosts6_waiting(const struct fib_hosts6 *hosts)
{
	return hosts->private->n_waiting;
}
