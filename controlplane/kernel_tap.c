/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One TAP per interface and one TUN per VRF: packets to and from the kernel.
 */
#include "kernel_tap.h"
#include "kernel_device.h"
#include "kernel_netlink.h"
#include "kernel_rule.h"
#include "log.h"

#include <dataplane/meta.h>

#include <rte_mbuf.h>

#include <errno.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#define SEGMENTS_MAX 32
#define OVERFLOW_MAX 65536

struct device {
	int fd, ifindex, carrier; /* carrier: -1 = never set */
	char name[16];
	struct kernel_tap_stats stats;
};

struct kernel_taps {
	struct dataplane *dataplane;
	struct kernel_netns *netns;
	struct mnl_socket *rtnetlink;
	struct rte_mbuf *spare; /* taken for a read that found nothing */
	char *overflow;         /* what does not fit into one buffer lands here first */
	unsigned int n_ifaces, n;
	const struct config *config;
	int vrf_made[CONFIG_VRFS_MAX]; /* ifindex of VRF devices that go at exit, 0 = none */
	bool vrf_rules[CONFIG_VRFS_MAX];
	struct device devices[];
};

struct create_request {
	const struct config *config;
	struct kernel_taps *taps;
	char *error;
	size_t error_size;
};

static int create_taps(struct create_request *request, const int *masters)
{
	const struct config *config = request->config;
	struct kernel_taps *taps = request->taps;
	int r;

	for (unsigned int i = 0; i < config->n_interfaces; i++) {
		const struct config_interface *interface = &config->interfaces[i];
		struct device *device = &taps->devices[i];
		struct iface_info info;

		r = dataplane_iface_info(taps->dataplane, i, &info);
		if (r < 0) {
			snprintf(request->error, request->error_size,
				"interfaces[%s]: no such port", interface->name);
			return r;
		}
		r = kernel_device_open(taps->rtnetlink,
			&(struct kernel_device_settings){
				.name = interface->name,
				.tap = true,
				.own_netns = kernel_netns_name(taps->netns) != NULL,
				.mac = info.mac,
				.mtu = interface->mtu,
				.master = masters[interface->vrf],
				.n_addresses = interface->n_addresses,
				.addresses = interface->addresses,
				.n_neighbours = interface->n_neighbours,
				.neighbours = interface->neighbours,
			},
			&device->ifindex, request->error, request->error_size);
		if (r < 0)
			return r;
		device->fd = r;
		snprintf(device->name, sizeof(device->name), "%s", interface->name);
		kernel_tap_carrier(taps, i, info.link_up);
	}
	return 0;
}

static int create_tuns(struct create_request *request, const int *masters)
{
	const struct config *config = request->config;
	struct kernel_taps *taps = request->taps;
	const struct ip_addr *local = &config->subscribers.local_address;
	struct ip_prefix address = {.addr = *local, .length = local->family == 6 ? 128 : 32};
	int r;

	for (unsigned int v = 0; v < config->n_vrfs; v++) {
		struct device *device = &taps->devices[taps->n_ifaces + v];

		r = kernel_device_open(taps->rtnetlink,
			&(struct kernel_device_settings){
				.name = config->vrfs[v].tun,
				.own_netns = kernel_netns_name(taps->netns) != NULL,
				.mtu = config->kernel.tun_mtu,
				.master = masters[v],
				.n_addresses = local->family != 0,
				.addresses = &address,
			},
			&device->ifindex, request->error, request->error_size);
		if (r < 0)
			return r;
		device->fd = r;
		snprintf(device->name, sizeof(device->name), "%s", config->vrfs[v].tun);
	}
	return 0;
}

/* An address that another VRF has too says nothing of where its packets belong. */
static bool address_is_shared(const struct config *config, const struct config_interface *of)
{
	for (unsigned int i = 0; i < config->n_interfaces; i++) {
		const struct config_interface *other = &config->interfaces[i];

		for (unsigned int a = 0; a < of->n_addresses && other->vrf != of->vrf; a++)
			for (unsigned int b = 0; b < other->n_addresses; b++)
				if (!memcmp(&of->addresses[a].addr, &other->addresses[b].addr,
					    sizeof(struct ip_addr)))
					return true;
	}
	return false;
}

