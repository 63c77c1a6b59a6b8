/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker that gets twice what it can do: a model of a device with a bounded receive ring, and a clock that
 * runs by what the worker did. Control gets through, data is dropped, and by name.
 */
#include "esp_path_rig.h"

#include "overload.h"

#define SESSIONS  256
#define PACKETS   200000
#define HELLO_PER 97  /* one packet of so many is a HELLO */
#define ECHO_PER  101 /* or an LCP echo */
/* What a packet costs: worked on, and dropped early. A worker can do one packet in WORK units. */
#define WORK 4
#define SHED 1

static struct rig rig;
static struct frame f, inner;
static struct lac esp_lac;

/* ---- the device ---- */

static int descriptor_status(void *queue, uint16_t offset)
{
	return rte_ring_count(rig.rx[RIG_ACCESS]) > offset ? RTE_ETH_RX_DESC_DONE
							   : RTE_ETH_RX_DESC_AVAIL;
}

struct offered {
	uint64_t sent, missed, hellos, hellos_missed, echoes, echoes_missed;
};

static void hello(uint16_t tunnel_id)
{
	uint8_t message[20] = {0xc8, 0x02, 0, 20, [12] = 0x80, 8, [19] = 6};

	store_be16(message + 4, tunnel_id);
	frame_lac(&rig, &f, message, sizeof(message));
}

static void echo(uint16_t session_id)
{
	static const uint8_t request[8] = {9, 1, 0, 8};

	frame_data(&rig, &f, RIG_TUNNEL, session_id, 0xc021, request, sizeof(request));
}

static void data(uint16_t session_id)
{
	inner_udp4(&inner, rig_subscriber(session_id), RIG_SERVER, 64);
	frame_data(&rig, &f, RIG_TUNNEL, session_id, 0x21, inner.data, inner.n);
}

static void spi_write(uint8_t *p, uint32_t spi)
{
	spi = rte_cpu_to_be_32(spi);
	memcpy(p, &spi, sizeof(spi));
}

static void esp4(uint8_t tos, uint32_t length, uint16_t udp_port, uint32_t spi)
{
	uint8_t *ip;

	frame_eth(&f, rig.mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_IPV4);
	ip = frame_ip4(&f, RIG_LAC, RIG_LNS, udp_port ? IPPROTO_UDP : IPPROTO_ESP, length - 20);
	ip[1] = tos;
	if (udp_port)
		frame_udp(&f, udp_port, udp_port, length - 28);
	while (f.n < 14 + length)
		f.data[f.n++] = 0x55;
	spi_write(f.data + 14 + (udp_port ? 28 : 20), spi);
}

/* What fills the wire. */
static void flood_data(uint64_t number)
{
	data((uint16_t)(1 + number % SESSIONS));
}

static void flood_lcp(uint64_t number)
{
	echo(SESSIONS);
}

static void flood_sccrq(uint64_t number)
{
	hello(0);
}

static void flood_arp(uint64_t number)
{
	frame_eth(&f, rig.mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_ARP);
	frame_add(&f, NULL, 46);
}

static void flood_esp(uint64_t number)
{
	esp4(0, 88, 0, esp_lac.spi);
}

/* The next frame of the wire into the ring, or it is lost as a NIC loses it. */
static void offer(struct offered *o, void (*flood)(uint64_t number))
{
	uint64_t number = o->sent++;
	uint64_t *missed = NULL;

	if (number % HELLO_PER == 0) {
		hello(RIG_TUNNEL);
		o->hellos++;
		missed = &o->hellos_missed;
	} else if (number % ECHO_PER == 0) {
		echo((uint16_t)(1 + number / ECHO_PER % (SESSIONS - 1)));
		o->echoes++;
		missed = &o->echoes_missed;
	} else {
		flood(number);
	}
	if (rte_ring_count(rig.rx[RIG_ACCESS]) >= rig.dp->ports[RIG_ACCESS].rx_descriptors) {
		o->missed++;
		if (missed != NULL)
			++*missed;
		return;
	}
	rig_send(&rig, RIG_ACCESS, &f);
}

