/* SPDX-License-Identifier: BSD-3-Clause */
/* The digests agree with the vectors of RFC 1320, 1321, 2104, FIPS 180 and RFC 2759. */
#include <crypto/digest.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void setup(void)
{
	cr_assert_eq(digest_init(), 0, "%s", digest_init_error());
}

TestSuite(digest, .init = setup, .fini = digest_fini);

typedef void hash_fn(const struct iovec *, int, uint8_t *);

static const char *hex(const uint8_t *bytes, size_t len)
{
	static char text[128];

	for (size_t i = 0; i < len; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	return text;
}

static void hash_is(hash_fn *hash, size_t len, const char *input, const char *expected)
{
	uint8_t out[32];
	struct iovec whole = {(void *)(uintptr_t)input, strlen(input)};

	hash(&whole, 1, out);
	cr_assert_str_eq(hex(out, len), expected, "of \"%s\"", input);
	/* The same in three parts, one of them empty. */
	size_t half = strlen(input) / 2;
	struct iovec parts[] = {
		{whole.iov_base, half},
		{NULL, 0},
		{(char *)whole.iov_base + half, whole.iov_len - half},
	};
	hash(parts, 3, out);
	cr_assert_str_eq(hex(out, len), expected, "of \"%s\" in parts", input);
}

Test(digest, md5_as_in_rfc1321)
{
	hash_is(digest_md5, 16, "", "d41d8cd98f00b204e9800998ecf8427e");
	hash_is(digest_md5, 16, "abc", "900150983cd24fb0d6963f7d28e17f72");
	hash_is(digest_md5, 16, "message digest", "f96b697d7cb7938d525a2f31aaf161d0");
}

Test(digest, md4_as_in_rfc1320)
{
	hash_is(digest_md4, 16, "", "31d6cfe0d16ae931b73c59d7e0c089c0");
	hash_is(digest_md4, 16, "abc", "a448017aaf21d8525fc10ae87aa6729d");
	hash_is(digest_md4, 16, "message digest", "d9130a8164549fe818874806e1c7014b");
}

Test(digest, sha1_as_in_fips180)
{
	hash_is(digest_sha1, 20, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
	hash_is(digest_sha1, 20, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

Test(digest, hmac_md5_as_in_rfc2202)
{
	uint8_t key[80], data[50], out[16];

	memset(key, 0x0b, 16);
	digest_hmac_md5(key, 16, &(struct iovec){(char[]){"Hi There"}, 8}, 1, out);
	cr_assert_str_eq(hex(out, 16), "9294727a3638bb1c13f48ef8158bfc9d");

	struct iovec parts[] = {{(char[]){"what do ya want "}, 16}, {(char[]){"for nothing?"}, 12}};
	digest_hmac_md5("Jefe", 4, parts, 2, out);
	cr_assert_str_eq(hex(out, 16), "750c783e6ab0b503eaa86e310a5db738");

	memset(key, 0xaa, 16);
	memset(data, 0xdd, sizeof(data));
	digest_hmac_md5(key, 16, &(struct iovec){data, 50}, 1, out);
	cr_assert_str_eq(hex(out, 16), "56be34521d144c88dbb8c733f0e8b3f6");

	char text[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	memset(key, 0xaa, 80);
	digest_hmac_md5(key, 80, &(struct iovec){text, strlen(text)}, 1, out);
	cr_assert_str_eq(hex(out, 16), "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
}

Test(digest, des_key_gets_parity_and_encrypts)
{
	/* The first block of the response in RFC 2759 section 9.2: key is PasswordHash[0..6]. */
	const uint8_t key[] = {0x44, 0xeb, 0xba, 0x8d, 0x53, 0x12, 0xb8};
	const uint8_t clear[] = {0xd0, 0x2e, 0x43, 0x86, 0xbc, 0xe9, 0x12, 0x26};
	uint8_t out[8];

	for (int i = 0; i < 3; i++) {
		digest_des_encrypt(key, clear, out);
		cr_assert_str_eq(hex(out, 8), "82309ecd8d708b5e");
	}
}

Test(digest, works_without_openssl_configuration)
{
	digest_fini();
	setenv("OPENSSL_CONF", "/nonexistent/openssl.cnf", 1);
	cr_assert_eq(digest_init(), 0, "%s", digest_init_error());
	hash_is(digest_md4, 16, "abc", "a448017aaf21d8525fc10ae87aa6729d");
}

Test(digest, missing_legacy_provider_is_named)
{
	digest_fini();
	setenv("OPENSSL_MODULES", "/nonexistent", 1);
	cr_assert_eq(digest_init(), -ENOTSUP);
	cr_assert_not_null(strstr(digest_init_error(), "legacy.so"), "%s", digest_init_error());
}

Test(digest, equal_compares_every_byte)
{
	uint8_t a[16] = {0}, b[16] = {0};

	cr_assert(digest_equal(a, b, 16));
	for (int i = 0; i < 16; i++) {
		b[i] = 1;
		cr_assert_not(digest_equal(a, b, 16));
		b[i] = 0;
	}
}
