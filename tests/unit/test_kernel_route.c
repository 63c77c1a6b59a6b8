/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mirror against a real kernel: TAPs and TUN in a namespace of the test's own, changed with ip(8).
 */
#include "kernel_device.h"
#include "kernel_netlink.h"
#include "kernel_route.h"
#include "lns.h"
#include "log.h"
#include "rtnl_wire.h"
#include "subscriber.h"

#include <config/config.h>
#include <dataplane/dataplane.h>

#include <criterion/criterion.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char netns_name[32], error[512];
static struct config *config;
static struct dataplane *dp;
static struct kernel_netns *netns;
static struct kernel_taps *taps;
static struct install_route *routes;
static struct kernel_route *mirror;
static bool expect_failure;

static const char yaml[] =
	"lns: {host-name: lns.test}\n"
	"dpdk: {main-core: 0, worker-cores: [0], share-cores: true, hugepages: false, memory: "
	"256,\n"
	"  vdevs: [net_null0, net_null1]}\n"
	"interfaces:\n"
	"  - {name: acc0, device: net_null0, role: access, addresses: [10.0.0.1/24, "
	"2001:db8:a::1/64],\n"
	"     neighbours: [{address: 10.0.0.77, mac: '02:00:00:00:00:77'}]}\n"
	"  - {name: core0, device: net_null1, role: core, mtu: 1400, addresses: [10.1.0.1/24]}\n"
	"subscribers: {auth: [chap], local-address: 100.64.0.1, pool: main}\n"
	"pools: [{name: main, ranges: [100.65.0.0/16]}]\n"
	"kernel: {netns: %s, route-protocol: 108}\n";

/* Runs a command; its output is returned. ip() runs ip(8) inside the namespace. */
static char *shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *shell(const char *format, ...)
{
	static char output[65536];
	char command[1024];
	va_list args;
	size_t n;
	FILE *pipe;
	int status;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	pipe = popen(command, "r");
	n = fread(output, 1, sizeof(output) - 1, pipe);
	output[n] = '\0';
	status = pclose(pipe);
	cr_assert(expect_failure || status == 0, "%s: %d: %s", command, status, output);
	return output;
}
#define ip(format, ...) shell("ip -n %s " format " 2>&1", netns_name, ##__VA_ARGS__)

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void eal(void)
{
	static const char *const args[] = {"unit", "--no-huge", "--no-pci", "--no-telemetry",
		"--no-shconf", "-m", "256", "--iova-mode=va", "--lcores=0@0,1@0", "--main-lcore=0",
		"--log-level=error", "--vdev=net_null0", "--vdev=net_null1"};
	char *argv[13]; /* EAL reorders them */

	for (unsigned int i = 0; i < 13; i++)
		argv[i] = (char *)(uintptr_t)args[i];
	cr_assert_geq(rte_eal_init(13, argv), 0, "%s", rte_strerror(rte_errno));
}

static void base_setup(void)
{
	const unsigned int lcore = 1;
	const char *const vrf = "default";
	struct iface_settings ifaces[2] = {
		{.name = "acc0", .device = "net_null0", .role = IFACE_ACCESS, .mtu = 1500},
		{.name = "core0", .device = "net_null1", .role = IFACE_CORE, .mtu = 1400}};
	struct dataplane_settings settings = {.n_workers = 1,
		.worker_lcores = &lcore,
		.mbufs = 8192,
		.max_sessions = 1024,
		.max_routes4 = 65536,
		.max_routes6 = 65536,
		.max_adjacencies = 1024,
		.n_vrfs = 1,
		.vrf_names = &vrf,
		.n_ifaces = 2,
		.ifaces = ifaces,
		.rx_descriptors = 256,
		.tx_descriptors = 256,
		.idle = DATAPLANE_IDLE_SLEEP,
		.idle_us = 100,
		.icmp_rate = 100};
	struct config_errors errors = {0};
	char text[2048];

	log_set_level(LOG_LEVEL_ERROR);
	snprintf(netns_name, sizeof(netns_name), "lnsd-unit-%d", (int)getpid());
	snprintf(text, sizeof(text), yaml, netns_name);
	cr_assert_eq(config_parse("test.yaml", text, strlen(text), &config, &errors), 0, "%s",
		errors.n ? errors.text[0] : "");
	eal();
	dp = dataplane_create(&settings, error, sizeof(error));
	cr_assert_not_null(dp, "%s", error);
	netns = kernel_netns_open(config, error, sizeof(error));
	cr_assert_not_null(netns, "%s", error);
}

static void mirror_start(void)
{
	mirror = kernel_route_create(config, dp, netns, taps, routes, error, sizeof(error));
	cr_assert_not_null(mirror, "%s", error);
	cr_assert_eq(kernel_route_sync(mirror, 10000), 0);
}

static void setup(void)
{
	struct install_route_settings settings;

	base_setup();
	taps = kernel_taps_create(config, dp, netns, error, sizeof(error));
	cr_assert_not_null(taps, "%s", error);
	install_route_settings_of(&settings, dp);
	routes = install_route_create(&settings);
	mirror_start();
}

