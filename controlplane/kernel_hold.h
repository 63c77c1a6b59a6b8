/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that wait for a neighbour: four each, bounded in all, a few seconds long.
 */
#pragma once

#include <rte_mbuf.h>

#include <stdbool.h>
#include <stdint.h>

#define HOLD_PACKETS    4
#define HOLD_NEIGHBOURS 256
#define HOLD_MS         3000
#define HOLD_ASK_MS     1000 /* the kernel is asked for one neighbour at most this often */

struct kernel_hold {
	struct hold_entry {
		uint8_t n; /* packets; 0 with until = 0: free */
		uint8_t iface, family;
		uint8_t addr[16];
		uint64_t until, ask_at;
		struct rte_mbuf *packets[HOLD_PACKETS];
	} entries[HOLD_NEIGHBOURS];
	uint32_t used;
	uint64_t held, sent, drops;
};

/* Takes the packet (or frees it). True: the kernel should be asked for the neighbour now. */
bool kernel_hold_put(struct kernel_hold *hold, uint8_t iface, uint8_t family,
	const uint8_t addr[16], struct rte_mbuf *packet, uint64_t now);
/* Takes out the packets for a neighbour, oldest first; returns how many. */
unsigned int kernel_hold_take(struct kernel_hold *hold, uint8_t iface, uint8_t family,
	const uint8_t addr[16], struct rte_mbuf *packets[HOLD_PACKETS]);
/* Frees what waited too long; returns the next such moment or UINT64_MAX. */
uint64_t kernel_hold_expire(struct kernel_hold *hold, uint64_t now);
