/* SPDX-License-Identifier: BSD-3-Clause */
/* The paths of their own that AES-GCM has do the same as the one for everything, to whatever comes. */
#include "esp_rig.h"
#include "esp_burst.h"

#include <rte_cpuflags.h>
#include <rte_ip.h>

#include <sys/mman.h>
#include <unistd.h>

#define MANY   150
#define ROUNDS 300

TestSuite(esp_gcm, .init = rig_init, .fini = rig_fini);

static uint32_t below(uint32_t n)
{
	return (uint32_t)(rig_random() >> 30) % n;
}

/*
 * The path for everything looks at the window for the whole burst, then decrypts, then looks again; that of AES-GCM
 * packet by packet. So where one says replayed or old, the other may have found it not authentic first.
 */
static bool rejects_agree(unsigned int a, unsigned int b)
{
	static const uint64_t alike = 1 << ESP_REJECT_ICV | 1 << ESP_REJECT_REPLAYED |
		1 << ESP_REJECT_OLD;

	return a == b || ((alike >> a & 1) != 0 && (alike >> b & 1) != 0);
}

static void states_equal(const struct sa *a, const struct sa *b)
{
	uint64_t alike = 0;

	cr_assert_eq(a->state.packets, b->state.packets);
	cr_assert_eq(a->state.bytes, b->state.bytes);
	cr_assert_eq(a->state.sequence, b->state.sequence);
	for (unsigned int i = 0; i < ESP_REJECTS; i++) {
		if (rejects_agree(i, ESP_REJECT_ICV))
			alike += a->state.rejects[i] - b->state.rejects[i];
		else
			cr_assert_eq(a->state.rejects[i], b->state.rejects[i], "%s",
				esp_reject_name((enum esp_reject)i));
	}
	cr_assert_eq(alike, 0);
}

/* A packet to be protected: mostly what is usual. */
static struct rte_mbuf *plain_packet(void)
{
	uint32_t kind = below(20), length = below(8) == 0 ? below(1400) : below(100);
	struct rte_mbuf *m = rig_packet(kind == 0 ? 6 : 4, IPPROTO_UDP, length + 24);
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

	if (kind == 1) { /* with options */
		ip[0] = 0x46;
		memset(ip + 10, 0, 2);
		memcpy(ip + 10, &(uint16_t){(uint16_t)~rte_raw_cksum(ip, 24)}, 2);
	} else if (kind == 2) {
		ip[0] = 0x15; /* no IP */
	} else if (kind == 3) {
		rte_pktmbuf_trim(m, (uint16_t)(m->data_len - 1 - below(20)));
	}
	return m;
}

static struct rte_mbuf *copy(const struct rte_mbuf *from)
{
	static uint8_t bytes[RIG_ROOM];
	uint32_t n = rig_bytes(from, bytes), first = n;
	struct rte_mbuf *m, *second;

	if (from->nb_segs == 1)
		return rig_copy(bytes, n, from->data_off - RTE_PKTMBUF_HEADROOM);
	first = from->data_len;
	m = rig_copy(bytes, first, from->data_off - RTE_PKTMBUF_HEADROOM);
	second = rig_copy(bytes + first, n - first, 0);
	cr_assert_eq(rte_pktmbuf_chain(m, second), 0);
	return m;
}

static void packets_equal(const struct rte_mbuf *a, const struct rte_mbuf *b)
{
	static uint8_t x[RIG_ROOM], y[RIG_ROOM];
	uint32_t n = rig_bytes(a, x);

	cr_assert_eq(rig_bytes(b, y), n);
	cr_assert_eq(a->data_off, b->data_off);
	cr_assert_eq(a->pkt_len, b->pkt_len);
	cr_assert_eq(memcmp(x, y, n), 0);
}

static void burst_compare(struct rte_mbuf **a, struct rte_mbuf **b, const struct esp_result *ra,
	const struct esp_result *rb, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		cr_assert(rejects_agree(ra[i].reject, rb[i].reject), "packet %u: %s, %s", i,
			esp_reject_name((enum esp_reject)ra[i].reject),
			esp_reject_name((enum esp_reject)rb[i].reject));
		if (ra[i].reject == ESP_ACCEPTED) {
			packets_equal(a[i], b[i]);
			cr_assert_eq(ra[i].next_header, rb[i].next_header);
			cr_assert_eq(ra[i].peer_port, rb[i].peer_port);
		}
	}
}