static void teardown(void)
{
	char path[64];

	kernel_route_destroy(mirror);
	kernel_taps_destroy(taps);
	kernel_netns_close(netns);
	install_route_destroy(routes);
	dataplane_destroy(dp);
	config_free(config);
	snprintf(path, sizeof(path), "/run/netns/%s", netns_name);
	cr_assert_eq(access(path, F_OK), -1, "the namespace that we made goes");
}

TestSuite(kernel_route, .init = setup, .fini = teardown, .timeout = 100);

/* Lets events and timed work through until the condition holds. */
#define settle(condition)                                          \
	do {                                                       \
		uint64_t settle_until = clock_ms() + 8000;         \
		bool settled = false;                              \
		while (!settled && clock_ms() < settle_until) {    \
			kernel_route_poll(mirror, clock_ms());     \
			while (kernel_route_read(mirror, 1000))    \
				;                                  \
			while (install_route_poll(routes, 100000)) \
				;                                  \
			settled = (condition);                     \
			if (!settled)                              \
				usleep(2000);                      \
		}                                                  \
		cr_assert(settled, "%s", #condition);              \
	} while (0)

static uint32_t fib(const char *text)
{
	char addr[64];
	uint8_t bytes[16] = {0};
	const char *slash = strchr(text, '/');
	bool v6 = strchr(text, ':') != NULL;
	uint32_t addr4;

	snprintf(addr, sizeof(addr), "%.*s", (int)(slash - text), text);
	cr_assert_eq(inet_pton(v6 ? AF_INET6 : AF_INET, addr, bytes), 1);
	memcpy(&addr4, bytes, 4);
	return v6 ? fib_get6(dataplane_fib(dp, 0), bytes, (uint8_t)atoi(slash + 1))
		  : fib_get4(dataplane_fib(dp, 0), addr4, (uint8_t)atoi(slash + 1));
}

static enum fib_type type(const char *prefix)
{
	return fib_target_type(fib(prefix));
}

static bool target_is(uint32_t target, const char *gateway, uint8_t iface)
{
	const struct adjacency *adjacency;
	uint8_t bytes[16] = {0};

	if (fib_target_type(target) != FIB_ADJACENCY)
		return false;
	adjacency = adjacency_at(dataplane_adjacencies(dp), fib_target_index(target));
	inet_pton(strchr(gateway, ':') ? AF_INET6 : AF_INET, gateway, bytes);
	return adjacency->iface == iface && memcmp(adjacency->next_hop, bytes, 16) == 0;
}

/* The prefix leads to this gateway out of this interface. */
static bool via(const char *prefix, const char *gateway, uint8_t iface)
{
	return target_is(fib(prefix), gateway, iface);
}

/* How many slots of the prefix's group lead to this gateway; 0 without a group. */
static unsigned int share(const char *prefix, const char *gateway, uint8_t iface)
{
	uint32_t target = fib(prefix);
	const struct group *group;
	unsigned int n = 0;

	if (fib_target_type(target) != FIB_GROUP)
		return 0;
	group = dataplane_groups(dp)->groups[fib_target_index(target)];
	for (uint32_t s = 0; s < group->n; s++)
		n += target_is(group->targets[s], gateway, iface);
	return n;
}

static bool resolved(const char *prefix)
{
	uint32_t target = fib(prefix);

	return fib_target_type(target) == FIB_ADJACENCY &&
		adjacency_l2(adjacency_at(dataplane_adjacencies(dp), fib_target_index(target))) !=
		NULL;
}

Test(kernel_route, taps_stand_as_configured)
{
	struct iface_info info;
	char mac[32];
	const char *text;

	dataplane_iface_info(dp, 0, &info);
	snprintf(mac, sizeof(mac), "link/ether %02x:%02x:%02x:%02x:%02x:%02x", info.mac[0],
		info.mac[1], info.mac[2], info.mac[3], info.mac[4], info.mac[5]);
	text = ip("addr show acc0");
	cr_assert(strstr(text, mac), "%s", text);
	cr_assert(strstr(text, "inet 10.0.0.1/24 brd 10.0.0.255"), "%s", text);
	cr_assert(strstr(text, "inet6 2001:db8:a::1/64"), "%s", text);
	cr_assert(strstr(text, "inet6 fe80::"), "%s", text);
	cr_assert_not(strstr(text, "tentative"), "%s", text);
	text = ip("link show core0");
	cr_assert(strstr(text, "mtu 1400") && strstr(text, "LOWER_UP"), "%s", text);
	text = ip("addr show lns0");
	cr_assert(strstr(text, "inet 100.64.0.1/32") && strstr(text, "mtu 1500"), "%s", text);
	text = ip("neigh show dev acc0");
	cr_assert(strstr(text, "10.0.0.77 lladdr 02:00:00:00:00:77 PERMANENT"), "%s", text);
	text = ip("link show lo");
	cr_assert(strstr(text, "LOOPBACK,UP"), "%s", text);
	/* our own thread has stayed where it was */
	text = shell("ip link");
	cr_assert_not(strstr(text, "acc0"));
}

Test(kernel_route, addresses_and_connected_subnets_are_mirrored)
{
	settle(type("10.0.0.0/24") == FIB_GLEAN && fib_target_index(fib("10.0.0.0/24")) == 0);
	settle(type("10.1.0.0/24") == FIB_GLEAN && fib_target_index(fib("10.1.0.0/24")) == 1);
	settle(type("2001:db8:a::/64") == FIB_GLEAN);
	settle(type("10.0.0.1/32") == FIB_LOCAL && type("100.64.0.1/32") == FIB_LOCAL);
	settle(type("2001:db8:a::1/128") == FIB_LOCAL);
	settle(fib("10.0.0.255/32") == fib_target(FIB_UNREACHABLE, FIB_BLACKHOLE));
	settle(type("127.0.0.0/8") == FIB_DROP && type("fe80::/64") == FIB_DROP);
	settle(resolved("10.0.0.77/32") && via("10.0.0.77/32", "10.0.0.77", 0));
	ip("addr add 10.9.0.1/24 dev core0");
	settle(type("10.9.0.1/32") == FIB_LOCAL && type("10.9.0.0/24") == FIB_GLEAN);
	ip("addr del 10.9.0.1/24 dev core0");
	settle(type("10.9.0.1/32") == FIB_DROP && type("10.9.0.0/24") == FIB_DROP);
	/* a loopback address, as for BGP and for tunnels */
	ip("addr add 192.0.2.200/32 dev lo");
	settle(type("192.0.2.200/32") == FIB_LOCAL);
}

Test(kernel_route, routes_follow_ip_route)
{
	ip("route add default via 10.1.0.254");
	settle(via("0.0.0.0/0", "10.1.0.254", 1));
	ip("route replace default via 10.0.0.254");
	settle(via("0.0.0.0/0", "10.0.0.254", 0));
	ip("route add default via 10.1.0.9 metric 10");
	ip("route del default via 10.0.0.254");
	settle(via("0.0.0.0/0", "10.1.0.9", 1));
	ip("route add blackhole 172.16.0.0/12");
	ip("route add unreachable 172.17.0.0/16");
	ip("route add prohibit 172.18.0.0/16");
	settle(fib("172.16.0.0/12") == fib_target(FIB_UNREACHABLE, FIB_BLACKHOLE) &&
		fib("172.17.0.0/16") == fib_target(FIB_UNREACHABLE, FIB_UNREACH) &&
		fib("172.18.0.0/16") == fib_target(FIB_UNREACHABLE, FIB_PROHIBIT));
	ip("route add 172.19.0.0/16 nexthop via 10.0.0.8 nexthop via 10.1.0.8");
	settle(share("172.19.0.0/16", "10.0.0.8", 0) == 64 &&
		share("172.19.0.0/16", "10.1.0.8", 1) == 64);
	ip("route replace 172.19.0.0/16 nexthop via 10.0.0.8 weight 3 nexthop via inet6 fe80::8 "
	   "dev core0 weight 1");
	settle(share("172.19.0.0/16", "10.0.0.8", 0) == 96 &&
		share("172.19.0.0/16", "fe80::8", 1) == 32);
	ip("-6 route add 2001:db8:5::/48 via 2001:db8:a::9");
	settle(via("2001:db8:5::/48", "2001:db8:a::9", 0));
	ip("-6 route append 2001:db8:5::/48 via 2001:db8:a::8");
	ip("-6 route del 2001:db8:5::/48 via 2001:db8:a::9");
	settle(via("2001:db8:5::/48", "2001:db8:a::8", 0));
	/* RFC 8950: an IPv4 route by an IPv6 next hop */
	ip("route add 172.20.0.0/16 via inet6 fe80::99 dev core0");
	settle(via("172.20.0.0/16", "fe80::99", 1));
	/* other tables, TOS and sources are somebody else's */
	ip("route add 172.21.0.0/16 via 10.0.0.8 table 1000");
	ip("route add 172.22.0.0/16 tos 0x10 via 10.0.0.8");
	ip("route add 172.23.0.0/16 dev lns0");
	settle(fib("172.23.0.0/16") == fib_target(FIB_UNREACHABLE, FIB_UNREACH));
	cr_assert_eq(fib("172.21.0.0/16"), 0);
	cr_assert_eq(fib("172.22.0.0/16"), 0);
	ip("route flush root 172.0.0.0/8");
	settle(!fib("172.16.0.0/12") && !fib("172.19.0.0/16") && !fib("172.20.0.0/16"));
}

Test(kernel_route, what_the_kernel_takes_away_silently_is_noticed)
{
	ip("route add 172.16.0.0/12 via 10.1.0.254");
	ip("route add 172.16.5.0/24 via 10.0.0.254 src 10.0.0.1");
	ip("addr add 10.0.0.2/32 dev acc0");
	ip("route add 172.16.6.0/24 via 10.0.0.254 src 10.0.0.2");
	settle(via("172.16.0.0/12", "10.1.0.254", 1) && via("172.16.6.0/24", "10.0.0.254", 0));
	/* no RTM_DELROUTE comes for either of these */
	ip("addr del 10.0.0.2/32 dev acc0");
	settle(!fib("172.16.6.0/24"));
	ip("link set core0 down");
	settle(!fib("172.16.0.0/12") && !fib("10.1.0.0/24"));
	settle(via("172.16.5.0/24", "10.0.0.254", 0));
	ip("link set core0 up");
	settle(type("10.1.0.0/24") == FIB_GLEAN);
	settle(!fib("172.16.0.0/12")); /* the kernel has forgotten it too */
	/* nexthop objects, as FRR uses them */
	ip("nexthop add id 7 via 10.0.0.253 dev acc0");
	ip("route add 172.30.0.0/16 nhid 7");
	settle(via("172.30.0.0/16", "10.0.0.253", 0));
	ip("nexthop replace id 7 via 10.0.0.252 dev acc0");
	settle(via("172.30.0.0/16", "10.0.0.252", 0));
	ip("nexthop del id 7");
	settle(!fib("172.30.0.0/16"));
}

static void nexthop_objects(void)
{
	ip("nexthop add id 11 via 10.0.0.253 dev acc0");
	ip("nexthop add id 12 via 10.1.0.253 dev core0");
	ip("nexthop add id 13 group 11,3/12,1");
	ip("nexthop add id 14 blackhole");
	ip("-6 nexthop add id 15 via 2001:db8:a::fd dev acc0");
	ip("route add 172.30.0.0/16 nhid 13");
	ip("route add 172.31.0.0/16 nhid 14");
	ip("-6 route add 2001:db8:30::/48 nhid 15");
	ip("route add 172.29.0.0/16 nhid 15");
	settle(share("172.30.0.0/16", "10.0.0.253", 0) == 96 &&
		share("172.30.0.0/16", "10.1.0.253", 1) == 32);
	settle(fib("172.31.0.0/16") == fib_target(FIB_UNREACHABLE, FIB_BLACKHOLE));
	settle(via("2001:db8:30::/48", "2001:db8:a::fd", 0));
	settle(via("172.29.0.0/16", "2001:db8:a::fd", 0));
	/* a member becomes another, and the group's weights change */
	ip("nexthop replace id 12 via 10.1.0.252 dev core0");
	settle(share("172.30.0.0/16", "10.1.0.252", 1) == 32);
	ip("nexthop replace id 13 group 11,1/12,1");
	settle(share("172.30.0.0/16", "10.0.0.253", 0) == 64 &&
		share("172.30.0.0/16", "10.1.0.252", 1) == 64);
	ip("route replace 172.30.0.0/16 nhid 12");
	settle(via("172.30.0.0/16", "10.1.0.252", 1));
	ip("route replace 172.30.0.0/16 nhid 13");
	settle(share("172.30.0.0/16", "10.0.0.253", 0) == 64);
	/* one member goes: the other has all of it */
	ip("nexthop del id 12");
	settle(via("172.30.0.0/16", "10.0.0.253", 0));
	ip("route del 172.31.0.0/16 nhid 14");
	settle(!fib("172.31.0.0/16"));
	ip("nexthop flush");
	settle(!fib("172.30.0.0/16") && !fib("2001:db8:30::/48") && !fib("172.29.0.0/16"));
}

Test(kernel_route, nexthop_objects_and_their_groups_are_followed)
{
	nexthop_objects();
	/* and where the kernel names the object only */
	shell("ip netns exec %s sysctl -qw net.ipv4.nexthop_compat_mode=0", netns_name);
	nexthop_objects();
}

Test(kernel_route, carrier_moves_traffic_to_the_other_port)
{
	ip("route add 172.16.0.0/12 via 10.1.0.254 metric 10");
	ip("route add 172.16.0.0/12 via 10.0.0.254 metric 20");
	settle(via("172.16.0.0/12", "10.1.0.254", 1));
	kernel_tap_carrier(taps, 1, false);
	settle(via("172.16.0.0/12", "10.0.0.254", 0));
	kernel_tap_carrier(taps, 1, true);
	settle(via("172.16.0.0/12", "10.1.0.254", 1));
	/* the port's own word counts at once, the kernel's comes later */
	kernel_route_link(mirror, 1, false);
	while (install_route_poll(routes, 64))
		;
	cr_assert(via("172.16.0.0/12", "10.0.0.254", 0));
	kernel_route_link(mirror, 1, true);
	while (install_route_poll(routes, 64))
		;
	cr_assert(via("172.16.0.0/12", "10.1.0.254", 1));
}

Test(kernel_route, neighbours_are_mirrored)
{
	ip("route add default via 10.1.0.254");
	ip("neigh replace 10.1.0.254 dev core0 lladdr 02:00:00:00:01:fe nud reachable");
	settle(resolved("0.0.0.0/0") && resolved("10.1.0.254/32"));
	ip("neigh replace 10.1.0.7 dev core0 lladdr 02:00:00:00:01:07 nud stale");
	settle(resolved("10.1.0.7/32"));
	ip("neigh del 10.1.0.7 dev core0");
	settle(!fib("10.1.0.7/32"));
	ip("neigh del 10.1.0.254 dev core0");
	settle(!resolved("0.0.0.0/0") && via("0.0.0.0/0", "10.1.0.254", 1));
}

static const uint8_t arp_head[] = {0x08, 0x06, 0, 1, 8, 0, 6, 4, 0};

/* The next ARP frame out of the TAP: its operation, 0 = none. */
struct arp {
	uint8_t operation, sender_mac[6], sender[4], target[4];
	struct meta meta;
};
static struct arp arp_seen;

static void frame_received(void *user, unsigned int k, struct rte_mbuf *packet)
{
	const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);

	if (packet->data_len >= 42 && memcmp(frame + 12, arp_head, sizeof(arp_head)) == 0) {
		arp_seen.operation = frame[21];
		memcpy(arp_seen.sender_mac, frame + 22, 6);
		memcpy(arp_seen.sender, frame + 28, 4);
		memcpy(arp_seen.target, frame + 38, 4);
		arp_seen.meta = *meta_of(packet);
	}
	rte_pktmbuf_free(packet);
}

