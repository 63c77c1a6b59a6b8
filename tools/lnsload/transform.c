/* SPDX-License-Identifier: BSD-3-Clause */
/* Ciphers and digests, and what their pairs are called. */
#include "transform.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* combined modes; the key's length is without its salt */
static const struct {
	const char *name, *cipher, *yaml;
	enum transform_kind kind;
	uint8_t key;
} combined[] = {
	{"aes128gcm16", "AES-128-GCM", "aes-gcm", TRANSFORM_AEAD, 16},
	{"aes192gcm16", "AES-192-GCM", "aes-gcm", TRANSFORM_AEAD, 24},
	{"aes256gcm16", "AES-256-GCM", "aes-gcm", TRANSFORM_AEAD, 32},
	{"chacha20poly1305", "ChaCha20-Poly1305", "chacha20-poly1305", TRANSFORM_AEAD, 32},
	{"aes128gmac", "AES-128-GCM", "aes-gmac", TRANSFORM_GMAC, 16},
	{"aes192gmac", "AES-192-GCM", "aes-gmac", TRANSFORM_GMAC, 24},
	{"aes256gmac", "AES-256-GCM", "aes-gmac", TRANSFORM_GMAC, 32},
};

static const struct {
	const char *name, *cipher, *yaml;
	uint8_t key, block;
} ciphers[] = {
	{"aes128", "AES-128-CBC", "aes-cbc", 16, 16},
	{"aes192", "AES-192-CBC", "aes-cbc", 24, 16},
	{"aes256", "AES-256-CBC", "aes-cbc", 32, 16},
	{"3des", "DES-EDE3-CBC", "3des-cbc", 24, 8},
	{"null", NULL, "null", 0, 0},
};

static const struct {
	const char *name, *digest, *yaml;
	uint8_t key, icv;
} digests[] = {
	{"sha1", "SHA1", "sha1-96", 20, 12},
	{"sha256", "SHA256", "sha256-128", 32, 16},
	{"sha384", "SHA384", "sha384-192", 48, 24},
	{"sha512", "SHA512", "sha512-256", 64, 32},
};

bool transform_nth(unsigned n, struct transform *t)
{
	unsigned c, d;

	memset(t, 0, sizeof(*t));
	if (n < COUNT(combined)) {
		snprintf(t->name, sizeof(t->name), "%s", combined[n].name);
		t->kind = combined[n].kind;
		t->cipher = combined[n].cipher;
		t->yaml_cipher = combined[n].yaml;
		t->key = (uint8_t)(combined[n].key + TRANSFORM_SALT);
		t->iv = 8;
		t->icv = 16;
		t->align = 4;
		return true;
	}
	c = (n - COUNT(combined)) / COUNT(digests);
	d = (n - COUNT(combined)) % COUNT(digests);
	if (c >= COUNT(ciphers))
		return false;
	snprintf(t->name, sizeof(t->name), "%s-%s", ciphers[c].name, digests[d].name);
	t->kind = TRANSFORM_CIPHER;
	t->cipher = ciphers[c].cipher;
	t->digest = digests[d].digest;
	t->yaml_cipher = ciphers[c].yaml;
	t->yaml_integrity = digests[d].yaml;
	t->key = ciphers[c].key;
	t->auth_key = digests[d].key;
	t->iv = ciphers[c].block;
	t->icv = digests[d].icv;
	t->align = ciphers[c].block > 4 ? ciphers[c].block : 4;
	return true;
}

bool transform_find(const char *name, struct transform *t)
{
	for (unsigned n = 0; transform_nth(n, t); n++)
		if (strcmp(t->name, name) == 0)
			return true;
	return false;
}
