/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: one core, its queues, its rings and everything that it alone writes.
 *
 * Nothing in here is touched by another core but the rings, and stats_snapshot, which the control core
 * reads after the answer that says it is complete.
 */
#pragma once

#include "dataplane_private.h"
#include "overload_budget.h"
#include "packet.h"

#include <crypto/esp.h>

#include <rte_cycles.h>

#define TX_BUFFER     256
#define TX_DATA       224 /* of these for data; the rest is the control core's */
#define OUTER_MEMOS   64
#define DROP_NONE     (-1)
#define IDLE_WATCHED  32 /* receive queues that UMWAIT watches at once */
#define LOCAL_OUT_MAX BURST

struct reassembly;

/* Mbufs on their way to one ring, so that a burst costs one enqueue. */
struct ring_buffer {
	struct rte_ring *ring;
	uint32_t room; /* of the ring, at least: as of the last flush */
	uint16_t n;
	struct rte_mbuf *pkts[BURST];
};

/* Frames on their way out of one device. What the device does not take stays for the next turn. */
struct tx_buffer {
	uint16_t ethdev, queue;
	uint8_t owner; /* the worker that has the queue: this one, or frames go to it by HANDOFF_TX */
	bool segments; /* takes frames of several segments */
	uint16_t n;
	struct rte_mbuf *pkts[TX_BUFFER];
};

struct rx_queue {
	uint16_t ethdev, queue;
	uint16_t size;  /* descriptors */
	uint8_t signal; /* enum overload_signal */
	uint16_t fill;  /* from so many frames on a burst is full */
	uint32_t full;  /* full bursts in a row since it was looked at */
	uint32_t row;   /* as many are too many, or when the device is asked */
	uint64_t shed;  /* clock when data was last dropped early; 0: never */
};

struct token_bucket {
	uint64_t last, tokens; /* tokens in units of cycles: one costs `price` */
	uint64_t price, depth;
};

/* Where a tunnel's packets leave: good for one turn of the loop, no table pointers kept beyond. */
struct outer_memo {
	uint64_t turn;
	uint32_t adjacency; /* ADJACENCY_NONE: no way there */
	uint16_t tunnel_id;
	uint8_t punt_iface; /* adjacency NONE: the subnet that the peer is in, or INTERFACE_NONE */
	bool udp_checksum;  /* wanted */
	bool udp_offload;   /* and the device makes it */
	uint16_t mtu;
	uint32_t sa_group; /* not 0: by ESP, none of the rest counts but udp_checksum */
};

struct worker {
	/* read-mostly; set before the launch */
	uint8_t id;
	uint8_t n_workers, n_rx, n_ports;
	bool lanes; /* lane.h; off only where tests compare */
	struct dataplane *dp;
	struct session_table *sessions;
	const struct adjacency_table *adjacencies;
	const struct group_table *groups;
	struct fib **fibs;
	struct iface *ifaces;
	struct port *ports;
	struct rte_mempool *pool, *indirect;
	struct policer_table *policers;
	struct sa_table *sas;
	struct esp_engine *esp;        /* NULL: "auto" found none */
	struct reassembly *reassembly; /* NULL: off */
	struct rx_queue rx[PORTS_MAX * 4];

	/* of the burst in hand: its device, and the classes that were found in it, one bit each */
	const struct port *rx_port;
	uint32_t rx_classes;
	/* the clock, read once per turn */
	uint64_t now;  /* TSC */
	uint64_t turn; /* of the loop, never 0 */
	uint16_t ip_id, ip_id_first,
		ip_id_last;   /* of outer IPv4 packets: each worker has a range */
	uint32_t fragment_id; /* of outer IPv6 fragments: workers count in steps of n_workers */
	/* path MTU discovery stands still without its errors: scans of empty space do not eat them up */
	struct token_bucket icmp_tokens, too_big_tokens, unresolved_tokens, esp_notice_tokens,
		esp_move_tokens;
	uint64_t punt_ppp_price,
		punt_local_price; /* as token_bucket.price; the buckets are the sessions' */

	/* dropped packets, freed together */
	uint16_t n_dropped;
	struct rte_mbuf *dropped[BURST];
	/* packets that this worker made (ICMP errors), routed at the end of the turn */
	uint16_t n_local_out;
	struct rte_mbuf *local_out[LOCAL_OUT_MAX];

	struct ring_buffer punt[PUNT_RINGS];
	struct ring_buffer handoff[WORKERS_MAX];  /* towards others */
	struct rte_ring *handoff_in[WORKERS_MAX]; /* from others; NULL: myself */
	struct rte_ring *inject, *messages, *replies;
	struct outer_memo outer[OUTER_MEMOS];
	struct overload_budget overload;
	struct worker_stats stats;
	struct tx_buffer tx[PORTS_MAX];

	struct worker_stats stats_snapshot __rte_cache_aligned;
};

/* NULL and errno; other than ENOMEM it is the ESP engine's, with esp_reason. */
struct worker *worker_create(struct dataplane *dp, uint8_t id, unsigned int lcore);
void worker_destroy(struct worker *w);
/* rte_eal_remote_launch's function. */
int worker_main(void *worker);
/* One turn of the loop; false if there was nothing to do. */
bool worker_turn(struct worker *w);
/* Frames as a device gave them, of any kind. */
void worker_receive(struct worker *w, uint16_t ethdev, struct rte_mbuf **pkts, uint16_t n);
/* Everything that waits in a buffer leaves: transmit queues, rings, dropped packets. */
void worker_flush(struct worker *w);
/* After the last turn: frees what is still in this worker's hands. */
void worker_drain(struct worker *w);

void worker_free_dropped(struct worker *w);

/* Different over all workers (RFC 6864), until the range has been gone through. */
static inline uint16_t worker_ip_id(struct worker *w)
{
	w->ip_id = unlikely(w->ip_id == w->ip_id_last) ? w->ip_id_first : (uint16_t)(w->ip_id + 1);
	return w->ip_id;
}

static inline void worker_drop(struct worker *w, struct rte_mbuf *m, enum drop_reason reason)
{
	w->stats.drops[reason]++;
	w->dropped[w->n_dropped++] = m;
	if (unlikely(w->n_dropped == BURST))
		worker_free_dropped(w);
}

static inline void worker_drop_all(
	struct worker *w, struct rte_mbuf **pkts, uint16_t n, enum drop_reason reason)
{
	for (uint16_t i = 0; i < n; i++)
		worker_drop(w, pkts[i], reason);
}

void token_bucket_init(struct token_bucket *bucket, uint32_t rate, uint32_t burst);

static inline bool token_take(
	uint64_t *last, uint64_t *tokens, uint64_t price, uint64_t depth, uint64_t now)
{
	*tokens += now - *last;
	*last = now;
	if (*tokens > depth)
		*tokens = depth;
	if (price == 0 || *tokens < price)
		return false;
	*tokens -= price;
	return true;
}

static inline bool token_bucket_take(struct token_bucket *bucket, uint64_t now)
{
	return token_take(&bucket->last, &bucket->tokens, bucket->price, bucket->depth, now);
}
