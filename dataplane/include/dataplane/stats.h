/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker counts. Written by the worker alone; the control core gets copies (message.h).
 */
#pragma once

#include <dataplane/drop.h>
#include <dataplane/meta.h>

#include <stdint.h>

#define IFACES_MAX 64

struct worker_stats {
	uint64_t drops[DROP_MAX];
	struct {
		uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	} iface[IFACES_MAX];
	uint64_t punts[PUNT_KINDS];
	uint64_t injects[INJECT_KINDS];
	uint64_t handoff_out[HANDOFF_POINTS], handoff_in[HANDOFF_POINTS];
	uint64_t uplink_packets, downlink_packets, hairpin_packets;
	uint64_t reassembled, fragmented, icmp_sent, mss_clamped;
	uint64_t messages, messages_stale;
	uint64_t loops, loops_busy, sleeps; /* turns of the loop; turns that found packets */
	uint64_t overloads; /* times that data was dropped early, for control's sake */
};
