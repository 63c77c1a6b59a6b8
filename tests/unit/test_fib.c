/* SPDX-License-Identifier: BSD-3-Clause */
/* The longest prefix wins, whatever came and went before, and readers never see another's route. */
#include <dataplane/fib.h>

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

static struct rcu *rcu;
static struct fib *fib;

static void setup_with(unsigned int n_workers, uint32_t max_routes)
{
	struct fib_settings settings = {
		.name = "default", .max_routes4 = max_routes, .max_routes6 = max_routes};

	rcu = rcu_create(n_workers);
	fib = fib_create(&settings, rcu);
	cr_assert_not_null(fib);
}

static void teardown(void)
{
	fib_destroy(fib);
	rcu_destroy(rcu);
}

/* One interface over both families. */
struct key {
	uint8_t family, length;
	uint8_t addr[16];
};

static struct key key_of(const char *text)
{
	struct key key = {.family = strchr(text, ':') != NULL ? 6 : 4};
	char addr[64];
	const char *slash = strchr(text, '/');

	snprintf(addr, sizeof(addr), "%.*s",
		slash != NULL ? (int)(slash - text) : (int)strlen(text), text);
	key.length = slash != NULL ? (uint8_t)atoi(slash + 1) : key.family == 4 ? 32 : 128;
	cr_assert_eq(
		inet_pton(key.family == 4 ? AF_INET : AF_INET6, addr, key.addr), 1, "%s", text);
	return key;
}

static uint32_t word_of(const struct key *key)
{
	uint32_t addr;

	memcpy(&addr, key->addr, 4);
	return addr;
}

static int set(const struct key *key, uint32_t target)
{
	return key->family == 4 ? fib_set4(fib, word_of(key), key->length, target)
				: fib_set6(fib, key->addr, key->length, target);
}

static int delete (const struct key *key)
{
	return key->family == 4 ? fib_delete4(fib, word_of(key), key->length)
				: fib_delete6(fib, key->addr, key->length);
}

static uint32_t get(const struct key *key)
{
	return key->family == 4 ? fib_get4(fib, word_of(key), key->length)
				: fib_get6(fib, key->addr, key->length);
}

static uint32_t lookup(const struct key *key)
{
	return key->family == 4 ? fib_lookup4(fib, word_of(key)) : fib_lookup6(fib, key->addr);
}

static uint32_t target_of(unsigned int n)
{
	return n == 0 ? 0 : fib_target(FIB_SESSION, n);
}

