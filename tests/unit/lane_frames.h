/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames at random around what the fast lane takes, each with at most a few things wrong or rare.
 */
#pragma once

#include "esp_path_rig.h"

#define SESSIONS  13
#define IN_ESP    12 /* the session whose tunnel is inside ESP */
#define BYTES_MAX 1700
#define MARK      0x4d415243u /* in front of a packet's number in its payload */

static struct rig rig;
static struct lac lac;
static struct frame inner, made;
static struct {
	uint8_t data[BYTES_MAX];
	uint16_t length;
	uint64_t ol_flags;
} burst[BURST];
static uint32_t number;
static uint64_t random_state;

static uint32_t rnd(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 32) * n >> 32);
}

/* How much rarer than written the odd things are in this burst. */
static uint32_t calm = 1;

static bool one_in(uint32_t n)
{
	return rnd(n * calm) == 0;
}

static uint16_t tunnel_of(uint32_t session)
{
	static const uint16_t tunnels[] = {RIG_TUNNEL, 8, 9, 10, 11};

	if (session == IN_ESP)
		return 13;
	return tunnels[session < 5 ? session : 0];
}

static uint16_t id_of(uint32_t session)
{
	return (uint16_t)(1 + session);
}

static uint32_t far_address(void)
{
	switch (rnd(24 * calm)) {
	case 0:
		return RIG_LNS; /* local */
	case 1:
		return rig_subscriber(id_of(rnd(SESSIONS))); /* hairpin */
	case 2:
	case 3:
		return RIG_IP(203, 0, 114, rnd(256)); /* multipath, one member with a smaller MTU */
	case 4:
		return RIG_IP(203, 0, 115, 1); /* prohibited */
	case 5:
		return RIG_IP(203, 0, 116, 1); /* unresolved */
	case 6:
		return RIG_IP(rnd(2) ? 127 : 0, 0, 0, 1);
	case 7:
		return RIG_IP(224 + rnd(32), 0, 0, 5);
	case 8:
		return RIG_IP(169, 254, 1, rnd(256));
	case 9:
		return RIG_CORE;
	default:
		return RIG_SERVER;
	}
}

/* A TCP SYN with an MSS to clamp, in place of the UDP header. */
static void make_syn(uint8_t *ip, uint32_t header)
{
	uint8_t *tcp = ip + header;

	ip[header == 20 ? 9 : 6] = IPPROTO_TCP;
	tcp[12] = 0x60;
	tcp[13] = one_in(4) ? 0x10 : 0x02;
	tcp[20] = 2;
	tcp[21] = 4;
	store_be16(tcp + 22, (uint16_t)(1200 + rnd(400)));
}

static uint32_t size_random(uint32_t least)
{
	return one_in(8) ? 1290 + rnd(220) : least + rnd(80);
}

static void inner_make(uint32_t session, bool v4, bool up)
{
	uint8_t subscriber6[16], far6[16];
	uint32_t header = v4 ? 20 : 40, size = size_random(header + 40);
	uint8_t *ip = inner.data;

	if (v4) {
		uint32_t subscriber = rig_subscriber(id_of(session)), far = far_address();

		if (up && one_in(20))
			subscriber = rig_subscriber(77); /* spoofed */
		inner_udp4(&inner, up ? subscriber : far, up ? far : subscriber, size);
	} else {
		rig_subscriber6(id_of(session), subscriber6);
		memcpy(far6, rig_server6, 16);
		if (up && one_in(20))
			subscriber6[4] ^= 1;
		if (one_in(20))
			memcpy(far6, (const uint8_t[16]){0xfe, 0x80, [15] = 1}, 16);
		else if (one_in(20))
			memcpy(far6, (const uint8_t[16]){0xff, 0x02, [15] = 1}, 16);
		else if (one_in(20))
			memset(far6, 0, 16);
		inner_udp6(&inner, up ? subscriber6 : far6, up ? far6 : subscriber6, size);
	}
	if (one_in(4))
		make_syn(ip, header);
	store32(ip + header + 28, MARK);
	store32(ip + header + 32, number++);
	ip[header + 36] = (uint8_t)(session * 2 + up);
	ip[v4 ? 1 : 0] ^= (uint8_t)(v4 ? rnd(256) : rnd(16));
	if (one_in(16))
		ip[v4 ? 8 : 7] = (uint8_t)rnd(3);
	if (v4) {
		if (one_in(4))
			ip[6] = 0x40;
		if (one_in(20))
			store_be16(ip + 2, (uint16_t)(load_be16(ip + 2) + rnd(5) - 2));
		if (one_in(24)) { /* options */
			ip[0] = 0x46;
			memcpy(ip + 20, one_in(2) ? "\x94\x04\0" : "\x83\x03\0", 4);
		}
		ip4_header_set_checksum(ip, (ip[0] & 15) * 4u);
		if (one_in(24))
			ip[10] ^= 1;
	} else if (one_in(20)) {
		store_be16(ip + 4, (uint16_t)(load_be16(ip + 4) + rnd(5) - 2));
	}
	if (one_in(10))
		frame_add(&inner, NULL, 1 + rnd(12)); /* a tail */
}

