/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles per packet of ESP, both directions, beside the same arithmetic without ESP, in one thread.
 *
 * usage: bench_esp [bursts] [algorithm] [engine] [SAs]
 *   bursts: per figure (1000); algorithm: those whose names begin so (""); engine (ipsec-mb); SAs: only with so many
 *   in a burst (0: 1, 8 and 64)
 *   --quick: 50 bursts of 64 and of 1400 bytes, 1 and 64 SAs; --json FILE: figures.h
 *
 * Payloads of 64 to 1400 bytes and IMIX (7 of 64, 4 of 576, 1 of 1400), transport mode over IPv4, replay window of
 * 1024 with numbers that advance. Bursts are of 32 packets of one SA, or of 64 packets of several.
 *
 * "bare" is libipsec-mb alone on buffers that are as warm: for AES-GCM the function called once per packet; for a
 * cipher with HMAC jobs, flushed after 1, 2, 4 ... of them, in the order of the packets or with the longest or the
 * shortest first, whichever is best; for ChaCha20-Poly1305 the calls that it consists of. "bad" is inbound with the
 * ICV of one packet in each burst corrupted, over inbound without. "each" is one call for each SA of the burst in
 * place of one for all. All alternate burst by burst; each figure is the median of its bursts, which a core that does
 * other things besides hardly moves.
 */
#include "engine.h"
#include "figures.h"

#include <rte_cycles.h>
#include <rte_eal.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#define BURST    64 /* of several SAs */
#define BURST_1  32 /* of one */
#define SETS     8  /* bursts of buffers in turn, as in a busy receive ring */
#define IMIX     0  /* in place of a payload */
#define IMIX_MAX 1400

/* Of jobs in flight. */
static const unsigned int depths[] = {1, 2, 4, 8, 16, 32, 64};
#define DEPTHS RTE_DIM(depths)

enum { AS_THEY_COME, LONGEST_FIRST, SHORTEST_FIRST, ORDERS };
#define WAYS (DEPTHS * ORDERS)

enum {
	OUT,
	IN,
	IN_BAD,
	OUT_EACH,
	IN_EACH,
	BARE_OUT,
	BARE_IN = BARE_OUT + WAYS,
	FIGURES = BARE_IN + WAYS,
};

static const struct {
	const char *name;
	enum esp_cipher cipher;
	size_t key_len;
	enum esp_auth auth;
	size_t auth_key_len;
} algorithms[] = {
	{"aes-gcm-16 128", ESP_CIPHER_AES_GCM_16, 20, ESP_AUTH_NONE, 0},
	{"aes-gcm-16 192", ESP_CIPHER_AES_GCM_16, 28, ESP_AUTH_NONE, 0},
	{"aes-gcm-16 256", ESP_CIPHER_AES_GCM_16, 36, ESP_AUTH_NONE, 0},
	{"chacha20-poly1305", ESP_CIPHER_CHACHA20_POLY1305, 36, ESP_AUTH_NONE, 0},
	{"aes-cbc 128 sha1-96", ESP_CIPHER_AES_CBC, 16, ESP_AUTH_HMAC_SHA1_96, 20},
	{"aes-cbc 128 sha256-128", ESP_CIPHER_AES_CBC, 16, ESP_AUTH_HMAC_SHA256_128, 32},
	{"aes-cbc 256 sha384-192", ESP_CIPHER_AES_CBC, 32, ESP_AUTH_HMAC_SHA384_192, 48},
	{"aes-cbc 256 sha512-256", ESP_CIPHER_AES_CBC, 32, ESP_AUTH_HMAC_SHA512_256, 64},
	{"3des-cbc sha1-96", ESP_CIPHER_3DES_CBC, 24, ESP_AUTH_HMAC_SHA1_96, 20},
};

/* What is measured, and libipsec-mb to compare with. */
static const char *wanted = "ipsec-mb"; /* the engine, as the configuration names it */
static struct esp_engine *worker, *engine;
static struct sa_store *worker_store, *store;
static struct rte_mbuf *pkts[SETS][BURST];

