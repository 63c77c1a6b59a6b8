/* SPDX-License-Identifier: BSD-3-Clause */
/* Decoding of control messages: header, then every AVP once, by a table of what the RFCs define. */
#include "l2tp_wire.h"

#include "l2tp_avp.h"
#include "l2tp_hidden.h"

#include <errno.h>
#include <string.h>

#define FLAG_TYPE     0x8000
#define FLAG_LENGTH   0x4000
#define FLAG_SEQUENCE 0x0800
#define FLAG_OFFSET   0x0200
#define FLAG_VERSION  0x000f
#define CONTROL_FLAGS (FLAG_TYPE | FLAG_LENGTH | FLAG_SEQUENCE | 2)

enum avp_kind {
	AVP_UNKNOWN = 0,
	AVP_EMPTY,  /* its presence is all */
	AVP_NUMBER, /* big-endian, into a field of the same width */
	AVP_SPEED,  /* 4 bytes, or 8 where a LAC took L2TPv3's; into 64 bits */
	AVP_BYTES,
	AVP_RESULT,  /* result, optional error code, optional message */
	AVP_ERRORS,  /* 2 reserved bytes and six 32-bit counters */
	AVP_ACCM,    /* 2 reserved bytes and two masks */
	AVP_CAUSE,   /* RFC 3145 */
	AVP_UPDATE,  /* RFC 5515; may come more than once */
	AVP_IGNORED, /* known, of no use to an LNS */
};

/* A known attribute: the shortest value there is (longer ones are read up to what is known). */
struct avp_rule {
	uint8_t kind;
	uint8_t min;    /* length of the value */
	uint16_t field; /* offset in struct l2tp_message */
};

#define NUMBER(name, bytes)                                            \
	{                                                              \
		AVP_NUMBER, bytes, offsetof(struct l2tp_message, name) \
	}
#define BYTES(name, min)                                            \
	{                                                           \
		AVP_BYTES, min, offsetof(struct l2tp_message, name) \
	}

