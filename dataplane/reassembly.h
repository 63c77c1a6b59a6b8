/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Outer fragments become whole datagrams before anything looks at a tunnel or SPI.
 *
 * All fragments of one datagram go to one worker, chosen by a hash of source, destination and id. The
 * table is bounded (settings: fragment_max datagrams, each of at most eight fragments) and timed out.
 */
#pragma once

#include "worker.h"

struct reassembly *reassembly_create(
	uint32_t max_datagrams, uint16_t timeout_ms, struct rte_mempool *pool, int socket);
/* Frees the table with what is still in it. */
void reassembly_destroy(struct reassembly *reassembly);

/* Fragments as classify left them; the survivors are this worker's own, the others were handed off. */
uint16_t reassembly_dispatch(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/*
 * The survivors are whole frames, data at Ethernet, without a fragment header, headers in the first
 * segment; their class is to be found again. What is kept waits in the table.
 */
uint16_t reassembly_input(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/* Drops datagrams whose rest did not come in time; once per turn. */
void reassembly_poll(struct worker *w);
/* After the last turn. */
void reassembly_empty(struct worker *w);
