/* SPDX-License-Identifier: BSD-3-Clause */
/* The names of the drop reasons. */
#include <dataplane/drop.h>

#include <ctype.h>
#include <stddef.h>

#define DROP_NAME_MAX 32

static const char *const drop_texts[DROP_MAX] = {
#define X(name, text) text,
	DROP_REASONS(X)
#undef X
};

/* The enum's names; an operator reads and types them in lower case. */
static char drop_names[DROP_MAX][DROP_NAME_MAX] = {
#define X(name, text) #name,
	DROP_REASONS(X)
#undef X
};

__attribute__((constructor)) static void drop_names_lower(void)
{
	for (size_t i = 0; i < DROP_MAX; i++)
		for (char *c = drop_names[i]; *c != '\0'; c++)
			*c = (char)tolower((unsigned char)*c);
}

const char *drop_name(enum drop_reason reason)
{
	return (unsigned int)reason < DROP_MAX ? drop_names[reason] : "unknown";
}

const char *drop_text(enum drop_reason reason)
{
	return (unsigned int)reason < DROP_MAX ? drop_texts[reason] : "unknown reason";
}
