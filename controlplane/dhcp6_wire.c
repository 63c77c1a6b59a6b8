/* SPDX-License-Identifier: BSD-3-Clause */
/* DHCPv6 messages as bytes. */
#include "dhcp6_wire.h"

#include <string.h>

#define MESSAGE_HEADER 4
#define OPTION_HEADER  4
#define IA_HEADER      12 /* IAID, T1, T2; IA_TA: the IAID alone */
#define IA_TA_HEADER   4
#define IA_ADDRESS_LEN 24
#define IA_PREFIX_LEN  25

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

bool dhcp6_option_next(const uint8_t **p, const uint8_t *end, struct dhcp6_option *option)
{
	if (end - *p < OPTION_HEADER || end - *p - OPTION_HEADER < get16(*p + 2))
		return false;
	*option = (struct dhcp6_option){
		.type = get16(*p),
		.len = get16(*p + 2),
		.data = *p + OPTION_HEADER,
	};
	*p = option->data + option->len;
	return true;
}

bool dhcp6_options_fit(const uint8_t *options, size_t len)
{
	const uint8_t *p = options, *end = options + len;
	struct dhcp6_option option;
	unsigned int n = 0;

	while (n <= DHCP6_OPTIONS_MAX && dhcp6_option_next(&p, end, &option))
		n++;
	return p == end && n <= DHCP6_OPTIONS_MAX;
}

bool dhcp6_parse(const uint8_t *bytes, size_t len, struct dhcp6_message *message)
{
	if (len < MESSAGE_HEADER)
		return false;
	*message = (struct dhcp6_message){.type = bytes[0]};
	if (message->type == DHCP6_RELAY_FORW || message->type == DHCP6_RELAY_REPL)
		return true;
	memcpy(message->transaction, bytes + 1, sizeof(message->transaction));
	message->options = bytes + MESSAGE_HEADER;
	message->len = len - MESSAGE_HEADER;
	return dhcp6_options_fit(message->options, message->len);
}

bool dhcp6_ia_parse(const struct dhcp6_option *option, struct dhcp6_ia *ia)
{
	size_t header = option->type == DHCP6_OPTION_IA_TA ? IA_TA_HEADER : IA_HEADER;

	if (option->len < header)
		return false;
	*ia = (struct dhcp6_ia){
		.type = option->type,
		.iaid = get32(option->data),
		.options = option->data + header,
		.len = option->len - header,
	};
	return dhcp6_options_fit(ia->options, ia->len);
}

bool dhcp6_lease_parse(const struct dhcp6_option *option, struct dhcp6_lease_option *lease)
{
	const uint8_t *p = option->data;

	if (option->type == DHCP6_OPTION_IA_ADDRESS && option->len >= IA_ADDRESS_LEN) {
		*lease = (struct dhcp6_lease_option){
			.length = 128, .preferred = get32(p + 16), .valid = get32(p + 20)};
		memcpy(lease->addr, p, 16);
		return true;
	}
	if (option->type != DHCP6_OPTION_IA_PREFIX || option->len < IA_PREFIX_LEN || p[8] > 128)
		return false;
	*lease = (struct dhcp6_lease_option){
		.length = p[8], .preferred = get32(p), .valid = get32(p + 4)};
	memcpy(lease->addr, p + 9, 16);
	return true;
}

/* ---- writing ---- */

void dhcp6_put_bytes(struct dhcp6_writer *writer, const void *data, size_t len)
{
	if ((size_t)(writer->end - writer->at) < len) {
		writer->full = true;
		return;
	}
	if (len)
		memcpy(writer->at, data, len);
	writer->at += len;
}

void dhcp6_put16(struct dhcp6_writer *writer, uint16_t value)
{
	const uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};

	dhcp6_put_bytes(writer, bytes, sizeof(bytes));
}

void dhcp6_put32(struct dhcp6_writer *writer, uint32_t value)
{
	dhcp6_put16(writer, (uint16_t)(value >> 16));
	dhcp6_put16(writer, (uint16_t)value);
}

void dhcp6_writer_init(struct dhcp6_writer *writer, uint8_t *out, size_t room, uint8_t type,
	const uint8_t transaction[3])
{
	*writer = (struct dhcp6_writer){.start = out, .at = out, .end = out + room};
	dhcp6_put_bytes(writer, &type, 1);
	dhcp6_put_bytes(writer, transaction, 3);
}

size_t dhcp6_open(struct dhcp6_writer *writer, uint16_t type)
{
	dhcp6_put16(writer, type);
	dhcp6_put16(writer, 0);
	return (size_t)(writer->at - writer->start);
}

void dhcp6_close(struct dhcp6_writer *writer, size_t mark)
{
	size_t len = (size_t)(writer->at - writer->start) - mark;

	if (writer->full)
		return;
	writer->start[mark - 2] = (uint8_t)(len >> 8);
	writer->start[mark - 1] = (uint8_t)len;
}

void dhcp6_put_option(struct dhcp6_writer *writer, uint16_t type, const void *data, size_t len)
{
	dhcp6_put16(writer, type);
	dhcp6_put16(writer, (uint16_t)len);
	dhcp6_put_bytes(writer, data, len);
}

void dhcp6_put_status(struct dhcp6_writer *writer, enum dhcp6_status status, const char *text)
{
	size_t mark = dhcp6_open(writer, DHCP6_OPTION_STATUS);

	dhcp6_put16(writer, (uint16_t)status);
	dhcp6_put_bytes(writer, text, strlen(text));
	dhcp6_close(writer, mark);
}

void dhcp6_put_lease(
	struct dhcp6_writer *writer, bool prefix, const struct dhcp6_lease_option *lease)
{
	size_t mark = dhcp6_open(writer, prefix ? DHCP6_OPTION_IA_PREFIX : DHCP6_OPTION_IA_ADDRESS);

	if (!prefix)
		dhcp6_put_bytes(writer, lease->addr, 16);
	dhcp6_put32(writer, lease->preferred);
	dhcp6_put32(writer, lease->valid);
	if (prefix) {
		dhcp6_put_bytes(writer, &lease->length, 1);
		dhcp6_put_bytes(writer, lease->addr, 16);
	}
	dhcp6_close(writer, mark);
}

size_t dhcp6_writer_finish(const struct dhcp6_writer *writer)
{
	return writer->full ? 0 : (size_t)(writer->at - writer->start);
}
