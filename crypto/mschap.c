/* SPDX-License-Identifier: BSD-3-Clause */
/* What a server computes to check a password: PAP, CHAP-MD5 (RFC 1994), MS-CHAPv2 (RFC 2759). */
#include <crypto/mschap.h>

#include <crypto/digest.h>

#include <errno.h>
#include <string.h>

#define PART(data, len)                          \
	{                                        \
		(void *)(uintptr_t)(data), (len) \
	}

void mschap_challenge_hash(const uint8_t peer_challenge[MSCHAP_CHALLENGE_LEN],
	const uint8_t authenticator_challenge[MSCHAP_CHALLENGE_LEN], const char *user,
	size_t user_len, uint8_t challenge[8])
{
	const char *domain_end = user_len > 0 ? memrchr(user, '\\', user_len) : NULL;
	uint8_t hash[DIGEST_SHA1_LEN];

	if (domain_end != NULL) {
		user_len -= (size_t)(domain_end + 1 - user);
		user = domain_end + 1;
	}
	struct iovec parts[] = {
		PART(peer_challenge, MSCHAP_CHALLENGE_LEN),
		PART(authenticator_challenge, MSCHAP_CHALLENGE_LEN),
		PART(user, user_len),
	};
	digest_sha1(parts, 3, hash);
	memcpy(challenge, hash, 8);
}

