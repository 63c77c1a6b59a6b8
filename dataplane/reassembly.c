/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Outer fragments become whole datagrams before anything looks at a tunnel or SPI.
 */
#include "reassembly.h"
#include "handoff.h"

#include <rte_hash_crc.h>
#include <rte_ip_frag.h>
#include <rte_malloc.h>
#include <rte_udp.h>

#include <netinet/in.h>

#define BUCKET_ENTRIES 8
#define DATAGRAM_MAX   65535
#define NATT_PORT      4500

/* How old what has to go is at least when a table is full: the pieces of a datagram come close together. */
static const uint32_t evict_us[] = {50000, 5000, 500};

struct reassembly {
	/*
	 * By VRF, NULL where no LAC is: an address and an id of one VRF are not those of another, which the
	 * library's key does not know.
	 */
	struct rte_ip_frag_tbl *tables[DATAPLANE_VRFS_MAX];
	uint64_t timeout, poll_interval, polled; /* TSC */
	struct rte_ip_frag_death_row dead;
};

struct reassembly *reassembly_create(
	const struct dataplane *dp, uint32_t max_datagrams, uint16_t timeout_ms, int socket)
{
	struct reassembly *r =
		rte_zmalloc_socket("reassembly", sizeof(*r), RTE_CACHE_LINE_SIZE, socket);
	uint64_t timeout = rte_get_tsc_hz() / 1000 * timeout_ms, vrfs = 0;

	if (r == NULL)
		return NULL;
	for (unsigned int i = 0; i < dp->n_ifaces; i++)
		if (dp->ifaces[i].role & IFACE_ACCESS)
			vrfs |= UINT64_C(1) << dp->ifaces[i].vrf;
	if (vrfs != 0)
		max_datagrams = RTE_MAX(max_datagrams / (uint32_t)__builtin_popcountll(vrfs), 1u);
	for (unsigned int vrf = 0; vrf < DATAPLANE_VRFS_MAX; vrf++) {
		if (!(vrfs >> vrf & 1))
			continue;
		/* twice the buckets that the datagrams need: a full bucket refuses what the table could hold */
		r->tables[vrf] =
			rte_ip_frag_table_create(RTE_MAX(max_datagrams / BUCKET_ENTRIES * 2, 8u),
				BUCKET_ENTRIES, max_datagrams, timeout, socket);
		if (r->tables[vrf] == NULL) {
			reassembly_destroy(r);
			return NULL;
		}
	}
	r->timeout = timeout;
	r->poll_interval = timeout / 8 + 1;
	return r;
}

void reassembly_destroy(struct reassembly *reassembly)
{
	if (reassembly == NULL)
		return;
	for (unsigned int vrf = 0; vrf < DATAPLANE_VRFS_MAX; vrf++)
		if (reassembly->tables[vrf] != NULL)
			rte_ip_frag_table_destroy(reassembly->tables[vrf]);
	rte_free(reassembly);
}

uint16_t reassembly_dispatch(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		const struct meta *meta = meta_of(pkts[i]);
		const uint8_t *ip = rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, meta->l2_length);
		uint32_t hash;

		if (ip[0] >> 4 == 4)
			hash = rte_hash_crc(ip + 12, 8, load16(ip + 4) | (uint32_t)meta->vrf << 16);
		else
			hash = rte_hash_crc(
				ip + 8, 32, load32(ip + meta->l3_length - 4) ^ meta->vrf);

		uint8_t target = (uint8_t)(((uint64_t)hash * w->n_workers) >> 32);

		if (target == w->id)
			pkts[kept++] = pkts[i];
		else
			handoff(w, pkts[i], target, HANDOFF_FRAGMENT);
	}
	return kept;
}

/* Frees what the library gave up. */
static void reassembly_bury(struct worker *w, enum drop_reason reason)
{
	struct rte_ip_frag_death_row *dead = &w->reassembly->dead;

	for (uint32_t i = 0; i < dead->cnt; i++)
		worker_drop(w, dead->row[i], reason);
	dead->cnt = 0;
}

/* All that began before that, the death row being shorter than a table. */
static bool reassembly_expire(
	struct worker *w, struct rte_ip_frag_tbl *table, uint64_t before, enum drop_reason reason)
{
	struct reassembly *r = w->reassembly;
	bool some = false;

	for (;;) {
		/* the library's clock, by which that is what has timed out */
		rte_ip_frag_table_del_expired_entries(table, &r->dead, before + r->timeout);
		if (r->dead.cnt == 0)
			return some;
		reassembly_bury(w, reason);
		some = true;
	}
}

/*
 * A table is full, of datagrams whose rest is on its way or, in a flood, never comes: the oldest make room, or a
 * few hundred pieces a second would keep all others out.
 */
