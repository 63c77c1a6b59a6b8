/* SPDX-License-Identifier: BSD-3-Clause */
/* The subscriber's LCP (RFC 1661) and the dispatch of its frames to the other protocols. */
#include "ppp.h"

#include <string.h>

#include "bytes.h"

#define LCP_MRU   1
#define LCP_ACCM  2
#define LCP_AUTH  3
#define LCP_MAGIC 5
#define LCP_PFC   7
#define LCP_ACFC  8
#define CHAP_MD5  5
#define CHAP_MSV2 0x81
#define MAX_NAKS  6
#define FRAME_MAX 1500

#define REJECTED(option) ((uint8_t)(1u << (option) % 8))

void ppp_send(const struct ppp_context *c, uint16_t protocol, uint8_t code, uint8_t id,
	const uint8_t *data, size_t len)
{
	uint8_t frame[FRAME_MAX];

	if (len > sizeof(frame) - 4)
		len = sizeof(frame) - 4;
	frame[0] = code;
	frame[1] = id;
	put_be16(frame + 2, (uint16_t)(len + 4));
	if (len > 0)
		memcpy(frame + 4, data, len);
	c->ops->send(c->ctx, protocol, frame, len + 4);
}

void ppp_fail(const struct ppp_context *c, struct ppp *p, enum ppp_failure why, const uint8_t *text,
	size_t len)
{
	p->phase = PPP_DEAD;
	c->ops->failed(c->ctx, why, text, len);
}

void ppp_network_phase(const struct ppp_context *c, struct ppp *p)
{
	p->phase = PPP_NETWORK;
	ipcp_start(c, p);
}

static void lcp_request(const struct ppp_context *c, struct ppp *p)
{
	uint8_t options[16], *o = options;

	if (!(p->rejected & REJECTED(LCP_MRU))) {
		*o++ = LCP_MRU;
		*o++ = 4;
		put_be16(o, p->mru);
		o += 2;
	}
	if (!(p->rejected & REJECTED(LCP_MAGIC))) {
		*o++ = LCP_MAGIC;
		*o++ = 6;
		put_be32(o, p->magic);
		o += 4;
	}
	if (c->settings->compress && !(p->rejected & REJECTED(LCP_PFC))) {
		*o++ = LCP_PFC;
		*o++ = 2;
	}
	if (c->settings->compress && !(p->rejected & REJECTED(LCP_ACFC))) {
		*o++ = LCP_ACFC;
		*o++ = 2;
	}
	p->lcp.local_acked = false;
	ppp_send(c, PPP_LCP, PPP_CONF_REQ, p->lcp.id, options, (size_t)(o - options));
	c->ops->arm(c->ctx, c->settings->restart_ms);
}

static void lcp_begin(const struct ppp_context *c, struct ppp *p)
{
	uint8_t id = p->lcp.id;

	p->phase = PPP_ESTABLISH;
	memset(&p->lcp, 0, sizeof(p->lcp));
	memset(&p->ipcp, 0, sizeof(p->ipcp));
	p->lcp.id = (uint8_t)(id + 1);
	p->magic = (uint32_t)c->ops->random(c->ctx);
	if (p->passive)
		c->ops->arm(c->ctx, c->settings->restart_ms);
	else
		lcp_request(c, p);
}

void ppp_start(const struct ppp_context *c, struct ppp *p, enum auth_method wanted, bool passive)
{
	memset(p, 0, sizeof(*p));
	p->wanted = (uint8_t)wanted;
	p->passive = passive;
	p->mru = c->settings->mru;
	p->peer_mru = 1500;
	p->method = AUTH_NONE;
	lcp_begin(c, p);
}

void ppp_start_proxied(const struct ppp_context *c, struct ppp *p, enum auth_method method,
	bool authenticated_by_proxy)
{
	memset(p, 0, sizeof(*p));
	p->wanted = (uint8_t)method;
	p->method = (uint8_t)method;
	p->mru = c->settings->mru;
	p->peer_mru = 1500;
	p->lcp.local_acked = p->lcp.remote_acked = true;
	p->phase = PPP_AUTHENTICATE;
	p->magic = (uint32_t)c->ops->random(c->ctx);
	/* the proxied answer is the one the verdict will be about */
	p->auth.id = 1;
	if (method == AUTH_CHAP && authenticated_by_proxy)
		p->auth.value_len = 16;
	c->ops->arm(c->ctx, c->settings->restart_ms);
}

