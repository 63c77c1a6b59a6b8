/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which queue a packet arrives at, and so which worker: what a device is asked for, by what it offers.
 *
 * Best is the subscriber's own id, which spreads one LAC over all workers and keeps the order of a session: the L2TPv2
 * session id (RTE_ETH_RSS_L2TPV2); then addresses and UDP ports. ESP goes by addresses, and ports where it is in UDP:
 * so one peer's packets, which one worker has the SAs for, arrive at one queue, whatever the SPI is after a rekeying.
 * What a device does not spread is spread by software: packets are handed to their session's owner.
 */
#pragma once

#include "dataplane_private.h"

#include <rte_ethdev.h>

/* The types of RSS to ask for, of those offered, for so many receive queues. */
uint64_t steer_rss(uint64_t offered, uint16_t n_rx);
/* Receive and transmit offloads to ask for, of those that the device has; driver as in rte_eth_dev_info. */
uint64_t steer_rx_offloads(const char *driver, uint64_t offered);
uint64_t steer_tx_offloads(uint64_t offered);

/*
 * The device runs: rules (rte_flow) that spread L2TPv2 data by session id and ESP by addresses, for drivers that
 * make no such hash without a rule. What a driver refuses is left to RSS and to software; port->n_flows says
 * how many it took.
 */
void steer_start(struct port *port);
void steer_stop(struct port *port);
