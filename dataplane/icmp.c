/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP and ICMPv6 errors that a router owes (RFC 792, 1812 4.3.2, 4443).
 */
#include "icmp.h"

#include <rte_ip.h>

#include <netinet/in.h>

#define ICMP_HEADER     8
#define ICMP4_TOTAL_MAX 576  /* RFC 1812, 4.3.2.3 */
#define ICMP6_TOTAL_MAX 1280 /* RFC 4443, 2.4 (c) */
#define ICMP_TTL        64
#define TOS_CS6         0xc0 /* RFC 1812, 4.3.2.5: precedence 6 */

static const struct {
	uint8_t type, code;
} icmp4_errors[ICMP_ERRORS] =
	{
		[ICMP_ERROR_TTL] = {11, 0},
		[ICMP_ERROR_TOO_BIG] = {3, 4},
		[ICMP_ERROR_NET] = {3, 0},
		[ICMP_ERROR_HOST] = {3, 1},
		[ICMP_ERROR_PROHIBITED] = {3, 13},
},
  icmp6_errors[ICMP_ERRORS] = {
	  [ICMP_ERROR_TTL] = {3, 0},
	  [ICMP_ERROR_TOO_BIG] = {2, 0},
	  [ICMP_ERROR_NET] = {1, 0},
	  [ICMP_ERROR_HOST] = {1, 3},
	  [ICMP_ERROR_PROHIBITED] = {1, 1},
};

/* RFC 1812, 4.3.2.7: what is never answered. */
static bool icmp4_may_answer(const struct rte_mbuf *m, const uint8_t *ip)
{
	uint32_t header = (ip[0] & 0x0f) * 4u;
	const uint8_t *source = ip + 12, *destination = ip + 16;

	if ((load_be16(ip + 6) & 0x1fff) != 0)
		return false;
	if (source[0] == 0 || source[0] == 127 || source[0] >= 224 || destination[0] >= 224)
		return false;
	if (ip[9] != IPPROTO_ICMP)
		return true;
	if (m->data_len < header + 1)
		return false;

	uint8_t type = ip[header]; /* queries: echo, timestamp, information, address mask */

	return type == 0 || type == 8 || (type >= 13 && type <= 18);
}

/* RFC 4443, 2.4 (e). */
static bool icmp6_may_answer(const struct rte_mbuf *m, const uint8_t *ip)
{
	const uint8_t *source = ip + 8, *destination = ip + 24;

	if (source[0] == 0xff || destination[0] == 0xff ||
		(load64(source) == 0 && load64(source + 8) == 0))
		return false;
	if (source[0] == 0xfe && (source[1] & 0xc0) == 0x80)
		return false;

	/* an error may stand behind extension headers; a fragment that is not the first tells nothing */
	uint8_t next = ip[6];
	uint32_t offset = 40;

	while (next == IPPROTO_HOPOPTS || next == IPPROTO_DSTOPTS || next == IPPROTO_ROUTING ||
		next == IPPROTO_FRAGMENT) {
		if (offset + 8 > m->data_len || offset > PACKET_HEAD_INNER)
			return false;
		if (next == IPPROTO_FRAGMENT && (load_be16(ip + offset + 2) & 0xfff8) != 0)
			return false;

		uint32_t length = next == IPPROTO_FRAGMENT ? 8 : 8u + 8u * ip[offset + 1];

		next = ip[offset];
		offset += length;
	}
	if (next != IPPROTO_ICMPV6)
		return true;
	return offset < m->data_len && (ip[offset] & 0x80) != 0 && ip[offset] != 137;
}

static bool icmp_source_of_iface(
	const struct worker *w, unsigned int i, uint16_t vrf, bool v4, uint8_t *address)
{
	const struct iface_addresses *list =
		__atomic_load_n(&w->ifaces[i].addresses, __ATOMIC_ACQUIRE);

	if (w->ifaces[i].vrf != vrf)
		return false;
	if (v4 && list->n4 > 0) {
		store32(address, list->v4[0]);
		return true;
	}
	for (unsigned int j = 0; !v4 && j < list->n6; j++) {
		if (list->v6[j][0] == 0xfe)
			continue;
		memcpy(address, list->v6[j], 16);
		return true;
	}
	return false;
}

static bool icmp_source_of_vrf(const struct worker *w, uint16_t vrf, bool v4, uint8_t *address)
{
	const struct icmp_source *source =
		__atomic_load_n(&w->dp->icmp_sources[vrf], __ATOMIC_ACQUIRE);

	if (source == NULL || (v4 ? source->v4 == 0 : !source->has_v6))
		return false;
	if (v4)
		store32(address, source->v4);
	else
		memcpy(address, source->v6, 16);
	return true;
}

/*
 * The address that the error comes from (RFC 1812 4.3.2.4): to a subscriber our end of its link, to
 * others the interface that the packet came in on. The link's end may be a carrier's NAT address, which
 * the internet would filter, and with it the fragmentation needed.
 */
