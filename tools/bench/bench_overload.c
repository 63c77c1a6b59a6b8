/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker that gets more than it can do: what becomes of control messages and of data.
 *
 * usage: bench_overload [--json FILE] [packets]     default: 400,000 at each rate, --quick: 40,000 (figures.h)
 *
 * A model of a device with a receive ring of 1,024 descriptors that loses what comes when it is full. Its clock is
 * what the worker's turns took, so that the wire goes on while the worker works and stands still while the next
 * packets are made: the rates are exact on a busy machine too. Plain L2TP, 64-byte packets of 1,000 sessions at
 * random; of 97 packets one is a HELLO, of 101 one an LCP echo. First the rate that the worker can do is found, then
 * that is offered in multiples: with nothing dropped early, with a device that tells how full its ring is, and with one
 * that does not. Then, at twice the rate, floods of what may be control.
 */
#define RIG_FUZZ
#include "path_rig.h"

#include "figures.h"
#include "overload.h"

#include <rte_cycles.h>

#include <stdio.h>

#define SESSIONS    1000
#define DESCRIPTORS 1024
#define HELLO_PER   97
#define ECHO_PER    101

enum kind { DATA, HELLO, ECHO, FLOOD_LCP, FLOOD_SCCRQ, FLOOD_ARP, KINDS };

struct count {
	uint64_t sent[KINDS], missed[KINDS], got[KINDS];
};

static struct rig rig;
static struct worker *w;
static struct frame frames[KINDS];
static uint32_t flooder; /* index of the session that floods */
static uint64_t seed = 88172645463325252ull;

static uint32_t drawn(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 33) * below >> 31);
}

static int descriptor_status(void *queue, uint16_t offset)
{
	return rte_ring_count(rig.rx[RIG_ACCESS]) > offset ? RTE_ETH_RX_DESC_DONE
							   : RTE_ETH_RX_DESC_AVAIL;
}

static void frames_make(void)
{
	static struct frame inner;
	uint8_t hello[20] = {0xc8, 0x02, 0, 20, 0, RIG_TUNNEL, [12] = 0x80, 8, [19] = 6};

	inner_udp4(&inner, rig_subscriber(1), RIG_SERVER, 64);
	frame_data(&rig, &frames[DATA], RIG_TUNNEL, 1, 0x21, inner.data, inner.n);
	frame_data(&rig, &frames[ECHO], RIG_TUNNEL, 1, 0xc021, "\x09\x01\0\x08\0\0\0\0", 8);
	frame_lac(&rig, &frames[HELLO], hello, sizeof(hello));
	/* one subscriber's, and strangers' */
	frame_data(&rig, &frames[FLOOD_LCP], RIG_TUNNEL, SESSIONS + 1, 0xc021,
		"\x09\x01\0\x08\0\0\0\0", 8);
	hello[5] = 0;
	frame_lac(&rig, &frames[FLOOD_SCCRQ], hello, sizeof(hello));
	frame_eth(&frames[FLOOD_ARP], rig.mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_ARP);
	frame_add(&frames[FLOOD_ARP], NULL, 46);
}

static void offer(struct count *count, uint64_t number, enum kind flood)
{
	enum kind kind = number % HELLO_PER == 0 ? HELLO : number % ECHO_PER == 0 ? ECHO : flood;
	uint16_t session = (uint16_t)(1 + drawn(SESSIONS));
	const struct frame *f = &frames[kind];
	struct rte_mbuf *m;
	uint8_t *p;

	count->sent[kind]++;
	if (rte_ring_count(rig.rx[RIG_ACCESS]) >= DESCRIPTORS) {
		count->missed[kind]++;
		return;
	}
	m = rte_pktmbuf_alloc(dataplane_mempool(rig.dp));
	RIG_MUST(m != NULL);
	p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)f->n);
	memcpy(p, f->data, f->n);
	if (kind == DATA || kind == ECHO)
		store_be16(p + 14 + 28 + 4, session);
	if (kind == DATA) {
		uint8_t *ip = p + 14 + 28 + 10;
		uint32_t source = rig_subscriber(session);

		memcpy(ip + 12, &source, 4);
		ip4_header_set_checksum(ip, 20);
	}
	RIG_MUST(rte_ring_enqueue(rig.rx[RIG_ACCESS], m) == 0);
}

static void take(struct count *count)
{
	struct rte_mbuf *pkts[64];
	unsigned int n;

	for (unsigned int ring = 0; ring < PUNT_RINGS; ring++)
		while ((n = dataplane_punt_poll(rig.dp, (enum punt_ring)ring, pkts, 64)) > 0) {
			for (unsigned int i = 0; i < n; i++) {
				const struct meta *meta = meta_of(pkts[i]);

				if (meta->kind == PUNT_L2TP_KNOWN)
					count->got[HELLO]++;
				else if (meta->kind == PUNT_PPP && meta->session != flooder)
					count->got[ECHO]++;
			}
			rte_pktmbuf_free_bulk(pkts, n);
		}
	while ((n = rte_ring_dequeue_burst(rig.tx[RIG_CORE0], (void **)pkts, 64, NULL)) > 0) {
		count->got[DATA] += n;
		rte_pktmbuf_free_bulk(pkts, n);
	}
}

