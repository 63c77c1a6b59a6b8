/* SPDX-License-Identifier: BSD-3-Clause */
/* Which engine is fastest at which algorithm, found out by using them. */
#include "engine.h"

#include <rte_cycles.h>
#include <rte_malloc.h>

#include <stdio.h>

#define MEASURE_BURST 32
#define MEASURE_TEXT  1024 /* a multiple of every block, about the mean of what an LNS carries */
#define MEASURE_ROOM  (8 + 16 + MEASURE_TEXT + ESP_ICV_MAX)

static const struct {
	enum esp_cipher cipher;
	size_t key_len;
	enum esp_auth auth;
	size_t auth_key_len;
} measured[] = {
	{ESP_CIPHER_AES_GCM_16, 20, ESP_AUTH_NONE, 0},
	{ESP_CIPHER_AES_GMAC, 20, ESP_AUTH_NONE, 0},
	{ESP_CIPHER_CHACHA20_POLY1305, 36, ESP_AUTH_NONE, 0},
	{ESP_CIPHER_AES_CBC, 16, ESP_AUTH_HMAC_SHA1_96, 20},
	{ESP_CIPHER_AES_CBC, 16, ESP_AUTH_HMAC_SHA256_128, 32},
	{ESP_CIPHER_AES_CBC, 32, ESP_AUTH_HMAC_SHA384_192, 48},
	{ESP_CIPHER_AES_CBC, 32, ESP_AUTH_HMAC_SHA512_256, 64},
	{ESP_CIPHER_3DES_CBC, 24, ESP_AUTH_HMAC_SHA1_96, 20},
	{ESP_CIPHER_3DES_CBC, 24, ESP_AUTH_HMAC_SHA256_128, 32},
	{ESP_CIPHER_3DES_CBC, 24, ESP_AUTH_HMAC_SHA384_192, 48},
	{ESP_CIPHER_3DES_CBC, 24, ESP_AUTH_HMAC_SHA512_256, 64},
	{ESP_CIPHER_NULL, 0, ESP_AUTH_HMAC_SHA1_96, 20},
	{ESP_CIPHER_NULL, 0, ESP_AUTH_HMAC_SHA256_128, 32},
	{ESP_CIPHER_NULL, 0, ESP_AUTH_HMAC_SHA384_192, 48},
	{ESP_CIPHER_NULL, 0, ESP_AUTH_HMAC_SHA512_256, 64},
};

static uint64_t round_cycles(
	struct esp_engine *engine, struct sa *out, struct sa *in, struct rte_mbuf **pkts)
{
	struct engine_op ops[MEASURE_BURST];
	uint64_t start, cycles;

	for (uint16_t i = 0; i < MEASURE_BURST; i++) {
		uint8_t *esp = rte_pktmbuf_mtod(pkts[i], uint8_t *);

		ops[i] = (struct engine_op){.text = esp + 8 + out->algorithm.iv,
			.packet = pkts[i],
			.length = MEASURE_TEXT};
		if (out->algorithm.aead)
			engine_op_aead(&ops[i], out, esp);
	}
	start = rte_rdtsc();
	engine_seal(engine, out, ops, MEASURE_BURST);
	engine_open(engine, in, ops, MEASURE_BURST);
	cycles = rte_rdtsc() - start;
	for (uint16_t i = 0; i < MEASURE_BURST; i++) {
		if (ops[i].reject != ESP_ACCEPTED)
			return UINT64_MAX;
	}
	return cycles;
}

/* The shortest of the rounds that two milliseconds hold, three at least; UINT64_MAX: it cannot. */
static uint64_t engine_cycles(
	struct esp_engine *engine, struct sa_store *store, size_t i, struct rte_mbuf **pkts)
{
	static const uint8_t key[ESP_AUTH_KEY_MAX] = "encrypts nothing that anybody will see";
	struct sa_params params = {
		.spi = 256,
		.direction = SA_OUTBOUND,
		.cipher = measured[i].cipher,
		.auth = measured[i].auth,
		.permit = ESP_PERMIT_NULL | ESP_PERMIT_GMAC | ESP_PERMIT_3DES,
		.key = key,
		.key_len = measured[i].key_len,
		.auth_key = key,
		.auth_key_len = measured[i].auth_key_len,
	};
	uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / 500, best = UINT64_MAX;
	struct sa *out, *in;

	if (sa_create(store, &params, &out) < 0)
		return UINT64_MAX;
	params.direction = SA_INBOUND;
	if (sa_create(store, &params, &in) < 0) {
		sa_destroy(store, out);
		return UINT64_MAX;
	}
	for (int n = 0; n < 3 || rte_rdtsc() < end; n++)
		best = RTE_MIN(best, round_cycles(engine, out, in, pkts));
	sa_destroy(store, in);
	sa_destroy(store, out);
	return best;
}

/* Of one engine of the set, all algorithms. */
static void engine_measure(
	const char *name, int socket, struct rte_mbuf **pkts, uint64_t cycles[RTE_DIM(measured)])
{
	struct sa_store *store = sa_store_create(name, socket);
	struct esp_engine *engine = esp_engine_create(name, socket);

	for (size_t i = 0; i < RTE_DIM(measured); i++)
		cycles[i] = store == NULL || engine == NULL ? UINT64_MAX
							    : engine_cycles(engine, store, i, pkts);
	esp_engine_destroy(engine);
	sa_store_destroy(store);
}

void engine_set_measure(struct engine_set *set, int socket)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create("esp_measure", 2 * MEASURE_BURST - 1, 0,
		0, RTE_PKTMBUF_HEADROOM + MEASURE_ROOM, socket);
	uint64_t best[RTE_DIM(measured)], cycles[RTE_DIM(measured)];
	uint8_t winner[RTE_DIM(measured)] = {0};
	struct rte_mbuf *pkts[MEASURE_BURST];

	memset(best, 0xff, sizeof(best));
	if (pool == NULL || rte_pktmbuf_alloc_bulk(pool, pkts, MEASURE_BURST) < 0)
		goto end; /* the order of preference without measurement is as good as any */
	for (unsigned int i = 0; i < MEASURE_BURST; i++)
		rte_pktmbuf_append(pkts[i], MEASURE_ROOM);
	if (set->mgr != NULL) {
		engine_measure("ipsec-mb", socket, pkts, best);
		for (size_t i = 0; i < RTE_DIM(measured); i++)
			best[i] -= best[i] / 20; /* what a device has to save to be worth it */
	}
	for (unsigned int slot = 0; slot < CRYPTO_DEVICES; slot++) {
		char name[sizeof("cryptodev:") + RTE_CRYPTODEV_NAME_MAX_LEN];

		if (set->devices[slot] == NULL)
			continue;
		snprintf(name, sizeof(name), "cryptodev:%s", set->devices[slot]->name);
		engine_measure(name, socket, pkts, cycles);
		for (size_t i = 0; i < RTE_DIM(measured); i++) {
			if (cycles[i] >= best[i])
				continue;
			best[i] = cycles[i];
			winner[i] = (uint8_t)(slot + 1);
		}
	}
	rte_pktmbuf_free_bulk(pkts, MEASURE_BURST);
end:
	rte_mempool_free(pool);
	for (size_t i = 0; i < RTE_DIM(measured); i++)
		set->preferred[measured[i].cipher][measured[i].auth] = winner[i];
}
