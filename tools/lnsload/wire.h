/* SPDX-License-Identifier: BSD-3-Clause */
/* L2TPv2 on the wire as a LAC sees it (RFC 2661 sections 3 and 4): header, AVPs, messages. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_CONTROL_HEADER 12u
#define WIRE_PACKET_MAX     1500u

enum wire_type {
	WIRE_ZLB = 0, /* our name for a message without AVPs */
	WIRE_SCCRQ = 1,
	WIRE_SCCRP = 2,
	WIRE_SCCCN = 3,
	WIRE_STOPCCN = 4,
	WIRE_HELLO = 6,
	WIRE_OCRQ = 7,
	WIRE_OCRP = 8,
	WIRE_OCCN = 9,
	WIRE_ICRQ = 10,
	WIRE_ICRP = 11,
	WIRE_ICCN = 12,
	WIRE_CDN = 14,
	WIRE_WEN = 15,
	WIRE_SLI = 16,
};

enum wire_avp_type {
	AVP_MESSAGE_TYPE = 0,
	AVP_RESULT_CODE = 1,
	AVP_PROTOCOL_VERSION = 2,
	AVP_FRAMING_CAPABILITIES = 3,
	AVP_BEARER_CAPABILITIES = 4,
	AVP_FIRMWARE_REVISION = 6,
	AVP_HOST_NAME = 7,
	AVP_VENDOR_NAME = 8,
	AVP_ASSIGNED_TUNNEL_ID = 9,
	AVP_RECEIVE_WINDOW_SIZE = 10,
	AVP_CHALLENGE = 11,
	AVP_CHALLENGE_RESPONSE = 13,
	AVP_ASSIGNED_SESSION_ID = 14,
	AVP_CALL_SERIAL_NUMBER = 15,
	AVP_BEARER_TYPE = 18,
	AVP_FRAMING_TYPE = 19,
	AVP_CALLED_NUMBER = 21,
	AVP_CALLING_NUMBER = 22,
	AVP_TX_CONNECT_SPEED = 24,
	AVP_PHYSICAL_CHANNEL = 25,
	AVP_INITIAL_LCP_CONFREQ = 26,
	AVP_LAST_SENT_LCP_CONFREQ = 27,
	AVP_LAST_RECEIVED_LCP_CONFREQ = 28,
	AVP_PROXY_AUTHEN_TYPE = 29,
	AVP_PROXY_AUTHEN_NAME = 30,
	AVP_PROXY_AUTHEN_CHALLENGE = 31,
	AVP_PROXY_AUTHEN_ID = 32,
	AVP_PROXY_AUTHEN_RESPONSE = 33,
	AVP_RANDOM_VECTOR = 36,
	AVP_RX_CONNECT_SPEED = 38,
	AVP_SEQUENCING_REQUIRED = 39,
};

struct wire_header {
	bool control;
	bool sequenced; /* ns and nr are there */
	uint16_t tunnel_id, session_id;
	uint16_t ns, nr;
	const uint8_t *body;
	size_t body_len;
};

/* 0 or -EBADMSG. Trusts the L2TP length when it is shorter than the datagram. */
int wire_header_parse(const uint8_t *packet, size_t len, struct wire_header *h);
/* Header of a control message, WIRE_CONTROL_HEADER bytes; len is that of the whole message. */
void wire_control_header(uint8_t *out, size_t len, uint16_t tunnel_id, uint16_t session_id,
	uint16_t ns, uint16_t nr);

/* Builds the AVPs of one message; overflow sets failed and is reported by the sender. */
struct wire_builder {
	uint8_t *buffer;
	size_t len, capacity;
	bool failed;
};

void wire_begin(struct wire_builder *b, uint8_t *buffer, size_t capacity, enum wire_type type);
void wire_put(struct wire_builder *b, bool mandatory, uint16_t type, const void *value, size_t len);
void wire_put_string(struct wire_builder *b, bool mandatory, uint16_t type, const char *value);
void wire_put_u16(struct wire_builder *b, bool mandatory, uint16_t type, uint16_t value);
void wire_put_u32(struct wire_builder *b, bool mandatory, uint16_t type, uint32_t value);
/* The same, hidden with the tunnel's secret (section 4.3); wire_put a Random Vector before it. */
void wire_put_hidden(struct wire_builder *b, bool mandatory, uint16_t type, const void *value,
	size_t len, const char *secret, const uint8_t *vector, size_t vector_len);

/* A control message from the LNS; pointers lead into the packet, or into scratch for hidden ones. */
struct wire_message {
	enum wire_type type;
	bool has_tunnel_id, has_session_id, has_window, has_result, has_error;
	uint16_t tunnel_id, session_id, window;
	uint16_t result, error;
	const uint8_t *challenge, *response, *host_name, *error_text;
	size_t challenge_len, response_len, host_name_len, error_text_len;
	uint16_t unknown_mandatory; /* type of an AVP with M that we do not know, 0: none */
	uint8_t scratch[512];
	size_t scratch_len;
};

enum wire_error {
	WIRE_OK = 0,
	WIRE_BAD_AVP, /* length below 6, beyond the message, or the value has the wrong size */
	WIRE_BAD_FIRST_AVP, /* not a Message Type */
	WIRE_BAD_HIDDEN,    /* no secret, no vector, or a deciphered length that does not fit */
	WIRE_MISSING_AVP,   /* one that the message type must have */
};

/* secret may be NULL. */
enum wire_error wire_message_parse(
	const uint8_t *body, size_t len, const char *secret, struct wire_message *m);
const char *wire_error_name(enum wire_error e);

/* Challenge Response (section 4.4.3): MD5(id, secret, challenge). */
void wire_challenge_response(
	uint8_t id, const char *secret, const uint8_t *challenge, size_t len, uint8_t out[16]);
