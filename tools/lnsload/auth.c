/* SPDX-License-Identifier: BSD-3-Clause */
/* The subscriber's authentication phase: answers, resends, verdicts. */
#include "auth.h"

#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "ppp.h"

#define CHAP_CHALLENGE 1
#define CHAP_RESPONSE  2
#define CHAP_SUCCESS   3
#define CHAP_FAILURE   4
#define PAP_REQUEST    1
#define PAP_ACK        2
#define PAP_NAK        3
/* NCP packets seen after this many unanswered resends prove that the verdict was a yes */
#define IMPLICIT_AFTER 3

static void auth_pap_send(const struct ppp_context *c, struct ppp *p)
{
	const char *name, *password;
	size_t name_len, password_len;
	uint8_t data[512];

	c->ops->credentials(c->ctx, &name, &password);
	name_len = strnlen(name, 255);
	password_len = strnlen(password, 255);
	data[0] = (uint8_t)name_len;
	memcpy(data + 1, name, name_len);
	data[1 + name_len] = (uint8_t)password_len;
	memcpy(data + 2 + name_len, password, password_len);
	ppp_send(c, PPP_PAP, PAP_REQUEST, p->auth.id, data, name_len + password_len + 2);
}

static void auth_chap_send(const struct ppp_context *c, struct ppp *p)
{
	const char *name, *password;
	size_t name_len;
	uint8_t data[1 + sizeof(p->auth.value) + 256];

	c->ops->credentials(c->ctx, &name, &password);
	name_len = strnlen(name, 255);
	data[0] = p->auth.value_len;
	memcpy(data + 1, p->auth.value, p->auth.value_len);
	memcpy(data + 1 + p->auth.value_len, name, name_len);
	ppp_send(c, PPP_CHAP, CHAP_RESPONSE, p->auth.id, data, 1 + p->auth.value_len + name_len);
}

void auth_start(const struct ppp_context *c, struct ppp *p)
{
	p->phase = PPP_AUTHENTICATE;
	p->auth.value_len = 0;
	p->auth.tries = 0;
	p->auth.early_ncp = 0;
	if (p->method == AUTH_NONE) {
		ppp_network_phase(c, p);
		return;
	}
	if (p->method == AUTH_PAP) {
		p->auth.id++;
		auth_pap_send(c, p);
	}
	c->ops->arm(c->ctx, c->settings->restart_ms);
}

void auth_expire(const struct ppp_context *c, struct ppp *p)
{
	if (p->auth.tries++ > PPP_MAX_TRIES)
		return; /* the set-up timeout ends it */
	if (p->method == AUTH_PAP) {
		c->stats->resent++;
		auth_pap_send(c, p);
	} else if (p->auth.value_len > 0) {
		c->stats->resent++;
		auth_chap_send(c, p);
	}
	c->ops->arm(c->ctx, c->settings->restart_ms);
}

void auth_early_ncp(const struct ppp_context *c, struct ppp *p)
{
	c->stats->dropped_in_phase++;
	/* the LNS answers no resent response, but is in the network phase: the verdict was lost */
	if (p->auth.value_len > 0 && p->auth.tries >= IMPLICIT_AFTER && p->auth.early_ncp++ > 0) {
		c->stats->implicit_auth++;
		ppp_network_phase(c, p);
	}
}

void auth_pap_input(const struct ppp_context *c, struct ppp *p, const uint8_t *frame, size_t len)
{
	const uint8_t *text = frame + 5;
	size_t text_len = len > 4 ? frame[4] : 0;

	if (text_len > len - (len > 4 ? 5 : 4)) {
		c->stats->malformed++;
		return;
	}
	if (p->phase != PPP_AUTHENTICATE || p->method != AUTH_PAP || frame[1] != p->auth.id)
		return;
	if (frame[0] == PAP_ACK)
		ppp_network_phase(c, p);
	else if (frame[0] == PAP_NAK)
		ppp_fail(c, p, PPP_FAIL_AUTH_REFUSED, text, text_len);
}

static void auth_challenged(const struct ppp_context *c, struct ppp *p, uint8_t id,
	const uint8_t *challenge, size_t len)
{
	const char *name, *password;
	struct auth *a = &p->auth;

	/* a challenge that came twice gets the same answer twice, else the verdict fits only one */
	if (a->value_len > 0 && a->id == id &&
		memcmp(a->challenge, challenge, len < 16 ? len : 16) == 0) {
		auth_chap_send(c, p);
		return;
	}
	memset(a->challenge, 0, sizeof(a->challenge));
	memcpy(a->challenge, challenge, len < 16 ? len : 16);
	a->id = id;
	a->tries = 0;
	c->ops->credentials(c->ctx, &name, &password);
	if (p->method == AUTH_CHAP) {
		auth_chap_md5(id, password, challenge, len, a->value);
		a->value_len = 16;
	} else {
		/* value: peer challenge 16, reserved 8, NT response 24, flags 1 */
		memset(a->value, 0, sizeof(a->value));
		put_be64(a->value, c->ops->random(c->ctx));
		put_be64(a->value + 8, c->ops->random(c->ctx));
		auth_mschapv2_response(challenge, a->value, name, password, a->value + 24);
		auth_mschapv2_authenticator(
			challenge, a->value, name, password, a->value + 24, a->expected);
		a->value_len = 49;
	}
	auth_chap_send(c, p);
	if (p->phase == PPP_AUTHENTICATE)
		c->ops->arm(c->ctx, c->settings->restart_ms);
}

static bool auth_success_proves(const struct ppp *p, const uint8_t *text, size_t len)
{
	char expected[43] = "S=";

	for (unsigned i = 0; i < 20; i++)
		snprintf(expected + 2 + 2 * i, 3, "%02X", p->auth.expected[i]);
	return len >= 42 && memcmp(text, expected, 42) == 0;
}

void auth_chap_input(const struct ppp_context *c, struct ppp *p, const uint8_t *frame, size_t len)
{
	const uint8_t *data = frame + 4;
	size_t data_len = len - 4;

	if (p->method != AUTH_CHAP && p->method != AUTH_MSCHAPV2)
		return;
	if (frame[0] == CHAP_CHALLENGE) {
		/* also a rechallenge in the network phase is answered */
		if (p->phase < PPP_AUTHENTICATE || p->phase > PPP_UP)
			return;
		if (data_len < 1 || data[0] == 0 || data[0] > data_len - 1 ||
			(p->method == AUTH_MSCHAPV2 && data[0] != 16)) {
			c->stats->malformed++;
			return;
		}
		auth_challenged(c, p, frame[1], data + 1, data[0]);
		return;
	}
	if (frame[1] != p->auth.id || p->auth.value_len == 0)
		return;
	if (frame[0] == CHAP_FAILURE) {
		ppp_fail(c, p, PPP_FAIL_AUTH_REFUSED, data, data_len);
	} else if (frame[0] == CHAP_SUCCESS) {
		if (p->method == AUTH_MSCHAPV2 && !auth_success_proves(p, data, data_len))
			ppp_fail(c, p, PPP_FAIL_AUTH_PEER, data, data_len);
		else if (p->phase == PPP_AUTHENTICATE)
			ppp_network_phase(c, p);
	}
}
