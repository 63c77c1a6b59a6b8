/* SPDX-License-Identifier: BSD-3-Clause */
/* A dataplane with tunnels and sessions, and bursts of their packets. */
#include "path_setup.h"

#include <rte_ethdev.h>

#include <stdio.h>
#include <stdlib.h>

#define IP(a, b, c, d) RTE_BE32((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

struct dataplane *dp;
struct worker *w;
uint16_t ethdevs[2];
uint8_t frames[2][2048];
bool six;
struct esp_peer peers[TUNNELS_MAX];
struct sa_store *store;

static uint8_t mac[2][6];
static uint32_t n_sessions, n_tunnels, frame_length[2];

void check(bool condition, const char *what)
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

void path_open(uint32_t sessions, uint32_t tunnels, bool esp, uint32_t window)
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

void frames_make(uint32_t size)
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

void burst_make(struct rte_mbuf **pkts, unsigned int down)
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
