/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two ways that a burst can take: any SA on any engine, in three passes over the burst; and the one that is
 * most of the traffic, written for it alone.
 */
#pragma once

#include "engine.h"

/* As esp_inbound_burst and esp_outbound_burst. */
uint16_t inbound_any(struct esp_engine *engine, struct sa *sa, struct rte_mbuf **pkts, uint16_t n,
	struct esp_result *results);
uint16_t outbound_any(struct esp_engine *engine, struct sa *sa, struct rte_mbuf **pkts, uint16_t n,
	struct esp_result *results);

/* The same for SAs of AES-GCM in transport mode on libipsec-mb, which the engine has. */
uint16_t inbound_gcm(struct esp_engine *engine, struct sa *sa, struct rte_mbuf **pkts, uint16_t n,
	struct esp_result *results);
uint16_t outbound_gcm(struct esp_engine *engine, struct sa *sa, struct rte_mbuf **pkts, uint16_t n,
	struct esp_result *results);

extern const uint8_t replay_rejects[]; /* enum esp_reject, by enum replay_verdict */