static bool arp_from(unsigned int k)
{
	arp_seen.operation = 0;
	kernel_tap_read(taps, k, 64, frame_received, NULL);
	return arp_seen.operation != 0;
}

static void arp_send(
	uint8_t iface, uint8_t operation, const uint8_t sender[4], const uint8_t target[4])
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0xee, 0xee};
	struct rte_mbuf *m = dataplane_mbuf(dp);
	struct iface_info info;
	uint8_t *frame = (uint8_t *)rte_pktmbuf_append(m, 60);

	dataplane_iface_info(dp, iface, &info);
	memset(frame, 0, 60);
	memcpy(frame, operation == 1 ? (uint8_t[6]){255, 255, 255, 255, 255, 255} : info.mac, 6);
	memcpy(frame + 6, mac, 6);
	memcpy(frame + 12, arp_head, sizeof(arp_head));
	frame[21] = operation;
	memcpy(frame + 22, mac, 6);
	memcpy(frame + 28, sender, 4);
	memcpy(frame + 32, info.mac, 6);
	memcpy(frame + 38, target, 4);
	meta_of(m)->kind = PUNT_FRAME;
	meta_of(m)->iface = iface;
	kernel_tap_write(taps, &m, 1);
}

Test(kernel_route, the_kernel_answers_arp_through_the_tap)
{
	struct iface_info info;
	uint64_t until = clock_ms() + 3000;

	dataplane_iface_info(dp, 1, &info);
	arp_send(1, 1, (uint8_t[]){10, 1, 0, 50}, (uint8_t[]){10, 1, 0, 1});
	while (!arp_from(1) && clock_ms() < until)
		usleep(1000);
	cr_assert_eq(arp_seen.operation, 2);
	cr_assert_arr_eq(arp_seen.sender_mac, info.mac, 6);
	cr_assert_arr_eq(arp_seen.sender, ((uint8_t[]){10, 1, 0, 1}), 4);
	cr_assert(arp_seen.meta.kind == INJECT_FRAME && arp_seen.meta.iface == 1);
	/* another port's address is not answered for */
	arp_send(1, 1, (uint8_t[]){10, 1, 0, 50}, (uint8_t[]){10, 0, 0, 1});
	until = clock_ms() + 300;
	while (!arp_from(1) && clock_ms() < until)
		usleep(1000);
	cr_assert_eq(arp_seen.operation, 0);
	cr_assert_eq(kernel_tap_stats(taps, 1)->to_kernel, 2);
}

