/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv4 address pools: slots (slot_pool.h) of ranges. Every user has its last address again as long as nobody
 * else needed it. Addresses in network byte order. Control core only.
 */
#pragma once

#include "slot_pool.h"

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

void ip_pool_usage(const struct ip_pool *pool, struct slot_pool_usage *usage);
