/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The PPP frame inside: optional address and control, one- or two-byte protocol (RFC 1661, 1662).
 */
#pragma once

#include "worker.h"

/*
 * Packets of this worker's sessions, data at the PPP frame. Survivors: IPv4 and IPv6 of sessions whose
 * NCP is open, data at the IP header, meta.inner_family set. Other protocols have been punted. Late
 * packets of sessions that want sequencing are dropped here, the first place that is the owner's.
 */
uint16_t ppp_input(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
