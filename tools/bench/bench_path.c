/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles per packet of uplink and downlink, in one thread: plain, by stage, and inside ESP.
 *
 * usage: bench_path [sessions [payload]]       default: 1,000 and 100,000 sessions, 64 bytes
 *        bench_path ipv6 [sessions [payload]]  the same with IPv6 inside, a /56 for each session
 *        bench_path esp [sessions [payload]]   default: 1,000 sessions, 64 and 1,400 bytes
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
#include "forward.h"
#include "ip_input.h"
#include "l2tp_input.h"
#include "ppp_input.h"
#include "worker.h"

#include <rte_eal.h>
#include <rte_ethdev.h>

#include <stdio.h>
#include <stdlib.h>

#define BURSTS         40000
#define ESP_BURSTS     8000
#define STAGES         6
#define ROUNDS         7
#define TUNNELS        16
#define TUNNELS_MAX    64
#define IP(a, b, c, d) RTE_BE32((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static struct dataplane *dp;
static struct worker *w;
static uint8_t mac[2][6];
static uint16_t ethdevs[2];
static uint32_t n_sessions, n_tunnels, frame_length[2];
static uint8_t frames[2][2048]; /* up, down */
static bool six;                /* IPv6 inside */

/* A tunnel's SAs: the LNS's two, and the one that the LAC sends by. */
static struct esp_peer {
	struct sa *in, *out, *sends;
} peers[TUNNELS_MAX];
static struct sa_store *store;
static struct esp_engine *lac_engine;

static void check(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "bench_path: %s\n", what);
	exit(1);
}

static uint32_t subscriber(uint32_t i)
{
	return IP(10, i >> 16 & 0xff, i >> 8 & 0xff, i & 0xff);
}

/* Of a session's /56. */
static void subscriber6(uint8_t *out, uint32_t i)
{
	memcpy(out, (const uint8_t[16]){0x20, 1, 0xd, 0xb8}, 16);
	out[4] = (uint8_t)(i >> 16);
	out[5] = (uint8_t)(i >> 8);
	out[6] = (uint8_t)i;
}

static struct sa *peer_sa(enum sa_direction direction, uint32_t spi, uint32_t window)
{
	const struct sa_params params = {
		.spi = spi,
		.direction = direction,
		.mode = SA_TRANSPORT,
		.cipher = ESP_CIPHER_AES_GCM_16,
		.key = (const uint8_t *)"sixteen bytes and salt",
		.key_len = 20,
		.window = window,
		.next_header = direction == SA_INBOUND ? 17 : 0,
		.sequence_limit = UINT64_MAX,
	};
	struct sa *sa;

	check(sa_create(store, &params, &sa) == 0, "SA");
	return sa;
}

/* The group of a new peer. */
static uint32_t peer_open(struct esp_peer *peer, uint32_t spi, uint32_t window)
{
	int64_t group = sa_group_create(dp->sas, 0), index;
	struct sa_place place = {.family = 4,
		.group = (uint32_t)group,
		.local = {192, 0, 2, 1},
		.peer = {192, 0, 2, 2}};
	uint32_t generation;

	check(group > 0, "group");
	peer->in = peer_sa(SA_INBOUND, spi, window);
	peer->out = peer_sa(SA_OUTBOUND, spi, 0);
	peer->sends = peer_sa(SA_OUTBOUND, spi, 0);
	check(sa_publish(dp->sas, &place, peer->in, &generation) >= 0, "inbound SA");
	index = sa_publish(dp->sas, &place, peer->out, &generation);
	check(index >= 0 && sa_group_set_outbound(dp->sas, place.group, (uint32_t)index) == 0,
		"outbound SA");
	return place.group;
}

