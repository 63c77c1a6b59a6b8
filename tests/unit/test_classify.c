/* SPDX-License-Identifier: BSD-3-Clause */
/* What a frame is, and which interface it came in on. */
#include "path_rig.h"

static struct rig rig;
static struct frame in, out, inner;
static struct meta meta;

/* access0 untagged, access100 in VLAN 100, access200 in 300.200; core0 in VLAN 10, both roles in VLAN 20. */
static const struct iface_settings vlan_ifaces[] = {
	{.name = "access0", .device = "net_ring_access", .role = IFACE_ACCESS, .mtu = 1500},
	{.name = "core0", .device = "net_ring_core", .role = IFACE_CORE, .mtu = 1500},
	{.name = "access100",
		.device = "net_ring_access",
		.role = IFACE_ACCESS,
		.mtu = 1500,
		.vlan = 100},
	{.name = "access200",
		.device = "net_ring_access",
		.role = IFACE_ACCESS,
		.mtu = 1500,
		.vlan = 200,
		.outer_vlan = 300},
	{.name = "both20",
		.device = "net_ring_core",
		.role = IFACE_ACCESS | IFACE_CORE,
		.mtu = 1500,
		.vlan = 20},
};

static void start(void)
{
	struct dataplane_settings settings = rig_settings(1);
	struct iface_addr address = {.family = 4};
	uint32_t lns = RIG_LNS;

	settings.ifaces = vlan_ifaces;
	settings.n_ifaces = RTE_DIM(vlan_ifaces);
	rig_eal_init("0@0,1@0");
	rig_create(&rig, &settings);
	memcpy(address.addr, &lns, 4);
	for (unsigned int i = 2; i < RTE_DIM(vlan_ifaces); i++)
		cr_assert_eq(dataplane_iface_addresses(rig.dp, i, &address, 1), 0);
	rig_tunnel(&rig);
	rig_session(&rig, RIG_TUNNEL, 3, 0, 1492, RIG_FLAGS);
	inner_udp4(&inner, rig_subscriber(3), RIG_SERVER, 100);
}

static void finish(void)
{
	rig_destroy(&rig);
}

TestSuite(classify, .init = start, .fini = finish);

/* Puts tags behind the addresses. */
static void tag(struct frame *f, const uint8_t *tags, uint32_t n)
{
	memmove(f->data + 12 + n, f->data + 12, f->n - 12);
	memcpy(f->data + 12, tags, n);
	f->n += n;
}

static const struct {
	const char *name;
	uint8_t tags[12];
	uint8_t n, device;
	int iface; /* -1: VLAN unknown */
} taggings[] = {
	{"untagged", {0}, 0, RIG_ACCESS, 0},
	{"VLAN 100", {0x81, 0, 0, 100}, 4, RIG_ACCESS, 2},
	{"VLAN 100 with priority and DEI", {0x81, 0, 0xf0, 100}, 4, RIG_ACCESS, 2},
	{"priority tag only", {0x81, 0, 0xe0, 0}, 4, RIG_ACCESS, 0},
	{"QinQ 300.200", {0x88, 0xa8, 1, 44, 0x81, 0, 0, 200}, 8, RIG_ACCESS, 3},
	{"QinQ with two 802.1Q tags", {0x81, 0, 1, 44, 0x81, 0, 0, 200}, 8, RIG_ACCESS, 3},
	{"VLAN 200 without its outer tag", {0x81, 0, 0, 200}, 4, RIG_ACCESS, -1},
	{"VLAN 101", {0x81, 0, 0, 101}, 4, RIG_ACCESS, -1},
	{"300.100", {0x88, 0xa8, 1, 44, 0x81, 0, 0, 100}, 8, RIG_ACCESS, -1},
	{"three tags", {0x88, 0xa8, 1, 44, 0x81, 0, 0, 200, 0x81, 0, 0, 1}, 12, RIG_ACCESS, -1},
	{"both roles in VLAN 20", {0x81, 0, 0, 20}, 4, RIG_CORE0, 4},
};

static uint32_t tags_of(int iface)
{
	return (vlan_ifaces[iface].vlan ? 4 : 0) + (vlan_ifaces[iface].outer_vlan ? 4 : 0);
}

