/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast lane against the stages: the same bursts, the same state before, and nothing to be told apart afterwards.
 *
 * Frames are made at random around what the lane takes, each with at most a few things wrong or rare. Every burst goes
 * through twice, with the lanes and without, with the worker, the sessions, the policers and the SAs put
 * back in between. What leaves inside ESP is compared as the LAC opens it. Frames sent, punted and handed over are compared byte by byte (numbers that count packets
 * aside), all counters and session states likewise, and the order of each session's packets. Then the same with a
 * second worker that receives the bursts and hands over what is not its own.
 */
#include "lane_frames.h"

#include "forward.h"
#include "handoff.h"
#include "lane.h"
#include "policy.h"

#define FLOWS   (2 * SESSIONS) /* of a subscriber's, up and down */
#define BURSTS  6000
#define OUTPUTS 512

/* What went somewhere: 'a' and 'c' sent by access or core, 'p' punted, 'h' handed over. */
struct output {
	char way;
	uint8_t kind;
	uint32_t session, generation;
	uint16_t length;
	uint8_t iface, family;
	uint8_t data[BYTES_MAX];
};

struct result {
	unsigned int n;
	struct output outputs[OUTPUTS];
	struct worker_stats stats, giver_stats;
	struct session sessions[SESSIONS];
	struct sa_state in, out;
};

static struct worker *w;
static struct worker *giver; /* receives the bursts, if not w itself */
static struct result by_lane, by_stages;
static struct worker before, giver_before;
static struct session sessions_before[SESSIONS];
/* of the LNS's and the LAC's SAs that count what arrives and leaves */
static struct {
	struct sa_state state;
	uint64_t ring[REPLAY_WINDOW_DEFAULT / 32];
} sas_before[3];

static uint16_t nat_port; /* of the LAC's ESP; 0: native */

static void start(void)
{
	struct dataplane_settings settings = rig_settings(2);
	struct tunnel_path path = rig_path4(), path6 = rig_path6();
	uint32_t members[2], other = RIG_IP(198, 51, 100, 3), net;
	struct fib *fib;

	settings.reassembly = false; /* it would remember the first run in the second */
	rig_eal_init("0@0,1@0,2@0");
	rig_create(&rig, &settings);
	w = rig.dp->workers[0];
	giver = rig.dp->workers[1];
	rig_tunnel(&rig);
	rig_tunnel_to(&rig, 8, &path, TUNNEL_LENGTH_BIT);
	rig_tunnel_to(&rig, 9, &path, TUNNEL_UDP_CHECKSUM);
	rig_tunnel_to(&rig, 10, &path6, 0);
	path.sa_group = 5; /* without any SA */
	rig_tunnel_to(&rig, 11, &path, 0);
	lac_init();
	cr_assert_leq(replay_ring_size(REPLAY_WINDOW_DEFAULT), sizeof(sas_before[0].ring));
	lac_open(&rig, &lac, &(const struct lac_settings){.family = 4, .port = nat_port});
	path = lac_path(&lac);
	rig_tunnel_to(&rig, 13, &path, 0);
	for (uint32_t i = 0; i < SESSIONS; i++) {
		static const uint32_t flags[SESSIONS] = {
			[5] = RIG_FLAGS | SESSION_SEND_SEQ | SESSION_EXPECT_SEQ,
			[6] = RIG_FLAGS | SESSION_SEND_ACFC | SESSION_SEND_PFC,
			[7] = SESSION_FORWARD4, /* IPv6CP is closed */
			[8] = RIG_FLAGS,        /* owned by the other worker */
			[9] = RIG_FLAGS | SESSION_POLICY,
			[10] = RIG_FLAGS | SESSION_POLICY,
			[11] = RIG_FLAGS | SESSION_NO_HAIRPIN,
		};

		cr_assert_eq(rig_session(&rig, tunnel_of(i), id_of(i), i == 8, 1400,
				     flags[i] != 0 ? flags[i] : RIG_FLAGS),
			i);
	}
	fib = dataplane_fib(rig.dp, 0);
	members[0] = fib_target(FIB_ADJACENCY, rig.adjacency[RIG_CORE0]);
	members[1] = fib_target(FIB_ADJACENCY,
		rig_adjacency(&rig, RIG_CORE0, 4, (uint8_t *)&other, rig_router_mac, 1300));
	net = RIG_IP(203, 0, 114, 0);
	cr_assert_eq(
		fib_set4(fib, net, 24,
			fib_target(FIB_GROUP, (uint32_t)group_create(rig.dp->groups, members, 2))),
		0);
	net = RIG_IP(203, 0, 115, 0);
	cr_assert_eq(fib_set4(fib, net, 24, fib_target(FIB_UNREACHABLE, FIB_PROHIBIT)), 0);
	net = RIG_IP(203, 0, 116, 0);
	cr_assert_eq(fib_set4(fib, net, 24, fib_target(FIB_GLEAN, RIG_CORE0)), 0);
}

