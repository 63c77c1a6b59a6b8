/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole dataplane between ring devices, for tests that send frames in and look at what comes out.
 *
 * access0 (192.0.2.1, 2001:db8::1) faces a LAC, core0 (198.51.100.1) the internet. Each device has one
 * receive and one transmit queue, so with more than one worker everything but the first's needs handoff.
 * Workers are turned by hand unless a test launches them.
 */
#pragma once

#include "packet.h"
#include "worker.h"

#include <dataplane/dataplane.h>

#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_udp.h>

#ifdef RIG_FUZZ /* the fuzzer's build has no Criterion */
#include <stdlib.h>
#define RIG_MUST(condition)       \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)
#define cr_assert_geq(a, b, ...)   RIG_MUST((a) >= (b))
#define cr_assert_eq(a, b, ...)    RIG_MUST((a) == (b))
#define cr_expect_eq(a, b, ...)    RIG_MUST((a) == (b))
#define cr_assert_not_null(a, ...) RIG_MUST((a) != NULL)
#else
#include <criterion/criterion.h>
#endif

#include <stdio.h>
#include <string.h>

#define RIG_IP(a, b, c, d) RTE_BE32((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define RIG_LNS            RIG_IP(192, 0, 2, 1)
#define RIG_LAC            RIG_IP(192, 0, 2, 2)
#define RIG_CORE           RIG_IP(198, 51, 100, 1)
#define RIG_SERVER         RIG_IP(203, 0, 113, 5)
#define RIG_TUNNEL         7
#define RIG_PEER_TUNNEL    1007

enum { RIG_ACCESS, RIG_CORE0, RIG_IFACES };

struct rig {
	struct dataplane *dp;
	struct rte_ring *rx[RIG_IFACES], *tx[RIG_IFACES];
	uint8_t mac[RIG_IFACES][6];
	uint32_t adjacency[RIG_IFACES];
	uint32_t adjacency6;
	unsigned int free_mbufs; /* after creation */
};

static const uint8_t rig_lns6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
static const uint8_t rig_lac6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 2};
static const uint8_t rig_server6[16] = {0x20, 0x01, 0x0d, 0xb8, 0xff, [15] = 5};
static const uint8_t rig_lac_mac[6] = {2, 0, 0, 0, 0, 0x22};
static const uint8_t rig_router_mac[6] = {2, 0, 0, 0, 0, 0x33};

/* lcores: as --lcores takes them; lcore 0 is the control core, workers are 1, 2, ... */
static inline void rig_eal_init(const char *lcores)
{
	static char argument[64];
	static char *argv[] = {(char *)"unit", (char *)"--no-huge", (char *)"--no-pci",
		(char *)"--no-telemetry", (char *)"--no-shconf", (char *)"-m", (char *)"512",
		(char *)"--iova-mode=va", (char *)"--log-level=error", argument, NULL};

	snprintf(argument, sizeof(argument), "--lcores=%s", lcores);
	cr_assert_geq(rte_eal_init(10, argv), 0);
}

static inline struct dataplane_settings rig_settings(unsigned int n_workers)
{
	static const unsigned int lcores[] = {1, 2, 3, 4};
	static const char *const vrfs[] = {"default"};
	static const struct iface_settings ifaces[] = {
		{.name = "access0", .device = "net_ring_access", .role = IFACE_ACCESS, .mtu = 1500},
		{.name = "core0", .device = "net_ring_core", .role = IFACE_CORE, .mtu = 1500},
	};

	return (struct dataplane_settings){
		.n_workers = n_workers,
		.worker_lcores = lcores,
		.mbufs = 16383,
		.max_sessions = 4096,
		.max_routes4 = 1024,
		.max_routes6 = 1024,
		.max_adjacencies = 64,
		.n_vrfs = 1,
		.vrf_names = vrfs,
		.n_ifaces = RIG_IFACES,
		.ifaces = ifaces,
		.rx_descriptors = 512,
		.tx_descriptors = 512,
		.icmp_rate = 1000,
		.reassembly = true,
		.fragment_timeout_ms = 1000,
		.fragment_max = 32,
	};
}