Test(classify, tags_choose_the_interface)
{
	for (size_t i = 0; i < RTE_DIM(taggings); i++) {
		uint64_t unknown = rig_drops(&rig, DROP_RX_VLAN_UNKNOWN),
			 before[RTE_DIM(vlan_ifaces)];

		for (unsigned int j = 0; j < RTE_DIM(vlan_ifaces); j++)
			before[j] = rig.dp->workers[0]->stats.iface[j].rx_packets;
		frame_data(&rig, &in, RIG_TUNNEL, 3, 0x21, inner.data, inner.n);
		memcpy(in.data, rig.mac[taggings[i].device], 6);
		tag(&in, taggings[i].tags, taggings[i].n);
		rig_send(&rig, taggings[i].device, &in);
		rig_turn(&rig);
		cr_expect_eq(rig_receive(&rig, RIG_CORE0, &out), taggings[i].iface >= 0, "%s",
			taggings[i].name);
		cr_expect_eq(rig_drops(&rig, DROP_RX_VLAN_UNKNOWN) - unknown, taggings[i].iface < 0,
			"%s", taggings[i].name);
		for (int j = 0; j < (int)RTE_DIM(vlan_ifaces); j++)
			cr_expect_eq(rig.dp->workers[0]->stats.iface[j].rx_packets - before[j],
				j == taggings[i].iface, "%s", taggings[i].name);
	}
}

Test(classify, tagged_next_hop_gets_its_tags)
{
	uint8_t hop[16] = {198, 51, 100, 9};
	uint8_t l2[22] = {2, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0x88, 0xa8, 1, 44, 0x81, 0, 0, 200};
	int64_t index = adjacency_get(dataplane_adjacencies(rig.dp), 3, 0, 4, hop);

	for (uint8_t length = 18; length <= 22; length += 4) {
		cr_assert_eq(adjacency_resolve(dataplane_adjacencies(rig.dp), (uint32_t)index, l2,
				     length, 1500),
			0);
		rcu_poll(dataplane_rcu(rig.dp), 100);
		cr_assert_eq(fib_set4(dataplane_fib(rig.dp, 0), RIG_IP(203, 0, 113, 0), 24,
				     fib_target(FIB_ADJACENCY, (uint32_t)index)),
			0);
		frame_data(&rig, &in, RIG_TUNNEL, 3, 0x21, inner.data, inner.n);
		rig_send(&rig, RIG_ACCESS, &in);
		rig_turn(&rig);
		cr_assert(rig_receive(&rig, RIG_ACCESS, &out));
		cr_expect_eq(out.n, 100u + length);
		cr_expect_arr_eq(out.data, l2, length - 2);
		cr_expect_eq(load_be16(out.data + length - 2), RTE_ETHER_TYPE_IPV4);
		cr_expect_eq(out.data[length], 0x45);
	}
}

Test(classify, tags_stay_on_this_side_of_the_tap)
{
	static const uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, 1};

	for (size_t i = 0; i < RTE_DIM(taggings); i++) {
		struct rte_mbuf *m;

		if (taggings[i].iface < 0)
			continue;
		memset(in.data, 0xff, 6);
		memset(in.data + 6, 2, 6);
		store_be16(in.data + 12, RTE_ETHER_TYPE_ARP);
		memcpy(in.data + 14, arp, sizeof(arp));
		in.n = 42;
		tag(&in, taggings[i].tags, taggings[i].n);
		rig_send(&rig, taggings[i].device, &in);
		rig_turn(&rig);
		cr_assert_eq(rig_punted(&rig, PUNT_RING_EXCEPTION, &out, &meta), PUNT_FRAME, "%s",
			taggings[i].name);
		cr_expect_eq(meta.iface, taggings[i].iface, "%s", taggings[i].name);
		cr_expect_eq(out.n, 42u, "%s", taggings[i].name);
		cr_expect_arr_eq(out.data, in.data, 12);
		cr_expect_eq(load_be16(out.data + 12), RTE_ETHER_TYPE_ARP, "%s", taggings[i].name);
		cr_expect_arr_eq(out.data + 14, arp, sizeof(arp));
		/* the kernel's answer goes where the request came from: with its interface's tags, whatever priority that had */
		m = dataplane_mbuf(rig.dp);
		memcpy(rte_pktmbuf_append(m, (uint16_t)out.n), out.data, out.n);
		meta_of(m)->kind = INJECT_FRAME;
		meta_of(m)->iface = (uint8_t)taggings[i].iface;
		cr_assert_eq(dataplane_inject(rig.dp, 0, m), 0);
		rig_turn(&rig);
		cr_assert(rig_receive(&rig, taggings[i].device, &out), "%s", taggings[i].name);
		cr_expect_eq(out.n, 42u + tags_of(taggings[i].iface), "%s", taggings[i].name);
		cr_expect_arr_eq(out.data, in.data, 12);
		cr_expect_eq(load_be16(out.data + out.n - 30), RTE_ETHER_TYPE_ARP);
		if (taggings[i].iface == 3)
			cr_expect_arr_eq(out.data + 12, taggings[4].tags, 8);
		else if (taggings[i].iface >= 2)
			cr_expect(load_be16(out.data + 12) == RTE_ETHER_TYPE_VLAN &&
				load_be16(out.data + 14) == vlan_ifaces[taggings[i].iface].vlan);
	}
}

