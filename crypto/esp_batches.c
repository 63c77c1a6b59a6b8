/* SPDX-License-Identifier: BSD-3-Clause */
/* A burst of many SAs: those that run as jobs together, all others one after the other. */
#include "engine.h"
#include "esp_burst.h"

#include <rte_prefetch.h>

/* Packets of one batch among those that are worked on together. */
struct share {
	const struct esp_batch *batch;
	uint16_t first; /* packet of the batch */
	uint16_t op, n; /* their operations */
};

/* What is together in flight. */
struct flight {
	struct share shares[ENGINE_BURST];
	uint16_t n_shares, n_ops;
};

static void flight_land(
	struct esp_engine *engine, struct flight *flight, enum sa_direction direction)
{
	engine_jobs_run(engine, engine->ops, flight->n_ops,
		direction == SA_INBOUND ? IMB_DIR_DECRYPT : IMB_DIR_ENCRYPT);
	for (uint16_t i = 0; i < flight->n_shares; i++) {
		const struct share *share = &flight->shares[i];
		const struct esp_batch *batch = share->batch;
		struct rte_mbuf **pkts = batch->pkts + share->first;
		struct esp_result *results = batch->results + share->first;
		const struct engine_op *ops = engine->ops + share->op;

		if (direction == SA_INBOUND)
			inbound_end(batch->sa, pkts, results, ops, share->n);
		else
			outbound_end(batch->sa, pkts, results, ops, share->n);
	}
	flight->n_shares = 0;
	flight->n_ops = 0;
}

static void flight_add(struct esp_engine *engine, struct flight *flight,
	const struct esp_batch *batch, enum sa_direction direction)
{
	for (uint16_t first = 0, n; first < batch->n; first = (uint16_t)(first + n)) {
		struct share *share = &flight->shares[flight->n_shares];
		struct engine_op *ops = engine->ops + flight->n_ops;
		struct rte_mbuf **pkts = batch->pkts + first;
		struct esp_result *results = batch->results + first;

		n = (uint16_t)RTE_MIN(batch->n - first, ENGINE_BURST - flight->n_ops);
		*share = (struct share){.batch = batch, .first = first, .op = flight->n_ops};
		if (direction == SA_INBOUND)
			share->n = inbound_begin(batch->sa, pkts, n, results, ops);
		else
			share->n = outbound_begin(engine, batch->sa, pkts, n, results, ops);
		for (uint16_t i = 0; i < share->n; i++)
			ops[i].sa = batch->sa;
		flight->n_ops = (uint16_t)(flight->n_ops + share->n);
		if (share->n > 0)
			flight->n_shares++;
		if (flight->n_ops == ENGINE_BURST)
			flight_land(engine, flight, direction);
	}
}

static inline void batches_run(struct esp_engine *engine, const struct esp_batch *batches,
	uint16_t n_batches, enum sa_direction direction)
{
	struct flight flight;
	uint16_t others = 0;

	/* first, since they use the engine's operations as well */
	for (uint16_t i = 0; i < n_batches; i++) {
		const struct esp_batch *batch = &batches[i];

		if (i + 1 < n_batches) {
			const struct sa *next = batch[1].sa;

			esp_prefetch(next);
			rte_prefetch0(&next->sequence_limit);
		}
		if (engine_has_jobs(engine, batch->sa))
			continue;
		others++;
		if (direction == SA_INBOUND)
			esp_inbound_burst(engine, batch->sa, batch->pkts, batch->n, batch->results);
		else
			esp_outbound_burst(
				engine, batch->sa, batch->pkts, batch->n, batch->results);
	}
	if (others == n_batches)
		return;
	flight.n_shares = 0;
	flight.n_ops = 0;
	for (uint16_t i = 0; i < n_batches; i++)
		if (engine_has_jobs(engine, batches[i].sa))
			flight_add(engine, &flight, &batches[i], direction);
	flight_land(engine, &flight, direction);
}

void esp_inbound_batches(
	struct esp_engine *engine, const struct esp_batch *batches, uint16_t n_batches)
{
	batches_run(engine, batches, n_batches, SA_INBOUND);
}

void esp_outbound_batches(
	struct esp_engine *engine, const struct esp_batch *batches, uint16_t n_batches)
{
	batches_run(engine, batches, n_batches, SA_OUTBOUND);
}
