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
