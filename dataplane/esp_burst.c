/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A burst of packets of one SA or of many through the worker's engine, in one call.
 */
#include "esp_burst.h"

#define SLOTS (2 * BURST) /* power of two */

/* One SA's packets of the burst. */
struct sa_batch {
	uint32_t sa;
	uint16_t n, start;
};

static const uint8_t reasons[ESP_REJECTS] = {
	[ESP_REJECT_SEGMENTS] = DROP_ESP_SEGMENTS,
	[ESP_REJECT_ENCAPSULATION] = DROP_ESP_ENCAPSULATION,
	[ESP_REJECT_TRUNCATED] = DROP_ESP_TRUNCATED,
	[ESP_REJECT_BLOCK] = DROP_ESP_BLOCK,
	[ESP_REJECT_SEQUENCE] = DROP_ESP_SEQUENCE,
	[ESP_REJECT_REPLAYED] = DROP_ESP_REPLAYED,
	[ESP_REJECT_OLD] = DROP_ESP_OLD,
	[ESP_REJECT_ICV] = DROP_ESP_ICV,
	[ESP_REJECT_PADDING] = DROP_ESP_PADDING,
	[ESP_REJECT_DUMMY] = DROP_ESP_DUMMY,
	[ESP_REJECT_NEXT_HEADER] = DROP_ESP_NEXT_HEADER,
	[ESP_REJECT_INNER] = DROP_ESP_INNER,
	[ESP_REJECT_IP] = DROP_ESP_IP,
	[ESP_REJECT_TOO_LONG] = DROP_ESP_TOO_LONG,
	[ESP_REJECT_ROOM] = DROP_ESP_ROOM,
	[ESP_REJECT_LIMIT] = DROP_ESP_LIMIT,
	[ESP_REJECT_EXHAUSTED] = DROP_ESP_EXHAUSTED,
	[ESP_REJECT_ENGINE] = DROP_ESP_ENGINE,
};
static_assert(DROP_MAX <= UINT8_MAX, "a reason fits into a byte");

enum drop_reason esp_drop_reason(uint8_t reject)
{
	return reject < ESP_REJECTS ? (enum drop_reason)reasons[reject] : DROP_ESP_ENGINE;
}

void esp_burst_one(struct worker *w, enum sa_direction direction, uint32_t index,
	struct rte_mbuf **pkts, uint16_t n, struct esp_result *results)
{
	struct sa *sa = sa_at(w->sas, index)->sa;

	if (unlikely(w->esp == NULL)) {
		for (uint16_t i = 0; i < n; i++)
			results[i].reject = ESP_REJECT_ENGINE;
		return;
	}
	if (direction == SA_INBOUND)
		esp_inbound_burst(w->esp, sa, pkts, n, results);
	else
		esp_outbound_burst(w->esp, sa, pkts, n, results);
}

/* Batches by SA in the order of their first packets; which[i] is that of packet i. Their number. */
static uint16_t esp_batches(
	const uint32_t *sas, uint16_t n, struct sa_batch batches[BURST], uint8_t which[BURST])
{
	uint8_t slots[SLOTS] = {0}; /* batch + 1 */
	uint16_t n_batches = 0, start = 0;

	for (uint16_t i = 0; i < n; i++) {
		uint32_t slot = sas[i];

		while (slots[slot %= SLOTS] != 0 && batches[slots[slot] - 1].sa != sas[i])
			slot++;
		if (slots[slot] == 0) {
			batches[n_batches] = (struct sa_batch){.sa = sas[i]};
			slots[slot] = (uint8_t)++n_batches;
		}
		which[i] = slots[slot] - 1;
		batches[which[i]].n++;
	}
	for (uint16_t i = 0; i < n_batches; i++) {
		batches[i].start = start;
		start += batches[i].n;
	}
	return n_batches;
}

static __rte_noinline void esp_burst_mixed(struct worker *w, enum sa_direction direction,
	struct rte_mbuf **pkts, const uint32_t *sas, uint16_t n, struct esp_result *results)
{
	struct sa_batch batches[BURST];
	struct esp_batch together[BURST];
	struct rte_mbuf *sorted[BURST];
	struct esp_result by_batch[BURST];
	uint8_t which[BURST];
	uint16_t at[BURST], n_batches = esp_batches(sas, n, batches, which);

	for (uint16_t i = 0; i < n_batches; i++)
		together[i] = (struct esp_batch){
			.sa = sa_at(w->sas, batches[i].sa)->sa,
			.pkts = sorted + batches[i].start,
			.results = by_batch + batches[i].start,
			.n = batches[i].n,
		};
	for (uint16_t i = 0; i < n; i++) {
		at[i] = batches[which[i]].start++;
		sorted[at[i]] = pkts[i];
	}
	if (direction == SA_INBOUND)
		esp_inbound_batches(w->esp, together, n_batches);
	else
		esp_outbound_batches(w->esp, together, n_batches);
	for (uint16_t i = 0; i < n; i++)
		results[i] = by_batch[at[i]];
}

void esp_burst(struct worker *w, enum sa_direction direction, struct rte_mbuf **pkts,
	const uint32_t *sas, uint16_t n, struct esp_result *results)
{
	uint32_t differs = 0;

	if (n == 0)
		return;
	for (uint16_t i = 1; i < n; i++)
		differs |= sas[i] ^ sas[0];
	if (likely(differs == 0) || unlikely(w->esp == NULL))
		esp_burst_one(w, direction, sas[0], pkts, n, results);
	else
		esp_burst_mixed(w, direction, pkts, sas, n, results);
}