static void take(uint64_t punted[PUNT_KINDS])
{
	struct rte_mbuf *pkts[64];
	unsigned int n;

	for (unsigned int ring = 0; ring < PUNT_RINGS; ring++)
		while ((n = dataplane_punt_poll(rig.dp, (enum punt_ring)ring, pkts, 64)) > 0) {
			for (unsigned int i = 0; i < n; i++) {
				const struct meta *meta = meta_of(pkts[i]);

				/* of the last session only what floods */
				if (meta->kind != PUNT_PPP ||
					session_at(rig.dp->sessions, meta->session)->session_id !=
						SESSIONS)
					punted[meta->kind]++;
			}
			rte_pktmbuf_free_bulk(pkts, n);
		}
	while ((n = rte_ring_dequeue_burst(rig.tx[RIG_CORE0], (void **)pkts, 64, NULL)) > 0)
		rte_pktmbuf_free_bulk(pkts, n);
}

static void start(enum overload_signal signal)
{
	struct worker *w;

	rig_start(&rig, 1);
	rig_tunnel(&rig);
	for (uint16_t i = 0; i < SESSIONS; i++)
		rig_session(&rig, RIG_TUNNEL, 1 + i, 0, 1400, RIG_FLAGS);
	if (signal == OVERLOAD_BACKLOG) {
		rte_eth_fp_ops[rig.dp->ports[RIG_ACCESS].ethdev].rx_descriptor_status =
			descriptor_status;
		overload_prepare(rig.dp, &rig.dp->ports[RIG_ACCESS]);
	}
	w = rig.dp->workers[0];
	for (uint8_t i = 0; i < w->n_rx; i++)
		if (w->rx[i].ethdev == rig.dp->ports[RIG_ACCESS].ethdev)
			overload_watch(&w->rx[i], signal, rig.dp->ports[RIG_ACCESS].rx_descriptors);
}

static uint64_t shed(void)
{
	const uint64_t *drops = rig.dp->workers[0]->stats.drops;

	return drops[DROP_OVERLOAD] + drops[DROP_OVERLOAD_L2TP] + drops[DROP_OVERLOAD_PPP] +
		drops[DROP_OVERLOAD_ESP] + drops[DROP_OVERLOAD_LINK] +
		drops[DROP_OVERLOAD_STRANGER];
}

/* percent: what is offered, of what the worker can do. */
static struct offered run(enum overload_signal signal, unsigned int percent,
	void (*flood)(uint64_t number), uint64_t punted[PUNT_KINDS])
{
	struct offered o = {0};
	const struct worker_stats *stats;

	memset(punted, 0, PUNT_KINDS * sizeof(punted[0]));
	start(signal);
	if (flood == flood_esp) {
		lac_init();
		lac_open(&rig, &esp_lac, &(struct lac_settings){.family = 4});
	}
	stats = &rig.dp->workers[0]->stats;
	while (o.sent < PACKETS) {
		uint64_t taken = o.sent - o.missed - rte_ring_count(rig.rx[RIG_ACCESS]);
		uint64_t spent = (taken - shed()) * WORK + shed() * SHED + stats->loops;

		/* the wire goes on while the worker works; an empty turn is time as well */
		while (o.sent < spent * percent / 100 / WORK && o.sent < PACKETS)
			offer(&o, flood);
		worker_turn(rig.dp->workers[0]);
		take(punted);
	}
	for (unsigned int i = 0; i < 200; i++) {
		worker_turn(rig.dp->workers[0]);
		take(punted);
	}
	return o;
}

Test(overload, hello_and_echo_survive_twice_what_a_worker_can_do)
{
	uint64_t punted[PUNT_KINDS];
	struct offered o = run(OVERLOAD_BACKLOG, 200, flood_data, punted);

	cr_expect_eq(o.missed, 0, "%lu lost by the device", o.missed);
	cr_expect_eq(punted[PUNT_L2TP_KNOWN], o.hellos);
	cr_expect_eq(punted[PUNT_PPP], o.echoes);
	cr_expect_gt(rig_drops(&rig, DROP_OVERLOAD), PACKETS / 4);
	/* and the rest of the time is spent on data: (WORK - 2 SHED) / (WORK - SHED) of what it can do */
	cr_expect_gt(rig.dp->workers[0]->stats.uplink_packets, PACKETS / 2 * 6 / 10);
	cr_expect_eq(rig_drops(&rig, DROP_OVERLOAD), rig_drops_all(&rig));
	cr_expect_eq(o.sent,
		rig_drops(&rig, DROP_OVERLOAD) + rig.dp->workers[0]->stats.uplink_packets +
			punted[PUNT_PPP] + punted[PUNT_L2TP_KNOWN]);
	rig_destroy(&rig);
}

