/* SPDX-License-Identifier: BSD-3-Clause */
/* A tunnel of the LAC: SCCRQ to StopCCN (RFC 2661 section 7.2), with authentication both ways. */
#include "lac.h"

#include <stdio.h>
#include <string.h>

#include "bytes.h"

#define STOP_TIMEOUT_MS 30000u
#define RESULT_NO_AUTH  4

const char *session_secret(const struct lac *lac)
{
	return lac->options->secret[0] != '\0' ? lac->options->secret : NULL;
}

static void tunnel_rearm(struct tunnel *t)
{
	uint64_t at = t->channel.deadline;
	uint64_t hello = (uint64_t)t->lac->options->hello_seconds * 1000;

	if (t->state == TUNNEL_UP && hello > 0 && t->last_sent_ms + hello < at)
		at = t->last_sent_ms + hello;
	if (t->state == TUNNEL_STOPPING && t->stopped_ms + STOP_TIMEOUT_MS < at)
		at = t->stopped_ms + STOP_TIMEOUT_MS;
	if (at == CHANNEL_NEVER)
		wheel_cancel(&t->lac->wheel, &t->timer);
	else if (t->timer.link == NULL || t->timer.deadline != at)
		wheel_arm(&t->lac->wheel, &t->timer, at);
}

static void tunnel_channel_send(void *ctx, const uint8_t *packet, size_t len)
{
	struct tunnel *t = ctx;

	t->lac->ops->send(t->lac->ctx, t, packet, len);
}

void tunnel_send(struct tunnel *t, uint16_t session_id, const struct wire_builder *b)
{
	uint64_t now = lac_now_ms(t->lac);

	if (b->failed || channel_send(&t->channel, now, session_id, b->buffer, b->len) != 0) {
		t->lac->stats.unexpected++;
		return;
	}
	t->last_sent_ms = now;
	tunnel_rearm(t);
}

/* every session of it ends for the same cause */
static void tunnel_end_sessions(struct tunnel *t, enum lac_failure why)
{
	struct lac *lac = t->lac;

	for (uint32_t slot = 0; slot < t->slots; slot++)
		session_end(lac, &lac->sessions[slot * lac->options->tunnels + t->number], why);
}

static void tunnel_close(struct tunnel *t, enum tunnel_state state)
{
	struct lac *lac = t->lac;

	if (t->state == TUNNEL_WAIT_SCCRP)
		lac->tunnels_settled++;
	t->state = (uint8_t)state;
	lac->tunnels_open--;
	/* keeps answering resends of the peer: the channel's numbers stay */
	channel_free(&t->channel);
	wheel_cancel(&lac->wheel, &t->timer);
}

static void tunnel_fail(struct tunnel *t, enum lac_failure why)
{
	struct lac *lac = t->lac;

	if (t->state == TUNNEL_WAIT_SCCRP)
		lac->stats.tunnels_failed++;
	else if (t->state == TUNNEL_UP)
		lac->stats.tunnels_lost++;
	tunnel_close(t, TUNNEL_FAILED);
	tunnel_end_sessions(t, why);
}

void tunnel_stop(struct tunnel *t, uint16_t result, const char *why)
{
	struct wire_builder b;
	uint8_t body[256], value[4 + 128];
	size_t len = strlen(why);

	if (len > 128)
		len = 128;
	put_be16(value, result);
	put_be16(value + 2, 0);
	memcpy(value + 4, why, len);
	wire_begin(&b, body, sizeof(body), WIRE_STOPCCN);
	wire_put_u16(&b, true, AVP_ASSIGNED_TUNNEL_ID, t->local_id);
	wire_put(&b, true, AVP_RESULT_CODE, value, 4 + len);
	if (t->state == TUNNEL_WAIT_SCCRP) {
		t->lac->tunnels_settled++;
		t->lac->stats.tunnels_failed++;
	}
	t->state = TUNNEL_STOPPING;
	t->stopped_ms = lac_now_ms(t->lac);
	tunnel_send(t, 0, &b);
	tunnel_end_sessions(t, t->lac->stopping ? LAC_FAILURES : LAC_FAIL_TUNNEL);
}

