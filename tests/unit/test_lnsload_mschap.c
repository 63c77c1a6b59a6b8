/* SPDX-License-Identifier: BSD-3-Clause */
/* lnsload's CHAP arithmetic against published vectors (RFC 2759 section 9.2). */
#include <criterion/criterion.h>
#include <string.h>

#include "auth.h"

static const uint8_t authenticator[16] = {0x5B, 0x5D, 0x7C, 0x7D, 0x7B, 0x3F, 0x2F, 0x3E, 0x3C,
	0x2C, 0x60, 0x21, 0x32, 0x26, 0x26, 0x28};
static const uint8_t peer[16] = {0x21, 0x40, 0x23, 0x24, 0x25, 0x5E, 0x26, 0x2A, 0x28, 0x29, 0x5F,
	0x2B, 0x3A, 0x33, 0x7C, 0x7E};
static const uint8_t response[24] = {0x82, 0x30, 0x9E, 0xCD, 0x8D, 0x70, 0x8B, 0x5E, 0xA0, 0x8F,
	0xAA, 0x39, 0x81, 0xCD, 0x83, 0x54, 0x42, 0x33, 0x11, 0x4A, 0x3D, 0x85, 0xD6, 0xDF};
static const uint8_t proof[20] = {0x40, 0x7A, 0x55, 0x89, 0x11, 0x5F, 0xD0, 0xD6, 0x20, 0x9F, 0x51,
	0x0F, 0xE9, 0xC0, 0x45, 0x66, 0x93, 0x2C, 0xDA, 0x56};

Test(lnsload_mschap, nt_response_of_the_rfc)
{
	uint8_t out[24];

	auth_mschapv2_response(authenticator, peer, "User", "clientPass", out);
	cr_assert_eq(memcmp(out, response, 24), 0);
	auth_mschapv2_response(authenticator, peer, "DOMAIN\\User", "clientPass", out);
	cr_assert_eq(memcmp(out, response, 24), 0, "the domain does not count");
	auth_mschapv2_response(authenticator, peer, "User", "clientPasS", out);
	cr_assert_neq(memcmp(out, response, 24), 0);
}

Test(lnsload_mschap, authenticator_response_of_the_rfc)
{
	uint8_t out[20];

	auth_mschapv2_authenticator(authenticator, peer, "User", "clientPass", response, out);
	cr_assert_eq(memcmp(out, proof, 20), 0);
}

Test(lnsload_mschap, chap_is_md5_over_id_secret_challenge)
{
	/* MD5("abc") with id 'a', secret "b", challenge "c" */
	static const uint8_t abc[16] = {0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0, 0xd6, 0x96,
		0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72};
	uint8_t out[16];

	auth_chap_md5('a', "b", (const uint8_t *)"c", 1, out);
	cr_assert_eq(memcmp(out, abc, 16), 0);
}