/* Of all devices in a VRF that has no device of its own. */
static int rules_set(struct kernel_taps *taps, unsigned int vrf, bool add)
{
	const struct config *config = taps->config;
	struct kernel_rule_settings settings = {.device = config->vrfs[vrf].tun,
		.table = config->vrfs[vrf].table,
		.protocol = config->kernel.route_protocol};
	int r = kernel_rules_set(taps->rtnetlink, &settings, add);

	for (unsigned int i = 0; i < config->n_interfaces && (!add || r == 0); i++) {
		const struct config_interface *interface = &config->interfaces[i];

		if (interface->vrf != vrf)
			continue;
		settings.device = interface->name;
		settings.addresses = interface->addresses;
		settings.n_addresses =
			address_is_shared(config, interface) ? 0 : interface->n_addresses;
		r = kernel_rules_set(taps->rtnetlink, &settings, add);
	}
	return r;
}

static int create_vrf(struct create_request *request, unsigned int vrf, int *master)
{
	const struct config_vrf *config = &request->config->vrfs[vrf];
	struct kernel_taps *taps = request->taps;
	bool made;
	int r = kernel_device_vrf(taps->rtnetlink, config->name, config->table, &made,
		request->error, request->error_size);

	if (r >= 0) {
		*master = r;
		taps->vrf_made[vrf] = made ? r : 0;
		return 0;
	}
	if (r != -EOPNOTSUPP)
		return r;
	log_warning(NULL,
		"VRF %s: the kernel has no VRF devices (modprobe vrf), rules lead to table %u "
		"instead",
		config->name, config->table);
	request->error[0] = '\0';
	taps->vrf_rules[vrf] = true;
	r = rules_set(taps, vrf, true);
	if (r < 0)
		snprintf(request->error, request->error_size,
			"rules of VRF %s (table %u) could not be made: %s", config->name,
			config->table, strerror(-r));
	return r;
}

static int create_inside(void *argument)
{
	struct create_request *request = argument;
	const struct config *config = request->config;
	int masters[CONFIG_VRFS_MAX] = {0}, r;

	/* the default VRF is the kernel's main table: it needs no device */
	for (unsigned int v = 1; v < config->n_vrfs; v++) {
		r = create_vrf(request, v, &masters[v]);
		if (r < 0)
			return r;
	}
	r = create_taps(request, masters);
	return r < 0 ? r : create_tuns(request, masters);
}

struct kernel_taps *kernel_taps_create(const struct config *config, struct dataplane *dataplane,
	struct kernel_netns *netns, char *error, size_t error_size)
{
	unsigned int n = config->n_interfaces + config->n_vrfs;
	struct kernel_taps *taps = calloc(1, sizeof(*taps) + n * sizeof(taps->devices[0]));
	struct create_request request = {
		.config = config, .taps = taps, .error = error, .error_size = error_size};

	if (!taps)
		goto no_memory;
	taps->dataplane = dataplane;
	taps->config = config;
	taps->netns = netns;
	taps->n_ifaces = config->n_interfaces;
	taps->n = n;
	for (unsigned int k = 0; k < n; k++)
		taps->devices[k].fd = taps->devices[k].carrier = -1;
	taps->overflow = malloc(OVERFLOW_MAX);
	if (!taps->overflow)
		goto no_memory;
	taps->rtnetlink = kernel_netlink_open(netns, NETLINK_ROUTE, 0);
	if (!taps->rtnetlink) {
		snprintf(error, error_size, "rtnetlink: %s", strerror(errno));
		goto fail;
	}
	error[0] = '\0';
	if (kernel_netns_run(netns, create_inside, &request) < 0) {
		if (!error[0])
			snprintf(error, error_size, "network namespace could not be entered");
		goto fail;
	}
	return taps;

no_memory:
	snprintf(error, error_size, "TAPs: out of memory");
fail:
	kernel_taps_destroy(taps);
	return NULL;
}

