/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The checks on an IP packet that is to be forwarded (RFC 1812, 5.2.2; RFC 8200; BCP 38).
 */
#include "ip_input.h"
#include "ip_check.h"
#include "mss.h"
#include "policy.h"
#include "punt.h"

#include <rte_ip.h>

#define VERDICT_PUNT (-2)

/* Source routes are refused (RFC 7126, 4.3 and 4.4), lists that do not add up too. */
static int ip4_options_check(const uint8_t *ip, uint32_t header)
{
	uint32_t i = 20;

	while (i < header) {
		if (ip[i] == 0)
			return DROP_NONE;
		if (ip[i] == 1) {
			i++;
			continue;
		}
		if ((ip[i] & 0x7f) == 3 || (ip[i] & 0x7f) == 9)
			return DROP_IP_OPTIONS;
		if (i + 1 >= header || ip[i + 1] < 2 || i + ip[i + 1] > header)
			return DROP_IP_HEADER;
		i += ip[i + 1];
	}
	return DROP_NONE;
}

static inline int ip4_check(struct rte_mbuf *m, const uint8_t *ip, bool checksum_verified)
{
	if (unlikely(m->data_len < sizeof(struct rte_ipv4_hdr)))
		return DROP_IP_HEADER;

	uint32_t header = (ip[0] & 0x0f) * 4u, total = load_be16(ip + 2);

	if (unlikely(ip[0] >> 4 != 4 || header < 20))
		return DROP_IP_HEADER;
	if (unlikely(total < header || total > m->pkt_len))
		return DROP_IP_LENGTH;
	if (unlikely(!checksum_verified && ip4_header_sum(ip, header) != 0xffff))
		return DROP_IP_CHECKSUM;
	if (unlikely(ip4_is_martian(ip + 16)))
		return DROP_IP_MARTIAN;
	if (unlikely(ip4_is_multicast(ip + 16) || ip4_is_link_local(ip + 16) ||
		    ip4_is_link_local(ip + 12)))
		return DROP_IP_LINK_LOCAL;
	/* Ethernet's padding, or what the LAC left behind the packet */
	if (unlikely(total != m->pkt_len))
		packet_trim(m, total);
	if (unlikely(header > 20))
		return ip4_options_check(ip, header);
	return DROP_NONE;
}

static inline int ip6_check(struct rte_mbuf *m, const uint8_t *ip)
{
	if (unlikely(m->data_len < sizeof(struct rte_ipv6_hdr) || ip[0] >> 4 != 6))
		return DROP_IP_HEADER;

	uint32_t total = sizeof(struct rte_ipv6_hdr) + load_be16(ip + 4);

	if (unlikely(total > m->pkt_len))
		return DROP_IP_LENGTH;
	if (unlikely(total != m->pkt_len))
		packet_trim(m, total);
	return DROP_NONE;
}

/*
 * Link scope on a subscriber's link: neighbour and router discovery, DHCPv6 with us (the control plane
 * tells by meta.session whose it is); everything else of that scope stays where it is.
 */
static inline int ip6_link_scope(const uint8_t *ip)
{
	const uint8_t *source = ip + 8, *destination = ip + 24;
	bool unspecified = load64(source) == 0 && load64(source + 8) == 0;

	if (ip6_is_link_local(destination) ||
		(destination[0] == 0xff && (destination[1] & 0x0f) == 2))
		return ip6_is_link_local(source) || unspecified ? VERDICT_PUNT : DROP_IP_LINK_LOCAL;
	if (destination[0] == 0xff || ip6_is_link_local(source))
		return DROP_IP_LINK_LOCAL;
	return DROP_NONE;
}

static inline int ip6_check_uplink(
	struct rte_mbuf *m, const struct session *session, const uint8_t *ip)
{
	int verdict = ip6_check(m, ip);

	if (unlikely(verdict != DROP_NONE))
		return verdict;
	verdict = ip6_link_scope(ip);
	if (unlikely(verdict != DROP_NONE))
		return verdict;
	if (unlikely(!session_is_source6(session, ip + 8)))
		return DROP_IP_SPOOFED;
	return unlikely(ip6_is_martian(ip + 24)) ? DROP_IP_MARTIAN : DROP_NONE;
}

static inline int ip4_check_uplink(
	struct rte_mbuf *m, const struct session *session, const uint8_t *ip)
{
	int verdict = ip4_check(m, ip, false);

	if (unlikely(verdict != DROP_NONE))
		return verdict;
	return likely(session_is_source4(session, load32(ip + 12))) ? DROP_NONE : DROP_IP_SPOOFED;
}

uint16_t ip_input_uplink(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct meta *meta = meta_of(m);
		struct session *session = session_at(w->sessions, meta->session);
		uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
		bool v4 = meta->inner_family == 4;
		int verdict = likely(v4) ? ip4_check_uplink(m, session, ip)
					 : ip6_check_uplink(m, session, ip);

		meta->vrf = session->vrf;
		if (likely(verdict == DROP_NONE) && unlikely(session->flags & SESSION_POLICY))
			verdict = policy_uplink(w, session, m->pkt_len);
		if (unlikely(verdict != DROP_NONE)) {
			if (verdict == VERDICT_PUNT) {
				punt_of_session(w, m, session, PUNT_LOCAL);
				continue;
			}
			session->state.up_drops++;
			worker_drop(w, m, (enum drop_reason)verdict);
			continue;
		}
		if (likely(session->flags & SESSION_MSS_CLAMP) &&
			unlikely(mss_clamp(session, ip, m->data_len, v4)))
			w->stats.mss_clamped++;
		if (likely(v4)) {
			session->counters.up_packets4++;
			session->counters.up_bytes4 += m->pkt_len;
		} else {
			session->counters.up_packets6++;
			session->counters.up_bytes6 += m->pkt_len;
		}
		pkts[kept++] = m;
	}
	w->stats.uplink_packets += kept;
	return kept;
}

uint16_t ip_input_downlink(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const struct meta *meta = meta_of(m);
		const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
		int verdict;

		if (likely(meta->inner_family == 4)) {
			uint64_t flags = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;

			verdict = flags == RTE_MBUF_F_RX_IP_CKSUM_BAD
				? DROP_IP_CHECKSUM
				: ip4_check(m, ip, flags == RTE_MBUF_F_RX_IP_CKSUM_GOOD);
			if (verdict == DROP_NONE &&
				unlikely(ip4_is_martian(ip + 12) || ip4_is_multicast(ip + 12)))
				verdict = DROP_IP_MARTIAN;
		} else {
			verdict = ip6_check(m, ip);
			if (verdict == DROP_NONE && unlikely(ip6_is_link_local(ip + 8)))
				verdict = DROP_IP_LINK_LOCAL;
			if (verdict == DROP_NONE &&
				unlikely(ip6_is_martian(ip + 8) || ip6_is_martian(ip + 24) ||
					ip[8] == 0xff))
				verdict = DROP_IP_MARTIAN;
		}
		if (likely(verdict == DROP_NONE))
			pkts[kept++] = m;
		else
			worker_drop(w, m, (enum drop_reason)verdict);
	}
	return kept;
}
