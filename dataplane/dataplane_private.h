/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dataplane's own view of itself: interfaces, devices, rings, and who owns which.
 */
#pragma once

#include <dataplane/dataplane.h>

#include <rte_atomic.h>
#include <rte_ether.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <string.h>

#define BURST             64
#define PORTS_MAX         IFACES_MAX
#define PORT_FLOWS_MAX    6
#define WORKERS_MAX       64
#define IFACE_ADDRS       16
#define INTERFACE_NONE    UINT8_MAX
#define INJECT_RING_SIZE  8192
#define MESSAGE_RING_SIZE 1024

struct worker;
struct policer_table;
struct rte_flow;

/* Our addresses on an interface. Replaced as a whole by RCU. */
struct iface_addresses {
	uint8_t n4, n6;
	uint32_t v4[IFACE_ADDRS]; /* network byte order */
	uint8_t v6[IFACE_ADDRS][16];
};

/* An interface: a device, or one VLAN of it. Control core writes, workers read. */
struct iface {
	struct iface_addresses *addresses; /* release-stored */
	uint8_t index, role, port;
	uint8_t up;   /* atomic */
	uint16_t mtu; /* atomic */
	uint16_t vrf, vlan, outer_vlan;
	struct rte_ether_addr mac;
	char name[16];
	struct meta blank __rte_cache_aligned; /* what every packet of this interface begins with */
} __rte_cache_aligned;

#define MAC_WORD_MASK RTE_BE64(0xffffffffffff0000)

/* A device. Written before the workers start. */
struct port {
	struct rte_ether_addr mac;
	uint64_t mac_word; /* the six bytes as eight at a frame's start show them, masked */
	uint16_t ethdev;
	uint16_t n_rx, n_tx;
	uint16_t rx_descriptors, tx_descriptors; /* of each queue */
	bool rx_descriptors_told;                /* by the device; else what it was asked for */
	uint8_t untagged;                        /* interface without a tag, INTERFACE_NONE */
	uint8_t n_tagged;
	uint8_t tagged[IFACES_MAX];           /* interfaces by tag */
	bool rx_ip_checksum, rx_udp_checksum; /* the device verifies */
	bool tx_udp_checksum, tx_segments;
	bool started;
	int kernel_ifindex;        /* the device whose carrier is the link's; 0: the driver knows */
	uint8_t overload;          /* enum overload_signal of its queues */
	uint64_t rss_offered, rss; /* types of RSS: of the device, in force */
	uint64_t rx_offloads, tx_offloads;      /* in force */
	struct rte_flow *flows[PORT_FLOWS_MAX]; /* rules in force */
	unsigned int n_flows;
	char device[64], driver[32];
} __rte_cache_aligned;

/* The source of ICMP errors in a VRF. Replaced by RCU. */
struct icmp_source {
	uint32_t v4; /* 0 = none */
	bool has_v6;
	uint8_t v6[16];
};

struct dataplane {
	unsigned int n_workers, n_ifaces, n_ports, n_vrfs;
	int node; /* NUMA node of the first worker */
	struct rcu *rcu;
	struct rte_rcu_qsbr *qsbr;
	struct session_table *sessions;
	struct adjacency_table *adjacencies;
	struct group_table *groups;
	struct sa_table *sas;
	struct fib *fibs[DATAPLANE_VRFS_MAX];
	struct icmp_source *icmp_sources[DATAPLANE_VRFS_MAX]; /* release-stored */
	struct path_table *paths;                             /* the same; NULL: none */
	struct policer_table *policers;
	struct rte_mempool *pool;     /* all packets; private area: struct meta */
	struct rte_mempool *large;    /* for reassembled ESP, or NULL; private area as in pool */
	struct rte_mempool *indirect; /* rte_ip_frag's references into a packet being cut */
	struct iface ifaces[IFACES_MAX];
	struct port ports[PORTS_MAX];
	uint8_t port_of_ethdev[RTE_MAX_ETHPORTS]; /* INTERFACE_NONE: not ours */
	struct worker *workers[WORKERS_MAX];
	unsigned int lcores[WORKERS_MAX];
	struct rte_ring *handoff[WORKERS_MAX][WORKERS_MAX]; /* [from][to] */
	uint32_t handoff_size;                              /* of each ring, a power of two */
	bool running;
	uint8_t stop; /* atomic */

	/* the caller's choices that matter later */
	uint8_t idle;     /* enum dataplane_idle */
	bool idle_tpause; /* the CPU has TPAUSE */
	bool reassembly;
	struct idle_info idle_of[WORKERS_MAX]; /* what came of it; set before the launch */
	uint16_t idle_us, fragment_timeout_ms, fragment_max, rx_descriptors, tx_descriptors;
	uint32_t icmp_rate;
	const char *esp_engine; /* NULL: whatever there is, or none */

	/* control core only */
	int kernel_socket; /* in the namespace of the kernel's devices beneath ports; -1: none */
	uint64_t inject_drops;
	unsigned int punt_next[PUNT_RINGS], reply_next;
};

static inline bool iface_owns4(const struct iface *iface, uint32_t addr)
{
	const struct iface_addresses *list = __atomic_load_n(&iface->addresses, __ATOMIC_ACQUIRE);

	for (unsigned int i = 0; i < list->n4; i++)
		if (list->v4[i] == addr)
			return true;
	return false;
}

static inline bool iface_owns6(const struct iface *iface, const uint8_t *addr)
{
	const struct iface_addresses *list = __atomic_load_n(&iface->addresses, __ATOMIC_ACQUIRE);

	for (unsigned int i = 0; i < list->n6; i++)
		if (memcmp(list->v6[i], addr, 16) == 0)
			return true;
	return false;
}
