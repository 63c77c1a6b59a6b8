/* SPDX-License-Identifier: BSD-3-Clause */
/* From an SCCRQ to an established tunnel: SCCRP, SCCCN, authentication, the LAC that came back. */
#include "l2tp_engine.h"

#include "l2tp_hidden.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SESSION_BITS       4  /* slots for sessions to start with: 16 */
#define SETUP_WINDOW       32 /* kept out of order before the peer has proved itself */
#define SETUP_HOLD_BYTES   16384
#define FRAMING_ASYNC_SYNC 3
#define PROTOCOL_VERSION   0x0100
#define STALE_ASKED_MAX    64 /* tunnels looked at when a LAC comes back */
#define STALE_QUIET_MS     5000

static char *printable(const struct l2tp_bytes *bytes)
{
	char *text = malloc((size_t)bytes->len + 1);

	if (text == NULL)
		return NULL;
	for (unsigned i = 0; i < bytes->len; i++)
		text[i] = bytes->at[i] >= 0x20 && bytes->at[i] < 0x7f ? (char)bytes->at[i] : '?';
	text[bytes->len] = '\0';
	return text;
}

/* 0 or -1: no memory. */
static int peer_copy(struct l2tp_tunnel *t, const struct l2tp_peer *peer)
{
	uint8_t *secret = NULL;

	t->peer = *peer;
	t->peer.secret = NULL;
	t->peer.local_name = NULL;
	t->peer.name = strdup(peer->name);
	if (peer->secret != NULL) {
		secret = malloc(peer->secret_len > 0 ? peer->secret_len : 1);
		if (secret != NULL)
			memcpy(secret, peer->secret, peer->secret_len);
		t->peer.secret = secret;
	}
	if (t->peer.receive_window == 0)
		t->peer.receive_window = 1;
	if (t->peer.receive_window > L2TP_WINDOW_MAX)
		t->peer.receive_window = L2TP_WINDOW_MAX;
	return t->peer.name == NULL || (peer->secret != NULL && secret == NULL) ? -1 : 0;
}

static struct l2tp_tunnel *tunnel_new(struct l2tp_lns *lns, uint64_t now,
	const struct l2tp_path *path, const struct l2tp_message *msg, const struct l2tp_peer *peer)
{
	struct l2tp_tunnel *t = calloc(1, sizeof(*t));
	struct l2tp_channel_settings set = {
		.receive_window = SETUP_WINDOW,
		.max_retries = peer->max_retries,
		.resend_ms = peer->resend_ms ? peer->resend_ms : lns->set.resend_ms,
		.resend_cap_ms = peer->resend_cap_ms ? peer->resend_cap_ms : lns->set.resend_cap_ms,
		.ack_delay_ms = lns->set.ack_delay_ms,
		.hold_bytes = SETUP_HOLD_BYTES,
		.backlog = lns->set.backlog,
	};

	if (t == NULL)
		return NULL;
	t->lns = lns;
	t->path = *path;
	t->peer_id = msg->assigned_tunnel_id;
	t->state = L2TP_TUNNEL_WAIT_CTL_CONN;
	t->armed = L2TP_NEVER;
	t->opened_at = t->heard_at = now;
	t->setup_by = now + lns->set.setup_ms;
	t->firmware = msg->firmware_revision;
	t->framing_capabilities = msg->framing_capabilities;
	t->bearer_capabilities = msg->bearer_capabilities;
	t->has_tie_breaker = l2tp_message_has(msg, L2TP_AVP_TIE_BREAKER);
	t->tie_breaker = msg->tie_breaker;
	l2tp_channel_init(&t->channel, &set, tunnel_send, t, lns->counters);
	t->channel.peer_tunnel_id = t->peer_id;
	if (l2tp_message_has(msg, L2TP_AVP_RECEIVE_WINDOW_SIZE))
		l2tp_channel_window(&t->channel, msg->receive_window);
	t->host_name = printable(&msg->host_name);
	t->vendor_name = printable(&msg->vendor_name);
	if (t->host_name == NULL || t->vendor_name == NULL || peer_copy(t, peer) < 0 ||
		id_space_init(&t->session_ids, SESSION_BITS, lns->set.session_rest_ms) < 0) {
		tunnel_free(t);
		return NULL;
	}
	return t;
}

static void sccrp_queue(
	struct l2tp_tunnel *t, uint64_t now, const struct l2tp_message *msg, const char *host_name)
{
	struct l2tp_lns *lns = t->lns;
	uint8_t bytes[L2TP_SEND_MAX], response[L2TP_RESPONSE_LEN];
	struct l2tp_writer w;

	l2tp_writer_init(&w, bytes, sizeof(bytes), 0, L2TP_SCCRP);
	l2tp_write_u16(&w, true, L2TP_AVP_PROTOCOL_VERSION, PROTOCOL_VERSION);
	l2tp_write_u32(&w, true, L2TP_AVP_FRAMING_CAPABILITIES, FRAMING_ASYNC_SYNC);
	l2tp_write_u32(&w, true, L2TP_AVP_BEARER_CAPABILITIES, 0);
	l2tp_write_u16(&w, false, L2TP_AVP_FIRMWARE_REVISION, lns->set.firmware);
	l2tp_write_bytes(&w, true, L2TP_AVP_HOST_NAME, host_name, strlen(host_name));
	if (lns->set.vendor_name != NULL)
		l2tp_write_bytes(&w, false, L2TP_AVP_VENDOR_NAME, lns->set.vendor_name,
			strlen(lns->set.vendor_name));
	l2tp_write_u16(&w, true, L2TP_AVP_ASSIGNED_TUNNEL_ID, t->local_id);
	l2tp_write_u16(&w, true, L2TP_AVP_RECEIVE_WINDOW_SIZE, t->peer.receive_window);
	if (t->peer.challenge && t->peer.secret != NULL) {
		lns->ops->random_bytes(lns->user, t->challenge, sizeof(t->challenge));
		l2tp_write_bytes(&w, true, L2TP_AVP_CHALLENGE, t->challenge, sizeof(t->challenge));
	}
	if (l2tp_message_has(msg, L2TP_AVP_CHALLENGE)) {
		l2tp_response(L2TP_SCCRP, t->peer.secret, t->peer.secret_len, msg->challenge.at,
			msg->challenge.len, response);
		l2tp_write_bytes(&w, true, L2TP_AVP_CHALLENGE_RESPONSE, response, sizeof(response));
	}
	tunnel_queue(t, now, &w);
}

