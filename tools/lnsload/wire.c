/* SPDX-License-Identifier: BSD-3-Clause */
/* L2TPv2 codec of the LAC: bounded reading, no state. */
#include "wire.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/md5.h>

#include <errno.h>

#include "bytes.h"

#define FLAG_T    0x8000u
#define FLAG_L    0x4000u
#define FLAG_S    0x0800u
#define FLAG_O    0x0200u
#define AVP_M     0x8000u
#define AVP_H     0x4000u
#define AVP_RSVD  0x3c00u
#define AVP_LEN   0x03ffu
#define AVP_HDR   6u
#define MD5_BLOCK 16u

int wire_header_parse(const uint8_t *packet, size_t len, struct wire_header *h)
{
	const uint8_t *p = packet;
	const uint8_t *end = packet + len;
	uint16_t flags;

	if (len < 6)
		return -EBADMSG;
	flags = get_be16(p);
	p += 2;
	if ((flags & 0x000f) != 2)
		return -EBADMSG;
	h->control = flags & FLAG_T;
	h->sequenced = flags & FLAG_S;
	if (h->control && (flags & (FLAG_L | FLAG_S | FLAG_O)) != (FLAG_L | FLAG_S))
		return -EBADMSG;
	if (flags & FLAG_L) {
		size_t length = get_be16(p);

		p += 2;
		if (length > len || length < (size_t)(p - packet))
			return -EBADMSG;
		end = packet + length;
	}
	if (end - p < 4 + (h->sequenced ? 4 : 0) + (flags & FLAG_O ? 2 : 0))
		return -EBADMSG;
	h->tunnel_id = get_be16(p);
	h->session_id = get_be16(p + 2);
	p += 4;
	h->ns = h->nr = 0;
	if (h->sequenced) {
		h->ns = get_be16(p);
		h->nr = get_be16(p + 2);
		p += 4;
	}
	if (flags & FLAG_O) {
		size_t offset = get_be16(p);

		p += 2;
		if (offset > (size_t)(end - p))
			return -EBADMSG;
		p += offset;
	}
	h->body = p;
	h->body_len = (size_t)(end - p);
	return 0;
}

void wire_control_header(
	uint8_t *out, size_t len, uint16_t tunnel_id, uint16_t session_id, uint16_t ns, uint16_t nr)
{
	put_be16(out, FLAG_T | FLAG_L | FLAG_S | 2);
	put_be16(out + 2, (uint16_t)len);
	put_be16(out + 4, tunnel_id);
	put_be16(out + 6, session_id);
	put_be16(out + 8, ns);
	put_be16(out + 10, nr);
}

static uint8_t *wire_reserve(struct wire_builder *b, uint16_t flags, uint16_t type, size_t len)
{
	uint8_t *p = b->buffer + b->len;

	if (b->failed || len > AVP_LEN - AVP_HDR || len + AVP_HDR > b->capacity - b->len) {
		b->failed = true;
		return NULL;
	}
	put_be16(p, (uint16_t)(flags | (len + AVP_HDR)));
	put_be16(p + 2, 0);
	put_be16(p + 4, type);
	b->len += len + AVP_HDR;
	return p + AVP_HDR;
}

void wire_put(struct wire_builder *b, bool mandatory, uint16_t type, const void *value, size_t len)
{
	uint8_t *p = wire_reserve(b, mandatory ? AVP_M : 0, type, len);

	if (p != NULL && len > 0)
		memcpy(p, value, len);
}

void wire_put_string(struct wire_builder *b, bool mandatory, uint16_t type, const char *value)
{
	wire_put(b, mandatory, type, value, strlen(value));
}

void wire_put_u16(struct wire_builder *b, bool mandatory, uint16_t type, uint16_t value)
{
	uint8_t v[2];

	put_be16(v, value);
	wire_put(b, mandatory, type, v, sizeof(v));
}

void wire_put_u32(struct wire_builder *b, bool mandatory, uint16_t type, uint32_t value)
{
	uint8_t v[4];

	put_be32(v, value);
	wire_put(b, mandatory, type, v, sizeof(v));
}

