/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ESP from a LAC (RFC 4303, RFC 3948), up to the L2TP header inside it (RFC 3193).
 */
#include "esp_input.h"
#include "esp_burst.h"
#include "esp_notice.h"
#include "handoff.h"

#include <rte_udp.h>

#include <netinet/in.h>

#define L2TP_PORT    1701
#define COLD_PACKETS 8 /* of 1,400 bytes, twice: half of a first-level cache */

/* Our address in an outer header, which is not misread: classify has seen it. */
static inline const uint8_t *esp_destination(const uint8_t *ip)
{
	return ip + (likely(ip[0] >> 4 == 4) ? 16 : 24);
}

static void esp_drop_inbound(
	struct worker *w, struct rte_mbuf *m, uint32_t sa, enum drop_reason reason)
{
	/* dummies are what a peer sends on purpose */
	if (reason != DROP_ESP_DUMMY && esp_notice_take(w))
		esp_notice_inbound(w, m, meta_of(m)->l2tp_offset, sa, reason);
	worker_drop(w, m, reason);
}

/* Survivors are of this worker's SAs; sas: their indices. */
static uint16_t esp_lookup(
	struct worker *w, struct rte_mbuf **pkts, uint16_t n, uint32_t sas[BURST])
{
	const struct sa_entry *entry = NULL;
	uint32_t spis[BURST], index = SA_NONE;
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		spis[i] = load32(rte_pktmbuf_mtod_offset(
			pkts[i], const uint8_t *, meta_of(pkts[i])->l2tp_offset));
		if (i == 0 || spis[i] != spis[i - 1])
			rte_prefetch0(sa_chain(w->sas, spis[i]));
	}
	for (uint16_t i = 1; i < n; i++)
		if (unlikely(spis[i] != spis[i - 1])) {
			uint32_t first =
				__atomic_load_n(sa_chain(w->sas, spis[i]), __ATOMIC_RELAXED);

			if (first != 0)
				rte_prefetch0(sa_at(w->sas, first - 1));
		}
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct meta *meta = meta_of(m);
		const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
		const uint8_t *local = esp_destination(ip);
		uint8_t family = ip[0] >> 4;

		if (unlikely(entry == NULL ||
			    !sa_entry_matches(entry, meta->vrf, family, local, spis[i]))) {
			entry = NULL;
			index = sa_lookup(w->sas, meta->vrf, family, local, spis[i]);
			if (unlikely(index == SA_NONE)) {
				esp_drop_inbound(w, m, SA_NONE, DROP_ESP_UNKNOWN_SPI);
				continue;
			}
			entry = sa_at(w->sas, index);
			rte_prefetch0(entry->sa);
			rte_prefetch0(&entry->sa->state);
		}

		uint8_t owner = sa_owner(entry);

		if (likely(owner == w->id)) {
			sas[kept] = index;
			pkts[kept++] = m;
			continue;
		}
		meta->sa = index;
		meta->sa_generation = __atomic_load_n(&entry->generation, __ATOMIC_ACQUIRE);
		handoff(w, m, owner, HANDOFF_SA);
	}
	return kept;
}

/*
 * An authentic packet says where the NAT has its peer now. The control core moves the outbound SA after it
 * (RFC 7296, 2.23); what the engine could not verify never comes here.
 */
static __rte_noinline void esp_port_changed(
	struct worker *w, uint32_t index, const uint8_t *source, uint16_t port)
{
	struct sa_entry *entry = sa_at(w->sas, index);
	uint32_t outbound = sa_group_outbound(w->sas, entry->group);
	uint16_t present = 0;

