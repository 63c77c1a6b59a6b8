/* SPDX-License-Identifier: BSD-3-Clause */
/* The authenticating side of PAP (RFC 1334), CHAP (RFC 1994) and MS-CHAPv2 (RFC 2759). */
#include "ppp_auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ppp_core.h"

enum pap_code {
	PAP_REQUEST = 1,
	PAP_ACK = 2,
	PAP_NAK = 3,
};

enum chap_code {
	CHAP_CHALLENGE = 1,
	CHAP_RESPONSE = 2,
	CHAP_SUCCESS = 3,
	CHAP_FAILURE = 4,
};

#define CHAP_ALGORITHM_MD5       5
#define CHAP_ALGORITHM_MSCHAP_V2 0x81

#define CHAP_MD5_VALUE_LEN          16
#define MSCHAP_V2_VALUE_LEN         49
#define MSCHAP_NT_RESPONSE_AT       24
#define MSCHAP_ERROR_AUTHENTICATION 691

/* The longest that fits RADIUS User-Name and User-Password. */
#define USER_MAX     253
#define PASSWORD_MAX 128
#define MESSAGE_MAX  128
/* Around the message: S= or E=, R=, C=, V=, M=. */
#define REPLY_MAX (MESSAGE_MAX + 80)

/* Lives from LCP's opening until a network protocol is open. */
struct ppp_auth {
	enum {
		AUTH_WAITING, /* for the peer's credentials */
		AUTH_PENDING, /* AAA was asked */
		AUTH_ACCEPTED,
	} state;
	enum ppp_auth_method method;
	uint64_t expires;
	unsigned retries;
	uint8_t challenge[PPP_CHALLENGE_LEN];
	bool heard; /* the peer has sent something of the network phase: it knows that it is accepted */
	uint8_t request_id; /* of the PAP request or CHAP Response that AAA judges, or judged */
	/* The last answer to the peer, repeated when the peer repeats request_id. */
	uint8_t reply_code; /* 0: none was given */
	uint8_t reply_len;
	uint8_t reply[REPLY_MAX];
};

size_t ppp_auth_option(enum ppp_auth_method method, uint8_t data[LCP_AUTH_DATA_MAX])
{
	ppp_put16(data, method == PPP_AUTH_PAP ? PPP_PAP : PPP_CHAP);
	if (method == PPP_AUTH_PAP)
		return 2;
	data[2] = method == PPP_AUTH_MSCHAP_V2 ? CHAP_ALGORITHM_MSCHAP_V2 : CHAP_ALGORITHM_MD5;
	return 3;
}

enum ppp_auth_method ppp_auth_method_of(const uint8_t *data, size_t len)
{
	if (len == 2 && ppp_get16(data) == PPP_PAP)
		return PPP_AUTH_PAP;
	if (len == 3 && ppp_get16(data) == PPP_CHAP && data[2] == CHAP_ALGORITHM_MD5)
		return PPP_AUTH_CHAP_MD5;
	if (len == 3 && ppp_get16(data) == PPP_CHAP && data[2] == CHAP_ALGORITHM_MSCHAP_V2)
		return PPP_AUTH_MSCHAP_V2;
	return PPP_AUTH_NONE;
}

/*
 * A NUL would make two names of one: what stands before it is the name where it is a text, all of it where its realm is
 * looked for.
 */
static bool user_is_malformed(const uint8_t *user, size_t len)
{
	return len > USER_MAX || memchr(user, 0, len) != NULL;
}

enum ppp_auth_method ppp_auth_method_of_proxy(const struct ppp_proxy *proxy)
{
	/* RFC 2661 section 4.4.5, Proxy Authen Type. */
	if (proxy->auth_name == NULL || user_is_malformed(proxy->auth_name, proxy->auth_name_len) ||
		proxy->auth_response == NULL)
		return PPP_AUTH_NONE;
	if (proxy->auth_type == 3 && proxy->auth_response_len <= PASSWORD_MAX)
		return PPP_AUTH_PAP;
	if (proxy->auth_type != 2 || proxy->auth_challenge == NULL)
		return PPP_AUTH_NONE;
	if (proxy->auth_response_len == CHAP_MD5_VALUE_LEN && proxy->auth_challenge_len > 0 &&
		proxy->auth_challenge_len <= UINT8_MAX)
		return PPP_AUTH_CHAP_MD5;
	if (proxy->auth_response_len == MSCHAP_V2_VALUE_LEN &&
		proxy->auth_challenge_len == PPP_CHALLENGE_LEN)
		return PPP_AUTH_MSCHAP_V2;
	return PPP_AUTH_NONE;
}

