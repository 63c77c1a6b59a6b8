/* SPDX-License-Identifier: BSD-3-Clause */
/* Next hops are shared by reference, and their headers change whole. */
#include <dataplane/adjacency.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct rcu *rcu;
static struct adjacency_table *table;

static void setup_with(uint32_t capacity, unsigned int n_workers)
{
	rcu = rcu_create(n_workers);
	table = adjacency_table_create(capacity, rcu);
	cr_assert_not_null(table);
}

static void teardown(void)
{
	adjacency_table_destroy(table);
	rcu_destroy(rcu);
}

static const uint8_t *hop(uint32_t n)
{
	static uint8_t addr[16];

	memcpy(addr, &n, 4);
	memset(addr + 4, 0xee, 12); /* an IPv4 address is four bytes, whatever follows */
	return addr;
}

static int64_t get4(uint8_t iface, uint32_t n)
{
	return adjacency_get(table, iface, 0, 4, hop(n));
}

Test(adjacency, one_entry_per_interface_family_and_next_hop)
{
	uint8_t six[16] = {0x20, 0x01, [15] = 1}, other[16] = {0x20, 0x01, [15] = 2};
	int64_t a, b, c, d;

	cr_assert_null(adjacency_table_create(0, rcu));
	setup_with(100, 1);
	a = get4(1, 7);
	b = get4(2, 7);
	c = adjacency_get(table, 1, 0, 6, six);
	d = adjacency_get(table, 1, 0, 6, other);
	cr_assert(a >= 0 && b >= 0 && c >= 0 && d >= 0);
	cr_assert(a != b && c != d && a != c && a != d && b != c && b != d);
	cr_assert_eq(get4(1, 7), a);
	cr_assert_eq(table->n, 4);
	cr_assert_eq(adjacency_find(table, 1, 6, six), c);
	cr_assert_eq(adjacency_find(table, 2, 6, six), -ENOENT);
	cr_assert_eq(adjacency_find(table, 1, 4, hop(8)), -ENOENT);
	cr_assert_eq(adjacency_get(table, 1, 5, 4, hop(7)), -EINVAL, "another VRF's interface");
	cr_assert_eq(adjacency_get(table, 1, 0, 5, hop(7)), -EINVAL, "no such family");
	cr_assert_null(adjacency_l2(adjacency_at(table, (uint32_t)a)), "new ones are unresolved");
	cr_assert_eq(adjacency_at(table, (uint32_t)c)->family, 6);
	teardown();
}

Test(adjacency, the_last_reference_ends_it_after_a_grace_period)
{
	int64_t a, b;

	setup_with(2, 1);
	rcu_worker_online(rcu, 0);
	a = get4(1, 7);
	b = get4(1, 8);
	cr_assert_eq(get4(1, 7), a);
	cr_assert_eq(get4(1, 9), -ENOSPC);
	adjacency_put(table, (uint32_t)a);
	cr_assert_eq(adjacency_find(table, 1, 4, hop(7)), a);
	adjacency_put(table, (uint32_t)a);
	cr_assert_eq(adjacency_find(table, 1, 4, hop(7)), -ENOENT);
	adjacency_put(table, (uint32_t)a); /* one too many does no harm */
	cr_assert_eq(table->n, 1);
	rcu_poll(rcu, 10);
	cr_assert_eq(get4(1, 9), -ENOSPC, "a worker may still hold the index");
	rcu_worker_quiescent(rcu_qsbr(rcu), 0);
	rcu_poll(rcu, 10);
	cr_assert_eq(get4(1, 9), a);
	cr_assert_eq(adjacency_find(table, 1, 4, hop(8)), b);
	rcu_worker_offline(rcu, 0);
	teardown();
}

static void resolve(uint32_t index, uint8_t value, uint8_t length)
{
	uint8_t l2[22];

	memset(l2, value, sizeof(l2));
	cr_assert_eq(adjacency_resolve(table, index, l2, length, 1500), 0);
}

static int header_value(uint32_t index)
{
	const struct adjacency_l2 *l2 = adjacency_l2(adjacency_at(table, index));

	return l2 == NULL ? -1 : l2->bytes[0];
}

static void grace_period(void)
{
	for (int i = 0; i < 2; i++) {
		rcu_poll(rcu, 100);
		rcu_worker_quiescent(rcu_qsbr(rcu), 0);
	}
	rcu_poll(rcu, 100);
}

