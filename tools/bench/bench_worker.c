/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many packets the workers of a configuration pass per second, and what each costs.
 *
 * The workers are lnsd's own, started as lnsd starts them, on the devices of an lnsd configuration: captures that
 * net_pcap replays, or a NIC. Tables are filled by worker_setup.h instead of by LACs. The control core sleeps while
 * the workers are measured. Writes JSON: for each window the packets that the devices sent, how long it lasted, and
 * how much CPU time each worker had of that (on a machine that does nothing else: all).
 */
#include "worker_generator.h"
#include "worker_setup.h"

#include <eal.h>

#include <crypto/digest.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#include <jansson.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define WARM_MS           300
#define BATCHES_MIN       16
#define BATCHES_MAX       16384
#define BATCH_SECONDS_MAX 5

struct bench {
	struct worker_plan plan;
	struct worker_setup setup;
	struct config *config;
	struct worker_generator *generator; /* NULL: the devices bring the packets */
	const char *generate;               /* the capture that it sends */
	unsigned int windows, window_ms;
	clockid_t clocks[CONFIG_WORKERS_MAX]; /* CPU time of each worker */
};

static int usage(FILE *out, int status)
{
	fputs("usage: bench_worker -c FILE --lac ADDRESS[,ADDRESS]... [OPTION]...\n"
	      "  -c FILE         lnsd's configuration: cores, devices, interfaces with static\n"
	      "                  neighbours, security associations\n"
	      "  --lac A[,A]     LACs; tunnels are spread over them\n"
	      "  --tunnels N     (16)\n"
	      "  --sessions N    (1000) their ids and addresses: docs/lnsload.md, captures\n"
	      "  --ipv6          a delegated IPv6 prefix for each session, besides its IPv4 "
	      "address\n"
	      "  --police        a rate limit for each session, far above what comes\n"
	      "  --parts N       the access device's queues bring one of N parts of the sessions "
	      "each,\n"
	      "                  as lnsload --pcap-part writes them and RSS on the session id "
	      "spreads\n"
	      "  --generate FILE the control core encrypts this capture (plain L2TP) with new "
	      "numbers\n"
	      "                  and sends it: a ring is the access interface's device\n"
	      "  --windows N     measurements (1)\n"
	      "  --ms N          length of each in milliseconds (1000)\n",
		out);
	return status;
}

static int number(const char *name, const char *text, uint32_t low, uint32_t high, uint32_t *out)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value < low || value > high) {
		fprintf(stderr, "bench_worker: --%s %s: expected a number from %u to %u\n", name,
			text, low, high);
		return -1;
	}
	*out = (uint32_t)value;
	return 0;
}

