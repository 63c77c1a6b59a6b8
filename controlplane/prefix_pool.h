/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pools of IPv6 prefixes of one length (48 to 64, or 128: addresses): slots (slot_pool.h) of the networks
 * that they are cut from. Every user has its last prefix again as long as nobody else needed it. Prefixes
 * are 16 bytes in network byte order, host bits zero. Control core only.
 */
#pragma once

#include "slot_pool.h"

#include <config/config.h>

#include <stdbool.h>
#include <stdint.h>

struct prefix_pool;

/* NULL: no memory, or (errno ERANGE) more prefixes than can be numbered. */
struct prefix_pool *prefix_pool_create(const struct config_prefix_pool *config);
void prefix_pool_destroy(struct prefix_pool *pool);
uint8_t prefix_pool_length(const struct prefix_pool *pool);
/* 0 and *prefix, or -ENOSPC. user: a hash of the user's name; 0 = no affinity. */
int prefix_pool_take(struct prefix_pool *pool, uint64_t user, uint8_t prefix[16]);
/* Exactly this one, reserved or not: 0, -EBUSY taken, -ERANGE not in this pool or of another length. */
int prefix_pool_take_exact(
	struct prefix_pool *pool, uint64_t user, const uint8_t prefix[16], uint8_t length);
/* Kept for a user whose configuration names it. -ERANGE as above. */
int prefix_pool_reserve(struct prefix_pool *pool, const uint8_t prefix[16], uint8_t length);
/* Every prefix that has a part of this one, of any length, is kept: it is somebody's who is not the pool's. */
void prefix_pool_reserve_range(struct prefix_pool *pool, const uint8_t prefix[16], uint8_t length);
/* Is one of the pool's, taken or not. */
bool prefix_pool_has(const struct prefix_pool *pool, const uint8_t prefix[16], uint8_t length);
/* Has a part of the pool's networks. */
bool prefix_pool_overlaps(const struct prefix_pool *pool, const uint8_t prefix[16], uint8_t length);
/* -ERANGE as above, -ENOENT not taken. */
int prefix_pool_release(struct prefix_pool *pool, const uint8_t prefix[16], uint8_t length);
void prefix_pool_usage(const struct prefix_pool *pool, struct slot_pool_usage *usage);
