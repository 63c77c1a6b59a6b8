/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine on libipsec-mb, called directly: combined modes one packet at a time, in place. */
#include "engine.h"
#include "esp_burst.h"

/*
 * AddressSanitizer's fuzzers poison what lies behind a packet, which our own AES-GCM reads and writes back: there it is
 * left to its unit test.
 */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define POISONED 1
#endif
#endif
#ifndef POISONED
#define POISONED 0
#endif

/* Our own AES-GCM, where the CPU can and it proves to do the same. */
static void gcm_bind(struct esp_engine *engine)
{
	const uint64_t needed = IMB_FEATURE_AVX512_SKX | IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ |
		IMB_FEATURE_BMI2;
	const IMB_MGR *mgr = engine->set.mgr;

	engine->inbound_gcm = inbound_gcm;
	engine->outbound_gcm = outbound_gcm;
	if (!POISONED && mgr->used_arch == IMB_ARCH_AVX512 && (mgr->features & needed) == needed &&
		gcm_vaes_agrees(engine)) {
		engine->inbound_gcm = inbound_gcm_vaes;
		engine->outbound_gcm = outbound_gcm_vaes;
	}
}

void ipsec_mb_bind(struct esp_engine *engine)
{
	const IMB_MGR *mgr = engine->set.mgr;

	engine->gcm_encrypt[0] = mgr->gcm128_enc;
	engine->gcm_encrypt[1] = mgr->gcm192_enc;
	engine->gcm_encrypt[2] = mgr->gcm256_enc;
	engine->gcm_decrypt[0] = mgr->gcm128_dec;
	engine->gcm_decrypt[1] = mgr->gcm192_dec;
	engine->gcm_decrypt[2] = mgr->gcm256_dec;
	engine->gmac_init[0] = mgr->gmac128_init;
	engine->gmac_init[1] = mgr->gmac192_init;
	engine->gmac_init[2] = mgr->gmac256_init;
	engine->gmac_update[0] = mgr->gmac128_update;
	engine->gmac_update[1] = mgr->gmac192_update;
	engine->gmac_update[2] = mgr->gmac256_update;
	engine->gmac_finalize[0] = mgr->gmac128_finalize;
	engine->gmac_finalize[1] = mgr->gmac192_finalize;
	engine->gmac_finalize[2] = mgr->gmac256_finalize;
	gcm_bind(engine);
}

static inline uint8_t icv_verdict(const uint8_t *icv, const struct engine_op *op, uint32_t length)
{
	return icv_equal(icv, op->text + op->length, length) ? ESP_ACCEPTED : ESP_REJECT_ICV;
}

static void gcm_open(
	struct esp_engine *engine, const struct sa *sa, struct engine_op *ops, uint16_t n)
{
	aes_gcm_enc_dec_t decrypt = engine->gcm_decrypt[sa->key_class];
	uint8_t icv[16] __attribute__((aligned(16)));

	for (uint16_t i = 0; i < n; i++) {
		struct engine_op *op = &ops[i];

		decrypt(&sa->keys->gcm, &engine->context.gcm, op->text, op->text, op->length,
			op->nonce, op->aad, op->aad_length, icv, sizeof(icv));
		op->reject = icv_verdict(icv, op, sizeof(icv));
	}
}

static void gcm_seal(
	struct esp_engine *engine, const struct sa *sa, struct engine_op *ops, uint16_t n)
{
	aes_gcm_enc_dec_t encrypt = engine->gcm_encrypt[sa->key_class];

	for (uint16_t i = 0; i < n; i++) {
		struct engine_op *op = &ops[i];

		encrypt(&sa->keys->gcm, &engine->context.gcm, op->text, op->text, op->length,
			op->nonce, op->aad, op->aad_length, op->text + op->length, 16);
		op->reject = ESP_ACCEPTED;
	}
}

/* RFC 4543, section 3.3: the IV and the text are authenticated like the header. */
static void gmac_icv(
	struct esp_engine *engine, const struct sa *sa, const struct engine_op *op, uint8_t *icv)
{
	const struct gcm_key_data *key = &sa->keys->gcm;
	struct gcm_context_data *context = &engine->context.gcm;
	unsigned int class = sa->key_class;

	engine->gmac_init[class](key, context, op->nonce, 12);
	engine->gmac_update[class](key, context, op->aad, op->aad_length);
	engine->gmac_update[class](key, context, op->text - 8, op->length + 8);
	engine->gmac_finalize[class](key, context, icv, 16);
}

static void chacha20_run(struct esp_engine *engine, const struct sa *sa, const struct engine_op *op,
	bool encrypt, uint8_t *icv)
{
	IMB_MGR *mgr = engine->set.mgr;
	struct chacha20_poly1305_context_data *context = &engine->context.chacha20;
	const uint8_t *key = sa->keys->chacha20;

	mgr->chacha20_poly1305_init(key, context, op->nonce, op->aad, op->aad_length);
	if (encrypt)
		mgr->chacha20_poly1305_enc_update(key, context, op->text, op->text, op->length);
	else
		mgr->chacha20_poly1305_dec_update(key, context, op->text, op->text, op->length);
	mgr->chacha20_poly1305_finalize(context, icv, 16);
}

/* A burst of one SA. */
static void jobs_run(struct esp_engine *engine, const struct sa *sa, struct engine_op *ops,
	uint16_t n, IMB_CIPHER_DIRECTION direction)
{
	for (uint16_t i = 0; i < n; i++)
		ops[i].sa = sa;
	engine_jobs_run(engine, ops, n, direction);
}

void ipsec_mb_open(
	struct esp_engine *engine, const struct sa *sa, struct engine_op *ops, uint16_t n)
{
	uint8_t icv[16];

	switch (sa->cipher) {
	case ESP_CIPHER_AES_GCM_16:
		gcm_open(engine, sa, ops, n);
		break;
	case ESP_CIPHER_AES_GMAC:
	case ESP_CIPHER_CHACHA20_POLY1305:
		for (uint16_t i = 0; i < n; i++) {
			if (sa->cipher == ESP_CIPHER_AES_GMAC)
				gmac_icv(engine, sa, &ops[i], icv);
			else
				chacha20_run(engine, sa, &ops[i], false, icv);
			ops[i].reject = icv_verdict(icv, &ops[i], sizeof(icv));
		}
		break;
	default:
		jobs_run(engine, sa, ops, n, IMB_DIR_DECRYPT);
		break;
	}
}

void ipsec_mb_seal(
	struct esp_engine *engine, const struct sa *sa, struct engine_op *ops, uint16_t n)
{
	switch (sa->cipher) {
	case ESP_CIPHER_AES_GCM_16:
		gcm_seal(engine, sa, ops, n);
		break;
	case ESP_CIPHER_AES_GMAC:
	case ESP_CIPHER_CHACHA20_POLY1305:
		for (uint16_t i = 0; i < n; i++) {
			uint8_t *icv = ops[i].text + ops[i].length;

			if (sa->cipher == ESP_CIPHER_AES_GMAC)
				gmac_icv(engine, sa, &ops[i], icv);
			else
				chacha20_run(engine, sa, &ops[i], true, icv);
			ops[i].reject = ESP_ACCEPTED;
		}
		break;
	default:
		jobs_run(engine, sa, ops, n, IMB_DIR_ENCRYPT);
		break;
	}
}
