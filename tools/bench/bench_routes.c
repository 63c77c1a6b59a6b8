/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long the control core is busy with an internet's worth of routes: rtnetlink messages as a dump brings
 * them, through the real parser, mirror and installer into real forwarding tables, in turns as the control
 * loop makes them. What is measured is the sum, and the longest turn, which a HELLO would have waited for.
 *
 * bench_routes [--json FILE] [IPV4-ROUTES IPV6-ROUTES]      default: 1000000 200000, --quick: 20000 4000 (figures.h).
 * No kernel, no root, no DPDK ports.
 */
#include "figures.h"
#include "kernel_mirror.h"
#include "rtnl_wire.h"

#include <dataplane/rcu.h>

#include <libmnl/libmnl.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define GATEWAYS      16
#define DATAGRAM      32768 /* what the kernel fills of a reader's buffer */
#define TURN_PREFIXES 512   /* as kernel_route.c */
#define TURN_RELEASES 256
#define PROTOCOL      186 /* BGP, as FRR writes it */

struct route {
	uint8_t family, length;
	uint8_t addr[16];
	uint8_t gateway;
};

static struct route *routes;
static unsigned int n4, n6;
static struct kernel_mirror mirror;
static struct install_route_settings settings;
static struct rcu *rcu;

static struct turns {
	uint64_t total, longest, over_ms; /* ns; turns above a millisecond */
	uint64_t n;
} turns;

static uint64_t now_ns(void)
{
	struct timespec now;

	/* this core's own time: what other programs on the machine take is not ours to count */
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t random_next(void)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* True if no route before has this prefix. */
static bool route_is_new(const struct route *route)
{
	static uint32_t *slots, size;
	uint64_t hash = route->length;

	if (!slots) {
		for (size = 1; size < 2 * (n4 + n6); size *= 2)
			;
		slots = calloc(size, sizeof(*slots));
		if (!slots)
			exit(1);
	}
	for (unsigned int i = 0; i < 8; i++)
		hash = (hash ^ route->addr[i]) * 0x9e3779b97f4a7c15u;
	for (uint32_t at = (uint32_t)(hash >> 32) & (size - 1);; at = (at + 1) & (size - 1)) {
		const struct route *other = &routes[slots[at] - 1];

		if (!slots[at]) {
			slots[at] = (uint32_t)(route - routes) + 1;
			return true;
		}
		if (other->family == route->family && other->length == route->length &&
			memcmp(other->addr, route->addr, 16) == 0)
			return false;
	}
}

/* Lengths as in the internet's tables, roughly: more than half /24, the rest /16 to /23; /48, /32 to /47. */
static void route_make(struct route *route, bool v6, unsigned int i)
{
	uint64_t bits = random_next();

	if (v6) {
		route->length = i % 2 ? 48 : (uint8_t)(32 + random_next() % 16);
		bits = 0x2000000000000000u | bits >> 3;
	} else {
		route->length = i % 8 < 5 ? 24 : (uint8_t)(17 + random_next() % 7);
		/* 11.0.0.0 to 126.255.255.255: neither our own networks nor loopback */
		bits = ((bits >> 32) % 116 + 11) << 56 | (bits & 0xffffff) << 32;
	}
	bits &= ~0ull << (64 - route->length);
	memset(route->addr, 0, sizeof(route->addr));
	for (unsigned int b = 0; b < (v6 ? 8 : 4); b++)
		route->addr[b] = (uint8_t)(bits >> (56 - 8 * b));
	route->family = v6 ? 6 : 4;
	route->gateway = (uint8_t)(random_next() % GATEWAYS);
}

static void routes_make(void)
{
	for (unsigned int i = 0; i < n4 + n6; i++)
		do
			route_make(&routes[i], i >= n4, i);
		while (!route_is_new(&routes[i]));
}

static void gateway_addr(uint8_t family, uint8_t gateway, uint8_t addr[16])
{
	memset(addr, 0, 16);
	if (family == 4) {
		addr[0] = 10;
		addr[3] = (uint8_t)(gateway + 1);
	} else {
		addr[0] = 0xfe;
		addr[1] = 0x80;
		addr[15] = (uint8_t)(gateway + 1);
	}
}

static size_t route_message(uint8_t *at, const struct route *route, uint16_t type, bool multipath)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(at);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	uint8_t size = route->family == 4 ? 4 : 16, gateway[16];

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = type == RTM_NEWROUTE ? NLM_F_CREATE : 0;
	rtm->rtm_family = route->family == 4 ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = route->length;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = PROTOCOL;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(nlh, RTA_TABLE, RT_TABLE_MAIN);
	mnl_attr_put(nlh, RTA_DST, size, route->addr);
	mnl_attr_put_u32(nlh, RTA_PRIORITY, multipath ? 10 : 20);
	if (!multipath) {
		gateway_addr(route->family, route->gateway, gateway);
		mnl_attr_put(nlh, RTA_GATEWAY, size, gateway);
		mnl_attr_put_u32(nlh, RTA_OIF, route->gateway % 2 ? 3 : 2);
		return nlh->nlmsg_len;
	}

	struct nlattr *list = mnl_attr_nest_start(nlh, RTA_MULTIPATH);

	for (uint8_t i = 0; i < 2; i++) {
		struct rtnexthop *hop = mnl_nlmsg_get_payload_tail(nlh);

		*hop = (struct rtnexthop){.rtnh_ifindex = i ? 3 : 2};
		nlh->nlmsg_len += sizeof(*hop);
		gateway_addr(route->family, (uint8_t)(route->gateway & ~1) | i, gateway);
		mnl_attr_put(nlh, RTA_GATEWAY, size, gateway);
		hop->rtnh_len =
			(uint16_t)((uint8_t *)mnl_nlmsg_get_payload_tail(nlh) - (uint8_t *)hop);
	}
	mnl_attr_nest_end(nlh, list);
	return nlh->nlmsg_len;
}

