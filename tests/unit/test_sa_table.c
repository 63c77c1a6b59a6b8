/* SPDX-License-Identifier: BSD-3-Clause */
/* SAs are found by where they stand, end after a grace period, and a group speaks for its peer. */
#include <dataplane/sa_table.h>

#include <rte_byteorder.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

static struct rcu *rcu;
static struct sa_table *table;
static unsigned int n_done;
static struct sa *last_done;

static void setup_with(uint32_t capacity, unsigned int n_workers)
{
	rcu = rcu_create(n_workers);
	table = sa_table_create(capacity, rcu);
	cr_assert_not_null(table);
	n_done = 0;
}

static void teardown(void)
{
	/* the table borrows: what is still published is the test's */
	for (uint32_t i = 0; i < table->capacity; i++)
		if (sa_at(table, i)->generation != 0)
			free(sa_at(table, i)->sa);
	sa_table_destroy(table);
	rcu_destroy(rcu);
}

static void grace_period(void)
{
	for (int i = 0; i < 2; i++) {
		rcu_poll(rcu, 100);
		rcu_worker_quiescent(rcu_qsbr(rcu), 0);
	}
	rcu_poll(rcu, 100);
}

/* The table looks at an SA's direction, mode and SPI only. */
static struct sa *make_sa(uint32_t spi, enum sa_direction direction)
{
	struct sa *sa = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*sa));

	cr_assert_not_null(sa);
	memset(sa, 0, sizeof(*sa));
	sa->spi = rte_cpu_to_be_32(spi);
	sa->direction = direction;
	sa->mode = SA_TRANSPORT;
	return sa;
}

static void done(void *user, uint32_t index, struct sa *sa)
{
	cr_assert_eq(user, (void *)rcu);
	last_done = sa;
	n_done++;
	free(sa);
}

static uint32_t make_group(uint8_t owner)
{
	int64_t group = sa_group_create(table, owner);

	cr_assert(group >= 1 && group <= UINT32_MAX);
	return (uint32_t)group;
}

static struct sa_place place4(uint32_t group, uint16_t vrf, uint32_t local)
{
	struct sa_place place = {.vrf = vrf, .family = 4, .group = group};

	memset(place.local, 0xee, sizeof(place.local)); /* an IPv4 address is four bytes */
	memcpy(place.local, &local, 4);
	memcpy(place.peer, &(uint32_t){0x0a000001}, 4);
	return place;
}

static int64_t put4(uint32_t group, uint16_t vrf, uint32_t local, uint32_t spi)
{
	struct sa_place place = place4(group, vrf, local);
	struct sa *sa = make_sa(spi, SA_INBOUND);
	uint32_t generation;
	int64_t index = sa_publish(table, &place, sa, &generation);

	if (index < 0)
		free(sa);
	else
		cr_assert_eq(sa_at(table, (uint32_t)index)->sa, sa);
	return index;
}

static uint32_t find4(uint16_t vrf, uint32_t local, uint32_t spi)
{
	uint8_t addr[16];

	memset(addr, 0x55, sizeof(addr));
	memcpy(addr, &local, 4);
	return sa_lookup(table, vrf, 4, addr, rte_cpu_to_be_32(spi));
}

Test(sa_table, sizes_are_checked)
{
	rcu = rcu_create(1);
	errno = 0;
	cr_assert_null(sa_table_create(0, rcu));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(sa_table_create(SA_TABLE_MAX + 1, rcu));
	table = sa_table_create(SA_TABLE_MAX, rcu);
	cr_assert_not_null(table, "the largest one is reserved, not taken");
	cr_assert_eq(put4(make_group(0), 0, 1, 1000), 0);
	cr_assert_eq(find4(0, 1, 1000), 0);
	teardown();
}

