/* SPDX-License-Identifier: BSD-3-Clause */
/* DHCPv6 messages as bytes (RFC 8415, 8 and 21), the UDP payload; no state. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DHCP6_CLIENT_PORT 546
#define DHCP6_SERVER_PORT 547
#define DHCP6_DUID_MAX    130 /* RFC 8415, 11.1 */
/* More options at one level than any client sends: nobody means well by it. */
#define DHCP6_OPTIONS_MAX 64

enum dhcp6_type {
	DHCP6_SOLICIT = 1,
	DHCP6_ADVERTISE,
	DHCP6_REQUEST,
	DHCP6_CONFIRM,
	DHCP6_RENEW,
	DHCP6_REBIND,
	DHCP6_REPLY,
	DHCP6_RELEASE,
	DHCP6_DECLINE,
	DHCP6_RECONFIGURE,
	DHCP6_INFORMATION_REQUEST,
	DHCP6_RELAY_FORW,
	DHCP6_RELAY_REPL,
};

enum dhcp6_option_type {
	DHCP6_OPTION_CLIENT_ID = 1,
	DHCP6_OPTION_SERVER_ID = 2,
	DHCP6_OPTION_IA_NA = 3,
	DHCP6_OPTION_IA_TA = 4,
	DHCP6_OPTION_IA_ADDRESS = 5,
	DHCP6_OPTION_ORO = 6,
	DHCP6_OPTION_PREFERENCE = 7,
	DHCP6_OPTION_AUTH = 11,
	DHCP6_OPTION_STATUS = 13,
	DHCP6_OPTION_RAPID_COMMIT = 14,
	DHCP6_OPTION_RECONF_MSG = 19,
	DHCP6_OPTION_RECONF_ACCEPT = 20,
	DHCP6_OPTION_DNS = 23,     /* RFC 3646 */
	DHCP6_OPTION_DOMAINS = 24, /* RFC 3646 */
	DHCP6_OPTION_IA_PD = 25,
	DHCP6_OPTION_IA_PREFIX = 26,
	DHCP6_OPTION_REFRESH_TIME = 32, /* of information */
};

enum dhcp6_status {
	DHCP6_SUCCESS = 0,
	DHCP6_NO_ADDRESSES = 2,
	DHCP6_NO_BINDING = 3,
	DHCP6_NOT_ON_LINK = 4,
	DHCP6_USE_MULTICAST = 5,
	DHCP6_NO_PREFIX = 6,
};

struct dhcp6_message {
	uint8_t type;
	uint8_t transaction[3];
	const uint8_t *options;
	size_t len; /* of options */
};

struct dhcp6_option {
	uint16_t type, len;
	const uint8_t *data;
};

/* An identity association; options holds what is inside. */
struct dhcp6_ia {
	uint16_t type; /* IA_NA, IA_TA, IA_PD */
	uint32_t iaid;
	const uint8_t *options;
	size_t len;
};

/* An address (length 128) or a prefix inside of an IA. */
struct dhcp6_lease_option {
	uint8_t addr[16];
	uint8_t length;
	uint32_t preferred, valid;
};

/*
 * False: too short, or its options' lengths do not add up, or there are more than DHCP6_OPTIONS_MAX. Of
 * relay messages only the type is read.
 */
bool dhcp6_parse(const uint8_t *bytes, size_t len, struct dhcp6_message *message);
/* The next option of a list; false at its end and at one that does not fit. */
bool dhcp6_option_next(const uint8_t **p, const uint8_t *end, struct dhcp6_option *option);
/* Do the options' lengths add up, and is their number within DHCP6_OPTIONS_MAX? */
bool dhcp6_options_fit(const uint8_t *options, size_t len);
/* False: too short, or what is inside does not fit. */
bool dhcp6_ia_parse(const struct dhcp6_option *option, struct dhcp6_ia *ia);
/* IA_ADDRESS or IA_PREFIX; false: another option, too short, or a prefix length above 128. */
bool dhcp6_lease_parse(const struct dhcp6_option *option, struct dhcp6_lease_option *lease);

/* Writing: nothing is written behind the end, full tells that something was missing. */
struct dhcp6_writer {
	uint8_t *start, *at, *end;
	bool full;
};

void dhcp6_writer_init(struct dhcp6_writer *writer, uint8_t *out, size_t room, uint8_t type,
	const uint8_t transaction[3]);
void dhcp6_put_option(struct dhcp6_writer *writer, uint16_t type, const void *data, size_t len);
/* Opens an option whose length is known when it is closed by the mark that this returns. */
size_t dhcp6_open(struct dhcp6_writer *writer, uint16_t type);
void dhcp6_close(struct dhcp6_writer *writer, size_t mark);
void dhcp6_put_bytes(struct dhcp6_writer *writer, const void *data, size_t len);
void dhcp6_put16(struct dhcp6_writer *writer, uint16_t value);
void dhcp6_put32(struct dhcp6_writer *writer, uint32_t value);
void dhcp6_put_status(struct dhcp6_writer *writer, enum dhcp6_status status, const char *text);
/* An IA_ADDRESS (length 128) or IA_PREFIX. */
void dhcp6_put_lease(
	struct dhcp6_writer *writer, bool prefix, const struct dhcp6_lease_option *lease);
/* Its length; 0 if something did not fit. */
size_t dhcp6_writer_finish(const struct dhcp6_writer *writer);