static void turn_end(uint64_t start)
{
	uint64_t took = now_ns() - start;

	turns.total += took;
	turns.n++;
	turns.over_ms += took > 1000000;
	if (took > turns.longest)
		turns.longest = took;
}

static void figure_ms(const char *what, unsigned int n, const char *figure, uint64_t ns)
{
	double ms = (double)ns / 1e6;

	figures_write(&(struct figure_line){.unit = "ms", .median = ms, .low = ms, .high = ms},
		"routes: %s, %u routes, %s", what, n, figure);
}

static void report(const char *what, unsigned int n)
{
	printf("%-44s %9u %8.2f s %7.0f ns %9.2f ms %8lu\n", what, n, (double)turns.total / 1e9,
		n ? (double)turns.total / n : 0.0, (double)turns.longest / 1e6,
		(unsigned long)turns.over_ms);
	fflush(stdout);
	figure_ms(what, n, "in all", turns.total);
	figure_ms(what, n, "longest turn", turns.longest);
	turns = (struct turns){0};
}

static void feed(uint16_t type, unsigned int from, unsigned int to, bool multipath)
{
	static _Alignas(8) uint8_t datagram[DATAGRAM];
	struct rtnl_event event;

	while (from < to) {
		const uint8_t *p = datagram, *end;
		size_t length = 0;
		uint64_t start;

		while (from < to && length + 256 < DATAGRAM)
			length +=
				route_message(datagram + length, &routes[from++], type, multipath);
		end = datagram + length;
		start = now_ns();
		/* a turn of the loop takes one datagram of a dump, whole */
		while (p < end) {
			if (rtnl_parse(&p, end, &event) < 0)
				abort();
			mirror_event(&mirror, &event);
		}
		mirror_flush(&mirror);
		install_route_poll(mirror.routes, TURN_PREFIXES);
		rcu_poll(rcu, TURN_RELEASES);
		turn_end(start);
	}
}

static void work_off(void)
{
	bool more = true;

	while (more) {
		uint64_t start = now_ns();

		more = install_route_poll(mirror.routes, TURN_PREFIXES);
		more |= rcu_poll(rcu, TURN_RELEASES) != 0;
		turn_end(start);
	}
}

static void neighbours(bool resolved)
{
	for (uint8_t g = 0; g < GATEWAYS; g++)
		for (uint8_t family = 4; family <= 6; family += 2) {
			struct rtnl_event event = {.type = RTNL_NEIGHBOUR};

			event.neighbour.ifindex = g % 2 ? 3 : 2;
			event.neighbour.family = family;
			gateway_addr(family, g, event.neighbour.addr);
			event.neighbour.state = resolved ? NUD_REACHABLE : NUD_FAILED;
			event.neighbour.has_lladdr = resolved;
			memset(event.neighbour.lladdr, 2, 6);
			mirror_event(&mirror, &event);
		}
}

static void link_set(int ifindex, bool up)
{
	struct rtnl_event event = {.type = RTNL_LINK};
	uint64_t start = now_ns();

	event.link.ifindex = ifindex;
	event.link.flags = up ? IFF_UP | 1u << 16 : IFF_UP;
	event.link.mtu = 1500;
	mirror_event(&mirror, &event);
	turn_end(start);
	work_off();
}

static unsigned int check_answers(void)
{
	struct fib *fib = settings.fibs[0];
	unsigned int wrong = 0;

	for (unsigned int i = 0; i < n4 + n6; i++) {
		const struct route *route = &routes[i];
		uint32_t addr4, target;

		memcpy(&addr4, route->addr, 4);
		target = route->family == 4 ? fib_get4(fib, addr4, route->length)
					    : fib_get6(fib, route->addr, route->length);
		wrong += fib_target_type(target) != FIB_ADJACENCY &&
			fib_target_type(target) != FIB_GROUP;
	}
	return wrong;
}

