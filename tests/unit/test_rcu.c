/* SPDX-License-Identifier: BSD-3-Clause */
/* What is deferred is released once, in order, and never while a worker may still see it. */
#include <dataplane/rcu.h>

#include <criterion/criterion.h>

#include <pthread.h>
#include <stdlib.h>

static uintptr_t released[4096];
static unsigned int n_released;

static void note(void *object, uintptr_t argument)
{
	released[n_released++ % 4096] = argument;
}

static void defer(struct rcu *rcu, uintptr_t argument)
{
	cr_assert_eq(rcu_defer(rcu, note, NULL, argument), 0);
}

Test(rcu, releases_at_once_when_no_worker_is_online)
{
	struct rcu *rcu = rcu_create(3);

	defer(rcu, 7);
	cr_assert_eq(rcu_waiting(rcu), 1);
	cr_assert_eq(rcu_poll(rcu, 10), 1);
	cr_assert_eq(released[0], 7);
	cr_assert_eq(rcu_waiting(rcu), 0);
	rcu_destroy(rcu);
}

Test(rcu, waits_for_every_worker_that_is_online)
{
	struct rcu *rcu = rcu_create(3);
	struct rte_rcu_qsbr *qsbr = rcu_qsbr(rcu);

	rcu_worker_online(rcu, 0);
	rcu_worker_online(rcu, 1);
	defer(rcu, 1);
	cr_assert_eq(rcu_poll(rcu, 10), 0);
	rcu_worker_quiescent(qsbr, 0);
	cr_assert_eq(rcu_poll(rcu, 10), 0, "worker 1 has not passed");
	rcu_worker_quiescent(qsbr, 0);
	cr_assert_eq(rcu_poll(rcu, 10), 0, "twice the same worker is not two");
	rcu_worker_quiescent(qsbr, 1);
	cr_assert_eq(rcu_poll(rcu, 10), 1);
	rcu_destroy(rcu);
}

Test(rcu, an_offline_worker_is_not_waited_for)
{
	struct rcu *rcu = rcu_create(2);

	rcu_worker_online(rcu, 0);
	rcu_worker_online(rcu, 1);
	defer(rcu, 1);
	cr_assert_eq(rcu_poll(rcu, 10), 0);
	rcu_worker_offline(rcu, 1);
	rcu_worker_quiescent(rcu_qsbr(rcu), 0);
	cr_assert_eq(rcu_poll(rcu, 10), 1);
	rcu_destroy(rcu);
}

Test(rcu, what_comes_after_the_token_waits_for_a_grace_period_of_its_own)
{
	struct rcu *rcu = rcu_create(1);
	struct rte_rcu_qsbr *qsbr = rcu_qsbr(rcu);

	rcu_worker_online(rcu, 0);
	defer(rcu, 1);
	cr_assert_eq(rcu_poll(rcu, 10), 0); /* draws the token */
	rcu_worker_quiescent(qsbr, 0);
	defer(rcu, 2); /* the quiescent state was before this */
	cr_assert_eq(rcu_poll(rcu, 10), 1);
	cr_assert_eq(released[0], 1);
	cr_assert_eq(rcu_poll(rcu, 10), 0);
	rcu_worker_quiescent(qsbr, 0);
	cr_assert_eq(rcu_poll(rcu, 10), 1);
	cr_assert_eq(released[1], 2);
	rcu_destroy(rcu);
}

Test(rcu, a_poll_does_no_more_than_asked_and_keeps_the_order)
{
	struct rcu *rcu = rcu_create(1);
	unsigned int polls = 0;

	for (uintptr_t i = 0; i < 4000; i++) /* the ring grows on the way */
		defer(rcu, i);
	while (rcu_waiting(rcu) > 0) {
		cr_assert_leq(rcu_poll(rcu, 64), 64);
		polls++;
	}
	cr_assert_geq(polls, 4000 / 64);
	cr_assert_eq(n_released, 4000);
	for (uintptr_t i = 0; i < 4000; i++)
		cr_assert_eq(released[i], i);
	rcu_destroy(rcu);
}

static struct rcu *chained;

