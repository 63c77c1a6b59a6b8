/* SPDX-License-Identifier: BSD-3-Clause */
/* Tunnels and sessions are found by their ids while they live, by no packet of another life, and leave
 * nothing behind. */
#include <dataplane/session_table.h>

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static struct rcu *rcu;
static struct session_table *table;

static void setup_with(uint32_t capacity, unsigned int n_workers)
{
	rcu = rcu_create(n_workers);
	table = session_table_create(capacity, rcu);
	cr_assert_not_null(table);
}

static void teardown(void)
{
	session_table_destroy(table);
	rcu_destroy(rcu);
}

static struct tunnel_path path4(const char *local, const char *peer)
{
	struct tunnel_path path = {
		.family = 4, .local_port = htons(1701), .peer_port = htons(1702)};

	inet_pton(AF_INET, local, path.local);
	inet_pton(AF_INET, peer, path.peer);
	return path;
}

static void tunnel_add(uint16_t id)
{
	struct tunnel_path path = path4("192.0.2.1", "198.51.100.7");

	cr_assert_eq(tunnel_publish(table, id, (uint16_t)~id, 0, 0, &path), 0);
}

static int64_t session_add(uint16_t tunnel, uint16_t id, uint32_t *generation)
{
	struct session_params params = {
		.tunnel_id = tunnel, .session_id = id, .peer_session_id = id ^ 0x5555, .mtu = 1460};

	return session_publish(table, &params, generation);
}

/* What a worker does with a data packet's ids. */
static const struct session *session_find(uint16_t tunnel_id, uint16_t session_id)
{
	const struct tunnel *tunnel = tunnel_lookup(table, tunnel_id);
	uint32_t index;

	if (tunnel == NULL)
		return NULL;
	index = session_lookup(tunnel, session_id);
	if (index == SESSION_NONE)
		return NULL;
	const struct session *session = session_at(table, index);

	if (__atomic_load_n(&session->generation, __ATOMIC_ACQUIRE) == 0 ||
		session->tunnel_id != tunnel_id || session->session_id != session_id)
		return NULL;
	return session;
}

Test(session_table, refuses_what_cannot_be)
{
	struct tunnel_path path = path4("192.0.2.1", "192.0.2.2"), none = {.family = 0};
	struct session_params params = {.tunnel_id = 9, .session_id = 1};
	uint32_t generation;

	cr_assert_null(session_table_create(0, rcu));
	cr_assert_null(session_table_create(SESSION_TABLE_MAX + 1, rcu));
	setup_with(2, 1);
	cr_assert_eq(tunnel_publish(table, 0, 1, 0, 0, &path), -EINVAL);
	cr_assert_eq(tunnel_publish(table, 1, 1, 0, 0, &none), -EINVAL);
	cr_assert_eq(tunnel_publish(table, 1, 1, 0, 0, &path), 0);
	cr_assert_eq(tunnel_publish(table, 1, 2, 0, 0, &path), -EEXIST);
	cr_assert_eq(tunnel_move(table, 2, &path), -ENOENT);
	cr_assert_eq(tunnel_move(table, 1, &none), -EINVAL);
	cr_assert_eq(tunnel_unpublish(table, 2), -ENOENT);
	cr_assert_eq(session_publish(table, &params, &generation), -ENOENT);
	cr_assert_eq(session_add(1, 0, &generation), -EINVAL);
	cr_assert_eq(session_add(1, 5, &generation), 0);
	cr_assert_eq(session_add(1, 5, &generation), -EEXIST);
	cr_assert_eq(session_add(1, 6, &generation), 1);
	cr_assert_eq(session_add(1, 7, &generation), -ENOSPC);
	cr_assert_eq(tunnel_unpublish(table, 1), -EBUSY);
	cr_assert_eq(session_unpublish(table, 2, NULL, NULL), -ESTALE);
	cr_assert_eq(session_unpublish(table, 1, NULL, NULL), 0);
	cr_assert_eq(session_unpublish(table, 1, NULL, NULL), -ESTALE);
	teardown();
}

