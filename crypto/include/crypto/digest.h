/* SPDX-License-Identifier: BSD-3-Clause */
/* The control plane's old but required digests (MD5, SHA-1, MD4, DES), over libcrypto. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define DIGEST_MD5_LEN       16
#define DIGEST_MD4_LEN       16
#define DIGEST_SHA1_LEN      20
#define DIGEST_DES_KEY_LEN   7
#define DIGEST_DES_BLOCK_LEN 8

/*
 * Fetches every algorithm once into a library context of our own: neither openssl.cnf nor what the
 * process did to the default context matters. Called once at start, by the thread that will call
 * the rest (the control core): the contexts are reused and not locked. A second call does nothing.
 *
 * -ENOTSUP: libcrypto lacks an algorithm (usually: legacy.so, the provider with MD4 and DES, is not
 * installed); -ENOMEM. digest_init_error() says which, for the operator.
 */
int digest_init(void);
const char *digest_init_error(void);
/* Frees what digest_init took; digest_init may be called again. */
void digest_fini(void);

/* Hash of the n parts one after the other. Parts may be empty. */
void digest_md5(const struct iovec *parts, int n, uint8_t out[DIGEST_MD5_LEN]);
void digest_md4(const struct iovec *parts, int n, uint8_t out[DIGEST_MD4_LEN]);
void digest_sha1(const struct iovec *parts, int n, uint8_t out[DIGEST_SHA1_LEN]);

/* RFC 2104. The key may be of any length. */
void digest_hmac_md5(const void *key, size_t key_len, const struct iovec *parts, int n,
	uint8_t out[DIGEST_MD5_LEN]);

/* One DES block with a 56-bit key; the parity bits are inserted here (RFC 2759 section 8.6). */
void digest_des_encrypt(const uint8_t key[DIGEST_DES_KEY_LEN],
	const uint8_t clear[DIGEST_DES_BLOCK_LEN], uint8_t cypher[DIGEST_DES_BLOCK_LEN]);

/* Compares in a time that depends on len only. */
bool digest_equal(const void *a, const void *b, size_t len);

/* Overwrites a secret; the compiler may not drop it. */
void digest_wipe(void *secret, size_t len);
