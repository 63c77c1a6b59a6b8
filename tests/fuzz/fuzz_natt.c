/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What reaches us on UDP port 4500 and as ESP, through a whole dataplane with SAs in it.
 *
 * Input: up to 8 times { flags, SA, length (two bytes, high first), bytes }. The bytes are the payload of UDP port
 * 4500, of ESP, or a whole IP packet, which a peer that has the keys may seal. Whatever it is: every packet leaves
 * by an interface or a punt ring or is dropped under a name, none stays behind, none is read beyond its end
 * (what is not sealed), and no SA accepts what was not sealed.
 */
#define RIG_FUZZ
#include "../unit/esp_path_rig.h"

#include <sanitizer/asan_interface.h>

#define PACKETS_MAX 8
#define BYTES_MAX   1800

enum {
	FLAG_SEAL = 1,     /* bytes are an IP packet, sealed by the SA's peer */
	FLAG_ESP = 2,      /* bytes stand behind an IP header with protocol 50, else in UDP 4500 */
	FLAG_SPI = 4,      /* the SA's SPI is written where ESP has it */
	FLAG_IPV6 = 8,     /* of the header around the bytes */
	FLAG_PACKET = 16,  /* bytes are an IP packet, as it is but for an IPv4 header's checksum */
	FLAG_FRAGMENT = 32 /* cut in two */
};

static const struct lac_settings peers_settings[] = {
	{.family = 4},
	{.family = 4, .port = 4500, .owner = 1},
	{.family = 6, .algorithm = LAC_CBC_SHA256},
	{.family = 4, .tunnel = true, .algorithm = LAC_CBC_SHA1},
	{.family = 6, .port = 1024, .owner = 1},
	{.family = 6, .tunnel = true},
};
#define PEERS RTE_DIM(peers_settings)

static struct rig rig;
static struct lac peers[PEERS];
static struct frame frame, piece, out;

static void end(void)
{
	rig_destroy(&rig);
	lac_fini();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct dataplane_settings settings = rig_settings(2);

	(void)argc;
	(void)argv;
	rig_eal_init("0@0,1@0,2@0");
	settings.mbufs = 8191;
	rig_create(&rig, &settings);
	lac_init();
	for (uint16_t i = 0; i < PEERS; i++) {
		struct tunnel_path path;

		lac_open(&rig, &peers[i], &peers_settings[i]);
		path = lac_path(&peers[i]);
		rig_tunnel_to(&rig, 20 + i, &path, 0);
		rig_session(&rig, 20 + i, 3 + i, i % 2, 1400, RIG_FLAGS);
	}
	atexit(end); /* memory of the EAL's hides what it points to from the leak detector */
	return 0;
}

/* The IP packet in frame, sealed; false if it is none. */
static bool seal(struct lac *peer)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(lac_pool);
	struct esp_result result;
	bool sealed;

	memcpy(rte_pktmbuf_append(m, (uint16_t)(frame.n - 14)), frame.data + 14, frame.n - 14);
	sealed = esp_outbound_burst(lac_engine, peer->sends, &m, 1, &result) == 1;
	if (sealed) {
		memcpy(frame.data + 14, rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
		frame.n = 14u + m->data_len;
	}
	rte_pktmbuf_free(m);
	return sealed;
}