/* SAs of both directions, and the packets that go through them. */
struct load {
	unsigned int n_sas, burst;
	uint32_t payloads[BURST];
	struct sa *out[BURST], *in[BURST];           /* of what is measured */
	struct sa *bare_out[BURST], *bare_in[BURST]; /* of libipsec-mb */
};

static void check(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "bench_esp: %s\n", what);
	exit(1);
}

/* Of packet i of a burst; IMIX is the same in all bursts. */
static uint32_t payload_at(uint32_t payload, unsigned int i)
{
	static const uint16_t imix[] = {64, 576, 64, 64, 576, IMIX_MAX, 64, 576, 64, 64, 576, 64};

	return payload == IMIX ? imix[i % RTE_DIM(imix)] : payload;
}

/* Packet i is of SA i / (burst / n_sas): they stand by SA, as the dataplane sorts them. */
static void packets_write(const struct load *load, struct rte_mbuf **burst)
{
	for (unsigned int i = 0; i < load->burst; i++) {
		struct rte_mbuf *m = burst[i];
		uint16_t length = (uint16_t)(20 + load->payloads[i]);
		uint8_t *ip;

		rte_pktmbuf_reset(m);
		ip = (uint8_t *)rte_pktmbuf_append(m, length);
		memset(ip, 0, length);
		ip[0] = 0x45;
		ip[9] = IPPROTO_UDP;
	}
}

static int by_length(const void *a, const void *b)
{
	uint32_t x = ((const struct engine_op *)a)->length;
	uint32_t y = ((const struct engine_op *)b)->length;

	return x > y ? -1 : x < y;
}

/* The operations that ESP would hand to the engine for these packets. */
static void ops_write(
	const struct load *load, struct rte_mbuf **burst, unsigned int order, struct engine_op *ops)
{
	const struct sa *sa = load->bare_out[0];
	uint32_t align = sa->algorithm.align;

	for (unsigned int i = 0; i < load->burst; i++) {
		uint8_t *esp = rte_pktmbuf_mtod_offset(burst[i], uint8_t *, 20);

		ops[i] = (struct engine_op){
			.text = esp + 8 + sa->algorithm.iv,
			.length = (load->payloads[i] + 2 + align - 1) / align * align,
			.sequence = i,
			.index = (uint16_t)(i * load->n_sas / load->burst),
		};
		if (sa->algorithm.aead)
			engine_op_aead(&ops[i], sa, esp);
	}
	if (order != AS_THEY_COME)
		qsort(ops, load->burst, sizeof(ops[0]), by_length);
	for (unsigned int i = 0; order == SHORTEST_FIRST && i < load->burst / 2; i++) {
		struct engine_op op = ops[i];

		ops[i] = ops[load->burst - 1 - i];
		ops[load->burst - 1 - i] = op;
	}
}

/* What the jobs of an SA have in common. */
static IMB_JOB job_template(const struct sa *sa, bool encrypt)
{
	static const IMB_HASH_ALG hashes[ESP_AUTHS] = {
		[ESP_AUTH_HMAC_SHA1_96] = IMB_AUTH_HMAC_SHA_1,
		[ESP_AUTH_HMAC_SHA256_128] = IMB_AUTH_HMAC_SHA_256,
		[ESP_AUTH_HMAC_SHA384_192] = IMB_AUTH_HMAC_SHA_384,
		[ESP_AUTH_HMAC_SHA512_256] = IMB_AUTH_HMAC_SHA_512,
	};
	bool des = sa->cipher == ESP_CIPHER_3DES_CBC;
	const struct sa_keys *keys = sa->keys;

	return (IMB_JOB){
		.cipher_mode = des ? IMB_CIPHER_DES3 : IMB_CIPHER_CBC,
		.cipher_direction = encrypt ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT,
		.chain_order = encrypt ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER,
		.key_len_in_bytes = des ? 24 : 16 + 8u * sa->key_class,
		.enc_keys = des ? (const void *)keys->hmac.des3.schedules : keys->hmac.aes.encrypt,
		.dec_keys = des ? (const void *)keys->hmac.des3.schedules : keys->hmac.aes.decrypt,
		.iv_len_in_bytes = sa->algorithm.iv,
		.hash_alg = hashes[sa->auth],
		.u.HMAC._hashed_auth_key_xor_ipad = keys->hmac.inner,
		.u.HMAC._hashed_auth_key_xor_opad = keys->hmac.outer,
		.auth_tag_output_len_in_bytes = sa->algorithm.icv,
	};
}