static void survives(void (*flood)(uint64_t number), enum drop_reason reason)
{
	uint64_t punted[PUNT_KINDS];
	struct offered o = run(OVERLOAD_BACKLOG, 200, flood, punted);

	cr_expect_eq(punted[PUNT_L2TP_KNOWN], o.hellos);
	/* in one window of so many one session may share a flood's slot */
	cr_expect_geq(punted[PUNT_PPP], (o.echoes - o.echoes_missed) * 98 / 100);
	cr_expect_gt(rig_drops(&rig, reason), PACKETS / 4);
	cr_expect_eq(rig_drops(&rig, DROP_OVERLOAD), 0);
	rig_destroy(&rig);
}

Test(overload, hello_and_echo_survive_one_subscribers_flood_of_lcp)
{
	survives(flood_lcp, DROP_OVERLOAD_PPP);
}

Test(overload, hello_and_echo_survive_a_flood_of_strangers)
{
	survives(flood_sccrq, DROP_OVERLOAD_STRANGER);
}

Test(overload, hello_and_echo_survive_a_flood_of_arp)
{
	survives(flood_arp, DROP_OVERLOAD_LINK);
}

Test(overload, hello_and_echo_survive_a_flood_of_small_esp)
{
	survives(flood_esp, DROP_OVERLOAD_ESP);
	lac_fini();
}

Test(overload, without_it_the_device_loses_hellos_like_anything_else)
{
	uint64_t punted[PUNT_KINDS];
	struct offered o = run(OVERLOAD_UNSEEN, 200, flood_data, punted);

	cr_expect_gt(o.hellos_missed, o.hellos / 3);
	cr_expect_gt(o.echoes_missed, o.echoes / 3);
	rig_destroy(&rig);
}

static void nothing_dropped(enum overload_signal signal)
{
	uint64_t punted[PUNT_KINDS];
	struct offered o = run(signal, 95, flood_data, punted);

	cr_expect_eq(o.missed, 0);
	cr_expect_eq(rig_drops_all(&rig), 0);
	cr_expect_eq(rig.dp->workers[0]->stats.overloads, 0);
	rig_destroy(&rig);
}

Test(overload, nothing_is_dropped_early_below_what_a_worker_can_do)
{
	nothing_dropped(OVERLOAD_BACKLOG);
}

Test(overload, nothing_is_dropped_early_of_a_device_that_does_not_tell)
{
	nothing_dropped(OVERLOAD_BURSTS);
}

/* What is lost while full bursts are not yet more than any burst of the network's. */
static void loses_little(unsigned int percent)
{
	uint64_t punted[PUNT_KINDS];
	struct offered o = run(OVERLOAD_BURSTS, percent, flood_data, punted);
	uint64_t rings = OVERLOAD_ROW * rig.dp->ports[RIG_ACCESS].rx_descriptors;
	uint64_t most = rings * (percent - 100) / 100 + rings / 4;

	cr_expect_leq(o.missed, most, "%lu lost by the device, %lu at most", o.missed, most);
	cr_expect_leq(o.hellos_missed, most / HELLO_PER + 1);
	cr_expect_eq(punted[PUNT_L2TP_KNOWN], o.hellos - o.hellos_missed);
	cr_expect_eq(punted[PUNT_PPP], o.echoes - o.echoes_missed);
	rig_destroy(&rig);
}

Test(overload, device_that_does_not_tell_at_five_quarters)
{
	loses_little(125);
}

Test(overload, device_that_does_not_tell_at_twice)
{
	loses_little(200);
}

Test(overload, device_that_does_not_tell_at_five_halves)
{
	loses_little(250);
}

Test(overload, full_bursts_of_the_network_are_no_overload)
{
	struct worker *w;

	start(OVERLOAD_BURSTS);
	w = rig.dp->workers[0];
	overload_watch(&w->rx[0], OVERLOAD_BURSTS, 128);
	/* one ring's worth in a row is a burst of the network's */
	for (unsigned int i = 0; i < 512; i++) {
		data(1);
		rig_send(&rig, RIG_ACCESS, &f);
	}
	for (unsigned int i = 0; i < 20; i++)
		worker_turn(w);
	cr_expect_eq(w->stats.uplink_packets, 512);
	for (unsigned int i = 0; i < 4000; i++) {
		if (i % 500 == 0)
			hello(RIG_TUNNEL);
		else
			data(1);
		rig_send(&rig, RIG_ACCESS, &f);
	}
	for (unsigned int i = 0; i < 100; i++)
		worker_turn(w);
	cr_expect_gt(w->stats.overloads, 0);
	cr_expect_gt(rig_drops(&rig, DROP_OVERLOAD), 0);
	cr_expect_eq(w->stats.punts[PUNT_L2TP_KNOWN], 8);
	cr_expect_eq(w->stats.uplink_packets + rig_drops(&rig, DROP_OVERLOAD) + 8, 4512);
	rig_destroy(&rig);
}