Test(adjacency, a_header_in_use_is_not_written_to)
{
	uint8_t l2[22] = {0};

	setup_with(10, 1);
	rcu_worker_online(rcu, 0);
	uint32_t index = (uint32_t)get4(1, 7);

	cr_assert_eq(adjacency_resolve(table, index, l2, 13, 1500), -EINVAL);
	cr_assert_eq(adjacency_resolve(table, index, l2, 23, 1500), -EINVAL);
	cr_assert_eq(adjacency_resolve(table, 9, l2, 14, 1500), -EINVAL);
	cr_assert_eq(header_value(index), -1);

	resolve(index, 1, 14);
	cr_assert_eq(adjacency_at(table, index)->mtu, 1500);
	const struct adjacency_l2 *first = adjacency_l2(adjacency_at(table, index));

	cr_assert_eq(first->length, 14);
	resolve(index, 2, 18);
	cr_assert_eq(header_value(index), 2);
	cr_assert_eq(adjacency_l2(adjacency_at(table, index))->length, 18);
	cr_assert_eq(first->bytes[0], 1, "a burst may be sending with it");

	/* both copies are held: later changes wait, and the last one wins */
	const struct adjacency_l2 *second = adjacency_l2(adjacency_at(table, index));

	resolve(index, 3, 14);
	resolve(index, 4, 22);
	cr_assert_eq(header_value(index), 2);
	cr_assert_eq(first->bytes[0], 1);
	grace_period();
	cr_assert_eq(header_value(index), 4);
	cr_assert_eq(second->bytes[0], 2, "out of use only now");
	grace_period();
	cr_assert_eq(rcu_waiting(rcu), 0);

	/* the same again changes nothing and defers nothing */
	resolve(index, 4, 22);
	cr_assert_eq(rcu_waiting(rcu), 0);

	/* gone, and back before the grace period is over */
	resolve(index, 5, 14);
	cr_assert_eq(adjacency_resolve(table, index, NULL, 0, 1400), 0);
	cr_assert_eq(header_value(index), -1);
	cr_assert_eq(adjacency_at(table, index)->mtu, 1400);
	resolve(index, 6, 14);
	cr_assert_eq(header_value(index), -1);
	grace_period();
	cr_assert_eq(header_value(index), 6);

	/* gone while a change waits: it stays gone */
	resolve(index, 7, 14);
	resolve(index, 8, 14);
	cr_assert_eq(adjacency_resolve(table, index, NULL, 0, 1400), 0);
	grace_period();
	cr_assert_eq(header_value(index), -1);
	rcu_worker_offline(rcu, 0);
	teardown();
}

Test(adjacency, a_waiting_change_does_not_outlive_its_entry)
{
	setup_with(1, 1);
	rcu_worker_online(rcu, 0);
	uint32_t index = (uint32_t)get4(1, 7);

	for (uint8_t value = 1; value <= 4; value++)
		resolve(index, value, 14);
	adjacency_put(table, index);
	grace_period();
	cr_assert_eq(get4(1, 8), index);
	grace_period();
	cr_assert_eq(header_value(index), -1);
	cr_assert_eq(rcu_waiting(rcu), 0);
	rcu_worker_offline(rcu, 0);
	teardown();
}

Test(adjacency, thousands_come_and_go_and_are_all_found)
{
	enum { N = 20000 };
	static int64_t indices[N];

	setup_with(N, 1);
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < N; i++)
			cr_assert_geq(indices[i] = get4((uint8_t)(i % 3), i << 8), 0);
		cr_assert_eq(get4(0, 1), -ENOSPC);
		for (uint32_t i = 0; i < N; i++)
			cr_assert_eq(adjacency_find(table, (uint8_t)(i % 3), 4, hop(i << 8)),
				indices[i]);
		for (uint32_t i = 0; i < N; i++)
			adjacency_put(table, (uint32_t)indices[(i * 7919) % N]);
		cr_assert_eq(table->n, 0);
		rcu_drain(rcu);
	}
	teardown();
}

/* Every byte of a header is the same value, and its length goes with it. */
static bool stop;
static unsigned int turns;

static void *stress_reader(void *argument)
{
	unsigned int worker = (unsigned int)(uintptr_t)argument;
	struct rte_rcu_qsbr *qsbr = rcu_qsbr(rcu);
	uintptr_t bad = 0;

	rcu_worker_online(rcu, worker);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		for (int burst = 0; burst < 20; burst++) {
			const volatile struct adjacency_l2 *l2 =
				adjacency_l2(adjacency_at(table, 0));

			if (l2 == NULL)
				continue;
			uint8_t length = l2->length, first = l2->bytes[0];

			bad += length != (first % 2 ? 14 : 22);
			for (uint8_t i = 1; i < length; i++)
				bad += l2->bytes[i] != first;
		}
		rcu_worker_quiescent(qsbr, worker);
		__atomic_add_fetch(&turns, 1, __ATOMIC_RELAXED);
	}
	rcu_worker_offline(rcu, worker);
	return (void *)bad;
}

Test(adjacency, readers_never_see_a_mixed_header, .timeout = 60)
{
	pthread_t threads[2];

	setup_with(1, 2);
	uint32_t index = (uint32_t)get4(1, 7);

	for (uintptr_t i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, stress_reader, (void *)i), 0);
	for (unsigned int i = 0; i < 100000 || __atomic_load_n(&turns, __ATOMIC_RELAXED) < 5000;
		i++) {
		if (i % 64 == 63)
			cr_assert_eq(adjacency_resolve(table, index, NULL, 0, 1500), 0);
		resolve(index, (uint8_t)i, i % 2 ? 14 : 22);
		rcu_poll(rcu, 4);
		if (i % 16 == 0)
			sched_yield();
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < 2; i++) {
		void *bad;

		pthread_join(threads[i], &bad);
		cr_assert_null(bad, "reader %u", i);
	}
	teardown();
}