	if (outbound != SA_NONE) {
		const struct sa *sa = sa_at(w->sas, outbound)->sa;
		uint32_t ports = __atomic_load_n(&sa->encap_ports, __ATOMIC_RELAXED);

		if (sa->encap)
			memcpy(&present, (const uint8_t *)&ports + 2, sizeof(present));
	}
	/* the first packet of an SA comes this way too, and changes nothing */
	if (outbound == SA_NONE || port != present) {
		if (!esp_notice_take_move(w))
			return; /* with the next packet */
		esp_notice_peer(w, index, source, port, DROP_MAX);
	}
	entry->port = port;
}

/*
 * What was inside: UDP for L2TP, addressed to us, from the peer that the SA is with. In tunnel mode the
 * peer's inner address is one that the SA is for, if that says; the tunnel's path names it.
 */
static inline int esp_inner(struct worker *w, struct rte_mbuf *m, struct meta *meta, uint32_t index)
{
	const struct sa_entry *entry = sa_at(w->sas, index);
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *), *udp;
	bool v4 = likely(ip[0] >> 4 == 4);
	uint32_t l3 = v4 ? (ip[0] & 0x0f) * 4u : 40, length, room = m->data_len - l3;

	if (likely(entry->mode == SA_TRANSPORT)) {
		if (unlikely(v4 ? load32(ip + 12) != load32(entry->peer)
				: memcmp(ip + 8, entry->peer, 16) != 0))
			return DROP_ESP_WRONG_PEER;
	} else {
		const struct iface *iface = &w->ifaces[meta->iface];

		if (v4 ? !iface_owns4(iface, load32(ip + 16)) : !iface_owns6(iface, ip + 24))
			return DROP_ESP_INNER;
		if (!sa_selector_allows(&w->sas->selectors[index], v4 ? 4 : 6, ip + (v4 ? 12 : 8)))
			return DROP_ESP_SELECTOR;
		if (v4 && (load_be16(ip + 6) & 0x3fff) != 0) /* a fragment */
			return DROP_ESP_INNER;
	}
	udp = ip + l3;
	if (unlikely((v4 ? ip[9] : ip[6]) != IPPROTO_UDP || room < sizeof(struct rte_udp_hdr) ||
		    load_be16(udp + 2) != L2TP_PORT))
		return DROP_ESP_INNER;
	length = load_be16(udp + 4);
	if (unlikely(length < sizeof(struct rte_udp_hdr) || length > room))
		return DROP_ESP_INNER;
	if (unlikely(length != room))
		packet_trim(m, l3 + length);
	meta->l3_length = (uint16_t)l3;
	meta->l2tp_offset = (uint16_t)(l3 + sizeof(struct rte_udp_hdr));
	meta->sa = index;
	meta->sa_group = entry->group;
	return DROP_NONE;
}

static __rte_noinline void esp_inner_refused(struct worker *w, struct rte_mbuf *m, uint32_t index,
	const struct esp_result *result, enum drop_reason reason)
{
	const struct sa_entry *entry = sa_at(w->sas, index);
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *), *source = entry->peer;

	if (reason == DROP_ESP_WRONG_PEER)
		source = ip + (entry->family == 4 ? 12 : 8);
	if (esp_notice_take(w))
		esp_notice_peer(w, index, source, result->peer_port, reason);
	worker_drop(w, m, reason);
}

/* One that was opened, or not; false: it is gone. */
static bool esp_opened(
	struct worker *w, struct rte_mbuf *m, uint32_t index, const struct esp_result *result)
{
	const struct sa_entry *entry = sa_at(w->sas, index);
	int reason;

	if (unlikely(result->reject != ESP_ACCEPTED)) {
		esp_drop_inbound(w, m, index, esp_drop_reason(result->reject));
		return false;
	}
	reason = esp_inner(w, m, meta_of(m), index);
	if (unlikely(reason != DROP_NONE)) {
		esp_inner_refused(w, m, index, result, (enum drop_reason)reason);
		return false;
	}
	if (unlikely(result->peer_port != entry->port))
		esp_port_changed(w, index, entry->peer, result->peer_port);
	return true;
}

