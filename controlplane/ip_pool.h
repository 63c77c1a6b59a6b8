/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv4 address pools: O(1) to take and to give back, with each user's last address kept for it as long
 * as nobody else needs it.
 *
 * An address comes from the first of these that has one: the user's last address, addresses never used,
 * the one given back longest ago. Memory is taken as addresses are used. Addresses in network byte order.
 * Control core only.
 */
#pragma once

#include <config/config.h>

#include <stdint.h>

struct ip_pool;

struct ip_pool *ip_pool_create(const struct config_pool *config);
void ip_pool_destroy(struct ip_pool *pool);
/* 0 and *addr, or -ENOSPC. user: a hash of the user's name; 0 = no affinity. */
int ip_pool_take(struct ip_pool *pool, uint64_t user, uint32_t *addr);
/* Exactly this address: 0, -EBUSY taken, -ERANGE not in this pool. A reserved one is given too. */
int ip_pool_take_exact(struct ip_pool *pool, uint64_t user, uint32_t addr);
/* Kept for a user whose configuration names it: never given by ip_pool_take(). */
int ip_pool_reserve(struct ip_pool *pool, uint32_t addr);
/* -ERANGE not in this pool, -ENOENT not taken. */
int ip_pool_release(struct ip_pool *pool, uint32_t addr);

struct ip_pool_usage {
	uint64_t size, used, reserved, free, exhausted;
};
void ip_pool_usage(const struct ip_pool *pool, struct ip_pool_usage *usage);
