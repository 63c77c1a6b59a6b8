/* SPDX-License-Identifier: BSD-3-Clause */
/* The control plane's old but required digests (MD5, SHA-1, MD4, DES), over libcrypto. */
#include <crypto/digest.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HMAC_BLOCK 64

enum digest_algorithm {
	DIGEST_MD5,
	DIGEST_MD4,
	DIGEST_SHA1,
	DIGEST_ALGORITHMS,
};

static const char *const digest_names[DIGEST_ALGORITHMS] = {
	[DIGEST_MD5] = "MD5",
	[DIGEST_MD4] = "MD4",
	[DIGEST_SHA1] = "SHA1",
};

/* Owned by the thread that called digest_init. */
static struct {
	OSSL_LIB_CTX *lib;
	OSSL_PROVIDER *standard;
	OSSL_PROVIDER *legacy;
	EVP_MD *md[DIGEST_ALGORITHMS];
	EVP_MD_CTX *md_ctx[DIGEST_ALGORITHMS];
	EVP_CIPHER *des;
	EVP_CIPHER_CTX *des_ctx;
	char error[256];
} digest;

const char *digest_init_error(void)
{
	return digest.error;
}

static int digest_fail(int error, const char *what, const char *hint)
{
	unsigned long code = ERR_peek_last_error();
	char reason[160] = "no reason given";

	if (code != 0)
		ERR_error_string_n(code, reason, sizeof(reason));
	snprintf(digest.error, sizeof(digest.error), "libcrypto: cannot %s (%s)%s", what, reason,
		hint);
	ERR_clear_error();
	return error;
}

void digest_fini(void)
{
	EVP_CIPHER_CTX_free(digest.des_ctx);
	EVP_CIPHER_free(digest.des);
	for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
		EVP_MD_CTX_free(digest.md_ctx[i]);
		EVP_MD_free(digest.md[i]);
		digest.md_ctx[i] = NULL;
		digest.md[i] = NULL;
	}
	if (digest.legacy != NULL)
		OSSL_PROVIDER_unload(digest.legacy);
	if (digest.standard != NULL)
		OSSL_PROVIDER_unload(digest.standard);
	OSSL_LIB_CTX_free(digest.lib);
	digest.des_ctx = NULL;
	digest.des = NULL;
	digest.legacy = NULL;
	digest.standard = NULL;
	digest.lib = NULL;
}

int digest_init(void)
{
	int rc;

	if (digest.lib != NULL)
		return 0;
	digest.error[0] = '\0';
	digest.lib = OSSL_LIB_CTX_new();
	if (digest.lib == NULL)
		return digest_fail(-ENOMEM, "create a library context", "");
	digest.standard = OSSL_PROVIDER_load(digest.lib, "default");
	if (digest.standard == NULL) {
		rc = digest_fail(-ENOTSUP, "load the default provider", "");
		goto fail;
	}
	digest.legacy = OSSL_PROVIDER_load(digest.lib, "legacy");
	if (digest.legacy == NULL) {
		rc = digest_fail(-ENOTSUP, "load the legacy provider",
			": MS-CHAPv2 needs its MD4 and DES; install legacy.so (Debian: "
			"package libssl3) or set OPENSSL_MODULES to its folder");
		goto fail;
	}
	for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
		digest.md[i] = EVP_MD_fetch(digest.lib, digest_names[i], NULL);
		if (digest.md[i] == NULL) {
			rc = digest_fail(-ENOTSUP, "fetch a digest: ", digest_names[i]);
			goto fail;
		}
		digest.md_ctx[i] = EVP_MD_CTX_new();
		if (digest.md_ctx[i] == NULL) {
			rc = digest_fail(-ENOMEM, "create a digest context", "");
			goto fail;
		}
	}
	digest.des = EVP_CIPHER_fetch(digest.lib, "DES-ECB", NULL);
	if (digest.des == NULL) {
		rc = digest_fail(-ENOTSUP, "fetch DES-ECB", "");
		goto fail;
	}
	digest.des_ctx = EVP_CIPHER_CTX_new();
	if (digest.des_ctx == NULL) {
		rc = digest_fail(-ENOMEM, "create a cipher context", "");
		goto fail;
	}
	return 0;
fail:
	digest_fini();
	return rc;
}

/*
 * An algorithm that was fetched at start can only fail for lack of a few bytes of memory. A digest
 * that was not computed must never be compared with a peer's, so there is no way on.
 */