/* The same bucket whenever it is called: it is not filled again within a test. */
static void policers_reset(void)
{
	struct message message = {
		.policer = {.up_rate = 1, .up_burst = 3000, .down_rate = 1, .down_burst = 3000}};

	cr_assert_eq(policy_set_policer(w, rig_session_at(&rig, 9), &message), 0);
	policy_set_filter(rig_session_at(&rig, 10), true, true);
}

static void finish(void)
{
	rig_destroy(&rig);
	lac_fini();
}

TestSuite(lane, .init = start, .fini = finish);

static void identification_clear(uint8_t *ip)
{
	store16(ip + 4, 0);
	store16(ip + 10, 0);
}

/* An error that went into a tunnel. */
static void tunnelled_clear(uint8_t *ip, uint32_t length)
{
	uint32_t l3 = ip[0] >> 4 == 4 ? 20 : 40;

	for (uint32_t i = l3 + 8; i < l3 + 40 && i + 20 < length; i++)
		if (ip[i] == 0x45 && ip[i + 1] == 0xc0 && ip[i + 9] == IPPROTO_ICMP) {
			identification_clear(ip + i);
			store16(ip + l3 + 6, 0); /* UDP's, over it */
		}
}

/* As the LAC gets it: in which order the packets of several sessions were numbered is nobody's business. */
static void output_open(struct output *output)
{
	static struct frame sealed;

	sealed.n = 0;
	frame_add(&sealed, output->data, output->length);
	cr_assert_eq(lac_unwrap(&lac, &sealed), ESP_ACCEPTED);
	memset(output->data, 0, output->length);
	memcpy(output->data, sealed.data, sealed.n);
	output->length = (uint16_t)sealed.n;
}

static void output_add(struct result *result, char way, struct rte_mbuf *m, bool with_meta)
{
	struct output *output = &result->outputs[result->n++];
	const struct meta *meta = meta_of(m);

	cr_assert_lt(result->n, OUTPUTS);
	memset(output, 0, sizeof(*output));
	output->way = way;
	output->length = (uint16_t)m->pkt_len;
	cr_assert_leq(m->pkt_len, BYTES_MAX);
	const void *p = rte_pktmbuf_read(m, 0, m->pkt_len, output->data);
	if (p != output->data)
		memcpy(output->data, p, m->pkt_len);
	if (way == 'a' && load_be16(output->data + 12) == RTE_ETHER_TYPE_IPV4 &&
		output->data[14 + 9] == (nat_port ? IPPROTO_UDP : IPPROTO_ESP) &&
		load32(output->data + 14 + (nat_port ? 28 : 20)) == lac.out->spi)
		output_open(output);
	if (way == 'a')
		tunnelled_clear(output->data + 14, output->length - 14u);
	/* an error to ourselves, or to where the next hop is not known */
	if ((way == 'p' || way == 'h') && output->data[0] == 0x45 &&
		output->data[9] == IPPROTO_ICMP)
		identification_clear(output->data);
	if (with_meta) {
		output->kind = meta->kind;
		output->session = meta->session;
		output->generation = meta->generation;
		output->iface = meta->iface;
		output->family = meta->inner_family;
	} else if (load_be16(output->data + 12) == RTE_ETHER_TYPE_IPV4) {
		uint8_t *ip = output->data + 14;

		/* identifications of ours number packets */
		if (way == 'a' && load32(ip + 16) == RIG_LAC)
			cr_expect_eq(ip4_header_sum(ip, (ip[0] & 15) * 4u), 0xffff);
		if (way == 'a' || ip[9] == IPPROTO_ICMP)
			identification_clear(ip);
		/* and so do the data sequence numbers, of packets to one session from two sides */
		if (way == 'a' && ip[9] == IPPROTO_UDP && ip[28] & 0x08)
			store32(ip + 28 + 6 + (ip[28] & 0x40 ? 2 : 0), 0);
	}
	rte_pktmbuf_free(m);
}

