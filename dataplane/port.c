/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices: their queues, offloads and transmit buffers.
 */
#include "port.h"
#include "handoff.h"
#include "idle.h"
#include "overload.h"
#include "steer.h"

#include <rte_ethdev.h>

#include <errno.h>
#include <stdio.h>

#define TAGS_LENGTH 8 /* two 802.1Q tags */

static int port_fail(char *error, size_t size, int code, const char *device, const char *what)
{
	snprintf(error, size, "device %s: %s: %s", device, what, rte_strerror(-code));
	return code;
}

/*
 * These have the queues of their arguments, and traffic spreads over all of them whether one reads them
 * or not; others are asked for as many as there are workers.
 */
static bool port_has_fixed_queues(const char *driver)
{
	return strcmp(driver, "net_af_packet") == 0 || strcmp(driver, "net_pcap") == 0 ||
		strcmp(driver, "net_ring") == 0;
}

uint16_t ports_data_room(const struct dataplane_settings *settings)
{
	uint32_t room = RTE_MBUF_DEFAULT_DATAROOM;

	for (unsigned int i = 0; i < settings->n_ifaces; i++)
		room = RTE_MAX(room,
			(uint32_t)settings->ifaces[i].mtu + RTE_ETHER_HDR_LEN + TAGS_LENGTH +
				RTE_ETHER_CRC_LEN + ESP_HEADROOM_MAX + ESP_TAILROOM_MAX);
	return (uint16_t)RTE_MIN(
		RTE_ALIGN_CEIL(room, 64u), UINT16_MAX - RTE_PKTMBUF_HEADROOM - 63u);
}

/*
 * What the device is asked for: room for two tags where it has it. A device that names no largest MTU
 * (net_af_packet) is limited by its largest frame, as ethdev computes it.
 */
static uint32_t port_mtu(const struct rte_eth_dev_info *info, uint16_t mtu)
{
	uint32_t most = info->max_mtu == 0 ? UINT16_MAX : info->max_mtu;
	uint32_t overhead = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;

	if (info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu)
		overhead = info->max_rx_pktlen - info->max_mtu;
	if (info->max_rx_pktlen > overhead)
		most = RTE_MIN(most, info->max_rx_pktlen - overhead);
	return RTE_MAX(RTE_MIN((uint32_t)mtu + TAGS_LENGTH, most), (uint32_t)info->min_mtu);
}

static int port_configure(
	struct dataplane *dp, struct port *port, uint16_t mtu, char *error, size_t size)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {0};
	int code = rte_eth_dev_info_get(port->ethdev, &info);

	if (code != 0)
		return port_fail(error, size, code, port->device, "cannot be asked what it is");
	snprintf(port->driver, sizeof(port->driver), "%s", info.driver_name);

	/* drivers on top of a kernel's device that call their link up as long as they run */
	if (strcmp(port->driver, "net_af_packet") == 0 || strcmp(port->driver, "net_pcap") == 0)
		port->kernel_ifindex = (int)info.if_index;

	bool fixed = port_has_fixed_queues(info.driver_name);

	port->n_rx = fixed ? info.max_rx_queues : RTE_MIN(info.max_rx_queues, dp->n_workers);
	port->n_tx = RTE_MIN(info.max_tx_queues, dp->n_workers);
	/* a worker's list has PORTS_MAX * 4 entries */
	port->n_rx = RTE_MIN(port->n_rx, 4 * dp->n_workers);
	if (port->n_rx == 0 || port->n_tx == 0) {
		snprintf(error, size,
			"device %s: %u receive and %u transmit queues: at least one each is needed",
			port->device, info.max_rx_queues, info.max_tx_queues);
		return -ENOTSUP;
	}
	port->rss_offered = info.flow_type_rss_offloads;
	port->rss = steer_rss(info.flow_type_rss_offloads, port->n_rx);
	if (port->rss != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = port->rss;
	}
	conf.rxmode.offloads = steer_rx_offloads(info.driver_name, info.rx_offload_capa);
	conf.txmode.offloads = steer_tx_offloads(info.tx_offload_capa);
	port->rx_offloads = conf.rxmode.offloads;
	port->tx_offloads = conf.txmode.offloads;
	conf.rxmode.mtu = port_mtu(&info, mtu);
	port->rx_ip_checksum = conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
	port->rx_udp_checksum = conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	port->tx_udp_checksum = conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	port->tx_segments = conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;

	code = rte_eth_dev_configure(port->ethdev, port->n_rx, port->n_tx, &conf);
	if (code != 0)
		return port_fail(error, size, code, port->device, "cannot be configured");

	uint16_t n_rx_descriptors = dp->rx_descriptors, n_tx_descriptors = dp->tx_descriptors;

	code = rte_eth_dev_adjust_nb_rx_tx_desc(port->ethdev, &n_rx_descriptors, &n_tx_descriptors);
	if (code != 0)
		return port_fail(error, size, code, port->device, "descriptors");

	port->rx_descriptors = n_rx_descriptors;
	port->tx_descriptors = n_tx_descriptors;

	int socket = rte_eth_dev_socket_id(port->ethdev);

	for (uint16_t queue = 0; queue < port->n_rx; queue++) {
		code = rte_eth_rx_queue_setup(port->ethdev, queue, n_rx_descriptors,
			(unsigned int)socket, NULL, dp->pool);
		if (code != 0)
			return port_fail(error, size, code, port->device, "receive queue");
	}
	for (uint16_t queue = 0; queue < port->n_tx; queue++) {
		code = rte_eth_tx_queue_setup(
			port->ethdev, queue, n_tx_descriptors, (unsigned int)socket, NULL);
		if (code != 0)
			return port_fail(error, size, code, port->device, "transmit queue");
	}
	return 0;
}

