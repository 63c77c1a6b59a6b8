/* SPDX-License-Identifier: BSD-3-Clause */
/* From where a tunnel's messages are taken, and how it follows a peer that moved (RFC 3193). */
#include "l2tp_engine.h"

#include <string.h>

#define PROBE_MS       10000 /* how long a new address may take to answer the HELLO */
#define PROBE_AGAIN_MS 1000  /* between two probes */

/*
 * Could only the peer have sent this? Its Ns is exactly the one expected next and its Nr is one we
 * could have been sent: who does not see the tunnel's packets has to guess both, and the id.
 */
static bool header_plausible(const struct l2tp_tunnel *t, const struct l2tp_header *header)
{
	const struct l2tp_channel *ch = &t->channel;

	return header->ns == ch->nr &&
		(uint16_t)(header->nr - (uint16_t)ch->head) <= ch->sent - ch->head;
}

/* The entry for the new address must be the one for the old. */
static bool peer_same(struct l2tp_tunnel *t, const struct l2tp_path *path)
{
	struct l2tp_lns *lns = t->lns;
	const struct l2tp_peer *peer = lns->ops->peer_find(
		lns->user, path, (const uint8_t *)t->host_name, strlen(t->host_name));

	return peer != NULL && strcmp(peer->name, t->peer.name) == 0 &&
		!(peer->require_ipsec && path->sa_group == 0);
}

void path_move(struct l2tp_tunnel *t, uint64_t now, const struct l2tp_path *path)
{
	struct l2tp_lns *lns = t->lns;
	struct l2tp_path old = t->path;

	t->probing = false;
	if (table_move(lns, t, path) < 0) {
		lns_count(lns, L2TP_COUNTER_NO_MEMORY);
		return;
	}
	lns_count(lns, L2TP_COUNTER_TUNNEL_MOVED);
	lns->ops->tunnel_moved(lns->user, t, &old);
	/* what went to the old address is lost */
	l2tp_channel_resend(&t->channel, now);
}

static void probe_start(struct l2tp_tunnel *t, uint64_t now, const struct l2tp_path *path)
{
	struct l2tp_writer w;
	uint8_t bytes[L2TP_CONTROL_HEADER + 8];

	if (now < t->probe_again || !peer_same(t, path)) {
		lns_count(t->lns, L2TP_COUNTER_TUNNEL_WRONG_PATH);
		return;
	}
	lns_count(t->lns, L2TP_COUNTER_TUNNEL_MOVE_PROBED);
	t->probing = true;
	t->probe = *path;
	t->probe_until = now + PROBE_MS;
	t->probe_again = now + PROBE_AGAIN_MS;
	t->probe_number = t->channel.total;
	l2tp_writer_init(&w, bytes, sizeof(bytes), 0, L2TP_HELLO);
	tunnel_queue(t, now, &w);
	/* until one side answers, everything goes to both addresses, also what is in flight */
	l2tp_channel_resend(&t->channel, now);
}

/* A message from the address on trial: only its acknowledgment counts. */
static bool probe_answer(struct l2tp_tunnel *t, uint64_t now, const struct l2tp_header *header)
{
	struct l2tp_path path = t->probe;

	if (header_plausible(t, header) || l2tp_ns_old(header->ns, t->channel.nr))
		l2tp_channel_acked(&t->channel, now, header->nr);
	if (t->channel.head <= t->probe_number) {
		tunnel_settle(t, now);
		return false;
	}
	path_move(t, now, &path);
	return true;
}

void path_confirm(struct l2tp_tunnel *t)
{
	if (!t->probing)
		return;
	t->probing = false;
	lns_count(t->lns, L2TP_COUNTER_TUNNEL_MOVE_REFUSED);
}

/*
 * The IKE daemon has authenticated somebody at the address of the tunnel's peer, whose own SAs have all ended. It is the
 * peer, with new keys, if it knows the tunnel's numbers, which nobody else has seen: 2^32 pairs, few of them right. Who
 * guesses, at whichever tunnel, is not listened to for long; the tunnel's peer still is.
 */
static bool path_follows(
	struct l2tp_tunnel *t, const struct l2tp_path *path, const struct l2tp_header *header)
{
	const struct l2tp_lns *lns = t->lns;

	if (path->sa_group == 0 || t->path.sa_group == 0 || t->state != L2TP_TUNNEL_ESTABLISHED ||
		lns->ops->path_follows == NULL ||
		!lns->ops->path_follows(lns->user, &t->path, path))
		return false;
	if (header_plausible(t, header))
		return true;
	lns->ops->path_missed(lns->user, path);
	return false;
}

bool path_admit(struct l2tp_tunnel *t, uint64_t now, const struct l2tp_path *path,
	const struct l2tp_header *header)
{
	struct l2tp_lns *lns = t->lns;

	if (l2tp_path_equal(path, &t->path))
		return true;
	if (path->sa_group != t->path.sa_group && !path_follows(t, path, header)) {
		lns_count(lns, L2TP_COUNTER_TUNNEL_WRONG_SA);
		return false;
	}
	if (path->vrf != t->path.vrf || t->state > L2TP_TUNNEL_ESTABLISHED) {
		lns_count(lns, L2TP_COUNTER_TUNNEL_WRONG_PATH);
		return false;
	}
	/* IPsec says who sent it; what is new moves the tunnel, old packets under way do not */
	if (path->sa_group != 0) {
		if (!header_plausible(t, header)) {
			lns_count(lns, L2TP_COUNTER_TUNNEL_WRONG_PATH);
			return false;
		}
		path_move(t, now, path);
		return true;
	}
	/* the LAC answers from another port: the port is learnt if the SCCCN is accepted */
	if (t->state == L2TP_TUNNEL_WAIT_CTL_CONN) {
		if (path_same_address(path, &t->path) && header_plausible(t, header) &&
			header->length > L2TP_CONTROL_HEADER)
			return true;
		lns_count(lns, L2TP_COUNTER_TUNNEL_WRONG_PATH);
		return false;
	}
	if (t->probing && l2tp_path_equal(path, &t->probe))
		return probe_answer(t, now, header);
	if (!header_plausible(t, header)) {
		lns_count(lns, L2TP_COUNTER_TUNNEL_WRONG_PATH);
		return false;
	}
	if (t->probing)
		lns_count(lns, L2TP_COUNTER_TUNNEL_WRONG_PATH);
	else
		probe_start(t, now, path);
	tunnel_settle(t, now);
	return false;
}
