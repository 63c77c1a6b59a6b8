/* SPDX-License-Identifier: BSD-3-Clause */
/* A small LNS for lnsload's own tests: enough of RFC 2661 and PPP to bring sessions up and down. */
#include "lnsload_lns.h"

#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "options.h"

#define RESEND_MS 500u

static void lns_channel_send(void *ctx, const uint8_t *packet, size_t len)
{
	struct lns_tunnel *t = ctx;

	t->lns->send(t->lns->ctx, &t->peer, packet, len);
}

void lns_send_ppp(
	struct lns *lns, struct lns_session *s, uint16_t protocol, const uint8_t *frame, size_t len)
{
	uint8_t packet[1700];

	put_be16(packet, 2);
	put_be16(packet + 2, lns->tunnels[s->tunnel].peer_id);
	put_be16(packet + 4, s->peer_id);
	put_be16(packet + 6, 0xff03);
	put_be16(packet + 8, protocol);
	memcpy(packet + 10, frame, len);
	lns->send(lns->ctx, &lns->tunnels[s->tunnel].peer, packet, len + 10);
}

static void lns_ppp(struct lns *lns, struct lns_session *s, uint16_t protocol, uint8_t code,
	uint8_t id, const void *data, size_t len)
{
	uint8_t frame[1500] = {code, id};

	put_be16(frame + 2, (uint16_t)(len + 4));
	if (len > 0)
		memcpy(frame + 4, data, len);
	lns_send_ppp(lns, s, protocol, frame, len + 4);
}

static void lns_request_lcp(struct lns *lns, struct lns_session *s)
{
	uint8_t o[15] = {1, 4, 0x05, 0xd4, 5, 6, 1, 2, 3, (uint8_t)s->number, 3, 5, 0xc2, 0x23, 5};
	size_t len = 15;

	if (lns->first == AUTH_MSCHAPV2)
		o[14] = 0x81;
	if (lns->first == AUTH_PAP) {
		o[11] = 4;
		o[12] = 0xc0;
		len = 14;
	}
	if (s->challenge[0] != 0) { /* method set by a Nak */
		o[11] = s->challenge[0] == AUTH_PAP ? 4 : 5;
		o[12] = s->challenge[0] == AUTH_PAP ? 0xc0 : 0xc2;
		o[14] = s->challenge[0] == AUTH_MSCHAPV2 ? 0x81 : 5;
		len = s->challenge[0] == AUTH_PAP ? 14 : 15;
	}
	lns_ppp(lns, s, PPP_LCP, PPP_CONF_REQ, ++s->tries, o, len);
}

static enum auth_method lns_method(const struct lns *lns, const struct lns_session *s)
{
	return s->challenge[0] != 0 ? (enum auth_method)s->challenge[0] : lns->first;
}

static const uint8_t lns_challenge[16] = {9, 8, 7, 6, 5, 4, 3, 2, 1, 2, 3, 4, 5, 6, 7, 8};

static void lns_advance(struct lns *lns, struct lns_session *s)
{
	uint8_t value[17 + 3] = {16};

	s->resend_ms = lns->now_ms + RESEND_MS;
	if (!s->local_acked || !s->remote_acked) {
		lns_request_lcp(lns, s);
	} else if (!s->authenticated) {
		if (lns_method(lns, s) == AUTH_PAP)
			return;
		memcpy(value + 1, lns_challenge, 16);
		memcpy(value + 17, "lns", 3);
		lns_ppp(lns, s, PPP_CHAP, 1, 77, value, sizeof(value));
	} else if (!s->ip_local || !s->ip_remote) {
		uint8_t o[6] = {3, 6, 10, 255, 255, 1};

		if (lns->offer_ccp)
			lns_ppp(lns, s, 0x80fd, PPP_CONF_REQ, 1, NULL, 0);
		lns_ppp(lns, s, PPP_IPCP, PPP_CONF_REQ, 5, o, sizeof(o));
	} else {
		uint8_t magic[8] = {1, 2, 3, (uint8_t)s->number, 'e', 'c', 'h', 'o'};

		s->resend_ms = UINT64_MAX;
		lns->opened++;
		lns_ppp(lns, s, PPP_LCP, PPP_ECHO_REQ, 1, magic, sizeof(magic));
	}
}