static int lacs_parse(struct worker_plan *plan, char *list)
{
	char *save;

	for (char *one = strtok_r(list, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
		struct ip_addr *lac = &plan->lacs[plan->n_lacs];

		if (plan->n_lacs == RTE_DIM(plan->lacs)) {
			fprintf(stderr, "bench_worker: --lac: more than %zu addresses\n",
				RTE_DIM(plan->lacs));
			return -1;
		}
		if (inet_pton(AF_INET, one, lac->bytes) == 1) {
			lac->family = 4;
		} else if (inet_pton(AF_INET6, one, lac->bytes) == 1) {
			lac->family = 6;
		} else {
			fprintf(stderr, "bench_worker: --lac %s: expected an IP address\n", one);
			return -1;
		}
		plan->n_lacs++;
	}
	return 0;
}

/* -1: go on; else the exit status. */
static int options_parse(struct bench *bench, int argc, char **argv, const char **path)
{
	static const struct option table[] = {
		{"config", required_argument, NULL, 'c'},
		{"lac", required_argument, NULL, 'l'},
		{"tunnels", required_argument, NULL, 't'},
		{"sessions", required_argument, NULL, 's'},
		{"ipv6", no_argument, NULL, '6'},
		{"police", no_argument, NULL, 'p'},
		{"parts", required_argument, NULL, 'P'},
		{"generate", required_argument, NULL, 'g'},
		{"windows", required_argument, NULL, 'w'},
		{"ms", required_argument, NULL, 'm'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct worker_plan *plan = &bench->plan;
	int option, rc = 0;

	while (!rc && (option = getopt_long(argc, argv, "c:h", table, NULL)) >= 0) {
		switch (option) {
		case 'c':
			*path = optarg;
			break;
		case 'l':
			rc = lacs_parse(plan, optarg);
			break;
		case 't':
			rc = number("tunnels", optarg, 1, 65535, &plan->tunnels);
			break;
		case 's':
			rc = number("sessions", optarg, 1, 1 << 20, &plan->sessions);
			break;
		case '6':
			plan->ipv6 = true;
			break;
		case 'p':
			plan->police = true;
			break;
		case 'P':
			rc = number("parts", optarg, 1, 64, &plan->parts);
			break;
		case 'g':
			bench->generate = optarg;
			break;
		case 'w':
			rc = number("windows", optarg, 1, 1000, &bench->windows);
			break;
		case 'm':
			rc = number("ms", optarg, 10, 3600000, &bench->window_ms);
			break;
		case 'h':
			return usage(stdout, EXIT_SUCCESS);
		default:
			rc = -1;
		}
	}
	if (rc || optind < argc || !*path || !plan->n_lacs)
		return usage(stderr, 2);
	if (plan->sessions > (uint64_t)plan->tunnels * 65535) {
		fprintf(stderr, "bench_worker: a tunnel has at most 65535 sessions\n");
		return 2;
	}
	return -1;
}

/* ---- measuring ---- */

static void sleep_ms(unsigned int ms)
{
	const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	nanosleep(&pause, NULL);
}

static double seconds_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The CPU clock of a thread of ours, as pthread_getcpuclockid() makes it; DPDK does not show its pthread_t. */
static clockid_t clock_of_thread(pid_t thread)
{
	return (clockid_t)(~(unsigned int)thread << 3 | 6u);
}

/* Worker i runs on lcore i + 1, whose thread DPDK calls rte-worker-N. */
static int clocks_find(struct bench *bench)
{
	unsigned int found = 0, lcore;
	DIR *threads = opendir("/proc/self/task");
	char path[64], name[32];

	for (struct dirent *one; threads && (one = readdir(threads));) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%.20s/comm", one->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fgets(name, sizeof(name), f) && sscanf(name, "rte-worker-%u", &lcore) == 1 &&
			lcore >= 1 && lcore <= bench->config->dpdk.n_workers) {
			bench->clocks[lcore - 1] = clock_of_thread(atoi(one->d_name));
			found++;
		}
		fclose(f);
	}
	if (threads)
		closedir(threads);
	if (found == bench->config->dpdk.n_workers)
		return 0;
	fprintf(stderr, "bench_worker: %u threads of workers found, expected %u\n", found,
		bench->config->dpdk.n_workers);
	return -1;
}

struct sample {
	double wall, cpu[CONFIG_WORKERS_MAX];
	uint64_t packets; /* sent by all devices */
};

static void sample_take(const struct bench *bench, struct sample *sample)
{
	uint16_t ethdev;

	sample->packets = 0;
	sample->wall = seconds_of(CLOCK_MONOTONIC);
	for (unsigned int i = 0; i < bench->config->dpdk.n_workers; i++)
		sample->cpu[i] = seconds_of(bench->clocks[i]);
	RTE_ETH_FOREACH_DEV (ethdev) {
		struct rte_eth_stats stats = {0};

		rte_eth_stats_get(ethdev, &stats);
		sample->packets += stats.opackets;
	}
}

static json_t *window_json(
	const struct bench *bench, uint64_t packets, double wall, const double *cpu)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < bench->config->dpdk.n_workers; i++)
		json_array_append_new(list, json_real(cpu[i]));
	return json_pack(
		"{s:I, s:f, s:o}", "packets", (json_int_t)packets, "seconds", wall, "cpu", list);
}

