/* SPDX-License-Identifier: BSD-3-Clause */
/* The subscriber's IPv6: IPv6CP, router solicitation, DHCPv6. */
#include "link6.h"

#include <string.h>

#include "bytes.h"
#include "flow.h"

#define IP6_HEADER    40u
#define UDP_HEADER    8u
#define NEXT_UDP      17u
#define NEXT_ICMPV6   58u
#define OPTION_ID     1
#define FRAME_MAX     1500u
#define CLIENT_PORT   546u
#define SERVER_PORT   547u
#define DHCP_SOLICIT  1
#define DHCP_REPLY    7
#define DHCP_CLIENT   1u
#define DHCP_RAPID    14u
#define DHCP_IA_PD    25u
#define DHCP_PREFIX   26u
#define IA_HEADER     12u
#define ADVERTISEMENT 134

static const uint8_t all_routers[16] = {0xff, 2, [15] = 2};
static const uint8_t all_servers[16] = {0xff, 2, [13] = 1, [15] = 2};

void link6_init(struct link6 *l, uint32_t number)
{
	memset(l, 0, sizeof(*l));
	l->number = number;
	l->id[0] = 2;
	l->id[3] = 0xff;
	put_be32(l->id + 4, number);
}

static void link_local(uint8_t out[16], const uint8_t id[8])
{
	memset(out, 0, 8);
	out[0] = 0xfe;
	out[1] = 0x80;
	memcpy(out + 8, id, 8);
}

static uint16_t checksum6(const uint8_t *packet, size_t len, uint8_t next)
{
	uint32_t sum = flow_sum_bytes(packet + 8, 32, next + (uint32_t)(len - IP6_HEADER));

	return flow_fold(flow_sum_bytes(packet + IP6_HEADER, len - IP6_HEADER, sum));
}

/* Fills the header in and the checksum, which stands at offset in the payload; sends. */
static void packet_send(const struct ppp_context *c, const struct link6 *l, uint8_t *packet,
	size_t len, uint8_t next, const uint8_t to[16], size_t offset)
{
	uint16_t sum;

	memset(packet, 0, 8);
	packet[0] = 0x60;
	put_be16(packet + 4, (uint16_t)(len - IP6_HEADER));
	packet[6] = next;
	packet[7] = 255;
	link_local(packet + 8, l->id);
	memcpy(packet + 24, to, 16);
	put_be16(packet + IP6_HEADER + offset, 0);
	sum = checksum6(packet, len, next);
	put_be16(packet + IP6_HEADER + offset, sum != 0 ? sum : 0xffff);
	c->ops->send(c->ctx, PPP_IPV6, packet, len);
	c->ops->arm(c->ctx, c->settings->restart_ms);
}

static void cp_request(const struct ppp_context *c, struct link6 *l)
{
	uint8_t option[10] = {OPTION_ID, 10};

	memcpy(option + 2, l->id, 8);
	ppp_send(c, PPP_IPV6CP, PPP_CONF_REQ, l->cp.id, option, sizeof(option));
	c->ops->arm(c->ctx, c->settings->restart_ms);
}

static void router_solicit(const struct ppp_context *c, struct link6 *l)
{
	uint8_t packet[IP6_HEADER + 8] = {0};

	packet[IP6_HEADER] = 133;
	packet_send(c, l, packet, sizeof(packet), NEXT_ICMPV6, all_routers, 2);
}

static uint8_t *dhcp_option(uint8_t *o, uint16_t type, uint16_t len)
{
	put_be16(o, type);
	put_be16(o + 2, len);
	memset(o + 4, 0, len);
	return o + 4 + len;
}

static void dhcp_solicit(const struct ppp_context *c, struct link6 *l)
{
	uint8_t packet[128] = {0}, *udp = packet + IP6_HEADER, *o = udp + UDP_HEADER, *at;
	size_t len;

	*o = DHCP_SOLICIT;
	memcpy(o + 1, l->transaction, sizeof(l->transaction));
	o += 4;
	at = o + 4;
	o = dhcp_option(o, DHCP_CLIENT, 10); /* DUID-LL */
	at[1] = 3;
	at[3] = 1;
	at[4] = 2;
	put_be32(at + 6, l->number);
	o = dhcp_option(o, DHCP_RAPID, 0);
	at = o + 4;
	o = dhcp_option(o, DHCP_IA_PD, IA_HEADER);
	put_be32(at, l->number);
	len = (size_t)(o - packet);
	put_be16(udp, CLIENT_PORT);
	put_be16(udp + 2, SERVER_PORT);
	put_be16(udp + 4, (uint16_t)(len - IP6_HEADER));
	packet_send(c, l, packet, len, NEXT_UDP, all_servers, 6);
}

/* One step further, with what it begins with. */
static void step(const struct ppp_context *c, struct link6 *l, enum link6_state state)
{
	l->state = (uint8_t)state;
	l->cp.tries = 0;
	switch (state) {
	case LINK6_ROUTER:
		if (l->has_prefix) { /* it was faster than our question */
			step(c, l, LINK6_DHCP);
			return;
		}
		router_solicit(c, l);
		return;
	case LINK6_DHCP:
		put_be32(l->delegated, (uint32_t)c->ops->random(c->ctx));
		memcpy(l->transaction, l->delegated, sizeof(l->transaction));
		dhcp_solicit(c, l);
		return;
	case LINK6_UP:
		c->ops->up(c->ctx);
		return;
	default:
		return;
	}
}

void link6_start(const struct ppp_context *c, struct link6 *l)
{
	l->state = LINK6_IPV6CP;
	l->cp.id++;
	l->cp.local_acked = false;
	cp_request(c, l);
}