static void lns_lcp(struct lns *lns, struct lns_session *s, const uint8_t *f, size_t len)
{
	bool open = s->local_acked && s->remote_acked;

	if (f[0] == PPP_CONF_REQ) {
		if (open) {
			s->local_acked = s->authenticated = s->ip_local = s->ip_remote = false;
			lns_request_lcp(lns, s);
		}
		s->remote_acked = true;
		lns_ppp(lns, s, PPP_LCP, PPP_CONF_ACK, f[1], f + 4, len - 4);
	} else if (f[0] == PPP_CONF_ACK && f[1] == s->tries) {
		s->local_acked = true;
	} else if (f[0] == PPP_CONF_NAK && len >= 8 && f[4] == 3) {
		s->challenge[0] = f[6] == 0xc0 ? AUTH_PAP
			: f[8] == 0x81         ? AUTH_MSCHAPV2
					       : AUTH_CHAP;
		lns_request_lcp(lns, s);
	} else if (f[0] == PPP_ECHO_REPLY) {
		lns->echo_replies += len == 12 && memcmp(f + 8, "echo", 4) == 0;
	} else if (f[0] == PPP_PROTO_REJ) {
		lns->protocol_rejects++;
	} else if (f[0] == PPP_TERM_REQ) {
		lns->term_requests++;
		lns_ppp(lns, s, PPP_LCP, PPP_TERM_ACK, f[1], NULL, 0);
		lns_clear(lns, s);
		return;
	}
	if (!open && s->local_acked && s->remote_acked)
		lns_advance(lns, s);
}

static void lns_auth(
	struct lns *lns, struct lns_session *s, uint16_t protocol, const uint8_t *f, size_t len)
{
	char password[OPTIONS_TEXT], name[OPTIONS_TEXT] = "";
	uint8_t expected[24], proof[20];
	char text[64];
	bool right = false, was = s->authenticated;

	options_expand(lns->password, s->number, password, sizeof(password));
	if (protocol == PPP_PAP && f[0] == 1) {
		const uint8_t *p = f + 5 + f[4];

		right = *p == strlen(password) && memcmp(p + 1, password, *p) == 0;
		s->authenticated = right;
		lns_ppp(lns, s, PPP_PAP, right ? 2 : 3, f[1], "\2ok", 3);
	} else if (protocol == PPP_CHAP && f[0] == 2) {
		memcpy(name, f + 5 + f[4], len - 5 - f[4]);
		if (f[4] == 16) {
			auth_chap_md5(f[1], password, lns_challenge, 16, expected);
			right = memcmp(expected, f + 5, 16) == 0;
			strcpy(text, "fine");
		} else {
			auth_mschapv2_response(lns_challenge, f + 5, name, password, expected);
			right = memcmp(expected, f + 5 + 24, 24) == 0;
			auth_mschapv2_authenticator(
				lns_challenge, f + 5, name, password, f + 5 + 24, proof);
			proof[0] ^= lns->wrong_authenticator;
			strcpy(text, "S=");
			for (unsigned i = 0; i < 20; i++)
				sprintf(text + 2 + 2 * i, "%02X", proof[i]);
			strcat(text, " M=hello");
		}
		s->authenticated = right;
		lns_ppp(lns, s, PPP_CHAP, right ? 3 : 4, f[1], text, strlen(text));
	}
	if (right && !was)
		lns_advance(lns, s);
}

static void lns_ipcp(struct lns *lns, struct lns_session *s, const uint8_t *f, size_t len)
{
	uint8_t nak[18];
	bool open = s->ip_local && s->ip_remote;

	if (f[0] == PPP_CONF_REQ) {
		if (open) { /* RFC 1661: down, own request first */
			open = s->ip_local = s->ip_remote = false;
			lns_advance(lns, s);
		}
		s->address = lns->base_address + (lns->same_address ? 0 : s->number);
		memcpy(nak, f + 4, len - 4 < sizeof(nak) ? len - 4 : sizeof(nak));
		put_be32(nak + 2, s->address);
		put_be32(nak + 8, 0x08080808);
		put_be32(nak + 14, 0x08080404);
		if (len == 22 && memcmp(nak, f + 4, 18) == 0) {
			s->ip_remote = true;
			lns_ppp(lns, s, PPP_IPCP, PPP_CONF_ACK, f[1], f + 4, len - 4);
		} else {
			lns_ppp(lns, s, PPP_IPCP, PPP_CONF_NAK, f[1], nak, sizeof(nak));
		}
	} else if (f[0] == PPP_CONF_ACK) {
		s->ip_local = true;
	}
	if (!open && s->ip_local && s->ip_remote)
		lns_advance(lns, s);
}

