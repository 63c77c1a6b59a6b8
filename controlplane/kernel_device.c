/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes one TAP or TUN device and sets it up, inside the namespace that the calling thread is in.
 */
#include "kernel_device.h"
#include "kernel_netlink.h"
#include "log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define QUEUE_LENGTH 1000

static int conf_write(int family, const char *device, const char *key, int value)
{
	char path[160], text[16];
	int fd, n, r = 0;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv%d/conf/%s/%s", family, device, key);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = snprintf(text, sizeof(text), "%d", value);
	if (write(fd, text, (size_t)n) != n)
		r = -errno;
	close(fd);
	return r;
}

static int conf_read(int family, const char *device, const char *key)
{
	char path[160], text[16] = "";
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv%d/conf/%s/%s", family, device, key);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? atoi(text) : -EIO;
}

/*
 * Reverse path filter: a packet comes by the TAP whose subnet or default route may be elsewhere. The
 * kernel takes the larger of "all" and the device, so that in a namespace of others loose mode (2) is what
 * can be had against a strict "all".
 */
static void conf_reverse_path(const struct kernel_device_settings *settings)
{
	int all = conf_read(4, "all", "rp_filter");

	if (settings->own_netns && all > 0 && conf_write(4, "all", "rp_filter", 0) == 0)
		all = 0;
	conf_write(4, settings->name, "rp_filter", all > 0 ? 2 : 0);
	if (all > 0)
		log_warning(NULL,
			"%s: net.ipv4.conf.all.rp_filter is %d: set it to 0, or packets from "
			"sources "
			"without a route are dropped by the kernel; loose mode is used",
			settings->name, all);
}

static void conf_all(const struct kernel_device_settings *settings)
{
	const char *name = settings->name;

	conf_reverse_path(settings);
	/* the dataplane routes: what comes here is for the kernel itself, or for nobody */
	conf_write(4, name, "forwarding", 0);
	conf_write(4, name, "accept_redirects", 0);
	conf_write(4, name, "send_redirects", 0);
	/* no ARP for one port's address on another, no source address of another port in requests */
	conf_write(4, name, "arp_ignore", 1);
	conf_write(4, name, "arp_announce", 2);
	/* a port without carrier is no next hop, here as in the dataplane */
	conf_write(4, name, "ignore_routes_with_linkdown", 1);
	conf_write(6, name, "ignore_routes_with_linkdown", 1);
	conf_write(6, name, "disable_ipv6", 0);
	conf_write(6, name, "accept_ra", 0);
	conf_write(6, name, "autoconf", 0);
	conf_write(6, name, "accept_dad", 0);
	conf_write(6, name, "dad_transmits", 0);
	conf_write(6, name, "accept_redirects", 0);
	conf_write(6, name, "router_solicitations", 0);
	/* `ip link set down` must not take the configured addresses away */
	conf_write(6, name, "keep_addr_on_down", 1);
	conf_write(6, name, "addr_gen_mode", 1); /* none: we add the link-local address ourselves */
}

static int tun_open(const struct kernel_device_settings *settings, char *error, size_t error_size)
{
	struct ifreq ifr = {.ifr_flags = (settings->tap ? IFF_TAP : IFF_TUN) | IFF_NO_PI};
	bool there = if_nametoindex(settings->name) != 0;
	int fd, r;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", settings->name);
	for (;;) {
		fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0) {
			r = -errno;
			snprintf(error, error_size, "/dev/net/tun: %s%s", strerror(-r),
				r == -ENOENT ? " (modprobe tun)" : "");
			return r;
		}
		if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
			r = -errno;
			snprintf(error, error_size, "%s '%s' could not be made: %s%s",
				settings->tap ? "TAP" : "TUN", settings->name, strerror(-r),
				r == -EBUSY ? " (another process uses it: is lnsd already running?)"
					: r == -EINVAL && there
					? " (a device of this name and another kind is there)"
					: r == -EPERM ? " (CAP_NET_ADMIN is needed)"
						      : "");
			close(fd);
			return r;
		}
		if (!there)
			return fd;
		/* a persistent leftover nobody is attached to: its addresses and neighbours go with it */
		log_warning(NULL, "%s: a leftover device of this name is replaced", settings->name);
		ioctl(fd, TUNSETPERSIST, 0);
		close(fd);
		there = false;
	}
}