/* esp: every tunnel with SAs of its own, and this replay window. */
static void setup(uint32_t sessions, uint32_t tunnels, bool esp, uint32_t window)
{
	static const char *const vrfs[] = {"default"};
	static const struct iface_settings ifaces[] = {
		{.name = "access0", .device = "net_null0", .role = IFACE_ACCESS, .mtu = 1500},
		{.name = "core0", .device = "net_null1", .role = IFACE_CORE, .mtu = 1500},
	};
	const struct dataplane_settings settings = {
		.n_workers = 1,
		.worker_lcores = (const unsigned int[]){1},
		.mbufs = 16383,
		.max_sessions = 1 << 20,
		.max_routes4 = 1024,
		.max_routes6 = six ? 1 << 20 : 1024,
		.max_adjacencies = 16,
		.n_vrfs = 1,
		.vrf_names = vrfs,
		.n_ifaces = 2,
		.ifaces = ifaces,
		.rx_descriptors = 512,
		.tx_descriptors = 512,
		.icmp_rate = 100,
		.reassembly = true,
		.fragment_timeout_ms = 1000,
		.fragment_max = 64,
	};
	struct iface_addr address = {.family = 4, .addr = {192, 0, 2, 1}};
	uint8_t hop[2][16] = {{192, 0, 2, 2}, {198, 51, 100, 2}};
	char error[256];

	dp = dataplane_create(&settings, error, sizeof(error));
	check(dp != NULL, error);
	w = dp->workers[0];
	check(dataplane_iface_addresses(dp, 0, &address, 1) == 0, "addresses");
	for (unsigned int i = 0; i < 2; i++) {
		struct iface_info info;
		uint8_t l2[14] = {2, 0, 0, 0, 0, 1};
		int64_t index = adjacency_get(dp->adjacencies, (uint8_t)i, 0, 4, hop[i]);

		dataplane_iface_info(dp, i, &info);
		memcpy(mac[i], info.mac, 6);
		ethdevs[i] = info.ethdev;
		check(index >= 0 &&
				adjacency_resolve(dp->adjacencies, (uint32_t)index, l2, 14, 1500) ==
					0,
			"adjacency");
		check(fib_set4(dp->fibs[0], i == 0 ? load32(hop[0]) : 0, i == 0 ? 32 : 0,
			      fib_target(FIB_ADJACENCY, (uint32_t)index)) == 0,
			"route");
		if (six && i == 1)
			check(fib_set6(dp->fibs[0], (const uint8_t[16]){0}, 0,
				      fib_target(FIB_ADJACENCY, (uint32_t)index)) == 0,
				"IPv6 route");
	}
	for (uint16_t t = 1; t <= tunnels; t++) {
		struct tunnel_path path = {.family = 4,
			.local = {192, 0, 2, 1},
			.peer = {192, 0, 2, 2},
			.local_port = RTE_BE16(1701),
			.peer_port = RTE_BE16(1701)};

		if (esp)
			path.sa_group = peer_open(&peers[t - 1], 0x1000u + t * 0x01234567u, window);

		check(tunnel_publish(dp->sessions, t, t, 0, 0, &path) == 0, "tunnel");
	}
	for (uint32_t i = 0; i < sessions; i++) {
		struct session_params params = {.tunnel_id = (uint16_t)(1 + i % tunnels),
			.session_id = (uint16_t)(1 + i / tunnels),
			.peer_session_id = 1,
			.mtu = 1492,
			.flags = (six ? SESSION_FORWARD6 : SESSION_FORWARD4) | SESSION_MSS_CLAMP};
		struct session_prefix prefix = {.family = 4, .length = 32};
		uint32_t generation, ip = subscriber(i);
		int64_t index = session_publish(dp->sessions, &params, &generation);

		memcpy(prefix.addr, &ip, 4);
		if (six) {
			prefix = (struct session_prefix){.family = 6, .length = 56};
			subscriber6(prefix.addr, i);
		}
		check(index >= 0 &&
				session_update(dp->sessions, (uint32_t)index, 1492, 1452, 1432,
					params.flags, &prefix, 1) == 0,
			"session");
		check((six ? fib_set6(dp->fibs[0], prefix.addr, 56,
				     fib_target(FIB_SESSION, (uint32_t)index))
			   : fib_set4(dp->fibs[0], ip, 32,
				     fib_target(FIB_SESSION, (uint32_t)index))) == 0,
			"session's route");
		rcu_poll(dp->rcu, 64);
	}
	n_sessions = sessions;
	n_tunnels = tunnels;
}