/* ---- what is kept ---- */

static enum overload_class verdict(void)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(dataplane_mempool(rig.dp));
	uint8_t iface;
	enum overload_class is;
	uint32_t key;

	cr_assert_not_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)f.n), f.data, f.n);
	is = overload_classify(rig.dp->workers[0], &rig.dp->ports[RIG_ACCESS], m, &iface, &key);
	/* cut short anywhere it is judged without reading past its end: the sanitizer watches */
	for (uint32_t n = f.n; n-- > 0;) {
		uint8_t *copy = malloc(n + 1);

		memcpy(copy, f.data, n);
		m->buf_addr = copy;
		m->data_off = 0;
		m->data_len = (uint16_t)n;
		overload_classify(rig.dp->workers[0], &rig.dp->ports[RIG_ACCESS], m, &iface, &key);
		free(copy);
	}
	m->buf_addr = (uint8_t *)m + sizeof(*m) + rte_pktmbuf_priv_size(m->pool);
	rte_pktmbuf_free(m);
	return is;
}

Test(overload, what_keeps_tunnels_and_sessions_alive_is_kept)
{
	static const uint16_t kept[] = {0xc021, 0xc023, 0xc223, 0x8021, 0x8057, 0x80fd};
	static const uint16_t dropped[] = {0x0021, 0x0057, 0x003d, 0x21ff};

	start(OVERLOAD_UNSEEN);
	hello(RIG_TUNNEL);
	cr_expect_eq(verdict(), OVERLOAD_L2TP);
	hello(RIG_TUNNEL + 1);
	cr_expect_eq(verdict(), OVERLOAD_STRANGER, "no such tunnel");
	hello(RIG_TUNNEL);
	f.data[14 + 15]++;
	cr_expect_eq(verdict(), OVERLOAD_STRANGER, "not from its peer");
	hello(RIG_TUNNEL);
	f.data[14 + 21]++;
	cr_expect_eq(verdict(), OVERLOAD_STRANGER, "not from its peer's port");
	for (unsigned int i = 0; i < RTE_DIM(kept); i++) {
		frame_data(&rig, &f, RIG_TUNNEL, 1, kept[i], "\1\1\0\4", 4);
		cr_expect_eq(verdict(), OVERLOAD_PPP, "%04x", kept[i]);
	}
	for (unsigned int i = 0; i < RTE_DIM(dropped); i++) {
		frame_data(&rig, &f, RIG_TUNNEL, 1, dropped[i], "\1\1\0\4", 4);
		cr_expect_eq(verdict(), OVERLOAD_DATA, "%04x", dropped[i]);
	}
	frame_data(&rig, &f, RIG_TUNNEL + 1, 1, 0xc021, "\1\1\0\4", 4);
	cr_expect_eq(verdict(), OVERLOAD_DATA, "PPP of no tunnel");
	echo(SESSIONS + 1);
	cr_expect_eq(verdict(), OVERLOAD_DATA, "PPP of no session");
	frame_eth(&f, rig.mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_ARP);
	frame_add(&f, NULL, 46);
	cr_expect_eq(verdict(), OVERLOAD_LINK);
	/* what is ours but of no tunnel, what is not ours, and what nobody knows */
	esp4(0, 200, 500, 0x1000);
	cr_expect_eq(verdict(), OVERLOAD_STRANGER);
	esp4(0xc0, 200, 1701, 0x1000);
	memset(f.data + 42, 0, 8);
	cr_expect_eq(verdict(), OVERLOAD_DATA, "not L2TP");
	frame_eth(&f, rig.mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_IPV4);
	frame_ip4(&f, RIG_LAC, RIG_SERVER, IPPROTO_UDP, 20);
	frame_add(&f, NULL, 20);
	cr_expect_eq(verdict(), OVERLOAD_DATA);
	frame_eth(&f, rig.mac[RIG_ACCESS], rig_lac_mac, 0x88cc);
	frame_add(&f, NULL, 46);
	cr_expect_eq(verdict(), OVERLOAD_DATA);
	rig_destroy(&rig);
}

