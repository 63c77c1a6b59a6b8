/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * XFRM netlink messages: whatever the bytes, the parser moves on, stays inside, and what it returns is in bounds; what
 * it understood can be written back.
 */
#include "xfrm_wire.h"

#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(condition)          \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void check_key(const uint8_t *key, size_t length, const uint8_t *from, const uint8_t *to)
{
	check(!length || (key >= from && key <= to && length <= (size_t)(to - key)));
}

static void check_sa(const struct xfrm_sa *sa, const uint8_t *from, const uint8_t *to)
{
	check(sa->id.family == 4 || sa->id.family == 6);
	check(memchr(sa->refused, 0, sizeof(sa->refused)));
	for (const char *c = sa->refused; *c; c++)
		check(*c >= ' ' && *c < 0x7f);
	check_key(sa->key, sa->key_len, from, to);
	check_key(sa->auth_key, sa->auth_key_len, from, to);
	if (sa->larval || sa->refused[0] || sa->id.protocol != IPPROTO_ESP)
		return;
	check((unsigned int)sa->cipher < ESP_CIPHERS && (unsigned int)sa->auth < ESP_AUTHS);
	check(sa->mode <= XFRM_MODE_TUNNEL);
	check(sa->bitmap_words <= XFRM_BITMAP_WORDS);
}

static void check_written(const struct xfrm_sa *sa)
{
	const struct xfrm_update update = {.replay = true,
		.replay_esn = sa->replay_esn,
		.bitmap_words = sa->bitmap_words,
		.window = sa->window,
		.sent = sa->sent,
		.received = sa->received,
		.lifetime = true,
		.bytes = sa->bytes};
	_Alignas(8) uint8_t out[1024];
	struct xfrm_event back;
	const uint8_t *p = out;
	size_t n;

	check(xfrm_write_update(out, sizeof(out), 1, true, &sa->id, &update));
	check(xfrm_write_get(out, sizeof(out), 3, &sa->id));
	n = xfrm_write_expire(out, sizeof(out), 2, &sa->id, true);
	check(n && !xfrm_parse(&p, out + n, &back) && p == out + n);
	check(back.type == XFRM_EXPIRE && back.hard && back.sa.id.spi == sa->id.spi);
	check(back.sa.id.family == sa->id.family && back.sa.id.mark_mask == sa->id.mark_mask);
	check(!memcmp(back.sa.id.destination, sa->id.destination, sizeof(sa->id.destination)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *p = data, *end = data + size;

	while (p < end) {
		const uint8_t *before = p;
		struct xfrm_event event;
		int r = xfrm_parse(&p, end, &event);

		check(p > before && p <= end);
		check(r == 0 || event.type == XFRM_OTHER);
		if (event.type == XFRM_NEW) {
			check_sa(&event.sa, before, p);
			check_written(&event.sa);
		}
		if (event.type == XFRM_DELETE || event.type == XFRM_EXPIRE ||
			event.type == XFRM_POLICY)
			check(event.sa.id.family == 4 || event.sa.id.family == 6);
	}
	return 0;
}