void wire_begin(struct wire_builder *b, uint8_t *buffer, size_t capacity, enum wire_type type)
{
	b->buffer = buffer;
	b->capacity = capacity;
	b->len = 0;
	b->failed = false;
	wire_put_u16(b, true, AVP_MESSAGE_TYPE, (uint16_t)type);
}

/*
 * Section 4.3: b1 = MD5(type, secret, vector), c1 = p1 xor b1; bi = MD5(secret, c(i-1)). The same
 * walk hides and reveals; only which side is the ciphertext differs.
 */
static void wire_cipher(uint8_t *data, size_t len, uint16_t type, const char *secret,
	const uint8_t *vector, size_t vector_len, bool hide)
{
	uint8_t pad[MD5_BLOCK], cipher[MD5_BLOCK], t[2];
	MD5_CTX md5;

	put_be16(t, type);
	MD5_Init(&md5);
	MD5_Update(&md5, t, sizeof(t));
	MD5_Update(&md5, secret, strlen(secret));
	MD5_Update(&md5, vector, vector_len);
	MD5_Final(pad, &md5);
	while (len > 0) {
		size_t n = len < MD5_BLOCK ? len : MD5_BLOCK;

		for (size_t i = 0; i < n; i++) {
			uint8_t mixed = data[i] ^ pad[i];

			cipher[i] = hide ? mixed : data[i];
			data[i] = mixed;
		}
		MD5_Init(&md5);
		MD5_Update(&md5, secret, strlen(secret));
		MD5_Update(&md5, cipher, n);
		MD5_Final(pad, &md5);
		data += n;
		len -= n;
	}
}

void wire_put_hidden(struct wire_builder *b, bool mandatory, uint16_t type, const void *value,
	size_t len, const char *secret, const uint8_t *vector, size_t vector_len)
{
	uint8_t *p = wire_reserve(b, (mandatory ? AVP_M : 0) | AVP_H, type, len + 2);

	if (p == NULL)
		return;
	put_be16(p, (uint16_t)len);
	memcpy(p + 2, value, len);
	wire_cipher(p, len + 2, type, secret, vector, vector_len, true);
}

void wire_challenge_response(
	uint8_t id, const char *secret, const uint8_t *challenge, size_t len, uint8_t out[16])
{
	MD5_CTX md5;

	MD5_Init(&md5);
	MD5_Update(&md5, &id, 1);
	MD5_Update(&md5, secret, strlen(secret));
	MD5_Update(&md5, challenge, len);
	MD5_Final(out, &md5);
}

struct wire_avp {
	uint16_t type;
	bool mandatory;
	const uint8_t *value;
	size_t len;
};

static enum wire_error wire_reveal(struct wire_message *m, struct wire_avp *a, const char *secret,
	const uint8_t *vector, size_t vector_len)
{
	uint8_t *out = m->scratch + m->scratch_len;
	size_t length;

	if (secret == NULL || vector == NULL || a->len < 2 ||
		a->len > sizeof(m->scratch) - m->scratch_len)
		return WIRE_BAD_HIDDEN;
	memcpy(out, a->value, a->len);
	wire_cipher(out, a->len, a->type, secret, vector, vector_len, false);
	length = get_be16(out);
	if (length > a->len - 2)
		return WIRE_BAD_HIDDEN;
	m->scratch_len += a->len;
	a->value = out + 2;
	a->len = length;
	return WIRE_OK;
}

static bool wire_read_u16(const struct wire_avp *a, bool *has, uint16_t *out)
{
	if (a->len != 2)
		return false;
	*has = true;
	*out = get_be16(a->value);
	return true;
}

