/* SPDX-License-Identifier: BSD-3-Clause */
/* The subscribers' packets at the LAC: builds and sends the uplink, checks the downlink. */
#pragma once

#include <stdbool.h>

#include "flow.h"
#include "impair.h"
#include "lac.h"
#include "port.h"

struct traffic_burst;

struct traffic {
	const struct options *options;
	struct lac *lac;
	struct port *ports;
	struct impair *impair; /* of subscribers' packets on the way out */
	impair_fn *emit;       /* queues a packet at its socket */
	void *emit_ctx;
	uint32_t run;
	uint32_t remote; /* address of the far end, host order */
	uint16_t remote_port;
	uint32_t *order; /* sessions as they take turns: in blocks of one socket */
	uint32_t cursor; /* position in order; from sessions on the same by IPv6 */
	uint32_t flows;  /* one a session, or two: session n by IPv4 is n, by IPv6 sessions + n */
	uint8_t remote6[16];
	uint16_t ident;
	struct flow_pacer pacer;
	struct flow_tx *tx;
	struct flow_rx *rx;
	struct flow_sum sum;
	uint64_t sent, sent_bytes;
	uint64_t icmp;
	uint64_t fragments;
	struct payload_report *reports; /* of a reflector, by flow; NULL without one */
	bool *reported;
	uint64_t reports_missing;
	struct traffic_burst *burst;
};

/* 0 or -ENOMEM. */
int traffic_init(struct traffic *t, const struct options *options, struct lac *lac,
	struct port *ports, struct impair *impair, impair_fn *emit, void *emit_ctx, uint32_t run);
void traffic_free(struct traffic *t);
void traffic_start(struct traffic *t, uint64_t now_ns);
/* Sends what is due, in bursts; false if nothing was. */
bool traffic_send(struct traffic *t, uint64_t now_ns);
/* A subscriber's IP packet that came down the tunnel. */
void traffic_receive(
	struct traffic *t, struct session *s, const uint8_t *packet, size_t len, uint64_t stamp);
/* Asks the reflector for its counters of sessions not reported yet; true if there are none. */
bool traffic_query(struct traffic *t, uint32_t *cursor);