static const struct avp_rule rules[L2TP_AVP_MAX] = {
	[L2TP_AVP_MESSAGE_TYPE] = NUMBER(type, 2),
	[L2TP_AVP_RESULT_CODE] = {AVP_RESULT, 2},
	[L2TP_AVP_PROTOCOL_VERSION] = NUMBER(protocol_version, 2),
	[L2TP_AVP_FRAMING_CAPABILITIES] = NUMBER(framing_capabilities, 4),
	[L2TP_AVP_BEARER_CAPABILITIES] = NUMBER(bearer_capabilities, 4),
	[L2TP_AVP_TIE_BREAKER] = NUMBER(tie_breaker, 8),
	[L2TP_AVP_FIRMWARE_REVISION] = NUMBER(firmware_revision, 2),
	[L2TP_AVP_HOST_NAME] = BYTES(host_name, 1),
	[L2TP_AVP_VENDOR_NAME] = BYTES(vendor_name, 0),
	[L2TP_AVP_ASSIGNED_TUNNEL_ID] = NUMBER(assigned_tunnel_id, 2),
	[L2TP_AVP_RECEIVE_WINDOW_SIZE] = NUMBER(receive_window, 2),
	[L2TP_AVP_CHALLENGE] = BYTES(challenge, 1),
	[L2TP_AVP_Q931_CAUSE_CODE] = NUMBER(q931_cause, 2),
	[L2TP_AVP_CHALLENGE_RESPONSE] = BYTES(challenge_response, L2TP_RESPONSE_LEN),
	[L2TP_AVP_ASSIGNED_SESSION_ID] = NUMBER(assigned_session_id, 2),
	[L2TP_AVP_CALL_SERIAL_NUMBER] = NUMBER(serial_number, 4),
	[L2TP_AVP_MINIMUM_BPS] = NUMBER(minimum_bps, 4),
	[L2TP_AVP_MAXIMUM_BPS] = NUMBER(maximum_bps, 4),
	[L2TP_AVP_BEARER_TYPE] = NUMBER(bearer_type, 4),
	[L2TP_AVP_FRAMING_TYPE] = NUMBER(framing_type, 4),
	[L2TP_AVP_CALLED_NUMBER] = BYTES(called_number, 0),
	[L2TP_AVP_CALLING_NUMBER] = BYTES(calling_number, 0),
	[L2TP_AVP_SUB_ADDRESS] = BYTES(sub_address, 0),
	[L2TP_AVP_TX_CONNECT_SPEED] = {AVP_SPEED, 4, offsetof(struct l2tp_message, tx_speed)},
	[L2TP_AVP_PHYSICAL_CHANNEL_ID] = NUMBER(physical_channel, 4),
	[L2TP_AVP_INITIAL_LCP_CONFREQ] = BYTES(initial_confreq, 0),
	[L2TP_AVP_LAST_SENT_LCP_CONFREQ] = BYTES(last_sent_confreq, 0),
	[L2TP_AVP_LAST_RECEIVED_LCP_CONFREQ] = BYTES(last_received_confreq, 0),
	[L2TP_AVP_PROXY_AUTHEN_TYPE] = NUMBER(proxy_type, 2),
	[L2TP_AVP_PROXY_AUTHEN_NAME] = BYTES(proxy_name, 0),
	[L2TP_AVP_PROXY_AUTHEN_CHALLENGE] = BYTES(proxy_challenge, 0),
	[L2TP_AVP_PROXY_AUTHEN_ID] = NUMBER(proxy_id, 2),
	[L2TP_AVP_PROXY_AUTHEN_RESPONSE] = BYTES(proxy_response, 0),
	[L2TP_AVP_CALL_ERRORS] = {AVP_ERRORS, 26},
	[L2TP_AVP_ACCM] = {AVP_ACCM, 10},
	[L2TP_AVP_RANDOM_VECTOR] = {AVP_IGNORED, 1},
	[L2TP_AVP_PRIVATE_GROUP_ID] = BYTES(private_group, 0),
	[L2TP_AVP_RX_CONNECT_SPEED] = {AVP_SPEED, 4, offsetof(struct l2tp_message, rx_speed)},
	[L2TP_AVP_SEQUENCING_REQUIRED] = {AVP_EMPTY, 0},
	[L2TP_AVP_PPP_DISCONNECT_CAUSE] = {AVP_CAUSE, 5},
	[L2TP_AVP_CONNECT_SPEED_UPDATE] = {AVP_UPDATE, 12},
	[L2TP_AVP_CONNECT_SPEED_UPDATE_ENABLE] = {AVP_EMPTY, 0},
};

static uint64_t read_number(const uint8_t *p, size_t width)
{
	uint64_t v = 0;

	while (width-- > 0)
		v = v << 8 | *p++;
	return v;
}

int l2tp_header_decode(
	struct l2tp_header *header, const uint8_t *bytes, size_t len, enum l2tp_counter *reason)
{
	uint16_t flags;

	*reason = L2TP_COUNTER_HEADER_SHORT;
	if (len < 2)
		return -EBADMSG;
	flags = (uint16_t)read_number(bytes, 2);
	*reason = L2TP_COUNTER_HEADER_VERSION;
	if ((flags & FLAG_VERSION) != 2)
		return -EBADMSG;
	*reason = L2TP_COUNTER_HEADER_NOT_CONTROL;
	if (!(flags & FLAG_TYPE))
		return -EBADMSG;
	*reason = L2TP_COUNTER_HEADER_FLAGS;
	if (!(flags & FLAG_LENGTH) || !(flags & FLAG_SEQUENCE) || (flags & FLAG_OFFSET))
		return -EBADMSG;
	*reason = L2TP_COUNTER_HEADER_SHORT;
	if (len < L2TP_CONTROL_HEADER)
		return -EBADMSG;
	header->length = (uint16_t)read_number(bytes + 2, 2);
	header->tunnel_id = (uint16_t)read_number(bytes + 4, 2);
	header->session_id = (uint16_t)read_number(bytes + 6, 2);
	header->ns = (uint16_t)read_number(bytes + 8, 2);
	header->nr = (uint16_t)read_number(bytes + 10, 2);
	*reason = L2TP_COUNTER_HEADER_LENGTH;
	if (header->length < L2TP_CONTROL_HEADER || header->length > len)
		return -EBADMSG;
	*reason = L2TP_COUNTER_MESSAGE_TOO_LONG;
	return header->length <= L2TP_MESSAGE_MAX ? 0 : -EBADMSG;
}

