/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles per packet of uplink and downlink, in one thread: plain, by stage, and inside ESP.
 *
 * usage: bench_path [sessions [payload]]       default: 1,000 and 100,000 sessions, 64 bytes
 *        bench_path ipv6 [sessions [payload]]  the same with IPv6 inside, a /56 for each session
 *        bench_path esp [sessions [payload]]   default: 1,000 sessions, 64 and 1,400 bytes
 *        --quick: fewer bursts; --json FILE: figures.h
 *
 * Bursts of 64 packets of sessions drawn at random are written into buffers fresh from the pool and run
 * through a worker's stages into a null device. Writing them (and giving the buffers back) is measured
 * alone and subtracted from the whole, which is measured with the fast lane, as a worker runs, and without; the stages
 * are measured each by itself in a second pass. Cycles are the core's, Mpps what a core at the TSC's rate would make of
 * them; cycles of the TSC stand beside them, which is what this core took.
 *
 * ESP is AES-128-GCM in transport mode, with all sessions in one tunnel (one SA each way) and in 64 tunnels, each
 * with its own SAs, so that a burst has packets of many. The LAC encrypts with new numbers each time, outside of
 * what is measured. Beside it stands the burst function of crypto/ alone with the same packets, in bursts of one SA.
 */
#include "classify.h"
#include "esp_input.h"
#include "figures.h"
#include "forward.h"
#include "ip_input.h"
#include "l2tp_input.h"
#include "path_setup.h"
#include "ppp_input.h"

#include <rte_eal.h>
#include <rte_ethdev.h>

#include <stdio.h>
#include <stdlib.h>

#define BURSTS     40000
#define ESP_BURSTS 8000
#define STAGES     6
#define ROUNDS     7
#define ESP_ROUNDS 5
#define TUNNELS    16

static struct esp_engine *lac_engine;
static uint32_t n_bursts = BURSTS, n_esp_bursts = ESP_BURSTS;
static unsigned int n_rounds = ROUNDS, n_esp_rounds = ESP_ROUNDS;

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Medians of bursts: what else runs on the machine falls out. */
static uint32_t samples[STAGES][BURSTS];

static double median_of(uint32_t *list, uint32_t n)
{
	qsort(list, n, sizeof(list[0]), compare);
	return (double)list[n / 2] / BURST;
}

static double median(uint32_t *list)
{
	return median_of(list, n_bursts);
}

/*
 * TSC ticks per cycle of the core as it is now: its clock is not the TSC's, and on a shared machine a
 * neighbour takes part of it. Ten thousand additions, each waiting for the one before.
 */
static double ticks_per_cycle(void)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < n_bursts; i++) {
		uint64_t start = rte_rdtsc();

		for (unsigned int j = 0; j < 640; j++)
			asm volatile("add $1, %0" : "+r"(value));
		samples[0][i] = (uint32_t)(rte_rdtsc() - start);
	}
	return median(samples[0]) * BURST / 640;
}

static double measure(unsigned int down, bool process)
{
	struct rte_mbuf *pkts[BURST];

	for (unsigned int i = 0; i < n_bursts; i++) {
		uint64_t start = rte_rdtsc();

		burst_make(pkts, down);
		if (process) {
			w->now = rte_rdtsc();
			w->turn++;
			worker_receive(w, ethdevs[down], pkts, BURST);
			worker_flush(w);
		} else {
			rte_pktmbuf_free_bulk(pkts, BURST);
		}
		samples[0][i] = (uint32_t)(rte_rdtsc() - start);
	}
	return median(samples[0]);
}

