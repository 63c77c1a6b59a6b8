/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Deferred work after a grace period: rte_rcu_qsbr with a queue, so that nothing ever waits.
 *
 * The control core unpublishes something and defers its release; rcu_poll() runs what every worker has
 * since passed a quiescent state for. Workers report one per turn of their loop, with nothing in flight.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_rcu_qsbr.h>

struct rcu;

/* Called on the control core, in the order of deferral. */
typedef void rcu_release(void *object, uintptr_t argument);

struct rcu *rcu_create(unsigned int n_workers); /* NULL and errno on failure */
void rcu_destroy(struct rcu *rcu); /* runs everything still waiting: no worker may be running */
int rcu_defer(
	struct rcu *rcu, rcu_release *release, void *object, uintptr_t argument); /* -ENOMEM */
/* The next n deferrals cannot fail: for a step that must not fail once it is begun. -ENOMEM. */
int rcu_reserve(struct rcu *rcu, unsigned int n);
/* Releases at most max objects, never waits; returns how many. Not from within a release. */
unsigned int rcu_poll(struct rcu *rcu, unsigned int max);
unsigned int rcu_waiting(const struct rcu *rcu);
/* Waits (control core, start-up and shutdown only) until everything deferred is released. */
void rcu_drain(struct rcu *rcu);

struct rte_rcu_qsbr *rcu_qsbr(struct rcu *rcu);
/* From the worker itself, around its loop: a worker that is offline is not waited for. */
void rcu_worker_online(struct rcu *rcu, unsigned int worker);
void rcu_worker_offline(struct rcu *rcu, unsigned int worker);
static inline void rcu_worker_quiescent(struct rte_rcu_qsbr *qsbr, unsigned int worker)
{
	rte_rcu_qsbr_quiescent(qsbr, worker);
}