static struct port *port_find(struct dataplane *dp, uint16_t ethdev)
{
	for (unsigned int i = 0; i < dp->n_ports; i++)
		if (dp->ports[i].ethdev == ethdev)
			return &dp->ports[i];
	return NULL;
}

static int port_missing(const struct iface_settings *iface, char *error, size_t size)
{
	char devices[256] = "";
	size_t used = 0;
	uint16_t ethdev;

	RTE_ETH_FOREACH_DEV (ethdev) {
		char name[RTE_ETH_NAME_MAX_LEN];

		if (rte_eth_dev_get_name_by_port(ethdev, name) == 0 && used < sizeof(devices))
			used += (size_t)snprintf(devices + used, sizeof(devices) - used, "%s%s",
				used == 0 ? "" : ", ", name);
	}
	snprintf(error, size, "interface %s: there is no device %s; devices found: %s", iface->name,
		iface->device, used == 0 ? "none" : devices);
	return -ENODEV;
}

/* One interface onto its device's list of tags. */
static int port_attach(struct dataplane *dp, const struct iface_settings *settings,
	struct iface *iface, char *error, size_t size)
{
	struct port *port;
	uint16_t ethdev;
	int code;

	if (rte_eth_dev_get_port_by_name(settings->device, &ethdev) != 0)
		return port_missing(settings, error, size);
	port = port_find(dp, ethdev);
	if (port == NULL) {
		port = &dp->ports[dp->n_ports];
		port->ethdev = ethdev;
		port->untagged = INTERFACE_NONE;
		snprintf(port->device, sizeof(port->device), "%s", settings->device);
		code = rte_eth_macaddr_get(ethdev, &port->mac);
		if (code != 0)
			return port_fail(error, size, code, port->device, "has no MAC address");
		memcpy(&port->mac_word, port->mac.addr_bytes, sizeof(port->mac));
		dp->port_of_ethdev[ethdev] = (uint8_t)dp->n_ports++;
	}
	iface->port = (uint8_t)(port - dp->ports);
	iface->mac = port->mac;
	if (settings->vlan == 0) {
		if (port->untagged != INTERFACE_NONE) {
			snprintf(error, size,
				"interface %s: device %s already is interface %s without a VLAN",
				settings->name, settings->device, dp->ifaces[port->untagged].name);
			return -EEXIST;
		}
		port->untagged = iface->index;
		return 0;
	}
	for (unsigned int i = 0; i < port->n_tagged; i++) {
		const struct iface *other = &dp->ifaces[port->tagged[i]];

		if (other->vlan == settings->vlan && other->outer_vlan == settings->outer_vlan) {
			snprintf(error, size,
				"interface %s: VLAN %u.%u of device %s already is interface %s",
				settings->name, settings->outer_vlan, settings->vlan,
				settings->device, other->name);
			return -EEXIST;
		}
	}
	port->tagged[port->n_tagged++] = iface->index;
	return 0;
}

int ports_open(
	struct dataplane *dp, const struct dataplane_settings *settings, char *error, size_t size)
{
	uint16_t mtus[PORTS_MAX] = {0};

	memset(dp->port_of_ethdev, INTERFACE_NONE, sizeof(dp->port_of_ethdev));
	for (unsigned int i = 0; i < settings->n_ifaces; i++) {
		int code = port_attach(dp, &settings->ifaces[i], &dp->ifaces[i], error, size);
		uint8_t port = dp->ifaces[i].port;

		if (code != 0)
			return code;
		mtus[port] = RTE_MAX(mtus[port], settings->ifaces[i].mtu);
	}
	for (unsigned int i = 0; i < dp->n_ports; i++) {
		int code = port_configure(dp, &dp->ports[i], mtus[i], error, size);

		if (code != 0)
			return code;
	}
	return 0;
}

