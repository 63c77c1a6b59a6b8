/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets from worker to worker: one bounded SP/SC ring for each pair and direction, used in bursts.
 */
#include "handoff.h"
#include "downlink.h"
#include "esp_output.h"
#include "inject.h"
#include "overload.h"
#include "port.h"
#include "reassembly.h"
#include "uplink.h"

/* May it use the part of the ring that data leaves free? As on a receive ring, nobody has all of it. */
static int handoff_refuses(struct worker *w, struct rte_mbuf *m)
{
	uint32_t key;
	enum overload_class class =
		overload_classify_handed(m, (enum handoff_point)meta_of(m)->kind, &key);

	if (class == OVERLOAD_CLASSES)
		return DROP_NONE;
	if (class == OVERLOAD_DATA)
		return DROP_HANDOFF_FULL;
	return overload_budget_take(&w->overload, class, key) ? DROP_NONE
							      : (int)overload_reason(class);
}

/* The receiver does not keep up: data leaves it the last part of the ring for control. */
static __rte_noinline void handoff_flush_tight(struct worker *w, struct ring_buffer *buffer)
{
	uint32_t room = rte_ring_free_count(buffer->ring);
	uint32_t reserve = w->dp->handoff_size / HANDOFF_RESERVE;
	uint32_t data = room > reserve ? room - reserve : 0;
	uint16_t kept = 0;

	overload_budget_look(&w->overload, buffer->n, w->now);
	for (uint16_t i = 0; i < buffer->n; i++) {
		struct rte_mbuf *m = buffer->pkts[i];
		int reason = DROP_NONE;

		if (kept >= room)
			reason = DROP_HANDOFF_FULL;
		else if (kept >= data)
			reason = handoff_refuses(w, m);
		if (reason == DROP_NONE)
			buffer->pkts[kept++] = m;
		else
			worker_drop(w, m, (enum drop_reason)reason);
	}
	buffer->n = kept;
}

static void handoff_flush_ring(struct worker *w, struct ring_buffer *buffer)
{
	unsigned int room;

	/* nobody but this worker takes room away: what was free the last time still is */
	if (unlikely(buffer->room < buffer->n + w->dp->handoff_size / HANDOFF_RESERVE))
		handoff_flush_tight(w, buffer);
	rte_ring_sp_enqueue_bulk(buffer->ring, (void **)buffer->pkts, buffer->n, &room);
	buffer->room = room;
	buffer->n = 0;
}

void handoff(struct worker *w, struct rte_mbuf *m, uint8_t target, enum handoff_point point)
{
	struct ring_buffer *buffer = &w->handoff[target];
	struct meta *meta = meta_of(m);

	if (point != HANDOFF_FRAGMENT && point != HANDOFF_TX) {
		if (unlikely(meta->hops >= HANDOFF_HOPS_MAX)) {
			worker_drop(w, m, DROP_HANDOFF_HOPS);
			return;
		}
		meta->hops++;
	}
	meta->kind = (uint8_t)point;
	w->stats.handoff_out[point]++;
	buffer->pkts[buffer->n++] = m;
	if (buffer->n == BURST)
		handoff_flush_ring(w, buffer);
}

void handoff_flush(struct worker *w)
{
	for (uint8_t i = 0; i < w->n_workers; i++)
		if (w->handoff[i].n > 0)
			handoff_flush_ring(w, &w->handoff[i]);
}

/* Both directions of this worker's SAs. */
static void handoff_input_sa(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *outbound[BURST];
	uint16_t n_in = 0, n_out = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (meta_of(pkts[i])->flags & META_OUTER)
			outbound[n_out++] = pkts[i];
		else
			pkts[n_in++] = pkts[i];
	}
	if (n_in > 0)
		uplink_esp_handed(w, pkts, n_in);
	if (n_out > 0)
		esp_output(w, outbound, n_out);
}

/* One kind of packets, in the order in which they came. */
static void handoff_input(struct worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t point)
{
	w->stats.handoff_in[point] += n;
	switch (point) {
	case HANDOFF_UPLINK:
		uplink_handed(w, pkts, n);
		return;
	case HANDOFF_DOWNLINK:
		downlink_handed(w, pkts, n);
		return;
	case HANDOFF_TX:
		for (uint16_t i = 0; i < n; i++)
			port_send(w, meta_of(pkts[i])->iface, pkts[i]);
		return;
	case HANDOFF_FRAGMENT:
		uplink_fragments(w, pkts, n);
		return;
	case HANDOFF_INJECT:
		inject_handed(w, pkts, n);
		return;
	default:
		handoff_input_sa(w, pkts, n);
	}
}

/* In the order in which they came: runs of one kind. */
static void handoff_take(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t start = 0, end; start < n; start = end) {
		uint8_t point = meta_of(pkts[start])->kind;

		for (end = start + 1; end < n && meta_of(pkts[end])->kind == point; end++)
			;
		handoff_input(w, pkts + start, end - start, point);
	}
}

/* Another core wrote what they are: asked for as early as can be. */
static uint16_t handoff_fetch(struct rte_ring *ring, struct rte_mbuf **pkts)
{
	uint16_t n = (uint16_t)rte_ring_sc_dequeue_burst(ring, (void **)pkts, BURST, NULL);

	for (uint16_t i = 0; i < n; i++) {
		rte_prefetch0(pkts[i]);
		rte_prefetch0(meta_of(pkts[i]));
	}
	return n;
}

bool handoff_poll(struct worker *w)
{
	struct rte_mbuf *pkts[2][BURST]; /* one is worked on while the next is fetched */
	bool busy = false;

	for (uint8_t from = 0; from < w->n_workers; from++) {
		if (w->handoff_in[from] == NULL)
			continue;
		/* what another worker has worked on goes before what nobody has: a full ring wastes that work */
		uint16_t n = handoff_fetch(w->handoff_in[from], pkts[0]), next;

		for (unsigned int bursts = 1; n > 0; bursts++, n = next) {
			next = n == BURST && bursts < HANDOFF_BURSTS
				? handoff_fetch(w->handoff_in[from], pkts[bursts % 2])
				: 0;
			handoff_take(w, pkts[(bursts - 1) % 2], n);
			busy = true;
		}
	}
	return busy;
}
