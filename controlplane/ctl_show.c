/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The operator's commands that show the dataplane: workers, drops, interfaces, version.
 *
 * Counters are the workers' own: each request asks them for a copy and waits for the answers, at most
 * ANSWER_MS; a worker that does not answer is shown as silent with what it said last.
 */
#include "ctl_show.h"
#include "ctl_show_kernel.h"

#include <rte_ethdev.h>
#include <rte_version.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MS  1000
#define MEASURE_MS 500 /* rates are taken over this long */

struct ctl_show {
	struct dataplane *dataplane;
	struct kernel_taps *taps;
	unsigned int n_workers;
	uint64_t seq;
	uint64_t *answered; /* seq of each worker's last answer */
	struct ctl_show_kernel kernel;
};

/* One request's view: two samples, or one where no rates are shown. */
struct sample {
	uint64_t seq, asked_at;
	unsigned int row, phase;
	uint64_t first_at;
	uint64_t *asked;             /* worker: the message was taken */
	struct worker_stats *before; /* of each worker; NULL: no rates */
	struct worker_stats *total;
};

/* ---- asking the workers ---- */

static void sample_ask(struct ctl_show *show, struct sample *sample, uint64_t now)
{
	sample->seq = ++show->seq;
	sample->asked_at = now;
	memset(sample->asked, 0, show->n_workers * sizeof(*sample->asked));
}

/* True: all have answered, or have had their time. */
static bool sample_ready(struct ctl_show *show, struct sample *sample, uint64_t now)
{
	bool ready = true;

	for (unsigned int w = 0; w < show->n_workers; w++) {
		if (!sample->asked[w]) {
			struct message message = {
				.type = MESSAGE_WORKER_STATS, .cookie = sample->seq};

			sample->asked[w] = dataplane_message(show->dataplane, w, &message) == 0;
		}
		ready &= show->answered[w] >= sample->seq;
	}
	return ready || now >= sample->asked_at + ANSWER_MS;
}

void ctl_show_reply(struct ctl_show *show, const struct message_reply *reply)
{
	if (reply->worker < show->n_workers && reply->cookie > show->answered[reply->worker])
		show->answered[reply->worker] = reply->cookie;
}

static void sample_done(struct ctl_request *request)
{
	struct sample *sample = request->state;

	free(sample->asked);
	free(sample->before);
	free(sample->total);
	free(sample);
}

static int sample_new(struct ctl_request *request, bool rates)
{
	struct ctl_show *show = request->command->user;
	struct sample *sample = calloc(1, sizeof(*sample));

	request->state = sample;
	if (!sample)
		return -ENOMEM;
	sample->asked = calloc(show->n_workers, sizeof(*sample->asked));
	sample->total = calloc(1, sizeof(*sample->total));
	if (rates)
		sample->before = calloc(show->n_workers, sizeof(*sample->before));
	if (!sample->asked || !sample->total || (rates && !sample->before)) {
		sample_done(request);
		return -ENOMEM;
	}
	sample->first_at = request->now;
	sample_ask(show, sample, request->now);
	return 0;
}

/* {"rates": false}: at once, without what is measured over a while. */
static int rates_start(struct ctl_request *request)
{
	return sample_new(request, !json_is_false(json_object_get(request->args, "rates")));
}

static int totals_start(struct ctl_request *request)
{
	return sample_new(request, false);
}

/* CTL_ROW once the samples are there. */
static int sample_take(struct ctl_request *request)
{
	struct ctl_show *show = request->command->user;
	struct sample *sample = request->state;

	if (sample->phase == 0) {
		if (!sample_ready(show, sample, request->now))
			return CTL_WAIT;
		sample->phase = 3;
		if (sample->before) {
			for (unsigned int w = 0; w < show->n_workers; w++)
				sample->before[w] = *dataplane_worker_stats(show->dataplane, w);
			sample->first_at = request->now;
			sample->phase = 1;
		}
	}
	if (sample->phase == 1) {
		if (request->now < sample->first_at + MEASURE_MS)
			return CTL_WAIT;
		sample_ask(show, sample, request->now);
		sample->phase = 2;
	}
	if (sample->phase == 2) {
		if (!sample_ready(show, sample, request->now))
			return CTL_WAIT;
		sample->phase = 3;
	}
	return CTL_ROW;
}