/* What the queues have become, which need not be what was asked for. */
static void port_learn_queues(struct port *port)
{
	uint16_t least = UINT16_MAX;

	for (uint16_t queue = 0; queue < port->n_rx; queue++) {
		struct rte_eth_rxq_info info;

		if (rte_eth_rx_queue_info_get(port->ethdev, queue, &info) != 0 || info.nb_desc == 0)
			return;
		least = RTE_MIN(least, info.nb_desc);
	}
	port->rx_descriptors = least;
	port->rx_descriptors_told = true;
}

int ports_start(struct dataplane *dp, char *error, size_t size)
{
	for (unsigned int i = 0; i < dp->n_ports; i++) {
		struct port *port = &dp->ports[i];
		int code = rte_eth_dev_start(port->ethdev);

		if (code != 0)
			return port_fail(error, size, code, port->device, "cannot be started");
		port->started = true;
		port_learn_queues(port);
		steer_start(port);
		overload_prepare(dp, port);
		/* ND, VRRP and routing protocols are multicast; a device that cannot filter shows all */
		rte_eth_allmulticast_enable(port->ethdev);
	}
	idle_prepare(dp);
	return 0;
}

void ports_stop(struct dataplane *dp)
{
	for (unsigned int i = 0; i < dp->n_ports; i++) {
		if (dp->ports[i].started)
			steer_stop(&dp->ports[i]);
		if (dp->ports[i].started)
			rte_eth_dev_stop(dp->ports[i].ethdev);
		dp->ports[i].started = false;
	}
}

void ports_assign(struct dataplane *dp, struct worker *w)
{
	unsigned int turn = 0;

	for (unsigned int i = 0; i < dp->n_ports; i++) {
		const struct port *port = &dp->ports[i];
		struct tx_buffer *tx = &w->tx[i];

		/* a device with fewer queues than workers begins where the one before it ended */
		for (uint16_t queue = 0; queue < port->n_rx; queue++) {
			unsigned int owner = port->n_rx >= dp->n_workers ? queue : turn + queue;

			if (owner % dp->n_workers != w->id)
				continue;
			w->rx[w->n_rx].ethdev = port->ethdev;
			w->rx[w->n_rx].fill = BURST;
			w->rx[w->n_rx++].queue = queue;
		}
		if (port->n_rx < dp->n_workers)
			turn += port->n_rx;
		tx->ethdev = port->ethdev;
		tx->queue = (uint16_t)(w->id % port->n_tx);
		tx->owner = (uint8_t)tx->queue;
		tx->segments = port->tx_segments;
	}
	w->n_ports = (uint8_t)dp->n_ports;
}

static void port_flush_one(struct tx_buffer *tx)
{
	uint16_t sent = rte_eth_tx_burst(tx->ethdev, tx->queue, tx->pkts, tx->n);

	tx->n -= sent;
	if (unlikely(tx->n > 0 && sent > 0))
		memmove(tx->pkts, tx->pkts + sent, tx->n * sizeof(tx->pkts[0]));
}

bool port_make_room(struct tx_buffer *tx, uint16_t n)
{
	if (unlikely(tx->n + n > TX_DATA))
		port_flush_one(tx);
	return likely(tx->n + n <= TX_DATA);
}

void port_send_slow(struct worker *w, uint8_t iface_index, struct rte_mbuf *m)
{
	const struct iface *iface = &w->ifaces[iface_index];
	struct tx_buffer *tx = &w->tx[iface->port];

	if (!__atomic_load_n(&iface->up, __ATOMIC_RELAXED)) {
		worker_drop(w, m, DROP_TX_IFACE_DOWN);
		return;
	}
	if (tx->owner != w->id) {
		meta_of(m)->iface = iface_index;
		handoff(w, m, tx->owner, HANDOFF_TX);
		return;
	}
	if (m->nb_segs > 1 && !tx->segments && rte_pktmbuf_linearize(m) != 0) {
		worker_drop(w, m, DROP_FRAGMENT_FAILED);
		return;
	}
	if (tx->n >= TX_DATA) {
		port_flush_one(tx);
		if (tx->n >= (meta_of(m)->flags & META_PRIORITY ? TX_BUFFER : TX_DATA)) {
			worker_drop(w, m, DROP_TX_FULL);
			return;
		}
	}
	w->stats.iface[iface_index].tx_packets++;
	w->stats.iface[iface_index].tx_bytes += m->pkt_len;
	tx->pkts[tx->n++] = m;
}

void port_flush(struct worker *w)
{
	for (uint8_t i = 0; i < w->n_ports; i++)
		if (w->tx[i].n > 0)
			port_flush_one(&w->tx[i]);
}
