/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbered things to hand out (addresses, prefixes): O(1) to take and to give back, with each user's last
 * one kept for it as long as nobody else needs it.
 *
 * A slot comes from the first of these that has one: the user's last one, slots never used, the one given
 * back longest ago. Memory is taken as slots are used. Control core only.
 */
#pragma once

#include <stdint.h>

struct slot_pool;

/* size below UINT32_MAX; NULL without memory. */
struct slot_pool *slot_pool_create(uint32_t size);
void slot_pool_destroy(struct slot_pool *pool);
/* 0 and *slot, or -ENOSPC. user: a hash of the user's name; 0 = no affinity. */
int slot_pool_take(struct slot_pool *pool, uint64_t user, uint32_t *slot);
/* Exactly this one (below size): 0, or -EBUSY taken. A reserved one is given too. */
int slot_pool_take_exact(struct slot_pool *pool, uint64_t user, uint32_t slot);
/* Kept for whom the configuration names: never given by slot_pool_take(). */
void slot_pool_reserve(struct slot_pool *pool, uint32_t slot);
/* -ENOENT not taken. */
int slot_pool_release(struct slot_pool *pool, uint32_t slot);

struct slot_pool_usage {
	uint64_t size, used, reserved, free, exhausted;
};
void slot_pool_usage(const struct slot_pool *pool, struct slot_pool_usage *usage);
