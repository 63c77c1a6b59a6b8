/* SPDX-License-Identifier: BSD-3-Clause */
/* ESP over libcrypto's EVP, one packet at a time. */
#include "association.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define HEADER 8u
#define NONCE  12u

int association_derive(const struct transform *t, const char *passphrase, uint32_t spi,
	uint8_t key[TRANSFORM_KEY_MAX], uint8_t auth_key[TRANSFORM_AUTH_MAX])
{
	uint8_t label[TRANSFORM_NAME + 5] = {0}, stream[128];
	unsigned len = 64;

	memcpy(label, t->name, strlen(t->name));
	put_be32(label + TRANSFORM_NAME, spi);
	for (uint8_t i = 0; i < 2; i++) {
		label[TRANSFORM_NAME + 4] = i;
		if (HMAC(EVP_sha512(), passphrase, (int)strlen(passphrase), label, sizeof(label),
			    stream + i * 64u, &len) == NULL)
			return -ENOTSUP;
	}
	memcpy(key, stream, t->key);
	memcpy(auth_key, stream + t->key, t->auth_key);
	OPENSSL_cleanse(stream, sizeof(stream));
	return 0;
}

static int association_init_cipher(
	struct association *a, const struct association_config *c, bool outbound)
{
	size_t salt = a->transform.kind == TRANSFORM_CIPHER ? 0 : TRANSFORM_SALT;
	EVP_CIPHER *cipher;
	int rc = 0;

	if (a->transform.cipher == NULL)
		return 0;
	memcpy(a->salt, c->key + a->transform.key - salt, salt);
	cipher = EVP_CIPHER_fetch(NULL, a->transform.cipher, NULL);
	a->cipher = EVP_CIPHER_CTX_new();
	if (cipher == NULL || a->cipher == NULL ||
		!EVP_CipherInit_ex(a->cipher, cipher, NULL, c->key, NULL, outbound) ||
		!EVP_CIPHER_CTX_set_padding(a->cipher, 0))
		rc = -ENOTSUP;
	EVP_CIPHER_free(cipher);
	return rc;
}

static int association_init_mac(struct association *a, const struct association_config *c)
{
	OSSL_PARAM params[2] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
					(char *)(uintptr_t)a->transform.digest, 0),
		OSSL_PARAM_construct_end()};
	EVP_MAC *mac;
	int rc = 0;

	if (a->transform.digest == NULL)
		return 0;
	mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	a->mac = EVP_MAC_CTX_new(mac);
	if (a->mac == NULL || !EVP_MAC_init(a->mac, c->auth_key, a->transform.auth_key, params))
		rc = -ENOTSUP;
	EVP_MAC_free(mac);
	return rc;
}

int association_init(struct association *a, const struct association_config *c, bool outbound)
{
	int rc;

	memset(a, 0, sizeof(*a));
	a->transform = *c->transform;
	a->spi = c->spi;
	a->esn = c->esn;
	a->sequence = a->floor = c->sequence;
	a->iv = c->iv;
	if (!outbound) {
		a->seen = calloc(ASSOCIATION_WINDOW / 64, sizeof(*a->seen));
		if (a->seen == NULL)
			return -ENOMEM;
	}
	rc = association_init_cipher(a, c, outbound);
	if (rc == 0)
		rc = association_init_mac(a, c);
	if (rc != 0)
		association_free(a);
	return rc;
}

void association_free(struct association *a)
{
	EVP_CIPHER_CTX_free(a->cipher);
	EVP_MAC_CTX_free(a->mac);
	free(a->seen);
	OPENSSL_cleanse(a->salt, sizeof(a->salt));
	a->cipher = NULL;
	a->mac = NULL;
	a->seen = NULL;
}

/* SPI and number, as a combined mode authenticates them (RFC 4106, section 5); returns the length */
static int association_aad(const struct association *a, uint64_t sequence, uint8_t aad[12])
{
	put_be32(aad, a->spi);
	if (a->esn) {
		put_be64(aad + 4, sequence);
		return 12;
	}
	put_be32(aad + 4, (uint32_t)sequence);
	return 8;
}

/*
 * The cipher over len bytes from in to out, either way. tag: of a combined mode, made or expected. false: not
 * authentic, or libcrypto failed.
 */
