/* SPDX-License-Identifier: BSD-3-Clause */
/* Dispatch of control messages to tunnels, and what is decided before there is a tunnel. */
#include "l2tp_engine.h"

#include <crypto/digest.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HIGHEST_VERSION 0x0100 /* version 1, revision 0 */

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
	return value != 0 ? value : fallback;
}

static void settings_complete(struct l2tp_settings *set)
{
	set->half_open_max = or_default(set->half_open_max, 8192);
	set->half_open_per_source = or_default(set->half_open_per_source, 256);
	set->setup_ms = or_default(set->setup_ms, 35000);
	set->connect_ms = or_default(set->connect_ms, 60000);
	set->linger_ms = or_default(set->linger_ms, 31000);
	set->tunnel_rest_ms = or_default(set->tunnel_rest_ms, 60000);
	set->session_rest_ms = or_default(set->session_rest_ms, 5000);
	set->resend_ms = or_default(set->resend_ms, 1000);
	set->resend_cap_ms = or_default(set->resend_cap_ms, 8000);
	set->ack_delay_ms = or_default(set->ack_delay_ms, 20);
	set->teardown_batch = or_default(set->teardown_batch, 256);
	set->backlog = or_default(set->backlog, 4096);
	set->hold_bytes = or_default(set->hold_bytes, 262144);
	set->reject_rate = or_default(set->reject_rate, 100);
}

struct l2tp_lns *l2tp_lns_create(
	const struct l2tp_ops *ops, void *user, const struct l2tp_settings *settings)
{
	struct l2tp_lns *lns = calloc(1, sizeof(*lns));

	if (lns == NULL)
		return NULL;
	lns->ops = ops;
	lns->user = user;
	lns->set = *settings;
	settings_complete(&lns->set);
	lns->set.host_name = strndup(settings->host_name, 255);
	lns->set.vendor_name = settings->vendor_name != NULL ? strndup(settings->vendor_name, 255)
							     : NULL;
	ops->random_bytes(user, (uint8_t *)&lns->salt, sizeof(lns->salt));
	if (lns->set.host_name == NULL ||
		(settings->vendor_name != NULL && lns->set.vendor_name == NULL) ||
		id_space_init(&lns->tunnel_ids, 8, lns->set.tunnel_rest_ms) < 0) {
		free((void *)(uintptr_t)lns->set.host_name);
		free((void *)(uintptr_t)lns->set.vendor_name);
		free(lns);
		return NULL;
	}
	return lns;
}

void l2tp_lns_destroy(struct l2tp_lns *lns, uint64_t now)
{
	if (lns == NULL)
		return;
	for (uint32_t id = 1; id < L2TP_TUNNELS; id++)
		if (lns->tunnels[id] != NULL)
			tunnel_destroy(lns->tunnels[id], now);
	id_space_destroy(&lns->tunnel_ids);
	free((void *)(uintptr_t)lns->set.host_name);
	free((void *)(uintptr_t)lns->set.vendor_name);
	free(lns);
}

uint32_t lns_random(struct l2tp_lns *lns)
{
	uint32_t value;

	if (lns->random_left < sizeof(value)) {
		lns->ops->random_bytes(lns->user, lns->random, sizeof(lns->random));
		lns->random_left = sizeof(lns->random);
	}
	lns->random_left -= sizeof(value);
	memcpy(&value, lns->random + lns->random_left, sizeof(value));
	return value;
}

void lns_fault_text(const struct l2tp_fault *fault, char *text, size_t size)
{
	snprintf(text, size, "%s (vendor %u attribute %u)", l2tp_counter_name(fault->reason),
		fault->vendor, fault->attribute);
}