/* Goes on, ten times as long at most, until every worker had half of the time: there are other processes. */
static json_t *window_measure(const struct bench *bench)
{
	struct sample before, after;
	double cpu[CONFIG_WORKERS_MAX];
	unsigned int short_of_time = 1;

	sample_take(bench, &before);
	for (unsigned int tries = 0; tries < 10 && short_of_time; tries++) {
		sleep_ms(bench->window_ms);
		sample_take(bench, &after);
		short_of_time = 0;
		for (unsigned int i = 0; i < bench->config->dpdk.n_workers; i++) {
			cpu[i] = after.cpu[i] - before.cpu[i];
			short_of_time += cpu[i] < bench->window_ms / 2000.0;
		}
	}
	return window_json(bench, after.packets - before.packets, after.wall - before.wall, cpu);
}

static int double_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Batches of the generator, each from its release to its last packet: the median of all within the time. */
static json_t *batches_measure(const struct bench *bench)
{
	static double cpu[BATCHES_MAX], wall[BATCHES_MAX];
	double end = seconds_of(CLOCK_MONOTONIC) + bench->window_ms / 1000.0;
	unsigned int n = 0;

	while (n < BATCHES_MAX && (n < BATCHES_MIN || seconds_of(CLOCK_MONOTONIC) < end)) {
		struct sample before, after;

		if (worker_generator_stage(bench->generator)) {
			fprintf(stderr, "bench_worker: no buffers for a batch\n");
			return NULL;
		}
		sample_take(bench, &before);
		worker_generator_release(bench->generator);
		do {
			sample_take(bench, &after);
			if (after.wall - before.wall < BATCH_SECONDS_MAX)
				continue;
			fprintf(stderr, "bench_worker: of a batch of %u packets %lu came out\n",
				WORKER_GENERATOR_BATCH, after.packets - before.packets);
			return NULL;
		} while (after.packets - before.packets < WORKER_GENERATOR_BATCH);
		cpu[n] = after.cpu[0] - before.cpu[0];
		wall[n++] = after.wall - before.wall;
	}
	qsort(cpu, n, sizeof(cpu[0]), double_order);
	qsort(wall, n, sizeof(wall[0]), double_order);
	return window_json(bench, WORKER_GENERATOR_BATCH, wall[n / 2], &cpu[n / 2]);
}

/* What a worker has counted since its start, by its own answer. */
static const struct worker_stats *stats_of(struct bench *bench, unsigned int worker)
{
	const struct message question = {.type = MESSAGE_WORKER_STATS, .cookie = worker + 1};
	struct message_reply reply;

	while (dataplane_message(bench->setup.dp, worker, &question) == -ENOBUFS)
		sleep_ms(1);
	for (unsigned int tries = 0; tries < 5000; tries++) {
		while (dataplane_replies(bench->setup.dp, &reply, 1) == 1)
			if (reply.type == MESSAGE_WORKER_STATS && reply.cookie == worker + 1)
				return dataplane_worker_stats(bench->setup.dp, worker);
		sleep_ms(1);
	}
	return NULL;
}

static void count(json_t *object, const char *name, uint64_t value)
{
	if (value)
		json_object_set_new(object, name,
			json_integer(json_integer_value(json_object_get(object, name)) +
				(json_int_t)value));
}