static void jobs_run(const struct load *load, const struct engine_op *ops,
	const IMB_JOB templates[BURST], unsigned int depth)
{
	static uint8_t icvs[BURST][ESP_ICV_MAX];
	uint32_t iv = load->bare_out[0]->algorithm.iv, header = 8u + iv;
	IMB_MGR *mgr = engine->set.mgr;

	for (unsigned int i = 0; i < load->burst; i++) {
		IMB_JOB *job = IMB_GET_NEXT_JOB(mgr);

		*job = templates[ops[i].index];
		job->src = ops[i].text - header;
		job->dst = ops[i].text;
		job->cipher_start_src_offset_in_bytes = header;
		job->msg_len_to_cipher_in_bytes = ops[i].length;
		job->msg_len_to_hash_in_bytes = header + ops[i].length;
		job->iv = ops[i].text - iv;
		job->auth_tag_output = icvs[i];
		for (job = IMB_SUBMIT_JOB_NOCHECK(mgr); job != NULL;)
			job = IMB_GET_COMPLETED_JOB(mgr);
		while ((i + 1) % depth == 0 && IMB_FLUSH_JOB(mgr) != NULL)
			;
	}
	while (IMB_FLUSH_JOB(mgr) != NULL)
		;
}

static uint64_t bare_run(
	const struct load *load, struct engine_op *ops, bool encrypt, unsigned int depth)
{
	struct sa *const *sas = encrypt ? load->bare_out : load->bare_in;
	unsigned int class = sas[0]->key_class;
	aes_gcm_enc_dec_t call = (encrypt ? engine->gcm_encrypt : engine->gcm_decrypt)[class];
	uint8_t icv[16] __attribute__((aligned(16)));
	static IMB_JOB templates[BURST];
	uint64_t start;

	for (unsigned int i = 0; i < load->n_sas; i++)
		templates[i] = job_template(sas[i], encrypt);
	start = rte_rdtsc();
	if (!sas[0]->algorithm.aead) {
		jobs_run(load, ops, templates, depth);
		return rte_rdtsc() - start;
	}
	for (unsigned int i = 0; i < load->burst; i++) {
		const struct sa *sa = sas[ops[i].index];

		if (sa->cipher == ESP_CIPHER_AES_GCM_16)
			call(&sa->keys->gcm, &engine->context.gcm, ops[i].text, ops[i].text,
				ops[i].length, ops[i].nonce, ops[i].aad, ops[i].aad_length, icv,
				16);
		else if (encrypt)
			ipsec_mb_seal(engine, sa, &ops[i], 1);
		else
			ipsec_mb_open(engine, sa, &ops[i], 1);
	}
	return rte_rdtsc() - start;
}

/* One direction; each: in one call for each SA. */
static uint64_t esp_run(const struct load *load, enum sa_direction direction,
	struct rte_mbuf **burst, bool each, unsigned int refused)
{
	struct sa *const *sas = direction == SA_INBOUND ? load->in : load->out;
	unsigned int n = load->burst / load->n_sas, accepted = 0;
	struct esp_result results[BURST];
	struct esp_batch batches[BURST];
	uint64_t start = rte_rdtsc(), cycles;

