/* SPDX-License-Identifier: BSD-3-Clause */
/* The metrics, by command. docs/operations.md lists them for the operator. */
#include "metrics_table.h"

#include <assert.h>
#include <stddef.h>

#define GAUGE .gauge = true

static const struct metric version_metrics[] = {
	{"lnsd_info", NULL, "Versions of lnsd and DPDK, and what it was built for.", GAUGE},
};

static const struct metric memory_metrics[] = {
	{"lnsd_sessions", "subscribers", "Subscribers' sessions in any state.", GAUGE},
	{"lnsd_sessions_up", "up", "Sessions with an address that forward.", GAUGE},
	{"lnsd_sessions_ending", "ending", "Sessions whose last counters are awaited.", GAUGE},
	{"lnsd_tunnels", "engine_tunnels", "L2TP tunnels in any state.", GAUGE},
	{"lnsd_mbufs", "mbufs", "Packet buffers.", GAUGE},
	{"lnsd_mbufs_in_use", "mbufs_in_use", "Packet buffers in use.", GAUGE},
	{"lnsd_dpdk_heap_bytes", "heap_bytes", "DPDK heap.", GAUGE},
	{"lnsd_dpdk_heap_used_bytes", "heap_in_use", "DPDK heap in use.", GAUGE},
	{"lnsd_malloc_used_bytes", "malloc_in_use", "malloc in use.", GAUGE},
	{"lnsd_timers", "timers", "Timers set.", GAUGE},
	{"lnsd_grace_period_waiting", "deferred", "Objects that wait for a grace period.", GAUGE},
	{"lnsd_host_routes", "hosts4", "IPv4 host routes of subscribers.", GAUGE},
};

static const struct metric worker_metrics[] = {
	{"lnsd_worker_running", "state", "Whether the worker answers.", GAUGE, .is = "running"},
	{"lnsd_worker_loops_total", "loops", "Turns of the poll loop."},
	{"lnsd_worker_loops_busy_total", "loops_busy", "Turns that found something to do."},
	{"lnsd_worker_sleeps_total", "sleeps", "Times that an idle worker slept."},
	{"lnsd_worker_rx_packets_total", "rx_packets", "Packets received."},
	{"lnsd_worker_tx_packets_total", "tx_packets", "Packets sent."},
	{"lnsd_worker_uplink_packets_total", "uplink", "Packets from subscribers."},
	{"lnsd_worker_downlink_packets_total", "downlink", "Packets to subscribers."},
	{"lnsd_worker_hairpin_packets_total", "hairpin", "From one subscriber to another."},
	{"lnsd_worker_punted_packets_total", "punted", "Packets to the control core."},
	{"lnsd_worker_injected_packets_total", "injected", "Packets from the control core."},
	{"lnsd_worker_handoff_out_packets_total", "handoff_out", "Packets to other workers."},
	{"lnsd_worker_handoff_in_packets_total", "handoff_in", "Packets from other workers."},
	{"lnsd_worker_dropped_packets_total", "drops", "Packets dropped, for any reason."},
	{"lnsd_worker_reassembled_packets_total", "reassembled", "Outer packets put together."},
	{"lnsd_worker_fragmented_packets_total", "fragmented", "Packets sent in fragments."},
	{"lnsd_worker_icmp_errors_total", "icmp_sent", "ICMP errors sent."},
	{"lnsd_worker_mss_clamped_total", "mss_clamped", "TCP SYNs whose MSS was lowered."},
};

static const struct metric drop_metrics[] = {
	{"lnsd_dropped_packets_total", "packets", "Packets dropped, by reason."},
};

static const struct metric interface_metrics[] = {
	{"lnsd_interface_up", "link", "Whether the link is up.", GAUGE, .is = "up"},
	{"lnsd_interface_rx_packets_total", "rx_packets", "Packets received."},
	{"lnsd_interface_rx_bytes_total", "rx_bytes", "Bytes received, without FCS."},
	{"lnsd_interface_tx_packets_total", "tx_packets", "Packets sent."},
	{"lnsd_interface_tx_bytes_total", "tx_bytes", "Bytes sent, without FCS."},
	{"lnsd_interface_missed_packets_total", "missed", "Lost because a receive queue was full."},
	{"lnsd_interface_errors_total", "errors", "Errors that the device counted."},
	{"lnsd_interface_no_buffer_total", "no_buffer", "Lost for want of a packet buffer."},
};

static const struct metric pool_metrics[] = {
	{"lnsd_pool_size", "size", "Addresses or prefixes of the pool.", GAUGE},
	{"lnsd_pool_used", "used", "Of these, in use.", GAUGE},
	{"lnsd_pool_reserved", "reserved", "Of these, kept for one user.", GAUGE},
	{"lnsd_pool_exhausted_total", "exhausted", "Requests refused, the pool was exhausted."},
};

static const struct metric control_metrics[] = {
	{"lnsd_events_total", "value", "What the control plane counts; see lnsctl show control.",
		.unless = "gauge"},
};

static const struct metric radius_metrics[] = {
	{"lnsd_radius_server_alive", "state",
		"Whether the server answers; 0 also while it is held.", GAUGE, .is = "alive"},
	{"lnsd_radius_in_flight", "in_flight", "Requests without an answer yet.", GAUGE},
	{"lnsd_radius_window", "window", "Requests that may be in flight.", GAUGE},
	{"lnsd_radius_latency_seconds", "latency_us", "Smoothed time to the answer.", GAUGE,
		.micro = true},
	{"lnsd_radius_sent_total", "sent",
		"Packets sent, repetitions and Status-Server among them."},
	{"lnsd_radius_resent_total", "resent", "Packets sent again."},
	{"lnsd_radius_answered_total", "answered", "Requests answered."},
	{"lnsd_radius_accepts_total", "accepts", "Access-Accepts."},
	{"lnsd_radius_rejects_total", "rejects", "Access-Rejects."},
	{"lnsd_radius_timeouts_total", "timeouts", "Requests that were never answered."},
	{"lnsd_radius_deaths_total", "deaths", "Times that the server was given up."},
	{"lnsd_radius_dropped_total", "dropped", "Replies dropped; see lnsctl show radius."},
};

