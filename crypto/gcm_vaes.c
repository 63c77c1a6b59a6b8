/* SPDX-License-Identifier: BSD-3-Clause */
/* Our AES-GCM against libipsec-mb's, once per engine: the library's layout of a key is not promised to anybody. */
#include "gcm_vaes.h"
#include "esp_burst.h"

#include <crypto/digest.h>

#define TEXT_MAX 1500

struct sample {
	uint8_t aad[16], text[TEXT_MAX + 16 + GCM_OVERREACH];
};

static void sample_fill(struct sample *sample, uint32_t seed)
{
	uint8_t *p = (uint8_t *)sample;

	for (size_t i = 0; i < sizeof(*sample); i++)
		p[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
}

static __rte_always_inline bool key_agrees(struct esp_engine *engine, const struct sa *sa,
	uint32_t length, const unsigned int rounds, const bool esn, const bool encrypt)
{
	static const uint8_t zero[16];
	aes_gcm_enc_dec_t call =
		(encrypt ? engine->gcm_encrypt : engine->gcm_decrypt)[sa->key_class];
	struct sample a, b;
	struct gcm_cipher cipher;
	uint8_t nonce[16] = {0}, aad[16] = {0}, icv[16];
	__m128i own;

	sample_fill(&a, length);
	b = a;
	memcpy(nonce, b.text + length, 12);
	memcpy(aad, esn ? b.text + length + 12 : b.aad, esn ? 12 : 8);
	call(&sa->keys->gcm, &engine->context.gcm, b.text, b.text, length, nonce, aad, esn ? 12 : 8,
		icv, 16);
	gcm_cipher_load(&cipher, engine, sa, rounds);
	own = gcm_crypt(&cipher, rounds, a.text, length, _mm_loadu_si128((const __m128i *)nonce),
		_mm_loadu_si128((const __m128i *)(esn ? aad : zero)), esn, encrypt);
	return memcmp(&own, icv, 16) == 0 && memcmp(&a, &b, sizeof(a)) == 0;
}

static __rte_always_inline bool rounds_agree(
	struct esp_engine *engine, const struct sa *sa, uint32_t length, const unsigned int rounds)
{
	return key_agrees(engine, sa, length, rounds, false, false) &&
		key_agrees(engine, sa, length, rounds, false, true) &&
		key_agrees(engine, sa, length, rounds, true, false) &&
		key_agrees(engine, sa, length, rounds, true, true);
}

bool gcm_vaes_agrees(struct esp_engine *engine)
{
	static const uint8_t key[32] = "what agrees once does so always";
	struct sa_keys keys;
	struct sa sa = {.keys = &keys};
	bool agrees = true;

	/* around every edge between groups, and where sums are reduced in between */
	for (uint32_t length = 0; agrees && length <= TEXT_MAX; length += length < 200 ? 1 : 37) {
		IMB_AES128_GCM_PRE(engine->set.mgr, key, &keys.gcm);
		sa.key_class = 0;
		agrees = rounds_agree(engine, &sa, length, 10);
		IMB_AES192_GCM_PRE(engine->set.mgr, key, &keys.gcm);
		sa.key_class = 1;
		agrees = agrees && rounds_agree(engine, &sa, length, 12);
		IMB_AES256_GCM_PRE(engine->set.mgr, key, &keys.gcm);
		sa.key_class = 2;
		agrees = agrees && rounds_agree(engine, &sa, length, 14);
	}
	return agrees;
}
