/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A burst of packets of one SA or of many through the worker's engine, in one call.
 */
#pragma once

#include "worker.h"

#include <crypto/esp.h>

/*
 * sas[i]: the SA of pkts[i], by index; all of one direction, all this worker's. results[i] says what became
 * of pkts[i]. Packets of one SA are worked on in their order; pkts stays as it is.
 */
void esp_burst(struct worker *w, enum sa_direction direction, struct rte_mbuf **pkts,
	const uint32_t *sas, uint16_t n, struct esp_result *results);
/* The same where all packets are of one SA. */
void esp_burst_one(struct worker *w, enum sa_direction direction, uint32_t index,
	struct rte_mbuf **pkts, uint16_t n, struct esp_result *results);
/* The name under which a packet is dropped that ESP refused. */
enum drop_reason esp_drop_reason(uint8_t reject);