Test(sa_table, an_inbound_one_is_found_by_vrf_address_and_spi)
{
	uint8_t six[16] = {0x20, 0x01, [15] = 1}, other[16] = {0x20, 0x01, [15] = 2};
	struct sa_place place6 = {.family = 6};
	uint32_t generation, group;
	int64_t a, b, c, d, e;

	setup_with(16, 1);
	group = make_group(3);
	a = put4(group, 0, 7, 1000);
	b = put4(group, 0, 8, 1000);
	c = put4(group, 1, 7, 1000);
	d = put4(group, 0, 7, 1001);
	place6.group = group;
	memcpy(place6.local, six, 16);
	e = sa_publish(table, &place6, make_sa(1000, SA_INBOUND), &generation);
	cr_assert(a >= 0 && b >= 0 && c >= 0 && d >= 0 && e >= 0);
	cr_assert_eq(table->n_entries, 5);

	cr_assert_eq(find4(0, 7, 1000), a);
	cr_assert_eq(find4(0, 8, 1000), b);
	cr_assert_eq(find4(1, 7, 1000), c);
	cr_assert_eq(find4(0, 7, 1001), d);
	cr_assert_eq(sa_lookup(table, 0, 6, six, rte_cpu_to_be_32(1000)), e);
	cr_assert_eq(sa_lookup(table, 0, 6, other, rte_cpu_to_be_32(1000)), SA_NONE);
	cr_assert_eq(sa_lookup(table, 0, 4, six, rte_cpu_to_be_32(1000)), SA_NONE);
	cr_assert_eq(find4(2, 7, 1000), SA_NONE);
	cr_assert_eq(find4(0, 9, 1000), SA_NONE);
	cr_assert_eq(find4(0, 7, 1002), SA_NONE);
	cr_assert_eq(put4(group, 0, 7, 1000), -EEXIST);

	const struct sa_entry *entry = sa_at(table, (uint32_t)e);

	cr_assert(sa_is(entry, generation) && !sa_is(entry, generation + 1));
	cr_assert_eq(entry->owner, 3, "its group's");
	cr_assert_eq(entry->group, group);
	cr_assert_eq(entry->direction, SA_INBOUND);
	teardown();
}

Test(sa_table, publication_is_refused_by_name)
{
	struct sa *sa = make_sa(1000, SA_INBOUND);
	struct sa_place place;
	uint32_t generation, group;

	setup_with(2, 1);
	place = place4(1, 0, 7);
	cr_assert_eq(sa_publish(table, &place, sa, &generation), -ENOENT);
	group = make_group(0);
	place = place4(group, 0, 7);
	place.family = 5;
	cr_assert_eq(sa_publish(table, &place, sa, &generation), -EINVAL);
	place.group = group + 1;
	place.family = 4;
	cr_assert_eq(sa_publish(table, &place, sa, &generation), -ENOENT);
	cr_assert_geq(put4(group, 0, 7, 1000), 0);
	cr_assert_geq(put4(group, 0, 7, 1001), 0);
	cr_assert_eq(put4(group, 0, 7, 1002), -ENOSPC);
	cr_assert_eq(sa_unpublish(table, 2, done, rcu), -ESTALE);
	cr_assert_eq(sa_unpublish(table, UINT32_MAX, done, rcu), -ESTALE);
	free(sa);
	teardown();
}

Test(sa_table, the_owner_may_hold_one_until_its_grace_period_is_over)
{
	uint32_t index, generation, group;
	struct sa_place place;
	struct sa *sa = make_sa(1000, SA_INBOUND);

	setup_with(1, 1);
	rcu_worker_online(rcu, 0);
	group = make_group(0);
	place = place4(group, 0, 7);
	index = (uint32_t)sa_publish(table, &place, sa, &generation);
	cr_assert_eq(sa_unpublish(table, index, done, rcu), 0);
	cr_assert_eq(find4(0, 7, 1000), SA_NONE);
	cr_assert_not(sa_is(sa_at(table, index), generation));
	cr_assert_eq(sa_at(table, index)->sa, sa, "a burst may be in it");
	cr_assert_eq(sa_unpublish(table, index, done, rcu), -ESTALE);
	rcu_poll(rcu, 10);
	cr_assert_eq(n_done, 0);
	cr_assert_eq(put4(group, 0, 7, 1001), -ENOSPC, "its slot is still in use");
	grace_period();
	cr_assert_eq(n_done, 1);
	cr_assert_eq(last_done, sa);
	cr_assert_eq(put4(group, 0, 7, 1001), index);
	cr_assert_not(sa_is(sa_at(table, index), generation), "another life");
	cr_assert_neq(sa_at(table, index)->generation, 0);
	rcu_worker_offline(rcu, 0);
	teardown();
}