/* Packets of this worker's SAs. */
static uint16_t esp_open(
	struct worker *w, struct rte_mbuf **pkts, uint16_t n, const uint32_t sas[BURST])
{
	struct esp_result results[BURST];
	uint16_t kept = 0;

	esp_burst(w, SA_INBOUND, pkts, sas, n, results);
	for (uint16_t i = 0; i < n; i++)
		if (likely(esp_opened(w, pkts[i], sas[i], &results[i])))
			pkts[kept++] = pkts[i];
	return kept;
}

/* What most packets of an SA in transport mode over IPv4 have in common, in the words that it is read in. */
struct esp_usual {
	uint32_t result; /* struct esp_result: accepted, UDP, from the port that is known */
	uint32_t peer;
	uint32_t group;
};

static inline struct esp_usual esp_usual_of(const struct sa_entry *entry)
{
	const struct esp_result result = {
		.reject = ESP_ACCEPTED, .next_header = IPPROTO_UDP, .peer_port = entry->port};
	/* no accepted packet has a reason to be refused */
	struct esp_usual usual = {
		.result = UINT32_MAX, .peer = load32(entry->peer), .group = entry->group};

	if (entry->mode == SA_TRANSPORT && entry->family == 4)
		memcpy(&usual.result, &result, sizeof(usual.result));
	return usual;
}
static_assert(sizeof(struct esp_result) == sizeof(uint32_t), "compared as one word");

/* As esp_opened, for what is usual: UDP for L2TP that fills its packet, from the peer. */
static inline bool esp_is_usual(
	const struct esp_usual *usual, struct rte_mbuf *m, const struct esp_result *result)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t word, length = m->data_len - 20u;
	uint64_t udp;

	memcpy(&word, result, sizeof(word));
	if (unlikely(word != usual->result || length - 8 > UINT16_MAX))
		return false;
	udp = (uint64_t)RTE_BE16(L2TP_PORT) << 16 |
		(uint64_t)rte_cpu_to_be_16((uint16_t)length) << 32;
	return ip[0] == 0x45 && load32(ip + 12) == usual->peer &&
		(load64(ip + 20) & 0x0000ffffffff0000) == udp;
}

/* Packets of one SA, which is this worker's. */
static uint16_t esp_open_one(struct worker *w, struct rte_mbuf **pkts, uint16_t n, uint32_t index)
{
	const struct sa_entry *entry = sa_at(w->sas, index);
	struct esp_usual usual = esp_usual_of(entry);
	struct esp_result results[BURST];
	uint16_t kept = 0;

	esp_burst_one(w, SA_INBOUND, index, pkts, n, results);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct meta *meta = meta_of(m);

		if (likely(esp_is_usual(&usual, m, &results[i]))) {
			meta->l3_length = 20;
			meta->l2tp_offset = 28;
			meta->sa = index;
			meta->sa_group = usual.group;
			pkts[kept++] = m;
			continue;
		}
		if (esp_opened(w, m, index, &results[i]))
			pkts[kept++] = m;
		usual = esp_usual_of(entry); /* the peer's port may be another one now */
	}
	return kept;
}

/* The SA of all packets, if they name the same one; SA_NONE: they do not, or nobody knows it. */
static uint32_t esp_lookup_one(const struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	const uint8_t *first = rte_pktmbuf_mtod(pkts[0], const uint8_t *);
	uint16_t vrf = meta_of(pkts[0])->vrf;
	uint32_t spi = load32(first + meta_of(pkts[0])->l2tp_offset), local = load32(first + 16);

	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *ip = rte_pktmbuf_mtod(pkts[i], const uint8_t *);
		const struct meta *meta = meta_of(pkts[i]);

		uint32_t differs = load32(ip + meta->l2tp_offset) ^ spi;

		differs |= load32(ip + 16) ^ local;
		differs |= (uint32_t)(meta->vrf ^ vrf) | (uint32_t)(ip[0] >> 4 ^ 4);
		if (unlikely(differs != 0))
			return SA_NONE;
	}
	return sa_lookup(w->sas, vrf, 4, first + 16, spi);
}