static void tunnel_up(struct tunnel *t, const struct wire_message *m)
{
	struct lac *lac = t->lac;
	const char *secret = session_secret(lac);
	struct wire_builder b;
	uint8_t body[256], response[16];

	t->peer_id = t->channel.peer_tunnel_id = m->tunnel_id;
	if (m->has_window)
		t->channel.peer_window = m->window;
	if (secret != NULL) {
		wire_challenge_response(
			WIRE_SCCRP, secret, t->challenge, sizeof(t->challenge), response);
		if (m->response == NULL || memcmp(m->response, response, 16) != 0) {
			lac->stats.tunnel_auth_failed++;
			tunnel_stop(t, RESULT_NO_AUTH, "challenge response is wrong");
			return;
		}
	}
	if (m->challenge != NULL && secret == NULL) {
		lac->stats.tunnel_auth_failed++;
		tunnel_stop(t, RESULT_NO_AUTH, "challenged, but no secret is configured");
		return;
	}
	wire_begin(&b, body, sizeof(body), WIRE_SCCCN);
	if (m->challenge != NULL) {
		wire_challenge_response(
			WIRE_SCCCN, secret, m->challenge, m->challenge_len, response);
		wire_put(&b, true, AVP_CHALLENGE_RESPONSE, response, sizeof(response));
	}
	t->state = TUNNEL_UP;
	lac->stats.tunnels_up++;
	lac->tunnels_settled++;
	tunnel_send(t, 0, &b);
}

static void tunnel_deliver(void *ctx, uint16_t session_id, const uint8_t *body, size_t len)
{
	struct tunnel *t = ctx;
	struct lac *lac = t->lac;
	struct wire_message m;
	struct session *s;
	enum wire_error e = wire_message_parse(body, len, session_secret(lac), &m);

	if (e != WIRE_OK || m.unknown_mandatory != 0) {
		lac->stats.malformed++;
		if (lac->stats.first_error[0] == '\0')
			snprintf(lac->stats.first_error, sizeof(lac->stats.first_error),
				"tunnel %u: control message %u from the LNS: %s", t->number,
				(unsigned)m.type,
				e != WIRE_OK ? wire_error_name(e) : "unknown mandatory AVP");
		return;
	}
	switch (m.type) {
	case WIRE_SCCRP:
		if (t->state == TUNNEL_WAIT_SCCRP)
			tunnel_up(t, &m);
		else
			lac->stats.unexpected++;
		return;
	case WIRE_STOPCCN:
		if (m.result < LAC_CDN_RESULTS)
			lac->stats.stopccn_results[m.result]++;
		if (lac->stats.first_error[0] == '\0' && !lac->stopping)
			snprintf(lac->stats.first_error, sizeof(lac->stats.first_error),
				"tunnel %u: StopCCN result %u error %u %.*s", t->number, m.result,
				m.error, (int)(m.error_text_len > 80 ? 80 : m.error_text_len),
				(const char *)m.error_text);
		if (t->state == TUNNEL_STOPPING)
			tunnel_close(t, TUNNEL_CLOSED);
		else if (t->state == TUNNEL_UP || t->state == TUNNEL_WAIT_SCCRP)
			tunnel_fail(t, LAC_FAIL_STOPCCN);
		return;
	case WIRE_HELLO:
		lac->stats.hellos_received++;
		return;
	case WIRE_ICRP:
	case WIRE_CDN:
		s = tunnel_session(t, session_id);
		if (s != NULL)
			session_message(lac, s, &m);
		else
			lac->stats.unknown_session++;
		return;
	case WIRE_SLI:
	case WIRE_WEN:
		return;
	default:
		lac->stats.unexpected++;
		return;
	}
}

static const struct channel_ops tunnel_channel_ops = {tunnel_channel_send, tunnel_deliver};

