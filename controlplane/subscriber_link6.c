/* SPDX-License-Identifier: BSD-3-Clause */
/* What is said on a subscriber's link: neighbour discovery and DHCPv6 between bytes and their engines. */
#include "subscriber_ipv6.h"

#include "dns_name.h"
#include "lns.h"
#include "ppp_wire.h"

#include <errno.h>
#include <string.h>

#define ADVERTISEMENTS_MAX 64 /* in one turn */
#define PPP_HEADER_MAX     4

static void link_fill(const struct subscriber *subscriber, struct router_adv_link *link)
{
	const struct subscriber_ipv6 *ipv6 = subscriber->ipv6;

	*link = (struct router_adv_link){
		.mtu = subscriber->record.mtu,
		.has_prefix = ipv6->parts[IPV6_LINK].length == 64,
		.managed = ipv6->parts[IPV6_ADDRESS].length != 0,
		.former = subscriber_renumber_former(subscriber),
	};
	memcpy(link->our_id, subscriber->ppp.ipv6cp.our_id, sizeof(link->our_id));
	memcpy(link->prefix, ipv6->parts[IPV6_LINK].addr, sizeof(link->prefix));
	memcpy(link->dns, subscriber_ipv6_wanted(ipv6)->dns, sizeof(link->dns));
}

/* A packet for the subscriber, with room for the PPP header in front of the IPv6 one. */
struct outgoing {
	struct rte_mbuf *packet;
	uint8_t *ip;
	size_t room;
};

static bool outgoing_open(struct subscriber *subscriber, struct outgoing *outgoing)
{
	uint16_t room = (uint16_t)(PPP_HEADER_MAX + subscriber->record.mtu);

	outgoing->packet = dataplane_mbuf(subscriber->lns->dp);
	if (!outgoing->packet) {
		subscriber->lns->drops[LNS_DROP_INJECT_NO_MBUF]++;
		return false;
	}
	room = RTE_MIN(room, rte_pktmbuf_tailroom(outgoing->packet));
	outgoing->ip = (uint8_t *)rte_pktmbuf_append(outgoing->packet, room) + PPP_HEADER_MAX;
	outgoing->room = room - PPP_HEADER_MAX;
	return true;
}

static void outgoing_send(struct subscriber *subscriber, struct outgoing *outgoing, size_t len)
{
	struct rte_mbuf *packet = outgoing->packet;
	bool address_control = !(subscriber->record.flags & SESSION_SEND_ACFC);
	uint8_t header[PPP_HEADER_MAX];
	size_t head = ppp_frame_header(header, PPP_IPV6, address_control);
	struct meta *meta = meta_of(packet);

	if (!len) {
		rte_pktmbuf_free(packet);
		return;
	}
	memcpy(outgoing->ip - head, header, head);
	rte_pktmbuf_trim(packet, (uint16_t)(outgoing->room - len));
	rte_pktmbuf_adj(packet, (uint16_t)(PPP_HEADER_MAX - head));
	meta->kind = INJECT_SESSION;
	meta->session = subscriber->record.index;
	meta->generation = subscriber->record.generation;
	dataplane_inject(subscriber->lns->dp, subscriber->record.owner, packet);
}

void subscriber_link6_advertise(struct subscriber *subscriber)
{
	struct lns *lns = subscriber->lns;
	const struct config_ipv6 *config = &lns_config(lns)->ipv6;
	struct router_adv_link link;
	struct outgoing outgoing;
	uint32_t random;

	entropy_fill(&random, sizeof(random));
	router_adv_clock_set(
		&lns->ipv6.clock, subscriber->record.index, lns->now, config->ra_interval, random);
	if (!outgoing_open(subscriber, &outgoing))
		return;
	link_fill(subscriber, &link);
	outgoing_send(subscriber, &outgoing,
		router_adv_make(
			config, &link, NULL, outgoing.ip, outgoing.room, lns->ipv6.router_adv));
}

static void advertisement_due(void *user, uint32_t index)
{
	struct lns *lns = user;
	struct subscriber *subscriber = lns->subscribers.by_index[index];

	if (subscriber && subscriber->ipv6 && subscriber->ipv6->up)
		subscriber_link6_advertise(subscriber);
}

unsigned int subscriber_link6_poll(struct lns *lns)
{
	return router_adv_clock_run(
		&lns->ipv6.clock, lns->now, ADVERTISEMENTS_MAX, advertisement_due, lns);
}

bool subscriber_link6_takes(const struct rte_mbuf *packet)
{
	const struct meta *meta = rte_mbuf_to_priv((struct rte_mbuf *)(uintptr_t)packet);
	const uint8_t *ip = rte_pktmbuf_mtod(packet, const uint8_t *);

	if (meta->kind != PUNT_LOCAL || meta->session == SESSION_NONE ||
		packet->data_len < IP6_HEADER_LEN || ip[0] >> 4 != 6)
		return false;
	return ip6_is_link_local(ip + 24) || (ip[24] == 0xff && (ip[25] & 0x0f) == 2);
}