void kernel_taps_destroy(struct kernel_taps *taps)
{
	if (!taps)
		return;
	for (unsigned int k = 0; k < taps->n; k++)
		if (taps->devices[k].fd >= 0)
			close(taps->devices[k].fd);
	for (unsigned int v = 0; v < CONFIG_VRFS_MAX && taps->rtnetlink; v++) {
		if (taps->vrf_made[v])
			kernel_device_remove(taps->rtnetlink, taps->vrf_made[v]);
		if (taps->vrf_rules[v])
			rules_set(taps, v, false);
	}
	if (taps->rtnetlink)
		mnl_socket_close(taps->rtnetlink);
	rte_pktmbuf_free(taps->spare);
	free(taps->overflow);
	free(taps);
}

unsigned int kernel_taps_count(const struct kernel_taps *taps)
{
	return taps->n;
}

unsigned int kernel_taps_ifaces(const struct kernel_taps *taps)
{
	return taps->n_ifaces;
}

int kernel_tap_fd(const struct kernel_taps *taps, unsigned int k)
{
	return taps->devices[k].fd;
}

int kernel_tap_ifindex(const struct kernel_taps *taps, unsigned int k)
{
	return taps->devices[k].ifindex;
}

const char *kernel_tap_name(const struct kernel_taps *taps, unsigned int k)
{
	return taps->devices[k].name;
}

bool kernel_taps_vrf_by_rules(const struct kernel_taps *taps, unsigned int vrf)
{
	return taps->vrf_rules[vrf];
}

const struct kernel_tap_stats *kernel_tap_stats(const struct kernel_taps *taps, unsigned int k)
{
	return &taps->devices[k].stats;
}

/* The part of a packet that was longer than its first buffer, into further segments. */
static int append_segments(
	struct kernel_taps *taps, struct rte_mbuf *head, const char *data, size_t length)
{
	struct rte_mbuf *last = head;

	while (length) {
		struct rte_mbuf *m = dataplane_mbuf(taps->dataplane);
		uint16_t room, part;

		if (!m)
			return -ENOMEM;
		room = rte_pktmbuf_tailroom(m);
		part = length < room ? (uint16_t)length : room;
		memcpy(rte_pktmbuf_append(m, part), data, part);
		last->next = m;
		last = m;
		head->nb_segs++;
		head->pkt_len += part;
		data += part;
		length -= part;
	}
	return 0;
}

static struct rte_mbuf *read_one(struct kernel_taps *taps, unsigned int k, bool *empty)
{
	struct device *device = &taps->devices[k];
	struct rte_mbuf *m = taps->spare ? taps->spare : dataplane_mbuf(taps->dataplane);
	struct iovec iov[2];
	struct meta *meta;
	uint16_t room;
	ssize_t n;

	taps->spare = NULL;
	if (!m) {
		/* the packet is read all the same: a full queue would keep epoll awake */
		n = read(device->fd, taps->overflow, OVERFLOW_MAX);
		*empty = n <= 0;
		if (n > 0)
			device->stats.from_kernel_drops++;
		return NULL;
	}
	room = rte_pktmbuf_tailroom(m);
	iov[0] = (struct iovec){rte_pktmbuf_mtod(m, void *), room};
	iov[1] = (struct iovec){taps->overflow, OVERFLOW_MAX};
	n = readv(device->fd, iov, 2);
	if (n <= 0) {
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			device->stats.errors++;
			log_ratelimited(LOG_LEVEL_WARNING, NULL, "%s: read: %s", device->name,
				strerror(errno));
		}
		taps->spare = m;
		*empty = true;
		return NULL;
	}
	m->data_len = n < room ? (uint16_t)n : room;
	m->pkt_len = m->data_len;
	if (n > room && append_segments(taps, m, taps->overflow, (size_t)n - room) < 0) {
		device->stats.from_kernel_drops++;
		rte_pktmbuf_free(m);
		return NULL;
	}
	meta = meta_of(m);
	if (k < taps->n_ifaces) {
		meta->kind = INJECT_FRAME;
		meta->iface = (uint8_t)k;
	} else {
		meta->kind = INJECT_IP;
		meta->vrf = (uint16_t)(k - taps->n_ifaces);
	}
	device->stats.from_kernel++;
	return m;
}

