/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which worker owns a session: who has the least to do, by the sessions that it was given.
 *
 * The owner of a peer's SAs encrypts and decrypts for all of that peer's sessions, whoever owns these. So a session
 * inside ESP belongs there too, and needs no handoff, as long as that worker has no more to do than others; when
 * one peer fills it, its further sessions go to the others, which get the packets after decryption. Loads are
 * numbers of sessions: what they will send, nobody knows. Control core only.
 *
 * A session in the clear belongs to the worker whose queue its packets come by, for the same reason and within the same
 * limit; which that is shows its first frame.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define WORKER_LOAD_MAX     64
#define WORKER_LOAD_SESSION 1 /* L2TP, PPP, checks, forwarding, both ways */
#define WORKER_LOAD_ESP     3 /* of the same session: AES-GCM, packets of medium length */
#define WORKER_LOAD_SLACK \
	64 /* so much more may the SAs' owner, or the receiver, have before a session goes elsewhere */
#define WORKER_LOAD_CLEAR UINT8_MAX

struct worker_load {
	unsigned int n;    /* workers, 1..WORKER_LOAD_MAX */
	unsigned int next; /* the first to be asked: equals take turns */
	uint32_t load[WORKER_LOAD_MAX];
};

/* A session's owner, counted. esp: the owner of its SAs, or WORKER_LOAD_CLEAR. */
uint8_t worker_load_take(struct worker_load *load, uint8_t esp);
/* Has the worker not much more to do than others? */
bool worker_load_room(const struct worker_load *load, uint8_t worker);
/* A session in the clear, which owner has, arrives at another worker: is it to have it? If so, it is counted there. */
bool worker_load_move(struct worker_load *load, uint8_t owner, uint8_t arrival);
/* The session ended: the same two. */
void worker_load_give(struct worker_load *load, uint8_t owner, uint8_t esp);