static inline uint32_t rig_adjacency(struct rig *rig, uint8_t iface, uint8_t family,
	const uint8_t *next_hop, const uint8_t *mac, uint16_t mtu)
{
	struct adjacency_table *table = dataplane_adjacencies(rig->dp);
	uint8_t l2[14] = {0}, address[16] = {0};
	int64_t index;

	memcpy(address, next_hop, family == 4 ? 4 : 16);
	index = adjacency_get(table, iface, 0, family, address);
	cr_assert_geq(index, 0);
	memcpy(l2, mac, 6);
	memcpy(l2 + 6, rig->mac[iface], 6);
	cr_assert_eq(adjacency_resolve(table, (uint32_t)index, l2, sizeof(l2), mtu), 0);
	return (uint32_t)index;
}

static inline void rig_create(struct rig *rig, const struct dataplane_settings *settings)
{
	static const char *const names[RIG_IFACES] = {"access", "core"};
	struct iface_addr access[2] = {{.family = 4}, {.family = 6}}, core = {.family = 4};
	uint32_t lns = RIG_LNS, lac = RIG_LAC, core4 = RIG_CORE, router = RIG_IP(198, 51, 100, 2);
	char error[256] = "";

	memset(rig, 0, sizeof(*rig));
	for (unsigned int i = 0; i < RIG_IFACES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s_rx", names[i]);
		rig->rx[i] = rte_ring_create(name, 8192, 0, 0);
		snprintf(name, sizeof(name), "%s_tx", names[i]);
		rig->tx[i] = rte_ring_create(name, 8192, 0, 0);
		int port = rte_eth_from_rings(names[i], &rig->rx[i], 1, &rig->tx[i], 1, 0);
		cr_assert_geq(port, 0);
		struct rte_ether_addr mac;
		rte_eth_macaddr_get((uint16_t)port, &mac);
		memcpy(rig->mac[i], mac.addr_bytes, 6);
	}
	rig->dp = dataplane_create(settings, error, sizeof(error));
	cr_assert_not_null(rig->dp, "dataplane_create: %s", error);
	memcpy(access[0].addr, &lns, 4);
	memcpy(access[1].addr, rig_lns6, 16);
	memcpy(core.addr, &core4, 4);
	cr_assert_eq(dataplane_iface_addresses(rig->dp, RIG_ACCESS, access, 2), 0);
	cr_assert_eq(dataplane_iface_addresses(rig->dp, RIG_CORE0, &core, 1), 0);

	struct fib *fib = dataplane_fib(rig->dp, 0);

	rig->adjacency[RIG_ACCESS] =
		rig_adjacency(rig, RIG_ACCESS, 4, (uint8_t *)&lac, rig_lac_mac, 1500);
	rig->adjacency6 = rig_adjacency(rig, RIG_ACCESS, 6, rig_lac6, rig_lac_mac, 1500);
	rig->adjacency[RIG_CORE0] =
		rig_adjacency(rig, RIG_CORE0, 4, (uint8_t *)&router, rig_router_mac, 1500);
	cr_assert_eq(
		fib_set4(fib, lac, 32, fib_target(FIB_ADJACENCY, rig->adjacency[RIG_ACCESS])), 0);
	cr_assert_eq(fib_set6(fib, rig_lac6, 128, fib_target(FIB_ADJACENCY, rig->adjacency6)), 0);
	cr_assert_eq(fib_set4(fib, 0, 0, fib_target(FIB_ADJACENCY, rig->adjacency[RIG_CORE0])), 0);
	cr_assert_eq(fib_set6(fib, (const uint8_t[16]){0}, 0,
			     fib_target(FIB_ADJACENCY, rig->adjacency[RIG_CORE0])),
		0);
	cr_assert_eq(fib_set4(fib, lns, 32, fib_target(FIB_LOCAL, 0)), 0);
	rig->free_mbufs = rte_mempool_avail_count(dataplane_mempool(rig->dp));
}

static inline void rig_start(struct rig *rig, unsigned int n_workers)
{
	struct dataplane_settings settings = rig_settings(n_workers);

	rig_eal_init("0@0,1@0,2@0,3@0,4@0");
	rig_create(rig, &settings);
}