static bool reassembly_evict(struct worker *w, struct rte_ip_frag_tbl *table)
{
	for (unsigned int i = 0; i < RTE_DIM(evict_us); i++)
		if (reassembly_expire(w, table, w->now - rte_get_tsc_hz() / 1000000 * evict_us[i],
			    DROP_FRAGMENT_TABLE_FULL))
			return true;
	return false;
}

/* What no single fragment may be, whatever the others are. */
static bool reassembly_fragment_valid(uint32_t offset, uint32_t length, bool more, uint32_t header)
{
	return length > 0 && (!more || length % 8 == 0) && header + offset + length <= DATAGRAM_MAX;
}

static struct rte_mbuf *reassembly_add4(
	struct reassembly *r, struct rte_mbuf *m, uint8_t *ip, uint64_t now)
{
	const struct meta *meta = meta_of(m);
	uint16_t field = load_be16(ip + 6);
	uint32_t length = load_be16(ip + 2) - meta->l3_length;

	if (!reassembly_fragment_valid(
		    (field & 0x1fffu) * 8, length, field & 0x2000, meta->l3_length))
		return m;
	return rte_ipv4_frag_reassemble_packet(
		r->tables[meta->vrf], &r->dead, m, now, (struct rte_ipv4_hdr *)ip);
}

static struct rte_mbuf *reassembly_add6(
	struct reassembly *r, struct rte_mbuf *m, uint8_t *ip, uint64_t now)
{
	const struct meta *meta = meta_of(m);
	struct rte_ipv6_fragment_ext *fragment = (struct rte_ipv6_fragment_ext *)(ip + 40);
	uint16_t field = load_be16(ip + 42);
	uint32_t length = load_be16(ip + 4) - 8;

	/* no transport needs other extension headers in front of the fragment header */
	if (meta->l3_length != 48 ||
		!reassembly_fragment_valid(field & 0xfff8u, length, field & 1, 0))
		return m;
	return rte_ipv6_frag_reassemble_packet(
		r->tables[meta->vrf], &r->dead, m, now, (struct rte_ipv6_hdr *)ip, fragment);
}

/* Why the library gave up what it did when this fragment was offered. */
static enum drop_reason reassembly_reason(
	const struct reassembly *r, const struct rte_mbuf *offered)
{
	/* nothing else: there was no room for its datagram. With others: it did not fit to them */
	for (uint32_t i = 0; i < r->dead.cnt; i++)
		if (r->dead.row[i] == offered)
			return r->dead.cnt == 1 ? DROP_FRAGMENT_TABLE_FULL : DROP_FRAGMENT_INVALID;
	return DROP_FRAGMENT_TIMEOUT; /* an old datagram made room */
}

static struct rte_mbuf *reassembly_offer(struct worker *w, struct rte_mbuf *m, uint8_t *ip)
{
	struct reassembly *r = w->reassembly;

	return ip[0] >> 4 == 4 ? reassembly_add4(r, m, ip, w->now)
			       : reassembly_add6(r, m, ip, w->now);
}

/* The datagram; m itself: a fragment that cannot be. NULL: it waits, or is gone. */
static struct rte_mbuf *reassembly_add(struct worker *w, struct rte_mbuf *m, uint8_t *ip)
{
	struct reassembly *r = w->reassembly;
	struct rte_mbuf *whole = reassembly_offer(w, m, ip);

	if (likely(r->dead.cnt == 0))
		return whole;
	if (reassembly_reason(r, m) == DROP_FRAGMENT_TABLE_FULL) {
		r->dead.cnt = 0;
		if (!reassembly_evict(w, r->tables[meta_of(m)->vrf])) {
			worker_drop(w, m, DROP_FRAGMENT_TABLE_FULL);
			return NULL;
		}
		whole = reassembly_offer(w, m, ip);
	}
	reassembly_bury(w, reassembly_reason(r, m));
	return whole;
}

/* What is decrypted in one piece; IKE, which shares ESP's port, is not. */
static bool reassembly_is_esp(const struct rte_mbuf *m)
{
	uint32_t l2 = meta_of((struct rte_mbuf *)(uintptr_t)m)->l2_length, buffer;
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, l2);
	uint32_t header = ip[0] >> 4 == 4 ? (ip[0] & 0x0f) * 4u : 40;
	uint8_t protocol = ip[0] >> 4 == 4 ? ip[9] : ip[6];
	const uint8_t *spi;

	if (protocol == IPPROTO_ESP)
		return true;
	if (protocol != IPPROTO_UDP || load_be16(ip + header + 2) != NATT_PORT)
		return false;
	/* RFC 3948, 2.2: four bytes of zero are no SPI */
	spi = rte_pktmbuf_read(
		m, l2 + header + sizeof(struct rte_udp_hdr), sizeof(buffer), &buffer);
	return spi != NULL && load32(spi) != 0;
}