static void lcp_opened(const struct ppp_context *c, struct ppp *p)
{
	if (p->lcp.local_acked && p->lcp.remote_acked && p->phase == PPP_ESTABLISH)
		auth_start(c, p);
}

static enum auth_method lcp_auth_method(const uint8_t *option)
{
	uint16_t protocol = get_be16(option + 2);

	if (protocol == PPP_PAP && option[1] == 4)
		return AUTH_PAP;
	if (protocol == PPP_CHAP && option[1] == 5 && option[4] == CHAP_MD5)
		return AUTH_CHAP;
	if (protocol == PPP_CHAP && option[1] == 5 && option[4] == CHAP_MSV2)
		return AUTH_MSCHAPV2;
	return AUTH_ANY;
}

static size_t lcp_auth_option(enum auth_method method, uint8_t *out)
{
	out[0] = LCP_AUTH;
	out[1] = method == AUTH_PAP ? 4 : 5;
	put_be16(out + 2, method == AUTH_PAP ? PPP_PAP : PPP_CHAP);
	if (method != AUTH_PAP)
		out[4] = method == AUTH_MSCHAPV2 ? CHAP_MSV2 : CHAP_MD5;
	return out[1];
}

/* what a Configure-Request of the peer comes to */
struct lcp_answer {
	uint8_t nak[FRAME_MAX], reject[FRAME_MAX];
	size_t nak_len, reject_len;
	enum auth_method method;
	uint16_t mru;
	uint32_t magic;
	bool pfc, acfc, auth_refused;
};

static bool lcp_judge_option(struct ppp *p, const uint8_t *o, struct lcp_answer *a)
{
	switch (o[0]) {
	case LCP_MRU:
		if (o[1] != 4)
			return false;
		a->mru = get_be16(o + 2);
		return true;
	case LCP_ACCM:
		return o[1] == 6;
	case LCP_AUTH:
		if (o[1] < 4)
			return false;
		a->method = lcp_auth_method(o);
		if (a->method == AUTH_ANY || (p->wanted != AUTH_ANY && a->method != p->wanted)) {
			a->auth_refused = true;
			a->nak_len += lcp_auth_option(
				p->wanted == AUTH_ANY ? AUTH_CHAP : (enum auth_method)p->wanted,
				a->nak + a->nak_len);
		}
		return true;
	case LCP_MAGIC:
		if (o[1] != 6)
			return false;
		a->magic = get_be32(o + 2);
		if (a->magic == p->magic) {
			a->nak[a->nak_len++] = LCP_MAGIC;
			a->nak[a->nak_len++] = 6;
			put_be32(a->nak + a->nak_len, ~p->magic);
			a->nak_len += 4;
		}
		return true;
	case LCP_PFC:
		a->pfc = true;
		return o[1] == 2;
	case LCP_ACFC:
		a->acfc = true;
		return o[1] == 2;
	default:
		memcpy(a->reject + a->reject_len, o, o[1]);
		a->reject_len += o[1];
		return true;
	}
}