static uint16_t auth_protocol(enum ppp_auth_method method)
{
	return method == PPP_AUTH_PAP ? PPP_PAP : PPP_CHAP;
}

void ppp_auth_stop(struct ppp *ppp)
{
	ppp->auth.deadline = 0;
	ppp->auth.done = PPP_AUTH_NONE;
	free(ppp->auth.state);
	ppp->auth.state = NULL;
}

void ppp_auth_forget(struct ppp *ppp)
{
	uint8_t done = ppp->auth.done;

	ppp_auth_stop(ppp);
	ppp->auth.done = done;
}

static void send_challenge(struct ppp *ppp, struct ppp_auth *auth)
{
	size_t name_len = strlen(ppp->config->name);
	uint8_t body[1 + PPP_CHALLENGE_LEN + UINT8_MAX];

	if (name_len > UINT8_MAX)
		name_len = UINT8_MAX;
	body[0] = PPP_CHALLENGE_LEN;
	memcpy(body + 1, auth->challenge, PPP_CHALLENGE_LEN);
	memcpy(body + 1 + PPP_CHALLENGE_LEN, ppp->config->name, name_len);
	ppp_send(ppp, PPP_CHAP, CHAP_CHALLENGE, ppp->auth.chap_id, body,
		1 + PPP_CHALLENGE_LEN + name_len);
	ppp->auth.deadline = ppp_deadline_in(ppp,
		auth->expires < ppp->now + ppp->config->restart ? auth->expires - ppp->now
								: ppp->config->restart);
}

/* Hands credentials to AAA. Its answer may come before this returns and may end everything: nothing
 * of the session is touched afterwards. */
static void ask_aaa(struct ppp *ppp, struct ppp_auth *auth, struct ppp_auth_request *request)
{
	auth->state = AUTH_PENDING;
	ppp->auth.deadline = ppp_deadline_in(ppp, ppp->config->auth_timeout);
	request->serial = ++ppp->auth.serial;
	request->method = auth->method;
	ppp->ops->auth_request(ppp->user, request);
}

static void split_mschap(struct ppp_auth_request *request)
{
	request->peer_challenge = request->response;
	request->nt_response = request->response + MSCHAP_NT_RESPONSE_AT;
}

static void ask_about_proxy(struct ppp *ppp, struct ppp_auth *auth, const struct ppp_proxy *proxy)
{
	struct ppp_auth_request request = {
		.proxied = true,
		.user = proxy->auth_name,
		.user_len = proxy->auth_name_len,
	};

	auth->request_id = proxy->auth_id;
	if (auth->method == PPP_AUTH_PAP) {
		request.password = proxy->auth_response;
		request.password_len = proxy->auth_response_len;
	} else {
		ppp->auth.chap_id = proxy->auth_id;
		request.chap_id = proxy->auth_id;
		request.challenge = proxy->auth_challenge;
		request.challenge_len = proxy->auth_challenge_len;
		request.response = proxy->auth_response;
		request.response_len = proxy->auth_response_len;
		if (auth->method == PPP_AUTH_MSCHAP_V2)
			split_mschap(&request);
	}
	ask_aaa(ppp, auth, &request);
}