/* What is not L2TP: where it goes. */
enum fate { FATE_KERNEL, FATE_FORWARD, FATE_DROP };
static const struct {
	const char *name;
	uint8_t iface;
	uint16_t ether_type;
	uint32_t to; /* IPv4 */
	uint8_t protocol;
	uint16_t port, fragment;
	uint8_t mac; /* 0: ours, 1: somebody else's, 2: broadcast */
	enum fate fate;
	enum drop_reason reason;
} others[] = {
	{"ARP", 0, 0x0806, 0, 0, 0, 0, 2, FATE_KERNEL, 0},
	{"ARP reply to us", 0, 0x0806, 0, 0, 0, 0, 0, FATE_KERNEL, 0},
	{"LLDP", 0, 0x88cc, 0, 0, 0, 0, 2, FATE_DROP, DROP_RX_ETHERTYPE},
	{"unknown EtherType to us", 0, 0x9000, 0, 0, 0, 0, 0, FATE_DROP, DROP_RX_ETHERTYPE},
	{"another's MAC", 0, 0x0800, RIG_LNS, 17, 1701, 0, 1, FATE_DROP, DROP_RX_NOT_FOR_US},
	{"ping to us", 0, 0x0800, RIG_LNS, 1, 0, 0, 0, FATE_KERNEL, 0},
	{"TCP to us", 0, 0x0800, RIG_LNS, 6, 179, 0, 0, FATE_KERNEL, 0},
	{"IKE", 0, 0x0800, RIG_LNS, 17, 500, 0, 0, FATE_KERNEL, 0},
	{"IKE behind a NAT, by its marker", 0, 0x0800, RIG_LNS, 17, 4500, 0, 0, FATE_KERNEL, 0},
	{"ESP", 0, 0x0800, RIG_LNS, 50, 0, 0, 0, FATE_DROP, DROP_ESP_UNKNOWN_SPI},
	{"ESP on the core side", 1, 0x0800, RIG_CORE, 50, 0, 0, 0, FATE_KERNEL, 0},
	{"fragment of a ping to us", 0, 0x0800, RIG_LNS, 1, 0, 0x2000, 0, FATE_KERNEL, 0},
	{"OSPF", 0, 0x0800, RIG_IP(224, 0, 0, 5), 89, 0, 0, 2, FATE_KERNEL, 0},
	{"IP for elsewhere on the access side", 0, 0x0800, RIG_SERVER, 17, 53, 0, 0, FATE_DROP,
		DROP_RX_ROLE},
	{"IP for elsewhere on the core side", 1, 0x0800, RIG_SERVER, 17, 53, 0, 0, FATE_FORWARD, 0},
	{"the same as a link-layer broadcast", 1, 0x0800, RIG_SERVER, 17, 53, 0, 2, FATE_KERNEL, 0},
	{"L2TP to us on the core side", 1, 0x0800, RIG_CORE, 17, 1701, 0, 0, FATE_KERNEL, 0},
	{"fragment to us on the core side", 1, 0x0800, RIG_CORE, 17, 1701, 0x2000, 0, FATE_KERNEL,
		0},
	{"L2TP to an address of another interface", 1, 0x0800, RIG_LNS, 17, 1701, 0, 0, FATE_KERNEL,
		0},
	{"broadcast address", 1, 0x0800, UINT32_MAX, 17, 67, 0, 2, FATE_KERNEL, 0},
};

