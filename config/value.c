/* SPDX-License-Identifier: BSD-3-Clause */
/* What a scalar of the configuration means: numbers, times, MAC and PCI addresses, names. */
#include "value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_DIGITS_MAX 18 /* always fits in 64 bits */
#define NEAREST_MAX       40 /* longer words are not compared */

static const char *digits_parse(const char *text, uint64_t *out)
{
	const char *p = text;
	uint64_t value = 0;

	for (; isdigit((unsigned char)*p) && p - text < NUMBER_DIGITS_MAX; p++)
		value = value * 10 + (*p - '0');
	if (p == text || (*text == '0' && p - text > 1))
		return NULL;
	*out = value;
	return p;
}

int value_number(const char *text, uint64_t *out)
{
	uint64_t value;
	const char *end = digits_parse(text, &value);

	if (!end || *end)
		return -EINVAL;
	*out = value;
	return 0;
}

int value_duration(const char *text, uint64_t *out)
{
	static const struct {
		const char *unit;
		unsigned int ms;
	} units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	uint64_t value;
	const char *end = digits_parse(text, &value);
	unsigned int i;

	if (!end || value > UINT64_MAX / 3600000)
		return -EINVAL;
	for (i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (!strcmp(end, units[i].unit)) {
			*out = value * units[i].ms;
			return 0;
		}
	}
	return -EINVAL;
}

char *value_duration_text(uint64_t ms, char *buffer)
{
	if (!ms)
		snprintf(buffer, VALUE_TEXT_MAX, "0");
	else if (ms % 3600000 == 0)
		snprintf(buffer, VALUE_TEXT_MAX, "%" PRIu64 "h", ms / 3600000);
	else if (ms % 60000 == 0)
		snprintf(buffer, VALUE_TEXT_MAX, "%" PRIu64 "m", ms / 60000);
	else if (ms % 1000 == 0)
		snprintf(buffer, VALUE_TEXT_MAX, "%" PRIu64 "s", ms / 1000);
	else
		snprintf(buffer, VALUE_TEXT_MAX, "%" PRIu64 "ms", ms);
	return buffer;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int value_mac(const char *text, uint8_t mac[6])
{
	unsigned int i;

	for (i = 0; i < 6; i++, text += 3) {
		int high = hex_digit(text[0]);
		int low = high < 0 ? -1 : hex_digit(text[1]);

		if (low < 0 || text[2] != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

/* Exactly n hexadecimal digits. */
static const char *hex_parse(const char *text, unsigned int n, unsigned int *out)
{
	unsigned int value = 0;

	for (; n; n--, text++) {
		int digit = hex_digit(*text);

		if (digit < 0)
			return NULL;
		value = value << 4 | (unsigned int)digit;
	}
	*out = value;
	return text;
}

int value_pci(const char *text, char out[VALUE_PCI_MAX], const char **end)
{
	unsigned int domain = 0, bus, device, function;
	const char *p = hex_parse(text, 4, &domain);

	if (p && *p == ':') {
		text = p + 1;
	} else {
		domain = 0;
	}
	p = hex_parse(text, 2, &bus);
	if (!p || *p != ':')
		return -EINVAL;
	p = hex_parse(p + 1, 2, &device);
	if (!p || *p != '.' || device > 0x1f)
		return -EINVAL;
	p = hex_parse(p + 1, 1, &function);
	if (!p || function > 7 || (*p && *p != ','))
		return -EINVAL;
	snprintf(out, VALUE_PCI_MAX, "%04x:%02x:%02x.%x", domain, bus, device, function);
	*end = p;
	return 0;
}

char *value_excerpt(const char *text, size_t length, char *buffer)
{
	size_t i, n = length < VALUE_TEXT_MAX - 4 ? length : VALUE_TEXT_MAX - 4;

	for (i = 0; i < n; i++)
		buffer[i] = isprint((unsigned char)text[i]) ? text[i] : '?';
	snprintf(buffer + n, 4, "%s", length > n ? "..." : "");
	return buffer;
}

/* Levenshtein's distance, in one row. */
static unsigned int word_distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b), i, j;
	unsigned int row[NEAREST_MAX + 1];

	if (la > NEAREST_MAX || lb > NEAREST_MAX)
		return NEAREST_MAX;
	for (j = 0; j <= lb; j++)
		row[j] = (unsigned int)j;
	for (i = 1; i <= la; i++) {
		unsigned int diagonal = row[0];

		row[0] = (unsigned int)i;
		for (j = 1; j <= lb; j++) {
			unsigned int best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

const char *value_nearest(const char *word, const char *const *words)
{
	const char *nearest = NULL;
	unsigned int best = (unsigned int)strlen(word) / 3 + 1, distance;

	for (; *words; words++) {
		/* Half a name counts as well: "hello" is meant for "hello-interval". */
		if (strlen(word) >= 3 && !strncmp(*words, word, strlen(word)))
			distance = 1;
		else
			distance = word_distance(word, *words);
		if (distance <= best && (!nearest || distance < best)) {
			best = distance;
			nearest = *words;
		}
	}
	return nearest;
}

bool value_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *resume = NULL;

	/* After a mismatch only the last '*' needs to take one more character. */
	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			resume = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}
