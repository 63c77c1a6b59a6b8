/* SPDX-License-Identifier: BSD-3-Clause */
/* Slab-wise pool of control message buffers. */
#include "buffer.h"

#include <stdlib.h>

#define SLAB_BUFFERS 256u

struct slab {
	struct slab *next;
	struct buffer buffers[SLAB_BUFFERS];
};

struct buffer *buffer_take(struct buffer_pool *pool)
{
	struct buffer *b = pool->free;

	if (b == NULL) {
		struct slab *s = malloc(sizeof(*s));

		if (s == NULL)
			return NULL;
		s->next = pool->slabs;
		pool->slabs = s;
		for (unsigned i = 0; i < SLAB_BUFFERS; i++) {
			s->buffers[i].next = pool->free;
			pool->free = &s->buffers[i];
		}
		b = pool->free;
	}
	pool->free = b->next;
	pool->taken++;
	b->next = NULL;
	b->sent_ms = 0;
	return b;
}

void buffer_give(struct buffer_pool *pool, struct buffer *b)
{
	b->next = pool->free;
	pool->free = b;
	pool->taken--;
}

void buffer_pool_free(struct buffer_pool *pool)
{
	struct slab *s = pool->slabs;

	while (s != NULL) {
		struct slab *next = s->next;

		free(s);
		s = next;
	}
	pool->slabs = NULL;
	pool->free = NULL;
}
