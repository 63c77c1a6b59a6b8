/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * More than a worker can do: what keeps tunnels and sessions alive goes first, data is dropped before work is
 * spent on it.
 *
 * A device whose queue is not emptied in time drops what comes next, whatever it is, and with it HELLOs and
 * LCP echoes. So a queue that fills beyond OVERLOAD_HIGH is received from faster than it is worked on: each
 * frame is looked at once (its first 64 bytes), what is kept goes its usual way, the rest is counted and
 * freed, until the queue is down to OVERLOAD_LOW or one ring's worth has been looked at.
 *
 * Kept: L2TP control messages of a known tunnel from its peer; PPP frames that are not network data (LCP,
 * authentication, NCPs); ARP and neighbour discovery; of ESP, which cannot be looked into, packets of our SAs marked CS6
 * or CS7 (RFC 4594, 3.1) and those no longer than a HELLO or an echo; and a few of everything else that is
 * for ourselves (SCCRQ, IKE, routing protocols, ping). What is dropped: data.
 */
#pragma once

#include "worker.h"

/* Parts of a receive ring, in quarters. */
#define OVERLOAD_HIGH 3
#define OVERLOAD_LOW  1
/*
 * Full bursts in a row, in receive rings: rings that nothing is said of may be longer than was asked for, and
 * fill while a worker waits for a CPU that it shares.
 */
#define OVERLOAD_ROW 8u
/* A burst of a device with OVERLOAD_BACKLOG: some drivers' vector functions give no more at once. */
#define OVERLOAD_FILL      32
#define OVERLOAD_STRANGERS 4 /* of each burst: for ourselves, but of no tunnel */
/* Longest ESP packet that may be a HELLO or an echo (IPv4, AES-CBC with SHA-512, UDP); IPv6 is 20 longer. */
#define OVERLOAD_ESP_SMALL 120

/* How a queue says that it fills faster than it is emptied. */
enum overload_signal {
	OVERLOAD_UNSEEN, /* it is memory that cannot overflow, or gives as fast as is taken: replays, null */
	OVERLOAD_BACKLOG, /* the device tells whether the descriptor that far back holds a packet */
	OVERLOAD_BURSTS,  /* it does not: more full bursts in a row than OVERLOAD_ROW rings hold */
};

/* After the device was started: how its queues tell, for every worker that has one. */
void overload_prepare(struct dataplane *dp, struct port *port);
/* The queue gave a full burst, the second one in a row. */
void overload_poll(struct worker *w, struct rx_queue *rx);

enum overload_verdict {
	OVERLOAD_DATA,     /* drop */
	OVERLOAD_CONTROL,  /* keep */
	OVERLOAD_STRANGER, /* keep a few */
};
/* What a frame is, of interface *iface (INTERFACE_NONE: of none); only its first segment is looked at. */
enum overload_verdict overload_classify(
	const struct worker *w, const struct port *port, struct rte_mbuf *m, uint8_t *iface);
/* The same for what goes from worker to worker: may it use the part of the ring that is kept free of data? */
bool overload_is_control(struct rte_mbuf *m, enum handoff_point point);