/* A refusal without a tunnel: said once, not resent, and only so many per second. */
static void sccrq_reject(struct l2tp_lns *lns, uint64_t now, const struct l2tp_path *path,
	const struct l2tp_header *header, const struct l2tp_message *msg, uint16_t result,
	uint16_t error, const char *text)
{
	uint64_t cost = 1000000 / lns->set.reject_rate, at = now * 1000;
	uint8_t bytes[L2TP_SEND_MAX];
	struct l2tp_header answer;
	struct l2tp_writer w;
	uint16_t id = 0;
	size_t len;

	/* one second's worth may come at once */
	if (lns->reject_at > at + 1000000 - cost) {
		lns_count(lns, L2TP_COUNTER_REJECT_RATE_LIMITED);
		return;
	}
	lns->reject_at = (lns->reject_at > at ? lns->reject_at : at) + cost;
	/* Assigned Tunnel ID must be there: one that is nobody's */
	for (int i = 0; i < 16 && (id == 0 || lns->tunnels[id] != NULL); i++)
		id = lns_random(lns) & 0xffff;
	l2tp_writer_init(&w, bytes, sizeof(bytes), 0, L2TP_STOPCCN);
	l2tp_write_u16(&w, true, L2TP_AVP_ASSIGNED_TUNNEL_ID, id);
	l2tp_write_result(&w, result, error, text);
	len = l2tp_writer_finish(&w);
	answer = (struct l2tp_header){.length = (uint16_t)len,
		.tunnel_id = msg->assigned_tunnel_id,
		.nr = header->ns + 1};
	l2tp_header_encode(&answer, bytes);
	lns_count(lns, L2TP_COUNTER_TX_MESSAGES);
	lns->ops->send(lns->user, path, bytes, len, NULL);
}

/* What the RFC demands of an SCCRQ. 0, or -1 and it was refused. */
static int sccrq_check(struct l2tp_lns *lns, uint64_t now, const struct l2tp_path *path,
	const struct l2tp_header *header, const struct l2tp_message *msg,
	const struct l2tp_peer *peer)
{
	const char *text = NULL;
	char fault[96];

	if (msg->fault.reason != L2TP_COUNTER_MAX) {
		lns_count(lns, msg->fault.reason);
		lns_fault_text(&msg->fault, fault, sizeof(fault));
		lns_count(lns, L2TP_COUNTER_SCCRQ_MALFORMED);
		sccrq_reject(
			lns, now, path, header, msg, L2TP_STOPCCN_ERROR, msg->fault.error, fault);
		return -1;
	}
	if (l2tp_message_has(msg, L2TP_AVP_PROTOCOL_VERSION) && msg->protocol_version >> 8 != 1) {
		lns_count(lns, L2TP_COUNTER_SCCRQ_VERSION);
		sccrq_reject(lns, now, path, header, msg, L2TP_STOPCCN_VERSION, HIGHEST_VERSION,
			"only protocol version 1.0 is supported");
		return -1;
	}
	if (!l2tp_message_has(msg, L2TP_AVP_PROTOCOL_VERSION))
		text = "Protocol Version missing";
	else if (!l2tp_message_has(msg, L2TP_AVP_ASSIGNED_TUNNEL_ID))
		text = "Assigned Tunnel ID missing";
	else if (msg->assigned_tunnel_id == 0)
		text = "Assigned Tunnel ID is 0";
	else if (l2tp_message_has(msg, L2TP_AVP_RECEIVE_WINDOW_SIZE) && msg->receive_window == 0)
		text = "Receive Window Size is 0";
	if (text != NULL) {
		lns_count(lns, L2TP_COUNTER_SCCRQ_MALFORMED);
		sccrq_reject(
			lns, now, path, header, msg, L2TP_STOPCCN_ERROR, L2TP_ERROR_VALUE, text);
		return -1;
	}
	if (l2tp_message_has(msg, L2TP_AVP_CHALLENGE) && peer->secret == NULL) {
		lns_count(lns, L2TP_COUNTER_SCCRQ_NO_SECRET);
		sccrq_reject(lns, now, path, header, msg, L2TP_STOPCCN_NOT_AUTHORIZED,
			L2TP_ERROR_NONE, "no tunnel secret for this peer");
		return -1;
	}
	return 0;
}

/* The hash of the AVPs: a resend has the same, a LAC that rebooted has another challenge. */
static void sccrq_fingerprint(
	const struct l2tp_header *header, const uint8_t *bytes, uint8_t fingerprint[16])
{
	struct iovec avps = {.iov_base = (void *)(uintptr_t)(bytes + L2TP_CONTROL_HEADER),
		.iov_len = header->length - L2TP_CONTROL_HEADER};

	digest_md5(&avps, 1, fingerprint);
}