static void stats_add(struct worker_stats *total, const struct worker_stats *stats)
{
	/* nothing in there but counters */
	const uint64_t *from = (const uint64_t *)stats;
	uint64_t *to = (uint64_t *)total;

	for (size_t i = 0; i < sizeof(*total) / sizeof(uint64_t); i++)
		to[i] += from[i];
}
static_assert(sizeof(struct worker_stats) % sizeof(uint64_t) == 0, "64-bit counters only");

static void stats_total(struct ctl_show *show, struct worker_stats *total)
{
	memset(total, 0, sizeof(*total));
	for (unsigned int w = 0; w < show->n_workers; w++)
		stats_add(total, dataplane_worker_stats(show->dataplane, w));
}

/* ---- show workers ---- */

static const struct ctl_column workers_columns[] = {
	{"worker", "Worker", CTL_ID},
	{"state", "State", CTL_TEXT},
	{"busy", "Busy %", CTL_PERCENT},
	{"rx_pps", "RX pps", CTL_COUNT},
	{"tx_pps", "TX pps", CTL_COUNT},
	{"uplink", "Uplink", CTL_COUNT},
	{"downlink", "Downlink", CTL_COUNT},
	{"hairpin", "Hairpin", CTL_COUNT},
	{"punted", "Punted", CTL_COUNT},
	{"injected", "Injected", CTL_COUNT},
	{"handoff_out", "Handoff out", CTL_COUNT},
	{"handoff_in", "Handoff in", CTL_COUNT},
	{"drops", "Drops", CTL_COUNT},
	{NULL},
};

static uint64_t sum(const uint64_t *values, unsigned int n)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < n; i++)
		total += values[i];
	return total;
}

static void rx_tx(const struct worker_stats *stats, uint64_t *rx, uint64_t *tx)
{
	*rx = *tx = 0;
	for (unsigned int i = 0; i < IFACES_MAX; i++) {
		*rx += stats->iface[i].rx_packets;
		*tx += stats->iface[i].tx_packets;
	}
}

static int workers_next(struct ctl_request *request, json_t **row)
{
	struct ctl_show *show = request->command->user;
	struct sample *sample = request->state;
	const struct worker_stats *now, *before;
	uint64_t rx, tx, rx_before, tx_before, loops, elapsed;
	int r = sample_take(request);
	unsigned int w = sample->row;

	if (r != CTL_ROW)
		return r;
	if (w >= show->n_workers)
		return CTL_END;
	sample->row++;
	now = dataplane_worker_stats(show->dataplane, w);
	before = sample->before ? &sample->before[w] : now;
	rx_tx(now, &rx, &tx);
	rx_tx(before, &rx_before, &tx_before);
	loops = now->loops - before->loops;
	elapsed = sample->asked_at - sample->first_at;
	*row = json_pack("{s:i, s:s, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"worker", (int)w, "state", show->answered[w] >= sample->seq ? "running" : "silent",
		"busy",
		loops ? 100.0 * (double)(now->loops_busy - before->loops_busy) / (double)loops
		      : 0.0,
		"rx_pps", (json_int_t)((rx - rx_before) * 1000 / (elapsed ? elapsed : 1)), "tx_pps",
		(json_int_t)((tx - tx_before) * 1000 / (elapsed ? elapsed : 1)), "uplink",
		(json_int_t)now->uplink_packets, "downlink", (json_int_t)now->downlink_packets,
		"hairpin", (json_int_t)now->hairpin_packets, "punted",
		(json_int_t)sum(now->punts, PUNT_KINDS), "injected",
		(json_int_t)sum(now->injects, INJECT_KINDS), "handoff_out",
		(json_int_t)sum(now->handoff_out, HANDOFF_POINTS), "handoff_in",
		(json_int_t)sum(now->handoff_in, HANDOFF_POINTS), "drops",
		(json_int_t)sum(now->drops, DROP_MAX));
	/* not in the table */
	json_object_set_new(*row, "rx_packets", json_integer((json_int_t)rx));
	json_object_set_new(*row, "tx_packets", json_integer((json_int_t)tx));
	json_object_set_new(*row, "reassembled", json_integer((json_int_t)now->reassembled));
	json_object_set_new(*row, "fragmented", json_integer((json_int_t)now->fragmented));
	json_object_set_new(*row, "icmp_sent", json_integer((json_int_t)now->icmp_sent));
	json_object_set_new(*row, "mss_clamped", json_integer((json_int_t)now->mss_clamped));
	json_object_set_new(*row, "loops", json_integer((json_int_t)now->loops));
	json_object_set_new(*row, "loops_busy", json_integer((json_int_t)now->loops_busy));
	json_object_set_new(*row, "sleeps", json_integer((json_int_t)now->sleeps));
	json_object_set_new(*row, "messages", json_integer((json_int_t)now->messages));
	json_object_set_new(*row, "messages_stale", json_integer((json_int_t)now->messages_stale));
	return CTL_ROW;
}