static uint8_t *put_ip(uint8_t *p, uint32_t from, uint32_t to, uint32_t payload)
{
	memset(p, 0, 20);
	p[0] = 0x45;
	store_be16(p + 2, (uint16_t)(20 + payload));
	p[8] = 64;
	p[9] = 17;
	store32(p + 12, from);
	store32(p + 16, to);
	return p + 20;
}

/* The inner packet; the subscriber's address comes later. */
static void put_inner(uint8_t *p, bool down, uint32_t size)
{
	static const uint8_t far6[16] = {0x20, 1, 0xd, 0xb9, [15] = 5};

	if (!six) {
		put_ip(p, down ? IP(203, 0, 113, 5) : 0, down ? 0 : IP(203, 0, 113, 5), size - 20);
		return;
	}
	p[0] = 0x60;
	store_be16(p + 4, (uint16_t)(size - 40));
	p[6] = 17;
	p[7] = 64;
	memcpy(p + (down ? 8 : 24), far6, 16);
}

/* size: of the inner IP packet */
static void frames_make(uint32_t size)
{
	uint8_t *p = frames[0];

	memset(frames, 0, sizeof(frames));
	memcpy(p, mac[0], 6);
	store_be16(p + 12, 0x0800);
	p = put_ip(p + 14, IP(192, 0, 2, 2), IP(192, 0, 2, 1), 8 + 10 + size);
	ip4_header_set_checksum(p - 20, 20);
	store_be16(p, 1701);
	store_be16(p + 2, 1701);
	store_be16(p + 4, (uint16_t)(8 + 10 + size));
	memcpy(p + 8, (const uint8_t[10]){0, 2, 0, 0, 0, 0, 0xff, 3, 0, 0x21}, 10);
	if (six)
		p[17] = 0x57;
	put_inner(p + 18, false, size);
	frame_length[0] = 14 + 20 + 8 + 10 + size;

	p = frames[1];
	memcpy(p, mac[1], 6);
	store_be16(p + 12, six ? 0x86dd : 0x0800);
	put_inner(p + 14, true, size);
	frame_length[1] = 14 + size;
}

static uint64_t random_state = 88172645463325252ull;
static uint32_t random_session(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 32) * n_sessions >> 32);
}

static void burst_make(struct rte_mbuf **pkts, unsigned int down)
{
	rte_pktmbuf_alloc_bulk(w->pool, pkts, BURST);
	for (unsigned int i = 0; i < BURST; i++) {
		uint32_t session = random_session();
		uint8_t *p = rte_pktmbuf_mtod(pkts[i], uint8_t *), *ip;

		/* the headers, the rest stays: a NIC writes by itself */
		memcpy(p, frames[down], 96);
		pkts[i]->data_len = (uint16_t)frame_length[down];
		pkts[i]->pkt_len = frame_length[down];
		if (down) {
			ip = p + 14;
		} else {
			store_be16(p + 44, (uint16_t)(1 + session % n_tunnels));
			store_be16(p + 46, (uint16_t)(1 + session / n_tunnels));
			ip = p + 52;
		}
		if (six) {
			subscriber6(ip + (down ? 24 : 8), session);
			continue;
		}
		store32(ip + (down ? 16 : 12), subscriber(session));
		store16(ip + 10, 0);
		ip4_header_set_checksum(ip, 20);
	}
}

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
	return median_of(list, BURSTS);
}

/*
 * TSC ticks per cycle of the core as it is now: its clock is not the TSC's, and on a shared machine a
 * neighbour takes part of it. Ten thousand additions, each waiting for the one before.
 */
