/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles per packet of ESP, both directions, beside the same arithmetic without ESP, in one thread.
 *
 * usage: bench_esp [bursts] [algorithm] [engine]
 *   bursts: of 32 packets per figure (1000); algorithm: those whose names begin so (""); engine (ipsec-mb)
 *   --quick: 50 bursts of 64 and of 1400 bytes; --json FILE: figures.h
 *
 * Payloads of 64 to 1400 bytes, transport mode over IPv4, replay window of 1024 with numbers that advance. "bare" is
 * libipsec-mb alone on buffers that are as warm: for AES-GCM the function called once per packet; for a cipher
 * with HMAC jobs, flushed after 1, 2, 4, 8, 16 or 32 of them, whichever is best; for ChaCha20-Poly1305 the calls
 * that it consists of. "bad" is inbound with the ICV of one packet in each burst corrupted, over inbound
 * without. All alternate burst by burst; each figure is the median of its bursts, which a core that does other
 * things besides hardly moves.
 */
#include "engine.h"
#include "figures.h"

#include <rte_cycles.h>
#include <rte_eal.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#define BURST 32
#define SETS  8 /* bursts of buffers in turn: 256 packets, as in a busy receive ring */

/* Of jobs in flight. */
static const unsigned int depths[] = {1, 2, 4, 8, 16, 32};
#define DEPTHS RTE_DIM(depths)

enum { OUT, IN, IN_BAD, BARE_OUT, BARE_IN = BARE_OUT + DEPTHS, FIGURES = BARE_IN + DEPTHS };

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

static void check(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "bench_esp: %s\n", what);
	exit(1);
}

static void packets_write(struct rte_mbuf **burst, uint32_t payload)
{
	for (unsigned int i = 0; i < BURST; i++) {
		struct rte_mbuf *m = burst[i];
		uint8_t *ip;

		rte_pktmbuf_reset(m);
		ip = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(20 + payload));
		memset(ip, 0, 20 + payload);
		ip[0] = 0x45;
		ip[9] = IPPROTO_UDP;
	}
}