static void lns_data(struct lns *lns, const struct wire_header *h)
{
	struct lns_session *s;
	uint16_t protocol;

	if (h->session_id == 0 || h->session_id > LNS_SESSIONS || h->body_len < 8)
		return;
	s = &lns->sessions[h->session_id - 1];
	if (!s->used || !s->connected || get_be16(h->body) != 0xff03)
		return;
	protocol = get_be16(h->body + 2);
	if (protocol == PPP_LCP)
		lns_lcp(lns, s, h->body + 4, h->body_len - 4);
	else if (!s->local_acked || !s->remote_acked)
		return;
	else if (protocol == PPP_PAP || protocol == PPP_CHAP)
		lns_auth(lns, s, protocol, h->body + 4, h->body_len - 4);
	else if (protocol == PPP_IPCP && s->authenticated)
		lns_ipcp(lns, s, h->body + 4, h->body_len - 4);
	else if (protocol == PPP_IP && lns->ip != NULL)
		lns->ip(lns->ctx, s, h->body + 4, h->body_len - 4);
}

void lns_clear(struct lns *lns, struct lns_session *s)
{
	struct lns_tunnel *t = &lns->tunnels[s->tunnel];
	struct wire_builder b;
	uint8_t body[64];

	wire_begin(&b, body, sizeof(body), WIRE_CDN);
	wire_put(&b, true, AVP_RESULT_CODE, "\0\3\0\0", 4);
	wire_put_u16(&b, true, AVP_ASSIGNED_SESSION_ID, (uint16_t)(s - lns->sessions + 1));
	channel_send(&t->channel, lns->now_ms, s->peer_id, body, b.len);
	s->used = false;
}

static void lns_call(struct lns *lns, struct lns_tunnel *t, const struct wire_message *m,
	const uint8_t *body, size_t len)
{
	struct wire_builder b;
	uint8_t out[64];
	uint32_t i = 0;

	while (i < LNS_SESSIONS && lns->sessions[i].used)
		i++;
	if (i == LNS_SESSIONS || lns->cdn_icrq != 0) {
		uint8_t result[4] = {0, (uint8_t)lns->cdn_icrq};

		wire_begin(&b, out, sizeof(out), WIRE_CDN);
		wire_put(&b, true, AVP_RESULT_CODE, result, 4);
		wire_put_u16(&b, true, AVP_ASSIGNED_SESSION_ID, 1);
		channel_send(&t->channel, lns->now_ms, m->session_id, out, b.len);
		return;
	}
	memset(&lns->sessions[i], 0, sizeof(lns->sessions[i]));
	lns->sessions[i].used = true;
	lns->sessions[i].resend_ms = UINT64_MAX;
	lns->sessions[i].tunnel = (uint32_t)(t - lns->tunnels);
	lns->sessions[i].peer_id = m->session_id;
	/* Call Serial Number is the third AVP that lnsload sends: number plus one */
	lns->sessions[i].number = get_be32(body + 8 + 8 + 6) - 1;
	wire_begin(&b, out, sizeof(out), WIRE_ICRP);
	wire_put_u16(&b, true, AVP_ASSIGNED_SESSION_ID, (uint16_t)(i + 1));
	channel_send(&t->channel, lns->now_ms, m->session_id, out, b.len);
}

