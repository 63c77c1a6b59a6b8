/* SPDX-License-Identifier: BSD-3-Clause */
/* What ESP can be made of here: ciphers and authentication by the names that strongSwan's proposals have. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRANSFORM_SALT     4u
#define TRANSFORM_KEY_MAX  36u /* with the salt of a combined mode */
#define TRANSFORM_AUTH_MAX 64u
#define TRANSFORM_ICV_MAX  32u
#define TRANSFORM_IV_MAX   16u
#define TRANSFORM_NAME     32u

enum transform_kind {
	TRANSFORM_CIPHER, /* encrypted, then authenticated by an HMAC */
	TRANSFORM_AEAD,   /* both in one (RFC 4106, RFC 7634) */
	TRANSFORM_GMAC,   /* AES-GCM over nothing: authenticates only (RFC 4543) */
};

struct transform {
	char name[TRANSFORM_NAME];
	enum transform_kind kind;
	const char *cipher; /* as libcrypto calls it; NULL: not encrypted (RFC 2410) */
	const char *digest; /* of the HMAC; NULL with combined modes */
	/* what lnsd's configuration calls them */
	const char *yaml_cipher, *yaml_integrity;
	/* in bytes; key: with the salt where there is one */
	uint8_t key, auth_key, iv, icv, align;
};

/* "aes128gcm16", "chacha20poly1305", "aes256-sha256", "3des-sha1", "null-sha1", "aes128gmac"; false: unknown. */
bool transform_find(const char *name, struct transform *t);
/* The n-th of all, for lists and tests; false: there are no more. */
bool transform_nth(unsigned n, struct transform *t);