static const struct metric accounting_metrics[] = {
	{"lnsd_accounting_starts_total", "starts", "Accounting Starts made."},
	{"lnsd_accounting_interims_total", "interims", "Interim-Updates made."},
	{"lnsd_accounting_stops_total", "stops", "Accounting Stops made."},
	{"lnsd_accounting_acknowledged_total", "acknowledged", "Records acknowledged."},
	{"lnsd_accounting_waiting", "waiting", "Records not acknowledged yet.", GAUGE},
	{"lnsd_accounting_dropped_interims_total", "dropped_interims",
		"Interim-Updates given up, the spool was full."},
	{"lnsd_accounting_dropped_starts_total", "dropped_starts",
		"Starts given up, the spool was full."},
	{"lnsd_accounting_spool_errors_total", "spool_errors", "Errors of the spool's disk."},
	{"lnsd_accounting_spool_segments", "spool_segments", "Files of the spool.", GAUGE},
};

static const struct metric ipsec_metrics[] = {
	{"lnsd_ipsec_sas", "sas", "Security associations in use.", GAUGE},
	{"lnsd_ipsec_peers", "groups", "IPsec peers.", GAUGE},
	{"lnsd_ipsec_sas_refused", "refused", "Security associations that are refused.", GAUGE},
	{"lnsd_ipsec_mirror_complete", "synced", "Whether the kernel's SAs are all known.", GAUGE},
	{"lnsd_ipsec_netlink_overruns_total", "overruns", "Times that XFRM events were lost."},
	{"lnsd_ipsec_reservation_failures_total", "reservation_failures",
		"Reservations of sequence numbers that the kernel refused."},
	{"lnsd_ipsec_rekeys_asked_total", "soft_expires", "Rekeyings asked for."},
	{"lnsd_ipsec_sas_expired_total", "hard_expires", "SAs ended at a limit."},
};

static const struct metric kernel_metrics[] = {
	{"lnsd_kernel_mirror_complete", "synced", "Whether the kernel's routes are all known.",
		GAUGE},
	{"lnsd_kernel_routes4", "routes4", "IPv4 prefixes.", GAUGE},
	{"lnsd_kernel_routes6", "routes6", "IPv6 prefixes.", GAUGE},
	{"lnsd_kernel_neighbours", "neighbours", "Neighbours.", GAUGE},
	{"lnsd_kernel_neighbours_resolved", "neighbours_resolved", "Neighbours resolved.", GAUGE},
	{"lnsd_kernel_netlink_overruns_total", "overruns", "Times that route events were lost."},
	{"lnsd_kernel_table_full_total", "failures", "Routes left out, a table was full."},
	{"lnsd_kernel_own_routes", "own_routes", "Subscribers' routes in the kernel.", GAUGE},
	{"lnsd_kernel_own_routes_refused_total", "announce_errors",
		"Subscribers' routes that the kernel refused."},
};

static const struct metric tunnel_metrics[] = {
	{"lnsd_tunnel_up", "state", "Whether the tunnel is established.", GAUGE,
		.is = "established"},
	{"lnsd_tunnel_sessions", "sessions", "Sessions of the tunnel.", GAUGE},
	{"lnsd_tunnel_sessions_total", "sessions_total", "Sessions that it has had."},
	{"lnsd_tunnel_queued", "queued", "Control messages that wait for its window.", GAUGE},
	{"lnsd_tunnel_retries", "retries", "How often the oldest message was sent again.", GAUGE},
};

#define METRICS(table) .metrics = (table), .n_metrics = sizeof(table) / sizeof((table)[0])

const struct metric_source metric_sources[] = {
	{"show version", METRICS(version_metrics),
		.labels = {{"version", "lnsd"}, {"dpdk", "dpdk"}, {"cpu", "cpu"}}},
	{"show memory", METRICS(memory_metrics)},
	{"show workers", .argument = "rates", .argument_value = false, METRICS(worker_metrics),
		.labels = {{"worker", "worker"}}},
	{"show drops", .argument = "all", .argument_value = true, METRICS(drop_metrics),
		.labels = {{"reason", "reason"}}},
	{"show interfaces", METRICS(interface_metrics), .labels = {{"interface", "name"}}},
	{"show pools", METRICS(pool_metrics), .labels = {{"pool", "pool"}, {"vrf", "vrf"}}},
	{"show control", METRICS(control_metrics),
		.labels = {{"group", "group"}, {"name", "name"}}},
	{"show radius", METRICS(radius_metrics),
		.labels = {{"role", "role"}, {"server", "server"}}},
	{"show accounting", METRICS(accounting_metrics)},
	{"show ipsec", METRICS(ipsec_metrics)},
	{"show kernel", METRICS(kernel_metrics)},
	{"show tunnels", .per_tunnel = true, METRICS(tunnel_metrics),
		.labels = {{"tunnel", "tunnel"}, {"lac", "lac"}, {"name", "lac_name"}}},
	{0},
};

static_assert(sizeof(worker_metrics) / sizeof(worker_metrics[0]) <= METRICS_MAX, "METRICS_MAX");
