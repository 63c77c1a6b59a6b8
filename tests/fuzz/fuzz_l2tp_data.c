/* SPDX-License-Identifier: BSD-3-Clause */
/* The L2TP data header: whatever stands in it, what is said of it lies inside the datagram. */
#include "l2tp_input.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* a copy of exactly this size: reading one byte beyond it is seen */
	uint8_t *copy = malloc(size == 0 ? 1 : size);
	struct l2tp_header header;
	int reason;

	if (size > UINT16_MAX)
		size = UINT16_MAX;
	memcpy(copy, data, size);
	reason = l2tp_header_parse(copy, (uint32_t)size, &header);
	if (reason == DROP_NONE) {
		uint32_t least = 6 + (header.flags & L2TP_FLAG_LENGTH ? 2 : 0) +
			(header.flags & L2TP_FLAG_SEQUENCE ? 4 : 0) +
			(header.flags & L2TP_FLAG_OFFSET ? 2 : 0);

		if (header.length < least || header.length + header.payload > size)
			abort();
		if (!(header.flags & L2TP_FLAG_LENGTH) && header.length + header.payload != size)
			abort();
		if (!(header.flags & L2TP_FLAG_OFFSET) && header.length != least)
			abort();
		if ((header.flags & L2TP_VERSION_MASK) != 2)
			abort();
	} else if (reason != DROP_L2TP_TRUNCATED && reason != DROP_L2TP_VERSION) {
		abort();
	}
	free(copy);
	return 0;
}
