/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pool of packet buffers that are spread over the sets of the caches, and of which those used last are used next.
 *
 * DPDK makes the distance between two buffers an odd number of cache lines. Not so without hugepages: there it puts
 * no buffer across the end of a 4 KiB page, which leaves one buffer a page, so that the headers of a whole burst
 * meet in the same few sets of a first-level cache of 4 KiB a way and throw one another out between any two stages.
 * What the rule is for, one bus address for a buffer, holds without it where bus addresses are virtual ones.
 *
 * DPDK's own choice for what is in no lcore's cache is a ring: where one worker receives what another sends, each
 * buffer comes back only after all others were used, from memory. A stack gives back what was freed just now.
 */
#include "packet_pool.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>

#include <string.h>

#define STACK "stack"

/* A stack, unless the hardware or the operator wants another; or its driver is not there. */
static const char *pool_ops(void)
{
	const char *best = rte_mbuf_best_mempool_ops();

	if (strcmp(best, RTE_MBUF_DEFAULT_MEMPOOL_OPS) != 0)
		return best;
	for (uint32_t i = 0; i < rte_mempool_ops_table.num_ops; i++)
		if (strcmp(rte_mempool_ops_table.ops[i].name, STACK) == 0)
			return STACK;
	return best;
}

struct rte_mempool *packet_pool_create(const char *name, unsigned int n, unsigned int cache,
	uint16_t private_size, uint16_t room, int socket)
{
	struct rte_pktmbuf_pool_private settings = {
		.mbuf_data_room_size = room, .mbuf_priv_size = private_size};
	bool packed = !rte_eal_has_hugepages() && rte_eal_iova_mode() == RTE_IOVA_VA;
	const char *ops = pool_ops();
	struct rte_mempool *pool;
	int code;

	if (!packed)
		return rte_pktmbuf_pool_create_by_ops(
			name, n, cache, private_size, room, socket, ops);
	pool = rte_mempool_create_empty(name, n, sizeof(struct rte_mbuf) + private_size + room,
		cache, sizeof(settings), socket, RTE_MEMPOOL_F_NO_IOVA_CONTIG);
	if (pool == NULL)
		return NULL;
	code = rte_mempool_set_ops_byname(pool, ops, NULL);
	if (code == 0) {
		rte_pktmbuf_pool_init(pool, &settings);
		code = rte_mempool_populate_default(pool);
	}
	if (code < 0) {
		rte_mempool_free(pool);
		rte_errno = -code;
		return NULL;
	}
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return pool;
}