static void stages_run(struct figure tsc[STAGES])
{
	struct rte_mbuf *pkts[BURST];

	for (unsigned int i = 0; i < n_bursts; i++) {
		uint64_t t[STAGES + 1];
		uint16_t n = BURST;

		burst_make(pkts, 0);
		w->turn++;
		w->rx_port = &dp->ports[dp->port_of_ethdev[ethdevs[0]]];
		t[0] = rte_rdtsc();
		n = classify(w, pkts, n);
		t[1] = rte_rdtsc();
		n = l2tp_input(w, pkts, n);
		t[2] = rte_rdtsc();
		n = ppp_input(w, pkts, n);
		t[3] = rte_rdtsc();
		n = ip_input_uplink(w, pkts, n);
		t[4] = rte_rdtsc();
		forward(w, pkts, n);
		t[5] = rte_rdtsc();
		worker_flush(w);
		t[6] = rte_rdtsc();
		for (unsigned int j = 0; j < STAGES; j++)
			samples[j][i] = (uint32_t)(t[j + 1] - t[j]);
	}
	for (unsigned int j = 0; j < STAGES; j++)
		figure_add(&tsc[j], median(samples[j]));
}

static struct figure_line line_of(struct figure *tsc, double ticks)
{
	return (struct figure_line){.median = figure_median(tsc),
		.low = figure_low(tsc),
		.high = figure_high(tsc),
		.core_cycles = figure_median(tsc) / ticks};
}

static void measure_stages(uint32_t sessions, uint32_t size)
{
	static const char *const names[STAGES] = {"classify", "l2tp_input", "ppp_input", "ip_input",
		"forward and output", "transmit"};
	struct figure tsc[STAGES] = {0};
	double ticks;

	for (unsigned int round = 0; round < n_rounds; round++)
		stages_run(tsc);
	ticks = ticks_per_cycle();
	printf("    uplink by stage:");
	for (unsigned int j = 0; j < STAGES; j++) {
		struct figure_line line = line_of(&tsc[j], ticks);

		printf(" %s %.1f%s", names[j], line.core_cycles, j < STAGES - 1 ? "," : "\n");
		figures_write(&line, "stage %s, up, %s, %u sessions, %u bytes", names[j],
			six ? "IPv6" : "IPv4", sessions, size);
	}
}

static void drops_print(void)
{
	for (unsigned int reason = 0; reason < DROP_MAX; reason++)
		if (w->stats.drops[reason] != 0)
			printf("dropped: %s %lu\n", drop_name((enum drop_reason)reason),
				w->stats.drops[reason]);
}

static void figures_of(unsigned int down, uint32_t sessions, uint32_t size, struct figure *cycles,
	struct figure *tsc, struct figure *stages)
{
	const char *way = down ? "down" : "up", *inner = six ? "IPv6" : "IPv4";
	double core = figure_median(cycles), ticks = figure_median(tsc) / core;
	struct figure_line whole = line_of(tsc, ticks), alone = line_of(stages, ticks);

	printf("%-8s %s, %u sessions, %u bytes: %.1f cycles per packet (%.1f to %.1f), %.1f "
	       "Mpps; %.1f of the TSC; by the stages alone %.1f\n",
		down ? "downlink" : "uplink", inner, sessions, size, core, figure_low(cycles),
		figure_high(cycles), (double)rte_get_tsc_hz() / 1e6 / core, whole.median,
		alone.core_cycles);
	figures_write(&whole, "path %s, %s, %u sessions, %u bytes", way, inner, sessions, size);
	figures_write(&alone, "path %s, %s, %u sessions, %u bytes, stages alone", way, inner,
		sessions, size);
}

static void bench(uint32_t sessions, uint32_t size)
{
	struct figure cycles[2] = {0}, tsc[2] = {0}, stages[2] = {0};

	path_open(sessions, TUNNELS, false, 0);
	frames_make(size);
	for (unsigned int round = 0; round < n_rounds; round++)
		for (unsigned int down = 0; down < 2; down++) {
			double making = measure(down, false), whole = measure(down, true);

			figure_add(&tsc[down], whole - making);
			figure_add(&cycles[down], (whole - making) / ticks_per_cycle());
			w->lanes = false;
			figure_add(&stages[down], measure(down, true) - making);
			w->lanes = true;
		}
	for (unsigned int down = 0; down < 2; down++)
		figures_of(down, sessions, size, &cycles[down], &tsc[down], &stages[down]);
	measure_stages(sessions, size);
	drops_print();
	dataplane_destroy(dp);
}

