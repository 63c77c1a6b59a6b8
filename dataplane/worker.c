/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The poll loop of a worker, in order.
 */
#include "worker.h"
#include "classify.h"
#include "downlink.h"
#include "forward.h"
#include "handoff.h"
#include "idle.h"
#include "inject.h"
#include "lane.h"
#include "message_input.h"
#include "overload.h"
#include "port.h"
#include "punt.h"
#include "reassembly.h"
#include "uplink.h"

#include <rte_ethdev.h>

static void worker_stages(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *by_class[CLASS_MAX][BURST];
	uint16_t count[CLASS_MAX] = {0};

	n = classify(w, pkts, n);
	if (likely(w->rx_classes == 1u << CLASS_L2TP)) {
		uplink_burst(w, pkts, n);
		return;
	}
	if (w->rx_classes == 1u << CLASS_ESP) {
		uplink_esp_burst(w, pkts, n);
		return;
	}
	if (likely(w->rx_classes == 1u << CLASS_IP)) {
		downlink_burst(w, pkts, n);
		return;
	}
	for (uint16_t i = 0; i < n; i++) {
		uint8_t cls = meta_of(pkts[i])->cls;

		by_class[cls][count[cls]++] = pkts[i];
	}
	if (count[CLASS_L2TP] > 0)
		uplink_burst(w, by_class[CLASS_L2TP], count[CLASS_L2TP]);
	if (count[CLASS_ESP] > 0)
		uplink_esp_burst(w, by_class[CLASS_ESP], count[CLASS_ESP]);
	if (count[CLASS_IP] > 0)
		downlink_burst(w, by_class[CLASS_IP], count[CLASS_IP]);
	if (unlikely(count[CLASS_FRAGMENT] > 0)) {
		n = reassembly_dispatch(w, by_class[CLASS_FRAGMENT], count[CLASS_FRAGMENT]);
		uplink_fragments(w, by_class[CLASS_FRAGMENT], n);
	}
}

void worker_receive(struct worker *w, uint16_t ethdev, struct rte_mbuf **pkts, uint16_t n)
{
	const struct port *port = &w->ports[w->dp->port_of_ethdev[ethdev]];
	unsigned int passes = 0;
	uint16_t before;

	w->rx_port = port;
	do {
		before = n;
		n = lane_uplink(w, pkts, n);
		if (n > 0)
			n = lane_downlink(w, pkts, n);
		/* several VLANs on one port: the lanes take one at a time */
	} while (unlikely(n > 0) && port->n_tagged > 0 && n < before && ++passes < LANE_PASSES);
	if (unlikely(n > 0))
		worker_stages(w, pkts, n);
}

bool worker_turn(struct worker *w)
{
	struct rte_mbuf *pkts[BURST];
	bool busy = false;

	w->now = rte_rdtsc();
	w->turn++;
	for (uint8_t i = 0; i < w->n_rx; i++) {
		struct rx_queue *rx = &w->rx[i];
		uint16_t n = rte_eth_rx_burst(rx->ethdev, rx->queue, pkts, BURST);

		if (n > 0) {
			worker_receive(w, rx->ethdev, pkts, n);
			busy = true;
		}
		if (likely(n < rx->fill))
			rx->full = 0;
		else if (++rx->full >= 2)
			overload_poll(w, rx);
	}
	busy |= handoff_poll(w);
	busy |= inject_poll(w);
	busy |= message_poll(w);
	if (w->reassembly != NULL)
		reassembly_poll(w);
	forward_local_out(w);
	worker_flush(w);
	w->stats.loops++;
	w->stats.loops_busy += busy;
	return busy;
}

void worker_flush(struct worker *w)
{
	handoff_flush(w);
	punt_flush(w);
	port_flush(w);
	worker_free_dropped(w);
}

int worker_main(void *argument)
{
	struct worker *w = argument;
	const struct dataplane *dp = w->dp;
	unsigned int idle = 0;

	idle_begin(w);
	rcu_worker_online(dp->rcu, w->id);
	while (!__atomic_load_n(&dp->stop, __ATOMIC_RELAXED)) {
		idle = worker_turn(w) ? 0 : idle + 1;
		/* what is still in a buffer holds indices, not pointers */
		rcu_worker_quiescent(dp->qsbr, w->id);
		if (unlikely(idle > IDLE_TURNS) && dp->idle != DATAPLANE_IDLE_POLL)
			idle_wait(w, idle);
	}
	rcu_worker_offline(dp->rcu, w->id);
	return 0;
}
