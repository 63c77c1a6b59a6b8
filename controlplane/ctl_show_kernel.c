/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The operator's commands that show the mirror of the kernel: routes, neighbours, kernel.
 */
#include "ctl_show_kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *addr_text(uint8_t family, const uint8_t *addr, char buffer[INET6_ADDRSTRLEN])
{
	inet_ntop(family == 4 ? AF_INET : AF_INET6, addr, buffer, INET6_ADDRSTRLEN);
	return buffer;
}

static const char *iface_name(const struct ctl_show_kernel *kernel, uint8_t iface, char buffer[16])
{
	struct iface_info info;

	if (iface == INSTALL_IFACE_NONE)
		return "(not ours)";
	if (kernel->dataplane && dataplane_iface_info(kernel->dataplane, iface, &info) == 0)
		snprintf(buffer, 16, "%s", info.name);
	else
		snprintf(buffer, 16, "%u", iface);
	return buffer;
}

/* ---- show routes ---- */

static const struct ctl_column routes_columns[] = {
	{"used", "", CTL_TEXT},
	{"prefix", "Prefix", CTL_TEXT},
	{"via", "Via", CTL_TEXT},
	{"protocol", "Protocol", CTL_TEXT},
	{"metric", "Metric", CTL_ID},
	{"vrf", "VRF", CTL_ID},
	{NULL},
};

/* What ip(8) calls them in /etc/iproute2/rt_protos. */
static const char *protocol_name(uint8_t protocol, char buffer[16])
{
	static const struct {
		uint8_t number;
		const char *name;
	} names[] = {{2, "kernel"}, {3, "boot"}, {4, "static"}, {9, "ra"}, {11, "zebra"},
		{12, "bird"}, {16, "dhcp"}, {42, "babel"}, {186, "bgp"}, {187, "isis"},
		{188, "ospf"}, {189, "rip"}, {192, "eigrp"}};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == protocol)
			return names[i].name;
	snprintf(buffer, 16, "%u", protocol);
	return buffer;
}

struct route_filter {
	struct install_route_cursor cursor;
	int64_t vrf, left;
	uint8_t family;
	uint8_t addr[16];
	int length; /* -1: any; only with addr */
	bool has_prefix, best;
};

static int filter_prefix(struct ctl_request *request, struct route_filter *filter, const char *text)
{
	char addr[64], *slash, *end;
	bool v6 = strchr(text, ':') != NULL;
	long length = v6 ? 128 : 32;

	snprintf(addr, sizeof(addr), "%s", text);
	slash = strchr(addr, '/');
	if (slash) {
		*slash = '\0';
		length = strtol(slash + 1, &end, 10);
		if (end == slash + 1 || *end)
			length = -1;
	}
	if (length < 0 || length > (v6 ? 128 : 32) ||
		inet_pton(v6 ? AF_INET6 : AF_INET, addr, filter->addr) != 1) {
		snprintf(request->error, sizeof(request->error),
			"prefix: '%.60s', expected an address or ADDRESS/LENGTH", text);
		return -EINVAL;
	}
	filter->family = v6 ? 6 : 4;
	filter->length = (int)length;
	filter->has_prefix = true;
	return 0;
}

static int routes_start(struct ctl_request *request)
{
	struct route_filter *filter = calloc(1, sizeof(*filter));
	const char *text;
	int r;

	if (!filter)
		return -ENOMEM;
	filter->vrf = -1;
	filter->left = INT64_MAX;
	filter->best = json_is_true(json_object_get(request->args, "best"));
	r = ctl_arg_integer(request, "vrf", 0, UINT16_MAX, &filter->vrf);
	if (r != -EINVAL)
		r = ctl_arg_integer(request, "limit", 1, INT64_MAX, &filter->left);
	if (r != -EINVAL)
		r = ctl_arg_string(request, "prefix", &text);
	if (r == 0)
		r = filter_prefix(request, filter, text);
	if (r == -EINVAL) {
		free(filter);
		return r;
	}
	request->state = filter;
	return 0;
}

static void state_free(struct ctl_request *request)
{
	free(request->state);
}

/* The prefix asked for lies in the route, or the route in it: what an operator looks for. */
static bool prefix_matches(
	const struct route_filter *filter, const struct install_kernel_route *route)
{
	int length = route->length < filter->length ? route->length : filter->length;

	if (route->family != filter->family)
		return false;
	for (int bit = 0; bit < length; bit += 8) {
		uint8_t mask = length - bit >= 8 ? 0xff : (uint8_t)(0xff00 >> (length - bit));

		if ((filter->addr[bit / 8] ^ route->addr[bit / 8]) & mask)
			return false;
	}
	return true;
}

