/* SPDX-License-Identifier: BSD-3-Clause */
/* A subscriber's call: ICRQ, ICRP, ICCN, CDN (RFC 2661 section 7.4) around its PPP. */
#include "lac.h"

#include <stdio.h>
#include <string.h>

#include "bytes.h"

#define CDN_LOST_CARRIER 1
#define CDN_ADMIN        3
#define CDN_AWAIT_MS     5000u
#define CHAP_CHALLENGE   16u

/* the ctx of the PPP callbacks */
struct session_ref {
	struct lac *lac;
	struct session *s;
};

static struct tunnel *session_tunnel(const struct lac *lac, const struct session *s)
{
	return &lac->tunnels[s->tunnel];
}

static void session_note(
	struct lac *lac, const struct session *s, const char *what, const uint8_t *text, size_t len)
{
	if (lac->stats.first_error[0] != '\0' || lac->stopping)
		return;
	snprintf(lac->stats.first_error, sizeof(lac->stats.first_error), "session %u: %s%s%.*s",
		s->number, what, len > 0 ? ": " : "", (int)(len > 80 ? 80 : len),
		len > 0 ? (const char *)text : "");
	/* the peer's text may be anything */
	for (char *c = lac->stats.first_error; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			*c = '.';
}

void session_end(struct lac *lac, struct session *s, enum lac_failure failure)
{
	bool planned = failure == LAC_FAILURES;

	switch (s->state) {
	case SESSION_IDLE:
		if (planned) {
			s->state = SESSION_DOWN;
			return;
		}
		break;
	case SESSION_WAIT_ICRP:
	case SESSION_PPP:
		lac->starting--;
		break;
	case SESSION_UP:
		lac->live--;
		if (planned) {
			lac->stats.sessions_closed++;
		} else {
			lac->stats.sessions_lost++;
			lac->stats.losses[failure]++;
		}
		wheel_cancel(&lac->wheel, &s->timer);
		s->ppp.phase = PPP_DEAD;
		s->state = planned ? SESSION_DOWN : SESSION_LOST;
		return;
	case SESSION_TERMINATING:
		lac->closing--;
		lac->stats.sessions_closed++;
		wheel_cancel(&lac->wheel, &s->timer);
		s->ppp.phase = PPP_DEAD;
		s->state = SESSION_DOWN;
		return;
	default:
		return;
	}
	lac->settled++;
	wheel_cancel(&lac->wheel, &s->timer);
	s->ppp.phase = PPP_DEAD;
	s->state = planned ? SESSION_DOWN : SESSION_FAILED;
	if (!planned) {
		lac->stats.sessions_failed++;
		lac->stats.failures[failure]++;
	}
}

void session_cdn(struct lac *lac, struct session *s, uint16_t result)
{
	struct wire_builder b;
	uint8_t body[64], value[4] = {0};

	put_be16(value, result);
	wire_begin(&b, body, sizeof(body), WIRE_CDN);
	wire_put(&b, true, AVP_RESULT_CODE, value, sizeof(value));
	wire_put_u16(&b, true, AVP_ASSIGNED_SESSION_ID, s->local_id);
	tunnel_send(session_tunnel(lac, s), s->peer_id, &b);
}

static void session_ppp_send(void *ctx, uint16_t protocol, const uint8_t *frame, size_t len)
{
	struct session_ref *r = ctx;
	uint8_t packet[LAC_DATA_HEADER_MAX + WIRE_PACKET_MAX];
	size_t header = lac_data_header(r->lac, r->s, protocol, len, packet);

	memcpy(packet + header, frame, len);
	r->lac->ops->send(r->lac->ctx, session_tunnel(r->lac, r->s), packet, header + len);
}

static void session_ppp_up(void *ctx)
{
	struct session_ref *r = ctx;
	struct lac *lac = r->lac;
	struct session *s = r->s;

	wheel_cancel(&lac->wheel, &s->timer);
	if (s->state != SESSION_PPP || (lac->options->ipv6 && s->link6.state != LINK6_UP))
		return;
	s->state = SESSION_UP;
	lac->starting--;
	lac->live++;
	lac->settled++;
	lac->stats.sessions_up++;
	lac->stats.last_up_ns = lac->now_ns;
	histogram_add(&lac->stats.setup_us, (lac->now_ns - s->started_ns) / 1000);
}

static void session_ppp_failed(void *ctx, enum ppp_failure why, const uint8_t *text, size_t len)
{
	struct session_ref *r = ctx;

	session_note(r->lac, r->s, lac_failure_name((enum lac_failure)why), text, len);
	session_cdn(r->lac, r->s, CDN_LOST_CARRIER);
	session_end(r->lac, r->s, (enum lac_failure)why);
}

static uint64_t session_deadline(const struct lac *lac, const struct session *s)
{
	if (s->state != SESSION_WAIT_ICRP && s->state != SESSION_PPP)
		return WHEEL_NEVER;
	return s->started_ns / 1000000u + (uint64_t)lac->options->setup_timeout_seconds * 1000;
}

static void session_ppp_arm(void *ctx, uint32_t delay_ms)
{
	struct session_ref *r = ctx;
	uint64_t at = lac_now_ms(r->lac) + delay_ms;
	uint64_t last = session_deadline(r->lac, r->s);

	wheel_arm(&r->lac->wheel, &r->s->timer, at < last ? at : last);
}

static void session_ppp_terminated(void *ctx)
{
	struct session_ref *r = ctx;

	/* now it is the LNS that clears the call */
	r->s->term_acked = true;
	session_ppp_arm(ctx, CDN_AWAIT_MS);
}

static uint64_t session_ppp_random(void *ctx)
{
	struct session_ref *r = ctx;

	return random_next(&r->lac->random);
}

static void session_ppp_credentials(void *ctx, const char **name, const char **password)
{
	struct session_ref *r = ctx;
	struct lac *lac = r->lac;

	options_expand(lac->options->user, r->s->number, lac->name, sizeof(lac->name));
	options_expand(lac->options->password, r->s->number, lac->password, sizeof(lac->password));
	*name = lac->name;
	*password = lac->password;
}

static const struct ppp_ops session_ppp_ops = {
	.send = session_ppp_send,
	.up = session_ppp_up,
	.failed = session_ppp_failed,
	.terminated = session_ppp_terminated,
	.arm = session_ppp_arm,
	.random = session_ppp_random,
	.credentials = session_ppp_credentials,
};

#define SESSION_PPP_CONTEXT(name, lac, s)         \
	struct session_ref name##_ref = {lac, s}; \
	struct ppp_context name = {               \
		&session_ppp_ops, &name##_ref, &(lac)->stats.ppp, &(lac)->ppp_settings}

static enum auth_method session_auth(const struct lac *lac, const struct session *s)
{
	static const enum auth_method mix[] = {AUTH_PAP, AUTH_CHAP, AUTH_MSCHAPV2};

