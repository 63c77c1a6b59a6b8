/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many calls may wait for RADIUS: as many as its servers answer in time.
 *
 * A call that would wait longer than its peer has patience is better refused at once, with a CDN that says "temporary"
 * (RFC 2661 4.4.2, result 4): the LAC tries again, or another LNS. What the servers can do is what they did while more
 * was asked than they took. No I/O and no clock. Control core only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct admission {
	uint32_t
		waiting; /* calls taken whose subscriber is not yet let in or refused; its owner counts */
	uint32_t rate;       /* answers a second */
	uint64_t sampled_at; /* ms */
	uint64_t answers;    /* at that time */
	bool saturated;      /* at that time */
	uint64_t refused;    /* calls */
};

#define ADMISSION_LEAST 64 /* calls that may always wait */

struct admission_load {
	uint64_t answers; /* of all servers, ever */
	uint32_t queued;  /* requests that wait for room at a server */
	bool all_dead;
};

struct admission_limits {
	uint32_t max_waiting; /* calls */
	uint32_t deadline;    /* ms, of a request */
};

void admission_init(struct admission *admission, uint64_t now);
/* Every few hundred ms: what the servers can do. */
void admission_sample(struct admission *admission, uint64_t now, const struct admission_load *load);
/* May another call wait? Counts refusals. */
bool admission_ask(struct admission *admission, const struct admission_limits *limits);
