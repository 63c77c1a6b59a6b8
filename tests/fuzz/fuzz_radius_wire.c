/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading any packet stays in it, and what its attributes are written from is read again the same. */
#include "radius_wire.h"

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

static const struct radius_secret secret = {(const uint8_t *)"secret", 6};

static void attribute_read(const struct radius_attribute *attribute, const uint8_t *authenticator)
{
	struct radius_vendor_attributes vendor;
	struct radius_attribute inner;
	uint8_t plain[RADIUS_VALUE_MAX], tag, password[RADIUS_PASSWORD_MAX];
	const uint8_t *text;
	size_t length;
	uint32_t u32;
	uint64_t u64;
	int n;

	radius_get_u32(attribute, &u32);
	radius_get_u64(attribute, &u64);
	radius_get_tagged_u24(attribute, &tag, &u32);
	if (!radius_get_tagged_text(attribute, &tag, &text, &length) &&
		text + length != attribute->value + attribute->length)
		abort();
	n = radius_salted_reveal(attribute->value, attribute->length, authenticator, secret, plain);
	if (n > 0 && n + 2 >= attribute->length)
		abort();
	radius_password_reveal(
		attribute->value, attribute->length, authenticator, secret, password);
	if (attribute->type != RADIUS_VENDOR_SPECIFIC || radius_vendor_open(attribute, &vendor))
		return;
	while (radius_vendor_next(&vendor, &inner))
		if (inner.value + inner.length > attribute->value + attribute->length)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* exactly as much as is promised, so that one byte more is seen */
	uint8_t *bytes = malloc(size ? size : 1), copy[RADIUS_PACKET_MAX];
	struct radius_packet packet, again;
	struct radius_attribute attribute;
	struct radius_writer writer;
	const uint8_t *at;
	size_t length;

	if (!bytes)
		return 0;
	if (size)
		memcpy(bytes, data, size);
	if (radius_packet_parse(&packet, bytes, size) != RADIUS_WIRE_OK)
		goto out;
	radius_writer_init(&writer, copy, sizeof(copy), packet.code, packet.id, NULL);
	at = packet.attributes;
	while (radius_next(&at, packet.end, &attribute)) {
		attribute_read(&attribute, radius_authenticator(&packet));
		radius_add(&writer, attribute.type, attribute.value, attribute.length);
	}
	radius_message_check(&packet, radius_zero_authenticator, secret);
	radius_request_check(&packet, secret);
	length = radius_reply_sign(&writer, radius_authenticator(&packet), secret);
	if (!length || length > packet.length ||
		radius_packet_parse(&again, copy, length) != RADIUS_WIRE_OK ||
		!radius_reply_check(&again, radius_authenticator(&packet), secret))
		abort();
out:
	free(bytes);
	return 0;
}
