/* SPDX-License-Identifier: BSD-3-Clause */
/* What bench_path.c measures on: a dataplane of one worker between two null devices, in one thread. */
#pragma once

#include "worker.h"

#include <stdbool.h>
#include <stdint.h>

#define TUNNELS_MAX 64

extern struct dataplane *dp;
extern struct worker *w;
extern uint16_t ethdevs[2];     /* access, core */
extern uint8_t frames[2][2048]; /* up, down: what bursts are made of */
extern bool six;                /* IPv6 inside; set before path_open() */

/* A tunnel's SAs: the LNS's two, and the one that the LAC sends by. */
struct esp_peer {
	struct sa *in, *out, *sends;
};
extern struct esp_peer peers[TUNNELS_MAX];
extern struct sa_store *store; /* of the peers' SAs; made before path_open() */

/* Ends the program with the text if the condition does not hold. */
void check(bool condition, const char *what);

/* Sessions spread over the tunnels of one LAC. esp: every tunnel with SAs of its own, and this replay window. */
void path_open(uint32_t sessions, uint32_t tunnels, bool esp, uint32_t window);

/* size: of the inner IP packet, bytes */
void frames_make(uint32_t size);

/* BURST packets of sessions drawn at random, in buffers fresh from the pool. */
void burst_make(struct rte_mbuf **pkts, unsigned int down);