static void outbound_compare(esp_burst_function *outbound)
{
	uint64_t accepted = 0;

	for (int round = 0; round < ROUNDS; round++) {
		struct sa_params params = rig_params((size_t)round % 3, SA_OUTBOUND);
		uint16_t n = (uint16_t)(1 + below(MANY));
		struct rte_mbuf *a[MANY], *b[MANY];
		struct esp_result ra[MANY], rb[MANY];

		params.esn = below(2);
		params.encap = below(2);
		params.encap_source = 4500;
		params.encap_destination = 61000;
		params.sequence = params.esn ? UINT32_MAX - below(100) : below(1000);
		params.sequence_limit = params.sequence + (below(3) == 0 ? below(MANY) : MANY);
		params.iv_base = rig_random() >> 1;

		struct sa *sa = rig_sa(&params), *other = rig_sa(&params);

		for (uint16_t i = 0; i < n; i++) {
			a[i] = plain_packet();
			b[i] = copy(a[i]);
		}
		memset(ra, 0, sizeof(ra));
		memset(rb, 0, sizeof(rb));

		uint16_t got = outbound(rig_engine, sa, a, n, ra);

		cr_assert_eq(got, outbound_any(rig_engine, other, b, n, rb));
		accepted += got;
		burst_compare(a, b, ra, rb, n);
		states_equal(sa, other);
		rte_pktmbuf_free_bulk(a, n);
		rte_pktmbuf_free_bulk(b, n);
		sa_destroy(rig_store, sa);
		sa_destroy(rig_store, other);
	}
	cr_assert_gt(accepted, ROUNDS * MANY / 4);
}

Test(esp_gcm, outbound_does_the_same, .timeout = 100)
{
	outbound_compare(outbound_gcm);
}

/* The CPU has what our own arithmetic needs, and that agreed with libipsec-mb's. */
static bool own_arithmetic(void)
{
	return rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512VL) > 0 &&
		rte_cpu_get_flag_enabled(RTE_CPUFLAG_VAES) > 0 && gcm_vaes_agrees(rig_engine);
}

Test(esp_gcm, outbound_of_our_own_does_the_same, .timeout = 100)
{
	if (!own_arithmetic())
		cr_skip_test("this CPU lacks AVX-512 or VAES");
	outbound_compare(outbound_gcm_vaes);
}

/* Something happens to a packet on its way. */
static void packet_harm(struct rte_mbuf *m)
{
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

	switch (below(16)) {
	case 0:
		ip[m->data_len - 1 - below(m->data_len)] ^= (uint8_t)(1 + below(255));
		break;
	case 1:
		rte_pktmbuf_trim(m, (uint16_t)below(m->data_len));
		break;
	case 2:
		ip[9] = IPPROTO_TCP;
		break;
	default:
		break;
	}
}

