/* SPDX-License-Identifier: BSD-3-Clause */
/* RADIUS packets as bytes. */
#include "radius_wire.h"

#include <crypto/digest.h>

#include <errno.h>
#include <string.h>

#define BLOCK 16 /* of what is hidden: the length of an MD5 */

const uint8_t radius_zero_authenticator[RADIUS_AUTHENTICATOR];

static uint16_t load_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t load_u32(const uint8_t *at)
{
	return (uint32_t)load_u16(at) << 16 | load_u16(at + 2);
}

static void store_u16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void store_u32(uint8_t *at, uint32_t value)
{
	store_u16(at, (uint16_t)(value >> 16));
	store_u16(at + 2, (uint16_t)value);
}

static struct iovec part(const void *bytes, size_t length)
{
	return (struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
}

/* ---- reading ---- */

bool radius_next(const uint8_t **at, const uint8_t *end, struct radius_attribute *attribute)
{
	const uint8_t *p = *at;

	if (end - p < 2 || p[1] < 2 || end - p < p[1])
		return false;
	attribute->type = p[0];
	attribute->length = (uint8_t)(p[1] - 2);
	attribute->value = p + 2;
	*at = p + p[1];
	return true;
}

enum radius_wire_error radius_packet_parse(
	struct radius_packet *packet, const uint8_t *bytes, size_t length)
{
	struct radius_attribute attribute;
	unsigned int n = 0;
	const uint8_t *at;

