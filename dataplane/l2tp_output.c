/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Encapsulation from a session's template, and the way to the LAC.
 */
#include "l2tp_output.h"
#include "esp_output.h"
#include "ip_output.h"
#include "l2tp_input.h"
#include "path_table.h"
#include "punt.h"

#include <rte_ip.h>

#include <netinet/in.h>

#define DSCP_CS6 0xc0
uint16_t l2tp_output(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct meta *meta = meta_of(m);
		struct session *session = session_at(w->sessions, meta->session);
		const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
		uint32_t length = session->template_length, inner = m->pkt_len;
		bool v4 = meta->inner_family == 4;
		uint8_t traffic_class = v4 ? ip[1] : (uint8_t)(ip[0] << 4 | ip[1] >> 4);

		if (unlikely(inner + length > UINT16_MAX || m->data_off < OUTER_HEADROOM)) {
			session->state.down_drops++;
			worker_drop(w, m, DROP_IP_TOO_BIG);
			continue;
		}

		uint8_t *p = packet_prepend(m, (uint16_t)length);

		template_copy(p, session->template, length);
		/* the low byte of the protocol is the template's last, compressed or not */
		p[length - 1] = v4 ? 0x21 : 0x57;
		outer_finish(w, session, p, inner + length, traffic_class);
		meta->tunnel_id = session->tunnel_id;
		meta->flags |= META_OUTER;
		if (likely(v4)) {
			session->counters.down_packets4++;
			session->counters.down_bytes4 += inner;
		} else {
			session->counters.down_packets6++;
			session->counters.down_bytes6 += inner;
		}
		pkts[kept++] = m;
	}
	w->stats.downlink_packets += kept;
	return kept;
}

bool l2tp_output_frame(struct worker *w, struct rte_mbuf *m, struct session *session)
{
	struct meta *meta = meta_of(m);
	uint8_t bits = session->template[session->template_l2tp];
	uint32_t length = session->template_l2tp + 6u + (bits & L2TP_FLAG_LENGTH >> 8 ? 2 : 0) +
		(bits & L2TP_FLAG_SEQUENCE >> 8 ? 4 : 0);
	uint32_t total = length + m->pkt_len;

	if (total > UINT16_MAX || m->data_off < OUTER_HEADROOM)
		return false;

	uint8_t *p = packet_prepend(m, (uint16_t)length);

	template_copy(p, session->template, length);
	outer_finish(w, session, p, total, DSCP_CS6);
	meta->tunnel_id = session->tunnel_id;
	/* META_PRIORITY stays */
	meta->flags |= META_OUTER;
	return true;
}

uint32_t outer_target(
	const struct worker *w, uint16_t vrf, uint8_t family, const uint8_t *peer, uint32_t flow)
{
	const struct fib *fib = w->fibs[vrf];
	uint32_t target = family == 4 ? fib_lookup4(fib, load32(peer)) : fib_lookup6(fib, peer);

	if (fib_target_type(target) == FIB_GROUP)
		target = group_target(w->groups, fib_target_index(target), flow * 0x9e3779b1u);
	return target;
}

