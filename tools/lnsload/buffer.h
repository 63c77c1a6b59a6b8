/* SPDX-License-Identifier: BSD-3-Clause */
/* A pool of packet buffers for control messages: taken in slabs, never given back before the end. */
#pragma once

#include <stdint.h>

#include "wire.h"

struct buffer {
	struct buffer *next;
	uint16_t len;
	uint16_t ns;
	uint16_t session_id;
	uint64_t sent_ms; /* 0: not sent yet */
	uint8_t data[WIRE_PACKET_MAX];
};

struct buffer_pool {
	struct buffer *free;
	void *slabs;
	uint32_t taken; /* buffers in use */
};

/* NULL when out of memory. */
struct buffer *buffer_take(struct buffer_pool *pool);
void buffer_give(struct buffer_pool *pool, struct buffer *b);
void buffer_pool_free(struct buffer_pool *pool);
