/* SPDX-License-Identifier: BSD-3-Clause */
/* Any packet of link scope: what is read stays in it, and what is answered is itself a good packet. */
#include "router_adv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char domain[] = "isp.example", *domains[] = {domain};
	static const struct nd_former former = {.n_prefixes = ND_FORMER_MAX, .n_dns = ND_DNS_MAX};
	static const struct router_adv_link link = {
		.former = &former,
		.our_id = {0, 0, 0, 0, 0, 0, 0, 1},
		.mtu = 1280,
		.has_prefix = true,
		.prefix = {0x20, 1, 0xd, 0xb8},
		.dns = {{.family = 6, .bytes = {0x20, 1}}},
	};
	const struct config_ipv6 config = {
		.ra_interval = 600, .ra_lifetime = 1800, .domains = domains, .n_domains = 1};
	uint64_t counters[ROUTER_ADV_COUNTERS_N] = {0};
	/* exactly as much as is promised, so that one byte more is seen */
	uint8_t *bytes = malloc(size ? size : 1), *icmp, out[2048];
	struct ip6_packet packet;
	struct nd_message message;
	struct udp_datagram datagram;
	uint16_t checksum;
	size_t len;

	memcpy(bytes, data, size);
	if (!ip6_parse(bytes, size, &packet))
		goto done;
	if (udp6_parse(&packet, &datagram) &&
		datagram.payload + datagram.len > packet.payload + packet.len)
		abort();
	/* most inputs would not go beyond their checksum */
	icmp = bytes + IP6_HEADER_LEN;
	if (packet.next == IP6_NEXT_ICMPV6 && packet.len >= 4 && icmp[3] & 1) {
		icmp[2] = icmp[3] = 0;
		checksum = ip6_checksum(
			packet.source, packet.destination, packet.next, packet.payload, packet.len);
		icmp[2] = (uint8_t)(checksum >> 8);
		icmp[3] = (uint8_t)checksum;
	}
	len = router_adv_input(&config, &link, &packet, out, sizeof(out), counters);
	if (len > link.mtu)
		abort();
	if (len && (!ip6_parse(out, len, &packet) || nd_parse(&packet, &message)))
		abort();
done:
	free(bytes);
	return 0;
}