static void cp_opened(const struct ppp_context *c, struct link6 *l)
{
	if (l->state == LINK6_IPV6CP && l->cp.local_acked && l->cp.remote_acked)
		step(c, l, LINK6_ROUTER);
}

static void cp_requested(const struct ppp_context *c, struct link6 *l, uint8_t id,
	const uint8_t *options, size_t len)
{
	if (len != 10 || options[0] != OPTION_ID || options[1] != 10) {
		c->stats->malformed++;
		return;
	}
	memcpy(l->peer_id, options + 2, 8);
	ppp_send(c, PPP_IPV6CP, PPP_CONF_ACK, id, options, len);
	l->cp.remote_acked = true;
	cp_opened(c, l);
}

void link6_cp_input(const struct ppp_context *c, struct link6 *l, const uint8_t *frame, size_t len)
{
	size_t length = len >= 4 ? get_be16(frame + 2) : 0;
	bool ours = length >= 4 && frame[1] == l->cp.id && l->state == LINK6_IPV6CP;

	if (length < 4 || length > len) {
		c->stats->malformed++;
		return;
	}
	switch (frame[0]) {
	case PPP_CONF_REQ:
		cp_requested(c, l, frame[1], frame + 4, length - 4);
		return;
	case PPP_CONF_ACK:
		if (ours) {
			l->cp.local_acked = true;
			cp_opened(c, l);
		}
		return;
	case PPP_CONF_NAK:
		if (ours && length == 14 && frame[4] == OPTION_ID && frame[5] == 10 &&
			++l->cp.naks < PPP_MAX_TRIES) {
			memcpy(l->id, frame + 6, 8);
			l->cp.id++;
			cp_request(c, l);
		}
		return;
	case PPP_TERM_REQ:
		ppp_send(c, PPP_IPV6CP, PPP_TERM_ACK, frame[1], NULL, 0);
		ppp_send(c, PPP_IPV6CP, PPP_TERM_REQ, (uint8_t)(l->cp.id + 1), NULL, 0);
		return;
	default:
		return;
	}
}

/* RFC 4861 4.2: what the router says of the link's prefix. */
static void advertised(struct link6 *l, const uint8_t *icmp, size_t len)
{
	for (size_t at = 16; at + 8 <= len && icmp[at + 1] > 0; at += icmp[at + 1] * 8u) {
		const uint8_t *o = icmp + at;

		/* a prefix of 64 bits that addresses are made of */
		if (at + 32 > len || o[0] != 3 || o[1] != 4 || o[2] != 64 || !(o[3] & 0x40))
			continue;
		memcpy(l->prefix, o + 16, sizeof(l->prefix));
		l->has_prefix = true;
	}
}

/* The option of that type in a list; NULL: none. */
static const uint8_t *option_find(const uint8_t *p, size_t len, uint16_t type, uint16_t *out)
{
	while (len >= 4 && get_be16(p + 2) <= len - 4) {
		*out = get_be16(p + 2);
		if (get_be16(p) == type)
			return p + 4;
		len -= 4u + *out;
		p += 4u + *out;
	}
	return NULL;
}

static bool replied(struct link6 *l, const uint8_t *message, size_t len)
{
	const uint8_t *ia, *prefix;
	uint16_t ia_len, prefix_len;

	if (len < 4 || message[0] != DHCP_REPLY ||
		memcmp(message + 1, l->transaction, sizeof(l->transaction)) != 0)
		return false;
	ia = option_find(message + 4, len - 4, DHCP_IA_PD, &ia_len);
	if (ia == NULL || ia_len < IA_HEADER)
		return false;
	prefix = option_find(ia + IA_HEADER, ia_len - IA_HEADER, DHCP_PREFIX, &prefix_len);
	if (prefix == NULL || prefix_len < 25 || prefix[8] > 64)
		return false;
	l->delegated_length = prefix[8];
	memcpy(l->delegated, prefix + 9, sizeof(l->delegated));
	return true;
}

bool link6_input(const struct ppp_context *c, struct link6 *l, const uint8_t *packet, size_t len)
{
	const uint8_t *payload = packet + IP6_HEADER;
	size_t payload_len;

	if (len < IP6_HEADER || packet[0] >> 4 != 6 || packet[8] != 0xfe)
		return false;
	payload_len = get_be16(packet + 4);
	if (payload_len > len - IP6_HEADER || payload_len < 8 ||
		checksum6(packet, IP6_HEADER + payload_len, packet[6]) != 0) {
		c->stats->malformed++;
		return true;
	}
	if (packet[6] == NEXT_ICMPV6 && payload[0] == ADVERTISEMENT && packet[7] == 255) {
		advertised(l, payload, payload_len);
		if (l->state == LINK6_ROUTER && l->has_prefix)
			step(c, l, LINK6_DHCP);
	} else if (packet[6] == NEXT_UDP && get_be16(payload + 2) == CLIENT_PORT &&
		l->state == LINK6_DHCP &&
		replied(l, payload + UDP_HEADER, payload_len - UDP_HEADER)) {
		step(c, l, LINK6_UP);
	}
	return true;
}

void link6_expire(const struct ppp_context *c, struct link6 *l)
{
	if (l->cp.tries < PPP_MAX_TRIES)
		l->cp.tries++;
	c->stats->resent++;
	if (l->state == LINK6_IPV6CP)
		cp_request(c, l);
	else if (l->state == LINK6_ROUTER)
		router_solicit(c, l);
	else if (l->state == LINK6_DHCP)
		dhcp_solicit(c, l);
}

void link6_address(const struct link6 *l, uint8_t out[16])
{
	memset(out, 0, 16);
	if (l->number % 2)
		memcpy(out, l->prefix, sizeof(l->prefix));
	else
		memcpy(out, l->delegated, 8);
	memcpy(out + 8, l->id, 8);
}