/* The headers between UDP and the inner packet. */
static uint32_t heads_make(uint8_t *p, uint32_t session, bool v4, uint32_t payload)
{
	uint16_t tunnel_id = one_in(40) ? 12 : tunnel_of(session);
	uint16_t session_id = one_in(40) ? 4000 : id_of(session);
	bool length = one_in(4), sequence = one_in(12), offset = one_in(24);
	uint8_t *start = p;

	store_be16(p,
		(uint16_t)(2 | (length ? 0x4000 : 0) | (sequence ? 0x0800 : 0) |
			(offset ? 0x0200 : 0) | (one_in(40) ? 0x0100 : 0)));
	if (one_in(60))
		p[0] |= 0x80;
	p += 2;
	if (length)
		p += 2;
	store_be16(p, tunnel_id);
	store_be16(p + 2, session_id);
	p += 4;
	if (sequence) {
		store_be16(p, (uint16_t)rnd(4));
		store_be16(p + 2, 0);
		p += 4;
	}
	if (offset) {
		store_be16(p, (uint16_t)rnd(3));
		p += 2;
	}
	switch (rnd(20 * calm)) {
	case 0: /* protocol field compressed */
		*p++ = v4 ? 0x21 : 0x57;
		break;
	case 1: /* LCP, CHAP */
		store_be16(p, 0xff03);
		store_be16(p + 2, one_in(2) ? 0xc021 : 0xc223);
		p += 4;
		break;
	case 2:
		store_be16(p, v4 ? 0x0057 : 0x0021); /* the other one's */
		p += 2;
		break;
	case 3:
	case 4:
	case 5:
		store_be16(p, v4 ? 0x0021 : 0x0057);
		p += 2;
		break;
	default:
		store_be16(p, 0xff03);
		store_be16(p + 2, v4 ? 0x0021 : 0x0057);
		p += 4;
	}
	if (length)
		store_be16(start + 2,
			(uint16_t)((uint32_t)(p - start) + payload - (one_in(12) ? rnd(4) : 0) +
				(one_in(30) ? 1 : 0)));
	return (uint32_t)(p - start);
}

/* Around ESP: fragments, other addresses, lengths of UDP, IKE, a NAT's keepalive. */
static void esp_spoil(void)
{
	uint8_t *ip = made.data + 14, *udp = ip + 20;
	bool natt = ip[9] == IPPROTO_UDP;

	switch (rnd(natt ? 8 : 4)) {
	case 0:
		ip[6] = rnd(2) ? 0x20 : 0x40;
		break;
	case 1:
		store32(ip + 16, rnd(2) ? RIG_CORE : RIG_SERVER);
		break;
	case 2:
		store_be16(ip + 2, (uint16_t)(load_be16(ip + 2) + rnd(5) - 2));
		break;
	case 3:
		store_be16(ip + 2, (uint16_t)(20 + rnd(24)));
		break;
	case 4:
		store_be16(udp + 4, (uint16_t)(load_be16(udp + 4) + rnd(5) - 2));
		break;
	case 5:
		store_be16(udp + 4, (uint16_t)rnd(24));
		break;
	case 6:
		store32(udp + 8, 0);
		break;
	default:
		store_be16(udp + 4, 9);
		udp[8] = 0xff;
	}
	ip4_header_set_checksum(ip, 20);
}

