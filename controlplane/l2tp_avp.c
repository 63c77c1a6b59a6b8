/* SPDX-License-Identifier: BSD-3-Clause */
/* Bounded reading and writing of AVPs. */
#include "l2tp_avp.h"

#include "l2tp_hidden.h"

#include <errno.h>
#include <string.h>

#define RESULT_TEXT_MAX 256

static uint16_t read_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put_u16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v & 0xff;
}

int l2tp_avp_next(struct l2tp_avp *avp, const uint8_t **p, const uint8_t *end)
{
	size_t left = (size_t)(end - *p);
	uint16_t first, len;

	if (left == 0)
		return 0;
	if (left < L2TP_AVP_HEADER)
		return -EBADMSG;
	first = read_u16(*p);
	len = first & 0x3ff;
	if (len < L2TP_AVP_HEADER || len > left)
		return -EBADMSG;
	avp->flags = first & 0xfc00;
	avp->vendor = read_u16(*p + 2);
	avp->attribute = read_u16(*p + 4);
	avp->len = len - L2TP_AVP_HEADER;
	avp->value = *p + L2TP_AVP_HEADER;
	*p += len;
	return 1;
}

void l2tp_writer_init(struct l2tp_writer *w, uint8_t *bytes, size_t size, uint16_t session_id,
	enum l2tp_message_type type)
{
	struct l2tp_header header = {.session_id = session_id};

	*w = (struct l2tp_writer){.begin = bytes, .at = bytes, .end = bytes + size};
	if (size < L2TP_CONTROL_HEADER) {
		w->failed = true;
		return;
	}
	l2tp_header_encode(&header, bytes);
	w->at += L2TP_CONTROL_HEADER;
	l2tp_write_u16(w, true, L2TP_AVP_MESSAGE_TYPE, type);
}

size_t l2tp_writer_finish(struct l2tp_writer *w)
{
	size_t len = (size_t)(w->at - w->begin);

	if (w->failed || len > UINT16_MAX)
		return 0;
	put_u16(w->begin + 2, (uint16_t)len);
	return len;
}

/* Room for a value of len bytes behind its AVP header, or NULL. */
static uint8_t *writer_open(
	struct l2tp_writer *w, uint16_t flags, unsigned vendor, unsigned attribute, size_t len)
{
	uint8_t *value;

	if (w->failed || len > L2TP_AVP_VALUE_MAX ||
		(size_t)(w->end - w->at) < L2TP_AVP_HEADER + len) {
		w->failed = true;
		return NULL;
	}
	put_u16(w->at, flags | (uint16_t)(L2TP_AVP_HEADER + len));
	put_u16(w->at + 2, vendor);
	put_u16(w->at + 4, attribute);
	value = w->at + L2TP_AVP_HEADER;
	w->at = value + len;
	return value;
}

void l2tp_write_vendor(struct l2tp_writer *w, bool mandatory, unsigned vendor, unsigned attribute,
	const void *value, size_t len)
{
	uint8_t *p = writer_open(w, mandatory ? L2TP_AVP_MANDATORY : 0, vendor, attribute, len);

	if (p != NULL && len > 0)
		memcpy(p, value, len);
}

void l2tp_write_bytes(
	struct l2tp_writer *w, bool mandatory, unsigned attribute, const void *value, size_t len)
{
	l2tp_write_vendor(w, mandatory, L2TP_VENDOR_IETF, attribute, value, len);
}

/* A number of width bytes, high byte first. */
static void write_number(
	struct l2tp_writer *w, bool mandatory, unsigned attribute, uint64_t value, unsigned width)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < width; i++)
		bytes[i] = value >> (8 * (width - 1 - i)) & 0xff;
	l2tp_write_bytes(w, mandatory, attribute, bytes, width);
}

void l2tp_write_u16(struct l2tp_writer *w, bool mandatory, unsigned attribute, uint16_t value)
{
	write_number(w, mandatory, attribute, value, 2);
}

void l2tp_write_u32(struct l2tp_writer *w, bool mandatory, unsigned attribute, uint32_t value)
{
	write_number(w, mandatory, attribute, value, 4);
}

void l2tp_write_u64(struct l2tp_writer *w, bool mandatory, unsigned attribute, uint64_t value)
{
	write_number(w, mandatory, attribute, value, 8);
}

void l2tp_write_result(struct l2tp_writer *w, uint16_t result, uint16_t error, const char *text)
{
	size_t len = text != NULL ? strnlen(text, RESULT_TEXT_MAX) : 0;
	uint8_t *p =
		writer_open(w, L2TP_AVP_MANDATORY, L2TP_VENDOR_IETF, L2TP_AVP_RESULT_CODE, 4 + len);

	if (p == NULL)
		return;
	put_u16(p, result);
	put_u16(p + 2, error);
	if (len > 0)
		memcpy(p + 4, text, len);
}

void l2tp_write_cause(struct l2tp_writer *w, const struct l2tp_cause *cause)
{
	size_t len = cause->message.len < RESULT_TEXT_MAX ? cause->message.len : RESULT_TEXT_MAX;
	uint8_t *p = writer_open(w, 0, L2TP_VENDOR_IETF, L2TP_AVP_PPP_DISCONNECT_CAUSE, 5 + len);

	if (p == NULL)
		return;
	put_u16(p, cause->code);
	put_u16(p + 2, cause->protocol);
	p[4] = cause->direction;
	if (len > 0)
		memcpy(p + 5, cause->message.at, len);
}

void l2tp_write_hidden(struct l2tp_writer *w, bool mandatory, unsigned attribute, const void *value,
	size_t len, const uint8_t *secret, size_t secret_len, const uint8_t *vector,
	size_t vector_len, size_t padding)
{
	uint16_t flags = L2TP_AVP_HIDDEN | (mandatory ? L2TP_AVP_MANDATORY : 0);
	uint8_t *p = writer_open(w, flags, L2TP_VENDOR_IETF, attribute, 2 + len + padding);

	if (p == NULL)
		return;
	put_u16(p, (uint16_t)len);
	if (len > 0)
		memcpy(p + 2, value, len);
	memset(p + 2 + len, 0, padding);
	l2tp_hidden_hide(attribute, secret, secret_len, vector, vector_len, p, 2 + len + padding);
}
