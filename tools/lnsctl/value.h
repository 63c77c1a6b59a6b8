/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values for people: grouped numbers, units, durations.
 */
#pragma once

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>

/* unit: the column's, as the daemon names it. Control characters never get through. Returns buffer. */
char *value_text(const json_t *value, const char *unit, char *buffer, size_t size);
/* Numbers stand on the right. */
bool value_is_number(const char *unit);
/* Characters, not bytes. */
size_t value_width(const char *text);
