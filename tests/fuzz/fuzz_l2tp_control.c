/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a control message: fields stay inside their memory, and what was read can be written. */
#include "l2tp_avp.h"

#include <crypto/digest.h>

#include <stdlib.h>
#include <string.h>

static uint8_t scratch[L2TP_MESSAGE_MAX];
static uint8_t copy[L2TP_MESSAGE_MAX];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	if (digest_init() < 0)
		abort();
	return 0;
}

static void inside(const struct l2tp_bytes *field, const uint8_t *bytes, size_t len)
{
	bool in_message = field->at >= bytes && field->at + field->len <= bytes + len;
	bool in_scratch = field->at >= scratch &&
		field->at + field->len <= scratch + sizeof(scratch);

	if (field->at == NULL) {
		if (field->len != 0)
			abort();
	} else if (!in_message && !in_scratch) {
		abort();
	}
	if (field->len > L2TP_AVP_VALUE_MAX)
		abort();
}

/* Write some of it again, read that, and find the same. */
static void again(const struct l2tp_message *msg)
{
	static uint8_t other_scratch[L2TP_MESSAGE_MAX];
	static struct l2tp_message other;
	struct l2tp_writer w;
	size_t len;

	l2tp_writer_init(&w, copy, sizeof(copy), 0, msg->type);
	l2tp_write_u16(&w, true, L2TP_AVP_ASSIGNED_SESSION_ID, msg->assigned_session_id);
	l2tp_write_u64(&w, true, L2TP_AVP_TX_CONNECT_SPEED, msg->tx_speed);
	if (msg->calling_number.at != NULL)
		l2tp_write_bytes(&w, true, L2TP_AVP_CALLING_NUMBER, msg->calling_number.at,
			msg->calling_number.len);
	if (l2tp_message_has(msg, L2TP_AVP_PPP_DISCONNECT_CAUSE))
		l2tp_write_cause(&w, &msg->cause);
	len = l2tp_writer_finish(&w);
	if (len == 0)
		abort();
	l2tp_message_decode(&other, copy, len, NULL, 0, other_scratch);
	if (other.fault.reason != L2TP_COUNTER_MAX || other.type != msg->type ||
		other.assigned_session_id != msg->assigned_session_id ||
		other.tx_speed != msg->tx_speed ||
		other.calling_number.len != msg->calling_number.len ||
		other.cause.code != msg->cause.code)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct l2tp_message msg;
	struct l2tp_header header;
	enum l2tp_counter reason;
	uint8_t encoded[L2TP_CONTROL_HEADER];

	if (l2tp_header_decode(&header, data, size, &reason) < 0) {
		if ((unsigned)reason >= L2TP_COUNTER_MAX)
			abort();
		return 0;
	}
	if (header.length > size || header.length < L2TP_CONTROL_HEADER)
		abort();
	l2tp_header_encode(&header, encoded);
	if (memcmp(encoded + 2, data + 2, L2TP_CONTROL_HEADER - 2) != 0)
		abort();
	if (header.length == L2TP_CONTROL_HEADER)
		return 0;
	for (int with_secret = 0; with_secret <= 1; with_secret++) {
		const struct l2tp_bytes *fields[] = {&msg.error_message, &msg.host_name,
			&msg.vendor_name, &msg.challenge, &msg.challenge_response,
			&msg.called_number, &msg.calling_number, &msg.sub_address,
			&msg.private_group, &msg.initial_confreq, &msg.last_sent_confreq,
			&msg.last_received_confreq, &msg.proxy_name, &msg.proxy_challenge,
			&msg.proxy_response, &msg.cause.message};

		l2tp_message_decode(&msg, data, header.length,
			with_secret ? (const uint8_t *)"s3cret" : NULL, with_secret ? 6 : 0,
			scratch);
		for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
			inside(fields[i], data, header.length);
		if (msg.line_count > L2TP_LINE_AVPS_MAX || msg.speed_count > L2TP_SPEEDS_MAX)
			abort();
		for (unsigned i = 0; i < msg.line_count; i++)
			inside(&msg.line[i].value, data, header.length);
		if (l2tp_message_has(&msg, L2TP_AVP_CHALLENGE_RESPONSE) &&
			msg.challenge_response.len < 16)
			abort();
		if (msg.type == 0 && msg.fault.reason == L2TP_COUNTER_MAX &&
			!l2tp_message_has(&msg, L2TP_AVP_MESSAGE_TYPE))
			abort();
		again(&msg);
	}
	return 0;
}