void ppp_auth_start(struct ppp *ppp, const struct ppp_proxy *proxy)
{
	struct ppp_auth *auth;

	ppp_auth_stop(ppp);
	auth = calloc(1, sizeof(*auth));
	if (auth == NULL) {
		ppp_count(ppp, PPP_REJECT_NO_MEMORY);
		ppp_end(ppp, PPP_CLOSE_NO_MEMORY);
		return;
	}
	ppp->auth.state = auth;
	ppp->auth.naked_pap = false;
	auth->method = ppp->lcp.auth;
	auth->retries = ppp->config->auth_retries;
	auth->expires = ppp->now + ppp->config->auth_timeout;
	auth->state = AUTH_WAITING;
	if (proxy != NULL && ppp_auth_method_of_proxy(proxy) == auth->method) {
		ask_about_proxy(ppp, auth, proxy);
		return;
	}
	if (proxy != NULL && proxy->auth_name != NULL &&
		user_is_malformed(proxy->auth_name, proxy->auth_name_len))
		ppp_count(ppp, PPP_REJECT_AUTH_MALFORMED);
	if (auth->method == PPP_AUTH_PAP) {
		ppp->auth.deadline = ppp_deadline_in(ppp, ppp->config->auth_timeout);
		return;
	}
	ppp->auth.chap_id++;
	ppp->ops->random_bytes(ppp->user, auth->challenge, sizeof(auth->challenge));
	send_challenge(ppp, auth);
}

void ppp_auth_timeout(struct ppp *ppp)
{
	struct ppp_auth *auth = ppp->auth.state;

	if (auth == NULL)
		return;
	if (auth->state == AUTH_WAITING && auth->method != PPP_AUTH_PAP && auth->reply_code == 0 &&
		ppp->now < auth->expires) {
		send_challenge(ppp, auth);
		return;
	}
	ppp->auth.deadline = 0;
	ppp_end(ppp, PPP_CLOSE_AUTH_TIMEOUT);
}

static void send_answer(struct ppp *ppp, struct ppp_auth *auth, uint8_t id)
{
	uint8_t body[1 + REPLY_MAX];

	if (auth->method != PPP_AUTH_PAP) {
		ppp_send(ppp, PPP_CHAP, auth->reply_code, id, auth->reply, auth->reply_len);
		return;
	}
	body[0] = auth->reply_len;
	memcpy(body + 1, auth->reply, auth->reply_len);
	ppp_send(ppp, PPP_PAP, auth->reply_code, id, body, 1 + (size_t)auth->reply_len);
}

void ppp_auth_heard(struct ppp *ppp)
{
	if (ppp->auth.state != NULL && ppp->auth.state->state == AUTH_ACCEPTED)
		ppp->auth.state->heard = true;
}

void ppp_auth_repeat(struct ppp *ppp)
{
	struct ppp_auth *auth = ppp->auth.state;

	if (auth != NULL && auth->state == AUTH_ACCEPTED && !auth->heard)
		send_answer(ppp, auth, auth->request_id);
}

/* The Message of the answer; RFC 2759 sections 5 and 6 give MS-CHAPv2's a form. */
static void compose_answer(
	struct ppp_auth *auth, const struct ppp_auth_result *result, bool accept, bool retry)
{
	size_t n = 0, len = result->message != NULL ? result->message_len : 0;
	char *out = (char *)auth->reply;

	if (len > MESSAGE_MAX)
		len = MESSAGE_MAX;
	if (auth->method == PPP_AUTH_MSCHAP_V2) {
		if (accept) {
			memcpy(out, result->authenticator, PPP_AUTHENTICATOR_LEN);
			n = PPP_AUTHENTICATOR_LEN;
		} else {
			unsigned error = result->mschap_error != 0 ? result->mschap_error
								   : MSCHAP_ERROR_AUTHENTICATION;

			n = (size_t)snprintf(out, REPLY_MAX, "E=%u R=%d C=", error % 100000, retry);
			for (int i = 0; i < PPP_CHALLENGE_LEN; i++)
				n += (size_t)snprintf(
					out + n, REPLY_MAX - n, "%02X", auth->challenge[i]);
			memcpy(out + n, " V=3", 4);
			n += 4;
		}
		memcpy(out + n, " M=", 3);
		n += 3;
	}
	if (len > 0)
		memcpy(out + n, result->message, len);
	auth->reply_len = (uint8_t)(n + len);
}

