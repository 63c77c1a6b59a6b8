/* SPDX-License-Identifier: BSD-3-Clause */
/* Test payload: header with checksum, filler from a table. */
#include "payload.h"

#include "bytes.h"

#define PAYLOAD_MAGIC 0x4c4e534cu /* LNSL */

static uint8_t filler[PAYLOAD_MAX];
static uint32_t filler_sum[PAYLOAD_MAX + 1];

void payload_init(void)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < PAYLOAD_MAX; i++) {
		filler[i] = (uint8_t)(i * 131 + (i >> 8) * 29 + 7);
		filler_sum[i] = sum;
		sum += i & 1 ? filler[i] : (uint32_t)filler[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	filler_sum[PAYLOAD_MAX] = sum;
}

const uint8_t *payload_filler(void)
{
	return filler;
}

uint32_t payload_filler_sum(size_t len)
{
	return filler_sum[len];
}

/* Multiply and fold: every bit of the header changes about half of the result's. */
static uint32_t payload_check(const uint8_t *header, size_t total)
{
	uint64_t h = 0x2545f4914f6cdd1du ^ total;

	for (unsigned i = 0; i < 28; i += 4) {
		h = (h ^ get_be32(header + i)) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

void payload_write(uint8_t *out, const struct payload *p, size_t total)
{
	put_be32(out, PAYLOAD_MAGIC);
	put_be32(out + 4, p->run);
	put_be32(out + 8, p->session);
	put_be32(out + 12, p->sequence);
	put_be64(out + 16, p->sent_ns);
	out[24] = p->direction;
	out[25] = p->kind;
	put_be16(out + 26, p->answer);
	put_be32(out + 28, payload_check(out, total));
}

enum payload_error payload_parse(const uint8_t *data, size_t len, struct payload *p)
{
	size_t skip = PAYLOAD_HEADER;

	if (len < PAYLOAD_HEADER || get_be32(data) != PAYLOAD_MAGIC)
		return PAYLOAD_FOREIGN;
	if (len > PAYLOAD_HEADER + PAYLOAD_MAX || get_be32(data + 28) != payload_check(data, len))
		return PAYLOAD_CORRUPT;
	p->run = get_be32(data + 4);
	p->session = get_be32(data + 8);
	p->sequence = get_be32(data + 12);
	p->sent_ns = get_be64(data + 16);
	p->direction = data[24];
	p->kind = data[25];
	p->answer = get_be16(data + 26);
	if (p->kind == PAYLOAD_REPORT_OF)
		skip += PAYLOAD_REPORT_SIZE;
	if (len < skip || memcmp(data + skip, filler + (skip - PAYLOAD_HEADER), len - skip) != 0)
		return PAYLOAD_CORRUPT;
	return PAYLOAD_OK;
}

void payload_report_write(uint8_t out[PAYLOAD_REPORT_SIZE], const struct payload_report *r)
{
	put_be32(out, r->received);
	put_be32(out + 4, r->reordered);
	put_be32(out + 8, r->duplicated);
	put_be32(out + 12, r->corrupt);
	put_be64(out + 16, r->bytes);
	put_be32(out + 24, r->sent);
	put_be64(out + 28, r->sent_bytes);
}

void payload_report_read(const uint8_t in[PAYLOAD_REPORT_SIZE], struct payload_report *r)
{
	r->received = get_be32(in);
	r->reordered = get_be32(in + 4);
	r->duplicated = get_be32(in + 8);
	r->corrupt = get_be32(in + 12);
	r->bytes = get_be64(in + 16);
	r->sent = get_be32(in + 24);
	r->sent_bytes = get_be64(in + 28);
}