static void outputs_take(struct result *result)
{
	struct rte_mbuf *m;
	void *object;

	for (unsigned int i = 0; i < RIG_IFACES; i++)
		while (rte_ring_dequeue(rig.tx[i], &object) == 0)
			output_add(result, i == RIG_ACCESS ? 'a' : 'c', object, false);
	for (unsigned int ring = 0; ring < PUNT_RINGS; ring++)
		while (dataplane_punt_poll(rig.dp, (enum punt_ring)ring, &m, 1) == 1)
			output_add(result, 'p', m, true);
	while (rte_ring_dequeue(rig.dp->handoff[0][1], &object) == 0)
		output_add(result, 'h', object, true);
}

static void receive(struct worker *to, struct rte_mbuf **pkts, unsigned int n, unsigned int iface)
{
	to->rx_port = &rig.dp->ports[rig.dp->ifaces[iface].port];
	worker_receive(to, to->rx_port->ethdev, pkts, (uint16_t)n);
	forward_local_out(to);
	worker_flush(to);
}

static void run(unsigned int n, unsigned int iface, bool given, bool lane, struct result *result)
{
	struct rte_mbuf *pkts[BURST];

	for (unsigned int i = 0; i < n; i++) {
		pkts[i] = rte_pktmbuf_alloc(dataplane_mempool(rig.dp));
		memcpy(rte_pktmbuf_append(pkts[i], burst[i].length), burst[i].data,
			burst[i].length);
		pkts[i]->ol_flags = burst[i].ol_flags;
		memset(meta_of(pkts[i]), 0xa5, sizeof(struct meta)); /* of an earlier life */
	}
	result->n = 0;
	w->lanes = giver->lanes = lane;
	receive(given ? giver : w, pkts, n, iface);
	while (given && handoff_poll(w)) {
		forward_local_out(w);
		worker_flush(w);
	}
	outputs_take(result);
	result->stats = w->stats;
	result->giver_stats = giver->stats;
	for (uint32_t i = 0; i < SESSIONS; i++)
		result->sessions[i] = *rig_session_at(&rig, i);
	result->in = lac.in->state;
	result->out = lac.out->state;
}

static int output_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct output));
}

/* The packet that the mark at i is in is quoted by an ICMP error. */
static bool output_quotes(const uint8_t *data, unsigned int i)
{
	unsigned int v4 = 48 + 8 + 20, v6 = 68 + 8 + 40;

	return (i >= v4 && data[i - v4] == 0x45 && data[i - v4 + 9] == IPPROTO_ICMP) ||
		(i >= v6 && data[i - v6] >> 4 == 6 && data[i - v6 + 6] == IPPROTO_ICMPV6);
}

/* The tunnel and session that a packet to the LAC is for. */
static uint32_t output_session(const struct output *output)
{
	const uint8_t *ip = output->data + 14, *l2tp = ip + (ip[0] >> 4 == 4 ? 20 : 40) + 8;

	return load32(l2tp + (l2tp[0] & 0x40 ? 4 : 2));
}

/* The number in a packet that left, and of which flow; false: there is none. */
static bool output_number(const struct output *output, uint64_t *flow, uint32_t *found)
{
	if (output->way != 'a' && output->way != 'c')
		return false;
	for (unsigned int i = 14; i + 9 <= output->length && i < 200; i++)
		if (load32(output->data + i) == MARK && !output_quotes(output->data, i)) {
			*found = load32(output->data + i + 4);
			*flow = output->data[i + 8];
			/* to other subscribers: a flow for each of them */
			if (output->way == 'a')
				*flow |= (uint64_t)output_session(output) << 32 | 1u << 16;
			return output->data[i + 8] < FLOWS;
		}
	return false;
}

