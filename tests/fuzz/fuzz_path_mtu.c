/* SPDX-License-Identifier: BSD-3-Clause */
/* Any frame that the kernel is going to get: what is read as Packet Too Big stays in it and is one. */
#include "path_mtu.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Most inputs would not go beyond their checksum. */
static void checksum_set(uint8_t *frame, size_t size)
{
	size_t payload = size < 58 ? 0 : (size_t)frame[18] << 8 | frame[19];
	uint64_t sum = payload + 58;

	if (size < 62 || payload > size - 54 || !(frame[57] & 1))
		return;
	frame[56] = frame[57] = 0;
	for (size_t i = 22; i < 54 + payload; i++)
		sum += i & 1 ? frame[i] : (uint64_t)frame[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = ~sum & 0xffff;
	frame[56] = (uint8_t)(sum >> 8);
	frame[57] = (uint8_t)sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* exactly as much as is promised, so that one byte more is seen */
	uint8_t *frame = malloc(size ? size : 1);
	struct path_mtu_notice notice;

	memcpy(frame, data, size);
	checksum_set(frame, size);
	if (path_mtu_read(frame, size, &notice) == 0 &&
		(notice.esp ? !notice.spi && frame[68] != 50 && frame[102] != 50
			    : notice.local_port != 1701))
		abort();
	free(frame);
	return 0;
}