Test(session_table, slots_grow_to_where_no_two_ids_meet)
{
	static const struct {
		uint16_t id;
		uint32_t slots; /* after it was added */
	} steps[] = {
		{1, 16},
		{16, 16},
		{15, 16},
		{17, 32},       /* meets 1 modulo 16 */
		{33, 64},       /* meets 1 modulo 32 */
		{257, 512},     /* meets 1 modulo 64, 128 and 256 */
		{2, 512},       /* has a free slot */
		{32769, 65536}, /* differs from 1 in the highest bit only */
		{65535, 65536},
	};
	uint32_t generation;

	setup_with(100, 1);
	tunnel_add(77);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		cr_assert_eq(session_add(77, steps[i].id, &generation), (int64_t)i);
		uintptr_t slots = tunnel_lookup(table, 77)->slots;

		cr_assert_eq(1u << (slots & TUNNEL_SLOTS_BITS), steps[i].slots, "%u", steps[i].id);
		for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
			const struct session *session = session_find(77, steps[j].id);

			cr_assert_eq(session != NULL, j <= i);
			cr_assert(session == NULL || session->index == j);
		}
	}
	cr_assert_null(session_find(77, 3));
	cr_assert_null(session_find(78, 1));
	teardown();
}

static struct {
	unsigned int calls;
	uint32_t index;
	struct session_counters counters;
	struct session_owner_state state;
} final;

static void note_final(void *user, uint32_t index, const struct session_counters *counters,
	const struct session_owner_state *state)
{
	cr_assert_eq(user, &final);
	final.calls++;
	final.index = index;
	final.counters = *counters;
	final.state = *state;
}

Test(session_table, counters_are_final_only_after_the_grace_period)
{
	uint32_t generation;

	setup_with(10, 1);
	tunnel_add(1);
	rcu_worker_online(rcu, 0);
	uint32_t index = (uint32_t)session_add(1, 1, &generation);
	struct session *session = session_at(table, index);

	session->counters.up_packets4 = 10;
	cr_assert_eq(session_unpublish(table, index, note_final, &final), 0);
	cr_assert_null(session_find(1, 1));
	cr_assert_not(session_is(session, generation));
	cr_assert_eq(table->n_sessions, 0);
	rcu_poll(rcu, 10);
	cr_assert_eq(final.calls, 0);
	/* the owner's burst was still under way */
	session->counters.up_packets4 = 11;
	session->state.down_drops = 3;
	rcu_worker_quiescent(rcu_qsbr(rcu), 0);
	rcu_poll(rcu, 10);
	cr_assert_eq(final.calls, 1);
	cr_assert_eq(final.index, index);
	cr_assert_eq(final.counters.up_packets4, 11);
	cr_assert_eq(final.state.down_drops, 3);
	rcu_worker_offline(rcu, 0);
	teardown();
}

Test(session_table, an_index_comes_back_last_under_another_generation_and_clean)
{
	uint32_t generation, first, seen[3] = {0};

	setup_with(4, 1);
	tunnel_add(1);
	for (uint16_t id = 1; id <= 4; id++)
		cr_assert_eq(session_add(1, id, &generation), id - 1);
	first = session_at(table, 2)->generation;
	session_at(table, 2)->counters.down_bytes6 = 99;
	for (uint32_t index = 2; index < 4; index++)
		cr_assert_eq(session_unpublish(table, index, NULL, NULL), 0);
	cr_assert_eq(session_add(1, 9, &generation), -ENOSPC, "not before the grace period");
	rcu_drain(rcu);
	cr_assert_eq(session_add(1, 3, &generation), 2);
	cr_assert_neq(generation, 0);
	cr_assert_neq(generation, first);
	cr_assert(session_is(session_at(table, 2), generation));
	cr_assert_not(session_is(session_at(table, 2), first));
	cr_assert_eq(session_at(table, 2)->counters.down_bytes6, 0);
	/* index 3 has been free for longer than 2 is now */
	cr_assert_eq(session_unpublish(table, 2, NULL, NULL), 0);
	rcu_drain(rcu);
	seen[0] = (uint32_t)session_add(1, 30, &generation);
	seen[1] = (uint32_t)session_add(1, 31, &generation);
	cr_assert_eq(seen[0], 3);
	cr_assert_eq(seen[1], 2);
	teardown();
}

