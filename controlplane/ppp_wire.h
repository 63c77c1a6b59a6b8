/* SPDX-License-Identifier: BSD-3-Clause */
/* PPP frames, control packets and option lists as bytes (RFC 1661 sections 2, 5 and 6). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ppp_protocol {
	PPP_IPV4 = 0x0021,
	PPP_IPV6 = 0x0057,
	PPP_IPCP = 0x8021,
	PPP_IPV6CP = 0x8057,
	PPP_CCP = 0x80fd,
	PPP_LCP = 0xc021,
	PPP_PAP = 0xc023,
	PPP_CHAP = 0xc223,
	PPP_EAP = 0xc227,
};

/* RFC 1661 section 5; the codes up to 7 are shared by all control protocols. */
enum ppp_code {
	PPP_CONFIGURE_REQUEST = 1,
	PPP_CONFIGURE_ACK = 2,
	PPP_CONFIGURE_NAK = 3,
	PPP_CONFIGURE_REJECT = 4,
	PPP_TERMINATE_REQUEST = 5,
	PPP_TERMINATE_ACK = 6,
	PPP_CODE_REJECT = 7,
	PPP_PROTOCOL_REJECT = 8,
	PPP_ECHO_REQUEST = 9,
	PPP_ECHO_REPLY = 10,
	PPP_DISCARD_REQUEST = 11,
	PPP_IDENTIFICATION = 12, /* RFC 1570 */
	PPP_TIME_REMAINING = 13,
};

#define PPP_HEADER_LEN 4 /* Code, Identifier, Length */
/* More options in one packet than there are types in use: nobody means well by it. */
#define PPP_OPTIONS_MAX 32
/* Longest Information field that is ever sent. */
#define PPP_INFO_MAX 1500

enum ppp_wire_error {
	PPP_WIRE_OK,
	PPP_WIRE_SHORT_FRAME,
	PPP_WIRE_BAD_PROTOCOL,
	PPP_WIRE_BAD_LENGTH,
	PPP_WIRE_OPTION_LENGTH,
	PPP_WIRE_TOO_MANY_OPTIONS,
};

/* Views into the frame that was parsed. */
struct ppp_frame {
	uint16_t protocol;
	const uint8_t *info;
	size_t len;
};

struct ppp_packet {
	uint8_t code;
	uint8_t id;
	const uint8_t *body;
	size_t len; /* of body: the Length field less the header; padding is cut off */
};

struct ppp_option {
	uint8_t type;
	uint8_t len; /* of data */
	const uint8_t *data;
};

/* Skips ff 03 when it is there and takes a protocol field of one or two bytes. */
enum ppp_wire_error ppp_frame_parse(const uint8_t *bytes, size_t len, struct ppp_frame *frame);
enum ppp_wire_error ppp_packet_parse(const uint8_t *bytes, size_t len, struct ppp_packet *packet);
/* Are all options' lengths possible and is their number within PPP_OPTIONS_MAX? */
enum ppp_wire_error ppp_options_check(const uint8_t *options, size_t len);
/* The next option of a list; false at its end and at an option that does not fit. */
bool ppp_option_next(const uint8_t **p, const uint8_t *end, struct ppp_option *option);
/* Writes a frame's header; returns its length, 2 to 4. */
size_t ppp_frame_header(uint8_t out[4], uint16_t protocol, bool address_control);

/* The answer to a Configure-Request while its options are judged: everything to reject, everything
 * to Nak. Options that do not fit into room are left out; the peer's next request has them again. */
struct ppp_reply {
	size_t room;
	size_t reject_len;
	size_t nak_len;
	bool exhausted; /* Max-Failure is reached: what would be Nak'ed is rejected */
	bool converted; /* and that happened */
	uint8_t reject[PPP_INFO_MAX];
	uint8_t nak[PPP_INFO_MAX];
};

void ppp_reply_init(struct ppp_reply *reply, size_t room, bool exhausted);
void ppp_reply_reject(struct ppp_reply *reply, const struct ppp_option *option);
/* option: the peer's, NULL when it did not send one (then nothing is left to reject). */
void ppp_reply_nak(struct ppp_reply *reply, const struct ppp_option *option, uint8_t type,
	const void *data, size_t len);
/* The code to answer with, and its options (options: the request's, for an Ack). */
uint8_t ppp_reply_finish(const struct ppp_reply *reply, const uint8_t **options, size_t *len);

/* Appends an option; returns the bytes written, 0 when there is no room. */
size_t ppp_option_put(uint8_t *out, size_t room, uint8_t type, const void *data, size_t len);

static inline uint16_t ppp_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t ppp_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void ppp_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void ppp_put32(uint8_t *p, uint32_t v)
{
	ppp_put16(p, (uint16_t)(v >> 16));
	ppp_put16(p + 2, (uint16_t)v);
}