void l2tp_header_encode(const struct l2tp_header *header, uint8_t *bytes)
{
	const uint16_t words[] = {CONTROL_FLAGS, header->length, header->tunnel_id,
		header->session_id, header->ns, header->nr};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		bytes[2 * i] = words[i] >> 8;
		bytes[2 * i + 1] = words[i] & 0xff;
	}
}

/* The first fault is the one that is answered. */
static void message_fault(struct l2tp_message *msg, enum l2tp_counter reason, uint16_t error,
	const struct l2tp_avp *avp)
{
	if (msg->fault.reason != L2TP_COUNTER_MAX)
		return;
	msg->fault = (struct l2tp_fault){.reason = reason, .error = error};
	if (avp != NULL) {
		msg->fault.vendor = avp->vendor;
		msg->fault.attribute = avp->attribute;
	}
}

/* RFC 2661 sections 4.2 and 7.1: the M bit decides whether what cannot be used ends anything. */
static void message_skip(struct l2tp_message *msg, enum l2tp_counter reason, uint16_t error,
	const struct l2tp_avp *avp)
{
	if (avp->flags & L2TP_AVP_MANDATORY)
		message_fault(msg, reason, error, avp);
	else
		msg->ignored++;
}

static void field_number(void *field, const uint8_t *value, size_t width)
{
	uint64_t v = read_number(value, width);

	switch (width) {
	case 2:
		*(uint16_t *)field = (uint16_t)v;
		break;
	case 4:
		*(uint32_t *)field = (uint32_t)v;
		break;
	default:
		*(uint64_t *)field = v;
		break;
	}
}

static void message_result(struct l2tp_message *msg, const struct l2tp_avp *avp)
{
	msg->result = (uint16_t)read_number(avp->value, 2);
	if (avp->len >= 4)
		msg->error = (uint16_t)read_number(avp->value + 2, 2);
	if (avp->len > 4)
		msg->error_message = (struct l2tp_bytes){avp->value + 4, avp->len - 4};
}

static void message_cause(struct l2tp_message *msg, const struct l2tp_avp *avp)
{
	msg->cause.code = (uint16_t)read_number(avp->value, 2);
	msg->cause.protocol = (uint16_t)read_number(avp->value + 2, 2);
	msg->cause.direction = avp->value[4];
	if (avp->len > 5)
		msg->cause.message = (struct l2tp_bytes){avp->value + 5, avp->len - 5};
}

static void message_update(struct l2tp_message *msg, const struct l2tp_avp *avp)
{
	if (msg->speed_count == L2TP_SPEEDS_MAX) {
		msg->ignored++;
		return;
	}
	msg->speed[msg->speed_count++] = (struct l2tp_speed_update){
		.session_id = (uint16_t)read_number(avp->value + 2, 2),
		.tx = (uint32_t)read_number(avp->value + 4, 4),
		.rx = (uint32_t)read_number(avp->value + 8, 4),
	};
}

/* Store an AVP whose value is in the clear and long enough for its rule. */
static void message_store(
	struct l2tp_message *msg, const struct avp_rule *rule, const struct l2tp_avp *avp)
{
	void *field = (uint8_t *)msg + rule->field;