/* An IPv4 header with this destination, punted for want of a neighbour. */
static void unresolved(uint32_t adjacency, const uint8_t destination[4])
{
	struct rte_mbuf *m = dataplane_mbuf(dp);
	uint8_t packet[28] = {0x45};
	char *data = rte_pktmbuf_append(m, sizeof(packet));

	cr_assert_not_null(data);
	memcpy(packet + 16, destination, 4);
	memcpy(data, packet, sizeof(packet));
	meta_of(m)->kind = PUNT_UNRESOLVED;
	meta_of(m)->adjacency = adjacency;
	meta_of(m)->vrf = 0;
	kernel_route_unresolved(mirror, m, clock_ms());
}

Test(kernel_route, an_unresolved_next_hop_is_asked_for_and_the_packet_follows)
{
	struct kernel_route_stats stats;
	unsigned int before = rte_mempool_avail_count(dataplane_mempool(dp));

	ip("route add default via 10.1.0.254");
	settle(via("0.0.0.0/0", "10.1.0.254", 1));
	/* the gateway is asked for by itself, before any packet */
	settle(arp_from(1) && memcmp(arp_seen.target, (uint8_t[]){10, 1, 0, 254}, 4) == 0);
	unresolved(fib_target_index(fib("0.0.0.0/0")), (uint8_t[]){198, 51, 100, 1});
	kernel_route_stats(mirror, &stats);
	cr_assert(stats.held == 1 && stats.held_sent == 0);
	arp_send(1, 2, (uint8_t[]){10, 1, 0, 254}, (uint8_t[]){10, 1, 0, 1});
	settle(resolved("0.0.0.0/0"));
	kernel_route_stats(mirror, &stats);
	cr_assert(stats.held_sent == 1 && stats.held_drops == 0);
	/* a host of a connected subnet: by its address alone; nobody answers, it is dropped in time */
	for (unsigned int i = 0; i < 6; i++)
		unresolved(ADJACENCY_NONE, (uint8_t[]){10, 1, 0, 33});
	settle(arp_from(1) && memcmp(arp_seen.target, (uint8_t[]){10, 1, 0, 33}, 4) == 0);
	kernel_route_stats(mirror, &stats);
	cr_assert(stats.held == 7 && stats.held_drops == 2, "four a neighbour");
	kernel_route_poll(mirror, clock_ms() + 10000);
	kernel_route_stats(mirror, &stats);
	cr_assert_eq(stats.held_drops, 6);
	/* only the injected one is still out, on its worker's ring, and the TAPs' spare ones */
	cr_assert_leq(before - rte_mempool_avail_count(dataplane_mempool(dp)), 4);
}

