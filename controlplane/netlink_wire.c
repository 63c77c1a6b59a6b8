/* SPDX-License-Identifier: BSD-3-Clause */
/* Netlink's own framing. */
#include "netlink_wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int netlink_attribute_next(
	const uint8_t **p, const uint8_t *end, struct netlink_attribute *attribute)
{
	uint16_t length, type;
	size_t left = (size_t)(end - *p), step;

	if (left == 0)
		return 0;
	if (left < 4)
		return -EBADMSG;
	memcpy(&length, *p, 2);
	memcpy(&type, *p + 2, 2);
	if (length < 4 || length > left)
		return -EBADMSG;
	attribute->type = type & NLA_TYPE_MASK;
	attribute->length = (uint16_t)(length - 4);
	attribute->data = *p + 4;
	step = NLA_ALIGN((size_t)length);
	*p += step < left ? step : left;
	return 1;
}

int netlink_message_next(const uint8_t **p, const uint8_t *end, struct nlmsghdr *header,
	const uint8_t **inside, const uint8_t **inside_end)
{
	size_t left = (size_t)(end - *p), step;

	if (left < sizeof(*header))
		goto broken;
	memcpy(header, *p, sizeof(*header));
	if (header->nlmsg_len < sizeof(*header) || header->nlmsg_len > left)
		goto broken;
	*inside = *p + sizeof(*header);
	*inside_end = *p + header->nlmsg_len;
	step = NLMSG_ALIGN((size_t)header->nlmsg_len);
	*p += step < left ? step : left;
	return 0;

broken:
	*p = end;
	return -EBADMSG;
}

int netlink_status(uint16_t type, const uint8_t *p, const uint8_t *end, int32_t *error)
{
	if (type == NLMSG_DONE && p == end)
		return 0;
	if (end - p < 4)
		return -EBADMSG;
	memcpy(error, p, 4);
	return 0;
}

uint8_t netlink_family(uint16_t af)
{
	return af == AF_INET ? 4 : af == AF_INET6 ? 6 : 0;
}