void outer_resolve(struct worker *w, struct outer_memo *memo, uint16_t tunnel_id)
{
	const struct tunnel *tunnel = tunnel_lookup(w->sessions, tunnel_id);

	*memo = (struct outer_memo){
		.turn = w->turn,
		.adjacency = ADJACENCY_NONE,
		.tunnel_id = tunnel_id,
		.punt_iface = INTERFACE_NONE,
	};
	if (tunnel == NULL)
		return;

	const struct tunnel_path *path = &tunnel->path;

	/*
	 * RFC 2661, 8.1, leaves it to us on IPv4; RFC 8200, 8.1, does not. ESP protects better, and behind
	 * a NAT the peer would have to ignore it (RFC 3948, 3.1.2).
	 */
	memo->sa_group = path->sa_group;
	memo->udp_checksum = path->family == 6 ||
		((tunnel->flags & TUNNEL_UDP_CHECKSUM) && path->sa_group == 0);
	if (path->sa_group != 0)
		return;

	const struct path_table *paths = path_table(w->dp);
	/* all of a tunnel one way: the LAC sees no reordering */
	uint32_t target = outer_target(w, path->vrf, path->family, path->peer, tunnel_id);

	if (fib_target_type(target) == FIB_GLEAN) {
		memo->punt_iface = (uint8_t)fib_target_index(target);
	} else if (fib_target_type(target) == FIB_ADJACENCY) {
		const struct adjacency *adjacency =
			adjacency_at(w->adjacencies, fib_target_index(target));

		memo->adjacency = fib_target_index(target);
		memo->mtu = adjacency->mtu;
		if (unlikely(paths != NULL && path->family == 6))
			memo->mtu = path_table_mtu(
				paths, w->ifaces[adjacency->iface].vrf, path->peer, memo->mtu);
		memo->udp_offload = adjacency_l2(adjacency) != NULL &&
			w->ports[w->ifaces[adjacency->iface].port].tx_udp_checksum;
	}
}

static uint16_t outer_pseudo_header_sum(const uint8_t *ip, uint32_t l3, uint32_t length)
{
	uint64_t sum = rte_cpu_to_be_32(length) + (uint64_t)rte_cpu_to_be_32(IPPROTO_UDP);

	sum += l3 == 20 ? rte_raw_cksum(ip + 12, 8) : rte_raw_cksum(ip + 8, 32);
	return checksum_fold(sum);
}

static void outer_checksum(struct rte_mbuf *m, bool offload)
{
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t l3 = ip[0] >> 4 == 4 ? 20 : 40, length = m->pkt_len - l3;
	uint16_t pseudo = outer_pseudo_header_sum(ip, l3, length), payload;

	store16(ip + l3 + 6, 0);
	if (offload) {
		/* the device finishes what the pseudo-header begins; ip_output knows the L2 length */
		store16(ip + l3 + 6, pseudo);
		m->l3_len = l3;
		m->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM |
			(l3 == 20 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6);
		return;
	}
	if (rte_raw_cksum_mbuf(m, l3, length, &payload) != 0)
		return;

	uint16_t checksum = (uint16_t)~checksum_fold((uint64_t)pseudo + payload);

	store16(ip + l3 + 6, checksum == 0 ? 0xffff : checksum); /* RFC 768: zero means none */
}

void outer_checksum_finish(struct rte_mbuf *m)
{
	if ((m->ol_flags & RTE_MBUF_F_TX_L4_MASK) != RTE_MBUF_F_TX_UDP_CKSUM)
		return;
	m->ol_flags &= ~(RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6);
	outer_checksum(m, false);
}

void outer_send(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *protect[BURST];
	uint16_t kept = 0, n_protect = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct meta *meta = meta_of(m);
		const struct outer_memo *memo = outer_memo(w, meta->tunnel_id);

		/* set by a device on reception: none of it is about the outer packet but whose the memory is */
		m->ol_flags &= RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT;
		if (unlikely(memo->udp_checksum))
			outer_checksum(m, memo->udp_offload && m->pkt_len <= memo->mtu);
		if (unlikely(memo->sa_group != 0)) {
			meta->sa_group = memo->sa_group;
			protect[n_protect++] = m;
			continue;
		}
		meta->adjacency = memo->adjacency;
		if (likely(memo->adjacency != ADJACENCY_NONE)) {
			pkts[kept++] = m;
		} else if (memo->punt_iface != INTERFACE_NONE) {
			meta->iface = memo->punt_iface;
			punt_unresolved(w, m);
		} else {
			worker_drop(w, m, DROP_IP_NO_ROUTE);
		}
	}
	ip_output(w, pkts, kept);
	if (n_protect > 0)
		esp_output(w, protect, n_protect);
}