/* The tunnel this SCCRQ has already opened, if it is a resend. */
static struct l2tp_tunnel *sccrq_resent(struct l2tp_lns *lns, uint64_t now,
	const struct l2tp_path *path, const struct l2tp_message *msg, const uint8_t fingerprint[16])
{
	struct l2tp_tunnel *t = table_bucket(lns, path, msg->assigned_tunnel_id);

	for (; t != NULL; t = t->hash_next) {
		if (t->peer_id != msg->assigned_tunnel_id || t->silent ||
			!l2tp_path_equal(&t->path, path) ||
			memcmp(t->fingerprint, fingerprint, sizeof(t->fingerprint)) != 0)
			continue;
		/* after a full cycle of resends it is a LAC that starts anew with the same ids */
		if (t->state == L2TP_TUNNEL_WAIT_CTL_CONN ||
			now - t->opened_at < lns->set.linger_ms)
			return t;
	}
	return NULL;
}

/* Tunnels nobody has vouched for are bounded. */
static bool half_open_room(struct l2tp_lns *lns, const struct l2tp_path *path)
{
	const struct l2tp_source *source = table_peer(lns, path);

	if (lns->half_open >= lns->set.half_open_max) {
		lns_count(lns, L2TP_COUNTER_SCCRQ_HALF_OPEN_TOTAL);
		return false;
	}
	if (source != NULL && source->half_open >= lns->set.half_open_per_source) {
		lns_count(lns, L2TP_COUNTER_SCCRQ_HALF_OPEN_SOURCE);
		return false;
	}
	return true;
}

static void receive_sccrq(struct l2tp_lns *lns, uint64_t now, const struct l2tp_path *path,
	const struct l2tp_header *header, const uint8_t *bytes)
{
	struct l2tp_message *msg = &lns->message;
	const struct l2tp_peer *peer;
	struct l2tp_tunnel *t;
	uint8_t fingerprint[16];
	int ret;

	if (header->ns != 0) {
		lns_count(lns, L2TP_COUNTER_SCCRQ_NS);
		return;
	}
	peer = lns->ops->peer_find(lns->user, path, msg->host_name.at, msg->host_name.len);
	if (peer == NULL) {
		lns_count(lns, L2TP_COUNTER_SCCRQ_UNKNOWN_PEER);
		sccrq_reject(lns, now, path, header, msg, L2TP_STOPCCN_NOT_AUTHORIZED,
			L2TP_ERROR_NONE, "unknown peer");
		return;
	}
	if (peer->require_ipsec && path->sa_group == 0) {
		lns_count(lns, L2TP_COUNTER_SCCRQ_NEEDS_IPSEC);
		return;
	}
	if (peer->refuse_ipsec && path->sa_group != 0) {
		lns_count(lns, L2TP_COUNTER_SCCRQ_INSIDE_IPSEC);
		sccrq_reject(lns, now, path, header, msg, L2TP_STOPCCN_NOT_AUTHORIZED,
			L2TP_ERROR_NONE, "no IPsec configured for this peer");
		return;
	}
	/* only now there is a secret to read hidden AVPs with */
	if (msg->undeciphered && peer->secret != NULL)
		l2tp_message_decode(
			msg, bytes, header->length, peer->secret, peer->secret_len, lns->scratch);
	lns->counters[L2TP_COUNTER_AVP_IGNORED] += msg->ignored;
	lns->counters[L2TP_COUNTER_AVP_REPEATED] += msg->repeated;
	if (!l2tp_message_has(msg, L2TP_AVP_HOST_NAME) && msg->fault.reason == L2TP_COUNTER_MAX)
		msg->fault = (struct l2tp_fault){.reason = L2TP_COUNTER_AVP_MISSING,
			.error = L2TP_ERROR_VALUE,
			.attribute = L2TP_AVP_HOST_NAME};
	if (sccrq_check(lns, now, path, header, msg, peer) < 0)
		return;
	sccrq_fingerprint(header, bytes, fingerprint);
	t = sccrq_resent(lns, now, path, msg, fingerprint);
	if (t != NULL) {
		lns_count(lns, L2TP_COUNTER_SCCRQ_DUPLICATE);
		tunnel_input(t, now, path, header, bytes);
		return;
	}
	if (lns->shutting_down) {
		lns_count(lns, L2TP_COUNTER_SCCRQ_SHUTTING_DOWN);
		sccrq_reject(lns, now, path, header, msg, L2TP_STOPCCN_SHUTDOWN, L2TP_ERROR_NONE,
			"shutting down");
		return;
	}
	if (!half_open_room(lns, path))
		return;
	ret = tunnel_accept(lns, now, path, header, msg, peer, fingerprint);
	if (ret < 0)
		sccrq_reject(lns, now, path, header, msg, L2TP_STOPCCN_ERROR, L2TP_ERROR_RESOURCES,
			ret == -ENOSPC ? "no tunnel id left" : "no resources for a tunnel");
}

