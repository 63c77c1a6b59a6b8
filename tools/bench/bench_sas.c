/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a security association takes, all in, by where it lies: pairs of one SA in and one out of as many peers,
 * installed as the kernel's mirror and the configuration do.
 *
 * bench_sas [--quick] [--json FILE] [PAIRS]      default: 20000, --quick: 1000 (figures.h; the unit is bytes).
 */
#include "figures.h"
#include "install_sa.h"

#include <crypto/digest.h>

#include <rte_byteorder.h>
#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct install_sas *sas;
static struct rcu *rcu;
static struct sa_table *table;
static struct sa_store *store;

/* Bytes, at one time. */
struct taken {
	double resident, keys, dataplane, heap;
};

/* A line of /proc/self/status, in bytes. */
static double status_bytes(const char *name)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[128];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			kib = strtoul(line + strlen(name), NULL, 10);
	if (file != NULL)
		fclose(file);
	return 1024.0 * (double)kib;
}

static struct taken taken_now(void)
{
	struct rte_malloc_socket_stats socket = {0};
	struct mallinfo2 heap = mallinfo2();

	rte_malloc_get_socket_stats((int)rte_socket_id(), &socket);
	return (struct taken){
		.resident = status_bytes("VmRSS:"),
		.keys = status_bytes("VmLck:"),
		.dataplane = (double)socket.heap_allocsz_bytes,
		.heap = (double)(heap.uordblks + heap.hblkhd),
	};
}

static bool sa_add(enum sa_direction direction, uint32_t number)
{
	uint8_t key[20] = {(uint8_t)direction};
	uint32_t peer = rte_cpu_to_be_32(0x0a000000 + number);
	struct install_sa_spec spec = {.source = INSTALL_SA_KERNEL,
		.family = 4,
		.local = {192, 0, 2, 1},
		.params = {.spi = 0x100000 + number,
			.direction = direction,
			.cipher = ESP_CIPHER_AES_GCM_16,
			.key = key,
			.key_len = sizeof(key),
			.window = REPLAY_WINDOW_DEFAULT,
			.next_header = 17,
			.sequence_limit = 1000000}};
	struct install_sa *sa;

	memcpy(spec.peer, &peer, sizeof(peer));
	memcpy(key + 4, &number, sizeof(number));
	sa = install_sa_add(sas, &spec, 1);
	if (sa == NULL || sa->state != INSTALL_SA_LIVE) {
		fprintf(stderr, "bench_sas: SA %u: %s\n", number, sa ? sa->reason : "no memory");
		return false;
	}
	return true;
}

static bool pairs_add(uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++)
		if (!sa_add(SA_INBOUND, i) || !sa_add(SA_OUTBOUND, i))
			return false;
	return true;
}

static void part_print(const char *name, double bytes)
{
	const struct figure_line line = {
		.unit = "bytes", .median = bytes, .low = bytes, .high = bytes};

	printf("%-42s %8.0f\n", name, bytes);
	figures_write(&line, "an SA takes, %s", name);
}

static int tables_create(uint32_t pairs)
{
	struct install_sa_settings settings = {.n_workers = 1, .max = 2 * pairs};

	rcu = rcu_create(1);
	table = rcu != NULL ? sa_table_create(2 * settings.max, rcu) : NULL;
	store = table != NULL ? sa_store_create("ipsec-mb", -1) : NULL;
	settings.table = table;
	settings.store = store;
	sas = store != NULL ? install_sas_create(&settings) : NULL;
	if (sas != NULL)
		return 0;
	fprintf(stderr, "bench_sas: tables: %s\n", esp_reason());
	return 1;
}

static int measure(uint32_t pairs)
{
	const double n = 2.0 * pairs;
	struct taken before, after;

	if (tables_create(pairs + 1) != 0 || !pairs_add(0, 1))
		return 1;
	before = taken_now();
	if (!pairs_add(1, pairs))
		return 1;
	after = taken_now();

	const double keys = (after.keys - before.keys) / n;
	const double numbers = (after.dataplane - before.dataplane) / n;
	const double heap = (after.heap - before.heap) / n;
	const double all = (after.resident - before.resident) / n;

	printf("%u SAs in, %u out, AES-128-GCM, a replay window of %u: bytes for each\n", pairs,
		pairs, REPLAY_WINDOW_DEFAULT);
	part_print("key schedules, locked", keys);
	part_print("numbers, window and counters", numbers);
	part_print("control core", heap);
	part_print("tables, and what is left unused", all - keys - numbers - heap);
	part_print("all in, resident", all);
	part_print("all in, without key schedules", all - keys);
	return 0;
}

int main(int argc, char **argv)
{
	static const char *const words[] = {"bench_sas", "--no-huge", "--no-pci", "--no-telemetry",
		"--no-shconf", "-m", "256", "--iova-mode=va", "-l", "0", "--log-level=error"};
	char *eal[RTE_DIM(words)];
	bool quick = figures_options(&argc, argv);
	long pairs = argc > 1 ? strtol(argv[1], NULL, 10) : quick ? 1000 : 20000;

	if (argc > 2 || pairs < 1 || pairs > 100000) {
		fprintf(stderr, "usage: bench_sas [--quick] [--json FILE] [PAIRS, up to 100000]\n");
		return 2;
	}
	for (size_t i = 0; i < RTE_DIM(words); i++)
		eal[i] = (char *)(uintptr_t)words[i];
	if (rte_eal_init(RTE_DIM(words), eal) < 0 || digest_init() != 0)
		return 1;
	if (measure((uint32_t)pairs) != 0)
		return 1;
	rcu_worker_offline(rcu, 0);
	rcu_drain(rcu);
	install_sas_destroy(sas);
	sa_store_destroy(store);
	sa_table_destroy(table);
	rcu_destroy(rcu);
	digest_fini();
	return 0;
}
