/* SPDX-License-Identifier: BSD-3-Clause */
/* --verify-mtu: what the LNS does with downlink packets at and above a session's MTU. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lac.h"
#include "options.h"
#include "port.h"

#define MTU_SESSIONS 32u
#define MTU_PACKET   1500u

struct mtu_probe {
	struct session *session;
	bool whole;          /* exactly the MTU, DF: arrived */
	bool passed_too_big; /* larger, DF: must not arrive */
	uint16_t icmp_mtu;   /* larger, DF: what the ICMP error said, 0: none came */
	uint16_t fragment_bytes, fragment_total; /* larger, no DF: collected, and expected */
	uint16_t fragments;
	bool fragment_too_big;
	bool fragments_ok;
	uint8_t reassembled[MTU_PACKET];
};

struct mtu {
	bool done;
	uint32_t run;
	struct port port;
	uint32_t count, sent;
	uint64_t started_ns;
	struct mtu_probe *probes;
	uint32_t whole_missing, icmp_missing, icmp_wrong, fragments_missing, too_big;
};

/* 0 or -errno after a message; port in the far end's namespace, next to its address. */
int mtu_open(struct mtu *m, const struct options *options, struct lac *lac, uint32_t run,
	uint64_t now_ns);
/* Sends and collects; true when it is over and judged. */
bool mtu_step(struct mtu *m, uint64_t now_ns);
/* A packet for a session; true if it was one of ours. */
bool mtu_receive(struct mtu *m, struct session *s, const uint8_t *packet, size_t len);
void mtu_close(struct mtu *m);

static inline uint32_t mtu_failures(const struct mtu *m)
{
	return m->whole_missing + m->icmp_missing + m->icmp_wrong + m->fragments_missing +
		m->too_big;
}
