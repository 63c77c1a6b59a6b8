/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue that fills faster than the worker empties it: noticed, and relieved of data.
 */
#include "overload.h"
#include "l2tp_input.h"
#include "lane.h"

#include <rte_ethdev.h>

#include <netinet/in.h>

#define L2TP_PORT 1701

void overload_prepare(struct dataplane *dp, struct port *port)
{
	static const char *const unseen[] = {"net_pcap", "net_null", "net_ring"};
	enum overload_signal signal = OVERLOAD_BURSTS;

	for (unsigned int i = 0; i < RTE_DIM(unseen); i++)
		if (strcmp(port->driver, unseen[i]) == 0)
			signal = OVERLOAD_UNSEEN;
	if (rte_eth_rx_descriptor_status(port->ethdev, 0, 0) >= 0)
		signal = OVERLOAD_BACKLOG;
	port->overload = (uint8_t)signal;
	for (unsigned int i = 0; i < dp->n_workers; i++) {
		struct worker *w = dp->workers[i];

		for (uint8_t k = 0; k < w->n_rx; k++)
			if (w->rx[k].ethdev == port->ethdev)
				overload_watch(&w->rx[k], signal, port->rx_descriptors);
	}
}

/* Bursts in a part of the ring, least at the least. */
static inline uint32_t overload_bursts(
	const struct rx_queue *rx, uint32_t times, uint32_t parts, uint32_t least)
{
	return RTE_MAX(rx->size * times / parts / BURST, least);
}

void overload_watch(struct rx_queue *rx, enum overload_signal signal, uint16_t size)
{
	rx->size = size;
	rx->signal = (uint8_t)signal;
	rx->fill = signal == OVERLOAD_BACKLOG ? OVERLOAD_FILL : BURST;
	rx->full = 0;
	rx->shed = 0;
	rx->row = signal == OVERLOAD_BACKLOG ? overload_bursts(rx, 1, OVERLOAD_ASK, 1)
					     : overload_bursts(rx, OVERLOAD_ROW, 1, OVERLOAD_LEAST);
}

static inline bool overload_is_beyond(const struct rx_queue *rx, unsigned int quarters)
{
	return rte_eth_rx_descriptor_status(rx->ethdev, rx->queue,
		       (uint16_t)(rx->size / 4u * quarters)) == RTE_ETH_RX_DESC_DONE;
}

/*
 * The rule under load: data of a session in IPv4, with the tags of the burst's first frame, or else what a flood is
 * made of, whoever it is for. A few loads of one line decide about it, since what is not dropped faster than a worker
 * works need not be dropped. The class and the key that it will have if it is for us and from whom it says; CLASSES:
 * nothing is known.
 */
static inline enum overload_class overload_glance(
	const struct worker *w, const struct lane_l2 *l2, const struct rte_mbuf *m, uint32_t *key)
{
	uint32_t tags = l2->length - RTE_ETHER_HDR_LEN;
	const uint8_t *start = rte_pktmbuf_mtod(m, const uint8_t *), *frame = start + tags;
	const uint8_t *ppp, *ids;
	uint16_t flags;

	if (m->data_len < 56 + tags || ((load64(start + 12) ^ l2->tags) & l2->mask) != 0)
		return OVERLOAD_CLASSES;
	/* EtherType, version 4 and no options; no fragment, UDP; port 1701 */
	if ((load32(frame + 12) & RTE_BE32(0xffffff00)) != RTE_BE32(0x08004500) ||
		(load32(frame + 20) & RTE_BE32(0x3fff00ff)) != RTE_BE32(IPPROTO_UDP) ||
		load16(frame + 36) != RTE_BE16(L2TP_PORT)) {
		*key = l2->iface->index;
		return load16(frame + 12) == RTE_BE16(RTE_ETHER_TYPE_ARP) ? OVERLOAD_LINK
									  : OVERLOAD_CLASSES;
	}
	flags = load_be16(frame + 42);
	ids = frame + 44 + (flags & L2TP_FLAG_LENGTH ? 2 : 0);
	if (likely((flags & ~L2TP_FLAG_LENGTH) == 2)) {
		ppp = ids + 4;
		if (load16(ppp) == RTE_BE16(0xff03))
			ppp += 2;
		*key = overload_session_key(load_be16(ids), load_be16(ids + 2));
		return (ppp[0] & 0x81) != 0x80 ? OVERLOAD_DATA : OVERLOAD_PPP;
	}
	if (!(flags & L2TP_FLAG_CONTROL))
		return OVERLOAD_CLASSES;
	*key = load_be16(ids);
	if (*key != 0 && tunnel_lookup(w->sessions, (uint16_t)*key) != NULL)
		return OVERLOAD_L2TP;
	*key = load32(frame + 26);
	return OVERLOAD_STRANGER;
}

/* What a look at the burst leaves. Of the dropped ones most are in one segment of their own. */
struct overload_burst {
	struct rte_mbuf *kept[2 * BURST], *data[BURST];
	uint16_t n_kept, n_data;
};

/* Goes back into the pool by its bulk function: one segment, its data in it. */
static inline bool overload_is_own(const struct worker *w, const struct rte_mbuf *m)
{
	return m->nb_segs == 1 && m->pool == w->pool &&
		(m->ol_flags & (RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT)) == 0;
}

/* One that a glance did not settle. */
static void overload_look_at(
	struct worker *w, const struct port *port, struct rte_mbuf *m, struct overload_burst *burst)
{
	enum overload_class class;
	uint32_t key;
	uint8_t iface;

