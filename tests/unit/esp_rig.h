/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of ESP share: engines, SAs of every algorithm, packets, random bytes from a seed. */
#pragma once

#include <crypto/esp.h>

#include <rte_malloc.h>

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "eal.h"

#define RIG_SPI  0x1000abcdu
#define RIG_ROOM 12288 /* of the mbufs of the pool, 9000 bytes and what ESP adds */

static const struct {
	const char *name;
	enum esp_cipher cipher;
	size_t key_len;
	enum esp_auth auth;
	size_t auth_key_len;
} rig_algorithms[] = {
	{"gcm-128", ESP_CIPHER_AES_GCM_16, 20, ESP_AUTH_NONE, 0},
	{"gcm-192", ESP_CIPHER_AES_GCM_16, 28, ESP_AUTH_NONE, 0},
	{"gcm-256", ESP_CIPHER_AES_GCM_16, 36, ESP_AUTH_NONE, 0},
	{"chacha20-poly1305", ESP_CIPHER_CHACHA20_POLY1305, 36, ESP_AUTH_NONE, 0},
	{"cbc-128 sha1", ESP_CIPHER_AES_CBC, 16, ESP_AUTH_HMAC_SHA1_96, 20},
	{"cbc-192 sha256", ESP_CIPHER_AES_CBC, 24, ESP_AUTH_HMAC_SHA256_128, 32},
	{"cbc-256 sha256", ESP_CIPHER_AES_CBC, 32, ESP_AUTH_HMAC_SHA256_128, 32},
	{"cbc-128 sha384", ESP_CIPHER_AES_CBC, 16, ESP_AUTH_HMAC_SHA384_192, 48},
	{"cbc-256 sha512", ESP_CIPHER_AES_CBC, 32, ESP_AUTH_HMAC_SHA512_256, 64},
	{"3des sha1", ESP_CIPHER_3DES_CBC, 24, ESP_AUTH_HMAC_SHA1_96, 20},
	{"null sha256", ESP_CIPHER_NULL, 0, ESP_AUTH_HMAC_SHA256_128, 32},
	{"gmac-128", ESP_CIPHER_AES_GMAC, 20, ESP_AUTH_NONE, 0},
	{"gmac-256", ESP_CIPHER_AES_GMAC, 36, ESP_AUTH_NONE, 0},
};
#define RIG_ALGORITHMS (sizeof(rig_algorithms) / sizeof(rig_algorithms[0]))

static struct rte_mempool *rig_pool;
static struct sa_store *rig_store;
static struct esp_engine *rig_engine;
static const char *rig_engine_name;
static uint64_t rig_seed = 88172645463325252u;
static uint8_t rig_key[ESP_KEY_MAX], rig_auth_key[ESP_AUTH_KEY_MAX];

static inline uint64_t rig_random(void)
{
	rig_seed ^= rig_seed << 13;
	rig_seed ^= rig_seed >> 7;
	rig_seed ^= rig_seed << 17;
	return rig_seed;
}

static inline void rig_fill(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(rig_random() >> 24);
}

static inline void rig_close(void)
{
	esp_engine_destroy(rig_engine);
	sa_store_destroy(rig_store);
	rig_engine = NULL;
	rig_store = NULL;
}

/* From here on with this engine. */
static inline void rig_use(const char *engine)
{
	rig_close();
	rig_engine_name = engine;
	rig_store = sa_store_create(engine, SOCKET_ID_ANY);
	cr_assert_not_null(rig_store, "%s", esp_reason());
	rig_engine = esp_engine_create(engine, SOCKET_ID_ANY);
	cr_assert_not_null(rig_engine, "%s", esp_reason());
}

#define RIG_AESNI_MB "cryptodev:crypto_aesni_mb0"
#define RIG_OPENSSL  "cryptodev:crypto_openssl0"

/* What DPDK 22.11's drivers have not, of all that there is. */
static inline bool rig_lacks(enum esp_cipher cipher)
{
	return cipher == ESP_CIPHER_CHACHA20_POLY1305 && strcmp(rig_engine_name, RIG_OPENSSL) == 0;
}