static struct config *config_with_pool(const char *range)
{
	struct config_errors errors = {0};
	struct config *made;
	char text[2048], *at;

	snprintf(text, sizeof(text), yaml, netns_name);
	at = strstr(text, "100.65.0.0/16");
	cr_assert_not_null(at);
	memcpy(at, range, strlen(range));
	cr_assert_eq(config_parse("test.yaml", text, strlen(text), &made, &errors), 0, "%s",
		errors.n ? errors.text[0] : "");
	return made;
}

/* lnsd's routes in the kernel now */
static const char *own(void)
{
	struct kernel_route_stats stats;

	settle((kernel_route_stats(mirror, &stats), stats.own_pending == 0));
	return ip("route show proto 108 dev lns0");
}

Test(kernel_route, a_pool_that_goes_leaves_the_routes_of_its_live_sessions)
{
	static struct lns lns;
	struct config *other = config_with_pool("100.66.0.0/16");
	struct profile profile = {.config = config};
	struct session_prefix prefix = {.family = 4, .length = 32, .addr = {100, 65, 0, 9}};
	struct subscriber session = {
		.lns = &lns, .record = {.prefixes = &prefix, .n_prefixes = 1, .index = 1}};
	const char *shown;

	lns.kernel_route = mirror;
	lns.profile = &profile;
	cr_assert_eq(subscribers_init(&lns.subscribers, 16), 0);
	subscribers_add(&lns.subscribers, &session);
	cr_assert_eq(lns_pools_set(&lns, config), 0);
	subscriber_routes_announce(&session, 4, true);
	shown = own();
	cr_expect(strstr(shown, "100.65.0.0/16") && !strstr(shown, "100.65.0.9"), "%s", shown);
	cr_assert_eq(lns_pools_set(&lns, other), 0);
	profile.config = other;
	shown = own();
	cr_expect(strstr(shown, "100.66.0.0/16") && strstr(shown, "100.65.0.9") &&
			!strstr(shown, "100.65.0.0/16"),
		"%s", shown);
	/* and back: the aggregate leads there again */
	cr_assert_eq(lns_pools_set(&lns, config), 0);
	profile.config = config;
	shown = own();
	cr_expect(strstr(shown, "100.65.0.0/16") && !strstr(shown, "100.65.0.9"), "%s", shown);
	/* without a change, with an option that is another one now */
	config->subscribers.announce_hosts = true;
	cr_assert_eq(lns_pools_set(&lns, config), 0);
	shown = own();
	cr_expect(strstr(shown, "100.65.0.0/16") && strstr(shown, "100.65.0.9"), "%s", shown);
	subscriber_routes_announce(&session, 4, false);
	shown = own();
	cr_expect(strstr(shown, "100.65.0.0/16") && !strstr(shown, "100.65.0.9"), "%s", shown);
	lns_pools_free(&lns);
	subscribers_fini(&lns.subscribers);
	config_free(other);
}