static void lease_fill(const struct subscriber *subscriber, struct dhcp6_lease *lease,
	uint8_t domains[CONFIG_DOMAINS_MAX * DNS_NAME_MAX])
{
	const struct config_ipv6 *config = &lns_config(subscriber->lns)->ipv6;
	const struct held_prefix *parts = subscriber->ipv6->parts;

	*lease = (struct dhcp6_lease){
		.session = (uint64_t)subscriber->record.index << 32 | subscriber->record.generation,
		.reconfigure = config->reconfigure,
		.has_prefix = parts[IPV6_DELEGATED].length != 0,
		.has_address = parts[IPV6_ADDRESS].length != 0,
		.has_link = parts[IPV6_LINK].length != 0,
		.prefix_length = parts[IPV6_DELEGATED].length,
		.preferred = config->preferred_lifetime,
		.valid = config->valid_lifetime,
		.domains = domains,
		.domains_len = dns_names_put(domains, CONFIG_DOMAINS_MAX * DNS_NAME_MAX,
			config->domains, config->n_domains),
	};
	memcpy(lease->prefix, parts[IPV6_DELEGATED].addr, 16);
	memcpy(lease->address, parts[IPV6_ADDRESS].addr, 16);
	memcpy(lease->link, parts[IPV6_LINK].addr, 16);
	memcpy(lease->dns, subscriber_ipv6_wanted(subscriber->ipv6)->dns, sizeof(lease->dns));
}

static size_t dhcp6_answer(
	struct subscriber *subscriber, const struct ip6_packet *packet, struct outgoing *outgoing)
{
	static const size_t head = IP6_HEADER_LEN + UDP_HEADER_LEN;
	struct lns *lns = subscriber->lns;
	uint8_t domains[CONFIG_DOMAINS_MAX * DNS_NAME_MAX], ours[16];
	struct udp_datagram datagram;
	struct dhcp6_lease lease;
	size_t len;

	if (!udp6_parse(packet, &datagram) || datagram.destination != DHCP6_SERVER_PORT ||
		!ip6_is_link_local(packet->source)) {
		lns->ipv6.other_protocol++;
		return 0;
	}
	lease_fill(subscriber, &lease, domains);
	len = dhcp6_server_input(&lns->ipv6.dhcp6, &lease, &subscriber->ipv6->binding,
		ip6_is_multicast(packet->destination), datagram.payload, datagram.len,
		outgoing->ip + head, outgoing->room - head);
	if (!len)
		return 0;
	ip6_link_local(ours, subscriber->ppp.ipv6cp.our_id);
	return udp6_put(
		outgoing->ip, ours, packet->source, DHCP6_SERVER_PORT, datagram.source, len);
}

bool subscriber_link6_reconfigure(struct subscriber *subscriber)
{
	static const size_t head = IP6_HEADER_LEN + UDP_HEADER_LEN;
	uint8_t domains[CONFIG_DOMAINS_MAX * DNS_NAME_MAX], ours[16], theirs[16];
	struct outgoing outgoing;
	struct dhcp6_lease lease;
	size_t len;

	if (!subscriber->ipv6->binding.client || !lns_config(subscriber->lns)->ipv6.reconfigure ||
		!outgoing_open(subscriber, &outgoing))
		return false;
	lease_fill(subscriber, &lease, domains);
	len = dhcp6_reconfigure(&subscriber->lns->ipv6.dhcp6, &lease, &subscriber->ipv6->binding,
		outgoing.ip + head, outgoing.room - head);
	ip6_link_local(ours, subscriber->ppp.ipv6cp.our_id);
	ip6_link_local(theirs, subscriber->ppp.ipv6cp.agreed_id);
	if (len)
		len = udp6_put(
			outgoing.ip, ours, theirs, DHCP6_SERVER_PORT, DHCP6_CLIENT_PORT, len);
	outgoing_send(subscriber, &outgoing, len);
	return len;
}

void subscriber_link6_input(struct subscriber *subscriber, struct rte_mbuf *packet)
{
	struct lns *lns = subscriber->lns;
	struct ip6_packet parsed;
	struct router_adv_link link;
	struct outgoing outgoing;
	size_t len = 0;

	/* what was on its way when IPv6CP went down */
	if (!subscriber->ipv6 || !subscriber->ipv6->up) {
		lns->drops[LNS_DROP_PPP_STALE]++;
		return;
	}
	if (rte_pktmbuf_linearize(packet) ||
		!ip6_parse(rte_pktmbuf_mtod(packet, const uint8_t *), packet->data_len, &parsed)) {
		lns->drops[LNS_DROP_PUNT_MALFORMED]++;
		return;
	}
	if (parsed.next != IP6_NEXT_ICMPV6 && parsed.next != IP6_NEXT_UDP) {
		/* extension headers: listener reports; discovery with them is not to be trusted (RFC 6980) */
		lns->ipv6.other_protocol++;
		return;
	}
	if (!outgoing_open(subscriber, &outgoing))
		return;
	if (parsed.next == IP6_NEXT_ICMPV6) {
		link_fill(subscriber, &link);
		len = router_adv_input(&lns_config(lns)->ipv6, &link, &parsed, outgoing.ip,
			outgoing.room, lns->ipv6.router_adv);
	} else {
		len = dhcp6_answer(subscriber, &parsed, &outgoing);
	}
	outgoing_send(subscriber, &outgoing, len);
}
