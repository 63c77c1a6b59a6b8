/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the control core asks of the dataplane while it runs: tables, interfaces, rings.
 */
#include "dataplane_private.h"
#include "overload.h"
#include "policy.h"
#include "worker.h"

#include <rte_ethdev.h>

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

struct session_table *dataplane_sessions(struct dataplane *dp)
{
	return dp->sessions;
}

struct adjacency_table *dataplane_adjacencies(struct dataplane *dp)
{
	return dp->adjacencies;
}

struct group_table *dataplane_groups(struct dataplane *dp)
{
	return dp->groups;
}

struct sa_table *dataplane_sas(struct dataplane *dp)
{
	return dp->sas;
}

const char *dataplane_esp_engine(const struct dataplane *dp)
{
	const struct esp_engine *engine = dp->workers[0]->esp;

	return engine == NULL ? NULL : esp_engine_name(engine);
}

struct fib *dataplane_fib(struct dataplane *dp, unsigned int vrf)
{
	return vrf < dp->n_vrfs ? dp->fibs[vrf] : NULL;
}

struct rcu *dataplane_rcu(struct dataplane *dp)
{
	return dp->rcu;
}

int dataplane_node(const struct dataplane *dp)
{
	return dp->node;
}

unsigned int dataplane_workers(const struct dataplane *dp)
{
	return dp->n_workers;
}

struct idle_info dataplane_idle(const struct dataplane *dp, unsigned int worker)
{
	return dp->idle_of[worker];
}

struct rte_mempool *dataplane_mempool(struct dataplane *dp)
{
	return dp->pool;
}

unsigned int dataplane_ifaces(const struct dataplane *dp)
{
	return dp->n_ifaces;
}

/*
 * Carrier of a kernel's device; true if the kernel does not say. Only ioctls that take no lock: ethtool's word for it
 * would come up to a second earlier, but waits for whoever makes or removes devices.
 */
static bool kernel_carrier(const struct dataplane *dp, int ifindex)
{
	struct ifreq ifr = {.ifr_ifindex = ifindex};

	if (ioctl(dp->kernel_socket, SIOCGIFNAME, &ifr) < 0)
		return errno != ENODEV; /* the device is gone */
	return ioctl(dp->kernel_socket, SIOCGIFFLAGS, &ifr) < 0 ||
		(ifr.ifr_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
}

bool dataplane_iface_link(struct dataplane *dp, unsigned int index)
{
	struct rte_eth_link link = {0};
	const struct port *port;

	if (index >= dp->n_ifaces)
		return false;
	port = &dp->ports[dp->ifaces[index].port];
	rte_eth_link_get_nowait(port->ethdev, &link);
	if (link.link_status != RTE_ETH_LINK_UP)
		return false;
	return port->kernel_ifindex == 0 || kernel_carrier(dp, port->kernel_ifindex);
}

unsigned int dataplane_iface_receivers(const struct dataplane *dp, unsigned int iface)
{
	if (iface >= dp->n_ifaces)
		return 0;
	return RTE_MIN(dp->ports[dp->ifaces[iface].port].n_rx, dp->n_workers);
}

int dataplane_iface_info(struct dataplane *dp, unsigned int index, struct iface_info *info)
{
	struct rte_eth_stats stats = {0};

	if (index >= dp->n_ifaces)
		return -EINVAL;

	const struct iface *iface = &dp->ifaces[index];
	const struct port *port = &dp->ports[iface->port];

	rte_eth_stats_get(port->ethdev, &stats);
	*info = (struct iface_info){
		.ethdev = port->ethdev,
		.role = iface->role,
		.mtu = iface->mtu,
		.vlan = iface->vlan,
		.outer_vlan = iface->outer_vlan,
		.vrf = iface->vrf,
		.link_up = dataplane_iface_link(dp, index),
		.queues = port->n_rx,
		.imissed = stats.imissed,
		.ierrors = stats.ierrors,
		.oerrors = stats.oerrors,
		.rx_nombuf = stats.rx_nombuf,
	};
	memcpy(info->mac, iface->mac.addr_bytes, sizeof(info->mac));
	snprintf(info->name, sizeof(info->name), "%s", iface->name);
	snprintf(info->device, sizeof(info->device), "%s", port->device);
	snprintf(info->driver, sizeof(info->driver), "%s", port->driver);
	return 0;
}

unsigned int dataplane_ports(const struct dataplane *dp)
{
	return dp->n_ports;
}

int dataplane_port_info(const struct dataplane *dp, unsigned int index, struct port_info *info)
{
	static const char *const overload[] = {
		[OVERLOAD_UNSEEN] = "never",
		[OVERLOAD_BACKLOG] = "backlog",
		[OVERLOAD_BURSTS] = "bursts",
	};
	const struct port *port = &dp->ports[index];

	if (index >= dp->n_ports)
		return -EINVAL;
	*info = (struct port_info){
		.socket = rte_eth_dev_socket_id(port->ethdev),
		.n_rx = port->n_rx,
		.n_tx = port->n_tx,
		.rx_descriptors = port->rx_descriptors,
		.tx_descriptors = port->tx_descriptors,
		.rss = port->rss,
		.rx_offloads = port->rx_offloads,
		.tx_offloads = port->tx_offloads,
		.flows = port->n_flows,
		.overload = overload[port->overload],
	};
	snprintf(info->device, sizeof(info->device), "%s", port->device);
	snprintf(info->driver, sizeof(info->driver), "%s", port->driver);
	return 0;
}

void dataplane_iface_set(struct dataplane *dp, unsigned int index, bool up, uint16_t mtu)
{
	if (index >= dp->n_ifaces)
		return;
	__atomic_store_n(&dp->ifaces[index].mtu, mtu, __ATOMIC_RELAXED);
	__atomic_store_n(&dp->ifaces[index].up, up, __ATOMIC_RELAXED);
}

static void memory_release(void *object, uintptr_t argument)
{
	free(object);
}

int dataplane_iface_addresses(
	struct dataplane *dp, unsigned int index, const struct iface_addr *addrs, unsigned int n)
{
	struct iface_addresses *list, *old;
	unsigned int n4 = 0, n6 = 0;

	if (index >= dp->n_ifaces)
		return -EINVAL;
	for (unsigned int i = 0; i < n; i++) {
		n4 += addrs[i].family == 4;
		n6 += addrs[i].family == 6;
	}
	if (n4 + n6 != n || n4 > IFACE_ADDRS || n6 > IFACE_ADDRS)
		return -EINVAL;
	list = calloc(1, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < n; i++) {
		if (addrs[i].family == 4)
			memcpy(&list->v4[list->n4++], addrs[i].addr, 4);
		else
			memcpy(list->v6[list->n6++], addrs[i].addr, 16);
	}
	old = dp->ifaces[index].addresses;
	if (rcu_reserve(dp->rcu, 1) != 0) {
		free(list);
		return -ENOMEM;
	}
	__atomic_store_n(&dp->ifaces[index].addresses, list, __ATOMIC_RELEASE);
	rcu_defer(dp->rcu, memory_release, old, 0);
	return 0;
}

int dataplane_icmp_source(struct dataplane *dp, unsigned int vrf, const struct iface_addr *addr)
{
	struct icmp_source *source, *old;

	if (vrf >= dp->n_vrfs || (addr->family != 4 && addr->family != 6))
		return -EINVAL;
	source = calloc(1, sizeof(*source));
	if (source == NULL)
		return -ENOMEM;
	old = dp->icmp_sources[vrf];
	if (old != NULL && rcu_reserve(dp->rcu, 1) != 0) {
		free(source);
		return -ENOMEM;
	}
	if (old != NULL)
		*source = *old;
	if (addr->family == 4) {
		memcpy(&source->v4, addr->addr, 4);
	} else {
		source->has_v6 = true;
		memcpy(source->v6, addr->addr, 16);
	}
	__atomic_store_n(&dp->icmp_sources[vrf], source, __ATOMIC_RELEASE);
	if (old != NULL)
		rcu_defer(dp->rcu, memory_release, old, 0);
	return 0;
}

unsigned int dataplane_punt_poll(
	struct dataplane *dp, enum punt_ring ring, struct rte_mbuf **pkts, unsigned int n)
{
	unsigned int got = 0;

	/* begins with another worker each time, so that none is starved by the others */
	for (unsigned int i = 0; i < dp->n_workers && got < n; i++) {
		struct worker *w = dp->workers[(dp->punt_next[ring] + i) % dp->n_workers];

		got += rte_ring_sc_dequeue_burst(
			w->punt[ring].ring, (void **)(pkts + got), n - got, NULL);
	}
	dp->punt_next[ring] = (dp->punt_next[ring] + 1) % dp->n_workers;
	return got;
}

struct rte_mbuf *dataplane_mbuf(struct dataplane *dp)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pool);

	if (m != NULL)
		*meta_of(m) = (struct meta){
			.session = SESSION_NONE,
			.sa = SA_NONE,
			.adjacency = ADJACENCY_NONE,
		};
	return m;
}