/* The LAC's part: frames of burst_make become ESP. */
static void burst_protect(struct rte_mbuf **pkts)
{
	for (unsigned int i = 0; i < BURST; i++) {
		uint8_t *p = rte_pktmbuf_mtod(pkts[i], uint8_t *);
		struct esp_peer *peer = &peers[load_be16(p + 44) - 1];
		struct esp_result result;

		packet_adj(pkts[i], 14);
		check(esp_outbound_burst(lac_engine, peer->sends, &pkts[i], 1, &result) == 1,
			"encryption");
		memcpy(packet_prepend(pkts[i], 14), frames[0], 14);
	}
}

enum esp_measure { ESP_WHOLE, ESP_FORGED, ESP_STAGE, ESP_BARE };

/* Of one burst in the given way: TSC ticks. */
static uint64_t esp_run(struct rte_mbuf **pkts, unsigned int down, enum esp_measure what)
{
	struct esp_result results[BURST];
	uint64_t start, end;
	uint16_t n = BURST;

	w->now = rte_rdtsc();
	w->turn++;
	if (what == ESP_FORGED) /* one in each burst */
		*rte_pktmbuf_mtod_offset(pkts[17], uint8_t *, pkts[17]->data_len - 1) ^= 1;
	if (what <= ESP_FORGED) {
		start = rte_rdtsc();
		worker_receive(w, ethdevs[down], pkts, BURST);
		worker_flush(w);
		return rte_rdtsc() - start;
	}
	if (what == ESP_STAGE) {
		w->rx_port = &dp->ports[dp->port_of_ethdev[ethdevs[down]]];
		n = classify(w, pkts, n);
		start = rte_rdtsc();
		n = esp_input(w, pkts, n);
		end = rte_rdtsc();
	} else {
		for (unsigned int i = 0; i < BURST; i++)
			packet_adj(pkts[i], 14);
		start = rte_rdtsc();
		n = down ? esp_outbound_burst(w->esp, peers[0].out, pkts, n, results)
			 : esp_inbound_burst(w->esp, peers[0].in, pkts, n, results);
		end = rte_rdtsc();
	}
	check(n == BURST, "a packet was refused");
	rte_pktmbuf_free_bulk(pkts, BURST);
	return end - start;
}

static double esp_measure(unsigned int down, enum esp_measure what)
{
	struct rte_mbuf *pkts[BURST];

	for (unsigned int i = 0; i < n_esp_bursts; i++) {
		/* alone, the encryption has the size of what l2tp_output makes; it needs no more of it */
		burst_make(pkts, what == ESP_BARE ? 0 : down);
		if (!down)
			burst_protect(pkts);
		samples[0][i] = (uint32_t)esp_run(pkts, down, what);
	}
	return median_of(samples[0], n_esp_bursts);
}

/* The median in core cycles; it is written as `what` of the case `of`. */
static double esp_cycles(
	unsigned int down, enum esp_measure measured, const char *what, const char *of)
{
	struct figure cycles = {0}, tsc = {0};
	struct figure_line line;
	double core;

	for (unsigned int i = 0; i < n_esp_rounds; i++) {
		double ticks = esp_measure(down, measured);

		figure_add(&tsc, ticks);
		figure_add(&cycles, ticks / ticks_per_cycle());
	}
	core = figure_median(&cycles);
	line = line_of(&tsc, figure_median(&tsc) / core);
	figures_write(&line, "%s, %s", what, of);
	return core;
}