static void lcp_requested(
	const struct ppp_context *c, struct ppp *p, uint8_t id, const uint8_t *options, size_t len)
{
	struct lcp_answer a;

	a.nak_len = a.reject_len = 0;
	a.method = AUTH_NONE;
	a.mru = 1500;
	a.magic = 0;
	a.pfc = a.acfc = a.auth_refused = false;
	for (size_t at = 0; at < len; at += options[at + 1]) {
		if (len - at < 2 || options[at + 1] < 2 || options[at + 1] > len - at ||
			a.nak_len > FRAME_MAX - 16 || !lcp_judge_option(p, options + at, &a)) {
			c->stats->malformed++;
			return;
		}
	}
	if (p->phase == PPP_TERMINATE)
		return;
	if (p->phase > PPP_ESTABLISH) {
		/* opened: this layer goes down and our request goes out before the answer */
		c->stats->renegotiations++;
		lcp_begin(c, p);
	}
	if (p->passive) {
		p->passive = false;
		lcp_request(c, p);
	}
	p->lcp.remote_acked = false;
	if (a.reject_len > 0) {
		ppp_send(c, PPP_LCP, PPP_CONF_REJ, id, a.reject, a.reject_len);
	} else if (a.nak_len > 0) {
		if (++p->lcp.naks > MAX_NAKS) {
			ppp_fail(c, p, a.auth_refused ? PPP_FAIL_AUTH_METHOD : PPP_FAIL_NEGOTIATION,
				NULL, 0);
			return;
		}
		ppp_send(c, PPP_LCP, PPP_CONF_NAK, id, a.nak, a.nak_len);
	} else {
		p->method = (uint8_t)a.method;
		p->peer_mru = a.mru;
		p->peer_magic = a.magic;
		p->pfc = a.pfc && c->settings->compress;
		p->acfc = a.acfc && c->settings->compress;
		p->lcp.remote_acked = true;
		ppp_send(c, PPP_LCP, PPP_CONF_ACK, id, options, len);
		lcp_opened(c, p);
	}
}

static void lcp_refused(
	const struct ppp_context *c, struct ppp *p, bool reject, const uint8_t *options, size_t len)
{
	for (size_t at = 0; at < len; at += options[at + 1]) {
		const uint8_t *o = options + at;

		if (len - at < 2 || o[1] < 2 || o[1] > len - at) {
			c->stats->malformed++;
			return;
		}
		if (reject)
			p->rejected |= REJECTED(o[0]);
		else if (o[0] == LCP_MRU && o[1] == 4)
			p->mru = get_be16(o + 2);
		else if (o[0] == LCP_MAGIC)
			p->magic = (uint32_t)c->ops->random(c->ctx);
	}
	if (++p->lcp.tries > PPP_MAX_TRIES) {
		ppp_fail(c, p, PPP_FAIL_NEGOTIATION, NULL, 0);
		return;
	}
	p->lcp.id++;
	lcp_request(c, p);
}

static void lcp_echo(
	const struct ppp_context *c, struct ppp *p, uint8_t id, const uint8_t *data, size_t len)
{
	uint8_t reply[FRAME_MAX];

	c->stats->echo_requests++;
	if (len < 4 || len > sizeof(reply)) {
		c->stats->malformed++;
		return;
	}
	if (len > (size_t)p->peer_mru - 4)
		len = (size_t)p->peer_mru - 4;
	put_be32(reply, p->rejected & REJECTED(LCP_MAGIC) ? 0 : p->magic);
	memcpy(reply + 4, data + 4, len - 4);
	ppp_send(c, PPP_LCP, PPP_ECHO_REPLY, id, reply, len);
}

static void lcp_input(const struct ppp_context *c, struct ppp *p, const uint8_t *frame, size_t len)
{
	const uint8_t *data = frame + 4;
	uint8_t id = frame[1];

	switch (frame[0]) {
	case PPP_CONF_REQ:
		lcp_requested(c, p, id, data, len - 4);
		return;
	case PPP_CONF_ACK:
		if (id == p->lcp.id && !p->lcp.local_acked && p->phase == PPP_ESTABLISH) {
			p->lcp.local_acked = true;
			lcp_opened(c, p);
		}
		return;
	case PPP_CONF_NAK:
	case PPP_CONF_REJ:
		if (id == p->lcp.id && !p->lcp.local_acked && p->phase == PPP_ESTABLISH)
			lcp_refused(c, p, frame[0] == PPP_CONF_REJ, data, len - 4);
		return;
	case PPP_TERM_REQ:
		ppp_send(c, PPP_LCP, PPP_TERM_ACK, id, data, len - 4);
		if (p->phase != PPP_TERMINATE)
			ppp_fail(c, p, PPP_FAIL_TERMINATED, data, len - 4);
		return;
	case PPP_TERM_ACK:
		if (p->phase == PPP_TERMINATE) {
			p->phase = PPP_DEAD;
			c->ops->terminated(c->ctx);
		}
		return;
	case PPP_ECHO_REQ:
		if (p->phase > PPP_ESTABLISH && p->phase < PPP_TERMINATE)
			lcp_echo(c, p, id, data, len - 4);
		return;
	case PPP_PROTO_REJ:
		if (len >= 6 && get_be16(data) == PPP_IPCP)
			ppp_fail(c, p, PPP_FAIL_NO_ADDRESS, NULL, 0);
		return;
	case PPP_CODE_REJ:
	case PPP_ECHO_REPLY:
	case PPP_DISCARD_REQ:
	case PPP_IDENTIFICATION:
		return;
	default:
		ppp_send(c, PPP_LCP, PPP_CODE_REJ, ++p->reject_id, frame, len);
	}
}