Test(sa_table, a_group_sends_by_the_outbound_sa_it_was_given)
{
	uint32_t generation, group, stranger;
	struct sa_place place;
	int64_t in, first, second, foreign;

	setup_with(8, 1);
	group = make_group(1);
	stranger = make_group(2);
	place = place4(group, 0, 7);
	in = put4(group, 0, 7, 1000);
	first = sa_publish(table, &place, make_sa(2000, SA_OUTBOUND), &generation);
	second = sa_publish(table, &place, make_sa(2000, SA_OUTBOUND), &generation);
	place.group = stranger;
	foreign = sa_publish(table, &place, make_sa(3000, SA_OUTBOUND), &generation);
	cr_assert(first >= 0 && second >= 0 && foreign >= 0, "the peer chose its SPIs");
	cr_assert_eq(find4(0, 7, 2000), SA_NONE, "outbound ones are not looked up");

	cr_assert_eq(sa_group_outbound(table, group), SA_NONE);
	cr_assert_eq(sa_group_set_outbound(table, group, (uint32_t)first), 0);
	cr_assert_eq(sa_group_outbound(table, group), first);
	cr_assert_eq(sa_group_set_outbound(table, group, (uint32_t)in), -EINVAL);
	cr_assert_eq(sa_group_set_outbound(table, group, (uint32_t)foreign), -EINVAL);
	cr_assert_eq(sa_group_set_outbound(table, group, 7), -EINVAL);
	cr_assert_eq(sa_group_set_outbound(table, group, 8), -EINVAL);
	cr_assert_eq(sa_group_set_outbound(table, group + 5, (uint32_t)first), -ENOENT);
	cr_assert_eq(sa_group_set_outbound(table, 0, (uint32_t)first), -ENOENT);
	cr_assert_eq(sa_group_outbound(table, group), first);

	/* rekeyed; the old one's end changes nothing, the new one's leaves none */
	cr_assert_eq(sa_group_set_outbound(table, group, (uint32_t)second), 0);
	cr_assert_eq(sa_unpublish(table, (uint32_t)first, done, rcu), 0);
	cr_assert_eq(sa_group_outbound(table, group), second);
	cr_assert_eq(sa_unpublish(table, (uint32_t)second, done, rcu), 0);
	cr_assert_eq(sa_group_outbound(table, group), SA_NONE);
	cr_assert_eq(sa_group_set_outbound(table, stranger, (uint32_t)foreign), 0);
	cr_assert_eq(sa_group_set_outbound(table, stranger, SA_NONE), 0);
	cr_assert_eq(sa_group_outbound(table, stranger), SA_NONE);
	teardown();
}

Test(sa_table, a_tunnel_that_outlives_its_group_never_gets_anothers)
{
	uint32_t group, again;
	int64_t index;

	setup_with(2, 1);
	rcu_worker_online(rcu, 0);
	group = make_group(0);
	(void)make_group(0);
	cr_assert_eq(sa_group_create(table, 0), -ENOSPC);
	index = put4(group, 0, 7, 1000);
	cr_assert_eq(sa_group_remove(table, group), -EBUSY);
	cr_assert_eq(sa_unpublish(table, (uint32_t)index, done, rcu), 0);
	cr_assert_eq(sa_group_remove(table, group), 0);
	cr_assert_eq(sa_group_remove(table, group), -ENOENT);
	cr_assert_null(sa_group_at(table, group));
	cr_assert_eq(sa_group_outbound(table, group), SA_NONE);
	cr_assert_eq(sa_group_create(table, 0), -ENOSPC);
	grace_period();

	/* the same slot, thousands of times */
	for (int life = 0; life < 4000; life++) {
		again = make_group(5);
		cr_assert_neq(again, group);
		cr_assert_eq(sa_group_at(table, again)->owner, 5);
		cr_assert_null(sa_group_at(table, group));
		cr_assert_eq(sa_group_remove(table, again), 0);
		grace_period();
	}
	cr_assert_eq(table->n_groups, 1);
	cr_assert_null(sa_group_at(table, 0));
	cr_assert_null(sa_group_at(table, UINT32_MAX));
	rcu_worker_offline(rcu, 0);
	teardown();
}