/* The kernel's packets leave a part of the ring to tunnels and sessions. */
static bool inject_has_room(struct rte_ring *inject, const struct meta *meta)
{
	return meta->kind == INJECT_SESSION || (meta->flags & META_PRIORITY) ||
		rte_ring_free_count(inject) > INJECT_RING_SIZE / 4;
}

int dataplane_inject(struct dataplane *dp, unsigned int worker, struct rte_mbuf *m)
{
	if (worker < dp->n_workers) {
		struct rte_ring *inject = dp->workers[worker]->inject;

		if (inject_has_room(inject, meta_of(m)) && rte_ring_sp_enqueue(inject, m) == 0)
			return 0;
	}
	rte_pktmbuf_free(m);
	dp->inject_drops++;
	return -ENOBUFS;
}

uint64_t dataplane_inject_drops(const struct dataplane *dp)
{
	return dp->inject_drops;
}

int dataplane_message(struct dataplane *dp, unsigned int worker, const struct message *message)
{
	if (worker >= dp->n_workers)
		return -EINVAL;
	if (message->type == MESSAGE_SESSION_POLICER &&
		(message->policer.up_rate != 0 || message->policer.down_rate != 0))
		policer_table_populate(dp->policers, message->index);
	return rte_ring_sp_enqueue_elem(dp->workers[worker]->messages, (void *)(uintptr_t)message,
		       sizeof(*message)) == 0
		? 0
		: -ENOBUFS;
}

unsigned int dataplane_replies(struct dataplane *dp, struct message_reply *replies, unsigned int n)
{
	unsigned int got = 0;

	for (unsigned int i = 0; i < dp->n_workers && got < n; i++) {
		struct worker *w = dp->workers[(dp->reply_next + i) % dp->n_workers];

		got += rte_ring_sc_dequeue_burst_elem(
			w->replies, replies + got, sizeof(*replies), n - got, NULL);
	}
	dp->reply_next = (dp->reply_next + 1) % dp->n_workers;
	return got;
}

const struct worker_stats *dataplane_worker_stats(struct dataplane *dp, unsigned int worker)
{
	return &dp->workers[worker]->stats_snapshot;
}
