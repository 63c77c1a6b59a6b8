/* SPDX-License-Identifier: BSD-3-Clause */
/* The transforms of ESP: what each is called, how long its keys, IV and ICV are, which need a permit. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ESP_SALT_LEN     4
#define ESP_KEY_MAX      36 /* AES-256-GCM or ChaCha20 with its salt */
#define ESP_ICV_MAX      32
#define ESP_AUTH_KEY_MAX 64

enum esp_cipher {
	ESP_CIPHER_NULL,              /* RFC 2410 */
	ESP_CIPHER_AES_CBC,           /* RFC 3602 */
	ESP_CIPHER_3DES_CBC,          /* RFC 2451 */
	ESP_CIPHER_AES_GCM_16,        /* RFC 4106 */
	ESP_CIPHER_AES_GMAC,          /* RFC 4543: authenticates, does not encrypt */
	ESP_CIPHER_CHACHA20_POLY1305, /* RFC 7634 */
	ESP_CIPHERS,
};

enum esp_auth {
	ESP_AUTH_NONE,            /* with the three combined modes, and with these only */
	ESP_AUTH_HMAC_SHA1_96,    /* RFC 2404 */
	ESP_AUTH_HMAC_SHA256_128, /* RFC 4868 */
	ESP_AUTH_HMAC_SHA384_192, /* RFC 4868 */
	ESP_AUTH_HMAC_SHA512_256, /* RFC 4868 */
	ESP_AUTHS,
};

/* What an SA may use only if its creator says so, since it encrypts nothing or is too old. */
#define ESP_PERMIT_NULL 0x01
#define ESP_PERMIT_GMAC 0x02
#define ESP_PERMIT_3DES 0x04

/* All lengths in bytes. */
struct esp_algorithm {
	uint8_t iv;    /* in the packet */
	uint8_t icv;   /* in the packet */
	uint8_t align; /* payload and trailer together are a multiple of it when sent */
	uint8_t block; /* the same, demanded of what is received */
	bool aead;
};

/*
 * The layout of a pair of cipher and authentication, if the key lengths fit it. key_len counts the KEYMAT
 * as IKE derives it and the kernel's XFRM carries it: the four bytes of salt at its end included where there
 * is one (RFC 4106, section 8.1; RFC 4543, section 5.4; RFC 7634, section 2).
 *
 * -EINVAL: no such algorithm, pair or key length; -EPERM: it needs a flag of ESP_PERMIT_ that permit lacks.
 */
int esp_algorithm_find(enum esp_cipher cipher, size_t key_len, enum esp_auth auth,
	size_t auth_key_len, unsigned int permit, struct esp_algorithm *algorithm);

/* For operators; "unknown" if out of range. */
const char *esp_cipher_name(enum esp_cipher cipher);
const char *esp_auth_name(enum esp_auth auth);