/* Of the flow, the number that comes behind so many others; UINT32_MAX: there are fewer. */
static uint32_t result_number(const struct result *result, uint64_t flow, unsigned int behind)
{
	for (unsigned int i = 0; i < result->n; i++) {
		uint64_t of;
		uint32_t found;

		if (output_number(&result->outputs[i], &of, &found) && of == flow && behind-- == 0)
			return found;
	}
	return UINT32_MAX;
}

/* Of each session and direction, the numbers by the lane come in the order of those by the stages. */
static void order_check(const struct result *lane, const struct result *stages, unsigned int at)
{
	for (unsigned int i = 0; i < lane->n; i++) {
		unsigned int ahead = 0;
		uint64_t flow, other;
		uint32_t a, b;

		if (!output_number(&lane->outputs[i], &flow, &a))
			continue;
		for (unsigned int j = 0; j < i; j++)
			ahead += output_number(&lane->outputs[j], &other, &b) && other == flow;
		cr_assert_eq(result_number(stages, flow, ahead), a,
			"burst %u: flow %lx out of order", at, (unsigned long)flow);
	}
}

static void output_show(const char *by, const struct output *output)
{
	fprintf(stderr, "%s: %c kind %u session %u/%u iface %u family %u\n", by, output->way,
		output->kind, output->session, output->generation, output->iface, output->family);
	for (unsigned int i = 0; i < output->length; i++)
		fprintf(stderr, "%02x%s", output->data[i], i % 32 == 31 ? "\n" : " ");
	fprintf(stderr, "\n");
}

static void results_compare(unsigned int at)
{
	cr_assert_eq(memcmp(&by_lane.stats, &by_stages.stats, sizeof(by_lane.stats)), 0,
		"burst %u: statistics", at);
	cr_assert_eq(
		memcmp(&by_lane.giver_stats, &by_stages.giver_stats, sizeof(by_lane.giver_stats)),
		0, "burst %u: statistics of who received it", at);
	for (uint32_t i = 0; i < SESSIONS; i++)
		cr_assert_eq(memcmp(&by_lane.sessions[i], &by_stages.sessions[i],
				     sizeof(struct session)),
			0, "burst %u: session %u", at, i);
	cr_assert_eq(memcmp(&by_lane.in, &by_stages.in, sizeof(by_lane.in)), 0,
		"burst %u: inbound SA", at);
	cr_assert_eq(memcmp(&by_lane.out, &by_stages.out, sizeof(by_lane.out)), 0,
		"burst %u: outbound SA", at);
	cr_assert_eq(
		by_lane.n, by_stages.n, "burst %u: %u and %u packets", at, by_lane.n, by_stages.n);
	order_check(&by_lane, &by_stages, at);
	qsort(by_lane.outputs, by_lane.n, sizeof(struct output), output_compare);
	qsort(by_stages.outputs, by_stages.n, sizeof(struct output), output_compare);
	for (unsigned int i = 0; i < by_lane.n; i++) {
		const struct output *a = &by_lane.outputs[i], *b = &by_stages.outputs[i];

		if (output_compare(a, b) != 0) {
			output_show("lane", a);
			output_show("stages", b);
			cr_assert_fail("burst %u: packet %u", at, i);
		}
	}
}

static struct sa *sa_of(unsigned int i)
{
	struct sa *const sas[] = {lac.in, lac.out, lac.receives};

	return sas[i];
}

static void state_save(void)
{
	for (unsigned int i = 0; i < RTE_DIM(sas_before); i++) {
		struct sa *sa = sa_of(i);

		sas_before[i].state = sa->state;
		if (sa->direction == SA_INBOUND)
			memcpy(sas_before[i].ring, sa->ring,
				replay_ring_size(REPLAY_WINDOW_DEFAULT));
	}
	before = *w;
	giver_before = *giver;
	for (uint32_t i = 0; i < SESSIONS; i++)
		sessions_before[i] = *rig_session_at(&rig, i);
}

