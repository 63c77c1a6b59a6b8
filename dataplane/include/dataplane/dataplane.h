/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dataplane as the control plane sees it: ports, workers, tables and the rings between.
 *
 * Everything here is called on the control core, after rte_eal_init().
 */
#pragma once

#include <dataplane/adjacency.h>
#include <dataplane/fib.h>
#include <dataplane/group.h>
#include <dataplane/message.h>
#include <dataplane/meta.h>
#include <dataplane/rcu.h>
#include <dataplane/sa_table.h>
#include <dataplane/session_table.h>
#include <dataplane/stats.h>

#include <stdbool.h>
#include <stdint.h>

#define DATAPLANE_VRFS_MAX 64

enum iface_role { IFACE_ACCESS = 1, IFACE_CORE = 2 };

struct iface_settings {
	const char *name;   /* "access0" */
	const char *device; /* ethdev name */
	uint8_t role;       /* enum iface_role, or both */
	uint16_t vrf, mtu, vlan, outer_vlan;
	bool promiscuous;
};

/* What a worker with nothing to do does. */
enum dataplane_idle {
	DATAPLANE_IDLE_POLL,
	DATAPLANE_IDLE_PAUSE,   /* waits in the CPU: TPAUSE where it has it, else PAUSE */
	DATAPLANE_IDLE_MONITOR, /* UMWAIT on the receive queues' descriptors; without it: PAUSE */
	DATAPLANE_IDLE_SLEEP,   /* nanosleep: the CPU is free for others */
};

struct dataplane_settings {
	unsigned int n_workers;
	const unsigned int *worker_lcores; /* EAL lcore ids */
	uint32_t mbufs;
	uint32_t max_sessions, max_routes4, max_routes6, max_adjacencies;
	uint32_t max_sas;       /* both directions; 0: 65,536 */
	const char *esp_engine; /* as esp_engine_create takes it; NULL: "auto" */
	unsigned int n_vrfs;
	const char *const *vrf_names;
	unsigned int n_ifaces;
	const struct iface_settings *ifaces;
	uint16_t rx_descriptors, tx_descriptors;
	enum dataplane_idle idle;
	uint16_t idle_us;   /* longest wait of an idle worker */
	uint32_t icmp_rate; /* ICMP errors a second and worker; as many again for path MTU */
	bool reassembly;
	uint16_t fragment_timeout_ms, fragment_max; /* outer datagrams in reassembly per worker */
};

struct dataplane;

/*
 * Creates the mempool, configures and starts the ports, creates tables and rings; on failure writes a
 * sentence that names the device, the value and what was expected into error.
 */
struct dataplane *dataplane_create(
	const struct dataplane_settings *settings, char *error, size_t error_size);
int dataplane_start(struct dataplane *dp); /* launches the workers */
void dataplane_stop(struct dataplane *dp); /* workers return; rings are emptied */
void dataplane_destroy(struct dataplane *dp);

struct session_table *dataplane_sessions(struct dataplane *dp);
struct adjacency_table *dataplane_adjacencies(struct dataplane *dp);
struct group_table *dataplane_groups(struct dataplane *dp);
struct sa_table *dataplane_sas(struct dataplane *dp);
struct fib *dataplane_fib(struct dataplane *dp, unsigned int vrf);
struct rcu *dataplane_rcu(struct dataplane *dp);
unsigned int dataplane_workers(const struct dataplane *dp);
/* NUMA node of the first worker, where packets are, and SAs belong. */
int dataplane_node(const struct dataplane *dp);
/* What does ESP's arithmetic, for operators; NULL: "auto" found nothing that can, ESP is dropped. */
const char *dataplane_esp_engine(const struct dataplane *dp);
struct rte_mempool *dataplane_mempool(struct dataplane *dp);

/* Why a worker does not wait as it was asked to. */
enum idle_reason {
	IDLE_AS_ASKED,
	IDLE_NO_MONITOR,  /* its CPU or a device cannot: it pauses */
	IDLE_RINGS_SMALL, /* no sleep is as short as its rings need: it pauses */
	IDLE_RINGS_RISK, /* it sleeps though its rings may overflow: its CPU is shared, or all devices are software */
};