Test(session_table, a_moved_tunnel_keeps_its_sessions)
{
	struct tunnel_path path = path4("192.0.2.1", "203.0.113.9");
	uint32_t generation;

	setup_with(100, 1);
	rcu_worker_online(rcu, 0);
	tunnel_add(5);
	const struct tunnel *before = tunnel_lookup(table, 5);

	for (uint16_t id = 1; id <= 10; id++)
		session_add(5, id, &generation);
	cr_assert_eq(tunnel_move(table, 5, &path), 0);
	const struct tunnel *after = tunnel_lookup(table, 5);

	cr_assert_neq(before, after);
	/* a burst that began with the old entry goes on with it, though the slots grow meanwhile */
	session_add(5, 17, &generation);
	cr_assert_neq(before->slots, after->slots);
	cr_assert_eq(before->path.peer[0], 198);
	cr_assert_eq(session_lookup(before, 7), 6);
	rcu_worker_quiescent(rcu_qsbr(rcu), 0);
	rcu_poll(rcu, 10);
	rcu_worker_quiescent(rcu_qsbr(rcu), 0);
	rcu_poll(rcu, 10);
	cr_assert_eq(rcu_waiting(rcu), 0);
	cr_assert_eq(after->path.peer[0], 203);
	cr_assert_eq(after->n_sessions, 11);
	for (uint16_t id = 1; id <= 10; id++)
		cr_assert_not_null(session_find(5, id));
	rcu_worker_offline(rcu, 0);
	teardown();
}

static void count_and_end(void *user, uint32_t index)
{
	++*(unsigned int *)user;
	cr_assert_eq(session_unpublish(table, index, NULL, NULL), 0);
}

Test(session_table, a_tunnel_goes_once_its_sessions_are_gone)
{
	unsigned int n = 0;
	uint32_t generation;

	setup_with(1000, 1);
	tunnel_add(5);
	tunnel_add(6);
	for (uint16_t id = 1; id <= 100; id++) {
		session_add(5, (uint16_t)(id * 641), &generation);
		session_add(6, id, &generation);
	}
	cr_assert_eq(tunnel_unpublish(table, 5), -EBUSY);
	tunnel_sessions(table, 5, count_and_end, &n);
	cr_assert_eq(n, 100);
	cr_assert_eq(table->n_sessions, 100);
	cr_assert_eq(tunnel_unpublish(table, 5), 0);
	cr_assert_null(tunnel_lookup(table, 5));
	cr_assert_eq(table->n_tunnels, 1);
	rcu_drain(rcu);
	teardown();
}

static struct session_prefix prefix(uint8_t family, const char *text, uint8_t length)
{
	struct session_prefix prefix = {.family = family, .length = length};

	cr_assert_eq(inet_pton(family == 4 ? AF_INET : AF_INET6, text, prefix.addr), 1);
	return prefix;
}

static bool source4(const struct session *session, const char *text)
{
	uint32_t addr;

	cr_assert_eq(inet_pton(AF_INET, text, &addr), 1);
	return session_is_source4(session, addr);
}

static bool source6(const struct session *session, const char *text)
{
	uint8_t addr[16];

	cr_assert_eq(inet_pton(AF_INET6, text, addr), 1);
	return session_is_source6(session, addr);
}