static void lns_deliver(void *ctx, uint16_t session_id, const uint8_t *body, size_t len)
{
	struct lns_tunnel *t = ctx;
	struct lns *lns = t->lns;
	struct wire_message m;
	struct wire_builder b;
	uint8_t out[256], response[16];

	if (wire_message_parse(body, len, lns->secret, &m) != WIRE_OK)
		return;
	if (m.type == WIRE_SCCRQ) {
		t->peer_id = t->channel.peer_tunnel_id = m.tunnel_id;
		t->channel.peer_window = m.window;
		wire_begin(&b, out, sizeof(out), WIRE_SCCRP);
		wire_put_u16(&b, true, AVP_PROTOCOL_VERSION, 0x0100);
		wire_put_u32(&b, true, AVP_FRAMING_CAPABILITIES, 3);
		wire_put_string(&b, true, AVP_HOST_NAME, "lns");
		wire_put_u16(&b, true, AVP_ASSIGNED_TUNNEL_ID, (uint16_t)(t - lns->tunnels + 1));
		wire_put_u16(&b, false, AVP_RECEIVE_WINDOW_SIZE, 32);
		if (m.challenge != NULL && lns->secret != NULL) {
			wire_challenge_response(
				WIRE_SCCRP, lns->secret, m.challenge, m.challenge_len, response);
			response[0] ^= lns->wrong_response;
			wire_put(&b, true, AVP_CHALLENGE_RESPONSE, response, 16);
			memcpy(t->challenge, lns_challenge, 16);
			wire_put(&b, true, AVP_CHALLENGE, t->challenge, 16);
		}
		channel_send(&t->channel, lns->now_ms, 0, out, b.len);
	} else if (m.type == WIRE_SCCCN) {
		t->authenticated = lns->secret == NULL;
		if (lns->secret != NULL && m.response != NULL) {
			wire_challenge_response(
				WIRE_SCCCN, lns->secret, t->challenge, 16, response);
			t->authenticated = memcmp(response, m.response, 16) == 0;
		}
	} else if (m.type == WIRE_ICRQ && t->authenticated) {
		lns_call(lns, t, &m, body, len);
	} else if (m.type == WIRE_ICCN && session_id > 0 && session_id <= LNS_SESSIONS) {
		lns->sessions[session_id - 1].connected = true;
		lns_advance(lns, &lns->sessions[session_id - 1]);
	} else if (m.type == WIRE_CDN && session_id > 0 && session_id <= LNS_SESSIONS) {
		lns->cdns++;
		lns->sessions[session_id - 1].used = false;
	} else if (m.type == WIRE_STOPCCN) {
		lns->stopccns++;
		t->stopped = true;
		for (uint32_t i = 0; i < LNS_SESSIONS; i++)
			if (lns->sessions[i].tunnel == (uint32_t)(t - lns->tunnels))
				lns->sessions[i].used = false;
	}
}

static const struct channel_ops lns_channel_ops = {lns_channel_send, lns_deliver};

/* a first message: known again by the sender's address and its tunnel id */
static struct lns_tunnel *lns_accept(
	struct lns *lns, const struct sockaddr_storage *from, const struct wire_header *h)
{
	struct wire_message m;
	struct lns_tunnel *free_one = NULL;

	if (wire_message_parse(h->body, h->body_len, lns->secret, &m) != WIRE_OK)
		return NULL;
	for (uint32_t i = 0; i < LNS_TUNNELS; i++) {
		struct lns_tunnel *t = &lns->tunnels[i];

		if (t->used && t->peer_id == m.tunnel_id && memcmp(&t->peer, from, 8) == 0)
			return t;
		if ((!t->used || t->stopped) && free_one == NULL)
			free_one = t;
	}
	if (free_one == NULL || m.type != WIRE_SCCRQ)
		return NULL;
	channel_free(&free_one->channel);
	memset(free_one, 0, sizeof(*free_one));
	free_one->used = true;
	free_one->lns = lns;
	free_one->peer = *from;
	channel_init(
		&free_one->channel, &lns_channel_ops, free_one, &lns->pool, &lns->stats, 32, 20);
	return free_one;
}

void lns_input(struct lns *lns, uint64_t now_ms, const struct sockaddr_storage *from,
	const uint8_t *packet, size_t len)
{
	struct lns_tunnel *t = NULL;
	struct wire_header h;

	lns->now_ms = now_ms;
	if (wire_header_parse(packet, len, &h) != 0)
		return;
	if (!h.control) {
		lns_data(lns, &h);
		return;
	}
	if (h.tunnel_id > 0 && h.tunnel_id <= LNS_TUNNELS)
		t = &lns->tunnels[h.tunnel_id - 1];
	else if (h.tunnel_id == 0)
		t = lns_accept(lns, from, &h);
	if (t == NULL || !t->used)
		return;
	channel_input(&t->channel, now_ms, &h);
	channel_acknowledge(&t->channel);
}

void lns_expire(struct lns *lns, uint64_t now_ms)
{
	lns->now_ms = now_ms;
	for (uint32_t i = 0; i < LNS_TUNNELS; i++)
		if (lns->tunnels[i].used)
			channel_expire(&lns->tunnels[i].channel, now_ms);
	for (uint32_t i = 0; i < LNS_SESSIONS; i++)
		if (lns->sessions[i].used && now_ms >= lns->sessions[i].resend_ms)
			lns_advance(lns, &lns->sessions[i]);
}

void lns_free(struct lns *lns)
{
	buffer_pool_free(&lns->pool);
}