void tunnel_start(struct tunnel *t)
{
	struct lac *lac = t->lac;
	const struct options *o = lac->options;
	struct wire_builder b;
	char host[OPTIONS_TEXT];
	uint8_t body[900];

	channel_init(&t->channel, &tunnel_channel_ops, t, &lac->pool, &lac->stats.channel,
		(uint16_t)o->window, (uint8_t)o->retries);
	t->timer.kind = LAC_TIMER_TUNNEL;
	t->peer_id = 0;
	t->peer = o->lns;
	t->state = TUNNEL_WAIT_SCCRP;
	lac->tunnels_open++;
	options_expand(o->hostname, t->number, host, sizeof(host));
	wire_begin(&b, body, sizeof(body), WIRE_SCCRQ);
	wire_put_u16(&b, true, AVP_PROTOCOL_VERSION, 0x0100);
	wire_put_u32(&b, true, AVP_FRAMING_CAPABILITIES, 3);
	wire_put_u32(&b, true, AVP_BEARER_CAPABILITIES, 3);
	wire_put_u16(&b, false, AVP_FIRMWARE_REVISION, 0x0100);
	wire_put_string(&b, true, AVP_HOST_NAME, host);
	wire_put_string(&b, false, AVP_VENDOR_NAME, "lnsload");
	wire_put_u16(&b, true, AVP_ASSIGNED_TUNNEL_ID, t->local_id);
	wire_put_u16(&b, true, AVP_RECEIVE_WINDOW_SIZE, (uint16_t)o->window);
	if (session_secret(lac) != NULL) {
		random_fill(&lac->random, t->challenge, sizeof(t->challenge));
		wire_put(&b, true, AVP_CHALLENGE, t->challenge, sizeof(t->challenge));
	}
	tunnel_send(t, 0, &b);
}

void tunnel_input(
	struct tunnel *t, const struct wire_header *h, const struct sockaddr_storage *from)
{
	struct lac *lac = t->lac;

	if (t->state == TUNNEL_IDLE)
		return;
	/* the LNS may answer from another port or address (RFC 2661 section 8.1) */
	if (t->state == TUNNEL_WAIT_SCCRP && from != NULL)
		t->peer = *from;
	channel_input(&t->channel, lac_now_ms(lac), h);
	if (t->channel.ack_due && !t->ack_listed) {
		t->ack_listed = true;
		t->ack_next = lac->ack_list;
		lac->ack_list = t;
	}
	if (t->state == TUNNEL_STOPPING && channel_idle(&t->channel))
		tunnel_close(t, TUNNEL_CLOSED);
	if (t->state == TUNNEL_WAIT_SCCRP || t->state == TUNNEL_UP || t->state == TUNNEL_STOPPING)
		tunnel_rearm(t);
}

void tunnel_expire(struct tunnel *t)
{
	struct lac *lac = t->lac;
	uint64_t now = lac_now_ms(lac);
	uint64_t hello = (uint64_t)lac->options->hello_seconds * 1000;

	channel_expire(&t->channel, now);
	if (t->state == TUNNEL_STOPPING) {
		/* the time for the StopCCN runs when all before it is acknowledged */
		if (t->channel.in_flight + t->channel.waiting > 1)
			t->stopped_ms = now;
		if (t->channel.dead || now >= t->stopped_ms + STOP_TIMEOUT_MS) {
			lac->stats.tunnels_lost++;
			tunnel_close(t, TUNNEL_CLOSED);
			return;
		}
	} else if (t->channel.dead) {
		if (lac->stats.first_error[0] == '\0')
			snprintf(lac->stats.first_error, sizeof(lac->stats.first_error),
				"tunnel %u: no answer to %u resends of a control message",
				t->number, t->channel.max_retries);
		tunnel_fail(t, LAC_FAIL_TUNNEL);
		return;
	}
	if (t->state == TUNNEL_UP && hello > 0 && now >= t->last_sent_ms + hello) {
		struct wire_builder b;
		uint8_t body[16];

		lac->stats.hellos_sent++;
		wire_begin(&b, body, sizeof(body), WIRE_HELLO);
		tunnel_send(t, 0, &b);
	}
	tunnel_rearm(t);
}
