/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which queue a packet arrives at: what a device is asked for, by what it offers.
 */
#include "steer.h"

#include <rte_flow.h>
#include <rte_ip.h>

#define L2TP_PORT 1701

/*
 * ESP by its addresses (and, in UDP, by its ports), not by SPI: all SAs of a peer have one owner, whose queue they are
 * to come by, those of the next rekeying too.
 */
uint64_t steer_rss(uint64_t offered, uint16_t n_rx)
{
	static const uint64_t wanted = RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP |
		RTE_ETH_RSS_L2TPV2;

	return n_rx > 1 ? offered & wanted : 0;
}

/*
 * On a device that a hypervisor or a guest makes, "verifies checksums" may mean "takes frames without them": virtio's
 * VIRTIO_NET_F_GUEST_CSUM, so in vhost, and vmxnet3 has no mark for such frames at all. A router would send them on as
 * they are. Where nothing is asked for, the other side completes every sum.
 */
static bool steer_completes_sums(const char *driver)
{
	static const char *const paravirtual[] = {"net_virtio", "net_vhost", "net_vmxnet3"};

	for (unsigned int i = 0; i < RTE_DIM(paravirtual); i++)
		if (strncmp(driver, paravirtual[i], strlen(paravirtual[i])) == 0)
			return false;
	return true;
}

uint64_t steer_rx_offloads(const char *driver, uint64_t offered)
{
	if (!steer_completes_sums(driver))
		return 0;
	return offered & (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
}

uint64_t steer_tx_offloads(uint64_t offered)
{
	/* no fast free: what was reassembled comes from a pool of larger buffers */
	return offered & (RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
}

/* One rule: packets of this form are hashed by these types over all queues. */
static struct rte_flow *steer_flow(
	const struct port *port, const struct rte_flow_item *pattern, uint64_t types)
{
	static const struct rte_flow_attr ingress = {.ingress = 1};
	struct rte_flow_error error;
	struct rte_flow_action_rss rss = {.types = types};
	struct rte_flow_action actions[] = {
		{.type = RTE_FLOW_ACTION_TYPE_RSS, .conf = &rss},
		{.type = RTE_FLOW_ACTION_TYPE_END},
	};

	if (rte_flow_validate(port->ethdev, &ingress, pattern, actions, &error) != 0)
		return NULL;
	return rte_flow_create(port->ethdev, &ingress, pattern, actions, &error);
}

void steer_start(struct port *port)
{
	static const struct {
		enum rte_flow_item_type item;
		uint64_t addresses;
	} families[] = {{RTE_FLOW_ITEM_TYPE_IPV4, RTE_ETH_RSS_IPV4},
		{RTE_FLOW_ITEM_TYPE_IPV6, RTE_ETH_RSS_IPV6}};
	static const struct rte_flow_item_udp l2tp = {.hdr.dst_port = RTE_BE16(L2TP_PORT)},
					      port_mask = {.hdr.dst_port = RTE_BE16(0xffff)};

	port->n_flows = 0;
	for (unsigned int i = 0; i < RTE_DIM(families); i++) {
		const struct {
			struct rte_flow_item pattern[5];
			uint64_t offered, types;
		} rules[] = {
			{{{.type = RTE_FLOW_ITEM_TYPE_ETH}, {.type = families[i].item},
				 {.type = RTE_FLOW_ITEM_TYPE_UDP,
					 .spec = &l2tp,
					 .mask = &port_mask},
				 {.type = RTE_FLOW_ITEM_TYPE_L2TPV2},
				 {.type = RTE_FLOW_ITEM_TYPE_END}},
				RTE_ETH_RSS_L2TPV2, RTE_ETH_RSS_L2TPV2},
			{{{.type = RTE_FLOW_ITEM_TYPE_ETH}, {.type = families[i].item},
				 {.type = RTE_FLOW_ITEM_TYPE_ESP},
				 {.type = RTE_FLOW_ITEM_TYPE_END}},
				RTE_ETH_RSS_ESP, families[i].addresses},
		};

		for (unsigned int k = 0; k < RTE_DIM(rules) && port->n_rx > 1; k++) {
			struct rte_flow *flow;

			if (!(port->rss_offered & rules[k].offered))
				continue;
			flow = steer_flow(port, rules[k].pattern, rules[k].types);
			if (flow != NULL)
				port->flows[port->n_flows++] = flow;
		}
	}
}

void steer_stop(struct port *port)
{
	struct rte_flow_error error;

	while (port->n_flows > 0)
		rte_flow_destroy(port->ethdev, port->flows[--port->n_flows], &error);
}