static void digest_must(int ok, const char *what)
{
	if (ok == 1)
		return;
	fprintf(stderr, "libcrypto: %s failed, or digest_init was not called\n", what);
	abort();
}

static void digest_hash(enum digest_algorithm a, const struct iovec *parts, int n, uint8_t *out)
{
	EVP_MD_CTX *ctx = digest.md_ctx[a];

	digest_must(
		ctx != NULL && EVP_DigestInit_ex2(ctx, digest.md[a], NULL) == 1, digest_names[a]);
	for (int i = 0; i < n; i++) {
		if (parts[i].iov_len > 0)
			digest_must(EVP_DigestUpdate(ctx, parts[i].iov_base, parts[i].iov_len),
				digest_names[a]);
	}
	digest_must(EVP_DigestFinal_ex(ctx, out, NULL), digest_names[a]);
}

void digest_md5(const struct iovec *parts, int n, uint8_t out[DIGEST_MD5_LEN])
{
	digest_hash(DIGEST_MD5, parts, n, out);
}

void digest_md4(const struct iovec *parts, int n, uint8_t out[DIGEST_MD4_LEN])
{
	digest_hash(DIGEST_MD4, parts, n, out);
}

void digest_sha1(const struct iovec *parts, int n, uint8_t out[DIGEST_SHA1_LEN])
{
	digest_hash(DIGEST_SHA1, parts, n, out);
}

void digest_hmac_md5(const void *key, size_t key_len, const struct iovec *parts, int n,
	uint8_t out[DIGEST_MD5_LEN])
{
	EVP_MD_CTX *ctx = digest.md_ctx[DIGEST_MD5];
	uint8_t pad[HMAC_BLOCK] = {0};
	uint8_t inner[DIGEST_MD5_LEN];

	if (key_len > HMAC_BLOCK)
		digest_md5(&(struct iovec){(void *)(uintptr_t)key, key_len}, 1, pad);
	else if (key_len > 0)
		memcpy(pad, key, key_len);
	for (int i = 0; i < HMAC_BLOCK; i++)
		pad[i] ^= 0x36;
	digest_must(ctx != NULL && EVP_DigestInit_ex2(ctx, digest.md[DIGEST_MD5], NULL) == 1,
		"HMAC-MD5");
	digest_must(EVP_DigestUpdate(ctx, pad, sizeof(pad)), "HMAC-MD5");
	for (int i = 0; i < n; i++) {
		if (parts[i].iov_len > 0)
			digest_must(EVP_DigestUpdate(ctx, parts[i].iov_base, parts[i].iov_len),
				"HMAC-MD5");
	}
	digest_must(EVP_DigestFinal_ex(ctx, inner, NULL), "HMAC-MD5");
	for (int i = 0; i < HMAC_BLOCK; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	digest_md5((struct iovec[]){{pad, sizeof(pad)}, {inner, sizeof(inner)}}, 2, out);
	digest_wipe(pad, sizeof(pad));
}

void digest_des_encrypt(const uint8_t key[DIGEST_DES_KEY_LEN],
	const uint8_t clear[DIGEST_DES_BLOCK_LEN], uint8_t cypher[DIGEST_DES_BLOCK_LEN])
{
	uint8_t expanded[8];
	uint64_t bits = 0;
	int len = 0;

	for (int i = 0; i < DIGEST_DES_KEY_LEN; i++)
		bits = bits << 8 | key[i];
	/* Seven key bits to a byte, the lowest bit makes the number of ones odd. */
	for (int i = 0; i < 8; i++) {
		uint8_t seven = (uint8_t)((bits >> (49 - 7 * i)) & 0x7f);

		expanded[i] = (uint8_t)(seven << 1 | !__builtin_parity(seven));
	}
	digest_must(digest.des_ctx != NULL &&
			EVP_EncryptInit_ex2(digest.des_ctx, digest.des, expanded, NULL, NULL) == 1,
		"DES");
	EVP_CIPHER_CTX_set_padding(digest.des_ctx, 0);
	digest_must(EVP_EncryptUpdate(digest.des_ctx, cypher, &len, clear, DIGEST_DES_BLOCK_LEN),
		"DES");
	digest_must(len == DIGEST_DES_BLOCK_LEN, "DES");
	digest_wipe(expanded, sizeof(expanded));
}

bool digest_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

void digest_wipe(void *secret, size_t len)
{
	OPENSSL_cleanse(secret, len);
}