static void reject_credentials(
	struct ppp *ppp, struct ppp_auth *auth, const struct ppp_auth_result *result)
{
	/* RFC 1994 has no second attempt: a failed CHAP ends the link. */
	bool retry = !result->final && auth->retries > 0 && auth->method != PPP_AUTH_CHAP_MD5;
	uint8_t id = auth->method == PPP_AUTH_PAP ? auth->request_id : ppp->auth.chap_id;

	auth->reply_code = auth->method == PPP_AUTH_PAP ? PAP_NAK : CHAP_FAILURE;
	if (auth->method == PPP_AUTH_MSCHAP_V2)
		ppp->ops->random_bytes(ppp->user, auth->challenge, sizeof(auth->challenge));
	compose_answer(auth, result, false, retry);
	send_answer(ppp, auth, id);
	if (!retry) {
		ppp_end(ppp, PPP_CLOSE_AUTH_FAILED);
		return;
	}
	auth->retries--;
	auth->state = AUTH_WAITING;
	/* RFC 2759 section 9.1: the response to the new challenge has the next id. */
	if (auth->method != PPP_AUTH_PAP)
		ppp->auth.chap_id++;
	auth->expires = ppp->now + ppp->config->auth_timeout;
	ppp->auth.deadline = ppp_deadline_in(ppp, ppp->config->auth_timeout);
}

void ppp_auth_answer(struct ppp *ppp, const struct ppp_auth_result *result)
{
	struct ppp_auth *auth = ppp->auth.state;

	if (auth == NULL || auth->state != AUTH_PENDING || result->serial != ppp->auth.serial ||
		ppp->phase != PPP_PHASE_AUTHENTICATE) {
		ppp_count(ppp, PPP_REJECT_AUTH_STALE);
		return;
	}
	/* An MS-CHAPv2 peer ends the link anyway when the server proves nothing. */
	if (!result->accept ||
		(auth->method == PPP_AUTH_MSCHAP_V2 && result->authenticator == NULL)) {
		reject_credentials(ppp, auth, result);
		return;
	}
	auth->state = AUTH_ACCEPTED;
	auth->reply_code = auth->method == PPP_AUTH_PAP ? PAP_ACK : CHAP_SUCCESS;
	compose_answer(auth, result, true, false);
	send_answer(ppp, auth, auth->request_id);
	ppp->auth.deadline = 0;
	ppp->auth.done = (uint8_t)auth->method;
	ppp_network_phase(ppp);
}

static void pap_request(struct ppp *ppp, struct ppp_auth *auth, const struct ppp_packet *packet)
{
	const uint8_t *p = packet->body, *end = p + packet->len;
	struct ppp_auth_request request = {0};

	if (end - p < 1 || p[0] > end - p - 1)
		goto malformed;
	request.user_len = *p++;
	request.user = p;
	p += request.user_len;
	if (end - p < 1 || p[0] > end - p - 1)
		goto malformed;
	request.password_len = *p++;
	request.password = p;
	if (user_is_malformed(request.user, request.user_len) ||
		request.password_len > PASSWORD_MAX)
		goto malformed;
	auth->request_id = packet->id;
	ask_aaa(ppp, auth, &request);
	return;
malformed:
	ppp_count(ppp, PPP_REJECT_AUTH_MALFORMED);
}

static void pap_input(struct ppp *ppp, const struct ppp_packet *packet)
{
	struct ppp_auth *auth = ppp->auth.state;

	if (packet->code != PAP_REQUEST) {
		ppp_count(ppp, PPP_REJECT_AUTH_MALFORMED);
		return;
	}
	if (auth == NULL) {
		/* RFC 1334 section 2.2: the Ack may have been lost; its code must be the same, its
		 * message need not. */
		if (ppp->auth.done == PPP_AUTH_PAP)
			ppp_send(ppp, PPP_PAP, PAP_ACK, packet->id, (uint8_t[]){0}, 1);
		return;
	}
	switch (auth->state) {
	case AUTH_PENDING:
		ppp_count(ppp, PPP_REJECT_AUTH_PENDING);
		break;
	case AUTH_ACCEPTED:
		send_answer(ppp, auth, packet->id);
		break;
	case AUTH_WAITING:
		if (auth->reply_code != 0 && packet->id == auth->request_id)
			send_answer(ppp, auth, packet->id);
		else
			pap_request(ppp, auth, packet);
		break;
	}
}

