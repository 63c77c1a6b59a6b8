/* SPDX-License-Identifier: BSD-3-Clause */
/* Bursts of many SAs: each packet by its own SA's keys and numbers, and its own verdict, wherever it stood. */
#include "esp_rig.h"

#define SAS 70 /* more than are worked on at once */
#define MAX 200

TestSuite(esp_batches, .init = rig_init, .fini = rig_fini);

/* SAs whose keys all differ, of all algorithms or of one, and packets that belong to them. */
struct burst {
	struct sa *out[SAS], *in[SAS];
	struct esp_batch batches[SAS];
	struct rte_mbuf *pkts[MAX];
	struct esp_result results[MAX];
	uint8_t sa[MAX], original[MAX][1500];
	uint32_t lengths[MAX];
	uint16_t n_sas, n;
};

static struct burst burst;

static void sas_create(uint16_t n, int algorithm)
{
	memset(&burst, 0, sizeof(burst));
	burst.n_sas = n;
	for (uint16_t k = 0; k < n; k++) {
		size_t i = algorithm < 0 ? k % RIG_ALGORITHMS : (size_t)algorithm;

		if (rig_lacks(rig_algorithms[i].cipher))
			i = 0;
		rig_fill(rig_key, sizeof(rig_key));
		rig_fill(rig_auth_key, sizeof(rig_auth_key));

		struct sa_params params = rig_params(i, SA_OUTBOUND);

		params.spi = RIG_SPI + k;
		params.mode = k % 7 == 3 ? SA_TUNNEL : SA_TRANSPORT;
		params.outer_family = 4;
		params.encap = k % 5 == 2;
		params.encap_source = 4500;
		params.encap_destination = 31337;
		params.esn = k % 3 == 1;
		params.sequence = params.esn ? UINT32_MAX - 2u : 0;
		burst.out[k] = rig_sa(&params);
		params.direction = SA_INBOUND;
		burst.in[k] = rig_sa(&params);
	}
}

static void sas_destroy(void)
{
	for (uint16_t k = 0; k < burst.n_sas; k++) {
		sa_destroy(rig_store, burst.out[k]);
		sa_destroy(rig_store, burst.in[k]);
	}
}

/* Packets of SA k, counts[k] of them, of random lengths; results say nothing yet. */
static void packets_make(const uint16_t *counts)
{
	burst.n = 0;
	for (uint16_t k = 0; k < burst.n_sas; k++) {
		burst.batches[k] = (struct esp_batch){
			.pkts = burst.pkts + burst.n,
			.results = burst.results + burst.n,
			.n = counts[k],
		};
		for (uint16_t i = 0; i < counts[k]; i++, burst.n++) {
			struct rte_mbuf *m =
				rig_packet(4, IPPROTO_UDP, (uint32_t)(rig_random() >> 40) % 1400);

			cr_assert_lt(burst.n, MAX);
			burst.pkts[burst.n] = m;
			burst.sa[burst.n] = (uint8_t)k;
			burst.lengths[burst.n] = rig_bytes(m, burst.original[burst.n]);
		}
	}
	memset(burst.results, 0xff, sizeof(burst.results));
}

static void batches_run(enum sa_direction direction)
{
	for (uint16_t k = 0; k < burst.n_sas; k++)
		burst.batches[k].sa = direction == SA_INBOUND ? burst.in[k] : burst.out[k];
	if (direction == SA_INBOUND)
		esp_inbound_batches(rig_engine, burst.batches, burst.n_sas);
	else
		esp_outbound_batches(rig_engine, burst.batches, burst.n_sas);
}

static void packet_check(uint16_t i)
{
	static uint8_t got[2048];

	cr_assert_eq(rig_bytes(burst.pkts[i], got), burst.lengths[i], "packet %u", i);
	cr_assert_eq(memcmp(got, burst.original[i], burst.lengths[i]), 0, "packet %u", i);
}

static void packets_free(void)
{
	rte_pktmbuf_free_bulk(burst.pkts, burst.n);
}

