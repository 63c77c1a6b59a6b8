/* SPDX-License-Identifier: BSD-3-Clause */
/* Deferred work after a grace period: rte_rcu_qsbr with a queue, so that nothing ever waits. */
#include <dataplane/rcu.h>

#include <rte_common.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define RCU_ITEMS_MIN 1024u

struct rcu_item {
	rcu_release *release;
	void *object;
	uintptr_t argument;
};

/*
 * A ring of what was deferred, in order, in three parts: [head, ready) has had its grace period, [ready,
 * closed) waits for the token that was drawn when it was closed, [closed, tail) came later and is the next
 * batch. So one token serves any number of objects. Control core only, but for what is inside qsbr.
 */
struct rcu {
	struct rte_rcu_qsbr *qsbr;
	struct rcu_item *items;
	uint64_t size; /* power of two */
	uint64_t head, ready, closed, tail;
	uint64_t token;
};

struct rcu *rcu_create(unsigned int n_workers)
{
	unsigned int n = RTE_MAX(n_workers, 1u);
	struct rcu *rcu = calloc(1, sizeof(*rcu));

	if (rcu == NULL)
		return NULL;
	rcu->size = RCU_ITEMS_MIN;
	rcu->items = malloc(rcu->size * sizeof(*rcu->items));
	rcu->qsbr = aligned_alloc(
		RTE_CACHE_LINE_SIZE, RTE_ALIGN(rte_rcu_qsbr_get_memsize(n), RTE_CACHE_LINE_SIZE));
	if (rcu->items == NULL || rcu->qsbr == NULL)
		goto fail;
	if (rte_rcu_qsbr_init(rcu->qsbr, n) != 0)
		goto fail;
	for (unsigned int worker = 0; worker < n; worker++)
		if (rte_rcu_qsbr_thread_register(rcu->qsbr, worker) != 0)
			goto fail;
	return rcu;
fail:
	free(rcu->qsbr);
	free(rcu->items);
	free(rcu);
	errno = ENOMEM;
	return NULL;
}

static void rcu_release_first(struct rcu *rcu)
{
	/* A copy: the release may defer more, which may move the ring. */
	struct rcu_item item = rcu->items[rcu->head & (rcu->size - 1)];

	rcu->head++;
	item.release(item.object, item.argument);
}

void rcu_destroy(struct rcu *rcu)
{
	if (rcu == NULL)
		return;
	while (rcu->head != rcu->tail)
		rcu_release_first(rcu);
	free(rcu->qsbr);
	free(rcu->items);
	free(rcu);
}

static int rcu_resize(struct rcu *rcu, uint64_t size)
{
	struct rcu_item *items = malloc(size * sizeof(*items));

	if (items == NULL)
		return -ENOMEM;
	for (uint64_t i = rcu->head; i != rcu->tail; i++)
		items[i & (size - 1)] = rcu->items[i & (rcu->size - 1)];
	free(rcu->items);
	rcu->items = items;
	rcu->size = size;
	return 0;
}

int rcu_reserve(struct rcu *rcu, unsigned int n)
{
	uint64_t size = rcu->size;

	while (rcu->tail - rcu->head + n > size)
		size *= 2;
	return size == rcu->size ? 0 : rcu_resize(rcu, size);
}

int rcu_defer(struct rcu *rcu, rcu_release *release, void *object, uintptr_t argument)
{
	int ret = rcu_reserve(rcu, 1);

	if (ret != 0)
		return ret;
	rcu->items[rcu->tail++ & (rcu->size - 1)] = (struct rcu_item){release, object, argument};
	return 0;
}

static void rcu_close_batch(struct rcu *rcu)
{
	if (rcu->ready == rcu->closed && rcu->closed != rcu->tail) {
		rcu->token = rte_rcu_qsbr_start(rcu->qsbr);
		rcu->closed = rcu->tail;
	}
}

unsigned int rcu_poll(struct rcu *rcu, unsigned int max)
{
	unsigned int n = 0;

	rcu_close_batch(rcu);
	if (rcu->ready != rcu->closed && rte_rcu_qsbr_check(rcu->qsbr, rcu->token, false) == 1) {
		rcu->ready = rcu->closed;
		rcu_close_batch(rcu);
	}
	for (; n < max && rcu->head != rcu->ready; n++)
		rcu_release_first(rcu);
	/* What a mass teardown needed is given back; no memory for that is no harm. */
	if (n > 0 && rcu->head == rcu->tail && rcu->size > 64 * RCU_ITEMS_MIN)
		(void)rcu_resize(rcu, RCU_ITEMS_MIN);
	return n;
}

unsigned int rcu_waiting(const struct rcu *rcu)
{
	return (unsigned int)(rcu->tail - rcu->head);
}

void rcu_drain(struct rcu *rcu)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000};

	while (rcu->head != rcu->tail)
		if (rcu_poll(rcu, UINT32_MAX) == 0)
			nanosleep(&pause, NULL);
}

struct rte_rcu_qsbr *rcu_qsbr(struct rcu *rcu)
{
	return rcu->qsbr;
}

void rcu_worker_online(struct rcu *rcu, unsigned int worker)
{
	rte_rcu_qsbr_thread_online(rcu->qsbr, worker);
}

void rcu_worker_offline(struct rcu *rcu, unsigned int worker)
{
	rte_rcu_qsbr_thread_offline(rcu->qsbr, worker);
}