	switch (lac->options->auth) {
	case OPTIONS_AUTH_PAP:
		return AUTH_PAP;
	case OPTIONS_AUTH_CHAP:
		return AUTH_CHAP;
	case OPTIONS_AUTH_MSCHAPV2:
		return AUTH_MSCHAPV2;
	case OPTIONS_AUTH_MIX:
		return mix[s->number % 3];
	default:
		return AUTH_ANY;
	}
}

void session_start(struct lac *lac, struct session *s)
{
	struct wire_builder b;
	uint8_t body[256], vector[16];
	char calling[32];
	const char *secret = session_secret(lac);

	if (lac->stats.first_icrq_ns == 0)
		lac->stats.first_icrq_ns = lac->now_ns;
	s->state = SESSION_WAIT_ICRP;
	s->started_ns = lac->now_ns;
	s->peer_id = 0;
	s->term_acked = false;
	s->data_ns = s->data_nr = 0;
	s->timer.kind = LAC_TIMER_SESSION;
	lac->starting++;
	lac->started++;
	lac->stats.sessions_started++;
	snprintf(calling, sizeof(calling), "0049%08u", s->number);
	wire_begin(&b, body, sizeof(body), WIRE_ICRQ);
	wire_put_u16(&b, true, AVP_ASSIGNED_SESSION_ID, s->local_id);
	wire_put_u32(&b, true, AVP_CALL_SERIAL_NUMBER, s->number + 1);
	wire_put_u32(&b, true, AVP_BEARER_TYPE, 1);
	wire_put_u32(&b, false, AVP_PHYSICAL_CHANNEL, s->number);
	wire_put_string(&b, true, AVP_CALLED_NUMBER, "lnsload");
	if (lac->options->hide && secret != NULL) {
		random_fill(&lac->random, vector, sizeof(vector));
		wire_put(&b, true, AVP_RANDOM_VECTOR, vector, sizeof(vector));
		wire_put_hidden(&b, true, AVP_CALLING_NUMBER, calling, strlen(calling), secret,
			vector, sizeof(vector));
	} else {
		wire_put_string(&b, true, AVP_CALLING_NUMBER, calling);
	}
	tunnel_send(session_tunnel(lac, s), 0, &b);
	wheel_arm(&lac->wheel, &s->timer, session_deadline(lac, s));
}

/* what a LAC that negotiated LCP itself tells the LNS (RFC 2661 section 4.4.5) */
static void session_put_proxy(
	struct lac *lac, struct session *s, struct wire_builder *b, enum auth_method method)
{
	uint8_t received[10] = {1, 4, 0, 0, 5, 6};
	uint8_t sent[15] = {1, 4, 0x05, 0xd4, 5, 6, 0, 0, 0, 0, 3, 5, 0xc2, 0x23};
	uint8_t challenge[CHAP_CHALLENGE];
	const char *name, *password;
	struct session_ref ref = {lac, s};

