/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles per packet of ESP, both directions, beside the same arithmetic without ESP, in one thread.
 *
 * usage: bench_esp [bursts]       default: 1000 bursts of 32 packets per figure
 *
 * Payloads of 64 to 1400 bytes, transport mode over IPv4, replay window of 1024 with numbers that advance.
 * "bare" is the call of ipsec-mb alone on the same buffers: for AES-GCM the single-call function, for the
 * others the engine on operations made ready. The four alternate burst by burst; each figure is the median
 * of its bursts, which a core that does other things besides hardly moves.
 */
#include "engine.h"

#include <rte_cycles.h>
#include <rte_eal.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#define BURST 32
#define SETS  8 /* bursts of buffers in turn: 256 packets, as in a busy receive ring */

enum { OUT, IN, BARE_OUT, BARE_IN, FIGURES };

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

static struct esp_engine *engine;
static struct sa_store *store;
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
		memset(ip, 0, 20);
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

static uint64_t bare_run(const struct sa *sa, struct engine_op *ops, bool encrypt)
{
	aes_gcm_enc_dec_t call =
		(encrypt ? engine->gcm_encrypt : engine->gcm_decrypt)[sa->key_class];
	uint8_t icv[16] __attribute__((aligned(16)));
	uint64_t start = rte_rdtsc();

	if (sa->cipher == ESP_CIPHER_AES_GCM_16) {
		for (unsigned int i = 0; i < BURST; i++)
			call(&sa->keys->gcm, &engine->context.gcm, ops[i].text, ops[i].text,
				ops[i].length, ops[i].nonce, ops[i].aad, ops[i].aad_length, icv,
				16);
	} else if (encrypt) {
		engine_seal(engine, sa, ops, BURST);
	} else {
		engine_open(engine, sa, ops, BURST);
	}
	return rte_rdtsc() - start;
}

static void burst_run(struct sa *out, struct sa *in, struct rte_mbuf **burst, uint32_t payload,
	uint64_t cycles[FIGURES])
{
	static struct engine_op ops[BURST];
	struct esp_result results[BURST];
	uint64_t start;

	packets_write(burst, payload);
	start = rte_rdtsc();
	check(esp_outbound_burst(engine, out, burst, BURST, results) == BURST,
		"a packet was refused on its way out");
	cycles[OUT] = rte_rdtsc() - start;
	start = rte_rdtsc();
	check(esp_inbound_burst(engine, in, burst, BURST, results) == BURST,
		"a packet was refused on its way in");
	cycles[IN] = rte_rdtsc() - start;
	packets_write(burst, payload);
	ops_write(out, burst, payload, ops);
	cycles[BARE_OUT] = bare_run(out, ops, true);
	cycles[BARE_IN] = bare_run(in, ops, false);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void figure_print(size_t i, uint32_t payload, unsigned int bursts)
{
	static const uint8_t key[ESP_KEY_MAX] = "one key is as good as another here";
	uint64_t *samples = malloc(FIGURES * bursts * sizeof(*samples)), median[FIGURES];
	struct sa_params params = {
		.spi = 4711,
		.direction = SA_OUTBOUND,
		.cipher = algorithms[i].cipher,
		.auth = algorithms[i].auth,
		.permit = ESP_PERMIT_3DES,
		.key = key,
		.key_len = algorithms[i].key_len,
		.auth_key = (const uint8_t[ESP_AUTH_KEY_MAX]){1, 2, 3},
		.auth_key_len = algorithms[i].auth_key_len,
		.window = REPLAY_WINDOW_DEFAULT,
		.sequence_limit = UINT64_MAX,
	};
	struct sa *out, *in;

	check(sa_create(store, &params, &out) == 0, "no outbound SA");
	params.direction = SA_INBOUND;
	check(sa_create(store, &params, &in) == 0, "no inbound SA");
	check(samples != NULL, "no memory");
	for (unsigned int burst = 0; burst < bursts; burst++) {
		uint64_t cycles[FIGURES];

		burst_run(out, in, pkts[burst % SETS], payload, cycles);
		for (unsigned int figure = 0; figure < FIGURES; figure++)
			samples[figure * bursts + burst] = cycles[figure];
	}
	for (unsigned int figure = 0; figure < FIGURES; figure++) {
		qsort(samples + figure * bursts, bursts, sizeof(*samples), compare);
		median[figure] = samples[figure * bursts + bursts / 2] / BURST;
	}
	free(samples);
	printf("%-24s %5u %8lu %8lu %6.2f %8lu %8lu %6.2f\n", algorithms[i].name, payload,
		median[IN], median[BARE_IN], (double)median[IN] / (double)median[BARE_IN],
		median[OUT], median[BARE_OUT], (double)median[OUT] / (double)median[BARE_OUT]);
	sa_destroy(store, in);
	sa_destroy(store, out);
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
	unsigned int bursts = argc > 1 ? (unsigned int)atoi(argv[1]) : 1000;
	struct rte_mempool *pool;

	check(bursts > 0, "the number of bursts must be above zero");
	check(rte_eal_init(RTE_DIM(eal), eal) >= 0, "no EAL");
	pool = rte_pktmbuf_pool_create(
		"packets", 1023, 0, 0, RTE_PKTMBUF_HEADROOM + 2048, SOCKET_ID_ANY);
	engine = esp_engine_create("ipsec-mb", SOCKET_ID_ANY);
	store = sa_store_create("ipsec-mb", SOCKET_ID_ANY);
	check(pool != NULL && engine != NULL && store != NULL, "no memory, or no AES instructions");
	for (unsigned int i = 0; i < SETS; i++)
		check(rte_pktmbuf_alloc_bulk(pool, pkts[i], BURST) == 0, "no packets");

	printf("%s, cycles of the TSC (%.2f GHz) per packet, bursts of %u\n",
		esp_engine_name(engine), (double)rte_get_tsc_hz() / 1e9, BURST);
	printf("%-24s %5s %8s %8s %6s %8s %8s %6s\n", "algorithm", "bytes", "inbound", "bare",
		"ratio", "outbound", "bare", "ratio");
	for (size_t i = 0; i < RTE_DIM(algorithms); i++)
		for (size_t k = 0; k < RTE_DIM(payloads); k++)
			figure_print(i, payloads[k], bursts);
	return 0;
}