Test(classify, everything_else_goes_to_the_kernel_onward_or_nowhere)
{
	static const uint8_t macs[3][6] = {
		{0}, {2, 9, 9, 9, 9, 9}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

	for (size_t i = 0; i < RTE_DIM(others); i++) {
		uint64_t dropped = rig_drops_all(&rig), reason = rig_drops(&rig, others[i].reason);

		frame_eth(&in, others[i].mac == 0 ? rig.mac[others[i].iface] : macs[others[i].mac],
			rig_lac_mac, others[i].ether_type);
		uint8_t *ip = frame_ip4(
			&in, RIG_IP(192, 0, 2, 77), others[i].to, others[i].protocol, 8 + 40);
		store_be16(ip + 6, others[i].fragment);
		ip4_header_set_checksum(ip, 20);
		frame_udp(&in, 40000, others[i].port, 40);
		frame_add(&in, NULL, 40);
		rig_send(&rig, others[i].iface, &in);
		rig_turn(&rig);

		int kind = rig_punted(&rig, PUNT_RING_EXCEPTION, &out, &meta);
		bool whole_frame = kind == PUNT_FRAME;

		if (others[i].fate == FATE_KERNEL) {
			/* an address of ours that is not the interface's is punted behind the FIB */
			cr_expect(whole_frame || kind == PUNT_LOCAL, "%s: kind %d", others[i].name,
				kind);
			cr_expect_eq(out.n, in.n - (whole_frame ? 0 : 14), "%s", others[i].name);
			if (whole_frame) {
				cr_expect_arr_eq(out.data, in.data, in.n, "%s", others[i].name);
				cr_expect_eq(meta.iface, others[i].iface);
			}
		} else {
			cr_expect_eq(kind, -1, "%s: kind %d", others[i].name, kind);
		}
		cr_expect_eq(rig_receive(&rig, RIG_CORE0, &out), others[i].fate == FATE_FORWARD,
			"%s", others[i].name);
		cr_expect_eq(rig_drops_all(&rig) - dropped, others[i].fate == FATE_DROP, "%s",
			others[i].name);
		if (others[i].fate == FATE_DROP)
			cr_expect_eq(rig_drops(&rig, others[i].reason) - reason, 1, "%s",
				others[i].name);
	}
}

/* Offsets are from the IP header. */
static const struct {
	const char *name;
	uint32_t offset;
	uint8_t value, checksum; /* 1: made right again */
	enum drop_reason reason;
} bad_outer[] = {
	{"version 5", 0, 0x55, 1, DROP_OUTER_IP_HEADER},
	{"header of 16 bytes", 0, 0x44, 0, DROP_OUTER_IP_HEADER},
	{"header longer than the packet", 3, 19, 1, DROP_OUTER_IP_HEADER},
	{"total longer than the frame", 2, 0x10, 1, DROP_OUTER_IP_HEADER},
	{"checksum", 10, 0x55, 0, DROP_OUTER_IP_CHECKSUM},
	{"UDP shorter than its header", 25, 7, 1, DROP_OUTER_UDP_LENGTH},
	{"UDP longer than IP", 24, 0x10, 1, DROP_OUTER_UDP_LENGTH},
};

Test(classify, bad_outer_headers_are_named)
{
	for (size_t i = 0; i < RTE_DIM(bad_outer); i++) {
		frame_data(&rig, &in, RIG_TUNNEL, 3, 0x21, inner.data, inner.n);
		in.data[14 + bad_outer[i].offset] = bad_outer[i].value;
		if (bad_outer[i].offset == 25)
			in.data[14 + 24] = 0;
		if (bad_outer[i].offset == 3)
			in.data[14 + 2] = 0;
		if (bad_outer[i].checksum)
			ip4_header_set_checksum(in.data + 14, 20);
		rig_send(&rig, RIG_ACCESS, &in);

		uint64_t before = rig_drops(&rig, bad_outer[i].reason);

		rig_turn(&rig);
		cr_expect_eq(
			rig_drops(&rig, bad_outer[i].reason) - before, 1, "%s", bad_outer[i].name);
	}
	cr_expect_eq(rig_drops_all(&rig), RTE_DIM(bad_outer));
}

Test(classify, ipv6_of_the_link_goes_to_the_kernel_the_rest_as_with_ipv4)
{
	static const uint8_t solicited[16] = {0xff, 2, [11] = 1, 0xff, 0, 0, 1};
	static const uint8_t link_local[16] = {0xfe, 0x80, [15] = 7};
	static const struct {
		const uint8_t *to;
		uint8_t iface, next;
		enum fate fate;
	} packets[] = {
		{solicited, RIG_ACCESS, 58, FATE_KERNEL},
		{link_local, RIG_ACCESS, 58, FATE_KERNEL},
		{rig_lns6, RIG_ACCESS, 58, FATE_KERNEL},
		{rig_lns6, RIG_ACCESS, 6, FATE_KERNEL},
		{rig_server6, RIG_ACCESS, 17, FATE_DROP},
		{rig_server6, RIG_CORE0, 17, FATE_FORWARD},
	};

	for (size_t i = 0; i < RTE_DIM(packets); i++) {
		uint64_t dropped = rig_drops(&rig, DROP_RX_ROLE);

		frame_eth(&in, rig.mac[packets[i].iface], rig_lac_mac, RTE_ETHER_TYPE_IPV6);
		frame_ip6(&in, rig_lac6, packets[i].to, packets[i].next, 40);
		frame_add(&in, NULL, 40);
		rig_send(&rig, packets[i].iface, &in);
		rig_turn(&rig);
		cr_expect_eq(rig_punted(&rig, PUNT_RING_EXCEPTION, &out, &meta),
			packets[i].fate == FATE_KERNEL ? PUNT_FRAME : -1, "%zu", i);
		cr_expect_eq(rig_receive(&rig, RIG_CORE0, &out), packets[i].fate == FATE_FORWARD,
			"%zu", i);
		cr_expect_eq(rig_drops(&rig, DROP_RX_ROLE) - dropped, packets[i].fate == FATE_DROP,
			"%zu", i);
	}
}

Test(classify, endless_extension_headers_are_not_followed)
{
	frame_eth(&in, rig.mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_IPV6);
	frame_ip6(&in, rig_lac6, rig_lns6, IPPROTO_DSTOPTS, 100 * 8);
	for (unsigned int i = 0; i < 100; i++)
		frame_add(&in, (const uint8_t[8]){IPPROTO_DSTOPTS, 0, 1, 4}, 8);
	rig_send(&rig, RIG_ACCESS, &in);
	/* one that claims to be longer than the packet */
	rig_turn(&rig);
	cr_expect_eq(rig_punted(&rig, PUNT_RING_EXCEPTION, &out, &meta), PUNT_FRAME);
	in.data[14 + 41] = 255;
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_expect_eq(rig_drops(&rig, DROP_OUTER_IP_HEADER), 1);
}

Test(classify, punt_rings_are_bounded_each_by_itself)
{
	uint8_t sccrq[12] = {0xc8, 0x02, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0};
	uint8_t hello[12] = {0xc8, 0x02, 0, 12, 0, RIG_TUNNEL, 0, 0, 0, 1, 0, 1};

	frame_lac(&rig, &in, sccrq, sizeof(sccrq));
	for (unsigned int i = 0; i < 1000; i++) {
		rig_send(&rig, RIG_ACCESS, &in);
		rig_turn(&rig);
	}
	cr_expect_eq(rig_drops(&rig, DROP_PUNT_UNKNOWN_FULL), 1000 - 511);
	frame_lac(&rig, &in, hello, sizeof(hello));
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_expect_eq(rig_punted(&rig, PUNT_RING_KNOWN, &out, &meta), PUNT_L2TP_KNOWN);
}

Test(classify, interface_that_is_down_takes_nothing)
{
	dataplane_iface_set(rig.dp, RIG_ACCESS, false, 1500);
	frame_data(&rig, &in, RIG_TUNNEL, 3, 0x21, inner.data, inner.n);
	rig_send(&rig, RIG_ACCESS, &in);
	rig_turn(&rig);
	cr_expect_eq(rig_drops(&rig, DROP_TX_IFACE_DOWN), 1);
}