static bool association_crypt(struct association *a, bool outbound, uint64_t sequence,
	const uint8_t *iv, const uint8_t *in, size_t len, uint8_t *out, uint8_t *tag)
{
	const struct transform *t = &a->transform;
	uint8_t nonce[NONCE], aad[12];
	int n = association_aad(a, sequence, aad), done = 0, rest = 0;

	if (t->cipher == NULL) {
		memmove(out, in, len);
		return true;
	}
	if (t->kind == TRANSFORM_CIPHER)
		return EVP_CipherInit_ex(a->cipher, NULL, NULL, NULL, iv, outbound) &&
			EVP_CipherUpdate(a->cipher, out, &done, in, (int)len) &&
			EVP_CipherFinal_ex(a->cipher, out + done, &rest) &&
			(size_t)(done + rest) == len;
	memcpy(nonce, a->salt, TRANSFORM_SALT);
	memcpy(nonce + TRANSFORM_SALT, iv, 8);
	if (!EVP_CipherInit_ex(a->cipher, NULL, NULL, NULL, nonce, outbound) ||
		!EVP_CipherUpdate(a->cipher, NULL, &done, aad, n))
		return false;
	if (t->kind == TRANSFORM_GMAC) {
		/* the IV too is authenticated, and nothing is encrypted (RFC 4543, section 3.3) */
		if (!EVP_CipherUpdate(a->cipher, NULL, &done, iv, 8) ||
			!EVP_CipherUpdate(a->cipher, NULL, &done, in, (int)len))
			return false;
		memmove(out, in, len);
		done = 0;
	} else if (!EVP_CipherUpdate(a->cipher, out, &done, in, (int)len)) {
		return false;
	}
	if (!outbound && !EVP_CIPHER_CTX_ctrl(a->cipher, EVP_CTRL_AEAD_SET_TAG, t->icv, tag))
		return false;
	if (!EVP_CipherFinal_ex(a->cipher, out + done, &rest))
		return false;
	return !outbound || EVP_CIPHER_CTX_ctrl(a->cipher, EVP_CTRL_AEAD_GET_TAG, t->icv, tag);
}

/* HMAC over the packet without its ICV, and the upper half of an extended number (RFC 4303, 2.2.1) */
static bool association_mac(struct association *a, uint64_t sequence, const uint8_t *packet,
	size_t len, uint8_t icv[EVP_MAX_MD_SIZE])
{
	uint8_t high[4];
	size_t n = 0;

	put_be32(high, (uint32_t)(sequence >> 32));
	return EVP_MAC_init(a->mac, NULL, 0, NULL) && EVP_MAC_update(a->mac, packet, len) &&
		(!a->esn || EVP_MAC_update(a->mac, high, sizeof(high))) &&
		EVP_MAC_final(a->mac, icv, &n, EVP_MAX_MD_SIZE);
}

size_t association_protect(struct association *a, uint8_t next_header, const uint8_t *payload,
	size_t len, uint8_t *out, size_t capacity)
{
	const struct transform *t = &a->transform;
	uint8_t icv[EVP_MAX_MD_SIZE], *iv = out + HEADER, *text = iv + t->iv;
	size_t padding = (t->align - (len + 2) % t->align) % t->align;
	size_t clear = len + padding + 2, total = HEADER + t->iv + clear + t->icv;
	uint64_t sequence = a->sequence + 1;

	if (total > capacity || sequence == 0 || (!a->esn && sequence > UINT32_MAX))
		return 0;
	put_be32(out, a->spi);
	put_be32(out + 4, (uint32_t)sequence);
	if (t->kind != TRANSFORM_CIPHER)
		put_be64(iv, a->iv++);
	else if (t->iv > 0 && RAND_bytes(iv, t->iv) != 1)
		return 0;
	memcpy(text, payload, len);
	for (size_t i = 0; i < padding; i++)
		text[len + i] = (uint8_t)(i + 1);
	text[len + padding] = (uint8_t)padding;
	text[len + padding + 1] = next_header;
	if (!association_crypt(a, true, sequence, iv, text, clear, text, icv))
		return 0;
	if (a->mac != NULL && !association_mac(a, sequence, out, HEADER + t->iv + clear, icv))
		return 0;
	memcpy(text + clear, icv, t->icv);
	a->sequence = sequence;
	return total;
}

