/* SPDX-License-Identifier: BSD-3-Clause */
/* The subscriber's side of PAP (RFC 1334), CHAP (RFC 1994) and MS-CHAPv2 (RFC 2759). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ppp;
struct ppp_context;

enum auth_method {
	AUTH_ANY,
	AUTH_NONE,
	AUTH_PAP,
	AUTH_CHAP,
	AUTH_MSCHAPV2,
};

struct auth {
	uint8_t id;
	uint8_t value_len; /* of the CHAP response, 0: no challenge came yet */
	uint8_t tries;
	uint8_t early_ncp;     /* network-layer negotiation that came before the verdict */
	uint8_t challenge[16]; /* answered last (its first bytes) */
	uint8_t value[49];
	uint8_t expected[20]; /* MS-CHAPv2 authenticator response */
};

/* Authentication phase begins. */
void auth_start(const struct ppp_context *c, struct ppp *p);
void auth_pap_input(const struct ppp_context *c, struct ppp *p, const uint8_t *frame, size_t len);
void auth_chap_input(const struct ppp_context *c, struct ppp *p, const uint8_t *frame, size_t len);
void auth_expire(const struct ppp_context *c, struct ppp *p);
/* An IPCP packet while the verdict is outstanding. */
void auth_early_ncp(const struct ppp_context *c, struct ppp *p);

/* CHAP with MD5: MD5(id, password, challenge) */
void auth_chap_md5(
	uint8_t id, const char *password, const uint8_t *challenge, size_t len, uint8_t out[16]);
/* RFC 2759 section 8.1: the 24 bytes NT-Response */
void auth_mschapv2_response(const uint8_t authenticator[16], const uint8_t peer[16],
	const char *name, const char *password, uint8_t out[24]);
/* RFC 2759 section 8.7, the 20 bytes behind "S=" */
void auth_mschapv2_authenticator(const uint8_t authenticator[16], const uint8_t peer[16],
	const char *name, const char *password, const uint8_t nt_response[24], uint8_t out[20]);
