/* SPDX-License-Identifier: BSD-3-Clause */
/* show tunnels, pools, memory, control: the daemon's own state. */
#include "lns_commands.h"

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mempool.h>

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <string.h>

/* ---- tunnels ---- */

static const struct ctl_column tunnel_columns[] = {
	{"tunnel", "Tunnel", CTL_ID},
	{"peer_tunnel", "LAC's id", CTL_ID},
	{"lac", "LAC", CTL_TEXT},
	{"lac_name", "Host name", CTL_TEXT},
	{"peer", "Peer", CTL_TEXT},
	{"state", "State", CTL_TEXT},
	{"uptime", "Up", CTL_SECONDS},
	{"sessions", "Sessions", CTL_COUNT},
	{"sessions_total", "Total", CTL_COUNT},
	{"window", "Window", CTL_ID},
	{"queued", "Queued", CTL_COUNT},
	{"retries", "Retries", CTL_ID},
	{"rx", "Control rx", CTL_COUNT},
	{"tx", "Control tx", CTL_COUNT},
	{"esp", "ESP", CTL_BOOL},
	{NULL, NULL, 0},
};

static int tunnels_next(struct ctl_request *request, json_t **row)
{
	struct lns *lns = lns_of(request);
	uint32_t id = (uint32_t)request->cursor[0];
	const struct l2tp_tunnel *tunnel = l2tp_lns_tunnel_next(lns->l2tp, &id);
	char address[INET6_ADDRSTRLEN], lac[INET6_ADDRSTRLEN + 8];
	const struct l2tp_endpoint *peer;

	request->cursor[0] = id;
	if (!tunnel)
		return CTL_END;
	peer = &tunnel->path.peer;
	inet_ntop(peer->family == 4 ? AF_INET : AF_INET6, peer->address, address, sizeof(address));
	snprintf(lac, sizeof(lac), peer->family == 4 ? "%s:%u" : "[%s]:%u", address, peer->port);
	*row = json_pack("{s:i,s:i,s:s,s:o,s:s,s:s,s:I,s:I,s:I,s:i,s:I,s:I,s:I,s:I,s:b}", "tunnel",
		tunnel->local_id, "peer_tunnel", tunnel->peer_id, "lac", lac, "lac_name",
		ctl_string(tunnel->host_name ? tunnel->host_name : ""), "peer",
		tunnel->peer.name ? tunnel->peer.name : "", "state",
		l2tp_tunnel_state_name(tunnel->state), "uptime",
		(json_int_t)(tunnel->up_at ? (lns->now - tunnel->up_at) / 1000 : 0), "sessions",
		(json_int_t)tunnel->session_count, "sessions_total",
		(json_int_t)tunnel->sessions_total, "window",
		RTE_MIN(tunnel->channel.cwnd, tunnel->channel.peer_window), "queued",
		(json_int_t)(tunnel->channel.total - tunnel->channel.head), "retries",
		(json_int_t)tunnel->channel.retries, "rx", (json_int_t)tunnel->rx_messages, "tx",
		(json_int_t)tunnel->tx_messages, "esp", tunnel->path.sa_group != 0);
	return *row ? CTL_ROW : -ENOMEM;
}

/* ---- pools ---- */

static const struct ctl_column pool_columns[] = {
	{"pool", "Pool", CTL_TEXT},
	{"vrf", "VRF", CTL_TEXT},
	{"length", "Prefix length", CTL_ID},
	{"size", "Size", CTL_COUNT},
	{"used", "Used", CTL_COUNT},
	{"reserved", "Reserved", CTL_COUNT},
	{"free", "Free", CTL_COUNT},
	{"exhausted", "Refused, exhausted", CTL_COUNT},
	{NULL, NULL, 0},
};

