/* SPDX-License-Identifier: BSD-3-Clause */
/* What an SA in use needs again and again: numbers ahead, a look at its limits, its counters in the kernel. */
#include "kernel_xfrm_private.h"
#include "log.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define AHEAD_MS   2000  /* numbers for so long at the present rate */
#define ANSWER_MS  1000  /* an acknowledgement that has not come by then is lost */
#define COUNTER_MS 10000 /* counters are written back no more often */
/* Nobody answers an expiry. The IKE daemon may have been restarting, or the message may be lost. */
#define SOFT_AGAIN_MS 60000
#define HARD_AGAIN_MS 10000
#define USED_UP_MS    30000 /* for the IKE daemon to rekey what cannot be used, before it is ended */

static uint64_t owner_read(const uint64_t *value)
{
	return __atomic_load_n(value, __ATOMIC_RELAXED);
}

/* ---- numbers ---- */

static void reserve_send(struct kernel_xfrm *xfrm, struct kernel_sa *sa, uint64_t upto)
{
	const struct xfrm_update update = {
		.replay = true,
		.replay_esn = sa->replay_esn,
		.bitmap_words = sa->bitmap_words,
		.window = sa->window,
		.sent = upto,
	};
	uint8_t *room = batch_room(xfrm, &sa->asked_seq);

	batch_add(xfrm, xfrm_write_update(room, 1024, sa->asked_seq, true, &sa->id, &update));
	sa->asked = upto;
	sa->ask_again = xfrm->now + ANSWER_MS;
	xfrm->answer_by = sa->ask_again;
	xfrm->pending[sa->asked_seq % PENDING_MAX].seq = sa->asked_seq;
	xfrm->pending[sa->asked_seq % PENDING_MAX].id = sa->id;
}

void kernel_sa_reserve(struct kernel_xfrm *xfrm, struct kernel_sa *sa, uint64_t sequence)
{
	uint64_t elapsed = xfrm->now - sa->last_look;
	uint64_t used = sequence > sa->last_sequence ? sequence - sa->last_sequence : 0;
	uint64_t ahead = elapsed ? used * AHEAD_MS / elapsed : 0;
	uint64_t last = sa->esn ? UINT64_MAX : UINT32_MAX;

	if (ahead < KERNEL_XFRM_AHEAD)
		ahead = KERNEL_XFRM_AHEAD;
	if (sa->asked && xfrm->now >= sa->ask_again) {
		xfrm->stats.reservation_failures++;
		log_ratelimited(LOG_LEVEL_WARNING, NULL,
			"SA 0x%08x: the kernel did not acknowledge sequence numbers", sa->id.spi);
		sa->asked = 0;
	}
	if (sa->asked || xfrm->now < sa->ask_again || sequence >= last || sa->reserved >= last ||
		(sa->reserved > sequence && sa->reserved - sequence >= ahead / 2))
		return;
	reserve_send(xfrm, sa, last - sequence > ahead ? sequence + ahead : last);
}

void kernel_sa_acknowledged(struct kernel_xfrm *xfrm, uint32_t seq, int error)
{
	struct kernel_sa *sa;

	if (xfrm->pending[seq % PENDING_MAX].seq != seq)
		return; /* counters, an expiry: nobody waits */
	sa = kernel_sa_find(xfrm, &xfrm->pending[seq % PENDING_MAX].id);
	xfrm->pending[seq % PENDING_MAX].seq = 0;
	if (!sa || sa->asked_seq != seq || !sa->asked)
		return;
	if (error) {
		xfrm->stats.reservation_failures++;
		sa->asked = 0; /* and again at ask_again */
		if (error == -ESRCH)
			xfrm->dump_at = xfrm->dump_at ? xfrm->dump_at : xfrm->now + 1;
		log_ratelimited(LOG_LEVEL_WARNING, NULL,
			"SA 0x%08x: the kernel refused sequence numbers: %s", sa->id.spi,
			strerror(-error));
		return;
	}
	xfrm->stats.reservations++;
	sa->reserved = sa->asked;
	sa->asked = 0;
	sa->ask_again = 0;
	if (sa->sa && sa->sa->sa)
		sa_raise_limit(sa->sa->sa, sa->reserved);
}

/* ---- limits ---- */

static void expire_send(struct kernel_xfrm *xfrm, struct kernel_sa *sa, bool hard)
{
	uint32_t seq;
	uint8_t *room = batch_room(xfrm, &seq);

	batch_add(xfrm, xfrm_write_expire(room, 1024, seq, &sa->id, hard));
}

/* Still in the way: of an SA that another one has replaced nothing more has to be said. */
static bool soft_again(const struct kernel_xfrm *xfrm, const struct kernel_sa *sa, uint64_t packets)
{
	if (xfrm->now - sa->soft_at < SOFT_AGAIN_MS)
		return false;
	if (sa->outbound && sa->sa->state == INSTALL_SA_LIVE)
		return install_sa_in_use(xfrm->settings.sas, sa->sa);
	return sa->outbound || packets != sa->soft_packets;
}

static void expire_soft(
	struct kernel_xfrm *xfrm, struct kernel_sa *sa, uint64_t packets, const char *why)
{
	if (sa->soft_at && !soft_again(xfrm, sa, packets))
		return;
	expire_send(xfrm, sa, false);
	if (!sa->soft_at) {
		sa->soft_first = xfrm->now;
		xfrm->stats.soft_expires++;
		log_info(NULL, "SA 0x%08x wants to be rekeyed: %s", sa->id.spi, why);
	}
	sa->soft_at = xfrm->now;
	sa->soft_packets = packets;
}