static inline void rig_tunnel_to(
	struct rig *rig, uint16_t id, const struct tunnel_path *path, uint8_t flags)
{
	cr_assert_eq(tunnel_publish(dataplane_sessions(rig->dp), id, id + 1000, 0, flags, path), 0);
}

static inline struct tunnel_path rig_path4(void)
{
	struct tunnel_path path = {
		.family = 4,
		.local_port = rte_cpu_to_be_16(1701),
		.peer_port = rte_cpu_to_be_16(1701),
	};
	uint32_t local = RIG_LNS, peer = RIG_LAC;

	memcpy(path.local, &local, 4);
	memcpy(path.peer, &peer, 4);
	return path;
}

static inline struct tunnel_path rig_path6(void)
{
	struct tunnel_path path = rig_path4();

	path.family = 6;
	memcpy(path.local, rig_lns6, 16);
	memcpy(path.peer, rig_lac6, 16);
	return path;
}

static inline void rig_tunnel(struct rig *rig)
{
	struct tunnel_path path = rig_path4();

	rig_tunnel_to(rig, RIG_TUNNEL, &path, 0);
}

#define RIG_FLAGS (SESSION_FORWARD4 | SESSION_FORWARD6 | SESSION_MSS_CLAMP)

/* The subscriber's IPv4 address is 10.0.x.y by its session id, its IPv6 prefix 2001:db8:1:id::/64. */
static inline uint32_t rig_subscriber(uint16_t session_id)
{
	return RIG_IP(10, 0, session_id >> 8, session_id & 0xff);
}

static inline void rig_subscriber6(uint16_t session_id, uint8_t address[16])
{
	static const uint8_t prefix[6] = {0x20, 0x01, 0x0d, 0xb8, 0, 1};

	memset(address, 0, 16);
	memcpy(address, prefix, 6);
	address[6] = (uint8_t)(session_id >> 8);
	address[7] = (uint8_t)session_id;
	address[15] = 1;
}

static inline uint32_t rig_session(struct rig *rig, uint16_t tunnel_id, uint16_t id, uint8_t owner,
	uint16_t mtu, uint32_t flags)
{
	struct session_table *table = dataplane_sessions(rig->dp);
	struct session_params params = {
		.tunnel_id = tunnel_id,
		.session_id = id,
		.peer_session_id = id + 5000,
		.owner = owner,
		.mtu = mtu,
		.flags = flags,
	};
	struct session_prefix prefixes[2] = {
		{.family = 4, .length = 32}, {.family = 6, .length = 64}};
	uint32_t generation, address = rig_subscriber(id);
	int64_t index = session_publish(table, &params, &generation);

	cr_assert_geq(index, 0);
	memcpy(prefixes[0].addr, &address, 4);
	rig_subscriber6(id, prefixes[1].addr);
	prefixes[1].addr[15] = 0;
	cr_assert_eq(
		session_update(table, (uint32_t)index, mtu, mtu - 40, mtu - 60, flags, prefixes, 2),
		0);
	cr_assert_eq(fib_set4(dataplane_fib(rig->dp, 0), address, 32,
			     fib_target(FIB_SESSION, (uint32_t)index)),
		0);
	cr_assert_eq(fib_set6(dataplane_fib(rig->dp, 0), prefixes[1].addr, 64,
			     fib_target(FIB_SESSION, (uint32_t)index)),
		0);
	return (uint32_t)index;
}

static inline struct session *rig_session_at(struct rig *rig, uint32_t index)
{
	return session_at(dataplane_sessions(rig->dp), index);
}

/* ---- frames: a buffer that grows at its end ---- */

struct frame {
	uint8_t data[70000];
	uint32_t n;
};

static inline uint8_t *frame_add(struct frame *f, const void *p, uint32_t n)
{
	uint8_t *at = f->data + f->n;

	if (p != NULL)
		memcpy(at, p, n);
	else
		memset(at, 0, n);
	f->n += n;
	return at;
}

static inline void frame_eth(struct frame *f, const uint8_t *to, const uint8_t *from, uint16_t type)
{
	f->n = 0;
	frame_add(f, to, 6);
	frame_add(f, from, 6);
	store_be16(frame_add(f, NULL, 2), type);
}