Test(fib, answers_as_the_table_says)
{
	static const struct {
		int nr;
		enum { SET, DELETE, LOOKUP, GET } what;
		const char *key;
		unsigned int target; /* 0: none */
		int ret;
	} rows[] = {
		{1, LOOKUP, "10.0.0.1", 0, 0},
		{2, SET, "10.0.0.1/32", 1, 0},
		{3, LOOKUP, "10.0.0.1", 1, 0},
		{4, LOOKUP, "10.0.0.0", 0, 0},
		{5, SET, "10.0.0.0/8", 2, 0},
		{6, LOOKUP, "10.0.0.1", 1, 0},
		{7, LOOKUP, "10.0.0.0", 2, 0},
		{8, LOOKUP, "10.255.255.255", 2, 0},
		{9, SET, "0.0.0.0/0", 3, 0},
		{10, LOOKUP, "11.0.0.0", 3, 0},
		{11, LOOKUP, "10.0.0.0", 2, 0},
		{12, SET, "10.0.0.0/30", 4, 0},
		{13, LOOKUP, "10.0.0.1", 1, 0},
		{14, LOOKUP, "10.0.0.3", 4, 0},
		{15, LOOKUP, "10.0.0.4", 2, 0},
		{16, DELETE, "10.0.0.1/32", 0, 0},
		{17, LOOKUP, "10.0.0.1", 4, 0},
		{18, DELETE, "10.0.0.1/32", 0, -ENOENT},
		{19, DELETE, "10.0.0.0/30", 0, 0},
		{20, LOOKUP, "10.0.0.1", 2, 0},
		{21, DELETE, "10.0.0.0/8", 0, 0},
		{22, LOOKUP, "10.0.0.1", 3, 0},
		{23, GET, "10.0.0.0/8", 0, 0},
		{24, GET, "0.0.0.0/0", 3, 0},
		{25, DELETE, "0.0.0.0/0", 0, 0},
		{26, LOOKUP, "10.0.0.1", 0, 0},
		/* a shorter one that comes after fills only what is free of longer ones */
		{30, SET, "192.0.2.128/25", 5, 0},
		{31, SET, "192.0.2.0/24", 6, 0},
		{32, SET, "192.0.0.0/16", 7, 0},
		{33, LOOKUP, "192.0.2.200", 5, 0},
		{34, LOOKUP, "192.0.2.100", 6, 0},
		{35, LOOKUP, "192.0.3.1", 7, 0},
		{36, DELETE, "192.0.2.0/24", 0, 0},
		{37, LOOKUP, "192.0.2.200", 5, 0},
		{38, LOOKUP, "192.0.2.100", 7, 0},
		/* a prefix all of whose addresses have longer ones is not forgotten */
		{39, SET, "192.0.2.0/25", 8, 0},
		{40, SET, "192.0.2.0/24", 9, 0},
		{41, GET, "192.0.2.0/24", 9, 0},
		{42, DELETE, "192.0.2.0/25", 0, 0},
		{43, LOOKUP, "192.0.2.100", 9, 0},
		{44, LOOKUP, "192.0.2.200", 5, 0},
		/* host bits, lengths */
		{50, SET, "192.0.2.1/24", 1, -EINVAL},
		{51, SET, "192.0.2.0/33", 1, -EINVAL},
		{52, SET, "192.0.2.1/32", 0, -EINVAL},
		{53, DELETE, "192.0.2.1/24", 0, -EINVAL},
		{54, SET, "2001:db8::1/64", 1, -EINVAL},
		{55, SET, "2001:db8::/129", 1, -EINVAL},
		{60, LOOKUP, "2001:db8::1", 0, 0},
		{61, SET, "2001:db8::/32", 11, 0},
		{62, SET, "2001:db8:0:1::/64", 12, 0},
		{63, SET, "2001:db8:0:1::5/128", 13, 0},
		{64, SET, "2001:db8:0:1::/127", 14, 0},
		{65, SET, "::/0", 15, 0},
		{66, LOOKUP, "2001:db8:0:1::5", 13, 0},
		{67, LOOKUP, "2001:db8:0:1::4", 12, 0},
		{68, LOOKUP, "2001:db8:0:1::1", 14, 0},
		{69, LOOKUP, "2001:db8:0:2::1", 11, 0},
		{70, LOOKUP, "2001:db7::", 15, 0},
		{71, DELETE, "2001:db8:0:1::5/128", 0, 0},
		{72, LOOKUP, "2001:db8:0:1::5", 12, 0},
		{73, DELETE, "2001:db8:0:1::5/128", 0, -ENOENT},
		{74, SET, "2001:db8:0:1::1/128", 16, 0},
		{75, LOOKUP, "2001:db8:0:1::1", 16, 0},
		{76, GET, "2001:db8:0:1::1/128", 16, 0},
		{77, DELETE, "2001:db8:0:1::/64", 0, 0},
		{78, LOOKUP, "2001:db8:0:1::7", 11, 0},
		{79, DELETE, "2001:db8:0:1::/127", 0, 0},
		{80, LOOKUP, "2001:db8:0:1::", 11, 0},
	};

	setup_with(1, 1000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct key key = key_of(rows[i].key);
		int ret = 0;

		switch (rows[i].what) {
		case SET:
			ret = set(&key, target_of(rows[i].target));
			break;
		case DELETE:
			ret = delete (&key);
			break;
		case LOOKUP:
			cr_assert_eq(lookup(&key), target_of(rows[i].target), "row %d: %x",
				rows[i].nr, lookup(&key));
			break;
		case GET:
			cr_assert_eq(get(&key), target_of(rows[i].target), "row %d", rows[i].nr);
			break;
		}
		cr_assert_eq(ret, rows[i].ret, "row %d: %d", rows[i].nr, ret);
	}
	teardown();
}

Test(fib, settings_out_of_range_are_refused)
{
	static const uint32_t bad[][2] = {{0, 1}, {1, 0}, {(1u << 24) + 1, 1}, {1, (1u << 24) + 1}};

	rcu = rcu_create(1);
	for (size_t i = 0; i < 4; i++) {
		struct fib_settings settings = {.max_routes4 = bad[i][0], .max_routes6 = bad[i][1]};

		cr_assert_null(fib_create(&settings, rcu));
		cr_assert_eq(errno, EINVAL);
	}
	rcu_destroy(rcu);
}