static void inbound_compare(esp_burst_function *inbound)
{
	uint64_t accepted = 0, refused[ESP_REJECTS] = {0};

	for (int round = 0; round < ROUNDS; round++) {
		struct sa_params params = rig_params((size_t)round % 3, SA_OUTBOUND);
		uint16_t n = (uint16_t)(1 + below(MANY)), n_sealed = 0;
		struct rte_mbuf *a[MANY], *b[MANY];
		struct esp_result ra[MANY], rb[MANY];

		params.esn = below(2);
		params.encap = below(2);
		params.encap_source = 61000;
		params.encap_destination = 4500;
		params.sequence = params.esn ? UINT32_MAX - below(100) : below(1000);

		struct sa *out = rig_sa(&params);

		params.direction = SA_INBOUND;
		params.window = below(2) ? 64 : 32;
		params.next_header = below(2) ? IPPROTO_UDP : 0;

		struct sa *sa = rig_sa(&params), *other = rig_sa(&params);

		for (uint16_t i = 0; i < n; i++) {
			struct rte_mbuf *m =
				below(12) == 0 && n_sealed > 0 ? copy(a[below(n_sealed)]) : NULL;

			if (m == NULL) {
				m = plain_packet();
				esp_outbound_burst(rig_engine, out, &m, 1, &ra[0]);
			}
			a[n_sealed++] = m; /* twice, or sealed, or never sealed since it is none */
		}
		/* neighbours and those further apart change places */
		for (uint16_t i = 0; i < n; i++) {
			uint16_t k = (uint16_t)(below(4) == 0 ? (i + below(100)) % n : i);
			struct rte_mbuf *m = a[i];

			a[i] = a[k];
			a[k] = m;
		}
		for (uint16_t i = 0; i < n; i++) {
			packet_harm(a[i]);
			b[i] = copy(a[i]);
		}
		memset(ra, 0, sizeof(ra));
		memset(rb, 0, sizeof(rb));

		uint16_t got = inbound(rig_engine, sa, a, n, ra);

		cr_assert_eq(got, inbound_any(rig_engine, other, b, n, rb));
		accepted += got;
		burst_compare(a, b, ra, rb, n);
		states_equal(sa, other);
		cr_assert_eq(sa->state.replay.top, other->state.replay.top);
		cr_assert_eq(memcmp(sa->ring, other->ring, replay_ring_size(params.window)), 0);
		for (int i = 0; i < ESP_REJECTS; i++)
			refused[i] += sa->state.rejects[i];
		rte_pktmbuf_free_bulk(a, n);
		rte_pktmbuf_free_bulk(b, n);
		sa_destroy(rig_store, sa);
		sa_destroy(rig_store, other);
		sa_destroy(rig_store, out);
	}
	cr_assert_gt(accepted, ROUNDS * MANY / 8);
	cr_assert_gt(refused[ESP_REJECT_ICV], 0);
	cr_assert_gt(refused[ESP_REJECT_REPLAYED], 0);
	cr_assert_gt(refused[ESP_REJECT_OLD], 0);
	cr_assert_gt(refused[ESP_REJECT_TRUNCATED], 0);
	cr_assert_gt(refused[ESP_REJECT_ENCAPSULATION], 0);
}

Test(esp_gcm, inbound_does_the_same, .timeout = 100)
{
	inbound_compare(inbound_gcm);
}

Test(esp_gcm, inbound_of_our_own_does_the_same, .timeout = 100)
{
	if (!own_arithmetic())
		cr_skip_test("this CPU lacks AVX-512 or VAES");
	inbound_compare(inbound_gcm_vaes);
}

/* Every length up to 3000, then some up to 9000: sealed by our own, opened by libipsec-mb, and the other way round. */
Test(esp_gcm, every_length_passes_between_the_two, .timeout = 100)
{
	if (!own_arithmetic())
		cr_skip_test("this CPU lacks AVX-512 or VAES");
	for (size_t algorithm = 0; algorithm < 3; algorithm++) {
		struct sa_params params = rig_params(algorithm, SA_OUTBOUND);

		params.esn = algorithm == 1;

		struct sa *out = rig_sa(&params);

		params.direction = SA_INBOUND;

		struct sa *in = rig_sa(&params);

		for (uint32_t length = 24; length <= 9000; length += length < 3000 ? 1 : 61) {
			static uint8_t before[RIG_ROOM], after[RIG_ROOM];
			bool own = length & 1;
			struct rte_mbuf *m = rig_packet(4, IPPROTO_UDP, length);
			struct esp_result result;
			uint32_t n = rig_bytes(m, before);

			cr_assert_eq((own ? outbound_gcm_vaes : outbound_gcm)(
					     rig_engine, out, &m, 1, &result),
				1);
			cr_assert_eq((own ? inbound_gcm : inbound_gcm_vaes)(
					     rig_engine, in, &m, 1, &result),
				1, "%u bytes", length);
			cr_assert_eq(rig_bytes(m, after), n);
			cr_assert_eq(memcmp(before, after, n), 0, "%u bytes", length);
			rte_pktmbuf_free(m);
		}
		sa_destroy(rig_store, out);
		sa_destroy(rig_store, in);
	}
}