static void state_restore(void)
{
	for (unsigned int i = 0; i < RTE_DIM(sas_before); i++) {
		struct sa *sa = sa_of(i);

		sa->state = sas_before[i].state;
		if (sa->direction == SA_INBOUND)
			memcpy(sa->ring, sas_before[i].ring,
				replay_ring_size(REPLAY_WINDOW_DEFAULT));
	}
	*w = before;
	*giver = giver_before;
	for (uint32_t i = 0; i < SESSIONS; i++)
		*rig_session_at(&rig, i) = sessions_before[i];
}

/* What the lane alone takes of the burst in hand. */
static unsigned int lane_takes(unsigned int n)
{
	struct rte_mbuf *pkts[BURST];
	uint16_t left;

	for (unsigned int i = 0; i < n; i++) {
		pkts[i] = rte_pktmbuf_alloc(dataplane_mempool(rig.dp));
		memcpy(rte_pktmbuf_append(pkts[i], burst[i].length), burst[i].data,
			burst[i].length);
		pkts[i]->ol_flags = burst[i].ol_flags;
	}
	left = lane_uplink(w, pkts, (uint16_t)n);
	if (left > 0)
		left = lane_downlink(w, pkts, left);
	rte_pktmbuf_free_bulk(pkts, left);
	worker_flush(w);
	outputs_take(&by_lane);
	return n - left;
}

static void lane_against_stages(void)
{
	unsigned int takes = 0, all = 0;

	random_state = 88172645463325252ull;
	w->now = rte_rdtsc() + (1ull << 40); /* after whatever reads the clock by itself */
	for (unsigned int at = 0; at < BURSTS; at++) {
		unsigned int n = one_in(4) ? BURST : 1 + rnd(BURST);
		unsigned int iface = rnd(2);
		struct iface *both = &rig.dp->ifaces[iface];
		struct port *port = &rig.dp->ports[both->port];

		both->role = one_in(4) ? IFACE_ACCESS | IFACE_CORE
				       : (iface == RIG_ACCESS ? IFACE_ACCESS : IFACE_CORE);
		port->rx_ip_checksum = one_in(4);
		port->rx_udp_checksum = one_in(4);
		layout_set(rnd(2) ? LAYOUT_UNTAGGED : (enum layout)rnd(LAYOUTS), iface);
		burst_make(n, iface == RIG_ACCESS);
		w->turn++;
		w->lanes = true;
		policers_reset();
		state_save();
		if (at % 16 == 0) {
			w->rx_port = port;
			takes += lane_takes(n);
			all += n;
			by_lane.n = 0;
			state_restore();
			policers_reset();
		}
		run(n, iface, false, true, &by_lane);
		state_restore();
		policers_reset();
		run(n, iface, false, false, &by_stages);
		results_compare(at);
	}
	cr_expect_gt(lac.in->state.packets, BURSTS / 4);
	cr_expect_gt(lac.out->state.packets, BURSTS / 4);
	/* a comparison of the stages with themselves would say nothing */
	cr_expect_gt(takes, all / 8, "the lane took %u of %u", takes, all);
}

Test(lane, what_comes_out_is_what_the_stages_make, .timeout = 300)
{
	lane_against_stages();
}

static void start_behind_nat(void)
{
	nat_port = 4500;
	start();
}

TestSuite(lane_behind_nat, .init = start_behind_nat, .fini = finish);

Test(lane_behind_nat, what_comes_out_is_what_the_stages_make, .timeout = 300)
{
	lane_against_stages();
}

Test(lane, what_another_worker_hands_over_too, .timeout = 300)
{
	uint64_t up = 0, down = 0;

	random_state = 6364136223846793005ull;
	w->now = giver->now = rte_rdtsc() + (1ull << 40);
	for (unsigned int at = 0; at < BURSTS / 2; at++) {
		unsigned int n = one_in(4) ? BURST : 1 + rnd(BURST);
		unsigned int iface = rnd(2);
		struct port *port = &rig.dp->ports[rig.dp->ifaces[iface].port];

		port->rx_ip_checksum = one_in(4);
		port->rx_udp_checksum = one_in(4);
		layout_set(rnd(2) ? LAYOUT_UNTAGGED : (enum layout)rnd(LAYOUTS), iface);
		burst_make(n, iface == RIG_ACCESS);
		w->turn++;
		giver->turn++;
		policers_reset();
		state_save();
		run(n, iface, true, true, &by_lane);
		up += w->stats.handoff_in[HANDOFF_UPLINK];
		down += w->stats.handoff_in[HANDOFF_DOWNLINK];
		state_restore();
		policers_reset();
		run(n, iface, true, false, &by_stages);
		results_compare(at);
		state_restore();
	}
	cr_expect_gt(up, BURSTS);
	cr_expect_gt(down, BURSTS);
}