/* ---- show drops ---- */

static const struct ctl_column drops_columns[] = {
	{"reason", "Reason", CTL_TEXT},
	{"packets", "Packets", CTL_COUNT},
	{"text", "Meaning", CTL_TEXT},
	{NULL},
};

static json_t *drop_row(const char *reason, uint64_t packets, const char *text)
{
	return json_pack(
		"{s:s, s:I, s:s}", "reason", reason, "packets", (json_int_t)packets, "text", text);
}

static uint64_t tap_drops(const struct ctl_show *show, bool to_kernel)
{
	uint64_t n = 0;

	for (unsigned int k = 0; show->taps && k < kernel_taps_count(show->taps); k++) {
		const struct kernel_tap_stats *stats = kernel_tap_stats(show->taps, k);

		n += to_kernel ? stats->to_kernel_drops + stats->errors : stats->from_kernel_drops;
	}
	return n;
}

/* Reasons of the control core's side of the rings, behind those of the workers. */
static bool control_drop(const struct ctl_show *show, unsigned int index, uint64_t *packets,
	const char **reason, const char **text)
{
	struct kernel_route_stats stats = {0};

	switch (index) {
	case 0:
		*reason = "inject_full";
		*text = "control core to worker: ring full";
		*packets = dataplane_inject_drops(show->dataplane);
		return true;
	case 1:
		*reason = "tap_to_kernel";
		*text = "not taken by the kernel's TAP or TUN";
		*packets = tap_drops(show, true);
		return true;
	case 2:
		*reason = "tap_from_kernel";
		*text = "from the kernel: no buffer, or ring full";
		*packets = tap_drops(show, false);
		return true;
	case 3:
		if (show->kernel.mirror)
			kernel_route_stats(show->kernel.mirror, &stats);
		*reason = "neighbour_wait";
		*text = "waited in vain for a neighbour, or too many waited";
		*packets = stats.held_drops;
		return true;
	}
	return false;
}

static int drops_next(struct ctl_request *request, json_t **row)
{
	struct ctl_show *show = request->command->user;
	bool all = json_is_true(json_object_get(request->args, "all"));
	struct sample *sample = request->state;
	int r = sample_take(request);

	if (r != CTL_ROW)
		return r;
	if (sample->row == 0)
		stats_total(show, sample->total);
	for (; sample->row < DROP_MAX; sample->row++) {
		enum drop_reason reason = (enum drop_reason)sample->row;

		if (!sample->total->drops[reason] && !all)
			continue;
		sample->row++;
		*row = drop_row(drop_name(reason), sample->total->drops[reason], drop_text(reason));
		return CTL_ROW;
	}
	for (;;) {
		const char *reason, *text;
		uint64_t packets;

		if (!control_drop(show, sample->row++ - DROP_MAX, &packets, &reason, &text))
			return CTL_END;
		if (!packets && !all)
			continue;
		*row = drop_row(reason, packets, text);
		return CTL_ROW;
	}
}

/* ---- show interfaces ---- */

static const struct ctl_column interfaces_columns[] = {
	{"name", "Interface", CTL_TEXT},
	{"device", "Device", CTL_TEXT},
	{"link", "Link", CTL_TEXT},
	{"mtu", "MTU", CTL_ID},
	{"rx_packets", "RX packets", CTL_COUNT},
	{"rx_bytes", "RX bytes", CTL_BYTES},
	{"tx_packets", "TX packets", CTL_COUNT},
	{"tx_bytes", "TX bytes", CTL_BYTES},
	{"missed", "Missed", CTL_COUNT},
	{"errors", "Errors", CTL_COUNT},
	{"no_buffer", "No buffer", CTL_COUNT},
	{"to_kernel", "To kernel", CTL_COUNT},
	{"from_kernel", "From kernel", CTL_COUNT},
	{NULL},
};