static bool icmp_source(struct worker *w, const struct meta *meta, bool v4, uint8_t *address)
{
	if ((meta->flags & META_UPLINK) && icmp_source_of_vrf(w, meta->vrf, v4, address))
		return true;
	if (meta->iface < w->dp->n_ifaces &&
		icmp_source_of_iface(w, meta->iface, meta->vrf, v4, address))
		return true;
	for (unsigned int i = 0; i < w->dp->n_ifaces; i++)
		if (icmp_source_of_iface(w, i, meta->vrf, v4, address))
			return true;
	return icmp_source_of_vrf(w, meta->vrf, v4, address);
}

static void icmp_put4(uint8_t *p, const uint8_t *ip, const uint8_t *source, enum icmp_error error,
	uint16_t mtu, uint16_t quoted, uint16_t id)
{
	uint8_t *icmp = p + 20;
	uint16_t total = 20 + ICMP_HEADER + quoted;

	memset(p, 0, 20 + ICMP_HEADER);
	p[0] = 0x45;
	p[1] = TOS_CS6;
	store_be16(p + 2, total);
	store_be16(p + 4, id);
	p[8] = ICMP_TTL;
	p[9] = IPPROTO_ICMP;
	memcpy(p + 12, source, 4);
	memcpy(p + 16, ip + 12, 4);
	ip4_header_set_checksum(p, 20);
	icmp[0] = icmp4_errors[error].type;
	icmp[1] = icmp4_errors[error].code;
	store_be16(icmp + 6, mtu); /* RFC 1191; zero with the others */
	store16(icmp + 2, (uint16_t)~rte_raw_cksum(icmp, ICMP_HEADER + quoted));
}

static void icmp_put6(uint8_t *p, const uint8_t *ip, const uint8_t *source, enum icmp_error error,
	uint16_t mtu, uint16_t quoted)
{
	uint8_t *icmp = p + 40;
	uint32_t length = ICMP_HEADER + quoted;

	memset(p, 0, 40 + ICMP_HEADER);
	p[0] = 0x60 | TOS_CS6 >> 4;
	store_be16(p + 4, (uint16_t)length);
	p[6] = IPPROTO_ICMPV6;
	p[7] = ICMP_TTL;
	memcpy(p + 8, source, 16);
	memcpy(p + 24, ip + 8, 16);
	icmp[0] = icmp6_errors[error].type;
	icmp[1] = icmp6_errors[error].code;
	store_be16(icmp + 6, mtu);

	/* the pseudo-header: both addresses, length, next header */
	uint64_t sum = (uint64_t)rte_cpu_to_be_32(length) + rte_cpu_to_be_32(IPPROTO_ICMPV6) +
		rte_raw_cksum(icmp, length) + rte_raw_cksum(p + 8, 32);

	store16(icmp + 2, (uint16_t)~checksum_fold(sum));
}

void icmp_error(struct worker *w, const struct rte_mbuf *m, enum icmp_error error, uint16_t mtu)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct meta *meta = meta_of((struct rte_mbuf *)(uintptr_t)m);
	bool v4 = meta->inner_family == 4;
	uint16_t header = v4 ? 20 : 40;
	uint16_t quoted = (uint16_t)RTE_MIN(
		m->pkt_len, (v4 ? ICMP4_TOTAL_MAX : ICMP6_TOTAL_MAX) - header - ICMP_HEADER);
	uint8_t source[16];

	if (v4 ? !icmp4_may_answer(m, ip) : !icmp6_may_answer(m, ip))
		return;
	if (!icmp_source(w, meta, v4, source))
		return;
	/* as many as a turn takes; the bucket is smaller but for a rate beyond reason */
	if (w->n_local_out == LOCAL_OUT_MAX ||
		!token_bucket_take(
			error == ICMP_ERROR_TOO_BIG ? &w->too_big_tokens : &w->icmp_tokens,
			w->now)) {
		w->stats.drops[DROP_ICMP_RATE]++;
		return;
	}

	struct rte_mbuf *answer = rte_pktmbuf_alloc(w->pool);

	if (answer == NULL) {
		w->stats.drops[DROP_NO_MBUF]++;
		return;
	}

	uint8_t *p = (uint8_t *)rte_pktmbuf_append(answer, header + ICMP_HEADER + quoted);
	const uint8_t *quote = rte_pktmbuf_read(m, 0, quoted, p + header + ICMP_HEADER);

	if (quote != p + header + ICMP_HEADER)
		memcpy(p + header + ICMP_HEADER, quote, quoted);
	if (v4)
		icmp_put4(p, ip, source, error, mtu, quoted, worker_ip_id(w));
	else
		icmp_put6(p, ip, source, error, mtu, quoted);
	*meta_of(answer) = (struct meta){
		.vrf = meta->vrf,
		.flags = META_LOCAL,
		.inner_family = v4 ? 4 : 6,
		.session = SESSION_NONE,
		.sa = SA_NONE,
		.adjacency = ADJACENCY_NONE,
	};
	w->stats.icmp_sent++;
	w->local_out[w->n_local_out++] = answer;
}