Test(kernel_route, own_routes_are_written_counted_and_not_mirrored_back)
{
	struct ip_prefix pool = {.addr = {.family = 4, .bytes = {100, 65, 0, 0}}, .length = 16};
	struct ip_prefix host = {.addr = {.family = 4, .bytes = {100, 65, 0, 0}}, .length = 32};
	struct kernel_route_stats stats;

	cr_assert_eq(kernel_route_announce(mirror, 0, &pool, true), 0);
	for (unsigned int i = 0; i < 1000; i++) {
		host.addr.bytes[2] = (uint8_t)(i >> 8);
		host.addr.bytes[3] = (uint8_t)i;
		cr_assert_eq(kernel_route_announce(mirror, 0, &host, false), 0);
	}
	cr_assert_eq(kernel_route_announce(mirror, 0, &host, false), 0); /* a take-over */
	settle((kernel_route_stats(mirror, &stats), stats.own_pending == 0));
	cr_assert_eq(
		atoi(shell("ip -n %s route show proto 108 dev lns0 | wc -l", netns_name)), 1001);
	cr_assert_eq(fib("100.65.0.0/16"), fib_target(FIB_UNREACHABLE, FIB_UNREACH));
	cr_assert_eq(fib("100.65.0.5/32"), 0, "sessions' routes are install.c's business");
	cr_assert_eq(kernel_route_withdraw(mirror, 0, &host, false), 0);
	cr_assert(strstr(ip("route show 100.65.3.231"), "lns0"), "still one reference");
	cr_assert_eq(kernel_route_withdraw(mirror, 0, &host, false), 0);
	cr_assert_eq(kernel_route_withdraw(mirror, 0, &host, false), -ENOENT);
	settle((kernel_route_stats(mirror, &stats), stats.own_pending == 0));
	cr_assert_eq(atoi(shell("ip -n %s route show proto 108 | wc -l", netns_name)), 1000);
	/* the administrator takes lns0 down and up: the kernel forgets, we do not */
	ip("link set lns0 down");
	settle(atoi(shell("ip -n %s route show proto 108 | wc -l", netns_name)) == 0);
	ip("link set lns0 up");
	settle(atoi(shell("ip -n %s route show proto 108 | wc -l", netns_name)) == 1000);
	/* somebody else's route for the same prefix is refused and counted, not overwritten */
	ip("route add 100.66.0.0/16 via 10.1.0.254");
	pool.addr.bytes[1] = 66;
	log_set_level(LOG_LEVEL_ERROR);
	cr_assert_eq(kernel_route_announce(mirror, 0, &pool, true), 0);
	settle((kernel_route_stats(mirror, &stats), stats.announce_errors == 1));
	cr_assert(strstr(ip("route show 100.66.0.0/16"), "10.1.0.254"));
	/* what is left goes with the mirror */
	kernel_route_destroy(mirror);
	cr_assert_eq(atoi(shell("ip -n %s route show proto 108 | wc -l", netns_name)), 0);
	/* and what a dead process left, at the next start */
	ip("route add 100.67.0.0/16 dev lns0 proto 108");
	ip("route add 100.68.0.0/16 dev lns0 proto static");
	mirror_start();
	cr_assert_eq(atoi(shell("ip -n %s route show proto 108 | wc -l", netns_name)), 0);
	cr_assert(strstr(ip("route show 100.68.0.0/16"), "lns0"));
}

