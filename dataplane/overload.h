/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * More than a worker can do: what keeps tunnels and sessions alive goes first, data is dropped before work is
 * spent on it.
 *
 * A device whose queue is not emptied in time drops what comes next, whatever it is, and with it HELLOs and
 * LCP echoes. So a queue that fills faster than it is worked on is received from without that work: each
 * frame is looked at once (its first 64 bytes), what is kept goes its usual way, the rest is counted and
 * freed, until the queue is down to OVERLOAD_LOW or one ring's worth has been looked at (OVERLOAD_ROW of them where
 * nothing is said of the ring).
 *
 * Kept, each kind and each sender within bounds (overload_budget.h): L2TP control messages of a known tunnel from its
 * peer; PPP frames of sessions that are not network data (LCP, authentication, NCPs); ARP and neighbour discovery; of
 * ESP, which cannot be looked into, packets of our SAs marked CS6 or CS7 and those no longer than a HELLO or an echo;
 * and what else is for ourselves (SCCRQ, IKE, routing protocols, ping). What is dropped: data.
 */
#pragma once

#include "worker.h"

/* Parts of a receive ring, in quarters. */
#define OVERLOAD_HIGH 3
#define OVERLOAD_LOW  1
/*
 * Full bursts in a row, in receive rings: rings that nothing is said of may be longer than was asked for, and
 * fill while a worker waits for a CPU that it shares. Once it was overloaded, OVERLOAD_AGAIN of a ring at first.
 */
#define OVERLOAD_ROW   8u
#define OVERLOAD_AGAIN 4u
#define OVERLOAD_LEAST 2u /* bursts: one is what any queue gives now and then */
/* What then is found in the queue shall be this part of a ring: fewer full bursts in a row if it is more. */
#define OVERLOAD_FOUND 4u
/* A device with OVERLOAD_BACKLOG is asked once in so much of a ring: some go through all that waits there to answer. */
#define OVERLOAD_ASK 8u
/* A burst of a device with OVERLOAD_BACKLOG: some drivers' vector functions give no more at once. */
#define OVERLOAD_FILL 32
/* Longest ESP packet that may be a HELLO or an echo (IPv4, AES-CBC with SHA-512, UDP); IPv6 is 20 longer. */
#define OVERLOAD_ESP_SMALL 120

/* How a queue says that it fills faster than it is emptied. */
enum overload_signal {
	OVERLOAD_UNSEEN, /* it is memory that cannot overflow, or gives as fast as is taken: replays, null */
	OVERLOAD_BACKLOG, /* the device tells whether the descriptor that far back holds a packet */
	OVERLOAD_BURSTS, /* it does not: full bursts without a break, and what was found after them */
};

/* After the device was started: how its queues tell, for every worker that has one. */
void overload_prepare(struct dataplane *dp, struct port *port);
/* A queue of this worker's tells by this signal; size: of its ring. */
void overload_watch(struct rx_queue *rx, enum overload_signal signal, uint16_t size);
/* The queue gave a full burst, the second one in a row or a later one. */
void overload_poll(struct worker *w, struct rx_queue *rx);

/*
 * What a frame is, of interface *iface (INTERFACE_NONE: of none), and from whom (*key, by class); only its first
 * segment is looked at.
 */
enum overload_class overload_classify(const struct worker *w, const struct port *port,
	struct rte_mbuf *m, uint8_t *iface, uint32_t *key);
/* The same for what goes from worker to worker; CLASSES: the control core's, to be kept in any case. */
enum overload_class overload_classify_handed(
	struct rte_mbuf *m, enum handoff_point point, uint32_t *key);

/* Of OVERLOAD_PPP, as on the wire: ours. */
static inline uint32_t overload_session_key(uint16_t tunnel_id, uint16_t session_id)
{
	return (uint32_t)tunnel_id << 16 | session_id;
}