static void note_and_defer(void *object, uintptr_t argument)
{
	note(object, argument);
	for (uintptr_t i = 1; i <= 2000; i++)
		cr_assert_eq(rcu_defer(chained, note, NULL, argument + i), 0);
}

Test(rcu, a_release_may_defer_more_and_drain_and_destroy_run_it)
{
	chained = rcu_create(1);
	cr_assert_eq(rcu_defer(chained, note_and_defer, NULL, 100), 0);
	rcu_drain(chained);
	cr_assert_eq(n_released, 2001);
	cr_assert_eq(released[2000], 2100);
	rcu_worker_online(chained, 0);
	cr_assert_eq(rcu_defer(chained, note_and_defer, NULL, 0), 0);
	rcu_destroy(chained);
	cr_assert_eq(n_released, 4002);
}

Test(rcu, after_a_reserve_the_deferrals_take_no_memory)
{
	struct rcu *rcu = rcu_create(1);

	cr_assert_eq(rcu_reserve(rcu, 100000), 0);
	for (uintptr_t i = 0; i < 100000; i++)
		defer(rcu, i);
	rcu_drain(rcu);
	cr_assert_eq(n_released, 100000);
	/* shrunk again, and still in working order */
	for (uintptr_t i = 0; i < 3000; i++)
		defer(rcu, i);
	rcu_drain(rcu);
	cr_assert_eq(n_released, 103000);
	rcu_destroy(rcu);
}

/* Readers follow a pointer to an object whose release poisons it. */
#define READERS 2
#define ALIVE   0x600dc0deu
#define DEAD    0xdeadbeefu

struct object {
	uint32_t state;
};
static struct {
	struct rcu *rcu;
	struct object *current;
	bool stop;
	unsigned int turns[READERS];
} stress;

static void *reader(void *argument)
{
	unsigned int worker = (unsigned int)(uintptr_t)argument;
	struct rte_rcu_qsbr *qsbr = rcu_qsbr(stress.rcu);
	uintptr_t bad = 0;

	rcu_worker_online(stress.rcu, worker);
	while (!__atomic_load_n(&stress.stop, __ATOMIC_RELAXED)) {
		struct object *object = __atomic_load_n(&stress.current, __ATOMIC_ACQUIRE);

		for (int i = 0; i < 50; i++)
			bad += __atomic_load_n(&object->state, __ATOMIC_RELAXED) != ALIVE;
		rcu_worker_quiescent(qsbr, worker);
		/* from time to time it goes and comes back, as an idle worker does */
		if (++stress.turns[worker] % 1024 == 0) {
			rcu_worker_offline(stress.rcu, worker);
			rcu_worker_online(stress.rcu, worker);
		}
	}
	rcu_worker_offline(stress.rcu, worker);
	return (void *)bad;
}

static void poison(void *object, uintptr_t argument)
{
	__atomic_store_n(&((struct object *)object)->state, DEAD, __ATOMIC_RELAXED);
	n_released++;
}

Test(rcu, no_reader_ever_sees_a_released_object, .timeout = 60)
{
	enum { OBJECTS = 30000 };
	struct object *objects = calloc(OBJECTS + 1, sizeof(*objects));
	pthread_t threads[READERS];

	stress.rcu = rcu_create(READERS);
	objects[0].state = ALIVE;
	stress.current = &objects[0];
	for (uintptr_t i = 0; i < READERS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, reader, (void *)i), 0);
	while (__atomic_load_n(&stress.turns[0], __ATOMIC_RELAXED) == 0)
		sched_yield();
	for (unsigned int i = 1; i <= OBJECTS; i++) {
		objects[i].state = ALIVE;
		__atomic_store_n(&stress.current, &objects[i], __ATOMIC_RELEASE);
		cr_assert_eq(rcu_defer(stress.rcu, poison, &objects[i - 1], 0), 0);
		rcu_poll(stress.rcu, 16);
	}
	rcu_drain(stress.rcu);
	cr_assert_eq(n_released, OBJECTS);
	__atomic_store_n(&stress.stop, true, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < READERS; i++) {
		void *bad;

		pthread_join(threads[i], &bad);
		cr_assert_null(bad, "reader %u saw released objects", i);
	}
	rcu_destroy(stress.rcu);
	free(objects);
}