/* Moves a packet so that this many bytes of its buffer are left behind it. */
static void tailroom_set(struct rte_mbuf *m, uint16_t left)
{
	uint16_t offset = (uint16_t)(m->buf_len - m->data_len - left);

	memmove((uint8_t *)m->buf_addr + offset, rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
	m->data_off = offset;
}

/* A buffer like those of the pool, but at its end the memory ends: whoever goes on is found out. */
static struct {
	uint8_t *mapped, *buffer;
	size_t size;
	uint16_t length;
	struct rte_mbuf_ext_shared_info info;
} edge;

static void edge_kept(void *buffer, void *unused)
{
	(void)buffer;
	(void)unused;
}

static void edge_init(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	edge.length = rte_pktmbuf_data_room_size(rig_pool);
	edge.size = RTE_ALIGN_CEIL(edge.length, page);
	edge.mapped = mmap(
		NULL, edge.size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(edge.mapped, MAP_FAILED);
	cr_assert_eq(mprotect(edge.mapped + edge.size, page, PROT_NONE), 0);
	edge.buffer = edge.mapped + edge.size - edge.length;
	edge.info.free_cb = edge_kept;
}

/* The packet in that buffer; one at a time. */
static struct rte_mbuf *edge_copy(const struct rte_mbuf *from)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_pool);

	cr_assert_not_null(m);
	rte_mbuf_ext_refcnt_set(&edge.info, 1);
	rte_pktmbuf_attach_extbuf(m, edge.buffer, RTE_BAD_IOVA, edge.length, &edge.info);
	m->data_off = from->data_off;
	m->data_len = from->data_len;
	m->pkt_len = from->pkt_len;
	rig_bytes(from, rte_pktmbuf_mtod(m, uint8_t *));
	return m;
}

/*
 * Whole groups of 64 bytes are read and written: at that distance from the buffer's end a packet is still taken, one
 * byte nearer to it is left to the path for everything, and the outcome is the same.
 */
static void ends_compare(esp_burst_function *outbound, esp_burst_function *inbound)
{
	struct sa_params params = rig_params(0, SA_OUTBOUND);
	struct sa *out = rig_sa(&params), *other_out = rig_sa(&params), *in, *other_in;

	edge_init();
	params.direction = SA_INBOUND;
	in = rig_sa(&params);
	other_in = rig_sa(&params);
	for (uint32_t length = 24; length < 600; length += length < 200 ? 1 : 13)
		for (uint16_t left = 0; left < 100; left++) {
			struct rte_mbuf *b = rig_packet(4, IPPROTO_UDP, length), *a;
			struct esp_result ra = {0}, rb = {0};

			tailroom_set(b, left);
			a = edge_copy(b);
			cr_assert_eq(rte_pktmbuf_tailroom(a), left);
			cr_assert_eq(outbound(rig_engine, out, &a, 1, &ra),
				outbound_any(rig_engine, other_out, &b, 1, &rb));
			burst_compare(&a, &b, &ra, &rb, 1);
			if (ra.reject == ESP_ACCEPTED) {
				tailroom_set(a, left);
				tailroom_set(b, left);
				cr_assert_eq(inbound(rig_engine, in, &a, 1, &ra), 1, "%u, %u left",
					length, left);
				cr_assert_eq(inbound_any(rig_engine, other_in, &b, 1, &rb), 1);
				burst_compare(&a, &b, &ra, &rb, 1);
			}
			rte_pktmbuf_free(a);
			rte_pktmbuf_free(b);
		}
	states_equal(out, other_out);
	states_equal(in, other_in);
	cr_assert_gt(in->state.packets, 10000);
	sa_destroy(rig_store, out);
	sa_destroy(rig_store, other_out);
	sa_destroy(rig_store, in);
	sa_destroy(rig_store, other_in);
	munmap(edge.mapped, edge.size + (size_t)sysconf(_SC_PAGESIZE));
}

Test(esp_gcm, nothing_behind_the_buffer_is_touched, .timeout = 100)
{
	ends_compare(outbound_gcm, inbound_gcm);
}

Test(esp_gcm, nothing_behind_the_buffer_is_touched_by_our_own, .timeout = 100)
{
	if (!own_arithmetic())
		cr_skip_test("this CPU lacks AVX-512 or VAES");
	ends_compare(outbound_gcm_vaes, inbound_gcm_vaes);
}