/* the number whose lower half the packet has (RFC 4303, appendix A2.1) */
static uint64_t association_infer(const struct association *a, uint32_t low)
{
	uint64_t bottom = a->sequence < ASSOCIATION_WINDOW ? 0
							   : a->sequence - ASSOCIATION_WINDOW + 1;
	uint64_t number = (bottom & ~(uint64_t)UINT32_MAX) | low;

	if (!a->esn)
		return low;
	return number < bottom ? number + ((uint64_t)1 << 32) : number;
}

static enum association_verdict association_check(const struct association *a, uint64_t number)
{
	uint64_t bit = number % ASSOCIATION_WINDOW;

	if (number == 0)
		return ASSOCIATION_SEQUENCE;
	if (number > a->sequence)
		return ASSOCIATION_OK;
	if (a->sequence - number >= ASSOCIATION_WINDOW || number <= a->floor)
		return ASSOCIATION_OLD;
	return a->seen[bit / 64] >> bit % 64 & 1 ? ASSOCIATION_REPLAYED : ASSOCIATION_OK;
}

static void association_mark(struct association *a, uint64_t number)
{
	uint64_t step = number > a->sequence ? number - a->sequence : 0;

	if (step >= ASSOCIATION_WINDOW)
		memset(a->seen, 0, ASSOCIATION_WINDOW / 8);
	else
		for (uint64_t i = a->sequence + 1; i < number; i++)
			a->seen[i % ASSOCIATION_WINDOW / 64] &= ~((uint64_t)1 << i % 64);
	if (step > 0)
		a->sequence = number;
	a->seen[number % ASSOCIATION_WINDOW / 64] |= (uint64_t)1 << number % 64;
}

/* false: pad length beyond the packet, or padding that is not 1, 2, 3… */
static bool association_trailer(
	const uint8_t *text, size_t len, struct association_content *content)
{
	size_t padding = text[len - 2];

	if (padding + 2 > len)
		return false;
	content->payload = text;
	content->len = len - 2 - padding;
	content->next_header = text[len - 1];
	for (size_t i = 0; i < padding; i++)
		if (text[content->len + i] != i + 1)
			return false;
	return true;
}

enum association_verdict association_unprotect(struct association *a, const uint8_t *packet,
	size_t len, uint8_t *out, struct association_content *content)
{
	const struct transform *t = &a->transform;
	size_t around = HEADER + t->iv + t->icv, clear;
	uint8_t icv[EVP_MAX_MD_SIZE], tag[TRANSFORM_ICV_MAX];
	enum association_verdict verdict;
	uint64_t number;

	if (len < HEADER)
		return ASSOCIATION_SHORT;
	if (get_be32(packet) != a->spi)
		return ASSOCIATION_SPI;
	if (len < around + 2 || (len - around) % t->align != 0)
		return ASSOCIATION_SHORT;
	clear = len - around;
	number = association_infer(a, get_be32(packet + 4));
	verdict = association_check(a, number);
	if (verdict != ASSOCIATION_OK)
		return verdict;
	memcpy(tag, packet + len - t->icv, t->icv);
	if (a->mac != NULL &&
		(!association_mac(a, number, packet, len - t->icv, icv) ||
			CRYPTO_memcmp(icv, tag, t->icv) != 0))
		return ASSOCIATION_ICV;
	if (!association_crypt(
		    a, false, number, packet + HEADER, packet + HEADER + t->iv, clear, out, tag))
		return ASSOCIATION_ICV;
	association_mark(a, number);
	content->sequence = number;
	return association_trailer(out, clear, content) ? ASSOCIATION_OK : ASSOCIATION_PADDING;
}

const char *association_verdict_name(enum association_verdict v)
{
	static const char *const names[ASSOCIATION_VERDICTS] = {
		"ok", "short", "unknown_spi", "sequence", "replayed", "old", "icv", "padding"};

	return (unsigned)v < ASSOCIATION_VERDICTS ? names[v] : "unknown";
}
