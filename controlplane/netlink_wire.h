/* SPDX-License-Identifier: BSD-3-Clause */
/* The framing that all netlink families share (linux/netlink.h): messages, attributes, status; bounded, no state. */
#pragma once

#include <linux/netlink.h>

#include <stddef.h>
#include <stdint.h>

struct netlink_attribute {
	uint16_t type, length; /* without its flags; of the data */
	const uint8_t *data;
};

/* 1 and the next attribute, 0 at the end, -EBADMSG. */
int netlink_attribute_next(
	const uint8_t **p, const uint8_t *end, struct netlink_attribute *attribute);

/*
 * Takes one message at *p, copies its header and moves *p behind it. inside and inside_end: its payload. 0;
 * -EBADMSG: it does not fit before end (*p = end).
 */
int netlink_message_next(const uint8_t **p, const uint8_t *end, struct nlmsghdr *header,
	const uint8_t **inside, const uint8_t **inside_end);

/*
 * Of NLMSG_DONE and NLMSG_ERROR: the error, 0 or -errno; old kernels leave it out of the former. 0, -EBADMSG.
 */
int netlink_status(uint16_t type, const uint8_t *p, const uint8_t *end, int32_t *error);

/* 4 or 6; 0: neither AF_INET nor AF_INET6. */
uint8_t netlink_family(uint16_t af);