static uint64_t turn(void)
{
	uint64_t start = rte_rdtsc_precise();

	worker_turn(w);
	return rte_rdtsc_precise() - start;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Cycles of a packet in full bursts: the median. */
static double capacity(void)
{
	enum { TURNS = 4000 };
	static uint64_t cycles[TURNS];
	struct count count = {0};
	uint64_t number = 0;

	w->rx[0].signal = OVERLOAD_UNSEEN;
	for (unsigned int i = 0; i < TURNS; i++) {
		for (unsigned int k = 0; k < BURST; k++)
			offer(&count, number++, DATA);
		cycles[i] = turn();
		take(&count);
	}
	qsort(cycles, TURNS, sizeof(cycles[0]), by_size);
	return (double)cycles[TURNS / 2] / BURST;
}

static const char *const signals[] = {"none", "backlog", "bursts"};
static const char *const floods[KINDS] = {
	[DATA] = "data", [FLOOD_LCP] = "LCP", [FLOOD_SCCRQ] = "SCCRQ", [FLOOD_ARP] = "ARP"};

static void figure_percent(double times, enum overload_signal signal, enum kind flood,
	const char *what, uint64_t part, double of)
{
	double percent = 100.0 * (double)part / of;

	figures_write(
		&(struct figure_line){
			.unit = "percent", .median = percent, .low = percent, .high = percent},
		"overload: %s, load %.1f, signal %s, %s", floods[flood], times, signals[signal],
		what);
}

static uint64_t early_of(void)
{
	const uint64_t *drops = w->stats.drops;

	return drops[DROP_OVERLOAD] + drops[DROP_OVERLOAD_L2TP] + drops[DROP_OVERLOAD_PPP] +
		drops[DROP_OVERLOAD_ESP] + drops[DROP_OVERLOAD_LINK] +
		drops[DROP_OVERLOAD_STRANGER];
}

static void run(
	double packet, double times, enum overload_signal signal, enum kind flood, uint64_t packets)
{
	struct count count = {0};
	uint64_t number = 0, early = early_of(), missed = 0;
	double clock = 0;

	overload_watch(&w->rx[0], signal, DESCRIPTORS);
	overload_budget_init(&w->overload, rte_get_tsc_hz());
	while (number < packets) {
		uint64_t due = (uint64_t)(clock / packet * times) + 1, cycles;

		while (number < due && number < packets)
			offer(&count, number++, flood);
		cycles = turn();
		/* longer than a whole ring takes: the machine gave the CPU to somebody else */
		clock += (double)cycles > DESCRIPTORS * packet ? BURST * packet : (double)cycles;
		take(&count);
	}
	for (unsigned int i = 0; i < 100; i++) {
		turn();
		take(&count);
	}
	figure_percent(times, signal, flood, "HELLO answered", count.got[HELLO],
		(double)count.sent[HELLO]);
	figure_percent(
		times, signal, flood, "echo answered", count.got[ECHO], (double)count.sent[ECHO]);
	if (flood == DATA)
		figure_percent(times, signal, flood, "data, of the worker's rate", count.got[DATA],
			(double)packets / times);
	figure_percent(times, signal, flood, "dropped early", early_of() - early, (double)packets);
	for (unsigned int i = 0; i < KINDS; i++)
		missed += count.missed[i];
	printf("%6s %5.2f %8s %9.1f %9.1f %10.1f %12.1f %12.1f\n", floods[flood], times,
		signals[signal], 100.0 * (double)count.got[HELLO] / (double)count.sent[HELLO],
		100.0 * (double)count.got[ECHO] / (double)count.sent[ECHO],
		100.0 * (double)count.got[DATA] / (double)packets * times,
		100.0 * (double)(early_of() - early) / (double)packets,
		100.0 * (double)missed / (double)packets);
}

int main(int argc, char **argv)
{
	static const double times[] = {0.9, 1.2, 1.5, 2.0, 3.0};
	bool quick = figures_options(&argc, argv);
	uint64_t packets = argc > 1 ? strtoull(argv[1], NULL, 10) : quick ? 40000 : 400000;
	struct dataplane_settings settings;
	double packet;

	rig_eal_init("0@0,1@0");
	settings = rig_settings(1);
	settings.rx_descriptors = DESCRIPTORS;
	rig_create(&rig, &settings);
	rig_tunnel(&rig);
	for (uint16_t i = 0; i < SESSIONS; i++)
		rig_session(&rig, RIG_TUNNEL, 1 + i, 0, 1400, RIG_FLAGS);
	flooder = rig_session(&rig, RIG_TUNNEL, SESSIONS + 1, 0, 1400, RIG_FLAGS);
	w = rig.dp->workers[0];
	frames_make();
	rte_eth_fp_ops[rig.dp->ports[RIG_ACCESS].ethdev].rx_descriptor_status = descriptor_status;
	packet = capacity();
	printf("a packet takes %.0f cycles\n\n", packet);
	printf("%6s %5s %8s %9s %9s %10s %12s %12s\n", "flood", "load", "signal", "HELLO %",
		"echo %", "data %", "early %", "by device %");
	for (unsigned int i = 0; i < RTE_DIM(times); i++)
		for (unsigned int signal = OVERLOAD_UNSEEN; signal <= OVERLOAD_BURSTS; signal++)
			run(packet, times[i], (enum overload_signal)signal, DATA, packets);
	for (unsigned int flood = FLOOD_LCP; flood < KINDS; flood++)
		for (unsigned int signal = OVERLOAD_UNSEEN; signal <= OVERLOAD_BURSTS; signal++)
			run(packet, 2, (enum overload_signal)signal, (enum kind)flood, packets);
	puts("\nload: of what the worker can do; data: forwarded, of what the worker can do; "
	     "early, by device:\n"
	     "dropped by the worker as `overload` and its like, lost by the device; of all packets "
	     "offered");
	return 0;
}
