/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pool of packet buffers that are spread over the sets of the caches, and of which those used last are used next.
 */
#pragma once

#include <rte_mempool.h>

#include <stdint.h>

/*
 * As rte_pktmbuf_pool_create, on a NUMA node: n buffers with private_size bytes of private area and
 * room bytes of data, headroom included. NULL and rte_errno.
 */
struct rte_mempool *packet_pool_create(const char *name, unsigned int n, unsigned int cache,
	uint16_t private_size, uint16_t room, int socket);