/* A test of this name for each engine, which runs the function of that name. */
#define RIG_PER_ENGINE(suite, behaviour)                  \
	Test(suite, behaviour##_ipsec_mb, .timeout = 100) \
	{                                                 \
		behaviour();                              \
	}                                                 \
	Test(suite, behaviour##_aesni_mb, .timeout = 100) \
	{                                                 \
		rig_use(RIG_AESNI_MB);                    \
		behaviour();                              \
	}                                                 \
	Test(suite, behaviour##_openssl, .timeout = 100)  \
	{                                                 \
		rig_use(RIG_OPENSSL);                     \
		behaviour();                              \
	}

/* extra: EAL arguments, as eal_init_with takes them. */
static inline void rig_init_with(const char *const *extra)
{
	eal_init_with(extra);
	rig_pool = rte_pktmbuf_pool_create(
		"rig", 511, 0, 0, RTE_PKTMBUF_HEADROOM + RIG_ROOM, SOCKET_ID_ANY);
	cr_assert_not_null(rig_pool);
	rig_use("ipsec-mb");
	rig_fill(rig_key, sizeof(rig_key));
	rig_fill(rig_auth_key, sizeof(rig_auth_key));
}

static inline void rig_init(void)
{
	rig_init_with(NULL);
}

static inline void rig_fini(void)
{
	cr_assert_eq(rte_mempool_in_use_count(rig_pool), 0, "packets were lost");
	rig_close();
}

/* Of rig_algorithms[i]; transport mode, a window of 64, numbers reserved without end. */
static inline struct sa_params rig_params(size_t i, enum sa_direction direction)
{
	return (struct sa_params){
		.spi = RIG_SPI,
		.direction = direction,
		.cipher = rig_algorithms[i].cipher,
		.auth = rig_algorithms[i].auth,
		.permit = ESP_PERMIT_NULL | ESP_PERMIT_GMAC | ESP_PERMIT_3DES,
		.key = rig_key,
		.key_len = rig_algorithms[i].key_len,
		.auth_key = rig_auth_key,
		.auth_key_len = rig_algorithms[i].auth_key_len,
		.window = 64,
		.sequence_limit = UINT64_MAX,
	};
}

static inline struct sa *rig_sa(const struct sa_params *params)
{
	struct sa *sa = NULL;
	int rc = sa_create(rig_store, params, &sa);

	cr_assert_eq(rc, 0, "%s: %s", esp_cipher_name(params->cipher), esp_reason());
	return sa;
}

/* An IP packet of this protocol whose payload is length random bytes. */
static inline struct rte_mbuf *rig_packet(int family, uint8_t protocol, uint32_t length)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_pool);
	uint32_t header = family == 4 ? 20 : 40;
	uint8_t *ip;

	cr_assert_not_null(m);
	ip = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(header + length));
	cr_assert_not_null(ip);
	memset(ip, 0, header);
	if (family == 4) {
		ip[0] = 0x45;
		ip[1] = 0xb8;
		ip[2] = (uint8_t)((header + length) >> 8);
		ip[3] = (uint8_t)(header + length);
		ip[8] = 63;
		ip[9] = protocol;
		memcpy(ip + 12, "\xc0\x00\x02\x01\xc6\x33\x64\x07", 8);
	} else {
		ip[0] = 0x6b;
		ip[1] = 0x80;
		ip[4] = (uint8_t)(length >> 8);
		ip[5] = (uint8_t)length;
		ip[6] = protocol;
		ip[7] = 63;
		memcpy(ip + 8, "\x20\x01\x0d\xb8 source addr.destination ad", 32);
	}
	if (family == 4) {
		uint32_t sum = 0;

		for (int i = 0; i < 20; i += 2)
			sum += (uint32_t)ip[i] << 8 | ip[i + 1];
		sum = (sum & 0xffff) + (sum >> 16);
		sum = ~((sum & 0xffff) + (sum >> 16));
		ip[10] = (uint8_t)(sum >> 8);
		ip[11] = (uint8_t)sum;
	}
	rig_fill(ip + header, length);
	return m;
}

/* A copy of its bytes, all segments. */
static inline uint32_t rig_bytes(const struct rte_mbuf *m, uint8_t *to)
{
	uint32_t n = 0;

	for (; m != NULL; m = m->next) {
		memcpy(to + n, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
		n += m->data_len;
	}
	return n;
}

/* A packet of these bytes, at this distance from where data begins usually. */
static inline struct rte_mbuf *rig_copy(const uint8_t *bytes, uint32_t n, int shift)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_pool);
	uint8_t *p;

	cr_assert_not_null(m);
	m->data_off = (uint16_t)(m->data_off + shift);
	p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)n);
	cr_assert_not_null(p);
	memcpy(p, bytes, n);
	return m;
}

/* One packet through a direction: its verdict. */
static inline enum esp_reject rig_out(struct sa *sa, struct rte_mbuf *m)
{
	struct esp_result result = {.reject = ESP_REJECTS};
	uint16_t n = esp_outbound_burst(rig_engine, sa, &m, 1, &result);

	cr_assert_eq(n, result.reject == ESP_ACCEPTED);
	return (enum esp_reject)result.reject;
}

static inline enum esp_reject rig_in(struct sa *sa, struct rte_mbuf *m)
{
	struct esp_result result = {.reject = ESP_REJECTS};
	uint16_t n = esp_inbound_burst(rig_engine, sa, &m, 1, &result);

	cr_assert_eq(n, result.reject == ESP_ACCEPTED);
	return (enum esp_reject)result.reject;
}

#define rig_expect(verdict, expected)                                                           \
	do {                                                                                    \
		enum esp_reject verdict_ = (verdict);                                           \
		cr_assert_eq(verdict_, expected, "%s instead of %s", esp_reject_name(verdict_), \
			esp_reject_name(expected));                                             \
	} while (0)
