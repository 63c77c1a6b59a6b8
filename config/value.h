/* SPDX-License-Identifier: BSD-3-Clause */
/* What a scalar of the configuration means: numbers, times, MAC and PCI addresses, names. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VALUE_TEXT_MAX 80
#define VALUE_PCI_MAX  16

/* Each is 0 or -EINVAL. */
int value_number(const char *text, uint64_t *out);   /* decimal digits, no leading zero */
int value_duration(const char *text, uint64_t *out); /* "20" = 20 s, "500ms", "60s", "5m", "1h" */
int value_mac(const char *text, uint8_t mac[6]);
/*
 * A PCI address, domain optional, in the form that DPDK names ports by: "0000:01:00.0". *end: what
 * follows it, a ',' or the NUL.
 */
int value_pci(const char *text, char out[VALUE_PCI_MAX], const char **end);

/* Milliseconds in the largest unit that divides them: "1m"; returns buffer (VALUE_TEXT_MAX). */
char *value_duration_text(uint64_t ms, char *buffer);
/* The first bytes of a text, control characters replaced, for an error line; returns buffer. */
char *value_excerpt(const char *text, size_t length, char *buffer);
/* The word of a NULL-terminated list that is most like the one given, NULL if none is close. */
const char *value_nearest(const char *word, const char *const *words);

/* Patterns with '*' (any text) and '?' (one character), in time bounded by the lengths' product. */
bool value_glob(const char *pattern, const char *text);
