/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker tells the control core unasked about ESP (struct esp_notice), within its rate.
 */
#pragma once

#include "worker.h"

/* There is room for one more, and it is taken: to be asked before anything is put together. */
bool esp_notice_take(struct worker *w);
/*
 * The same for an authentic packet from another port, which the control core acts on: its rate is its own, since what
 * anybody can have refused must not keep a peer from being answered.
 */
bool esp_notice_take_move(struct worker *w);
/* A packet with data at an IP header and ESP esp bytes behind it; SA_NONE: no SA has its SPI. */
void esp_notice_inbound(struct worker *w, const struct rte_mbuf *m, uint32_t esp, uint32_t sa,
	enum drop_reason reason);
/* An authentic packet from source (its family's length) and port, network byte order, 0: native. */
void esp_notice_peer(struct worker *w, uint32_t sa, const uint8_t *source, uint16_t port,
	enum drop_reason reason);
/* A packet of ours with data at the IP header that ESP was to protect; sa may be SA_NONE. */
void esp_notice_outbound(
	struct worker *w, const struct rte_mbuf *m, uint32_t sa, enum drop_reason reason);
