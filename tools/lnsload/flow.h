/* SPDX-License-Identifier: BSD-3-Clause */
/* What is counted of the test packets: per session and in sum, one writer each. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "histogram.h"
#include "payload.h"
#include "sequence.h"

#define FLOW_TTL         64u
#define FLOW_BURST       32u
#define FLOW_IP_HEADERS  28u /* IPv4 and UDP */
#define FLOW_IP6_HEADERS 48u

struct flow_tx {
	uint32_t packets; /* also the next sequence number */
	uint64_t bytes;   /* inner IP */
};

struct flow_rx {
	struct sequence sequence;
	uint64_t bytes;
};

/* sums of one direction at its receiver; written by one thread, read by others while it runs */
struct flow_sum {
	uint64_t received, bytes; /* with duplicates */
	uint64_t reordered, duplicated, misdelivered, corrupt, bad_ttl, foreign;
	struct histogram latency_ns;
};

/* Counts a checked packet of the session; latency only if both times are known. */
void flow_receive(struct flow_sum *sum, struct flow_rx *rx, const struct payload *p,
	size_t ip_bytes, uint64_t stamp);

/* Even sending: how many packets are due. */
struct flow_pacer {
	double pps;
	uint64_t start_ns;
	uint64_t sent; /* since start_ns */
};

void flow_pacer_start(struct flow_pacer *p, double pps, uint64_t now_ns);
/* At most FLOW_BURST; what could not be sent for 20 ms is forgotten, never caught up in a flood. */
uint32_t flow_pacer_due(struct flow_pacer *p, uint64_t now_ns);
/* Nanoseconds until something is due again. */
uint64_t flow_pacer_wait(const struct flow_pacer *p, uint64_t now_ns);
/* Size of the n-th packet: size, or the IMIX of 7 x 64, 4 x 576, 1 x 1400 when size is 0. */
uint32_t flow_size(uint32_t size, uint64_t n);
/* The same for one of the families: a payload's header has to fit. */
uint32_t flow_size_of(bool six, uint32_t size, uint64_t n);
static inline uint32_t flow_ip_headers(bool six)
{
	return six ? FLOW_IP6_HEADERS : FLOW_IP_HEADERS;
}
uint16_t flow_subscriber_port(uint32_t session);
/* One's complement sum over len bytes (even offset), not folded to a checksum yet. */
uint32_t flow_sum_bytes(const uint8_t *p, size_t len, uint32_t sum);
/* The checksum of a sum: 0 over data that contains its own right checksum. */
uint16_t flow_fold(uint32_t sum);
/* Writes IPv4 and UDP headers (host order addresses) in front of a payload whose header is given. */
void flow_headers(uint8_t out[FLOW_IP_HEADERS], uint32_t source, uint32_t destination,
	uint16_t source_port, uint16_t destination_port, uint16_t ident, const uint8_t *payload,
	size_t payload_len);
/* The same for IPv6. */
void flow_headers6(uint8_t out[FLOW_IP6_HEADERS], const uint8_t source[16],
	const uint8_t destination[16], uint16_t source_port, uint16_t destination_port,
	const uint8_t *payload, size_t payload_len);
