/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv6 host routes (/128): a hash that readers walk without locks. What workers read of it; fib_hosts6.c
 * writes it.
 *
 * Most packets go to an address whose /64 has no host routes at all; a filter of 8 KiB, which stays in the
 * core's cache, says so before the hash costs a miss.
 */
#pragma once

#include <rte_branch_prediction.h>

#include <stdint.h>
#include <string.h>

#define FIB_HOSTS6_MAX     (1u << 20)
#define FIB_HOSTS6_BUCKETS (1u << 20)
#define FIB_HOSTS6_FILTER  65536u /* bits */

struct fib_host6 {
	uint64_t addr[2]; /* as in the packet */
	uint32_t target;
	uint32_t
		next; /* number + 1 of the next in the bucket; stays readable until the grace period */
};

struct fib_hosts6 {
	/* control core writes (release), workers read */
	uint32_t *buckets; /* number + 1 of the first entry; 0 = none */
	struct fib_host6 *entries;
	uint64_t *filter;
	uint64_t seed[3]; /* neighbours choose addresses: they shall not choose buckets */
	/* control core only */
	uint32_t n;
	struct fib_hosts6_private *private;
};

static inline uint64_t fib_hash_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint32_t fib_hosts6_filter_bit(const struct fib_hosts6 *hosts, uint64_t upper)
{
	return (uint32_t)(fib_hash_mix(upper ^ hosts->seed[0], hosts->seed[1]) % FIB_HOSTS6_FILTER);
}

static inline uint32_t fib_hosts6_bucket(const struct fib_hosts6 *hosts, const uint64_t addr[2])
{
	uint64_t hash = fib_hash_mix(addr[0] ^ hosts->seed[1], hosts->seed[0]);

	return (uint32_t)(fib_hash_mix(hash ^ addr[1], hosts->seed[2]) % FIB_HOSTS6_BUCKETS);
}

/* 0: no such host. */
static inline uint32_t fib_hosts6_lookup(const struct fib_hosts6 *hosts, const uint8_t addr[16])
{
	uint64_t key[2];
	uint32_t bit, number;

	memcpy(key, addr, sizeof(key));
	bit = fib_hosts6_filter_bit(hosts, key[0]);
	if (likely(!(__atomic_load_n(&hosts->filter[bit / 64], __ATOMIC_ACQUIRE) >> bit % 64 & 1)))
		return 0;
	number = __atomic_load_n(&hosts->buckets[fib_hosts6_bucket(hosts, key)], __ATOMIC_ACQUIRE);
	while (number != 0) {
		const struct fib_host6 *host = &hosts->entries[number - 1];

		if (host->addr[0] == key[0] && host->addr[1] == key[1])
			return __atomic_load_n(&host->target, __ATOMIC_ACQUIRE);
		number = __atomic_load_n(&host->next, __ATOMIC_ACQUIRE);
	}
	return 0;
}