static void expire_hard(struct kernel_xfrm *xfrm, struct kernel_sa *sa, const char *why)
{
	if (sa->hard_at && xfrm->now - sa->hard_at < HARD_AGAIN_MS)
		return;
	expire_send(xfrm, sa, true);
	if (!sa->hard_at) {
		xfrm->stats.hard_expires++;
		log_warning(NULL, "SA 0x%08x ends: %s", sa->id.spi, why);
		install_sa_stop(xfrm->settings.sas, sa->sa, why, xfrm->now);
	}
	sa->hard_at = xfrm->now;
}

static void limits_check(struct kernel_xfrm *xfrm, struct kernel_sa *sa, uint64_t bytes,
	uint64_t packets, uint64_t sequence)
{
	uint64_t last = sa->esn ? UINT64_MAX : UINT32_MAX;

	/* a quarter is left for the IKE daemon to answer: without ESN 107 s at 10 million packets a second */
	if (sa->outbound && sequence >= last - last / 4)
		expire_soft(xfrm, sa, packets, "sequence numbers run out");
	if (bytes >= sa->limits.soft_bytes)
		expire_soft(xfrm, sa, packets, "its soft limit of bytes");
	if (packets >= sa->limits.soft_packets)
		expire_soft(xfrm, sa, packets, "its soft limit of packets");
	if (sa->outbound && sequence >= last)
		expire_hard(xfrm, sa, "its last sequence number is used");
	else if (bytes >= sa->limits.hard_bytes)
		expire_hard(xfrm, sa, "its limit of bytes");
	else if (packets >= sa->limits.hard_packets)
		expire_hard(xfrm, sa, "its limit of packets");
}

/* ---- counters ---- */

static void counters_write(struct kernel_xfrm *xfrm, struct kernel_sa *sa, uint64_t bytes,
	uint64_t packets, uint64_t received)
{
	struct xfrm_update update = {
		.lifetime = true,
		.bytes = bytes,
		.packets = packets,
		.added = sa->added,
		.last_use = sa->last_use,
		/* outbound numbers are reservations and go their own way */
		.replay = !sa->outbound,
		.replay_esn = sa->replay_esn,
		.bitmap_words = sa->bitmap_words,
		.window = sa->window,
		.received = received,
	};
	uint32_t seq;
	uint8_t *room = batch_room(xfrm, &seq);

	if (!sa->replay_esn && received > UINT32_MAX)
		update.replay = false;
	batch_add(xfrm, xfrm_write_update(room, 1024, seq, false, &sa->id, &update));
	sa->written_packets = packets;
	sa->written_at = xfrm->now;
	xfrm->stats.updates++;
}

void kernel_sa_write(struct kernel_xfrm *xfrm, struct kernel_sa *sa)
{
	const struct sa_state *state;
	uint64_t packets;

	if (!sa->sa || !sa->sa->sa || sa->sa->state == INSTALL_SA_REFUSED)
		return;
	state = &sa->sa->sa->state;
	packets = sa->base_packets + owner_read(&state->packets);
	if (packets != sa->written_packets && packets != sa->base_packets)
		counters_write(xfrm, sa, sa->base_bytes + owner_read(&state->bytes), packets,
			owner_read(&state->replay.top));
}

/* Refused, ended, or there was no memory for it. */
static void tend_unused(struct kernel_xfrm *xfrm, struct kernel_sa *sa)
{
	if (sa->sa && sa->sa->used_up) {
		expire_soft(xfrm, sa, 0, sa->sa->reason);
		if (xfrm->now - sa->soft_first >= USED_UP_MS)
			expire_hard(xfrm, sa, sa->sa->reason);
		return;
	}
	if (sa->hard_at) { /* and the kernel has not deleted it */
		expire_hard(xfrm, sa, sa->sa->reason);
		return;
	}
	if (sa->sa && (sa->sa->state != INSTALL_SA_REFUSED || sa->sa->final))
		return;
	if (xfrm->now < sa->retry_at || !install_sas_room(xfrm->settings.sas))
		return;
	sa->retry_at = xfrm->now + RETRY_MS;
	kernel_sa_ask(xfrm, sa);
}

void kernel_sa_tend(struct kernel_xfrm *xfrm, struct kernel_sa *sa)
{
	const struct sa_state *state;
	uint64_t bytes, packets, sequence;

	if (!sa->sa || sa->sa->state != INSTALL_SA_LIVE) {
		tend_unused(xfrm, sa);
		return;
	}
	if (sa->sa->held_until && xfrm->now >= sa->sa->held_until)
		install_sa_named(xfrm->settings.sas, sa->sa, xfrm->now);
	state = &sa->sa->sa->state;
	bytes = sa->base_bytes + owner_read(&state->bytes);
	packets = sa->base_packets + owner_read(&state->packets);
	sequence = owner_read(&state->sequence);
	if (sa->outbound)
		kernel_sa_reserve(xfrm, sa, sequence);
	sa->last_sequence = sequence;
	sa->last_look = xfrm->now;
	if (packets != sa->written_packets && packets != sa->base_packets &&
		xfrm->now - sa->written_at >= COUNTER_MS) {
		sa->last_use = (uint64_t)time(NULL);
		kernel_sa_write(xfrm, sa);
	}
	limits_check(xfrm, sa, bytes, packets, sequence);
}