Test(sa_table, thousands_come_and_go_and_are_all_found)
{
	enum { N = 20000 };
	static int64_t indices[N];
	uint32_t group;

	setup_with(N, 1);
	group = make_group(0);
	for (uint32_t round = 0; round < 3; round++) {
		/* the same SPI at eight addresses of ours: one chain */
		for (uint32_t i = 0; i < N; i++)
			cr_assert_geq(indices[i] = put4(group, 0, i % 8, 256 + i / 8), 0);
		cr_assert_eq(put4(group, 0, 9, 256), -ENOSPC);
		for (uint32_t i = 0; i < N; i++)
			cr_assert_eq(find4(0, i % 8, 256 + i / 8), indices[i]);
		for (uint32_t i = 0; i < N; i++) {
			uint32_t k = (i * 7919) % N;

			cr_assert_eq(
				sa_unpublish(table, (uint32_t)indices[k], done, (void *)rcu), 0);
			if (i % 100 == 0)
				cr_assert_eq(find4(0, k % 8, 256 + k / 8), SA_NONE);
		}
		cr_assert_eq(table->n_entries, 0);
		rcu_drain(rcu);
		cr_assert_eq(n_done, (round + 1) * N);
	}
	for (uint32_t i = 0; i < N; i++)
		cr_assert_eq(find4(0, i % 8, 256 + i / 8), SA_NONE);
	teardown();
}

/* The SAs of odd addresses stay; between them, in the same chain, the even ones come and go. */
enum { STRESS = 16 };
static bool stop;
static unsigned int turns;
static uint32_t stress_index[STRESS];

static void *stress_reader(void *argument)
{
	unsigned int worker = (unsigned int)(uintptr_t)argument;
	uintptr_t bad = 0;

	rcu_worker_online(rcu, worker);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		for (uint32_t i = 0; i < STRESS; i++) {
			uint32_t index = find4(0, i, 1000);

			if (i % 2 == 1) {
				bad += index != stress_index[i];
				continue;
			}
			if (index == SA_NONE)
				continue;

			/* its SA is not freed before this turn ends */
			const struct sa *sa = sa_at(table, index)->sa;

			bad += sa == NULL || sa->spi != rte_cpu_to_be_32(1000);
		}
		rcu_worker_quiescent(rcu_qsbr(rcu), worker);
		__atomic_add_fetch(&turns, 1, __ATOMIC_RELAXED);
	}
	rcu_worker_offline(rcu, worker);
	return (void *)bad;
}

Test(sa_table, neighbours_that_come_and_go_hide_nobody, .timeout = 60)
{
	pthread_t threads[2];
	uint32_t group;

	setup_with(64, 2);
	group = make_group(0);
	for (uint32_t i = 0; i < STRESS; i++)
		stress_index[i] = (uint32_t)put4(group, 0, i, 1000);
	for (uintptr_t i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, stress_reader, (void *)i), 0);
	for (uint32_t i = 0; i < 20000 || __atomic_load_n(&turns, __ATOMIC_RELAXED) < 2000; i++) {
		uint32_t k = i * 2 % STRESS;

		cr_assert_eq(sa_unpublish(table, stress_index[k], done, (void *)rcu), 0);
		for (int64_t index; (index = put4(group, 0, k, 1000)) < 0;) {
			cr_assert_eq(index, -ENOSPC);
			rcu_poll(rcu, 100);
			sched_yield();
		}
		stress_index[k] = find4(0, k, 1000);
		cr_assert_neq(stress_index[k], SA_NONE);
		rcu_poll(rcu, 4);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < 2; i++) {
		void *bad;

		pthread_join(threads[i], &bad);
		cr_assert_null(bad, "reader %u", i);
	}
	teardown();
}
