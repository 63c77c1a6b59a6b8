/* SPDX-License-Identifier: BSD-3-Clause */
/* A call's particulars in one allocation of the exact size. */
#include "l2tp_engine.h"

#include <stdlib.h>
#include <string.h>

#define LINE_HEADER 4 /* attribute and length, host order, in front of an access-line value */

/* The byte fields of a call, or of its proxy part, and where a message has them. */
static const struct {
	bool proxy;
	size_t field, bytes;
} fields[] = {
#define FIELD(name)                                                                          \
	{                                                                                    \
		false, offsetof(struct l2tp_call, name), offsetof(struct l2tp_message, name) \
	}
#define PROXY(name, in_message)                                   \
	{                                                         \
		true, offsetof(struct l2tp_call_proxy, name),     \
			offsetof(struct l2tp_message, in_message) \
	}
	FIELD(called_number),
	FIELD(calling_number),
	FIELD(sub_address),
	FIELD(private_group),
	PROXY(initial_confreq, initial_confreq),
	PROXY(last_sent_confreq, last_sent_confreq),
	PROXY(last_received_confreq, last_received_confreq),
	PROXY(name, proxy_name),
	PROXY(challenge, proxy_challenge),
	PROXY(response, proxy_response),
#undef FIELD
#undef PROXY
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

const struct l2tp_call_proxy *l2tp_call_proxy(const struct l2tp_call *call)
{
	static const struct l2tp_call_proxy none;

	return call->proxied ? (const struct l2tp_call_proxy *)(call + 1) : &none;
}

/* Where the bytes of a field come from: the message if it has them, else the call before it. */
static struct l2tp_bytes field_source(
	const struct l2tp_call *old, const struct l2tp_message *msg, size_t i)
{
	struct l2tp_bytes bytes =
		*(const struct l2tp_bytes *)((const uint8_t *)msg + fields[i].bytes);
	const uint8_t *in;
	size_t len;

	if (bytes.at == NULL && old != NULL) {
		in = fields[i].proxy ? (const uint8_t *)l2tp_call_proxy(old) : (const uint8_t *)old;
		bytes.at = l2tp_call_bytes(
			old, *(const struct l2tp_field *)(in + fields[i].field), &len);
		bytes.len = (uint16_t)len;
	}
	return bytes;
}

static bool is_proxied(const struct l2tp_call *old, const struct l2tp_message *msg)
{
	bool proxied = (old != NULL && old->proxied) ||
		l2tp_message_has(msg, L2TP_AVP_PROXY_AUTHEN_TYPE) ||
		l2tp_message_has(msg, L2TP_AVP_PROXY_AUTHEN_ID);

	for (size_t i = 0; i < FIELDS && !proxied; i++)
		proxied = fields[i].proxy && field_source(old, msg, i).at != NULL;
	return proxied;
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
	if (l2tp_message_has(msg, L2TP_AVP_SEQUENCING_REQUIRED))
		call->sequencing_required = true;
	if (l2tp_message_has(msg, L2TP_AVP_CONNECT_SPEED_UPDATE_ENABLE))
		call->speed_updates = true;
}

static void proxy_numbers(struct l2tp_call_proxy *proxy, const struct l2tp_message *msg)
{
	if (l2tp_message_has(msg, L2TP_AVP_PROXY_AUTHEN_TYPE))
		proxy->type = msg->proxy_type;
	if (l2tp_message_has(msg, L2TP_AVP_PROXY_AUTHEN_ID))
		proxy->id = msg->proxy_id & 0xff; /* the high octet is reserved */
}

static struct l2tp_call *call_make(
	const struct l2tp_call *old, const struct l2tp_message *msg, bool proxied)
{
	size_t line = line_size(old, msg), size = sizeof(struct l2tp_call) + line, at;
	struct l2tp_call_proxy *proxy = NULL;
	struct l2tp_call *call;

	if (proxied)
		size += sizeof(*proxy);
	for (size_t i = 0; i < FIELDS; i++)
		if (proxied || !fields[i].proxy)
			size += field_source(old, msg, i).len;
	/* two messages of L2TP_MESSAGE_MAX: the offsets fit */
	call = calloc(1, size);
	if (call == NULL)
		return NULL;
	if (old != NULL)
		*call = *old;
	call->size = (uint16_t)size;
	call_numbers(call, msg);
	call->proxied = proxied;
	at = sizeof(*call);
	if (proxied) {
		proxy = (struct l2tp_call_proxy *)(call + 1);
		if (old != NULL)
			*proxy = *l2tp_call_proxy(old);
		proxy_numbers(proxy, msg);
		at += sizeof(*proxy);
	}
	for (size_t i = 0; i < FIELDS; i++) {
		struct l2tp_bytes from = field_source(old, msg, i);
		uint8_t *in = fields[i].proxy ? (uint8_t *)proxy : (uint8_t *)call;

		if (in == NULL)
			continue;
		*(struct l2tp_field *)(in + fields[i].field) =
			(struct l2tp_field){from.at != NULL ? (uint16_t)at : 0, from.len};
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

struct l2tp_call *call_merge(const struct l2tp_call *old, const struct l2tp_message *msg)
{
	return call_make(old, msg, is_proxied(old, msg));
}

struct l2tp_call *call_unproxied(const struct l2tp_call *call)
{
	static const struct l2tp_message nothing;

	return call_make(call, &nothing, false);
}

void call_free(struct l2tp_call *call)
{
	if (call != NULL && call->proxied)
		explicit_bzero(call, call->size);
	free(call);
}
