/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Codec of RADIUS packets (RFC 2865, 2866, 2869, 3579, 5176, 5997): bytes to views and back.
 *
 * No state and no memory of its own. Everything read is a view into the packet; numbers are host byte
 * order, addresses network byte order. digest_init() must have been called before anything that signs or
 * checks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RADIUS_HEADER           20 /* code, identifier, length, authenticator */
#define RADIUS_PACKET_MAX       4096
#define RADIUS_AUTHENTICATOR    16
#define RADIUS_VALUE_MAX        253 /* of one attribute */
#define RADIUS_VENDOR_VALUE_MAX 247 /* of one vendor attribute: less id, type and length */
#define RADIUS_PASSWORD_MAX     128 /* RFC 2865 5.2 */
#define RADIUS_ATTRIBUTES_MAX   1024

enum radius_code {
	RADIUS_ACCESS_REQUEST = 1,
	RADIUS_ACCESS_ACCEPT = 2,
	RADIUS_ACCESS_REJECT = 3,
	RADIUS_ACCOUNTING_REQUEST = 4,
	RADIUS_ACCOUNTING_RESPONSE = 5,
	RADIUS_ACCESS_CHALLENGE = 11,
	RADIUS_STATUS_SERVER = 12,
	RADIUS_DISCONNECT_REQUEST = 40,
	RADIUS_DISCONNECT_ACK = 41,
	RADIUS_DISCONNECT_NAK = 42,
	RADIUS_COA_REQUEST = 43,
	RADIUS_COA_ACK = 44,
	RADIUS_COA_NAK = 45,
};

enum radius_attribute_type {
	RADIUS_USER_NAME = 1,
	RADIUS_USER_PASSWORD = 2,
	RADIUS_CHAP_PASSWORD = 3,
	RADIUS_NAS_IP_ADDRESS = 4,
	RADIUS_NAS_PORT = 5,
	RADIUS_SERVICE_TYPE = 6,
	RADIUS_FRAMED_PROTOCOL = 7,
	RADIUS_FRAMED_IP_ADDRESS = 8,
	RADIUS_FRAMED_IP_NETMASK = 9,
	RADIUS_FILTER_ID = 11,
	RADIUS_FRAMED_MTU = 12,
	RADIUS_REPLY_MESSAGE = 18,
	RADIUS_FRAMED_ROUTE = 22,
	RADIUS_STATE = 24,
	RADIUS_CLASS = 25,
	RADIUS_VENDOR_SPECIFIC = 26,
	RADIUS_SESSION_TIMEOUT = 27,
	RADIUS_IDLE_TIMEOUT = 28,
	RADIUS_TERMINATION_ACTION = 29,
	RADIUS_CALLED_STATION_ID = 30,
	RADIUS_CALLING_STATION_ID = 31,
	RADIUS_NAS_IDENTIFIER = 32,
	RADIUS_PROXY_STATE = 33,
	RADIUS_ACCT_STATUS_TYPE = 40,
	RADIUS_ACCT_DELAY_TIME = 41,
	RADIUS_ACCT_INPUT_OCTETS = 42,
	RADIUS_ACCT_OUTPUT_OCTETS = 43,
	RADIUS_ACCT_SESSION_ID = 44,
	RADIUS_ACCT_AUTHENTIC = 45,
	RADIUS_ACCT_SESSION_TIME = 46,
	RADIUS_ACCT_INPUT_PACKETS = 47,
	RADIUS_ACCT_OUTPUT_PACKETS = 48,
	RADIUS_ACCT_TERMINATE_CAUSE = 49,
	RADIUS_ACCT_MULTI_SESSION_ID = 50,
	RADIUS_ACCT_INPUT_GIGAWORDS = 52,
	RADIUS_ACCT_OUTPUT_GIGAWORDS = 53,
	RADIUS_EVENT_TIMESTAMP = 55,
	RADIUS_CHAP_CHALLENGE = 60,
	RADIUS_NAS_PORT_TYPE = 61,
	RADIUS_TUNNEL_TYPE = 64,
	RADIUS_TUNNEL_MEDIUM_TYPE = 65,
	RADIUS_TUNNEL_CLIENT_ENDPOINT = 66,
	RADIUS_TUNNEL_SERVER_ENDPOINT = 67,
	RADIUS_ACCT_TUNNEL_CONNECTION = 68,
	RADIUS_TUNNEL_PASSWORD = 69,
	RADIUS_CONNECT_INFO = 77,
	RADIUS_EAP_MESSAGE = 79,
	RADIUS_MESSAGE_AUTHENTICATOR = 80,
	RADIUS_TUNNEL_ASSIGNMENT_ID = 82,
	RADIUS_TUNNEL_PREFERENCE = 83,
	RADIUS_ACCT_INTERIM_INTERVAL = 85,
	RADIUS_NAS_PORT_ID = 87,
	RADIUS_FRAMED_POOL = 88,
	RADIUS_TUNNEL_CLIENT_AUTH_ID = 90,
	RADIUS_TUNNEL_SERVER_AUTH_ID = 91,
	RADIUS_NAS_IPV6_ADDRESS = 95,
	RADIUS_FRAMED_INTERFACE_ID = 96,
	RADIUS_FRAMED_IPV6_PREFIX = 97,
	RADIUS_FRAMED_IPV6_ROUTE = 99,
	RADIUS_FRAMED_IPV6_POOL = 100,
	RADIUS_ERROR_CAUSE = 101,
	RADIUS_DELEGATED_IPV6_PREFIX = 123,
	RADIUS_FRAMED_IPV6_ADDRESS = 168,
	RADIUS_DNS_SERVER_IPV6_ADDRESS = 169,
	RADIUS_DELEGATED_IPV6_PREFIX_POOL = 171,
	RADIUS_STATEFUL_IPV6_ADDRESS_POOL = 172,
};

