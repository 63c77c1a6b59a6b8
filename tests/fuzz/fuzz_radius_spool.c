/* SPDX-License-Identifier: BSD-3-Clause */
/* Any file is read up to its first fault, and an entry that was read is written again the same. */
#include "radius_spool.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(size ? size : 1),
		again[RADIUS_SPOOL_HEADER + RADIUS_SPOOL_ENTRY_MAX];
	struct radius_spool_entry entry;
	const uint8_t *at, *before;

	if (!bytes)
		return 0;
	if (size)
		memcpy(bytes, data, size);
	at = before = bytes;
	while (radius_spool_decode(&at, bytes + size, &entry)) {
		size_t length = (size_t)(at - before);

		if (entry.attributes + entry.length != at)
			abort();
		/* a name with something behind its NUL is written without that */
		if (strlen(entry.session) == RADIUS_SPOOL_SESSION &&
			(radius_spool_encode(&entry, again, sizeof(again)) != length ||
				memcmp(again, before, length)))
			abort();
		before = at;
	}
	free(bytes);
	return 0;
}
