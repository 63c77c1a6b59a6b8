/* SPDX-License-Identifier: BSD-3-Clause */
/* Revealing any bytes stays in bounds, and hiding the outcome gives the same bytes again. */
#include "l2tp_hidden.h"

#include <crypto/digest.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	if (digest_init() < 0)
		abort();
	return 0;
}

/* attribute (2), secret length, vector length, then secret, vector and the hidden value */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t secret_len, vector_len, len;
	const uint8_t *secret, *vector, *cipher;
	uint16_t attribute;
	uint8_t *plain;
	int original;

	if (size < 4)
		return 0;
	attribute = (uint16_t)(data[0] << 8 | data[1]);
	secret_len = data[2];
	vector_len = data[3];
	if (size - 4 < secret_len + vector_len)
		return 0;
	secret = data + 4;
	vector = secret + secret_len;
	cipher = vector + vector_len;
	len = size - 4 - secret_len - vector_len;
	/* exactly as much as is promised, so that one byte more is seen */
	plain = malloc(len > 0 ? len : 1);
	if (plain == NULL)
		return 0;
	original = l2tp_hidden_reveal(
		attribute, secret, secret_len, vector, vector_len, cipher, len, plain);
	if (original >= 0 && (size_t)original + 2 > len)
		abort();
	if (len >= 2) {
		l2tp_hidden_hide(attribute, secret, secret_len, vector, vector_len, plain, len);
		if (memcmp(plain, cipher, len) != 0)
			abort();
	}
	free(plain);
	return 0;
}