/* What the kernel sends to a subscriber, by a worker that owns neither the session nor the SAs. */
Test(lane, a_handed_packet_keeps_its_priority_into_esp)
{
	const struct session *session;
	struct tunnel_path path;
	struct rte_mbuf *m;
	struct lac other;
	struct meta *meta;
	void *handed;

	lac_open(&rig, &other, &(const struct lac_settings){.family = 4, .owner = 1});
	path = lac_path(&other);
	rig_tunnel_to(&rig, 14, &path, 0);
	session = rig_session_at(&rig, rig_session(&rig, 14, 60, 0, 1400, RIG_FLAGS));
	inner_udp4(&inner, RIG_SERVER, rig_subscriber(60), 64);
	m = rte_pktmbuf_alloc(dataplane_mempool(rig.dp));
	memcpy(rte_pktmbuf_append(m, (uint16_t)inner.n), inner.data, inner.n);
	meta = meta_of(m);
	*meta = (struct meta){
		.session = session->index,
		.generation = session->generation,
		.inner_family = 4,
		.flags = META_PRIORITY | META_KERNEL,
	};
	cr_assert_eq(lane_downlink_handed(w, &m, 1), 0);
	worker_flush(w);
	cr_assert_eq(rte_ring_dequeue(rig.dp->handoff[0][1], &handed), 0);
	cr_expect_eq(handed, m);
	cr_expect_eq(meta->flags, META_PRIORITY | META_OUTER);
	rte_pktmbuf_free(m);
}