	if (each || load->n_sas == 1) {
		for (unsigned int i = 0; i < load->n_sas; i++) {
			if (i + 1 < load->n_sas) {
				esp_prefetch(sas[i + 1]);
				rte_prefetch0(&sas[i + 1]->sequence_limit);
			}
			if (direction == SA_INBOUND)
				esp_inbound_burst(worker, sas[i], burst + i * n, (uint16_t)n,
					results + i * n);
			else
				esp_outbound_burst(worker, sas[i], burst + i * n, (uint16_t)n,
					results + i * n);
		}
	} else {
		for (unsigned int i = 0; i < load->n_sas; i++)
			batches[i] = (struct esp_batch){.sa = sas[i],
				.pkts = burst + i * n,
				.results = results + i * n,
				.n = (uint16_t)n};
		if (direction == SA_INBOUND)
			esp_inbound_batches(worker, batches, (uint16_t)load->n_sas);
		else
			esp_outbound_batches(worker, batches, (uint16_t)load->n_sas);
	}
	cycles = rte_rdtsc() - start;
	for (unsigned int i = 0; i < load->burst; i++)
		accepted += results[i].reject == ESP_ACCEPTED;
	check(accepted == load->burst - refused, "not the packets that should be were refused");
	return cycles;
}

static void burst_run(const struct load *load, struct rte_mbuf **burst, unsigned int orders,
	uint64_t cycles[FIGURES])
{
	static struct engine_op ops[BURST];

	for (unsigned int each = 0; each < (load->n_sas > 1 ? 2 : 1); each++) {
		packets_write(load, burst);
		cycles[each ? OUT_EACH : OUT] = esp_run(load, SA_OUTBOUND, burst, each, 0);
		cycles[each ? IN_EACH : IN] = esp_run(load, SA_INBOUND, burst, each, 0);
	}
	packets_write(load, burst);
	esp_run(load, SA_OUTBOUND, burst, false, 0);
	*rte_pktmbuf_mtod_offset(burst[13], uint8_t *, burst[13]->data_len - 1) ^= 1;
	cycles[IN_BAD] = esp_run(load, SA_INBOUND, burst, false, 1);
	for (unsigned int i = 0; i < orders; i++)
		for (unsigned int k = 0; k < (load->bare_out[0]->algorithm.aead ? 1 : DEPTHS);
			k++) {
			packets_write(load, burst);
			ops_write(load, burst, i, ops);
			cycles[BARE_OUT + i * DEPTHS + k] = bare_run(load, ops, true, depths[k]);
			cycles[BARE_IN + i * DEPTHS + k] = bare_run(load, ops, false, depths[k]);
		}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The way whose median is lowest. */
static unsigned int best(const uint64_t *medians)
{
	unsigned int lowest = 0;

	for (unsigned int i = 1; i < WAYS; i++)
		if (medians[i] < medians[lowest])
			lowest = i;
	return lowest;
}

/* Of sorted samples: the median, and the quartiles as its spread. test: algorithm, size, SAs. */
static void figure_burst(const char *contestant, const char *test, const char *way,
	const uint64_t *sorted, unsigned int bursts, double n)
{
	figures_write(&(struct figure_line){.contestant = contestant,
			      .median = (double)sorted[bursts / 2] / n,
			      .low = (double)sorted[bursts / 4] / n,
			      .high = (double)sorted[bursts * 3 / 4] / n},
		"%s, %s, %s", test, way, wanted);
}

static void figures_print(const char *name, const struct load *load, uint32_t payload,
	uint64_t *samples[FIGURES], unsigned int bursts)
{
	uint64_t median[FIGURES], out, in, n = load->burst;
	char size[16] = "imix", test[100];
	unsigned int best_out, best_in;
	int length;

	for (unsigned int figure = 0; figure < FIGURES; figure++) {
		qsort(samples[figure], bursts, sizeof(uint64_t), compare);
		median[figure] = samples[figure][bursts / 2];
		if (median[figure] == 0)
			median[figure] = UINT64_MAX; /* a way that makes no difference */
	}
	best_out = BARE_OUT + best(median + BARE_OUT);
	best_in = BARE_IN + best(median + BARE_IN);
	out = median[best_out];
	in = median[best_in];
	if (payload != IMIX)
		snprintf(size, sizeof(size), "%u", payload);
	length = snprintf(
		test, sizeof(test), "%s, %s%s", name, size, payload != IMIX ? " bytes" : "");
	if (load->n_sas > 1)
		snprintf(test + length, sizeof(test) - (size_t)length, ", %u SAs", load->n_sas);
	figure_burst("lnsd", test, "inbound", samples[IN], bursts, load->burst);
	figure_burst("lnsd", test, "outbound", samples[OUT], bursts, load->burst);
	figure_burst("lnsd", test, "inbound, one packet of a burst bad", samples[IN_BAD], bursts,
		load->burst);
	figure_burst("libipsec-mb alone", test, "inbound", samples[best_in], bursts, load->burst);
	figure_burst("libipsec-mb alone", test, "outbound", samples[best_out], bursts, load->burst);
	printf("%-24s %3u %5s %8lu %8lu %6.2f %8lu %8lu %6.2f %6.2f", name, load->n_sas, size,
		median[IN] / n, in / n, (double)median[IN] / (double)in, median[OUT] / n, out / n,
		(double)median[OUT] / (double)out, (double)median[IN_BAD] / (double)median[IN]);
	if (load->n_sas > 1) {
		figure_burst("lnsd", test, "inbound, one call for each SA", samples[IN_EACH],
			bursts, load->burst);
		figure_burst("lnsd", test, "outbound, one call for each SA", samples[OUT_EACH],
			bursts, load->burst);
		printf(" %8lu %8lu", median[IN_EACH] / n, median[OUT_EACH] / n);
	}
	printf("\n");
}

/* Keys that are of no other SA. false: the engine has not the algorithm. */
static bool sas_create(struct load *load, size_t i)
{
	uint8_t key[ESP_KEY_MAX] = "one key is as good as another here";
	uint8_t auth_key[ESP_AUTH_KEY_MAX] = {1, 2, 3};
	struct sa_params params = {
		.cipher = algorithms[i].cipher,
		.auth = algorithms[i].auth,
		.permit = ESP_PERMIT_3DES,
		.key = key,
		.key_len = algorithms[i].key_len,
		.auth_key = auth_key,
		.auth_key_len = algorithms[i].auth_key_len,
		.window = REPLAY_WINDOW_DEFAULT,
		.next_header = IPPROTO_UDP,
		.sequence_limit = UINT64_MAX,
	};

	for (unsigned int k = 0; k < load->n_sas; k++) {
		params.spi = 4711 + k;
		key[0] = auth_key[0] = (uint8_t)k;
		params.direction = SA_OUTBOUND;
		if (sa_create(worker_store, &params, &load->out[k]) < 0) {
			check(k == 0, "no SA");
			return false;
		}
		check(sa_create(store, &params, &load->bare_out[k]) == 0, "no SA");
		params.direction = SA_INBOUND;
		check(sa_create(worker_store, &params, &load->in[k]) == 0, "no SA");
		check(sa_create(store, &params, &load->bare_in[k]) == 0, "no SA");
	}
	return true;
}

static void sas_destroy(const struct load *load)
{
	for (unsigned int k = 0; k < load->n_sas; k++) {
		sa_destroy(worker_store, load->out[k]);
		sa_destroy(worker_store, load->in[k]);
		sa_destroy(store, load->bare_out[k]);
		sa_destroy(store, load->bare_in[k]);
	}
}

static void algorithm_run(size_t i, uint32_t payload, unsigned int n_sas, unsigned int bursts)
{
	struct load load = {.n_sas = n_sas, .burst = n_sas == 1 ? BURST_1 : BURST};
	uint64_t *samples[FIGURES];

	for (unsigned int k = 0; k < load.burst; k++)
		load.payloads[k] = payload_at(payload, k);
	if (!sas_create(&load, i)) {
		printf("%-24s %3u %5u %s\n", algorithms[i].name, n_sas, payload, esp_reason());
		return;
	}
	for (unsigned int figure = 0; figure < FIGURES; figure++)
		check((samples[figure] = calloc(bursts, sizeof(uint64_t))) != NULL, "no memory");
	for (unsigned int burst = 0; burst < bursts; burst++) {
		uint64_t cycles[FIGURES] = {0};

		burst_run(&load, pkts[burst % SETS], payload == IMIX ? ORDERS : 1, cycles);
		for (unsigned int figure = 0; figure < FIGURES; figure++)
			samples[figure][burst] = cycles[figure];
	}
	figures_print(algorithms[i].name, &load, payload, samples, bursts);
	for (unsigned int figure = 0; figure < FIGURES; figure++)
		free(samples[figure]);
	sas_destroy(&load);
}

/* Of several SAs the smallest and the largest, and IMIX. Of 3DES neither: a job alone takes a million cycles. */
static void sizes_run(size_t i, unsigned int n_sas, unsigned int bursts, bool quick)
{
	static const uint32_t payloads[] = {64, 256, 512, 1024, IMIX_MAX, IMIX};

	bool des = algorithms[i].cipher == ESP_CIPHER_3DES_CBC;

	for (size_t k = 0; k < RTE_DIM(payloads); k++) {
		bool end = payloads[k] == 64 || payloads[k] == IMIX_MAX;

		if (des && (n_sas > 1 || payloads[k] == IMIX))
			continue;
		if (end || (!quick && (n_sas == 1 || payloads[k] == IMIX)))
			algorithm_run(i, payloads[k], n_sas, bursts);
	}
}

int main(int argc, char **argv)
{
	static const unsigned int numbers[] = {1, 8, 64}; /* of SAs */
	static char *eal[] = {(char *)(uintptr_t) "bench_esp", (char *)(uintptr_t) "--no-huge",
		(char *)(uintptr_t) "--no-pci", (char *)(uintptr_t) "--no-telemetry",
		(char *)(uintptr_t) "--no-shconf", (char *)(uintptr_t) "-m",
		(char *)(uintptr_t) "128", (char *)(uintptr_t) "--iova-mode=va",
		(char *)(uintptr_t) "-l", (char *)(uintptr_t) "0",
		(char *)(uintptr_t) "--log-level=error"};
	bool quick = figures_options(&argc, argv);
	unsigned int bursts = argc > 1 ? (unsigned int)atoi(argv[1]) : quick ? 50 : 1000;
	unsigned int n_sas = argc > 4 ? (unsigned int)atoi(argv[4]) : 0;
	const char *only = argc > 2 ? argv[2] : "";
	struct rte_mempool *pool;

	check(bursts > 0, "the number of bursts must be above zero");
	check(rte_eal_init(RTE_DIM(eal), eal) >= 0, "no EAL");
	pool = rte_pktmbuf_pool_create(
		"packets", 1023, 0, 0, RTE_PKTMBUF_HEADROOM + 2048, SOCKET_ID_ANY);
	engine = esp_engine_create("ipsec-mb", SOCKET_ID_ANY);
	store = sa_store_create("ipsec-mb", SOCKET_ID_ANY);
	check(pool != NULL && engine != NULL && store != NULL, "no memory, or no AES instructions");
	if (argc > 3)
		wanted = argv[3];
	worker = esp_engine_create(wanted, SOCKET_ID_ANY);
	worker_store = sa_store_create(wanted, SOCKET_ID_ANY);
	check(worker != NULL && worker_store != NULL, esp_reason());
	for (unsigned int i = 0; i < SETS; i++)
		check(rte_pktmbuf_alloc_bulk(pool, pkts[i], BURST) == 0, "no packets");

	printf("%s, cycles of the TSC (%.2f GHz) per packet\n", esp_engine_name(worker),
		(double)rte_get_tsc_hz() / 1e9);
	printf("%-24s %3s %5s %8s %8s %6s %8s %8s %6s %6s %8s %8s\n", "algorithm", "SAs", "bytes",
		"inbound", "bare", "ratio", "outbound", "bare", "ratio", "bad", "in each",
		"out each");
	for (size_t i = 0; i < RTE_DIM(algorithms); i++) {
		if (strncmp(algorithms[i].name, only, strlen(only)) != 0)
			continue;
		for (size_t k = 0; k < RTE_DIM(numbers); k++)
			if (n_sas == 0 ? !quick || numbers[k] != 8 : n_sas == numbers[k])
				sizes_run(i, numbers[k], bursts, quick);
	}
	return 0;
}
