/* SPDX-License-Identifier: BSD-3-Clause */
/* A call's particulars in one allocation of the exact size. */
#include "l2tp_engine.h"

#include <stdlib.h>
#include <string.h>

#define LINE_HEADER 4 /* attribute and length, host order, in front of an access-line value */

/* The byte fields of a call and where a message has them. */
static const struct {
	size_t field, bytes;
} fields[] = {
#define FIELD(name)                                                                   \
	{                                                                             \
		offsetof(struct l2tp_call, name), offsetof(struct l2tp_message, name) \
	}
	FIELD(called_number),
	FIELD(calling_number),
	FIELD(sub_address),
	FIELD(private_group),
	FIELD(initial_confreq),
	FIELD(last_sent_confreq),
	FIELD(last_received_confreq),
	FIELD(proxy_name),
	FIELD(proxy_challenge),
	FIELD(proxy_response),
#undef FIELD
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

const uint8_t *l2tp_call_bytes(const struct l2tp_call *call, struct l2tp_field field, size_t *len)
{
	*len = field.len;
	return field.offset != 0 ? (const uint8_t *)call + field.offset : NULL;
}

const uint8_t *l2tp_call_access_line(const struct l2tp_call *call, unsigned attribute, size_t *len)
{
	size_t left;
	const uint8_t *p = l2tp_call_bytes(call, call->access_line, &left);

	while (p != NULL && left >= LINE_HEADER) {
		uint16_t head[2];

		memcpy(head, p, sizeof(head));
		if (head[0] == attribute) {
			*len = head[1];
			return p + LINE_HEADER;
		}
		p += LINE_HEADER + head[1];
		left -= LINE_HEADER + head[1];
	}
	*len = 0;
	return NULL;
}

bool l2tp_call_access_number(const struct l2tp_call *call, unsigned attribute, uint64_t *value)
{
	size_t len;
	const uint8_t *p = l2tp_call_access_line(call, attribute, &len);

	if (p == NULL || len < 1 || len > 8)
		return false;
	*value = 0;
	while (len-- > 0)
		*value = *value << 8 | *p++;
	return true;
}

/* Where the bytes of a field come from: the message if it has them, else the call before it. */
static struct l2tp_bytes field_source(
	const struct l2tp_call *old, const struct l2tp_message *msg, size_t i)
{
	struct l2tp_bytes bytes =
		*(const struct l2tp_bytes *)((const uint8_t *)msg + fields[i].bytes);
	size_t len;

	if (bytes.at == NULL && old != NULL) {
		bytes.at = l2tp_call_bytes(old,
			*(const struct l2tp_field *)((const uint8_t *)old + fields[i].field), &len);
		bytes.len = (uint16_t)len;
	}
	return bytes;
}

static size_t line_size(const struct l2tp_call *old, const struct l2tp_message *msg)
{
	size_t size = 0;

	if (msg->line_count == 0)
		return old != NULL ? old->access_line.len : 0;
	for (unsigned i = 0; i < msg->line_count; i++)
		size += LINE_HEADER + msg->line[i].value.len;
	return size;
}

static void line_copy(uint8_t *to, const struct l2tp_call *old, const struct l2tp_message *msg)
{
	size_t len;

	if (msg->line_count == 0) {
		memcpy(to, l2tp_call_bytes(old, old->access_line, &len), old->access_line.len);
		return;
	}
	for (unsigned i = 0; i < msg->line_count; i++) {
		uint16_t head[2] = {msg->line[i].attribute, msg->line[i].value.len};

		memcpy(to, head, sizeof(head));
		memcpy(to + LINE_HEADER, msg->line[i].value.at, msg->line[i].value.len);
		to += LINE_HEADER + msg->line[i].value.len;
	}
}

static void call_numbers(struct l2tp_call *call, const struct l2tp_message *msg)
{
	if (l2tp_message_has(msg, L2TP_AVP_CALL_SERIAL_NUMBER))
		call->serial_number = msg->serial_number;
	if (l2tp_message_has(msg, L2TP_AVP_BEARER_TYPE))
		call->bearer_type = msg->bearer_type;
	if (l2tp_message_has(msg, L2TP_AVP_FRAMING_TYPE))
		call->framing_type = msg->framing_type;
	if (l2tp_message_has(msg, L2TP_AVP_PHYSICAL_CHANNEL_ID)) {
		call->physical_channel = msg->physical_channel;
		call->has_physical_channel = true;
	}
	if (l2tp_message_has(msg, L2TP_AVP_TX_CONNECT_SPEED))
		call->tx_speed = msg->tx_speed;
	if (l2tp_message_has(msg, L2TP_AVP_RX_CONNECT_SPEED))
		call->rx_speed = msg->rx_speed;
	else if (l2tp_message_has(msg, L2TP_AVP_TX_CONNECT_SPEED))
		call->rx_speed = msg->tx_speed;
	if (l2tp_message_has(msg, L2TP_AVP_PROXY_AUTHEN_TYPE))
		call->proxy_type = msg->proxy_type;
	if (l2tp_message_has(msg, L2TP_AVP_PROXY_AUTHEN_ID)) {
		/* the high octet is reserved */
		call->proxy_id = msg->proxy_id & 0xff;
		call->has_proxy_id = true;
	}
	if (l2tp_message_has(msg, L2TP_AVP_SEQUENCING_REQUIRED))
		call->sequencing_required = true;
	if (l2tp_message_has(msg, L2TP_AVP_CONNECT_SPEED_UPDATE_ENABLE))
		call->speed_updates = true;
}

struct l2tp_call *call_merge(const struct l2tp_call *old, const struct l2tp_message *msg)
{
	size_t line = line_size(old, msg), size = sizeof(struct l2tp_call) + line, at;
	struct l2tp_call *call;

	for (size_t i = 0; i < FIELDS; i++)
		size += field_source(old, msg, i).len;
	/* two messages of L2TP_MESSAGE_MAX: the offsets fit */
	call = calloc(1, size);
	if (call == NULL)
		return NULL;
	if (old != NULL)
		*call = *old;
	call->size = (uint32_t)size;
	call_numbers(call, msg);
	at = sizeof(*call);
	for (size_t i = 0; i < FIELDS; i++) {
		struct l2tp_bytes from = field_source(old, msg, i);
		struct l2tp_field *to = (struct l2tp_field *)((uint8_t *)call + fields[i].field);

		*to = (struct l2tp_field){from.at != NULL ? (uint16_t)at : 0, from.len};
		if (from.len > 0)
			memcpy((uint8_t *)call + at, from.at, from.len);
		at += from.len;
	}
	call->access_line = (struct l2tp_field){0};
	if (line > 0) {
		call->access_line = (struct l2tp_field){(uint16_t)at, (uint16_t)line};
		line_copy((uint8_t *)call + at, old, msg);
	}
	return call;
}