Test(fib, map_of_prefixes_grows_for_sessions_and_loses_none)
{
	struct fib_settings settings = {
		.name = "default", .max_routes4 = 1, .max_routes6 = 16, .more_routes6 = 5000};
	uint8_t addr[16] = {0x20, 0x01, 0x0d, 0xb8};

	rcu = rcu_create(1);
	fib = fib_create(&settings, rcu);
	cr_assert_not_null(fib);
	for (uint32_t i = 0; i < 5017; i++) {
		uint32_t mixed = htonl(i * 2654435761u);

		memcpy(addr + 4, &mixed, 4);
		cr_assert_eq(
			fib_set6(fib, addr, 64, target_of(i + 1)), i < 5016 ? 0 : -ENOSPC, "%u", i);
	}
	for (uint32_t i = 0; i < 5016; i += 2) {
		uint32_t mixed = htonl(i * 2654435761u);

		memcpy(addr + 4, &mixed, 4);
		cr_assert_eq(fib_delete6(fib, addr, 64), 0, "%u", i);
	}
	for (uint32_t i = 0; i < 5016; i++) {
		uint32_t mixed = htonl(i * 2654435761u);

		memcpy(addr + 4, &mixed, 4);
		cr_assert_eq(fib_lookup6(fib, addr), i % 2 ? target_of(i + 1) : 0, "%u", i);
		cr_assert_eq(fib_delete6(fib, addr, 64), i % 2 ? 0 : -ENOENT, "%u", i);
	}
	teardown();
}

Test(fib, a_full_table_refuses_new_prefixes_and_goes_on)
{
	setup_with(1, 4);
	for (uint32_t i = 0; i < 4; i++)
		cr_assert_eq(fib_set4(fib, htonl(i << 16), 24, target_of(i + 1)), 0);
	cr_assert_eq(fib_set4(fib, htonl(4 << 16), 24, target_of(5)), -ENOSPC);
	cr_assert_eq(fib_lookup4(fib, htonl(4 << 16)), 0);
	cr_assert_eq(fib_set4(fib, htonl(3 << 16), 24, target_of(9)), 0, "replaced");
	cr_assert_eq(fib_set4(fib, htonl(4 << 16), 32, target_of(5)), 0, "hosts do not count");
	cr_assert_eq(fib_delete4(fib, htonl(3 << 16), 24), 0);
	cr_assert_eq(fib_set4(fib, htonl(4 << 16), 24, target_of(5)), 0);
	cr_assert_eq(fib_lookup4(fib, htonl((4 << 16) + 1)), target_of(5));
	cr_assert_eq(fib_lookup4(fib, htonl(3 << 16)), 0);
	teardown();
}

/* The model: all routes in a list, the longest that covers an address found by looking at each. */
#define MODEL_MAX 800
static struct {
	struct key key;
	unsigned __int128 value, mask;
	unsigned int target;
} model[MODEL_MAX];
static unsigned int n_model;

static bool covers(const struct key *prefix, const uint8_t *addr)
{
	unsigned int bytes = prefix->length / 8, rest = prefix->length % 8;

	return memcmp(prefix->addr, addr, bytes) == 0 &&
		(rest == 0 || (prefix->addr[bytes] ^ addr[bytes]) >> (8 - rest) == 0);
}

static unsigned int model_lookup(const uint8_t *addr)
{
	unsigned __int128 value;
	unsigned int best = 0;
	int length = -1;

	memcpy(&value, addr, 16);
	for (unsigned int i = 0; i < n_model; i++)
		if ((value & model[i].mask) == model[i].value && model[i].key.length > length) {
			length = model[i].key.length;
			best = model[i].target;
		}
	return best;
}

static void model_add(const struct key *key)
{
	uint8_t mask[16] = {0};

	for (unsigned int bit = 0; bit < key->length; bit++)
		mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	model[n_model].key = *key;
	memcpy(&model[n_model].value, key->addr, 16);
	memcpy(&model[n_model].mask, mask, 16);
	n_model++;
}

static int model_find(const struct key *key)
{
	for (unsigned int i = 0; i < n_model; i++)
		if (memcmp(&model[i].key, key, sizeof(*key)) == 0)
			return (int)i;
	return -1;
}

static uint64_t random_state;
static uint32_t random_next(uint32_t below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(((random_state >> 32) * below) >> 32);
}

/* Prefixes that nest and touch: few bases, of which some bits are turned. */
static struct key random_key(uint8_t family)
{
	struct key key = {.family = family};
	unsigned int bits = family == 4 ? 32 : 128, bytes = bits / 8;
	uint32_t base = random_next(3);