static int pools_next(struct ctl_request *request, json_t **row)
{
	struct lns *lns = lns_of(request);
	unsigned int at = (unsigned int)request->cursor[0]++;
	const struct config *config = lns_config(lns);
	const char *name, *vrf;
	unsigned int length = 32;
	struct slot_pool_usage usage;

	if (at >= lns->n_pools + lns->n_prefix_pools)
		return CTL_END;
	if (at < lns->n_pools) {
		ip_pool_usage(lns->pools[at], &usage);
		name = config->pools[at].name;
		vrf = config->vrfs[config->pools[at].vrf].name;
	} else {
		const struct config_prefix_pool *pool = &config->prefix_pools[at - lns->n_pools];

		prefix_pool_usage(lns->prefix_pools[at - lns->n_pools], &usage);
		name = pool->name;
		vrf = config->vrfs[pool->vrf].name;
		length = pool->length;
	}
	*row = json_pack("{s:s,s:s,s:i,s:I,s:I,s:I,s:I,s:I}", "pool", name, "vrf", vrf, "length",
		(int)length, "size", (json_int_t)usage.size, "used", (json_int_t)usage.used,
		"reserved", (json_int_t)usage.reserved, "free", (json_int_t)usage.free, "exhausted",
		(json_int_t)usage.exhausted);
	return *row ? CTL_ROW : -ENOMEM;
}

/* ---- memory ---- */

static const struct ctl_column memory_columns[] = {
	{"mbufs", "Packet buffers", CTL_COUNT},
	{"mbufs_in_use", "Packet buffers in use", CTL_COUNT},
	{"heap_bytes", "DPDK heap", CTL_BYTES},
	{"heap_in_use", "DPDK heap in use", CTL_BYTES},
	{"heap_allocations", "DPDK heap allocations", CTL_COUNT},
	{"malloc_in_use", "malloc in use", CTL_BYTES},
	{"malloc_mapped", "malloc in big blocks", CTL_BYTES},
	{"tunnels", "Tunnels in the dataplane", CTL_COUNT},
	{"sessions", "Sessions in the dataplane", CTL_COUNT},
	{"subscribers", "Subscribers", CTL_COUNT},
	{"ending", "Subscribers ending", CTL_COUNT},
	{"engine_tunnels", "Tunnels of the L2TP engine", CTL_COUNT},
	{"timers", "Timers set", CTL_COUNT},
	{"deferred", "Waiting for a grace period", CTL_COUNT},
	{"addresses", "Pool addresses in use", CTL_COUNT},
	{"prefixes6", "Pool prefixes in use", CTL_COUNT},
	{"hosts4", "Host routes", CTL_COUNT},
	{NULL, NULL, 0},
};

static uint64_t engine_tunnels(struct lns *lns)
{
	uint32_t id = 0;
	uint64_t n = 0;

	while (l2tp_lns_tunnel_next(lns->l2tp, &id))
		n++;
	return n;
}

/* Of all NUMA nodes. */
static void heap_stats(struct rte_malloc_socket_stats *all)
{
	for (unsigned int i = 0; i < rte_socket_count(); i++) {
		struct rte_malloc_socket_stats heap;

		if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(i), &heap) != 0)
			continue;
		all->heap_totalsz_bytes += heap.heap_totalsz_bytes;
		all->heap_allocsz_bytes += heap.heap_allocsz_bytes;
		all->alloc_count += heap.alloc_count;
	}
}

