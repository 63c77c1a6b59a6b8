/* SPDX-License-Identifier: BSD-3-Clause */
/* Domain names as labels. */
#include "dns_name.h"

#include <string.h>

/* 0 if it is no name, or longer than room. */
static size_t name_put(uint8_t *out, size_t room, const char *name)
{
	size_t used = 0;

	while (*name) {
		size_t label = strcspn(name, ".");

		if (!label || label > 63 || used + 1 + label + 1 > room)
			return 0;
		out[used++] = (uint8_t)label;
		memcpy(out + used, name, label);
		used += label;
		name += label;
		if (*name == '.')
			name++;
	}
	if (!used || used + 1 > DNS_NAME_MAX)
		return 0;
	out[used++] = 0;
	return used;
}

size_t dns_names_put(uint8_t *out, size_t room, char *const *names, unsigned int n)
{
	size_t used = 0;

	for (unsigned int i = 0; i < n; i++) {
		size_t length = name_put(out + used, room - used, names[i]);

		if (!length)
			break;
		used += length;
	}
	return used;
}