	class = overload_classify(w, port, m, &iface, &key);
	if (class != OVERLOAD_DATA && overload_budget_take(&w->overload, class, key)) {
		burst->kept[burst->n_kept++] = m;
		return;
	}
	if (iface != INTERFACE_NONE) {
		w->stats.iface[iface].rx_packets++;
		w->stats.iface[iface].rx_bytes += m->pkt_len;
	}
	if (unlikely(!overload_is_own(w, m))) {
		worker_drop(w, m, overload_reason(class));
		return;
	}
	w->stats.drops[overload_reason(class)]++;
	burst->data[burst->n_data++] = m;
}

static void overload_look(struct worker *w, const struct port *port, struct rte_mbuf **pkts,
	uint16_t n, struct overload_burst *burst)
{
	uint64_t plain[OVERLOAD_CLASSES] = {0}, n_plain = 0, plain_bytes = 0;
	struct lane_l2 l2;
	bool known;

	burst->n_data = 0;
	if (n == 0)
		return;
	w->rx_port = port;
	known = lane_l2_init(w, &l2, pkts[0], IFACE_ACCESS | IFACE_CORE);
	overload_budget_look(&w->overload, n, w->now);
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], const uint8_t *));
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		enum overload_class class = OVERLOAD_CLASSES;
		uint32_t key;

		if (likely(known && overload_is_own(w, m)))
			class = overload_glance(w, &l2, m, &key);
		if (likely(class == OVERLOAD_DATA) ||
			(class != OVERLOAD_CLASSES &&
				overload_budget_refuses(&w->overload, class, key))) {
			plain[class]++;
			n_plain++;
			plain_bytes += m->data_len;
			burst->data[burst->n_data++] = m;
			continue;
		}
		overload_look_at(w, port, m, burst);
	}
	/* fresh from the device: one segment, nobody else's */
	if (burst->n_data > 0)
		rte_mempool_put_bulk(w->pool, (void **)burst->data, burst->n_data);
	if (n_plain == 0)
		return;
	for (unsigned int i = 0; i < OVERLOAD_CLASSES; i++)
		w->stats.drops[overload_reason((enum overload_class)i)] += plain[i];
	w->stats.iface[l2.iface->index].rx_packets += n_plain;
	w->stats.iface[l2.iface->index].rx_bytes += plain_bytes;
}

/* How many frames were received without work on what is data. */
static uint32_t overload_shed(struct worker *w, struct rx_queue *rx)
{
	const struct port *port = &w->ports[w->dp->port_of_ethdev[rx->ethdev]];
	uint32_t ask = overload_bursts(rx, 1, OVERLOAD_ASK, 1), bursts = 0;
	struct overload_burst burst = {.n_kept = 0};
	struct rte_mbuf *pkts[BURST];
	uint32_t seen = 0, most = rx->size * (rx->signal == OVERLOAD_BURSTS ? OVERLOAD_ROW : 1);
	uint16_t n;

	w->stats.overloads++;
	do {
		n = rte_eth_rx_burst(rx->ethdev, rx->queue, pkts, BURST);
		seen += n;
		overload_look(w, port, pkts, n, &burst);
		/* a few of each burst make one burst in the end */
		if (burst.n_kept >= BURST) {
			worker_receive(w, rx->ethdev, burst.kept, BURST);
			burst.n_kept -= BURST;
			memcpy(burst.kept, burst.kept + BURST, burst.n_kept * sizeof(pkts[0]));
		}
	} while (n >= rx->fill && seen < most &&
		(rx->signal == OVERLOAD_BURSTS || ++bursts % ask != 0 ||
			overload_is_beyond(rx, OVERLOAD_LOW)));
	if (burst.n_kept > 0)
		worker_receive(w, rx->ethdev, burst.kept, burst.n_kept);
	return seen;
}

/*
 * What was found says how many full bursts in a row are too many: with more than the worker can do, some part of
 * each of them stays in the queue. A second without is forgotten: the next one may be a burst of the network's.
 */
static void overload_poll_bursts(struct worker *w, struct rx_queue *rx)
{
	uint32_t most = overload_bursts(rx, OVERLOAD_ROW, 1, OVERLOAD_LEAST), found;

	if (rx->shed != 0 && w->now - rx->shed > rte_get_tsc_hz()) {
		rx->row = most;
		rx->shed = 0;
	}
	if (rx->full < rx->row)
		return;
	found = overload_shed(w, rx);
	/* with half a ring left there is no time to lose */
	rx->full = found > rx->size / 2u ? OVERLOAD_LEAST - 1 : 0;
	if (rx->shed == 0)
		rx->row = overload_bursts(rx, 1, OVERLOAD_AGAIN, OVERLOAD_LEAST);
	else
		rx->row = (uint32_t)((uint64_t)rx->row * rx->size / OVERLOAD_FOUND /
			RTE_MAX(found, 1u));
	rx->row = RTE_MIN(RTE_MAX(rx->row, OVERLOAD_LEAST), most);
	rx->shed = w->now;
}

void overload_poll(struct worker *w, struct rx_queue *rx)
{
	switch (rx->signal) {
	case OVERLOAD_BACKLOG:
		if (rx->full % rx->row != 0 || !overload_is_beyond(rx, OVERLOAD_HIGH))
			return;
		overload_shed(w, rx);
		/* the next full burst is a reason to ask again */
		rx->full = RTE_MAX(rx->row - 1, 1u);
		return;
	case OVERLOAD_BURSTS:
		overload_poll_bursts(w, rx);
		return;
	default:
		rx->full = 0;
	}
}
