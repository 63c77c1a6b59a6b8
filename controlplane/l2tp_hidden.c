/* SPDX-License-Identifier: BSD-3-Clause */
/* Hidden AVPs and challenge responses over MD5. */
#include "l2tp_hidden.h"

#include <crypto/digest.h>

#include <errno.h>
#include <string.h>

#define HIDDEN_BLOCK DIGEST_MD5_LEN

/* iovec has no const; digests only read. */
static struct iovec part(const void *bytes, size_t len)
{
	return (struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
}

/* b1 = MD5(attribute, secret, vector): the key stream of the first block. */
static void first_block(uint16_t attribute, const uint8_t *secret, size_t secret_len,
	const uint8_t *vector, size_t vector_len, uint8_t block[HIDDEN_BLOCK])
{
	uint8_t av[2] = {attribute >> 8, attribute & 0xff};
	struct iovec parts[] = {part(av, 2), part(secret, secret_len), part(vector, vector_len)};

	digest_md5(parts, 3, block);
}

/* bi = MD5(secret, c(i-1)). */
static void next_block(const uint8_t *secret, size_t secret_len, const uint8_t *cipher,
	uint8_t block[HIDDEN_BLOCK])
{
	struct iovec parts[] = {part(secret, secret_len), part(cipher, HIDDEN_BLOCK)};

	digest_md5(parts, 2, block);
}

int l2tp_hidden_reveal(uint16_t attribute, const uint8_t *secret, size_t secret_len,
	const uint8_t *vector, size_t vector_len, const uint8_t *cipher, size_t len, uint8_t *plain)
{
	uint8_t block[HIDDEN_BLOCK];
	size_t original;

	if (len < 2)
		return -EBADMSG;
	first_block(attribute, secret, secret_len, vector, vector_len, block);
	for (size_t i = 0; i < len; i++) {
		if (i > 0 && i % HIDDEN_BLOCK == 0)
			next_block(secret, secret_len, cipher + i - HIDDEN_BLOCK, block);
		plain[i] = cipher[i] ^ block[i % HIDDEN_BLOCK];
	}
	/* whoever has not the secret makes this any number */
	original = (size_t)plain[0] << 8 | plain[1];
	return original <= len - 2 ? (int)original : -EBADMSG;
}

void l2tp_hidden_hide(uint16_t attribute, const uint8_t *secret, size_t secret_len,
	const uint8_t *vector, size_t vector_len, uint8_t *subformat, size_t len)
{
	uint8_t block[HIDDEN_BLOCK];

	first_block(attribute, secret, secret_len, vector, vector_len, block);
	for (size_t i = 0; i < len; i++) {
		if (i > 0 && i % HIDDEN_BLOCK == 0)
			next_block(secret, secret_len, subformat + i - HIDDEN_BLOCK, block);
		subformat[i] ^= block[i % HIDDEN_BLOCK];
	}
}

void l2tp_response(uint8_t message_type, const uint8_t *secret, size_t secret_len,
	const uint8_t *challenge, size_t challenge_len, uint8_t response[L2TP_RESPONSE_LEN])
{
	struct iovec parts[] = {
		part(&message_type, 1), part(secret, secret_len), part(challenge, challenge_len)};

	digest_md5(parts, 3, response);
}
