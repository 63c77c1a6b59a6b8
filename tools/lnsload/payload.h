/* SPDX-License-Identifier: BSD-3-Clause */
/* What lnsload's test packets carry, so that a receiver can tell everything that went wrong. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PAYLOAD_HEADER 32u
#define PAYLOAD_MAX    1500u

enum payload_direction {
	PAYLOAD_UP = 1,
	PAYLOAD_DOWN = 2,
};

enum payload_kind {
	PAYLOAD_DATA = 0,
	PAYLOAD_PROBE = 1,     /* MTU probe, outside of the sequence */
	PAYLOAD_QUERY = 2,     /* asks a reflector for its counters of the session */
	PAYLOAD_REPORT_OF = 3, /* the answer */
};

/*
 * On the wire, big-endian: magic, run, session, sequence (32 bits each), send time (64 bits,
 * CLOCK_REALTIME in ns), direction, kind (8 bits), answer (16 bits), check (32 bits, over all of
 * the above and the length); then filler that every receiver knows.
 */
struct payload {
	uint32_t run; /* drawn at start: packets of another run are told apart */
	uint32_t session;
	uint32_t sequence;
	uint64_t sent_ns;
	uint8_t direction;
	uint8_t kind;
	uint16_t answer; /* inner IP size that a reflector shall answer with, 0: none */
};

enum payload_error {
	PAYLOAD_OK = 0,
	PAYLOAD_FOREIGN, /* not from lnsload at all */
	PAYLOAD_CORRUPT,
};

/* Once, before anything else. */
void payload_init(void);
/* Writes PAYLOAD_HEADER bytes; total is the length of the whole payload with its filler. */
void payload_write(uint8_t *out, const struct payload *p, size_t total);
enum payload_error payload_parse(const uint8_t *data, size_t len, struct payload *p);
/* The filler that follows the header, PAYLOAD_MAX bytes. */
const uint8_t *payload_filler(void);
/* One's complement sum of the first len bytes of the filler (it starts at an even offset). */
uint32_t payload_filler_sum(size_t len);

/* A reflector's counters of one session: behind the header of a PAYLOAD_REPORT_OF packet. */
struct payload_report {
	uint32_t received, reordered, duplicated, corrupt;
	uint64_t bytes;
	uint32_t sent; /* answers sent */
	uint64_t sent_bytes;
};

#define PAYLOAD_REPORT_SIZE 36u

void payload_report_write(uint8_t out[PAYLOAD_REPORT_SIZE], const struct payload_report *r);
void payload_report_read(const uint8_t in[PAYLOAD_REPORT_SIZE], struct payload_report *r);