static void via_text(const struct ctl_show_kernel *kernel, const struct install_route_row *row,
	char *text, size_t size)
{
	static const char *const kinds[] = {[INSTALL_LOCAL] = "local",
		[INSTALL_BLACKHOLE] = "blackhole",
		[INSTALL_UNREACHABLE] = "unreachable",
		[INSTALL_PROHIBIT] = "prohibit"};
	size_t at = 0;

	text[0] = '\0';
	if (fib_target_type(row->target) == FIB_SESSION) {
		at += (size_t)snprintf(text, size, "session, instead of ");
	}
	if (row->aggregate) {
		snprintf(text + at, size - at, "pool (unreachable where nobody is)");
		return;
	}
	if (row->route.kind != INSTALL_UNICAST) {
		snprintf(text + at, size - at, "%s", kinds[row->route.kind]);
		return;
	}
	for (unsigned int i = 0; i < row->route.n_hops && at < size - 1; i++) {
		const struct install_hop *hop = &row->route.hops[i];
		char addr[INET6_ADDRSTRLEN], name[16];
		int n = snprintf(text + at, size - at, "%s%s%s%s", i ? ", " : "",
			hop->family ? addr_text(hop->family, hop->gateway, addr) : "",
			hop->family ? " " : "", iface_name(kernel, hop->iface, name));

		at += n > 0 ? (size_t)n : 0;
	}
}

static int routes_next(struct ctl_request *request, json_t **out)
{
	const struct ctl_show_kernel *kernel = request->command->user;
	struct route_filter *filter = request->state;
	char addr[INET6_ADDRSTRLEN], prefix[INET6_ADDRSTRLEN + 5], via[512], protocol[16];
	struct install_route_row row;

	if (!filter->left || !install_route_next(kernel->routes, &filter->cursor, &row))
		return CTL_END;
	if ((filter->vrf >= 0 && row.route.vrf != filter->vrf) || (filter->best && !row.best) ||
		(filter->has_prefix && !prefix_matches(filter, &row.route)))
		return CTL_ROW;
	filter->left--;
	snprintf(prefix, sizeof(prefix), "%s/%u", addr_text(row.route.family, row.route.addr, addr),
		row.route.length);
	via_text(kernel, &row, via, sizeof(via));
	*out = json_pack("{s:s, s:s, s:s, s:s, s:I, s:i}", "used", row.best ? "*" : "", "prefix",
		prefix, "via", via, "protocol",
		row.aggregate ? "lnsd" : protocol_name(row.route.protocol, protocol), "metric",
		(json_int_t)row.route.metric, "vrf", (int)row.route.vrf);
	return CTL_ROW;
}

/* ---- show neighbours ---- */

static const struct ctl_column neighbours_columns[] = {
	{"address", "Address", CTL_TEXT},
	{"interface", "Interface", CTL_TEXT},
	{"mac", "MAC", CTL_TEXT},
	{"state", "State", CTL_TEXT},
	{"gateway", "Gateway", CTL_BOOL},
	{NULL},
};

static int neighbours_start(struct ctl_request *request)
{
	request->state = calloc(1, sizeof(struct install_route_cursor));
	return request->state ? 0 : -ENOMEM;
}

static int neighbours_next(struct ctl_request *request, json_t **out)
{
	const struct ctl_show_kernel *kernel = request->command->user;
	struct install_neighbour_row row;
	char addr[INET6_ADDRSTRLEN], name[16], mac[24] = "";

	if (!install_neighbour_next(kernel->routes, request->state, &row))
		return CTL_END;
	if (row.resolved)
		snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", row.lladdr[0],
			row.lladdr[1], row.lladdr[2], row.lladdr[3], row.lladdr[4], row.lladdr[5]);
	*out = json_pack("{s:s, s:s, s:s, s:s, s:b}", "address",
		addr_text(row.family, row.addr, addr), "interface",
		iface_name(kernel, row.iface, name), "mac", mac, "state",
		!row.resolved       ? "unresolved"
			: row.stale ? "stale"
				    : "resolved",
		"gateway", (int)row.gateway);
	return CTL_ROW;
}

