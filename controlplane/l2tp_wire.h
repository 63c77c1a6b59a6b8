/* SPDX-License-Identifier: BSD-3-Clause */
/* Codec of L2TPv2 control messages (RFC 2661 sections 3.1 and 4): bytes to struct and back. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "l2tp_counter.h"

#define L2TP_CONTROL_HEADER 12    /* T, L and S bits set, O and P clear */
#define L2TP_MESSAGE_MAX    16384 /* longest control message that is read */
#define L2TP_SEND_MAX       1400  /* longest control message that is sent */
#define L2TP_AVP_HEADER     6
#define L2TP_AVP_VALUE_MAX  1017 /* 10 bits of length, less the AVP header */
#define L2TP_AVPS_MAX       256  /* AVPs read in one message */
#define L2TP_LINE_AVPS_MAX  32   /* RFC 5515 AVPs kept of one message */
#define L2TP_SPEEDS_MAX     64   /* connect speed updates kept of one CSUN */

#define L2TP_VENDOR_IETF      0
#define L2TP_VENDOR_DSL_FORUM 3561

enum l2tp_message_type { /* RFC 2661 section 3.2, RFC 5515 section 3 */
	L2TP_SCCRQ = 1,
	L2TP_SCCRP = 2,
	L2TP_SCCCN = 3,
	L2TP_STOPCCN = 4,
	L2TP_HELLO = 6,
	L2TP_OCRQ = 7,
	L2TP_OCRP = 8,
	L2TP_OCCN = 9,
	L2TP_ICRQ = 10,
	L2TP_ICRP = 11,
	L2TP_ICCN = 12,
	L2TP_CDN = 14,
	L2TP_WEN = 15,
	L2TP_SLI = 16,
	L2TP_CSUN = 28,
	L2TP_CSURQ = 29,
};

enum l2tp_attribute { /* RFC 2661 section 4.4, vendor 0 */
	L2TP_AVP_MESSAGE_TYPE = 0,
	L2TP_AVP_RESULT_CODE = 1,
	L2TP_AVP_PROTOCOL_VERSION = 2,
	L2TP_AVP_FRAMING_CAPABILITIES = 3,
	L2TP_AVP_BEARER_CAPABILITIES = 4,
	L2TP_AVP_TIE_BREAKER = 5,
	L2TP_AVP_FIRMWARE_REVISION = 6,
	L2TP_AVP_HOST_NAME = 7,
	L2TP_AVP_VENDOR_NAME = 8,
	L2TP_AVP_ASSIGNED_TUNNEL_ID = 9,
	L2TP_AVP_RECEIVE_WINDOW_SIZE = 10,
	L2TP_AVP_CHALLENGE = 11,
	L2TP_AVP_Q931_CAUSE_CODE = 12,
	L2TP_AVP_CHALLENGE_RESPONSE = 13,
	L2TP_AVP_ASSIGNED_SESSION_ID = 14,
	L2TP_AVP_CALL_SERIAL_NUMBER = 15,
	L2TP_AVP_MINIMUM_BPS = 16,
	L2TP_AVP_MAXIMUM_BPS = 17,
	L2TP_AVP_BEARER_TYPE = 18,
	L2TP_AVP_FRAMING_TYPE = 19,
	L2TP_AVP_CALLED_NUMBER = 21,
	L2TP_AVP_CALLING_NUMBER = 22,
	L2TP_AVP_SUB_ADDRESS = 23,
	L2TP_AVP_TX_CONNECT_SPEED = 24,
	L2TP_AVP_PHYSICAL_CHANNEL_ID = 25,
	L2TP_AVP_INITIAL_LCP_CONFREQ = 26,
	L2TP_AVP_LAST_SENT_LCP_CONFREQ = 27,
	L2TP_AVP_LAST_RECEIVED_LCP_CONFREQ = 28,
	L2TP_AVP_PROXY_AUTHEN_TYPE = 29,
	L2TP_AVP_PROXY_AUTHEN_NAME = 30,
	L2TP_AVP_PROXY_AUTHEN_CHALLENGE = 31,
	L2TP_AVP_PROXY_AUTHEN_ID = 32,
	L2TP_AVP_PROXY_AUTHEN_RESPONSE = 33,
	L2TP_AVP_CALL_ERRORS = 34,
	L2TP_AVP_ACCM = 35,
	L2TP_AVP_RANDOM_VECTOR = 36,
	L2TP_AVP_PRIVATE_GROUP_ID = 37,
	L2TP_AVP_RX_CONNECT_SPEED = 38,
	L2TP_AVP_SEQUENCING_REQUIRED = 39,
	L2TP_AVP_PPP_DISCONNECT_CAUSE = 46,        /* RFC 3145 */
	L2TP_AVP_CONNECT_SPEED_UPDATE = 97,        /* RFC 5515 */
	L2TP_AVP_CONNECT_SPEED_UPDATE_ENABLE = 98, /* RFC 5515 */
	L2TP_AVP_MAX = 99,
};

enum l2tp_stopccn_result {
	L2TP_STOPCCN_CLEAR = 1,
	L2TP_STOPCCN_ERROR = 2, /* see the error code */
	L2TP_STOPCCN_EXISTS = 3,
	L2TP_STOPCCN_NOT_AUTHORIZED = 4,
	L2TP_STOPCCN_VERSION = 5, /* error code: highest version supported */
	L2TP_STOPCCN_SHUTDOWN = 6,
	L2TP_STOPCCN_FSM = 7,
};

