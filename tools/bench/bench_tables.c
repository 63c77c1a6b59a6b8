/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many lookups a core makes in the tables, by their size, with keys in random order.
 *
 * bench_tables [--rte-fib] [--quick] [--json FILE]: quick is one size of each table, the figures' file is that of
 * figures.h; with --rte-fib DPDK's rte_fib (DIR24_8, 4-byte) stands beside the IPv4
 * prefixes, in the same run with the same routes and addresses.
 */
#include "figures.h"

#include <dataplane/fib.h>
#include <dataplane/session_table.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_fib.h>
#include <rte_prefetch.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEYS   (1u << 20)
#define BURST  64u
#define ROUNDS 5

static struct rcu *rcu;
static uint64_t checksum; /* of all answers: the compiler may leave none out */

static uint64_t random_next(void)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

struct measure {
	uint64_t ns[ROUNDS], cycles[ROUNDS];
	unsigned int n;
	struct timespec start;
	uint64_t tsc;
};

static void measure_start(struct measure *measure)
{
	clock_gettime(CLOCK_MONOTONIC, &measure->start);
	measure->tsc = rte_rdtsc();
}

static void measure_stop(struct measure *measure)
{
	struct timespec now;

	measure->cycles[measure->n] = rte_rdtsc() - measure->tsc;
	clock_gettime(CLOCK_MONOTONIC, &now);
	measure->ns[measure->n++] = (uint64_t)(now.tv_sec - measure->start.tv_sec) * 1000000000u +
		(uint64_t)now.tv_nsec - (uint64_t)measure->start.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void measure_print(
	struct measure *measure, const char *contestant, const char *what, size_t size)
{
	qsort(measure->ns, measure->n, sizeof(measure->ns[0]), compare);
	qsort(measure->cycles, measure->n, sizeof(measure->cycles[0]), compare);
	double ns = (double)measure->ns[measure->n / 2] / KEYS;
	const struct figure_line line = {.contestant = contestant,
		.median = (double)measure->cycles[measure->n / 2] / KEYS,
		.low = (double)measure->cycles[0] / KEYS,
		.high = (double)measure->cycles[measure->n - 1] / KEYS};

	figures_write(&line, "look-up, %s, %zu entries", what, size);

	printf("%-34s %9zu %9.1f %9.1f %8.2f %8.2f\n", what, size, 1e3 / ns, line.median,
		(double)measure->ns[0] / KEYS, (double)measure->ns[measure->n - 1] / KEYS);
}

/* Sessions: tunnel, slot, session, generation and ids, as l2tp_input does. */
struct ids {
	uint16_t tunnel, session;
};

static void sessions_bench(uint32_t n, uint32_t n_tunnels)
{
	struct session_table *table = session_table_create(n, rcu);
	struct tunnel_path path = {.family = 4};
	struct ids *ids = malloc(n * sizeof(*ids)), *keys = malloc(KEYS * sizeof(*keys));
	struct measure measure = {.n = 0};
	uint32_t generation;

	for (uint32_t i = 1; i <= n_tunnels; i++)
		tunnel_publish(table, (uint16_t)i, (uint16_t)i, 0, 0, &path);
	for (uint32_t i = 0; i < n; i++) {
		ids[i] = (struct ids){
			(uint16_t)(1 + i % n_tunnels), (uint16_t)((i / n_tunnels + 1) * 0x9e35u)};
		struct session_params params = {
			.tunnel_id = ids[i].tunnel, .session_id = ids[i].session};

		if (session_publish(table, &params, &generation) < 0)
			abort();
	}
	for (uint32_t i = 0; i < KEYS; i++)
		keys[i] = ids[random_next() % n];

	for (int round = 0; round < ROUNDS; round++) {
		measure_start(&measure);
		for (uint32_t first = 0; first < KEYS; first += BURST) {
			const struct session *found[BURST];

			for (uint32_t i = 0; i < BURST; i++) {
				const struct tunnel *tunnel =
					tunnel_lookup(table, keys[first + i].tunnel);

				found[i] = session_at(
					table, session_lookup(tunnel, keys[first + i].session));
				rte_prefetch0(found[i]);
			}
			for (uint32_t i = 0; i < BURST; i++)
				checksum += found[i]->generation != 0 &&
					found[i]->session_id == keys[first + i].session &&
					found[i]->tunnel_id == keys[first + i].tunnel;
		}
		measure_stop(&measure);
	}
	char what[64];

	snprintf(what, sizeof(what), "sessions in %u tunnels, bursts", n_tunnels);
	measure_print(&measure, NULL, what, n);
	session_table_destroy(table);
	free(ids);
	free(keys);
}

static struct fib *bench_fib_create(void)
{
	struct fib_settings settings = {
		.name = "bench", .max_routes4 = 1u << 20, .max_routes6 = 1u << 21, .socket = -1};
	struct fib *fib = fib_create(&settings, rcu);

	if (fib == NULL) {
		perror("fib_create");
		exit(1);
	}
	return fib;
}

static void fib4_measure(const struct fib *fib, const uint32_t *keys, const char *what, size_t size)
{
	struct measure single = {.n = 0}, bulk = {.n = 0};
	uint32_t targets[BURST];
	char text[64];

	for (int round = 0; round < ROUNDS; round++) {
		measure_start(&single);
		for (uint32_t i = 0; i < KEYS; i++)
			checksum += fib_lookup4(fib, keys[i]);
		measure_stop(&single);
		measure_start(&bulk);
		for (uint32_t i = 0; i < KEYS; i += BURST) {
			fib_lookup4_bulk(fib, &keys[i], targets, BURST);
			checksum += targets[0];
		}
		measure_stop(&bulk);
	}
	measure_print(&single, NULL, what, size);
	snprintf(text, sizeof(text), "%s, bulk", what);
	measure_print(&bulk, NULL, text, size);
}

static void hosts4_bench(uint32_t n)
{
	struct fib *fib = bench_fib_create();
	uint32_t *keys = malloc(KEYS * sizeof(*keys));

	fib_set4(fib, 0, 0, fib_target(FIB_ADJACENCY, 1));
	for (uint32_t i = 0; i < n; i++)
		if (fib_set4(fib, htonl((10u << 24) + i), 32, fib_target(FIB_SESSION, i)) != 0)
			abort();
	for (uint32_t i = 0; i < KEYS; i++)
		keys[i] = htonl((10u << 24) + (uint32_t)(random_next() % n));
	fib4_measure(fib, keys, "fib4 hosts", n);
	fib_destroy(fib);
	free(keys);
}

/* An internet-like table: most are /24, the rest /16 to /23. */
static void prefixes4_bench(uint32_t n, bool with_rte_fib)
{
	struct fib *fib = bench_fib_create();
	uint32_t *keys = malloc(KEYS * sizeof(*keys)), *host_keys = malloc(KEYS * sizeof(*keys));
	struct rte_fib_conf conf = {.type = RTE_FIB_DIR24_8,
		.max_routes = 1 << 21,
		.dir24_8 = {.nh_sz = RTE_FIB_DIR24_8_4B, .num_tbl8 = 1 << 15}};
	struct rte_fib *peer = with_rte_fib ? rte_fib_create("bench", -1, &conf) : NULL;
	struct measure add = {.n = 0}, peer_add = {.n = 0}, peer_bulk = {.n = 0};
	uint32_t *addrs = malloc(n * sizeof(*addrs));
	uint8_t *lengths = malloc(n);

	for (uint32_t i = 0; i < n; i++) {
		uint64_t draw = random_next();

		lengths[i] = (uint8_t)(draw % 10 < 6 ? 24 : 16 + draw / 10 % 8);
		addrs[i] = ((1u << 24) + (uint32_t)(draw >> 32) % (222u << 24)) &
			UINT32_MAX << (32 - lengths[i]);
	}
	measure_start(&add);
	for (uint32_t i = 0; i < n; i++)
		if (fib_set4(fib, htonl(addrs[i]), lengths[i],
			    fib_target(FIB_ADJACENCY, i % 64 + 1)))
			abort();
	measure_stop(&add);
	for (uint32_t i = 0; i < KEYS; i++) {
		host_keys[i] = addrs[random_next() % n] | (uint32_t)(random_next() % 256);
		keys[i] = htonl(host_keys[i]);
	}
	fib4_measure(fib, keys, "fib4 prefixes", n);
	printf("%-34s %9u %9.1f\n", "fib4 prefixes, adding", n, n * 1e3 / (double)add.ns[0]);
	if (with_rte_fib) {
		uint64_t targets[BURST];

		if (peer == NULL) {
			fprintf(stderr, "rte_fib_create failed\n");
			exit(1);
		}
		measure_start(&peer_add);
		for (uint32_t i = 0; i < n; i++)
			rte_fib_add(
				peer, addrs[i], lengths[i], fib_target(FIB_ADJACENCY, i % 64 + 1));
		measure_stop(&peer_add);
		for (int round = 0; round < ROUNDS; round++) {
			measure_start(&peer_bulk);
			for (uint32_t i = 0; i < KEYS; i += BURST) {
				rte_fib_lookup_bulk(peer, &host_keys[i], targets, BURST);
				checksum += targets[0];
			}
			measure_stop(&peer_bulk);
		}
		measure_print(&peer_bulk, "rte_fib", "rte_fib DIR24_8, bulk", n);
		printf("%-34s %9u %9.1f\n", "rte_fib DIR24_8, adding", n,
			n * 1e3 / (double)peer_add.ns[0]);
		rte_fib_free(peer);
	}
	fib_destroy(fib);
	free(keys);
	free(host_keys);
	free(addrs);
	free(lengths);
}

/* Subscribers' prefixes of one length out of 2001:db8::/32, or hosts in as many /64s. */
static void prefixes6_bench(uint32_t n, uint8_t length)
{
	struct fib *fib = bench_fib_create();
	uint8_t(*keys)[16] = calloc(KEYS, sizeof(*keys));
	struct measure single = {.n = 0}, bulk = {.n = 0};
	uint32_t targets[BURST];
	char what[64];

	for (uint32_t i = 0; i < n + KEYS; i++) {
		uint8_t addr[16] = {0x20, 0x01, 0x0d, 0xb8};
		uint64_t subscriber = i < n ? i : random_next() % n;
		uint64_t bits = length == 128 ? subscriber : subscriber << (64 - length);

		for (int byte = 0; byte < 4; byte++)
			addr[7 - byte] = (uint8_t)(bits >> 8 * byte);
		addr[15] = length == 128 ? 1 : 0;
		if (i < n && fib_set6(fib, addr, length, fib_target(FIB_SESSION, i)) != 0)
			abort();
		if (i >= n)
			memcpy(keys[i - n], addr, 16);
	}
	for (int round = 0; round < ROUNDS; round++) {
		measure_start(&single);
		for (uint32_t i = 0; i < KEYS; i++)
			checksum += fib_lookup6(fib, keys[i]);
		measure_stop(&single);
		measure_start(&bulk);
		for (uint32_t i = 0; i < KEYS; i += BURST) {
			fib_lookup6_bulk(fib, (const uint8_t(*)[16])keys + i, targets, BURST);
			checksum += targets[0];
		}
		measure_stop(&bulk);
	}
	snprintf(what, sizeof(what), "fib6 /%u", length);
	measure_print(&single, NULL, what, n);
	snprintf(what, sizeof(what), "fib6 /%u, bulk", length);
	measure_print(&bulk, NULL, what, n);
	fib_destroy(fib);
	free(keys);
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = {1, 1000, 100000, 1000000};
	bool quick = figures_options(&argc, argv);
	bool with_rte_fib = argc == 2 && strcmp(argv[1], "--rte-fib") == 0;
	size_t first = quick ? 1 : 0, end = quick ? 2 : RTE_DIM(sizes);

	if (argc > 1 && !with_rte_fib) {
		fprintf(stderr, "usage: bench_tables [--rte-fib] [--quick] [--json FILE]\n");
		return 2;
	}
	if (with_rte_fib) {
		static char words[][20] = {"bench_tables", "--no-huge", "--no-pci",
			"--no-telemetry", "--no-shconf", "-m", "1024", "--iova-mode=va", "-l", "0",
			"--log-level=error"};
		char *eal[RTE_DIM(words)];

		for (size_t i = 0; i < RTE_DIM(words); i++)
			eal[i] = words[i];
		if (rte_eal_init(RTE_DIM(words), eal) < 0)
			return 1;
	}
	rcu = rcu_create(1);
	if (rcu == NULL)
		return 1;
	printf("%-34s %9s %9s %9s %8s %8s\n", "table", "entries", "M/s", "cycles", "ns min",
		"ns max");
	for (size_t i = first; i < end; i++)
		sessions_bench(sizes[i], RTE_MAX(1u, sizes[i] / 1000));
	if (!quick)
		sessions_bench(1000000, 65535);
	for (size_t i = first; i < end; i++)
		hosts4_bench(sizes[i]);
	for (size_t i = 1; i < end; i++)
		prefixes4_bench(sizes[i], with_rte_fib);
	for (size_t i = 1; i < end; i++) {
		prefixes6_bench(sizes[i], 56);
		prefixes6_bench(sizes[i], 64);
		prefixes6_bench(sizes[i], 128);
	}
	rcu_destroy(rcu);
	printf("(checksum %016llx)\n", (unsigned long long)checksum);
	return 0;
}