static bool mostly_esp; /* in this burst, of what comes up */

static void up_make(void)
{
	uint32_t session = mostly_esp && rnd(16) > 0 ? IN_ESP : rnd(SESSIONS), n;
	bool v4 = rnd(3) > 0;
	uint8_t heads[32], *ip;

	inner_make(session, v4, true);
	n = heads_make(heads, session, v4, inner.n);
	if (tunnel_of(session) == 10) {
		frame_eth(&made, rig.mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_IPV6);
		frame_ip6(&made, rig_lac6, rig_lns6, IPPROTO_UDP, 8 + n + inner.n);
	} else {
		uint32_t from = one_in(40) ? RIG_IP(192, 0, 2, 9) : RIG_LAC;

		frame_eth(&made, rig.mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_IPV4);
		ip = frame_ip4(
			&made, from, one_in(60) ? RIG_CORE : RIG_LNS, IPPROTO_UDP, 8 + n + inner.n);
		ip[1] = (uint8_t)rnd(256);
		if (one_in(40))
			ip[9] = IPPROTO_ESP;
		if (one_in(40))
			ip[6] = one_in(2) ? 0x20 : 0x40;
		if (one_in(40))
			store_be16(ip + 2, (uint16_t)(load_be16(ip + 2) + rnd(9) - 4));
		ip4_header_set_checksum(ip, 20);
		if (one_in(60))
			ip[11] ^= 4;
	}
	frame_udp(&made, one_in(60) ? 1702 : 1701, one_in(60) ? 4500 : 1701, n + inner.n);
	if (one_in(60))
		made.data[made.n - 3] ^= (uint8_t)rnd(16);
	frame_add(&made, heads, n);
	frame_add(&made, inner.data, inner.n);
	if (session == IN_ESP && !one_in(40)) {
		lac_wrap(&lac, &made);
		if (one_in(12))
			esp_spoil();
	}
	if (one_in(12))
		frame_add(&made, NULL, 1 + rnd(8)); /* Ethernet's padding */
}

static void down_make(void)
{
	inner_make(rnd(SESSIONS), rnd(3) > 0, false);
	frame_core4(&rig, &made, &inner);
}

static void frame_tag_as(uint16_t type, uint16_t tag)
{
	memmove(made.data + 16, made.data + 12, made.n - 12);
	store_be16(made.data + 12, type);
	store_be16(made.data + 14, tag);
	made.n += 4;
}

static void frame_tag(uint16_t tag)
{
	frame_tag_as(0x8100, tag);
}

/* How the receiving port's interfaces are told apart. */
static enum layout {
	LAYOUT_UNTAGGED,
	LAYOUT_VLAN,
	LAYOUT_QINQ,
	LAYOUT_ONE_ARM, /* access and core on one port, a VLAN each */
	LAYOUT_NATIVE,  /* access without a tag, core with one, or the other way round */
	LAYOUTS
} layout;
enum { VLAN_ACCESS = 100, VLAN_CORE = 300, VLAN_SERVICE = 200 };

static uint16_t vlan_of(unsigned int iface)
{
	return iface == RIG_ACCESS ? VLAN_ACCESS : VLAN_CORE;
}

