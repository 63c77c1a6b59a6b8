/* SPDX-License-Identifier: BSD-3-Clause */
/* MS-CHAPv2 against RFC 2759 section 9.2, CHAP-MD5 and PAP checks. */
#include <crypto/digest.h>
#include <crypto/mschap.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

static void setup(void)
{
	cr_assert_eq(digest_init(), 0, "%s", digest_init_error());
}

TestSuite(mschap, .init = setup, .fini = digest_fini);

static const uint8_t authenticator_challenge[] = {0x5b, 0x5d, 0x7c, 0x7d, 0x7b, 0x3f, 0x2f, 0x3e,
	0x3c, 0x2c, 0x60, 0x21, 0x32, 0x26, 0x26, 0x28};
static const uint8_t peer_challenge[] = {0x21, 0x40, 0x23, 0x24, 0x25, 0x5e, 0x26, 0x2a, 0x28, 0x29,
	0x5f, 0x2b, 0x3a, 0x33, 0x7c, 0x7e};
static const uint8_t challenge_8[] = {0xd0, 0x2e, 0x43, 0x86, 0xbc, 0xe9, 0x12, 0x26};
static const uint8_t hash_16[] = {0x44, 0xeb, 0xba, 0x8d, 0x53, 0x12, 0xb8, 0xd6, 0x11, 0x47, 0x44,
	0x11, 0xf5, 0x69, 0x89, 0xae};
static const uint8_t nt_response[] = {0x82, 0x30, 0x9e, 0xcd, 0x8d, 0x70, 0x8b, 0x5e, 0xa0, 0x8f,
	0xaa, 0x39, 0x81, 0xcd, 0x83, 0x54, 0x42, 0x33, 0x11, 0x4a, 0x3d, 0x85, 0xd6, 0xdf};

static const struct mschap_v2 example = {
	.authenticator_challenge = authenticator_challenge,
	.peer_challenge = peer_challenge,
	.nt_response = nt_response,
	.user = "User",
	.user_len = 4,
};

Test(mschap, every_step_of_rfc2759_section_9_2)
{
	uint8_t challenge[8], hash[16], response[24];
	char out[MSCHAP_AUTHENTICATOR_LEN];

	mschap_challenge_hash(peer_challenge, authenticator_challenge, "User", 4, challenge);
	cr_assert_arr_eq(challenge, challenge_8, 8);
	cr_assert_eq(mschap_password_hash("clientPass", 10, hash), 0);
	cr_assert_arr_eq(hash, hash_16, 16);
	mschap_challenge_response(challenge, hash, response);
	cr_assert_arr_eq(response, nt_response, 24);
	mschap_authenticator_response(&example, hash, out);
	cr_assert_str_eq(out, "S=407A5589115FD0D6209F510FE9C04566932CDA56");
}

Test(mschap, domain_is_not_hashed)
{
	uint8_t challenge[8];

	mschap_challenge_hash(
		peer_challenge, authenticator_challenge, "BIGCO\\User", 10, challenge);
	cr_assert_arr_eq(challenge, challenge_8, 8);
}

Test(mschap, check_takes_the_right_password_only)
{
	char out[MSCHAP_AUTHENTICATOR_LEN] = "";

	cr_assert(mschap_v2_check(&example, "clientPass", 10, out));
	cr_assert_str_eq(out, "S=407A5589115FD0D6209F510FE9C04566932CDA56");
	out[0] = '\0';
	cr_assert_not(mschap_v2_check(&example, "clientpass", 10, out));
	cr_assert_not(mschap_v2_check(&example, "", 0, out));
	cr_assert_not(mschap_v2_check(&example, "\xff", 1, out));
	cr_assert_str_empty(out);
}

Test(mschap, password_is_hashed_as_utf16)
{
	uint8_t hash[16], expected[16];
	/* U+00E9, U+20AC, U+1D11E (a surrogate pair) */
	uint8_t utf16[] = {0xe9, 0x00, 0xac, 0x20, 0x34, 0xd8, 0x1e, 0xdd};

	digest_md4(&(struct iovec){utf16, sizeof(utf16)}, 1, expected);
	cr_assert_eq(mschap_password_hash("\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e", 9, hash), 0);
	cr_assert_arr_eq(hash, expected, 16);
}

Test(mschap, malformed_or_long_passwords_are_refused)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {
		{"\x80", 1},
		{"\xc0\x80", 2},
		{"\xc1\xbf", 2},
		{"\xe0\x80\x80", 3},
		{"\xed\xa0\x80", 3},
		{"\xf0\x80\x80\x80", 4},
		{"\xf4\x90\x80\x80", 4},
		{"\xc3", 1},
		{"\xe2\x82", 2},
		{"a\xff", 2},
	};
	uint8_t hash[16];
	char many[300];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(
			mschap_password_hash(bad[i].text, bad[i].len, hash), -EINVAL, "%zu", i);
	memset(many, 'x', sizeof(many));
	cr_assert_eq(mschap_password_hash(many, 256, hash), 0);
	cr_assert_eq(mschap_password_hash(many, 257, hash), -E2BIG);
}

Test(mschap, chap_md5_is_id_secret_challenge)
{
	uint8_t expected[16], response[16];
	uint8_t challenge[] = "0123456789abcdef";
	char whole[] = "\x07password0123456789abcdef";

	digest_md5(&(struct iovec){whole, 25}, 1, expected);
	chap_md5_response(7, "password", 8, challenge, 16, response);
	cr_assert_arr_eq(response, expected, 16);
	cr_assert(chap_md5_check(7, "password", 8, challenge, 16, response, 16));
	cr_assert_not(chap_md5_check(8, "password", 8, challenge, 16, response, 16));
	cr_assert_not(chap_md5_check(7, "passwork", 8, challenge, 16, response, 16));
	cr_assert_not(chap_md5_check(7, "password", 8, challenge, 15, response, 16));
	cr_assert_not(chap_md5_check(7, "password", 8, challenge, 16, response, 15));
}

Test(mschap, pap_compares_whole_passwords)
{
	cr_assert(pap_check("secret", 6, (const uint8_t *)"secret", 6));
	cr_assert_not(pap_check("secret", 6, (const uint8_t *)"secre", 5));
	cr_assert_not(pap_check("secret", 6, (const uint8_t *)"secreT", 6));
	cr_assert_not(pap_check("secret", 6, (const uint8_t *)"secret\0", 7));
	cr_assert(pap_check("", 0, (const uint8_t *)"", 0));
}
