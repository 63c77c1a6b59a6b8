/* SPDX-License-Identifier: BSD-3-Clause */
/* The frame, packet and option codec: views stay inside, what is built is bounded and parses. */
#include "ppp_wire.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void options(const uint8_t *bytes, size_t len, size_t room)
{
	const uint8_t *p = bytes, *end = bytes + len, *built;
	static struct ppp_reply reply;
	struct ppp_option option;
	size_t count = 0, built_len = 0;
	enum ppp_wire_error error = ppp_options_check(bytes, len);

	ppp_reply_init(&reply, room, len & 1);
	while (ppp_option_next(&p, end, &option)) {
		assert(option.data >= bytes && option.data + option.len <= end);
		if (option.type & 1)
			ppp_reply_reject(&reply, &option);
		else
			ppp_reply_nak(&reply, &option, option.type, option.data, option.len);
		count++;
	}
	assert((error == PPP_WIRE_OK) == (p == end && count <= PPP_OPTIONS_MAX));
	built = bytes;
	if (ppp_reply_finish(&reply, &built, &built_len) != PPP_CONFIGURE_ACK) {
		assert(built_len > 0 && built_len <= room && built_len <= PPP_INFO_MAX);
		for (p = built; ppp_option_next(&p, built + built_len, &option);)
			;
		assert(p == built + built_len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ppp_packet packet;
	struct ppp_frame frame;
	uint8_t header[4];

	if (size < 2 || ppp_frame_parse(data + 2, size - 2, &frame) != PPP_WIRE_OK)
		return 0;
	assert(frame.info >= data && frame.info + frame.len == data + size);
	assert(frame.protocol & 1);
	/* The header written and read again is the same. */
	size_t n = ppp_frame_header(header, frame.protocol, data[0] & 1);
	struct ppp_frame again;
	assert(ppp_frame_parse(header, n, &again) == PPP_WIRE_OK || frame.protocol > 0xfeff);
	if (frame.protocol <= 0xfeff && !(frame.protocol >> 8 & 1))
		assert(again.protocol == frame.protocol && again.len == 0);
	if (ppp_packet_parse(frame.info, frame.len, &packet) != PPP_WIRE_OK)
		return 0;
	assert(packet.body + packet.len <= data + size);
	options(packet.body, packet.len, 8 * (size_t)data[1]);
	return 0;
}
