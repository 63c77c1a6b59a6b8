/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What goes to a tunnel inside ESP: encrypted by the owner of its peer's SAs, and out.
 */
#pragma once

#include "worker.h"

/*
 * Packets made here, data at a complete IP header, meta.sa_group not 0. Takes them all: to the owner of the
 * group, or protected by the group's outbound SA, routed and sent. Packets of one group keep their order.
 */
void esp_output(struct worker *w, struct rte_mbuf **pkts, uint16_t n);
