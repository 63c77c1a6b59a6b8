/* SPDX-License-Identifier: BSD-3-Clause */
/* The contract between ESP and the engine that does its arithmetic. */
#pragma once

#include <crypto/esp.h>

#include "engine_cryptodev.h"
#include "engine_set.h"

#include <string.h>

/* Operations handed over at once. */
#define ENGINE_BURST 64

/*
 * One packet. text is what the cipher works on, in place; before it stand the ESP header and IV, directly
 * behind it the ICV.
 */
struct engine_op {
	uint8_t *text;
	struct rte_mbuf *packet; /* in whose first segment all that lies; only crypto devices ask */
	uint64_t sequence;       /* in full, for ESN */
	uint32_t length;         /* of text */
	uint16_t index;          /* of the packet in its burst */
	uint8_t reject;          /* out: ESP_ACCEPTED, ESP_REJECT_ICV or ESP_REJECT_ENGINE */
	uint8_t aad_length;
	union {
		/* Combined modes; the last four bytes of the nonce are of no account. */
		struct {
			uint8_t nonce[16] __attribute__((aligned(16)));
			uint8_t aad[16] __attribute__((aligned(16)));
		};
		const struct sa *sa; /* jobs, several of whose SAs may be in flight together */
	};
};

static_assert(sizeof(struct engine_op) == 64, "one line per operation");

typedef uint16_t esp_burst_function(struct esp_engine *engine, struct sa *sa,
	struct rte_mbuf **pkts, uint16_t n, struct esp_result *results);

struct esp_engine {
	struct engine_set set;
	struct crypto_queue *queues[CRYPTO_DEVICES];      /* by slot of the device */
	esp_burst_function *inbound_gcm, *outbound_gcm;   /* NULL: libipsec-mb is not in the set */
	aes_gcm_enc_dec_t gcm_encrypt[3], gcm_decrypt[3]; /* by key_class */
	aes_gmac_init_t gmac_init[3];
	aes_gmac_update_t gmac_update[3];
	aes_gmac_finalize_t gmac_finalize[3];
	char name[200];
	union {
		struct gcm_context_data gcm;
		struct chacha20_poly1305_context_data chacha20;
	} context __rte_cache_aligned;
	struct engine_op ops[ENGINE_BURST] __rte_cache_aligned;
	/* ICVs that jobs computed, by position in ops. */
	uint8_t icvs[ENGINE_BURST][ESP_ICV_MAX];
	/* Randomness for IVs, and how much of it is left at the end. */
	uint8_t random[ENGINE_BURST * 16];
	uint32_t random_left;
};

/*
 * The engine has what the SA needs for n more packets, at most ENGINE_BURST. Otherwise the two were made with
 * different names, or the kernel gave no randomness, and none of the functions below may be called.
 */
bool engine_ready(struct esp_engine *engine, const struct sa *sa, uint16_t n);

/* Says so of all n packets. Returns how many are accepted. */
static inline uint16_t engine_refuse(struct sa *sa, struct esp_result *results, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		results[i].reject = ESP_REJECT_ENGINE;
	sa->state.rejects[ESP_REJECT_ENGINE] += n;
	return 0;
}

/* Verifies and decrypts n operations of an SA; each says in failed whether it is good. */
void engine_open(struct esp_engine *engine, const struct sa *sa, struct engine_op *ops, uint16_t n);

/* Encrypts n operations and writes their ICVs. */
void engine_seal(struct esp_engine *engine, const struct sa *sa, struct engine_op *ops, uint16_t n);

/* The two above where libipsec-mb does them. */
void ipsec_mb_bind(struct esp_engine *engine);
void ipsec_mb_open(
	struct esp_engine *engine, const struct sa *sa, struct engine_op *ops, uint16_t n);
void ipsec_mb_seal(
	struct esp_engine *engine, const struct sa *sa, struct engine_op *ops, uint16_t n);

/* What runs as jobs: ciphers with a separate HMAC, where libipsec-mb does them. */
static inline bool engine_has_jobs(const struct esp_engine *engine, const struct sa *sa)
{
	return sa->engine == ENGINE_IPSEC_MB && !sa->algorithm.aead && engine->set.mgr != NULL;
}

/*
 * n operations, at most ENGINE_BURST, each of the SA that it names, on ipsec-mb's lanes; all finished on return.
 */
void engine_jobs_run(struct esp_engine *engine, struct engine_op *ops, uint16_t n,
	IMB_CIPHER_DIRECTION direction);

/*
 * A CBC IV of iv_length bytes. It has to be unpredictable for whoever chooses the plaintext (RFC 3602, 2;
 * CVE-2022-46397). With libipsec-mb: a counter, enciphered by AES under a random key that this SA uses for
 * nothing else. That key comes from getrandom at creation and never leaves its slot, so guessing the next IV is
 * telling AES from a random permutation; and a permutation gives no IV twice (3DES, of whose IV it is the
 * first half, has its birthday bound at 2^32 packets, where its own 64-bit blocks ended long before). With
 * a crypto device the CPU may have no AES: there IVs are the kernel's random numbers.
 */
static inline void engine_iv_make(
	struct esp_engine *engine, struct sa *sa, uint8_t *iv, uint32_t iv_length)
{
	static const uint8_t zero[16];
	uint64_t counter[2] __attribute__((aligned(16))) = {sa->state.iv_counter++, 0};
	uint8_t block[16] __attribute__((aligned(16)));

	if (likely(sa->engine == ENGINE_IPSEC_MB)) {
		IMB_AES128_CFB_ONE(
			engine->set.mgr, block, zero, counter, sa->keys->iv_schedule, 16);
		memcpy(iv, block, iv_length);
		return;
	}
	engine->random_left -= iv_length;
	memcpy(iv, engine->random + engine->random_left, iv_length);
}

/* Takes a time that depends on length only: a multiple of four, 12 at least. */
static inline bool icv_equal(const uint8_t *a, const uint8_t *b, uint32_t length)
{
	uint32_t differs = 0;

	for (uint32_t i = 0; i < length; i += 4) {
		uint32_t x, y;

		memcpy(&x, a + i, 4);
		memcpy(&y, b + i, 4);
		differs |= x ^ y;
	}
	return differs == 0;
}

/* What a combined mode needs besides the text (RFC 4106, sections 4 and 5; RFC 7634 the same). */
static inline void engine_op_aead(struct engine_op *op, const struct sa *sa, const uint8_t *esp)
{
	memcpy(op->aad, esp, 8);
	op->aad_length = 8;
	if (sa->esn) {
		uint64_t sequence = rte_cpu_to_be_64(op->sequence);

		memcpy(op->aad + 4, &sequence, 8);
		op->aad_length = 12;
	}
	memcpy(op->nonce, sa->keys->salt, ESP_SALT_LEN);
	memcpy(op->nonce + ESP_SALT_LEN, esp + 8, 8);
}