Test(session_table, sources_are_the_sessions_prefixes_and_nothing_else)
{
	struct session_prefix all[] = {prefix(4, "10.0.0.1", 32), prefix(4, "192.168.4.0", 22),
		prefix(6, "2001:db8::5", 128), prefix(6, "2001:db8:1:2::", 64),
		prefix(6, "2001:db8:aa00::", 40), prefix(6, "2001:db8:bb00::", 40)};
	struct session_prefix dirty = prefix(4, "10.0.0.1", 31), wrong = {.family = 5};
	uint32_t generation;

	setup_with(10, 1);
	tunnel_add(1);
	uint32_t index = (uint32_t)session_add(1, 1, &generation);
	const struct session *session = session_at(table, index);

	cr_assert_not(source4(session, "10.0.0.1"));
	cr_assert_not(source4(session, "0.0.0.0"));
	cr_assert_not(source4(session, "255.255.255.255"));
	cr_assert_not(source6(session, "::"));

	cr_assert_eq(session_update(table, 3, 1400, 0, 0, 0, NULL, 0), -ESTALE);
	cr_assert_eq(session_update(table, index, 1400, 0, 0, 0, &dirty, 1), -EINVAL);
	cr_assert_eq(session_update(table, index, 1400, 0, 0, 0, &wrong, 1), -EINVAL);
	cr_assert_eq(session_update(table, index, 1400, 0, 0, 0, all, SESSION_PREFIXES_MAX + 1),
		-EINVAL);
	cr_assert_eq(session->mtu, 1460);

	cr_assert_eq(session_update(table, index, 1400, 1360, 1340, SESSION_FORWARD4, all, 6), 0);
	cr_assert_eq(session->mtu, 1400);
	cr_assert_eq(session->mss4, 1360);
	cr_assert_eq(session->mss6, 1340);
	cr_assert_eq(session->flags, SESSION_FORWARD4);
	static const struct {
		const char *addr;
		bool ours;
	} rows[] = {
		{"10.0.0.1", true},
		{"10.0.0.2", false},
		{"10.0.0.0", false},
		{"192.168.4.0", true},
		{"192.168.7.255", true},
		{"192.168.8.0", false},
		{"192.168.3.255", false},
		{"2001:db8:1:2::", true},
		{"2001:db8:1:2:ffff::1", true},
		{"2001:db8:1:3::1", false},
		{"2001:db8::5", true},
		{"2001:db8::4", false},
		{"2001:db8:aaff::1", true},
		{"2001:db8:ab00::1", false},
		{"2001:db8:bbff::1", true},
		{"2001:db8:bc00::1", false},
		{"::", false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_eq(strchr(rows[i].addr, ':') ? source6(session, rows[i].addr)
						       : source4(session, rows[i].addr),
			rows[i].ours, "%s", rows[i].addr);

	/* a session that gets the default route for a source, and one that loses all */
	struct session_prefix any = prefix(4, "0.0.0.0", 0);

	cr_assert_eq(session_update(table, index, 1400, 0, 0, 0, &any, 1), 0);
	cr_assert(source4(session, "203.0.113.77"));
	cr_assert_not(source6(session, "2001:db8:1:2::"));
	cr_assert_not(source6(session, "2001:db8:aaff::1"));
	cr_assert_not(source6(session, "2001:db8:bbff::1"));
	/* the upper halves of two prefixes need no memory of their own, a whole address does */
	cr_assert_eq(session_update(table, index, 1400, 0, 0, 0, &all[2], 3), 0);
	cr_assert(source6(session, "2001:db8::5"));
	cr_assert_not_null(session->more);
	cr_assert_eq(session_update(table, index, 1400, 0, 0, 0, &all[3], 2), 0);
	cr_assert(source6(session, "2001:db8:1:2::7"));
	cr_assert(source6(session, "2001:db8:aaff::1"));
	cr_assert_null(session->more);
	cr_assert_eq(session_update(table, index, 1400, 0, 0, 0, NULL, 0), 0);
	cr_assert_not(source6(session, "2001:db8:aaff::1"));
	cr_assert_not(source4(session, "203.0.113.77"));
	teardown();
}

static const uint8_t *bytes(const struct session *session, unsigned int at)
{
	return session->template + at;
}

Test(session_table, templates_hold_the_headers_of_rfc_2661_section_3_1)
{
	static const struct {
		uint8_t family, tunnel_flags;
		uint32_t flags;
		uint8_t l3, l2tp, length;
		uint8_t tail[20]; /* from the L2TP header on */
	} rows[] = {
		{4, 0, 0, 20, 28, 38, {0x00, 0x02, 0xbe, 0xef, 0xca, 0xfe, 0xff, 0x03, 0x00, 0x21}},
		{4, TUNNEL_LENGTH_BIT, 0, 20, 28, 40,
			{0x40, 0x02, 0, 0, 0xbe, 0xef, 0xca, 0xfe, 0xff, 0x03, 0x00, 0x21}},
		{4, 0, SESSION_SEND_SEQ, 20, 28, 42,
			{0x08, 0x02, 0xbe, 0xef, 0xca, 0xfe, 0, 0, 0, 0, 0xff, 0x03, 0x00, 0x21}},
		{4, 0, SESSION_SEND_ACFC, 20, 28, 36,
			{0x00, 0x02, 0xbe, 0xef, 0xca, 0xfe, 0x00, 0x21}},
		{4, 0, SESSION_SEND_PFC, 20, 28, 37,
			{0x00, 0x02, 0xbe, 0xef, 0xca, 0xfe, 0xff, 0x03, 0x21}},
		{4, 0, SESSION_SEND_PFC | SESSION_SEND_ACFC, 20, 28, 35,
			{0x00, 0x02, 0xbe, 0xef, 0xca, 0xfe, 0x21}},
		{6, 0, 0, 40, 48, 58, {0x00, 0x02, 0xbe, 0xef, 0xca, 0xfe, 0xff, 0x03, 0x00, 0x21}},
		{6, TUNNEL_LENGTH_BIT, SESSION_SEND_SEQ, 40, 48, 64,
			{0x48, 0x02, 0, 0, 0xbe, 0xef, 0xca, 0xfe, 0, 0, 0, 0, 0xff, 0x03, 0x00,
				0x21}},
	};

	setup_with(100, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint16_t id = (uint16_t)(i + 1);
		struct tunnel_path path = path4("192.0.2.1", "198.51.100.7");
		struct session_params params = {.tunnel_id = id,
			.session_id = 1,
			.peer_session_id = 0xcafe,
			.flags = rows[i].flags};
		uint32_t generation;

		if (rows[i].family == 6) {
			path.family = 6;
			inet_pton(AF_INET6, "2001:db8::1", path.local);
			inet_pton(AF_INET6, "2001:db8::2", path.peer);
		}
		cr_assert_eq(tunnel_publish(table, id, 0xbeef, 0, rows[i].tunnel_flags, &path), 0);
		const struct session *session =
			session_at(table, (uint32_t)session_publish(table, &params, &generation));

		cr_assert_eq(session->template_l3, rows[i].l3, "row %zu", i);
		cr_assert_eq(session->template_l2tp, rows[i].l2tp, "row %zu", i);
		cr_assert_eq(session->template_length, rows[i].length, "row %zu", i);
		if (rows[i].family == 4) {
			static const uint8_t ip[20] = {0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 192,
				0, 2, 1, 198, 51, 100, 7};
			cr_assert_arr_eq(bytes(session, 0), ip, 20);
		} else {
			static const uint8_t ip[8] = {0x60, 0, 0, 0, 0, 0, 17, 64};
			cr_assert_arr_eq(bytes(session, 0), ip, 8);
			cr_assert_arr_eq(bytes(session, 8), path.local, 16);
			cr_assert_arr_eq(bytes(session, 24), path.peer, 16);
		}
		static const uint8_t udp[8] = {0x06, 0xa5, 0x06, 0xa6, 0, 0, 0, 0};
		cr_assert_arr_eq(bytes(session, rows[i].l3), udp, 8);
		cr_assert_arr_eq(bytes(session, rows[i].l2tp), rows[i].tail,
			rows[i].length - rows[i].l2tp, "row %zu", i);
	}
	teardown();
}

static size_t resident(void)
{
	unsigned long size, pages;
	FILE *file = fopen("/proc/self/statm", "r");

	cr_assert_eq(fscanf(file, "%lu %lu", &size, &pages), 2);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

Test(session_table, an_empty_table_of_sixteen_million_takes_next_to_no_memory)
{
	size_t before = resident();
	uint32_t generation;

	setup_with(SESSION_TABLE_MAX, 1);
	tunnel_add(1);
	session_add(1, 1, &generation);
	cr_assert_null(session_find(2, 1));
	cr_assert_not(session_is(session_at(table, SESSION_TABLE_MAX - 1), generation));
	cr_assert_lt(resident() - before, 32u << 20);
	teardown();
}

#define MILLION     1048576
#define ALL_TUNNELS 65535

/* An id permutation as the control plane uses: odd factor and an offset, 0 left out. */
static uint16_t id_of(unsigned int k)
{
	return (uint16_t)((k + 1) * 0x9e35u);
}

static unsigned int finals;

static void count_final(void *user, uint32_t index, const struct session_counters *counters,
	const struct session_owner_state *state)
{
	cr_assert_eq(counters->up_packets4, index + 1u);
	finals++;
}

Test(session_table, a_million_sessions_over_all_tunnels_come_and_go, .timeout = 100)
{
	size_t heap = mallinfo2().uordblks;
	uint32_t generation, last = 0;

	setup_with(MILLION, 1);
	for (unsigned int id = 1; id <= ALL_TUNNELS; id++)
		tunnel_add((uint16_t)id);
	for (int life = 0; life < 2; life++) {
		for (unsigned int i = 0; i < MILLION; i++) {
			uint16_t tunnel = (uint16_t)(1 + i % ALL_TUNNELS);
			int64_t index = session_add(tunnel, id_of(i / ALL_TUNNELS), &generation);

			if (index < 0 || generation == 0 || generation == last)
				cr_assert_fail("session %u: %ld", i, (long)index);
			last = generation;
			session_at(table, (uint32_t)index)->counters.up_packets4 =
				(uint64_t)index + 1;
		}
		cr_assert_eq(table->n_sessions, MILLION);
		cr_assert_eq(session_add(1, 60001, &generation), -ENOSPC);
		for (unsigned int i = 0; i < MILLION; i++) {
			uint16_t tunnel = (uint16_t)(1 + i % ALL_TUNNELS);
			uint16_t id = id_of(i / ALL_TUNNELS);
			const struct session *session = session_find(tunnel, id);

			if (session == NULL)
				cr_assert_fail("session %u is not found", i);
			cr_assert_eq(
				session_unpublish(table, session->index, count_final, NULL), 0);
			if (i % 64 == 63)
				rcu_poll(rcu, 64);
		}
		rcu_drain(rcu);
		cr_assert_eq(table->n_sessions, 0);
		cr_assert_eq(finals, MILLION * (unsigned int)(life + 1));
	}
	for (unsigned int id = 1; id <= ALL_TUNNELS; id++)
		cr_assert_eq(tunnel_unpublish(table, (uint16_t)id), 0);
	cr_assert_eq(table->n_tunnels, 0);
	teardown();
	/* the allocator of a sanitizer build keeps no such account */
	cr_assert_leq(mallinfo2().uordblks, heap + 4096);
}

/* Readers look sessions up while the writer lets them come and go; each line tells whose it is. */
#define STRESS_IDS 600
static bool stop;
static unsigned int turns;

static void *stress_reader(void *argument)
{
	unsigned int seed = (unsigned int)(uintptr_t)argument, worker = seed;
	uintptr_t bad = 0;
	struct rte_rcu_qsbr *qsbr = rcu_qsbr(rcu);

	rcu_worker_online(rcu, worker);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		for (int i = 0; i < 32; i++) {
			uint16_t tunnel = (uint16_t)(1 + rand_r(&seed) % 2);
			uint16_t id = (uint16_t)(1 + rand_r(&seed) % STRESS_IDS);
			const volatile struct session *session = session_find(tunnel, id);

			if (session == NULL)
				continue;
			/* What was found stays what it is until the quiescent state. */
			for (int again = 0; again < 20; again++)
				bad += session->tunnel_id != tunnel || session->session_id != id ||
					session->peer_session_id != (id ^ 0x5555);
		}
		rcu_worker_quiescent(qsbr, worker);
		__atomic_add_fetch(&turns, 1, __ATOMIC_RELAXED);
	}
	rcu_worker_offline(rcu, worker);
	return (void *)bad;
}

Test(session_table, readers_see_only_whole_sessions_while_the_writer_churns, .timeout = 60)
{
	pthread_t threads[2];
	unsigned int seed = 20, lives = 0;
	uint32_t generation;

	setup_with(512, 2);
	tunnel_add(1);
	tunnel_add(2);
	for (uintptr_t i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, stress_reader, (void *)i), 0);
	while (__atomic_load_n(&turns, __ATOMIC_RELAXED) < 2)
		sched_yield();
	for (unsigned int i = 0; lives < 30000; i++) {
		uint16_t tunnel = (uint16_t)(1 + rand_r(&seed) % 2);
		uint16_t id = (uint16_t)(1 + rand_r(&seed) % STRESS_IDS);
		const struct session *session = session_find(tunnel, id);

		if (session != NULL)
			cr_assert_eq(session_unpublish(table, session->index, NULL, NULL), 0);
		else
			lives += session_add(tunnel, id, &generation) >= 0;
		if (i % 1000 == 0) {
			struct tunnel_path path = path4("192.0.2.1", "203.0.113.9");

			cr_assert_eq(tunnel_move(table, tunnel, &path), 0);
		}
		if (i % 10000 == 9999) {
			/* a tunnel ends and another gets its id: its slots start small again */
			unsigned int n = 0;

			tunnel_sessions(table, tunnel, count_and_end, &n);
			cr_assert_eq(tunnel_unpublish(table, tunnel), 0);
			tunnel_add(tunnel);
		}
		if (rcu_poll(rcu, 8) == 0 && rcu_waiting(rcu) > 200)
			sched_yield(); /* on a busy machine the readers need their turn */
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < 2; i++) {
		void *bad;

		pthread_join(threads[i], &bad);
		cr_assert_null(bad, "reader %u saw foreign sessions", i);
	}
	teardown();
}
