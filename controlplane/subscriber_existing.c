/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is let in while nobody can be asked (aaa.existing): the line of a session that is up.
 *
 * Nothing can be proved then: no copy of a password is kept, and a CHAP response cannot be checked without one. What
 * is believed is the LAC: the session itself, whose PPP begins anew, or a call of the same user name over the same peer,
 * with the same Calling Number or Agent-Circuit-Id, which the LAC knows from the wire. It gets what the session has.
 */
#include "subscriber.h"

#include "lns.h"
#include "log.h"

#include <string.h>

#define DSL_CIRCUIT_ID 1
/* Of a name that many lines share so many sessions, the latest, are looked at: all of them dial in at once then. */
#define LOOKED_MAX 256

static bool bytes_same(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
	return a && b && a_length && a_length == b_length && !memcmp(a, b, a_length);
}

static bool line_is_same(const struct subscriber *a, const struct subscriber *b)
{
	const struct config_peer *peer_a, *peer_b;
	const struct l2tp_call *call_a, *call_b;
	const uint8_t *from_a, *from_b;
	size_t length_a, length_b;

	if (!a->l2tp || !b->l2tp)
		return false;
	peer_a = &a->profile->config->peers[a->ppp.config - a->profile->ppp];
	peer_b = &b->profile->config->peers[b->ppp.config - b->profile->ppp];
	if (strcmp(peer_a->name, peer_b->name))
		return false;
	call_a = a->l2tp->call;
	call_b = b->l2tp->call;
	from_a = l2tp_call_access_line(call_a, DSL_CIRCUIT_ID, &length_a);
	from_b = l2tp_call_access_line(call_b, DSL_CIRCUIT_ID, &length_b);
	if (from_a || from_b)
		return bytes_same(from_a, length_a, from_b, length_b);
	from_a = l2tp_call_bytes(call_a, call_a->calling_number, &length_a);
	from_b = l2tp_call_bytes(call_b, call_b->calling_number, &length_b);
	return bytes_same(from_a, length_a, from_b, length_b);
}

static const struct subscriber *existing_find(const struct subscriber *subscriber)
{
	const struct subscribers *subscribers = &subscriber->lns->subscribers;
	struct subscriber *at = NULL;
	unsigned int looked = 0;

	/* its own session: it was let in, and its name is the same (subscriber_ppp.c) */
	if (subscriber->forwarded)
		return subscriber;
	while (looked++ < LOOKED_MAX &&
		(at = subscribers_of_user(subscribers, subscriber->user, at)))
		if (at != subscriber && at->state == SUBSCRIBER_UP && line_is_same(at, subscriber))
			return at;
	return NULL;
}

static void answer_copy(const struct subscriber *from, struct aaa_answer *answer)
{
	*answer = (struct aaa_answer){
		.accept = true,
		.pool = from->pool,
		.vrf = from->record.vrf,
		.session_timeout = from->session_timeout,
		.idle_timeout = from->idle_timeout,
		.mtu = from->mtu,
		.extra = from->extra,
		.n_routes = from->n_routes,
		.ipv6 = {.pool = -1, .delegated_pool = -1, .address_pool = -1},
	};
	if (from->n_routes)
		memcpy(answer->routes, from->routes, from->n_routes * sizeof(*from->routes));
	if (from->ipv6)
		subscriber_ipv6_as_held(from, &answer->ipv6);
	if (from->address) {
		answer->address.family = 4;
		memcpy(answer->address.bytes, &from->address, sizeof(from->address));
	}
	for (unsigned int i = 0; i < 2; i++) {
		answer->dns[i].family = from->dns[i] ? 4 : 0;
		memcpy(answer->dns[i].bytes, &from->dns[i], sizeof(from->dns[i]));
	}
}

bool subscriber_existing(const struct subscriber *subscriber, struct aaa_answer *answer)
{
	struct log_context context = subscriber_log(subscriber);
	const struct subscriber *from;

	/* MS-CHAPv2 wants a proof of us too, which only who has the password can give */
	if (!lns_config(subscriber->lns)->aaa.existing || !subscriber->user ||
		subscriber->auth_method == PPP_AUTH_MSCHAP_V2)
		return false;
	from = existing_find(subscriber);
	if (!from)
		return false;
	answer_copy(from, answer);
	log_ratelimited(LOG_LEVEL_WARNING, &context,
		"let in without authentication, as no RADIUS server answers: %s",
		from == subscriber ? "its session was up"
				   : "another session of the user is up on the same line");
	return true;
}
