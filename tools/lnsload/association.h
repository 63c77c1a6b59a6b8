/* SPDX-License-Identifier: BSD-3-Clause */
/* One direction of ESP (RFC 4303): its keys, its numbers; payloads in, ESP packets out, and the reverse. */
#pragma once

#include <openssl/evp.h>

#include "transform.h"

#define ASSOCIATION_WINDOW 4096u
/* the most that ESP adds to a payload: header, IV, trailer, ICV */
#define ASSOCIATION_OVERHEAD (8u + TRANSFORM_IV_MAX + 17u + TRANSFORM_ICV_MAX)

enum association_verdict {
	ASSOCIATION_OK,
	ASSOCIATION_SHORT,
	ASSOCIATION_SPI,      /* of another association */
	ASSOCIATION_SEQUENCE, /* number zero */
	ASSOCIATION_REPLAYED,
	ASSOCIATION_OLD,
	ASSOCIATION_ICV,
	ASSOCIATION_PADDING, /* longer than the packet, or not 1, 2, 3… (RFC 4303, 2.4) */
	ASSOCIATION_VERDICTS,
};

struct association_config {
	const struct transform *transform;
	uint32_t spi;
	const uint8_t *key;      /* transform->key bytes, salt last */
	const uint8_t *auth_key; /* transform->auth_key bytes */
	bool esn;
	uint64_t sequence; /* outbound: the last number used; inbound: none up to it is accepted */
	uint64_t iv;       /* outbound, combined modes: what the first packet's IV is made from */
};

struct association {
	struct transform transform;
	uint32_t spi;
	bool esn;
	uint64_t sequence; /* the last one sent, or the highest one accepted */
	uint64_t floor;    /* inbound: where it began */
	uint64_t iv;       /* the next one of a combined mode */
	uint8_t salt[TRANSFORM_SALT];
	EVP_CIPHER_CTX *cipher;
	EVP_MAC_CTX *mac;
	uint64_t *seen; /* inbound: a bit for each number of the window */
};

/* What an authentic packet held; payload points into the caller's out. */
struct association_content {
	const uint8_t *payload;
	size_t len;
	uint8_t next_header;
	uint64_t sequence;
};

/* 0; -ENOMEM; -ENOTSUP: libcrypto has no such algorithm. */
int association_init(struct association *a, const struct association_config *c, bool outbound);
void association_free(struct association *a);
/*
 * Keys from a passphrase: HMAC-SHA-512 under it of transform, SPI and a counter. Writes transform->key and
 * transform->auth_key bytes.
 */
int association_derive(const struct transform *t, const char *passphrase, uint32_t spi,
	uint8_t key[TRANSFORM_KEY_MAX], uint8_t auth_key[TRANSFORM_AUTH_MAX]);
/* Length of the ESP packet in out, 0: no number is left, or it does not fit. */
size_t association_protect(struct association *a, uint8_t next_header, const uint8_t *payload,
	size_t len, uint8_t *out, size_t capacity);
/* out: at least len bytes. */
enum association_verdict association_unprotect(struct association *a, const uint8_t *packet,
	size_t len, uint8_t *out, struct association_content *content);
const char *association_verdict_name(enum association_verdict v);