static void bench_esp(uint32_t sessions, uint32_t size, uint32_t tunnels, uint32_t window)
{
	double mpps = (double)rte_get_tsc_hz() / 1e6, up, down;
	char of[128];

	path_open(sessions, tunnels, true, window);
	frames_make(size);
	snprintf(of, sizeof(of),
		"ESP aes-128-gcm, %u sessions, %u bytes, %u SA%s each way, window %u", sessions,
		size, tunnels, tunnels == 1 ? "" : "s", window);
	printf("%s, %s\n", of, esp_engine_name(w->esp));
	up = esp_cycles(0, ESP_WHOLE, "path up", of);
	printf("    uplink   %.1f cycles per packet, %.2f Mpps; esp_input %.1f", up, mpps / up,
		esp_cycles(0, ESP_STAGE, "stage esp_input, up", of));
	if (tunnels == 1)
		printf(", esp_inbound_burst alone %.1f",
			esp_cycles(0, ESP_BARE, "esp_inbound_burst alone", of));
	printf("; with one forged packet in every burst %.1f",
		esp_cycles(0, ESP_FORGED, "path up, one packet of a burst forged", of));
	down = esp_cycles(1, ESP_WHOLE, "path down", of);
	printf("\n    downlink %.1f cycles per packet, %.2f Mpps", down, mpps / down);
	if (tunnels == 1)
		printf("; esp_outbound_burst alone %.1f",
			esp_cycles(1, ESP_BARE, "esp_outbound_burst alone", of));
	printf("\n");
	drops_print();
	dataplane_destroy(dp);
	for (uint32_t i = 0; i < tunnels; i++) {
		sa_destroy(store, peers[i].in);
		sa_destroy(store, peers[i].out);
		sa_destroy(store, peers[i].sends);
	}
}

static void bench_esp_all(uint32_t sessions, uint32_t size)
{
	store = sa_store_create("auto", SOCKET_ID_ANY);
	lac_engine = esp_engine_create("auto", SOCKET_ID_ANY);
	check(store != NULL && lac_engine != NULL, esp_reason());
	for (uint32_t bytes = size == 0 ? 64 : size; bytes <= 1400; bytes += 1336) {
		bench_esp(sessions, bytes, 1, 0);
		bench_esp(sessions, bytes, 1, REPLAY_WINDOW_DEFAULT);
		bench_esp(sessions, bytes, TUNNELS_MAX, REPLAY_WINDOW_DEFAULT);
		if (size != 0)
			break;
	}
	esp_engine_destroy(lac_engine);
	sa_store_destroy(store);
}

int main(int argc, char **argv)
{
	char *eal[] = {argv[0], (char *)"--no-huge", (char *)"--no-pci", (char *)"--no-telemetry",
		(char *)"--no-shconf", (char *)"-m", (char *)"1024", (char *)"--iova-mode=va",
		(char *)"--log-level=error", (char *)"--lcores=0@0,1@0",
		(char *)"--vdev=net_null0,no-rx=1", (char *)"--vdev=net_null1,no-rx=1", NULL};
	bool quick = figures_options(&argc, argv);
	bool esp = argc > 1 && strcmp(argv[1], "esp") == 0;

	if (quick) {
		n_bursts = BURSTS / 20;
		n_esp_bursts = ESP_BURSTS / 20;
		n_rounds = n_esp_rounds = 3;
	}
	six = argc > 1 && strcmp(argv[1], "ipv6") == 0;
	argc -= esp || six;
	argv += esp || six;

	uint32_t sessions = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 0) : 0;
	uint32_t size = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 0) : 64;

	if (esp && argc <= 2)
		size = 0;
	check(size == 0 || size >= 64, "64 to 1400 bytes");
	check(size <= 1400 && sessions <= 1000000, "64 to 1400 bytes, at most 1000000 sessions");
	check(rte_eal_init(RTE_DIM(eal) - 1, eal) >= 0, "EAL");
	if (esp) {
		bench_esp_all(sessions != 0 ? sessions : 1000, size);
		return 0;
	}
	if (sessions != 0) {
		bench(sessions, size);
		return 0;
	}
	bench(1000, size);
	bench(100000, size);
	return 0;
}