static int memory_next(struct ctl_request *request, json_t **row)
{
	struct lns *lns = lns_of(request);
	struct rte_mempool *pool = dataplane_mempool(lns->dp);
	const struct session_table *table = dataplane_sessions(lns->dp);
	struct rte_malloc_socket_stats heap = {0};
	struct mallinfo2 info = mallinfo2();
	struct fib_usage fib, fibs = {0};
	uint64_t addresses = 0, prefixes6 = 0;

	if (request->cursor[0]++)
		return CTL_END;
	heap_stats(&heap);
	for (unsigned int i = 0; i < lns->n_pools; i++) {
		struct slot_pool_usage usage;

		ip_pool_usage(lns->pools[i], &usage);
		addresses += usage.used;
	}
	for (unsigned int i = 0; i < lns->n_prefix_pools; i++) {
		struct slot_pool_usage usage;

		prefix_pool_usage(lns->prefix_pools[i], &usage);
		prefixes6 += usage.used;
	}
	for (unsigned int vrf = 0; vrf < lns_config(lns)->n_vrfs; vrf++) {
		fib_usage(dataplane_fib(lns->dp, vrf), &fib);
		fibs.hosts4 += fib.hosts4;
	}
	*row = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}",
		"mbufs", (json_int_t)pool->size, "mbufs_in_use",
		(json_int_t)rte_mempool_in_use_count(pool), "heap_bytes",
		(json_int_t)heap.heap_totalsz_bytes, "heap_in_use",
		(json_int_t)heap.heap_allocsz_bytes, "heap_allocations",
		(json_int_t)heap.alloc_count, "malloc_in_use", (json_int_t)info.uordblks,
		"malloc_mapped", (json_int_t)info.hblkhd, "tunnels", (json_int_t)table->n_tunnels,
		"sessions", (json_int_t)table->n_sessions, "subscribers",
		(json_int_t)lns->subscribers.n, "ending", (json_int_t)lns->subscribers.n_ending,
		"engine_tunnels", (json_int_t)engine_tunnels(lns), "timers",
		(json_int_t)lns->wheel.count, "deferred",
		(json_int_t)rcu_waiting(dataplane_rcu(lns->dp)), "addresses", (json_int_t)addresses,
		"prefixes6", (json_int_t)prefixes6, "hosts4", (json_int_t)fibs.hosts4);
	/* not in the table */
	json_object_set_new(*row, "up", json_integer((json_int_t)lns->subscribers.n_up));
	return *row ? CTL_ROW : -ENOMEM;
}

/* ---- control: everything that the control plane counts, one list ---- */

static const struct ctl_column control_columns[] = {
	{"group", "Group", CTL_TEXT},
	{"name", "Counter", CTL_TEXT},
	{"value", "Value", CTL_COUNT},
	{"text", "Meaning", CTL_TEXT},
	{NULL, NULL, 0},
};

struct named_counter {
	const char *group, *name, *text;
	uint64_t value;
	bool gauge; /* goes down as well */
};

#define N_OWN 28

static unsigned int own_counters(const struct lns *lns, struct named_counter own[N_OWN])
{
	const struct aaa_counters *aaa = aaa_counters(lns->aaa);
	const struct subscribers *subscribers = &lns->subscribers;
	const struct named_counter all[] = {
		{"session", "opened", "calls accepted", subscribers->opened},
		{"session", "came_up", "sessions that came up", subscribers->came_up},
		{"session", "refused", "calls refused (limits, memory)", subscribers->refused},
		{"session", "auth_failed", "authentications refused", subscribers->auth_failed},
		{"session", "no_address", "ended for want of an address", subscribers->no_address},
		{"session", "replaced", "taken over by the user's next session",
			subscribers->replaced},
		{"session", "up", "up now", subscribers->n_up, true},
		{"session", "current", "all now, in any state", subscribers->n, true},
		{"ipv6", "came_up", "sessions whose IPv6CP came up", lns->ipv6.came_up},
		{"ipv6", "no_prefix", "prefixes that a session wanted and did not get",
			lns->ipv6.no_prefix},
		{"ipv6", "refused_mtu",
			"sessions without IPv6: their link takes less than 1280 "
			"bytes",
			lns->ipv6.refused_mtu},
		{"ipv6", "other_protocol",
			"packets to link scope that are neither discovery nor "
			"DHCPv6: ignored",
			lns->ipv6.other_protocol},
		{"aaa", "requests", "", aaa->requests},
		{"aaa", "accepts", "", aaa->accepts},
		{"aaa", "unknown_user", "refused: no such user", aaa->rejects_unknown_user},
		{"aaa", "wrong_password", "refused: wrong password", aaa->rejects_password},
		{"aaa", "rejects_radius", "refused by RADIUS", aaa->rejects_radius},
		{"aaa", "no_answer", "no RADIUS server answered", aaa->no_answer},
		{"aaa", "cancelled", "session ended before the answer", aaa->cancelled},
		{"aaa", "waiting", "calls that wait for their authentication, now",
			lns->admission.waiting, true},
		{"aaa", "refused_busy", "calls refused: more wait than RADIUS answers in time",
			lns->admission.refused},
		{"aaa", "answer_rate", "answers a second that RADIUS can give, by what it did",
			lns->admission.rate, true},
		{"aaa", "overflow", "too many requests at once", aaa->overflow},
		{"ring", "inject_drops", "packets for a worker: ring full",
			dataplane_inject_drops(lns->dp)},
		{"loop", "turns", "turns of the control loop", lns->turns},
		{"loop", "busy_turns", "of those with work", lns->busy_turns},
		{"log", "lost", "log lines lost, writer too slow", log_lost()},
	};

	static_assert(RTE_DIM(all) <= N_OWN, "N_OWN");
	memcpy(own, all, sizeof(all));
	return RTE_DIM(all);
}