	switch (rule->kind) {
	case AVP_NUMBER:
		field_number(field, avp->value, rule->min);
		break;
	case AVP_SPEED:
		*(uint64_t *)field = read_number(avp->value, avp->len >= 8 ? 8 : 4);
		break;
	case AVP_BYTES:
		*(struct l2tp_bytes *)field = (struct l2tp_bytes){avp->value, avp->len};
		break;
	case AVP_RESULT:
		message_result(msg, avp);
		break;
	case AVP_ERRORS:
		for (unsigned i = 0; i < 6; i++)
			msg->call_errors[i] = (uint32_t)read_number(avp->value + 2 + 4 * i, 4);
		break;
	case AVP_ACCM:
		msg->accm_send = (uint32_t)read_number(avp->value + 2, 4);
		msg->accm_receive = (uint32_t)read_number(avp->value + 6, 4);
		break;
	case AVP_CAUSE:
		message_cause(msg, avp);
		break;
	case AVP_UPDATE:
		message_update(msg, avp);
		break;
	default:
		break;
	}
}

static void message_ietf(struct l2tp_message *msg, const struct l2tp_avp *avp)
{
	const struct avp_rule *rule = avp->attribute < L2TP_AVP_MAX ? &rules[avp->attribute]
								    : &rules[20];

	if (rule->kind == AVP_UNKNOWN) {
		message_skip(msg, L2TP_COUNTER_AVP_UNKNOWN_MANDATORY, L2TP_ERROR_UNKNOWN_AVP, avp);
		return;
	}
	if (avp->len < rule->min) {
		message_skip(msg, L2TP_COUNTER_AVP_LENGTH, L2TP_ERROR_LENGTH, avp);
		return;
	}
	if (l2tp_message_has(msg, avp->attribute) && rule->kind != AVP_UPDATE &&
		rule->kind != AVP_IGNORED) {
		msg->repeated++;
		return;
	}
	msg->present[avp->attribute / 64] |= UINT64_C(1) << (avp->attribute % 64);
	message_store(msg, rule, avp);
}

static void message_line(struct l2tp_message *msg, const struct l2tp_avp *avp)
{
	for (unsigned i = 0; i < msg->line_count; i++) {
		if (msg->line[i].attribute == avp->attribute) {
			msg->repeated++;
			return;
		}
	}
	if (msg->line_count == L2TP_LINE_AVPS_MAX) {
		msg->ignored++;
		return;
	}
	msg->line[msg->line_count].attribute = avp->attribute;
	msg->line[msg->line_count].value = (struct l2tp_bytes){avp->value, avp->len};
	msg->line_count++;
}

/* Where hidden AVPs get their key stream from, and where their plain values go. */
struct revealer {
	const uint8_t *secret;
	size_t secret_len;
	const uint8_t *vector; /* NULL until a Random Vector AVP came */
	size_t vector_len;
	uint8_t *scratch;
};

/* Replace avp's value by the deciphered one. */
static int reveal(struct revealer *r, struct l2tp_avp *avp)
{
	int len;

	if (r->secret == NULL || r->vector == NULL)
		return -ENOKEY;
	len = l2tp_hidden_reveal(avp->attribute, r->secret, r->secret_len, r->vector, r->vector_len,
		avp->value, avp->len, r->scratch);
	if (len < 0)
		return len;
	/* all values together are shorter than the message, and scratch is as long as the longest */
	avp->value = r->scratch + 2;
	r->scratch += avp->len;
	avp->len = (uint16_t)len;
	avp->flags &= (uint16_t)~L2TP_AVP_HIDDEN;
	return 0;
}

