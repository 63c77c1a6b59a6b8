/* SPDX-License-Identifier: BSD-3-Clause */
/* Entries of the accounting spool as bytes. */
#include "radius_spool.h"

#include <rte_hash_crc.h>

#include <string.h>

#define MAGIC       0x4c4e5341 /* "LNSA" */
#define FIXED_BYTES (1 + 1 + 2 + 8 + 8 + RADIUS_SPOOL_SESSION)

static uint8_t *store(uint8_t *at, uint64_t value, unsigned int bytes)
{
	while (bytes--)
		*at++ = (uint8_t)(value >> 8 * bytes);
	return at;
}

static uint64_t load(const uint8_t **at, unsigned int bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | *(*at)++;
	return value;
}

size_t radius_spool_encode(const struct radius_spool_entry *entry, uint8_t *buffer, size_t size)
{
	size_t payload = FIXED_BYTES + entry->length;
	uint8_t *at = buffer + RADIUS_SPOOL_HEADER;

	if (RADIUS_SPOOL_HEADER + payload > size)
		return 0;
	*at++ = entry->kind;
	*at++ = entry->type;
	at = store(at, entry->length, 2);
	at = store(at, entry->number, 8);
	at = store(at, entry->event, 8);
	memset(at, 0, RADIUS_SPOOL_SESSION);
	memcpy(at, entry->session, strlen(entry->session));
	at += RADIUS_SPOOL_SESSION;
	if (entry->length)
		memcpy(at, entry->attributes, entry->length);
	at = store(buffer, MAGIC, 4);
	at = store(at, payload, 4);
	store(at, rte_hash_crc(buffer + RADIUS_SPOOL_HEADER, (uint32_t)payload, MAGIC), 4);
	return RADIUS_SPOOL_HEADER + payload;
}

const uint8_t *radius_spool_resume(const uint8_t *at, const uint8_t *end)
{
	uint8_t magic[4];
	const uint8_t *next;

	store(magic, MAGIC, sizeof(magic));
	next = at < end ? memmem(at + 1, (size_t)(end - at) - 1, magic, sizeof(magic)) : NULL;
	return next ? next : end;
}

bool radius_spool_decode(const uint8_t **from, const uint8_t *end, struct radius_spool_entry *entry)
{
	const uint8_t *at = *from;
	uint32_t payload, sum;

	if (end - at < RADIUS_SPOOL_HEADER || load(&at, 4) != MAGIC)
		return false;
	payload = (uint32_t)load(&at, 4);
	sum = (uint32_t)load(&at, 4);
	if (payload < FIXED_BYTES || payload > RADIUS_SPOOL_ENTRY_MAX ||
		payload > (size_t)(end - at) || rte_hash_crc(at, payload, MAGIC) != sum)
		return false;
	*entry = (struct radius_spool_entry){.kind = *at++};
	entry->type = *at++;
	entry->length = (uint16_t)load(&at, 2);
	entry->number = load(&at, 8);
	entry->event = load(&at, 8);
	memcpy(entry->session, at, RADIUS_SPOOL_SESSION);
	entry->attributes = at + RADIUS_SPOOL_SESSION;
	if (entry->length != payload - FIXED_BYTES)
		return false;
	*from = entry->attributes + entry->length;
	return true;
}