int tunnel_accept(struct l2tp_lns *lns, uint64_t now, const struct l2tp_path *path,
	const struct l2tp_header *header, const struct l2tp_message *msg,
	const struct l2tp_peer *peer, const uint8_t fingerprint[16])
{
	struct l2tp_tunnel *t = tunnel_new(lns, now, path, msg, peer);
	int id;

	if (t == NULL)
		goto no_memory;
	id = id_space_take(&lns->tunnel_ids, now, lns_random(lns));
	if (id < 0) {
		lns_count(lns, L2TP_COUNTER_SCCRQ_NO_TUNNEL_ID);
		tunnel_free(t);
		return id;
	}
	t->local_id = (uint16_t)id;
	memcpy(t->fingerprint, fingerprint, sizeof(t->fingerprint));
	/* the SCCRQ itself */
	t->channel.nr = header->ns + 1;
	if (table_insert(lns, t) < 0) {
		id_space_release(&lns->tunnel_ids, now, t->local_id, false);
		tunnel_free(t);
		goto no_memory;
	}
	lns->half_open++;
	id = lns->ops->tunnel_open(lns->user, t);
	if (id < 0) {
		lns_count(lns, L2TP_COUNTER_SCCRQ_REFUSED);
		lns->half_open--;
		table_remove(lns, t);
		id_space_release(&lns->tunnel_ids, now, t->local_id, false);
		tunnel_free(t);
		return id;
	}
	lns_count(lns, L2TP_COUNTER_SCCRQ_ACCEPTED);
	t->opened = true;
	sccrp_queue(t, now, msg, peer->local_name != NULL ? peer->local_name : lns->set.host_name);
	tunnel_settle(t, now);
	return 0;

no_memory:
	lns_count(lns, L2TP_COUNTER_NO_MEMORY);
	return -ENOMEM;
}

static bool sccn_authentic(const struct l2tp_tunnel *t, const struct l2tp_message *msg)
{
	uint8_t response[L2TP_RESPONSE_LEN];

	if (!t->peer.challenge || t->peer.secret == NULL)
		return true;
	if (!l2tp_message_has(msg, L2TP_AVP_CHALLENGE_RESPONSE))
		return false;
	l2tp_response(L2TP_SCCCN, t->peer.secret, t->peer.secret_len, t->challenge,
		sizeof(t->challenge), response);
	return CRYPTO_memcmp(response, msg->challenge_response.at, sizeof(response)) == 0;
}

/*
 * The LAC that now has a tunnel may have rebooted: the tunnel that had its id on the same path is
 * gone, and others of the same name are asked at once instead of at their next HELLO.
 */
static void replace_stale(struct l2tp_tunnel *t, uint64_t now)
{
	struct l2tp_tunnel *other, *next;
	unsigned asked = 0;

	for (other = table_bucket(t->lns, &t->path, t->peer_id); other != NULL; other = next) {
		next = other->hash_next;
		if (other != t && other->peer_id == t->peer_id &&
			l2tp_path_equal(&other->path, &t->path))
			tunnel_stop(other, now, L2TP_TUNNEL_REPLACED, 0, 0,
				"replaced by a new tunnel of the same peer");
	}
	for (other = t->source->tunnels; other != NULL && asked < STALE_ASKED_MAX;
		other = other->source_next, asked++) {
		if (other == t || now < other->heard_at + STALE_QUIET_MS ||
			strcmp(other->host_name, t->host_name) != 0)
			continue;
		tunnel_hello(other, now);
		tunnel_settle(other, now);
	}
}

void setup_scccn(struct l2tp_tunnel *t, uint64_t now, const struct l2tp_path *path,
	const struct l2tp_message *msg)
{
	struct l2tp_lns *lns = t->lns;

	if (!sccn_authentic(t, msg)) {
		lns_count(lns, L2TP_COUNTER_TUNNEL_AUTH_FAILED);
		tunnel_stop(t, now, L2TP_TUNNEL_BY_US, L2TP_STOPCCN_NOT_AUTHORIZED, L2TP_ERROR_NONE,
			"tunnel authentication failed");
		return;
	}
	tunnel_half_open_leave(t);
	t->state = L2TP_TUNNEL_ESTABLISHED;
	t->up_at = now;
	t->channel.set.receive_window = t->peer.receive_window;
	t->channel.set.hold_bytes = lns->set.hold_bytes;
	if (!l2tp_path_equal(path, &t->path))
		path_move(t, now, path);
	lns_count(lns, L2TP_COUNTER_TUNNEL_UP);
	lns->ops->tunnel_up(lns->user, t);
	if (t->state == L2TP_TUNNEL_ESTABLISHED)
		replace_stale(t, now);
}
