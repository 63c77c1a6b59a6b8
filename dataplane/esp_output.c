/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What goes to a tunnel inside ESP: encrypted by the owner of its peer's SAs, and out.
 */
#include "esp_output.h"
#include "esp_burst.h"
#include "esp_notice.h"
#include "handoff.h"
#include "ip_output.h"
#include "l2tp_output.h"
#include "punt.h"

/* Where an SA's packets leave. */
struct esp_way {
	uint32_t adjacency;
	uint8_t punt_iface;
	bool new_header; /* IPv4, in tunnel mode */
};

static void esp_drop_outbound(
	struct worker *w, struct rte_mbuf *m, uint32_t sa, enum drop_reason reason)
{
	if (esp_notice_take(w))
		esp_notice_outbound(w, m, sa, reason);
	worker_drop(w, m, reason);
}

/* What must be free in front of a packet: for ESP, then for the Ethernet header. */
static uint16_t esp_headroom(const struct sa *sa)
{
	uint32_t outer = 0;

	if (sa->mode == SA_TUNNEL)
		outer = sa->outer_family == 4 ? 20 : 40;
	return (uint16_t)(sa->overhead + outer + ADJACENCY_L2_MAX);
}

/* To the end of its buffer, so that there is room in front. */
static __rte_noinline bool esp_headroom_make(struct rte_mbuf *m, uint16_t headroom)
{
	uint16_t shift = headroom - m->data_off;
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

	if (m->nb_segs != 1 || rte_pktmbuf_tailroom(m) < shift + ESP_TAILROOM_MAX)
		return false;
	memmove(data + shift, data, m->data_len);
	m->data_off = headroom;
	return true;
}

/* Transport mode: the SA is for these two addresses and no others (RFC 4301, 4.4.1). */
static inline bool esp_is_for(const struct sa_entry *entry, const uint8_t *ip)
{
	if (unlikely(entry->mode != SA_TRANSPORT))
		return true;
	if (unlikely(ip[0] >> 4 != entry->family))
		return false;
	if (likely(entry->family == 4))
		return load32(ip + 12) == load32(entry->local) &&
			load32(ip + 16) == load32(entry->peer);
	return memcmp(ip + 8, entry->local, 16) == 0 && memcmp(ip + 24, entry->peer, 16) == 0;
}

/* Survivors go by this worker's SAs; sas: their indices. */
static uint16_t esp_select(
	struct worker *w, struct rte_mbuf **pkts, uint16_t n, uint32_t sas[BURST])
{
	const struct sa_group *group = NULL;
	const struct sa_entry *entry = NULL;
	uint32_t id = 0, index = SA_NONE;
	uint16_t kept = 0, headroom = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct meta *meta = meta_of(m);

		meta->flags |= META_OUTER;
		if (unlikely(meta->sa_group != id)) {
			id = meta->sa_group;
			group = sa_group_at(w->sas, id);
			index = sa_group_outbound(w->sas, id);
			if (index != SA_NONE) {
				entry = sa_at(w->sas, index);
				headroom = esp_headroom(entry->sa);
			}
		}
		if (unlikely(index == SA_NONE)) {
			esp_drop_outbound(w, m, SA_NONE, DROP_ESP_NO_SA);
			continue;
		}

		uint8_t owner = sa_group_owner(group);

		/* its owner looks again: what is on its way when an SA is replaced takes the new one */
		if (owner != w->id) {
			handoff(w, m, owner, HANDOFF_SA);
			continue;
		}
		if (unlikely(!esp_is_for(entry, rte_pktmbuf_mtod(m, const uint8_t *)))) {
			esp_drop_outbound(w, m, index, DROP_ESP_NO_SA);
			continue;
		}
		if (unlikely(m->data_off < headroom && !esp_headroom_make(m, headroom))) {
			esp_drop_outbound(w, m, index, DROP_ESP_ROOM);
			continue;
		}
		sas[kept] = index;
		pkts[kept++] = m;
	}
	return kept;
}

static void esp_route(struct worker *w, uint32_t index, struct esp_way *way)
{
	const struct sa_entry *entry = sa_at(w->sas, index);
	/* all of a peer one way: the LAC sees no reordering */
	uint32_t target = outer_target(w, entry->vrf, entry->family, entry->peer, entry->group);

	way->new_header = entry->mode == SA_TUNNEL && entry->family == 4;
	way->adjacency = ADJACENCY_NONE;
	way->punt_iface = INTERFACE_NONE;
	if (fib_target_type(target) == FIB_ADJACENCY)
		way->adjacency = fib_target_index(target);
	else if (fib_target_type(target) == FIB_GLEAN)
		way->punt_iface = (uint8_t)fib_target_index(target);
}

/* May be fragmented on its way; those of the peer's other SAs, and of other groups, have the same addresses (RFC 6864). */
static __rte_noinline void esp_header_id(struct worker *w, struct rte_mbuf *m)
{
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

	store_be16(ip + 4, worker_ip_id(w));
	ip4_header_set_checksum(ip, 20);
}

void esp_output(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct esp_result results[BURST];
	struct esp_way way = {.adjacency = ADJACENCY_NONE, .punt_iface = INTERFACE_NONE};
	uint32_t sas[BURST], routed = SA_NONE;
	uint16_t kept = 0;

	n = esp_select(w, pkts, n, sas);
	if (n == 0)
		return;
	esp_burst(w, SA_OUTBOUND, pkts, sas, n, results);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct meta *meta = meta_of(m);

		if (unlikely(results[i].reject != ESP_ACCEPTED)) {
			esp_drop_outbound(w, m, sas[i], esp_drop_reason(results[i].reject));
			continue;
		}
		if (unlikely(sas[i] != routed)) {
			routed = sas[i];
			esp_route(w, routed, &way);
		}
		if (unlikely(way.new_header))
			esp_header_id(w, m);
		meta->adjacency = way.adjacency;
		if (likely(way.adjacency != ADJACENCY_NONE)) {
			pkts[kept++] = m;
		} else if (way.punt_iface != INTERFACE_NONE) {
			meta->iface = way.punt_iface;
			punt_unresolved(w, m);
		} else {
			worker_drop(w, m, DROP_IP_NO_ROUTE);
		}
	}
	ip_output(w, pkts, kept);
}
