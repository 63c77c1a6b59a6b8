/* SPDX-License-Identifier: BSD-3-Clause */
/* What a server computes to check a password: PAP, CHAP-MD5 (RFC 1994), MS-CHAPv2 (RFC 2759). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MSCHAP_CHALLENGE_LEN   16
#define MSCHAP_HASH_LEN        16
#define MSCHAP_NT_RESPONSE_LEN 24
/* "S=" and 40 hexadecimal digits, with the terminating NUL. */
#define MSCHAP_AUTHENTICATOR_LEN 43
/* RFC 2759 section 8.3: 0 to 256 unicode characters. */
#define MSCHAP_PASSWORD_MAX 256

#define CHAP_MD5_LEN 16

/* digest_init() must have been called before any of these. */

/* The 8 bytes that the peer's response is made from. user is what the Name field carried; a domain
 * in front of it ("DOMAIN\user") is not hashed (RFC 2759 section 8.2). */
void mschap_challenge_hash(const uint8_t peer_challenge[MSCHAP_CHALLENGE_LEN],
	const uint8_t authenticator_challenge[MSCHAP_CHALLENGE_LEN], const char *user,
	size_t user_len, uint8_t challenge[8]);

/* MD4 of the UTF-8 password turned into UTF-16LE. -EINVAL: not UTF-8; -E2BIG: more than
 * MSCHAP_PASSWORD_MAX UTF-16 units. */
int mschap_password_hash(const char *password, size_t len, uint8_t hash[MSCHAP_HASH_LEN]);

/* The three DES blocks of RFC 2759 section 8.5. */
void mschap_challenge_response(const uint8_t challenge[8],
	const uint8_t password_hash[MSCHAP_HASH_LEN], uint8_t response[MSCHAP_NT_RESPONSE_LEN]);

/* What an MS-CHAPv2 peer sends, and what a server compares it with. */
struct mschap_v2 {
	const uint8_t *authenticator_challenge; /* MSCHAP_CHALLENGE_LEN bytes, ours */
	const uint8_t *peer_challenge;          /* MSCHAP_CHALLENGE_LEN bytes */
	const uint8_t *nt_response;             /* MSCHAP_NT_RESPONSE_LEN bytes */
	const char *user;                       /* Name field, domain included */
	size_t user_len;
};

/* RFC 2759 section 8.7: the proof that the server knows the password too, "S=<40 hex digits>". */
void mschap_authenticator_response(const struct mschap_v2 *m,
	const uint8_t password_hash[MSCHAP_HASH_LEN], char out[MSCHAP_AUTHENTICATOR_LEN]);

/* Does the response prove the password? If so *out is the authenticator response for the Success
 * message. */
bool mschap_v2_check(const struct mschap_v2 *m, const char *password, size_t password_len,
	char out[MSCHAP_AUTHENTICATOR_LEN]);

/* RFC 1994 section 4.1: MD5 over identifier, secret, challenge. */
void chap_md5_response(uint8_t id, const char *secret, size_t secret_len, const uint8_t *challenge,
	size_t challenge_len, uint8_t response[CHAP_MD5_LEN]);
bool chap_md5_check(uint8_t id, const char *secret, size_t secret_len, const uint8_t *challenge,
	size_t challenge_len, const uint8_t *response, size_t response_len);

/* Compares two passwords without telling by its time how much of them is equal. */
bool pap_check(const char *password, size_t password_len, const uint8_t *given, size_t given_len);