Test(kernel_route, subscribers_reach_the_kernel_and_it_them_through_the_tun)
{
	struct ip_prefix pool = {.addr = {.family = 4, .bytes = {100, 65, 0, 0}}, .length = 16};
	/* an ICMP echo of 100.65.0.9 to 100.64.0.1, checksums right */
	static const uint8_t echo[] = {0x45, 0, 0, 28, 0, 1, 0, 0, 64, 1, 0xb1, 0x52, 100, 65, 0, 9,
		100, 64, 0, 1, 8, 0, 0xf7, 0xfd, 0, 1, 0, 1};
	struct rte_mbuf *m = dataplane_mbuf(dp);
	const struct kernel_tap_stats *stats = kernel_tap_stats(taps, 2);
	uint32_t sum = 0;
	uint64_t until;
	uint8_t *packet;

	cr_assert_eq(kernel_route_announce(mirror, 0, &pool, true), 0);
	settle(strstr(ip("route show 100.65.0.0/16"), "lns0"));
	packet = (uint8_t *)rte_pktmbuf_append(m, sizeof(echo));
	memcpy(packet, echo, sizeof(echo));
	packet[10] = packet[11] = 0;
	for (unsigned int i = 0; i < 20; i += 2)
		sum += (uint32_t)(packet[i] << 8 | packet[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	packet[10] = (uint8_t)(~sum >> 8);
	packet[11] = (uint8_t)~sum;
	meta_of(m)->kind = PUNT_LOCAL;
	meta_of(m)->vrf = 0;
	kernel_tap_write(taps, &m, 1);
	until = clock_ms() + 3000;
	while (!stats->from_kernel && clock_ms() < until) {
		kernel_tap_forward(taps, 2, 16, NULL, NULL);
		usleep(1000);
	}
	cr_assert(stats->to_kernel == 1 && stats->from_kernel >= 1, "%lu %lu %lu",
		(unsigned long)stats->to_kernel, (unsigned long)stats->errors,
		(unsigned long)stats->from_kernel);
}

Test(kernel_route, lost_events_lead_to_a_dump_that_loses_nothing)
{
	struct kernel_route_stats stats;
	char path[64];
	int size = 4096;
	FILE *batch;

	snprintf(path, sizeof(path), "/tmp/%s.batch", netns_name);
	batch = fopen(path, "w");
	for (unsigned int i = 0; i < 5000; i++)
		fprintf(batch, "route add 172.%u.%u.0/24 via 10.1.0.254\n", 16 + i / 256, i % 256);
	fclose(batch);
	ip("-batch %s", path);
	settle(via("172.35.135.0/24", "10.1.0.254", 1));
	setsockopt(kernel_route_fd(mirror), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* half of them go, as many new ones come, and nobody reads */
	batch = fopen(path, "w");
	for (unsigned int i = 0; i < 2500; i++)
		fprintf(batch, "route del 172.%u.%u.0/24\nroute add 10.%u.%u.0/24 via 10.0.0.254\n",
			16 + i / 256, i % 256, 16 + i / 256, i % 256);
	fclose(batch);
	ip("-batch %s", path);
	unlink(path);
	settle((kernel_route_stats(mirror, &stats), stats.overruns > 0));
	settle(!fib("172.16.0.0/24") && via("10.16.0.0/24", "10.0.0.254", 0));
	settle(!fib("172.25.195.0/24") && via("10.25.195.0/24", "10.0.0.254", 0));
	for (unsigned int i = 0; i < 5000; i++) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "172.%u.%u.0/24", 16 + i / 256, i % 256);
		cr_assert_eq(type(prefix), i < 2500 ? FIB_DROP : FIB_ADJACENCY, "%s", prefix);
		snprintf(prefix, sizeof(prefix), "10.%u.%u.0/24", 16 + i / 256, i % 256);
		cr_assert_eq(type(prefix), i < 2500 ? FIB_ADJACENCY : FIB_DROP, "%s", prefix);
	}
	/* alive afterwards */
	ip("route add 192.168.0.0/16 via 10.1.0.254");
	settle(via("192.168.0.0/16", "10.1.0.254", 1));
}

/* ---- beginnings that fail, or find something ---- */

static void base_teardown(void)
{
	dataplane_destroy(dp);
	config_free(config);
}

TestSuite(kernel_start, .init = base_setup, .fini = base_teardown, .timeout = 60);

Test(kernel_start, leftover_taps_are_replaced_and_devices_of_others_are_not_touched)
{
	const char *text;

	log_set_level(LOG_LEVEL_ERROR);
	ip("tuntap add acc0 mode tap");
	ip("addr add 203.0.113.1/24 dev acc0");
	taps = kernel_taps_create(config, dp, netns, error, sizeof(error));
	cr_assert_not_null(taps, "%s", error);
	text = ip("addr show acc0");
	cr_assert_not(strstr(text, "203.0.113.1"), "%s", text);
	cr_assert(strstr(text, "10.0.0.1/24"), "%s", text);
	/* a second daemon */
	cr_assert_null(kernel_taps_create(config, dp, netns, error, sizeof(error)));
	cr_assert(strstr(error, "acc0") && strstr(error, "already running"), "%s", error);
	kernel_taps_destroy(taps);
	expect_failure = true;
	text = ip("link show acc0");
	cr_assert(strstr(text, "does not exist"), "%s", text);
	expect_failure = false;
	/* a device of another kind */
	ip("tuntap add acc0 mode tun");
	cr_assert_null(kernel_taps_create(config, dp, netns, error, sizeof(error)));
	cr_assert(strstr(error, "another kind"), "%s", error);
	ip("link show acc0");
	kernel_netns_close(netns);
}

static int vrf_of_blue(void *socket)
{
	bool made;

	return kernel_device_vrf(socket, "blue", 100, &made, error, sizeof(error));
}

Test(kernel_start, a_device_of_a_vrfs_name_and_another_kind_is_refused)
{
	static const char *const kinds[] = {"bridge", "tun"};
	struct mnl_socket *socket = kernel_netlink_open(netns, NETLINK_ROUTE, 0);

	cr_assert_not_null(socket);
	for (unsigned int i = 0; i < 2; i++) {
		if (i == 0)
			ip("link add blue type bridge");
		else
			ip("tuntap add blue mode tun");
		cr_assert_eq(kernel_netns_run(netns, vrf_of_blue, socket), -EEXIST, "%s", error);
		cr_expect(strstr(error, "'blue'") && strstr(error, kinds[i]), "%s", error);
		cr_expect_not(strstr(ip("link show blue"), ",UP"), "not touched");
		ip("link del blue");
	}
	mnl_socket_close(socket);
	kernel_netns_close(netns);
}

Test(kernel_start, a_namespace_that_was_there_stays)
{
	struct kernel_netns *second;
	char before[64] = "", after[64] = "";

	cr_assert_gt(readlink("/proc/thread-self/ns/net", before, sizeof(before) - 1), 0);
	second = kernel_netns_open(config, error, sizeof(error));
	cr_assert_not_null(second, "%s", error);
	kernel_netns_close(second);
	cr_assert_gt(readlink("/proc/thread-self/ns/net", after, sizeof(after) - 1), 0);
	cr_assert_str_eq(before, after);
	ip("link show lo");
	kernel_netns_close(netns);
	expect_failure = true;
	cr_assert(strstr(ip("link show lo"), "Cannot open network namespace"));
}
