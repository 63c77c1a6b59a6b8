/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the XFRM mirror share. */
#pragma once

#include "kernel_xfrm.h"
#include "xfrm_wire.h"

#define RETRY_MS    10000 /* what was refused is tried again */
#define PENDING_MAX 4096  /* reservations that wait for their acknowledgement */

/* One SA in the kernel that is ours. */
struct kernel_sa {
	struct kernel_sa *next; /* hash chain */
	uint32_t slot;          /* in the list of all */
	uint32_t mark;          /* of the dump that has shown it last */
	struct xfrm_id_key id;
	struct install_sa *sa;             /* NULL: no memory for it */
	uint8_t digest[INSTALL_SA_DIGEST]; /* of all that makes it another SA */
	bool esn, replay_esn, outbound;
	bool asked_again;          /* the kernel was asked for it again, since it was refused */
	uint64_t soft_at, hard_at; /* an expiry was sent last; 0: none was */
	uint64_t soft_first;
	uint64_t soft_packets;         /* seen at soft_at */
	uint64_t retry_at;             /* it was refused: when to try again */
	uint32_t bitmap_words, window; /* as the kernel has them */
	struct xfrm_limits limits;
	uint64_t base_bytes, base_packets; /* before we had it */
	uint64_t added, last_use;          /* seconds since 1970 */
	/* outbound: acknowledged by the kernel; asked for, 0: nothing; when to ask again */
	uint64_t reserved, asked, ask_again;
	uint32_t asked_seq;
	uint64_t last_sequence, last_look; /* for the rate */
	uint64_t written_packets, written_at;
};

struct kernel_xfrm {
	struct kernel_xfrm_settings settings;
	int events, requests; /* sockets; -1 */
	uint64_t now;
	uint32_t seq;
	uint8_t salt[32];
	struct kernel_sa **chains, **slots;
	uint32_t mask, n, size; /* of slots */
	/* the dump */
	bool dumping, interrupted, restart, synced;
	bool policies; /* it is the one of policies, which follows that of SAs */
	uint32_t dump_seq, mark;
	uint64_t dump_at; /* 0: none wanted */
	/* timed work */
	uint32_t round_at;
	uint64_t round_from;
	struct {
		uint32_t seq;
		struct xfrm_id_key id;
	} pending[PENDING_MAX]; /* by seq */
	struct kernel_xfrm_stats stats;
	uint64_t answer_by; /* until then acknowledgements may come */
	size_t batch_length;
	_Alignas(8) uint8_t batch[16384];
	_Alignas(8) uint8_t buffer[65536];
};

/* ---- kernel_xfrm.c ---- */
struct kernel_sa *kernel_sa_find(const struct kernel_xfrm *xfrm, const struct xfrm_id_key *id);
struct kernel_sa *kernel_sa_create(struct kernel_xfrm *xfrm, const struct xfrm_id_key *id);
void kernel_sa_remove(struct kernel_xfrm *xfrm, struct kernel_sa *sa);
/* Room for a message of at most 1 KiB in the next batch; after it is written, its length. */
uint8_t *batch_room(struct kernel_xfrm *xfrm, uint32_t *seq);
void batch_add(struct kernel_xfrm *xfrm, size_t length);
/* Sends what there is, and takes the acknowledgements that are there: the kernel answers at once. */
void batch_flush(struct kernel_xfrm *xfrm);

/* Asks the kernel for an SA, keys and all, as if it were new. */
void kernel_sa_ask(struct kernel_xfrm *xfrm, struct kernel_sa *sa);

/* ---- kernel_xfrm_sa.c ---- */
/* The kernel has told of an SA: puts it to use, or changes what is. */
void kernel_sa_set(struct kernel_xfrm *xfrm, const struct xfrm_sa *told, bool dumped);

/* ---- kernel_xfrm_life.c ---- */
/* The next numbers, if they are needed. */
void kernel_sa_reserve(struct kernel_xfrm *xfrm, struct kernel_sa *sa, uint64_t sequence);
void kernel_sa_acknowledged(struct kernel_xfrm *xfrm, uint32_t seq, int error);
/* Numbers, limits and counters of one SA. */
void kernel_sa_tend(struct kernel_xfrm *xfrm, struct kernel_sa *sa);
/* What has not been written back yet. */
void kernel_sa_write(struct kernel_xfrm *xfrm, struct kernel_sa *sa);
