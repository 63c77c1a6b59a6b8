/* SPDX-License-Identifier: BSD-3-Clause */
/* The key schedules of one SA, in a slot of locked memory. */
#include "sa_keys.h"
#include "reason.h"

#include <crypto/digest.h>

#include <errno.h>
#include <string.h>
#include <sys/random.h>

IMB_MGR *ipsec_mb_create(void)
{
	IMB_MGR *mgr = alloc_mb_mgr(0);

	if (mgr == NULL) {
		reason_set("no memory for libipsec-mb");
		errno = ENOMEM;
		return NULL;
	}
	init_mb_mgr_auto(mgr, NULL);
	if (imb_get_errno(mgr) != 0) {
		reason_set("libipsec-mb cannot work on this CPU: %s",
			imb_get_strerror(imb_get_errno(mgr)));
		errno = ENOTSUP;
		goto fail;
	}
	if ((mgr->features & IMB_FEATURE_SELF_TEST) != 0 &&
		(mgr->features & IMB_FEATURE_SELF_TEST_PASS) == 0) {
		reason_set("libipsec-mb failed its self-test");
		errno = EIO;
		goto fail;
	}
	return mgr;
fail:
	free_mb_mgr(mgr);
	return NULL;
}

static void aes_expand(IMB_MGR *mgr, const uint8_t *key, size_t len, void *encrypt, void *decrypt)
{
	if (len == 16)
		IMB_AES_KEYEXP_128(mgr, key, encrypt, decrypt);
	else if (len == 24)
		IMB_AES_KEYEXP_192(mgr, key, encrypt, decrypt);
	else
		IMB_AES_KEYEXP_256(mgr, key, encrypt, decrypt);
}

static void gcm_expand(IMB_MGR *mgr, const uint8_t *key, size_t len, struct gcm_key_data *gcm)
{
	if (len == 16)
		IMB_AES128_GCM_PRE(mgr, key, gcm);
	else if (len == 24)
		IMB_AES192_GCM_PRE(mgr, key, gcm);
	else
		IMB_AES256_GCM_PRE(mgr, key, gcm);
}

/* RFC 2104: the state of the hash after the block of the key, which is never longer than a block here. */
static void hmac_pad_hash(IMB_MGR *mgr, enum esp_auth auth, const uint8_t *key, size_t len,
	uint8_t pad, uint8_t *state)
{
	uint8_t block[IMB_SHA_512_BLOCK_SIZE];

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < len; i++)
		block[i] ^= key[i];
	switch (auth) {
	case ESP_AUTH_HMAC_SHA1_96:
		IMB_SHA1_ONE_BLOCK(mgr, block, state);
		break;
	case ESP_AUTH_HMAC_SHA256_128:
		IMB_SHA256_ONE_BLOCK(mgr, block, state);
		break;
	case ESP_AUTH_HMAC_SHA384_192:
		IMB_SHA384_ONE_BLOCK(mgr, block, state);
		break;
	case ESP_AUTH_HMAC_SHA512_256:
		IMB_SHA512_ONE_BLOCK(mgr, block, state);
		break;
	case ESP_AUTH_NONE:
	case ESP_AUTHS:
		break;
	}
	digest_wipe(block, sizeof(block));
}

int sa_keys_expand(IMB_MGR *mgr, const struct sa_params *params, struct sa_keys *keys)
{
	size_t len = params->key_len;
	uint8_t iv_key[16], unused[11 * 16] __attribute__((aligned(16)));

	switch (params->cipher) {
	case ESP_CIPHER_AES_GCM_16:
	case ESP_CIPHER_AES_GMAC:
		gcm_expand(mgr, params->key, len - ESP_SALT_LEN, &keys->gcm);
		break;
	case ESP_CIPHER_CHACHA20_POLY1305:
		memcpy(keys->chacha20, params->key, len - ESP_SALT_LEN);
		break;
	case ESP_CIPHER_AES_CBC:
		aes_expand(mgr, params->key, len, keys->hmac.aes.encrypt, keys->hmac.aes.decrypt);
		break;
	case ESP_CIPHER_3DES_CBC:
		for (int i = 0; i < 3; i++) {
			IMB_DES_KEYSCHED(mgr, keys->hmac.des3.schedule[i], params->key + 8 * i);
			keys->hmac.des3.schedules[i] = keys->hmac.des3.schedule[i];
		}
		break;
	case ESP_CIPHER_NULL:
	case ESP_CIPHERS:
		break;
	}
	if (params->auth != ESP_AUTH_NONE) {
		hmac_pad_hash(mgr, params->auth, params->auth_key, params->auth_key_len, 0x36,
			keys->hmac.inner);
		hmac_pad_hash(mgr, params->auth, params->auth_key, params->auth_key_len, 0x5c,
			keys->hmac.outer);
	}
	if (params->direction == SA_INBOUND)
		return 0;
	if (getrandom(iv_key, sizeof(iv_key), 0) != (ssize_t)sizeof(iv_key)) {
		reason_set("the kernel gave no randomness");
		return -EIO;
	}
	IMB_AES_KEYEXP_128(mgr, iv_key, keys->iv_schedule, unused);
	digest_wipe(iv_key, sizeof(iv_key));
	digest_wipe(unused, sizeof(unused));
	return 0;
}