/* What a worker with nothing to do does in fact. */
struct idle_info {
	enum dataplane_idle mode;
	enum idle_reason reason;
	uint64_t longest_ns; /* of a wait */
	uint64_t
		fill_ns; /* the earliest that one of its rings is half full after the first packet */
};
/* Of a worker, from dataplane_create on. */
struct idle_info dataplane_idle(const struct dataplane *dp, unsigned int worker);

struct iface_info {
	char name[16], device[64], driver[32];
	uint16_t ethdev;
	uint8_t mac[6];
	uint8_t role;
	uint16_t mtu, vlan, outer_vlan, vrf;
	bool link_up;
	uint16_t queues;                               /* RX queues in use */
	uint64_t imissed, ierrors, oerrors, rx_nombuf; /* from the device */
};
unsigned int dataplane_ifaces(const struct dataplane *dp);
int dataplane_iface_info(struct dataplane *dp, unsigned int iface, struct iface_info *info);
/* Workers that receive on its device. */
unsigned int dataplane_iface_receivers(const struct dataplane *dp, unsigned int iface);
/* The carrier now; false also if there is no such interface. Control core, a few microseconds. */
bool dataplane_iface_link(struct dataplane *dp, unsigned int iface);
/* A device: what it was asked for, and gave. The masks are ethdev's (rte_ethdev.h). */
struct port_info {
	char device[64], driver[32];
	int socket; /* NUMA node, -1: none */
	uint16_t n_rx, n_tx, rx_descriptors, tx_descriptors;
	uint64_t rss, rx_offloads, tx_offloads;
	unsigned int flows; /* rte_flow rules that spread by session id or SPI */
	const char
		*overload; /* how a queue tells that it overflows: "backlog", "bursts", "never" */
};
unsigned int dataplane_ports(const struct dataplane *dp);
int dataplane_port_info(const struct dataplane *dp, unsigned int port, struct port_info *info);
/* Administrative state and MTU as the kernel's TAP has them. */
void dataplane_iface_set(struct dataplane *dp, unsigned int iface, bool up, uint16_t mtu);
/*
 * Our own addresses on an interface: UDP 1701 to one of them is L2TP, the rest goes to the kernel. Sets
 * the whole list (replaced by RCU), at most 16 of each family.
 */
struct iface_addr {
	uint8_t family;
	uint8_t addr[16];
};
int dataplane_iface_addresses(
	struct dataplane *dp, unsigned int iface, const struct iface_addr *addrs, unsigned int n);
/*
 * The source of the ICMP errors that a VRF's packets get, one address of each family; without one it is
 * an address of one of the VRF's interfaces. -EINVAL, -ENOMEM.
 */
int dataplane_icmp_source(struct dataplane *dp, unsigned int vrf, const struct iface_addr *addr);
/* Our ends of the subscribers' links and other addresses of ours inside a VRF are FIB_LOCAL routes. */

/* Rings towards the control core, in order of priority; each has its own budget in the control loop. */
enum punt_ring { PUNT_RING_KNOWN, PUNT_RING_UNKNOWN, PUNT_RING_EXCEPTION, PUNT_RINGS };
/* Takes up to n packets from the workers' rings, round robin. The caller frees them. */
unsigned int dataplane_punt_poll(
	struct dataplane *dp, enum punt_ring ring, struct rte_mbuf **pkts, unsigned int n);

/* A packet buffer for injecting, headroom reserved, metadata cleared; NULL when none is left. */
struct rte_mbuf *dataplane_mbuf(struct dataplane *dp);
/*
 * Gives a packet (meta.kind = enum inject_kind and what that needs) to a worker: for INJECT_SESSION the
 * session's owner, else any (the tunnel's owner for L2TP control, with META_PRIORITY: a quarter of the ring is
 * kept for these and for sessions). -ENOBUFS: ring full, packet freed and counted.
 */
int dataplane_inject(struct dataplane *dp, unsigned int worker, struct rte_mbuf *m);

/* -ENOBUFS: ring full, try later. */
int dataplane_message(struct dataplane *dp, unsigned int worker, const struct message *message);
unsigned int dataplane_replies(struct dataplane *dp, struct message_reply *replies, unsigned int n);
/* The snapshot that the worker's last MESSAGE_WORKER_STATS answer completed. */
const struct worker_stats *dataplane_worker_stats(struct dataplane *dp, unsigned int worker);
/* What the control core itself dropped on the rings (inject). */
uint64_t dataplane_inject_drops(const struct dataplane *dp);