/* Into one of the few buffers that have the room. NULL: none is left, or it is larger even than these. */
static struct rte_mbuf *reassembly_copy_large(struct worker *w, struct rte_mbuf *m)
{
	struct rte_mbuf *large = w->dp->large == NULL ? NULL : rte_pktmbuf_alloc(w->dp->large);
	uint32_t length = m->pkt_len;
	const uint8_t *data;

	if (large == NULL)
		return NULL;
	if (length + ESP_TAILROOM_MAX > rte_pktmbuf_tailroom(large)) {
		rte_pktmbuf_free(large);
		return NULL;
	}
	data = rte_pktmbuf_read(m, 0, length, rte_pktmbuf_mtod(large, void *));
	if (data != rte_pktmbuf_mtod(large, const uint8_t *))
		memcpy(rte_pktmbuf_mtod(large, void *), data, length);
	large->data_len = (uint16_t)length;
	large->pkt_len = length;
	large->port = m->port;
	*meta_of(large) = *meta_of(m);
	rte_pktmbuf_free(m);
	return large;
}

/*
 * A whole datagram as few and well-filled segments: stages expect the headers in the first one, where the
 * sender may have put eight bytes into each fragment. NULL: no buffers, m is freed.
 */
static struct rte_mbuf *reassembly_flatten(struct worker *w, struct rte_mbuf *m)
{
	if (m->nb_segs == 1 || rte_pktmbuf_linearize(m) == 0)
		return m;
	if (reassembly_is_esp(m)) {
		struct rte_mbuf *large = reassembly_copy_large(w, m);

		if (large != NULL)
			return large;
	}

	uint32_t done = 0, total = m->pkt_len;
	struct rte_mbuf *whole = NULL;

	while (done < total) {
		struct rte_mbuf *segment = rte_pktmbuf_alloc(w->pool);

		if (segment == NULL || (whole != NULL && rte_pktmbuf_chain(whole, segment) != 0)) {
			rte_pktmbuf_free(segment);
			rte_pktmbuf_free(whole);
			worker_drop(w, m, DROP_NO_MBUF);
			return NULL;
		}
		if (whole == NULL) {
			whole = segment;
			whole->port = m->port;
			*meta_of(whole) = *meta_of(m);
		}
		uint32_t part = RTE_MIN(total - done, (uint32_t)rte_pktmbuf_tailroom(segment));
		const uint8_t *data =
			rte_pktmbuf_read(m, done, part, rte_pktmbuf_mtod(segment, void *));

		if (data != rte_pktmbuf_mtod(segment, const uint8_t *))
			memcpy(rte_pktmbuf_mtod(segment, void *), data, part);
		segment->data_len = (uint16_t)part;
		if (segment != whole)
			whole->pkt_len += part;
		else
			whole->pkt_len = part;
		done += part;
	}
	rte_pktmbuf_free(m);
	return whole;
}

uint16_t reassembly_input(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t whole = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const struct meta *meta = meta_of(m);
		uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, meta->l2_length);
		bool v4 = ip[0] >> 4 == 4;

		m->l2_len = meta->l2_length;
		m->l3_len = meta->l3_length;

		struct rte_mbuf *result = reassembly_add(w, m, ip);

		if (result == NULL)
			continue;
		if (result == m && m->nb_segs == 1) {
			worker_drop(w, m, DROP_FRAGMENT_INVALID);
			continue;
		}
		if (result->pkt_len - result->l2_len > DATAGRAM_MAX) {
			worker_drop(w, result, DROP_FRAGMENT_INVALID);
			continue;
		}
		/* what the device verified were the parts */
		result->ol_flags &= RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT;
		result = reassembly_flatten(w, result);
		if (result == NULL)
			continue;
		ip = rte_pktmbuf_mtod_offset(result, uint8_t *, meta_of(result)->l2_length);
		if (v4)
			ip4_header_set_checksum(ip, (ip[0] & 0x0f) * 4u);
		w->stats.reassembled++;
		pkts[whole++] = result;
	}
	return whole;
}

void reassembly_poll(struct worker *w)
{
	struct reassembly *r = w->reassembly;

	if (w->now - r->polled < r->poll_interval)
		return;
	r->polled = w->now;
	for (unsigned int vrf = 0; vrf < DATAPLANE_VRFS_MAX; vrf++)
		if (r->tables[vrf] != NULL)
			reassembly_expire(
				w, r->tables[vrf], w->now - r->timeout, DROP_FRAGMENT_TIMEOUT);
}

void reassembly_empty(struct worker *w)
{
	for (unsigned int vrf = 0; vrf < DATAPLANE_VRFS_MAX; vrf++)
		if (w->reassembly->tables[vrf] != NULL)
			reassembly_expire(w, w->reassembly->tables[vrf],
				UINT64_MAX - w->reassembly->timeout, DROP_FRAGMENT_TIMEOUT);
	worker_free_dropped(w);
}
