/* SPDX-License-Identifier: BSD-3-Clause */
/* One AVP at a time (RFC 2661 section 4.1): a bounded reader and a bounded writer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "l2tp_wire.h"

#define L2TP_AVP_MANDATORY 0x8000
#define L2TP_AVP_HIDDEN    0x4000
#define L2TP_AVP_RESERVED  0x3c00

struct l2tp_avp {
	uint16_t flags; /* the six bits, in place */
	uint16_t vendor;
	uint16_t attribute;
	uint16_t len; /* of the value */
	const uint8_t *value;
};

/*
 * Read the AVP at *p and step over it. 1 = read, 0 = end reached, -EBADMSG = its length is below 6
 * or runs beyond end (*p then stays).
 */
int l2tp_avp_next(struct l2tp_avp *avp, const uint8_t **p, const uint8_t *end);

/*
 * Builds a message. What does not fit sets failed and writes nothing more: check it once, at the
 * end. The header's ids and numbers are filled by the channel when the message is sent.
 */
struct l2tp_writer {
	uint8_t *at, *end;
	uint8_t *begin;
	bool failed;
};

/* Start a message of this type: header (session_id in place) and Message Type AVP. */
void l2tp_writer_init(struct l2tp_writer *w, uint8_t *bytes, size_t size, uint16_t session_id,
	enum l2tp_message_type type);
/* Finish: writes the Length field; the message's length, or 0 if it did not fit. */
size_t l2tp_writer_finish(struct l2tp_writer *w);

void l2tp_write_bytes(
	struct l2tp_writer *w, bool mandatory, unsigned attribute, const void *value, size_t len);
void l2tp_write_vendor(struct l2tp_writer *w, bool mandatory, unsigned vendor, unsigned attribute,
	const void *value, size_t len);
void l2tp_write_u16(struct l2tp_writer *w, bool mandatory, unsigned attribute, uint16_t value);
void l2tp_write_u32(struct l2tp_writer *w, bool mandatory, unsigned attribute, uint32_t value);
void l2tp_write_u64(struct l2tp_writer *w, bool mandatory, unsigned attribute, uint64_t value);

/* Result Code, always with the error code (length >= 10), the text cut to what is sensible. */
void l2tp_write_result(struct l2tp_writer *w, uint16_t result, uint16_t error, const char *text);

/* PPP Disconnect Cause Code, RFC 3145. */
void l2tp_write_cause(struct l2tp_writer *w, const struct l2tp_cause *cause);

/* A hidden AVP; vector is the value of the Random Vector AVP that was written before it. */
void l2tp_write_hidden(struct l2tp_writer *w, bool mandatory, unsigned attribute, const void *value,
	size_t len, const uint8_t *secret, size_t secret_len, const uint8_t *vector,
	size_t vector_len, size_t padding);