static void each_packet_is_sealed_for_its_own_sa(void)
{
	uint16_t counts[SAS];

	sas_create(SAS, -1);
	for (int turn = 0; turn < 4; turn++) {
		uint64_t before[SAS];

		/* none of some, and in the second turn one of each */
		for (uint16_t k = 0; k < SAS; k++) {
			counts[k] = turn == 1 ? 1 : (uint16_t)((rig_random() >> 30) % 5);
			before[k] = burst.out[k]->state.packets;
		}
		packets_make(counts);
		batches_run(SA_OUTBOUND);
		for (uint16_t i = 0; i < burst.n; i++) {
			rig_expect((enum esp_reject)burst.results[i].reject, ESP_ACCEPTED);
			/* one by one, in their order, by the SA with the same keys and no other */
			rig_expect(rig_in(burst.in[burst.sa[i]], burst.pkts[i]), ESP_ACCEPTED);
			packet_check(i);
		}
		for (uint16_t k = 0; k < SAS; k++) {
			cr_assert_eq(burst.out[k]->state.packets - before[k], counts[k]);
			/* numbers without a gap, in the order of the packets */
			cr_assert_eq(burst.in[k]->state.replay.top, burst.out[k]->state.sequence);
		}
		packets_free();
	}
	sas_destroy();
}

RIG_PER_ENGINE(esp_batches, each_packet_is_sealed_for_its_own_sa)

static void bad_packets_are_named_and_others_opened(void)
{
	enum esp_reject expected[MAX];
	uint16_t counts[SAS];

	sas_create(SAS, -1);
	for (uint16_t k = 0; k < SAS; k++)
		counts[k] = (uint16_t)(k % 4);
	packets_make(counts);
	for (uint16_t i = 0; i < burst.n; i++)
		rig_expect(rig_out(burst.out[burst.sa[i]], burst.pkts[i]), ESP_ACCEPTED);
	for (uint16_t i = 0; i < burst.n; i++) {
		struct rte_mbuf *m = burst.pkts[i];
		uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

		expected[i] = ESP_ACCEPTED;
		switch (i % 9) {
		case 2:
			ip[m->data_len - 1] ^= 1;
			expected[i] = ESP_REJECT_ICV;
			break;
		case 4:
			ip[m->data_len - 17] ^= 0x40; /* text, or ICV */
			expected[i] = ESP_REJECT_ICV;
			break;
		case 5:
			rte_pktmbuf_trim(m, (uint16_t)(m->data_len - 30));
			expected[i] = ESP_REJECT_TRUNCATED;
			break;
		case 7:
			ip[9] = IPPROTO_TCP;
			expected[i] = ESP_REJECT_ENCAPSULATION;
			break;
		default:
			break;
		}
	}
	batches_run(SA_INBOUND);

	uint64_t good[SAS] = {0}, icv[SAS] = {0};

	for (uint16_t i = 0; i < burst.n; i++) {
		rig_expect((enum esp_reject)burst.results[i].reject, expected[i]);
		if (expected[i] == ESP_ACCEPTED) {
			packet_check(i);
			good[burst.sa[i]]++;
		}
		icv[burst.sa[i]] += expected[i] == ESP_REJECT_ICV;
	}
	for (uint16_t k = 0; k < SAS; k++) {
		cr_assert_eq(burst.in[k]->state.packets, good[k], "SA %u", k);
		cr_assert_eq(burst.in[k]->state.rejects[ESP_REJECT_ICV], icv[k], "SA %u", k);
	}
	packets_free();
	sas_destroy();
}

RIG_PER_ENGINE(esp_batches, bad_packets_are_named_and_others_opened)

/* A key of another SA must not open it, though both are in flight together. */
static void packet_of_a_neighbour_is_not_authentic(void)
{
	for (int algorithm = 0; algorithm < (int)RIG_ALGORITHMS; algorithm++) {
		if (rig_lacks(rig_algorithms[algorithm].cipher))
			continue;

		uint16_t counts[SAS];

		sas_create(8, algorithm);
		for (uint16_t k = 0; k < 8; k++)
			counts[k] = 1;
		packets_make(counts);
		batches_run(SA_OUTBOUND);
		for (uint16_t k = 0; k < 8; k++)
			cr_assert_eq(burst.results[k].reject, ESP_ACCEPTED);

		/* nothing but their keys tells these two SAs apart, and the SPI, which is authentic too */
		struct rte_mbuf *swapped = burst.pkts[4];

		burst.pkts[4] = burst.pkts[1];
		burst.pkts[1] = swapped;
		batches_run(SA_INBOUND);
		for (uint16_t k = 0; k < 8; k++)
			rig_expect((enum esp_reject)burst.results[k].reject,
				k == 1 || k == 4 ? ESP_REJECT_ICV : ESP_ACCEPTED);
		packets_free();
		sas_destroy();
	}
}

