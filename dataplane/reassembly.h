/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Outer fragments become whole datagrams before anything looks at a tunnel or SPI.
 *
 * All fragments of one datagram go to one worker, chosen by a hash of VRF, source, destination and id. The
 * tables are bounded (settings: fragment_max datagrams, each of at most eight fragments, shared out evenly among
 * the VRFs that have an access interface) and timed out; when one is full, its oldest datagrams make room.
 */
#pragma once

#include "worker.h"

struct reassembly *reassembly_create(
	const struct dataplane *dp, uint32_t max_datagrams, uint16_t timeout_ms, int socket);
/* Frees the tables with what is still in them. */
void reassembly_destroy(struct reassembly *reassembly);

/* Fragments as classify left them; the survivors are this worker's own, the others were handed off. */
uint16_t reassembly_dispatch(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/*
 * The survivors are whole frames, data at Ethernet, without a fragment header, headers in the first
 * segment; their class is to be found again. ESP is in one segment if there is a buffer for it. What is kept waits in the table.
 */
uint16_t reassembly_input(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
/* Drops datagrams whose rest did not come in time; once per turn. */
void reassembly_poll(struct worker *w);
/* After the last turn. */
void reassembly_empty(struct worker *w);
