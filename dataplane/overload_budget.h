/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an overloaded worker keeps: how much of each kind of frame, and how that is shared between senders.
 *
 * Each kind has a bucket of its own that every frame looked at fills a little, so that what is kept is at most a part
 * of what comes, whoever sends it, and no kind takes another's. Within a kind, senders (a tunnel, a session, an SA) are
 * counted in windows of a sixteenth of a second, in slots by hash; the hash changes with the window, so that nobody
 * shares a slot with a flood for long. Who sent more than OVERLOAD_FAIR frames gets nothing of the lower half of a
 * bucket: that is for the others. PPP above its number is dropped in any case, since a session may not punt more
 * (punt.h).
 *
 * Written and read by the worker alone.
 */
#pragma once

#include <dataplane/drop.h>

#include <stdbool.h>
#include <stdint.h>

/* What a frame is, to a worker that cannot do everything. */
enum overload_class {
	OVERLOAD_DATA,   /* nothing of it is kept */
	OVERLOAD_L2TP,   /* control message of a known tunnel, from its peer; key: its id */
	OVERLOAD_PPP,    /* of a session, and not network data; key: tunnel and session id */
	OVERLOAD_MARKED, /* ESP of an SA of ours, CS6 or CS7 (RFC 4594, 3.1); key: SPI */
	OVERLOAD_SMALL,  /* the same, no longer than a HELLO or an echo; key: SPI */
	OVERLOAD_LINK,   /* ARP, neighbour discovery; key: interface */
	OVERLOAD_STRANGER, /* for ourselves, of no tunnel: SCCRQ, IKE, routing protocols; key: source */
	OVERLOAD_CLASSES
};

#define OVERLOAD_SLOTS (4096 + 5 * 1024)
/* In a window, of one sender. */
#define OVERLOAD_FAIR 32
/* A full bucket: what so many frames looked at give it. */
#define OVERLOAD_DEPTH 1024

struct overload_budget {
	uint32_t tokens[OVERLOAD_CLASSES]; /* of OVERLOAD_WHOLE each */
	uint32_t window; /* number of the present one, shifted to where slots have it */
	uint8_t shift;   /* of the clock, to windows */
	uint64_t seed;   /* of the hash in this window */
	uint32_t slots[OVERLOAD_SLOTS]; /* by class; window, frames in it */
};

/* All buckets full. tsc_hz: of the clock that overload_budget_look is given. */
void overload_budget_init(struct overload_budget *budget, uint64_t tsc_hz);
/* n frames more are looked at, at now. */
void overload_budget_look(struct overload_budget *budget, uint16_t n, uint64_t now);
/* One frame of this class and sender is there: true if it is kept. */
bool overload_budget_take(struct overload_budget *budget, enum overload_class class, uint32_t key);
/* overload_budget_take would refuse it; nothing is counted. */
bool overload_budget_refuses(
	const struct overload_budget *budget, enum overload_class class, uint32_t key);

/* The name under which a frame of this class is dropped. */
enum drop_reason overload_reason(enum overload_class class);
