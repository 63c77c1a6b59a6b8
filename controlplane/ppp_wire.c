/* SPDX-License-Identifier: BSD-3-Clause */
/* PPP frames, control packets and option lists as bytes (RFC 1661 sections 2, 5 and 6). */
#include "ppp_wire.h"

#include <string.h>

enum ppp_wire_error ppp_frame_parse(const uint8_t *bytes, size_t len, struct ppp_frame *frame)
{
	const uint8_t *p = bytes, *end = bytes + len;

	if (end - p >= 2 && p[0] == 0xff && p[1] == 0x03)
		p += 2;
	if (p == end)
		return PPP_WIRE_SHORT_FRAME;
	/* RFC 1661 section 2: the last byte of the field is odd, the first of two is even. */
	if (*p & 1) {
		frame->protocol = *p++;
	} else {
		if (end - p < 2)
			return PPP_WIRE_SHORT_FRAME;
		if (!(p[1] & 1))
			return PPP_WIRE_BAD_PROTOCOL;
		frame->protocol = ppp_get16(p);
		p += 2;
	}
	frame->info = p;
	frame->len = (size_t)(end - p);
	return PPP_WIRE_OK;
}

enum ppp_wire_error ppp_packet_parse(const uint8_t *bytes, size_t len, struct ppp_packet *packet)
{
	uint16_t length;

	if (len < PPP_HEADER_LEN)
		return PPP_WIRE_BAD_LENGTH;
	length = ppp_get16(bytes + 2);
	if (length < PPP_HEADER_LEN || length > len)
		return PPP_WIRE_BAD_LENGTH;
	packet->code = bytes[0];
	packet->id = bytes[1];
	packet->body = bytes + PPP_HEADER_LEN;
	packet->len = length - PPP_HEADER_LEN;
	return PPP_WIRE_OK;
}

bool ppp_option_next(const uint8_t **p, const uint8_t *end, struct ppp_option *option)
{
	const uint8_t *q = *p;

	if (end - q < 2 || q[1] < 2 || q[1] > end - q)
		return false;
	option->type = q[0];
	option->len = q[1] - 2;
	option->data = q + 2;
	*p = q + q[1];
	return true;
}

enum ppp_wire_error ppp_options_check(const uint8_t *options, size_t len)
{
	const uint8_t *p = options, *end = options + len;
	struct ppp_option option;
	int count = 0;

	while (p < end) {
		if (count++ == PPP_OPTIONS_MAX)
			return PPP_WIRE_TOO_MANY_OPTIONS;
		if (!ppp_option_next(&p, end, &option))
			return PPP_WIRE_OPTION_LENGTH;
	}
	return PPP_WIRE_OK;
}

size_t ppp_frame_header(uint8_t out[4], uint16_t protocol, bool address_control)
{
	size_t n = 0;

	if (address_control) {
		out[n++] = 0xff;
		out[n++] = 0x03;
	}
	ppp_put16(out + n, protocol);
	return n + 2;
}

size_t ppp_option_put(uint8_t *out, size_t room, uint8_t type, const void *data, size_t len)
{
	if (len > 253 || room < len + 2)
		return 0;
	out[0] = type;
	out[1] = (uint8_t)(len + 2);
	if (len > 0)
		memcpy(out + 2, data, len);
	return len + 2;
}

void ppp_reply_init(struct ppp_reply *reply, size_t room, bool exhausted)
{
	reply->room = room < PPP_INFO_MAX ? room : PPP_INFO_MAX;
	reply->reject_len = 0;
	reply->nak_len = 0;
	reply->exhausted = exhausted;
	reply->converted = false;
}

void ppp_reply_reject(struct ppp_reply *reply, const struct ppp_option *option)
{
	reply->reject_len += ppp_option_put(reply->reject + reply->reject_len,
		reply->room - reply->reject_len, option->type, option->data, option->len);
}

void ppp_reply_nak(struct ppp_reply *reply, const struct ppp_option *option, uint8_t type,
	const void *data, size_t len)
{
	if (reply->exhausted) {
		if (option != NULL) {
			reply->converted = true;
			ppp_reply_reject(reply, option);
		}
		return;
	}
	reply->nak_len += ppp_option_put(
		reply->nak + reply->nak_len, reply->room - reply->nak_len, type, data, len);
}

uint8_t ppp_reply_finish(const struct ppp_reply *reply, const uint8_t **options, size_t *len)
{
	if (reply->reject_len > 0) {
		*options = reply->reject;
		*len = reply->reject_len;
		return PPP_CONFIGURE_REJECT;
	}
	if (reply->nak_len > 0) {
		*options = reply->nak;
		*len = reply->nak_len;
		return PPP_CONFIGURE_NAK;
	}
	return PPP_CONFIGURE_ACK;
}
