/* SPDX-License-Identifier: BSD-3-Clause */
/* Any file is read around its faults, and an entry that was read is written again the same. */
#include "radius_spool.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(size ? size : 1),
		again[RADIUS_SPOOL_HEADER + RADIUS_SPOOL_ENTRY_MAX];
	struct radius_spool_entry entry;
	const uint8_t *at, *before, *end;

	if (!bytes)
		return 0;
	if (size)
		memcpy(bytes, data, size);
	end = bytes + size;
	for (at = before = bytes; at < end; before = at) {
		if (!radius_spool_decode(&at, end, &entry)) {
			if (at != before)
				abort();
			at = radius_spool_resume(at, end);
			if (at <= before || at > end)
				abort();
			continue;
		}
		if (entry.attributes + entry.length != at)
			abort();
		/* a name with something behind its NUL is written without that */
		if (strlen(entry.session) == RADIUS_SPOOL_SESSION &&
			(radius_spool_encode(&entry, again, sizeof(again)) !=
					(size_t)(at - before) ||
				memcmp(again, before, (size_t)(at - before))))
			abort();
	}
	free(bytes);
	return 0;
}