enum radius_vendor { /* IANA private enterprise numbers */
	RADIUS_VENDOR_CISCO = 9,
	RADIUS_VENDOR_MICROSOFT = 311,
	RADIUS_VENDOR_ASCEND = 529,
	RADIUS_VENDOR_DSL_FORUM = 3561,
	RADIUS_VENDOR_ERX = 4874,
	RADIUS_VENDOR_WISPR = 14122,
	RADIUS_VENDOR_MIKROTIK = 14988,
};

enum radius_wire_error {
	RADIUS_WIRE_OK,
	RADIUS_WIRE_SHORT,     /* fewer bytes than a header, or than the Length field says */
	RADIUS_WIRE_LENGTH,    /* Length below 20 or above 4096 */
	RADIUS_WIRE_ATTRIBUTE, /* an attribute shorter than its header or longer than the packet */
	RADIUS_WIRE_TOO_MANY,  /* attributes */
};

/* Views into the bytes that were parsed. Bytes after Length are padding (RFC 2865 section 3). */
struct radius_packet {
	uint8_t code, id;
	uint16_t length;
	const uint8_t *bytes; /* the header */
	const uint8_t *attributes, *end;
};

struct radius_attribute {
	uint8_t type;
	uint8_t length; /* of the value */
	const uint8_t *value;
};

/* A Vendor-Specific attribute whose sub-attributes were all found to fit. */
struct radius_vendor_attributes {
	uint32_t vendor;
	const uint8_t *at, *end;
};

struct radius_secret {
	const uint8_t *bytes;
	size_t length;
};

/* The header and the lengths of all attributes; after it radius_next() cannot leave the packet. */
enum radius_wire_error radius_packet_parse(
	struct radius_packet *packet, const uint8_t *bytes, size_t length);
static inline const uint8_t *radius_authenticator(const struct radius_packet *packet)
{
	return packet->bytes + 4;
}
/* The attribute at *at, and *at moved behind it; false at the end. at: between attributes and end. */
bool radius_next(const uint8_t **at, const uint8_t *end, struct radius_attribute *attribute);
/* The first attribute of a type. */
bool radius_find(
	const struct radius_packet *packet, uint8_t type, struct radius_attribute *attribute);
/*
 * Sub-attributes in the format that RFC 2865 5.26 recommends, which all vendors above use. -EBADMSG: shorter
 * than a vendor id, no sub-attribute in it, Vendor-Length below 2 or beyond the attribute, vendor id above 24 bits.
 */
int radius_vendor_open(
	const struct radius_attribute *attribute, struct radius_vendor_attributes *vendor);
static inline bool radius_vendor_next(
	struct radius_vendor_attributes *vendor, struct radius_attribute *attribute)
{
	return radius_next(&vendor->at, vendor->end, attribute);
}

/* A value of exactly 4 or 8 bytes. -EBADMSG. */
int radius_get_u32(const struct radius_attribute *attribute, uint32_t *value);
int radius_get_u64(const struct radius_attribute *attribute, uint64_t *value);
/*
 * A tag (RFC 2868 section 3.1) is a first byte of 0x00 to 0x1f; numbers always have one. -EBADMSG: not 4 bytes, or no
 * bytes at all.
 */
int radius_get_tagged_u24(const struct radius_attribute *attribute, uint8_t *tag, uint32_t *value);
int radius_get_tagged_text(const struct radius_attribute *attribute, uint8_t *tag,
	const uint8_t **text, size_t *length);