static int counters_add(struct bench *bench, json_t *report)
{
	json_t *drops = json_object(), *counters = json_object();
	uint16_t ethdev;

	for (unsigned int i = 0; i < bench->config->dpdk.n_workers; i++) {
		const struct worker_stats *stats = stats_of(bench, i);

		if (!stats) {
			fprintf(stderr, "bench_worker: worker %u does not answer\n", i);
			return -1;
		}
		for (unsigned int reason = 0; reason < DROP_MAX; reason++)
			count(drops, drop_name((enum drop_reason)reason), stats->drops[reason]);
		for (unsigned int kind = 0; kind < PUNT_KINDS; kind++)
			count(counters, "punts", stats->punts[kind]);
		for (unsigned int point = 0; point < HANDOFF_POINTS; point++)
			count(counters, "handoffs", stats->handoff_out[point]);
		for (unsigned int iface = 0; iface < bench->config->n_interfaces; iface++) {
			count(counters, "rx_packets", stats->iface[iface].rx_packets);
			count(counters, "tx_packets", stats->iface[iface].tx_packets);
			count(counters, "tx_bytes", stats->iface[iface].tx_bytes);
		}
		count(counters, "uplink_packets", stats->uplink_packets);
		count(counters, "downlink_packets", stats->downlink_packets);
		count(counters, "loops", stats->loops);
		count(counters, "loops_busy", stats->loops_busy);
	}
	RTE_ETH_FOREACH_DEV (ethdev) {
		struct rte_eth_stats stats = {0};

		rte_eth_stats_get(ethdev, &stats);
		count(counters, "rx_nombuf", stats.rx_nombuf);
	}
	json_object_set_new(report, "drops", drops);
	json_object_set_new(report, "counters", counters);
	return 0;
}

static int bench_run(struct bench *bench)
{
	const char *engine = dataplane_esp_engine(bench->setup.dp);
	json_t *windows = json_array();
	json_t *report = json_pack("{s:I, s:s, s:o}", "tsc_hz", (json_int_t)rte_get_tsc_hz(),
		"engine", engine ? engine : "none", "windows", windows);
	int rc;

	rc = dataplane_start(bench->setup.dp);
	if (rc) {
		fprintf(stderr, "bench_worker: workers do not start: %s\n", strerror(-rc));
		return -1;
	}
	if (clocks_find(bench) || worker_setup_police(&bench->setup, &bench->plan))
		return -1;
	sleep_ms(WARM_MS);
	for (unsigned int i = 0; i < bench->windows && !rc; i++) {
		json_t *window = bench->generator ? batches_measure(bench) : window_measure(bench);

		rc = window ? json_array_append_new(windows, window) : -1;
	}
	if (!rc)
		rc = counters_add(bench, report);
	if (!rc && (json_dumpf(report, stdout, JSON_INDENT(1)) != 0 || puts("") < 0))
		rc = -1;
	json_decref(report);
	return rc;
}

int main(int argc, char **argv)
{
	static struct bench bench = {
		.plan = {.tunnels = 16, .sessions = 1000}, .windows = 1, .window_ms = 1000};
	struct config_errors errors = {0};
	const char *path = NULL;
	int rc = options_parse(&bench, argc, argv, &path);

	if (rc >= 0)
		return rc;
	rc = config_load(path, &bench.config, &errors);
	for (unsigned int i = 0; i < errors.n; i++)
		fprintf(stderr, "%s\n", errors.text[i]);
	config_errors_free(&errors);
	if (rc)
		return EXIT_FAILURE;
	bench.plan.config = bench.config;
	if (digest_init()) {
		fprintf(stderr, "bench_worker: libcrypto: %s\n", digest_init_error());
		return EXIT_FAILURE;
	}
	if (eal_start(&bench.config->dpdk))
		return EXIT_FAILURE;
	if (bench.generate && bench.config->dpdk.n_workers != 1) {
		fprintf(stderr, "bench_worker: --generate is for one worker\n");
		rc = -1;
	} else if (bench.generate) {
		bench.generator = worker_generator_open(bench.config, bench.generate);
		rc = bench.generator ? 0 : -1;
		for (unsigned int i = 0; i < bench.config->n_interfaces; i++)
			if (bench.config->interfaces[i].role & CONFIG_ROLE_ACCESS)
				strcpy(bench.config->interfaces[i].device, WORKER_GENERATOR_DEVICE);
	}
	if (!rc)
		rc = worker_setup_open(&bench.setup, &bench.plan);
	if (!rc && bench.generator)
		rc = worker_generator_attach(bench.generator, bench.setup.dp);
	if (!rc)
		rc = bench_run(&bench);
	worker_setup_close(&bench.setup);
	worker_generator_close(bench.generator);
	rte_eal_cleanup();
	config_free(bench.config);
	digest_fini();
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