static void message_avp(struct l2tp_message *msg, struct revealer *r, struct l2tp_avp *avp)
{
	bool known_vendor = avp->vendor == L2TP_VENDOR_IETF || avp->vendor == L2TP_VENDOR_DSL_FORUM;

	if (!known_vendor || (avp->flags & L2TP_AVP_RESERVED)) {
		message_skip(msg, L2TP_COUNTER_AVP_UNKNOWN_MANDATORY, L2TP_ERROR_UNKNOWN_AVP, avp);
		return;
	}
	if (avp->flags & L2TP_AVP_HIDDEN) {
		if (r->secret == NULL)
			msg->undeciphered = true;
		if (reveal(r, avp) < 0) {
			message_skip(msg, L2TP_COUNTER_AVP_HIDDEN, L2TP_ERROR_VALUE, avp);
			return;
		}
	} else if (avp->vendor == L2TP_VENDOR_IETF && avp->attribute == L2TP_AVP_RANDOM_VECTOR &&
		avp->len > 0) {
		r->vector = avp->value;
		r->vector_len = avp->len;
	}
	if (avp->vendor == L2TP_VENDOR_IETF)
		message_ietf(msg, avp);
	else
		message_line(msg, avp);
}

void l2tp_message_decode(struct l2tp_message *msg, const uint8_t *bytes, size_t len,
	const uint8_t *secret, size_t secret_len, uint8_t *scratch)
{
	const uint8_t *p = bytes + L2TP_CONTROL_HEADER, *end = bytes + len;
	struct revealer r = {.secret = secret, .secret_len = secret_len, .scratch = scratch};
	struct l2tp_avp avp;
	unsigned count = 0;
	int ret;

	/* the two arrays at the end are valid up to their counts only */
	memset(msg, 0, offsetof(struct l2tp_message, line));
	msg->ignored = msg->repeated = 0;
	msg->fault.reason = L2TP_COUNTER_MAX;
	if (len <= L2TP_CONTROL_HEADER || len > L2TP_MESSAGE_MAX) {
		message_fault(msg, L2TP_COUNTER_AVP_MISSING, L2TP_ERROR_LENGTH, NULL);
		return;
	}
	while ((ret = l2tp_avp_next(&avp, &p, end)) > 0) {
		bool is_type = avp.vendor == L2TP_VENDOR_IETF &&
			avp.attribute == L2TP_AVP_MESSAGE_TYPE &&
			!(avp.flags & (L2TP_AVP_HIDDEN | L2TP_AVP_RESERVED)) && avp.len >= 2;

		if (count == 0 && !is_type) {
			message_fault(msg, L2TP_COUNTER_MESSAGE_TYPE_FIRST, L2TP_ERROR_VALUE, &avp);
			return;
		}
		if (count == 0)
			msg->type_mandatory = avp.flags & L2TP_AVP_MANDATORY;
		if (++count > L2TP_AVPS_MAX) {
			message_fault(msg, L2TP_COUNTER_AVP_TOO_MANY, L2TP_ERROR_LENGTH, &avp);
			return;
		}
		message_avp(msg, &r, &avp);
	}
	if (ret < 0)
		message_fault(msg, L2TP_COUNTER_AVP_LENGTH, L2TP_ERROR_LENGTH, NULL);
}

const char *l2tp_message_name(unsigned type)
{
	static const char *const names[] = {
		[L2TP_SCCRQ] = "SCCRQ",
		[L2TP_SCCRP] = "SCCRP",
		[L2TP_SCCCN] = "SCCCN",
		[L2TP_STOPCCN] = "StopCCN",
		[L2TP_HELLO] = "HELLO",
		[L2TP_OCRQ] = "OCRQ",
		[L2TP_OCRP] = "OCRP",
		[L2TP_OCCN] = "OCCN",
		[L2TP_ICRQ] = "ICRQ",
		[L2TP_ICRP] = "ICRP",
		[L2TP_ICCN] = "ICCN",
		[L2TP_CDN] = "CDN",
		[L2TP_WEN] = "WEN",
		[L2TP_SLI] = "SLI",
		[L2TP_CSUN] = "CSUN",
		[L2TP_CSURQ] = "CSURQ",
	};

	if (type >= sizeof(names) / sizeof(names[0]) || names[type] == NULL)
		return "unknown";
	return names[type];
}