	put_be16(received + 2, s->ppp.mru);
	put_be32(received + 6, s->ppp.magic);
	put_be32(sent + 6, ~s->ppp.magic);
	sent[14] = method == AUTH_MSCHAPV2 ? 0x81 : 5;
	if (method == AUTH_PAP) {
		sent[11] = 4;
		sent[13] = 0x23;
		sent[12] = 0xc0;
	}
	wire_put(b, false, AVP_INITIAL_LCP_CONFREQ, received, sizeof(received));
	wire_put(b, false, AVP_LAST_SENT_LCP_CONFREQ, sent, method == AUTH_PAP ? 14 : 15);
	wire_put(b, false, AVP_LAST_RECEIVED_LCP_CONFREQ, received, sizeof(received));
	if (method == AUTH_MSCHAPV2) {
		/* RFC 2661 has no number for it: the LNS has to challenge by itself */
		wire_put_u16(b, false, AVP_PROXY_AUTHEN_TYPE, 4);
		return;
	}
	session_ppp_credentials(&ref, &name, &password);
	wire_put_u16(b, false, AVP_PROXY_AUTHEN_TYPE, method == AUTH_CHAP ? 2 : 3);
	wire_put_string(b, false, AVP_PROXY_AUTHEN_NAME, name);
	wire_put_u16(b, false, AVP_PROXY_AUTHEN_ID, s->ppp.auth.id);
	if (method == AUTH_PAP) {
		wire_put_string(b, false, AVP_PROXY_AUTHEN_RESPONSE, password);
		return;
	}
	random_fill(&lac->random, challenge, sizeof(challenge));
	auth_chap_md5(s->ppp.auth.id, password, challenge, sizeof(challenge), s->ppp.auth.value);
	wire_put(b, false, AVP_PROXY_AUTHEN_CHALLENGE, challenge, sizeof(challenge));
	wire_put(b, false, AVP_PROXY_AUTHEN_RESPONSE, s->ppp.auth.value, 16);
}

static void session_connected(struct lac *lac, struct session *s, uint16_t peer_id)
{
	struct tunnel *t = session_tunnel(lac, s);
	enum auth_method method = session_auth(lac, s);
	struct wire_builder b;
	uint8_t body[1200];

	SESSION_PPP_CONTEXT(ppp, lac, s);

	s->peer_id = peer_id;
	s->state = SESSION_PPP;
	link6_init(&s->link6, s->number);
	wire_begin(&b, body, sizeof(body), WIRE_ICCN);
	wire_put_u32(&b, true, AVP_TX_CONNECT_SPEED, 100000000);
	wire_put_u32(&b, true, AVP_FRAMING_TYPE, 1);
	wire_put_u32(&b, false, AVP_RX_CONNECT_SPEED, 40000000);
	if (lac->options->sequencing)
		wire_put(&b, true, AVP_SEQUENCING_REQUIRED, NULL, 0);
	if (lac->options->proxy) {
		if (method == AUTH_ANY)
			method = AUTH_CHAP;
		ppp_start_proxied(&ppp, &s->ppp, method, true);
		session_put_proxy(lac, s, &b, method);
		tunnel_send(t, s->peer_id, &b);
		return;
	}
	tunnel_send(t, s->peer_id, &b);
	/* LCP ahead of an ICCN that still waits for the window would only be lost */
	ppp_start(&ppp, &s->ppp, method, t->channel.waiting > 0);
}

void session_message(struct lac *lac, struct session *s, const struct wire_message *m)
{
	char what[48];

	if (m->type == WIRE_ICRP) {
		if (s->state == SESSION_WAIT_ICRP)
			session_connected(lac, s, m->session_id);
		else
			lac->stats.unexpected++;
		return;
	}
	if (s->state < SESSION_WAIT_ICRP || s->state > SESSION_TERMINATING)
		return; /* crossed our own CDN */
	if (s->state == SESSION_TERMINATING) {
		session_end(lac, s, LAC_FAILURES);
		return;
	}
	if (m->result < LAC_CDN_RESULTS)
		lac->stats.cdn_results[m->result]++;
	snprintf(what, sizeof(what), "CDN result %u error %u", m->result, m->error);
	session_note(lac, s, what, m->error_text, m->error_text_len);
	session_end(lac, s, LAC_FAIL_CDN);
}

/* IPv6 follows IPv4. */
static void session_ipv6_begin(struct lac *lac, struct session *s, const struct ppp_context *ppp)
{
	if (lac->options->ipv6 && s->state == SESSION_PPP && s->ppp.phase == PPP_UP &&
		s->link6.state == LINK6_IDLE)
		link6_start(ppp, &s->link6);
}

static void session_data6(struct lac *lac, struct session *s, const struct ppp_context *ppp,
	uint16_t protocol, const uint8_t *p, size_t len, uint64_t stamp)
{
	if (s->ppp.phase != PPP_NETWORK && s->ppp.phase != PPP_UP)
		lac->stats.ppp.dropped_in_phase++;
	else if (protocol == PPP_IPV6CP)
		link6_cp_input(ppp, &s->link6, p, len);
	else if (!link6_input(ppp, &s->link6, p, len))
		lac->ops->ip(lac->ctx, s, p, len, stamp);
}

void session_data(struct lac *lac, struct session *s, const struct wire_header *h, uint64_t stamp)
{
	const uint8_t *p = h->body, *end = p + h->body_len;
	uint16_t protocol;

	SESSION_PPP_CONTEXT(ppp, lac, s);

	if (s->state < SESSION_PPP || s->state > SESSION_TERMINATING)
		return;
	if (h->sequenced) {
		if ((int16_t)(h->ns - s->data_nr) > 0)
			lac->stats.data_gaps += (uint16_t)(h->ns - s->data_nr);
		if ((int16_t)(h->ns - s->data_nr) >= 0)
			s->data_nr = (uint16_t)(h->ns + 1);
	}
	if (end - p >= 2 && p[0] == 0xff && p[1] == 0x03)
		p += 2;
	if (end - p >= 1 && p[0] & 1) {
		protocol = *p++;
	} else if (end - p >= 2) {
		protocol = get_be16(p);
		p += 2;
	} else {
		lac->stats.malformed++;
		return;
	}
	if (lac->options->ipv6 && (protocol == PPP_IPV6CP || protocol == PPP_IPV6))
		session_data6(lac, s, &ppp, protocol, p, (size_t)(end - p), stamp);
	else if (protocol != PPP_IP)
		ppp_input(&ppp, &s->ppp, protocol, p, (size_t)(end - p));
	else if (s->ppp.phase == PPP_UP)
		lac->ops->ip(lac->ctx, s, p, (size_t)(end - p), stamp);
	else
		lac->stats.ppp.dropped_in_phase++;
	session_ipv6_begin(lac, s, &ppp);
}

void session_expire(struct lac *lac, struct session *s)
{
	SESSION_PPP_CONTEXT(ppp, lac, s);

	if (lac_now_ms(lac) >= session_deadline(lac, s)) {
		session_note(lac, s,
			s->state == SESSION_WAIT_ICRP ? "no ICRP within the set-up timeout"
						      : "PPP not up within the set-up timeout",
			NULL, 0);
		session_cdn(lac, s, CDN_LOST_CARRIER);
		session_end(lac, s, LAC_FAIL_TIMEOUT);
		return;
	}
	if (s->state == SESSION_TERMINATING && s->term_acked) {
		lac->stats.terminate_without_cdn++;
		session_cdn(lac, s, CDN_ADMIN);
		session_end(lac, s, LAC_FAILURES);
		return;
	}
	if (s->ppp.phase == PPP_UP && s->state == SESSION_PPP)
		link6_expire(&ppp, &s->link6);
	else
		ppp_expire(&ppp, &s->ppp);
}

void session_terminate(struct lac *lac, struct session *s)
{
	SESSION_PPP_CONTEXT(ppp, lac, s);

	lac->live--;
	lac->closing++;
	s->state = SESSION_TERMINATING;
	ppp_terminate(&ppp, &s->ppp);
}
