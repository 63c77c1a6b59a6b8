/* SPDX-License-Identifier: BSD-3-Clause */
/* AES-GCM by libipsec-mb, one call per packet; gcm_vaes.h has the same functions. */
#pragma once

#include "engine.h"

#include <rte_vect.h>

#define GCM_OVERREACH 0

struct gcm_cipher {
	aes_gcm_enc_dec_t call;
	const struct gcm_key_data *key;
	struct gcm_context_data *context;
};

static __rte_always_inline void gcm_cipher_load(struct gcm_cipher *cipher,
	struct esp_engine *engine, const struct sa *sa, const unsigned int rounds)
{
	(void)rounds;
	cipher->call = (sa->direction == SA_INBOUND ? engine->gcm_decrypt
						    : engine->gcm_encrypt)[sa->key_class];
	cipher->key = &sa->keys->gcm;
	cipher->context = &engine->context.gcm;
}

static __rte_always_inline __m128i gcm_crypt(const struct gcm_cipher *cipher,
	const unsigned int rounds, uint8_t *text, uint64_t length, __m128i nonce, __m128i aad,
	const bool esn, const bool encrypt)
{
	struct {
		__m128i nonce, aad, icv;
	} s = {.nonce = nonce, .aad = aad};

	(void)rounds;
	(void)encrypt;
	cipher->call(cipher->key, cipher->context, text, text, length, (const uint8_t *)&s.nonce,
		esn ? (const uint8_t *)&s.aad : text - 16, esn ? 12 : 8, (uint8_t *)&s.icv,
		sizeof(s.icv));
	return s.icv;
}