Test(overload, esp_is_judged_by_its_mark_and_its_length)
{
	struct lac lac, lac6;

	start(OVERLOAD_UNSEEN);
	lac_init();
	lac_open(&rig, &lac, &(struct lac_settings){.family = 4});
	lac_open(&rig, &lac6, &(struct lac_settings){.family = 6});
	for (unsigned int natt = 0; natt < 2; natt++) {
		uint16_t port = natt ? 4500 : 0;

		esp4(0, 120, port, lac.spi);
		cr_expect_eq(verdict(), OVERLOAD_SMALL);
		esp4(0, 121, port, lac.spi);
		cr_expect_eq(verdict(), OVERLOAD_DATA);
		esp4(0xc0, 600, port, lac.spi);
		cr_expect_eq(verdict(), OVERLOAD_MARKED, "CS6");
		esp4(0xc0, 120, port, lac6.spi);
		cr_expect_eq(verdict(), OVERLOAD_DATA, "no such SA");
		esp4(0xb8, 600, port, lac.spi);
		cr_expect_eq(verdict(), OVERLOAD_DATA, "EF is data");
	}
	/* IPv6: neighbour discovery, HELLO, ESP */
	frame_eth(&f, rig.mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_IPV6);
	frame_ip6(&f, rig_lac6, rig_lns6, IPPROTO_ICMPV6, 24)[7] = 255;
	frame_add(&f, NULL, 24);
	cr_expect_eq(verdict(), OVERLOAD_LINK);
	f.data[14 + 7] = 64;
	cr_expect_eq(verdict(), OVERLOAD_STRANGER, "ping");
	frame_eth(&f, rig.mac[RIG_ACCESS], rig_lac_mac, RTE_ETHER_TYPE_IPV6);
	frame_ip6(&f, rig_lac6, rig_lns6, IPPROTO_ESP, 600);
	frame_add(&f, NULL, 600);
	spi_write(f.data + 14 + 40, lac6.spi);
	cr_expect_eq(verdict(), OVERLOAD_DATA);
	f.data[14] = 0x6c;
	cr_expect_eq(verdict(), OVERLOAD_MARKED, "CS6");
	f.data[14 + 43]++;
	cr_expect_eq(verdict(), OVERLOAD_DATA, "no such SA");
	rig_destroy(&rig);
	lac_fini();
}

Test(overload, stranger_is_kept_beside_a_flood_of_others)
{
	static const uint8_t other[4] = {10, 1, 0, 99};
	struct rte_mbuf *pkts[64];
	unsigned int n, of_other = 0, kept = 0;
	struct worker *w;

	start(OVERLOAD_BACKLOG);
	w = rig.dp->workers[0];
	for (unsigned int i = 0; i < 600; i++) {
		hello(RIG_TUNNEL + 1);
		if (i % 60 == 30)
			memcpy(f.data + 14 + 12, other, 4);
		ip4_header_set_checksum(f.data + 14, 20);
		rig_send(&rig, RIG_ACCESS, &f);
	}
	/* two bursts as usual, then six, down to a quarter of the ring */
	worker_turn(w);
	worker_turn(w);
	cr_expect_eq(w->stats.overloads, 1);
	while ((n = dataplane_punt_poll(rig.dp, PUNT_RING_UNKNOWN, pkts, 64)) > 0) {
		for (unsigned int i = 0; i < n; i++)
			of_other += memcmp(rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, 12), other,
					    4) == 0;
		kept += n;
		rte_pktmbuf_free_bulk(pkts, n);
	}
	/* the upper half of the bucket, and then what each burst gives */
	cr_expect_eq(of_other, 9);
	cr_expect_geq(kept, 2 * BURST + 32 + 5 * 4);
	cr_expect_leq(kept, 2 * BURST + 32 + 5 * 4 + of_other);
	cr_expect_eq(rig_drops(&rig, DROP_OVERLOAD_STRANGER), 8 * BURST - kept);
	for (unsigned int i = 0; i < 10; i++)
		worker_turn(w);
	rig_destroy(&rig);
}

static void tag(uint16_t vlan)
{
	memmove(f.data + 16, f.data + 12, f.n - 12);
	store_be16(f.data + 12, 0x8100);
	store_be16(f.data + 14, vlan);
	f.n += 4;
}

