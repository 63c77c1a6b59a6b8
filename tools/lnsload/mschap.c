/* SPDX-License-Identifier: BSD-3-Clause */
/* The arithmetic of CHAP-MD5 and MS-CHAPv2, on libcrypto's plain functions (no fetch per call). */
#include "auth.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/des.h>
#include <openssl/md4.h>
#include <openssl/md5.h>
#include <openssl/sha.h>

#include <string.h>

#define PASSWORD_MAX 256u

void auth_chap_md5(
	uint8_t id, const char *password, const uint8_t *challenge, size_t len, uint8_t out[16])
{
	MD5_CTX md5;

	MD5_Init(&md5);
	MD5_Update(&md5, &id, 1);
	MD5_Update(&md5, password, strlen(password));
	MD5_Update(&md5, challenge, len);
	MD5_Final(out, &md5);
}

/* 7 bytes of key spread over 8, parity bits unused */
static void mschap_des(const uint8_t key7[7], const uint8_t in[8], uint8_t out[8])
{
	DES_key_schedule schedule;
	DES_cblock key, block, result;
	uint64_t bits = 0;

	for (unsigned i = 0; i < 7; i++)
		bits = bits << 8 | key7[i];
	for (unsigned i = 0; i < 8; i++)
		key[i] = (uint8_t)((bits >> (49 - 7 * i) & 0x7f) << 1);
	memcpy(block, in, 8);
	DES_set_key_unchecked(&key, &schedule);
	DES_ecb_encrypt(&block, &result, &schedule, DES_ENCRYPT);
	memcpy(out, result, 8);
}

/* MD4 over the password as UTF-16LE (the characters are taken as Latin-1) */
static void mschap_password_hash(const char *password, uint8_t hash[16])
{
	uint8_t unicode[PASSWORD_MAX * 2];
	size_t n = strlen(password);
	MD4_CTX md4;

	if (n > PASSWORD_MAX)
		n = PASSWORD_MAX;
	for (size_t i = 0; i < n; i++) {
		unicode[2 * i] = (uint8_t)password[i];
		unicode[2 * i + 1] = 0;
	}
	MD4_Init(&md4);
	MD4_Update(&md4, unicode, n * 2);
	MD4_Final(hash, &md4);
}

static void mschap_challenge_hash(
	const uint8_t peer[16], const uint8_t authenticator[16], const char *name, uint8_t out[8])
{
	const char *plain = strrchr(name, '\\');
	uint8_t digest[20];
	SHA_CTX sha;

	/* RFC 2759 section 8.2: the name without a domain in front of it */
	plain = plain != NULL ? plain + 1 : name;
	SHA1_Init(&sha);
	SHA1_Update(&sha, peer, 16);
	SHA1_Update(&sha, authenticator, 16);
	SHA1_Update(&sha, plain, strlen(plain));
	SHA1_Final(digest, &sha);
	memcpy(out, digest, 8);
}

void auth_mschapv2_response(const uint8_t authenticator[16], const uint8_t peer[16],
	const char *name, const char *password, uint8_t out[24])
{
	uint8_t challenge[8], key[21] = {0};

	mschap_challenge_hash(peer, authenticator, name, challenge);
	mschap_password_hash(password, key);
	for (unsigned i = 0; i < 3; i++)
		mschap_des(key + 7 * i, challenge, out + 8 * i);
}

void auth_mschapv2_authenticator(const uint8_t authenticator[16], const uint8_t peer[16],
	const char *name, const char *password, const uint8_t nt_response[24], uint8_t out[20])
{
	static const char magic1[] = "Magic server to client signing constant";
	static const char magic2[] = "Pad to make it do more than one iteration";
	uint8_t hash[16], challenge[8];
	MD4_CTX md4;
	SHA_CTX sha;

	mschap_password_hash(password, hash);
	MD4_Init(&md4);
	MD4_Update(&md4, hash, 16);
	MD4_Final(hash, &md4);
	SHA1_Init(&sha);
	SHA1_Update(&sha, hash, 16);
	SHA1_Update(&sha, nt_response, 24);
	SHA1_Update(&sha, magic1, sizeof(magic1) - 1);
	SHA1_Final(out, &sha);
	mschap_challenge_hash(peer, authenticator, name, challenge);
	SHA1_Init(&sha);
	SHA1_Update(&sha, out, 20);
	SHA1_Update(&sha, challenge, 8);
	SHA1_Update(&sha, magic2, sizeof(magic2) - 1);
	SHA1_Final(out, &sha);
}