enum l2tp_cdn_result {
	L2TP_CDN_CARRIER_LOST = 1,
	L2TP_CDN_ERROR = 2, /* see the error code */
	L2TP_CDN_ADMINISTRATIVE = 3,
	L2TP_CDN_NO_FACILITIES = 4, /* temporary */
	L2TP_CDN_NO_FACILITIES_EVER = 5,
	L2TP_CDN_INVALID_DESTINATION = 6,
	L2TP_CDN_NO_CARRIER = 7,
	L2TP_CDN_BUSY = 8,
	L2TP_CDN_NO_DIAL_TONE = 9,
	L2TP_CDN_TIMEOUT = 10,
	L2TP_CDN_NO_FRAMING = 11,
};

enum l2tp_error {
	L2TP_ERROR_NONE = 0,
	L2TP_ERROR_NO_CONTROL_CONNECTION = 1,
	L2TP_ERROR_LENGTH = 2,
	L2TP_ERROR_VALUE = 3,
	L2TP_ERROR_RESOURCES = 4,
	L2TP_ERROR_SESSION_ID = 5,
	L2TP_ERROR_VENDOR = 6,
	L2TP_ERROR_TRY_ANOTHER = 7,
	L2TP_ERROR_UNKNOWN_AVP = 8,
};

/* Bytes inside a message or the decoder's scratch; at is NULL when the AVP was absent. */
struct l2tp_bytes {
	const uint8_t *at;
	uint16_t len;
};

struct l2tp_header {
	uint16_t length; /* whole message, header included; at most the bytes given */
	uint16_t tunnel_id;
	uint16_t session_id;
	uint16_t ns;
	uint16_t nr;
};

/* PPP Disconnect Cause (RFC 3145); code 0 is "no information". */
struct l2tp_cause {
	uint16_t code;
	uint16_t protocol;
	uint8_t direction; /* 0 global, 1 at peer, 2 at local */
	struct l2tp_bytes message;
};

struct l2tp_line_avp { /* RFC 5515: vendor 3561 */
	uint16_t attribute;
	struct l2tp_bytes value;
};

struct l2tp_speed_update {   /* RFC 5515 section 5.1; bits per second */
	uint16_t session_id; /* ours */
	uint32_t tx, rx;
};

/* What made a message unacceptable; reason is L2TP_COUNTER_MAX when it is well-formed. */
struct l2tp_fault {
	enum l2tp_counter reason;
	uint16_t error; /* enum l2tp_error to answer with */
	uint16_t vendor, attribute;
};

/*
 * One decoded control message. Integers are in host order, a field is valid only if its attribute
 * is in the present set. Byte fields point into the message or into scratch.
 */
struct l2tp_message {
	uint16_t type; /* 0: no Message Type AVP could be read */
	bool type_mandatory;
	bool undeciphered; /* hidden AVPs were skipped: there was no secret */
	struct l2tp_fault fault;
	uint64_t present[2]; /* by enum l2tp_attribute */

	uint16_t result, error; /* error is 0 when the AVP ended before it */
	struct l2tp_bytes error_message;
	uint16_t protocol_version;
	uint32_t framing_capabilities, bearer_capabilities;
	uint64_t tie_breaker;
	uint16_t firmware_revision;
	struct l2tp_bytes host_name, vendor_name;
	uint16_t assigned_tunnel_id;
	uint16_t receive_window;
	struct l2tp_bytes challenge, challenge_response; /* response: at least 16 bytes */
	uint16_t q931_cause;

	uint16_t assigned_session_id;
	uint32_t serial_number;
	uint32_t minimum_bps, maximum_bps;
	uint32_t bearer_type, framing_type;
	struct l2tp_bytes called_number, calling_number, sub_address;
	uint64_t tx_speed, rx_speed; /* bits per second */
	uint32_t physical_channel;
	struct l2tp_bytes private_group;
	struct l2tp_bytes initial_confreq, last_sent_confreq, last_received_confreq;
	uint16_t proxy_type, proxy_id;
	struct l2tp_bytes proxy_name, proxy_challenge, proxy_response;
	uint32_t call_errors[6]; /* CRC, framing, hardware, buffer, time-out, alignment */
	uint32_t accm_send, accm_receive;
	struct l2tp_cause cause;

	uint16_t line_count, speed_count;
	struct l2tp_line_avp line[L2TP_LINE_AVPS_MAX];
	struct l2tp_speed_update speed[L2TP_SPEEDS_MAX];

	uint16_t ignored;  /* AVPs without the M bit that were skipped */
	uint16_t repeated; /* AVPs that came a second time; the first counts */
};

static inline bool l2tp_message_has(const struct l2tp_message *msg, unsigned attribute)
{
	return msg->present[attribute / 64] >> (attribute % 64) & 1;
}

/*
 * Read the header of a control message. 0 with *header filled, or -EBADMSG with *reason saying why
 * the packet is to be dropped unanswered (RFC 2661 section 7.1). Reserved bits are ignored, bytes
 * beyond the Length field are not looked at.
 */
int l2tp_header_decode(
	struct l2tp_header *header, const uint8_t *bytes, size_t len, enum l2tp_counter *reason);

/* Write a control header into the first 12 of bytes. */
void l2tp_header_encode(const struct l2tp_header *header, uint8_t *bytes);

/*
 * Decode the AVPs of a control message; bytes is the whole message, len its header's Length and
 * more than L2TP_CONTROL_HEADER (else it is a ZLB). secret deciphers hidden AVPs; with a NULL
 * secret they count as unreadable. scratch holds the deciphered values and has L2TP_MESSAGE_MAX
 * bytes. msg->fault says what is wrong; what could be read is filled in all the same, so that the
 * answer can name the session.
 */
void l2tp_message_decode(struct l2tp_message *msg, const uint8_t *bytes, size_t len,
	const uint8_t *secret, size_t secret_len, uint8_t *scratch);

/* "SCCRQ" and so on; "unknown" for the rest. */
const char *l2tp_message_name(unsigned type);