static int interfaces_next(struct ctl_request *request, json_t **row)
{
	struct ctl_show *show = request->command->user;
	struct sample *sample = request->state;
	const struct kernel_tap_stats none = {0}, *tap = &none;
	struct iface_info info;
	char mac[24];
	int r = sample_take(request);
	unsigned int i = sample->row;

	if (r != CTL_ROW)
		return r;
	if (i == 0)
		stats_total(show, sample->total);
	if (i >= dataplane_ifaces(show->dataplane))
		return CTL_END;
	sample->row++;
	r = dataplane_iface_info(show->dataplane, i, &info);
	if (r < 0)
		return r;
	if (show->taps && i < kernel_taps_ifaces(show->taps))
		tap = kernel_tap_stats(show->taps, i);
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", info.mac[0], info.mac[1],
		info.mac[2], info.mac[3], info.mac[4], info.mac[5]);
	*row = json_pack("{s:s, s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"name", info.name, "device", info.device, "link", info.link_up ? "up" : "down",
		"mtu", (int)info.mtu, "rx_packets", (json_int_t)sample->total->iface[i].rx_packets,
		"rx_bytes", (json_int_t)sample->total->iface[i].rx_bytes, "tx_packets",
		(json_int_t)sample->total->iface[i].tx_packets, "tx_bytes",
		(json_int_t)sample->total->iface[i].tx_bytes, "missed", (json_int_t)info.imissed,
		"errors", (json_int_t)(info.ierrors + info.oerrors), "no_buffer",
		(json_int_t)info.rx_nombuf, "to_kernel", (json_int_t)tap->to_kernel, "from_kernel",
		(json_int_t)tap->from_kernel);
	/* not in the table */
	json_object_set_new(*row, "driver", json_string(info.driver));
	json_object_set_new(*row, "mac", json_string(mac));
	json_object_set_new(*row, "role",
		json_string(info.role == IFACE_ACCESS     ? "access"
				: info.role == IFACE_CORE ? "core"
							  : "both"));
	json_object_set_new(*row, "vrf", json_integer(info.vrf));
	json_object_set_new(*row, "vlan", json_integer(info.vlan));
	json_object_set_new(*row, "outer_vlan", json_integer(info.outer_vlan));
	json_object_set_new(*row, "queues", json_integer(info.queues));
	json_object_set_new(
		*row, "to_kernel_drops", json_integer((json_int_t)tap->to_kernel_drops));
	json_object_set_new(
		*row, "from_kernel_drops", json_integer((json_int_t)tap->from_kernel_drops));
	return CTL_ROW;
}

/* ---- show ports ---- */

static const struct ctl_column ports_columns[] = {
	{"device", "Device", CTL_TEXT},
	{"driver", "Driver", CTL_TEXT},
	{"socket", "Node", CTL_ID},
	{"rx_queues", "RX queues", CTL_ID},
	{"rx_descriptors", "of", CTL_ID},
	{"tx_queues", "TX queues", CTL_ID},
	{"tx_descriptors", "of", CTL_ID},
	{"steering", "Steering", CTL_LIST},
	{"offloads", "Offloads", CTL_LIST},
	{"overload", "Overload", CTL_TEXT},
	{NULL},
};

struct bit_name {
	uint64_t bits;
	const char *name;
};

static json_t *names_of(uint64_t value, const struct bit_name *names, unsigned int n)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < n; i++)
		if (value & names[i].bits)
			json_array_append_new(list, json_string(names[i].name));
	return list;
}

static json_t *port_steering(const struct port_info *info)
{
	static const struct bit_name names[] = {
		{RTE_ETH_RSS_L2TPV2, "session-id"},
		{RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP, "ports"},
		{RTE_ETH_RSS_IP, "addresses"},
	};
	json_t *list = names_of(info->rss, names, RTE_DIM(names));

	if (info->flows)
		json_array_append_new(list, json_string("rules"));
	if (!info->rss)
		json_array_append_new(list, json_string("software"));
	return list;
}