/* ---- what depends on the shared secret ---- */

enum radius_signature {
	RADIUS_SIGNATURE_RIGHT,
	RADIUS_SIGNATURE_ABSENT,
	RADIUS_SIGNATURE_WRONG, /* also: of another length than 16, or more than one */
};

/* Response Authenticator: MD5 over the reply with the request's authenticator, and the secret. */
bool radius_reply_check(const struct radius_packet *reply,
	const uint8_t request_authenticator[RADIUS_AUTHENTICATOR], struct radius_secret secret);
/* Request Authenticator of Accounting-, CoA- and Disconnect-Requests. */
bool radius_request_check(const struct radius_packet *request, struct radius_secret secret);
/*
 * Message-Authenticator (RFC 3579 3.2): authenticator is the request's own for Access-Request and Status-Server, the
 * request's for replies, 16 zero bytes for Accounting-, CoA- and Disconnect-Requests (RFC 5176 3.3).
 */
enum radius_signature radius_message_check(const struct radius_packet *packet,
	const uint8_t authenticator[RADIUS_AUTHENTICATOR], struct radius_secret secret);
extern const uint8_t radius_zero_authenticator[RADIUS_AUTHENTICATOR];

/* User-Password (RFC 2865 5.2). hidden has room for 128; the length (a multiple of 16), or -EMSGSIZE. */
int radius_password_hide(const uint8_t *password, size_t length,
	const uint8_t request_authenticator[RADIUS_AUTHENTICATOR], struct radius_secret secret,
	uint8_t hidden[RADIUS_PASSWORD_MAX]);
/* The padding zeros stay: their number cannot be told from zeros of the password. -EBADMSG. */
int radius_password_reveal(const uint8_t *hidden, size_t length,
	const uint8_t request_authenticator[RADIUS_AUTHENTICATOR], struct radius_secret secret,
	uint8_t password[RADIUS_PASSWORD_MAX]);
/*
 * Salted values: Tunnel-Password (RFC 2868 3.5, after its tag), MS-MPPE keys (RFC 2548 2.4.2). salted: 2 bytes of salt,
 * then blocks of 16. plain has room for RADIUS_VALUE_MAX. The length of the value, or -EBADMSG: no salt (its first bit
 * must be set), no whole blocks, or the length that came out is more than there is.
 */
int radius_salted_reveal(const uint8_t *salted, size_t length,
	const uint8_t request_authenticator[RADIUS_AUTHENTICATOR], struct radius_secret secret,
	uint8_t *plain);
/* salted has room for RADIUS_VALUE_MAX; the length, or -EMSGSIZE. */
int radius_salted_hide(uint16_t salt, const uint8_t *plain, size_t length,
	const uint8_t request_authenticator[RADIUS_AUTHENTICATOR], struct radius_secret secret,
	uint8_t *salted);

/* ---- writing ---- */

/* Appends attributes; what does not fit sets failed, and nothing more is written. */
struct radius_writer {
	uint8_t *start, *at, *end;
	uint8_t *message_authenticator; /* its value, once added */
	bool failed;
};

/* buffer of at most RADIUS_PACKET_MAX. authenticator NULL: zeros, to be signed. */
void radius_writer_init(struct radius_writer *writer, uint8_t *buffer, size_t size,
	enum radius_code code, uint8_t id, const uint8_t *authenticator);
/* length 0 is left out: RFC 2865 section 5 forbids empty texts. */
void radius_add(struct radius_writer *writer, uint8_t type, const void *value, size_t length);
/* Attributes that are encoded already. */
void radius_add_encoded(struct radius_writer *writer, const uint8_t *attributes, size_t length);
void radius_add_text(struct radius_writer *writer, uint8_t type, const char *text);
void radius_add_u32(struct radius_writer *writer, uint8_t type, uint32_t value);
void radius_add_tagged_u24(struct radius_writer *writer, uint8_t type, uint8_t tag, uint32_t value);
void radius_add_vendor(struct radius_writer *writer, uint32_t vendor, uint8_t type,
	const void *value, size_t length);
/* Reserves it; goes first, so that a prefix chosen by an attacker never stands before it. */
void radius_add_message_authenticator(struct radius_writer *writer);
/*
 * Fills Length, then Message-Authenticator if there is one, then for all but Access-Request and Status-Server the
 * Request Authenticator. The packet's length; 0: an attribute did not fit.
 */
size_t radius_request_sign(struct radius_writer *writer, struct radius_secret secret);
size_t radius_reply_sign(struct radius_writer *writer,
	const uint8_t request_authenticator[RADIUS_AUTHENTICATOR], struct radius_secret secret);