/* The next code point of the UTF-8 text, or -EINVAL for overlong, surrogate and stray bytes. */
static int32_t utf8_next(const uint8_t **p, const uint8_t *end)
{
	static const int32_t smallest[] = {0, 0x80, 0x800, 0x10000};
	const uint8_t *q = *p;
	int32_t c = *q++;
	int more;

	if (c < 0x80)
		more = 0;
	else if (c >= 0xc2 && c < 0xe0)
		more = 1;
	else if (c >= 0xe0 && c < 0xf0)
		more = 2;
	else if (c >= 0xf0 && c < 0xf5)
		more = 3;
	else
		return -EINVAL;
	if (end - q < more)
		return -EINVAL;
	if (more > 0)
		c &= 0x3f >> more;
	for (int i = 0; i < more; i++, q++) {
		if ((*q & 0xc0) != 0x80)
			return -EINVAL;
		c = c << 6 | (*q & 0x3f);
	}
	if (c < smallest[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return -EINVAL;
	*p = q;
	return c;
}

int mschap_password_hash(const char *password, size_t len, uint8_t hash[MSCHAP_HASH_LEN])
{
	const uint8_t *p = (const uint8_t *)password, *end = p + len;
	uint8_t utf16[2 * MSCHAP_PASSWORD_MAX];
	size_t used = 0;
	int rc = 0;

	while (p < end) {
		int32_t c = utf8_next(&p, end);
		uint16_t unit[2];
		int units = 1;

		if (c < 0) {
			rc = (int)c;
			goto out;
		}
		if (c >= 0x10000) {
			unit[0] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
			unit[1] = (uint16_t)(0xdc00 + ((c - 0x10000) & 0x3ff));
			units = 2;
		} else {
			unit[0] = (uint16_t)c;
		}
		if (used + 2 * (size_t)units > sizeof(utf16)) {
			rc = -E2BIG;
			goto out;
		}
		for (int i = 0; i < units; i++) {
			utf16[used++] = (uint8_t)unit[i];
			utf16[used++] = (uint8_t)(unit[i] >> 8);
		}
	}
	digest_md4(&(struct iovec)PART(utf16, used), 1, hash);
out:
	digest_wipe(utf16, sizeof(utf16));
	return rc;
}

void mschap_challenge_response(const uint8_t challenge[8],
	const uint8_t password_hash[MSCHAP_HASH_LEN], uint8_t response[MSCHAP_NT_RESPONSE_LEN])
{
	uint8_t key[3 * DIGEST_DES_KEY_LEN] = {0};

	memcpy(key, password_hash, MSCHAP_HASH_LEN);
	for (int i = 0; i < 3; i++)
		digest_des_encrypt(key + 7 * i, challenge, response + 8 * i);
	digest_wipe(key, sizeof(key));
}

void mschap_authenticator_response(const struct mschap_v2 *m,
	const uint8_t password_hash[MSCHAP_HASH_LEN], char out[MSCHAP_AUTHENTICATOR_LEN])
{
	/* The constants of RFC 2759 section 8.7. */
	static const char magic1[] = "Magic server to client signing constant";
	static const char magic2[] = "Pad to make it do more than one iteration";
	static const char hex[] = "0123456789ABCDEF";
	uint8_t hash_hash[MSCHAP_HASH_LEN], challenge[8], sha[DIGEST_SHA1_LEN];

	digest_md4(&(struct iovec)PART(password_hash, MSCHAP_HASH_LEN), 1, hash_hash);
	struct iovec first[] = {
		PART(hash_hash, sizeof(hash_hash)),
		PART(m->nt_response, MSCHAP_NT_RESPONSE_LEN),
		PART(magic1, sizeof(magic1) - 1),
	};
	digest_sha1(first, 3, sha);
	mschap_challenge_hash(
		m->peer_challenge, m->authenticator_challenge, m->user, m->user_len, challenge);
	uint8_t inner[DIGEST_SHA1_LEN];
	memcpy(inner, sha, sizeof(inner));
	struct iovec second[] = {
		PART(inner, sizeof(inner)),
		PART(challenge, sizeof(challenge)),
		PART(magic2, sizeof(magic2) - 1),
	};
	digest_sha1(second, 3, sha);
	*out++ = 'S';
	*out++ = '=';
	for (size_t i = 0; i < sizeof(sha); i++) {
		*out++ = hex[sha[i] >> 4];
		*out++ = hex[sha[i] & 15];
	}
	*out = '\0';
	digest_wipe(hash_hash, sizeof(hash_hash));
}

bool mschap_v2_check(const struct mschap_v2 *m, const char *password, size_t password_len,
	char out[MSCHAP_AUTHENTICATOR_LEN])
{
	uint8_t challenge[8], hash[MSCHAP_HASH_LEN], expected[MSCHAP_NT_RESPONSE_LEN];
	bool equal;

	if (mschap_password_hash(password, password_len, hash) != 0)
		return false;
	mschap_challenge_hash(
		m->peer_challenge, m->authenticator_challenge, m->user, m->user_len, challenge);
	mschap_challenge_response(challenge, hash, expected);
	equal = digest_equal(expected, m->nt_response, sizeof(expected));
	if (equal)
		mschap_authenticator_response(m, hash, out);
	digest_wipe(hash, sizeof(hash));
	digest_wipe(expected, sizeof(expected));
	return equal;
}

void chap_md5_response(uint8_t id, const char *secret, size_t secret_len, const uint8_t *challenge,
	size_t challenge_len, uint8_t response[CHAP_MD5_LEN])
{
	struct iovec parts[] = {
		PART(&id, 1),
		PART(secret, secret_len),
		PART(challenge, challenge_len),
	};

	digest_md5(parts, 3, response);
}

bool chap_md5_check(uint8_t id, const char *secret, size_t secret_len, const uint8_t *challenge,
	size_t challenge_len, const uint8_t *response, size_t response_len)
{
	uint8_t expected[CHAP_MD5_LEN];

	if (response_len != sizeof(expected))
		return false;
	chap_md5_response(id, secret, secret_len, challenge, challenge_len, expected);
	return digest_equal(expected, response, sizeof(expected));
}

bool pap_check(const char *password, size_t password_len, const uint8_t *given, size_t given_len)
{
	uint8_t a[DIGEST_SHA1_LEN], b[DIGEST_SHA1_LEN];

	/* Digests of equal length are compared, so that not even the length shows in the time. */
	digest_sha1(&(struct iovec)PART(password, password_len), 1, a);
	digest_sha1(&(struct iovec)PART(given, given_len), 1, b);
	return digest_equal(a, b, sizeof(a)) && password_len == given_len;
}