static bool wire_message_avp(struct wire_message *m, const struct wire_avp *a)
{
	switch (a->type) {
	case AVP_RESULT_CODE:
		if (a->len != 2 && a->len < 4)
			return false;
		m->has_result = true;
		m->result = get_be16(a->value);
		if (a->len >= 4) {
			m->has_error = true;
			m->error = get_be16(a->value + 2);
			m->error_text = a->value + 4;
			m->error_text_len = a->len - 4;
		}
		return true;
	case AVP_PROTOCOL_VERSION:
		return a->len == 2 && get_be16(a->value) == 0x0100;
	case AVP_ASSIGNED_TUNNEL_ID:
		return wire_read_u16(a, &m->has_tunnel_id, &m->tunnel_id) && m->tunnel_id != 0;
	case AVP_ASSIGNED_SESSION_ID:
		return wire_read_u16(a, &m->has_session_id, &m->session_id);
	case AVP_RECEIVE_WINDOW_SIZE:
		return wire_read_u16(a, &m->has_window, &m->window) && m->window != 0;
	case AVP_HOST_NAME:
		m->host_name = a->value;
		m->host_name_len = a->len;
		return a->len > 0;
	case AVP_CHALLENGE:
		m->challenge = a->value;
		m->challenge_len = a->len;
		return a->len > 0;
	case AVP_CHALLENGE_RESPONSE:
		m->response = a->value;
		m->response_len = a->len;
		return a->len == 16;
	case AVP_FRAMING_CAPABILITIES:
	case AVP_BEARER_CAPABILITIES:
		return a->len == 4;
	default:
		/* everything up to Sequencing Required is known, though nothing to act upon */
		if (a->mandatory && a->type > AVP_SEQUENCING_REQUIRED)
			m->unknown_mandatory = a->type;
		return true;
	}
}

static enum wire_error wire_message_complete(const struct wire_message *m)
{
	bool complete = true;

	switch (m->type) {
	case WIRE_SCCRP:
		complete = m->has_tunnel_id && m->host_name != NULL;
		break;
	case WIRE_ICRP:
		complete = m->has_session_id && m->session_id != 0;
		break;
	case WIRE_STOPCCN:
		complete = m->has_tunnel_id && m->has_result;
		break;
	case WIRE_CDN:
		complete = m->has_session_id && m->has_result;
		break;
	default:
		break;
	}
	return complete ? WIRE_OK : WIRE_MISSING_AVP;
}

enum wire_error wire_message_parse(
	const uint8_t *body, size_t len, const char *secret, struct wire_message *m)
{
	const uint8_t *p = body, *end = body + len;
	const uint8_t *vector = NULL;
	size_t vector_len = 0;

	memset(m, 0, offsetof(struct wire_message, scratch));
	m->scratch_len = 0;
	while (p < end) {
		struct wire_avp a;
		uint16_t flags;
		enum wire_error e;

		if (end - p < (ptrdiff_t)AVP_HDR)
			return WIRE_BAD_AVP;
		flags = get_be16(p);
		if ((flags & AVP_LEN) < AVP_HDR || (flags & AVP_LEN) > end - p || flags & AVP_RSVD)
			return WIRE_BAD_AVP;
		a.mandatory = flags & AVP_M;
		a.type = get_be16(p + 4);
		a.value = p + AVP_HDR;
		a.len = (flags & AVP_LEN) - AVP_HDR;
		if (p == body) {
			if (get_be16(p + 2) != 0 || a.type != AVP_MESSAGE_TYPE || a.len != 2 ||
				flags & AVP_H)
				return WIRE_BAD_FIRST_AVP;
			m->type = (enum wire_type)get_be16(a.value);
		} else if (get_be16(p + 2) != 0) {
			if (a.mandatory)
				m->unknown_mandatory = a.type;
		} else {
			if (flags & AVP_H && (e = wire_reveal(m, &a, secret, vector, vector_len)))
				return e;
			if (a.type == AVP_RANDOM_VECTOR) {
				vector = a.value;
				vector_len = a.len;
			} else if (!wire_message_avp(m, &a)) {
				return WIRE_BAD_AVP;
			}
		}
		p += flags & AVP_LEN;
	}
	return wire_message_complete(m);
}

const char *wire_error_name(enum wire_error e)
{
	static const char *const names[] = {"ok", "bad AVP", "first AVP is not a Message Type",
		"bad hidden AVP", "mandatory AVP missing"};

	return names[e];
}