	for (unsigned int i = 0; i < bytes; i++)
		key.addr[i] = (uint8_t)(base * 0x55 + i * 7 * base);
	for (uint32_t n = random_next(5); n > 0; n--) {
		uint32_t bit = random_next(bits);

		key.addr[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
	}
	/* hosts and step boundaries more often than the rest */
	switch (random_next(4)) {
	case 0:
		key.length = (uint8_t)bits;
		break;
	case 1:
		key.length = (uint8_t)RTE_MIN(bits, 8 * (1 + random_next(bytes)) + random_next(3));
		break;
	default:
		key.length = (uint8_t)random_next(bits + 1);
	}
	for (unsigned int bit = key.length; bit < bits; bit++)
		key.addr[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return key;
}

/* An address in, or just before or after, a prefix. */
static void random_probe(const struct key *key, uint8_t addr[16])
{
	int bytes = key->family == 4 ? 4 : 16, bits = 8 * bytes;
	uint32_t how = random_next(4);

	memcpy(addr, key->addr, 16);
	if (how & 1) /* the last address */
		for (int bit = key->length; bit < bits; bit++)
			addr[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	if (how == 2) /* the one before the first */
		for (int i = bytes - 1; i >= 0 && addr[i]-- == 0; i--)
			;
	if (how == 3) /* the one after the last */
		for (int i = bytes - 1; i >= 0 && ++addr[i] == 0; i--)
			;
}

static void probes_agree(uint8_t family, const struct key *key)
{
	uint8_t addrs[8][16];
	uint32_t words[8], targets[8];

	for (int i = 0; i < 8; i++) {
		struct key other = random_key(family);

		random_probe(i < 4 ? key : &other, addrs[i]);
		memcpy(&words[i], addrs[i], 4);
	}
	if (family == 4)
		fib_lookup4_bulk(fib, words, targets, 8);
	else
		fib_lookup6_bulk(fib, (const uint8_t(*)[16])addrs, targets, 8);
	for (int i = 0; i < 8; i++) {
		struct key probe = {.family = family};
		unsigned int expected = model_lookup(addrs[i]);

		memcpy(probe.addr, addrs[i], 16);
		if (lookup(&probe) != target_of(expected) || targets[i] != target_of(expected))
			cr_assert_fail("%u/%u: %x, in bulk %x, expected %x", key->addr[0],
				key->length, lookup(&probe), targets[i], target_of(expected));
	}
}

static void random_history(uint8_t family, unsigned int seed)
{
	struct fib_usage usage;
	unsigned int hosts = 0;

	setup_with(1, MODEL_MAX);
	random_state = seed;
	n_model = 0;
	for (unsigned int step = 0; step < 100000; step++) {
		/* the table swells and shrinks */
		bool shrink = step / 10000 % 2;
		struct key key = random_key(family);
		unsigned int target = 1 + random_next(100000);
		uint32_t what = random_next(10);

		if (n_model > 0 && what < 4)
			key = model[random_next(n_model)].key;
		int at = model_find(&key);

		cr_assert_eq(get(&key), at < 0 ? 0 : target_of(model[at].target));
		if (what < (shrink ? 4 : 2) || n_model == MODEL_MAX) {
			cr_assert_eq(delete (&key), at < 0 ? -ENOENT : 0);
			if (at >= 0)
				model[at] = model[--n_model];
		} else {
			cr_assert_eq(set(&key, target_of(target)), 0);
			if (at < 0) {
				at = (int)n_model;
				model_add(&key);
			}
			model[at].target = target;
		}
		probes_agree(family, &key);
		rcu_poll(rcu, 4);
	}
	for (unsigned int i = 0; i < n_model; i++)
		hosts += model[i].key.length == (family == 4 ? 32 : 128);
	fib_usage(fib, &usage);
	cr_assert_eq(family == 4 ? usage.hosts4 : usage.hosts6, hosts);
	cr_assert_eq(family == 4 ? usage.routes4 : usage.routes6, n_model - hosts);
	while (n_model > 0) {
		cr_assert_eq(delete (&model[--n_model].key), 0);
		if (n_model % 16 == 0)
			probes_agree(family, &model[n_model].key);
	}
	rcu_drain(rcu);
	fib_usage(fib, &usage);
	cr_assert_eq(usage.pages, 0, "%u pages are left", usage.pages);
	cr_assert_eq(usage.waiting, 0);
	cr_assert_eq(usage.hosts4 + usage.hosts6 + usage.routes4 + usage.routes6, 0);
	teardown();
}

Test(fib, ipv4_agrees_with_the_model_through_a_random_history, .timeout = 100)
{
	random_history(4, 1);
}

Test(fib, ipv6_agrees_with_the_model_through_a_random_history, .timeout = 100)
{
	random_history(6, 2);
}

Test(fib, a_million_hosts_fill_dense_pages_and_leave_none)
{
	struct fib_usage usage;
	uint32_t base = 10u << 24;

	setup_with(1, 1000);
	cr_assert_eq(fib_set4(fib, htonl(base), 8, target_of(1)), 0);
	for (uint32_t i = 0; i < 1048576; i++)
		if (fib_set4(fib, htonl(base + i), 32, target_of(i + 2)) != 0)
			cr_assert_fail("host %u", i);
	fib_usage(fib, &usage);
	cr_assert_eq(usage.hosts4, 1048576);
	cr_assert_eq(usage.pages, 4096 + 16);
	for (uint32_t i = 0; i < 1048576; i++) {
		if (fib_lookup4(fib, htonl(base + i)) != target_of(i + 2))
			cr_assert_fail("lookup %u", i);
		if (fib_delete4(fib, htonl(base + i), 32) != 0)
			cr_assert_fail("delete %u", i);
		if (fib_lookup4(fib, htonl(base + i)) != target_of(1))
			cr_assert_fail("fallback %u", i);
	}
	rcu_drain(rcu);
	fib_usage(fib, &usage);
	cr_assert_eq(usage.pages, 0);
	teardown();
}

Test(fib, a_page_is_not_reused_before_the_grace_period)
{
	struct fib_usage usage;

	setup_with(1, 1000);
	rcu_worker_online(rcu, 0);
	cr_assert_eq(fib_set4(fib, htonl(1u << 16 | 1), 32, target_of(1)), 0);
	/* a reader has come as far as the first page, and sleeps */
	uint32_t entry = fib_tree_root(&fib->tree4, 1);

	cr_assert(entry & FIB_TREE_PAGE);
	cr_assert_eq(fib_delete4(fib, htonl(1u << 16 | 1), 32), 0);
	rcu_poll(rcu, 100);
	for (uint32_t i = 2; i < 100; i++)
		cr_assert_eq(fib_set4(fib, htonl(i << 16 | 1), 32, target_of(i)), 0);
	for (unsigned int next = 0; next < 256; next++) {
		uint32_t below = fib_tree_step(&fib->tree4, entry, (uint8_t)next);

		if (below & FIB_TREE_PAGE)
			below = fib_tree_step(&fib->tree4, below, 1);
		cr_assert(below == 0 || below == target_of(1), "another's route: %x", below);
	}
	fib_usage(fib, &usage);
	cr_assert_eq(usage.waiting, 2);
	rcu_worker_quiescent(rcu_qsbr(rcu), 0);
	rcu_poll(rcu, 100);
	fib_usage(fib, &usage);
	cr_assert_eq(usage.waiting, 0);
	rcu_worker_offline(rcu, 0);
	teardown();
}

Test(fib, an_ipv6_host_is_not_reused_before_the_grace_period)
{
	struct key first = key_of("2001:db8::1"), second = key_of("2001:db8::2");
	struct fib_usage usage;

	setup_with(1, 1000);
	rcu_worker_online(rcu, 0);
	cr_assert_eq(set(&first, target_of(1)), 0);
	/* a reader stands on the entry, the address compared, the target not yet read */
	const struct fib_host6 *host = &fib->hosts6.entries[0];

	cr_assert_eq(host->target, target_of(1));
	cr_assert_eq(delete (&first), 0);
	rcu_poll(rcu, 100);
	cr_assert_eq(set(&second, target_of(2)), 0);
	cr_assert_eq(host->target, target_of(1));
	fib_usage(fib, &usage);
	cr_assert_eq(usage.waiting, 1);
	rcu_worker_quiescent(rcu_qsbr(rcu), 0);
	rcu_poll(rcu, 100);
	cr_assert_eq(set(&first, target_of(3)), 0);
	cr_assert_eq(host->target, target_of(3), "used again");
	rcu_worker_offline(rcu, 0);
	teardown();
}

Test(fib, ipv6_hosts_that_share_buckets_are_kept_apart)
{
	enum { N = 300000 };
	struct key key = key_of("2001:db8::");
	struct fib_usage usage;

	setup_with(1, 1000);
	for (uint32_t step = 0; step < 3 * N; step++) {
		/* all are set, then found, then deleted in another order */
		uint32_t i = step < 2 * N ? step % N : (uint32_t)(step * 7919ull % N);

		memcpy(key.addr + (i % 2 ? 4 : 12), &i, 4);
		memset(key.addr + (i % 2 ? 12 : 4), 0, 4);
		int ret = step < N     ? set(&key, target_of(i + 1))
			: step < 2 * N ? (lookup(&key) == target_of(i + 1) ? 0 : -1)
				       : delete (&key);

		if (ret != 0 || (step >= 2 * N && lookup(&key) != 0))
			cr_assert_fail("step %u: %d", step, ret);
	}
	rcu_drain(rcu);
	fib_usage(fib, &usage);
	cr_assert_eq(usage.hosts6 + usage.waiting, 0);
	for (uint32_t i = 0; i < FIB_HOSTS6_FILTER / 64; i++)
		cr_assert_eq(fib->hosts6.filter[i], 0);
	teardown();
}

/*
 * Readers look addresses up while the writer churns: a target's index is the number of its prefix, which
 * has to cover the address; and the prefixes that stay see to it that there is always one.
 */
#define STRESS_PREFIXES 4000
#define STRESS_STAY     6
static struct key stress_keys[STRESS_PREFIXES];
static bool stress_set[STRESS_PREFIXES], stop;
static unsigned int turns;

static void *stress_reader(void *argument)
{
	unsigned int worker = (unsigned int)(uintptr_t)argument, seed = worker;
	struct rte_rcu_qsbr *qsbr = rcu_qsbr(rcu);
	uintptr_t bad = 0;

	rcu_worker_online(rcu, worker);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		for (int burst = 0; burst < 8; burst++) {
			struct key probe = stress_keys[rand_r(&seed) % STRESS_PREFIXES];

			if (rand_r(&seed) % 2)
				probe.addr[probe.family == 4 ? 3 : 15] ^= (uint8_t)rand_r(&seed);
			uint32_t target = lookup(&probe), index = fib_target_index(target);

			bad += fib_target_type(target) != FIB_SESSION || index >= STRESS_PREFIXES ||
				stress_keys[index].family != probe.family ||
				!covers(&stress_keys[index], probe.addr);
		}
		rcu_worker_quiescent(qsbr, worker);
		__atomic_add_fetch(&turns, 1, __ATOMIC_RELAXED);
	}
	rcu_worker_offline(rcu, worker);
	return (void *)bad;
}

Test(fib, readers_see_only_routes_of_theirs_while_the_writer_churns, .timeout = 60)
{
	static const char *const stay[STRESS_STAY] = {
		"0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"};
	unsigned int changes = 0;
	pthread_t threads[2];

	setup_with(2, STRESS_PREFIXES);
	random_state = 5;
	for (unsigned int i = 0; i < STRESS_PREFIXES; i++) {
		bool again;

		do { /* no prefix twice, and none as short as those that stay */
			stress_keys[i] = i < STRESS_STAY ? key_of(stay[i])
							 : random_key(random_next(2) ? 4 : 6);
			again = i >= STRESS_STAY && stress_keys[i].length <= 1;
			for (unsigned int j = 0; j < i && !again; j++)
				again = memcmp(&stress_keys[i], &stress_keys[j],
						sizeof(stress_keys[i])) == 0;
		} while (again);
		if (i < STRESS_STAY)
			cr_assert_eq(set(&stress_keys[i], fib_target(FIB_SESSION, i)), 0);
	}
	for (uintptr_t i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, stress_reader, (void *)i), 0);
	while (__atomic_load_n(&turns, __ATOMIC_RELAXED) < 2)
		sched_yield();
	/* until the writer has done much and the readers have seen much of it */
	while (changes < 60000 || __atomic_load_n(&turns, __ATOMIC_RELAXED) < 5000) {
		unsigned int i = STRESS_STAY + random_next(STRESS_PREFIXES - STRESS_STAY);

		if (stress_set[i])
			cr_assert_eq(delete (&stress_keys[i]), 0);
		else
			cr_assert_eq(set(&stress_keys[i], fib_target(FIB_SESSION, i)), 0);
		stress_set[i] = !stress_set[i];
		if (rcu_poll(rcu, 8) == 0 && rcu_waiting(rcu) > 500)
			sched_yield();
		changes++;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < 2; i++) {
		void *bad;

		pthread_join(threads[i], &bad);
		cr_assert_null(bad, "reader %u: %zu foreign routes", i, (size_t)bad);
	}
	teardown();
}
