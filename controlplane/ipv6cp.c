/* SPDX-License-Identifier: BSD-3-Clause */
/* The IPv6 Control Protocol (RFC 5072): interface identifiers. */
#include "ipv6cp.h"

#include <string.h>

#include "ppp_core.h"

static const uint8_t zero_id[IPV6CP_ID_LEN];

static void ipv6cp_reset(struct ppp *ppp)
{
	ppp->ipv6cp.ask_id = true;
	memcpy(ppp->ipv6cp.our_id, ppp->ipv6cp.wanted.our_id, IPV6CP_ID_LEN);
	memcpy(ppp->ipv6cp.agreed_id, ppp->ipv6cp.wanted.peer_id, IPV6CP_ID_LEN);
}

static size_t ipv6cp_request(struct ppp *ppp, uint8_t *options, size_t room)
{
	if (!ppp->ipv6cp.ask_id)
		return 0;
	return ppp_option_put(
		options, room, IPV6CP_INTERFACE_ID, ppp->ipv6cp.our_id, IPV6CP_ID_LEN);
}

/* RFC 5072 section 4.1: zero and our own are answered with another; the rest is the peer's choice,
 * unless the subscriber has a fixed one. */
static void ipv6cp_judge_id(
	struct ppp *ppp, const struct ppp_option *option, struct ppp_reply *reply)
{
	const struct ppp_ipv6 *wanted = &ppp->ipv6cp.wanted;

	if (option->len == IPV6CP_ID_LEN) {
		if (memcmp(option->data, wanted->peer_id, IPV6CP_ID_LEN) == 0 &&
			memcmp(option->data, zero_id, IPV6CP_ID_LEN) != 0)
			return;
		if (!wanted->peer_id_fixed && memcmp(option->data, zero_id, IPV6CP_ID_LEN) != 0 &&
			memcmp(option->data, ppp->ipv6cp.our_id, IPV6CP_ID_LEN) != 0)
			return;
	}
	if (reply->exhausted) {
		/* Without the option the peer would use the identifier all the same. */
		ppp_count(ppp, PPP_REJECT_NAK_LOOP);
		ppp_fsm_give_up(ppp, &ppp->ipv6cp.fsm);
		return;
	}
	ppp_reply_nak(reply, option, IPV6CP_INTERFACE_ID, wanted->peer_id, IPV6CP_ID_LEN);
}

static void ipv6cp_judge(
	struct ppp *ppp, const uint8_t *options, size_t len, struct ppp_reply *reply)
{
	const uint8_t *p = options, *end = options + len;
	struct ppp_option option;
	bool seen = false;

	while (ppp_option_next(&p, end, &option)) {
		if (option.type != IPV6CP_INTERFACE_ID || seen) {
			ppp_reply_reject(reply, &option);
			continue;
		}
		seen = true;
		ipv6cp_judge_id(ppp, &option, reply);
	}
}

static void ipv6cp_nak(struct ppp *ppp, const uint8_t *options, size_t len)
{
	const uint8_t *p = options, *end = options + len;
	struct ppp_option option;

	while (ppp_option_next(&p, end, &option)) {
		if (option.type != IPV6CP_INTERFACE_ID || option.len != IPV6CP_ID_LEN)
			continue;
		/* The peer saw its own identifier in our request: another one, ours to choose. */
		ppp->ops->random_bytes(ppp->user, ppp->ipv6cp.our_id, IPV6CP_ID_LEN);
		ppp->ipv6cp.our_id[0] &= (uint8_t)~2; /* not globally unique: "u" bit is 0 */
		ppp->ipv6cp.our_id[7] |= 1;           /* never zero */
		return;
	}
}

static void ipv6cp_reject(struct ppp *ppp, const uint8_t *options, size_t len)
{
	const uint8_t *p = options, *end = options + len;
	struct ppp_option option;

	while (ppp_option_next(&p, end, &option)) {
		if (option.type == IPV6CP_INTERFACE_ID)
			ppp->ipv6cp.ask_id = false;
		else
			ppp_count(ppp, PPP_REJECT_OPTIONS_MISMATCH);
	}
}

static void ipv6cp_agreed(struct ppp *ppp, const uint8_t *options, size_t len)
{
	const uint8_t *p = options, *end = options + len;
	struct ppp_option option;

	/* A peer that lists no identifier uses the one that was meant for it. */
	memcpy(ppp->ipv6cp.agreed_id, ppp->ipv6cp.wanted.peer_id, IPV6CP_ID_LEN);
	if (ppp_option_next(&p, end, &option) && option.len == IPV6CP_ID_LEN)
		memcpy(ppp->ipv6cp.agreed_id, option.data, IPV6CP_ID_LEN);
}

static void ipv6cp_up(struct ppp *ppp)
{
	ppp->ipv6cp.up = true;
	ppp_ncp_opened(ppp);
	ppp->ops->ipv6_up(ppp->user, ppp->ipv6cp.agreed_id);
}

static void ipv6cp_down(struct ppp *ppp)
{
	if (!ppp->ipv6cp.up)
		return;
	ppp->ipv6cp.up = false;
	ppp->ops->ipv6_down(ppp->user);
}

const struct ppp_fsm_protocol ipv6cp_protocol = {
	.number = PPP_IPV6CP,
	.name = "IPv6CP",
	.reset = ipv6cp_reset,
	.request = ipv6cp_request,
	.judge = ipv6cp_judge,
	.nak = ipv6cp_nak,
	.reject = ipv6cp_reject,
	.agreed = ipv6cp_agreed,
	.up = ipv6cp_up,
	.down = ipv6cp_down,
	.finished = ppp_ncp_finished,
};

void ipv6cp_init(struct ppp *ppp)
{
	ppp_fsm_init(&ppp->ipv6cp.fsm, PPP_FSM_IPV6CP);
}