static void chap_response(struct ppp *ppp, struct ppp_auth *auth, const struct ppp_packet *packet)
{
	size_t value_len = auth->method == PPP_AUTH_CHAP_MD5 ? CHAP_MD5_VALUE_LEN
							     : MSCHAP_V2_VALUE_LEN;
	struct ppp_auth_request request = {
		.chap_id = packet->id,
		.challenge = auth->challenge,
		.challenge_len = sizeof(auth->challenge),
		.response_len = value_len,
	};

	if (packet->len < 1 + value_len || packet->body[0] != value_len ||
		user_is_malformed(packet->body + 1 + value_len, packet->len - 1 - value_len)) {
		ppp_count(ppp, PPP_REJECT_AUTH_MALFORMED);
		return;
	}
	request.response = packet->body + 1;
	request.user = packet->body + 1 + value_len;
	request.user_len = packet->len - 1 - value_len;
	if (auth->method == PPP_AUTH_MSCHAP_V2)
		split_mschap(&request);
	auth->request_id = packet->id;
	ask_aaa(ppp, auth, &request);
}

static void chap_input(struct ppp *ppp, const struct ppp_packet *packet)
{
	struct ppp_auth *auth = ppp->auth.state;

	if (packet->code != CHAP_RESPONSE) {
		ppp_count(ppp, PPP_REJECT_AUTH_MALFORMED);
		return;
	}
	if (auth == NULL) {
		if (ppp->auth.done == PPP_AUTH_CHAP_MD5 && packet->id == ppp->auth.chap_id)
			ppp_send(ppp, PPP_CHAP, CHAP_SUCCESS, packet->id, NULL, 0);
		else
			ppp_count(ppp, PPP_REJECT_AUTH_PHASE);
		return;
	}
	/* RFC 1994 section 4.1: a Response to the same challenge gets the same answer. */
	if (auth->reply_code != 0 && packet->id == auth->request_id) {
		send_answer(ppp, auth, packet->id);
		return;
	}
	if (packet->id != ppp->auth.chap_id) {
		ppp_count(ppp, PPP_REJECT_AUTH_ID);
		return;
	}
	if (auth->state == AUTH_PENDING)
		ppp_count(ppp, PPP_REJECT_AUTH_PENDING);
	else if (auth->state == AUTH_WAITING)
		chap_response(ppp, auth, packet);
}

void ppp_auth_input(struct ppp *ppp, const struct ppp_frame *frame)
{
	enum ppp_wire_error error;
	struct ppp_packet packet;

	if (ppp->phase != PPP_PHASE_AUTHENTICATE && ppp->phase != PPP_PHASE_NETWORK) {
		ppp_count(ppp, PPP_REJECT_AUTH_PHASE);
		return;
	}
	error = ppp_packet_parse(frame->info, frame->len, &packet);
	if (error != PPP_WIRE_OK) {
		ppp_count_wire(ppp, error);
		return;
	}
	if (ppp->lcp.auth == PPP_AUTH_NONE || frame->protocol != auth_protocol(ppp->lcp.auth)) {
		ppp_count(ppp, PPP_REJECT_AUTH_WRONG_PROTOCOL);
		/* The peer agreed to CHAP and sends a password: it is told once that this is not
		 * what was agreed. The password is not looked at. */
		if (frame->protocol == PPP_PAP && packet.code == PAP_REQUEST &&
			ppp->phase == PPP_PHASE_AUTHENTICATE && !ppp->auth.naked_pap) {
			ppp->auth.naked_pap = true;
			ppp_send(ppp, PPP_PAP, PAP_NAK, packet.id, (uint8_t[]){0}, 1);
		}
		return;
	}
	if (frame->protocol == PPP_PAP)
		pap_input(ppp, &packet);
	else
		chap_input(ppp, &packet);
}
