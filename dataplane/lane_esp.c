/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast lane of ESP from a LAC: what classify does for it, to a burst. Over IPv4, native or in UDP (RFC 3948), as the
 * burst's first frame is. From decryption on, the packets go the way of all ESP.
 */
#include "classify.h"
#include "lane_pattern.h"
#include "uplink.h"

#define NATT_PORT 4500
#define ESP_LEAST \
	14 /* SPI, sequence number, and what the pattern's length needs: no ESP is so short */

/*
 * A frame that the lane does not take: may those behind it overtake it? Not what may be ESP, with IP options, or written
 * with other tags, or in the other way of the two.
 */
static __rte_noinline bool esp_is_apart(
	const struct worker *w, const struct lane_l2 *l2, const struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, l2->length);

	if (lane_l2_is_other(w, l2, m) || m->data_len < LANE_LEAST)
		return true;
	if (((load64(ip - l2->length + 12) ^ l2->tags) & l2->mask) != 0 || m->nb_segs != 1)
		return false;
	if (m->data_len < l2->length + 20u + ESP_LEAST)
		return true;
	if (load16(ip - 2) != RTE_BE16(RTE_ETHER_TYPE_IPV4))
		return !frame_is_tag(load_be16(ip - 2));
	if (ip[0] != 0x45)
		return false;
	/* fragments wait for one another, what is not ESP is of other tunnels */
	return (load_be16(ip + 6) & 0x3fff) != 0 ||
		(ip[9] != IPPROTO_ESP &&
			(ip[9] != IPPROTO_UDP || load16(ip + 22) != RTE_BE16(NATT_PORT)));
}

static __rte_always_inline uint16_t esp_burst_of(struct worker *w, struct rte_mbuf **pkts,
	uint16_t n, const struct lane_l2 *l2, uint32_t udp, uint32_t our_address)
{
	const struct port *port = w->rx_port;
	const struct iface *iface = l2->iface;
	const uint64_t mac = port->mac_word;
	const uint32_t tags = l2->length - RTE_ETHER_HDR_LEN;
	struct rte_mbuf *esp[BURST];
	struct lane_pattern pattern;
	struct lane_rest rest = {.end = n};
	uint64_t bytes = 0;
	uint16_t taken = 0;

	lane_pattern_ip4(&pattern, l2, our_address, udp ? IPPROTO_UDP : IPPROTO_ESP);
	if (udp)
		lane_pattern_port(&pattern, NATT_PORT);
	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint8_t *frame = rte_pktmbuf_mtod_offset(m, uint8_t *, tags),
			*ip = frame + FRAME_IP;
		uint32_t room = m->data_len - l2->length, length = load_be16(ip + 2);
		bool ok = m->data_len >= l2->length + 20 + udp + ESP_LEAST && m->nb_segs == 1 &&
			(load64(frame - tags) & MAC_WORD_MASK) == mac &&
			lane_pattern_matches(&pattern, frame) && length <= room &&
			lane_ip4_checked(port, m, ip);

		if (udp) {
			uint32_t payload = load_be16(ip + 24);

			/* IKE has four zeros in place of an SPI; UDP's length counts, as for classify */
			ok = ok && payload + 20 <= length && load32(ip + 28) != 0;
			length = payload + 20;
		}
		if (unlikely(!ok || length < 20 + udp + ESP_LEAST)) {
			if (i > 0 && esp_is_apart(w, l2, m)) {
				rest.apart |= 1ull << i;
				continue;
			}
			rest.end = i;
			break;
		}

		struct meta *meta = meta_of(m);

		bytes += m->pkt_len;
		*meta = iface->blank;
		meta->arrival = w->id;
		meta->cls = CLASS_ESP;
		meta->l2_length = (uint8_t)l2->length;
		meta->l3_length = 20;
		meta->l2tp_offset = (uint16_t)(20 + udp);
		m->port = port->ethdev;
		m->data_off = (uint16_t)(m->data_off + l2->length);
		m->data_len = (uint16_t)length;
		m->pkt_len = length;
		esp[taken++] = m;
	}
	w->stats.iface[iface->index].rx_packets += taken;
	w->stats.iface[iface->index].rx_bytes += bytes;
	n = lane_rest_pack(&rest, pkts, n);
	if (likely(taken > 0))
		uplink_esp_burst(w, esp, taken);
	return n;
}

uint16_t lane_esp(struct worker *w, struct rte_mbuf **pkts, uint16_t n, const struct lane_l2 *l2)
{
	const struct iface_addresses *own =
		__atomic_load_n(&l2->iface->addresses, __ATOMIC_ACQUIRE);
	uint32_t our_address;

	if (own->n4 == 0)
		return n;
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(meta_of(pkts[i]));
	lane_fetch(pkts, n);
	our_address = lane_our_address(l2->iface, own, l2, pkts[0]);
	/* loops of their own, in which most offsets are constants */
	if (rte_pktmbuf_mtod_offset(pkts[0], const uint8_t *, l2->length)[9] == IPPROTO_UDP)
		return esp_burst_of(w, pkts, n, l2, 8, our_address);
	return esp_burst_of(w, pkts, n, l2, 0, our_address);
}