RIG_PER_ENGINE(esp_batches, packet_of_a_neighbour_is_not_authentic)

static void number_seen_twice_in_a_burst_passes_once(void)
{
	static uint8_t wire[2048];

	for (int algorithm = 0; algorithm < (int)RIG_ALGORITHMS; algorithm++) {
		if (rig_lacks(rig_algorithms[algorithm].cipher))
			continue;

		uint16_t counts[SAS];

		sas_create(4, algorithm);
		for (uint16_t k = 0; k < 4; k++)
			counts[k] = 30; /* those of the third do not all go together */
		packets_make(counts);
		batches_run(SA_OUTBOUND);
		for (uint16_t i = 0; i < burst.n; i++)
			cr_assert_eq(burst.results[i].reject, ESP_ACCEPTED);
		/* near to each other, and in two flights */
		for (uint16_t i = 0; i < 2; i++) {
			uint16_t from = i == 0 ? 5 : 61, to = i == 0 ? 6 : 80;
			uint32_t n = rig_bytes(burst.pkts[from], wire);

			rte_pktmbuf_free(burst.pkts[to]);
			burst.pkts[to] = rig_copy(wire, n, 0);
		}
		batches_run(SA_INBOUND);
		for (uint16_t i = 0; i < burst.n; i++)
			rig_expect((enum esp_reject)burst.results[i].reject,
				i == 6 || i == 80 ? ESP_REJECT_REPLAYED : ESP_ACCEPTED);
		packets_free();
		sas_destroy();
	}
}

RIG_PER_ENGINE(esp_batches, number_seen_twice_in_a_burst_passes_once)

static void sa_without_numbers_holds_up_no_other(void)
{
	uint16_t counts[SAS];

	sas_create(26, -1);
	for (uint16_t k = 0; k < 26; k++)
		counts[k] = 3;
	/* the seventh has one left, and the eighth none */
	burst.out[6]->sequence_limit = burst.out[6]->state.sequence + 1;
	burst.out[7]->sequence_limit = burst.out[7]->state.sequence;
	packets_make(counts);
	batches_run(SA_OUTBOUND);
	for (uint16_t i = 0; i < burst.n; i++) {
		bool refused = burst.sa[i] == 7 || (burst.sa[i] == 6 && i > 18);

		rig_expect((enum esp_reject)burst.results[i].reject,
			refused ? ESP_REJECT_LIMIT : ESP_ACCEPTED);
		if (refused)
			continue;
		rig_expect(rig_in(burst.in[burst.sa[i]], burst.pkts[i]), ESP_ACCEPTED);
		packet_check(i);
	}
	cr_assert_eq(burst.out[6]->state.rejects[ESP_REJECT_LIMIT], 2);
	cr_assert_eq(burst.out[7]->state.rejects[ESP_REJECT_LIMIT], 3);
	packets_free();
	sas_destroy();
}

RIG_PER_ENGINE(esp_batches, sa_without_numbers_holds_up_no_other)

Test(esp_batches, engine_without_jobs_refuses_them_by_name)
{
	uint16_t counts[SAS];
	struct esp_engine *ipsec_mb = rig_engine;

	sas_create(13, -1);
	for (uint16_t k = 0; k < 13; k++)
		counts[k] = 2;
	packets_make(counts);
	rig_engine = esp_engine_create(RIG_OPENSSL, SOCKET_ID_ANY);
	cr_assert_not_null(rig_engine, "%s", esp_reason());
	for (int in = 0; in < 2; in++) {
		batches_run(in ? SA_INBOUND : SA_OUTBOUND);
		for (uint16_t i = 0; i < burst.n; i++)
			rig_expect((enum esp_reject)burst.results[i].reject, ESP_REJECT_ENGINE);
	}
	esp_engine_destroy(rig_engine);
	rig_engine = ipsec_mb;
	packets_free();
	sas_destroy();
}