static size_t memory_used(void)
{
	unsigned long size = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file && fscanf(file, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void setup(void)
{
	const struct fib_settings fib = {
		.name = "bench", .max_routes4 = n4 + 1000, .max_routes6 = n6 + 1000, .socket = -1};
	static struct config_vrf vrf = {.name = "default", .table = RT_TABLE_MAIN};
	static struct config_interface interfaces[2] = {{.name = "core0"}, {.name = "core1"}};
	static struct config config = {.n_vrfs = 1, .vrfs = &vrf, .n_interfaces = 2};

	config.interfaces = interfaces;
	config.kernel.route_protocol = 108;
	rcu = rcu_create(1);
	settings.n_vrfs = 1;
	settings.fibs[0] = fib_create(&fib, rcu);
	settings.adjacencies = adjacency_table_create(1024, rcu);
	settings.groups = group_table_create(1024, rcu);
	settings.n_ifaces = 2;
	settings.ifaces[0].mtu = settings.ifaces[1].mtu = 1500;
	if (!settings.fibs[0] || !settings.adjacencies || !settings.groups) {
		fprintf(stderr, "bench_routes: tables: %s\n", strerror(errno));
		exit(1);
	}
	mirror = (struct kernel_mirror){.config = &config,
		.routes = install_route_create(&settings),
		.nexthops = kernel_nexthops_create(),
		.n_ifaces = 2,
		.n_vrfs = 1,
		.ifaces = {2, 3},
		.tuns = {4}};
	if (!mirror.routes || !mirror.nexthops)
		exit(1);
	mirror.state[0].flags = mirror.state[1].flags = IFF_UP | 1u << 16;
	mirror.state[0].mtu = mirror.state[1].mtu = 1500;
}

int main(int argc, char **argv)
{
	struct install_route_counts counts;
	struct fib_usage usage;
	bool quick = figures_options(&argc, argv);
	unsigned int all;
	size_t before;
	double mib;

	n4 = argc > 2 ? (unsigned int)strtoul(argv[1], NULL, 10) : quick ? 20000 : 1000000;
	n6 = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 10) : quick ? 4000 : 200000;
	if (argc == 2 || argc > 3 || !n4 || !n6 || n4 > 2u << 20 || n6 > 1u << 23) {
		fprintf(stderr,
			"usage: bench_routes [--quick] [--json FILE] "
			"[IPV4-ROUTES IPV6-ROUTES]\n");
		return 2;
	}
	all = n4 + n6;
	routes = calloc(all, sizeof(*routes));
	if (!routes)
		return 1;
	routes_make();
	setup();
	before = memory_used();
	printf("%-44s %9s %10s %10s %12s %8s\n", "", "routes", "time", "each", "longest turn",
		"> 1 ms");
	neighbours(true);
	feed(RTM_NEWROUTE, 0, n4, false);
	report("IPv4 dump", n4);
	feed(RTM_NEWROUTE, n4, all, false);
	report("IPv6 dump", n6);
	install_route_counts(mirror.routes, &counts);
	fib_usage(settings.fibs[0], &usage);
	mib = (double)(memory_used() - before) / (1 << 20);
	printf("%u + %u prefixes, %u pages, %.0f MiB\n", counts.routes4, counts.routes6,
		usage.pages, mib);
	figures_write(&(struct figure_line){.unit = "MiB", .median = mib, .low = mib, .high = mib},
		"routes: memory, %u routes", all);
	mirror_mark(&mirror);
	feed(RTM_NEWROUTE, 0, all, false);
	install_route_sweep_routes(mirror.routes, 4);
	install_route_sweep_routes(mirror.routes, 6);
	work_off();
	report("the same dump again (lost events)", all);
	mirror_mark(&mirror);
	feed(RTM_NEWROUTE, 0, all / 2, false);
	feed(RTM_NEWROUTE, all / 2, all, false);
	link_set(2, false);
	link_set(2, true);
	report("the same with an interface down and up", all);
	feed(RTM_NEWROUTE, 0, all, true);
	report("all by two next hops (added beside)", all);
	feed(RTM_DELROUTE, 0, all, false);
	work_off();
	report("the single ones deleted", all);
	link_set(2, false);
	report("one of the two interfaces down", all);
	link_set(2, true);
	report("and up", all);
	if (check_answers()) {
		fprintf(stderr, "bench_routes: %u routes are not in the table\n", check_answers());
		return 1;
	}
	feed(RTM_DELROUTE, 0, all, true);
	work_off();
	report("all deleted", all);
	install_route_counts(mirror.routes, &counts);
	fib_usage(settings.fibs[0], &usage);
	printf("%u prefixes, %u pages left; %lu failures\n", counts.routes4 + counts.routes6,
		usage.pages, (unsigned long)counts.failures);
	return counts.routes4 + counts.routes6 || counts.failures ? 1 : 0;
}
