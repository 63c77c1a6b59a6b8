/* SPDX-License-Identifier: BSD-3-Clause */
/* What L2TP does with the tunnel secret: hidden AVPs (RFC 2661 4.3) and responses (5.1.1). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define L2TP_RESPONSE_LEN 16

/*
 * Decipher a hidden AVP's value. cipher has len bytes, plain room for len. Returns the length of
 * the original value, which then starts at plain + 2, or -EBADMSG: shorter than its own length
 * field, or the length that came out is beyond what there is.
 */
int l2tp_hidden_reveal(uint16_t attribute, const uint8_t *secret, size_t secret_len,
	const uint8_t *vector, size_t vector_len, const uint8_t *cipher, size_t len,
	uint8_t *plain);

/* Encipher in place a subformat (2 bytes of length, value, padding) of len bytes. */
void l2tp_hidden_hide(uint16_t attribute, const uint8_t *secret, size_t secret_len,
	const uint8_t *vector, size_t vector_len, uint8_t *subformat, size_t len);

/* MD5(message type as CHAP id, secret, challenge); message type 2 for SCCRP, 3 for SCCCN. */
void l2tp_response(uint8_t message_type, const uint8_t *secret, size_t secret_len,
	const uint8_t *challenge, size_t challenge_len, uint8_t response[L2TP_RESPONSE_LEN]);