static bool control_at(struct lns *lns, unsigned int at, struct named_counter *counter)
{
	struct named_counter own[N_OWN];
	unsigned int n = own_counters(lns, own);

	if (at < n) {
		*counter = own[at];
		return true;
	}
	at -= n;
	if (at < L2TP_COUNTER_MAX) {
		*counter = (struct named_counter){
			"l2tp", l2tp_counter_name(at), "", l2tp_lns_counters(lns->l2tp)[at]};
		return true;
	}
	at -= L2TP_COUNTER_MAX;
	if (at < PPP_REJECT_COUNT) {
		*counter = (struct named_counter){
			"ppp", ppp_reject_name(at), "", lns->ppp_counters.rejects[at]};
		return true;
	}
	at -= PPP_REJECT_COUNT;
	if (at < AAA_RADIUS_COUNTER_MAX) {
		*counter = (struct named_counter){"radius", aaa_radius_counter_name(at), "",
			aaa_radius_counters(lns->radius)[at]};
		return true;
	}
	at -= AAA_RADIUS_COUNTER_MAX;
	if (lns->coa && at < RADIUS_SERVER_COUNTER_MAX) {
		*counter = (struct named_counter){"coa", radius_server_counter_name(at), "",
			radius_server_counters(lns->coa)[at]};
		return true;
	}
	at -= lns->coa ? RADIUS_SERVER_COUNTER_MAX : 0;
	if (at < ROUTER_ADV_COUNTERS_N) {
		*counter = (struct named_counter){"nd", router_adv_counter_name(at),
			router_adv_counter_text(at), lns->ipv6.router_adv[at]};
		return true;
	}
	at -= ROUTER_ADV_COUNTERS_N;
	if (at < DHCP6_COUNTERS_N) {
		*counter = (struct named_counter){"dhcp6", dhcp6_counter_name(at),
			dhcp6_counter_text(at), lns->ipv6.dhcp6.counters[at]};
		return true;
	}
	at -= DHCP6_COUNTERS_N;
	if (at < LNS_DROP_MAX) {
		*counter = (struct named_counter){
			"drop", lns_drop_name(at), lns_drop_text(at), lns->drops[at]};
		return true;
	}
	at -= LNS_DROP_MAX;
	if (at < PPP_CLOSE_CAUSES) {
		*counter = (struct named_counter){
			"closed", ppp_close_cause_name(at), "", lns->subscribers.closed[at]};
		return true;
	}
	return false;
}

static int control_next(struct ctl_request *request, json_t **row)
{
	struct named_counter counter;

	if (!control_at(lns_of(request), (unsigned int)request->cursor[0]++, &counter))
		return CTL_END;
	*row = json_pack("{s:s,s:s,s:I,s:s,s:b}", "group", counter.group, "name", counter.name,
		"value", (json_int_t)counter.value, "text", counter.text, "gauge", counter.gauge);
	return *row ? CTL_ROW : -ENOMEM;
}

int lns_commands_status(struct lns *lns)
{
	const struct ctl_command commands[] = {
		{"show tunnels", lns, CTL_LAYOUT_TABLE, tunnel_columns, NULL, tunnels_next, NULL},
		{"show pools", lns, CTL_LAYOUT_TABLE, pool_columns, NULL, pools_next, NULL},
		{"show memory", lns, CTL_LAYOUT_RECORD, memory_columns, NULL, memory_next, NULL},
		{"show control", lns, CTL_LAYOUT_TABLE, control_columns, NULL, control_next, NULL},
	};

	for (unsigned int i = 0; i < RTE_DIM(commands); i++) {
		int rc = ctl_socket_register(lns->ctl, &commands[i]);

		if (rc)
			return rc;
	}
	return 0;
}