/* The port that frames for iface come by. */
static void layout_set(enum layout wanted, unsigned int iface)
{
	struct port *port = &rig.dp->ports[rig.dp->ifaces[iface].port];
	unsigned int other = iface == RIG_ACCESS ? RIG_CORE0 : RIG_ACCESS;

	layout = wanted;
	for (unsigned int i = 0; i < 2; i++) {
		struct iface *one = &rig.dp->ifaces[i ? other : iface];

		one->vlan = wanted == LAYOUT_UNTAGGED ? 0 : vlan_of(one->index);
		one->outer_vlan = wanted == LAYOUT_QINQ ? VLAN_SERVICE : 0;
		rig.dp->ports[one->port].untagged = one->index;
		rig.dp->ports[one->port].n_tagged = 0;
	}
	if (wanted == LAYOUT_UNTAGGED)
		return;
	port->tagged[port->n_tagged++] = (uint8_t)(wanted == LAYOUT_NATIVE ? other : iface);
	if (wanted == LAYOUT_ONE_ARM)
		port->tagged[port->n_tagged++] = (uint8_t)other;
	if (wanted == LAYOUT_NATIVE)
		rig.dp->ifaces[iface].vlan = 0;
	else
		port->untagged = INTERFACE_NONE;
}

/* As the frame for that interface arrives; sometimes as another switch spells it. */
static void layout_tag(unsigned int iface, unsigned int arrival)
{
	uint16_t priority = (uint16_t)(rnd(4) == 0 ? rnd(16) << 12 : 0);
	uint16_t type = one_in(30) ? 0x88a8 : 0x8100;

	if (layout == LAYOUT_UNTAGGED || (layout == LAYOUT_NATIVE && iface == arrival))
		return;
	/* what has no interface of its own there goes by the other's */
	if (layout != LAYOUT_ONE_ARM && layout != LAYOUT_NATIVE)
		iface = arrival;
	frame_tag_as(type, vlan_of(iface) | priority);
	if (layout == LAYOUT_QINQ)
		frame_tag_as(
			one_in(30) ? 0x8100 : 0x88a8, VLAN_SERVICE | (uint16_t)(priority ^ 0x2000));
}

static void frame_damage(void)
{
	if (one_in(60))
		made.data[rnd(6)] ^= 1; /* somebody else's, or broadcast */
	if (one_in(60))
		frame_tag((uint16_t)(rnd(2) * 5));
	if (one_in(30))
		made.n = 1 + rnd(made.n);
	for (uint32_t i = one_in(10) ? 1 + rnd(3) : 0; i > 0; i--) {
		made.data[rnd(RTE_MIN(made.n, 130u))] ^= (uint8_t)(1u << rnd(8));
		/* it may be another flow's now, with its checksum right: its place in the order is nobody's */
		for (uint32_t j = 14; j + 4 <= made.n && j < 200; j++)
			if (load32(made.data + j) == MARK)
				store32(made.data + j, 0);
	}
}

static void burst_make(unsigned int n, bool access)
{
	/* not for the first lane, but for the one behind classify */
	bool tagged = layout == LAYOUT_UNTAGGED && one_in(3);
	uint32_t mix = layout == LAYOUT_ONE_ARM || layout == LAYOUT_NATIVE ? 2 : 10;

	mostly_esp = rnd(3) == 0;
	calm = 1u << rnd(8);
	for (unsigned int i = 0; i < n; i++) {
		bool up = one_in(mix) ? !access : access;

		if (up)
			up_make();
		else
			down_make();
		if (access != up)
			memcpy(made.data, rig.mac[access ? RIG_ACCESS : RIG_CORE0], 6);
		layout_tag(up ? RIG_ACCESS : RIG_CORE0, access ? RIG_ACCESS : RIG_CORE0);
		if (tagged)
			frame_tag(0);
		frame_damage();
		memcpy(burst[i].data, made.data, made.n);
		burst[i].length = (uint16_t)made.n;
		burst[i].ol_flags = one_in(8)
			? (rnd(2) ? RTE_MBUF_F_RX_IP_CKSUM_GOOD : RTE_MBUF_F_RX_IP_CKSUM_BAD) |
				(rnd(3) ? 0 : RTE_MBUF_F_RX_L4_CKSUM_BAD)
			: 0;
	}
	calm = 1;
}