	if (length < RADIUS_HEADER)
		return RADIUS_WIRE_SHORT;
	*packet = (struct radius_packet){
		.code = bytes[0],
		.id = bytes[1],
		.length = load_u16(bytes + 2),
		.bytes = bytes,
		.attributes = bytes + RADIUS_HEADER,
	};
	if (packet->length < RADIUS_HEADER || packet->length > RADIUS_PACKET_MAX)
		return RADIUS_WIRE_LENGTH;
	if (packet->length > length)
		return RADIUS_WIRE_SHORT;
	packet->end = bytes + packet->length;
	for (at = packet->attributes; radius_next(&at, packet->end, &attribute);)
		if (++n > RADIUS_ATTRIBUTES_MAX)
			return RADIUS_WIRE_TOO_MANY;
	return at == packet->end ? RADIUS_WIRE_OK : RADIUS_WIRE_ATTRIBUTE;
}

bool radius_find(
	const struct radius_packet *packet, uint8_t type, struct radius_attribute *attribute)
{
	const uint8_t *at = packet->attributes;

	while (radius_next(&at, packet->end, attribute))
		if (attribute->type == type)
			return true;
	return false;
}

int radius_vendor_open(
	const struct radius_attribute *attribute, struct radius_vendor_attributes *vendor)
{
	struct radius_attribute inner;
	const uint8_t *at;

	if (attribute->length < 4 + 2 || attribute->value[0])
		return -EBADMSG;
	vendor->vendor = load_u32(attribute->value);
	vendor->at = attribute->value + 4;
	vendor->end = attribute->value + attribute->length;
	for (at = vendor->at; radius_next(&at, vendor->end, &inner);)
		;
	return at == vendor->end ? 0 : -EBADMSG;
}

int radius_get_u32(const struct radius_attribute *attribute, uint32_t *value)
{
	if (attribute->length != 4)
		return -EBADMSG;
	*value = load_u32(attribute->value);
	return 0;
}

int radius_get_u64(const struct radius_attribute *attribute, uint64_t *value)
{
	if (attribute->length != 8)
		return -EBADMSG;
	*value = (uint64_t)load_u32(attribute->value) << 32 | load_u32(attribute->value + 4);
	return 0;
}

int radius_get_tagged_u24(const struct radius_attribute *attribute, uint8_t *tag, uint32_t *value)
{
	if (attribute->length != 4 || attribute->value[0] > 0x1f)
		return -EBADMSG;
	*tag = attribute->value[0];
	*value = load_u32(attribute->value) & 0xffffff;
	return 0;
}

int radius_get_tagged_text(const struct radius_attribute *attribute, uint8_t *tag,
	const uint8_t **text, size_t *length)
{
	unsigned int skip;

	if (!attribute->length)
		return -EBADMSG;
	skip = attribute->value[0] <= 0x1f;
	*tag = skip ? attribute->value[0] : 0;
	*text = attribute->value + skip;
	*length = attribute->length - skip;
	return 0;
}

/* ---- signatures ---- */

/* MD5 over the packet with another authenticator in its header, and the secret. */
static void authenticator_compute(const uint8_t *packet, size_t length,
	const uint8_t *authenticator, struct radius_secret secret,
	uint8_t out[RADIUS_AUTHENTICATOR])
{
	const struct iovec parts[] = {
		part(packet, 4),
		part(authenticator, RADIUS_AUTHENTICATOR),
		part(packet + RADIUS_HEADER, length - RADIUS_HEADER),
		part(secret.bytes, secret.length),
	};

	digest_md5(parts, 4, out);
}

/* The same with HMAC-MD5 and zeros where the Message-Authenticator's value stands. */
static void message_compute(const uint8_t *packet, size_t length, const uint8_t *value,
	const uint8_t *authenticator, struct radius_secret secret,
	uint8_t out[RADIUS_AUTHENTICATOR])
{
	const uint8_t *after = value + RADIUS_AUTHENTICATOR;
	const struct iovec parts[] = {
		part(packet, 4),
		part(authenticator, RADIUS_AUTHENTICATOR),
		part(packet + RADIUS_HEADER, (size_t)(value - packet) - RADIUS_HEADER),
		part(radius_zero_authenticator, RADIUS_AUTHENTICATOR),
		part(after, (size_t)(packet + length - after)),
	};

	digest_hmac_md5(secret.bytes, secret.length, parts, 5, out);
}

bool radius_reply_check(const struct radius_packet *reply,
	const uint8_t request_authenticator[RADIUS_AUTHENTICATOR], struct radius_secret secret)
{
	uint8_t expected[RADIUS_AUTHENTICATOR];

	authenticator_compute(reply->bytes, reply->length, request_authenticator, secret, expected);
	return digest_equal(expected, radius_authenticator(reply), sizeof(expected));
}

bool radius_request_check(const struct radius_packet *request, struct radius_secret secret)
{
	return radius_reply_check(request, radius_zero_authenticator, secret);
}

enum radius_signature radius_message_check(const struct radius_packet *packet,
	const uint8_t authenticator[RADIUS_AUTHENTICATOR], struct radius_secret secret)
{
	struct radius_attribute attribute;
	const uint8_t *at = packet->attributes, *value = NULL;
	uint8_t expected[RADIUS_AUTHENTICATOR];

	while (radius_next(&at, packet->end, &attribute)) {
		if (attribute.type != RADIUS_MESSAGE_AUTHENTICATOR)
			continue;
		if (value || attribute.length != RADIUS_AUTHENTICATOR)
			return RADIUS_SIGNATURE_WRONG;
		value = attribute.value;
	}
	if (!value)
		return RADIUS_SIGNATURE_ABSENT;
	message_compute(packet->bytes, packet->length, value, authenticator, secret, expected);
	return digest_equal(expected, value, sizeof(expected)) ? RADIUS_SIGNATURE_RIGHT
							       : RADIUS_SIGNATURE_WRONG;
}

/* ---- hiding ---- */

/*
 * b(1) = MD5(secret + vector [+ salt]), b(i) = MD5(secret + c(i-1)): each block of in goes out combined with its b;
 * the chain runs over the hidden blocks, which are in or out.
 */
static void blocks_combine(const uint8_t *in, uint8_t *out, size_t length, bool reveal,
	const uint8_t *vector, const uint8_t *salt, struct radius_secret secret)
{
	const uint8_t *previous = vector;
	size_t previous_length = RADIUS_AUTHENTICATOR, salt_length = salt ? 2 : 0;
	uint8_t b[BLOCK];

	for (size_t at = 0; at < length; at += BLOCK) {
		const struct iovec parts[] = {
			part(secret.bytes, secret.length),
			part(previous, previous_length),
			part(salt, salt_length),
		};

		digest_md5(parts, 3, b);
		for (unsigned int i = 0; i < BLOCK; i++)
			out[at + i] = in[at + i] ^ b[i];
		previous = reveal ? in + at : out + at;
		previous_length = BLOCK;
		salt_length = 0;
	}
	digest_wipe(b, sizeof(b));
}

int radius_password_hide(const uint8_t *password, size_t length,
	const uint8_t request_authenticator[RADIUS_AUTHENTICATOR], struct radius_secret secret,
	uint8_t hidden[RADIUS_PASSWORD_MAX])
{
	uint8_t padded[RADIUS_PASSWORD_MAX] = {0};
	size_t blocks = length ? (length + BLOCK - 1) / BLOCK * BLOCK : BLOCK;

	if (length > RADIUS_PASSWORD_MAX)
		return -EMSGSIZE;
	if (length)
		memcpy(padded, password, length);
	blocks_combine(padded, hidden, blocks, false, request_authenticator, NULL, secret);
	digest_wipe(padded, sizeof(padded));
	return (int)blocks;
}

int radius_password_reveal(const uint8_t *hidden, size_t length,
	const uint8_t request_authenticator[RADIUS_AUTHENTICATOR], struct radius_secret secret,
	uint8_t password[RADIUS_PASSWORD_MAX])
{
	if (!length || length % BLOCK || length > RADIUS_PASSWORD_MAX)
		return -EBADMSG;
	blocks_combine(hidden, password, length, true, request_authenticator, NULL, secret);
	return (int)length;
}

int radius_salted_reveal(const uint8_t *salted, size_t length,
	const uint8_t request_authenticator[RADIUS_AUTHENTICATOR], struct radius_secret secret,
	uint8_t *plain)
{
	uint8_t blocks[RADIUS_VALUE_MAX / BLOCK * BLOCK];
	size_t hidden;
	int n = -EBADMSG;

	if (length < 2 + BLOCK || !(salted[0] & 0x80))
		return -EBADMSG;
	hidden = length - 2;
	if (hidden % BLOCK || hidden > sizeof(blocks))
		return -EBADMSG;
	blocks_combine(salted + 2, blocks, hidden, true, request_authenticator, salted, secret);
	if (blocks[0] < hidden) {
		n = blocks[0];
		memcpy(plain, blocks + 1, (size_t)n);
	}
	digest_wipe(blocks, sizeof(blocks));
	return n;
}

int radius_salted_hide(uint16_t salt, const uint8_t *plain, size_t length,
	const uint8_t request_authenticator[RADIUS_AUTHENTICATOR], struct radius_secret secret,
	uint8_t *salted)
{
	uint8_t blocks[RADIUS_VALUE_MAX / BLOCK * BLOCK] = {0};
	size_t hidden = (length + 1 + BLOCK - 1) / BLOCK * BLOCK;

	if (length > UINT8_MAX || hidden > sizeof(blocks))
		return -EMSGSIZE;
	store_u16(salted, salt | 0x8000);
	blocks[0] = (uint8_t)length;
	if (length)
		memcpy(blocks + 1, plain, length);
	blocks_combine(blocks, salted + 2, hidden, false, request_authenticator, salted, secret);
	digest_wipe(blocks, sizeof(blocks));
	return (int)(2 + hidden);
}

/* ---- writing ---- */

void radius_writer_init(struct radius_writer *writer, uint8_t *buffer, size_t size,
	enum radius_code code, uint8_t id, const uint8_t *authenticator)
{
	*writer = (struct radius_writer){
		.start = buffer,
		.at = buffer + RADIUS_HEADER,
		.end = buffer + (size < RADIUS_PACKET_MAX ? size : RADIUS_PACKET_MAX),
	};
	if (size < RADIUS_HEADER) {
		writer->failed = true;
		return;
	}
	buffer[0] = (uint8_t)code;
	buffer[1] = id;
	memcpy(buffer + 4, authenticator ? authenticator : radius_zero_authenticator,
		RADIUS_AUTHENTICATOR);
}

/* Type and length written; where the value goes, or NULL. */
static uint8_t *attribute_room(struct radius_writer *writer, uint8_t type, size_t length)
{
	uint8_t *at = writer->at;

	if (writer->failed || length > RADIUS_VALUE_MAX ||
		(size_t)(writer->end - at) < length + 2) {
		writer->failed = true;
		return NULL;
	}
	at[0] = type;
	at[1] = (uint8_t)(length + 2);
	writer->at += length + 2;
	return at + 2;
}

void radius_add(struct radius_writer *writer, uint8_t type, const void *value, size_t length)
{
	uint8_t *room = length ? attribute_room(writer, type, length) : NULL;

	if (room)
		memcpy(room, value, length);
}

void radius_add_encoded(struct radius_writer *writer, const uint8_t *attributes, size_t length)
{
	if (writer->failed || (size_t)(writer->end - writer->at) < length) {
		writer->failed = true;
		return;
	}
	if (length)
		memcpy(writer->at, attributes, length);
	writer->at += length;
}

void radius_add_text(struct radius_writer *writer, uint8_t type, const char *text)
{
	radius_add(writer, type, text, strlen(text));
}

void radius_add_u32(struct radius_writer *writer, uint8_t type, uint32_t value)
{
	uint8_t *room = attribute_room(writer, type, 4);

	if (room)
		store_u32(room, value);
}

void radius_add_tagged_u24(struct radius_writer *writer, uint8_t type, uint8_t tag, uint32_t value)
{
	radius_add_u32(writer, type, (uint32_t)tag << 24 | (value & 0xffffff));
}

void radius_add_vendor(struct radius_writer *writer, uint32_t vendor, uint8_t type,
	const void *value, size_t length)
{
	uint8_t *room = length ? attribute_room(writer, RADIUS_VENDOR_SPECIFIC, length + 6) : NULL;

	if (!room)
		return;
	store_u32(room, vendor);
	room[4] = type;
	room[5] = (uint8_t)(length + 2);
	memcpy(room + 6, value, length);
}

void radius_add_message_authenticator(struct radius_writer *writer)
{
	uint8_t *room = attribute_room(writer, RADIUS_MESSAGE_AUTHENTICATOR, RADIUS_AUTHENTICATOR);

	if (!room)
		return;
	memset(room, 0, RADIUS_AUTHENTICATOR);
	writer->message_authenticator = room;
}

size_t radius_request_sign(struct radius_writer *writer, struct radius_secret secret)
{
	size_t length = (size_t)(writer->at - writer->start);
	uint8_t *packet = writer->start;
	/* the authenticator is random and stays, or zeros and is computed last */
	bool random = packet[0] == RADIUS_ACCESS_REQUEST || packet[0] == RADIUS_STATUS_SERVER;

	if (writer->failed)
		return 0;
	store_u16(packet + 2, (uint16_t)length);
	if (!random)
		memset(packet + 4, 0, RADIUS_AUTHENTICATOR);
	if (writer->message_authenticator)
		message_compute(packet, length, writer->message_authenticator, packet + 4, secret,
			writer->message_authenticator);
	if (!random)
		authenticator_compute(
			packet, length, radius_zero_authenticator, secret, packet + 4);
	return length;
}

size_t radius_reply_sign(struct radius_writer *writer,
	const uint8_t request_authenticator[RADIUS_AUTHENTICATOR], struct radius_secret secret)
{
	size_t length = (size_t)(writer->at - writer->start);
	uint8_t *packet = writer->start;

	if (writer->failed)
		return 0;
	store_u16(packet + 2, (uint16_t)length);
	if (writer->message_authenticator)
		message_compute(packet, length, writer->message_authenticator,
			request_authenticator, secret, writer->message_authenticator);
	authenticator_compute(packet, length, request_authenticator, secret, packet + 4);
	return length;
}
