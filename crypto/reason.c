/* SPDX-License-Identifier: BSD-3-Clause */
/* Why something could not be made, in words, for the caller of this thread to read (esp_reason). */
#include "reason.h"

#include <crypto/sa.h>

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char reason[200];

void reason_set(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
}

const char *esp_reason(void)
{
	return reason;
}
