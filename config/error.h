/* SPDX-License-Identifier: BSD-3-Clause */
/* Collects error lines. */
#pragma once

#include <config/config.h>

#include <stdarg.h>

#define CONFIG_ERRORS_MAX 10000 /* lines kept of one load; a last line says that there are more */

/* Adds one formatted line; out of memory loses the text, never the count's being above 0. */
void config_errors_add(struct config_errors *errors, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Adds "FILE:LINE:COLUMN: FIELD: " and the formatted text. */
void config_errors_at(struct config_errors *errors, const char *file, unsigned int line,
	unsigned int column, const char *field, const char *format, va_list args)
	__attribute__((format(printf, 6, 0)));
