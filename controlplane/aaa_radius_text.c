/* SPDX-License-Identifier: BSD-3-Clause */
/* Texts that RADIUS attributes hold. */
#include "aaa_radius_text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#define WORD_MAX 64
#define RATE_MAX UINT64_C(400000000000)

/* The next word between blanks; false at the end, or if it is longer than anything sensible. */
static bool word_next(const uint8_t **at, const uint8_t *end, char word[WORD_MAX])
{
	size_t n = 0;

	while (*at < end && isblank(**at))
		++*at;
	while (*at < end && !isblank(**at)) {
		if (!isgraph(**at) || n == WORD_MAX - 1)
			return false;
		word[n++] = (char)*(*at)++;
	}
	word[n] = '\0';
	return n > 0;
}

static bool number_parse(const char *text, size_t length, uint64_t most, uint64_t *number)
{
	*number = 0;
	if (!length)
		return false;
	for (; length; length--, text++) {
		if (!isdigit((unsigned char)*text))
			return false;
		*number = *number * 10 + (uint64_t)(*text - '0');
		if (*number > most)
			return false;
	}
	return true;
}

static bool address_parse(const char *text, struct ip_addr *address)
{
	*address = (struct ip_addr){.family = 4};
	return inet_pton(AF_INET, text, address->bytes) == 1;
}

static uint8_t class_length(uint8_t first)
{
	return first < 128 ? 8 : first < 192 ? 16 : 24;
}

bool aaa_route_parse(
	const uint8_t *text, size_t length, struct config_route *route, struct ip_addr *gateway)
{
	const uint8_t *end = text + length;
	char word[WORD_MAX], *slash;
	uint64_t number;
	uint32_t host;

	*route = (struct config_route){0};
	*gateway = (struct ip_addr){.family = 4};
	while (length && !end[-1])
		end--, length--; /* some servers send the NUL */
	if (!word_next(&text, end, word))
		return false;
	slash = strchr(word, '/');
	if (slash)
		*slash = '\0';
	if (!address_parse(word, &route->prefix.addr))
		return false;
	route->prefix.length = class_length(route->prefix.addr.bytes[0]);
	if (slash) {
		if (!number_parse(slash + 1, strlen(slash + 1), 32, &number) || !number)
			return false;
		route->prefix.length = (uint8_t)number;
	}
	memcpy(&host, route->prefix.addr.bytes, sizeof(host));
	if (route->prefix.length < 32 && ntohl(host) & UINT32_MAX >> route->prefix.length)
		return false;
	if (word_next(&text, end, word) && !address_parse(word, gateway))
		return false;
	/* several metrics may follow: the first counts */
	for (unsigned int n = 0; word_next(&text, end, word); n++) {
		if (!number_parse(word, strlen(word), UINT32_MAX, &number))
			return false;
		if (!n)
			route->metric = (uint32_t)number;
	}
	return text == end;
}

bool aaa_rate_parse(const char *text, size_t length, uint64_t *rate)
{
	static const char units[] = "kKmMgG";
	const char *unit = length ? memchr(units, text[length - 1], sizeof(units) - 1) : NULL;
	uint64_t factor = 1;

	if (unit) {
		length--;
		for (ptrdiff_t i = (unit - units) / 2; i >= 0; i--)
			factor *= 1000;
	}
	if (!number_parse(text, length, RATE_MAX / factor, rate))
		return false;
	*rate *= factor;
	return true;
}

bool aaa_rate_limit_parse(const uint8_t *text, size_t length, uint64_t *up, uint64_t *down)
{
	const uint8_t *end = text + length;
	char word[WORD_MAX], *slash;

	if (!word_next(&text, end, word))
		return false;
	slash = strchr(word, '/');
	if (!slash) {
		if (!aaa_rate_parse(word, strlen(word), up))
			return false;
		*down = *up;
		return true;
	}
	return aaa_rate_parse(word, (size_t)(slash - word), up) &&
		aaa_rate_parse(slash + 1, strlen(slash + 1), down);
}