Test(overload, tagged_frames_are_judged_and_counted_the_same)
{
	enum { VLAN = 7, UNKNOWN = 9, SENT = 640 };
	uint64_t hellos = 0, unknown = 0;
	struct port *port;
	struct worker *w;

	start(OVERLOAD_BACKLOG);
	w = rig.dp->workers[0];
	port = &rig.dp->ports[RIG_ACCESS];
	port->untagged = INTERFACE_NONE;
	port->tagged[port->n_tagged++] = RIG_ACCESS;
	rig.dp->ifaces[RIG_ACCESS].vlan = VLAN;
	for (unsigned int i = 0; i < SENT; i++) {
		bool other = i >= 2 * BURST && i % 7 == 0;

		if (i % 50 == 0)
			hello(RIG_TUNNEL);
		else
			data((uint16_t)(1 + i % SESSIONS));
		hellos += i % 50 == 0 && !other;
		unknown += other;
		tag(other ? UNKNOWN : VLAN | 0xa000);
		rig_send(&rig, RIG_ACCESS, &f);
	}
	for (unsigned int i = 0; i < 10; i++)
		worker_turn(w);
	cr_expect_eq(w->stats.overloads, 1);
	cr_expect_eq(w->stats.punts[PUNT_L2TP_KNOWN], hellos);
	cr_expect_gt(rig_drops(&rig, DROP_OVERLOAD), 4 * BURST);
	cr_expect_eq(w->stats.iface[RIG_ACCESS].rx_packets, SENT - unknown);
	cr_expect_eq(rig_drops_all(&rig) + hellos + w->stats.uplink_packets, SENT);
	rig_destroy(&rig);
}

/* ---- out ---- */

Test(overload, full_transmit_queue_has_room_for_control)
{
	static struct rte_mbuf *all[8191];
	struct rte_mbuf *m;
	struct worker *w;
	void *object;
	unsigned int found = 0;

	start(OVERLOAD_UNSEEN);
	w = rig.dp->workers[0];
	cr_assert_eq(rte_pktmbuf_alloc_bulk(dataplane_mempool(rig.dp), all, 8191), 0);
	cr_assert_eq(rte_ring_enqueue_bulk(rig.tx[RIG_CORE0], (void **)all, 8191, NULL), 8191);
	for (unsigned int i = 0; i < TX_DATA + 50; i++) {
		data(1);
		rig_send(&rig, RIG_ACCESS, &f);
	}
	for (unsigned int i = 0; i < 10; i++)
		worker_turn(w);
	cr_expect_eq(rig_drops(&rig, DROP_TX_FULL), 50);
	m = dataplane_mbuf(rig.dp);
	memset(rte_pktmbuf_append(m, 60), 0xab, 60);
	meta_of(m)->kind = INJECT_FRAME;
	meta_of(m)->iface = RIG_CORE0;
	cr_assert_eq(dataplane_inject(rig.dp, 0, m), 0);
	worker_turn(w);
	cr_expect_eq(rig_drops(&rig, DROP_TX_FULL), 50);
	for (unsigned int i = 0; i < 8191; i++) {
		cr_assert_eq(rte_ring_dequeue(rig.tx[RIG_CORE0], &object), 0);
		rte_pktmbuf_free(object);
	}
	worker_turn(w);
	while (rig_receive(&rig, RIG_CORE0, &f))
		found += f.n == 60 && f.data[0] == 0xab;
	cr_expect_eq(found, 1);
	rig_destroy(&rig);
}

Test(overload, kernel_leaves_room_for_tunnels_in_the_inject_ring)
{
	struct rte_mbuf *m;
	unsigned int taken = 0;

	start(OVERLOAD_UNSEEN);
	for (;;) {
		m = dataplane_mbuf(rig.dp);
		meta_of(m)->kind = INJECT_FRAME;
		meta_of(m)->iface = RIG_CORE0;
		rte_pktmbuf_append(m, 60);
		if (dataplane_inject(rig.dp, 0, m) != 0)
			break;
		taken++;
	}
	cr_expect_eq(taken, INJECT_RING_SIZE * 3 / 4 - 1);
	m = dataplane_mbuf(rig.dp);
	meta_of(m)->kind = INJECT_IP;
	meta_of(m)->flags = META_PRIORITY;
	cr_expect_eq(dataplane_inject(rig.dp, 0, m), 0);
	m = dataplane_mbuf(rig.dp);
	meta_of(m)->kind = INJECT_SESSION;
	cr_expect_eq(dataplane_inject(rig.dp, 0, m), 0);
	for (unsigned int i = 0; i < 100; i++)
		worker_turn(rig.dp->workers[0]);
	rig_destroy(&rig);
}