static json_t *port_offloads(const struct port_info *info)
{
	static const struct bit_name rx[] = {
		{RTE_ETH_RX_OFFLOAD_IPV4_CKSUM, "rx-ip-checksum"},
		{RTE_ETH_RX_OFFLOAD_UDP_CKSUM, "rx-udp-checksum"},
	};
	static const struct bit_name tx[] = {
		{RTE_ETH_TX_OFFLOAD_UDP_CKSUM, "tx-udp-checksum"},
		{RTE_ETH_TX_OFFLOAD_MULTI_SEGS, "tx-segments"},
		{RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE, "tx-fast-free"},
	};
	json_t *list = names_of(info->rx_offloads, rx, RTE_DIM(rx));
	json_t *more = names_of(info->tx_offloads, tx, RTE_DIM(tx));

	json_array_extend(list, more);
	json_decref(more);
	return list;
}

static int ports_next(struct ctl_request *request, json_t **row)
{
	const struct ctl_show *show = request->command->user;
	struct port_info info;

	if (request->cursor[0] >= dataplane_ports(show->dataplane))
		return CTL_END;
	dataplane_port_info(show->dataplane, (unsigned int)request->cursor[0]++, &info);
	*row = json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:o, s:o, s:s}", "device",
		info.device, "driver", info.driver, "socket", info.socket, "rx_queues",
		(int)info.n_rx, "rx_descriptors", (int)info.rx_descriptors, "tx_queues",
		(int)info.n_tx, "tx_descriptors", (int)info.tx_descriptors, "steering",
		port_steering(&info), "offloads", port_offloads(&info), "overload", info.overload);
	return CTL_ROW;
}

/* ---- show version ---- */

static const struct ctl_column version_columns[] = {
	{"lnsd", "lnsd", CTL_TEXT},
	{"dpdk", "DPDK", CTL_TEXT},
	{"cpu", "Built for", CTL_TEXT},
	{"workers", "Workers", CTL_COUNT},
	{"interfaces", "Interfaces", CTL_COUNT},
	{"pid", "Process", CTL_ID},
	{NULL},
};

static int version_next(struct ctl_request *request, json_t **row)
{
	const struct ctl_show *show = request->command->user;
#if defined(__AVX512F__)
	const char *cpu = "x86-64-v4";
#elif defined(__AVX2__)
	const char *cpu = "x86-64-v3";
#elif defined(__SSE4_2__)
	const char *cpu = "x86-64-v2";
#else
	const char *cpu = "generic";
#endif

	if (request->cursor[0]++)
		return CTL_END;
	*row = json_pack("{s:s, s:s, s:s, s:i, s:i, s:i}", "lnsd", LNSD_VERSION, "dpdk",
		rte_version() + strlen("DPDK "), "cpu", cpu, "workers", (int)show->n_workers,
		"interfaces", (int)dataplane_ifaces(show->dataplane), "pid", (int)getpid());
	return CTL_ROW;
}

/* ---- life ---- */

struct ctl_show *ctl_show_create(struct ctl_socket *ctl, struct dataplane *dataplane,
	struct install_route *routes, struct kernel_route *mirror, struct kernel_taps *taps)
{
	struct ctl_show *show = calloc(1, sizeof(*show));

	if (!show)
		return NULL;
	show->dataplane = dataplane;
	show->taps = taps;
	show->n_workers = dataplane_workers(dataplane);
	show->answered = calloc(show->n_workers ? show->n_workers : 1, sizeof(*show->answered));
	show->kernel = (struct ctl_show_kernel){
		.dataplane = dataplane, .routes = routes, .mirror = mirror};

	const struct ctl_command commands[] = {
		{"show workers", show, CTL_LAYOUT_TABLE, workers_columns, rates_start, workers_next,
			sample_done},
		{"show drops", show, CTL_LAYOUT_TABLE, drops_columns, totals_start, drops_next,
			sample_done},
		{"show interfaces", show, CTL_LAYOUT_TABLE, interfaces_columns, totals_start,
			interfaces_next, sample_done},
		{"show ports", show, CTL_LAYOUT_TABLE, ports_columns, NULL, ports_next, NULL},
		{"show version", show, CTL_LAYOUT_RECORD, version_columns, NULL, version_next,
			NULL},
	};

	for (unsigned int i = 0; show->answered && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (ctl_socket_register(ctl, &commands[i]) < 0)
			goto fail;
	if (!show->answered || ctl_show_kernel_register(ctl, &show->kernel) < 0)
		goto fail;
	return show;

fail:
	ctl_show_destroy(show);
	return NULL;
}

void ctl_show_destroy(struct ctl_show *show)
{
	if (!show)
		return;
	free(show->answered);
	free(show);
}