static int link_set(
	struct mnl_socket *rtnetlink, const struct kernel_device_settings *settings, int ifindex)
{
	_Alignas(8) char buffer[512];
	struct nlmsghdr *nlh = kernel_netlink_request(buffer, RTM_NEWLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = ifindex;
	mnl_attr_put_u32(nlh, IFLA_MTU, settings->mtu);
	mnl_attr_put_u32(nlh, IFLA_TXQLEN, QUEUE_LENGTH);
	if (settings->tap)
		mnl_attr_put(nlh, IFLA_ADDRESS, 6, settings->mac);
	if (settings->master)
		mnl_attr_put_u32(nlh, IFLA_MASTER, (uint32_t)settings->master);
	return kernel_netlink_talk(rtnetlink, nlh);
}

static int link_up(struct mnl_socket *rtnetlink, int ifindex)
{
	_Alignas(8) char buffer[256];
	struct nlmsghdr *nlh = kernel_netlink_request(buffer, RTM_NEWLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = ifindex;
	ifi->ifi_flags = ifi->ifi_change = IFF_UP;
	return kernel_netlink_talk(rtnetlink, nlh);
}

static int address_add(
	struct mnl_socket *rtnetlink, int ifindex, const struct ip_prefix *address, bool tap)
{
	_Alignas(8) char buffer[512];
	struct nlmsghdr *nlh =
		kernel_netlink_request(buffer, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	bool v4 = address->addr.family == 4;
	size_t length = v4 ? 4 : 16;

	ifa->ifa_family = v4 ? AF_INET : AF_INET6;
	ifa->ifa_prefixlen = address->length;
	ifa->ifa_flags = v4 ? 0 : IFA_F_NODAD;
	ifa->ifa_index = (uint32_t)ifindex;
	mnl_attr_put(nlh, IFA_LOCAL, length, address->addr.bytes);
	mnl_attr_put(nlh, IFA_ADDRESS, length, address->addr.bytes);
	if (v4 && tap && address->length < 31) {
		uint32_t broadcast;

		memcpy(&broadcast, address->addr.bytes, 4);
		broadcast |= htonl(0xffffffffu >> address->length);
		mnl_attr_put(nlh, IFA_BROADCAST, 4, &broadcast);
	}
	return kernel_netlink_talk(rtnetlink, nlh);
}

static int neighbour_add(
	struct mnl_socket *rtnetlink, int ifindex, const struct config_neighbour *neighbour)
{
	_Alignas(8) char buffer[512];
	struct nlmsghdr *nlh =
		kernel_netlink_request(buffer, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));
	bool v4 = neighbour->addr.family == 4;

	ndm->ndm_family = v4 ? AF_INET : AF_INET6;
	ndm->ndm_ifindex = ifindex;
	ndm->ndm_state = NUD_PERMANENT;
	mnl_attr_put(nlh, NDA_DST, v4 ? 4 : 16, neighbour->addr.bytes);
	mnl_attr_put(nlh, NDA_LLADDR, 6, neighbour->mac);
	return kernel_netlink_talk(rtnetlink, nlh);
}

/* fe80::/64 from the MAC address (RFC 4291 appendix A), unless the configuration brings one itself. */
static int link_local_add(
	struct mnl_socket *rtnetlink, const struct kernel_device_settings *settings, int ifindex)
{
	struct ip_prefix address = {.addr = {.family = 6, .bytes = {0xfe, 0x80}}, .length = 64};
	bool wanted = false;

	for (unsigned int i = 0; i < settings->n_addresses; i++) {
		const struct ip_addr *a = &settings->addresses[i].addr;

		if (a->family != 6)
			continue;
		wanted = true;
		if (a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80)
			return 0;
	}
	if (!wanted)
		return 0;
	memcpy(address.addr.bytes + 8, settings->mac, 3);
	address.addr.bytes[8] ^= 2;
	address.addr.bytes[11] = 0xff;
	address.addr.bytes[12] = 0xfe;
	memcpy(address.addr.bytes + 13, settings->mac + 3, 3);
	return address_add(rtnetlink, ifindex, &address, true);
}

int kernel_device_open(struct mnl_socket *rtnetlink, const struct kernel_device_settings *settings,
	int *ifindex, char *error, size_t error_size)
{
	char text[64];
	int fd, r;

	fd = tun_open(settings, error, error_size);
	if (fd < 0)
		return fd;
	*ifindex = (int)if_nametoindex(settings->name);
	conf_all(settings);
	r = link_set(rtnetlink, settings, *ifindex);
	if (r < 0) {
		snprintf(error, error_size, "%s: MTU %u or MAC address could not be set: %s",
			settings->name, settings->mtu, strerror(-r));
		goto fail;
	}
	for (unsigned int i = 0; i < settings->n_addresses; i++) {
		const struct ip_prefix *address = &settings->addresses[i];

		r = address_add(rtnetlink, *ifindex, address, settings->tap);
		if (r < 0) {
			snprintf(error, error_size, "%s: address %s/%u could not be set: %s%s",
				settings->name, ip_addr_text(&address->addr, text), address->length,
				strerror(-r),
				address->addr.family == 6 && r == -EACCES
					? " (IPv6 is disabled: net.ipv6.conf.all.disable_ipv6)"
					: "");
			goto fail;
		}
	}
	if (settings->tap) {
		r = link_local_add(rtnetlink, settings, *ifindex);
		if (r < 0)
			log_warning(NULL, "%s: link-local address could not be set: %s",
				settings->name, strerror(-r));
	}
	r = link_up(rtnetlink, *ifindex);
	if (r < 0) {
		snprintf(error, error_size, "%s: could not be brought up: %s", settings->name,
			strerror(-r));
		goto fail;
	}
	for (unsigned int i = 0; i < settings->n_neighbours; i++) {
		r = neighbour_add(rtnetlink, *ifindex, &settings->neighbours[i]);
		if (r < 0) {
			snprintf(error, error_size, "%s: neighbour %s could not be set: %s",
				settings->name, ip_addr_text(&settings->neighbours[i].addr, text),
				strerror(-r));
			goto fail;
		}
	}
	return fd;

fail:
	close(fd);
	return r;
}

/* What a device is: its kind, and a VRF's table. */
struct link_kind {
	int ifindex;
	char kind[16];
	uint32_t table;
};

static int link_kind_read(const struct nlmsghdr *message, void *user)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr, *info, *data;
	struct link_kind *link = user;

	if (message->nlmsg_type != RTM_NEWLINK || ifi->ifi_index != link->ifindex)
		return 0;
	mnl_attr_for_each(attr, message, sizeof(*ifi))
	{
		if (mnl_attr_get_type(attr) != IFLA_LINKINFO)
			continue;
		mnl_attr_for_each_nested(info, attr)
		{
			if (mnl_attr_get_type(info) == IFLA_INFO_KIND)
				snprintf(link->kind, sizeof(link->kind), "%.*s",
					(int)mnl_attr_get_payload_len(info),
					mnl_attr_get_str(info));
			if (mnl_attr_get_type(info) != IFLA_INFO_DATA)
				continue;
			mnl_attr_for_each_nested(data, info)
			{
				if (mnl_attr_get_type(data) == IFLA_VRF_TABLE &&
					mnl_attr_get_payload_len(data) == sizeof(uint32_t))
					link->table = mnl_attr_get_u32(data);
			}
		}
	}
	return 0;
}

/* The device that has the VRF's name already: it must be what we would make. */
static int vrf_check(struct mnl_socket *rtnetlink, int ifindex, const char *name, uint32_t table,
	char *error, size_t error_size)
{
	_Alignas(8) char buffer[256];
	struct nlmsghdr *nlh = kernel_netlink_request(buffer, RTM_GETLINK, 0);
	struct link_kind link = {.ifindex = ifindex};
	int r;

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	r = kernel_netlink_dump(rtnetlink, nlh, link_kind_read, &link);
	if (r < 0) {
		snprintf(error, error_size, "device '%s' could not be looked at: %s", name,
			strerror(-r));
		return r;
	}
	if (strcmp(link.kind, "vrf")) {
		snprintf(error, error_size,
			"VRF device '%s': a device of this name and another kind (%s) is there",
			name, *link.kind ? link.kind : "hardware");
		return -EEXIST;
	}
	if (link.table != table) {
		snprintf(error, error_size,
			"VRF device '%s' is there with table %u, expected table %u", name,
			link.table, table);
		return -EEXIST;
	}
	return 0;
}

int kernel_device_vrf(struct mnl_socket *rtnetlink, const char *name, uint32_t table, bool *made,
	char *error, size_t error_size)
{
	int ifindex = (int)if_nametoindex(name), r = 0;

	*made = false;
	if (ifindex) {
		r = vrf_check(rtnetlink, ifindex, name, table, error, error_size);
		if (r < 0)
			return r;
	}
	if (!ifindex) {
		_Alignas(8) char buffer[512];
		struct nlmsghdr *nlh =
			kernel_netlink_request(buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
		struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
		struct nlattr *info, *data;

		(void)ifi;
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
		info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
		mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "vrf");
		data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
		mnl_attr_put_u32(nlh, IFLA_VRF_TABLE, table);
		mnl_attr_nest_end(nlh, data);
		mnl_attr_nest_end(nlh, info);
		r = kernel_netlink_talk(rtnetlink, nlh);
		if (r == 0) {
			ifindex = (int)if_nametoindex(name);
			*made = true;
		}
	}
	if (r == 0)
		r = link_up(rtnetlink, ifindex);
	if (r < 0) {
		snprintf(error, error_size, "VRF device '%s' (table %u) could not be made: %s%s",
			name, table, strerror(-r),
			r == -EOPNOTSUPP ? " (the kernel has no VRF devices)" : "");
		return r;
	}
	return ifindex;
}

void kernel_device_remove(struct mnl_socket *rtnetlink, int ifindex)
{
	_Alignas(8) char buffer[256];
	struct nlmsghdr *nlh = kernel_netlink_request(buffer, RTM_DELLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = ifindex;
	kernel_netlink_talk(rtnetlink, nlh);
}