/* An IPv4 header for payload bytes behind it; returns it. */
static inline uint8_t *frame_ip4(
	struct frame *f, uint32_t from, uint32_t to, uint8_t protocol, uint32_t payload)
{
	uint8_t *ip = frame_add(f, NULL, 20);

	ip[0] = 0x45;
	store_be16(ip + 2, (uint16_t)(20 + payload));
	store_be16(ip + 4, 0x1234);
	ip[8] = 64;
	ip[9] = protocol;
	memcpy(ip + 12, &from, 4);
	memcpy(ip + 16, &to, 4);
	ip4_header_set_checksum(ip, 20);
	return ip;
}

static inline uint8_t *frame_ip6(
	struct frame *f, const uint8_t *from, const uint8_t *to, uint8_t next, uint32_t payload)
{
	uint8_t *ip = frame_add(f, NULL, 40);

	ip[0] = 0x60;
	store_be16(ip + 4, (uint16_t)payload);
	ip[6] = next;
	ip[7] = 64;
	memcpy(ip + 8, from, 16);
	memcpy(ip + 24, to, 16);
	return ip;
}

static inline uint8_t *frame_udp(struct frame *f, uint16_t from, uint16_t to, uint32_t payload)
{
	uint8_t *udp = frame_add(f, NULL, 8);

	store_be16(udp, from);
	store_be16(udp + 2, to);
	store_be16(udp + 4, (uint16_t)(8 + payload));
	return udp;
}

/* Ethernet, IPv4 and UDP of a LAC around payload. */
static inline void frame_lac(struct rig *rig, struct frame *f, const void *payload, uint32_t n)
{
	frame_eth(f, rig->mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_IPV4);
	frame_ip4(f, RIG_LAC, RIG_LNS, IPPROTO_UDP, 8 + n);
	frame_udp(f, 1701, 1701, n);
	frame_add(f, payload, n);
}

/* A data packet of a session, plain header, with ff 03, around an IP packet. */
static inline void frame_data(struct rig *rig, struct frame *f, uint16_t tunnel_id,
	uint16_t session_id, uint16_t ppp_protocol, const void *inner, uint32_t n)
{
	uint8_t payload[10] = {0, 2};

	store_be16(payload + 2, tunnel_id);
	store_be16(payload + 4, session_id);
	payload[6] = 0xff;
	payload[7] = 0x03;
	store_be16(payload + 8, ppp_protocol);
	frame_lac(rig, f, NULL, sizeof(payload) + n);
	f->n -= sizeof(payload) + n;
	frame_add(f, payload, sizeof(payload));
	frame_add(f, inner, n);
}

/* An inner UDP/IPv4 packet of total bytes. */
static inline uint32_t inner_udp4(struct frame *f, uint32_t from, uint32_t to, uint32_t total)
{
	f->n = 0;
	frame_ip4(f, from, to, IPPROTO_UDP, total - 20);
	frame_udp(f, 4000, 5000, total - 28);
	for (uint32_t i = 0; i < total - 28; i++)
		f->data[f->n++] = (uint8_t)i;
	return total;
}

static inline uint32_t inner_udp6(
	struct frame *f, const uint8_t *from, const uint8_t *to, uint32_t total)
{
	f->n = 0;
	frame_ip6(f, from, to, IPPROTO_UDP, total - 40);
	frame_udp(f, 4000, 5000, total - 48);
	frame_add(f, NULL, total - 48);
	return total;
}

static inline void frame_core4(struct rig *rig, struct frame *f, const struct frame *inner)
{
	frame_eth(f, rig->mac[RIG_CORE0], rig_router_mac,
		inner->data[0] >> 4 == 6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	frame_add(f, inner->data, inner->n);
}

/* ---- in and out ---- */

static inline void rig_send(struct rig *rig, unsigned int iface, const struct frame *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(dataplane_mempool(rig->dp));

	cr_assert_not_null(m);
	uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)f->n);
	cr_assert_not_null(p);
	memcpy(p, f->data, f->n);
	cr_assert_eq(rte_ring_enqueue(rig->rx[iface], m), 0);
}

