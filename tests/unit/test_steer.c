/* SPDX-License-Identifier: BSD-3-Clause */
/* What a device is asked for, by what it says that it offers. */
#include "path_rig.h"

#include "steer.h"

static const struct {
	const char *driver;
	uint64_t offered;
	uint16_t queues;
	uint64_t asked;
} devices[] = {
	{"one queue", RTE_ETH_RSS_IP | RTE_ETH_RSS_ESP, 1, 0},
	{"net_af_packet, net_ring: no RSS", 0, 4, 0},
	{"net_virtio", RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_UDP, 4,
		RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_UDP},
	{"net_i40e: ports, frames by their type",
		RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_SCTP |
			RTE_ETH_RSS_L2_PAYLOAD,
		8, RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP},
	{"net_mlx5: SPI, which is not asked for",
		RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_ESP |
			RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_LEVEL_INNERMOST,
		8, RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP},
	{"net_iavf: session id, and SPI, which is not asked for",
		RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_ESP |
			RTE_ETH_RSS_L2TPV2 | RTE_ETH_RSS_L2TPV3 | RTE_ETH_RSS_GTPU,
		16, RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_L2TPV2},
};

Test(steer, receive_side_scaling_is_asked_for_by_what_there_is)
{
	for (unsigned int i = 0; i < RTE_DIM(devices); i++)
		cr_expect_eq(steer_rss(devices[i].offered, devices[i].queues), devices[i].asked,
			"%s", devices[i].driver);
}

Test(steer, offloads_that_are_of_use_are_asked_for)
{
	cr_expect_eq(steer_rx_offloads("net_ice", 0), 0);
	cr_expect_eq(steer_tx_offloads(0), 0);
	/* what would change packets, or spread them over segments, is not */
	cr_expect_eq(steer_rx_offloads("net_ice", UINT64_MAX),
		RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
	cr_expect_eq(steer_tx_offloads(UINT64_MAX),
		RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
}

Test(steer, devices_that_would_give_frames_without_checksums_are_not_told_that_they_may)
{
	static const char *const paravirtual[] = {
		"net_virtio", "net_virtio_user", "net_vhost", "net_vmxnet3"};
	/* virtio over a Linux host, vmxnet3: DPDK 22.11's dev_info */
	uint64_t offered = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM |
		RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_LRO |
		RTE_ETH_RX_OFFLOAD_VLAN_STRIP;

	for (unsigned int i = 0; i < RTE_DIM(paravirtual); i++)
		cr_expect_eq(steer_rx_offloads(paravirtual[i], offered), 0, "%s", paravirtual[i]);
	/* theirs to verify: the checksums were on a wire */
	cr_expect_neq(steer_rx_offloads("net_tap", offered), 0);
	cr_expect_neq(steer_rx_offloads("mlx5_pci", offered), 0);
}

Test(steer, device_that_refuses_rules_runs_without)
{
	static struct rig rig;
	struct port_info info;
	struct port *port;

	rig_start(&rig, 2);
	port = &rig.dp->ports[0];
	cr_assert_eq(dataplane_port_info(rig.dp, 0, &info), 0);
	cr_expect_eq(info.rss, 0);
	cr_expect_eq(info.flows, 0);
	cr_expect_str_eq(info.overload, "never");
	cr_expect_eq(info.rx_descriptors, 512);
	/* as if it had said that it hashes by session id, and knows ESP */
	port->rss_offered = RTE_ETH_RSS_L2TPV2 | RTE_ETH_RSS_ESP;
	port->n_rx = 2;
	steer_start(port);
	cr_expect_eq(port->n_flows, 0);
	steer_stop(port);
	port->n_rx = 1;
	cr_expect_eq(dataplane_port_info(rig.dp, 2, &info), -EINVAL);
	rig_destroy(&rig);
}