static double ticks_per_cycle(void)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < BURSTS; i++) {
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

	for (unsigned int i = 0; i < BURSTS; i++) {
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

static void measure_stages(double ticks)
{
	static const char *const names[STAGES] = {"classify", "l2tp_input", "ppp_input", "ip_input",
		"forward and output", "transmit"};
	struct rte_mbuf *pkts[BURST];

	for (unsigned int i = 0; i < BURSTS; i++) {
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
	printf("    uplink by stage:");
	for (unsigned int j = 0; j < STAGES; j++)
		printf(" %s %.1f%s", names[j], median(samples[j]) / ticks,
			j < STAGES - 1 ? "," : "\n");
}

static int compare_rounds(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void drops_print(void)
{
	for (unsigned int reason = 0; reason < DROP_MAX; reason++)
		if (w->stats.drops[reason] != 0)
			printf("dropped: %s %lu\n", drop_name((enum drop_reason)reason),
				w->stats.drops[reason]);
}

static void bench(uint32_t sessions, uint32_t size)
{
	double cycles[2][ROUNDS], tsc[2][ROUNDS], stages[2][ROUNDS];

	setup(sessions, TUNNELS, false, 0);
	frames_make(size);
	for (unsigned int round = 0; round < ROUNDS; round++)
		for (unsigned int down = 0; down < 2; down++) {
			double making = measure(down, false), whole = measure(down, true), slow;
			double ticks = ticks_per_cycle();

			w->lanes = false;
			slow = measure(down, true);
			w->lanes = true;
			tsc[down][round] = whole - making;
			cycles[down][round] = (whole - making) / ticks;
			stages[down][round] = (slow - making) / ticks;
		}
	for (unsigned int down = 0; down < 2; down++) {
		qsort(cycles[down], ROUNDS, sizeof(double), compare_rounds);
		qsort(stages[down], ROUNDS, sizeof(double), compare_rounds);
		qsort(tsc[down], ROUNDS, sizeof(double), compare_rounds);
		printf("%s %s, %u sessions, %u bytes: %.1f cycles per packet (%.1f to %.1f), %.1f "
		       "Mpps; %.1f of the TSC; by the stages alone %.1f\n",
			down ? "downlink" : "uplink  ", six ? "IPv6" : "IPv4", sessions, size,
			cycles[down][ROUNDS / 2], cycles[down][0], cycles[down][ROUNDS - 1],
			(double)rte_get_tsc_hz() / 1e6 / cycles[down][ROUNDS / 2],
			tsc[down][ROUNDS / 2], stages[down][ROUNDS / 2]);
	}
	measure_stages(ticks_per_cycle());
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

	for (unsigned int i = 0; i < ESP_BURSTS; i++) {
		/* alone, the encryption has the size of what l2tp_output makes; it needs no more of it */
		burst_make(pkts, what == ESP_BARE ? 0 : down);
		if (!down)
			burst_protect(pkts);
		samples[0][i] = (uint32_t)esp_run(pkts, down, what);
	}
	return median_of(samples[0], ESP_BURSTS);
}

static double esp_cycles(unsigned int down, enum esp_measure what)
{
	double rounds[5];

	for (unsigned int i = 0; i < RTE_DIM(rounds); i++) {
		double ticks = esp_measure(down, what);

		rounds[i] = ticks / ticks_per_cycle();
	}
	qsort(rounds, RTE_DIM(rounds), sizeof(rounds[0]), compare_rounds);
	return rounds[RTE_DIM(rounds) / 2];
}

static void bench_esp(uint32_t sessions, uint32_t size, uint32_t tunnels, uint32_t window)
{
	double mpps = (double)rte_get_tsc_hz() / 1e6, up, down;

	setup(sessions, tunnels, true, window);
	frames_make(size);
	printf("ESP aes-128-gcm, %u sessions, %u bytes, %u SA%s each way, window %u, %s\n",
		sessions, size, tunnels, tunnels == 1 ? "" : "s", window, esp_engine_name(w->esp));
	up = esp_cycles(0, ESP_WHOLE);
	printf("    uplink   %.1f cycles per packet, %.2f Mpps; esp_input %.1f", up, mpps / up,
		esp_cycles(0, ESP_STAGE));
	if (tunnels == 1)
		printf(", esp_inbound_burst alone %.1f", esp_cycles(0, ESP_BARE));
	printf("; with one forged packet in every burst %.1f", esp_cycles(0, ESP_FORGED));
	down = esp_cycles(1, ESP_WHOLE);
	printf("\n    downlink %.1f cycles per packet, %.2f Mpps", down, mpps / down);
	if (tunnels == 1)
		printf("; esp_outbound_burst alone %.1f", esp_cycles(1, ESP_BARE));
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
	bool esp = argc > 1 && strcmp(argv[1], "esp") == 0;

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
