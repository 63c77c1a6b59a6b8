/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whole frames through a whole dataplane: both directions, handoff, reassembly.
 *
 * Input: up to 16 times { flags, length (two bytes, high first), frame }. Whatever the frames are, every
 * packet leaves by an interface or a punt ring or is dropped under a name, none stays behind, and (with
 * FLAG_GUARD) none is read beyond its end.
 */
#define RIG_FUZZ
#include "../unit/path_rig.h"

#include <sanitizer/asan_interface.h>

#define FRAMES_MAX 16
#define FRAME_MAX  1900

enum {
	FLAG_CORE = 1, /* comes in on the core side */
	FLAG_MAC = 2,  /* to our MAC address, whatever stands in the frame */
	FLAG_SUMS = 4, /* IPv4 checksums made right, so that more is reached */
	FLAG_GUARD =
		8, /* what is behind the frame is poisoned; no reassembly, which writes there */
	FLAG_AT_ONCE = 16, /* no turn of the workers before the next frame */
};

static struct rig rig;
static struct frame out;

static void end(void)
{
	rig_destroy(&rig);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct dataplane_settings settings = rig_settings(2);
	struct tunnel_path path6 = rig_path6();

	(void)argc;
	(void)argv;
	rig_eal_init("0@0,1@0,2@0");
	settings.mbufs = 8191;
	rig_create(&rig, &settings);
	rig_tunnel(&rig);
	rig_tunnel_to(&rig, 9, &path6, TUNNEL_LENGTH_BIT);
	rig_session(
		&rig, RIG_TUNNEL, 3, 0, 1400, RIG_FLAGS | SESSION_EXPECT_SEQ | SESSION_SEND_SEQ);
	rig_session(&rig, RIG_TUNNEL, 4, 1, 600, RIG_FLAGS);
	rig_session(&rig, 9, 5, 1, 1500, RIG_FLAGS);
	rig_session(&rig, 9, 6, 0, 1492, SESSION_FORWARD6);
	atexit(end); /* memory of the EAL's hides what it points to from the leak detector */
	return 0;
}

static void sums(uint8_t *p, uint32_t n)
{
	for (unsigned int layer = 0; layer < 2; layer++) {
		/* the outer header, then the inner one behind UDP, the plain L2TP header and ff 03 00 21 */
		uint32_t at = layer == 0 ? 14 : 14 + 20 + 8 + 10;

		if (n >= at + 20 && p[at] >> 4 == 4 && (p[at] & 15) >= 5 &&
			n >= at + (p[at] & 15) * 4u)
			ip4_header_set_checksum(p + at, (p[at] & 15) * 4u);
	}
}

static struct rte_mbuf *frame_make(uint8_t flags, const uint8_t *data, uint32_t n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(dataplane_mempool(rig.dp));
	uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)n);

	memcpy(p, data, n);
	if ((flags & FLAG_MAC) && n >= 6)
		memcpy(p, rig.mac[flags & FLAG_CORE], 6);
	if (flags & FLAG_SUMS)
		sums(p, n);
	return m;
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reassembly *reassembly[2];
	struct rte_mbuf *guarded = NULL;
	unsigned int n_frames = 0;
	bool guard = size > 0 && (data[0] & FLAG_GUARD);
	struct meta meta;
	uint64_t before = accounted();

	for (unsigned int i = 0; i < 2; i++) {
		reassembly[i] = rig.dp->workers[i]->reassembly;
		if (guard)
			rig.dp->workers[i]->reassembly = NULL;
	}
	while (size > 3 && n_frames < (guard ? 1 : FRAMES_MAX)) {
		uint32_t n = RTE_MIN((uint32_t)load_be16(data + 1), (uint32_t)(size - 3));
		uint8_t flags = data[0];

		n = RTE_MIN(n, FRAME_MAX);
		struct rte_mbuf *m = frame_make(flags, data + 3, n);
		if (guard) {
			ASAN_POISON_MEMORY_REGION((uint8_t *)m->buf_addr + m->data_off + n,
				m->buf_len - m->data_off - n);
			guarded = m;
		}
		RIG_MUST(rte_ring_enqueue(rig.rx[flags & FLAG_CORE], m) == 0);
		n_frames++;
		data += 3 + n;
		size -= 3 + n;
		if (!(flags & FLAG_AT_ONCE))
			rig_turn(&rig);
	}
	rig_turn(&rig);
	if (guarded != NULL)
		ASAN_UNPOISON_MEMORY_REGION(guarded->buf_addr, guarded->buf_len);
	for (unsigned int i = 0; i < 2; i++) {
		rig.dp->workers[i]->reassembly = reassembly[i];
		for (unsigned int iface = 0; iface < RIG_IFACES; iface++)
			while (rig_receive(&rig, iface, &out))
				;
		for (unsigned int ring = 0; ring < PUNT_RINGS; ring++)
			while (rig_punted(&rig, (enum punt_ring)ring, &out, &meta) >= 0)
				;
		worker_drain(rig.dp->workers[i]); /* fragments that wait */
	}
	/* at least one way out for each frame (ICMP errors and fragments are more), nothing left over */
	RIG_MUST(guard ? accounted() - before >= n_frames : n_frames == 0 || accounted() > before);
	RIG_MUST(rte_mempool_avail_count(dataplane_mempool(rig.dp)) == rig.free_mbufs);
	return 0;
}
