/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ways that a burst can take: any SA on any engine, in three passes over the burst; and the one that is
 * most of the traffic, written for it alone.
 */
#pragma once

#include "engine.h"

/* As esp_inbound_burst and esp_outbound_burst. */
esp_burst_function inbound_any, outbound_any;

/*
 * What is before and behind the engine's work on packets of one SA, which engine_ready was asked about. The first
 * writes the operations of those that nothing speaks against and returns how many, at most n; the second gets them
 * with the engine's verdicts, and returns how many packets are accepted. Both fill in results.
 */
uint16_t inbound_begin(struct sa *sa, struct rte_mbuf **pkts, uint16_t n,
	struct esp_result *results, struct engine_op *ops);
uint16_t inbound_end(struct sa *sa, struct rte_mbuf **pkts, struct esp_result *results,
	const struct engine_op *ops, uint16_t n_ops);
uint16_t outbound_begin(struct esp_engine *engine, struct sa *sa, struct rte_mbuf **pkts,
	uint16_t n, struct esp_result *results, struct engine_op *ops);
uint16_t outbound_end(struct sa *sa, struct rte_mbuf **pkts, struct esp_result *results,
	const struct engine_op *ops, uint16_t n_ops);

/*
 * The same for SAs of AES-GCM in transport mode on libipsec-mb, which the engine has. ..._vaes: with the
 * arithmetic of gcm_vaes.h, where the engine says that it may (gcm_vaes).
 */
esp_burst_function inbound_gcm, outbound_gcm, inbound_gcm_vaes, outbound_gcm_vaes;

/*
 * gcm_vaes.h gives what libipsec-mb does, for keys of every length, texts of many and both directions. Only where
 * the CPU has the instructions; before the first of the functions above.
 */
bool gcm_vaes_agrees(struct esp_engine *engine);

extern const uint8_t replay_rejects[]; /* enum esp_reject, by enum replay_verdict */