/* All of one SA, another worker's. */
static void esp_hand_over(
	struct worker *w, struct rte_mbuf **pkts, uint16_t n, uint32_t index, uint8_t owner)
{
	const struct sa_entry *entry = sa_at(w->sas, index);
	uint32_t generation = __atomic_load_n(&entry->generation, __ATOMIC_ACQUIRE);

	for (uint16_t i = 0; i < n; i++) {
		struct meta *meta = meta_of(pkts[i]);

		meta->sa = index;
		meta->sa_generation = generation;
		handoff(w, pkts[i], owner, HANDOFF_SA);
	}
}

/* Of many SAs, of other workers' and of none. */
static __rte_noinline uint16_t esp_input_mixed(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint32_t sas[BURST];

	n = esp_lookup(w, pkts, n, sas);
	return n == 0 ? 0 : esp_open(w, pkts, n, sas);
}

uint16_t esp_input(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint32_t index;
	uint8_t owner;

	if (unlikely(n == 0))
		return 0;
	index = esp_lookup_one(w, pkts, n);
	if (unlikely(index == SA_NONE))
		return esp_input_mixed(w, pkts, n);
	owner = sa_owner(sa_at(w->sas, index));
	if (likely(owner == w->id))
		return esp_open_one(w, pkts, n, index);
	esp_hand_over(w, pkts, n, index, owner);
	return 0;
}

/* Packets whose every line another core has written: fetched while those before them are decrypted. */
static void esp_fetch(struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *p = rte_pktmbuf_mtod(pkts[i], const uint8_t *);

		for (uint32_t at = 0; at < pkts[i]->data_len; at += RTE_CACHE_LINE_SIZE)
			rte_prefetch0(p + at);
	}
}

/* Of one SA, and packet by packet: an engine that works on many at once has them all at once. */
static uint16_t esp_open_cold(struct worker *w, struct rte_mbuf **pkts, uint16_t n, uint32_t index)
{
	uint16_t kept = 0, part;

	esp_fetch(pkts, RTE_MIN(n, COLD_PACKETS));
	for (uint16_t start = 0; start < n; start += part) {
		part = RTE_MIN(n - start, COLD_PACKETS);
		esp_fetch(pkts + start + part, RTE_MIN(n - start - part, COLD_PACKETS));

		uint16_t opened = esp_open_one(w, pkts + start, part, index);

		memmove(pkts + kept, pkts + start, opened * sizeof(pkts[0]));
		kept += opened;
	}
	return kept;
}

uint16_t esp_input_handed(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint32_t sas[BURST], differs = 0;
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		rte_prefetch0(sa_at(w->sas, meta_of(pkts[i])->sa));
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], uint8_t *));
	}
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const struct meta *meta = meta_of(m);
		const struct sa_entry *entry = sa_at(w->sas, meta->sa);
		uint8_t owner = sa_owner(entry);

		if (unlikely(meta->sa_generation == 0 || !sa_is(entry, meta->sa_generation))) {
			worker_drop(w, m, DROP_ESP_STALE);
			continue;
		}
		if (unlikely(owner != w->id)) {
			handoff(w, m, owner, HANDOFF_SA);
			continue;
		}
		if (kept == 0 || meta->sa != sas[kept - 1]) {
			rte_prefetch0(entry->sa);
			rte_prefetch0(&entry->sa->state);
		}
		sas[kept] = meta->sa;
		differs |= meta->sa ^ sas[0];
		pkts[kept++] = m;
	}
	if (kept == 0)
		return 0;
	if (differs == 0 && sa_at(w->sas, sas[0])->sa->algorithm.aead)
		return esp_open_cold(w, pkts, kept, sas[0]);
	return esp_open(w, pkts, kept, sas);
}