static void put_packet(const uint8_t *data, uint32_t n)
{
	bool v6 = n > 0 && data[0] >> 4 == 6;
	uint8_t *ip;

	frame_eth(&frame, rig.mac[RIG_ACCESS], rig_lac_mac,
		v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	ip = frame_add(&frame, data, n);
	if (!v6 && n >= 20 && (ip[0] & 15) >= 5 && (ip[0] & 15) * 4u <= n)
		ip4_header_set_checksum(ip, (ip[0] & 15) * 4u);
}

static void put_payload(uint8_t flags, const struct lac *peer, const uint8_t *data, uint32_t n)
{
	bool udp = !(flags & FLAG_ESP), v6 = flags & FLAG_IPV6;
	uint8_t protocol = udp ? IPPROTO_UDP : IPPROTO_ESP;
	uint32_t length = n + (udp ? 8 : 0);
	uint8_t *p;

	frame_eth(&frame, rig.mac[RIG_ACCESS], rig_lac_mac,
		v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	if (v6)
		frame_ip6(&frame, rig_lac6, rig_lns6, protocol, length);
	else
		frame_ip4(&frame, RIG_LAC, RIG_LNS, protocol, length);
	if (udp)
		frame_udp(&frame, 4500, 4500, n);
	p = frame_add(&frame, data, n);
	if ((flags & FLAG_SPI) && n >= 4)
		memcpy(p, &peer->in->spi, 4);
}

/* The frame in two IPv4 fragments; others as they are. */
static void send_frame(bool fragments, bool guard, struct rte_mbuf **guarded)
{
	uint8_t *ip = frame.data + 14;
	uint32_t half;

	*guarded = NULL;
	if (!fragments || frame.n < 14 + 20 + 16 || ip[0] != 0x45 || (load_be16(ip + 6) & 0x3fff) ||
		load_be16(ip + 2) != frame.n - 14) {
		rig_send(&rig, RIG_ACCESS, &frame);
		if (guard) {
			struct rte_mbuf *m;

			RIG_MUST(rte_ring_dequeue(rig.rx[RIG_ACCESS], (void **)&m) == 0);
			ASAN_POISON_MEMORY_REGION(
				(uint8_t *)m->buf_addr + m->data_off + m->data_len,
				m->buf_len - m->data_off - m->data_len);
			RIG_MUST(rte_ring_enqueue(rig.rx[RIG_ACCESS], m) == 0);
			*guarded = m;
		}
		return;
	}
	half = (frame.n - 34) / 2 & ~7u;
	for (unsigned int i = 0; i < 2; i++) {
		uint32_t from = i * half, to = i ? frame.n - 34 : half;

		piece.n = 0;
		frame_add(&piece, frame.data, 34);
		store_be16(piece.data + 16, (uint16_t)(20 + to - from));
		store_be16(piece.data + 20, (uint16_t)(from / 8 | (i ? 0 : 0x2000)));
		ip4_header_set_checksum(piece.data + 14, 20);
		frame_add(&piece, frame.data + 34 + from, to - from);
		rig_send(&rig, RIG_ACCESS, &piece);
	}
}

static uint64_t accounted(void)
{
	uint64_t n = rig_drops_all(&rig);

	for (unsigned int i = 0; i < rig.dp->n_workers; i++) {
		const struct worker_stats *stats = &rig.dp->workers[i]->stats;

		for (unsigned int kind = 0; kind < PUNT_KINDS; kind++)
			n += stats->punts[kind];
		for (unsigned int iface = 0; iface < RIG_IFACES; iface++)
			n += stats->iface[iface].tx_packets;
	}
	return n;
}

static uint64_t accepted(void)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < PEERS; i++)
		n += peers[i].in->state.packets;
	return n;
}

static void collect(void)
{
	struct message_reply replies[64];
	struct meta meta;

	for (unsigned int iface = 0; iface < RIG_IFACES; iface++)
		while (rig_receive(&rig, iface, &out))
			;
	for (unsigned int ring = 0; ring < PUNT_RINGS; ring++)
		while (rig_punted(&rig, (enum punt_ring)ring, &out, &meta) >= 0)
			;
	while (dataplane_replies(rig.dp, replies, RTE_DIM(replies)) > 0)
		;
	for (unsigned int i = 0; i < rig.dp->n_workers; i++)
		worker_drain(rig.dp->workers[i]); /* fragments that wait */
}

/* Reassembly writes behind a packet and keeps it: not what is guarded. */
static void turn(bool reassemble)
{
	struct reassembly *reassembly[2];

	for (unsigned int i = 0; i < 2; i++) {
		reassembly[i] = rig.dp->workers[i]->reassembly;
		if (!reassemble)
			rig.dp->workers[i]->reassembly = NULL;
	}
	rig_turn(&rig);
	for (unsigned int i = 0; i < 2; i++)
		rig.dp->workers[i]->reassembly = reassembly[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t before = accounted(), let_in = accepted(), sealed = 0;

	for (unsigned int k = 0; k < PACKETS_MAX && size > 4; k++) {
		uint32_t n = RTE_MIN((uint32_t)load_be16(data + 2), (uint32_t)(size - 4));
		struct lac *peer = &peers[data[1] % PEERS];
		uint8_t flags = data[0];
		struct rte_mbuf *guarded;
		bool is_sealed = false;

		n = RTE_MIN(n, BYTES_MAX);
		if (flags & (FLAG_SEAL | FLAG_PACKET))
			put_packet(data + 4, n);
		else
			put_payload(flags, peer, data + 4, n);
		if (flags & FLAG_SEAL)
			is_sealed = seal(peer);
		sealed += is_sealed;
		send_frame(flags & FLAG_FRAGMENT, !is_sealed && !(flags & FLAG_FRAGMENT), &guarded);
		turn(guarded == NULL);
		if (guarded != NULL)
			ASAN_UNPOISON_MEMORY_REGION(guarded->buf_addr, guarded->buf_len);
		data += 4 + n;
		size -= 4 + n;
		/* at least one way out for each packet, unless it is a fragment that waits */
		RIG_MUST(guarded == NULL || accounted() > before);
		before = accounted();
	}
	RIG_MUST(accepted() - let_in <= sealed);
	collect();
	RIG_MUST(rte_mempool_avail_count(dataplane_mempool(rig.dp)) == rig.free_mbufs);
	return 0;
}