/* The operations that ESP would hand to the engine for these packets. */
static void ops_write(
	const struct sa *sa, struct rte_mbuf **burst, uint32_t payload, struct engine_op *ops)
{
	uint32_t align = sa->algorithm.align;

	for (unsigned int i = 0; i < BURST; i++) {
		uint8_t *esp = rte_pktmbuf_mtod_offset(burst[i], uint8_t *, 20);

		ops[i] = (struct engine_op){
			.text = esp + 8 + sa->algorithm.iv,
			.length = (payload + 2 + align - 1) / align * align,
			.sequence = i,
		};
		if (sa->algorithm.aead)
			engine_op_aead(&ops[i], sa, esp);
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

static void jobs_run(const struct sa *sa, const struct engine_op *ops, const IMB_JOB *template,
	unsigned int depth)
{
	static uint8_t icvs[BURST][ESP_ICV_MAX];
	uint32_t header = 8u + sa->algorithm.iv;
	IMB_MGR *mgr = engine->set.mgr;

	for (unsigned int i = 0; i < BURST; i++) {
		IMB_JOB *job = IMB_GET_NEXT_JOB(mgr);

		*job = *template;
		job->src = ops[i].text - header;
		job->dst = ops[i].text;
		job->cipher_start_src_offset_in_bytes = header;
		job->msg_len_to_cipher_in_bytes = ops[i].length;
		job->msg_len_to_hash_in_bytes = header + ops[i].length;
		job->iv = ops[i].text - sa->algorithm.iv;
		job->auth_tag_output = icvs[i];
		for (job = IMB_SUBMIT_JOB_NOCHECK(mgr); job != NULL;)
			job = IMB_GET_COMPLETED_JOB(mgr);
		while ((i + 1) % depth == 0 && IMB_FLUSH_JOB(mgr) != NULL)
			;
	}
}

static uint64_t bare_run(
	const struct sa *sa, struct engine_op *ops, bool encrypt, unsigned int depth)
{
	aes_gcm_enc_dec_t call =
		(encrypt ? engine->gcm_encrypt : engine->gcm_decrypt)[sa->key_class];
	uint8_t icv[16] __attribute__((aligned(16)));
	IMB_JOB template = job_template(sa, encrypt);
	uint64_t start = rte_rdtsc();

	if (sa->cipher == ESP_CIPHER_AES_GCM_16) {
		for (unsigned int i = 0; i < BURST; i++)
			call(&sa->keys->gcm, &engine->context.gcm, ops[i].text, ops[i].text,
				ops[i].length, ops[i].nonce, ops[i].aad, ops[i].aad_length, icv,
				16);
	} else if (!sa->algorithm.aead) {
		jobs_run(sa, ops, &template, depth);
	} else if (encrypt) {
		ipsec_mb_seal(engine, sa, ops, BURST);
	} else {
		ipsec_mb_open(engine, sa, ops, BURST);
	}
	return rte_rdtsc() - start;
}

static uint64_t out_run(struct sa *sa, struct rte_mbuf **burst)
{
	struct esp_result results[BURST];
	uint64_t start = rte_rdtsc();
	uint16_t n = esp_outbound_burst(worker, sa, burst, BURST, results);
	uint64_t cycles = rte_rdtsc() - start;

	check(n == BURST, "a packet was refused on its way out");
	return cycles;
}

static uint64_t in_run(struct sa *sa, struct rte_mbuf **burst, uint16_t expected)
{
	struct esp_result results[BURST];
	uint64_t start = rte_rdtsc();
	uint16_t n = esp_inbound_burst(worker, sa, burst, BURST, results);
	uint64_t cycles = rte_rdtsc() - start;

	check(n == expected, "not the packets that should be were refused on their way in");
	return cycles;
}

/* pair: outbound and inbound; bare: the same on libipsec-mb. */
static void burst_run(struct sa *const pair[2], struct sa *const bare[2], struct rte_mbuf **burst,
	uint32_t payload, uint64_t cycles[FIGURES])
{
	static struct engine_op ops[BURST];

	packets_write(burst, payload);
	cycles[OUT] = out_run(pair[0], burst);
	cycles[IN] = in_run(pair[1], burst, BURST);
	packets_write(burst, payload);
	out_run(pair[0], burst);
	*rte_pktmbuf_mtod_offset(burst[13], uint8_t *, burst[13]->data_len - 1) ^= 1;
	cycles[IN_BAD] = in_run(pair[1], burst, BURST - 1);
	for (unsigned int i = 0; i < (bare[0]->algorithm.aead ? 1 : DEPTHS); i++) {
		packets_write(burst, payload);
		ops_write(bare[0], burst, payload, ops);
		cycles[BARE_OUT + i] = bare_run(bare[0], ops, true, depths[i]);
		cycles[BARE_IN + i] = bare_run(bare[1], ops, false, depths[i]);
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The depth whose median is lowest. */
static unsigned int best(const uint64_t *medians)
{
	unsigned int lowest = 0;

	for (unsigned int i = 1; i < DEPTHS; i++)
		if (medians[i] < medians[lowest])
			lowest = i;
	return lowest;
}

/* Of sorted samples: the median, and the quartiles as its spread. */
static void figure_burst(const char *contestant, const char *name, uint32_t payload,
	const char *way, const uint64_t *sorted, unsigned int bursts)
{
	figures_write(&(struct figure_line){.contestant = contestant,
			      .median = (double)sorted[bursts / 2] / BURST,
			      .low = (double)sorted[bursts / 4] / BURST,
			      .high = (double)sorted[bursts * 3 / 4] / BURST},
		"%s, %u bytes, %s, %s", name, payload, way, wanted);
}

static void figures_print(
	const char *name, uint32_t payload, uint64_t *samples[FIGURES], unsigned int bursts)
{
	uint64_t median[FIGURES], out, in;
	unsigned int best_out, best_in;

	for (unsigned int figure = 0; figure < FIGURES; figure++) {
		qsort(samples[figure], bursts, sizeof(uint64_t), compare);
		median[figure] = samples[figure][bursts / 2];
		if (median[figure] == 0)
			median[figure] = UINT64_MAX; /* a depth that makes no difference */
	}
	best_out = BARE_OUT + best(median + BARE_OUT);
	best_in = BARE_IN + best(median + BARE_IN);
	out = median[best_out];
	in = median[best_in];
	figure_burst("lnsd", name, payload, "inbound", samples[IN], bursts);
	figure_burst("lnsd", name, payload, "outbound", samples[OUT], bursts);
	figure_burst("lnsd", name, payload, "inbound, one packet of a burst bad", samples[IN_BAD],
		bursts);
	figure_burst("libipsec-mb alone", name, payload, "inbound", samples[best_in], bursts);
	figure_burst("libipsec-mb alone", name, payload, "outbound", samples[best_out], bursts);
	printf("%-24s %5u %8lu %8lu %6.2f %8lu %8lu %6.2f %6.2f\n", name, payload,
		median[IN] / BURST, in / BURST, (double)median[IN] / (double)in,
		median[OUT] / BURST, out / BURST, (double)median[OUT] / (double)out,
		(double)median[IN_BAD] / (double)median[IN]);
}

static void algorithm_run(size_t i, uint32_t payload, unsigned int bursts)
{
	static const uint8_t key[ESP_KEY_MAX] = "one key is as good as another here";
	struct sa_params params = {
		.spi = 4711,
		.cipher = algorithms[i].cipher,
		.auth = algorithms[i].auth,
		.permit = ESP_PERMIT_3DES,
		.key = key,
		.key_len = algorithms[i].key_len,
		.auth_key = (const uint8_t[ESP_AUTH_KEY_MAX]){1, 2, 3},
		.auth_key_len = algorithms[i].auth_key_len,
		.window = REPLAY_WINDOW_DEFAULT,
		.next_header = IPPROTO_UDP,
		.sequence_limit = UINT64_MAX,
	};
	struct sa *pair[2], *bare[2];
	uint64_t *samples[FIGURES];

	for (int in = 0; in < 2; in++) {
		params.direction = in ? SA_INBOUND : SA_OUTBOUND;
		if (sa_create(worker_store, &params, &pair[in]) < 0) {
			printf("%-24s %5u %s\n", algorithms[i].name, payload, esp_reason());
			return;
		}
		check(sa_create(store, &params, &bare[in]) == 0, "no SA");
	}
	for (unsigned int figure = 0; figure < FIGURES; figure++)
		check((samples[figure] = calloc(bursts, sizeof(uint64_t))) != NULL, "no memory");
	for (unsigned int burst = 0; burst < bursts; burst++) {
		uint64_t cycles[FIGURES] = {0};

		burst_run(pair, bare, pkts[burst % SETS], payload, cycles);
		for (unsigned int figure = 0; figure < FIGURES; figure++)
			samples[figure][burst] = cycles[figure];
	}
	figures_print(algorithms[i].name, payload, samples, bursts);
	for (unsigned int figure = 0; figure < FIGURES; figure++)
		free(samples[figure]);
	for (int in = 0; in < 2; in++) {
		sa_destroy(worker_store, pair[in]);
		sa_destroy(store, bare[in]);
	}
}

int main(int argc, char **argv)
{
	static const uint32_t payloads[] = {64, 256, 512, 1024, 1400};
	static char *eal[] = {(char *)(uintptr_t) "bench_esp", (char *)(uintptr_t) "--no-huge",
		(char *)(uintptr_t) "--no-pci", (char *)(uintptr_t) "--no-telemetry",
		(char *)(uintptr_t) "--no-shconf", (char *)(uintptr_t) "-m",
		(char *)(uintptr_t) "128", (char *)(uintptr_t) "--iova-mode=va",
		(char *)(uintptr_t) "-l", (char *)(uintptr_t) "0",
		(char *)(uintptr_t) "--log-level=error"};
	bool quick = figures_options(&argc, argv);
	unsigned int bursts = argc > 1 ? (unsigned int)atoi(argv[1]) : quick ? 50 : 1000;
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

	printf("%s, cycles of the TSC (%.2f GHz) per packet, bursts of %u\n",
		esp_engine_name(worker), (double)rte_get_tsc_hz() / 1e9, BURST);
	printf("%-24s %5s %8s %8s %6s %8s %8s %6s %6s\n", "algorithm", "bytes", "inbound", "bare",
		"ratio", "outbound", "bare", "ratio", "bad");
	for (size_t i = 0; i < RTE_DIM(algorithms); i++) {
		if (strncmp(algorithms[i].name, only, strlen(only)) != 0)
			continue;
		for (size_t k = 0; k < RTE_DIM(payloads); k += quick ? RTE_DIM(payloads) - 1 : 1)
			algorithm_run(i, payloads[k], bursts);
	}
	return 0;
}