/* Turns every worker until what was sent has gone through every ring. */
static inline void rig_turn(struct rig *rig)
{
	for (unsigned int turn = 0; turn < 6; turn++)
		for (unsigned int i = 0; i < rig->dp->n_workers; i++)
			worker_turn(rig->dp->workers[i]);
}

/* The next frame sent out of an interface into f; false: none. */
static inline bool rig_receive(struct rig *rig, unsigned int iface, struct frame *f)
{
	void *object;

	if (rte_ring_dequeue(rig->tx[iface], &object) != 0)
		return false;
	struct rte_mbuf *m = object;
	const void *p = rte_pktmbuf_read(m, 0, m->pkt_len, f->data);
	if (p != f->data)
		memcpy(f->data, p, m->pkt_len);
	f->n = m->pkt_len;
	rte_pktmbuf_free(m);
	return true;
}

static inline uint64_t rig_drops(struct rig *rig, enum drop_reason reason)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < rig->dp->n_workers; i++)
		n += rig->dp->workers[i]->stats.drops[reason];
	return n;
}

static inline uint64_t rig_drops_all(struct rig *rig)
{
	uint64_t n = 0;

	for (unsigned int reason = 0; reason < DROP_MAX; reason++)
		n += rig_drops(rig, (enum drop_reason)reason);
	return n;
}

/* Takes one punted packet; its kind, or -1. data and meta are copied. */
static inline int rig_punted(
	struct rig *rig, enum punt_ring ring, struct frame *f, struct meta *meta)
{
	struct rte_mbuf *m;

	if (dataplane_punt_poll(rig->dp, ring, &m, 1) == 0)
		return -1;
	const void *p = rte_pktmbuf_read(m, 0, m->pkt_len, f->data);
	if (p != f->data)
		memcpy(f->data, p, m->pkt_len);
	f->n = m->pkt_len;
	*meta = *meta_of(m);
	rte_pktmbuf_free(m);
	return meta->kind;
}

/* Everything back in the pool, then the end. */
static inline void rig_destroy(struct rig *rig)
{
	struct frame *f = malloc(sizeof(*f));
	struct meta meta;

	for (unsigned int i = 0; i < RIG_IFACES; i++)
		while (rig_receive(rig, i, f))
			;
	for (unsigned int ring = 0; ring < PUNT_RINGS; ring++)
		while (rig_punted(rig, (enum punt_ring)ring, f, &meta) >= 0)
			;
	free(f);
	cr_expect_eq(rte_mempool_avail_count(dataplane_mempool(rig->dp)), rig->free_mbufs,
		"%d packet buffers missing",
		(int)(rig->free_mbufs - rte_mempool_avail_count(dataplane_mempool(rig->dp))));
	dataplane_destroy(rig->dp);
}

/* Sums over an IP packet: true if its header and its UDP, TCP or ICMP checksum are right. */
static inline bool packet_checksums_right(const uint8_t *ip)
{
	bool v4 = ip[0] >> 4 == 4;
	uint32_t header = v4 ? (ip[0] & 15) * 4u : 40,
		 total = v4 ? load_be16(ip + 2) : 40u + load_be16(ip + 4);
	uint8_t protocol = v4 ? ip[9] : ip[6];
	uint64_t sum = 0;

	if (v4 && ip4_header_sum(ip, header) != 0xffff)
		return false;
	if (protocol != IPPROTO_ICMP) {
		for (unsigned int i = v4 ? 12 : 8; i < (v4 ? 20 : 40); i++)
			sum += (uint64_t)ip[i] << (i % 2 ? 0 : 8);
		sum += protocol + total - header;
	}
	for (uint32_t i = header; i < total; i++)
		sum += (uint64_t)ip[i] << ((i - header) % 2 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/* For the debugger's eye: every counter that is not zero. */
static inline void rig_show(struct rig *rig)
{
	for (unsigned int reason = 0; reason < DROP_MAX; reason++)
		if (rig_drops(rig, (enum drop_reason)reason) != 0)
			fprintf(stderr, "%s %lu\n", drop_name((enum drop_reason)reason),
				rig_drops(rig, (enum drop_reason)reason));
}
