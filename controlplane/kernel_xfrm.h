/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mirror of the kernel's security associations: whatever an IKE daemon, or ip(8), installs is put to use.
 *
 * Reads XFRM netlink (dump and events) in the TAPs' namespace into install_sa. Only ESP between an address of ours and
 * somebody else counts; inbound is where the destination is ours. Lost events (ENOBUFS) lead to a new dump, reconciled by
 * mark and sweep; after a restart the SAs come back by the dump.
 *
 * A rekeying makes the new outbound SA before the peer has its own half. strongSwan says by the policy, which names the
 * SPI, when it may be used: where policies name SAs, they are followed.
 *
 * What goes back: an outbound SA uses no number that the kernel has not acknowledged as used (XFRM_MSG_NEWAE with a
 * number ahead), so that a restart, which reads it in the dump, begins above all of the past. Counters, so that ip -s
 * xfrm state and the IKE daemon see traffic. XFRM_MSG_EXPIRE when a limit of bytes, packets or numbers comes near
 * (soft: the IKE daemon rekeys) or is reached (hard: the kernel deletes the SA). Limits in time are the kernel's own.
 *
 * Nothing here waits but sync. Control core only.
 */
#pragma once

#include "install_sa.h"
#include "kernel_netns.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel_xfrm;

struct kernel_xfrm_settings {
	struct install_sas *sas;
	uint32_t replay_window; /* of inbound SAs, unless theirs is larger */
	/* The VRF in which an address is ours; -1: it is not. */
	int (*vrf_of)(void *user, uint8_t family, const uint8_t address[16]);
	void *user;
};

/*
 * A kernel without XFRM is no error: the mirror then does nothing, has no descriptor, and says so once. NULL: a
 * sentence in error.
 */
struct kernel_xfrm *kernel_xfrm_create(const struct kernel_xfrm_settings *settings,
	struct kernel_netns *netns, char *error, size_t error_size);
/* On sockets of somebody else's, which it then owns: events and dumps; requests and acknowledgements. NULL: ENOMEM. */
struct kernel_xfrm *kernel_xfrm_create_on(
	const struct kernel_xfrm_settings *settings, int events, int requests);
/* Writes the last counters back. The SAs stay in the kernel; install_sas is not touched. */
void kernel_xfrm_destroy(struct kernel_xfrm *xfrm);

int kernel_xfrm_fd(const struct kernel_xfrm *xfrm); /* for epoll: EPOLLIN; -1: none */
/* Reads what there is, at most budget messages. Returns true if there is more. */
bool kernel_xfrm_read(struct kernel_xfrm *xfrm, unsigned int budget, uint64_t now);
/* Start-up: reads until the first dump is complete. 0, -ETIMEDOUT. */
int kernel_xfrm_sync(struct kernel_xfrm *xfrm, unsigned int timeout_ms);
/* Timed work, each SA once in KERNEL_XFRM_ROUND_MS. Call it every turn of the loop. */
#define KERNEL_XFRM_ROUND_MS 100
void kernel_xfrm_poll(struct kernel_xfrm *xfrm, uint64_t now);
/* Our addresses have changed: which SAs are ours is read again. */
void kernel_xfrm_addresses_changed(struct kernel_xfrm *xfrm);
void kernel_xfrm_replay_window(struct kernel_xfrm *xfrm, uint32_t window);
/*
 * What SAs may be has changed: those that were refused are tried again, as they are now and then anyway. Those whose
 * algorithm is not permitted any more stay as they are.
 */
void kernel_xfrm_retry(struct kernel_xfrm *xfrm);

/* Numbers reserved ahead: at least these, and what two seconds at the present rate take. */
#define KERNEL_XFRM_AHEAD (1u << 21)

struct kernel_xfrm_stats {
	bool available, synced;
	uint32_t sas;             /* of ours in the kernel, the refused ones too */
	uint64_t events, ignored; /* messages; of those about what is not ours */
	uint64_t malformed, overruns, dumps;
	uint64_t reservations,
		reservation_failures;        /* acknowledged; refused or without an answer */
	uint64_t soft_expires, hard_expires; /* sent */
	uint64_t updates;                    /* counters written back */
};
void kernel_xfrm_stats(const struct kernel_xfrm *xfrm, struct kernel_xfrm_stats *stats);