/* Tunnel id 0: an SCCRQ, or a LAC that has not learnt (or does not use) our id. */
static void input_without_tunnel(struct l2tp_lns *lns, uint64_t now, const struct l2tp_path *path,
	const struct l2tp_header *header, const uint8_t *bytes)
{
	struct l2tp_message *msg = &lns->message;
	struct l2tp_tunnel *t = NULL;

	msg->type = 0;
	if (header->length > L2TP_CONTROL_HEADER) {
		l2tp_message_decode(msg, bytes, header->length, NULL, 0, lns->scratch);
		if (msg->type == 0) {
			lns_count(lns, msg->fault.reason);
			return;
		}
		if (msg->type == L2TP_SCCRQ) {
			receive_sccrq(lns, now, path, header, bytes);
			return;
		}
		if (l2tp_message_has(msg, L2TP_AVP_ASSIGNED_TUNNEL_ID))
			t = table_find(lns, path, msg->assigned_tunnel_id);
	}
	if (t == NULL)
		t = table_sole(lns, path);
	if (t == NULL) {
		lns_count(lns, L2TP_COUNTER_TUNNEL_UNKNOWN);
		return;
	}
	lns_count(lns, L2TP_COUNTER_TUNNEL_ID_ZERO);
	tunnel_input(t, now, path, header, bytes);
}

void l2tp_lns_input(struct l2tp_lns *lns, uint64_t now, const struct l2tp_path *path,
	const uint8_t *bytes, size_t len)
{
	struct l2tp_header header;
	enum l2tp_counter reason;
	struct l2tp_tunnel *t;

	if (l2tp_header_decode(&header, bytes, len, &reason) < 0) {
		lns_count(lns, reason);
		return;
	}
	if (header.tunnel_id == 0) {
		input_without_tunnel(lns, now, path, &header, bytes);
		return;
	}
	t = lns->tunnels[header.tunnel_id];
	if (t == NULL) {
		lns_count(lns, L2TP_COUNTER_TUNNEL_UNKNOWN);
		return;
	}
	tunnel_input(t, now, path, &header, bytes);
}

void l2tp_lns_shutdown(struct l2tp_lns *lns, uint64_t now)
{
	lns->shutting_down = true;
	for (uint32_t id = 1; id < L2TP_TUNNELS; id++)
		if (lns->tunnels[id] != NULL)
			l2tp_tunnel_close(lns->tunnels[id], now, L2TP_STOPCCN_SHUTDOWN,
				L2TP_ERROR_NONE, "shutting down");
}

uint32_t l2tp_lns_tunnels_open(const struct l2tp_lns *lns)
{
	uint32_t open = 0;

	for (uint32_t id = 1; id < L2TP_TUNNELS; id++) {
		const struct l2tp_tunnel *t = lns->tunnels[id];

		if (t != NULL && (!t->down || !l2tp_channel_idle(&t->channel)))
			open++;
	}
	return open;
}

struct l2tp_tunnel *l2tp_lns_tunnel(const struct l2tp_lns *lns, uint16_t local_id)
{
	return lns->tunnels[local_id];
}

struct l2tp_tunnel *l2tp_lns_tunnel_next(const struct l2tp_lns *lns, uint32_t *id)
{
	while (*id < L2TP_TUNNELS) {
		struct l2tp_tunnel *t = lns->tunnels[(*id)++];

		if (t != NULL)
			return t;
	}
	return NULL;
}

const uint64_t *l2tp_lns_counters(const struct l2tp_lns *lns)
{
	return lns->counters;
}

uint32_t l2tp_lns_half_open(const struct l2tp_lns *lns)
{
	return lns->half_open;
}

uint32_t l2tp_lns_sessions(const struct l2tp_lns *lns)
{
	return lns->sessions;
}