/* ---- show kernel ---- */

static const struct ctl_column kernel_columns[] = {
	{"synced", "Mirror complete", CTL_BOOL},
	{"routes4", "IPv4 prefixes", CTL_COUNT},
	{"routes6", "IPv6 prefixes", CTL_COUNT},
	{"candidates", "Routes of all metrics", CTL_COUNT},
	{"next_hops", "Sets of next hops", CTL_COUNT},
	{"groups", "Multipath groups", CTL_COUNT},
	{"displaced", "Prefixes that two sessions have", CTL_COUNT},
	{"neighbours", "Neighbours", CTL_COUNT},
	{"neighbours_resolved", "Neighbours resolved", CTL_COUNT},
	{"multipath", "Multipath routes seen", CTL_COUNT},
	{"foreign", "Routes by other devices seen", CTL_COUNT},
	{"failures", "Table full", CTL_COUNT},
	{"events", "Netlink events", CTL_COUNT},
	{"ignored", "Netlink events ignored", CTL_COUNT},
	{"malformed", "Netlink messages malformed", CTL_COUNT},
	{"overruns", "Netlink overruns", CTL_COUNT},
	{"dumps", "Dumps", CTL_COUNT},
	{"asked", "Neighbours asked for", CTL_COUNT},
	{"held", "Packets held for a neighbour", CTL_COUNT},
	{"held_sent", "... sent later", CTL_COUNT},
	{"held_drops", "... dropped", CTL_COUNT},
	{"own_routes", "Own routes in the kernel", CTL_COUNT},
	{"own_pending", "Own routes waiting", CTL_COUNT},
	{"announced", "Own routes added", CTL_COUNT},
	{"withdrawn", "Own routes removed", CTL_COUNT},
	{"announce_errors", "Own routes refused", CTL_COUNT},
	{NULL},
};

static int kernel_next(struct ctl_request *request, json_t **out)
{
	const struct ctl_show_kernel *kernel = request->command->user;
	struct install_route_counts counts;
	struct kernel_route_stats stats;
	json_t *row;

	if (request->cursor[0]++)
		return CTL_END;
	install_route_counts(kernel->routes, &counts);
	kernel_route_stats(kernel->mirror, &stats);

	const struct {
		const char *name;
		uint64_t value;
	} values[] = {{"routes4", counts.routes4}, {"routes6", counts.routes6},
		{"candidates", counts.candidates}, {"next_hops", counts.next_hops},
		{"groups", counts.groups}, {"displaced", counts.displaced},
		{"neighbours", counts.neighbours},
		{"neighbours_resolved", counts.neighbours_resolved},
		{"multipath", counts.multipath}, {"foreign", counts.foreign},
		{"failures", counts.failures}, {"events", stats.events}, {"ignored", stats.ignored},
		{"malformed", stats.malformed}, {"overruns", stats.overruns},
		{"dumps", stats.dumps}, {"asked", stats.asked}, {"held", stats.held},
		{"held_sent", stats.held_sent}, {"held_drops", stats.held_drops},
		{"own_routes", stats.own_routes}, {"own_pending", stats.own_pending},
		{"announced", stats.announced}, {"withdrawn", stats.withdrawn},
		{"announce_errors", stats.announce_errors}};

	row = json_pack("{s:b}", "synced", (int)stats.synced);
	for (unsigned int i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		json_object_set_new(row, values[i].name, json_integer((json_int_t)values[i].value));
	*out = row;
	return CTL_ROW;
}

int ctl_show_kernel_register(struct ctl_socket *ctl, struct ctl_show_kernel *kernel)
{
	const struct ctl_command routes = {"show routes", kernel, CTL_LAYOUT_TABLE, routes_columns,
		routes_start, routes_next, state_free};
	const struct ctl_command neighbours = {"show neighbours", kernel, CTL_LAYOUT_TABLE,
		neighbours_columns, neighbours_start, neighbours_next, state_free};
	const struct ctl_command mirror = {
		"show kernel", kernel, CTL_LAYOUT_RECORD, kernel_columns, NULL, kernel_next, NULL};
	int r = 0;

	if (kernel->routes) {
		r = ctl_socket_register(ctl, &routes);
		if (r == 0)
			r = ctl_socket_register(ctl, &neighbours);
	}
	if (r == 0 && kernel->mirror && kernel->routes)
		r = ctl_socket_register(ctl, &mirror);
	return r;
}
