/* SPDX-License-Identifier: BSD-3-Clause */
/* The transforms of ESP: what each is called, how long its keys, IV and ICV are, which need a permit. */
#include <crypto/algorithm.h>

#include <errno.h>

/* keys: the lengths without salt that are allowed, zero: no further one. */
static const struct {
	const char *name;
	uint8_t keys[3];
	uint8_t salt, iv, block, icv;
	unsigned int permit;
} ciphers[ESP_CIPHERS] = {
	[ESP_CIPHER_NULL] = {"null", {0}, 0, 0, 1, 0, ESP_PERMIT_NULL},
	[ESP_CIPHER_AES_CBC] = {"aes-cbc", {16, 24, 32}, 0, 16, 16, 0, 0},
	[ESP_CIPHER_3DES_CBC] = {"3des-cbc", {24}, 0, 8, 8, 0, ESP_PERMIT_3DES},
	[ESP_CIPHER_AES_GCM_16] = {"aes-gcm-16", {16, 24, 32}, ESP_SALT_LEN, 8, 1, 16, 0},
	[ESP_CIPHER_AES_GMAC] = {"aes-gmac", {16, 24, 32}, ESP_SALT_LEN, 8, 1, 16, ESP_PERMIT_GMAC},
	[ESP_CIPHER_CHACHA20_POLY1305] = {"chacha20-poly1305", {32}, ESP_SALT_LEN, 8, 1, 16, 0},
};

static const struct {
	const char *name;
	uint8_t key, icv;
} auths[ESP_AUTHS] = {
	[ESP_AUTH_NONE] = {"none", 0, 0},
	[ESP_AUTH_HMAC_SHA1_96] = {"hmac-sha1-96", 20, 12},
	[ESP_AUTH_HMAC_SHA256_128] = {"hmac-sha256-128", 32, 16},
	[ESP_AUTH_HMAC_SHA384_192] = {"hmac-sha384-192", 48, 24},
	[ESP_AUTH_HMAC_SHA512_256] = {"hmac-sha512-256", 64, 32},
};

int esp_algorithm_find(enum esp_cipher cipher, size_t key_len, enum esp_auth auth,
	size_t auth_key_len, unsigned int permit, struct esp_algorithm *algorithm)
{
	bool fits = false;

	if ((unsigned int)cipher >= ESP_CIPHERS || (unsigned int)auth >= ESP_AUTHS)
		return -EINVAL;
	for (size_t i = 0; i < 3; i++) {
		if (i == 0 || ciphers[cipher].keys[i] != 0)
			fits |= key_len == (size_t)ciphers[cipher].keys[i] + ciphers[cipher].salt;
	}
	bool aead = ciphers[cipher].icv != 0;

	/* encryption that nobody authenticates is decided by whoever is on the way (RFC 8221, 4) */
	if (!fits || auth_key_len != auths[auth].key || aead != (auth == ESP_AUTH_NONE))
		return -EINVAL;
	if ((ciphers[cipher].permit & ~permit) != 0)
		return -EPERM;
	*algorithm = (struct esp_algorithm){
		.iv = ciphers[cipher].iv,
		.icv = aead ? ciphers[cipher].icv : auths[auth].icv,
		/* RFC 4303, 2.4: the trailer ends on four bytes whatever the cipher */
		.align = ciphers[cipher].block < 4 ? 4 : ciphers[cipher].block,
		.block = ciphers[cipher].block,
		.aead = aead,
	};
	return 0;
}

const char *esp_cipher_name(enum esp_cipher cipher)
{
	return (unsigned int)cipher < ESP_CIPHERS ? ciphers[cipher].name : "unknown";
}

const char *esp_auth_name(enum esp_auth auth)
{
	return (unsigned int)auth < ESP_AUTHS ? auths[auth].name : "unknown";
}