/* A burst of another worker's sessions needs no stage, neither with who receives it nor with who owns them. */
Test(lane, ordinary_bursts_of_others_need_no_stage)
{
	static const uint32_t sessions[] = {0, 1, 6, 9};

	for (unsigned int kind = 0; kind < 4; kind++) {
		bool up = kind & 1, v4 = kind & 2;
		struct rte_mbuf *pkts[BURST];

		policers_reset();
		for (unsigned int i = 0; i < BURST; i++) {
			uint16_t id = id_of(sessions[i % RTE_DIM(sessions)]);
			uint8_t address[16];

			rig_subscriber6(id, address);
			if (v4)
				inner_udp4(&inner, up ? rig_subscriber(id) : RIG_SERVER,
					up ? RIG_SERVER : rig_subscriber(id), 64);
			else
				inner_udp6(&inner, up ? address : rig_server6,
					up ? rig_server6 : address, 64);
			if (!up)
				frame_core4(&rig, &made, &inner);
			else
				frame_data(&rig, &made, tunnel_of(sessions[i % RTE_DIM(sessions)]),
					id, v4 ? 0x21 : 0x57, inner.data, inner.n);
			pkts[i] = rte_pktmbuf_alloc(dataplane_mempool(rig.dp));
			memcpy(rte_pktmbuf_append(pkts[i], (uint16_t)made.n), made.data, made.n);
		}
		giver->rx_port = &rig.dp->ports[rig.dp->ifaces[up ? RIG_ACCESS : RIG_CORE0].port];
		cr_expect_eq(
			up ? lane_uplink(giver, pkts, BURST) : lane_downlink(giver, pkts, BURST),
			0);
		worker_flush(giver);
		cr_assert_eq(rte_ring_dequeue_burst(w->handoff_in[1], (void **)pkts, BURST, NULL),
			BURST);
		w->turn++;
		cr_expect_eq(up ? lane_uplink_handed(w, pkts, BURST)
				: lane_downlink_handed(w, pkts, BURST),
			0);
		worker_flush(w);
		by_lane.n = 0;
		outputs_take(&by_lane);
		cr_expect_eq(by_lane.n, BURST);
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
}

/* A burst without anything odd: the lane takes all of it, in either direction and family, with and without tags. */
Test(lane, ordinary_bursts_need_no_stage)
{
	static const uint32_t sessions[] = {0, 1, 6, 9};

	random_state = 2862933555777941757ull;
	calm = 1u << 20;
	for (unsigned int kind = 0; kind < 4 * LAYOUTS; kind++) {
		bool up = kind & 1, v4 = kind & 2;
		unsigned int iface = up ? RIG_ACCESS : RIG_CORE0;
		struct rte_mbuf *pkts[BURST];

		layout_set((enum layout)(kind / 4), iface);
		policers_reset();
		for (unsigned int i = 0; i < BURST; i++) {
			uint16_t id = id_of(sessions[i % RTE_DIM(sessions)]);
			uint16_t tunnel = tunnel_of(sessions[i % RTE_DIM(sessions)]);
			uint8_t address[16];

			rig_subscriber6(id, address);
			if (v4)
				inner_udp4(&inner, up ? rig_subscriber(id) : RIG_SERVER,
					up ? RIG_SERVER : rig_subscriber(id), 64);
			else
				inner_udp6(&inner, up ? address : rig_server6,
					up ? rig_server6 : address, 64);
			if (up)
				frame_data(&rig, &made, tunnel, id, v4 ? 0x21 : 0x57, inner.data,
					inner.n);
			else
				frame_core4(&rig, &made, &inner);
			layout_tag(iface, iface);
			pkts[i] = rte_pktmbuf_alloc(dataplane_mempool(rig.dp));
			memcpy(rte_pktmbuf_append(pkts[i], (uint16_t)made.n), made.data, made.n);
		}
		w->turn++;
		w->rx_port = &rig.dp->ports[rig.dp->ifaces[iface].port];
		cr_expect_eq(up ? lane_uplink(w, pkts, BURST) : lane_downlink(w, pkts, BURST), 0,
			"%s, %s, layout %d", up ? "up" : "down", v4 ? "IPv4" : "IPv6", layout);
		worker_flush(w);
		by_lane.n = 0;
		outputs_take(&by_lane);
		cr_expect_eq(by_lane.n, BURST);
	}
	cr_expect_eq(rig_drops_all(&rig), 0);
}

/* Access and core on one port, interleaved: nothing is left for the stages. */
Test(lane, several_vlans_of_a_burst_need_no_stage)
{
	struct rte_mbuf *pkts[BURST];

	random_state = 2862933555777941757ull;
	calm = 1u << 20;
	layout_set(LAYOUT_ONE_ARM, RIG_ACCESS);
	for (unsigned int i = 0; i < BURST; i++) {
		bool up = i % 3 == 0;

		inner_udp4(&inner, up ? rig_subscriber(id_of(0)) : RIG_SERVER,
			up ? RIG_SERVER : rig_subscriber(id_of(0)), 64);
		if (up)
			frame_data(&rig, &made, tunnel_of(0), id_of(0), 0x21, inner.data, inner.n);
		else
			frame_core4(&rig, &made, &inner);
		memcpy(made.data, rig.mac[RIG_ACCESS], 6);
		layout_tag(up ? RIG_ACCESS : RIG_CORE0, RIG_ACCESS);
		pkts[i] = rte_pktmbuf_alloc(dataplane_mempool(rig.dp));
		memcpy(rte_pktmbuf_append(pkts[i], (uint16_t)made.n), made.data, made.n);
	}
	w->turn++;
	w->rx_classes = 0xff; /* classify would write it */
	receive(w, pkts, BURST, RIG_ACCESS);
	by_lane.n = 0;
	outputs_take(&by_lane);
	cr_expect_eq(by_lane.n, BURST);
	cr_expect_eq(w->rx_classes, 0xff);
	cr_expect_eq(w->stats.iface[RIG_ACCESS].rx_packets, (BURST + 2) / 3);
	cr_expect_eq(w->stats.iface[RIG_CORE0].rx_packets, BURST - (BURST + 2) / 3);
	cr_expect_eq(rig_drops_all(&rig), 0);
}