static void ppp_protocol_reject(const struct ppp_context *c, struct ppp *p, uint16_t protocol,
	const uint8_t *frame, size_t len)
{
	uint8_t data[FRAME_MAX];

	/* RFC 1661 section 5.7: only while LCP is opened */
	if (p->phase <= PPP_ESTABLISH || p->phase == PPP_TERMINATE)
		return;
	c->stats->protocol_rejects_sent++;
	if (len > sizeof(data) - 2)
		len = sizeof(data) - 2;
	put_be16(data, protocol);
	memcpy(data + 2, frame, len);
	ppp_send(c, PPP_LCP, PPP_PROTO_REJ, ++p->reject_id, data, len + 2);
}

void ppp_input(const struct ppp_context *c, struct ppp *p, uint16_t protocol, const uint8_t *frame,
	size_t len)
{
	size_t length;

	if (p->phase == PPP_DEAD)
		return;
	if (protocol != PPP_LCP && protocol != PPP_PAP && protocol != PPP_CHAP &&
		protocol != PPP_IPCP) {
		ppp_protocol_reject(c, p, protocol, frame, len);
		return;
	}
	if (len < 4 || (length = get_be16(frame + 2)) < 4 || length > len) {
		c->stats->malformed++;
		return;
	}
	if (protocol == PPP_LCP) {
		lcp_input(c, p, frame, length);
	} else if (p->phase < PPP_AUTHENTICATE || p->phase == PPP_TERMINATE) {
		c->stats->dropped_in_phase++;
	} else if (protocol == PPP_PAP) {
		auth_pap_input(c, p, frame, length);
	} else if (protocol == PPP_CHAP) {
		auth_chap_input(c, p, frame, length);
	} else {
		if (p->phase == PPP_AUTHENTICATE)
			auth_early_ncp(c, p);
		if (p->phase == PPP_NETWORK || p->phase == PPP_UP)
			ipcp_input(c, p, frame, length);
	}
}

void ppp_expire(const struct ppp_context *c, struct ppp *p)
{
	switch (p->phase) {
	case PPP_ESTABLISH:
		if (++p->lcp.tries > PPP_MAX_TRIES) {
			ppp_fail(c, p, PPP_FAIL_NEGOTIATION, NULL, 0);
			return;
		}
		c->stats->resent += !p->passive;
		p->passive = false;
		lcp_request(c, p);
		return;
	case PPP_AUTHENTICATE:
		auth_expire(c, p);
		return;
	case PPP_NETWORK:
		ipcp_expire(c, p);
		return;
	case PPP_TERMINATE:
		if (++p->lcp.tries > 2) {
			p->phase = PPP_DEAD;
			c->ops->terminated(c->ctx);
			return;
		}
		c->stats->resent++;
		ppp_send(c, PPP_LCP, PPP_TERM_REQ, p->lcp.id, NULL, 0);
		c->ops->arm(c->ctx, c->settings->restart_ms);
		return;
	default:
		return;
	}
}

void ppp_terminate(const struct ppp_context *c, struct ppp *p)
{
	p->phase = PPP_TERMINATE;
	p->lcp.tries = 0;
	p->lcp.id++;
	ppp_send(c, PPP_LCP, PPP_TERM_REQ, p->lcp.id, NULL, 0);
	c->ops->arm(c->ctx, c->settings->restart_ms);
}