unsigned int kernel_tap_read(struct kernel_taps *taps, unsigned int k, unsigned int budget,
	kernel_tap_receive *receive, void *user)
{
	unsigned int n;

	for (n = 0; n < budget; n++) {
		bool empty = false;
		struct rte_mbuf *m = read_one(taps, k, &empty);

		if (empty)
			break;
		if (m)
			receive(user, k, m);
	}
	return n;
}

struct batch {
	struct rte_mbuf *packets[KERNEL_TAP_BATCH];
	unsigned int n;
};

static void batch_one(void *user, unsigned int k, struct rte_mbuf *packet)
{
	struct batch *batch = user;

	batch->packets[batch->n++] = packet;
}

unsigned int kernel_tap_forward(struct kernel_taps *taps, unsigned int k, unsigned int budget,
	void (*before)(void *user), void *user)
{
	/* one device, one worker: the kernel's packets stay in order */
	unsigned int worker = k % dataplane_workers(taps->dataplane), n;
	struct batch batch = {.n = 0};

	n = kernel_tap_read(
		taps, k, budget < KERNEL_TAP_BATCH ? budget : KERNEL_TAP_BATCH, batch_one, &batch);
	if (before && batch.n)
		before(user);
	for (unsigned int i = 0; i < batch.n; i++)
		if (dataplane_inject(taps->dataplane, worker, batch.packets[i]) < 0)
			taps->devices[k].stats.from_kernel_drops++;
	return n;
}

static void write_one(struct kernel_taps *taps, struct rte_mbuf *m)
{
	const struct meta *meta = meta_of(m);
	struct iovec iov[SEGMENTS_MAX];
	struct device *device;
	int n = 0;

	if (meta->kind == PUNT_FRAME && meta->iface < taps->n_ifaces) {
		device = &taps->devices[meta->iface];
	} else if (meta->kind == PUNT_LOCAL && meta->vrf < taps->n - taps->n_ifaces) {
		device = &taps->devices[taps->n_ifaces + meta->vrf];
	} else {
		taps->devices[0].stats.errors++; /* for a device that is not there */
		return;
	}
	for (const struct rte_mbuf *s = m; s; s = s->next) {
		if (n == SEGMENTS_MAX) {
			device->stats.to_kernel_drops++;
			return;
		}
		iov[n++] = (struct iovec){rte_pktmbuf_mtod(s, void *), s->data_len};
	}
	if (writev(device->fd, iov, n) >= 0) {
		device->stats.to_kernel++;
	} else if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == EIO) {
		device->stats.to_kernel_drops++; /* EIO: the device is down */
	} else {
		device->stats.errors++;
		log_ratelimited(LOG_LEVEL_WARNING, NULL, "%s: write of %u bytes: %s", device->name,
			m->pkt_len, strerror(errno));
	}
}

void kernel_tap_write(struct kernel_taps *taps, struct rte_mbuf **packets, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		write_one(taps, packets[i]);
	rte_pktmbuf_free_bulk(packets, n);
}

void kernel_tap_carrier(struct kernel_taps *taps, unsigned int k, bool up)
{
	struct device *device = &taps->devices[k];
	int carrier = up;

	if (device->fd < 0 || device->carrier == carrier)
		return;
	if (ioctl(device->fd, TUNSETCARRIER, &carrier) < 0)
		log_ratelimited(LOG_LEVEL_WARNING, NULL, "%s: carrier could not be set: %s",
			device->name, strerror(errno));
	else if (device->carrier >= 0)
		log_warning(NULL, "%s: link %s", device->name, up ? "up" : "down");
	device->carrier = carrier;
}
